"""Draft a config from a user's own data: the data decide the keys."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from seqtrain.config import refused, validated
from seqtrain.data.dataset import Dataset, Examples
from seqtrain.data.tokens import Tokeniser, Tokens, suggest
from seqtrain.data.unknown_words import MUCH, unknown
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.pairs import Pairs
from seqtrain.datasets.text import Text
from seqtrain.display.escape import argument, one_line
from seqtrain.errors import ConfigError, DataError
from seqtrain.io.atomic import counted_from
from seqtrain.io.decimals import are_with_commas
from seqtrain.io.tables import HEAD
from seqtrain.scaffold import pair_roles
from seqtrain.scaffold.data_keys import ARRAYS, PROSE, Found, Request, found_in, section, table_of
from seqtrain.scaffold.pairs_draft import draft_pairs
from seqtrain.scaffold.profiles import Profile, profile
from seqtrain.scaffold.recipe import FEW, SHARE_OF_FEW, Known, Line, recipe
from seqtrain.scaffold.series_draft import alternative, draft_series
from seqtrain.scaffold.series_roles import is_asked, roles_of
from seqtrain.scaffold.text_draft import draft_text, is_running_text
from seqtrain.schema.yaml_file import Document, apply_overrides, parse_document
from seqtrain.schema.yaml_writer import write_value
from seqtrain.sources.base import DatasetConfig

FIRST, EVERY = 2_000, 10  # texts in the sample: the first, then every tenth
FEW_WORDS = 5_000  # too few to learn subwords
# Keys with paths; in arguments they are relative to the working folder.
PATHS = ("path", "target_path", "validation_path", "test_path", "embedding_file")

Sections = dict[str, list[Line]]


@dataclass(frozen=True)
class Draft:
    """A config, and messages for the user.

    Attributes:
        text: the config as YAML.
        told: the decisions, as rows of a word and a sentence.
        warnings: the warnings of the loader.
    """

    text: str
    told: list[tuple[str, str]]
    warnings: list[str]


def draft(request: Request) -> Draft:
    """Return a commented config that can train on a user's data without changes.

    Raises:
        DataError: the data are missing, damaged, or have no usable columns.
        ConfigError: an argument is wrong.
    """
    request, reading = _with_decimals(request)
    drafted = _drafted(request)
    return replace(drafted, told=[*drafted.told[:1], *reading, *drafted.told[1:]])


def _with_decimals(request: Request) -> tuple[Request, list[tuple[str, str]]]:
    """Return a request that reads decimal commas, if the file has such, and what was decided."""
    given = _given(request)["dataset"]
    others = request.data.is_dir() or request.data.suffix.lower() in ARRAYS
    if others or "decimal" in given or pair_roles.is_asked(given):
        return request, []
    with suppress(DataError):  # told when the data are read
        names, rows = table_of(request).candidates()
        head = [cells for _, cells in islice(rows, HEAD)]
        columns = zip(names, zip(*head, strict=True), strict=True) if head else ()
        for name, cells in columns:
            if are_with_commas(filled := [cell for cell in cells if cell]):
                comma = next(cell for cell in filled if "," in cell)
                told = f"with a decimal comma, as `{comma}` of `{one_line(name)}`"
                request = replace(request, overrides=(*request.overrides, "dataset.decimal=comma"))
                return request, [("numbers", f"{told}; else `dataset.decimal=point`")]
    return request, []


def _drafted(request: Request) -> Draft:
    """Return the draft of a request that names all that is needed to read its data."""
    given = _given(request)
    seen = _profile(request, given["dataset"])
    if seen and (of_series := _of_series(request, seen, given)):
        return of_series
    if is_running_text(request, given["dataset"]):
        return _of_running_text(request, given)
    found = found_in(request, given["dataset"])
    dataset = section(request, found.keys)
    if isinstance(dataset, Pairs):
        return _of_pairs(request, found, dataset, given)
    if not isinstance(dataset, Text | Folder):
        with _listening():
            known = _known(_loaded(dataset))
            other = None
            if seen and request.label is None:
                other = alternative(request, seen, given["dataset"])
        text, loaded, warnings = _read_back(request, found.keys, known, given)
        told = [*found.told, *_left_out(known, loaded), _task(known, loaded)]
        return Draft(text, [*told, *([("or", other)] if other else [])], warnings)
    tokens, why = _tokens(dataset)
    drafted = _of_texts(request, found, dataset, given, (tokens, why))
    if why and tokens == "words" and (share := _many_unknown(drafted[1])):
        chosen: tuple[Tokens, str] = "subwords", f"{share:.0%} of the test words would be unknown"
        drafted = _of_texts(request, found, dataset, given, chosen)
    return drafted[0]


def _profile(request: Request, given: Mapping[str, Any]) -> Profile | None:
    """Return the profile of a table that may hold time series; None if it may not."""
    others = request.text or pair_roles.is_asked(given) or {"task", "name", "rows"} & given.keys()
    if others and not is_asked(given):
        return None
    if request.data.is_dir() or request.data.suffix.lower() in (*ARRAYS, *PROSE):
        return None
    return profile(table_of(request))


def _of_series(request: Request, seen: Profile, given: Mapping[str, Any]) -> Draft | None:
    """Return a draft for time series, if a table holds them."""
    keys = given["dataset"]
    roles = roles_of(request.data, seen, request.label, keys)
    if roles is None:
        return None
    with _listening() as warnings:
        sections, told, loaded = draft_series(request, seen, roles, keys)
    keys.pop("label_column", None)
    known = Known(labels=_labels(loaded), rows=sum(len(part) for part in _parts(loaded)))
    return Draft(_complete(request, given, sections, known), told, warnings)


def _of_running_text(request: Request, given: Mapping[str, Any]) -> Draft:
    """Return a draft for a language model."""
    with _listening() as warnings:
        sections, told, loaded = draft_text(request, given["dataset"])
    known = Known(labels=f"{loaded.task.name}", rows=loaded.train.scored)
    text = _complete(request, given, sections, known, f"{loaded.task.example}s")
    return Draft(text, told, warnings)


def _of_pairs(request: Request, found: Found, dataset: Pairs, given: Mapping[str, Any]) -> Draft:
    """Return a draft for an encoder–decoder."""
    with _listening() as warnings:
        sections, told, loaded = draft_pairs(request, found, dataset)
    rows = sum(len(part) for part in _parts(loaded))
    known = Known(labels="an encoder–decoder writes the target of a source", rows=rows)
    return Draft(_complete(request, given, sections, known, "sources"), told, warnings)


def _of_texts(
    request: Request,
    found: Found,
    dataset: Text | Folder,
    given: Mapping[str, Any],
    chosen: tuple[Tokens, str],
) -> tuple[Draft, Dataset]:
    """Return a draft for texts with the chosen tokens, and the loaded data."""
    tokens, why = chosen
    with _listening():
        known = _known(_loaded(dataset, tokens), tokens)
        known.words = _words(dataset, tokens)
    keys = [*found.keys, *([("tokens", tokens, why)] if tokens != "words" else [])]
    text, loaded, warnings = _read_back(request, keys, known, given)
    told = [*found.told, ("tokens", f"{tokens}; {why}" if why else tokens)]
    return Draft(text, [*told, *_left_out(known, loaded), _task(known, loaded)], warnings), loaded


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect the warnings of the body, without showing them."""
    log, heard = logging.getLogger("seqtrain"), _Heard(logging.WARNING)
    before = log.handlers, log.propagate
    log.handlers, log.propagate = [heard], False
    try:
        yield heard.warnings
    finally:
        log.handlers, log.propagate = before


