"""Harmful models, and models that do not fit their run, are refused with one sentence."""

import io
import json
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtrain.inference import model_file
from seqtrain.runs.run import Run
from tests.conftest import Outcome
from tests.cutting import go_on, start
from tests.factories.networks import SOME, features, model, tokens
from tests.mutation import members, packed

pytestmark = pytest.mark.tf

Tree = dict[str, Any]
Change = Callable[[Tree], None]
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, whose model each test changes."""
    return go_on(start(tmp_path_factory.mktemp("run"), "model.name=lstm", "training.epochs=1"))


@pytest.fixture(scope="module")
def whole(run: Run) -> bytes:
    """The content of its model file."""
    return run.model_file.read_bytes()


@pytest.fixture(autouse=True)
def put_back(run: Run, whole: bytes) -> Iterator[None]:
    yield
    run.model_file.unlink(missing_ok=True)
    run.model_file.write_bytes(whole)


def opened(run: Run) -> Any:

    return model_file.open_model(run.model_file, run.config, run.fitted())


def refused(run: Run, content: bytes) -> str:
    """Return why a model is not opened."""

    whole = run.model_file.read_bytes()
    run.model_file.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        opened(run)
    assert not model_file.usable(run.model_file, whole)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_config(whole: bytes, change: Change) -> bytes:
    """Return a model file with a change in its Keras config."""
    files = members(whole)
    tree = json.loads(files[CONFIG])
    change(tree)
    return packed({**files, CONFIG: json.dumps(tree).encode()})


def layer(tree: Tree, kind: str) -> Tree:
    """Return the first layer of a kind."""
    return next(one for one in tree["config"]["layers"] if one["class_name"] == kind)


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
LAMBDA |= {"config": {"name": "x", "function": {"class_name": "__lambda__", "config": {}}}}
GET_FILE = {"module": "keras.utils", "class_name": "function", "config": "get_file"}
SYSTEM = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
LOOKUP = {"module": "keras.layers", "class_name": "StringLookup", "registered_name": None}
LOOKUP |= {"config": {"name": "x", "vocabulary": "/etc/passwd"}}
ROWS = {"module": "keras.layers", "class_name": "Embedding", "registered_name": None}
ROWS |= {"config": {"name": "x", "input_dim": 10**12, "output_dim": 8, "mask_zero": False}}


def inserted(part: Tree, times: int = 1) -> Change:
    return lambda tree: tree["config"]["layers"].extend([part] * times)


def set_in(kind: str, key: str, value: Any) -> Change:
    return lambda tree: layer(tree, kind)["config"].update({key: value})


HARMFUL: dict[str, Change] = {
    "a lambda": inserted(LAMBDA),
    "a download": set_in("Dense", "activation", GET_FILE),
    "a command": set_in("Dense", "activation", SYSTEM),
    "a file that is read": inserted(LOOKUP),
    "a class of the same name": lambda tree: layer(tree, "Dense").update(module="evil.layers"),
    "a registered class": lambda tree: layer(tree, "Dense").update(registered_name="evil>Dense"),
    "an optimizer": lambda tree: tree.update(compile_config={"optimizer": "adam"}),
    "rows beyond all memory": inserted(ROWS),
    "units beyond all memory": set_in("Dense", "units", 10**12),
    "another head": set_in("Dense", "activation", "linear"),
    "every step given out": set_in("LSTM", "return_sequences", True),
    "half precision": set_in("LSTM", "dtype", "float16"),
    "400 layers": inserted({"class_name": "Dense", "config": {"units": 1}}, 400),
    "steps written out": set_in("LSTM", "unroll", True),
}


@pytest.mark.parametrize("change", HARMFUL.values(), ids=HARMFUL)
def test_nothing_is_made_of_what_a_file_describes(change: Change, run: Run, whole: bytes) -> None:
    wanted = opened(run)
    run.model_file.write_bytes(with_config(whole, change))
    found = opened(run)
    assert found.to_json() == wanted.to_json()
    for ours, theirs in zip(wanted.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


WRONG_INPUTS: dict[str, tuple[Change, str]] = {
    "texts": (
        set_in("InputLayer", "dtype", "string"),
        "its examples are string of the shape [8, 8]",
    ),
    "half precision": (set_in("InputLayer", "dtype", "float16"), "its examples are float16 of"),
    "other features": (
        set_in("InputLayer", "batch_shape", [None, 8, 9]),
        "it holds 258 weights, but the network of config.yaml has 274",
    ),
    "features beyond all memory": (
        set_in("InputLayer", "batch_shape", [None, 8, 10**9]),
        "it holds 258 weights, but the network of config.yaml has 16,000,000,130",
    ),
    "a kind without end": (set_in("InputLayer", "dtype", "x" * 10**6), "xxx…"),
    "no features": (set_in("InputLayer", "batch_shape", [None, 8, 0]), "not say what examples"),
    "a size that is none": (
        set_in("InputLayer", "batch_shape", [None, True, 8]),
        "its config.json does not say what examples look like",
    ),
    "ids without a layer that reads them": (
        lambda tree: layer(tree, "InputLayer")["config"].update(
            dtype="int32", batch_shape=[None, 8]
        ),
        "does not say what examples look like",
    ),
    "no layers": (lambda tree: tree["config"].pop("layers"), "does not say what examples look"),
    "another thing": (lambda tree: tree.clear(), "does not say what examples look like"),
}


@pytest.mark.parametrize(("change", "reason"), WRONG_INPUTS.values(), ids=WRONG_INPUTS)
def test_examples_are_as_a_network_of_the_run_reads_them(
    change: Change, reason: str, run: Run, whole: bytes
) -> None:
    assert reason in refused(run, with_config(whole, change))


def archive(*files: tuple[Any, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w", packing) as opened:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, content in files:
            opened.writestr(name, content)
    return written.getvalue()


def link() -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(WEIGHTS)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


def encrypted(content: bytes) -> bytes:
    """Set the bit of each file in an archive that marks it as encrypted."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(magic)
        while place >= 0:
            changed[place + offset] |= 1
            place = changed.find(magic, place + 1)
    return bytes(changed)


