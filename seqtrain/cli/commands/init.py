"""`seqtrain init`: a config to start from."""

from pathlib import Path

import click

from seqtrain.cli import console
from seqtrain.cli.options import command

EXAMPLE_PAIRS = 1_000  # pairs of sentences in the table of --example


@command("seqtrain init --data reviews.csv --label stars")
@click.argument("arguments", nargs=-1, metavar="[NAME] [KEY=VALUE]...")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Your own file, to draft a config for."
)
@click.option(
    "--text", metavar="COLUMN", help="Column of the texts (or sources), if init chooses another."
)
@click.option(
    "--label", metavar="COLUMN", help="Column of the labels (or targets), if init chooses another."
)
@click.option(
    "--example",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a table of 2,000 sentences and their classes, to try --data with.",
)
@click.option("--to", type=click.Path(path_type=Path), help="File to write  [default: NAME.yaml].")
def init(
    arguments: tuple[str, ...],
    data: Path | None,
    text: str | None,
    label: str | None,
    example: Path | None,
    to: Path | None,
) -> None:
    """Copy or draft a config.

    NAME is a shipped config (`seqtrain list configs`); --data drafts one for your own file. A file
    is never overwritten. KEY=VALUE sets a key of the new config, for example how to read the data:
    dataset.encoding=cp1252.
    """
    from seqtrain.display.escape import argument
    from seqtrain.schema import shipped

    if example:
        if arguments or data or text or label or to:
            raise click.UsageError("Give --example alone: it writes a table, and no config.")
        _write_table(example)
        return
    if data:
        stem = Path(data.stem).stem if data.suffix.lower() == ".gz" else data.stem
        written = to or Path(f"{stem}.yaml")
        _draft(data, written, arguments, text, label)
        console.message(f"look at it: `seqtrain check {argument(written)} --load`")
    else:
        name = _only_name(arguments, text or label)
        written = shipped.copy(name, to or Path(f"{name}.yaml"))
    console.message(f"train it: `seqtrain train {argument(written)}`")
    console.result(str(written) if not str(written).startswith("-") else f"./{written}")


def _write_table(file: Path) -> None:
    from seqtrain.datasets import phrases
    from seqtrain.display.escape import argument
    from seqtrain.schema import shipped

    if file.suffix.lower() != ".csv":
        raise click.UsageError(f"The table is a CSV file: --example {argument(file)}.csv")
    shipped.write_new(file, phrases.table(EXAMPLE_PAIRS), "--example")
    console.message(f"write a config for it: `seqtrain init --data {argument(file)}`")
    console.result(str(file))


def _draft(
    data: Path, written: Path, arguments: tuple[str, ...], text: str | None, label: str | None
) -> None:
    from seqtrain.display.escape import argument
    from seqtrain.schema import shipped

    for one in arguments:
        if "=" not in one:
            to = argument(Path(one if one.endswith((".yaml", ".yml")) else f"{one}.yaml"))
            raise click.UsageError(
                f"'{one}' is not KEY=VALUE; --data drafts a config, and `--to {to}` names its file."
            )
    shipped.check_new(written)
    from seqtrain.scaffold.data_keys import Request
    from seqtrain.scaffold.draft import draft

    found = draft(Request(data, written, arguments, text, label))
    shipped.write_new(written, found.text)
    for warning in found.warnings:
        console.message(f"warning: {warning}")
    for name, sentence in found.told:
        console.message(f"{name:<11}{sentence}")
    if any(name == "label" for name, _ in found.told):
        console.message("to correct it: --text COLUMN, --label COLUMN, KEY=VALUE")


def _only_name(arguments: tuple[str, ...], column: str | None) -> str:
    """Return the name of a shipped config, if it is the only argument."""
    from seqtrain.display.escape import argument

    if not arguments or column is not None:
        raise click.UsageError("Name a shipped config, or your own file with --data.")
    name = arguments[0]
    if Path(name).exists() and not name.endswith((".yaml", ".yml")):
        raise click.UsageError(
            f"'{name}' is a data file, not a config: `seqtrain init --data {argument(Path(name))}`"
        )
    if len(arguments) > 1:
        raise click.UsageError(
            f"'{arguments[1]}' is for --data; keys of a shipped config are set when it is trained: "
            f"`seqtrain train {name}.yaml KEY=VALUE`."
        )
    return name
