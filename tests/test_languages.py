"""A network learns to separate two classes in any language."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import Dataset, Examples
from seqtrain.data.tokens import suggest
from seqtrain.datasets.text import Text
from tests.conftest import Outcome, soaked
from tests.languages import ALL, rows
from tests.own import write_csv

FEW = ("hindi",)  # that a network learns in `make test`; all others in `make soak`


def written(language: str) -> tuple[Path, str]:
    """Write the texts of a language; return the file and the tokens that fit it."""
    found = rows(language)
    return write_csv(Path(f"{language}.csv"), found), suggest([text for text, _ in found])[0]


def load(language: str, tokens: str) -> Dataset:
    keys: dict[str, Any] = {"name": "text", "path": f"{language}.csv", "tokens": tokens}
    return Text(**keys, max_length=40, vocabulary_size=1000).load()


def bags(dataset: Dataset, examples: Examples) -> np.ndarray:
    """Return which ids are in each text, and which is the last."""
    size = dataset.vocabulary_size or 0
    found = np.zeros((len(examples), 2 * size))
    for row, ids in zip(found, examples.x, strict=True):
        row[ids] = 1
        row[size + ids[ids > 0][-1]] = 1
    return found


@pytest.mark.parametrize("language", ALL)
def test_the_tokens_of_a_text_tell_its_class(language: str) -> None:
    from sklearn.linear_model import LogisticRegression

    _, tokens = written(language)
    dataset = load(language, tokens)
    linear = LogisticRegression(C=100).fit(bags(dataset, dataset.train), dataset.train.labels)
    assert linear.score(bags(dataset, dataset.test), dataset.test.labels) > 0.95
    assert tokens == (
        "characters" if language in ("chinese", "japanese", "thai", "names") else "words"
    )


@pytest.mark.parametrize("language", ALL)
def test_subwords_leave_no_token_unknown(language: str) -> None:
    written(language)
    dataset = load(language, "subwords")
    assert not any((part.x == 2).any() for part in (dataset.train, dataset.test))


SOME = [language if language in FEW else soaked(language) for language in ALL]


@pytest.mark.tf
@pytest.mark.parametrize("language", SOME)
def test_a_network_learns_any_language(language: str, seqtrain: Callable[..., Outcome]) -> None:
    file, tokens = written(language)
    Path("own.yaml").write_text(
        f"dataset: {{name: text, path: {file}, tokens: {tokens}, max_length: 40}}\n"
        "model: {name: gru, units: 8, embedding_dim: 8, dropout: 0}\n"
        "training: {epochs: 12, learning_rate: 0.02, batch_size: 16, baselines: false}\n"
    )
    outcome = seqtrain("train", "own.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    (run,) = Path("outputs/own").iterdir()
    assert json.loads((run / "metrics.json").read_text())["test_accuracy"] > 0.95
    texts = [text for text, _ in rows(language)[:20]]
    told = seqtrain("predict", run, *texts, "--format", "csv").stdout.splitlines()
    found = list(csv.DictReader(told))
    assert [row["class"] for row in found] == [label for _, label in rows(language)[:20]]
    assert {row["unknown"] for row in found} == {"0.0"}
