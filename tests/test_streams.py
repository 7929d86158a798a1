"""Standard streams that are closed, full or a closed pipe, and Ctrl-C while Python imports."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain.runs import lookup
from tests.conftest import REPOSITORY, soaked

TRAIN = (
    *("train", str(REPOSITORY / "configs" / "quickstart.yaml"), "training.epochs=1"),
    *("model.units=4", "dataset.limit=100", "training.baselines=false"),
)
FULL = "cannot be written to: No space left on device"
soak = pytest.mark.soak
has_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(redirects: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, with redirects such as `2>&-`."""
    command = shlex.join([sys.executable, "-m", "seqtrain", *arguments])
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} {redirects}"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [["list"], *map(soaked, (["--help"], ["check", TRAIN[1]], ["schema"]))]
)
@pytest.mark.parametrize(
    ("redirects", "reason"),
    [(">&-", "is closed"), pytest.param(">/dev/full", FULL, marks=has_full)],
)
def test_a_result_that_cannot_be_printed_is_an_error(
    arguments: list[str], redirects: str, reason: str
) -> None:
    done = shell(redirects, *arguments)
    assert done.returncode == 1
    assert done.stderr == f"error: standard output {reason}\n"
    assert shell(f"{redirects} 2>&-", *arguments).returncode == 1


def test_a_reader_that_had_enough_is_told_nothing() -> None:
    done = shell("> >(exec <&-)", "schema")
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.parametrize(
    "redirects", ["2>&-", soaked("<&-"), pytest.param("2>/dev/full", marks=[has_full, soak])]
)
def test_a_result_needs_no_other_stream(redirects: str) -> None:
    assert shell(redirects, "list").stdout == shell("", "list").stdout
    assert shell(redirects, "check", "nowhere.yaml").returncode == 2


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    "redirects",
    ["<&- 2>&-", pytest.param("2>/dev/full", marks=[has_full, soak]), soaked("2> >(true)")],
)
def test_a_training_goes_on_without_a_stream(redirects: str) -> None:
    done = shell(redirects, *TRAIN)
    run = lookup.latest(Path("outputs"))
    assert (done.returncode, done.stdout) == (0, f"{run.folder}\n")
    assert run.finished
    assert "epoch 1/1" in run.log_file.read_text()


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    "seeds", [["--seeds", "1"], soaked([]), soaked(["--seeds", "2", "--jobs", "2"])]
)
def test_a_training_goes_on_without_any_stream(seeds: list[str]) -> None:
    done = shell("<&- >&- 2>&-", *TRAIN, *seeds)
    assert done.returncode == 1  # where the run lies could not be printed
    runs = lookup.all_in(Path("outputs"))
    assert len(runs) == (2 if "2" in seeds else 1)
    for run in runs:
        assert run.finished
        assert "epoch 1/1" in run.log_file.read_text()


def test_closed_standard_input_is_one_sentence() -> None:
    imports = "from seqtrain.cli import console; from seqtrain.io import streams"
    script = f"{imports}\nwith streams.standing():\n console.lines()"
    command = shlex.join([sys.executable, "-c", script])
    done = subprocess.run(
        ["bash", "-c", f"{command} <&-"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "DataError: standard input is closed" in done.stderr


IMPORTING = """
import os, signal, sys
class Interrupts:
    def find_spec(self, name, *rest):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from seqtrain.__main__ import main
sys.argv = ["seqtrain", "check", "nowhere.yaml"]
main()
"""


@pytest.mark.parametrize("module", ["click", "seqtrain.cli.options", "pydantic", "yaml"])
def test_ctrl_c_during_imports_ends_at_once(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING.replace("sys.argv[1]", repr(module))],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
