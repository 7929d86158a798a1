"""seqtrain: train recurrent networks from a YAML file and see what they learned."""

__version__ = "0.1.0"
