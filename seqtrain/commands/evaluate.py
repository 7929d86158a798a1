"""The scores of a run."""

from pathlib import Path
from typing import Any

import click

from seqtrain import console
from seqtrain.options import DATA, DATA_DIR, JSON, OUTPUT, command


@command("seqtrain evaluate --split validation --json")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Examples to judge by.",
)
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
    """Judge the saved model of RUN: a folder, or a name under --output (default: the newest)."""
    from seqtrain import inference
    from seqtrain.run import Run
    from seqtrain.scoreboard import format_evaluation

    console.show_log()
    chosen = Run.open(run, outputs) if run else Run.latest(outputs)
    if data:
        found = inference.evaluate_given(chosen, data)
    else:
        found = inference.evaluate(chosen, split, data_dir)
    if as_json:
        console.result_json(found)
    else:
        console.result(format_evaluation(found))
