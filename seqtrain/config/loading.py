"""Read a config from its file."""

from collections.abc import Iterable
from pathlib import Path

from seqtrain.config.config import CompleteConfig, ResolvedConfig
from seqtrain.config.searched import Searched, problems_of_search
from seqtrain.config.validation import completed, validate
from seqtrain.errors import ConfigError
from seqtrain.schema import shipped
from seqtrain.schema.yaml_file import Document, Problem, apply_overrides, read_document

MOST_PROBLEMS = 50  # of a config in one error


def load_config(path: Path, overrides: Iterable[str] = ()) -> CompleteConfig:
    """Read, complete and validate a config.

    Args:
        path: a YAML file.
        overrides: `key=value` arguments, such as `training.epochs=3`.

    Raises:
        ConfigError: every problem of the file and the overrides, each with its place.
    """
    if not path.exists() and path.stem in shipped.names():
        hint = f"copy the config of that name here: `seqtrain init {path.stem}`"
        raise ConfigError(f"cannot read the config `{path}`: no such file", hint)
    return validated(read_document(path), path, overrides)


def load_resolved(path: Path, overrides: Iterable[str] = ()) -> ResolvedConfig:
    """Read the config of a run, as `load_config` does.

    A key may still be `auto`, because someone edited the file or an earlier version lacked the
    key. It then gets a value that works everywhere.

    Raises:
        ConfigError: it is damaged.
    """
    config = load_config(path, overrides)
    execution = config.execution
    plain = {
        "backend": "tensorflow",
        "jit_compile": execution.backend == "jax",
        "unroll": False,
        "steps_per_execution": 1,
        "deterministic": True,
    }
    chosen = {key: value for key, value in plain.items() if getattr(execution, key) == "auto"}
    return config.resolved({**dict(execution), **chosen})


def load_searched(path: Path, overrides: Iterable[str] = ()) -> Searched:
    """Read and validate a config with a search space, as `load_config` does.

    Raises:
        ConfigError: every problem, each with its place; or it has no section `sweep`.
    """
    document = read_document(path)
    base = validated(document, path, overrides)
    if base.sweep is None:
        raise ConfigError(
            f"{path} has no section `sweep`, which says what to search",
            "`sweep: {space: {model.units: [16, 32, 64]}}` searches three sizes; docs/sweeps.md",
        )
    return Searched(document, path, base, base.sweep)


def validated(document: Document, path: Path, overrides: Iterable[str] = ()) -> CompleteConfig:
    """Complete and validate what a config's file holds, as `load_config` does."""
    apply_overrides(document, overrides)
    config, found = validate(document, path.parent)
    found += problems_of_search(document, path.parent, config, found)
    found = sorted(
        {*document.problems, *(item for item in found if item.path not in document.unread)}
    )
    if found or config is None:
        raise refused(path, found)
    return completed(config, path)


def refused(path: Path, found: list[Problem]) -> ConfigError:
    """Return the error that lists the problems of a file, or the first ones if there are many."""
    more = "more than " if len(found) > MOST_PROBLEMS else ""
    told = found[:MOST_PROBLEMS]
    count = "1 problem" if len(found) == 1 else f"{more}{len(told)} problems"
    lines = "\n".join(map(str, told))
    hint = "`seqtrain schema --markdown` lists every key, and what it takes"
    return ConfigError(f"{count} in {path}\n{lines}", hint)
