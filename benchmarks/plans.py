"""`python -m benchmarks.plans --data-dir DIR`: speed by key of `execution`, and its `auto`."""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks import machine
from benchmarks.compare import run, seconds
from benchmarks.workloads import prepare
from seqtrain.backend import execution
from seqtrain.config import load_config

PLANS = {"unroll": ("false", "true"), "steps_per_execution": ("1", "32")}  # on TensorFlow
WORKLOADS = ("mnist_rnn", "mnist_lstm")
HEADER = ("workload", "key", "value", "examples/s", "×", "`auto`")


def chosen_by_auto(work: dict[str, object], key: str) -> str:
    """Return what a key becomes in a workload."""
    config = load_config(
        Path(str(work["config"])), [*work["overrides"], "execution.backend=tensorflow"]
    )
    dataset = config.dataset.load(Path(str(work["data_dir"])))
    return str(getattr(execution.resolve(config, dataset).execution, key)).lower()


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("SEQTRAIN_DATA_DIR"))
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.data_dir is None:
        parser.error("name the folder of mnist.npz: --data-dir DIR")
    print(f"{machine.described()}; TensorFlow, {chosen.rounds} rounds of 2 epochs\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for name in WORKLOADS:
        with tempfile.TemporaryDirectory() as folder:
            work = prepare(name, Path(folder), Path(chosen.data_dir).absolute(), 2)
            for key, values in PLANS.items():
                found = {
                    value: seconds(
                        [
                            run("seqtrain", folder, seed, f"execution.{key}={value}")
                            for seed in range(chosen.rounds)
                        ]
                    )
                    for value in values
                }
                auto = chosen_by_auto(work, key)
                for value, epoch in found.items():
                    cells = (name, f"`{key}`", value, f"{work['examples'] / epoch:,.0f}")
                    ratio = f"{found[values[0]] / epoch:.2f}"
                    taken = "this" if value == auto else ""
                    print(f"| {' | '.join(cells)} | {ratio} | {taken} |", flush=True)


if __name__ == "__main__":
    main()
