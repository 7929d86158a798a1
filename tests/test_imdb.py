"""The film reviews in the forms in which people have them, whole and damaged."""

import gzip
import hashlib
import io
import logging
import os
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtrain.data.vocabulary import OOV, START
from seqtrain.datasets import Dataset, imdb
from seqtrain.datasets.imdb import Imdb
from seqtrain.errors import DataError
from seqtrain.io.cache import cache_folder
from seqtrain.io.download import Remote
from tests.conftest import Outcome
from tests.factories.downloads import (
    ids_arrays,
    members,
    objects,
    pack,
    reviews,
    tar,
    text,
    word_index,
    write_archive,
    write_folder,
    write_ids,
    write_words,
)

CONFIG = """\
dataset: {name: imdb, max_length: 8}
model: {name: rnn, units: 4}
training: {epochs: 1}
"""
Damage = Callable[[Path], None]


def read(path: Path, **keys: Any) -> Dataset:
    return Imdb(name="imdb", path=str(path), **{"max_length": 8, **keys}).read(None)


def assert_equal(one: Dataset, other: Dataset) -> None:
    """Assert that two datasets hold the same examples and words."""
    for split in ("train", "test"):
        np.testing.assert_array_equal(one.split(split).x, other.split(split).x)
        np.testing.assert_array_equal(one.split(split).labels, other.split(split).labels)
    assert one.vocabulary == other.vocabulary


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    """A small `imdb.npz` with its words beside it."""
    write_words(tmp_path / "imdb_word_index.json")
    return write_ids(tmp_path / "imdb.npz")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "aclImdb_v1.tar.gz")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be fetched."""
    monkeypatch.setattr(imdb, "IDS", Remote("http://127.0.0.1:9/imdb.npz", "sha256:0"))
    words = Remote("http://127.0.0.1:9/imdb_word_index.json", "sha256:0")
    monkeypatch.setattr(imdb, "WORD_INDEX", words)


# Keras's imdb.npz


def test_ids_follow_keras_s_convention(ids: Path) -> None:
    ranks = ids_arrays()["x_train"]
    rows = read(ids, max_length=100, padding="post").train.x
    for row, review in zip(rows, ranks, strict=True):
        expected = [START, *(rank + 3 for rank in review)]
        assert row[: len(expected)].tolist() == expected
        assert not row[len(expected) :].any()


def test_ids_out_of_the_vocabulary_are_unknown(ids: Path) -> None:
    whole = read(ids, max_length=100).train.x
    capped = read(ids, max_length=100, vocabulary_size=9).train.x
    np.testing.assert_array_equal(capped, np.where(whole < 9, whole, OOV))


def test_labels_stay_beside_their_reviews(ids: Path) -> None:
    dataset = read(ids)
    assert dataset.train.labels.tolist() == [0] * 20 + [1] * 20
    assert dataset.test.labels.tolist() == [0] * 12 + [1] * 12
    assert dataset.task.classes == ("negative", "positive")


def test_words_come_from_the_index_beside_the_ids(ids: Path) -> None:
    vocabulary = read(ids).vocabulary
    assert vocabulary is not None
    assert vocabulary.words == tuple(word_index())


def test_only_words_with_an_id_are_kept(ids: Path) -> None:
    vocabulary = read(ids, vocabulary_size=9).vocabulary
    assert vocabulary is not None
    assert vocabulary.words == tuple(word_index())[:5]


def test_without_an_index_the_words_are_unknown_and_a_warning_says_so(
    ids: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_words = read(ids)
    (ids.parent / "imdb_word_index.json").unlink()
    dataset = read(ids)
    assert dataset.vocabulary is None
    np.testing.assert_array_equal(dataset.train.x, with_words.train.x)
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "imdb_word_index.json" in record.getMessage()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_labels_may_be_of_any_whole_type(tmp_path: Path, dtype: type) -> None:
    labels = ids_arrays()["y_train"].astype(dtype)
    dataset = read(write_ids(tmp_path / "imdb.npz", y_train=labels))
    assert dataset.train.labels.dtype == np.int32
    assert dataset.train.labels.tolist() == [0] * 20 + [1] * 20


def test_reviews_of_one_length_may_be_a_plain_array(tmp_path: Path) -> None:
    """NumPy makes no object array of lists of equal length."""
    dataset = read(write_ids(tmp_path / "imdb.npz", x_train=np.tile([7, 8, 9], (40, 1))))
    assert dataset.train.x[0].tolist() == [START, 10, 11, 12, 0, 0, 0, 0]


def test_an_empty_review_is_read(tmp_path: Path) -> None:
    ranks = ids_arrays()["x_train"]
    ranks[3] = []
    rows = read(write_ids(tmp_path / "imdb.npz", x_train=ranks)).train.x
    assert rows[3].tolist() == [START, 0, 0, 0, 0, 0, 0, 0]


def test_pickles_of_old_numpy_are_read(ids: Path, tmp_path: Path) -> None:
    """Keras's own file was written when NumPy's modules had other names."""
    old = tmp_path / "old" / "imdb.npz"
    old.parent.mkdir()
    with zipfile.ZipFile(old, "w") as opened:
        for key, array in ids_arrays().items():
            npy = io.BytesIO()
            header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
            np.lib.format.write_array_header_1_0(npy, header)
            pickled = pickle.dumps(array.astype(object), protocol=3)
            assert b"numpy._core.multiarray" in pickled
            npy.write(pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
            opened.writestr(f"{key}.npy", npy.getvalue())
    write_words(old.parent / "imdb_word_index.json")
    assert_equal(read(old), read(ids))


@pytest.mark.tf
@pytest.mark.parametrize("size", [9, 10_000])
def test_ids_are_those_that_keras_gives(
    ids: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    from keras.src.datasets import imdb as keras_imdb

    monkeypatch.setattr(keras_imdb, "get_file", lambda **_: str(ids))
    (x, y), (x_test, y_test) = keras_imdb.load_data(num_words=size, seed=5)
    order = np.random.RandomState(5)
    ours = read(ids, vocabulary_size=size, max_length=100, padding="post")
    for examples, rows, labels in ((ours.train, x, y), (ours.test, x_test, y_test)):
        indices = np.arange(len(examples))
        order.shuffle(indices)
        mixed = examples.take(indices)
        assert mixed.labels.tolist() == labels.tolist()
        assert [row[row != 0].tolist() for row in mixed.x] == list(rows)


# Stanford's reviews


def test_the_archive_and_its_folder_are_read_alike(archive: Path, tmp_path: Path) -> None:
    assert_equal(read(archive), read(write_folder(tmp_path / "aclImdb")))


def test_the_reviews_are_read_like_their_ids(archive: Path, ids: Path) -> None:
    assert_equal(read(archive), read(ids))


def test_reviews_come_in_the_order_of_their_numbers(archive: Path) -> None:
    dataset = read(archive, max_length=100)
    assert dataset.vocabulary is not None
    for part, examples in (("train", dataset.train), ("test", dataset.test)):
        texts = [*reviews()[part, "neg"], *reviews()[part, "pos"]]
        ragged = dataset.vocabulary.encode(texts)
        starts, stops = ragged.offsets[:-1], ragged.offsets[1:]
        for row, start, stop in zip(examples.x, starts, stops, strict=True):
            assert row[: stop - start].tolist() == ragged.ids[start:stop].tolist()


def test_the_vocabulary_is_fitted_on_the_training_reviews_alone(tmp_path: Path) -> None:
    texts = reviews()
    texts["test", "pos"][0] = "unseen unseen unseen film unseen"
    dataset = read(write_archive(tmp_path / "a.tar.gz", texts))
    assert dataset.vocabulary is not None
    assert dataset.vocabulary.words == tuple(word_index())
    film = 3 + word_index()["film"]
    assert dataset.test.x[12].tolist() == [START, OOV, OOV, OOV, film, OOV, 0, 0]


def test_the_unlabelled_reviews_are_passed_over(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        assert "aclImdb/train/unsup/0_0.txt" in opened.getnames()
    assert len(read(archive).train) == 40


@pytest.mark.parametrize("place", ["folder", "parent", "data_dir", "trailing slash"])
def test_the_unpacked_folder_is_found(tmp_path: Path, place: str) -> None:
    folder = write_folder(tmp_path / "data" / "aclImdb")
    path = {
        "folder": str(folder),
        "parent": str(folder.parent),
        "data_dir": None,
        "trailing slash": f"{folder}/",
    }[place]
    dataset = Imdb(name="imdb", path=path, max_length=8).read(folder.parent)
    assert dataset.source == str(folder)
    assert len(dataset.test) == 24


def test_the_archive_may_be_plain(tmp_path: Path) -> None:
    plain = tmp_path / "aclImdb_v1.tar.gz"
    plain.write_bytes(tar(members(reviews()).items()))
    packed = write_archive(tmp_path / "packed.tar.gz")
    assert_equal(read(plain), read(packed))


def test_where_both_forms_lie_the_ids_win_and_a_message_says_so(
    ids: Path, archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtrain")
    dataset = Imdb(name="imdb").read(ids.parent)
    assert dataset.source == str(ids)
    [message] = [m for m in caplog.messages if archive.name in m]
    assert f"{ids} is used" in message


@pytest.mark.parametrize("form", ["ids", "archive", "folder"])
def test_the_second_load_does_not_parse(
    form: str, ids: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"ids": ids, "archive": archive, "folder": tmp_path / "aclImdb"}[form]
    write_folder(tmp_path / "aclImdb")
    first = read(source)
    monkeypatch.setattr(imdb, "_parse", lambda source: pytest.fail(f"{source} is parsed again"))
    assert_equal(read(source), first)


@pytest.mark.parametrize("form", ["ids", "archive", "folder"])
def test_a_changed_source_is_read_anew(form: str, tmp_path: Path) -> None:
    source = tmp_path / {"ids": "imdb.npz", "archive": "a.tar.gz", "folder": "aclImdb"}[form]
    fewer = reviews(train=3)
    if form == "ids":
        write_ids(source)
        read(source)
        write_ids(source, x_train=np.array([[1], [2]]), y_train=np.array([0, 1]))
        assert len(read(source).train) == 2
    else:
        write = write_archive if form == "archive" else write_folder
        write(source, fewer)
        assert len(read(source).train) == 6
        write(source)
        assert len(read(source).train) == 40


def test_source_and_hash_name_the_file(ids: Path, archive: Path) -> None:
    for file in (ids, archive):
        dataset = read(file)
        assert dataset.source == str(file)
        assert dataset.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


# Damaged files


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


CODE = Call(os.mkdir, "executed")


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def without_end(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def bare_pickle(file: Path) -> None:
    file.write_bytes(pickle.dumps(CODE))


def pickle_without_header(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as opened:
        for key in ids_arrays():
            opened.writestr(f"{key}.npy", pickle.dumps(CODE))


def unknown_compression(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(magic) + offset
        content[place : place + 2] = (77).to_bytes(2, "little")
    file.write_bytes(content)


def with_arrays(**others: Any) -> Damage:
    """Return a damage: a whole file with other arrays."""
    return lambda file: write_ids(file, **others) and None


def with_reviews(*each: Any) -> Damage:
    """Return a damage: other training reviews."""
    return with_arrays(x_train=objects([each[number % len(each)] for number in range(40)]))


LABELS = np.repeat([0, 1], 20)
ID_DEFECTS = {
    "truncated": (truncated, ""),
    "without_end": (without_end, ""),
    "empty": (empty, ""),
    "text": (text, ""),
    "bare_pickle": (bare_pickle, ""),
    "pickle_without_header": (pickle_without_header, ""),
    "unknown_compression": (unknown_compression, ""),
    "code_as_array": (with_arrays(x_train=objects([CODE] * 40)), "mkdir"),
    "code_in_a_review": (with_reviews([1, 2], [3, CODE]), "mkdir"),
    "code_in_labels": (with_arrays(y_test=objects([CODE] * 24)), "mkdir"),
    "code_in_another_array": (with_arrays(extra=objects([CODE])), "mkdir"),
    "eval": (with_reviews([Call(eval, "__import__('os').mkdir('executed')")]), "eval"),
    "enormous": (with_reviews([1], Call(np.ndarray, (10**15,))), ""),
    "missing_key": (with_arrays(y_test=None), "y_test"),
    "other_keys": (with_arrays(x_train=None, reviews=LABELS), "x_train"),
    "scalar": (with_arrays(x_train=np.int64(3)), ""),
    "ranks_in_a_row": (with_arrays(x_train=np.arange(1, 41)), ""),
    "three_dimensions": (with_arrays(x_train=np.ones((40, 3, 2), int)), "x_train"),
    "nested": (with_reviews([[1, 2], [3, 4]]), "x_train"),
    "no_reviews": (with_arrays(x_test=objects([]), y_test=LABELS[:0]), "_test"),
    "only_empty_reviews": (with_reviews([]), "x_train"),
    "strings": (with_reviews("the film was bad"), ""),
    "words": (with_reviews(["the", "film"]), ""),
    "digits_as_text": (with_reviews(["1", "2"]), "x_train"),
    "fractions": (with_reviews([1.5, 2.5]), "x_train"),
    "not_a_number": (with_reviews([float("nan")]), ""),
    "truth": (with_reviews([True, True]), "x_train"),
    "nothing": (with_reviews(None), ""),
    "dictionaries": (with_reviews({1: 2}), ""),
    "zero_rank": (with_reviews([1, 0, 2]), r"x_train\[0\] is not a list of ranks"),
    "negative_rank": (with_reviews([1, -5, 2]), r"x_train\[0\] is not a list of ranks"),
    "large_rank": (with_reviews([1, 2**31]), ""),
    "largest_rank": (with_reviews([1, 2**31 - 2]), ""),
    "large_rank_in_an_array": (with_reviews(np.array([1, 2**33 + 5])), "x_train"),
    "too_few_labels": (with_arrays(y_train=LABELS[:39]), "y_train is not one label, 0 or 1"),
    "label_2": (with_arrays(y_train=LABELS * 2), "y_train is not one label, 0 or 1"),
    "negative_label": (with_arrays(y_train=LABELS - 1), "y_train is not one label, 0 or 1"),
    "one_class": (with_arrays(y_train=LABELS * 0), "y_train"),
    "one_hot_labels": (with_arrays(y_train=np.eye(2, dtype=int)[LABELS]), "y_train"),
    "text_labels": (with_arrays(y_train=np.array(["neg", "pos"])[LABELS]), "y_train"),
    "label_between": (with_arrays(y_train=LABELS / 2), "y_train is not one label, 0 or 1"),
    "no_label": (with_arrays(y_train=np.where(LABELS, 1, np.nan)), "y_train"),
}


WHAT = "(the IMDB reviews|a file that can be read)"


def assert_refused(source: Path, reason: str) -> DataError:
    """Assert that a source is one clear error, twice, and stays as it is."""
    before = source.read_bytes() if source.is_file() else sorted(source.rglob("*"))
    for _ in range(2):
        with pytest.raises(DataError, match=f"is not {WHAT}.*{reason}") as caught:
            read(source)
    assert str(source) in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert "dataset.path=FILE" in str(caught.value.hint)
    assert before == (source.read_bytes() if source.is_file() else sorted(source.rglob("*")))
    assert not (cache_folder() / "parsed").exists()
    assert not Path("executed").exists()
    return caught.value


@pytest.mark.parametrize(("damage", "reason"), ID_DEFECTS.values(), ids=ID_DEFECTS)
def test_damaged_ids_are_a_clear_error(ids: Path, damage: Damage, reason: str) -> None:
    damage(ids)
    assert_refused(ids, reason)


def repacked(change: Callable[[bytearray], None]) -> Damage:
    """Return a damage: a change within the archive, packed again without a trace."""

    def damage(file: Path) -> None:
        content = bytearray(gzip.decompress(file.read_bytes()))
        change(content)
        file.write_bytes(pack(content))

    return damage


def damaged_stream(file: Path) -> None:
    """Change a byte of the packed archive at its middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)


