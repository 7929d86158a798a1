"""Word vectors from a file."""

import gzip
import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.embeddings import dimension, fill
from seqtrain.data.vocabulary import FIRST_WORD, Vocabulary
from seqtrain.errors import DataError
from tests.conftest import REPOSITORY, Outcome
from tests.own import write_own

WORDS = Vocabulary(("good", "film", "don't", "new york"))
GLOVE = "film 1 2 3\ngood 4 5.5 -6e-1\nother 7 8 9\n"


def written(text: str, name: str = "vectors.txt") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


def filled(text: str, name: str = "vectors.txt") -> np.ndarray:
    return fill(np.full((8, 3), 0.5, np.float32), written(text, name), WORDS)


def test_known_words_get_their_vectors_and_others_keep_what_they_had() -> None:
    matrix = filled(GLOVE)
    np.testing.assert_allclose(matrix[FIRST_WORD], [4, 5.5, -0.6])
    np.testing.assert_allclose(matrix[FIRST_WORD + 1], [1, 2, 3])
    assert (matrix[[0, 1, 2, 3, 6, 7]] == 0.5).all()
    assert matrix.dtype == np.float32


@pytest.mark.parametrize("head", ["", "3 3\n"])
def test_word2vec_and_glove_are_read(head: str) -> None:
    np.testing.assert_array_equal(filled(head + GLOVE), filled(GLOVE))
    assert dimension(written(head + GLOVE)) == 3


@pytest.mark.parametrize(
    "text",
    [GLOVE.replace(" ", "\t"), GLOVE.replace(" ", "  "), f"\ufeff{GLOVE}", f"\ufeff3 3\n{GLOVE}"],
)
def test_tabs_and_a_mark_of_byte_order_are_read(text: str) -> None:
    np.testing.assert_array_equal(filled(text), filled(GLOVE))


def test_a_word_may_hold_spaces() -> None:
    assert filled(GLOVE + "new york 1 1 1\n")[FIRST_WORD + 3].tolist() == [1, 1, 1]


@pytest.mark.parametrize("text", ["Good 1 1 1\ngood 2 2 2\n", "good 2 2 2\nGood 1 1 1\n"])
def test_the_word_itself_wins_over_another_case(text: str) -> None:
    assert filled(text)[FIRST_WORD].tolist() == [2, 2, 2]


def test_another_case_is_better_than_nothing() -> None:
    assert filled("GOOD 1 1 1\nGood 2 2 2\n")[FIRST_WORD].tolist() == [1, 1, 1]


def test_compressed_files_are_read() -> None:
    with gzip.open("vectors.gz", "wt", encoding="utf-8") as file:
        file.write(GLOVE)
    assert dimension(Path("vectors.gz")) == 3


def test_the_coverage_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    filled(GLOVE)
    assert caplog.messages == ["vectors.txt knows 2 of 4 words (50 %)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("film 1 2 3\ngood 1 2\n", "vectors.txt:2: 2 numbers where 3 are expected"),
        ("film 1 2 x\n", "vectors.txt:1: could not convert string to float: 'x'"),
        ("film 1 2 nan\n", "vectors.txt:1: a number is not finite"),
        ("film 1 2 1e39\n", "vectors.txt:1: a number is not finite"),  # in float32
        ("film 1 2\n", "vectors.txt holds vectors of 2 numbers, not of 3"),
        ("other 1 2 3\n", "knows none of the 4 words"),
        ("", "knows none of the 4 words"),
        ("film\n", "vectors.txt:1: 0 numbers"),
    ],
)
def test_what_is_damaged_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        filled(text)
    assert message in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary\x00", b"2 3\nfilm \xf0\x9f\n"])
def test_a_binary_file_is_refused(content: bytes) -> None:
    Path("vectors.bin").write_bytes(content)
    with pytest.raises(DataError, match="is not a text file of word vectors"):
        fill(np.zeros((8, 3), np.float32), Path("vectors.bin"), WORDS)


def test_a_file_that_only_calls_itself_compressed_is_refused() -> None:
    with pytest.raises(DataError, match="is not a text file of word vectors"):
        dimension(written(GLOVE, "vectors.gz"))


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(DataError, match="nowhere.txt cannot be read: no such file"):
        dimension(Path("nowhere.txt"))


CONFIG = """
dataset: {name: text, path: data/own.csv, max_length: 10}
model: {name: gru, units: 4, embedding_file: vectors.txt, embedding_trainable: false}
training: {epochs: 1}
"""


@pytest.mark.tf
@pytest.mark.parametrize("trainable", ["false", "true"])
def test_training_starts_from_the_vectors(trainable: str, seqtrain: Callable[..., Outcome]) -> None:
    import keras

    Path("data").mkdir()
    write_own(Path("data"))
    written("film 1 2 3\nbright 4 5 6\n")
    written(CONFIG, "own.yaml")
    outcome = seqtrain("train", "own.yaml", f"model.embedding_trainable={trainable}")
    assert outcome.exit_code == 0, outcome.stderr
    assert "vectors.txt knows 2 of" in outcome.stderr
    run = Path(outcome.stdout.strip())
    assert "embedding_dim: 3" in (run / "config.yaml").read_text()
    read = hashlib.sha256(Path("vectors.txt").read_bytes()).hexdigest()
    assert json.loads((run / "environment.json").read_text())["embeddings"] == read
    model = keras.models.load_model(run / "model.keras")
    matrix = np.asarray(model.layers[0].get_weights()[0])
    near = [(np.abs(matrix - vector).max(axis=1) < 0.5).any() for vector in ([1, 2, 3], [4, 5, 6])]
    assert all(near)
    kept = (matrix == np.array([1, 2, 3], np.float32)).all(axis=1).any()
    assert kept == (trainable == "false")
    Path("vectors.txt").unlink()
    assert seqtrain("evaluate", run).exit_code == 0


def test_the_keys_stand_only_where_they_make_sense(seqtrain: Callable[..., Outcome]) -> None:
    quickstart = REPOSITORY / "configs" / "quickstart.yaml"
    outcome = seqtrain("check", quickstart, "model.embedding_file=a.txt")
    assert "model.embedding_file: is for words, but `digits` has none" in outcome.stderr
    imdb = REPOSITORY / "configs" / "imdb_gru.yaml"
    outcome = seqtrain("check", imdb, "model.embedding_trainable=false")
    assert "model.embedding_trainable: must be true without `embedding_file`" in outcome.stderr
