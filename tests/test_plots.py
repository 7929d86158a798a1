"""Plots are drawn from files alone."""

import os
import subprocess
import sys
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from seqtrain import drawing, plots
from seqtrain.errors import DrawingError
from seqtrain.plots import base
from seqtrain.plots.base import save
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.tasks.classification import ACCURACY
from seqtrain.training import loop
from tests.conftest import drawing as real_drawing
from tests.conftest import soaked
from tests.cutting import RNN, go_on, start
from tests.factories.runs import PICTURES, config, finished_run, write_files


def texts(figure: object) -> str:
    """Everything that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(_is_text))  # type: ignore[attr-defined]


def _is_text(artist: object) -> bool:
    return hasattr(artist, "get_text") and callable(artist.get_text)


def test_a_run_gets_every_picture(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    drawn = plots.draw([run], run.plots)
    assert [file.stem for file in drawn] == PICTURES
    assert sorted(run.plots.iterdir()) == sorted(drawn)


def test_the_score_that_chose_the_epoch_is_drawn_beside_the_main_one(tmp_path: Path) -> None:
    run = finished_run(tmp_path, **{"training.monitor": "val_macro_f1"})
    rows = [{**row, "macro_f1": 0.1, "val_macro_f1": 0.2} for row in run.history()]
    run.write_history(rows)
    drawn = [file.stem for file in plots.draw([run], run.plots)]
    assert {*drawn} == {*PICTURES, "macro_f1"}


def test_two_classes_get_curves_of_the_second_too(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=2)
    drawn = [file.stem for file in plots.draw([run], run.plots)]
    assert drawn == [*PICTURES, "roc", "precision_recall"]


@pytest.mark.parametrize(
    ("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_the_same_run_gives_the_same_bytes(tmp_path: Path, suffix: str, magic: bytes) -> None:
    run = finished_run(tmp_path, classes=2)
    first, again = (plots.draw([run], tmp_path / name, suffix) for name in "ab")
    assert {file.suffix for file in first} == {f".{suffix}"}
    assert all(file.read_bytes().startswith(magic) for file in first)
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]


def test_an_interrupted_run_gets_what_it_has_files_for(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    (run.folder / "predictions.npz").unlink()
    assert [file.stem for file in plots.draw([run], run.plots)] == PICTURES[:3]


def test_a_run_without_an_epoch_gets_no_picture(tmp_path: Path) -> None:
    run = Run.create(tmp_path, config())
    assert plots.draw([run], run.plots) == []


def test_a_single_epoch_can_be_drawn(tmp_path: Path) -> None:
    run = finished_run(tmp_path, epochs=1)
    assert len(plots.draw([run], run.plots)) == len(PICTURES)


@pytest.mark.parametrize(
    ("function", "label"), [(plots.loss, "0.4000"), (partial(plots.score, ACCURACY), "0.8000")]
)
def test_the_best_epoch_is_marked(tmp_path: Path, function: plots.Plot, label: str) -> None:
    assert f"best epoch 2: {label}" in texts(function([finished_run(tmp_path)]))


def test_curves_hold_the_history(tmp_path: Path) -> None:
    figure = plots.loss([finished_run(tmp_path)])
    validation, _, train, _ = figure.axes[0].lines
    np.testing.assert_allclose(train.get_ydata(), [1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(validation.get_ydata(), [0.5, 0.4, 0.5])
    assert list(train.get_xdata()) == [1, 2, 3]


def test_several_runs_lie_over_one_another(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path, name=name) for name in ("first", "second")]
    legend = texts(plots.loss(runs))
    for name in ("first", "second"):
        assert f"{name}, validation, best epoch 2: 0.4000" in legend
    assert len(plots.confusion_matrix(runs).axes) == 3  # a panel each, and the colour bar


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path) for _ in range(2)]
    assert all(run.label in texts(plots.score(ACCURACY, runs)) for run in runs)


def several_seeds(outputs: Path, **overrides: object) -> list[Run]:
    """Three seeds, whose validation losses are 0.1 apart."""
    runs = Run.create_seeds(outputs, [config(seed=seed, **overrides) for seed in range(3)])
    for shift, run in enumerate(runs):
        rows = write_files(run, classes=2).history()
        run.write_history([{**row, "val_loss": row["val_loss"] + shift / 10} for row in rows])
    return runs


def test_seeds_are_one_line_with_a_band_from_lowest_to_highest(tmp_path: Path) -> None:
    figure = plots.loss(several_seeds(tmp_path))
    validation = figure.axes[0].lines[0]
    np.testing.assert_allclose(validation.get_ydata(), [0.6, 0.5, 0.6])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(0.4)
    assert band[:, 1].max() == pytest.approx(0.7)
    assert "best epoch 2: 0.5000 ± 0.1000" in texts(figure)
    assert "of seeds: mean, and lowest to highest" in texts(figure)


def test_seeds_of_several_configs_have_a_colour_each(tmp_path: Path) -> None:
    runs = several_seeds(tmp_path) + several_seeds(tmp_path, **{"model.name": "gru"})
    figure = plots.score(ACCURACY, runs)
    curves = [line for line in figure.axes[0].lines if line.get_linestyle() != "None"]
    assert len({line.get_color() for line in curves}) == 3  # and that of the legend
    for label in ("model.name=lstm", "model.name=gru"):
        assert label in texts(figure)


def test_seeds_end_where_the_shortest_does(tmp_path: Path) -> None:
    runs = several_seeds(tmp_path)
    runs[2].write_history(runs[2].history()[:2])
    validation = plots.loss(runs).axes[0].lines[0]
    assert list(validation.get_xdata()) == [1, 2]


def test_seeds_share_a_panel_and_a_score(tmp_path: Path) -> None:
    runs = several_seeds(tmp_path)
    figure = plots.confusion_matrix(runs)
    assert len(figure.axes) == 2  # and the colour bar
    counts = [int(text.get_text()) for text in figure.axes[0].texts]
    assert sum(counts) == 3 * 60
    for drawn in (figure, plots.roc(runs)):
        assert ", 3 seeds" in texts(drawn)
        assert " ± " in texts(drawn)


def test_a_score_chosen_on_test_is_called_optimistic(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=2, **{"dataset.validation": "test"})
    of_test = (plots.confusion_matrix, plots.calibration, plots.roc, plots.precision_recall)
    for function in (plots.loss, partial(plots.score, ACCURACY), *of_test):
        assert "optimistic" in texts(function([run]))


def test_the_calibration_is_drawn_where_there_are_examples(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=2)
    labels = np.array([0, 0, 0, 1])
    run.write_predictions(labels, np.array([[0.95, 0.05]] * 2 + [[0.65, 0.35]] * 2))
    upper, lower = plots.calibration([run]).axes
    (points,) = upper.containers
    np.testing.assert_allclose(points.lines[0].get_xdata(), [0.65, 0.95])
    np.testing.assert_allclose(points.lines[0].get_ydata(), [0.5, 1])
    heights, _, _ = lower.patches[0].get_data()
    assert sorted(heights[heights > 0]) == [0.5, 0.5]


def test_precision_is_drawn_against_recall_of_the_second_class(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=2)
    positive = np.array([0.1, 0.4, 0.35, 0.8])
    run.write_predictions(np.array([0, 0, 1, 1]), np.stack([1 - positive, positive], axis=1))
    axes = plots.precision_recall([run]).axes[0]
    assert set(zip(*axes.lines[0].get_data(), strict=True)) >= {(1, 2 / 3), (0.5, 1.0)}
    assert axes.get_xlabel() == "recall of class 1"
    assert f"average {(1 + 2 / 3) / 2:.4f}" in texts(axes.figure)


def test_many_classes_are_drawn_without_numbers(tmp_path: Path) -> None:
    assert "class 20" in texts(figure := plots.confusion_matrix([finished_run(tmp_path, 21)]))
    assert not figure.axes[0].texts


def test_many_classes_are_in_the_order_of_their_size_and_pairs_are_named(tmp_path: Path) -> None:
    run = finished_run(tmp_path, classes=30)
    labels = np.array([7] * 40 + [3] * 20)
    predicted = np.array([7] * 30 + [8] * 10 + [3] * 20)
    run.write_predictions(labels, np.eye(30, dtype=np.float32)[predicted])
    axes = plots.classification_plots.confusion_matrix([run]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["class 7", "class 3"]
    assert "class 7 taken for class 8: 10" in axes.get_xlabel()
    assert np.asarray(axes.images[0].get_array())[:2, :2].tolist() == [[0.75, 0], [0, 1]]


@pytest.mark.parametrize("classes", [10, 52, 120, 300])
def test_names_of_classes_do_not_lie_over_one_another(tmp_path: Path, classes: int) -> None:
    run = finished_run(tmp_path, classes=classes)
    run.write_json("classes.json", [f"{number} of the long names" * 3 for number in range(classes)])
    figure = plots.classification_plots.confusion_matrix([run])
    figure.draw_without_rendering()
    for labels, side in (
        (figure.axes[0].get_xticklabels(), "x"),
        (figure.axes[0].get_yticklabels(), "y"),
    ):
        ends = sorted(
            tuple(getattr(label.get_window_extent(), f"interval{side}")) for label in labels
        )
        gaps = [after[0] - before[1] for before, after in zip(ends, ends[1:], strict=False)]
        assert min(gaps) > -1.5, side  # pixels; letters are smaller than their boxes


def test_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    """In a separate process, because imports of other tests would count."""
    run = finished_run(tmp_path)
    script = f"""
