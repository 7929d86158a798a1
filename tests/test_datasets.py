"""Contract tests of every dataset; they also cover a new file in `seqtrain/datasets`."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seqtrain.data.dataset import empty, stratified
from seqtrain.data.vocabulary import PAD
from seqtrain.datasets import Dataset, DatasetConfig, Examples
from seqtrain.errors import DataError
from seqtrain.schema.sections import parts_in
from seqtrain.sources.base import DrawnConfig, TokenDatasetConfig
from seqtrain.sources.paired_texts import PairedTextConfig
from tests.factories.downloads import write_ids, write_mnist, write_words
from tests.own import OWN, sentences, write_csv, write_own

PARTS = [
    (part, name)
    for part in parts_in("seqtrain.datasets", DatasetConfig)
    if issubclass(part, DatasetConfig) and not issubclass(part, PairedTextConfig)
    for name in part.names()
]
NAMES = [name for _, name in PARTS]
TOKENS = [name for part, name in PARTS if issubclass(part, TokenDatasetConfig)]
DRAWN = [name for part, name in PARTS if issubclass(part, DrawnConfig)]
OF_CLASSES = [name for name in DRAWN if name != "adding"]
FILES = [name for part, name in PARTS if "path" in part.model_fields and name not in OWN]
EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_DRAWN = pytest.mark.parametrize("name", DRAWN)
EVERY_OF_CLASSES = pytest.mark.parametrize("name", OF_CLASSES)
EVERY_OF_TOKENS = pytest.mark.parametrize("name", TOKENS)
EVERY_OF_FILES = pytest.mark.parametrize("name", FILES)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small file of every dataset that reads one."""
    folder = tmp_path_factory.mktemp("shared")
    write_mnist(folder / "mnist.npz")
    write_ids(folder / "imdb.npz")
    write_words(folder / "imdb_word_index.json")
    write_own(folder)
    return folder


@pytest.fixture(autouse=True)
def files(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in `data`, to be read; nothing can be fetched."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    (tmp_path / "data").symlink_to(shared)
    return tmp_path / "data"


@pytest.fixture
def own_files(shared: Path, files: Path) -> None:
    """The same in `data`, to be changed."""
    files.unlink()
    shutil.copytree(shared, files)


def config(name: str, **keys: Any) -> DatasetConfig:
    part = {name: part for part, name in PARTS}[name]
    return part.model_validate({"name": name, **OWN.get(name, {}), **keys})


def load(name: str, **keys: Any) -> Dataset:
    return config(name, **keys).load(Path("data"))


def splits(dataset: Dataset) -> dict[str, Examples]:
    return {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}


def contents(examples: Examples) -> Counter[tuple[bytes, float]]:
    """Return how often each example with its label is there."""
    return Counter(
        (np.ascontiguousarray(x).tobytes(), float(label))
        for x, label in zip(examples.x, examples.labels, strict=True)
    )


def assert_same(one: Examples, other: Examples) -> None:
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.labels, other.labels)


def counts(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=classes)


@EVERY
def test_every_dataset_says_what_it_is_in_one_line(name: str) -> None:
    headline = type(config(name)).headline(name)
    assert headline.endswith(".")
    assert len(headline) <= 100


@EVERY
def test_examples_have_the_shape_and_type_that_the_network_reads(name: str) -> None:
    dataset = load(name)
    for split, examples in splits(dataset).items():
        steps = (1,) if dataset.task.of_steps and split != "train" else dataset.shape
        assert examples.x.shape == (len(examples), *steps)
        if dataset.task.of_steps:
            assert (examples.x.dtype.kind, examples.x.ndim) == ("u", 2)
        elif dataset.vocabulary_size is None:
            assert (examples.x.dtype, examples.x.ndim) == (np.float32, 3)
        else:
            assert (examples.x.dtype, examples.x.ndim) == (np.int32, 2)


@EVERY
def test_there_are_examples_in_every_split(name: str) -> None:
    assert all(len(examples) for examples in splits(load(name)).values())


