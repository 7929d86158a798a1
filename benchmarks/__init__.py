"""Side by side: seqtrain, a plain Keras script and a PyTorch script on the same work."""
