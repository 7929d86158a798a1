"""Models: each file of this package holds the architectures that a config can name."""

from typing import TYPE_CHECKING

from seqtrain.models.base import ModelConfig
from seqtrain.schema.sections import one_of

if TYPE_CHECKING:
    AnyModelConfig = ModelConfig
else:
    AnyModelConfig = one_of(__name__, ModelConfig)

__all__ = ["AnyModelConfig", "ModelConfig"]