import sys
from pathlib import Path
from seqtrain import plots
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
run = lookup.best(Path({str(run.folder)!r}))
plots.draw([run], run.plots)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert any(run.plots.iterdir())


STRANGE = ["👍", "好评", "ดีมาก", "good"]


def in_strange_letters(outputs: Path) -> Run:
    run = finished_run(outputs, classes=4)
    run.write_json("classes.json", STRANGE)
    return run


def saved(figure: Figure, tmp_path: Path) -> str:
    """Save a figure as `draw` does, where a warning is an error, and return its texts."""
    with drawing.styled():
        save(figure, tmp_path / "a.svg")
    return texts(figure)


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no fonts be installed but those of matplotlib."""
    monkeypatch.setattr(drawing, "_families", lambda: {})
    monkeypatch.setattr(drawing, "_known", {})


@pytest.mark.usefixtures("no_fonts")
def test_letters_that_no_font_has_are_written_out(tmp_path: Path) -> None:
    written = saved(plots.confusion_matrix([in_strange_letters(tmp_path)]), tmp_path)
    assert all(name in written for name in (":thumbs up sign:", r"\u597d\u8bc4", "good"))
    assert not set("".join(STRANGE[:3])) & set(written)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
@pytest.mark.usefixtures("no_fonts")
def test_drawing_letters_that_no_font_has_warns_of_nothing(
    suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = in_strange_letters(tmp_path)
    assert len(plots.draw([run], run.plots, suffix)) == len(PICTURES)
    printed = capfd.readouterr().err
    assert "Warning" not in printed
    assert "Glyph" not in printed


@pytest.mark.usefixtures("no_fonts")
def test_what_is_written_out_is_told_once_and_kept_short(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqtrain")
    run = in_strange_letters(tmp_path)
    run.write_json("classes.json", ["好评" * 10, "b", "c", "d"])
    written = saved(plots.confusion_matrix([run]), tmp_path)
    assert max(map(len, written.splitlines())) <= drawing.WRITTEN_OUT
    saved(plots.confusion_matrix([in_strange_letters(tmp_path)]), tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "pictures write out what no installed font draws, such as 好, 评"
    ]


@pytest.mark.usefixtures("no_fonts")
def test_words_are_laid_out_as_they_are_drawn() -> None:
    assert drawing.drawable(["好", "film", "👩\u200d🚀", "größe"]) == [
        r"\u597d",
        "film",
        ":woman::rocket:",
        "größe",
    ]


def test_a_font_that_has_the_letters_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of matplotlib's fonts replaces an installed one; a damaged font comes first."""
    from matplotlib.font_manager import findfont

    damaged = tmp_path / "damaged.ttf"
    damaged.write_bytes(Path(findfont("STIXGeneral")).read_bytes()[:5000])
    families = {"Damaged": str(damaged), "STIXGeneral": findfont("STIXGeneral")}
    monkeypatch.setattr(drawing, "_families", lambda: families)
    monkeypatch.setattr(drawing, "_known", {})
    run = finished_run(tmp_path, classes=2)
    run.write_json("classes.json", ["\ufb4a", "\u02df \U0001d538 \u4e00"])
    letters = "\U0001d538\u02df\u4e00"
    found = drawing.installed(letters)
    assert set(found.values()) == {"STIXGeneral"}
    written = saved(plots.confusion_matrix([run]), tmp_path)
    assert "\\u4e00" in written


