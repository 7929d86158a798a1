"""The wide path: a linear model of n-grams beside the recurrent layers.

H.-T. Cheng et al., "Wide & Deep Learning for Recommender Systems", 2016: a linear model memorises
which words matter, and a network generalises. Here the linear model reads tokens and n-grams,
weighed by how well they tell the classes apart, or for numbers by how rare they are. scikit-learn
fits it before the training, because gradient descent misses its optimum on few examples; its
weights are frozen while the network trains. The output is the weighted mean of both logits. The
network learns most examples without the linear model, so that it does not rely on a model that has
memorised the training examples. At the end, the validation examples choose the weights (D. H.
Wolpert, "Stacked Generalization", Neural Networks 5(2), 1992).

The vocabulary has no ids for n-grams: the row of an n-gram is a hash of its ids (K. Weinberger et
al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009). So stock Keras layers
compute everything from the ids that the recurrent layers read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtrain.data.dataset import Dataset, Shaped
from seqtrain.models.base import batches_of_any_length
from seqtrain.tasks.labelled_task import labelled

if TYPE_CHECKING:
    import keras
    import numpy as np
    from scipy.sparse import csr_matrix

# A prime, and a factor: with an id below FEW_IDS, code · factor + id fits into int32.
BUCKETS, FACTOR, FEW_IDS = 524_287, 4_093, 2**18
MOST_WEIGHTS = 4_000_000  # numbers in the table: with many classes there are fewer buckets
LONGEST = {"words": 2, "subwords": 2, "characters": 5}  # tokens of an n-gram
WEIGHT = 0.75  # weight of the linear model, until the validation examples choose it
WEIGHTS = (0.75, 0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)  # the first wins ties
FEW = 50  # fewest validation examples that can choose weights
SHARPNESS = (1.0, 0.5, 0.75, 1.5, 2.0, 3.0)  # factors of the mean of logits
ALONE = 0.8  # share of the training examples that the network learns without the linear model
PENALTIES = (4.0, 1.0, 16.0, 64.0)  # C of scikit-learn: a smaller C is simpler; the first wins ties
# N-grams in the examples, times outputs: above the first limit only a sample is fitted, above the
# second only the first penalty is tried.
MOST_COUNTS, FEW_COUNTS = 60_000_000, 10_000_000
AT_ONCE = 2_000  # examples whose n-grams are counted at once
SEED = 0  # of the sample
SMALL = 1e-9
WIDE, TABLE, INTERCEPT = "wide", "ngrams", "intercept"  # names of layers
BLEND, NETWORK, LINEAR = "blend", "network", "linear"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ngrams:
    """The rows of n-grams in a table: the row of a token is its id, of a longer n-gram a hash.

    Attributes:
        ids: the number of ids.
        buckets: the number of rows for n-grams of more than one token.
        longest: the tokens of the longest n-grams.
    """

    ids: int
    buckets: int
    longest: int

    @property
    def rows(self) -> int:
        """The number of rows of the table."""
        return self.ids + self.buckets

    def of(self, x: Any, numbers: Any) -> Any:
        """Return the row of each n-gram, 0 where there is none.

        The end of a text counts as a token, so that its last words differ from words within.

        Args:
            x: ids, int32 of shape (N, T), padded at either end.
            numbers: `numpy`, or `keras.ops` where `x` is symbolic.

        Returns:
            int32, shape (N, T · longest).
        """
        from seqtrain.data.vocabulary import PAD

        padded = numbers.pad(x, ((0, 0), (0, self.longest)))
        rows, code, there, last = [x], x % self.buckets, numbers.not_equal(x, PAD), x
        for shift in range(1, self.longest):
            there = numbers.logical_and(there, numbers.not_equal(last, PAD))
            last = padded[:, shift : shift - self.longest]
            code = (code * FACTOR + last % FEW_IDS) % self.buckets
            rows.append(numbers.where(there, code + self.ids, 0))
        return numbers.concatenate(rows, axis=1)

    def counts(self, x: np.ndarray) -> csr_matrix:
        """Return how often each n-gram stands in each text; float32, shape (N, rows)."""
        import numpy as np
        from scipy.sparse import csr_matrix, vstack

        parts = []
        for start in range(0, len(x), AT_ONCE):
            rows = self.of(x[start : start + AT_ONCE], np)
            present = rows != 0
            ends = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
            counts = np.ones(ends[-1], np.float32)
            part = csr_matrix((counts, rows[present], ends), shape=(len(rows), self.rows))
            part.sum_duplicates()
            parts.append(part)
        return vstack(parts, format="csr")


def beside(given: Any, logits: Any, dataset: Dataset, name: str) -> keras.Model:
    """Return a network with a linear model beside it.

    Args:
        given: the ids, symbolic.
        logits: the logits of the network, symbolic.
        dataset: decides the number of ids and the activation of the head.
        name: the name of the network.
    """
    import keras

    linear = _path(_ngrams(dataset, logits.shape[-1]), logits.shape[-1])
    both = _blend(logits.shape[-1])([logits, linear(given)])
    return keras.Model(given, labelled(dataset.task).answer()(both), name=name)


def _path(known: Ngrams, outputs: int) -> keras.Model:
    """Return the linear model, from ids of shape (N, T) to logits of shape (N, outputs).

    With the counts c of the n-grams of a text, their weights w and what was learned for them, v,
    its logits are Σ c w v / √(Σ c w²), and an intercept. A row of the table holds w v and, last,
    w²; row 0 holds zeros.
    """
    import keras
    from keras import ops

    ids = keras.Input((None,), dtype="int32")
    table = keras.layers.Embedding(
        known.rows, outputs + 1, embeddings_initializer="zeros", trainable=False, name=TABLE
    )
    sums = ops.sum(table(known.of(ids, ops)), axis=1)
    norms = ops.sqrt(ops.maximum(sums[:, outputs:], SMALL))
    last = keras.layers.Dense(
        outputs, kernel_initializer="identity", trainable=False, name=INTERCEPT
    )
    return keras.Model(ids, last(sums[:, :outputs] / norms), name=WIDE)


def _blend(outputs: int) -> keras.Model:
    """Return the model of the weighted mean of two logits, those of the network first.

    In training, most examples only get the network's logits: dropout sets their factor to zero,
    and raises that of the others above one, which is then clipped to one.
    """
    import keras
    from keras import ops

    network, linear = (keras.Input((outputs,)) for _ in range(2))
    ones = ops.ones_like(network[:, :1])
    both = ops.minimum(keras.layers.Dropout(ALONE)(ones), 1.0)
    mean = _times(1 - WEIGHT, outputs, NETWORK)(network) + _times(WEIGHT, outputs, LINEAR)(linear)
    return keras.Model([network, linear], network + both * (mean - network), name=BLEND)


def _times(factor: float, outputs: int, name: str) -> keras.Layer:
    """Return a layer that multiplies logits by a weight."""
    import keras

    kernel = keras.initializers.Identity(factor)
    return keras.layers.Dense(
        outputs, use_bias=False, kernel_initializer=kernel, trainable=False, name=name
    )


def parameters(dataset: Shaped) -> int:
    """Return the number of weights of the linear model and of the mean."""
    outputs = dataset.outputs
    return _ngrams(dataset, outputs).rows * (outputs + 1) + outputs + 3 * outputs**2


def _ngrams(dataset: Shaped, outputs: int) -> Ngrams:
    """Return the n-grams of a dataset's tokens, for a table of so many outputs."""
    return Ngrams(dataset.vocabulary_size or 0, _buckets(outputs), LONGEST[dataset.tokens])


