"""Scores of regression, against scikit-learn and by hand."""

import numpy as np
import pytest

from seqtrain.data.scaling import Target
from seqtrain.display.numbers import readable
from seqtrain.evaluation import regression_metrics
from seqtrain.tasks import Regression


def numbers(number: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a regression, and predictions that are off by about 3."""
    random = np.random.default_rng(1)
    labels = random.normal(1000, 20, number).astype(np.float32)
    return labels, labels + random.normal(1, 3, number).astype(np.float32)


def test_scores_of_numbers_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    labels, predictions = numbers()
    assert regression_metrics.scores(
        "test", labels, predictions, Target().of(labels)
    ) == pytest.approx(
        {
            "test_loss": metrics.mean_squared_error(labels, predictions) / labels.var(),
            "test_mae": metrics.mean_absolute_error(labels, predictions),
            "test_rmse": metrics.root_mean_squared_error(labels, predictions),
            "test_r2": metrics.r2_score(labels, predictions),
        },
        rel=1e-4,
    )


def test_the_mean_of_the_training_labels_has_a_loss_of_one() -> None:
    labels, _ = numbers()
    mean = np.full_like(labels, labels.mean(dtype=np.float64))
    found = regression_metrics.scores("test", labels, mean, Target().of(labels))
    assert found["test_loss"] == pytest.approx(1, abs=1e-4)
    assert found["test_r2"] == pytest.approx(0, abs=1e-4)


def test_r2_of_equal_labels_is_not_defined() -> None:
    assert regression_metrics.scores("test", np.ones(3), np.zeros(3), Target())["test_r2"] is None


def test_answers_beyond_the_tolerance_are_counted() -> None:
    labels, predictions = np.zeros(4), np.array([0.125, -0.125, 0.124, -0.5])
    assert (
        regression_metrics.scores("test", labels, predictions, Target(tolerance=0.125))[
            "test_wrong"
        ]
        == 3
    )
    assert "test_wrong" not in regression_metrics.scores("test", labels, predictions, Target())


def test_an_evaluation_of_numbers_tells_the_size_of_the_errors() -> None:
    labels, predictions = np.zeros(101), np.linspace(-1, 0, 101)
    found = regression_metrics.evaluate("val", labels, predictions, Target())
    assert found["val"]["absolute_errors"] == pytest.approx(
        {"50": 0.5, "90": 0.9, "99": 0.99, "100": 1}
    )


@pytest.mark.tf
def test_the_loss_and_the_error_of_numbers_are_those_that_keras_trains_with() -> None:
    import keras

    labels, predictions = numbers()
    target = Target().of(labels)
    task = Regression(target)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    model.compile(loss=task.keras_loss(), metrics=task.keras_metrics(None))
    scaled = (target.standardised(numbers) for numbers in (predictions, labels))
    found = model.evaluate(*scaled, verbose=0, return_dict=True)
    scores = regression_metrics.scores("test", labels, predictions, target)
    expected = {name: scores[f"test_{name}"] for name in ("loss", "mae")}
    assert found == pytest.approx(expected, rel=1e-5)


def test_intervals_hold_the_scores_and_shrink_with_more_examples() -> None:
    widths = []
    for number in (40, 4_000):
        labels, predictions = numbers(number)
        target = Target(tolerance=4.0).of(labels)
        scores = regression_metrics.scores("test", labels, predictions, target)
        intervals = regression_metrics.intervals("test", labels, predictions, target)
        assert scores.keys() == intervals.keys()
        for name, score in scores.items():
            low, high = intervals[name] or (0, 0)
            assert low < (score or 0) < high
        low, high = intervals["test_mae"] or (0, 0)
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


@pytest.mark.parametrize(
    ("score", "text"),
    [
        *((3, "3"), (2_560, "2,560"), (0.0, "0.0000"), (0.25, "0.2500"), (-0.5, "-0.5000")),
        *((2e-4, "2.00e-04"), (971.03, "971.0"), (12_646.1, "12,646.1"), (3e12, "3.00e+12")),
    ],
)
def test_scores_are_as_long_as_they_tell(score: float, text: str) -> None:
    assert readable(score) == text


@pytest.mark.parametrize(
    ("mean", "std", "number", "shown"),
    [
        (1.7e9, 13.2, 1_700_000_010.98461, "1700000010.985"),
        (20_240_504, 2.0, 20_240_501.0, "20240501.0000"),
        (0.5, 0.2, -1e-12, "0.00000"),
        (5e4, 3e3, 51_234.56789, "51234.6"),
        (5e9, 3e6, 5_123_456_789.0, "5123456800"),
        (0.0, 1e-9, 1.23456789e-9, "1.2346e-09"),
    ],
)
def test_numbers_are_shown_with_the_digits_by_which_they_differ(
    mean: float, std: float, number: float, shown: str
) -> None:
    assert Target(mean, std).shown(number) == shown


def test_answers_are_taken_back_to_where_the_labels_were() -> None:
    labels = 1_700_000_000 + np.random.default_rng(0).normal(0, 10, 100).round(3)
    target = Target().of(labels)
    scaled = target.standardised(labels)
    assert (scaled.dtype, abs(float(scaled.mean())) < 1e-6) == (np.float32, True)
    np.testing.assert_allclose(target.in_units(scaled), labels, rtol=0, atol=1e-5)
    assert Target(-1.0, 0.25).in_units(np.float32([-0.4]))[0] == -1.1
