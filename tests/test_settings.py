"""Settings outside of the config: `keras.json`, and environment variables."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.backend import environment, settings
from seqtrain.runs import lookup
from tests.conftest import REPOSITORY, Outcome, soaked

DECIDED = {
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "1",
    "JAX_ENABLE_X64": "1",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "TF_DETERMINISTIC_OPS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_ENABLE_AUTO_MIXED_PRECISION": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "TF2_BEHAVIOR": "0",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "DNNL_DEFAULT_FPMATH_MODE": "BF16",
    "NVIDIA_TF32_OVERRIDE": "1",
}
CHOSEN = {
    "KERAS_HOME": "somewhere",
    "JAX_COMPILATION_CACHE_DIR": "somewhere",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=false",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "2",
}


@pytest.mark.parametrize("name", DECIDED)
def test_a_variable_that_would_change_numbers_is_dropped(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {name: DECIDED[name]})
    settings.drop()
    assert os.environ == {}


def test_what_a_person_may_choose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(CHOSEN))
    settings.drop()
    assert os.environ == CHOSEN


def test_what_may_change_the_last_digits_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(CHOSEN))
    names = ["CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "OMP_NUM_THREADS", "XLA_FLAGS"]
    assert list(settings.recorded()) == names
    assert "OMP_NUM_THREADS" not in environment._variables()  # it stands among the threads


def test_a_variable_that_comes_or_goes_is_a_difference() -> None:
    before, now = {"variables": {"XLA_FLAGS": "a"}}, {"variables": {"OMP_DYNAMIC": "b"}}
    assert environment.differences(before, now) == [
        "variables OMP_DYNAMIC was None, and is b",
        "variables XLA_FLAGS was a, and is None",
    ]
    assert environment.differences({}, {"variables": {}}) == []


def test_keras_looks_for_its_file_where_none_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", "mine")
    with settings.no_keras_json():
        folder = Path(os.environ["KERAS_HOME"])
        assert not (folder / "keras.json").exists()
        with pytest.raises(OSError):
            (folder / "keras.json").write_text("{}")
    assert os.environ["KERAS_HOME"] == "mine"
    monkeypatch.delenv("KERAS_HOME")
    with settings.no_keras_json():
        pass
    assert "KERAS_HOME" not in os.environ


LOOK = """
import json, sys
from seqtrain.backend import execution
from seqtrain.config import ExecutionConfig
execution.start(ExecutionConfig(backend=sys.argv[1]), 0)
execution.import_for_tensorboard()
import keras
config = keras.config
print(json.dumps([config.floatx(), config.epsilon(), config.image_data_format(), config.backend(),
    config.is_nnx_enabled(), config.max_epochs(), config.max_steps_per_epoch(),
    keras.layers.Dense(1).compute_dtype, keras.backend.standardize_dtype(keras.ops.ones(1).dtype)]))
if sys.argv[1] == "jax":
    import jax
    assert not jax.config.jax_enable_x64 and jax.config.jax_random_seed_offset == 0
    assert jax.config.jax_default_matmul_precision is None
"""


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "backend"),
    [
        ('{"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first"}', "jax"),
        ('{"floatx": "evil"}', "tensorflow"),
        soaked(
            '{"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first"}',
            "tensorflow",
        ),
        soaked('{"floatx": "evil"}', "jax"),
        *(
            soaked(content, backend)
            for content in ("[1]", None)
            for backend in ("tensorflow", "jax")
        ),
    ],
)
def test_no_file_and_no_variable_changes_what_keras_computes(
    content: str | None, backend: str, tmp_path: Path
) -> None:
    home = tmp_path / ".keras"
    if content:
        home.mkdir()
        (home / "keras.json").write_text(content)
    variables = {**os.environ, **DECIDED, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    if content is None:
        variables.pop("KERAS_HOME")
    else:
        variables["KERAS_HOME"] = str(home)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, backend],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rest = [False, None, None, "float32", "float32"]
    assert json.loads(done.stdout) == ["float32", 1e-7, "channels_last", backend, *rest]
    assert home.exists() is bool(content)


@pytest.mark.tf
@pytest.mark.slow
def test_a_training_under_strange_settings_has_the_same_numbers(
    tmp_path: Path, seqtrain: Callable[..., Outcome]
) -> None:
    (tmp_path / "keras.json").write_text('{"floatx": "float64", "epsilon": 0.01}')
    small = ["training.epochs=2", "model.units=4", "dataset.limit=100", "training.baselines=false"]
    command = ["train", str(REPOSITORY / "configs" / "quickstart.yaml"), *small]
    assert seqtrain(*command).exit_code == 0
    strange = {**os.environ, **DECIDED, "KERAS_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "seqtrain", *command],
        env={**strange, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        text=True,
    )
    first, second = lookup.all_in(Path("outputs"))
    assert first.history() == second.history()
    assert len(first.history()) == 2
    assert first.metrics() == second.metrics()
