"""The section `training`: how to fit the network."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from seqtrain import tasks
from seqtrain.schema.sections import (
    Count,
    Epochs,
    NotNegative,
    OneOf,
    Positive,
    Rule,
    Section,
)

EXPONENTIAL_DECAY = 0.9  # factor of the learning rate in each epoch
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 2
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
        "the plateau schedule lowers the learning rate; null is the main score of the task: "
        "`val_accuracy` for classes (`val_macro_f1` with `class_weight`), `val_mae` (mean absolute "
        "error) for numbers, `val_mase` for forecasts, `val_bits_per_character` for language "
        "models, `val_exact_match` for translations; of equal epochs the one with the lower "
        "`val_loss` is better",
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
