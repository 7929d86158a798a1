"""Decode targets with an encoder–decoder in NumPy, one token after another.

It computes what Keras's layers compute, without a backend, so that the answers of `train`,
`evaluate` and `translate` are the same, on whichever backend the network was trained.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.data.dataset import Examples, NewExamples
from seqtrain.data.inputs import Inputs
from seqtrain.data.pair_encoding import END, SOURCE
from seqtrain.data.vocabulary import PAD, START
from seqtrain.errors import reason
from seqtrain.evaluation.sequence_metrics import UNKNOWN
from seqtrain.inference.model_file import CONFIG, WEIGHTS, read
from seqtrain.inference.stepping import (
    ACTIVATIONS,
    Affine,
    Recurrence,
    State,
    _activation,
    _recurrence,
)
from seqtrain.io.regular_file import checked
from seqtrain.tasks import Task
from seqtrain.tasks.translation import translation

BATCH = 256  # sources at once, of similar length

Layers = dict[str, tuple[str, dict[str, Any], list[np.ndarray]]]  # class, config, weights; by name


@dataclass(frozen=True)
class Encoding:
    """What an encoder makes of n sources.

    Attributes:
        state: with which each layer of the decoder begins.
        outputs: of each step, float32 of shape (n, S, units).
        keys: what attention compares with, shape (n, S, units).
        mask: which steps are not padding, bool of shape (n, S).
    """

    state: State
    outputs: np.ndarray
    keys: np.ndarray
    mask: np.ndarray

    def take(self, rows: np.ndarray) -> Encoding:
        """Return the encoding of some sources, which may repeat."""
        state = [tuple(part[rows] for part in layer) for layer in self.state]
        return Encoding(state, self.outputs[rows], self.keys[rows], self.mask[rows])


@dataclass(frozen=True)
class Attention:
    """How a decoder looks at a source.

    Attributes:
        query: what the outputs of the decoder are multiplied by; None if they stay as they are.
        key: what those of the encoder are multiplied by; None for dot products.
        scale: weights of the sum of the additive score; None for dot products.
        combined: the layer that combines what is seen with the output of the decoder.
    """

    query: np.ndarray | None
    key: np.ndarray | None
    scale: np.ndarray | None
    combined: Affine

    def weights(self, h: np.ndarray, seen: Encoding) -> np.ndarray:
        """Return how much each step of each source is looked at; shape (n, S).

        Args:
            h: the outputs of the decoder, shape (n, units).
            seen: the encoding of the sources.
        """
        asked = h if self.query is None else h @ self.query
        if self.scale is None:
            scores = np.matmul(seen.keys, asked[:, :, None])[:, :, 0]
        else:
            scores = np.tanh(asked[:, None] + seen.keys) @ self.scale
        scores = np.where(seen.mask, scores, -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def __call__(self, h: np.ndarray, seen: Encoding) -> tuple[np.ndarray, np.ndarray]:
        """Return the combined features, shape (n, units), and the weights."""
        shares = self.weights(h, seen)
        context = np.matmul(shares[:, None], seen.outputs)[:, 0]
        return self.combined(np.concatenate([h, context], axis=1)), shares


@dataclass(frozen=True)
class Translator:
    """An encoder–decoder.

    Attributes:
        sources: the vectors of the ids of sources, shape (ids, features).
        encoder: the layers of the encoder, each of one direction or of two.
        targets: the vectors of the ids of targets; None if the decoder reads one vector.
        decoder: the layers of the decoder.
        attention: how the first layer of the decoder looks at the source, if it does.
        head: gives the logits.
    """

    sources: np.ndarray
    encoder: Sequence[Sequence[Recurrence]]
    targets: np.ndarray | None
    decoder: Sequence[Recurrence]
    attention: Attention | None
    head: Affine

    @classmethod
    def of(cls, layers: Layers) -> Translator:
        """Return the network from the class, the config and the weights of each layer.

        Raises:
            ValueError: it is no encoder–decoder.
        """
        if not {"source_embedding", "encoder_1", "decoder_1", "head"} <= layers.keys():
            raise ValueError("it is no network that translates")
        kernel, bias = layers["head"][2]
        targets = layers.get("target_embedding")
        return cls(
            sources=layers["source_embedding"][2][0],
            encoder=[_ways(*layers[name]) for name in _numbered(layers, "encoder")],
            targets=targets[2][0] if targets else None,
            decoder=[_recurrence(*layers[name]) for name in _numbered(layers, "decoder")],
            attention=_attention(layers),
            head=Affine(kernel, bias, ACTIVATIONS["linear"]),
        )

    def encode(self, ids: np.ndarray) -> Encoding:
        """Read sources.

        Args:
            ids: int32 of shape (n, S), padded at the end.
        """
        mask = ids != PAD
        x, state = self.sources[ids], []
        for layer in self.encoder:
            parts = [
                _read(one, x, mask, back) for one, back in zip(layer, (False, True), strict=False)
            ]
            x = np.concatenate([h for h, _ in parts], axis=2)
            ends = zip(*(end for _, end in parts), strict=True)
            state.append(tuple(np.concatenate(some, axis=1) for some in ends))
        keys = x
        if self.attention is not None and self.attention.key is not None:
            keys = x @ self.attention.key
        return Encoding(state, x, keys, mask)

    def begin(self, seen: Encoding) -> State:
        """Return the state of the decoder before its first step."""
        if self.targets is not None:
            return seen.state
        return [layer.begin(len(seen.mask)) for layer in self.decoder]

    def step(
        self, ids: np.ndarray, state: State, seen: Encoding
    ) -> tuple[np.ndarray, State, np.ndarray | None]:
        """Return the logits of the next token, the state, and the weights of the attention.

        Args:
            ids: the token before, shape (n,).
            state: before it.
            seen: the encoding of the sources.
        """
        x = seen.state[-1][0] if self.targets is None else self.targets[ids]
        after: State = []
        shares = None
        for layer, old in zip(self.decoder, state, strict=True):
            after.append(layer.step(x @ layer.kernel + layer.bias, old))
            x = after[-1][0]
            if self.attention is not None and shares is None:
                x, shares = self.attention(x, seen)
        return self.head(x), after, shares


def _numbered(layers: Layers, name: str) -> list[str]:
    """Return the names of layers that are numbered from 1."""
    found: list[str] = []
    while f"{name}_{len(found) + 1}" in layers:
        found.append(f"{name}_{len(found) + 1}")
    return found


def _ways(kind: str, config: dict[str, Any], weights: list[np.ndarray]) -> list[Recurrence]:
    """Return the layer of each direction."""
    if kind != "Bidirectional":
        return [_recurrence(kind, config, weights)]
    inner, half = config["layer"], len(weights) // 2
    return [
        _recurrence(inner["class_name"], inner["config"], part)
        for part in (weights[:half], weights[half:])
    ]


def _attention(layers: Layers) -> Attention | None:
    if "attention" not in layers:
        return None
    kind, _, weights = layers["attention"]
    kernel, bias = layers["combined"][2]
    combined = Affine(kernel, bias, _activation(layers["combined"][1]["activation"]))
    query = layers["query"][2][0] if "query" in layers else None
    if kind == "Attention":
        return Attention(query, None, None, combined)
    return Attention(query, layers["key"][2][0], weights[0], combined)


def _read(
    layer: Recurrence, x: np.ndarray, mask: np.ndarray, backwards: bool
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return the outputs of each step in the order of time, and the last state.

    Where a step is masked, the state stays, and the output is 0.
    """
    p = x @ layer.kernel + layer.bias
    state = layer.begin(len(x))
    h = np.zeros((*mask.shape, layer.units), np.float32)
    order = range(mask.shape[1])
    for t in reversed(order) if backwards else order:
        counts = mask[:, t, None]
        new = layer.step(p[:, t], state)
        state = tuple(np.where(counts, one, old) for one, old in zip(new, state, strict=True))
        h[:, t] = np.where(counts, state[0], 0)
    return h, state


