"""seqtrain, as its command line runs it."""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks import sides
from seqtrain.backend import execution
from seqtrain.config import load_config
from seqtrain.runs.run import Run
from seqtrain.training import loop


def main(folder: str, seed: str, backend: str, *keys: str) -> None:
    """Train into a temporary run folder, with other keys set if they are given."""
    described = sides.description(folder)
    overrides = [*described["overrides"], f"seed={seed}", f"execution.backend={backend}", *keys]
    if described["mask"]:
        overrides.append("training.bucket_by_length=true")
    config = load_config(Path(described["config"]), overrides)
    dataset = config.dataset.load(Path(described["data_dir"]))
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    import keras

    ends: list[float] = []
    held: list[int] = []

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            ends.append(time.perf_counter())

        def on_train_end(self, logs: object = None) -> None:
            held.append(sides.peak())

    with tempfile.TemporaryDirectory() as outputs:
        run = Run.create(Path(outputs), resolved)
        loop.train(resolved, dataset, run, [Clock()])
        losses = [row["val_loss"] for row in run.history()]
        sides.report(ends, losses, int(run.metrics()["parameters"]), held[-1])


main(*sys.argv[1:])
