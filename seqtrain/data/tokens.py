"""Split a text into tokens by Unicode's rules: words, characters, or chunks for subwords.

Texts that look the same give the same tokens. Before a text is split, it is normalised: HTML tags
and entities are removed; letters are composed (NFC); layout forms become plain letters (`ＡＢＣ`,
`ﬁ`); variants of the apostrophe become `'`; invisible characters (soft hyphens, zero-width spaces,
marks of writing direction) are removed; and letters become lower-case. Joiners stay where UAX #31
says that they matter: after a virama, and between Arabic letters. `İ` becomes `i`; `ß` stays `ß`.

Language models write texts, so their rules begin with `exact` and lose nothing: the tokens of a
text give it back, with its capitals, spaces and lines.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, Literal

Tokens = Literal["words", "characters", "subwords"]  # of the key `dataset.tokens`
Rule = Literal[
    "words",
    "characters",
    "subwords",
    "symbols",
    "plain",
    "keras",
    "exact_characters",
    "exact_words",
    "exact_subwords",
    "exact_symbols",
]
EXACT = "exact_"  # what the names of the rules for language models begin with

SPACE = "▁"  # which SentencePiece puts before each chunk of a text
SAMPLE = 4_000  # texts that `suggest` looks at
HELD_OUT = 5  # every fifth text of the sample is held out
UNSPACED, DROPPED, SHORT, NEW, MANY_NEW, FEW = 0.5, 0.3, 2, 0.2, 0.35, 2_000  # see `suggest`

MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,100}>")
_SYMBOL = re.compile(r" ?\S+|\s")
_CHUNK = re.compile(r"\S+|(?!(?<=\S) (?=\S))\s")
_SPACED = re.compile(rf"(^|[^\S{SPACE}]){SPACE}")
_BYTES = re.compile(r"(?:<0x[0-9A-F]{2}>)+")
_PLAIN_WORD = re.compile(r"\w+(?:['’]\w+)*")
_ASCII_WORD = re.compile(r"[a-z0-9_]+(?:'[a-z0-9_]+)*")
_WORD = re.compile(r"\w+(?:['·]\w+)*")
# Texts that only need lower case: unmarked letters of scripts with spaces, and punctuation.
_SIMPLE = re.compile(
    "[\x00-\x7f\xa1-\xac\xae-\xb3\xb5-\u012f\u0131-\u01c3\u01ce-\u01ef\u0250-\u02ad\u0386"
    "\u0388-\u03ff\u0400-\u0482\u048a-\u052f\u2010-\u2017\u201a\u201c-\u2027\u2030\u2031\u2033-\u203b"
    "\u20a0-\u20bf\uac00-\ud7a3]*"
)
# A superset of what `_Patterns` looks for: most texts pass this quick check.
_MAYBE_ODD = re.compile(
    "[\xad\xb4\u02b9-\u02bc\u034f\u05f3\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2018-\u201b\u2028-\u2032\u2060-\u206f\u3164\ufb00-\ufdff"
    "\ufe00-\ufe0f\ufe70-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U0001d400-\U0001d7ff\U000e0000-\U000e0fff]"
)
_MAYBE_SINGLE = re.compile(
    "[\u02ea\u02eb\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf"
    "\u1b00-\u1b7f\u2000-\u2bff\u2e80-\ua4cf\ua900-\uabff\uf900-\ufaff\uff66-\uff9f"
    "\U00010000-\U0010ffff]"
)
CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of pairs
_DOTTED = re.compile("i\u0307+")
_APOSTROPHES = str.maketrans(dict.fromkeys("`´‘’‛ʻʼʹ′＇׳", "'"))
_KERAS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))

# Classes of characters in the notation of `regex`, whose patterns `_patterns` compiles.
_SCRIPTS = (
    "Han Hiragana Katakana Bopomofo Thai Lao Khmer Myanmar Tai_Le New_Tai_Lue Tai_Tham "
    "Tai_Viet Javanese Balinese Yi"
)
_SPACELESS = "".join(rf"\p{{Script={name}}}" for name in _SCRIPTS.split())
_SPACELESS += "\u3006\u3031-\u3035\u3099\u309a\u30fc"  # of Chinese and Japanese alike
SINGLE = rf"[[\p{{L}}\p{{M}}\p{{Nl}}]&&[{_SPACELESS}]]"  # each is a word of its own
EMOJI = r"[[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}]--[©®™]]"
LETTER = rf"[[\p{{L}}\p{{N}}_]--{SINGLE}]"  # which begins a word
JOINING = r"[[\p{Arabic}\p{Syriac}\p{Mongolian}\p{Nko}\p{Phags_Pa}]&&\p{L}]"
VIRAMA = r"\p{Canonical_Combining_Class=9}"
PICTURE = r"\p{Extended_Pictographic}"


def words(text: str) -> list[str]:
    """Split a text into lower-case words, without HTML tags and punctuation; `don't` is one word.

    Each emoji is a token, and so is each character of scripts without spaces: Chinese, Japanese,
    Thai, Lao, Khmer, Burmese and others.
    """
    text = normalised(text)
    if text.isascii():
        return _ASCII_WORD.findall(text)
    if _SIMPLE.fullmatch(text):
        return _WORD.findall(text)
    patterns = _patterns()
    split = patterns.word if _MAYBE_SINGLE.search(text) else patterns.spaced_word
    return split.findall(text)  # type: ignore[no-any-return]


def characters(text: str) -> list[str]:
    """Split a text into lower-case visible characters; a run of spaces becomes one space."""
    text = " ".join(normalised(text).split())
    if text.isascii():
        return list(text)
    return _patterns().character.findall(text)  # type: ignore[no-any-return]


def chunks(text: str) -> list[str]:
    """Split a text at its spaces; subwords are parts of chunks."""
    return normalised(text).replace(SPACE, "_").split()


def plain_words(text: str) -> list[str]:
    """Split a text into runs of letters and digits, as `imdb` and `phrases` are split."""
    return _PLAIN_WORD.findall(html.unescape(MARKUP.sub(" ", text)).lower())


def keras_words(text: str) -> list[str]:
    """Split a text like Keras's `Tokenizer`, which made the ids of `imdb.npz`."""
    return [word for word in text.lower().translate(_KERAS).split(" ") if word]