def test_the_letters_of_matplotlibs_own_fonts_cost_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_families", lambda: pytest.fail("it searched"))
    monkeypatch.setattr(drawing, "_known", {})
    run = finished_run(tmp_path, classes=3)
    run.write_json("classes.json", ["größe", "плохо", "سيئ"])
    written = saved(plots.confusion_matrix([run]), tmp_path)
    assert "плохо" in written


class Crash(BaseException):
    """Ends the process, as far as the package can tell."""


def broken(*given: object) -> Figure:
    raise RuntimeError("latex could not be found\nand more")


def test_one_picture_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_run(tmp_path)
    monkeypatch.setitem(base._PLOTS, "loss", (broken, lambda run: True))
    with pytest.raises(DrawingError) as raised:
        plots.draw([run], run.plots)
    assert str(raised.value) == "loss.png could not be drawn: latex could not be found"
    assert raised.value.exit_code == 1
    assert sorted(file.stem for file in run.plots.iterdir()) == sorted(set(PICTURES) - {"loss"})


def test_no_training_is_lost_to_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = finished_run(tmp_path)
    monkeypatch.setitem(base._PLOTS, "loss", (broken, lambda run: True))
    again = f"draw again: `seqtrain plot {run.folder}`"
    with real_drawing():
        loop.draw(run)
        monkeypatch.setattr(plots, "draw", broken)
        loop.draw(run)
    assert [record.getMessage() for record in caplog.records] == [
        f"loss.png could not be drawn: latex could not be found; {again}",
        f"no pictures could be drawn; {again}: latex could not be found",
    ]