def of_model(model: Any) -> Translator:
    """Return the network of a Keras model, with copies of its weights.

    Raises:
        ValueError: it is no encoder–decoder.
    """
    return Translator.of(
        {
            layer.name: (
                type(layer).__name__,
                layer.get_config(),
                [*map(np.asarray, layer.get_weights())],
            )
            for layer in model.layers
        }
    )


FOLDERS = {  # of the weights of each class in a `.keras` file
    "AdditiveAttention": "additive_attention",
    "Bidirectional": "bidirectional",
    "Dense": "dense",
    "Embedding": "embedding",
    "GRU": "gru",
    "LSTM": "lstm",
    "SimpleRNN": "simple_rnn",
}


def of_file(file: Path) -> Translator:
    """Return the network of a `.keras` file, without Keras.

    Raises:
        ValueError: the file is damaged, or holds no encoder–decoder.
    """
    import h5py

    try:
        read(file)  # refuses what is no model of ours
        with zipfile.ZipFile(checked(file)) as archive:
            described = json.loads(archive.read(CONFIG))["config"]["layers"]
            content = io.BytesIO(archive.read(WEIGHTS))
        counted: dict[str, int] = {}
        layers: Layers = {}
        with h5py.File(content) as weights:
            for layer in described:
                kind = layer["class_name"]
                number = counted[kind] = counted.get(kind, -1) + 1
                found = _stored(weights, kind, number) if kind in FOLDERS else []
                layers[layer["config"]["name"]] = (kind, layer["config"], found)
        return Translator.of(layers)
    except Exception as error:  # zip, JSON and HDF5 raise many types
        raise ValueError(reason(error)) from error


