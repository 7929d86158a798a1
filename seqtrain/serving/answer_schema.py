"""The JSON schema of an answer, as its example shows it."""

from __future__ import annotations

from typing import Any

NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema_of(value: Any) -> dict[str, Any]:
    """Return the schema of a value of JSON; what is null may be anything."""
    if isinstance(value, dict):
        properties = {name: schema_of(one) for name, one in value.items()}
        return {"type": "object", "properties": properties, "required": [*value]}
    if isinstance(value, list):
        found = [schema_of(one) for one in value]
        each = [one for number, one in enumerate(found) if one not in found[:number]]
        if {} in each:
            each = [{}]
        return {"type": "array", "items": each[0] if len(each) == 1 else {"anyOf": each}}
    return {} if value is None else {"type": NAMES[type(value)]}