def last_review_at(content: bytearray) -> int:
    return content.rindex(b"aclImdb/t")


@repacked
def damaged_header(content: bytearray) -> None:
    """Change the checksum of the last review's header."""
    place = last_review_at(content) + 148
    content[place : place + 6] = b"000000"


@repacked
def cut_off_review(content: bytearray) -> None:
    del content[last_review_at(content) + 512 + 3 :]


@repacked
def cut_off_header(content: bytearray) -> None:
    del content[last_review_at(content) + 100 :]


def ids_by_another_name(file: Path) -> None:
    write_ids(file.with_name("imdb.npz")).rename(file)


def damaged_checksum(file: Path) -> None:
    """Change what the gzip file says that its content's checksum is."""
    content = bytearray(file.read_bytes())
    content[-8] ^= 0x10
    file.write_bytes(content)


def with_files(keep: Callable[[str], bool], **others: bytes) -> Damage:
    """Return a damage: an archive of some of the reviews, and of other files."""
    kept = [(name, content) for name, content in members(reviews()).items() if keep(name)]
    packed = pack(tar([*kept, *others.items()]))
    return lambda file: file.write_bytes(packed) and None


def with_link(file: Path) -> None:
    """Add a review that is a link to a file outside."""
    content = io.BytesIO(gzip.decompress(file.read_bytes()))
    with tarfile.open(fileobj=content, mode="a") as opened:
        member = tarfile.TarInfo("aclImdb/train/pos/99_9.txt")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(member)
    file.write_bytes(pack(content.getvalue()))


