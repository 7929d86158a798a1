"""Regression from the config to the predictions, on sequences whose label is their sum."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.config import load_config
from seqtrain.display.numbers import readable
from seqtrain.evaluation import regression_metrics
from seqtrain.runs.run import Run
from seqtrain.training import launch
from tests.conftest import Outcome, drawing
from tests.cutting import cut_short, go_on, results

pytestmark = pytest.mark.tf

Seqtrain = Callable[..., Outcome]
CONFIG = """
name: sums
dataset: {{name: arrays, path: {path}, task: regression}}
model: {{name: gru, units: 12}}
training: {{epochs: 12, batch_size: 16, learning_rate: 2e-2}}
execution: {{steps_per_execution: 1}}
"""
MEAN, DEVIATION = 50_000, 3_000  # so large that a network without scaling would learn nothing


def write_sums(
    file: Path, number: int = 400, mean: float = MEAN, std: float = DEVIATION
) -> np.ndarray:
    """Write sequences of 5 steps, and their sums, scaled; return these."""
    x = np.random.default_rng(0).normal(size=(number, 5)).astype(np.float32)
    labels: np.ndarray = mean + std * x.sum(axis=1, dtype=np.float64)
    np.savez(file, x=x, y=labels)
    return labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and a config."""
    folder = tmp_path_factory.mktemp("sums")
    write_sums(folder / "sums.npz")
    (folder / "sums.yaml").write_text(CONFIG.format(path=folder / "sums.npz"))
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    with drawing():
        return trained(folder)


def trained(folder: Path, *overrides: str) -> Run:
    return go_on(prepared(folder, *overrides))


def prepared(folder: Path, *overrides: str) -> Run:
    checked = load_config(folder / "sums.yaml", overrides)
    return launch.prepare(checked, folder / "outputs", None)[0]


def test_the_network_learns_labels_of_any_size(run: Run) -> None:
    found = run.metrics()
    assert found["test_r2"] > 0.8
    assert found["test_mae"] < 0.5 * DEVIATION * np.sqrt(5)


def test_metrics_agree_with_the_predictions(run: Run) -> None:
    labels, predictions = run.predictions()
    assert (labels.dtype, predictions.dtype) == (np.float64, np.float64)
    assert labels.shape == predictions.shape == (80,)
    found = run.metrics()
    errors = predictions.astype(float) - labels
    assert found["test_mae"] == pytest.approx(np.abs(errors).mean())
    assert found["test_rmse"] == pytest.approx(np.sqrt(np.square(errors).mean()))
    assert found["test_loss"] == pytest.approx(
        np.square(errors / run.fitted_task.target.std).mean()  # type: ignore[union-attr]
    )
    assert found["last_epoch"]["test_mae"] > 0


def test_the_history_has_the_error_beside_the_loss(run: Run) -> None:
    header = (run.folder / "history.csv").read_text().splitlines()[0]
    assert header == "epoch,loss,mae,val_loss,val_mae,learning_rate"


def test_the_history_says_of_the_best_model_what_its_predictions_say(run: Run) -> None:
    dataset = run.config.dataset.load()
    from seqtrain.inference.network import load_model, predictions

    said = predictions(load_model(run), dataset.validation, dataset.task)
    scores = regression_metrics.scores("val", dataset.validation.labels, said, dataset.task.target)
    best = run.history()[run.best_epoch() - 1]
    for name in ("val_loss", "val_mae"):
        assert scores[name] == pytest.approx(best[name], rel=1e-4)
        assert run.metrics()[name] == best[name]


def test_a_run_has_the_files_of_its_task(run: Run) -> None:
    assert {file.stem for file in run.plots.iterdir()} == (
        {"loss", "mae", "learning_rate", "predicted", "residuals"}
    )
    assert not run.has("classes.json")
    target = json.loads((run.folder / "target.json").read_text())
    assert target["mean"] == pytest.approx(MEAN, abs=1000)


def test_the_saved_model_answers_in_the_units_of_the_labels(run: Run) -> None:
    import keras

    model = keras.models.load_model(run.model_file, compile=False)
    said = np.asarray(model(run.config.dataset.load().test.x))[:, 0]
    np.testing.assert_allclose(said, run.predictions()[1], rtol=1e-5)


