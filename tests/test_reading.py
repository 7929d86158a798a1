"""The prediction after t steps equals the prediction for these steps alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import MASK_VALUE
from seqtrain.tasks import Classification
from tests.factories.networks import dataset, features, model, network, predict, tokens

pytestmark = pytest.mark.tf


TASK = Classification()  # of which reading needs no names


def probabilities(out: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - out, out], axis=1) if out.shape[1] == 1 else out


def alone(words: np.ndarray, padding: str) -> np.ndarray:
    """A text of these words, padded like the texts of `tokens`."""
    x = np.zeros((1, 12), np.int32)
    x[0, slice(len(words)) if padding == "post" else slice(12 - len(words), None)] = words
    return x


def masked(built: Any, name: str, data: Any, **keys: Any) -> Any:
    """The same network for sequences of any length."""
    reader = model(name, **keys).build(replace(data, mask=True))
    reader.set_weights(built.get_weights())
    return reader


def said_of(
    built: Any, name: str, parts: Mapping[str, Sequence[np.ndarray]]
) -> dict[str, np.ndarray]:
    """The predictions of a network for each part, by direction.

    Before `readings`, which takes the activation of its head.
    """
    ways = list(parts)[: 2 if name.startswith("bi") else 1]
    return {
        way: np.concatenate([probabilities(predict(built, part)) for part in parts[way]])
        for way in ways
    }


@pytest.mark.parametrize(
    ("name", "padding", "mask", "pooling"),
    [
        ("lstm", "post", True, "last"),
        ("bigru", "post", True, "mean"),
        ("birnn", "post", True, "max"),
        ("bilstm", "pre", True, "last"),
        ("gru", "pre", False, "last"),
        ("bilstm", "post", False, "mean"),
    ],
)
def test_a_text_is_read_word_by_word(name: str, padding: Any, mask: bool, pooling: str) -> None:
    from seqtrain.interpretation.prefixes import readings

    data = tokens(padding=padding, mask=mask)
    built = network(name, data, pooling=pooling)
    row = data.train.x[0]
    words = row[row != 0]
    ends = {
        "forward": [np.concatenate([alone(words[: end + 1], padding) for end in range(5)])],
        "backward": [np.concatenate([alone(words[start:], padding) for start in range(5)])],
    }
    expected = said_of(built, name, ends)
    found = readings(built, row, padding, TASK)
    assert [said.direction for said in found] == list(expected)
    for said in found:
        np.testing.assert_allclose(said.predictions, expected[said.direction], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "pooling", "classes"),
    [("rnn", "last", 2), ("lstm", "max", 3), ("bigru", "mean", 2), ("bilstm", "max", 3)],
)
def test_rows_are_read_as_if_no_others_came(name: str, pooling: str, classes: int) -> None:
    from seqtrain.interpretation.prefixes import readings

    data = features(classes)
    built = network(name, data, pooling=pooling)
    row = data.train.x[1]
    parts = {
        "forward": [row[None, : end + 1] for end in range(5)],
        "backward": [row[None, start:] for start in range(5)],
    }
    expected = said_of(built, name, parts)
    reader = masked(built, name, data, pooling=pooling, units=[4, 3])
    for said in readings(reader, row, "post", TASK):
        np.testing.assert_allclose(said.predictions, expected[said.direction], atol=1e-5)


@pytest.mark.parametrize(("name", "pooling"), [("bilstm", "last"), ("gru", "mean")])
def test_sequences_of_other_lengths_are_read_without_their_padding(name: str, pooling: str) -> None:
    from seqtrain.interpretation.prefixes import readings

    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    x[0, 4:] = MASK_VALUE
    built = network(name, dataset(x, mask=True), pooling=pooling)

    def padded(steps: np.ndarray) -> np.ndarray:
        filled = np.full((1, 6, 3), MASK_VALUE, np.float32)
        filled[0, : len(steps)] = steps
        return filled

    parts = {
        "forward": [padded(x[0, : end + 1]) for end in range(4)],
        "backward": [padded(x[0, start:4]) for start in range(4)],
    }
    expected = said_of(built, name, parts)
    found = readings(built, x[0], "post", TASK)
    assert [said.direction for said in found] == list(expected)
    for said in found:
        np.testing.assert_allclose(said.predictions, expected[said.direction], atol=1e-5)


@pytest.mark.parametrize("unroll", [True, False])
def test_the_end_of_a_reading_is_the_answer(unroll: bool) -> None:
    from seqtrain.interpretation.prefixes import readings

    data = features(3)
    built = model("birnn").build(data, unroll=unroll)
    whole = predict(built, data.train.x[:1])[0]
    for said in readings(masked(built, "birnn", data), data.train.x[0], "post", TASK):
        np.testing.assert_allclose(said.predictions[said.end], whole, atol=1e-6)


def test_changes_add_up_to_what_the_reading_changed() -> None:
    from seqtrain.interpretation.prefixes import Reading

    odds = np.random.default_rng(0).normal(size=(6, 3))
    forward, backward = (Reading(way, odds, odds) for way in ("forward", "backward"))
    assert np.isnan(forward.changes(1)[0])
    assert np.isnan(backward.changes(1)[-1])
    assert forward.changes(1)[3] == odds[3, 1] - odds[2, 1]
    assert backward.changes(1)[3] == odds[3, 1] - odds[4, 1]
    assert np.nansum(forward.changes(1)) == pytest.approx(odds[-1, 1] - odds[0, 1])
    assert np.nansum(backward.changes(1)) == pytest.approx(odds[0, 1] - odds[-1, 1])


def test_log_odds_are_those_of_the_softmax_and_never_infinite() -> None:
    from seqtrain.evaluation.classification_metrics import log_odds

    scores = np.array([[0.0, 1.0, 2.0], [0.0, 500.0, 0.0]])
    softmax = np.exp(scores[0]) / np.exp(scores[0]).sum()
    np.testing.assert_allclose(log_odds(scores)[0], np.log(softmax / (1 - softmax)))
    assert log_odds(scores)[1, 1] == pytest.approx(500 - np.log(2))
    np.testing.assert_array_equal(log_odds(np.array([[3.0]])), [[-3.0, 3.0]])


def test_gates_are_those_of_the_steps_that_are_read() -> None:
    from seqtrain.interpretation.prefixes import inside
    from seqtrain.interpretation.trace import trace

    data = tokens(padding="pre")
    built = network("bilstm", data)
    whole = trace(built, data.train.x[:1]).steps
    for place, found in inside(built, data.train.x[0])[0].items():
        for name, values in found.items():
            assert values.shape[0] == 5
            np.testing.assert_allclose(values, whole[place][name][0, -5:], atol=1e-6)


def test_padding_without_a_mask_is_not_shown() -> None:
    from seqtrain.interpretation.prefixes import parts

    row = tokens().train.x[0]
    assert parts(row, "forward", "post").tolist()[1] == [3, 4] + [0] * 10
    assert parts(row, "backward", "post").tolist()[4] == [7] + [0] * 11
    assert parts(dataset(row[None, :, None] * 1.0).train.x[0], "forward", "post").shape[0] == 12


@pytest.mark.parametrize("what", ["words", "rows", "features"])
def test_attention_is_drawn_beside_the_curves(what: str) -> None:
    from seqtrain.interpretation import prefix_plots
    from seqtrain.interpretation.explanation import Example, Explanation
    from seqtrain.interpretation.prefixes import Reading

    x = np.arange(1, 5) if what == "words" else np.ones((4, 3), np.float32)
    words = ["a", "b", "c", "d"] if what == "words" else None
    odds = np.linspace(-1, 1, 8).reshape(4, 2)
    attention = np.array([0.1, 0.2, 0.3, 0.4])
    for known in (attention, None):
        figure = prefix_plots.reading(
            Explanation(
                "run",
                Example(x, "title", "slug", words, rows=what == "rows"),
                Classification(("no", "yes")),
                [Reading("forward", 1 / (1 + np.exp(-odds)), odds)],
                {},
                known,
            )
        )
        labels = [label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel())]
        assert ("attention" in labels) == (known is not None)
        lengths = [
            bar.get_width() if what == "rows" else bar.get_height()
            for axes in figure.axes
            if "attention" in (axes.get_xlabel(), axes.get_ylabel())
            for bar in axes.patches
        ]
        assert lengths == ([] if known is None else attention.tolist())
