"""Checkpoints: the complete state of a training, for a bit-identical resume.

Each is a `.npz` file named `<epochs>-<batches>-<hash of its content>.npz`. The names give their
order, independent of the clock, and show which of them are damaged.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtrain.errors import RunError
from seqtrain.io import npz
from seqtrain.io.atomic import replacing, sha256, sync

if TYPE_CHECKING:
    import numpy as np

NAME = re.compile(r"(?P<epoch>\d{6})-(?P<batch>\d{9})-(?P<hash>[0-9a-f]{32})\.npz")
PROGRESS, BEST, VARIABLES = "progress", "best", "variables/"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training at one moment.

    Attributes:
        epoch: the number of finished epochs.
        batch: the number of finished batches in the next epoch.
        variables: the value of every variable of the model, its optimizer and its metrics.
        progress: all other state of the training; JSON.
        best: the content of `model.keras` at this moment; empty if there is none.
    """

    epoch: int
    batch: int
    variables: dict[str, np.ndarray]
    progress: dict[str, Any]
    best: bytes

    @property
    def begun(self) -> int:
        """The number of epochs that have begun."""
        return self.epoch + bool(self.batch)

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        return bool(self.progress["stopped"])


@dataclass
class Checkpoints:
    """The folder of a run's checkpoints; the two newest are kept."""

    folder: Path
    last: Path | None = field(default=None, init=False)  # verified checkpoints

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, and then delete those before the last.

        After a power loss the file is either complete or absent.
        """
        import numpy as np

        if not self.folder.is_dir():
            self.folder.mkdir()
            sync(self.folder.parent)
        unnamed = self.folder / "unnamed.npz"
        arrays: dict[str, Any] = {VARIABLES + key: v for key, v in checkpoint.variables.items()}
        arrays[PROGRESS] = _bytes(json.dumps(checkpoint.progress).encode())
        arrays[BEST] = _bytes(checkpoint.best)
        with replacing(unnamed) as beside:
            np.savez(beside, **arrays)
        name = f"{checkpoint.epoch:06}-{checkpoint.batch:09}-{sha256(unnamed)[:32]}.npz"
        written = unnamed.rename(self.folder / name)
        sync(self.folder)
        for file in self.files():
            if file not in (written, self.last):
                file.unlink()
        self.last = written

    def files(self) -> list[Path]:
        """Return all checkpoints, also damaged ones, in the order of training."""
        return sorted(file for file in self.folder.glob("*.npz") if NAME.fullmatch(file.name))

    def newest(self) -> Checkpoint | None:
        """Return the newest undamaged checkpoint, or None if none was ever written.

        Raises:
            RunError: all are damaged.
        """
        files = self.files()
        for file in reversed(files):
            try:
                found = _read(file)
            except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
                log.warning(
                    "the checkpoint %s is damaged, so the one before counts: %s", file, error
                )
                continue
            self.last = file
            return found
        if files:
            raise RunError(
                f"all checkpoints in {self.folder} are damaged",
                f"train anew: `seqtrain train {self.folder.parent / 'config.yaml'}`",
            )
        return None


def _bytes(content: bytes) -> np.ndarray:
    import numpy as np

    return np.frombuffer(content, dtype=np.uint8)


def _read(file: Path) -> Checkpoint:
    """Read a checkpoint without pickles; any damage is an error."""
    name = NAME.fullmatch(file.name)
    if name is None or sha256(file)[:32] != name["hash"]:
        raise ValueError("its content is not what was written")
    keys = npz.names(file)
    found = dict(zip(keys, npz.read(file, *keys), strict=True))
    progress, best = json.loads(found.pop(PROGRESS).tobytes()), found.pop(BEST)
    kinds = {key: type(value) for key, value in progress.items()}
    callbacks = progress["callbacks"]
    right = kinds == {"callbacks": dict, "stopped": bool, "seconds": float}
    if not right or not all(isinstance(remembered, dict) for remembered in callbacks.values()):
        raise ValueError("it does not say how far the training was")
    if any(array.dtype.kind not in "biuf" for array in found.values()):
        raise ValueError("a variable holds no numbers")
    return Checkpoint(
        int(name["epoch"]),
        int(name["batch"]),
        {key.removeprefix(VARIABLES): array for key, array in found.items()},
        progress,
        best.tobytes(),
    )
