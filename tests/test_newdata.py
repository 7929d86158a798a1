"""New examples of a user: other column names, and columns that predictions keep."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.runs.run import Run
from tests.conftest import Outcome
from tests.factories.trained import saved
from tests.own import rows_of, sentences, waves, write_csv, write_rows

pytestmark = pytest.mark.tf

Seqtrain = Callable[..., Outcome]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("texts")
    file = write_csv(folder / "own.csv", sentences())
    config = f"dataset: {{name: text, path: {file}, max_length: 8}}\nmodel: {{name: gru, units: 2}}"
    run = saved(folder, config)
    run.write_trained_on(run.config.dataset.load().train.fingerprints())
    return run


@pytest.fixture
def new() -> Path:
    """Texts in another order, with columns for an id, a label and a note."""
    with Path("new.csv").open("w", newline="") as file:
        rows = [[f"p{9 - n}", text, label, "=1+1"] for n, (text, label) in enumerate(sentences(8))]
        csv.writer(file).writerows([["PassengerId", "tweet", "class", "note"], *rows])
    return Path("new.csv")


def predicted(seqtrain: Seqtrain, run: Run, *arguments: object) -> list[dict[str, Any]]:
    outcome = seqtrain("predict", run.folder, *arguments, "--format", "jsonl")
    assert outcome.exit_code == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def test_a_column_by_another_name_is_read(texts: Run, new: Path, seqtrain: Seqtrain) -> None:
    named = write_csv(Path("named.csv"), sentences(8))
    rows = predicted(seqtrain, texts, "--data", new, "--text", "tweet")
    same = predicted(seqtrain, texts, "--data", named)
    assert [row["probability"] for row in rows] == [row["probability"] for row in same]


def test_what_stands_beside_a_text_is_kept_in_order(
    texts: Run, new: Path, seqtrain: Seqtrain
) -> None:
    rows = predicted(seqtrain, texts, "--data", new, "--text", "tweet")
    assert [row["PassengerId"] for row in rows] == [f"p{9 - n}" for n in range(8)]
    assert [row["line"] for row in rows] == list(range(2, 10))
    assert [row["given class"] for row in rows] == [label for _, label in sentences(8)]
    assert {row["class"] for row in rows} <= {"bad", "good"}


def test_a_csv_has_the_columns_of_the_file_and_no_formulas(
    texts: Run, new: Path, seqtrain: Seqtrain
) -> None:
    arguments = ("--data", new, "--text", "tweet", "--format", "csv")
    outcome = seqtrain("predict", texts.folder, *arguments)
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert [*rows[0]][:5] == ["example", "line", "PassengerId", "given class", "note"]
    assert {row["note"] for row in rows} == {"'=1+1"}


def test_a_table_shows_the_ids(texts: Run, new: Path, seqtrain: Seqtrain) -> None:
    lines = seqtrain("predict", texts.folder, "--data", new, "--text", "tweet").stdout.splitlines()
    assert lines[0].split()[:3] == ["example", "PassengerId", "class"]
    assert lines[1].split()[:2] == ["1", "p9"]


def test_labels_by_another_name_are_judged(texts: Run, new: Path, seqtrain: Seqtrain) -> None:
    named = write_csv(Path("named.csv"), sentences(8))
    arguments = ("--data", new, "--text", "tweet", "--label", "class", "--json")
    outcome = seqtrain("evaluate", texts.folder, *arguments)
    assert outcome.exit_code == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    same = json.loads(seqtrain("evaluate", texts.folder, "--data", named, "--json").stdout)
    assert found["data_accuracy"] == same["data_accuracy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--data", "new.csv"], "or name that of the texts: `--text COLUMN`"),
        (["predict", "--data", "new.csv", "--text", "twet"], "did you mean `tweet`?"),
        (["predict", "a text", "--text", "tweet"], "--text names a column of a file"),
        (["evaluate", "--label", "class"], "--label names a column of a file"),
        (["evaluate", "--data", "new.csv", "--text", "tweet"], "has no `label` to compare with"),
        (
            ["evaluate", "--data", "new.csv", "--text", "tweet", "--label", "clas"],
            "new.csv has no column `clas`, did you mean `class`?",
        ),
        (
            ["evaluate", "--data", "new.csv", "--text", "tweet", "--label", "tweet"],
            "--text and --label both name `tweet`",
        ),
    ],
)
def test_a_column_that_cannot_be_read_is_told(
    arguments: list[str], message: str, texts: Run, new: Path, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain(arguments[0], texts.folder, *arguments[1:])
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert message in outcome.stderr


def test_sequences_keep_their_ids(seqtrain: Seqtrain) -> None:
    sequences, labels = waves()
    write_rows(Path("own.csv"), rows_of(sequences, labels))
    run = saved(Path("."), "dataset: {name: arrays, path: own.csv}\nmodel: {name: gru, units: 2}")
    rows = rows_of(sequences[:6], labels[:6])[::-1]
    write_rows(Path("new.csv"), rows)
    found = predicted(seqtrain, run, "--data", "new.csv")
    assert [row["id"] for row in found] == [f"s{n}" for n in range(5, -1, -1)]
    printed = seqtrain("predict", run.folder, "--data", "new.csv").stdout.splitlines()
    assert printed[1].split()[:2] == ["1", "s5"]
    outcome = seqtrain("predict", run.folder, "--data", "new.csv", "--text", "id")
    assert "a network trained on `arrays` reads no texts" in outcome.stderr


def test_a_table_of_sequences_shows_their_ids_by_any_name(seqtrain: Seqtrain) -> None:
    sequences, labels = waves()
    rows = [{"person": row.pop("id"), **row} for row in rows_of(sequences, labels)]
    write_rows(Path("own.csv"), rows)
    dataset = "{name: arrays, path: own.csv, id_column: person}"
    run = saved(Path("."), f"dataset: {dataset}\nmodel: {{name: gru, units: 2}}")
    printed = seqtrain("predict", run.folder, "--data", "own.csv").stdout.splitlines()
    assert printed[0].split()[:2] == ["example", "person"]
    assert printed[1].split()[:2] == ["1", "s0"]


def test_explain_takes_the_newest_run(texts: Run, seqtrain: Seqtrain) -> None:
    outputs = ("--output", texts.folder.parent.parent, "--json")
    found = [
        json.loads(seqtrain("explain", *arguments, *outputs).stdout)
        for arguments in ([], ["--example", 1], ["a dull film"], ["own", "a dull film"])
    ]
    assert [one["example"] for one in found] == ["example 1 of test"] * 2 + ["a dull film"] * 2
    assert {one["run"] for one in found} == {texts.label}


@pytest.mark.parametrize(
    "arguments", [["owns"], ["ovn", "a text"], ["ovn", "--example", 1], ["outputs/x"]]
)
def test_a_run_that_explain_does_not_find_is_told(
    arguments: list[object], texts: Run, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("explain", *arguments, "--output", texts.folder.parent.parent)
    assert outcome.exit_code == 2
    assert "the run `" in outcome.stderr


def test_several_examples_of_a_file_are_explained(
    texts: Run, new: Path, seqtrain: Seqtrain
) -> None:
    write_csv(Path("many.csv"), sentences(14))
    arguments = ("--data", "many.csv", "--json", "--to", "shown")
    outcome = seqtrain("explain", texts.folder, *arguments)
    found = json.loads(outcome.stdout)
    assert [one["example"] for one in found] == [f"example {n} of many.csv" for n in range(1, 11)]
    assert "the first 10 of 14 examples" in outcome.stderr
    assert all(Path(file).exists() for one in found for file in one["files"])


def test_examples_without_a_label_are_left_out_where_a_run_skips_them(
    tmp_path: Path, seqtrain: Seqtrain
) -> None:
    items = [{"text": text, "label": label} for text, label in sentences()]
    del items[0]["label"]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    dataset = f"{{name: text, path: {file}, max_length: 8, unlabelled: skip}}"
    run = saved(tmp_path, f"dataset: {dataset}\nmodel: {{name: gru, units: 2}}")
    run.write_trained_on(run.config.dataset.load().train.fingerprints())
    assert len(predicted(seqtrain, run, "--data", file)) == 60
    outcome = seqtrain("evaluate", run.folder, "--data", file, "--json")
    assert json.loads(outcome.stdout)["examples"] == 59
    assert "own.jsonl: left out 1 example without a label" in outcome.stderr
