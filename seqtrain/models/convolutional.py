"""Convolutional networks over the steps, with an optional recurrent layer on top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.dataset import MASK_VALUE, Dataset
from seqtrain.models.base import Activation, ModelConfig, dropout, through
from seqtrain.models.pooling import Pooling, over_steps, parameters
from seqtrain.models.recurrent import Recurrent, without_cudnn
from seqtrain.schema.sections import OneOrMore, Size, broken

if TYPE_CHECKING:
    import keras

WIDEST, FARTHEST = 1_000, 100  # steps that a filter spans; their dilation


class Convolutional(ModelConfig):
    """Filters over neighbouring steps, then a pooling or a recurrent layer.

    Masked padding is set to zero before each layer. The steps beyond the ends of a sequence are
    zero too, so padding changes nothing.
    """

    name: Literal["conv"]
    filters: OneOrMore = Field(
        default=(64,), description="filters of each convolutional layer, a number or a list"
    )
    kernel_size: int = Field(
        default=3, ge=1, le=WIDEST, description="neighbouring steps that a filter spans"
    )
    dilation: int = Field(
        default=1,
        ge=1,
        le=FARTHEST,
        description="factor by which the dilation grows from layer to layer; with 2 the filters "
        "of a few layers reach over hundreds of steps",
    )
    activation: Activation = Field(
        default="relu", description="activation of the convolutional layers"
    )
    recurrent: Literal["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"] | None = Field(
        default=None, description="recurrent layer on top of the last convolutional one"
    )
    units: Size = Field(default=64, description="units of the recurrent layer")
    pooling: Pooling | None = Field(
        default=None,
        description="input of the head: over all steps that are not masked the `mean`, the "
        "`max`, or `attention`, a mean with learned weights; or the `last` output of the "
        "recurrent layer; null is `max`, or with a recurrent layer as in recurrent networks",
    )

    @model_validator(mode="after")
    def _last_of_recurrent(self) -> Self:
        if self.pooling == "last" and self.recurrent is None:
            rule = "must be `mean`, `max` or `attention` without `recurrent`"
            raise broken([("model.pooling", rule)])
        return self

    @classmethod
    def headline(cls, name: str) -> str:
        """Return its description and source."""
        return "convolutions over the steps (Kim 2014), with a recurrent layer on top if wanted"

    @property
    def _top(self) -> Recurrent | None:
        """The section of the recurrent layer on top, if there is one."""
        if self.recurrent is None:
            return None
        return Recurrent(name=self.recurrent, units=(self.units,), pooling=self.pooling)

    def not_of_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the name: its kernels see the steps on both sides."""
        yield "name", f"`{self.name}` reads what comes after a step, too"

    def completed(self, of_tokens: bool, of_steps: bool = False) -> Self:
        """Return the section with its default pooling, and the defaults of every model."""
        completed = super().completed(of_tokens, of_steps)
        if self.pooling is not None:
            return completed
        fitting = "max" if of_tokens or self.recurrent is None else "last"
        return completed.model_copy(update={"pooling": fitting})

    @property
    def is_chain(self) -> bool:
        """False: each layer needs the mask of the padding."""
        return False

    @property
    def reads_last_step(self) -> bool:
        """Whether `pooling` is `last`."""
        return self.pooling == "last"

    @property
    def hides_padding(self) -> bool:
        """True: padding is zero before each layer."""
        return True

    @property
    def gains_from_unrolling(self) -> bool:
        """Whether a simple RNN is on top."""
        return self._top is not None and self._top.gains_from_unrolling

    def operations(self, shape: tuple[int, ...]) -> int:
        """Return 2 · T · kernel size · inputs · filters, over all layers, and those on top."""
        inputs = shape[1] if len(shape) > 1 else self.embedding_dim or 0
        products = 0
        for filters in self.filters:
            products += self.kernel_size * inputs * filters
            inputs = filters
        on_top = self._top.operations((shape[0], inputs)) if self._top else 0
        return 2 * shape[0] * products + on_top

    def body_parameters(self, features: int) -> tuple[int, int]:
        """Return (kernel size · inputs + 1) · filters, over all layers, and those on top."""
        total = 0
        for filters in self.filters:
            total += (self.kernel_size * features + 1) * filters
            features = filters
        if self._top is None:
            return total + parameters(self.pooling, features), features
        on_top, features = self._top.body_parameters(features)
        return total + on_top, features

    @property
    def kept(self) -> int:
        """The outputs of each filter, before and after the activation, and those on top."""
        on_top = self._top.kept if self._top else 0
        return (self.embedding_dim or 0) + 2 * sum(self.filters) + on_top

    @property
    def step_operations(self) -> int:
        """Those of the recurrent layer: convolutions do not depend on the step before."""
        return self._top.step_operations if self._top else 0

    def body(self, dataset: Dataset, unroll: bool) -> list[keras.Layer]:
        """Return nothing: see `features`."""
        return []

    def features(self, given: Any, first: Sequence[Any], dataset: Dataset, unroll: bool) -> Any:
        """Return the features of whole examples, symbolic of shape (batch, features)."""
        import keras
        from keras import ops

        counts = steps_that_count(given) if dataset.mask else None

        def hide(x: Any) -> Any:
            """Set padding to zero."""
            return x if counts is None else ops.where(ops.expand_dims(counts, -1), x, 0.0)

        x = hide(through(first, given))
        for depth, filters in enumerate(self.filters):
            x = keras.layers.Conv1D(
                filters,
                self.kernel_size,
                padding="same",
                dilation_rate=self.dilation**depth,
                activation=self.activation,
            )(x)
            x = through(dropout(self.dropout), hide(x))
        if self._top is None:
            return self._pooled(x, counts, dataset)
        pools = self.reads_last_step
        layer = self._top.layer(self.units, not pools, unroll)
        if dataset.mask and dataset.padding == "pre":
            without_cudnn([layer])
        x = layer(x) if counts is None else layer(x, mask=counts)
        x = through(dropout(self.dropout), x)
        return x if pools else self._pooled(hide(x), counts, dataset)

    def _pooled(self, x: Any, counts: Any, dataset: Dataset) -> Any:
        layer = over_steps(str(self.pooling), x.shape[-1], dataset.mask)
        return layer(x, mask=counts) if self.pooling == "mean" and counts is not None else layer(x)


def steps_that_count(given: Any) -> Any:
    """Return which steps of symbolic examples are not padding, bool of shape (batch, T)."""
    from keras import ops

    if len(given.shape) == 2:
        return ops.not_equal(given, 0)
    return ops.greater(given[:, :, 0], MASK_VALUE / 2)  # in any precision; no feature is so small
