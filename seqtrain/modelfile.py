"""The file of a model: looked into before Keras opens it, so that none can do harm.

A `.keras` file is a zip archive. Its `config.json` names the classes that Keras is to make, and
`model.weights.h5` is read by HDF5, which can refer to other files. Here the classes must be those
that seqtrain writes, each in its place, and the weights plain numbers, as many as the layers have:
so nothing in a file can run, read another file, or take more memory than the file has bytes.
"""

import io
import json
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqtrain.models import wide
from seqtrain.models.recurrent import CELLS, GATES
from seqtrain.models.wide import BLEND, INTERCEPT, TABLE, WIDE
from seqtrain.text import PAD

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = (CONFIG, METADATA, WEIGHTS)
LARGEST_TEXT = 10_000_000  # bytes; those of a network of two layers have 7,000
EXPANSION = 4  # times; Keras packs nothing, and what others pack of weights hardly shrinks
LONGEST_UNROLLED = 65_536  # steps; as many as `max_length` takes

GATES_OF = {f"keras.layers.{CELLS[cell]}": gates for cell, gates in GATES.items()}
SEQUENTIAL = "keras.Sequential"
FUNCTIONAL = "keras.src.models.functional.Functional"
INPUT, EMBEDDING, DENSE, BIDIRECTIONAL = (
    f"keras.layers.{name}" for name in ("InputLayer", "Embedding", "Dense", "Bidirectional")
)
WITHOUT_WEIGHTS = {
    f"keras.layers.{name}"
    for name in (
        *("Activation", "Dropout", "GlobalAveragePooling1D", "GlobalMaxPooling1D", "Masking"),
        "Rescaling",  # of the labels of a regression
    )
}
OF_POOLING = {  # the maximum over unmasked steps
    f"keras.src.ops.numpy.{name}" for name in ("Any", "Greater", "Max", "NotEqual", "Where")
}
OPERATIONS = OF_POOLING | {
    f"keras.src.ops.numpy.{name}"
    for name in (
        *("Add", "Concatenate", "GetItem", "LogicalAnd", "Maximum", "Minimum", "Mod", "Multiply"),
        *("OnesLike", "Pad", "Sqrt", "Subtract", "Sum", "TrueDivide"),  # of the wide path
    )
}
WHOLE_STEPS = [None, None, 1]  # that dropout drops
MASK = "keras.src.ops.numpy.NotEqual"  # of ids, by which an embedding hides padding
INITIALIZERS = {
    f"keras.initializers.{name}"
    for name in ("GlorotUniform", "Identity", "Orthogonal", "RandomUniform", "Zeros")
}
# What may stand under a key, or under one that ends with it after `_`.
# A layer that a new model uses is added here, and to `_sized` if it has weights.
CLASSES = {
    "model": {SEQUENTIAL, FUNCTIONAL},
    "layers": {INPUT, EMBEDDING, DENSE, BIDIRECTIONAL, FUNCTIONAL}
    | {*GATES_OF, *WITHOUT_WEIGHTS, *OPERATIONS},
    "layer": {*GATES_OF},
    "initializer": INITIALIZERS,
    "dtype": {"keras.DTypePolicy"},
    "args": {"None.__keras_tensor__", "None.__slice__"},  # of a layer's output; they make nothing
    "mask": {"None.__keras_tensor__"},
}
UNUSED = ("compile_config", "lora_rank", "quantization_config")  # they would make more

Tree = dict[str, Any]


def open_model(file: Path) -> Any:
    """Open a model, if its file holds what seqtrain writes and nothing else.

    Raises:
        ValueError: it holds something else, or is damaged.
    """
    import keras

    try:
        check(file)
        _check_beside(file)
        model = keras.models.load_model(file, compile=False, safe_mode=True)
        return model if isinstance(model, keras.Sequential) else wide.batches_of_any_length(model)
    except Exception as error:  # zip, JSON, HDF5 and Keras fail with whatever damage leads to
        reason = str(error).strip() or type(error).__name__
        raise ValueError(reason.partition("\n")[0]) from error


def usable(file: Path) -> bool:
    """Return whether there is a model that `open_model` would open."""
    try:
        check(file)
    except Exception:
        return False
    return True


def check(file: Path) -> None:
    """Look into the file of a model, without making or running anything of it.

    Raises:
        ValueError: it holds something else than seqtrain writes.
        Exception: it is damaged; whatever zip, JSON and HDF5 have for that.
    """
    if file.resolve().parent != file.parent.resolve():
        raise ValueError(f"it is a link to {file.resolve()}, out of its folder")
    with zipfile.ZipFile(file) as archive:
        _check_members(archive.infolist())
        model = json.loads(archive.read(CONFIG))
        _check_classes(model)
        described = _described(model)
        held = _held(archive.read(WEIGHTS))
    if described != held:
        raise ValueError(f"its layers have {described:,} weights, but it holds {held:,}")


