"""Train several seeds of one config, each in a process of its own.

So each run is bit-identical to a run on its own, and a failure does not stop the others.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seqtrain import memory
from seqtrain.backend import execution, memory_estimate
from seqtrain.backend.environment import STARTED_BY
from seqtrain.config import CompleteConfig
from seqtrain.errors import ConfigError, Terminated, TrainingError
from seqtrain.runs.run import Run
from seqtrain.schema import limits
from seqtrain.training.signals import EXCEPTIONS

# Trains a run; with -P a file `random.py` in the working folder is not imported.
COMMAND = [sys.executable, "-P", "-m", "seqtrain", "resume"]
OF_A_TRAINING = 500_000_000  # bytes of the smallest training
LONGEST_LINE = 1 << 20  # bytes to read from the stderr of a training at once
ASKED = {**EXCEPTIONS, signal.SIGHUP: Terminated}  # the terminal was closed

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
    options = ["--data-dir", str(data_dir)] if data_dir else []
    options += ["--epochs", str(epochs)] if epochs else []
    children = _Children(options, at_once(jobs))
    codes = asyncio.run(children.train(runs))
    if children.asked:
        raise children.asked
    failed = [
        f"{run.folder.name} ({_ended(code)})" for run, code in zip(runs, codes, strict=True) if code
    ]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {len(runs)} seeds failed: {', '.join(failed)}",
            f"fix the errors above, then resume them: `seqtrain resume {runs[0].group}`",
        )


def at_once(jobs: int) -> int:
    """Return how many trainings fit into the memory of this machine at once."""
    room = max(memory.total() // OF_A_TRAINING, 1)
    if jobs <= room:
        return jobs
    log.warning(
        "only %d seeds are trained at once, not %d: the memory does not suffice for more",
        room,
        jobs,
    )
    return room


def _ended(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"


class _Children:
    """The training processes, and the signals that came in the meantime.

    They are in another session than the terminal, so that Ctrl-C reaches each only once: as a
    SIGTERM from here, upon which a training writes a checkpoint and ends.
    """

    def __init__(self, options: Sequence[str], jobs: int) -> None:
        self.options = options
        self.jobs = jobs
        self.slots = asyncio.Semaphore(jobs)
        self.running: list[Process] = []
        self.asked: type[KeyboardInterrupt] | None = None

    async def train(self, runs: Sequence[Run]) -> list[int]:
        """Train all, and return the exit code of each."""
        loop = asyncio.get_running_loop()
        for number in ASKED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.end, number)
        return await asyncio.gather(
            *(self._train(run, f"{place} of {len(runs)}") for place, run in enumerate(runs, 1))
        )

    def end(self, number: int) -> None:
        """Ask all to end; a second request ends them at once."""
        self.asked = ASKED[number]
        for child in self.running:
            _terminate(child)

    async def _train(self, run: Run, place: str) -> int:
        async with self.slots:
            if self.asked:
                return 0
            log.info("%s (%s): %s", run.folder.name, place, run.folder)
            child = await self._start(run)
            self.running.append(child)
            if self.asked:
                _terminate(child)
            if child.stderr:
                async for line in child.stderr:
                    if text := line.decode(errors="replace").rstrip():
                        log.info("%s  %s", run.folder.name, text)
            code = await child.wait()
            self.running.remove(child)
            return code

    async def _start(self, run: Run) -> Process:
        """Start a training; with one job it writes to our stderr."""
        return await asyncio.create_subprocess_exec(
            *(*COMMAND, str(run.folder), *self.options),
            env={STARTED_BY: json.dumps(sys.argv)} | os.environ,
            stdout=DEVNULL,
            stderr=PIPE if self.jobs > 1 else None,
            limit=LONGEST_LINE,
            process_group=0,
        )


def _terminate(child: Process) -> None:
    with suppress(ProcessLookupError):  # it has ended
        child.terminate()
