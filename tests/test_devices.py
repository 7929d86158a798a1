"""One training on several devices and in several processes: real processes on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from seqtrain.backend import devices, environment
from seqtrain.backend.devices import Place
from seqtrain.config import ExecutionConfig, ResolvedExecutionConfig, load_config
from seqtrain.errors import ConfigError, TrainingError
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.training import launch, seeds
from seqtrain.training.signals import Signals
from tests.conftest import REPOSITORY, soaked
from tests.factories.once import made_once
from tests.nursery import Command

QUICKSTART = REPOSITORY / "configs" / "quickstart.yaml"
# 320 = 10 batches of 32, and 13 examples that devices cannot share equally.
SMALL = (
    *("execution.backend=jax", "dataset.limit=333", "model.units=4", "training.epochs=3"),
    "training.baselines=false",
)
PATIENCE = 300  # seconds in which a process gets somewhere, on a machine that is busy
SECONDS = 0.05
UNDRAWN = """
from seqtrain.cli.main import main
from seqtrain.training import loop
loop.draw = lambda run: None  # pictures take longer than these trainings
main()
"""


def named(processes: int) -> str:
    """Return `execution.hosts` of processes on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"[{', '.join([f'127.0.0.1:{port}'] * processes)}]"


def started(command: Sequence[object], number: int = 0, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", UNDRAWN, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), devices.PROCESS: str(number), **more},
    )


def together(processes: int, *command: object) -> Run:
    """Run a command in several processes, and return the run that the first has printed."""
    all_of_them = [started(command, number) for number in range(processes)]
    ends = [one.communicate(timeout=PATIENCE) for one in all_of_them]
    assert not any(one.returncode for one in all_of_them), ends
    assert not any(out or said for out, said in ends[1:])  # the first speaks for all
    return Run(Path(ends[0][0].strip()))


def by_itself(folder: Path, *command: object) -> None:
    """Run a command in one process, in which JAX is loaded already; its log is in a folder."""
    one = Command("jax", [str(part) for part in command], folder / "alone.log")
    assert one.ended(PATIENCE)
    assert one.exit_code == 0, one.printed()


def history(run: Run) -> np.ndarray:
    return np.array([list(row.values()) for row in run.history()])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of one process."""
    train = ("train", QUICKSTART, *SMALL, "--output")
    place = made_once(
        tmp_path_factory, "alone", lambda folder: by_itself(folder, *train, folder / "outputs")
    )
    return lookup.latest(place / "outputs")


def assert_alike(run: Run, alone: Run) -> None:
    """Check that a run has the results of one process, and is whole."""
    np.testing.assert_allclose(history(run), history(alone), rtol=0, atol=1e-5)
    np.testing.assert_allclose(run.predictions()[1], alone.predictions()[1], rtol=0, atol=1e-5)
    files = {file.name for file in run.folder.iterdir()}
    assert files == {file.name for file in alone.folder.iterdir()}


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, soaked(4)])
def test_several_processes_train_what_one_trains(
    processes: int, alone: Run, tmp_path: Path
) -> None:
    hosts = f"execution.hosts={named(processes)}"
    run = together(processes, "train", QUICKSTART, *SMALL, hosts, "--output", tmp_path)
    assert_alike(run, alone)
    assert len(run.environment()["devices"]) == processes
    assert len(list(tmp_path.glob("*/*"))) == 1


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.skipif(environment.cores() < 2, reason="one core has no two devices")
def test_several_devices_train_what_one_trains(alone: Run, tmp_path: Path) -> None:
    run = together(1, "train", QUICKSTART, *SMALL, "execution.devices=2", "--output", tmp_path)
    assert_alike(run, alone)


STEP = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import jax
jax.config.update("jax_num_cpu_devices", 2)
import keras
import numpy as np
from seqtrain.backend import kernels

keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
model = keras.Sequential(
    [
        keras.Input((5, 3)),
        keras.layers.Masking(),
        keras.layers.Bidirectional(keras.layers.LSTM(7, return_sequences=True)),
        keras.layers.GRU(6, return_sequences=True, go_backwards=True),
        keras.layers.SimpleRNN(4),
    ]
)
kernels.install(model)
rows = jax.sharding.NamedSharding(
    jax.sharding.Mesh(np.array(jax.devices()), "batch"), jax.sharding.PartitionSpec("batch")
)
x = jax.device_put(np.ones((8, 5, 3), np.float32), rows)


def loss(weights, others, x):
    return model.stateless_call(weights, others, x, training=True)[0].sum()


weights, others = (
    [variable.value for variable in variables]
    for variables in (model.trainable_variables, model.non_trainable_variables)
)
step = jax.jit(jax.grad(loss)).lower(weights, others, x).compile().as_text()
print(step.count("all-reduce("), step.count("all-gather"), step.count("all-to-all"))
"""


