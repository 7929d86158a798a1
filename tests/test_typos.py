"""A word with one typo gets the right word as a suggestion."""

import json
import random
from collections.abc import Iterator
from string import ascii_lowercase
from typing import Any, NamedTuple

import pytest

from seqtrain.config import load_config
from seqtrain.errors import ConfigError
from seqtrain.schema import json_schema as schemas
from tests.factories.written_configs import KEYS, ROOT, write

EACH = 1  # typos of each kind in each word
LEAST = 0.9


class Typo(NamedTuple):
    """A word written wrongly, the word that was meant, and the config in which it stands."""

    path: str
    written: str
    meant: str
    tree: dict[str, Any]


def deletion(word: str, place: int, letter: str) -> str:
    return word[:place] + word[place + 1 :]


def insertion(word: str, place: int, letter: str) -> str:
    return word[:place] + letter + word[place:]


def substitution(word: str, place: int, letter: str) -> str:
    return word[:place] + letter + word[place + 1 :]


def transposition(word: str, place: int, letter: str) -> str:
    return word[:place] + word[place : place + 2][::-1] + word[place + 2 :]


KINDS = [deletion, insertion, substitution, transposition]


def typos(word: str, valid: list[str], chance: random.Random) -> Iterator[str]:
    """Yield some typos of each kind, none of which is a word that is valid."""
    for kind in KINDS:
        places = [(place, letter) for place in range(len(word)) for letter in ascii_lowercase]
        wrong = sorted({kind(word, *place) for place in places} - {*valid, ""})
        yield from chance.sample(wrong, min(EACH, len(wrong)))


def typos_in_keys() -> Iterator[Typo]:
    chance = random.Random(0)
    for section, key in KEYS:
        for written in typos(key, list(section.keys), chance):
            tree, inner = section.changed()
            inner[written] = inner.pop(key, section.keys[key].get("default"))
            yield Typo(".".join([*section.path, written]), written, key, tree)


def typos_in_words() -> Iterator[Typo]:
    chance = random.Random(0)
    for section, key in KEYS:
        path = [*section.path, key]
        words = schemas.choices(schemas.at(ROOT, path, section.tree))
        for word in schemas.choices(section.keys[key]):
            for written in typos(word, words, chance):
                yield Typo(".".join(path), written, word, section.with_value(key, written))


def suggests(typo: Typo) -> bool:
    """Return whether the message about the typo has the word that was meant."""
    file = write(json.dumps(typo.tree))  # JSON is YAML
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    told = [line for line in caught.value.message.splitlines() if f": {typo.path}: " in line]
    return any(line.endswith(f"did you mean `{typo.meant}`?") for line in told)


def share(found: list[Typo]) -> float:
    """Return the share of typos whose word was suggested, and print the others."""
    missed = [f"{typo.written} for {typo.meant}" for typo in found if not suggests(typo)]
    right = 1 - len(missed) / len(found)
    print(f"{right:.1%} of {len(found)} typos bring the right word; not {', '.join(missed)}")
    return right


def test_a_slip_in_a_key_brings_the_key() -> None:
    found = list(typos_in_keys())
    assert len(found) >= 3 * len(KEYS)
    assert share(found) >= LEAST


def test_a_slip_in_a_word_brings_the_word() -> None:
    found = list(typos_in_words())
    assert {typo.meant for typo in found} >= {"adam", "imdb", "lstm", "tanh", "test", "auto"}
    assert share(found) >= LEAST
