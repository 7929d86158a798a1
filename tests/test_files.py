"""Files and folders that are whole or absent, and their hashes."""

import errno
import hashlib
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.io.atomic import (
    adding,
    drop_unfinished,
    replacing,
    replacing_folder,
    sha256,
    write_json,
    write_text,
)
from seqtrain.runs.run_files import Artifacts


def write_half(path: Path) -> None:
    """Begin to replace a file, and fail."""
    with replacing(path) as beside:
        beside.write_text("half")
        raise RuntimeError("the disk is full")


def fill_half(path: Path) -> None:
    """Begin to fill a folder, and fail."""
    with replacing_folder(path) as beside:
        (beside / "a.txt").write_text("half")
        raise RuntimeError("the disk is full")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_written_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with replacing(file) as beside:
        beside.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError, match="the disk is full"):
        write_half(file)
    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the disk is full"):
        write_half(tmp_path / "a.txt")
    assert names(tmp_path) == []


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(file) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["model.keras", "predictions.npz", "loss.png", "LICENSE"])
def test_the_temporary_file_keeps_the_suffix_and_is_hidden(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as beside:
        assert beside.suffix == Path(name).suffix
        assert beside.parent == tmp_path
        assert beside.name.startswith(".")
        beside.touch()


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        write_text(tmp_path / "gone" / "a.txt", "a")
    assert raised.value.filename == str(tmp_path / "gone" / "a.txt")
    assert names(tmp_path) == []


def test_a_failure_names_the_file_and_not_the_one_beside(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk is full") as raised, replacing(tmp_path / "a"):
        raise OSError("the disk is full\nand more that a library says")
    assert raised.value.filename == str(tmp_path / "a")
    assert raised.value.strerror == "the disk is full"


def test_a_folder_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with replacing_folder(tmp_path / "entry") as beside:
        (beside / "a.txt").touch()
    assert (tmp_path / "entry").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_content_is_on_the_disk_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, names(tmp_path)))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "12345")
    [(size, present), (_, afterwards)] = seen
    assert size == 5
    assert "a.txt" not in present
    assert afterwards == ["a.txt"]  # and then the name, with its folder


def test_text_is_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "naïve – 映画")
    assert (tmp_path / "a.txt").read_bytes() == "naïve – 映画".encode()


