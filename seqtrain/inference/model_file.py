"""Load the weights of a model file, safely.

A `.keras` file is a zip archive. Keras would create the classes that its `config.json` names. Here
the network is built from the validated config of the run, so nothing in the file can run code.
`config.json` only gives the shape of the examples. `model.weights.h5` is read by HDF5, which can
refer to other files; so each array must be plain numbers in the file itself.
"""

from __future__ import annotations

import io
import json
import math
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtrain.config import Config
from seqtrain.config.execution_section import LONGEST_UNROLL
from seqtrain.data.dataset import Dataset, Examples, Fitted
from seqtrain.data.inputs import Inputs
from seqtrain.data.vocabulary import FIRST_WORD
from seqtrain.errors import reason
from seqtrain.io.regular_file import checked
from seqtrain.io.text_file import shown

if TYPE_CHECKING:
    import keras

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = (CONFIG, METADATA, WEIGHTS)
LARGEST_TEXT = 10_000_000  # bytes; those of a network of two layers have 7,000
EXPANSION = 4  # times; Keras packs nothing, and what others pack of weights hardly shrinks
LARGEST_SIZE = 2**31
IDS, FEATURES = "int32", "float32"  # the types of examples

Shapes = dict[str, tuple[int, ...]]
Several = dict[str, tuple[tuple[int, ...], str]]  # shape and type of each input, by its name


@dataclass(frozen=True)
class Saved:
    """The content of a model file.

    Attributes:
        shape: of an example, (T,) for ids or (T, F) for features; with several inputs, that of
            the first by name.
        vocabulary_size: the number of ids; None for features.
        mask: whether padded steps are hidden from the network.
        weights: the shape of each array of weights, by name.
        several: the shape and the type of each input by name, if there are several.
    """

    shape: tuple[int, ...]
    vocabulary_size: int | None
    mask: bool
    weights: Shapes
    several: Several | None = None

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(map(math.prod, self.weights.values()))

    def dataset(self, config: Config, fitted: Fitted) -> Dataset:
        """Return an empty dataset, from which the network of a run can be built."""
        x: Inputs = np.zeros((0, *self.shape), FEATURES if self.vocabulary_size is None else IDS)
        if self.several:
            x = {name: np.zeros((0, *shape), kind) for name, (shape, kind) in self.several.items()}
        none = Examples(x, np.zeros(0, np.int32))
        return Dataset(
            none,
            none,
            none,
            fitted.task,
            source="",
            sha256="",
            vocabulary_size=self.vocabulary_size,
            mask=self.mask,
            padding=getattr(config.dataset, "padding", "post"),
            vocabulary=fitted.vocabulary,
            embedded=config.dataset.embedded(fitted.task),
        )


def open_model(file: Path, config: Config, fitted: Fitted, masked: bool = False) -> keras.Model:
    """Build the network of a run, and load the weights of a file.

    Its layers are named as in a new process.

    Args:
        file: a `.keras` file.
        config: the config of the run.
        fitted: the vocabulary, scaling and task of the run.
        masked: add a mask to a network of features of one fixed length, so that it can read
            shorter sequences.

    Raises:
        ValueError: the file is damaged, or its weights do not fit the network.
    """
    import keras

    try:
        saved = read(file)
        dataset = saved.dataset(config, fitted)
        _check_fit(saved, config, dataset)
        keras.utils.clear_session(free_memory=False)
        # The weights include the word vectors; their file may be gone.
        section = config.model.model_copy(update={"embedding_file": None})
        unroll = config.execution.unroll is True and saved.shape[0] <= LONGEST_UNROLL
        model = section.build(dataset, unroll)
        _load(model, file)
        if masked and not dataset.mask and saved.vocabulary_size is None:
            weights = model.get_weights()
            model = section.build(replace(dataset, mask=True), unroll)
            model.set_weights(weights)
    except Exception as error:  # zip, JSON and HDF5 raise many types of errors
        raise ValueError(reason(error)) from error
    return model


def _check_fit(saved: Saved, config: Config, dataset: Dataset) -> None:
    """Check that a network has as many weights as a file, before building it.

    Raises:
        ValueError: it has not, or its vocabulary is not that of the run.
    """
    words = dataset.vocabulary.words if dataset.vocabulary else ()
    if words and (saved.vocabulary_size or 0) < FIRST_WORD + len(words):
        ids = f"{saved.vocabulary_size or 0:,} ids"
        raise ValueError(f"it reads {ids}, too few for the {len(words):,} words of the run")
    wanted = config.model.parameters(dataset)
    if wanted != saved.parameters:
        raise ValueError(
            f"it holds {saved.parameters:,} weights, but the network of config.yaml has {wanted:,}"
        )


def _load(model: keras.Model, file: Path) -> None:
    try:
        model.load_weights(file)
    except (KeyError, ValueError) as error:
        raise ValueError("its weights are not those of the network of config.yaml") from error


