"""From a config to a training run, and from a run that was cut short back into its training."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqtrain.backend import execution, memory_estimate
from seqtrain.config import CompleteConfig, ResolvedConfig, load_resolved
from seqtrain.data.dataset import Dataset
from seqtrain.errors import RunError, SeqtrainError
from seqtrain.runs import lookup, run_data
from seqtrain.runs.run import Run
from seqtrain.training import loop

Watching = Callable[[int], AbstractContextManager[list[Any]]]

log = logging.getLogger(__name__)


def prepare(
    config: CompleteConfig, outputs: Path, data_dir: Path | None, resume: bool = False
) -> tuple[Run, Dataset]:
    """Load the data of a config, and make a run of it, or find the one that it has.

    Args:
        config: as a person wrote it.
        outputs: the folder of all runs.
        data_dir: a folder to look for data files in.
        resume: take the newest unfinished run of the same resolved config, if there is one.
    """
    memory_estimate.check(config)
    dataset = config.dataset.load(data_dir)
    resolved = execution.resolve(config, dataset)
    found = unfinished(outputs, config, resolved) if resume else None
    return found or Run.create(outputs, resolved), dataset


def unfinished(outputs: Path, asked: CompleteConfig, resolved: ResolvedConfig) -> Run | None:
    """Return the newest unfinished run of a config that has begun to train, or None.

    Args:
        outputs: the folder of all runs.
        asked: the config as a person wrote it.
        resolved: the same, resolved; on another machine `auto` may become something else.
    """
    for run in reversed(lookup.all_in(outputs)):
        if (run.group or run.folder).parent.name != resolved.name:
            continue
        try:
            wanted = as_resolved_in(run.config, asked, resolved)
            if not run.finished and run.begun and run.config == wanted:
                return run
        except SeqtrainError as error:
            log.warning("the run %s is left out: %s", run.folder, error)
    return None


def as_resolved_in(
    other: ResolvedConfig, asked: CompleteConfig, resolved: ResolvedConfig
) -> ResolvedConfig:
    """Return a resolved config with what `auto` has become in another."""
    became = {
        key: getattr(other.execution, key) for key, value in asked.execution if value == "auto"
    }
    return resolved.model_copy(update={"execution": resolved.execution.model_copy(update=became)})


def train(run: Run, dataset: Dataset, watching: Watching, epochs: int | None = None) -> None:
    """Train a run to its end, from where it is.

    Args:
        run: a new one, or one that was cut short or is to be extended.
        dataset: its data.
        watching: called with the number of epochs, gives Keras callbacks, such as a progress bar.
        epochs: how many there are to be, if not as many as its config says.

    Raises:
        RunError: another process trains the run, or it cannot go on.
        DataError: the data are not those that the run began with.
        ConfigError: its backend is not installed, or there is not the memory for it.
        TrainingError, KeyboardInterrupt: as `training.train` does.
    """
    with run.locked():
        if run.begun and not run.checkpoints.files():
            raise RunError(
                f"the run `{run.folder}` has no checkpoint to go on from",
                f"train anew: `seqtrain train {run.folder / 'config.yaml'}`",
            )
        if not run.begun and run.has("environment.json"):
            log.info("there is no checkpoint yet: the training starts from the beginning")
        execution.require_installed(run.config)
        run_data.require_same(run, dataset)
        memory_estimate.check_network(run.config, dataset)
        if epochs is not None and epochs != run.config.training.epochs:
            run = replace(run, known=extended(run, epochs))
        execution.start(run.config.execution, run.config.seed)
        with watching(run.config.training.epochs) as callbacks:
            loop.train(run.config, dataset, run, callbacks)


def extended(run: Run, epochs: int) -> ResolvedConfig:
    """Return the config of a run with another number of epochs; the run stays as it is.

    It is written once the training has found that it can go on from the newest checkpoint.

    Raises:
        RunError: it has trained more epochs than that.
        ConfigError: the config does not allow so many.
    """
    newest = run.checkpoints.newest()
    if newest and epochs < newest.begun:
        raise RunError(
            f"the run `{run.folder}` has begun epoch {newest.begun}, so it cannot end after "
            f"{epochs}",
            f"more epochs are fine: `--epochs {newest.begun + 1}`",
        )
    config = load_resolved(run.folder / "config.yaml", [f"training.epochs={epochs}"])
    if newest and config.training.schedule == "cosine":
        log.warning(
            "the cosine schedule of the epochs so far led to epoch %s, so the result is not "
            "that of %s epochs from the start",
            *(run.config.training.epochs, epochs),
        )
    return config
