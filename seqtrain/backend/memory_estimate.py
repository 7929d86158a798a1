"""Estimate the least memory that a training needs, and refuse what this machine lacks."""

import math

from seqtrain import memory
from seqtrain.config import Config
from seqtrain.data.dataset import Shaped

NUMBER = 4  # bytes of a float32
# Numbers that an optimizer keeps for each weight; 2 is what the others keep.
SLOTS = {"adafactor": 0, "sgd": 0, "adagrad": 1, "lion": 1, "muon": 1, "rmsprop": 1}


def check(config: Config) -> None:
    """Check before loading that the memory suffices for the data and the network.

    Raises:
        ConfigError: it does not, whatever the data contain.
    """
    config.dataset.check_memory()
    check_network(config, config.dataset.outline())


def check_network(config: Config, dataset: Shaped) -> None:
    """Check that the memory suffices to train the network of a config on a dataset.

    Raises:
        ConfigError: it does not.
    """
    weights, steps = of_weights(config, dataset), of_batch(config, dataset)
    memory.require(weights, "the weights of this network", ", ".join(_sizes(config)))
    if memory.on_processor():
        size = f"`training.batch_size` ({config.training.batch_size})"
        lower = ", ".join([size, "`dataset.max_length`", *_sizes(config)])
        memory.require(steps, "the time steps of one batch", lower)


def of_weights(config: Config, dataset: Shaped) -> int:
    """Return the bytes of the weights, of their gradients, and of the optimizer's variables.

    The gradients of the embedding do not count: a batch has few words.
    """
    model = config.model
    every = model.parameters(dataset)
    vectors = (dataset.vocabulary_size or 0) * (model.embedding_dim or 0)
    without = model.model_copy(update={"wide": False}).parameters(dataset) - vectors
    trained = without + (vectors if model.embedding_trainable else 0)
    return NUMBER * (every + without + SLOTS.get(config.training.optimizer, 2) * trained)


def of_batch(config: Config, dataset: Shaped) -> int:
    """Return the bytes of the activations that one training step keeps."""
    limit = getattr(config.dataset, "limit", None) or math.inf
    rows = min(config.training.batch_size, limit, dataset.examples)
    return int(NUMBER * rows * dataset.shape[0] * config.model.kept)


def _sizes(config: Config) -> list[str]:
    """Return the keys that decide the size of a network."""
    keys = ["model.units", "model.dense_units"]
    if config.model.embedding_dim:
        keys += ["model.embedding_dim", "dataset.vocabulary_size"]
    return [f"`{key}`" for key in keys]
