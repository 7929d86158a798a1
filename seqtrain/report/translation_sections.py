"""Section on translations: by the length of the source, and the worst beside the truth."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import islice
from math import prod
from typing import Any

from seqtrain.data.tokens import Tokeniser
from seqtrain.display.escape import uncell, visible
from seqtrain.evaluation import sequence_metrics
from seqtrain.report.charts import Chart, Line
from seqtrain.report.interpretation_sections import explanations
from seqtrain.report.page_sections import Content, Subject, having, judged
from seqtrain.runs.run import Run
from seqtrain.tasks.translation import translation

MOST = 30  # rows of the table
TO_SHOW = 120  # tokens of a side; a table of more cannot be read
LIKELY = 0.001  # probability of a token that is shown beside the one that was written
Part = tuple[bool, str]  # whether it differs, and its text


def translations(subjects: Sequence[Subject]) -> Content | None:
    """The scores of sources of each length, and the translations that are farthest off."""
    told = judged(subjects)
    if not told:
        return None
    tables = [
        {"subject": subject, "rows": farthest_off(subject.run)}
        for subject in having(told, "mistakes.csv")
    ]
    return {"charts": by_length(told), "tables": tables}


def by_length(subjects: Sequence[Subject]) -> list[Chart]:
    """Return charts of exact match and of the edit rate."""
    found = []
    for subject in subjects:
        labels, predictions = subject.run.predictions()
        one = sequence_metrics.compared(labels, predictions)
        groups = sequence_metrics.details(labels, predictions, one)["by_length"]
        found.append((subject, groups))
    x = "tokens of the source"
    charts = []
    for name, title in (("exact_match", "Exact match"), ("edit_rate", "Edit rate")):
        lines = [
            Line(
                subject.label,
                [((one["from"] + one["to"]) / 2, float(one[name])) for one in groups],
                subject.colour,
            )
            for subject, groups in found
        ]
        charts.append(Chart(title, x, title.lower(), lines, low=0.0))
    return charts


def farthest_off(run: Run) -> list[dict[str, Any]]:
    """Return the first rows of `mistakes.csv`, with the parts that differ.

    Raises:
        RunError: the file is damaged.
    """
    split = translation(run.fitted_task).writer.vocabulary.tokeniser
    rows = []
    try:
        for row in islice(run.read_rows("mistakes.csv"), MOST):
            truth, ours = (split(uncell(row[name])) for name in ("truth", "prediction"))
            true_parts, our_parts = differing(truth, ours)
            rows.append(
                {
                    "text": uncell(row["text"]),
                    "truth": as_text(split, true_parts),
                    "prediction": as_text(split, our_parts),
                    "edits": int(row["edit_distance"]),
                }
            )
    except (KeyError, ValueError) as error:
        raise run.damaged("mistakes.csv", f"it has no valid {error}") from error
    return rows


def as_text(tokeniser: Tokeniser, parts: Sequence[tuple[bool, list[str]]]) -> list[Part]:
    """Return the parts of a sequence as parts of its text, with the spaces between them."""
    written, found = "", list[Part]()
    tokens: list[str] = []
    for apart, some in parts:
        tokens += some
        before, written = len(written), tokeniser.joined(tokens)
        found.append((apart, written[before:]))
    return found


def differing(
    one: Sequence[str], other: Sequence[str]
) -> tuple[list[tuple[bool, list[str]]], list[tuple[bool, list[str]]]]:
    """Return both sequences in parts, each with whether it differs from the other sequence."""
    ours: list[tuple[bool, list[str]]] = []
    theirs: list[tuple[bool, list[str]]] = []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, first, last, start, stop in matcher.get_opcodes():
        if first < last:
            ours.append((tag != "equal", [*one[first:last]]))
        if start < stop:
            theirs.append((tag != "equal", [*other[start:stop]]))
    return ours, theirs


def attended(subjects: Sequence[Subject]) -> Content | None:
    """What each token of some translations looks at."""
    told = [
        looked_at(subject, found)
        for subject in subjects
        if subject.run.config.dataset.holds_pairs
        for found in explanations(subject.run)
    ]
    return {"told": told, "subjects": subjects} if told else None


def looked_at(subject: Subject, found: dict[str, Any]) -> dict[str, Any]:
    """Return how a translation was written, for the page.

    Args:
        subject: the run.
        found: the output of `seqtrain explain --json`.
    """
    steps = found["steps"]
    looks = all(step["attention"] for step in steps)
    return {
        "subject": subject,
        "source": found["source"],
        "translation": found["translation"],
        "truth": found["truth"],
        "probability": prod(step["probability"] for step in steps),
        "read": ["·", *map(visible, found["read"][1:TO_SHOW])] if looks else [],
        "left_out": max(len(steps), len(found["read"])) > TO_SHOW,
        "rows": [
            {
                "token": visible(step["token"]),
                "shares": step["attention"][:TO_SHOW] if looks else [],
                "probability": step["probability"],
                "others": [
                    f"{visible(one['token'])} {one['probability']:.3f}"
                    for one in step["alternatives"]
                    if one["token"] != step["token"] and one["probability"] >= LIKELY
                ],
            }
            for step in steps[:TO_SHOW]
        ],
    }