def with_member(kind: bytes, size: int, content: bytes = b"", name: str = "") -> Damage:
    """Return a damage: one more member of a kind, which claims a size."""

    def damage(file: Path) -> None:
        member = tarfile.TarInfo(name or "aclImdb/train/pos/99_9.txt")
        member.type, member.size, member.linkname = kind, size, "aclImdb/train/pos/0_9.txt"
        whole = gzip.decompress(file.read_bytes()).rstrip(b"\0")
        whole += bytes(-len(whole) % tarfile.BLOCKSIZE) + member.tobuf(tarfile.GNU_FORMAT)
        file.write_bytes(pack(whole + content + bytes(tarfile.RECORDSIZE)))

    return damage


def with_negative_size(file: Path) -> None:
    """Give a review a size below zero, with which a reader would go back and read it again."""
    content = bytearray(gzip.decompress(file.read_bytes()))
    content[124:136] = b"\xff" * 11 + b"\x00"
    content[148:156] = b"%06o\0 " % (256 + sum(content[:148]) + sum(content[156:512]))
    file.write_bytes(pack(content))


LATIN = {"aclImdb/train/pos/77_9.txt": "naïve".encode("latin-1")}
ARCHIVE_DEFECTS = {
    "negative_size": (with_negative_size, "files, or of no size"),
    "sparse": (with_member(tarfile.GNUTYPE_SPARSE, 0), "it holds a sparse file"),
    "hard_link": (with_member(tarfile.LNKTYPE, 0), "pos/99_9.txt is a link or a device"),
    "pipe": (with_member(tarfile.FIFOTYPE, 0), "pos/99_9.txt is a link or a device"),
    "device": (with_member(tarfile.CHRTYPE, 0), "pos/99_9.txt is a link or a device"),
    "claims_too_much": (with_member(tarfile.REGTYPE, 2 * 10**9), "it unpacks to more than 1,000,"),
    "claims_a_large_review": (with_member(tarfile.REGTYPE, 10**8), "a review of 100,000,000"),
    "claims_what_is_not_there": (with_member(tarfile.REGTYPE, 10**6), ""),
    "long_name": (with_member(tarfile.GNUTYPE_LONGNAME, 10**8), "a name or a review of 100,0"),
    "long_header": (with_member(tarfile.XHDTYPE, 10**8), "a name or a review of 100,000,"),
    "truncated": (truncated, ""),
    "without_end": (without_end, ""),
    "empty": (empty, ""),
    "text": (text, ""),
    "bare_pickle": (bare_pickle, ""),
    "ids_by_another_name": (ids_by_another_name, ""),
    "damaged_stream": (damaged_stream, ""),
    "damaged_checksum": (damaged_checksum, ""),
    "damaged_header": (damaged_header, ""),
    "cut_off_review": (cut_off_review, ""),
    "cut_off_header": (cut_off_header, ""),
    "no_reviews": (with_files(lambda name: False, README=b"read me"), "it holds no"),
    "no_files": (with_files(lambda name: False), "it holds no"),
    "no_test": (with_files(lambda name: "train" in name), "it holds no"),
    "no_negative": (with_files(lambda name: "pos" in name), "it holds no"),
    "no_positive_test": (with_files(lambda name: "test/pos" not in name), "it holds no"),
    "not_utf8": (with_files(lambda name: True, **LATIN), "train/pos/77_9.txt"),
    "link": (with_link, ""),
}


