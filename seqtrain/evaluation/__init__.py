"""Evaluate predictions: metrics with intervals, significance tests, baselines."""
