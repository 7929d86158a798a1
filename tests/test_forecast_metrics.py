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
from seqtrain.evaluation.conformal import Intervals
from seqtrain.evaluation.forecast_baselines import naive_forecasts, theta_forecasts
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


def rejections(number: int, horizon: int, larger: float = 1.0, series: int = 1) -> float:
    """Return how often the test finds a difference, for the mean errors of overlapping steps.

    Args:
        number: of origins of each series.
        horizon: of each forecast.
        larger: by how much the shocks of the second forecast are larger.
        series: how many, which all have nearly the same shocks.
    """
    random = np.random.default_rng(0)
    where = np.repeat(np.arange(series), number), np.tile(np.arange(number), series)
    found, times = 0, 400
    for _ in range(times):
        shocks = np.abs(random.normal(size=(2, number + horizon - 1)))
        ours, theirs = (
            np.tile(np.convolve(one, np.ones(horizon) / horizon, "valid"), series) for one in shocks
        )
        noise = 0.01 * random.normal(size=len(ours))
        found += diebold_mariano(ours, larger * theirs + noise, *where, horizon) < 0.05
    return found / times


@pytest.mark.parametrize(
    ("number", "horizon", "series"),
    [(35, 12, 1), (73, 6, 1), (120, 6, 1), (200, 24, 1), (60, 1, 1), (100, 6, 20)],
)
def test_the_test_of_two_forecasts_rarely_finds_a_difference_that_is_none(
    number: int, horizon: int, series: int
) -> None:
    assert 0.02 <= rejections(number, horizon, series=series) <= 0.1


def test_the_test_of_two_forecasts_finds_a_difference_that_there_is() -> None:
    assert rejections(120, 6, larger=1.6) > 0.9


def test_many_short_series_are_compared_by_their_means() -> None:
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=(2, 60)) + [[0.0], [1.0]]
    alone = np.arange(60), random.integers(0, 5, 60)  # times of which there are too few
    assert diebold_mariano(ours, theirs, *alone, 18) < 0.01
    assert diebold_mariano(ours, ours + random.normal(size=60), *alone, 18) > 0.05


def test_the_test_of_two_forecasts_is_careful() -> None:
    where = np.zeros(30, int), np.arange(30)
    same = np.random.default_rng(0).normal(size=30)
    assert diebold_mariano(same, same, *where, 3) == 1.0
    assert diebold_mariano(same, same - 1, *where, 3) < 1e-9
    assert diebold_mariano(same[:5], same[:5] + same[5:10], np.zeros(5), np.arange(5), 3) == 1.0
    one, other = np.random.default_rng(1).normal(size=(2, 30))
    order = np.random.default_rng(2).permutation(30)
    shuffled = diebold_mariano(one[order], other[order], np.zeros(30), order, 3)
    assert shuffled == pytest.approx(diebold_mariano(one, other, *where, 3))


def test_a_series_that_repeats_itself_exactly_has_a_scale() -> None:
    """Its seasonal naive forecast is never wrong, so the change of each step is the unit."""
    assert mase_scale(np.tile([1.0, 2.0, 4.0], 5), 3) == pytest.approx((1 * 5 + 2 * 5 + 3 * 4) / 14)
    assert mase_scale(np.ones(12), 3) == 0
    assert mase_scale(np.sin(2 * np.pi * np.arange(48) / 12), 12) > 0.1


@pytest.mark.parametrize("kind", ["quantiles", "a point"])
def test_calibrated_intervals_hold_their_share(kind: str) -> None:
    random = np.random.default_rng(0)
    held, new = random.normal(size=(2, 2_000, 3)) * [1, 2, 4]
    narrow = np.tile([-0.3, 0.0, 0.3], (2_000, 3, 1))
    outputs = narrow if kind == "quantiles" else narrow[:, :, 1:2]
    corrections = conformal.fit(conformal.outside(held, outputs), 0.9)
    found = Intervals(corrections.tolist()).apply(outputs, np.zeros(len(outputs), int))
    inside = (found[:, :, 0] <= new) & (new <= found[:, :, 2])
    np.testing.assert_allclose(inside.mean(axis=0), 0.9, atol=0.02)
    assert (found[:, :, 1] == 0).all()
    assert (np.diff(found, axis=2) >= 0).all()


