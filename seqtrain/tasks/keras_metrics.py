"""Losses and metrics of each epoch that Keras itself does not have."""

from collections.abc import Sequence
from typing import Any


def forecast_loss(horizon: int, levels: Sequence[float], squared: bool) -> Any:
    """Return the loss of forecasts: twice the pinball loss, or the squared error.

    R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46(1), 1978. Twice that of the
    median is the absolute error.

    Args:
        horizon: H steps.
        levels: the Q quantiles that the network predicts.
        squared: whether it predicts the mean instead.

    Returns:
        A function of labels, see `Forecasting.learned`, and outputs of shape (N, H · Q).
    """
    from keras import ops

    def loss(labels: Any, outputs: Any) -> Any:
        truth = ops.expand_dims(labels[:, :horizon], -1)
        off = truth - ops.reshape(outputs, (-1, horizon, len(levels)))
        off = ops.where(ops.isnan(truth), 0.0, off)
        if squared:
            return ops.mean(ops.square(off), axis=(1, 2))
        each = ops.cast(ops.array(levels), off.dtype)
        return 2 * ops.mean(ops.maximum(each * off, (each - 1) * off), axis=(1, 2))

    return loss


def mase(horizon: int, levels: int, log: bool) -> Any:
    """Return a Keras metric: MASE of forecasts, over the origins for which it is defined.

    Args:
        horizon: H steps.
        levels: the number of quantiles that the network predicts.
        log: whether it predicts logarithms.
    """
    import keras
    from keras import ops

    def parts(labels: Any) -> list[Any]:
        return [labels[:, horizon * part : horizon * (part + 1)] for part in range(3)]

    def errors(labels: Any, outputs: Any) -> Any:
        truth, factor, offset = parts(labels)
        middle = ops.reshape(outputs, (-1, horizon, levels))[:, :, levels // 2]
        theirs, ours = truth * factor, middle * factor
        if log:
            theirs, ours = ops.exp(theirs + offset), ops.exp(ours + offset)
        off = ops.where(ops.isnan(truth), 0.0, ops.abs(theirs - ours))
        known = ops.cast(ops.logical_not(ops.isnan(truth)), off.dtype)
        return ops.sum(off, axis=1) / ops.sum(known, axis=1)

    class DefinedMean(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]
        def update_state(self, labels: Any, outputs: Any, sample_weight: Any = None) -> None:
            defined = ops.cast(parts(labels)[1][:, 0] > 0, "float32")
            weights = defined if sample_weight is None else defined * sample_weight
            super().update_state(labels, outputs, weights)

    return DefinedMean(errors, name="mase")


def macro_f1(classes: int) -> Any:
    """Return a Keras metric: the mean F1 of all classes among labels and predictions.

    It is computed over the whole epoch, as in `evaluation.classification_metrics`, and not as a
    mean over batches.
    """
    import keras
    from keras import ops

    class MacroF1(keras.metrics.Metric):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="macro_f1")
            self.counts = self.add_weight(shape=(classes, classes), initializer="zeros")

        def update_state(self, labels: Any, said: Any, sample_weight: Any = None) -> None:
            chosen = ops.argmax(said, axis=-1) if said.shape[-1] > 1 else said[:, 0] > 0.5
            true, chosen = (
                ops.one_hot(ops.cast(ops.reshape(one, (-1,)), "int32"), classes)
                for one in (labels, chosen)
            )
            self.counts.assign_add(ops.matmul(ops.transpose(true), chosen))

        def result(self) -> Any:
            hits, both = (
                ops.diagonal(self.counts),
                ops.sum(self.counts, 0) + ops.sum(self.counts, 1),
            )
            f1 = 2 * hits / ops.maximum(both, 1)
            return ops.sum(f1) / ops.sum(ops.cast(both > 0, f1.dtype))

    return MacroF1()
