"""Forecasts: nothing of the future is seen, and every command answers."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain import plots
from seqtrain.cli.console import progress
from seqtrain.config import load_config
from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset
from seqtrain.data.transform import Level, Transform
from seqtrain.data.windows import Windows
from seqtrain.datasets.airline import Airline
from seqtrain.datasets.series import Series
from seqtrain.datasets.stocks import Stocks
from seqtrain.errors import DataError
from seqtrain.evaluation import forecast_metrics
from seqtrain.inference import next_values
from seqtrain.plots.forecast_plots import ticks_of
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.tasks import Forecasting
from seqtrain.tasks.forecasting import forecasting
from seqtrain.training import launch
from tests.conftest import Outcome, drawing, soaked
from tests.cutting import cut_short, go_on, results

Seqtrain = Callable[..., Outcome]

CSV = ("--format", "csv")
CONFIG = """
dataset: {name: series, path: own.csv, window: 6, horizon: 3, validation: 12, test: 12}
model: {name: gru, units: 4}
training: {epochs: 3, learning_rate: 1e-2, batch_size: 16, early_stopping: {patience: 9}}
"""


def write(values: np.ndarray, names: tuple[str, ...] = ("value",), file: str = "own.csv") -> Path:
    """Write months of values, float of shape (steps,) or (steps, columns)."""
    with Path(file).open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["time", *names])
        for step, row in enumerate(values.reshape(len(values), -1).tolist()):
            cells = ("" if np.isnan(value) else value for value in row)
            rows.writerow([f"{1990 + step // 12}-{step % 12 + 1:02}", *cells])
    return Path(file)


def wave(steps: int = 120, noise: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(0)
    return 10 + np.sin(2 * np.pi * np.arange(steps) / 12) + noise * random.normal(size=steps)


def load(**keys: Any) -> Dataset:
    section = {"name": "series", "path": "own.csv", "window": 6, "horizon": 3, **keys}
    return Series.model_validate(section).load()


@pytest.fixture
def own() -> Path:
    write(wave())
    Path("own.yaml").write_text(CONFIG)
    return Path("own.yaml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of `own`, and a run that was trained on them."""
    folder = tmp_path_factory.mktemp("forecasts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(wave())
        Path("own.yaml").write_text(CONFIG)
        run, dataset = launch.prepare(load_config(Path("own.yaml")), Path("outputs"), None)
        launch.train(run, dataset, progress)
    return folder


@pytest.fixture
def trained(shared: Path, tmp_path: Path) -> Run:
    """A copy of that run, under `outputs`."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    config = lookup.latest(Path("outputs")).folder / "config.yaml"
    config.write_text(config.read_text().replace(str(shared), str(tmp_path)))
    return lookup.latest(Path("outputs"))


def ok(outcome: Outcome) -> str:
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


# Windows


def test_windows_are_read_like_an_array() -> None:
    steps = np.arange(40.0).reshape(20, 2)
    firsts = np.array([0, 3, 9])
    level, spread = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 1.0])
    windows = Windows(steps, firsts, 4, level, spread)
    whole = np.stack([steps[first : first + 4] for first in firsts])
    whole[:, :, 0] = (whole[:, :, 0] - level[:, None]) / spread[:, None]
    whole = whole.astype(np.float32)
    assert (windows.shape, windows.dtype, len(windows)) == (whole.shape, np.float32, 3)
    np.testing.assert_array_equal(np.asarray(windows), whole)
    rows = np.array([[2, 0], [1, 1]])
    for index in (1, slice(1, None), rows, (rows, slice(None)), (slice(None), slice(2)), (0, 3)):
        np.testing.assert_array_equal(windows[index], whole[index])


def test_many_windows_take_no_more_memory_than_their_steps() -> None:
    steps = np.zeros((1_000_000, 1))
    windows = Windows(steps, np.arange(900_000), 1_000)
    assert windows.steps is steps
    assert windows[np.array([5, 7])].nbytes == 2 * 1_000 * 4


# Preprocessing


@given(
    log=st.booleans(),
    level=st.sampled_from(["last", "mean", "none"]),
    season=st.sampled_from([1, 4, 12]),
    seed=st.integers(0, 100),
)
def test_what_is_transformed_comes_back(log: bool, level: Level, season: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    time = np.arange(96)
    values = np.exp(1 + 0.01 * time + np.sin(2 * np.pi * time / 12) + 0.1 * random.normal(size=96))
    fitted = Transform.fit([values], [5], log=log, level=level, season=season)
    series = np.zeros(96, int)
    there = fitted.forward(values, series, time + 5)
    np.testing.assert_allclose(fitted.inverse(there, series, time + 5), values)
    np.testing.assert_allclose(there.mean(), 0, atol=1e-9)


def test_a_season_is_taken_by_the_time_of_a_value() -> None:
    pattern = np.tile([0.0, 1.0, 5.0, -6.0], 20)
    fitted = Transform.fit([pattern], [2], log=False, level="last", season=4)
    there = fitted.forward(pattern[1:9], np.zeros(8, int), np.arange(3, 11))
    np.testing.assert_allclose(there, there[0], atol=1e-9)


@pytest.mark.parametrize(
    "keys",
    [
        {"log": True},
        {"deseasonalise": True},
        {"level": "mean"},
        {"scale": "window"},
        {"differences": True, "level": "none"},
    ],
)
def test_labels_are_the_next_values_and_come_back(keys: dict[str, Any]) -> None:
    write(wave())
    dataset = load(**keys)
    values = dataset.series.values if dataset.series else np.zeros(0)
    labels, task = dataset.test.labels, dataset.task
    first = dataset.series.starts[0] if dataset.series else 0
    for label in labels:
        last = label["time"] - first
        assert label["truth"].tolist() == values[last + 1 : last + 4].tolist()
    learned = task.learned(labels)[:, :3]
    np.testing.assert_allclose(
        task.predictions(learned, labels)[:, :, 0], labels["truth"], rtol=1e-5
    )


def test_differences_are_the_changes_of_the_steps() -> None:
    write(wave())
    plain, changes = load(level="none"), load(differences=True)
    before, after = np.asarray(plain.train.first), np.asarray(changes.train.first)
    np.testing.assert_allclose(after[:, 1:, 0], np.diff(before[:, :, 0]), atol=1e-6)
    assert after[0, 0, 0] == 0  # nothing is known before the first value
    np.testing.assert_array_equal(after[1:, 0, 0], after[:-1, 1, 0])


def test_each_window_can_be_scaled_by_itself() -> None:
    """Growing waves look alike, and a window that hardly changes is not blown up."""
    values = np.arange(1, 121) * np.sin(np.arange(120.0))
    values[60:70] = values[60]
    write(values)
    windows = np.asarray(load(scale="window", level="mean").train.first)[:, :, 0]
    np.testing.assert_allclose(np.delete(windows, range(50, 70), axis=0).std(axis=1), 1, rtol=1e-5)
    assert np.abs(windows[62]).max() < 1e-6
    assert windows.std(axis=1).max() < 1 + 1e-5


def test_validation_decides_what_is_auto(caplog: pytest.LogCaptureFixture) -> None:
    """Percentages and factors ask for the logarithm; values below 0 have none."""
    caplog.set_level("INFO")
    grown = np.exp(0.02 * np.arange(120)) * wave()
    write(grown)
    auto = {"log": "auto", "deseasonalise": "auto", "level": "auto", "scale": "auto"}
    dataset = load(window=12, **auto)
    assert dataset.decided["log"] is True
    assert forecasting(dataset.task).transform.log
    assert "best of 16 ways on validation" in caplog.text
    section = {"name": "series", "path": "own.csv", "window": 12, "horizon": 3}
    errors = {
        log: Series.model_validate({**section, "season": 12, "log": log}).linear_mase(
            dataset.series
        )
        for log in (True, False)
        if dataset.series
    }
    assert errors[True] < errors[False]
    write(grown - 20)
    assert load(window=12, **auto).decided["log"] is False


@pytest.mark.tf
def test_a_run_keeps_what_validation_decided(seqtrain: Seqtrain, own: Path) -> None:
    ok(seqtrain("train", own, "dataset.log=auto", "dataset.level=auto", "training.epochs=1"))
    run = lookup.latest(Path("outputs"))
    kept = run.config.dataset
    assert isinstance(kept, Series)
    assert kept.log in (True, False)
    assert kept.level in ("last", "mean")
    assert forecasting(run.fitted_task).transform.log == kept.log
    ok(seqtrain("evaluate"))
    ok(seqtrain("forecast"))


# The split in time


def test_no_window_reaches_into_what_a_later_part_must_forecast() -> None:
    write(wave())
    dataset = load(validation=20, test=30)
    assert dataset.series is not None
    ends = {
        name: dataset.split(name).labels["time"] - dataset.series.starts[0]
        for name in ("train", "validation", "test")
    }
    assert (ends["train"].min(), ends["train"].max() + 3) == (5, 69)
    assert (ends["validation"].min() + 1, ends["validation"].max() + 3) == (70, 89)
    assert (ends["test"].min() + 1, ends["test"].max() + 3) == (90, 119)


@pytest.mark.parametrize(
    ("keys", "sizes"),
    [
        ({"validation": 12, "test": 24}, (76, 10, 22)),
        ({"validation": 0.1, "test": 0.2}, (76, 10, 22)),
        ({"validation": "1997-01", "test": "1998-01"}, (76, 10, 22)),
        ({"validation": 12, "test": 24, "stride": 4}, (19, 10, 22)),
    ],
)
def test_a_part_is_a_share_so_many_steps_or_from_a_time_on(
    keys: dict[str, Any], sizes: tuple[int, ...]
) -> None:
    write(wave())
    dataset = load(**keys)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == sizes


def test_some_series_can_validate_for_all() -> None:
    write(np.stack([wave(), 2 * wave(), 3 * wave(), 4 * wave()], axis=1), tuple("abcd"))
    every, some = load(validation=12, test=12), load(validation=12, test=12, validation_series=0.5)
    assert len(every.validation) == 2 * len(some.validation)
    assert sorted({*some.validation.labels["series"].tolist()}) == [0, 3]
    assert len(some.train) == len(every.train) + 2 * 12
    np.testing.assert_array_equal(every.test.labels["truth"], some.test.labels["truth"])


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"log": True, "deseasonalise": True},
        {"calendar": True},
        {"deseasonalise": "auto", "level": "auto", "scale": "window"},
        {"differences": True, "series_embedding": 2},
    ],
)
def test_nothing_that_is_fitted_sees_validation_or_test(keys: dict[str, Any]) -> None:
    values = np.stack([wave(), wave(noise=0.3)], axis=1)
    found = []
    for altered in (values, np.where(np.arange(120)[:, None] < 78, values, 99 - values)):
        write(altered, ("value", "rain"))
        found.append(load(value_columns=["value"], past=["rain"], validation=18, test=24, **keys))
    one, other = found
    assert one.task.transform == other.task.transform
    assert one.scaling == other.scaling
    np.testing.assert_array_equal(np.asarray(one.train.first), np.asarray(other.train.first))
    np.testing.assert_array_equal(one.train.labels, other.train.labels)
    assert one.task.scales != other.task.scales  # these are of all that is before the test


@pytest.mark.tf
def test_values_after_the_cut_change_no_weight(seqtrain: Seqtrain, own: Path) -> None:
    """Nor the choice of the epoch, nor the calibration: the test part chooses nothing."""
    keys = ("dataset.log=true", "dataset.deseasonalise=true", "training.baselines=false")
    kept = []
    for altered in (wave(), np.where(np.arange(120) < 108, wave(), 50 + wave()[::-1])):
        write(altered)
        ok(seqtrain("train", own, *keys))
        run = lookup.latest(Path("outputs"))
        kept.append((run.history(), run.read_json("task.json", dict), weights(run)))
    assert kept[0] == kept[1]


def weights(run: Run) -> list[float]:
    """All weights of the saved network, and that of the last step."""
    import zipfile

    import h5py

    content = io.BytesIO(zipfile.ZipFile(run.model_file).read("model.weights.h5"))
    found: list[float] = []
    with h5py.File(content) as file:
        file.visititems(
            lambda _, item: (
                found.extend(item[()].ravel().tolist()) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


# Pictures


@pytest.mark.tf
def test_forecasts_of_one_step_can_be_seen(seqtrain: Seqtrain, own: Path) -> None:
    """A line of one point is invisible, so those of single steps are joined, or are dots."""
    ok(seqtrain("train", own, "dataset.horizon=1", "training.epochs=1", "training.baselines=false"))
    run = lookup.latest(Path("outputs"))
    rolling, typical, worst = plots.forecasts([run]).axes
    true, forecast = rolling.lines
    assert len(forecast.get_xdata()) == 12
    assert len(rolling.collections) == 1
    for axes in (typical, worst, *plots.horizon_errors([run]).axes, *plots.coverage([run]).axes):
        assert any(len(line.get_xdata()) == 1 and line.get_marker() == "o" for line in axes.lines)
    assert "wanted: 90 %" in plots.coverage([run]).axes[0].get_legend_handles_labels()[1]
    assert ok(seqtrain("report", "--quick"))


@pytest.mark.tf
def test_what_would_be_shown_twice_is_shown_once(seqtrain: Seqtrain, own: Path) -> None:
    ok(seqtrain("train", own, "dataset.test=3", "training.epochs=1", "training.baselines=false"))
    run = lookup.latest(Path("outputs"))
    assert len(run.predictions()[0]) == 1
    assert len(plots.forecasts([run]).axes) == 1
    assert ok(seqtrain("report", "--quick"))


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_a_forecast_can_be_drawn(seqtrain: Seqtrain) -> None:
    ok(seqtrain("forecast", "own", "--steps", "5", "--plot", "next.png"))
    found = next_values.forecast(lookup.best(Path("own"), Path("outputs")), steps=5)
    (axes,) = plots.next_values(found).axes
    known, ahead = axes.lines
    assert ahead.get_xdata()[0] == known.get_xdata()[-1] + 1
    np.testing.assert_allclose(ahead.get_ydata(), found.quantiles[0, :, 1])
    (legend,) = plots.next_values(found).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "known",
        "forecast",
        "90 % interval",
    ]
    assert Path("next.png").read_bytes()[1:4] == b"PNG"
    refused = seqtrain("forecast", "own", "--plot", "next.txt")
    assert refused.exit_code == 2
    assert "ends in .png, .svg or .pdf" in refused.stderr


@pytest.mark.tf
def test_times_below_a_picture_are_a_season_apart(seqtrain: Seqtrain, trained: Run) -> None:
    task = forecasting(trained.fitted_task)
    assert np.diff(ticks_of(replace(task, season=12), 70)).tolist() == [12] * 5
    assert np.diff(ticks_of(replace(task, season=1), 70)).tolist() == [14] * 4
    assert np.diff(ticks_of(replace(task, season=12), 31)).tolist() == [6] * 5
    assert ticks_of(task, 2).tolist() == [0, 1]


@pytest.mark.tf
def test_what_moved_a_forecast_is_a_page(seqtrain: Seqtrain, trained: Run) -> None:
    printed = ok(seqtrain("explain", "own", "--example", "2", "--html")).splitlines()
    page = Path(printed[-1]).read_text(encoding="utf-8")
    assert printed[1][1:] in page  # the sentence
    assert page.count("<tr>") == 1 + 6  # the header, and the steps of the window
    assert "data:image/png;base64" in page
    assert "Content-Security-Policy" in page


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_the_forecast_from_the_end_of_a_file_is_explained(seqtrain: Seqtrain) -> None:
    newer = write(wave()[40:], file="newer.csv")
    found = json.loads(ok(seqtrain("explain", "own", "--data", newer, "--json")))
    assert found["origin"] == "the end of newer.csv: 1996-08"
    assert [step["value"] for step in found["steps"]] == pytest.approx(wave()[-6:])
    rows = ok(seqtrain("forecast", "own", "--data", newer, "--format", "jsonl")).splitlines()
    ahead = [(row["time"], row["forecast"]) for row in map(json.loads, rows)]
    assert [(one["time"], one["quantiles"][1]) for one in found["forecast"]] == [
        (time, pytest.approx(value)) for time, value in ahead
    ]
    assert {one["truth"] for one in found["forecast"]} == {None}
    shown = ok(seqtrain("explain", "own", "--data", newer))
    assert "true" not in shown.splitlines()[1]
    for arguments, told in (
        (("--data", newer, "--example", "2"), "has 1 series, so it has no series 2"),
        (("a text",), "A forecast reads no texts"),
        (("--units",), "--units is for language models"),
    ):
        outcome = seqtrain("explain", "own", *arguments)
        assert outcome.exit_code == 2
        assert told in outcome.stderr


# What is refused


REFUSED = {
    "a test part shorter than the horizon": ({"test": 2}, "the test part of `value` has 2 steps"),
    "a validation part shorter": ({"validation": 1}, "the validation part of `value` has 1 step,"),
    "no window in train": ({"window": 90}, "too few for one window of 90 steps"),
    "parts that leave nothing": ({"validation": 60, "test": 60}, "left for train"),
    "a time that is none": ({"test": "soon"}, "dataset.test: `soon` is not a time"),
    "a number for a month": ({"test": "7"}, "dataset.test: `7` is not a time like"),
}


@pytest.mark.parametrize(("keys", "told"), REFUSED.values(), ids=REFUSED)
def test_a_split_that_cannot_be_made_is_refused(keys: dict[str, Any], told: str) -> None:
    write(wave())
    with pytest.raises(DataError) as caught:
        load(**keys)
    assert told in str(caught.value)
    assert "`dataset." in str(caught.value.hint)


def test_a_series_that_never_changes_is_refused() -> None:
    write(np.full(120, 5.0))
    with pytest.raises(DataError, match="no series changes before its test part"):
        load()


def test_a_value_without_a_logarithm_is_told_with_its_time() -> None:
    values = wave()
    values[7] = -1.0
    write(values)
    with pytest.raises(DataError, match="`value` is -1 at 1990-08, which has no logarithm"):
        load(log=True)


# Training


@pytest.mark.tf
def test_a_network_that_forecasts_answers_every_command(seqtrain: Seqtrain, trained: Run) -> None:
    run, own = trained, Path("own.yaml")
    with drawing():
        ok(seqtrain("plot", "own"))
    pictures = {"loss.png", "mase.png", "forecasts.png", "horizon_errors.png", "coverage.png"}
    assert pictures <= {picture.name for picture in run.plots.iterdir()}
    kept, (labels, predictions) = run.metrics(), run.predictions()
    off = np.abs(labels["truth"] - predictions[:, :, 1]).mean()
    assert kept["test_mae"] == pytest.approx(off)
    best = run.history()[kept["best_epoch"] - 1]
    assert kept["val_mase"] == best["val_mase"]

    judged = json.loads(ok(seqtrain("evaluate", "--json")))
    assert judged["test_mase"] == pytest.approx(kept["test_mase"], rel=1e-5)
    validated = json.loads(ok(seqtrain("evaluate", "--split", "validation", "--json")))
    assert validated["val_mase"] == pytest.approx(best["val_mase"], rel=1e-4)
    assert "seasonal naive" in ok(seqtrain("evaluate"))
    assert "effect" in ok(seqtrain("explain", "own", "--example", "2"))
    ok(seqtrain("compare"))
    ok(seqtrain("report", "own", "--to", "report.html"))
    page = Path("report.html").read_text(encoding="utf-8")
    assert "Farthest off" in page
    charts = [json.loads(one) for one in re.findall(r'"application/json">(.+?)</script>', page)]
    bands = [line["points"] for chart in charts for line in chart["lines"] if line["band"]]
    assert bands
    assert all(low <= high for points in bands for _, low, high in points)
    rolling = next(chart for chart in charts if chart["title"].startswith("test MASE"))
    names = [line["name"] for line in rolling["lines"] if line["name"]]
    assert names == ["true", "forecast", "90 % interval"]
    assert not any(line["faint"] for line in rolling["lines"])
    last, truth = rolling["lines"][0]["points"][-1]
    assert (rolling["times"][int(last)], truth) == ("1999-12", pytest.approx(wave()[-1]))
    assert rolling["y"] == "value"
    assert "train " in ok(seqtrain("check", own, "--load"))


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_a_forecast_goes_on_from_the_end(seqtrain: Seqtrain) -> None:
    rows = list(csv.DictReader(io.StringIO(ok(seqtrain("forecast", "--format", "csv")))))
    assert [row["time"] for row in rows] == ["2000-01", "2000-02", "2000-03"]
    for row in rows:
        assert float(row["lower_90"]) <= float(row["forecast"]) <= float(row["upper_90"])
    far = [
        json.loads(line)
        for line in ok(seqtrain("forecast", "--steps", "9", "--format", "jsonl")).splitlines()
    ]
    assert [row["forecast"] for row in far[:3]] == [float(row["forecast"]) for row in rows]
    widths = [row["upper_90"] - row["lower_90"] for row in far]
    assert max(widths[:3]) < min(widths[3:6]) < min(widths[6:])
    assert "further ones see its own forecasts" in seqtrain("forecast", "--steps", "9").stderr
    assert seqtrain("forecast", "--steps", "2").stdout.count("\n") == 3


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_a_forecast_goes_on_from_newer_values(seqtrain: Seqtrain) -> None:
    newer = write(wave(132), file="newer.csv")
    table = ok(seqtrain("forecast", "own", "--data", newer))
    assert "2001-01" in table
    write(wave(5), file="short.csv")
    short = seqtrain("forecast", "own", "--data", "short.csv")
    assert (short.exit_code, "5 steps, but the network reads 6" in short.stderr) == (2, True)
    Path("days.csv").write_text(
        "time,value\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 29))
    )
    days = seqtrain("forecast", "own", "--data", "days.csv")
    assert days.exit_code == 2
    assert "days.csv:3: the time 2024-01 stands on line 2 too: a step is a month" in days.stderr


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_the_newest_value_and_nothing_later_decides_a_forecast(seqtrain: Seqtrain) -> None:
    values = wave()
    tables = []
    for last in (values[-1], values[-1] + 3):
        write(np.append(values[:-1], last), file="newer.csv")
        tables.append(ok(seqtrain("forecast", "own", "--data", "newer.csv")))
    assert tables[0] != tables[1]


@pytest.mark.tf
@pytest.mark.parametrize("horizon", [1, 12])
@pytest.mark.parametrize("output", ["median", "quantiles"])
def test_a_line_goes_on_as_a_line(own: Path, horizon: int, output: str) -> None:
    """y = t is forecast as t + 1 … t + H: no step is read or given one place off."""
    write(np.arange(120.0))
    keys = (f"dataset.horizon={horizon}", f"dataset.output={output}", "model.autoregressive=true")
    config = load_config(own, keys)
    assert isinstance(config.dataset, Series)
    dataset = config.dataset.load()
    model = config.model.build(dataset)
    config.model.prepare(model, dataset)
    assert dataset.series is not None
    latest = config.dataset.completed(dataset.series).latest(dataset.series, dataset.fitted)
    outputs = model.predict_on_batch(np.asarray(latest.x))
    found = forecast_metrics.points(dataset.task.predictions(outputs, latest.labels))
    np.testing.assert_allclose(found, [120 + np.arange(horizon)], atol=0.05)


@pytest.mark.tf
def test_a_sine_is_forecast_far_better_than_by_its_last_value(
    seqtrain: Seqtrain, own: Path
) -> None:
    write(wave(400, noise=0.05))
    outcome = seqtrain(
        *("train", own, "dataset.window=24", "dataset.horizon=6", "dataset.test=60"),
        *("training.epochs=30", "model.units=16", "dataset.season=1"),
    )
    ok(outcome)
    kept = lookup.latest(Path("outputs")).metrics()
    assert 5 * kept["test_mase"] < kept["baselines"]["last value"]["test_mase"]
    assert "the network beats last value" in outcome.stderr


@pytest.mark.tf
def test_of_a_random_walk_nothing_is_better_than_the_last_value(
    seqtrain: Seqtrain, own: Path
) -> None:
    write(100 + np.random.default_rng(3).normal(size=300).cumsum())
    outcome = seqtrain("train", own, "dataset.test=90", "dataset.validation=60")
    ok(outcome)
    assert "is not significantly better by MASE than the last value" in outcome.stderr
    assert not lookup.latest(Path("outputs")).metrics()["verdict"]["learned"]


PRICE = np.random.default_rng(1).normal(size=304)  # of 4 steps more than there are values of


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that reads a price, and one that does not."""
    folder = tmp_path_factory.mktemp("prices")
    noise = 0.1 * np.random.default_rng(0).normal(size=300)
    values = np.append(10 + 3 * PRICE[:300] + noise, [np.nan] * 4)
    few = ["training.epochs=30", "dataset.test=60", "training.baselines=false"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rows = write(np.stack([values, PRICE], axis=1), ("value", "price")).read_text().splitlines()
        without = "\n".join(row.rpartition(",")[0] for row in rows[:-4])
        Path("without.csv").write_text(without)
        Path("own.yaml").write_text(CONFIG)
        for keys in (
            ["name=knows", "dataset.value_columns=[value]", "dataset.future=[price]"],
            ["name=guesses", "dataset.path=without.csv"],
        ):
            config = load_config(Path("own.yaml"), [*few, *keys])
            run, dataset = launch.prepare(config, Path("outputs"), None)
            launch.train(run, dataset, progress)
    return folder


@pytest.mark.tf
def test_a_covariate_of_the_future_helps_and_must_be_given(
    seqtrain: Seqtrain, priced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(priced)
    first, second = json.loads(ok(seqtrain("compare", "knows", "guesses", "--json")))
    scores = {
        one["run"].split("/")[0]: one["scores"]["test_mase"]["mean"] for one in (first, second)
    }
    assert scores["knows"] < 0.5 * scores["guesses"]
    rows = ok(seqtrain("forecast", "knows", "--format", "csv")).splitlines()
    found = [float(row.split(",")[1]) for row in rows[1:]]
    np.testing.assert_allclose(found, 10 + 3 * PRICE[300:303], atol=1.5)
    refused = seqtrain("forecast", "knows", "--steps", "5")
    assert refused.exit_code == 2
    assert "`price` of `value` must be known for 5 steps after its last value" in refused.stderr


@pytest.mark.tf
def test_a_network_can_tell_series_apart(seqtrain: Seqtrain, own: Path) -> None:
    """After six zeros one goes up and the other down, which a window of six does not show."""
    up = np.tile([0.0] * 6 + [1.0, -2.0, 1.0], 25)
    noise = 0.01 * np.random.default_rng(0).normal(size=(225, 2))
    write(np.stack([up, -up], axis=1) + noise, ("up", "down"))
    keys = ("dataset.level=none", "dataset.season=1", "training.epochs=30", "model.units=16")
    keys += ("training.baselines=false",)
    for name, length in (("knows", 2), ("guesses", "null")):
        ok(seqtrain("train", own, *keys, f"dataset.series_embedding={length}", f"name={name}"))
    knows, guesses = (
        lookup.best(Path(name), Path("outputs")).metrics()["test_mase"]
        for name in ("knows", "guesses")
    )
    assert knows < 0.5 * guesses
    flat = [
        f"2010-{month:02},{value}" for month, value in enumerate([1.0, -2.0, 1.0] + [0.0] * 6, 1)
    ]
    for name in ("up", "down"):
        Path("one.csv").write_text("\n".join([f"time,{name}", *flat]))
        config = lookup.best(Path("knows"), Path("outputs")).folder / "config.yaml"
        config.write_text(
            re.sub(r"value_columns:(\n  - \w+)+", "value_columns: null", config.read_text())
        )
        rows = list(
            csv.DictReader(
                io.StringIO(ok(seqtrain("forecast", "knows", "--data", "one.csv", *CSV)))
            )
        )
        assert float(rows[0]["forecast"]) == pytest.approx(1 if name == "up" else -1, abs=0.3)


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_newer_values_lie_on_the_grid_of_the_run(seqtrain: Seqtrain) -> None:
    """Every second month by itself would be a step of two months."""
    rows = Path("own.csv").read_text().splitlines()
    Path("gaps.csv").write_text("\n".join([rows[0], *rows[-13::2]]))
    found = list(csv.DictReader(io.StringIO(ok(seqtrain("forecast", "--data", "gaps.csv", *CSV)))))
    assert [row["time"] for row in found] == ["2000-01", "2000-02", "2000-03"]
    days = [f"1999-12-{day:02},10.5" for day in range(1, 20)]
    Path("days.csv").write_text("\n".join([rows[0], *days]))
    refused = seqtrain("forecast", "--data", "days.csv")
    assert refused.exit_code == 2
    assert "days.csv:" in refused.stderr


@pytest.mark.tf
def test_newer_values_test_a_network_like_the_last_part_of_its_own(
    seqtrain: Seqtrain, trained: Run
) -> None:
    rows = Path("own.csv").read_text().splitlines()
    Path("last.csv").write_text("\n".join([rows[0], *rows[-18:]]))  # a window and the test part
    newer = json.loads(ok(seqtrain("evaluate", "own", "--data", "last.csv", "--json")))
    mine = json.loads(ok(seqtrain("evaluate", "own", "--json")))
    assert (newer["examples"], newer["trained_on"]) == (10, 0)
    for name in ("mase", "mae", "coverage", "loss"):
        assert newer[f"data_{name}"] == pytest.approx(mine[f"test_{name}"], rel=1e-6)
    assert json.loads(ok(seqtrain("evaluate", "own", "--data", "own.csv", "--json")))[
        "trained_on"
    ] == len(trained.trained_on())
    Path("short.csv").write_text("\n".join([rows[0], *rows[-8:]]))
    refused = seqtrain("evaluate", "own", "--data", "short.csv")
    assert refused.exit_code == 2
    assert "no series has the 9 steps of a window and its next values" in refused.stderr


@pytest.mark.tf
def test_known_covariates_of_the_steps_asked_for_suffice(
    seqtrain: Seqtrain, priced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forecast of 4 steps is made of two of 3, but needs the price of 4 only."""
    monkeypatch.chdir(priced)
    printed = ok(seqtrain("forecast", "knows", "--steps", "4", *CSV))
    found = [float(row["forecast"]) for row in csv.DictReader(io.StringIO(printed))]
    np.testing.assert_allclose(found, 10 + 3 * PRICE[300:], atol=2.5)
    refused = seqtrain("forecast", "knows", "--steps", "5")
    assert refused.exit_code == 2
    assert "5 steps after its last value, but only 4 are" in refused.stderr
    assert "`--steps 4`" in refused.stderr


@pytest.mark.tf
def test_the_only_series_of_a_long_table_is_known_by_its_name(
    seqtrain: Seqtrain, own: Path
) -> None:
    def long(name: str) -> Path:
        rows = write(wave(), file=f"{name}.csv").read_text().splitlines()
        named = ["shop,time,value", *(f"{name},{row}" for row in rows[1:])]
        Path(f"{name}.csv").write_text("\n".join(named))
        return Path(f"{name}.csv")

    keys = (f"dataset.path={long('north')}", "dataset.series_column=shop")
    ok(seqtrain("train", own, *keys, "training.baselines=false", "training.epochs=1"))
    ok(seqtrain("forecast", "--data", "north.csv"))
    refused = seqtrain("forecast", "--data", long("south"))
    assert refused.exit_code == 2
    assert "the network does not know the series `south`" in refused.stderr
    assert "it was trained on `north`" in refused.stderr


@pytest.mark.tf
def test_a_season_that_is_counted_in_rows_is_doubted_for_another_file(
    seqtrain: Seqtrain, own: Path
) -> None:
    write(wave(noise=0.01))
    keys = ("dataset.time_column=null", "dataset.value_columns=[value]", "dataset.season=12")
    one = ("training.baselines=false", "training.epochs=1")
    ok(seqtrain("train", own, *keys, *one, "dataset.deseasonalise=true"))
    assert "the same place of a season" not in seqtrain("forecast").stderr
    doubted = seqtrain("forecast", "--data", "own.csv")
    assert "must be at the same place of a season of 12 steps" in doubted.stderr
    ok(seqtrain("train", own, *one, "dataset.deseasonalise=true", "name=timed"))
    assert "the same place" not in seqtrain("forecast", "timed", "--data", "own.csv").stderr


def test_a_forecast_without_quantiles_has_no_loss_beside_one_that_has() -> None:
    write(wave())
    dataset = load(validation=40)
    labels = dataset.test.labels
    task = forecasting(dataset.task)
    right = np.repeat(labels["truth"][:, :, None], 3, axis=2)
    assert task.scores("test", labels, right)["test_loss"] == 0
    assert task.scores("test", labels, right[:, :, :1])["test_loss"] is None


@pytest.mark.tf
@pytest.mark.parametrize("log", [False, True])
def test_a_series_that_never_changed_counts_for_no_mase(log: bool) -> None:
    """Its error has no unit, so it neither makes an epoch look better nor a test."""
    flat = np.append(np.full(108, 5.0), np.arange(12.0) + 6)
    write(np.stack([wave(), flat], axis=1), ("wave", "flat"))
    dataset = load(validation=12, test=12, log=log)
    task = forecasting(dataset.task)
    labels = dataset.test.labels
    outputs = np.random.default_rng(0).normal(size=(len(labels), dataset.outputs))
    predictions = task.predictions(outputs, labels)
    errors = forecast_metrics.errors(task.origins(labels), predictions)
    assert (np.isnan(errors) == (labels["series"] == 1)).all()
    wanted = task.scores("test", labels, predictions)["test_mase"]
    assert np.nanmean(errors) == pytest.approx(wanted)
    (metric,) = task.keras_metrics(None)
    for rows in (slice(3), slice(3, None)):
        metric.update_state(np.asarray(task.learned(labels))[rows], outputs[rows].astype("float32"))
    assert float(metric.result()) == pytest.approx(wanted, rel=1e-5)
    naive = np.repeat(labels["truth"][:, :1, None], 3, axis=1)
    difference = task.compare(labels, predictions, naive)["difference"]
    alone = labels["series"] == 0
    only = task.compare(labels[alone], predictions[alone], naive[alone])["difference"]
    assert difference == only


def test_origins_that_are_in_no_series_are_refused() -> None:
    write(wave())
    dataset = load()
    labels, task = dataset.test.labels, forecasting(dataset.task)
    predictions = np.zeros((len(labels), 3, 3))
    task.check(labels, predictions)
    damage = {"series": [-1, 1], "level": [np.nan], "spread": [0.0, np.inf], "time": [2**50]}
    for key, values in damage.items():
        for value in values:
            damaged = labels.copy()
            damaged[key][1] = value
            with pytest.raises(ValueError, match="origins that are in no series"):
                task.check(damaged, predictions)


@pytest.mark.tf
def test_an_interval_that_holds_too_little_is_told(seqtrain: Seqtrain, own: Path) -> None:
    """Errors of the test are ten times those of validation, of which there are few."""
    values = wave(noise=0.01)
    values[108:] += np.random.default_rng(1).normal(size=12)
    write(values)
    outcome = seqtrain("train", own)
    ok(outcome)
    assert "the 90 % interval is calibrated on 4 spans of 3 steps" in outcome.stderr
    held = lookup.latest(Path("outputs")).metrics()["test_coverage"]
    assert held < 0.8
    (warning,) = forecasting(load().task).warnings({"test_coverage": held}, {}, False)
    assert f"the 90 % interval holds {100 * held:.0f} % of the test values" in warning
    assert not [*forecasting(load().task).warnings({"test_coverage": 0.85}, {}, False)]


@pytest.mark.parametrize("output", ["median", "mean", "quantiles"])
@pytest.mark.parametrize("interval", [0.8, None])
def test_each_output_has_its_interval(output: str, interval: float | None) -> None:
    write(wave())
    dataset = load(output=output, interval=interval, validation=40)
    outputs = np.random.default_rng(0).normal(size=(len(dataset.validation), dataset.outputs))
    task = forecasting(dataset.task.calibrate(dataset.validation.labels, outputs))
    assert task.levels == ((0.5,) if interval is None else (0.1, 0.5, 0.9))
    found = task.predictions(outputs, dataset.validation.labels)
    assert found.shape == (len(outputs), 3, len(task.levels))
    assert (np.diff(found, axis=2) >= 0).all()
    scores = task.scores("val", dataset.validation.labels, found)
    if interval:
        assert scores["val_coverage"] == pytest.approx(0.8, abs=0.05)
    restored = Forecasting().from_json(json.loads(json.dumps(task.to_json())))
    np.testing.assert_array_equal(restored.predictions(outputs, dataset.validation.labels), found)


@pytest.mark.parametrize("output", ["median", "quantiles"])
def test_each_series_has_an_interval_for_its_own_errors(output: str) -> None:
    """Two series of one standard deviation, of which one is far harder to forecast."""
    random = np.random.default_rng(0)
    calm = np.sin(np.arange(900) / 7) * 1.41 + random.normal(scale=0.1, size=900)
    write(np.stack([calm, random.normal(size=900)], axis=1), ("calm", "wild"))
    dataset = load(output=output, interval=0.8, validation=300, test=300, level="none")
    task = forecasting(dataset.task)

    def outputs(examples: Any) -> np.ndarray:
        """Return the truth of the calm series with noise, and 0 for the wild one."""
        truth = task.transform.standardised(examples.labels["truth"], examples.labels)
        calm = (examples.labels["series"] == 0)[:, None]
        middle = np.where(calm, truth + random.normal(scale=0.1, size=truth.shape), 0.0)
        ends = np.array([-0.5, 0.0, 0.5] if output == "quantiles" else [0.0])
        return (middle[:, :, None] + ends).reshape(len(truth), -1).astype(np.float32)

    found = task.calibrate(dataset.validation.labels, outputs(dataset.validation))
    labels = dataset.test.labels
    scores = found.evaluate("test", labels, found.predictions(outputs(dataset.test), labels))
    each = scores["test"]["series"]
    assert each["calm"]["coverage"] == pytest.approx(0.8, abs=0.08)
    assert each["wild"]["coverage"] == pytest.approx(0.8, abs=0.08)
    assert each["calm"]["width"] < 0.2 * each["wild"]["width"]
    assert found.of_series([1]).errors_of_series == found.errors_of_series[1:]
    restored = Forecasting().from_json(json.loads(json.dumps(found.to_json())))
    assert restored == found
    assert [line.split()[0] for line in found.tables(scores["test"])[1].splitlines()] == [
        *("series", "calm", "wild")
    ]


@pytest.mark.tf
def test_several_series_have_forecasts_of_their_own(seqtrain: Seqtrain, own: Path) -> None:
    write(np.stack([wave(), 100 * wave()], axis=1), ("small", "large"))
    ok(seqtrain("train", own, "training.baselines=false"))
    rows = list(csv.DictReader(io.StringIO(ok(seqtrain("forecast", "--format", "csv")))))
    assert [row["series"] for row in rows] == ["small"] * 3 + ["large"] * 3
    small, large = float(rows[0]["forecast"]), float(rows[3]["forecast"])
    assert 50 < large / small < 200
    write(wave(), ("other",), "other.csv")
    refused = seqtrain("forecast", "--data", "other.csv")
    assert refused.exit_code == 2
    assert "the network does not know the series `other`" in refused.stderr
    write(wave(), ("large",), "one.csv")
    assert seqtrain("forecast", "--data", "one.csv").exit_code == 0


@pytest.mark.tf
@pytest.mark.parametrize(("event", "call"), [soaked("on_epoch_end", 2), ("on_train_batch_end", 8)])
def test_a_forecast_that_was_cut_short_goes_on_to_the_bit(
    own: Path, monkeypatch: pytest.MonkeyPatch, event: str, call: int
) -> None:
    """In the middle of an epoch, too, of which each has 6 batches."""
    write(np.stack([wave(), 2 * wave(noise=0.3)], axis=1), ("one", "other"))
    keys = ["model.autoregressive=true", "dataset.calendar=true", "dataset.series_embedding=2"]
    keys += ["training.checkpoint_minutes=1e-9", "execution.steps_per_execution=1"]
    config = load_config(own, [*keys, "training.baselines=false", "training.batch_size=32"])
    whole, dataset = launch.prepare(config, Path("whole"), None)
    assert -(-len(dataset.train) // 32) == 6
    cut, _ = launch.prepare(config, Path("cut"), None)
    cut_short(cut, monkeypatch, event, call)
    assert not cut.finished
    assert results(go_on(cut)) == results(go_on(whole))


@pytest.mark.tf
def test_gradients_flow_through_a_network_of_several_inputs(own: Path) -> None:
    """The recomputed layers answer as the network does, so their gradients are its gradients."""
    from seqtrain.interpretation import gradient_norms
    from seqtrain.interpretation.trace import trace

    write(np.stack([wave(), 2 * wave(noise=0.3)], axis=1), ("one", "other"))
    keys = ["model.autoregressive=true", "dataset.calendar=true", "dataset.series_embedding=2"]
    config = load_config(own, keys)
    dataset = config.dataset.load(None)
    model = config.model.build(dataset)
    x, labels = inputs.rows(dataset.train.x, slice(4)), dataset.learned_split("train").labels[:4]
    assert len(x) == 3
    np.testing.assert_allclose(trace(model, x).output, model(x), rtol=1e-5, atol=1e-6)
    loss = dataset.task.keras_loss()
    found = gradient_norms.flows(model, loss, x, labels)
    assert [flow.norms.shape for flow in found] == [(dataset.shape[0],)] * len(found)
    assert all((flow.norms > 0).all() for flow in found)
    assert (gradient_norms.largest_norms(model, loss, [(x, labels)]) > 0).all()


@pytest.mark.tf
def test_what_does_not_forecast_says_so(seqtrain: Seqtrain) -> None:
    ok(seqtrain("init", "quickstart"))
    ok(seqtrain("train", "quickstart.yaml", "training.epochs=1", "training.baselines=false"))
    outcome = seqtrain("forecast")
    assert outcome.exit_code == 2
    assert "a network for classification does not forecast" in outcome.stderr
    assert "seqtrain predict" in outcome.stderr


def test_embedded_series_are_there_without_a_file() -> None:
    airline, stocks = Airline(name="airline").load(), Stocks(name="stocks").load()
    assert airline.series is not None
    assert (airline.series.values.sum(), airline.series.label(0, 143)) == (40_363.0, "1960-12")
    assert stocks.series is not None
    assert len(stocks.series.names) == 10
    ends = stocks.series.starts + stocks.series.lengths
    assert {stocks.series.grid.label(int(end) - 1) for end in ends} == {"2022-06"}
    with pytest.raises(DataError, match="there is no `GOOG`"):
        Stocks(name="stocks", symbols=("GOOG",)).load()


@pytest.mark.tf
def test_forecasts_count_windows_of_values(seqtrain: Seqtrain, own: Path, trained: Run) -> None:
    shown = ok(seqtrain("check", own, "--load"))
    assert re.search(r"^windows +\d", shown, re.MULTILINE)
    assert re.search(r"^value, mean ", shown, re.MULTILINE)
    assert re.search(r"^window +6 steps of 1 feature$", shown, re.MULTILINE)
    assert ", 10 windows" in ok(seqtrain("evaluate"))
    ok(seqtrain("report", "own", "--quick", "--to", "report.html"))
    page = Path("report.html").read_text(encoding="utf-8")
    assert "on 10 test windows" in page
    for text in (shown, page):
        assert not re.search(r"(\d|test|many) examples|label,", text.partition("<script>")[0])
    log = trained.folder.joinpath("log.txt").read_text(encoding="utf-8")
    assert "and 10 test windows" in log


@pytest.mark.tf
def test_a_table_without_intervals_says_why(seqtrain: Seqtrain, own: Path) -> None:
    trained = seqtrain("train", own, "training.epochs=1", "dataset.test=3")
    assert "no 95 % intervals: fewer than 10 horizons that do not overlap" in trained.stderr
    assert "1 test window is few to show a difference" in trained.stderr
    shown = ok(seqtrain("evaluate"))
    assert "1 window\n" in shown
    assert "no 95 % intervals: fewer than 10 horizons that do not overlap" in shown
    assert "undefined" not in shown


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_what_is_not_for_forecasts_is_told(seqtrain: Seqtrain) -> None:
    for command in (
        ("predict", "own", "a text"),
        ("predict", "own", "--data", "own.csv"),
    ):
        outcome = seqtrain(*command)
        assert outcome.exit_code == 2, command
        assert "seqtrain forecast" in outcome.stderr, command
    write(2 * wave())
    changed = seqtrain("evaluate", "own")
    assert changed.exit_code == 2
    assert "the data are not those that the run was trained on" in changed.stderr
    assert "forecast from their end: `seqtrain forecast" in changed.stderr


def test_what_fills_a_gap_is_neither_seen_too_early_nor_scored() -> None:
    """A line through a gap knows the value after it, so no forecast begins inside the gap."""
    values = wave()
    values[100:104] = np.nan
    write(values)
    dataset = load(validation=12, test=24)
    assert dataset.series is not None
    assert dataset.series.filled == 4
    labels = dataset.test.labels
    steps = labels["time"] - dataset.series.starts[0]
    assert not {*range(100, 104)} & {*steps.tolist()}
    unknown = np.isnan(labels["truth"])
    ahead = steps[:, None] + [1, 2, 3]
    np.testing.assert_array_equal(unknown, (ahead >= 100) & (ahead < 104))
    assert not unknown.all(axis=1).any()
    task = forecasting(dataset.task)
    wrong = np.repeat(np.where(unknown, 1e9, labels["truth"])[:, :, None], 3, axis=2)
    scores = task.scores("test", labels, wrong)
    assert (scores["test_mase"], scores["test_smape"], scores["test_loss"]) == (0, 0, 0)


@pytest.mark.tf
def test_a_series_with_gaps_trains_and_is_scored_where_it_is_known(
    seqtrain: Seqtrain, own: Path
) -> None:
    values = wave()
    values[[20, 21, 60, 90, 100, 113]] = np.nan
    write(values)
    ok(seqtrain("train", own, "model.autoregressive=true"))
    run = lookup.latest(Path("outputs"))
    kept, history = run.metrics(), run.history()
    assert all(np.isfinite(row["loss"]) and np.isfinite(row["val_mase"]) for row in history)
    assert np.isfinite([kept["test_mase"], kept["test_coverage"], kept["test_smape"]]).all()
    labels, predictions = run.predictions()
    off = np.abs(labels["truth"] - predictions[:, :, 1])
    assert kept["test_mae"] == pytest.approx(np.nanmean(off))
    ok(seqtrain("evaluate"))