@pytest.mark.parametrize(("damage", "reason"), ARCHIVE_DEFECTS.values(), ids=ARCHIVE_DEFECTS)
def test_a_damaged_archive_is_a_clear_error(archive: Path, damage: Damage, reason: str) -> None:
    damage(archive)
    error = assert_refused(archive, reason)
    assert "root:" not in error.message


def without_reviews(folder: Path) -> None:
    for file in folder.rglob("*.txt"):
        file.unlink()


def without_test(folder: Path) -> None:
    for file in (folder / "test").rglob("*.txt"):
        file.unlink()


def not_utf8(folder: Path) -> None:
    (folder / "train/pos/77_9.txt").write_bytes("naïve".encode("latin-1"))


def folder_as_review(folder: Path) -> None:
    (folder / "train/pos/77_9.txt").mkdir()


def dangling_link(folder: Path) -> None:
    (folder / "train/pos/77_9.txt").symlink_to("nowhere")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without_reviews, "it holds no"),
        (without_test, "it holds no"),
        (not_utf8, "train/pos/77_9.txt"),
        (folder_as_review, "77_9.txt"),
        (dangling_link, "77_9.txt"),
    ],
)
def test_a_damaged_folder_is_a_clear_error(tmp_path: Path, damage: Damage, reason: str) -> None:
    folder = write_folder(tmp_path / "aclImdb")
    damage(folder)
    assert_refused(folder, reason)


