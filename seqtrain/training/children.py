"""Trainings in processes of their own, and the signals that come in the meantime."""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from seqtrain import memory
from seqtrain.backend.environment import STARTED_BY
from seqtrain.errors import Terminated
from seqtrain.runs.run import Run
from seqtrain.training.signals import EXCEPTIONS

# Trains a run; with -P a file `random.py` in the working folder is not imported.
COMMAND = [sys.executable, "-P", "-m", "seqtrain", "resume"]
OF_A_TRAINING = 500_000_000  # bytes of the smallest training
LONGEST_LINE = 1 << 20  # bytes to read from the stderr of a training at once
SECRET = ("SEQTRAIN_STORAGE", "PGPASSWORD")  # a training needs no database
ASKED = {**EXCEPTIONS, signal.SIGHUP: Terminated}  # the terminal was closed

log = logging.getLogger(__name__)


def at_once(jobs: int, what: str) -> int:
    """Return how many trainings fit into the memory of this machine at once.

    Args:
        jobs: how many are wanted.
        what: what is trained, for the warning: `seeds` or `trials`.
    """
    room = max(memory.total() // OF_A_TRAINING, 1)
    if jobs <= room:
        return jobs
    log.warning(
        "only %d %s are trained at once, not %d: the memory does not suffice for more",
        room,
        what,
        jobs,
    )
    return room


def ended(code: int) -> str:
    """Return how a process ended, from its exit code."""
    return f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"


def terminate(child: Process) -> None:
    """Ask a training to write a checkpoint and to end."""
    with suppress(ProcessLookupError):  # it has ended
        child.terminate()


class Children:
    """The training processes.

    They are in another session than the terminal, so that Ctrl-C reaches each only once: as a
    SIGTERM from here, upon which a training writes a checkpoint and ends.

    Attributes:
        asked: the exception of the signal that asked all to end, if one came.
    """

    def __init__(self, data_dir: Path | None, options: Sequence[str] = ()) -> None:
        self.options = [*(["--data-dir", str(data_dir)] if data_dir else []), *options]
        self.running: list[Process] = []
        self.asked: type[KeyboardInterrupt] | None = None

    def listen(self) -> None:
        """From now on, ask all trainings to end when a signal asks this process to."""
        loop = asyncio.get_running_loop()
        for number in ASKED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        self.asked = ASKED[number]
        self.end()

    def end(self) -> None:
        """Ask all to end; a second request ends them at once."""
        for child in self.running:
            terminate(child)

    async def start(self, run: Run, stderr: IO[bytes] | int | None) -> Process:
        """Start the training of a run; its messages go to `stderr`."""
        environment = {key: value for key, value in os.environ.items() if key not in SECRET}
        child = await asyncio.create_subprocess_exec(
            *(*COMMAND, str(run.folder), *self.options),
            env={STARTED_BY: json.dumps(sys.argv)} | environment,
            stdout=DEVNULL,
            stderr=stderr,
            limit=LONGEST_LINE,
            process_group=0,
        )
        self.running.append(child)
        if self.asked:
            terminate(child)
        return child

    async def end_of(self, child: Process) -> int:
        """Wait for the end of a training, and return its exit code."""
        code = await child.wait()
        self.running.remove(child)
        return code
