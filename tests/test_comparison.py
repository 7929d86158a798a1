"""Comparisons of runs, read from their files."""

import csv
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqtrain.comparison import run_table
from seqtrain.comparison.run_rows import more_is_better, rows
from seqtrain.comparison.run_table import format_seeds
from seqtrain.report import scores
from seqtrain.runs.run import Run
from tests.conftest import Outcome
from tests.factories.runs import EXAMPLES, config, finished, write_results

Seqtrain = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name runs of one second in the order in which they are made."""
    numbers = itertools.count()
    monkeypatch.setattr("secrets.token_hex", lambda _: f"{next(numbers):04x}")


def seeds(*rights: int, **overrides: object) -> list[Run]:
    """A group of finished seeds; none is finished for a negative number."""
    configs = [config(seed=seed, **overrides) for seed in range(len(rights))]
    runs = Run.create_seeds(Path("outputs"), configs)
    return [
        write_results(run, right) if right >= 0 else run
        for run, right in zip(runs, rights, strict=True)
    ]


def compared(seqtrain: Seqtrain, *arguments: object) -> list[dict[str, Any]]:
    outcome = seqtrain("compare", *arguments, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    return list(json.loads(outcome.stdout))


def table(seqtrain: Seqtrain, *arguments: object) -> list[dict[str, str]]:
    """The Markdown table that is printed, as its cells by column."""
    lines = seqtrain("compare", *arguments, "--format", "markdown").stdout.splitlines()
    cells = [[c.strip() for c in line[1:-1].split("|")] for line in lines if line[:1] == "|"]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_only_keys_that_differ_are_shown(seqtrain: Seqtrain) -> None:
    finished()
    finished(**{"model.name": "gru", "training.early_stopping": "{patience: 2}"})
    first, second = table(seqtrain)
    assert (first["model.name"], second["model.name"]) == ("lstm", "gru")
    assert (first["training.early_stopping"], second["training.early_stopping"]) == (
        "",
        '{"patience": 2, "min_delta": 0.0}',
    )
    assert not {"name", "seed", "model.units", "dataset.name"} & set(first)


def test_a_key_that_only_one_dataset_has_is_no_difference(seqtrain: Seqtrain) -> None:
    finished()
    imdb = {"dataset": "{name: imdb, max_length: 60}", "model.embedding_dim": 8}
    finished(sha256="b" * 64, **imdb)
    first, second = table(seqtrain)
    assert (first["dataset.name"], second["dataset.name"]) == ("digits", "imdb")
    assert not {"dataset.vocabulary_size", "dataset.max_length"} & set(first)


def test_a_row_holds_what_a_run_reached(seqtrain: Seqtrain) -> None:
    finished(150)
    (row,) = table(seqtrain)
    assert row["val_accuracy"] == "0.7500"
    assert row["test_accuracy"] == "0.7500 [0.6900, 0.8000]"
    assert (row["parameters"], row["seconds"], row["best / epochs"]) == ("1,234", "3.5", "1 / 2")


def test_runs_that_differ_in_the_seed_alone_are_one_row(seqtrain: Seqtrain) -> None:
    seeds(150, 160, 140)
    finished(170, seed=7)
    (row,) = compared(seqtrain)
    shares = [0.75, 0.8, 0.7, 0.85]
    assert row["seeds"] == 4
    assert row["scores"]["test_accuracy"] == {
        "mean": pytest.approx(fmean(shares)),
        "sd": pytest.approx(stdev(shares)),
        "interval": None,
    }
    assert len(row["folders"]) == 4
    assert table(seqtrain)[0]["test_accuracy"] == "0.7750 ± 0.0645"


def test_seeds_can_be_unfolded(seqtrain: Seqtrain) -> None:
    seeds(150, 160)
    found = table(seqtrain, "--unfold")
    assert [row["seed"] for row in found] == ["0", "1"]
    assert found[1]["run"].endswith("-seeds/seed-1")


def test_a_seed_that_was_run_twice_counts_once(seqtrain: Seqtrain) -> None:
    finished(150)
    finished(150)
    (row,) = compared(seqtrain)
    assert row["seeds"] == 1
    assert "1 left out: same config and seed" in seqtrain("compare").stdout


def test_the_same_config_on_other_data_is_another_row(seqtrain: Seqtrain) -> None:
    finished(150)
    finished(150, sha256="b" * 64, seed=1)
    assert len(compared(seqtrain)) == 2
    assert "no p between runs on different data" in seqtrain("compare").stdout


def test_a_group_that_trains_shows_how_far_it_is(seqtrain: Seqtrain) -> None:
    seeds(150, 160, -1)
    (row,) = compared(seqtrain)
    assert row["state"] == "2 of 3 finished"
    assert row["seeds"] == 2
    assert row["scores"]["test_accuracy"]["mean"] == pytest.approx(0.775)


def test_an_unfinished_run_shows_its_best_epoch_so_far(seqtrain: Seqtrain) -> None:
    run = finished(150)
    (run.folder / "metrics.json").unlink()
    (row,) = table(seqtrain)
    assert row["state"] == "unfinished"
    assert row["val_accuracy"] == "0.7500"
    assert "test_accuracy" not in row


@pytest.mark.parametrize(
    "name", ["config.yaml", "metrics.json", "history.csv", "timing.csv", "environment.json"]
)
def test_a_damaged_run_is_shown_as_damaged(name: str, seqtrain: Seqtrain) -> None:
    finished(150)
    damaged = finished(160, seed=1)
    (damaged.folder / name).write_bytes(b"\x00")
    states = [row["state"] for row in compared(seqtrain)]
    assert states == ["finished", "damaged"]


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5_000, "1e999", "NaN", "-1"])
@pytest.mark.parametrize("key", ["parameters", "test_accuracy", "intervals"])
def test_a_number_without_sense_damages_the_run_alone(
    key: str, number: str, seqtrain: Seqtrain
) -> None:
    finished(150)
    damaged = finished(160, seed=1)
    file = damaged.folder / "metrics.json"
    metrics = json.loads(file.read_text(encoding="utf-8"))
    value = {"test_accuracy": ["here", 1]} if key == "intervals" else "here"
    text = json.dumps(metrics | {key: value}).replace('"here"', number)
    file.write_text(text, encoding="utf-8")
    assert [row["state"] for row in compared(seqtrain)][0] == "finished"


@pytest.mark.parametrize("number", ["inf", "nan", "1e999", "9" * 5_000])
@pytest.mark.parametrize(
    ("name", "key"), [("history.csv", "val_accuracy"), ("timing.csv", "seconds")]
)
def test_a_number_of_a_table_may_be_infinite(
    name: str, key: str, number: str, seqtrain: Seqtrain
) -> None:
    finished(150)
    run = finished(160, seed=1)
    rows = [row | {key: float(number)} for row in run.read_table(name)]
    run.write_table(name, rows)
    for form in ("table", "markdown", "csv", "json"):
        assert seqtrain("compare", "--format", form).exit_code == 0


def test_a_loss_that_no_training_has_is_no_division_by_zero(seqtrain: Seqtrain) -> None:
    run = finished(150)
    table = run.read_table("history.csv")
    run.write_table("history.csv", [row | {"val_loss": -1.0} for row in table])
    assert [row["state"] for row in compared(seqtrain)] == ["finished"]


def test_a_run_that_was_chosen_on_test_is_called_optimistic(seqtrain: Seqtrain) -> None:
    finished(150, **{"dataset.validation": "test"})
    assert table(seqtrain)[0]["state"] == "finished, optimistic"
    assert (
        "optimistic: the best epoch was chosen on the test examples" in seqtrain("compare").stdout
    )


def test_two_runs_are_paired_on_the_same_examples(seqtrain: Seqtrain) -> None:
    finished(150)
    finished(160, **{"model.name": "gru"})
    first, second = compared(seqtrain)
    assert second["tested"] is None  # it is the best on validation
    assert first["tested"]["test"] == "McNemar"
    assert first["tested"]["p"] == pytest.approx(2 * 0.5**10)
    assert [row["p"] for row in table(seqtrain)] == ["0.002", "best"]


def measured_too(run: Run, macro_f1: float) -> Run:
    """A run with macro F1 in its metrics, which runs of older versions lack."""
    run.write_metrics({**run.metrics(), "test_macro_f1": macro_f1, "test_balanced_accuracy": 0.6})
    return run


WEIGHED = {"training.class_weight": "balanced"}


def test_macro_f1_stands_beside_the_accuracy(seqtrain: Seqtrain) -> None:
    measured_too(finished(150), 0.74)
    (row,) = table(seqtrain)
    assert (row["test_macro_f1"], row["test_balanced_accuracy"]) == ("0.7400", "0.6000")


def test_where_classes_are_weighed_macro_f1_is_tested(seqtrain: Seqtrain) -> None:
    measured_too(finished(150, **WEIGHED), 0.74)
    measured_too(finished(120), 0.6)
    _, second = compared(seqtrain)
    assert second["tested"]["test"] == "bootstrap"
    assert second["tested"]["p"] < 0.05
    assert "a bootstrap of macro F1" in seqtrain("compare").stdout


def test_runs_without_macro_f1_are_tested_by_their_accuracy(seqtrain: Seqtrain) -> None:
    measured_too(finished(150, **WEIGHED), 0.74)
    finished(120)
    assert compared(seqtrain)[1]["tested"]["test"] == "McNemar"


def test_the_best_is_chosen_by_macro_f1_where_validation_measured_it(seqtrain: Seqtrain) -> None:
    for right, macro_f1 in ((150, 0.3), (120, 0.8)):
        run = measured_too(finished(right, **WEIGHED, **{"model.units": right}), 0.5)
        run.write_history([{**row, "val_macro_f1": macro_f1} for row in run.history()])
    first, second = compared(seqtrain)
    assert second["tested"] is None
    assert first["tested"]["against"] == second["run"]


def test_the_largest_macro_f1_comes_first(seqtrain: Seqtrain) -> None:
    for right, macro_f1 in ((150, 0.3), (120, 0.8)):
        measured_too(finished(right, **{"model.units": right}), macro_f1)
    found = table(seqtrain, "--sort", "test_macro_f1")
    assert [row["model.units"] for row in found] == ["[120]", "[150]"]


@pytest.mark.parametrize("why", ["labels", "split"])
def test_other_test_examples_cannot_be_paired(why: str, seqtrain: Seqtrain) -> None:
    finished(150)
    split = {"dataset.split_seed": 1} if why == "split" else {"model.units": 8}
    other = Run.create(Path("outputs"), config(**split))
    labels = np.ones(EXAMPLES, int) if why == "labels" else None
    write_results(other, 160, labels=labels)
    tested = compared(seqtrain)[0]["tested"]
    assert (tested["p"], tested["reason"]) == (None, "other test examples")
    assert "no p: other test examples" in seqtrain("compare").stdout


def test_numbers_are_paired_by_which_is_nearer(seqtrain: Seqtrain) -> None:
    labels = np.linspace(0, 1, 8)
    for error, name in [(0.5, "lstm"), (0.1, "gru")]:
        run = finished(**{"dataset": "{name: adding}", "model.name": name})
        run.write_history([{"epoch": 1, "val_loss": error, "val_mae": error}])
        run.write_predictions(labels, labels + error)
        run.write_json("target.json", {"mean": 0.5, "std": 1.0})
        scores = {"test_loss": error**2, "test_mae": error, "test_rmse": error}
        run.write_metrics({**scores, "parameters": 9})
    first, second = compared(seqtrain)
    assert (first["tested"]["test"], first["tested"]["p"]) == ("sign", 2 / 2**8)
    assert second["tested"] is None


def test_several_seeds_are_tested_over_seeds(seqtrain: Seqtrain) -> None:
    seeds(150, 152, 154)
    seeds(160, 164, 168, **{"model.name": "gru"})
    first, second = compared(seqtrain)
    assert first["tested"]["test"] == "Welch"
    assert 0.001 < first["tested"]["p"] < 0.05
    assert second["tested"] is None


def test_one_seed_is_not_tested_against_several(seqtrain: Seqtrain) -> None:
    finished(150)
    seeds(160, 164, **{"model.name": "gru"})
    assert "one seed cannot be tested against several" in seqtrain("compare").stdout


def test_rows_come_in_the_order_of_a_column(seqtrain: Seqtrain) -> None:
    for right, name in [(150, "lstm"), (170, "gru"), (160, "rnn")]:
        finished(right, **{"model.name": name})

    def order(*arguments: str) -> list[str]:
        return [row["config"]["model.name"] for row in compared(seqtrain, *arguments)]

    assert order() == ["lstm", "gru", "rnn"]
    assert order("--sort", "test_accuracy") == ["gru", "rnn", "lstm"]
    assert order("--sort", "test_loss") == ["gru", "rnn", "lstm"]
    assert order("--sort", "model.name") == ["gru", "lstm", "rnn"]


@pytest.mark.parametrize("column", ["test_wrong", "test_loss", "test_loss_low", "test_loss_sd"])
def test_the_smallest_error_comes_first(column: str) -> None:
    assert not more_is_better(column)


def test_the_largest_score_comes_first() -> None:
    for column in ("test_accuracy", "val_accuracy", "test_accuracy_high", "test_roc_auc"):
        assert more_is_better(column)
    assert not more_is_better("test_accuracy_sd")
    assert not more_is_better("seconds")


def test_by_p_the_best_comes_first_and_then_what_differs_from_it_least(seqtrain: Seqtrain) -> None:
    for right, name in [(120, "rnn"), (150, "lstm"), (160, "gru")]:
        finished(right, **{"model.name": name})
    found = compared(seqtrain, "--sort", "p")
    assert [row["config"]["model.name"] for row in found] == ["gru", "lstm", "rnn"]


def in_numbers(*errors: float, **overrides: object) -> list[Run]:
    """A group of finished seeds on data of the hash of `seeds`, whose labels are numbers."""
    runs = seeds(*[100] * len(errors), dataset="{name: adding}", **overrides)
    for run, error in zip(runs, errors, strict=True):
        scores = {"test_loss": error, "test_mae": error, "test_wrong": 3, "parameters": 3}
        run.write_metrics({**scores, "optimistic": False})
        run.write_history([{"epoch": 1, "val_loss": error, "val_mae": error}])
    return runs


def test_what_is_judged_by_another_score_is_not_tested(seqtrain: Seqtrain) -> None:
    seeds(150, 160)
    in_numbers(1.0, 1.25, **{"model.units": 8})
    in_numbers(2.0, 2.25, **{"model.units": 4})
    classes, best, worse = compared(seqtrain)
    assert classes["tested"] is best["tested"] is None
    assert worse["tested"]["test"] == "Welch"
    assert table(seqtrain)[1]["test_wrong"] == "3.0000 ± 0.0000"


def test_a_count_of_one_run_is_a_whole_number(seqtrain: Seqtrain) -> None:
    in_numbers(1.0)
    assert table(seqtrain)[0]["test_wrong"] == "3"


def test_a_run_is_named_also_from_within_its_folder(
    seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished()
    monkeypatch.chdir(run.folder)
    assert table(seqtrain, ".")[0]["run"] == run.folder.name


def test_an_unknown_column_is_told_with_those_that_are(seqtrain: Seqtrain) -> None:
    finished()
    outcome = seqtrain("compare", "--sort", "acuracy")
    assert outcome.exit_code == 2
    assert "there is no column `acuracy`" in outcome.stderr
    assert "test_accuracy" in outcome.stderr


@pytest.mark.parametrize("typed", ["accuracy", "test_acuracy", "Test_Accuracy"])
def test_a_column_that_is_nearly_there_is_told(typed: str, seqtrain: Seqtrain) -> None:
    finished(150)
    outcome = seqtrain("compare", "--sort", typed)
    assert f"there is no column `{typed}`, did you mean `test_accuracy`?" in outcome.stderr
    assert "_low" not in outcome.stderr


def test_a_table_has_columns_for_a_few_keys_and_names_the_others(seqtrain: Seqtrain) -> None:
    finished(150)
    keys = {"model.units": 8, "model.dropout": 0.5, "training.batch_size": 7}
    keys |= {"training.learning_rate": 0.5, "training.epochs": 9, "dataset.split_seed": 3}
    keys |= {"dataset.validation": 0.2}
    finished(160, **keys, **{"model.name": "gru"})
    found = compared(seqtrain)
    assert {*keys, "model.name"} == {*found[0]["config"]}
    printed = seqtrain("compare").stdout
    header = printed.splitlines()[0]
    assert header.split()[1] == "model.name"
    assert sum(name in header for name in keys) == 5
    assert "2 more keys differ, shown by `--format csv`: " in printed


def test_csv_holds_numbers_in_full(seqtrain: Seqtrain) -> None:
    seeds(150, 161)
    (line,) = csv.DictReader(io.StringIO(seqtrain("compare", "--format", "csv").stdout))
    assert float(line["test_accuracy"]) == fmean([150 / 200, 161 / 200])
    assert float(line["test_accuracy_sd"]) == stdev([150 / 200, 161 / 200])
    assert line["seeds"] == "2"


def test_without_a_run_the_newest_name_is_compared(seqtrain: Seqtrain) -> None:
    finished(name="older")
    finished(name="newer")
    seeds(150, 160, name="newer", **{"model.units": 8})
    assert [row["run"].partition("/")[0] for row in compared(seqtrain)] == ["newer", "newer"]
    assert len(compared(seqtrain, "older", "newer", "outputs/newer")) == 3
    assert len(compared(seqtrain, "outputs")) == 3


def test_folders_without_runs_are_left_out_of_several(seqtrain: Seqtrain) -> None:
    run = finished()
    run.plots.mkdir()
    Path("outputs/plots").mkdir()
    assert len(compared(seqtrain, *sorted(Path("outputs").iterdir()))) == 1
    assert "is not a run" in seqtrain("compare", "outputs/plots").stderr
    assert "does not exist" in seqtrain("compare", "outputs", "nowhere").stderr


def test_scores_of_another_task_get_columns_of_their_own(seqtrain: Seqtrain) -> None:
    finished()
    run = finished(name="numbers", sha256="b" * 64, dataset="{name: adding}")
    scores = {"test_loss": 2.5, "test_mae": 1.5, "test_rmse": 2.0, "parameters": 3}
    run.write_metrics({**scores, "optimistic": False})
    run.write_history([{"epoch": 1, "val_loss": 2.5, "val_mae": 1.25}])
    _, numbers = table(seqtrain, "outputs")
    assert numbers["test_mae"] == "1.5000"
    assert numbers["val_mae"] == "1.2500"
    assert numbers["test_accuracy"] == ""


def test_rows_are_read_from_small_files_alone(tmp_path: Path) -> None:
    run = finished()
    for name in ("predictions.npz", "classes.json"):
        (run.folder / name).unlink()
    assert rows([run])[0].state == "finished"


def test_an_evaluation_of_several_seeds_tells_their_mean() -> None:
    found = [
        {
            "run": f"outputs/a/b-seeds/seed-{seed}",
            "split": "test",
            "examples": 1000,
            "test_accuracy": score,
            "test_roc_auc": None,
            "test": {},
        }
        for seed, score in enumerate((0.5, 0.7))
    ]
    lines = format_seeds(found).splitlines()
    assert lines[0] == "outputs/a/b-seeds  test, 1,000 examples, 2 seeds"
    assert lines[2].split() == ["metric", "mean", "±", "sd", "seed-0", "seed-1"]
    assert lines[3].split() == ["accuracy", "0.6000", "0.1414", "0.5000", "0.7000"]
    assert len(lines) == 4  # what is undefined has no mean


def test_a_long_list_is_told_by_its_ends() -> None:
    names = [f"t{number}" for number in range(150)]
    row: Any = SimpleNamespace(members=[SimpleNamespace(keys={"long": names, "short": [8, 4]})])
    assert run_table._setting(row, "long") == "t0 … t149 (150 in all)"
    assert run_table._setting(row, "short") == "[8, 4]"
    row.members[0].keys["path"] = "a/" * 30 + "own.npz"
    assert run_table._setting(row, "path") == "…" + ("a/" * 30 + "own.npz")[-31:]


def test_every_test_has_words_in_tables_and_reports() -> None:
    names = {"McNemar", "bootstrap", "paired bootstrap", "sign", "Diebold–Mariano", "Welch"}
    assert {*run_table.TESTS} == {*scores.TESTS} == names
