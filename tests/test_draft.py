"""`init --data` drafts a config that trains as it stands."""

import csv
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.config import load_config
from seqtrain.datasets.series import Series
from tests.conftest import Outcome, soaked
from tests.own import rows_of, sentences, waves, write_folder, write_rows

Seqtrain = Callable[..., Outcome]


def table(name: str, header: list[str], rows: list[list[str]], delimiter: str = ",") -> Path:
    file = Path(name)
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return file


def drafted(seqtrain: Seqtrain, data: Path) -> dict[str, object]:
    """The dataset section of the config that is drafted."""
    outcome = seqtrain("init", "--data", data, "--to", "mine.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout == "mine.yaml\n"
    return load_config(Path("mine.yaml")).dataset.model_dump()


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        (["text", "label"], "text", "label"),
        (["Review", "Sentiment"], "Review", "Sentiment"),
        (["what they wrote", "kind"], "what they wrote", "kind"),
        (["tweets", "my classes"], "tweets", "my classes"),
    ],
)
def test_columns_are_found_by_name_or_content(
    header: list[str], text: str, label: str, seqtrain: Seqtrain
) -> None:
    rows = [[str(number), *row] for number, row in enumerate(sentences())]
    found = drafted(seqtrain, table("own.csv", ["id", *header], rows))
    assert (found["text_column"], found["label_column"]) == (text, label)


def test_columns_without_a_name_are_passed_over(seqtrain: Seqtrain) -> None:
    rows = [["1", text, label, "2"] for text, label in sentences()]
    found = drafted(seqtrain, table("own.csv", ["", "text", "label", ""], rows))
    assert (found["text_column"], found["label_column"]) == ("text", "label")


def test_lengths_and_words_decide_the_keys(seqtrain: Seqtrain) -> None:
    rows = [["word " * (80 if number else 900), str(number % 2)] for number in range(100)]
    found = drafted(seqtrain, table("own.tsv", ["text", "label"], rows, "\t"))
    assert found["max_length"] == 90
    assert found["vocabulary_size"] == 1000


def test_uneven_classes_are_not_weighed_unasked(seqtrain: Seqtrain) -> None:
    rows = [[f"text number {number}", "rare" if number < 10 else "usual"] for number in range(200)]
    drafted(seqtrain, table("own.csv", ["text", "label"], rows))
    assert load_config(Path("mine.yaml")).training.class_weight is None


def test_a_folder_that_only_train_has_is_no_class(seqtrain: Seqtrain) -> None:
    for part in ("train", "test"):
        write_folder(Path("own") / part, sentences(20))
    write_folder(Path("own/train"), [("a film", "unsup")])
    found = drafted(seqtrain, Path("own"))
    assert (found["name"], found["classes"]) == ("folder", ("bad", "good"))


@pytest.mark.parametrize("form", ["own.csv", "own.npz"])
def test_sequences_of_numbers_are_drafted_too(form: str, seqtrain: Seqtrain) -> None:
    sequences, labels = waves()
    if form == "own.csv":
        write_rows(Path(form), rows_of(sequences, labels))
    else:
        lengths = [len(sequence) for sequence in sequences]
        np.savez(form, values=np.concatenate(sequences), lengths=lengths, y=labels)
    found = drafted(seqtrain, Path(form))
    assert (found["name"], found["standardise"]) == ("arrays", True)
    assert (found["id_column"], found["step_column"]) == ("id", "step")
    assert "60 examples, 2 classes" in Path("mine.yaml").read_text()


@pytest.mark.parametrize("form", ["texts.csv", "steps.csv", "steps.npz"])
def test_measured_labels_are_drafted_as_numbers(form: str, seqtrain: Seqtrain) -> None:
    sequences, _ = waves()
    labels = [f"{index * 1.5}" for index in range(60)]
    if form == "texts.csv":
        rows = [[text, label] for (text, _), label in zip(sentences(), labels, strict=True)]
        table(form, ["text", "score"], rows)
    elif form == "steps.csv":
        write_rows(Path(form), rows_of(sequences, labels))
    else:
        lengths = [len(sequence) for sequence in sequences]
        np.savez(form, values=np.concatenate(sequences), lengths=lengths, y=np.arange(60) * 1.5)
    assert drafted(seqtrain, Path(form))["task"] == "regression"
    assert "examples, labels from" in Path("mine.yaml").read_text()


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([str(number % 10) for number in range(60)], "classification"),
        ([f"{number % 9 / 2}" for number in range(60)], "classification"),
        ([f"{number % 19 / 2}" for number in range(60)], "regression"),
        ([str(number * 3) for number in range(60)], "regression"),
    ],
    ids=["digits", "stars", "fractions", "counts"],
)
def test_numbers_that_repeat_are_classes(labels: list[str], task: str, seqtrain: Seqtrain) -> None:
    rows = [[text, label] for (text, _), label in zip(sentences(), labels, strict=True)]
    assert drafted(seqtrain, table("own.csv", ["text", "rating"], rows))["task"] == task


