"""A user's own sequences of numbers: what is read, what is refused, and the network's input."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays

from seqtrain.backend import execution
from seqtrain.config import Config, load_config, load_resolved
from seqtrain.data.dataset import MASK_VALUE, Fitted
from seqtrain.data.number_labels import LARGEST
from seqtrain.data.scaling import Scaling
from seqtrain.datasets import Dataset, Examples
from seqtrain.datasets.arrays import LONGEST, Arrays
from seqtrain.errors import DataError
from seqtrain.io.tables import Table
from seqtrain.sources import sequence_files as module
from seqtrain.sources.long_table import Columns, parsed
from seqtrain.sources.wide_table import suggested
from seqtrain.tasks import Classification
from tests.conftest import Outcome, soaked
from tests.factories.networks import SOME, model, predict
from tests.own import rows_of, waves, write_rows

Rows = list[dict[str, Any]]
WAVES, LABELS = waves()


def ragged(sequences: list[Any] = WAVES, labels: Any = LABELS) -> dict[str, Any]:
    """Return sequences one after another, as a `.npz` file has them."""
    lengths = [len(sequence) for sequence in sequences]
    return {"values": np.concatenate(sequences), "lengths": lengths, "y": labels}


def write(file: str, content: Any) -> Path:
    """Write arrays as `.npz`, or rows as what the suffix says."""
    path = Path(file)
    if path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    else:
        write_rows(path, content, "\t" if path.suffix == ".tsv" else ",")
    return path


def config(file: str | Path, **keys: Any) -> Arrays:
    return Arrays.model_validate({"name": "arrays", "path": str(file), **keys})


def load(content: Any, file: str | None = None, **keys: Any) -> Dataset:
    name = file or ("own.npz" if isinstance(content, dict) else "own.csv")
    return config(write(name, content), **keys).load()


def refused(act: Callable[[], object]) -> DataError:
    with pytest.raises(DataError) as caught:
        act()
    assert caught.value.hint
    return caught.value


def assert_same(one: Dataset, other: Dataset) -> None:
    for split in ("train", "validation", "test"):
        a, b = one.split(split), other.split(split)
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.lengths, b.lengths)


def real(examples: Examples) -> np.ndarray:
    """Return the steps that are no padding, shape (total, F)."""
    return np.asarray(examples.x[(examples.x != np.float32(MASK_VALUE)).any(axis=2)])


def dense(number: int = 60, length: int = 4, features: int = 2) -> dict[str, Any]:
    x = np.random.default_rng(1).normal(size=(number, length, features))
    return {"x": x, "y": np.arange(number) % 2}


# What is read


@pytest.mark.parametrize("file", ["own.csv", "own.tsv", "own.jsonl"])
def test_a_table_says_the_same_as_arrays(file: str) -> None:
    assert_same(load(rows_of(WAVES, LABELS), file), load(ragged()))


def test_arrays_of_one_length_say_the_same_as_sequences_one_after_another() -> None:
    stacked = dense()
    one = load(stacked)
    assert_same(one, load(ragged(list(stacked["x"]), stacked["y"])))
    assert one.shape == (4, 2)
    assert one.train.x.dtype == np.float32


def test_two_dimensions_are_steps_of_one_feature() -> None:
    flat = dense(features=1)
    assert_same(load(flat), load({**flat, "x": flat["x"][:, :, 0]}))
    values = ragged([sequence[:, :1] for sequence in WAVES])
    assert_same(load(values), load({**values, "values": values["values"][:, 0]}))


@pytest.mark.parametrize("kind", ["float16", "float32", "int64", "uint8", "bool"])
def test_numbers_of_every_kind_are_read(kind: str) -> None:
    x = (np.arange(120).reshape(30, 4) % 7).astype(kind)
    dataset = load({"x": x, "y": np.arange(30) % 2}, standardise=True)
    assert np.isfinite(dataset.train.x).all()


def test_rows_are_put_into_the_order_of_their_steps() -> None:
    rows = rows_of(WAVES, LABELS)
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = sorted((rows[index] for index in order), key=lambda row: int(row["id"][1:]))
    assert shuffled != rows
    assert_same(load(shuffled), load(rows, "sorted.csv"))


def test_rows_of_several_sequences_may_alternate() -> None:
    rows = rows_of(WAVES, LABELS)
    by_step = sorted(rows, key=lambda row: int(row["step"]))
    assert_same(load(by_step), load(rows, "sorted.csv"))


def test_without_a_step_column_rows_count_in_their_order() -> None:
    rows = rows_of(WAVES, LABELS)
    bare = [{key: value for key, value in row.items() if key != "step"} for row in rows]
    assert_same(load(bare, "bare.csv", step_column=None), load(rows))


def test_columns_can_have_other_names_and_the_features_another_order() -> None:
    rows = rows_of(WAVES, LABELS)
    names = {"id": "trial", "step": "ms", "label": "class", "height": "h", "noise": "n"}
    renamed = [{names[key]: row[key] for key in row} | {"by": "Ann"} for row in rows]
    keys = {"id_column": "trial", "step_column": "ms", "label_column": "class"}
    found = load(renamed, "renamed.csv", feature_columns=["n", "h"], **keys)
    np.testing.assert_array_equal(found.train.x[:, :, ::-1], load(rows).train.x)


def wide(x: np.ndarray, labels: Sequence[Any] = (), first: bool = False) -> Rows:
    """Return a row for each sequence, whose label stands first or last, if there are any."""
    rows = []
    for index, sequence in enumerate(x.reshape(len(x), -1)):
        numbers = {f"v{at}": value for at, value in enumerate(sequence.tolist())}
        label = {"label": labels[index]} if len(labels) else {}
        rows.append(label | numbers if first else numbers | label)
    return rows


@pytest.mark.parametrize("file", ["own.csv", "own.tsv", "own.jsonl"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_a_wide_table_says_the_same_as_arrays(file: str, first: bool, named: bool) -> None:
    content = dense(features=1)
    rows = wide(content["x"], content["y"].tolist(), first)
    if named:
        rows = [{"id": index} | row for index, row in enumerate(rows)]
    found = load(rows, file, rows="sequences")
    assert_same(found, load(content))
    assert not found.mask


def test_columns_of_a_wide_table_may_be_several_features_of_each_step() -> None:
    content = dense()
    rows = wide(content["x"], content["y"].tolist())
    assert_same(load(rows, rows="sequences", features_per_step=2), load(content))


def test_columns_of_a_wide_table_may_be_named_and_others_left_out() -> None:
    rows = [{"step": 7, "note": "x"} | row for row in wide(dense()["x"], Y)]
    found = load(rows, rows="sequences", feature_columns=["v3", "v1"])
    expected = load({"x": dense()["x"].reshape(60, -1)[:, [3, 1]], "y": Y})
    assert_same(found, expected)


def test_a_sequence_of_a_wide_table_ends_where_the_rest_of_its_row_is_empty() -> None:
    sequences = [sequence[:, :1] for sequence in WAVES]
    longest = max(map(len, sequences))
    lines = [",".join(["label", *map(str, range(longest))])]
    for sequence, label in zip(sequences, LABELS, strict=True):
        cells = [*map(str, sequence[:, 0].tolist()), *[""] * (longest - len(sequence))]
        lines.append(",".join([label, *cells]))
    Path("own.csv").write_text("\n".join(lines))
    assert_same(config("own.csv", rows="sequences").load(), load(ragged(sequences)))


BROKEN_WIDE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a hole": ("a,1,,3", {}, "own.csv:62: `v1` is empty", "dataset.feature_columns"),
    "a word": ("a,1,x,3", {}, "own.csv:62: `v1` is `x`, not a number", "feature_columns"),
    "a comma": ('a,1,"1,5",3', {}, "own.csv:62: `v1` is `1,5`, not a number", "a point"),
    "no number": ("a,1,nan,3", {}, "own.csv:62: `v1` is not a number (NaN)", "finite"),
    "half a step": (
        "a,1,2,,",
        {"feature_columns": ["v0", "v1", "v2"]},
        "own.csv: 3 columns of numbers are not whole steps of 2",
        "features_per_step",
    ),
    "no steps": ("a,,,", {}, "own.csv:62: a sequence has no steps", "leave the row out"),
    "no label": (",1,2,3", {}, "own.csv:62: the label is empty", "dataset.unlabelled=skip"),
}


@pytest.mark.parametrize("name", BROKEN_WIDE)
def test_a_broken_wide_table_is_refused(name: str) -> None:
    line, keys, message, hint = BROKEN_WIDE[name]
    rows = [f"{'ab'[index % 2]},1,2,{index}" for index in range(60)]
    Path("own.csv").write_text("\n".join(["label,v0,v1,v2", *rows, line]))
    keys = {"rows": "sequences"} | keys | ({"features_per_step": 2} if keys else {})
    error = refused(config("own.csv", **keys).load)
    assert message in str(error)
    assert hint in str(error.hint)


def test_sequences_of_one_step_are_doubted(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"id": index} | row for index, row in enumerate(wide(dense()["x"], Y))]
    load(rows, step_column=None)
    assert "where a row of the table is a whole sequence, `dataset.rows=sequences`" in caplog.text


def test_examples_without_a_label_are_left_out_where_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "seqtrain")
    content = dense(features=1)
    labels = [["", "b", "a"][index % 3] for index in range(60)]
    kept = [index for index, label in enumerate(labels) if label]
    few = {"x": content["x"][kept], "y": [labels[index] for index in kept]}
    expected = load(few)
    for found in (
        load({**content, "y": labels}, unlabelled="skip"),
        load(wide(content["x"], labels), rows="sequences", unlabelled="skip"),
    ):
        assert_same(found, expected)
        assert found.task.classes == ("a", "b")
    assert caplog.text.count("left out 20 examples without a label") == 2
    nothing = {**content, "y": [np.nan] * 60}
    assert "no example has a label" in str(refused(lambda: load(nothing, unlabelled="skip")))


SUGGESTED: dict[str, tuple[str, dict[str, Any] | None]] = {
    "label,v0,v1,v2,v3": ("a,1,2,3,4", {}),
    "v0,v1,v2,v3,class": ("1,2,3,4,a", {}),
    "pixel10,pixel8,pixel9,pixel11,y": (
        "1,2,3,4,5",
        {"feature_columns": ["pixel8", "pixel9", "pixel10", "pixel11"]},
    ),
    "t0_f0,t0_f1,t1_f0,t1_f1,t2_f0,t2_f1,t3_f0,t3_f1,y": (
        "1,1,1,1,1,1,1,1,5",
        {"features_per_step": 2},
    ),
    "x1,x2,x3,x4,y1,y2,y3,y4,class": (
        "1,1,1,1,1,1,1,1,5",
        {
            "features_per_step": 2,
            "feature_columns": ["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"],
        },
    ),
    "label,v0,v1,v3,v4": ("a,1,2,3,4", None),
    "label,v0,v1": ("a,1,2", None),
    "label,v0,v1,v2,v3,": ("a,1,word,3,4,", None),
    "id,step,v0,v1,v2,v3,label": ("1,1,1,2,3,4,5", None),
}


@pytest.mark.parametrize("columns", SUGGESTED)
def test_a_wide_table_is_recognised(columns: str) -> None:
    row, expected = SUGGESTED[columns]
    found = suggested(columns.split(","), [row.split(",")] * 10)
    assert found == (None if expected is None else {"rows": "sequences"} | expected)


@pytest.mark.parametrize("name", ["v{}", "v_{}_x", "{}_{}", "{}"])
def test_a_number_of_many_digits_in_a_name_counts_no_steps(name: str) -> None:
    columns = ["label", *(f"v{index}" for index in range(4)), name.replace("{}", "9" * 5_000)]
    assert suggested(columns, [["a", "1", "2", "3", "4", "5"]] * 10) is None


def test_the_rows_of_a_picture_are_steps() -> None:
    rows = [["a", *map(str, range(49))], ["b", *map(str, range(49))]]
    pixels = ["label", *(f"pixel{number}" for number in range(49))]
    assert (suggested(pixels, rows) or {})["features_per_step"] == 7
    assert "features_per_step" not in (suggested(pixels[:-1], [row[:-1] for row in rows]) or {})
    steps = ["label", *(f"t{number}" for number in range(49))]
    assert "features_per_step" not in (suggested(steps, rows) or {})


def test_columns_beside_a_wide_table_are_its_ids() -> None:
    rows = [[str(index), "1", "2", "", "4", "ab"[index % 2]] for index in range(10)]
    found = suggested(["name", "t1", "t2", "t3", "t4", "kind"], rows)
    assert found == {"rows": "sequences", "id_column": "name"}


def test_without_a_header_the_first_or_the_last_column_of_a_wide_table_holds_labels() -> None:
    rows = [[str(index % 2), *(f"{index}.{at}" for at in range(6))] for index in range(30)]
    names = [f"column_{at}" for at in range(1, 8)]
    expected = {"rows": "sequences", "label_column": "column_1"}
    assert suggested(names, rows) == expected
    assert suggested(names, [row[::-1] for row in rows]) == expected | {"label_column": "column_7"}


def test_labels_may_be_a_column_of_an_array() -> None:
    content = dense()
    for y in (content["y"][:, None], content["y"].reshape(-1, 1, 1)):
        assert_same(load({**content, "y": y}), load(content))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([10, 9, 2], ("2", "9", "10")),
        ([1.0, 0.0, -1.0], ("-1", "0", "1")),
        (["b ", "a", "10"], ("10", "a", "b")),
        ([b"yes", b"no"], ("no", "yes")),
        ([True, False], ("False", "True")),
    ],
)
def test_classes_are_the_labels_in_natural_order(labels: list[Any], classes: Any) -> None:
    """All labels are given last class first."""
    number = len(labels)
    x = np.repeat(np.arange(60.0)[:, None], 3, axis=1)
    dataset = load({"x": x, "y": [labels[index % number] for index in range(60)]})
    assert dataset.task.classes == classes
    if labels[0] != "b ":
        expected = number - 1 - dataset.train.x[:, 0, 0] % number
        np.testing.assert_array_equal(dataset.train.labels, expected)


def test_each_label_belongs_to_its_sequence() -> None:
    sequences = [np.full((3, 1), float(index)) for index in range(60)]
    dataset = load(ragged(sequences, [str(index % 3) for index in range(60)]))
    for examples in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(examples.labels, examples.x[:, 0, 0] % 3)


@pytest.mark.parametrize(("truncating", "kept"), [("pre", [2, 3, 4]), ("post", [0, 1, 2])])
def test_long_sequences_are_cut_and_short_ones_filled_up(truncating: str, kept: list[int]) -> None:
    long, short = np.arange(5.0)[:, None], np.array([[7.0], [8.0]])
    dataset = load(ragged([long, short] * 30), max_length=3, truncating=truncating, test=0.5)
    rows = {tuple(row) for row in dataset.train.x[:, :, 0].tolist()}
    assert rows == {tuple(map(float, kept)), (7.0, 8.0, float(np.float32(MASK_VALUE)))}
    assert set(dataset.train.lengths.tolist()) == {5, 2}  # type: ignore[union-attr]


def test_the_longest_sequence_of_train_decides_the_length() -> None:
    longer, labels = waves(20, shortest=30, longest=40)
    write("test.npz", ragged(longer, labels))
    assert load(ragged(), test_path="test.npz").shape == (9, 2)


def test_files_for_validation_and_test_are_taken_whole() -> None:
    for part, number in (("validation", 20), ("test", 30)):
        write(f"{part}.npz", ragged(*waves(number)))
    dataset = load(ragged(), validation_path="validation.npz", test_path="test.npz")
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part) for part in parts] == [60, 20, 30]


@pytest.mark.parametrize(
    ("content", "keys", "mask"),
    [
        (dense(), {}, False),
        (dense(), {"max_length": 3}, False),
        (dense(), {"max_length": 5}, True),
        (dense(), {"mask": True}, True),
        (ragged(), {}, True),
        (ragged(list(dense()["x"]), LABELS), {}, True),
        (ragged(list(dense()["x"]), LABELS), {"mask": False}, False),
        (rows_of(WAVES, LABELS), {}, True),
    ],
)
def test_a_mask_is_there_where_it_can_be_needed(content: Any, keys: Any, mask: bool) -> None:
    assert load(content, **keys).mask is mask


def test_a_mask_is_there_where_another_file_has_another_length() -> None:
    for length in (3, 5):
        write("test.npz", dense(length=length))
        assert load(dense(), test_path="test.npz").mask


def test_a_second_start_parses_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(rows_of(WAVES, LABELS))
    monkeypatch.setattr(module, "parsed", None)
    assert_same(config("own.csv").load(), first)
    assert config("own.csv").load().sha256 == first.sha256


SEQUENCES = st.lists(
    st.integers(1, 7).flatmap(
        lambda length: numpy_arrays(np.float32, (length, 2), elements=st.floats(-9, 9, width=32))
    ),
    min_size=1,
    max_size=6,
)


@given(SEQUENCES, st.integers(1, 9), st.sampled_from(["pre", "post"]))
def test_cutting_and_padding_agree_with_their_definition(
    sequences: list[Any], length: int, truncating: str
) -> None:
    np.savez("given.npz", values=np.concatenate(sequences), lengths=[len(s) for s in sequences])
    read = config("given.npz", max_length=length, truncating=truncating)
    found = read.read_given(Path("given.npz"), Fitted(Classification())).x
    for row, sequence in zip(found, sequences, strict=True):
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        filler = np.full((length - len(kept), 2), MASK_VALUE, np.float32)
        np.testing.assert_array_equal(row, np.concatenate([kept, filler]))


# Standardising


def test_features_are_standardised_over_the_steps_of_train() -> None:
    dataset = load(ragged(), standardise=True)
    steps = real(dataset.train)
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(steps.std(axis=0), 1, atol=1e-6)
    assert len(steps) == dataset.train.lengths.sum()  # type: ignore[union-attr]


@pytest.mark.parametrize("part", ["validation", "test"])
def test_what_validates_and_tests_is_not_measured(part: str) -> None:
    """Identify examples by their second feature, because the first is changed."""
    sequences = [np.array([[float(index % 5), index]] * 3) for index in range(60)]
    plain = load(ragged(sequences), standardise=False)
    changed = set(plain.split(part).x[:, 0, 1].astype(int).tolist())  # type: ignore[arg-type]
    assert changed
    others = [s + [1e6, 0] if index in changed else s for index, s in enumerate(sequences)]
    before, after = (load(ragged(some), standardise=True).scaling for some in (sequences, others))
    assert before == after


def test_a_validation_file_leaves_all_of_train_to_be_measured() -> None:
    for part, number in (("validation", 20), ("test", 22)):
        write(f"{part}.npz", ragged(*waves(number, longest=5)))
    paths = {"validation_path": "validation.npz", "test_path": "test.npz"}
    assert load(ragged(), standardise=True, **paths).scaling == Scaling.of(np.concatenate(WAVES))


def test_a_limit_changes_no_scaling() -> None:
    limited, whole = load(ragged(), standardise=True, limit=5), load(ragged(), standardise=True)
    assert limited.scaling == whole.scaling


def test_a_constant_feature_becomes_zero() -> None:
    sequences = [np.column_stack([sequence, np.full(len(sequence), 0.1)]) for sequence in WAVES]
    dataset = load(ragged(sequences), standardise=True)
    assert dataset.scaling is not None
    assert (dataset.scaling.mean[2], dataset.scaling.std[2]) == (0.1, 1.0)
    assert (real(dataset.train)[:, 2] == 0).all()


def test_small_changes_of_large_numbers_are_kept() -> None:
    """Seconds since 1970 differ by less than the precision of float32."""
    times = [1.7e9 + sequence[:, :1] for sequence in WAVES]
    one = load(ragged(times), standardise=True)
    other = load(ragged([sequence[:, :1] for sequence in WAVES]), standardise=True)
    np.testing.assert_allclose(real(one.train), real(other.train), atol=1e-5)


# What is refused


X = dense()["x"]
Y = dense()["y"]
OBJECTS = np.array([*WAVES[:2], None], dtype=object)


def spoilt(array: np.ndarray, index: Any, value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


BROKEN_ARCHIVES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no x": (
        {"X": X, "y": Y},
        "own.npz: no array `x`, but `X`, `y`, did you mean `X`?",
        "np.savez(FILE, x=x, y=y)",
    ),
    "no y": ({"x": X}, "own.npz: no array `y`, but `x`", "np.savez(FILE, x=x, y=y)"),
    "no lengths": (
        {"values": X[0], "y": Y},
        "own.npz: no array `lengths`, but `values`, `y`",
        "lengths (N)",
    ),
    "both forms": (
        {"x": X, "lengths": [4], "y": Y},
        "own.npz holds both `x` and `values` or `lengths`",
        "np.savez",
    ),
    "one dimension": ({"x": X[0, 0], "y": Y}, "`x` has the shape (2,)", "N × T × F"),
    "four dimensions": ({"x": X[None], "y": Y}, "`x` has the shape (1, 60, 4, 2)", "N × T × F"),
    "values of three dimensions": (
        {"values": X, "lengths": [4] * 60, "y": Y},
        "`values` has the shape (60, 4, 2)",
        "np.concatenate(x)",
    ),
    "no examples": ({"x": X[:0], "y": Y[:0]}, "`x` has the shape (0, 4, 2)", "N × T × F"),
    "no steps": ({"x": X[:, :0], "y": Y}, "`x` has the shape (60, 0, 2)", "N × T × F"),
    "none of any length": (
        {"values": X[0, :0], "lengths": np.zeros(0, int), "y": []},
        "own.npz holds no examples",
        "lengths (N)",
    ),
    "objects": (
        {"x": OBJECTS, "y": [0, 1, 0]},
        "own.npz: `x` holds Python objects, which are pickles and not read",
        "values=np.concatenate(x)",
    ),
    "labels that are objects": (
        {"x": X, "y": np.array(["a", None] * 30, dtype=object)},
        "own.npz: `y` holds Python objects",
        "np.array(labels, dtype=str)",
    ),
    "text for numbers": (
        {"x": X.astype(str), "y": Y},
        "own.npz: `x` is <U32, not numbers",
        "x.astype(float)",
    ),
    "complex numbers": ({"x": X * 1j, "y": Y}, "`x` is complex128, not numbers", "astype(float)"),
    "NaN": (
        {"x": spoilt(X, (2, 3, 1), np.nan), "y": Y},
        "own.npz: x[2, 3, 1] is not a number (NaN) (example 3, step 4, feature 2)",
        "left out",
    ),
    "infinite": (
        {"x": spoilt(X[:, :, 0], (5, 0), -np.inf), "y": Y},
        "own.npz: x[5, 0] is infinite (example 6, step 1, feature 1)",
        "finite",
    ),
    "too large": (
        {**ragged(), "values": spoilt(np.concatenate(WAVES), (len(WAVES[0]) + 1, 0), 1e29)},
        "is 1e+29 (example 2, step 2, feature 1)",
        "nearer to zero than 1e+29",
    ),
    "the number of the mask": (
        {"x": spoilt(X.astype(np.float32), (0, 0, 0), MASK_VALUE), "y": Y},
        "own.npz: x[0, 0, 0] is -1e+30",
        "1e+29",
    ),
    "lengths that do not sum": (
        {"values": X[0], "lengths": [2, 3], "y": [0, 1]},
        "own.npz: `lengths` sum to 5, but `values` holds 4 steps",
        "np.concatenate(x)",
    ),
    "a sequence without steps": (
        {"values": X[0], "lengths": [2, 0, 2], "y": [0, 1, 0]},
        "own.npz: example 2 has no steps: `lengths[1]` is 0",
        "leave it out",
    ),
    "lengths that are no whole numbers": (
        {"values": X[0], "lengths": [2.0, 2.0], "y": [0, 1]},
        "own.npz: `lengths` is float64 of the shape (2,)",
        "whole numbers",
    ),
    "labels of another number": (
        {"x": X, "y": Y[:59]},
        "own.npz has 60 examples and 59 labels in `y`",
        "one label",
    ),
    "labels of several steps": (
        {"x": X, "y": np.ones((60, 7)) * 0.5},
        "own.npz: `y` has the shape (60, 7), not N",
        "a forecast of several steps is not learned; learn one of them: `y=y[:, 0]`",
    ),
    "several classes each": (
        {"x": X, "y": np.ones((60, 3), dtype=bool)},
        "own.npz: `y` has the shape (60, 3), not N",
        "one class here, not several",
    ),
    "labels of three dimensions": (
        {"x": X, "y": np.ones((60, 3, 2))},
        "own.npz: `y` has the shape (60, 3, 2), not N",
        "expected is one label for each example",
    ),
    "one-hot labels": (
        {"x": X, "y": np.eye(2)[Y]},
        "own.npz: `y` has the shape (60, 2), not N",
        "y.argmax(axis=1)",
    ),
    "labels that are measured": (
        {"x": X, "y": Y + 0.5},
        "own.npz: `y[0]` (example 1) is 0.5, which is not a whole number",
        "name or the number of a class",
    ),
    "labels that are NaN": (
        {"x": X, "y": Y * np.nan},
        "own.npz: example 1: the label is empty, as that of 59 more examples",
        "dataset.unlabelled=skip",
    ),
    "labels that are dates": (
        {"x": X, "y": Y.astype("datetime64[D]")},
        "own.npz: `y` is datetime64[D], not labels but times",
        "as classes: `y.astype(str)`",
    ),
    "a label that is empty": (
        {"x": X, "y": ["a", "b", " "] * 20},
        "own.npz: example 3: the label is empty, as that of 19 more examples",
        "dataset.unlabelled=skip",
    ),
    "one class": (
        {"x": X, "y": Y * 0},
        "every training example has the label `0`",
        "at least two classes",
    ),
    "a label for each": (
        {"x": X, "y": np.arange(60)},
        "60 training examples have 60 different labels, such as `0` and `1`",
        "labels must be classes",
    ),
}


@pytest.mark.parametrize(
    ("content", "message", "hint"), BROKEN_ARCHIVES.values(), ids=BROKEN_ARCHIVES
)
def test_a_broken_archive_is_refused(content: Any, message: str, hint: str) -> None:
    error = refused(lambda: load(content))
    assert message in str(error)
    assert hint in str(error.hint)
    assert "own.npz" in str(error) or "training examples" in str(error)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("junk.npz", b"not a zip", "junk.npz is not a complete .npz file"),
        ("empty.npz", b"", "empty.npz is not a complete .npz file"),
        ("x.npy", b"\x93NUMPY", "x.npy holds one array, and no labels"),
        ("y.npy", b"\x93NUM", "y.npy is not a complete .npz file"),
        ("nothing.csv", b"", "nothing.csv holds no rows"),
        ("book.csv", b"PK\x03\x04", "book.csv is a zip archive or an Excel workbook"),
    ],
)
def test_a_file_of_another_kind_is_refused(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    assert message in str(refused(config(name).load))


@pytest.mark.parametrize("where", [-60, 60])
def test_a_damaged_archive_is_refused(where: int) -> None:
    np.savez_compressed("own.npz", x=X, y=Y)
    whole = bytearray(Path("own.npz").read_bytes())
    whole[where : where + 20] = b"\xff" * 20
    Path("own.npz").write_bytes(whole)
    assert "own.npz is no" in str(refused(config("own.npz").load))


@pytest.mark.parametrize("name", ["no.npz", "no.csv"])
def test_a_missing_file_is_refused(name: str) -> None:
    error = refused(config(name).load)
    assert f"{name} cannot be read: no such file or directory" in str(error)
    assert error.hint == "correct `dataset.path`"
    write("own.npz", ragged())
    error = refused(config("own.npz", test_path=name).load)
    assert error.hint == "correct `dataset.test_path`"


def test_a_folder_is_refused() -> None:
    Path("folder.npz").mkdir()
    assert "cannot be read: it is a folder" in str(refused(config("folder.npz").load))


def changed(line: int, **cells: Any) -> Callable[[], Rows]:
    """Return rows with a change in the row of one line."""

    def rows() -> Rows:
        whole = rows_of(WAVES, LABELS)
        whole[line - 2] |= cells
        return whole

    return rows


def without(column: str) -> Callable[[], Rows]:
    return lambda: [
        {key + "s" * (key == column): value for key, value in row.items()}
        for row in rows_of(WAVES, LABELS)
    ]


def labels_of_all(label: str) -> Callable[[], Rows]:
    return lambda: rows_of(WAVES, [label] * len(WAVES))


LATER = len(WAVES[0]) + 3  # the line of the second step of the second sequence
BROKEN_TABLES: dict[str, tuple[Callable[[], Rows], str, str]] = {
    "no id": (without("id"), "own.csv:1: no column `id`", "dataset.id_column=…"),
    "no step": (
        without("step"),
        "own.csv:1: no column `step`, but `id`, `steps`, `label`, `height`, `noise`, did you mean "
        "`steps`?",
        "`dataset.step_column=…`, where null takes rows in their order",
    ),
    "no label": (without("label"), "did you mean `labels`?", "dataset.label_column=…"),
    "no number": (
        changed(LATER, height="tall"),
        f"own.csv:{LATER}: `height` is `tall`, not a number",
        "dataset.feature_columns=[noise]",
    ),
    "a decimal comma": (
        changed(LATER, height="1,5"),
        f"own.csv:{LATER}: `height` is `1,5`, not a number",
        "decimals with a point",
    ),
    "an empty cell": (
        changed(LATER, noise=""),
        f"own.csv:{LATER}: `noise` is empty",
        "give each step its numbers",
    ),
    "NaN": (
        changed(LATER, noise="nan"),
        f"own.csv:{LATER}: `noise` is not a number (NaN)",
        "left out",
    ),
    "too large": (changed(3, height=-1e30), "own.csv:3: `height` is -1e+30", "1e+29"),
    "another label": (
        changed(LATER, label="up"),
        f"own.csv:{LATER}: `s1` has the label `up` here, but `down` on line {LATER - 1}",
        "one label",
    ),
    "a step twice": (
        changed(LATER, step=0),
        f"own.csv:{LATER}: step 0 of `s1` stands on line {LATER - 1} too",
        "each step of a sequence once",
    ),
    "a step that is not a number": (
        changed(4, step="2026-01-01"),
        "own.csv:4: `step` is `2026-01-01`, not a number",
        "dataset.step_column=null",
    ),
    "a step that is NaN": (changed(4, step="nan"), "own.csv:4: `step` is `nan`", "step_column"),
    "an empty id": (changed(4, id=" "), "own.csv:4: `id` is empty", "each row names"),
    "an empty label": (
        lambda: rows_of(WAVES, ["up", " "] * 30),
        f"own.csv:{LATER - 1}: the label is empty",
        "dataset.unlabelled=skip",
    ),
    "one class": (
        labels_of_all("up"),
        "every training example has the label `up`",
        "at least two classes",
    ),
    "no features": (
        lambda: [{"id": 1, "step": 0, "label": "a"}],
        "own.csv:1: no column is left for a feature",
        "dataset.feature_columns",
    ),
    "the index of pandas": (
        lambda: [{"": index, **row} for index, row in enumerate(rows_of(WAVES, LABELS))],
        "own.csv:1: column 1 has no name",
        "index=False",
    ),
}


@pytest.mark.parametrize(("rows", "message", "hint"), BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_broken_table_is_refused(rows: Callable[[], Rows], message: str, hint: str) -> None:
    error = refused(lambda: load(rows()))
    assert message in str(error)
    assert hint in str(error.hint)


def test_a_null_of_json_is_refused() -> None:
    rows = [{**row, "noise": None} for row in rows_of(WAVES, LABELS)]
    assert "own.jsonl:1: `noise` is empty" in str(refused(lambda: load(rows, "own.jsonl")))


UP = [{**row, "label": "Up"} for row in rows_of(*waves(20))]
BROKEN_PAIRS: dict[str, tuple[str, Any, str, Any, str, str]] = {
    "a label of test alone": (
        *("own.csv", rows_of(WAVES, LABELS), "test.csv", UP),
        "test.csv:2: no training example has the label `Up`, did you mean `up`?",
        "the classes of train are: down, up",
    ),
    "a label of test alone, in arrays": (
        *("own.npz", ragged(), "test.npz", ragged(WAVES, ["up", "side"] * 30)),
        "test.npz: example 2: no training example has the label `side`",
        "down, up",
    ),
    "another number of features": (
        *("own.npz", ragged(), "test.npz", dense(features=3)),
        "test.npz: the steps have 3 features, but ",
        "the same features",
    ),
    "arrays with fewer features than columns": (
        *("own.csv", rows_of(WAVES, LABELS), "test.npz", dense(features=1)),
        "test.npz: the steps have 1 feature, but ",
        "the same features",
    ),
    "a feature more": (
        *("own.csv", rows_of(WAVES, LABELS), "test.csv", [{**row, "heat": 1} for row in UP]),
        "test.csv:1: `heat` is not a feature of ",
        "dataset.feature_columns=[height,noise]",
    ),
    "a feature less": (
        *("own.csv", rows_of(WAVES, LABELS), "test.csv"),
        [{key.replace("noise", "nose"): row[key] for key in row} for row in UP],
        "test.csv:1: no column `noise`, but `id`, `step`, `label`, `height`, `nose`, did you mean "
        "`nose`?",
        "dataset.id_column",
    ),
    "shorter ones without a mask": (
        *("own.npz", dense(), "test.npz", dense(length=3)),
        "test.npz: example 1: 3 steps, but the network reads 4 without a mask",
        "dataset.mask=true",
    ),
}


@pytest.mark.parametrize(
    ("file", "content", "other", "others", "message", "hint"),
    BROKEN_PAIRS.values(),
    ids=BROKEN_PAIRS,
)
def test_files_that_do_not_belong_together_are_refused(
    file: str, content: Any, other: str, others: Any, message: str, hint: str
) -> None:
    write(other, others)
    keys = {"mask": False} if "mask" in hint else {}
    error = refused(lambda: load(content, file, test_path=other, **keys))
    assert message in str(error)
    assert hint in str(error.hint)


def test_an_unseen_label_is_found_in_a_cached_table_too() -> None:
    write("test.csv", UP)
    write("own.csv", rows_of(WAVES, LABELS))
    errors = [refused(config("own.csv", test_path="test.csv").load) for _ in range(2)]
    assert str(errors[0]) == str(errors[1])


def test_feature_columns_must_fit_arrays_too() -> None:
    error = refused(lambda: load(ragged(), feature_columns=["a"]))
    assert "the steps have 2 features, but `feature_columns` names 1" in str(error)


def test_a_sequence_that_is_longer_than_any_network_reads_names_the_key() -> None:
    content = ragged([np.zeros((LONGEST + 1, 1)), np.ones((3, 1))] * 10, LABELS[:20])
    error = refused(lambda: load(content))
    assert f"the longest sequence of train has {LONGEST + 1:,} steps" in str(error)
    assert "dataset.max_length" in str(error.hint)
    assert config("own.npz", max_length=LONGEST).max_length == LONGEST


def test_a_number_that_standardising_makes_too_large_is_refused() -> None:
    tiny = [sequence * 1e-20 for sequence in WAVES]
    write("test.npz", ragged([np.full((3, 2), 1e12)] * 2, ["up", "down"]))
    error = refused(lambda: load(ragged(tiny), standardise=True, test_path="test.npz"))
    assert "test.npz: example 1: feature 1 is " in str(error)
    assert "dataset.standardise=false" in str(error.hint)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("label_column: id", "dataset.label_column: names the column `id`, as `id_column` does"),
        ("feature_columns: [a, a]", "dataset.feature_columns: names the column `a`"),
        ("feature_columns: [a, step]", "dataset.feature_columns: names the column `step`"),
        ("feature_columns: []", "must be a list of at least 1"),
        ("test_path: own.npz", "must be another file"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys: str, message: str) -> None:
    Path("a.yaml").write_text(
        f"dataset: {{name: arrays, path: own.npz, {keys}}}\nmodel: {{name: gru}}\n"
    )
    with pytest.raises(Exception, match="1 problem") as caught:
        load_config(Path("a.yaml"))
    assert message in str(caught.value)


# What is given to a trained network


def resolved(content: Any, file: str | None = None, **keys: Any) -> tuple[Arrays, Dataset]:
    """Return the config that a run keeps, read back from YAML, and the dataset."""
    name = file or ("own.npz" if isinstance(content, dict) else "own.csv")
    dataset = config(write(name, content), **keys)
    whole = Config.model_validate({"dataset": dataset.model_dump(), "model": {"name": "gru"}})
    Path("config.yaml").write_text(whole.to_yaml())
    written = load_config(Path("config.yaml"))
    loaded = written.dataset.load()
    Path("config.yaml").write_text(execution.resolve(written, loaded).to_yaml())
    kept = load_resolved(Path("config.yaml")).dataset
    assert isinstance(kept, Arrays)
    return kept, loaded


FORMS = pytest.mark.parametrize("content", [ragged(), rows_of(WAVES, LABELS)], ids=["npz", "csv"])


@FORMS
def test_a_run_keeps_what_its_config_left_open(content: Any) -> None:
    kept, dataset = resolved(content)
    assert (kept.max_length, kept.mask) == (9, True)
    assert kept.feature_columns == (None if isinstance(content, dict) else ("height", "noise"))
    assert_same(kept.load(), dataset)
    assert kept.load().sha256 == dataset.sha256


@FORMS
@pytest.mark.parametrize("standardise", [True, False])
def test_rows_of_train_are_read_again_as_they_were(content: Any, standardise: bool) -> None:
    kept, dataset = resolved(content, standardise=standardise)
    whole = kept.read(None)
    found = kept.read_given(Path(kept.path), dataset.fitted)
    assert set(map(bytes, found.x)) == set(map(bytes, [*whole.train.x, *whole.test.x]))
    assert found.labels == LABELS


@FORMS
def test_labels_may_be_left_out(content: Any) -> None:
    kept, dataset = resolved(content)
    rows = [{key: row[key] for key in row if key != "label"} for row in rows_of(WAVES, LABELS)]
    write("new.csv", rows)
    write("new.npz", {key: value for key, value in ragged().items() if key != "y"})
    one, other = (kept.read_given(Path(file), dataset.fitted) for file in ("new.csv", "new.npz"))
    assert one.labels is other.labels is None
    np.testing.assert_array_equal(one.x, other.x)


def test_an_array_alone_can_be_given() -> None:
    content = dense()
    trained, _ = resolved(content)
    np.save("x.npy", content["x"])
    np.savez("given.npz", x=content["x"])
    files = ("x.npy", "given.npz")
    found, expected = (trained.read_given(Path(name), Fitted(Classification())) for name in files)
    np.testing.assert_array_equal(found.x, expected.x)
    assert found.labels is None


def test_a_wide_table_is_given_as_the_run_reads_it() -> None:
    content = dense()
    write("own.csv", wide(content["x"], content["y"].tolist()))
    of_file = config("own.csv", rows="sequences", features_per_step=2)
    trained = of_file.located(of_file.load())
    assert trained.feature_columns == tuple(f"v{at}" for at in range(8))
    given = wide(content["x"][:7, :, ::-1])
    swapped = [{f"v{int(name[1:]) ^ 1}": value for name, value in row.items()} for row in given]
    found = trained.read_given(write("given.csv", swapped), Fitted(Classification()))
    np.testing.assert_allclose(found.x, content["x"][:7].astype(np.float32))
    error = refused(
        lambda: trained.read_given(write("few.csv", [{"v0": 1}]), Fitted(Classification()))
    )
    assert "no column `v1`" in str(error)


def test_columns_of_a_given_table_are_found_by_their_names() -> None:
    kept, dataset = resolved(rows_of(WAVES, LABELS))
    rows = [
        {"comment": "x", "noise": row["noise"], **row, "label": ""}
        for row in rows_of(WAVES, LABELS)
    ]
    found = kept.read_given(write("new.csv", rows), dataset.fitted)
    np.testing.assert_array_equal(found.x, kept.read_given(Path(kept.path), dataset.fitted).x)


def test_a_given_table_that_lacks_a_column_says_what_the_run_reads() -> None:
    kept, dataset = resolved(rows_of(WAVES, LABELS))
    rows = without("noise")()
    error = refused(lambda: kept.read_given(write("new.csv", rows), dataset.fitted))
    assert "new.csv:1: no column `noise`" in str(error)
    assert "the run reads the columns `id`, `step`, `height`, `noise`" in str(error.hint)


@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_given_sequences_that_are_longer_are_cut(truncating: str) -> None:
    kept, dataset = resolved(ragged(), truncating=truncating)
    new = np.random.default_rng(0).normal(size=(1, 20, 2)).astype(np.float32)
    found = kept.read_given(write("new.npz", {"x": new}), dataset.fitted)
    np.testing.assert_array_equal(found.x, new[:, -9:] if truncating == "pre" else new[:, :9])
    np.testing.assert_array_equal(kept.features(new, dataset.fitted), found.x)


def test_given_sequences_that_are_shorter_need_a_mask() -> None:
    new = write("new.npz", {"x": X[:2, :3]})
    kept, dataset = resolved(dense())
    error = refused(lambda: kept.read_given(new, dataset.fitted))
    assert "new.npz: example 1: 3 steps, but the network reads 4 without a mask" in str(error)
    assert "dataset.mask=true" in str(error.hint)
    kept, dataset = resolved(dense(), mask=True)
    assert kept.read_given(new, dataset.fitted).x.shape == (2, 4, 2)


@pytest.mark.parametrize("content", [dense(), rows_of(WAVES, LABELS)], ids=["npz", "csv"])
def test_given_sequences_of_other_features_are_refused(content: Any) -> None:
    kept, dataset = resolved(content, standardise=True)
    new = write("new.npz", {"x": dense(features=3)["x"]})
    error = refused(lambda: kept.read_given(new, dataset.fitted))
    assert "new.npz: the steps have 3 features, but the network reads 2" in str(error)


def test_a_missing_file_of_data_is_refused() -> None:
    kept, dataset = resolved(ragged())
    error = refused(lambda: kept.read_given(Path("no.npz"), dataset.fitted))
    assert "no.npz cannot be read: no such file or directory" in str(error)


# What a network sees


@pytest.mark.tf
@pytest.mark.parametrize(
    ("name", "pooling"), [soaked(*pair) if number % 3 else pair for number, pair in enumerate(SOME)]
)
def test_padding_alone_changes_no_prediction(name: str, pooling: str) -> None:
    network = model(name, pooling=pooling)
    once, twice = (load(ragged(), standardise=True, max_length=length) for length in (9, 18))
    assert twice.shape == (18, 2)
    first, second = network.build(once), network.build(twice)
    second.set_weights(first.get_weights())
    expected, found = predict(first, once.train.x), predict(second, twice.train.x)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.tf
def test_a_run_says_the_same_of_its_test_examples_when_they_are_given(
    seqtrain: Callable[..., Outcome],
) -> None:
    write("own.npz", ragged())
    write("test.npz", ragged(*waves(20, longest=12)))
    rows = rows_of(*waves(20, longest=12))
    write("test.csv", rows)
    write("new.csv", [{key: row[key] for key in row if key != "label"} for row in rows])
    Path("a.yaml").write_text(
        "dataset: {name: arrays, path: own.npz, test_path: test.npz, standardise: true}\n"
        "model: {name: gru, units: 8}\ntraining: {epochs: 8, learning_rate: 0.03}\n"
    )
    outcome = seqtrain("train", "a.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    run = Path(outcome.stdout.splitlines()[-1])
    with np.load(run / "predictions.npz") as kept:
        expected = kept["probabilities"]
    assert json.loads((run / "metrics.json").read_text())["test_accuracy"] > 0.9
    for file in ("test.npz", "test.csv", "new.csv"):
        lines = seqtrain("predict", run, "--data", file, "--format", "jsonl").stdout.splitlines()
        found = [list(json.loads(line)["probabilities"].values()) for line in lines]
        np.testing.assert_allclose(found, expected, atol=1e-6)
    judged = json.loads(seqtrain("evaluate", run, "--json").stdout)
    assert judged["same_data"]
    for file in ("test.npz", "test.csv"):
        given = json.loads(seqtrain("evaluate", run, "--data", file, "--json").stdout)
        assert given["data_loss"] == pytest.approx(judged["test_loss"], abs=1e-6)
        assert given["trained_on"] == 0
    Path("test.npz").rename("gone.npz")
    gone = seqtrain("evaluate", run)
    assert gone.exit_code == 2
    assert "test.npz cannot be read: no such file or directory" in gone.stderr
    Path("own.npz").unlink()
    assert "own.npz cannot be read: no such file or directory" in seqtrain("evaluate", run).stderr


@pytest.mark.tf
def test_given_arrays_of_other_features_do_not_fit_the_network(
    seqtrain: Callable[..., Outcome],
) -> None:
    write("own.npz", dense())
    write("new.npz", {"x": dense(features=3)["x"]})
    Path("a.yaml").write_text(
        "dataset: {name: arrays, path: own.npz}\nmodel: {name: rnn, units: 2}\n"
        "training: {epochs: 1}\n"
    )
    run = seqtrain("train", "a.yaml").stdout.splitlines()[-1]
    outcome = seqtrain("predict", run, "--data", "new.npz")
    assert outcome.exit_code == 2
    assert "examples of 4 × 3 do not fit the network" in outcome.stderr
    assert "the network reads examples of 4 × 2" in outcome.stderr


def test_the_largest_number_is_no_padding() -> None:
    dataset = load({"x": np.where(X > 0, 1, -1) * LARGEST * 0.99, "y": Y})
    assert np.abs(dataset.train.x).max() < abs(MASK_VALUE)


def test_a_parsed_table_is_plain_arrays() -> None:
    table = Table(write("own.csv", rows_of(WAVES, LABELS)))
    arrays = parsed(table, Columns("id", ("height", "noise"), "step", "label"))
    assert {key: array.dtype.kind for key, array in arrays.items()} == {
        "values": "f",
        "lengths": "i",
        "lines": "i",
        "labels": "i",
        "names": "u",
    }
