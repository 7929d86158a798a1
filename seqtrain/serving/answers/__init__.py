"""What a served run can answer: by its data, the operations that the commands have for it.

There is a file for each kind of data, of which only the one that is needed is imported.
"""

from importlib import import_module
from pathlib import Path

from seqtrain.runs.run import Run
from seqtrain.serving.answers.base import Served


def of_run(run: Run, data_dir: Path | None = None) -> Served:
    """Load the network of a run, and return what it can answer.

    Raises:
        RunError: the run has no model.
        DataError: its network cannot read what a request can hold.
    """
    dataset = run.config.dataset
    if dataset.holds_series:
        from seqtrain.serving.answers import series_answers

        return series_answers.served(run, data_dir)
    kind = "sequence"
    if dataset.writes_text:
        kind = "writing"
    elif dataset.holds_pairs:
        kind = "translation"
    elif dataset.holds_tokens:
        kind = "text"
    served: Served = import_module(f"{__name__}.{kind}_answers").served(run)
    return served
