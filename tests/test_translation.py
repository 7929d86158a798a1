"""Pairs of sequences: what is read, what a network writes, and how it is judged."""

import io
import json
import math
import re
import shutil
import sys
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.config import TrainingConfig, load_config, validated
from seqtrain.data import pair_encoding
from seqtrain.data.dataset import Dataset
from seqtrain.data.pair_encoding import END, SourceReader, TargetWriter
from seqtrain.data.vocabulary import OOV, PAD, START
from seqtrain.datasets.additions import Additions
from seqtrain.datasets.dates import Dates
from seqtrain.datasets.pairs import Pairs
from seqtrain.errors import DataError
from seqtrain.evaluation import pair_baselines, sequence_metrics
from seqtrain.inference import beams, decoding
from seqtrain.inference.decoding import Translator
from seqtrain.inference.stepping import ACTIVATIONS, Affine, Recurrence
from seqtrain.inference.translating import Interpreter
from seqtrain.interpretation import findings
from seqtrain.models.encoder_decoder import EncoderDecoder
from seqtrain.report.translation_sections import as_text, differing
from seqtrain.runs import lookup
from seqtrain.runs.folders import EXPLAINED
from seqtrain.runs.run import Run
from seqtrain.schema.yaml_file import Document
from seqtrain.training import launch, verdict
from seqtrain.training.diagnosis import TrainingRecord, causes
from tests.conftest import Outcome, drawing, soaked
from tests.cutting import cut_short, go_on, results
from tests.factories.trained import saved

Seqtrain = Callable[..., Outcome]


def write_table(file: str, rows: list[tuple[str, str]]) -> Path:
    lines = ["source\ttarget", *("\t".join(row) for row in rows)]
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(file)


def words(number: int, seed: int = 0) -> list[tuple[str, str]]:
    """Words of letters, each with the same word in capitals and backwards."""
    random = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < number:
        word = "".join(random.choice([*"abcde"], random.integers(1, 7)))
        found[word] = word[::-1].upper()
    return [*found.items()]


# Datasets


def test_both_orders_of_a_sum_stand_in_one_split() -> None:
    dataset = Additions(name="additions", digits=1, examples=80).load()
    places = {
        "+".join(sorted(text.split("+"))): name
        for name in ("train", "validation", "test")
        for text in dataset.split(name).texts  # type: ignore[arg-type, attr-defined]
    }
    for name in ("train", "validation", "test"):
        for text in dataset.split(name).texts:  # type: ignore[arg-type, attr-defined]
            assert places["+".join(sorted(text.split("+")))] == name


def test_every_date_is_that_of_its_text() -> None:
    pairs = Dates(name="dates", examples=2_000).read(None).parts["train"]
    for source, target in pairs:
        year, month, day = target.split("-")
        assert year in source
        assert day.lstrip("0") in source
        if source.isascii() and not any(map(str.isalpha, source)):
            assert month.lstrip("0") in source


def test_a_decoder_reads_the_start_and_what_comes_before_each_label() -> None:
    vocabulary = pair_encoding.fit("characters", ["abc"], None)
    reader, writer = SourceReader(vocabulary, 4), TargetWriter(vocabulary, 4)
    found = pair_encoding.examples(reader, writer, ["abc", "a"], [["ab"], ["abc"]])
    a, b, c = (vocabulary.encode([letter]).ids[1] for letter in "abc")
    assert found.x["target"].tolist() == [[START, a, b, PAD], [START, a, b, c]]  # type: ignore[call-overload]
    assert found.labels["targets"][:, 0].tolist() == [[a, b, END, PAD], [a, b, c, END]]
    assert found.x["source"].tolist() == [[START, a, b, c], [START, a, PAD, PAD]]  # type: ignore[call-overload]


def test_a_source_that_is_read_backwards_keeps_its_start_and_its_text() -> None:
    vocabulary = pair_encoding.fit("characters", ["abc"], None)
    reader = SourceReader(vocabulary, 6, backwards=True)
    row = reader.ids(["abc"])[0][0]
    assert reader.tokens(row) == ["c", "b", "a"]
    assert row[0] == START
    assert reader.text(row) == "abc"


def test_several_targets_of_a_source_are_one_example_of_test_and_any_is_right() -> None:
    write_table("train.tsv", [("a", "x y"), ("b", "y")])
    write_table("test.tsv", [("a", "x"), ("a", "y x"), ("b", "y")])
    write_table("validation.tsv", [("a", "x")])
    dataset = Pairs(
        name="pairs",
        path="train.tsv",
        validation_path="validation.tsv",
        test_path="test.tsv",
        target_tokens="symbols",
    ).load()
    assert len(dataset.test) == 2
    writer = dataset.task.writer  # type: ignore[attr-defined]
    ours = np.zeros((2, 3, 3), np.float32)
    for row, text in zip(ours, ("y x", "x"), strict=True):
        ids = writer.sequences([text])[0]
        row[0, : len(ids)] = ids
    assert sequence_metrics.compared(dataset.test.labels, ours).right.tolist() == [True, False]


