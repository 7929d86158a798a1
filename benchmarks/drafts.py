"""`python -m benchmarks.drafts PACKAGES`: scores of the configs that `init --data` writes.

Beside them stand scikit-learn's TF-IDF with logistic regression on all rows, and the bidirectional
LSTM that a person would write in Keras, on the same test rows. `benchmarks.draft_files` says how
to get the packages.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.draft_files import SOURCES, prepare
from seqtrain.config import load_config
from seqtrain.data.dataset import MASK_VALUE, Dataset, stratified
from seqtrain.runs import lookup
from seqtrain.sources.labelled_text import LabelledTextConfig
from seqtrain.tasks import Classification, Regression

HEADER = (
    *("file", "rows", "score", "draft", "its own baseline", "TF-IDF + linear, C = 1"),
    *("the same, C chosen", "plain Keras BiLSTM", "s of training"),
)
PENALTIES = (1.0, 4.0, 16.0)
EPOCHS, BATCH_SIZE, LENGTH = 8, 32, 300  # of the network that a person would write


@dataclass(frozen=True)
class Texts:
    """The rows of a file for train, validation and test, as `seqtrain` splits them."""

    train: list[str]
    validation: list[str]
    test: list[str]

    @classmethod
    def of(cls, config: LabelledTextConfig, dataset: Dataset) -> "Texts":
        """Read the texts of a dataset again, without those that `drop_repeated` leaves out."""
        rows = [text for text, _, _ in config.parts()["train"]]
        labels = config.new_task().strata(_labels(config))
        kept, test = stratified(labels, config.test, config.split_seed, "dataset.test")
        train, validation = config.split_off(labels[kept])
        parts = [kept[train], kept[validation], test]
        if config.drop_repeated:
            whole = config.model_copy(update={"drop_repeated": False}).load()
            seen = [one.fingerprints() for one in (whole.train, whole.validation, whole.test)]
            held = np.union1d(seen[1], seen[2])
            parts[0] = parts[0][~np.isin(seen[0], held)]
            parts[1] = parts[1][~np.isin(seen[1], seen[2])]
        assert [len(part) for part in parts] == [
            len(one.labels) for one in (dataset.train, dataset.validation, dataset.test)
        ]
        return cls(*([rows[row] for row in part.tolist()] for part in parts))


def _labels(config: LabelledTextConfig) -> np.ndarray:
    names = [label for _, label, _ in config.parts()["train"]]
    if isinstance(config.new_task(), Regression):
        return np.array(list(map(float, names)))
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def linear(texts: Texts, dataset: Dataset, characters: bool) -> tuple[float, float]:
    """Return the test score of TF-IDF + a linear model of all rows: with C = 1, and C chosen."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    def fitted(rows: list[str], labels: np.ndarray, penalty: float) -> tuple[object, object]:
        kind = (
            {"analyzer": "char", "ngram_range": (1, 4)} if characters else {"ngram_range": (1, 2)}
        )
        words = TfidfVectorizer(sublinear_tf=True, **kind)
        model = Ridge(1 / penalty)
        if isinstance(dataset.task, Classification):
            model = LogisticRegression(C=penalty, solver="liblinear", dual=True, max_iter=200)
            model = OneVsRestClassifier(model) if dataset.outputs > 2 else model
        return words, model.fit(words.fit_transform(rows), labels)

    def judged(pair: tuple[object, object], rows: list[str], labels: np.ndarray) -> float:
        words, model = pair
        return score(model.predict(words.transform(rows)), labels)  # type: ignore[attr-defined]

    learn, choose, judge = dataset.train.labels, dataset.validation.labels, dataset.test.labels
    tried = {c: judged(fitted(texts.train, learn, c), texts.validation, choose) for c in PENALTIES}
    best = (max if dataset.task.primary().higher else min)(tried, key=tried.__getitem__)
    every = texts.train + texts.validation, np.concatenate([learn, choose])
    return tuple(judged(fitted(*every, c), texts.test, judge) for c in (1.0, best))  # type: ignore[return-value]


