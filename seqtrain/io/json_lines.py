"""JSON Lines: one object on each line, every error with its place."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from seqtrain.errors import DataError
from seqtrain.io.text_file import TextFile, shown

DEEPEST = 8  # objects within objects whose keys can be named
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)  # as they are written


def objects(file: TextFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number of each object, and the object with its numbers as text.

    Keys of objects within objects follow a dot: `{"translation": {"en": "…"}}` has the key
    `translation.en`.

    Raises:
        DataError: as in `TextFile.lines`; or a line is not an object.
    """
    first = True
    for line, text in enumerate(file.lines(), start=1):
        if text.strip():
            yield line, _flat(_object(file.file, line, text.strip(), first))
            first = False


def _flat(item: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return an object with the keys of those within it, the outer keys before them."""
    if depth == DEEPEST or not any(isinstance(value, dict) for value in item.values()):
        return item
    found: dict[str, Any] = {}
    for key, value in item.items():
        inner = _flat(value, depth + 1) if isinstance(value, dict) else {}
        found |= {f"{key}.{name}": one for name, one in inner.items()} or {key: value}
    return found


def _object(file: Path, line: int, text: str, first: bool) -> dict[str, Any]:
    source, target = file, file.with_suffix(".lines.jsonl")
    files = f"{quote(str(source))} > {quote(str(target))}`"
    if first and text.startswith("["):
        hint = f"write one object on each line: `jq -c '.[]' {files}"
        raise DataError(f"{file} is a JSON array", hint)
    if not text.startswith("{"):
        hint = 'write each row as {"text": "…", "label": "…"}; a CSV is called .csv'
        raise DataError(f"{file}:{line}: not a JSON object: {shown(text)}", hint)
    try:
        item: dict[str, Any] = _JSON.decode(text)
    except RecursionError as error:
        message = f"{file}:{line}: not JSON: nested too deeply"
        raise DataError(message, "correct the line, or leave it out") from error
    except json.JSONDecodeError as error:
        reason = f"{error.msg.removesuffix(' at')} at character {error.colno}"
        hint = "correct the line, or leave it out"
        if first and (error.pos == len(text) or error.msg == "Extra data"):
            hint = f"write one object on each line: `jq -c . {files}"
        raise DataError(f"{file}:{line}: no JSON: {reason}", hint) from error
    return item


def plain(item: dict[str, Any], names: Sequence[str]) -> tuple[str | None, ...]:
    """Return the values of some keys; None if missing, a list or an object."""
    values = (item.get(name) for name in names)
    return tuple([None if isinstance(one, dict | list) else written(one) for one in values])


def written(value: str | bool | None) -> str | None:
    """Return a JSON value as written; a lone surrogate becomes a question mark."""
    if isinstance(value, bool):
        return str(value).lower()
    return value and value.encode(errors="replace").decode()