def test_keras_lays_out_batches_by_the_function_that_is_replaced() -> None:
    found = find_spec("keras")
    assert found
    folder = Path(str(found.origin)).parent / "src" / "backend" / "jax"
    defined = (folder / "distribution_lib.py").read_text(encoding="utf-8")
    assert "def distribute_data_input(per_process_batch, layout, batch_dim_name):" in defined
    called = (folder / "trainer.py").read_text(encoding="utf-8")
    assert "jax_distribution_lib.distribute_data_input," in called


@pytest.mark.tf
@pytest.mark.skipif(environment.cores() < 2, reason="one core has no two devices")
def test_each_device_computes_its_own_rows_only() -> None:
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
    gradients, *rows = map(int, done.stdout.split())
    assert gradients and not any(rows)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.soak
def test_a_run_goes_on_in_another_number_of_processes(alone: Run, tmp_path: Path) -> None:
    """In more than before; in fewer it goes on where a process was lost."""
    few = "training.epochs=1"
    by_itself(tmp_path, "train", QUICKSTART, *SMALL, few, "--output", tmp_path / "outputs")
    run = lookup.latest(tmp_path / "outputs")
    for processes in (2, 4):
        epochs = ("--epochs", 1 + processes // 2)
        together(processes, "resume", run.folder, *epochs, "--hosts", named(processes))
    np.testing.assert_allclose(history(Run(run.folder)), history(alone), rtol=0, atol=1e-5)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, soaked(1)])
def test_a_lost_process_ends_the_others_and_the_run_goes_on(lost: int, tmp_path: Path) -> None:
    long = ("training.epochs=15", "--output", tmp_path)
    command = ("train", QUICKSTART, *SMALL, *long, f"execution.hosts={named(2)}")
    both = [started(command, number) for number in range(2)]
    until = time.monotonic() + PATIENCE
    while not list(tmp_path.glob("*/*/history.csv")):
        assert time.monotonic() < until
        time.sleep(SECONDS)
    both[lost].send_signal(signal.SIGKILL)
    said = both[1 - lost].communicate(timeout=PATIENCE)[1]
    both[lost].communicate(timeout=PATIENCE)
    assert both[1 - lost].returncode == 1
    assert "error: another process of this training was lost" in said
    assert "seqtrain resume" in said
    assert "Traceback" not in said
    (folder,) = tmp_path.glob("*/*")
    assert not Run(folder).finished
    by_itself(tmp_path, "resume", folder, "--hosts", "null")
    by_itself(tmp_path, "train", QUICKSTART, *SMALL, *long, "--output", tmp_path / "whole")
    whole = lookup.latest(tmp_path / "whole")
    np.testing.assert_allclose(history(Run(folder)), history(whole), rtol=0, atol=1e-5)


@pytest.mark.tf
@pytest.mark.slow
def test_a_process_that_trains_something_else_is_refused(tmp_path: Path) -> None:
    command = ("train", QUICKSTART, *SMALL, "--output", tmp_path, f"execution.hosts={named(2)}")
    first, other = started(command, 0), started((*command, "seed=1"), 1)
    said = other.communicate(timeout=PATIENCE)[1]
    assert other.returncode == 2
    assert "this process (1) differs from the first in: seed" in said
    assert "another process of this training was lost" in first.communicate(timeout=PATIENCE)[1]


@pytest.mark.tf
@pytest.mark.slow
def test_processes_that_do_not_come_are_told(tmp_path: Path) -> None:
    command = ("train", QUICKSTART, *SMALL, "--output", tmp_path, f"execution.hosts={named(2)}")
    late = started(command, 1, **{devices.SECONDS_TO_MEET: "1"})
    said = late.communicate(timeout=PATIENCE)[1]
    assert late.returncode == 1
    assert "the 2 processes of this training did not meet within 1 s" in said


def resolved(**keys: object) -> ResolvedExecutionConfig:
    plain = {
        "jit_compile": True,
        "unroll": False,
        "steps_per_execution": 1,
        "threads": 1,
        "deterministic": True,
    }
    return ResolvedExecutionConfig.model_validate({"backend": "jax", **plain, **keys})


