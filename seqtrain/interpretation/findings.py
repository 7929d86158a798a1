"""Compute the gradients and explanations for a report, if no command has done so yet."""

import logging
from collections.abc import Callable
from pathlib import Path

from seqtrain.errors import SeqtrainError
from seqtrain.interpretation import explanation, gradient_flow
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import GRADIENTS, Run

log = logging.getLogger(__name__)


def find(run: Run, data_dir: Path | None) -> None:
    """Measure the gradients of a run and explain an example, unless its folder has them.

    A failure, such as missing data, is logged, and that part is left out.
    """
    if run.config.dataset.holds_pairs:  # `seqtrain explain` shows the attention
        return
    wanted: dict[str, Callable[[Run, Path | None], None]] = {}
    if not run.has(GRADIENTS):
        wanted["its gradients"] = measure
    explained = any((run.folder / EXPLAINED).glob("*.json"))
    if not (explained or run.config.dataset.holds_series):
        wanted["an example, explained"] = explain
    for what, find_it in wanted.items():
        log.info("for the report: %s (`--quick` skips this)", what)
        try:
            find_it(run, data_dir)
        except SeqtrainError as error:
            log.warning("the report leaves out %s: %s", what, error.message)


def measure(run: Run, data_dir: Path | None) -> None:
    """Write the gradients at the start and after training into the run."""
    gradient_flow.measure(gradient_flow.Source(run.label, run.config, run), data_dir)


def explain(run: Run, data_dir: Path | None) -> None:
    """Write an explanation of the worst mistake into the run."""
    example = explanation.example_of_split(run, "test", worst(run), data_dir)
    explanation.keep(run, explanation.explain(run, example))


def worst(run: Run) -> int:
    """Return the number of the first test example in `mistakes.csv`; 1 if there is none."""
    rows = run.read_rows("mistakes.csv") if run.has("mistakes.csv") else []
    try:
        return int(rows[0]["example"]) if rows else 1
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
