"""What every side shares: it reads the workload, and reports its epochs as JSON."""

import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

STARTED = time.perf_counter()


def description(folder: str) -> dict[str, Any]:
    """Return what is to be done."""
    return dict(json.loads((Path(folder) / "workload.json").read_text()))


def workload(folder: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description and the arrays."""
    return description(folder), dict(np.load(Path(folder) / "arrays.npz"))


def peak() -> int:
    """Return the most bytes that this process has held until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def report(ends: list[float], val_loss: list[float], parameters: int, held: int) -> None:
    """Print the times at which epochs ended, after the process began, and what they reached.

    Args:
        ends: of epochs, as `time.perf_counter` has them.
        val_loss: after each epoch.
        parameters: of the network.
        held: the most bytes until the last epoch ended; what a side does later counts for none.
    """
    print(
        json.dumps(
            {
                "ends": [end - STARTED for end in ends],
                "val_loss": val_loss,
                "parameters": parameters,
                "bytes": held,
            }
        )
    )
