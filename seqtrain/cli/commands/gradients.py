"""`seqtrain gradients`: how far the gradient reaches back in time."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, FORMAT, JSON, OUTPUT, command


@command("seqtrain gradients configs/imdb_rnn.yaml configs/imdb_lstm.yaml --data-dir data")
@click.argument("networks", nargs=-1, required=True, metavar="RUN|CONFIG... [KEY=VALUE]...")
@FORMAT
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the picture  [default: plots/ in a single run; else in --output].",
)
@OUTPUT
@DATA_DIR
@JSON
def gradients(
    networks: tuple[str, ...],
    suffix: str,
    folder: Path | None,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show how far the gradient reaches back in time.

    A CONFIG is measured with its initial weights; a RUN also with its trained weights. KEY=VALUE
    changes a key of every CONFIG.
    """
    from seqtrain.interpretation import gradient_flow, gradient_plots, gradient_table

    console.show_log()
    places = [Path(argument) for argument in networks if "=" not in argument]
    keys = [argument for argument in networks if "=" in argument]
    if not places:
        raise click.UsageError(f"Name the run or the config too: RUN, or CONFIG {keys[0]}.")
    chosen = gradient_flow.sources(places, keys, outputs)
    if keys and all(source.run for source in chosen):
        raise click.UsageError(f"`{keys[0]}` changes a key of a config, but only runs are given.")
    target = folder or gradient_flow.home(chosen, outputs)
    found = [one for source in chosen for one in gradient_flow.measure(source, data_dir)]
    picture = gradient_plots.draw(found, target, suffix)
    if as_json:
        console.result_json({"networks": gradient_flow.numbers(found), "file": str(picture)})
    else:
        said = [gradient_table.format_table(found), *gradient_table.advice(found), str(picture)]
        console.result("\n\n".join(said))
