"""A config drafted from a person's own data: what they hold decides the keys."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from seqtrain.datasets.archive import read_archive
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.labelled import Labelled
from seqtrain.datasets.numbers import measured
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from seqtrain.files import counted_from
from seqtrain.harmless import one_line
from seqtrain.tables import Table
from seqtrain.text import FIRST_WORD, tokenise

Line = tuple[str, Any, str]  # a key, its value, and why

FIRST, EVERY = 2_000, 10  # rows whose words are counted: the first, and then every tenth
TEXT_NAMES = [
    "text",
    "texts",
    "review",
    "sentence",
    "comment",
    "content",
    "message",
    "body",
    "tweet",
    "title",
]
LABEL_NAMES = ["label", "class", "sentiment", "category", "target", "y", "topic", "rating", "stars"]
TARGET_NAMES = [*LABEL_NAMES, "score", "price", "value"]  # of texts: of sequences a feature's
ID_NAMES = ["id", "sequence", "series", "example", "trial", "sample"]
STEP_NAMES = ["step", "time", "t", "index", "position", "frame"]
WORDY = 2  # words in a text on average; what has fewer is no text
MOST_CLASSES = 100
MOST_FRACTIONS = 10  # classes whose names are numbers with a decimal point, such as 4.5
LONGEST, SMALLEST, LARGEST = 400, 1_000, 20_000  # tokens; words of the vocabulary
STEPS = 2_000  # of the optimizer, about which a small network needs
PLAIN = re.compile(r"(?!(null|true|false)$)[a-z_][\w./-]*", re.IGNORECASE)  # without quotes
BATCH_SIZES = {2_000: 16, 20_000: 32, 200_000: 64}  # up to so many examples; then 256
UNEVEN = 5.0  # times that the largest class is larger than the smallest


def draft(data: Path, config: Path) -> str:
    """Return a commented config that trains on a file, or a folder of texts, as it stands.

    Args:
        data: CSV, TSV, JSONL, `.npz`, or a folder with a folder for each class.
        config: where the config will lie, for its comment.

    Raises:
        DataError: the data are missing or damaged, or their columns say nothing.
    """
    if data.is_dir():
        keys = {"name": "folder", "path": str(data), **_classes(data)}
        return _draft_texts(Folder.model_validate(keys), keys, config)
    if data.suffix.lower() == ".npz":
        labels = read_archive(data, labelled=True, task="regression").known.names
        task = {"task": "regression"} if _are_measured(labels, MOST_CLASSES) else {}
        return _draft_arrays({"name": "arrays", "path": str(data), **task}, config)
    keys = {"path": str(data), **_columns(Table(data))}
    if keys["name"] == "arrays":
        return _draft_arrays(keys, config)
    return _draft_texts(Text.model_validate(keys), keys, config)


def _draft_texts(dataset: Folder | Text, keys: dict[str, Any], config: Path) -> str:
    parts = dataset.parts()
    found = _profile(parts["train"])
    lines = [*_lines(keys, config), *found.lines()]
    if "test" not in parts:
        lines.append(("test", 0.2, "share of all examples that judges"))
    model = [("embedding_dim", 64, "length of each word's vector")]
    return _written(config, keys["path"], found.labels, lines, model)


def _draft_arrays(keys: dict[str, Any], config: Path) -> str:
    dataset = Arrays.model_validate(keys).load()
    labels = [*dataset.train.labels.tolist(), *dataset.validation.labels.tolist()]
    lines = [
        *_lines(keys, config),
        ("standardise", True, "every feature to mean 0 and deviation 1"),
        ("test", 0.2, "share of all examples that judges"),
    ]
    return _written(config, keys["path"], Counter(map(str, labels)), lines, [])


def _lines(keys: dict[str, Any], config: Path) -> list[Line]:
    keys = {**keys, "path": counted_from(config.parent, Path(keys["path"]))}
    why = {
        "path": "from the folder of this config",
        "task": "labels are numbers; `classification` if they name classes",
    }
    return [(key, value, why.get(key, "")) for key, value in keys.items()]


def _written(
    config: Path, data: str, labels: Counter[str], dataset: list[Line], model: list[Line]
) -> str:
    rows = labels.total()
    batch_size = next((size for most, size in BATCH_SIZES.items() if rows <= most), 256)
    epochs = min(max(ceil(STEPS * batch_size / rows), 10), 60)
    training = [
        ("epochs", epochs, "at most"),
        ("batch_size", batch_size, ""),
        ("early_stopping", {"patience": 5}, "epochs in which validation gets no better"),
    ]
    numbers = any(key == "task" for key, _, _ in dataset)
    if not numbers and max(labels.values()) > UNEVEN * min(labels.values()):
        training += [("class_weight", "balanced", "the classes are uneven")]
    sections = {
        "dataset": [*dataset, ("validation", 0.1, "share of train that chooses the best epoch")],
        "model": [
            ("name", "gru", "rnn | lstm | gru | birnn | bilstm | bigru"),
            ("units", 64, ""),
            *model,
            ("dropout", 0.5, "share of outputs that are dropped in training"),
        ],
        "training": training,
    }
    kind = "labelled with numbers" if numbers else f"of {len(labels)} classes"
    named = one_line(str(config))
    text = (
        f"# Drafted from {one_line(data)}: {rows:,} examples {kind}.\n#\n"
        f"#   seqtrain check {named} --load   what it would train on, and what that costs\n"
        f"#   seqtrain train {named}\n#\n"
        "# `seqtrain schema --markdown` lists every key.\n"
    )
    for section, keys in sections.items():
        text += f"{section}:\n" + "".join(map(_line, keys))
    return text


def _line(line: Line) -> str:
    key, value, why = line
    plain = isinstance(value, str) and PLAIN.fullmatch(value)
    written = value if plain else json.dumps(value).replace('"patience"', "patience")
    return f"  {key}: {written}{f' # {why}' if why else ''}\n"


@dataclass
class Profile:
    """What was seen of labelled texts: their number, labels, lengths and words."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[Line]:
        """Return the keys that follow from the texts."""
        longest = sorted(self.lengths)[ceil(0.95 * len(self.lengths)) - 1]
        length = min(ceil(longest / 10) * 10, LONGEST)
        known = sum(count > 1 for count in self.words.values()) + FIRST_WORD
        size = min(max(known, SMALLEST), LARGEST)
        why = "95 of 100 texts are no longer" if longest <= LONGEST else "longer texts are cut"
        return [
            ("vocabulary_size", size, "the most frequent words"),
            ("max_length", length, f"tokens; {why}"),
        ]


