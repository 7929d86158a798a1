"""The scores of a run."""

from pathlib import Path
from typing import Any

import click

from seqtrain import console
from seqtrain.options import DATA, DATA_DIR, JSON, OUTPUT, SPLIT, command, typed


@command("seqtrain evaluate --split validation --json")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@SPLIT
@DATA
@OUTPUT
@DATA_DIR
@JSON
def evaluate(
    run: Path | None,
    split: Any,
    data: Path | None,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Judge the saved model of RUN: a folder, or a name under --output (default: the newest).

    Of a group of seeds each is judged, and the mean is told.
    """
    from seqtrain import inference
    from seqtrain.run import MODEL, Run
    from seqtrain.scoreboard import format_evaluation
    from seqtrain.sheet import format_seeds

    console.show_log()
    if data and typed("split"):
        raise click.UsageError("Give --data or --split, not both.")
    runs = Run.seeds(run, outputs, MODEL)
    if data:
        found = [inference.evaluate_given(one, data) for one in runs]
    else:
        found = [inference.evaluate(one, split, data_dir) for one in runs]
    if as_json:
        console.result_json(found[0] if len(found) == 1 else found)
    elif len(found) == 1:
        console.result(format_evaluation(found[0]))
    else:
        console.result(format_seeds(found))
