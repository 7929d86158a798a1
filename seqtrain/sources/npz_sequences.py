"""Read sequences from `.npz` files: `x`, or concatenated `values` with `lengths`; labels `y`."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from seqtrain.data.sequences import USABLE, Labels, Sequences, shown, unusable
from seqtrain.errors import DataError
from seqtrain.io import npz
from seqtrain.io.regular_file import opened
from seqtrain.io.text_file import near_miss
from seqtrain.sources.base import reading
from seqtrain.tasks import Task

if TYPE_CHECKING:
    import numpy as np

FORMS = (
    "expected are x (N × T × F, or N × T) and y (N): `np.savez(FILE, x=x, y=y)`; or, for different "
    "lengths, values (all steps × F), lengths (N) and y (N)"
)
RAGGED = (
    "sequences of different lengths are stored one after another: "
    "`np.savez(FILE, values=np.concatenate(x), lengths=[len(s) for s in x], y=y)`"
)
KEYS = ("x", "values", "lengths", "y")


def read_archive(file: Path, labelled: bool, task: Task) -> Sequences:
    """Read the sequences of a `.npz` file; pickles are refused.

    Args:
        file: in one of the forms in `FORMS`.
        labelled: whether it must have labels.
        task: the task of the labels.

    Raises:
        DataError: the file is damaged, or an array has another form.
    """
    arrays = _arrays(file, labelled)
    if "x" in arrays:
        sequences = dense(str(file), arrays["x"])
    else:
        sequences = ragged(str(file), arrays["values"], arrays["lengths"])
    return _labelled(sequences, arrays["y"], task) if "y" in arrays else sequences


def _arrays(file: Path, labelled: bool) -> dict[str, np.ndarray]:
    """Return the arrays of the file with names in `KEYS`, if they are a valid form."""
    with reading(file, "a .npz file of sequences", FORMS), opened(file) as stream:
        is_archive = zipfile.is_zipfile(stream)
    if not is_archive and not npz.is_single(file):
        raise DataError(f"{file} is not a complete .npz file", FORMS)
    if labelled and not is_archive:
        raise DataError(f"{file} holds one array, and no labels", together(file))
    with reading(file, "a .npz file of sequences", FORMS):
        present = npz.names(file)
        _check_keys(file, present, labelled)
        return {key: _array(file, key) for key in KEYS if key in present}


def _check_keys(file: Path, keys: list[str], labelled: bool) -> None:
    if "x" in keys and ({"values", "lengths"} & {*keys}):
        raise DataError(f"{file} holds both `x` and `values` or `lengths`", FORMS)
    ragged = "values" in keys or "lengths" in keys
    wanted = ["values", "lengths"] if ragged else ["x"]
    for key in wanted + ["y"] * labelled:
        if key not in keys:
            listed = ", ".join(f"`{name}`" for name in keys) or "none"
            known = [name for name in keys if name not in KEYS]
            raise DataError(f"{file}: no array `{key}`, but {listed}{near_miss(key, known)}", FORMS)


def _array(file: Path, key: str) -> np.ndarray:
    try:
        return npz.read(file, key)[0]
    except npz.PickledError as error:
        labels = "labels are text or whole numbers: `y=np.array(labels, dtype=str)`"
        raise DataError(f"{file}: {error}", labels if key == "y" else RAGGED) from error


def together(file: Path) -> str:
    """Return a hint on how to put an array and its labels into one file."""
    target, x = file.with_suffix(".npz"), f"np.load({str(file)!r})"
    code = f"import numpy as np; np.savez({str(target)!r}, x={x}, y=np.load('labels.npy'))"
    command = quote(code) if {*'"$`\\'} & {*code} else f'"{code}"'
    return f"put both into one file, and name that: `python -c {command}`"


def dense(source: str, x: np.ndarray) -> Sequences:
    """Return sequences of one length.

    Args:
        source: the name of the file in messages.
        x: shape (N, T, F), or (N, T) for one feature.

    Raises:
        DataError: `x` has another shape, is empty, or has unusable numbers.
    """
    import numpy as np

    if x.ndim not in (2, 3):
        raise DataError(f"{source}: `x` has the shape {x.shape}, not N × T × F or N × T", FORMS)
    if not x.size:
        raise DataError(f"{source}: `x` has the shape {x.shape}, which holds nothing", FORMS)
    number, length = x.shape[:2]
    values = _numbers(source, "x", x).reshape(number * length, -1)

    def place(row: int, feature: int) -> str:
        index = np.unravel_index(row * values.shape[1] + feature, x.shape)
        return f"x[{', '.join(map(str, index))}]"

    lengths = np.full(number, length, dtype=np.int64)
    return _checked(source, values, lengths, place, regular=True)


def ragged(source: str, values: np.ndarray, lengths: np.ndarray) -> Sequences:
    """Return sequences of different lengths.

    Args:
        source: the name of the file in messages.
        values: all steps, one sequence after another, of shape (steps, F) or (steps,).
        lengths: the number of steps of each, shape (N,).

    Raises:
        DataError: the arrays do not fit together, or hold unusable numbers.
    """
    if values.ndim not in (1, 2):
        what = f"{source}: `values` has the shape {values.shape}, not all steps × F"
        raise DataError(what, RAGGED)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        what = f"{source}: `lengths` is {lengths.dtype} of the shape {lengths.shape}"
        raise DataError(what, "expected are N whole numbers: `np.array(lengths, dtype=int)`")
    if not lengths.size or not values.size:
        raise DataError(f"{source} holds no examples", FORMS)
    lengths = lengths.astype("int64")
    if (lengths < 1).any():
        index = int((lengths < 1).argmax())
        what = f"{source}: example {index + 1} has no steps: `lengths[{index}]` is {lengths[index]}"
        raise DataError(what, "leave it out of `lengths` and `y`")
    if (total := int(lengths.sum())) != len(values):
        what = f"{source}: `lengths` sum to {total:,}, but `values` holds {len(values):,} steps"
        raise DataError(what, RAGGED)
    flat = _numbers(source, "values", values).reshape(len(values), -1)

    def place(row: int, feature: int) -> str:
        return f"values[{row}{f', {feature}' if values.ndim == 2 else ''}]"

    return _checked(source, flat, lengths, place, regular=False)


def _numbers(source: str, key: str, array: np.ndarray) -> np.ndarray:
    """Return an array of real numbers, its floats as float32 or float64."""
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{source}: `{key}` is {array.dtype}, not numbers",
            f"expected are whole or floating-point numbers: `{key}.astype(float)`",
        )
    exotic = array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8)
    return array.astype("float64") if exotic else array


def _checked(
    source: str,
    values: np.ndarray,
    lengths: np.ndarray,
    place: Callable[[int, int], str],
    regular: bool,
) -> Sequences:
    """Check the values of sequences and return them; `place` names a sequence in the file."""
    import numpy as np

    starts = np.cumsum(lengths) - lengths
    if found := unusable(values):
        row, feature = found
        example = int(np.searchsorted(starts, row, side="right")) - 1
        step = row - int(starts[example]) + 1
        raise DataError(
            f"{source}: {place(row, feature)} is {shown(values[row, feature])} "
            f"(example {example + 1}, step {step}, feature {feature + 1})",
            USABLE,
        )
    places = np.arange(1, len(lengths) + 1)
    return Sequences(source, values, starts, lengths, places, regular=regular)


def _labelled(sequences: Sequences, y: np.ndarray, task: Task) -> Sequences:
    import numpy as np

    y = one_each(sequences.source, y)
    if len(y) != len(sequences):
        what = f"{sequences.source} has {len(sequences):,} examples and {len(y):,} labels in `y`"
        raise DataError(what, "give each example one label")
    if y.dtype.kind not in "biufUS":
        what, hint = (
            "not labels",
            "labels are text or whole numbers: `y=np.array(labels, dtype=str)`",
        )
        if y.dtype.kind in "Mm":
            seconds = "`y.astype('datetime64[s]').astype(int)` with `dataset.task=regression`"
            what, hint = (
                "not labels but times",
                f"as classes: `y.astype(str)`; as seconds: {seconds}",
            )
        raise DataError(f"{sequences.source}: `y` is {y.dtype}, {what}", hint)
    different, first, numbers = np.unique(y, return_index=True, return_inverse=True)
    values = map(_shortest, different) if y.dtype.kind == "f" else different.tolist()
    written = zip(values, first.tolist(), strict=True)
    names = [_label(sequences.source, value, index, task) for value, index in written]
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    number_of = np.array([known[name] for name in names], dtype=np.int32)
    return replace(sequences, labels=Labels(tuple(known), number_of[numbers]))


def _shortest(number: np.floating[Any]) -> float:
    """Return a float with as few digits as identify it: 0.1 of float32 is not 0.10000000149."""
    return float(str(number))


def one_each(source: str, y: np.ndarray) -> np.ndarray:
    """Return labels as an array of shape (N,); shape (N, 1) is accepted.

    Raises:
        DataError: there are several labels for each example.
    """
    if y.ndim > 1 and y.size == len(y):
        return y.reshape(-1)
    if y.ndim != 1:
        raise DataError(f"{source}: `y` has the shape {y.shape}, not N", _one_of_several(y))
    return y


def _one_of_several(y: np.ndarray) -> str:
    """Return a hint for labels of several numbers each."""
    if y.ndim != 2 or y.dtype.kind not in "biuf":
        return "expected is one label for each example"
    if ((y == 0) | (y == 1)).all():
        if (y.sum(axis=1) == 1).all():
            return "expected is one label for each example; of one-hot rows: `y=y.argmax(axis=1)`"
        return "an example has one class here, not several; learn one of them: `y=y[:, 0]`"
    return (
        "an example has one number as its label here, not several, so a forecast of several steps "
        "is not learned; learn one of them: `y=y[:, 0]`"
    )


def _label(source: str, value: object, index: int, task: Task) -> str:
    """Return a label as text, integers without a point."""
    place = f"{source}: `y[{index}]` (example {index + 1})"
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, float) and not task.takes_fractions:
        if not value.is_integer():
            hint = "a label is the name or the number of a class; "
            hint += "`dataset.task=regression` learns measured numbers"
            raise DataError(f"{place} is {value}, which is not a whole number", hint)
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip()
