"""An exported network answers in the other program as in seqtrain; else nothing is written."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data import inputs
from seqtrain.errors import ConfigError, RunError
from seqtrain.inference import exporting
from seqtrain.inference.exporting import FORMATS
from seqtrain.runs.run import Run
from tests.conftest import Outcome, soaked
from tests.factories.trained import saved
from tests.own import sentences, write_csv

Seqtrain = Callable[..., Outcome]

pytestmark = [pytest.mark.tf, pytest.mark.slow]

NETWORKS = {
    "padded": """
dataset: {name: phrases, train_pairs: 60, test_pairs: 30}
model: {name: bigru, units: 4, embedding_dim: 4, pooling: mean}
""",
    "rows": """
dataset: {name: digits, limit: 100}
model: {name: rnn, units: 4}
""",
    "several": """
dataset: {name: airline, calendar: true}
model: {name: lstm, units: 4, autoregressive: true}
""",
    "next": """
dataset: {name: grammar, characters: 4000, window: 16}
model: {name: gru, units: 4, tied_embeddings: true}
""",
    "pairs": """
dataset: {name: dates, examples: 60}
model: {name: encoder_decoder, units: 4, cell: lstm}
""",
}


TEXTS = """
dataset: {name: text, path: texts.csv, max_length: 12, padding: pre, test: 0.5, tokens: %s}
model: {name: gru, units: 4, embedding_dim: 4}
"""
# What a program does that has TensorFlow alone, in a country where `I` is no capital `i`.
SERVED = """
import json, sys
sys.modules["seqtrain"] = sys.modules["keras"] = None
import tensorflow as tf
serve = tf.saved_model.load("served").signatures["serving_text"]
(answers,) = serve(texts=tf.constant(json.load(sys.stdin))).values()
print(json.dumps(answers.numpy().tolist()))
"""
ELSEWHERE = {"LC_ALL": "tr_TR.UTF-8", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def run_of(name: str) -> Run:
    """Return a run of a network of random weights."""
    return saved(Path(), f"name: {name}\n{NETWORKS[name]}")


ALWAYS = [("onnx", "padded"), ("litert", "several")]
OTHERS = [(form, name) for form in FORMATS for name in NETWORKS if (form, name) not in ALWAYS]
CASES = [*ALWAYS, *(soaked(*case) for case in OTHERS)]


@pytest.mark.parametrize(("form", "name"), CASES)
def test_an_exported_network_gives_the_answers_of_the_run(
    seqtrain: Seqtrain, form: str, name: str
) -> None:
    run = run_of(name)
    outcome = seqtrain("export", run.folder, "--format", form, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert told["file"] == f"{name}{FORMATS[form].ending}"
    assert told["largest_difference"] <= exporting.CLOSE
    assert told["examples"] > 0
    assert len(told["inputs"]) == (2 if name in ("several", "pairs") else 1)
    if form == "onnx":
        assert_alike(run, Path(told["file"]))
    else:
        assert Path(told["file"]).exists()
    assert not [*Path().glob(".unfinished*")]


def assert_alike(run: Run, file: Path) -> None:
    """Compare ONNX Runtime with Keras's own way to open the saved model."""
    import keras
    import onnxruntime

    dataset = run.config.dataset.load(None)
    test = dataset.train.x if dataset.task.of_steps else dataset.test.x
    x = inputs.each(inputs.rows(test, slice(0, 7)), np.asarray)
    wanted = keras.models.load_model(run.model_file).predict_on_batch(x)
    session = onnxruntime.InferenceSession(str(file))
    kinds = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
    names = sorted(session.get_inputs(), key=lambda one: one.name)
    fed = {
        one.name: array.astype(kinds[one.type])
        for one, array in zip(names, inputs.arrays(x), strict=True)
    }
    np.testing.assert_allclose(session.run(None, fed)[0], wanted, rtol=1e-4, atol=1e-5)


def test_a_network_that_answers_differently_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def converted(run: Run, form: str, target: Path, examples: Path) -> dict[str, Any]:
        target.write_bytes(b"a network")
        return {"difference": 0.1, "inputs": {}, "other_ids": []}

    monkeypatch.setattr(exporting, "_converted", converted)
    with pytest.raises(RunError, match=r"answers differently, by up to 0\.1"):
        exporting.export(run_of("rows"), "onnx", None, None)
    assert not Path("rows.onnx").exists()
    assert not [*Path().glob(".unfinished*")]


def test_a_converter_that_fails_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "COMMAND", ["python3", "-c", "raise ValueError('no such op')"])
    with pytest.raises(RunError, match="cannot be exported as litert: ValueError: no such op") as e:
        exporting.export(run_of("rows"), "litert", None, None)
    assert "`--format saved_model`" in str(e.value.hint)
    assert not Path("rows.tflite").exists()


