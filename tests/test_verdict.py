"""The verdict: whether a network has learned, judged by labels and probabilities."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqtrain.cli.score_tables import format_baselines, format_score, format_verdict
from seqtrain.config import TrainingConfig
from seqtrain.evaluation import classification_metrics
from seqtrain.evaluation.significance import tells_apart
from seqtrain.runs.run_files import Row
from seqtrain.tasks import Classification, Regression
from seqtrain.tasks.classification import MAJORITY, uneven
from seqtrain.tasks.regression import MEAN
from seqtrain.training import verdict
from seqtrain.training.diagnosis import TrainingRecord, causes
from tests.conftest import Outcome
from tests.factories.baselines import VALUES, baselines, numbers, of_examples, values

LEARNING: list[Row] = [
    {"epoch": 1, "loss": 0.6, "accuracy": 0.7, "val_loss": 0.6, "val_accuracy": 0.7},
    {"epoch": 2, "loss": 0.3, "accuracy": 0.9, "val_loss": 0.3, "val_accuracy": 0.9},
]
BY_HEART: list[Row] = [
    {"epoch": 1, "loss": 1.1, "accuracy": 0.4, "val_loss": 1.1, "val_accuracy": 0.33},
    {"epoch": 2, "loss": 0.1, "accuracy": 0.99, "val_loss": 2.1, "val_accuracy": 0.34},
]
STUCK: list[Row] = [
    {"epoch": epoch, "loss": 1.1, "accuracy": 0.34, "val_loss": 1.1, "val_accuracy": 0.33}
    for epoch in range(1, 41)
]


def trained(rows: list[Row] = LEARNING, classes: int = 3, **training: Any) -> TrainingRecord:
    return TrainingRecord(TrainingConfig(**training), values(classes=classes), rows, len(rows))


def answers(labels: np.ndarray, classes: int, accuracy: float, seed: int = 0) -> np.ndarray:
    """Probabilities with this accuracy; the other predictions are random wrong classes."""
    random = np.random.default_rng(seed)
    wrong = (labels + random.integers(1, classes, len(labels))) % classes
    chosen = np.where(np.arange(len(labels)) < accuracy * len(labels), labels, wrong)
    return np.asarray(0.2 / classes + 0.8 * np.eye(classes)[chosen])


def judged(accuracy: float, how: TrainingRecord) -> dict[str, Any]:
    labels = how.dataset.test.labels
    return verdict.judged(answers(labels, 3, accuracy), how)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.97, 0.03], [0.2, 0.3, 0.5]])
def test_what_knows_nothing_rarely_seems_to_tell_classes_apart(shares: list[float]) -> None:
    random = np.random.default_rng(0)
    found = [
        tells_apart(
            random.choice(len(shares), 300, p=shares),
            random.dirichlet(np.ones(len(shares)), 300),
        )
        for _ in range(2_000)
    ]
    assert 0.015 < np.mean(found) < 0.035  # one side of an error of 5 %


def test_classes_are_told_apart_though_one_is_never_predicted() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(1_000) < 0.05).astype(int)
    rare = 0.05 + 0.2 * labels * random.random(1_000)
    assert tells_apart(labels, np.stack([1 - rare, rare], axis=1))


def test_the_same_answer_to_all_tells_nothing_apart() -> None:
    assert not tells_apart(np.arange(10) % 2, np.full((10, 2), 0.5))


def test_a_network_that_beats_both_has_learned() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 600)
    x = np.random.default_rng(1).normal(size=(600, 4, 2)).astype("float32")
    how = replace(trained(), dataset=of_examples(x, labels, 3))
    found = judged(0.8, how)["verdict"]
    assert found["learned"]
    assert found["causes"] == []
    assert found["sentence"].startswith(f"the network beats {MAJORITY} (0.3")
    assert f" and {VALUES} (0.3" in found["sentence"]


def test_a_network_somewhat_below_the_linear_model_has_learned() -> None:
    found = judged(0.85, trained())["verdict"]
    assert found["learned"]
    assert f", but {VALUES} (" in found["sentence"]
    assert found["sentence"].endswith(") beats it")


def test_a_network_far_below_the_linear_model_has_not() -> None:
    found = judged(0.55, trained())["verdict"]
    assert not found["learned"]
    assert f"learned little: accuracy 0.5500, where {VALUES} reaches" in found["sentence"]
    assert found["causes"]


@pytest.mark.parametrize("rows", [BY_HEART, STUCK])
def test_a_network_at_chance_has_learned_nothing(rows: list[Row]) -> None:
    found = judged(1 / 3, trained(rows))["verdict"]
    assert not found["learned"]
    assert found["sentence"].startswith("the network has learned nothing")
    assert found["causes"][-1].startswith(f"{VALUES} learns from the same labels")


def unequal(**training: Any) -> dict[str, Any]:
    """The verdict on a network that tells a rare class apart, and never predicts it."""
    random = np.random.default_rng(0)
    labels = (random.random(2_000) < 0.05).astype(int)
    dataset = of_examples(random.normal(size=(2_000, 4, 2)).astype("float32"), labels)
    how = replace(trained(**training), dataset=dataset)
    rare = 0.05 + 0.2 * dataset.test.labels
    found = verdict.judged(np.stack([1 - rare, rare], axis=1), how)
    return dict(found["verdict"])


def test_unequal_classes_are_named_where_accuracy_hides_what_was_learned() -> None:
    found = unequal()
    assert not found["learned"]
    assert "but is not significantly more often right than the majority" in found["sentence"]
    (cause,) = (one for one in found["causes"] if "class" in one)
    assert "of train is `class 0` (`training.class_weight=balanced`" in cause
    assert VALUES not in "; ".join(found["causes"])  # it is no better


def test_a_network_that_never_predicts_a_class_that_it_weighs_has_not_learned() -> None:
    found = unequal(class_weight="balanced")
    assert not found["learned"]
    assert "not significantly better by macro F1 than the majority class" in found["sentence"]
    assert found["judged_by"] == ["macro_f1"]
    assert "class_weight=balanced" not in "; ".join(found["causes"])


def rare(hits: float, alarms: float, **training: Any) -> dict[str, Any]:
    """The verdict on predictions of a rare class with these shares of true and false positives."""
    random = np.random.default_rng(0)
    labels = (random.random(2_000) < 0.1).astype(int)
    dataset = of_examples(random.normal(size=(2_000, 4, 2)).astype("float32"), labels)
    how = replace(trained(**training), dataset=dataset)
    truth = dataset.test.labels
    said = np.where(truth == 1, random.random(1_000) < hits, random.random(1_000) < alarms)
    found = verdict.judged(np.where(said, [[0.2], [0.8]], [[0.8], [0.2]]).T, how)
    return dict(found["verdict"])


def test_a_network_of_weighed_classes_need_not_be_right_more_often_but_that_is_told() -> None:
    found = rare(0.9, 0.25, class_weight="balanced")
    assert found["learned"]
    assert found["sentence"].startswith("the network beats majority class (macro F1 0.4")
    (warning,) = found["warnings"]
    assert warning.startswith("the network is less often right than the majority class: accuracy")
    assert "`training.class_weight=null`" in warning


def test_uneven_classes_are_judged_by_both_scores() -> None:
    found = rare(0.9, 0.02)
    assert found["judged_by"] == ["accuracy", "macro_f1"]
    assert found["learned"]
    assert "; by macro F1 the network beats majority class (macro F1 0.4" in found["sentence"]
    assert found["warnings"] == []


def test_one_of_both_scores_suffices_but_less_accuracy_than_the_majority_is_told() -> None:
    found = rare(0.9, 0.25)
    assert found["learned"]
    (warning,) = found["warnings"]
    assert "less often right than the majority class" in warning
    assert "weighed" not in warning


def test_even_classes_are_judged_by_accuracy_alone() -> None:
    assert judged(0.85, trained())["verdict"]["judged_by"] == ["accuracy"]


def test_a_baseline_is_measured_as_the_network_is() -> None:
    found = judged(0.85, trained())["baselines"]
    assert list(found) == [MAJORITY, VALUES]
    for other in found.values():
        assert other["test_accuracy"] >= other["intervals"]["test_accuracy"][0]
        assert set(other["intervals"]) == {key for key in other if key.startswith("test_")}
        low, high = other["difference"]["interval"]
        assert low <= other["difference"]["accuracy"] <= high
        low, high = other["difference"]["macro_f1_interval"]
        assert low <= other["difference"]["macro_f1"] <= high
    assert found[MAJORITY]["difference"]["accuracy"] == pytest.approx(
        0.85 - found[MAJORITY]["test_accuracy"]
    )


def test_without_the_linear_model_the_majority_class_remains() -> None:
    found = judged(0.85, trained(baselines=False))
    assert list(found["baselines"]) == [MAJORITY]
    assert found["verdict"]["learned"]


@pytest.mark.parametrize(
    ("how", "examples", "cause"),
    [
        (trained(BY_HEART), 300, "the accuracy on train reached 0.9900, but the loss on"),
        (trained(BY_HEART), 300, "the labels may be shuffled"),
        (trained(STUCK), 300, "the loss on train hardly fell, from 1.1000 to 1.1000"),
        (trained(STUCK), 300, "`training.learning_rate=0.0001`, `=0.01`"),
        (trained(STUCK[:2]), 300, "20 steps of the optimizer are few (`seqtrain resume --epochs"),
        (trained([*STUCK, {**STUCK[0], "loss": 40.0}]), 300, "learning rate may be too high"),
        (trained(BY_HEART), 30, "30 test examples are few"),
        (trained(LEARNING), 300, "the accuracy on validation is 0.9000, so the test examples may"),
    ],
)
def test_causes_come_from_what_the_training_shows(
    how: TrainingRecord, examples: int, cause: str
) -> None:
    assert cause in "; ".join(causes(how, examples, False, {}))


def test_sequences_that_are_mostly_cut_are_a_cause() -> None:
    how = trained(STUCK)
    train = replace(how.dataset.train, lengths=np.full(len(how.dataset.train), 90))
    cut = replace(how, dataset=replace(how.dataset, train=train))
    assert "100% of the sequences are cut at 4 steps" in "; ".join(causes(cut, 300, False, {}))


def test_labels_in_which_nothing_is_found_come_first() -> None:
    first, *others = causes(trained(STUCK), 300, False, {VALUES: False})
    assert first.startswith(f"{VALUES} finds nothing either, so the labels may be shuffled")
    assert others


def test_labels_that_the_network_tells_apart_are_not_suspected() -> None:
    found = causes(trained(BY_HEART), 300, True, {VALUES: False})
    assert "labels" not in "; ".join(found)


def test_where_no_difference_shows_that_is_said() -> None:
    how = trained()
    reached = classification_metrics.accuracy(
        how.dataset.test.labels, baselines(how.dataset)[1].predictions
    )
    sentence = judged(reached, how)["verdict"]["sentence"]
    assert f"; it is not significantly different from {VALUES} (" in sentence


@pytest.mark.parametrize(
    ("best_epoch", "cause"), [(2, "`seqtrain resume --epochs 4`"), (1, "too small")]
)
def test_a_network_that_learns_well_may_need_more(best_epoch: int, cause: str) -> None:
    how = replace(trained(LEARNING), best_epoch=best_epoch)
    assert cause in "; ".join(causes(how, 300, True, {VALUES: True}))


def unread(share: float, **known: Any) -> TrainingRecord:
    """A training on texts with this share of unknown words."""
    random = np.random.default_rng(0)
    x = np.where(random.random((600, 6)) < share, 2, random.integers(4, 30, (600, 6)))
    x[:, 0] = 1
    dataset = of_examples(x.astype("int32"), np.arange(600) % 3, 3, vocabulary_size=30)
    return replace(trained(BY_HEART), dataset=dataset, **known)


def test_unknown_words_are_suspected_before_the_labels_are() -> None:
    first, *others = causes(unread(0.9), 300, False, {VALUES: False})
    assert first.startswith("90% of the words of test are unknown, which makes ")
    assert "test examples look like one of train" in first
    assert "shuffled" not in "; ".join(others)
    assert "shuffled" in "; ".join(causes(unread(0.05), 300, False, {VALUES: False}))


def test_characters_are_advised_where_the_dataset_can_read_them() -> None:
    config = SimpleNamespace(dataset=SimpleNamespace(tokens="words"), model=None)
    (first, *_) = causes(unread(0.9, config=config), 300, False, {})
    assert "`dataset.tokens=characters`" in first
    config.dataset.tokens = "characters"
    (first, *_) = causes(unread(0.9, config=config), 300, False, {})
    assert "dataset.tokens" not in first


def test_advice_that_is_followed_already_is_not_given() -> None:
    model = SimpleNamespace(dropout=0.5, memory_steps=None)
    how = replace(trained(BY_HEART), config=SimpleNamespace(model=model))
    assert "`model.dropout=0.5`" in "; ".join(causes(trained(BY_HEART), 300, False, {}))
    assert "`model.dropout" not in "; ".join(causes(how, 300, False, {}))


def test_only_what_is_fitted_whole_is_learned_by_heart() -> None:
    partly: list[Row] = [{**BY_HEART[0]}, {**BY_HEART[1], "loss": 0.7, "accuracy": 0.7}]
    found = "; ".join(causes(trained(partly), 300, False, {}))
    assert "the accuracy on train reached 0.7000" in found
    assert "it overfits" in found
    assert "by heart" not in found


def test_a_training_that_stopped_early_is_not_told_to_go_on() -> None:
    how = trained(STUCK[:2], epochs=10, early_stopping={"patience": 1})
    how = replace(how, stopped=True)
    found = "; ".join(causes(how, 300, False, {}))
    assert "steps of the optimizer are few (`training.early_stopping=null`)" in found
    assert "resume" not in found


@pytest.mark.parametrize(("epochs", "keys"), [(9, ""), (2, " training.epochs=4")])
def test_a_stop_in_the_best_epoch_is_not_told_to_go_on(epochs: int, keys: str) -> None:
    how = trained(epochs=epochs, early_stopping={"patience": 1, "min_delta": 0.5})
    (advice,) = judged(0.85, replace(how, stopped=True))["verdict"]["advice"]
    assert advice.endswith(f"still improving: `training.early_stopping=null{keys}`")


def test_where_the_last_epoch_was_the_best_the_way_on_is_told() -> None:
    (advice,) = judged(0.85, trained())["verdict"]["advice"]
    assert advice.startswith("epoch 2, the last one, was the best")
    assert advice.endswith("`seqtrain resume --epochs 4`")
    assert judged(0.85, replace(trained(), best_epoch=1))["verdict"]["advice"] == []


def test_at_the_end_of_a_cosine_a_new_training_is_advised() -> None:
    (advice,) = judged(0.85, trained(schedule="cosine"))["verdict"]["advice"]
    assert "so more may be better: train anew" in advice
    assert advice.endswith("`training.epochs=4`")
    assert "resume" not in advice


def test_a_command_to_go_on_names_the_run() -> None:
    found = judged(0.85, trained())["verdict"]
    assert "`seqtrain resume 'outputs/a b' --epochs 4`" in format_verdict(found, "outputs/a b")


def test_the_closing_lines_show_the_scores_that_judge_and_how_many_rows_were_seen() -> None:
    how = trained()
    labels = how.dataset.test.labels
    found = classification_metrics.evaluate("test", labels, answers(labels, 3, 0.85), "abc")
    found |= verdict.judged(answers(labels, 3, 0.85), how)
    found |= {"optimistic": False, "best_epoch": 2, "last_epoch": {"epoch": 2} | found}
    assert "macro F1" not in format_score(found, Classification())
    found["verdict"]["judged_by"] = ["accuracy", "macro_f1"]
    found["baselines"][VALUES]["trained_on"] = 120
    assert "test macro F1 0.8" in format_score(found, Classification())
    shown = format_baselines(found, Classification())
    assert "test macro F1" in shown
    assert f"{VALUES} on 120 of 300 rows" in shown


@pytest.mark.parametrize(
    ("counts", "expected"), [([10, 50], False), ([10, 51], True), ([0, 9, 9], False), ([], False)]
)
def test_classes_are_uneven_where_one_is_much_larger(counts: list[int], expected: bool) -> None:
    assert uneven(counts) == expected


def test_macro_f1_is_the_score_of_weighed_classes() -> None:
    assert Classification().primary().name == "accuracy"
    assert Classification().primary(weighed=True).name == "macro_f1"
    assert Regression().primary(weighed=True).name == "mae"


OF_NUMBERS: list[Row] = [
    {"epoch": 1, "loss": 0.5, "mae": 30.0, "val_loss": 0.5, "val_mae": 30.0},
    {"epoch": 2, "loss": 0.2, "mae": 15.0, "val_loss": 0.2, "val_mae": 15.0},
]


def judged_numbers(noise: float, rows: list[Row] = OF_NUMBERS, **training: Any) -> dict[str, Any]:
    """The verdict on predictions with this error, for labels with a standard deviation of 41."""
    dataset = numbers(values())
    labels = dataset.test.labels
    said = labels + noise * np.random.default_rng(2).normal(size=len(labels))
    how = TrainingRecord(TrainingConfig(**training), dataset, rows, len(rows))
    return verdict.judged(said, how)


def test_numbers_nearer_than_their_mean_are_learned_though_a_linear_model_is_nearer_still() -> None:
    found = judged_numbers(noise=20)
    assert list(found["baselines"]) == [MEAN, "ridge regression"]
    assert found["baselines"][MEAN]["test_loss"] == pytest.approx(1, abs=1e-3)
    assert found["verdict"]["learned"]
    sentence = found["verdict"]["sentence"]
    assert sentence.startswith(f"the network beats {MEAN} (rmse 4")
    assert sentence.endswith(") beats it")


def test_numbers_nearer_than_those_of_both_are_learned() -> None:
    sentence = judged_numbers(noise=1)["verdict"]["sentence"]
    assert sentence.startswith(f"the network beats {MEAN} (rmse 4")
    assert " and ridge regression (rmse " in sentence


def test_a_network_whose_numbers_are_far_from_those_of_a_linear_model_has_learned_little() -> None:
    found = judged_numbers(noise=32)["verdict"]
    assert not found["learned"]
    assert found["sentence"].startswith("the network has learned little: rmse 3")


def test_numbers_no_nearer_than_their_mean_are_not_learned_and_causes_are_told() -> None:
    stuck: list[Row] = [
        {"epoch": epoch, "loss": 1.0, "mae": 36.0, "val_loss": 1.0, "val_mae": 36.0}
        for epoch in range(1, 41)
    ]
    found = judged_numbers(60, stuck)["verdict"]
    assert not found["learned"]
    assert f"{MEAN} 4" in found["sentence"]
    causes = " ".join(found["causes"])
    assert "the loss on train hardly fell" in causes
    assert "ridge regression learns from the same labels" in causes


def test_where_sequences_are_long_the_way_back_is_named() -> None:
    long = np.random.default_rng(0).normal(size=(400, 60, 1)).astype("float32")
    dataset = of_examples(long, np.arange(400) % 3, 3)
    found = causes(TrainingRecord(TrainingConfig(), dataset, STUCK, 40), 200, False, {})
    assert any("too far back in 60 steps" in cause for cause in found)
    short = replace(dataset, train=replace(dataset.train, lengths=np.full(len(dataset.train), 5)))
    found = causes(TrainingRecord(TrainingConfig(), short, STUCK, 40), 200, False, {})
    assert not any("too far back" in cause for cause in found)


def test_a_constant_below_the_mean_of_skewed_numbers_is_not_learned() -> None:
    """Although its absolute error is smaller: the median is the constant that minimises it."""
    skewed = np.random.default_rng(0).exponential(size=600).astype("float32")
    dataset = numbers(values())
    train, test = (replace(part, labels=skewed[:300]) for part in (dataset.train, dataset.test))
    dataset = replace(dataset, train=train, validation=test, test=test).with_fitted_task()
    said = np.full(300, 0.9 * train.labels.mean())
    how = TrainingRecord(TrainingConfig(), dataset, OF_NUMBERS, 2)
    assert not verdict.judged(said, how)["verdict"]["learned"]


def test_few_numbers_show_no_difference() -> None:
    dataset = numbers(values())
    test = dataset.test.take(np.arange(9))
    how = TrainingRecord(TrainingConfig(), replace(dataset, test=test), OF_NUMBERS, 2)
    found = verdict.judged(test.labels.copy(), how)
    assert found["baselines"][MEAN]["difference"]["interval"] == []
    assert "9 test examples are few" in found["verdict"]["causes"][0]


OWN = """
dataset: {name: arrays, path: own.npz}
model: {name: rnn, units: 4}
training: {epochs: 6, learning_rate: 1e-2}
"""


@pytest.mark.tf
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_training_ends_with_whether_it_learned(
    shuffled: bool, seqtrain: Callable[..., Outcome]
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 5, 2)).astype(np.float32)
    labels = (x[:, :, 0].sum(axis=1) > 0).astype(int)
    np.savez("own.npz", x=x, y=random.permutation(labels) if shuffled else labels)
    Path("own.yaml").write_text(OWN)
    outcome = seqtrain("train", "own.yaml")
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("warning: " if shuffled else "the network beats majority class")
    assert ("has learned nothing that shows on the test examples" in last) == shuffled
    assert ("the labels may be shuffled" in last) == shuffled


def test_the_best_simple_model_is_named_where_the_network_is_not_better_than_a_constant() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(2_000) < 0.05).astype(int)
    x = random.normal(size=(2_000, 4, 2)) + 5 * labels[:, None, None]
    how = replace(trained(), dataset=of_examples(x.astype("float32"), labels))
    rare = 0.05 + 0.2 * how.dataset.test.labels
    found = verdict.judged(np.stack([1 - rare, rare], axis=1), how)["verdict"]
    assert not found["learned"]
    assert re.search(rf"{MAJORITY} 0\.9\d+; {VALUES} has [01]\.\d+$", found["sentence"])


def test_a_network_that_still_improves_on_validation_does_not_overfit() -> None:
    rows: list[Row] = [
        {"epoch": 1, "loss": 1.1, "accuracy": 0.34, "val_loss": 1.09, "val_accuracy": 0.33},
        {"epoch": 2, "loss": 0.9, "accuracy": 0.37, "val_loss": 1.07, "val_accuracy": 0.36},
    ]
    found = causes(trained(rows), 600, apart=True, simple={})
    assert any("the last epoch was the best one" in cause for cause in found)
    assert not any("overfits" in cause for cause in found)
    rows += [{"epoch": 3, "loss": 0.8, "accuracy": 0.5, "val_loss": 1.2, "val_accuracy": 0.33}]
    over = replace(trained(rows), best_epoch=2)
    assert any("overfits" in cause for cause in causes(over, 600, apart=True, simple={}))


@pytest.mark.parametrize(("name", "keys"), [("rnn", "model.name=lstm model."), ("gru", "model.")])
def test_a_gated_network_is_not_advised_to_be_one(name: str, keys: str) -> None:
    labels = np.random.default_rng(0).integers(0, 3, 600)
    x = np.random.default_rng(1).normal(size=(600, 60, 2)).astype("float32")
    model = SimpleNamespace(name=name, memory_steps=None)
    config = SimpleNamespace(model=model, dataset=SimpleNamespace(tokens=None))
    how = replace(trained(STUCK), dataset=of_examples(x, labels, 3), config=config)
    assert f"in 60 steps (`{keys}memory_steps=60`)" in "; ".join(causes(how, 600, False, {}))
