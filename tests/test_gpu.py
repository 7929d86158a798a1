"""What differs on a machine with an NVIDIA GPU, as far as a machine without one can tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain import memory
from seqtrain.backend import environment, execution
from seqtrain.config import ExecutionConfig, load_config
from tests.conftest import REPOSITORY

QUICKSTART = REPOSITORY / "configs" / "quickstart.yaml"
INFORMATION = """\
Model: \t\t NVIDIA H100 80GB HBM3
IRQ:   \t\t 25
GPU UUID: \t GPU-5d7b4b5e
"""


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Pretend that of the optional packages only these are installed."""
    monkeypatch.setattr(execution, "find_spec", lambda name: name if name in names else None)


@pytest.mark.parametrize(
    ("names", "gpu", "variables", "chosen"),
    [
        (("jax", "jax_cuda13_plugin"), True, {}, ("jax", 7)),
        (("jax", "jax_cuda12_plugin"), True, {}, ("jax", 7)),
        (("jax",), True, {}, ("tensorflow", 1)),
        (("jax_cuda13_plugin",), True, {}, ("tensorflow", 1)),
        (("jax", "jax_cuda13_plugin"), True, {"JAX_PLATFORMS": "cpu"}, ("tensorflow", 1)),
        (("jax", "jax_cuda13_plugin"), False, {}, ("jax", 1)),
    ],
)
def test_auto_takes_jax_beside_a_gpu_that_it_can_use(
    names: tuple[str, ...],
    gpu: bool,
    variables: dict[str, str],
    chosen: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There, all cores compile, also for steps that one core would compute."""
    monkeypatch.setattr(execution, "cores", lambda: 7)
    monkeypatch.setattr(memory, "NVIDIA", QUICKSTART if gpu else Path("nowhere"))
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    installed(monkeypatch, *names)
    config = load_config(QUICKSTART, ["execution.backend=auto", "model.units=8"])
    found = execution.resolve(config, config.dataset.load()).execution
    assert (found.backend, found.threads) == chosen


def test_trainings_share_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"TF_FORCE_GPU_ALLOW_GROWTH": "false"})
    monkeypatch.setattr(memory, "NVIDIA", Path("nowhere"))
    execution._share_gpu()
    assert os.environ == {"TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    monkeypatch.setattr(memory, "NVIDIA", QUICKSTART)
    execution._share_gpu()
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    assert os.environ == shared  # what a person has set stays


@pytest.mark.parametrize(
    ("backend", "gpu", "kept"),
    [("jax", True, []), ("jax", False, [True]), ("tensorflow", True, [False])],
)
def test_freed_memory_is_kept_where_a_processor_computes(
    backend: str, gpu: bool, kept: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    class BeforeTheImport(Exception):
        pass

    def stop() -> None:
        raise BeforeTheImport

    found: list[bool] = []
    monkeypatch.setattr(memory, "keep_freed", lambda one_arena: found.append(one_arena))
    monkeypatch.setattr(execution.settings, "drop", stop)
    monkeypatch.setattr(memory, "NVIDIA", QUICKSTART if gpu else Path("nowhere"))
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    installed(monkeypatch, "jax_cuda13_plugin")
    with pytest.raises(BeforeTheImport):
        execution.start(ExecutionConfig(backend=backend), 0)
    assert found == kept


def test_the_models_of_gpus_are_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "GPUS", tmp_path)
    assert environment.gpus() == []
    for place in ("0000:00:05.0", "0000:00:06.0"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(INFORMATION, encoding="ascii")
    assert environment.gpus() == ["NVIDIA H100 80GB HBM3"] * 2


@pytest.mark.tf
@pytest.mark.slow
def test_the_table_of_a_gpu_can_be_made_without_one() -> None:
    """With a tiny network, so it only shows that all sides run."""
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--small", "--batches", "2"],
        cwd=REPOSITORY,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    speeds, losses = (table.splitlines() for table in done.stdout.strip().split("\n\n")[1:])
    for line in speeds[2:]:
        assert all(float(cell.replace(",", "")) > 0 for cell in line.split("|")[2:-1])
    assert len(speeds) == len(losses) == 3
    for line in losses[2:]:
        here, there, again = (float(cell) for cell in line.split("|")[2:-1])
        assert here == there == again