def _check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise ValueError(f"it has no {name}")
    for member, name in zip(members, names, strict=True):
        if name not in MEMBERS:
            raise ValueError(f"it holds `{name}`, which seqtrain does not write")
        if names.count(name) > 1:
            raise ValueError(f"it holds {name} twice")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"its {name} is a link")
        packed = member.compress_size
        if member.file_size > (EXPANSION * packed if name == WEIGHTS else LARGEST_TEXT):
            sizes = f"from {packed:,} to {member.file_size:,} bytes"
            raise ValueError(f"its {name} would unpack {sizes}")


def _check_classes(model: Any) -> None:
    for key, item in _sections(model):
        if unused := next(filter(item.get, UNUSED), None):
            raise ValueError(f"its {CONFIG} holds `{unused}`, which seqtrain does not write")
        if "class_name" not in item:
            continue
        name = str(item["class_name"])
        made = f"{item.get('module')}.{name}"
        place = key if key in CLASSES else key.rpartition("_")[2]
        if made not in CLASSES.get(place, ()) or item.get("registered_name") not in (None, name):
            what = f"`{made}` as its `{key}`"
            raise ValueError(f"it would make {what}, which seqtrain does not write")


def _sections(model: Any) -> Iterator[tuple[str, Tree]]:
    """Yield every section of a tree, however deep it is, with the key that it stands under."""
    waiting = [("model", model)]
    while waiting:
        key, item = waiting.pop()
        if isinstance(item, dict):
            yield key, item
            waiting += item.items()
        elif isinstance(item, list):
            waiting += [(key, member) for member in item]


def _described(model: Tree) -> int:
    """Return how many weights the layers of a network have."""
    try:
        layers = model["config"]["layers"]
        if _kind(model) == SEQUENTIAL:
            return _in_sequence(layers)
        _check_order(layers)
        if model["config"]["output_layers"] != [_name(layers[-1]), 0, 0]:
            raise ValueError("its output is not that of its last layer")
        known = {_name(layer): layer for layer in layers if _kind(layer) != MASK}
        path, _ = known.pop(WIDE), known.pop(BLEND)
        return _in_sequence([*known.values()]) + _beside(path)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"its {CONFIG} describes no sequence of layers") from error


def _in_sequence(layers: Sequence[Tree]) -> int:
    """Return how many weights the layers of a sequence have, after their input."""
    first, *layers = layers
    if _kind(first) != INPUT:
        raise ValueError("it is no sequence of layers after an input")
    _, *steps, features = first["config"]["batch_shape"]
    total = 0
    for layer in layers:
        if layer["config"].get("unroll") and max(steps, default=0) > LONGEST_UNROLLED:
            raise ValueError(f"it would write out {steps[0]:,} steps")
        weights, features = _sized(layer, features)
        total += weights
    return total


def _check_order(layers: Sequence[Tree]) -> None:
    """Make sure that layers follow one another; masks and the wide path read the input."""
    names = [_name(layer) for layer in layers]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"its `{twice}` is there twice")
    first = last = names[0]
    masks: set[str] = set()
    for layer in layers[1:]:
        wanted = {first} if _kind(layer) == MASK or _name(layer) == WIDE else {last}
        if _name(layer) == BLEND:
            wanted.add(WIDE)
        if _sources(layer) - masks != wanted:
            raise ValueError(f"its `{_name(layer)}` does not follow the layer before it")
        if _kind(layer) == MASK:
            if layer["inbound_nodes"][0]["args"][1:] != [PAD]:
                raise ValueError(f"its `{_name(layer)}` hides something else than padding")
            masks.add(_name(layer))
        elif _name(layer) != WIDE:
            last = _name(layer)


def _sources(layer: Tree) -> set[str]:
    """Return the names of the layers whose outputs a layer is given."""
    if len(layer["inbound_nodes"]) > 1:
        raise ValueError(f"its `{_name(layer)}` is used twice")
    items = (item for _, item in _sections(layer["inbound_nodes"]))
    tensors = (item for item in items if item.get("class_name") == "__keras_tensor__")
    return {tensor["config"]["keras_history"][0] for tensor in tensors}


def _beside(path: Tree) -> int:
    """Return how many weights a wide path has with its blend: a table, and square matrices."""
    rows, outputs = _size(path)
    return rows * (outputs + 1) + outputs + 3 * outputs**2


