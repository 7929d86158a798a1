"""The one place that knows backends, XLA, unrolling, threads and determinism."""

import logging
import math
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from seqtrain import memory
from seqtrain.backend import devices, memory_estimate, settings
from seqtrain.backend.environment import cores
from seqtrain.config import (
    CompleteConfig,
    ExecutionConfig,
    ResolvedConfig,
    ResolvedExecutionConfig,
)
from seqtrain.config.execution_section import LONGEST_UNROLL, STEPS_AT_ONCE
from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset
from seqtrain.errors import ConfigError
from seqtrain.io import streams
from seqtrain.io.cache import private

log = logging.getLogger(__name__)

FED_AT_ONCE = 16_000_000  # bytes of batches that TensorFlow is given at once
SMALL_STEP = 50e6  # operations in the forward pass of one batch
# Multiplications of a batch in one time step, below which threads mostly wait for one another.
FOR_ONE_THREAD = {"tensorflow": 16e6, "jax": 0.1e6}
CUDA_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")  # JAX computes on the GPU with either
# Optional imports of Keras and of a backend that seqtrain never uses.
UNUSED = {
    "tensorflow": ("jax", "matplotlib", "sklearn"),
    "jax": ("tensorflow", "matplotlib", "sklearn"),
}
LONG_COMPILATION = 0.2  # seconds from which on a compiled function is kept for later runs
CACHED_CODE = 500_000_000  # bytes of compiled functions, of which the oldest then go
# Smallest address space that a computation needs after the imports: fixed, and for each core.
ROOM = {"tensorflow": (1.1e9, 0.2e9), "jax": (0.3e9, 0.05e9)}


def resolve(config: CompleteConfig, dataset: Dataset) -> ResolvedConfig:
    """Return the config with each `auto` replaced by what it becomes, and the data located.

    The rules were measured on 2 CPU cores (docs/performance.md has the figures). JAX was faster
    on every model. On TensorFlow, unrolling speeds up simple RNN cells over short sequences and
    slows down LSTM. Running many steps in one call helps where a step is small, because Python's
    share is then large. XLA is off, because Keras does not support it with `deterministic`.
    Small products are not split among threads; where a GPU computes them, the threads compile.

    Raises:
        ConfigError: the backend or TensorBoard is not installed; or XLA or unrolling is not
            possible here; or the network needs more memory than the machine has; or the data
            have no such metric as is monitored.
    """
    require_installed(config)
    if lacking := dataset.task.unmeasured(config.training.monitor):
        raise ConfigError(*lacking)
    asked = config.execution
    located = config.dataset.located(dataset)
    config = config.model_copy(update={"model": config.model.resolved(dataset), "dataset": located})
    memory_estimate.check_network(config, dataset)
    backend = _backend(asked)
    short = dataset.shape[0] <= LONGEST_UNROLL and not dataset.mask
    small = config.training.batch_size * config.model.operations(dataset.shape) < SMALL_STEP
    on_tensorflow = backend == "tensorflow"
    product = config.training.batch_size * config.model.step_operations
    rules: dict[str, Any] = {
        "backend": backend,
        "jit_compile": not on_tensorflow,
        "unroll": on_tensorflow and config.model.gains_from_unrolling and short,
        "steps_per_execution": STEPS_AT_ONCE if on_tensorflow and small else 1,
        "threads": 1 if product < FOR_ONE_THREAD[backend] and not _on_gpu(backend) else cores(),
        "deterministic": True,
    }
    chosen = {key: rule for key, rule in rules.items() if getattr(asked, key) == "auto"}
    resolved = config.resolved({**dict(asked), **chosen})
    _check(resolved.execution, dataset)
    check_devices(resolved)
    return resolved


def check_devices(config: ResolvedConfig) -> None:
    """Check that the devices and processes of a config are possible here.

    Raises:
        ConfigError: they are not.
    """
    devices.check(config.execution, config.training.batch_size, _on_gpu("jax"))


def _check(execution: ResolvedExecutionConfig, dataset: Dataset) -> None:
    """Warn about too many threads.

    Raises:
        ConfigError: XLA or unrolling is not possible here.
    """
    on_tensorflow = execution.backend == "tensorflow"
    if execution.threads != "auto" and execution.threads > cores():
        here = f"more than the {cores()} cores that this process may use"
        log.warning(
            "`execution.threads` is %d, %s: this slows the training", execution.threads, here
        )
    if on_tensorflow and execution.jit_compile and execution.deterministic:
        said = "`execution.jit_compile` is true, and on tensorflow Keras has no XLA while "
        hint = "`execution.jit_compile=auto`, or `execution.deterministic=false`"
        raise ConfigError(f"{said}`execution.deterministic` is true", hint)
    if on_tensorflow and execution.unroll and dataset.mask and dataset.padding == "post":
        said = "`execution.unroll` is true, and on tensorflow steps cannot be written out where "
        raise ConfigError(f"{said}batches are cut to their longest", "`execution.unroll=auto`")


