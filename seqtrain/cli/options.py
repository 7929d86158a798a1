"""The arguments and options that commands share, and how their help is laid out."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seqtrain.schema import limits

OUTPUT = click.option(
    "--output",
    "outputs",
    type=click.Path(file_okay=False, path_type=Path),
    default="outputs",
    show_default=True,
    help="Folder of all runs.",
)
DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder to look for data files in first  [env: SEQTRAIN_DATA_DIR].",
)
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="File with your own examples: CSV, TSV, JSONL, Parquet, Excel, TXT or NPZ.",
)
TEXT_COLUMN = click.option(
    "--text",
    "text_column",
    metavar="COLUMN",
    help="Column of the texts of --data, if not the run's.",
)
LABEL_COLUMN = click.option(
    "--label",
    "label_column",
    metavar="COLUMN",
    help="Column of the labels of --data, if not the run's.",
)
SPLIT = click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Split of the run's data.",
)
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, limits.JOBS),
    metavar="N",
    help="Number of seeds to train at once  [default: 1].",
)
FORMAT = click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
    help="Format of the pictures.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
CONFIG = click.argument("config", type=click.Path(path_type=Path))
OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


def only_with_data(data: Path | None, **columns: str | None) -> None:
    """Raise a usage error where an option names a column, but no --data is given."""
    for option, name in columns.items():
        if name is not None and data is None:
            raise click.UsageError(f"--{option} names a column of a file: give --data too.")


def typed(option: str) -> bool:
    """Return whether the user typed this option."""
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.COMMANDLINE


OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.DOTALL)  # as one is written, known or not


class Command(click.Command):
    """A command whose help ends with an example, and that accepts a text such as `-1 stars`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options first, so that a text may begin with a dash."""
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        options: list[str] = []
        others: list[str] = []
        left = iter(args)
        for arg in left:
            if arg == "--":
                others += left
            elif OPTION.fullmatch(arg):
                options += [arg, *itertools.islice(left, int(arg in valued))]
            else:
                others.append(arg)
        return super().parse_args(ctx, [*options, "--", *others])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example exactly as the user types it."""
        if self.epilog:
            formatter.write(f"\nExample:\n  {self.epilog}\n")


def command(example: str, name: str | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Turn a function into a command; its help ends with the example."""
    return click.command(name, cls=Command, epilog=example)


class Group(click.Group):
    """Commands in the order of their definition."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return list(self.commands)
