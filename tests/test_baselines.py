"""Baselines, on arrays for which it is known what they can learn."""

from dataclasses import replace

import numpy as np
import pytest

from seqtrain.data.dataset import MASK_VALUE, Dataset
from seqtrain.data.tokens import Tokeniser
from seqtrain.data.vocabulary import Vocabulary
from seqtrain.evaluation import baselines as module
from seqtrain.evaluation import classification_metrics, linear_models, ngrams, regression_metrics
from seqtrain.evaluation.baselines import Baseline, flat
from seqtrain.tasks import Classification
from seqtrain.tasks.classification import MAJORITY
from seqtrain.tasks.labelled_task import labelled
from seqtrain.tasks.regression import MEAN
from tests.factories.baselines import VALUES, WORDS, baselines, numbers, of_examples, values


def words(number: int = 400, shuffled: bool = False) -> Dataset:
    """Texts of eight words, in which the words from 14 on tell the class."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, number)
    x = random.integers(4, 14, (number, 10)) + 6 * labels[:, None]
    x[:, 0], x[:, 8:] = 1, 0
    if shuffled:
        random.shuffle(labels)
    return of_examples(x.astype("int32"), labels, vocabulary_size=30)


def accuracies(dataset: Dataset) -> dict[str, float]:
    return {
        one.name: classification_metrics.accuracy(dataset.test.labels, one.predictions)
        for one in baselines(dataset)
    }


def test_texts_are_judged_by_their_words() -> None:
    found = accuracies(words())
    assert list(found) == [MAJORITY, WORDS]
    assert found[WORDS] > 0.95


def test_features_are_judged_by_all_values() -> None:
    found = accuracies(values())
    assert list(found) == [MAJORITY, VALUES]
    assert found[VALUES] > 0.95
    assert found[MAJORITY] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [(values(), "ridge regression"), (words(), "TF-IDF + ridge regression")],
)
def test_numbers_are_answered_by_their_mean_and_by_a_linear_model(
    dataset: Dataset, name: str
) -> None:
    of_numbers = numbers(dataset)
    mean, fitted = baselines(of_numbers)
    assert (mean.name, fitted.name) == (MEAN, name)
    labels = of_numbers.test.labels
    np.testing.assert_allclose(mean.predictions, of_numbers.train.labels.mean(), rtol=1e-6)
    assert fitted.predictions.shape == labels.shape
    assert regression_metrics.r2(labels, fitted.predictions) > 0.8
    assert fitted.converged
    assert [one.name for one in baselines(of_numbers, with_linear=False)] == [MEAN]


def test_numbers_may_be_as_large_as_floats_are() -> None:
    small = numbers(values())
    parts = [
        replace(part, labels=part.labels * np.float32(1e26)) for part in (small.train, small.test)
    ]
    huge = replace(small, train=parts[0], validation=parts[1], test=parts[1]).with_fitted_task()
    assert regression_metrics.r2(huge.test.labels, baselines(huge)[1].predictions) > 0.8


def test_a_fit_of_numbers_that_is_cut_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_models, "ITERATIONS", 1)
    assert not baselines(numbers(values()))[1].converged


def test_shuffled_labels_are_no_better_than_chance() -> None:
    assert 0.4 < accuracies(words(shuffled=True))[WORDS] < 0.6


def test_the_majority_class_is_said_as_often_as_it_is() -> None:
    labels = np.array([0] * 8 + [1] * 2 + [0, 1])
    dataset = of_examples(np.zeros((12, 3), "int32"), labels, vocabulary_size=9)
    found = module.constant(dataset, labelled(dataset.task))
    np.testing.assert_allclose(found.predictions, np.tile([1, 0], (6, 1)))


@pytest.mark.parametrize("dataset", [words(), values()], ids=["words", "values"])
def test_probabilities_are_of_every_class_and_add_up_to_one(dataset: Dataset) -> None:
    task = dataset.task
    rare = replace(dataset, task=Classification((*task.classes, "never seen")))
    for one in baselines(rare):
        assert one.predictions.shape == (len(dataset.test), len(rare.task.classes))
        np.testing.assert_allclose(one.predictions.sum(axis=1), 1, rtol=1e-6)
        assert (one.predictions[:, -1] == 0).all()


def test_the_same_data_give_the_same_numbers() -> None:
    first, second = (baselines(values())[1].predictions for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_of_one_class_nothing_linear_is_learned() -> None:
    dataset = of_examples(np.zeros((40, 4, 2), "float32"), np.repeat([0, 1], 20))
    assert [one.name for one in baselines(dataset)] == [MAJORITY]


def test_the_linear_model_can_be_left_out() -> None:
    assert [one.name for one in baselines(values(), with_linear=False)] == [MAJORITY]


def test_many_examples_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 150 * 8)
    found: Baseline = baselines(values())[1]
    assert found.trained_on == 150


def test_of_many_words_a_sample_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = words()
    each = (dataset.train.x > 1).sum() / len(dataset.train)
    monkeypatch.setattr(module, "LARGEST_OF_WORDS", int(150 * 2 * each) + 1)
    assert baselines(dataset)[1].trained_on == 150


@pytest.mark.parametrize(("name", "least"), [("LARGEST", 99 * 8), ("MOST_WEIGHTS", 3 * 8 - 1)])
def test_where_a_linear_model_would_take_long_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch, name: str, least: int
) -> None:
    monkeypatch.setattr(module, name, least)
    assert [one.name for one in baselines(values())] == [MAJORITY]


def test_examples_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = baselines(values())[1].predictions
    monkeypatch.setattr(module, "LARGEST", 300 * 8)
    parts = values()
    test = parts.test.take(np.arange(300).repeat(3))
    found = baselines(replace(parts, test=test))[1].predictions
    np.testing.assert_allclose(found, expected.repeat(3, axis=0), rtol=1e-6)


def test_a_fit_that_is_cut_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_models, "ITERATIONS", 1)
    assert not baselines(values())[1].converged
    monkeypatch.undo()
    assert baselines(values())[1].converged


def grams_of(x: np.ndarray, longest: int, ends: bool = False) -> dict[tuple[int, ...], list[float]]:
    """The n-grams of texts of ids below 8, and their counts in each text."""
    found = ngrams.fit(x, 8, longest, ends)
    counts = iter(found.counts(x).toarray().T.tolist())
    named: dict[tuple[int, ...], list[float]] = {}
    beginnings: list[tuple[int, ...]] = [()]
    for known in found.known:
        ids = [(*beginnings[key // 9], key % 9) for key in known.tolist()]
        named |= {of: next(counts) for of in ids}
        beginnings = ids
    return named


def test_words_and_pairs_are_counted_without_padding_and_start() -> None:
    x = np.array([[1, 5, 7, 5, 7], [1, 5, 7, 0, 0], [0, 0, 1, 2, 5]], dtype=np.int32)
    assert grams_of(x, 2) == {(2,): [0, 0, 1], (5,): [2, 1, 1], (7,): [2, 1, 0], (5, 7): [2, 1, 0]}


def test_characters_are_counted_in_rows_up_to_their_ends() -> None:
    x = np.array([[1, 4, 5, 6], [1, 4, 5, 6], [1, 6, 5, 4]], dtype=np.int32)
    found = grams_of(x, 5, ends=True)
    assert found[1, 4, 5, 6, 8] == [1, 1, 0]
    assert found[1, 4] == [1, 1, 0]
    assert (6, 5) not in found  # of one text alone
    assert found[6,] == [1, 1, 1]


def test_no_gram_reaches_from_one_text_into_the_next() -> None:
    x = np.array([[1, 4], [1, 5], [1, 4], [1, 5]], dtype=np.int32)
    assert set(grams_of(x, 2)) == {(4,), (5,)}


def test_texts_without_a_known_word_are_counted_too() -> None:
    x = np.array([[1, 0], [1, 0]], dtype=np.int32)
    assert ngrams.fit(x, 8, 2, ends=False).counts(x).shape == (2, 0)


def test_only_the_most_frequent_grams_are_known() -> None:
    x = np.array([[1, 4, 5], [1, 4, 6], [1, 4, 6]], dtype=np.int32)
    assert [known.tolist() for known in ngrams.fit(x, 8, 1, ends=False, most=2).known] == [[4, 6]]


def ordered(number: int = 600) -> Dataset:
    """Texts of two words; only their order decides the class."""
    random = np.random.default_rng(0)
    labels = np.arange(number) % 2
    pairs = np.where(labels[:, None] == 1, [4, 5], [5, 4])
    noise = random.integers(6, 20, (number, 3))
    x = np.concatenate([np.ones((number, 1)), noise, pairs], axis=1).astype("int32")
    return of_examples(x, labels, vocabulary_size=20)


def test_pairs_of_words_tell_what_words_alone_do_not() -> None:
    assert accuracies(ordered())[WORDS] > 0.99


def test_every_training_example_is_learned_from() -> None:
    assert {one.trained_on for one in baselines(words(3000))} == {1500}


@pytest.mark.parametrize(("name", "dataset"), [("WORDS", words()), ("VALUES", values())])
def test_of_too_much_work_a_part_is_learned_from(
    name: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 3 * 300 * 8 if name == "VALUES" else 3000  # of 200 texts of about 14 grams
    monkeypatch.setattr(module, f"WORK_OF_{name}", size * 0.6)
    monkeypatch.setattr(module, f"CHOOSING_OF_{name}", 0)
    found = baselines(dataset)[1]
    assert 100 < found.trained_on < len(dataset.train)
    assert classification_metrics.accuracy(dataset.test.labels, found.predictions) > 0.9


def test_the_penalty_is_the_one_that_validation_finds_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = values()
    apart = replace(dataset, validation=dataset.train.take(np.arange(100)))
    chosen = {}
    for penalties in ((1e-9, 1.0), (1.0, 1e-9), (1e-9,)):
        monkeypatch.setattr(module, "PENALTIES_OF_VALUES", penalties)
        chosen[penalties] = classification_metrics.loss(
            dataset.test.labels, baselines(apart)[1].predictions
        )
    assert chosen[1e-9, 1.0] == chosen[1.0, 1e-9] < 0.5 < chosen[1e-9,]


def test_the_test_examples_choose_nothing() -> None:
    dataset = values()
    assert dataset.validation is dataset.test
    other = replace(dataset, test=dataset.test.take(np.arange(50)))
    other = replace(other, validation=other.test)
    first, second = (baselines(of)[1].predictions for of in (dataset, other))
    np.testing.assert_array_equal(first[:50], second)


def test_weighed_classes_are_weighed_by_the_linear_model_too() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(2000) < 0.05).astype(int)
    x = (random.normal(size=(2000, 4, 2)) + 0.5 * labels[:, None, None]).astype("float32")
    dataset = of_examples(x, labels)
    plain, weighed = (
        classification_metrics.balanced_accuracy(
            dataset.test.labels, baselines(dataset, weighed=how)[1].predictions
        )
        for how in (False, True)
    )
    assert weighed > plain + 0.1


def test_padded_steps_count_as_the_mean() -> None:
    dataset = values()
    x = dataset.train.x.copy()
    x[::2, 2:] = MASK_VALUE
    masked = replace(dataset, train=replace(dataset.train, x=x), mask=True)
    assert np.isnan(flat(x, masked)).sum() == 4 * len(x) / 2
    assert accuracies(masked)[VALUES] > 0.9


def test_a_step_that_is_always_padded_does_no_harm() -> None:
    dataset = values()
    parts = {}
    for name in ("train", "test"):
        x = dataset.split(name).x.copy()  # type: ignore[arg-type]
        x[:, 3] = MASK_VALUE
        parts[name] = replace(dataset.split(name), x=x)  # type: ignore[arg-type]
    assert accuracies(replace(dataset, mask=True, **parts))[VALUES] > 0.9


def test_where_tokens_are_characters_their_rows_tell_the_class() -> None:
    """For texts of the same letters, which differ only in the order of the last three."""
    random = np.random.default_rng(0)
    labels = np.arange(800) % 2
    ends = np.where(labels[:, None] == 1, [4, 5, 4], [5, 4, 5])
    x = np.concatenate([np.ones((800, 1)), random.integers(4, 6, (800, 4)), ends], axis=1)
    dataset = of_examples(x.astype("int32"), labels, vocabulary_size=6)
    letters = Vocabulary(("a", "b"), Tokeniser("characters"))
    dataset = replace(dataset, vocabulary=letters)
    assert accuracies(dataset)[WORDS] > 0.99
