"""Sections on the interpretation of a network: gradients through time, and examples step by step.

`seqtrain gradients` and `seqtrain explain` write these numbers into a run, or its first report.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from seqtrain.data.number_labels import written
from seqtrain.report.charts import Chart, Line, thinned
from seqtrain.report.page_sections import Content, Subject, having
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import GRADIENTS, Run

MOMENTS = {"start": "at the start", "trained": "after training"}
STATES = {"hidden": "h(t)", "cell": "c(t)"}
FAINTEST = 0.08  # share of the largest change; words with smaller changes have no colour


def gradients(subjects: Sequence[Subject]) -> Content | None:
    """The gradient norm at each step, at the start and after training."""
    measured = [
        (subject, moment)
        for subject in having(subjects, GRADIENTS)
        for moment in subject.run.read_json(GRADIENTS, list)
    ]
    charts = [
        Chart(
            f"Gradient {words}",
            "step, counted back from the last that is read",
            "mean norm of ∂loss/∂state",
            [line for s, found in measured if found["moment"] == name for line in flows(s, found)],
            log=True,
        )
        for name, words in MOMENTS.items()
    ]
    drawn = [chart for chart in charts if any(line.points for line in chart.lines)]
    warnings = [
        f"{subject.label}, {MOMENTS[found['moment']]}: {found['warning']}"
        for subject, found in measured
        if found.get("warning")
    ]
    warnings += [
        f"{subject.label}, {MOMENTS[found['moment']]}: no gradient reaches the states"
        + (", as the layer that reads them begins at 0" if found["moment"] == "start" else "")
        for subject, found in measured
        if all(norm == 0 for flow in found["states"] for norm in flow["norms"])
    ]
    return {"charts": drawn, "warnings": warnings} if drawn else None


def flows(subject: Subject, found: dict[str, Any]) -> Iterator[Line]:
    """Yield a line for each state of each layer."""
    layers = {(flow["layer"], flow["direction"]) for flow in found["states"]}
    for flow in found["states"]:
        where = f", layer {flow['layer']} {flow['direction']}" if len(layers) > 1 else ""
        norms = [norm or 0.0 for norm in flow["norms"]]  # none where it is not finite
        points = thinned(range(1 - len(norms), 1), norms)
        yield Line(
            f"{subject.label}, {STATES[flow['state']]}{where}",
            [(step, norm) for step, norm in points if norm > 0],
            subject.colour,
            "solid" if flow["state"] == "hidden" else "dashed",
        )


def explained(subjects: Sequence[Subject]) -> Content | None:
    """The prediction after each step of some examples."""
    told = [
        reading(subject, found)
        for subject in subjects
        if not subject.run.config.dataset.holds_pairs
        for found in explanations(subject.run)
    ]
    return {"told": told, "subjects": subjects} if told else None


def explanations(run: Run) -> Iterator[dict[str, Any]]:
    """Yield the explanations in a run."""
    for file in sorted((run.folder / EXPLAINED).glob("*.json")):
        yield run.read_json(f"{EXPLAINED}/{file.name}", dict)


def reading(subject: Subject, found: dict[str, Any]) -> dict[str, Any]:
    """Return an explanation for the page: a chart, and the coloured words.

    Args:
        subject: the run.
        found: the output of `seqtrain explain --json`.
    """
    steps, readings = found["steps"], found["readings"]
    task = subject.run.task
    said = [task.read_by_step(found, one) for one in readings]
    lines = [
        Line(f"read {one['direction']}", thinned(range(1, len(steps) + 1), of_one), number)
        for number, (one, of_one) in enumerate(zip(readings, said, strict=True))
    ]
    low, high = task.bounds or (None, None)
    title = f"Probability of {found['class']}" if "class" in found else "Prediction"
    beside = list(attention(found)) if task.bounds else []
    y = title.partition(" ")[0].lower()
    chart = Chart(title, "step", y, [*lines, *beside], low=low, high=high)
    largest = max((abs(c) for one in readings for c in one["changes"] if c), default=1.0)
    texts = [
        {"line": line, "words": list(coloured(steps, of_one, one["changes"], largest))}
        for line, one, of_one in zip(lines, readings, said, strict=True)
    ]
    of_words = not all(step.isdigit() for step in steps)
    number = written(found["prediction"]) if "prediction" in found else ""
    return {
        "subject": subject,
        "found": found,
        "number": number,
        "charts": [chart],
        "texts": of_words and texts,
        "pictures": (),
    }


def attention(found: dict[str, Any]) -> Iterator[Line]:
    """Yield the attention weights, if the pooling is attention."""
    if shares := found.get("attention"):
        yield Line("attention", thinned(range(1, len(shares) + 1), shares), None, "dotted")


def coloured(
    steps: Sequence[str], said: Sequence[float], changes: Sequence[float | None], largest: float
) -> Iterator[dict[str, Any]]:
    """Yield each step, with the sign and share of its change."""
    for step, value, change in zip(steps, said, changes, strict=True):
        share = (change or 0.0) / largest
        side = "" if abs(share) < FAINTEST else "for" if share > 0 else "against"
        yield {"word": step, "side": side, "share": abs(share), "said": value}
