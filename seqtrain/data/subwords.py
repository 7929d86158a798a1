"""Subwords, learned from words and their counts by SentencePiece.

T. Kudo and J. Richardson, "SentencePiece: A simple and language independent subword tokenizer and
detokenizer for Neural Text Processing", EMNLP 2018; the unigram language model of T. Kudo,
"Subword Regularization", ACL 2018. Characters in no subword are split into bytes, so no text is
unknown. The same words and counts give a bit-identical model.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from seqtrain.errors import DataError, reason

BYTES = 256
SMALLEST = 512  # ids: one for each byte, and as many for subwords
MOST = 300_000  # characters of the most frequent words; subwords are learned from these
COVERED = 0.9995  # share of the characters that get subwords; rarer ones are split into bytes
BLOCK = 10_000  # words that are split at once


def learn(counts: Mapping[str, int], size: int) -> bytes:
    """Return a model of at most `size` subwords, as SentencePiece writes it.

    Args:
        counts: how often each word occurs; words hold no spaces.
        size: at least 508.
    """
    import sentencepiece

    chosen = _spellable(_most_frequent(counts), room=(size - BYTES) // 2)
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(f"{word}\t{count}" for word, count in chosen),
            input_format="tsv",
            model_writer=written,
            vocab_size=size + 1,  # with <unk>, which bytes make needless
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=COVERED,
            normalization_rule_name="identity",
            max_sentence_length=4 * MOST,
            num_threads=1,
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"no subwords can be learned from the training texts: {reason(error)}",
            "read them otherwise: `dataset.tokens=characters`",
        ) from error
    return written.getvalue()


def _most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent words: those to learn from."""
    chosen: dict[str, int] = {}
    characters = 0
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        characters += len(word)
        if chosen and characters > MOST:
            break
        chosen[word] = counts[word]
    return chosen


def _spellable(counts: Mapping[str, int], room: int) -> Iterator[tuple[str, int]]:
    """Yield the words and their counts, keeping only the `room` most frequent characters."""
    found: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            found[character] += count
    rare = {ord(character): None for character, _ in found.most_common()[room:]}
    for word, count in counts.items():
        yield word.translate(rare), count


def pieces(model: bytes) -> list[str]:
    """Return all subwords of a model.

    Raises:
        ValueError: it is none.
    """
    read = _read(model)
    return [read.id_to_piece(number) for number in range(1, read.get_piece_size())]


def split(model: bytes, words: Sequence[str]) -> Iterator[list[str]]:
    """Yield the subwords of each word."""
    read = _read(model)
    for first in range(0, len(words), BLOCK):
        yield from read.encode(list(words[first : first + BLOCK]), out_type=str, num_threads=1)


@lru_cache(maxsize=4)
def _read(model: bytes) -> Any:
    import sentencepiece

    if not model:
        raise ValueError("it holds no subwords")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
        raise ValueError("its subwords cannot be read") from error