TWO = ["a:1", "b:1"]


@pytest.mark.parametrize(
    ("keys", "said", "hint"),
    [
        ({"backend": "tensorflow", "devices": 2}, "`execution.devices` needs JAX", "backend=jax"),
        ({"backend": "tensorflow", "hosts": TWO}, "`execution.hosts` needs JAX", "backend=jax"),
        ({"devices": 3}, "is 3, but this process sees 2 processor cores", "devices=2"),
        ({"hosts": [*TWO, "c:1"]}, "which 3 devices (1 in each of 3", "batch_size=33"),
        ({"hosts": TWO, "devices": 2}, "", ""),
    ],
)
def test_what_is_not_possible_is_refused(
    keys: dict[str, object], said: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "cores", lambda: 2)
    monkeypatch.setenv(devices.PROCESS, "0")
    if not said:
        devices.check(resolved(**keys), 32, on_gpu=False)
        return
    with pytest.raises(ConfigError) as caught:
        devices.check(resolved(**keys), 32, on_gpu=False)
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_batch_smaller_than_its_devices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "visible_gpus", lambda: 8)
    with pytest.raises(ConfigError, match="is 4, which 8 devices cannot share") as caught:
        devices.check(resolved(devices=8), 4, on_gpu=True)
    assert caught.value.hint == "`training.batch_size=8`"


def test_the_visible_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "gpus", lambda: ["H100", "H100", "H100"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment.visible_gpus() == 3
    for visible, count in (("0,2", 2), ("", 0)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert environment.visible_gpus() == count


@pytest.mark.parametrize(
    ("hosts", "variables", "found"),
    [
        (None, {"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, Place()),
        ("auto", {"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}, Place(1, 4)),
        ("auto", {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, Place(0, 2)),
        (TWO, {"SEQTRAIN_PROCESS": "1"}, Place(1, 2)),
        (TWO, {"JOB_COMPLETION_INDEX": "1"}, Place(1, 2)),
        ("auto", {}, "neither Slurm nor Open MPI"),
        (TWO, {}, "nothing says which this is"),
        (TWO, {"SEQTRAIN_PROCESS": "2"}, "names 2 processes"),
        (TWO, {"SEQTRAIN_PROCESS": "one"}, "must be a whole number"),
    ],
)
def test_the_environment_says_which_process_this_is(
    hosts: object, variables: dict[str, str], found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*devices.NUMBERS, *devices.SCHEDULERS.values()):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    execution = ExecutionConfig.model_validate({"hosts": hosts})
    if isinstance(found, Place):
        assert devices.place(execution) == found
        return
    with pytest.raises(ConfigError, match=str(found)):
        devices.place(execution)


@pytest.mark.parametrize("hosts", ["[]", "[node1]", "[node1:0]", "[node1:70000]", "node1:7788"])
def test_wrong_hosts_are_refused(hosts: str) -> None:
    with pytest.raises(ConfigError, match=r"execution\.hosts"):
        load_config(QUICKSTART, [f"execution.hosts={hosts}"])


def test_seeds_train_in_processes_of_their_own(tmp_path: Path) -> None:
    config = load_config(QUICKSTART, ["execution.hosts=[a:1, b:1]"])
    with pytest.raises(ConfigError, match="must be null"):
        seeds.prepare(config, 2, tmp_path, None)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_training_is_refused(tmp_path: Path) -> None:
    config = load_config(QUICKSTART, ["execution.backend=tensorflow", "execution.devices=2"])
    with pytest.raises(ConfigError, match="needs JAX"):
        launch.prepare(config, tmp_path, None)
    assert not list(tmp_path.iterdir())


def test_a_follower_ends_with_the_first_process() -> None:
    signals = Signals(follows=True)
    signals.held, signals.asked = True, KeyboardInterrupt
    signals.answer()
    assert not signals.due


def test_only_errors_about_other_processes_are_taken_for_a_loss() -> None:
    with (
        pytest.raises(TrainingError, match="was lost"),
        devices.peers_needed(Place(0, 2), "resume it"),
    ):
        raise ValueError("UNKNOWN: Gloo all-reduce failed: Connection reset by peer")
    for at, error in ((Place(0, 2), "bad shape"), (Place(), "Gloo")):
        with pytest.raises(ValueError, match=error), devices.peers_needed(at, "resume it"):
            raise ValueError(error)