@EVERY_OF_CLASSES
def test_labels_are_classes_and_every_class_is_there(name: str) -> None:
    dataset = load(name)
    assert len(set(dataset.task.classes)) == len(dataset.task.classes) >= 2
    for examples in splits(dataset).values():
        assert examples.labels.shape == (len(examples),)
        assert examples.labels.dtype == np.int32
        assert 0 <= examples.labels.min() <= examples.labels.max() < len(dataset.task.classes)
    assert set(dataset.train.labels.tolist()) == set(range(len(dataset.task.classes)))


@EVERY_DRAWN
def test_the_labels_are_what_the_config_says_that_it_learns(name: str) -> None:
    dataset = load(name)
    assert type(dataset.task) is type(config(name).new_task())
    kind = {"classification": np.int32, "regression": np.float32}[dataset.task.name]
    assert {part.labels.dtype.type for part in splits(dataset).values()} == {kind}


@EVERY
def test_there_is_no_nan(name: str) -> None:
    assert all(np.isfinite(examples.x).all() for examples in splits(load(name)).values())


@EVERY_OF_TOKENS
def test_tokens_are_ids_of_the_vocabulary(name: str) -> None:
    dataset = load(name, vocabulary_size=9)
    assert dataset.vocabulary_size == 9
    for examples in splits(dataset).values():
        assert 0 <= examples.x.min() <= examples.x.max() < 9


@EVERY_OF_TOKENS
def test_every_word_has_an_id_of_the_vocabulary(name: str) -> None:
    vocabulary = load(name, vocabulary_size=9).vocabulary
    assert vocabulary is not None
    assert len(vocabulary.words) == 9 - 4


@EVERY_OF_TOKENS
def test_no_text_is_all_padding(name: str) -> None:
    dataset = load(name, max_length=1_000)
    assert all((examples.x != PAD).any(axis=1).all() for examples in splits(dataset).values())


@EVERY_OF_TOKENS
def test_texts_have_the_length_that_the_config_says(name: str) -> None:
    assert load(name, max_length=7).shape == (7,)


@EVERY_DRAWN
def test_source_and_hash_say_what_was_read(name: str) -> None:
    dataset = load(name)
    assert dataset.source
    assert len(bytes.fromhex(dataset.sha256)) == 32
    assert dataset.sha256 == load(name, split_seed=3, limit=10).sha256


@EVERY_DRAWN
def test_reading_leaves_the_validation_split_empty(name: str) -> None:
    whole = config(name).read(Path("data"))
    assert len(whole.validation) == 0
    assert whole.validation.x.shape == (0, *whole.shape)


@EVERY_DRAWN
def test_each_example_lies_in_one_split(name: str) -> None:
    """Train and validation are disjoint, and together hold every example that was read."""
    whole, dataset = config(name).read(Path("data")), load(name)
    assert contents(dataset.train) + contents(dataset.validation) == contents(whole.train)
    assert_same(dataset.test, whole.test)


@EVERY_OF_CLASSES
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_validation_takes_its_share_of_every_class(name: str, share: float) -> None:
    dataset = load(name, validation=share)
    classes = len(dataset.task.classes)
    taken = counts(dataset.validation.labels, classes)
    whole = taken + counts(dataset.train.labels, classes)
    assert (np.abs(taken - share * whole) < 1).all()
    assert taken.sum() == round(share * whole.sum())


@EVERY
def test_loading_twice_gives_the_same(name: str) -> None:
    one, other = splits(load(name)), splits(load(name))
    for split in one:
        assert_same(one[split], other[split])


@EVERY
def test_the_state_of_random_numbers_neither_matters_nor_changes(name: str) -> None:
    np.random.seed(1)
    one = load(name)
    drawn = np.random.random()
    np.random.seed(1)
    assert drawn == np.random.random()
    assert_same(one.train, load(name).train)


@EVERY_DRAWN
def test_another_split_seed_takes_other_examples(name: str) -> None:
    one, other = load(name, split_seed=0), load(name, split_seed=1)
    assert contents(one.validation) != contents(other.validation)


