"""The one check that a file is a regular one before it is opened.

A named pipe would be waited for without end, a device read without end.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def checked(path: Path) -> Path:
    """Return a path, for a library that opens it, if a regular file is there.

    Raises:
        OSError: nothing is there, or a folder, a named pipe, a device or a socket.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file but a device or a pipe", str(path))
    return path


def opened(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes.

    Raises:
        OSError: as of `checked`, or it may not be read.
    """
    return checked(path).open("rb")
