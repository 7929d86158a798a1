"""The one place that knows backends, XLA, unrolling, threads and determinism."""

import logging
import math
import os
import platform
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqtrain.cache import cache_folder
from seqtrain.config import LONGEST_UNROLL, STEPS_AT_ONCE, Config, ExecutionConfig
from seqtrain.datasets.dataset import Dataset
from seqtrain.errors import ConfigError, TrainingError
from seqtrain.models.base import loss, score

log = logging.getLogger(__name__)

FED_AT_ONCE = 16_000_000  # bytes of batches that TensorFlow is given at once
SMALL_STEP = 50e6  # operations in the forward pass of one batch
# What Keras and a backend import for parts of theirs that are never used here.
UNUSED = {
    "tensorflow": ("jax", "matplotlib", "sklearn"),
    "jax": ("tensorflow", "matplotlib", "sklearn"),
}
LACK_OF_MEMORY = ("MemoryError", "ResourceExhausted", "RESOURCE_EXHAUSTED", "OOM when allocating")
LONG_COMPILATION = 0.2  # seconds from which on a compiled function is kept for later runs
CACHED_CODE = 500_000_000  # bytes of compiled functions, of which the oldest then go
NVIDIA = Path("/proc/driver/nvidia/version")


def resolve(config: Config, dataset: Dataset) -> Config:
    """Return the config with each `auto` replaced by what it becomes, and the data located.

    The rules, measured on 2 CPU cores: JAX was as fast or faster on every model. On TensorFlow,
    unrolling doubles the speed of simple RNN cells over short sequences and gains nothing on
    LSTM; many steps in one call double the speed where Python's share of a step is large, which
    is where the step itself is small; XLA is off, which Keras has not where all is deterministic.

    Raises:
        ConfigError: the backend that is asked for, or TensorBoard, is not installed; or XLA
            is asked for where there is none.
    """
    require_tensorboard(config)
    asked = config.execution
    config = config.model_copy(update={"model": config.model.resolved(dataset)})
    backend = _backend(asked)
    short = dataset.shape[0] <= LONGEST_UNROLL and not dataset.mask
    small = config.training.batch_size * config.model.operations(dataset.shape) < SMALL_STEP
    on_tensorflow = backend == "tensorflow"
    rules: dict[str, Any] = {
        "backend": backend,
        "jit_compile": not on_tensorflow,
        "unroll": on_tensorflow and config.model.gains_from_unrolling and short,
        "steps_per_execution": STEPS_AT_ONCE if on_tensorflow and small else 1,
        "deterministic": True,
    }
    chosen = {key: rules[key] for key, value in asked if value == "auto"}
    execution = ExecutionConfig.model_validate({**asked.model_dump(), **chosen})
    if on_tensorflow and execution.jit_compile and execution.deterministic:
        raise ConfigError(
            "`execution.jit_compile` is true, and on tensorflow Keras has no XLA while "
            "`execution.deterministic` is true",
            "`execution.jit_compile=auto`, or `execution.deterministic=false`",
        )
    located = config.dataset.located(dataset)
    return config.model_copy(update={"execution": execution, "dataset": located})


def require_tensorboard(config: Config) -> None:
    """Make sure that logs for TensorBoard can be written, where they are asked for.

    TensorFlow, which writes them on every backend, takes a part of TensorBoard to do so.

    Raises:
        ConfigError: they cannot.
    """
    if config.training.tensorboard and find_spec("tensorboard") is None:
        hint = "`pip install 'seqtrain[tensorboard]'`, or `training.tensorboard=false`"
        raise ConfigError("`training.tensorboard` is true, and TensorBoard is not installed", hint)


def _backend(asked: ExecutionConfig) -> str:
    """Return the backend that is asked for, or the faster one of those that are here."""
    has_jax = find_spec("jax") is not None
    if asked.backend == "jax" and not has_jax:
        hint = "`pip install 'seqtrain[jax]'`, or `execution.backend=tensorflow`"
        raise ConfigError("`execution.backend` is jax, which is not installed", hint)
    if asked.backend == "auto":
        return "jax" if has_jax and not NVIDIA.exists() else "tensorflow"
    return asked.backend


def start(execution: ExecutionConfig, seed: int) -> None:
    """Import Keras on its backend, quietly, and set every seed.

    Must come before anything else imports Keras.

    Raises:
        ConfigError: Keras is already imported, on another backend.
    """
    _keep_freed_memory(execution.backend)
    os.environ["KERAS_BACKEND"] = execution.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_stderr(), _as_if_missing(UNUSED[execution.backend]):
        import keras
    if keras.backend.backend() != execution.backend:
        raise ConfigError(
            f"Keras runs on {keras.backend.backend()} in this process, so it cannot run on "
            f"{execution.backend}",
            "start a new process",
        )
    warnings.filterwarnings("ignore", "Layer 'masked_max'")  # the mask is meant to end there
    keras.utils.clear_session()  # layers are numbered as in a new process
    if execution.backend == "tensorflow":
        _start_tensorflow(execution, seed)
    else:
        _start_jax(seed)


