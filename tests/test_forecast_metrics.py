"""Scores, tests and intervals of forecasts, against values by hand and published ones."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data.grid import Grid
from seqtrain.data.seasonality import is_seasonal, mase_scale, seasonal_indices
from seqtrain.data.time_series import SeriesData
from seqtrain.evaluation import conformal, forecast_metrics
from seqtrain.evaluation.forecast_baselines import naive_forecasts
from seqtrain.evaluation.forecast_metrics import Origins
from seqtrain.evaluation.significance import diebold_mariano

LEVELS = (0.05, 0.5, 0.95)


def origins(truth: np.ndarray, scale: float = 2.0) -> Origins:
    number = len(truth)
    return Origins(truth, np.full(number, scale), np.zeros(number, int), np.arange(number))


def test_scores_are_those_by_hand() -> None:
    truth = np.array([[10.0, 20.0], [0.0, 40.0]])
    points = np.array([[12.0, 20.0], [0.0, 30.0]])
    found = forecast_metrics.scores("test", origins(truth), points[:, :, None], (0.5,))
    assert found["test_mae"] == 3.0
    assert found["test_mase"] == 1.5
    assert found["test_rmse"] == pytest.approx(np.sqrt((4 + 100) / 4))
    assert found["test_smape"] == pytest.approx((200 * 2 / 22 + 0 + 0 + 200 * 10 / 70) / 4)
    assert found["test_coverage"] is None
    assert found["test_pinball"] is None


def test_scores_of_quantiles_are_those_by_hand() -> None:
    truth = np.array([[10.0], [20.0]])
    quantiles = np.array([[[8.0, 9.0, 12.0]], [[21.0, 22.0, 23.0]]])
    found = forecast_metrics.scores("test", origins(truth), quantiles, LEVELS)
    assert found["test_coverage"] == 0.5
    assert found["test_width"] == (4 + 2) / 2 / 2
    first = (0.05 * 2 + 0.5 * 1 + 0.05 * 2) / 3
    second = (0.95 * 1 + 0.5 * 2 + 0.05 * 3) / 3
    assert found["test_pinball"] == pytest.approx((first + second) / 2 / 2)


def test_each_step_has_its_own_score() -> None:
    truth = np.zeros((3, 2))
    points = np.tile([1.0, 3.0], (3, 1))[:, :, None]
    found = forecast_metrics.evaluate("test", origins(truth), points, (0.5,))
    assert found["test"]["steps"]["mae"] == [1.0, 3.0]
    assert found["test"]["absolute_errors"]["100"] == 3.0
    assert set(found["intervals"]) == {key for key in found if key.startswith("test_")}


def test_series_without_a_scale_count_for_neither_mase_nor_width() -> None:
    truth = np.array([[1.0], [1.0]])
    flat = Origins(truth, np.array([2.0, 0.0]), np.array([0, 1]), np.array([0, 0]))
    found = forecast_metrics.scores("test", flat, truth[:, :, None] + 1, (0.5,))
    assert (found["test_mase"], found["test_mae"]) == (0.5, 1.0)
    none = Origins(truth, np.zeros(2), np.array([0, 1]), np.array([0, 0]))
    assert forecast_metrics.scores("test", none, truth[:, :, None], (0.5,))["test_mase"] is None


@given(factor=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_mase_does_not_depend_on_the_units(factor: float, shift: float) -> None:
    random = np.random.default_rng(0)
    truth, points = random.normal(size=(2, 20, 3))
    one = forecast_metrics.scores("t", origins(truth, 1.0), points[:, :, None], (0.5,))
    other = forecast_metrics.scores(
        "t", origins(factor * truth + shift, factor), factor * points[:, :, None] + shift, (0.5,)
    )
    assert one["t_mase"] == pytest.approx(other["t_mase"])


def test_intervals_take_blocks_of_overlapping_origins() -> None:
    """Errors that stay alike for long give a wider interval than errors that are drawn anew."""
    random = np.random.default_rng(0)
    levels = np.repeat(random.normal(size=20), 10)
    slow, fast = (one[:, None] for one in (np.abs(levels), np.abs(random.permutation(levels))))
    ends = {}
    for name, errors in {"slow": slow, "fast": fast}.items():
        truth = np.repeat(errors, 10, axis=1)
        zeros = np.zeros((200, 10, 1))
        ends[name] = forecast_metrics.evaluate("t", origins(truth, 1.0), zeros, (0.5,))["intervals"]
    wide, narrow = (np.ptp(ends[name]["t_mase"]) for name in ("slow", "fast"))
    assert wide > 1.5 * narrow


def test_with_many_series_whole_series_are_drawn() -> None:
    truth = np.ones((40, 2))
    many = Origins(truth, np.ones(40), np.arange(40) // 2, np.arange(40))
    assert len(np.unique(forecast_metrics.blocks(many))) == 20
    few = Origins(truth, np.ones(40), np.arange(40) // 20, np.arange(40))
    assert len(np.unique(forecast_metrics.blocks(few))) == 20  # blocks of two origins


def rejections(noise: float, better: float, times: int = 300) -> float:
    """Return how often the test finds a difference, for forecasts of 6 overlapping steps."""
    random = np.random.default_rng(0)
    found = 0
    for _ in range(times):
        shocks = random.normal(size=(2, 125))
        errors = [np.abs(np.convolve(one, np.ones(6) / 6, "valid")) for one in shocks]
        ours, theirs = errors[0], errors[1] * noise + better
        p = diebold_mariano(ours, theirs, np.zeros(120, int), np.arange(120), 6)
        found += p < 0.05
    return found / times


def test_the_test_of_two_forecasts_rarely_finds_a_difference_that_is_none() -> None:
    assert 0.01 <= rejections(1.0, 0.0) <= 0.11


def test_the_test_of_two_forecasts_finds_a_difference_that_there_is() -> None:
    assert rejections(1.0, 0.5) > 0.9


def test_the_test_of_two_forecasts_is_careful() -> None:
    where = np.zeros(30, int), np.arange(30)
    same = np.random.default_rng(0).normal(size=30)
    assert diebold_mariano(same, same, *where, 3) == 1.0
    assert diebold_mariano(same, same - 1, *where, 3) == 0.0
    assert diebold_mariano(same[:5], same[:5] + same[5:10], np.zeros(5), np.arange(5), 3) == 1.0
    one, other = np.random.default_rng(1).normal(size=(2, 30))
    order = np.random.default_rng(2).permutation(30)
    shuffled = diebold_mariano(one[order], other[order], np.zeros(30), order, 3)
    assert shuffled == pytest.approx(diebold_mariano(one, other, *where, 3))


@pytest.mark.parametrize("kind", ["quantiles", "a point"])
def test_calibrated_intervals_hold_their_share(kind: str) -> None:
    random = np.random.default_rng(0)
    held, new = random.normal(size=(2, 2_000, 3)) * [1, 2, 4]
    narrow = np.tile([-0.3, 0.0, 0.3], (2_000, 3, 1))
    outputs = narrow if kind == "quantiles" else narrow[:, :, 1:2]
    corrections = conformal.fit(held, outputs, LEVELS)
    found = conformal.apply(outputs, corrections)
    inside = (found[:, :, 0] <= new) & (new <= found[:, :, 2])
    np.testing.assert_allclose(inside.mean(axis=0), 0.9, atol=0.02)
    assert (found[:, :, 1] == 0).all()
    assert (np.diff(found, axis=2) >= 0).all()


def test_too_wide_intervals_become_narrower() -> None:
    held = np.random.default_rng(0).normal(size=(500, 1))
    wide = np.tile([-9.0, 0.0, 9.0], (500, 1, 1))
    found = conformal.apply(wide, conformal.fit(held, wide, LEVELS))
    assert found[0, 0, 2] == pytest.approx(1.645, abs=0.2)


def test_few_validation_origins_share_one_correction() -> None:
    held = np.arange(12.0).reshape(4, 3)
    found = conformal.fit(held, np.zeros((4, 3, 1)), LEVELS)
    assert (found == found[0]).all()
    assert found[0].tolist() == [-11.0, 0.0, 11.0]


def series(*each: list[float]) -> SeriesData:
    names = [f"s{number}" for number in range(len(each))]
    return SeriesData.plain("made", Grid("month"), names, [np.array(one) for one in each], 0)


def test_naive_forecasts_are_those_by_hand() -> None:
    found = series([1.0, 2.0, 3.0, 7.0, 5.0, 6.0])
    models = naive_forecasts(found, np.array([0, 0]), np.array([3, 5]), 4, 3)
    assert models["last value"].tolist() == [[7.0] * 4, [6.0] * 4]
    assert models["seasonal naive"].tolist() == [[2.0, 3.0, 7.0, 2.0], [7.0, 5.0, 6.0, 7.0]]
    assert models["drift"].tolist() == [[9.0, 11.0, 13.0, 15.0], [7.0, 8.0, 9.0, 10.0]]


def test_naive_forecasts_see_only_the_past_of_their_own_series() -> None:
    found = series([1.0, 2.0, 3.0], [50.0, 60.0, 70.0])
    models = naive_forecasts(found, np.array([1]), np.array([1]), 2, 12)
    assert models["last value"].tolist() == [[60.0, 60.0]]
    assert models["seasonal naive"].tolist() == [[60.0, 60.0]]  # less than a season is known
    assert models["drift"].tolist() == [[70.0, 80.0]]


def test_a_season_is_found_where_there_is_one() -> None:
    time = np.arange(120)
    pattern = np.tile(np.arange(12.0) - 5.5, 10)
    random = np.random.default_rng(0)
    found = seasonal_indices(0.5 * time + pattern + 0.1 * random.normal(size=120), 12)
    assert found is not None
    np.testing.assert_allclose(found, np.arange(12) - 5.5, atol=0.2)
    assert seasonal_indices(random.normal(size=120), 12) is None
    assert seasonal_indices(pattern[:30], 12) is None  # fewer than three seasons
    assert not is_seasonal(np.ones(50), 12)


def test_the_scale_of_mase_is_the_error_of_the_seasonal_naive_forecast() -> None:
    assert mase_scale(np.array([1.0, 2.0, 4.0, 7.0]), 2) == 4.0
    assert mase_scale(np.array([1.0, 2.0, 4.0]), 12) == 1.5
    assert mase_scale(np.array([1.0]), 1) == 0.0


def test_published_scores_of_naive_forecasts_come_out(real_data: Path) -> None:
    """M3, monthly: naive 18.18 and seasonal naive 17.23, in sMAPE."""
    parts: dict[str, dict[str, list[float]]] = {}
    with (real_data / "m3_monthly.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            part = parts.setdefault(row["series"], {"train": [], "test": []})
            part[row["split"]].append(float(row["value"]))
    found = series(*(part["train"] + part["test"] for part in parts.values()))
    numbers = np.arange(len(parts))
    times = found.starts + found.lengths - 19
    scale = np.array([mase_scale(np.array(part["train"]), 12) for part in parts.values()])
    truth = np.array([part["test"] for part in parts.values()])
    models = naive_forecasts(found, numbers, times, 18, 12)
    scores = {
        name: forecast_metrics.scores(
            "t", Origins(truth, scale, numbers, times), points[:, :, None], (0.5,)
        )
        for name, points in models.items()
    }
    assert round(scores["last value"]["t_smape"] or 0, 2) == 18.18
    assert round(scores["last value"]["t_mase"] or 0, 3) == 1.175
    assert round(scores["seasonal naive"]["t_smape"] or 0, 2) == 17.23
    assert round(scores["seasonal naive"]["t_mase"] or 0, 3) == 1.146
