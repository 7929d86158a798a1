"""What all models share: the input, the hidden dense layers, and the head."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from seqtrain.data import inputs
from seqtrain.data.dataset import MASK_VALUE, Dataset, Shaped
from seqtrain.errors import DataError
from seqtrain.schema.sections import FileName, Part, Positive, Rate, Size, Sizes

if TYPE_CHECKING:
    import keras
    import numpy as np

    Predict = Callable[[keras.Model, np.ndarray], np.ndarray]

EMBEDDING_DIM = 128
OF_STEPS = 1.0  # scale of the word vectors where each step has a label

Activation = Literal[
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
]


class ModelConfig(Part):
    """The keys of every model; a subclass adds `name`, its own keys, and `body`."""

    embedding_dim: Size | None = Field(
        default=None,
        description="length of the word vectors; null is 128, or that of the file",
    )
    embedding_file: FileName | None = Field(
        default=None,
        description="file of initial word vectors, in the text format of word2vec or GloVe (also "
        "`.gz`)",
    )
    embedding_scale: Positive | None = Field(
        default=None,
        description="standard deviation of the initial word vectors; null is 1 for language models "
        "and translations, which then learn faster, and otherwise Keras's 0.03",
    )
    embedding_trainable: bool = Field(
        default=True, description="whether training changes the word vectors"
    )
    token_dropout: Rate = Field(
        default=0.0,
        description="share of the tokens of each text whose vectors are dropped in training",
    )
    dropout: Rate = Field(
        default=0.0, description="share of outputs dropped after each recurrent and dense layer"
    )
    dense_units: Sizes = Field(
        default=(), description="units of hidden dense layers before the head, a number or a list"
    )
    dense_activation: Activation = Field(
        default="relu", description="activation of the hidden dense layers"
    )

    wide: bool = Field(
        default=False,
        description="only for classes or numbers of texts: put a linear model of tokens and pairs "
        "of them (of characters up to five) beside the network, and answer with the weighted mean "
        "of both (wide & deep, Cheng et al. 2016); it is fitted before the training",
    )
    autoregressive: bool = Field(
        default=False,
        description="only for forecasts: add a linear regression on the window to the forecast, as "
        "LSTNet does (Lai et al. 2018); it is fitted before the training, and then trained with "
        "the network",
    )

    @property
    @abstractmethod
    def reads_last_step(self) -> bool:
        """Whether the head only sees the last time step, where padding would replace the data."""

    @property
    @abstractmethod
    def hides_padding(self) -> bool:
        """Whether masked steps cannot change the output of the network."""

    @property
    @abstractmethod
    def gains_from_unrolling(self) -> bool:
        """Whether unrolling short sequences was measured to be faster."""

    @abstractmethod
    def operations(self, shape: tuple[int, ...]) -> int:
        """Return the multiplications and additions of one example's forward pass.

        Args:
            shape: of an example, (T,) for tokens or (T, F) for features.
        """

    def parameters(self, dataset: Shaped) -> int:
        """Return the number of weights of the network for a dataset, without building it.

        Args:
            dataset: see `build`.
        """
        features = self.embedding_dim or 0 if dataset.vocabulary_size else dataset.shape[-1]
        vectors = (dataset.vocabulary_size or 0) * features
        vectors += sum(ids * length for ids, length in dataset.embedded.values())
        features += sum(length for _, length in dataset.embedded.values())
        body, features = self.body_parameters(features)
        others = sum(map(math.prod, self.joined(dataset).values()))
        values, features = math.prod(dataset.shape) + others, features + others
        total = vectors + body
        for units in (*self.dense_units, dataset.outputs):
            total += (features + 1) * units
            features = units
        if self.wide:
            from seqtrain.models.wide import parameters

            total += parameters(dataset)
        if self.autoregressive:
            total += (values + 1) * dataset.outputs
        return total

    @abstractmethod
    def body_parameters(self, features: int) -> tuple[int, int]:
        """Return the number of weights of `body`, and its number of output features.

        Args:
            features: the number of input features of each step.
        """

    @property
    @abstractmethod
    def kept(self) -> int:
        """At least how many numbers of each time step are kept for the gradients."""

    @property
    @abstractmethod
    def step_operations(self) -> int:
        """The multiplications of one example in one time step that depend on the step before."""

    @abstractmethod
    def body(self, dataset: Dataset, unroll: bool) -> "list[keras.Layer]":
        """Return the layers between the input and the hidden dense layers."""

    @property
    def writes_sequences(self) -> bool:
        """Whether the network turns one sequence into another, token by token."""
        return False

    @property
    def tied(self) -> bool:
        """Whether the head has the word vectors as its weights."""
        return False

    @property
    def writes_any_length(self) -> bool:
        """Whether batches may be cut to their longest target."""
        return True

    @property
    def embedding_class(self) -> str:
        """The class of the layer of the word vectors."""
        return "Embedding"

    def answer(self, features: Any, first: Sequence[Any], dataset: Dataset) -> Any:
        """Return the outputs of the head of the task, symbolic.

        Args:
            features: of the network, symbolic of shape (batch, …, features).
            first: the first layers: the embedding, or the mask.
            dataset: see `build`.
        """
        return through(dataset.task.head(), features)

    def only_of_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that only a network for the next token can have, and why."""
        yield from ()

    def not_of_steps(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that a network for labels of single steps cannot have, and why."""
        if self.wide:
            yield "wide", "answers for whole texts"

    def completed(self, of_tokens: bool, of_steps: bool = False) -> Self:
        """Return the section with the defaults that depend on the kind of dataset.

        Args:
            of_tokens: whether the steps are tokens.
            of_steps: whether each step has a label.
        """
        chosen: dict[str, Any] = {}
        if of_tokens and self.embedding_dim is None and self.embedding_file is None:
            chosen["embedding_dim"] = EMBEDDING_DIM
        if (of_steps or self.writes_sequences) and not self.tied and self.embedding_scale is None:
            chosen["embedding_scale"] = OF_STEPS
        return self.model_copy(update=chosen)

    def resolved(self, dataset: Dataset) -> Self:
        """Return the section with the length of the word vectors, if a file decides it."""
        if self.embedding_file is None or self.embedding_dim is not None:
            return self
        from seqtrain.data.embeddings import dimension

        length = dimension(Path(self.embedding_file))
        return self.model_copy(update={"embedding_dim": length})

    def inputs(self, dataset: Dataset) -> list[Any]:
        """Return the input layer, and the embedding of tokens or the mask of padded steps."""
        import keras

        if dataset.vocabulary_size is None:
            masking = [keras.layers.Masking(MASK_VALUE)] if dataset.mask else []
            first = {"name": inputs.first(dataset.train.x)} if dataset.others else {}
            return [keras.Input(dataset.shape, dtype="float32", **first), *masking]
        whole_vectors = [
            keras.layers.Dropout(rate, noise_shape=(None, None, 1))
            for rate in filter(None, [self.token_dropout])
        ]
        ids = keras.Input(dataset.shape, dtype="int32")
        return [ids, self._embedding(dataset), *whole_vectors]

    def _embedding(self, dataset: Dataset) -> "keras.Layer":
        import keras

        from seqtrain.data.embeddings import fill

        layer = getattr(keras.layers, self.embedding_class)(
            dataset.vocabulary_size,
            self.embedding_dim,
            mask_zero=dataset.mask,
            trainable=self.embedding_trainable,
            embeddings_initializer=self.initial_vectors(),
        )
        if self.embedding_file is None:
            return layer
        if dataset.vocabulary is None:
            raise DataError(
                "the words of the dataset's ids are not known, so `model.embedding_file` is no use",
                "leave it out, or put the words beside the ids (imdb: imdb_word_index.json)",
            )
        layer.build()
        file = Path(self.embedding_file)
        layer.set_weights([fill(layer.get_weights()[0], file, dataset.vocabulary)])
        return layer

    def initial_vectors(self) -> Any:
        """Return the initialiser of word vectors."""
        import keras

        if self.embedding_scale is None:
            return "uniform"
        return keras.initializers.RandomNormal(stddev=self.embedding_scale)

    def build(self, dataset: Dataset, unroll: bool = False) -> "keras.Model":
        """Assemble the network for a dataset, from stock Keras layers only.

        Args:
            dataset: decides the shape of an example, the vocabulary, and the head.
            unroll: unroll the loop over the time steps.

        Returns:
            A model that is built but not compiled. It maps a batch of examples to the outputs
            of the head of the task, shape (batch, outputs).
        """
        import keras

        given, *first = self.inputs(dataset)
        others = {
            name: keras.Input(shape, dtype="float32", name=name)
            for name, shape in self.joined(dataset).items()
        }
        ids = {name: keras.Input((1,), dtype="int32", name=name) for name in dataset.embedded}
        if self.is_chain and not (self.wide or self.autoregressive or others or ids):
            body = self.body(dataset, unroll)
            layers = [given, *first, *body, *self._dense(), *dataset.task.head()]
            model = keras.Sequential(layers, name=self.name)
        else:
            steps = with_vectors(given, ids, dataset)
            features = self.features(steps, first, dataset, unroll)
            features = through(self._dense(), beside(features, others.values()))
            if self.wide:
                from seqtrain.models import wide

                logits = keras.layers.Dense(dataset.outputs, name="head")(features)
                model = wide.beside(given, logits, dataset, self.name)
            else:
                outputs = self.answer(features, first, dataset)
                if self.autoregressive:
                    from seqtrain.models import autoregressive

                    outputs = autoregressive.beside([given, *others.values()], outputs)
                named = {given.name: given, **ids, **others} if ids or others else given
                model = keras.Model(named, outputs, name=self.name)
        model.hides_padding = dataset.mask and self.hides_padding
        return batches_of_any_length(model)

    def joined(self, dataset: Shaped) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the inputs whose values are joined to the features, by name.

        They are all inputs but the first, and but ids.
        """
        return {
            name: shape for name, shape in dataset.others.items() if name not in dataset.embedded
        }

    @property
    def is_chain(self) -> bool:
        """Whether the network is a chain of layers, so that `body` describes it completely."""
        return True

    def features(self, given: Any, first: Sequence[Any], dataset: Dataset, unroll: bool) -> Any:
        """Return the features of whole examples, symbolic of shape (batch, features).

        Args:
            given: the input.
            first: the first layers: the embedding, or the mask.
            dataset: see `build`.
            unroll: see `build`.
        """
        return through([*first, *self.body(dataset, unroll)], given)

    def _dense(self) -> "list[keras.Layer]":
        """Return the hidden dense layers with their dropout."""
        import keras

        layers: list[keras.Layer] = []
        for units in self.dense_units:
            layers += [keras.layers.Dense(units, activation=self.dense_activation)]
            layers += dropout(self.dropout)
        return layers

    def prepare(self, model: "keras.Model", dataset: Dataset, weighed: bool = False) -> None:
        """Fit the weights that gradient descent does not learn: the linear model of a wide network.

        Args:
            model: the result of `build`.
            dataset: the dataset of the model.
            weighed: whether all classes have equal weight.
        """
        if self.wide:
            from seqtrain.models.wide import fit

            fit(model, dataset, weighed)
        if self.autoregressive:
            from seqtrain.models import autoregressive

            autoregressive.fit(model, dataset)

    def settle(self, model: "keras.Model", dataset: Dataset, predict: "Predict") -> str:
        """Choose the weights of the parts of a wide network on validation.

        Args:
            model: a trained model.
            dataset: its dataset.
            predict: returns the outputs of a model for examples, shape (N, outputs).

        Returns:
            The choice as a sentence; empty if there is none.
        """
        if not self.wide:
            return ""
        from seqtrain.models.wide import FEW, weigh

        network, linear = weigh(model, dataset, predict)
        share = network / (network + linear)
        few = len(dataset.validation) < FEW
        why = f"fixed: fewer than {FEW} validation examples" if few else "chosen on validation"
        return (
            f"weights of the prediction: network {share:.0%}, linear model {1 - share:.0%} ({why})"
        )


def through(layers: "Iterable[keras.Layer]", x: Any) -> Any:
    """Apply layers to a symbolic tensor, one after another."""
    for layer in layers:
        x = layer(x)
    return x


def with_vectors(steps: Any, ids: "Mapping[str, Any]", dataset: Shaped) -> Any:
    """Return steps with the learned vectors of ids beside the values of each.

    Args:
        steps: symbolic of shape (batch, T, F).
        ids: inputs of shape (batch, 1), by name.
        dataset: says the length of their vectors.

    Returns:
        Symbolic of shape (batch, T, F + the sum of these lengths).
    """
    import keras

    vectors = []
    for name, (count, length) in dataset.embedded.items():
        vector = keras.layers.Flatten()(keras.layers.Embedding(count, length)(ids[name]))
        vectors.append(keras.layers.RepeatVector(steps.shape[1])(vector))
    return keras.layers.Concatenate()([steps, *vectors]) if vectors else steps


def beside(features: Any, others: "Iterable[Any]") -> Any:
    """Return features with all values of other inputs, symbolic of shape (batch, features)."""
    import keras

    flat = [keras.layers.Flatten()(other) for other in others]
    return keras.layers.Concatenate()([features, *flat]) if flat else features


def batches_of_any_length(model: "keras.Model") -> "keras.Model":
    """Allow batches of any length, cut to their longest example, as `Sequential` does."""
    import keras

    if not isinstance(model, keras.Sequential):
        specs = [keras.InputSpec(ndim=len(one.shape), name=one.name) for one in model.inputs]
        model.input_spec = specs if len(specs) > 1 else specs[0]
    return model


def dropout(rate: float) -> "list[keras.Layer]":
    """Return a dropout layer, or nothing if the rate is 0."""
    import keras

    return [keras.layers.Dropout(rate)] if rate else []