class _Heard(logging.Handler):
    """Keeps the log records."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.warnings.append(record.getMessage())


def _given(request: Request) -> dict[str, Any]:
    """Return the arguments as a tree."""
    document = Document(str(request.config))
    document.data["dataset"] = {}
    apply_overrides(document, request.overrides)
    if document.problems:
        raise refused(request.config, document.problems)
    dataset = document.data["dataset"]
    if not isinstance(dataset, dict):
        raise ConfigError("`dataset` is a section", "give its keys: `dataset.encoding=cp1252`")
    if "path" in dataset:
        raise ConfigError("`--data` says which file is read", "leave out `dataset.path`")
    sides = ("source", "target") if pair_roles.is_asked(dataset) else ("text", "label")
    named = zip(sides, ("--text", "--label"), (request.text, request.label), strict=True)
    columns = {f"{side}_column": (name, option) for side, option, name in named if name is not None}
    for key, (name, option) in columns.items():
        if dataset.get(key, name) != name:
            raise ConfigError(
                f"`{option}` and `dataset.{key}` name two columns", "give one of them"
            )
    document.data["dataset"] = {key: name for key, (name, _) in columns.items()} | dataset
    return document.data


def _tokens(dataset: Text | Folder) -> tuple[Tokens, str]:
    """Return the tokens for the texts and the reason; chosen tokens need no reason."""
    if "tokens" in dataset.model_fields_set:
        return dataset.tokens, ""
    return suggest(list(_sample(dataset)))


def _many_unknown(loaded: Dataset) -> float:
    """Return the share of unknown test words if subwords would help, else 0."""
    words, share = loaded.train.lengths, unknown(loaded, "test")
    return share if words is not None and words.sum() > FEW_WORDS and share > MUCH else 0.0


def _sample(dataset: Text | Folder) -> Iterator[str]:
    """Yield the first texts, then every tenth, because the file may be sorted."""
    for index, (text, _, _) in enumerate(dataset.parts()["train"]):
        if index < FIRST or index % EVERY == 0:
            yield text


def _words(dataset: Text | Folder, tokens: Tokens) -> Counter[str]:
    """Count the tokens of a sample of the texts; for subwords, the words."""
    split = Tokeniser("words" if tokens == "subwords" else tokens)
    return Counter(chain.from_iterable(map(split, _sample(dataset))))


def _known(loaded: Dataset, tokens: Tokens | None = None) -> Known:
    """Describe the loaded data."""
    lengths = loaded.train.lengths
    return Known(
        labels=_labels(loaded),
        rows=sum(len(part) for part in _parts(loaded)),
        lengths=[loaded.shape[0]] if lengths is None else lengths.tolist(),
        tokens=tokens,
    )


def _loaded(dataset: DatasetConfig, tokens: Tokens | None = None) -> Dataset:
    """Load the data to count them, with keys that work for few examples, too."""
    keys: dict[str, Any] = {"drop_repeated": False}
    if "validation" not in dataset.model_fields_set:
        keys["validation"] = SHARE_OF_FEW
    if tokens:
        keys |= {"tokens": tokens, "max_length": 1}  # the full lengths are known anyway
    return dataset.model_copy(update=keys).load()


def _parts(dataset: Dataset) -> list[Examples]:
    """Return the splits, each once."""
    parts = [dataset.train, dataset.validation, dataset.test]
    return parts[:1] + parts[2:] if dataset.validation is dataset.test else parts


def _labels(dataset: Dataset) -> str:
    """Describe the labels in a few words."""
    import numpy as np

    return dataset.task.summary(np.concatenate([part.labels for part in _parts(dataset)]))


def _task(known: Known, dataset: Dataset) -> tuple[str, str]:
    """Return the message on the task and the labels, with what may suit these."""
    advice = dataset.task.advice(dataset.train.labels)
    return "task", "; ".join([f"{dataset.task.name}, {known.labels}", *advice])


def _left_out(known: Known, dataset: Dataset) -> list[tuple[str, str]]:
    """Return the message on the examples that `drop_repeated` leaves out, if there are any."""
    left = sum(len(part) for part in _parts(dataset))
    if left == known.rows:
        return []
    why = "they are in another split too: `drop_repeated`"
    number = known.rows - left
    return [
        ("left out", f"{number:,} of {known.rows:,} examples, because {why}; {left:,} are left")
    ]


def _sections(request: Request, keys: list[Line], known: Known) -> Sections:
    """Return the keys of each section."""
    dataset = section(request, keys)
    sections = recipe(known)
    apart = getattr(dataset, "test_path", None) or (
        isinstance(dataset, Folder) and "test" in dataset.parts()
    )
    shares: list[Line] = [] if apart else [("test", 0.2, "share of all examples for the test")]
    if not getattr(dataset, "validation_path", None):
        share = 0.1 if known.rows >= FEW else SHARE_OF_FEW
        shares.append(("validation", share, "share of train that chooses the best epoch"))
    sections["dataset"] = [*keys, *sections["dataset"], *shares]
    return sections


def _with(lines: list[Line], values: Mapping[str, Any]) -> list[Line]:
    """Return the keys of a section, updated with others."""
    named = {line[0]: line for line in lines}
    for key, value in values.items():
        _, old, why = named.get(key, (key, None, ""))
        if isinstance(old, dict) and isinstance(value, dict):
            value = {**old, **value}
        named[key] = (key, value, why if value == old else "")
    return [*named.values()]


def _read_back(
    request: Request, keys: list[Line], known: Known, given: Mapping[str, Any]
) -> tuple[str, Dataset, list[str]]:
    """Read the draft back and load its data, as `train` does; return both and the warnings.

    Raises:
        DataError: the loader refuses the data.
    """
    sections = _sections(request, keys, known)
    text = _complete(request, given, sections, known)
    with _listening() as warnings:
        loaded = _load(request, text)
    repeated = loaded.repeated()
    if not repeated or "drop_repeated" in given["dataset"]:
        return text, loaded, warnings
    why = f"{repeated:,} of the {len(loaded.test):,} test examples are in train too"
    sections["dataset"].append(("drop_repeated", True, why))
    apart = _complete(request, given, sections, known)
    try:
        with _listening() as others:
            left = _load(request, apart)
    except DataError:  # no training examples are left
        return text, loaded, warnings
    strata = [{*of.task.strata(of.train.labels).tolist()} for of in (left, loaded)]
    if strata[0] != strata[1]:
        return text, loaded, warnings
    return apart, left, others


def _load(request: Request, text: str) -> Dataset:
    document = parse_document(request.config, text)
    return validated(document, request.config, request.overrides).dataset.load()


def _complete(
    request: Request,
    given: Mapping[str, Any],
    sections: Sections,
    known: Known,
    unit: str = "examples",
) -> str:
    """Return the config with the keys of the user, as YAML."""
    sections = {
        name: _with(sections.get(name, []), given.get(name, {}))
        for name in [*sections, *given]
        if isinstance(given.get(name, {}), dict)
    }
    plain = {key: value for key, value in given.items() if not isinstance(value, dict)}
    kind = known.labels.partition(":")[0]
    named = argument(request.config).replace("\n", "\\n")
    text = (
        f"# Drafted from {one_line(str(request.data))}: {known.rows:,} {unit}, {kind}.\n#\n"
        f"#   seqtrain check {named} --load   what it would train on, and what that costs\n"
        f"#   seqtrain train {named}\n#\n"
        "# `seqtrain schema --markdown` lists every key.\n"
    )
    text += "".join(f"{key}: {write_value(value)}\n" for key, value in plain.items())
    for name, lines in sections.items():
        text += f"{name}:\n" + "".join(_line(request, line) for line in lines)
    return text


def _line(request: Request, line: Line) -> str:
    key, value, why = line
    if key in PATHS and isinstance(value, str):
        value = counted_from(request.config.parent, Path(value))
    return f"  {key}: {write_value(value)}{f' # {one_line(why)}' if why else ''}\n"
