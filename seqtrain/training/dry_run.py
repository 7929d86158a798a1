"""Inspect a config before training: its data, its size, and the time of an epoch."""

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.backend import execution
from seqtrain.config import CompleteConfig
from seqtrain.data.dataset import Dataset, Examples, Split
from seqtrain.data.overlap import shared
from seqtrain.data.unknown_words import MUCH, doubts, full, unknown
from seqtrain.data.vocabulary import START
from seqtrain.display.sentences import counted
from seqtrain.scaffold.recipe import longest
from seqtrain.tasks.forecasting import forecasting

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
STEPS = 3  # timed batches, after one for compiling
MUCH_CUT, MUCH_UNKNOWN = 0.2, 0.1  # limits for advice
SHOWN = 3  # examples


def inspect(config: CompleteConfig, data_dir: Path | None = None) -> dict[str, Any]:
    """Load the data of a config and train a few real batches.

    Returns:
        `source`; what an `example` and a `label` are called; for each split `examples`, the
        description of its labels, `unknown` and `repeated`; `dropped`, the share of characters in
        no token; of train `lengths` (percentiles), `cut` and `empty`; `parameters`, `bytes` (the
        peak of this process) and `seconds_per_epoch`; `series`, None unless examples are windows
        of time series; `first`, the first texts of train as the network reads them, each with its
        label; `advice`, sentences with what to type.

    Raises:
        DataError: the data cannot be read.
    """
    dataset = config.dataset.load(data_dir)
    splits: dict[str, Examples] = {name: dataset.split(name) for name in SPLITS}
    whole = dataset.task.of_steps
    found: dict[str, Any] = {
        "source": dataset.source,
        "example": dataset.task.example,
        "label": dataset.task.quantity,
        "examples": {name: part.scored for name, part in splits.items()},
        "classes": [],
        "labels": [],
        **dataset.task.describe({name: part.labels for name, part in splits.items()}),
        **_lengths(dataset),
        "unknown": None if whole else _unknown(dataset),
        "dropped": dataset.dropped,
        "vocabulary_full": not whole and full(dataset),
        "repeated": None if whole else _repeated(splits),
        "series": _series(dataset),
        "facts": dataset.task.facts(dataset),
        "first": [] if whole else [*_first(dataset)],
    }
    found |= _cost(config, dataset)
    tokens = getattr(config.dataset, "tokens", None)
    strange = [*doubts(dataset, tokens)] if tokens and not whole else []
    out_of_reach = dataset.task.out_of_reach(dataset.train.labels)
    return {**found, "advice": [*strange, *_advice(found, config), *out_of_reach]}


def _lengths(dataset: Dataset) -> dict[str, Any]:
    """Return percentiles of the lengths of train, the share that is cut, and the empty ones."""
    lengths = dataset.train.lengths
    if lengths is None:
        lengths = np.full(len(dataset.train), dataset.shape[0])
    start = 1 if dataset.vocabulary_size else 0  # the start id of every text
    values = np.percentile(lengths, PERCENTILES, method="lower").astype(int).tolist()
    return {
        "lengths": dict(zip(map(str, PERCENTILES), values, strict=True)),
        "max_length": dataset.shape[0],
        "cut": float((lengths > dataset.shape[0]).mean()),
        "empty": int((lengths <= start).sum()),
    }


