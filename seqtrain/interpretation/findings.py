"""Compute the gradients and explanations for a report, if no command has done so yet."""

import logging
from collections.abc import Callable
from pathlib import Path

from seqtrain.errors import SeqtrainError
from seqtrain.interpretation import (
    attention_maps,
    explanation,
    gradient_flow,
    surprise,
    unit_meanings,
)
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import GRADIENTS, SURPRISE, UNITS, Run

log = logging.getLogger(__name__)


def find(run: Run, data_dir: Path | None) -> None:
    """Measure the gradients of a run and explain an example, unless its folder has them.

    A failure, such as missing data, is logged, and that part is left out.
    """
    wanted: dict[str, Callable[[Run, Path | None], None]] = {}
    dataset = run.config.dataset
    if not (run.has(GRADIENTS) or dataset.holds_pairs):
        wanted["its gradients"] = measure
    if dataset.writes_text:
        wanted |= _of_texts(run)
    explained = any((run.folder / EXPLAINED).glob("*.json"))
    if not (explained or dataset.holds_series or dataset.writes_text):
        wanted["an example, explained"] = explain
    for what, find_it in wanted.items():
        log.info("for the report: %s (`--quick` skips this)", what)
        try:
            find_it(run, data_dir)
        except SeqtrainError as error:
            log.warning("the report leaves out %s: %s", what, error.message)


def _of_texts(run: Run) -> dict[str, Callable[[Run, Path | None], None]]:
    """Return what the folder of a language model lacks, and how it is found."""
    wanted: dict[str, Callable[[Run, Path | None], None]] = {}
    if not run.has(SURPRISE):
        wanted["the surprise of a passage"] = read_passage
    if not run.has(UNITS):
        wanted["units that follow something"] = find_units
    return wanted


def read_passage(run: Run, data_dir: Path | None) -> None:
    """Write the surprise of the first passage of test into the run."""
    surprise.keep(run, surprise.of_split(run, "test", 1, data_dir))


def find_units(run: Run, data_dir: Path | None) -> None:
    """Write the units that follow the line, quotes, brackets and so on into the run."""
    unit_meanings.keep(run, unit_meanings.find(run, data_dir))


def measure(run: Run, data_dir: Path | None) -> None:
    """Write the gradients at the start and after training into the run."""
    gradient_flow.measure(gradient_flow.Source(run.label, run.config, run), data_dir)


def explain(run: Run, data_dir: Path | None) -> None:
    """Write an explanation of the worst mistake into the run."""
    if run.config.dataset.holds_pairs:
        attention_maps.keep(run, attention_maps.of_split(run, "test", worst(run), data_dir))
        return
    example = explanation.example_of_split(run, "test", worst(run), data_dir)
    explanation.keep(run, explanation.explain(run, example))


def worst(run: Run) -> int:
    """Return the number of the first test example in `mistakes.csv`; 1 if there is none."""
    rows = run.read_rows("mistakes.csv") if run.has("mistakes.csv") else []
    try:
        return int(rows[0]["example"]) if rows else 1
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
