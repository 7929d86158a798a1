"""The networks that configs build."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.config import Config, load_config
from seqtrain.data.dataset import MASK_VALUE
from seqtrain.datasets import Dataset
from seqtrain.models import ModelConfig
from seqtrain.models.recurrent import Recurrent
from seqtrain.schema.sections import parts_in
from seqtrain.tasks import Classification
from tests.conftest import REPOSITORY, soaked
from tests.factories.networks import (
    EVERY,
    NAMES,
    POOLINGS,
    SOME,
    dataset,
    features,
    model,
    predict,
    tokens,
)

pytestmark = pytest.mark.tf


@pytest.mark.parametrize("name", NAMES)
def test_every_model_gives_probabilities_of_all_classes(name: str) -> None:
    data = features(classes=3)
    out = predict(model(name).build(data), data.train.x)
    assert out.shape == (6, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_two_classes_have_a_sigmoid_head(name: str) -> None:
    data = tokens()
    network = model(name, embedding_dim=3).build(data)
    assert network.layers[-1].activation.__name__ == "sigmoid"
    assert predict(network, data.train.x).shape == (3, 1)


# The contract: every section that a file of `models/` defines, with every pooling that it takes.

KINDS: dict[str, dict[str, Any]] = {
    **{name: {"units": [4, 3]} for name in Recurrent.names()},
    "conv": {"filters": [4, 3], "kernel_size": 3, "dilation": 2},
    "conv + gru": {"filters": [4], "kernel_size": 4, "recurrent": "gru", "units": 3},
    "conv + bilstm": {"filters": [4], "kernel_size": 2, "recurrent": "bilstm", "units": 3},
}
SECTIONS = {
    name: part for part in parts_in("seqtrain.models", ModelConfig) for name in part.names()
}


def section(kind: str, **keys: Any) -> ModelConfig:
    name = kind.partition(" ")[0]
    return SECTIONS[name](name=name, **KINDS[kind], **keys)


def poolings(kind: str) -> tuple[str, ...]:
    return POOLINGS[1:] if kind == "conv" else POOLINGS


def with_random_weights(network: Any) -> Any:
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.5, one.shape) for one in network.get_weights()])
    return network


def values(length: int = 12, mask: bool = True) -> Dataset:
    """Sequences of 5, 1 and 12 steps of 2 features, padded to `length`."""
    x = np.full((3, length, 2), MASK_VALUE, np.float32)
    for row, steps in zip(x, (5, 1, 12), strict=True):
        row[:steps] = np.random.default_rng(steps).normal(size=(steps, 2))
    return dataset(x, 3, mask=mask)


def test_every_model_is_in_the_contract() -> None:
    assert {kind.partition(" ")[0] for kind in KINDS} == set(SECTIONS) - {"encoder_decoder"}


# Each kind with one pooling, and each pooling with several kinds; the others in `make soak`.
POOLED = [
    (kind, pooling) if place == number % len(poolings(kind)) else soaked(kind, pooling)
    for number, kind in enumerate(KINDS)
    for place, pooling in enumerate(poolings(kind))
]


@pytest.mark.parametrize(("kind", "pooling"), POOLED)
def test_twice_the_padding_changes_no_prediction(kind: str, pooling: str) -> None:
    """For models that hide padding: at both ends of texts, and after sequences of numbers."""
    for make, known in (
        (tokens, {"padding": "post"}),
        (tokens, {"padding": "pre"}),
        (values, {}),
    ):
        keys = {"embedding_dim": 3} if make is tokens else {}
        config = section(kind, pooling=pooling, **keys)
        assert config.hides_padding
        short, longer = make(12, **known), make(24, **known)  # type: ignore[operator]
        first, second = config.build(short), config.build(longer)
        assert first.hides_padding
        with_random_weights(first)
        second.set_weights(first.get_weights())
        np.testing.assert_allclose(
            predict(second, longer.train.x), predict(first, short.train.x), atol=2e-6
        )
        assert not config.build(replace(short, mask=False)).hides_padding


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_of_every_model_are_counted_without_building_it(kind: str) -> None:
    for pooling in poolings(kind):
        for data, keys in ((tokens(), {"embedding_dim": 3}), (features(), {})):
            config = section(kind, pooling=pooling, dense_units=[5], **keys)
            assert config.parameters(data) == config.build(data).count_params()
            assert config.operations(data.shape) > 0
            assert config.kept > 0


@pytest.mark.parametrize("kind", ["lstm", "conv", "conv + bilstm"])
def test_every_model_is_opened_by_keras_alone(kind: str, tmp_path: Path) -> None:
    import keras

    data = tokens()
    built = with_random_weights(section(kind, pooling="attention", embedding_dim=3).build(data))
    built.save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(
        predict(opened, data.train.x), predict(built, data.train.x), atol=1e-6
    )


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        *[("bigru", tokens), ("conv + gru", values), ("conv + bilstm", features)],
        *[soaked("bigru", make) for make in (values, features)],
        *[soaked("conv + gru", make) for make in (tokens, features)],
        *[soaked("conv + bilstm", make) for make in (tokens, values)],
    ],
)
def test_what_is_traced_is_what_the_network_computes(kind: str, make: Any) -> None:
    from seqtrain.interpretation.trace import trace

    data = make()
    keys = {"embedding_dim": 3} if make is tokens else {}
    for pooling in ("last", "mean", "attention"):
        built = with_random_weights(section(kind, pooling=pooling, **keys).build(data))
        found = trace(built, data.train.x)
        np.testing.assert_allclose(found.output, predict(built, data.train.x), atol=1e-5)
        assert {place.layer for place in found.steps} <= {1, 2}
        if pooling == "attention":
            shares = np.asarray(found.attention)
            np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
            if data.mask:
                assert np.abs(shares[1, 1:]).max() == 0  # the text of one word


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", ["rnn", "bilstm"])
def test_max_pooling_is_the_maximum_over_the_words(name: str, activation: str) -> None:
    data = tokens()
    config = model(name, pooling="max", embedding_dim=3, activation=activation)
    embedding, recurrent, pool, *_ = config.build(data).layers
    lengths = (data.train.x != 0).sum(axis=1)
    steps = recurrent(embedding(data.train.x), mask=data.train.x != 0)
    rows = zip(np.asarray(steps), lengths, strict=True)
    expected = [row[:length].max(axis=0) for row, length in rows]
    np.testing.assert_allclose(predict(pool, steps), expected, atol=1e-6)


def test_max_pooling_of_steps_that_are_all_zero_is_zero() -> None:
    from seqtrain.models.pooling import masked_max

    assert predict(masked_max(2), np.zeros((1, 3, 2), np.float32)).tolist() == [[0, 0]]


def cells_of(layer: Any) -> list[Any]:
    """The cells of a recurrent layer, one for each direction; none for any other layer."""
    both = [getattr(layer, f"{way}_layer", None) for way in ("forward", "backward")]
    return [cell for cell in (layer, *both) if hasattr(cell, "recurrent_initializer")]


@pytest.mark.parametrize(("name", "pooling"), SOME)
def test_the_mask_reaches_the_last_layer_of_a_stack(
    name: str, pooling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tokens()
    network = model(name, units=[4, 3, 2], pooling=pooling, embedding_dim=3).build(data)
    recurrent = [layer for layer in network.layers if cells_of(layer)]
    seen: list[np.ndarray] = []
    last = recurrent[-1]
    call = last.call

    def recording(sequences: Any, *rest: Any, mask: Any = None, **named: Any) -> Any:
        seen.append(np.asarray(mask))
        return call(sequences, *rest, mask=mask, **named)

    monkeypatch.setattr(last, "call", recording)
    predict(network, data.train.x)
    np.testing.assert_array_equal(seen[0], data.train.x != 0)


@pytest.mark.parametrize("name", ["lstm", "gru", "bilstm", "bigru"])
def test_pre_padding_with_a_mask_is_kept_off_cudnn(name: str) -> None:
    """cuDNN reads no sequence whose first steps are masked: on a GPU it would fail."""
    config = model(name, embedding_dim=3, units=[4, 3])
    before, after, bare = (
        config.build(replace(tokens(), padding=padding, mask=mask))
        for padding, mask in (("pre", True), ("post", True), ("pre", False))
    )
    assert {cell.use_cudnn for layer in before.layers for cell in cells_of(layer)} == {False}
    assert {cell.use_cudnn for layer in after.layers for cell in cells_of(layer)} == {"auto"}
    assert {cell.use_cudnn for layer in bare.layers for cell in cells_of(layer)} == {"auto"}


FITTED = [("last", 2, "pre"), ("mean", 3, "post"), ("max", 2, "none"), ("attention", 3, "post")]
OTHERS = [
    soaked(pooling, classes, mask)
    for pooling, classes in zip(POOLINGS, (2, 3, 2, 3), strict=True)
    for mask in ("none", "post", "pre")
    if (pooling, classes, mask) not in FITTED
]


@pytest.mark.parametrize(("pooling", "classes", "mask"), [*FITTED, *OTHERS])
def test_every_pooling_can_be_fitted(pooling: str, classes: int, mask: str) -> None:
    padded = {"padding": "post" if mask == "none" else mask, "mask": mask != "none"}
    data = replace(tokens(**padded), task=Classification(tuple("abc"[:classes])))
    network = model("bilstm", pooling=pooling, embedding_dim=3, units=[4, 4]).build(data)
    network.compile(
        "adam", data.task.keras_loss(), run_eagerly=True
    )  # to trace a graph takes ten times longer
    before = [weights.copy() for weights in network.get_weights()]
    labels = np.arange(3) % classes
    history = network.fit(data.train.x, labels, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all((a != b).any() for a, b in zip(before, network.get_weights(), strict=True))


def test_without_padding_the_mask_changes_nothing() -> None:
    x = np.array([[3, 4, 5], [5, 4, 3]], np.int32)
    masked = dataset(x, vocabulary_size=9, mask=True)
    for pooling in POOLINGS:
        config = model("bigru", pooling=pooling, embedding_dim=3)
        first, second = config.build(masked), config.build(replace(masked, mask=False))
        second.set_weights(first.get_weights())
        np.testing.assert_allclose(predict(second, x), predict(first, x), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_unrolling_changes_no_prediction(name: str) -> None:
    data = features()
    first, second = model(name).build(data), model(name).build(data, unroll=True)
    second.set_weights(first.get_weights())
    np.testing.assert_allclose(
        predict(second, data.train.x), predict(first, data.train.x), atol=1e-5
    )


def test_a_layer_stands_for_each_key() -> None:
    config = model("lstm", units=[8, 6], dropout=0.5, dense_units=[5], recurrent_dropout=0.2)
    network = config.build(features())
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["LSTM", "Dropout", "LSTM", "Dropout", "Dense", "Dropout", "Dense"]
    assert [network.layers[0].units, network.layers[2].units] == [8, 6]
    assert network.layers[0].recurrent_dropout == 0.2


@pytest.mark.parametrize(
    ("name", "pooling"), [pair if pair in SOME else soaked(*pair) for pair in EVERY]
)
def test_a_saved_model_names_only_what_keras_has(name: str, pooling: str, tmp_path: Path) -> None:
    import json
    import zipfile

    file = tmp_path / "model.keras"
    model(name, pooling=pooling, embedding_dim=3).build(tokens()).save(file)
    with zipfile.ZipFile(file) as archive:
        text = archive.read("config.json").decode()
    modules: list[str] = []
    json.loads(text, object_hook=lambda item: modules.append(item.get("module") or "keras"))
    assert modules
    assert all(module.split(".")[0] == "keras" for module in modules)
    assert "seqtrain" not in text


def config(name: str) -> Config:
    return load_config(REPOSITORY / "configs" / f"{name}.yaml")


def test_the_tutorials_lstm_has_its_number_of_parameters() -> None:
    tutorial = config("imdb_lstm")
    data = dataset(np.ones((2, 300), np.int32), vocabulary_size=5_000)
    assert tutorial.model.build(data).count_params() == 121_297


@pytest.mark.parametrize("name", ["lstm", "gru", "bilstm", "bigru"])
def test_cells_remember_as_many_steps_as_asked_for(name: str) -> None:
    """With no input and no recurrence, a gate keeps a share s of the state: 1 / (1 - s) steps."""
    network = model(name, units=[5, 4], memory_steps=50).build(features())
    cells = [cell for layer in network.layers for cell in cells_of(layer)]
    assert len(cells) == 2 * (1 + name.startswith("bi"))
    for cell in cells:
        bias, units = cell.get_weights()[-1], cell.units
        gate = bias[units : 2 * units] if bias.ndim == 1 else bias[:, :units].sum(axis=0)
        steps = 1 / (1 - 1 / (1 + np.exp(-gate)))
        np.testing.assert_allclose(steps, np.linspace(2, 50, units), rtol=1e-3)


def test_operations_are_those_of_the_matrices() -> None:
    network = model("bilstm", units=[3, 2], embedding_dim=5)
    first = 4 * 2 * (5 + 3) * 3
    second = 4 * 2 * (6 + 2) * 2
    assert network.operations((7,)) == 2 * 7 * (first + second)
