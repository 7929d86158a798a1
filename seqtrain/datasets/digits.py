"""`digits`: 1,797 handwritten digits of 8 by 8 pixels, read row by row.

They come with scikit-learn, so this dataset needs no download. They are the test set of
E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998.
"""

from __future__ import annotations

import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, empty, stratified
from seqtrain.schema.sections import Share
from seqtrain.sources.pictures import PictureDatasetConfig
from seqtrain.tasks import Classification

if TYPE_CHECKING:
    import numpy as np

DARKEST = 16.0  # pixels are whole numbers from 0 to 16


class Digits(PictureDatasetConfig):
    """1,797 handwritten digits of 8 by 8 pixels, one row a step; they come with scikit-learn."""

    name: Literal["digits"]
    test: Share = Field(
        default=0.2, description="share of all examples (the same share of each class) for the test"
    )

    @property
    def reads_rows(self) -> bool:
        """True."""
        return True

    @property
    def full_pixel(self) -> float:
        """16."""
        return DARKEST

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the digits as 8 steps of 8 features between 0 and 1."""
        images, labels = _images()
        x = self.features(images)
        found = Examples(x, labels.astype("int32"))
        kept, taken = stratified(found.labels, self.test, self.split_seed, "dataset.test")
        train, test = found.take(kept), found.take(taken)
        return Dataset(
            train=train,
            validation=empty(train),
            test=test,
            task=Classification(tuple("0123456789")),
            source=f"scikit-learn {version('scikit-learn')}",
            sha256=_sha256(images),
        )

    def features(self, x: np.ndarray, fitted: Fitted | None = None) -> np.ndarray:
        """Return images of 64 or 8 × 8 pixels as rows of numbers between 0 and 1."""
        return (x / DARKEST).astype("float32").reshape(-1, 8, 8)


def _images() -> tuple[np.ndarray, np.ndarray]:
    """Return images, float64 of shape (N, 64), and labels, as scikit-learn's `load_digits` does.

    Its file is read without importing scikit-learn, which takes more than a second.
    """
    import numpy as np

    sklearn = importlib.util.find_spec("sklearn")
    folder = Path((sklearn and sklearn.submodule_search_locations or [""])[0])
    table = np.loadtxt(folder / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :-1], table[:, -1]


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
