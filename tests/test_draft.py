"""`init --data` drafts a config that trains as it stands."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.config import load_config
from tests.conftest import Outcome
from tests.own import rows_of, sentences, waves, write_folder, write_rows

Seqtrain = Callable[..., Outcome]


def table(name: str, header: list[str], rows: list[list[str]], delimiter: str = ",") -> Path:
    file = Path(name)
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return file


def drafted(seqtrain: Seqtrain, data: Path) -> dict[str, object]:
    """The dataset section of the config that is drafted."""
    outcome = seqtrain("init", "--data", data, "--to", "mine.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout == "mine.yaml\n"
    return load_config(Path("mine.yaml")).dataset.model_dump()


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        (["text", "label"], "text", "label"),
        (["Review", "Sentiment"], "Review", "Sentiment"),
        (["what they wrote", "kind"], "what they wrote", "kind"),
        (["tweets", "my classes"], "tweets", "my classes"),
    ],
)
def test_columns_are_found_by_name_or_content(
    header: list[str], text: str, label: str, seqtrain: Seqtrain
) -> None:
    rows = [[str(number), *row] for number, row in enumerate(sentences())]
    found = drafted(seqtrain, table("own.csv", ["id", *header], rows))
    assert (found["text_column"], found["label_column"]) == (text, label)


def test_columns_without_a_name_are_passed_over(seqtrain: Seqtrain) -> None:
    rows = [["1", text, label, "2"] for text, label in sentences()]
    found = drafted(seqtrain, table("own.csv", ["", "text", "label", ""], rows))
    assert (found["text_column"], found["label_column"]) == ("text", "label")


def test_lengths_and_words_decide_the_keys(seqtrain: Seqtrain) -> None:
    rows = [["word " * (80 if number else 900), str(number % 2)] for number in range(100)]
    found = drafted(seqtrain, table("own.tsv", ["text", "label"], rows, "\t"))
    assert found["max_length"] == 90
    assert found["vocabulary_size"] == 1000


def test_uneven_classes_are_balanced(seqtrain: Seqtrain) -> None:
    rows = [[f"text number {number}", "rare" if number < 10 else "usual"] for number in range(200)]
    drafted(seqtrain, table("own.csv", ["text", "label"], rows))
    assert load_config(Path("mine.yaml")).training.class_weight == "balanced"


def test_a_folder_that_only_train_has_is_no_class(seqtrain: Seqtrain) -> None:
    for part in ("train", "test"):
        write_folder(Path("own") / part, sentences(20))
    write_folder(Path("own/train"), [("a film", "unsup")])
    found = drafted(seqtrain, Path("own"))
    assert (found["name"], found["classes"]) == ("folder", ("bad", "good"))


@pytest.mark.parametrize("form", ["own.csv", "own.npz"])
def test_sequences_of_numbers_are_drafted_too(form: str, seqtrain: Seqtrain) -> None:
    sequences, labels = waves()
    if form == "own.csv":
        write_rows(Path(form), rows_of(sequences, labels))
    else:
        lengths = [len(sequence) for sequence in sequences]
        np.savez(form, values=np.concatenate(sequences), lengths=lengths, y=labels)
    found = drafted(seqtrain, Path(form))
    assert (found["name"], found["standardise"]) == ("arrays", True)
    assert (found["id_column"], found["step_column"]) == ("id", "step")
    assert "60 examples of 2 classes" in Path("mine.yaml").read_text()


@pytest.mark.parametrize("form", ["texts.csv", "steps.csv", "steps.npz"])
def test_measured_labels_are_drafted_as_numbers(form: str, seqtrain: Seqtrain) -> None:
    sequences, _ = waves()
    labels = [f"{index * 1.5}" for index in range(60)]
    if form == "texts.csv":
        rows = [[text, label] for (text, _), label in zip(sentences(), labels, strict=True)]
        table(form, ["text", "score"], rows)
    elif form == "steps.csv":
        write_rows(Path(form), rows_of(sequences, labels))
    else:
        lengths = [len(sequence) for sequence in sequences]
        np.savez(form, values=np.concatenate(sequences), lengths=lengths, y=np.arange(60) * 1.5)
    assert drafted(seqtrain, Path(form))["task"] == "regression"
    assert "examples labelled with numbers" in Path("mine.yaml").read_text()


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([str(number % 10) for number in range(60)], "classification"),
        ([f"{number % 9 / 2}" for number in range(60)], "classification"),
        ([f"{number % 19 / 2}" for number in range(60)], "regression"),
        ([str(number * 3) for number in range(60)], "regression"),
    ],
    ids=["digits", "stars", "fractions", "counts"],
)
def test_numbers_that_repeat_are_classes(labels: list[str], task: str, seqtrain: Seqtrain) -> None:
    rows = [[text, label] for (text, _), label in zip(sentences(), labels, strict=True)]
    assert drafted(seqtrain, table("own.csv", ["text", "rating"], rows))["task"] == task


@pytest.mark.parametrize("name", ["a b: c.csv", "'quoted'.csv", "naïve #1.csv"])
def test_any_name_of_a_file_is_written_as_yaml(name: str, seqtrain: Seqtrain) -> None:
    found = drafted(seqtrain, table(name, ["text", "label"], [list(r) for r in sentences()]))
    assert found["path"] == str(Path(name).absolute())


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (["text", "label"], [], "own.csv holds no rows"),
        (["text", "id"], [[f"text {n}", str(n)] for n in range(50)], "holds classes"),
        (["text", "label"], [["a", "b"], ["c", ""]], "`label` holds no classes: 1 different"),
    ],
)
def test_what_cannot_be_drafted_is_one_error_and_no_file(
    header: list[str], rows: list[list[str]], message: str, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("init", "--data", table("own.csv", header, rows))
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert "\nhint: " in outcome.stderr
    assert not Path("own.yaml").exists()


def test_nothing_is_overwritten(seqtrain: Seqtrain) -> None:
    Path("own.yaml").write_text("mine")
    data = table("own.csv", ["text", "label"], [list(row) for row in sentences()])
    outcome = seqtrain("init", "--data", data)
    assert outcome.exit_code == 2
    assert "`own.yaml` exists" in outcome.stderr
    assert Path("own.yaml").read_text() == "mine"


def test_init_needs_a_name_or_data(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("init")
    assert outcome.exit_code == 2
    assert "Name a shipped config, or your own file with --data." in outcome.stderr


@pytest.mark.tf
def test_a_draft_trains_as_it_stands(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["text", "label"], [list(row) for row in sentences()])
    seqtrain("init", "--data", data)
    outcome = seqtrain("train", "own.yaml", "training.epochs=15", "training.learning_rate=1e-2")
    assert outcome.exit_code == 0, outcome.stderr
    assert "test accuracy 1.0000" in outcome.stderr