def usable(file: Path, like: bytes) -> bool:
    """Return whether a file is undamaged and holds weights of the same shapes as another.

    Args:
        file: the file to check.
        like: the content of the other file.
    """
    try:
        return read(file) == read(io.BytesIO(like))
    except Exception:
        return False


def read(file: Path | io.BytesIO) -> Saved:
    """Read the description of a model file, without creating the model.

    Raises:
        ValueError: it is not a model of seqtrain.
        Exception: it is damaged; zip, JSON and HDF5 raise many types.
    """
    with zipfile.ZipFile(file if isinstance(file, io.BytesIO) else checked(file)) as archive:
        _check_members(archive.infolist())
        described = json.loads(archive.read(CONFIG))
        shape, ids, mask, several = _described(described)
        _check_decoder([layer["config"].get("name") for layer in described["config"]["layers"]])
        return Saved(shape, ids, mask, _weights(archive.read(WEIGHTS)), several)


def _check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    for name in (CONFIG, WEIGHTS):
        if name not in names:
            raise ValueError(f"it has no {name}")
    for member, name in zip(members, names, strict=True):
        if name not in MEMBERS:
            raise ValueError(f"it holds `{shown(name)}`, which seqtrain does not write")
        if names.count(name) > 1:
            raise ValueError(f"it holds {name} twice")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"its {name} is a link")
        packed = member.compress_size
        if member.file_size > (EXPANSION * packed if name == WEIGHTS else LARGEST_TEXT):
            sizes = f"from {packed:,} to {member.file_size:,} bytes"
            raise ValueError(f"its {name} would unpack {sizes}")


def _described(model: Any) -> tuple[tuple[int, ...], int | None, bool, Several | None]:
    """Return the shape, the number of ids, the mask, and several inputs; see `Saved`."""
    try:
        layers = model["config"]["layers"]
        of = {
            layer["class_name"].removeprefix("Reversible"): layer["config"]
            for layer in reversed(layers)
        }
        found = [layer["config"] for layer in layers if layer["class_name"] == "InputLayer"]
        inputs = {one["name"]: (_sizes(one["batch_shape"][1:]), one["dtype"]) for one in found}
        shape, kind = inputs[min(inputs)]
        embedding = of.get("Embedding") if kind == IDS else None
        known = {FEATURES: 2, IDS: 1}
        if len(inputs) == len(found) > 1 and {kind for _, kind in inputs.values()} <= {*known}:
            size = _sizes([embedding["input_dim"]])[0] if embedding else None
            masked = "Masking" in of or bool(embedding and embedding["mask_zero"])
            return shape, size, masked, inputs
        if len(found) == 1 and known.get(kind) == len(shape):
            if kind == FEATURES:
                return shape, None, "Masking" in of, None
            (size,) = _sizes([of["Embedding"]["input_dim"]])
            return shape, size, of["Embedding"]["mask_zero"] is True, None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its {CONFIG} does not say what examples look like") from error
    raise ValueError(f"its examples are {shown(f'{kind} of the shape {list(shape)}')}")


def _check_decoder(names: Sequence[str | None]) -> None:
    """Refuse a decoder of several layers whose last one looks at the source.

    Its weights have the shapes of those of a decoder whose first layer does, so nothing else tells.

    Args:
        names: of the layers, each after those that it reads.
    """
    if {"combined", "decoder_2"} <= {*names} and names.index("combined") > names.index("decoder_2"):
        raise ValueError("the last layer of its decoder looks at the source; today the first does")


def _sizes(values: Sequence[Any]) -> tuple[int, ...]:
    if not all(type(value) is int and 0 < value < LARGEST_SIZE for value in values):
        raise ValueError("no sizes")
    return tuple(values)


def _weights(content: bytes) -> Shapes:
    """Return the shape of each array of an HDF5 file; refuse arrays outside the file."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        arrays = list(_arrays(file))
        for array in arrays:
            _check_stored(array)
        if sum(array.nbytes for array in arrays) > len(content):
            raise ValueError(f"its {WEIGHTS} tells of more numbers than it holds")
        for array in arrays:
            if not np.isfinite(array[()]).all():
                raise ValueError(f"`{array.name}` of its {WEIGHTS} is not finite")
        return {array.name: array.shape for array in arrays}


def _arrays(file: Any) -> Iterator[Any]:
    """Yield the arrays of an HDF5 file; refuse one that appears twice."""
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
    if array.dtype != FEATURES:
        raise ValueError(f"{where} holds {array.dtype} instead of {FEATURES}")
    if array.external or array.is_virtual or array.chunks:
        raise ValueError(f"{where} is not stored in one piece")
    if array.nbytes != array.id.get_storage_size():
        raise ValueError(f"{where} has the shape {array.shape}, which it does not hold")
