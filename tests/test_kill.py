"""Processes that are killed at random moments, and signals: `make soak` tries many.

`SEQTRAIN_KILLS` says how many are killed.
"""

import os
import random
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from seqtrain.run import Run
from tests.conftest import REPOSITORY
from tests.cutting import DROPS, QUICKSTART, results

pytestmark = [pytest.mark.tf, pytest.mark.slow]

KILLS = int(os.environ.get("SEQTRAIN_KILLS", "6"))
EACH = ("model.units=8", "dataset.limit=300", *DROPS)
CONFIGS = (
    ("model.name=rnn", "training.epochs=12", "execution.steps_per_execution=3"),
    ("model.name=lstm", "training.epochs=40", "execution.backend=jax"),
    ("model.name=bigru", "training.epochs=6", "training.schedule=plateau"),
    ("model.name=gru", "training.epochs=8", "training.early_stopping={patience: 3}"),
    ("model.name=bilstm", "training.epochs=8", "training.optimizer=nadam"),
    ("model.name=birnn", "training.epochs=40", "execution.backend=jax", "training.schedule=cosine"),
)
# A shell has SIGINT ignored in what it starts in the background, such as these tests.
SCRIPT = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from seqtrain.cli import main; main()"
)


def command(outputs: Path, *overrides: str) -> list[str]:
    arguments = ["train", "--resume", str(QUICKSTART), *EACH, *overrides]
    return [sys.executable, "-c", SCRIPT, *arguments, "--output", str(outputs)]


def begin(outputs: Path, *overrides: str) -> subprocess.Popen[str]:
    place = {"PYTHONPATH": str(REPOSITORY), **os.environ}
    return subprocess.Popen(
        command(outputs, *overrides),
        env=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@cache
def uninterrupted(folder: Path, overrides: tuple[str, ...]) -> tuple[float, dict[str, str]]:
    """Return the seconds of a whole training, and what comes of it."""
    started = time.monotonic()
    outputs = folder / "-".join(overrides[:1])
    process = begin(outputs, *overrides)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return time.monotonic() - started, results(Run.latest(outputs))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


def reached(outputs: Path) -> str:
    """Say where a training was when it was killed."""
    runs = Run.all(outputs)
    if not runs:
        return "before there was a run"
    files = runs[-1].checkpoints.files()
    if runs[-1].finished:
        return "finished"
    if not files:
        return "before the first checkpoint"
    epochs, batches = (int(part) for part in files[-1].name.split("-")[:2])
    return f"{epochs} epochs, {batches} batches"


@pytest.mark.parametrize("trial", range(KILLS))
def test_a_killed_training_goes_on_to_the_same_end(trial: int, whole: Path, tmp_path: Path) -> None:
    """Killed at a moment that chance chooses, some again, then left to end."""
    chance = random.Random(trial)
    overrides = CONFIGS[trial % min(len(CONFIGS), max(KILLS // 3, 1))]
    seconds, expected = uninterrupted(whole, overrides)
    moments = []
    for _ in range(1 + trial % 2):
        process = begin(tmp_path, *overrides)
        after = chance.uniform(0.25, 1.0) * seconds
        try:
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        moments.append(f"{after:.2f} s: {reached(tmp_path)}")
    process = begin(tmp_path, *overrides)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    same = results(finished(tmp_path)) == expected
    print(f"| {trial + 1} | {overrides[0][11:]} | {'; '.join(moments)} | {same} |")
    assert same


def finished(outputs: Path) -> Run:
    """Return the run that finished last."""
    return [run for run in Run.all(outputs) if run.finished][-1]


def asked(outputs: Path, number: int, line: str, *overrides: str) -> tuple[int, str, str]:
    """Send a signal once a line has been written to stderr; return how the process ended."""
    process = begin(outputs, "training.epochs=2000", *overrides)
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
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(
    number: int, code: int, word: str, tmp_path: Path
) -> None:
    minutes = "training.checkpoint_minutes=1000"
    found, out, err = asked(tmp_path, number, "epoch 2/", minutes, "dataset.limit=null")
    run = Run.latest(tmp_path)
    assert found == code, err
    assert "Traceback" not in err
    assert f"{word}, with history.csv and model.keras kept" in err
    assert f"go on with it: `seqtrain resume {run.folder}`" in err
    assert out.splitlines()[-1] == str(run.folder)
    assert run.checkpoints.newest() is not None
    assert not run.training


SECOND = """
import os, signal
from seqtrain.signals import listening
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
