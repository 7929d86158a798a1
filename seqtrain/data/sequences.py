"""Sequences of numbers of different lengths, as read from a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqtrain import memory
from seqtrain.data.dataset import MASK_VALUE
from seqtrain.data.number_labels import LARGEST
from seqtrain.data.scaling import Scaling
from seqtrain.errors import DataError
from seqtrain.schema.sections import End

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.tasks.labelled_task import LabelledTask

USABLE = (
    f"numbers must be finite and nearer to zero than {LARGEST:.0e}; a step that was not measured "
    "is left out, neither marked nor padded (in .npz: `values` with `lengths`)"
)
BLOCK = 65_536  # steps that are checked at once


@dataclass(frozen=True)
class Labels:
    """The label of each example: `names[numbers[i]]`; int32, shape (N,)."""

    names: tuple[str, ...]
    numbers: np.ndarray

    def written(self) -> list[str]:
        """Return each label as written."""
        return [self.names[number] for number in self.numbers.tolist()]


@dataclass(frozen=True)
class Sequences:
    """N sequences of steps with F features: views of the steps of a file.

    Attributes:
        source: the file.
        values: the steps, real numbers of shape (total, F).
        starts: where each sequence begins; int64, shape (N,).
        lengths: the steps of each; int64, shape (N,).
        places: the place of each in the file, for messages: its number from 1, or its line.
        labels: the label of each, if there are any.
        features: the names of the features, if they have any.
        regular: whether the form of the file makes all sequences equally long.
    """

    source: str
    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    labels: Labels | None = None
    features: tuple[str, ...] | None = None
    regular: bool = False

    def __len__(self) -> int:
        """Return the number of sequences, N."""
        return len(self.lengths)

    @property
    def width(self) -> int:
        """The number of features, F."""
        return int(self.values.shape[1])

    def place(self, index: int) -> str:
        """Return the place of a sequence in the file, for messages."""
        place = int(self.places[index])
        return f"{self.source}:{place}" if self.features else f"{self.source}: example {place}"

    @property
    def known(self) -> Labels:
        """The labels.

        Raises:
            DataError: there are none.
        """
        if self.labels is None:
            raise DataError(f"{self.source} has no labels")
        return self.labels

    def encoded(self, task: LabelledTask) -> np.ndarray:
        """Return the labels as the task encodes them, shape (N,).

        Raises:
            DataError: the task does not know a label.
        """
        known = task.encode(self.known.names, self.first, self.source)
        found: np.ndarray = known[self.known.numbers]
        return found

    @property
    def unlabelled(self) -> np.ndarray:
        """The indices of the sequences with an empty label."""
        import numpy as np

        empty = [number for number, name in enumerate(self.known.names) if not name]
        return np.flatnonzero(np.isin(self.known.numbers, empty))

    def labelled(self) -> Sequences:
        """Return the sequences with a label."""
        import numpy as np

        names = tuple(filter(None, self.known.names))
        index_of = {name: number for number, name in enumerate(names)}
        moved = np.array([index_of.get(name, -1) for name in self.known.names], dtype=np.int32)
        whole = replace(self, labels=Labels(names, moved[self.known.numbers]))
        return whole.take(np.flatnonzero(whole.known.numbers >= 0))

    def first(self, number: int) -> str:
        """Return the place where a label stands first."""
        return self.place(int((self.known.numbers == number).argmax()))

    def take(self, indices: np.ndarray) -> Sequences:
        """Return the sequences at `indices`, in that order."""
        labels = self.labels and replace(self.labels, numbers=self.labels.numbers[indices])
        starts, lengths, places = self.starts[indices], self.lengths[indices], self.places[indices]
        return replace(self, starts=starts, lengths=lengths, places=places, labels=labels)

    def cut(self, length: int, end: End) -> Sequences:
        """Return the sequences, cut at `end` to at most `length` steps."""
        import numpy as np

        lengths = np.minimum(self.lengths, length)
        lost = self.lengths - lengths if end == "pre" else 0
        return replace(self, starts=self.starts + lost, lengths=lengths)

    def scaling(self) -> Scaling:
        """Return the mean and the standard deviation of each feature over all steps."""
        import numpy as np

        windows = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        return Scaling.of(np.concatenate([self.values[a : a + n] for a, n in windows]))

    def padded(self, length: int, scaling: Scaling | None) -> np.ndarray:
        """Return sequences of at most `length` steps, padded with `MASK_VALUE` to `length`.

        Returns:
            float32, shape (N, length, F).

        Raises:
            DataError: a standardised number is too large to be told from padding.
        """
        import numpy as np

        memory.require(
            4 * len(self) * length * self.width,
            f"{len(self):,} sequences, padded to {length:,} steps,",
            "`dataset.max_length`",
        )
        x = np.full((len(self), length, self.width), MASK_VALUE, dtype=np.float32)
        windows = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        for index, (start, number) in enumerate(windows):
            steps = self.values[start : start + number]
            if scaling is not None:
                steps = scaling.apply(steps)
                self._check_scaled(index, steps)
            x[index, :number] = steps
        return x

    def _check_scaled(self, index: int, steps: np.ndarray) -> None:
        if found := unusable(steps):
            step, feature = found
            name = f"`{self.features[feature]}`" if self.features else f"feature {feature + 1}"
            raise DataError(
                f"{self.place(index)}: {name} is {steps[step, feature]:.3g} deviations from its "
                "mean in train",
                "correct the number, or train with `dataset.standardise=false`",
            )


def unusable(values: np.ndarray) -> tuple[int, int] | None:
    """Return the row and the column of the first unusable number, or None."""
    import numpy as np

    if values.dtype.kind != "f":
        return None
    for start in range(0, len(values), BLOCK):
        bad = ~(np.abs(values[start : start + BLOCK]) < LARGEST)
        if bad.any():
            row, column = np.argwhere(bad)[0].tolist()
            return start + row, column
    return None


def shown(number: float) -> str:
    """Describe an unusable number in words."""
    return {"nan": "not a number (NaN)", "inf": "infinite", "-inf": "infinite"}.get(
        str(float(number)), f"{number:.3g}"
    )
