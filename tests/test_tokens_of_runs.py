"""What a run keeps of its tokens, and how runs of other times are read."""

import base64
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data import embeddings
from seqtrain.data.dataset import Dataset, Fitted, NewExamples
from seqtrain.data.tokens import Tokeniser
from seqtrain.data.unknown_words import doubt_of_given, doubts, unknown_of_each
from seqtrain.data.vocabulary import Vocabulary
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError, RunError
from seqtrain.runs import fitted, run_data
from seqtrain.runs.run_files import Artifacts
from seqtrain.tasks import Classification
from tests.conftest import Outcome
from tests.own import sentences, write_csv

CURLY = [(text.replace("film", "film isn’t"), label) for text, label in sentences(120)]
NEW = ["a warm film isn't", "Größe 映画 👍🏽 हिन्दी", "", "...", "half \udce9"]


def load(tokens: str, **keys: Any) -> Dataset:
    path = str(write_csv(Path("own.csv"), CURLY))
    return Text(**{"name": "text", "path": path, "tokens": tokens, **keys}).load()


def kept(found: Fitted) -> Fitted:
    """Write what was fitted, and read it again."""
    fitted.write(Artifacts(Path()), found)
    return fitted.read(Artifacts(Path()), Classification())


@pytest.mark.parametrize("tokens", ["words", "characters", "subwords"])
def test_a_run_splits_texts_as_it_was_trained(tokens: str) -> None:
    dataset = load(tokens)
    again = kept(dataset.fitted)
    assert again == dataset.fitted
    assert again.vocabulary and dataset.vocabulary
    assert again.vocabulary.tokeniser == dataset.vocabulary.tokeniser
    one, other = (of.encode(NEW) for of in (dataset.vocabulary, again.vocabulary))
    assert one.ids.tolist() == other.ids.tolist()


@pytest.mark.parametrize("tokens", ["words", "characters", "subwords"])
def test_the_texts_of_a_run_are_read_again_to_the_bit(tokens: str) -> None:
    dataset, again = load(tokens), load(tokens)
    assert dataset.vocabulary == again.vocabulary
    assert (dataset.test.x == again.test.x).all()
    assert dataset.originals is not None
    written = dataset.originals(np.arange(len(dataset.test)))
    given = Text(name="text", path="own.csv").encode_texts(written, dataset.fitted)
    assert (given.x == dataset.test.x).all()


def test_no_text_is_unknown_to_subwords() -> None:
    dataset = load("subwords", vocabulary_size=600)
    assert dataset.vocabulary
    assert len(dataset.vocabulary.words) <= 596
    ids = dataset.vocabulary.encode(NEW).ids
    assert 2 not in ids
    assert ids.max() < 600


def test_subwords_are_learned_on_train_alone() -> None:
    rows = [*sentences(100), *((f"zebra {text}", label) for text, label in sentences(40))]
    write_csv(Path("train.csv"), rows[:100])
    write_csv(Path("test.csv"), rows[100:])
    found = load("subwords", path="train.csv", test_path="test.csv")
    assert found.vocabulary
    assert not any("z" in piece for piece in found.vocabulary.words)


def test_subwords_need_room_for_all_bytes() -> None:
    with pytest.raises(ValueError, match="rules"):
        Text(name="text", path="own.csv", tokens="subwords", vocabulary_size=511)


