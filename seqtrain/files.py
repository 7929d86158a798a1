"""Files that are whole or absent: written beside, flushed to the disk, then renamed."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# The name beside which a file of a run is written.
UNFINISHED = re.compile(r"\..+-\d+\.(csv|html|json|keras|npz|pdf|png|svg|txt|yaml)")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    If the body raises, `path` stays as it was and nothing is left beside it.
    The temporary name keeps the suffix, because writers choose the format by it.

    Raises:
        OSError: the folder is gone, the disk is full, …; it names `path`.
    """
    with written_beside(path) as beside:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
        sync(path.parent)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, at which nothing is left in the end.

    Raises:
        OSError: of the body; it names `path`.
    """
    beside = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield beside
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise OSError(error.errno, reason, str(path)) from error
    finally:
        with suppress(OSError):  # a disk that may not be written to says so already
            beside.unlink(missing_ok=True)


def counted_from(folder: Path, path: Path) -> str:
    """Return a path as it is written where it counts from a folder; absolute ones stay."""
    return str(path) if path.is_absolute() else os.path.relpath(path, folder)


def drop_unfinished(folder: Path) -> None:
    """Delete what processes that were killed left beside the files of a folder."""
    for file in folder.rglob(".*-*"):
        if file.is_file() and UNFINISHED.fullmatch(file.name):
            file.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that they outlive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it becomes `path`.

    A folder already at `path` (another process was faster) is kept, and ours dropped.
    """
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    beside.mkdir(parents=True)
    try:
        yield beside
        if not path.exists():
            os.replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, or of the listing of a folder.

    The listing names every file with its size and its time of change, so that a folder
    of 50,000 small files is known again without being read.
    """
    if path.is_dir():
        return _listing_sha256(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listing_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            stat = os.lstat(os.path.join(root, name))
            place = os.path.relpath(os.path.join(root, name), folder)
            digest.update(os.fsencode(f"{place} {stat.st_size} {stat.st_mtime_ns}\n"))
    return digest.hexdigest()
