"""Kneser–Ney models: their probabilities sum to 1, and they know what they should."""

import math

import numpy as np
import pytest

from seqtrain.data.text_windows import LABEL
from seqtrain.data.vocabulary import FIRST_WORD, OOV, START
from seqtrain.evaluation import count_models, language_metrics
from seqtrain.evaluation.count_models import kneser_ney, unigram

IDS = 9
POSSIBLE = [START, OOV, *range(FIRST_WORD, IDS)]


def text(length: int, seed: int = 0) -> np.ndarray:
    """Ids of a chain in which each is most often followed by its successor."""
    random = np.random.default_rng(seed)
    found = [FIRST_WORD]
    for _ in range(length - 1):
        following = FIRST_WORD + (found[-1] - FIRST_WORD + 1) % (IDS - FIRST_WORD)
        found.append(following if random.random() < 0.8 else int(random.choice(POSSIBLE[2:])))
    return np.array(found, np.uint8)


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("context", [[4, 5, 6], [8, 8, 8], [OOV, OOV, 4], [5, START, START]])
def test_the_probabilities_of_what_may_come_sum_to_1(order: int, context: list[int]) -> None:
    train = text(2_000)
    total = 0.0
    for token in POSSIBLE:
        tokens = np.concatenate([train, np.array([*context, token], np.uint8)])
        by_order = dict(count_models._by_order(tokens, len(train), IDS, order))
        total += float(by_order[order][-1])
    assert total == pytest.approx(1)


def test_the_probabilities_of_a_unigram_sum_to_1() -> None:
    found = unigram(text(500), np.array(POSSIBLE, np.uint8), IDS)
    assert np.exp(found.log_probabilities).sum() == pytest.approx(1)


def test_the_order_is_that_of_the_text() -> None:
    """A chain needs pairs: longer n-grams only have less to count."""
    train, validation, test = text(50_000), text(5_000, 1), text(20_000, 2)
    found = kneser_ney(train, validation, test, IDS, 5)
    assert found.order == 2
    keeps = 0.8 + 0.2 / 5
    entropy = -keeps * math.log(keeps) - 4 * 0.04 * math.log(0.04)
    assert -found.log_probabilities.mean() == pytest.approx(entropy, rel=0.03)
    assert -unigram(train, test, IDS).log_probabilities.mean() > 1.5 * entropy


def test_validation_alone_chooses_the_order() -> None:
    train, validation = text(3_000), text(500, 1)
    first, second = (kneser_ney(train, validation, text(300, s), IDS, 4) for s in (2, 3))
    assert first.order == second.order


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_a_tiny_text_has_a_model(length: int) -> None:
    found = kneser_ney(text(length), text(2), text(5, 1), IDS, 6)
    assert np.isfinite(found.log_probabilities).all()


def test_no_more_than_some_tokens_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_models, "MOST", 1_000)
    assert kneser_ney(text(3_000), text(300, 1), text(300, 2), IDS, 3).trained_on == 1_000


# Metrics


def labels(characters: list[int], spelling: float = 0.0) -> np.ndarray:
    found = np.zeros(len(characters), LABEL)
    found["token"], found["characters"], found["spelling"] = 5, characters, spelling
    return found


def test_bits_are_of_all_characters_whatever_the_tokens() -> None:
    words, letters = labels([4] * 5), labels([1] * 20)
    of_words = np.tile([-4 * math.log(2), 0.0], (5, 1))
    of_letters = np.tile([-math.log(2), 0.0], (20, 1))
    first, second = (
        language_metrics.scores("test", one, found)
        for one, found in ((words, of_words), (letters, of_letters))
    )
    assert first["test_bits_per_character"] == pytest.approx(1)
    assert second["test_bits_per_character"] == pytest.approx(1)
    assert first["test_perplexity"] == pytest.approx(16)


def test_unknown_tokens_cost_their_letters() -> None:
    found = language_metrics.scores("test", labels([4], 10.0), np.array([[-2 * math.log(2), 0]]))
    assert found["test_bits_per_character"] == pytest.approx(3)


def test_blocks_hold_the_text_in_its_order() -> None:
    found = language_metrics.blocks(labels([3] * 1_000))
    assert (np.diff(found) >= 0).all()
    sizes = np.bincount(found)
    assert len(sizes) == 3_000 // language_metrics.BLOCK
    assert sizes.max() - sizes.min() <= 1


def test_an_interval_is_wide_where_neighbours_are_alike() -> None:
    """Drawing single tokens would take neighbours for independent."""
    alike = np.repeat(np.random.default_rng(0).normal(-2, 0.5, 40), 256)
    mixed = np.random.default_rng(1).permutation(alike)
    widths = []
    for logs in (alike, mixed):
        predictions = np.stack([np.minimum(logs, 0), np.ones(len(logs))], axis=1)
        found = language_metrics.evaluate("test", labels([1] * len(logs)), predictions)
        low, high = found["intervals"]["test_bits_per_character"]
        widths.append(high - low)
    assert widths[0] > 5 * widths[1]
