"""`seqtrain evaluate`: the scores of a run."""

from pathlib import Path
from typing import Any

import click

from seqtrain.cli import console
from seqtrain.cli.options import (
    DATA,
    DATA_DIR,
    JSON,
    LABEL_COLUMN,
    OUTPUT,
    SPLIT,
    TEXT_COLUMN,
    command,
    only_with_data,
    typed,
)


@command("seqtrain evaluate --split validation --json")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@SPLIT
@DATA
@TEXT_COLUMN
@LABEL_COLUMN
@OUTPUT
@DATA_DIR
@JSON
def evaluate(
    run: Path | None,
    split: Any,
    data: Path | None,
    text_column: str | None,
    label_column: str | None,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Evaluate a run on its test examples, or on others.

    RUN is a folder, or a name under --output (default: the newest). For a group of seeds, print the
    scores of each and their mean; for a sweep, those of its best.
    """
    from seqtrain.cli.score_tables import format_evaluation
    from seqtrain.comparison.run_table import format_seeds
    from seqtrain.inference import network
    from seqtrain.runs import lookup

    console.show_log()
    if data and typed("split"):
        raise click.UsageError("Give --data or --split, not both.")
    only_with_data(data, text=text_column, label=label_column)
    runs = lookup.evaluated(run, outputs)
    if data:
        found = [network.evaluate_given(one, data, text_column, label_column) for one in runs]
    else:
        found = [network.evaluate(one, split, data_dir) for one in runs]
    if as_json:
        console.result_json(found[0] if len(found) == 1 else found)
    elif len(found) == 1:
        console.result(format_evaluation(found[0], runs[0].task))
    else:
        console.result(format_seeds(found, runs[0].task.example))
