"""The trials of a sweep as a table."""

from typing import TYPE_CHECKING

from seqtrain.display.columns import table
from seqtrain.display.numbers import readable
from seqtrain.display.sentences import counted

if TYPE_CHECKING:
    from seqtrain.runs.sweeps import Trials

MOST = 10  # trials in the table that a sweep prints, and reasons below it
NAMED = 5  # trials that are named beside a reason


def format_trials(trials: "Trials") -> str:
    """Return the best trials as a table, with what the others came to."""
    from seqtrain.schema.yaml_writer import write_value

    rows = trials.trained[:MOST]
    cells = [
        [
            f"trial-{row.number}",
            row.state,
            "" if row.value is None else readable(row.value),
            "" if row.epochs is None else f"{row.best_epoch} / {row.epochs}",
            "" if row.seconds is None else f"{row.seconds:,.1f}",
            *(write_value(row.values[key]) if key in row.values else "" for key in trials.scales),
        ]
        for row in rows
    ]
    header = ["trial", "state", trials.monitor, "best / epochs", "seconds", *trials.scales]
    notes = []
    if len(trials.trained) > len(rows):
        notes.append(f"the best {len(rows)} of {counted(len(trials.trained), 'trial')}")
    notes.append(f"{trials.count()}; {trials.monitor} is of the best epoch")
    notes += [*_reasons(trials, "skipped"), *_reasons(trials, "failed")]
    if trials.importance:
        shares = (f"{key} {share:.0%}" for key, share in trials.importance.items())
        notes.append(f"importance (share of the variance): {', '.join(shares)}")
    return "\n".join([table(header, cells), "", *notes])


def _reasons(trials: "Trials", state: str) -> list[str]:
    """Return a line for each reason why trials have no result, with their numbers."""
    found: dict[str, list[str]] = {}
    for row in trials.rows:
        if row.state == state:
            found.setdefault(str(row.why), []).append(f"trial-{row.number}")
    return [
        f"{state}, {why} ({', '.join([*names[:NAMED], *['…'][: len(names) > NAMED]])})"
        for why, names in list(found.items())[:MOST]
    ]
