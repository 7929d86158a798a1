"""Interpret a network: its predictions step by step, its gates, its gradients."""
