"""Train one network on several devices and in several processes, on JAX.

Every device holds the whole network and computes its rows of each batch; their gradients are added.
The processes find one another by the coordinator of JAX, and part from it at once: a process that
is lost then ends the step of the others with an error, which the coordinator would answer with an
abort.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtrain.backend import environment
from seqtrain.config import ExecutionConfig, ResolvedExecutionConfig
from seqtrain.errors import ConfigError, TrainingError, reason
from seqtrain.io import streams

PROCESS = "SEQTRAIN_PROCESS"  # the number of a process, where no scheduler gives it
# Variables of schedulers: the number of a process, and how many there are.
SCHEDULERS = {"SLURM_PROCID": "SLURM_NTASKS", "OMPI_COMM_WORLD_RANK": "OMPI_COMM_WORLD_SIZE"}
NUMBERS = (PROCESS, *SCHEDULERS, "JOB_COMPLETION_INDEX")  # the last is of Kubernetes
SECONDS_TO_MEET = "SEQTRAIN_SECONDS_TO_MEET"  # how long a process waits for the others at first
SECONDS_TO_PART, RETRY = 30, 0.2
LOST = ("Gloo", "NCCL", "UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED")  # in errors about peers
BLOCK = 4096  # bytes of a message; each other length would be compiled anew

log = logging.getLogger(__name__)


class PeerLost(TrainingError):
    """Another process of a training is gone."""


@dataclass(frozen=True)
class Place:
    """Which process of a training this is.

    Attributes:
        number: from 0; the first writes the run, the others follow it.
        processes: how many there are.
    """

    number: int = 0
    processes: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run."""
        return self.number == 0


def place(execution: ExecutionConfig) -> Place:
    """Return the place of this process, from `execution.hosts` and the environment.

    Raises:
        ConfigError: the environment does not give it.
    """
    if execution.hosts is None:
        return Place()
    if execution.hosts == "auto":
        for mine, all_of_them in SCHEDULERS.items():
            if mine in os.environ and all_of_them in os.environ:
                return Place(_whole(mine), _whole(all_of_them))
        known = " or ".join(f"`{name}`" for name in SCHEDULERS)
        raise ConfigError(
            f"`execution.hosts` is auto, and neither Slurm nor Open MPI started this process: "
            f"{known} is not set",
            "name the processes: `execution.hosts=[HOST:PORT, HOST:PORT]`",
        )
    processes = len(execution.hosts)
    for name in NUMBERS:
        if name in os.environ:
            number = _whole(name)
            if number >= processes:
                raise ConfigError(
                    f"`{name}` is {number}, but `execution.hosts` names {processes} processes, "
                    "counted from 0",
                    f"name as many as are started, or `{PROCESS}=0`",
                )
            return Place(number, processes)
    raise ConfigError(
        f"`execution.hosts` names {processes} processes, and nothing says which this is",
        f"start each with its number: `{PROCESS}=0 seqtrain train …`, `{PROCESS}=1 …`",
    )


def _whole(name: str) -> int:
    text = os.environ[name]
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(
            f"`{name}` must be a whole number, not `{text}`", f"for the first process `{name}=0`"
        )
    return int(text)


def check(execution: ResolvedExecutionConfig, batch_size: int, on_gpu: bool) -> None:
    """Check that devices and processes are possible here, as far as it is known before JAX starts.

    Raises:
        ConfigError: they are not.
    """
    if execution.devices == 1 and execution.hosts is None:
        return
    key = "hosts" if execution.hosts else "devices"
    if execution.backend != "jax":
        raise ConfigError(
            f"`execution.{key}` needs JAX: on tensorflow, Keras trains on one device",
            "`execution.backend=jax`",
        )
    here = environment.visible_gpus() if on_gpu else environment.cores()
    if execution.devices > here:
        kind = "GPUs" if on_gpu else "processor cores"
        raise ConfigError(
            f"`execution.devices` is {execution.devices}, but this process sees {here} {kind}",
            f"`execution.devices={here}`" if here else "`execution.devices=1`",
        )
    named = isinstance(execution.hosts, list)
    processes = len(execution.hosts or ()) if named else place(execution).processes
    devices = processes * execution.devices
    if batch_size % devices:
        within = f" ({execution.devices} in each of {processes} processes)"
        raise ConfigError(
            f"`training.batch_size` is {batch_size}, which {devices} devices"
            f"{within if processes > 1 else ''} cannot share equally",
            f"`training.batch_size={devices * max(round(batch_size / devices), 1)}`",
        )


def require_one_process(execution: ExecutionConfig, command: str) -> None:
    """Check that a command that starts its own trainings was not given several processes.

    Raises:
        ConfigError: it was.
    """
    if execution.hosts is not None:
        raise ConfigError(
            f"`{command}` starts a process for each training, so `execution.hosts` must be null",
            "`execution.hosts=null`, or one `seqtrain train` after another",
        )


