"""Language models: the whole past counts, nothing of the future is seen, every command answers."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from seqtrain.cli.console import progress
from seqtrain.config import load_config
from seqtrain.data.dataset import Dataset
from seqtrain.data.text_windows import LABEL
from seqtrain.datasets.corpus import Corpus
from seqtrain.datasets.grammar import DEEPEST, SHARES, Grammar, generate
from seqtrain.datasets.python_topics import PythonTopics
from seqtrain.errors import ConfigError, DataError
from seqtrain.inference import carried, generation, stepping
from seqtrain.inference.generation import Sampling, Writer, Written, until
from seqtrain.inference.stepping import ACTIVATIONS, Stack
from seqtrain.interpretation import unit_meanings
from seqtrain.models.recurrent import Recurrent
from seqtrain.runs import lookup
from seqtrain.runs.run import Run
from seqtrain.tasks.language_model import LanguageModel
from seqtrain.training import launch, seeds
from tests.conftest import REPOSITORY, Outcome, drawing, soaked
from tests.cutting import cut_short, go_on, results

Seqtrain = Callable[..., Outcome]

CONFIG = """
dataset: {name: corpus, path: own.txt, window: 8, validation: 0.2, test: 0.2}
model: {name: gru, units: 8, embedding_dim: 4, dropout: 0.1}
training: {epochs: 3, learning_rate: 1e-2, batch_size: 16, early_stopping: {patience: 9}}
"""
LINES = ("the cat sat on the mat.", "a dog ran.", '"no," said the cat.', "  (the dog ran on)")


def text(lines: int = 120, seed: int = 0) -> str:
    random = np.random.default_rng(seed)
    return "".join(f"{LINES[number]}\n" for number in random.integers(len(LINES), size=lines))


def write(content: str = "", file: str = "own.txt") -> Path:
    Path(file).write_text(content or text(), encoding="utf-8")
    return Path(file)


def load(**keys: Any) -> Dataset:
    section = {"name": "corpus", "path": "own.txt", "window": 8, "test": 0.2, "validation": 0.2}
    return Corpus.model_validate({**section, **keys}).load()


@pytest.fixture
def own() -> Path:
    write()
    Path("own.yaml").write_text(CONFIG)
    return Path("own.yaml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of `own`, and a run that was trained on them."""
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write()
        Path("own.yaml").write_text(CONFIG)
        run, dataset = launch.prepare(load_config(Path("own.yaml")), Path("outputs"), None)
        launch.train(run, dataset, progress)
    return folder