@pytest.mark.parametrize("name", ["imdb.npz", "aclImdb_v1.tar.gz", "aclImdb", "other"])
def test_an_empty_folder_in_the_file_s_place_is_a_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert_refused(tmp_path / name, "")


def test_a_missing_path_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.path.*no file or folder"):
        read(tmp_path / "imdb.npz")


def test_missing_files_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not on this machine") as caught:
        Imdb(name="imdb").load(tmp_path)
    assert "http://127.0.0.1:9/imdb" in str(caught.value.hint)


def test_files_that_lead_out_of_the_archive_are_written_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "a" / "b" / "c"
    outside.mkdir(parents=True)
    others = {
        "../../train/pos/98_9.txt": b"good film",
        "/tmp/seqtrain-test-outside/train/pos/99_9.txt": b"good film",
        "../../escaped.txt": b"escaped",
    }
    file = write_archive(outside / "aclImdb_v1.tar.gz", None, **others)
    before = sorted(tmp_path.rglob("*"))
    read(file)
    created = set(tmp_path.rglob("*")) - set(before)
    assert all(path.is_relative_to(cache_folder()) for path in created)
    assert not Path("/tmp/seqtrain-test-outside").exists()


WORD_DEFECTS = {
    "empty": b"",
    "text": b"the film was bad",
    "truncated": b'{"the": 1, "fi',
    "not_utf8": '{"naïve": 1}'.encode("latin-1"),
    "list": b'["the", "film"]',
    "list_of_numbers": b"[0, 1]",
    "number": b"1",
    "nothing": b"null",
    "nested_too_deep": b"[" * 100_000,
    "ranks_as_text": b'{"the": "1", "film": "2"}',
    "ranks_missing": b'{"the": null}',
    "ranks_of_two_types": b'{"the": 1, "film": "2"}',
    "fractions": b'{"the": 1.5, "film": 2.5}',
    "from_zero": b'{"the": 0, "film": 1}',
    "gap": b'{"the": 1, "film": 3}',
    "equal": b'{"the": 1, "film": 1}',
    "words_of_ids": b'{"1": "the", "2": "film"}',
}


