"""Read `.npz` and `.npy` files safely: without pickles, and with sizes checked before reading."""

from __future__ import annotations

import math
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from seqtrain.io.regular_file import opened

if TYPE_CHECKING:
    import numpy as np

SUFFIX, SINGLE = ".npy", "x"  # the name for the array of a `.npy` file
LARGE, EXPANSION = 1_000_000_000, 100  # from so many bytes on, the compression ratio is limited


class PickledError(ValueError):
    """An array holds Python objects, which are stored as a pickle."""


def names(file: Path) -> list[str]:
    """Return the names of the arrays of a file.

    Raises:
        ValueError: it is not a `.npz` file.
    """
    if is_single(file):
        return [SINGLE]
    with _opened(file) as archive:
        members = archive.namelist()
    return [name.removesuffix(SUFFIX) for name in members if name.endswith(SUFFIX)]


def read(file: Path, *keys: str) -> tuple[np.ndarray, ...]:
    """Return arrays of a file, in the order of `names`.

    Raises:
        PickledError: an array holds Python objects.
        ValueError: an array is missing or damaged, or needs more memory than available.
    """
    if is_single(file) and keys == (SINGLE,):
        return (_single(file),)
    with _opened(file) as archive:
        for key in keys:
            _check_header(archive, key)
        _check_sizes([archive.getinfo(key + SUFFIX) for key in keys])
        return tuple(_array(archive, key) for key in keys)


def is_single(file: Path) -> bool:
    """Return whether a file holds a single array, written by `numpy.save`."""
    from numpy.lib import format as npy

    with opened(file) as stream:
        return stream.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX


def _single(file: Path) -> np.ndarray:
    from numpy.lib import format as npy

    with opened(file) as stream:
        shape, dtype = header(stream)
        _check_shape(SINGLE, shape, dtype, file.stat().st_size - stream.tell())
        stream.seek(0)
        array: np.ndarray = npy.read_array(stream, allow_pickle=False)
    return array


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; turn all errors of zip, zlib and NumPy into a `ValueError`."""
    try:
        with opened(file) as stream, zipfile.ZipFile(stream) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise ValueError("it is not a complete archive as `numpy.savez` writes it") from error
    except (ValueError, OSError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(next(iter(error.args), type(error).__name__)) from error


def header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the header of an array; return its shape and type."""
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    return shape, dtype


def _check_header(archive: zipfile.ZipFile, key: str) -> None:
    """Check that an array has as many numbers as its header says."""
    if key + SUFFIX not in archive.namelist():
        raise ValueError(f"it has no array `{key}`")
    member = archive.getinfo(key + SUFFIX)
    with archive.open(member) as stream:
        shape, dtype = header(stream)
        size = member.file_size - stream.tell()
    _check_shape(key, shape, dtype, size)


def _check_shape(key: str, shape: tuple[int, ...], dtype: np.dtype[Any], size: int) -> None:
    """Check that an array fits into so many bytes."""
    if dtype.hasobject:
        raise PickledError(f"`{key}` holds Python objects, which are pickles and not read")
    number = math.prod(shape)
    if min(shape, default=0) < 0 or number * dtype.itemsize != size or number > max(size, 1):
        raise ValueError(f"`{key}` has the shape {shape}, which it does not hold")


def _check_sizes(members: Sequence[zipfile.ZipInfo]) -> None:
    """Check the compression ratio of arrays, and that the memory suffices."""
    packed = sum(member.compress_size for member in members)
    size = sum(member.file_size for member in members)
    if size > LARGE and size > EXPANSION * packed:
        raise ValueError(f"it would unpack from {packed:,} to {size:,} bytes")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise ValueError(f"it would take {size:,} bytes of the memory, which has {memory:,}")


def _array(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    from numpy.lib import format as npy

    with archive.open(key + SUFFIX) as stream:
        array: np.ndarray = npy.read_array(stream, allow_pickle=False)
    if array.dtype.kind == "U" and array.dtype.itemsize:
        _check_letters(array, key)
    return array


def _check_letters(array: np.ndarray, key: str) -> None:
    """Check that text consists of valid code points; NumPy does not check them."""
    import numpy as np

    codes = np.dtype("u4").newbyteorder(array.dtype.byteorder)
    if (np.ascontiguousarray(array).view(codes) > sys.maxunicode).any():
        raise ValueError(f"`{key}` holds text with letters that Unicode does not know")
