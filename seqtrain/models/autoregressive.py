"""The autoregressive path: a linear regression on the window, added to the forecast of a network.

G. Lai et al., "Modeling Long- and Short-Term Temporal Patterns with Deep Neural Networks", SIGIR
2018: its scale follows that of the values, and few examples suffice for it. Ridge regression fits
it before the training, because gradient descent misses its optimum on few examples. The head of
the network begins at zero, so the training begins at the regression and learns what it lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtrain.data.dataset import Dataset
from seqtrain.tasks.forecasting import forecasting

if TYPE_CHECKING:
    import keras

SOME = 20_000  # windows whose residuals give the quantiles
PATH, HEAD = "autoregressive", "head"  # names of layers

log = logging.getLogger(__name__)


def beside(given: Sequence[Any], outputs: Any) -> Any:
    """Return the sum of the outputs of a network and of a linear layer, symbolic.

    Args:
        given: all inputs of the network, symbolic.
        outputs: of the network, symbolic of shape (batch, outputs).
    """
    import keras

    flat = [keras.layers.Flatten()(one) for one in given]
    values = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    linear = keras.layers.Dense(outputs.shape[-1], kernel_initializer="zeros", name=PATH)(values)
    return keras.layers.Add()([outputs, linear])


def fit(model: keras.Model, dataset: Dataset) -> None:
    """Write the weights of the regression into a network, and zeros into its head.

    Each quantile begins at that of the residuals of train.

    Args:
        model: a network with such a path.
        dataset: its dataset.
    """
    import numpy as np

    from seqtrain.evaluation.forecast_baselines import fit_windows, forecast_linearly

    task = forecasting(dataset.task)
    best = fit_windows(dataset)
    some = dataset.train.take(np.arange(0, len(dataset.train), -(-len(dataset.train) // SOME)))
    truth = task.learned(some.labels)[:, : len(best.bias)]
    residuals = np.nan_to_num(truth - forecast_linearly(best, some))
    quantiles = dataset.outputs // len(best.bias)
    kernel = np.repeat(best.kernel, quantiles, axis=1)
    bias = np.repeat(best.bias, quantiles)
    if quantiles > 1:
        bias = bias + np.quantile(residuals, task.heads, axis=0).T.ravel()
    model.get_layer(PATH).set_weights([kernel, bias])
    head = model.get_layer(HEAD)
    head.set_weights([np.zeros_like(weights) for weights in head.get_weights()])
    log.info("fitted a linear regression on %s windows", f"{len(dataset.train):,}")
