"""Intervals, compared with SciPy, scikit-learn, and samples with known true values."""

import time

import numpy as np
import pytest

from seqtrain.evaluation import classification_metrics, uncertainty


def examples(size: int, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels that follow the probabilities of two decimals, so that some are equal."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), size).round(2)
    probabilities[:, 0] = 1 - probabilities[:, 1:].sum(axis=1)
    below = np.cumsum(probabilities, axis=1) < random.random((size, 1))
    return below.sum(axis=1).clip(max=classes - 1), probabilities


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (8_531, 10_000), (1, 1)])
def test_the_interval_of_a_share_is_that_of_scipy(hits: int, trials: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(hits, trials).proportion_ci(method="exact")
    np.testing.assert_allclose(uncertainty.binomial(hits, trials), [expected.low, expected.high])


def test_where_nothing_was_tried_nothing_is_known() -> None:
    assert uncertainty.binomial(0, 0).tolist() == [0, 1]


def test_shares_of_any_shape_get_an_interval_each() -> None:
    found = uncertainty.binomial(np.array([[1, 2], [3, 4]]), np.array([[5, 6], [7, 8]]))
    assert found.shape == (2, 2, 2)
    np.testing.assert_allclose(found[1, 0], uncertainty.binomial(3, 7))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_metric_of_resamples_is_the_metric_of_their_rows(classes: int) -> None:
    labels, probabilities = examples(60, classes)
    counts = next(uncertainty.resamples(60))[:20]
    for registered in classification_metrics.metrics_for(classes).values():
        if registered.resampled:
            at_once = registered.resampled(labels, probabilities)(counts)
            one_by_one = uncertainty.recomputed(registered.function, labels, probabilities)(counts)
            np.testing.assert_allclose(at_once, one_by_one, rtol=1e-9)


def test_resamples_hold_as_many_examples_as_were_given() -> None:
    found = np.concatenate(list(uncertainty.resamples(700)))
    assert found.shape == (uncertainty.RESAMPLES, 700)
    assert (found.sum(axis=1) == 700).all()
    assert found.var() == pytest.approx(1, abs=0.01)


def test_many_examples_are_resampled_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncertainty, "DRAWS", 5_000_000)
    assert sum(map(len, uncertainty.resamples(20_000))) == 250


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(3, 2, 5_000)
    found = uncertainty.bootstrap({"mean": uncertainty.mean(values)}, len(values))["mean"]
    error = 1.96 * values.std() / np.sqrt(len(values))
    np.testing.assert_allclose(found, [values.mean() - error, values.mean() + error], atol=0.01)


def test_the_interval_of_an_f1_is_that_of_resampled_examples() -> None:
    labels, probabilities = examples(400, 3)

    def f1_of_the_last(labels: np.ndarray, probabilities: np.ndarray) -> float:
        said, true = classification_metrics.predictions(probabilities) == 2, labels == 2
        return 2 * float((said & true).sum()) / float(said.sum() + true.sum())

    statistic = uncertainty.recomputed(f1_of_the_last, labels, probabilities)
    expected = uncertainty.bootstrap({"f1": statistic}, 400)["f1"]
    matrix = classification_metrics.confusion_matrix(labels, probabilities)
    found = classification_metrics.per_class(matrix, "abc")[2]["intervals"]["f1"]
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_an_f1_of_few_examples_is_not_sure() -> None:
    (right, never) = uncertainty.f1(np.array([5, 0]), np.array([0, 5])).tolist()
    exact = uncertainty.binomial(5, 5)[0]
    assert right == [pytest.approx(2 * exact / (1 + exact)), 1.0]
    assert never == [0.0, pytest.approx(2 * (1 - exact) / (2 - exact))]


def test_the_same_examples_get_the_same_intervals() -> None:
    first, second = (classification_metrics.intervals("test", *examples(50)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("classes", [2, 3])
def test_every_score_has_an_interval_that_holds_it(classes: int) -> None:
    labels, probabilities = examples(300, classes)
    scores = classification_metrics.scores("test", labels, probabilities)
    intervals = classification_metrics.intervals("test", labels, probabilities)
    assert list(intervals) == list(scores)
    for name, score in scores.items():
        low, high = intervals[name] or (1, 0)
        assert low <= (score or 0) <= high


def test_the_calibration_error_of_a_calibrated_network_may_be_none() -> None:
    """All its resamples are larger, so their middle 95 % would include neither it nor 0."""
    low, high = classification_metrics.intervals("test", *examples(300))["test_ece"] or (1, 0)
    assert low == 0
    assert high > classification_metrics.ece(*examples(300))


def test_a_score_that_is_not_defined_has_no_interval() -> None:
    found = classification_metrics.intervals("test", np.zeros(3, int), np.full((3, 2), 0.5))
    assert found["test_roc_auc"] is None


def test_where_resamples_cannot_differ_there_is_no_interval() -> None:
    labels = np.arange(40) % 2
    perfect = classification_metrics.intervals("test", labels, np.eye(2)[labels] * 0.8 + 0.1)
    assert perfect["test_roc_auc"] is perfect["test_average_precision"] is None
    assert perfect["test_accuracy"] == [pytest.approx(0.9119, abs=1e-4), 1.0]
    few = classification_metrics.intervals("test", *examples(uncertainty.FEWEST - 1))
    assert [name for name, ends in few.items() if ends] == ["test_accuracy"]


def test_95_percent_of_the_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = random.exponential(1.0, 200)
        found = uncertainty.bootstrap({"mean": uncertainty.mean(values)}, 200)["mean"]
        assert found
        held += found[0] <= 1.0 <= found[1]
    assert 0.88 * 200 <= held <= 200


def test_the_intervals_of_25_000_examples_take_well_under_a_second_each() -> None:
    labels, probabilities = examples(25_000)
    started = time.process_time()
    found = classification_metrics.intervals("test", labels, probabilities)
    assert time.process_time() - started < 0.7 * len(found)
