"""P-values against SciPy's and against counts made by hand."""

import numpy as np
import pytest

from seqtrain.evaluation import classification_metrics, uncertainty
from seqtrain.evaluation.significance import MOST_EXACT, mcnemar, paired_bootstrap, welch


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (2, 9), (400, 470)])
def test_few_examples_that_differ_are_tested_exactly(first: int, second: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(second, first) == mcnemar(first, second)


def test_many_examples_that_differ_are_tested_by_chi_squared() -> None:
    from scipy.stats import chi2

    first, second = 600, 700
    assert first + second > MOST_EXACT
    assert mcnemar(first, second) == pytest.approx(chi2.sf(99**2 / 1300, df=1))


def test_the_two_ways_agree_where_they_meet() -> None:
    exact, approximate = mcnemar(470, 530), mcnemar(471, 531)
    assert approximate == pytest.approx(exact, rel=0.01)


def test_seeds_are_tested_by_welch() -> None:
    from scipy.stats import ttest_ind

    first, second = [0.91, 0.92, 0.95], [0.89, 0.90, 0.88, 0.91]
    assert welch(first, second) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)


def test_seeds_that_are_all_alike_cannot_be_tested() -> None:
    assert welch([0.9, 0.9], [0.8, 0.8]) is None


def macro_f1_p(right: float, other: float, examples: int = 300, seed: int = 0) -> float:
    """The p-value of two networks that get such shares of three classes right."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, examples)
    ours, theirs = (
        np.eye(3)[np.where(random.random(examples) < share, labels, (labels + 1) % 3)]
        for share in (right, other)
    )
    return paired_bootstrap(
        classification_metrics.macro_f1_difference(labels, ours, theirs), examples
    )


def test_a_clear_difference_of_macro_f1_is_no_chance() -> None:
    assert macro_f1_p(0.9, 0.7) < 0.01
    assert macro_f1_p(0.7, 0.9) < 0.01


def test_networks_that_are_equally_good_rarely_seem_to_differ() -> None:
    found = [macro_f1_p(0.8, 0.8, seed=seed) for seed in range(200)]
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1


def test_the_same_answers_and_few_examples_show_no_difference() -> None:
    assert paired_bootstrap(uncertainty.mean(np.zeros(50)), 50) == 1
    assert macro_f1_p(1, 0, examples=9) == 1
