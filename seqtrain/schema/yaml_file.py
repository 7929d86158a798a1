"""Strict YAML: every value has a place, duplicate keys are errors, numbers are YAML 1.2's.

The scalars are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema):
`1e-3` is a number, `no` is a word and `010` is ten. Anchors, aliases and tags are refused, so that
a config cannot grow without limit or run code.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from seqtrain.display.escape import argument, one_line
from seqtrain.errors import ConfigError, reason

DATA = {".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".txt", ".npz", ".npy"}
DATA |= {".parquet", ".xlsx", ".gz"}
LARGEST_FILE = 1_000_000  # bytes; a config has some 2,000
MOST_VALUES = 10_000  # a config has some 50, and one more for each column of a table
LONGEST_PROBLEM = 1_000  # characters
LONGEST_NUMBER = 40  # characters; a longer number is a word, which no key allows

DEEPEST = 20  # keys above a value; a config has 3
DOTTED = ("sweep", "space")  # a section whose keys are dotted: `sweep.space.model.units=[8, 16]`
HINT = "a line is `key: value`; keys of one section are indented alike"

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """The place of a value: `order` sorts places, `text` is for messages."""

    order: int
    text: str


class Problem(NamedTuple):
    """A problem at a place."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        """Return `place: path: message` on one line, as every problem is printed."""
        line = ": ".join(part for part in (self.place.text, self.path, self.message) if part)
        return one_line(line if len(line) <= LONGEST_PROBLEM else f"{line[:LONGEST_PROBLEM]}…")


@dataclass
class Document:
    """A YAML tree, the place of every value, and the problems found.

    `unread` are the dotted paths of refused values, which are None in the tree.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def place(self, path: KeyPath) -> Place:
        """Return the place of `path`, or of its nearest existing ancestor."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(0, self.name))

    def folders(self, folder: Path) -> dict[str | int, Path]:
        """Return the base folder of paths, for each key that no argument has set."""
        written = (path for path, place in self.places.items() if place.order < LARGEST_FILE)
        return {path[-1]: folder for path in written if path}


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises:
        ConfigError: the file cannot be read, or is not YAML. Other problems, such as a
            duplicate key, are collected in `Document.problems`.
    """
    return parse_document(path, _read(path))


def parse_document(path: Path, text: str) -> Document:
    """Parse the text of a YAML file, as `read_document` does; `path` is what messages call it."""
    document = Document(str(path))
    try:
        tree = _Builder(document, lambda line: Place(line, f"{path}:{line}")).build(text)
    except _NotYaml as error:
        message = f"{path}:{error.line}: not YAML: {error.reason}"
        raise ConfigError(message, error.hint) from error
    if not isinstance(tree, dict):
        what = "not a config" if tree is not None else "empty, so not a config"
        raise ConfigError(
            f"{path}: {what}, which is a list of `key: value` lines",
            "copy a config that works: `seqtrain init quickstart`",
        )
    document.data = tree
    return document


def apply_overrides(document: Document, overrides: Iterable[str]) -> None:
    """Set `key=value` arguments in the tree; a value is read as YAML.

    Problems are collected in `Document.problems`.
    """
    for number, typed in enumerate(overrides):
        place = Place(LARGEST_FILE + number, f"argument '{typed}'")
        key, equals, text = typed.partition("=")
        if not equals or not re.fullmatch(r"\w+(\.\w+)*", key):
            expected = "must be written `key=value`, such as `training.epochs=3`"
            document.problems.append(Problem(place, "", expected))
            continue
        try:
            _set(document, _path(key), text, place)
        except _NotYaml as error:
            problem = Problem(place, key, f"the value is not YAML: {error.reason}")
            document.problems.append(problem)


def _path(key: str) -> KeyPath:
    """Return the path of a dotted key."""
    parts = tuple(key.split("."))
    inside = parts[: len(DOTTED)] == DOTTED and len(parts) > len(DOTTED)
    return (*DOTTED, ".".join(parts[len(DOTTED) :])) if inside else parts


def put(document: Document, key: str, value: Any, place: Place) -> None:
    """Set a dotted key to a value, which then stands at `place`."""
    parent = _opened(document, _path(key), place)
    if parent is not None:
        parent[str(_path(key)[-1])] = value


def _set(document: Document, path: KeyPath, text: str, place: Place) -> None:
    """Set the value at a path to a text that is read as YAML."""
    parent = _opened(document, path, place)
    if parent is not None:
        parent[str(path[-1])] = _Builder(document, lambda line: place).build(text, path)


