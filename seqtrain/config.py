"""The config: one class for each section, and the way from a YAML file to a valid `Config`."""

import copy
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from seqtrain import tasks
from seqtrain.datasets import AnyDatasetConfig
from seqtrain.errors import ConfigError
from seqtrain.io import naming
from seqtrain.models import AnyModelConfig
from seqtrain.schema import search_space, shipped
from seqtrain.schema.search_space import SweepConfig
from seqtrain.schema.sections import (
    Count,
    Devices,
    Epochs,
    NotNegative,
    OneOf,
    Positive,
    Rule,
    Section,
    Seed,
    StepsAtOnce,
    Threads,
    broken,
)
from seqtrain.schema.yaml_file import Document, Problem, apply_overrides, put, read_document
from seqtrain.schema.yaml_writer import write
from seqtrain.sources.base import TokenDatasetConfig
from seqtrain.sources.windowed_series import SeriesConfig

EXPONENTIAL_DECAY = 0.9  # factor of the learning rate in each epoch
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 2
LONGEST_UNROLL = 64  # time steps; longer loops take longer to trace than they save
STEPS_AT_ONCE = 32
PORTS = 65_536
TIE = 1e-9  # largest weight of the loss in a rank; two accuracies differ by more

Optimizer = Literal[
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lamb",
    "lion",
    "muon",
    "nadam",
    "rmsprop",
    "schedulefreeadamw",
    "sgd",
]
OF_WORDS = ("embedding_dim", "embedding_file", "embedding_scale", "token_dropout", "wide")
MOST_PROBLEMS = 50  # of a config in one error
COMBINATIONS_TRIED = 50  # before a value of a search space counts as one that no trial can have


MonitorName = Annotated[str, OneOf(tasks.monitored)]


class EarlyStoppingConfig(Section):
    """When to stop before the last epoch."""

    patience: Epochs = Field(
        default=3, description="epochs without improvement of `monitor` before the stop"
    )
    min_delta: NotNegative = Field(default=0.0, description="the least change that improves")


class TrainingConfig(Section):
    """How the model is fitted."""

    epochs: Epochs = Field(default=10, description="passes over the training examples")
    batch_size: Count = Field(default=32, description="examples in one step of the optimizer")
    bucket_by_length: bool = Field(
        default=False,
        description="put examples of similar length into one batch, and cut it to the longest of "
        "them: this saves padding; needs a mask and `padding: post`",
    )
    optimizer: Optimizer = Field(
        default="adam", description="Keras optimizer, with Keras's defaults"
    )
    learning_rate: Positive = Field(
        default=1e-3, description="learning rate after the warm-up, before the schedule lowers it"
    )
    schedule: Literal["constant", "cosine", "exponential", "plateau"] = Field(
        default="constant",
        description="`cosine` falls towards 0 at the last step, `exponential` to "
        f"{EXPONENTIAL_DECAY:.0%} in each epoch, `plateau` to {PLATEAU_FACTOR:.0%} after "
        f"{PLATEAU_PATIENCE} epochs without improvement of `monitor`",
    )
    warmup_epochs: NotNegative = Field(
        default=0.0, description="epochs in which the learning rate rises linearly from 0"
    )
    clipnorm: Positive | None = Field(
        default=None, description="largest norm of each gradient; longer ones are scaled down"
    )
    clipvalue: Positive | None = Field(
        default=None, description="largest absolute value of any gradient's element"
    )
    weight_averaging: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of the past in a moving average of the weights, such as 0.999 for "
        "about the last 1,000 steps (Polyak & Juditsky 1992): validation, the saved model and the "
        "test use the average; null uses the weights of the last step",
    )
    class_weight: Literal["balanced"] | None = Field(
        default=None, description="`balanced` weighs each class by the inverse of its frequency"
    )
    monitor: MonitorName | None = Field(
        default=None,
        description="decides which epoch is best, when early stopping ends the training, and when "
        "the plateau schedule lowers the learning rate; null is `val_accuracy` for classes, "
        "`val_macro_f1` where `class_weight` weighs them, `val_mae` (mean absolute error) for "
        "numbers, and `val_mase` for forecasts; of equal epochs the one with the lower `val_loss` "
        "is better",
    )
    early_stopping: EarlyStoppingConfig | None = Field(
        default=None,
        description="`patience` (epochs, default 3) and `min_delta` (default 0): stop when "
        "`monitor` has not improved; null trains all epochs",
    )
    baselines: bool = Field(
        default=True,
        description="also fit a linear model, in up to half a minute after the training, and "
        "test whether the network beats it; the network is always compared with the majority "
        "class, the mean of numbers, or naive forecasts",
    )
    checkpoint_minutes: Positive = Field(
        default=10.0,
        description="minutes between checkpoints within an epoch; each epoch ends with one",
    )
    tensorboard: bool = Field(
        default=False,
        description="write logs for TensorBoard into `tensorboard/` of the run; needs an extra "
        "(`seqtrain[tensorboard]`)",
    )

    def broken_rules(self) -> Iterator[Rule]:
        """Yield each broken rule between keys of this section."""
        if self.clipnorm and self.clipvalue:
            yield "training.clipvalue", "cannot be combined with `clipnorm`: choose one of them"
        if self.warmup_epochs and self.schedule == "plateau":
            yield (
                "training.warmup_epochs",
                "cannot be combined with `schedule: plateau`: choose one",
            )
        elif self.warmup_epochs > self.epochs:
            yield "training.warmup_epochs", f"must be at most `epochs`, which is {self.epochs}"