def exact_words(text: str) -> list[str]:
    """Split a text into words, runs of other marks, spaces and ends of lines; nothing is lost.

    A single space belongs to the word or the marks that follow it. Each character of scripts
    without spaces is a token.
    """
    return _patterns().exact_word.findall(text)  # type: ignore[no-any-return]


def exact_symbols(text: str) -> list[str]:
    """Split a text at its spaces, such as notes of music; a single space belongs to what follows.

    Each further space, and each end of a line, is a token.
    """
    return _SYMBOL.findall(text)


def exact_chunks(text: str) -> list[str]:
    """Split a text into words, and each space or end of a line but a single space between words.

    Subwords are parts of words; `Tokeniser.joined` puts the single spaces back.
    """
    return _CHUNK.findall(text.replace(SPACE, "_"))


def normalised(text: str) -> str:
    """Normalise a text to lower case, so that texts that look the same are equal."""
    if "<" in text:
        text = MARKUP.sub(" ", unicodedata.normalize("NFC", text))  # `e` with a mark is no tag
    if "&" in text:
        text = html.unescape(text)
    text = CONTROL.sub(" ", text)
    text = text.replace("`", "'").replace("’", "'")
    if text.isascii() or _SIMPLE.fullmatch(text):
        return text.lower()
    text = unicodedata.normalize("NFC", text)
    return _seen(text) if _MAYBE_ODD.search(text) else _lower(text)


def _seen(text: str) -> str:
    """Return a text without variants that look the same."""
    patterns = _patterns()
    text = patterns.layout.sub(_compatible, text).translate(_APOSTROPHES)
    return _lower(patterns.idle_joiner.sub("", patterns.unseen.sub("", text)))


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", _DOTTED.sub("i", text.lower()))


def _compatible(found: Any) -> str:
    return unicodedata.normalize("NFKC", found[0])


@dataclass(frozen=True)
class _Patterns:
    """Patterns compiled with `regex`, which knows Unicode properties."""

    word: Any
    spaced_word: Any
    single: Any
    character: Any
    layout: Any
    unseen: Any
    idle_joiner: Any
    exact_word: Any


@cache
def _patterns() -> _Patterns:
    word = rf"{LETTER}(?:[\p{{M}}\u200c\u200d]|{LETTER})*+"
    letter = rf"[[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d]--{SINGLE}]"
    picture = rf"{PICTURE}[\p{{M}}\p{{Emoji_Modifier}}]*"
    return _Patterns(
        word=compiled(rf"(?=[{EMOJI}{SINGLE}])\X|{word}(?:['·]{word})*+"),
        spaced_word=compiled(
            r"[\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*+"
            r"(?:['·][\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*+)*+"
        ),
        single=compiled(rf"[{SINGLE}&&\p{{L}}]"),
        character=compiled(r"\X"),
        layout=compiled(r"[\uff01-\uffee\ufb00-\ufdff\ufe70-\ufefc\U0001d400-\U0001d7ff&&\P{Cn}]+"),
        unseen=compiled(
            r"[[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]"
            r"--[\u200c\u200d\U000e0020-\U000e007f]]"
            rf"|(?<!{picture}[\U000e0020-\U000e007f]*)[\U000e0020-\U000e007f]"
        ),
        idle_joiner=compiled(
            rf"(?<!{VIRAMA})(?<!{JOINING}\p{{M}}*(?=\u200c\p{{M}}*{JOINING}))"
            rf"(?<!{picture}(?=\u200d{PICTURE}))[\u200c\u200d]"
        ),
        exact_word=compiled(
            rf" ?{SINGLE}\p{{M}}*| ?{letter}+(?:['’]{letter}+)*+| ?[[^\s]--{letter}--{SINGLE}]+|\s"
        ),
    )


