"""The linear model of n-grams beside a network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.config import load_config
from seqtrain.data.dataset import Dataset
from seqtrain.evaluation import ngram_weights
from seqtrain.inference import model_file
from seqtrain.models import wide
from seqtrain.models.recurrent import Recurrent
from seqtrain.tasks import Regression
from tests.conftest import REPOSITORY
from tests.factories.wide import network, pairs_of_words

pytestmark = pytest.mark.tf

PHRASES = REPOSITORY / "configs" / "phrases_lstm.yaml"

NGRAMS = wide.Ngrams(ids=50, buckets=997, longest=3)


def numbers() -> Dataset:
    """The same texts, with large numbers as labels."""
    whole = pairs_of_words(3)
    parts = {
        name: replace(whole.split(name), labels=1e9 + 10.0 * whole.split(name).labels)
        for name in ("train", "validation", "test")
    }
    return replace(whole, **parts, task=Regression()).with_fitted_task()


def test_weights_are_counted_without_building_a_network() -> None:
    for data in (pairs_of_words(), pairs_of_words(3), numbers()):
        section = Recurrent(name="bigru", units=4, embedding_dim=4, wide=True)
        assert section.parameters(data) == section.build(data).count_params()


def predict(model: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(model(x, training=False))


def logits_of_the_path(model: Any, x: np.ndarray) -> np.ndarray:
    return predict(model.get_layer(wide.WIDE), x)


def test_ngrams_are_runs_of_tokens_and_the_end_is_one() -> None:
    x = np.array([[1, 5, 6, 0, 0], [1, 5, 6, 7, 8], [0, 0, 1, 5, 6]], np.int32)
    rows = NGRAMS.of(x, np).reshape(3, 3, 5)
    pairs = rows[:, 1]
    assert (rows[:, 0] == x).all()
    assert pairs[0, 0] == pairs[1, 0] == pairs[2, 2]  # 1 5
    assert pairs[0, 2] == pairs[2, 4] != 0  # 6 and the end
    assert pairs[0, 2] != pairs[1, 2]  # 6 7
    assert (pairs[0, 3:] == 0).all() and (pairs[2, :2] == 0).all()  # padding begins nothing
    assert rows.min() >= 0 and rows.max() < NGRAMS.rows


def test_an_ngram_counts_by_how_well_it_tells_the_classes_apart() -> None:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = csr_matrix([[2, 0, 1], [1, 0, 0], [0, 3, 1], [0, 1, 0]])
    found = ngram_weights.log_count_ratios(counts, np.array([0, 0, 1, 1]), weighed=False)
    np.testing.assert_allclose(found, [np.log(3), np.log(3), 0.0], atol=1e-12)
    assert ngram_weights.inverse_frequencies(counts) == pytest.approx(
        TfidfTransformer(smooth_idf=True).fit(counts).idf_
    )
    of_three = np.array([0, 0, 1, 2])  # half of all texts are of class 0
    by_size, alike = (ngram_weights.log_count_ratios(counts, of_three, w) for w in (False, True))
    assert by_size[0] > alike[0]


def test_a_text_of_words_that_tell_nothing_gets_the_intercept() -> None:
    data = pairs_of_words(2)
    alike = replace(data, train=replace(data.train, labels=np.arange(len(data.train)) % 2))
    alike = replace(alike, train=replace(alike.train, x=np.full_like(data.train.x, 5)))
    model = network(alike)
    bias = model.get_layer(wide.WIDE).get_layer(wide.INTERCEPT).get_weights()[1]
    found = logits_of_the_path(model, alike.train.x[:2])
    np.testing.assert_allclose(found, np.broadcast_to(bias, found.shape), atol=1e-5)


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_keras_numbers_ngrams_as_numpy_does(padding: str) -> None:
    from keras import ops

    x = np.random.default_rng(1).integers(1, 50, (20, 12)).astype(np.int32)
    for row, length in zip(x, range(20), strict=True):
        row[slice(length, None) if padding == "post" else slice(0, max(12 - length, 0))] = 0
    there = np.asarray(NGRAMS.of(ops.convert_to_tensor(x), ops))
    np.testing.assert_array_equal(NGRAMS.of(x, np), there)


def test_the_largest_ids_do_not_overflow() -> None:
    known = wide.Ngrams(ids=10_000_000, buckets=wide.BUCKETS, longest=5)
    x = np.full((1, 6), 9_999_999, np.int32)
    rows = known.of(x, np)
    exact = known.of(x.astype(object), np)
    assert rows.tolist() == exact.tolist()


def test_the_linear_model_learns_what_word_order_says() -> None:
    data = pairs_of_words(4)
    found = logits_of_the_path(network(data), data.test.x)
    assert (found.argmax(axis=1) == data.test.labels).mean() > 0.95


@pytest.mark.parametrize("classes", [2, 3])
def test_its_logits_are_sums_over_the_ngrams_of_a_text(classes: int) -> None:
    data = pairs_of_words(classes)
    model = network(data)
    known = wide._ngrams(data, 1 if classes == 2 else classes)
    table, bias = wide._fitted(known, data, weighed=False)
    counts = known.counts(data.test.x).toarray()
    norms = np.sqrt(counts @ table[:, -1])[:, None]
    np.testing.assert_allclose(
        logits_of_the_path(model, data.test.x), counts @ table[:, :-1] / norms + bias, rtol=1e-4
    )


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_padding_changes_no_answer(pooling: str) -> None:
    data = pairs_of_words(3)
    model = network(data, pooling=pooling)
    longer = np.pad(data.test.x, ((0, 0), (0, 9)))
    np.testing.assert_allclose(
        predict(model, longer), predict(model, data.test.x), rtol=1e-5, atol=1e-6
    )


def test_the_validation_examples_choose_the_weights() -> None:
    data = pairs_of_words(4)
    model = network(data)  # untrained, so that the linear model is worth all
    before = predict(model, data.test.x)
    wide.weigh(model, data, predict)
    blend = model.get_layer(wide.BLEND)
    network_share = float(blend.get_layer(wide.NETWORK).get_weights()[0][0, 0])
    linear_share = float(blend.get_layer(wide.LINEAR).get_weights()[0][0, 0])
    assert linear_share > 0.8 and linear_share > 4 * abs(network_share)
    after = predict(model, data.test.x)
    true = np.arange(len(after)), data.test.labels
    assert np.log(after[true]).mean() > np.log(before[true]).mean()


def test_a_handful_of_validation_examples_chooses_nothing() -> None:
    data = pairs_of_words(3)
    few = replace(data, validation=data.validation.take(np.arange(wide.FEW - 1)))
    model = network(few)
    before = predict(model, data.test.x)
    assert wide.weigh(model, few, predict) == (1 - wide.WEIGHT, wide.WEIGHT)
    np.testing.assert_array_equal(before, predict(model, data.test.x))


def test_to_weigh_again_changes_nothing() -> None:
    data = pairs_of_words(3)
    model = network(data)
    wide.weigh(model, data, predict)
    once = predict(model, data.test.x)
    wide.weigh(model, data, predict)
    np.testing.assert_array_equal(once, predict(model, data.test.x))


def test_numbers_are_answered_in_their_units() -> None:
    data = numbers()
    model = network(data)
    wide.weigh(model, data, lambda one, x: predict(one, x))
    said = data.task.predictions(predict(data.task.in_training(model), data.test.x))
    assert np.abs(said - data.test.labels).mean() < 2


def test_the_network_learns_most_examples_alone() -> None:
    import keras

    keras.utils.set_random_seed(0)
    blend = wide._blend(2)
    ones, zeros = np.ones((2_000, 2), np.float32), np.zeros((2_000, 2), np.float32)
    out = np.asarray(blend([ones, zeros], training=True))
    alone = (out == 1).all(axis=1)
    assert abs(alone.mean() - wide.ALONE) < 0.05
    np.testing.assert_allclose(out[~alone], 1 - wide.WEIGHT, rtol=1e-6)
    np.testing.assert_allclose(blend([ones, zeros]), 1 - wide.WEIGHT, rtol=1e-6)


def test_a_class_that_train_lacks_is_not_said() -> None:
    data = pairs_of_words(3)
    train = data.train.take(np.flatnonzero(data.train.labels != 2))
    found = logits_of_the_path(network(replace(data, train=train)), data.test.x)
    assert (found[:, 2] < found[:, :2].max(axis=1)).all()


def test_the_only_class_of_train_is_said() -> None:
    data = pairs_of_words(2)
    train = data.train.take(np.flatnonzero(data.train.labels == 1))
    assert (logits_of_the_path(network(replace(data, train=train)), data.test.x) > 0).all()


def test_weighed_classes_count_alike_also_where_validation_lacks_one() -> None:
    data = pairs_of_words(3)
    some = data.validation.take(np.flatnonzero(data.validation.labels != 2))
    data = replace(data, validation=some)
    logits = np.tile([1.0, 0.0, 0.0], (len(some), 1))
    assert data.task.rank_beside(data.validation.labels, logits, True) == pytest.approx(1 / 2)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("pooling", ["last", "max"])
def test_it_is_saved_and_opened_with_and_without_seqtrain(
    classes: int, pooling: str, tmp_path: Path
) -> None:
    import keras

    data = pairs_of_words(classes)
    keys = ("name=bilstm", "units=4", "embedding_dim=4", f"pooling={pooling}", "wide=true")
    config = load_config(PHRASES, [f"model.{key}" for key in keys])
    model = config.model.build(data)
    config.model.prepare(model, data)
    file = tmp_path / "model.keras"
    keras.Model(model.inputs[0], model.outputs[0]).save(file)
    wanted = predict(model, data.test.x)
    np.testing.assert_array_equal(wanted, predict(keras.models.load_model(file), data.test.x))
    ours = model_file.open_model(file, config, data.fitted)
    np.testing.assert_array_equal(wanted, predict(ours, data.test.x))
    np.testing.assert_allclose(wanted, predict(ours, data.test.x[:, :6]), rtol=1e-5)
