"""An exported network answers in the other program as in seqtrain; else nothing is written."""

import json
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
        return {"difference": 0.1, "inputs": {}}

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
