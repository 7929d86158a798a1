"""Processes that are killed at random moments, and signals: `make soak` tries many.

`SEQTRAIN_KILLS` says how often one is killed.
"""

import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY, soaked
from tests.cutting import DROPS, QUICKSTART, results
from tests.nursery import Command

pytestmark = [pytest.mark.tf, pytest.mark.slow]

KILLS = int(os.environ.get("SEQTRAIN_KILLS", "1"))
TRAININGS = math.ceil(KILLS * 2 / 3)  # of which every second is killed twice


@dataclass(frozen=True)
class Training:
    """What is trained: a name, the epochs, other overrides, and their config."""

    name: str
    epochs: int
    others: tuple[str, ...] = ()
    config: Path = QUICKSTART

    @property
    def overrides(self) -> list[str]:
        """Return all overrides of the config."""
        data = [f"dataset.{key}" for key in SIZES[self.config]]
        return [*data, "model.units=8", *DROPS, f"training.epochs={self.epochs}", *self.others]


OWN_LOOPS = "model.recurrent_dropout=0.0"  # which the loops of seqtrain do not know
JAX = "execution.backend=jax"
PHRASES = REPOSITORY / "configs" / "phrases_lstm.yaml"
GRAMMAR = REPOSITORY / "configs" / "grammar_lstm.yaml"
SIZES = {
    QUICKSTART: ("limit=150",),
    PHRASES: ("train_pairs=80", "test_pairs=40"),
    GRAMMAR: ("characters=4000", "window=16"),
}
CONFIGS = (
    Training("rnn", 10, ("model.name=rnn", "execution.steps_per_execution=3")),
    Training("lstm", 20, ("model.name=lstm", JAX, OWN_LOOPS)),
    Training("bigru", 6, ("model.name=bigru", "training.schedule=plateau")),
    Training("gru", 8, ("model.name=gru", "training.early_stopping={patience: 3}", OWN_LOOPS)),
    Training("bilstm", 8, ("model.name=bilstm", "training.optimizer=nadam")),
    Training("birnn", 20, ("model.name=birnn", JAX, "training.schedule=cosine")),
    Training("text", 8, ("model.name=lstm", "execution.backend=tensorflow"), GRAMMAR),
    Training("wide", 8, ("model.name=gru", "model.wide=true", "model.token_dropout=0.1"), PHRASES),
)
BUILT = " parameters, "  # in the line that is printed before the first step
# How often a process dies before it has built the network, before its first epoch has ended,
# between the first and the last, and in the evaluation.
PHASES, OFTEN = ("start", "first epoch", "training", "evaluation"), (1, 1, 7, 1)
ATTEMPTS = 20


@dataclass(frozen=True)
class Whole:
    """An uninterrupted training: when each phase ended, in seconds, and what comes of it.

    `built` counts from the start, the others from there.
    """

    built: float
    first_epoch: float
    last_epoch: float
    end: float
    results: dict[str, str]

    def moment(self, chance: random.Random) -> tuple[bool, float]:
        """Draw when a process dies: whether before the network is built, and after how long."""
        (phase,) = chance.choices(PHASES, OFTEN)
        spans = {
            "start": (0.0, self.built),
            "first epoch": (0.0, self.first_epoch),
            "training": (self.first_epoch, self.last_epoch),
            "evaluation": (self.last_epoch, self.end),
        }
        return phase == "start", chance.uniform(*spans[phase])


def begin(outputs: Path, training: Training) -> Command:
    backend = "jax" if JAX in training.others else "tensorflow"
    arguments = ["train", "--resume", str(training.config), *training.overrides]
    outputs.parent.mkdir(exist_ok=True)
    log = outputs.with_suffix(".log")
    return Command(backend, [*arguments, "--output", str(outputs)], log)


