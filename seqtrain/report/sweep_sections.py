"""A section on the sweep whose trials are on the page."""

from collections.abc import Sequence

from seqtrain.comparison import sweep_table
from seqtrain.report.page_sections import Content, Subject
from seqtrain.runs.sweeps import TRIALS, SweepFolder


def search(subjects: Sequence[Subject]) -> Content | None:
    """The best trials of a sweep, if all runs are of one."""
    groups = {subject.run.group for subject in subjects}
    group = groups.pop()
    if groups or len(subjects) == 1 or group is None:
        return None
    sweep = SweepFolder(group)
    if not sweep.has(TRIALS):
        return None
    trials = sweep.trials()
    colours = {subject.run.folder.name: subject.colour for subject in subjects}
    rows = [{"colour": colours.get(row[0]), "cells": row} for row in sweep_table.cells(trials)]
    notes = sweep_table.notes(trials)
    return {"header": sweep_table.header(trials), "rows": rows, "notes": notes}
