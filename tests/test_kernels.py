"""The loops that replace Keras's, on both backends, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, soaked

pytestmark = [pytest.mark.tf, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "kernel_differences.py"
QUICKLY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # compiled, which takes the time


@pytest.mark.parametrize(
    ("backend", "cases", "number"),
    [
        *[("tensorflow", "some", 3), ("jax", "some", 3)],
        *[soaked("tensorflow", "all", 14), soaked("jax", "all", 12)],
    ],
)
def test_the_loops_compute_what_those_of_keras_do(backend: str, cases: str, number: int) -> None:
    """For many cells and settings in one process, because a process takes long to start."""
    done = subprocess.run(
        [sys.executable, SCRIPT, cases],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(REPOSITORY), **QUICKLY},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["differences"]) == number
    assert {case: off for case, off in found["differences"].items() if not off < 1e-5} == {}
    # a layer that is set to something else keeps its loop
    assert found["replaced"] == {"plain": True, "recurrent_dropout": False, "activation": False}
