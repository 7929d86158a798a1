"""The numbers of a run in words and tables, as a person reads them."""

from collections.abc import Sequence
from typing import Any

from seqtrain.columns import table

CLASS_SCORES = ("precision", "recall", "f1")


def format_evaluation(found: dict[str, Any]) -> str:
    """Return an evaluation as the tables that `seqtrain evaluate` prints."""
    from seqtrain.metrics import PREFIXES

    prefix = PREFIXES[found["split"]]
    detail = found[prefix]
    names = [row["name"] for row in detail["classes"]]
    matrix = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, detail["confusion_matrix"], strict=True)
    ]
    sections = [
        _what_is_judged(found),
        _scores(found, prefix),
        _classes(detail["classes"]),
        table(["true \\ predicted", *names], matrix),
        *([format_verdict(found["verdict"])] if "verdict" in found else []),
    ]
    return "\n\n".join(sections)


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
    return "undefined" if value is None else f"{value:.{decimals}f}"


def interval(ends: Sequence[float] | None, decimals: int = 4) -> str:
    """Return the two ends of an interval; nothing where there is none."""
    return f"[{ends[0]:.{decimals}f}, {ends[1]:.{decimals}f}]" if ends else ""


def format_score(metrics: dict[str, Any]) -> str:
    """Return the closing sentence of a training."""
    note = ", optimistic: chosen on test" if metrics["optimistic"] else ""
    last = metrics["last_epoch"]
    sure = interval(metrics["intervals"]["test_accuracy"])
    return (
        f"test accuracy {metrics['test_accuracy']:.4f} {sure}  "
        f"test loss {metrics['test_loss']:.4f}  "
        f"(best epoch {metrics['best_epoch']}{note}; "
        f"last epoch {last['epoch']}: {last['test_accuracy']:.4f})"
    )


def format_baselines(metrics: dict[str, Any]) -> str:
    """Return the network beside the simple models, as the end of a training shows them."""
    models = {"the network": metrics, **metrics["baselines"]}
    cells = [
        [
            name,
            score(found["test_accuracy"]),
            interval(found["intervals"]["test_accuracy"]),
            score(found["test_loss"]),
        ]
        for name, found in models.items()
    ]
    return table(["", "test accuracy", "95 % interval", "test loss"], cells)


def format_verdict(verdict: dict[str, Any]) -> str:
    """Return whether the network beats the simple models, or a warning with likely causes."""
    if verdict["learned"]:
        return str(verdict["sentence"])
    return f"warning: {verdict['sentence']}; likely causes: {'; '.join(verdict['causes'])}"
