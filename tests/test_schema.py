"""The JSON schema accepts the same configs as the validator, and describes every key."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from seqtrain.config import Config, Optimizer
from seqtrain.models.base import Activation
from seqtrain.schema import json_schema as schemas
from seqtrain.schema.yaml_file import read_document
from tests.conftest import CONFIGS, REPOSITORY, Outcome
from tests.factories.written_configs import BROKEN, KEYS, ROOT, SECTIONS, Section

VALIDATOR = Draft202012Validator(ROOT)
# Mistakes that JSON Schema has no words for: to it 3.0 is a whole number, and JSON knows no .inf.
INEXPRESSIBLE = {
    "type_whole_fraction_for_whole_number",
    "type_fraction_in_units",
    "range_learning_rate_not_a_number",
}
VALUES_ONLY = ("rule_", "twice_")  # beginnings of the names of configs whose values are each right
ANYTHING: list[Any] = [None, True, False, "", "x", "auto", "test", "64", "null", "true", "a b", "é"]
ANYTHING += [0, 1, -1, 2, 10**12, 0.5, -0.5, 1.5, 1e-12, -1e-12, 1e300]
ANYTHING += [[], [1], [0], [1, 2], [1, "x"], [True], [None], [0.5], [[1]], ["x"], [{}]]
ANYTHING += [{}, {"name": "x"}, {"patience": 1}, {"patience": 0}, {"x": 1}, {"min_delta": [0]}]
KEYWORDS_OF_BOUNDS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"]


OPTIONAL = [(section, key) for section, key in KEYS if "default" in section.keys[key]]


def name_of(value: object) -> str:
    """Return the id of a section or key: `dataset.imdb`, `padding`."""
    if isinstance(value, Section):
        kind = value.keys.get("name", {}) if value.path else {}
        return ".".join([*value.path, *schemas.choices(kind)[:1]]) or "config"
    return str(value)


every_key = pytest.mark.parametrize(("section", "key"), KEYS, ids=name_of)


def accepted(value: object) -> bool:
    """Return whether the validator accepts a config, ignoring rules between keys."""
    try:
        Config.model_validate(value)
    except ValidationError as error:
        return all(item["type"].startswith("rule") for item in error.errors())
    return True


def boundaries(schema: dict[str, Any]) -> Iterator[object]:
    """Yield the words of a key, and numbers on and beside each of its bounds."""
    for option in [schema, *schema.get("anyOf", []), schema.get("items", {})]:
        yield from option.get("enum", []) or [option.get("const")]
        for bound in (option[keyword] for keyword in KEYWORDS_OF_BOUNDS if keyword in option):
            yield from (bound - 1, bound, bound + 1)
            if option["type"] == "number":
                yield from (float(bound), bound - 1e-9, bound + 1e-9)
        yield from ("x" * (option.get("maxLength", 0) + extra) for extra in (0, 1))


def is_whole_fraction(value: object, schema: dict[str, Any]) -> bool:
    kinds = [option.get("type") for option in [schema, *schema.get("anyOf", [])]]
    return isinstance(value, float) and value.is_integer() and "number" not in kinds


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(ROOT)


def test_no_section_is_forgotten() -> None:
    known = [json.dumps(section.keys, sort_keys=True) for section in SECTIONS]
    defined = [ROOT, *ROOT["$defs"].values()]
    keys = [json.dumps(one["properties"], sort_keys=True) for one in defined]
    assert sorted(known) == sorted(keys)


@pytest.mark.parametrize("section", SECTIONS, ids=name_of)
def test_each_section_is_looked_at_in_a_config_that_both_accept(section: Section) -> None:
    assert VALIDATOR.is_valid(section.tree)
    assert accepted(section.tree)


# Of what many datasets and models inherit, one counts.
DIFFERENT = {
    (section.path, key, json.dumps(section.keys[key], sort_keys=True)): (section, key)
    for section, key in KEYS
}


@pytest.mark.parametrize(("section", "key"), DIFFERENT.values(), ids=str)
def test_schema_and_validator_agree_on_every_value(section: Section, key: str) -> None:
    schema = section.keys[key]
    for value in [*ANYTHING, *boundaries(schema)]:
        if not is_whole_fraction(value, schema):
            changed = section.with_value(key, value)
            assert VALIDATOR.is_valid(changed) == accepted(changed), value


def options_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every form that a value may have, and those of the items of a list."""
    for option in [schema, *schema.get("anyOf", [])]:
        yield option
        yield from options_of(option["items"]) if "items" in option else ()


