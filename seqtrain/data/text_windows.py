"""Windows of a long text: views of one array, which begin elsewhere in each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqtrain.data.dataset import Examples

if TYPE_CHECKING:
    import numpy as np

    from seqtrain.data.token_stream import Stream


@dataclass(frozen=True)
class TextWindows(Examples):
    """N windows of T tokens, one after another, and for each token the next one as its label.

    Both are views of one array, so overlapping windows are never stored.

    Attributes:
        stream: the whole text, of which the first token is only read.
    """

    stream: Stream | None = None

    @classmethod
    def of(cls, stream: Stream, length: int) -> TextWindows:
        """Return the windows of a text, of which the last tokens may be left out."""
        return cls(*_cut(stream.ids, length, 0), stream=stream)

    def drawn(self, random: np.random.Generator) -> Examples:
        """Return the windows of an epoch, of the same number, from a random token on."""
        if self.stream is None:
            return self
        windows, length = self.first.shape
        spare = len(self.stream) - 1 - windows * length
        offset = int(random.integers(min(spare, length - 1) + 1))
        return Examples(*_cut(self.stream.ids, length, offset, windows))

    @property
    def scored(self) -> int:
        """The number of tokens but the first."""
        return len(self) if self.stream is None else len(self.stream) - 1

    def whole(self) -> Examples:
        """Return the text as single steps, whose state is carried on; see `steps`."""
        return self if self.stream is None else steps(self.stream)


def ids_of(examples: Examples) -> np.ndarray:
    """Return the tokens of a text, windows or single steps; shape (M,)."""
    stream = examples.stream if isinstance(examples, TextWindows) else None
    return examples.first[:, 0] if stream is None else stream.ids


def _cut(
    ids: np.ndarray, length: int, offset: int, windows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return windows and their labels, views of shape (N, length)."""
    if windows is None:  # so many that they can begin at any of the first `length` tokens
        windows = max((len(ids) - length) // length, min((len(ids) - 1) // length, 1))
    end = offset + windows * length
    shape = (windows, length)
    return ids[offset:end].reshape(shape), ids[offset + 1 : end + 1].reshape(shape)


def steps(stream: Stream) -> Examples:
    """Return a text as M examples of one step, each with the next token as its label.

    Their state is carried from one to the next: they are scored as one pass over the whole text.
    """
    return Examples(stream.ids[:-1, None], labels_of(stream))


def labels_of(stream: Stream) -> np.ndarray:
    """Return the labels of a text: every token but the first; see `LABEL`."""
    import numpy as np

    labels = np.zeros(len(stream) - 1, LABEL)
    labels["token"] = stream.ids[1:]
    labels["characters"] = stream.characters[1:]
    labels["spelling"] = stream.spelling[1:]
    return labels


# Of a label: the id of the next token, the characters of the text that it stands for, and the bits
# that its letters cost if it is unknown.
LABEL = [("token", "<i4"), ("characters", "<u2"), ("spelling", "<f4")]
