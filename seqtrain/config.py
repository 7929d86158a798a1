"""The config: one class for each section, and the way from a YAML file to a valid `Config`."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from seqtrain import tasks
from seqtrain.datasets import AnyDatasetConfig
from seqtrain.errors import ConfigError
from seqtrain.io import naming
from seqtrain.models import AnyModelConfig
from seqtrain.schema import shipped
from seqtrain.schema.sections import (
    Count,
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
from seqtrain.schema.yaml_file import Document, Problem, apply_overrides, read_document
from seqtrain.schema.yaml_writer import write
from seqtrain.sources.base import TokenDatasetConfig
from seqtrain.sources.windowed_series import SeriesConfig

EXPONENTIAL_DECAY = 0.9  # factor of the learning rate in each epoch
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 2
LONGEST_UNROLL = 64  # time steps; longer loops take longer to trace than they save
STEPS_AT_ONCE = 32
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

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if rules := [*self.training.broken_rules(), *self.broken_rules()]:
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
        return ResolvedConfig.model_construct(**{**dict(self), "execution": chosen})


class ResolvedConfig(CompleteConfig):
    """A config that decides everything: no key is `auto` any more, and the data are located.

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


def validated(document: Document, path: Path, overrides: Iterable[str] = ()) -> CompleteConfig:
    """Complete and validate what a config's file holds, as `load_config` does."""
    apply_overrides(document, overrides)
    config, found = _validate(document, path.parent)
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
