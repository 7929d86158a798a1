"""Probabilities of an example do not depend on its batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import MASK_VALUE
from tests.conftest import REPOSITORY, Outcome, soaked
from tests.factories.networks import NAMES, POOLINGS, dataset, model
from tests.own import sentences, write_csv

pytestmark = pytest.mark.tf


def padded(features: int | None, padding: str) -> np.ndarray:
    """300 sequences of 1 to 30 steps, padded to 30 at one end."""
    random = np.random.default_rng(0)
    shape = (300, 30) if features is None else (300, 30, features)
    x = np.full(shape, 0 if features is None else MASK_VALUE, np.float32)
    for row, length in zip(x, random.integers(1, 31, 300), strict=True):
        steps = slice(length) if padding == "post" else slice(30 - length, 30)
        row[steps] = random.integers(1, 20, row[steps].shape)
    return x.astype(np.int32) if features is None else x


def network(features: int | None, x: np.ndarray, name: str, pooling: str) -> Any:
    known = {"vocabulary_size": 20} if features is None else {}
    keys = {"embedding_dim": 3} if features is None else {}
    return model(name, pooling=pooling, **keys).build(dataset(x, mask=True, **known))


# Each cell with two poolings, one of them of features; one of the two in `make soak`.
CASES = [
    (name, POOLINGS[(number + turn) % 3], (None, 2)[turn])
    for number, name in enumerate(NAMES)
    for turn in range(2)
]
SOME = [case if place % 4 in (0, 3) else soaked(*case) for place, case in enumerate(CASES)]


@pytest.mark.parametrize(("name", "pooling", "features"), SOME)
def test_cutting_padding_changes_no_probability(
    name: str, pooling: str, features: int | None
) -> None:
    from seqtrain.inference.network import hides_padding, outputs

    x = padded(features, "post")
    built = network(features, x, name, pooling)
    built.run_eagerly = (name, pooling, features) != CASES[0]  # graphs take most of the time
    assert hides_padding(built, x)
    whole = np.asarray(built.predict(x, batch_size=128, verbose=0))
    np.testing.assert_allclose(outputs(built, x), whole, atol=1e-6)


def test_padding_before_is_left_as_it_is() -> None:
    from seqtrain.inference.network import hides_padding, outputs

    x = padded(None, "pre")
    built = network(None, x, "gru", "last")
    assert not hides_padding(built, x)
    whole = np.asarray(built.predict(x, batch_size=128, verbose=0))
    np.testing.assert_allclose(outputs(built, x), whole, atol=1e-6)


def test_without_a_mask_padding_is_part_of_the_example() -> None:
    from seqtrain.inference.network import hides_padding

    x = padded(None, "post")
    bare = model("gru", pooling="mean", embedding_dim=3).build(dataset(x, vocabulary_size=20))
    assert not hides_padding(bare, x)


def test_data_that_changed_so_that_words_have_other_ids_are_refused(
    seqtrain: Callable[..., Outcome],
) -> None:
    write_csv(Path("own.csv"), sentences())
    Path("own.yaml").write_text(
        "dataset: {name: text, path: own.csv, max_length: 8}\n"
        "model: {name: gru, units: 2, embedding_dim: 2}\ntraining: {epochs: 1}\n"
    )
    run = seqtrain("train", "own.yaml").stdout.strip()
    assert seqtrain("evaluate", run).exit_code == 0
    write_csv(Path("own.csv"), [*sentences(), ("another another another word", "bad")])
    outcome = seqtrain("evaluate", run)
    assert outcome.exit_code == 2
    assert "the network would read them wrongly" in outcome.stderr
    assert f"`seqtrain evaluate {run} --data FILE`" in outcome.stderr
    judged = seqtrain("evaluate", run, "--data", "own.csv")
    assert judged.exit_code == 0
    assert "61 examples, 43 of them trained on" in judged.stdout


def test_examples_of_another_shape_are_refused(seqtrain: Callable[..., Outcome]) -> None:
    few = ("training.epochs=1", "dataset.limit=50", "model.units=2")
    run = seqtrain("train", REPOSITORY / "configs" / "quickstart.yaml", *few).stdout.strip()
    config = Path(run) / "config.yaml"
    config.write_text(config.read_text().replace("name: digits", "name: mnist\n  path: mnist.npz"))
    np.savez("raw.npz", x=np.zeros((3, 28, 28), np.uint8))
    config.write_text(config.read_text().replace("  test: 0.2\n", ""))
    outcome = seqtrain("predict", run, "--data", "raw.npz")
    assert outcome.exit_code == 2
    assert "examples of 28 × 28 do not fit the network" in outcome.stderr
    assert "the network reads examples of 8 × 8" in outcome.stderr
