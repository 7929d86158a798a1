"""What datasets of pairs have in common: tokens of both sides, splits by source, and reports."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from seqtrain.data import pair_encoding
from seqtrain.data.dataset import Dataset, Examples, Fitted, NewExamples, Outline
from seqtrain.data.pair_encoding import (
    Kind,
    Pair,
    PairedExamples,
    SourceReader,
    TargetWriter,
    plain,
)
from seqtrain.data.subwords import SMALLEST
from seqtrain.display.sentences import counted
from seqtrain.errors import DataError
from seqtrain.io.text_file import told
from seqtrain.schema.sections import Count, Ids, Seed, Share, Size, broken
from seqtrain.sources.base import DatasetConfig
from seqtrain.sources.own_files import PARTS
from seqtrain.tasks.translation import Translation, translation

if TYPE_CHECKING:
    from seqtrain.io.tables import Table

DEFAULT_SIZES = {"words": 10_000, "subwords": 4_000, "symbols": 10_000}
DEFAULT_LENGTH = 400  # the most tokens of a side, where the config does not say

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairedTexts:
    """Pairs as they were read.

    Attributes:
        parts: the pairs of `train`, and of `validation` and `test` where these have files.
        source: what was read.
        sha256: the hash of its content, and of the keys by which it was read.
    """

    parts: Mapping[str, Sequence[Pair]]
    source: str
    sha256: str


class PairedTextConfig(DatasetConfig):
    """The keys of every dataset of pairs."""

    source_tokens: Kind = Field(
        default="characters",
        description="what the network reads one by one: `characters`; `words`, with punctuation; "
        "`subwords`, which are learned; or `symbols` between spaces, such as phonemes",
    )
    target_tokens: Kind = Field(
        default="characters", description="what the network writes one by one, of the same kinds"
    )
    source_vocabulary_size: Ids | None = Field(
        default=None,
        description="number of ids of the sources, with 4 for padding, start, unknown tokens and "
        "end; null is every character of train, 10,000 for words and symbols, and 4,000 for "
        "subwords",
    )
    target_vocabulary_size: Ids | None = Field(default=None, description="the same for the targets")
    max_source_length: Size | None = Field(
        default=None,
        description="most tokens of a source, of which the rest is not read; null is the longest "
        f"of train, at most {DEFAULT_LENGTH}",
    )
    max_target_length: Size | None = Field(
        default=None,
        description="most tokens that the network writes; null is the longest target of train, at "
        f"most {DEFAULT_LENGTH}. A longer target can never be written, so it counts as wrong",
    )
    reverse_source: bool = Field(
        default=False,
        description="read the last token of a source first (Sutskever et al. 2014): where there is "
        "no attention, the first token then is near to the first that is written",
    )
    validation: Share = Field(
        default=0.1, description="share of the sources that chooses the best epoch"
    )
    test: Share = Field(default=0.1, description="share of the sources for the final scores")
    split_seed: Seed = Field(
        default=0, description="seed of the split; `seed` does not change the split"
    )
    limit: Count | None = Field(
        default=None, description="number of training pairs to use; null uses all"
    )
    drop_repeated: bool = Field(
        default=False,
        description="leave out training pairs whose source is in validation or test too",
    )

    @model_validator(mode="after")
    def _room_for_subwords(self) -> Self:
        for side in ("source", "target"):
            size = getattr(self, key := f"{side}_vocabulary_size")
            if getattr(self, f"{side}_tokens") == "subwords" and size and size < SMALLEST:
                rule = f"must be at least {SMALLEST} for `{side}_tokens: subwords`"
                raise broken([(f"dataset.{key}", rule)])
        return self

    @abstractmethod
    def read(self, data_dir: Path | None) -> PairedTexts:
        """Read the pairs.

        Raises:
            DataError: a file is missing or damaged.
        """

    def kin(self, source: str) -> str:
        """Return what sources have in common that must stand in one split: all but their spaces."""
        return " ".join(source.split())

    @property
    def holds_tokens(self) -> bool:
        """True."""
        return True

    @property
    def holds_pairs(self) -> bool:
        """True."""
        return True

    @property
    def hides_padding_at_the_end(self) -> bool:
        """True."""
        return True

    def new_task(self) -> Translation:
        """Return the task, not fitted."""
        return Translation()

    def outline(self) -> Outline:
        """Return the steps where the config says them, and at least how many ids there are."""
        ids = self.source_vocabulary_size or 5, self.target_vocabulary_size or 5
        return Outline(
            (self.max_source_length or 1,),
            *ids,
            others={pair_encoding.TARGET: (self.max_target_length or 1,)},
        )

    def load(self, data_dir: Path | None = None) -> Dataset:
        """Read the pairs, split them by source, and fit both vocabularies on train.

        Raises:
            DataError: a file is missing or damaged, or too small for the splits.
        """
        found = self.read(data_dir)
        parts = self._split(found)
        reader, writer = self._fitted(parts["train"])
        examples = {name: self._examples(parts[name], name, reader, writer) for name in PARTS}
        self._report(parts, examples, reader, writer)
        test = examples["test"]
        return Dataset(
            train=examples["train"],
            validation=examples["validation"],
            test=test,
            task=Translation.fitted(reader, writer, [other for _, other in parts["train"]]),
            source=found.source,
            sha256=found.sha256,
            vocabulary_size=reader.size,
            mask=True,
            vocabulary=reader.vocabulary,
            originals=lambda indices: [test.texts[index] for index in indices.tolist()],
        )

    def _examples(
        self, pairs: Sequence[Pair], part: str, reader: SourceReader, writer: TargetWriter
    ) -> PairedExamples:
        """Return each pair of train; of the other parts each source, with all its right targets."""
        if part == "train":
            sources, targets = [one for one, _ in pairs], [[other] for _, other in pairs]
            return pair_encoding.examples(reader, writer, sources, targets)
        groups = pair_encoding.grouped(pairs)
        return pair_encoding.examples(reader, writer, [*groups], [*groups.values()])

    def _fitted(self, train: Sequence[Pair]) -> tuple[SourceReader, TargetWriter]:
        """Fit the vocabularies and the numbers of steps on train."""
        sources, targets = [one for one, _ in train], [other for _, other in train]
        kinds = self.source_tokens, self.target_tokens
        sizes = self.source_vocabulary_size, self.target_vocabulary_size
        of_source, of_target = (
            pair_encoding.fit(kind, texts, size or DEFAULT_SIZES.get(kind))
            for kind, texts, size in zip(kinds, (sources, targets), sizes, strict=True)
        )
        longest = int(of_source.encode(sources).lengths.max())  # with the start
        written = int(of_target.encode(targets).lengths.max())  # with the end instead
        most = (self.max_source_length or DEFAULT_LENGTH) + 1
        steps = (self.max_target_length or DEFAULT_LENGTH) + 1
        reader = SourceReader(of_source, min(longest, most), self.reverse_source)
        return reader, TargetWriter(of_target, min(written, steps))

    def _split(self, found: PairedTexts) -> dict[str, list[Pair]]:
        """Return the pairs of each part; no part shares a source with another, if it is drawn."""
        parts = {name: self._whole(pairs, found, name) for name, pairs in found.parts.items()}
        for name, share in (("test", self.test), ("validation", self.validation)):
            if name not in parts:
                parts["train"], parts[name] = self._drawn(parts["train"], share, found, name)
        if self.drop_repeated:
            held = {self.kin(one) for name in ("validation", "test") for one, _ in parts[name]}
            parts["train"] = [pair for pair in parts["train"] if self.kin(pair[0]) not in held]
            if not parts["train"]:
                raise DataError(
                    f"{found.source}: every source of train stands in validation or test too",
                    "give other pairs, or leave out `dataset.drop_repeated`",
                )
        if self.limit is not None and self.limit < len(parts["train"]):
            parts["train"] = _chosen(parts["train"], self.limit, self.split_seed)
        return parts

    def _whole(self, pairs: Sequence[Pair], found: PairedTexts, part: str) -> list[Pair]:
        """Return the pairs of a part that have both sides."""
        kept = [pair for pair in pairs if pair[0].strip() and pair[1].strip()]
        if len(kept) < len(pairs):
            number = len(pairs) - len(kept)
            log.info("%s", *told(found.source, {f"pairs of {part} with an empty side": number}))
        if not kept:
            raise DataError(
                f"{found.source}: no pair of {part} has a source and a target",
                "correct `dataset.source_column` and `dataset.target_column`, or the files",
            )
        return kept

    def _drawn(
        self, pairs: Sequence[Pair], share: float, found: PairedTexts, part: str
    ) -> tuple[list[Pair], list[Pair]]:
        """Return the pairs that stay in train, and those of a share of all sources."""
        import numpy as np

        kin = [self.kin(source) for source, _ in pairs]
        different = [*dict.fromkeys(kin)]
        number = round(share * len(different))
        if not 0 < number < len(different):
            sources = counted(len(different), "source")
            raise DataError(
                f"{found.source}: {sources} cannot give {part} a share of {share:g}",
                "give more pairs"
                + (f", or another share: `dataset.{part}=0.5`" if len(different) > 1 else ""),
            )
        random = np.random.default_rng([self.split_seed, PARTS.index(part)])
        taken = {different[index] for index in random.permutation(len(different))[:number]}
        stay = [pair for pair, one in zip(pairs, kin, strict=True) if one not in taken]
        return stay, [pair for pair, one in zip(pairs, kin, strict=True) if one in taken]

    def _report(
        self,
        parts: Mapping[str, Sequence[Pair]],
        examples: Mapping[str, PairedExamples],
        reader: SourceReader,
        writer: TargetWriter,
    ) -> None:
        """Log what is cut, unknown, or in two splits."""
        train = {self.kin(source) for source, _ in parts["train"]}
        for name, some in examples.items():
            for line in told_of(name, some, reader, writer):
                log.info("%s", line)
            repeated = sum(self.kin(text) in train for text in some.texts)
            if name != "train" and repeated:
                log.info(
                    "%s of the %s sources of %s are in train too; `dataset.drop_repeated=true` "
                    "takes them from train",
                    *(f"{repeated:,}", f"{len(some):,}", name),
                )

    def reader(self, fitted: Fitted) -> SourceReader:
        """Return how a trained network reads sources.

        Raises:
            DataError: its vocabulary is unknown.
        """
        if fitted.vocabulary is None:
            raise DataError("the tokens of the network's ids are not known, so it can read no text")
        task = translation(fitted.task)
        return SourceReader(fitted.vocabulary, task.source_steps, self.reverse_source)

    def encode_texts(self, texts: Sequence[str], fitted: Fitted) -> NewExamples:
        """Return sources as ids of shape (N, S)."""
        if not texts:
            hint = '`seqtrain translate RUN "a text"`, or lines of standard input'
            raise DataError("no text is given", hint)
        return NewExamples(self.reader(fitted).ids(texts)[0], list(texts))

    def read_given(self, file: Path, fitted: Fitted) -> NewExamples:
        """Read sources from a table with a column of them, or a text file with one on each line."""
        from seqtrain.data.new_texts import given_texts

        table = self.table(file)
        found = given_texts(table, *self.columns)
        for line in told(file, table.left_out):
            log.info("%s", line)
        given = self.encode_texts(found.texts, fitted)
        return NewExamples(given.x, given.texts, found.labels, self.columns[1], found.lines)

    def table(self, file: Path) -> Table:
        """Return a file of new pairs as a table, in the format of the keys."""
        from seqtrain.io.tables import Table

        defaults: dict[str, Any] = {"encoding": "utf-8", "delimiter": None, "quotes": None}
        defaults["header"] = True
        keys = {key: getattr(self, key, default) for key, default in defaults.items()}
        column = self.columns[0]
        hint = f"call one of them `{column}`, or name that of the sources: `--text COLUMN`"
        return Table(file, **keys, settable=False, hint=hint)

    def paired(self, file: Path, fitted: Fitted) -> Examples:
        """Read pairs from a file, to judge a network by them.

        Raises:
            DataError: it has no targets.
        """
        given = self.read_given(file, fitted)
        if given.labels is None or given.texts is None:
            raise DataError(
                f"{file} has no column `{self.columns[1]}` to compare with",
                "give a table with sources and targets; `--label COLUMN` names that of the targets",
            )
        pairs = [*zip(plain(given.texts), plain(given.labels), strict=True)]
        whole = [pair for pair in pairs if pair[0].strip() and pair[1].strip()]
        if not whole:
            raise DataError(
                f"{file}: no pair has a source and a target",
                "`--text COLUMN` names the sources, and `--label COLUMN` the targets",
            )
        if len(whole) < len(pairs):
            number = len(pairs) - len(whole)
            log.info("%s", *told(file, {"pairs with an empty side": number}))
        groups = pair_encoding.grouped(whole)
        writer = translation(fitted.task).writer
        return pair_encoding.examples(self.reader(fitted), writer, [*groups], [*groups.values()])

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of sources and targets in files of new pairs."""
        found: tuple[Any, Any] = (
            getattr(self, "source_column", "source"),
            getattr(self, "target_column", "target"),
        )
        return found


