"""The whole act of training, on real digits and a few small tasks."""

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from seqtrain.backend import execution
from seqtrain.cli.console import progress
from seqtrain.config import Optimizer, load_config
from seqtrain.errors import ConfigError, TrainingError
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.training import launch, loop
from tests.conftest import REPOSITORY, Outcome, drawing
from tests.cutting import labels_taken
from tests.factories.trained import FEW, QUICKSTART, train

pytestmark = pytest.mark.tf

CONFIG_RNN = REPOSITORY / "configs" / "mnist_rnn.yaml"
PARTS = ("train", "test")


def weights(run: Run) -> list[np.ndarray]:
    import keras

    return [np.asarray(w) for w in keras.models.load_model(run.model_file).get_weights()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with drawing():
        return train(tmp_path_factory.mktemp("outputs"))


def interrupter(epoch: int) -> Any:
    """A callback that acts as Ctrl-C in the middle of an epoch, counted from 1."""
    import keras

    class Interrupter(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, number: int, logs: Any = None) -> None:
            self.epoch = number + 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.epoch == epoch:
                raise KeyboardInterrupt

    return Interrupter()


def test_a_run_has_every_file(run: Run) -> None:
    files = {str(file.relative_to(run.folder)) for file in run.folder.rglob("*") if file.is_file()}
    checkpoints = {f"checkpoint/{file.name}" for file in run.checkpoints.files()}
    assert len(checkpoints) == 2
    assert files - checkpoints == {
        "classes.json",
        "config.yaml",
        "environment.json",
        "history.csv",
        "log.txt",
        "metrics.json",
        "mistakes.csv",
        "model.keras",
        "plots/accuracy.png",
        "plots/calibration.png",
        "plots/confusion_matrix.png",
        "plots/learning_rate.png",
        "plots/loss.png",
        "predictions.npz",
        "summary.txt",
        "timing.csv",
        "trained_on.npz",
    }


def test_metrics_are_written_last_but_for_pictures(run: Run) -> None:
    times = {file: file.stat().st_mtime_ns for file in run.folder.glob("*") if file.is_file()}
    del times[run.folder / "log.txt"]
    assert max(times, key=times.__getitem__).name == "metrics.json"


def test_the_history_has_the_columns_that_tools_expect(run: Run) -> None:
    header = (run.folder / "history.csv").read_text().splitlines()[0]
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate"
    assert [row["epoch"] for row in run.history()] == [1, 2]


def test_the_resolved_config_names_no_auto(run: Run) -> None:
    assert ": auto" not in (run.folder / "config.yaml").read_text()


def test_the_environment_says_what_the_run_depended_on(run: Run) -> None:
    environment = run.environment()
    assert environment["packages"]["keras"].startswith("3.")
    assert environment["cores"] >= 1
    assert len(environment["data"]["sha256"]) == 64


def test_metrics_agree_with_the_predictions(run: Run) -> None:
    labels, probabilities = run.predictions()
    found = run.metrics()
    assert found["test_accuracy"] == pytest.approx((probabilities.argmax(1) == labels).mean())
    assert np.sum(found["test"]["confusion_matrix"]) == len(labels) == 359
    assert found["val_loss"] == run.history()[found["best_epoch"] - 1]["val_loss"]


def test_the_same_config_gives_the_same_run_to_the_bit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each epoch takes its batches in its own random order."""
    taken = labels_taken(monkeypatch)
    again = train(tmp_path)
    labels = load_config(QUICKSTART, [*FEW]).dataset.load().train.labels
    assert set(taken) == {1, 2}
    for epoch, found in taken.items():
        assert found == labels[np.random.default_rng([0, epoch]).permutation(200)].tolist()
    for name in ("history.csv", "metrics.json", "summary.txt"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()
    np.testing.assert_array_equal(again.predictions()[1], run.predictions()[1])
    for first, second in zip(weights(run), weights(again), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_resolved_config_repeats_the_run(run: Run, tmp_path: Path) -> None:
    again = train(tmp_path, config=run.folder / "config.yaml")
    assert again.history() == run.history()


def test_another_seed_gives_another_run_on_the_same_split(run: Run, tmp_path: Path) -> None:
    other = train(tmp_path, "seed=1")
    assert other.history() != run.history()
    np.testing.assert_array_equal(other.predictions()[0], run.predictions()[0])


@pytest.mark.parametrize(
    ("backend", "units", "alone"),
    [("tensorflow", 8, True), ("tensorflow", 600, False), ("jax", 8, True), ("jax", 64, False)],
)
def test_small_steps_are_not_split_among_threads(
    backend: str, units: int, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "cores", lambda: 6)
    keys = [f"execution.backend={backend}", f"model.units={units}"]
    config = load_config(QUICKSTART, keys)
    monkeypatch.setattr(execution, "find_spec", lambda name: True)
    found = execution.resolve(config, config.dataset.load()).execution.threads
    assert found == (1 if alone else 6)


def test_tensorflow_is_told_how_many_threads_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    told: list[int] = []
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", told.append)
    config = load_config(QUICKSTART, ["execution.threads=3"])
    execution.start(execution.resolve(config, config.dataset.load()).execution, 0)
    assert told == [3]


def test_xla_is_refused_where_keras_would_go_on_without(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no XLA while") as caught:
        train(tmp_path, "execution.jit_compile=true")
    assert "execution.deterministic=false" in str(caught.value.hint)


def test_unrolling_is_refused_where_batches_are_cut_to_their_longest_example() -> None:
    keys = ["execution.unroll=true", "execution.backend=tensorflow"]
    phrases = load_config(REPOSITORY / "configs" / "phrases_lstm.yaml", keys)
    with pytest.raises(ConfigError, match="steps cannot be written out"):
        execution.resolve(phrases, phrases.dataset.load())
    before = phrases.model_copy(
        update={"dataset": phrases.dataset.model_copy(update={"padding": "pre"})}
    )
    assert execution.resolve(before, before.dataset.load()).execution.unroll is True


def test_steps_per_execution_changes_no_result(tmp_path: Path) -> None:
    one, many = (
        train(tmp_path, f"execution.steps_per_execution={n}", "model.name=rnn") for n in (1, 4)
    )
    for first, second in zip(one.history(), many.history(), strict=True):
        assert first == pytest.approx(second, rel=1e-5)


def test_the_network_learns(tmp_path: Path) -> None:
    run = train(tmp_path, "training.epochs=15", "model.units=32", "dataset.limit=null")
    assert run.metrics()["test_accuracy"] > 0.85


def test_the_last_epoch_stands_beside_the_best(tmp_path: Path) -> None:
    """The last epoch is made the worst: its weights change their sign before validation."""
    import keras

    class Spoiler(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.last = epoch == 2

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.last:
                self.model.set_weights([-weight for weight in self.model.get_weights()])

    run = train(tmp_path, "training.epochs=3", callbacks=[Spoiler()])
    found = run.metrics()
    assert found["best_epoch"] == run.best_epoch() == 2
    assert found["last_epoch"]["epoch"] == 3
    assert found["last_epoch"]["test_loss"] > found["test_loss"]


def test_early_stopping_ends_after_patience_epochs_without_improvement(tmp_path: Path) -> None:
    stopping = "training.early_stopping={patience: 2}"
    run = train(tmp_path, "training.epochs=40", "training.learning_rate=0.3", stopping)
    assert len(run.history()) == run.best_epoch() + 2
    reason = "stopped early: val_loss has not improved for 2 epochs"
    assert reason in (run.folder / "log.txt").read_text()


def test_an_early_stop_by_accuracy_says_that_the_loss_breaks_ties() -> None:
    keys = ["training.monitor=val_accuracy", "training.early_stopping={patience: 5}"]
    reason = loop.stopping_reason(load_config(QUICKSTART, keys))
    assert (
        reason == "val_accuracy, and at equal val_accuracy val_loss, has not improved for 5 epochs"
    )


def test_the_plateau_schedule_halves_the_learning_rate(tmp_path: Path) -> None:
    run = train(
        tmp_path, "training.epochs=10", "training.learning_rate=3.0", "training.schedule=plateau"
    )
    rates = [row["learning_rate"] for row in run.history()]
    assert rates[0] == pytest.approx(3.0)
    assert min(rates) < 1.6
    assert {round(b / a, 3) for a, b in zip(rates, rates[1:], strict=False)} <= {1.0, 0.5}


def test_a_training_that_diverges_ends_with_a_sentence(tmp_path: Path) -> None:
    wild = ("training.learning_rate=1e9", "model.activation=linear", "model.name=rnn")
    with pytest.raises(TrainingError, match="in epoch 1: the training diverged") as raised:
        train(tmp_path, *wild)
    run = lookup.best(Path(raised.value.__notes__[0]))
    assert not run.finished
    assert not run.model_file.exists()


def test_ctrl_c_keeps_history_plots_and_the_best_model(
    tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    with drawing(), pytest.raises(KeyboardInterrupt) as raised:
        train(tmp_path, "training.epochs=5", callbacks=[interrupter(epoch=3)])
    run = lookup.best(Path(raised.value.__notes__[0]))
    assert len(run.history()) == 2
    assert run.model_file.exists()
    assert {file.stem for file in run.plots.iterdir()} == {"loss", "accuracy", "learning_rate"}
    assert not run.finished
    outcome = seqtrain("evaluate", run.folder)
    assert outcome.exit_code == 0
    assert "unfinished: the best model so far" in outcome.stdout
    assert not run.finished


def test_ctrl_c_in_the_first_epoch_keeps_the_model_so_far(
    tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    with pytest.raises(KeyboardInterrupt) as raised:
        train(tmp_path, callbacks=[interrupter(epoch=1)])
    run = lookup.best(Path(raised.value.__notes__[0]))
    assert run.model_file.exists()
    assert "unfinished" in seqtrain("evaluate", run.folder).stdout


def test_ctrl_c_before_the_first_step_keeps_no_model(
    tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    import keras

    class Interrupter(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        train(tmp_path, callbacks=[Interrupter()])
    folder = raised.value.__notes__[0]
    outcome = seqtrain("evaluate", folder)
    assert outcome.exit_code == 2
    assert "has no model.keras: it has not got so far" in outcome.stderr


def deleter(folder: Path) -> Any:
    """A callback that deletes a folder in the second epoch."""
    import shutil

    import keras

    class Deleter(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                shutil.rmtree(folder)

    return Deleter()


def test_a_run_that_is_deleted_while_it_trains_is_not_made_again(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    with pytest.raises(TrainingError, match="was deleted while it trained"):
        train(outputs, callbacks=[deleter(outputs / "quickstart")])
    assert list(outputs.iterdir()) == []


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_only_on_jax_callbacks_get_the_loss_late(backend: str, tmp_path: Path) -> None:
    import keras

    from seqtrain.training.callbacks import WithoutWaiting

    given: dict[str, Any] = {}

    class Saver(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.epoch = self.batch = 0
            self.stopped = False
            self.set_model(SimpleNamespace(fit=lambda *args, **keys: given.update(keys)))

    checked = load_config(QUICKSTART, [*FEW, f"execution.backend={backend}"])
    dataset = checked.dataset.load()
    config = execution.resolve(checked, dataset)
    loop.fit(config, dataset, [], Saver(), Run.create(tmp_path, config))
    called = given["callbacks"]
    assert isinstance(called, WithoutWaiting) == (backend == "jax")
    if backend == "jax":
        batches = math.ceil(len(dataset.train) / config.training.batch_size)
        params = called.callbacks[0].params
        assert (params["steps"], params["epochs"]) == (batches, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", get_args(Optimizer))
def test_every_optimizer_trains(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one step without a graph, which takes long to build and which only our loops need."""
    monkeypatch.setattr(execution, "accelerate", lambda model: None)
    checked = load_config(QUICKSTART, [*FEW, "model.name=rnn", f"training.optimizer={name}"])
    dataset = checked.dataset.load()
    config = execution.resolve(checked, dataset)
    execution.start(config.execution, config.seed)
    model = loop.compiled(config, dataset)
    model.run_eagerly = True
    before = model.get_weights()
    model.train_on_batch(dataset.train.x[:32], dataset.train.labels[:32])
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from dataclasses import replace

    from sklearn.utils.class_weight import compute_class_weight

    config = load_config(QUICKSTART, ["training.class_weight=balanced"])
    dataset = config.dataset.load()
    few = dataset.train.take(
        np.flatnonzero((dataset.train.labels != 3) | (dataset.train.x[:, 0, 4] > 0.9))
    )
    expected = compute_class_weight("balanced", classes=np.arange(10), y=few.labels)
    found = loop.class_weight(config, replace(dataset, train=few))
    assert found is not None
    np.testing.assert_allclose(list(found.values()), expected)
    assert loop.class_weight(load_config(QUICKSTART), dataset) is None


def test_evaluate_says_what_the_training_said(run: Run, seqtrain: Callable[..., Outcome]) -> None:
    before = {file: file.stat().st_mtime_ns for file in run.folder.rglob("*")}
    outcome = seqtrain("evaluate", run.folder, "--json")
    found = json.loads(outcome.stdout)
    assert outcome.exit_code == 0
    for name in ("loss", "accuracy"):
        name = f"test_{name}"
        assert found[name] == pytest.approx(run.metrics()[name], abs=1e-6)
    assert {file: file.stat().st_mtime_ns for file in run.folder.rglob("*")} == before


def mnist_file(folder: Path, seed: int = 0) -> Path:
    """Write a small file of MNIST's form."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    arrays = {f"x_{part}": random.integers(0, 256, (40, 28, 28), np.uint8) for part in PARTS}
    np.savez(folder / "mnist.npz", **arrays, y_train=np.arange(40) % 10, y_test=np.arange(40) % 10)
    return folder / "mnist.npz"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on a file that `--data-dir` found."""
    folder = tmp_path_factory.mktemp("mnist")
    mnist_file(folder / "data")
    few = ("training.epochs=1", "dataset.limit=20", "model.units=4", "execution.unroll=false")
    config = load_config(CONFIG_RNN, [*few, "training.baselines=false"])
    run, dataset = launch.prepare(config, folder / "outputs", folder / "data")
    launch.train(run, dataset, progress)
    return folder


@pytest.fixture
def mnist_run(shared: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    folder = lookup.latest(tmp_path / "outputs").folder
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace(str(shared), str(tmp_path)))
    return folder


def test_a_run_s_config_finds_its_data_again(
    mnist_run: Path, tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    assert lookup.best(mnist_run).config.dataset.path == str(tmp_path / "data" / "mnist.npz")  # type: ignore[attr-defined]
    outcome = seqtrain("train", mnist_run / "config.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    again = lookup.best(Path(outcome.stdout.splitlines()[-1]))
    assert again.history() == lookup.best(mnist_run).history()


def test_evaluate_finds_data_that_were_moved(
    mnist_run: Path, tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    expected = lookup.best(mnist_run).metrics()["test_loss"]
    (tmp_path / "data").rename(tmp_path / "moved")
    gone = seqtrain("evaluate", mnist_run)
    assert gone.exit_code == 2
    outcome = seqtrain("evaluate", mnist_run, "--data-dir", tmp_path / "moved", "--json")
    found = json.loads(outcome.stdout)
    assert found["test_loss"] == pytest.approx(expected, abs=1e-6)
    assert found["same_data"] is True
    assert found["source"] == str(tmp_path / "moved" / "mnist.npz")


def test_evaluate_on_other_data_says_so(
    mnist_run: Path, tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    mnist_file(tmp_path / "other", seed=1)
    outcome = seqtrain("evaluate", mnist_run, "--data-dir", tmp_path / "other")
    assert outcome.exit_code == 0
    assert "other data than it was trained on" in outcome.stdout
    assert "warning: the data are not those that the run was trained on" in outcome.stderr


def test_evaluate_judges_by_other_splits(run: Run, seqtrain: Callable[..., Outcome]) -> None:
    outcome = seqtrain("evaluate", run.folder, "--split", "validation", "--json")
    found = json.loads(outcome.stdout)
    best = run.history()[run.best_epoch() - 1]
    assert found["val_loss"] == pytest.approx(best["val_loss"], abs=1e-5)
    assert found["examples"] == 144


def test_evaluate_prints_a_table(run: Run, seqtrain: Callable[..., Outcome]) -> None:
    outcome = seqtrain("evaluate", run.folder)
    for word in ("accuracy", "precision", "recall", "f1", "support", "true \\ predicted"):
        assert word in outcome.stdout
    assert "optimistic" not in outcome.stdout


def test_a_damaged_model_is_one_clear_error(
    run: Run, tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    broken = Run(shutil.copytree(run.folder, tmp_path / "run"))
    broken.model_file.write_bytes(broken.model_file.read_bytes()[:1000])
    outcome = seqtrain("evaluate", broken.folder)
    assert outcome.exit_code == 2
    assert "cannot be opened" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_command_calls_what_was_chosen_on_test_optimistic_everywhere(
    tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    outcome = seqtrain(
        "train", QUICKSTART, *FEW, "dataset.validation=test", "--output", tmp_path / "runs"
    )
    assert outcome.exit_code == 0
    assert outcome.stderr.count("epoch ") >= 2
    assert "test accuracy" in outcome.stderr
    assert "optimistic" in outcome.stderr
    folder = outcome.stdout.splitlines()[-1]
    assert lookup.best(Path(folder)).metrics()["optimistic"] is True
    assert "optimistic" in seqtrain("evaluate", folder).stdout
    assert "optimistic" in seqtrain("list", "runs", "--output", tmp_path / "runs").stdout


def test_without_a_run_named_the_newest_counts(run: Run, seqtrain: Callable[..., Outcome]) -> None:
    outputs = Path("outputs") / "quickstart"
    for day in (1, 2):
        shutil.copytree(run.folder, outputs / f"2026010{day}T000000Z-0000")
    newest = outputs / "20260102T000000Z-0000"
    assert json.loads(seqtrain("evaluate", "--json").stdout)["run"] == str(newest)
    assert seqtrain("plot").stdout.startswith(str(newest))


@pytest.mark.slow
def test_the_saved_model_opens_and_predicts_without_seqtrain(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it runs, none of its modules can be imported."""
    import keras

    x, expected = run.config.dataset.load().test.x, run.predictions()[1]
    for name in [name for name in sys.modules if name.partition(".")[0] == "seqtrain"]:
        monkeypatch.setitem(sys.modules, name, None)
    found = keras.models.load_model(run.model_file).predict(x, verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
