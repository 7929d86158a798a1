"""`imdb`: 50,000 film reviews, positive or negative.

A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng and C. Potts, "Learning Word Vectors for
Sentiment Analysis", ACL 2011. Read from Keras's `imdb.npz`, which holds word ids, or from the
reviews themselves as Stanford distributes them: `aclImdb_v1.tar.gz` or its unpacked folder.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from pydantic import Field

from seqtrain.data.dataset import Dataset, empty
from seqtrain.io.atomic import sha256
from seqtrain.io.cache import cached
from seqtrain.io.download import Remote, download, find, fingerprint
from seqtrain.io.regular_file import checked, opened
from seqtrain.io.text_file import shown
from seqtrain.schema.sections import FileName
from seqtrain.sources.base import TokenDatasetConfig, reading
from seqtrain.tasks import Classification

if TYPE_CHECKING:
    import tarfile

    import numpy as np

    from seqtrain.data.vocabulary import Ragged, Vocabulary
    from seqtrain.io.cache import Arrays

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
IDS = Remote(
    f"{KERAS}/imdb.npz", "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
)
WORD_INDEX = Remote(f"{KERAS}/imdb_word_index.json", "md5:bfafd718b763782e994055a2d397834f")
FORMS = ("imdb.npz", "aclImdb_v1.tar.gz", "aclImdb")
CLASSES = ("negative", "positive")
FOLDERS = ("neg", "pos")
PARTS = ("train", "test")
REVIEW = re.compile(r"(?:.*/)?(train|test)/(neg|pos)/(\d+)_\d+\.txt$")
WHAT = "the IMDB reviews in a form that can be read"
LARGEST_RANK = 10_000_000
MOST_RANKS = 100_000_000  # of all reviews of a part; IMDB has 6,000,000
LARGEST, BLOCK = 1_000_000_000, 1_000_000  # bytes of the reviews unpacked; read at once
MOST_AT_ONCE = 2 * BLOCK  # bytes of a review
MOST_MEMBERS = 500_000  # of an archive; that of the reviews has 100,020
EXPECTED = (
    "expected is Keras's imdb.npz, Stanford's aclImdb_v1.tar.gz, or its folder aclImdb; "
    "name another with `dataset.path=FILE`"
)
FORMAT = 1  # of the cache; counts up when what is cached changes

log = logging.getLogger(__name__)


class Imdb(TokenDatasetConfig):
    """50,000 film reviews, positive or negative; 25,000 of them are the test set."""

    name: Literal["imdb"]
    path: FileName | None = Field(
        default=None,
        description="`imdb.npz`, `aclImdb_v1.tar.gz`, the folder `aclImdb`, or a folder that "
        "holds one of them; null looks in the usual places",
    )

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the reviews as ids of their words."""
        import numpy as np

        from seqtrain.data.vocabulary import Ragged

        source = find(FORMS, self.path, data_dir) or _download()
        with reading(source, WHAT, EXPECTED):
            digest = sha256(source)
        arrays = cached(f"imdb-{fingerprint(FORMAT, digest)}", lambda: _parse(source))
        train, test = (
            self.examples(
                Ragged(arrays[f"{part}_ids"], arrays[f"{part}_offsets"]),
                np.array(arrays[f"{part}_labels"]),
            )
            for part in PARTS
        )
        vocabulary = _vocabulary(source, arrays)
        return Dataset(
            train=train,
            validation=empty(train),
            test=test,
            task=Classification(CLASSES),
            source=str(source),
            sha256=digest,
            vocabulary_size=self.vocabulary_size,
            mask=self.mask,
            padding=self.padding,
            vocabulary=vocabulary and vocabulary.first(self.vocabulary_size),
        )


def _download() -> Path:
    ids = download(IDS)
    download(WORD_INDEX)
    return ids


def _parse(source: Path) -> Arrays:
    """Read either form into flat ids, offsets and labels of both parts."""
    log.info("reading %s for the first time", source)
    with reading(source, WHAT, EXPECTED):
        return _parse_ids(source) if source.suffix == ".npz" else _parse_reviews(source)


def _parse_ids(file: Path) -> Arrays:
    """Read Keras's form: pickled lists of ranks, without start id or offset.

    The pickles may only contain arrays and lists; anything else raises an error.
    """
    import numpy as np

    from seqtrain.data.vocabulary import FIRST_WORD, Ragged, with_start
    from seqtrain.io import pickles

    arrays: Arrays = {}
    content = pickles.read(file)
    for part in PARTS:
        labels = _flat_array(content[f"y_{part}"])
        ranks = Ragged.of(_checked(part, content[f"x_{part}"]))
        if labels.shape != (len(ranks),) or set(np.unique(labels).tolist()) != {0, 1}:
            raise ValueError(f"y_{part} is not one label, 0 or 1, for each review of x_{part}")
        if not ranks.ids.size:
            raise ValueError(f"x_{part} holds no words")
        ids = Ragged(ranks.ids + (FIRST_WORD - 1), ranks.offsets)
        arrays |= _flat(part, with_start(ids), labels)
    return arrays


def _checked(part: str, sequences: Iterable[Any]) -> Iterator[np.ndarray]:
    """Yield each review as an array of word ranks, after checking it."""
    total = 0
    for number, sequence in enumerate(sequences):
        ranks = _flat_array(sequence)
        whole = ranks.ndim == 1 and (ranks.dtype.kind in "iu" or not ranks.size)
        if not whole or (ranks.size and not 1 <= ranks.min() <= ranks.max() <= LARGEST_RANK):
            raise ValueError(f"x_{part}[{number}] is not a list of ranks of words, from 1 on")
        total += ranks.size
        if total > MOST_RANKS:
            raise ValueError(f"x_{part} holds more than {MOST_RANKS:,} words")
        yield ranks


