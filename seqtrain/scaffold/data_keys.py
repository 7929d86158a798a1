"""Find the dataset keys for a user's file or folder."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from seqtrain.config import validated
from seqtrain.data.number_labels import measured
from seqtrain.display.escape import argument, one_line
from seqtrain.errors import DataError
from seqtrain.io.tables import JSON_LINES, TAB_SEPARATED, Table
from seqtrain.io.text_file import shown
from seqtrain.scaffold import pair_roles
from seqtrain.scaffold.candidates import Chosen, Roles, are_measured, listed
from seqtrain.scaffold.profiles import Profile, profile
from seqtrain.scaffold.recipe import Line
from seqtrain.scaffold.recognition import recognise
from seqtrain.scaffold.sequence_roles import NO_ORDER
from seqtrain.schema.yaml_file import Document
from seqtrain.schema.yaml_writer import write_value
from seqtrain.sources.base import DatasetConfig
from seqtrain.sources.npz_sequences import read_archive
from seqtrain.sources.own_files import OwnFilesConfig
from seqtrain.tasks import Regression

ARRAYS = (".npz", ".npy")
PROSE = ("", ".txt", ".text", ".md")  # suffixes of files that may not be tables
OTHERS = (*ARRAYS, *JSON_LINES, *TAB_SEPARATED, ".csv", ".parquet", ".xlsx")  # no texts
DELIMITERS = "\t,;|"
MOST_OTHERS = 3  # most other candidates in a message
NUMBERS = "labels are numbers; `classification` if they name classes"
# Keys on the format of a table, needed before the roles of its columns are known.
READING = {*OwnFilesConfig.model_fields} - {"name", "path", "task", "label_column"}


@dataclass(frozen=True)
class Request:
    """The user's request for a draft.

    Attributes:
        data: a table, an archive of arrays, or a folder with a folder for each class.
        config: the path of the new config.
        overrides: `key=value` arguments for reading the data, and for the draft.
        text: the column of the texts, if given.
        label: the column of the labels, if given.
    """

    data: Path
    config: Path
    overrides: tuple[str, ...] = ()
    text: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Found:
    """The dataset keys that were found, and messages for the user."""

    keys: list[Line]
    told: list[tuple[str, str]] = field(default_factory=list)


def found_in(request: Request, given: Mapping[str, Any]) -> Found:
    """Find the dataset keys for the data of a request.

    Args:
        request: names the data.
        given: the dataset keys in its arguments.

    Raises:
        DataError: the data are missing, damaged, or have no usable columns.
        ConfigError: an argument is wrong.
    """
    if pair_roles.is_asked(given):
        return _pairs_in(request, given)
    data, path = request.data, ("path", str(request.data), "")
    if data.is_dir():
        _check_holds_texts(data)
        return Found([path, ("name", "folder", ""), *_classes(data)])
    if data.suffix.lower() in ARRAYS:
        return Found([path, ("name", "arrays", ""), *_task_of_archive(data)])
    seen, reading = _profiled(request, given)
    keys = ("name", "text_column", "label_column", "task", "id_column", "rows")
    named = (given.get(key) for key in keys)
    chosen = Chosen(*(None if name is None else str(name) for name in named))
    try:
        roles = recognise(data, seen, chosen)
    except DataError as error:
        if not (reading or given.get("header") is False):
            raise
        hint = "; or, if the first row names the columns: `dataset.header=true`"
        raise DataError(error.message, (error.hint or "") + hint) from error
    if reading and roles.wide and not roles.doubts:  # columns have no names to sort by
        roles.doubts.append(NO_ORDER)
    return Found([path, *_keys(roles, seen, reading)], _told(data, seen, roles, reading))


def _check_holds_texts(folder: Path) -> None:
    """Raise a DataError if a folder holds tables or arrays, but no folder of text files."""
    files = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in OTHERS)
    if files and not any(any(folder.glob(form)) for form in ("*/*.txt", "*/*/*.txt")):
        first = argument(folder / files[0])
        raise DataError(
            f"{folder} holds no folders of .txt files, but {listed(files)}",
            f"name one of the files: `--data {first}`",
        )


def _pairs_in(request: Request, given: Mapping[str, Any]) -> Found:
    """Return the keys of a table with a source and a target in each row, or of two text files."""
    data, path = request.data, ("path", str(request.data), "")
    if data.is_dir() or data.suffix.lower() in ARRAYS:
        hint = "give one with two columns: `--data FILE`; or two files: `dataset.target_path=…`"
        raise DataError(f"{data}: pairs are read from a table, or from two text files", hint)
    if "target_path" in given:
        sides = f"the lines of {one_line(str(data))}, and those of {given['target_path']}"
        return Found([path, ("name", "pairs", "")], [("data", sides)])
    if holds_prose(request):
        hint = "name the file with the target of each line: `dataset.target_path=…`"
        raise DataError(f"{data} holds text without columns", hint)
    seen, reading = _profiled(request, given)
    roles = pair_roles.asked_pairs(data, seen, given)
    return Found([path, *_keys(roles, seen, reading)], _told(data, seen, roles, reading))


def _profiled(request: Request, given: Mapping[str, Any]) -> tuple[Profile, list[Line]]:
    """Return what the columns of a table hold, and the keys on its format."""
    table = table_of(request)
    if "header" in given or not table.looks_headerless():
        return profile(table), []
    reading = [("header", False, "the first row looks like an example")]
    return profile(replace(table, header=False)), reading


def section(request: Request, keys: Iterable[Line], reading: bool = False) -> DatasetConfig:
    """Return keys and arguments as a validated section.

    Args:
        request: has the arguments.
        keys: of the section.
        reading: only use the arguments about the format of a file.
    """
    dataset = {key: value for key, value, _ in keys}
    model = "encoder_decoder" if dataset["name"] == "pairs" else "gru"
    tree = {"dataset": dataset, "model": {"name": model}}
    names = [one.partition("=")[0] for one in request.overrides]
    overrides = [
        one
        for name, one in zip(names, request.overrides, strict=True)
        if name.startswith("dataset.") and (name.removeprefix("dataset.") in READING or not reading)
    ]
    return validated(Document(str(request.config), tree), request.config, overrides).dataset


def table_of(request: Request) -> Table:
    """Return the file as a table, in the format that the arguments give."""
    keys = [("path", str(request.data), ""), ("name", "text", "")]
    dataset = section(request, keys, reading=True)
    if not isinstance(dataset, OwnFilesConfig):
        raise TypeError(dataset.name)
    table = dataset.table(request.data)
    if table.file.suffix.lower() in PROSE:
        _check_columns(table)
    return table


def holds_prose(request: Request) -> bool:
    """Return whether the file of a request is running text: without columns of any form."""
    if request.data.suffix.lower() not in PROSE:
        return False
    keys = [("path", str(request.data), ""), ("name", "text", "")]
    dataset = section(request, keys, reading=True)
    if not isinstance(dataset, OwnFilesConfig):
        raise TypeError(dataset.name)
    lines = _first_lines(dataset.table(request.data))
    of_labels = all(line.startswith("__label__") for line in lines)
    return bool(lines) and not (_has_columns(lines) or of_labels or _are_spaced_numbers(lines))


def _first_lines(table: Table) -> list[str]:
    return [line for line in islice(table.lines(), 200) if line.strip()]


def _has_columns(lines: list[str]) -> bool:
    """Return whether nearly all lines hold a delimiter equally often."""
    for delimiter in DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines)
        if any(number and times > 0.9 * len(lines) for number, times in counts.items()):
            return True
    return False


def _are_spaced_numbers(lines: list[str]) -> bool:
    """Return whether lines are equally many numbers between spaces."""
    widths = {len(line.split()) for line in lines}
    return len(widths) == 1 and max(widths) > 1 and all(map(_are_numbers, lines))


def _check_columns(table: Table) -> None:
    """Raise a DataError if a file of text has no columns."""
    lines = _first_lines(table)
    if _has_columns(lines):
        return
    if lines and all(line.startswith("__label__") for line in lines):
        told = (argument(table.file), argument(table.file.with_suffix(".tsv")))
        raise DataError(
            f"{table.file} is in the form of fastText",
            "separate label and text by a tab: "
            "`sed -E 's/^__label__([^ ]+) /\\1\\t/' {} > {}`".format(*told),
        )
    if _are_spaced_numbers(lines):
        table_of, tabs = argument(table.file), argument(table.file.with_suffix(".tsv"))
        raise DataError(
            f"the columns of {table.file} are separated by spaces",
            f"separate them by tabs: `awk '{{$1=$1}} 1' OFS='\\t' {table_of} > {tabs}`",
        )
    raise DataError(
        f"{table.file} holds text without columns",
        "to learn to write such a text: `dataset.name=corpus`; to learn classes, write a table "
        "with a line `text,label`, and then a text and its class on each line, or a folder for "
        "each class",
    )


def _are_numbers(line: str) -> bool:
    return all(measured(cell) is not None for cell in line.split())


def _keys(roles: Roles, seen: Profile, reading: list[Line]) -> list[Line]:
    """Return the keys of a table after its path."""
    keys: list[Line] = [("name", roles.kind, ""), *reading]
    if roles.kind == "pairs":
        return [*keys, ("source_column", roles.text, ""), ("target_column", roles.label, "")]
    if roles.text is not None:
        keys.append(("text_column", roles.text, ""))
    if roles.task != OwnFilesConfig.model_fields["task"].default:
        keys.append(("task", roles.task, NUMBERS))
    if roles.wide:
        why = {"rows": "each row is a sequence"}
        keys += [(key, value, why.get(key, "")) for key, value in roles.wide.items()]
    elif roles.kind == "arrays":
        order = "" if roles.step else "the steps come in the order of their rows"
        keys += [("id_column", roles.id, ""), ("step_column", roles.step, order)]
        keys += [("feature_columns", roles.features, "")] if roles.unused else []
    keys.append(("label_column", roles.label, ""))
    if empty := _unlabelled(roles, seen):
        keys.append(("unlabelled", "skip", f"leaves out {empty:,} without a label"))
    return keys


def _unlabelled(roles: Roles, seen: Profile) -> int:
    return seen.columns[roles.label].empty


def _told(data: Path, seen: Profile, roles: Roles, reading: list[Line]) -> list[tuple[str, str]]:
    """Return the message on the columns of a table."""
    told = [("data", f"{seen.rows:,} rows of {one_line(str(data))}")]
    if reading:
        other = "`dataset.header=true` if it names the columns"
        told.append(("header", f"none: the first row looks like an example; {other}"))
    if roles.kind == "pairs":
        return told + _told_of_pairs(roles)
    if roles.text is not None:
        number = f"{seen.columns[roles.text].words:.3g}"
        words = f"{one_line(roles.text)}, {number} word{'s' * (number != '1')} on average"
        told.append(("text", words + _or_another("--text", roles.texts)))
    told += _told_of_sequences(roles)
    told.append(("label", one_line(roles.label) + _or_another("--label", roles.labels)))
    if empty := _unlabelled(roles, seen):
        rows = "1 row, which is" if empty == 1 else f"{empty:,} rows, which are"
        told.append(("unlabelled", f"{rows} left out"))
    return told + [("mind", doubt) for doubt in roles.doubts]


def _told_of_pairs(roles: Roles) -> list[tuple[str, str]]:
    def key(side: str, name: str | None) -> str:
        return argument(f"dataset.{side}_column={write_value(one_line(str(name)))}")

    turned = f"{key('source', roles.label)} {key('target', roles.text)}"
    others = [f"`{key('target', name)}`" for name in roles.texts]
    another = f"; or another: {', '.join(others[:MOST_OTHERS])}" if others else ""
    return [
        ("source", f"{one_line(str(roles.text))}; the other way round: `{turned}`"),
        ("target", one_line(roles.label) + another),
        *(("mind", doubt) for doubt in roles.doubts),
    ]


def _told_of_sequences(roles: Roles) -> list[tuple[str, str]]:
    if roles.kind != "arrays":
        return []
    names = ", ".join(one_line(shown(name)) for name in roles.features[:4])
    names += ", …" if len(roles.features) > 4 else ""
    if roles.wide:
        steps = len(roles.features) // roles.wide.get("features_per_step", 1)
        return [("sequences", f"each row is one, of {steps} steps: {names}")]
    order = f"ordered by {roles.step}" if roles.step else "in their order"
    return [("sequences", f"the rows of each {roles.id}, {order}"), ("features", names)]


def _or_another(option: str, names: list[str]) -> str:
    """Return the end of a message with the other candidates."""
    typed = [f"{option} {argument(one_line(name))}" for name in names[:MOST_OTHERS]]
    return f"; or another: {', '.join(typed)}" if typed else ""


def _classes(folder: Path) -> list[Line]:
    """Return the key `classes` if train has folders that test lacks, such as aclImdb's `unsup`."""
    names = {
        part: {path.name for path in (folder / part).glob("*/")}
        for part in ("train", "test")
        if (folder / part).is_dir()
    }
    if len(names) == 2 and names["train"] - names["test"]:
        return [("classes", sorted(names["train"] & names["test"]), "those that test has too")]
    return []


def _task_of_archive(data: Path) -> list[Line]:
    labels = read_archive(data, True, Regression()).known.names
    return [("task", "regression", NUMBERS)] if are_measured(labels) else []
