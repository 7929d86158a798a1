"""Times, and how they are written."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
FIRST_YEAR, LAST_YEAR = 1500, 2199  # numbers that are read as years
NEAR = 0.06  # of a month: how far a decimal year may be from one
QUARTER = re.compile(r"(?P<year>\d{4})[ -]?[qQ](?P<quarter>[1-4])")
QUARTER_FIRST = re.compile(r"[qQ](?P<quarter>[1-4])[ /-]?(?P<year>\d{4})")
QUARTER_OF_GRETL = re.compile(r"(?P<year>\d{4}):(?P<quarter>[1-4])")  # months have two digits
ISO = re.compile(r"\d{4}-\d\d(-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?")  # without a zone
OF_UTC = re.compile(r" ?(UTC|GMT)")
MOST = 1e15  # absolute value of a number as a time; larger ones are not exact
# Numbers from September 2001 to February 2103, in seconds since 1970.
UNIX = (1e9, 4.2e9)
UNIX_SCALES = (1, 1e3, 1e6, 1e9)  # seconds, milliseconds, microseconds, nanoseconds
# Besides ISO 8601, in which year, month and day stand in this order.
FORMATS = (
    "%Y-%m",
    "%Y/%m",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%m/%Y",
    "%b %Y",
    "%B %Y",
    "%b-%Y",
    "%b-%y",
    "%Y-%b",
    "%YM%m",
    "%Y:%m",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%b-%d-%Y",
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
MONTHLY = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%b", "%YM%m", "%Y:%m")


# Names of columns that together are a time, the longest first.
PARTS = ("year", "quarter", "month", "day", "hour", "minute", "second")
DATE_AND_CLOCK = ("date", "time")
PERIOD = re.compile(r"[qQ]0?(?P<quarter>[1-4])|[mM](?P<month>\d\d?)")  # such as Q01, M12
WHOLE = re.compile(r"(\d+)\.0*")


class Times(NamedTuple):
    """Times in one unit.

    Attributes:
        values: int64 of shape (N,): years, months, days or seconds since 1970; for the unit
            `step` numbers as written, float64.
        unit: `step`, `year`, `month`, `day` or `second`.
        local: where times have zones, the seconds that their own clocks show, int64 of shape (N,);
            None if they have none.
        parts: the difference in seconds that rounding to seconds made between times.
    """

    values: np.ndarray
    unit: str
    local: np.ndarray | None = None
    parts: float = 0.0

    @property
    def clocks(self) -> np.ndarray:
        """The seconds that the clocks show; values of another unit as they are."""
        return self.values if self.local is None else self.local


class Unreadable(ValueError):
    """A cell that is not a time.

    Attributes:
        index: of the cell.
        formats: two ways to read all cells, if both are possible.
    """

    def __init__(self, index: int, formats: Sequence[str] = ()) -> None:
        super().__init__(index)
        self.index = index
        self.formats = formats


def parts_among(names: Sequence[str], column: str) -> tuple[str, ...]:
    """Return the columns that together are a time, of which `column` is one; else itself alone.

    Such are `year` and `quarter`, or `Date` and `Time`.
    """
    lower = {name.lower(): name for name in names}
    for parts in (PARTS, DATE_AND_CLOCK):
        found = [lower[part] for part in parts if part in lower]
        if "month" in lower:  # of which the quarter follows
            found = [name for name in found if name.lower() != "quarter"]
        if column == next(iter(found), None):
            return tuple(found)
    return (column,)


def joined(cells: Sequence[str], columns: Sequence[str]) -> str:
    """Return a time whose parts stand in several columns, the longest first, as one text.

    Args:
        cells: such as `1959` and `2`, or `16/12/2006` and `17:24`.
        columns: their names, which tell quarters and weeks from months.
    """
    year, *rest = [WHOLE.sub(r"\1", cell) for cell in cells]
    if not rest or not (year.isdigit() and len(year) == 4):
        return " ".join(cells)
    name, period = columns[1].lower(), PERIOD.fullmatch(rest[0])
    quarter = rest[0] if name.startswith("q") else period and period["quarter"]
    if quarter and len(rest) == 1:
        return f"{year}Q{quarter.lstrip('qQ')}"
    if "week" in name:
        return f"{year}-W{rest[0]:0>2}"
    if period and period["month"]:
        rest[0] = period["month"]
    if not rest[0].isdigit():  # such as March
        return " ".join([*reversed(rest[:2]), year, ":".join(rest[2:])]).strip()
    date = "-".join([year, *(f"{part:0>2}" for part in rest[:2])])
    return f"{date} {':'.join(f'{part:0>2}' for part in rest[2:])}".strip()


def parse(cells: Sequence[str], form: str | None = None) -> Times:
    """Read all times of a column, which must all be written alike.

    Args:
        cells: one for each row, without blanks at their ends.
        form: the format, as `datetime.strptime` takes it; None tries the usual ones.

    Raises:
        Unreadable: a cell is not a time, or the cells can be read in two ways.
    """
    if form is not None:
        return _by_format(cells, form)
    if found := _numbers(cells):
        return found
    for pattern in (QUARTER, QUARTER_FIRST, QUARTER_OF_GRETL):
        if pattern.fullmatch(cells[0]):
            return _quarters(cells, pattern)
    if found := _without_zones(cells):
        return found
    if _iso(cells[0]):
        return _with_zones(cells)
    return _by_usual_format(cells)


def plain_numbers(cells: Sequence[str]) -> Times | None:
    """Return cells as numbers, also where they could be years or dates; None if one is none."""
    import numpy as np

    if not all(is_number(cell) and abs(float(cell)) <= MOST for cell in cells):
        return None
    return Times(np.array(cells, dtype=np.float64), "step")


def _numbers(cells: Sequence[str]) -> Times | None:
    """Return cells that are numbers: years, decimal years, 194901, 19490131, or plain numbers."""
    import numpy as np

    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError:
        if is_number(cells[0]):
            bad = (index for index, cell in enumerate(cells) if not is_number(cell))
            raise Unreadable(next(bad)) from None
        return None
    if found := _unix(values):
        return found
    if not (np.abs(values) <= MOST).all():
        raise Unreadable(int(np.flatnonzero(~(np.abs(values) <= MOST))[0]))
    whole = (values == np.round(values)).all()
    if whole and len(cells[0]) in (6, 8) and cells[0].isdigit():
        dates = values.astype(np.int64)
        years, rest = np.divmod(dates, 100 if len(cells[0]) == 6 else 10_000)
        if len(cells[0]) == 6 and _are_years(years) and ((rest >= 1) & (rest <= 12)).all():
            return Times((years - 1970) * 12 + rest - 1, "month")
        if len(cells[0]) == 8 and _are_years(years):
            try:
                return _by_format(cells, "%Y%m%d")
            except Unreadable:
                return Times(values, "step")
    if not _are_years(values):
        return Times(values, "step")
    if whole:
        return Times(values.astype(np.int64) - 1970, "year")
    for middle in (0, 0.5):  # the first day of each month, or its middle
        months = (values - 1970) * 12 - middle
        if (np.abs(months - np.round(months)) < NEAR).all():
            return Times(np.round(months).astype(np.int64), "month")
    return Times(values, "step")


def is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _unix(values: np.ndarray) -> Times | None:
    """Return numbers that count seconds, or parts of them, since 1970."""
    import numpy as np

    low, high = UNIX
    for scale in UNIX_SCALES:
        if ((values >= low * scale) & (values < high * scale)).all():
            seconds = np.round(values / scale).astype(np.int64)
            return Times(seconds, "second", parts=_spread(values / scale - seconds))
    return None


def _spread(rounded: np.ndarray) -> float:
    """Return the largest difference of roundings; those that are all alike move all times alike."""
    return float(rounded.max() - rounded.min())


def _are_years(values: np.ndarray) -> bool:
    return bool(((values >= FIRST_YEAR) & (values < LAST_YEAR + 1)).all())


def _quarters(cells: Sequence[str], pattern: re.Pattern[str]) -> Times:
    import numpy as np

    months = []
    for index, cell in enumerate(cells):
        found = pattern.fullmatch(cell)
        if not found:
            raise Unreadable(index)
        months.append((int(found["year"]) - 1970) * 12 + 3 * (int(found["quarter"]) - 1))
    return Times(np.array(months, dtype=np.int64), "month")


def _without_zones(cells: Sequence[str]) -> Times | None:
    """Return cells of ISO 8601, all with four digits of a year and without a zone.

    NumPy reads them fast, but also words such as `now`, and years of more digits.
    """
    import numpy as np

    if not all(map(ISO.fullmatch, cells)):
        return None
    code, unit = {7: ("M", "month"), 10: ("D", "day")}.get(max(map(len, cells)), ("us", "second"))
    try:
        dates = np.array(cells, dtype=f"datetime64[{code}]")
    except ValueError:  # such as the thirteenth month, whose place the caller finds
        return None
    values = dates.astype(np.int64)
    if unit != "second":
        return Times(values, unit)
    seconds = (values + 500_000) // 1_000_000
    return Times(seconds, unit, parts=_spread(values - seconds * 1_000_000) / 1e6)


def _iso(cell: str) -> datetime | None:
    """Return a time of ISO 8601, None if a cell is none."""
    try:
        return datetime.fromisoformat(OF_UTC.sub("+00:00", cell)) if len(cell) > 7 else None
    except ValueError:
        return None


def _with_zones(cells: Sequence[str]) -> Times:
    """Read cells of ISO 8601 as times in UTC, and as their own clocks show them."""
    import numpy as np

    utc, local, parts = array("q"), array("q"), array("d")
    zoned = None
    for index, cell in enumerate(cells):
        time = _iso(cell)
        if time is None or zoned not in (None, bool(time.tzinfo)):
            raise Unreadable(index)
        zoned = bool(time.tzinfo)
        utc.append(_seconds(time))
        local.append(_seconds(time.replace(tzinfo=None)))
        parts.append(time.microsecond / 1e6 - (time.microsecond >= 500_000))
    seconds, clocks = (np.frombuffer(each, dtype=np.int64) for each in (utc, local))
    spread = _spread(np.frombuffer(parts, dtype=np.float64))
    return Times(seconds, "second", clocks if zoned else None, spread)


def _seconds(time: datetime) -> int:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(aware.timestamp())


def _by_usual_format(cells: Sequence[str]) -> Times:
    """Read cells in the only usual format that fits them all.

    Month and day are told apart by the cells in which a number is above 12, or as the day is always
    the same.
    """
    usual = (date + clock for date in FORMATS for clock in CLOCKS)
    left = [form for form in usual if _reads(cells[0], form)]
    for index, cell in enumerate(cells):
        if len(left) == 1:
            break
        fitting = [form for form in left if _reads(cell, form)]
        if not fitting:
            raise Unreadable(index)
        left = fitting
    found = [_by_format(cells, form) for form in left]
    if not any((one.values != found[0].values).any() for one in found[1:]):
        return found[0]
    monthly = [one for one in found if _on_one_day_of_months(one)]
    if len(monthly) != 1:
        raise Unreadable(0, left[:2])
    return monthly[0]


def _on_one_day_of_months(times: Times) -> bool:
    """Return whether times are on one day of more than a year of months.

    So 1/1/85, 2/1/85, … are months: as days, all would be among the first twelve of a January.
    """
    import numpy as np

    days = times.values.astype("datetime64[s]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return len(np.unique(months)) > 12 and len(np.unique(days - months.astype(days.dtype))) == 1


def _reads(cell: str, form: str) -> bool:
    try:
        return bool(datetime.strptime(cell, form))
    except ValueError:
        return False


def _by_format(cells: Sequence[str], form: str) -> Times:
    import numpy as np

    seconds = []
    for index, cell in enumerate(cells):
        try:
            seconds.append(_seconds(datetime.strptime(cell, form)))
        except ValueError as error:
            raise Unreadable(index) from error
    values = np.array(seconds, dtype=np.int64)
    if form in MONTHLY:
        months = values.astype("datetime64[s]").astype("datetime64[M]")
        return Times(months.astype(np.int64), "month")
    return Times(values, "second")
