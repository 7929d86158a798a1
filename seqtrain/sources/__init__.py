"""What datasets have in common: how the files of a person become examples."""
