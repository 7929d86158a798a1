"""The only module that prints: messages and progress to stderr, results to stdout."""

import csv
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from seqtrain.cli.score_tables import format_baselines, format_score, format_verdict
from seqtrain.display.columns import table, width
from seqtrain.display.escape import cell, in_json, one_line, printable
from seqtrain.display.numbers import readable
from seqtrain.errors import DataError, OutputError, stopped_by
from seqtrain.io.text_file import MARKS

if TYPE_CHECKING:
    import keras
    from rich.console import RenderableType

    from seqtrain.config import ExecutionConfig
    from seqtrain.runs.run import Run
    from seqtrain.runs.sweeps import SweepFolder

WIDEST = 60  # columns of a text in a table


def result(text: str) -> None:
    """Print a result on stdout."""
    click.echo(printable(text))


def result_line(text: str) -> None:
    """Print a line of JSON on stdout."""
    click.echo(in_json(_encodable(text)))


def stream(pieces: Iterable[str]) -> None:
    """Print the pieces of a text on stdout as they come, and end the line."""
    for piece in pieces:
        click.echo(printable(_encodable(piece)), nl=False)
        sys.stdout.flush()
    click.echo()


def result_json(value: Any) -> None:
    """Print a result on stdout as JSON."""
    click.echo(in_json(json.dumps(value, indent=2, ensure_ascii=False)))


def show(coloured: "RenderableType", plain: str) -> None:
    """Print a result on stdout: in colours on a terminal that has them, else plainly."""
    from rich.console import Console

    terminal = Console(highlight=False)
    if terminal.is_terminal and not terminal.no_color:
        terminal.print(coloured)
    else:
        result(plain)


def lines() -> list[str]:
    """Return the lines of standard input; at a terminal, first ask the user to type them.

    The encoding is UTF-8, or that of a byte order mark.

    Raises:
        DataError: it is closed, or is not text.
    """
    if sys.stdin.isatty():
        message("type a text on each line, and Ctrl-D at the end")
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        reason = "is closed" if error.errno == errno.EBADF else f"cannot be read: {error.strerror}"
        raise DataError(
            f"standard input {reason}", "name the texts: `seqtrain predict RUN TEXT`"
        ) from error
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return [line.rstrip("\n") for line in io.StringIO(content.decode(encoding), None)]
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        raise DataError(
            f"standard input is not UTF-8 text: line {line} holds the byte 0x{byte:02x}",
            "convert the texts first: `iconv -f cp1252 -t utf-8 FILE | seqtrain predict RUN`",
        ) from error


def message(text: str) -> None:
    """Print a message on stderr, above the progress bar if one is shown."""
    print(printable(text), file=sys.stderr)


def error(text: str, hint: str | None = None) -> None:
    """Print what is wrong, and what to do next."""
    colour = False if os.environ.get("NO_COLOR") else None
    for before, word, shade, rest in (("", "error", "red", text), ("\n", "hint", "cyan", hint)):
        if rest:
            title = click.style(f"{word}:", fg=shade, bold=True)
            click.echo(f"{before}{title} {printable(rest)}", err=True, color=colour)


def show_log() -> None:
    """Print the log records of the library as messages."""
    logger = logging.getLogger("seqtrain")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Messages) for handler in logger.handlers):
        logger.addHandler(_Messages())


def hide_log(execution: "ExecutionConfig") -> None:
    """Print no log records from here on in a process that only follows another."""
    from seqtrain.backend import devices

    logger = logging.getLogger("seqtrain")
    if not devices.place(execution).first:
        logger.handlers = [one for one in logger.handlers if not isinstance(one, _Messages)]


class _Messages(logging.Handler):
    """Prints log records as messages; a warning begins with `warning:`."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        message(prefix + record.getMessage())


def is_terminal() -> bool:
    """Return whether results are shown on a terminal."""
    return sys.stdout.isatty()


def format_rows(rows: list[dict[str, Any]], form: str) -> str:
    """Return rows of equal columns as `jsonl`, `csv` or `table`."""
    if form == "jsonl":
        return in_json(_encodable("\n".join(json.dumps(row, ensure_ascii=False) for row in rows)))
    if form == "csv":
        return _csv(rows)
    cells = [
        [readable(v) if isinstance(v, float) else str(v) for v in row.values()] for row in rows
    ]
    return table(list(rows[0]), cells)


def _csv(rows: list[dict[str, Any]]) -> str:
    """Return rows of equal columns as CSV; spreadsheets read no cell as a formula."""
    written = io.StringIO()
    flat = [{cell(key): cell(value) for key, value in row.items()} for row in rows]
    writer = csv.DictWriter(written, fieldnames=list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return _encodable(written.getvalue().rstrip("\n"))


def format_predictions(rows: list[dict[str, Any]], form: str, id_: str | None = None) -> str:
    """Return the rows of `inference.network.described` as `jsonl`, `csv` or `table`.

    Args:
        rows: one for each example, with the other columns of its file; a table omits these.
        form: one of the three.
        id_: the column that a table shows nevertheless: the ids of the examples.
    """
    if form == "jsonl":
        return in_json(_encodable("\n".join(json.dumps(row, ensure_ascii=False) for row in rows)))
    if form == "csv":
        return _csv(
            [
                {key: value for key, value in row.items() if key != "probabilities"}
                | {f"p({name})": value for name, value in row.get("probabilities", {}).items()}
                for row in rows
            ]
        )
    from seqtrain.data.number_labels import written as digits

    shown: dict[str, Callable[[Any], str]] = {
        "example": str,
        **dict.fromkeys(filter(None, [id_]), _clipped_value),
        "class": str,
        "probability": "{:.4f}".format,
        "prediction": digits,
        "translation": _clipped,
        "unknown": "{:.0%}".format,
        "text": _clipped,
    }
    known = not any(row.get("unknown") for row in rows)
    header = [key for key in shown if key in rows[0] and not (known and key == "unknown")]
    return table(header, [[shown[key](row[key]) for key in header] for row in rows])


def _clipped_value(value: Any) -> str:
    return _clipped("" if value is None else str(value))


def _encodable(text: str) -> str:
    """Return the text with a question mark for each undecodable byte of an argument."""
    return text.encode(errors="replace").decode()


def _clipped(text: str) -> str:
    line = one_line(" ".join(text.split()))
    if width(line) <= WIDEST:
        return line
    from rich.cells import set_cell_size

    return set_cell_size(line, WIDEST - 1).rstrip() + "…"


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Print a folder last, however the body ends; an error of the body takes precedence."""
    try:
        yield
    except BaseException:
        with suppress(OSError, OutputError):
            result(str(folder))
        raise
    result(str(folder))


