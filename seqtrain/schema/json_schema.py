"""The JSON schema of the config, and descriptions made from it.

Messages and `docs/config.md` describe each key from the schema that editors use, so they always
match the validator.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

Schema = dict[str, Any]


def resolve(schema: Schema, root: Schema, value: Any = None) -> Schema:
    """Follow references, and choose the member of a union that fits `value`.

    In a union of sections `name` decides; in others, whether `value` is a section or a list.
    """
    if "discriminator" in schema:
        mapping = schema["discriminator"]["mapping"]
        name = value.get("name") if isinstance(value, dict) else None
        if isinstance(name, str) and name in mapping:
            schema = {"$ref": mapping[name]}
    if "anyOf" in schema and isinstance(value, dict | list):
        wanted = "properties" if isinstance(value, dict) else "items"
        options = [resolve(option, root) for option in schema["anyOf"]]
        schema = next((option for option in options if wanted in option), schema)
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def at(root: Schema, path: Sequence[str | int], value: Any) -> Schema:
    """Return the schema of the key at `path` in a config whose tree is `value`."""
    schema = resolve(root, root, value)
    for key in path:
        present = isinstance(value, list) or (isinstance(value, dict) and key in value)
        value = value[key] if present else None
        others = schema.get("additionalProperties") or {}  # of a section with any keys
        inner = schema.get("properties", {}).get(key) or schema.get("items") or others
        if "discriminator" in schema and key == "name":
            inner = {"enum": names(schema)}
        schema = resolve(inner, root, value)
    return schema


def key_paths(root: Schema) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key that any config may have."""
    for section, schema in root["properties"].items():
        yield (section,)
        for member in members(schema, root):
            for key, inner in member["properties"].items():
                yield (section, key)
                yield from (
                    (section, key, deep) for deep in resolve(inner, root, {}).get("properties", {})
                )


def members(schema: Schema, root: Schema) -> list[Schema]:
    """Return the sections that a key allows: one, or all of a union."""
    options = schema["oneOf"] if "discriminator" in schema else [schema]
    resolved = [resolve(option, root, {}) for option in options]
    return [section for section in resolved if "properties" in section]


def names(schema: Schema) -> list[str]:
    """Return the names that choose a section, or nothing for any other key."""
    if "discriminator" in schema:
        return list(schema["discriminator"]["mapping"])
    return choices(schema.get("properties", {}).get("name", {}))


def choices(schema: Schema) -> list[str]:
    """Return the words that a key allows, such as the names of the optimizers."""
    options = [schema, *schema.get("anyOf", [])]
    values = [value for option in options for value in option.get("enum", [option.get("const")])]
    return [value for value in values if isinstance(value, str)]


def describe(schema: Schema) -> str:
    """Describe the allowed values of a key: `a whole number of at least 1`."""
    if "anyOf" in schema:
        return " or ".join(describe(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return quoted(choices(schema))
    if names(schema):
        return f"a section of keys, whose `name` is {quoted(names(schema))}"
    kind = "object" if "$ref" in schema else str(schema.get("type"))
    if kind == "array":
        sizes = [text.format(schema[key]) for key, text in _SIZES.items() if key in schema]
        of = f"of {' and '.join(sizes)}, " if sizes else ""
        return f"a list {of}whose items are each {describe(schema['items'])}"
    return _NOUNS.get(kind, "a value") + _range(schema)


_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
    "object": "a section of keys",
}
_SIZES = {"minItems": "at least {}", "maxItems": "at most {}"}
_BOUNDS = {
    "minimum": "of at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "pattern": "of letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
    "minLength": "of at least {} character",
    "maxLength": "at most {} characters long",
}


def _range(schema: Schema) -> str:
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return f" {' and '.join(bounds)}" if bounds else ""


def quoted(words: Sequence[str]) -> str:
    """Join words as "`a`, `b` or `c`"."""
    marked = [f"`{word}`" for word in words]
    return " or ".join(filter(None, [", ".join(marked[:-1]), marked[-1]]))


def markdown(root: Schema) -> str:
    """Return the reference of every key as Markdown tables."""
    pages = ["# Config reference", root["description"], _table(_plain_keys(root))]
    for section, schema in root["properties"].items():
        for member in members(schema, root):
            name = member["properties"].get("name", {}) if "name" in member["properties"] else {}
            title = f"## `{section}`" + (f", `name:` {quoted(choices(name))}" if name else "")
            left_out = {"name", *member.get("unused", ())}
            keys = {key: it for key, it in member["properties"].items() if key not in left_out}
            pages += [title, member.get("description", ""), _table(keys)]
    return "\n\n".join(pages) + "\n"


def _plain_keys(root: Schema) -> dict[str, Schema]:
    return {key: value for key, value in root["properties"].items() if not members(value, root)}


def _table(keys: dict[str, Schema]) -> str:
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, schema in keys.items():
        default = f"`{json.dumps(schema['default'])}`" if "default" in schema else "required"
        rows.append(f"| `{key}` | {describe(schema)} | {default} | {schema['description']} |")
    return "\n".join(rows)