@pytest.mark.parametrize("content", WORD_DEFECTS.values(), ids=WORD_DEFECTS)
def test_a_damaged_word_index_is_a_clear_error(ids: Path, content: bytes) -> None:
    file = ids.parent / "imdb_word_index.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match="is not a JSON object of words and their ranks") as caught:
        read(ids)
    assert str(file) in caught.value.message
    assert "move it away" in str(caught.value.hint)
    assert file.read_bytes() == content


def test_a_folder_in_the_word_index_s_place_is_a_clear_error(ids: Path) -> None:
    file = ids.parent / "imdb_word_index.json"
    file.unlink()
    file.mkdir()
    with pytest.raises(DataError, match="is not a JSON object of words and their ranks"):
        read(ids)


@pytest.mark.filterwarnings("ignore")  # of NumPy, about headers that a changed byte made odd
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    form=st.sampled_from(["ids", "archive"]),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_any_changed_byte_is_harmless_or_an_error(
    ids: Path, archive: Path, form: str, place: float, byte: int
) -> None:
    whole = {"ids": ids, "archive": archive}[form]
    content = bytearray(whole.read_bytes())
    content[int(place * len(content))] = byte
    file = whole.with_name(f"changed-{whole.name}")
    file.write_bytes(content)
    try:
        dataset = read(file)
    except DataError as error:
        assert str(file) in error.message
    else:
        assert_equal(dataset, read(whole))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("imdb.npz", truncated),
        ("imdb.npz", text),
        ("imdb.npz", ID_DEFECTS["code_in_a_review"][0]),
        ("imdb.npz", ID_DEFECTS["large_rank"][0]),
        ("aclImdb_v1.tar.gz", truncated),
        ("aclImdb_v1.tar.gz", ARCHIVE_DEFECTS["no_reviews"][0]),
        ("aclImdb_v1.tar.gz", ARCHIVE_DEFECTS["not_utf8"][0]),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_training_on_a_damaged_file_is_one_error_and_no_run(
    tmp_path: Path,
    name: str,
    damage: Damage,
    seqtrain: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / name
    (write_ids if name == "imdb.npz" else write_archive)(file)
    damage(file)
    Path("a.yaml").write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    outcome = seqtrain("train", "a.yaml", "--data-dir", file.parent)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert f"error: {file} is not the IMDB reviews" in outcome.stderr
    assert "hint:" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not Path("outputs").exists()
    assert not Path("executed").exists()


def test_training_on_missing_reviews_is_one_error_and_no_run(
    seqtrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.yaml").write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    outcome = seqtrain("train", "a.yaml")
    assert outcome.exit_code == 2
    assert "error: imdb" in outcome.stderr
    assert "http://127.0.0.1:9/imdb" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not Path("outputs").exists()