def _size(path: Tree) -> tuple[int, int]:
    """Return the rows of the table of a wide path, and its outputs."""
    known = {_name(layer): layer["config"] for layer in path["config"]["layers"]}
    return _number(known[TABLE]["input_dim"]), _number(known[INTERCEPT]["units"])


def _check_beside(file: Path) -> None:
    """Make sure that a wide path is as seqtrain writes it, operation by operation.

    Others could ask for any memory.
    """
    with zipfile.ZipFile(file) as archive:
        model = json.loads(archive.read(CONFIG))
    if _kind(model) == SEQUENTIAL:
        return
    known = {_name(layer): layer for layer in model["config"]["layers"]}
    written = [_without_names(known[name]["config"]) for name in (WIDE, BLEND)]
    for models in wide.references(*_size(known[WIDE])):
        if written == [_without_names(json.loads(one.to_json())["config"]) for one in models]:
            return
    raise ValueError("its wide path is not as seqtrain writes it")


def _without_names(config: Tree) -> Tree:
    """Return what a model is made of, its layers named by their places."""
    names = {_name(layer): str(place) for place, layer in enumerate(config["layers"])}

    def renamed(item: Any) -> Any:
        if isinstance(item, dict):
            return {k: renamed(value) for k, value in item.items() if k != "shared_object_id"}
        if isinstance(item, list):
            return [renamed(member) for member in item]
        return names.get(item, item) if isinstance(item, str) else item

    return {key: renamed(value) for key, value in config.items()}


def _name(layer: Tree) -> str:
    return str(layer["config"]["name"])


def _kind(layer: Tree) -> str:
    return f"{layer['module']}.{layer['class_name']}"


def _sized(layer: Tree, features: Any) -> tuple[int, Any]:
    """Return how many weights a layer has, and how many features of each step it gives.

    Args:
        layer: as `config.json` describes it.
        features: of each step, as it is given them; of tokens the number of steps.
    """
    kind, config = _kind(layer), layer["config"]
    for shape in (layer.get("build_config") or {}).values():
        if shape and shape[-1] != features:
            raise ValueError(f"its `{config['name']}` is built for {shape[-1]} features")
    if config.get("noise_shape") not in (None, WHOLE_STEPS):
        raise ValueError(f"its `{config['name']}` drops in the shape {config['noise_shape']}")
    if kind == EMBEDDING:
        length = _number(config["output_dim"])
        return _number(config["input_dim"]) * length, length
    if kind == DENSE:
        units = _number(config["units"])
        return units * (_number(features) + bool(config["use_bias"])), units
    if kind == BIDIRECTIONAL:
        ways = [config["layer"], config.get("backward_layer") or config["layer"]]
        sizes = [_sized(way, features) for way in ways]
        return sum(weights for weights, _ in sizes), sum(units for _, units in sizes)
    if kind in GATES_OF:
        units = _number(config["units"])
        biases = bool(config["use_bias"]) * (1 + bool(config.get("reset_after")))
        return GATES_OF[kind] * units * (_number(features) + units + biases), units
    inner = {_kind(part) for part in config["layers"]} if kind == FUNCTIONAL else set()
    if kind in {FUNCTIONAL, *WITHOUT_WEIGHTS} and inner <= {INPUT, *OF_POOLING}:
        return 0, features
    raise ValueError(f"it would make `{kind}` where seqtrain does not")


def _number(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"a layer has {value!r} units or features")
    return value


def _held(content: bytes) -> int:
    """Return how many numbers an HDF5 file holds, if it holds them itself and nothing else."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        arrays = list(_arrays(file))
        for array in arrays:
            _check_stored(array)
        if sum(array.nbytes for array in arrays) > len(content):
            raise ValueError(f"its {WEIGHTS} tells of more numbers than it holds")
        return sum(array.size for array in arrays)


def _arrays(file: Any) -> Iterator[Any]:
    """Yield the arrays of an HDF5 file, each of which must have one place in it."""
    import h5py

    waiting, known = [file], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its {WEIGHTS} refers to another place by `{name}`")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in known:
                raise ValueError(f"its {WEIGHTS} holds `{name}` twice")
            known.add(address)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            else:
                yield item


def _check_stored(array: Any) -> None:
    where = f"`{array.name}` of its {WEIGHTS}"
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{where} holds no numbers")
    if array.external or array.is_virtual or array.chunks:
        raise ValueError(f"{where} is not stored in one piece")
    if array.nbytes != array.id.get_storage_size():
        raise ValueError(f"{where} has the shape {array.shape}, which it does not hold")