def join(execution: ResolvedExecutionConfig) -> None:
    """Let the following training run on the devices of all its processes.

    It must be called after `execution.start`, and before anything is computed.

    Raises:
        ConfigError: there are fewer devices than `execution.devices`.
        TrainingError: the other processes did not come.
    """
    at = place(execution)
    if execution.devices == 1 and at.processes == 1:
        return
    import jax
    import keras

    if execution.devices > 1:
        jax.config.update("jax_num_cpu_devices", execution.devices)
    if at.processes > 1:
        _meet(execution, at)
    here = jax.local_devices()
    if len(here) < execution.devices:
        raise ConfigError(
            f"`execution.devices` is {execution.devices}, but JAX finds {len(here)} here",
            f"`execution.devices={len(here)}`",
        )
    used = jax.devices() if at.processes > 1 else here[: execution.devices]
    names = [f"{device.platform}:{device.id}" for device in used]
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
    )
    _lay_out_any_batch()
    log.info("each batch is shared by %d devices in %d processes", len(used), at.processes)
    if at.processes > 1 and here[0].platform == "cpu":
        with streams.quiet(streams.OUTPUT), streams.quiet(streams.ERRORS):
            from_first(None)  # connects the processes with one another
        jax.distributed.shutdown()


def _meet(execution: ResolvedExecutionConfig, at: Place) -> None:
    """Wait until all processes have come."""
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_preemption_service", False)  # it takes SIGTERM
    asked: dict[str, Any] = {}
    if isinstance(execution.hosts, list):
        asked = {"coordinator_address": execution.hosts[0], "num_processes": at.processes}
        asked |= {"process_id": at.number, "cluster_detection_method": "deactivate"}
    if execution.devices > 1:
        asked["local_device_ids"] = list(range(execution.devices))
    seconds = int(os.environ.get(SECONDS_TO_MEET, "300"))
    where = ", ".join(execution.hosts or ()) if asked else "Slurm or Open MPI"
    log.info("waiting for %d processes: %s", at.processes, where)
    try:
        if isinstance(execution.hosts, list) and not at.first:
            _await(execution.hosts[0], seconds)
        jax.distributed.initialize(
            **asked, initialization_timeout=seconds, shutdown_timeout_seconds=SECONDS_TO_PART
        )
    except Exception as error:
        raise TrainingError(
            f"the {at.processes} processes of this training did not meet within {seconds} s: "
            f"{reason(error)}",
            "start all of them, and let them reach the first at its address and port",
        ) from error


def _await(address: str, seconds: int) -> None:
    """Wait until the first process listens; JAX would abort.

    Raises:
        OSError: it has not come.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(RETRY)


def _lay_out_any_batch() -> None:
    """Let Keras lay out each batch by its own size.

    Keras takes the layout of the first batch for all. The last one of an epoch may have rows that
    the devices cannot share equally; so each device computes all of it. And Keras expects
    of each process only its rows, where `Batches` gives the whole batch.
    """
    import jax
    from keras.src.backend.jax import distribution_lib

    def laid_out(batch: Any, layout: Any, batch_dim_name: str) -> Any:
        whole = np.asarray(batch)
        if len(whole) % layout.mesh.size:
            layout = jax.sharding.NamedSharding(layout.mesh, jax.sharding.PartitionSpec())
        return jax.make_array_from_callback(whole.shape, layout, whole.__getitem__)

    distribution_lib.distribute_data_input = laid_out


def leave(variables: Iterable[Any]) -> None:
    """Let this process compute alone from now on, on one device; all processes call it together.

    Args:
        variables: of Keras; all that it will still use.
    """
    import keras

    if keras.distribution.distribution() is None:
        return
    import jax

    jax.distributed.shutdown()  # on processors it has ended already
    keras.distribution.set_distribution(None)
    for variable in variables:
        value = np.asarray(variable.numpy())
        variable._layout = None
        variable.assign(value)


def from_first(value: Any) -> Any:
    """Return the value that the first process has given.

    All processes must call it, in the same order.

    Args:
        value: of JSON.
    """
    from jax.experimental.multihost_utils import broadcast_one_to_all

    content = json.dumps(value).encode()
    size = int(broadcast_one_to_all(np.int32(len(content))))
    sent = np.zeros(-(-size // BLOCK) * BLOCK, np.uint8)
    sent[: len(content)] = np.frombuffer(content, np.uint8)[: len(sent)]
    received = np.asarray(broadcast_one_to_all(sent), np.uint8)
    return json.loads(received[:size].tobytes())


@contextmanager
def peers_needed(at: Place, hint: str) -> Iterator[None]:
    """Turn the error of a step whose other processes are gone into one sentence.

    Raises:
        PeerLost: another process is gone.
    """
    try:
        yield
    except Exception as error:
        if at.processes == 1 or not is_loss(error):
            raise
        raise PeerLost("another process of this training was lost", hint) from error


def is_loss(error: BaseException | None) -> bool:
    """Return whether an error or its cause says that another process is gone."""
    while error:
        if any(sign in str(error) for sign in LOST):
            return True
        error = error.__cause__ or error.__context__
    return False
