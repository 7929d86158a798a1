"""Times at equal distances, and how the distance is inferred."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seqtrain.data.times import MOST, SECONDS, Times, Unreadable, is_number, parse

if TYPE_CHECKING:
    import numpy as np

WEEKS = {  # the days of the week that count, from Monday on
    "business day": "1111100",
    "day except Sunday": "1111110",
}
UNITS = ("step", "year", "month", *WEEKS, "day", "hour", "minute", "second")
OF_DAY = ("hour", "minute", "second")
NAMED = {"quarter": ("month", 3), "week": ("day", 7)}
LONGER = (
    *(("second", 60, "minute"), ("minute", 60, "hour"), ("hour", 24, "day")),
    ("month", 12, "year"),
)
# The usual number of steps of a season, by unit and distance.
SEASONS = {
    ("month", 1): 12,
    ("month", 3): 4,
    ("day", 1): 7,
    **{(unit, 1): week.count("1") for unit, week in WEEKS.items()},
    ("day", 7): 52,
}
DAY = 1_440  # minutes

MONTH = (28, 31)  # days
FREQUENCY = re.compile(rf"(?:(\d+) )?({'|'.join(WEEKS)}|\w+?)s?")
# Distances in seconds at which people and machines take values, but not to the second.
ROUND = (
    *(5, 10, 15, 20, 30),
    *(60 * minutes for minutes in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(3_600 * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24)),
)
FEW_LEFT_OUT = 0.02  # share of the days that a week leaves out
MANY_WEEKS = 4  # without Sundays; one without a weekend is enough
QUARTER = ("month", 3)
LAST_MONTH = 2  # of a quarter, from 0 on
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAY = 3  # of 1970-01-01, from Monday = 0 on
UNSTEADY = 0.2  # of a step: how far times may be from equal distances to be moved there


@dataclass(frozen=True)
class Grid:
    """Times at equal distances; each has an index.

    Attributes:
        unit: one of `UNITS`; `step` stands for plain numbers.
        every: the distance of two times, in units: a quarter is 3 months, a week 7 days.
        offset: the time with index 0, in units since 1970; of plain numbers, the number.
        dated: whether the times are known; else only their distance is, and rows are counted.
    """

    unit: str = "step"
    every: float = 1
    offset: float = 0
    dated: bool = field(default=True, repr=False)

    def __post_init__(self) -> None:
        """Raise a ValueError if the values are damaged."""
        numbers = isinstance(self.every, int | float) and isinstance(self.offset, int | float)
        right = self.unit in UNITS and numbers and isinstance(self.dated, bool)
        if not right or not self.every > 0:
            raise ValueError("it does not hold a distance of times")

    @property
    def counted(self) -> bool:
        """Whether times are plain numbers, and not dates."""
        return self.unit == "step" or not self.dated

    @property
    def season(self) -> int:
        """The usual number of steps of a season: a year, a week or a day; 1 without one."""
        minutes = SECONDS[self.unit] * self.every / 60 if self.unit in OF_DAY else 0
        if minutes >= 1 and DAY % minutes == 0:
            return int(DAY // minutes) if minutes >= 5 else 60
        return SEASONS.get((self.unit, int(self.every)), 1)

    def describe(self) -> str:
        """Return the distance of two times in words, such as `30 minutes`."""
        for name, distance in NAMED.items():
            if (self.unit, self.every) == distance:
                return name
        unit, every = self.unit, self.every
        if unit in OF_DAY:  # 3,600 seconds are an hour, of which the first begins at any second
            seconds = SECONDS[unit] * every
            unit = next((name for name in OF_DAY if seconds % SECONDS[name] == 0), "second")
            every = seconds / SECONDS[unit]
        several = unit.replace("day", "days", 1) if unit in WEEKS else f"{unit}s"
        return unit if every == 1 else f"{every:g} {several}"

    @property
    def step(self) -> str:
        """The distance of two times with its article: `a month`, `an hour`, `30 minutes`."""
        words = self.describe()
        if words[0].isdigit():
            return words
        return f"an {words}" if words == "hour" else f"a {words}"

    @property
    def exact_step(self) -> str:
        """The distance of two times, and which times: `a week on Sundays`, `a quarter from May`."""
        if self.unit == "day" and self.every % 7 == 0:
            return f"{self.step} on {WEEKDAYS[(int(self.offset) + WEEKDAY) % 7]}s"
        if self.unit == "month" and self.every > 1:
            return f"{self.step} from {self._dates_of(0, 1)[0].astype(object):%B}"
        return f"{self.step}, such as {self.label(0)}" if self.offset else self.step

    def label(self, index: int) -> str:
        """Return the time of an index as text: `2024-03`, `2024-03-05`, `2024-03-05 10:30`."""
        return self.labels(index, 1)[0]

    def labels(self, first: int, steps: int) -> list[str]:
        """Return the times of consecutive indices as text."""
        import numpy as np

        if not self.dated:
            return [str(index) for index in range(first, first + steps)]
        if self.unit == "step":
            values = self.offset + np.arange(first, first + steps) * self.every
            return [f"{value:.12g}" for value in values.tolist()]
        dates = self._dates_of(first, steps)
        if (self.unit, self.every, self.offset) == (*QUARTER, 0):
            months = dates.astype(np.int64)
            return [f"{1970 + month // 12}Q{month % 12 // 3 + 1}" for month in months.tolist()]
        return [str(date).replace("T", " ") for date in dates]

    def _dates_of(self, first: int, steps: int) -> np.ndarray:
        """Return the times of consecutive indices as `datetime64`."""
        import numpy as np

        values = self.offset + np.arange(first, first + steps) * self.every
        return self._dates(np.round(values).astype(np.int64))

    def _dates(self, values: np.ndarray) -> np.ndarray:
        """Return times in units since 1970 as `datetime64` of the same precision."""
        import numpy as np

        if week := WEEKS.get(self.unit):
            return np.busday_offset("1970-01-01", values, roll="forward", weekmask=week)
        codes = {"year": "Y", "month": "M", "day": "D", "hour": "m", "minute": "m", "second": "s"}
        if self.unit == "hour":
            values = values * 60
        return np.asarray(values.astype(f"datetime64[{codes[self.unit]}]"))

    def index(self, text: str) -> int:
        """Return the index of the first time that is not before a text, such as `2024-03`.

        Raises:
            ValueError: it is not a time.
        """
        import math

        steps = self._value(text)
        if self.dated:
            steps = (steps - self.offset) / self.every
        if not abs(steps) <= MOST:
            raise ValueError(f"`{text}` is not a time like {self.label(0)}")
        return math.ceil(steps - 1e-9)

    def _value(self, text: str) -> float:
        """Return a time as a number of units since 1970, a plain number as it is."""
        if self.counted and is_number(text):
            return float(text)
        if self.unit == "year" and text.isdecimal():
            return int(text[:9]) - 1970
        try:
            found = parse([text])
        except Unreadable as error:
            raise ValueError(f"`{text}` is not a time") from error
        if found.unit == "step" or self.counted:
            raise ValueError(f"`{text}` is not a time like {self.label(0)}")
        return float(self.units(found)[0])

    def units(self, times: Times) -> np.ndarray:
        """Convert times to the unit of the grid; float64 or int64, shape (N,).

        Days and longer units are those of the clocks where the times were written.
        """
        import numpy as np

        if times.unit == "step":
            return times.values
        if self.unit in OF_DAY:
            return np.asarray(as_dates(times).astype(np.int64) / SECONDS[self.unit])
        dates = as_dates(times._replace(values=times.clocks))
        if week := WEEKS.get(self.unit):
            return np.busday_count("1970-01-01", dates.astype("datetime64[D]"), weekmask=week)
        codes = {"year": "Y", "month": "M", "day": "D"}
        values = dates.astype(f"datetime64[{codes[self.unit]}]").astype(np.int64)
        if (self.unit, self.every, self.offset) == (*QUARTER, 0) and _by_last_months(values):
            values = values - LAST_MONTH
        return np.asarray(values)

    def places(self, times: Times) -> np.ndarray:
        """Return the indices of times; float64 of shape (N,), not whole between two steps."""
        import numpy as np

        with np.errstate(over="ignore"):
            return np.asarray((self.units(times) - self.offset) / self.every)

    def calendar(self, times: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """Return calendar features: month, day of the week and time of the day, as waves.

        Args:
            times: indices, int64 of shape (N,).

        Returns:
            Their names, and float64 of shape (N, features): the sine and the cosine of each.
        """
        import numpy as np

        if self.counted:
            return (), np.zeros((len(times), 0))
        dates = self._dates(np.round(self.offset + times * self.every).astype(np.int64))
        days = dates.astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        waves: dict[str, np.ndarray] = {}
        if self.unit != "year":
            within = (days - months.astype("datetime64[D]")).astype(np.int64) / 31
            waves["month"] = (months.astype(np.int64) % 12 + within) / 12
        if self.unit not in ("year", "month") and self.describe() != "week":
            waves["weekday"] = (days.astype(np.int64) + WEEKDAY) % 7 / 7
        if self.unit in OF_DAY:
            seconds = (dates - days).astype("timedelta64[s]").astype(np.int64)
            waves["hour"] = seconds / SECONDS["day"]
        names = tuple(f"{wave} of {name}" for name in waves for wave in ("sine", "cosine"))
        turns = [2 * np.pi * wave for wave in waves.values()]
        columns = [wave(turn) for turn in turns for wave in (np.sin, np.cos)]
        return names, np.stack(columns, axis=1) if columns else np.zeros((len(times), 0))

    def to_json(self) -> dict[str, Any]:
        """Return the grid for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Grid:
        """Return a grid from its saved form.

        Raises:
            ValueError: it is damaged.
        """
        if not isinstance(value, dict):
            raise ValueError("it does not hold a distance of times")
        try:
            return cls(**value)
        except TypeError as error:
            raise ValueError("it does not hold a distance of times") from error