def test_both_vocabularies_are_those_of_train_and_what_is_unknown_is_never_right() -> None:
    write_table("train.tsv", [("a", "x"), ("b", "y")])
    write_table("test.tsv", [("q", "z")])
    write_table("validation.tsv", [("a", "x")])
    dataset = Pairs(
        name="pairs", path="train.tsv", validation_path="validation.tsv", test_path="test.tsv"
    ).load()
    assert dataset.vocabulary is not None
    assert dataset.vocabulary.words == ("a", "b")
    assert dataset.test.labels["targets"][0, 0].tolist() == [OOV, END]
    ours = np.zeros((1, 3, 2), np.float32)
    ours[0, 0] = [OOV, END]
    assert not sequence_metrics.compared(dataset.test.labels, ours).right.any()


def test_a_target_that_is_too_long_to_write_is_kept_whole_and_never_right() -> None:
    write_table("pairs.tsv", [(f"s{n}", "xy" * (3 if n % 3 else 1)) for n in range(60)])
    dataset = Pairs(name="pairs", path="pairs.tsv", max_target_length=2).load()
    labels = dataset.task.learned(dataset.train.labels)
    assert labels.shape[1] == 3
    for part in (dataset.train, dataset.validation, dataset.test):
        whole = part.labels["targets"][:, 0]
        long = sequence_metrics.lengths(whole) > 2
        assert 0 < long.sum() < len(long)
        ours = np.zeros((len(part), 3, 3), np.float32)
        ours[:, 0] = whole[:, :3]
        assert (sequence_metrics.compared(part.labels, ours).right == ~long).all()


def test_no_drawn_split_shares_a_source_and_repeated_ones_can_be_dropped() -> None:
    write_table("pairs.tsv", [(f"s{n % 30}", f"t{n}") for n in range(90)])
    dataset = Pairs(name="pairs", path="pairs.tsv").load()
    parts = [set(part.texts) for part in (dataset.train, dataset.validation, dataset.test)]  # type: ignore[attr-defined]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 30
    write_table("test.tsv", [("s1", "t1"), ("new", "t2")])
    apart = Pairs(name="pairs", path="pairs.tsv", test_path="test.tsv", drop_repeated=True).load()
    assert "s1" not in apart.train.texts  # type: ignore[attr-defined]


def test_sources_that_differ_in_their_spaces_stand_in_one_split() -> None:
    write_table("pairs.tsv", [(f"a{gap}{n}", f"t{n}") for n in range(40) for gap in (" ", "  ")])
    dataset = Pairs(name="pairs", path="pairs.tsv").load()
    parts = [
        {text.split()[1] for text in part.texts}  # type: ignore[attr-defined]
        for part in (dataset.train, dataset.validation, dataset.test)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_pairs_are_read_from_every_form_of_table(suffix: str) -> None:
    pairs = words(40)
    file = Path(f"pairs.{suffix}")
    if suffix == "csv":
        file.write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in pairs))
    else:
        rows = [json.dumps({"source": a, "target": b, "other": 1}) for a, b in pairs]
        file.write_text("\n".join(rows))
    write_table("same.tsv", pairs)
    one, other = (Pairs(name="pairs", path=name).load() for name in (str(file), "same.tsv"))
    np.testing.assert_array_equal(one.train.labels, other.train.labels)


def test_two_text_files_are_read_line_by_line() -> None:
    pairs = [*words(40), ("", "left out"), ("left out", " ")]
    Path("a.txt").write_text("\n".join(a for a, _ in pairs) + "\n")
    Path("b.txt").write_text("\n".join(b for _, b in pairs) + "\n")
    dataset = Pairs(name="pairs", path="a.txt", target_path="b.txt").load()
    assert sum(map(len, (dataset.train, dataset.validation, dataset.test))) == 40
    Path("b.txt").write_text("one\n")
    with pytest.raises(DataError, match="42 lines, but .* has 1"):
        Pairs(name="pairs", path="a.txt", target_path="b.txt").load()


# Scores


def edits(one: str, other: str) -> int:
    """Return the edit distance, by its recursive definition."""
    row = [*range(len(other) + 1)]
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