def _opened(document: Document, path: KeyPath, place: Place) -> dict[str, Any] | None:
    """Return the section for a value at a path, without the places of what stood there.

    If a value stands in the place of a section, that is a problem, and there is no section.
    """
    parent = document.data
    for depth, key in enumerate(path[:-1], start=1):
        if parent.get(str(key)) is None:
            parent[str(key)] = {}
            document.places[path[:depth]] = place
        parent = parent[str(key)]
        if not isinstance(parent, dict):
            dotted = ".".join(map(str, path[:depth]))
            problem = Problem(place, dotted, "is a value, so no key can be set in it")
            document.problems.append(problem)
            return None
    for old in [known for known in document.places if known[: len(path)] == path]:
        del document.places[old]
    document.places[path] = place
    return parent


def _read(path: Path) -> str:
    if path.suffix.lower() in DATA:
        hint = f"draft a config that trains on it: `seqtrain init --data {argument(path)}`"
        raise ConfigError(f"`{path}` is a data file by its name, not a config", hint)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)  # a device may never end
        if len(content) > LARGEST_FILE:
            raise ConfigError(f"{path}: larger than {LARGEST_FILE:,} bytes, so not a config")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 text (byte {error.start}: {error.reason})"
        raise ConfigError(message, "save the file as UTF-8") from error
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ConfigError(
            f"cannot read the config `{path}`: {reason}",
            "`seqtrain list configs` names the configs that `seqtrain init` can copy here",
        ) from error


class _NotYaml(Exception):
    """The text cannot be parsed."""

    def __init__(self, line: int, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.hint = hint


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield PyYAML's events; this needs no recursion for deep trees."""
    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        tabs = "\t" in "".join(text.splitlines()[line - 1 : line])
        hint = "indent with spaces, YAML allows no tabs" if tabs else HINT
        raise _NotYaml(line, problem, hint) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise _NotYaml(line, reason(error), HINT) from error


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Builder:
    """Turns events into plain values, and notes the place of each."""

    def __init__(self, document: Document, place_of_line: Callable[[int], Place]) -> None:
        self.document = document
        self.place_of_line = place_of_line
        self.values = 0

    def build(self, text: str, path: KeyPath = ()) -> Any:
        """Return the value of the one YAML document in `text`, which stands at `path`."""
        self.events = _events(text)
        tree = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    reason = "a second document begins, and a config is one"
                    raise _NotYaml(_line(event), reason, "remove the line `---`")
            elif isinstance(event, yaml.NodeEvent):
                tree = self.value(event, path)
        return tree

    def value(self, event: Any, path: KeyPath) -> Any:
        self.document.places.setdefault(path, self.place(event))
        self.values += 1
        if self.values > MOST_VALUES:
            raise _NotYaml(_line(event), f"more than {MOST_VALUES:,} values, so not a config", HINT)
        if len(path) > DEEPEST:
            raise _NotYaml(_line(event), "nested too deeply", HINT)
        if event.anchor:
            self.unread(event, path, "anchors and aliases are not allowed: write the value out")
        if isinstance(event, yaml.AliasEvent):
            return None
        value = self.content(event, path)
        if event.tag is not None:
            message = f"the tag `{event.tag}` is not allowed: write the plain value"
            return self.unread(event, path, message)
        return value

    def content(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items = iter(lambda: next(self.events), None)
            until = takewhile(lambda item: not isinstance(item, yaml.SequenceEndEvent), items)
            return [self.value(item, (*path, index)) for index, item in enumerate(until)]
        return scalar(event.value) if event.implicit[0] else event.value

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.problem(event, path, "a key must be a word")
                self.value(event, (*path, "?"))
                self.value(next(self.events), (*path, "?"))
                continue
            key = str(event.value)
            here = (*path, key)
            if key in tree:
                first = self.document.place(here).text
                self.problem(event, here, f"stands twice; the first is {first}")
                self.value(next(self.events), (*here, "twice"))
                continue
            self.document.places[here] = self.place(event)
            tree[key] = self.value(next(self.events), here)
        return tree

    def place(self, event: yaml.Event) -> Place:
        return self.place_of_line(_line(event))

    def unread(self, event: yaml.Event, path: KeyPath, message: str) -> None:
        self.document.unread.add(".".join(map(str, path)))
        self.problem(event, path, message)

    def problem(self, event: yaml.Event, path: KeyPath, message: str) -> None:
        dotted = ".".join(map(str, path))
        self.document.problems.append(Problem(self.place(event), dotted, message))


_SCALARS = {
    "null": re.compile(r"~|null|Null|NULL|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?\d[\d_]*"),
    "float": re.compile(
        r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][-+]?\d+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
}


def scalar(text: str) -> Any:
    """Return the value of an unquoted word."""
    kind = next((name for name, form in _SCALARS.items() if form.fullmatch(text)), "str")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "str" or len(text) > LONGEST_NUMBER:
        return text
    digits = text.replace("_", "").lower()
    return int(digits) if kind == "int" else float(re.sub(r"\.(?=[in])", "", digits))
