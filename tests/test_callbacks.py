"""What Keras's `fit` is given: order, learning rate, and what follows each epoch."""

import math
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqtrain.backend import execution
from seqtrain.config import CompleteTrainingConfig, ExecutionConfig, TrainingConfig
from seqtrain.data.dataset import LENGTHS
from seqtrain.datasets import Examples
from seqtrain.errors import TrainingError
from seqtrain.runs.run import Run
from tests.factories.runs import config

pytestmark = pytest.mark.tf

STEPS = 10  # in an epoch


def examples(number: int = 10) -> Examples:
    return Examples(np.arange(number, dtype=np.float32)[:, None], np.arange(number, dtype=np.int32))


def epoch_order(batches: Any) -> list[int]:
    batches.on_epoch_begin()
    return [int(label) for index in range(len(batches)) for label in batches[index][1]]


def test_every_epoch_has_every_example_once_in_its_own_order() -> None:
    from seqtrain.training.batches import Batches

    batches = Batches(examples(), batch_size=3, seed=0)
    orders = [epoch_order(batches) for _ in range(3)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_seed_and_epoch_alone_decide_the_order() -> None:
    from seqtrain.training.batches import Batches

    first, same, other = (Batches(examples(), 3, seed) for seed in (1, 1, 2))
    order = epoch_order(first)
    assert epoch_order(same) == order
    assert epoch_order(other) != order


def test_the_last_batch_is_smaller() -> None:
    from seqtrain.training.batches import Batches

    batches = Batches(examples(10), batch_size=4, seed=0)
    assert [len(batches[index][1]) for index in range(len(batches))] == [4, 4, 2]


def test_x_and_labels_stay_together() -> None:
    from seqtrain.training.batches import Batches

    batches = Batches(examples(), batch_size=4, seed=0)
    batches.on_epoch_begin()
    x, labels = batches[0]
    np.testing.assert_array_equal(x[:, 0], labels)


@pytest.mark.parametrize("start", [0, 1, 3])
@pytest.mark.parametrize("steps", [1, 2, 32])
def test_tensorflow_is_fed_the_same_batches_in_every_epoch(
    start: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqtrain.training.batches import Batches

    monkeypatch.setattr(execution, "STEPS_AT_ONCE", steps)
    fed, one_by_one = (Batches(examples(14), 4, seed=0, start=start) for _ in range(2))
    dataset = execution.feed(fed, ExecutionConfig(backend="tensorflow"))
    assert len(dataset) == len(one_by_one) == 4 - start
    for _ in range(2):
        one_by_one.on_epoch_begin()
        for found, index in zip(dataset.as_numpy_iterator(), range(4 - start), strict=True):
            for part, expected in zip(found, one_by_one[index], strict=True):
                np.testing.assert_array_equal(part, expected)


def test_large_batches_are_fed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtrain.training.batches import Batches

    taken: list[int] = []
    fed = Batches(examples(14), 4, seed=0)
    monkeypatch.setattr(execution, "FED_AT_ONCE", 2 * 4 * 4)  # bytes of two batches of 4 floats
    groups = fed.groups
    monkeypatch.setattr(fed, "groups", lambda count: taken.append(count) or groups(count))
    list(execution.feed(fed, ExecutionConfig(backend="tensorflow")))
    assert taken == [2]


def test_batches_of_like_length_are_fed_one_by_one() -> None:
    from seqtrain.training.batches import Batches

    fed, one_by_one = (Batches(texts(203), 8, seed=0, by_length=True) for _ in range(2))
    dataset = execution.feed(fed, ExecutionConfig(backend="tensorflow"))
    one_by_one.on_epoch_begin()
    for found, index in zip(dataset.as_numpy_iterator(), range(len(dataset)), strict=True):
        for part, expected in zip(found, one_by_one[index], strict=True):
            np.testing.assert_array_equal(part, expected)


def test_tensorflow_is_fed_without_its_tuner_for_which_an_epoch_would_wait() -> None:
    from seqtrain.training.batches import Batches

    fed = execution.feed(Batches(examples(), 4, seed=0), ExecutionConfig(backend="tensorflow"))
    assert fed.options().autotune.enabled is False


def test_jax_takes_batches_as_they_are() -> None:
    from seqtrain.training.batches import Batches

    batches = Batches(texts(), 8, seed=0)
    assert execution.feed(batches, ExecutionConfig(backend="jax")) is batches


def test_fit_sees_the_order_of_each_epoch_from_the_first() -> None:
    """Keras calls on_epoch_begin once before each epoch, and asks for the batches in order.

    Training on JAX relies on it, which takes the batches themselves.
    """
    import keras

    from seqtrain.training.batches import Batches

    class Recorder(Batches):
        def __getitem__(self, index: int) -> Any:
            seen.append((self.epoch, index))
            return super().__getitem__(index)

    seen: list[tuple[int, int]] = []
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Recorder(examples(), 4, seed=0), epochs=3, shuffle=False, verbose=0)
    expected = [(epoch, index) for epoch in (1, 2, 3) for index in range(3)]
    assert [item for item in seen if item[0]] == expected


def texts(number: int = 200, length: int = 100) -> Examples:
    """Texts of 1 to 100 words, padded at the end; every word is the number of its text."""
    random = np.random.default_rng(0)
    x = np.zeros((number, length), np.int32)
    for row, words in enumerate(random.integers(1, length + 1, number)):
        x[row, :words] = row + 1
    return Examples(x, np.arange(number, dtype=np.int32))


def test_batches_of_like_length_hold_every_example_once_and_whole() -> None:
    from seqtrain.training.batches import Batches

    whole = texts()
    batches = Batches(whole, 8, seed=0, by_length=True)
    for _ in range(2):
        order = epoch_order(batches)
        assert sorted(order) == list(range(200))
        for index in range(len(batches)):
            x, labels = batches[index]
            np.testing.assert_array_equal(x, whole.x[labels, : x.shape[1]])
            assert not whole.x[labels, x.shape[1] :].any()


def test_batches_of_like_length_are_cut_to_few_lengths_with_little_padding() -> None:
    from seqtrain.training.batches import Batches

    many = texts(6000)
    batches = Batches(many, 8, seed=0, by_length=True)
    batches.on_epoch_begin()
    shapes = [batches[index][0].shape for index in range(len(batches))]
    assert shapes == [batches.shape(index) for index in range(len(batches))]
    assert len({steps for _, steps in shapes}) == LENGTHS
    computed = sum(rows * steps for rows, steps in shapes)
    real = int((many.x != 0).sum())
    assert computed < 1.25 * real
    steps = [steps for _, steps in shapes]
    assert steps != sorted(steps)  # the batches are mixed again


@pytest.mark.parametrize(("number", "lengths"), [(40, 1), (320, 2), (1280, 4)])
def test_few_batches_are_cut_to_fewer_lengths(number: int, lengths: int) -> None:
    from seqtrain.training.batches import Batches

    batches = Batches(texts(number), 8, seed=0, by_length=True)
    batches.on_epoch_begin()
    assert len({batches.shape(index) for index in range(len(batches))}) == lengths


def test_batches_of_like_length_hold_others_in_each_epoch() -> None:
    from seqtrain.training.batches import Batches

    lengths = np.arange(1, 241)  # so that to sort them all would give one order
    x = (np.arange(240) < lengths[:, None]).astype(np.int32)
    batches = Batches(Examples(x, np.arange(240)), 8, seed=0, by_length=True)
    one, two = (
        {frozenset(order[start : start + 8]) for start in range(0, 240, 8)}
        for order in (epoch_order(batches), epoch_order(batches))
    )
    assert not one & two


def test_seed_and_epoch_alone_decide_the_order_of_batches_of_like_length() -> None:
    from seqtrain.training.batches import Batches

    first, same, other = (Batches(texts(), 8, seed, by_length=True) for seed in (1, 1, 2))
    one, two = epoch_order(first), epoch_order(first)
    assert one == epoch_order(same)
    assert one != two
    assert one != epoch_order(other)


@pytest.mark.parametrize("number", [5, 8, 20, 200])
def test_batches_of_like_length_can_be_fitted(number: int) -> None:
    import keras

    from seqtrain.training.batches import Batches

    embedding = keras.layers.Embedding(300, 2, mask_zero=True)
    layers = [embedding, keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([keras.Input((100,), dtype="int32"), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=3)
    batches = Batches(texts(number), 8, seed=0, by_length=True)
    fed = execution.feed(batches, ExecutionConfig(backend=keras.backend.backend()))
    history = model.fit(fed, epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def rates(epochs: int = 4, **keys: Any) -> list[float]:
    """The learning rate of every step, at a peak of 1."""
    from seqtrain.training.callbacks import Schedule

    training = TrainingConfig(epochs=epochs, learning_rate=1.0, **keys)
    schedule = Schedule(training, STEPS)
    return [float(schedule(step)) for step in range(epochs * STEPS)]


def test_a_constant_rate_is_constant() -> None:
    assert set(rates()) == {1.0}


def test_cosine_falls_from_the_peak_to_nearly_zero() -> None:
    found = rates(schedule="cosine")
    expected = [0.5 * (1 + math.cos(math.pi * step / 40)) for step in range(40)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_exponential_falls_by_a_tenth_each_epoch() -> None:
    found = rates(schedule="exponential")[::STEPS]
    np.testing.assert_allclose(found, [1, 0.9, 0.81, 0.729], rtol=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "exponential"])
def test_the_warm_up_rises_linearly_to_the_peak(schedule: str) -> None:
    found = rates(schedule=schedule, warmup_epochs=1.5)
    np.testing.assert_allclose(found[:15], [(step + 1) / 16 for step in range(15)], rtol=1e-6)
    assert found[15] == pytest.approx(1.0)


def test_clipping_reaches_the_optimizer() -> None:
    from seqtrain.training.callbacks import optimizer

    assert optimizer(TrainingConfig(clipnorm=0.5), STEPS).clipnorm == 0.5
    assert optimizer(TrainingConfig(clipvalue=0.5), STEPS).clipvalue == 0.5


def test_the_rate_in_the_history_is_that_of_the_last_step() -> None:
    from seqtrain.training.callbacks import learning_rate, optimizer

    training = TrainingConfig(epochs=4, learning_rate=1.0, schedule="cosine")
    chosen = optimizer(training, STEPS)
    chosen.build([])
    chosen.iterations.assign(20)
    assert learning_rate(chosen) == pytest.approx(rates(schedule="cosine")[19])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_training(value: float) -> None:
    from seqtrain.training.callbacks import StopIfNotFinite

    guard = StopIfNotFinite()
    guard.on_epoch_begin(1)
    guard.on_train_batch_end(0, {"loss": 0.5})
    with pytest.raises(TrainingError, match="in epoch 2") as raised:
        guard.on_train_batch_end(1, {"loss": value})
    assert "learning_rate" in str(raised.value.hint)


@pytest.mark.parametrize(("name", "other"), [("loss", "val_loss"), ("val_loss", "loss")])
def test_a_loss_that_is_not_finite_at_the_end_of_an_epoch_ends_the_training(
    name: str, other: str
) -> None:
    from seqtrain.training.callbacks import StopIfNotFinite

    guard = StopIfNotFinite()
    guard.on_epoch_begin(0)
    guard.on_epoch_end(0, {name: 0.5, other: 0.5})
    with pytest.raises(TrainingError, match=f"the {name} is nan in epoch 1"):
        guard.on_epoch_end(0, {name: math.nan, other: 0.5})


class OnGpu:
    """A loss that is waited for when it is read."""

    def __init__(self, value: float, read: list[float]) -> None:
        self.value = value
        self.read = read

    def __float__(self) -> float:
        self.read.append(self.value)
        return self.value


def test_no_batch_waits_for_its_loss() -> None:
    import keras

    from seqtrain.training.callbacks import WithoutWaiting

    told: list[tuple[int, dict[str, float]]] = []
    read: list[float] = []

    class Told(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            told.append((batch, logs or {}))

    callbacks = WithoutWaiting([Told()])
    for epoch in range(2):
        callbacks.on_epoch_begin(epoch)
        for batch in range(3):
            callbacks.on_train_batch_end(batch, {"loss": OnGpu(epoch + batch / 10, read)})
    assert read == [0.0, 0.1, 1.0, 1.1]  # the last of an epoch is in the logs of the epoch
    first = [(0, {}), (1, {"loss": 0.0}), (2, {"loss": 0.1})]
    assert told == [*first, (0, {}), (1, {"loss": 1.0}), (2, {"loss": 1.1})]


def test_no_batch_of_the_validation_waits_for_its_loss() -> None:
    import keras

    from seqtrain.training.callbacks import WithoutWaiting

    told: list[int] = []
    read: list[float] = []

    class Told(keras.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            told.append(batch)

    WithoutWaiting([Told()]).on_test_batch_end(4, {"loss": OnGpu(0.5, read)})
    assert (told, read) == ([4], [])


def test_nothing_is_searched_for_weights_within_a_batch() -> None:
    import keras
    from keras.src.utils.tracking import is_tracking_enabled

    from seqtrain.training.callbacks import WithoutWaiting

    seen: list[bool] = []

    class Told(keras.callbacks.Callback):
        def told(self, batch: int, logs: dict[str, float] | None = None) -> None:
            seen.append(is_tracking_enabled())

        on_train_batch_begin = on_train_batch_end = on_test_batch_begin = on_test_batch_end = told

    callbacks = WithoutWaiting([Told()])
    callbacks.on_epoch_begin(0)
    for begin, end in (
        (callbacks.on_train_batch_begin, callbacks.on_train_batch_end),
        (callbacks.on_test_batch_begin, callbacks.on_test_batch_end),
    ):
        begin(0)
        assert not is_tracking_enabled()
        end(0, {})
    assert seen == [True] * 4 and is_tracking_enabled()
    with pytest.raises(MemoryError), callbacks.unsearched:
        callbacks.on_train_batch_begin(0)
        raise MemoryError
    assert is_tracking_enabled()


@pytest.mark.parametrize(
    ("monitor", "values", "kept"),
    [("val_loss", [0.5, 0.3, 0.4, 0.3], 2), ("val_accuracy", [0.5, 0.3, 0.6, 0.6], 3)],
)
def test_the_best_model_is_kept(
    tmp_path: Path, monitor: str, values: list[float], kept: int
) -> None:
    import keras

    from seqtrain.training.callbacks import KeepBest

    run = Run.create(tmp_path, config())
    keeper = KeepBest(run, CompleteTrainingConfig(monitor=monitor))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    keeper.set_model(model)
    for epoch, value in enumerate(values):
        model.layers[0].bias.assign([float(epoch + 1)])
        keeper.on_epoch_end(epoch, {"val_loss": 1.0, monitor: value})
    saved = keras.models.load_model(run.model_file)
    assert keeper.best_epoch == kept
    assert float(saved.layers[0].bias[0]) == kept


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_what_takes_long_to_compile_is_told_once_for_each_shape(
    backend: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from seqtrain.training import compiling
    from seqtrain.training.batches import Batches

    monkeypatch.setattr(compiling, "PATIENCE", 0.05)
    caplog.set_level("INFO", "seqtrain")
    train, validation = (Batches(texts(number), 8, 0, by_length=True) for number in (318, 40))
    for batches in (train, validation):
        batches.on_epoch_begin()
    told = compiling.TellCompiling(backend, train, validation)
    for batch in range(len(train)):
        told.on_train_batch_begin(batch)
        time.sleep(0.1 if told.clock else 0)
        told.on_train_batch_end(batch)
    told.on_epoch_end(0)
    told.on_epoch_end(1)
    messages = [record.getMessage() for record in caplog.records]
    if backend == "jax":
        assert len(messages) == len({train.shape(batch) for batch in range(len(train))}) + 1
        assert " steps, 1 of 3 (JAX keeps it for later runs)" in messages[0]
    else:
        assert messages[0].startswith("tracing the network for training")
        assert len(messages) == 2
    assert " s of epoch 1 went into " in messages[-1]


def test_what_compiles_fast_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    from seqtrain.training.batches import Batches
    from seqtrain.training.compiling import TellCompiling

    caplog.set_level("INFO", "seqtrain")
    batches = Batches(texts(), 8, 0)
    told = TellCompiling("jax", batches, batches)
    told.on_test_batch_begin(0)
    told.on_test_batch_end(0)
    told.on_epoch_end(0)
    assert not caplog.records


TIES = [
    {"val_accuracy": accuracy, "val_loss": loss}
    for accuracy, loss in [(0.5, 1.0), (0.8, 0.9), (0.8, 0.7), (0.8, 3.0)]
]


def test_of_epochs_that_are_equally_often_right_the_one_of_less_loss_is_best(
    tmp_path: Path,
) -> None:
    import keras

    from seqtrain.training.callbacks import KeepBest

    training = CompleteTrainingConfig(monitor="val_accuracy")
    run = Run.create(tmp_path, config(**{"training.monitor": "val_accuracy"}))
    keeper = KeepBest(run, training)
    keeper.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    for epoch, logs in enumerate(TIES):
        keeper.on_epoch_end(epoch, logs)
    assert keeper.best_epoch == 3
    run.write_history(
        [
            {"epoch": number, "loss": 1.0, "accuracy": 0.5, **logs}
            for number, logs in enumerate(TIES)
        ]
    )
    assert run.best_epoch() == 3


@pytest.mark.parametrize(("patience", "stopped"), [(1, True), (2, False)])
def test_early_stopping_waits_from_the_epoch_of_less_loss(patience: int, stopped: bool) -> None:
    import keras

    from seqtrain.config import EarlyStoppingConfig
    from seqtrain.training.callbacks import EarlyStopping

    stopping = EarlyStoppingConfig(patience=patience)
    training = CompleteTrainingConfig(monitor="val_accuracy", early_stopping=stopping)
    callback = EarlyStopping(training, stopping)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, logs in enumerate(TIES):
        assert not model.stop_training
        callback.on_epoch_end(epoch, dict(logs))
    assert model.stop_training is stopped


def test_the_plateau_begins_at_the_epoch_of_less_loss() -> None:
    import keras

    from seqtrain.training.callbacks import ReduceLROnPlateau

    callback = ReduceLROnPlateau(CompleteTrainingConfig(monitor="val_accuracy", schedule="plateau"))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback.set_model(model)
    callback.on_train_begin()
    worse = {"val_accuracy": 0.8, "val_loss": 4.0}
    rates = []
    for epoch, logs in enumerate([*TIES, worse]):
        callback.on_epoch_end(epoch, dict(logs))
        rates.append(float(model.optimizer.learning_rate))
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5]


@pytest.mark.parametrize("classes", [2, 4])
def test_macro_f1_of_an_epoch_is_that_of_all_its_batches(classes: int) -> None:
    from sklearn.metrics import f1_score

    from seqtrain.tasks.keras_metrics import macro_f1

    random = np.random.default_rng(0)
    labels = random.integers(0, classes - (classes > 2), 90)  # of four, one is never true
    said = random.random((90, 1 if classes == 2 else classes)).astype(np.float32)
    metric = macro_f1(classes)
    for start in range(0, 90, 40):
        metric.update_state(labels[start : start + 40, None], said[start : start + 40])
    chosen = said.argmax(axis=1) if classes > 2 else (said[:, 0] > 0.5).astype(int)
    wanted = f1_score(labels, chosen, average="macro", zero_division=0)
    assert float(metric.result()) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("year", [1970, 1979, 2108, 2200])
def test_a_model_can_be_archived_whatever_the_clock_says(
    year: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqtrain.training.callbacks import undated

    clock = SimpleNamespace(time=time.time, localtime=lambda *_: (year, 1, 1, 0, 0, 0))
    monkeypatch.setattr(zipfile, "time", clock)
    with undated(), zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert archive.getinfo("config.json").date_time == (1980, 1, 1, 0, 0, 0)
    assert vars(zipfile)["time"] is clock