def test_too_wide_intervals_become_narrower() -> None:
    held = np.random.default_rng(0).normal(size=(500, 1))
    wide = np.tile([-9.0, 0.0, 9.0], (500, 1, 1))
    corrections = conformal.fit(conformal.outside(held, wide), 0.9)
    found = Intervals(corrections.tolist()).apply(wide, np.zeros(len(wide), int))
    assert found[0, 0, 2] == pytest.approx(1.645, abs=0.2)


def test_what_is_known_of_a_series_counts_by_its_spans() -> None:
    many = conformal.ratios(np.array([1.0, 3.0]), np.array([1_000, 1_000]))
    np.testing.assert_allclose(many, [0.5, 1.5], rtol=0.01)
    assert conformal.ratios(np.zeros(3), np.array([4, 4, 1])).tolist() == [1, 1, 1]
    few = conformal.ratios(np.array([1.0, 3.0]), np.array([2, 2]))
    np.testing.assert_allclose(few, np.sqrt([0.5, 1.5]))
    assert 0 < conformal.ratios(np.array([0.0, 1.0]), np.array([50, 50])).min() < 0.2


def test_an_interval_is_stretched_about_its_middle() -> None:
    quantiles = np.array([[[1.0, 3.0, 4.0]], [[1.0, 3.0, 4.0]]])
    found = Intervals([[0.0] * 3], (), (2.0, 0.5)).apply(quantiles, np.array([0, 1]))
    assert found.tolist() == [[[-1.0, 3.0, 5.0]], [[2.0, 3.0, 3.5]]]


def test_few_validation_origins_share_one_correction() -> None:
    held = np.arange(12.0).reshape(4, 3)
    found = conformal.fit(conformal.outside(held, np.zeros((4, 3, 1))), 0.9)
    assert (found == found[0]).all()
    assert found[0].tolist() == [-11.0, 0.0, 11.0]


def series(*each: list[float]) -> SeriesData:
    names = [f"s{number}" for number in range(len(each))]
    return SeriesData.plain("made", Grid("month"), names, [np.array(one) for one in each], 0)


def test_naive_forecasts_are_those_by_hand() -> None:
    found = series([1.0, 2.0, 3.0, 7.0, 5.0, 6.0])
    models = dict(naive_forecasts(found, np.array([0, 0]), np.array([3, 5]), 4, 3))
    assert models["last value"].tolist() == [[7.0] * 4, [6.0] * 4]
    assert models["seasonal naive"].tolist() == [[2.0, 3.0, 7.0, 2.0], [7.0, 5.0, 6.0, 7.0]]
    assert models["drift"].tolist() == [[9.0, 11.0, 13.0, 15.0], [7.0, 8.0, 9.0, 10.0]]


def test_naive_forecasts_see_only_the_past_of_their_own_series() -> None:
    found = series([1.0, 2.0, 3.0], [50.0, 60.0, 70.0])
    models = dict(naive_forecasts(found, np.array([1]), np.array([1]), 2, 12))
    assert models["last value"].tolist() == [[60.0, 60.0]]
    assert models["seasonal naive"].tolist() == [[60.0, 60.0]]  # less than a season is known
    assert models["drift"].tolist() == [[70.0, 80.0]]


def test_the_theta_method_follows_half_the_trend_and_the_season() -> None:
    """A line goes on with half its slope: S. R. Hyndman and B. Billah, IJF 19(2), 2003."""
    line = np.arange(40.0)
    found = SeriesData.plain("", Grid(), ("line", "flat"), [line, np.full(40, 7.0)], 0)
    places = np.array([0, 0, 1]), np.array([39, 29, 39])
    points = theta_forecasts(found, *places, 3, 1)
    assert points is not None
    np.testing.assert_allclose(np.diff(points[:2], axis=1), 0.5, atol=0.01)
    np.testing.assert_allclose(points[:2, 0], [39.5, 29.5], atol=0.1)
    assert (points[2] == 7).all()
    wave = 20 + 5 * np.sin(2 * np.pi * np.arange(60) / 12)
    season = SeriesData.plain("", Grid("month"), ("",), [wave], 0)
    points = theta_forecasts(season, np.array([0]), np.array([59]), 12, 12)
    assert points is not None
    np.testing.assert_allclose(points[0], wave[:12], atol=0.5)


def test_the_theta_method_is_left_out_where_it_would_take_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    found = SeriesData.plain("", Grid(), ("",), [np.arange(10.0)], 0)
    many = np.zeros(2_001, int)
    assert theta_forecasts(found, many, many + 9, 1, 1) is None
    assert "the Theta method is left out" in caplog.text


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
    models = dict(naive_forecasts(found, numbers, times, 18, 12))
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
