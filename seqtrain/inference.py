"""What a trained network says: probabilities, and the evaluation of a run on a split."""

import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain import execution, metrics
from seqtrain.datasets.base import DatasetConfig, Split
from seqtrain.errors import RunError
from seqtrain.run import Run

BATCH_SIZE = 256  # examples at once; the results do not depend on it

log = logging.getLogger(__name__)


def load_model(run: Run) -> Any:
    """Open the best model of a run, without running any code that the file might hold.

    Raises:
        RunError: the file is damaged.
    """
    import keras

    try:
        return keras.models.load_model(run.model_file, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RunError(f"{run.model_file} cannot be opened: {reason}", run.again) from error


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
        What `metrics.evaluate` returns, beside the run, its state, the split, the data and
        the number of examples. Scores begin with `train_`, `val_` or `test_`. Nothing is
        written.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read.
    """
    run.require(run.model_file.name)
    dataset = _dataset_config(run, data_dir).load(data_dir)
    same = dataset.sha256 == run.data_sha256()
    if not same:
        log.warning("the data are not those that the run was trained on: %s", dataset.source)
    execution.start(run.config.execution, run.config.seed)
    model = load_model(run)
    examples = dataset.split(split)
    return {
        "run": str(run.folder),
        "finished": run.finished,
        "split": split,
        "optimistic": split == "validation" or (split == "test" and run.optimistic),
        "data": dataset.source,
        "same_data": same,
        "examples": len(examples),
        **metrics.evaluate(
            metrics.PREFIXES[split],
            examples.labels,
            probabilities(model, examples.x),
            dataset.classes,
        ),
    }


def _dataset_config(run: Run, data_dir: Path | None) -> DatasetConfig:
    """Return what to load: not from where it lay if that is gone, or another place is named."""
    config = run.config.dataset
    path = getattr(config, "path", None)
    stays = path is None or (data_dir is None and Path(path).exists())
    return config if stays else config.model_copy(update={"path": None})
