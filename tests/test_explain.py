"""`seqtrain explain` and `seqtrain gradients` on networks that were not trained, which is fast."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.backend import execution
from seqtrain.inference import network
from seqtrain.report import interpretation_sections
from seqtrain.report.page_sections import Subject
from seqtrain.runs.run import Run
from tests.conftest import REPOSITORY, Outcome
from tests.factories.trained import saved
from tests.own import sentences, write_csv

pytestmark = pytest.mark.tf

Seqtrain = Callable[..., Outcome]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("texts")
    file = write_csv(folder / "own.csv", sentences())
    return saved(
        folder,
        f"dataset: {{name: text, path: {file}, max_length: 8}}\n"
        "model: {name: bilstm, units: [3, 2], embedding_dim: 2}",
    )


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = "dataset: {name: digits}\nmodel: {name: gru, units: 3}"
    return saved(tmp_path_factory.mktemp("digits"), config)


TEXT = "A <b>warm</b> film & unseen wonderlands, deep"


def test_a_text_is_explained_in_columns(texts: Run, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("explain", texts.folder, TEXT)
    assert outcome.exit_code == 0, outcome.stderr
    assert "\x1b" not in outcome.stdout
    rows = [line.split() for line in outcome.stdout.splitlines() if re.match(r" *\d+ ", line)]
    words = ["<start>", "a", "warm", "film", "[unseen]", "[wonderlands]", "deep"]
    assert [row[1] for row in rows] == words
    assert len(rows[0]) == len(rows[-1]) == 5  # nothing was read before, in one of the directions
    assert len(rows[1]) == 6
    assert "\n<start>: the token before the first word of every text\n" in outcome.stdout
    assert "\n[word]: not in the vocabulary" in outcome.stdout
    pictures = [Path(line) for line in outcome.stdout.splitlines()[-2:]]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert {picture.parent for picture in pictures} == {texts.plots}


def test_the_numbers_end_with_the_prediction(texts: Run, seqtrain: Seqtrain) -> None:
    """And the page that comes with them needs nothing beside it."""
    text = f"<script>alert('x')</script> {TEXT}"
    found = json.loads(seqtrain("explain", texts.folder, text, "--html", "--json").stdout)
    said = json.loads(seqtrain("predict", texts.folder, text, "--format", "jsonl").stdout)
    assert found["class"] == said["class"]
    assert found["probability"] == pytest.approx(said["probability"], abs=1e-6)
    assert found["steps"] == [
        "[alert]",
        "[x]",
        "a",
        "warm",
        "film",
        "[unseen]",
        "[wonderlands]",
        "deep",
    ]
    forward, backward = found["readings"]
    for name, p in said["probabilities"].items():
        assert forward["probabilities"][name][-1] == pytest.approx(p, abs=1e-5)
        assert backward["probabilities"][name][0] == pytest.approx(p, abs=1e-5)
    assert forward["changes"][0] is backward["changes"][-1] is None
    assert [(one["layer"], one["direction"]) for one in found["gates"]] == [
        (layer, way) for layer in (1, 2) for way in ("forward", "backward")
    ]
    assert np.shape(found["gates"][0]["forget"]) == (8, 3)
    assert np.shape(found["gates"][3]["cell"]) == (8, 2)
    html = Path(found["files"][-1]).read_text(encoding="utf-8")
    page = Page(html)
    assert "script" not in page.tags
    assert "prefers-color-scheme: dark" in html
    assert [source[:14] for source in page.loads if source != "data:,"] == ["data:image/png"] * 2
    assert len(page.tips) == 16


class Page(HTMLParser):
    """The words of a page, and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tips: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.loads += [found[key] or "" for key in ("src", "href") if key in found]
        self.tips += [found["title"] or ""] if "title" in found else []


def test_rows_of_an_image_are_explained(digits: Run, seqtrain: Seqtrain) -> None:
    options = ("--example", 3, "--format", "svg", "--to", "pictures")
    outcome = seqtrain("explain", digits.folder, *options)
    assert outcome.exit_code == 0, outcome.stderr
    assert "example 3 of test" in outcome.stdout
    assert "true class" in outcome.stdout
    names = sorted(file.name for file in Path("pictures").iterdir())
    assert names == ["explain-test-3-gates.svg", "explain-test-3.svg"]


