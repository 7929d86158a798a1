"""Too large a config is one error, before any memory is allocated."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain import memory
from seqtrain.backend import memory_estimate
from seqtrain.config import load_config
from seqtrain.data.dataset import Outline
from seqtrain.errors import ConfigError
from tests.conftest import Outcome

Seqtrain = Callable[..., Outcome]

PHRASES = "dataset: {name: phrases}\nmodel: {name: lstm}\n"
TOO_LARGE = {
    "layers": ["model.units=[65536, 65536]"],
    "dense layers": ["model.units=4", "model.dense_units=[65536, 65536]"],
    "vectors": ["model.embedding_dim=65536", "dataset.vocabulary_size=10000000"],
    "a batch": ["training.batch_size=1000000", "model.units=8192", "dataset.train_pairs=20000"],
    "texts": ["dataset.max_length=65536", "dataset.train_pairs=20000"],
    "sequences": ["dataset={name: adding, steps: 50000, examples: 10000000}"],
    "sequences of symbols": ["dataset={name: temporal_order, steps: 50000, examples: 1000000}"],
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "total", lambda: 8_000_000_000)
    monkeypatch.setattr(memory, "NVIDIA", Path("nowhere"))
    file = Path("a.yaml")
    file.write_text(PHRASES, encoding="utf-8")
    return file


@pytest.mark.parametrize("command", ["check", "train"])
@pytest.mark.parametrize("overrides", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_exceeds_the_memory_is_refused_before_it_is_made(
    command: str, overrides: list[str], config: Path, seqtrain: Seqtrain
) -> None:
    outcome = seqtrain(command, config, *overrides)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert " GB of memory, and there are 8.0 GB" in outcome.stderr.splitlines()[0]
    assert outcome.stderr.splitlines()[2].startswith("hint: lower `")
    assert not Path("outputs").exists()


@pytest.mark.parametrize("examples", [[], ["dataset={name: adding}"]])
def test_what_fits_is_not_refused(examples: list[str], config: Path) -> None:
    memory_estimate.check(load_config(config, [*examples, "model.units=[2000, 1000]"]))


def test_what_was_generated_on_a_larger_machine_is_refused_too(config: Path) -> None:
    made = load_config(config, TOO_LARGE["sequences"])
    with pytest.raises(ConfigError, match=r"10,002,560 sequences need at least"):
        made.dataset.load()


@pytest.mark.parametrize(("optimizer", "times"), [("sgd", 2), ("rmsprop", 3), ("adam", 4)])
def test_weights_count_with_their_gradients_and_the_optimizer(
    optimizer: str, times: int, config: Path
) -> None:
    found = load_config(config, [f"training.optimizer={optimizer}", "model.embedding_dim=3"])
    small = Outline((20,), vocabulary_size=1)
    weights = found.model.parameters(small)
    assert 4 * times * (weights - 3) <= memory_estimate.of_weights(found, small)
    assert memory_estimate.of_weights(found, small) <= 4 * times * weights


def test_vectors_that_stay_as_they_are_count_once(config: Path) -> None:
    file = ["model.embedding_file=x", "model.embedding_dim=1000", "model.embedding_trainable=false"]
    large = Outline((20,), vocabulary_size=1_000_000)
    assert memory_estimate.of_weights(load_config(config, file), large) < 4.1e9


def test_a_gpu_holds_its_batches_itself(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NVIDIA", config)
    memory_estimate.check(load_config(config, TOO_LARGE["a batch"]))


def test_the_memory_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    group = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "GROUP", group)
    swap = memory.total()
    group.write_text("1000000\n", encoding="ascii")
    assert 1_000_000 <= memory.total() < swap
    group.write_text("max\n", encoding="ascii")
    assert memory.total() == swap
