"""`init --data` drafts an encoder–decoder for pairs: a source, and what it becomes."""

import csv
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from seqtrain.config import load_config
from seqtrain.config.config import Config
from seqtrain.datasets.pairs import Pairs
from seqtrain.scaffold import pairs_draft
from tests.conftest import Outcome

Seqtrain = Callable[..., Outcome]
NUMBERS = "zero one two three four five six seven eight nine".split()
ASKED = "dataset.name=pairs"
NULLS = "nul een twee drie vier vijf zes zeven acht negen".split()


def spelled(number: int, words: list[str]) -> str:
    return " ".join(words[int(digit)] for digit in str(number))


def table(name: str, header: list[str], rows: Iterable[list[str]]) -> Path:
    with Path(name).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return Path(name)


def languages(name: str = "own.csv", rows: int = 120) -> Path:
    header = ["id", "english", "dutch"]
    numbers = range(1000, 1000 + rows)
    return table(name, header, ([str(n), spelled(n, NUMBERS), spelled(n, NULLS)] for n in numbers))


def drafted(seqtrain: Seqtrain, *given: object) -> tuple[Config, Pairs, str]:
    """Return the config, its section of the data, and what was told."""
    outcome = seqtrain("init", *given, "--to", "mine.yaml")
    assert outcome.exit_code == 0, outcome.stderr
    config = load_config(Path("mine.yaml"))
    assert isinstance(config.dataset, Pairs)
    config.dataset.load()
    return config, config.dataset, outcome.stderr


def refused(seqtrain: Seqtrain, *given: object) -> str:
    outcome = seqtrain("init", *given, "--to", "mine.yaml")
    assert outcome.exit_code == 2
    assert not Path("mine.yaml").exists()
    return outcome.stderr


def test_two_columns_of_texts_without_labels_are_pairs(seqtrain: Seqtrain) -> None:
    config, found, told = drafted(seqtrain, "--data", languages())
    assert (found.source_column, found.target_column) == ("english", "dutch")
    assert (found.source_tokens, found.target_tokens) == ("symbols", "symbols")
    assert config.model.name == "encoder_decoder"
    assert "dataset.source_column=dutch dataset.target_column=english" in told
    assert "`--label COLUMN`" in told
    assert "translation, 97 sequences, 14 ids in train" in told


def test_a_file_of_sentences_is_read_as_tatoeba_gives_it(seqtrain: Seqtrain) -> None:
    licence = "CC-BY 2.0 (France) Attribution: tatoeba.org #{} (CM) & #{} (sacredceltic)"
    lines = [
        f"I see {n} houses.\tJe vois {n} maisons.\t{licence.format(n, 3 * n)}\n" for n in range(100)
    ]
    Path("fra.txt").write_text("".join(["Go.\tVa !\t" + licence.format(1, 2) + "\n", *lines]))
    _, found, told = drafted(seqtrain, "--data", "fra.txt")
    assert (found.source_column, found.target_column) == ("column_1", "column_2")
    assert "the first: Go. → Va !" in told
    assert "`dataset.header=true` if it names the columns" in told


NO_CLASSES = "holds classes"


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (["text", "id"], lambda n: [f"a text of {n}", str(n)], NO_CLASSES),
        (
            ["user", "post"],
            lambda n: [f"u{'abcdef'[n % 6]}{n}x", f"What I say on {n} " * 9],
            NO_CLASSES,
        ),
        (
            ["text", "label"],
            lambda n: [f"a text of {n}", f"like {n} others"],
            "`label` holds no classes",
        ),
        (
            ["a", "b", "c", "d", "e"],
            lambda n: [f"{one} says {n} words" for one in "pqrst"],
            NO_CLASSES,
        ),
        (
            ["title", "body", "price"],
            lambda n: [f"a title of {n}", f"and a body of {n}", f"${n}.93"],
            "has a currency sign",
        ),
    ],
)
def test_other_tables_without_labels_are_no_pairs(
    header: list[str], row: Callable[[int], list[str]], message: str, seqtrain: Seqtrain
) -> None:
    data = table("own.csv", header, (row(n) for n in range(10, 60)))
    assert message in refused(seqtrain, "--data", data)