@pytest.mark.parametrize("name", ["a b: c.csv", "'quoted'.csv", "naïve #1.csv"])
def test_any_name_of_a_file_is_written_as_yaml(name: str, seqtrain: Seqtrain) -> None:
    found = drafted(seqtrain, table(name, ["text", "label"], [list(r) for r in sentences()]))
    assert found["path"] == str(Path(name).absolute())


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (["text", "label"], [], "own.csv holds no rows"),
        (["text", "id"], [[f"text {n}", str(n)] for n in range(50)], "holds classes"),
        (["text", "label"], [["a", "b"], ["c", ""]], "`label` holds no classes: 1 different"),
    ],
)
def test_what_cannot_be_drafted_is_one_error_and_no_file(
    header: list[str], rows: list[list[str]], message: str, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("init", "--data", table("own.csv", header, rows))
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert "\nhint: " in outcome.stderr
    assert not Path("own.yaml").exists()


def test_nothing_is_overwritten(seqtrain: Seqtrain) -> None:
    Path("own.yaml").write_text("mine")
    data = table("own.csv", ["text", "label"], [list(row) for row in sentences()])
    outcome = seqtrain("init", "--data", data)
    assert outcome.exit_code == 2
    assert "`own.yaml` exists" in outcome.stderr
    assert Path("own.yaml").read_text() == "mine"


def test_a_table_to_try_is_written_and_drafted(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("init", "--example", "reviews.csv")
    assert (outcome.exit_code, outcome.stdout) == (0, "reviews.csv\n")
    assert "`seqtrain init --data reviews.csv`" in outcome.stderr
    told = seqtrain("init", "--data", "reviews.csv").stderr
    assert "data       2,000 rows of reviews.csv" in told
    assert "classification, 2 classes: negative 1,000, positive 1,000" in told
    again = seqtrain("init", "--example", "reviews.csv")
    assert again.exit_code == 2
    assert "name another file: `--example my_reviews.csv`" in again.stderr


@pytest.mark.parametrize("arguments", [["own.csv", "quickstart"], ["own.txt"]])
def test_a_table_to_try_is_a_csv_and_nothing_beside(
    arguments: list[str], seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("init", "--example", *arguments)
    assert outcome.exit_code == 2
    assert not Path(arguments[0]).exists()


def test_init_needs_a_name_or_data(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("init")
    assert outcome.exit_code == 2
    assert "Name a shipped config, or your own file with --data." in outcome.stderr


def refused(seqtrain: Seqtrain, *arguments: object) -> str:
    """The error and the hint of a draft that is refused, which leaves no config."""
    before = {*Path().glob("*.yaml")}
    outcome = seqtrain("init", "--data", *arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "\nhint: " in outcome.stderr
    assert {*Path().glob("*.yaml")} == before
    return outcome.stderr


def texts(number: int = 60) -> list[list[str]]:
    return [[text, label] for text, label in sentences(number)]


def test_what_was_taken_for_what_is_told(seqtrain: Seqtrain) -> None:
    rows = [["False", ("ann", "bob")[n % 2], text] for n, (text, _) in enumerate(sentences())]
    rows[3][0] = "True"
    data = table("posts.csv", ["Is retweet", "Author", "Content"], rows)
    outcome = seqtrain("init", "--data", data)
    assert "data       60 rows of posts.csv\n" in outcome.stderr
    assert "text       Content, 7 words on average\n" in outcome.stderr
    assert "label      Author; or another: --label 'Is retweet'\n" in outcome.stderr
    assert "task       classification, 2 classes: ann 30, bob 30\n" in outcome.stderr
    assert "--label COLUMN" in outcome.stderr


def test_what_is_told_can_be_typed(seqtrain: Seqtrain) -> None:
    rows = [
        [text, label, f"{label} film", str(n % 3)] for n, (text, label) in enumerate(sentences())
    ]
    data = table("own.csv", ["text", "label", "other text", "kind"], rows)
    outcome = seqtrain("init", "--data", data, "--text", "other text", "--label", "kind")
    assert outcome.exit_code == 0, outcome.stderr
    dataset: Any = load_config(Path("own.yaml")).dataset
    assert (dataset.text_column, dataset.label_column) == ("other text", "kind")


def test_a_column_that_is_not_there_is_told(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["text", "label"], texts())
    assert "no column is called `labels`, did you mean `label`?" in refused(
        seqtrain, data, "--label", "labels"
    )


@pytest.mark.parametrize(
    ("argument", "written"),
    [
        ("dataset.encoding=cp1252", "encoding: cp1252"),
        ("dataset.quotes=false", "quotes: false"),
        ("dataset.test=0.5", "test: 0.5"),
        ("training.epochs=3", "epochs: 3"),
        ("training.early_stopping.patience=2", "early_stopping: {patience: 2}"),
        ("model.name=lstm", "name: lstm"),
        ("seed=5", "seed: 5"),
    ],
)
def test_arguments_are_written_into_the_draft(
    argument: str, written: str, seqtrain: Seqtrain
) -> None:
    rows = [[f"text number {n}", label] for n, (_, label) in enumerate(texts())]
    data = table("own.tsv", ["text", "label"], rows, "\t")
    outcome = seqtrain("init", "--data", data, argument)
    assert outcome.exit_code == 0, outcome.stderr
    lines = [line.partition(" #")[0].strip() for line in Path("own.yaml").read_text().splitlines()]
    assert lines.count(written) == 1
    key = written.partition(":")[0]
    section = "dataset" if argument.startswith("dataset") else "training"
    body = lines[lines.index(f"{section}:") :] if "." in argument else lines
    assert sum(line.startswith(f"{key}:") for line in body) <= 2
    load_config(Path("own.yaml"))


def test_a_file_is_read_as_the_arguments_say(seqtrain: Seqtrain) -> None:
    Path("own.csv").write_bytes(
        ("text,label\n" + "".join(f"café {text},{label}\n" for text, label in CAFES)).encode(
            "cp1252"
        )
    )
    assert "dataset.encoding=cp1252" in refused(seqtrain, "own.csv")
    assert seqtrain("init", "--data", "own.csv", "dataset.encoding=cp1252").exit_code == 0
    assert "encoding: cp1252" in Path("own.yaml").read_text()


CAFES = [(f"number {n} {('good', 'bad')[n % 2]}", "ab"[n % 2]) for n in range(60)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset.encodign=cp1252"], "argument 'dataset.encodign=cp1252'"),
        (["dataset.test=2"], "argument 'dataset.test=2'"),
        (["mine"], "'mine' is not KEY=VALUE; --data drafts a config, and `--to mine.yaml`"),
        (["mine.yaml"], "`--to mine.yaml` names its file"),
        (["dataset.path=other.csv"], "`--data` says which file is read"),
        (["dataset=3"], "`dataset` is a section"),
        (["model.name=grü"], "argument 'model.name=grü'"),
    ],
)
def test_a_wrong_argument_is_told_as_it_was_typed(
    arguments: list[str], message: str, seqtrain: Seqtrain
) -> None:
    assert message in refused(seqtrain, table("own.csv", ["text", "label"], texts()), *arguments)


def test_what_is_for_data_is_not_taken_for_a_name(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("init", "quickstart", "training.epochs=3")
    assert outcome.exit_code == 2
    assert "`seqtrain train quickstart.yaml KEY=VALUE`" in outcome.stderr
    assert not Path("quickstart.yaml").exists()


@pytest.mark.parametrize("command", ["init", "train", "check"])
def test_data_in_the_place_of_a_config_point_to_init(command: str, seqtrain: Seqtrain) -> None:
    table("my data.csv", ["text", "label"], texts())
    outcome = seqtrain(command, "my data.csv")
    assert outcome.exit_code == 2
    assert outcome.stderr.count("error: ") == 1
    assert "`seqtrain init --data 'my data.csv'`" in outcome.stderr


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("my reviews (1).csv", "'my reviews (1).yaml'"),
        ("-x.csv", "./-x.yaml"),
        ("отзывы.csv", "отзывы.yaml"),
        ("it's.csv", "'it'\"'\"'s.yaml'"),
    ],
)
def test_commands_that_are_printed_can_be_typed(name: str, typed: str, seqtrain: Seqtrain) -> None:
    table(name, ["text", "label"], texts())
    outcome = seqtrain("init", "--data", f"./{name}")
    assert f"`seqtrain train {typed}`" in outcome.stderr
    assert f"#   seqtrain train {typed}\n" in Path(name).with_suffix(".yaml").read_text()


@pytest.mark.parametrize(
    "letter", ["😀", "é", "日", "\u2028", "\U0001f468\u200d\U0001f469", '"', "\\"]
)
def test_any_letter_in_a_name_is_written_as_yaml(letter: str, seqtrain: Seqtrain) -> None:
    data = table(f"a {letter} b.csv", [f"text {letter}", f"label {letter}"], texts())
    found = drafted(seqtrain, data)
    assert found["text_column"] == f"text {letter}".strip()
    assert found["path"] == str(data.absolute())


def test_columns_that_are_not_used_may_hold_anything(seqtrain: Seqtrain) -> None:
    with Path("own.jsonl").open("w") as file:
        for number, (text, label) in enumerate(sentences()):
            row = {"tags": ["a"], "text": text, "label": label} | (
                {"note": "x"} if number < 9 else {}
            )
            file.write(json.dumps(row) + "\n")
    assert drafted(seqtrain, Path("own.jsonl"))["text_column"] == "text"


def test_a_name_that_stands_twice_is_passed_over(seqtrain: Seqtrain) -> None:
    rows = [["a", text, label, "b"] for text, label in sentences()]
    found = drafted(seqtrain, table("own.csv", ["note", "text", "label", "note"], rows))
    assert (found["text_column"], found["label_column"]) == ("text", "label")


def test_rows_that_are_sorted_by_label_have_all_their_classes(seqtrain: Seqtrain) -> None:
    rows = [[f"text number {n} of many", "abc"[n // 1000]] for n in range(3_000)]
    data = table("own.csv", ["text", "kind"], rows)
    assert "3 classes: a 1,000, b 1,000, c 1,000" in seqtrain("init", "--data", data).stderr


@pytest.mark.parametrize(
    ("header", "row", "text", "label"),
    [
        (["name", "gender"], lambda n: [f"{NAMES[n % 10]}{NAMES[n // 10]}", "mf"[n % 2]], 0, 1),
        (["word", "language"], lambda n: [f"{NAMES[n // 10]}{NAMES[n % 10]}a", "ab"[n % 2]], 0, 1),
        (["id", "valence", "text"], lambda n: [n, f"{n * 0.37 - 3:.3f}", f"a text, {n}"], 2, 1),
        (
            ["date", "title", "part"],
            lambda n: [f"2020-01-{n % 28 + 1:02}", f"a fine day {n}", "xy"[n % 2]],
            1,
            2,
        ),
        (["url", "post", "kind"], lambda n: [f"https://a.b/{n}", f"a post {n}", "xy"[n % 2]], 1, 2),
        (["n", "评论", "情感"], lambda n: [n, f"这家酒店很好我很喜欢{n}", "好坏"[n % 2]], 1, 2),
    ],
    ids=["names", "words", "floats", "dates", "addresses", "chinese"],
)
def test_columns_are_known_by_what_they_hold(
    header: list[str],
    row: Callable[[int], list[Any]],
    text: int,
    label: int,
    seqtrain: Seqtrain,
) -> None:
    found = drafted(seqtrain, table("own.csv", header, [list(map(str, row(n))) for n in range(60)]))
    assert (found["text_column"], found["label_column"]) == (header[text], header[label])


NAMES = "lo mi ka tu re ban dos fil gem hut".split()


def test_names_are_read_by_their_letters(seqtrain: Seqtrain) -> None:
    rows = [[f"{NAMES[n % 10]}{NAMES[n // 10]}", "mf"[n % 2]] for n in range(60)]
    data = table("names.csv", ["name", "gender"], rows)
    assert "tokens     characters; " in seqtrain("init", "--data", data).stderr
    assert "  tokens: characters # " in Path("names.yaml").read_text()


def test_steps_are_known_by_their_structure(seqtrain: Seqtrain) -> None:
    rows = [
        [str(n), str(step), f"{n + step * 0.1:.2f}", f"{-n * 0.3:.2f}", str(n % 3)]
        for n in range(30)
        for step in range(4 + n % 3)
    ]
    found = drafted(seqtrain, table("own.csv", ["utterance", "tick", "f1", "f2", "speaker"], rows))
    names = found["id_column"], found["step_column"], found["label_column"]
    assert names == ("utterance", "tick", "speaker")


def test_steps_whose_labels_differ_are_told(seqtrain: Seqtrain) -> None:
    rows = [
        [
            str(one),
            str(step),
            f"{one + 0.5 * step:.1f}",
            f"{one - step / 3:.3f}",
            "ab"[(one + step) % 2],
        ]
        for one in range(12)
        for step in range(6)
    ]
    data = table("own.csv", ["id", "time", "x", "y", "label"], rows)
    outcome = seqtrain("init", "--data", data)
    assert outcome.exit_code == 0, outcome.stderr
    assert "each row is read as a sequence of its own, because `label` differs" in outcome.stderr
    assert "within one `id`" in outcome.stderr


def test_steps_that_are_dates_come_in_their_order(seqtrain: Seqtrain) -> None:
    rows = [
        [str(n), f"2024-01-0{step}", f"{n + step * 0.1:.2f}", "ab"[n % 2]]
        for n in range(30)
        for step in range(1, 5)
    ]
    found = drafted(seqtrain, table("own.csv", ["id", "time", "u", "label"], rows))
    assert (found["step_column"], found["feature_columns"]) == (None, ("u",))


@pytest.mark.parametrize("place", ["first", "last", "id"])
def test_a_row_may_be_a_sequence(place: str, seqtrain: Seqtrain) -> None:
    values = np.random.default_rng(0).normal(size=(40, 6)).round(3).astype(str).tolist()
    labels, steps = [str(n % 2) for n in range(40)], [f"v{n}" for n in range(6)]
    if place == "last":
        header = [*steps, "class"]
        rows = [[*row, label] for row, label in zip(values, labels, strict=True)]
    else:
        header = [*(["id"] if place == "id" else []), "label", *steps]
        numbers = [[str(n)] if place == "id" else [] for n in range(40)]
        rows = [[*n, y, *row] for n, y, row in zip(numbers, labels, values, strict=True)]
    found = drafted(seqtrain, table("own.csv", header, rows))
    assert (found["rows"], found["label_column"]) == (
        "sequences",
        "class" if place == "last" else "label",
    )


def test_a_table_without_a_header_is_known(seqtrain: Seqtrain) -> None:
    rows = [[label, text] for text, label in sentences()]
    found = drafted(seqtrain, table("own.csv", rows[0], rows[1:]))
    assert (found["header"], found["text_column"]) == (False, "column_2")
    assert "60 examples" in Path("mine.yaml").read_text()


def test_rows_without_a_label_are_left_out_and_told(seqtrain: Seqtrain) -> None:
    rows = [[text, label if n % 10 else ""] for n, (text, label) in enumerate(sentences())]
    data = table("own.csv", ["text", "label"], rows)
    assert "unlabelled 6 rows, which are left out" in seqtrain("init", "--data", data).stderr
    assert load_config(Path("own.yaml")).dataset.unlabelled == "skip"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "header", "row", "message"),
    [
        ("ids.csv", ["text", "id"], lambda n: [f"a text {n}", n], "--label COLUMN"),
        (
            "same.csv",
            ["text", "label"],
            lambda n: [f"a text {n}", "a"],
            "`label` holds no classes: 1",
        ),
    ],
)
def test_what_is_for_something_else_is_told(
    name: str,
    header: list[str],
    row: Callable[[int], list[Any]],
    message: str,
    seqtrain: Seqtrain,
) -> None:
    rows = [list(map(str, row(n))) for n in range(10, 29)]
    data = table(name, header, rows, "\t" if name.endswith(".tsv") else ",")
    assert message in refused(seqtrain, data)


def months(number: int, season: float = 5.0) -> list[list[str]]:
    return [
        [f"{2000 + n // 12}-{n % 12 + 1:02}-01", f"{50 + n + season * (n % 12):.1f}", f"{n % 5}"]
        for n in range(number)
    ]


def series_of(
    seqtrain: Seqtrain, data: Path | str, *given: str, stem: str | None = None
) -> tuple[Series, str]:
    """Draft a config of time series; return its section, and what was told."""
    outcome = seqtrain("init", "--data", data, *given)
    assert outcome.exit_code == 0, outcome.stderr
    config = load_config(Path(f"{stem or Path(str(data)).stem}.yaml"))
    assert isinstance(config.dataset, Series)
    config.dataset.load()
    return config.dataset, outcome.stderr


def test_a_table_of_times_and_numbers_is_a_time_series(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["Month", "Sales", "Price"], months(120))
    found, told = series_of(seqtrain, data, "--label", "Sales")
    assert (found.time_column, found.value_columns) == ("Month", ("Sales",))
    assert (found.window, found.horizon) == (24, 12)
    assert "Month, a step is a month, 2000-01 to 2009-12" in told
    assert "unused     `Price`; as covariates: 'dataset.past=[Price]'" in told
    assert "forecasting 12 steps; 49 windows of train" in told


def test_each_column_of_numbers_is_a_series(seqtrain: Seqtrain) -> None:
    found, told = series_of(seqtrain, table("own.csv", ["date", "a", "b"], months(120)))
    assert found.value_columns == ("a", "b")
    assert "2 series: a, b" in told
    assert "only one: --label a" in told


def test_a_column_of_names_tells_series_apart(seqtrain: Seqtrain) -> None:
    rows = [[name, *row[:2]] for name in ("north", "south") for row in months(90)]
    found, told = series_of(seqtrain, table("own.csv", ["shop", "date", "sales"], rows))
    assert (found.series_column, found.value_columns) == ("shop", ("sales",))
    assert "sales of 2 series, by shop: north, south" in told


@pytest.mark.parametrize(
    ("name", "first"), [("rownames", 1), ("Unnamed: 0", 0), ("index", 0), ("Obs", 1)]
)
def test_a_column_that_counts_the_rows_is_no_series(
    name: str, first: int, seqtrain: Seqtrain
) -> None:
    rows = [[str(n + first), *row] for n, row in enumerate(months(120))]
    data = table("own.csv", [name, "date", "load", "heat"], rows)
    found, told = series_of(seqtrain, data)
    assert found.value_columns == ("load", "heat")
    assert f"unused     `{name}`, which only counts the rows" in told
    _, told = series_of(seqtrain, data, "--to", "own2.yaml", "--label", "load", stem="own2")
    assert "dataset.past=[heat]" in told


def test_a_column_that_counts_the_rows_is_not_the_value_of_a_long_table(
    seqtrain: Seqtrain,
) -> None:
    rows = [[name, *row[:2]] for name in ("north", "south") for row in months(90)]
    rows = [[str(n + 1), *row] for n, row in enumerate(rows)]
    data = table("own.csv", ["rownames", "shop", "date", "kilos"], rows)
    found, told = series_of(seqtrain, data)
    assert found.value_columns == ("kilos",)
    assert "kilos of 2 series, by shop" in told


def test_a_column_that_counts_the_rows_is_a_series_where_it_is_named(seqtrain: Seqtrain) -> None:
    rows = [[row[0], str(n)] for n, row in enumerate(months(120))]
    found, told = series_of(seqtrain, table("own.csv", ["date", "visitors"], rows))
    assert found.value_columns == ("visitors",)
    assert "almost exactly from those before" in told
    rows = [[*row, str(n)] for n, row in enumerate(months(120))]
    data = table("two.csv", ["date", "load", "heat", "visitors"], rows)
    found, _ = series_of(seqtrain, data, "--label", "visitors")
    assert found.value_columns == ("visitors",)


def test_a_table_of_values_that_vary_is_not_called_exact(seqtrain: Seqtrain) -> None:
    rows = [[row[0], f"{n * 7919 % 101}"] for n, row in enumerate(months(120))]
    _, told = series_of(seqtrain, table("own.csv", ["date", "load"], rows))
    assert "almost exactly" not in told


def test_parts_of_a_time_are_no_series(seqtrain: Seqtrain) -> None:
    rows = [[row[0], *row[0].split("-")[:2], row[1]] for row in months(120)]
    found, told = series_of(seqtrain, table("own.csv", ["date", "year", "month", "load"], rows))
    assert (found.time_column, found.value_columns) == ("date", ("load",))
    assert "unused     `year`, `month`\n" in told


def test_words_beside_times_may_be_classes_or_not(seqtrain: Seqtrain) -> None:
    rows = [[*row, row[1], ("sun", "rain", "fog")[n % 7 % 3]] for n, row in enumerate(months(160))]
    data = table("own.csv", ["date", "load", "heat", "wind", "weather"], rows)
    outcome = seqtrain("init", "--data", data)
    assert load_config(Path("own.yaml")).dataset.name == "arrays"
    typed = "--label load dataset.name=series"
    assert f"a time series, as `date` has regular steps: {typed}" in outcome.stderr
    found, told = series_of(seqtrain, data, *typed.split(), "--to", "load.yaml", stem="load")
    assert found.value_columns == ("load",)
    assert "to learn `load` from its row alone: dataset.name=arrays" in told
    keys = ("--label", "load", "dataset.name=arrays", "--to", "row.yaml")
    assert seqtrain("init", "--data", data, *keys).exit_code == 0
    found, _ = series_of(seqtrain, data, "dataset.name=series", "--to", "all.yaml", stem="all")
    assert found.value_columns == ("load", "heat", "wind")


def test_words_at_irregular_times_are_only_classes(seqtrain: Seqtrain) -> None:
    rows = [[*row, ("sun", "rain")[n % 3 % 2]] for n, row in enumerate(months(160))]
    data = table("own.csv", ["date", "load", "heat", "weather"], [*rows[:80], *rows[79:]])
    assert "time series" not in seqtrain("init", "--data", data).stderr


def test_places_and_classes_beside_times_are_told_apart_by_name(seqtrain: Seqtrain) -> None:
    rows = [
        [place, *row, ("sun", "rain", "fog")[n % 5 % 3]]
        for place in ("Seattle", "New York")
        for n, row in enumerate(months(90))
    ]
    data = table("own.csv", ["location", "date", "load", "heat", "weather"], rows)
    found, _ = series_of(seqtrain, data, "--label", "heat", "dataset.name=series")
    assert (found.series_column, found.value_columns) == ("location", ("heat",))


def test_a_folder_of_tables_is_told_as_one(seqtrain: Seqtrain) -> None:
    Path("mine").mkdir()
    for name in ("b.npz", "a.csv"):
        Path("mine", name).write_text("text,label\n")
    Path("mine", "plots").mkdir()
    said = refused(seqtrain, Path("mine"))
    assert "mine holds no folders of .txt files, but `a.csv`, `b.npz`" in said
    assert "`--data mine/a.csv`" in said


def test_what_is_missing_for_a_series_is_told(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["load", "heat"], [row[1:] for row in months(90)])
    said = refused(seqtrain, data, "dataset.name=series")
    assert "no column holds times" in said
    assert "`dataset.time_column=null`" in said
    assert "no column is called `when`" in refused(seqtrain, data, "dataset.time_column=when")


def test_values_that_are_filled_are_counted(seqtrain: Seqtrain) -> None:
    rows = [row[:2] for row in months(120)]
    rows[50][1] = rows[51][1] = ""
    _, told = series_of(seqtrain, table("own.csv", ["date", "load"], rows))
    assert "missing    2 of 120 values; `dataset.missing=interpolate` fills them" in told


def test_a_season_is_named_only_where_there_may_be_one(seqtrain: Seqtrain) -> None:
    rows = [[str(1700 + n), f"{n * 37 % 11}.5"] for n in range(120)]
    _, told = series_of(seqtrain, table("own.csv", ["YEAR", "SPOTS"], rows))
    assert "season     none: a step is a year" in told
    assert "1 is the error of a naive forecast of one step" in told
    rows = [[str(n), spots] for n, (_, spots) in enumerate(rows)]
    _, told = series_of(seqtrain, table("ticks.csv", ["t", "SPOTS"], rows))
    assert "if the values repeat every 12 steps: `dataset.season=12`" in told


def test_a_label_of_numbers_beside_words_is_a_series_where_it_is_named(seqtrain: Seqtrain) -> None:
    rows = [[*row[:2], ("sun", "rain")[n % 3 == 0]] for n, row in enumerate(months(120))]
    data = table("own.csv", ["date", "heat", "weather"], rows)
    found, told = series_of(seqtrain, data, "--label", "heat")
    assert found.value_columns == ("heat",)
    assert "forecasting 12 steps" in told


def test_parts_of_a_time_are_one_time(seqtrain: Seqtrain) -> None:
    """A year repeats, so its quarters are no values."""
    rows = [[1990 + step // 4, step % 4 + 1, step + step * 7 % 5] for step in range(80)]
    found, told = series_of(seqtrain, table("own.csv", ["year", "quarter", "gdp"], rows))
    assert (found.time_column, found.value_columns) == (("year", "quarter"), ("gdp",))
    assert "year, quarter, a step is a quarter, 1990Q1 to 2009Q4" in told


def test_short_series_get_a_short_window_and_horizon(seqtrain: Seqtrain) -> None:
    rows = [[str(1700 + n), f"{n % 7}.5"] for n in range(40)]
    found, _ = series_of(seqtrain, table("spots.csv", ["YEAR", "SPOTS"], rows))
    assert (found.window, found.horizon) == (10, 4)


def test_steps_without_times_are_a_series_where_a_person_says_so(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["load", "heat"], [row[1:] for row in months(200)])
    keys = ("--label", "load", "dataset.name=series", "dataset.time_column=null")
    found, told = series_of(seqtrain, data, *keys, "dataset.season=12", "dataset.past=[heat]")
    assert (found.time_column, found.past, found.season) == (None, ("heat",), 12)
    assert "the order of the rows, 0 to 199" in told


def test_the_preprocessing_is_the_best_on_validation(seqtrain: Seqtrain) -> None:
    grows = [[month, f"{1.02**n * (10 + n % 12):.4f}"] for n, (month, *_) in enumerate(months(160))]
    found, told = series_of(seqtrain, table("own.csv", ["date", "value"], grows))
    assert found.log
    assert "a linear regression has MASE" in told
    chosen, _ = series_of(seqtrain, table("set.csv", ["date", "value"], grows), "dataset.log=false")
    assert not chosen.log


def test_a_table_of_labelled_steps_is_no_time_series(seqtrain: Seqtrain) -> None:
    rows = [
        [f"s{n // 9}", str(n % 9), f"{n % 5}.5", "up" if n // 9 % 2 else "down"] for n in range(270)
    ]
    seqtrain("init", "--data", table("own.csv", ["id", "step", "height", "label"], rows))
    assert load_config(Path("own.yaml")).dataset.name == "arrays"


def test_prose_is_running_text(seqtrain: Seqtrain) -> None:
    Path("book.txt").write_text("It was dark; rain fell.\nNobody, she said.\nNo.\n" * 40)
    outcome = seqtrain("init", "--data", "book.txt")
    assert outcome.exit_code == 0, outcome.stderr
    assert "it learns to continue the text" in outcome.stderr
    drafted = load_config(Path("book.yaml"))
    assert drafted.dataset.name == "corpus"
    assert len(drafted.dataset.load().test) > 50
    Path("books").mkdir()
    for name in "ab":
        Path("books", f"{name}.txt").write_text("It was dark; rain fell.\n" * 40)
    assert "documents  2" in seqtrain("init", "--data", "books").stderr
    Path("book.yaml").unlink()
    assert "to learn to write such a text" in refused(seqtrain, "book.txt", "--label", "x")


def test_a_label_that_training_refuses_is_refused_here(seqtrain: Seqtrain) -> None:
    rows = [[text, f"{label}\x07"] for text, label in sentences()]
    message = refused(seqtrain, table("own.csv", ["text", "label"], rows))
    assert "a control character is in the label" in message


def test_examples_that_stand_in_test_too_are_dropped(seqtrain: Seqtrain) -> None:
    rows = [*texts(), *texts(20)]
    outcome = seqtrain("init", "--data", table("own.csv", ["text", "label"], rows))
    config = load_config(Path("own.yaml"))
    assert config.dataset.drop_repeated
    found = config.dataset.load()
    assert found.repeated() == 0
    left = len(found.train) + len(found.validation) + len(found.test)
    told = f"left out   {80 - left} of 80 examples, because they are in another split too"
    assert left < 80
    assert f"{told}: `drop_repeated`; {left} are left" in outcome.stderr


def test_few_examples_are_drafted_too(seqtrain: Seqtrain) -> None:
    rows = [["Mila", "f"], ["Tomas", "m"], ["Ela", "f"], ["Jiri", "m"], ["Ada", "f"], ["Kuba", "m"]]
    drafted(seqtrain, table("own.csv", ["name", "gender"], rows))
    assert len(load_config(Path("mine.yaml")).dataset.load().validation) >= 1


@pytest.mark.parametrize("place", ["here", "there/deep"])
def test_the_path_counts_from_the_folder_of_the_config(place: str, seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["text", "label"], texts())
    target = Path(place) / "mine.yaml"
    assert seqtrain("init", "--data", data, "--to", target).exit_code == 0
    assert load_config(target).dataset.load().task.classes == ("bad", "good")


def test_a_full_disk_leaves_no_config(seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table("own.csv", ["text", "label"], texts())

    def full(self: Path, text: str, **_: object) -> int:
        with self.open("w") as file:
            file.write(text[:5])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    outcome = seqtrain("init", "--data", data)
    assert outcome.exit_code == 1
    assert "own.yaml: No space left on device" in outcome.stderr
    assert {path.name for path in Path().iterdir()} <= {"own.csv", "cache", "keras"}


@pytest.mark.tf
@pytest.mark.parametrize("form", ["uneven", "long", soaked("repeated"), soaked("names")])
def test_a_draft_is_not_criticised(form: str, seqtrain: Seqtrain) -> None:
    rows = {
        "uneven": [[f"a text of {n} words", "rare" if n < 12 else "usual"] for n in range(200)],
        "long": [["word " * 500 + str(n), "ab"[n % 2]] for n in range(60)],
        "repeated": [*texts(), *texts(20)],
        "names": [[f"{NAMES[n % 10]}{NAMES[n // 10]}", "mf"[n % 2]] for n in range(100)],
    }[form]
    seqtrain("init", "--data", table("own.csv", ["text", "label"], rows))
    outcome = seqtrain("check", "own.yaml", "--load")
    assert outcome.exit_code == 0, outcome.stderr
    assert "advice" not in outcome.stdout


@pytest.mark.tf
def test_a_draft_trains_as_it_stands(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["text", "label"], [list(row) for row in sentences()])
    seqtrain("init", "--data", data)
    keys = ("training.epochs=15", "training.learning_rate=1e-2", "training.baselines=false")
    outcome = seqtrain("train", "own.yaml", *keys)
    assert outcome.exit_code == 0, outcome.stderr
    assert "test accuracy 1.0000" in outcome.stderr


def of_texts(labels: list[str], name: str = "label", delimiter: str = ",") -> Path:
    texts = [text for text, _ in sentences(len(labels))]
    rows = [[text, label] for text, label in zip(texts, labels, strict=True)]
    return table("own.csv", ["text", name], rows, delimiter)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{},500", "a comma, which can stand before decimals or between thousands"),
        ("{} %", "a percent sign"),
        ("${}", "a currency sign"),
        ("({})", "parentheses for a minus sign"),
    ],
)
@pytest.mark.parametrize("name", ["price", "how much"])
def test_numbers_in_another_form_are_refused_also_where_they_repeat(
    form: str, said: str, name: str, seqtrain: Seqtrain
) -> None:
    labels = [form.format(index % 15 + 10) for index in range(60)]
    outcome = seqtrain("init", "--data", of_texts(labels, name, ";"))
    assert outcome.exit_code == 2
    assert f"own.csv, `{name}`: the " in outcome.stderr
    assert f"is not a number: it has {said}" in outcome.stderr
    assert seqtrain("init", "--data", "own.csv", "dataset.task=classification", "--label", name)


def test_few_numbers_in_another_form_may_be_classes(seqtrain: Seqtrain) -> None:
    found = drafted(seqtrain, of_texts([f"{index % 5},5" for index in range(60)]))
    assert found["task"] == "classification"


def test_features_in_another_form_are_named(seqtrain: Seqtrain) -> None:
    rows = [[f"p{n // 6}", str(n % 6), f"${n}", str(n // 6 % 2)] for n in range(240)]
    outcome = seqtrain("init", "--data", table("own.csv", ["who", "hour", "rate", "died"], rows))
    assert outcome.exit_code == 2
    assert "`rate`: the value `$0` is not a number: it has a currency sign" in outcome.stderr
    more = [[*row, str(0.5 + n)] for n, row in enumerate(rows)]
    header = ["who", "hour", "rate", "died", "warm"]
    outcome = seqtrain("init", "--data", table("own.csv", header, more))
    assert "mind       `rate` is not read: `$0` is not a number; write 0" in outcome.stderr


def test_a_number_of_each_sequence_is_measured(seqtrain: Seqtrain) -> None:
    rows = [[str(n // 6), str(n % 6), str(n * 7 % 13), str(n // 6 * 3)] for n in range(240)]
    found = drafted(seqtrain, table("own.csv", ["unit", "cycle", "s1", "rul"], rows))
    assert (found["id_column"], found["label_column"], found["task"]) == (
        *("unit", "rul"),
        "regression",
    )


def test_texts_of_emoji_alone_are_texts(seqtrain: Seqtrain) -> None:
    signs = "\U0001f436\U0001f431\U0001f34e\U0001f697\u26bd\U0001f680"
    rows = [[signs[n % 6] + signs[n // 6 % 6], "ab"[n % 2]] for n in range(36)]
    found = drafted(seqtrain, table("own.csv", ["what", "kind"], rows))
    assert (found["text_column"], found["label_column"]) == ("what", "kind")


def test_the_first_object_may_lack_its_label(seqtrain: Seqtrain) -> None:
    items = [{"text": text, "label": label} for text, label in sentences()]
    del items[0]["label"]
    Path("own.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    found = drafted(seqtrain, Path("own.jsonl"))
    assert (found["label_column"], found["unlabelled"]) == ("label", "skip")


def test_a_table_without_a_header_is_told(seqtrain: Seqtrain) -> None:
    first, *rows = [[label, text] for text, label in sentences()]
    outcome = seqtrain("init", "--data", table("own.csv", first, rows))
    assert "header     none: the first row looks like an example" in outcome.stderr


def flowers() -> list[list[str]]:
    """Rows of four fractions, the first with few different ones, and a class."""
    return [
        [
            f"{4 + 0.1 * (row % 30):.1f}",
            *(f"{row * 0.07 + at:.2f}" for at in range(3)),
            f"{row % 3}",
        ]
        for row in range(90)
    ]


def test_of_both_ends_of_a_table_without_a_header_the_classes_are_the_label(
    seqtrain: Seqtrain,
) -> None:
    first, *rows = flowers()
    outcome = seqtrain("init", "--data", table("own.csv", first, rows))
    assert "label      column_5; or another: --label column_1" in outcome.stderr
    assert "task       classification, 3 classes" in outcome.stderr


def test_a_first_line_of_counts_and_names_of_classes_is_a_header(seqtrain: Seqtrain) -> None:
    first = ["90", "4", "setosa", "versicolor", "virginica"]  # as in the iris.csv of scikit-learn
    found = drafted(seqtrain, table("iris.csv", first, flowers()))
    assert (found["label_column"], found.get("header")) == ("virginica", True)


def test_a_first_line_that_is_no_example_is_told(seqtrain: Seqtrain) -> None:
    data = table("iris.csv", ["90", "4", "setosa", "versicolor", "virginica"], flowers())
    told = refused(seqtrain, data, "dataset.header=false")
    assert "`column_3`: the value `setosa` is not a number" in told
    assert "if the first row names the columns: `dataset.header=true`" in told


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("__label__{} a film\n", "is in the form of fastText", "`sed -E 's/^__label__"),
        (" {}.0  1.5e-1  2\n", "are separated by spaces", "`awk '{$1=$1} 1'"),
    ],
)
def test_forms_of_other_programs_are_named(
    line: str, message: str, hint: str, seqtrain: Seqtrain
) -> None:
    Path("own.txt").write_text("".join(line.format(n % 2) for n in range(60)))
    outcome = seqtrain("init", "--data", "own.txt")
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert hint in outcome.stderr


def test_repeated_texts_stay_where_a_class_would_lose_all_of_them(seqtrain: Seqtrain) -> None:
    labels = ["good" if n % 2 else "bad" for n in range(60)]
    rows = [[f"a film of {n if n % 2 else n % 4} kinds", label] for n, label in enumerate(labels)]
    found = drafted(seqtrain, table("own.csv", ["text", "label"], rows))
    assert not found["drop_repeated"]


def test_labels_without_texts_are_said_to_be_there(seqtrain: Seqtrain) -> None:
    rows = [["12-34", "ab"[n % 2]] for n in range(60)]
    outcome = seqtrain("init", "--data", table("own.csv", ["code", "label"], rows))
    assert "no column beside `label` holds texts, or numbers by steps" in outcome.stderr


def test_labels_in_lists_are_told(seqtrain: Seqtrain) -> None:
    items = [{"text": text, "label": [label]} for text, label in sentences()]
    Path("own.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    outcome = seqtrain("init", "--data", "own.jsonl")
    assert "`label` is empty, or holds lists" in outcome.stderr


def test_values_that_are_missing_are_no_labels(seqtrain: Seqtrain) -> None:
    rows = [["ab"[n % 2], *(f"{n + step / 7:.3f}" for step in range(5))] for n in range(60)]
    rows[3][2] = "?"
    header = ["class", *(f"t{n}" for n in range(5))]
    outcome = seqtrain("init", "--data", table("own.csv", header, rows))
    assert "`t1`: the value `?` is not a number: it is a missing value" in outcome.stderr
    assert "unlabelled" not in outcome.stderr