def _first(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the first texts of train as the network reads them, each with its label."""
    if dataset.vocabulary is None:
        return
    read = (dataset.vocabulary.text(ids[ids > START]) for ids in dataset.train.first[:SHOWN])
    texts = getattr(dataset.train, "texts", None) or read  # those of pairs may be read backwards
    for text, label in zip(texts, dataset.train.labels[:SHOWN], strict=False):
        yield text, dataset.task.label(label)


def _series(dataset: Dataset) -> dict[str, Any] | None:
    """Return facts about time series, and the times of the first and last forecast of each part."""
    series = dataset.series
    if series is None:
        return None
    task = forecasting(dataset.task)
    times = {name: dataset.split(name).labels["time"] for name in SPLITS}
    last = int((series.starts + series.lengths).max()) - 1
    span = f"{series.grid.label(int(series.starts.min()))} to {series.grid.label(last)}"
    return {
        "facts": [
            ["series", f"{len(series.names):,}"],
            ["steps", f"{len(series.values):,}, {span}"],
            ["a step", series.grid.describe()],
            ["filled values", f"{series.filled:,}"],
            ["season", f"{task.season} steps" if task.season > 1 else "none"],
            [
                "window",
                f"{counted(dataset.shape[0], 'step')} of {counted(dataset.shape[1], 'feature')}",
            ],
            ["horizon", counted(task.horizon, "step")],
        ],
        "first": {name: series.grid.label(int(one.min()) + 1) for name, one in times.items()},
        "last": {
            name: series.grid.label(int(one.max()) + task.horizon) for name, one in times.items()
        },
    }


def _unknown(dataset: Dataset) -> dict[str, float] | None:
    """Return the share of tokens outside the vocabulary."""
    if dataset.vocabulary_size is None:
        return None
    return {name: unknown(dataset, name) for name in SPLITS}


def _repeated(splits: dict[str, Examples]) -> dict[str, Any]:
    """Return the repeated examples within train, and those that other splits share with it.

    `alike` are texts that equal one of train because most of their words are unknown.
    """
    hashes = splits["train"].fingerprints()
    both = {name: shared(splits["train"], splits[name]) for name in ("validation", "test")}
    return {
        "train": len(hashes) - len(np.unique(hashes)),
        **{name: same for name, (same, _) in both.items()},
        "alike": {name: alike for name, (_, alike) in both.items()},
    }


def _cost(config: CompleteConfig, dataset: Dataset) -> dict[str, Any]:
    """Train a few real batches, and estimate the time of an epoch."""
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    from seqtrain.training.batches import Batches, read_by
    from seqtrain.training.callbacks import optimizer

    training = resolved.training
    model = resolved.model.build(dataset, unroll=resolved.execution.unroll is True)
    train = read_by(model, dataset.learned_split("train"))
    batches = Batches(train, training.batch_size, resolved.seed, training.bucket_by_length)
    batches.on_epoch_begin()
    steps = optimizer(training, len(batches))
    execution.compile(model, steps, dataset, resolved)
    model.train_on_batch(*batches[0])
    started = time.perf_counter()
    for _ in range(STEPS):
        model.train_on_batch(*batches[0])
    seconds = (time.perf_counter() - started) / STEPS * len(batches)
    return {
        "parameters": model.count_params(),
        "bytes": peak_memory(),
        "seconds_per_epoch": round(seconds, 3),
        "epochs": training.epochs,
    }


def peak_memory() -> int:
    """Return the peak memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _advice(found: dict[str, Any], config: CompleteConfig) -> list[str]:
    """Return advice, each with what to type.

    There is none about a draft, because both use the same limits.
    """
    advice = []
    most = longest(sum(found["examples"].values()))
    of_pairs = config.dataset.holds_pairs
    if found["cut"] > MUCH_CUT and found["max_length"] < most:
        length = min(found["lengths"]["95"], most)
        key = f"max_source_length={length - 1}" if of_pairs else f"max_length={length}"
        advice.append(f"{found['cut']:.0%} of the texts are cut: `dataset.{key}`")
    if found["vocabulary_full"] and MUCH_UNKNOWN < found["unknown"]["test"] <= MUCH:
        key = "source_vocabulary_size" if of_pairs else "vocabulary_size"
        advice.append(f"many words are unknown: a larger `dataset.{key}`")
    if found["repeated"] and found["repeated"]["test"]:
        advice.append("test examples are in train too: `dataset.drop_repeated=true`")
    return advice
