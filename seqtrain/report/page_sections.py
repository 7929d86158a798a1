"""What sections of a page have in common: a function of runs, and a template of its name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.comparison.run_rows import Row, names, with_every_run
from seqtrain.runs.run import Run
from seqtrain.tasks import known

COLOURS = 7  # that `page.css` has; then they begin anew

Content = Mapping[str, Any]  # what a template shows


@dataclass(frozen=True)
class Subject:
    """A run, and how the page names and colours it.

    Attributes:
        run: the run.
        label: what it is called.
        colour: its number; the seeds of one config share it.
        group: what they are called together; of a run that stands alone its label.
        row: the number of the group among all.
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
        name: of its template in `sections/`.
        title: its heading.
        content: what the template shows.
    """

    name: str
    title: str
    content: Content


Show = Callable[[Sequence[Subject]], Content | None]  # nothing where the files are missing


def sections(runs: Sequence[Run], shown: Mapping[str, Show]) -> list[Section]:
    """Return the sections that the runs have the files for, and that their tasks ask for.

    Args:
        runs: what the page is about.
        shown: the functions that show it, by heading; their names are those of the templates.
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
    """Return what rows are called; where there is but one, the name of its config."""
    return names(table) if len(table) > 1 else [str(table[0].members[0].run.config.name)]


def grouped(subjects: Sequence[Subject]) -> list[list[Subject]]:
    """Return the subjects, those together that differ in their seed alone."""
    groups: dict[int, list[Subject]] = {}
    for subject in subjects:
        groups.setdefault(subject.row, []).append(subject)
    return list(groups.values())


def having(subjects: Sequence[Subject], name: str) -> list[Subject]:
    """Return those whose runs have the file `name`."""
    return [subject for subject in subjects if subject.run.has(name)]


def judged(subjects: Sequence[Subject]) -> list[Subject]:
    """Return those whose runs have predictions of the test examples."""
    return [s for s in having(subjects, "predictions.npz") if s.run.has(s.run.task.file)]