def score(said: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy of classes, or the mean absolute error of numbers."""
    if labels.dtype.kind == "f":
        return float(np.abs(said - labels).mean())
    return float((said == labels).mean())


def bilstm(dataset: Dataset) -> float:
    """Return the test score of the network of a tutorial, at its best epoch on validation."""
    import keras

    keras.utils.set_random_seed(0)
    classes = len(getattr(dataset.task, "classes", ()))
    layers = keras.layers
    inner = [layers.Masking(MASK_VALUE)] if dataset.mask else []
    if dataset.vocabulary_size:
        inner = [layers.Embedding(dataset.vocabulary_size, 128, mask_zero=True)]
    activation = {0: "linear", 2: "sigmoid"}.get(classes, "softmax")
    units = classes if classes > 2 else 1
    head = layers.Dense(units, activation=activation)
    model = keras.Sequential(
        [*inner, layers.Bidirectional(layers.LSTM(64)), layers.Dropout(0.5), head]
    )
    loss = {0: "mse", 2: "binary_crossentropy"}.get(classes, "sparse_categorical_crossentropy")
    model.compile("adam", loss, metrics=["accuracy" if classes else "mae"])
    keep = keras.callbacks.EarlyStopping(
        "val_accuracy" if classes else "val_mae", patience=EPOCHS, restore_best_weights=True
    )
    train, validation, test = (
        (part.x[:, :LENGTH], part.labels)
        for part in (
            dataset.learned_split("train"),
            dataset.learned_split("validation"),
            dataset.test,
        )
    )
    model.fit(*train, BATCH_SIZE, EPOCHS, verbose=0, validation_data=validation, callbacks=[keep])
    out = model.predict(test[0], verbose=0)
    if not classes:
        return score(dataset.task.predictions(out), test[1])
    said = out.argmax(axis=1) if units > 1 else (out[:, 0] > 0.5).astype(int)
    return score(said, test[1])


def drafted(name: str, packages: Path, folder: Path) -> tuple[Path, float]:
    """Draft a config for a file and train it; return the config, and the seconds of training."""
    config = folder / f"{name}.yaml"
    seqtrain("init", *prepare(name, packages, folder), "--to", str(config))
    started = time.perf_counter()
    seqtrain("train", str(config), "--output", str(folder / "outputs"))
    return config, time.perf_counter() - started


def seqtrain(*arguments: str) -> None:
    """Run a command of seqtrain, or end with what it says."""
    command = [sys.executable, "-m", "seqtrain", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def row(name: str, packages: Path, folder: Path) -> list[str]:
    """Return the row of a file in the table."""
    config, seconds = drafted(name, packages, folder)
    found = lookup.latest(folder / "outputs").metrics()
    section = load_config(config).dataset
    dataset = section.load()
    key = f"test_{dataset.task.primary().name}"
    own = [found["baselines"][model][key] for model in [*found["baselines"]][1:]]
    references = ["", ""]
    if isinstance(section, LabelledTextConfig):
        characters = getattr(section, "tokens", "words") == "characters"
        both = linear(Texts.of(section, dataset), dataset, characters)
        references = [f"{value:.4f}" for value in both]
    rows = sum(len(part.labels) for part in (dataset.train, dataset.validation, dataset.test))
    return [
        *(name, f"{rows:,}", key.removeprefix("test_"), f"{found[key]:.4f}"),
        *(f"{own[0]:.4f}" if own else "", *references, f"{bilstm(dataset):.4f}", f"{seconds:.0f}"),
    ]


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path, help="folder of the packages that hold the files")
    parser.add_argument("files", nargs="*", default=list(SOURCES), metavar="FILE")
    chosen = parser.parse_args()
    if unknown := {*chosen.files} - {*SOURCES}:
        parser.error(f"no file is called {', '.join(unknown)}; there are {', '.join(SOURCES)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{machine.described()}\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.files:
            print("| " + " | ".join(row(name, chosen.packages, Path(folder))) + " |", flush=True)


if __name__ == "__main__":
    main()
