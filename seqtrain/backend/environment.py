"""What a run depends on besides its config: versions, machine, threads, data."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqtrain import __version__
from seqtrain.backend import settings
from seqtrain.data.dataset import Dataset
from seqtrain.io.atomic import sha256
from seqtrain.io.regular_file import checked

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
STARTED_BY = "SEQTRAIN_STARTED_BY"  # the command of a person, where it started this process
DECISIVE = (
    *("python", "packages", "processor", "cores", "threads", "backend", "devices", "onednn"),
    *("gpus", "embeddings", "variables"),
)
GPUS = Path("/proc/driver/nvidia/gpus")  # the driver's, with a folder for each
PACKAGES = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib")}


def environment(dataset: Dataset, embeddings: str | None = None) -> dict[str, Any]:
    """Return what a run depends on besides its config, as `environment.json` holds it.

    Args:
        dataset: what it learns from.
        embeddings: the file of the word vectors that it starts from, if there is one.
    """
    import keras

    return {
        "command": json.loads(os.environ.get(STARTED_BY, "null")) or sys.argv,
        "python": platform.python_version(),
        "packages": {"seqtrain": __version__, **_versions(keras.backend.backend())},
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "threads": {name: os.environ.get(name) for name in THREADS},
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "gpus": gpus() or None,  # as in the runs that were trained before this key
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "variables": _variables(),
        "git_commit": _git_commit(),
        "data": {
            "source": dataset.source,
            "sha256": dataset.sha256,
            "compared_by": dataset.compared_by,
        },
        "embeddings": embeddings and sha256(Path(embeddings)),
    }


def _versions(backend: str) -> dict[str, str]:
    return {name: version(name) for name in ("keras", *PACKAGES[backend], "numpy", "scikit-learn")}


def _variables() -> dict[str, str]:
    return {name: value for name, value in settings.recorded().items() if name not in THREADS}


def processor() -> str:
    """Return the processor's name; `platform.processor()` is empty on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def gpus() -> list[str]:
    """Return the models of the NVIDIA GPUs, whether or not a backend uses them."""
    found = []
    for file in sorted(GPUS.glob("*/information")):
        lines = checked(file).read_text(encoding="utf-8").splitlines()
        found += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return found


def visible_gpus() -> int:
    """Return how many NVIDIA GPUs this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return len(gpus()) if visible is None else len(list(filter(None, visible.split(","))))


def _git_commit() -> str | None:
    """Return the commit of the working folder, where it is a git checkout."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a sentence for each changed condition that can change the last digits."""
    then, here = _decisive(before), _decisive(now)
    return [
        f"{name} was {then.get(name)}, and is {here.get(name)}"
        for name in here | then
        if then.get(name) != here.get(name)
    ]


def _decisive(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions that can change the last digits, besides the config and the data."""
    found: dict[str, Any] = {}
    for key in DECISIVE:
        value = environment.get(key)
        inner = value.items() if isinstance(value, dict) else [("", value)]
        found |= {f"{key} {name}".rstrip(): item for name, item in inner}
    return found


def cores() -> int:
    """Return how many cores this process may use; backends choose their threads by it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
