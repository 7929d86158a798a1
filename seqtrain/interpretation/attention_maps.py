"""What a network that translates looks at, and how sure it is of each token that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain import drawing  # noqa: F401 - before matplotlib, which it imports on its defaults

# isort: split
from matplotlib.figure import Figure

from seqtrain.data.dataset import Split
from seqtrain.data.pair_encoding import SOURCE
from seqtrain.display.columns import table
from seqtrain.display.escape import one_line, printable, slug, visible
from seqtrain.errors import DataError
from seqtrain.inference.translating import Interpreter, Trace, warn
from seqtrain.interpretation.figure_files import write_figures
from seqtrain.io.text_file import shown
from seqtrain.report.page import document
from seqtrain.report.page_sections import Section, subjects_of
from seqtrain.report.translation_sections import looked_at
from seqtrain.runs import run_data
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import Run

SHADES = " ░▒▓█"  # of the weights in a terminal
CELL = 0.3  # inches of a token in a picture
LEAST, MOST = 2.5, 14.0  # inches of a picture
SHOWN = 3  # alternatives in a row
TO_DRAW = 120  # tokens of a side; a picture of more cannot be read


@dataclass(frozen=True)
class Attended:
    """A translation, and how it was written.

    Attributes:
        run: the name of the run.
        title: the source.
        slug: its name in file names.
        text: the translation.
        truth: what is right; empty if it is not known.
        trace: of each token.
    """

    run: str
    title: str
    slug: str
    text: str
    truth: tuple[str, ...]
    trace: Trace

    @property
    def sentence(self) -> str:
        """The translation, its probability, and what is right."""
        probability = float(np.prod(self.trace.probabilities))
        right = f", true {' or '.join(map(repr, self.truth))}" if self.truth else ""
        return f"{self.title!r} becomes {self.text!r} (probability {probability:.4f}){right}"


def of_text(run: Run, text: str, interpreter: Interpreter | None = None) -> Attended:
    """Return how a text is translated.

    Args:
        run: the run.
        text: the source.
        interpreter: the network of the run, if it is already loaded.

    Raises:
        DataError: it is empty.
    """
    interpreter = interpreter or Interpreter.of(run)
    ids, lengths = interpreter.reader.ids([text])
    if lengths[0] <= 1:  # only the start
        raise DataError("the text is empty", "give a text: `seqtrain explain RUN TEXT`")
    warn([text], ids, lengths)
    name = slug(text, text.encode("utf-8", "replace"))
    return _attended(run, interpreter.trace(ids[0], text=text), interpreter, text, name, ())


def of_split(run: Run, split: Split, number: int, data_dir: Path | None) -> Attended:
    """Return how an example of a split is translated.

    Raises:
        DataError: the data cannot be read, or the split has fewer examples.
    """
    interpreter = Interpreter.of(run)
    dataset = run_data.load_readable(run, data_dir)
    examples = dataset.split(split)
    if not 1 <= number <= len(examples):
        raise DataError(
            f"{split} has {len(examples):,} sources, so it has no example {number}",
            f"choose one of 1 to {len(examples)}: `--example {len(examples)}`",
        )
    x = examples.x[SOURCE] if isinstance(examples.x, dict) else examples.x
    source, targets = x[number - 1], examples.labels["targets"][number - 1]
    text = interpreter.reader.text(source)
    truth = tuple(interpreter.writer.text(row) for row in targets if row[0])
    trace = interpreter.trace(source)
    return _attended(run, trace, interpreter, text, f"{split}-{number}", truth)


def _attended(
    run: Run,
    trace: Trace,
    interpreter: Interpreter,
    title: str,
    name: str,
    truth: tuple[str, ...],
) -> Attended:
    written = [token for token in trace.target if token != "<end>"]
    text = interpreter.writer.vocabulary.tokeniser.joined(written)
    return Attended(run.label, title, name, text, truth, trace)


def rows(found: Attended) -> tuple[list[str], list[list[str]]]:
    """Return a header, and for each token its probability, alternatives, and what it looks at."""
    trace = found.trace
    header = ["token", "probability", "alternatives"]
    header += ["looks at"] if trace.weights is not None else []
    written = []
    for step, token in enumerate(trace.target):
        others = [(other, p) for other, p in trace.alternatives[step] if other != token][:SHOWN]
        row = [
            printable(repr(token)),
            f"{trace.probabilities[step]:.4f}",
            "  ".join(f"{printable(repr(other))} {p:.4f}" for other, p in others),
        ]
        if trace.weights is not None:
            most = np.argsort(-trace.weights[step], kind="stable")[:2]
            row.append(
                "  ".join(
                    f"{printable(repr(trace.source[place]))} {trace.weights[step, place]:.2f}"
                    for place in most.tolist()
                )
            )
        written.append(row)
    return header, written


def columns(found: Attended) -> str:
    """Return the translation as text: a row for each token, and the attention in shades."""
    header, written = rows(found)
    parts = [printable(f"{found.run}  {found.sentence}"), table(header, written)]
    if found.trace.weights is not None:
        parts.append(shades(found.trace))
    return "\n\n".join(parts)


def shades(trace: Trace) -> str:
    """Return the weights of the attention as a matrix of shades: a row for each written token."""
    weights = trace.weights if trace.weights is not None else np.zeros((0, 0))
    names = [one_line(printable(token)) for token in trace.target]
    wide = max(map(len, names), default=0)
    level = np.minimum((weights * len(SHADES)).astype(int), len(SHADES) - 1)
    single = all(len(token) == 1 for token in trace.source[1:])
    gap = 1 if single else 3
    head = [token[:gap].ljust(gap) for token in ["·", *map(one_line, trace.source[1:])]]
    lines = [" " * (wide + 1) + "".join(head)]
    for name, row in zip(names, level.tolist(), strict=True):
        lines.append(f"{name.rjust(wide)} " + "".join(SHADES[one] * gap for one in row))
    return "\n".join(lines)


def numbers(found: Attended) -> dict[str, Any]:
    """Return everything for JSON."""
    trace = found.trace
    return {
        "run": found.run,
        "source": found.title,
        "translation": found.text,
        "truth": [*found.truth],
        "read": trace.source,
        "steps": [
            {
                "token": token,
                "probability": trace.probabilities[step],
                "alternatives": [
                    {"token": other, "probability": p} for other, p in trace.alternatives[step]
                ],
                "attention": None if trace.weights is None else trace.weights[step].tolist(),
            }
            for step, token in enumerate(trace.target)
        ],
    }


def picture(found: Attended) -> Figure:
    """Draw the probability of each token, and the attention as a matrix of source and target."""
    trace = found.trace
    names, read = [*map(visible, trace.target)][:TO_DRAW], [*map(visible, trace.source)][:TO_DRAW]
    attends = trace.weights is not None
    width = CELL * len(read) + 3.2 if attends else 5.0
    size = _within(width), _within(CELL * len(names) + 1.4)
    figure = Figure(figsize=size, layout="constrained")
    ratios = [max(CELL * len(read), 1.0), 1.6] if attends else [1]
    axes = figure.subplots(1, len(ratios), width_ratios=ratios, sharey=True, squeeze=False)[0]
    if trace.weights is not None:
        _matrix(axes[0], trace.weights[: len(names), : len(read)], read)
    places = np.arange(len(names))
    axes[-1].barh(places, trace.probabilities[: len(names)], color="#0072B2", height=0.7)
    axes[-1].set(xlim=(0, 1), xlabel="probability")
    axes[0].set_yticks(places, names, fontsize=8)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    axes[0].set_ylabel("written")
    axes[-1].grid(axis="y", visible=False)
    figure.suptitle(" → ".join(shown(one_line(side)) for side in (found.title, found.text)), size=9)
    return figure


def _matrix(axes: Any, weights: np.ndarray, read: Sequence[str]) -> None:
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(read)), read, fontsize=8)
    for label, token in zip(axes.get_xticklabels(), read, strict=True):
        label.set_rotation(90 if len(token) > 2 else 0)
    axes.set_xlabel("read; darker is looked at more")


def _within(inches: float) -> float:
    return min(max(inches, LEAST), MOST)


def keep(run: Run, found: Attended) -> None:
    """Keep the result of `numbers` in the run, for its report."""
    (run.folder / EXPLAINED).mkdir(exist_ok=True)
    run.write_json(f"{EXPLAINED}/{found.slug}.json", numbers(found))


def write(run: Run, found: Attended, folder: Path, suffix: str, html: bool) -> list[Path]:
    """Save the picture, and a page if it is asked for; return the files.

    Raises:
        DrawingError: the picture cannot be drawn.
    """
    name = f"explain-{found.slug}"
    drawn = (lambda *_: page(run, found)) if html else None
    return write_figures(name, lambda: {name: picture(found)}, folder, suffix, drawn)


def page(run: Run, found: Attended) -> str:
    """Return a page of HTML: the report's section."""
    subjects = list(subjects_of([run]))
    content = {"told": [looked_at(subjects[0], numbers(found))], "subjects": subjects}
    return document(found.text, found.run, [Section("attended", "Token by token", content)])
