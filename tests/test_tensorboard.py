"""Logs for TensorBoard contain the numbers of the history, and change nothing else.

`test_jax.py` looks at those of the second backend.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.runs import lookup
from tests.conftest import REPOSITORY, Outcome
from tests.factories.trained import assert_logs_are_the_history

QUICK = [
    *(str(REPOSITORY / "configs" / "quickstart.yaml"), "training.epochs=2", "dataset.limit=60"),
    *("model.name=rnn", "model.units=4", "training.tensorboard=true"),
]


@pytest.mark.tf
@pytest.mark.slow
def test_the_logs_go_on_after_a_resume_and_change_no_number(
    seqtrain: Callable[..., Outcome],
) -> None:
    assert seqtrain("train", *QUICK).exit_code == 0
    run = lookup.latest(Path("outputs"))
    assert seqtrain("resume", run.folder, "--epochs", 3).exit_code == 0
    assert len(run.history()) == 3
    assert_logs_are_the_history(run)
    seqtrain("train", *QUICK, "training.tensorboard=false", "training.epochs=3")
    assert lookup.latest(Path("outputs")).history() == run.history()


def test_without_tensorboard_it_is_refused_before_anything_is_written(
    seqtrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "seqtrain.backend.execution.find_spec",
        lambda name: None if name == "tensorboard" else found(name),
    )
    outcome = seqtrain("train", *QUICK)
    assert outcome.exit_code == 2
    assert "TensorBoard is not installed" in outcome.stderr
    assert "pip install 'seqtrain[tensorboard]'" in outcome.stderr
    assert not Path("outputs").exists()