def _buckets(outputs: int) -> int:
    return min(BUCKETS, MOST_WEIGHTS // outputs)


def fit(model: keras.Model, dataset: Dataset, weighed: bool = False) -> None:
    """Fit the linear model to the training examples, and write its weights into a network.

    The validation examples choose its penalty. It uses one thread, because with such small
    products several would mostly wait.

    Args:
        model: a network from `beside`.
        dataset: its dataset.
        weighed: whether all classes have equal weight.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    path = model.get_layer(WIDE)
    with threadpool_limits(1):
        table, bias = _fitted(_ngrams(dataset, path.output_shape[-1]), dataset, weighed)
    path.get_layer(TABLE).set_weights([table])
    path.get_layer(INTERCEPT).set_weights([np.eye(len(bias)), bias])
    log.info("fitted the linear model of n-grams in %.1f s", time.perf_counter() - started)


def weigh(
    model: keras.Model, dataset: Dataset, predict: Callable[[keras.Model, np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Choose the weights of the network and of the linear model by the validation examples.

    Args:
        model: a trained network with a linear model beside it.
        dataset: its dataset.
        predict: returns the outputs of a model for examples, shape (N, outputs).

    Returns:
        The weight of the network, and that of the linear model; unchanged if there are too few
        validation examples to choose them.
    """
    import keras
    import numpy as np

    if len(dataset.validation) < FEW:
        return 1 - WEIGHT, WEIGHT
    before_answer = batches_of_any_length(keras.Model(model.inputs[0], model.layers[-1].input))
    before_answer.hides_padding = model.hides_padding

    def logits(network: float, linear: float) -> np.ndarray:
        _set_weights(model, network, linear)
        return predict(before_answer, dataset.validation.first).astype(np.float64)

    network, linear = logits(1.0, 0.0), logits(0.0, 1.0)
    labels = dataset.learned_split("validation").labels
    tried = {
        (factor * (1 - weight), factor * weight): labelled(dataset.task).loss_of_logits(
            factor * ((1 - weight) * network + weight * linear), labels
        )
        for factor in (SHARPNESS if dataset.task.sharpens else SHARPNESS[:1])
        for weight in WEIGHTS
    }
    best = min(tried, key=tried.__getitem__)
    _set_weights(model, *best)
    return best


def _set_weights(model: keras.Model, network: float, linear: float) -> None:
    import numpy as np

    for name, weight in {NETWORK: network, LINEAR: linear}.items():
        layer = model.get_layer(BLEND).get_layer(name)
        layer.set_weights([weight * np.eye(layer.units)])


def _fitted(known: Ngrams, dataset: Dataset, weighed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the table and the intercept of the linear model; n-grams not in train have zeros."""
    import numpy as np

    rows = _sample(known, dataset)
    counts, labels = known.counts(dataset.train.first[rows]), dataset.train.labels[rows]
    seen = np.unique(counts.indices)
    counts = counts[:, seen]
    weights = labelled(dataset.task).weights_beside(counts, labels, weighed)
    x = _normalised(counts, weights)
    penalties = PENALTIES if counts.nnz * dataset.outputs <= FEW_COUNTS else PENALTIES[:1]
    fits = [labelled(dataset.task).fit_beside(x, labels, penalty, weighed) for penalty in penalties]
    best = fits[0]
    if len(fits) > 1:
        beside, truth = (
            _normalised(known.counts(dataset.validation.first)[:, seen], weights),
            dataset.validation.labels,
        )
        best = max(
            fits,
            key=lambda one: labelled(dataset.task).rank_beside(
                truth, beside @ one.kernel + one.bias, weighed
            ),
        )
    table = np.zeros((known.rows, len(best.bias) + 1))
    table[seen, :-1] = best.kernel * weights[:, None]
    table[seen, -1] = weights**2
    return table, best.bias


def _sample(known: Ngrams, dataset: Dataset) -> np.ndarray:
    """Return the indices of the examples for the linear model: all, or a sample of many."""
    import numpy as np

    x = dataset.train.first
    counts = np.count_nonzero(x) * known.longest * dataset.outputs
    most = int(len(x) * min(MOST_COUNTS / counts, 1.0))
    if most == len(x):
        return np.arange(len(x))
    log.info(
        "the linear model of n-grams learns from %s of %s examples", f"{most:,}", f"{len(x):,}"
    )
    return np.sort(np.random.default_rng(SEED).choice(len(x), most, replace=False))


def _normalised(counts: csr_matrix, weights: np.ndarray) -> csr_matrix:
    """Return c · w / √(Σ c w²) for counts c of shape (N, features) and weights w of features."""
    import numpy as np
    from scipy.sparse import diags

    norms = np.sqrt(np.maximum(counts @ weights**2, SMALL))
    return (diags(1 / norms) @ counts @ diags(weights)).tocsr()
