"""`mnist`: 70,000 handwritten digits of 28 by 28 pixels, read row by row or pixel by pixel.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain.data.dataset import Dataset, Examples, Fitted, empty
from seqtrain.io import npz
from seqtrain.io.atomic import sha256
from seqtrain.io.download import Remote, download, find
from seqtrain.schema.sections import FileName
from seqtrain.sources.base import reading
from seqtrain.sources.pictures import PictureDatasetConfig
from seqtrain.tasks import Classification

if TYPE_CHECKING:
    import numpy as np

REMOTE = Remote(
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
EXPECTED = (
    "expected are x_train, x_test (uint8, N × 28 × 28) and y_train, y_test (0 to 9); "
    "name another file with `dataset.path=FILE`"
)
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class Mnist(PictureDatasetConfig):
    """70,000 handwritten digits of 28 by 28 pixels; 10,000 of them are the test set."""

    name: Literal["mnist"]
    path: FileName | None = Field(
        default=None, description="`mnist.npz` or its folder; null looks in the usual places"
    )
    order: Literal["rows", "pixels"] = Field(
        default="rows", description="28 steps of 28 pixels, or 784 steps of one"
    )

    @property
    def reads_rows(self) -> bool:
        """Whether `order` is `rows`."""
        return self.order == "rows"

    @property
    def full_pixel(self) -> float:
        """255."""
        return 255.0

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the digits as float32 features between 0 and 1."""
        file = find(["mnist.npz"], self.path, data_dir) or download(REMOTE)
        arrays = _arrays(file)
        train, test = (
            Examples(self.features(arrays[f"x_{part}"]), arrays[f"y_{part}"].astype("int32"))
            for part in ("train", "test")
        )
        return Dataset(
            train=train,
            validation=empty(train),
            test=test,
            task=Classification(tuple("0123456789")),
            source=str(file),
            sha256=sha256(file),
        )

    def features(self, x: np.ndarray, fitted: Fitted | None = None) -> np.ndarray:
        """Return images of 28 × 28 pixels, 0 to 255, as numbers between 0 and 1."""
        import numpy as np

        shape = (28, 28) if self.order == "rows" else (784, 1)
        scaled: np.ndarray = np.divide(x, 255, dtype=np.float32)
        return scaled.reshape(-1, *shape)


def _arrays(file: Path) -> dict[str, np.ndarray]:
    """Read the four arrays of Keras's `mnist.npz`, refusing pickles and other shapes."""
    import numpy as np

    with reading(file, "MNIST as Keras stores it", EXPECTED):
        arrays = dict(zip(ARRAYS, npz.read(file, *ARRAYS), strict=True))
        for part in ("train", "test"):
            images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
            if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or not len(images):
                raise ValueError(f"x_{part} is {images.dtype} of shape {images.shape}")
            if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
                raise ValueError(f"y_{part} is {labels.dtype} of shape {labels.shape}")
            if labels.min() < 0 or labels.max() > 9:
                raise ValueError(f"y_{part} holds labels outside 0 to 9")
    return arrays
