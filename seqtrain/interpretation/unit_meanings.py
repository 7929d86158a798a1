"""Units whose state follows something that a person can name, as Karpathy showed by hand.

A. Karpathy, J. Johnson and L. Fei-Fei, "Visualizing and Understanding Recurrent Networks", 2015.
Units are chosen by their correlation on the validation text, and the correlation that is told is
that on the test text, which chose nothing. If validation is the test, its second half chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtrain.inference.generation import Writer
from seqtrain.runs import run_data
from seqtrain.runs.run import UNITS, Run

READ = 20_000  # tokens of each text
SHOWN = 360  # characters of a passage
LEAST = 0.2  # absolute correlation on validation, below which nothing was found
OPENS, CLOSES = "([{", ")]}"
QUOTES = {'"': '"', "“": "”", "«": "»"}
SENTENCE = ".!?"


@dataclass(frozen=True)
class Meaning:
    """A unit, and what it follows.

    Attributes:
        feature: what it follows.
        layer: the number of its layer, from 1.
        state: `cell` or `hidden`.
        unit: its number, from 1.
        correlation: Pearson's, on the test text.
        validation: the same on the validation text, by which the unit was chosen.
        text: a passage of the test text.
        values: the state of the unit after each of its characters, float64 of shape (characters,).
    """

    feature: str
    layer: int
    state: str
    unit: int
    correlation: float
    validation: float
    text: str
    values: np.ndarray


def find(run: Run, data_dir: Path | None) -> list[Meaning]:
    """Return the unit that follows each feature best, the clearest first.

    Raises:
        RunError: the run has no model.
        DataError: the data cannot be read.
    """
    writer = Writer.of(run)
    dataset = run_data.load_readable(run, data_dir)
    test, validation = dataset.test.first[:, 0], dataset.validation.first[:, 0]
    if dataset.validation is dataset.test:
        validation, test = validation[len(validation) // 2 :], test[: len(test) // 2]
    chosen, judged = (_Read.of(writer, text[:READ]) for text in (validation, test))
    found = []
    for name in FEATURES:
        if (meaning := _best(name, chosen, judged)) is not None:
            found.append(meaning)
    return sorted(found, key=lambda one: -abs(one.correlation))


@dataclass(frozen=True)
class _Read:
    """A text, and the states after each of its tokens.

    Attributes:
        text: its characters.
        ends: the last character of each token, int64 of shape (n,).
        states: by layer and name, float32 of shape (n, units).
    """

    text: str
    ends: np.ndarray
    states: dict[tuple[int, str], np.ndarray]

    @classmethod
    def of(cls, writer: Writer, ids: np.ndarray) -> _Read:
        """Read ids, and keep all states."""
        inside: list[dict[str, np.ndarray]] = []
        writer.stack.read(ids[None], writer.stack.begin(), inside)
        pieces = writer.pieces(ids)
        ends = np.cumsum([len(piece) for piece in pieces]) - 1
        states: dict[tuple[int, str], np.ndarray] = {
            (number, name): layer[name][0]
            for number, layer in enumerate(inside, 1)
            for name in ("cell", "hidden")
            if name in layer
        }
        return cls("".join(pieces), ends.clip(0), states)

    def feature(self, name: str) -> np.ndarray:
        """Return a feature after each token, float64 of shape (n,)."""
        return np.asarray(FEATURES[name](self.text)[self.ends])


def _best(name: str, chosen: _Read, judged: _Read) -> Meaning | None:
    """Return the unit that follows a feature best; None if there is none."""
    best: tuple[float, int, str, int] | None = None
    feature = chosen.feature(name)
    for (layer, state), values in chosen.states.items():
        found = correlations(values, feature)
        unit = int(np.abs(found).argmax())
        if best is None or abs(found[unit]) > abs(best[0]):
            best = (float(found[unit]), layer, state, unit)
    if best is None or abs(best[0]) < LEAST:
        return None
    validation, layer, state, unit = best
    values = judged.states[layer, state][:, unit]
    correlation = float(correlations(values[:, None], judged.feature(name))[0])
    text, shown = _passage(name, judged, values)
    return Meaning(name, layer, state, unit + 1, correlation, validation, text, shown)


def correlations(values: np.ndarray, feature: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each column with a feature; 0 where one is constant.

    Args:
        values: shape (n, units).
        feature: shape (n,).
    """
    apart = values - values.mean(axis=0, dtype=np.float64)
    other = feature - feature.mean()
    size = np.sqrt(np.square(apart).sum(axis=0) * np.square(other).sum())
    zeros = np.zeros(values.shape[1])
    return np.asarray(np.divide(other @ apart, size, out=zeros, where=size > 0))


