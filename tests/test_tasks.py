"""Contract tests of every task; a new task needs only its own class."""

import ast
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import seqtrain as package
from seqtrain import tasks
from seqtrain.config import load_config
from seqtrain.data.grid import Grid
from seqtrain.data.pair_encoding import END, label_type
from seqtrain.data.text_windows import LABEL
from seqtrain.data.transform import Transform
from seqtrain.data.windows import labels_type
from seqtrain.evaluation import uncertainty
from seqtrain.evaluation.significance import mcnemar, paired_bootstrap
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.tasks import (
    Classification,
    Forecasting,
    LanguageModel,
    Metric,
    Regression,
    Task,
    Translation,
)
from seqtrain.tasks.labelled_task import labelled
from seqtrain.training import launch
from tests.conftest import Outcome, drawing
from tests.cutting import cut_short, go_on, results

Seqtrain = Callable[..., Outcome]

OFF = Metric("stars_off", "stars off", "mean distance in stars", higher=False, best=0.0)


@dataclass(frozen=True)
class Stars(Classification):
    """Ordered classes, from 1 to 5 stars: being off by one is better than by four."""

    name: ClassVar[str] = "stars"
    metrics: ClassVar[tuple[Metric, ...]] = (OFF, *Classification.metrics)
    monitored: ClassVar[tuple[Metric, ...]] = (OFF, *Classification.monitored)
    compared: ClassVar[tuple[Metric, ...]] = (OFF, *Classification.compared)

    def off(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return the distance of the mean of the predicted stars from the true ones; (N,)."""
        stars = np.array(list(map(float, self.classes)))
        return np.abs(predictions @ stars - stars[labels])

    def keras_metrics(self, monitor: str | None) -> list[Any]:
        import keras

        stars = keras.ops.array([[float(name)] for name in self.classes])

        def off(labels: Any, predictions: Any) -> Any:
            true = keras.ops.take(stars, keras.ops.cast(labels, "int32"))
            return keras.ops.abs(predictions @ stars - keras.ops.reshape(true, (-1, 1)))

        return [keras.metrics.MeanMetricWrapper(off, name=OFF.name)]

    def primary(self, weighed: bool = False) -> Metric:
        return OFF

    def scores(
        self, prefix: str, labels: np.ndarray, predictions: np.ndarray
    ) -> dict[str, float | None]:
        found = float(self.off(labels, predictions).mean())
        return {f"{prefix}_{OFF.name}": found, **super().scores(prefix, labels, predictions)}

    def evaluate(self, prefix: str, labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        mean = uncertainty.mean(self.off(labels, predictions))
        ends = uncertainty.bootstrap({OFF.name: mean}, len(labels))[OFF.name]
        found = super().evaluate(prefix, labels, predictions)
        found["intervals"] |= {f"{prefix}_{OFF.name}": list(ends or ()) or None}
        return {**self.scores(prefix, labels, predictions), **found}

    def compare(self, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
        found = super().compare(labels, ours, theirs)
        nearer = self.off(labels, theirs) - self.off(labels, ours)
        p = paired_bootstrap(uncertainty.mean(nearer), len(labels))
        found["difference"] |= {OFF.name: float(nearer.mean()), f"{OFF.name}_p_value": p}
        return found

    def paired(
        self, metric: Metric, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray
    ) -> tuple[str, float]:
        nearer = self.off(labels, theirs) - self.off(labels, ours)
        return "sign", mcnemar(int((nearer > 0).sum()), int((nearer < 0).sum()))


WORDS = ("awful", "poor", "fair", "good", "superb")
CONFIG = """
dataset: {name: text, path: reviews.csv, task: stars, max_length: 8, vocabulary_size: 40}
model: {name: gru, units: 8, embedding_dim: 8}
training: {epochs: 4, learning_rate: 1e-2, batch_size: 16, early_stopping: {patience: 9}}
"""


@pytest.fixture
def stars(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of reviews with a task that the package does not know."""
    monkeypatch.setattr(tasks, "TASKS", [*tasks.TASKS, Stars])
    return written_reviews()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that config, and a run of two epochs."""
    folder = tmp_path_factory.mktemp("stars")
    with pytest.MonkeyPatch.context() as patch, drawing():
        patch.chdir(folder)
        patch.setattr(tasks, "TASKS", [*tasks.TASKS, Stars])
        short = load_config(written_reviews(), ["training.epochs=2"])
        go_on(launch.prepare(short, Path("outputs"), None)[0])
    return folder


@pytest.fixture
def trained(stars: Path, shared: Path, tmp_path: Path) -> Run:
    """A copy of that run, under `outputs`."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    config = lookup.latest(Path("outputs")).folder / "config.yaml"
    config.write_text(config.read_text().replace(str(shared), str(tmp_path)))
    return lookup.latest(Path("outputs"))


def written_reviews() -> Path:
    random = np.random.default_rng(0)
    rows = [
        f"the {random.choice(['film', 'plot', 'cast'])} {number} was {WORDS[label]},{label + 1}"
        for number, label in enumerate(random.permutation(np.arange(300) % 5))
    ]
    Path("reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    Path("stars.yaml").write_text(CONFIG)
    return Path("stars.yaml")


def ok(outcome: Outcome) -> str:
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


@pytest.mark.tf
def test_a_third_task_needs_nothing_but_its_own_class(trained: Run, seqtrain: Seqtrain) -> None:
    run = trained
    assert run.config.training.monitor == "val_stars_off"
    assert {"loss.png", "stars_off.png", "confusion_matrix.png"} <= {
        picture.name for picture in run.plots.iterdir()
    }
    kept = run.metrics()
    history = run.history()
    best = min(row["val_stars_off"] for row in history)
    assert history[kept["best_epoch"] - 1]["val_stars_off"] == best
    labels, probabilities = run.predictions()
    off = Stars(("1", "2", "3", "4", "5")).off(labels, probabilities).mean()
    assert kept["test_stars_off"] == pytest.approx(off, rel=1e-6)

    judged = json.loads(ok(seqtrain("evaluate", "--json")))
    assert judged["test_stars_off"] == kept["test_stars_off"]
    assert "stars_off" in ok(seqtrain("evaluate"))
    assert "superb" in ok(seqtrain("predict", "stars", "the cast was superb"))
    ok(seqtrain("explain", "stars", "the cast was superb", "--html"))
    ok(seqtrain("gradients", "stars"))
    ok(seqtrain("plot", "stars"))
    ok(seqtrain("report", "stars", "--to", "report.html"))
    assert "stars off" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.tf
def test_runs_of_a_third_task_are_compared_by_its_own_metric(
    stars: Path, trained: Run, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("train", stars)
    ok(outcome)
    assert "test stars off 0." in outcome.stderr
    assert "the network beats majority class (stars off 1." in outcome.stderr
    first, second = json.loads(ok(seqtrain("compare", "--json", "--sort", "test_stars_off")))
    assert first["scores"]["test_stars_off"]["mean"] < second["scores"]["test_stars_off"]["mean"]
    assert second["tested"]["test"] == "sign"
    assert second["tested"]["p"] < 0.05
    assert "test_stars_off" in ok(seqtrain("compare"))


@pytest.mark.tf
def test_a_run_of_a_third_task_goes_on_to_the_bit(
    stars: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, _ = launch.prepare(load_config(stars, ["training.epochs=2"]), Path("cut"), None)
    cut_short(cut, monkeypatch, "on_epoch_end", 1)
    assert not cut.finished
    assert results(go_on(cut)) == results(trained)


def test_an_unknown_task_is_refused_with_those_that_there_are(
    stars: Path, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain("check", stars, "dataset.task=star")
    assert outcome.exit_code == 2
    assert "dataset.task: must be" in outcome.stderr


# The contract: what everything else relies on, of every task.

NAMES = {"classification": ["a", "b", "c"], "regression": ["1", "2.5", "4"]}
EVERY = pytest.mark.parametrize("name", tasks.known())


def fitted(name: str) -> tuple[Task, np.ndarray]:
    """A task fitted on 60 labels, and these labels; they repeat after three."""
    if name in UNWRITTEN:
        return UNWRITTEN[name]()
    names = NAMES[name]
    task = tasks.named(name).fit_names(names, 60, str, "own.csv", "")
    labels = task.encode(names * 20, str, "own.csv")
    return task.fit(labels, "own.csv"), labels


def forecasts() -> tuple[Task, np.ndarray]:
    """A task of two steps, and the labels of 60 origins of a series that repeats three values."""
    values = np.tile([10.0, 20.0, 50.0], 30)
    transform = Transform.fit([values], [0], log=False, level="none", season=1)
    grid = Grid("month")
    task = Forecasting(2, "median", None, transform, (20.0,), 3, ("sales",), grid=grid)
    labels = np.zeros(60, labels_type(2))
    labels["time"], labels["spread"] = np.arange(60), 1.0
    labels["truth"] = values[np.arange(60)[:, None] + [1, 2]]
    return task, labels


def text() -> tuple[Task, np.ndarray]:
    """A language model of three letters, and the labels of 15,000 tokens that repeat them."""
    labels = np.zeros(15_000, LABEL)
    labels["token"], labels["characters"] = 4 + np.arange(15_000) % 3, 1
    return LanguageModel(("a", "b", "c")), labels


def spellings() -> tuple[Task, np.ndarray]:
    """A translation of three targets of two tokens, and the labels of 60 sources."""
    labels = np.zeros(60, label_type(2, 3))
    labels["source_length"] = 1 + np.arange(60) % 4
    labels["targets"][:, 0] = np.array([[4, 5, END], [5, 4, END], [6, 6, END]])[np.arange(60) % 3]
    return Translation(("a", "b", "c"), steps=3, source_steps=4), labels


def written(ids: np.ndarray, log: float) -> np.ndarray:
    """Return decoded ids as predictions, whose tokens and true tokens have one probability."""
    return np.stack([ids, np.full(ids.shape, log), np.full(ids.shape, log)], axis=1)


UNWRITTEN = {  # tasks without written labels
    "forecasting": forecasts,
    "language model": text,
    "translation": spellings,
}


def constant(task: Task, labels: np.ndarray) -> np.ndarray:
    """Predictions that are the same for all examples."""
    if isinstance(task, Forecasting):
        return np.full((len(labels), 2, 1), labels["truth"].mean())
    if isinstance(task, LanguageModel):
        return np.tile([np.log(1 / 3), 1.0], (len(labels), 1))
    if isinstance(task, Translation):
        return written(np.tile(labels["targets"][:1, 0], (len(labels), 1)), np.log(1 / 3))
    return labelled(task).constant(labels, len(labels))[1]


def learned(task: Task, labels: np.ndarray) -> np.ndarray:
    """Predictions that are right for nearly all examples."""
    random = np.random.default_rng(0)
    if isinstance(task, Forecasting):
        return labels["truth"][:, :, None] + 0.01 * random.normal(size=(len(labels), 2, 1))
    if isinstance(task, Regression):
        return labels + 0.01 * random.normal(size=len(labels))
    if isinstance(task, LanguageModel):
        right = random.random(len(labels)) < 0.9
        return np.stack([np.log(np.where(right, 0.9, 0.05)), ~right], axis=1)
    if isinstance(task, Translation):
        right = random.random(len(labels)) < 0.9
        ids = np.where(right[:, None], labels["targets"][:, 0], labels["targets"][:1, 0])
        return written(ids, np.log(0.9))
    chosen = np.where(random.random(len(labels)) < 0.9, labels, 0)
    return np.asarray(0.1 + 0.7 * np.eye(3)[chosen])


@EVERY
def test_a_task_is_read_back_as_it_was_saved(name: str) -> None:
    task, _ = fitted(name)
    unfitted = tasks.known()[name]()
    assert unfitted.from_json(json.loads(json.dumps(task.to_json()))) == task
    for damaged in (3, {"a": 1}, [1]):
        with pytest.raises(ValueError, match="it does not (hold|contain)|unexpected keyword"):
            unfitted.from_json(damaged)


@EVERY
def test_predictions_that_are_right_are_better_than_a_constant(name: str) -> None:
    task, labels = fitted(name)
    simple, right = constant(task, labels), learned(task, labels)
    for metric in (task.loss, task.primary()):
        ours, theirs = (
            task.scores("test", labels, found)[f"test_{metric.name}"] for found in (right, simple)
        )
        assert metric.gain(ours or 0, theirs or 0) > 0
    other = {**task.evaluate("test", labels, simple), **task.compare(labels, right, simple)}
    measured = [measured for _, measured in task.yardsticks([task.primary()])]
    assert [task.better(other, metric) for metric in measured] == [1]
    assert task.shows(labels, right, other)
    assert not task.finds(other)
    worse = {**task.evaluate("test", labels, right), **task.compare(labels, simple, right)}
    assert [task.better(worse, metric) for metric in measured] == [-1]
    assert task.paired(task.primary(), labels, right, simple)[1] < 0.05


@pytest.mark.parametrize("name", tasks.of_labels())
def test_a_linear_model_is_chosen_by_what_is_right(name: str) -> None:
    task, labels = fitted(name)
    simple, right = constant(task, labels), learned(task, labels)
    assert labelled(task).rank(labels, right, False) > labelled(task).rank(labels, simple, False)
    worse = {**task.evaluate("test", labels, right), **task.compare(labels, simple, right)}
    assert task.finds(worse)


@EVERY
def test_the_worst_mistake_comes_first_and_what_is_right_is_none(name: str) -> None:
    task, labels = fitted(name)
    assert list(task.mistakes(labels, perfect(task, labels))) == []
    indices, rows = zip(*task.mistakes(labels, constant(task, labels)), strict=True)
    assert tuple(rows[0]) == (*task.columns, task.row)
    assert rows[0]["truth"] == task.label(labels[indices[0]])
    sizes = [abs(float(row[task.row])) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def perfect(task: Task, labels: np.ndarray) -> np.ndarray:
    """Predictions that are right of all."""
    if isinstance(task, Forecasting):
        return labels["truth"][:, :, None].copy()
    if isinstance(task, LanguageModel):
        return np.zeros((len(labels), 2))
    if isinstance(task, Translation):
        return written(labels["targets"][:, 0], 0.0)
    return labels.copy() if isinstance(task, Regression) else np.eye(3)[labels]


@EVERY
def test_each_metric_of_a_task_is_known_and_has_its_score_and_interval(name: str) -> None:
    task, labels = fitted(name)
    found = task.evaluate("test", labels, learned(task, labels))
    scores = {key.removeprefix("test_") for key in found if key.startswith("test_")}
    named = {metric.name for metric in (task.loss, *task.metrics)}
    assert scores <= named
    assert {metric.name for metric in (*task.monitored, *task.compared)} <= named
    assert {f"test_{name}" for name in scores} == set(found["intervals"])
    assert all(tasks.metric(name) in (task.loss, *task.metrics) for name in named - {"loss"})
    assert task.tables(found["test"])


@EVERY
def test_what_a_file_holds_must_be_predictions_of_the_task(name: str) -> None:
    task, labels = fitted(name)
    right = learned(task, labels)
    task.check(labels, right)
    for wrong in (right[:, None], right.astype(int)):
        with pytest.raises(ValueError, match="it does not hold"):
            task.check(labels, wrong)


@pytest.mark.tf
@EVERY
def test_the_loss_of_a_head_falls_as_it_is_trained(name: str) -> None:
    import keras

    task, labels = fitted(name)
    labels = labels[:60]
    x = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    layers = [keras.layers.RepeatVector(3), keras.layers.LSTM(8, return_sequences=True)]
    layers = layers if task.decodes else []
    model = task.in_training(keras.Sequential([keras.Input((3,)), *layers, *task.head()]))
    model.compile(
        keras.optimizers.Adam(0.1),
        task.keras_loss(),
        metrics=task.keras_metrics(None),
        jit_compile=False,  # compiling takes longer than these few steps
    )
    history = model.fit(
        x, np.asarray(task.learned(labels)), epochs=40, verbose=0, batch_size=60
    ).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    if task.decodes:  # each step of a head of its own; what is decoded has tests of its own
        return
    kept = model.evaluate(x, np.asarray(task.learned(labels)), verbose=0, return_dict=True)
    found = task.predictions(model.predict(x, verbose=0), labels)
    task.check(labels, found)
    scores = task.scores("test", labels, found)
    for metric in (task.loss, *task.epoch_metrics(None)):
        assert scores[f"test_{metric.name}"] == pytest.approx(kept[metric.name], rel=1e-3, abs=1e-5)


def asks(node: ast.AST, names: set[str]) -> bool:
    """Return whether a comparison, a case or a test of a type has one of some names in it."""
    is_test = isinstance(node, ast.Call) and getattr(node.func, "id", "").startswith("is")
    if not (is_test or isinstance(node, ast.Compare | ast.match_case)):
        return False
    inner = list(ast.walk(node))
    classes = {one.id for one in inner if isinstance(one, ast.Name) and one.id[0].isupper()}
    texts = {str(one.value) for one in inner if isinstance(one, ast.Constant)}
    return bool(names & (classes | texts))


def test_nothing_outside_of_tasks_asks_which_task_it_is() -> None:
    """Neither by its class nor by its name."""
    names = {"Task", "Classification", "Forecasting", "LanguageModel", "Regression"}
    names |= {"Translation", *tasks.known()}
    root = Path(package.__file__).parent
    modules = {file.relative_to(root): file for file in root.rglob("*.py")}
    asking = [
        f"{name}:{node.lineno}"
        for name, file in modules.items()
        if name.parts[0] != "tasks"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if asks(node, names)
    ]
    assert asking == []
    assert asks(ast.parse("run.task == 'regression'", mode="eval").body, names)
    assert asks(ast.parse("isinstance(task, Classification)", mode="eval").body, names)