@pytest.mark.tf
@pytest.mark.parametrize(
    "error",
    [
        *map(soaked, (MemoryError(), OSError(28, "No space left on device"))),
        RuntimeError("x"),
        Crash(),
    ],
)
def test_a_run_is_finished_before_its_pictures_are_drawn(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So not even a crash of matplotlib, or Ctrl-C, loses what was trained."""

    def failing(*given: object) -> None:
        assert lookup.latest(tmp_path).finished
        raise error

    run = start(tmp_path, *RNN, "training.epochs=1")
    monkeypatch.setattr(plots, "draw", failing)
    with real_drawing(), suppress(Crash):
        go_on(run)
    assert Run(run.folder).finished


@pytest.mark.tf
@pytest.mark.parametrize("name", ["mistakes.csv", "tensorboard"])
def test_no_training_is_lost_to_what_only_goes_with_it(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = start(tmp_path, *RNN, "training.epochs=1", "training.tensorboard=true")
    if name == "mistakes.csv":
        (run.folder / name).mkdir()
    else:
        (run.folder / name).mkdir()
        (run.folder / name / "train").touch()  # where its folder would be
    assert go_on(run).finished
    said = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    lack = {
        "mistakes.csv": "the run has no mistakes.csv: ",
        "tensorboard": "TensorBoard gets",
    }
    assert len([line for line in said if line.startswith(lack[name])]) == 1


def test_every_picture_that_fails_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DrawingError, match="a.png could not be drawn: x"), drawing.picture("a.png"):
        raise ValueError("x")


CONTENTS = (
    *(b"text.usetex: True\n", b"path.effects: 1\n"),
    *(b"font.family: \xe9\n", b"axes.grid: no idea\n"),
)
MODULES = ("plots.base", "interpretation.explanation_files", "interpretation.gradient_plots")
VARIABLES: tuple[dict[str, str], ...] = (
    {},
    {"MPLBACKEND": "none", "MATPLOTLIBRC": "matplotlibrc"},
)
# Each content, module and choice of variables once; all together in `make soak`.
ALWAYS = [(0, 0, 0), (1, 1, 1), (2, 2, 0), (3, 0, 1)]
READ = [
    (CONTENTS[one], MODULES[other], VARIABLES[third])
    if (one, other, third) in ALWAYS
    else soaked(CONTENTS[one], MODULES[other], VARIABLES[third])
    for one, other, third in product(range(4), range(3), range(2))
]


@pytest.mark.parametrize(("content", "module", "variables"), READ)
def test_a_matplotlibrc_changes_no_picture(
    content: bytes, module: str, variables: dict[str, str]
) -> None:
    """In a separate process, because matplotlib reads the file when it is imported."""
    Path("matplotlibrc").write_bytes(content)
    script = f"""
import os
import seqtrain.{module}
import matplotlib
from seqtrain import drawing
with drawing.styled():
    assert not matplotlib.rcParams["text.usetex"]
    assert matplotlib.rcParams["font.family"] == ["sans-serif"]
assert {variables} == {{name: os.environ[name] for name in {list(variables)}}}
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_matplotlib_that_cannot_be_imported_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DrawingError, match="matplotlib cannot be imported: "):
        drawing._import_matplotlib()
