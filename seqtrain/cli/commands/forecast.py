"""`seqtrain forecast`: the next values of a run's series."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA_DIR, OUTPUT, command
from seqtrain.display.sentences import listed

PICTURES = (".png", ".svg", ".pdf")


@command("seqtrain forecast airline_lstm --steps 24 --format csv")
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="File with newer values, in the form of the run's data; the forecast begins at its end.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    help="Number of steps  [default: the horizon of the run].",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="Form of the forecasts.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture to draw of the series' ends and the forecasts: .png, .svg or .pdf.",
)
@OUTPUT
@DATA_DIR
def forecast(
    run: Path | None,
    data: Path | None,
    steps: int | None,
    form: str,
    picture: Path | None,
    outputs: Path,
    data_dir: Path | None,
) -> None:
    """Forecast the next values of series, with intervals.

    RUN is a folder, or a name under --output (default: the newest). Of a group of seeds, the one
    that is best on validation answers.
    """
    from seqtrain.inference.next_values import forecast as forecast_run
    from seqtrain.runs import lookup

    console.show_log()
    if picture and picture.suffix not in PICTURES:
        raise click.UsageError(f"--plot takes a file that ends in {listed(PICTURES, 'or')}.")
    found = forecast_run(lookup.best(run, outputs), data, steps, data_dir)
    console.result(console.format_rows(found.rows(), form))
    if picture:
        from seqtrain import drawing, plots

        with drawing.picture(picture.name):
            plots.save(plots.next_values(found), picture)
