"""Recurrent networks: simple RNN, LSTM and GRU, in one direction or both."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from seqtrain.data.dataset import Dataset, Shaped
from seqtrain.models.base import Activation, ModelConfig, dropout
from seqtrain.models.pooling import Pooling, over_steps, parameters
from seqtrain.schema import limits
from seqtrain.schema.sections import OneOrMore, Rate, broken

if TYPE_CHECKING:
    import keras

CELLS = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
PAPERS = {
    "rnn": "simple RNN (Elman 1990)",
    "lstm": "LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000)",
    "gru": "GRU (Cho et al. 2014)",
}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # weight matrices of each cell, with the candidate's
DIRECTIONS = ("forward", "backward")


class Recurrent(ModelConfig):
    """A stack of recurrent layers, with `pooling` over the time steps."""

    name: Literal["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"]
    units: OneOrMore = Field(
        default=(64,),
        description="units of each recurrent layer, a number or a list; bidirectional layers "
        "have twice as many",
    )
    activation: Activation = Field(default="tanh", description="activation of the recurrent layers")
    recurrent_dropout: Rate = Field(
        default=0.0, description="share of the state dropped from step to step"
    )
    memory_steps: int | None = Field(
        default=None,
        ge=3,
        le=limits.SIZE,
        description="initialise the cells of an LSTM or a GRU so that they remember 2 to this "
        "many steps, each cell another number (Tallec & Ollivier 2018): for long sequences; "
        "null keeps Keras's initialisation",
    )
    tied_embeddings: bool = Field(
        default=False,
        description="use the word vectors as the weights of the head, too (Press & Wolf 2017): "
        "for language models with many words; where the last layer has another size than the "
        "vectors, a linear layer stands between",
    )
    pooling: Pooling | None = Field(
        default=None,
        description="input of the head: the last output of the last layer (`last`, of each "
        "direction), or the mean, the maximum, or a mean with learned weights (`attention`, "
        "Yang et al. 2016) over all steps that are not masked; null is `max` for texts, where "
        "a word counts at any place, and else `last`",
    )

    @model_validator(mode="after")
    def _gates_remember(self) -> Self:
        if self.memory_steps and self.cell == "rnn":
            rule = "is for the gates of `lstm` and `gru`, and `rnn` has none"
            raise broken([("model.memory_steps", rule)])
        return self

    @property
    def is_chain(self) -> bool:
        """Whether no layer is used twice."""
        return not self.tied_embeddings

    @property
    def tied(self) -> bool:
        """Whether the head has the word vectors as its weights."""
        return self.tied_embeddings

    @property
    def embedding_class(self) -> str:
        """The class of the layer of the word vectors."""
        return "ReversibleEmbedding" if self.tied_embeddings else super().embedding_class

    def answer(self, features: Any, first: Sequence[Any], dataset: Dataset) -> Any:
        """Return the outputs of the head, whose weights may be the word vectors."""
        if not self.tied_embeddings:
            return super().answer(features, first, dataset)
        import keras

        embedding, size = first[0], self.embedding_dim
        if features.shape[-1] != size:
            features = keras.layers.Dense(size, name="projection")(features)
        logits = embedding(features, reverse=True)
        return keras.layers.Activation("softmax", name="head")(logits)

    def parameters(self, dataset: Shaped) -> int:
        """Return the number of weights of the network for a dataset, without building it."""
        total = super().parameters(dataset)
        if not self.tied_embeddings:
            return total
        features, size = (*self.units, *self.dense_units)[-1], self.embedding_dim or 0
        projection = (features + 1) * size if features != size else 0
        return total - (features + 1) * dataset.outputs + projection

    def only_of_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the key for heads that answer with a token."""
        if self.tied_embeddings:
            yield "tied_embeddings", "gives the probability of each token"

    def not_of_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that would show a step what comes after it, or that pool the steps."""
        yield from super().not_of_steps()
        if self.directions == 2:
            yield "name", f"`{self.name}` reads what comes after a step, too"
        if self.pooling is not None:
            yield "pooling", "is for one label of all steps"

    def completed(self, of_tokens: bool, of_steps: bool = False) -> Self:
        """Return the section with its default pooling, and the defaults of every model."""
        completed = super().completed(of_tokens, of_steps)
        if self.pooling is not None or of_steps:
            return completed
        return completed.model_copy(update={"pooling": "max" if of_tokens else "last"})

    @classmethod
    def headline(cls, name: str) -> str:
        """Return the cell with its source, and the directions."""
        both = ", reading in both directions" if name.startswith("bi") else ""
        return PAPERS[name.removeprefix("bi")] + both

    @property
    def cell(self) -> str:
        """The name without its direction: rnn, lstm or gru."""
        return self.name.removeprefix("bi")

    @property
    def directions(self) -> int:
        """2 for bidirectional layers, else 1."""
        return 2 if self.name.startswith("bi") else 1

    @property
    def reads_last_step(self) -> bool:
        """Whether `pooling` is `last`."""
        return self.pooling == "last"

    @property
    def hides_padding(self) -> bool:
        """True: masked steps do not change the states, and no pooling sees them."""
        return True

    @property
    def gains_from_unrolling(self) -> bool:
        """True for the simple RNN, whose steps are so small that the loop dominates."""
        return self.cell == "rnn"

    def operations(self, shape: tuple[int, ...]) -> int:
        """Return 2 · T · gates · directions · (inputs + units) · units, over all layers."""
        inputs = shape[1] if len(shape) > 1 else self.embedding_dim or 0
        products = 0
        for units in self.units:
            products += GATES[self.cell] * self.directions * (inputs + units) * units
            inputs = units * self.directions
        return 2 * shape[0] * products

    def body_parameters(self, features: int) -> tuple[int, int]:
        """Return gates · directions · (inputs + units + biases) · units, over all layers.

        A GRU has two biases for each unit of a gate: one for the input, one for the state.
        """
        total, biases = 0, 2 if self.cell == "gru" else 1
        for units in self.units:
            total += GATES[self.cell] * self.directions * (features + units + biases) * units
            features = units * self.directions
        return total + parameters(self.pooling, features), features

    @property
    def kept(self) -> int:
        """Gates and states of each unit; measured: 16 for LSTM and 7 for simple RNN."""
        units = sum(self.units) * self.directions
        return (self.embedding_dim or 0) + (2 * GATES[self.cell] + 1) * units

    @property
    def step_operations(self) -> int:
        """The largest gates · units² of any layer."""
        return GATES[self.cell] * max(self.units) ** 2

    def body(self, dataset: Dataset, unroll: bool) -> "list[keras.Layer]":
        """Return the recurrent layers with their dropout, and the pooling."""
        pools, of_steps = self.pooling not in (None, "last"), dataset.task.of_steps
        layers: list[keras.Layer] = []
        for depth, units in enumerate(self.units, start=1):
            last = depth == len(self.units)
            layers.append(self.layer(units, not last or pools or of_steps, unroll))
            if last and pools:
                features = units * self.directions
                layers.append(over_steps(str(self.pooling), features, dataset.mask))
            layers += dropout(self.dropout)
        if dataset.mask and dataset.padding == "pre":
            without_cudnn(layers)
        return layers

    def build(self, dataset: Dataset, unroll: bool = False) -> "keras.Model":
        """Assemble the network, as `ModelConfig.build` does, and initialise its memory."""
        model = super().build(dataset, unroll)
        if self.memory_steps:
            for layer in model.layers:
                for one in ways(layer):
                    remember(one, self.memory_steps)
        return model

    def layer(self, units: int, return_sequences: bool, unroll: bool) -> "keras.Layer":
        """Return one recurrent layer, in one direction or both."""
        import keras

        layer = getattr(keras.layers, CELLS[self.cell])(
            units,
            activation=self.activation,
            recurrent_dropout=self.recurrent_dropout,
            return_sequences=return_sequences,
            zero_output_for_mask=return_sequences,
            unroll=unroll,
        )
        return keras.layers.Bidirectional(layer) if self.directions == 2 else layer


def ways(layer: "keras.Layer") -> "list[keras.Layer]":
    """Return the layers of both directions, or the layer itself if it has one direction."""
    return [getattr(layer, f"{way}_layer", layer) for way in DIRECTIONS]


def remember(layer: "keras.Layer", steps: int) -> None:
    """Initialise an LSTM or a GRU so that its cells keep their state for 2 to `steps` steps.

    A gate with bias log(u) keeps the share u / (1 + u) of the state at each step, so it remembers
    for about 1 + u steps. C. Tallec and Y. Ollivier, "Can recurrent neural networks warp time?",
    ICLR 2018; they draw u at random, here it is spread evenly. Other layers do not change.
    """
    import numpy as np

    if not hasattr(layer, "recurrent_activation"):
        return
    *matrices, bias = layer.get_weights()
    keeps = np.log(np.linspace(1, steps - 1, layer.units, dtype=np.float32))
    if bias.ndim == 1:  # LSTM: the gates of input, forgetting, candidate and output
        bias[: 2 * layer.units] = np.concatenate([-keeps, keeps])
    else:  # GRU: those of update, reset and candidate; what is added to the input comes first
        bias[0, : layer.units] = keeps
    layer.set_weights([*matrices, bias])


def without_cudnn(layers: "Iterable[keras.Layer]") -> None:
    """Do not use cuDNN for recurrent layers: it cannot read sequences whose first steps are masked.

    The setting is not saved with the layers.
    """
    for layer in layers:
        for cell in (layer, *ways(layer)):
            if hasattr(cell, "use_cudnn"):
                cell.use_cudnn = False
