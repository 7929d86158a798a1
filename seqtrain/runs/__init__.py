"""The folder of a run: where it lies, and what is in it."""
