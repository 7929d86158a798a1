"""Random bytes are either read or refused with one sentence.

`SEQTRAIN_EXAMPLES` says how many are tried of each reader; `make soak` tries many.
"""

import base64
import gzip
import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtrain.cli.listing import everything
from seqtrain.config import Config, load_config
from seqtrain.data import embeddings, subwords
from seqtrain.data.dataset import Dataset, Examples, Fitted
from seqtrain.data.text_windows import LABEL
from seqtrain.data.vocabulary import FIRST_WORD, Vocabulary
from seqtrain.data.windows import labels_type
from seqtrain.datasets.airline import Airline
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.corpus import Corpus
from seqtrain.datasets.folder import Folder
from seqtrain.datasets.imdb import Imdb
from seqtrain.datasets.mnist import Mnist
from seqtrain.datasets.series import Series
from seqtrain.datasets.text import Text
from seqtrain.errors import RunError, SeqtrainError
from seqtrain.runs import fitted
from seqtrain.runs.checkpoints import PROGRESS, VARIABLES, Checkpoints
from seqtrain.runs.run import Run
from seqtrain.runs.run_files import Artifacts
from seqtrain.tasks import Classification, Forecasting, LanguageModel
from seqtrain.tasks.forecasting import forecasting
from tests.conftest import CONFIGS
from tests.factories.downloads import mnist_arrays, pack, word_index, write_archive, write_ids
from tests.mutation import (
    members,
    mutated,
    mutated_archive,
    mutated_json,
    overwritten,
    packed,
)
from tests.own import rows_of, sentences, waves, write_csv, write_folder, write_rows

EXAMPLES = int(os.environ.get("SEQTRAIN_EXAMPLES", "200"))
SECONDS = 20  # that one example may take, on a machine that others use too

pytestmark = pytest.mark.slow

Read = Callable[[bytes], object]
READERS: dict[str, Read] = {}
FITTED = Fitted(Classification(("bad", "good")), Vocabulary(("a", "film", "and")))


def reader(name: str) -> Callable[[Read], Read]:
    """Name a function that makes a file by a code, and reads it."""
    return lambda read: READERS.setdefault(name, read)


