"""The section `execution`: on what the network is trained, and how."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from seqtrain.schema.sections import Devices, Rule, Section, StepsAtOnce, Threads

LONGEST_UNROLL = 64  # time steps; longer loops take longer to trace than they save
STEPS_AT_ONCE = 32
PORTS = 65_536


class ExecutionConfig(Section):
    """How the computation runs: this changes the speed, and the last digits of the results.

    The `config.yaml` of a run holds what each `auto` became.
    """

    backend: Literal["auto", "tensorflow", "jax"] = Field(
        default="tensorflow",
        description="the library that Keras computes with; `jax` is an extra (`seqtrain[jax]`), "
        "and `auto` is `jax` where that is installed, but not beside an NVIDIA GPU that it has no "
        "plugin for (`jax[cuda13]`)",
    )
    jit_compile: bool | Literal["auto"] = Field(
        default="auto",
        description="compile the step with XLA; `auto` is true for `jax`, and false for "
        "`tensorflow`, where Keras cannot use XLA with `deterministic`",
    )
    unroll: bool | Literal["auto"] = Field(
        default="auto",
        description="unroll the loop over the time steps, on `tensorflow`; `auto` does so where it "
        f"was measured faster: `rnn` and `birnn`, at most {LONGEST_UNROLL} steps without mask",
    )
    steps_per_execution: StepsAtOnce | Literal["auto"] = Field(
        default="auto",
        description="optimizer steps in one call of the compiled function; `auto` is "
        f"{STEPS_AT_ONCE} on `tensorflow` where a step is small, else 1",
    )
    threads: Threads | Literal["auto"] = Field(
        default="auto",
        description="processor threads for one operation; `auto` is 1 if the products of a time "
        "step are small, else all cores that the process may use",
    )
    deterministic: bool | Literal["auto"] = Field(
        default=True, description="the same numbers in every run on one machine; `auto` is true"
    )
    devices: Devices = Field(
        default=1,
        description="devices of each process that share every batch, on `jax`: GPUs, or parts of a "
        "processor, where one device is faster",
    )
    hosts: Literal["auto"] | list[str] | None = Field(
        default=None,
        description="the processes that train together, on `jax`: `HOST:PORT` of each, of which "
        "the first writes the run; `auto` takes them from Slurm or Open MPI; null trains in one "
        "process (docs/scale.md)",
    )

    def broken_rules(self) -> Iterator[Rule]:
        """Yield each broken rule between the hosts."""
        hosts = self.hosts if isinstance(self.hosts, list) else []
        if self.hosts is not None and not self.hosts:
            yield "execution.hosts", "must name at least one process, or be null"
        for index, host in enumerate(hosts):
            name, _, port = host.rpartition(":")
            if not name or not port.isdecimal() or not 0 < int(port) < PORTS:
                yield f"execution.hosts.{index}", "must be `HOST:PORT`, such as `node1:7788`"


class ResolvedExecutionConfig(ExecutionConfig):
    """How the computation runs, with what each `auto` became."""

    backend: Literal["tensorflow", "jax"]
    jit_compile: bool
    unroll: bool
    steps_per_execution: StepsAtOnce
    threads: Threads | Literal["auto"]  # `auto` in runs that were trained before this key
    deterministic: bool
