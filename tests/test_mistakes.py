"""The mistakes of a network, as a table."""

import csv
import io
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.config import Config, load_config
from seqtrain.data.dataset import Dataset
from seqtrain.evaluation.mistakes import as_csv
from seqtrain.tasks import Regression
from tests.conftest import REPOSITORY
from tests.own import OWN, sentences, write_csv, write_own

ROWS = [(f"{text}!", label) for text, label in sentences()]


def config(dataset: dict[str, Any]) -> Config:
    keys = [f"dataset.{key}={value}" for key, value in dataset.items() if key != "name"]
    Path("own.yaml").write_text(f"dataset: {{name: {dataset['name']}}}\nmodel: {{name: rnn}}\n")
    return load_config(Path("own.yaml"), keys)


def own(name: str) -> Dataset:
    Path("data").mkdir()
    write_own(Path("data"))
    return config({"name": name, **OWN[name]}).dataset.load()


def surely_wrong(dataset: Dataset, examples: list[int], sure: list[float]) -> np.ndarray:
    """Probabilities of two classes that are wrong about some test examples."""
    right = np.eye(2)[dataset.test.labels]
    for example, confidence in zip(examples, sure, strict=True):
        right[example] = np.where(right[example] == 1, 1 - confidence, confidence)
    return right


def rows(dataset: Dataset, probabilities: np.ndarray) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(dataset, probabilities)), strict=True))


@pytest.fixture
def texts() -> Dataset:
    write_csv(Path("own.csv"), ROWS)
    return config({"name": "text", "path": "own.csv"}).dataset.load()


def test_the_most_confident_mistake_comes_first(texts: Dataset) -> None:
    found = rows(texts, surely_wrong(texts, [1, 4, 7], [0.6, 0.9, 0.75]))
    assert [row["example"] for row in found] == ["5", "8", "2"]
    assert [float(row["confidence"]) for row in found] == [0.9, 0.75, 0.6]


def test_a_mistake_has_its_truth_and_its_prediction(texts: Dataset) -> None:
    (found,) = rows(texts, surely_wrong(texts, [3], [0.8]))
    truth = texts.task.classes[texts.test.labels[3]]
    assert found["truth"] == truth
    assert {found["prediction"], truth} == {"bad", "good"}


def test_a_network_without_mistakes_leaves_the_header(texts: Dataset) -> None:
    assert as_csv(texts, np.eye(2)[texts.test.labels]) == (
        "example,text,truth,prediction,confidence\n"
    )


@pytest.mark.parametrize("given", ["share", "file"])
def test_texts_stand_as_they_were_written(given: str) -> None:
    write_csv(Path("own.csv"), ROWS[:40] if given == "file" else ROWS)
    write_csv(Path("judging.csv"), ROWS[40:])
    test = {"test_path": "judging.csv"} if given == "file" else {}
    dataset = config({"name": "text", "path": "own.csv", **test}).dataset.load()
    everything = list(range(len(dataset.test)))
    found = rows(dataset, surely_wrong(dataset, everything, [0.9] * len(everything)))
    assert {row["text"]: row["truth"] for row in found}.items() <= dict(ROWS).items()
    assert len({row["text"] for row in found}) == len(everything)


def test_texts_of_a_folder_stand_as_they_were_written() -> None:
    dataset = own("folder")
    (found,) = rows(dataset, surely_wrong(dataset, [2], [0.9]))
    assert (found["text"], found["truth"]) in sentences()


def test_texts_that_have_changed_meanwhile_stand_as_the_network_read_them(
    texts: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    write_csv(Path("own.csv"), ROWS[::-1])
    with caplog.at_level(logging.WARNING, logger="seqtrain"):
        (found,) = rows(texts, surely_wrong(texts, [0], [0.9]))
    assert "own.csv has changed since it was read" in caplog.text
    assert found["text"].endswith("number <unknown>")


def test_a_text_that_only_the_network_has_is_told_in_its_words(texts: Dataset) -> None:
    ids = np.zeros_like(texts.test.x)
    ids[:, :4] = [1, 4, 2, 5]  # start, the most frequent word, an unknown one, the next
    words = texts.vocabulary.words  # type: ignore[union-attr]
    dataset = replace(texts, test=replace(texts.test, x=ids), originals=None)
    (found,) = rows(dataset, surely_wrong(dataset, [0], [0.9]))
    assert found["text"] == f"{words[0]} <unknown> {words[1]}"


def test_ids_without_words_stand_as_numbers(texts: Dataset) -> None:
    dataset = replace(texts, vocabulary=None, originals=None)
    (found,) = rows(dataset, surely_wrong(dataset, [0], [0.9]))
    ids = texts.test.x[0]
    assert found["text"] == " ".join(map(str, ids[ids > 1]))


def test_numbers_have_no_text() -> None:
    dataset = own("arrays")
    assert "text" not in rows(dataset, surely_wrong(dataset, [0], [0.9]))[0]


def test_no_cell_is_taken_for_a_formula(texts: Dataset) -> None:
    dataset = replace(texts, originals=lambda indices: ["=1+1"] * len(indices))
    (found,) = rows(dataset, surely_wrong(dataset, [0], [0.9]))
    assert found["text"] == "'=1+1"


def test_sentences_of_phrases_stand_as_they_were_generated() -> None:
    checked = load_config(REPOSITORY / "configs" / "phrases_lstm.yaml", ["dataset.test_pairs=20"])
    dataset = checked.dataset.load()
    (found,) = rows(dataset, surely_wrong(dataset, [7], [0.9]))
    assert found["text"].endswith(".")
    assert found["text"][0].isupper()


def of_numbers(tolerance: float | None) -> tuple[Dataset, np.ndarray]:
    random = np.random.default_rng(0)
    np.savez("own.npz", x=random.normal(size=(40, 6, 2)), y=np.linspace(-1, 1, 40))
    dataset = config({"name": "arrays", "path": "own.npz", "task": "regression"}).dataset.load()
    answers = dataset.test.labels.copy()
    answers[1] += 0.5
    answers[2] -= 0.75
    answers[3] += 0.03125
    target = replace(dataset.task.target, tolerance=tolerance)
    return replace(dataset, task=Regression(target)), answers


def test_the_number_that_is_farthest_off_comes_first() -> None:
    found = rows(*of_numbers(None))
    assert [row["example"] for row in found[:3]] == ["3", "2", "4"]
    assert [float(row["error"]) for row in found[:3]] == pytest.approx([-0.75, 0.5, 0.03125])
    assert len(found) == 3


def test_only_numbers_beyond_the_tolerance_are_mistakes() -> None:
    dataset, answers = of_numbers(0.04)
    found = rows(dataset, answers)
    assert [row["example"] for row in found] == ["3", "2"]
    assert float(found[0]["truth"]) == pytest.approx(float(dataset.test.labels[2]), rel=1e-5)
    assert float(found[0]["prediction"]) == pytest.approx(float(answers[2]), rel=1e-5)
