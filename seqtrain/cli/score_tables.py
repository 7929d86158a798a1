"""Scores of a run as text: tables and sentences for the terminal."""

import shlex
from typing import TYPE_CHECKING, Any

from seqtrain.display.columns import table
from seqtrain.display.numbers import interval, score
from seqtrain.display.sentences import counted
from seqtrain.evaluation.metric import PREFIXES

if TYPE_CHECKING:
    from seqtrain.tasks import Metric, Task


def format_evaluation(found: dict[str, Any], task: "Task") -> str:
    """Return an evaluation as the tables that `seqtrain evaluate` prints."""
    prefix = PREFIXES[found["split"]]
    sections = [
        _what_is_judged(found, task),
        _scores(found, prefix, task),
        *task.tables(found[prefix]),
        *([format_verdict(found["verdict"], found["run"])] if "verdict" in found else []),
    ]
    return "\n\n".join(sections)


def _what_is_judged(found: dict[str, Any], task: "Task") -> str:
    state = "" if found["finished"] else ", unfinished: the best model so far"
    state += ", optimistic: it chose the epoch" if found.get("optimistic") else ""
    state += "" if found.get("same_data", True) else ", other data than it was trained on"
    state += f", {found['trained_on']:,} of them trained on" if "trained_on" in found else ""
    judged = found["source"] if found["split"] == "data" else found["split"]
    return f"{found['run']}  {judged}, {counted(found['examples'], task.example)}{state}"


def _scores(found: dict[str, Any], prefix: str, task: "Task") -> str:
    """Return each score with its interval, if any has one, and the scores of the baselines."""
    from seqtrain.evaluation.baselines import titles

    others = found.get("baselines", {})
    ends = any(found["intervals"].values())
    cells = [
        [
            name.removeprefix(f"{prefix}_"),
            score(found[name]),
            *([interval(found["intervals"][name])] if ends else []),
            *(_of_baseline(other.get(name)) for other in others.values()),
        ]
        for name in found
        if name.startswith(f"{prefix}_")
    ]
    middle = ["95 % interval"] if ends else []
    header = ["metric", found["split"], *middle, *titles(others).values()]
    return table(header, cells) + ("" if ends else f"\n\n{task.no_intervals}")


def _of_baseline(value: float | None) -> str:
    """Return a score of a baseline; empty if it has none, such as a loss."""
    return "" if value is None else score(value)


def format_score(metrics: dict[str, Any], task: "Task") -> str:
    """Return the last sentence that a training prints."""
    note = ", optimistic: chosen on test" if metrics["optimistic"] else ""
    last = metrics["last_epoch"]
    judging = [(one.title, f"test_{one.name}") for one in _judging(metrics, task)]
    shown = [
        f"test {title} {' '.join(filter(None, _with_interval(metrics, key)))}"
        for title, key in judging
    ]
    return (
        f"{'  '.join(shown)}  test loss {score(metrics['test_loss'])}  "
        f"(best epoch {metrics['best_epoch']}{note}; "
        f"last epoch {last['epoch']}: {score(last[judging[0][1]])})"
    )


def _judging(metrics: dict[str, Any], task: "Task") -> "list[Metric]":
    """Return the metrics of the last sentence, the primary one first."""
    from seqtrain.tasks import metric

    judged_by = map(metric, metrics.get("verdict", {}).get("judged_by", ()))
    return list(dict.fromkeys((task.primary(), *judged_by)))


def format_baselines(metrics: dict[str, Any], task: "Task") -> str:
    """Return the table of the network and the baselines that a training prints."""
    from seqtrain.evaluation.baselines import titles

    named = titles(metrics["baselines"])
    models = {"the network": metrics}
    models |= {named[name]: found for name, found in metrics["baselines"].items()}
    judging = [(one.title, f"test_{one.name}") for one in _judging(metrics, task)]
    ends = any(found["intervals"].get(key) for found in models.values() for _, key in judging)
    cells = [
        [
            model,
            *(cell for _, key in judging for cell in _with_interval(found, key)[: 1 + ends]),
            _of_baseline(found["test_loss"]),
        ]
        for model, found in models.items()
    ]
    columns = [
        cell for title, _ in judging for cell in (f"test {title}", "95 % interval")[: 1 + ends]
    ]
    told = "" if ends else f"\n\n{task.no_intervals}"
    return table(["", *columns, "test loss"], cells) + told


def _with_interval(found: dict[str, Any], key: str) -> tuple[str, str]:
    """Return a score and its interval."""
    return score(found[key]), interval(found["intervals"][key])


def format_verdict(verdict: dict[str, Any], run: str) -> str:
    """Return a sentence on whether the network beats the baselines, or a warning with causes.

    Args:
        verdict: from `metrics.json`.
        run: the run to name in suggested commands.
    """
    advice = [f"hint: {sentence}" for sentence in verdict.get("advice", ())]
    warnings = [f"warning: {sentence}" for sentence in verdict.get("warnings", ())]
    sentence = str(verdict["sentence"])
    if not verdict["learned"]:
        causes = "; ".join(map(str, verdict["causes"]))
        sentence = f"warning: {sentence}; likely causes: {causes}"
    told = "\n".join([*advice, sentence, *warnings])
    return told.replace("`seqtrain resume --", f"`seqtrain resume {shlex.quote(run)} --")