BOMB = ("model.weights.h5", bytes(50_000_000))
ARCHIVES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no archive": (lambda _: b"x" * 100, "File is not a zip file"),
    "HDF5 under another name": (lambda _: hdf5(lambda _: None), "File is not a zip file"),
    "cut off": (lambda whole: whole[:-200], "File is not a zip file"),
    "nothing": (lambda _: b"", "File is not a zip file"),
    "an empty archive": (lambda _: archive(), "it has no config.json"),
    "no weights": (lambda _: archive((CONFIG, b"{}")), "it has no model.weights.h5"),
    "a way out": (
        lambda whole: packed({**members(whole), "../../evil": b"x"}),
        "it holds `../../evil`, which seqtrain does not write",
    ),
    "a place on the disk": (
        lambda whole: packed({**members(whole), "/etc/evil": b"x"}),
        "it holds `/etc/evil`",
    ),
    "assets": (
        lambda whole: packed({**members(whole), "assets/x/vocabulary.txt": b"x"}),
        "it holds `assets/x/vocabulary.txt`",
    ),
    "a name twice": (
        lambda whole: archive(*members(whole).items(), (CONFIG, b"{}")),
        "it holds config.json twice",
    ),
    "a link": (
        lambda _: archive((CONFIG, b"{}"), (link(), b"/etc/passwd")),
        "its model.weights.h5 is a link",
    ),
    "a bomb of weights": (
        lambda _: archive((CONFIG, b"{}"), BOMB, packing=zipfile.ZIP_DEFLATED),
        "its model.weights.h5 would unpack from",
    ),
    "a bomb of text": (
        lambda _: archive(
            (CONFIG, b" " * 20_000_000), (WEIGHTS, b""), packing=zipfile.ZIP_DEFLATED
        ),
        "to 20,000,000 bytes",
    ),
    "encrypted": (encrypted, "is encrypted, password required"),
    "no JSON": (lambda whole: packed({**members(whole), CONFIG: b"{"}), "Expecting property name"),
    "a deep tree": (
        lambda whole: packed({**members(whole), CONFIG: b"[" * 100_000}),
        "recursion",
    ),
}


@pytest.mark.parametrize(("change", "reason"), ARCHIVES.values(), ids=ARCHIVES)
def test_the_archive_is_looked_into_before_it_is_unpacked(
    change: Callable[[bytes], bytes], reason: str, run: Run, whole: bytes
) -> None:
    assert reason in refused(run, change(whole))


def hdf5(fill: Callable[[Any], None]) -> bytes:
    import h5py

    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        fill(file.create_group("layers"))
    return written.getvalue()


def linked_file(group: Any) -> None:
    import h5py

    group["0"] = h5py.ExternalLink("/etc/secret.h5", "/x")


def linked_place(group: Any) -> None:
    import h5py

    group["0"] = h5py.SoftLink("/layers")


