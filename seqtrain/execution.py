"""The one place that knows backends, XLA, unrolling, threads and determinism."""

import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqtrain import __version__
from seqtrain.config import LONGEST_UNROLL, STEPS_AT_ONCE, Config, ExecutionConfig
from seqtrain.datasets.dataset import Dataset

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
SMALL_STEP = 50e6  # operations in the forward pass of one batch
PACKAGES = ("keras", "tensorflow", "numpy", "scikit-learn")


def resolve(config: Config, dataset: Dataset) -> Config:
    """Return the config with each `auto` replaced by what it becomes, and the data located.

    The rules, measured on 2 CPU cores: unrolling doubles the speed of simple RNN cells over
    short sequences and gains nothing on LSTM; many steps in one call double the speed where
    Python's share of a step is large, which is where the step itself is small. XLA is off,
    because it slows LSTMs on CPUs down and is not deterministic.
    """
    asked = config.execution
    short = dataset.shape[0] <= LONGEST_UNROLL and not dataset.mask
    config = config.model_copy(update={"model": config.model.resolved(dataset)})
    step = config.training.batch_size * config.model.operations(dataset.shape)
    rules: dict[str, Any] = {
        "backend": "tensorflow",
        "jit_compile": False,
        "unroll": config.model.gains_from_unrolling and short,
        "steps_per_execution": STEPS_AT_ONCE if step < SMALL_STEP else 1,
        "deterministic": True,
    }
    chosen = {key: rules[key] for key, value in asked if value == "auto"}
    execution = ExecutionConfig.model_validate({**asked.model_dump(), **chosen})
    located = config.dataset.located(dataset)
    return config.model_copy(update={"execution": execution, "dataset": located})


def start(execution: ExecutionConfig, seed: int) -> None:
    """Import Keras on its backend, quietly, and set every seed.

    Must come before anything else imports Keras.
    """
    _keep_freed_memory()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr():
        import keras
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", "Layer 'masked_max'")  # the mask is meant to end there
    keras.utils.clear_session()  # layers are numbered as in a new process
    keras.utils.set_random_seed(seed)
    if execution.deterministic:
        tf.config.experimental.enable_op_determinism()


def _keep_freed_memory() -> None:
    """Tell glibc to keep the memory that is freed, for the next step needs as much.

    By default each large tensor is mapped anew and its pages are cleared again, which took
    a third of the processor time of an LSTM on CPU. See mallopt(3).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    import ctypes

    trim_threshold, top_pad, mmap_max = -1, -2, -4
    libc = ctypes.CDLL(None)
    libc.mallopt(trim_threshold, 2_000_000_000)
    libc.mallopt(top_pad, 64_000_000)
    libc.mallopt(mmap_max, 0)


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drop what native libraries write to stderr while they are imported.

    TensorFlow reports missing GPUs there before any log level can be set.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def environment(dataset: Dataset) -> dict[str, Any]:
    """Return what a run depends on besides its config, as `environment.json` holds it."""
    import keras
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices()]
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "packages": {"seqtrain": __version__, **{name: version(name) for name in PACKAGES}},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in THREADS},
        "backend": keras.backend.backend(),
        "devices": devices,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "git_commit": _git_commit(),
        "data": {"source": dataset.source, "sha256": dataset.sha256},
    }


def _processor() -> str:
    """Return the processor's name; `platform.processor()` is empty on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git_commit() -> str | None:
    """Return the commit of the working folder, where it is a git checkout."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