@pytest.mark.parametrize(("section", "key"), DIFFERENT.values(), ids=str)
def test_every_number_and_every_list_of_numbers_has_bounds(section: Section, key: str) -> None:
    for option in options_of(section.keys[key]):
        if option.get("type") in ("integer", "number"):
            assert {"minimum", "exclusiveMinimum"} & option.keys()
            assert {"maximum", "exclusiveMaximum"} & option.keys()
        elif option.get("type") == "array" and option["items"].get("type") != "string":
            assert "maxItems" in option


# What a search chooses from may be of any type; each value is validated where it would stand.
BOUNDED = [(section, key) for section, key in DIFFERENT.values() if key != "choice"]


@pytest.mark.parametrize(("section", "key"), BOUNDED, ids=str)
@pytest.mark.parametrize("number", [2**31, 2**63, 2**64, 10**30, -(10**30), -1, -(2**63)])
def test_no_key_takes_a_huge_or_a_negative_number(section: Section, key: str, number: int) -> None:
    for value in (number, float(number), [number], [1] * 1_000):
        assert not accepted(section.with_value(key, value))


@every_key
def test_schema_and_validator_agree_on_what_is_required(section: Section, key: str) -> None:
    changed = section.without(key)
    assert VALIDATOR.is_valid(changed) == accepted(changed)


@pytest.mark.parametrize("section", SECTIONS, ids=name_of)
def test_schema_and_validator_refuse_an_unknown_key(section: Section) -> None:
    changed = section.with_value("colour", "red")
    assert not VALIDATOR.is_valid(changed)
    assert not accepted(changed)


@pytest.mark.parametrize("whole", [None, [], "x", 3, {}, {"dataset": {}, "model": {}}])
def test_schema_and_validator_refuse_what_is_no_config(whole: object) -> None:
    assert not VALIDATOR.is_valid(whole)
    assert not accepted(whole)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_the_schema_accepts_a_shipped_config(file: Path) -> None:
    assert VALIDATOR.is_valid(read_document(file).data)


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_the_schema_refuses_a_broken_config_where_it_can(file: Path) -> None:
    escapes = file.stem in INEXPRESSIBLE or file.stem.startswith(VALUES_ONLY)
    assert VALIDATOR.is_valid(read_document(file).data) == escapes


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_the_validator_refuses_a_broken_config(file: Path) -> None:
    assert accepted(read_document(file).data) == file.stem.startswith(VALUES_ONLY)


@every_key
def test_every_key_is_described(section: Section, key: str) -> None:
    description = section.keys[key].get("description", "")
    assert re.search(r"\w+ \w+", description)
    assert description.strip().rstrip(".") == description


@pytest.mark.parametrize(("section", "key"), OPTIONAL, ids=name_of)
def test_a_default_is_a_value_that_both_accept(section: Section, key: str) -> None:
    changed = section.with_value(key, section.keys[key]["default"])
    assert VALIDATOR.is_valid(changed)
    assert accepted(changed)


def test_the_reference_of_all_keys_is_up_to_date(seqtrain: Callable[..., Outcome]) -> None:
    written = (REPOSITORY / "docs" / "config.md").read_text(encoding="utf-8")
    assert written == seqtrain("schema", "--markdown").stdout, "run `make docs`"


def test_the_reference_has_a_row_for_every_key() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", schemas.markdown(ROOT), re.MULTILINE)
    headings = {path[0] for path, _, _ in SECTIONS if path}
    outer = [(section, key) for section, key in KEYS if len(section.path) < 2]
    plain = [key for section, key in outer if not section.path and key not in headings]
    inner = [key for section, key in outer if section.path and key != "name"]
    unused = [key for one in ROOT["$defs"].values() for key in one.get("unused", ())]
    assert sorted([*rows, *unused]) == sorted(plain + inner)


@pytest.mark.tf
def test_the_config_takes_every_optimizer_of_keras() -> None:
    import keras

    bases = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    exported = {
        name
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    }
    assert set(get_args(Optimizer)) == {name.lower() for name in exported - bases}


@pytest.mark.tf
@pytest.mark.parametrize("name", get_args(Activation))
def test_keras_knows_the_activation(name: str) -> None:
    import keras

    assert keras.activations.get(name) is getattr(keras.activations, name)