def as_dates(times: Times) -> np.ndarray:
    """Return times that are not plain numbers as `datetime64[s]`."""
    import numpy as np

    codes = {"year": "Y", "month": "M", "day": "D", "second": "s"}
    return np.asarray(times.values.astype(f"datetime64[{codes[times.unit]}]").astype("M8[s]"))


def weekdays(times: Times) -> np.ndarray:
    """Return the day of the week of times, where they were written; Monday is 0, shape (N,)."""
    import numpy as np

    days = as_dates(times._replace(values=times.clocks)).astype("datetime64[D]").astype(np.int64)
    return np.asarray((days + WEEKDAY) % 7)


def distance(text: str) -> tuple[str, int]:
    """Return the unit and the number of units of a frequency such as `month` or `30 minutes`.

    Raises:
        ValueError: it is not one.
    """
    found = FREQUENCY.fullmatch(text.strip().replace("days ", "day "))
    count, name = (int(found[1] or 1), found[2]) if found else (0, "")
    unit, every = NAMED.get(name, (name, 1))
    if unit not in UNITS or not count:
        raise ValueError(f"`{text}` is not a distance of times")
    every *= count
    for shorter, number, longer in LONGER:
        if unit == shorter and every % number == 0:
            unit, every = longer, every // number
    return unit, every


