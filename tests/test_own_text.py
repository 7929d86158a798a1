"""A user's own texts: loaded correctly, and encoded the same for a trained network."""

import csv
import io
import json
import logging
import os
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.cli.console import format_predictions
from seqtrain.config import load_config
from seqtrain.data.dataset import Fitted, NewExamples
from seqtrain.data.vocabulary import FIRST_WORD, OOV, PAD, START, Vocabulary
from seqtrain.datasets import Dataset, Examples
from seqtrain.datasets.digits import Digits
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.imdb import Imdb
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from seqtrain.inference.network import described
from seqtrain.io.cache import cache_folder
from seqtrain.sources import labelled_text
from seqtrain.sources.labelled_text import LabelledTextConfig
from seqtrain.tasks import Classification
from tests.conftest import REPOSITORY, Outcome
from tests.factories.downloads import reviews
from tests.factories.downloads import write_folder as write_reviews
from tests.own import sentences, write_csv, write_folder

Seqtrain = Callable[..., Outcome]
Pairs = list[tuple[str, str]]

tf = pytest.mark.tf


def text_config(**keys: Any) -> Text:
    return Text.model_validate({"name": "text", "path": "own.csv", "max_length": 12, **keys})


def load(rows: Pairs, **keys: Any) -> Dataset:
    """Load rows as a person's file; `test` and `validation` rows as files of their own."""
    write_csv(Path("own.csv"), rows)
    for part in ("test", "validation"):
        if isinstance(keys.get(part), list):
            keys[f"{part}_path"] = str(write_csv(Path(f"{part}.csv"), keys.pop(part)))
    return text_config(**keys).load()


def vocabulary(dataset: Dataset) -> tuple[str, ...]:
    assert dataset.vocabulary is not None
    return dataset.vocabulary.words


def words(dataset: Dataset, examples: Examples) -> list[list[str]]:
    """The words of each example; `?` is one out of the vocabulary."""
    names = {OOV: "?"} | dict(enumerate(vocabulary(dataset), start=FIRST_WORD))
    return [[names[i] for i in row if i not in (PAD, START)] for row in examples.x.tolist()]


def names(dataset: Dataset, examples: Examples) -> list[str]:
    return [dataset.task.classes[label] for label in examples.labels]


def contents(examples: Examples) -> Counter[tuple[bytes, int]]:
    pairs = zip(examples.x, examples.labels.tolist(), strict=True)
    return Counter((row.tobytes(), label) for row, label in pairs)


def numbered(number: int = 40, classes: Sequence[str] = ("bad", "good")) -> Pairs:
    """Rows that differ in one unique word."""
    return [
        (f"w{index} {classes[index % len(classes)]}word", classes[index % len(classes)])
        for index in range(number)
    ]


@pytest.fixture(autouse=True)
def messages(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "seqtrain")
    return caplog


# How texts and labels are read


def test_classes_are_the_labels_as_written_numbers_first_by_their_value() -> None:
    labels = ["10", "b", "2", "-1", "B", "1.5", "--1", "01", "9" * 5_000, "two words", "²"]
    rows = [(f"text {index}", f" {labels[index % 11]} ") for index in range(110)]
    expected = ("-1", "01", "1.5", "2", "10", "--1", "9" * 5_000, "B", "b", "two words", "²")
    assert load(rows).task.classes == expected


