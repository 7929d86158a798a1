"""A resumed run is bit-identical to an uninterrupted one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqtrain.backend import environment, execution
from seqtrain.errors import DataError, RunError, Terminated
from seqtrain.inference import network
from seqtrain.runs import lookup, run_data
from seqtrain.runs.checkpoints import Checkpoint, Checkpoints
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY
from tests.cutting import (
    QUICKSTART,
    RNN,
    Killed,
    cut_short,
    go_on,
    labels_taken,
    results,
    start,
    uninterrupted,
)
from tests.factories.once import made_once

pytestmark = pytest.mark.tf

Patch = pytest.MonkeyPatch
STOPPING = "training.early_stopping={patience: 1}"
# Both wait in the second epoch, and have had enough in the third.
DEMANDING = "training.early_stopping={patience: 2, min_delta: 1.0}"
PLATEAU = "training.schedule=plateau"
NADAM, BALANCED = "training.optimizer=nadam", "training.class_weight=balanced"
PHRASES = REPOSITORY / "configs" / "phrases_lstm.yaml"
OWN_LOOPS = "model.recurrent_dropout=0.0"  # which seqtrain's loops do not know
BY_LENGTH = (
    OWN_LOOPS,
    *("model.embedding_dim=4", "training.bucket_by_length=true", "training.epochs=2"),
    "dataset.max_length=8",
    *("dataset.train_pairs=200", "dataset.test_pairs=50"),
)
WIDE = (
    *BY_LENGTH,
    *("model.wide=true", "model.token_dropout=0.3", "model.pooling=max"),
    "training.weight_averaging=0.9",
    *(BALANCED, "training.monitor=val_macro_f1", PLATEAU, "training.early_stopping.patience=2"),
)
# What each case has besides dropout and, in most, recurrent dropout; the batch after which it dies.
CASES: dict[str, tuple[list[str], int]] = {
    "rnn": (["training.schedule=exponential", "execution.steps_per_execution=3"], 4),
    "rnn unrolled": ([*RNN, "model.units=[4, 4]"], 6),
    "lstm": ([OWN_LOOPS, DEMANDING, "training.learning_rate=0.3", "training.optimizer=adamw"], 9),
    "gru": ([PLATEAU, "training.learning_rate=100.0", "training.monitor=val_accuracy"], 9),
    "birnn": (["training.schedule=cosine", "training.warmup_epochs=1.5", NADAM, BALANCED], 7),
    "bigru": ([OWN_LOOPS, "training.monitor=val_accuracy", "model.pooling=mean"], 2),
}
ALWAYS = ("lstm", "bigru")  # the others in `make soak`
soak = pytest.mark.soak


@pytest.mark.parametrize(
    "case",
    [case if case in ALWAYS else pytest.param(case, marks=soak) for case in CASES],
)
def test_a_resumed_run_equals_an_uninterrupted_one(
    case: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    overrides, call = CASES[case]
    overrides = [f"model.name={case.partition(' ')[0]}", *overrides]
    whole = go_on(start(tmp_path, *overrides))
    cut = start(tmp_path, *overrides)
    cut_short(cut, monkeypatch, "on_train_batch_end", call)
    assert not cut.finished
    assert results(go_on(cut)) == results(whole)
    if PLATEAU in overrides:
        assert len({row["learning_rate"] for row in whole.history()}) > 1
    if DEMANDING in overrides:
        assert len(whole.history()) == 3 < whole.config.training.epochs


@soak
def test_batches_of_like_length_are_resumed_to_the_bit(tmp_path: Path, monkeypatch: Patch) -> None:
    """Cut with 3, 2 and 1 batches left; with a linear model, in `make test` too."""
    whole = go_on(start(tmp_path, *BY_LENGTH, config=PHRASES))
    cut = start(tmp_path, *BY_LENGTH, config=PHRASES)
    for _ in range(2):
        cut_short(cut, monkeypatch, "on_train_batch_end", 1)
    cut_short(cut, monkeypatch, "on_train_batch_end", 5)
    assert results(go_on(cut)) == results(whole)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run of a network with a linear model."""
    folder = made_once(
        tmp_path_factory, "wide", lambda folder: go_on(start(folder, *WIDE, config=PHRASES))
    )
    return lookup.latest(folder)


