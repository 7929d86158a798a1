"""Print how many trials a second a PostgreSQL database takes from workers of a sweep.

    SEQTRAIN_STORAGE=postgresql://USER@HOST/DATABASE python -m benchmarks.storage

Each worker is a process that does what `seqtrain sweep` does for a trial, without a training: it
takes one under the lock, draws two values by TPE, reports an epoch, and settles it. A study is
empty, or has trials that are finished or running, as with many workers, which make draws dearer.
`ms locked` is how long a trial keeps the
lock: what must happen one after the other. `ms of server` is the CPU time of a server on
this machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from seqtrain.config import load_searched
from seqtrain.training import shared_storage, sweep_start
from seqtrain.training.shared_storage import VARIABLE, SharedStorage
from seqtrain.training.study import RUN, Study, begun, unfinished

CONFIG = """\
name: {name}
dataset: {{name: adding, examples: 40, test_examples: 20, steps: 8}}
model: {{name: rnn, units: 4}}
training: {{epochs: 1, baselines: false}}
sweep:
  space:
    model.dropout: {{range: [0, 0.5]}}
    training.learning_rate: {{log_range: [1e-4, 1e-1]}}
"""
COLUMNS = (
    "finished",
    "running",
    "workers",
    "trials/s",
    "ms per trial",
    "ms locked",
    "ms of server",
)


def joined(file: Path, asked: int) -> tuple[SharedStorage, Study]:
    """Join the study of a config, as a worker does."""
    searched = load_searched(file)
    storage = SharedStorage(os.environ[VARIABLE])
    sweep_start.join(storage, searched, file.parent / "outputs", None, asked)
    return storage, Study(storage, searched)


def work(file: Path, asked: int, ready: Any, seconds: Any) -> None:
    """Settle trials until the study has so many, once all workers are `ready`.

    Args:
        file: the config.
        asked: the number of trials.
        ready: a barrier.
        seconds: a shared number, to which those under the lock are added.
    """
    storage, study = joined(file, asked)
    within = 0.0

    @contextmanager
    def locked() -> Iterator[None]:
        nonlocal within
        with storage.locked():
            began = time.perf_counter()
            yield
        within += time.perf_counter() - began

    with closing(storage):
        ready.wait()
        while begun(study.trials()) < asked:
            with locked():
                trials = study.trials()
                storage.free(unfinished(trials))
                if begun(trials) >= asked:
                    break
                trial = study.draw()
            values = study.values(trial)
            with locked():
                study.trials()
                trial.set_user_attr(RUN, f"trial-{trial.number}")
            study.report(trial, 1, values["model.dropout"])
            with locked():
                study.finish(trial, values["model.dropout"])
            storage.held.pop(trial.number, None)
    with seconds.get_lock():
        seconds.value += within


def connections(storage: SharedStorage) -> int:
    """Return how many connections workers have now."""
    from sqlalchemy import text

    counted = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
    with storage.tables.engine.connect() as connection:
        name = shared_storage.OPTIONS["application_name"]
        return int(connection.scalar(counted, {"name": name}) or 0)


def server_seconds(storage: SharedStorage) -> float:
    """Return the CPU time of the server so far; 0 if it is on another machine."""
    from sqlalchemy import text

    with storage.tables.engine.connect() as connection:
        backend = int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
    try:
        postmaster = _stat(backend)[1]
        stats = [_stat(int(file.name)) for file in Path("/proc").glob("[0-9]*")]
        children = sum(sum(one[11:13]) for one in stats if one and one[1] == postmaster)
        return (sum(_stat(postmaster)[11:15]) + children) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def _stat(process: int) -> list[int]:
    """Return the numbers in the `stat` of a process after its name and its state."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return []
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]


def measured(file: Path, workers: int, asked: int) -> tuple[list[float], int]:
    """Return the seconds of trials: passed, locked, of the server; and the most connections."""
    context = get_context("spawn")
    ready, locked = context.Barrier(workers + 1), context.Value("d", 0.0)
    arguments = (file, asked, ready, locked)
    running = [context.Process(target=work, args=arguments) for _ in range(workers)]
    for one in running:
        one.start()
    storage, study = joined(file, asked)
    with closing(storage):
        ready.wait()
        began, server, most = time.perf_counter(), server_seconds(storage), 0
        while any(one.is_alive() for one in running):
            most = max(most, connections(storage) - 1)
            time.sleep(0.2)
        passed = time.perf_counter() - began
        server = server_seconds(storage) - server
        assert len(study.trials()) == asked, len(study.trials())
    return [passed, locked.value, server], most


def filled(file: Path, finished: int, running: int) -> None:
    """Put finished and running trials into a study."""
    import optuna
    from optuna.trial import TrialState

    storage, study = joined(file, 1)
    domains = {
        "model.dropout": optuna.distributions.FloatDistribution(0, 0.5),
        "training.learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    }
    with closing(storage):
        for number in range(finished + running):
            share = (number * 0.618) % 1
            params = {"model.dropout": share / 2, "training.learning_rate": 1e-4 * 1000**share}
            made = optuna.trial.create_trial(
                params=params,
                distributions=domains,
                state=TrialState.COMPLETE if number < finished else TrialState.RUNNING,
                value=share if number < finished else None,
                user_attrs={RUN: f"trial-{number}"},
            )
            study.study.add_trial(made)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    options.add_argument("--finished", type=int, default=0)
    options.add_argument("--running", type=int, default=0)
    options.add_argument("--trials", type=int, default=100)
    asked = options.parse_args()
    if VARIABLE not in os.environ:
        sys.exit(f"set {VARIABLE}=postgresql://…")
    print(machine.described(), flush=True)
    print(f"| {' | '.join([*COLUMNS, 'connections'])} |\n|{'---|' * 8}", flush=True)
    with TemporaryDirectory() as folder:
        name = f"storage-{os.getpid()}"
        file = Path(folder) / f"{name}.yaml"
        file.write_text(CONFIG.format(name=name))
        filled(file, asked.finished, asked.running)
        done = asked.finished
        for workers in asked.workers:
            seconds, most = measured(file, workers, done + asked.running + asked.trials)
            each = " | ".join(f"{1000 * one / asked.trials:.0f}" for one in seconds)
            rate = f"{asked.trials / seconds[0]:.1f}"
            print(f"| {done:,} | {asked.running:,} | {workers} | {rate} | {each} | {most} |")
            done += asked.trials


if __name__ == "__main__":
    main()
