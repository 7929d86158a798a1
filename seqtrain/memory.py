"""Keep freed memory, pause the garbage collector in imports, report out-of-memory, limit it."""

import gc
import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqtrain.errors import ConfigError, TrainingError

LACK = (
    *("MemoryError", "ResourceExhausted", "RESOURCE_EXHAUSTED", "OOM when allocating", "bad_alloc"),
    *("failed to map segment", "Cannot allocate memory", "can't start new thread"),
)
GROUP = Path("/sys/fs/cgroup/memory.max")  # of a container
NVIDIA = Path("/proc/driver/nvidia/version")
FULL = "No space left"  # of a disk, which TensorFlow calls an exhausted resource too


def keep_freed(one_arena: bool) -> None:
    """Tell glibc to keep freed memory, because the next step needs the same amount.

    By default each large tensor is mapped anew and its pages are cleared, which took a third of
    the processor time of an LSTM on CPU. See mallopt(3).

    Args:
        one_arena: let all threads share one arena; other arenas still give memory back.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    import ctypes

    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8
    libc = ctypes.CDLL(None)
    libc.mallopt(trim_threshold, 2_000_000_000)
    libc.mallopt(top_pad, 64_000_000)
    libc.mallopt(mmap_max, 0)
    if one_arena:
        libc.mallopt(arena_max, 1)


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector while the body imports, and exclude the imported objects forever.

    An import creates hundreds of thousands of permanent objects. Scanning them again and again
    took a third of the time of importing Keras on TensorFlow. If everything was already imported,
    nothing is excluded.
    """
    collects, imported = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > imported:
            gc.freeze()
        if collects:
            gc.enable()


@contextmanager
def lack_told(batch_size: int, max_length: int | None) -> Iterator[None]:
    """Turn an out-of-memory error of any library into one sentence.

    Args:
        batch_size: of the training, to suggest a smaller one.
        max_length: of texts, to suggest a smaller one; None for other examples.

    Raises:
        TrainingError: memory ran out in the body.
    """
    try:
        yield
    except Exception as error:
        if not is_lack(error):
            raise
        shorter = f", `dataset.max_length` ({max_length})" if max_length else ""
        raise TrainingError(
            "there is not enough memory for this training",
            raise_limit() or f"lower `training.batch_size` ({batch_size}), `model.units`{shorter}",
        ) from error


def require(needed: float, what: str, lower: str) -> None:
    """Check that the machine has so much memory at all, before starting.

    Args:
        needed: a lower bound in bytes.
        what: what needs it: the plural subject of a sentence.
        lower: the keys that could be lower, with their values.

    Raises:
        ConfigError: it does not.
    """
    if needed > total():
        there = f"{total() / 1e9:,.1f} GB for this process"
        raise ConfigError(
            f"{what} need at least {needed / 1e9:,.1f} GB of memory, and there are {there}",
            f"lower {lower}",
        )


def on_processor() -> bool:
    """Return whether there is no NVIDIA GPU, which would have its own memory."""
    return not NVIDIA.exists()


def total() -> int:
    """Return the limit of memory for this process in bytes, with swap."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # there is no such file, or no limit in it
        most = min(most, int(GROUP.read_text()))
    with suppress(OSError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        most += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("SwapTotal:"))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return most if limit == resource.RLIM_INFINITY else min(most, limit)


def is_lack(error: BaseException | None) -> bool:
    """Return whether an error or its cause is out-of-memory."""
    while error:
        said = f"{type(error).__name__} {error}"
        if FULL in said:
            return False
        if any(sign in said for sign in LACK):
            return True
        error = error.__cause__ or error.__context__
    return False


def raise_limit() -> str | None:
    """Return a hint for a process with a memory limit; None for others."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    return f"`ulimit -v` allows {limit / 1e9:.1f} GB, so allow more: `ulimit -v unlimited`"


def require_room(needed: float, backend: str) -> None:
    """Check that the process may allocate so many more bytes, because a backend would abort.

    Raises:
        TrainingError: it may not.
    """
    size, limit = Path("/proc/self/statm"), resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or not size.exists():
        return
    room = limit - int(size.read_text().split()[0]) * resource.getpagesize()
    if room < needed:
        more = f"{(needed - room) / 1e9:.1f} GB more"
        raise TrainingError(
            f"there is not enough memory: {backend} needs about {more}", raise_limit()
        )


@contextmanager
def limited(more: int) -> Iterator[None]:
    """Limit the further memory of the process in the body, on Linux.

    Raises:
        MemoryError: the body needed more.
    """
    size = Path("/proc/self/statm")
    if not size.exists():
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(size.read_text().split()[0]) * resource.getpagesize()
    most = held + more if before[0] == resource.RLIM_INFINITY else min(held + more, before[0])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
