"""Files of IMDB and MNIST, as they are downloaded, but small."""

import gzip
import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from seqtrain.data.tokens import plain_words as tokenise

WORDS = "the film was bad good naïve plot don't 10 acting of and great boring end".split()


Reviews = dict[tuple[str, str], list[str]]


def reviews(train: int = 20, test: int = 12) -> Reviews:
    """Return texts of a few words for each part and class, so many for each class."""
    random = Random(0)
    return {
        (part, folder): [
            "<br /><br />".join(" ".join(random.choices(WORDS, k=5)) for _ in range(1 + number % 3))
            for number in range(count)
        ]
        for part, count in (("train", train), ("test", test))
        for folder in ("neg", "pos")
    }


def members(texts: Reviews) -> dict[str, bytes]:
    """Return the files in which Stanford lays the reviews out."""
    return {
        f"aclImdb/{part}/{folder}/{number}_{9 if folder == 'pos' else 2}.txt": text.encode()
        for (part, folder), written in texts.items()
        for number, text in enumerate(written)
    }


def tar(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return an archive of files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as opened:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def pack(content: bytes | bytearray) -> bytes:
    """Return the content as a gzip file, the same each time."""
    return gzip.compress(content, mtime=0)


def write_archive(file: Path, texts: Reviews | None = None, **others: bytes) -> Path:
    """Write a small `aclImdb_v1.tar.gz`, in no certain order, as Stanford's is."""
    files = sorted(members(texts or reviews()).items(), key=lambda f: hashlib.md5(f[1]).digest())
    extra = [("aclImdb/README", b"read me"), ("aclImdb/train/unsup/0_0.txt", b"\xff unlabelled")]
    file.write_bytes(pack(tar([*extra, *files, *others.items()])))
    return file


def write_folder(folder: Path, texts: Reviews | None = None) -> Path:
    """Write the same as a folder."""
    for name, content in members(texts or reviews()).items():
        file = folder / Path(name).relative_to("aclImdb")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@cache
def word_index() -> dict[str, int]:
    """Return the rank of each word of the training reviews."""
    texts = (
        text for (part, _), written in reviews().items() if part == "train" for text in written
    )
    counts = Counter(word for text in texts for word in tokenise(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: rank for rank, word in enumerate(ranked, start=1)}


def objects(values: Iterable[Any]) -> np.ndarray:
    """Return values as an array of objects, whatever they are."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def ids_arrays() -> dict[str, np.ndarray]:
    """Return the same reviews as lists of ranks, as Keras's `imdb.npz` holds them."""
    rank_of, all_texts = word_index(), reviews()
    arrays = {}
    for part in ("train", "test"):
        texts = {folder: all_texts[part, folder] for folder in ("neg", "pos")}
        written = [text for folder in texts.values() for text in folder]
        arrays[f"x_{part}"] = objects([rank_of[word] for word in tokenise(t)] for t in written)
        arrays[f"y_{part}"] = np.repeat([0, 1], [len(folder) for folder in texts.values()])
    return arrays


def write_ids(file: Path, **others: Any) -> Path:
    """Write a small `imdb.npz`, with some arrays replaced, or left out where None."""
    arrays = ids_arrays() | others
    np.savez_compressed(file, **{key: value for key, value in arrays.items() if value is not None})
    return file


def write_words(file: Path) -> Path:
    """Write the `imdb_word_index.json` of the small `imdb.npz`."""
    file.write_text(json.dumps(word_index()), encoding="utf-8")
    return file


def text(file: Path) -> None:
    file.write_text("<html>404 Not Found</html>")


def mnist_arrays(train: int = 60, test: int = 20) -> dict[str, np.ndarray]:
    """Return images of noise, each class as often as the others."""
    random = np.random.default_rng(0)
    arrays = {}
    for part, number in (("train", train), ("test", test)):
        arrays[f"x_{part}"] = random.integers(0, 256, (number, 28, 28), dtype=np.uint8)
        arrays[f"y_{part}"] = (np.arange(number) % 10).astype(np.uint8)
    return arrays


def write_mnist(file: Path, **others: Any) -> Path:
    """Write a small `mnist.npz`, with some arrays replaced, or left out where None."""
    arrays = mnist_arrays() | others
    np.savez_compressed(file, **{key: value for key, value in arrays.items() if value is not None})
    return file
