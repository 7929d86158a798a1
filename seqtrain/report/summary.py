"""What came out, in sentences: the top of a page."""

from collections.abc import Iterator, Sequence

from seqtrain.report.scores import Numbers, Score, primary
from seqtrain.report.sections import Content, Subject, having
from seqtrain.run import Run


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
