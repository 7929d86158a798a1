"""A config drafted from a person's own data: what they hold decides the keys."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from seqtrain.config import refused, validated
from seqtrain.datasets.archive import read_archive
from seqtrain.datasets.base import DatasetConfig
from seqtrain.datasets.dataset import Dataset
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.labelled import Labelled
from seqtrain.datasets.own import OwnFilesConfig
from seqtrain.datasets.text import Text
from seqtrain.errors import ConfigError, DataError
from seqtrain.harmless import argument, one_line
from seqtrain.profiles import Profile, profile
from seqtrain.recipe import Known, Line, recipe
from seqtrain.recognition import Chosen, Roles, are_measured, check_columns, counted, recognise
from seqtrain.tables import Table
from seqtrain.text import tokenise
from seqtrain.textfile import shown
from seqtrain.yamlfile import Document, apply_overrides, parse_document
from seqtrain.yamlwriter import write_value

FIRST, EVERY = 2_000, 10  # rows whose words are counted: the first, and then every tenth
SAMPLE = 4_000  # texts by which the tokens are chosen
MOST_OTHERS = 3  # columns that could be meant too, of which no more are told
ARRAYS = (".npz", ".npy")
# Keys that say where files are; as arguments they count from where a person is.
PATHS = ("validation_path", "test_path", "embedding_file")

Sections = dict[str, list[Line]]


@dataclass(frozen=True)
class Request:
    """What a person asks a draft for.

    Attributes:
        data: a table, an archive of arrays, or a folder with a folder for each class.
        config: where the config will lie.
        overrides: `key=value` arguments, by which the data are read, and which the draft gets.
        text: the column of the texts, if it is said.
        label: the column of the labels, if it is said.
    """

    data: Path
    config: Path
    overrides: tuple[str, ...] = ()
    text: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Draft:
    """A config as YAML, and what was taken for what, as rows of a word and a sentence."""

    text: str
    told: list[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """The keys that say what the data are, and what to tell a person of them."""

    keys: list[Line]
    told: list[tuple[str, str]] = field(default_factory=list)


def draft(request: Request) -> Draft:
    """Return a commented config that trains on a person's data as it stands.

    Raises:
        DataError: the data are missing or damaged, or their columns say nothing.
        ConfigError: an argument is wrong.
    """
    given = _given(request)
    found = _found(request, given)
    dataset = _dataset(request, found.keys)
    if isinstance(dataset, Text | Folder):
        tokens, why = _tokens(dataset)
        if tokens != "words":
            found.keys.append(("tokens", tokens, why))
        known = _known_texts(dataset, tokens)
        found.told.append(("tokens", f"{tokens}, {why}" if why else tokens))
    else:
        known = _known_arrays(dataset.load())
    sections = _sections(found.keys, known, dataset, given)
    text, loaded = _validated(request, sections, known, given)
    return Draft(text, [*found.told, *_labels(loaded)])


def _given(request: Request) -> dict[str, Any]:
    """Return what the arguments say, as a tree."""
    document = Document(str(request.config))
    columns = (("text_column", request.text), ("label_column", request.label))
    document.data["dataset"] = {key: name for key, name in columns if name is not None}
    apply_overrides(document, request.overrides)
    if document.problems:
        raise refused(request.config, document.problems)
    if not isinstance(document.data["dataset"], dict):
        raise ConfigError("`dataset` is a section", "give its keys: `dataset.encoding=cp1252`")
    if "path" in document.data["dataset"]:
        raise ConfigError("`--data` says which file is read", "leave out `dataset.path`")
    return document.data


def _dataset(request: Request, keys: Iterable[Line], reading: bool = False) -> DatasetConfig:
    """Return keys, and the arguments that are about the data, as a validated section.

    Args:
        request: has the arguments.
        keys: of the section.
        reading: leave out arguments but for those about how a file is read.
    """
    tree = {"dataset": {key: value for key, value, _ in keys}, "model": {"name": "gru"}}
    names = [one.partition("=")[0] for one in request.overrides]
    overrides = [
        one
        for name, one in zip(names, request.overrides, strict=True)
        if name.startswith("dataset.") and (name.removeprefix("dataset.") in READING or not reading)
    ]
    return validated(Document(str(request.config), tree), request.config, overrides).dataset


# What the data are.


def _found(request: Request, given: Mapping[str, Any]) -> Found:
    data = request.data
    path = ("path", str(data), "")
    if data.is_dir():
        return Found([path, ("name", "folder", ""), *_classes(data)])
    if data.suffix.lower() in ARRAYS:
        return Found([path, ("name", "arrays", ""), *_task_of_archive(data)])
    keys = [path, ("name", "text", "")]
    table = _table(request, keys)
    seen = profile(table)
    check_columns(data, table.columns(), seen)
    of = given["dataset"]
    chosen = Chosen(*map(of.get, ("name", "text_column", "label_column", "task", "id_column")))
    return _found_in(data, seen, recognise(data, seen, chosen))


# Keys that say how a table is read, before it is known what its columns are for.
READING = {*OwnFilesConfig.model_fields} - {"name", "path", "task", "label_column"}


def _table(request: Request, keys: list[Line]) -> Table:
    """Return the file as a table, as the arguments say that it is written."""
    dataset = _dataset(request, keys, reading=True)
    assert_own: Any = dataset
    table: Table = assert_own.table(request.data)
    _check_prose(table)
    return table


def _check_prose(table: Table) -> None:
    """Raise a DataError where a file of text has no columns."""
    if table.file.suffix.lower() not in ("", ".txt", ".text", ".md"):
        return
    lines = [line for line in islice(table.lines(), 200) if line.strip()]
    for delimiter in "\t,;|":
        counts = Counter(line.count(delimiter) for line in lines)
        usual, times = counts.most_common(1)[0] if counts else (0, 0)
        if usual and times > 0.9 * len(lines):
            return
    raise DataError(
        f"{table.file} holds text without columns",
        "text generation is not there yet; to learn classes, write a table with a line "
        "`text,label`, and then a text and its class on each line, or a folder for each class",
    )


def _found_in(data: Path, seen: Profile, roles: Roles) -> Found:
    """Return the keys of a table, and what its columns were taken for."""
    keys: list[Line] = [("path", str(data), ""), ("name", roles.kind, "")]
    told = [("rows", f"{seen.rows:,} in {one_line(str(data))}")]
    if roles.text is not None:
        keys.append(("text_column", roles.text, ""))
        words = f"{roles.text}, {seen.columns[roles.text].words:.3g} words on average"
        told.append(("text", words + _others("--text", roles.texts)))
    if roles.task == "regression":
        why = "labels are numbers; `classification` if they name classes"
        keys.append(("task", roles.task, why))
    keys += _of_sequences(roles)
    told += _told_of_sequences(roles)
    keys.append(("label_column", roles.label, ""))
    told.append(("label", roles.label + _others("--label", roles.labels)))
    if empty := _empty_labels(seen, roles):
        told.append(("unlabelled", f"{empty:,} rows"))
        if "unlabelled" in Text.model_fields:
            keys.append(("unlabelled", "skip", f"{empty:,} rows have no label"))
    return Found(keys, told + [("mind", doubt) for doubt in roles.doubts])


def _empty_labels(seen: Profile, roles: Roles) -> int:
    return seen.columns[roles.label].empty


def _of_sequences(roles: Roles) -> list[Line]:
    if roles.kind != "arrays":
        return []
    if roles.wide:
        raise DataError("each row is a sequence")
    features = [("feature_columns", roles.features, "")] if roles.unused else []
    order = "" if roles.step else "steps come in the order of their rows"
    return [("id_column", roles.id, ""), ("step_column", roles.step, order), *features]


def _told_of_sequences(roles: Roles) -> list[tuple[str, str]]:
    if roles.kind != "arrays":
        return []
    names = ", ".join(map(shown, roles.features[:4])) + (", …" if len(roles.features) > 4 else "")
    if roles.wide:
        return [("sequence", f"each row, {len(roles.features)} steps: {names}")]
    step = f"ordered by {roles.step}" if roles.step else "in the order of the rows"
    return [("sequence", f"the rows of each {roles.id}, {step}"), ("features", names)]


def _others(option: str, names: list[str]) -> str:
    """Return the end of a line that says which other columns could be meant."""
    typed = [f"{option} {argument(one_line(name))}" for name in names[:MOST_OTHERS]]
    return f"; or another: {', '.join(typed)}" if typed else ""


def _classes(folder: Path) -> list[Line]:
    """Return the key `classes` where train has folders that test lacks, as aclImdb's `unsup`."""
    names = {
        part: {path.name for path in (folder / part).glob("*/")}
        for part in ("train", "test")
        if (folder / part).is_dir()
    }
    if len(names) == 2 and names["train"] - names["test"]:
        return [("classes", sorted(names["train"] & names["test"]), "those that test has too")]
    return []