def infer(times: Times, series: np.ndarray) -> Grid | None:
    """Return the grid on which times lie: their most common distance decides.

    Args:
        times: of all rows.
        series: the number of the series of each row, shape (N,).

    Returns:
        The grid; None if no series has two different times.
    """
    import numpy as np

    times = _coarsest(times)
    order = np.lexsort((times.values, series))
    values, group = times.values[order], series[order]
    apart = _apart(values, group)
    if not len(apart):
        return None
    if times.unit == "step":
        return _of_numbers(values, apart)
    kinds, counts = np.unique(apart, return_counts=True)
    common = kinds[counts.argmax()].item()
    if times.unit == "second" and common % SECONDS["day"] == 0:
        return infer(Times(times.clocks // SECONDS["day"], "day"), series)
    if times.unit == "day" and common >= MONTH[0] and _are_months(apart, common):
        months = values.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return infer(Times(months, "month"), group)
    if times.unit == "month" and common % 12 == 0:
        return infer(Times(values // 12, "year"), group)
    if times.unit == "day" and common == 1 and (week := _week_of(values)):
        return Grid(week)
    unit, every = times.unit, int(common)
    if unit == "second":
        unit = next(name for name in OF_DAY if _fits(name, every, int(values.min())))
        every, values = every // SECONDS[unit], values // SECONDS[unit]
    return Grid(unit, every, phase(unit, every, values))


def phase(unit: str, every: float, values: np.ndarray) -> float:
    """Return the offset of most times; that of quarters named by their last months is 0.

    Args:
        unit: of the values, one of `UNITS`.
        every: the distance of two times, in units.
        values: units since 1970, shape (N,).
    """
    import numpy as np

    if (unit, every) == QUARTER and _by_last_months(values):
        return 0
    rests, counts = np.unique(values % every, return_counts=True)
    return float(rests[counts.argmax()]) if unit == "step" else int(rests[counts.argmax()])


def _by_last_months(months: np.ndarray) -> bool:
    """Return whether quarters are named by their last months, as March is of the first."""
    return bool((months % 3 == LAST_MONTH).all())


def _fits(unit: str, every: int, first: int) -> bool:
    """Return whether a distance in seconds is whole units, and the first time begins one."""
    return every % SECONDS[unit] == 0 and first % SECONDS[unit] == 0


def _apart(values: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Return the distances of times that follow one another in a series, and differ."""
    import numpy as np

    distances: np.ndarray = np.diff(values)
    return np.asarray(distances[(np.diff(series) == 0) & (distances > 0)])


def _of_numbers(values: np.ndarray, apart: np.ndarray) -> Grid:
    """Return the grid of numbers, whose distances are equal up to the error of rounding."""
    import numpy as np

    least = apart.min()
    with np.errstate(over="ignore"):
        kinds = np.round(apart / least, 6)
    _, which, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    common = float(f"{np.median(apart[which == counts.argmax()]):.15g}")
    return Grid("step", common, float(values.min() % common))


def steadied(times: Times, series: np.ndarray) -> Times:
    """Return times that are almost at a round distance, such as an hour, at exactly that distance.

    Machines take values some seconds late. Times that are further off stay as they are.

    Args:
        times: of all rows.
        series: the number of the series of each row, shape (N,).
    """
    import numpy as np

    order = np.lexsort((times.values, series))
    apart = _apart(times.values[order], series[order])
    if times.unit != "second" or not len(apart) or _at_one_clock(times):
        return times
    common = float(np.median(apart))
    step = min(ROUND, key=lambda seconds: abs(seconds - common))
    if abs(step - common) > UNSTEADY * step or not (apart % step).any():
        return times
    late = _late(times.values - times.values[order[0]], step)
    late -= int(np.median(late))
    most = int(np.abs(late).max())
    if most > UNSTEADY * step:
        return times
    moved = times.values - late
    from_full = int(_late(moved, step)[0])
    if abs(from_full) <= min(2 * most, UNSTEADY * step):  # such as the full hour
        moved = moved - from_full
    local = None if times.local is None else times.local + moved - times.values
    return times._replace(values=moved, local=local)


def _late(seconds: np.ndarray, step: int) -> np.ndarray:
    """Return by how much times are after the nearest multiple of a step, or before it."""
    return (seconds + step // 2) % step - step // 2


def _are_months(apart: np.ndarray, common: float) -> bool:
    """Return whether most distances of days are as many whole months, of 28 to 31 days each."""
    if (apart % common == 0).all():
        return False  # such as four weeks, of which some are missing
    months = round(common * 12 / 365.25)
    least, most = (months * days for days in MONTH)
    return bool(((apart >= least) & (apart <= most)).mean() > 0.5)


def left_out(unit: str, weekdays: np.ndarray) -> np.ndarray:
    """Return which days of the week a unit of `WEEKS` leaves out; Monday is 0."""
    import numpy as np

    return np.asarray(np.array([day == "0" for day in WEEKS[unit]])[weekdays])


def _week_of(days: np.ndarray) -> str | None:
    """Return the unit of `WEEKS` of days since 1970 that leave out almost all of its free days."""
    weekdays, weeks = (days + WEEKDAY) % 7, (days.max() - days.min()) / 7
    for unit, week in WEEKS.items():
        enough = weeks > (1 if week.count("0") > 1 else MANY_WEEKS)
        if enough and left_out(unit, weekdays).mean() <= FEW_LEFT_OUT:
            return unit
    return None


def _at_one_clock(times: Times) -> bool:
    """Return whether clocks show the same time of the day at all times, in seconds."""
    of_day = times.clocks % SECONDS["day"]
    return times.unit == "second" and bool((of_day == of_day[0]).all())


def _coarsest(times: Times) -> Times:
    """Return times in the coarsest unit that tells all of them apart as they are.

    Times of several days at one time of the day are days. Days that are all the first, or all the
    last of their month, are months.
    """
    import numpy as np

    values, unit = times.clocks, times.unit
    if _at_one_clock(times):
        values, unit = values // SECONDS["day"], "day"
    if unit == "day":
        days = values.astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
        ends = ((days + 1).astype("datetime64[M]") != months).all()
        many = len(np.unique(months)) > 1
        if many and (ends or (of_month == of_month[0]).all()):
            values, unit = months.astype(np.int64), "month"
    return times if unit == times.unit else Times(values, unit)
