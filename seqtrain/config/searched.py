"""A config with a search space: its trials, and the values that no trial can have."""

import copy
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seqtrain.config.config import CompleteConfig, Config
from seqtrain.config.validation import completed, validate
from seqtrain.errors import ConfigError
from seqtrain.schema import search_space
from seqtrain.schema.search_space import SweepConfig
from seqtrain.schema.yaml_file import Document, Problem, put
from seqtrain.schema.yaml_writer import write

COMBINATIONS_TRIED = 50  # before a value of a search space counts as one that no trial can have


@dataclass(frozen=True)
class Searched:
    """A config with a search space.

    Attributes:
        document: the tree of its file, with all overrides.
        path: its file.
        base: the config without any value of the space.
        sweep: the search.
    """

    document: Document
    path: Path
    base: CompleteConfig
    sweep: SweepConfig

    def trial(self, values: Mapping[str, Any]) -> CompleteConfig:
        """Return the config in which keys of the space have these values.

        It is what `seqtrain train CONFIG KEY=VALUE…` would train, with the `monitor` of the base:
        all trials are compared by it.

        Raises:
            ConfigError: a rule between keys forbids the combination; the message is one line.
        """
        monitor = self.base.training.monitor
        document = with_values(self.document, {**values, "training.monitor": monitor})
        config, found = validate(document, self.path.parent)
        if config is None:
            raise ConfigError("; ".join(f"`{one.path}` {one.message}" for one in found))
        return completed(config, self.path)

    def to_yaml(self) -> str:
        """Return what the file and the overrides say, as a config for any folder.

        Keys with their defaults stay away, because not every trial may have them.
        """
        tree = copy.deepcopy(self.document.data)
        for section in ("dataset", "model"):
            for key, value in tree[section].items():
                found = getattr(getattr(self.base, section), key)
                if isinstance(value, str) and isinstance(found, str) and found != value:
                    tree[section][key] = found  # a path, which counts from the folder of the file
        return write({"name": self.base.name, **{k: v for k, v in tree.items() if k != "name"}})


def problems_of_search(
    document: Document, folder: Path, config: Config | None, known: list[Problem]
) -> Iterator[Problem]:
    """Yield the problems of a search space: its own rules, and values that no trial can have."""
    try:
        sweep = SweepConfig.model_validate(document.data.get("sweep"))
    except ValidationError:  # it has none, or `validate` has told what is wrong
        return
    if config and config.dataset.chooses_on_test:
        rule = "cannot be `test` with a search, which would choose by the test examples"
        yield Problem(document.place(("dataset", "validation")), "dataset.validation", rule)
    wrong = set()
    for path, message in search_space.broken_rules(sweep):
        wrong.add(path[0] if path else None)
        where = ("sweep", "space", *path)
        yield Problem(document.place(where), ".".join(map(str, where)), message)
    if None in wrong:  # the conditions have no order
        return
    sound = {key: one for key, one in sweep.space.items() if not wrong & {key, *(one.when or ())}}
    told = {(one.path, one.message) for one in known}
    for key, domain in sound.items():
        for inner, value in domain.examples():
            found = _of_value(document, folder, sound, key, value, config is not None)
            where = ("sweep", "space", key, *inner)
            if where not in document.places:  # a plain list is short for `choice`
                where = ("sweep", "space", key, *inner[1:])
            for one in found:
                message = one.message
                if one.path != key and not one.path.startswith(f"{key}."):
                    if (one.path, one.message) in told:
                        continue
                    shown = json.dumps(value, ensure_ascii=False)
                    message = f"{shown} cannot be used: `{one.path}` {message}"
                yield Problem(document.place(where), f"sweep.space.{key}", message)


def _of_value(
    document: Document,
    folder: Path,
    space: search_space.Space,
    key: str,
    value: Any,
    base_is_valid: bool,
) -> list[Problem]:
    """Return what is wrong with a value of a key; nothing, if any combination allows it."""
    alone = search_space.with_conditions(space, key, value)
    config, found = validate(with_values(document, alone), folder)
    if config or not base_is_valid:
        return found
    chance = random.Random(0)
    for _ in range(COMBINATIONS_TRIED):
        others = search_space.drawn(space, alone, chance)
        if validate(with_values(document, others), folder)[0]:
            return []
    return found


def with_values(document: Document, values: Mapping[str, Any]) -> Document:
    """Return a document in which keys have other values, at the places of their search space."""
    data = {key: value for key, value in document.data.items() if key != "sweep"}
    changed = Document(document.name, copy.deepcopy(data), dict(document.places))
    for key, value in values.items():
        put(changed, key, value, document.place(("sweep", "space", key)))
    return changed
