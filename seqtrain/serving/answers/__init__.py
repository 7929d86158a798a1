"""What a served run can answer: by its data, the operations that the commands have for it."""

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
    if dataset.writes_text:
        from seqtrain.serving.answers import writing_answers

        return writing_answers.served(run)
    if dataset.holds_pairs:  # these two import matplotlib
        from seqtrain.serving.answers import translation_answers

        return translation_answers.served(run)
    if dataset.holds_series:
        from seqtrain.serving.answers import series_answers

        return series_answers.served(run, data_dir)
    if dataset.holds_tokens:
        from seqtrain.serving.answers import text_answers

        return text_answers.served(run)
    from seqtrain.serving.answers import sequence_answers

    return sequence_answers.served(run)
