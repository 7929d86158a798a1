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
    """Tell glibc to keep the memory that is freed, for the next step needs as much.

    By default each large tensor is mapped anew and its pages are cleared again, which took
    a third of the processor time of an LSTM on CPU. See mallopt(3).

    Args:
        one_arena: let all threads share one; those of others give memory back all the same.
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
    """Have Python not look for garbage while the body imports, nor ever in what is in memory then.

    An import makes objects by the hundred thousand, and all of them stay: to look through them
    again and again took a third of the time of importing Keras on TensorFlow. Where the body
    finds all of it imported already, what is in memory may yet become garbage.
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
    """Turn a lack of memory, whichever library reports it, into one sentence.

    Args:
        batch_size: of the training, which could be lower.
        max_length: of texts, which could be lower too; None of other examples.

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
    """Make sure that the machine has so much memory at all, before something so large is begun.

    Args:
        needed: bytes, no more than are needed in truth.
        what: needs it, as the subject of a sentence in the plural.
        lower: what could be lower, with its value.

    Raises:
        ConfigError: it has not.
    """
    if needed > total():
        there = f"{total() / 1e9:,.1f} GB for this process"
        raise ConfigError(
            f"{what} need at least {needed / 1e9:,.1f} GB of memory, and there are {there}",
            f"lower {lower}",
        )


def on_processor() -> bool:
    """Return whether no NVIDIA GPU is here, whose memory would be another."""
    return not NVIDIA.exists()


def total() -> int:
    """Return the bytes of memory that this process may ever hold, swapped out or not."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # there is no such file, or no limit in it
        most = min(most, int(GROUP.read_text()))
    with suppress(OSError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        most += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("SwapTotal:"))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return most if limit == resource.RLIM_INFINITY else min(most, limit)


def is_lack(error: BaseException | None) -> bool:
    """Return whether an error, or what led to it, says that memory ran out."""
    while error:
        said = f"{type(error).__name__} {error}"
        if FULL in said:
            return False
        if any(sign in said for sign in LACK):
            return True
        error = error.__cause__ or error.__context__
    return False


def raise_limit() -> str | None:
    """Return the hint for a process that may not take all of the memory; None for others."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    return f"`ulimit -v` allows {limit / 1e9:.1f} GB, so allow more: `ulimit -v unlimited`"


def require_room(needed: float, backend: str) -> None:
    """Make sure that the process may take so many bytes more, for a backend aborts where it cannot.

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
    """Let the process take only so many bytes more while the body runs, where Linux can tell.

    Raises:
        MemoryError: the body asked for more.
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