def test_few_ids_leave_rare_characters_to_bytes() -> None:
    rows = [(f"{chr(0x4E00 + i)}{chr(0x5E00 + i)} 好" * 2, "ab"[i % 2]) for i in range(400)]
    write_csv(Path("zh.csv"), rows)
    found = load("subwords", path="zh.csv", vocabulary_size=512)
    assert not (found.test.x == 2).any()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"tokens": "letters"},
        {"tokens": ["words"]},
        {"tokens": "subwords"},
        {"tokens": "subwords", "sentencepiece": "no base64"},
        {"tokens": "subwords", "sentencepiece": base64.b64encode(b"no model").decode()},
        {"tokens": "subwords", "sentencepiece": 3},
    ],
    ids=str,
)
def test_damaged_tokens_are_told(content: Any) -> None:
    fitted.write(Artifacts(Path()), load("subwords").fitted)
    Path("tokens.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"tokens\.json is damaged"):
        fitted.read(Artifacts(Path()), Classification())


def test_subwords_of_another_vocabulary_are_told() -> None:
    fitted.write(Artifacts(Path()), load("subwords").fitted)
    words = json.loads(Path("vocabulary.json").read_text())
    Path("vocabulary.json").write_text(json.dumps(words[1:]))
    with pytest.raises(RunError, match="not those of vocabulary"):
        fitted.read(Artifacts(Path()), Classification())


def test_a_run_of_version_0_1_knows_its_words_and_their_variants() -> None:
    Path("vocabulary.json").write_text(json.dumps(["isn’t", "isn't", "wouldn't", "won’t"]))
    Path("classes.json").write_text('["a", "b"]')
    old = fitted.read(Artifacts(Path()), Classification()).vocabulary
    assert old and old.tokeniser.rule == "plain"
    texts = ["isn’t isn't wouldn’t wouldn't nothing", "won't won’t"]
    assert old.encode(texts).ids.tolist() == [1, 4, 5, 6, 6, 2, 1, 7, 7]


def test_texts_that_are_split_otherwise_than_in_training_are_refused() -> None:
    dataset = load("words")
    old = Vocabulary(("isn’t", "film"), Tokeniser("plain"))
    with pytest.raises(DataError, match="splits these texts into other tokens"):
        run_data.require_same_reading(Artifacts(Path()), Fitted(dataset.task, old), dataset)
    run_data.require_same_reading(Artifacts(Path()), dataset.fitted, dataset)


@pytest.mark.parametrize("tokens", ["characters", "subwords"])
def test_vectors_of_words_are_refused_for_other_tokens(tokens: str) -> None:
    Path("vectors.txt").write_text("film 1 2\n")
    vocabulary = load(tokens).vocabulary
    assert vocabulary
    with pytest.raises(DataError, match=f"the network would read {tokens}"):
        embeddings.fill(np.zeros((9, 2), np.float32), Path("vectors.txt"), vocabulary)


def test_vectors_are_found_by_variants_of_their_words() -> None:
    Path("vectors.txt").write_text("isn’t 1 2\ncafe\u0301 3 4\n", encoding="utf-8")
    vocabulary = Vocabulary(("isn't", "café", "none"))
    filled = embeddings.fill(np.zeros((7, 2), np.float32), Path("vectors.txt"), vocabulary)
    assert filled[4:].tolist() == [[1, 2], [3, 4], [0, 0]]


# What is not read


def test_unknown_words_are_counted_in_each_text() -> None:
    x = np.array([[1, 2, 5, 5, 2], [1, 2, 0, 0, 0], [1, 0, 0, 0, 0], [5, 6, 7, 8, 9]])
    assert unknown_of_each(x) == [0.5, 1, 1, 0]


def told(*texts: str, lines: list[int] | None = None) -> str | None:
    found = Fitted(Classification(("a", "b")), Vocabulary(("film", "warm")))
    given = Text(name="text", path="own.csv").encode_texts(texts, found)
    return doubt_of_given(NewExamples(given.x, list(texts), lines=lines), "words")


def test_texts_that_the_network_does_not_know_are_named() -> None:
    assert told("a warm film") is None or "33.3%" in str(told("a warm film"))
    assert told("warm film") is None
    assert told("warm", " ") == "text 2 is empty, so the network can only guess"
    assert "no word of text 2, `unheard of` and can only guess" in str(told("warm", "unheard of"))
    several = told("warm", "???", "unheard", lines=[2, 3, 5])
    assert "2 of 3 texts, the first line 3, `???`, and can only guess" in str(several)


@pytest.mark.parametrize(
    ("texts", "advice"),
    [
        ([f"name{i}" for i in range(60)], "100.0% of the test words are unknown: `dataset.tokens="),
        ([f"{i}x {i}y {i}z film film" for i in range(60)], "`dataset.tokens=subwords`"),
        (["a =)->#"[: 3 + i % 5] + str(i % 7) for i in range(60)], "`dataset.tokens=characters`"),
    ],
    ids=["names", "new words", "signs"],
)
def test_texts_that_would_not_be_read_are_told_with_what_to_type(
    texts: list[str], advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_csv(Path("own.csv"), [(text, "ab"[i % 2]) for i, text in enumerate(texts)])
    caplog.set_level(logging.WARNING, "seqtrain")
    dataset = Text(name="text", path=str(file)).load()
    assert advice in caplog.text
    assert any(advice in doubt for doubt in doubts(dataset, "words"))
    assert not [
        *doubts(Text(name="text", path=str(file), tokens="characters").load(), "characters")
    ]


@pytest.mark.tf
def test_a_run_of_characters_is_explained_and_resumed(seqtrain: Callable[..., Outcome]) -> None:
    write_csv(Path("own.csv"), sentences(60))
    for tokens, shown in (("characters", "[ж]"), ("subwords", "<0xD0>")):
        Path(f"{tokens}.yaml").write_text(
            f"dataset: {{name: text, path: own.csv, tokens: {tokens}, max_length: 50}}\n"
            "model: {name: gru, units: 4, embedding_dim: 4}\n"
            "training: {epochs: 1, baselines: false}\n"
        )
        assert seqtrain("train", f"{tokens}.yaml").exit_code == 0
        assert shown in seqtrain("explain", tokens, "warm ж").stdout
        assert seqtrain("evaluate", tokens).exit_code == 0
        assert seqtrain("resume", tokens, "--epochs", "2").exit_code == 0
        (run,) = Path("outputs", tokens).iterdir()
        (run / "tokens.json").unlink()
        outcome = seqtrain("predict", tokens, "warm")
        assert (outcome.exit_code, "has no tokens.json" in outcome.stderr) == (2, True)
