"""Text as whole numbers."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data.tokens import words as tokenise
from seqtrain.data.vocabulary import (
    FIRST_WORD,
    OOV,
    PAD,
    START,
    Corpus,
    End,
    Ragged,
    Vocabulary,
    pad,
    with_start,
)

ENDS: tuple[End, End] = ("pre", "post")
IDS = st.lists(st.lists(st.integers(1, 30), max_size=9), max_size=6)
WORDS = st.text("abé'’ .,<>&;19_\n", max_size=30)
TEXTS = st.lists(WORDS | st.text(max_size=20), max_size=6)


def rows(ragged: Ragged) -> list[list[int]]:
    """Return the sequences as lists."""
    bounds = ragged.offsets.tolist()
    return [
        ragged.ids[start:stop].tolist() for start, stop in zip(bounds, bounds[1:], strict=False)
    ]


def vocabulary_of(*texts: str) -> Vocabulary:
    corpus = Corpus()
    return corpus.fit(corpus.add(texts)).vocabulary


@given(IDS.filter(len), st.data(), st.integers(1, 4))
def test_taking_sequences_copies_them_block_by_block(
    ids: list[list[int]], data: st.DataObject, block: int
) -> None:
    places = st.lists(st.integers(0, len(ids) - 1), max_size=9)
    indices = np.array(data.draw(places), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqtrain.data.vocabulary.BLOCK", block)
        taken = Ragged.of(ids).take(indices)
    assert rows(taken) == [ids[index] for index in indices]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A great, GREAT film!", ["a", "great", "great", "film"]),
        ("It isn't bad.", ["it", "isn't", "bad"]),
        ("It isn’t bad.", ["it", "isn't", "bad"]),
        ("'quoted' words'", ["quoted", "words"]),
        ("first<br /><br />second", ["first", "second"]),
        ("rock &amp; roll", ["rock", "roll"]),
        ("caf&eacute; Ünïcode 映画", ["café", "ünïcode", "映", "画"]),
        ("10/10 in 1999", ["10", "10", "in", "1999"]),
        ("2 < 3 and 5 > 4", ["2", "3", "and", "5", "4"]),
        ("well-made", ["well", "made"]),
        ("tab\tline\nend", ["tab", "line", "end"]),
        (" .,!? ", []),
        ("", []),
    ],
)
def test_a_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert tokenise(text) == words


@given(st.text())
def test_any_text_is_split_into_words_without_space(text: str) -> None:
    assert all(word and not any(map(str.isspace, word)) for word in tokenise(text))


@given(IDS)
def test_sequences_one_after_another_come_apart_again(sequences: list[list[int]]) -> None:
    ragged = Ragged.of(sequences)
    assert rows(ragged) == sequences
    assert len(ragged) == len(sequences)
    assert ragged.ids.dtype == np.int32
    assert ragged.offsets.dtype == np.int64


@given(IDS)
def test_the_start_id_stands_before_every_sequence(sequences: list[list[int]]) -> None:
    started = with_start(Ragged.of(sequences))
    assert rows(started) == [[START, *sequence] for sequence in sequences]
    assert started.ids.dtype == np.int32


@pytest.mark.parametrize(
    ("padding", "truncating", "short", "long"),
    [
        ("pre", "pre", [0, 0, 5, 6], [6, 7, 8, 9]),
        ("pre", "post", [0, 0, 5, 6], [5, 6, 7, 8]),
        ("post", "pre", [5, 6, 0, 0], [6, 7, 8, 9]),
        ("post", "post", [5, 6, 0, 0], [5, 6, 7, 8]),
    ],
)
def test_padding_and_truncating_choose_their_ends(
    padding: End, truncating: End, short: list[int], long: list[int]
) -> None:
    sequences = Ragged.of([[5, 6], [5, 6, 7, 8, 9], [5, 6, 7, 8]])
    padded = pad(sequences, 4, 100, padding, truncating)
    assert padded.tolist() == [short, long, [5, 6, 7, 8]]
    assert padded.dtype == np.int32


@pytest.mark.parametrize(("padding", "row"), [("pre", [0, 0, OOV]), ("post", [OOV, 0, 0])])
@pytest.mark.parametrize("truncating", ENDS)
def test_an_empty_sequence_keeps_one_step_that_is_not_padding(
    padding: End, truncating: End, row: list[int]
) -> None:
    assert pad(Ragged.of([[], [7]]), 3, 100, padding, truncating)[0].tolist() == row


def test_ids_from_the_vocabulary_size_on_become_unknown() -> None:
    padded = pad(Ragged.of([[1, 8, 9, 10, 11]]), 5, 10, "post", "pre")
    assert padded.tolist() == [[1, 8, 9, OOV, OOV]]


@pytest.mark.parametrize("padding", ENDS)
def test_no_sequences_make_no_rows(padding: End) -> None:
    assert pad(Ragged.of([]), 3, 100, padding, "pre").shape == (0, 3)


def padded_by_hand(
    sequence: list[int], length: int, vocabulary_size: int, padding: End, truncating: End
) -> list[int]:
    """Do what `keras.utils.pad_sequences` does, with a cap on the ids."""
    kept = sequence[-length:] if truncating == "pre" else sequence[:length]
    known = [word if word < vocabulary_size else OOV for word in kept] or [OOV]
    filler = [PAD] * (length - len(known))
    return filler + known if padding == "pre" else known + filler


@given(IDS, st.integers(1, 12), st.integers(5, 40), st.sampled_from(list(product(ENDS, ENDS))))
def test_padding_agrees_with_its_definition(
    sequences: list[list[int]], length: int, size: int, ends: tuple[End, End]
) -> None:
    padded = pad(Ragged.of(sequences), length, size, *ends)
    assert padded.tolist() == [padded_by_hand(s, length, size, *ends) for s in sequences]


@given(IDS, st.integers(1, 12), st.sampled_from(list(product(ENDS, ENDS))))
def test_no_row_is_all_padding_and_padding_is_at_one_end(
    sequences: list[list[int]], length: int, ends: tuple[End, End]
) -> None:
    for row in pad(Ragged.of(sequences), length, 100, *ends) != PAD:
        real = row if ends[0] == "post" else row[::-1]
        assert real[0]
        assert not np.any(np.diff(real.astype(int)) > 0)


def test_words_are_ranked_by_frequency_and_then_by_the_alphabet() -> None:
    words = vocabulary_of("pear fig apple", "fig apple zebra", "apple Éclair éclair Zebra")
    assert words.words == ("apple", "fig", "zebra", "éclair", "pear")


@given(TEXTS)
def test_any_words_are_ranked_by_frequency_and_then_by_the_alphabet(texts: list[str]) -> None:
    counts = Counter(word for text in texts for word in tokenise(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    assert vocabulary_of(*texts).words == tuple(ranked)


def test_ids_follow_keras() -> None:
    words = vocabulary_of("the the the film film was")
    assert rows(words.encode(["The film was new", ""])) == [[START, 4, 5, 6, OOV], [START]]
    assert (PAD, START, OOV, FIRST_WORD) == (0, 1, 2, 4)


def test_words_that_only_other_texts_hold_are_unknown() -> None:
    corpus = Corpus()
    train, test = corpus.add(["good film"]), corpus.add(["good book book book"])
    fitted = corpus.fit(train)
    assert fitted.vocabulary.words == ("film", "good")
    assert rows(fitted.encode(test)) == [[START, 5, OOV, OOV, OOV]]


@given(TEXTS, TEXTS)
def test_a_corpus_and_its_vocabulary_encode_alike(train: list[str], test: list[str]) -> None:
    corpus = Corpus()
    numbers = {"train": corpus.add(train), "test": corpus.add(test)}
    fitted = corpus.fit(numbers["train"])
    for part, texts in (("train", train), ("test", test)):
        by_corpus, by_words = fitted.encode(numbers[part]), fitted.vocabulary.encode(texts)
        assert rows(by_corpus) == rows(by_words)
        assert by_corpus.ids.dtype == by_words.ids.dtype == np.int32
        assert by_corpus.offsets.dtype == by_words.offsets.dtype == np.int64


@given(TEXTS)
def test_a_vocabulary_knows_every_word_it_was_fitted_on(texts: list[str]) -> None:
    assert OOV not in vocabulary_of(*texts).encode(texts).ids


@pytest.mark.parametrize(
    ("size", "words"), [(0, ()), (4, ()), (5, ("a",)), (6, ("a", "b")), (7, ("a", "b", "c"))]
)
def test_first_keeps_the_words_whose_ids_are_below_a_size(
    size: int, words: tuple[str, ...]
) -> None:
    assert Vocabulary(("a", "b", "c")).first(size).words == words


def test_first_of_more_than_there_are_is_all() -> None:
    assert Vocabulary(("a", "b")).first(1_000).words == ("a", "b")


@given(TEXTS, st.integers(5, 12))
def test_fewer_words_encode_like_a_cap_on_the_ids(texts: list[str], size: int) -> None:
    words = vocabulary_of(*texts)
    capped = pad(words.encode(texts), 8, size, "post", "pre")
    fewer = pad(words.first(size).encode(texts), 8, 10_000, "post", "pre")
    assert capped.tolist() == fewer.tolist()
