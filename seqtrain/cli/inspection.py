"""What `seqtrain check --load` prints: the data of a config, and what its training costs."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqtrain.display.columns import table
from seqtrain.display.escape import one_line
from seqtrain.display.numbers import readable
from seqtrain.io.text_file import shown

SPLITS = ("train", "validation", "test")


def format_inspection(found: dict[str, Any]) -> str:
    """Return the result of `dry_run.inspect` as text."""
    series = found["series"]
    sections = [
        f"data: {found['source']}",
        _facts(series["facts"] if series else []),
        table(["", *SPLITS], _of_splits(found)),
        _facts(found["facts"]),
        _first(found),
        *(_lengths(found) if found["repeated"] and not series else []),
        f"{found['dropped']:.1%} of the characters are in no word" if found["dropped"] else "",
        _cost(found),
        *(f"advice: {sentence}" for sentence in found["advice"]),
    ]
    return "\n\n".join(filter(None, sections))


def _of_splits(found: dict[str, Any]) -> list[list[str]]:
    """Return the rows of the table with a column for each split."""
    label, statistics = found["label"], found["labels"]
    rows = [
        [f"{found['example']}s", *_counts(found["examples"])],
        *([f"class {row['name']}", *_counts(row)] for row in found["classes"]),
        *(
            [f"{label}, {row['name']}", *(_label(row[one], statistics, one) for one in SPLITS)]
            for row in statistics
        ),
    ]
    if unknown := found["unknown"]:
        rows.append(["unknown tokens", *(f"{unknown[split]:.1%}" for split in SPLITS)])
    if repeated := found["repeated"]:
        rows.append(["also in train", "", *_counts(repeated, SPLITS[1:])])
        if any(repeated["alike"].values()):
            alike = _counts(repeated["alike"], SPLITS[1:])
            rows.append(["equal except for unknown words", "", *alike])
    if series := found["series"]:
        for end in ("first", "last"):
            rows.append([f"{end} forecast", *(series[end][split] for split in SPLITS)])
    return rows


def _counts(of: Mapping[str, Any], splits: Sequence[str] = SPLITS) -> list[str]:
    return [f"{of[split]:,}" for split in splits]


def _label(value: float, statistics: list[dict[str, Any]], split: str) -> str:
    """Return a statistic of labels with as many digits as their differences need."""
    from seqtrain.data.scaling import Target

    of = {row["name"]: row[split] for row in statistics}
    if "mean" not in of:  # the labels are no numbers
        return f"{value:,.0f}" if value.is_integer() else readable(value)
    return Target(of["mean"], of["std"] or 1.0).shown(value)


def _facts(rows: list[list[str]]) -> str:
    return table(["", ""], rows).lstrip("\n")


def _first(found: dict[str, Any]) -> str:
    """Return a table of the first texts, if examples are texts."""
    rows = [[shown(one_line(cell)) for cell in row] for row in found["first"]]
    return table(["the first of train", found["label"]], rows) if rows else ""


def _lengths(found: dict[str, Any]) -> list[str]:
    """Return how long the examples of train are, and what is cut, empty or repeated."""
    rows = [[f"{share} % have at most", f"{most:,}"] for share, most in found["lengths"].items()]
    return [
        table(["lengths in train", "steps"], rows),
        f"{found['cut']:.1%} are cut at {found['max_length']:,} steps, {found['empty']:,} are "
        f"empty, {found['repeated']['train']:,} repeat another",
    ]


def _cost(found: dict[str, Any]) -> str:
    seconds, epochs = found["seconds_per_epoch"], found["epochs"]
    return (
        f"{found['parameters']:,} parameters, {found['bytes'] / 1e9:.1f} GB of memory, about "
        f"{_duration(seconds)} an epoch, {epochs} epochs {_duration(seconds * epochs)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