def _profile(rows: Iterable[Labelled]) -> Profile:
    found = Profile()
    for index, (text, label, _) in enumerate(rows):
        found.rows += 1
        found.labels[label] += 1
        if index < FIRST or index % EVERY == 0:
            words = tokenise(text)
            found.lengths.append(len(words) + 1)
            found.words.update(words)
    return found


def _classes(folder: Path) -> dict[str, list[str]]:
    """Return the key `classes` where train has folders that test lacks, as aclImdb's `unsup`."""
    names = {
        part: {path.name for path in (folder / part).glob("*/")}
        for part in ("train", "test")
        if (folder / part).is_dir()
    }
    if len(names) == 2 and names["train"] - names["test"]:
        return {"classes": sorted(names["train"] & names["test"])}
    return {}


def _columns(table: Table) -> dict[str, Any]:
    """Return the dataset's name and its columns, by their names or else by what they hold."""
    columns = [name for name in table.columns() if name]
    rows = [values for _, values in islice(table.rows(*columns), FIRST)]
    values = {name: [row[index] or "" for row in rows] for index, name in enumerate(columns)}
    words = {
        name: sum(not word.isdecimal() for text in texts for word in tokenise(text))
        for name, texts in values.items()
    }
    named = _named(columns, TEXT_NAMES)
    text = named or max(words, key=words.__getitem__)
    wordy = named is not None or words[text] >= WORDY * len(rows)
    others = {name: len(set(values[name])) for name in columns if name != text or not wordy}
    most = min(MOST_CLASSES, max(len(rows) / 2, 2))
    numbers = [name for name in others if _are_measured(values[name], most)]
    repeating = [
        name for name, different in others.items() if 2 <= different <= most and name not in numbers
    ]
    label = _named([*repeating, *numbers], TARGET_NAMES if wordy else ["label", "target"])
    label = label or _named(repeating, LABEL_NAMES)
    task = {"task": "regression"} if label in numbers else {}
    if wordy and (label or repeating):
        label = label or min(repeating, key=others.__getitem__)
        return {"name": "text", "text_column": text, **task, "label_column": label}
    if label and not wordy:
        known = {
            "id_column": _named(columns, ID_NAMES) or columns[0],
            "step_column": _named(columns, STEP_NAMES),
        }
        return {"name": "arrays", **task, **known, "label_column": label}
    listed = ", ".join(f"`{name}`" for name in columns)
    raise DataError(
        f"{table.file}: none of its columns {listed} holds classes",
        "a column of labels is needed, with 2 to 100 different values that repeat, or with "
        "numbers; beside numbers it must be called `label` or `class`",
    )


def _are_measured(labels: Sequence[str], most: float) -> bool:
    """Return whether labels are numbers, and do not name classes, of which there are at `most`."""
    if any(measured(label) is None for label in labels):
        return False
    different = set(labels)
    fractions = any(not float(label).is_integer() for label in different)
    return len(different) > (MOST_FRACTIONS if fractions else most)


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the column that is called as one of `names`, whatever its case and plural."""
    lower = {column.lower().rstrip("s"): column for column in columns}
    return next((lower[name.rstrip("s")] for name in names if name.rstrip("s") in lower), None)
