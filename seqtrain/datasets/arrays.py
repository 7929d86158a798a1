"""`arrays`: a person's own sequences of numbers with labels, from `.npz` files or long tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples, empty, stratified
from seqtrain.data.scaling import Scaling
from seqtrain.data.sequences import Sequences
from seqtrain.errors import DataError
from seqtrain.schema.sections import End, Size
from seqtrain.sources.base import FeatureDatasetConfig
from seqtrain.sources.npz_sequences import dense, ragged
from seqtrain.sources.sequence_files import SequenceFilesConfig, check_readable

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.tasks import LabelledTask

LONGEST = 65_536  # steps; as many as `max_length` takes

log = logging.getLogger(__name__)


class Arrays(SequenceFilesConfig, FeatureDatasetConfig):
    """Your own sequences of numbers: a `.npz` file, or a table of their steps.

    A `.npz` file holds `x` (examples × steps × features, or examples × steps) and the labels `y`;
    or, for sequences of different lengths, `values` (all steps × features, one sequence after
    another), `lengths` and `y`. A table holds a row for each step: which sequence it belongs to,
    its place there, the label of the sequence, and the features; or with `rows: sequences` a row
    for each sequence. Labels are text or whole numbers, or with `task: regression` any numbers.
    """

    name: Literal["arrays"]
    max_length: Size | None = Field(
        default=None,
        description="largest number of steps; longer sequences are cut; null is the longest of "
        "train",
    )
    truncating: End = Field(
        default="pre",
        description="end at which long sequences are cut; `pre` keeps their last steps",
    )
    mask: bool | None = Field(
        default=None,
        description="hide the padding after short sequences from the network; null does so unless "
        "all are arrays of one length, and the network then reads no shorter ones",
    )
    standardise: bool = Field(
        default=False,
        description="standardise each feature: subtract its mean and divide by its standard "
        "deviation, both of the training examples",
    )

    @property
    def hides_padding_at_the_end(self) -> bool:
        """True: without a mask there is no padding."""
        return True

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the sequences as float32 features, shape (N, T, F)."""
        digest = self.digest()
        parts, task = self._parts()
        labels = {part: some.encoded(task) for part, some in parts.items()}
        task.doubt(labels, self.path)
        self._doubt(parts["train"])
        if "test" not in parts:
            strata, key = task.strata(labels["train"]), "dataset.test"
            kept, taken = stratified(strata, self.test, self.split_seed, key)
            parts["train"], parts["test"] = map(parts["train"].take, (kept, taken))
            labels["train"], labels["test"] = labels["train"][kept], labels["train"][taken]
        found = self._found(parts)
        scaling = found._scaling(parts, task.strata(labels["train"])) if self.standardise else None
        examples = {
            part: Examples(found._encoded(some, scaling), labels[part], some.lengths)
            for part, some in parts.items()
        }
        return Dataset(
            train=examples["train"],
            validation=examples.get("validation", empty(examples["train"])),
            test=examples["test"],
            task=task,
            source=self.path,
            sha256=digest,
            mask=bool(found.mask),
            scaling=scaling,
        )

    def located(self, dataset: Dataset) -> Self:
        """Return the config with the path of the data, and with the keys that were inferred."""
        found: dict[str, object] = {"max_length": dataset.shape[0], "mask": dataset.mask}
        found["feature_columns"] = self.features_of_train()
        return super().located(dataset).model_copy(update=found)

    def features(self, x: np.ndarray, fitted: Fitted) -> np.ndarray:
        """Return values of shape (N, T, F) or (N, T), cut, standardised and padded."""
        return self._encoded(dense("x", x), fitted.scaling)

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Read sequences from a `.npz` file or a long table; labels may be left out."""
        check_readable(file, "correct the path of `--data`")
        return self._given(self.sequences_given(file), fitted)

    def encode_sequences(self, sequences: Sequence[np.ndarray], fitted: Fitted) -> NewExamples:
        """Turn sequences of any lengths into inputs."""
        import numpy as np

        flat = [one.reshape(len(one), -1) if one.size else one.reshape(0, 1) for one in sequences]
        if len(widths := {one.shape[1] for one in flat}) > 1:
            found = " and ".join(map(str, sorted(widths)[:2]))
            hint = "give the features of the training, in their order"
            raise DataError(f"steps have different numbers of features: {found}", hint)
        lengths = np.array([len(one) for one in flat])
        return self._given(ragged("the request", np.concatenate(flat), lengths), fitted)

    def _given(self, given: Sequences, fitted: Fitted) -> NewExamples:
        """Return new sequences as inputs, with their labels if they have some."""
        known = len(fitted.scaling.mean) if fitted.scaling else 0
        if width := known or self.step_width:
            hint = "give the features of the training, in their order"
            check_width(given, width, f"but the network reads {width}", hint)
        x = self._encoded(given, fitted.scaling)
        return NewExamples(x, labels=given.labels.written() if given.labels else None)

    def _parts(self) -> tuple[dict[str, Sequences], LabelledTask]:
        """Return the sequences of each file and the task; check that the files fit together."""
        parts = {part: self.labelled(file) for part, file in self.files().items()}
        train = parts["train"]
        width = self.step_width or train.width
        hint = "labels must be classes: `y` of a .npz file, or the table's `dataset.label_column=…`"
        names = train.known.names
        task = self.new_task().fit_names(names, len(train), train.first, self.path, hint)
        for part in parts.values():
            named = self.feature_columns and self.rows == "steps"
            what = "`feature_columns` names" if named else f"{self.path} has"
            check_width(part, width, f"but {what} {width}", "give all files the same features")
        return parts, task

    def _doubt(self, train: Sequences) -> None:
        """Warn if the rows seem to be sequences instead of steps."""
        if self.rows == "steps" and train.features and (train.lengths == 1).mean() > 0.5:
            log.warning(
                "most sequences have one step: where a row of the table is a whole sequence, "
                "`dataset.rows=sequences`"
            )

    def _found(self, parts: Mapping[str, Sequences]) -> Self:
        """Return the config with the length and the mask inferred from the sequences."""
        import numpy as np

        length = self.max_length or int(parts["train"].lengths.max())
        if length > LONGEST:
            raise DataError(
                f"{self.path}: the longest sequence of train has {length:,} steps",
                f"a network reads at most {LONGEST:,}: `dataset.max_length=1000` cuts the others",
            )
        lengths = np.concatenate([part.lengths for part in parts.values()])
        alike = all(part.regular for part in parts.values()) and (lengths == lengths[0]).all()
        needed = not alike or lengths[0] < length
        mask = needed if self.mask is None else self.mask
        return self.model_copy(update={"max_length": length, "mask": bool(mask)})

    def _scaling(self, parts: Mapping[str, Sequences], strata: np.ndarray) -> Scaling:
        """Fit the scaling on the steps of the training examples that the network reads."""
        train = parts["train"]
        if "validation" not in parts:
            stays, _ = self.split_off(strata)
            train = train.take(stays)
        return train.cut(self.max_length or LONGEST, self.truncating).scaling()

    def _encoded(self, given: Sequences, scaling: Scaling | None) -> np.ndarray:
        """Return the inputs of the network, float32 of shape (N, T, F)."""
        length = self.max_length or int(given.lengths.max())
        short, long = given.lengths < length, given.lengths > length
        if self.mask is False and short.any():
            index = int(short.argmax())
            steps = f"{given.lengths[index]} steps, but the network reads {length} without a mask"
            hint = "train with `dataset.mask=true`, and it reads shorter sequences too"
            raise DataError(f"{given.place(index)}: {steps}", hint)
        if long.any():
            counts = f"{long.sum():,} of {len(given):,}"
            log.info("%s: %s sequences are cut to %s steps", given.source, counts, length)
        return given.cut(length, self.truncating).padded(length, scaling)


def check_width(given: Sequences, width: int, but: str, hint: str) -> None:
    """Raise a DataError if sequences do not have `width` features."""
    if given.width != width:
        number = "1 feature" if given.width == 1 else f"{given.width} features"
        raise DataError(f"{given.source}: the steps have {number}, {but}", hint)