def test_numbers_and_dates_are_pairs_where_a_person_says_so(seqtrain: Seqtrain) -> None:
    rows = ([str(n), f"{n}+{n % 7}", str(n + n % 7)] for n in range(60, 120))
    _, found, _ = drafted(seqtrain, "--data", table("a.csv", ["no", "sum", "is"], rows), ASKED)
    assert (found.source_column, found.target_column) == ("sum", "is")
    assert (found.source_tokens, found.target_tokens) == ("characters", "characters")


def test_columns_are_found_by_name_or_given(seqtrain: Seqtrain) -> None:
    rows = [[f"z{n}", f"x{n}", f"y{n}"] for n in range(60)]
    data = table("own.csv", ["target", "note", "source"], rows)
    _, found, _ = drafted(seqtrain, "--data", data, ASKED)
    assert (found.source_column, found.target_column) == ("source", "target")
    Path("mine.yaml").unlink()
    _, found, _ = drafted(seqtrain, "--data", data, ASKED, "--text", "note", "--label", "source")
    assert (found.source_column, found.target_column) == ("note", "source")
    Path("mine.yaml").unlink()
    _, found, _ = drafted(seqtrain, "--data", data, "dataset.target_column=source")
    assert (found.source_column, found.target_column) == ("note", "source")


def test_two_files_belong_together_line_by_line(seqtrain: Seqtrain) -> None:
    for name, words in (("en.txt", NUMBERS), ("nl.txt", NULLS)):
        Path(name).write_text("".join(f"{spelled(n, words)}\n" for n in range(100, 200)))
    _, found, told = drafted(seqtrain, "--data", "en.txt", "dataset.target_path=nl.txt")
    assert (Path(found.path).name, Path(found.target_path or "").name) == ("en.txt", "nl.txt")
    assert "the lines of en.txt, and those of nl.txt" in told


def test_what_is_missing_is_named(seqtrain: Seqtrain) -> None:
    data = languages()
    told = refused(seqtrain, "--data", data, "dataset.source_column=german")
    assert "no column is called `german`" in told
    assert "`english`, `dutch`" in told
    one = table("one.csv", ["text"], ([f"text {n}"] for n in range(20)))
    assert "no two columns" in refused(seqtrain, "--data", one, ASKED)
    twice = table("twice.csv", ["text", "text"], ([f"a{n}", f"b{n}"] for n in range(20)))
    assert "columns with equal names" in refused(seqtrain, "--data", twice, ASKED)
    half = table("half.csv", ["source", "target"], ([f"a{n}", ""] for n in range(20)))
    assert "nothing stands in `target`" in refused(seqtrain, "--data", half, ASKED)
    Path("folder").mkdir()
    assert "two text files" in refused(seqtrain, "--data", "folder", ASKED)
    told = refused(seqtrain, "--data", data, "--text", "dutch", "dataset.source_column=english")
    assert "`--text` and `dataset.source_column` name two columns" in told
    Path("en.txt").write_text("one\ntwo\n")
    assert "`dataset.target_path=…`" in refused(seqtrain, "--data", "en.txt", ASKED)


def test_keys_that_a_person_gives_stay(seqtrain: Seqtrain) -> None:
    given = ("dataset.target_tokens=words", "dataset.test=0.2", "model.units=8")
    config, found, told = drafted(seqtrain, "--data", languages(), *given)
    assert (found.target_tokens, found.test) == ("words", 0.2)
    assert config.model.units == (8,)  # type: ignore[union-attr]
    assert "words for the target: as asked" in told


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (["HH AH0 L OW1", "W ER1 L D"] * 100, "symbols"),
        (["3 May 1998", "12 June 2001"] * 100, "characters"),
        (["hello", "world"] * 100, "characters"),
        (
            [f"We saw house {n} at the end of the road, and went in." for n in range(200)],
            "subwords",
        ),
        (["今日は天気がいいですね"] * 100, "characters"),
    ],
)
def test_texts_decide_their_tokens(texts: list[str], tokens: str) -> None:
    assert pairs_draft.suggest(texts)[0] == tokens


