"""A person's own examples with numbers as labels."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import Fitted, NewExamples
from seqtrain.data.number_labels import form, measured
from seqtrain.datasets import Dataset
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from seqtrain.tasks import Regression
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
    assert dataset.train.labels.dtype == np.float64
    assert dataset.task.name == "regression"
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [43, 5, 12]


@EVERY
def test_the_scale_is_that_of_the_examples_that_train(write: Write) -> None:
    dataset = write(NUMBERS)
    assert dataset.task.target is not None
    assert dataset.task.target.mean == pytest.approx(dataset.train.labels.mean(), rel=1e-6)
    assert dataset.task.target.std == pytest.approx(dataset.train.labels.std(), rel=1e-6)
    assert dataset.task.target.tolerance is None


@EVERY
def test_whole_numbers_and_exponents_are_numbers(write: Write) -> None:
    numbers: list[Any] = [0, 1, -2, 3e10] * 15
    assert labels_of(write(numbers)) == sorted(numbers)


@EVERY
def test_labels_keep_every_digit(write: Write) -> None:
    seconds = [1_700_000_000 + index + 0.125 for index in range(60)]
    assert labels_of(write(seconds)) == seconds


def test_labels_of_an_archive_are_the_numbers_that_were_written() -> None:
    nanoseconds = 1_700_000_000_000_000_000 + 1_000 * np.arange(60)
    assert labels_of(arrays(nanoseconds)) == nanoseconds.astype(float).tolist()
    assert labels_of(arrays(np.linspace(0, 5.9, 60).astype(np.float32)))[:3] == [0, 0.1, 0.2]


def test_more_digits_than_are_computed_with_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    texts([9_007_199_254_740_992 + 2 * index for index in range(60)])
    assert caplog.messages[:-1] == []
    texts([9_007_199_254_740_993 + 2 * index for index in range(60)])
    assert "own.csv:2: labels such as `9007199254740993` have more digits" in caplog.text


@pytest.mark.parametrize("zeros", [5_000, 20_000])
def test_a_number_may_begin_with_any_number_of_zeros(zeros: int) -> None:
    labels = [f"{'0' * zeros}{index}" for index in range(60)]
    assert labels_of(texts(labels)) == [*range(60)]


def test_labels_that_the_saved_network_rounds_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    texts(NUMBERS)
    assert not caplog.messages
    texts([20_240_501 + index % 7 for index in range(60)])
    (told,) = caplog.messages
    assert re.search(r"own.csv: the labels differ by about \d\S* around 2024050\d.\d*, where", told)
    assert "numbers of 32 bits are 2 apart" in told
    assert told.endswith("model.keras, opened alone, rounds its own")


@pytest.mark.parametrize("kind", ["datetime64[D]", "datetime64[ns]", "timedelta64[s]"])
def test_points_in_time_in_an_archive_are_refused_with_what_to_write(kind: str) -> None:
    with pytest.raises(DataError, match="not labels but times") as caught:
        arrays(np.arange(60).astype(kind))
    assert "astype(int)" in str(caught.value.hint)


WRONG = [
    ("3,5", "the label `3,5` is not a number: it has a decimal comma", "write 3.5,"),
    ("12.5%", "the label `12.5%` is not a number: it has a percent sign", "write 12.5 or 0.125,"),
    ("good", "the label `good` is not a number", "`task: classification`"),
    ("nan", "the label `nan` is not a number", "a finite number"),
    ("inf", "the label `inf` is not a number", "a finite number"),
    ("1e30", "the label `1e30` is not a number", "a finite number"),
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
    message = f"own.npz: example 7: the label `{bad}` is not a number"
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
    with pytest.raises(DataError, match="which is not a whole number") as caught:
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


FITTED = Fitted(Regression())


def test_numbers_to_judge_by_are_read_from_what_is_given() -> None:
    given = NewExamples(np.zeros((3, 2)), labels=["1.5", "-2", "1e3"])
    found = given.truth(Path("new.csv"), FITTED.task)
    assert (found.dtype, found.tolist()) == (np.float64, [1.5, -2, 1000])


def test_what_is_given_without_a_number_to_judge_by_is_refused() -> None:
    given = NewExamples(np.zeros((2, 2)), labels=["1.5", "high"], lines=[2, 5])
    with pytest.raises(DataError, match="^new.csv:5: the label `high` is not a number$"):
        given.truth(Path("new.csv"), FITTED.task)
    with pytest.raises(DataError, match="^new.csv has no `label` to compare with$"):
        NewExamples(np.zeros((2, 2))).truth(Path("new.csv"), FITTED.task)


@pytest.mark.parametrize(
    ("label", "number"),
    [
        *(("\u22123", -3), ("\u20137.5", -7.5), ("\uff0d\uff11", -1), ("+5", 5), (" 5\u00a0", 5)),
        *(("\u0661\u0662\u066b\u0665", 12.5), ("\u200e4", 4), ("1e5", 1e5), (".5", 0.5)),
    ],
)
def test_numbers_that_can_mean_nothing_else_are_read(label: str, number: float) -> None:
    assert measured(label) == number
    assert texts([label, *NUMBERS[1:]]).task.name == "regression"


@pytest.mark.parametrize(
    ("label", "what", "hint"),
    [
        ("$0.13", "it has a currency sign", "write 0.13,"),
        ("\u20ac 5", "it has a currency sign", "write 5,"),
        ("12 EUR", "it has a currency sign", "write 12,"),
        ("R$ 5,50", "it has a currency sign and a decimal comma", "write 5.50,"),
        ("12,5 %", "it has a percent sign and a decimal comma", "write 12.5 or 0.125,"),
        ("0,123", "it has a decimal comma", "write 0.123,"),
        ("1,234", "it has a comma, which can stand before decimals or", "write 1.234 or 1234,"),
        ("1,000.50", "it has commas between thousands", "write 1000.50,"),
        ("12,34,567", "it has commas between thousands", "write 1234567,"),
        ("1.234,56", "it has points between thousands", "write 1234.56,"),
        ("1.234.567", "it has points between thousands", "write 1234567,"),
        ("1\u202f000,5", "it has signs between its thousands and a decimal", "write 1000.5,"),
        ("1'000", "it has signs between its thousands", "write 1000,"),
        ("1_000", "it has signs between its thousands", "write 1000,"),
        ("(3.2)", "it has parentheses for a minus sign", "write -3.2,"),
        ("5-", "it has its minus sign at the end", "write -5,"),
        ("5 kg", "it has a unit", "write 5,"),
        ("-20\u00b0C", "it has a unit", "write -20,"),
        ("5k", "it is shortened", "all its digits"),
        ("2024-05-01", "it is a date", "write times as numbers"),
        ("1.5.2024", "it is a date", "write times as numbers"),
        ("12:30", "it is a time", "write times as numbers"),
        ("3/4", "it is a fraction", "0.75"),
        ("3\u20135", "it is a range", "one number"),
        ("<5", "it is a bound", "the number alone"),
        ("N/A", "it is a missing value", "dataset.unlabelled=skip"),
        ("yes", "it is a yes or no", "write 1 and 0"),
    ],
)
def test_other_forms_of_numbers_are_refused_by_their_name(label: str, what: str, hint: str) -> None:
    given = NewExamples(np.zeros((1, 2)), labels=[label], lines=[2])
    for judge in (
        lambda: given.truth(Path("own.csv"), FITTED.task),
        lambda: texts([label, *NUMBERS[1:]]),
    ):
        with pytest.raises(
            DataError, match=f"own.csv:2: the label .* is not a number: {what}"
        ) as caught:
            judge()
        assert hint in str(caught.value.hint)


@pytest.mark.parametrize("label", ["good", "%", "1.2.3", "$", "five", "5,", "--", "1,2,3"])
def test_what_is_nearly_a_number_gets_no_wrong_advice(label: str) -> None:
    found = form(label)
    assert found is None or "write " not in found[1]


@pytest.mark.parametrize("key", ["std", "deviation"])
def test_the_target_of_early_runs_is_read(key: str) -> None:
    found = Regression().from_json({"mean": 1.0, key: 2.0, "tolerance": None})
    assert found.to_json() == {"mean": 1.0, "std": 2.0, "tolerance": None}
