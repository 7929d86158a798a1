"""What a dataset is: examples and their labels, vocabularies and scales."""
