"""Tables in all formats: read completely, and every defect is reported with its place."""

import csv
import gzip
import io
import json
import os
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seqtrain.config import load_config
from seqtrain.data.dataset import Fitted
from seqtrain.data.new_texts import given_texts
from seqtrain.errors import DataError
from seqtrain.io import text_file, workbooks
from seqtrain.io.dialect import DELIMITERS, LONGEST_FIELD
from seqtrain.io.tables import Table
from seqtrain.io.text_file import told
from seqtrain.tasks import Classification
from tests.conftest import Outcome
from tests.own import WORDS, sentences, write_csv, write_folder

Cells = list[tuple[str | None, ...]]
Seqtrain = Callable[..., Outcome]

ROWS = [
    ("plain words", "good"),
    ("a comma, a semicolon; a pipe | and a\ttab", "bad"),
    ('he said ""no"" and "yes"', "good"),
    ("two\nlines\r\nor\rthree", "bad"),
    ("naïve café, 東京 and 🙂", "good"),
    ("  blanks around  ", "bad"),
    ("", "good"),
]


def write(content: str | bytes, name: str = "own.csv") -> Path:
    file = Path(name)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def as_csv(
    rows: Sequence[tuple[str, ...]],
    delimiter: str = ",",
    end: str = "\n",
    header: Sequence[str] = ("text", "label"),
    quoting: Any = csv.QUOTE_ALL,
) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([tuple(header), *rows])
    return text.getvalue()


def as_jsonl(rows: Sequence[tuple[str, ...]], **keys: Any) -> str:
    items = (dict(zip(("text", "label"), row, strict=True)) for row in rows)
    return "".join(json.dumps(item, **keys) + "\n" for item in items)


def cells(table: Table, *names: str) -> Cells:
    """The values of the columns, without their lines."""
    return [values for _, values in table.rows(*(names or ("text", "label")))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
def test_a_table_is_read_in_every_form_without_a_word_about_it(
    delimiter: str, encoding: str, end: str
) -> None:
    file = write(as_csv(ROWS, delimiter, end).encode(encoding))
    assert cells(Table(file)) == ROWS


@pytest.mark.parametrize("name", DELIMITERS)
def test_a_delimiter_that_is_named_counts(name: str) -> None:
    """The header alone would say comma."""
    header = ("text", "label", "a,b,c,d,text,label")
    rows = [(*row, "x") for row in ROWS if not row[0].startswith(" ")]
    file = write(as_csv(rows, DELIMITERS[name], header=header, quoting=csv.QUOTE_MINIMAL))
    assert cells(Table(file, delimiter=name)) == [row[:2] for row in rows]


@pytest.mark.parametrize("name", ["own.csv", "own.tsv", "own.txt", "own"])
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
def test_the_delimiter_is_found_whatever_the_file_is_called(delimiter: str, name: str) -> None:
    assert cells(Table(write(as_csv(ROWS, delimiter), name))) == ROWS


@pytest.mark.parametrize(("name", "fields"), [("own.tsv", 1), ("own.csv", 2)])
def test_of_a_single_column_the_name_of_the_file_says_the_delimiter(name: str, fields: int) -> None:
    table = Table(write("text\na film, good\n", name))
    if fields == 1:
        assert cells(table, "text") == [("a film, good",)]
    else:
        with pytest.raises(DataError, match="own.csv:2: 2 fields, but the header has 1 col"):
            cells(table, "text")


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["own.jsonl", "own.ndjson", "own.JSON"])
def test_json_is_read_line_by_line(name: str, encoding: str, ascii: bool) -> None:
    file = write(as_jsonl(ROWS, ensure_ascii=ascii).encode(encoding), name)
    assert cells(Table(file)) == ROWS


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16-be", "cp037"])
def test_an_encoding_that_is_named_counts(encoding: str) -> None:
    rows = [("naïve café", "good"), ("Ärger, über", "bad")]
    assert cells(Table(write(as_csv(rows).encode(encoding)), encoding)) == rows


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("named", ["utf-8", "U8", "cp1252", "utf-16", "utf-16-le", "ascii"])
def test_a_byte_order_mark_wins_over_what_is_named(mark: str, named: str) -> None:
    assert cells(Table(write(as_csv(ROWS).encode(mark)), named)) == ROWS


def test_columns_stand_in_any_order_with_blanks_about_their_names() -> None:
    file = write('id, label ,note,"  text"\n1,good,,"a, b"\n2,bad,x,c\n')
    assert Table(file).columns() == ["id", "label", "note", "text"]
    assert cells(Table(file)) == [("a, b", "good"), ("c", "bad")]
    assert cells(Table(file), "note", "id") == [("", "1"), ("x", "2")]


def test_the_name_of_a_column_may_have_several_lines() -> None:
    file = write('"my\nnote, long",text,label\nx,a,good\n')
    assert list(Table(file).rows("text", "label")) == [(3, ("a", "good"))]


def test_unused_columns_may_have_one_name_or_none() -> None:
    assert cells(Table(write("text,,,x,x,label\na,1,2,3,4,good\n"))) == [("a", "good")]


def test_blanks_before_a_quote_do_not_count() -> None:
    assert cells(Table(write('text, label\n"a, b", "good"\n'))) == [("a, b", "good")]


def test_quotes_within_a_field_are_letters() -> None:
    assert cells(Table(write('text,label\nsay "no" now,good\n'))) == [('say "no" now', "good")]


