"""Pictures that are moved in training, differently in each epoch."""

from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import Examples
from seqtrain.data.moved_pictures import Moved, MovedPictures, interpolated
from seqtrain.datasets.digits import Digits

PICTURES = np.random.default_rng(0).random((6, 8, 8), np.float32)
LABELS = np.arange(6, dtype=np.int32)


def moved(shifts: Any = (0, 0), degrees: float = 0, pictures: np.ndarray = PICTURES) -> np.ndarray:
    """Return all pictures, moved alike."""
    each = np.broadcast_to(np.float32(shifts), (len(pictures), 2))
    angles = np.full(len(pictures), np.radians(degrees), np.float32)
    return Moved(pictures, each, angles)[:]


def epoch(number: int, **amounts: float) -> Examples:
    """Return the pictures of an epoch."""
    return MovedPictures(PICTURES, LABELS, **amounts).drawn(np.random.default_rng([0, number]))


def test_a_picture_moves_by_whole_pixels_and_leaves_zeros() -> None:
    down = moved((2, 0))
    np.testing.assert_array_equal(down[:, 2:], PICTURES[:, :-2])
    assert not down[:, :2].any()
    right = moved((0, 3))
    np.testing.assert_array_equal(right[:, :, 3:], PICTURES[:, :, :-3])
    assert not right[:, :, :3].any()


def test_a_picture_turns_about_its_centre() -> None:
    np.testing.assert_allclose(moved(degrees=90), np.rot90(PICTURES, -1, (1, 2)), atol=1e-5)
    np.testing.assert_allclose(moved(degrees=180), PICTURES[:, ::-1, ::-1], atol=1e-5)


def test_values_between_pixels_are_those_of_scipy() -> None:
    from scipy.ndimage import map_coordinates

    random = np.random.default_rng(1)
    rows, columns = random.uniform(-2, 10, (2, 6, 5, 7)).astype(np.float32)
    which = np.broadcast_to(np.arange(6)[:, None, None], rows.shape)
    expected = map_coordinates(PICTURES, [which, rows, columns], order=1, mode="grid-constant")
    np.testing.assert_allclose(interpolated(PICTURES, rows, columns), expected, atol=1e-6)


def test_pixels_one_by_one_move_like_rows() -> None:
    found = moved((1, -0.5), 20, PICTURES.reshape(-1, 64, 1))
    np.testing.assert_array_equal(found.reshape(-1, 8, 8), moved((1, -0.5), 20))


def test_every_picture_moves_otherwise_and_every_epoch_again_but_not_every_run() -> None:
    first, again, second = (epoch(number, shift=2, rotation=15) for number in (1, 1, 2))
    np.testing.assert_array_equal(first.x[:], again.x[:])
    assert all((a != b).any() for a, b in zip(first.x[:], second.x[:], strict=True))
    assert len({tuple(pair) for pair in first.x.shifts}) == len(set(first.x.angles)) == 6
    assert np.abs(first.x.shifts).max() <= 2
    assert np.abs(first.x.angles).max() <= np.radians(15)


def test_they_are_read_in_any_form_that_batches_ask_for() -> None:
    x = epoch(1, shift=1).x
    every = x[:]
    rows = np.array([[4, 1], [0, 4]])
    np.testing.assert_array_equal(x[rows], every[rows])
    np.testing.assert_array_equal(x[rows[0], :3], every[rows[0], :3])
    np.testing.assert_array_equal(x[2:5, :None], every[2:5])
    assert (x.shape, len(x), x.dtype) == ((6, 8, 8), 6, np.float32)


@pytest.mark.parametrize("keys", [{"shift": 1}, {"rotation": 5}, {}])
def test_only_training_sees_them(keys: dict[str, float]) -> None:
    config = Digits(name="digits", **keys)
    plain = config.load().learned_split("train")
    learned = config.in_training(plain)
    np.testing.assert_array_equal(learned.x, plain.x)
    np.testing.assert_array_equal(learned.labels, plain.labels)
    drawn = learned.drawn(np.random.default_rng(0))
    assert np.array_equal(drawn.x[:20], plain.x[:20]) is not bool(keys)