@given(st.lists(st.tuples(st.text("abc", max_size=7), st.text("abc", max_size=7)), min_size=1))
@settings(max_examples=60, deadline=None)
def test_edit_distances_are_those_of_the_definition(pairs: list[tuple[str, str]]) -> None:
    def ids(texts: list[str]) -> np.ndarray:
        rows = np.zeros((len(texts), 8), np.int64)
        for row, text in zip(rows, texts, strict=True):
            row[: len(text) + 1] = [*(4 + "abc".index(letter) for letter in text), END]
        return rows

    ours, theirs = zip(*pairs, strict=True)
    found = sequence_metrics.distances(ids([*ours]), ids([*theirs]))
    assert found.tolist() == [edits(a, b) for a, b in pairs]


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    metrics = pytest.importorskip("sacrebleu.metrics")
    theirs = ["the cat sat on the mat", "there is a dog in the house", "I like tea"]
    ours = ["the cat sat on a mat", "there is a dog in house", "I like green tea"]
    found = sequence_metrics.OfTexts(ours, [[text] for text in theirs])
    for name, metric in (("bleu", metrics.BLEU()), ("chrf", metrics.CHRF())):
        assert found.whole(name) == pytest.approx(metric.corpus_score(ours, [theirs]).score)


def test_the_parts_that_differ_are_parts_of_the_text() -> None:
    rows = [(f"{n}", f"der Hund {n} lief über die Wiese {n % 7}") for n in range(300)]
    write_table("pairs.tsv", rows)
    for kind in ("characters", "words", "subwords", "symbols"):
        task = Pairs(name="pairs", path="pairs.tsv", target_tokens=kind).load().task
        split = task.writer.vocabulary.tokeniser  # type: ignore[attr-defined]
        texts = "der Hund 3 lief über die Wiese", "der Hund lief 3 über die Wiese"
        for text, parts in zip(texts, differing(*map(split, texts)), strict=True):
            written = as_text(split, parts)
            assert "".join(part for _, part in written) == text
            assert {apart for apart, _ in written} == {False, True}


# Baselines


def split(train: list[tuple[str, str]], test: list[tuple[str, str]], **keys: Any) -> Dataset:
    for name, rows in (("train", train), ("validation", train[:1]), ("test", test)):
        write_table(f"{name}.tsv", rows)
    return Pairs(
        name="pairs",
        path="train.tsv",
        validation_path="validation.tsv",
        test_path="test.tsv",
        **keys,
    ).load()


def of_baseline(dataset: Dataset, name: str) -> list[str]:
    """Return what a baseline answers to the test sources."""
    found = {one.name: one for one in dataset.task.baselines(dataset, True, False)}
    writer = dataset.task.writer  # type: ignore[attr-defined]
    return [writer.text(row) for row in found[name].predictions[:, 0].astype(int)]


def bits(number: int) -> str:
    return f"{number:010b}"


@pytest.mark.parametrize(
    ("train", "test", "right"),
    [
        ([("abc", "x"), ("abd", "y"), ("xyz", "z")], [("abx", "x"), ("yz", "z")], ["x", "z"]),
        ([(bits(n), bits(n)) for n in range(1_024)], [(bits(700), "0")], [bits(700)]),
    ],
    ids=["few sources", "only common n-grams"],
)
def test_the_nearest_source_is_found_among_few_and_among_similar_ones(
    train: list[tuple[str, str]], test: list[tuple[str, str]], right: list[str]
) -> None:
    assert of_baseline(split(train, test), pair_baselines.NEAREST) == right


def test_a_copy_of_the_source_holds_what_the_network_does_not_read() -> None:
    pairs = [("ab", "abc"), ("ba", "bac")]
    dataset = split(pairs, [("abc", "ab"), ("abcab", "abc"), ("a?", "a")])
    copied = of_baseline(dataset, pair_baselines.COPY)
    assert copied == ["abc", "abcab", "a<unknown>"]
    one = next(
        one
        for one in dataset.task.baselines(dataset, False, False)
        if one.name == pair_baselines.COPY
    )
    found = sequence_metrics.compared(dataset.test.labels, one.predictions)
    assert found.errors.tolist() == [1, 2, 1]
    assert sequence_metrics.loss(dataset.test.labels, one.predictions) is None


