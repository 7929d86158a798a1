"""The loops that replace Keras's, on both backends, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.tf, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "kernel_differences.py"
CASES = [
    "whole last relu training",
    "whole last tanh inference",
    "unrolled all tanh training",
    "masked last tanh training",
    "masked all tanh training",
]


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("cell", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_keras(found: dict[str, Any], cell: str, case: str) -> None:
    assert found["differences"][f"{cell} {case}"] < 1e-5


def test_a_layer_that_is_set_to_something_else_keeps_its_loop(found: dict[str, Any]) -> None:
    assert found["replaced"] == {"plain": True, "recurrent_dropout": False, "activation": False}
