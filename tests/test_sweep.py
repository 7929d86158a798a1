"""Sweeps: trials as runs, what is drawn, pruned, skipped and resumed, and what is told."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from seqtrain.backend import execution
from seqtrain.config import load_config
from seqtrain.runs import lookup, run_log
from seqtrain.runs.run import Run
from seqtrain.runs.sweeps import SweepFolder, Trials
from seqtrain.training import children, launch, search, study
from tests.conftest import REPOSITORY, Outcome, soaked
from tests.cutting import QUICKSTART, go_on, results
from tests.factories.searched import CONFIG, pretended, process, written

Patch = pytest.MonkeyPatch
Seqtrain = Callable[..., Outcome]

GRID = "sweep.sampler=grid"
PATIENCE = 300  # seconds in which a process gets somewhere, on a machine that is busy
IMPORTANCE = study.Study.importance
UNITS = "sweep.space={model.units: [2, 4, 8]}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: Patch) -> None:
    """Replace trainings by processes that end at once, and look at them often."""
    monkeypatch.setattr(children, "COMMAND", pretended())
    monkeypatch.setattr(search, "POLL", 0.02)
    monkeypatch.setattr(search, "draw", lambda folder: None)  # `plot` draws where a test looks
    monkeypatch.setattr(study.Study, "importance", lambda self: {})  # scikit-learn is slow to load


@pytest.fixture(autouse=True, scope="module")
def unsynced() -> Iterator[None]:
    """Let no database wait for the disk: power is not lost here."""

    def hurry(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", hurry)
    yield
    event.remove(Engine, "connect", hurry)


def swept(outcome: Outcome, code: int = 0) -> SweepFolder:
    """Return the folder that a sweep has printed."""
    assert outcome.exit_code == code, outcome.stderr
    return SweepFolder(Path(outcome.stdout.splitlines()[-1]))


def told(trials: Trials) -> list[tuple[object, ...]]:
    """Return what must not depend on interruptions."""
    return [(row.number, row.state, dict(row.values), row.value, row.epochs) for row in trials.rows]


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_trial_is_a_run_of_a_group(jobs: int, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("sweep", written(), "--jobs", jobs)
    folder = swept(outcome)
    runs = lookup.all_in(Path("outputs"))
    assert [run.folder.name for run in runs] == [f"trial-{number}" for number in range(4)]
    assert {run.group for run in runs} == {folder.folder}
    assert all(run.finished for run in runs)
    trials = folder.trials()
    for row in trials.rows:
        config = Run(folder.folder / f"trial-{row.number}").config
        assert config.sweep is None
        assert list(config.model.units) == [row.values["model.units"]]
        assert config.training.learning_rate == row.values["training.learning_rate"]
    compared = json.loads(seqtrain("compare", folder.folder, "--json").stdout)
    assert [row["state"] for row in compared] == ["finished"] * 4
    assert "4 trials; val_mae is of the best epoch" in outcome.stderr


def test_the_best_is_ready_to_train(seqtrain: Seqtrain) -> None:
    folder = swept(seqtrain("sweep", written()))
    best = folder.trials().finished[0]
    assert best.value == min(row.score for row in folder.trials().rows)
    config = load_config(folder.folder / "best.yaml")
    assert list(config.model.units) == [best.values["model.units"]]
    assert (config.name, config.sweep, config.training.monitor) == ("search", None, "val_mae")
    assert config.execution.threads == "auto"
    text = (folder.folder / "best.yaml").read_text()
    assert text.startswith(f"# The best of 4 trials: trial-{best.number}, val_mae ")


@pytest.mark.parametrize(("sampler", "trials"), [("tpe", 12), ("random", 3)])
def test_a_repeated_sweep_draws_the_same(sampler: str, trials: int, seqtrain: Seqtrain) -> None:
    """After its first ten trials, `tpe` looks at those before."""
    arguments = ("sweep", written(), f"sweep.sampler={sampler}", "--trials", trials, "--new")
    first, second = (swept(seqtrain(*arguments)).trials() for _ in range(2))
    assert told(first) == told(second)


def test_the_seed_decides_what_is_drawn(seqtrain: Seqtrain) -> None:
    drawn = [
        [dict(row.values) for row in swept(seqtrain("sweep", written(), seed)).trials().rows]
        for seed in ("seed=0", "seed=1")
    ]
    assert drawn[0] != drawn[1]


def test_tpe_draws_near_the_best(seqtrain: Seqtrain) -> None:
    """A network of 8 units with a learning rate of 1e-2 is best."""
    trials = swept(seqtrain("sweep", written(), "--trials", 24)).trials()
    units = [row.values["model.units"] for row in trials.rows]
    assert units[14:].count(8) > 2 * units[:10].count(8)


def test_a_grid_is_counted(seqtrain: Seqtrain) -> None:
    rate = "{log_range: [1e-3, 1e-1], points: 3}"
    space = f"sweep.space={{model.units: [2, 4], training.learning_rate: {rate}}}"
    trials = swept(seqtrain("sweep", written(), GRID, space, "sweep.trials=null")).trials()
    found = [
        (row.values["model.units"], row.values["training.learning_rate"]) for row in trials.rows
    ]
    assert found == [(units, rate) for units in (2, 4) for rate in (0.001, 0.01, 0.1)]
    fewer = swept(seqtrain("sweep", written(), GRID, space, "--trials", 2, "--new")).trials()
    assert [dict(row.values) for row in fewer.rows] == [dict(row.values) for row in trials.rows[:2]]


def test_a_condition_decides_which_keys_are_set(seqtrain: Seqtrain) -> None:
    space = (
        "sweep.space={model.name: [rnn, conv], model.filters: {choice: [[4], [8]], "
        "when: {model.name: conv}}, model.units: {choice: [2, 4], when: {model.name: [rnn]}}}"
    )
    file = written(CONFIG.replace("model: {name: rnn, units: 4}", "model: {name: rnn}"))
    trials = swept(seqtrain("sweep", file, space, GRID, "sweep.trials=null")).trials()
    assert [dict(row.values) for row in trials.rows] == [
        {"model.name": "rnn", "model.units": 2},
        {"model.name": "rnn", "model.units": 4},
        {"model.name": "conv", "model.filters": [4]},
        {"model.name": "conv", "model.filters": [8]},
    ]


def test_a_combination_that_rules_forbid_is_told_and_counted(seqtrain: Seqtrain) -> None:
    space = "sweep.space={training.clipnorm: [null, 1.0], training.clipvalue: [null, 0.5]}"
    outcome = seqtrain("sweep", written(), space, GRID, "sweep.trials=null")
    trials = swept(outcome).trials()
    assert [row.state for row in trials.rows] == ["finished"] * 3 + ["skipped"]
    assert "3 trials, 1 combination skipped" in outcome.stderr
    assert (
        "skipped, not allowed: `training.clipvalue` cannot be combined with `clipnorm`: choose one "
        "of them (trial-3)"
    ) in outcome.stderr
    assert not (Path(outcome.stdout.strip()) / "trial-3").exists()


def test_no_combination_is_trained_twice(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("sweep", written(), UNITS, "--trials", 10)
    rows = swept(outcome).trials().rows
    trained = [row.values["model.units"] for row in rows if row.state == "finished"]
    assert sorted(trained) == [2, 4, 8]
    assert all(row.why and row.why.startswith("it repeats trial-") for row in rows[3:] if row.why)
    assert "all 3 combinations of the space have been tried" in outcome.stderr


@pytest.mark.parametrize(("pruning", "most"), [("median", 3), ("halving", 2)])
def test_hopeless_trials_are_pruned(pruning: str, most: int, seqtrain: Seqtrain) -> None:
    arguments = [f"sweep.pruning={pruning}", "sweep.pruning_trials=2", "sweep.pruning_epochs=2"]
    space = "sweep.space={model.units: [8, 4, 2, 16, 32, 64]}"
    outcome = seqtrain(
        "sweep", written(), *arguments, space, GRID, "--trials", 6, "training.epochs=9"
    )
    folder = swept(outcome)
    trials = folder.trials()
    pruned = [row for row in trials.rows if row.state == "pruned"]
    assert len(pruned) >= most
    assert trials.finished[0].values["model.units"] == 8
    assert all(row.epochs is not None and 2 <= row.epochs < 9 for row in pruned)
    assert f"{len(pruned)} pruned" in outcome.stderr
    runs = [folder.run(row.number) for row in pruned]
    assert all(json.loads((run.folder / "pruned.json").read_text()) for run in runs)


def test_a_pruned_training_is_ended(seqtrain: Seqtrain, monkeypatch: Patch) -> None:
    monkeypatch.setattr(children, "COMMAND", pretended(0.2))
    arguments = ["sweep.pruning=median", "sweep.pruning_trials=1", "sweep.pruning_epochs=1"]
    space = "sweep.space={model.units: [8, 64]}"
    outcome = seqtrain(
        "sweep", written(), *arguments, space, GRID, "--trials", 2, "training.epochs=8"
    )
    folder = swept(outcome)
    assert [row.state for row in folder.trials().rows] == ["finished", "pruned"]
    assert len(folder.run(1).history()) < 8
    assert not folder.run(1).finished
    compared = json.loads(seqtrain("compare", folder.folder, "--json").stdout)
    assert [row["state"] for row in compared] == ["finished", "pruned"]


def test_a_trial_that_fails_stops_no_other(seqtrain: Seqtrain) -> None:
    space = "sweep.space={training.learning_rate: [0.01, 0.9, 0.02]}"
    outcome = seqtrain("sweep", written(), space, GRID, "--trials", 3)
    trials = swept(outcome).trials()
    assert [row.state for row in trials.rows] == ["finished", "failed", "finished"]
    assert "failed, the loss is not finite (trial-1)" in outcome.stderr
    assert "3 trials, 1 failed" in outcome.stderr


def test_a_sweep_ends_when_its_first_trials_fail(seqtrain: Seqtrain) -> None:
    space = "sweep.space={training.learning_rate: {range: [0.6, 0.9]}}"
    outcome = seqtrain("sweep", written(), space, "--trials", 20)
    folder = swept(outcome, 1)
    assert "all 3 trials so far have failed; the last, trial-2: the loss is" in outcome.stderr
    assert len(folder.trials().rows) == 3
    assert not (folder.folder / "best.yaml").exists()


def killed(folder_has: Callable[[], bool], *arguments: object, seconds: float = 0.1) -> None:
    """Start a sweep, and kill it once something is so; its trainings live on."""
    with Path("killed.log").open("a") as log:
        child = subprocess.Popen(process(*arguments, seconds=seconds), stdout=log, stderr=log)
    until = time.monotonic() + PATIENCE
    while not folder_has():
        assert child.poll() is None and time.monotonic() < until, Path("killed.log").read_text()
        time.sleep(0.01)
    child.kill()
    child.wait()


def rows_of(number: int) -> int:
    """Return how many epochs a trial of the only sweep has."""
    found = list(Path("outputs").glob(f"search/*-sweep/trial-{number}/history.csv"))
    return len(found[0].read_text().splitlines()) - 1 if found else 0


@pytest.mark.parametrize(("trial", "epochs"), [(0, 0), soaked(1, 1), (2, 2), soaked(4, 2)])
@pytest.mark.slow
def test_a_killed_sweep_goes_on_to_the_same_end(
    trial: int, epochs: int, seqtrain: Seqtrain
) -> None:
    """Killed before a database has a trial, within a trial, and while a trial ends."""
    file = written()
    arguments = ("sweep", file, "sweep.pruning=median", "sweep.pruning_trials=2", "--trials", 6)

    def reached() -> bool:
        begun = list(Path("outputs").glob(f"search/*-sweep/{f'trial-{trial}' if trial else ''}"))
        return bool(begun) and rows_of(trial) >= epochs

    killed(reached, *arguments)
    folder = swept(seqtrain(*arguments))
    uninterrupted = swept(seqtrain(*arguments, "--output", "others"))
    assert told(folder.trials()) == told(uninterrupted.trials())
    assert len(lookup.all_in(Path("outputs"))) == 6
    started = [(folder.run(n).folder / "started").read_text().split() for n in range(6)]
    assert all(first == "0" for first, *_ in started)  # none began twice from nothing
    assert all(int(later) > 0 for _, *rest in started for later in rest)


def test_ctrl_c_ends_the_trainings_and_the_sweep_goes_on(seqtrain: Seqtrain) -> None:
    arguments = ("sweep", written(), "--jobs", 2, "training.epochs=30")
    child = subprocess.Popen(process(*arguments, seconds=0.3), stdout=PIPE, stderr=PIPE, text=True)
    assert child.stderr is not None
    until = time.monotonic() + PATIENCE
    while not (rows_of(0) and rows_of(1)) and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130, err
    assert "interrupted: 2 trials, 2 unfinished" in err
    assert "go on with it by the same command" in err
    folder = SweepFolder(Path(out.strip()))
    assert not any(folder.run(number).training for number in (0, 1))
    outcome = seqtrain(*arguments)
    assert swept(outcome) == folder
    assert f"going on with {folder.folder}" in outcome.stderr
    assert [row.state for row in folder.trials().rows] == ["finished"] * 4


def test_a_training_that_outlived_its_sweep_is_waited_for(seqtrain: Seqtrain) -> None:
    file = written()
    killed(lambda: rows_of(0) > 0, "sweep", file, "--trials", 1, seconds=0.3)
    folder = SweepFolder.newest(Path("outputs"), "search")
    assert folder is not None and folder.run(0).training
    assert swept(seqtrain("sweep", file, "--trials", 1)) == folder
    assert (folder.run(0).folder / "started").read_text().split() == ["0"]
    assert [row.state for row in folder.trials().rows] == ["finished"]


def test_an_edited_search_is_refused_with_the_difference(seqtrain: Seqtrain) -> None:
    file = written()
    killed(lambda: rows_of(0) > 0, "sweep", file)
    edited = ("sweep.space.model.units=[2, 4]", "training.epochs=5")
    outcome = seqtrain("sweep", file, *edited)
    assert outcome.exit_code == 2
    assert "is unfinished, and the config has changed:" in outcome.stderr
    assert "training.epochs: 3 before, 5 now" in outcome.stderr
    before, now = "{choice: [2, 4, 8]}", "{choice: [2, 4]}"
    assert f"sweep.space.model.units: {before} before, {now} now" in outcome.stderr
    assert "`--new`" in outcome.stderr
    assert len(list(Path("outputs/search").iterdir())) == 1
    swept(seqtrain("sweep", file, *edited, "--new"))
    assert len(list(Path("outputs/search").iterdir())) == 2


def test_a_finished_sweep_takes_more_trials(seqtrain: Seqtrain) -> None:
    file = written()
    first = swept(seqtrain("sweep", file))
    again = seqtrain("sweep", file)
    assert swept(again) == first
    assert len(lookup.all_in(Path("outputs"))) == 4
    assert swept(seqtrain("sweep", file, "--trials", 6)) == first
    assert len(first.trials().finished) == 6
    whole = swept(seqtrain("sweep", file, "--trials", 6, "--new"))
    assert told(whole.trials()) == told(first.trials())


def test_a_finished_sweep_does_not_stand_in_the_way_of_another_config(seqtrain: Seqtrain) -> None:
    file = written()
    first = swept(seqtrain("sweep", file))
    assert swept(seqtrain("sweep", file, "training.epochs=2")) != first


def test_the_config_of_a_sweep_goes_on_with_it(seqtrain: Seqtrain) -> None:
    first = swept(seqtrain("sweep", written(), "seed=3"))
    again = seqtrain("sweep", first.folder / "sweep.yaml", "--trials", 5)
    assert swept(again) == first
    assert len(first.trials().finished) == 5
    refused = seqtrain("resume", first.folder)
    assert refused.exit_code == 2
    assert f"`seqtrain sweep {first.folder}/sweep.yaml`" in refused.stderr


def test_the_best_is_trained_with_other_seeds(seqtrain: Seqtrain) -> None:
    file = written()
    outcome = seqtrain("sweep", file, "--seeds", 3)
    folder = swept(outcome)
    groups = list(Path("outputs/search").glob("*-seeds"))
    assert len(groups) == 1
    runs = lookup.all_in(groups[0])
    best = folder.run(folder.trials().finished[0].number)
    assert [run.config.seed for run in runs] == [1, 2, 3]
    trials, _, others = outcome.stderr.partition("the best configuration with other seeds")
    assert "4 trials" in trials and f"{groups[0]}" in others and "test_mae" in others
    same = {run.config.model_copy(update={"seed": 0}).to_yaml() for run in runs}
    assert same == {best.config.to_yaml()}
    assert all(run.finished for run in runs)
    (runs[2].folder / "metrics.json").unlink()
    seqtrain("sweep", file, "--seeds", 3)
    assert runs[2].finished
    assert list(Path("outputs/search").glob("*-seeds")) == groups


def test_without_optuna_one_sentence_says_what_to_install(
    seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(study, "find_spec", lambda name: None)
    outcome = seqtrain("sweep", written())
    assert outcome.exit_code == 2
    assert "Optuna, which is not installed" in outcome.stderr
    assert "`pip install 'seqtrain[sweep]'`" in outcome.stderr
    assert not Path("outputs").exists()


def test_a_config_without_a_search_is_refused(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("sweep", QUICKSTART)
    assert outcome.exit_code == 2
    assert "has no section `sweep`" in outcome.stderr
    assert not Path("outputs").exists()


def test_overrides_can_be_the_whole_search(seqtrain: Seqtrain) -> None:
    file = written(CONFIG.partition("sweep:")[0])
    outcome = seqtrain("sweep", file, "sweep.space.model.units=[2, 4]", "sweep.trials=2", GRID)
    rows = swept(outcome).trials().rows
    assert [dict(row.values) for row in rows] == [{"model.units": 2}, {"model.units": 4}]


@pytest.mark.parametrize("option", [["--trials", "0"], ["--jobs", "0"], ["--seeds", "x"]])
def test_nonsense_is_one_sentence(option: list[str], seqtrain: Seqtrain) -> None:
    outcome = seqtrain("sweep", written(), *option)
    assert outcome.exit_code == 2
    assert not Path("outputs").exists()


def test_two_processes_do_not_draw_for_one_sweep(seqtrain: Seqtrain) -> None:
    folder = swept(seqtrain("sweep", written()))
    with run_log.locked(folder.folder / "log.txt"):
        outcome = seqtrain("sweep", written(), "--trials", 5)
    assert outcome.exit_code == 2
    assert f"`{folder.folder}` is being run by another process" in outcome.stderr


def test_a_damaged_database_is_one_sentence(seqtrain: Seqtrain) -> None:
    folder = swept(seqtrain("sweep", written()))
    (folder.folder / "study.db").write_text("not a database" * 100)
    outcome = seqtrain("sweep", written(), "--trials", 5)
    assert outcome.exit_code == 2
    assert f"{folder.folder}/study.db is damaged" in outcome.stderr


def test_a_deleted_trial_is_told(seqtrain: Seqtrain) -> None:
    file = written()
    killed(lambda: rows_of(0) > 0, "sweep", file)
    folder = SweepFolder.newest(Path("outputs"), "search")
    assert folder is not None
    while folder.run(0).training:
        time.sleep(0.05)
    shutil.rmtree(folder.run(0).folder)
    outcome = seqtrain("sweep", file)
    assert swept(outcome) == folder
    assert f"failed, the folder {folder.run(0).folder} was deleted (trial-0)" in outcome.stderr


def test_trials_at_once_share_the_cores(seqtrain: Seqtrain, monkeypatch: Patch) -> None:
    monkeypatch.setattr(search, "cores", lambda: 8)
    monkeypatch.setattr(execution, "cores", lambda: 8)
    large = (
        "model.units=512",
        "training.batch_size=4096",
        "sweep.space={training.learning_rate: {range: [0.01, 0.02]}}",
    )
    for jobs, threads in ((1, 8), (2, 4), (3, 2)):
        outcome = seqtrain("sweep", written(), *large, "--trials", 1, "--jobs", jobs, "--new")
        assert swept(outcome).run(0).config.execution.threads == threads
    outcome = seqtrain("sweep", written(), *large, "execution.threads=5", "--jobs", 2, "--new")
    assert swept(outcome).run(0).config.execution.threads == 5


def test_train_says_that_it_does_not_search(seqtrain: Seqtrain, monkeypatch: Patch) -> None:
    file = written()
    outcome = seqtrain("train", file, "--seeds", 1)
    (run,) = lookup.all_in(Path("outputs"))
    assert f"`seqtrain sweep {file}` searches its `sweep`" in outcome.stderr
    assert (run.config.sweep, list(run.config.model.units)) == (None, [4])
    assert "sweep" not in (run.folder / "config.yaml").read_text()


def test_commands_take_a_sweep(seqtrain: Seqtrain, monkeypatch: Patch) -> None:
    monkeypatch.setattr(study.Study, "importance", IMPORTANCE)
    folder = swept(seqtrain("sweep", written(), "--trials", 9))
    best = folder.run(folder.trials().finished[0].number)
    assert lookup.evaluated(None, Path("outputs")) == [best] or not best.has("model.keras")
    assert lookup.best(folder.folder, Path("outputs")).folder.parent == folder.folder
    listed = seqtrain("list", "runs").stdout
    assert f"finished, best {best.folder.name}" in listed
    drawn = [Path(line).name for line in seqtrain("plot", folder.folder).stdout.splitlines()]
    searched = ["sweep_history.png", "sweep_importance.png", "sweep_parallel.png"]
    assert {"loss.png", "mae.png", *searched, "sweep_slices.png"} <= set(drawn)
    assert len(lookup.newest_of_each([folder.folder], Path("outputs"))) == 7
    page = seqtrain("report", folder.folder)
    assert page.exit_code == 0, page.stderr
    text = Path(page.stdout.strip()).read_text()
    assert '<th scope="col">training.learning_rate</th>' in text
    assert "9 trials; val_mae is of the best epoch" in text


def test_a_search_of_one_key_needs_no_picture_of_several(seqtrain: Seqtrain) -> None:
    folder = swept(seqtrain("sweep", written(), UNITS, GRID, "--trials", 3))
    drawn = [Path(line).name for line in seqtrain("plot", folder.folder).stdout.splitlines()]
    assert {"sweep_history.png", "sweep_slices.png"} <= set(drawn)
    assert not {"sweep_importance.png", "sweep_parallel.png"} & set(drawn)


REAL = (
    *("dataset.limit=100", "training.epochs=4", "training.baselines=false"),
    *("model.name=rnn", "model.dropout=0.2"),
)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("units", [[4], soaked([4, 6])])
def test_a_killed_sweep_of_real_trainings_is_the_same_to_the_bit(
    units: list[int], tmp_path: Path
) -> None:
    """As trainings of the same configs; the one in flight is killed, as when a machine dies."""
    outputs, space = tmp_path / "killed", f"sweep.space={{model.units: {units}}}"
    command = [sys.executable, "-m", "seqtrain", "sweep", str(QUICKSTART), *REAL, space, GRID]
    command += ["--output", str(outputs)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    sweep = subprocess.Popen(command, env=environment, stderr=PIPE)
    until = time.monotonic() + PATIENCE
    while not list(outputs.glob("quickstart/*-sweep/trial-0/history.csv")):
        assert sweep.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    sweep.kill()
    sweep.communicate()
    for number in training(str(outputs)):
        os.kill(number, signal.SIGKILL)
    assert not lookup.all_in(outputs)[0].finished
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    trials = lookup.all_in(outputs)
    assert len(trials) == len(units)
    for run in trials:
        same = load_config(run.folder / "config.yaml")
        whole = go_on(launch.prepare(same, tmp_path / "whole", None)[0])
        assert results(run) == results(whole)


def training(outputs: str) -> list[int]:
    """Return the numbers of the processes that resume a run in a folder."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, words in lines if f"resume {outputs}/" in words]
