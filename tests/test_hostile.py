"""Harmful names, texts and configs must have no effect."""

import csv
import gzip
import io
import json
import re
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.cli.console import format_predictions, lines, table
from seqtrain.config import load_config
from seqtrain.data.embeddings import fill
from seqtrain.data.scaling import Scaling
from seqtrain.data.vocabulary import Vocabulary
from seqtrain.datasets import imdb
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.imdb import Imdb
from seqtrain.display.escape import cell, in_json, in_markdown, one_line, printable, uncell
from seqtrain.errors import ConfigError, DataError, RunError
from seqtrain.runs import run_log
from seqtrain.runs.run import Run
from seqtrain.scaffold.data_keys import Request
from seqtrain.scaffold.draft import draft
from tests.conftest import Outcome
from tests.factories.downloads import pack, tar, write_ids
from tests.own import waves, write_csv

Seqtrain = Callable[..., Outcome]

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")
DIGITS = "dataset: {name: digits}\nmodel: {name: rnn}\n"


def refused(text: str, *overrides: str) -> ConfigError:
    Path("a.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(Path("a.yaml"), overrides)
    return caught.value


LONG_LISTS: dict[str, tuple[str, str]] = {
    "a large file": ("#" * 10_000_000, "larger than 1,000,000 bytes"),
    "laughs": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 99)),
        "anchors and aliases are not allowed",
    ),
    "aliases": ("a: &a x\nb: [" + "*a," * 9_000 + "]", "anchors and aliases are not allowed"),
    "keys": ("".join(f"key{n}: 1\n" for n in range(9_000)), "unknown key"),
    "keys that are near": ("".join(f"mode{n}: 1\n" for n in range(9_000)), "unknown key"),
    "a long key": ("m" * 900_000 + ": 1", "not YAML"),
    "a list": (DIGITS.replace("rnn", f"rnn, units: [{'x,' * 9_000}]"), "must be"),
    "more keys": ("".join(f"key{n}: 1\n" for n in range(75_000)), "more than 10,000 values"),
    "a longer list": ("a: [" + "1," * 400_000 + "]", "more than 10,000 values"),
    "a long word": (DIGITS.replace("digits", "d" * 900_000), "dataset.name: must be"),
    "one key again and again": ("name: a\n" * 9_000, "stands twice"),
    "brackets": ("a: " + "[" * 900_000, "nested too deeply"),
    "questions": ("? " * 400_000, "nested too deeply"),
}


@pytest.mark.parametrize(("text", "reason"), LONG_LISTS.values(), ids=LONG_LISTS)
def test_a_config_that_is_made_to_take_long_is_refused_at_once(text: str, reason: str) -> None:
    started = time.process_time()
    message = refused(text).message
    assert time.process_time() - started < 10  # a limit to what hangs, not to what is slow
    assert reason in message
    assert len(message) < 60_000


def test_a_device_without_end_is_no_config() -> None:
    with pytest.raises(ConfigError, match="larger than 1,000,000 bytes"):
        load_config(Path("/dev/zero"))


def test_of_many_problems_the_first_are_told() -> None:
    lines = refused("".join(f"key{n}: 1\n" for n in range(60))).message.splitlines()
    assert lines[0] == "more than 50 problems in a.yaml"
    assert len(lines) == 51


NAMES = ["../../x", "/tmp/x", "a/b", "a\\b", "..", ".hidden", "", "-rf", "a" * 101, "a\0b", "a\nb"]
NAMES += ["a ", "con", "NUL", "com1", "aux.old", "a.", "a\x1b[31m", "ä b", "~"]
NAMES += ["a\u202eb", "長" * 34]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["file", "argument", "run"])
def test_no_name_leads_out_of_the_outputs(
    name: str, where: str, tmp_path: Path, seqtrain: Seqtrain
) -> None:
    quoted = json.dumps(name)
    Path("a.yaml").write_text(DIGITS + (f"name: {quoted}\n" if where != "argument" else ""))
    folder = Path("outputs/a/20260101T000000Z-0000")
    if where == "run":
        folder.mkdir(parents=True)
        Path("a.yaml").rename(folder / "config.yaml")
        outcome = seqtrain("resume", folder)
    else:
        outcome = seqtrain("train", "a.yaml", *[f"name={quoted}"] * (where == "argument"))
    assert outcome.exit_code == 2
    assert "name: must be" in outcome.stderr
    assert outcome.stderr.count("error: ") == 1
    assert not CONTROL.search(outcome.stderr)
    assert {path.name for path in tmp_path.iterdir()} <= {"a.yaml", "outputs"}