def test_what_exists_is_not_overwritten_and_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("rows.onnx").write_text("mine")
    with pytest.raises(ConfigError, match="`rows.onnx` exists"):
        exporting.export(run_of("rows"), "onnx", None, None)
    assert Path("rows.onnx").read_text() == "mine"
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs ai_edge_litert") as caught:
        exporting.export(run_of("rows"), "litert", None, None)
    assert "seqtrain[litert]" in str(caught.value.hint)


def test_without_its_data_random_examples_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtrain.errors import DataError
    from seqtrain.runs import run_data

    def gone(*_: Any) -> Any:
        raise DataError("the file is gone")

    monkeypatch.setattr(run_data, "load_readable", gone)
    runs = {name: run_of(name) for name in ("rows", "pairs", "several")}
    for run in runs.values():
        x = exporting._examples(run, None)
        assert {len(one) for one in inputs.arrays(x)} == {exporting.EXAMPLES}
    found = exporting.export(runs["rows"], "saved_model", Path("a/new/there"), None)
    assert found.examples == 100
    assert Path("a/new/there/saved_model.pb").exists()


def text_run(texts: list[str], tokens: str = "words") -> Run:
    """Return a run on texts, each of which is in every split."""
    rows = [(text, label) for text in texts for label in ("bad", "good") * 4]
    write_csv(Path("texts.csv"), rows)
    return saved(Path(), f"name: texts\n{TEXTS % tokens}")


def test_a_saved_model_answers_to_texts_without_seqtrain(seqtrain: Seqtrain) -> None:
    texts = ["It's a FILM!<br />Don’t &amp; I", "été ФИЛЬМ 👍🏿, ma\u0301", "", "film " * 20]
    run = text_run(texts)
    outcome = seqtrain("export", run.folder, "--format", "saved_model", "--to", "served")
    assert outcome.exit_code == 0, outcome.stderr
    assert "signature serving_text: string, N; 16 of 16 texts get the ids" in outcome.stdout
    given = [*texts, "I saw an unknown FILM", "it&#39;s"]
    with Path("given.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([text] for text in given)])
    answered = seqtrain("predict", run.folder, "--data", "given.csv", "--format", "jsonl")
    wanted = [json.loads(line)["probabilities"]["good"] for line in answered.stdout.splitlines()]
    served = subprocess.run(
        [sys.executable, "-P", "-c", SERVED],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        env=os.environ | ELSEWHERE,
    )
    assert served.returncode == 0, served.stderr
    found = json.loads(served.stdout.splitlines()[-1])
    np.testing.assert_allclose(np.ravel(found), wanted, atol=1e-5)


def test_where_one_text_gets_other_ids_there_is_no_signature_for_texts(seqtrain: Seqtrain) -> None:
    import tensorflow as tf

    run = text_run(["a film", "a long film", "a film \u0634\u0651\u064e"])
    outcome = seqtrain("export", run.folder, "--format", "saved_model", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert "texts" not in tf.saved_model.load("texts").signatures
    assert [*tf.saved_model.load("texts").signatures] == ["serve", "serving_default"]
    told = told["texts"]
    assert told["signature"] is None
    assert 0 < told["same_ids"] < told["compared"] == 12
    differing = told["compared"] - told["same_ids"]
    assert (
        f"other ids than seqtrain to {differing} of 12 texts, the first `a film" in told["missing"]
    )


def test_runs_whose_texts_tensorflow_cannot_read_say_so(
    seqtrain: Seqtrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def converted(run: Run, form: str, target: Path, examples: Path) -> dict[str, Any]:
        assert json.loads(examples.with_name("texts.json").read_text()) == []
        if form == "saved_model":
            target.mkdir()
        return {"difference": 0.0, "inputs": {}, "other_ids": []}

    monkeypatch.setattr(exporting, "_converted", converted)
    run = text_run([text for text, _ in sentences(20)], "subwords")
    outcome = seqtrain("export", run.folder, "--format", "saved_model")
    assert (
        "no signature for texts, so send ids (docs/runs.md): TensorFlow itself has no operation "
        "for subwords" in outcome.stdout
    )
    for form, name in (("onnx", "padded"), ("saved_model", "rows")):
        monkeypatch.setattr(exporting, "find_spec", lambda name: name)
        assert exporting.export(run_of(name), form, Path(f"{name}_{form}"), None).texts is None


def test_texts_need_the_words_of_the_ids() -> None:
    run = run_of("padded")
    assert exporting._unread(run) == ""
    (run.folder / "vocabulary.json").unlink()
    assert exporting._unread(run) == "the words of the network's ids are not known"


def test_without_its_data_texts_of_known_words_are_compared() -> None:
    run = run_of("padded")
    known = {*run.fitted().vocabulary.words}
    texts = exporting._texts(run, None)
    assert len({*texts}) == exporting.TEXTS
    assert {word for text in texts for word in text.split()} <= known
