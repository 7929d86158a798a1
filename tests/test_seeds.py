"""Several seeds of one config: a group of runs, trained in processes of their own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from seqtrain import memory
from seqtrain.config import load_config
from seqtrain.errors import ConfigError
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.training import children, seeds
from tests.conftest import REPOSITORY, Outcome
from tests.cutting import DROPS, QUICKSTART, RNN, SMALL, go_on, results, start
from tests.factories.runs import config

Patch = pytest.MonkeyPatch
Seqtrain = Callable[..., Outcome]
PHRASES = REPOSITORY / "configs" / "phrases_lstm.yaml"

# Stands for a training: a long one waits for its end, seed 1 fails once, others get metrics.
CHILD = """
import os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
def end(number, frame):
    (folder / "ended").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
(folder / "options").write_text(" ".join(sys.argv[2:]))
print("trains", file=sys.stderr, flush=True)
time.sleep(SECONDS)
if folder.name == "seed-1" and not (folder / "failed").exists():
    (folder / "failed").touch()
    sys.exit(1)
(folder / "started by").write_text(os.environ["SEQTRAIN_STARTED_BY"])
(folder / "metrics.json").write_text("{}")
"""
SHORT = [sys.executable, "-c", CHILD.replace("SECONDS", "0")]
LONG = [sys.executable, "-c", CHILD.replace("SECONDS", "60")]


@pytest.fixture
def pretended(monkeypatch: Patch) -> None:
    """Replace trainings by processes that end at once."""
    monkeypatch.setattr(children, "COMMAND", SHORT)


def group(count: int) -> list[Run]:
    return Run.create_seeds(Path("outputs"), [config(seed=seed) for seed in range(count)])


def test_the_seeds_follow_that_of_the_config(tmp_path: Path) -> None:
    runs = seeds.prepare(load_config(PHRASES, ["seed=3", "dataset.limit=20"]), 3, tmp_path, None)
    assert [run.folder.name for run in runs] == ["seed-3", "seed-4", "seed-5"]
    written = [Run(run.folder).config for run in runs]
    assert [found.seed for found in written] == [3, 4, 5]
    assert len({found.model_copy(update={"seed": 0}).to_yaml() for found in written}) == 1


def test_seeds_that_are_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the seeds 2147483647 to 2147483648"):
        seeds.prepare(load_config(PHRASES, ["seed=2147483647"]), 2, tmp_path, None)
    assert list(tmp_path.iterdir()) == []


def test_no_more_are_trained_at_once_than_there_is_memory_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "total", lambda: 2_100_000_000)
    assert [children.at_once(jobs, "seeds") for jobs in (1, 4, 5, 64)] == [1, 4, 4, 4]
    monkeypatch.setattr(memory, "total", lambda: 1_000_000)
    assert children.at_once(2, "seeds") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "0 is not in the range 1<=x<="),
        (["--seeds", "two"], "'two' is not a valid integer"),
        (["--seeds", "2", "--resume"], "`seqtrain resume` continues old ones"),
        (["--seeds", "2", "--jobs", "0"], "0 is not in the range 1<=x<="),
        (["--jobs", "2"], "`--jobs` needs `--seeds`"),
    ],
)
def test_nonsense_is_one_sentence(options: list[str], message: str, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("train", QUICKSTART, *options)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert not Path("outputs").exists()


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_seed_that_fails_stops_no_other(jobs: int, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("train", PHRASES, "dataset.limit=20", "--seeds", 3, "--jobs", jobs)
    runs = lookup.all_in(Path("outputs"))
    assert outcome.exit_code == 1
    assert "error: 1 of 3 seeds failed: seed-1 (exit code 1)" in outcome.stderr
    assert f"`seqtrain resume {runs[0].group}`" in outcome.stderr
    assert outcome.stdout.splitlines() == [str(runs[0].group)]
    assert [run.finished for run in runs] == [True, False, True]
    command = json.loads((runs[0].folder / "started by").read_text())
    assert command[1:3] == ["train", str(PHRASES)]


@pytest.mark.usefixtures("pretended")
def test_resume_goes_on_with_the_seeds_that_are_unfinished(seqtrain: Seqtrain) -> None:
    runs = group(3)
    runs[0].write_metrics({})
    (runs[1].folder / "failed").touch()
    outcome = seqtrain("resume", runs[0].group)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.splitlines() == [str(runs[0].group)]
    assert [(run.folder / "options").exists() for run in runs] == [False, True, True]
    assert "seed-1 (1 of 2)" in outcome.stderr


@pytest.mark.usefixtures("pretended")
def test_options_come_to_every_seed_of_the_newest_group(
    seqtrain: Seqtrain, monkeypatch: Patch
) -> None:
    older = group(1)
    monkeypatch.setattr("secrets.token_hex", lambda _: "ffff")  # the last of its second
    runs = group(2)
    (runs[1].folder / "failed").touch()
    seqtrain("resume", "--epochs", "30", "--data-dir", "data")
    assert not (older[0].folder / "options").exists()
    for run in runs:
        assert (run.folder / "options").read_text() == "--data-dir data --epochs 30"


def test_a_finished_group_needs_no_resuming(seqtrain: Seqtrain) -> None:
    runs = group(2)
    for run in runs:
        run.write_metrics({})
    outcome = seqtrain("resume")
    assert outcome.exit_code == 0
    assert f"{runs[0].group} is finished; `--epochs N` trains more epochs" in outcome.stderr


INTERRUPTED = f"""
import signal
from seqtrain.cli.main import main
from seqtrain.training import children, seeds
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and after nohup
children.COMMAND = {LONG!r}
main()
"""


@pytest.mark.parametrize(
    ("number", "code", "word", "jobs"),
    [
        (signal.SIGINT, 130, "interrupted", 1),
        (signal.SIGINT, 130, "interrupted", 2),
        (signal.SIGTERM, 143, "terminated", 2),
        (signal.SIGHUP, 143, "terminated", 1),
    ],
)
def test_a_signal_ends_the_trainings_and_begins_no_other(
    number: int, code: int, word: str, jobs: int
) -> None:
    runs = group(3)
    command = [sys.executable, "-c", INTERRUPTED, "resume", "--jobs", str(jobs)]
    process = subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True)
    assert process.stderr is not None
    lines = [next(line for line in process.stderr if "trains" in line) for _ in range(jobs)]
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert f"{word}, with 0 of 3 seeds finished" in err
    assert f"`seqtrain resume {runs[0].group}`" in err
    assert out.splitlines() == [str(runs[0].group)]
    assert [(run.folder / "ended").exists() for run in runs] == [n < jobs for n in range(3)]
    assert len(lines) == jobs


@pytest.mark.tf
@pytest.mark.slow
def test_a_seed_of_a_group_equals_the_run_that_it_would_be_alone(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    few = [*SMALL, *DROPS, *RNN, "training.epochs=2", "seed=1"]
    (run,) = seeds.prepare(load_config(QUICKSTART, few), 1, tmp_path, None)
    seeds.train([run])
    alone = go_on(start(tmp_path, *few))
    assert results(Run(run.folder)) == results(alone)
