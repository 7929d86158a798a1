"""Shared code of all sides: read the workload, and report the epochs as JSON."""

import json
import os
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np

STARTED = "BENCHMARK_STARTED"  # when `compare` started this process, as `perf_counter` has it


def description(folder: str) -> dict[str, Any]:
    """Return the arguments."""
    return dict(json.loads((Path(folder) / "workload.json").read_text()))


def workload(folder: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description and the arrays."""
    return description(folder), dict(np.load(Path(folder) / "arrays.npz"))


def peak() -> int:
    """Return the most bytes that this process has held until now.

    Linux counts in `ru_maxrss` what the process held that it was forked from.
    """
    status = Path("/proc/self/status")
    found = status.exists() and re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def report(ends: list[float], val_loss: list[float], parameters: int, held: int) -> None:
    """Print when each epoch ended, counted from the start of the process, and its losses.

    Args:
        ends: of epochs, as `time.perf_counter` has them.
        val_loss: after each epoch.
        parameters: of the network.
        held: the most bytes until the last epoch ended; what a side does later counts for none.
    """
    started = float(os.environ[STARTED])
    print(
        json.dumps(
            {
                "ends": [end - started for end in ends],
                "val_loss": val_loss,
                "parameters": parameters,
                "bytes": held,
            }
        )
    )
