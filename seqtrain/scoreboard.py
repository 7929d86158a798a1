"""The numbers of a run in words and tables, as a person reads them."""

from collections.abc import Sequence
from typing import Any

from seqtrain.columns import table
from seqtrain.tasks import SCORES, readable

CLASS_SCORES = ("precision", "recall", "f1")


def format_evaluation(found: dict[str, Any]) -> str:
    """Return an evaluation as the tables that `seqtrain evaluate` prints."""
    from seqtrain.judging.metrics import PREFIXES

    prefix = PREFIXES[found["split"]]
    sections = [
        _what_is_judged(found),
        _scores(found, prefix),
        *_behind(found[prefix]),
        *([format_verdict(found["verdict"])] if "verdict" in found else []),
    ]
    return "\n\n".join(sections)


def _behind(detail: dict[str, Any]) -> list[str]:
    """Return tables of the scores of each class and the confusion matrix, or of the errors."""
    if sizes := detail.get("absolute_errors"):
        rows = [[f"{percent} %", readable(size)] for percent, size in sizes.items()]
        return [table(["of the answers are off", "by at most"], rows)]
    names = [row["name"] for row in detail["classes"]]
    matrix = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, detail["confusion_matrix"], strict=True)
    ]
    return [_classes(detail["classes"]), table(["true \\ predicted", *names], matrix)]


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
            *(score(other[name]) for other in others.values()),
        ]
        for name in found
        if name.startswith(f"{prefix}_")
    ]
    return table(["metric", found["split"], "95 % interval", *others], cells)


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
    name = _main(metrics)
    key = f"test_{name}"
    return (
        f"test {name} {score(metrics[key])} {interval(metrics['intervals'][key])}  "
        f"test loss {score(metrics['test_loss'])}  "
        f"(best epoch {metrics['best_epoch']}{note}; "
        f"last epoch {last['epoch']}: {score(last[key])})"
    )


def _main(metrics: dict[str, Any]) -> str:
    """Return the name of the score by which runs of its task are compared."""
    return next(name for name in SCORES.values() if f"test_{name}" in metrics)


def format_baselines(metrics: dict[str, Any]) -> str:
    """Return the network beside the simple models, as the end of a training shows them."""
    models = {"the network": metrics, **metrics["baselines"]}
    name = _main(metrics)
    key = f"test_{name}"
    cells = [
        [
            model,
            score(found[key]),
            interval(found["intervals"][key]),
            score(found["test_loss"]),
        ]
        for model, found in models.items()
    ]
    return table(["", f"test {name}", "95 % interval", "test loss"], cells)


def format_verdict(verdict: dict[str, Any]) -> str:
    """Return whether the network beats the simple models, or a warning with likely causes."""
    if verdict["learned"]:
        return str(verdict["sentence"])
    return (
        f"warning: {verdict['sentence']}; likely causes: {'; '.join(map(str, verdict['causes']))}"
    )