def test_the_causes_of_little_learning_name_the_keys_of_pairs() -> None:
    train = [("a b c d", "x"), ("b a c d e f g", "y z")] * 5 + [("a " * 60, "x")] * 12
    sizes = {"source_vocabulary_size": 6, "max_source_length": 60}
    dataset = split(train, [("k l", "x"), ("e f", "y")], source_tokens="words", **sizes)
    tree = {"dataset": {"name": "pairs", "path": "a.tsv", "source_tokens": "words"}}
    model = {"name": "encoder_decoder", "attention": "none"}
    config = validated(Document("a.yaml", {**tree, "model": model}), Path("a.yaml"))
    stuck = [{"epoch": 1, "loss": 9.0, "val_loss": 9.0, "exact_match": 0.0, "val_exact_match": 0.0}]
    record = TrainingRecord(config.training, dataset, stuck, 1, config)
    found = " ".join(causes(record, 2, True, {}))
    assert "`dataset.source_tokens=characters`" in found
    assert "a larger `dataset.source_vocabulary_size`" in found
    assert "in 61 steps (`model.attention=dot`)" in found
    fine = [{**stuck[0], "loss": 0.1, "val_loss": 0.1}] * 2
    record = TrainingRecord(config.training, dataset, fine, 1, config)
    assert "(`model.units`, `model.attention`)" in " ".join(causes(record, 2, True, {}))


def test_a_copy_of_the_source_does_not_show_that_there_is_something_to_learn() -> None:
    same = [(one, one) for one, _ in words(80)]
    dataset = split(same[:60], same[60:])
    wrong = np.zeros((20, 3, 2), np.float32)
    wrong[:, 0, 0] = END
    row = {"epoch": 1, "loss": 9.0, "val_loss": 9.0, "exact_match": 0.0, "val_exact_match": 0.0}
    found = verdict.judged(wrong, TrainingRecord(TrainingConfig(), dataset, [row], 1))
    assert found["baselines"][pair_baselines.COPY]["test_exact_match"] == 1
    assert not any("same labels" in cause for cause in found["verdict"]["causes"])


# The network


def tiny(seed: int = 0, units: int = 3, ids: int = 7) -> Translator:
    """A network of random weights, with dot attention."""
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 1.2, shape).astype(np.float32)

    def layer() -> Recurrence:
        kernel, recurrent = weights(2, units), weights(units, units)
        return Recurrence("SimpleRNN", kernel, recurrent, weights(units), None, np.tanh)

    combined = Affine(weights(2 * units, units), weights(units), np.tanh)
    head = Affine(weights(units, ids), weights(ids), ACTIVATIONS["linear"])
    attention = decoding.Attention(None, None, None, combined)
    return Translator(weights(ids, 2), [[layer()]], weights(ids, 2), [layer()], attention, head)


def logarithm(network: Translator, source: np.ndarray, ids: tuple[int, ...]) -> float:
    logs = decoding.traced(network, source, np.array(ids))[1]
    return float(sum(logs[step, token] for step, token in enumerate(ids)))


@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_many_beams_find_what_an_exhaustive_search_finds(alpha: float) -> None:
    steps, source = 3, np.array([START, 4, 5])
    for seed in range(5):
        network = tiny(seed)
        others = [number for number in range(7) if number not in (PAD, START, END)]
        every = [(*some, END) for size in range(steps) for some in product(others, repeat=size)]
        scores = {
            ids: logarithm(network, source, ids) / beams.penalty(len(ids), alpha) for ids in every
        }
        best = sorted(scores, key=lambda ids: -scores[ids])[:4]
        seen = network.encode(source[None])
        found = beams.search(network, seen, steps, 200, alpha)[0]
        finished = [one for one in found if one.ids[-1] == END][:4]
        assert [one.ids for one in finished] == best
        assert [one.score for one in finished] == pytest.approx([scores[ids] for ids in best])


def test_beams_score_no_less_than_greedy_decoding() -> None:
    """In this network a search with two beams drops what greedy decoding writes."""
    network = tiny(23, units=4, ids=12)
    random = np.random.default_rng(23)
    greedy_better = 0
    for _ in range(20):
        source = np.array([START, *random.integers(4, 12, random.integers(2, 8) - 1)])
        seen = network.encode(source[None])
        ids, logs = decoding.greedy(network, seen, 5)
        written = ids[0][ids[0] != PAD]
        if written[-1] != END:
            continue
        best, *_ = beams.search(network, seen, 5, 2)[0]
        score = logs.sum() / beams.penalty(len(written), beams.LENGTH_PENALTY)
        assert best.score >= score - 1e-6
        greedy_better += best.ids == tuple(written.tolist())
    assert greedy_better


def test_an_answer_does_not_depend_on_the_others_that_are_asked_with_it() -> None:
    network, random = tiny(), np.random.default_rng(1)
    sources = np.zeros((50, 9), np.int64)
    for row in sources:
        length = random.integers(2, 9)
        row[:length] = [START, *random.integers(4, 7, length - 1)]
    together = decoding.of_sources(network, sources, 6)
    alone = np.concatenate([decoding.of_sources(network, row[None], 6) for row in sources])
    np.testing.assert_array_equal(together[:, 0], alone[:, 0])
    np.testing.assert_allclose(together[:, 1], alone[:, 1], atol=1e-5)
    padded = np.pad(sources, ((0, 0), (0, 9)))
    np.testing.assert_array_equal(decoding.of_sources(network, padded, 6)[:, 0], together[:, 0])


