"""What a trained network says: probabilities, and the evaluation of a run on a split."""

import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain import execution, metrics
from seqtrain.datasets.base import Split
from seqtrain.errors import RunError
from seqtrain.run import Run

BATCH_SIZE = 256  # examples at once; the results do not depend on it
PREFIXES = {"train": "train", "validation": "val", "test": "test"}  # of scores, as Keras has them

log = logging.getLogger(__name__)


def load_model(run: Run) -> Any:
    """Open the best model of a run, without running any code that the file might hold.

    Raises:
        RunError: there is no model yet, or the file is damaged.
    """
    import keras

    if not run.model_file.is_file():
        raise RunError(
            f"the run `{run.folder}` has no model: it ended before its first epoch did",
            f"train it again: `seqtrain train {run.folder / 'config.yaml'}`",
        )
    try:
        return keras.models.load_model(run.model_file, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(
            f"{run.model_file} cannot be opened: {reason}",
            f"train it again: `seqtrain train {run.folder / 'config.yaml'}`",
        ) from error


def probabilities(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the probability of each class.

    Args:
        model: a network with a sigmoid head of one unit, or a softmax head.
        x: examples, shape (N, T) or (N, T, F).

    Returns:
        float32, shape (N, classes).
    """
    out = model.predict(x, batch_size=BATCH_SIZE, verbose=0)
    return np.concatenate([1 - out, out], axis=1) if out.shape[1] == 1 else out


def evaluate(run: Run, split: Split = "test", data_dir: Path | None = None) -> dict[str, Any]:
    """Run the saved model of a run on a split of its data.

    Returns:
        What `metrics.evaluate` returns, beside the run, its state, the split and the number
        of examples. Scores begin with `train_`, `val_` or `test_`. Nothing is written.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read.
    """
    config = run.config
    execution.start(config.execution, config.seed)
    model = load_model(run)
    trained_on = run.environment()["data"]
    dataset = config.dataset.load(data_dir or _folder(trained_on["source"]))
    if dataset.sha256 != trained_on["sha256"]:
        log.warning("the data are not those that the run was trained on: %s", dataset.source)
    examples = dataset.split(split)
    return {
        "run": str(run.folder),
        "finished": run.finished,
        "split": split,
        "optimistic": run.optimistic and split != "train",
        "examples": len(examples),
        **metrics.evaluate(
            PREFIXES[split],
            examples.labels,
            probabilities(model, examples.x),
            dataset.classes,
        ),
    }


def _folder(source: str) -> Path | None:
    """Return the folder of the file that a run was trained on, where it still lies there."""
    file = Path(source)
    return file.parent if file.is_absolute() and file.exists() else None
