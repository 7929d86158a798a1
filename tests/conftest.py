"""What tests share: an isolated cache, the command line in this process, and the real data."""

import gc
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from seqtrain.cli.main import main
from seqtrain.datasets import digits
from seqtrain.plots import base
from seqtrain.runs.run import Run
from seqtrain.training import loop

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # as commands have it, whoever imports TensorFlow first

settings.register_profile(
    "seqtrain", deadline=None, max_examples=50
)  # shared machines pause as they like
settings.load_profile("seqtrain")

REPOSITORY = Path(__file__).parent.parent
CONFIGS = sorted((REPOSITORY / "configs").rglob("*.yaml"))


class Outcome(NamedTuple):
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True, scope="session")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let all processes of all tests share what JAX compiles, which takes most of their time."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(shared / "jax")


digits._images = cache(digits._images)  # read once, for no test changes them
base.DPI = 50  # few pixels, which are drawn faster

LARGE = ("pytest", "tensorflow", "sklearn", "matplotlib")
frozen: set[str] = set()


def freeze() -> None:
    """Exclude the objects of large modules from garbage collection."""
    if loaded := [name for name in LARGE if name in sys.modules and name not in frozen]:
        frozen.update(loaded)
        gc.collect()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a worker at once, after its results: TensorFlow takes ten seconds to exit."""
    if hasattr(config, "workerinput"):
        os._exit(0)


NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder, whose name is numbered here: pytest looks through those of all tests."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{next(NUMBERS):04}_{name}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with empty caches and no data but what a test names.

    Nothing waits for the disk: power is not lost here.
    """
    freeze()
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("SEQTRAIN_DATA_DIR", raising=False)


def soaked(*case: object) -> Any:
    """Return a case of a parametrised test that repeats others, so `make soak` runs it."""
    return pytest.param(*case, marks=pytest.mark.soak)


@contextmanager
def drawing(draw: Callable[[Run], None] = loop.draw) -> Iterator[None]:
    """Let trainings draw their plots, which other tests do not need."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "draw", draw)
        yield


@pytest.fixture(autouse=True, scope="session")
def undrawn() -> Iterator[None]:
    """Let trainings draw nothing, because drawing takes longer than the trainings of tests."""
    with drawing(lambda run: None):
        yield


@pytest.fixture
def seqtrain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command line in this process: `seqtrain("check", "a.yaml")`."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["seqtrain", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            exit_code = 0
        except SystemExit as stop:
            exit_code = int(stop.code or 0)
        return Outcome(exit_code, *capfd.readouterr())

    return run


REAL_DATA = os.environ.get("SEQTRAIN_DATA_DIR")


@pytest.fixture
def real_data() -> Path:
    """The folder with the real IMDB and MNIST."""
    if REAL_DATA is None:
        pytest.skip("SEQTRAIN_DATA_DIR names no folder with the real data")
    return Path(REAL_DATA)


TABLES = {
    "kill": ("trial", "model", "killed at", "same to the bit"),
    "fuzzing": ("reader", "examples", "refused with a sentence", "read"),
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what `make soak` counts as tables of Markdown, and the other tests as a number."""
    if "SEQTRAIN_EXAMPLES" not in os.environ:
        return
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    for name, header in TABLES.items():
        rows = sorted(
            row for report in reports for key, row in report.user_properties if key == name
        )
        lines = [header, ["---"] * len(header), *rows]
        terminalreporter.write_line("")
        for line in lines:
            cells = (f"{cell:,}" if type(cell) is int else str(cell) for cell in line)
            terminalreporter.write_line(f"| {' | '.join(cells)} |")
    others = [report for report in reports if not report.user_properties]
    passed = sum(report.passed for report in others)
    terminalreporter.write_line("")
    terminalreporter.write_line(
        f"{passed:,} of {len(others):,} other tests of faults and hostile input passed"
    )
