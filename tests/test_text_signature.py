"""TensorFlow's operations make the ids that seqtrain makes of the same texts."""

import unicodedata
from typing import Any

import numpy as np
import pytest

from seqtrain.data.tokens import RULES, Tokeniser
from seqtrain.data.vocabulary import Vocabulary
from seqtrain.datasets.text import Text
from seqtrain.inference import text_signature
from seqtrain.inference.text_signature import TextReader
from tests.conftest import soaked
from tests.languages import ALL, rows

pytestmark = [pytest.mark.tf, pytest.mark.slow]

TEXTS = [
    "",
    "  \t ",
    "It's a GREAT film!<br /><br />Don’t miss &amp; see. 2 < 3 <3",
    "don’t donʼt don＇t don`t don´t ‘quoted’ ''x'' 'tis rock'n'roll x'",
    "“Quotes” – dashes—and…dots, e-mail col·lecció 10/10_ © 5€ x²",
    "caf&eacute; &#39;x&#39; it&#039;s it&#x27;s &nbsp;&hellip; &copy 1 &notit; &unknown; AT&T",
    "İstanbul I\u0307STANBUL ı ΟΔΟΣ ΣΣ Straße STRAẞE ÉTÉ ЁЛКА Ǆ ŉ",
    "ma\u0301 má Tiếng Việt tie\u0302\u0301ng e\u0323\u0302 \u1112\u1161\u11ab\u1100\u116e 한국어",
    "won\u00adder zero\u200bwidth \ufeffbom \u202bright\u202c a\u200cb a\u200db",
    "می\u200cخواهم کتاب\u200cها را ක්\u200dෂ क्ष க்ஷ हिन्दी दीन",
    "ＡＢＣ１２ ｶﾞ ﬁne 𝓗𝓲 这家酒店ABC店 面白いスーパー。 日本2023年 ขาว ข้าว မြန်မာ",
    "so👍🏿! 👩🏽‍💻👨‍👩‍👧 🇩🇪🇫🇷 ❤️ ❤ 1️⃣ 🏳️‍🌈 ☺ ™",
    "a\x01b\x85c\x96d\nnew\r\nline\u3000wide\u2028",
]
TEXTS += [text for language in ALL for text, _ in rows(language, 12)]
ENDS = [("post", "post"), ("pre", "pre"), soaked("post", "pre"), soaked("pre", "post")]


def ids(texts: list[str], rule: Any, words: list[str] | None = None, **keys: Any) -> Any:
    """Return the ids that TensorFlow makes of texts, and those of seqtrain."""
    known = sorted({word for text in texts for word in RULES[rule](text)})
    vocabulary = Vocabulary(tuple(words or known), Tokeniser(rule))
    section = Text(name="text", path="-", **{"max_length": 90, **keys})
    read = TextReader(vocabulary, section)(np.array([text.encode() for text in texts]))
    return np.asarray(read), section.encode(vocabulary.encode(texts))


@pytest.mark.parametrize("rule", text_signature.RULES)
def test_texts_get_the_ids_of_seqtrain(rule: str) -> None:
    # a control character stays within a word of Keras's rule
    found, wanted = ids([text for text in TEXTS if rule != "keras" or "\x01" not in text], rule)
    assert found.dtype == np.int32
    different = (found != wanted).any(axis=1)
    assert not different.any(), [TEXTS[row] for row in np.flatnonzero(different)]


@pytest.mark.parametrize(("padding", "truncating"), ENDS)
def test_texts_are_padded_and_cut_at_the_ends_of_the_run(padding: str, truncating: str) -> None:
    texts = ["a b c d e f", "a b", "", "a new b"]
    keys = {"max_length": 4, "padding": padding, "truncating": truncating}
    found, wanted = ids(texts, "words", [*"abcdef"], vocabulary_size=8, **keys)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("rule", ["plain", "keras"])
def test_an_older_vocabulary_knows_words_with_other_apostrophes(rule: str) -> None:
    texts = ["isn't ISN’T film ‘film’ don’t don't naïve nai\u0308ve", "“film”"]
    found, wanted = ids(texts, rule, ["isn’t", "film", "don't", "naïve"])
    np.testing.assert_array_equal(found, wanted)
    assert (found[0, 1:7] > 2).all()


def test_no_end_of_a_text_is_lost_at_nul() -> None:
    found, wanted = ids(["a film\0 of É"], "keras", ["a", "film", "of", "é"])
    np.testing.assert_array_equal(found, wanted)


def test_what_operations_cannot_do_is_known() -> None:
    """What the module says; where this fails, less must be said there."""
    unordered = "\u0634\u0651\u064e"  # NFC puts the second mark before the first
    assert unicodedata.normalize("NFC", unordered) != unordered
    for text in (unordered, "می\u200c است", "&#128512;"):
        found, wanted = ids([text], "words")
        assert (found != wanted).any()
