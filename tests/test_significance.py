"""P-values against SciPy's and against counts made by hand."""

import pytest

from seqtrain.judging.significance import MOST_EXACT, mcnemar, welch


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
