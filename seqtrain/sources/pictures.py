"""Datasets of square images, with data augmentation."""

from __future__ import annotations

from pydantic import Field

from seqtrain.data.dataset import Examples
from seqtrain.sources.base import FeatureDatasetConfig


class PictureDatasetConfig(FeatureDatasetConfig):
    """The keys of every dataset of pictures."""

    shift: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        description="data augmentation: shift each training image by up to this many pixels in "
        "both directions, at random in each epoch",
    )
    rotation: float = Field(
        default=0.0,
        ge=0,
        le=180,
        description="data augmentation: rotate each training image by up to this many degrees in "
        "both directions, at random in each epoch",
    )

    def in_training(self, examples: Examples) -> Examples:
        """Return pictures that move from epoch to epoch, if the config says so."""
        if not (self.shift or self.rotation):
            return examples
        from seqtrain.data.moved_pictures import MovedPictures

        parts = examples.x, examples.labels, examples.lengths
        return MovedPictures(*parts, self.shift, self.rotation)