@EVERY_DRAWN
def test_validation_can_be_the_test_examples(name: str) -> None:
    dataset = load(name, validation="test")
    assert_same(dataset.validation, dataset.test)
    assert_same(dataset.train, config(name).read(Path("data")).train)


@EVERY_DRAWN
@pytest.mark.parametrize("limit", [1, 11, 20])
def test_limit_keeps_so_many_training_examples(name: str, limit: int) -> None:
    whole, limited = load(name), load(name, limit=limit)
    assert len(limited.train) == limit
    assert contents(limited.train) <= contents(whole.train)


@EVERY_DRAWN
def test_limit_can_leave_out_a_single_example(name: str) -> None:
    whole = load(name).train
    assert len(load(name, limit=len(whole) - 1).train) == len(whole) - 1


@EVERY_OF_CLASSES
def test_limit_keeps_the_share_of_every_class(name: str) -> None:
    whole, limited = load(name), load(name, limit=20)
    classes = len(whole.task.classes)
    quotas = counts(whole.train.labels, classes) * 20 / len(whole.train)
    assert (np.abs(counts(limited.train.labels, classes) - quotas) < 1).all()


@EVERY_DRAWN
@pytest.mark.parametrize("validation", [0.1, "test"])
def test_limit_changes_neither_validation_nor_test(name: str, validation: object) -> None:
    whole, limited = load(name, validation=validation), load(name, validation=validation, limit=5)
    assert_same(limited.validation, whole.validation)
    assert_same(limited.test, whole.test)


@EVERY_DRAWN
def test_a_limit_above_what_there_is_changes_nothing(name: str) -> None:
    whole = load(name)
    for limit in (len(whole.train), 10_000_000):
        assert_same(load(name, limit=limit).train, whole.train)


@EVERY_DRAWN
@pytest.mark.parametrize("share", [1e-9, 1 - 1e-9])
def test_a_share_that_leaves_a_split_empty_is_an_error(name: str, share: float) -> None:
    with pytest.raises(DataError, match="cannot be split into two parts") as caught:
        load(name, validation=share)
    assert "dataset.validation" in str(caught.value.hint)


@EVERY_DRAWN
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("validation", 0.0),
        ("validation", 1.0),
        ("validation", "train"),
        ("validation", float("nan")),
        ("limit", 0),
        ("limit", -1),
        ("limit", 1.5),
        ("split_seed", -1),
        ("split_seed", "0"),
        ("unknown", 1),
    ],
)
def test_values_out_of_range_are_refused(name: str, key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        config(name, **{key: value})


@EVERY
def test_the_data_is_never_changed(name: str, files: Path) -> None:
    before = {file: file.read_bytes() for file in files.rglob("*") if file.is_file()}
    load(name)
    assert {file: file.read_bytes() for file in files.rglob("*") if file.is_file()} == before


@EVERY_OF_FILES
def test_a_data_dir_that_is_missing_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="the data folder `nowhere` does not exist"):
        config(name).load(Path("nowhere"))


@EVERY_OF_FILES
def test_a_path_that_is_missing_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="no file or folder `.*nowhere`"):
        load(name, path="nowhere")


@EVERY_OF_FILES
def test_a_path_wins_over_a_data_dir(name: str, files: Path, tmp_path: Path) -> None:
    other = shutil.copytree(files, tmp_path / "other")
    assert load(name, path=str(other)).source.startswith(str(other))


def test_digits_are_rows_of_pixels_between_0_and_1() -> None:
    dataset = load("digits")
    assert dataset.shape == (8, 8)
    assert (dataset.train.x.min(), dataset.train.x.max()) == (0, 1)
    assert [len(examples) for examples in splits(dataset).values()] == [1294, 144, 359]


def test_digits_are_those_that_scikit_learn_loads() -> None:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    dataset = load("digits")
    assert dataset.sha256 == hashlib.sha256(images.tobytes()).hexdigest()
    assert Counter([*dataset.train.labels, *dataset.validation.labels, *dataset.test.labels]) == (
        Counter(labels)
    )


def test_a_split_of_digits_that_leaves_no_test_names_the_key_to_change() -> None:
    with pytest.raises(DataError, match="cannot be split into two parts") as caught:
        load("digits", test=1e-9)
    assert "dataset.test" in str(caught.value.hint)


