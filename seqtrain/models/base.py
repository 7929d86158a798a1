"""What every model has in common: where examples come in, and where the answer comes out."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from seqtrain.data.dataset import MASK_VALUE, Dataset, Shaped
from seqtrain.errors import DataError
from seqtrain.schema.sections import FileName, Part, Rate, Size, Sizes
from seqtrain.tasks import MONITORED, SCORES, Task

if TYPE_CHECKING:
    import keras
    import numpy as np

    Predict = Callable[[keras.Model, np.ndarray], np.ndarray]

EMBEDDING_DIM = 128
UNITS = "in_units_of_the_labels"  # the layer that ends the network of a regression

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
    """What every model's section has; a subclass adds its keys, `name`, and `body`."""

    embedding_dim: Size | None = Field(
        default=None,
        description="length of each word's vector; null is 128 for tokens, or as the file has it",
    )
    embedding_file: FileName | None = Field(
        default=None,
        description="word vectors to start from, as word2vec or GloVe write text (also `.gz`)",
    )
    embedding_trainable: bool = Field(
        default=True, description="whether training changes the words' vectors"
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
        description="put a linear model of TF-IDF of tokens and pairs of them (of characters up to "
        "five) beside the network, and answer with the weighted mean of both (wide & deep, Cheng "
        "et al. 2016); it is fitted before the training",
    )

    @property
    @abstractmethod
    def reads_last_step(self) -> bool:
        """Whether the head sees the last time step alone, so that padding there ruins it."""

    @property
    @abstractmethod
    def gains_from_unrolling(self) -> bool:
        """Whether writing short sequences out, instead of looping, was measured faster."""

    @abstractmethod
    def operations(self, shape: tuple[int, ...]) -> int:
        """Return the multiplications and additions of one example's forward pass.

        Args:
            shape: of an example, (T,) for tokens or (T, F) for features.
        """

    def parameters(self, dataset: Shaped) -> int:
        """Return how many numbers the weights of the network of a dataset are, without building it.

        Args:
            dataset: as `build` takes it.
        """
        features = self.embedding_dim or 0 if dataset.vocabulary_size else dataset.shape[-1]
        vectors = (dataset.vocabulary_size or 0) * features
        body, features = self.body_parameters(features)
        total = vectors + body
        for units in (*self.dense_units, dataset.outputs):
            total += (features + 1) * units
            features = units
        if self.wide:
            from seqtrain.models.wide import parameters

            total += parameters(dataset)
        return total

    @abstractmethod
    def body_parameters(self, features: int) -> tuple[int, int]:
        """Return how many numbers the weights of `body` are, and how many features it gives.

        Args:
            features: of each step that it reads.
        """

    @property
    @abstractmethod
    def kept(self) -> int:
        """How many numbers of an example's time step are kept for the gradients, at least."""

    @property
    @abstractmethod
    def step_operations(self) -> int:
        """The multiplications of one example in one time step that wait for the step before."""

    @abstractmethod
    def body(self, dataset: Dataset, unroll: bool) -> "list[keras.Layer]":
        """Return the layers between the input and the hidden dense layers."""

    def completed(self, of_tokens: bool) -> Self:
        """Return the section with the defaults that depend on what the dataset holds."""
        if not of_tokens or self.embedding_dim is not None or self.embedding_file is not None:
            return self
        return self.model_copy(update={"embedding_dim": EMBEDDING_DIM})

    def resolved(self, dataset: Dataset) -> Self:
        """Return the section with the length of the words' vectors, if a file decides it."""
        if self.embedding_file is None or self.embedding_dim is not None:
            return self
        from seqtrain.data.embeddings import dimension

        length = dimension(Path(self.embedding_file))
        return self.model_copy(update={"embedding_dim": length})

    def inputs(self, dataset: Dataset) -> list[Any]:
        """Return the input, for tokens their embedding, and the mask of padded steps."""
        import keras

        if dataset.vocabulary_size is None:
            masking = [keras.layers.Masking(MASK_VALUE)] if dataset.mask else []
            return [keras.Input(dataset.shape, dtype="float32"), *masking]
        whole_vectors = [
            keras.layers.Dropout(rate, noise_shape=(None, None, 1))
            for rate in filter(None, [self.token_dropout])
        ]
        ids = keras.Input(dataset.shape, dtype="int32")
        return [ids, self._embedding(dataset), *whole_vectors]

    def _embedding(self, dataset: Dataset) -> "keras.Layer":
        import keras

        from seqtrain.data.embeddings import fill

        layer = keras.layers.Embedding(
            dataset.vocabulary_size,
            self.embedding_dim,
            mask_zero=dataset.mask,
            trainable=self.embedding_trainable,
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

    def build(self, dataset: Dataset, unroll: bool = False) -> "keras.Model":
        """Assemble the network for a dataset, from stock Keras layers only.

        Args:
            dataset: gives the shape of an example, the vocabulary, and what to answer.
            unroll: write the time steps out instead of looping over them.

        Returns:
            A model that is built but not compiled. It maps a batch of examples to
            probabilities: shape (batch, 1) for two classes, else (batch, classes); in
            regression to numbers in the units of the labels, shape (batch, 1).
        """
        import keras

        layers = [*self.inputs(dataset), *self.body(dataset, unroll)]
        for units in self.dense_units:
            layers += [keras.layers.Dense(units, activation=self.dense_activation)]
            layers += dropout(self.dropout)
        if self.wide:
            from seqtrain.models.wide import beside

            return beside([*layers, logits(dataset)], answer(dataset), dataset, self.name)
        return keras.Sequential([*layers, *head(dataset)], name=self.name)

    def prepare(self, model: "keras.Model", dataset: Dataset, weighed: bool = False) -> None:
        """Fit what gradient descent does not learn: the linear model of a wide network.

        Args:
            model: what `build` returned.
            dataset: what it was built for.
            weighed: whether all classes count alike, however many examples they have.
        """
        if self.wide:
            from seqtrain.models.wide import fit

            fit(model, dataset, weighed)

    def settle(self, model: "keras.Model", dataset: Dataset, predict: "Predict") -> str:
        """Choose on validation what training leaves open: the weights of a wide network's parts.

        Args:
            model: trained, and opened or kept in memory.
            dataset: what it was trained on.
            predict: returns what a model computes of examples, shape (N, outputs).

        Returns:
            The choice, as a sentence; empty where there is none.
        """
        if not self.wide:
            return ""
        from seqtrain.models.wide import weigh

        network, linear = weigh(model, dataset, predict)
        share = network / (network + linear)
        return (
            f"the answer is {share:.0%} the network's, {1 - share:.0%} the linear model's beside it"
        )


def dropout(rate: float) -> "list[keras.Layer]":
    """Return a dropout layer, or nothing where the rate is 0."""
    import keras

    return [keras.layers.Dropout(rate)] if rate else []


def head(dataset: Dataset) -> "list[keras.Layer]":
    """Return the layers that answer.

    Of two classes one sigmoid gives the probability of the second, of more a softmax those of
    all. In regression a linear unit is taken back from the standardised scale to the labels'.
    """
    if dataset.target:
        return [logits(dataset), answer(dataset)]
    return [logits(dataset, activation(dataset))]


def logits(dataset: Dataset, activation: str | None = None) -> "keras.Layer":
    """Return the dense layer of as many units as there are outputs."""
    import keras

    return keras.layers.Dense(dataset.outputs, activation=activation, name="head")


def activation(dataset: Dataset) -> str:
    """Return what makes probabilities of logits."""
    return "sigmoid" if len(dataset.classes) == 2 else "softmax"


def answer(dataset: Dataset) -> "keras.Layer":
    """Return the layer that makes the answer of logits.

    The units of the labels are for those who open the saved network alone; seqtrain itself
    computes them in float64, see `standardised`.
    """
    import keras

    if dataset.target:
        scale, offset = dataset.target.deviation, dataset.target.mean
        return keras.layers.Rescaling(scale, offset, name=UNITS)
    return keras.layers.Activation(activation(dataset), name="answer")


def standardised(model: Any) -> Any:
    """Let a network answer on the scale on which it learns; only that of a regression changes.

    Its last layer computes in float32, which has no digits for labels such as unix seconds.
    """
    for layer in model.layers:
        if layer.name == UNITS and not hasattr(layer, "of_labels"):
            layer.of_labels = layer.scale, layer.offset
            layer.scale, layer.offset = 1.0, 0.0
    return model


@contextmanager
def in_units_of_the_labels(model: Any) -> Iterator[None]:
    """Undo `standardised` in the body, to save the network."""
    layers = [layer for layer in model.layers if hasattr(layer, "of_labels")]
    for layer in layers:
        layer.scale, layer.offset = layer.of_labels
    try:
        yield
    finally:
        for layer in layers:
            layer.scale, layer.offset = 1.0, 0.0


def loss(dataset: Dataset) -> str:
    """Return the name of the Keras loss that belongs to the head; numbers are standardised."""
    if dataset.target:
        return "mean_squared_error"
    two = len(dataset.classes) == 2
    return "binary_crossentropy" if two else "sparse_categorical_crossentropy"


def scores(task: Task, monitor: str | None) -> list[str]:
    """Return the names of the scores of each epoch: the usual one, and that which is monitored."""
    found = [SCORES[task], (monitor or "").removeprefix("val_")]
    return [name for name in dict.fromkeys(found) if name in MONITORED[task]]


def metrics(dataset: Dataset, monitor: str | None) -> list[Any]:
    """Return the Keras metrics that stand beside the loss, under their names in `scores`."""
    made: dict[str, Callable[[], Any]] = {
        "accuracy": lambda: "accuracy",
        "macro_f1": lambda: macro_f1(len(dataset.classes)),
        "mae": lambda: absolute_error(dataset),
    }
    return [made[name]() for name in scores(dataset.task, monitor)]


def absolute_error(dataset: Dataset) -> Any:
    """Return the mean absolute error of numbers, in the units of the labels."""
    import keras

    deviation = dataset.target.deviation if dataset.target else 1.0

    def error(labels: Any, predictions: Any) -> Any:
        return keras.losses.mean_absolute_error(labels, predictions) * deviation

    return keras.metrics.MeanMetricWrapper(error, name="mae")


def macro_f1(classes: int) -> Any:
    """Return a Keras metric: the mean of the F1 of all classes that are true or predicted.

    It is computed of the whole epoch, as `evaluation.classification` computes it, which a mean
    over batches would not be.
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
