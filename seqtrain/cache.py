"""Parsed data, kept as plain arrays so that the second start is fast.

An entry is a folder of `.npy` files, opened memory-mapped and without pickles. It is
named by the hash of what it was parsed from, so it is never out of date. Losing the
cache loses nothing but time: whatever goes wrong in it is logged and passed over.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.files import replacing_folder

if TYPE_CHECKING:
    import numpy as np

Arrays = dict[str, "np.ndarray"]

CONTENTS = "contents.json"  # the names of the arrays that make an entry whole

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


def cached(name: str, parse: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of the entry `name`, from the cache or else from `parse`."""
    folder = cache_folder() / "parsed" / name
    if folder.exists():
        try:
            return _read(folder)
        except Exception as error:  # whatever JSON and NumPy have for damage
            log.warning("the cached copy in %s is damaged (%s): reading again", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    arrays = parse()
    try:
        _write(folder, arrays)
    except OSError as error:
        log.warning("the parsed data cannot be cached in %s: %s", folder, error.strerror or error)
    return arrays


def _read(folder: Path) -> Arrays:
    import numpy as np

    keys = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
    return {key: np.load(folder / f"{key}.npy", mmap_mode="r") for key in keys}


def _write(folder: Path, arrays: Arrays) -> None:
    import numpy as np

    with replacing_folder(folder) as beside:
        for key, array in arrays.items():
            np.save(beside / f"{key}.npy", array, allow_pickle=False)
        (beside / CONTENTS).write_text(json.dumps(list(arrays)), encoding="utf-8")
