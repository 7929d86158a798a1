"""What all sections share: each is a function of runs and a template of the same name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.comparison.run_rows import Row, names, with_every_run
from seqtrain.runs.run import Run
from seqtrain.tasks import known

COLOURS = 7  # colours in `page.css`, which then repeat

Content = Mapping[str, Any]  # the variables of a template


@dataclass(frozen=True)
class Subject:
    """A run with its name and colour on the page.

    Attributes:
        run: the run.
        label: its name.
        colour: the number of its colour; the seeds of one config share it.
        group: the name of its seeds together; for a single run its label.
        row: the number of its group.
    """

    run: Run
    label: str
    colour: int
    group: str
    row: int = 0


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        name: the name of its template in `sections/`.
        title: its heading.
        content: the variables of the template.
    """

    name: str
    title: str
    content: Content


Show = Callable[[Sequence[Subject]], Content | None]  # None if the files are missing


def sections(runs: Sequence[Run], shown: Mapping[str, Show]) -> list[Section]:
    """Return the sections that the tasks of the runs name and for which the runs have the files.

    Args:
        runs: the runs of the page.
        shown: the functions of the sections, by heading; templates have the same names.
    """
    subjects = list(subjects_of(runs))
    special = {name for task in known().values() for name in task.sections}
    found = []
    for title, show in shown.items():
        name = show.__name__
        about = [s for s in subjects if name not in special or name in s.run.task.sections]
        if about and (content := show(about)):
            found.append(Section(name, title, content))
    return found


def subjects_of(runs: Sequence[Run]) -> Iterator[Subject]:
    """Yield the runs with their labels; the seeds of one config have one colour."""
    if len(runs) == 1:
        name = str(runs[0].config.name)
        yield Subject(runs[0], name, 0, name)
        return
    table = with_every_run(runs)
    for number, (row, name) in enumerate(zip(table, called(table), strict=True)):
        for one in row.members:
            seed = f", seed {one.keys.get('seed')}" if len(row.members) > 1 else ""
            yield Subject(one.run, name + seed, number % COLOURS, name, number)


def called(table: Sequence[Row]) -> list[str]:
    """Return the names of rows; for a single row, the name of its config."""
    return names(table) if len(table) > 1 else [str(table[0].members[0].run.config.name)]


def grouped(subjects: Sequence[Subject]) -> list[list[Subject]]:
    """Group the subjects that differ only in their seed."""
    groups: dict[int, list[Subject]] = {}
    for subject in subjects:
        groups.setdefault(subject.row, []).append(subject)
    return list(groups.values())


def having(subjects: Sequence[Subject], name: str) -> list[Subject]:
    """Return the subjects whose runs have the file `name`."""
    return [subject for subject in subjects if subject.run.has(name)]


def judged(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the subjects whose runs have predictions of the test examples."""
    return [s for s in having(subjects, "predictions.npz") if s.run.has(s.run.task.file)]
