"""Config files, valid and broken, and the keys of the schema."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seqtrain.config import config_schema
from seqtrain.schema import json_schema as schemas
from tests.conftest import REPOSITORY

BROKEN = sorted((REPOSITORY / "tests" / "broken").glob("*.yaml"))


def write(text: str, name: str = "a.yaml") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


ROOT = config_schema()


class Section(NamedTuple):
    """A section of the config: where it stands, its keys, and a config in which it stands."""

    path: tuple[str, ...]
    keys: dict[str, Any]
    tree: dict[str, Any]

    def changed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a copy of the config, and this section in it, which may be changed."""
        tree = section = json.loads(json.dumps(self.tree))
        for name in self.path:
            section = section[name]
        return tree, section

    def with_value(self, key: str, value: object) -> dict[str, Any]:
        """Return the config with `key` of this section set."""
        tree, section = self.changed()
        section[key] = value
        return tree

    def without(self, key: str) -> dict[str, Any]:
        """Return the config without `key` of this section."""
        tree, section = self.changed()
        section.pop(key, None)
        return tree


def least(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a section that holds what it must, and no more."""
    required = definition.get("required", [])
    values = {key: definition["properties"][key] for key in required}
    return {key: (schemas.choices(value) or ["x"])[0] for key, value in values.items()}


def tree(dataset: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Return a config with every section in it."""
    parts = {"dataset": least(dataset), "model": least(model)}
    sweep = {"space": {"model.units": {"choice": [1]}}}
    return {**parts, "training": {"early_stopping": {}}, "execution": {}, "sweep": sweep}


def sections() -> Iterator[Section]:
    """Yield every section of every kind, the whole config included."""
    datasets = schemas.members(ROOT["properties"]["dataset"], ROOT)
    models = schemas.members(ROOT["properties"]["model"], ROOT)
    whole = tree(datasets[0], models[0])
    yield Section((), ROOT["properties"], whole)
    for dataset in datasets:
        yield Section(("dataset",), dataset["properties"], tree(dataset, models[0]))
    for model in models:
        yield Section(("model",), model["properties"], tree(datasets[0], model))
    inner = [("training", "early_stopping"), ("sweep", "space", "model.units")]
    for path in [("training",), ("execution",), ("sweep",), *inner]:
        yield Section(path, schemas.at(ROOT, path, whole)["properties"], whole)


SECTIONS = list(sections())
KEYS = [(section, key) for section in SECTIONS for key in section.keys]
