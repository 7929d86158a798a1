"""The act of training, from a config to a finished run."""
