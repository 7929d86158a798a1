"""Strict YAML: what a scalar is, what is refused and where, and how arguments change the tree."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.errors import ConfigError
from seqtrain.schema.yaml_file import LARGEST_FILE, Document, apply_overrides, read_document
from tests.conftest import Outcome

FILE = Path("a.yaml")


def read(text: str | bytes) -> Document:
    FILE.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(FILE)


def refused(text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value


def told(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


def overridden(text: str, *arguments: str) -> Document:
    document = read(text)
    apply_overrides(document, arguments)
    return document


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", 0),
        ("-3", -3),
        ("+3", 3),
        ("010", 10),
        ("10_000", 10_000),
        ("9" * 40, int("9" * 40)),
    ],
)
def test_a_whole_number(written: str, number: int) -> None:
    value = read(f"a: {written}").data["a"]
    assert (value, type(value)) == (number, int)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1e-3", 1e-3),
        ("1E3", 1000.0),
        ("1e+3", 1000.0),
        ("-2.5e-4", -2.5e-4),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("3.0", 3.0),
        ("1_000.5", 1000.5),
        (".inf", math.inf),
        ("+.Inf", math.inf),
        ("-.INF", -math.inf),
        ("1e999", math.inf),
    ],
)
def test_a_number(written: str, number: float) -> None:
    value = read(f"a: {written}").data["a"]
    assert (value, type(value)) == (number, float)


@pytest.mark.parametrize("written", [".nan", ".NaN", ".NAN"])
def test_not_a_number(written: str) -> None:
    assert math.isnan(read(f"a: {written}").data["a"])


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL", "# nothing"])
def test_null(written: str) -> None:
    assert read(f"a: {written}").data == {"a": None}


@pytest.mark.parametrize("written", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_true_and_false(written: str) -> None:
    assert read(f"a: {written}").data["a"] is (written.lower() == "true")


@pytest.mark.parametrize(
    "written",
    ["no", "yes", "on", "off", "y", "n", "tRue", "nULL", "none", "inf", "nan", "1e", "e3", "."]
    + ["2024-01-01", "12:30:45", "1,000", "_1", "0.5.1", "1e-3x", "=", "9" * 41, "1." + "0" * 40],
)
def test_a_word(written: str) -> None:
    assert read(f"a: {written}").data["a"] == written


@pytest.mark.parametrize("written", ["'64'", '"64"', "'1e-3'", "'true'", "'null'", "'~'", "''"])
def test_what_is_quoted_is_a_word(written: str) -> None:
    assert read(f"a: {written}").data["a"] == written[1:-1]


def test_a_number_of_5000_digits_stays_a_word() -> None:
    assert read("a: " + "9" * 5000).data["a"] == "9" * 5000


def test_keys_are_words_whatever_they_look_like() -> None:
    assert list(read("1: a\ntrue: b\n~: c\n1e-3: d").data) == ["1", "true", "~", "1e-3"]


def test_lists_and_sections_nest() -> None:
    document = read("a:\n  - 1\n  - {b: [x, 2]}\nc: {d: {e: }}")
    assert document.data == {"a": [1, {"b": ["x", 2]}], "c": {"d": {"e": None}}}


@pytest.mark.parametrize(
    ("path", "line"),
    [(("a",), 2), (("b",), 3), (("b", "c"), 4), (("b", "c", 1), 6), (("b", "d"), 8)],
)
def test_every_value_has_the_line_of_its_key(path: tuple[str | int, ...], line: int) -> None:
    document = read("# comment\na: 1\nb:\n  c:\n    - 1\n    - 2\n\n  d:\n    x")
    assert document.place(path).text == f"a.yaml:{line}"


def test_what_was_not_written_has_the_place_of_its_section() -> None:
    assert read("a: 1\nb:\n  c: 2").place(("b", "x", "y")).text == "a.yaml:2"


@pytest.mark.parametrize("text", ["a: 1\r\nb:\r\n  c: 2\r\n", "\ufeffa: 1\nb:\n  c: 2\n"])
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(text: str) -> None:
    document = read(text)
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.place(("b", "c")).text == "a.yaml:3"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "~", "word", "- a\n- b"]
)
def test_what_is_no_list_of_keys_is_refused(text: str) -> None:
    error = refused(text)
    empty = "empty, so " if text not in ("word", "- a\n- b") else ""
    assert error.message == f"a.yaml: {empty}not a config, which is a list of `key: value` lines"
    assert error.hint and "seqtrain init quickstart" in error.hint


@pytest.mark.parametrize("text", ["a:\n\tb: 1", "a:\n  b: 1\n\tc: 1", "a: 1\n\tb: 1"])
def test_a_tab_is_named_with_its_line(text: str) -> None:
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "\t" in row)
    error = refused(text)
    assert error.message.startswith(f"a.yaml:{line}: not YAML: ")
    assert error.hint and "tab" in error.hint and "spaces" in error.hint


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: {c: 1\nd: 2", 3),
        ("a:\n  b: 1\n c: 2", 3),
        ("a: 1\nb: c: d", 2),
        ("a: 1\njust words\nb: 2", 3),
        ('a: 1\nb: "open', 2),
        ("a: 1\nb: @x", 2),
        ("a: 1\n---\nb: 2", 2),
        ("a: 1\nb: x\x07y", 2),
        ("a: 1\nb: x\x00y", 2),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    assert refused(text).message.startswith(f"a.yaml:{line}: not YAML: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 1", "a.yaml:2: a: stands twice; the first is a.yaml:1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", "a.yaml:4: a.b: stands twice; the first is a.yaml:2"),
        ("a: 1\n'a': 2", "a.yaml:2: a: stands twice; the first is a.yaml:1"),
        ("a: {b: 1, b: 2}", "a.yaml:1: a.b: stands twice; the first is a.yaml:1"),
    ],
)
def test_a_key_that_stands_twice_is_a_problem(text: str, problem: str) -> None:
    assert told(read(text)) == [problem]


def test_of_a_key_that_stands_twice_the_first_is_read() -> None:
    assert read("a: 1\nb: 2\na: 3").data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: &x 1", "a.yaml:1: a: "),
        ("a:\n  b: &x [1]", "a.yaml:2: a.b: "),
        ("b: 1\na: &x\n  c: 1", "a.yaml:2: a: "),
        ("a: [1, &x 2]", "a.yaml:1: a.1: "),
    ],
)
def test_an_anchor_is_a_problem(text: str, where: str) -> None:
    (problem,) = told(read(text))
    assert problem.startswith(where)
    assert "anchors and aliases are not allowed" in problem


def test_an_alias_is_a_problem_where_it_stands() -> None:
    problems = told(read("a: &x 1\nb: 2\nc:\n  d: *x"))
    assert any(
        problem.startswith("a.yaml:4: c.d: ") and "anchors and aliases are not allowed" in problem
        for problem in problems
    )


def test_aliases_do_not_grow() -> None:
    rows = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 40)]
    document = read("\n".join(["l0: &l0 [lol]", *rows]))
    assert len(str(document.data)) < 10_000


@pytest.mark.parametrize("tag", ["!!int", "!!str", "!!float", "!x", "!", "!!python/none"])
@pytest.mark.parametrize("value", ["3", "abc", "[3]", "{b: 3}"])
def test_a_tag_is_a_problem(tag: str, value: str) -> None:
    (problem,) = told(read(f"b: 1\na: {tag} {value}"))
    assert problem.startswith("a.yaml:2: a: the tag `")
    assert problem.endswith("` is not allowed: write the plain value")


def test_no_tag_runs_anything() -> None:
    read("a: !!python/object/apply:pathlib.Path.touch [ran]\nb: !!python/name:os.system ''")
    assert not Path("ran").exists()


def test_a_list_is_no_key() -> None:
    assert told(read("? [a, b]\n: 1\nc: 2")) == ["a.yaml:1: a key must be a word"]


@pytest.mark.parametrize("depth", [1_000, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_what_is_nested_too_deeply_is_refused(depth: int, opening: str, closing: str) -> None:
    assert "nested too deeply" in refused("a: " + opening * depth + closing * depth).message


@pytest.mark.parametrize("opening", ["[", "- "])
def test_no_depth_ends_the_process(opening: str) -> None:
    FILE.write_text("a:\n  " + opening * 100_000)
    command = [sys.executable, "-m", "seqtrain", "check", str(FILE)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "nested too deeply" in outcome.stderr


@pytest.mark.parametrize("text", [b"a: \xe9\n", "a: 1\n".encode("utf-16")])
def test_what_is_not_utf8_is_refused(text: bytes) -> None:
    error = refused(text)
    assert error.message.startswith("a.yaml: not UTF-8 text (byte ")
    assert error.hint == "save the file as UTF-8"


def test_utf8_is_read() -> None:
    assert read("a: größe 長\n").data == {"a": "größe 長"}


def test_the_largest_file_is_read() -> None:
    assert read("a: 1\n#".ljust(LARGEST_FILE, ".")).data == {"a": 1}


def test_a_larger_file_is_refused() -> None:
    error = refused("a: 1\n#".ljust(LARGEST_FILE + 1, "."))
    assert error.message == "a.yaml: larger than 1,000,000 bytes, so not a config"


@pytest.mark.parametrize(("path", "reason"), [("x.yaml", "no such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_says_why(path: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(Path(path))
    assert caught.value.message == f"cannot read the config `{path}`: {reason}"


@pytest.mark.parametrize(
    ("argument", "tree"),
    [
        ("a=2", {"a": 2, "b": {"c": 1}}),
        ("b.c=2", {"a": 1, "b": {"c": 2}}),
        ("b.d=no", {"a": 1, "b": {"c": 1, "d": "no"}}),
        ("x.y.z=1e-3", {"a": 1, "b": {"c": 1}, "x": {"y": {"z": 1e-3}}}),
        ("a=", {"a": None, "b": {"c": 1}}),
        ("a= 3 # three", {"a": 3, "b": {"c": 1}}),
        ("a=x=y=z", {"a": "x=y=z", "b": {"c": 1}}),
        ("a='3'", {"a": "3", "b": {"c": 1}}),
        ("a=[1, x]", {"a": [1, "x"], "b": {"c": 1}}),
        ("b={d: 2, e: [3]}", {"a": 1, "b": {"d": 2, "e": [3]}}),
        ("b=null", {"a": 1, "b": None}),
    ],
)
def test_an_argument_sets_a_value(argument: str, tree: dict[str, Any]) -> None:
    document = overridden("a: 1\nb:\n  c: 1", argument)
    assert document.problems == []
    assert document.data == tree


def test_an_argument_fills_an_empty_section() -> None:
    assert overridden("a:", "a.b=1").data == {"a": {"b": 1}}


def test_of_two_arguments_for_one_key_the_last_counts() -> None:
    assert overridden("a: 1", "a=2", "a=3").data == {"a": 3}


def test_an_argument_is_the_place_of_what_it_sets() -> None:
    document = overridden("a: 1\nb:\n  c: 1", "b={d: [1]}")
    assert document.place(("b", "d", 0)).text == "argument 'b={d: [1]}'"
    assert document.place(("b", "c")).text == "argument 'b={d: [1]}'"
    assert document.place(("a",)).text == "a.yaml:1"


def test_arguments_come_after_the_file_in_their_order() -> None:
    document = overridden("a: 1\nb: 2", "a=3", "c=4")
    places = [document.place((key,)) for key in "bac"]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "argument", ["a", "--a", "a:3", "=3", ".a=3", "a.=3", "a..b=3", "a b=3", "a-b=3", "=", ""]
)
def test_what_is_not_key_and_value_is_a_problem(argument: str) -> None:
    document = overridden("a: 1", argument)
    expected = "must be written `key=value`, such as `training.epochs=3`"
    assert told(document) == [f"argument '{argument}': {expected}"]
    assert document.data == {"a": 1}


@pytest.mark.parametrize("value", ["[1", "{b: 1", "'open", "b: c: d", "@", "%"])
def test_a_value_that_is_not_yaml_is_a_problem_told_once(value: str) -> None:
    (problem,) = told(overridden("a: 1", f"a={value}"))
    assert problem.startswith(f"argument 'a={value}': a: the value is not YAML")
    assert problem.count("argument") == 1


@pytest.mark.parametrize("value", ["&x 3", "*x", "!!int 3", "!!int abc", "[1, &x 2]"])
def test_a_value_with_an_anchor_or_a_tag_is_a_problem(value: str) -> None:
    (problem,) = told(overridden("a: 1", f"a={value}"))
    assert problem.startswith(f"argument 'a={value}': a")
    assert "not allowed" in problem


def test_no_key_can_be_set_in_a_value() -> None:
    document = overridden("a:\n  b: 1", "a.b.c=2")
    assert told(document) == ["argument 'a.b.c=2': a.b: is a value, so no key can be set in it"]


def test_a_key_that_stands_twice_in_an_argument_is_a_problem() -> None:
    (problem,) = told(overridden("a: 1", "a={b: 1, b: 2}"))
    assert problem.startswith("argument 'a={b: 1, b: 2}': a.b: stands twice")


def test_a_line_break_in_a_key_forges_no_line(seqtrain: Callable[..., Outcome]) -> None:
    FILE.write_text('"x\\nerror: forged": 1\n')
    assert not any(
        line.startswith("error: forged") for line in seqtrain("check", FILE).stderr.splitlines()
    )