def told_of(
    part: str, examples: PairedExamples, reader: SourceReader, writer: TargetWriter
) -> list[str]:
    """Return sentences on what a network does not see or cannot write of a part."""
    from seqtrain.data.vocabulary import PAD

    lengths = examples.lengths
    cut = 0 if lengths is None else int((lengths > reader.steps).sum())
    first = examples.labels["targets"][:, 0]
    long = int(((first != PAD).sum(axis=1) > writer.steps).sum())
    told = []
    if cut:
        are = "is" if cut == 1 else "are"
        tokens = counted(reader.steps - 1, "token")
        told.append(f"{counted(cut, 'source')} of {part} {are} cut to {tokens}")
    if long:
        are = "is" if long == 1 else "are"
        tokens = counted(writer.steps - 1, "token")
        told.append(
            f"{counted(long, 'target')} of {part} {are} longer than the {tokens} "
            "that the network writes"
        )
    for what, ids in (("sources", examples.x["source"]), ("targets", first)):
        share = f"{pair_encoding.unknown(ids):.1%}"
        if share != "0.0%":
            told.append(f"{share} of the tokens of the {what} of {part} have no id")
    return told


def _chosen(pairs: Sequence[Pair], number: int, seed: int) -> list[Pair]:
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(pairs))[:number]
    return [pairs[index] for index in sorted(order.tolist())]
