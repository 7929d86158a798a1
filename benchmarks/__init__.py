"""Benchmarks of seqtrain, a plain Keras script and a PyTorch script on the same workloads."""