def require_installed(config: CompleteConfig) -> None:
    """Check that the extras which a config needs are installed.

    Raises:
        ConfigError: one is missing.
    """
    if config.execution.backend == "jax" and find_spec("jax") is None:
        hint = "`pip install 'seqtrain[jax]'`, or `execution.backend=tensorflow`"
        raise ConfigError("`execution.backend` is jax, which is not installed", hint)
    if config.training.tensorboard and find_spec("tensorboard") is None:
        hint = "`pip install 'seqtrain[tensorboard]'`, or `training.tensorboard=false`"
        raise ConfigError("`training.tensorboard` is true, and TensorBoard is not installed", hint)


def _backend(asked: ExecutionConfig) -> str:
    """Return the backend of the config; for `auto`, JAX where it is installed.

    On a machine with a GPU that JAX has no plugin for, it is TensorFlow, which may use the GPU.
    """
    if asked.backend == "auto":
        uses_all = memory.on_processor() or _on_gpu("jax")
        return "jax" if find_spec("jax") and uses_all else "tensorflow"
    return asked.backend


def _on_gpu(backend: str) -> bool:
    """Return whether a backend that is not yet imported will compute on a GPU.

    False for TensorFlow, whose package does not tell whether it was installed with CUDA.
    """
    hidden = os.environ.get("JAX_PLATFORMS") == "cpu"
    plugin = backend == "jax" and any(map(find_spec, CUDA_PLUGINS))
    return plugin and not hidden and not memory.on_processor()


def start(execution: ResolvedExecutionConfig, seed: int) -> None:
    """Import Keras on its backend, quietly, and set every seed.

    Must come before anything else imports Keras.

    Raises:
        ConfigError: Keras is already imported, on another backend.
    """
    if not _on_gpu(execution.backend):  # there, the memory of the steps is not the processor's
        # With a single arena, TensorFlow's threads would wait for it half of the time.
        memory.keep_freed(one_arena=execution.backend == "jax")
    settings.drop()
    _share_gpu()
    os.environ["KERAS_BACKEND"] = execution.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _importing(UNUSED[execution.backend]), memory.uncollected():
        import keras

    if keras.backend.backend() != execution.backend:
        raise ConfigError(
            f"Keras runs on {keras.backend.backend()} in this process, so it cannot run on "
            f"{execution.backend}",
            "start a new process",
        )
    _use_defaults()
    warnings.filterwarnings("ignore", "Layer '(masked_max|attention)'")  # which end the mask
    keras.utils.clear_session(free_memory=False)  # layers are numbered as in a new process
    threads = cores() if execution.threads == "auto" else execution.threads
    if execution.backend == "tensorflow":
        _start_tensorflow(execution, seed, threads)
    else:
        _start_jax(seed, threads)
    fixed, each = ROOM[execution.backend]
    memory.require_room(fixed + each * cores(), execution.backend)


