"""Networks written out step by step compute what Keras's layers compute."""

import numpy as np
import pytest

from tests.factories.networks import NAMES, POOLINGS, features, network, predict, tokens

pytestmark = pytest.mark.tf

INPUTS = {
    "masked at the end": lambda: tokens(),
    "masked at the beginning": lambda: tokens(padding="pre"),
    "without a mask": lambda: tokens(padding="pre", mask=False),
    "features": lambda: features(classes=3),
}
CASES = [
    *((name, kind) for name in NAMES for kind in ("masked at the end", "features")),
    *(("bigru", kind) for kind in ("masked at the beginning", "without a mask")),
]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_output_is_that_of_the_network(pooling: str) -> None:
    from seqtrain.interpretation.trace import trace

    data = tokens()
    built = network("bilstm", data, pooling=pooling, dropout=0.5, dense_units=[3])
    found = trace(built, data.train.x).output
    np.testing.assert_allclose(found, predict(built, data.train.x), atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_hidden_states_are_the_outputs_of_every_layer(name: str, kind: str) -> None:
    import keras

    from seqtrain.interpretation.trace import directions, mask_of, trace

    data = INPUTS[kind]()
    built = network(name, data, pooling="mean")
    layers = [layer.output for layer in built.layers if directions(layer)]
    *expected, output = keras.Model(built.inputs, [*layers, built.outputs[0]])([data.train.x])
    found = trace(built, data.train.x)
    np.testing.assert_allclose(found.output, output, atol=1e-5)
    mask = mask_of(built, data.train.x)
    real = np.ones(data.train.x.shape[:2], bool) if mask is None else np.asarray(mask)
    assert real.all() == (not kind.startswith("masked"))
    for depth, sequences in enumerate(expected, start=1):
        hidden = [steps["hidden"] for place, steps in found.steps.items() if place.layer == depth]
        both = np.concatenate(hidden, axis=-1)
        np.testing.assert_allclose(both[real], np.asarray(sequences)[real], atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "bigru"])
def test_gates_are_between_nothing_and_all(name: str) -> None:
    from seqtrain.interpretation.trace import STATES, trace

    data = features()
    for steps in trace(network(name, data), data.train.x).steps.values():
        for gate in set(steps) - set(STATES):
            assert 0 < np.min(steps[gate]) < np.max(steps[gate]) < 1


def test_the_cell_state_is_what_the_gates_make_of_it() -> None:
    from seqtrain.interpretation.trace import Place, trace

    data = features()
    built = network("lstm", data, units=3)
    steps = {
        name: np.asarray(values)
        for name, values in trace(built, data.train.x).steps[Place(1, "forward")].items()
    }
    np.testing.assert_allclose(steps["hidden"], steps["output"] * np.tanh(steps["cell"]), atol=1e-6)
    carried = steps["forget"][:, 1:] * steps["cell"][:, :-1]
    assert (np.abs(steps["cell"][:, 1:] - carried) <= steps["input"][:, 1:] + 1e-6).all()


def test_a_nudge_is_added_to_a_state() -> None:
    from seqtrain.interpretation.trace import Place, trace

    data, place = features(), Place(1, "forward")
    built = network("gru", data, units=3)
    nudge = np.zeros((6, 5, 3), np.float32)
    nudge[:, 2] = 0.5
    before = np.asarray(trace(built, data.train.x).steps[place]["hidden"])
    after = np.asarray(
        trace(built, data.train.x, {place: {"hidden": nudge}}).steps[place]["hidden"]
    )
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    np.testing.assert_allclose(after[:, 2], before[:, 2] + 0.5, atol=1e-6)
    assert (after[:, 3:] != before[:, 3:]).all()


def test_a_linear_model_beside_the_network_is_left_out() -> None:
    from seqtrain.interpretation.trace import trace
    from seqtrain.models import wide
    from tests.factories.wide import network as beside
    from tests.factories.wide import pairs_of_words

    data = pairs_of_words(3)
    built = beside(data, name="bilstm", pooling="max", token_dropout=0.2)
    found = trace(built, data.test.x)
    assert np.abs(found.output - predict(built, data.test.x)).max() > 1e-3
    wide._set_weights(built, network=1.0, linear=0.0)
    np.testing.assert_allclose(found.output, predict(built, data.test.x), atol=1e-5)
