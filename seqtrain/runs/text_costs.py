"""What the test text of a language model costs: by what was read before, and along the text."""

import numpy as np

from seqtrain.evaluation import language_metrics
from seqtrain.runs.run import CONTEXT, Run

SMOOTHED = 30  # parts of the text
GROWTH = 1.25  # from one number of tokens read before to the next


def by_context(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of tokens, rising by about a quarter, and the mean bits up to each."""
    rows = run.read_table(CONTEXT)
    values = np.array([row["bits_per_character"] for row in rows])
    ends = np.unique(np.round(GROWTH ** np.arange(50)).astype(int))
    ends = np.append(ends[ends < len(values)], len(values))
    starts = np.concatenate([[0], ends[:-1]])
    means = [values[start:end].mean() for start, end in zip(starts, ends, strict=True)]
    return np.sqrt((starts + 1) * ends), np.array(means)


def by_part(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each of `SMOOTHED` parts in characters, and its bits per character."""
    labels, predictions = run.predictions()
    ends = labels["characters"].cumsum(dtype=np.int64)
    number = min(SMOOTHED, len(labels))
    part = np.minimum((ends - 1).clip(0) * number // max(int(ends[-1]), 1), number - 1)
    bits = np.bincount(part, language_metrics.bits(labels, predictions), minlength=number)
    characters = np.bincount(part, labels["characters"].astype(np.float64), minlength=number)
    middle = (np.arange(number) + 0.5) * int(ends[-1]) / number
    return middle, bits / np.maximum(characters, 1)
