"""The tasks of long lags, against what Hochreiter and Schmidhuber (1997) say of them."""

from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import MASK_VALUE
from seqtrain.datasets import Dataset, Examples
from seqtrain.datasets.adding import Adding
from seqtrain.datasets.temporal_order import CLASSES, SYMBOLS, TemporalOrder
from seqtrain.errors import DataError

EVERY = pytest.mark.parametrize("task", [Adding, TemporalOrder])
EVERY_LENGTH = pytest.mark.parametrize("steps", [10, 20, 25, 100])


def load(task: type[Any], **keys: Any) -> Dataset:
    few = {"name": task.names()[0], "examples": 600, "test_examples": 200, **keys}
    dataset: Dataset = task.model_validate(few).load()
    return dataset


def symbols(examples: Examples) -> list[str]:
    """Return the sequences as they are written in the paper, without padding."""
    rows = zip(examples.x, examples.lengths, strict=True)
    return ["".join(SYMBOLS[i] for i in x[:length].argmax(axis=1)) for x, length in rows]


@EVERY
@EVERY_LENGTH
def test_lengths_lie_between_the_shortest_and_a_tenth_more(task: type[Any], steps: int) -> None:
    examples = load(task, steps=steps).train
    assert examples.lengths is not None
    assert set(examples.lengths.tolist()) == {*range(steps, steps + steps // 10 + 1)}
    steps_read = (examples.x[:, :, 0] != MASK_VALUE).sum(axis=1)
    np.testing.assert_array_equal(steps_read, examples.lengths)


@EVERY
def test_no_sequence_is_there_twice(task: type[Any]) -> None:
    dataset = load(task, steps=10, examples=9_000)
    parts = (dataset.train, dataset.validation, dataset.test)
    hashes = np.concatenate([part.fingerprints() for part in parts])
    assert len(np.unique(hashes)) == len(hashes) == 9_200


@EVERY
def test_another_generator_seed_generates_other_sequences(task: type[Any]) -> None:
    one, same, other = (load(task, generator_seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test.x, same.test.x)
    assert not np.isin(one.test.fingerprints(), other.test.fingerprints()).any()
    assert one.sha256 == same.sha256 != other.sha256


@EVERY_LENGTH
def test_two_numbers_are_marked_where_the_paper_marks_them(steps: int) -> None:
    train = load(Adding, steps=steps).train
    marked = [np.flatnonzero(markers == 1) for markers in train.x[:, :, 1]]
    assert {len(places) for places in marked} == {2}
    half = steps // 2 - 1
    assert all(places.max() < half and places.min() < 10 for places in marked)
    assert {*np.concatenate(marked).tolist()} == {*range(half)}


def test_the_ends_of_a_sequence_are_marked_as_such_and_all_else_is_not() -> None:
    train = load(Adding).train
    assert train.lengths is not None
    for x, length in zip(train.x, train.lengths, strict=True):
        markers = x[:length, 1]
        assert markers[0] == (1 if x[0, 0] == 0 else -1)
        assert markers[-1] == -1
        assert set(markers[1:-1].tolist()) == {0, 1}


def test_the_label_is_the_scaled_sum_of_the_marked_numbers() -> None:
    train = load(Adding).train
    sums = [x[x[:, 1] == 1, 0].sum() for x in train.x]
    np.testing.assert_allclose(train.labels, 0.5 + np.array(sums) / 4, atol=1e-6)
    assert 0 <= train.labels.min() < 0.1 < 0.9 < train.labels.max() <= 1


def test_the_numbers_are_spread_over_minus_one_to_one() -> None:
    train = load(Adding, examples=2_000).train
    numbers = train.x[train.x[:, :, 0] != MASK_VALUE][:, 0]
    counts, _ = np.histogram(numbers, bins=10, range=(-1, 1))
    np.testing.assert_allclose(counts / len(numbers), 0.1, atol=0.005)


def test_an_answer_is_wrong_from_the_error_on_that_the_paper_names() -> None:
    target = load(Adding).task.target
    assert target is not None
    assert target.tolerance == 0.04


def test_symbols_are_features_of_which_one_is_1() -> None:
    train = load(TemporalOrder).train
    real = train.x[train.x[:, :, 0] != MASK_VALUE]
    assert real.shape[1] == len(SYMBOLS) == 8
    assert set(map(tuple, real.tolist())) == set(map(tuple, np.eye(8).tolist()))


@EVERY_LENGTH
def test_two_symbols_stand_where_the_paper_puts_them(steps: int) -> None:
    places = []
    for text in symbols(load(TemporalOrder, steps=steps).train):
        assert (text[0], text[-1]) == ("E", "B")
        assert {*text[1:-1]} <= {*"abcdXY"}
        places.append([index for index, symbol in enumerate(text, 1) if symbol in "XY"])
    first, second = np.array(places).T
    assert {*first} == {*range(max(steps // 10, 2), steps // 5 + 1)}
    assert {*second} == {*range(steps // 2, steps * 6 // 10 + 1)}


def test_the_class_is_the_order_of_the_two_symbols() -> None:
    train = load(TemporalOrder).train
    orders = ["".join(symbol for symbol in text if symbol in "XY") for text in symbols(train)]
    rule = {"XX": "Q", "XY": "R", "YX": "S", "YY": "U"}
    assert [CLASSES[label] for label in train.labels] == [rule[order] for order in orders]
    assert np.bincount(train.labels).min() > 0.2 * len(train)


def test_more_sequences_than_there_are_is_an_error() -> None:
    def generate(number: int, steps: int, random: np.random.Generator) -> Examples:
        return Examples(np.zeros((number, steps, 1), np.float32), np.arange(number) % 2)

    config = TemporalOrder(name="temporal_order", steps=10, examples=20, test_examples=5)
    with pytest.raises(DataError, match="has hardly 25 different sequences of 10 steps") as caught:
        config.parted(generate, ("a", "b"))
    assert "dataset.steps=100" in str(caught.value.hint)
