"""How a run reads texts, made of TensorFlow's own operations, for programs without seqtrain.

TensorFlow's patterns (RE2) know other versions of Unicode and look neither ahead nor behind, and no
operation composes letters (NFC). So every pattern spells out the characters that `data/tokens.py`
means by it, and what normalisation changes is looked up in tables that it filled. What stays
different: marks in an unusual order, joiners at the ends of words, entities of characters above
U+21FF by number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from seqtrain.data import tokens
from seqtrain.data.tokens import EMOJI, JOINING, LETTER, PICTURE, SINGLE, VIRAMA
from seqtrain.data.vocabulary import OOV, START, Vocabulary
from seqtrain.sources.base import TokenDatasetConfig

if TYPE_CHECKING:
    import tensorflow as tf

NAME = "serving_text"
RULES = ("words", "characters", "plain", "keras")
FOUND = "\x1f"  # stands before and behind what a pattern found; no text still holds it
JOINERS = "\u200c\u200d"
NUMBERED = 0x2200  # characters whose entities are read by number, too


@cache
def _assigned() -> str:
    """Return every character that Unicode describes, in order."""
    found = tokens.compiled(r"[^\p{Cn}\p{Co}\p{Cs}]").findall("".join(map(chr, range(0x110000))))
    return "".join(found)


def _class(characters: str, compiled: Callable[[str], Any] = tokens.compiled) -> str:
    """Return a class of characters in the notation of RE2."""
    runs = [found[0] for found in compiled(f"{characters}+").finditer(_assigned())]
    return "[" + "".join(rf"\x{{{ord(run[0]):x}}}-\x{{{ord(run[-1]):x}}}" for run in runs) + "]"


@cache
def changes() -> tuple[tuple[str, dict[str, str]], ...]:
    """Return what normalisation changes: patterns of RE2, and what becomes of what they find.

    These are entities, single characters, and letters with marks (or Hangul in parts).
    """
    forms = ("&#{:d};", "&#{:03d};", "&#x{:x};", "&#x{:02X};")
    entities = {form.format(number): "" for form in forms for number in range(NUMBERED)}
    entities = {name: unescape(name) for name in (*entities, *(f"&{name}" for name in html5))}
    names = "|".join(sorted(map(re.escape, html5), key=len, reverse=True))
    others = [c for c in _assigned() if c >= "`" and c not in JOINERS]  # control and lower case
    single = {c: new for c in others if (new := tokens.normalised(c)) != c}
    apart = {c: normalize("NFD", c) for c in others}
    composed = {old: c for c, old in apart.items() if old != c and normalize("NFC", old) == c}
    return (
        (f"&(?:#x?[0-9a-fA-F]+;|{names})", entities),
        (f"[{''.join(single)}]", single),
        (r"\P{M}\p{M}+|[\x{1100}-\x{1112}][\x{1161}-\x{1175}][\x{11a8}-\x{11c2}]?", composed),
    )


@cache
def patterns() -> dict[str, str]:
    """Return the pattern of RE2 that finds the tokens of each rule in a normalised text."""
    extend = _class(r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]")
    picture, region = _class(PICTURE), _class(r"\p{Regional_Indicator}")
    emoji = f"(?:{picture}{extend}*\u200d)+{picture}|{region}{region}"
    consonant, linker = _class(r"\p{InCB=Consonant}"), _class(r"\p{InCB=Linker}")
    linked = f"{consonant}(?:{extend}*{linker}{extend}*{consonant})+"
    inner = _class(rf"[\p{{M}}{JOINERS}{LETTER}]")
    word, plain = f"{_class(LETTER)}{inner}*", _class(r"\w", re.compile)
    parts = "".join(c for c in map(chr, range(128)) if not tokens.keras_words(c))
    joined = (
        rf"(?:{_class(VIRAMA)}|{picture}{extend}*)[{JOINERS}]|{_class(JOINING)}\p{{M}}*\x{{200c}}"
    )
    return {
        "words": f"(?:{emoji}|{_class(f'[{EMOJI}{SINGLE}]')}){extend}*|{word}(?:['·]{word})*",
        "characters": f"(?s:(?:{emoji}|{linked}|.){extend}*)",
        "plain": f"{plain}+(?:['’]{plain}+)*",
        "keras": f"[^{re.escape(parts)}]+",
        "control": _class(tokens.CONTROL.pattern, re.compile),
        "space": f"{_class('[[:space:]]')}+",
        "joiner": f"({joined})|[{JOINERS}]",
    }


class TextReader:
    """Reads texts as a run does.

    Attributes:
        tables: the tables that it looks into, which must be saved with it.
    """

    def __init__(self, vocabulary: Vocabulary, section: TokenDatasetConfig) -> None:
        """Build the tables.

        Args:
            vocabulary: of the run; its rule is one of `RULES`.
            section: of the run's config.
        """
        self._rule, self._section = vocabulary.tokeniser.rule, section
        self.tables: list[Any] = []
        known = {word: n for word, n in vocabulary.ids.items() if n < section.vocabulary_size}
        self._id_of = self._table(known, OOV)
        of_texts, *of_letters = ((what, self._table(new, FOUND)) for what, new in changes())
        self._entities, self._letters = of_texts, of_letters

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Return the ids of texts.

        Args:
            texts: strings of UTF-8, shape (N,).

        Returns:
            int32, shape (N, max_length).
        """
        import tensorflow as tf

        split: Callable[[Any], Any] = getattr(self, f"_{self._rule}")
        # TensorFlow's lower case ends a text where NUL stands.
        found = split(tf.strings.regex_replace(texts, rf"[{FOUND}\x{{0}}]", " "))
        ids = self._id_of.lookup(found)
        if self._rule in ("plain", "keras"):
            near = self._words(found.flat_values)
            single = tf.where(near.row_lengths() == 1, near.to_tensor(shape=(None, 1))[:, 0], "")
            new = tf.where(ids.flat_values == OOV, self._id_of.lookup(single), ids.flat_values)
            ids = ids.with_flat_values(new)
        ids = tf.concat([tf.fill((tf.size(texts), 1), START), ids], axis=1)
        steps = self._section.max_length
        ids = ids[:, :steps] if self._section.truncating == "post" else ids[:, -steps:]
        if self._section.padding == "post":
            return ids.to_tensor(shape=(None, steps))
        return ids[:, ::-1].to_tensor(shape=(None, steps))[:, ::-1]

    def _words(self, texts: Any) -> Any:
        return _found(self._normalised(texts), patterns()["words"])

    def _characters(self, texts: Any) -> Any:
        import tensorflow as tf

        spaced = tf.strings.regex_replace(self._normalised(texts), patterns()["space"], " ")
        return _found(tf.strings.regex_replace(spaced, "^ | $", ""), patterns()["characters"])

    def _plain(self, texts: Any) -> Any:
        return _found(_lower(self._unescaped(texts)), patterns()["plain"])

    def _keras(self, texts: Any) -> Any:
        return _found(_lower(texts), patterns()["keras"])

    def _unescaped(self, texts: Any) -> Any:
        import tensorflow as tf

        texts = tf.strings.regex_replace(texts, tokens.MARKUP.pattern, " ")
        texts = tf.strings.regex_replace(texts, patterns()["control"], " ")
        return _changed(texts, *self._entities)

    def _normalised(self, texts: Any) -> Any:
        import tensorflow as tf

        (single, of_single), (composed, of_composed) = self._letters
        texts = _changed(_lower(self._unescaped(texts)), single, of_single)
        texts = tf.strings.regex_replace(texts, patterns()["joiner"], r"\1")
        texts = tf.strings.regex_replace(texts, "i\u0307+", "i")
        return _changed(texts, composed, of_composed)

    def _table(self, content: Mapping[str, int] | Mapping[str, str], default: int | str) -> Any:
        import tensorflow as tf

        keys, values = list(content), list(content.values())
        kind = tf.string if isinstance(default, str) else tf.int32
        filled = tf.lookup.KeyValueTensorInitializer(keys, values, tf.string, kind)
        self.tables.append(tf.lookup.StaticHashTable(filled, default))
        return self.tables[-1]


def _lower(texts: Any) -> Any:
    """Return texts in lower case: first ASCII, as ICU makes `I` another letter in Turkey."""
    import tensorflow as tf

    return tf.strings.lower(tf.strings.lower(texts), "utf-8")


def _pieces(texts: Any, pattern: str) -> Any:
    """Split texts into what a pattern does not find and what it finds, in turn."""
    import tensorflow as tf

    return tf.strings.split(tf.strings.regex_replace(texts, pattern, rf"{FOUND}\0{FOUND}"), FOUND)


def _found(texts: Any, pattern: str) -> Any:
    return _pieces(texts, pattern)[:, 1::2]


def _changed(texts: Any, pattern: str, table: Any) -> Any:
    """Replace what a pattern finds by what a table says, if it says anything."""
    import tensorflow as tf

    pieces = _pieces(texts, pattern)
    old, new = pieces.flat_values, table.lookup(pieces.flat_values)
    changed = pieces.with_flat_values(tf.where(new == FOUND, old, new))
    return tf.strings.reduce_join(changed, axis=1)