def file_of(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    return name


@cache
def table(delimiter: str = ",") -> bytes:
    write_csv(Path("whole.csv"), sentences(24))
    return Path("whole.csv").read_bytes().replace(b",", delimiter.encode())


@cache
def json_lines() -> bytes:
    rows = [{"text": text, "label": label} for text, label in sentences(24)]
    return "\n".join(map(json.dumps, rows)).encode()


@cache
def steps() -> bytes:
    return write_rows(Path("whole.csv"), rows_of(*waves(12))).read_bytes()


def npz_members(save: Callable[..., None] = np.savez, **arrays: Any) -> dict[str, bytes]:
    save("whole.npz", **arrays)
    return members(Path("whole.npz").read_bytes())


def text(file: str) -> Text:
    return Text(name="text", path=file, max_length=5)


@reader("config: YAML")
def _(code: bytes) -> object:
    whole = CONFIGS[code[0] % len(CONFIGS)].read_bytes()
    keys = [f"{key}: ".encode() for key in ("name", "path", "units", "dropout", "validation")]
    signs = [
        b"&a ",
        b"*a",
        b"!!python/name:os.system ",
        b"- ",
        b"? ",
        b"|\n",
        b"{",
        b"[1, 2]",
        b"..\n",
    ]
    return load_config(Path(file_of("own.yaml", mutated(whole, code[1:], [*keys, *signs]))))


@reader("config: overrides")
def _(code: bytes) -> object:
    keys = ("name", "training.epochs", "model.units", "dataset", "dataset.name", "a.b", "")
    written = b"=".join([keys[code[0] % len(keys)].encode(), mutated(b"[1, 0.5]", code[1:])])
    return load_config(CONFIGS[code[1] % len(CONFIGS)], [written.decode(errors="replace")])


@reader("CSV")
def _(code: bytes) -> object:
    return text(file_of("own.csv", mutated(table(), code))).load()


@reader("TSV")
def _(code: bytes) -> object:
    return text(file_of("own.tsv", mutated(table("\t"), code))).load()


@reader("JSONL")
def _(code: bytes) -> object:
    return text(file_of("own.jsonl", mutated(json_lines(), code))).load()


@cache
def fitted_forecast() -> Forecasting:
    return forecasting(Airline(name="airline", deseasonalise=True).load().task)


@reader("what a forecast has fitted")
def _(code: bytes) -> object:
    task = fitted_forecast()
    whole = json.loads(json.dumps(task.to_json()))
    Path("task.json").write_bytes(mutated_json(whole, code))
    found = fitted.read_task(Artifacts(Path()), Forecasting())
    labels = np.zeros(2, labels_type(forecasting(found).horizon))
    outputs = np.zeros((2, found.outputs), "float32")
    with np.errstate(all="ignore"):
        return found.predictions(outputs, labels)


@reader("time series")
def _(code: bytes) -> object:
    rows = [f"{2000 + step // 12}-{step % 12 + 1:02},{step},{step % 5}" for step in range(80)]
    whole = "\n".join(["time,value,rain", *rows]).encode() + b"\n"
    signs = [b"NA", b"inf", b"1e300", b"-", b",", b"2000-13", b"Q1", b"\n", b"/", b" 10:30"]
    file = file_of("own.csv", mutated(whole, code[1:], signs))
    keys = [{}, {"past": ("rain",)}, {"future": ("rain",)}, {"series_column": "rain"}]
    more: dict[str, Any] = keys[code[0] % len(keys)]
    return Series(name="series", path=file, window=4, horizon=2, repeated="mean", **more).load()


@reader("running text")
def _(code: bytes) -> object:
    whole = "It was dark; rain fell.\n***\n  “No,” she said…\n".encode() * 9
    signs = [b"***\n", b"\n", b"\r", b"\xe2\x96\x81", b"<0x41>", b"\xef\xbb\xbf", b"\xff", b"\t"]
    file = file_of("own.txt", mutated(whole, code[1:], signs))
    kinds = ("characters", "words", "symbols", "subwords")
    keys: dict[str, Any] = {"tokens": kinds[code[0] % 4], "separator": "***"}
    if keys["tokens"] == "subwords":
        keys["vocabulary_size"] = 600
    dataset = Corpus(name="corpus", path=file, window=4, test=0.2, **keys).load()
    for part in (dataset.train.whole(), dataset.test):
        assert (part.labels["token"] < dataset.outputs).all()
    return dataset


@reader("what a language model has fitted")
def _(code: bytes) -> object:
    whole = LanguageModel(("a", "b", "\n")).to_json()
    Path("task.json").write_bytes(mutated_json(json.loads(json.dumps(whole)), code))
    found = fitted.read_task(Artifacts(Path()), LanguageModel())
    outputs = np.zeros((2, found.outputs), "float32")
    return found.predictions(outputs, np.zeros(2, LABEL))


@reader("samples of a language model")
def _(code: bytes) -> object:
    row = {"epoch": 1, "temperature": 0.8, "text": "a"}
    Path("samples.jsonl").write_bytes(mutated((json.dumps(row) + "\n").encode() * 3, code))
    return Run(Path()).samples()


@reader("CSV, packed")
def _(code: bytes) -> object:
    whole = gzip.compress(table(), 1)
    content = mutated(whole, code[1:]) if code[0] % 2 else gzip.compress(mutated(table(), code), 1)
    return text(file_of("own.csv.gz", content)).load()


@reader("CSV without a header, with titles, with backslashes")
def _(code: bytes) -> object:
    signs = [b"sep=;\n", b"# a\n", b"a title\n", b",,\n", b'\\"', b'"', b"\\", b";", b"\t"]
    file = file_of("own.csv", mutated(table(), code[1:], signs))
    if code[0] % 2:
        keys = {"text_column": "column_1", "label_column": "column_2", "header": False}
        return Text(name="text", path=file, max_length=5, unlabelled="skip", **keys).load()
    return text(file).load()


@cache
def parquet_bytes() -> bytes:
    import pyarrow
    from pyarrow import parquet

    texts, labels = zip(*sentences(24), strict=True)
    parquet.write_table(pyarrow.table({"text": texts, "label": labels}), "whole.parquet")
    return Path("whole.parquet").read_bytes()


@reader("Parquet")
def _(code: bytes) -> object:
    return text(file_of("own.parquet", mutated(parquet_bytes(), code))).load()


@cache
def workbook() -> dict[str, bytes]:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [("text", "label"), *sentences(24)]:
        book.active.append(row)
    book.save("whole.xlsx")
    return members(Path("whole.xlsx").read_bytes())


@reader("Excel")
def _(code: bytes) -> object:
    sheet = "xl/worksheets/sheet1.xml"
    if code[0] % 2:
        signs = [b"<c ", b"</row>", b'r="A1"', b't="s"', b"<v>9</v>", b'r="999999"']
        content = packed({**workbook(), sheet: mutated(workbook()[sheet], code[1:], signs)})
    else:
        content = mutated_archive(workbook(), code[1:])
    return text(file_of("own.xlsx", content)).load()


@cache
def wide() -> bytes:
    rows = [f"{'ab'[n % 2]},{n},{n / 2},{-n}" for n in range(24)]
    return "\n".join(["label,v0,v1,v2", *rows]).encode()


@reader("wide table")
def _(code: bytes) -> object:
    file = file_of("own.csv", mutated(wide(), code))
    return Arrays(name="arrays", path=file, rows="sequences").load()


@reader("NPY, to predict")
def _(code: bytes) -> object:
    np.save("whole.npy", np.zeros((3, 28, 28), np.float32))
    whole = Path("whole.npy").read_bytes()
    near = whole[:128] if code[0] % 2 else whole  # most changes hit what follows the header
    content = mutated(near, code[1:]) + (whole[128:] if code[0] % 2 else b"")
    return Mnist(name="mnist").read_given(
        Path(file_of("own.npy", content)), Fitted(Classification())
    )


@reader("TXT, to predict")
def _(code: bytes) -> object:
    file = file_of("own.txt", mutated(b"a film\nand a film\n", code))
    return text("own.csv").read_given(Path(file), FITTED)


@reader("CSV, to predict")
def _(code: bytes) -> object:
    file = file_of("own.csv", mutated(table(), code))
    return text("own.csv").read_given(Path(file), FITTED)


@reader("folder of texts")
def _(code: bytes) -> object:
    if not Path("own").exists():
        write_folder(Path("own"), sentences(10))
    chosen = sorted(Path("own").rglob("*.txt"))[code[0] % 10]
    whole = chosen.read_bytes()
    chosen.write_bytes(mutated(whole, code[1:]))
    try:
        return Folder(name="folder", path="own", max_length=5).load()
    finally:
        chosen.write_bytes(whole)


@cache
def sequences() -> list[dict[str, bytes]]:
    values, labels = waves(12)
    ragged = {"values": np.concatenate(values), "lengths": [len(one) for one in values]}
    return [
        npz_members(x=np.ones((12, 3, 2)), y=np.arange(12) % 2),
        npz_members(**ragged, y=np.array(labels)),
    ]


@reader("NPZ")
def _(code: bytes) -> object:
    file = file_of("own.npz", mutated_archive(sequences()[code[0] % 2], code[1:]))
    return Arrays(name="arrays", path=file).load()


@cache
def given_digits() -> dict[str, bytes]:
    return npz_members(x=np.zeros((3, 28, 28)), y=np.arange(3))


@reader("NPZ, to predict")
def _(code: bytes) -> object:
    file = file_of("own.npz", mutated_archive(given_digits(), code))
    return Mnist(name="mnist").read_given(Path(file), Fitted(Classification()))


@reader("long table")
def _(code: bytes) -> object:
    return Arrays(name="arrays", path=file_of("own.csv", mutated(steps(), code))).load()


@reader("word vectors")
def _(code: bytes) -> object:
    content = mutated(b"3 2\na 0.5 1e-3\nfilm -1 2\nand 3 4\n", code[1:])
    name = ("own.txt", "own.txt.gz", "broken.txt.gz")[code[0] % 3]
    if name == "own.txt.gz":
        content = gzip.compress(content, 1)
    if name == "broken.txt.gz":
        content = mutated(gzip.compress(b"a 1 2\nfilm 1 2\n", 1), code[1:])
    matrix = np.zeros((FIRST_WORD + 3, 2), np.float32)
    return embeddings.fill(matrix, Path(file_of(name, content)), FITTED.vocabulary)  # type: ignore


@cache
def reviews() -> dict[str, bytes]:
    return members(write_ids(Path("whole.npz")).read_bytes())


@reader("imdb.npz")
def _(code: bytes) -> object:
    file = file_of("imdb.npz", mutated_archive(reviews(), code))
    return Imdb(name="imdb", path=file, max_length=5).load()


@reader("imdb_word_index.json")
def _(code: bytes) -> object:
    write_ids(Path("imdb.npz")) if not Path("imdb.npz").exists() else None
    whole = json.dumps(word_index())
    few = code[0] % 2 and mutated_json(json.loads(whole), code[1:])
    file_of("imdb_word_index.json", few or mutated(whole.encode(), code[1:]))
    return Imdb(name="imdb", path="imdb.npz", max_length=5).load()


@cache
def reviews_archive() -> bytes:
    return gzip.decompress(write_archive(Path("whole.tar.gz")).read_bytes())


@reader("aclImdb_v1.tar.gz")
def _(code: bytes) -> object:
    inside = gzip.compress(mutated(reviews_archive(), code[1:]), 1)
    content = inside if code[0] % 4 else mutated(pack(reviews_archive()), code[1:])
    return Imdb(name="imdb", path=file_of("aclImdb_v1.tar.gz", content), max_length=5).load()


@cache
def digits() -> dict[str, bytes]:
    return npz_members(**mnist_arrays(20, 10))


@reader("mnist.npz")
def _(code: bytes) -> object:
    file = file_of("mnist.npz", mutated_archive(digits(), code))
    return Mnist(name="mnist", path=file).load()


METRICS = {"test_accuracy": 0.5, "test_loss": 1.0, "best_epoch": 1, "optimistic": False}
METRICS |= {"last_epoch": {"epoch": 1, "test_accuracy": 0.5}, "test": {"classes": []}}
JSON_FILES: dict[str, Any] = {
    "metrics.json": METRICS,
    "classes.json": ["bad", "good"],
    "vocabulary.json": ["a", "film", "and"],
    "scaling.json": {"mean": [0.5, 1.0], "std": [1.0, 2.0]},
    "environment.json": {"data": {"sha256": "0" * 64}, "packages": {"numpy": "2.0"}, "cores": 2},
}
HISTORY = b"epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n1,0.5,0.5,0.5,0.5,0.001\n"


@contextmanager
def run_of(name: str, content: bytes) -> Iterator[Run]:
    """Yield a run with all files, one of which holds something else."""
    folder = Path("outputs/own/20260101T000000Z-0000")
    if not folder.exists():
        folder.mkdir(parents=True)
        whole = {key: json.dumps(tree).encode() for key, tree in JSON_FILES.items()}
        whole |= {"history.csv": HISTORY, "config.yaml": quickstart().to_yaml().encode()}
        for key, right in whole.items():
            (folder / key).write_bytes(right)
    before = (folder / name).read_bytes() if (folder / name).exists() else b""
    (folder / name).write_bytes(content)
    try:
        yield Run(folder)
    finally:
        (folder / name).write_bytes(before)


@cache
def quickstart() -> Config:
    return load_config(next(file for file in CONFIGS if file.stem == "quickstart"))


@reader("JSON of a run")
def _(code: bytes) -> object:
    name = [*JSON_FILES][code[0] % len(JSON_FILES)]
    whole = JSON_FILES[name]
    broken = mutated(json.dumps(whole).encode(), code[2:])
    content = mutated_json(whole, code[2:]) if code[1] % 3 else broken
    with run_of(name, content) as run:
        if code[1] % 8 == 0:
            everything(Path("outputs"))
        return run.metrics(), run.fitted(), run.environment(), run.data_sha256()


@cache
def learned_subwords() -> bytes:
    return subwords.learn({f"w{index % 7}ord{index}": index + 1 for index in range(99)}, 600)


@reader("tokens.json of a run")
def _(code: bytes) -> object:
    folder = Artifacts(Path("tokens"))
    folder.folder.mkdir(exist_ok=True)
    written = base64.b64encode(mutated(learned_subwords(), code)).decode()
    folder.write_json("tokens.json", {"tokens": "subwords", "sentencepiece": written})
    folder.write_json("vocabulary.json", subwords.pieces(learned_subwords()))
    folder.write_json("classes.json", ["bad", "good"])
    vocabulary = fitted.read(folder, Classification()).vocabulary
    return vocabulary and vocabulary.encode(["word5 ünknown 映画"])


@reader("history.csv, config.yaml of a run")
def _(code: bytes) -> object:
    name, whole = [("history.csv", HISTORY), ("config.yaml", quickstart().to_yaml().encode())][
        code[0] % 2
    ]
    with run_of(name, mutated(whole, code[2:])) as run:
        if code[1] % 8 == 0:
            everything(Path("outputs"))
        return run.config, run.history(), run.best_epoch()


@cache
def predictions() -> dict[str, bytes]:
    arrays = {"labels": np.arange(4) % 2, "probabilities": np.full((4, 2), 0.5, np.float32)}
    return npz_members(np.savez_compressed, **arrays)


@reader("predictions.npz of a run")
def _(code: bytes) -> object:
    with run_of("predictions.npz", mutated_archive(predictions(), code)) as run:
        return run.predictions()


@cache
def checkpoint() -> dict[str, bytes]:
    progress = {"callbacks": {"KeepBest": {"best": 1.0}}, "stopped": False, "seconds": 0.5}
    content = np.frombuffer(json.dumps(progress).encode(), np.uint8)
    variables = {f"{VARIABLES}trainable/0/kernel": np.ones((3, 2), np.float32)}
    return npz_members(**variables, **{PROGRESS: content, "best": content[:0]})


@reader("checkpoint")
def _(code: bytes) -> object:
    """Write a checkpoint under the name with its hash, so that it counts as undamaged."""
    content = mutated_archive(checkpoint(), code)
    name = f"000001-000000000-{hashlib.sha256(content).hexdigest()[:32]}.npz"
    Path("checkpoint").mkdir(exist_ok=True)
    file = Path(file_of(f"checkpoint/{name}", content))
    try:
        return Checkpoints(Path("checkpoint")).newest()
    finally:
        file.unlink()


@cache
def small() -> Config:
    config = next(file for file in CONFIGS if file.stem == "phrases_lstm")
    keys = (
        "model.name=bigru",
        "model.units=2",
        "model.embedding_dim=2",
        "dataset.vocabulary_size=5",
    )
    return load_config(config, [*keys, "dataset.vocabulary_size=5"])


@cache
def model_members() -> dict[str, bytes]:
    x = np.zeros((1, 3), np.int32)
    part = Examples(x, x[:, 0])
    data = Dataset(
        part, part, part, Classification(("a", "b")), "", "", vocabulary_size=5, mask=True
    )
    small().model.build(data).save("whole.keras")
    return members(Path("whole.keras").read_bytes())


@reader("model.keras")
def _(code: bytes) -> object:
    """Some files pass the checks, and building their network takes long."""
    from seqtrain.inference import model_file

    files, rest = model_members(), code[1:]
    config, weights = files["config.json"], files["model.weights.h5"]
    if code[0] < 150:
        files = {**files, "config.json": mutated_json(json.loads(config), rest)}
    elif code[0] < 220:
        files = {**files, "model.weights.h5": overwritten(weights, rest)}
    content = packed(files) if code[0] < 220 else mutated_archive(files, rest)
    file = Path(file_of("model.keras", content))
    try:
        model_file.read(file)
    except Exception as error:
        raise RunError(str(error) or type(error).__name__) from error
    try:
        return code[1] % 8 == 0 and model_file.open_model(
            file, small(), Fitted(Classification(("a", "b")))
        )
    except ValueError as error:
        raise RunError(str(error)) from error


TENSORFLOW = {"model.keras"}


class TooLongError(BaseException):
    """No reader of files takes this error for damage."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail if the body takes longer."""

    def late(*_: object) -> None:
        raise TooLongError(f"it takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.tf] * (name in TENSORFLOW)) for name in READERS],
)
def test_any_bytes_are_read_or_refused_with_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, record_property: Callable[..., None]
) -> None:
    monkeypatch.setenv("SEQTRAIN_CACHE_DIR", os.devnull + "/none")  # nothing is kept
    counts = {"read": 0, "refused": 0}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(code=st.binary(min_size=6, max_size=14))
    def tried(code: bytes) -> None:
        try:
            with within(SECONDS):
                READERS[name](code)
            counts["read"] += 1
        except SeqtrainError as error:
            counts["refused"] += 1
            assert error.message
            assert len(error.message) < 20_000

    tried()
    assert counts["refused"], "the changes do no damage"
    assert counts["read"], "whatever is changed is refused"
    assert sum(counts.values()) >= EXAMPLES
    row = (name, counts["read"] + counts["refused"], counts["refused"], counts["read"])
    record_property("fuzzing", row)
