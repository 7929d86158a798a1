"""The page: its sections, its style and its scripts in one file of HTML."""

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from seqtrain import __version__
from seqtrain.display.numbers import readable
from seqtrain.errors import RunError
from seqtrain.io.atomic import write_text
from seqtrain.report import (
    config_sections,
    curves,
    interpretation_sections,
    mistake_sections,
    probability_sections,
    regression_sections,
    scores,
    summary,
)
from seqtrain.report.page_sections import Section, grouped, sections, subjects_of
from seqtrain.runs.run import Run
from seqtrain.tasks import metric

SHOWN = {
    "Summary": summary.summary,
    "Scores": scores.scores,
    "Curves": curves.curves,
    "Mistakes": mistake_sections.mistakes,
    "Probabilities": probability_sections.probabilities,
    "Predictions": regression_sections.numbers,
    "Classes": mistake_sections.classes,
    "Gradients": interpretation_sections.gradients,
    "Step by step": interpretation_sections.explained,
    "Config": config_sections.config,
    "Environment": config_sections.environment,
}
CALLED = {"f1": "F1"}
SCRIPTS = ("echarts.min.js", "page.js")
# What sections and templates raise where a file holds something else than was written.
DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, UndefinedError)
# What is written out: control characters, halves of characters, and what reverses a line.
HIDDEN = ("Cc", "Cs")
REVERSING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def write(runs: Sequence[Run], file: Path) -> None:
    """Write a page about runs.

    It says what their files hold, and needs neither their models nor TensorFlow.

    Args:
        runs: shown over one another; most of the page is about the first where there is one.
        file: where the page goes; its folder is made if it is missing.

    Raises:
        RunError: the runs hold nothing to show, or a file of theirs is damaged.
    """
    if not any(run.has("history.csv") for run in runs):
        raise RunError(f"{runs[0].folder} has nothing to show: no epoch was finished")
    try:
        page = rendered(runs, sections(runs, SHOWN))
    except DAMAGE as error:
        folders = ", ".join(str(run.folder) for run in runs)
        raise RunError(
            f"a file in {folders} is damaged: {type(error).__name__} {error}",
            "`seqtrain --debug report …` shows which section it is of; " + runs[0].again,
        ) from error
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, page)


def rendered(runs: Sequence[Run], shown: Sequence[Section]) -> str:
    """Return the page as HTML."""
    alone = len(runs) == 1
    groups = grouped(list(subjects_of(runs)))
    several = f", {len(runs)} seeds" if len(runs) > 1 else ""
    scripts = [_static(name) for name in SCRIPTS]
    template = _environment().get_template("page.html")
    return template.render(
        title=f"{groups[0][0].group}{several}" if len(groups) == 1 else f"{len(runs)} runs",
        subtitle=runs[0].folder.name if alone else None,
        alone=alone,
        sections=shown,
        style=_static("page.css"),
        scripts=scripts,
        policy=Markup(" ".join(map(_hash, scripts))),
        version=__version__,
    )


@cache
def _environment() -> Environment:
    """Return what compiles templates, once."""
    environment = Environment(
        loader=PackageLoader("seqtrain.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "words": words, "spec": asdict}
    return environment


@cache
def _static(name: str) -> Markup:
    """Return one of our own files, which needs no escaping."""
    return Markup((files("seqtrain.report") / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """Return how a content security policy names a script: nothing else may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _finalized(value: Any) -> Any:
    """Return what a template prints, with what a person could not see written out."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def visible(text: str) -> str:
    """Return the text with control characters written out, but for line ends and tabs."""
    return "".join(
        char.encode("unicode_escape").decode()
        if (unicodedata.category(char) in HIDDEN and char not in "\n\t") or char in REVERSING
        else char
        for char in text
    )


def number(value: float | None) -> str:
    """Return a number as tables have it, and a dash for none."""
    return "–" if value is None else readable(value)


def percent(share: float) -> str:
    """Return a share in per cent, as style sheets read it too."""
    return f"{100 * share:.1f}%"


def words(name: str) -> str:
    """Return the name of a score or a column as a heading has it."""
    return CALLED.get(name) or metric(name).title
