"""The trials of a sweep as a table."""

from seqtrain.display.columns import table
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted
from seqtrain.runs.sweeps import Trials
from seqtrain.schema.yaml_writer import write_value

MOST = 10  # trials in a table, and reasons below it
NAMED = 5  # trials that are named beside a reason


def header(trials: Trials) -> list[str]:
    """Return the headings of the columns."""
    machine = ["machine"] if trials.folders else []
    return ["trial", *machine, "state", trials.monitor, "best / epochs", "seconds", *trials.scales]


def cells(trials: Trials) -> list[list[str]]:
    """Return a row of text for each of the best trials."""
    return [
        [
            f"trial-{row.number}",
            *([row.machine or ""] if trials.folders else []),
            row.state,
            "" if row.value is None else readable(row.value),
            "" if row.epochs is None else f"{row.best_epoch} / {row.epochs}",
            "" if row.seconds is None else f"{row.seconds:,.1f}",
            *(write_value(row.values[key]) if key in row.values else "" for key in trials.scales),
        ]
        for row in trials.trained[:MOST]
    ]


def notes(trials: Trials) -> list[str]:
    """Return sentences about the trials that the table does not show."""
    number = len(trials.trained)
    best = f"the best {MOST} of {counted(number, 'trial')}"
    shares = ", ".join(f"{key} {share:.0%}" for key, share in trials.importance.items())
    return [
        *([best] if number > MOST else []),
        f"{trials.count()}; {trials.monitor} is of the best epoch",
        *_reasons(trials, "skipped"),
        *_reasons(trials, "failed"),
        *([f"importance (share of the variance): {shares}"] if shares else []),
        *(f"the runs of {machine} are in {folder}" for machine, folder in trials.folders.items()),
    ]


def format_trials(trials: Trials) -> str:
    """Return the best trials as a table, with what the others came to."""
    return "\n".join([table(header(trials), cells(trials)), "", *notes(trials)])


def _reasons(trials: Trials, state: str) -> list[str]:
    """Return a line for each reason why trials have no result, with their numbers."""
    found: dict[str, list[str]] = {}
    for row in trials.rows:
        if row.state == state:
            found.setdefault(str(row.why), []).append(f"trial-{row.number}")
    return [
        f"{state}, {why} ({', '.join([*names[:NAMED], *['…'][: len(names) > NAMED]])})"
        for why, names in list(found.items())[:MOST]
    ]
