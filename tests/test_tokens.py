"""Tokens: texts that look the same have the same tokens, and no letter is lost."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtrain.data import tokens
from seqtrain.data.tokens import (
    Tokeniser,
    characters,
    chunks,
    dropped,
    keras_words,
    normalised,
    plain_words,
    suggest,
    words,
)

ALPHABETS = (
    "abXé ß’'-.<>&;",
    "हिन्दी दिन क्‍ष ",
    "ภาษาไทย น้ำ ",
    "தமிழ் ",
    "كَتَبَ می‌خواهم ",
    "İiIı\u0307\u0323 ",
    "映画がとても。ｶﾞ ",
    "한국어\u1112\u1161\u11ab ",
    "👩🏽‍💻🇩🇪❤️1\ufe0f\u20e3 ",
    "va\u0300 ma\u0301 ơ\u0309\u0323 ",
    "မြန်မာ ខ្មែរ ",
)
TEXTS = st.one_of(*(st.text(alphabet, max_size=20) for alphabet in ALPHABETS), st.text())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Marks belong to their words.
        ("हिन्दी दिन दीन", "हिन्दी दिन दीन"),
        ("தமிழ் বাংলা", "தமிழ் বাংলা"),
        ("مُحَمَّد כָּתַב", "مُحَمَّد כָּתַב"),
        ("ma\u0301 má", "má má"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"),
        # What is not seen goes, what joins letters stays.
        ("won\u00adder zero\u200bwidth \ufeffbom", "wonder zerowidth bom"),
        ("\u202bright\u202c a\u200cb a\u200db", "right ab ab"),
        ("می\u200cخواهم ක්\u200dෂ", "می\u200cخواهم ක්\u200dෂ"),
        # One apostrophe.
        ("don’t donʼt don＇t don`t don´t", "don't don't don't don't don't"),
        ("‘quoted’ 'words' l’été", "quoted words l'été"),
        # Case.
        ("İstanbul I\u0307STANBUL i\u0307stanbul", "istanbul istanbul istanbul"),
        ("Straße STRAẞE ΟΔΟΣ", "straße straße οδος"),
        # Forms for layout.
        ("ＡＢＣ１２ ｶﾞ ﬁne 𝓗𝓲", "abc12 ガ fine hi"),
        # Scripts without spaces.
        ("这家酒店ABC店", "这 家 酒 店 abc 店"),
        ("面白いスーパー。", "面 白 い ス ー パ ー"),
        ("ขาว ข้าว", "ข า ว ข้ า ว"),
        ("မြန်မာ", "မြ န် မ ာ"),
        ("日本2023年", "日 本 2023 年"),
        # Emoji, each whole.
        ("so👍🏿! 👩🏽‍💻👨‍👩‍👧 🇩🇪🇫🇷", "so 👍🏿 👩🏽‍💻 👨‍👩‍👧 🇩🇪 🇫🇷"),
        ("❤️ ❤ 1️⃣ 🏳️‍🌈", "❤ ❤ 1⃣ 🏳‍🌈"),
        # As ever.
        ("first<br />caf&eacute; &amp; it's 10/10_", "first café it's 10 10_"),
        ("col·lecció e-mail © 5€", "col·lecció e mail 5"),
    ],
)
def test_a_text_is_split_by_the_rules_of_unicode(text: str, expected: str) -> None:
    assert words(text) == expected.split(" ")


@given(TEXTS)
def test_composed_and_decomposed_texts_are_split_alike(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert words(composed) == words(decomposed)
    assert characters(composed) == characters(decomposed)
    assert chunks(composed) == chunks(decomposed)


EVERY = "".join(map(chr, range(0xA0, 0xD800))) + "".join(map(chr, range(0xE000, 0x110000)))


def test_no_character_is_passed_over_where_most_texts_need_no_second_look() -> None:
    patterns = tokens._patterns()
    others = tokens._MAYBE_ODD.sub("", EVERY)
    assert patterns.layout.search(others) is None
    assert patterns.unseen.search(others) is None
    assert patterns.idle_joiner.search(others) is None
    assert others.translate(tokens._APOSTROPHES) == others
    others = tokens._MAYBE_SINGLE.sub("", EVERY)
    assert patterns.single.search(others) is None
    found = patterns.word.findall(" ".join(others))
    assert found == patterns.spaced_word.findall(" ".join(others))
    simple = [c for c in EVERY if tokens._SIMPLE.fullmatch(c)]
    assert all(tokens._seen(unicodedata.normalize("NFC", c)) == c.lower() for c in simple)


@given(TEXTS)
def test_no_letter_falls_out(text: str) -> None:
    kept = "".join(words(text))
    letters = [c for c in normalised(text) if unicodedata.category(c)[0] == "L"]
    assert [c for c in kept if unicodedata.category(c)[0] == "L"] == letters


@given(TEXTS)
def test_what_was_split_is_split_the_same_again(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert "\n" not in "".join([*found, *characters(text), *chunks(text)])


@given(TEXTS)
def test_characters_hold_the_whole_text(text: str) -> None:
    assert "".join(characters(text)) == " ".join(normalised(text).split())


def test_characters_are_what_is_seen() -> None:
    assert characters(" Ne\u0301\n\tab! 👩🏽‍💻") == ["n", "é", " ", "a", "b", "!", " ", "👩🏽‍💻"]


def test_a_text_of_half_letters_has_tokens_that_can_be_written() -> None:
    assert "".join(characters("a\udce9\ud83d b")).encode()


def test_older_vocabularies_keep_their_rules() -> None:
    assert plain_words("It isn’t bad<br>é") == ["it", "isn’t", "bad", "é"]
    assert keras_words("It's <br />'so' bad-ish.") == ["it's", "br", "'so'", "bad", "ish"]
    assert Tokeniser("plain").near("isn’t") == "isn't"
    assert Tokeniser("keras").near("‘film’") == "film"
    assert Tokeniser("words").near("isn’t") == "isn’t"


def test_tokens_are_joined_to_a_text_again() -> None:
    assert Tokeniser("words").joined(["a", "film"]) == "a film"
    assert Tokeniser("characters").joined(["a", " ", "b"]) == "a b"
    assert Tokeniser("subwords").joined(["▁un", "seen", "▁film"]) == "unseen film"


def test_characters_in_no_word_are_counted() -> None:
    assert dropped(["ab !?", "<b>ab</b> \u00ad"]) == pytest.approx(2 / 6)
    assert dropped([]) == 0


NAMES = [f"{a}{b}{c}{d}" for a in "BDKL" for b in "aeiou" for c in "mnrs" for d in "aeiou"]
SENTENCES = ["the film was long and dull", "a warm film and a funny one", "the cast was long"]
LONG = ["".join(NAMES[(7 * i + j) % 400] for j in range(2)) for i in range(4_000)]


@pytest.mark.parametrize(
    ("texts", "expected", "reason"),
    [
        (SENTENCES * 10, "words", "0% of the words"),
        (["red", "green", "dark blue"] * 20, "words", "repeat"),
        (NAMES, "characters", "one or two words a text, of which 100% are new"),
        (["这家酒店很好我很喜欢", "房间太小了而且很脏"] * 9, "characters", "no spaces"),
        (["ภาพยนตร์เรื่องนี้ดี"] * 9, "characters", "no spaces"),
        (["हिन्दी फिल्म अच्छी है"] * 9, "words", "0%"),
        (["C=C(C)(=O)[N+]#[O-]"] * 9, "characters", "in no word"),
        ([" ".join(LONG[i : i + 5]) for i in range(0, 4_000, 5)], "subwords", "unknown"),
        ([":-)", "!!"], "characters", "no words"),
        ([], "words", "no texts"),
        ([""], "words", "no texts"),
    ],
)
def test_tokens_are_suggested_by_what_texts_hold(
    texts: list[str], expected: str, reason: str
) -> None:
    found, why = suggest(texts)
    assert found == expected
    assert reason in why
