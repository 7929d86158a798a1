"""A config to begin with."""

from pathlib import Path

import click

from seqtrain import console
from seqtrain.options import command


@command("seqtrain init imdb_lstm")
@click.argument("name", required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Your own file, to draft a config for."
)
@click.option("--to", type=click.Path(path_type=Path), help="File to write  [default: NAME.yaml].")
def init(name: str | None, data: Path | None, to: Path | None) -> None:
    """Copy the shipped config NAME to here, or draft one for your own data. Overwrites nothing."""
    from seqtrain import shipped

    if data:
        from seqtrain.draft import draft

        written = to or Path(f"{data.stem}.yaml")
        shipped.write_new(written, draft(data, written))
        console.message(f"look at it: `seqtrain check {written} --load`")
    elif name:
        written = shipped.copy(name, to or Path(f"{name}.yaml"))
    else:
        raise click.UsageError("Name a shipped config, or your own file with --data.")
    console.message(f"train it: `seqtrain train {written}`")
    console.result(str(written))
