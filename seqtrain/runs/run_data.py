"""Load the data of a run again, and compare them with those of its training."""

import logging
from pathlib import Path

from seqtrain.data.dataset import Dataset, Fitted
from seqtrain.errors import DataError, RunError
from seqtrain.runs.run import Run
from seqtrain.runs.run_files import Artifacts
from seqtrain.sources.base import DatasetConfig

log = logging.getLogger(__name__)


def load(run: Run, data_dir: Path | None) -> Dataset:
    """Load the data of a run as they are now.

    Args:
        run: the run.
        data_dir: a folder to look for data files in.

    Raises:
        DataError: the data cannot be read.
    """
    return _where_it_lies(run.config.dataset, data_dir).load(data_dir)


def load_readable(run: Run, data_dir: Path | None) -> Dataset:
    """Load the data of a run; they may have changed, as long as its network still reads them.

    Raises:
        DataError: the data cannot be read, or their vocabulary or scaling differs from that of
            the run.
    """
    dataset, fitted = load(run, data_dir), run.fitted()
    if dataset.sha256 == run.data_sha256():
        require_same_reading(run, fitted, dataset)
    elif dataset.fitted.reads_as(fitted):
        log.warning("the data are not those that the run was trained on: %s", dataset.source)
    else:
        raise DataError(
            f"the data are not those that the run was trained on, and the network would read "
            f"them wrongly: {dataset.source}",
            _instead(run),
        )
    return dataset


def _instead(run: Run) -> str:
    """Return what can be done with data that a network would read wrongly."""
    if run.config.dataset.holds_series:
        return (
            f"forecast from their end: `seqtrain forecast {run.folder}`; or train on them: "
            f"`seqtrain train {run.folder / 'config.yaml'}`"
        )
    return f"evaluate it on any file with labels: `seqtrain evaluate {run.folder} --data FILE`"


def require_same(run: Run, dataset: Dataset) -> None:
    """Check that the data are those with which the run began.

    Raises:
        DataError: they are not.
    """
    if not run.begun:
        return
    try:
        same = run.data_sha256() == dataset.sha256
    except RunError as error:
        log.warning("whether the data are those that the run began with is not known: %s", error)
        return
    if not same:
        raise DataError(
            f"the data are not those that the run `{run.folder}` began with: {dataset.source}",
            f"bring them back, or train on these: `seqtrain train {run.folder / 'config.yaml'}`",
        )
    if run.has(run.task.file):
        require_same_reading(run, run.fitted(), dataset)


def require_same_reading(run: Artifacts, fitted: Fitted, dataset: Dataset) -> None:
    """Check that the same files still give the same labels and tokens.

    Early versions treated labels that look the same as different, and split words at accents and
    other apostrophes.

    Raises:
        DataError: they do not.
    """
    old, new = fitted.vocabulary, dataset.vocabulary
    if not dataset.task.reads_as(fitted.task):
        changed = "told apart labels that look the same"
    elif old and new and (old.words, old.tokeniser.model) != (new.words, new.tokeniser.model):
        changed = "splits these texts into other tokens"
    else:
        return
    raise DataError(
        f"the run `{run.folder}` was trained by a version that {changed}: {dataset.source}",
        f"evaluate it on a file with labels: `seqtrain evaluate {run.folder} --data FILE`; or "
        f"train anew: `seqtrain train {run.folder / 'config.yaml'}`",
    )


def _where_it_lies(config: DatasetConfig, data_dir: Path | None) -> DatasetConfig:
    """Return the dataset section to load: search again if the path is gone or a folder is named.

    Users' own data are only looked for at their path.
    """
    path = getattr(config, "path", None)
    if path is None or type(config).model_fields["path"].is_required():
        return config
    stays = data_dir is None and Path(path).exists()
    return config if stays else config.model_copy(update={"path": None})