def _task_of_archive(data: Path) -> list[Line]:
    labels = read_archive(data, labelled=True, task="regression").known.names
    why = "labels are numbers; `classification` if they name classes"
    return [("task", "regression", why)] if are_measured(labels) else []


# What is known of them.


def _tokens(dataset: Text | Folder) -> tuple[str, str]:
    """Return the tokens that fit the texts, and why; those that a person chose need no reason."""
    if "tokens" in dataset.model_fields_set:
        return str(dataset.tokens), ""  # type: ignore[union-attr]
    return _suggest([text for text, _, _ in islice(dataset.parts()["train"], SAMPLE)])


def _suggest(texts: list[str]) -> tuple[str, str]:
    return "words", ""  # until `seqtrain.tokens.suggest` is there


def _known_texts(dataset: Text | Folder, tokens: str) -> Known:
    known = Known(dataset.learns, tokens=tokens)
    rows: Iterable[Labelled] = dataset.parts()["train"]
    for index, (text, label, _) in enumerate(rows):
        known.rows += 1
        if dataset.learns == "classification":
            known.classes[label] += 1
        if index < FIRST or index % EVERY == 0:
            words = tokenise(text)
            known.lengths.append(len(words) + 1)
            known.words.update(words)
    return known


def _known_arrays(dataset: Dataset) -> Known:
    parts = _parts(dataset)
    lengths = dataset.train.lengths
    return Known(
        dataset.task,
        classes=_counts(dataset),
        rows=sum(len(part) for part in parts),
        lengths=[dataset.shape[0]] if lengths is None else lengths.tolist(),
        features=dataset.shape[-1],
    )


