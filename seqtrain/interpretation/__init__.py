"""Interpret a network: its predictions step by step, its gates, its gradients."""

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults
