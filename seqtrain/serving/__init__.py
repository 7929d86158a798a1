"""`seqtrain serve`: the network of a run over HTTP."""