def _stored(file: Any, kind: str, number: int) -> list[np.ndarray]:
    """Return the weights of the layer of a class with a number from 0, in the order of Keras."""
    path = f"layers/{FOLDERS[kind]}{f'_{number}' if number else ''}"
    parts = [f"{path}/{way}_layer" for way in ("forward", "backward")]
    found = []
    for part in parts if kind == "Bidirectional" else [path]:
        inner = f"{part}/vars" if kind in ("AdditiveAttention", "Dense", "Embedding") else ""
        variables = file.get(inner or f"{part}/cell/vars", {})
        found += [np.asarray(variables[name]) for name in sorted(variables, key=int)]
    return found


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, float64 of the same shape."""
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))


def allowed(logits: np.ndarray) -> np.ndarray:
    """Return the logits of a step without padding and start, which are never written."""
    logits = logits.copy()
    logits[:, [PAD, START]] = -np.inf
    return logits


def predictions(model: Any, examples: Examples | NewExamples, task: Task) -> np.ndarray:
    """Return the predictions of a Keras network, see `of_sources`."""
    targets = translation(task).learned(examples.labels) if isinstance(examples, Examples) else None
    return of_sources(of_model(model), examples.x, translation(task).steps, targets)


def of_sources(
    translator: Translator, x: Inputs, steps: int, targets: np.ndarray | None = None
) -> np.ndarray:
    """Decode N sources greedily.

    Args:
        translator: the network.
        x: the sources, or a dict with them.
        steps: the most tokens that are written.
        targets: what is learned of the right targets: ids with the end, or cut before it, and
            padded; shape (N, T).

    Returns:
        float32 of shape (N, 3, T), see `sequence_metrics`; the probabilities of the true tokens
        are only known with `targets`.
    """
    sources = x[SOURCE] if isinstance(x, dict) else x
    found = np.zeros((len(sources), 3, steps), np.float32)
    found[:, 2] = UNKNOWN
    sizes = (sources != PAD).sum(axis=1)
    order = np.argsort(sizes, kind="stable")
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        seen = translator.encode(sources[rows, : sizes[rows].max()])
        found[rows, :2] = np.stack(greedy(translator, seen, steps), axis=1)
        if targets is not None:
            found[rows, 2] = true_logs(translator, seen, targets[rows])
    return found


def greedy(translator: Translator, seen: Encoding, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the likeliest token at each step, up to the end.

    Returns:
        The ids and the logarithms of their probabilities, both of shape (n, steps) and 0 after
        the end.
    """
    number = len(seen.mask)
    ids, logs = np.zeros((number, steps), np.int64), np.zeros((number, steps))
    rows, before = np.arange(number), np.full(number, START)
    state = translator.begin(seen)
    for t in range(steps):
        logits, state, _ = translator.step(before, state, seen)
        every = log_softmax(logits)
        before = allowed(every).argmax(axis=1)
        ids[rows, t], logs[rows, t] = before, every[np.arange(len(rows)), before]
        going = before != END
        if not going.any():
            break
        if not going.all():
            kept = np.flatnonzero(going)
            rows, before, seen = rows[kept], before[kept], seen.take(kept)
            state = [tuple(part[kept] for part in layer) for layer in state]
    return ids, logs


def true_logs(translator: Translator, seen: Encoding, targets: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities of true tokens, each read after those before it.

    Args:
        translator: the network.
        seen: the encoding of n sources.
        targets: the true tokens with the end, or cut before it, and padded; shape (n, T).

    Returns:
        float64 of shape (n, T); 0 after the end.
    """
    real = targets != PAD
    logs, state = np.zeros(targets.shape), translator.begin(seen)
    before = np.full(len(targets), START)
    for t in range(int(real.sum(axis=1).max())):
        logits, state, _ = translator.step(before, state, seen)
        before = targets[:, t]
        logs[:, t] = np.take_along_axis(log_softmax(logits), before[:, None], axis=1)[:, 0]
    return np.where(real, logs, 0.0)


def traced(
    translator: Translator, source: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return how each token of a target was written.

    Args:
        translator: the network.
        source: ids of shape (S,), which may be padded at the end.
        target: ids with the end, shape (T,).

    Returns:
        The weights of the attention, shape (T, S without padding), None if there is none; and the
        logarithms of the probabilities of all ids, float64 of shape (T, ids).
    """
    seen = translator.encode(source[None, source != PAD])
    state = translator.begin(seen)
    shares, logs = [], []
    for before in [START, *target[:-1].tolist()]:
        logits, state, looked = translator.step(np.array([before]), state, seen)
        logs.append(log_softmax(logits)[0])
        if looked is not None:
            shares.append(looked[0])
    return np.stack(shares) if shares else None, np.stack(logs)
