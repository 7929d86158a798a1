"""What a report says, from files alone; `test_page.py` looks at it in a browser."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain import report
from seqtrain.display.escape import cell
from seqtrain.errors import RunError
from seqtrain.evaluation import classification_metrics
from seqtrain.report.mistake_sections import read_mistakes
from seqtrain.runs.run import Run
from tests.conftest import Outcome
from tests.factories.reported import (
    HOSTILE,
    hostile_run,
    insightful_run,
    reported_run,
    scored,
    seeds_of_one,
    write_mistakes,
)
from tests.factories.runs import config, finished_run


class Words(HTMLParser):
    """The text of a page as a person reads it, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.hidden = "", 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += f"{data} "


def page(*runs: Run) -> str:
    file = runs[0].folder / "report.html"
    report.write(runs, file)
    return file.read_text(encoding="utf-8")


def without_scripts(html: str) -> str:
    return re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def words(html: str) -> str:
    reader = Words()
    reader.feed(html)
    return re.sub(r"\s+", " ", reader.text)


def headings(html: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", html)


def test_a_report_has_its_sections_in_order(tmp_path: Path) -> None:
    assert headings(page(reported_run(tmp_path, classes=2))) == [
        *("Summary", "Scores", "Curves", "Mistakes", "Probabilities", "Classes"),
        *("Config", "Environment"),
    ]


@pytest.mark.parametrize(
    ("missing", "left_out"),
    [
        ("metrics.json", {"Scores", "Classes"}),
        ("predictions.npz", {"Mistakes", "Classes", "Probabilities"}),
        ("environment.json", {"Environment"}),
        ("mistakes.csv", set()),
    ],
)
def test_what_a_run_has_no_file_for_is_left_out(
    missing: str, left_out: set[str], tmp_path: Path
) -> None:
    run = reported_run(tmp_path, classes=2)
    whole = headings(page(run))
    (run.folder / missing).unlink()
    assert set(whole) - set(headings(page(run))) == left_out


def test_the_summary_says_what_came_out(tmp_path: Path) -> None:
    run = scored(reported_run(tmp_path), test_accuracy=0.25)
    told = words(page(run))
    assert "lstm with 1,234 parameters was trained on digits for 3 epochs" in told
    assert "epoch 2 was kept as the best by val_loss" in told
    assert "Its accuracy is 25.0 % (95 % interval 20.0 % to 40.0 %) on 60 test examples." in told


def test_the_summary_ends_with_the_verdict(tmp_path: Path) -> None:
    found = {"learned": False, "sentence": "it learned little", "causes": ["few steps", "more"]}
    told = words(page(scored(reported_run(tmp_path), verdict=found)))
    assert "test examples. It learned little. Few steps. More." in told


def of_numbers(tmp_path: Path) -> Run:
    """A finished run whose labels are numbers."""
    run = Run.create(tmp_path, config(dataset="{name: adding}"))
    run.write_history(
        [
            {
                "epoch": 1,
                "loss": 2.0,
                "mae": 1.25,
                "val_loss": 2.0,
                "val_mae": 1.25,
                "learning_rate": 1,
            }
        ]
    )
    run.write_json("target.json", {"mean": 0.0, "std": 1.0, "tolerance": None})
    run.write_predictions(np.array([1.0, 2.0]), np.array([1.5, 1.0]))
    run.write_metrics(
        {"test_mae": 1.25, "test_loss": 2.0, "parameters": 3, "best_epoch": 1, "last_epoch": {}}
    )
    return run


def test_errors_are_told_in_their_unit(tmp_path: Path) -> None:
    run = of_numbers(tmp_path)
    run.write_predictions(np.ones(60), np.ones(60))
    run.write_metrics(
        {"test_mae": 1.25, "test_loss": 2.0, "intervals": {"test_mae": [1, 2]}, "last_epoch": {}}
    )
    assert "Its mae is 1.2500 (95 % interval 1.0000 to 2.0000) on 60 test examples." in words(
        page(run)
    )


def test_a_run_that_is_cut_short_is_told_as_unfinished(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    assert "It has not finished its 20 epochs yet; the best so far has val_loss 0.4" in words(
        page(run)
    )


def test_a_score_chosen_on_test_is_called_optimistic(tmp_path: Path) -> None:
    run = reported_run(tmp_path, **{"dataset.validation": "test"})
    assert "optimistic because they chose the epoch" in words(page(run))


def test_scores_stand_beside_those_of_the_last_epoch_and_the_baselines(tmp_path: Path) -> None:
    told = words(page(scored(reported_run(tmp_path), test_accuracy=0.25)))
    assert "0.2500 0.2000 – 0.4000" in told
    assert "after its last epoch, 3 0.3000" in told
    assert "majority class 0.1000" in told


def test_every_epoch_stands_in_a_table(tmp_path: Path) -> None:
    told = words(page(reported_run(tmp_path)))
    assert "epoch loss accuracy val loss val accuracy learning rate 1 1.0000 0.5000" in told


def test_charts_hold_the_history(tmp_path: Path) -> None:
    html = page(reported_run(tmp_path, classes=2))
    charts = charts_of(html)
    assert list(charts) == [
        *("Loss", "Accuracy", "Learning rate"),
        *("Calibration", "ROC", "Precision and recall of class 1"),
    ]
    validation, train = charts["Loss"]["lines"]
    np.testing.assert_allclose(validation["points"], [[1, 0.5], [2, 0.4], [3, 0.5]])
    np.testing.assert_allclose(train["points"], [[1, 1], [2, 1 / 2], [3, 1 / 3]])
    assert validation["mark"] == {"at": [2, 0.4], "text": "best epoch 2"}


def charts_of(html: str) -> dict[str, Mapping[str, Any]]:
    specs = re.findall(r'<script type="application/json">(.*?)</script>', html)
    return {spec["title"]: spec for spec in map(json.loads, specs)}


def test_the_calibration_is_that_of_the_calibration_error(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    run.write_predictions(
        np.array([0, 0, 0, 1]), np.array([[0.7, 0.2, 0.1], [0.3, 0.7, 0], [1, 0, 0], [0, 1, 0]])
    )
    _, line = charts_of(page(run))["Calibration"]["lines"]
    np.testing.assert_allclose(line["points"], [[0.7, 0.5], [1, 1]])


def test_a_class_that_looks_like_a_formula_keeps_its_mistakes(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    run.write_json("classes.json", ["=1+1", "class 1", "class 2"])
    text = "example,truth,prediction,confidence\n7,'=1+1,class 1,0.9\n"
    run.write_text("mistakes.csv", text)
    html = page(run)
    assert '<tr data-cell="0-1"><td>7</td><td class="name">=1+1</td>' in html


def test_a_text_that_looks_like_a_formula_is_shown_as_it_was_written(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    texts = ["@name hi", "'@quoted", "-1 stars", "'tis"]
    rows = "".join(f"7,{cell(text)},class 0,class 1,0.9\n" for text in texts)
    run.write_text("mistakes.csv", f"example,text,truth,prediction,confidence\n{rows}")
    assert [mistake.text for mistake in read_mistakes(run)] == texts


def test_numbers_are_drawn_against_what_is_true(tmp_path: Path) -> None:
    run = of_numbers(tmp_path)
    right, cloud = charts_of(page(run))["Predicted against true"]["lines"]
    assert cloud["points"] == [[1.0, 1.5], [2.0, 1.0]]
    assert right["points"] == [[1.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize("text", ["", "a <b>text</b>"])
def test_numbers_that_are_farthest_off_stand_in_a_table(text: str, tmp_path: Path) -> None:
    run = of_numbers(tmp_path)
    column = "text," if text else ""
    rows = f"2,{text},2,1,-1\n1,{text},1,1.5,0.5\n" if text else "2,2,1,-1\n1,1,1.5,0.5\n"
    run.write_text("mistakes.csv", f"example,{column}truth,prediction,error\n{rows}")
    html = without_scripts(page(run))
    assert f"2 {text} 2 1 -1.0000 1 {text} 1 1.5 0.5000".replace("  ", " ") in (words(html))
    assert "<b>text" not in html


def test_several_runs_lie_over_one_another(tmp_path: Path) -> None:
    runs = [reported_run(tmp_path, name=name) for name in ("first", "second")]
    html = page(*runs)
    names = [line["name"] for line in charts_of(html)["Accuracy"]["lines"]]
    assert names == ["first, validation", "first, train", "second, validation", "second, train"]
    assert html.count('<table class="matrix') == 2
    assert words(html).count("majority class") == 2  # once for both: as dot, and as row


def test_baselines_of_other_data_say_for_which_run_they_stand(tmp_path: Path) -> None:
    runs = [reported_run(tmp_path, name=name) for name in ("first", "second")]
    scored(runs[1], baselines={"majority class": {"test_accuracy": 0.2}})
    told = words(page(*runs))
    assert "majority class, of second 0.2000" in told
    assert "majority class, of first 0.1000" in told


def test_seeds_are_one_story_and_one_curve(tmp_path: Path) -> None:
    runs = seeds_of_one(tmp_path)
    for run, accuracy in zip(runs, (0.5, 0.6, 0.7), strict=True):
        scored(run, test_accuracy=accuracy, verdict={"learned": True, "sentence": "", "causes": []})
    runs[0].write_history(runs[0].history()[:2])
    html = page(*runs)
    told = words(html)
    assert "was trained from 3 seeds on digits for 2 to 3 epochs" in told
    assert "Their accuracy is 60.0 % ± 10.0 % on 60 test examples. All of them have learned" in told
    lines = charts_of(html)["Loss"]["lines"]
    assert [line["faint"] for line in lines] == [False, True, True, True] * 2
    assert {line["name"] for line in lines} == {
        "validation, mean of 3 seeds",
        "train, mean of 3 seeds",
    }
    assert len(lines[0]["points"]) == 2  # as many epochs as each seed has
    assert "quickstart, mean of 3 seeds" in told
    assert "<h1>quickstart, 3 seeds</h1>" in html


def test_a_seed_that_has_not_learned_is_named(tmp_path: Path) -> None:
    runs = seeds_of_one(tmp_path)
    poor = {"learned": False, "sentence": "it learned nothing", "causes": []}
    scored(runs[1], verdict=poor)
    told = words(page(*runs))
    assert "Seed 1: it learned nothing." in told
    assert "All of them have learned" not in told


def test_the_confusion_matrix_leads_to_its_mistakes(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    html = page(run)
    labels, probabilities = run.predictions()
    matrix = classification_metrics.confusion_matrix(labels, probabilities)
    for (true, predicted), count in np.ndenumerate(matrix):
        rows = html.count(f'<tr data-cell="{true}-{predicted}">')
        assert rows == (0 if true == predicted else count)
        assert (f'data-cell="{true}-{predicted}" aria-pressed' in html) == (rows > 0)


def test_a_page_holds_some_mistakes_of_each_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtrain.report.mistake_sections.MOST_OF_A_CELL", 2)
    html = page(reported_run(tmp_path))
    assert html.count("<tr data-cell=") == 12
    assert "12 of them are on this page" in words(html)


def test_each_cell_that_can_be_clicked_has_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtrain.report.mistake_sections.MOST_MISTAKES", 1)
    html = page(reported_run(tmp_path))
    buttons = re.findall(r'<button type="button" data-cell="([\d-]+)"', html)
    assert sorted(re.findall(r'<tr data-cell="([\d-]+)"', html)) == sorted(buttons)


def test_precision_is_of_the_class_that_each_run_has(tmp_path: Path) -> None:
    runs = [reported_run(tmp_path, classes=2, name=name) for name in ("first", "second")]
    runs[1].write_json("classes.json", ["no", "yes"])
    write_mistakes(runs[1])
    lines = charts_of(page(*runs))["Precision and recall"]["lines"]
    assert [line["name"] for line in lines] == ["first, class 1", "second, yes"]


def test_long_texts_are_cut(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    write_mistakes(run, "x" * 5000)
    html = page(run)
    assert "x" * 600 + "…" in html
    assert "x" * 601 not in html


def test_the_config_and_the_commands_can_be_copied(tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    told = words(page(run))
    assert "seqtrain train 'a b.yaml'" in told
    assert f"seqtrain train {run.folder}/config.yaml" in told
    assert "learning_rate: 0.003" in told


def test_nothing_that_a_person_named_is_markup(tmp_path: Path) -> None:
    run = hostile_run(tmp_path)
    html = without_scripts(page(run))
    assert "<img" not in html
    assert "onerror=alert(1)&gt;&lt;/script&gt;" in html
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", html.replace("\t", ""))
    assert "\\x1b[31m\\u202e" in words(html)


def test_only_the_scripts_of_the_page_may_run(tmp_path: Path) -> None:
    html = page(reported_run(tmp_path))
    policy = re.search(r'Content-Security-Policy"\s+content="(.*?)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src( 'sha256-[\w+/=]{44}'){2}$", policy[1])


def test_a_page_names_nothing_that_a_browser_would_fetch(tmp_path: Path) -> None:
    html = without_scripts(page(reported_run(tmp_path)))
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!["']|#|data:,)""", html)
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.parametrize(
    "content",
    ["example,truth\n1,a,b\n", "example,truth,prediction,confidence\n1,a\n", "example\n1\n"],
)
def test_damaged_mistakes_are_an_error(content: str, tmp_path: Path) -> None:
    run = reported_run(tmp_path)
    (run.folder / "mistakes.csv").write_text(content)
    with pytest.raises(RunError, match=r"mistakes\.csv is damaged"):
        page(run)


def test_a_run_without_an_epoch_has_no_report(seqtrain: Callable[..., Outcome]) -> None:
    run = finished_run(Path("outputs"))
    (run.folder / "history.csv").unlink()
    outcome = seqtrain("report")
    assert outcome.exit_code == 2
    assert "nothing to show: no epoch was finished" in outcome.stderr
    assert not (run.folder / "report.html").exists()


@pytest.mark.parametrize(
    ("names", "arguments", "file"),
    [
        (["a"], [], "outputs/a/*/report.html"),
        (["a", "b"], ["a"], "outputs/a/*/report.html"),
        (["a", "b"], ["a", "b"], "outputs/report.html"),
        (["a"], ["--to", "new/page.html"], "new/page.html"),
    ],
)
def test_report_prints_where_the_page_is(
    names: list[str], arguments: list[str], file: str, seqtrain: Callable[..., Outcome]
) -> None:
    for name in names:
        reported_run(Path("outputs"), name=name)
    outcome = seqtrain("report", *arguments)
    assert outcome.exit_code == 0
    (written,) = Path.cwd().glob(file)
    assert Path(outcome.stdout.strip()).resolve() == written


def test_a_report_needs_no_framework(tmp_path: Path) -> None:
    """In a separate process, because imports of other tests would count."""
    run = reported_run(tmp_path)
    script = (
        "import sys; from pathlib import Path; from seqtrain import report; "
        "from seqtrain.runs.run import Run; run = Run(Path(sys.argv[1])); "
        "report.write([run], run.folder / 'report.html'); "
        "assert not {'tensorflow', 'keras', 'jax', 'matplotlib'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", script, run.folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_gradients_that_were_measured_are_drawn(tmp_path: Path) -> None:
    charts = charts_of(page(insightful_run(tmp_path)))
    for title in ("Gradient at the start", "Gradient after training"):
        (line,) = charts[title]["lines"]
        assert line["name"] == "quickstart, h(t)"
        assert line["points"] == [[-1, 1e-9], [0, 0.5]]  # a logarithm has no 0
        assert charts[title]["log"]
    told = words(page(insightful_run(tmp_path / "other")))
    assert "quickstart, at the start: the gradient is not finite." in told


def test_gradients_that_are_0_are_told_and_not_drawn(tmp_path: Path) -> None:
    """As of a network beside a linear one, whose last layer begins with zeros."""
    run = insightful_run(tmp_path)
    start, trained = run.read_json("gradients.json", list)
    start = {**start, "warning": None, "states": [start["states"][0] | {"norms": [0.0, 0.0]}]}
    run.write_json("gradients.json", [start, trained])
    assert "Gradient at the start" not in charts_of(page(run))
    assert "Gradient after training" in charts_of(page(run))
    told = words(page(run))
    reason = "as the layer that reads them begins at 0"
    assert f"quickstart, at the start: no gradient reaches the states, {reason}." in told
    assert "after training: no gradient" not in told


def test_an_explained_example_is_read_on_colours(tmp_path: Path) -> None:
    html = without_scripts(page(insightful_run(tmp_path)))
    assert re.search(r'<span title="then 60.0%">dull</span>', html)
    assert re.search(r'<span class="for" style="--share: 1.000" [^>]*>great</span>', html)
    assert "&lt;start&gt;" in html
    assert html.index("Read forward") < html.index("Read backward")
    assert "<img" not in html


def test_attention_is_drawn_below_the_probability_of_an_explained_example(tmp_path: Path) -> None:
    run = insightful_run(tmp_path)
    found = run.read_json("explained/a.json", dict)
    title = f"Probability of {HOSTILE}"
    assert len(charts_of(page(run))[title]["lines"]) == 2
    run.write_json("explained/a.json", {**found, "attention": [0.1, 0.2, 0.7]})
    *_, line = charts_of(page(run))[title]["lines"]
    assert (line["name"], line["points"]) == ("attention", [[1, 0.1], [2, 0.2], [3, 0.7]])


def test_of_many_classes_the_pairs_come_first_and_the_largest_class_leads(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=30)
    labels = np.array([7] * 40 + [3] * 20)
    predicted = np.array([7] * 30 + [8] * 10 + [3] * 20)
    run.write_predictions(labels, np.eye(30, dtype=np.float32)[predicted])
    write_mistakes(run)
    html = page(run)
    assert "class 7 class 8 10 25.0%" in words(html)
    assert "The confusion matrix of all 30 classes, the largest first" in html
    assert re.findall(r'<th scope="row" title="(.*?)"', html)[:2] == ["class 7", "class 3"]
    assert html.count('data-cell="7-8"') == 2 + 10  # the pair, the cell, and its mistakes


def test_a_baseline_that_saw_fewer_rows_says_so(tmp_path: Path) -> None:
    found = {"majority class": 5879, "logistic regression": 1518}
    baselines = {name: {"test_accuracy": 0.3, "trained_on": rows} for name, rows in found.items()}
    html = page(scored(reported_run(tmp_path), baselines=baselines))
    assert "logistic regression on 1,518 of 5,879 rows" in html
    assert "majority class on" not in html


def test_a_run_is_judged_by_the_score_of_its_verdict(tmp_path: Path) -> None:
    verdict = {"learned": True, "sentence": "it beats all", "causes": [], "judged_by": ["macro_f1"]}
    warnings = {"warnings": ["it is seldom right"], "advice": ["go on"]}
    html = page(scored(reported_run(tmp_path), verdict=verdict | warnings))
    assert "Its macro F1 is" in words(html)
    assert "It is seldom right. Go on." in words(html)