NETWORKS = [
    {"cell": cell, "bidirectional": both, "attention": attention, "units": [6, 5]}
    for cell, both, attention in (
        ("rnn", True, "dot"),
        ("lstm", False, "additive"),
        ("gru", True, "none"),
        ("lstm", True, "dot"),
    )
] + [{"cell": "gru", "decoder": "repeat", "attention": "none", "units": [6]}]


@pytest.mark.tf
@pytest.mark.parametrize(
    "keys",
    [soaked(keys) if number in (2, 3) else keys for number, keys in enumerate(NETWORKS)],
    ids=lambda keys: "-".join(map(str, keys.values())),
)
def test_what_is_decoded_is_what_keras_computes(keys: dict[str, Any], tmp_path: Path) -> None:
    """Its weights are counted, padding changes nothing, and Keras alone opens the file."""
    import keras

    from seqtrain.training.callbacks import without_optimizer

    dataset = Additions(name="additions", digits=2, examples=60, max_target_length=2).load()
    task, x = dataset.task, dataset.test.x
    assert isinstance(x, dict)
    section = EncoderDecoder.model_validate({"name": "encoder_decoder", "embedding_dim": 4, **keys})
    model = section.build(dataset)
    assert model.count_params() == section.parameters(dataset)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.7, one.shape) for one in model.get_weights()])
    x = {one.name: x[one.name] for one in model.inputs}
    labels = task.learned(dataset.test.labels)
    assert (labels[:, -1] > END).any()  # sums that are cut before their end
    probabilities = model.predict(x, verbose=0)
    logs = np.log(np.take_along_axis(probabilities, labels[:, :, None], axis=2))[..., 0]
    found = decoding.predictions(model, dataset.test, task)
    np.testing.assert_allclose(found[:, 2], np.where(labels > 0, logs, 0), atol=2e-5)

    without_optimizer(model).save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(opened.predict(x, verbose=0), probabilities, atol=1e-6)
    read = decoding.of_file(tmp_path / "model.keras")
    again = decoding.of_sources(read, dataset.test.x, task.steps, labels)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again, found)

    task.in_training(model).compile(loss=task.keras_loss())
    loss = model.evaluate(x, labels, verbose=0)
    assert loss == pytest.approx(sequence_metrics.loss(dataset.test.labels, found), rel=1e-4)
    if "decoder" in keys:
        return
    longer = {name: np.pad(ids, ((0, 0), (0, ids.shape[1]))) for name, ids in x.items()}
    more = np.pad(labels, ((0, 0), (0, labels.shape[1])))
    assert model.evaluate(longer, more, verbose=0) == pytest.approx(loss, rel=1e-5)
    source_alone = {**x, "source": longer["source"]}
    assert model.evaluate(source_alone, labels, verbose=0) == pytest.approx(loss, rel=1e-5)


# The whole way

CONFIG = """
dataset: {name: pairs, path: words.tsv}
model: {name: encoder_decoder, cell: gru, units: 24, embedding_dim: 12}
training: {epochs: 6, batch_size: 32, learning_rate: 1e-2, bucket_by_length: true}
"""


