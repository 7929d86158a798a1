"""A person's own examples with numbers as labels."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.datasets import Dataset
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.dataset import Given, Learned
from seqtrain.datasets.scaling import Target
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from tests.own import sentences, waves, write_csv, write_rows

NUMBERS = [index * 1.5 - 20 for index in range(60)]
Write = Callable[[list[Any]], Dataset]


def texts(labels: list[Any], name: str = "own.csv", **keys: Any) -> Dataset:
    """Write texts with these labels, and read them as they are to be."""
    rows = [(text, str(label)) for (text, _), label in zip(sentences(), labels, strict=True)]
    given = {"name": "text", "path": str(write_csv(Path(name), rows)), "task": "regression"}
    return Text.model_validate({**given, **keys}).load()


def steps(labels: list[Any], **keys: Any) -> Dataset:
    """Write a long table of sequences with these labels."""
    sequences, _ = waves()
    rows = [
        {"id": index, "step": step, "label": label, "height": float(values[0])}
        for index, (sequence, label) in enumerate(zip(sequences, labels, strict=True))
        for step, values in enumerate(sequence)
    ]
    given = {"name": "arrays", "path": str(write_rows(Path("steps.csv"), rows))}
    return Arrays.model_validate({**given, "task": "regression", **keys}).load()


def arrays(labels: Any, **keys: Any) -> Dataset:
    """Write a .npz file of sequences with these labels."""
    np.savez("own.npz", x=np.random.default_rng(0).normal(size=(60, 4, 2)), y=labels)
    given = {"name": "arrays", "path": "own.npz", "task": "regression", **keys}
    return Arrays.model_validate(given).load()


EVERY = pytest.mark.parametrize("write", [texts, steps, arrays])


def labels_of(dataset: Dataset) -> list[float]:
    parts = (dataset.train, dataset.validation, dataset.test)
    return sorted(np.concatenate([part.labels for part in parts]).tolist())


@EVERY
def test_labels_are_the_numbers_of_the_file(write: Write) -> None:
    dataset = write(NUMBERS)
    assert labels_of(dataset) == NUMBERS
    assert dataset.train.labels.dtype == np.float32
    assert (dataset.task, dataset.classes) == ("regression", ())
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [43, 5, 12]


@EVERY
def test_the_scale_is_that_of_the_examples_that_train(write: Write) -> None:
    dataset = write(NUMBERS)
    assert dataset.target is not None
    assert dataset.target.mean == pytest.approx(dataset.train.labels.mean(), rel=1e-6)
    assert dataset.target.deviation == pytest.approx(dataset.train.labels.std(), rel=1e-6)
    assert dataset.target.tolerance is None


@EVERY
def test_whole_numbers_and_exponents_are_numbers(write: Write) -> None:
    written: list[Any] = [0, 1, -2, 3e10] * 15
    assert labels_of(write(written)) == sorted(np.float32(written).tolist())


def test_numbers_of_a_file_of_doubles_are_read_to_the_last_digit_of_a_float() -> None:
    exact = np.random.default_rng(0).normal(size=60)
    assert labels_of(arrays(exact)) == sorted(np.float32(exact).tolist())


WRONG = [
    ("3,5", "the label `3,5` is no number", "write decimals with a point"),
    ("good", "the label `good` is no number", "`task: classification`"),
    ("nan", "the label `nan` is no number", "a finite number"),
    ("inf", "the label `inf` is no number", "a finite number"),
    ("1e30", "the label `1e30` is no number", "a finite number"),
    ("1_000", "the label `1_000` is no number", "a finite number"),
    ("", "the label is empty", "dataset.unlabelled=skip"),
]


@pytest.mark.parametrize(("label", "message", "hint"), WRONG)
@pytest.mark.parametrize(("write", "line"), [(texts, 8), (steps, None)])
def test_a_label_that_is_no_number_is_told_with_its_line(
    write: Write, line: int | None, label: str, message: str, hint: str
) -> None:
    place = f":{line}: " if line else r":\d+: "
    with pytest.raises(DataError, match=f"^.*csv{place}{message}$") as caught:
        write([*NUMBERS[:6], label, *NUMBERS[7:]])
    assert hint in str(caught.value.hint)


def test_a_label_that_was_not_measured_is_empty() -> None:
    with pytest.raises(DataError, match=r"own.npz: example 7: the label is empty$"):
        arrays([*NUMBERS[:6], np.nan, *NUMBERS[7:]])


@pytest.mark.parametrize("bad", [np.inf, 1e30])
def test_a_number_that_is_not_usable_is_told_with_its_place(bad: float) -> None:
    message = f"own.npz: example 7: the label `{bad}` is no number"
    with pytest.raises(DataError, match=re.escape(message)):
        arrays([*NUMBERS[:6], bad, *NUMBERS[7:]])


@EVERY
def test_labels_that_are_all_the_same_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match="every training example has the label 2.5") as caught:
        write([2.5] * 60)
    assert "different numbers" in str(caught.value.hint)


@EVERY
def test_many_different_numbers_as_classes_get_a_hint(write: Any) -> None:
    whole = [*range(60)] if write is arrays else NUMBERS
    with pytest.raises(DataError, match="different labels") as caught:
        write(whole, task="classification")
    assert str(caught.value.hint).endswith("learn them as numbers: `dataset.task=regression`")


def test_measured_numbers_in_an_archive_get_a_hint() -> None:
    with pytest.raises(DataError, match="which is no whole number") as caught:
        arrays(NUMBERS, task="classification")
    assert "`dataset.task=regression` learns measured numbers" in str(caught.value.hint)


@pytest.mark.parametrize(("different", "told"), [(20, False), (24, True)])
def test_some_repeated_numbers_are_classes_with_a_hint(
    different: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqtrain"):
        texts([index % different for index in range(60)], task="classification")
    assert ("as numbers: `dataset.task=regression`" in caplog.text) == told


def test_test_examples_may_have_numbers_that_train_has_not() -> None:
    rows = [(text, str(index + 1000.5)) for index, (text, _) in enumerate(sentences(7))]
    dataset = texts(NUMBERS, test_path=str(write_csv(Path("test.csv"), rows)))
    assert dataset.test.labels.tolist() == [index + 1000.5 for index in range(7)]


LEARNED = Learned((), target=Target())


def test_numbers_to_judge_by_are_read_from_what_is_given() -> None:
    given = Given(np.zeros((3, 2)), labels=["1.5", "-2", "1e3"])
    found = given.truth(Path("new.csv"), LEARNED)
    assert (found.dtype, found.tolist()) == (np.float32, [1.5, -2, 1000])


def test_what_is_given_without_a_number_to_judge_by_is_refused() -> None:
    given = Given(np.zeros((2, 2)), labels=["1.5", "high"], lines=[2, 5])
    with pytest.raises(DataError, match="^new.csv:5: the label `high` is no number$"):
        given.truth(Path("new.csv"), LEARNED)
    with pytest.raises(DataError, match="^new.csv has no `label` to judge by$"):
        Given(np.zeros((2, 2))).truth(Path("new.csv"), LEARNED)
