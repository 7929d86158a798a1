"""Write files atomically: to a temporary file, flushed to the disk, then renamed."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqtrain.errors import reason
from seqtrain.io.regular_file import opened

# Names of temporary files, also of earlier versions.
UNFINISHED = re.compile(
    r"\.unfinished-[0-9a-f]{16}(\.[^.]*)?"
    r"|\..+-\d+\.(csv|html|json|keras|npz|pdf|png|svg|txt|yaml)"
)
# Never open an existing file, and never follow a link.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
IN_FOLDERS = {os.link, os.open, os.rename, os.stat, os.unlink} <= os.supports_dir_fd


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`.

    If the body raises, `path` stays unchanged and the temporary file is removed. If `path` is a
    link, the link is replaced, and its target stays.

    Raises:
        OSError: the folder is gone, the disk is full, …; it names `path`.
    """
    with _beside(path) as beside:
        yield beside.path
        beside.finish()
        inside = beside.folder
        target = path if inside is None else path.name
        os.replace(beside.name, target, src_dir_fd=inside, dst_dir_fd=inside)
        if inside is not None:
            os.fsync(inside)


@contextmanager
def adding(path: Path) -> Iterator[Path]:
    """Yield a temporary path as `replacing` does; on success it becomes the new file `path`.

    Raises:
        FileExistsError: `path` exists, or came into being while the body ran.
        OSError: as in `replacing`.
    """
    with _beside(path) as beside:
        yield beside.path
        beside.finish()
        inside = beside.folder
        target = path if inside is None else path.name
        try:  # a link, unlike a new name, never replaces a file
            os.link(beside.name, target, src_dir_fd=inside, dst_dir_fd=inside)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise
            os.rename(beside.name, target, src_dir_fd=inside, dst_dir_fd=inside)


@dataclass(frozen=True)
class _Beside:
    """A new, empty file for writers that open it by its path.

    Attributes:
        path: its path.
        name: its name relative to the open folder.
        folder: its folder, kept open if the platform allows it.
        file: the file, kept open.
    """

    path: Path
    name: str
    folder: int | None
    file: int

    def finish(self) -> None:
        """Flush the content to the disk.

        Raises:
            OSError: another file or a link has replaced this one; or the disk fails.
        """
        found = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        if not os.path.samestat(found, os.fstat(self.file)):
            raise OSError(errno.EEXIST, "another process put a file in the place of the new one")
        os.fsync(self.file)


@contextmanager
def _beside(path: Path) -> Iterator[_Beside]:
    """Create a file beside `path` with a random name; remove it at the end.

    The name keeps the suffix, because writers choose the format by it.
    """
    beside = path.with_name(f".unfinished-{os.urandom(8).hex()}{path.suffix}")
    try:
        with ExitStack() as held:
            folder = held.enter_context(_opened(path.parent)) if IN_FOLDERS else None
            name = str(beside) if folder is None else beside.name
            file = os.open(name, NEW, 0o666, dir_fd=folder)
            held.callback(_drop, name, folder)
            held.callback(os.close, file)
            yield _Beside(beside, name, folder, file)
    except OSError as error:
        raise OSError(error.errno, error.strerror or reason(error), str(path)) from error


def _drop(name: str, folder: int | None) -> None:
    with suppress(OSError):  # it was renamed, or the disk has already failed
        os.unlink(name, dir_fd=folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def counted_from(folder: Path, path: Path) -> str:
    """Return a path relative to a folder; absolute paths stay absolute."""
    return str(path) if path.is_absolute() else os.path.relpath(path, folder)


def drop_unfinished(folder: Path) -> None:
    """Delete the temporary files of killed processes in a folder.

    A link with such a name is deleted; links are never followed.
    """
    for root, folders, names in os.walk(folder):
        for name in filter(UNFINISHED.fullmatch, (*folders, *names)):
            file = Path(root, name)
            if file.is_symlink() or not file.is_dir():
                file.unlink(missing_ok=True)


def not_own(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder, or the folder itself, that are not regular files or folders.

    These are links, pipes, sockets and devices. Temporary files that `drop_unfinished` deletes do
    not count, because nothing opens them.
    """
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        yield folder
        return
    for root, folders, names in os.walk(folder):
        for name in sorted((*folders, *names)):
            found = os.path.join(root, name)
            with suppress(FileNotFoundError):  # it was renamed in the meantime
                mode = os.lstat(found).st_mode
                if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode) or UNFINISHED.fullmatch(name)):
                    yield Path(found)


def sync(folder: Path) -> None:
    """Flush a folder or a file to the disk, so that it survives a power loss."""
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it becomes `path`, flushed to the disk.

    If `path` exists already, because another process was faster, ours is removed.
    """
    beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    beside.mkdir(parents=True)
    try:
        yield beside
        for inside in (*beside.iterdir(), beside):
            sync(inside)
        if not os.path.lexists(path):
            os.replace(beside, path)
            sync(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, or of the listing of a folder.

    The listing has the name, the size and the modification time of every file, so that a folder
    of 50,000 small files is recognised without reading them.
    """
    if path.is_dir():
        return _listing_sha256(path)
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listing_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            found = os.lstat(os.path.join(root, name))
            place = os.path.relpath(os.path.join(root, name), folder)
            digest.update(os.fsencode(f"{place} {found.st_size} {found.st_mtime_ns}\n"))
    return digest.hexdigest()