def stored_elsewhere(group: Any) -> None:
    group.create_dataset("0", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def stored_virtually(group: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/secret.h5", "x", (4,), "f4")
    group.create_virtual_dataset("0", layout)


def a_circle(group: Any) -> None:
    group["0"] = group.file["/"]


def the_same_twice(group: Any) -> None:
    group["0"] = np.zeros(4, "f4")
    group["1"] = group["0"]


def python_objects(group: Any) -> None:
    import h5py

    group.create_dataset("0", data=["a", "b"], dtype=h5py.string_dtype())


WRONG_WEIGHTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "another file": (linked_file, "refers to another place by `0`"),
    "another place": (linked_place, "refers to another place by `0`"),
    "numbers of another file": (stored_elsewhere, "is not stored in one piece"),
    "numbers of other arrays": (stored_virtually, "is not stored in one piece"),
    "a circle": (a_circle, "holds `layers` twice"),
    "one array twice": (the_same_twice, "holds `1` twice"),
    "texts": (python_objects, "holds object instead of float32"),
    "a shape beyond all memory": (
        lambda group: group.create_dataset("0", (10**12,), "f4"),
        "has the shape (1000000000000,), which it does not hold",
    ),
    "a shape in packed pieces": (
        lambda group: group.create_dataset("0", (10**12,), "f4", chunks=(10**6,), compression=9),
        "is not stored in one piece",
    ),
    "other weights": (
        lambda group: group.create_dataset("0", data=np.zeros(4, "f4")),
        "it holds 4 weights, but the network of config.yaml has 258",
    ),
    "as many weights elsewhere": (
        lambda group: group.create_dataset("0", data=np.zeros(258, "f4")),
        "its weights are not those of the network of config.yaml",
    ),
    "half precision": (
        lambda group: group.create_dataset("0", data=np.zeros(258, "f2")),
        "holds float16 instead of float32",
    ),
    "no number": (
        lambda group: group.create_dataset("0", data=np.full(258, np.nan, "f4")),
        "is not finite",
    ),
}


@pytest.mark.parametrize(("fill", "reason"), WRONG_WEIGHTS.values(), ids=WRONG_WEIGHTS)
def test_weights_are_numbers_that_the_file_holds(
    fill: Callable[[Any], None], reason: str, run: Run, whole: bytes
) -> None:
    assert reason in refused(run, packed({**members(whole), WEIGHTS: hdf5(fill)}))


COMMANDS = (["evaluate"], ["evaluate", "--data", "given.npz"], ["predict", "--data", "given.npz"])


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_that_opens_a_model_refuses_it(
    arguments: list[str], run: Run, whole: bytes, seqtrain: Callable[..., Outcome]
) -> None:
    np.savez("given.npz", x=np.zeros((2, 8, 8)), y=[0, 1])
    run.model_file.write_bytes(packed({**members(whole), WEIGHTS: hdf5(lambda _: None)}))
    command, *rest = arguments
    outcome = seqtrain(command, run.folder, *rest)
    assert outcome.exit_code == 2
    reason = "it holds 0 weights, but the network of config.yaml has 258"
    first, _, hint = outcome.stderr.strip().splitlines()[-3:]
    assert first == f"error: {run.model_file} cannot be opened: {reason}"
    assert hint == f"hint: train it again: `seqtrain train {run.folder / 'config.yaml'}`"
    assert outcome.stdout == ""


def test_a_run_that_goes_on_writes_its_model_anew_where_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cutting import cut_short

    cut = start(tmp_path, "model.name=rnn", "training.epochs=2")
    cut_short(cut, monkeypatch, "on_epoch_end", 1)
    whole = members(cut.model_file.read_bytes())
    cut.model_file.write_bytes(packed({**whole, WEIGHTS: hdf5(lambda _: None)}))
    assert go_on(cut).finished


@pytest.mark.parametrize(("name", "pooling"), SOME)
def test_weights_are_counted_without_building_a_network(name: str, pooling: str) -> None:
    keys: Tree = {"units": [4, 3], "dense_units": [5], "dropout": 0.1, "pooling": pooling}
    for data, more in ((features(), {}), (tokens(), {"embedding_dim": 3})):
        section = model(name, **keys, **more)
        assert section.parameters(data) == section.build(data).count_params()


def test_a_network_that_began_with_word_vectors_opens_without_them(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    words = ("the", "film", "i", "was", "plot")
    vectors.write_text("".join(f"{word} 0.5 0.25\n" for word in words), encoding="utf-8")
    begun = start(
        tmp_path,
        "dataset.name=phrases",
        "dataset.train_pairs=60",
        "training.epochs=1",
        f"model.embedding_file={vectors}",
        "dataset.test_pairs=20",
    )
    run = go_on(begun)
    vectors.unlink()
    assert opened(run).get_layer("embedding").output_dim == 2