@contextmanager
def ending_with(run: "Run") -> Iterator[None]:
    """Print the score and then the folder of the run, however its training ends.

    A process that only follows another prints neither.
    """
    from seqtrain.backend import devices

    if not devices.place(run.config.execution).first:
        yield
        return
    with _naming(run.folder):
        try:
            yield
            found = run.metrics()
            message(format_score(found, run.task))
            if not run.group:
                message(f"\n{format_baselines(found, run.task)}\n")
                command = run.task.next_command.format(quote(str(run.folder)))
                message(f"next: `seqtrain {command}`, or look at the pictures in {run.plots}")
            message(format_verdict(found["verdict"], str(run.folder)))
        except KeyboardInterrupt as error:
            kept = [name for name in ("history.csv", "model.keras") if run.has(name)]
            message(f"{stopped_by(error)}, with {' and '.join(kept) or 'nothing'} kept")
            if run.finished:
                message(f"the training is done; draw it: `seqtrain plot {run.folder}`")
            elif not run.group:
                message(f"resume it: `seqtrain resume {run.folder}`")
            raise


@contextmanager
def ending_with_seeds(runs: "Sequence[Run]") -> Iterator[None]:
    """Print the next step and then the folder of the group, however its training ends."""
    group = runs[0].group or runs[0].folder
    with _naming(group):
        try:
            yield
            message(f"next: `seqtrain compare {group}`, or `seqtrain plot {group}`")
        except KeyboardInterrupt as error:
            done = sum(run.finished for run in runs)
            message(f"{stopped_by(error)}, with {done} of {len(runs)} seeds finished")
            message(f"resume the others: `seqtrain resume {group}`")
            raise


@contextmanager
def ending_with_sweep(folder: "SweepFolder") -> "Iterator[list[Run]]":
    """Print the table of the trials and then the folder of the sweep, however it ends.

    Yields:
        A list for the runs of the best configuration with other seeds, which have another table.
    """
    from seqtrain.comparison.sweep_table import format_trials
    from seqtrain.runs.sweeps import BEST, TRIALS

    others: list[Run] = []
    with _naming(folder.folder):
        try:
            yield others
            message(f"\n{format_trials(folder.trials())}\n")
            if others:
                message(f"{_of_other_seeds(others)}\n")
            if folder.has(BEST):
                message(f"the best config: {folder.folder / BEST}; pictures: {folder.plots}")
            message(f"next: `seqtrain compare {folder.folder}`, `seqtrain report {folder.folder}`")
        except KeyboardInterrupt as error:
            trials = folder.trials().count() if folder.has(TRIALS) else "no trial has ended"
            message(f"{stopped_by(error)}: {trials}")
            message("go on with it by the same command")
            raise


def _of_other_seeds(runs: "Sequence[Run]") -> str:
    """Return the scores of the best configuration of a sweep with other seeds as a table."""
    from seqtrain.comparison import run_rows, run_table

    return "\n".join(
        [
            f"the best configuration with other seeds, whose test scores can be reported: "
            f"{runs[0].group}",
            "",
            run_table.sheet(run_rows.rows(runs), {}, "table"),
        ]
    )


def format_listing(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return what `seqtrain list` prints: a table under each heading."""
    sections = []
    for heading, rows in found.items():
        cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
        sections.append(table([heading, *list(rows[0])[1:]], cells) if rows else f"{heading}\nnone")
    return "\n\n".join(sections)


@contextmanager
def progress(epochs: int) -> "Iterator[list[keras.callbacks.Callback]]":
    """Yield a callback that shows a progress bar with the remaining time, only on a terminal.

    Elsewhere the log gets a line for each epoch.
    """
    if not sys.stderr.isatty():
        yield []
        return
    from seqtrain.cli.progress import ProgressBar

    shown = ProgressBar(epochs)
    with shown.bar:
        yield [shown]
