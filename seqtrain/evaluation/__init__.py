"""How good answers are: scores with intervals, tests, simple models."""
