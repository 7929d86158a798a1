"""Turn validation errors into sentences: place, key, allowed values, `did you mean`."""

import json
import math
import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import product
from typing import Any

from pydantic import ValidationError

from seqtrain.schema import json_schema as schemas
from seqtrain.schema import limits
from seqtrain.schema.json_schema import Schema, quoted
from seqtrain.schema.yaml_file import Document, KeyPath, Problem

MOST = 100  # most errors to describe


def problems(error: ValidationError, document: Document, root: Schema) -> list[Problem]:
    """Return one problem for each invalid key.

    Args:
        error: the error of pydantic.
        document: the tree that was validated, with its places.
        root: the JSON schema of the config.
    """
    found: dict[KeyPath, Problem] = {}
    for item in error.errors(include_url=False)[:MOST]:
        where = _path(item["loc"], document.data, item["type"])
        for path, message in _sentences(item, where, document.data, root):
            found.setdefault(path, Problem(document.place(path), ".".join(map(str, path)), message))
    outer = {path[:depth] for path in found for depth in range(len(path))}
    return [problem for path, problem in found.items() if path not in outer]


def _path(loc: tuple[str | int, ...], value: Any, kind: str) -> KeyPath:
    """Return `loc` without the names of union members that pydantic puts into it."""
    path: list[str | int] = []
    for position, key in enumerate(loc):
        inside = isinstance(key, int) if isinstance(value, list) else isinstance(value, dict)
        if inside and (isinstance(value, list) or key in value):
            value = value[key]  # type: ignore[index]
        elif not (kind == "missing" and position == len(loc) - 1):
            continue
        path.append(key)
    return tuple(path)


def _sentences(item: Any, path: KeyPath, data: Any, root: Schema) -> Iterator[tuple[KeyPath, str]]:
    if item["type"] == "rules":
        for key, message in item["ctx"]["rules"]:
            yield tuple(key.split(".")), message
    else:
        yield _sentence(item, path, data, root)


def _sentence(item: Any, path: KeyPath, data: Any, root: Schema) -> tuple[KeyPath, str]:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        return path, _unknown_key(path, data, root)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path, value = (*path, "name"), value.get("name")
    schema = schemas.at(root, path, data)
    if kind in ("missing", "union_tag_not_found"):
        return path, f"is missing: {schemas.describe(schema)}"
    message = f"must be {schemas.describe(schema)}, not {_shown(value)}"
    meant = _meant(value, path, schema, root)
    return path, f"{message}, did you mean `{meant}`?" if meant else message


def _meant(value: Any, path: KeyPath, schema: Schema, root: Schema) -> str | None:
    """Return what the user probably meant by an invalid value."""
    allowed = schemas.choices(schema)
    near = get_close_matches(str(value).lower(), allowed or schemas.names(schema), n=1)
    if near and not allowed:  # a section was meant: `dataset: imdb`
        return f"{path[-1]}: {{name: {near[0]}}}"
    if near:
        return near[0]
    if isinstance(value, str) and re.fullmatch(r"[\d.]+(, ?[\d.]+)+", value):
        options = [option.get("type") for option in (schema, *schema.get("anyOf", []))]
        return f"[{value}]" if "array" in options else value.replace(",", ".", 1)
    section = schemas.resolve(schema, root, {}).get("properties", {})
    if value is True and section:  # `early_stopping: true`
        key, inner = next(iter(section.items()))
        return f"{{{key}: {inner.get('default')}}}"
    return None


def _unknown_key(path: KeyPath, data: Any, root: Schema) -> str:
    key = str(path[-1])
    allowed = list(schemas.at(root, path[:-1], data).get("properties", {}))
    if near := get_close_matches(key, allowed, n=1):
        return f"unknown key, did you mean `{near[0]}`?"
    section = root["properties"].get(path[0], {}) if len(path) == 2 else {}
    members = schemas.members(section, root)
    if owners := [schemas.names(one) for one in members if key in one["properties"]]:
        return f"unknown key here, it is one of {quoted(sum(owners, []))}"
    everywhere = {keys[-1]: keys for keys in schemas.key_paths(root)}
    if near := get_close_matches(key, list(everywhere), n=1, cutoff=0.8):
        return f"unknown key here, did you mean `{'.'.join(everywhere[near[0]])}`?"
    return f"unknown key, allowed here are {quoted(allowed).replace(' or ', ' and ')}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, list | tuple):
        size = f" of {len(value)}" if len(value) > limits.LAYERS else ""
        return f"a list{size}" if value else "an empty list"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}".replace("inf", ".inf").replace("nan", ".nan")
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def with_likely_names(document: Document, root: Schema) -> Iterator[Document]:
    """Yield the document with each wrong `name` of a section replaced by a likely one.

    A section with a wrong `name` cannot be validated; with a likely name it can. If no name is
    similar, all are tried, and only keys that are wrong for all of them are surely wrong.
    """
    options: dict[str, list[Any]] = {}
    for key, section in document.data.items():
        allowed = schemas.names(root["properties"].get(key, {}))
        if isinstance(section, dict) and allowed and section.get("name") not in allowed:
            near = get_close_matches(str(section.get("name")).lower(), allowed, n=1)
            options[key] = [{**section, "name": name} for name in near or allowed]
    for sections in product(*options.values()) if options else ():
        data = {**document.data, **dict(zip(options, sections, strict=True))}
        yield Document(document.name, data, document.places)
