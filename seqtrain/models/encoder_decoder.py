"""`encoder_decoder`: one recurrent network reads a sequence, another writes one.

I. Sutskever, O. Vinyals and Q. V. Le, "Sequence to Sequence Learning with Neural Networks", NIPS
2014; K. Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder", EMNLP 2014.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from seqtrain.data.dataset import Dataset, Shaped
from seqtrain.data.pair_encoding import SOURCE, TARGET
from seqtrain.models.base import Activation, ModelConfig, batches_of_any_length, dropout, through
from seqtrain.models.recurrent import CELLS, GATES
from seqtrain.schema.sections import OneOrMore, Rule, broken
from seqtrain.tasks.translation import translation

if TYPE_CHECKING:
    import keras

BIASES = {"rnn": 1, "lstm": 1, "gru": 2}  # of each unit of a gate
OTHERS_KEYS = ("embedding_file", "wide", "autoregressive", "token_dropout", "dense_units")
UNUSED_KEYS = (*OTHERS_KEYS, "dense_activation")  # which docs/config.md leaves out


class EncoderDecoder(ModelConfig):
    """An encoder reads the source, a decoder writes the target, with attention to the source."""

    model_config = ConfigDict(json_schema_extra={"unused": [*UNUSED_KEYS]})

    name: Literal["encoder_decoder"]
    cell: Literal["rnn", "lstm", "gru"] = Field(
        default="lstm", description="cell of all recurrent layers"
    )
    units: OneOrMore = Field(
        default=(128,),
        description="units of each layer of the encoder, in each direction, a number or a list; "
        "the decoder has as many layers, of twice as many units if the encoder reads in both "
        "directions",
    )
    bidirectional: bool = Field(
        default=True, description="whether the encoder reads the source in both directions"
    )
    decoder: Literal["states", "repeat"] = Field(
        default="states",
        description="`states` begins with the last states of the encoder and reads what it has "
        "written; `repeat` reads the last output of the encoder at every step, as Keras's "
        "`addition_rnn` does",
    )
    attention: Literal["none", "dot", "additive"] = Field(
        default="dot",
        description="how each step of the decoder's first layer attends to the steps of the "
        "encoder: `dot` (Luong et al. 2015), `additive` (Bahdanau et al. 2015), or `none`",
    )
    activation: Activation = Field(default="tanh", description="activation of the recurrent layers")

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if rules := [*self._broken()]:
            raise broken(rules)
        return self

    def _broken(self) -> Iterator[Rule]:
        """Yield the keys that this network does not have."""
        for key in OTHERS_KEYS:
            if getattr(self, key):
                yield f"model.{key}", "is not supported by `encoder_decoder`"
        if self.decoder == "repeat" and self.attention != "none":
            yield "model.attention", "must be `none` for `decoder: repeat`, which sees one vector"

    @property
    def writes_sequences(self) -> bool:
        """True."""
        return True

    @property
    def writes_any_length(self) -> bool:
        """Whether the decoder reads what it has written, so that it can stop at any step."""
        return self.decoder == "states"

    @property
    def directions(self) -> int:
        """2 for an encoder that reads in both directions, else 1."""
        return 1 + self.bidirectional

    @property
    def reads_last_step(self) -> bool:
        """False."""
        return False

    @property
    def hides_padding(self) -> bool:
        """True: the encoder is masked, and the loss counts no padding."""
        return True

    @property
    def gains_from_unrolling(self) -> bool:
        """False."""
        return False

    def _of_decoder(self) -> list[int]:
        """Return the units of each layer of the decoder."""
        return [units * self.directions for units in self.units]

    def _layers(self, features: int) -> Iterator[tuple[int, int, int]]:
        """Yield the inputs, the units and the directions of every recurrent layer."""
        size = features
        for units in self.units:
            yield size, units, self.directions
            size = units * self.directions
        size = size if self.decoder == "repeat" else features
        for units in self._of_decoder():
            yield size, units, 1
            size = units

    def operations(self, shape: tuple[int, ...]) -> int:
        """Return 2 · T · gates · directions · (inputs + units) · units, over all layers."""
        products = sum(
            GATES[self.cell] * ways * (inputs + units) * units
            for inputs, units, ways in self._layers(self.embedding_dim or 0)
        )
        return 2 * shape[0] * products

    def parameters(self, dataset: Shaped) -> int:
        """Return the number of weights of the network for a dataset, without building it."""
        features = self.embedding_dim or 0
        total = (dataset.vocabulary_size or 0) * features
        if self.decoder == "states":
            total += dataset.outputs * features
        body, last = self.body_parameters(features)
        return total + body + (last + 1) * dataset.outputs

    def body_parameters(self, features: int) -> tuple[int, int]:
        """Return the number of weights of all recurrent layers and of the attention."""
        total = sum(
            GATES[self.cell] * ways * (inputs + units + BIASES[self.cell]) * units
            for inputs, units, ways in self._layers(features)
        )
        first, last = self._of_decoder()[0], self._of_decoder()[-1]
        if self.attention != "none":
            total += (first + last + 1) * first
            if self.attention == "additive" or first != last:
                total += first * last  # `query`
        if self.attention == "additive":
            total += last * last + last
        return total, last

    @property
    def kept(self) -> int:
        """Gates and states of each unit, of encoder and decoder."""
        units = 2 * sum(self.units) * self.directions
        return 2 * (self.embedding_dim or 0) + (2 * GATES[self.cell] + 1) * units

    @property
    def step_operations(self) -> int:
        """The largest gates · units² of any layer."""
        return GATES[self.cell] * max(self._of_decoder()) ** 2

    def body(self, dataset: Dataset, unroll: bool) -> "list[keras.Layer]":
        """Refuse: the network is no chain of layers."""
        raise NotImplementedError("an encoder–decoder is no chain of layers")

    @property
    def is_chain(self) -> bool:
        """False."""
        return False

    def build(self, dataset: Dataset, unroll: bool = False) -> "keras.Model":
        """Assemble the network from stock Keras layers.

        Returns:
            A model that is built but not compiled. It maps a batch of `source`, ids of shape
            (batch, S), and of `target`, the ids before each step, shape (batch, T), to
            probabilities of shape (batch, T, ids). With `decoder: repeat` there is no `target`.
        """
        import keras

        source = keras.Input(dataset.shape, dtype="int32", name=SOURCE)
        steps = translation(dataset.task).steps
        outputs, states = self._encoder(source, dataset)
        given = {SOURCE: source}
        if self.decoder == "states":
            given[TARGET] = keras.Input((steps,), dtype="int32", name=TARGET)
            read = self._embedded(given[TARGET], dataset.outputs, TARGET, mask=False)
        else:
            read = keras.layers.RepeatVector(steps, name="repeat")(states[-1][0])
            states = [[] for _ in states]
        features = self._decoder(read, states, outputs)
        model = keras.Model(given, through(dataset.task.head(), features), name=self.name)
        model.hides_padding = True
        return batches_of_any_length(model)

    def _embedded(self, ids: Any, size: int | None, name: str, mask: bool) -> Any:
        """Return the vectors of ids, symbolic of shape (batch, T, embedding_dim)."""
        import keras

        vectors = keras.layers.Embedding(
            size,
            self.embedding_dim,
            embeddings_initializer=self.initial_vectors(),
            mask_zero=mask,
            name=f"{name}_embedding",
        )(ids)
        for layer in dropout(self.dropout):
            vectors = layer(vectors)
        return vectors

    def _encoder(self, source: Any, dataset: Dataset) -> tuple[Any, list[list[Any]]]:
        """Return the outputs of the last layer, and the last states of each."""
        import keras

        x = self._embedded(source, dataset.vocabulary_size, SOURCE, mask=True)
        states = []
        for number, units in enumerate(self.units, 1):
            layer = self._layer(units, f"encoder_{number}")
            if self.bidirectional:
                layer = keras.layers.Bidirectional(layer, name=f"encoder_{number}")
            x, *ends = layer(x)
            states.append(self._joined(ends, number))
            for drop in dropout(self.dropout):
                x = drop(x)
        return x, states

    def _joined(self, ends: list[Any], number: int) -> list[Any]:
        """Return the states of both directions beside one another."""
        import keras

        if not self.bidirectional:
            return ends
        half = len(ends) // 2
        return [
            keras.layers.Concatenate(name=f"state_{number}_{place}")(
                [ends[place], ends[half + place]]
            )
            for place in range(half)
        ]

    def _layer(self, units: int, name: str, ends: bool = True) -> "keras.Layer":
        import keras

        return getattr(keras.layers, CELLS[self.cell])(
            units,
            activation=self.activation,
            return_sequences=True,
            return_state=ends,
            zero_output_for_mask=True,
            name=name,
        )

    def _decoder(self, x: Any, states: list[list[Any]], outputs: Any) -> Any:
        """Return the outputs of the last layer of the decoder.

        The first layer looks at the source, so that those above remember what was seen: Y. Wu et
        al., "Google's Neural Machine Translation System", arXiv:1609.08144, section 3.2.
        """
        for number, (units, begin) in enumerate(zip(self._of_decoder(), states, strict=True), 1):
            layer = self._layer(units, f"decoder_{number}", ends=False)
            x = layer(x, initial_state=begin) if begin else layer(x)
            for drop in dropout(self.dropout):
                x = drop(x)
            if number == 1:
                x = self._attended(x, outputs)
        return x

    def _attended(self, steps: Any, outputs: Any) -> Any:
        """Return the steps of the decoder with what each sees of the source.

        M.-T. Luong et al., "Effective Approaches to Attention-based Neural Machine Translation",
        EMNLP 2015, equations 5 and 7; with `additive` its `concat` score is that of D. Bahdanau et
        al., "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR 2015.
        """
        import keras

        if self.attention == "none":
            return steps
        units, looked_at = self._of_decoder()[0], self._of_decoder()[-1]
        query = steps
        if self.attention == "additive" or units != looked_at:
            query = keras.layers.Dense(looked_at, use_bias=False, name="query")(steps)
        if self.attention == "dot":
            seen = keras.layers.Attention(name="attention")([query, outputs])
        else:
            key = keras.layers.Dense(looked_at, use_bias=False, name="key")(outputs)
            seen = keras.layers.AdditiveAttention(name="attention")([query, outputs, key])
        both = keras.layers.Concatenate(name="beside")([steps, seen])
        return keras.layers.Dense(units, activation="tanh", name="combined")(both)
