"""One training in several processes: the first writes the run, the others follow it.

A follower does all that changes the weights, with a folder of its own that is thrown away. What the
scores of an epoch decide is decided by those of the first process.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from seqtrain.backend import devices
from seqtrain.backend.devices import Place
from seqtrain.config import ResolvedConfig, load_resolved
from seqtrain.data.dataset import Dataset
from seqtrain.errors import ConfigError
from seqtrain.runs.run import Run
from seqtrain.training.signals import Signals

# What a training goes on from; the first process may be writing the log.
RESTORED = (
    *("config.yaml", "environment.json", "history.csv", "timing.csv", "model.keras"),
    *("metrics.json", "trained_on.npz", "checkpoint"),
)


@cache
def _own_folder() -> TemporaryDirectory[str]:
    """Return a folder that is deleted when this process ends."""
    return TemporaryDirectory(prefix="seqtrain-")


def created(outputs: Path, config: ResolvedConfig) -> Run:
    """Create a run; in a follower, a run of its own."""
    at = devices.place(config.execution)
    return Run.create(outputs if at.first else Path(_own_folder().name), config)


def continued(run: Run) -> Run:
    """Return a run to go on with; in a follower, a copy of its own."""
    if devices.place(run.config.execution).first:
        return run
    folder = Path(_own_folder().name) / run.folder.name
    folder.mkdir()
    for name in RESTORED:
        if (run.folder / name).is_dir():
            shutil.copytree(run.folder / name, folder / name)
        elif run.has(name):
            shutil.copyfile(run.folder / name, folder / name)
    return replace(run, folder=folder, known=run.config)


def placed(run: Run, hosts: str | None, number: int | None) -> Run:
    """Return a run with other processes and devices than it began with; None keeps either.

    Args:
        run: the run; its config on disk stays as it is.
        hosts: `execution.hosts`, as it is typed for a config.
        number: `execution.devices`.

    Raises:
        ConfigError: they are not valid.
    """
    typed = {"execution.hosts": hosts, "execution.devices": number}
    overrides = [f"{key}={value}" for key, value in typed.items() if value is not None]
    if not overrides:
        return run
    return replace(run, known=load_resolved(run.folder / "config.yaml", overrides))


def require_agreement(config: ResolvedConfig, dataset: Dataset, run: Run) -> None:
    """Check that all processes are about to train the same.

    Raises:
        ConfigError: this process differs from the first.
    """
    at = devices.place(config.execution)
    if at.processes == 1:
        return
    mine = {
        "seed": config.seed,
        "model": config.model.model_dump(mode="json"),
        "training": config.training.model_dump(mode="json"),
        "data": dataset.sha256,
        "checkpoint": [file.name for file in run.checkpoints.files()[-1:]],
        "devices": config.execution.devices,
    }
    first = devices.from_first(mine)
    if differing := [name for name, value in mine.items() if value != first[name]]:
        raise ConfigError(
            f"this process ({at.number}) differs from the first in: {', '.join(differing)}",
            "start every process with the same command, on the same data and the same run",
        )


@contextmanager
def together(at: Place, run: Run, signals: Signals) -> Iterator[None]:
    """End the body with one sentence if another process is lost; after a signal, as the signal.

    Raises:
        TrainingError: another process is lost.
        KeyboardInterrupt: a follower was asked to end, and the first process has ended.
    """
    again = "seqtrain resume" + (f" {run.folder}" if at.first else "")
    hint = f"resume it in one process, `{again} --hosts null`, or in others, `--hosts …`"
    try:
        with devices.peers_needed(at, hint):
            yield
    except devices.PeerLost:
        if signals.asked:
            raise signals.asked from None
        raise