def test_json_reads_back(tmp_path: Path) -> None:
    value = {"words": ["naïve", "映画"], "loss": 0.25, "none": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert text.endswith("}\n")
    assert "naïve" in text


def test_what_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_json(file, 1)
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == 1
    assert names(tmp_path) == ["a.json"]


def test_a_filled_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "entry"
    with replacing_folder(folder) as beside:
        (beside / "a.txt").write_text("a")
        (beside / "b.txt").write_text("b")
        assert not folder.exists()
        assert beside.parent == folder.parent
    assert names(folder) == ["a.txt", "b.txt"]
    assert names(folder.parent) == ["entry"]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the disk is full"):
        fill_half(tmp_path / "entry")
    assert names(tmp_path) == []


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "entry"
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    with pytest.raises(RuntimeError, match="the disk is full"):
        fill_half(folder)
    assert (folder / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["entry"]


def test_a_folder_that_another_process_filled_meanwhile_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "entry"
    with replacing_folder(folder) as beside:
        (beside / "a.txt").write_text("ours")
        folder.mkdir()
        (folder / "a.txt").write_text("theirs")
    assert (folder / "a.txt").read_text() == "theirs"
    assert names(tmp_path) == ["entry"]


@pytest.mark.parametrize("content", [b"", b"a", b"many bytes" * 100_000])
def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a"
    file.write_bytes(content)
    assert sha256(file) == hashlib.sha256(content).hexdigest()


def reviews(folder: Path) -> Path:
    for name in ("train/pos/0_9.txt", "train/neg/0_2.txt", "test/pos/0_9.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(folder / name, name)
    return folder


def change(folder: Path) -> None:
    """Change the content, and set the time back."""
    file = folder / "train/pos/0_9.txt"
    before = file.stat().st_mtime_ns
    file.write_text("longer than it was before")
    os.utime(file, ns=(before, before))


def touch(folder: Path) -> None:
    file = folder / "train/pos/0_9.txt"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))


def add(folder: Path) -> None:
    (folder / "train/pos/1_9.txt").touch()


def remove(folder: Path) -> None:
    (folder / "train/pos/0_9.txt").unlink()


def rename(folder: Path) -> None:
    (folder / "train/pos/0_9.txt").rename(folder / "train/pos/1_9.txt")


def move(folder: Path) -> None:
    (folder / "train/pos/0_9.txt").rename(folder / "train/neg/0_9.txt")


@pytest.mark.parametrize("act", [change, touch, add, remove, rename, move])
def test_the_hash_of_a_folder_changes_with_its_files(tmp_path: Path, act: object) -> None:
    folder = reviews(tmp_path / "aclImdb")
    before = sha256(folder)
    assert callable(act)
    act(folder)
    assert sha256(folder) != before


def test_the_hash_of_a_folder_does_not_depend_on_its_place(tmp_path: Path) -> None:
    folder = reviews(tmp_path / "aclImdb")
    before = sha256(folder)
    assert sha256(folder.rename(tmp_path / "elsewhere")) == before


def test_the_hash_of_a_folder_stays_while_nothing_changes(tmp_path: Path) -> None:
    folder = reviews(tmp_path / "aclImdb")
    before = sha256(folder)
    (folder / "train/pos/0_9.txt").read_text()
    assert sha256(folder) == before


def test_any_name_of_a_file_is_hashed(tmp_path: Path) -> None:
    folder = reviews(tmp_path / "aclImdb")
    (folder / "train" / os.fsdecode(b"\xff.txt")).touch()
    (folder / "train" / "dangling.txt").symlink_to("nowhere")
    assert sha256(folder) == sha256(folder)


def test_links_under_the_names_of_earlier_versions_are_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".a-{os.getpid()}.txt").symlink_to(victim)
    write_text(tmp_path / "a.txt", "new")
    assert victim.read_text() == "mine"
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("there", ["link", "dangling", "file"])
def test_what_has_the_temporary_name_already_is_not_opened(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(os, "urandom", bytes)
    taken = folder / f".unfinished-{'00' * 8}.txt"
    if there == "file":
        taken.write_text("mine")
    else:
        taken.symlink_to(victim)
    if there == "link":
        victim.write_text("mine")
    with pytest.raises(FileExistsError):
        write_text(folder / "a.txt", "new")
    assert victim.exists() == (there == "link")
    assert there == "dangling" or taken.read_text() == "mine"
    assert names(folder) == [taken.name]


def test_a_link_that_is_put_in_the_place_of_the_new_file_takes_no_name(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(FileExistsError), replacing(tmp_path / "a.txt") as beside:
        beside.unlink()
        beside.symlink_to("victim")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt", "victim"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "a.txt").symlink_to("victim")
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "a.txt").is_symlink()


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_file_can_be_read_by_whom_the_umask_lets(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_must_be_new_replaces_none_that_came_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), adding(tmp_path / "a.txt") as beside:
        beside.write_text("ours")
        (tmp_path / "a.txt").write_text("theirs")
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_is_new_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object, **named: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", lacking)
    with adding(tmp_path / "a.txt") as beside:
        beside.write_text("ours")
    assert names(tmp_path) == ["a.txt"]


def test_where_folders_cannot_be_held_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtrain.io.atomic.IN_FOLDERS", False)
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "new")
    with adding(tmp_path / "b.txt") as beside:
        beside.write_text("b")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_what_killed_processes_left_is_dropped_and_no_link_is_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    (folder / "plots").mkdir(parents=True)
    elsewhere.mkdir()
    today, earlier = f".unfinished-{'a1' * 8}", ".history-123.csv"
    for name in (f"{today}.npz", today, earlier):
        (folder / "plots" / name).touch()
        (elsewhere / name).touch()
    (folder / ".model-1.keras").symlink_to("nowhere")
    (folder / ".model-2.keras").symlink_to(elsewhere)
    (folder / ".model-3.keras").symlink_to(elsewhere / earlier)
    (folder / "linked").symlink_to(elsewhere)
    (folder / ".own-notes.txt").touch()
    drop_unfinished(folder)
    assert names(folder) == [".own-notes.txt", "linked", "plots"]
    assert names(folder / "plots") == []
    assert len(names(elsewhere)) == 3


def draw_into(file: Path) -> None:
    from seqtrain.plots.base import panel, save

    save(panel("loss")[0], file)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.txt": lambda file: write_text(file, "much" * 1000),
    "a.json": lambda file: write_json(file, ["much"] * 1000),
    "a.csv": lambda file: Artifacts(file.parent).write_table(file.name, [{"loss": 1.0}] * 1000),
    "a.npz": lambda file: Artifacts(file.parent).write_arrays(file.name, {"x": np.arange(9e4)}),
    "a.png": draw_into,
    "a.svg": draw_into,
    "a.pdf": draw_into,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_takes_no_more_keeps_the_old_file_and_nothing_else(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            WRITERS[name](tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.filename == str(tmp_path / name)
    assert (tmp_path / name).read_text() == "old"
    assert names(tmp_path) == [name]
