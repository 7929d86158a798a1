"""Memory: what is freed is kept for the next step, and a lack of it is one sentence."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from seqtrain.config import Config
from seqtrain.errors import TrainingError

LACK = ("MemoryError", "ResourceExhausted", "RESOURCE_EXHAUSTED", "OOM when allocating")
FULL = "No space left"  # of a disk, which TensorFlow calls an exhausted resource too


def keep_freed(backend: str) -> None:
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
def lack_told(config: Config) -> Iterator[None]:
    """Turn a lack of memory, whichever library reports it, into one sentence.

    Raises:
        TrainingError: memory ran out in the body.
    """
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__} {error}"
        if FULL in said or not any(sign in said for sign in LACK):
            raise
        size, length = config.training.batch_size, getattr(config.dataset, "max_length", None)
        shorter = ", `model.units`" + (f", `dataset.max_length` ({length})" if length else "")
        raise TrainingError(
            "there is not enough memory for this training",
            f"lower `training.batch_size` ({size}){shorter}",
        ) from error
