"""The log of a run, which is also the lock file of its training."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from seqtrain.display.escape import printable
from seqtrain.errors import stopped_by
from seqtrain.io.regular_file import opened

WAITS = (0.0, 0.05, 0.1)  # seconds before each try; `is_locked` holds a lock for a moment


@contextmanager
def recording(file: Path) -> Iterator[None]:
    """Append the log records of the body to a file, and what ended it if it did not end itself."""
    handler = _LogFile(file, encoding="utf-8")
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("seqtrain")
    level = logger.level
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    logger.addHandler(handler)
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            number, reason = logging.WARNING, stopped_by(error)
        else:
            number, reason = logging.ERROR, str(error) or type(error).__name__
        handler.handle(logger.makeRecord(logger.name, number, "", 0, reason, (), None))
        raise
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


class _Lines(logging.Formatter):
    """Writes control characters out, and indents all but the first line, so none can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record for the log."""
        return printable(super().format(record)).replace("\n", "\n    ")


class _LogFile(logging.FileHandler):
    """A log that stays incomplete on a full disk: other writers report the full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        """Drop the record."""

    def close(self) -> None:
        """Close the file, also if the rest cannot be written."""
        with suppress(OSError):
            super().close()


@contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Lock a file while the body runs, and yield whether that succeeded.

    The lock ends with the process.
    """
    with file.open("ab") as held:
        yield any(_taken(held, wait) for wait in WAITS)


def _taken(file: IO[bytes], wait: float) -> bool:
    """Wait, then return whether a file could be locked."""
    time.sleep(wait)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock on a file."""
    with opened(file) as looked_at:
        try:
            fcntl.flock(looked_at, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
