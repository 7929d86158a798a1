"""Sentences in which the order of the words decides."""

import logging
import re
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.tokens import plain_words as tokenise
from seqtrain.data.vocabulary import OOV
from seqtrain.datasets.phrases import Phrases, generate
from tests.conftest import REPOSITORY, Outcome

pairs = cache(partial(generate, 6_000))


def texts(given: tuple[tuple[str, str], ...]) -> tuple[list[str], list[int]]:
    """Both sentences of each pair, with their labels."""
    return [text for pair in given for text in pair], [0, 1] * len(given)


def neighbours(text: str) -> Counter[tuple[str, str]]:
    """The pairs of neighbouring words, including the ends of the sentence."""
    words = ["^", *tokenise(text), "$"]
    return Counter(zip(words, words[1:], strict=False))


def test_both_sentences_of_a_pair_have_the_same_words_and_neighbours() -> None:
    for negative, positive in pairs():
        assert negative != positive
        assert neighbours(negative) == neighbours(positive)


def test_no_sentence_is_there_twice_or_under_both_labels() -> None:
    everything, _ = texts(pairs())
    assert len(set(everything)) == len(everything) == 12_000


def test_sentences_are_short_english() -> None:
    for text in texts(pairs())[0]:
        assert re.fullmatch(r"[A-Z][\w ,;'’-]+\.", text)
        assert 5 <= len(tokenise(text)) <= 19


@pytest.mark.parametrize("longest", [1, 2])
def test_counting_words_or_neighbours_is_no_better_than_chance(longest: int) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    train, labels = texts(pairs()[:1_000])
    test, truth = texts(pairs()[5_000:])
    counter = CountVectorizer(ngram_range=(1, longest), token_pattern=r"\w+")
    model = LogisticRegression(max_iter=200).fit(counter.fit_transform(train), labels)
    assert model.score(counter.transform(test), truth) == pytest.approx(0.5, abs=0.05)


def test_no_test_sentence_occurs_in_train(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    dataset = Phrases(name="phrases").load()
    assert dataset.repeated() == 0
    assert "10,000 distinct train sentences, 2,000 distinct test sentences, none in both" in (
        caplog.messages
    )
    assert np.bincount(dataset.test.labels).tolist() == [1_000, 1_000]


def test_the_vocabulary_has_every_word() -> None:
    dataset = Phrases(name="phrases").load()
    assert not (dataset.train.x == OOV).any()
    assert (dataset.test.x == OOV).mean() < 0.001


def test_split_seed_alone_decides_what_is_read() -> None:
    few = {"name": "phrases", "train_pairs": 500, "test_pairs": 100}
    one, same, other = (Phrases(**few, split_seed=seed).load() for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.test.x, same.test.x)
    assert not np.array_equal(one.test.x, other.test.x)
    assert one.sha256 == other.sha256


@pytest.mark.tf
@pytest.mark.slow
def test_an_lstm_reads_the_order(seqtrain: Callable[..., Outcome]) -> None:
    few = ("dataset.train_pairs=2000", "dataset.test_pairs=300", "model.units=32")
    keys = (*few, "training.epochs=5", "training.learning_rate=1e-2", "training.baselines=false")
    outcome = seqtrain("train", REPOSITORY / "configs" / "phrases_lstm.yaml", *keys)
    accuracy = re.search(r"test accuracy ([\d.]+)", outcome.stderr)
    assert accuracy is not None, outcome.stderr
    assert float(accuracy[1]) > 0.9
    run = Path(outcome.stdout.strip())
    pair = ("I never thought that the plot was dull, and I always thought it was great.",)
    pair += ("I always thought that the plot was dull, and I never thought it was great.",)
    lines = seqtrain("predict", run, *pair).stdout.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["positive", "negative"]
