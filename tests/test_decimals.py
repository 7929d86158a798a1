"""Numbers with a decimal comma, and marks for no value."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.config import load_config
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.series import Series
from seqtrain.datasets.text import Text
from seqtrain.errors import DataError
from seqtrain.io.decimals import are_with_commas, with_point
from seqtrain.io.tables import Table
from tests.conftest import Outcome

Seqtrain = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1,5", "1.5"),
        ("-0,25", "-0.25"),
        ("\u22120,25", "-0.25"),
        ("5.787,96", "5787.96"),
        ("1.234.567", "1234567"),
        ("1 234,5", "1234.5"),
        ("1\u202f234", "1234"),
        ("1'234,50", "1234.50"),
        (" 7 ", "7"),
        (",5", ".5"),
        ("31.12.2023", "31.12.2023"),
        ("12:30", "12:30"),
        ("1,2,3", "1,2,3"),
        ("a, b", "a, b"),
        ("-", "-"),
        ("", ""),
        (None, None),
    ],
)
def test_a_number_gets_its_point(written: str | None, meant: str | None) -> None:
    assert with_point(written) == meant


def test_commas_that_can_stand_between_thousands_are_not_sure() -> None:
    assert are_with_commas(["1,5", "2"])
    assert are_with_commas(["1.234,567", "NA", ""])
    assert are_with_commas(["0,123"])
    assert not are_with_commas(["1,234", "2,345"])
    assert not are_with_commas(["1,5", "word"])
    assert not are_with_commas(["1.5", "2.5"])
    assert not are_with_commas([])


def test_only_text_is_read_with_commas() -> None:
    Path("own.csv").write_text("when;x\n31.12.2023;1.234,5\n01.01.2024;2\n")
    assert [*Table(Path("own.csv"), decimal="comma").rows("when", "x")] == [
        (2, ("31.12.2023", "1234.5")),
        (3, ("01.01.2024", "2")),
    ]
    Path("own.jsonl").write_text('{"x": 1.234}\n')
    assert [*Table(Path("own.jsonl"), decimal="comma").rows("x")] == [(1, ("1.234",))]


def months(form: str, mark: str = "") -> str:
    rows = [f"{1 + n % 12:02}/{2014 + n // 12};{form.format(n % 12)}" for n in range(96)]
    rows[20] = rows[20].split(";")[0] + f";{mark}"
    return "\n".join(["Monat;Strom", *rows]) + "\n"


def test_a_german_table_is_drafted_and_read_as_one_with_points(
    seqtrain: Seqtrain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Path("own.csv").write_text(months("5.7{:02},5", "k.A."))
    Path("plain.csv").write_text(months("57{:02}.5"))
    outcome = seqtrain("init", "--data", "own.csv", "--to", "own.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    assert "with a decimal comma, as `5.700,5` of `Strom`; else" in outcome.stderr
    config = load_config(Path("own.yaml")).dataset
    assert isinstance(config, Series)
    assert config.decimal == "comma"
    plain = config.model_copy(update={"path": "plain.csv", "decimal": "point"})
    np.testing.assert_array_equal(config.series(None).values, plain.series(None).values)
    other = seqtrain("init", "--data", "own.csv", "--to", "b.yaml", "dataset.decimal=point")
    assert other.exit_code == 2
    assert "`dataset.decimal=comma`" in other.stderr


def test_marks_for_no_value_are_read_by_init_too(seqtrain: Seqtrain) -> None:
    Path("own.csv").write_text(months("5{:02}", "NA"))
    outcome = seqtrain("init", "--data", "own.csv", "--to", "own.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    assert "1 of 96 values" in outcome.stderr


def test_numbers_to_learn_and_features_may_have_commas() -> None:
    rows = "".join(f"{n} apples are red;{n},5\n" for n in range(40))
    Path("text.csv").write_text("text;label\n" + rows)
    keys = {"path": "text.csv", "task": "regression"}
    with pytest.raises(DataError, match="a decimal comma") as refused:
        Text(name="text", **keys).load()
    assert "`dataset.decimal=comma`" in str(refused.value.hint)
    read = Text(name="text", decimal="comma", **keys)
    assert sorted(read.load().train.labels % 1) == [0.5] * len(read.load().train)

    steps = "".join(f"{n // 4};{n % 4};{n},25;{'ab'[n // 4 % 2]}\n" for n in range(160))
    Path("steps.csv").write_text("id;step;x;label\n" + steps)
    with pytest.raises(DataError) as refused:
        Arrays(name="arrays", path="steps.csv").load()
    assert "`dataset.decimal=comma`" in str(refused.value.hint)
    found = Arrays(name="arrays", path="steps.csv", decimal="comma").load()
    assert {float(x % 1) for x in np.ravel(found.train.x[:])} == {0.25}
