"""Time series are read from `.npz` files as from tables, and every defect is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data.grid import Grid
from seqtrain.data.time_series import SeriesData
from seqtrain.datasets.series import Series
from seqtrain.errors import SeqtrainError
from tests.mutation import members, mutated_archive

MONTHS = np.arange("2024-01", "2025-01", dtype="datetime64[M]")


def read(file: str = "own.npz", **keys: Any) -> SeriesData:
    return Series.model_validate({"name": "series", "path": file, **keys}).series(None)


def saved(**arrays: Any) -> SeriesData:
    np.savez("own.npz", **arrays)
    return read()


def test_values_are_a_series() -> None:
    found = saved(values=[1, 2, 3])
    assert (found.values.tolist(), found.names) == ([1.0, 2.0, 3.0], ("series",))
    assert found.grid.describe() == "step"
    np.save("one.npy", np.arange(5.0))
    assert read("one.npy", frequency="hour").grid.season == 24


def test_each_column_of_values_is_a_series() -> None:
    values = np.array([[1, np.nan], [2, 6], [3, 7]])
    found = saved(values=values, time=MONTHS[:3], names=["a", "b"])
    assert (found.names, found.lengths.tolist()) == (("a", "b"), [3, 2])
    assert [found.label(number, 0) for number in (0, 1)] == ["2024-01", "2024-02"]
    assert saved(values=values).names == ("series 1", "series 2")


def test_series_of_different_lengths_stand_one_after_another() -> None:
    found = saved(
        values=np.arange(6.0), lengths=[4, 2], names=["x", "y"], time=MONTHS[[0, 1, 2, 3, 1, 2]]
    )
    assert [one.tolist() for one in found.each()] == [[0, 1, 2, 3], [4, 5]]
    assert (found.names, found.label(1, 0)) == (("x", "y"), "2024-02")
    assert saved(values=np.arange(6.0), lengths=[4, 2]).starts.tolist() == [0, 0]


def test_covariates_that_are_known_go_on_after_the_last_value() -> None:
    found = saved(
        values=[1, 2, np.nan, np.nan],
        past=[[5, 1], [6, 2], [np.nan, np.nan], [np.nan, np.nan]],
        future=[7, 8, 9, 10],
        past_names=["rain", "wind"],
    )
    assert (found.past_names, found.future_names) == (("rain", "wind"), ("future",))
    assert (found.past.tolist(), found.known.tolist()) == ([[5, 1], [6, 2]], [4])
    assert found.future.ravel().tolist() == [7, 8, 9, 10]


@pytest.mark.parametrize(
    ("time", "label"),
    [
        (MONTHS[:3], "2024-02"),
        (MONTHS[:3].astype("datetime64[ns]"), "2024-02"),
        (MONTHS[:3].astype(str), "2024-02"),
        (np.array([2020, 2021, 2022]), "2021"),
        (np.array([0.5, 1.0, 1.5]), "1"),
        (np.array([1_700_000_000, 1_700_003_600, 1_700_007_200]), "2023-11-14 23:13:20"),
    ],
    ids=["months", "nanoseconds", "texts", "years", "numbers", "Unix times"],
)
def test_times_are_dates_texts_or_numbers(time: np.ndarray, label: str) -> None:
    assert saved(values=[1, 2, 3], time=time).label(0, 1) == label


def test_newer_arrays_lie_on_the_grid_of_the_run() -> None:
    """A gap does not change the step, and a time between two steps is refused."""
    config = Series(name="series", path="own.npz")
    np.savez("newer.npz", values=[1, 2, 3], time=MONTHS[[0, 2, 3]])
    assert config.series_of(Path("newer.npz"), Grid("month")).lengths.tolist() == [4]
    with pytest.raises(SeqtrainError, match="row 2: `2024-03` is not at a step of the run"):
        config.series_of(Path("newer.npz"), Grid("month", 6))


def test_keys_name_the_times_or_leave_them_out() -> None:
    np.savez("own.npz", values=[1, 2, 3], month=MONTHS[[0, 1, 1]])
    assert read().grid.unit == "step"
    assert read(time_column="month", repeated="mean").values.tolist() == [1.0, 2.5]
    assert read(time_column=None).values.tolist() == [1.0, 2.0, 3.0]


def test_what_is_missing_is_filled(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = saved(values=[1, np.nan, 3, 4, 5, 6], time=MONTHS[[0, 1, 2, 3, 4, 6]])
    assert found.values.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 5.5, 6.0]
    assert np.flatnonzero(~found.observed).tolist() == [1, 5]
    assert "2 of 7 values are missing, the first at 2024-02" in caplog.text


DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "no values": ({"value": [1, 2]}, "no array `values`, but `value`, did you mean `value`?"),
    "other values": ({"x": [1, 2]}, "no array `values`, but `x`"),
    "three dimensions": ({"values": np.zeros((2, 2, 2))}, "`values` has the shape (2, 2, 2)"),
    "nothing": ({"values": []}, "`values` has the shape (0,)"),
    "words": ({"values": ["a", "b"]}, "`values` is <U1, not numbers"),
    "objects": ({"values": np.array([1, "a"], dtype=object)}, "Python objects"),
    "an infinity": ({"values": [1, np.inf]}, "own.npz: row 2: `series` is inf"),
    "only NaN": ({"values": [np.nan, np.nan]}, "has no value"),
    "too many times": ({"values": [1, 2], "time": MONTHS[:3]}, "`time` has the shape (3,)"),
    "times that are not": ({"values": [1, 2], "time": [True, False]}, "`time` is bool"),
    "times with gaps": (
        {"values": [1, 2], "time": np.array(["2024-01", "NaT"], "datetime64[M]")},
        "own.npz: row 2: `time` is `NaT`, not a time",
    ),
    "a time twice": (
        {"values": [1, 2, 3], "time": MONTHS[[0, 1, 1]]},
        "own.npz: row 3: the time 2024-02 stands on row 2 too",
    ),
    "series of one step": (
        {"values": [1, 2], "time": MONTHS[:2], "lengths": [1, 1]},
        "are the `lengths` right?",
    ),
    "series without lengths": (
        {"values": [1, 2, 3, 4], "time": MONTHS[[0, 1, 0, 1]]},
        "one after another in `values`, give their `lengths`",
    ),
    "an irregular time": (
        {"values": range(5), "time": [1, 2, 3, 4, 4.5]},
        "row 5: `4.5` is not at a regular distance from the other times: most steps are a step, "
        "and the time before is `4.0` on row 4",
    ),
    "lengths that are too long": (
        {"values": [1, 2], "lengths": [1, 2]},
        "`lengths` are 1 to 2 and sum to 3, but `values` holds 2 steps",
    ),
    "a length of nothing": ({"values": [1, 2], "lengths": [2, 0]}, "`lengths` are 0 to 2"),
    "lengths that are no numbers": ({"values": [1], "lengths": [1.0]}, "`lengths` is float64"),
    "no lengths": ({"values": [1], "lengths": np.zeros(0, int)}, "the shape (0,)"),
    "lengths of columns": (
        {"values": np.ones((2, 2)), "lengths": [1, 1]},
        "and `values` has the shape (2, 2)",
    ),
    "too few names": (
        {"values": np.ones((3, 2)), "names": ["a"]},
        "of the shape (1,), not 2 names",
    ),
    "a name twice": ({"values": np.ones((3, 2)), "names": ["a", "a"]}, "holds `a` twice"),
    "short covariates": ({"values": [1, 2], "past": [1]}, "`past` has the shape (1,)"),
    "covariates of words": ({"values": [1, 2], "past": ["a", "b"]}, "`past` is <U1, not numbers"),
    "empty covariates": ({"values": [1, 2], "future": np.ones((2, 0))}, "the shape (2, 0)"),
}


@pytest.mark.parametrize(("arrays", "told"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_told(arrays: dict[str, Any], told: str) -> None:
    with pytest.raises(SeqtrainError) as caught:
        saved(**arrays)
    assert told in f"{caught.value}\n{caught.value.hint}"
    assert caught.value.hint


def whole() -> bytes:
    known = np.arange(20.0).reshape(10, 2)
    arrays: dict[str, Any] = {"values": np.arange(10.0), "time": MONTHS[:10], "future": known}
    np.savez("whole.npz", names=["a"], past=known, past_names=["p", "q"], lengths=[10], **arrays)
    return Path("whole.npz").read_bytes()


@given(code=st.binary(min_size=8, max_size=24))
def test_a_damaged_file_is_read_or_refused(code: bytes) -> None:
    Path("own.npz").write_bytes(mutated_archive(members(whole()), code))
    try:
        found = read(repeated="mean")
    except SeqtrainError as error:
        assert error.hint
        return
    assert np.isfinite(found.values).all()
    assert found.lengths.sum() == len(found.values)
