"""What came out: the sentences at the top of a page, and the scores beside the baselines."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.report.sections import Content, Subject, having
from seqtrain.run import Run

PREFIX = "test_"
PRIMARY = ("accuracy", "mae")  # the score that runs are judged by is the first that they have
SHARES = ("accuracy", "roc_auc", "average_precision", "ece")  # lie between 0 and 1
LESS_IS_BETTER = ("loss", "ece", "mae", "rmse")

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """A score on the test examples, of a run or of a baseline.

    Attributes:
        name: `accuracy`, `loss`, …
        value: None where it is not defined.
        interval: the ends of its 95 % interval, where it has one.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None = None

    @property
    def share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return self.name in SHARES

    @property
    def rank(self) -> float:
        """What is larger for a better score."""
        if self.value is None:
            return float("-inf")
        return -self.value if self.name in LESS_IS_BETTER else self.value


def summary(subjects: Sequence[Subject]) -> Content | None:
    """What was trained on what, how well it does, and whether that beats the baselines."""
    told = having(subjects, "history.csv")
    return {"stories": [(subject, list(story(subject.run))) for subject in told]} if told else None


def story(run: Run) -> Iterator[str]:
    """Yield the sentences about a run."""
    yield trained(run)
    if not run.finished:
        yield unfinished(run)
        return
    numbers = run.metrics()
    score = primary(numbers)
    note = ", which is optimistic because they chose the epoch" if run.optimistic else ""
    yield f"Its {score.name} is {told(score)} on {tested(run)}test examples{note}."
    yield from verdict(numbers)


def trained(run: Run) -> str:
    """Return what was trained on what, and for how long."""
    config, epochs = run.config, len(run.history())
    parameters = run.metrics().get("parameters") if run.finished else None
    size = f" with {parameters:,} parameters" if parameters else ""
    examples = f"{len(run.trained_on()):,} examples of " if run.has("trained_on.npz") else ""
    return (
        f"A network of the kind {config.model.name}{size} was trained on {examples}"
        f"{config.dataset.name} for {epochs} {'epoch' if epochs == 1 else 'epochs'}, and "
        f"epoch {run.best_epoch()} was kept as the best by {config.training.monitor}."
    )


def tested(run: Run) -> str:
    """Return how many test examples there were, where that is known."""
    if not run.has("predictions.npz"):
        return ""
    return f"{len(run.read_arrays('predictions.npz', 'labels')[0]):,} "


def unfinished(run: Run) -> str:
    """Return how far a run has got that has no scores yet."""
    best, wanted = run.history()[run.best_epoch() - 1], run.config.training.epochs
    reached = ", ".join(
        f"{name} {value:.4f}" for name, value in best.items() if name.startswith("val_")
    )
    return f"It has not finished its {wanted} epochs yet; the best so far has {reached}."


def verdict(numbers: Numbers) -> Iterator[str]:
    """Yield whether the network has learned anything, and where not, why that may be."""
    found = numbers.get("verdict")
    if found:
        yield sentence(found["sentence"])
        yield from (sentence(cause) for cause in found["causes"])


def sentence(text: str) -> str:
    """Return the text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def told(score: Score) -> str:
    """Return a score as a sentence has it: a share in per cent, and the interval in brackets."""
    if score.value is None:
        return "undefined"
    unit = 100 if score.share else 1
    form = "{:.1f}\u00a0%" if score.share else "{:.4g}"
    text = form.format(score.value * unit)
    if score.interval is None:
        return text
    low, high = (form.format(end * unit) for end in score.interval)
    return f"{text} (95\u00a0% interval {low} to {high})"


def primary(numbers: Numbers) -> Score:
    """Return the score by which a run is judged."""
    name = next((name for name in PRIMARY if PREFIX + name in numbers), "loss")
    return score_of(numbers, name)


def score_of(numbers: Numbers, name: str) -> Score:
    """Return a score among numbers, with its interval where it has one."""
    interval = numbers.get("intervals", {}).get(PREFIX + name)
    ends = (float(interval[0]), float(interval[1])) if interval else None
    return Score(name, numbers.get(PREFIX + name), ends)


@dataclass(frozen=True)
class Standing:
    """A row of the table of scores: a run, its last epoch, or a baseline.

    Attributes:
        owner: who has the scores.
        scores: in the order of the columns.
        colour: the number of the run's colour; None for what is no run.
    """

    owner: str
    scores: tuple[Score, ...]
    colour: int | None = None


def scores(subjects: Sequence[Subject]) -> Content | None:
    """Every score on the test examples with its interval, beside the baselines'."""
    finished = having(subjects, "metrics.json")
    if not finished:
        return None
    numbers = [subject.run.metrics() for subject in finished]
    names = list(dict.fromkeys(name for found in numbers for name in score_names(found)))
    rows = [
        Standing(subject.label, all_scores(found, names), subject.colour)
        for subject, found in zip(finished, numbers, strict=True)
    ]
    last = numbers[0].get("last_epoch", {})
    if len(rows) == 1 and last.get("epoch") != numbers[0].get("best_epoch"):
        owner = f"the same after its last epoch, {last.get('epoch')}"
        rows.append(Standing(owner, all_scores(last, names)))
    rivals = {
        Standing(owner, all_scores(baseline, names))
        for found in numbers
        for owner, baseline in found.get("baselines", {}).items()
    }
    rows += sorted(rivals, key=lambda rival: rival.scores[0].rank, reverse=True)
    return {"names": names, "rows": rows, "scale": scale(rows)}


def score_names(numbers: Numbers) -> list[str]:
    """Return the names of the scores, without `test_`, the one that runs are judged by first."""
    found = [key.removeprefix(PREFIX) for key in numbers if key.startswith(PREFIX)]
    first = primary(numbers).name
    return sorted(found, key=lambda name: name != first)


def all_scores(numbers: Numbers, names: Sequence[str]) -> tuple[Score, ...]:
    """Return the scores of these names, without a value where there is none."""
    return tuple(score_of(numbers, name) for name in names)


def scale(rows: Sequence[Standing]) -> tuple[float, float]:
    """Return the ends of an axis that holds the first score of every row, with its interval."""
    first = [row.scores[0] for row in rows if row.scores[0].value is not None]
    values = [end for score in first for end in (score.value, *(score.interval or ()))]
    finite = [value for value in values if value is not None]
    if not finite:
        return 0.0, 1.0
    if first[0].share:
        return math.floor(min(finite) * 10) / 10, 1.0
    return 0.0, max(finite) * 1.05 or 1.0
