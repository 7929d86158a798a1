"""Examples of several named inputs, through everything between the data and the predictions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from seqtrain.backend import execution
from seqtrain.config import Config, load_config
from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset, Examples
from seqtrain.data.overlap import shared
from seqtrain.errors import DataError
from seqtrain.inference import model_file, network
from seqtrain.models.base import through
from seqtrain.models.recurrent import Recurrent
from seqtrain.runs.run import Run
from seqtrain.sources.base import DrawnConfig
from seqtrain.tasks import Classification
from tests.conftest import REPOSITORY
from tests.cutting import Killed, results
from tests.factories.baselines import baselines

# No module of the package has these sections, so the config writes them as it finds them.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer")


def examples(number: int, seed: int) -> Examples:
    """A series and a number; the label is whether the sum of the series is above the number."""
    random = np.random.default_rng(seed)
    series = random.normal(size=(number, 5, 2)).astype(np.float32)
    fact = random.normal(size=(number, 3)).astype(np.float32)
    labels = (series[:, :, 0].sum(axis=1) > 2 * fact[:, 1]).astype(np.int32)
    return Examples({"series": series, "fact": fact}, labels)


class Facts(DrawnConfig):
    """A dataset of two inputs."""

    name: Literal["facts"] = "facts"

    def read(self, data_dir: Path | None) -> Dataset:
        train, test = examples(400, 0), examples(100, 1)
        task = Classification(("below", "above"))
        return Dataset(train, train.take(np.arange(0)), test, task, "made", "0" * 64)

    def read_given(self, file: Path, fitted: Any) -> Any:
        raise NotImplementedError


class Beside(Recurrent):
    """A recurrent network that reads a fact beside the series."""

    def joined(self, dataset: Any) -> dict[str, tuple[int, ...]]:
        return {}

    @property
    def is_chain(self) -> bool:
        return False

    def inputs(self, dataset: Dataset) -> list[Any]:
        import keras

        x: Any = dataset.train.x
        return [{name: keras.Input(x[name].shape[1:], name=name) for name in sorted(x)}]

    def parameters(self, dataset: Any) -> int:
        return int(self.build(dataset).count_params())

    def features(self, given: Any, first: Sequence[Any], dataset: Dataset, unroll: bool) -> Any:
        import keras

        read = through(self.body(dataset, unroll), given["series"])
        return keras.layers.Concatenate()([read, given["fact"]])


def config(backend: str = "tensorflow") -> Config:
    known = load_config(REPOSITORY / "configs" / "quickstart.yaml", ["training.epochs=6"])
    training = known.training.model_copy(update={"batch_size": 16, "early_stopping": None})
    return known.model_copy(
        update={
            "dataset": Facts(),
            "model": Beside(name="gru", units=(6,), pooling="last", dense_units=(8,)),
            "training": training,
            "execution": known.execution.model_copy(update={"backend": backend}),
        }
    )


def test_several_inputs_are_taken_and_hashed_together() -> None:
    some = examples(6, 0)
    taken = some.take(np.array([4, 1]))
    assert {name: array.shape for name, array in taken.x.items()} == {  # type: ignore[union-attr]
        "series": (2, 5, 2),
        "fact": (2, 3),
    }
    assert taken.fingerprints().tolist() == some.fingerprints()[[4, 1]].tolist()
    other = Examples({**some.x, "fact": some.x["fact"] + 1}, some.labels)  # type: ignore[dict-item,index]
    assert not set(other.fingerprints()) & set(some.fingerprints())
    assert shared(some, taken) == (2, 0)
    assert inputs.count(some.x) == 6


def test_one_input_is_hashed_as_ever() -> None:
    """Runs hold the hashes of their training examples."""
    x = np.arange(12, dtype=np.int32).reshape(2, 6)
    found = [hex(one) for one in inputs.fingerprints(x)]
    assert found == [hex(one) for one in inputs.fingerprints({"ids": x})]
    assert len(set(found)) == 2


@pytest.fixture(autouse=True)
def as_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs from reading their config again: no class of the package has these sections."""
    monkeypatch.setattr(Run, "reopen", lambda self: None)


def trained(outputs: Path, backend: str = "tensorflow") -> Run:
    from seqtrain.training import loop

    known = config(backend)
    dataset = known.dataset.load()
    resolved = execution.resolve(known, dataset)
    execution.start(resolved.execution, resolved.seed)
    run = Run.create(outputs, resolved)
    loop.train(resolved, dataset, run)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "reopen", lambda self: None)
        return trained(tmp_path_factory.mktemp("whole"))


@pytest.mark.tf
def test_a_network_of_several_inputs_trains_and_is_opened_again(run: Run) -> None:
    assert run.metrics()["test_accuracy"] > 0.7
    assert list(run.metrics()["baselines"]) == ["majority class"]
    labels, predictions = run.predictions()
    test = config().dataset.load().test
    assert labels.tolist() == test.labels.tolist()
    opened = network.load_model(run)
    task = run.fitted_task
    found = network.predictions(network.fitting(opened, test.x), test, task)
    np.testing.assert_allclose(found, predictions, atol=1e-6)
    assert model_file.read(run.model_file).several == {
        "fact": ((3,), "float32"),
        "series": ((5, 2), "float32"),
    }
    short = {**test.x, "fact": test.x["fact"][:, :2]}  # type: ignore[dict-item,index]
    with pytest.raises(DataError, match="examples of fact 2, series 5 × 2 do not fit") as caught:
        network.fitting(opened, short)
    assert caught.value.hint == "the network reads examples of fact 3, series 5 × 2"


@pytest.mark.tf
def test_a_training_of_several_inputs_goes_on_to_the_bit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqtrain.training import loop
    from seqtrain.training.checkpointing import SaveCheckpoints

    whole = run
    known, dataset = whole.config, config().dataset.load()
    cut = Run.create(tmp_path / "cut", known)
    after = SaveCheckpoints.on_epoch_end

    def dying(self: Any, epoch: int, logs: Any = None) -> None:
        after(self, epoch, logs)
        if epoch == 2:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(SaveCheckpoints, "on_epoch_end", dying)
        execution.start(known.execution, known.seed)
        loop.train(known, dataset, cut)
    execution.start(known.execution, known.seed)
    loop.train(known, dataset, cut)
    assert results(cut) == results(whole)


def test_there_is_no_linear_model_of_several_inputs() -> None:
    dataset = replace(Facts().load(), validation=examples(20, 2))
    assert [one.name for one in baselines(dataset)] == ["majority class"]
