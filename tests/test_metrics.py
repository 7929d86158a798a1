"""Metrics, against scikit-learn and by hand."""

import math

import numpy as np
import pytest

from seqtrain.evaluation import classification_metrics, uncertainty
from seqtrain.evaluation.calibration import reliability

LABELS = np.array([0, 0, 1, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.2, 0.5, 0.3],
        [0.1, 0.8, 0.1],
        [0.3, 0.3, 0.4],
        [0.25, 0.5, 0.25],
        [0.6, 0.2, 0.2],
    ],
    dtype=np.float32,
)


def test_loss_is_the_mean_negative_logarithm_of_the_true_class() -> None:
    chosen = [0.7, 0.2, 0.8, 0.3, 0.5, 0.2]
    expected = -sum(map(math.log, chosen)) / 6
    assert classification_metrics.loss(LABELS, PROBABILITIES) == pytest.approx(expected, rel=1e-6)


def test_loss_of_a_certain_mistake_is_finite() -> None:
    certain = np.array([[1.0, 0.0]])
    assert classification_metrics.loss(np.array([1]), certain) == pytest.approx(
        -math.log(classification_metrics.EPSILON)
    )


def test_accuracy_counts_the_most_probable_class() -> None:
    assert classification_metrics.accuracy(LABELS, PROBABILITIES) == pytest.approx(3 / 6)


def test_a_tie_goes_to_the_first_class() -> None:
    assert classification_metrics.predictions(np.array([[0.5, 0.5]])).tolist() == [0]


def test_roc_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    labels = np.array([0, 0, 1, 1])
    positive = np.array([0.1, 0.4, 0.35, 0.8])
    assert (
        classification_metrics.roc_auc(labels, np.stack([1 - positive, positive], axis=1)) == 0.75
    )


def test_roc_auc_of_one_class_is_not_a_number() -> None:
    assert math.isnan(classification_metrics.roc_auc(np.zeros(3, int), np.full((3, 2), 0.5)))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_precision_recall_f1_and_confusion_matrix_are_those_of_scikit_learn(classes: int) -> None:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, 50)
    probabilities = random.dirichlet(np.ones(classes), 50)
    names = [str(c) for c in range(classes)]
    found = classification_metrics.evaluate("test", labels, probabilities, names)["test"]
    predicted = probabilities.argmax(axis=1)
    expected = precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0
    )
    for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([entry[key] for entry in found["classes"]], values)
    matrix = confusion_matrix(labels, predicted, labels=range(classes))
    assert found["confusion_matrix"] == matrix.tolist()


def test_a_class_that_is_never_predicted_has_zeros() -> None:
    found = classification_metrics.evaluate("test", LABELS, np.eye(3)[np.zeros(6, int)], "abc")[
        "test"
    ]
    (row,) = (row for row in found["classes"] if row["name"] == "b")
    assert [row[key] for key in ("precision", "recall", "f1", "support")] == [0, 0, 0, 3]
    assert row["intervals"]["precision"] == [0, 1]  # it was never tried


def test_scores_carry_the_prefix_of_their_split() -> None:
    found = classification_metrics.evaluate("val", LABELS, PROBABILITIES, "abc")
    assert found["val_accuracy"] == classification_metrics.accuracy(LABELS, PROBABILITIES)
    names = [f"val_{name}" for name in ("loss", "accuracy", "macro_f1", "balanced_accuracy", "ece")]
    assert list(found) == [*names, "intervals", "val"]
    assert list(found["intervals"]) == names


def test_a_score_that_is_not_defined_is_null_in_json() -> None:
    found = classification_metrics.scores("test", np.zeros(3, int), np.full((3, 2), 0.5))
    assert found["test_roc_auc"] is None


def test_average_precision_without_a_positive_example_is_not_a_number() -> None:
    assert math.isnan(
        classification_metrics.average_precision(np.zeros(3, int), np.full((3, 2), 0.5))
    )


def test_average_precision_is_the_mean_precision_at_each_positive_example() -> None:
    labels = np.array([0, 0, 1, 1])
    positive = np.array([0.1, 0.4, 0.35, 0.8])
    found = classification_metrics.average_precision(
        labels, np.stack([1 - positive, positive], axis=1)
    )
    assert found == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_the_calibration_error_is_weighed_by_the_size_of_each_bin() -> None:
    sure, unsure = [0.9, 0.1], [0.55, 0.45]  # in two of the bins
    labels = np.array([0, 0, 0, 1, 0, 1])
    probabilities = np.array([sure] * 4 + [unsure] * 2)
    expected = 4 / 6 * abs(3 / 4 - 0.9) + 2 / 6 * abs(1 / 2 - 0.55)
    assert classification_metrics.ece(labels, probabilities) == pytest.approx(expected)


def test_a_bin_of_confidences_holds_its_upper_end() -> None:
    found = reliability(np.array([True, False, True]), np.array([0.8, 0.8 + 1e-9, 1.0]))
    assert np.flatnonzero(found.examples).tolist() == [11, 12, 14]
    assert found.hits.sum() == 2
    np.testing.assert_allclose(found.confidence[[11, 12, 14]], [0.8, 0.8, 1.0])


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_ranking_metrics_are_of_two_classes_only(name: str) -> None:
    assert name in classification_metrics.metrics_for(2)
    assert name not in classification_metrics.metrics_for(3)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("missing", [0, 2])
def test_means_over_classes_are_those_of_scikit_learn(missing: int) -> None:
    """Also where some classes are true of no example, or neither true nor predicted."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    random = np.random.default_rng(missing)
    labels = random.integers(0, 6 - missing, 80)
    probabilities = random.dirichlet(np.ones(6), 80)
    probabilities[:, 5] = 0 if missing else probabilities[:, 5]
    predicted = probabilities.argmax(axis=1)
    assert classification_metrics.macro_f1(labels, probabilities) == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    assert classification_metrics.balanced_accuracy(labels, probabilities) == pytest.approx(
        balanced_accuracy_score(labels, predicted)
    )


@pytest.mark.parametrize("name", ["macro_f1", "balanced_accuracy"])
def test_the_interval_of_a_mean_over_classes_is_that_of_its_resamples(name: str) -> None:
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 3, 60), random.dirichlet(np.ones(3), 60)
    function = classification_metrics.metrics_for(3)[name].function
    counts = next(uncertainty.resamples(60))[:50]
    resampled = classification_metrics.metrics_for(3)[name].resampled
    assert resampled is not None
    np.testing.assert_allclose(
        resampled(labels, probabilities)(counts),
        uncertainty.recomputed(function, labels, probabilities)(counts),
    )


@pytest.mark.tf
@pytest.mark.parametrize("classes", [2, 3])
def test_loss_and_accuracy_are_those_of_keras(classes: int) -> None:
    import keras

    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 40)
    probabilities = random.dirichlet(np.ones(classes), 40).astype(np.float32)
    if classes == 2:
        loss = keras.losses.BinaryCrossentropy()(labels[:, None], probabilities[:, 1:])
        accuracy = keras.metrics.BinaryAccuracy()(labels[:, None], probabilities[:, 1:])
    else:
        loss = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
        accuracy = keras.metrics.SparseCategoricalAccuracy()(labels, probabilities)
    assert classification_metrics.loss(labels, probabilities) == pytest.approx(
        float(loss), abs=1e-6
    )
    assert classification_metrics.accuracy(labels, probabilities) == pytest.approx(
        float(accuracy), abs=1e-6
    )
