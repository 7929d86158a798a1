"""`seqtrain translate`: turn sequences into others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtrain.cli import console
from seqtrain.cli.options import DATA, OUTPUT, TEXT_COLUMN, command, only_with_data, typed
from seqtrain.display.escape import one_line

if TYPE_CHECKING:
    from seqtrain.inference.translating import Answer


@command("seqtrain translate cmudict_lstm tutorial --beams 5 -n 3")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@DATA
@TEXT_COLUMN
@click.option(
    "--beams",
    type=click.IntRange(1, 1_000),
    default=1,
    help="Beam width; 1 is greedy decoding  [default: the number of -n].",
)
@click.option(
    "-n",
    "number",
    type=click.IntRange(1, 1_000),
    default=1,
    show_default=True,
    help="Number of translations of each text, best first.",
)
@click.option(
    "--length-penalty",
    "alpha",
    type=click.FloatRange(0, 10),
    default=0.6,
    show_default=True,
    help="With --beams, how much longer translations are preferred; 0 is not at all.",
)
@click.option(
    "--copy-unknown",
    is_flag=True,
    help="Replace an unknown token by the source token with the most attention.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "table", "jsonl", "csv"]),
    default="text",
    show_default=True,
    help="Form of the translations: one on each line, or rows with their probabilities.",
)
@OUTPUT
def translate(
    run: Path,
    texts: tuple[str, ...],
    data: Path | None,
    text_column: str | None,
    beams: int,
    number: int,
    alpha: float,
    copy_unknown: bool,
    form: str,
    outputs: Path,
) -> None:
    """Translate sequences.

    The sources are the TEXTs, those of --data, or the lines of standard input. With one beam, the
    default, the translations are those that `seqtrain evaluate` scores.
    """
    from seqtrain.inference import new_examples
    from seqtrain.inference.translating import Interpreter
    from seqtrain.runs import lookup

    console.show_log()
    if data and texts:
        raise click.UsageError("Give texts or --data, not both.")
    if not typed("beams"):
        beams = number
    if number > beams:
        raise click.UsageError(f"-n {number} needs as many beams: --beams {number}.")
    if beams == 1 and typed("alpha"):
        raise click.UsageError(
            "--length-penalty ranks the translations of a search: give --beams too, as --beams 5."
        )
    only_with_data(data, text=text_column)
    chosen = lookup.best(run, outputs)
    interpreter = Interpreter.of(chosen)
    if data:
        given = [*(new_examples.read(chosen, data, text_column).texts or [])]
    else:
        given = [*texts] or console.lines()
    answers = interpreter.answers(given, beams, alpha, copy_unknown)
    console.result(_formatted(given, [some[:number] for some in answers], form))


def _formatted(texts: list[str], answers: "list[list[Answer]]", form: str) -> str:
    """Return translations in a form."""
    from seqtrain.inference.translating import row

    if form == "text":
        return "\n".join(" ".join(one.text.split("\n")) for some in answers for one in some)
    if form == "jsonl":
        found = [row(*pair) for pair in zip(texts, answers, strict=True)]
        return console.format_rows(found, form)
    shown = one_line if form == "table" else str
    rows: list[dict[str, Any]] = [
        {
            "example": place,
            "source": shown(text),
            "translation": shown(one.text),
            "probability": one.probability,
            "score": one.score,
        }
        for place, (text, some) in enumerate(zip(texts, answers, strict=True), 1)
        for one in some
    ]
    return console.format_rows(rows, form)
