"""Recognise the roles of the columns of a table: text, label, id, step, features."""

from typing import Any

from seqtrain.data.number_labels import no_number
from seqtrain.errors import DataError
from seqtrain.scaffold.candidates import (
    NAMED_SHORT,
    NAMED_TEXT,
    SHORT_NAMES,
    TARGET_NAMES,
    TEXT_NAMES,
    VARIED,
    WORDY,
    Chosen,
    Roles,
    check_column,
    is_named,
    labels_of,
    nothing,
    task_of,
)
from seqtrain.scaffold.pair_roles import seen_pairs
from seqtrain.scaffold.profiles import Column, Profile
from seqtrain.scaffold.sequence_roles import doubts_of_steps, of_named_steps, of_rows, of_steps


def recognise(source: Any, found: Profile, chosen: Chosen) -> Roles:
    """Return the roles of the columns of a table.

    Args:
        source: the file, for messages.
        found: its profile.
        chosen: the user's choices.

    Raises:
        DataError: no column is usable, or the table is for another task.
    """
    for name in filter(None, (chosen.text, chosen.label)):
        check_column(source, name, found)
    if chosen.text is not None and chosen.text == chosen.label:
        raise DataError(f"the texts and the labels are both in `{chosen.text}`", "name two columns")
    texts = [] if chosen.kind == "arrays" or chosen.rows else _texts(found, chosen)
    roles = _of_texts(found, chosen, texts) if texts else _of_numbers(source, found, chosen)
    if roles is None and chosen == Chosen() and (pairs := seen_pairs(found)):
        return pairs
    if roles is None:
        raise nothing(source, found, chosen, texts)
    _check_form(source, found.columns[roles.label], chosen)
    return roles


def _of_numbers(source: Any, found: Profile, chosen: Chosen) -> Roles | None:
    """Return the roles of a table of sequences, if it is one."""
    if chosen.kind == "text":
        return None
    steps = None if chosen.rows == "sequences" else of_steps(found, chosen)
    rows = None if steps or chosen.rows == "steps" else of_rows(source, found, chosen)
    if rows and not chosen.rows:
        rows.doubts[:0] = doubts_of_steps(found, rows.label)
    return steps or rows or of_named_steps(found, chosen)


def _check_form(source: Any, label: Column, chosen: Chosen) -> None:
    """Raise a DataError if labels are numbers in a form that would make them classes."""
    if chosen.numbers is not False and (odd := label.odd_number):
        raise no_number(f"{source}, `{label.name}`", odd)


def _texts(found: Profile, chosen: Chosen) -> list[str]:
    """Return the candidates for the text, the likeliest first."""
    if chosen.text:
        return [chosen.text]
    left = [column for column in found.columns.values() if column.name != chosen.label]
    lettered = [
        column
        for column in left
        if not (column.is_number or column.is_date or column.is_address) and column.words
    ]
    wordy = [
        column
        for column in lettered
        if is_named(column.name, TEXT_NAMES)
        or (column.words >= WORDY and column.variety >= VARIED and column.is_lettered)
    ]
    if not wordy:
        wordy = [column for column in lettered if column.is_lettered and _is_text(column, left)]
    return [column.name for column in sorted(wordy, key=_textual, reverse=True)]


def _is_text(column: Column, all_: list[Column]) -> bool:
    """Return whether a column of single words is text rather than names of rows."""
    numbers = sum(one.is_number and not one.rising for one in all_)
    return numbers < 2 and column.variety > 0.5 or numbers < 4 and column.variety > 0.9


def _textual(column: Column) -> float:
    """Return a score of how much a column looks like text."""
    short, long = is_named(column.name, SHORT_NAMES), is_named(column.name, TEXT_NAMES)
    return column.words * (NAMED_TEXT if long else NAMED_SHORT if short else 1)


def _of_texts(found: Profile, chosen: Chosen, texts: list[str]) -> Roles | None:
    """Return the roles of a table of labelled texts, if it has labels."""
    labels = list(labels_of(found, chosen, [*texts[:1]], TARGET_NAMES))
    if not labels:
        return None
    label = labels[0]
    return Roles(
        kind="text",
        text=texts[0],
        label=label,
        task=chosen.task or task_of(found, label),
        labels=labels[1:],
        texts=[name for name in texts[1:] if name != label],
    )
