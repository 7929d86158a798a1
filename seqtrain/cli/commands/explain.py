"""`seqtrain explain`: the prediction after each step, and the gates of a network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtrain.cli import console
from seqtrain.cli.options import (
    DATA,
    DATA_DIR,
    FORMAT,
    JSON,
    OUTPUT,
    SPLIT,
    TEXT_COLUMN,
    command,
    only_with_data,
    typed,
)
from seqtrain.schema import limits

if TYPE_CHECKING:
    from seqtrain.runs.run import Run


@command('seqtrain explain imdb_lstm "I never thought it was dull." --html')
@click.argument("words", nargs=-1, metavar="[RUN] [TEXT]")
@click.option(
    "--example",
    "number",
    type=click.IntRange(1, limits.COUNT),
    help="Explain the example of this number, from 1, of --split or of --data  [default: 1, or "
    "the first of --data].",
)
@SPLIT
@DATA
@TEXT_COLUMN
@FORMAT
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for pictures and page  [default: plots/ in the run].",
)
@click.option("--html", is_flag=True, help="Write a page of HTML too.")
@click.option(
    "--units",
    is_flag=True,
    help="Of a language model, show the units that follow the line, quotes, brackets and so on.",
)
@OUTPUT
@DATA_DIR
@JSON
def explain(
    words: tuple[str, ...],
    number: int | None,
    split: Any,
    data: Path | None,
    text_column: str | None,
    suffix: str,
    folder: Path | None,
    html: bool,
    units: bool,
    outputs: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show what moves a prediction, step by step.

    The prediction of RUN is shown after each step of TEXT or of an example. Of a forecast, show
    which steps of its window moved it: that of origin --example of --split, or that from the end of
    --data, of its series --example. Of a language model, show how much each token of TEXT, or of a
    passage of --split, surprised it; of a translation, what each token that is written looks at.

    RUN defaults to the newest. A single argument that is not the name of a run is a TEXT.
    """
    console.show_log()
    run, text = _run_and_text(words, outputs, alone=number is None and data is None)
    if text is not None and number is not None:
        raise click.UsageError("Give a text, or the number of an example: --example 1.")
    if text is not None and (data or typed("split")):
        raise click.UsageError("Give a text, or an example of --data or of --split.")
    if data and typed("split"):
        raise click.UsageError("Give --data or --split, not both.")
    only_with_data(data, text=text_column)
    if units and not run.config.dataset.writes_text:
        raise click.UsageError("--units is for language models.")
    to = folder or run.plots
    asked = _Asked(run, text, split, number, data, text_column, data_dir, to, suffix, html, as_json)
    if run.config.dataset.holds_pairs:
        _explain_translation(asked)
    elif run.config.dataset.holds_series:
        _explain_forecast(asked)
    elif run.config.dataset.writes_text:
        _explain_text(asked, units)
    else:
        _explain_predictions(asked)


@dataclass(frozen=True)
class _Asked:
    """What is to be explained, and where to."""

    run: "Run"
    text: str | None
    split: Any
    number: int | None
    data: Path | None
    text_column: str | None
    data_dir: Path | None
    folder: Path
    suffix: str
    html: bool
    as_json: bool

    @property
    def example(self) -> tuple[Any, int, Path | None]:
        """The example of a split: the split, its number, and where its data are."""
        return self.split, self.number or 1, self.data_dir


def _explain_predictions(asked: _Asked) -> None:
    """Show how the prediction changes while a text or an example is read."""
    from seqtrain.interpretation import explanation, explanation_files, explanation_text

    run = asked.run
    if asked.text is not None:
        examples = [explanation.example_of_text(run, asked.text)]
    elif asked.data:
        examples = explanation.examples_of_file(run, asked.data, asked.number, asked.text_column)
    else:
        examples = [explanation.example_of_split(run, *asked.example)]
    found = []
    for one in explanation.explain_each(run, examples):
        explanation.keep(run, one)
        written = explanation_files.write(run, one, asked.folder, asked.suffix, asked.html)
        if asked.as_json:
            found.append(explanation.numbers(one) | {"files": list(map(str, written))})
        else:
            console.show(explanation_text.coloured(one), explanation_text.columns(one))
            console.result("\n".join(map(str, written)))
    if asked.as_json:
        console.result_json(found[0] if len(found) == 1 else found)


