"""The numbers of a run in words and tables, as a person reads them."""

import shlex
from collections.abc import Sequence
from typing import Any

from seqtrain.display.columns import table
from seqtrain.tasks import SCORES, called, readable, titles

CLASS_SCORES = ("precision", "recall", "f1")
MOST_CLASSES = 16  # whose confusion matrix fits on a terminal; of more, pairs are listed
MOST_PAIRS = 15


def format_evaluation(found: dict[str, Any]) -> str:
    """Return an evaluation as the tables that `seqtrain evaluate` prints."""
    from seqtrain.evaluation.classification import PREFIXES

    prefix = PREFIXES[found["split"]]
    sections = [
        _what_is_judged(found),
        _scores(found, prefix),
        *_behind(found[prefix]),
        *([format_verdict(found["verdict"], found["run"])] if "verdict" in found else []),
    ]
    return "\n\n".join(sections)


def _behind(detail: dict[str, Any]) -> list[str]:
    """Return tables of the scores of each class and of what is confused, or of the errors."""
    if sizes := detail.get("absolute_errors"):
        rows = [[f"{percent} %", readable(size)] for percent, size in sizes.items()]
        return [table(["of the answers are off", "by at most"], rows)]
    classes, matrix = detail["classes"], detail["confusion_matrix"]
    if len(classes) > MOST_CLASSES:
        by_size = sorted(classes, key=lambda row: -row["support"])
        return [_classes(by_size), _pairs(classes, matrix)]
    names = [row["name"] for row in classes]
    rows = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, matrix, strict=True)
    ]
    return [_classes(classes), table(["true \\ predicted", *names], rows)]


def _pairs(classes: Sequence[dict[str, Any]], matrix: Sequence[Sequence[int]]) -> str:
    """Return the classes that are most often taken for one another, as a table."""
    from seqtrain.evaluation.confusion import confused

    pairs = confused(matrix)
    rows = [
        [
            classes[pair.true]["name"],
            classes[pair.predicted]["name"],
            f"{pair.count:,}",
            f"{pair.count / classes[pair.true]['support']:.1%}",
        ]
        for pair in pairs[:MOST_PAIRS]
    ]
    if not rows:
        return "no class is taken for another"
    left = len(pairs) - len(rows)
    more = f"\nand {left:,} more pairs; `--json` has the whole confusion matrix" if left else ""
    return table(["true", "taken for", "examples", "of the true class"], rows) + more


def _what_is_judged(found: dict[str, Any]) -> str:
    state = "" if found["finished"] else ", unfinished: the best model so far"
    state += ", optimistic: it chose the epoch" if found.get("optimistic") else ""
    state += "" if found.get("same_data", True) else ", other data than it was trained on"
    state += f", {found['trained_on']:,} of them trained on" if "trained_on" in found else ""
    judged = found["source"] if found["split"] == "data" else found["split"]
    return f"{found['run']}  {judged}, {found['examples']:,} examples{state}"


def _scores(found: dict[str, Any], prefix: str) -> str:
    """Return each score with its interval, and what the simple models reach."""
    others = found.get("baselines", {})
    cells = [
        [
            name.removeprefix(f"{prefix}_"),
            score(found[name]),
            interval(found["intervals"][name]),
            *(score(other[name]) if name in other else "" for other in others.values()),
        ]
        for name in found
        if name.startswith(f"{prefix}_")
    ]
    header = ["metric", found["split"], "95 % interval", *titles(others).values()]
    return table(header, cells)


def _classes(rows: Sequence[dict[str, Any]]) -> str:
    """Return the scores of each class, with one decimal less, for they are less sure."""
    header = ["class", *(cell for key in CLASS_SCORES for cell in (key, "95 %")), "support"]
    cells = [
        [
            row["name"],
            *(
                cell
                for key in CLASS_SCORES
                for cell in (score(row[key], 3), interval(row["intervals"][key], 3))
            ),
            f"{row['support']:,}",
        ]
        for row in rows
    ]
    return table(header, cells)


def score(value: float | None, decimals: int = 4) -> str:
    """Return a score as a person reads it."""
    if value is None:
        return "undefined"
    return f"{value:.{decimals}f}" if decimals < 4 else readable(value)


def interval(ends: Sequence[float] | None, decimals: int = 4) -> str:
    """Return the two ends of an interval; nothing where there is none."""
    return f"[{score(ends[0], decimals)}, {score(ends[1], decimals)}]" if ends else ""


def format_score(metrics: dict[str, Any]) -> str:
    """Return the closing sentence of a training."""
    note = ", optimistic: chosen on test" if metrics["optimistic"] else ""
    last = metrics["last_epoch"]
    shown = [
        f"test {called(name)} {score(metrics[key])} {interval(metrics['intervals'][key])}"
        for name, key in _judging(metrics)
    ]
    return (
        f"{'  '.join(shown)}  test loss {score(metrics['test_loss'])}  "
        f"(best epoch {metrics['best_epoch']}{note}; "
        f"last epoch {last['epoch']}: {score(last[_judging(metrics)[0][1]])})"
    )


def _judging(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the scores by which a run is judged, and their keys: that of its task first."""
    first = next(name for name in SCORES.values() if f"test_{name}" in metrics)
    names = dict.fromkeys((first, *metrics.get("verdict", {}).get("judged_by", ())))
    return [(name, f"test_{name}") for name in names]


def format_baselines(metrics: dict[str, Any]) -> str:
    """Return the network beside the simple models, as the end of a training shows them."""
    named = titles(metrics["baselines"])
    models = {"the network": metrics}
    models |= {named[name]: found for name, found in metrics["baselines"].items()}
    judging = _judging(metrics)
    cells = [
        [
            model,
            *(
                cell
                for _, key in judging
                for cell in (score(found[key]), interval(found["intervals"][key]))
            ),
            score(found["test_loss"]),
        ]
        for model, found in models.items()
    ]
    columns = [cell for name, _ in judging for cell in (f"test {called(name)}", "95 % interval")]
    return table(["", *columns, "test loss"], cells)


def format_verdict(verdict: dict[str, Any], run: str) -> str:
    """Return whether the network beats the simple models, or a warning with likely causes.

    Args:
        verdict: as `metrics.json` has it, where nothing says of which run it is.
        run: which the commands in it are about.
    """
    advice = [f"hint: {sentence}" for sentence in verdict.get("advice", ())]
    warnings = [f"warning: {sentence}" for sentence in verdict.get("warnings", ())]
    sentence = str(verdict["sentence"])
    if not verdict["learned"]:
        causes = "; ".join(map(str, verdict["causes"]))
        sentence = f"warning: {sentence}; likely causes: {causes}"
    told = "\n".join([*advice, sentence, *warnings])
    return told.replace("`seqtrain resume --", f"`seqtrain resume {shlex.quote(run)} --")
