"""Word vectors from a file in the text format of word2vec or GloVe.

T. Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality",
NeurIPS 2013; J. Pennington, R. Socher and C. D. Manning, "GloVe: Global Vectors for Word
Representation", EMNLP 2014.
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from seqtrain.data.tokens import normalised
from seqtrain.data.vocabulary import FIRST_WORD, Vocabulary
from seqtrain.errors import DataError
from seqtrain.io.regular_file import checked

EXPECTED = (
    "each line of `model.embedding_file` is a word and its numbers, as word2vec and GloVe write "
    "text; `.gz` is read too"
)

LONGEST = 1_000_000  # characters of a line, of which a vector of 300 numbers has 3,000
COUNT = re.compile(r"[0-9]{1,9}")

log = logging.getLogger(__name__)


def dimension(file: Path) -> int:
    """Return the length of the vectors of a file.

    Raises:
        DataError: the file is missing or holds no vectors.
    """
    for _, _, numbers in _lines(file):
        return len(numbers)
    raise DataError(f"{file} holds no word vectors", EXPECTED)


def fill(matrix: np.ndarray, file: Path, vocabulary: Vocabulary) -> np.ndarray:
    """Put the vectors of the words that a file knows into a matrix, and log how many it knows.

    A word that the file has only in another case, or with another apostrophe or form of its
    accents, gets that vector.

    Args:
        matrix: one row for each id; float32, shape (vocabulary size, length of the vectors).
        file: word2vec or GloVe text.
        vocabulary: the words of the ids.

    Returns:
        A new matrix of the same shape.

    Raises:
        DataError: the file is missing or damaged, or knows none of the words; the tokens of
            the vocabulary are no words.
    """
    if (tokens := vocabulary.tokeniser.rule) in ("characters", "subwords"):
        raise DataError(
            f"`model.embedding_file` holds vectors of words, and the network would read {tokens}",
            "leave it out, or read words: `dataset.tokens=words`",
        )
    filled = matrix.copy()
    id_of = {word: FIRST_WORD + index for index, word in enumerate(vocabulary.words)}
    exact: set[int] = set()
    near: set[int] = set()
    for line, word, numbers in _lines(file):
        row = id_of.get(word, id_of.get(word.lower(), id_of.get(normalised(word))))
        if row is None or row in exact or (word not in id_of and row in near):
            continue
        (exact if word in id_of else near).add(row)
        filled[row] = _vector(file, line, numbers, matrix.shape[1])
    known = len(exact | near)
    if not known:
        raise DataError(
            f"{file} knows none of the {len(id_of):,} words of the vocabulary", EXPECTED
        )
    share = known / len(id_of)
    log.info(
        "%s knows %s of %s words (%.0f %%)", file, f"{known:,}", f"{len(id_of):,}", 100 * share
    )
    return filled


def _lines(file: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line, word and numbers; word2vec's first line, which counts both, is passed over.

    A word may hold spaces, so the numbers are counted from the end, as many as the first has.
    """
    with _open(file) as stream:
        length = 0
        try:
            for line, text in enumerate(iter(lambda: stream.readline(LONGEST), ""), start=1):
                if len(text) == LONGEST:
                    what = f"a line of more than {LONGEST:,} characters"
                    raise DataError(f"{file}:{line}: {what}", EXPECTED)
                fields = re.split(r"[ \t]+", text.rstrip())
                if line == 1 and len(fields) == 2 and all(map(COUNT.fullmatch, fields)):
                    length = int(fields[1])
                    continue
                length = length or len(fields) - 1
                if len(fields) <= length or not length:
                    what = f"{len(fields) - 1} numbers where {length} are expected"
                    raise DataError(f"{file}:{line}: {what}", EXPECTED)
                yield line, " ".join(fields[:-length]), fields[-length:]
        except (UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{file} is not a text file of word vectors: {error}", EXPECTED
            ) from error


def _open(file: Path) -> IO[str]:
    try:
        if file.suffix == ".gz":
            return gzip.open(checked(file), "rt", encoding="utf-8-sig")
        return checked(file).open(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{file} cannot be read: {reason}", EXPECTED) from error


def _vector(file: Path, line: int, numbers: list[str], length: int) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is not finite
            vector = np.array(numbers, dtype=np.float64).astype(np.float32)
    except ValueError as error:
        raise DataError(f"{file}:{line}: {error}", EXPECTED) from error
    if len(vector) != length:
        raise DataError(
            f"{file} holds vectors of {len(vector)} numbers, not of {length}",
            f"leave `model.embedding_dim` out, or set it to {len(vector)}",
        )
    if not np.isfinite(vector).all():
        raise DataError(f"{file}:{line}: a number is not finite", EXPECTED)
    return vector