def _flat_array(sequence: Any) -> np.ndarray:
    """Return a flat list of integers as an array, and anything else as an array of no integers.

    NumPy would read nested lists, and a pickle of a few bytes can nest lists that fill all memory.
    """
    import numpy as np

    if isinstance(sequence, np.ndarray) and sequence.dtype.kind != "O":
        return sequence
    flat = isinstance(sequence, list | np.ndarray) and {*map(type, sequence)} <= {int}
    return np.array(list(sequence) if flat else None)


def _parse_reviews(source: Path) -> Arrays:
    """Read the reviews themselves; the vocabulary is fitted on the training part alone."""
    import numpy as np

    from seqtrain.data.vocabulary import Corpus

    found = sorted(_reviews(source))
    corpus = Corpus("plain")
    numbers, labels = {}, {}
    for part in PARTS:
        labels[part] = np.array([label for (name, label, _), _ in found if name == part])
        numbers[part] = corpus.add(text for (name, _, _), text in found if name == part)
        if set(labels[part].tolist()) != {0, 1}:
            raise ValueError("it holds no ID_RATING.txt files in each of {train,test}/{neg,pos}")
    fitted = corpus.fit(numbers["train"])
    words = "\n".join(fitted.vocabulary.words).encode()
    arrays: Arrays = {"words": np.frombuffer(words, dtype=np.uint8)}
    for part in PARTS:
        arrays |= _flat(part, fitted.encode(numbers[part]), labels[part])
    return arrays


def _flat(part: str, sequences: Ragged, labels: np.ndarray) -> Arrays:
    return {
        f"{part}_ids": sequences.ids,
        f"{part}_offsets": sequences.offsets,
        f"{part}_labels": labels.astype("int32"),
    }


def _reviews(source: Path) -> Iterator[tuple[tuple[str, int, int], str]]:
    """Yield ((part, label, number), text) of every review, in any order."""
    for name, content in _files(source):
        if match := REVIEW.match(name):
            part, folder, number = match.groups()
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{name} is not UTF-8 text") from error
            yield (part, FOLDERS.index(folder), int(number)), text


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the text files of a folder or an archive; nothing is unpacked."""
    import tarfile

    if source.is_dir():
        for path in source.glob("*/[pn][oe][sg]/*.txt"):
            yield path.as_posix(), checked(path).read_bytes()
        return
    plain, total = _plain_members(), 0
    with (
        _decompressed(source) as stream,
        tarfile.open(fileobj=stream, mode="r:", tarinfo=plain) as archive,
    ):
        for number, member in enumerate(archive):
            total += member.size
            if member.size < 0 or number >= MOST_MEMBERS:
                raise ValueError(f"it holds more than {MOST_MEMBERS:,} files, or of no size")
            if total > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
            if member.name.endswith(".txt") and not member.isdir():
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    raise ValueError(f"its {shown(member.name)} is a link or a device, not a file")
                yield member.name, file.read()
        # tarfile ends without a word where a header is damaged or missing
        rest = [bool(block.strip(b"\0")) for block in iter(lambda: stream.read(BLOCK), b"")]
        if not rest or any(rest):
            raise ValueError("the archive is cut off or damaged")


def _plain_members() -> type[tarfile.TarInfo]:
    """Return the class of archive members, which refuses sparse files.

    A sparse file of a few bytes can claim any size, and its map any amount of memory.
    """
    import tarfile

    class PlainMember(tarfile.TarInfo):
        def refuse(self, *_: object) -> None:
            raise ValueError("it holds a sparse file")

        _proc_sparse = _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = refuse

    return PlainMember


class _Unpacked(gzip.GzipFile):
    """A compressed file with a limit on its unpacked size."""

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes; refuse more than a block or a review can have."""
        if size and size > MOST_AT_ONCE:
            raise ValueError(f"it holds a name or a review of {size:,} bytes")
        self._check(self.tell() + max(size or 0, 0))
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go on at another place."""
        self._check(offset)
        return super().seek(offset, whence)

    def _check(self, place: int) -> None:
        if place > LARGEST:
            raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")


def _decompressed(file: Path) -> BinaryIO:
    with opened(file) as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, _Unpacked(file)) if compressed else opened(file)


def _vocabulary(source: Path, arrays: Arrays) -> Vocabulary | None:
    """Return all words, from the parsed reviews or from the word index beside the ids."""
    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary

    if "words" in arrays:
        known = arrays["words"].tobytes().decode().split("\n")
        return Vocabulary(tuple(known), Tokeniser("plain"))
    file = source.with_name(WORD_INDEX.name)
    if not file.exists():
        log.warning("%s has no %s beside it: the words of the ids are unknown", source, file.name)
        return None
    expected = "replace it with Keras's own, or move it away to continue without the words"
    with reading(file, "a JSON object of words and their ranks", expected):
        ranks = json.loads(checked(file).read_text(encoding="utf-8"))
        words = sorted(ranks, key=ranks.__getitem__)
        if [ranks[word] for word in words] != list(range(1, len(words) + 1)):
            raise ValueError("the ranks do not count from 1 without a gap")
        return Vocabulary(tuple(words), Tokeniser("keras"))