def test_an_example_of_a_file_is_explained(seqtrain: Seqtrain) -> None:
    random = np.random.default_rng(0)
    np.savez("own.npz", x=random.normal(size=(40, 6, 2)), y=np.arange(40) % 2)
    config = "dataset: {name: arrays, path: own.npz}\nmodel: {name: birnn, units: 2}"
    run = saved(Path("."), config)
    outcome = seqtrain("explain", run.folder, "--data", "own.npz", "--example", 40, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert (found["true"], len(found["steps"])) == ("1", 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a text", "another"], "Put the text into quotes"),
        (["a text", "--example", 1], "Give a text, or the number of an example"),
        (["--example", 0], "0 is not in the range 1<=x<="),
        (["--example", 361], "test has 359 examples, so it has no example 361"),
        (["a text"], "a network trained on `digits` reads no texts"),
        (["--example", 1, "--data", "nowhere.npz"], "nowhere.npz"),
        (["a text", "--data", "own.csv"], "Give a text, or an example of --data or of --split."),
        (["a text", "--split", "test"], "Give a text, or an example of --data or of --split."),
        (["--example", 1, "--data", "a.npz", "--split", "train"], "Give --data or --split"),
    ],
)
def test_what_cannot_be_explained_is_told(
    digits: Run, seqtrain: Seqtrain, arguments: list[Any], message: str
) -> None:
    outcome = seqtrain("explain", digits.folder, *arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stdout == ""
    assert not digits.plots.exists()


def test_a_terminal_gets_colours_unless_it_wants_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.text import Text

    from seqtrain.cli import console
    from seqtrain.interpretation.explanation_text import shade

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console.show(Text("word", shade(0.5)), "word in columns")
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    console.show(Text("word", shade(0.5)), "word in columns")
    assert capsys.readouterr().out == "word in columns\n"


@pytest.fixture
def trained(tmp_path: Path) -> Run:
    """A run as a training leaves it: no command has looked into its network yet."""
    write_csv(Path("own.csv"), sentences())
    fresh = saved(
        tmp_path,
        "dataset: {name: text, path: own.csv, max_length: 8}\n"
        "model: {name: rnn, units: 2, embedding_dim: 2}\ntraining: {batch_size: 64}",
    )
    row = {"loss": 0.5, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5}
    fresh.write_history([{"epoch": 1, **row, "learning_rate": 1e-3}])
    fresh.write_text("mistakes.csv", "example,truth,prediction,confidence\n7,bad,good,0.9\n")
    return fresh


def test_the_first_report_looks_into_the_network(trained: Run, seqtrain: Seqtrain) -> None:
    outcome = seqtrain("report")
    assert outcome.exit_code == 0, outcome.stderr
    subjects = [Subject(trained, "a run", 0, "a run")]
    assert interpretation_sections.gradients(subjects)
    (found,) = interpretation_sections.explanations(trained)
    assert found["example"] == "example 7 of test"
    assert interpretation_sections.explained(subjects)
    assert outcome.stderr.count("for the report: ") == 2
    again = seqtrain("report")
    assert "for the report: " not in again.stderr


def test_a_report_goes_without_what_the_data_are_gone_for(trained: Run, seqtrain: Seqtrain) -> None:
    text = (trained.folder / "config.yaml").read_text()
    (trained.folder / "config.yaml").write_text(text.replace("own.csv", "gone.csv"))
    quick = seqtrain("report", "--quick")
    assert (quick.exit_code, quick.stderr) == (0, "")
    outcome = seqtrain("report")
    assert outcome.exit_code == 0
    for what in ("its gradients", "an example, explained"):
        assert f"the report leaves out {what}: " in outcome.stderr
    assert Path(outcome.stdout.strip()).is_file()


def test_the_gradients_of_a_run_are_drawn_beside_its_plots(digits: Run, seqtrain: Seqtrain) -> None:
    found = json.loads(seqtrain("gradients", digits.folder, "--json").stdout)
    assert [one["moment"] for one in found["networks"]] == ["start", "trained"]
    ((first,), (second,)) = (one["states"] for one in found["networks"])
    assert (first["layer"], first["direction"], first["state"]) == (1, "forward", "hidden")
    assert len(first["norms"]) == len(second["norms"]) == 8
    assert first["norms"] != second["norms"]
    assert Path(found["file"]) == digits.plots / "gradients.png"


def test_configs_and_runs_stand_side_by_side(digits: Run, seqtrain: Seqtrain) -> None:
    quickstart = REPOSITORY / "configs" / "quickstart.yaml"
    outcome = seqtrain("gradients", quickstart, digits.folder, "model.units=3")
    assert outcome.exit_code == 0, outcome.stderr
    printed, legend, file = outcome.stdout.rstrip("\n").split("\n\n")
    header, *rows = printed.splitlines()
    assert header.split()[-3:] == ["first", "/", "last"]
    assert "first / last: far below 1 the gradient vanishes" in legend
    assert [row.split()[:6] for row in rows if row] == [
        [name, moment, "1", "forward", state, "8"]
        for name, moment, states in (
            ("quickstart", "start", ("hidden", "cell")),
            ("own", "start", ("hidden",)),
            ("own", "trained", ("hidden",)),
        )
        for state in states
    ]
    assert Path(file) == Path("outputs/plots/gradients.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.name=lstm"], "Name the run or the config too: RUN, or CONFIG model.name=lstm."),
        (["{run}", "modle.unit=3"], "`modle.unit=3` changes a key of a config, but only runs are"),
    ],
)
def test_what_has_no_gradients_is_told(
    arguments: list[str], message: str, digits: Run, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("gradients", *(part.format(run=digits.folder) for part in arguments))
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert not Path("outputs").exists()


def test_configs_of_one_name_are_told_apart() -> None:
    from seqtrain.interpretation.gradient_flow import sources

    text = (REPOSITORY / "configs" / "quickstart.yaml").read_text()
    places = [Path("a/exp.yaml"), Path("b/exp.yaml")]
    for place in places:
        place.parent.mkdir()
        place.write_text(text)
    assert [one.label for one in sources(places, [], Path("outputs"))] == list(map(str, places))
    assert [one.label for one in sources(places[:1], [], Path("outputs"))] == ["exp"]


def test_several_networks_are_computed_on_the_backend_of_the_first(
    digits: Run, caplog: pytest.LogCaptureFixture
) -> None:
    execution.start(digits.config.execution, 0)
    other = digits.config.execution.model_copy(update={"backend": "jax"})
    with caplog.at_level("INFO", "seqtrain"):
        execution.start_for_inference(other, 0)
    assert "computing on tensorflow instead of jax, on which the process began" in caplog.text


def test_a_text_that_looks_like_a_formula_is_drawn_as_it_is(texts: Run) -> None:
    from seqtrain.interpretation import explanation, prefix_plots

    found = explanation.explain(texts, explanation.example_of_text(texts, "a $5 or $10 film"))
    assert prefix_plots.title(found).startswith("a $5 or $10 film\n")


def test_the_start_is_that_of_the_training(digits: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtrain.interpretation import gradient_flow, gradient_norms
    from seqtrain.training import loop

    seen: list[Any] = []
    monkeypatch.setattr(
        gradient_norms, "flows", lambda model, *rest: seen.append(model.get_weights())
    )
    monkeypatch.setattr(gradient_norms, "largest_norms", lambda *rest: np.ones(1))
    gradient_flow.measure(gradient_flow.Source("digits", digits.config), None)
    execution.start(digits.config.execution, digits.config.seed)
    trained = loop.compiled(digits.config, digits.config.dataset.load())
    for first, other in zip(seen[0], trained.get_weights(), strict=True):
        np.testing.assert_array_equal(first, other)


@pytest.fixture
def numbers() -> Run:
    random = np.random.default_rng(0)
    np.savez("own.npz", x=random.normal(size=(40, 6, 2)), y=100 + 9 * random.normal(size=40))
    config = (
        "dataset: {name: arrays, path: own.npz, task: regression}\nmodel: {name: birnn, units: 2}"
    )
    return saved(Path("."), config)


def test_a_number_is_followed_as_it_grows(numbers: Run, seqtrain: Seqtrain) -> None:
    found = json.loads(seqtrain("explain", numbers.folder, "--example", 2, "--json").stdout)
    split = numbers.config.dataset.load().test
    assert float(found["true"]) == pytest.approx(float(split.labels[1]), rel=1e-5)
    model, target = network.load_model(numbers), numbers.fitted_task.target
    for one, way in zip(found["readings"], ("forward", "backward"), strict=True):
        parts = [split.x[1:2, :n] if way == "forward" else split.x[1:2, -n:] for n in range(1, 7)]
        expected = target.in_units(np.array([float(model(part)[0, 0]) for part in parts]))
        said = one["predictions"] if way == "forward" else one["predictions"][::-1]
        np.testing.assert_allclose(said, expected, rtol=1e-5)
        whole = [change for change in one["changes"] if change is not None]
        assert sum(whole) == pytest.approx(expected[-1] - expected[0], rel=1e-4)
    assert found["prediction"] == pytest.approx(expected[-1], rel=1e-5)


def test_a_number_is_explained_in_words_on_the_page_and_in_the_report(
    numbers: Run, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("explain", numbers.folder, "--example", 1, "--html")
    assert outcome.exit_code == 0
    assert re.search(r"prediction [\d.]+, true [\d.]+\n", outcome.stdout)
    assert "change: by how much the prediction rose" in outcome.stdout
    page = next(numbers.plots.glob("explain-*.html")).read_text(encoding="utf-8")
    assert re.search(r"<h1>prediction [\d.]+, true [\d.]+</h1>", page)
    told = interpretation_sections.explained([Subject(numbers, "own", 0, "own")])
    assert told is not None
    chart = told["told"][0]["charts"][0]
    assert chart.title == "Prediction"
    assert [len(line.points) for line in chart.lines] == [6, 6]


def test_a_label_that_is_no_number_is_told(numbers: Run, seqtrain: Seqtrain) -> None:
    np.savez("given.npz", x=np.zeros((2, 6, 2)), y=np.array(["1.5", "n/a"]))
    outcome = seqtrain("explain", numbers.folder, "--data", "given.npz", "--example", 2)
    assert outcome.exit_code == 2
    assert "n/a" in outcome.stderr


def test_gradients_of_a_network_of_numbers_are_shown(numbers: Run, seqtrain: Seqtrain) -> None:
    found = json.loads(seqtrain("gradients", numbers.folder, "--json").stdout)
    assert all(np.min(one["states"][0]["norms"]) > 0 for one in found["networks"])