@pytest.fixture
def trained(shared: Path, tmp_path: Path) -> Run:
    """A copy of that run, under `outputs`."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    config = lookup.latest(Path("outputs")).folder / "config.yaml"
    config.write_text(config.read_text().replace(str(shared), str(tmp_path)))
    return lookup.latest(Path("outputs"))


def ok(outcome: Outcome) -> str:
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


# The split


@pytest.mark.parametrize("tokens", ["characters", "words", "symbols", "subwords"])
def test_the_parts_of_a_text_are_the_text(tokens: str) -> None:
    whole = text(2_000)
    write(whole)
    dataset = load(tokens=tokens, vocabulary_size=600 if tokens == "subwords" else None)
    parts = [dataset.train.whole(), dataset.validation, dataset.test]
    assert dataset.vocabulary is not None
    for part, following in zip(parts, parts[1:], strict=False):
        assert following.first[0, 0] == part.labels["token"][-1]
    counted = [int(part.labels["characters"].sum()) for part in parts]
    ends = np.cumsum(counted)
    assert ends.tolist() == [round(0.6 * len(whole)), round(0.8 * len(whole)), len(whole)]
    for part, begin, end in zip(parts, [0, *ends], ends, strict=False):
        tokens_of = [*dataset.vocabulary.names(part.labels["token"])]
        read = dataset.vocabulary.tokeniser.joined(tokens_of)
        first, last = (read.split("\n")[place] for place in (0, -1))
        middle = read[len(first) : len(read) - len(last)]
        assert middle in whole[begin:end]  # a word that the split cuts has no id of its own
        assert len(middle) > 0.98 * (end - begin)


def test_documents_stay_in_one_part_where_they_are_many() -> None:
    Path("docs").mkdir()
    for number in range(40):
        write(f"{number:02}" + "x" * 98, f"docs/{number:02}.txt")
    dataset = load(path="docs")
    assert dataset.task == LanguageModel.from_json(LanguageModel(), dataset.task.to_json())
    assert dataset.task.documents == 24  # type: ignore[attr-defined]
    names = [
        dataset.vocabulary.text(part.labels["token"]).replace("x", "").split("<start>")[1:]
        for part in (dataset.validation, dataset.test)
        if dataset.vocabulary
    ]
    assert names == [[f"{n:02}" for n in range(24, 32)], [f"{n:02}" for n in range(32, 40)]]


def test_a_line_can_separate_the_documents_of_a_file() -> None:
    write("one\n***\ntwo\ntwo\n***\n\n***\n" * 9)
    found = Corpus.model_validate({"name": "corpus", "path": "own.txt", "separator": "***"})
    assert list(found.documents(None).texts) == ["one\n", "two\ntwo\n", "\n"] * 9


def test_the_files_of_a_folder_are_read_in_order_and_others_are_not() -> None:
    Path("docs/.git").mkdir(parents=True)
    Path("docs/inner").mkdir()
    for name in ("b.txt", "a.TXT", "inner/c.md", ".hidden.txt", "d.png", ".git/e.txt"):
        write(name, f"docs/{name}")
    found = Corpus.model_validate({"name": "corpus", "path": "docs"}).documents(None)
    assert list(found.texts) == ["a.TXT", "b.txt", "inner/c.md"]


def test_all_ends_of_lines_and_forms_of_letters_are_one() -> None:
    Path("own.txt").write_bytes("e\u0301a\r\nb\rc\n".encode("utf-8-sig"))
    found = Corpus.model_validate({"name": "corpus", "path": "own.txt"}).documents(None)
    assert list(found.texts) == ["éa\nb\nc\n"]


def test_validation_can_be_the_test() -> None:
    write()
    dataset = load(validation="test")
    assert dataset.validation is dataset.test
    assert len(dataset.train.whole()) + len(dataset.test) == len(text())
    assert Corpus.model_validate(
        {"name": "corpus", "path": "own.txt", "validation": "test"}
    ).chooses_on_test


def test_the_vocabulary_is_that_of_train() -> None:
    write("ab" * 300 + "z" * 100)
    dataset = load(test=0.1, validation=0.1)
    assert dataset.vocabulary is not None
    assert dataset.vocabulary.words == ("a", "b")
    assert (dataset.test.labels["spelling"] > 20).all()


REFUSED = {
    "no text": ({"path": "own.txt"}, "", "own.txt holds no text"),
    "too short": ({"path": "own.txt"}, "abc", "of which train gets 2 tokens; it needs 8"),
    "an empty folder": ({"path": "docs"}, "abc", "holds no text files"),
    "nothing left": ({"validation": 0.5, "test": 0.6}, "abc" * 99, "leaves nothing for train"),
}


@pytest.mark.parametrize(("keys", "content", "told"), REFUSED.values(), ids=REFUSED)
def test_a_text_that_cannot_be_split_is_refused(
    keys: dict[str, Any], content: str, told: str
) -> None:
    Path("docs").mkdir()
    Path("own.txt").write_text(content)
    with pytest.raises(DataError, match=told) as caught:
        load(**keys)
    assert caught.value.hint


UNFIT = {
    "model.name=bilstm": "reads what comes after a step, too",
    "model.name=conv": "reads what comes after a step, too",
    "model.pooling=max": "is for one label of all steps",
    "model.wide=true": "answers for whole texts",
    "training.class_weight=balanced": "weighs classes, but the labels are next tokens",
    "training.monitor=val_accuracy": "must be `val_loss` or `val_bits_per_character`",
}


@pytest.mark.parametrize("override", UNFIT)
def test_a_network_that_would_see_the_future_is_refused(own: Path, override: str) -> None:
    others = ["model={name: conv}"] if "conv" in override else [override]
    with pytest.raises(ConfigError, match=UNFIT[override]):
        load_config(own, others)


def test_only_a_language_model_ties_its_head_to_the_word_vectors() -> None:
    config = REPOSITORY / "configs" / "phrases_lstm.yaml"
    with pytest.raises(ConfigError, match="but `phrases` asks for no next token"):
        load_config(config, ["model.tied_embeddings=true"])


# The generated grammar


def test_the_probabilities_of_the_grammar_are_those_of_its_text() -> None:
    """What the characters cost by their own probabilities is the entropy, worked out by hand."""
    _, logs = generate(300_000, Random(1))
    letters = -sum(share * math.log(share) for share in SHARES)

    def entropy(opens: float, closes: float, letter: float) -> float:
        parts = [opens / 3] * 3 + [closes]
        return letter * (letters - math.log(letter)) - sum(p * math.log(p) for p in parts if p)

    within, ends = (0.25, 0.35, 0.4), (0.0, 0.5, 0.5)
    moves = [(0.5, 0.25, 0.25), *[within] * (DEEPEST - 1), ends]
    chain = np.zeros((DEEPEST + 1, DEEPEST + 1))
    for depth, (opens, closes, letter) in enumerate(moves):
        chain[depth, min(depth + 1, DEEPEST)] += opens
        chain[depth, max(depth - 1, 0)] += closes
        chain[depth, depth] += letter
    stay = np.linalg.matrix_power(chain, 1_000)[0]
    wanted = sum(share * entropy(*move) for share, move in zip(stay, moves, strict=True))
    assert -np.mean(logs) == pytest.approx(wanted, rel=0.01)


def test_no_model_is_better_than_the_grammar_itself() -> None:
    dataset = Grammar.model_validate({"name": "grammar", "characters": 30_000}).load()
    unigram, counted, best = dataset.task.baselines(dataset, True, False)
    labels = dataset.test.labels
    bits = [
        dataset.task.scores("test", labels, one.predictions)["test_bits_per_character"] or 0.0
        for one in (unigram, counted, best)
    ]
    assert bits == sorted(bits, reverse=True)
    assert best.name == "the generator itself"


def test_the_topics_come_with_python() -> None:
    dataset = PythonTopics.model_validate({"name": "python_topics"}).load()
    assert len(dataset.train.whole()) > 300_000
    assert dataset.task.documents > 20  # type: ignore[attr-defined]


# The network in NumPy


def stack_and_model(name: str, **keys: Any) -> tuple[Stack, Any, np.ndarray]:
    """A network with random weights in both forms, and ids to read."""
    write()
    dataset = load()
    keys = {"units": (6, 5), "embedding_dim": 4, **keys}
    model = Recurrent(name=name, **keys).build(dataset)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.6, one.shape) for one in model.get_weights()])
    ids = random.integers(4, dataset.vocabulary_size or 5, (3, 40))
    return stepping.of_model(model), model, ids


CELLS = [("rnn", {}), ("lstm", {}), ("gru", {}), ("lstm", {"units": (7,), "dropout": 0.3})]
CELLS += [("gru", {"dense_units": (6,), "dense_activation": "gelu"})]
CELLS += [("lstm", {"tied_embeddings": True}), ("rnn", {"tied_embeddings": True, "units": (4,)})]


@pytest.mark.tf
@pytest.mark.parametrize(("name", "keys"), CELLS)
def test_steps_in_numpy_are_those_of_keras(name: str, keys: dict[str, Any]) -> None:
    stack, model, ids = stack_and_model(name, **keys)
    wanted = np.asarray(model(ids, training=False))
    features, after = stack.read(ids, stack.begin(3))
    found = stack.logits(features)
    shares = np.exp(found - found.max(-1, keepdims=True))
    np.testing.assert_allclose(shares / shares.sum(-1, keepdims=True), wanted, atol=1e-5)
    state = stack.begin(3)
    for step in range(ids.shape[1]):
        logits, state = stack.step(ids[:, step], state)
        np.testing.assert_allclose(logits, found[:, step], atol=1e-4)
    for one, other in zip(state, after, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-5)


@pytest.mark.tf
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_is_that_of_keras(name: str) -> None:
    import keras

    x = np.linspace(-8, 8, 101, dtype=np.float32)
    wanted = np.asarray(getattr(keras.activations, name)(x))
    np.testing.assert_allclose(ACTIVATIONS[name](x), wanted, atol=1e-5)


@pytest.mark.tf
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_saved_network_is_read_without_keras(name: str, tied: bool) -> None:
    stack, model, _ = stack_and_model(name, tied_embeddings=tied)
    model.save("model.keras")
    again = stepping.of_file(Path("model.keras"))
    for one, other in zip(again.dense, stack.dense, strict=True):
        np.testing.assert_array_equal(one.kernel, other.kernel)
    np.testing.assert_array_equal(again.table, stack.table)
    for one, other in zip(again.recurrences, stack.recurrences, strict=True):
        np.testing.assert_array_equal(one.recurrent, other.recurrent)


def remembering(size: float) -> Stack:
    """A random network; with a large size it hardly forgets."""
    random = np.random.default_rng(0)
    units, ids = 6, 9
    weights = [random.normal(0, size, shape) for shape in ((4, 24), (units, 24), (24,))]
    head = [random.normal(0, 1, shape) for shape in ((units, ids), (ids,))]
    layers = [
        ("Embedding", {}, [random.normal(0, 1, (ids, 4))]),
        ("LSTM", {"activation": "tanh"}, weights),
        ("Dense", {"activation": "softmax"}, head),
    ]
    return Stack.of([(kind, keys, [w.astype(np.float32) for w in ws]) for kind, keys, ws in layers])


@pytest.mark.parametrize("size", [0.3, 3.0, 8.0])
@pytest.mark.parametrize("tokens", [1, 5, 1_000, 1_023, 4_097])
def test_a_text_is_scored_as_in_one_long_pass(size: float, tokens: int) -> None:
    stack = remembering(size)
    ids = np.random.default_rng(1).integers(4, 9, tokens + 1)
    labels = np.zeros(tokens, LABEL)
    labels["token"] = ids[1:]
    task = LanguageModel(tuple("abcde"))
    features, _ = stack.read(ids[None, :-1], stack.begin())
    wanted = task.predictions(stack.logits(features[0]), labels)
    found = carried.of_text(stack, ids[:-1, None], labels, task)
    assert found.shape == wanted.shape
    assert abs(found[:, 0].mean() - wanted[:, 0].mean()) < 1e-6
    np.testing.assert_allclose(found[:, 0], wanted[:, 0], atol=1e-3)


@pytest.mark.parametrize("lanes", [1, 2, 7, 32])
def test_the_score_does_not_depend_on_how_many_parts_are_read_at_once(
    lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, tokens = remembering(8.0), 9_000
    ids = np.random.default_rng(1).integers(4, 9, tokens + 1)
    labels = np.zeros(tokens, LABEL)
    labels["token"] = ids[1:]
    task = LanguageModel(tuple("abcde"))
    monkeypatch.setattr(carried, "SHORTEST", 64)
    whole = carried.of_text(stack, ids[:-1, None], labels, task)[:, 0].mean()
    monkeypatch.setattr(carried, "LANES", lanes)
    found = carried.of_text(stack, ids[:-1, None], labels, task)[:, 0].mean()
    assert abs(found - whole) < 1e-6


# Writing


def test_a_token_is_drawn_as_often_as_it_is_likely() -> None:
    logits = np.log(np.tile([[0.5, 0.3, 0.15, 0.05]], (40_000, 1)))
    drawn = np.random.default_rng(0).random(40_000)

    def shares(**keys: Any) -> np.ndarray:
        return np.bincount(Sampling(**keys).choose(logits, drawn), minlength=4) / 40_000

    np.testing.assert_allclose(shares(), [0.5, 0.3, 0.15, 0.05], atol=0.01)
    squared = np.array([0.25, 0.09, 0.0225, 0.0025])
    np.testing.assert_allclose(shares(temperature=0.5), squared / squared.sum(), atol=0.01)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=0.01)
    np.testing.assert_allclose(shares(top_p=0.6), [0.625, 0.375, 0, 0], atol=0.01)
    np.testing.assert_allclose(shares(top_p=0.5), [1, 0, 0, 0])
    np.testing.assert_allclose(shares(top_k=1), [1, 0, 0, 0])
    np.testing.assert_allclose(shares(temperature=0), [1, 0, 0, 0])


def writer(words: str = "abcde", documents: int = 1) -> Writer:
    from seqtrain.data.tokens import Tokeniser
    from seqtrain.data.vocabulary import Vocabulary

    vocabulary = Vocabulary(tuple(words), Tokeniser("exact_characters"))
    task = LanguageModel(tuple(words), documents=documents)
    return Writer(remembering(1.0), vocabulary, task)


def written(of: Writer, beginning: str = "ab", seed: int = 0, texts: int = 1) -> list[str]:
    found = [""] * texts
    for one in of.write(beginning, 50, Sampling(), seed, texts):
        found[one.text] += one.piece
    return found


def test_a_seed_gives_one_text_and_another_seed_another() -> None:
    assert written(writer()) == written(writer())
    assert written(writer()) != written(writer(), seed=1)
    several = written(writer(), texts=4)
    assert several[0] == written(writer())[0]
    assert len({*several}) == 4


def test_a_text_goes_on_from_its_whole_past() -> None:
    """Not only from its last tokens: what was written is scored as it was drawn."""
    of = writer()
    tokens = [*of.write("abc", 60, Sampling(), 0)]
    text = "abc" + "".join(one.piece for one in tokens)
    _, _, predictions = of.score(text)
    logs = predictions[3:, 0]
    shares = np.log([one.probability for one in tokens])
    assert (logs <= shares + 1e-5).all()  # without what is never written they are larger
    ratio = shares - logs
    assert ratio.std() < 1.0
    greedy = "".join(one.piece for one in of.write("abc", 20, Sampling(0.0), 0))
    again = "".join(one.piece for one in of.write("abc", 20, Sampling(0.0), 7))
    assert greedy == again


def test_what_has_no_letters_is_never_written() -> None:
    assert {*"".join(written(writer(), texts=40))} <= {*"abcde"}


def test_a_new_document_ends_a_text() -> None:
    lengths = [len(one) for one in written(writer(documents=9), texts=40)]
    assert min(lengths) < 50
    assert min(len(one) for one in written(writer(), texts=40)) == 50


def test_characters_that_are_not_known_are_mapped_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = writer("aEc'e").ids("A’éz")
    assert found.tolist()[1:] == [4, 7, 8]
    assert "reads 'A' as 'a', '’' as \"'\", 'é' as 'e' and leaves out 'z'" in caplog.text


def test_the_longest_span_that_a_text_copies_is_found() -> None:
    from seqtrain.training.samples import longest_copied

    random = np.random.default_rng(0)
    for _ in range(50):
        source, made = ("".join(random.choice([*"ab"], 40)) for _ in range(2))
        spans = {made[a:b] for a in range(40) for b in range(a + 1, 41) if made[a:b] in source}
        assert len(longest_copied(made, source)) == max(map(len, spans))
    assert longest_copied("xyz", "abc") == ""


# Units


def test_features_are_what_their_names_say() -> None:
    features = unit_meanings.FEATURES
    text = 'ab (c"d e")\n  Fg. HI'
    wanted = {
        "position in the line": [*range(1, 12), 0, *range(1, 9)],
        "length of the word so far": [1, 2, 0, 0, 1, 0, 1, 0, 1, *[0] * 5, 1, 2, 0, 0, 1, 2],
        "within capital letters": [*[0] * 19, 1],
        "indentation": [*[0] * 12, 1, 2, 2, 2, 2, 2, 2, 2],
        "open brackets": [0, 0, 0, *[1] * 7, *[0] * 10],
        "within quotation marks": [*[0] * 5, 1, 1, 1, 1, *[0] * 11],
    }
    for name, values in wanted.items():
        assert features[name](text).tolist() == values, name
    assert features["length of the sentence so far"]("ab. c").tolist() == [1, 2, 0, 1, 2]


def test_correlations_are_those_of_numpy_and_0_for_constants() -> None:
    random = np.random.default_rng(0)
    values, feature = random.normal(size=(50, 3)).astype(np.float32), random.normal(size=50)
    values[:, 2] = 1
    found = unit_meanings.correlations(values, feature)
    np.testing.assert_allclose(found[0], np.corrcoef(values[:, 0], feature)[0, 1], atol=1e-5)
    assert found[2] == 0
    assert not unit_meanings.correlations(values, np.ones(50)).any()


# Training and the commands


@pytest.mark.tf
def test_a_language_model_answers_every_command(seqtrain: Seqtrain, trained: Run) -> None:
    run, own = trained, Path("own.yaml")
    with drawing():
        ok(seqtrain("plot", "own"))
    pictures = {picture.name for picture in run.plots.iterdir()}
    assert {"loss.png", "bits_per_character.png", "context.png", "along_the_text.png"} <= pictures
    kept, history = run.metrics(), run.history()
    best = history[kept["best_epoch"] - 1]
    assert kept["val_bits_per_character"] == best["val_bits_per_character"]
    labels, predictions = run.predictions()
    bits = -predictions[:, 0].sum(dtype=np.float64) / math.log(2) / labels["characters"].sum()
    assert kept["test_bits_per_character"] == pytest.approx(bits)
    assert kept["test_bits_per_character"] < kept["baselines"]["unigram"]["test_bits_per_character"]
    assert any(name.startswith("Kneser–Ney") for name in kept["baselines"])

    judged = json.loads(ok(seqtrain("evaluate", "--json")))
    assert judged["test_bits_per_character"] == pytest.approx(kept["test_bits_per_character"])
    validated = json.loads(ok(seqtrain("evaluate", "--split", "validation", "--json")))
    assert validated["val_loss"] == pytest.approx(best["val_loss"], abs=1e-6)
    assert json.loads(ok(seqtrain("evaluate", "--split", "train", "--json")))["examples"] > 1_000
    assert "Kneser–Ney" in ok(seqtrain("evaluate"))
    assert "windows in an epoch" in ok(seqtrain("check", own, "--load"))
    assert "test_bits_per_character" in ok(seqtrain("compare"))
    with drawing():
        told = ok(seqtrain("explain", "own", "the cat", "--html"))
        assert "bits per character" in told
        page = Path(told.splitlines()[-1]).read_text(encoding="utf-8")
        assert "Token by token" in page
        assert page.count(" bits, rank ") == len("the cat")
        ok(seqtrain("explain", "own", "--example", "2", "--json"))
        told = ok(seqtrain("explain", "own", "--units", "--html"))
        units = Path(told.splitlines()[-1]).read_text(encoding="utf-8")
        assert "correlation" in units
        ok(seqtrain("gradients", "own"))
    ok(seqtrain("report", "own", "--to", "report.html"))
    page = Path("report.html").read_text(encoding="utf-8")
    assert "The longest span that stands in train" in page
    assert "Most surprising" in page


def test_each_text_ends_with_the_text_at_which_to_stop() -> None:
    written = [
        Written(text, piece, piece, 0.5)
        for pieces in (("ab", "xa"), ("c", "b"), ("ca", "cd"), ("e", "e"))
        for text, piece in enumerate(pieces)
    ]
    found = list(until(written, 2, "bc"))
    assert ["".join(one.piece for one in found if one.text == text) for text in (0, 1)] == [
        "abc",
        "xabc",
    ]
    assert [*until(written[:3], 2, "bc")] == written[:3]
    assert [*until(written, 2, None)] == [*until(written, 2, "")] == written


@pytest.mark.usefixtures("trained")
def test_texts_are_written_ranked_and_scored(seqtrain: Seqtrain) -> None:
    first = ok(seqtrain("generate", "own", "the ", "--length", "40"))
    assert first.startswith("the ")
    assert len(first) == len("the ") + 41
    assert ok(seqtrain("generate", "own", "the ", "--length", "40")) == first
    assert ok(seqtrain("generate", "own", "the ", "--length", "40", "--seed", "1")) != first
    greedy = ok(seqtrain("generate", "own", "--temperature", "0", "--seed", "3"))
    assert greedy == ok(seqtrain("generate", "own", "--temperature", "0", "--top-k", "1"))
    stopped = ok(seqtrain("generate", "own", "the ", "--length", "400", "--stop", "\n"))
    assert stopped.count("\n") == 2
    lines = ok(seqtrain("generate", "own", "a", "-n", "3", "--format", "jsonl")).splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        assert row["text"] == "a" + "".join(one["token"] for one in row["tokens"])
        assert all(0 < one["probability"] <= 1 for one in row["tokens"])
    assert len({row["text"] for row in rows}) == 3
    ranked = ok(seqtrain("predict", "own", "the ca", "--format", "jsonl")).splitlines()
    shares = [json.loads(line)["probability"] for line in ranked]
    assert shares == sorted(shares, reverse=True)
    scored = json.loads(ok(seqtrain("score", "own", "the cat")))
    assert scored["characters"] == 7
    assert sum(one["bits"] for one in scored["tokens"]) == pytest.approx(scored["bits"], rel=1e-3)
    rows = ok(seqtrain("score", "own", "the cat", "a\ndog", "--format", "table")).splitlines()
    assert [row.split()[0] for row in rows] == ["text", "the", "a\\ndog"]
    assert rows[1].split()[-2] == f"{scored['bits_per_character']:.4f}"
    whole = json.loads(ok(seqtrain("score", "own", "--data", "own.txt")))
    assert whole["characters"] == len(text())


@pytest.mark.tf
@pytest.mark.usefixtures("trained")
def test_the_saved_network_opens_without_seqtrain() -> None:
    import keras

    run = lookup.latest(Path("outputs"))
    model = keras.models.load_model(run.model_file)
    of = Writer.of(run)
    ids = of.ids("the cat")
    shares = np.asarray(model(ids[None].astype(np.int32)))[0, -1]
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    logits = of.read("the cat")[0][0].astype(np.float64)
    wanted = np.exp(logits - logits.max())
    np.testing.assert_allclose(shares, wanted / wanted.sum(), atol=1e-5)


@pytest.mark.tf
def test_the_end_of_the_text_changes_no_weight(seqtrain: Seqtrain, own: Path) -> None:
    """Nor the choice of the epoch: the test part chooses nothing."""
    whole, kept = text(), []
    cut = round(0.8 * len(whole))
    for altered in (whole, whole[:cut] + whole[cut:][::-1]):
        write(altered)
        ok(seqtrain("train", own, "training.baselines=false"))
        run = lookup.latest(Path("outputs"))
        kept.append((run.history(), run.samples()[:-3], run.read_json("task.json", dict)))
    assert kept[0] == kept[1]


@pytest.mark.tf
def test_a_training_that_was_cut_in_an_epoch_goes_on_to_the_bit(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["training.checkpoint_minutes=1e-9", "execution.steps_per_execution=1"]
    keys += ["model.tied_embeddings=true", "training.weight_averaging=0.9"]
    keys += ["training.baselines=false", "training.epochs=2"]
    config = load_config(own, keys)
    whole, dataset = launch.prepare(config, Path("whole"), None)
    launch.train(whole, dataset, progress)
    cut, _ = launch.prepare(config, Path("cut"), None)
    batches = -(-len(dataset.train) // 16)
    cut_short(cut, monkeypatch, "on_train_batch_end", batches + batches // 2)
    assert cut.checkpoints.newest().batch  # type: ignore[union-attr]
    assert results(go_on(cut)) == results(whole)
    assert cut.samples() == whole.samples()
    assert cut.read_table("context.csv") == whole.read_table("context.csv")


@pytest.mark.tf
def test_seeds_are_compared(seqtrain: Seqtrain, own: Path) -> None:
    config = load_config(own, ["training.epochs=1", "training.baselines=false"])
    for run in seeds.prepare(config, 2, Path("outputs"), None):
        go_on(run)
    assert "±" in ok(seqtrain("compare"))


@pytest.mark.tf
@pytest.mark.soak
def test_seeds_are_trained_and_compared(seqtrain: Seqtrain, own: Path) -> None:
    ok(seqtrain("train", own, "training.epochs=1", "training.baselines=false", "--seeds", "2"))
    assert "±" in ok(seqtrain("compare"))


@pytest.mark.tf
@pytest.mark.parametrize(
    "keys",
    [
        ("dataset.tokens=words",),
        soaked(("dataset.tokens=symbols",)),
        soaked(("dataset.name=python_topics",)),
    ],
)
def test_words_and_symbols_are_learned_too(
    seqtrain: Seqtrain, own: Path, keys: tuple[str, ...]
) -> None:
    small = ("training.epochs=1", "training.baselines=false")
    if "python_topics" in keys[0]:
        config = Path("topics.yaml")
        config.write_text(CONFIG.replace("corpus, path: own.txt", "python_topics"))
        keys = ("model.units=2", "training.batch_size=512")
    else:
        config = own
    ok(seqtrain("train", config, *keys, *small))
    assert ok(seqtrain("generate", lookup.latest(Path("outputs")).folder, "the cat"))


def test_a_language_model_takes_no_examples(seqtrain: Seqtrain, trained: Run) -> None:
    outcome = seqtrain("evaluate", "own", "--data", "own.txt")
    assert outcome.exit_code == 2
    assert "seqtrain score" in outcome.stderr
    assert seqtrain("generate", "nowhere").exit_code != 0
    assert seqtrain("score", "own", "").exit_code == 2
    assert not math.isnan(generation.NEXT)
    assert trained.finished
