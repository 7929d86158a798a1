"""The way from a file to a config: defaults, arguments, rules, and 130 ways to go wrong.

Each file of `tests/broken/` is a config with mistakes. A comment `#! path: message` stands on
the line that the message has to name; `…` in it stands for any text. What a comment does not
announce must not be told.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from, text
from pydantic import ValidationError

from seqtrain.config import EarlyStoppingConfig, load_config
from seqtrain.errors import ConfigError
from tests.conftest import CONFIGS, Outcome
from tests.factories.written_configs import BROKEN, write

Seqtrain = Callable[..., Outcome]

DIGITS = "dataset: {name: digits}\nmodel: {name: lstm}\n"
IMDB = "dataset: {name: imdb}\nmodel: {name: lstm}\n"
DEFAULTS = {
    "name": "a",
    "seed": 0,
    "dataset": {
        "name": "imdb",
        "validation": 0.1,
        "split_seed": 0,
        "limit": None,
        "drop_repeated": False,
        "vocabulary_size": 10_000,
        "max_length": 200,
        "padding": "post",
        "truncating": "pre",
        "mask": True,
        "path": None,
    },
    "model": {
        "name": "lstm",
        "units": (64,),
        "activation": "tanh",
        "embedding_dim": 128,
        "embedding_file": None,
        "embedding_scale": None,
        "embedding_trainable": True,
        "token_dropout": 0.0,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        "memory_steps": None,
        "tied_embeddings": False,
        "pooling": "max",
        "dense_units": (),
        "dense_activation": "relu",
        "wide": False,
        "autoregressive": False,
    },
    "training": {
        "epochs": 10,
        "batch_size": 32,
        "bucket_by_length": False,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
        "warmup_epochs": 0.0,
        "clipnorm": None,
        "clipvalue": None,
        "weight_averaging": None,
        "class_weight": None,
        "monitor": "val_accuracy",
        "early_stopping": None,
        "baselines": True,
        "checkpoint_minutes": 10.0,
        "tensorboard": False,
    },
    "execution": {
        "backend": "tensorflow",
        "jit_compile": "auto",
        "unroll": "auto",
        "steps_per_execution": "auto",
        "threads": "auto",
        "deterministic": True,
        "devices": 1,
        "hosts": None,
    },
}


def announced(file: Path) -> list[str]:
    """Return the patterns of the lines that a broken config announces in its comments."""
    patterns = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        for comment in line.split(" #! ")[1:]:
            pieces = f"{file.name}:{number}: {comment.strip()}".split("…")
            patterns.append(".*".join(map(re.escape, pieces)))
    return patterns


def checked(file: Path, seqtrain: Seqtrain) -> Outcome:
    """Return what `seqtrain check` makes of a copy of the file in the empty folder."""
    return seqtrain("check", shutil.copy(file, file.name))


broken = pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)


@broken
def test_what_is_wrong_is_told_with_its_line(file: Path, seqtrain: Seqtrain) -> None:
    patterns = announced(file)
    first, *told = checked(file, seqtrain).stderr.partition("\n\n")[0].splitlines()
    count = "1 problem" if len(patterns) == 1 else f"{len(patterns)} problems"
    matching = [re.fullmatch(*pair) is not None for pair in zip(patterns, told, strict=False)]
    assert (first, len(told)) == (f"error: {count} in {file.name}", len(patterns)), told
    assert all(matching), told


@broken
def test_a_broken_config_exits_with_2_and_leaves_nothing(file: Path, seqtrain: Seqtrain) -> None:
    outcome = checked(file, seqtrain)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "Traceback" not in outcome.stderr
    assert [path.name for path in Path().iterdir()] == [file.name]


def test_each_broken_config_announces_its_problems() -> None:
    assert BROKEN
    assert all(announced(file) for file in BROKEN)


def test_a_broken_config_starts_no_training(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("train", shutil.copy(BROKEN[0], "a.yaml"))
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert [path.name for path in Path().iterdir()] == ["a.yaml"]


def test_what_is_wrong_ends_in_a_hint(seqtrain: Seqtrain) -> None:
    assert re.search(
        r"\n\nhint: `seqtrain schema --markdown`.*\n\Z", checked(BROKEN[0], seqtrain).stderr
    )


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("training.epoch=3", "training.epoch: unknown key, did you mean `epochs`?"),
        (
            "training.epochs=0",
            "training.epochs: must be a whole number of at least 1 …, not 0",
        ),
        ("training.epochs=three", 'training.epochs: must be …, not "three"'),
        ("training.epochs='3'", 'training.epochs: must be …, not "3"'),
        ("training.epochs=3=4", 'training.epochs: must be …, not "3=4"'),
        ("training.epochs=", "training.epochs: must be …, not null"),
        ("training={epochs: 0}", "training.epochs: must be …, not 0"),
        ("training={epoch: 1}", "training.epoch: unknown key, did you mean `epochs`?"),
        ("training=adam", 'training: must be a section of keys, not "adam"'),
        ("training.early_stopping.patience=0", "training.early_stopping.patience: must be …"),
        ("epochs=3", "epochs: unknown key here, did you mean `training.epochs`?"),
        ("sede=3", "sede: unknown key, did you mean `seed`?"),
        ("seed.x=3", "seed: must be a whole number …, not a section"),
        ("dataset.name=imbd", "dataset.name: must be …, did you mean `imdb`?"),
        ("dataset.name.x=3", "dataset.name: is a value, so no key can be set in it"),
        ("model=gru", "model: must be …, did you mean `model: {name: gru}`?"),
        ("model.units=[64, 0]", "model.units.1: must be …, not 0"),
        ("model.units=64, 32", 'model.units: must be …, not "64, 32", did you mean `[64, 32]`?'),
        ("model.embedding_dim=8", "model.embedding_dim: is for words, but `digits` has none"),
        ("training.warmup_epochs=11", "training.warmup_epochs: must be at most `epochs`, …"),
        ("name=../x", 'name: must be text …, not "../x"'),
        ("training.epochs", "must be written `key=value`, such as `training.epochs=3`"),
        ("training.=3", "must be written `key=value`, such as `training.epochs=3`"),
        ("training.epochs=[", "training.epochs: the value is not YAML…"),
    ],
)
def test_a_bad_argument_is_told_as_it_was_typed(
    argument: str, problem: str, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("check", write(DIGITS), argument)
    pattern = ".*".join(map(re.escape, f"argument '{argument}': {problem}".split("…")))
    assert re.fullmatch(f"error: 1 problem in a\\.yaml\n{pattern}\n\nhint: .*\n", outcome.stderr), (
        outcome.stderr
    )
    assert (outcome.exit_code, outcome.stdout) == (2, "")


def test_problems_of_arguments_come_after_those_of_the_file(seqtrain: Seqtrain) -> None:
    arguments = ["training.epochs=0", "model.units=0", "bad"]
    outcome = seqtrain("check", write(DIGITS + "seed: -1\n"), *arguments)
    places = [
        line.partition("': " if "'" in line else ": ")[0] for line in outcome.stderr.split("\n")
    ]
    assert places[1:5] == ["a.yaml:3", *(f"argument '{argument}" for argument in arguments)]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (DIGITS + "seed: x", ["seed=1"]),
        (DIGITS + "training: {epochs: 0, batch_size: 8}", ["training.epochs=1"]),
        (DIGITS + "training: adam", ["training={optimizer: adam}"]),
        (DIGITS + "training:", ["training.epochs=1"]),
        ("dataset: digits\nmodel: {name: lstm}", ["dataset={name: digits}"]),
        ("dataset: {name: imbd}\nmodel: {name: lstm}", ["dataset.name=imdb"]),
        ("dataset: {name: digits}", ["model.name=gru"]),
        ("seed: 1", ["dataset.name=digits", "model={name: gru, units: [8, 8]}"]),
        (DIGITS, ["seed=x", "seed=1"]),
    ],
)
def test_an_argument_makes_a_wrong_file_right(text: str, arguments: list[str]) -> None:
    assert load_config(write(text), arguments).name == "a"


def test_an_argument_heals_no_key_that_stands_twice() -> None:
    with pytest.raises(ConfigError, match="a.yaml:4: seed: stands twice"):
        load_config(write(DIGITS + "seed: 1\nseed: 2\n"), ["seed=3"])


def test_two_rules_in_two_sections_are_both_told() -> None:
    text = "dataset: {name: imdb, mask: false}\nmodel: {name: lstm, pooling: last}\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(text + "training: {clipnorm: 1, clipvalue: 1}\n"))
    assert "a.yaml:1: dataset.mask: " in caught.value.message
    assert "a.yaml:3: training.clipvalue: " in caught.value.message


def test_what_is_left_out_has_its_default() -> None:
    assert load_config(write(IMDB)).model_dump() == DEFAULTS


@pytest.mark.parametrize(
    ("dataset", "keys"),
    [
        (
            "digits",
            {
                "validation": 0.1,
                "split_seed": 0,
                "limit": None,
                "drop_repeated": False,
                "shift": 0.0,
                "rotation": 0.0,
                "test": 0.2,
            },
        ),
        (
            "mnist",
            {
                "validation": 0.1,
                "split_seed": 0,
                "limit": None,
                "drop_repeated": False,
                "shift": 0.0,
                "rotation": 0.0,
                "path": None,
            },
        ),
    ],
)
def test_a_dataset_has_its_own_keys(dataset: str, keys: dict[str, Any]) -> None:
    config = load_config(write(DIGITS), [f"dataset.name={dataset}"])
    found = config.dataset.model_dump(exclude={"order"})
    assert found == {"name": dataset, **keys}


def test_early_stopping_has_defaults_of_its_own() -> None:
    config = load_config(write(DIGITS), ["training.early_stopping={}"])
    assert config.training.early_stopping == EarlyStoppingConfig(patience=3, min_delta=0.0)


@pytest.mark.parametrize(
    ("argument", "key", "value"),
    [
        ("seed=2147483647", "seed", 2**31 - 1),
        ("name=my_run-2.1", "name", "my_run-2.1"),
        ("dataset.validation=test", "dataset.validation", "test"),
        ("dataset.limit=100", "dataset.limit", 100),
        ("model.units=32", "model.units", (32,)),
        ("model.units=[32, 16]", "model.units", (32, 16)),
        ("model.dense_units=8", "model.dense_units", (8,)),
        ("model.dropout=0", "model.dropout", 0.0),
        ("training.learning_rate=1e-3", "training.learning_rate", 1e-3),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("training.warmup_epochs=0.5", "training.warmup_epochs", 0.5),
        ("training.batch_size=1_024", "training.batch_size", 1024),
        ("training.clipnorm=1", "training.clipnorm", 1.0),
        ("training.class_weight=balanced", "training.class_weight", "balanced"),
        ("training.early_stopping.patience=5", "training.early_stopping.patience", 5),
        ("execution.unroll=true", "execution.unroll", True),
        ("execution.jit_compile=false", "execution.jit_compile", False),
        ("execution.steps_per_execution=8", "execution.steps_per_execution", 8),
        ("execution.deterministic=auto", "execution.deterministic", "auto"),
    ],
)
def test_an_argument_sets_a_key(argument: str, key: str, value: object) -> None:
    found: Any = load_config(write(DIGITS), [argument])
    for name in key.split("."):
        found = getattr(found, name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("imdb_lstm.yaml", "imdb_lstm"),
        ("a.b.yaml", "a.b"),
        ("my run.yml", "my_run"),
        (".hidden.yaml", "hidden"),
        ("-rf.yaml", "rf"),
        ("größe.yaml", "größe"),
        ("отзывы.yaml", "отзывы"),
        ("评论.yaml", "评论"),
        ("समीक्षा.yaml", "समीक्षा"),
        ("nai\u0308ve cafe\u0301.yaml", "naïve_café"),
        ("😀 (1).yaml", "1"),
        ("😀.yaml", "run"),
        ("長" * 50 + ".yaml", "長" * 33),
        ("a" * 150 + ".yaml", "a" * 100),
    ],
)
def test_the_name_is_that_of_the_file(file: str, name: str) -> None:
    assert load_config(write(DIGITS, file)).name == name


@pytest.mark.parametrize("arguments", [[], ["name=null"], ["name="]])
def test_a_name_of_null_is_that_of_the_file(arguments: list[str]) -> None:
    assert load_config(write(DIGITS), arguments).name == "a"


def test_a_written_name_counts_more_than_that_of_the_file() -> None:
    assert load_config(write("name: b\n" + DIGITS)).name == "b"


@pytest.mark.parametrize("section", [None, "dataset", "model", "training", "execution"])
def test_a_config_cannot_be_changed(section: str | None) -> None:
    config: Any = load_config(write(DIGITS))
    changed = getattr(config, section) if section else config
    with pytest.raises(ValidationError, match="frozen"):
        setattr(changed, next(iter(type(changed).model_fields)), "x")


@pytest.mark.parametrize("dataset", ["digits", "mnist", "imdb"])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"])
def test_every_model_goes_with_every_dataset(dataset: str, name: str) -> None:
    config = load_config(write(DIGITS), [f"dataset.name={dataset}", f"model.name={name}"])
    assert (config.dataset.name, config.model.name) == (dataset, name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["training.clipnorm=1"],
        ["training.clipvalue=0.5"],
        ["training.warmup_epochs=10"],
        ["training.schedule=cosine", "training.warmup_epochs=1"],
        ["training.schedule=plateau", "training.warmup_epochs=0"],
        ["dataset.mask=false", "dataset.padding=pre"],
        ["dataset.mask=false", "model.pooling=mean"],
        ["dataset.mask=false", "model.pooling=max"],
        ["dataset.mask=true", "dataset.padding=post", "model.pooling=last"],
        ["model.embedding_dim=8"],
        ["dataset={name: mnist}", "model.embedding_dim=null"],
    ],
)
def test_what_a_rule_allows_is_a_config(arguments: list[str]) -> None:
    assert load_config(write(IMDB), arguments).name == "a"


@pytest.mark.parametrize(("dataset", "dim"), [("imdb", 128), ("digits", None), ("mnist", None)])
def test_only_words_have_an_embedding(dataset: str, dim: int | None) -> None:
    config = load_config(write(DIGITS), [f"dataset.name={dataset}"])
    assert config.model.embedding_dim == dim


def test_the_order_of_sections_changes_nothing() -> None:
    backwards = "\n".join(reversed(IMDB.splitlines()))
    assert load_config(write(backwards)) == load_config(write(IMDB))


@pytest.mark.parametrize("written", ["data/imdb.npz", "~/imdb.npz", "/data/imdb.npz"])
def test_a_path_is_absolute_so_that_a_run_can_be_repeated_from_anywhere(written: str) -> None:
    config = load_config(write(IMDB), [f"dataset.path={written}"])
    expected = Path(written).expanduser().absolute()
    assert config.dataset.model_dump()["path"] == str(expected)


OWN = (
    "dataset: {name: text, path: own.csv, test_path: ../test.csv, validation_path: ~/own.csv}\n"
    "model: {name: gru, embedding_file: vectors/glove.txt}\n"
)


def test_paths_in_a_config_count_from_its_folder_and_typed_ones_from_here() -> None:
    Path("sub").mkdir()
    file = Path("sub/own.yaml")
    file.write_text(OWN)
    here = Path.cwd()
    config = load_config(file, ["dataset.validation_path=sub/../new.csv"])
    paths = config.dataset.model_dump()
    assert paths["path"] == str(here / "sub/own.csv")
    assert paths["test_path"] == str(here / "test.csv")
    assert paths["validation_path"] == str(here / "new.csv")
    assert config.model.embedding_file == str(here / "sub/vectors/glove.txt")
    assert load_config(file).dataset.model_dump()["validation_path"] == str(Path.home() / "own.csv")
    typed = load_config(file, ["dataset={name: text, path: own.csv}"])
    assert typed.dataset.model_dump()["path"] == str(here / "own.csv")


def test_a_path_above_a_linked_folder_stays_as_it_leads() -> None:
    Path("far/away").mkdir(parents=True)
    Path("near").symlink_to("far/away")
    Path("far/away/own.yaml").write_text(OWN.replace("own.csv", "../own.csv"))
    for place in ("near/own.yaml", "far/away/own.yaml"):
        path = Path(load_config(Path(place)).dataset.model_dump()["path"])
        assert path.resolve() == Path("far/own.csv").resolve()


def test_the_config_of_a_run_says_where_its_data_lie_wherever_it_is_read() -> None:
    Path("sub").mkdir()
    Path("sub/own.yaml").write_text(OWN)
    config = load_config(Path("sub/own.yaml"))
    Path("sub/config.yaml").write_text(config.to_yaml())
    again = load_config(Path("sub/config.yaml"))
    assert again.dataset == config.dataset
    assert again.model == config.model


ROUND_TRIPS: list[list[str]] = [
    [],
    ["name=no", "seed=7", "dataset.validation=test", "dataset.limit=5"],
    ["dataset.path='1e-3'", "training.learning_rate=1e-7", "model.units=[3, 2]"],
    ["training.early_stopping={patience: 1, min_delta: 1e-5}", "training.clipnorm=1"],
    ["execution={jit_compile: true, unroll: false, steps_per_execution: 1}"],
    ["dataset={name: imdb, path: 'größe: #1 ~'}", "model={name: bigru, dense_units: []}"],
    ["dataset.path='010'", "name=2024-01-01"],
    ["dataset.path='10_000'", "name=NULL_", "training.learning_rate=123456789.0"],
    ["dataset.path='.5e1'"],
    ["dataset.path='null'"],
    ["dataset.path='yes'"],
    ["name='08'"],
    ["name='1e5'"],
    ["dataset.path=''"],
]


@pytest.mark.parametrize("arguments", ROUND_TRIPS, ids=" ".join)
def test_what_is_written_reads_back_as_the_same_config(arguments: list[str]) -> None:
    config = load_config(write(IMDB), arguments)
    assert load_config(write(config.to_yaml(), "b.yaml")) == config


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_a_shipped_config_reads_back_as_the_same_config(file: Path) -> None:
    config = load_config(file)
    assert load_config(write(config.to_yaml())) == config


def test_what_is_written_names_every_key() -> None:
    text = load_config(write(IMDB)).to_yaml()
    written = re.findall(r"^ *(\w+):", text, re.MULTILINE)
    sections = [section for section in DEFAULTS.values() if isinstance(section, dict)]
    assert sorted(written) == sorted([*DEFAULTS, *(key for keys in sections for key in keys)])


KEYS = ["seed", "dataset", "dataset.limit", "model.units", "training.early_stopping.x", "x", "a b"]
SIGNS = " \n\t:-[]{}&*!#%@`'\",?|>=.~_019aeinx\0\x1bé"


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(place=integers(0, len(IMDB)), length=integers(0, 9), signs=text(SIGNS, max_size=9))
def test_no_change_of_a_file_is_worse_than_refused(place: int, length: int, signs: str) -> None:
    file = write(IMDB[:place] + signs + IMDB[place + length :])
    try:
        load_config(file)
    except ConfigError as error:
        assert "a.yaml" in error.message


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(key=sampled_from(KEYS), value=text(SIGNS, max_size=9))
def test_no_argument_is_worse_than_refused(key: str, value: str) -> None:
    try:
        load_config(write(IMDB), [f"{key}={value}"])
    except ConfigError as error:
        assert f"argument '{key}=" in error.message
