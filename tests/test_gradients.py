"""Gradients of the loss by states equal finite differences, computed with Keras's cells."""

from typing import Any

import numpy as np
import pytest

from seqtrain.config import TrainingConfig
from seqtrain.data.dataset import MASK_VALUE, real_steps
from seqtrain.datasets import Dataset
from tests.factories.networks import dataset, features, network, tokens

pytestmark = pytest.mark.tf

NUDGE = 1e-5


def loss_of(network: Any, x: np.ndarray, label: int, place: Any, state: str, step: int) -> Any:
    """Losses of one example, with each unit of a state increased and decreased in turn.

    Every layer runs by its own Keras cell.
    """
    import keras
    from keras import ops

    from seqtrain.interpretation.trace import Place, directions, hides

    units = [unit for depth, unit in enumerate(cells(network), start=1) if depth == place.layer][0]
    nudges = np.concatenate([np.eye(units), -np.eye(units)]) * NUDGE
    values = np.repeat(x[None], len(nudges), axis=0)
    mask, depth = np.ones(values.shape[:2], bool), 0
    for layer in network.layers:
        if hides(layer):
            mask = np.asarray(layer.compute_mask(values))
        if both := directions(layer):
            depth += 1
            hidden = [
                written_out(
                    *(one, np.asarray(values), mask, state),
                    *((step, nudges) if Place(depth, way) == place else (None, None)),
                )
                for way, one in both.items()
            ]
            values = np.concatenate(hidden, axis=-1)
            if not layer.return_sequences:
                ends = [part[:, end] for part, end in zip(hidden, (-1, 0), strict=False)]
                values = np.concatenate(ends, axis=-1)
        elif isinstance(layer, keras.layers.GlobalAveragePooling1D):
            values = layer(values, mask=ops.convert_to_tensor(mask))
        else:
            values = layer(values)
    scores = np.asarray(values)
    scores = np.concatenate([0 * scores, scores], axis=1) if scores.shape[1] == 1 else scores
    losses = np.logaddexp.reduce(scores, axis=1) - scores[:, label]
    return (losses[:units] - losses[units:]) / (2 * NUDGE)


def cells(network: Any) -> list[int]:
    from seqtrain.interpretation.trace import directions

    found = [list(directions(layer).values()) for layer in network.layers]
    return [both[0].units for both in found if both]


def written_out(
    layer: Any, x: np.ndarray, mask: np.ndarray, state: str, step: int | None, nudges: Any
) -> np.ndarray:
    """Hidden states of all steps, shape (N, T, units)."""
    count = len(layer.cell.get_initial_state(1))
    states = [np.zeros((len(x), layer.units)) for _ in range(count)]
    hidden = np.zeros((*x.shape[:2], layer.units))
    steps = range(x.shape[1])
    for t in reversed(steps) if layer.go_backwards else steps:
        new = [np.asarray(part) for part in layer.cell(x[:, t], states)[1]]
        if t == step and state == "hidden":
            new[0] = new[0] + nudges
        elif t == step:
            gate = new[0] / np.tanh(new[1])
            new[1] = new[1] + nudges
            new[0] = gate * np.tanh(new[1])
        real = mask[:, t, None]
        states = [np.where(real, *pair) for pair in zip(new, states, strict=True)]
        hidden[:, t] = np.where(real, states[0], 0) if layer.return_sequences else states[0]
    return hidden


CASES = {
    "rnn": ("last", tokens, [2]),
    "lstm": ("mean", lambda: features(3), [2, 2]),
    "bigru": ("max", tokens, [2]),
    "bilstm": ("last", lambda: arrays(), [2]),
}


