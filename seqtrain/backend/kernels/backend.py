"""What the loops need that `keras.ops` has not, or not as fast, on the backend that Keras has."""

import keras

if keras.backend.backend() == "jax":
    from seqtrain.backend.kernels.on_jax import at_once, scan, sigmoid
else:
    from seqtrain.backend.kernels.on_tensorflow import at_once, scan, sigmoid

__all__ = ["at_once", "scan", "sigmoid"]
