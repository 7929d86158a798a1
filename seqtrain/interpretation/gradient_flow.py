"""Measure how far gradients reach back in time, for runs and configs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.backend import execution
from seqtrain.config import CompleteConfig, ResolvedConfig, TrainingConfig, load_config
from seqtrain.data.dataset import Dataset
from seqtrain.errors import RunError
from seqtrain.inference import network
from seqtrain.runs import folders, lookup, run_data
from seqtrain.runs.run import GRADIENTS, Run

if TYPE_CHECKING:
    from seqtrain.interpretation.gradient_norms import Flow

EXAMPLES = 64  # examples, for the mean gradients of the states
BATCHES = 20  # batches, for the gradients of the weights
EXPLODED = 10.0  # largest ratio of the first to the last step, or of one batch to the median
USUAL = 1.0  # the clipnorm that most papers use


@dataclass(frozen=True)
class Source:
    """What to measure: a run, or a config that was not trained."""

    label: str
    config: CompleteConfig
    run: Run | None = None


@dataclass(frozen=True)
class NetworkGradients:
    """The gradients of one network at one moment.

    Attributes:
        network: its name.
        moment: `start` or `trained`.
        flows: by layer, direction and state.
        norms: the largest norm of any weight's gradient in each batch; float64, shape (batches,).
        training: the section of the config, which may already clip gradients.
    """

    network: str
    moment: str
    flows: "list[Flow]"
    norms: np.ndarray
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def warning(self) -> str | None:
        """A sentence on whether the gradient explodes, with a clipnorm that helps."""
        how = self._explosion()
        if how is None:
            return None
        ours = self.training.clipnorm
        clipnorm = min(self.advised, ours or math.inf)
        instead = "training.clipvalue=null " if self.training.clipvalue else ""
        would = "cuts" if clipnorm == ours else "would have cut"
        return (
            f"the gradient {how}; `{instead}training.clipnorm={clipnorm:g}` {would} "
            f"{self.cut(clipnorm):.0%} of {len(self.norms)} batches"
        )

    def _explosion(self) -> str | None:
        """Describe an exploding gradient: not finite, growing backwards, or large in a batch.

        In a trained network most batches have a small gradient, except those with a mistake. So
        one large batch only counts above the usual clipnorm.
        """
        parts = [self.norms, *(flow.norms for flow in self.flows)]
        if not all(np.isfinite(norms).all() for norms in parts):
            return "is not finite"
        reach = max((flow.reach for flow in self.flows if flow.reach > EXPLODED), default=None)
        if reach is not None:
            return f"is {reach:.3g} times as large at the first step as at the last"
        most, usual = float(self.norms.max()), float(np.median(self.norms))
        if most > max(EXPLODED * usual, USUAL):
            times = f"{most / usual:.3g} times the median" if usual else f"{most:.3g} instead of 0"
            return f"is {times} in one of {len(self.norms)} batches"
        return None

    @property
    def advised(self) -> float:
        """A clipnorm that leaves at least half of the batches unclipped; at most the usual one."""
        usable = self.norms[np.isfinite(self.norms) & (self.norms > 0)]
        return min(USUAL, round_up(float(np.median(usable)))) if len(usable) else USUAL

    def cut(self, clipnorm: float) -> float:
        """Return the share of the batches that a clipnorm would clip."""
        return float((~(self.norms <= clipnorm)).mean())


def round_up(value: float) -> float:
    """Round a value up to one of …, 0.1, 0.2, 0.5, 1, 2, 5, …."""
    if not 0 < value < math.inf:
        return value
    power = 10.0 ** math.floor(math.log10(value))
    return next(float(f"{step * power:g}") for step in (1, 2, 5, 10) if step * power >= value)


def sources(named: Sequence[Path], overrides: Sequence[str], outputs: Path) -> list[Source]:
    """Return the configs and runs to measure.

    Their labels are their names if these differ, else their paths.

    Args:
        named: files of configs, and runs as every command takes them.
        overrides: `key=value`, for the configs.
        outputs: the folder of all runs.
    """
    found = [_source(place, overrides, outputs) for place in named]
    names = [source.config.name for source in found]
    if len(set(names)) == len(names):
        return [replace(one, label=name) for one, name in zip(found, names, strict=True)]
    return found


def _source(place: Path, overrides: Sequence[str], outputs: Path) -> Source:
    """Return a config or a run with a unique label."""
    if place.is_file() and not (place.name == "config.yaml" and Run(place.parent).begun):
        return Source(str(place), load_config(place, overrides))
    run = lookup.best(place, outputs)
    return Source(run.label, run.config, run)


def home(sources: Sequence[Source], outputs: Path) -> Path:
    """Return the folder for the picture: that of a single run, or one in the folder of all runs.

    Raises:
        RunError: something else is in its place, such as a link.
    """
    runs = [source.run for source in sources if source.run]
    folder = runs[0].plots if len(runs) == len(sources) == 1 else outputs / folders.PLOTS
    folders.require_own_folder(folder)
    return folder


def measure(source: Source, data_dir: Path | None) -> list[NetworkGradients]:
    """Measure a network with its initial weights, and a run also with its trained weights.

    The numbers of a run are kept in its folder, for its report.

    Raises:
        DataError: the data cannot be read.
        RunError: a run has no model.
        ConfigError: a config's backend is not installed.
    """
    run = source.run
    if run:
        dataset, config = run_data.load_readable(run, data_dir), run.config
    else:
        dataset = source.config.dataset.load(data_dir)
        config = execution.resolve(source.config, dataset)
    execution.start_for_inference(config.execution, config.seed)
    start = config.model.build(dataset)
    _require_recurrent(start, source.label)
    config.model.prepare(start, dataset, weighed=config.training.class_weight is not None)
    models = {"start": start}
    if run:
        run.require(run.model_file.name)
        models["trained"] = network.load_model(run)
    found = [
        _measured(source.label, moment, model, config, dataset) for moment, model in models.items()
    ]
    if run:
        run.write_json(GRADIENTS, numbers(found))
    return found


def _require_recurrent(model: Any, label: str) -> None:
    from seqtrain.interpretation.trace import recurrent

    if not recurrent(model):
        raise RunError(
            f"`{label}` has no recurrent layer, in which a gradient goes back from step to step",
            "train one with such a layer on top: `model.recurrent=lstm`",
        )


def _measured(
    label: str, moment: str, model: Any, config: ResolvedConfig, dataset: Dataset
) -> NetworkGradients:
    from seqtrain.interpretation import gradient_norms
    from seqtrain.training.batches import Batches
    from seqtrain.training.loop import class_weight

    def first(batch_size: int, number: int) -> list[Any]:
        batches = Batches(dataset.learned_split("train"), batch_size, config.seed)
        batches.on_epoch_begin()
        return [batches[index] for index in range(min(number, len(batches)))]

    if config.dataset.holds_pairs:
        raise RunError(
            f"`{label}` translates, and gradients are measured in networks of one sequence",
            "what it looks at: `seqtrain explain RUN TEXT`",
        )
    ((x, labels),) = first(EXAMPLES, 1)
    batches = first(config.training.batch_size, BATCHES)
    name = dataset.task.keras_loss()
    model = dataset.task.in_training(model)
    return NetworkGradients(
        label,
        moment,
        gradient_norms.flows(model, name, x, labels),
        gradient_norms.largest_norms(model, name, batches, class_weight(config, dataset)),
        config.training,
    )


def numbers(measured: Sequence[NetworkGradients]) -> list[dict[str, Any]]:
    """Return the output of `--json`: the norms of every step, in the order of reading."""
    return [
        {
            "network": one.network,
            "moment": one.moment,
            "weights": {"largest_norms": _finite(one.norms), "explodes": one.warning is not None},
            "warning": one.warning,
            "states": [
                {
                    "layer": flow.place.layer,
                    "direction": flow.place.direction,
                    "state": flow.state,
                    "norms": _finite(flow.norms),
                    "first_to_last": flow.reach if math.isfinite(flow.reach) else None,
                }
                for flow in one.flows
            ],
        }
        for one in measured
    ]


def _finite(norms: np.ndarray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in norms.tolist()]
