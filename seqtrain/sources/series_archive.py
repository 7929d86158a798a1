"""Read time series from `.npz` files: values, and their times, names and covariates if given."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.errors import DataError
from seqtrain.io import npz
from seqtrain.io.text_file import near_miss, shown
from seqtrain.sources.base import reading
from seqtrain.sources.series_rows import SeriesReader
from seqtrain.sources.series_rules import Rules, SeriesColumns, Words

if TYPE_CHECKING:
    import numpy as np

FORMS = (
    "expected are values (steps, or steps × series), and if you have them time (steps), names "
    "(series), past and future (steps × covariates): `np.savez(FILE, values=values, time=time)`; "
    "series of different lengths stand one after another in values (steps), with their lengths"
)
KEYS = ("values", "time", "lengths", "names", "past", "future", "past_names", "future_names")


def read_series_archive(
    file: Path, rules: Rules, time: str | None = "time", grid: Grid | None = None
) -> SeriesData:
    """Read all series of a `.npz` file; pickles are refused.

    NaN is a value that is missing. Rows at the end with NaN as values, but with numbers in
    `future`, are known in advance.

    Args:
        file: in one of the forms in `FORMS`.
        rules: how rows become steps.
        time: the name of the array of times, as `datetime64`, text or numbers; without it, the
            rows are taken in their order.
        grid: that of a run, on which all times must lie; None infers one.

    Raises:
        DataError: the file is damaged, or an array has another form; or as `read_series` does.
    """
    with reading(file, "a .npz file of time series", FORMS):
        if npz.is_single(file):
            arrays = dict(zip(["values"], npz.read(file, npz.SINGLE), strict=True))
        else:
            arrays = _arrays(file, time)
    _check(file, arrays)
    return _ArchiveReader(file, arrays, rules, grid).read()


def _arrays(file: Path, time: str | None) -> dict[str, np.ndarray]:
    """Return the arrays that have a meaning; the times are called `time`."""
    present = npz.names(file)
    if "values" not in present:
        listed = ", ".join(f"`{name}`" for name in present) or "none"
        what = f"{file}: no array `values`, but {listed}{near_miss('values', present)}"
        raise DataError(what, FORMS)
    wanted = {key: key for key in KEYS if key in present and key != "time"}
    if time in present:
        wanted["time"] = time or ""
    return dict(zip(wanted, npz.read(file, *wanted.values()), strict=True))


def _check(file: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise a DataError if arrays do not fit together."""
    values = arrays["values"]
    if values.ndim not in (1, 2) or not values.size:
        raise DataError(f"{file}: `values` has the shape {values.shape}", FORMS)
    for key in ("values", "past", "future"):
        if key in arrays and arrays[key].dtype.kind not in "biuf":
            what = f"{file}: `{key}` is {arrays[key].dtype}, not numbers"
            raise DataError(what, f"expected are numbers: `{key}.astype(float)`")
    for key in ("time", "past", "future"):
        shape = arrays[key].shape if key in arrays else values.shape[:1]
        fits = shape[:1] == values.shape[:1] and len(shape) <= 1 + (key != "time")
        if not fits or 0 in shape:
            what = f"{file}: `{key}` has the shape {shape}, but `values` {values.shape}"
            raise DataError(what, FORMS)
    if "lengths" in arrays:
        _check_lengths(file, arrays["lengths"], values)


def _check_lengths(file: Path, lengths: np.ndarray, values: np.ndarray) -> None:
    if (
        lengths.ndim != 1
        or not lengths.size
        or lengths.dtype.kind not in "iu"
        or values.shape[1:] not in ((), (1,))
    ):
        what = f"{file}: `lengths` is {lengths.dtype} of the shape {lengths.shape}, and `values` "
        raise DataError(f"{what}has the shape {values.shape}", FORMS)
    if (lengths < 1).any() or (lengths > len(values)).any() or lengths.sum() != len(values):
        what = f"{file}: `lengths` are {lengths.min():,} to {lengths.max():,} and sum to "
        what += f"{lengths.sum():,}, but `values` holds {len(values):,} steps"
        raise DataError(what, "give each series its number of steps, at least one")


def _titles(file: Path, arrays: dict[str, np.ndarray], key: str, usual: list[str]) -> list[str]:
    """Return the names in the array `key`, or the usual ones without it.

    Raises:
        DataError: they are not as many different texts.
    """
    if key not in arrays:
        return usual
    given = arrays[key]
    if given.shape != (len(usual),) or given.dtype.kind not in "Uiu":
        what = f"{file}: `{key}` is {given.dtype} of the shape {given.shape}, not {len(usual):,} "
        raise DataError(f"{what}names", f"expected are texts: `{key}=np.array([…], dtype=str)`")
    found = [str(name) for name in given.tolist()]
    again = [name for name, times in Counter(found).items() if times > 1]
    if again:
        raise DataError(f"{file}: `{key}` holds `{shown(again[0])}` twice", "make them different")
    return found


def _numbered(word: str, count: int) -> list[str]:
    return [f"{word} {number + 1}" for number in range(count)] if count != 1 else [word]


class _ArchiveReader(SeriesReader):
    """Makes series of arrays; rows count from 1."""

    words = Words(
        row="row",
        place="{file}: row {line}",
        apart="where series stand one after another in `values`, give their `lengths`",
        grouped="are the `{}` right?",
        valued="give numbers in `values`, and NaN only where one is missing",
    )

    def __init__(
        self, file: Path, arrays: dict[str, np.ndarray], rules: Rules, grid: Grid | None
    ) -> None:
        self._arrays = arrays
        long = "lengths" in arrays
        count = len(arrays["lengths"]) if long else math.prod(arrays["values"].shape[1:])
        self._series = _titles(file, arrays, "names", _numbered("series", count))
        of_past, of_future = (
            _titles(file, arrays, f"{key}_names", _numbered(key, math.prod(arrays[key].shape[1:])))
            if key in arrays
            else []
            for key in ("past", "future")
        )
        columns = SeriesColumns(
            time=("time",) if "time" in arrays else (),
            values=("values",) if long else tuple(self._series),
            series="lengths" if long else None,
            past=tuple(of_past),
            future=tuple(of_future),
        )
        super().__init__(file, columns, rules, grid)

    def collect(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the series, the row and the numbers of each row."""
        import numpy as np

        rows = len(self._arrays["values"])
        each = [self._arrays[key] for key in ("values", "past", "future") if key in self._arrays]
        numbers = np.concatenate([one.reshape(rows, -1).astype(np.float64) for one in each], axis=1)
        lengths = self._arrays.get("lengths", np.array([rows]))
        names = self._series if self._columns.series else [""]
        self._names = {name: place for place, name in enumerate(names)}
        if self._columns.time:
            self._cells = self._times_as_text(self._arrays["time"])
        return np.repeat(np.arange(len(lengths)), lengths), np.arange(1, rows + 1), numbers

    def _times_as_text(self, time: np.ndarray) -> list[str]:
        import numpy as np

        if time.dtype.kind == "M":
            return [*map(str, np.datetime_as_string(time).tolist())]
        if time.dtype.kind not in "iufU":
            hint = "expected are dates, texts or numbers: `time.astype('datetime64[s]')`"
            raise DataError(f"{self._file}: `time` is {time.dtype}", hint)
        return [str(one).strip() for one in time.tolist()]