@pytest.mark.parametrize("stem", ["con", "NUL", "com1", "aux.old", "a."])
def test_a_file_with_a_name_of_windows_names_a_folder_all_the_same(stem: str) -> None:
    Path(f"{stem}.yaml").write_text(DIGITS)
    config = load_config(Path(f"{stem}.yaml"))
    Path("b.yaml").write_text(config.to_yaml())
    assert load_config(Path("b.yaml")) == config


def test_a_log_that_leads_elsewhere_is_not_written(seqtrain: Seqtrain) -> None:
    victim = Path("victim")
    victim.write_text("mine\n")
    Path("a.yaml").write_text(DIGITS)
    run = Run.create(Path("outputs"), load_config(Path("a.yaml")))
    run.log_file.symlink_to(victim.absolute())
    outcome = seqtrain("resume", run.folder)
    assert outcome.exit_code == 2
    assert f"{run.log_file} is a link" in outcome.stderr
    assert victim.read_text() == "mine\n"


def test_a_line_of_the_log_is_neither_forged_nor_dangerous() -> None:
    import logging

    with run_log.recording(Path("log.txt")):
        forged = f"{ESCAPE}\n2026-01-01 00:00:00,000 INFO all is well"
        logging.getLogger("seqtrain").info("%s", forged)
    first, second = Path("log.txt").read_text().splitlines()
    assert "\\x1b]0;owned\\x07\\x1b[31m" in first
    assert second.startswith("    2026")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ESCAPE, "\\x1b]0;owned\\x07\\x1b[31m"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\tc\x7f\0", "a\\rb\\tc\\x7f\\x00"),
        ("\u202eabc\u2066\u200f", "\\u202eabc\\u2066\\u200f"),
        ("\ud800", "\\ud800"),
        ("a\u200bb\ufeff\u2060", "a\\u200bb\\ufeff\\u2060"),
        ("größe 長 می\u200cخواهم 👩\u200d🚀\xa0", "größe 長 می\u200cخواهم 👩\u200d🚀\xa0"),
        ("a\nb", "a\nb"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert one_line(text) == shown.replace("\n", "\\n")
    assert json.loads(in_json(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "-a",
        "'=1",
    ],
)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert uncell(cell(text)) == text


@pytest.mark.parametrize("text", ["-1", "+3.5", "-1e-3", "1", "a=1", "", " =1", "-.5", "'tis"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert cell(text) == text
    assert uncell(text) == text


def test_predictions_as_csv_hold_no_formulas_and_their_numbers_are_numbers() -> None:
    answer = {"class": "=cmd()", "probability": -0.25, "probabilities": {"=cmd()": 0.5, "-1": 0.5}}
    written = format_predictions([{"example": 1, "text": '=HYPERLINK("x")', **answer}], "csv")
    [row] = csv.DictReader(io.StringIO(written))
    assert (row["text"], row["class"]) == ('\'=HYPERLINK("x")', "'=cmd()")
    assert (row["example"], row["probability"], row["p(-1)"]) == ("1", "-0.25", "0.5")


def test_a_table_keeps_its_lines_and_columns() -> None:
    lines = table(["class", "n"], [[f"a{ESCAPE}\nb", "1"], ["c", "22"]]).splitlines()
    assert len(lines) == 3
    assert not CONTROL.search("".join(lines))
    assert len({len(line) for line in lines}) == 1


def test_a_table_of_markdown_holds_no_markup() -> None:
    name = "\\|<b>x</b> [a](https://b.c) [1] `c` *d* _e_ model_f\ng & h"
    html = r"&#92;\|&lt;b&gt;x&lt;/b&gt; [a]\(https:&#47;/b.c) [1] "
    assert in_markdown(name) == html + r"\`c\` \*d\* \_e\_ model_f&#92;ng &amp; h"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("__b__", r"\_\_b\_\_"),
        ("_ _a", r"\_ \_a"),
        ("$x^2$", "&#36;x^2&#36;"),
        ("www.a.b", "www&#46;a.b"),
        ("WWW.a", "WWW&#46;a"),
        ("![a](b)", r"![a]\(b)"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("a\u2061\ufff9b", "a&#92;u2061&#92;ufff9b"),
    ],
)
def test_a_table_of_markdown_shows_a_name_as_it_is(name: str, escaped: str) -> None:
    assert in_markdown(name) == escaped


def lines_of(content: bytes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
    return lines()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lines_of_standard_input_are_read(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "good\r\n\nпло́хо\x85 好".encode(encoding)
    assert lines_of(content, monkeypatch) == ["good", "", "пло́хо\x85 好"]


def test_the_line_of_standard_input_that_is_no_text_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(DataError, match="not UTF-8 text: line 2 holds the byte 0xe9") as raised:
        lines_of("good\ncafé\n".encode("latin-1"), monkeypatch)
    assert "iconv" in str(raised.value.hint)


def test_bytes_that_are_no_text_are_refused_from_standard_input(
    seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(Path("own.csv"), [("a film", "good"), ("a flat film", "bad")])
    Path("a.yaml").write_text("dataset: {name: text, path: own.csv}\nmodel: {name: gru}\n")
    run = Run.create(Path("outputs"), load_config(Path("a.yaml")))
    run.write_json("classes.json", ["bad", "good"])
    run.write_json("vocabulary.json", ["a", "film"])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    outcome = seqtrain("predict", run.folder)
    assert outcome.exit_code == 2
    assert "standard input is not UTF-8" in outcome.stderr


@pytest.mark.tf
@pytest.mark.slow
def test_no_command_sends_a_control_character_to_the_terminal(seqtrain: Seqtrain) -> None:
    """Paths and keys of the config contain them; a label with one is refused."""
    values, labels = waves(40)
    named = [f"{ESCAPE}{label}" for label in labels]
    steps = {"values": np.concatenate(values), "lengths": [len(one) for one in values]}
    np.savez(f"a{ESCAPE[:3]}.npz", **steps, y=labels)
    np.savez("refused.npz", **steps, y=named)
    dataset = {"name": "arrays", "path": f"a{ESCAPE[:3]}.npz"}
    tree: dict[str, Any] = {"dataset": dataset, "model": {"name": "rnn", "units": 2}}
    tree["training"] = {"epochs": 1}
    Path("a.yaml").write_text(json.dumps(tree))
    outputs = f"outputs{ESCAPE}"
    given = ["--data", f"a{ESCAPE[:3]}.npz", "--output", outputs]
    Path("b.yaml").write_text(json.dumps({**tree, ESCAPE: ESCAPE}))
    commands: list[list[str]] = [
        ["check", "a.yaml"],
        ["check", "a.yaml", "--load"],
        ["check", "a.yaml", "--load", "--json"],
        ["check", "b.yaml"],
        ["check", f"{ESCAPE}.yaml"],
        ["check", "a.yaml", f"{ESCAPE}=1"],
        ["train", "a.yaml", "--output", outputs],
        ["evaluate", "--output", outputs],
        ["evaluate", "--output", outputs, "--json"],
        ["evaluate", "a", *given],
        *(["predict", "a", *given, "--format", form] for form in ("table", "csv", "jsonl")),
        ["plot", "--output", outputs],
        ["list", "runs", "--output", outputs],
        ["list", "runs", "--output", outputs, "--json"],
        ["resume", "--output", outputs],
        ["evaluate", ESCAPE],
        ["init", ESCAPE],
        ["init", "--data", f"a{ESCAPE[:3]}.npz"],
        ["init", "--data", "refused.npz"],
        ["train", "a.yaml", "dataset.path=refused.npz"],
        [ESCAPE],
        ["train", f"--{ESCAPE}"],
    ]
    for command in commands:
        outcome = seqtrain(*command)
        assert outcome.exit_code in (0, 2), outcome.stderr
        assert not CONTROL.search(outcome.stdout + outcome.stderr), command
    assert "up" in seqtrain("evaluate", "a", *given).stdout
    log = next(Path(outputs).glob("a/*/log.txt")).read_text()
    assert not CONTROL.search(log)


def run_with(**files: Any) -> Run:
    """Return a run of two classes, some of whose files hold something else."""
    Path("a.yaml").write_text(DIGITS)
    run = Run.create(Path("outputs"), load_config(Path("a.yaml")))
    for name, tree in {"classes": ["a", "b"], **files}.items():
        run.write_json(f"{name}.json", tree)
    return run


@pytest.mark.parametrize(
    ("name", "tree"),
    [
        ("classes", [1, 2]),
        ("classes", ["a", None]),
        ("vocabulary", [["a"]]),
        ("scaling", {"mean": ["x"], "std": [1.0]}),
        ("scaling", {"mean": [1.0], "std": [0.0]}),
        ("scaling", {"mean": [1.0, 2.0], "std": [1.0]}),
        ("scaling", {"mean": [1.0], "other": [1.0]}),
        ("scaling", {"mean": [1.0], "deviation": [1.0], "std": [1.0]}),
    ],
)
def test_what_a_run_has_fitted_is_of_the_right_kind(name: str, tree: Any) -> None:
    run = run_with(**{name: tree})
    with pytest.raises(RunError, match=f"{name}.json is damaged"):
        run.fitted()


@pytest.mark.parametrize("key", ["std", "deviation"])
def test_the_scaling_of_early_runs_is_read(key: str) -> None:
    assert run_with(scaling={"mean": [1.0], key: [2.0]}).fitted().scaling == Scaling((1.0,), (2.0,))


@pytest.mark.parametrize(
    "metrics", [{"test_accuracy": "high", "optimistic": False}, {"optimistic": []}, {}]
)
def test_a_run_with_other_metrics_is_listed_as_damaged(metrics: Any, seqtrain: Seqtrain) -> None:
    run_with(metrics=metrics)
    outcome = seqtrain("list", "runs")
    assert outcome.exit_code == 0
    assert "damaged" in outcome.stdout


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        ([0, 1], [[0.5, 0.5]]),
        ([0, 2], [[0.5, 0.5]] * 2),
        ([-1, 1], [[0.5, 0.5]] * 2),
        ([0.5, 1], [[0.5, 0.5]] * 2),
        ([0, 1], [[0.5, 0.25, 0.25]] * 2),
        ([0, 1], [0.5, 0.5]),
        ([[0, 1]], [[0.5, 0.5]]),
        ([], np.zeros((0, 2))),
    ],
    ids=repr,
)
def test_predictions_that_do_not_fit_are_refused(labels: Any, probabilities: Any) -> None:
    run = run_with()
    run.write_arrays("predictions.npz", {"labels": labels, "probabilities": probabilities})
    with pytest.raises(RunError, match="predictions.npz is damaged"):
        run.predictions()


def test_names_of_classes_are_no_formulas_in_pictures(seqtrain: Seqtrain) -> None:
    run = run_with(classes=["$5 to \\frac", f"$x_{ESCAPE}$"])
    arrays = {"labels": np.array([0, 1]), "probabilities": np.full((2, 2), 0.5, np.float32)}
    run.write_arrays("predictions.npz", arrays)
    outcome = seqtrain("plot", run.folder, "--format", "svg")
    assert outcome.exit_code == 0, outcome.stderr
    assert not CONTROL.search((run.plots / "confusion_matrix.svg").read_text())


def laughing(depth: int) -> list[Any]:
    """Return lists in lists, few bytes as a pickle, and 2 ** depth numbers as an array."""
    nested: list[Any] = [1]
    for _ in range(depth):
        nested = [nested, nested]
    return nested


@pytest.mark.parametrize("key", ["x_train", "y_train"])
def test_lists_in_lists_fill_no_memory(key: str) -> None:
    array = np.empty(1, dtype=object)
    array[0] = laughing(40)
    write_ids(Path("imdb.npz"), **{key: array})
    assert Path("imdb.npz").stat().st_size < 100_000
    with pytest.raises(DataError, match="imdb.npz is not the IMDB reviews"):
        Imdb(name="imdb", path="imdb.npz").read(None)


def test_a_review_that_is_named_again_and_again_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imdb, "MOST_RANKS", 1_000)
    array = np.empty(200, dtype=object)
    array[:] = [[1] * 10] * 200
    write_ids(Path("imdb.npz"), x_train=array)
    with pytest.raises(DataError, match="x_train holds more than 1,000 words"):
        Imdb(name="imdb", path="imdb.npz").read(None)


@pytest.mark.parametrize("member", ["aclImdb/train/pos/1_9.txt", "aclImdb/big"])
def test_an_archive_that_unpacks_without_end_is_refused(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb, "LARGEST", 1_000_000)
    Path("a.tar.gz").write_bytes(pack(tar([(member, bytes(5_000_000)), ("aclImdb/x.txt", b"x")])))
    with pytest.raises(DataError, match="it unpacks to more than 1,000,000 bytes"):
        Imdb(name="imdb", path="a.tar.gz").read(None)


def test_an_archive_of_files_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb, "MOST_MEMBERS", 3)
    with tarfile.open("a.tar.gz", "w:gz") as archive:
        for number in range(5):
            archive.addfile(tarfile.TarInfo(f"aclImdb/empty{number}"))
    with pytest.raises(DataError, match="it holds more than 3 files"):
        Imdb(name="imdb", path="a.tar.gz").load(None)


def test_word_vectors_on_a_line_without_end_are_refused() -> None:
    Path("vectors.txt.gz").write_bytes(gzip.compress(b"a 1 2\n" + b"1 " * 5_000_000))
    with pytest.raises(DataError, match="vectors.txt.gz:2: a line of more than 1,000,000"):
        fill(np.zeros((8, 2), np.float32), Path("vectors.txt.gz"), Vocabulary(("a",)))


@pytest.mark.parametrize("path", ["a\0b", "x" * 300])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    text = f"dataset: {{name: mnist, path: {json.dumps(path)}}}\nmodel: {{name: rnn}}\n"
    assert "dataset.path: must be text" in refused(text).message


@pytest.mark.parametrize("name", ["own\nmodel: {name: evil}\n", "own\x1b[31m", "null"])
def test_a_draft_for_a_file_of_any_name_is_a_config(name: str) -> None:
    write_csv(Path(f"{name}.csv"), [("a film", "good"), ("a flat film", "bad")] * 5)
    Path("draft.yaml").write_text(draft(Request(Path(f"{name}.csv"), Path("draft.yaml"))).text)
    config = load_config(Path("draft.yaml"))
    assert config.model.name == "bigru"
    assert config.dataset.path == str(Path(f"{name}.csv").absolute())  # type: ignore[union-attr]


@pytest.mark.parametrize("columns", [("null", "true"), ("text", "false")])
def test_a_draft_quotes_columns_that_are_called_as_values(columns: tuple[str, str]) -> None:
    rows = [("a warm film", "good"), ("a flat film", "bad")] * 5
    with Path("own.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    Path("draft.yaml").write_text(draft(Request(Path("own.csv"), Path("draft.yaml"))).text)
    dataset = load_config(Path("draft.yaml")).dataset
    assert (dataset.text_column, dataset.label_column) == columns  # type: ignore[union-attr]


def test_a_table_with_more_columns_than_a_config_names_is_refused() -> None:
    header = ["id", "label", *(f"f{n}" for n in range(6_000))]
    with Path("own.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, [*"ab", *["1"] * 6_000]])
    with pytest.raises(DataError, match="has 6,000 columns of features, and a config takes 5,000"):
        Arrays(name="arrays", path="own.csv", step_column=None).load()


def test_runs_side_by_side_hold_no_formulas(seqtrain: Seqtrain) -> None:
    for index, path in enumerate(("=1+1\x9b31m", "-2")):
        Path("a.yaml").write_text(DIGITS.replace("digits", "arrays, path: x.npz, label_column: y"))
        override = f"dataset.label_column={json.dumps(path)}"
        run = Run.create(Path("outputs"), load_config(Path("a.yaml"), [override]))
        run.write_text("history.csv", f"epoch,val_loss,val_accuracy\n1,0.{index},0.5\n")
    written = seqtrain("compare", "outputs/a", "--format", "csv").stdout
    columns = [row["dataset.label_column"] for row in csv.DictReader(io.StringIO(written))]
    assert sorted(columns) == ["'=1+1\\x9b31m", "-2"]
    found = json.loads(seqtrain("compare", "outputs/a", "--format", "json").stdout)
    assert {row["config"]["dataset.label_column"] for row in found} == {"=1+1\x9b31m", "-2"}


def test_a_pickle_of_few_bytes_takes_no_memory(tmp_path: Path) -> None:
    """It memoises one list as number 2 ** 31, for which Python would allocate memory."""
    pickled = b"\x80\x02]r\xff\xff\xff\x7f."
    file = tmp_path / "imdb.npz"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            with archive.open(f"{name}.npy", "w") as member:
                described = {"descr": "|O", "fortran_order": False, "shape": (1,)}
                np.lib.format.write_array_header_1_0(member, described)
                member.write(pickled)
    started = time.process_time()
    with pytest.raises(DataError, match="more memory than they have use for"):
        Imdb(name="imdb", path=str(file)).load()
    assert time.process_time() - started < 5
