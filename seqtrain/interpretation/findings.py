"""What a report shows of how a network learns and reads, found where no command has asked yet."""

import logging
from collections.abc import Callable
from pathlib import Path

from seqtrain.errors import SeqtrainError
from seqtrain.interpretation import explanation, gradient_flow
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import GRADIENTS, Run

log = logging.getLogger(__name__)


def find(run: Run, data_dir: Path | None) -> None:
    """Measure the gradients of a run, and explain an example, unless its folder has them.

    What cannot be found, such as where the data are gone, is told and left out.
    """
    wanted: dict[str, Callable[[Run, Path | None], None]] = {}
    if not run.has(GRADIENTS):
        wanted["its gradients"] = measure
    if not any((run.folder / EXPLAINED).glob("*.json")):
        wanted["an example, explained"] = explain
    for what, find_it in wanted.items():
        log.info("for the report: %s (`--quick` goes without)", what)
        try:
            find_it(run, data_dir)
        except SeqtrainError as error:
            log.warning("the report goes without %s: %s", what, error.message)


def measure(run: Run, data_dir: Path | None) -> None:
    """Leave the gradients at the start and after training in the run."""
    gradient_flow.measure(gradient_flow.Source(run.label, run.config, run), data_dir)


def explain(run: Run, data_dir: Path | None) -> None:
    """Leave in the run how its network reads its worst mistake."""
    example = explanation.example_of_split(run, "test", worst(run), data_dir)
    explanation.keep(run, explanation.explain(run, example))


def worst(run: Run) -> int:
    """Return the number of the test example that `mistakes.csv` names first; 1 where none is."""
    rows = run.read_rows("mistakes.csv") if run.has("mistakes.csv") else []
    try:
        return int(rows[0]["example"]) if rows else 1
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has not the right {error}") from error
