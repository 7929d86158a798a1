"""`phrases`: film reviews of one sentence, in which the order of the words decides.

They are generated in pairs: a positive and a negative sentence with the same words and the same
pairs of neighbouring words. So a model that counts words or pairs of words is right about exactly
half of the test sentences. Runs of three words help: a logistic regression on runs of up to three
words reaches 84 %, a random forest 94 %. The rest needs memory: who said what, and does the
reviewer agree?
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from seqtrain import __version__
from seqtrain.data.dataset import Dataset, Examples, Outline, empty
from seqtrain.schema.sections import Ids, Size
from seqtrain.sources.base import TokenDatasetConfig
from seqtrain.tasks import Classification

if TYPE_CHECKING:
    from seqtrain.data.vocabulary import Ragged

Pair = tuple[str, str]  # a negative and a positive sentence of the same words

CLASSES = ("negative", "positive")
GENERATOR_SEED = 1997  # seed of the generated pairs; `split_seed` decides which of them are used

# Each template is a positive sentence; where the two phrases in brackets change places, it is
# negative. The same word, or the same end of the sentence, stands before both brackets and
# behind both, so the exchange makes no new neighbours. `{film}` is one word throughout a
# sentence, and `{other_film}` another of the same kind.
TEMPLATES = (
    # Contrast: what counts is what `but` introduces, and what `though` and `not` do not.
    "Not a [{bad}] {film} but a [{good}] {film}.",
    "A [{good}] {film}, not a [{bad}] {film}.",
    "I expected a [{bad}] {film}, but I saw a [{good}] {film}.",
    "I saw a [{good}] {film}, though I had expected a [{bad}] {film}.",
    "The {film} was [{bad}] the first time I saw it, but it was [{good}] the second time.",
    "Even though the {part} was [{bad}] in places, the {other_part} was [{good}] in the end.",
    "The {part} was [{good}] in the end, even though the {other_part} was [{bad}] in places.",
    "I [{disliked}] it when I {once}, but I [{liked}] it when I {lately}.",
    "I [{liked}] it when I {lately}, though I [{disliked}] it when I {once}.",
    # Negation: what is it that is denied?
    "It was [never] a {bad} {film}; it was [always] a {good} one.",
    "I [never] thought that the {part} was {bad}, and I [always] thought it was {good}.",
    "I [always] thought that the {part} was {good}, and I [never] thought it was {bad}.",
    "I find that [nothing] about the {part} is {bad} and that [everything] about it is {good}.",
    "I find that [everything] about the {part} is {good} and that [nothing] about it is {bad}.",
    "There is no trace of [{kitsch}] in this {film} but plenty of [{charm}] in it.",
    "There is plenty of [{charm}] in this {film} and no trace of [{kitsch}] in it.",
    "It is a {film} [free] of {kitsch} and a {film} [full] of {charm}.",
    "It is a {film} [full] of {charm} and a {film} [free] of {kitsch}.",
    "I would not tell anyone to [{avoid}] it; I would tell my {person} to [{watch}] it.",
    "I would tell my {person} to [{watch}] it; I would not tell anyone to [{avoid}] it.",
    # Attribution: who says so, and does the reviewer agree?
    "What my {person} calls a [{bad}] {film} is what I call a [{good}] {film}.",
    "What I call a [{good}] {film} is what my {person} calls a [{bad}] {film}.",
    "My {person} found it [{bad}] from the start, but I found it [{good}] from start to finish.",
    "I found it [{good}] from start to finish, but my {person} found it [{bad}] from the start.",
    "It {delighted} my [{person}] and {bored} my [{other_person}], and I {trust} my {person}.",
    "It was my [{person}] who {liked} it and my [{other_person}] who {disliked} it, "
    "and I {trust} my {person}.",
    "It felt {good} to my [{person}] and {bad} to my [{other_person}], and I {trust} my {person}.",
    "It seemed [{bad}] to my {other_person}, it seemed [{good}] to my {person}, "
    "and I {trust} my {person}.",
    "It seemed [{good}] to my {person}, it seemed [{bad}] to my {other_person}, "
    "and I {trust} my {person}.",
    # Comparison: which of the two is preferred?
    "I would rather watch [this {film}] for {long} than watch [{paint_dry}] for {short}.",
    "I would pay more to watch [this {film}] again than to watch [{paint_dry}] again.",
)

# Adjectives begin with a consonant, because they stand behind `a`.
WORDS = {
    "film": "film, movie, comedy, thriller, drama, western, musical, documentary, sequel, romance",
    "part": "plot, acting, script, dialogue, music, pacing, cast, story, direction, humour",
    "good": "brilliant, charming, gripping, moving, touching, thrilling, delightful, witty, "
    "superb, wonderful, magnificent, splendid, fresh, lively, memorable, stunning, captivating, "
    "rewarding, powerful, perfect, marvellous, fascinating, clever, beautiful, great",
    "bad": "dull, boring, clumsy, silly, tedious, dreadful, lifeless, predictable, shallow, "
    "tiresome, weak, bland, pointless, forgettable, terrible, flat, messy, hollow, sloppy, "
    "stale, painful, lazy, wooden, confusing, mediocre",
    "liked": "liked, loved, adored, enjoyed, admired, praised",
    "disliked": "disliked, hated, loathed, despised, detested, mocked",
    "once": "was younger, was a child, was at school, was a student, first saw it",
    "lately": "saw it again, saw it last night, watched it yesterday, gave it another chance",
    "charm": "charm, wit, warmth, tension, style, energy, imagination, heart, grace, suspense",
    "kitsch": "kitsch, padding, boredom, pretension, nonsense, gloom, vanity, cliché",
    "avoid": "avoid, skip, miss, forget, ignore",
    "watch": "watch, see, rent, buy",
    "person": "brother, mother, neighbour, teacher, dentist, aunt",
    "delighted": "delighted, thrilled, charmed, amused, moved, enchanted, pleased",
    "bored": "bored, annoyed, disappointed, irritated, offended, tired",
    "trust": "trust, believe, agree with, side with, am with",
    "paint_dry": "paint dry, the grass grow, the rain fall, a kettle boil, my laundry spin, "
    "an empty wall, the dust settle, a candle burn",
    "long": "two hours, a whole day, three nights, a week",
    "short": "ten minutes, half an hour, a moment, one minute",
}

log = logging.getLogger(__name__)


class Phrases(TokenDatasetConfig):
    """Generated film reviews of one sentence, in which the order of the words decides."""

    name: Literal["phrases"]
    vocabulary_size: Ids = Field(
        default=300,
        description="number of ids: the most frequent words, and 4 for padding, start and "
        "unknown words; the default includes every word",
    )
    max_length: Size = Field(
        default=20,
        description="largest number of tokens of a sentence; none has more than 20",
    )
    train_pairs: int = Field(
        default=5_000,
        ge=1,
        le=20_000,
        description="pairs of training sentences, one negative and one positive of the same words",
    )
    test_pairs: int = Field(default=1_000, ge=1, le=20_000, description="pairs of test sentences")

    def outline(self) -> Outline:
        """Return all but the labels."""
        return replace(super().outline(), examples=self.train_pairs)

    def check_memory(self) -> None:
        """Check that the memory suffices for the sentences of all pairs."""
        self.require_memory(2 * (self.train_pairs + self.test_pairs))

    def read(self, data_dir: Path | None) -> Dataset:
        """Return the sentences as ids of their words; both of a pair lie in the same split."""
        from seqtrain.data.vocabulary import Corpus

        self.check_memory()
        pairs = generate(self.train_pairs + self.test_pairs)
        train, test = self._texts(pairs)
        corpus = Corpus("plain")
        train_numbers, test_numbers = corpus.add(train), corpus.add(test)
        fitted = corpus.fit(train_numbers)
        examples = self._examples(fitted.encode(train_numbers))
        return Dataset(
            train=examples,
            validation=empty(examples),
            test=self._examples(fitted.encode(test_numbers)),
            task=Classification(CLASSES),
            source=f"generated by seqtrain {__version__}",
            sha256=_sha256(pairs),
            vocabulary_size=self.vocabulary_size,
            mask=self.mask,
            padding=self.padding,
            vocabulary=fitted.vocabulary.first(self.vocabulary_size),
            originals=lambda indices: [test[index] for index in indices],
        )

    def _texts(self, pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
        """Split the pairs into train and test; return the sentences of each."""
        import numpy as np

        order = np.random.default_rng(self.split_seed).permutation(len(pairs)).tolist()
        train, test = (
            [text for index in sorted(chosen) for text in pairs[index]]
            for chosen in (order[self.test_pairs :], order[: self.test_pairs])
        )
        log.info(
            "%s distinct train sentences, %s distinct test sentences, %s in both",
            *(f"{len(set(texts)):,}" for texts in (train, test)),
            len(set(train) & set(test)) or "none",
        )
        return train, test

    def _examples(self, sequences: Ragged) -> Examples:
        """Return sentences, of which every second is positive, with their labels."""
        import numpy as np

        return self.examples(sequences, np.arange(len(sequences), dtype=np.int32) % 2)


@cache
def generate(number: int) -> tuple[Pair, ...]:
    """Generate different pairs; a larger number starts with the same pairs."""
    random = Random(GENERATOR_SEED)
    pairs: dict[Pair, None] = {}  # ordered, unlike a set
    while len(pairs) < number:
        pairs[_pair(random)] = None
    return tuple(pairs)


def table(number: int) -> str:
    """Return pairs as a CSV file with a column `review` and one of its `sentiment`."""
    written = io.StringIO()
    rows = [
        (text, name) for pair in generate(number) for name, text in zip(CLASSES, pair, strict=True)
    ]
    csv.writer(written, lineterminator="\n").writerows([("review", "sentiment"), *rows])
    return written.getvalue()


def _pair(random: Random) -> Pair:
    words = {}
    for kind, choices in WORDS.items():
        words[kind], words[f"other_{kind}"] = random.sample(choices.split(", "), 2)
    positive = random.choice(TEMPLATES).format(**words)
    before, one, between, other, behind = re.split(r"[\[\]]", positive)
    return f"{before}{other}{between}{one}{behind}", f"{before}{one}{between}{other}{behind}"


def _sha256(pairs: Sequence[Pair]) -> str:
    """Return the hash of a line for each sentence: its class, a tab, the sentence."""
    lines = [
        f"{name}\t{text}\n" for pair in pairs for name, text in zip(CLASSES, pair, strict=True)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
