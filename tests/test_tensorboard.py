"""Logs for TensorBoard say what the history says, and change nothing else.

`test_jax.py` looks at those of the second backend.
"""

import importlib.util
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY, Outcome

QUICK = [
    *(str(REPOSITORY / "configs" / "quickstart.yaml"), "training.epochs=2", "dataset.limit=60"),
    *("model.name=rnn", "model.units=4", "training.tensorboard=true"),
]


def events(run: Run, split: str) -> dict[str, dict[int, float]]:
    """Return the scalars that TensorBoard reads, by name and then by step."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    found: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted((run.folder / "tensorboard" / split).iterdir()):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = tensor_util.make_ndarray(value.tensor).item()
                    found[value.tag][event.step] = number
    return found


def assert_logs_are_the_history(run: Run) -> None:
    for split, prefix in (("train", ""), ("validation", "val_")):
        logged = events(run, split)
        for name in ("loss", "accuracy"):
            written = {int(row["epoch"]) - 1: row[prefix + name] for row in run.history()}
            assert logged[f"epoch_{name}"] == pytest.approx(written)


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