def config() -> Path:
    write_table("words.tsv", words(500))
    Path("backwards.yaml").write_text(CONFIG)
    return Path("backwards.yaml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that config, and a run of one epoch."""
    folder = tmp_path_factory.mktemp("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        short = load_config(config(), ["training.epochs=1", "training.baselines=false"])
        go_on(launch.prepare(short, Path("outputs"), None)[0])
    return folder


@pytest.fixture
def trained(shared: Path, tmp_path: Path) -> Run:
    """A copy of that run, under `outputs`."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    kept = lookup.latest(Path("outputs")).folder / "config.yaml"
    kept.write_text(kept.read_text().replace(str(shared), str(tmp_path)))
    return lookup.latest(Path("outputs"))


def ok(outcome: Outcome) -> str:
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


@pytest.mark.tf
def test_a_network_is_trained_judged_asked_and_explained(seqtrain: Seqtrain) -> None:
    with drawing():
        ok(seqtrain("train", config()))
    run = lookup.latest(Path("outputs"))
    kept, (labels, predictions) = run.metrics(), run.predictions()
    assert kept["test_exact_match"] > 0.3
    assert (
        kept["test_exact_match"] > kept["baselines"]["nearest training source"]["test_exact_match"]
    )
    assert {"loss.png", "exact_match.png", "source_lengths.png"} <= {
        picture.name for picture in run.plots.iterdir()
    }
    judged = json.loads(ok(seqtrain("evaluate", "--json")))
    assert judged["test_exact_match"] == kept["test_exact_match"]

    dataset = run.config.dataset.load()
    texts = dataset.test.texts  # type: ignore[attr-defined]
    Path("texts.txt").write_text("\n".join(texts) + "\n")
    lines = ok(seqtrain("translate", "backwards", "--data", "texts.txt")).splitlines()
    writer = dataset.task.writer  # type: ignore[attr-defined]
    assert lines == [writer.text(row) for row in predictions[:, 0].astype(int)]
    right = [line == text[::-1].upper() for line, text in zip(lines, texts, strict=True)]
    assert np.mean(right) == pytest.approx(kept["test_exact_match"])

    several = ok(seqtrain("translate", "backwards", "abc", "--beams", "4", "-n", "3"))
    assert len(several.splitlines()) == 3
    assert len(ok(seqtrain("translate", "backwards", "abc", "-n", "2")).splitlines()) == 2
    assert seqtrain("translate", "backwards", "abc", "--beams", "2", "-n", "3").exit_code == 2
    alone = seqtrain("translate", "backwards", "abc", "--length-penalty", "1")
    assert (alone.exit_code, "give --beams too" in alone.stderr) == (2, True)
    row = json.loads(ok(seqtrain("translate", "backwards", "abc", "--format", "jsonl")))
    answer = row["answers"][0]
    divided = beams.penalty(len(answer["tokens"]) + answer["finished"], beams.LENGTH_PENALTY)
    assert answer["probability"] == pytest.approx(math.exp(answer["score"] * divided))

    ok(seqtrain("explain", "backwards", "abc", "--html"))
    told = json.loads(ok(seqtrain("explain", "backwards", "abc", "--json")))
    for step in told["steps"]:
        assert sum(step["attention"]) == pytest.approx(1)
    ok(seqtrain("explain", "backwards", "--example", "2"))
    assert "[🙂]" in json.loads(ok(seqtrain("explain", "backwards", "a🙂c", "--json")))["read"]
    ok(seqtrain("explain", "backwards", "<script>alert"))
    pictures = [file.stem for file in run.plots.glob("explain-*.png")]
    assert len([*filter(re.compile("explain-(abc|a-c)-....").fullmatch, pictures)]) == 2
    ok(seqtrain("report", "backwards", "--to", "report.html"))
    page = Path("report.html").read_text(encoding="utf-8")
    assert "<mark>" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert '<b dir="auto">a🙂c</b> becomes' in page
    assert page.count("becomes <b") == 4
    write_table("new.tsv", words(60, seed=9))
    other = json.loads(ok(seqtrain("evaluate", "backwards", "--data", "new.tsv", "--json")))
    assert other["examples"] == 60
    assert labels["targets"].shape[0] == kept["test"]["by_length"][0]["examples"] + sum(
        one["examples"] for one in kept["test"]["by_length"][1:]
    )


@pytest.mark.tf
def test_a_training_that_is_cut_short_goes_on_to_the_bit(
    seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config()
    keys = ["training.epochs=3", "training.baselines=false"]
    ok(seqtrain("train", file, *keys, "--output", "whole"))
    cut, _ = launch.prepare(load_config(file, keys), Path("cut"), None)
    cut_short(cut, monkeypatch, "on_epoch_end", 2)
    assert not cut.finished
    assert results(go_on(cut)) == results(lookup.latest(Path("whole")))


@pytest.mark.tf
def test_unknown_tokens_are_copied_from_where_the_attention_looks(trained: Run) -> None:
    interpreter = Interpreter.of(trained)
    source = interpreter.reader.ids(["abc"])[0][0]
    ids = np.array([OOV, END])
    weights = decoding.traced(interpreter.translator, source, ids)[0]
    assert weights is not None
    copied = interpreter._copied(source, "abc", ids, ["<unknown>"])
    assert copied == ["abc"[int(weights[0, 1:4].argmax())]]
    unread = interpreter.reader.ids(["?"])[0][0]
    assert interpreter._copied(unread, "?", ids, ["<unknown>"]) == ["?"]
    backwards = replace(interpreter.reader, backwards=True, steps=4)
    assert backwards.written("ab?de") == ["?", "b", "a"]


@pytest.mark.tf
def test_runs_are_tested_by_the_paired_bootstrap(seqtrain: Seqtrain, trained: Run) -> None:
    few = ("training.epochs=1", "training.baselines=false")
    ok(seqtrain("train", "backwards.yaml", *few, "training.learning_rate=1e-5"))
    assert "p: p-value of the paired bootstrap over the same" in ok(seqtrain("compare"))
    ok(seqtrain("report", *Path("outputs/backwards").glob("2*"), "--to", "report.html"))
    page = Path("report.html").read_text(encoding="utf-8")
    assert "by the paired bootstrap over the same test examples" in page


@pytest.mark.tf
def test_new_pairs_are_read_like_those_of_the_run(seqtrain: Seqtrain) -> None:
    """In their encoding, without a header, and with the spaces at their ends."""
    pairs = [(f"{one}é", f"{other} ") for one, other in words(60)]
    rows = "".join(f"{one};{other}\n" for one, other in pairs)
    Path("own.csv").write_text(rows, encoding="cp1252")
    columns = {"source_column": "column_1", "target_column": "column_2"}
    keys = {"name": "pairs", "path": "own.csv", "encoding": "cp1252", "header": False, **columns}
    Path("own.yaml").write_text(
        f"dataset: {json.dumps(keys)}\n"
        "model: {name: encoder_decoder, cell: rnn, units: 4, embedding_dim: 4}\n"
        "training: {epochs: 1, baselines: false}\n"
    )
    ok(seqtrain("train", "own.yaml"))
    dataset = lookup.latest(Path("outputs")).config.dataset.load()
    texts = dataset.test.texts  # type: ignore[attr-defined]
    test = "".join(f"{one};{other}\n" for one, other in pairs if one in texts)
    Path("test.csv").write_text(test, encoding="cp1252")
    judged = json.loads(ok(seqtrain("evaluate", "--json")))
    given = json.loads(ok(seqtrain("evaluate", "--data", "test.csv", "--json")))
    for name in ("loss", "exact_match", "edit_rate"):
        assert given[f"data_{name}"] == judged[f"test_{name}"]
    assert len(ok(seqtrain("translate", "own", "--data", "test.csv")).splitlines()) == len(texts)

    swapped = ["--data", "test.csv", "--text", "column_2"]
    other = ok(seqtrain("translate", "own", *swapped, "--format", "jsonl")).splitlines()
    assert json.loads(other[0])["source"].strip().isupper()
    scores = json.loads(ok(seqtrain("evaluate", *swapped, "--label", "column_1", "--json")))
    assert scores["data_loss"] != judged["test_loss"]
    beside = ok(seqtrain("predict", "own", "--data", "test.csv", "--format", "csv"))
    assert beside.splitlines()[0].startswith("example,line,column_2,text,translation")


@pytest.mark.tf
def test_a_decoder_whose_last_layer_looks_at_the_source_is_refused() -> None:
    write_table("words.tsv", words(40))
    run = saved(Path(), "name: two\n" + CONFIG.replace("units: 24", "units: [4, 4]"))
    decoding.of_file(run.model_file)
    with zipfile.ZipFile(run.model_file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    described = json.loads(content["config.json"])
    layers = described["config"]["layers"]
    layers.append(layers.pop([one["config"]["name"] for one in layers].index("combined")))
    content["config.json"] = json.dumps(described).encode()
    with zipfile.ZipFile(run.model_file, "w") as archive:
        for name, of_file in content.items():
            archive.writestr(name, of_file)
    with pytest.raises(ValueError, match="the last layer of its decoder looks at the source"):
        decoding.of_file(run.model_file)


@pytest.mark.tf
def test_a_report_explains_what_is_farthest_off(trained: Run) -> None:
    findings.find(trained, None)
    (kept,) = (trained.folder / EXPLAINED).glob("*.json")
    example = kept.stem.removeprefix("test-")
    rows = trained.read_rows("mistakes.csv") if trained.has("mistakes.csv") else []
    assert example == (rows[0]["example"] if rows else "1")


@pytest.mark.tf
def test_letters_with_marks_are_read_in_both_their_forms(seqtrain: Seqtrain) -> None:
    write_table("words.tsv", [(f"é{one}", other) for one, other in words(60)])
    Path("backwards.yaml").write_text(CONFIG)
    ok(seqtrain("train", "backwards.yaml", "training.epochs=1", "training.baselines=false"))
    forms = "éab", unicodedata.normalize("NFD", "éab")
    answers = [seqtrain("translate", "backwards", form, "--format", "jsonl") for form in forms]
    one, other = (json.loads(ok(answer))["answers"] for answer in answers)
    assert one == other
    assert not answers[1].stderr  # no token is unknown
    one, other = (json.loads(ok(seqtrain("explain", form, "--json")))["read"] for form in forms)
    assert one == other


@pytest.mark.tf
def test_no_text_is_an_error_and_every_form_is_valid(
    seqtrain: Seqtrain, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in ("text", "table", "csv", "jsonl"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        outcome = seqtrain("translate", "backwards", "--format", form)
        assert outcome.exit_code == 2
        assert "no text is given" in outcome.stderr
    outcome = seqtrain("explain", "backwards", "")
    assert outcome.exit_code == 2
    assert "the text is empty" in outcome.stderr
    odd = "a\u200fb\x7f\nc"
    assert json.loads(ok(seqtrain("translate", "backwards", odd, "--format", "jsonl")))
    assert len(ok(seqtrain("translate", "backwards", odd, "--format", "table")).splitlines()) == 2


@pytest.mark.tf
def test_what_a_config_would_train_on_is_shown_with_the_keys_of_pairs(seqtrain: Seqtrain) -> None:
    keys = ["dataset.max_source_length=3", "dataset.source_vocabulary_size=8"]
    told = ok(seqtrain("check", config(), "--load", *keys))
    assert "targets, mean tokens" in told
    assert "are cut: `dataset.max_source_length=6`" in told
    assert "a larger `dataset.source_vocabulary_size`" in told
    first = Pairs(name="pairs", path="words.tsv").load().train.texts[0]  # type: ignore[attr-defined]
    assert re.search(f"the first of train +targets\n{first} +{first[::-1].upper()}\n", told)
    told = ok(seqtrain("check", config(), "--load", "dataset.max_target_length=2"))
    assert "longer than the 2 tokens that the network writes, so it can never be right" in told
    assert "`dataset.max_target_length=6`" in told


def test_what_the_targets_lack_is_not_monitored_and_not_shown(seqtrain: Seqtrain) -> None:
    outcome = seqtrain("train", config(), "training.monitor=val_chrf")
    assert outcome.exit_code == 2
    assert "the targets are no texts of several words" in outcome.stderr
    task = Pairs(name="pairs", path="words.tsv").load().task
    texts = replace(task, texts=True)  # type: ignore[type-var]
    if find_spec("sacrebleu"):
        assert texts.unmeasured("val_bleu") is None
    predictions = np.zeros((1, 3, 2), np.float32)
    labels = np.zeros(1, pair_encoding.label_type(1, 2))
    labels["targets"][0, 0] = [4, END]
    shown = [{*one.scores("test", labels, predictions)} for one in (task, texts)]
    assert shown[1] - shown[0] == {"test_bleu", "test_chrf"}


def test_runs_that_write_other_lengths_are_compared() -> None:
    pairs = [("ab", "xyx"), ("ba", "yx")]
    train = [*pairs, ("aa", "xyxyxyxy")]
    one, other = (split(train, pairs, max_target_length=most).test.labels for most in (3, 8))
    task = split(train, pairs).task
    assert one["targets"].shape != other["targets"].shape
    assert task.same(one, other)
    assert task.same(other, one)
    other["targets"][0, 0, 0] = other["targets"][0, 0, 1]
    assert not task.same(one, other)


def test_what_is_cut_is_told_in_sentences(caplog: pytest.LogCaptureFixture) -> None:
    split([("ab", "x"), ("a", "xy")], [("abc", "xyx")], max_source_length=1, max_target_length=1)
    for sentence in (
        "1 source of train is cut to 1 token",
        "1 target of test is longer than the 1 token that the network writes",
    ):
        assert sentence in caplog.messages


def test_text_files_without_their_targets_are_refused_with_the_key_for_them() -> None:
    Path("a.txt").write_text("one\ntwo\n")
    with pytest.raises(DataError) as refused:
        Pairs(name="pairs", path="a.txt").load()
    assert "`dataset.target_path=…`" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("model: {name: lstm}", "`encoder_decoder` fits"),
        ("model: {name: encoder_decoder, wide: true}", "is not supported"),
        ("model: {name: encoder_decoder, decoder: repeat}", "must be `none`"),
        (
            "model: {name: encoder_decoder, decoder: repeat, attention: none}\n"
            "training: {bucket_by_length: true}",
            "writes a fixed number of steps",
        ),
        (
            "dataset: {name: dates, target_tokens: subwords, target_vocabulary_size: 100}\n"
            "model: {name: encoder_decoder}",
            "must be at least 512 for `target_tokens: subwords`",
        ),
    ],
)
def test_what_does_not_fit_is_refused(keys: str, told: str, seqtrain: Seqtrain) -> None:
    dataset = "" if "dataset" in keys else "dataset: {name: additions}\n"
    Path("bad.yaml").write_text(f"{dataset}{keys}\n")
    outcome = seqtrain("check", "bad.yaml")
    assert outcome.exit_code == 2
    assert told in outcome.stderr