def test_empty_is_like_its_model() -> None:
    examples = Examples(np.ones((3, 2, 4), np.float32), np.arange(3, dtype=np.int32))
    nothing = empty(examples)
    assert (nothing.x.shape, nothing.x.dtype) == ((0, 2, 4), np.float32)
    assert (nothing.labels.shape, nothing.labels.dtype) == ((0,), np.int32)


def labelled(labels: list[int]) -> Examples:
    """Return examples that contain their index."""
    return Examples(np.arange(len(labels)), np.array(labels, dtype=np.int32))


LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=60)
SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)


def split(labels: list[int], share: float, seed: int) -> tuple[Examples, Examples]:
    """Split where neither part is empty."""
    assume(0 < round(len(labels) * share) < len(labels))
    kept, taken = stratified(np.array(labels), share, seed)
    return labelled(labels).take(kept), labelled(labels).take(taken)


@settings(deadline=None)
@given(LABELS, SHARES, st.integers(0, 9))
def test_a_split_shares_out_all_examples_in_their_order(
    labels: list[int], share: float, seed: int
) -> None:
    stay, taken = split(labels, share, seed)
    places = [*stay.x.tolist(), *taken.x.tolist()]
    assert sorted(places) == list(range(len(labels)))
    for part in (stay, taken):
        assert part.x.tolist() == sorted(part.x.tolist())
        assert part.labels.tolist() == [labels[place] for place in part.x]


@settings(deadline=None)
@given(LABELS, SHARES, st.integers(0, 9))
def test_a_split_rounds_by_the_largest_remainder(
    labels: list[int], share: float, seed: int
) -> None:
    _, taken = split(labels, share, seed)
    quotas = np.bincount(labels, minlength=6) * share
    numbers = counts(taken.labels, 6)
    assert numbers.sum() == round(len(labels) * share)
    assert (np.abs(numbers - quotas) < 1 + 1e-9).all()
    rounded_up, rounded_down = numbers > quotas + 1e-9, numbers < quotas - 1e-9
    remainders = quotas - np.floor(quotas)
    if rounded_up.any() and rounded_down.any():
        assert remainders[rounded_up].min() >= remainders[rounded_down].max() - 1e-9


@settings(deadline=None)
@given(LABELS, SHARES, st.integers(0, 9))
def test_a_split_depends_on_its_seed_alone(labels: list[int], share: float, seed: int) -> None:
    one, other = split(labels, share, seed), split(labels, share, seed)
    assert one[1].x.tolist() == other[1].x.tolist()


@settings(deadline=None)
@given(LABELS, SHARES)
def test_a_split_is_an_error_where_a_part_would_be_empty(labels: list[int], share: float) -> None:
    assume(round(len(labels) * share) in (0, len(labels)))
    with pytest.raises(DataError, match="cannot be split into two parts"):
        stratified(np.array(labels), share, 0)


def test_a_split_takes_every_example_of_a_class_alike_often() -> None:
    taken = Counter[int]()
    for seed in range(2000):
        taken.update(stratified(np.array([0] * 5 + [1] * 5), 0.4, seed)[1].tolist())
    assert all(abs(taken[place] - 800) < 120 for place in range(10))


def test_a_split_that_loses_every_example_to_the_others_is_an_error(own_files: None) -> None:
    rows = [("the same", "good"), ("the other", "bad")] * 20
    write_csv(Path("data/own.csv"), rows)
    with pytest.raises(DataError, match="stands in the other splits too") as raised:
        load("text", drop_repeated=True)
    assert "drop_repeated" in str(raised.value.hint)


def test_repeated_examples_are_taken_from_train(own_files: None) -> None:
    rows = [*sentences(), *[("one and the same film", "good")] * 30]
    write_csv(Path("data/own.csv"), rows)
    kept, apart = load("text"), load("text", drop_repeated=True)
    assert kept.repeated() > 0
    assert apart.repeated() == 0
    assert_same(kept.test, apart.test)
    assert len(apart.train) < len(kept.train)
