"""Read object arrays of `.npz` files, which NumPy stores as pickles: only lists of numbers.

Keras's restricted unpickler lets NumPy rebuild the arrays. NumPy's C code trusts the pickle, so a
damaged file could crash the process. Here safe stand-ins replace NumPy's classes.
"""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.io import npz
from seqtrain.io.regular_file import checked
from seqtrain.memory import limited

LARGEST = 1_000_000_000  # bytes of a file unpacked
SPARE, OBJECTS = 256_000_000, 32  # bytes for unpickling, and for each byte of what is pickled
NUMBERS = re.compile(r"[<>|=]?([iu][1248]|b1)")  # types of arrays in arrays


class Kind:
    """Stands in for a `numpy.dtype`."""

    def __init__(self, code: object = "", *_: object) -> None:
        """Take the arguments of `numpy.dtype` in a pickle."""
        self.code = str(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order."""
        self.code = f"{state[1]}{self.code}"


class Array:
    """Stands in for a `numpy.ndarray`; `held` is its content: a list, or numbers."""

    held: "list[Any] | np.ndarray | None" = None

    def __init__(self, *_: object) -> None:
        """Start empty."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the shape, the type and the content, if they are consistent.

        Raises:
            ValueError: they are not.
        """
        _, shape, kind, _, data = state
        if isinstance(data, list) and shape == (len(data),):
            self.held = [one.held if isinstance(one, Array) else one for one in data]
        elif isinstance(data, bytes) and NUMBERS.fullmatch(kind.code):
            self.held = np.frombuffer(data, kind.code)
        if self.held is None or shape != (len(self.held),):
            raise ValueError("an array in it does not hold what it says")


STANDINS = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Kind,
    ("numpy.core.multiarray", "_reconstruct"): Array,
    ("numpy._core.multiarray", "_reconstruct"): Array,
}


class Unpickler(pickle.Unpickler):
    """Unpickles lists, numbers and arrays; calls no other code."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class of NumPy.

        Raises:
            UnpicklingError: it is not needed for an array.
        """
        if (module, name) not in STANDINS:
            raise pickle.UnpicklingError(f"`{module}.{name}` is no part of an array of lists")
        return STANDINS[module, name]


def read(file: Path) -> "dict[str, list[Any] | np.ndarray]":
    """Return every array of a file; an object array as a list.

    Raises:
        ValueError: the file is damaged, or asks for too much memory.
        UnpicklingError: it contains other objects.
    """
    with zipfile.ZipFile(checked(file)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST:
        raise ValueError(f"it would unpack to {size:,} bytes")
    try:
        with limited(SPARE + OBJECTS * size):
            return {name: _array(file, name) for name in npz.names(file)}
    except MemoryError as error:
        raise ValueError("its pickles ask for more memory than they have use for") from error


def _array(file: Path, name: str) -> "list[Any] | np.ndarray":
    try:
        (array,) = npz.read(file, name)
    except npz.PickledError:
        return _unpickled(file, name)
    return array


def _unpickled(file: Path, name: str) -> "list[Any] | np.ndarray":
    with zipfile.ZipFile(checked(file)) as archive, archive.open(name + npz.SUFFIX) as stream:
        npz.header(stream)
        found = Unpickler(stream).load()
    if not isinstance(found, Array) or found.held is None:
        raise ValueError(f"`{name}` is no array")
    return found.held
