"""What the letters of tokens without an id cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

CODE_POINTS = 0x110000  # of Unicode
HALF = 0.5  # what is added to the count of each character, as Krichevsky and Trofimov do


@dataclass(frozen=True)
class Spelling:
    """What it costs to spell a token that has no id, in bits.

    A network gives such a token the probability of `<unknown>`, which says nothing of its letters.
    They cost what a model of single characters makes of them: with it, bits per character of
    networks with different vocabularies compare.

    Attributes:
        bits: of each known character.
        unknown: of any other one.
        end: of the end of a token; 0 where tokens are single characters.
    """

    bits: dict[str, float] = field(default_factory=dict)
    unknown: float = math.log2(CODE_POINTS)
    end: float = 0.0

    @classmethod
    def fit(cls, tokens: Sequence[str], counts: Sequence[int], single: bool) -> Spelling:
        """Count the characters of the tokens of train.

        Args:
            tokens: each token.
            counts: how often each occurs.
            single: whether tokens are single characters.
        """
        found: Counter[str] = Counter()
        for token, count in zip(tokens, counts, strict=True):
            for character in token if count else "":
                found[character] += count
        ends = 0 if single else sum(counts)
        total = found.total() + ends + HALF * (len(found) + 2)
        bits = {character: math.log2(total / (n + HALF)) for character, n in found.items()}
        end = 0.0 if single else math.log2(total / (ends + HALF))
        return cls(bits, math.log2(total / HALF) + math.log2(CODE_POINTS), end)

    def of(self, token: str) -> float:
        """Return the bits of a token."""
        return sum(self.bits.get(character, self.unknown) for character in token) + self.end
