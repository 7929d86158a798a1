"""Sections on the origin of a run: config, environment, and the command that repeats it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqtrain.io.regular_file import checked
from seqtrain.report.page_sections import Content, Subject, having
from seqtrain.runs.run import Run


def config(subjects: Sequence[Subject]) -> Content | None:
    """The config of each run, and the command to train it again."""
    texts = [
        {
            "subject": subject,
            "text": checked(subject.run.folder / "config.yaml").read_text(encoding="utf-8"),
            "repeat": repeat(subject.run),
            "started": started(subject.run),
        }
        for subject in subjects
    ]
    return {"texts": texts}


def repeat(run: Run) -> str:
    """Return the command that trains the config again."""
    return shlex.join(["seqtrain", "train", str(run.folder / "config.yaml")])


def started(run: Run) -> str | None:
    """Return the command that started the run, if known."""
    if not run.has("environment.json"):
        return None
    command = run.environment().get("command")
    if not isinstance(command, list) or not command:
        return None
    return shlex.join(["seqtrain", *map(str, command[1:])])


def environment(subjects: Sequence[Subject]) -> Content | None:
    """The environment of each run: versions, machine, data."""
    known = having(subjects, "environment.json")
    if not known:
        return None
    tables = [
        {"subject": subject, "rows": list(flat(subject.run.environment()))} for subject in known
    ]
    return {"tables": tables}


def flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a tree with their dotted names, without unknown values."""
    for name, value in tree.items():
        if name == "command" or value is None:
            continue
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        else:
            several = value if isinstance(value, list) else [value]
            yield above + name, ", ".join(map(str, several))