def _share_gpu() -> None:
    """Let the backends take memory of a GPU as they need it, unless the user set it otherwise.

    By default JAX takes three quarters of it at the start and TensorFlow all, so a second seed or
    an evaluation beside a training would find none.
    """
    if not memory.on_processor():
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def _use_defaults() -> None:
    """Reset the Keras settings that change numbers; the process may have changed them before."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def import_for_tensorboard() -> None:
    """Import TensorFlow, with which Keras writes logs for TensorBoard on every backend."""
    with _importing(()):
        import tensorflow  # noqa: F401


def start_for_inference(execution: ResolvedExecutionConfig, seed: int) -> None:
    """Start the backend on which a network was trained, or another where that is not possible.

    It is not possible where JAX is not installed, or where the process already uses another
    backend. A saved network opens on both; its probabilities then differ in the last digits, and
    new weights differ.
    """
    begun = sys.modules.get("keras")
    if begun and begun.backend.backend() != execution.backend:
        execution = _elsewhere(execution, begun.backend.backend(), "on which the process began")
    elif execution.backend == "jax" and find_spec("jax") is None:
        execution = _elsewhere(execution, "tensorflow", "for JAX is not installed")
    start(execution, seed)


def _elsewhere(
    execution: ResolvedExecutionConfig, backend: str, why: str
) -> ResolvedExecutionConfig:
    log.info("computing on %s instead of %s, %s", backend, execution.backend, why)
    return execution.model_copy(update={"backend": backend})


def _start_tensorflow(execution: ResolvedExecutionConfig, seed: int, threads: int) -> None:
    import keras

    with _importing(UNUSED["tensorflow"]):
        import tensorflow as tf
    keras.utils.set_random_seed(seed)
    tf.get_logger().setLevel("ERROR")
    _compute_with(threads)
    if execution.deterministic:
        tf.config.experimental.enable_op_determinism()


def _compute_with(threads: int) -> None:
    """Set how many threads TensorFlow uses for one operation, unless it has started to compute."""
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _start_jax(seed: int, threads: int) -> None:
    os.environ["NPROC"] = str(threads)  # XLA reads the number of cores from it
    import jax
    import keras

    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_default_matmul_precision", None)
    with _as_if_missing(UNUSED["jax"]):
        keras.utils.set_random_seed(seed)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):  # JAX's own variable, already applied
        try:  # a private folder, because JAX runs the code in it
            jax.config.update("jax_compilation_cache_dir", str(private("jax")))
            jax.config.update("jax_compilation_cache_max_size", CACHED_CODE)
        except OSError as error:
            log.warning(
                "code compiled by JAX is not cached in %s: %s", error.filename, error.strerror
            )
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LONG_COMPILATION)


@contextmanager
def _importing(unused: Iterable[str]) -> Iterator[None]:
    """Import a backend in the body: quietly, without unused packages, with its own defaults."""
    with streams.quiet(streams.ERRORS), _as_if_missing(unused), settings.no_keras_json():
        yield


@contextmanager
def _as_if_missing(packages: Iterable[str]) -> Iterator[None]:
    """Hide packages from the imports in the body, unless they are already imported.

    Keras and TensorFlow import scikit-learn, matplotlib and JAX if they find them, and work
    without them. Importing them takes seconds and a quarter of the memory.
    """
    missing = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def compile(model: Any, optimizer: Any, dataset: Dataset, config: ResolvedConfig) -> None:
    """Compile a network for training on `dataset.learned_split`, as its config says."""
    accelerate(dataset.task.in_training(model))
    model.compile(
        optimizer,
        dataset.task.keras_loss(),
        metrics=dataset.task.keras_metrics(config.training.monitor),
        steps_per_execution=config.execution.steps_per_execution,
        jit_compile=config.execution.jit_compile,
    )


def feed(batches: Any, execution: ResolvedExecutionConfig) -> Any:
    """Return batches in the form in which `fit` takes them fastest.

    TensorFlow calls Python for each batch, which costs as much as a small step. So it gets many
    small batches in one call. Batches of different lengths come one by one, because together
    they would be padded to the longest. `autotune` is off: with it an epoch sometimes waits for
    the tuner, up to as long as the epoch itself takes.
    """
    if execution.backend != "tensorflow":
        return batches
    import tensorflow as tf

    x, labels = batches.examples.x, batches.examples.labels
    alike = batches.lengths is None
    sizes = (math.prod(array.shape[1:]) * array.itemsize for array in inputs.arrays(x))
    size = batches.batch_size * sum(sizes)
    many = min(max(FED_AT_ONCE // size, 1), STEPS_AT_ONCE) if alike else 1

    def spec(array: Any) -> Any:
        steps = array.shape[1:2] if alike else (None,)
        return tf.TensorSpec((None, None, *steps, *array.shape[2:]), array.dtype)

    cut = isinstance(x, dict) and not alike  # then each step has a label
    group = (
        inputs.each(x, spec),
        spec(labels) if cut else tf.TensorSpec((None, None, *labels.shape[1:]), labels.dtype),
    )
    groups = tf.data.Dataset.from_generator(lambda: batches.groups(many), output_signature=group)
    counted = tf.data.experimental.assert_cardinality(len(batches))
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    return groups.unbatch().apply(counted).prefetch(many).with_options(untuned)


def accelerate(model: Any) -> None:
    """Replace the loops of a network by faster ones, if the backend uses the processor."""
    if _on_processor():
        from seqtrain.backend import kernels

        kernels.install(model)


def _on_processor() -> bool:
    """Return whether the backend computes on the processor, because it finds no GPU."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")