def start_for_inference(execution: ExecutionConfig, seed: int) -> None:
    """Start the backend on which a network was trained, or TensorFlow where it is not installed.

    A saved network opens on either; the probabilities differ in the last digits.
    """
    if execution.backend == "jax" and find_spec("jax") is None:
        log.info("the run was trained on jax, which is not installed: computing on tensorflow")
        execution = execution.model_copy(update={"backend": "tensorflow"})
    start(execution, seed)


def _start_tensorflow(execution: ExecutionConfig, seed: int) -> None:
    import keras

    with _quiet_stderr(), _as_if_missing(UNUSED["tensorflow"]):
        import tensorflow as tf
    keras.utils.set_random_seed(seed)
    tf.get_logger().setLevel("ERROR")
    if execution.deterministic:
        tf.config.experimental.enable_op_determinism()


def _start_jax(seed: int) -> None:
    import jax
    import keras

    with _as_if_missing(UNUSED["jax"]):
        keras.utils.set_random_seed(seed)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):  # JAX's own, which it has read by now
        jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "jax"))
        jax.config.update("jax_compilation_cache_max_size", CACHED_CODE)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LONG_COMPILATION)


@contextmanager
def _as_if_missing(packages: Iterable[str]) -> Iterator[None]:
    """Let imports in the body find packages missing, unless they are there already.

    Keras wraps scikit-learn, draws with matplotlib and seeds TensorFlow, TensorFlow converts
    from JAX, and each goes on without. To import them takes seconds, and a quarter of the memory.
    """
    missing = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def compile(model: Any, optimizer: Any, dataset: Dataset, execution: ExecutionConfig) -> None:
    """Make a network ready for training on a dataset, as `execution` has it."""
    accelerate(model)
    model.compile(
        optimizer,
        loss(dataset),
        metrics=[score(dataset)],
        steps_per_execution=execution.steps_per_execution,
        jit_compile=execution.jit_compile,
    )


def feed(batches: Any, execution: ExecutionConfig) -> Any:
    """Return batches in the form in which `fit` takes them fastest.

    TensorFlow calls Python for each batch that it takes, which costs as much as a small step,
    so it is given many small ones at once. Those of differing lengths are large steps.
    """
    if execution.backend != "tensorflow" or batches.lengths is not None:
        return batches
    import tensorflow as tf

    arrays = (batches.examples.x, batches.examples.labels)
    size = batches.batch_size * math.prod(arrays[0].shape[1:]) * arrays[0].itemsize
    many = min(max(FED_AT_ONCE // size, 1), STEPS_AT_ONCE)
    group = tuple(tf.TensorSpec((None, None, *array.shape[1:]), array.dtype) for array in arrays)
    groups = tf.data.Dataset.from_generator(lambda: batches.groups(many), output_signature=group)
    counted = tf.data.experimental.assert_cardinality(len(batches))
    return groups.unbatch().apply(counted).prefetch(many)


def accelerate(model: Any) -> None:
    """Give a network that is built or opened the faster loops, where the backend has them."""
    if _on_processor():
        from seqtrain import kernels

        kernels.install(model)


def _on_processor() -> bool:
    """Return whether the backend computes on the processor, having no GPU."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def _keep_freed_memory(backend: str) -> None:
    """Tell glibc to keep the memory that is freed, for the next step needs as much.

    By default each large tensor is mapped anew and its pages are cleared again, which took
    a third of the processor time of an LSTM on CPU. On JAX the arenas of other threads give
    memory back all the same, so there is but one; TensorFlow's threads allocate so often that
    they would wait for it half of the time. See mallopt(3).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    import ctypes

    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8
    libc = ctypes.CDLL(None)
    libc.mallopt(trim_threshold, 2_000_000_000)
    libc.mallopt(top_pad, 64_000_000)
    libc.mallopt(mmap_max, 0)
    if backend == "jax":
        libc.mallopt(arena_max, 1)


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


@contextmanager
def memory_told(config: Config) -> Iterator[None]:
    """Turn a lack of memory, whichever library reports it, into one sentence.

    Raises:
        TrainingError: memory ran out in the body.
    """
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__} {error}"
        if not any(sign in said for sign in LACK_OF_MEMORY):
            raise
        size, length = config.training.batch_size, getattr(config.dataset, "max_length", None)
        shorter = ", `model.units`" + (f", `dataset.max_length` ({length})" if length else "")
        raise TrainingError(
            "there is not enough memory for this training",
            f"lower `training.batch_size` ({size}){shorter}",
        ) from error
