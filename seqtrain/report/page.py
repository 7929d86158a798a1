"""The page: sections, style and scripts in one HTML file."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from seqtrain import __version__
from seqtrain.display.escape import printable
from seqtrain.display.numbers import readable
from seqtrain.errors import RunError
from seqtrain.io.atomic import write_text
from seqtrain.report import (
    config_sections,
    curves,
    forecast_sections,
    interpretation_sections,
    language_sections,
    mistake_sections,
    probability_sections,
    regression_sections,
    scores,
    summary,
    sweep_sections,
    translation_sections,
)
from seqtrain.report.page_sections import Section, grouped, sections, subjects_of
from seqtrain.runs.run import Run
from seqtrain.tasks import metric

SHOWN = {
    "Search": sweep_sections.search,
    "Summary": summary.summary,
    "Scores": scores.scores,
    "Curves": curves.curves,
    "Mistakes": mistake_sections.mistakes,
    "Probabilities": probability_sections.probabilities,
    "Predictions": regression_sections.numbers,
    "Forecasts": forecast_sections.forecasts,
    "Texts": language_sections.texts,
    "Translations": translation_sections.translations,
    "Token by token": translation_sections.attended,
    "Classes": mistake_sections.classes,
    "Gradients": interpretation_sections.gradients,
    "Step by step": interpretation_sections.explained,
    "Config": config_sections.config,
    "Environment": config_sections.environment,
}
CALLED = {"f1": "F1"}
SCRIPTS = ("echarts.min.js", "page.js")
# Errors of sections and templates if a file has unexpected content.
DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, UndefinedError)


def write(runs: Sequence[Run], file: Path) -> None:
    """Write a page about runs.

    It only reads their files, and needs neither their models nor TensorFlow.

    Args:
        runs: the runs to show together.
        file: the file of the page; its folder is created if missing.

    Raises:
        RunError: the runs have nothing to show, or one of their files is damaged.
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
    """Return the page about runs as HTML."""
    groups = grouped(list(subjects_of(runs)))
    several = f", {len(runs)} seeds" if len(runs) > 1 else ""
    title = f"{groups[0][0].group}{several}" if len(groups) == 1 else f"{len(runs)} runs"
    return document(
        title,
        runs[0].folder.name if len(runs) == 1 else None,
        shown,
        [_static(name) for name in SCRIPTS],
        of="a run" if len(runs) == 1 else "runs",
    )


def document(
    title: str,
    subtitle: str | None,
    shown: Sequence[Section],
    scripts: Sequence[Markup] = (),
    of: str = "a run",
) -> str:
    """Return sections as one self-contained HTML file.

    Args:
        title: the heading of the page.
        subtitle: small text below it.
        shown: the sections.
        scripts: they draw the charts; the page forbids all other scripts.
        of: the runs of the page, for error messages.
    """
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            subtitle=subtitle,
            of=of,
            sections=shown,
            style=_static("page.css"),
            scripts=scripts,
            policy=Markup(" ".join(map(_hash, scripts)) or "'none'"),
            version=__version__,
        )
    )


@cache
def _environment() -> Environment:
    """Return the template environment, created once."""
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
    """Return one of our own files, unescaped."""
    return Markup((files("seqtrain.report") / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """Return the hash of a script for the content security policy."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _finalized(value: Any) -> Any:
    """Return a value of a template with control characters written out."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def number(value: float | None) -> str:
    """Format a number for a table; None is a dash."""
    return "–" if value is None else readable(value)


def percent(share: float) -> str:
    """Format a share in per cent, also valid in style sheets."""
    return f"{100 * share:.1f}%"


def words(name: str) -> str:
    """Return the name of a score or a column for a heading."""
    return CALLED.get(name) or metric(name).title
