"""Check that a file is a regular file before opening it.

Opening a named pipe could wait forever, and reading a device could never end.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def checked(path: Path) -> Path:
    """Return the path of a regular file, for a library that opens it.

    Raises:
        OSError: it is missing, or a folder, a named pipe, a device or a socket.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(path))
    return path


def opened(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes.

    Raises:
        OSError: as in `checked`, or no permission to read.
    """
    return checked(path).open("rb")
