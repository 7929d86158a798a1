"""Arrays from files: no pickle is loaded, and no memory is allocated beyond the size of a file."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.data.dataset import Fitted
from seqtrain.datasets.arrays import Arrays
from seqtrain.datasets.mnist import Mnist
from seqtrain.errors import SeqtrainError
from seqtrain.io import npz
from seqtrain.runs.checkpoints import Checkpoints
from seqtrain.runs.run import Run
from seqtrain.tasks import Classification

FILE = Path("a.npz")


def array(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """Return a `.npy` file with a header of any kind."""
    size = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + header.encode() + content


def head(shape: str, kind: str = "<f8", fortran: bool = False) -> str:
    return f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


def write(content: bytes, packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(FILE, "w", packing) as archive:
        archive.writestr("x.npy", content)
    return FILE


class Code:
    """Leaves a folder behind when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("executed",)


def objects() -> bytes:
    written = io.BytesIO()
    np.save(written, np.array([Code(), None], dtype=object), allow_pickle=True)
    return written.getvalue()


BROKEN: dict[str, tuple[bytes, str]] = {
    "objects": (objects(), "`x` holds Python objects, which are pickles and not read"),
    "a bare pickle": (pickle.dumps(Code()), "magic string is not correct"),
    "objects among numbers": (
        array("{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (0,), }\n"),
        "holds Python objects",
    ),
    "a huge shape": (array(head("(99999999999999, 28)")), "which it does not hold"),
    "a shape that flows over": (array(head("(4294967296, 4294967296)")), "which it does not hold"),
    "a negative shape": (array(head("(-1,)")), "has the shape (-1,), which it does not hold"),
    "two negative sides": (array(head("(-2, -3)"), bytes(48)), "which it does not hold"),
    "too few numbers": (array(head("(3,)"), bytes(16)), "which it does not hold"),
    "too many numbers": (array(head("(3,)"), bytes(32)), "which it does not hold"),
    "letters without width": (array(head("(99999999999999,)", "<U0")), "which it does not hold"),
    "a shape of words": (array(head("('a',)")), "shape is not valid"),
    "an open header": (array("{'descr': '<f8', ("), ""),
    "a deep header": (array("(" * 5000), ""),
    "code as a header": (array("__import__('os').mkdir('executed')"), "malformed node"),
    "a long header": (array(head("(1,)") + " " * 20_000, bytes(8)), "Header info length"),
    "another version": (array(head("(1,)"), bytes(8), b"\x09\x00"), ""),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_an_array_that_is_not_what_it_says_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        npz.read(write(content), "x")
    assert reason in str(caught.value)
    assert not Path("executed").exists()


@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00"])
@pytest.mark.parametrize("fortran", [True, False])
def test_arrays_of_every_order_and_version_are_read(fortran: bool, version: bytes) -> None:
    whole = np.arange(6.0).reshape(2, 3)
    content = array(
        head("(2, 3)", fortran=fortran), whole.tobytes("F" if fortran else "C"), version
    )
    np.testing.assert_array_equal(npz.read(write(content), "x")[0], whole)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(save: Any) -> None:
    save(FILE, a=np.array(["x", "yy"]), b=np.zeros((0, 3)), c=np.float32(3))
    a, b, c = npz.read(FILE, *npz.names(FILE))
    assert (a.tolist(), b.shape, c.tolist()) == (["x", "yy"], (0, 3), 3.0)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "LARGE", 1_000_000)
    write(array(head("(1000000,)"), bytes(8_000_000)), zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(npz, "_array", lambda *_: pytest.fail("it is unpacked"))
    with pytest.raises(ValueError, match=r"it would unpack from [\d,]+ to 8,000,\d+ bytes"):
        npz.read(FILE, "x")


def test_what_takes_more_than_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda _: 10)
    np.savez(FILE, x=np.zeros(3))
    with pytest.raises(ValueError, match="bytes of the memory, which has 100"):
        npz.read(FILE, "x")


def checkpoint(content: bytes) -> object:
    import hashlib

    name = f"000001-000000000-{hashlib.sha256(content).hexdigest()[:32]}.npz"
    Path("checkpoint").mkdir()
    Path("checkpoint", name).write_bytes(content)
    return Checkpoints(Path("checkpoint")).newest()


def artifact(content: bytes) -> object:
    for name in ("predictions.npz", "trained_on.npz"):
        Path(name).write_bytes(content)
    return Run(Path()).predictions(), Run(Path()).trained_on()


READERS: dict[str, Callable[[bytes], object]] = {
    "arrays": lambda _: Arrays(name="arrays", path=str(FILE)).load(),
    "mnist": lambda _: Mnist(name="mnist", path=str(FILE)).load(),
    "given": lambda _: Mnist(name="mnist").read_given(FILE, Fitted(Classification())),
    "run": artifact,
    "checkpoint": checkpoint,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("content", [objects(), array(head("(99999999999999, 28)"))], ids=len)
def test_no_reader_opens_a_pickle_or_allocates_what_is_not_there(
    content: bytes, read: Callable[[bytes], object]
) -> None:
    keys = ("x", "y", "x_train", "y_train", "labels", "fingerprints", "progress", "best")
    with zipfile.ZipFile(FILE, "w") as archive:
        for key in keys:
            archive.writestr(f"{key}.npy", content)
    with pytest.raises(SeqtrainError):
        read(FILE.read_bytes())
    assert not Path("executed").exists()


@pytest.mark.parametrize("order", ["<", ">"])
def test_letters_that_unicode_does_not_know_are_refused(order: str) -> None:
    codes = np.array([[65, 0x10FFFF], [66, 0x110000]], np.dtype("u4").newbyteorder(order))
    whole, broken = (array(head("(1,)", f"{order}U2"), row.tobytes()) for row in codes)
    assert npz.read(write(whole), "x")[0].tolist() == ["A\U0010ffff"]
    with pytest.raises(ValueError, match="letters that Unicode does not know"):
        npz.read(write(broken), "x")


def test_what_numpy_says_of_a_long_header_is_cut() -> None:
    file = Path("own.npy")
    file.write_bytes(array("\0" * 5_000))
    with pytest.raises(SeqtrainError, match=r"is not a \.npz file of examples") as caught:
        Mnist(name="mnist").read_given(file, Fitted(Classification()))
    assert len(caught.value.message) < 500