def _passage(name: str, read: _Read, values: np.ndarray) -> tuple[str, np.ndarray]:
    """Return the passage in which a feature varies most, and the state after each character."""
    feature = FEATURES[name](read.text)
    starts = np.arange(0, max(len(feature) - SHOWN, 1), SHOWN // 4)
    spread = [feature[start : start + SHOWN].std() for start in starts.tolist()]
    begin = int(starts[int(np.argmax(spread))])
    begin = read.text.find("\n", begin, begin + SHOWN // 2) + 1 or begin
    token = np.searchsorted(read.ends, np.arange(begin, min(begin + SHOWN, len(feature))))
    shown = values[np.minimum(token, len(values) - 1)].astype(np.float64)
    return read.text[begin : begin + len(shown)], shown


def _since(text: str, marks: Callable[[str], bool]) -> np.ndarray:
    """Return how many characters ago the last one of a kind was; float64, shape (n,)."""
    places = np.arange(len(text))
    there = np.array([marks(character) for character in text], bool)
    last = np.maximum.accumulate(np.where(there, places, -1))
    return np.asarray((places - last).astype(np.float64))


def _line(text: str) -> np.ndarray:
    return _since(text, lambda character: character == "\n")


def _word(text: str) -> np.ndarray:
    return _since(text, lambda character: not character.isalnum())


def _sentence(text: str) -> np.ndarray:
    return _since(text, lambda character: character in SENTENCE)


def _capitals(text: str) -> np.ndarray:
    """Return 1 from the second of several capital letters to the end of their word."""
    both = zip(" " + text, text, strict=False)
    return np.array([float(a.isupper() and b.isupper()) for a, b in both])


def _indentation(text: str) -> np.ndarray:
    """Return the spaces at the beginning of the line of each character, up to it."""
    found, spaces, leading = [], 0, True
    for character in text:
        if character == "\n":
            spaces, leading = 0, True
        elif leading and character in " \t":
            spaces += 1
        else:
            leading = False
        found.append(float(spaces))
    return np.array(found)


def _brackets(text: str) -> np.ndarray:
    """Return how many brackets are open after each character; a blank line closes all."""
    found, depth, before = [], 0, ""
    for character in text:
        if character in OPENS:
            depth += 1
        elif character in CLOSES:
            depth = max(depth - 1, 0)
        elif character == before == "\n":
            depth = 0
        before = character
        found.append(float(depth))
    return np.array(found)


def _quotes(text: str) -> np.ndarray:
    """Return 1 between a quotation mark and the one that ends it; a blank line ends it, too."""
    found, wanted, before = [], "", ""
    for character in text:
        if wanted and (character == wanted or character == before == "\n"):
            wanted = ""
        elif not wanted and character in QUOTES:
            wanted = QUOTES[character]
        before = character
        found.append(float(bool(wanted)))
    return np.array(found)


# From a text to a number for each of its characters, float64 of shape (n,).
FEATURES: dict[str, Callable[[str], np.ndarray]] = {
    "position in the line": _line,
    "length of the word so far": _word,
    "length of the sentence so far": _sentence,
    "within capital letters": _capitals,
    "indentation": _indentation,
    "open brackets": _brackets,
    "within quotation marks": _quotes,
}


def numbers(found: list[Meaning]) -> list[dict[str, Any]]:
    """Return units and what they follow, for JSON."""
    return [
        {
            "feature": one.feature,
            "layer": one.layer,
            "state": one.state,
            "unit": one.unit,
            "correlation": round(one.correlation, 4),
            "validation": round(one.validation, 4),
            "text": one.text,
            "values": [float(f"{value:.4g}") for value in one.values.tolist()],
        }
        for one in found
    ]


def keep(run: Run, found: list[Meaning]) -> None:
    """Keep the units in the run, for its report."""
    run.write_json(UNITS, numbers(found))
