"""The section `sweep` of a config: what is allowed, and what each problem says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.config import load_config, load_searched
from seqtrain.errors import ConfigError
from seqtrain.schema import search_space
from seqtrain.schema.search_space import Domain, SweepConfig
from tests.conftest import Outcome
from tests.factories.searched import CONFIG, written

Seqtrain = Callable[..., Outcome]


def space(**keys: object) -> dict[str, Domain]:
    """Return a search space; `model__units` is `model.units`."""
    dotted = {key.replace("__", "."): value for key, value in keys.items()}
    return SweepConfig.model_validate({"space": dotted}).space


def problems(text: str) -> str:
    """Return what is wrong with a search space, which stands from line 8 of a config on."""
    with pytest.raises(ConfigError) as caught:
        load_searched(written(CONFIG.partition("    model.units")[0] + text))
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("    model.unit: [2]", 8, "model.unit: unknown key, did you mean `units`?"),
        ("    model.units: [2, 0]", 8, "model.units: must be a whole number of at least 1"),
        ("    model.units:\n    - 2\n    - two", 10, "model.units: must be a whole number of"),
        ("    model.units:\n      choice:\n      - 0", 10, "model.units: must be a whole number"),
        ("    model.name: [lstn]", 8, 'not "lstn", did you mean `lstm`?'),
        ("    model.dropout: {range: [0, 1]}", 8, "model.dropout: must be a number of at least 0"),
        ("    model.dropout: {range: [0.5, 0.1]}", 8, "must be below the second, not 0.5 and 0.1"),
        ("    model.dropout: {range: [0.5]}", 8, "a list of at least 2 and at most 2"),
        ("    model.dropout: {rang: [0, 0.5]}", 8, "unknown key, did you mean `range`?"),
        ("    model.dropout: {}", 8, "needs one of `choice`, `range`, `log_range`, `integer` or"),
        ("    model.dropout: 0.5", 8, "model.dropout: must be a section of keys or a list"),
        ("    model.dropout: {range: [0, 0.5], choice: [0.1]}", 8, "not `choice` and `range` at"),
        ("    model.units: {log_integer: [0, 8]}", 8, "needs numbers above 0, not 0"),
        (
            "    model.units: {integer: [1.5, 8]}",
            8,
            "of at least 0 and at most 1000000000, not 1.5",
        ),
        ("    model.units: {range: [4, 8], step: 2}", 8, "step: is for `integer`"),
        ("    model.units: {choice: [4, 8], points: 2}", 8, "points: is for ranges"),
        ("    model.units: [4, 8, 4]", 8, "stands twice: 4"),
        ("    model.units: []", 8, "at least 1"),
        ("    seed: [1, 2]", 8, "seed: cannot be searched: it is no setting to choose: `--seeds"),
        ("    training.monitor: [val_loss]", 8, "cannot be searched: it is what the trials are"),
        ("    dataset.split_seed: [1, 2]", 8, "cannot be searched: it decides what is validated"),
        ("    sweep.trials: [1, 2]", 8, "sweep.trials: cannot be searched: it is the search"),
        (
            "    model.units: {choice: [2], when: {model.nam: rnn}}",
            8,
            "when.model.nam: is not a key of this space",
        ),
        (
            "    model.name: [rnn, gru]\n    model.units: {choice: [2], when: {model.name: lstm}}",
            9,
            'when.model.name: "lstm" is none of the values of `model.name`',
        ),
        (
            "    model.dropout: {range: [0, 0.5]}\n"
            "    model.units: {choice: [2], when: {model.dropout: 0.1}}",
            9,
            "when.model.dropout: must be a key with a list of values",
        ),
        (
            "    model.units: {choice: [2, 4], when: {training.epochs: 3}}\n"
            "    training.epochs: {choice: [2, 3], when: {model.units: 4}}",
            7,
            "the conditions of `model.units` and `training.epochs` wait for one another",
        ),
        (
            "    model.kernel_size: [3]",
            8,
            "model.kernel_size: unknown key here, it is one of `conv`",
        ),
        (
            "    training.warmup_epochs: [0, 5]",
            8,
            "training.warmup_epochs: must be at most `epochs`, which is 3",
        ),
        (
            "    model.dropout: {range: [0, 0.5]}\n  sampler: grid",
            8,
            "model.dropout: needs `points`, the number of values that the grid takes of it",
        ),
    ],
)
def test_each_problem_has_its_place(text: str, place: int, message: str) -> None:
    found = problems(text + "\n")
    assert message in found
    assert f"search.yaml:{place}: " in found


def test_all_problems_are_told_at_once_and_nothing_is_written(seqtrain: Seqtrain) -> None:
    text = CONFIG.replace("units: 4", "units: 0").replace("1e-4", "-1").replace("[2, 4", "[0, 4")
    for command in ("sweep", "check", "train"):
        outcome = seqtrain(command, written(text))
        assert outcome.exit_code == 2
        assert "3 problems in search.yaml" in outcome.stderr
        places = [line.split(": ")[0] for line in outcome.stderr.splitlines()[1:4]]
        assert places == ["search.yaml:3", "search.yaml:8", "search.yaml:9"]
    assert not Path("outputs").exists()


def test_a_search_that_would_choose_on_test_is_refused() -> None:
    with pytest.raises(ConfigError, match="which would choose by the test examples"):
        load_config(written(), ["dataset.validation=test"])


def test_a_value_that_some_combination_allows_is_allowed() -> None:
    keys = "sweep.space={training.epochs: [3, 9], training.warmup_epochs: [0, 5]}"
    searched = load_searched(written(), [keys])
    assert searched.trial({"training.epochs": 9, "training.warmup_epochs": 5}).training.epochs == 9
    with pytest.raises(ConfigError, match="`training.warmup_epochs` must be at most `epochs`"):
        searched.trial({"training.epochs": 3, "training.warmup_epochs": 5})


def test_an_argument_can_set_a_key_of_the_space() -> None:
    found = load_config(written(), ["sweep.space.model.units=[16, 32]"])
    assert found.sweep is not None
    assert found.sweep.space["model.units"].choice == (16, 32)
    assert "training.learning_rate" in found.sweep.space
    with pytest.raises(ConfigError, match=r"argument 'sweep.space.model.units=\[0\]': sweep.space"):
        load_config(written(), ["sweep.space.model.units=[0]"])


def test_trials_are_compared_by_one_metric() -> None:
    """A `monitor` that depends on other keys is that of the config in every trial."""
    text = CONFIG.replace("name: adding, examples: 40, test_examples: 20, steps: 8", "name: digits")
    searched = load_searched(written(text), ["sweep.space.training.class_weight=[null, balanced]"])
    weighed = searched.trial({"training.class_weight": "balanced"})
    assert weighed.training.class_weight == "balanced"
    assert weighed.training.monitor == "val_accuracy"


def test_a_path_counts_from_the_folder_of_the_config(tmp_path: Path) -> None:
    Path("there").mkdir()
    text = (
        "dataset: {name: text, path: reviews.csv}\nmodel: {name: lstm}\n"
        "sweep: {space: {model.embedding_file: [null, vectors.txt]}}\n"
    )
    searched = load_searched(written(text, "there/search.yaml"))
    trial = searched.trial({"model.embedding_file": "vectors.txt"})
    assert trial.model.embedding_file == str(tmp_path / "there" / "vectors.txt")
    assert f"path: {tmp_path}/there/reviews.csv" in searched.to_yaml()


def test_check_prints_what_reads_back(seqtrain: Seqtrain) -> None:
    printed = seqtrain("check", written()).stdout
    assert load_config(written(printed, "printed.yaml")) == load_config(written())
    assert "sweep" not in seqtrain("check", written(CONFIG.partition("sweep:")[0])).stdout


def test_the_size_of_a_space_counts_conditions() -> None:
    found = space(
        model__name=["rnn", "lstm", "conv"],
        model__units={"integer": [8, 32], "step": 8, "when": {"model.name": ["rnn", "lstm"]}},
        model__filters={"choice": [[8], [16]], "when": {"model.name": "conv"}},
    )
    assert search_space.size(found) == 2 * 4 + 2
    assert search_space.size({**found, **space(model__dropout={"range": [0, 1]})}) is None
    assert search_space.size(space(seed={"integer": [1, 10**6]})) is None


def test_a_condition_of_a_condition_holds_only_if_both_do() -> None:
    found = space(
        c={"choice": [1, 2], "when": {"b": 1}}, b={"choice": [1, 2], "when": {"a": 1}}, a=[1, 2]
    )
    every = [*search_space.combinations(found, lambda domain: domain.listed() or [])]
    assert every == [
        {"a": 1, "b": 1, "c": 1},
        {"a": 1, "b": 1, "c": 2},
        {"a": 1, "b": 2},
        {"a": 2},
    ]


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        ({"range": [0, 1], "points": 3}, [0.0, 0.5, 1.0]),
        ({"log_range": [1e-4, 1e-2], "points": 3}, [1e-4, 1e-3, 1e-2]),
        ({"integer": [2, 8], "step": 3}, [2, 5, 8]),
        ({"log_integer": [4, 64], "points": 5}, [4, 8, 16, 32, 64]),
        ({"log_integer": [1, 2], "points": 5}, [1, 2]),
        ({"choice": [[8], "a", None, True, 1]}, [[8], "a", None, True, 1]),
    ],
)
def test_a_grid_takes_values_at_equal_distances(domain: object, values: list[object]) -> None:
    assert Domain.model_validate(domain).grid() == values


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.integers(0, 2**32), st.booleans())
def test_what_is_drawn_lies_within_the_range(
    first: float, second: float, seed: int, log: bool
) -> None:
    import random

    ends = sorted({first, second, first * 2})[:2]
    domain = Domain.model_validate({"log_range" if log else "range": ends})
    drawn = domain.draw(random.Random(seed))
    assert ends[0] <= drawn <= ends[1]
    assert all(
        ends[0] <= value <= ends[1] for value in domain.model_copy(update={"points": 4}).grid()
    )