@cache
def uninterrupted(folder: Path, training: Training) -> Whole:
    """Train a config without a pause, once."""
    outputs = folder / training.name
    times = [time.monotonic()]
    command = begin(outputs, training)
    for line in (BUILT, "epoch 1/", f"epoch {training.epochs}/"):
        if command.comes_to(line):
            times.append(time.monotonic())
    assert command.ended(300)
    assert command.exit_code == 0, command.printed()
    times += [time.monotonic()] * (5 - len(times))  # it may stop early
    since = [later - times[1] for later in times[2:]]
    return Whole(times[1] - times[0], *since, results(lookup.latest(outputs)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


def reached(outputs: Path) -> str | None:
    """Say where a training was when it was killed; None if it had ended."""
    runs = lookup.all_in(outputs)
    if not runs:
        return "before there was a run"
    if runs[-1].finished:
        return None
    files = runs[-1].checkpoints.files()
    if not files:
        return "before the first checkpoint"
    epochs, batches = (int(part) for part in files[-1].name.split("-")[:2])
    return f"{epochs} epochs, {batches} batches"


def killed(outputs: Path, training: Training, expected: Whole, chance: random.Random) -> str:
    """Train until chance kills the process, and say where it was.

    What has ended before was not killed: it begins again from where it was, and dies earlier.
    """
    before = outputs.with_name("before")
    if outputs.exists():
        shutil.copytree(outputs, before)
    at_start, after = expected.moment(chance)
    for attempt in range(ATTEMPTS):
        command = begin(outputs, training)
        if (at_start or command.comes_to(BUILT)) and not command.ended(after * 0.7**attempt):
            command.kill()
            if place := reached(outputs):
                shutil.rmtree(before, ignore_errors=True)
                return place
        shutil.rmtree(outputs, ignore_errors=True)
        if before.exists():
            shutil.copytree(before, outputs)
    raise AssertionError("it always ends before it is killed")


def config_of(trial: int) -> int:
    return trial % min(len(CONFIGS), max(TRAININGS // 3, 2))


# Trials of one config go to one process, which trains it whole once.
TRIALS = [
    pytest.param(trial, marks=pytest.mark.xdist_group(f"kills of config {config_of(trial)}"))
    for trial in range(TRAININGS)
]


@pytest.mark.parametrize("trial", TRIALS)
def test_a_killed_training_goes_on_to_the_same_end(
    trial: int, whole: Path, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    """Killed at a moment that chance chooses, some again, then left to end."""
    chance = random.Random(trial)
    training = CONFIGS[config_of(trial)]
    expected = uninterrupted(whole, training)
    outputs = tmp_path / "outputs"
    places = [killed(outputs, training, expected, chance) for _ in range(2 - trial % 2)]
    command = begin(outputs, training)
    assert command.ended(300)
    assert command.exit_code == 0, command.printed()
    same = results(finished(outputs)) == expected.results
    record_property("kill", (trial + 1, training.name, "; ".join(places), same))
    assert same


def finished(outputs: Path) -> Run:
    """Return the run that finished last."""
    return [run for run in lookup.all_in(outputs) if run.finished][-1]


# A shell has SIGINT ignored in what it starts in the background, such as these tests.
SCRIPT = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from seqtrain.cli.main import main; main()"
)


def started(outputs: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start a training in a process of its own from its first import."""
    given = ["dataset.limit=150", "model.units=8", *DROPS, *overrides]
    arguments = ["train", str(QUICKSTART), *given, "--output", str(outputs)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={"PYTHONPATH": str(REPOSITORY), **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def asked(outputs: Path, number: int, line: str, *overrides: str) -> tuple[int, str, str]:
    """Send a signal once a line has been written to stderr; return how the process ended."""
    process = started(outputs, "training.epochs=2000", *overrides)
    assert process.stderr is not None
    read = []
    for text in process.stderr:
        read.append(text)
        if text.startswith(line):
            process.send_signal(number)
            break
    out, err = process.communicate(timeout=60)
    return process.returncode, out, "".join(read) + err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), soaked(signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(
    number: int, code: int, word: str, tmp_path: Path
) -> None:
    minutes = "training.checkpoint_minutes=1000"
    found, out, err = asked(tmp_path, number, "epoch 2/", minutes, "dataset.limit=null")
    run = lookup.latest(tmp_path)
    assert found == code, err
    assert "Traceback" not in err
    assert f"{word}, with history.csv and model.keras kept" in err
    assert (
        "WARNING interrupted" if code == 130 else "WARNING terminated"
    ) in run.log_file.read_text()
    assert (run.plots / "loss.png").exists()
    assert run.model_file.exists()
    assert not run.finished
    assert f"resume it: `seqtrain resume {run.folder}`" in err
    assert out.splitlines()[-1] == str(run.folder)
    assert run.checkpoints.newest() is not None
    assert not run.training


SECOND = """
import os, signal
from seqtrain.training.signals import listening
signal.signal(signal.SIGINT, signal.default_int_handler)
with listening() as signals:
    signals.held = True
    os.kill(os.getpid(), signal.SIGINT)
    print("waits", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("still here", flush=True)
"""


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True)
    assert done.stdout == "waits\n"
    assert done.returncode == -signal.SIGINT  # which a shell calls 130
