"""Parsed data, kept as plain arrays so that the second start is fast.

An entry is a folder of `.npy` files, opened memory-mapped and without pickles. It is
named by the hash of what it was parsed from, so it is never out of date, and holds the hash of each
file, so that damage is seen. Only what no one else can write to is used. Losing the cache loses
nothing but time: whatever goes wrong in it is logged and passed over.
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
CONTENTS = "contents.json"  # the arrays that make an entry whole, with the hashes of their files

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for downloads and parsed data: `SEQTRAIN_CACHE_DIR` or the system's.

    A user without a home, as in a container, has one that goes with the process.
    """
    import platformdirs

    if chosen := os.environ.get("SEQTRAIN_CACHE_DIR"):
        return Path(chosen)
    with suppress(RuntimeError):
        folder = platformdirs.user_cache_path("seqtrain")
        if folder.is_absolute():  # and not `~`, as it stands
            return folder
    return Path(_passing().name)


@cache
def _passing() -> tempfile.TemporaryDirectory[str]:
    log.info("there is no home folder, so nothing is kept for later; SEQTRAIN_CACHE_DIR names one")
    return tempfile.TemporaryDirectory(prefix="seqtrain-")


def private(name: str) -> Path:
    """Return a folder of the cache that is the user's alone: no one else can put files there.

    It is made where it is missing. One that others can read is closed to them.

    Raises:
        OSError: it cannot be made, or others can write to it; the message says which.
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
    """Return the arrays of the entry `name`, from the cache or else from `parse`."""
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
    """Return the arrays of an entry that is there and whole; one that is damaged is deleted."""
    if not os.path.lexists(folder):
        return None
    try:
        private(PARSED)
    except OSError:  # which is told where a new one is to be written
        return None
    try:
        return _read(folder)
    except Exception as error:  # whatever JSON and NumPy have for damage
        log.warning("the cached copy in %s is damaged (%s): reading again", folder, reason(error))
        _remove(folder)
        return None


def _read(folder: Path) -> Arrays:
    """Return the arrays of an entry.

    Raises:
        ValueError: it does not hold the files that were written, and no others.
        Exception: whatever JSON and NumPy have for damage.
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
    """Delete an entry, or what is in its place; a link is not followed."""
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