def compiled(pattern: str) -> Any:
    """Compile a pattern with `regex`, which knows Unicode properties and sets of characters."""
    import regex

    return regex.compile(pattern, regex.VERSION1)


RULES: dict[Rule, Callable[[str], list[str]]] = {
    "words": words,
    "characters": characters,
    "subwords": chunks,
    "symbols": str.split,
    "plain": plain_words,
    "keras": keras_words,
    "exact_characters": list,
    "exact_words": exact_words,
    "exact_subwords": exact_chunks,
    "exact_symbols": exact_symbols,
}


@dataclass(frozen=True)
class Tokeniser:
    """A rule for splitting texts, with its model for subwords.

    Attributes:
        rule: the name of the rule.
        model: for subwords, the model file of SentencePiece.
    """

    rule: Rule = "words"
    model: bytes = b""

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        found = RULES[self.rule](text)
        if self.kind != "subwords":
            return found
        from seqtrain.data.subwords import split

        parts = split(self.model, [chunk for chunk in found if not chunk.isspace()])
        return [piece for chunk in found for piece in ([chunk] if chunk.isspace() else next(parts))]

    @property
    def kind(self) -> str:
        """What the tokens are: `words`, `characters`, `subwords` or `symbols`."""
        kind = self.rule.removeprefix(EXACT)
        return "words" if kind in ("plain", "keras") else kind

    @property
    def exact(self) -> bool:
        """Whether the tokens of a text give it back."""
        return self.rule.startswith(EXACT)

    def joined(self, tokens: Iterable[str]) -> str:
        """Join tokens into a readable text."""
        if self.rule == "exact_subwords":
            return _rejoined(tokens)
        if self.exact or self.rule == "characters":
            return "".join(tokens)
        if self.rule == "subwords":
            return "".join(tokens).replace(SPACE, " ").strip()
        return " ".join(tokens)

    def near(self, token: str) -> str:
        """Return the plain form of a token, if the rule keeps variants of letters.

        So a network that was trained on `don't` also knows `don’t`.
        """
        if self.rule not in ("plain", "keras"):
            return token
        found = words(token)
        return found[0] if len(found) == 1 else token


def _rejoined(pieces: Iterable[str]) -> str:
    """Join exact subwords: a word that follows a space or begins the text has no further one."""
    text = "".join(pieces)
    text = _BYTES.sub(_decoded, text)
    return _SPACED.sub(r"\1", text).replace(SPACE, " ")


def _decoded(found: Any) -> str:
    return bytes.fromhex(found[0].replace("<0x", "").replace(">", "")).decode("utf-8", "replace")


def dropped(texts: Iterable[str]) -> float:
    """Return the share of characters, without spaces, that are in no token."""
    written = kept = 0
    for text in texts:
        written += sum(map(len, normalised(text).split()))
        kept += sum(map(len, words(text)))
    return 1 - kept / written if written else 0.0


def suggest(texts: Sequence[str]) -> tuple[Tokens, str]:
    """Suggest the tokens for some texts, with the reason in a few words.

    Characters suit scripts without spaces, single words such as names, and texts that do not
    consist of words. Subwords suit languages in which each text has many new words.
    """
    sample = texts[:: max(1, len(texts) // SAMPLE)]
    split = [words(text) for text in sample]
    if not any(texts):
        return "words", "there are no texts to choose by"
    if not any(split):
        return "characters", "the texts hold no words"
    if _unspaced(sample) > UNSPACED:
        return "characters", "the script has no spaces between words"
    if (share := dropped(sample)) > DROPPED:
        return "characters", f"{share:.0%} of the characters are in no word"
    new = new_words(split)
    if median(map(len, split)) <= SHORT:
        if new > NEW:
            return "characters", f"one or two words a text, of which {new:.0%} are new each time"
        return "words", "few words, which repeat"
    if new > MANY_NEW and sum(map(len, split)) > FEW:
        return "subwords", f"{new:.0%} of the words in new texts would be unknown"
    return "words", f"{new:.0%} of the words in new texts would be unknown"


def new_words(split: Sequence[Sequence[str]]) -> float:
    """Return the share of words in every fifth text that no other text has."""
    known = {word for index, found in enumerate(split) if index % HELD_OUT for word in found}
    held = Counter(word for found in split[::HELD_OUT] for word in found)
    unknown = sum(count for word, count in held.items() if word not in known)
    return unknown / max(held.total(), 1)


def _unspaced(texts: Iterable[str]) -> float:
    """Return the share of letters from scripts without spaces."""
    letters = single = 0
    for text in texts:
        text = normalised(text)
        letters += sum(map(str.isalpha, text))
        if not _SIMPLE.fullmatch(text):
            single += len(_patterns().single.findall(text))
    return single / max(letters, 1)