def arrays() -> Dataset:
    """Two sequences of two features, of which the first has four steps and the other six."""
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype(np.float32)
    x[0, 4:] = MASK_VALUE
    return dataset(x, mask=True)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    from seqtrain.interpretation.gradient_norms import flows, in_float64

    pooling, data, units = CASES[name][0], CASES[name][1](), CASES[name][2]
    x, label = data.train.x[0, :6], int(data.train.labels[0])
    count = int(real_steps(data.train.x[:1])[0])
    built = network(name, data, pooling=pooling, units=units)
    found = flows(built, data.task.keras_loss(), x[None], data.train.labels[:1])
    assert len(found) == len(units) * (1 + name.startswith("bi")) * (1 + ("lstm" in name))
    exact = in_float64(built)
    for flow in found:
        forward = flow.place.direction == "forward"
        for read in (0, count // 2, count - 1):
            step = read if forward else count - 1 - read
            slopes = loss_of(exact, x, label, flow.place, flow.state, step)
            expected = np.linalg.norm(slopes)
            np.testing.assert_allclose(flow.norms[read], expected, rtol=1e-6, atol=1e-9)


def test_steps_are_counted_from_the_one_that_is_read_last() -> None:
    from seqtrain.interpretation.gradient_norms import mean_norms

    norms = np.array([[1.0, 2.0, 3.0, 0.0], [5.0, 6.0, 0.0, 0.0], [7.0, 8.0, 9.0, 10.0]])
    counts = norms > 0
    np.testing.assert_allclose(mean_norms(norms, counts, "forward"), [4.5, 16 / 3, 19 / 3])
    np.testing.assert_allclose(mean_norms(norms, counts, "backward"), [6, 16 / 3, 13 / 3])


def test_a_gradient_that_vanishes_is_not_lost_to_rounding() -> None:
    """At rest each step of tanh passes on what the recurrent weights leave: a tenth."""
    from seqtrain.interpretation.gradient_norms import flows

    data = dataset(np.zeros((2, 300, 1), np.float32))
    built = network("rnn", data, units=2)
    kernel, _, bias, *head = built.get_weights()
    built.set_weights([kernel, 0.1 * np.eye(2), 0 * bias, *head])
    (flow,) = flows(built, data.task.keras_loss(), data.train.x, data.train.labels)
    assert flow.reach == pytest.approx(1e-299, rel=1e-3, abs=0)


def test_an_explosion_is_told_with_the_clipnorm_that_bounds_it() -> None:
    from seqtrain.interpretation.gradient_flow import NetworkGradients
    from seqtrain.interpretation.gradient_norms import Flow
    from seqtrain.interpretation.gradient_table import advice
    from seqtrain.interpretation.trace import Place

    def measured(first: float, *norms: float, **training: float) -> NetworkGradients:
        flow = Flow(Place(1, "forward"), "hidden", np.array([first, 1.0, 1.0]))
        return NetworkGradients(
            "mine", "start", [flow], np.array(norms), TrainingConfig(**training)
        )

    assert advice([measured(1e-9, 0.3, 0.2, 0.4)]) == []
    (grown,) = advice([measured(4e3, 0.5, 3.0, 7.0, 9.0)])
    assert "4e+03 times as large at the first step as at the last" in grown
    assert "`training.clipnorm=1` would have cut 75% of 4 batches" in grown
    (spike,) = advice([measured(1e-9, 0.1, 0.12, 40.0)])
    assert "333 times the median in one of 3 batches" in spike
    assert "`training.clipnorm=0.2` would have cut 33% of 3 batches" in spike
    assert advice([measured(1e-9, 0.002, 0.002, 0.05)]) == []  # has learned all but one example
    (single,) = advice([measured(1e-9, 0.0, 0.0, 40.0)])
    assert "is 40 instead of 0 in one of 3 batches; `training.clipnorm=1`" in single
    (broken,) = advice([measured(1e-9, 0.5, np.nan, np.inf)])
    assert "is not finite; `training.clipnorm=0.5` would have cut 67% of 3 batches" in broken
    (clipped,) = advice([measured(4e3, 0.5, 3.0, clipnorm=0.1)])
    assert "`training.clipnorm=0.1` cuts 100% of 2 batches" in clipped
    (loose,) = advice([measured(4e3, 0.5, 3.0, clipnorm=5.0)])
    assert "`training.clipnorm=1` would have cut 50% of 2 batches" in loose
    (other,) = advice([measured(4e3, 0.5, 3.0, clipvalue=5.0)])
    assert "`training.clipvalue=null training.clipnorm=1` would have cut" in other


def test_the_weights_of_classes_count_in_the_norms() -> None:
    from seqtrain.interpretation.gradient_norms import largest_norms

    data = features(2)
    built = network("rnn", data)
    batch = data.train.x, np.zeros(len(data.train), int)
    plain, double = (
        largest_norms(built, data.task.keras_loss(), [batch], weights)
        for weights in (None, {0: 2.0, 1: 1.0})
    )
    np.testing.assert_allclose(double, 2 * plain, rtol=1e-5)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (0.07, 0.1), (6e-4, 1e-3)]
)
def test_a_clipnorm_is_a_round_number(value: float, expected: float) -> None:
    from seqtrain.interpretation.gradient_flow import round_up

    assert round_up(value) == expected


def test_the_norms_on_the_axis_are_plain_numbers() -> None:
    """No plot parses formulas, but the default labels of a log axis are formulas."""
    from matplotlib import rc_context

    from seqtrain.drawing import STYLE
    from seqtrain.interpretation.gradient_flow import NetworkGradients
    from seqtrain.interpretation.gradient_norms import Flow
    from seqtrain.interpretation.gradient_plots import gradients
    from seqtrain.interpretation.trace import Place

    flow = Flow(Place(1, "forward"), "hidden", np.logspace(-6, 0, 20))
    with rc_context(STYLE):
        figure = gradients([NetworkGradients("mine", "start", [flow], np.ones(3))])
        figure.canvas.draw()
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "1e−06" in labels
    assert not any("$" in label for label in labels)
