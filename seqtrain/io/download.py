"""Find data files in the usual places, or download them once and verify them.

Hashes are only checked for downloads. A user's own file is checked by its structure, and never
deleted or changed.
"""

import hashlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.errors import DataError
from seqtrain.io.cache import cache_folder, private

if TYPE_CHECKING:
    import requests

DOWNLOADS = "downloads"  # in the cache
LARGEST = 100_000_000  # bytes; the largest of the known files has 18,000,000
PART = 2**16  # bytes in one write
TIMEOUT, LONGEST = 30, 1_800  # seconds without an answer; seconds in total
REDIRECTS = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remote:
    """A file that can be downloaded.

    Attributes:
        url: its address.
        hash: the hash of its content, as `sha256:…` or `md5:…`.
    """

    url: str
    hash: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


def find(names: Sequence[str], path: str | None, data_dir: Path | None) -> Path | None:
    """Return the first of `names` that exists in the usual places, or None.

    The places, in this order: `path` (a file, a folder that contains one of the names, or a
    folder in the form of the last name); `data_dir`, or else the folder in SEQTRAIN_DATA_DIR;
    Keras's own cache; our downloads.

    Raises:
        DataError: `path` is given and does not exist, or the data folder does not.
    """
    if path is not None:
        return _given(names, Path(path)).absolute()
    variable = os.environ.get("SEQTRAIN_DATA_DIR")
    given = data_dir or (Path(variable) if variable else None)
    if given and not given.is_dir():
        hint = "name an existing folder with `--data-dir`, or unset SEQTRAIN_DATA_DIR"
        raise DataError(f"the data folder `{given}` does not exist", hint)
    for folder in filter(None, (given, keras_cache(), _own_downloads())):
        if found := _first(names, folder):
            return found.absolute()
    if given:
        log.info("%s holds no %s", given, " or ".join(names))
    return None


def _own_downloads() -> Path | None:
    """Return the folder of our own downloads, if it exists and no one else can write to it."""
    if not os.path.lexists(downloads()):
        return None
    try:
        return private(DOWNLOADS)
    except OSError as error:
        log.warning("the files in %s are not used: %s", error.filename, error.strerror)
        return None


def is_ours(source: str) -> bool:
    """Return whether a file is in a cache, not in a folder that the user named."""
    return Path(source).parent in (keras_cache(), downloads())


def _given(names: Sequence[str], path: Path) -> Path:
    if not path.exists():
        hint = "correct the path; without one, the usual places are looked in: `dataset.path=null`"
        raise DataError(f"`dataset.path`: no file or folder `{path}`", hint)
    return (_first(names, path) or path) if path.is_dir() else path


def _first(names: Sequence[str], folder: Path) -> Path | None:
    present = [folder / name for name in names if (folder / name).exists()]
    if len(present) > 1:
        log.info("%s holds %s; %s is used", folder, ", ".join(p.name for p in present), present[0])
    return present[0] if present else None


def keras_cache() -> Path | None:
    """Return the folder of `keras.datasets`; None for a user without a home folder."""
    home = os.environ.get("KERAS_HOME")
    try:
        return (Path(home) if home else Path.home() / ".keras") / "datasets"
    except RuntimeError:
        return None


def downloads() -> Path:
    """Return the folder for our own downloads."""
    return cache_folder() / DOWNLOADS


def download(remote: Remote) -> Path:
    """Download a file, unless it is there with the right hash.

    Raises:
        DataError: the download fails, is too large, or has another hash.
    """
    import pooch
    import requests

    algorithm, _, expected = remote.hash.partition(":")
    try:
        target = private(DOWNLOADS) / remote.name
    except OSError as error:
        raise _unwritable(error, remote) from error
    if target.is_file() and pooch.file_hash(target, alg=algorithm) == expected:
        return target
    pooch.get_logger().setLevel(logging.ERROR)
    log.info("downloading %s", remote.url)
    try:
        pooch.retrieve(remote.url, remote.hash, remote.name, target.parent, downloader=_fetch)
    except requests.RequestException as error:
        reason = _reason(remote.url, error)
        raise DataError(
            f"{remote.name} is not on this machine, and {reason}", _by_hand(remote)
        ) from error
    except _EndlessError as error:
        raise DataError(f"what {remote.url} sends {error}", _by_hand(remote)) from error
    except OSError as error:
        raise _unwritable(error, remote) from error
    except ValueError as error:
        raise DataError(
            f"what {remote.url} sends is not the file that was expected: its hash is not "
            f"{remote.hash}",
            _by_hand(remote),
        ) from error
    return target


class _EndlessError(Exception):
    """A download is too large or too slow."""


def _fetch(url: str, target: str, _: object) -> None:
    """Download a URL into a file with limits on size and time; a downloader for pooch.

    Raises:
        _EndlessError: it is too large or too slow.
        RequestException: the request fails.
    """
    import requests

    started = time.monotonic()
    with requests.Session() as session:
        session.max_redirects = REDIRECTS
        with (
            session.get(url, stream=True, timeout=TIMEOUT) as response,
            open(target, "wb") as file,
        ):
            response.raise_for_status()
            _check_size(int(response.headers.get("Content-Length", "0")))
            for part in response.iter_content(PART):
                file.write(part)
                _check_size(file.tell())
                if time.monotonic() - started > LONGEST:
                    raise _EndlessError(f"takes more than {LONGEST // 60} minutes")


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise _EndlessError(f"has more than {LARGEST:,} bytes")


def _unwritable(error: OSError, remote: Remote) -> DataError:
    reason = error.strerror or str(error)
    return DataError(f"{downloads()} cannot be written: {reason}", _by_hand(remote))


def _reason(url: str, error: "requests.RequestException") -> str:
    import requests

    if error.response is not None:
        return f"{url} answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection to {url} broke off"
    return f"{url} cannot be reached"


def _by_hand(remote: Remote) -> str:
    return (
        f"fetch it on a machine that is online and put it into {downloads()},\n"
        "or name its folder: `--data-dir FOLDER`, or its path: `dataset.path=FILE`\n"
        f"  URL   {remote.url}\n  hash  {remote.hash}"
    )


def fingerprint(*parts: object) -> str:
    """Return a short hash of `parts`, for the name of a cache entry."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
