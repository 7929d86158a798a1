"""Checkpoints: which are kept, and in which order they come to the disk."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.runs.checkpoints import NAME, Checkpoint, Checkpoints


def at(epoch: int, batch: int = 0) -> Checkpoint:
    progress = {"callbacks": {}, "stopped": False, "seconds": 0.0}
    return Checkpoint(epoch, batch, {"w": np.full(3, epoch, np.float32)}, progress, b"")


def moments(kept: Checkpoints) -> list[tuple[int, int]]:
    return [(int(file.name[:6]), int(file.name[7:16])) for file in kept.files()]


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "checkpoint")
    for moment in [(0, 0), (0, 3), (1, 0), (1, 2), (10, 0)]:
        kept.write(at(*moment))
    assert moments(kept) == [(1, 2), (10, 0)]


def test_a_whole_one_outlives_a_damaged_newer_one(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "checkpoint")
    for epoch in (1, 2):
        kept.write(at(epoch))
    kept.files()[-1].write_bytes(b"")
    again = Checkpoints(tmp_path / "checkpoint")
    found = again.newest()
    assert found is not None
    assert found.epoch == 1
    again.write(at(1, 1))
    assert moments(again) == [(1, 0), (1, 1)]


def test_power_loss_finds_content_and_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file gets its name after its content is synced; older files go after the name is synced."""
    synchronised: set[int] = set()
    unsafe: list[Path] = []
    moves, unlink = {name: getattr(os, name) for name in ("rename", "replace")}, os.unlink

    def fsync(descriptor: int) -> None:
        synchronised.add(os.fstat(descriptor).st_ino)
        folder = os.readlink(f"/proc/self/fd/{descriptor}")
        unsafe[:] = [name for name in unsafe if str(name.parent) != folder]

    def mover(name: str) -> Any:
        def move(source: Any, target: Any, **named: Any) -> None:
            assert os.stat(source, dir_fd=named.get("src_dir_fd")).st_ino in synchronised
            moves[name](source, target, **named)
            inside = named.get("dst_dir_fd")
            folder = "" if inside is None else os.readlink(f"/proc/self/fd/{inside}")
            unsafe.append(Path(folder, target).resolve())

        return move

    def removed(path: Any, **named: Any) -> None:
        if NAME.fullmatch(Path(path).name):
            assert unsafe == []
        unlink(path, **named)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "unlink", removed)
    for name in moves:
        monkeypatch.setattr(os, name, mover(name))
    kept = Checkpoints(tmp_path.resolve() / "checkpoint")
    for epoch in range(4):
        kept.write(at(epoch))
    assert unsafe == []
    assert len(kept.files()) == 2
