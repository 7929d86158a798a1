"""Pictures that are moved a little, differently in each epoch, so that fewer are learned by heart.

P. Y. Simard, D. Steinkraus and J. C. Platt, "Best practices for convolutional neural networks
applied to visual document analysis", ICDAR 2003.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtrain.data.dataset import Examples

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class MovedPictures(Examples):
    """Square pictures whose rows or pixels are the steps.

    Attributes:
        shift: the farthest that a picture is moved in each direction, in pixels.
        rotation: the farthest that it is turned to either side, in degrees.
    """

    shift: float = 0.0
    rotation: float = 0.0

    def drawn(self, random: np.random.Generator) -> Examples:
        """Return the pictures of an epoch, each moved and turned by amounts that are drawn."""
        import numpy as np

        shifts = random.uniform(-self.shift, self.shift, (len(self), 2))
        angles = np.radians(random.uniform(-self.rotation, self.rotation, len(self)))
        moved: Any = Moved(self.first, shifts.astype(np.float32), angles.astype(np.float32))
        return Examples(moved, self.labels, self.lengths)


class Moved:
    """N moved pictures of T steps with F features, computed when they are read; float32.

    Attributes:
        pictures: the pictures as they are, of shape (N, T, F), of T · F pixels.
        shifts: by how many pixels each is moved down and to the right; float32, shape (N, 2).
        angles: by what angle each is turned, in radians; float32, shape (N,).
    """

    def __init__(self, pictures: np.ndarray, shifts: np.ndarray, angles: np.ndarray) -> None:
        self.pictures = pictures
        self.shifts = shifts
        self.angles = angles
        self.ndim, self.dtype = pictures.ndim, pictures.dtype
        self.itemsize, self.shape = pictures.itemsize, pictures.shape

    def __len__(self) -> int:
        """Return N."""
        return len(self.pictures)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return pictures at indices of any shape; or of a tuple of these and a slice of steps."""
        import numpy as np

        rows, *steps = index if isinstance(index, tuple) else (index,)
        chosen = np.arange(len(self))[rows]
        some = chosen.reshape(-1)
        side = math.isqrt(math.prod(self.shape[1:]))
        pictures = self.pictures[some].reshape(-1, side, side)
        moved = interpolated(pictures, *_sources(side, self.shifts[some], self.angles[some]))
        found = moved.reshape(*chosen.shape, *self.shape[1:])
        return found[(..., *steps, slice(None))] if steps else found


def _sources(side: int, shifts: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return from which row and column each pixel comes; float32, shape (n, side, side)."""
    import numpy as np

    centre = np.float32((side - 1) / 2)
    from_centre = np.arange(side, dtype=np.float32) - centre
    down = from_centre[:, None] - shifts[:, 0, None, None]
    right = from_centre - shifts[:, 1, None, None]
    sine, cosine = np.sin(angles)[:, None, None], np.cos(angles)[:, None, None]
    return cosine * down - sine * right + centre, sine * down + cosine * right + centre


def interpolated(pictures: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the values of pictures between their pixels, by linear interpolation.

    Written out because `scipy.ndimage.map_coordinates` takes five times as long, longer than a
    small network takes for its step.

    Args:
        pictures: float32 of shape (n, height, width); beyond the edges they are 0.
        rows: where to read each picture, from 0 at the middle of its first row; (n, …).
        columns: the same of columns.

    Returns:
        float32, of the shape of `rows`.
    """
    import numpy as np

    bordered = np.pad(pictures, ((0, 0), (1, 2), (1, 2)))
    _, height, width = bordered.shape
    rows, columns = np.clip(rows + 1, 0, height - 2), np.clip(columns + 1, 0, width - 2)
    above, left = rows.astype(np.int64), columns.astype(np.int64)
    below, right = (rows - above).astype(np.float32), (columns - left).astype(np.float32)
    firsts = np.arange(len(pictures)).reshape(-1, *[1] * (rows.ndim - 1)) * height * width
    place, values = firsts + above * width + left, bordered.reshape(-1)
    upper = values[place] * (1 - right) + values[place + 1] * right
    lower = values[place + width] * (1 - right) + values[place + width + 1] * right
    return np.asarray(upper * (1 - below) + lower * below)
