"""Datasets: each file of this package is one that a config can name."""

from typing import TYPE_CHECKING

from seqtrain.data.dataset import Dataset, Examples
from seqtrain.schema.sections import one_of
from seqtrain.sources.base import DatasetConfig

if TYPE_CHECKING:
    AnyDatasetConfig = DatasetConfig
else:
    AnyDatasetConfig = one_of(__name__, DatasetConfig)

__all__ = ["AnyDatasetConfig", "Dataset", "DatasetConfig", "Examples"]
