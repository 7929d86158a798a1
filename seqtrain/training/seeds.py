"""Train several seeds of one config, each in a process of its own.

So each run is bit-identical to a run on its own, and a failure does not stop the others.
"""

import asyncio
import logging
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

from seqtrain.backend import devices, execution, memory_estimate
from seqtrain.config import CompleteConfig
from seqtrain.errors import ConfigError, TrainingError
from seqtrain.runs.run import Run
from seqtrain.runs.sweeps import SweepFolder
from seqtrain.schema import limits
from seqtrain.training.children import Children, at_once, ended

OF_BEST = "seeds.json"  # of a sweep: which runs train its best trial again

log = logging.getLogger(__name__)


def prepare(config: CompleteConfig, count: int, outputs: Path, data_dir: Path | None) -> list[Run]:
    """Create a group of runs of a config, with its seed and the following ones.

    The data are loaded once, so that errors are shown once, and the trainings find the data in the
    cache.

    Args:
        config: as the user wrote it.
        count: the number of seeds.
        outputs: the folder of all runs.
        data_dir: a folder to look for data files in.

    Raises:
        ConfigError: a seed would be too large.
        DataError: the data cannot be read.
    """
    devices.require_one_process(config.execution, "train --seeds")
    seeds = range(config.seed, config.seed + count)
    if seeds[-1] > limits.SEED:
        raise ConfigError(f"the seeds {seeds[0]} to {seeds[-1]} are not all below 2³¹", "`seed=0`")
    memory_estimate.check(config)
    resolved = execution.resolve(config, config.dataset.load(data_dir))
    configs = [resolved.model_copy(update={"seed": seed}) for seed in seeds]
    return Run.create_seeds(outputs, configs)


def train(
    runs: Sequence[Run], jobs: int = 1, data_dir: Path | None = None, epochs: int | None = None
) -> None:
    """Train runs to their end, each from its current state.

    Args:
        runs: runs of one config, with different seeds.
        jobs: how many to train at once.
        data_dir: a folder to look for data files in.
        epochs: a new number of epochs, or None for that of their config.

    Raises:
        TrainingError: some failed; raised after all have ended.
        KeyboardInterrupt: Ctrl-C or SIGTERM; raised after all have ended with a checkpoint.
    """
    children = Children(data_dir, ["--epochs", str(epochs)] if epochs else [])
    codes = asyncio.run(_all(children, runs, at_once(jobs, "seeds")))
    if children.asked:
        raise children.asked
    failed = [
        f"{run.folder.name} ({ended(code)})" for run, code in zip(runs, codes, strict=True) if code
    ]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {len(runs)} seeds failed: {', '.join(failed)}",
            f"fix the errors above, then resume them: `seqtrain resume {runs[0].group}`",
        )


def retrain(
    folder: SweepFolder, outputs: Path, count: int, jobs: int, data_dir: Path | None
) -> list[Run]:
    """Train the best configuration of a sweep with the seeds after that of the trials.

    The seed of the trials is left out, because chance has favoured the best of them.

    Returns:
        The runs, which are a group; those of an interrupted sweep are resumed.
    """
    best = folder.run(folder.trials().finished[0].number)
    runs: list[Run] = []
    if folder.has(OF_BEST):
        kept = folder.read_json(OF_BEST, dict)
        if kept.get("trial") == best.folder.name and kept.get("count") == count:
            group = folder.folder.parent / str(kept.get("group"))
            runs = [Run(group / f"seed-{best.config.seed + n}") for n in range(1, count + 1)]
            runs = runs if all(one.has("config.yaml") for one in runs) else []
    if not runs:
        config = best.config.model_copy(update={"seed": best.config.seed + 1})
        runs = prepare(config, count, outputs, data_dir)
        group_name = runs[0].folder.parent.name
        kept = {"trial": best.folder.name, "count": count, "group": group_name}
        folder.write_json(OF_BEST, kept)
    left = [one for one in runs if not one.finished]
    if left:
        train(left, jobs, data_dir)
    return runs


async def _all(children: Children, runs: Sequence[Run], jobs: int) -> list[int]:
    """Train all runs, some at once, and return the exit code of each.

    With one job, it writes to our stderr.
    """
    children.listen()
    slots = asyncio.Semaphore(jobs)

    async def train_one(run: Run, place: str) -> int:
        async with slots:
            if children.asked:
                return 0
            log.info("%s (%s): %s", run.folder.name, place, run.folder)
            child = await children.start(run, PIPE if jobs > 1 else None)
            if child.stderr:
                async for line in child.stderr:
                    if text := line.decode(errors="replace").rstrip():
                        log.info("%s  %s", run.folder.name, text)
            return await children.end_of(child)

    return await asyncio.gather(
        *(train_one(run, f"{place} of {len(runs)}") for place, run in enumerate(runs, 1))
    )
