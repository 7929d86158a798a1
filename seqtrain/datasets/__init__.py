"""Datasets: each file of this package is one that a config can name."""

from typing import TYPE_CHECKING

from seqtrain.datasets.base import DatasetConfig
from seqtrain.datasets.dataset import Dataset, Examples
from seqtrain.parts import one_of

if TYPE_CHECKING:
    AnyDatasetConfig = DatasetConfig
else:
    AnyDatasetConfig = one_of(__name__, DatasetConfig)

__all__ = ["AnyDatasetConfig", "Dataset", "DatasetConfig", "Examples"]
