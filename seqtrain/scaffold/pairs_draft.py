"""Draft a config for pairs: an encoder–decoder that writes a target for each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from math import ceil
from statistics import median

from seqtrain.data import inputs
from seqtrain.data.dataset import Dataset
from seqtrain.data.pair_encoding import Kind
from seqtrain.datasets.pairs import Pairs
from seqtrain.display.escape import one_line
from seqtrain.display.sentences import counted
from seqtrain.io.text_file import shown
from seqtrain.scaffold.data_keys import Found, Request, section
from seqtrain.scaffold.recipe import FEW, SHARE_OF_FEW, Line
from seqtrain.tasks.translation import CHRF, translation

SAMPLE = 20_000  # pairs whose tokens are counted
MOST_SYMBOLS, OFTEN = 500, 20  # different ones, and how often each is there on average
SHORT = 40  # characters of a text that is read letter by letter
SMALL, LARGE = 2_000, 50_000  # pairs: up to so many in small batches, and from so many in large
READ, FEWEST, MOST = 20_000_000, 5, 60  # tokens that are read in all, and limits of the epochs
VOCABULARY = 2_000  # ids of subwords, for up to `LARGE` pairs


def draft_pairs(
    request: Request, found: Found, config: Pairs
) -> tuple[dict[str, list[Line]], list[tuple[str, str]], Dataset]:
    """Return the sections of a config, messages on the decisions, and the loaded data.

    Args:
        request: names the data.
        found: where the pairs are.
        config: the same, with the keys that a person gives.

    Raises:
        DataError: the pairs cannot be read, or are too few.
    """
    pairs = config.read(None).parts["train"]
    sample = pairs[:: max(len(pairs) // SAMPLE, 1)]
    keys, kinds = [*found.keys], []
    for place, side in enumerate(("source", "target")):
        tokens, why = suggest([pair[place] for pair in sample])
        if f"{side}_tokens" in config.model_fields_set:
            tokens, why = getattr(config, f"{side}_tokens"), "as asked"
        keys.append((f"{side}_tokens", tokens, why))
        if tokens == "subwords" and len(pairs) <= LARGE:
            keys.append((f"{side}_vocabulary_size", VOCABULARY, "parts of words"))
        kinds.append(f"{tokens} for the {side}: {why}")
    keys += _shares(config, len(pairs))
    dataset = section(request, keys).load()
    first = " → ".join(shown(one_line(side)) for side in pairs[0])
    empty = sum(not (one.strip() and other.strip()) for one, other in pairs)
    left_out = [("left out", f"{counted(empty, 'pair')} with an empty side")] if empty else []
    told = [
        *found.told,
        ("pairs", f"{len(pairs):,}, the first: {first}"),
        *left_out,
        *(("tokens", kind) for kind in kinds),
        ("task", f"translation, {dataset.task.summary(dataset.train.labels)} in train"),
    ]
    return _sections(keys, dataset), told, dataset


def suggest(texts: Sequence[str]) -> tuple[Kind, str]:
    """Suggest what the tokens of one side are, with the reason in a few words.

    Args:
        texts: some of that side, such as words, dates, phonemes or sentences.
    """
    counts = Counter(part for text in texts for part in text.split())
    several = counts.total() >= 2 * len(texts)
    repeat = len(counts) <= min(MOST_SYMBOLS, counts.total() / OFTEN)
    if several and repeat and not any(map(str.isdecimal, counts)):
        return "symbols", f"{len(counts)} different ones between spaces"
    if median(map(len, texts)) <= SHORT:
        return "characters", "the texts are short"
    if not several:
        return "characters", "there are no spaces between words"
    return "subwords", "sentences, whose rare words come in parts"


def _shares(config: Pairs, rows: int) -> list[Line]:
    """Return the shares of the splits that have no files of their own."""
    share = 0.1 if rows <= LARGE else 0.05
    named = (
        ("test", share, "share of all sources for the test"),
        ("validation", share if rows >= FEW else SHARE_OF_FEW, "share that chooses the epoch"),
    )
    return [line for line in named if not getattr(config, f"{line[0]}_path")]


def _sections(keys: list[Line], dataset: Dataset) -> dict[str, list[Line]]:
    """Return the keys of the config; the recipe is that of docs/translation.md."""
    rows = len(dataset.train)
    read = sum(int((ids != 0).sum()) for ids in inputs.arrays(dataset.train.x))
    epochs = min(max(ceil(READ / max(read, 1)), FEWEST), MOST)
    training: list[Line] = [
        ("epochs", epochs, "at most"),
        ("batch_size", 32 if rows <= SMALL else 64 if rows <= LARGE else 128, ""),
        ("bucket_by_length", True, "sources of similar length in one batch, with little padding"),
        ("learning_rate", 2e-3, ""),
        ("schedule", "cosine", "the learning rate falls towards 0"),
        ("clipnorm", 1.0, "largest norm of a gradient"),
        ("early_stopping", {"patience": 5}, "epochs in which validation gets no better"),
    ]
    if translation(dataset.task).texts and find_spec("sacrebleu"):
        training.append(("monitor", f"val_{CHRF.name}", "few sentences are right to the letter"))
    model: list[Line] = [
        ("name", "encoder_decoder", ""),
        ("cell", "lstm", "rnn | lstm | gru"),
        ("units", 128, "of the encoder, in each direction"),
        ("embedding_dim", 64, "length of each token's vector"),
        ("attention", "dot", "each step of the decoder looks at all of the source"),
        ("dropout", 0.2, "share of outputs that are dropped in training"),
    ]
    execution: list[Line] = [("backend", "auto", "jax where it is installed: it is faster")]
    return {"dataset": keys, "model": model, "training": training, "execution": execution}
