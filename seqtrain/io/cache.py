"""A cache of parsed data as plain arrays, so that the second start is fast.

An entry is a folder of `.npy` files, opened memory-mapped and without pickles. Its name is the
hash of the source, so it is never out of date. It stores the hash of each file, so that damage is
noticed. Only folders that no one else can write to are used. Losing the cache only costs time: any
error in it is logged and ignored.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.display.escape import argument
from seqtrain.errors import reason
from seqtrain.io.atomic import replacing_folder, sha256
from seqtrain.io.regular_file import checked

if TYPE_CHECKING:
    import numpy as np

Arrays = dict[str, "np.ndarray"]

PARSED = "parsed"
CONTENTS = "contents.json"  # lists the arrays of an entry, with the hashes of their files

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for downloads and parsed data: `SEQTRAIN_CACHE_DIR` or the system's.

    A user without a home folder, as in a container, gets a temporary folder.
    """
    import platformdirs

    if chosen := os.environ.get("SEQTRAIN_CACHE_DIR"):
        return Path(chosen)
    with suppress(RuntimeError):
        folder = platformdirs.user_cache_path("seqtrain")
        if folder.is_absolute():  # not a literal `~`
            return folder
    return Path(_passing().name)


@cache
def _passing() -> tempfile.TemporaryDirectory[str]:
    log.info("there is no home folder, so nothing is cached; set SEQTRAIN_CACHE_DIR to a folder")
    return tempfile.TemporaryDirectory(prefix="seqtrain-")


def private(name: str) -> Path:
    """Return a folder of the cache to which only the user can write.

    It is created if missing. Read access of others is removed.

    Raises:
        OSError: it cannot be created, or others can write to it.
    """
    folder = cache_folder() / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, "it is a link", str(folder))
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "it belongs to another user", str(folder))
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        remedy = f"`rm -r {argument(folder)}` makes room for one of yours"
        raise OSError(errno.EPERM, f"others can write to it; {remedy}", str(folder))
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def cached(name: str, parse: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of the entry `name` from the cache, or else from `parse`."""
    folder = cache_folder() / PARSED / name
    arrays = _kept(folder)
    if arrays is not None:
        return arrays
    arrays = parse()
    try:
        private(PARSED)
        _write(folder, arrays)
    except OSError as error:
        log.warning("the parsed data cannot be cached in %s: %s", folder, error.strerror or error)
    return arrays


def _kept(folder: Path) -> Arrays | None:
    """Return the arrays of an entry, if it exists and is whole; delete a damaged one."""
    if not os.path.lexists(folder):
        return None
    try:
        private(PARSED)
    except OSError:  # reported when a new entry is written
        return None
    try:
        return _read(folder)
    except Exception as error:  # JSON and NumPy raise many types of errors
        log.warning("the cached copy in %s is damaged (%s): reading again", folder, reason(error))
        _remove(folder)
        return None


def _read(folder: Path) -> Arrays:
    """Return the arrays of an entry.

    Raises:
        ValueError: its files are not exactly those that were written.
        Exception: it is damaged; JSON and NumPy raise many types.
    """
    import numpy as np

    hashes = json.loads(checked(folder / CONTENTS).read_text(encoding="utf-8"))
    files = {f"{key}.npy": digest for key, digest in hashes.items()}
    if {*os.listdir(folder)} != {CONTENTS, *files}:
        raise ValueError("it holds other files")
    for file, digest in files.items():
        if sha256(folder / file) != digest:
            raise ValueError(f"{file} is not as it was written")
    return {key: np.load(folder / f"{key}.npy", mmap_mode="r") for key in hashes}


def _remove(folder: Path) -> None:
    """Delete an entry, or anything in its place; links are not followed."""
    with suppress(OSError):
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, arrays: Arrays) -> None:
    import numpy as np

    with replacing_folder(folder) as beside:
        for key, array in arrays.items():
            np.save(beside / f"{key}.npy", array, allow_pickle=False)
        hashes = {key: sha256(beside / f"{key}.npy") for key in arrays}
        (beside / CONTENTS).write_text(json.dumps(hashes), encoding="utf-8")
