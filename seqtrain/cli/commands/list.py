"""`seqtrain list`: datasets, models, shipped configs and runs."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import JSON, OUTPUT, command


@command("seqtrain list configs", name="list")
@click.argument(
    "what", type=click.Choice(["datasets", "models", "configs", "runs"]), required=False
)
@OUTPUT
@JSON
def list_(what: str | None, outputs: Path, as_json: bool) -> None:
    """Show the datasets, models, shipped configs and runs."""
    from seqtrain.cli import listing

    found = listing.everything(outputs)
    chosen = {what: found[what]} if what else found
    if as_json:
        console.result_json(chosen)
    else:
        console.result(console.format_listing(chosen))
