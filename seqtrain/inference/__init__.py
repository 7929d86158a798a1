"""Load a trained network, predict with it, and evaluate it."""
