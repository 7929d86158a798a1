"""What a config would train on, and what it would cost, before it is trained."""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.backend import execution
from seqtrain.config import CompleteConfig
from seqtrain.data.dataset import Dataset, Examples, Split
from seqtrain.data.overlap import shared
from seqtrain.data.unknown_words import MUCH, doubts, full, unknown
from seqtrain.scaffold.recipe import longest

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
PERCENTILES = (5, 25, 50, 75, 95, 99, 100)
STEPS = 3  # that are timed, after one that compiles
MUCH_CUT, MUCH_UNKNOWN = 0.2, 0.1  # beyond them a person should think again


def inspect(config: CompleteConfig, data_dir: Path | None = None) -> dict[str, Any]:
    """Load the data of a config and train a few real batches.

    Returns:
        `source`; `examples`, what the task says of the labels, `unknown` and
        `repeated` for each split; `dropped`, the share of characters in no word; `lengths`
        (percentiles), `cut` and `empty` of train; `parameters`, `bytes` (the peak so far of
        this process) and `seconds_per_epoch`; `advice`, sentences with what to type.

    Raises:
        DataError: the data cannot be read.
    """
    dataset = config.dataset.load(data_dir)
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    found: dict[str, Any] = {
        "source": dataset.source,
        "examples": {name: len(part) for name, part in splits.items()},
        "classes": [],
        "labels": [],
        **dataset.task.describe({name: part.labels for name, part in splits.items()}),
        **_lengths(dataset),
        "unknown": _unknown(dataset),
        "dropped": dataset.dropped,
        "vocabulary_full": full(dataset),
        "repeated": _repeated(splits),
    }
    found |= _cost(config, dataset)
    tokens = getattr(config.dataset, "tokens", None)
    strange = [*doubts(dataset, tokens)] if tokens else []
    return {**found, "advice": [*strange, *_advice(found, config)]}


def _lengths(dataset: Dataset) -> dict[str, Any]:
    """Return percentiles of the steps of train, the share that is cut, and how many have none."""
    lengths = dataset.train.lengths
    if lengths is None:
        lengths = np.full(len(dataset.train), dataset.shape[0])
    start = 1 if dataset.vocabulary_size else 0  # the step that begins every text
    values = np.percentile(lengths, PERCENTILES, method="lower").astype(int).tolist()
    return {
        "lengths": dict(zip(map(str, PERCENTILES), values, strict=True)),
        "max_length": dataset.shape[0],
        "cut": float((lengths > dataset.shape[0]).mean()),
        "empty": int((lengths <= start).sum()),
    }


def _unknown(dataset: Dataset) -> dict[str, float] | None:
    """Return the share of the tokens that are read and are out of the vocabulary."""
    if dataset.vocabulary_size is None:
        return None
    return {name: unknown(dataset, name) for name in SPLITS}


def _repeated(splits: dict[str, Examples]) -> dict[str, Any]:
    """Return the repeated examples within train, and those that another split shares with it.

    `alike` are texts that look like one of train because most of their words are unknown.
    """
    hashes = splits["train"].fingerprints()
    both = {name: shared(splits["train"], splits[name]) for name in ("validation", "test")}
    return {
        "train": len(hashes) - len(np.unique(hashes)),
        **{name: same for name, (same, _) in both.items()},
        "alike": {name: alike for name, (_, alike) in both.items()},
    }


def _cost(config: CompleteConfig, dataset: Dataset) -> dict[str, Any]:
    """Train a few real batches, and return what an epoch of them would take."""
    resolved = execution.resolve(config, dataset)
    execution.start(resolved.execution, resolved.seed)
    from seqtrain.training.batches import Batches
    from seqtrain.training.callbacks import optimizer

    training = resolved.training
    train = dataset.learned_split("train")
    batches = Batches(train, training.batch_size, resolved.seed, training.bucket_by_length)
    batches.on_epoch_begin()
    model = resolved.model.build(dataset, unroll=resolved.execution.unroll is True)
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
    """Return the most memory that this process held so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _advice(found: dict[str, Any], config: CompleteConfig) -> list[str]:
    """Return what a person should think about, each with what to type.

    What a draft has is not doubted: both go by the same bounds.
    """
    advice = []
    most = longest(sum(found["examples"].values()))
    if found["cut"] > MUCH_CUT and found["max_length"] < most:
        length = min(found["lengths"]["95"], most)
        advice.append(f"{found['cut']:.0%} of the texts are cut: `dataset.max_length={length}`")
    if found["vocabulary_full"] and MUCH_UNKNOWN < found["unknown"]["test"] <= MUCH:
        advice.append("many words are unknown: a larger `dataset.vocabulary_size`")
    if found["repeated"]["test"]:
        advice.append("test examples stand in train too: `dataset.drop_repeated=true`")
    return advice