@pytest.mark.parametrize("form", ["own.csv", "own.jsonl", "own"])
def test_every_text_keeps_its_label(form: str) -> None:
    rows = numbered(60, ("10", "2", "1"))
    write_csv(Path("own.csv"), rows)
    items = [{"text": text, "label": int(label)} for text, label in rows]
    Path("own.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    write_folder(Path("own"), rows)
    config: LabelledTextConfig = text_config(path=form)
    if form == "own":
        config = Folder.model_validate({"name": "folder", "path": form, "max_length": 12})
    dataset = config.load()
    assert dataset.task.classes == ("1", "2", "10")
    found = Counter[tuple[str, str]]()
    for examples in (dataset.train, dataset.validation):
        pairs = zip(words(dataset, examples), names(dataset, examples), strict=True)
        found.update((" ".join(text), label) for text, label in pairs)
    known = {*vocabulary(dataset)}
    kept = [(text, label) for text, label in rows if text.split()[0] in known]
    assert found == Counter(kept)
    rest = [("?", f"{label}word", label) for text, label in rows if text.split()[0] not in known]
    pairs = zip(words(dataset, dataset.test), names(dataset, dataset.test), strict=True)
    assert Counter((*text, label) for text, label in pairs) == Counter(rest)
    assert len(rest) == len(dataset.test) == 12


HOLES = [(text, "" if index % 5 == 0 else label) for index, (text, label) in enumerate(numbered())]


@pytest.mark.parametrize("form", ["own.csv", "own.jsonl"])
def test_rows_without_a_label_are_left_out_where_asked_and_counted_each_time(
    form: str, messages: pytest.LogCaptureFixture
) -> None:
    write_csv(Path("own.csv"), HOLES)
    objects = ({"text": text, "label": label or None} for text, label in HOLES)
    Path("own.jsonl").write_text("".join(json.dumps(item) + "\n" for item in objects))
    for _ in range(2):  # the second comes from the cache
        messages.clear()
        found = text_config(path=form, unlabelled="skip").load()
        assert f"{form}: left out 8 rows without a label" in messages.text
    whole = load([row for row in HOLES if row[1]])
    for split in ("train", "validation", "test"):
        assert contents(found.split(split)) == contents(whole.split(split))
    assert found.originals is not None
    assert whole.originals is not None
    rows = np.arange(len(whole.test))
    assert found.originals(rows) == whole.originals(rows)


def write_objects(rows: list[dict[str, str]]) -> None:
    Path("own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_objects_may_lack_the_key_of_the_label_but_not_misspell_it() -> None:
    rows = [{"text": f"w{n} word", "label": "ab"[n % 2]} for n in range(40)]
    del rows[7]["label"], rows[9]["label"]
    write_objects(rows)
    with pytest.raises(DataError, match=r"own.jsonl:8: the label is empty, as that of 1 more ex"):
        text_config(path="own.jsonl").load()
    assert len(text_config(path="own.jsonl", unlabelled="skip").read(None).train) == 30
    rows[20] = {"text": "w word", "labl": "a"}
    write_objects(rows)
    with pytest.raises(DataError, match="own.jsonl:21: no key `label`, but `text`, `labl`, did"):
        text_config(path="own.jsonl", unlabelled="skip").load()


def test_a_table_without_any_label_is_refused() -> None:
    with pytest.raises(DataError, match="own.csv: no row has a label$"):
        load([(text, " ") for text, _ in numbered()], unlabelled="skip")


def test_a_table_without_a_header_loses_no_row() -> None:
    rows = numbered()
    Path("own.csv").write_text("".join(f"{label},{text}\n" for text, label in rows))
    keys = {"text_column": "column_2", "label_column": "column_1"}
    found = text_config(header=False, **keys).load()
    whole = load(rows)
    for split in ("train", "validation", "test"):
        assert contents(found.split(split)) == contents(whole.split(split))


def test_columns_encoding_and_delimiter_are_those_of_the_config() -> None:
    lines = [
        "id|Stimmung|Kritik",
        *(f"{n}|{'gut' if n % 2 else 'übel'}|Ärger, {n}" for n in range(20)),
    ]
    Path("own.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    keys = {"text_column": "Kritik", "label_column": "Stimmung", "encoding": "cp1252"}
    dataset = text_config(**keys, delimiter="pipe").load()
    assert dataset.task.classes == ("gut", "übel")
    assert vocabulary(dataset)[0] == "ärger"


def test_words_are_counted_in_train_alone() -> None:
    train = [("often often seldom", "bad"), ("often seldom alpha", "good")] * 4
    test = [("zebra " * 50 + "seldom", "bad"), ("zebra alpha", "good")]
    dataset = load(train, test=test, max_length=3)
    assert vocabulary(dataset) == ("often", "seldom", "alpha")
    assert words(dataset, dataset.test) == [["?", "?", "seldom"], ["?", "alpha"]]


def test_a_word_that_only_test_rows_have_is_unknown() -> None:
    dataset = load(numbered(50))
    own = {word for word in vocabulary(dataset) if word.startswith("w")}
    assert len(own) == len(dataset.train) + len(dataset.validation) == 40
    assert [row[0] for row in words(dataset, dataset.test)] == ["?"] * 10


def test_the_vocabulary_keeps_the_most_frequent_words() -> None:
    rows = [("one two three", "bad"), ("one two", "good"), ("one", "bad")] * 10
    dataset = load(rows, vocabulary_size=6, test=[("three two", "bad")])
    assert vocabulary(dataset) == ("one", "two")
    assert words(dataset, dataset.test) == [["?", "two"]]


# How they are split


def test_the_share_of_test_is_taken_class_by_class() -> None:
    rows = [(f"text {index}", "abbcccc"[index % 7]) for index in range(280)]
    dataset = load(rows, test=0.25, validation=0.2)
    taken = [
        Counter(names(dataset, part)) for part in (dataset.test, dataset.validation, dataset.train)
    ]
    assert taken == [
        {"a": 10, "b": 20, "c": 40},
        {"a": 6, "b": 12, "c": 24},
        {"a": 24, "b": 48, "c": 96},
    ]


def test_the_split_seed_alone_decides_which_rows_are_taken() -> None:
    def members(**keys: Any) -> list[set[str]]:
        dataset = load(numbered(), **keys)
        parts = (dataset.train, dataset.validation)
        return [{row[0] for row in words(dataset, part)} for part in parts]

    train, validation = members()
    np.random.seed(1)
    assert members(max_length=5, padding="pre", mask=False, limit=None) == [train, validation]
    others = members(split_seed=1)
    assert others[0] | others[1] != train | validation
    assert others[1] != validation


def test_the_rows_of_a_test_file_judge_and_none_of_train_is_taken() -> None:
    test = [("badword w3 goodword unknown", "good"), ("w1", "bad"), ("", "bad")]
    dataset = load(numbered(), test=test)
    learned = text_config().encode_texts([text for text, _ in test], dataset.fitted)
    np.testing.assert_array_equal(dataset.test.x, learned.x)
    assert names(dataset, dataset.test) == ["good", "bad", "bad"]
    assert len(dataset.train) + len(dataset.validation) == 40


def test_the_rows_of_a_validation_file_choose_the_epoch() -> None:
    validation = [("w1 w2", "good"), ("new words", "bad")]
    dataset = load(numbered(), validation=validation)
    learned = text_config().encode_texts([text for text, _ in validation], dataset.fitted)
    np.testing.assert_array_equal(dataset.validation.x, learned.x)
    assert names(dataset, dataset.validation) == ["good", "bad"]
    assert (len(dataset.train), len(dataset.test)) == (32, 8)
    assert "new" not in vocabulary(dataset)


def test_with_all_three_files_train_is_the_whole_of_its_file() -> None:
    rows = numbered()
    dataset = load(rows, test=[("a", "bad")], validation=[("b", "good")])
    assert [" ".join(row) for row in words(dataset, dataset.train)] == [text for text, _ in rows]
    assert names(dataset, dataset.train) == [label for _, label in rows]


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ("label_column: text", "label_column: must be another than `text_column`"),
        (
            "validation_path: v.csv, validation: test",
            "validation: cannot be combined with `validation_path`: choose one of them",
        ),
        (
            "validation_path: v.csv, test_path: ./v.csv",
            "path: each of `path`, `validation_path` and `test_path` must be another file",
        ),
    ],
)
def test_keys_that_contradict_are_refused(keys: str, rule: str, seqtrain: Seqtrain) -> None:
    dataset = f"{{name: text, path: own.csv, {keys}}}"
    Path("own.yaml").write_text(f"dataset: {dataset}\nmodel: {{name: rnn}}\n")
    outcome = seqtrain("check", "own.yaml")
    assert outcome.exit_code == 2
    assert f"own.yaml:1: dataset.{rule}" in outcome.stderr.splitlines()
    assert "1 problem in own.yaml" in outcome.stderr


# What is said about them


def test_texts_of_test_that_train_holds_are_counted_and_can_be_dropped(
    messages: pytest.LogCaptureFixture,
) -> None:
    rows = numbered()
    test = [
        ("W3, goodword!", "good"),
        ("w4 <br/> badword", "bad"),
        ("w3 goodword", "good"),
        ("x", "bad"),
    ]
    validation = [("w4 badword", "bad"), ("w5 goodword", "good"), ("goodword w1", "bad")]
    repeated = load(rows, test=test, validation=validation)
    assert messages.messages == [
        "3 of the 4 test examples are in train too; `dataset.drop_repeated=true` takes them "
        "from train",
        "14.3% of the test words are unknown, 0.4% of the characters in no word",
    ]
    messages.clear()
    apart = load(rows, test=test, validation=validation, drop_repeated=True)
    assert messages.messages[0] == (
        f"`dataset.drop_repeated` leaves out 4 of {len(rows) + 3} training and validation "
        "examples, because they are in another split too"
    )
    kept = [text for text, _ in rows if text.split()[0] not in ("w3", "w4", "w5")]
    assert [" ".join(row) for row in words(apart, apart.train)] == kept
    assert contents(apart.test) == contents(repeated.test)
    assert [row[0] for row in words(apart, apart.validation)] == ["w5", "goodword"]


def test_empty_texts_are_kept_and_counted(messages: pytest.LogCaptureFixture) -> None:
    rows = [*numbered(20), ("", "bad"), ("?!", "good"), ("<br/>", "bad")]
    dataset = load(rows, test=[("", "good"), ("w1", "good")], validation=[("w2", "bad")])
    assert messages.messages[:2] == [
        "3 of the 23 texts of train hold no word",
        "1 of the 2 texts of test hold no word",
    ]
    assert dataset.train.x[-3:].tolist() == [[START] + [PAD] * 11] * 3
    assert names(dataset, dataset.train)[-3:] == ["bad", "good", "bad"]
    assert dataset.test.x[0].tolist() == [START] + [PAD] * 11


def test_classes_that_a_person_may_not_have_meant_are_told(
    messages: pytest.LogCaptureFixture,
) -> None:
    rows = [*numbered(38), ("x", "Good"), ("y", "Good")]
    load(rows)
    rare, alike, *_ = messages.messages
    assert rare == "too few examples for each split to have one: Good"
    assert alike.endswith(
        "own.csv: classes that differ in case alone, with their examples: `Good` (2) and `good` "
        "(19); those that are one must be written alike"
    )
    assert messages.messages[2:] == [
        "50.0% of the test words are unknown",
        "50.0% of the test words are unknown: `dataset.tokens=characters`",
    ]
    messages.clear()
    load(rows, test=[("z", "Good")])
    assert messages.messages[:1] == [alike]


# What is kept of them


@pytest.fixture
def parsings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the files are parsed."""
    parse, seen = labelled_text.parsed, list[str]()

    def parsed(*arguments: Any) -> Any:
        seen.append("parsed")
        return parse(*arguments)

    monkeypatch.setattr(labelled_text, "parsed", parsed)
    return seen


def test_the_second_load_parses_nothing(parsings: list[str]) -> None:
    one, other = load(numbered()), load(numbered(), max_length=9, split_seed=1, vocabulary_size=20)
    assert parsings == ["parsed"]
    assert (other.shape, len(vocabulary(one)), len(vocabulary(other))) == ((9,), 34, 16)
    again = load(numbered())
    assert vocabulary(again) == vocabulary(one)
    for split in ("train", "validation", "test"):
        assert contents(again.split(split)) == contents(one.split(split))
    assert parsings == ["parsed"]


def test_a_file_that_changed_is_parsed_again(parsings: list[str]) -> None:
    rows = numbered()
    before = load(rows)
    stat = Path("own.csv").stat()
    rows[0] = ("v0 badword", "bad")
    write_csv(Path("own.csv"), rows)
    os.utime("own.csv", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Path("own.csv").stat().st_size == stat.st_size
    after = text_config(test=0.1).load()
    assert parsings == ["parsed", "parsed"]
    assert before.sha256 != after.sha256
    assert {*vocabulary(after)} - {*vocabulary(before)} >= {"v0"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("text_column", "other"),
        ("delimiter", "comma"),
        ("quotes", False),
        ("unlabelled", "skip"),
        ("encoding", "latin-1"),
        ("test_path", "t.csv"),
    ],
)
def test_another_way_to_read_a_file_parses_it_again(
    key: str, value: object, parsings: list[str]
) -> None:
    with Path("own.csv").open("w", newline="") as stream:
        rows = ((text, label, "different words") for text, label in numbered())
        csv.writer(stream).writerows([("text", "label", "other"), *rows])
    write_csv(Path("t.csv"), numbered(10))
    text_config().load()
    dataset = text_config(**{key: value}).load()
    assert parsings == ["parsed", "parsed"]
    assert (vocabulary(dataset) == ("different", "words")) == (key == "text_column")


def test_a_folder_that_changed_is_parsed_again(parsings: list[str]) -> None:
    write_folder(Path("own"), numbered())
    config = Folder.model_validate({"name": "folder", "path": "own"})
    before = config.load()
    assert contents(config.load().train) == contents(before.train)
    assert parsings == ["parsed"]
    for text in Path("own").rglob("*.txt"):
        text.write_text("changed entirely")
    assert vocabulary(config.load()) == ("changed", "entirely")
    assert parsings == ["parsed", "parsed"]


def test_a_damaged_file_is_not_kept() -> None:
    write_csv(Path("own.csv"), numbered())
    with Path("own.csv").open("a") as stream:
        stream.write("a,b,c\n")
    for _ in range(2):
        with pytest.raises(DataError, match="own.csv:42: 3 fields"):
            text_config().load()
    assert not list((cache_folder() / "parsed").glob("*"))


# Folders


def folder(**keys: Any) -> Folder:
    return Folder.model_validate({"name": "folder", "path": "own", "max_length": 16, **keys})


def test_a_folder_and_a_table_of_the_same_texts_give_the_same() -> None:
    rows = sorted(sentences(), key=lambda row: row[1])
    write_folder(Path("own"), rows)
    table, texts = load(rows), folder(max_length=12).load()
    assert vocabulary(texts) == vocabulary(table)
    for split in ("train", "validation", "test"):
        one, other = table.split(split), texts.split(split)
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_a_folder_and_imdb_encode_the_same_reviews_alike() -> None:
    texts = reviews() | {("train", "unsup"): ["an unlabelled review of zebras"]}
    write_reviews(Path("aclImdb"), texts)
    Path("aclImdb/README").write_text("read me")
    Path("aclImdb/train/urls_neg.txt").write_text("http://example.com")
    keys = {"max_length": 16, "vocabulary_size": 12}
    imdb = Imdb.model_validate({"name": "imdb", "path": "aclImdb", **keys}).read(None)
    own = folder(path="aclImdb", classes=["neg", "pos"], **keys).read(None)
    assert vocabulary(own) == vocabulary(imdb)
    assert own.task.classes == ("neg", "pos")
    assert contents(own.train) == contents(imdb.train)
    assert contents(own.test) == contents(imdb.test)
    assert (len(own.train), len(own.test)) == (40, 24)


def test_the_classes_of_imdb_can_be_typed_as_the_hint_says(seqtrain: Seqtrain) -> None:
    write_reviews(Path("aclImdb"), reviews() | {("train", "unsup"): ["zebras"]})
    Path("own.yaml").write_text("dataset: {name: folder, path: aclImdb}\nmodel: {name: rnn}\n")
    refused = seqtrain("train", "own.yaml")
    assert "`aclImdb/train/unsup` is a class that test lacks" in refused.stderr.replace(
        f"{Path.cwd()}/", ""
    )
    typed = refused.stderr.rpartition(": `")[2].rstrip("`\n")
    assert typed == """'dataset.classes=["neg", "pos"]'"""
    (override,) = shlex.split(typed)
    assert load_config(Path("own.yaml"), [override]).dataset.load().task.classes == ("neg", "pos")


def test_what_unpacking_leaves_in_a_folder_is_passed_over(
    messages: pytest.LogCaptureFixture,
) -> None:
    for part in ("train", "test", "val"):
        write_folder(Path("own") / part, numbered(10))
    for place in ("train/.git/x.txt", "train/bad/._000.txt", ".DS_Store", "train/bad/notes.md"):
        Path("own", place).parent.mkdir(exist_ok=True)
        Path("own", place).write_bytes(b"\0\xff")
    Path("own/train/good/001.txt").rename("own/train/good/001.TXT")
    dataset = folder().load()
    assert dataset.task.classes == ("bad", "good")
    assert len(dataset.train) + len(dataset.validation) == 10
    warning = f"{Path('own').absolute()}: val is not read, only train, validation and test"
    assert messages.messages[0] == warning


def test_a_folder_may_come_with_all_its_parts() -> None:
    rows = numbered(30)
    for part, some in (("train", rows[:16]), ("validation", rows[16:20]), ("test", rows[20:])):
        write_folder(Path("own") / part, some)
    dataset = folder().load()
    sizes = [len(examples) for examples in (dataset.train, dataset.validation, dataset.test)]
    assert sizes == [16, 4, 10]
    assert names(dataset, dataset.train) == ["bad"] * 8 + ["good"] * 8
    assert "w16" not in vocabulary(dataset)


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_texts_of_a_folder_may_have_byte_order_marks(mark: str) -> None:
    write_folder(Path("own"), numbered())
    for file in Path("own").rglob("*0.txt"):
        file.write_text(file.read_text().replace(" ", " naïve "), encoding=mark)
    assert "naïve" in vocabulary(folder().load())


# Examples that are given to a trained network

FITTED = Fitted(Classification(("bad", "good")), Vocabulary(("film", "warm", "cold")))


def given(name: str, content: str) -> NewExamples:
    Path(name).write_text(content)
    return text_config().read_given(Path(name), FITTED)


def test_what_is_given_is_encoded_with_the_words_of_the_run() -> None:
    found = given("new.csv", 'label,text\ngood,"Warm film, new"\nbad,\n')
    assert found.x.tolist() == [[START, 5, 4, OOV, *[PAD] * 8], [START, *[PAD] * 11]]
    assert (found.texts, found.labels, found.lines) == (
        ["Warm film, new", ""],
        ["good", "bad"],
        [2, 3],
    )
    assert found.truth(Path("new.csv"), FITTED.task).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\na\n", "new.csv has no `label` to compare with"),
        ('text,label\n"a\na",good\nb,neutral\n', "new.csv:4: no class is called `neutral`"),
        ("text,label\na,BAD\n", "new.csv:2: no class is called `BAD`, did you mean `bad`?"),
        ("text,label\na,good\n\nb,\n", "new.csv:4: the label is empty"),
    ],
)
def test_labels_that_cannot_be_judged_by_are_told(content: str, message: str) -> None:
    found = given("new.csv", content)
    with pytest.raises(DataError) as caught:
        found.truth(Path("new.csv"), FITTED.task)
    assert str(caught.value) == message
    assert caught.value.hint == "the classes of the run are: bad, good"


CALLED = "call one of them `text`, or name that of the texts: `--text COLUMN`"


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        (
            "new.csv",
            "review\na\n",
            "new.csv:1: no column `text`, but `review`",
            CALLED,
        ),
        (
            "new.jsonl",
            '{"review": "a"}',
            "new.jsonl:1: no key `text`, but `review`",
            CALLED,
        ),
        ("new.txt", "", "new.txt holds no lines", "write a text on each line"),
    ],
)
def test_hints_on_what_is_given_name_no_keys(
    name: str, content: str, message: str, hint: str
) -> None:
    with pytest.raises(DataError) as caught:
        given(name, content)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_columns_that_are_given_are_called_as_in_training() -> None:
    Path("new.csv").write_text("review,label\nwarm,good\n")
    config = text_config(text_column="review", label_column="mood")
    found = config.read_given(Path("new.csv"), FITTED)
    assert (found.texts, found.labels) == (["warm"], None)
    with pytest.raises(DataError, match="^new.csv has no `mood` to compare with$"):
        found.truth(Path("new.csv"), FITTED.task)


def test_what_is_given_is_read_as_the_data_of_the_run_were() -> None:
    Path("new.csv").write_bytes('label|text\ngood|"wärm, film\n'.encode("cp1252"))
    config = text_config(delimiter="pipe", quotes=False, encoding="cp1252")
    assert config.read_given(Path("new.csv"), FITTED).texts == ['"wärm, film']


def test_no_text_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="^no text is given$"):
        text_config().encode_texts([], FITTED)


IMAGES = np.arange(3 * 64, dtype=float).reshape(3, 8, 8) % 17


def digits(**arrays: Any) -> NewExamples:
    np.savez("new.npz", **arrays)
    return Digits(name="digits").read_given(
        Path("new.npz"), Fitted(Classification(tuple("0123456789")))
    )


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 64)])
def test_images_are_given_as_they_are_measured(shape: tuple[int, ...]) -> None:
    found = digits(x=IMAGES.reshape(shape), y=np.array([3, 0, 9]))
    np.testing.assert_array_equal(found.x, (IMAGES / 16).astype(np.float32))
    assert found.truth(Path("new.npz"), Classification(tuple("0123456789"))).tolist() == [
        3,
        0,
        9,
    ]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "it has no array `x`"),
        ({"x": IMAGES[:0]}, "x is empty"),
        ({"x": IMAGES * np.nan}, "x holds values that are not finite"),
        ({"x": IMAGES, "y": np.arange(2)}, "it has 3 examples and 2 labels"),
        ({"x": np.array([{}])}, "`x` holds Python objects, which are pickles and not read"),
    ],
)
def test_images_that_cannot_be_read_are_told(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        digits(**arrays)
    said = str(caught.value).replace("'", "")
    assert said == f"new.npz is not a .npz file of examples: {message}"
    assert caught.value.hint == "expected is an array x of shape (N, …)"


def test_a_table_is_no_archive_of_images() -> None:
    write_csv(Path("new.npz"), sentences())
    with pytest.raises(DataError, match="it is not a complete archive"):
        Digits(name="digits").read_given(
            Path("new.npz"), Fitted(Classification(tuple("0123456789")))
        )


def test_images_without_labels_or_with_others_cannot_judge() -> None:
    with pytest.raises(DataError, match="^new.npz has no `y` to compare with$"):
        digits(x=IMAGES).truth(Path("new.npz"), Classification(("0", "1")))
    with pytest.raises(DataError, match="^new.npz: example 2: no class is called `7`$"):
        digits(x=IMAGES, y=np.array([1, 7, 0])).truth(Path("new.npz"), Classification(("0", "1")))


TOLD = described(
    NewExamples(
        np.array([[1, 2, 5, 6, 9], [1, 5, 5, 0, 0], [1, 2, 2, 0, 0]]),
        ["plain", '"a", \x1b[31mb\x07\n' + "c" * 70, "half \udce9"],
    ),
    np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]),
    Classification(("bad", "good")),
)


def test_a_table_of_predictions_keeps_controls_from_the_terminal() -> None:
    assert format_predictions(TOLD, "table").splitlines() == [
        "example  class  probability  unknown  text",
        "      1  good        0.7500  25%      plain",
        '      2  bad         0.5000  0%       "a", \\x1b[31mb\\x07 ' + "c" * 40 + "…",
        "      3  bad         1.0000  100%     half \\udce9",
    ]


def test_predictions_as_csv_and_json_hold_the_texts_whole() -> None:
    rows = list(csv.reader(io.StringIO(format_predictions(TOLD, "csv"), newline="")))
    header = ["example", "text", "class", "probability", "unknown", "p(bad)", "p(good)"]
    assert rows[0] == header
    assert rows[1] == ["1", "plain", "good", "0.75", "0.25", "0.25", "0.75"]
    assert rows[2][1] == TOLD[1]["text"]
    assert rows[3][1] == "half ?"
    items = [json.loads(line) for line in format_predictions(TOLD, "jsonl").splitlines()]
    assert items == [*TOLD[:2], {**TOLD[2], "text": "half ?"}]


def test_predictions_of_images_have_no_texts() -> None:
    told = described(
        NewExamples(np.zeros((1, 2, 2))), np.array([[0.25, 0.75]]), Classification(("0", "1"))
    )
    assert (
        format_predictions(told, "table")
        == "example  class  probability\n      1      1       0.7500"
    )
    assert (
        format_predictions(told, "csv") == "example,class,probability,p(0),p(1)\n1,1,0.75,0.25,0.75"
    )


# A network that is trained on them


TRAIN = sentences(60)
TEST: Pairs = [
    ("a warm film", "good"),
    ("slow, cold and\nempty", "bad"),
    ("no words that it knows", "good"),
    ("", "bad"),
    ('it said "funny"', "good"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table with columns of other names, away from where it was; the data are gone."""
    from seqtrain.cli.main import main

    folder = tmp_path_factory.mktemp("trained")
    for name, rows in (("train.csv", TRAIN), ("test.csv", TEST), ("validation.csv", TRAIN[:2])):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([("review", "mood"), *rows])
    dataset = (
        "{name: text, path: train.csv, test_path: test.csv, validation_path: validation.csv, "
        "text_column: review, label_column: mood, max_length: 12}"
    )
    training = "{epochs: 2, learning_rate: 0.01}"
    (folder / "own.yaml").write_text(
        f"dataset: {dataset}\nmodel: {{name: gru, units: 4, embedding_dim: 8}}\n"
        f"training: {training}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SEQTRAIN_CACHE_DIR", str(folder / "cache"))
        patch.setattr(sys, "argv", ["seqtrain", "train", "own.yaml"])
        main()
    (run,) = folder.glob("outputs/own/*")
    copy = shutil.copytree(run, tmp_path_factory.mktemp("elsewhere") / "copied run")
    shutil.rmtree(folder)
    return copy


def saved(run: Path) -> np.ndarray:
    with np.load(run / "predictions.npz") as arrays:
        return np.asarray(arrays["probabilities"])


def as_text_arguments(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return [text for text, _ in TEST]


def as_csv_without_labels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with Path("new.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["id", "review"], *([i, text] for i, (text, _) in enumerate(TEST))]
        )
    return ["--data", "new.csv"]


def as_jsonl(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines = (json.dumps({"mood": label, "review": text}) for text, label in TEST)
    Path("new.jsonl").write_text("\n".join(lines))
    return ["--data", "new.jsonl"]


def as_txt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    Path("new.txt").write_text("".join(text.replace("\n", " ") + "\r\n" for text, _ in TEST))
    return ["--data", "new.txt"]


def as_standard_input(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines = "".join(text.replace("\n", " ") + "\n" for text, _ in TEST)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    return []


@tf
@pytest.mark.parametrize(
    "form",
    [as_text_arguments, as_csv_without_labels, as_jsonl, as_txt, as_standard_input],
    ids=lambda form: form.__name__,
)
def test_a_run_predicts_without_its_data(
    form: Callable[[pytest.MonkeyPatch], list[str]],
    trained: Path,
    seqtrain: Seqtrain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = seqtrain("predict", trained, *form(monkeypatch), "--format", "jsonl")
    assert outcome.exit_code == 0
    place = "line 5" if form is as_csv_without_labels else "text 3"
    place = {as_jsonl: "line 3", as_txt: "line 3"}.get(form, place)
    assert outcome.stderr == (
        "warning: the network knows no word of 2 of 5 texts, the first "
        f"{place}, `no words that it knows`, and can only guess; with `dataset.tokens=subwords` it "
        "would know every word\n"
    )
    rows = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [row["unknown"] == 1 for row in rows] == [False, False, True, True, False]
    assert [row["example"] for row in rows] == [1, 2, 3, 4, 5]
    one_line = form in (as_txt, as_standard_input)
    assert [row["text"] for row in rows] == [
        text.replace("\n", " ") if one_line else text for text, _ in TEST
    ]
    found = np.array([[row["probabilities"][name] for name in ("bad", "good")] for row in rows])
    np.testing.assert_allclose(found, saved(trained), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    for row, best in zip(rows, saved(trained).argmax(axis=1), strict=True):
        assert row["class"] == ("bad", "good")[best]
        assert row["probability"] == max(row["probabilities"].values())


@tf
def test_predictions_are_printed_as_a_table_or_csv(trained: Path, seqtrain: Seqtrain) -> None:
    texts = [text for text, _ in TEST]
    printed = seqtrain("predict", trained, *texts).stdout.splitlines()
    told = seqtrain("predict", trained, *texts, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(told, newline="")))
    assert {"text", "probability", "unknown", "p(bad)", "p(good)"} <= rows[0].keys()
    assert [row["text"] for row in rows] == texts
    found = [[float(row["p(bad)"]), float(row["p(good)"])] for row in rows]
    np.testing.assert_allclose(found, saved(trained), atol=1e-6)
    assert printed[0] == "example  class  probability  unknown  text"
    assert [line.split()[:3] for line in printed[1:]] == [
        [row["example"], row["class"], f"{float(row['probability']):.4f}"] for row in rows
    ]
    assert printed[2].endswith("  slow, cold and empty")


@tf
def test_control_characters_do_not_reach_the_terminal(trained: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("predict", trained, "warm \x1b[31m\x07\x9b film")
    assert outcome.stdout.endswith("  warm \\x1b[31m\\x07\\x9b film\n")
    assert outcome.stdout.replace("\n", "").isprintable()


@tf
def test_evaluate_says_how_many_examples_were_trained_on(trained: Path, seqtrain: Seqtrain) -> None:
    """The tokens decide, not the spelling of the text."""
    rows = [*TEST, *TRAIN[:6], (TRAIN[7][0].upper(), TRAIN[7][1])]
    with Path("new.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("mood", "review"), *((label, text) for text, label in rows)])
    outcome = seqtrain("evaluate", trained, "--data", "new.csv", "--json")
    found = json.loads(outcome.stdout)
    assert (outcome.exit_code, "can only guess" in outcome.stderr) == (0, True)
    assert (found["examples"], found["trained_on"], found["source"]) == (12, 7, "new.csv")
    assert [row["support"] for row in found["data"]["classes"]] == [5, 7]
    printed = seqtrain("evaluate", trained, "--data", "new.csv").stdout
    assert printed.splitlines()[0] == f"{trained}  new.csv, 12 examples, 7 of them trained on"


@tf
def test_evaluate_of_the_test_rows_says_what_the_training_said(
    trained: Path, seqtrain: Seqtrain
) -> None:
    with Path("new.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("review", "mood"), *TEST])
    found = json.loads(seqtrain("evaluate", trained, "--data", "new.csv", "--json").stdout)
    metrics = json.loads((trained / "metrics.json").read_text())
    assert found["data"]["confusion_matrix"] == metrics["test"]["confusion_matrix"]
    for score in ("loss", "accuracy", "roc_auc"):
        assert found[f"data_{score}"] == pytest.approx(metrics[f"test_{score}"], abs=1e-6)
    assert found["trained_on"] == 0


@tf
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("review\na\n", "new.csv has no `mood` to compare with"),
        (
            "review,mood\na,good\nb,god\n",
            "new.csv:3: no class is called `god`, did you mean `good`?",
        ),
        ("review,mood\na,good\nb, \n", "new.csv:3: the label is empty"),
    ],
)
def test_evaluate_needs_labels_that_the_run_knows(
    content: str, message: str, trained: Path, seqtrain: Seqtrain
) -> None:
    Path("new.csv").write_text(content)
    outcome = seqtrain("evaluate", trained, "--data", "new.csv")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    expected = f"error: {message}\n\nhint: the classes of the run are: bad, good\n"
    assert outcome.stderr.lstrip("\n") == expected


@tf
def test_nothing_on_standard_input_is_an_error(
    trained: Path, seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    outcome = seqtrain("predict", trained)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr.lstrip("\n").startswith("error: no text is given\n\nhint: ")


@pytest.fixture(scope="module")
def of_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on digits, and its test images as they are measured in `images.npz` beside it."""
    from seqtrain.cli.main import main
    from seqtrain.runs import lookup

    folder = tmp_path_factory.mktemp("digits")
    config = REPOSITORY / "configs" / "quickstart.yaml"
    few = ["training.epochs=1", "model.units=4", "dataset.limit=200"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["seqtrain", "train", str(config), *few])
        main()
    run = lookup.latest(folder / "outputs").folder
    test = Digits(name="digits").load().test
    np.savez(run / "images.npz", x=(test.x * 16).astype(np.uint8), y=test.labels)
    return run


@tf
def test_a_network_on_digits_reads_no_texts(of_digits: Path, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("predict", of_digits, "a text")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr.lstrip("\n") == (
        "error: a network trained on `digits` reads no texts\n\n"
        "hint: give examples as arrays: `seqtrain predict RUN --data FILE.npz`\n"
    )


@tf
def test_a_network_on_digits_predicts_images_as_it_evaluates_them(
    of_digits: Path, seqtrain: Seqtrain
) -> None:
    images = of_digits / "images.npz"
    outcome = seqtrain("predict", of_digits, "--data", images, "--format", "jsonl")
    rows = [json.loads(line) for line in outcome.stdout.splitlines()]
    found = [[row["probabilities"][name] for name in "0123456789"] for row in rows]
    np.testing.assert_allclose(found, saved(of_digits), atol=1e-6)
    judged = json.loads(seqtrain("evaluate", of_digits, "--data", images, "--json").stdout)
    metrics = json.loads((of_digits / "metrics.json").read_text())
    assert judged["examples"] == 359
    assert judged["data"]["confusion_matrix"] == metrics["test"]["confusion_matrix"]
    assert judged["data_loss"] == pytest.approx(metrics["test_loss"], abs=1e-6)
