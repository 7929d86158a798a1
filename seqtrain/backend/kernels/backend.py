"""Operations of the backend in use that `keras.ops` lacks, or computes more slowly."""

import keras

if keras.backend.backend() == "jax":
    from seqtrain.backend.kernels.on_jax import at_once, scan, sigmoid
else:
    from seqtrain.backend.kernels.on_tensorflow import at_once, scan, sigmoid

__all__ = ["at_once", "scan", "sigmoid"]
