"""Models that were made to do harm: each is refused with one sentence, before Keras sees it."""

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

from seqtrain import modelfile
from seqtrain.models.base import Activation
from seqtrain.run import Run
from tests.conftest import Outcome
from tests.cutting import go_on, start
from tests.mutation import members, packed
from tests.test_models import SOME, features, model, tokens

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
    """What the file of its model holds."""
    return run.model_file.read_bytes()


@pytest.fixture(autouse=True)
def put_back(run: Run, whole: bytes) -> Iterator[None]:
    yield
    run.model_file.unlink(missing_ok=True)
    run.model_file.write_bytes(whole)


def refused(run: Run, content: bytes) -> str:
    """Return why a model is not opened."""
    from seqtrain import modelfile

    run.model_file.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        modelfile.open_model(run.model_file)
    assert not modelfile.usable(run.model_file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_config(whole: bytes, change: Change) -> bytes:
    """Return the file of a model with a change in what Keras makes of it."""
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
TORCH = {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}
ROWS = {"module": "keras.layers", "class_name": "Embedding", "registered_name": None}
ROWS |= {"config": {"name": "x", "input_dim": 10**12, "output_dim": 8, "mask_zero": False}}
ROWS |= {"build_config": {"input_shape": [None, 8]}}


def inserted(part: Tree) -> Change:
    return lambda tree: tree["config"]["layers"].insert(1, part)


def set_in(kind: str, key: str, value: Any) -> Change:
    return lambda tree: layer(tree, kind)["config"].update({key: value})


HARMFUL: dict[str, tuple[Change, str]] = {
    "a lambda": (inserted(LAMBDA), "it would make `keras.layers.Lambda` as its `layers`"),
    "a download": (
        set_in("Dense", "activation", GET_FILE),
        "it would make `keras.utils.function` as its `activation`",
    ),
    "a command": (set_in("Dense", "activation", SYSTEM), "it would make `os.function`"),
    "a file that is read": (inserted(LOOKUP), "it would make `keras.layers.StringLookup`"),
    "a pickle of torch": (inserted(TORCH), "it would make `keras.layers.TorchModuleWrapper`"),
    "a class of the same name": (
        lambda tree: layer(tree, "Dense").update(module="keras_evil.layers"),
        "it would make `keras_evil.layers.Dense`",
    ),
    "a registered class": (
        lambda tree: layer(tree, "Dense").update(registered_name="evil>Dense"),
        "it would make `keras.layers.Dense`",
    ),
    "a layer where none belongs": (
        set_in("Dense", "kernel_regularizer", ROWS),
        "it would make `keras.layers.Embedding` as its `kernel_regularizer`",
    ),
    "an optimizer": (
        lambda tree: tree.update(compile_config={"optimizer": "adam"}),
        "its config.json holds `compile_config`",
    ),
    "rows beyond all memory": (inserted(ROWS), "its layers have 8,000,000,000,"),
    "units beyond all memory": (set_in("Dense", "units", 10**12), "its layers have 5,000,000,0"),
    "built for more": (
        lambda tree: layer(tree, "Dense").update(build_config={"input_shape": [None, 10**12]}),
        "its `head` is built for 1000000000000 features",
    ),
    "matrices beside": (set_in("Dense", "lora_rank", 10**9), "its config.json holds `lora_rank`"),
    "steps written out for ever": (
        lambda tree: (
            layer(tree, "LSTM")["config"].update(unroll=True),
            layer(tree, "InputLayer")["config"].update(batch_shape=[None, 10**12, 8]),
        ),
        "it would write out 1,000,000,000,000 steps",
    ),
    "units below zero": (set_in("LSTM", "units", -4), "a layer has -4 units or features"),
    "units that are no number": (set_in("LSTM", "units", True), "a layer has True units"),
    "no layers": (lambda tree: tree["config"].pop("layers"), "describes no sequence of layers"),
    "another thing": (lambda tree: tree.clear(), "describes no sequence of layers"),
    "no input": (
        lambda tree: tree["config"]["layers"].pop(0),
        "it is no sequence of layers after an input",
    ),
}


@pytest.mark.parametrize(("change", "reason"), HARMFUL.values(), ids=HARMFUL)
def test_what_keras_would_make_is_looked_at_first(
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
    """Set the bit of each file in an archive that says so."""
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
    "texts": (python_objects, "holds no numbers"),
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
        "weights, but it holds 4",
    ),
}


@pytest.mark.parametrize(("fill", "reason"), WRONG_WEIGHTS.values(), ids=WRONG_WEIGHTS)
def test_weights_are_numbers_that_the_file_holds(
    fill: Callable[[Any], None], reason: str, run: Run, whole: bytes
) -> None:
    assert reason in refused(run, packed({**members(whole), WEIGHTS: hdf5(fill)}))


def test_a_link_out_of_the_run_is_refused(run: Run, whole: bytes, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.keras"
    elsewhere.write_bytes(whole)
    run.model_file.unlink()
    run.model_file.symlink_to(elsewhere)
    from seqtrain import modelfile

    with pytest.raises(ValueError, match=f"it is a link to {elsewhere}, out of its folder"):
        modelfile.open_model(run.model_file)


COMMANDS = (["evaluate"], ["evaluate", "--data", "given.npz"], ["predict", "--data", "given.npz"])


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_that_opens_a_model_refuses_it(
    arguments: list[str], run: Run, whole: bytes, seqtrain: Callable[..., Outcome]
) -> None:
    np.savez("given.npz", x=np.zeros((2, 8, 8)), y=[0, 1])
    run.model_file.write_bytes(with_config(whole, inserted(LAMBDA)))
    command, *rest = arguments
    outcome = seqtrain(command, run.folder, *rest)
    assert outcome.exit_code == 2
    reason = "it would make `keras.layers.Lambda` as its `layers`, which seqtrain does not write"
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
    cut.model_file.write_bytes(with_config(cut.model_file.read_bytes(), inserted(LAMBDA)))
    assert go_on(cut).finished


@pytest.mark.parametrize(("name", "pooling"), SOME)
def test_what_seqtrain_writes_is_opened(name: str, pooling: str, tmp_path: Path) -> None:
    from seqtrain import modelfile
    from seqtrain.callbacks import without_optimizer

    keys: Tree = {"units": [4, 3], "dense_units": [5], "dropout": 0.1, "pooling": pooling}
    keys["recurrent_dropout"] = 0.1
    if pooling == "last":
        built = model(name, **keys).build(features())
    else:
        built = model(name, embedding_dim=3, **keys).build(tokens())
    without_optimizer(built).save(tmp_path / "model.keras")
    assert modelfile.open_model(tmp_path / "model.keras").count_params() == built.count_params()


def test_every_activation_is_opened(tmp_path: Path) -> None:
    import keras

    from seqtrain import modelfile

    layers = [keras.layers.Dense(1, activation=name) for name in Activation.__args__]
    keras.Sequential([keras.Input((1,)), *layers]).save(tmp_path / "model.keras")
    modelfile.open_model(tmp_path / "model.keras")


def test_keras_is_asked_to_open_safely(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    seen: dict[str, Any] = {}
    opened = keras.Sequential()
    monkeypatch.setattr(
        keras.models, "load_model", lambda file, **keys: seen.update(keys) or opened
    )
    assert modelfile.open_model(run.model_file) is opened
    assert seen == {"compile": False, "safe_mode": True}