def _parts(dataset: Dataset) -> list[Any]:
    """Return the splits, each once."""
    parts = [dataset.train, dataset.validation, dataset.test]
    return parts[:1] + parts[2:] if dataset.validation is dataset.test else parts


def _counts(dataset: Dataset) -> Counter[str]:
    """Return the number of examples of each class; nothing in regression."""
    labels = chain.from_iterable(part.labels.tolist() for part in _parts(dataset))
    counts = Counter(labels if dataset.classes else ())
    return Counter({name: counts[index] for index, name in enumerate(dataset.classes)})


def _labels(dataset: Dataset) -> list[tuple[str, str]]:
    """Return what is told of the task and of the labels."""
    if counts := _counts(dataset):
        return [("task", f"classification, {len(counts)} classes: {counted(counts)}")]
    values = [value for part in _parts(dataset) for value in part.labels.tolist()]
    return [("task", f"regression, labels from {min(values):.6g} to {max(values):.6g}")]


# The config as text.


def _sections(
    keys: list[Line], known: Known, dataset: DatasetConfig, given: Mapping[str, Any]
) -> Sections:
    """Return the keys of each section, the person's own among them."""
    sections = recipe(known)
    apart = getattr(dataset, "test_path", None) or (
        isinstance(dataset, Folder) and "test" in dataset.parts()
    )
    shares: list[Line] = [] if apart else [("test", 0.2, "share of all examples that judges")]
    if not getattr(dataset, "validation_path", None):
        shares.append(("validation", 0.1, "share of train that chooses the best epoch"))
    sections["dataset"] = [*keys, *sections["dataset"], *shares]
    for section, values in given.items():
        if isinstance(values, dict):
            sections[section] = _with(sections.get(section, []), values)
    return sections


def _with(lines: list[Line], values: Mapping[str, Any]) -> list[Line]:
    """Return the keys of a section with others set, or set anew."""
    named = {line[0]: line for line in lines}
    for key, value in values.items():
        _, old, why = named.get(key, (key, None, ""))
        if isinstance(old, dict) and isinstance(value, dict):
            value = {**old, **value}
        named[key] = (key, value, why if value == old else "")
    return [*named.values()]


def _validated(
    request: Request, sections: Sections, known: Known, given: Mapping[str, Any]
) -> tuple[str, Dataset]:
    """Return the config, and what the loader that `check` and `train` use makes of the data."""
    plain = {key: value for key, value in given.items() if not isinstance(value, dict)}
    text = _text(request, plain, sections, known)
    loaded = _load(request, text)
    if repeated := loaded.repeated():
        why = f"{repeated:,} test examples stand in train too"
        set_ = {line[0] for line in sections["dataset"]}
        dataset = [*sections["dataset"], ("drop_repeated", True, f"from train: {why}")]
        apart = _text(request, plain, {**sections, "dataset": dataset}, known)
        try:
            return (apart, _load(request, apart)) if "drop_repeated" not in set_ else (text, loaded)
        except DataError:  # nothing is left
            return text, loaded
    return text, loaded


def _load(request: Request, text: str) -> Dataset:
    document = parse_document(request.config, text)
    return validated(document, request.config, request.overrides).dataset.load()


def _text(
    request: Request, plain: Mapping[str, Any], sections: Sections, known: Known
) -> str:
    """Return the config as YAML."""
    kind = f"of {len(known.classes)} classes" if known.classes else "labelled with numbers"
    named = argument(request.config).replace("\n", "\\n")
    text = (
        f"# Drafted from {one_line(str(request.data))}: {known.rows:,} examples {kind}.\n#\n"
        f"#   seqtrain check {named} --load   what it would train on, and what that costs\n"
        f"#   seqtrain train {named}\n#\n"
        "# `seqtrain schema --markdown` lists every key.\n"
    )
    text += "".join(f"{key}: {write_value(value)}\n" for key, value in plain.items())
    for section, lines in sections.items():
        text += f"{section}:\n" + "".join(_line(request, line) for line in lines)
    return text


def _line(request: Request, line: Line) -> str:
    key, value, why = line
    if key in ("path", *PATHS) and isinstance(value, str) and not os.path.isabs(value):
        value = os.path.relpath(value, request.config.parent)
    return f"  {key}: {write_value(value)}{f' # {one_line(why)}' if why else ''}\n"
