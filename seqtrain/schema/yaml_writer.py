"""Write values as YAML that `yaml_file` reads back as equal values."""

from typing import Any

import yaml

from seqtrain.schema.yaml_file import scalar


class _Dumper(yaml.SafeDumper):
    """Quotes the words that our reader or YAML 1.1 would not read as text."""


class _LineDumper(_Dumper):
    """Writes any text on one line."""


def _represent_word(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if scalar(text) == text else "'"
    if isinstance(dumper, _LineDumper) and text.splitlines() not in ([], [text]):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_word)


def write(tree: dict[str, Any]) -> str:
    """Return the tree as YAML."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def write_value(value: Any) -> str:
    """Return a value as one line of YAML, for use after a key."""
    flow = yaml.dump(
        [value],
        Dumper=_LineDumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return flow.strip()[1:-1]
