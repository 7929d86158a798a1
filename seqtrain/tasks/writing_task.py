"""What language models and translation have in common: a network that writes tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from seqtrain.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np


class WritingTask(Task):
    """A task whose network writes tokens; `reading` gives logits."""

    letter: ClassVar[str] = "token"

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return zeros: what is written is no class."""
        import numpy as np

        return np.zeros(len(labels), np.int64)

    def in_training(self, model: Any) -> Any:
        """Return the network with logits, because rare tokens have tiny probabilities."""
        import keras

        model.get_layer("head").activation = keras.activations.linear
        return model

    @contextmanager
    def as_saved(self, model: Any) -> Iterator[None]:
        """Make a network answer with probabilities in the body, for saving."""
        import keras

        head = model.get_layer("head")
        head.activation = keras.activations.softmax
        try:
            yield
        finally:
            head.activation = keras.activations.linear

    @abstractmethod
    def token(self, number: int) -> str:
        """Return the token of an id."""

    def symbol(self, index: int) -> str:
        """Return `p` with the token."""
        return f"p({self.token(index)})"

    def measure(self, index: int) -> str:
        """Return that logits are shown."""
        return f"logit of {self.token(index)}"

    def decision(self, predictions: np.ndarray, label: str | None) -> str:
        """Return the likeliest token."""
        return f"next token {self.token(int(predictions.argmax()))!r}"

    def decided(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the likeliest token."""
        return {"next": self.token(int(predictions.argmax()))}

    def by_step(self, predictions: np.ndarray) -> dict[str, Any]:
        """Return the predictions."""
        return {"predictions": predictions.tolist()}

    def read_by_step(self, decided: Mapping[str, Any], by_step: Mapping[str, Any]) -> list[float]:
        """Return the predictions of the first id."""
        return [found[0] for found in by_step["predictions"]]
