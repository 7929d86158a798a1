"""Labels that look the same: one class, or a warning, wherever they are written."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.class_labels import normalised
from seqtrain.data.dataset import Fitted, NewExamples
from seqtrain.datasets import Dataset
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from seqtrain.tasks import Classification
from tests.own import rows_of, sentences, waves, write_csv, write_folder, write_rows

Write = Callable[[list[str]], Dataset]


@pytest.fixture(autouse=True)
def messages(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "seqtrain")
    return caplog


def rows(labels: list[str]) -> list[tuple[str, str]]:
    """Return texts with these labels in turn."""
    return [(text, labels[index % len(labels)]) for index, (text, _) in enumerate(sentences())]


def table(labels: list[str]) -> Dataset:
    keys = {"name": "text", "path": str(write_csv(Path("own.csv"), rows(labels)))}
    return Text.model_validate(keys).load()


def json_lines(labels: list[str]) -> Dataset:
    items = [{"text": text, "label": label} for text, label in rows(labels)]
    Path("own.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    return Text.model_validate({"name": "text", "path": "own.jsonl"}).load()


def folder(labels: list[str]) -> Dataset:
    keys = {"name": "folder", "path": str(write_folder(Path("own"), rows(labels)))}
    return Folder.model_validate(keys).load()


def steps(labels: list[str]) -> Dataset:
    sequences, _ = waves()
    written = [labels[index % len(labels)] for index in range(60)]
    file = write_rows(Path("steps.csv"), rows_of(sequences, written))
    return Arrays.model_validate({"name": "arrays", "path": str(file)}).load()


def archive(labels: list[str]) -> Dataset:
    x = np.random.default_rng(0).normal(size=(60, 4, 2))
    np.savez("own.npz", x=x, y=[labels[index % len(labels)] for index in range(60)])
    return Arrays.model_validate({"name": "arrays", "path": "own.npz"}).load()


EVERY = pytest.mark.parametrize("write", [table, json_lines, folder, steps, archive])
SAME = {
    "a space without width": ("neg\u200b", "neg"),
    "composed and decomposed letters": ("caf\u00e9", "cafe\u0301"),
    "two spaces": ("very  neg", "very neg"),
    "a space that does not break": ("very\u00a0neg", "very neg"),
    "a soft hyphen": ("ne\u00adg", "neg"),
    "a byte order mark": ("\ufeffneg", "neg"),
    "a direction": ("\u200eneg\u200f", "neg"),
    "a joiner of nothing": ("neg\u200d", "neg"),
}


@EVERY
@pytest.mark.parametrize("ways", SAME.values(), ids=SAME)
def test_labels_that_look_the_same_are_one_class(
    write: Write, ways: tuple[str, str], messages: pytest.LogCaptureFixture
) -> None:
    dataset = write([ways[0], "pos", ways[1], "pos"])
    assert dataset.task.classes == tuple(sorted([normalised(ways[1]), "pos"]))
    parts = (dataset.train, dataset.validation, dataset.test)
    assert np.bincount(np.concatenate([part.labels for part in parts])).tolist() == [30, 30]
    assert "look the same, and are one class" in messages.text


def test_the_steps_of_a_sequence_may_write_its_label_in_two_ways() -> None:
    sequences, labels = waves()
    found = rows_of(sequences, labels)
    for row in found[::2]:
        row["label"] = f"{row['label']}\u200b"
    file = write_rows(Path("steps.csv"), found)
    dataset = Arrays.model_validate({"name": "arrays", "path": str(file)}).load()
    assert dataset.task.classes == ("down", "up")


@pytest.mark.parametrize("ways", SAME.values(), ids=SAME)
def test_a_label_to_judge_by_is_found_however_it_is_written(ways: tuple[str, str]) -> None:
    fitted = Fitted(Classification((normalised(ways[0]), "pos")))
    given = NewExamples(np.zeros((3, 2)), labels=[*ways, "pos"])
    assert given.truth(Path("new.csv"), fitted.task).tolist() == [0, 0, 1]


def test_a_label_of_an_older_run_is_found_as_that_run_has_it() -> None:
    fitted = Fitted(Classification(("neg", "neg\u200b")))
    given = NewExamples(np.zeros((3, 2)), labels=["neg", "neg\u200b", "neg"])
    assert given.truth(Path("new.csv"), fitted.task).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "label",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian writes words with a joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # a flag
        "a\tb",
    ],
)
def test_what_can_be_seen_of_a_label_stays(label: str) -> None:
    assert normalised(label) == label


ALIKE = {
    "case": (("Neg", "neg"), "differ in case alone", "`Neg` (15) and `neg` (15)"),
    "numbers": (("1", "1.0"), "are the same number", "`1` (15) and `1.0` (15)"),
    "zeros before": (("7", "07"), "are the same number", "`07` (15) and `7` (15)"),
    "the other zero": (("0", "-0"), "are the same number", "`-0` (15) and `0` (15)"),
    "a full stop": (("neg", "neg."), "look alike", "`neg` (15) and `neg.` (15)"),
    "an underline": (("so neg", "so_neg"), "look alike", "`so neg` (15) and `so_neg` (15)"),
    "full width": (("neg", "\uff4eeg"), "look alike", "`neg` (15) and `\uff4eeg` (15)"),
    "a hyphen that does not break": (
        ("so-so", "so\u2011so"),
        "look alike",
        r"`so-so` (15) and `so\u2011so` (15)",
    ),
    "a typographic apostrophe": (
        ("can't", "can\u2019t"),
        "look alike",
        r"`can't` (15) and `can\u2019t` (15)",
    ),
    "Cyrillic letters": (("neg", "n\u0435g"), "look alike", r"`neg` (15) and `n\u0435g` (15)"),
}


def test_a_class_that_may_say_that_there_is_no_label_is_told(
    messages: pytest.LogCaptureFixture,
) -> None:
    assert "NA" in table(["neg", "pos", "NA"]).task.classes
    assert "`NA` is a class of 20 examples" in messages.text
    assert "`dataset.unlabelled=skip`" in messages.text


@EVERY
@pytest.mark.parametrize(("ways", "difference", "pair"), ALIKE.values(), ids=ALIKE)
def test_labels_that_may_mean_the_same_are_told_with_their_examples(
    write: Write,
    ways: tuple[str, str],
    difference: str,
    pair: str,
    messages: pytest.LogCaptureFixture,
) -> None:
    assert len(write([ways[0], "pos", ways[1], "pos"]).task.classes) == 3
    told = [one for one in messages.messages if "with their examples" in one]
    assert len(told) == 1
    assert f"classes that {difference}, with their examples: {pair}; " in told[0]


@EVERY
def test_labels_that_differ_are_not_told(write: Write, messages: pytest.LogCaptureFixture) -> None:
    write(["C", "C++", "+", "-", "1", "-1"])
    assert "with their examples" not in messages.text


def test_values_of_json_that_look_the_same_are_told(messages: pytest.LogCaptureFixture) -> None:
    lines = [f'{{"text": "{text}", "label": %s}}\n' for text, _ in sentences()]
    kinds = ("1", '"1"', "1.0", "0")
    Path("own.jsonl").write_text("".join(line % kinds[i % 4] for i, line in enumerate(lines)))
    dataset = Text.model_validate({"name": "text", "path": "own.jsonl"}).load()
    assert dataset.task.classes == ("0", "1", "1.0")
    assert "are the same number, with their examples: `1` (30) and `1.0` (15)" in messages.text


@pytest.mark.parametrize("write", [table, json_lines, steps, archive])
@pytest.mark.parametrize("label", ["ne\x07g", "ne\tg", "\x1b[31mneg", "ne\u0085g"])
def test_control_characters_are_refused_in_every_dataset(write: Write, label: str) -> None:
    with pytest.raises(DataError, match="a control character is in the label"):
        write([label, "pos"])


@pytest.mark.parametrize("write", [table, json_lines, steps])
def test_a_label_of_which_nothing_is_seen_is_empty(write: Write) -> None:
    with pytest.raises(DataError, match="the label is empty"):
        write(["\u200b", "pos"])


def test_a_label_that_train_lacks_is_told_with_the_one_that_is_meant() -> None:
    write_csv(Path("test.csv"), [("a film", "1.0"), ("a book", "0")])
    keys = {"name": "text", "path": str(write_csv(Path("own.csv"), rows(["0", "1"])))}
    with pytest.raises(DataError, match="has the label `1.0`, did you mean `1`?"):
        Text.model_validate({**keys, "test_path": "test.csv"}).load()


def test_folders_of_classes_fit_together_however_their_names_are_composed() -> None:
    write_folder(Path("own/train"), rows(["caf\u00e9", "bar"]))
    write_folder(Path("own/test"), [("a good film", "cafe\u0301"), ("a bad one", "bar")])
    dataset = Folder.model_validate({"name": "folder", "path": "own"}).load()
    assert dataset.task.classes == ("bar", "caf\u00e9")
    assert sorted(dataset.test.labels.tolist()) == [0, 1]


def test_where_a_label_stands_is_looked_up_for_a_message_alone() -> None:
    """In a large table this may take as long as reading it."""

    def place(index: int) -> str:
        raise AssertionError(index)

    task = Classification().fit_names(["b", "a"], 9, place, "own.csv", "")
    assert task.encode(["a", "b"], place, "own.csv").tolist() == [0, 1]
