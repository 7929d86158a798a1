"""Sections of the config: classes whose fields are the YAML keys.

A `Section` is validated strictly and frozen. A `Part` is one of several sections for a key; its
`name` chooses it. Every part in its package is found automatically.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, core_schema

from seqtrain.schema import limits

LONGEST_PART = 255  # bytes of the name of a file or a folder, on the usual systems
Rule = tuple[str, str]  # the dotted path of a key, and the rule between keys that it breaks


class Section(BaseModel):
    """A section of the config: no unknown keys, no guessed types, no change afterwards."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # until first used: most sections are only used within others
    )


class Part(Section):
    """A section chosen by its key `name`, a `Literal` of its names."""

    name: str

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that choose this class; none for a base class."""
        return get_args(cls.model_fields["name"].annotation)

    @classmethod
    def headline(cls, name: str) -> str:
        """Return one line about what `name` chooses."""
        return (cls.__doc__ or "").partition("\n")[0]


def parts_in(package: str, base: type[Part]) -> list[type[Part]]:
    """Import every module of `package` and return the subclasses of `base` that have names."""
    found: list[type[Part]] = []
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        contents = vars(importlib.import_module(f"{package}.{module.name}"))
        found += [
            part
            for part in contents.values()
            if isinstance(part, type)
            and issubclass(part, base)
            and part.__module__ == f"{package}.{module.name}"
            and part.names()
        ]
    return found


def one_of(package: str, base: type[Part]) -> Any:
    """Return the type of a key that allows any part of `package`, chosen by `name`."""
    parts = parts_in(package, base)
    if len(parts) == 1:
        return parts[0]
    return Annotated[reduce(or_, parts), Field(discriminator="name")]


def broken(rules: Iterable[Rule]) -> PydanticCustomError:
    """Return the error of a validator for broken rules between keys."""
    return PydanticCustomError("rules", "rules between keys", {"rules": list(rules)})


class OneOf:
    """Restricts a key to some strings, which are known after all imports."""

    def __init__(self, choices: Callable[[], list[str]]) -> None:
        self.choices = choices

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema that validates."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        """Return the schema that describes."""
        return {**handler(schema), "enum": self.choices()}

    def _check(self, text: str) -> str:
        if text not in self.choices():
            raise PydanticCustomError("enum", "none of the choices")
        return text


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value if isinstance(value, tuple) else (value,)


def _absolute(name: str, info: ValidationInfo) -> str:
    """Return the absolute path of a file, if its name is valid on all systems.

    The validation context may have a folder for the key, to which the path is relative.
    """
    folder = (info.context or {}).get(info.field_name, "")
    path = Path(folder, os.path.expanduser(name)).absolute()
    shorter = Path(os.path.normpath(path))
    if "\0" in name or max(len(os.fsencode(part)) for part in path.parts) > LONGEST_PART:
        raise ValueError("no file has such a name")
    same = os.path.realpath(path) == os.path.realpath(
        shorter
    )  # keep `..`, which may leave a linked folder
    return str(shorter if same else path)


Size = Annotated[int, Field(ge=1, le=limits.SIZE)]
Sizes = Annotated[
    tuple[Size, ...],
    Field(max_length=limits.LAYERS),
    BeforeValidator(
        _as_tuple,
        json_schema_input_type=Size | Annotated[list[Size], Field(max_length=limits.LAYERS)],
    ),
]
OneOrMore = Annotated[
    tuple[Size, ...],
    Field(min_length=1, max_length=limits.LAYERS),
    BeforeValidator(
        _as_tuple,
        json_schema_input_type=Size
        | Annotated[list[Size], Field(min_length=1, max_length=limits.LAYERS)],
    ),
]
Names = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(
        lambda value: tuple(value) if isinstance(value, list) else value,
        json_schema_input_type=Annotated[list[str], Field(min_length=1)],
    ),
]
Count = Annotated[int, Field(ge=1, le=limits.COUNT)]
Epochs = Annotated[int, Field(ge=1, le=limits.EPOCHS)]
Ids = Annotated[int, Field(ge=5, le=limits.IDS)]
Threads = Annotated[int, Field(ge=1, le=limits.THREADS)]
Devices = Annotated[int, Field(ge=1, le=limits.DEVICES)]
StepsAtOnce = Annotated[int, Field(ge=1, le=limits.STEPS_AT_ONCE)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, le=limits.REAL)]
NotNegative = Annotated[float, Field(ge=0, le=limits.REAL)]
FileName = Annotated[str, AfterValidator(_absolute)]
End = Literal["pre", "post"]
Seed = Annotated[int, Field(ge=0, lt=limits.SEED + 1)]
