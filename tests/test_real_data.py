"""The real MNIST and the real film reviews, in every form in which people have them."""

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.inputs import fingerprints
from seqtrain.data.vocabulary import FIRST_WORD, OOV, PAD, START
from seqtrain.datasets import Dataset, imdb
from seqtrain.datasets.imdb import Imdb
from seqtrain.datasets.mnist import Mnist
from tests.conftest import REAL_DATA
from tests.factories.once import made_once

pytestmark = pytest.mark.slow

FORMS = ["imdb.npz", "aclImdb_v1.tar.gz"]
EVERY_FORM = pytest.mark.parametrize("form", FORMS)
Load = Callable[..., Dataset]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests of this file share, so that each form is parsed once."""
    if REAL_DATA is None:
        pytest.skip("SEQTRAIN_DATA_DIR names no folder with the real data")

    def parse(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SEQTRAIN_CACHE_DIR", str(folder))
            for form in FORMS:
                read(Path(REAL_DATA or ""), form)

    return made_once(tmp_path_factory, "real", parse)


def read(folder: Path, form: str, **keys: object) -> Dataset:
    return Imdb.model_validate({"name": "imdb", "path": str(folder / form), **keys}).load()


@pytest.fixture
def load(real_data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a form of the film reviews."""
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", str(cache))
    return partial(read, real_data)


_loaded: dict[str, Dataset] = {}


@pytest.fixture
def reviews(load: Load) -> Load:
    """Load a form as it is by default; it is read once, for no test changes it."""
    return lambda form: _loaded.get(form) or _loaded.setdefault(form, load(form))


@pytest.fixture
def mnist(real_data: Path) -> Dataset:
    return Mnist(name="mnist").load(real_data)


def test_mnist_has_its_60_000_and_10_000_images(mnist: Dataset) -> None:
    assert mnist.train.x.shape == (54_000, 28, 28)
    assert mnist.validation.x.shape == (6_000, 28, 28)
    assert mnist.test.x.shape == (10_000, 28, 28)
    assert mnist.train.x.dtype == np.float32


def test_mnist_s_pixels_are_between_0_and_1(mnist: Dataset) -> None:
    assert (mnist.train.x.min(), mnist.train.x.max()) == (0, 1)
    assert mnist.train.x.mean() == pytest.approx(0.1307, abs=1e-3)
    assert mnist.train.x.std() == pytest.approx(0.3081, abs=1e-3)


def test_mnist_s_classes_are_as_frequent_as_they_are_known_to_be(mnist: Dataset) -> None:
    known = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.test.labels).tolist() == known


@EVERY_FORM
def test_imdb_has_its_25_000_and_25_000_reviews(reviews: Load, form: str) -> None:
    dataset = reviews(form)
    assert dataset.train.x.shape == (22_500, 200)
    assert dataset.validation.x.shape == (2_500, 200)
    assert dataset.test.x.shape == (25_000, 200)


@EVERY_FORM
def test_half_of_imdb_s_reviews_are_positive(reviews: Load, form: str) -> None:
    dataset = reviews(form)
    for examples in (dataset.train, dataset.validation, dataset.test):
        assert np.bincount(examples.labels).tolist() == [len(examples) // 2] * 2


@EVERY_FORM
def test_imdb_s_ids_are_within_the_vocabulary(reviews: Load, form: str) -> None:
    dataset = reviews(form)
    assert dataset.train.x.min() == PAD
    assert dataset.train.x.max() < dataset.vocabulary_size == 10_000
    assert (dataset.train.x != PAD).any(axis=1).all()


@EVERY_FORM
def test_imdb_s_most_frequent_words_are_those_of_english(reviews: Load, form: str) -> None:
    vocabulary = reviews(form).vocabulary
    assert vocabulary is not None
    assert len(vocabulary.words) == 10_000 - FIRST_WORD
    assert vocabulary.words[0] == "the"
    assert {"and", "a", "of", "to", "is", "it", "in"} <= set(vocabulary.words[:10])
    assert {"movie", "film", "not", "good", "bad"} <= set(vocabulary.words[:100])


def test_markup_is_no_word_of_the_reviews(reviews: Load) -> None:
    """Every second review holds `<br />`; Keras's ids take it for a word."""
    vocabulary = reviews("aclImdb_v1.tar.gz").vocabulary
    assert vocabulary is not None
    assert "br" not in vocabulary.words


@EVERY_FORM
def test_imdb_s_ids_are_the_words_of_its_reviews(load: Load, form: str) -> None:
    """The word of rank r is the r-th most frequent word of the training reviews."""
    dataset = load(form, max_length=2_500, validation="test")
    counts = np.bincount(dataset.train.x.ravel(), minlength=10_000)
    assert counts[START] == 25_000
    assert (np.diff(counts[FIRST_WORD:1_000]) <= 0).all()
    assert counts[OOV] / counts[START:].sum() < 0.1


def test_a_raw_review_gets_the_ids_that_keras_s_form_has_of_it(load: Load, real_data: Path) -> None:
    keys = {"vocabulary_size": 100_000, "max_length": 300, "validation": "test"}
    dataset = load("imdb.npz", **keys)
    reviews = (text for _, text in islice(imdb._reviews(real_data / FORMS[1]), 300))
    config = Imdb.model_validate({"name": "imdb", "path": "imdb.npz", **keys})
    found = fingerprints(config.encode_texts([*reviews], dataset.fitted).x)
    known = [part.fingerprints() for part in (dataset.train, dataset.test)]
    assert np.isin(found, np.concatenate(known)).mean() > 0.97


def test_both_forms_tell_of_the_same_words(reviews: Load) -> None:
    one, other = (
        set((reviews(form).vocabulary or pytest.fail("no words")).words) for form in FORMS
    )
    assert len(one & other) / len(one) > 0.98


@EVERY_FORM
def test_the_second_load_comes_from_the_cache(
    reviews: Load,
    load: Load,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = reviews(form)
    monkeypatch.setattr(imdb, "_parse", lambda source: pytest.fail(f"{source} is parsed again"))
    second = load(form)
    np.testing.assert_array_equal(first.train.x, second.train.x)
    np.testing.assert_array_equal(first.test.labels, second.test.labels)
    assert first.vocabulary == second.vocabulary
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_ids_win_in_a_folder_with_both_forms(
    load: Load, real_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    assert load("").source == str(real_data / "imdb.npz")
    assert "aclImdb_v1.tar.gz" in caplog.text


def test_the_real_files_are_as_they_were(real_data: Path, reviews: Load, mnist: Dataset) -> None:
    """The hash of a dataset is that of its file, which the README of the data lists."""
    readme = (real_data / "README.md").read_text(encoding="utf-8")
    for dataset in (mnist, *map(reviews, FORMS)):
        content = Path(dataset.source).read_bytes()
        assert dataset.sha256 == hashlib.sha256(content).hexdigest()
        assert dataset.sha256 in readme
