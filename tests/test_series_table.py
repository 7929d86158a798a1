"""Time series are read from tables, and every defect is told with its place."""

import csv
import importlib.util
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data.grid import UNITS, WEEKS, Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.data.times import FORMATS
from seqtrain.datasets.series import Series
from seqtrain.errors import DataError, SeqtrainError

MONTHS = [f"2024-{month:02}" for month in range(1, 9)]


def table(rows: list[str], header: str = "time,value") -> str:
    return "\n".join([header, *rows]) + "\n"


def plain(values: list[str]) -> str:
    return table([f"{month},{value}" for month, value in zip(MONTHS, values, strict=False)])


def read(content: str | bytes, name: str = "own.csv", **keys: Any) -> SeriesData:
    data = content.encode() if isinstance(content, str) else content
    Path(name).write_bytes(data)
    return Series.model_validate({"name": "series", "path": name, **keys}).series(None)


def test_a_column_is_a_series_with_its_times() -> None:
    found = read(plain(["1", "2.5", "-3", "4e2"]))
    assert (found.names, found.values.tolist()) == (("value",), [1.0, 2.5, -3.0, 400.0])
    assert [found.label(0, step) for step in range(4)] == MONTHS[:4]
    assert (found.grid.describe(), found.filled, found.known.tolist()) == ("month", 0, [4])


def test_each_column_of_a_wide_table_is_a_series() -> None:
    found = read(table(["2024-01,1,5", "2024-02,2,6", "2024-03,3,"], "time,a,b"))
    assert found.names == ("a", "b")
    assert [one.tolist() for one in found.each()] == [[1.0, 2.0, 3.0], [5.0, 6.0]]
    chosen = read(table(["2024-01,1,5", "2024-02,2,6"], "time,a,b"), value_columns=["b"])
    assert chosen.names == ("b",)


def test_series_of_a_wide_table_that_end_before_others_know_the_calendar() -> None:
    rows = [f"{2000 + step // 12}-{step % 12 + 1:02},{step},{step}" for step in range(60)]
    Path("own.csv").write_text(table([*rows, "2005-01,60,", "2005-02,61,"], "time,a,b"))
    keys = {"window": 4, "horizon": 2, "calendar": True}
    dataset = Series(name="series", path="own.csv", **keys).load()
    assert dataset.series is not None
    assert dataset.series.known.tolist() == [62, 60]
    assert len(dataset.series.future) == 122


def test_rows_of_a_long_table_belong_to_their_series() -> None:
    rows = ["x,2024-01,1", "y,2024-02,5", "x,2024-02,2", "y,2024-03,6", "x,2024-03,3"]
    found = read(table(rows, "shop,time,sales"), series_column="shop")
    assert found.names == ("x", "y")
    assert [one.tolist() for one in found.each()] == [[1.0, 2.0, 3.0], [5.0, 6.0]]
    assert [found.label(number, 0) for number in (0, 1)] == ["2024-01", "2024-02"]


def test_rows_in_any_order_are_sorted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = read(table(["2024-03,3", "2024-01,1", "2024-02,2"]))
    assert found.values.tolist() == [1.0, 2.0, 3.0]
    assert "the rows are not in the order of time: sorted" in caplog.text


