"""The JAX backend, in separate processes, because Keras has one backend in each process."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from seqtrain import memory
from seqtrain.backend import execution
from seqtrain.config import load_config
from seqtrain.errors import ConfigError
from seqtrain.inference import network
from seqtrain.interpretation import findings, gradient_flow
from seqtrain.runs import lookup
from seqtrain.runs.run import EXPLAINED, GRADIENTS, Run
from tests.conftest import REPOSITORY
from tests.factories.once import made_once
from tests.factories.trained import FEW, assert_logs_are_the_history, train
from tests.nursery import Command

pytestmark = [pytest.mark.tf, pytest.mark.slow]

QUICKSTART = REPOSITORY / "configs" / "quickstart.yaml"


def on_jax(*arguments: object, **variables: str) -> str:
    """Run `python …` and return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(*arguments: object) -> str:
    """Run a command in a process that finds JAX loaded, and return what it printed."""
    found = Command("jax", [str(argument) for argument in arguments], Path("jax.log").absolute())
    assert found.ended(300)
    assert found.exit_code == 0, found.printed()
    return found.printed()


def test_the_extra_brings_what_jax_bounds_its_cache_with() -> None:
    """Without this JAX caches nothing that it compiles, and only warns about it."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert any(
        one.startswith("filelock") for one in project["project"]["optional-dependencies"]["jax"]
    )


TRAIN = ("train", QUICKSTART, "execution.backend=jax", *FEW)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a new process, which several processes of tests read."""
    keys = ("training.tensorboard=true", "--output")
    folder = made_once(
        tmp_path_factory, "jax-run", lambda folder: on_jax("-m", "seqtrain", *TRAIN, *keys, folder)
    )
    return lookup.latest(folder)


def test_two_trainings_are_equal_to_the_bit(trained: Run, tmp_path: Path) -> None:
    command(*TRAIN, "--output", tmp_path)
    again = lookup.latest(tmp_path)
    assert (again.folder / "history.csv").read_bytes() == (
        trained.folder / "history.csv"
    ).read_bytes()
    for one, other in zip(again.predictions(), trained.predictions(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_run_says_what_computed_it(trained: Run) -> None:
    environment = trained.environment()
    assert environment["backend"] == trained.config.execution.backend == "jax"
    assert "jaxlib" in environment["packages"]
    assert trained.config.execution.jit_compile is True
    assert environment["threads"]["NPROC"] == str(trained.config.execution.threads)


def test_the_saved_network_opens_on_tensorflow(trained: Run) -> None:
    on_tensorflow = trained.config.execution.model_copy(update={"backend": "tensorflow"})
    execution.start(on_tensorflow, 0)
    dataset = trained.config.dataset.load()
    found = network.predictions(network.load_model(trained), dataset.test, dataset.task)
    np.testing.assert_allclose(found, trained.predictions()[1], atol=1e-5)


def test_a_network_that_tensorflow_saved_opens_on_jax(tmp_path: Path) -> None:
    run = train(tmp_path)
    elsewhere = run.config.execution.model_copy(update={"backend": "jax", "jit_compile": True})
    config = run.config.model_copy(update={"execution": elsewhere})
    run.write_text("config.yaml", config.to_yaml())
    printed = command("evaluate", run.folder, "--json")
    found = json.loads(printed[printed.index("{") :])
    assert found["test_loss"] == pytest.approx(run.metrics()["test_loss"], abs=1e-5)


def test_a_run_is_evaluated_on_the_backend_that_trained_it(trained: Run) -> None:
    found = json.loads(on_jax("-m", "seqtrain", "evaluate", trained.folder, "--json"))
    assert found["test_loss"] == pytest.approx(trained.metrics()["test_loss"], abs=1e-9)


def test_gradients_and_explanations_are_those_of_tensorflow(trained: Run, tmp_path: Path) -> None:
    command("report", trained.folder)
    on_tensorflow = trained.config.execution.model_copy(update={"backend": "tensorflow"})
    config = trained.config.model_copy(update={"execution": on_tensorflow})
    copied = Run(shutil.copytree(trained.folder, tmp_path / "run"))
    measured = gradient_flow.measure(gradient_flow.Source("copied", config, copied), None)[1]
    for flow, found in zip(
        measured.flows, trained.read_json(GRADIENTS, list)[1]["states"], strict=True
    ):
        assert flow.state == found["state"]
        np.testing.assert_allclose(found["norms"], flow.norms, rtol=1e-6)
    (file,) = (trained.folder / EXPLAINED).iterdir()
    found = json.loads(file.read_text())
    row = trained.predictions()[1][findings.worst(trained) - 1]
    (said,) = found["readings"]
    last = [said["probabilities"][name][-1] for name in trained.classes()]
    np.testing.assert_allclose(last, row, atol=1e-5)


def test_batches_by_length_are_equal_to_the_bit_too(tmp_path: Path) -> None:
    keys = [
        *("dataset.name=phrases", "dataset.limit=300", "model.embedding_dim=8", "model.units=8"),
        *("dataset.max_length=8", "training.bucket_by_length=true", "training.epochs=1"),
    ]
    config = tmp_path / "own.yaml"
    config.write_text("dataset: {name: phrases}\nmodel: {name: bigru}\n")
    for _ in range(2):
        command("train", config, "execution.backend=jax", *keys, "--output", tmp_path / "outputs")
    one, other = lookup.all_in(tmp_path / "outputs")
    assert (one.folder / "history.csv").read_bytes() == (other.folder / "history.csv").read_bytes()


def test_auto_takes_jax_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(QUICKSTART, ["execution.backend=auto"])
    dataset = config.dataset.load()
    monkeypatch.setattr(memory, "NVIDIA", Path("nowhere"))
    assert execution.resolve(config, dataset).execution.backend == "jax"
    monkeypatch.setattr(execution, "find_spec", lambda name: None)
    assert execution.resolve(config, dataset).execution.backend == "tensorflow"


def test_auto_takes_tensorflow_where_a_gpu_is(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(QUICKSTART, ["execution.backend=auto"])
    monkeypatch.setattr(memory, "NVIDIA", QUICKSTART)
    assert execution.resolve(config, config.dataset.load()).execution.backend == "tensorflow"


def test_jax_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(QUICKSTART, ["execution.backend=jax"])
    monkeypatch.setattr(execution, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="jax, which is not installed") as caught:
        execution.resolve(config, config.dataset.load())
    assert "seqtrain[jax]" in str(caught.value.hint)


def test_a_run_from_jax_is_read_on_tensorflow_where_jax_is_missing(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "find_spec", lambda name: None)
    assert network.evaluate(trained)["test_loss"] == pytest.approx(
        trained.metrics()["test_loss"], abs=1e-4
    )


def test_a_process_has_one_backend() -> None:
    config = load_config(QUICKSTART)
    execution.start(execution.resolve(config, config.dataset.load()).execution, 0)
    with pytest.raises(ConfigError, match="tensorflow in this process"):
        execution.start(config.execution.model_copy(update={"backend": "jax"}), 0)


def test_logs_for_tensorboard_are_written_on_jax_too(trained: Run) -> None:
    assert_logs_are_the_history(trained)
