"""Environment variables and files outside the config that would change the results.

Only the config may change the results. So the variables of Keras, JAX and TensorFlow are removed,
except those for devices, caches and logs, and `keras.json` is not read. The remaining variables
that may change the last digits are recorded in `environment.json`.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

DROPPED = ("KERAS_", "JAX_", "TF_", "TF2_")
KEPT = (
    *("KERAS_HOME", "JAX_COMPILATION_CACHE_", "JAX_PERSISTENT_CACHE_", "JAX_LOGGING_LEVEL"),
    *("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "TF_CPP_", "TF_FORCE_GPU_ALLOW_GROWTH"),
    *("TF_GPU_ALLOCATOR", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "TF_ENABLE_ONEDNN_OPTS",
)
# They allow products in lower precision.
DROPPED_TOO = ("NVIDIA_TF32_OVERRIDE", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")
# Terraform's variables begin with TF_ too; TensorFlow sets TF2_BEHAVIOR itself when it is imported.
UNTOLD = ("KERAS_BACKEND", "TF_", "TF2_BEHAVIOR")
RECORDED = (
    *("JAX_PLATFORM", "XLA_FLAGS", "CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_", "ONEDNN_", "DNNL_"),
    *("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "BLIS_", "NPY_"),
)

log = logging.getLogger(__name__)


def drop() -> None:
    """Remove the variables that would change the results, for child processes too."""
    dropped = [name for name in sorted(os.environ) if _is_dropped(name)]
    for name in dropped:
        del os.environ[name]
    if told := [name for name in dropped if not name.startswith(UNTOLD)]:
        log.info("ignored, because only the config may set them: %s", ", ".join(told))


def _is_dropped(name: str) -> bool:
    return name in DROPPED_TOO or (name.startswith(DROPPED) and not name.startswith(KEPT))


def recorded() -> dict[str, str]:
    """Return the variables that are set and may change the last digits."""
    return {name: os.environ[name] for name in sorted(os.environ) if name.startswith(RECORDED)}


@contextmanager
def no_keras_json() -> Iterator[None]:
    """Keep Keras, also the one within TensorFlow, from reading `keras.json` when imported.

    It reads or writes one in `KERAS_HOME`, in the home folder, or in `/tmp`, where another user
    may have put one. So `KERAS_HOME` points into the null device, which holds no files.
    """
    before = os.environ.get("KERAS_HOME")
    os.environ["KERAS_HOME"] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ["KERAS_HOME"]
        else:
            os.environ["KERAS_HOME"] = before