class CompleteTrainingConfig(TrainingConfig):
    """How the model is fitted, with `monitor` filled in."""

    monitor: MonitorName

    @property
    def mode(self) -> Literal["min", "max"]:
        """Whether less or more of `monitor` is better."""
        return "max" if tasks.metric(self.monitor.removeprefix("val_")).higher else "min"

    def rank(self, epoch: Mapping[str, float]) -> float:
        """Return a number that is lower for a better epoch: `monitor`, with `val_loss` for ties.

        Args:
            epoch: its row of `history.csv`.
        """
        value, loss = epoch[self.monitor], epoch["val_loss"]
        if self.mode == "min":
            return value
        return TIE * loss / (1 + abs(loss)) - value


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


class Config(Section):
    """Every key of a config, its allowed values and its default.

    A dataset and a model are chosen by their key `name`, which decides the other keys.
    """

    name: str | None = Field(
        default=None,
        pattern=naming.PATTERN,
        max_length=naming.LONGEST,
        description="name of the folder of the runs: letters and digits of any script, `.`, `_` "
        "and `-`; null takes the name of the config's file",
    )
    seed: Seed = Field(default=0, description="decides initial weights, order and dropout")
    dataset: AnyDatasetConfig = Field(description="what to learn from")
    model: AnyModelConfig = Field(description="the network")
    training: TrainingConfig = Field(default=TrainingConfig(), description="how to fit it")
    execution: ExecutionConfig = Field(default=ExecutionConfig(), description="how to run it")
    sweep: SweepConfig | None = Field(
        default=None, description="what `seqtrain sweep` searches; other commands ignore it"
    )

    @model_serializer(mode="wrap")
    def _without_absent_sweep(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = handler(self)
        return tree if tree.get("sweep") else {k: v for k, v in tree.items() if k != "sweep"}

    @model_validator(mode="after")
    def _rules(self) -> Self:
        sections = (self.training, self.execution, self)
        if rules := [rule for section in sections for rule in section.broken_rules()]:
            raise broken(rules)
        return self

    def broken_rules(self) -> Iterator[Rule]:
        """Yield each broken rule between keys of several sections."""
        dataset, model = self.dataset, self.model
        if self.name:
            yield from (("name", rule) for rule in naming.broken_rules(self.name))
        if self.training.bucket_by_length and not dataset.hides_padding_at_the_end:
            rule = "needs padding that is hidden at the end: `dataset.mask=true`, `padding: post`"
            yield "training.bucket_by_length", rule
        yield from self._rules_of_task()
        if not model.embedding_trainable and model.embedding_file is None:
            rule = "must be true without `embedding_file`: random vectors would stay as they are"
            yield "model.embedding_trainable", rule
        if dataset.holds_pairs != model.writes_sequences:
            rule = "turns one sequence into another" if model.writes_sequences else "does not"
            holds = "pairs" if dataset.holds_pairs else "no pairs"
            needs = "`encoder_decoder`" if dataset.holds_pairs else "another model"
            rule = f"{rule}, but `{dataset.name}` holds {holds}: {needs} fits"
            yield "model.name", rule
        if self.training.bucket_by_length and not model.writes_any_length:
            rule = "cannot be combined with `decoder: repeat`, which writes a fixed number of steps"
            yield "training.bucket_by_length", rule
        if model.autoregressive and not isinstance(dataset, SeriesConfig):
            rule = f"is for forecasts, but `{dataset.name}` holds no time series"
            yield "model.autoregressive", rule
        if not dataset.holds_tokens:
            for key in OF_WORDS:
                if getattr(model, key):
                    yield f"model.{key}", f"is for words, but `{dataset.name}` has none"
        elif isinstance(dataset, TokenDatasetConfig) and self._forgets(dataset):
            yield (
                "dataset.mask",
                "must be true with `padding: post` and `pooling: last`: without a mask the last "
                "steps that the network reads are padding, and it forgets the text",
            )

    def _forgets(self, dataset: TokenDatasetConfig) -> bool:
        """Return whether padding replaces the last steps, which are all that the head sees."""
        hidden = dataset.mask or dataset.padding == "pre"
        return not hidden and self.model.reads_last_step

    def _rules_of_task(self) -> Iterator[Rule]:
        """Yield the keys that do not fit the task of the dataset."""
        task, monitor = self.dataset.new_task(), self.training.monitor
        if not task.weighs_classes and self.training.class_weight:
            yield "training.class_weight", f"weighs classes, but the labels are {task.labels}"
        known = [f"val_{metric.name}" for metric in (task.loss, *task.monitored)]
        if task.of_steps:
            for key, why in self.model.not_of_steps():
                yield f"model.{key}", f"{why}: each step of `{self.dataset.name}` has a label"
        else:
            for key, why in self.model.only_of_steps():
                yield f"model.{key}", f"{why}, but `{self.dataset.name}` asks for no next token"
        if monitor not in (None, *known):
            allowed = f"{', '.join(f'`{name}`' for name in known[:-1])} or `{known[-1]}`"
            yield "training.monitor", f"must be {allowed}, because the labels are {task.labels}"

    def to_yaml(self) -> str:
        """Return the config as YAML; `load_config` reads it back as an equal config."""
        tree = self.model_dump(mode="json")
        return write(tree)


class CompleteConfig(Config):
    """A config with the defaults that depend on other keys or on the file's name."""

    name: str
    training: CompleteTrainingConfig

    def resolved(self, execution: Mapping[str, Any]) -> "ResolvedConfig":
        """Return the config with an execution that has no `auto`."""
        chosen = ResolvedExecutionConfig.model_validate(execution)
        return ResolvedConfig.model_construct(**{**dict(self), "execution": chosen, "sweep": None})


class ResolvedConfig(CompleteConfig):
    """A config that decides everything: only hosts may be `auto`, and the data are located.

    `execution.resolve` makes it from a config, its data and the machine. Runs are trained with it.
    """

    execution: ResolvedExecutionConfig


@cache
def config_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the config."""
    schema = Config.model_json_schema()
    for part in schema["$defs"].values():
        part["properties"].get("name", {}).setdefault("description", "chooses the other keys")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_config(path: Path, overrides: Iterable[str] = ()) -> CompleteConfig:
    """Read, complete and validate a config.

    Args:
        path: a YAML file.
        overrides: `key=value` arguments, such as `training.epochs=3`.

    Raises:
        ConfigError: every problem of the file and the overrides, each with its place.
    """
    if not path.exists() and path.stem in shipped.names():
        hint = f"copy the config of that name here: `seqtrain init {path.stem}`"
        raise ConfigError(f"cannot read the config `{path}`: no such file", hint)
    return validated(read_document(path), path, overrides)


def load_resolved(path: Path, overrides: Iterable[str] = ()) -> ResolvedConfig:
    """Read the config of a run, as `load_config` does.

    A key may still be `auto`, because someone edited the file or an earlier version lacked the
    key. It then gets a value that works everywhere.

    Raises:
        ConfigError: it is damaged.
    """
    config = load_config(path, overrides)
    execution = config.execution
    plain = {
        "backend": "tensorflow",
        "jit_compile": execution.backend == "jax",
        "unroll": False,
        "steps_per_execution": 1,
        "deterministic": True,
    }
    chosen = {key: value for key, value in plain.items() if getattr(execution, key) == "auto"}
    return config.resolved({**dict(execution), **chosen})


@dataclass(frozen=True)
class Searched:
    """A config with a search space.

    Attributes:
        document: the tree of its file, with all overrides.
        path: its file.
        base: the config without any value of the space.
        sweep: the search.
    """

    document: Document
    path: Path
    base: CompleteConfig
    sweep: SweepConfig

    def trial(self, values: Mapping[str, Any]) -> CompleteConfig:
        """Return the config in which keys of the space have these values.

        It is what `seqtrain train CONFIG KEY=VALUE…` would train, with the `monitor` of the base:
        all trials are compared by it.

        Raises:
            ConfigError: a rule between keys forbids the combination; the message is one line.
        """
        monitor = self.base.training.monitor
        document = _with_values(self.document, {**values, "training.monitor": monitor})
        config, found = _validate(document, self.path.parent)
        if config is None:
            raise ConfigError("; ".join(f"`{one.path}` {one.message}" for one in found))
        return _completed(config, self.path)

    def to_yaml(self) -> str:
        """Return what the file and the overrides say, as a config for any folder.

        Keys with their defaults stay away, because not every trial may have them.
        """
        tree = copy.deepcopy(self.document.data)
        for section in ("dataset", "model"):
            for key, value in tree[section].items():
                found = getattr(getattr(self.base, section), key)
                if isinstance(value, str) and isinstance(found, str) and found != value:
                    tree[section][key] = found  # a path, which counts from the folder of the file
        return write({"name": self.base.name, **{k: v for k, v in tree.items() if k != "name"}})


def load_searched(path: Path, overrides: Iterable[str] = ()) -> Searched:
    """Read and validate a config with a search space, as `load_config` does.

    Raises:
        ConfigError: every problem, each with its place; or it has no section `sweep`.
    """
    document = read_document(path)
    base = validated(document, path, overrides)
    if base.sweep is None:
        raise ConfigError(
            f"{path} has no section `sweep`, which says what to search",
            "`sweep: {space: {model.units: [16, 32, 64]}}` searches three sizes; docs/sweeps.md",
        )
    return Searched(document, path, base, base.sweep)


def validated(document: Document, path: Path, overrides: Iterable[str] = ()) -> CompleteConfig:
    """Complete and validate what a config's file holds, as `load_config` does."""
    apply_overrides(document, overrides)
    config, found = _validate(document, path.parent)
    found += _problems_of_search(document, path.parent, config, found)
    found = sorted(
        {*document.problems, *(item for item in found if item.path not in document.unread)}
    )
    if found or config is None:
        raise refused(path, found)
    return _completed(config, path)


def refused(path: Path, found: list[Problem]) -> ConfigError:
    """Return the error that lists the problems of a file, or the first ones if there are many."""
    more = "more than " if len(found) > MOST_PROBLEMS else ""
    told = found[:MOST_PROBLEMS]
    count = "1 problem" if len(found) == 1 else f"{more}{len(told)} problems"
    lines = "\n".join(map(str, told))
    hint = "`seqtrain schema --markdown` lists every key, and what it takes"
    return ConfigError(f"{count} in {path}\n{lines}", hint)


def _completed(config: Config, path: Path) -> CompleteConfig:
    """Return the config with the defaults that depend on other keys or on the file's name."""
    model, training = config.model, config.training
    task = config.dataset.new_task()
    model = model.completed(config.dataset.holds_tokens, task.of_steps)
    metric = task.primary(weighed=training.class_weight is not None)
    monitor = training.monitor or f"val_{metric.name}"
    changes = {
        "name": config.name or naming.folder(path.stem),
        "model": model,
        "training": CompleteTrainingConfig.model_construct(
            **{**dict(training), "monitor": monitor}
        ),
    }
    return CompleteConfig.model_construct(**{**dict(config), **changes})


def _validate(document: Document, folder: Path) -> tuple[Config | None, list[Problem]]:
    """Validate the tree; if a section's `name` is misspelt, also check that section's keys."""
    try:
        return Config.model_validate(document.data, context=document.folders(folder)), []
    except ValidationError as error:
        from seqtrain.schema.messages import problems, with_likely_names

        found = problems(error, document, config_schema())
    likely = [_validate(guess, folder)[1] for guess in with_likely_names(document, config_schema())]
    refused_by_all = [{item.path for item in problems} for problems in likely]
    first = likely[0] if likely else []
    return None, found + [item for item in first if all(item.path in x for x in refused_by_all)]


def _with_values(document: Document, values: Mapping[str, Any]) -> Document:
    """Return a document in which keys have other values, at the places of their search space."""
    data = {key: value for key, value in document.data.items() if key != "sweep"}
    changed = Document(document.name, copy.deepcopy(data), dict(document.places))
    for key, value in values.items():
        put(changed, key, value, document.place(("sweep", "space", key)))
    return changed


def _problems_of_search(
    document: Document, folder: Path, config: Config | None, known: list[Problem]
) -> Iterator[Problem]:
    """Yield the problems of a search space: its own rules, and values that no trial can have."""
    try:
        sweep = SweepConfig.model_validate(document.data.get("sweep"))
    except ValidationError:  # it has none, or `_validate` has told what is wrong
        return
    if config and config.dataset.chooses_on_test:
        rule = "cannot be `test` with a search, which would choose by the test examples"
        yield Problem(document.place(("dataset", "validation")), "dataset.validation", rule)
    wrong = set()
    for path, message in search_space.broken_rules(sweep):
        wrong.add(path[0] if path else None)
        where = ("sweep", "space", *path)
        yield Problem(document.place(where), ".".join(map(str, where)), message)
    if None in wrong:  # the conditions have no order
        return
    sound = {key: one for key, one in sweep.space.items() if not wrong & {key, *(one.when or ())}}
    told = {(one.path, one.message) for one in known}
    for key, domain in sound.items():
        for inner, value in domain.examples():
            found = _of_value(document, folder, sound, key, value, config is not None)
            where = ("sweep", "space", key, *inner)
            if where not in document.places:  # a plain list is short for `choice`
                where = ("sweep", "space", key, *inner[1:])
            for one in found:
                message = one.message
                if one.path != key and not one.path.startswith(f"{key}."):
                    if (one.path, one.message) in told:
                        continue
                    shown = json.dumps(value, ensure_ascii=False)
                    message = f"{shown} cannot be used: `{one.path}` {message}"
                yield Problem(document.place(where), f"sweep.space.{key}", message)


def _of_value(
    document: Document,
    folder: Path,
    space: search_space.Space,
    key: str,
    value: Any,
    base_is_valid: bool,
) -> list[Problem]:
    """Return what is wrong with a value of a key; nothing, if any combination allows it."""
    alone = search_space.with_conditions(space, key, value)
    config, found = _validate(_with_values(document, alone), folder)
    if config or not base_is_valid:
        return found
    chance = random.Random(0)
    for _ in range(COMBINATIONS_TRIED):
        others = search_space.drawn(space, alone, chance)
        if _validate(_with_values(document, others), folder)[0]:
            return []
    return found
