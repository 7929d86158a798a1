"""Section on language models: samples, bits by context, surprises, and units with a meaning."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.page_sections import Content, Subject, having, judged
from seqtrain.runs.run import CONTEXT, SURPRISE, UNITS, Run
from seqtrain.runs.text_costs import by_context, by_part

MOST_SURPRISES = 20  # rows of the table
MOST_BITS = 10.0  # of the darkest colour
FAINTEST = 0.05  # share of the darkest colour; less has none
MOST_SAMPLES = 12  # epochs whose samples are shown


def texts(subjects: Sequence[Subject]) -> Content | None:
    """Samples of each epoch and of the best, what the text costs, and what units follow."""
    told = [subject for subject in subjects if subject.run.has("history.csv")]
    parts = [
        {
            "subject": subject,
            "samples": samples(subject.run),
            "best": [one for one in subject.run.samples() if "copied" in one],
            "surprise": _surprise(subject.run),
            "units": _units(subject.run),
            "rows": most_surprising(subject.run),
        }
        for subject in told
    ]
    return {"charts": charts(told), "parts": parts, "subjects": subjects} if parts else None


def charts(subjects: Sequence[Subject]) -> list[Chart]:
    """Return charts of the bits by what was read before, and along the text."""
    before = [
        Line(subject.label, thinned(*by_context(subject.run)), subject.colour)
        for subject in having(subjects, CONTEXT)
    ]
    along = [
        Line(subject.label, thinned(*by_part(subject.run)), subject.colour)
        for subject in judged(subjects)
    ]
    y = "bits per character"
    found = [
        Chart("By what was read before", "tokens read before", y, before),
        Chart("Along the test text", "characters", y, along),
    ]
    return [chart for chart in found if chart.lines]


def samples(run: Run) -> list[dict[str, Any]]:
    """Return the samples of some epochs, with the first and the last."""
    every = [one for one in run.samples() if "copied" not in one]
    if len(every) <= MOST_SAMPLES:
        return every
    step = (len(every) - 1) / (MOST_SAMPLES - 1)
    return [every[round(number * step)] for number in range(MOST_SAMPLES)]


def _surprise(run: Run) -> dict[str, Any] | None:
    return surprise(run.read_json(SURPRISE, dict)) if run.has(SURPRISE) else None


def _units(run: Run) -> list[dict[str, Any]]:
    return units(run.read_json(UNITS, list)) if run.has(UNITS) else []


def surprise(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tokens of a passage with the share of their colour.

    Args:
        found: the surprise of each token, as `seqtrain explain` keeps it in a run.
    """
    tokens = [
        {
            "text": one["token"],
            "title": f"{one['bits']:.2f} bits, rank {one['rank']}; likeliest "
            f"{one['likeliest']!r} ({one['probability']:.0%})",
            "side": "against",
            "share": _share(one["bits"] / MOST_BITS),
        }
        for one in found["tokens"]
    ]
    title = found["text"]
    if title == "".join(one["token"] for one in found["tokens"]):
        title = ""  # it stands there with its colours
    return {"title": title, "bits": float(found["bits_per_character"]), "tokens": tokens}


def units(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return units, each with a passage whose characters have the colour of its state.

    Args:
        rows: the units, as `seqtrain explain --units` keeps them in a run.
    """
    found = []
    for one in rows:
        values = one["values"]
        most = max(map(abs, values), default=1.0) or 1.0
        characters = [
            {
                "text": character,
                "title": f"{value:.3g}",
                "side": "for" if value > 0 else "against",
                "share": _share(abs(value) / most),
            }
            for character, value in zip(one["text"], values, strict=True)
        ]
        found.append({**one, "tokens": characters})
    return found


def _share(value: float) -> float:
    """Return the strength of a colour from 0 to 1; 0 for none."""
    return min(value, 1.0) if value >= FAINTEST else 0.0


def most_surprising(run: Run) -> list[dict[str, Any]]:
    """Return the first rows of `mistakes.csv`.

    Raises:
        RunError: the file is damaged.
    """
    if not run.has("mistakes.csv"):
        return []
    try:
        return [
            {"text": row["text"], "truth": row["truth"], "bits": float(row["surprise"])}
            for row in islice(run.read_rows("mistakes.csv"), MOST_SURPRISES)
        ]
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
