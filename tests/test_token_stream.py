"""Texts as streams of tokens: nothing is lost, and bits per character compare."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data import subwords, token_stream
from seqtrain.data.spelling import CODE_POINTS, Spelling
from seqtrain.data.text_windows import TextWindows, steps
from seqtrain.data.token_stream import Encoder, fit, smallest
from seqtrain.data.tokens import RULES, Rule, Tokeniser
from seqtrain.data.vocabulary import OOV, START
from seqtrain.inference.generation import Pieces

TEXT = "To be, or not to be:\nthat is the question!\n\n  Don't 'mind' it…\n" * 20
ANY = st.text(st.sampled_from("ab c\n\t,.'’éÄ日本हि🙂▁<>0"), max_size=60)
KINDS = ("characters", "words", "subwords", "symbols")


@pytest.mark.parametrize("rule", ["exact_characters", "exact_words", "exact_symbols"])
@given(text=ANY)
def test_the_tokens_of_a_text_give_it_back(rule: Rule, text: str) -> None:
    tokens = RULES[rule](text)
    assert all(tokens)
    assert Tokeniser(rule).joined(tokens) == text


@given(text=ANY)
def test_the_subwords_of_a_text_give_it_back(text: str) -> None:
    tokeniser = encoder("subwords").vocabulary.tokeniser
    pieces, whole = tokeniser(text), text.replace("▁", "_")
    assert tokeniser.joined(pieces) == whole
    of = Pieces(tokeniser)
    assert "".join(of.add(piece) for piece in pieces) == whole


def encoder(kind: str, text: str = TEXT, size: int | None = None) -> Encoder:
    size = size or (600 if kind == "subwords" else None)
    return fit(kind, [text], size)[0]


@pytest.mark.parametrize("kind", KINDS)
@given(text=ANY)
def test_each_character_of_a_text_is_counted_once(kind: str, text: str) -> None:
    stream = encoder(kind).encode([text], begins=False)
    assert int(stream.characters.sum()) == len(text)
    begun = encoder(kind).encode([text, text])
    assert int(begun.characters.sum()) == 2 * len(text) + 2
    assert (begun.ids == START).sum() == 2


def test_each_chunk_is_split_once_in_however_many_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    split = subwords.split

    def counting(model: bytes, words: Sequence[str]) -> Iterator[list[str]]:
        asked.extend(words)
        return split(model, words)

    found, _ = fit("subwords", [TEXT], 600)
    monkeypatch.setattr(subwords, "split", counting)
    found.encode([TEXT, "To be", TEXT, "not to be"])
    assert len(asked) == len(set(asked)) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_train_is_encoded_as_any_other_text(kind: str) -> None:
    found, stream = fit(kind, [TEXT, "Be it.\n"], 600 if kind == "subwords" else None)
    again = found.encode([TEXT, "Be it.\n"])
    for one, other in zip(stream.arrays, again.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert stream.ids.dtype == smallest(found.size)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_read_in_blocks_has_the_same_tokens(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoder(kind).encode([TEXT])
    monkeypatch.setattr(token_stream, "BLOCK", 7)
    assert len([*token_stream.blocks(TEXT)]) > 20
    np.testing.assert_array_equal(encoder(kind).encode([TEXT]).ids, whole.ids)


def test_an_unknown_token_costs_what_its_letters_cost() -> None:
    found = encoder("words", size=10)
    stream = found.encode(["the qqq"], begins=False)
    assert stream.ids[1] == OOV
    assert stream.spelling[1] == pytest.approx(found.spelling.of(" qqq"))
    assert found.spelling.of(" qqq") > found.spelling.of(" the")
    assert stream.spelling[[number != OOV for number in stream.ids]].tolist() in ([], [0.0])


def test_the_spelling_is_a_probability() -> None:
    """Over all characters, those that were never seen included, and the end: it sums to 1."""
    spelling = Spelling.fit(["ab", "b"], [3, 2], single=False)
    shares = [2**-bits for bits in (*spelling.bits.values(), spelling.end)]
    unseen = 2**-spelling.unknown * CODE_POINTS
    assert sum(shares) + unseen == pytest.approx(1)
    assert Spelling.fit(["a"], [5], single=True).end == 0


def test_the_most_frequent_tokens_have_ids() -> None:
    counts = Counter(RULES["exact_words"](TEXT))
    kept = encoder("words", size=14).vocabulary.words
    assert kept == tuple(sorted(counts, key=lambda token: (-counts[token], token))[:10])


# Windows


def test_windows_are_views_and_their_labels_are_the_next_tokens() -> None:
    _, stream = fit("characters", [TEXT], None)
    windows = TextWindows.of(stream, 16)
    assert np.shares_memory(windows.first, stream.ids)
    assert np.shares_memory(windows.labels, stream.ids)
    np.testing.assert_array_equal(windows.first[:, 1:], windows.labels[:, :-1])
    assert windows.first.shape == windows.labels.shape == ((len(stream) - 16) // 16, 16)


def test_windows_begin_elsewhere_in_each_epoch() -> None:
    _, stream = fit("characters", [TEXT], None)
    windows = TextWindows.of(stream, 16)
    begins = set()
    for epoch in range(200):
        drawn = windows.drawn(np.random.default_rng([0, epoch]))
        again = windows.drawn(np.random.default_rng([0, epoch]))
        np.testing.assert_array_equal(drawn.first, again.first)
        np.testing.assert_array_equal(drawn.first.ravel()[1:], drawn.labels.ravel()[:-1])
        offset = drawn.first.__array_interface__["data"][0] - stream.ids.ctypes.data
        begins.add(offset // stream.ids.itemsize)
    assert begins == set(range(16))


@pytest.mark.parametrize("length", [2, 3, 16, 17, 18, 33])
def test_a_short_text_has_at_least_one_window(length: int) -> None:
    _, stream = fit("characters", ["ab" * 8], None)
    windows = TextWindows.of(stream, min(length, len(stream) - 1))
    assert len(windows) >= 1
    for epoch in range(20):
        drawn = windows.drawn(np.random.default_rng(epoch))
        assert drawn.first.shape == drawn.labels.shape == windows.first.shape


def test_a_text_is_scored_token_by_token() -> None:
    _, stream = fit("characters", [TEXT], None)
    whole = TextWindows.of(stream, 16).whole()
    assert whole.first.shape == (len(stream) - 1, 1)
    np.testing.assert_array_equal(whole.labels["token"], stream.ids[1:])
    np.testing.assert_array_equal(steps(stream).labels, whole.labels)
    assert not math.isnan(float(whole.labels["spelling"].sum()))
