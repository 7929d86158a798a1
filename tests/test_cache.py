"""The cache of parsed data; losing it only costs time."""

import json
import logging
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.io.cache import Arrays, cache_folder, cached

SOURCE: Arrays = {
    "ids": np.arange(1000, dtype=np.int32),
    "offsets": np.array([0, 400, 1000]),
    "words": np.frombuffer("naïve\nfilm".encode(), dtype=np.uint8),
    "none": np.zeros(0, dtype=np.float32),
}


class Source:
    """A source that counts how often it is parsed."""

    def __init__(self) -> None:
        self.parsed = 0

    def parse(self) -> Arrays:
        self.parsed += 1
        return SOURCE


def entry(name: str = "a") -> Path:
    return cache_folder() / "parsed" / name


def assert_equal(arrays: Arrays) -> None:
    assert set(arrays) == set(SOURCE)
    for key, array in arrays.items():
        assert array.dtype == SOURCE[key].dtype
        np.testing.assert_array_equal(array, SOURCE[key])


def test_the_first_call_parses() -> None:
    source = Source()
    assert_equal(cached("a", source.parse))
    assert source.parsed == 1


def test_the_second_call_does_not_parse() -> None:
    source = Source()
    cached("a", source.parse)
    assert_equal(cached("a", source.parse))
    assert source.parsed == 1


def test_another_name_is_another_entry() -> None:
    cached("a", Source().parse)
    source = Source()
    cached("b", source.parse)
    assert source.parsed == 1


def test_what_comes_from_the_cache_is_memory_mapped_and_read_only() -> None:
    cached("a", Source().parse)
    ids = cached("a", Source().parse)["ids"]
    assert isinstance(ids, np.memmap)
    assert not ids.flags.writeable


def test_the_cache_holds_no_pickles() -> None:
    cached("a", Source().parse)
    kept = {file.stem: np.load(file, allow_pickle=False) for file in entry().glob("*.npy")}
    assert set(kept) == set(SOURCE)
    assert not any(array.dtype.hasobject for array in kept.values())
    others = [file for file in entry().iterdir() if file.suffix != ".npy"]
    assert all(json.loads(file.read_text(encoding="utf-8")) for file in others)


def test_the_cache_is_the_user_s_alone() -> None:
    cached("a", Source().parse)
    (cache_folder() / "parsed").chmod(0o755)
    cached("a", Source().parse)
    assert (cache_folder() / "parsed").stat().st_mode & 0o777 == 0o700


def others_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o777)


def anothers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)


def a_link(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.symlink_to(folder.rename(folder.with_name("elsewhere")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (others_write, "others can write to it"),
        (anothers, "it belongs to another user"),
        (a_link, "it is a link"),
    ],
)
def test_a_cache_that_others_can_write_to_is_not_used(
    change: Callable[[Path, pytest.MonkeyPatch], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source()
    cached("a", source.parse)
    change(cache_folder() / "parsed", monkeypatch)
    assert_equal(cached("a", source.parse))
    assert source.parsed == 2
    assert f"the parsed data cannot be cached in {entry()}: {reason}" in caplog.text


def test_an_entry_is_on_the_disk_before_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: set[int] = set()
    replace = os.replace

    def replaced(source: Path, target: Path) -> None:
        assert {file.stat().st_ino for file in (source, *source.iterdir())} <= flushed
        replace(source, target)

    monkeypatch.setattr(os, "fsync", lambda file: flushed.add(os.fstat(file).st_ino))
    monkeypatch.setattr(os, "replace", replaced)
    cached("a", Source().parse)
    assert entry().is_dir()


def test_a_source_that_cannot_be_parsed_leaves_no_entry() -> None:
    def parse() -> Arrays:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        cached("a", parse)
    assert not entry().exists()


def test_the_folder_is_the_one_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


def test_without_an_environment_the_folder_is_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQTRAIN_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "seqtrain"


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def cut_off_header(file: Path) -> None:
    os.truncate(file, 20)


def replace_by_text(file: Path) -> None:
    file.write_text("these are no numbers")


def open_header(file: Path) -> None:
    """Begin a bracket in the header, as a flipped bit may."""
    content = file.read_bytes()
    file.write_bytes(content[:11] + b"(" * 60 + content[71:])


def deep_contents(file: Path) -> None:
    (file.parent / "contents.json").write_text("[" * 100_000)


def remove(file: Path) -> None:
    file.unlink()


def remove_all(file: Path) -> None:
    for other in file.parent.iterdir():
        other.unlink()


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def alter(file: Path) -> None:
    """Write a valid file with other numbers."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def another_type(file: Path) -> None:
    np.save(file, SOURCE["ids"].astype(np.float32))


def another_array(file: Path) -> None:
    np.save(file.with_name("more.npy"), SOURCE["ids"])


def contents_of_before(file: Path) -> None:
    (file.parent / "contents.json").write_text(json.dumps(list(SOURCE)))


def contents_of_another_kind(file: Path) -> None:
    (file.parent / "contents.json").write_text('"ids"')


def contents_elsewhere(file: Path) -> None:
    (file.parent / "contents.json").write_text(json.dumps({"../a/ids": "0" * 64}))


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def pipe_of_contents(file: Path) -> None:
    pipe(file.parent / "contents.json")


def replace_the_entry(file: Path) -> None:
    remove_all(file)
    file.parent.rmdir()
    file.parent.write_text("no folder")


def link_the_entry(file: Path) -> None:
    file.parent.rename(Path("elsewhere"))
    cut_off(Path("elsewhere") / file.name)
    file.parent.symlink_to(Path("elsewhere").absolute())


DAMAGES = [
    alter,
    another_type,
    another_array,
    contents_of_before,
    contents_of_another_kind,
    contents_elsewhere,
    pipe,
    pipe_of_contents,
    replace_the_entry,
    link_the_entry,
    cut_off,
    empty,
    cut_off_header,
    replace_by_text,
    open_header,
    deep_contents,
    remove,
    remove_all,
    replace_by_folder,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_passed_over_with_a_warning(
    damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    cached("a", source.parse)
    damage(entry() / "ids.npy")
    assert_equal(cached("a", source.parse))
    assert source.parsed == 2
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert str(entry()) in record.getMessage()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_replaced(damage: Callable[[Path], None]) -> None:
    source = Source()
    cached("a", source.parse)
    damage(entry() / "ids.npy")
    cached("a", source.parse)
    assert_equal(cached("a", source.parse))
    assert source.parsed == 2


class Code:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("executed",)


def test_a_pickle_in_the_cache_is_not_run() -> None:
    source = Source()
    cached("a", source.parse)
    poisoned = np.empty(1, dtype=object)
    poisoned[0] = Code()
    np.save(entry() / "ids.npy", poisoned, allow_pickle=True)
    assert_equal(cached("a", source.parse))
    (entry() / "ids.npy").write_bytes(pickle.dumps(Code()))
    assert_equal(cached("a", source.parse))
    assert not Path("executed").exists()


@pytest.mark.parametrize("place", ["", "parsed"])
def test_a_cache_that_cannot_be_written_is_only_a_warning(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    blocking = cache_folder() / place
    blocking.parent.mkdir(parents=True, exist_ok=True)
    blocking.write_text("a file in the folder's place")
    source = Source()
    for _ in range(2):
        assert_equal(cached("a", source.parse))
    assert source.parsed == 2
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert blocking.read_text() == "a file in the folder's place"


def test_a_full_disk_is_only_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", save)
    assert_equal(cached("a", Source().parse))
    assert "No space left on device" in caplog.text
    assert list(entry().parent.iterdir()) == []
