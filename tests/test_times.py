"""Times are read however people write them, and lie on a grid that is inferred."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqtrain.data.grid import UNITS, WEEKS, Grid, distance, infer, steadied
from seqtrain.data.times import CLOCKS, FORMATS, Times, Unreadable, joined, parse, parts_among

READ = {
    "months": (["2024-01", "2024-02", "2024-03"], "month", "2024-02"),
    "first days of months": (["2024-01-01", "2024-02-01", "2024-03-01"], "month", "2024-02"),
    "last days of months": (["2024-01-31", "2024-02-29", "2024-03-31"], "month", "2024-02"),
    "days": (["2024-01-01", "2024-01-02", "2024-01-03"], "day", "2024-01-02"),
    "weeks": (["2024-01-01", "2024-01-08", "2024-01-15"], "week", "2024-01-08"),
    "decimal years": (["1949.0", "1949.08333", "1949.16667"], "month", "1949-02"),
    "years": (["1960", "1961", "1962"], "year", "1961"),
    "decades": (["1990", "2000", "2010"], "10 years", "2000"),
    "quarters": (["2024Q1", "2024 q2", "2024-Q3"], "quarter", "2024Q2"),
    "half hours": (["2024-01-01 00:00", "2024-01-01 00:30"], "30 minutes", "2024-01-01 00:30"),
    "hours with a T": (["2024-01-01T10", "2024-01-01T11"], "hour", "2024-01-01 11:00"),
    "UTC": (["2024-01-01T00:00Z", "2024-01-01T01:00Z"], "hour", "2024-01-01 01:00"),
    "over a change of clocks": (
        ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"],
        "hour",
        "2024-03-31 01:00",
    ),
    "day first": (["12/04/2020", "13/04/2020", "14/04/2020"], "day", "2020-04-13"),
    "month first": (["04/12/2020", "04/13/2020", "04/14/2020"], "day", "2020-04-13"),
    "points": (["30.12.2023", "31.12.2023", "01.01.2024"], "day", "2023-12-31"),
    "slashes": (["2024/01/01", "2024/01/02"], "day", "2024-01-02"),
    "names of months": (["Jan 1949", "Feb 1949", "Mar 1949"], "month", "1949-02"),
    "long names": (["1 January 1949", "2 January 1949"], "day", "1949-01-02"),
    "without a comma": (["Jan 1 1949", "Jan 2 1949"], "day", "1949-01-02"),
    "with dashes": (["Jan-1-1995", "Feb-1-1995", "Mar-1-1995"], "month", "1995-02"),
    "the American way": (["Jan 1, 1949", "Jan 2, 1949"], "day", "1949-01-02"),
    "digits of months": (["194912", "195001"], "month", "1950-01"),
    "digits of days": (["19491231", "19500101"], "day", "1950-01-01"),
    "a clock of twelve hours": (
        ["01/13/2020 01:00 PM", "01/13/2020 02:00 PM"],
        "hour",
        "2020-01-13 14:00",
    ),
    "trading days": (
        [f"2024-01-{day:02}" for day in (4, 5, 8, 9, 10, 11, 12, 15, 16)],
        "business day",
        "2024-01-05",
    ),
    "days of shops": (
        [f"2024-01-{day:02}" for day in range(1, 32) if day % 7],
        "day except Sunday",
        "2024-01-02",
    ),
    "seconds": (["2024-01-01 10:00:05", "2024-01-01 10:00:10"], "5 seconds", "2024-01-01 10:00:10"),
    "quarters first": (["Q1 2024", "Q2 2024", "Q3 2024"], "quarter", "2024Q2"),
    "ends of quarters": (["2023-12-31", "2024-03-31", "2024-06-30"], "quarter", "2024Q1"),
    "months of statistical offices": (["2024M01", "2024M02"], "month", "2024-02"),
    "first days of quarters": (["2024-01-01", "2024-04-01", "2024-07-01"], "quarter", "2024Q2"),
    "quarters of another year": (["2024-02-01", "2024-05-01", "2024-08-01"], "quarter", "2024-05"),
    "days at one time of the day": (
        [f"2024-01-{day:02} 16:00" for day in (1, 2, 3)],
        "day",
        "2024-01-02",
    ),
    "trading days at their close": (
        [f"2024-01-{day:02} 16:00:00" for day in (4, 5, 8, 9, 10, 11, 12, 15, 16)],
        "business day",
        "2024-01-05",
    ),
    "trading days over a change of clocks": (
        [f"2024-03-{day:02}T16:00-0{4 + (day < 10)}:00" for day in (7, 8, 11, 12, 13, 14, 15, 18)],
        "business day",
        "2024-03-08",
    ),
    "quarters of gretl": (["1950:1", "1950:2", "1950:3"], "quarter", "1950Q2"),
    "months of gretl": (["1950:01", "1950:02", "1950:03"], "month", "1950-02"),
    "last trading days of months": (
        ["2024-01-31", "2024-02-29", "2024-03-29", "2024-04-30"],
        "month",
        "2024-02",
    ),
    "weeks of ISO 8601": (["2024-W01", "2024-W02"], "week", "2024-01-08"),
    "decimal years of the middle of months": (["1749.042", "1749.123"], "month", "1749-02"),
    "Unix times": (["1700000000", "1700003600"], "hour", "2023-11-14 23:13:20"),
    "Unix times in milliseconds": (["1700006400000", "1700092800000"], "day", "2023-11-16"),
    "Unix times with parts of seconds": (
        ["1700006400.25", "1700006460.3"],
        "minute",
        "2023-11-15 00:01",
    ),
    "west of Greenwich": (
        ["2024-01-01T00:00-05:00", "2024-01-01T01:00-05:00"],
        "hour",
        "2024-01-01 06:00",
    ),
    "a zone by name": (
        ["2024-01-01 10:00 UTC", "2024-01-01 11:00 UTC"],
        "hour",
        "2024-01-01 11:00",
    ),
    "midnights of a zone": (
        ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"],
        "day",
        "2024-03-31",
    ),
    "parts of seconds": (
        ["2024-01-01 00:00:00.999", "2024-01-01 00:00:02.001"],
        "second",
        "2024-01-01 00:00:02",
    ),
    "hours that begin at half past": (
        ["2024-01-01 10:30", "2024-01-01 11:30"],
        "hour",
        "2024-01-01 11:30",
    ),
    "tiny numbers": (["0", "1e-12", "2e-12"], "1e-12 steps", "1e-12"),
    "numbers that are not exact": (["0.1", "0.2", "0.30000000000000004"], "0.1 steps", "0.2"),
    "numbers": (["1", "2", "3"], "step", "2"),
    "decimals": (["0.0", "0.25", "0.5"], "0.25 steps", "0.25"),
}


def indices(cells: list[str]) -> tuple[Grid, np.ndarray]:
    times = parse(cells)
    grid = infer(times, np.zeros(len(cells), int))
    assert grid is not None
    return grid, (grid.units(times) - grid.offset) / grid.every


@pytest.mark.parametrize(("cells", "step", "second"), READ.values(), ids=READ)
def test_times_are_read_as_people_write_them(cells: list[str], step: str, second: str) -> None:
    grid, found = indices(cells)
    assert grid.describe() == step
    np.testing.assert_allclose(found, found[0] + np.arange(len(cells)), atol=1e-9)
    assert grid.label(round(found[1])) == second
    assert grid.index(grid.label(round(found[1]))) == round(found[1])


@pytest.mark.parametrize(
    ("cells", "index"),
    [
        (["tomorrow"], 0),
        (["2024-01-01", "2024-13-01"], 1),
        (["2024-01-01", "2024-02-30"], 1),
        (["2024-01-01 10:00", "noon"], 1),
        (["2024Q1", "2024Q5"], 1),
        (["1", "inf"], 1),
        (["1", "2", "x"], 2),
        (["1", "2", "1e16"], 2),
        (["now"], 0),
        (["2024-01-01", "today"], 1),
        (["2024-01-01", "NaT"], 1),
        (["2024-01-01", "99999-01-01"], 1),
        (["2024-01-01T00:00Z", "2024-01-01T01:00"], 1),
        (["2024-01-01 10:00", "2024-01-01T11:00-05:00"], 1),
        (["Q1 2024", "2024Q2"], 1),
        (["2024-01-01T00:00Z", "2024-01-01 24:61"], 1),
        (["Jan 1949", "Foo 1949"], 1),
    ],
)
def test_what_is_no_time_is_told_with_its_place(cells: list[str], index: int) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(cells)
    assert caught.value.index == index


def test_quarters_lie_on_one_grid_however_their_months_are_written() -> None:
    """2024Q1, its first month and its last are one time; quarters from February are others."""
    written = (["2024Q1", "2024Q2"], ["2024-01-01", "2024-04-01"], ["2024-03-31", "2024-06-30"])
    assert {indices(cells)[0] for cells in written} == {Grid("month", 3)}
    assert [indices(cells)[1].tolist() for cells in written] == [[216, 217]] * 3
    assert indices(["2024-02", "2024-05"])[0] == Grid("month", 3, 1)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid("day", 7, 3), "a week on Sundays"),
        (Grid("day", 7, 4), "a week on Mondays"),
        (Grid("month", 3), "a quarter from January"),
        (Grid("month", 3, 1), "a quarter from February"),
        (Grid("hour"), "an hour"),
        (Grid("minute", 60, 30), "an hour, such as 1970-01-01 00:30"),
        (Grid("month"), "a month"),
    ],
)
def test_grids_of_one_distance_are_told_apart(grid: Grid, words: str) -> None:
    """The words name the phase where there is a choice."""
    assert grid.exact_step == words


def test_four_weeks_with_a_gap_are_not_months() -> None:
    """Distances of 28 and 56 days are whole steps of four weeks."""
    days = [(date(2024, 1, 1) + timedelta(28 * step)).isoformat() for step in range(20)]
    grid, found = indices([*days[:9], *days[10:]])
    assert grid.describe() == "28 days"
    assert np.diff(found).tolist() == [1] * 8 + [2] + [1] * 9


def test_times_without_dates_are_numbers_with_a_season() -> None:
    """Only the distance is known, so that labels count steps."""
    grid = Grid("minute", 30, dated=False)
    assert (grid.season, grid.describe(), grid.labels(3, 2)) == (48, "30 minutes", ["3", "4"])
    assert grid.index("3") == 3
    assert grid.calendar(np.arange(3))[0] == ()
    assert Grid.from_json(grid.to_json()) == grid
    with pytest.raises(ValueError, match="is not a time"):
        grid.index("2024-01-01")


def test_days_and_months_that_cannot_be_told_apart_are_not_guessed() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(["03/04/2020", "04/05/2020"])
    assert caught.value.formats == ["%m/%d/%Y", "%d/%m/%Y"]
    assert indices(["03/03/2020", "04/04/2020"])[0].unit == "day"  # either way the same


@pytest.mark.parametrize("form", ["{month}/{day}/{year}", "{day:02}/{month:02}/{year}"])
@pytest.mark.parametrize("day", [1, 5])
def test_months_are_told_from_days_by_the_day_that_is_always_the_same(form: str, day: int) -> None:
    """As days of a January they would jump from the twelfth to the first of the next year."""
    steps = [(1985 + step // 12, step % 12 + 1) for step in range(30)]
    cells = [form.format(year=year, month=month, day=day) for year, month in steps]
    grid, found = indices(cells)
    assert (grid.describe(), grid.label(round(found[14]))) == ("month", "1986-03")
    with pytest.raises(Unreadable):
        parse(cells[:12])


@pytest.mark.parametrize(
    ("columns", "cells", "text"),
    [
        (["year", "quarter"], ["1959", "2"], "1959Q2"),
        (["Year", "QTR"], ["1959.0", "2.0"], "1959Q2"),
        (["year", "quarter"], ["1959", "Q2"], "1959Q2"),
        (["Year", "Period"], ["1959", "Q02"], "1959Q2"),
        (["Year", "Period"], ["1959", "M02"], "1959-02"),
        (["year", "month"], ["1959", "2"], "1959-02"),
        (["year", "month"], ["1959", "Feb"], "Feb 1959"),
        (["year", "week"], ["2024", "5"], "2024-W05"),
        (["year", "month", "day"], ["1959", "2", "3"], "1959-02-03"),
        (["year", "month", "day"], ["1959", "February", "3"], "3 February 1959"),
        (["year", "month", "day", "hour"], ["2010", "1", "1", "0"], "2010-01-01 00"),
        (["y", "m", "d", "h", "min"], ["2010", "1", "1", "7", "5"], "2010-01-01 07:05"),
        (["Date", "Time"], ["16/12/2006", "17:24:00"], "16/12/2006 17:24:00"),
        (["year"], ["1959.0"], "1959.0"),
    ],
)
def test_parts_of_a_time_are_joined(columns: list[str], cells: list[str], text: str) -> None:
    """They can be read as one text."""
    assert joined(cells, columns) == text
    assert parse([text]).unit in ("year", "month", "day", "second")


@pytest.mark.parametrize(
    ("names", "column", "parts"),
    [
        (["Year", "quarter", "gdp"], "Year", ("Year", "quarter")),
        (["day", "month", "year", "quarter"], "year", ("year", "month", "day")),
        (["No", "year", "month", "day", "hour"], "year", ("year", "month", "day", "hour")),
        (["Date", "Time", "power"], "Date", ("Date", "Time")),
        (["date", "month", "value"], "date", ("date",)),
        (["year", "value"], "year", ("year",)),
        (["year", "month"], "month", ("month",)),
    ],
)
def test_columns_of_the_parts_of_a_time_are_found(
    names: list[str], column: str, parts: tuple[str, ...]
) -> None:
    """The longest part comes first."""
    assert parts_among(names, column) == parts


def test_a_format_that_is_given_is_taken() -> None:
    times = parse(["03/04/2020", "04/04/2020"], "%d/%m/%Y")
    grid = infer(times, np.zeros(2, int))
    assert grid == Grid("day")
    with pytest.raises(Unreadable):
        parse(["2020-04-03"], "%d/%m/%Y")


@pytest.mark.parametrize(
    ("grid", "season"),
    [
        (Grid("month"), 12),
        (Grid("month", 3), 4),
        (Grid("day"), 7),
        (Grid("day", 7), 52),
        (Grid("business day"), 5),
        (Grid("day except Sunday"), 6),
        (Grid("hour"), 24),
        (Grid("minute", 30), 48),
        (Grid("minute", 15), 96),
        (Grid("hour", 6), 4),
        (Grid("minute"), 60),
        (Grid("minute", 60, 30), 24),
        (Grid("second", 3600, 7), 24),
        (Grid("second"), 1),
        (Grid("year"), 1),
        (Grid("step"), 1),
    ],
)
def test_the_season_follows_from_the_distance(grid: Grid, season: int) -> None:
    assert grid.season == season


@pytest.mark.parametrize(
    ("text", "unit"),
    [("60 minutes", "hour"), ("3600 seconds", "hour"), ("24 hours", "day"), ("4 quarters", "year")],
)
def test_a_distance_has_the_longest_unit_that_it_is_whole_in(text: str, unit: str) -> None:
    assert distance(text) == (unit, 1)


@pytest.mark.parametrize("text", ["month", "2 hours", "30 minutes", "quarter", "week", "year"])
def test_a_distance_is_read_and_described(text: str) -> None:
    unit, every = distance(text)
    assert Grid(unit, every).describe() == text


@pytest.mark.parametrize("text", ["fortnight", "", "0 days", "monthly", "-1 day"])
def test_what_is_no_distance_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a distance of times"):
        distance(text)


@given(
    unit=st.sampled_from([unit for unit in UNITS if unit != "step"]),
    every=st.integers(1, 5),
    first=st.integers(-90, 2_000),
)
def test_labels_of_a_grid_are_read_as_their_indices(unit: str, every: int, first: int) -> None:
    assume(unit != "year" or 1500 <= 1970 + first * every <= 2190)
    grid = Grid(unit, 1 if unit in WEEKS else every)
    for step, label in enumerate(grid.labels(first, 3)):
        assert grid.index(label) == first + step


@given(start=st.dates(date(1900, 1, 1), date(2100, 1, 1)), days=st.integers(1, 60))
def test_days_at_equal_distances_are_at_equal_distances(start: date, days: int) -> None:
    cells = [(start + timedelta(days * step)).isoformat() for step in range(4)]
    _, found = indices(cells)
    np.testing.assert_allclose(np.diff(found), np.diff(found)[0])


def test_calendar_features_tell_months_days_and_hours_apart() -> None:
    names, values = Grid("hour").calendar(np.arange(24 * 14))
    assert names == tuple(
        f"{wave} of {what}" for what in ("month", "weekday", "hour") for wave in ("sine", "cosine")
    )
    assert np.abs(values).max() <= 1
    np.testing.assert_allclose(values[:24, 2:], values[168 : 168 + 24, 2:], atol=1e-9)
    assert len(np.unique(values[:24, 4:].round(6), axis=0)) == 24
    assert Grid("step").calendar(np.arange(3))[1].shape == (3, 0)
    assert Grid("year").calendar(np.arange(3))[1].shape == (3, 0)


@pytest.mark.parametrize(
    "damaged",
    [3, {"dated": 1}, {"unit": "eon"}, {"every": 0}, {"every": "a"}, {"a": 1}],
)
def test_a_damaged_grid_is_refused(damaged: object) -> None:
    with pytest.raises(ValueError, match="it does not hold"):
        Grid.from_json(damaged)
    assert Grid.from_json(Grid("day", 7, 4).to_json()) == Grid("day", 7, 4)


@pytest.mark.parametrize("phase", [0, 427], ids=["at the full hour", "at another minute"])
@pytest.mark.parametrize("step", [60, 600, 3_600, 86_400])
def test_times_that_are_almost_regular_become_regular(step: int, phase: int) -> None:
    late = np.array([0, 3, -2, 1, 0, 5, -4, 2]) * (1 if step > 60 else 2)
    seconds = 1_700_006_400 + phase + step * np.arange(8) + late
    found = steadied(Times(seconds, "second"), np.zeros(8, int))
    assert np.diff(found.values).tolist() == [step] * 7
    assert np.abs(found.values - seconds).max() <= 3 * np.abs(late).max()
    assert found.values[0] % step == (0 if phase % step <= 10 else phase % step)


@pytest.mark.parametrize(
    "late",
    [[0, 0, 0, 0], [0, 900, 1_800, 900], [0, 1_000, 2_000, 3_000]],
    ids=["regular", "irregular", "drifting"],
)
def test_other_times_stay_as_they_are(late: list[int]) -> None:
    seconds = 1_700_006_400 + 3_600 * np.arange(4) + late
    found = steadied(Times(seconds, "second"), np.zeros(4, int))
    assert found.values.tolist() == seconds.tolist()


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    unit = draw(st.sampled_from(UNITS))
    every = 1 if unit in WEEKS else draw(st.integers(1, 40))
    return Grid(unit, every, draw(st.integers(0, every - 1)))


@given(grid=grids(), first=st.integers(0, 1_000))
def test_labels_of_a_whole_column_are_read_as_its_grid(grid: Grid, first: int) -> None:
    assume(grid.unit != "year" or (first + 11) * grid.every < 200)
    assume(grid.every % {"month": 12, "hour": 24}.get(grid.unit, 99))  # not years or days
    assume((grid.unit, grid.every, grid.offset) != ("month", 3, 2))  # read as plain quarters
    steps = 30 if grid.unit in WEEKS else 12  # a free day shows only after some weeks
    labels = grid.labels(first, steps)
    times = parse(labels)
    found = infer(times, np.zeros(steps, int))
    assert found is not None
    indices = (found.units(times) - found.offset) / found.every
    np.testing.assert_allclose(np.diff(indices), 1)
    assert found.labels(round(indices[0]), steps) == labels
    assert found.season == grid.season or found.describe() != grid.describe()


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from([date + clock for date in FORMATS for clock in CLOCKS[1:3]]),
)
def test_times_of_every_usual_format_are_read_or_can_be_read_in_two_ways(
    time: datetime, form: str
) -> None:
    cell = time.strftime(form)
    try:
        found = parse([cell])
    except Unreadable as error:
        assert form in error.formats or len(error.formats) == 2
        found = parse([cell], form)
    expected = datetime.strptime(cell, form).replace(tzinfo=UTC).timestamp()
    assert found.unit in ("second", "day", "month")
    assert Grid("second").units(found).tolist() == [round(expected)]


@pytest.mark.parametrize(
    ("grid", "text", "index"),
    [
        (Grid("step"), "2000", 2000),
        (Grid("step", 0.25), "2.3", 10),
        (Grid("step"), "1700000000", 1_700_000_000),
        (Grid("year"), "0900", 900 - 1970),
        (Grid("year"), "2024-05-01", 54),
        (Grid("month"), "2024", 54 * 12),
        (Grid("month", 3, 2), "2024-01", 18 * 12),
        (Grid("hour"), "1970-01-02 10:30", 35),
    ],
)
def test_the_index_of_a_time_is_that_of_the_first_one_not_before_it(
    grid: Grid, text: str, index: int
) -> None:
    assert grid.index(text) == index


@pytest.mark.parametrize(
    ("grid", "text"),
    [
        (Grid("step"), "2024-01"),
        (Grid("step"), "inf"),
        (Grid("step", 1e-300), "5"),
        (Grid("month"), "3"),
        (Grid("month"), "soon"),
        (Grid("day"), "nan"),
    ],
)
def test_a_time_of_another_kind_has_no_index(grid: Grid, text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        grid.index(text)
