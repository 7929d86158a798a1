"""`check --load` says what a config would train on, and what that costs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Outcome
from tests.own import sentences, write_csv

pytestmark = pytest.mark.tf

Seqtrain = Callable[..., Outcome]
CONFIG = """
dataset: {name: text, path: own.csv, test_path: test.csv, max_length: 8, vocabulary_size: 12}
model: {name: lstm, units: 4, embedding_dim: 3}
training: {epochs: 7}
"""
ROWS = [*sentences(40), ("", "good"), ("!", "good"), *sentences(2)]
TEST = [*sentences(3), ("wholly strange words", "bad")]


@pytest.fixture
def config() -> Path:
    write_csv(Path("own.csv"), ROWS)
    write_csv(Path("test.csv"), TEST)
    Path("own.yaml").write_text(CONFIG)
    return Path("own.yaml")


def test_the_report_tells_what_there_is(config: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", config, "--load", "--json", "dataset.validation=0.25")
    assert outcome.exit_code == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert found["examples"] == {"train": 33, "validation": 11, "test": 4}
    assert [row["name"] for row in found["classes"]] == ["bad", "good"]
    assert [row["test"] for row in found["classes"]] == [3, 1]
    assert sum(row["train"] for row in found["classes"]) == 33
    assert found["max_length"] == 8
    assert len(found["first"]) == 3
    assert {label for _, label in found["first"]} <= {"bad", "good"}
    assert all("film" in text or "was" in text or "<unknown>" in text for text, _ in found["first"])
    assert found["lengths"]["100"] == 9  # the start, and eight words
    assert found["cut"] > 0.9
    assert found["unknown"]["test"] > found["unknown"]["train"]
    assert found["repeated"]["test"] == 2
    assert found["repeated"]["alike"]["test"] == 1  # most of whose words are unknown
    assert found["parameters"] == 12 * 3 + 4 * (3 + 4 + 1) * 4 + 5
    assert found["seconds_per_epoch"] > 0
    assert found["bytes"] > 1e8
    assert found["epochs"] == 7


def test_empty_and_repeated_texts_are_counted(config: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", config, "--load", "--json", "dataset.validation=test")
    found = json.loads(outcome.stdout)
    assert found["empty"] == 2
    assert found["repeated"]["train"] >= 3  # one of the two empty texts, and two sentences


def test_the_report_ends_with_advice(config: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", config, "--load")
    assert "% of the texts are cut: `dataset.max_length=9`" in outcome.stdout
    assert "test words are unknown: a larger `dataset.vocabulary_size`" in outcome.stdout
    assert "test examples are in train too: `dataset.drop_repeated=true`" in outcome.stdout
    assert "class good" in outcome.stdout
    assert not Path("outputs").exists()


def test_features_can_be_inspected_too(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", REPOSITORY / "configs" / "quickstart.yaml", "--load")
    assert outcome.exit_code == 0, outcome.stderr
    assert "19,338 parameters" in outcome.stdout
    assert "unknown tokens" not in outcome.stdout


def test_without_load_json_is_the_config(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", REPOSITORY / "configs" / "quickstart.yaml", "--json")
    assert json.loads(outcome.stdout)["training"]["epochs"] == 20
