"""Print how many trials a second a PostgreSQL database takes from workers of a sweep.

    SEQTRAIN_STORAGE=postgresql://USER@HOST/DATABASE python -m benchmarks.storage

Each worker is a process that draws trials with TPE as `seqtrain sweep` does: it takes one under the
lock, draws two values, reports an epoch, and settles it, without a training. It runs against an
empty study for each number of workers, then against one of many trials, whose draws cost more.
"""

import argparse
import os
import sys
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from seqtrain.config import load_searched
from seqtrain.training import shared_storage, sweep_start
from seqtrain.training.shared_storage import VARIABLE, SharedStorage
from seqtrain.training.study import RUN, Study

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


def joined(file: Path, asked: int) -> tuple[SharedStorage, Study]:
    """Join the study of a config, as a worker does."""
    searched = load_searched(file)
    storage = SharedStorage(os.environ[VARIABLE])
    sweep_start.join(storage, searched, file.parent / "outputs", None, asked)
    return storage, Study(storage, searched)


def work(file: Path, asked: int, ready: Any) -> None:
    """Tell trials until the study has so many, once all workers are `ready`."""
    storage, study = joined(file, asked)
    with closing(storage):
        ready.wait()
        while True:
            with storage.locked():
                storage.free(study.unfinished())
                if study.begun() >= asked:
                    return
                trial = study.draw()
            values = study.values(trial)
            with storage.locked():
                study.trials()
                trial.set_user_attr(RUN, f"trial-{trial.number}")
            study.report(trial, 1, values["model.dropout"])
            with storage.locked():
                study.finish(trial, values["model.dropout"])
            storage.held.discard(trial.number)


def connections(storage: SharedStorage) -> int:
    """Return how many connections workers have now."""
    from sqlalchemy import text

    counted = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
    with storage.tables.engine.connect() as connection:
        name = shared_storage.OPTIONS["application_name"]
        return int(connection.scalar(counted, {"name": name}) or 0)


def measured(folder: Path, workers: int, before: int, trials: int) -> tuple[float, int]:
    """Return the seconds of so many trials after those before, and the most connections."""
    name = f"storage-{workers}-{before}-{os.getpid()}"
    file = folder / f"{name}.yaml"
    file.write_text(CONFIG.format(name=name))
    context = get_context("spawn")
    if before:
        filled(file, before)
    ready = context.Barrier(workers + 1)
    running = [
        context.Process(target=work, args=(file, before + trials, ready)) for _ in range(workers)
    ]
    for one in running:
        one.start()
    storage, study = joined(file, before + trials)
    with closing(storage):
        ready.wait()
        began, most = time.perf_counter(), 0
        while any(one.is_alive() for one in running):
            most = max(most, connections(storage) - 1)
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        ended = [one for one in study.trials() if one.state.is_finished()]
        assert len(ended) == before + trials, len(ended)
    return seconds, most


def filled(file: Path, trials: int) -> None:
    """Put trials into a study at once."""
    import optuna

    storage, study = joined(file, trials)
    domains = {
        "model.dropout": optuna.distributions.FloatDistribution(0, 0.5),
        "training.learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    }
    with closing(storage):
        for number in range(trials):
            share = (number * 0.618) % 1
            params = {"model.dropout": share / 2, "training.learning_rate": 1e-4 * 1000**share}
            made = optuna.trial.create_trial(
                params=params,
                distributions=domains,
                value=share,
                user_attrs={RUN: f"trial-{number}"},
            )
            study.study.add_trial(made)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    options.add_argument("--before", type=int, nargs="+", default=[0, 1000])
    options.add_argument("--trials", type=int, default=100)
    asked = options.parse_args()
    if VARIABLE not in os.environ:
        sys.exit(f"set {VARIABLE}=postgresql://…")
    print(machine.described())
    print("| trials before | workers | trials/s | ms per trial | connections |")
    print("|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for before in asked.before:
            for workers in asked.workers:
                seconds, most = measured(Path(folder), workers, before, asked.trials)
                rate, each = asked.trials / seconds, 1000 * seconds / asked.trials
                print(f"| {before:,} | {workers} | {rate:.1f} | {each:.0f} | {most} |", flush=True)


if __name__ == "__main__":
    main()