def test_the_reason_for_characters_is_the_right_one() -> None:
    assert "short" in pairs_draft.suggest(["今日は天気がいいですね"] * 9)[1]
    assert "no spaces" in pairs_draft.suggest(["今日は天気がいいですね" * 9] * 9)[1]


def test_the_command_that_turns_a_pair_round_can_be_typed(seqtrain: Seqtrain) -> None:
    rows = ([spelled(n, NUMBERS), spelled(n, NULLS)] for n in range(1000, 1060))
    data = table("own.csv", ["0", "1"], rows)
    _, found, told = drafted(seqtrain, "--data", data)
    assert (found.source_column, found.target_column) == ("0", "1")
    command = re.search(r"the other way round: `(.*)`\n", told)
    assert command
    Path("mine.yaml").unlink()
    _, found, _ = drafted(seqtrain, "--data", data, *shlex.split(command[1]))
    assert (found.source_column, found.target_column) == ("1", "0")


def test_sentences_are_judged_by_their_letters(seqtrain: Seqtrain) -> None:
    pytest.importorskip("sacrebleu")
    rows = (
        [f"We saw house {n} at the end of the road, and we went in.", f"Wij zagen huis {n} daar."]
        for n in range(120)
    )
    given = ("dataset.source_vocabulary_size=600", "dataset.target_vocabulary_size=600")
    config, found, _ = drafted(seqtrain, "--data", table("own.csv", ["en", "nl"], rows), *given)
    assert found.source_tokens == "subwords"
    assert config.training.monitor == "val_chrf"


@pytest.mark.tf
def test_a_draft_trains_as_it_stands(seqtrain: Seqtrain) -> None:
    drafted(seqtrain, "--data", languages(rows=60), "training.epochs=1", "model.units=4")
    outcome = seqtrain("train", "mine.yaml", "execution.backend=tensorflow")
    assert outcome.exit_code == 0, outcome.stderr
    assert "exact match" in outcome.stderr


def test_the_names_of_the_columns_count_more_than_their_places(seqtrain: Seqtrain) -> None:
    rows = [[spelled(n, NULLS), spelled(n, NUMBERS), f"note {n}"] for n in range(1000, 1060)]
    data = table("own.csv", ["target", "source", "remark"], rows)
    _, found, told = drafted(seqtrain, "--data", data)
    assert (found.source_column, found.target_column) == ("source", "target")
    assert "or another: `dataset.target_column=remark`" in told
    assert "60, the first: one zero zero zero → een nul nul nul" in told


def test_a_column_of_numbers_is_a_side_if_there_is_no_other(seqtrain: Seqtrain) -> None:
    data = table("own.csv", ["number", "dutch"], ([str(n), spelled(n, NULLS)] for n in range(99)))
    _, found, _ = drafted(seqtrain, "--data", data, ASKED)
    assert (found.source_column, found.target_column) == ("number", "dutch")


def test_what_is_left_out_is_told(seqtrain: Seqtrain) -> None:
    for name, words, end in (("en.txt", NUMBERS, "\n\n"), ("nl.txt", NULLS, "")):
        lines = [spelled(n, words) if end or n % 20 else "" for n in range(101, 200)]
        Path(name).write_text("\n".join(lines) + end)
    _, _, told = drafted(seqtrain, "--data", "en.txt", "dataset.target_path=nl.txt")
    assert "left out   4 pairs with an empty side" in told
