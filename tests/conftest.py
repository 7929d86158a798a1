"""What tests share: an isolated cache, the command line in this process, and the real data."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from seqtrain.cli import main

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # as commands have it, whoever imports TensorFlow first

settings.register_profile("seqtrain", deadline=None)  # shared machines pause as they like
settings.load_profile("seqtrain")

REPOSITORY = Path(__file__).parent.parent
CONFIGS = sorted((REPOSITORY / "configs").rglob("*.yaml"))


class Outcome(NamedTuple):
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with empty caches and no data but what a test names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("SEQTRAIN_DATA_DIR", raising=False)


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
