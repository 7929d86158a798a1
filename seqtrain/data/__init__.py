"""What a dataset consists of: examples, labels, vocabularies, scales."""
