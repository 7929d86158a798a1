"""MNIST as Keras stores it, whole and damaged."""

import hashlib
import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtrain.datasets import mnist
from seqtrain.datasets.mnist import Mnist
from seqtrain.errors import DataError
from seqtrain.io.download import Remote
from tests.conftest import Outcome
from tests.factories.downloads import mnist_arrays, write_mnist

CONFIG = """\
dataset: {name: mnist}
model: {name: rnn, units: 4}
training: {epochs: 1}
"""
Damage = Callable[[Path], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_mnist(tmp_path / "mnist.npz")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be fetched."""
    monkeypatch.setattr(mnist, "REMOTE", Remote("http://127.0.0.1:9/mnist.npz", "sha256:0"))


def test_images_are_read_as_rows_between_0_and_1(file: Path) -> None:
    arrays = mnist_arrays()
    train = Mnist(name="mnist", path=str(file)).read(None).train
    assert train.x.shape == (60, 28, 28)
    assert train.x.dtype == np.float32
    np.testing.assert_array_equal(train.x, arrays["x_train"].astype(np.float32) / 255)


def test_images_can_be_read_pixel_by_pixel(file: Path) -> None:
    rows = Mnist(name="mnist", path=str(file)).read(None)
    pixels = Mnist(name="mnist", path=str(file), order="pixels").read(None)
    assert pixels.shape == (784, 1)
    np.testing.assert_array_equal(pixels.test.x.reshape(-1, 28, 28), rows.test.x)


def test_labels_stay_beside_their_images(file: Path) -> None:
    dataset = Mnist(name="mnist", path=str(file)).read(None)
    assert dataset.train.labels.tolist() == [*range(10)] * 6
    assert dataset.test.labels.tolist() == [*range(10)] * 2
    assert dataset.task.classes == tuple("0123456789")


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_may_be_any_whole_numbers(tmp_path: Path, dtype: type) -> None:
    file = write_mnist(tmp_path / "a.npz", y_train=(np.arange(60) % 10).astype(dtype))
    assert Mnist(name="mnist", path=str(file)).read(None).train.labels.dtype == np.int32


def test_other_arrays_in_the_file_do_not_matter(tmp_path: Path) -> None:
    file = write_mnist(tmp_path / "a.npz", extra=np.zeros(3))
    assert len(Mnist(name="mnist", path=str(file)).read(None).train) == 60


def test_source_and_hash_name_the_file(file: Path) -> None:
    dataset = Mnist(name="mnist", path=str(file)).read(None)
    assert dataset.source == str(file)
    assert dataset.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_file_is_found_in_a_folder(file: Path) -> None:
    for config, data_dir in (
        (Mnist(name="mnist", path=str(file.parent)), None),
        (Mnist(name="mnist"), file.parent),
    ):
        assert config.read(data_dir).source == str(file)


def test_the_hash_of_keras_does_not_bind_a_person_s_file(file: Path) -> None:
    """The file of these tests has another hash than Keras's, and is read all the same."""
    assert hashlib.sha256(file.read_bytes()).hexdigest() not in mnist.REMOTE.hash
    assert len(Mnist(name="mnist", path=str(file)).load().test) == 20


class Code:
    """Leaves a folder behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("executed",)


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def without_end(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def text(file: Path) -> None:
    file.write_text("<html>404 Not Found</html>")


def bare_array(file: Path) -> None:
    with file.open("wb") as opened:
        np.save(opened, np.zeros((2, 28, 28), np.uint8))


def bare_pickle(file: Path) -> None:
    file.write_bytes(pickle.dumps(Code()))


def pickle_inside(file: Path) -> None:
    code = np.empty(60, dtype=object)
    code[:] = [Code()] * 60
    np.savez(file, **mnist_arrays() | {"x_train": code})


def pickle_without_header(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for key in mnist_arrays():
            archive.writestr(f"{key}.npy", pickle.dumps(Code()))


def damaged_stream(file: Path) -> None:
    """Put bytes that cannot be inflated at the start of the first array."""
    content = bytearray(file.read_bytes())
    start = 30 + len("x_train.npy") + int.from_bytes(content[28:30], "little")
    content[start : start + 8] = b"\xff" * 8
    file.write_bytes(content)


def unknown_compression(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(magic) + offset
        content[place : place + 2] = (77).to_bytes(2, "little")
    file.write_bytes(content)


def with_header(header: str) -> Damage:
    """Return a damage: an array with another header."""

    def damage(file: Path) -> None:
        array = io.BytesIO()
        array.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        with zipfile.ZipFile(file, "w") as archive:
            for key in mnist_arrays():
                archive.writestr(f"{key}.npy", array.getvalue())

    return damage


unclosed_header = with_header("{'descr': '|u1', (")
enormous = with_header(
    "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999, 28, 28), }"
)


def with_arrays(**others: Any) -> Damage:
    """Return a damage: a whole file with other arrays."""
    return lambda file: write_mnist(file, **others) and None


IMAGES = np.zeros((60, 28, 28), np.uint8)
LABELS = np.arange(60) % 10
DEFECTS = {
    "truncated": (truncated, ""),
    "without_end": (without_end, ""),
    "empty": (empty, ""),
    "text": (text, ""),
    "bare_array": (bare_array, ""),
    "bare_pickle": (bare_pickle, "it is not a complete archive"),
    "pickle_inside": (
        pickle_inside,
        "`x_train` holds Python objects, which are pickles",
    ),
    "pickle_without_header": (pickle_without_header, ""),
    "damaged_stream": (damaged_stream, ""),
    "unknown_compression": (unknown_compression, ""),
    "unclosed_header": (unclosed_header, ""),
    "enormous": (enormous, ""),
    "missing_key": (with_arrays(y_test=None), "y_test"),
    "other_keys": (with_arrays(x_train=None, images=IMAGES), "x_train"),
    "flat_images": (with_arrays(x_train=IMAGES.reshape(60, 784)), r"x_train.*\(60, 784\)"),
    "small_images": (with_arrays(x_train=IMAGES[:, :27]), r"x_train.*\(60, 27, 28\)"),
    "channels": (with_arrays(x_train=IMAGES[..., None]), r"x_train.*\(60, 28, 28, 1\)"),
    "scalar": (with_arrays(x_train=np.uint8(3)), r"x_train.*\(\)"),
    "no_images": (with_arrays(x_test=IMAGES[:0], y_test=LABELS[:0]), r"x_test.*\(0, 28, 28\)"),
    "float_images": (with_arrays(x_train=IMAGES / 255), "x_train is float64"),
    "signed_images": (with_arrays(x_test=IMAGES[:20].astype(np.int8)), "x_test is int8"),
    "float_labels": (with_arrays(y_train=LABELS / 1), "y_train is float64"),
    "text_labels": (with_arrays(y_train=LABELS.astype(str)), "y_train is <U"),
    "one_hot_labels": (with_arrays(y_train=np.eye(10, dtype=int)[LABELS]), r"y_train.*\(60, 10\)"),
    "too_few_labels": (with_arrays(y_test=LABELS[:19]), r"y_test.*\(19,\)"),
    "label_too_large": (with_arrays(y_train=LABELS + 1), "y_train holds labels outside 0 to 9"),
    "label_negative": (with_arrays(y_test=LABELS[:20] - 1), "y_test holds labels outside 0 to 9"),
}


@pytest.mark.parametrize(("damage", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_a_damaged_file_is_a_clear_error(file: Path, damage: Damage, reason: str) -> None:
    damage(file)
    before = file.read_bytes()
    with pytest.raises(DataError, match=f"is not MNIST as Keras stores it: .*{reason}") as caught:
        Mnist(name="mnist", path=str(file)).load()
    assert str(file) in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert "dataset.path=FILE" in str(caught.value.hint)
    assert file.read_bytes() == before
    assert not Path("executed").exists()


@pytest.mark.parametrize("place", ["path", "data_dir"])
def test_a_folder_in_the_file_s_place_is_a_clear_error(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "mnist.npz"
    folder.mkdir()
    path = str(folder) if place == "path" else None
    with pytest.raises(DataError, match="is not MNIST"):
        Mnist(name="mnist", path=path).load(tmp_path)
    assert list(folder.iterdir()) == []


def test_a_missing_path_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.path.*no file or folder"):
        Mnist(name="mnist", path=str(tmp_path / "mnist.npz")).load()


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mnist.npz is not on this machine") as caught:
        Mnist(name="mnist").load(tmp_path)
    assert mnist.REMOTE.url in str(caught.value.hint)


@pytest.mark.filterwarnings("ignore")  # of NumPy, about headers that a changed byte made odd
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    compressed=st.booleans(),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    header=st.booleans(),
)
def test_any_changed_byte_is_harmless_or_an_error(
    tmp_path: Path, compressed: bool, place: float, byte: int, header: bool
) -> None:
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, **mnist_arrays(20, 10))
    content = bytearray(buffer.getvalue())
    content[int(place * (200 if header else len(content)))] = byte
    file = tmp_path / "changed.npz"
    file.write_bytes(content)
    try:
        dataset = Mnist(name="mnist", path=str(file)).read(None)
    except DataError as error:
        assert str(file) in error.message
    else:
        assert (len(dataset.train), len(dataset.test)) == (20, 10)


@pytest.mark.parametrize("damage", [truncated, text, pickle_inside, damaged_stream])
def test_training_on_a_damaged_file_is_one_error_and_no_run(
    file: Path,
    damage: Damage,
    seqtrain: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damage(file)
    Path("a.yaml").write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    outcome = seqtrain("train", "a.yaml", "--data-dir", file.parent)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"error: {file} is not MNIST")
    assert "hint:" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not Path("outputs").exists()
    assert not Path("executed").exists()


def test_training_on_a_missing_file_is_one_error_and_no_run(
    seqtrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.yaml").write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    outcome = seqtrain("train", "a.yaml", "dataset.path=nothing.npz")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("error: `dataset.path`: no file or folder `")
    assert "Traceback" not in outcome.stderr
    assert not Path("outputs").exists()


def test_a_damaged_file_is_found_before_keras_is_imported(file: Path) -> None:
    truncated(file)
    Path("a.yaml").write_text(CONFIG)
    program = (
        "import sys; from seqtrain.cli.main import main\n"
        f"sys.argv = ['seqtrain', 'train', 'a.yaml', 'dataset.path={file}']\n"
        "try: main()\n"
        "finally: print(sorted({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == "[]\n"
