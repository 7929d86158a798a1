"""Sentences of two classes in many languages; they differ in letters that a tokeniser can lose."""

import unicodedata
from random import Random

Pairs = list[tuple[str, str]]

# Of each language: fillers, words of the first class, words of the second, and what joins them.
LANGUAGES = {
    "hindi": ("यह है और पर फिल्म कहानी", "दिन मिल", "दीन मील", " "),
    "tamil": ("இது ஒரு நல்ல படம் கதை", "பல் கல்", "பால் கால்", " "),
    "arabic": ("هٰذا فِي مِن عَلَى البَيْت", "كَتَبَ عَلِمَ", "كُتِبَ عُلِمَ", " "),
    "vietnamese": ("và có là phim này của", "má bạn", "mà bán", " "),
    "turkish": ("İstanbul İzmir bir film için güzel", "kuş aşı", "kus ası", " "),
    "korean": ("영화 배우 음악 이야기 감독이", "좋다 재미있다", "싫다 재미없다", " "),
    "chinese": ("导演 演员 故事 音乐 这部", "好看 喜欢", "难看 讨厌", ""),
    "japanese": ("映画は 音楽が 話も とても 監督の", "面白い 好き", "退屈だ 嫌い", ""),
    "thai": ("หนัง เรื่องนี้ เพลง และ มาก", "ข้าว ใกล้", "ขาว ไกล", ""),
    "emoji": ("so the film ok today", "😍 👍🏽 ❤️", "😡 👎🏽 💔", " "),
}
NAMES = "names"
ALL = (*LANGUAGES, NAMES)


def rows(language: str, number: int = 240) -> Pairs:
    """Return texts with their labels, composed and decomposed in turn."""
    random = Random(language)
    texts = []
    for index in range(number):
        label = index % 2
        text = _name(random, label) if language == NAMES else _sentence(random, language, label)
        form = ("NFC", "NFD")[index // 2 % 2]
        texts.append((unicodedata.normalize(form, text), ("one", "other")[label]))
    return texts


def _sentence(random: Random, language: str, label: int) -> str:
    fillers, *classes, joint = LANGUAGES[language]
    words = random.choices(fillers.split(), k=4)
    words.insert(random.randrange(5), random.choice(classes[label].split()))
    return joint.join(words)


def _name(random: Random, label: int) -> str:
    syllables = [random.choice("BDFGKLMNPRSTVZ") + random.choice("aeiou") for _ in range(3)]
    return "".join(syllables).capitalize() + (random.choice("aei"), random.choice("nrk"))[label]
