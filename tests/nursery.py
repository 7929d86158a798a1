"""Run commands in forked processes in which the libraries are already loaded.

A nursery is a process that has imported Keras on a backend. It forks for each command, before
anything was computed, so the child is what a new process would be after its imports.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

from tests.conftest import REPOSITORY

# What is sent is a line of JSON; what comes back is the child's number, and then how it ended.
SCRIPT = """
import json, os, signal, sys
from seqtrain.backend import execution
from seqtrain.cli import console
from seqtrain.cli.main import main
from seqtrain.config import ExecutionConfig

execution.start(ExecutionConfig(backend=sys.argv[1]), 0)
import seqtrain.training.loop, seqtrain.training.launch, seqtrain.training.checkpointing
import seqtrain.plots, sklearn.linear_model, sklearn.pipeline
seqtrain.training.loop.draw = lambda run: None
for line in sys.stdin:
    arguments, log = json.loads(line)
    child = os.fork()
    if not child:
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(written, 1)
        os.dup2(written, 2)
        sys.argv = ["seqtrain", *arguments]
        main()
        sys.exit()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Command:
    """A command that runs, and what it has printed so far on both streams."""

    def __init__(self, backend: str, arguments: list[str], log: Path) -> None:
        self.nursery, self.log = nursery(backend), log
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.answers = self.nursery.stdout.fileno()
        self.nursery.stdin.write(json.dumps([arguments, str(log)]).encode() + b"\n")
        self.number = answer(self.answers)
        self.exit_code: int | None = None

    def printed(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def ended(self, seconds: float = 0.0) -> bool:
        """Wait so many seconds, and return whether the command has ended."""
        if self.exit_code is None and select.select([self.answers], [], [], seconds)[0]:
            self.exit_code = answer(self.answers)
        return self.exit_code is not None

    def comes_to(self, text: str, seconds: float = 120) -> bool:
        """Wait until a text is printed, and return whether the command has got so far."""
        until = time.monotonic() + seconds
        while text not in self.printed() and not self.ended(0.01):
            assert time.monotonic() < until, self.printed()
        return text in self.printed()

    def kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)
        assert self.ended(60)


def answer(stream: int) -> int:
    """Read exactly one line, because `select` must see the bytes after it."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(stream, 1) or b"no answer\n"
    return int(line)


@cache
def nursery(backend: str) -> subprocess.Popen[bytes]:
    """Return the process that has loaded a backend; it ends with this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, backend],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    return process