def test_unix_seconds_are_learned_and_judged_by_what_was_written(
    folder: Path, seqtrain: Seqtrain
) -> None:
    written = write_sums(folder / "seconds.npz", 200, mean=1.7e9, std=5)
    run = trained(folder, f"dataset.path={folder / 'seconds.npz'}", "training.epochs=25")
    truths, predictions = run.predictions()
    assert {*truths.tolist()} < {*written.tolist()}  # to the last digit
    found = run.metrics()
    assert found["test_mae"] == pytest.approx(np.abs(predictions - truths).mean())
    assert 0.01 < found["test_mae"] < 0.5 * np.abs(truths - truths.mean()).mean()
    best = run.history()[run.best_epoch() - 1]
    assert best["val_mae"] < 0.5 * truths.std()
    again = json.loads(seqtrain("evaluate", run.folder, "--json").stdout)
    assert again["test_mae"] == pytest.approx(found["test_mae"], rel=1e-4)
    new = json.loads(
        seqtrain("evaluate", run.folder, "--data", folder / "seconds.npz", "--json").stdout
    )
    assert new["data_mae"] == pytest.approx(found["test_mae"], rel=0.5)
    row = (run.folder / "mistakes.csv").read_text().splitlines()[1].split(",")
    assert float(row[2]) - float(row[1]) == pytest.approx(float(row[3]), rel=1e-3)


def test_a_network_that_has_not_learned_days_does_not_seem_right(folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    days = 20_240_501 + np.arange(100) % 3  # which float32 makes two
    np.savez(folder / "days.npz", x=x, y=days)
    few = ("training.epochs=1", "training.learning_rate=1e-6")
    run = trained(folder, f"dataset.path={folder / 'days.npz'}", *few)
    assert np.array_equal(np.unique(run.predictions()[0]), np.unique(days))
    assert run.metrics()["test_mae"] > 0.4
    assert not run.metrics()["verdict"]["learned"]


def test_evaluate_says_what_the_training_said(run: Run, seqtrain: Seqtrain) -> None:
    found = json.loads(seqtrain("evaluate", run.folder, "--json").stdout)
    for name in ("test_loss", "test_mae", "test_rmse", "test_r2"):
        assert found[name] == pytest.approx(run.metrics()[name], rel=1e-5)


def test_evaluate_prints_the_scores_and_the_sizes_of_errors(run: Run, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("evaluate", run.folder)
    for word in ("mae", "rmse", "r2", "of the answers are off"):
        assert word in outcome.stdout
    assert "class" not in outcome.stdout


def test_other_labelled_numbers_can_be_judged(run: Run, seqtrain: Seqtrain) -> None:
    write_sums(Path("sums.npz"), 30)
    found = json.loads(seqtrain("evaluate", run.folder, "--data", "sums.npz", "--json").stdout)
    assert found["examples"] == 30
    assert 0 < found["data_mae"] < DEVIATION * 2


@pytest.mark.parametrize(
    ("form", "begin"),
    [("table", "example  prediction\n"), ("csv", "example,prediction\n1,"), ("jsonl", '{"exam')],
)
def test_predict_prints_numbers(form: str, begin: str, run: Run, seqtrain: Seqtrain) -> None:
    np.savez("new.npz", x=np.zeros((2, 5)))
    outcome = seqtrain("predict", run.folder, "--data", "new.npz", "--format", form)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(begin)
    assert len(outcome.stdout.splitlines()) == 2 + (form != "jsonl")


def test_runs_of_both_tasks_are_listed_with_their_main_score(run: Run, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("list", "runs", "--output", run.folder.parent.parent)
    assert "test score" in outcome.stdout
    assert f"mae {readable(run.metrics()['test_mae'])}" in outcome.stdout


def test_a_run_without_its_scale_says_so(run: Run, tmp_path: Path, seqtrain: Seqtrain) -> None:
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    (copy / "target.json").unlink()
    outcome = seqtrain("evaluate", copy)
    assert outcome.exit_code == 2
    assert "has no target.json" in outcome.stderr


def test_a_run_that_was_cut_short_is_resumed_to_the_bit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("training.epochs=2", "training.monitor=val_mae", "training.checkpoint_minutes=1e-9")
    few += ("training.baselines=false",)
    cut = prepared(folder, *few)
    cut_short(cut, monkeypatch, "on_train_batch_end", 5)
    assert results(go_on(cut)) == results(trained(folder, *few))


def test_early_stopping_looks_at_the_error(folder: Path) -> None:
    stopping = ("training.early_stopping={patience: 1}", "training.monitor=val_mae")
    stopping += ("training.baselines=false",)
    run = trained(folder, "training.epochs=40", "training.learning_rate=0.5", *stopping)
    assert len(run.history()) == run.best_epoch() + 1 < 40


def test_check_tells_the_range_of_the_labels(folder: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("check", folder / "sums.yaml", "--load")
    assert outcome.exit_code == 0, outcome.stderr
    for word in ("label, least", "label, mean", "label, std", "label, largest"):
        assert word in outcome.stdout
    assert "class" not in outcome.stdout


def test_an_explained_number_stands_in_the_report(run: Run, seqtrain: Seqtrain) -> None:
    assert seqtrain("explain", run.folder, "--example", 1).exit_code == 0
    assert seqtrain("report", run.folder, "--to", "page.html").exit_code == 0
    assert "The prediction is <b>" in Path("page.html").read_text(encoding="utf-8")
