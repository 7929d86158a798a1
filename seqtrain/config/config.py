"""The whole config, and the rules between keys of several sections."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from seqtrain.config.execution_section import ExecutionConfig, ResolvedExecutionConfig
from seqtrain.config.training_section import CompleteTrainingConfig, TrainingConfig
from seqtrain.datasets import AnyDatasetConfig
from seqtrain.io import naming
from seqtrain.models import AnyModelConfig
from seqtrain.schema.search_space import SweepConfig
from seqtrain.schema.sections import Rule, Section, Seed, broken
from seqtrain.schema.yaml_writer import write
from seqtrain.sources.base import TokenDatasetConfig
from seqtrain.sources.windowed_series import SeriesConfig

OF_WORDS = ("embedding_dim", "embedding_file", "embedding_scale", "token_dropout", "wide")


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