def test_where_quotes_are_letters_they_close_nothing() -> None:
    rows = [('"well', "good"), ('"a" b', "bad"), ('it is 5"', "good"), (' "x"', "bad")]
    file = write("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows), "own.tsv")
    assert cells(Table(file, quotes=False)) == rows
    assert cells(Table(file)) == rows, "the rows say so themselves"
    with pytest.raises(DataError, match="^own.tsv:2: in the row that begins here, a quote closes"):
        cells(Table(file, quotes=True))


def test_each_row_is_told_with_the_line_on_which_it_begins() -> None:
    file = write('\n\ntext,label\n\na,1\n   \n"b\nb",2\n\r\nc,3\n')
    assert list(Table(file).rows("text", "label")) == [
        (5, ("a", "1")),
        (7, ("b\nb", "2")),
        (10, ("c", "3")),
    ]


def test_each_object_is_told_with_its_line() -> None:
    file = write('\n{"text": "a", "label": 1}\n\n  \n{"label": 2, "text": "b"}', "own.jsonl")
    assert list(Table(file).rows("text", "label")) == [(2, ("a", "1")), (5, ("b", "2"))]


def test_values_of_json_are_as_they_are_written() -> None:
    values = ["1", "1.0", "1e2", "12345678901234567890123", "0.30", "-0", "NaN"]
    values += ["true", "false", '"text"', '" "', '""', "null", '"\\u00e9"', '"\\n"']
    file = write("".join(f'{{"label": {value}}}\n' for value in values), "own.jsonl")
    assert [value for (value,) in cells(Table(file), "label")] == [
        *values[:9],
        *("text", " ", "", None, "é", "\n"),
    ]


def test_keys_within_other_keys_follow_a_dot() -> None:
    rows = [
        {"id": 1, "translation": {"en": "a", "fr": "b"}, "b.c": "as written", "none": {}},
        {"id": 2, "translation": {"en": "c", "fr": {"de": "d"}}, "b.c": "", "none": {}},
    ]
    table = Table(write("\n".join(map(json.dumps, rows)), "own.jsonl"))
    assert table.columns() == [
        *("id", "translation.en", "translation.fr", "b.c", "none", "translation.fr.de")
    ]
    assert cells(table, "translation.en", "b.c") == [("a", "as written"), ("c", "")]
    with pytest.raises(DataError, match=r":2: no key `translation.fr`, but .*`translation.fr.de`"):
        cells(table, "translation.fr")
    with pytest.raises(DataError, match="`none` is not text but {}"):
        cells(table, "none")


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    file = write(r'{"text": "cut \ud83d off, whole \ud83d\ude42"}', "own.jsonl")
    assert cells(Table(file), "text") == [("cut ? off, whole 🙂",)]


def test_an_empty_field_of_the_only_column_is_a_row_and_an_empty_line_is_none() -> None:
    assert cells(Table(write('text\na\n""\n\nb\n')), "text") == [("a",), ("",), ("b",)]


def test_long_fields_are_read() -> None:
    longest = "x" * LONGEST_FIELD
    assert cells(Table(write(as_csv([(longest, "good")])))) == [(longest, "good")]


@pytest.mark.parametrize("form", [as_csv, as_jsonl], ids=["csv", "jsonl"])
def test_rows_come_before_the_end_is_read(form: Callable[..., str]) -> None:
    name = "own.csv" if form is as_csv else "own.jsonl"
    file = write(form([("a film", "good")] * 9_999) + "{damaged\n", name)
    rows = Table(file).rows("text", "label")
    assert [next(rows) for _ in range(9_999)][-1][1] == ("a film", "good")
    with pytest.raises(DataError, match=rf"{name}:{9_999 + (form is as_csv) + 1}: "):
        next(rows)


@pytest.mark.parametrize("form", [as_csv, as_jsonl], ids=["csv", "jsonl"])
def test_no_more_than_a_part_of_a_file_is_in_memory(form: Callable[..., str]) -> None:
    rows = [("many words of one text, " * 50, "good")] * 3_000
    file = write(form(rows), "own.csv" if form is as_csv else "own.jsonl")
    tracemalloc.start()
    try:
        assert sum(1 for _ in Table(file).rows("text", "label")) == 3_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000 < file.stat().st_size


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TABLES = st.lists(st.tuples(st.text(LETTERS), st.text(LETTERS)), min_size=1, max_size=5)
BRISK = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BRISK
@given(TABLES, st.sampled_from([*DELIMITERS.values()]), st.sampled_from(["\n", "\r\n"]))
def test_any_quoted_table_comes_back_as_it_was_written(
    rows: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    assume(filled := [row for row in rows if not "".join(row).isspace() and "".join(row)])
    assert cells(Table(write(as_csv(rows, delimiter, end)))) == filled


@BRISK
@given(TABLES, st.booleans())
def test_any_json_comes_back_as_it_was_written(rows: list[tuple[str, str]], ascii: bool) -> None:
    assert cells(Table(write(as_jsonl(rows, ensure_ascii=ascii), "own.jsonl"))) == rows


@BRISK
@given(st.binary(max_size=200), st.sampled_from(["own.csv", "own.jsonl", "own.tsv"]))
def test_any_bytes_are_rows_or_one_error(content: bytes, name: str) -> None:
    header = b"" if name == "own.jsonl" else b"text,label\n"
    for start in (b"", header):
        file = write(start + content, name)
        try:
            cells(Table(file))
        except DataError as error:
            assert str(error).startswith(name)
            assert error.hint


def test_texts_that_are_given_have_labels_or_none() -> None:
    labelled = write("text,label\na, good \nb,\n")
    assert given_texts(Table(labelled), "text", "label") == (["a", "b"], [2, 3], ["good ", ""])
    assert given_texts(Table(labelled), "text", "kind") == (["a", "b"], [2, 3], None)
    null = write('{"text": null, "label": null}\n', "own.jsonl")
    assert given_texts(Table(null), "text", "label") == ([""], [1], [""])


def test_the_columns_that_are_given_decide_the_delimiter() -> None:
    file = write("text;label;a note, with, many, commas\na;good;x\n")
    assert given_texts(Table(file), "text", "label") == (["a"], [2], ["good"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_txt_file_is_a_text_on_each_line(encoding: str) -> None:
    file = write('a, "b\r\n\r\n naïve \nlast'.encode(encoding), "own.TXT")
    texts = ['a, "b', "", " naïve ", "last"]
    assert given_texts(Table(file), "text", "label") == (texts, [1, 2, 3, 4], None)


def test_a_txt_file_without_lines_is_an_error() -> None:
    with pytest.raises(DataError, match=r"^own.txt holds no lines$"):
        given_texts(Table(write("", "own.txt")), "text", "label")


def test_hints_name_no_keys_where_none_can_be_set() -> None:
    file = write(as_csv([("café", "good")]).encode("latin-1"))
    hints = []
    for settable in (True, False):
        with pytest.raises(DataError) as caught:
            cells(Table(file, settable=settable))
        hints.append(caught.value.hint)
    keys = "`dataset.encoding=cp1252` or `dataset.encoding=latin-1`"
    assert hints == [f"save it as UTF-8, or set {keys}", "save it as UTF-8"]


PLAIN = [("a plain film", "good"), ("a slow film", "bad"), ("a deep film", "good")]
LINES = "".join(f"{text};{label}\n" for text, label in PLAIN)
COMMAS = LINES.replace(";", ",")
FORMS_OF_PEOPLE = {
    "rows of delimiters alone": f"text,label\n,\n{COMMAS},\n,,\n,\n",
    "empty columns beside": "text,label,,\n" + COMMAS.replace("\n", ",,\n"),
    "an empty first column": ",text,label\n" + COMMAS.replace("a ", ",a "),
    "a comma after each row": "text,label\n" + COMMAS.replace("\n", ",\n"),
    "a comma after the header": "text,label,\n" + COMMAS,
    "sep": f"sep=;\ntext;label\n{LINES}",
    "sep in quotes": f'"sep=;"\r\ntext;label\r\n{LINES}',
    "sep after a byte order mark": f"\ufeffsep=;\ntext;label\n{LINES}",
    "sep of commas": f"SEP=,\ntext,label\n{COMMAS}",
    "a header with commas": "text;label;a note, with, many, commas\n" + LINES.replace("\n", ";\n"),
    "a title": f"All films of the year\n\ntext,label\n{COMMAS}",
    "titles over all columns": f"All films,\n2024,\n,\ntext,label\n{COMMAS}",
    "a title with a comma": f"Films, of 2024\ntext,label\n{COMMAS}",
    "comments": f"# films; of all, kinds\n# 2024\ntext,label\n{COMMAS}",
    "a hash in the name of a column": "#,text,label\n" + COMMAS.replace("a ", "1,a "),
}


@pytest.mark.parametrize("form", FORMS_OF_PEOPLE)
def test_a_table_is_read_as_people_have_it(form: str) -> None:
    table = Table(write(FORMS_OF_PEOPLE[form]))
    assert cells(table) == PLAIN
    assert {"text", "label"} <= {*table.columns("text", "label")}
    assert not table.looks_headerless()


def test_a_delimiter_is_chosen_by_the_rows_and_not_by_the_header() -> None:
    file = write("Review (title, body, extra);Rating, 1 to 5\n" + LINES)
    names = ["Review (title, body, extra)", "Rating, 1 to 5"]
    assert Table(file).columns() == names
    assert cells(Table(file), *names) == PLAIN


def test_a_pipe_is_a_delimiter_before_signs_of_texts() -> None:
    rows = "".join(f"{text}; so, so|{label}\n" for text, label in PLAIN)
    table = Table(write(f"a text, long; or short|a class, of two\n{rows}"))
    assert table.columns() == ["a text, long; or short", "a class, of two"]


def test_a_delimiter_that_is_not_read_is_named() -> None:
    with pytest.raises(DataError, match=r"^own.csv:1: the fields are separated by `\^`$"):
        cells(Table(write("sep=^\ntext^label\na plain film^good\n")))


def test_a_comment_below_the_rows_is_told_as_one() -> None:
    with pytest.raises(DataError, match=r"^own.csv:3: 1 field, but") as caught:
        cells(Table(write("text,label\na film,good\n# the end\n")))
    assert "delete the line if it is a comment or a total" in str(caught.value.hint)


def test_quotes_that_are_letters_are_told_where_a_row_has_too_many_fields() -> None:
    table = Table(write('text,label\n"a, b",good\n'), quotes=False)
    with pytest.raises(DataError) as caught:
        cells(table)
    assert "leave it out where fields stand in quotes" in str(caught.value.hint)


def test_commas_of_decimals_are_no_delimiter_where_the_header_says_another() -> None:
    rows = "".join(f"{'ab'[n % 2]};0,{n};1,5\n" for n in range(9))
    assert Table(write(f"label;v0;v1\n{rows}")).columns() == ["label", "v0", "v1"]


def test_the_types_of_columns_in_tables_of_orange_are_no_rows() -> None:
    rows = "".join(f"{text}\t{label}\n" for text, label in PLAIN)
    typed = Table(write(f"text\tlabel\nstring\tdiscrete\n\tclass\n{rows}", "own.tab"))
    assert cells(typed) == PLAIN
    assert told("own.tab", typed.left_out) == ["own.tab: left out 1 row of the columns' types"]
    assert cells(Table(write(f"text\tlabel\n\t\n{rows}", "own.tab"))) == PLAIN


def test_what_is_left_out_is_counted() -> None:
    table = Table(write(f"Films\n\ntext,label\n{COMMAS},\n\n,\n"))
    assert cells(table) == cells(table) == PLAIN
    found = ["own.csv: left out 1 row above the header", "own.csv: left out 2 rows without a value"]
    assert told("own.csv", table.left_out) == found


ESCAPED = [('he said "no, thanks" and left', "bad"), ("C:\\new", "good"), ("plain", "good")]


@pytest.mark.parametrize("after", [0, 3_000])
@pytest.mark.parametrize("name", ["own.csv", "own.tsv"])
def test_quotes_may_be_escaped_by_a_backslash(name: str, after: int) -> None:
    """Even if only rows far behind the first ones show it."""
    delimiter = "," if name == "own.csv" else "\t"
    rows = [("plain", "good")] * after + ESCAPED
    escaped = str.maketrans({"\\": "\\\\", '"': '\\"'})
    quoted = [
        [f'"{cell.translate(escaped)}"' for cell in row] for row in [("text", "label"), *rows]
    ]
    lines = [delimiter.join(row) for row in quoted]
    file = write("\n".join(lines), name)
    found = cells(Table(file))
    assert found[: after + 1] == rows[: after + 1]
    assert len(found) == len(rows)
    assert cells(Table(file, quotes="backslash")) == rows


def test_raw_quotes_of_a_tsv_are_letters() -> None:
    rows = [(f'"so-called" film with a {n}" screen', "good") for n in range(9)]
    file = write("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows), "own.tsv")
    assert cells(Table(file)) == rows


def test_a_broken_quote_in_a_quoted_tsv_is_told_and_no_quote_becomes_a_letter() -> None:
    lines = ['"text"\t"label"', *['"a film"\t"good"'] * 9, '"a "film"\t"good"']
    with pytest.raises(DataError, match="^own.tsv:11: in the row that begins here, a quote closes"):
        cells(Table(write("\n".join(lines), "own.tsv")))


def test_without_a_header_columns_have_numbers() -> None:
    table = Table(write(COMMAS), header=False)
    assert table.columns() == ["column_1", "column_2"]
    assert cells(table, "column_1", "column_2") == PLAIN


HEADERLESS = {
    "labels that repeat": (COMMAS, True),
    "numbers": ("0.5,a\n0.25,b\n0.75,c\n", True),
    "a header": (f"text,label\n{COMMAS}", False),
    "a header of numbers in order": ("0,1,2\n5,6,7\n5,8,9\n", False),
    "a header of years": ("2001,2002,2003,kind\n1,2,3,a\n4,5,7,b\n", False),
    "a header of numbers beside a word": ("label,401.5,403,409\na,1,2,3\nb,4,5,7\n", False),
    "a header of numbers beside two words": ("3,1,a,b\n4,5,0,1\n7,8,1,1\n9,8,1,2\n", False),
    "missing numbers": ("3,1,NA,NA\n4,5,0,1\n7,8,1,1\n9,8,1,2\n", True),
    "numbers that go down": ("3,2,1,a\n4,5,7,b\n9,8,6,a\n", True),
    "a header that stands twice": (f"text,label\n{COMMAS}text,label\n", False),
    "nothing but a header": ("text,label\n", False),
    "other kinds": ("a plain film,good\n", False),
    "sentences": ("Go.\tVa !\nStop!\tArrête !\n" + "Who is it?\tQui est-ce ?\n" * 9, True),
    "sentences and their licence": (
        "".join(f"“Go {number}.”\tVa !\tBy tatoeba.org #{number}\n" for number in range(20)),
        True,
    ),
    "a header of questions": (
        "What do you like?\tWhy?\n"
        + "".join(f"The sea {number}.\tIt is blue {number}.\n" for number in range(20)),
        False,
    ),
    "a header of questions in Japanese": (
        "何が好きですか？\tなぜ？\n" + "".join(f"海{n}。\t青い{n}。\n" for n in range(20)),
        False,
    ),
    "a header above sentences": ("english\tfrench\n" + "Go on.\tAllez.\n" * 12, False),
    "a quote left open": ('"text,label\na,b\n', False),
}


@pytest.mark.parametrize("name", HEADERLESS)
def test_a_table_without_a_header_is_noticed(name: str) -> None:
    content, headerless = HEADERLESS[name]
    assert Table(write(content)).looks_headerless() is headerless


def test_columns_that_are_not_read_break_nothing() -> None:
    twice = Table(
        write("text,x,label,x\n" + COMMAS.replace("film,", "film,1,").replace("\n", ",2\n"))
    )
    assert cells(twice) == PLAIN
    assert twice.candidates()[0] == ["text", "label"]
    items = [{"text": text, "tags": [1], "label": label} for text, label in PLAIN]
    del items[1]["tags"]
    lines = Table(write("".join(json.dumps(item) + "\n" for item in items), "own.jsonl"))
    assert cells(lines) == PLAIN
    names, rows = lines.candidates()
    assert names == ["text", "tags", "label"]
    assert [values for _, values in rows] == [(text, None, label) for text, label in PLAIN]


def as_parquet(rows: Sequence[tuple[str, ...]], name: str = "own.parquet", **more: Any) -> Path:
    import pyarrow
    from pyarrow import parquet

    text, label = zip(*rows, strict=True)
    columns = {"text": text, "label": pyarrow.array(label).dictionary_encode(), **more}
    parquet.write_table(pyarrow.table(columns), name)
    return Path(name)


def as_workbook(rows: Sequence[tuple[Any, ...]], name: str = "own.xlsx") -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("Notes").append(["text", "label"])
    book.save(name)
    return Path(name)


@pytest.mark.parametrize("name", ["own.csv.gz", "own.jsonl.gz", "own.CSV.GZ", "own.csv"])
def test_a_compressed_table_is_read(name: str) -> None:
    content = as_jsonl(PLAIN) if "jsonl" in name else as_csv(PLAIN)
    assert cells(Table(write(gzip.compress(content.encode()), name))) == PLAIN


def test_parquet_is_read() -> None:
    file = as_parquet(ROWS[:5] * 700, n=[1.5] * 3500, tags=[["a"]] * 3500, index=[*range(3500)])
    assert cells(Table(file)) == ROWS[:5] * 700
    rows = list(Table(file).rows("n", "index"))
    assert (rows[0], rows[-1]) == ((2, ("1.5", "0")), (3501, ("1.5", "3499")))
    with pytest.raises(DataError, match=r"^own.parquet:2: `tags` is not text but \['a'\]$"):
        cells(Table(file), "tags")
    assert next(Table(file).candidates()[1])[1] == (*ROWS[0], "1.5", None, "0")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_numbers_of_few_bits_in_parquet_are_read_as_written(dtype: type) -> None:
    import pyarrow

    numbers = pyarrow.array([np.array(0.1, dtype)[()], None, np.array(2, dtype)[()]])
    rows = Table(as_parquet(PLAIN, n=numbers)).rows("n")
    assert [cell for _, (cell,) in rows] == ["0.1", None, "2"]


def test_an_index_of_pandas_is_no_column_of_parquet() -> None:
    assert Table(as_parquet(PLAIN, __index_level_0__=[1, 2, 3])).columns() == ["text", "label"]


def test_a_workbook_is_read() -> None:
    title = [("Films of 2024",), (), ("text", None, "label")]
    rows = [
        ("warm", None, 1),
        (),
        ("slow", None, 0.5),
        (" ", " "),
        ("new", None, True),
        ("x", None),
    ]
    table = Table(as_workbook([*title, *rows]))
    assert table.columns() == ["text", "label"]
    assert list(table.rows("text", "label")) == [
        (4, ("warm", "1")),
        (6, ("slow", "0.5")),
        (8, ("new", "true")),
        (9, ("x", None)),
    ]
    assert told("own.xlsx", table.left_out) == [
        "own.xlsx: left out 1 sheet beside `Sheet`",
        "own.xlsx: left out 1 row above the header",
        "own.xlsx: left out 1 row without a value",
    ]


@pytest.mark.parametrize("form", ["parquet", "excel"])
def test_a_missing_extra_is_told_with_the_command(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = as_parquet(PLAIN) if form == "parquet" else as_workbook(PLAIN)
    monkeypatch.setitem(sys.modules, "pyarrow" if form == "parquet" else "openpyxl", None)
    with pytest.raises(DataError, match="which needs `") as caught:
        cells(Table(file))
    assert f"`pip install 'seqtrain[{form}]'`" in str(caught.value.hint)


def test_what_grows_without_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (text_file, workbooks):
        monkeypatch.setattr(module, "LARGE", 100_000)
    rows = [("a film", "good")] * 100_000
    packed = gzip.compress(as_csv(rows).encode())
    for file in (write(packed, "own.csv.gz"), as_parquet(rows), as_workbook([("a",)] * 90_000)):
        monkeypatch.setattr(text_file, "EXPANSION", 10)
        monkeypatch.setattr(workbooks, "EXPANSION", 3)
        with pytest.raises(DataError, match="unpack"):
            cells(Table(file))


GOOD = as_csv(sentences())
QUOTES = (
    'close each quote, and double a quote inside: "he said ""no""", or set `dataset.quotes=false`'
)
IN_QUOTES = (
    'put a text that holds the delimiter or a line break into quotes: "a, b", '
    "or set `dataset.delimiter=…`"
)
BY_COMMAS = "but the header has 2 columns, read with the delimiter comma"
AS_UTF8 = "save it as UTF-8, or set `dataset.encoding=cp1252` or `dataset.encoding=latin-1`"
AS_UTF16 = "save it as UTF-8, or set `dataset.encoding=utf-16-le`"
FROM_UTF16 = "save it as UTF-8, or set `dataset.encoding=utf-8` or `dataset.encoding=utf-16-le`"
COLUMNS = "set `dataset.text_column=…` or `dataset.label_column=…`"
TEXT_COLUMN = f"the first line must name the columns; call one of them `text`, or {COLUMNS}"
LABEL_COLUMN = f"the first line must name the columns; call one of them `label`, or {COLUMNS}"
UNLABELLED = "give each a `label`, or leave such examples out: `dataset.unlabelled=skip`"
OR_DELIMITER = "{}, or set `dataset.delimiter=…`"
FIRST_LINE = "the first line must name the columns, and each other hold an example"
CORRECT = "correct the line, or leave it out"
AN_OBJECT = 'write each row as {"text": "…", "label": "…"}; a CSV is called .csv'
A_VALUE = (
    "write each value as a text, a number, true or false; pandas does so with "
    '`to_json(FILE, orient="records", lines=True)`'
)
ARRAY = "write one object on each line: `jq -c '.[]' {own} > {lines}`"
OBJECTS = "write one object on each line: `jq -c . {own} > {lines}`"
REPEAT = "give labels that repeat; of a table, `dataset.label_column=…` names their column"
LAYOUT = (
    "expected is FOLDER/CLASS/*.txt, or FOLDER/train/CLASS/*.txt with FOLDER/test/CLASS/*.txt "
    "(and FOLDER/validation/CLASS/*.txt)"
)
SCHEMA = "`seqtrain schema --markdown` lists every key, and what it takes"


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    return content.getvalue()


def after(rows: int, line: str | bytes, form: Callable[..., str] = as_csv) -> bytes:
    """A good table with a damaged line after so many rows, and good rows after it."""
    line = line if isinstance(line, bytes) else line.encode()
    texts = sentences(rows + 3)
    rest = as_jsonl(texts[rows:]) if form is as_jsonl else as_csv(texts[rows:]).partition("\n")[2]
    return form(texts[:rows]).encode() + line + b"\n" + rest.encode()


class Defect(NamedTuple):
    """A defect, and the message that must be printed."""

    name: str
    content: str | bytes | Callable[[], Any]
    message: str
    hint: str
    file: str = "own.csv"
    keys: tuple[str, ...] = ()


def folder(*names: str) -> Callable[[], None]:
    """Return what makes a folder of texts with these folders in it."""

    def make() -> None:
        Path("own").mkdir()
        for name in names:
            empty = name.endswith("!")
            Path("own", name.removesuffix("!")).mkdir(parents=True, exist_ok=True)
            if not empty:
                for number, word in enumerate(WORDS["good"] * 4):
                    Path("own", name, f"{number}.txt").write_text(f"{word} {number}")

    return make


def beside(name: str, content: str | bytes, train: str = GOOD) -> Callable[[], None]:
    """Return what writes a good table, and another file beside it."""

    def make() -> None:
        write(train)
        write(content, name)

    return make


def with_folder_file(content: bytes) -> Callable[[], None]:
    def make() -> None:
        write_folder(Path("own"), sentences())
        Path("own/bad/058.txt").write_bytes(content)

    return make


TEST = "dataset.test_path=test.csv"
DEFECTS = [
    Defect("missing", lambda: None, "{own} does not exist", "correct the path"),
    Defect(
        "missing, with a near miss",
        lambda: write(GOOD, "owm.csv"),
        "{own} does not exist, did you mean `owm.csv`?",
        "correct the path",
    ),
    Defect(
        "a link to what is missing",
        lambda: Path("own.csv").symlink_to("nowhere.csv"),
        "{own} does not exist",
        "correct the path",
    ),
    Defect(
        "a folder",
        lambda: Path("own.csv").mkdir(),
        "{own} is a folder",
        "name a file, or set `dataset.name=folder`",
    ),
    Defect(
        "a pipe",
        lambda: os.mkfifo("own.csv"),
        "{own} is a device or a pipe, not a file",
        "write what it gives into a file, and name that",
    ),
    Defect("empty", "", "{own} holds no rows", FIRST_LINE),
    Defect("blank", "\n \n\r\n", "{own} holds no rows", FIRST_LINE),
    Defect("a header only", "text,label\n", "{own} holds no rows", FIRST_LINE),
    Defect(
        "no header",
        as_csv([("a film", "good"), ("a slow film", "bad")] * 9, header=("so bad", "bad")),
        "{own}:1: no column `text`, but `so bad`, `bad`",
        "its first row looks like an example; if so, `dataset.header=false` calls the columns "
        "`column_1`, `column_2`, …",
    ),
    Defect(
        "a text column in capitals",
        as_csv(sentences(), header=("TEXT", "label")),
        "{own}:1: no column `text`, but `TEXT`, `label`, did you mean `TEXT`?",
        TEXT_COLUMN,
    ),
    Defect(
        "a label column in the plural",
        as_csv(sentences(), header=("text", "labels")),
        "{own}:1: no column `label`, but `text`, `labels`, did you mean `labels`?",
        LABEL_COLUMN,
    ),
    Defect(
        "many long columns",
        as_csv([], header=[f"{'long ' * 20}{number}" for number in range(11)]),
        "{own}:1: no column `text`, but "
        + ", ".join(["`long long long long long long long long…`"] * 10)
        + ", …",
        TEXT_COLUMN,
    ),
    Defect(
        "two columns of one name",
        as_csv([("a", "b", "c")], header=("label", "text", " label")),
        "{own}:1: two columns are called `label`",
        "call one of them otherwise",
    ),
    Defect(
        "another delimiter",
        as_csv(sentences(), ":", quoting=csv.QUOTE_MINIMAL),
        "{own}:1: no column `text`, but `text:label`",
        OR_DELIMITER.format(TEXT_COLUMN),
    ),
    Defect(
        "a delimiter that is named wrongly",
        GOOD,
        "1 problem in own.yaml\nargument 'dataset.delimiter=;': dataset.delimiter: must be "
        '`comma`, `semicolon`, `tab` or `pipe` or null, not ";"',
        SCHEMA,
        keys=("dataset.delimiter=;",),
    ),
    Defect(
        "a delimiter that is not the file's",
        as_csv(sentences(), quoting=csv.QUOTE_MINIMAL),
        "{own}:1: no column `text`, but `text,label`",
        OR_DELIMITER.format(TEXT_COLUMN),
        keys=("dataset.delimiter=tab",),
    ),
    Defect(
        "too many fields",
        after(2_000, "warm, but slow,good"),
        f"{{own}}:2002: 3 fields, {BY_COMMAS}",
        IN_QUOTES,
    ),
    Defect(
        "too few fields",
        after(40, '"two\nlines"'),
        f"{{own}}:42: 1 field, {BY_COMMAS}",
        "delete the line if it is a comment or a total; else give it all its fields, or set "
        "`dataset.delimiter=…`",
    ),
    Defect(
        "not UTF-8",
        after(2_000, "café,good".encode("cp1252")),
        "{own}:2002: byte 0xe9 at character 4 of the line is not utf-8",
        AS_UTF8,
    ),
    Defect(
        "not what the byte order mark says",
        b"\xef\xbb\xbf" + after(20, b"\xe2\x82,good"),
        "{own}:22: byte 0xe2 at character 1 of the line is not utf-8",
        AS_UTF8,
    ),
    Defect(
        "not cp1252",
        after(20, b"so \x81,good"),
        "{own}:22: byte 0x81 at character 4 of the line is not cp1252",
        AS_UTF8,
        keys=("dataset.encoding=cp1252",),
    ),
    Defect(
        "half a letter at the end of UTF-16",
        as_csv(sentences(300)).encode("utf-16") + b"x",
        "{own}:302: byte 0x78 at character 1 of the line is not utf-16",
        FROM_UTF16,
    ),
    Defect(
        "UTF-16 without its mark",
        GOOD.encode("utf-16-le"),
        "{own}:1: a zero byte is not text",
        AS_UTF16,
    ),
    Defect(
        "UTF-8 for UTF-16",
        GOOD,
        "{own} is not utf-16: stream does not start with bom",
        FROM_UTF16,
        keys=("dataset.encoding=utf-16",),
    ),
    Defect(
        "a zero byte among many rows",
        after(2_000, b"a\0b,good"),
        "{own}:2002: a zero byte is not text",
        AS_UTF16,
    ),
    Defect(
        "an encoding that is none",
        GOOD,
        "1 problem in own.yaml\nargument 'dataset.encoding=utf-9': dataset.encoding: \"utf-9\" is "
        "not an encoding; common ones are `utf-8`, `cp1252` and `latin-1`",
        SCHEMA,
        keys=("dataset.encoding=utf-9",),
    ),
    Defect(
        "an encoding of bytes",
        GOOD,
        "1 problem in own.yaml\nargument 'dataset.encoding=base64': dataset.encoding: \"base64\" "
        "is not an encoding; common ones are `utf-8`, `cp1252` and `latin-1`",
        SCHEMA,
        keys=("dataset.encoding=base64",),
    ),
    Defect(
        "a workbook",
        zipped(),
        "{own} is no Excel workbook: \"There is no item named '[Content_Types].xml' in the "
        'archive"',
        "is it whole? open it elsewhere, and write it anew: {own}",
        "own.xlsx",
    ),
    Defect(
        "an old workbook called CSV",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "{own} is an Excel workbook",
        "save the sheet as CSV",
    ),
    Defect(
        "gzip that ends too early",
        gzip.compress(GOOD.encode())[:-20],
        "{own} cannot be unpacked: Compressed file ended before the end-of-stream marker was "
        "reached",
        "is it whole? `gunzip -t {own}`",
        "own.csv.gz",
    ),
    Defect(
        "zstandard",
        b"\x28\xb5\x2f\xfd\x04\x58",
        "{own} is compressed",
        "unpack it: `unzstd {own}`",
        "own.csv.zst",
    ),
    Defect(
        "Parquet that ends too early",
        b"PAR1\x15\x04" * 9,
        "{own} is no Parquet file: Parquet magic bytes not found in footer. Either the file is "
        "corrupted or this is not a parquet file.",
        "is it whole? open it elsewhere, and write it anew: {own}",
        "own.parquet",
    ),
    Defect("a PDF", b"%PDF-1.7\n%\xe2\xe3", "{own} is a PDF", "write its texts as CSV or JSONL"),
    Defect(
        "a quote that is left open",
        after(40, '"warm,good'),
        "{own}:42: in the row that begins here, a quote closes before its field ends",
        QUOTES,
    ),
    Defect(
        "a quote that is left open at the end",
        as_csv(sentences()) + '"warm\nand\ngood',
        "{own}:62: in the row that begins here, a quote is never closed",
        QUOTES,
    ),
    Defect(
        "a quote that is left open in the header",
        '"text,label\n' + "a,good\n" * 200,
        "{own}:1: in the row that begins here, a quote is never closed",
        QUOTES,
    ),
    Defect(
        "a header without an end",
        f'"{"x" * LONGEST_FIELD}x\n',
        "{own}:1: in the row that begins here, a field has more than 10,000,000 characters: "
        "a quote is left open",
        QUOTES,
    ),
    Defect(
        "quotes with backslashes that are not to be read so",
        after(4, '"he said \\"no\\"",good'),
        "{own}:6: in the row that begins here, a quote closes before its field ends",
        QUOTES,
        keys=("dataset.quotes=true",),
    ),
    Defect(
        "a field that is too long",
        f"text,label\na,good\n{'x' * (LONGEST_FIELD + 1)},bad\n",
        "{own}:3: in the row that begins here, a field has more than 10,000,000 characters: "
        "a quote is left open",
        QUOTES,
    ),
    Defect(
        "JSON called CSV",
        as_jsonl(sentences()),
        "{own} is JSON, by its name a CSV",
        "call it so: `mv {own} {jsonl}`",
    ),
    Defect(
        "CSV called JSON",
        GOOD,
        '{own}:1: not a JSON object: "text","label"',
        AN_OBJECT,
        "own.jsonl",
    ),
    Defect(
        "JSON of nothing",
        "\n\n",
        "{own} holds no rows",
        'write each example on a line, as {"text": "…", "label": "…"}',
        "own.jsonl",
    ),
    Defect(
        "a JSON array",
        "\n" + json.dumps([{"text": "a", "label": "b"}], indent=2),
        "{own} is a JSON array",
        ARRAY,
        "own.json",
    ),
    Defect(
        "an indented object",
        json.dumps({"text": "a", "label": "b"}, indent=2),
        "{own}:1: no JSON: Expecting property name enclosed in double quotes at character 2",
        OBJECTS,
        "own.json",
    ),
    Defect(
        "objects on one line",
        '{"text": "a"} {"text": "b"}',
        "{own}:1: no JSON: Extra data at character 15",
        OBJECTS,
        "own.json",
    ),
    Defect(
        "a bad line of JSON",
        after(2_000, '{"text": "a", "label": }', as_jsonl),
        "{own}:2001: no JSON: Expecting value at character 24",
        CORRECT,
        "own.jsonl",
    ),
    Defect(
        "two objects on one of many lines",
        after(2, '{"text": "a", "label": "good"} {}', as_jsonl),
        "{own}:3: no JSON: Extra data at character 32",
        CORRECT,
        "own.jsonl",
    ),
    Defect(
        "JSON that is nested without end",
        after(2, '{"a":' * 100_000, as_jsonl),
        "{own}:3: not JSON: nested too deeply",
        CORRECT,
        "own.jsonl",
    ),
    Defect(
        "a list instead of an object",
        after(2, '["a film", "good"]', as_jsonl),
        '{own}:3: not a JSON object: ["a film", "good"]',
        AN_OBJECT,
        "own.jsonl",
    ),
    Defect(
        "a key that is missing",
        after(2, '{"text": "a", "labl": "good"}', as_jsonl),
        "{own}:3: no key `label`, but `text`, `labl`, did you mean `labl`?",
        f"call one of them `label`, or {COLUMNS}",
        "own.jsonl",
    ),
    Defect(
        "no key at all",
        after(2, "{}", as_jsonl),
        "{own}:3: no key `text`, but nothing",
        f"call one of them `text`, or {COLUMNS}",
        "own.jsonl",
    ),
    Defect(
        "a value that is a list",
        after(2, '{"text": ["schön"], "label": "good"}', as_jsonl),
        '{own}:3: `text` is not text but ["schön"]',
        A_VALUE,
        "own.jsonl",
    ),
    Defect(
        "a value that is nested",
        after(2, '{"text": {"de": "schön"}, "label": "good"}', as_jsonl),
        "{own}:3: no key `text`, but `text.de`, `label`",
        f"call one of them `text`, or {COLUMNS}",
        "own.jsonl",
    ),
    Defect(
        "JSON that is not UTF-8",
        after(2, '{"text": "café", "label": "good"}'.encode("cp1252"), as_jsonl),
        "{own}:3: byte 0xe9 at character 14 of the line is not utf-8",
        AS_UTF8,
        "own.jsonl",
    ),
    Defect(
        "an empty label",
        after(2_000, 'warm," "'),
        "{own}:2002: the label is empty",
        UNLABELLED,
    ),
    Defect(
        "a label that is null",
        after(2, '{"text": "a", "label": null}', as_jsonl),
        "{own}:3: the label is empty",
        UNLABELLED,
        "own.jsonl",
    ),
    Defect(
        "a label with a line break",
        after(2, 'warm,"go\nod"'),
        "{own}:4: a control character is in the label `go\nod`",
        "write the label without it",
    ),
    Defect(
        "a label that speaks to the terminal",
        after(2, "warm,\x1b[31mgood"),
        "{own}:4: a control character is in the label `\\x1b[31mgood`",
        "write the label without it",
    ),
    Defect(
        "one class",
        as_csv([(text, "good") for text, _ in sentences()]),
        "{own}: every training example has the label `good`",
        "give examples of at least two classes",
    ),
    Defect(
        "labels that are no classes",
        as_csv([(text, str(number)) for number, (text, _) in enumerate(sentences())]),
        "{own}: 60 training examples have 60 different labels, such as `0` and `1`",
        f"{REPEAT}; or learn them as numbers: `dataset.task=regression`",
    ),
    Defect(
        "columns that are swapped",
        as_csv([(label, text * 2) for text, label in sentences()]),
        "{own}: 60 training examples have 60 different labels, such as "
        "`a bright film, warm and bright, number …` and `a bright film, warm and bright, number …`",
        REPEAT,
    ),
    Defect(
        "a label that only test has",
        beside("test.csv", as_csv([("a", "good"), ("b", "neutral")])),
        "{test}:3: no training example has the label `neutral`",
        "the classes of train are: bad, good",
        keys=(TEST,),
    ),
    Defect(
        "a label of test in capitals",
        beside("test.csv", as_csv([("a", "good"), ("b", "BAD")])),
        "{test}:3: no training example has the label `BAD`, did you mean `bad`?",
        "the classes of train are: bad, good",
        keys=(TEST,),
    ),
    Defect(
        "a label of validation with a slip",
        beside("test.csv", as_csv([("a", "good"), ("b", "goood")])),
        "{test}:3: no training example has the label `goood`, did you mean `good`?",
        "the classes of train are: bad, good",
        keys=("dataset.validation_path=test.csv",),
    ),
    Defect(
        "test without labels",
        beside("test.csv", "text\nwarm\n"),
        "{test}:1: no column `label`, but `text`",
        OR_DELIMITER.format(LABEL_COLUMN),
        keys=(TEST,),
    ),
    Defect(
        "test without rows",
        beside("test.csv", "text,label\n"),
        "{test} holds no rows",
        FIRST_LINE,
        keys=(TEST,),
    ),
    Defect(
        "train and test in one file",
        GOOD,
        "1 problem in own.yaml\nown.yaml:1: dataset.path: each of `path`, `validation_path` and "
        "`test_path` must be another file",
        SCHEMA,
        keys=("dataset.test_path=own.csv",),
    ),
    Defect(
        "a copy of train as test",
        beside("test.csv", GOOD),
        "{test} holds the same as {own}",
        "give test other examples, or a share of all: `dataset.test_path=null`",
        keys=(TEST,),
    ),
    Defect(
        "texts without a word",
        lambda: write_csv(Path("own.csv"), [("!?", label) for _, label in sentences()]),
        "{own}: no training text holds a word",
        "give texts with words; of a table, `dataset.text_column=…` names their column",
    ),
    Defect(
        "no folder",
        lambda: None,
        "the folder `{own}` does not exist",
        f"correct `dataset.path`; {LAYOUT}",
        "own",
    ),
    Defect(
        "a file instead of a folder",
        lambda: write(GOOD, "own"),
        "the folder `{own}` is a file",
        f"correct `dataset.path`; {LAYOUT}",
        "own",
    ),
    Defect(
        "a folder without folders",
        folder(),
        "`{own}` holds no folder for a class",
        LAYOUT,
        "own",
    ),
    Defect(
        "a folder with an empty class",
        folder("bad", "good", "ugly!"),
        "`{own}/ugly` holds no .txt files",
        f'put .txt files there, or name the classes: `\'dataset.classes=["bad", "good"]\'`; '
        f"{LAYOUT}",
        "own",
    ),
    Defect(
        "a class that test lacks",
        folder("train/bad", "train/good", "train/ugly", "test/bad", "test/good"),
        "`{own}/train/ugly` is a class that test lacks",
        'give test the folder `ugly`, or name the classes: `\'dataset.classes=["bad", "good"]\'`',
        "own",
    ),
    Defect(
        "a class that test lacks, and only one beside it",
        folder("train/bad", "train/good", "test/bad"),
        "`{own}/train/good` is a class that test lacks",
        "give test the folder `good`",
        "own",
    ),
    Defect(
        "a class that train lacks",
        folder("train/bad", "train/good", "test/bad", "test/goods", "test/good"),
        "{own}/test/goods/0.txt: no training example has the label `goods`, did you mean `good`?",
        "the classes of train are: bad, good",
        "own",
    ),
    Defect(
        "test without train",
        folder("test/bad", "test/good"),
        "`{own}` has a folder `test`, but no `train`",
        LAYOUT,
        "own",
    ),
    Defect(
        "a class that is misspelt",
        folder("bad", "good"),
        "`{own}` has no folder `goood`, did you mean `good`?",
        "it has: bad, good",
        "own",
        ("dataset.classes=[bad, goood]",),
    ),
    Defect(
        "one class alone",
        folder("bad"),
        "{own}: every training example has the label `bad`",
        "give examples of at least two classes",
        "own",
    ),
    Defect(
        "a class that is named twice",
        folder("bad", "good"),
        "1 problem in own.yaml\nargument 'dataset.classes=[bad, bad]': dataset.classes: must name "
        "each folder once",
        SCHEMA,
        "own",
        ("dataset.classes=[bad, bad]",),
    ),
    Defect(
        "a text that is not UTF-8",
        with_folder_file("warm\nand café".encode("cp1252")),
        "{own}/bad/058.txt:2: byte 0xe9 at character 8 of the line is not utf-8",
        AS_UTF8,
        "own",
    ),
    Defect(
        "an archive called text",
        with_folder_file(zipped()),
        "{own}/bad/058.txt is a zip archive or an Excel workbook",
        "save the sheet as CSV, or unpack it",
        "own",
    ),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_one_error_with_its_place_and_what_to_do(
    defect: Defect, tmp_path: Path, seqtrain: Seqtrain
) -> None:
    if callable(defect.content):
        defect.content()
    else:
        write(defect.content, defect.file)
    name = "folder" if defect.file == "own" else "text"
    Path("own.yaml").write_text(
        f"dataset: {{name: {name}, path: {defect.file}}}\nmodel: {{name: rnn}}\n"
    )
    outcome = seqtrain("train", "own.yaml", *defect.keys)
    places = {
        "{own}": tmp_path / defect.file,
        "{test}": tmp_path / "test.csv",
        "{lines}": tmp_path / "own.lines.jsonl",
        "{jsonl}": tmp_path / "own.jsonl",
    }
    expected = f"error: {defect.message}\n\nhint: {defect.hint}\n"
    for word, place in places.items():
        expected = expected.replace(word, str(place))
    assert outcome.stderr.lstrip("\n") == expected
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert not Path("outputs").exists()


def test_names_in_hints_can_be_typed_as_they_stand(seqtrain: Seqtrain) -> None:
    write(b"BZh9", "my own.bz2")
    Path("own.yaml").write_text("dataset: {name: text, path: my own.bz2}\nmodel: {name: rnn}\n")
    hint = seqtrain("train", "own.yaml").stderr.partition("hint: ")[2]
    assert hint == f"unpack it: `bunzip2 '{Path('my own.bz2').absolute()}'`\n"


def test_hints_on_tables_of_numbers_name_keys_that_they_have(seqtrain: Seqtrain) -> None:
    write('id,x,label\n1,"2,a\n1,3,a\n')
    dataset = "{name: arrays, path: own.csv, step_column: null}"
    Path("own.yaml").write_text(f"dataset: {dataset}\nmodel: {{name: rnn}}\n")
    hint = seqtrain("train", "own.yaml").stderr.rpartition("`dataset.")[2]
    assert hint == "quotes=false`\n"
    outcome = seqtrain("check", "own.yaml", "dataset.quotes=false")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    given = load_config(Path("own.yaml")).dataset
    with pytest.raises(DataError) as caught:
        given.read_given(Path("own.csv"), Fitted(Classification(("a", "b"))))
    assert "dataset." not in str(caught.value.hint)


def test_a_file_that_may_not_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal is made up."""
    file = write(GOOD)

    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="^own.csv cannot be read: permission denied$") as caught:
        cells(Table(file))
    assert caught.value.hint == "may you read it? `ls -l own.csv`"


@pytest.mark.parametrize("name", ["a\0b.csv", "x" * 300 + ".csv", "own.csv/own.csv"])
def test_a_path_that_cannot_be_is_missing(name: str) -> None:
    write(GOOD)
    with pytest.raises(DataError, match="does not exist$"):
        cells(Table(Path(name)))