@pytest.mark.parametrize(
    ("rule", "filled"),
    [("interpolate", [1, 2, 3, 4]), ("previous", [1, 1, 1, 4]), ("zero", [1, 0, 0, 4])],
)
@pytest.mark.parametrize("gap", ["a row is missing", "a cell is empty", "a cell says NA"])
def test_what_is_missing_is_filled_by_the_rule(
    rule: str, filled: list[float], gap: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    cells = {"a cell is empty": "", "a cell says NA": "NA"}
    inside = [f"{MONTHS[step]},{cells[gap]}" for step in (1, 2)] if gap in cells else []
    found = read(
        table(["2024-01,1", *inside, "2024-04,4"] + ["2024-05,5", "2024-06,6"]), missing=rule
    )
    assert found.values.tolist() == [*map(float, filled), 5.0, 6.0]
    assert found.filled == 2
    told = "2 of 6 values are missing, the first at 2024-02 of `value`, at most 2 in a row: "
    assert f"{told}{rule} fills them" in caplog.text


def test_empty_cells_at_the_ends_are_no_steps() -> None:
    found = read(plain(["", "", "3", "4", "5", ""]))
    assert (found.values.tolist(), found.label(0, 0)) == ([3.0, 4.0, 5.0], "2024-03")


@pytest.mark.parametrize(("rule", "value"), [("mean", 3.0), ("sum", 6.0), ("last", 4.0)])
def test_repeated_times_become_one_step_by_the_rule(rule: str, value: float) -> None:
    rows = ["2024-01,1", "2024-02,2", "2024-02,4", "2024-03,5"]
    assert read(table(rows), repeated=rule).values.tolist() == [1.0, value, 5.0]


def test_a_longer_step_takes_the_rows_of_each_of_its_times() -> None:
    rows = [f"2024-{month:02}-{day:02},{month}" for month in (1, 2, 3) for day in (3, 9, 20)]
    found = read(table(rows), frequency="month", repeated="sum")
    assert (found.values.tolist(), found.label(0, 0)) == ([3.0, 6.0, 9.0], "2024-01")


def test_covariates_of_the_future_go_on_after_the_last_value() -> None:
    rows = ["2024-01,1,20,5", "2024-02,2,30,6", "2024-03,,40,", "2024-04,,50,"]
    found = read(table(rows, "time,value,price,rain"), future=["price"], past=["rain"])
    assert (found.lengths.tolist(), found.known.tolist()) == ([2], [4])
    assert found.future.ravel().tolist() == [20.0, 30.0, 40.0, 50.0]
    assert found.past.ravel().tolist() == [5.0, 6.0]
    assert found.covariates().tolist() == [[5.0, 20.0], [6.0, 30.0]]


def of_run(rows: list[str], grid: Grid, header: str = "time,value") -> SeriesData:
    """Read newer rows on the grid of a run."""
    Path("newer.csv").write_text(table(rows, header))
    return Series(name="series", path="own.csv").series_of(Path("newer.csv"), grid)


@pytest.mark.parametrize(
    ("grid", "times", "labels"),
    [
        (Grid("month"), ["2024-07"], ["2024-07"]),
        (Grid("month"), ["2024-01", "2024-04", "2024-05"], ["2024-01", "2024-05"]),
        (Grid("hour"), ["2024-01-01 10:00", "2024-01-01 12:00"], ["2024-01-01 10:00"]),
        (Grid("hour"), ["2024-01-01 09:59:58"], ["2024-01-01 10:00"]),
        (Grid("hour"), ["2024-01-01T00:00+01:00"], ["2023-12-31 23:00"]),
        (Grid("month", 3), ["2024-03-31"], ["2024Q1"]),
        (Grid("day", 7, 3), ["2024-03-03"], ["2024-03-03"]),
        (Grid("business day"), ["2024-03-08 16:00"], ["2024-03-08"]),
        (Grid("step"), ["1990", "1992", "1993"], ["1990", "1993"]),
    ],
)
def test_newer_rows_lie_on_the_grid_of_the_run(
    grid: Grid, times: list[str], labels: list[str]
) -> None:
    """Few rows, a gap or a single row do not change the step."""
    found = of_run([f"{time},{number}" for number, time in enumerate(times)], grid)
    assert found.grid == grid
    ends = (0, int(found.lengths[0]) - 1)
    assert [found.label(0, end) for end in ends][: len(labels)] == labels


@pytest.mark.parametrize(
    ("grid", "times", "told"),
    [
        (
            Grid("day", 7, 3),
            ["2024-03-03", "2024-03-11"],
            "newer.csv:3: `2024-03-11` is not at a step of the run: a step is a week on Sundays, "
            "and the next to it are 2024-03-10 and 2024-03-17",
        ),
        (
            Grid("day", 7, 3),
            ["2024-03-04", "2024-03-11"],
            "newer.csv:2: `2024-03-04` is not at a step of the run, nor is 1 more: a step is",
        ),
        (Grid("month", 3), ["2024-02"], "a step is a quarter from January"),
        (Grid("hour"), ["2024-01-01 10:30"], "2024-01-01 10:00 and 2024-01-01 11:00"),
        (Grid("month"), ["2024-01-01", "2024-01-02"], "newer.csv:3: the time 2024-01 stands on"),
        (Grid("month"), ["2024-01", "2024-12"], "10 of the 12 steps of `value` have no value"),
        (
            Grid("business day"),
            ["2024-03-08", "2024-03-09"],
            "newer.csv:3: `2024-03-09` is a Saturday, but the steps are days from Monday to Friday",
        ),
        (Grid("month"), ["1", "2"], "numbers, but those of the run are dates, and a step is a m"),
        (Grid("step"), ["2024-01"], "the times are dates, but those of the run are numbers"),
        (Grid("day"), ["03/04/2020"], "write times as 2024-03-05"),
        (Grid("day"), ["2024-01-01", "9999-01-01"], "newer.csv:3: `9999-01-01` is too far from"),
        (Grid("step"), ["inf"], "newer.csv:2: `time` is `inf`, not a time"),
    ],
)
def test_newer_rows_off_the_grid_are_refused(grid: Grid, times: list[str], told: str) -> None:
    """A file is told apart from the run by its line, the step of the run and its phase."""
    with pytest.raises(DataError) as caught:
        of_run([f"{time},{number}" for number, time in enumerate(times)], grid)
    assert told in f"{caught.value}\n{caught.value.hint}"
    assert caught.value.hint and "dataset." not in caught.value.hint


def business_days(count: int) -> list[str]:
    days = (date(2024, 1, 1) + timedelta(step) for step in range(2 * count))
    return [str(day) for day in days if day.weekday() < 5][:count]


def test_a_shop_that_is_closed_on_sundays_has_no_values_to_fill() -> None:
    days = [str(day) for day in np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")]
    open_days = [day for at, day in enumerate(days) if at % 7 != 6]
    found = read(table([f"{day},{number}" for number, day in enumerate(open_days)]))
    assert (found.grid.describe(), found.grid.season, found.filled) == ("day except Sunday", 6, 0)
    saturday = found.grid.index("2024-01-06")
    assert found.grid.labels(saturday, 2) == ["2024-01-06", "2024-01-08"]
    once = [day for day in days if day != "2024-01-14"]
    other = read(table([f"{day},{number}" for number, day in enumerate(once)]))
    assert (other.grid.describe(), other.filled) == ("day", 1)
    rows = sorted([*open_days, "2024-02-11"])
    with pytest.raises(DataError, match="is a Sunday, but the steps are days from Monday to Sat"):
        read(table([f"{day},{number}" for number, day in enumerate(rows)]))


def test_a_single_day_of_a_weekend_is_refused_among_business_days() -> None:
    """All weekends would be filled for its sake; a key says that they shall be."""
    days = sorted([*business_days(100), "2024-02-10"])
    rows = table([f"{day},{number}" for number, day in enumerate(days)])
    with pytest.raises(DataError, match="own.csv:32: `2024-02-10` is a Saturday") as caught:
        read(rows)
    assert "`dataset.frequency=day`" in str(caught.value.hint)
    assert read(rows, frequency="day").grid == Grid("day")


def test_days_at_one_time_of_the_day_leave_out_the_weekends() -> None:
    """A clock time does not make business days calendar days."""
    rows = [f"{day} 16:00,{number}" for number, day in enumerate(business_days(60))]
    found = read(table(rows))
    assert (found.grid.describe(), found.filled) == ("business day", 0)


@pytest.mark.parametrize("step", [0.04, 0.5, 1.5, 2.5, 7.5])
def test_times_of_parts_of_seconds_are_refused(step: float) -> None:
    """Rounded times are at other distances than the values."""
    cells = [datetime(2024, 1, 1) + timedelta(seconds=step * number) for number in range(40)]
    rows = [f"{cell},{number}" for number, cell in enumerate(cells)]
    with pytest.raises(DataError, match="not by whole seconds") as caught:
        read(table(rows))
    assert "`dataset.time_column=null`" in str(caught.value.hint)


def test_a_time_between_two_hours_is_refused() -> None:
    """It is not moved to the hour before."""
    rows = [f"2024-01-01 {hour:02}:00,1" for hour in range(10)]
    with pytest.raises(DataError, match="own.csv:12: `2024-01-01 12:30` is not at a regular"):
        read(table([*rows, "2024-01-01 12:30,1"]))


@pytest.mark.parametrize(
    ("header", "time", "rows", "label"),
    [
        ("year,quarter,value", ["year", "quarter"], ["1959,3,1", "1959,4,2", "1960,1,3"], "1959Q4"),
        ("m,y,value", ["y", "m"], ["11,1959,1", "12,1959,2", "1,1960,3"], "1959-12"),
        (
            "Date,Time,value",
            ["Date", "Time"],
            ["16/12/2006,17:24,1", "16/12/2006,17:25,2", "16/12/2006,17:26,3"],
            "2006-12-16 17:25",
        ),
    ],
)
def test_a_time_stands_in_several_columns(
    header: str, time: list[str], rows: list[str], label: str
) -> None:
    """The columns are no values."""
    found = read(table(rows, header), time_column=time)
    assert (found.names, found.label(0, 1)) == (("value",), label)
    assert found.lengths.tolist() == [3]


def test_a_format_reads_columns_that_are_joined_by_a_space() -> None:
    """A time in several columns can be in any form."""
    rows = ["10/03/2004,18.00.00,1", "10/03/2004,19.00.00,2", "10/03/2004,20.00.00,3"]
    keys = {"time_column": ["Date", "Time"], "time_format": "%d/%m/%Y %H.%M.%S"}
    assert read(table(rows, "Date,Time,value"), **keys).label(0, 2) == "2004-03-10 20:00"


def test_without_times_the_rows_are_steps_in_their_order() -> None:
    found = read(table(["5", "6", "7"], "value"), time_column=None, frequency="30 minutes")
    assert (found.values.tolist(), found.grid.season) == ([5.0, 6.0, 7.0], 48)


def test_without_times_there_is_no_calendar() -> None:
    """The distance of the rows is known, but not their dates: 1970 is not invented."""
    keys: dict[str, Any] = {"time_column": None, "frequency": "hour"}
    found = read(table([f"{step % 24}" for step in range(200)], "value"), **keys)
    assert [found.label(0, step) for step in (0, 199)] == ["0", "199"]
    with pytest.raises(DataError, match="numbers without dates, of which no calendar is known"):
        Series(name="series", path="own.csv", calendar=True, **keys).load()


def test_a_horizon_that_is_not_given_leaves_several_origins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of 250 weeks a season of 52 would leave one origin of validation and one of test."""
    weeks = [date(2018, 1, 1) + timedelta(7 * step) for step in range(250)]
    Path("own.csv").write_text(
        table([f"{week},{step % 52 + step * 7 % 5}" for step, week in enumerate(weeks)])
    )
    dataset = Series(name="series", path="own.csv").load()
    assert [len(part) for part in (dataset.validation, dataset.test)] == [14, 14]
    assert "few forecasts" not in caplog.text


def test_few_origins_are_a_warning_that_says_what_gives_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Both ways give as many origins as are no warning."""
    months = [f"{2000 + step // 12}-{step % 12 + 1:02},{step * 7 % 11}" for step in range(100)]
    Path("own.csv").write_text(table(months))
    keys = {"name": "series", "path": "own.csv", "window": 12}
    Series.model_validate({**keys, "horizon": 15}).load()
    assert "few forecasts test the network: validation 1 origin and test 1 origin" in caplog.text
    assert "`dataset.horizon=11`" in caplog.text
    assert "`dataset.validation=19 dataset.test=19`" in caplog.text
    caplog.clear()
    for more in ({"horizon": 11}, {"horizon": 15, "validation": 19, "test": 19}):
        dataset = Series.model_validate({**keys, **more}).load()
        assert (len(dataset.validation), len(dataset.test)) == (5, 5)
    assert "few forecasts" not in caplog.text


def test_parts_of_series_whose_share_is_too_short_are_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each series holds back a horizon at least."""
    caplog.set_level("INFO")
    rows = [f"s{series},{step},{step * series % 7}" for series in range(6) for step in range(30)]
    Path("own.csv").write_text(table(rows, "name,time,value"))
    Series(name="series", path="own.csv", series_column="name", window=4, horizon=5).load()
    assert "the test part of 6 of 6 series is one horizon, as its share is shorter" in caplog.text


def test_trading_days_leave_out_the_weekends() -> None:
    days = [*range(1, 6), *range(8, 13), *range(15, 20)]
    found = read(table([f"2024-01-{day:02},{day}" for day in days]))
    assert (found.grid.describe(), found.filled) == ("business day", 0)


@pytest.mark.parametrize("name", ["own.tsv", "own.jsonl"])
def test_other_forms_of_tables_are_read(name: str) -> None:
    rows = [(month, number) for number, month in enumerate(MONTHS)]
    lines = {
        "own.tsv": ["time\tvalue", *(f"{month}\t{value}" for month, value in rows)],
        "own.jsonl": [f'{{"time": "{month}", "value": {value}}}' for month, value in rows],
    }[name]
    assert read("\n".join(lines) + "\n", name).values.tolist() == list(map(float, range(8)))


def test_times_that_are_almost_regular_are_moved(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clocks = ["10:00:01", "11:00:00", "12:00:03", "12:59:59"]
    found = read(table([f"2024-01-01 {clock},{number}" for number, clock in enumerate(clocks)]))
    assert (found.grid.describe(), found.label(0, 3)) == ("hour", "2024-01-01 13:00")
    assert "3 of the times are up to 3 seconds off a regular distance: moved there" in caplog.text


@pytest.mark.parametrize(
    ("frequency", "cells", "label", "values"),
    [
        ("week", [f"2024-01-{day:02}" for day in range(1, 22)], "2024-01-01", [28, 77, 126]),
        ("30 minutes", [f"2024-01-01 10:{m}0" for m in range(6)], "2024-01-01 10:00", [6, 15]),
        ("quarter", MONTHS[:6], "2024Q1", [6, 15]),
        ("year", ["2023-05", "2023-06", "2024-01"], "2023", [3, 3]),
        ("business day", ["2024-02-09", "2024-02-10", "2024-02-12"], "2024-02-09", [1, 5]),
    ],
)
def test_a_given_distance_takes_all_rows_within_it(
    frequency: str, cells: list[str], label: str, values: list[float]
) -> None:
    rows = [f"{cell},{number}" for number, cell in enumerate(cells, 1)]
    found = read(table(rows), frequency=frequency, repeated="sum")
    assert (found.values.tolist(), found.label(0, 0)) == (values, label)
    assert found.grid.describe() == frequency


def test_a_given_distance_keeps_the_phase_of_times_that_have_it() -> None:
    rows = ["2024-01-03,1", "2024-01-10,2", "2024-01-24,4"]  # Wednesdays
    found = read(table(rows), frequency="week")
    assert (found.values.tolist(), found.label(0, 0)) == ([1.0, 2.0, 3.0, 4.0], "2024-01-03")


def test_much_that_is_missing_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    months = [f"{2000 + number // 12}-{number % 12 + 1:02}" for number in range(120)]
    for left_out, level in (({50}, "INFO"), ({*range(5, 115, 10)}, "WARNING")):
        caplog.clear()
        read(table([f"{month},1" for at, month in enumerate(months) if at not in left_out]))
        assert [one.levelname for one in caplog.records if "missing, " in one.message] == [level]


def test_keys_that_objects_lack_are_empty() -> None:
    lines = [f'{{"time": "2024-0{month}", "value": {month}, "price": 3}}' for month in (1, 2)]
    lines.append('{"time": "2024-03", "price": 3}')
    found = read("\n".join(lines), "own.jsonl", future=["price"])
    assert (found.values.tolist(), found.known.tolist()) == ([1.0, 2.0], [3])


# Each file is damaged in one way: keys of the config, the file, and what is told of it.
DEFECTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such column of times": ({}, "date,value\n2024-01,1\n", "no column `time`, but `date`"),
    "a misspelt column": ({}, "Time,value\n2024-01,1\n", "did you mean `Time`"),
    "no column of values": ({}, "time\n2024-01\n", "no column is left for values"),
    "an empty file": ({}, "", "holds no rows"),
    "a header alone": ({}, "time,value\n", "holds no rows"),
    "a word among the values": ({}, plain(["1", "many"]), "own.csv:3: `value` is `many`"),
    "a decimal comma": ({}, table(["2024-01;1,5"], "time;value"), "write decimals with a point"),
    "a value that is infinite": ({}, plain(["1", "inf"]), "own.csv:3: `value` is inf"),
    "a number with commas": ({}, plain(["1", '"1,234,567"']), "numbers without commas: 1234567"),
    "a percentage": ({}, plain(["1", "5 %"]), "write numbers without other signs: 5"),
    "a currency": ({}, plain(["1", "€5.50"]), "write numbers without other signs: 5.50"),
    "a column of words": (
        {},
        table(["2024-01,shop,1"], "time,place,value"),
        "if `place` is no value, name the columns that are: `dataset.value_columns=[value]`",
    ),
    "a value out of range": ({}, plain(["1", "1e300"]), "between -1e30 and 1e30"),
    "no value at all": ({}, plain(["", "NA", "?"]), "no row holds a value"),
    "a time that is empty": ({}, table(["2024-01,1", ",2"]), "own.csv:3: `time` is empty"),
    "a time that is none": ({}, table(["2024-01,1", "soon,2"]), "`time` is `soon`, not a time"),
    "a day that there is not": ({}, table(["2024-01-01,1", "2024-02-30,2"]), "own.csv:3: `time`"),
    "days or months first": (
        {},
        table(["03/04/2020,1", "04/05/2020,2"]),
        "`03/04/2020` can be read as %m/%d/%Y and as %d/%m/%Y",
    ),
    "another format": (
        {"time_format": "%d/%m/%Y"},
        table(["2020-01-01,1"]),
        "not a time of the form %d/%m/%Y",
    ),
    "mixed formats": ({}, table(["2024-01-01,1", "2/1/2024,2"]), "like those before"),
    "a time twice": ({}, table(["2024-01,1", "2024-02,2", "2024-02,3"]), "on line 3 too"),
    "a time twice in a series": (
        {"series_column": "shop"},
        table(["x,2024-01,1", "x,2024-02,2", "x,2024-02,3"], "shop,time,value"),
        "the time 2024-02 of `x` stands on line 3 too",
    ),
    "series without their column": (
        {"value_columns": ["value"]},
        table(["x,2024-01,1", "y,2024-01,2", "x,2024-02,1"], "shop,time,value"),
        "name it: `dataset.series_column=…`",
    ),
    "one time alone": ({}, table(["2024-01,1"]), "no series has two different times"),
    "an irregular time": (
        {},
        table(["2024-01-01,1", "2024-01-08,2", "2024-01-15,3", "2024-01-17,4"]),
        "`2024-01-17` is not at a regular distance from the other times: most steps are a week",
    ),
    "several irregular times": (
        {},
        table([f"2024-01-{day:02},1" for day in (1, 8, 17, 22, 29, 30)]),
        "own.csv:4: `2024-01-17` and 1 more are not at a regular distance from the other times: "
        "most steps are a week, and the time before is `2024-01-08` on line 3",
    ),
    "a way out for irregular times": (
        {},
        table(["2024-01-01,1", "2024-01-08,2", "2024-01-15,3", "2024-01-17,4"]),
        "`dataset.frequency=month dataset.repeated=mean`",
    ),
    "a way out for irregular numbers": (
        {},
        table(["1,1", "2,2", "3,3", "3.5,4"]),
        "take the rows in their order: `dataset.time_column=null`",
    ),
    "a time far in the future": (
        {},
        table(["2024-01-01,1", "2024-01-02,2", "9999-01-03,3"]),
        "own.csv:4: `9999-01-03` is too far from `2024-01-02` on line 3: most steps are a day",
    ),
    "seconds over centuries": (
        {},
        table(["1970-01-01 00:00:00,1", "1970-01-01 00:00:01,2", "2200-01-01 00:00:00,3"]),
        "is too far from `1970-01-01 00:00:01` on line 3",
    ),
    "years over centuries": (
        {"frequency": "year"},
        table(["3011-01-01,1", "1970-02-01,2"]),
        "`'dataset.frequency=10 years' dataset.repeated=mean`",
    ),
    "a distance that is too small": (
        {},
        table(["0,1", "1e-300,2", "2e-300,3", "9e14,4"]),
        "`9e14` is too far from `0`",
    ),
    "a number that is no time": ({}, table(["1,1", "2,2", "1e300,3"]), "`1e300`, not a time"),
    "a time that NumPy knows": ({}, table(["now,1", "today,2"]), "own.csv:2: `time` is `now`"),
    "parts of times that repeat": (
        {"time_column": "year"},
        table(["1959,1,1", "1959,2,2", "1960,1,3"], "year,quarter,value"),
        "`'dataset.time_column=[year,quarter]'` takes a time from several columns",
    ),
    "parts of times in another order": (
        {"time_column": ["quarter", "year"]},
        table(["1,1959,1", "2,1959,2"], "quarter,year,value"),
        "own.csv:2: `quarter`, `year` are `1 1959`, not a time",
    ),
    "a part of a time that is empty": (
        {"time_column": ["year", "quarter"]},
        table(["1959,1,1", "1959,,2"], "year,quarter,value"),
        "own.csv:3: `quarter` is empty",
    ),
    "parts of times of arrays": (
        {"path": "own.npz", "time_column": ["year", "quarter"]},
        "",
        "`dataset.time_column` names columns of a table, but",
    ),
    "zones and none": (
        {},
        table(["2024-01-01T00:00Z,1", "2024-01-01T01:00,2"]),
        "own.csv:3: `time` is `2024-01-01T01:00`, not a time like those before",
    ),
    "clocks that are put back": (
        {},
        table([f"2024-10-27 {hour}:00,1" for hour in ("00", "01", "02", "02", "03")]),
        "if clocks were put back then, write the times in UTC",
    ),
    "parts of a second": (
        {},
        table([f"2024-01-01 00:00:00.{part},1" for part in range(5)]),
        "the times are less than a second apart",
    ),
    "a day of another month's row": (
        {},
        table([*(f"{month}-01,1" for month in MONTHS), "2024-08-17,3"]),
        "own.csv:10: the time 2024-08 stands on line 9 too: a step is a month",
    ),
    "a table without times": (
        {},
        "value\n1\n",
        "`dataset.time_column=null` takes the rows in their order",
    ),
    "an irregular number": ({}, table(["1,1", "2,2", "3,3", "3.5,4"]), "`3.5` is not at a regular"),
    "mostly gaps": ({}, table(["1,1", "2,2", "99,3"]), "96 of the 99 steps of `value` have no"),
    "a gap that is refused": (
        {"missing": "refuse"},
        table(["2024-01,1", "2024-02,2", "2024-04,4"]),
        "1 of the 4 steps of `value` have no value, the first at 2024-03",
    ),
    "a series without a name": (
        {"series_column": "shop"},
        table(["x,2024-01,1", ",2024-02,2"], "shop,time,value"),
        "own.csv:3: `shop` is empty",
    ),
    "a series without a value": (
        {"series_column": "shop", "future": ["price"]},
        table(["x,2024-01,1,1", "x,2024-02,1,1", "y,2024-01,,1"], "shop,time,value,price"),
        "`y` has no value",
    ),
    "series of one row": (
        {"series_column": "shop"},
        table(["x,2024-01,1", "y,2024-02,1"], "shop,time,value"),
        "is `dataset.series_column=shop` the right column?",
    ),
    "a series of empty rows": (
        {"series_column": "shop"},
        table(["x,2024-01,1", "x,2024-02,1", "y,2024-01,", "y,2024-02,NA"], "shop,time,value"),
        "own.csv:4: `y` has no value",
    ),
    "two columns of values in a long table": (
        {"series_column": "shop"},
        table(["x,2024-01,1,2"], "shop,time,value,more"),
        "a long table has one column of values, but `value`, `more` are left",
    ),
    "a column named twice": ({"past": ["time"]}, plain(["1"]), "`time` is named twice"),
    "a covariate that is missing": (
        {"past": ["rain"]},
        plain(["1", "2"]),
        "no column `rain`, but `time`, `value`",
    ),
    "a covariate without values": (
        {"past": ["rain"]},
        table(["2024-01,1,", "2024-02,2,"], "time,value,rain"),
        "the covariate `rain` of `value` has steps without a value",
    ),
    "a covariate that is a word": (
        {"past": ["rain"]},
        table(["2024-01,1,wet"], "time,value,rain"),
        "own.csv:2: `rain` is `wet`",
    ),
    "too many fields": ({}, table(["2024-01,1", "2024-02,2,3"]), "own.csv:3: 3 fields"),
    "a quote that is not closed": ({}, table(['2024-01,"1', "2024-02,2"]), "own.csv:2"),
    "two columns of one name": ({}, "time,time,value\n1,2,3\n", "two columns are called `time`"),
    "an unknown distance": (
        {"frequency": "year"},
        table(["1,1", "2,2"]),
        "the times are numbers, which `dataset.frequency=year` does not fit",
    ),
    "dates for plain numbers": (
        {"frequency": "step"},
        plain(["1", "2"]),
        "the times are dates, which `dataset.frequency=step` does not fit",
    ),
    "JSON by another name": ({}, '{"time": "2024-01", "value": 1}\n', "is JSON, by its name a CSV"),
    "arrays that are none": ({"path": "own.npz"}, "", "is not a .npz file of time series"),
    "columns of arrays": (
        {"path": "own.npz", "past": ["rain"]},
        "",
        "`dataset.past` names columns of a table, but",
    ),
    "a value that is a list": ({"path": "own.jsonl"}, '{"time": "1", "value": [1]}\n', "not text"),
    "a byte that is no text": ({}, "time,value\n2024-01,1\xff\n", "own.csv:2"),
    "a folder": ({"path": "folder"}, "", "folder"),
    "no file": ({"path": "nowhere.csv"}, "", "nowhere.csv"),
}


@pytest.mark.parametrize(("keys", "content", "told"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_told_with_its_place(keys: dict[str, Any], content: str, told: str) -> None:
    Path("folder").mkdir()
    encoding = "latin-1" if "\xff" in content else "utf-8"
    for name in ("own.csv", "own.jsonl", "own.npz"):
        Path(name).write_bytes(content.encode(encoding))
    config = Series.model_validate({"name": "series", "path": "own.csv", **keys})
    with pytest.raises(SeqtrainError) as caught:
        config.series(None)
    assert told in f"{caught.value}\n{caught.value.hint}"
    assert caught.value.hint


TIMES = st.one_of(
    st.integers(-5, 40).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.dates(date(1600, 1, 1), date(2400, 1, 1)).map(str),
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
    st.dates().flatmap(lambda day: st.sampled_from([*FORMATS]).map(day.strftime)),
    st.sampled_from(
        ["2024Q1", "Q3 2020", "now", "NaT", "", "-", "1e999", "99999-01-01", "1700000000"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8),
)
NUMBERS = st.one_of(
    st.integers(0, 9).map(str), st.floats().map(repr), st.sampled_from(["", "NA", "x", "1,5", "5%"])
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "frequency": st.sampled_from(
            [
                "step",
                "second",
                "30 minutes",
                "hour",
                "day",
                "business day",
                "week",
                "quarter",
                "year",
            ]
        ),
        "repeated": st.sampled_from(["mean", "sum", "last"]),
        "missing": st.sampled_from(["previous", "zero", "refuse"]),
        "series_column": st.just("more"),
        "past": st.just(("more",)),
        "future": st.just(("more",)),
    },
).filter(lambda keys: len({"series_column", "past", "future"} & {*keys}) < 2)


@st.composite
def columns_of_times(draw: st.DrawFn) -> list[str]:
    """Return times that are mostly regular, or of any kind."""
    steps = draw(st.integers(1, 12))
    if draw(st.booleans()):
        return draw(st.lists(TIMES, min_size=steps, max_size=steps))
    unit = draw(st.sampled_from(UNITS))
    grid = Grid(unit, 1 if unit in WEEKS else draw(st.integers(1, 40)))
    cells = grid.labels(draw(st.integers(-20, 20)), steps)
    for _ in range(draw(st.integers(0, 2))):
        cells[draw(st.integers(0, steps - 1))] = draw(st.one_of(TIMES, st.sampled_from(cells)))
    return cells


@given(times=columns_of_times(), keys=KEYS, data=st.data())
def test_any_table_is_read_or_refused(times: list[str], keys: dict[str, Any], data: Any) -> None:
    with StringIO() as content:
        rows = [[time, data.draw(NUMBERS), data.draw(NUMBERS)] for time in times]
        csv.writer(content).writerows([["time", "value", "more"], *rows])
        try:
            found = read(content.getvalue(), **keys)
        except SeqtrainError as error:
            assert error.hint
            return
    assert np.isfinite(found.values).all()
    assert found.lengths.sum() == len(found.values) == len(found.past)
    assert found.known.sum() == len(found.future)
    assert (found.known >= found.lengths).all()
    assert len(found.names) == len(found.starts) == len(found.lengths)
    first, last = (
        found.grid.index(found.label(0, step)) for step in (0, int(found.lengths[0]) - 1)
    )
    assert last - first == found.lengths[0] - 1


def test_many_series_are_read_in_their_own_time() -> None:
    rows = [f"s{number},{step},{number + step}" for number in range(300) for step in range(40)]
    found = read(table(rows, "name,time,value"), series_column="name")
    assert (len(found.names), len(found.values)) == (300, 12_000)
    assert found.each()[7].tolist() == [7.0 + step for step in range(40)]


@pytest.mark.parametrize(
    ("name", "keys", "series", "steps", "step"),
    [
        ("airpassengers.csv", {}, 1, 144, "month"),
        ("sunspot_month.csv", {}, 1, 3_177, "month"),
        (
            "m3_monthly.csv",
            {"series_column": "series", "time_column": "step", "value_columns": ["value"]},
            1_428,
            167_562,
            "step",
        ),
        (
            "elecdemand.csv",
            {
                "time_column": None,
                "frequency": "30 minutes",
                "value_columns": ["Demand"],
                "future": ["Temperature", "WorkDay"],
            },
            1,
            17_520,
            "30 minutes",
        ),
    ],
)
def test_real_series_are_read(
    real_data: Path, name: str, keys: dict[str, Any], series: int, steps: int, step: str
) -> None:
    file = str(real_data / name)
    found = Series.model_validate({"name": "series", "path": file, **keys}).series(None)
    assert (len(found.names), len(found.values)) == (series, steps)
    assert (found.grid.describe(), found.filled) == (step, 0)
    assert np.isfinite(found.values).all()


def test_a_table_of_prices_with_empty_rows_is_read_by_month() -> None:
    rows = ["1990-01-01,5", "1990-02-01,6", "1990-02-05,", "1990-03-01,7", "1990-04-01,8"]
    found = read(table(rows, "Date,IBM"), time_column="Date")
    assert (found.values.tolist(), found.grid.describe()) == ([5.0, 6.0, 7.0, 8.0], "month")
    with pytest.raises(DataError, match="the time 1990-04 stands on line 6 too"):
        read(table([*rows, "1990-04-28,9"], "Date,IBM"), time_column="Date")


def sample(name: str, **keys: Any) -> SeriesData:
    """Read a table that comes with matplotlib."""
    package = importlib.util.find_spec("matplotlib")
    assert package is not None and package.origin is not None
    path = str(Path(package.origin).parent / "mpl-data" / "sample_data" / name)
    keys = {"time_column": "Date", **keys}
    return Series.model_validate({"name": "series", "path": path, **keys}).series(None)


def test_daily_prices_in_descending_order_are_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = sample("msft.csv", value_columns=["Close", "Volume"])
    assert (found.grid.describe(), found.names) == ("business day", ("Close", "Volume"))
    assert found.label(0, int(found.lengths[0]) - 1) == "2003-09-19"  # written 19-Sep-03
    assert found.each()[0][-1] == 29.96
    assert "rows are earlier than the row before" in caplog.text


def test_a_row_inside_of_a_month_is_told_and_can_be_merged() -> None:
    with pytest.raises(DataError, match="526: the time 2022-06 stands on line 525 too"):
        sample("Stocks.csv")
    found = sample("Stocks.csv", repeated="last")
    assert (len(found.names), int(found.lengths[0])) == (10, 390)
    assert found.grid.describe() == "month"