def test_a_network_with_a_linear_model_is_resumed_to_the_bit(
    wide: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    """Interrupted in the first epoch, and again when only the evaluation is left."""
    cut = start(tmp_path, *WIDE, config=PHRASES)
    cut_short(cut, monkeypatch, "on_train_batch_end", 1)
    cut_short(cut, monkeypatch, "on_train_end", 1)
    assert results(go_on(cut)) == results(wide)
    assert "val_macro_f1" in wide.history()[0]


def test_the_average_of_the_weights_is_validated_and_saved(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    """And the training goes on with the weights that it had reached."""
    run = start(tmp_path, *RNN, "training.weight_averaging=0.75", "training.epochs=2")
    execution.start(run.config.execution, run.config.seed)
    from seqtrain.training.checkpointing import SaveCheckpoints

    steps: list[list[np.ndarray]] = []
    saving = SaveCheckpoints.on_train_batch_end

    def recording(self: Any, *given: Any, **named: Any) -> None:
        steps.append([np.array(weight) for weight in self.model.trainable_variables])
        saving(self, *given, **named)

    monkeypatch.setattr(SaveCheckpoints, "on_train_batch_end", recording)
    run = go_on(run)
    best, averages = run.metrics()["best_epoch"], steps[0]
    for step in steps[1 : 4 * best]:
        averages = [0.75 * mean + 0.25 * one for mean, one in zip(averages, step, strict=True)]
    model = network.load_model(run)
    for weight, mean in zip(model.trainable_variables, averages, strict=True):
        np.testing.assert_allclose(weight, mean, rtol=1e-5, atol=1e-7)
    found = network.evaluate(run, "validation")["val_loss"]
    assert found == pytest.approx(run.history()[best - 1]["val_loss"], rel=1e-5)
    last = run.checkpoints.newest()
    assert last is not None
    kept = [value for name, value in last.variables.items() if name.startswith("trainable/")]
    assert all(np.array_equal(*pair) for pair in zip(kept, steps[-1], strict=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run of 4 epochs."""
    return uninterrupted(tmp_path_factory)


@pytest.mark.parametrize(
    ("name", "call", "before"),
    [
        pytest.param("on_epoch_begin", 1, True, marks=soak),
        pytest.param("on_train_batch_end", 4, False, marks=soak),
        ("on_epoch_end", 2, True),
        ("on_epoch_end", 4, True),
        ("on_train_end", 1, False),
    ],
)
def test_a_run_can_die_at_any_moment(
    name: str, call: int, before: bool, whole: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    cut = start(tmp_path, *RNN)
    cut_short(cut, monkeypatch, name, call, before)
    assert results(go_on(cut)) == results(whole)


def test_a_run_can_die_again_and_again(whole: Run, tmp_path: Path, monkeypatch: Patch) -> None:
    cut = start(tmp_path, *RNN)
    for call in (1, 6):
        cut_short(cut, monkeypatch, "on_train_batch_end", call)
    assert results(go_on(cut)) == results(whole)


def test_no_batch_is_trained_twice_or_left_out(
    whole: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    cut = start(tmp_path, *RNN)
    cut_short(cut, monkeypatch, "on_train_batch_end", 6)
    taken = labels_taken(monkeypatch)
    go_on(cut)
    labels = cut.config.dataset.load().train.labels
    assert set(taken) == {2, 3, 4}
    for epoch, found in taken.items():
        drawn = labels[np.random.default_rng([0, epoch]).permutation(100)]
        assert found == drawn[64 if epoch == 2 else 0 :].tolist()


def test_more_epochs_are_as_if_asked_for_from_the_start(whole: Run, tmp_path: Path) -> None:
    run = go_on(start(tmp_path, *RNN, "training.epochs=2"))
    assert run.finished
    assert results(go_on(run, epochs=4)) == results(whole)
    assert Run(run.folder).config == whole.config


def test_a_training_that_stopped_early_stays_stopped(tmp_path: Path, caplog: Any) -> None:
    stopping = (STOPPING, "training.learning_rate=0.3", "training.epochs=30", *RNN)
    run = go_on(start(tmp_path, *stopping))
    before, epochs = results(run), len(run.history())
    assert epochs < 30
    with caplog.at_level("INFO", "seqtrain"):
        assert results(go_on(run)) == before
    assert "stopped early: val_loss has not improved for 1 epochs" in caplog.text


@pytest.mark.parametrize("last", [False, True])
def test_a_training_that_stopped_early_is_not_extended(
    last: bool, tmp_path: Path, seqtrain: Any
) -> None:
    patience = "training.early_stopping={patience: 2, min_delta: 1.0}"
    run = go_on(start(tmp_path, patience, f"training.epochs={3 if last else 30}", *RNN))
    assert len(run.history()) == 3
    (advice,) = run.metrics()["verdict"]["advice"] or run.metrics()["verdict"]["causes"][-1:]
    assert "resume" not in advice
    before = contents(run)
    outcome = seqtrain("resume", run.folder, "--epochs", 40)
    assert outcome.exit_code == 2
    assert f"early stopping has ended the run `{run.folder}` after 3 epochs" in outcome.stderr
    anew = f"seqtrain train {run.folder / 'config.yaml'} training.early_stopping=null"
    assert f"`{anew} training.epochs=40`" in outcome.stderr
    with pytest.raises(RunError, match="early stopping has ended the run"):
        go_on(run, epochs=40)
    again = seqtrain("resume", run.folder)
    assert again.exit_code == 0
    assert "is finished: early stopping has ended it" in again.stderr
    assert contents(run) == before


def test_a_run_that_dies_once_its_linear_model_is_weighed_ends_the_same(
    wide: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    cut = start(tmp_path, *WIDE, config=PHRASES)
    with monkeypatch.context() as patched:

        def dying(*_: Any) -> None:
            raise Killed

        patched.setattr(Run, "write_predictions", dying)
        with pytest.raises(Killed):
            go_on(cut)
    assert results(go_on(cut)) == results(wide)


@soak
def test_a_network_with_a_linear_model_is_trained_longer_to_the_bit(
    wide: Run, tmp_path: Path
) -> None:
    run = Run(shutil.copytree(wide.folder, tmp_path / "longer" / wide.folder.name))
    longer = go_on(start(tmp_path, *WIDE, "training.epochs=3", config=PHRASES))
    assert results(go_on(run, epochs=3)) == results(longer)


def test_a_longer_cosine_says_that_it_is_another_one(tmp_path: Path, caplog: Any) -> None:
    run = go_on(start(tmp_path, "training.schedule=cosine", "training.epochs=1", *RNN))
    assert len(go_on(run, epochs=2).history()) == 2
    assert "so the result will differ from a training of 2 epochs from the start" in caplog.text


def test_fewer_epochs_than_are_begun_are_refused(
    whole: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    cut = start(tmp_path, *RNN)
    cut_short(cut, monkeypatch, "on_train_batch_end", 6)
    with pytest.raises(RunError, match="has begun epoch 2, so it cannot end after 1"):
        go_on(cut, epochs=1)


def damage(file: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that died in its third epoch, with as many checkpoints as are kept."""
    run = start(tmp_path_factory.mktemp("died"), *RNN)
    cut_short(run, pytest.MonkeyPatch(), "on_train_batch_end", 10)
    assert len(run.checkpoints.files()) == 2
    return run


@pytest.fixture
def cut(died: Run, tmp_path: Path) -> Run:
    """A copy of that run."""
    return Run(shutil.copytree(died.folder, tmp_path / "cut" / "quickstart" / died.folder.name))


def test_where_the_newest_checkpoint_is_damaged_the_one_before_counts(
    cut: Run, whole: Run, caplog: Any
) -> None:
    damage(cut.checkpoints.files()[-1])
    assert results(go_on(cut)) == results(whole)
    assert "is damaged, so the one before counts" in caplog.text
    assert len(cut.checkpoints.files()) == 2


def test_where_the_newest_checkpoint_is_missing_the_one_before_counts(cut: Run, whole: Run) -> None:
    cut.checkpoints.files()[-1].unlink()
    assert results(go_on(cut)) == results(whole)


def test_where_all_checkpoints_are_damaged_nothing_is_trained(cut: Run) -> None:
    for file in cut.checkpoints.files():
        damage(file)
    before = (cut.folder / "history.csv").read_bytes()
    with pytest.raises(RunError, match="all checkpoints in .* are damaged"):
        go_on(cut)
    assert (cut.folder / "history.csv").read_bytes() == before


def test_where_all_checkpoints_are_gone_nothing_is_trained(cut: Run) -> None:
    for file in cut.checkpoints.files():
        file.unlink()
    with pytest.raises(RunError, match="has no checkpoint to go on from") as raised:
        go_on(cut)
    assert "train anew: `seqtrain train" in str(raised.value.hint)


def test_files_that_are_missing_or_damaged_are_written_anew(cut: Run, whole: Run) -> None:
    for name in ("model.keras", "history.csv", "summary.txt"):
        (cut.folder / name).write_bytes(b"damaged")
    for name in ("classes.json", "timing.csv", "trained_on.npz"):
        (cut.folder / name).unlink()
    assert results(go_on(cut)) == results(whole)
    names = {file.name for file in whole.folder.iterdir()} - {"plots"}
    assert {file.name for file in cut.folder.iterdir()} == names
    for name in ("summary.txt", "classes.json"):
        assert (cut.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_what_a_killed_process_left_beside_files_is_deleted(cut: Run) -> None:
    (cut.folder / ".model-123.keras").touch()
    (cut.folder / "checkpoint" / ".unnamed-123.npz").touch()
    go_on(cut)
    assert [file.name for file in cut.folder.rglob(".*")] == []


def test_other_data_are_refused(cut: Run, monkeypatch: Patch) -> None:
    from dataclasses import replace

    from seqtrain.cli import console
    from seqtrain.training import launch

    dataset = replace(run_data.load(cut, None), sha256="0" * 64)
    with pytest.raises(DataError, match="the data are not those that the run"):
        launch.train(Run(cut.folder), dataset, console.progress)


def test_other_conditions_are_told(cut: Run, caplog: Any) -> None:
    found = cut.environment()
    found["packages"]["numpy"], found["cores"] = "1.0", 512
    cut.write_json("environment.json", found)
    go_on(cut)
    assert "packages numpy was 1.0, and is" in caplog.text
    assert "cores was 512, and is" in caplog.text
    assert cut.environment() == found


def test_a_best_model_of_an_epoch_that_is_gone_stays_only_where_it_will_come_again(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    """It died after saving the best model of epoch 2, and before the checkpoint."""
    run = start(tmp_path, *RNN)
    cut_short(run, monkeypatch, "on_epoch_end", 2, before=True)
    checkpoint = run.checkpoints.newest()
    assert checkpoint is not None
    from seqtrain.training.checkpointing import write_files

    later = run.model_file.read_bytes()
    assert run.best_epoch() == 2
    assert later != checkpoint.best
    write_files(run, checkpoint, elsewhere=False)
    assert run.model_file.read_bytes() == later
    write_files(run, checkpoint, elsewhere=True)
    assert run.model_file.read_bytes() == checkpoint.best
    assert len(run.history()) == 1


def test_a_checkpoint_of_another_network_is_refused(cut: Run) -> None:
    text = (cut.folder / "config.yaml").read_text()
    (cut.folder / "config.yaml").write_text(text.replace("- 4", "- 5"))
    with pytest.raises(RunError, match="is not of the network that the run's config describes"):
        go_on(cut)


def test_two_processes_cannot_train_one_run(cut: Run, seqtrain: Any) -> None:
    with cut.locked():
        outcome = seqtrain("resume", cut.folder)
        listed = seqtrain("list", "runs", "--output", cut.folder.parent.parent)
    assert outcome.exit_code == 2
    assert "is being trained by another process" in outcome.stderr
    assert "training" in listed.stdout
    assert not cut.finished


def test_the_command_goes_on_and_a_finished_run_stays_as_it_is(
    cut: Run, whole: Run, seqtrain: Any
) -> None:
    outputs = cut.folder.parent.parent
    outcome = seqtrain("resume", "--output", outputs)
    assert outcome.exit_code == 0, outcome.stderr
    assert "resuming after 2 epochs and 2 batches" in outcome.stderr
    assert outcome.stdout.splitlines() == [str(cut.folder)]
    assert results(cut) == results(whole)
    again = seqtrain("resume", "--output", outputs)
    assert again.exit_code == 0
    assert "is finished; `--epochs N` trains more epochs" in again.stderr


def test_train_resume_goes_on_with_the_newest_of_its_config_or_starts(
    cut: Run, whole: Run, seqtrain: Any
) -> None:
    outputs = cut.folder.parent.parent
    other = start(outputs, *RNN, "seed=1")
    config = other.folder.parent / "quickstart.yaml"
    config.write_text((cut.folder / "config.yaml").read_text())
    outcome = seqtrain("train", "--resume", config, "--output", outputs)
    assert outcome.stdout.splitlines() == [str(cut.folder)], outcome.stderr
    assert results(cut) == results(whole)
    fresh = seqtrain("train", "--resume", config, "--output", outputs).stdout.strip()
    assert Path(fresh) not in (cut.folder, other.folder)
    assert results(Run(Path(fresh))) == results(whole)


def test_a_damaged_file_of_an_unfinished_run_is_told_with_the_way_on(
    cut: Run, seqtrain: Any
) -> None:
    cut.model_file.unlink()
    outcome = seqtrain("evaluate", cut.folder)
    assert outcome.exit_code == 2
    assert f"resume it: `seqtrain resume {cut.folder}`" in outcome.stderr


def contents(run: Run) -> dict[str, bytes]:
    """Everything in the folder of a run, but for its log."""
    files = (file for file in run.folder.rglob("*") if file.is_file() and file != run.log_file)
    return {str(file.relative_to(run.folder)): file.read_bytes() for file in files}


@pytest.fixture
def finished(whole: Run, tmp_path: Path) -> Run:
    """A copy of the uninterrupted run."""
    return Run(shutil.copytree(whole.folder, tmp_path / "done" / "quickstart" / whole.folder.name))


def test_a_finished_run_that_cannot_be_extended_stays_as_it_is(finished: Run) -> None:
    from dataclasses import replace

    from seqtrain.cli import console
    from seqtrain.training import launch

    before = contents(finished)
    dataset = replace(run_data.load(finished, None), sha256="0" * 64)
    with pytest.raises(DataError, match="the data are not those that the run"):
        launch.train(Run(finished.folder), dataset, console.progress, 9)
    assert contents(finished) == before


def checkpoint_of_another_network(finished: Run) -> None:
    config = finished.folder / "config.yaml"
    assert "name: rnn" in config.read_text()
    config.write_text(config.read_text().replace("name: rnn", "name: gru"))


def damaged_checkpoints(finished: Run) -> None:
    for file in (finished.folder / "checkpoint").iterdir():
        file.write_bytes(file.read_bytes()[:-9])


def checkpoint_of_another_schedule(finished: Run) -> None:
    config = finished.folder / "config.yaml"
    assert "schedule: constant" in config.read_text()
    config.write_text(config.read_text().replace("schedule: constant", "schedule: plateau"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (checkpoint_of_another_network, "not of the network that the run's config describes"),
        (checkpoint_of_another_schedule, "not of the training that the run's config describes"),
        (damaged_checkpoints, "all checkpoints in .* are damaged"),
    ],
)
def test_a_run_that_is_not_to_be_extended_after_all_loses_nothing(
    change: Any, reason: str, finished: Run
) -> None:
    """Metrics and explanations stay until its checkpoint has been verified."""
    change(finished)
    finished.write_json("gradients.json", [])
    (finished.folder / "explained").mkdir()
    finished.write_json("explained/a.json", {})
    before = contents(finished)
    with pytest.raises(RunError, match=reason):
        go_on(Run(finished.folder), epochs=9)
    after = contents(finished)
    for files in (before, after):
        files.pop("summary.txt")  # of the config, whatever the checkpoint holds
    assert after == before


def test_a_backend_that_is_missing_is_told_before_anything_changes(
    finished: Run, seqtrain: Any, monkeypatch: Patch
) -> None:
    config = finished.folder / "config.yaml"
    config.write_text(config.read_text().replace("backend: tensorflow", "backend: jax"))
    before = contents(finished)
    monkeypatch.setattr("seqtrain.backend.execution.find_spec", lambda name: None)
    outcome = seqtrain("resume", finished.folder, "--epochs", 9)
    assert outcome.exit_code == 2
    assert "`execution.backend` is jax, which is not installed" in outcome.stderr
    assert contents(finished) == before


def test_what_was_seen_of_a_network_is_forgotten_when_it_learns_more(finished: Run) -> None:
    finished.write_json("gradients.json", [])
    (finished.folder / "explained").mkdir()
    go_on(finished, epochs=5)
    assert not finished.has("gradients.json")
    assert not (finished.folder / "explained").exists()


def test_without_any_checkpoint_in_its_first_epoch_a_run_says_that_it_begins_anew(
    whole: Run, tmp_path: Path, monkeypatch: Patch, caplog: Any
) -> None:
    run = start(tmp_path, *RNN)
    cut_short(run, monkeypatch, "on_train_batch_end", 2)
    shutil.rmtree(run.folder / "checkpoint")
    with caplog.at_level("INFO", "seqtrain"):
        assert results(go_on(run)) == results(whole)
    assert "there is no checkpoint yet: the training starts from the beginning" in caplog.text


def test_conditions_that_are_damaged_do_not_end_the_run(cut: Run, whole: Run, caplog: Any) -> None:
    (cut.folder / "environment.json").write_bytes(b"damaged")
    assert results(go_on(cut)) == results(whole)
    assert "whether the data are those that the run began with is not known" in caplog.text
    assert cut.environment()["data"] == whole.environment()["data"]


@pytest.mark.parametrize(("key", "value"), [("threads", 7), ("backend", "jax")])
def test_what_auto_becomes_elsewhere_is_the_same_config(cut: Run, key: str, value: Any) -> None:
    """It depends on the cores and the installed packages, so it does not start a second run."""
    from seqtrain.config import load_config
    from seqtrain.training import launch

    asked = load_config(cut.folder / "config.yaml", [f"execution.{key}=auto"])
    asked = asked.model_copy(update={"name": cut.config.name})
    other = cut.config.execution.model_copy(update={key: value})
    resolved = cut.config.model_copy(update={"execution": other})
    outputs = cut.folder.parent.parent
    assert launch.unfinished(outputs, asked, resolved) == Run(cut.folder)
    assert launch.unfinished(outputs, resolved, resolved) is None


def test_sigterm_within_an_epoch_leaves_a_checkpoint_there(
    whole: Run, tmp_path: Path, monkeypatch: Patch
) -> None:
    run = start(tmp_path, *RNN, "training.checkpoint_minutes=1000")
    execution.start(run.config.execution, 0)
    from seqtrain.training.checkpointing import SaveCheckpoints

    method = SaveCheckpoints.on_train_batch_end

    def asked(saver: Any, batch: int, logs: Any = None) -> None:
        if (saver.epoch, batch) == (1, 1):
            os.kill(os.getpid(), signal.SIGTERM)
        method(saver, batch, logs)

    with monkeypatch.context() as patched:
        patched.setattr(SaveCheckpoints, "on_train_batch_end", asked)
        with pytest.raises(Terminated):
            go_on(run)
    found = run.checkpoints.newest()
    assert found is not None
    assert (found.epoch, found.batch) == (1, 2)
    assert results(go_on(run)) == results(whole)


def test_checkpoints_are_so_many_minutes_apart(tmp_path: Path, monkeypatch: Patch) -> None:
    keys = ("training.batch_size=5", "training.epochs=1", "training.checkpoint_minutes=1")
    run = start(tmp_path, *RNN, *keys)
    execution.start(run.config.execution, 0)
    from seqtrain.training import checkpointing

    clock, moments = [0.0], []
    batch_end, write = checkpointing.SaveCheckpoints.on_train_batch_end, Checkpoints.write

    def later(saver: Any, batch: int, logs: Any = None) -> None:
        clock[0] += 25
        batch_end(saver, batch, logs)

    def noted(kept: Checkpoints, checkpoint: Checkpoint) -> None:
        moments.append((checkpoint.epoch, checkpoint.batch))
        write(kept, checkpoint)

    fake = SimpleNamespace(monotonic=lambda: clock[0], perf_counter=time.perf_counter)
    monkeypatch.setattr(checkpointing, "time", fake)
    monkeypatch.setattr(checkpointing.SaveCheckpoints, "on_train_batch_end", later)
    monkeypatch.setattr(Checkpoints, "write", noted)
    go_on(run)
    assert moments == [(0, 0), *((0, batch) for batch in (3, 6, 9, 12, 15, 18)), (1, 0)]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("python", "2.7", "python was 2.7"),
        ("processor", "Z80", "processor was Z80"),
        ("threads", {"OMP_NUM_THREADS": "7"}, "threads OMP_NUM_THREADS was 7"),
        ("onednn", "0", "onednn was 0"),
        ("backend", "x", "backend was x"),
        ("devices", [], "devices was []"),
        ("gpus", ["A"], "gpus was ['A']"),
        ("embeddings", "0" * 64, "embeddings was 000"),
    ],
)
def test_what_decides_the_last_digits_is_told(key: str, value: Any, said: str, whole: Run) -> None:
    now = whole.environment()
    assert set(environment.DECISIVE) <= set(now)
    assert environment.differences(now, now) == []
    assert any(one.startswith(said) for one in environment.differences({**now, key: value}, now))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "muon",
        *(pytest.param(name, marks=soak) for name in ("adafactor", "schedulefreeadamw")),
    ],
)
def test_every_kind_of_optimizer_is_resumed_to_the_bit(
    name: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    chosen = (f"training.optimizer={name}", *RNN, "training.epochs=2")
    whole = go_on(start(tmp_path, *chosen))
    cut = start(tmp_path, *chosen)
    cut_short(cut, monkeypatch, "on_train_batch_end", 6)
    assert results(go_on(cut)) == results(whole)


ON_JAX = """
import json, sys
from pathlib import Path
import pytest
from tests.cutting import cut_short, go_on, results, start
pytest.MonkeyPatch().setattr("seqtrain.training.loop.draw", lambda run: None)
for keys, call, config in json.loads(sys.argv[1]):
    keys, config = ("execution.backend=jax", *keys), Path(config)
    whole = go_on(start(Path("runs"), *keys, config=config))
    cut = start(Path("runs"), *keys, config=config)
    cut_short(cut, pytest.MonkeyPatch(), "on_train_batch_end", call)
    assert results(go_on(cut)) == results(whole), keys
"""


@pytest.mark.slow
def test_a_run_on_jax_is_resumed_to_the_bit() -> None:
    pytest.importorskip("jax")
    cases = [
        ([f"model.name={case.split()[0]}", *keys], call, str(QUICKSTART))
        for case, (keys, call) in CASES.items()
    ]
    cases += [([*keys], 5, str(PHRASES)) for keys in (BY_LENGTH, WIDE)]
    some = cases if "SEQTRAIN_EXAMPLES" in os.environ else [cases[2]]
    place = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", ON_JAX, json.dumps(some)]
    done = subprocess.run(command, env=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
