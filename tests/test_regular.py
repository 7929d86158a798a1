"""Named pipes and devices instead of files are refused at once, without waiting."""

import ast
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import seqtrain as package
from seqtrain.io.regular_file import opened
from tests.conftest import Outcome

Seqtrain = Callable[..., Outcome]

LSTM = "model: {name: lstm, units: 2}\n"
PHRASES = "dataset: {name: phrases, train_pairs: 20, test_pairs: 10}\n"
CONFIGS = {
    "arrays": f"dataset: {{name: arrays, path: FILE.npz}}\n{LSTM}",
    "test arrays": f"dataset: {{name: arrays, path: some.npz, test_path: FILE.npz}}\n{LSTM}",
    "mnist": f"dataset: {{name: mnist, path: FILE.npz}}\n{LSTM}",
    "imdb ids": f"dataset: {{name: imdb, path: FILE.npz, max_length: 20}}\n{LSTM}",
    "imdb reviews": f"dataset: {{name: imdb, path: FILE.tar.gz, max_length: 20}}\n{LSTM}",
    "text": f"dataset: {{name: text, path: FILE.csv}}\n{LSTM}",
    "packed text": f"dataset: {{name: text, path: FILE.csv.gz}}\n{LSTM}",
    "a workbook": f"dataset: {{name: text, path: FILE.xlsx}}\n{LSTM}",
    "parquet": f"dataset: {{name: text, path: FILE.parquet}}\n{LSTM}",
    "word vectors": f"{PHRASES}model: {{name: lstm, units: 2, embedding_file: FILE.txt}}\n",
    "packed word vectors": f"{PHRASES}model: {{name: lstm, units: 2, embedding_file: FILE.gz}}\n",
}
# Of the package's own files, of the machine's, and of a config, which may come from a pipe.
OTHERS = (
    *("os.devnull", "files(", "folder() /", "'digits.csv.gz'", "/proc/", "GROUP", "size", "NEW"),
    *(
        "os.open(folder",
        "file.open('ab')",
        "path.open('rb')",
        "BytesIO(content)",
        "File(content)",
        "(stream",
    ),
    *("open(target, 'wb')", "archive.open(", "fileobj=stream"),
)
OPENING = {"GzipFile", "File", "ParquetFile", "ZipFile", "loadtxt", "load_workbook", "memmap"}
OPENING |= {"open", "read_bytes", "read_text", "fromfile"}


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """Fail if the body waits for a pipe, or reads an endless device."""

    def late(*_: object) -> None:
        raise AssertionError("it takes more than 30 s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def put(kind: str, path: Path) -> None:
    """Put a named pipe, a link to a device, or a folder at a path."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.tf
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS)
def test_what_a_config_names_is_a_file(text: str, kind: str, seqtrain: Seqtrain) -> None:
    import numpy as np

    np.savez("some.npz", x=np.zeros((20, 3, 1)), y=np.arange(20) % 2)
    name = next(word for word in text.replace("}", " ").replace(",", " ").split() if "FILE" in word)
    put(kind, Path(name))
    Path("a.yaml").write_text(text)
    outcome = seqtrain("check", "a.yaml", "--load")
    assert outcome.exit_code == 2, outcome
    assert name in outcome.stderr
    assert "device or a pipe" in outcome.stderr
    assert "hint:" in outcome.stderr


@pytest.mark.parametrize("name", ["FILE.npz", "FILE.npy", "FILE.csv", "FILE.xlsx"])
def test_a_config_is_drafted_for_files_alone(name: str, seqtrain: Seqtrain) -> None:
    put("pipe", Path(name))
    outcome = seqtrain("init", "--data", name, "--to", "a.yaml")
    assert outcome.exit_code == 2
    assert "device or a pipe" in outcome.stderr
    assert not Path("a.yaml").exists()


@pytest.mark.parametrize("name", ["imdb.npz", "aclImdb_v1.tar.gz", "mnist.npz"])
def test_what_lies_in_the_data_folder_is_a_file(name: str, seqtrain: Seqtrain) -> None:
    Path("data").mkdir()
    put("pipe", Path("data", name))
    dataset = "mnist" if "mnist" in name else "imdb"
    Path("a.yaml").write_text(f"dataset: {{name: {dataset}}}\n{LSTM}")
    outcome = seqtrain("check", "a.yaml", "--load", "--data-dir", "data")
    assert outcome.exit_code == 2
    assert "device or a pipe" in outcome.stderr


def test_a_pipe_among_the_texts_of_a_folder_is_refused(seqtrain: Seqtrain) -> None:
    for name in ("good", "bad"):
        Path("texts", name).mkdir(parents=True)
        Path("texts", name, "1.txt").write_text("a text of some words")
    put("pipe", Path("texts/good/2.txt"))
    Path("a.yaml").write_text(f"dataset: {{name: folder, path: texts}}\n{LSTM}")
    outcome = seqtrain("check", "a.yaml", "--load")
    assert outcome.exit_code == 2
    assert "2.txt is a device or a pipe, not a file" in outcome.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_a_regular_file_is_opened(kind: str) -> None:
    put(kind, Path("a"))
    with pytest.raises(OSError, match=r"device or a pipe|Is a directory"):
        opened(Path("a"))


def test_every_file_that_is_read_is_checked() -> None:
    """Each call that opens a file gets a checked file, or one of the package's own."""
    root = Path(package.__file__).parent
    found = [
        (str(module.relative_to(root)), ast.unparse(call))
        for module in sorted(root.rglob("*.py"))
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in OPENING
    ]
    assert len(found) > 20
    unchecked = [
        (module, call)
        for module, call in found
        if "checked(" not in call and not any(word in call for word in OTHERS)
    ]
    assert unchecked == []
