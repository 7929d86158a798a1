"""Start a training from a config, or resume it from a run."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqtrain.backend import devices, execution, memory_estimate
from seqtrain.config import CompleteConfig, ResolvedConfig, load_resolved
from seqtrain.data.dataset import Dataset
from seqtrain.errors import RunError, SeqtrainError
from seqtrain.runs import lookup, run_data
from seqtrain.runs.run import Run
from seqtrain.training import loop, processes

Watching = Callable[[int], AbstractContextManager[list[Any]]]

PLACED = ("devices", "hosts")  # keys that a resumed run may change

log = logging.getLogger(__name__)


def prepare(
    config: CompleteConfig, outputs: Path, data_dir: Path | None, resume: bool = False
) -> tuple[Run, Dataset]:
    """Load the data of a config, and create a run, or find its unfinished one.

    Args:
        config: as the user wrote it.
        outputs: the folder of all runs.
        data_dir: a folder to look for data files in.
        resume: use the newest unfinished run of the same resolved config, if there is one.
    """
    memory_estimate.check(config)
    dataset = config.dataset.load(data_dir)
    resolved = execution.resolve(config, dataset)
    found = unfinished(outputs, config, resolved) if resume else None
    run = processes.continued(found) if found else processes.created(outputs, resolved)
    return run, dataset


def unfinished(outputs: Path, asked: CompleteConfig, resolved: ResolvedConfig) -> Run | None:
    """Return the newest unfinished run of a config that has begun to train, or None.

    Args:
        outputs: the folder of all runs.
        asked: the config as the user wrote it.
        resolved: the same, resolved here; another machine may have resolved `auto` differently.
    """
    for run in reversed(lookup.all_in(outputs)):
        if (run.group or run.folder).parent.name != resolved.name:
            continue
        try:
            wanted = as_resolved_in(run.config, asked, resolved)
            if not run.finished and run.begun and run.config == wanted:
                placed = {key: getattr(resolved.execution, key) for key in PLACED}
                return replace(run, known=with_execution(wanted, placed))
        except SeqtrainError as error:
            log.warning("the run %s is left out: %s", run.folder, error)
    return None


def as_resolved_in(
    other: ResolvedConfig, asked: CompleteConfig, resolved: ResolvedConfig
) -> ResolvedConfig:
    """Return a resolved config with each `auto` resolved as in another."""
    became = {
        key: getattr(other.execution, key)
        for key, value in asked.execution
        if value == "auto" or key in PLACED
    }
    return with_execution(resolved, became)


def with_execution(config: ResolvedConfig, keys: Mapping[str, Any]) -> ResolvedConfig:
    """Return a config with other values of some keys of its execution."""
    return config.model_copy(update={"execution": config.execution.model_copy(update=keys)})


def train(run: Run, dataset: Dataset, watching: Watching, epochs: int | None = None) -> None:
    """Train a run to its end, from its current state.

    Args:
        run: a new, an interrupted, or a finished run to extend.
        dataset: its dataset.
        watching: takes the number of epochs, yields Keras callbacks, such as a progress bar.
        epochs: a new number of epochs, or None for that of its config.

    Raises:
        RunError: another process trains the run, or it cannot be resumed.
        DataError: the data are not those with which the run began.
        ConfigError: its backend is not installed, or the memory does not suffice.
        TrainingError, KeyboardInterrupt: as in `loop.train`.
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
        execution.check_devices(run.config)
        run_data.require_same(run, dataset)
        memory_estimate.check_network(run.config, dataset)
        if epochs is not None and epochs != run.config.training.epochs:
            run = replace(run, known=extended(run, epochs))
        execution.start(run.config.execution, run.config.seed)
        devices.join(run.config.execution)
        processes.require_agreement(run.config, dataset, run)
        first = devices.place(run.config.execution).first
        with watching(run.config.training.epochs) if first else nullcontext([]) as callbacks:
            loop.train(run.config, dataset, run, callbacks)


def require_not_stopped(run: Run, epochs: int) -> None:
    """Check that early stopping has not ended a run that should train more epochs.

    Raises:
        RunError: it has, or all checkpoints are damaged.
    """
    newest = run.checkpoints.newest()
    if newest and newest.stopped:
        anew = f"{run.folder / 'config.yaml'} training.early_stopping=null training.epochs={epochs}"
        raise RunError(
            f"early stopping has ended the run `{run.folder}` after {newest.epoch} epochs, so "
            f"`--epochs {epochs}` would train nothing",
            f"train anew without early stopping: `seqtrain train {anew}`",
        )


def extended(run: Run, epochs: int) -> ResolvedConfig:
    """Return the config of a run with another number of epochs; the run does not change.

    The config is written once the newest checkpoint has been restored.

    Raises:
        RunError: it has already trained more epochs, or early stopping has ended it.
        ConfigError: the config does not allow so many.
    """
    require_not_stopped(run, epochs)
    newest = run.checkpoints.newest()
    if newest and epochs < newest.begun:
        raise RunError(
            f"the run `{run.folder}` has begun epoch {newest.begun}, so it cannot end after "
            f"{epochs}",
            f"more epochs are fine: `--epochs {newest.begun + 1}`",
        )
    config = load_resolved(run.folder / "config.yaml", [f"training.epochs={epochs}"])
    config = config.model_copy(update={"execution": run.config.execution})
    if newest and config.training.schedule == "cosine":
        log.warning(
            "the learning rate has followed a cosine that ends after epoch %s, so the result will "
            "differ from a training of %s epochs from the start",
            *(run.config.training.epochs, epochs),
        )
    return config
