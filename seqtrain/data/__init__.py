"""What a dataset is, and how examples are read, split and scaled."""
