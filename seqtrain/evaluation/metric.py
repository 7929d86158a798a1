"""Metrics: their names, units, and directions."""

from dataclasses import dataclass

# What the scores of a split begin with, as Keras has it; `data` are examples that a person gives.
PREFIXES = {"train": "train", "validation": "val", "test": "test", "data": "data"}


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Attributes:
        name: in files: `val_<name>` in history.csv, `test_<name>` in metrics.json.
        title: in sentences and tables.
        axis: on the axis of a chart, with its unit.
        higher: whether more is better.
        share: whether it lies between 0 and 1.
        best: the best possible value, if there is one.
        better: the words that say that one model is significantly better by it.
        bare: whether sentences give its value without its name.
    """

    name: str
    title: str = ""
    axis: str = ""
    higher: bool = True
    share: bool = False
    best: float | None = None
    better: str = ""
    bare: bool = False

    def __post_init__(self) -> None:
        """Derive the missing attributes from the name."""
        title = self.title or self.name.replace("_", " ")
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "axis", self.axis or title)
        better = self.better or f"significantly better by {title} than"
        object.__setattr__(self, "better", better)

    def gain(self, ours: float, theirs: float) -> float:
        """Return by how much one value is better than another; negative where it is worse."""
        return ours - theirs if self.higher else theirs - ours


# Of numbers, whether they are labels or forecasts.
MAE = Metric("mae", axis="mean absolute error, in units of the labels", higher=False, best=0.0)
RMSE = Metric("rmse", higher=False, best=0.0)
