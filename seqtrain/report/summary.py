"""The summary at the top of a page, in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean, stdev

from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted
from seqtrain.report.page_sections import Content, Subject, grouped, having
from seqtrain.report.scores import Numbers, Score, primary
from seqtrain.runs.run import Run


def summary(subjects: Sequence[Subject]) -> Content | None:
    """The model, the data, the score, and whether it beats the baselines."""
    told = having(subjects, "history.csv")
    stories = [
        (replace(group[0], label=group[0].group), list(story([one.run for one in group])))
        for group in grouped(told)
    ]
    return {"stories": stories} if told else None


def story(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the sentences about a run, or about the seeds of a config."""
    if len(runs) == 1:
        yield from story_of_one(runs[0])
        return
    yield trained(runs)
    finished = [run for run in runs if run.finished]
    if len(finished) < len(runs):
        yield f"{len(finished)} of them have finished."
    if len(finished) > 1:
        yield from mean_score(finished)


def mean_score(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the mean score of several seeds, and the seeds that have not learned."""
    found = [primary(run) for run in runs]
    values = [score.value for score in found if score.value is not None]
    if len(values) > 1:
        mean, std = (amount(found[0], of(values)) for of in (fmean, stdev))
        note = ", which is optimistic because they chose the epochs" if runs[0].optimistic else ""
        yield (f"Their {found[0].metric.title} is {mean} ± {std} on {tested(runs[0])}{note}.")
    verdicts = {run.config.seed: run.metrics().get("verdict") for run in runs}
    poor = {seed: each for seed, each in verdicts.items() if each and not each["learned"]}
    for seed, each in poor.items():
        yield sentence(f"seed {seed}: {each['sentence']}")
    if not poor and all(verdicts.values()):
        yield "All of them have learned."


def story_of_one(run: Run) -> Iterator[str]:
    """Yield the sentences about a run."""
    yield trained([run])
    if not run.finished:
        yield unfinished(run)
        return
    numbers = run.metrics()
    score = primary(run)
    note = ", which is optimistic because they chose the epoch" if run.optimistic else ""
    yield f"Its {score.metric.title} is {told(score)} on {tested(run)}{note}."
    if chosen := str(numbers.get("chosen", "")):
        yield f"{chosen[0].upper()}{chosen[1:]}."
    yield from verdict(numbers)


def trained(runs: Sequence[Run]) -> str:
    """Return a sentence with the model, the data and the number of epochs."""
    run = runs[0]
    config, several = run.config, len(runs) > 1
    parameters = run.metrics().get("parameters") if run.finished else None
    size = f" with {parameters:,} parameters" if parameters else ""
    number = len(run.trained_on()) if run.has("trained_on.npz") else 0
    examples = f"{counted(number, run.task.piece or run.task.example)} of " if number else ""
    seeds = f" from {len(runs)} seeds" if several else ""
    kept = "the best epoch of each" if several else f"epoch {run.best_epoch()}"
    return (
        f"A network of type {config.model.name}{size} was trained{seeds} on {examples}"
        f"{config.dataset.name} for {lasted(runs)}, and {kept} was kept as the best by "
        f"{config.training.monitor}."
    )


def lasted(runs: Sequence[Run]) -> str:
    """Return the number of epochs of runs."""
    epochs = sorted({len(run.history()) for run in runs})
    if epochs == [1]:
        return "1 epoch"
    return f"{epochs[0]} epochs" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]} epochs"


def tested(run: Run) -> str:
    """Return what a score is measured on: test examples, with their number if it is known."""
    noun = f"test {run.task.example}"
    if not run.has("predictions.npz"):
        return f"the {noun}s"
    return counted(len(run.read_arrays("predictions.npz", "labels")[0]), noun)


def unfinished(run: Run) -> str:
    """Return the progress of a run without scores."""
    best, wanted = run.history()[run.best_epoch() - 1], run.config.training.epochs
    reached = ", ".join(
        f"{name} {value:.4f}" for name, value in best.items() if name.startswith("val_")
    )
    return f"It has not finished its {wanted} epochs yet; the best so far has {reached}."


def verdict(numbers: Numbers) -> Iterator[str]:
    """Yield whether the network has learned, and if not, likely causes."""
    found = numbers.get("verdict")
    if found:
        yield sentence(found["sentence"])
        keys = ("causes", "warnings", "advice")
        yield from (sentence(told) for key in keys for told in found.get(key, ()))


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def told(score: Score) -> str:
    """Format a score for a sentence: a share in per cent, with the interval in brackets."""
    if score.value is None:
        return "undefined"
    text = amount(score, score.value)
    if score.interval is None:
        return text
    low, high = (amount(score, end) for end in score.interval)
    return f"{text} (95\u00a0% interval {low} to {high})"


def amount(score: Score, value: float) -> str:
    """Format the value of a score; a share in per cent."""
    return f"{value * 100:.1f}\u00a0%" if score.metric.share else readable(value)