def _explain_translation(asked: _Asked) -> None:
    """Show what each token of a translation looks at."""
    from seqtrain.interpretation import attention_maps

    if asked.data:
        raise click.UsageError("Give a text, or an example of --split: --example 1.")
    if asked.text is None:
        found = attention_maps.of_split(asked.run, *asked.example)
    else:
        found = attention_maps.of_text(asked.run, asked.text)
    attention_maps.keep(asked.run, found)
    written = attention_maps.write(asked.run, found, asked.folder, asked.suffix, asked.html)
    files = [*map(str, written)]
    if asked.as_json:
        console.result_json(attention_maps.numbers(found) | {"files": files})
    else:
        console.result("\n".join([attention_maps.columns(found), *files]))


def _explain_forecast(asked: _Asked) -> None:
    """Show which steps of a window moved its forecast."""
    from seqtrain.interpretation import window_effects

    if asked.text is not None or asked.text_column is not None:
        raise click.UsageError("A forecast reads no texts: --split test --example 1.")
    if asked.data:
        moved = window_effects.effects_at_end(asked.run, asked.data, asked.number or 1)
    else:
        moved = window_effects.effects(asked.run, *asked.example)
    files = [*map(str, window_effects.write(moved, asked.folder, asked.suffix, asked.html))]
    if asked.as_json:
        console.result_json(window_effects.numbers(moved) | {"files": files})
    else:
        console.result("\n".join([window_effects.columns(moved), *files]))


def _explain_text(asked: _Asked, units: bool) -> None:
    """Show how much each token surprised a language model, or its units that follow something."""
    if asked.data:
        raise click.UsageError("Give a text, or a passage of a split: --split test --example 1.")
    if units:
        _explain_units(asked)
        return
    from seqtrain.interpretation import surprise, text_findings

    if asked.text is None:
        found = surprise.of_split(asked.run, *asked.example)
    else:
        found = surprise.of_text(asked.run, asked.text)
    surprise.keep(asked.run, found)
    written = text_findings.write(found, asked.folder, asked.suffix, asked.html)
    if asked.as_json:
        console.result_json(surprise.numbers(found) | {"files": list(map(str, written))})
    else:
        console.show(text_findings.coloured(found), text_findings.columns(found))
        console.result("\n".join(map(str, written)))


def _explain_units(asked: _Asked) -> None:
    """Show the units of a language model that follow something."""
    from seqtrain.interpretation import text_findings, unit_meanings

    found = unit_meanings.find(asked.run, asked.data_dir)
    unit_meanings.keep(asked.run, found)
    label, to = asked.run.label, (asked.folder, asked.suffix, asked.html)
    written = text_findings.write_units(label, found, *to)
    if asked.as_json:
        files = list(map(str, written))
        console.result_json({"units": unit_meanings.numbers(found), "files": files})
    else:
        lines = [text_findings.columns_of_units(found), *map(str, written)]
        console.result("\n\n".join(lines))


def _run_and_text(words: tuple[str, ...], outputs: Path, alone: bool) -> "tuple[Run, str | None]":
    """Return the run and the text of the arguments; `alone` if no option names an example.

    Raises:
        RunError: an argument that seems to name a run names none.
    """
    from seqtrain.errors import RunError
    from seqtrain.runs import lookup

    if len(words) > 2:
        raise click.UsageError('Put the text into quotes: `seqtrain explain RUN "a text"`.')
    if not words:
        return lookup.latest(outputs), None
    try:
        return lookup.best(Path(words[0]), outputs), words[1] if len(words) == 2 else None
    except RunError:
        if len(words) == 2 or not alone or _seems_a_run(words[0], outputs):
            raise
    return lookup.latest(outputs), words[0]


def _seems_a_run(word: str, outputs: Path) -> bool:
    """Return whether a word looks more like a mistyped run than like a text."""
    from seqtrain.io.text_file import near_miss

    known = [folder.name for folder in outputs.glob("*/")] if outputs.is_dir() else []
    path = "/" in word and not any(map(str.isspace, word))
    return path or Path(word).exists() or bool(near_miss(word, known))
