"""What a table was measured on: the date, the machine and the versions."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from seqtrain.backend.environment import gpus, processor

PACKAGES = ("keras", "tensorflow", "jax", "torch")


def described() -> str:
    """Return a line for the head of a table."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    known = [f"{name} {found}" for name in PACKAGES if (found := _version(name))]
    return ", ".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}",
            *gpus(),
            f"{os.cpu_count()} cores ({processor()}), {memory:.0f} GB",
            f"Python {platform.python_version()}",
            *known,
        ]
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
