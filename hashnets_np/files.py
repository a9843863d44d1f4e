"""Model files: the real weights in safetensors, with the layers and their sharing maps as JSON in the metadata.

A file holds what the paper says must be stored and nothing else: no bucket numbers, no signs, no V. The same network
gives the same bytes on every machine. What a file claims is compared with its size before anything is built from it.
Source of the container: https://github.com/huggingface/safetensors (8 bytes with the length of the header, the header
as JSON, the arrays). It is read and written here, in plain Python, and not by the safetensors package, for three
reasons: that package writes the metadata in an order that changes from save to save, so that equal networks give
different bytes; sizes must be compared before an array is read, and to a bound of our own; and files are read where
that package cannot be installed, as in a browser. The tests let each read what the other writes.
"""

import inspect
import json
import os
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .layers import LAYERS, Dropout, Layer, Linear
from .layers.base import named_by_classes
from .network import Network, check_layers
from .support.checks import check_network, shown
from .support.disk import atomic_write, user_path

FORMAT = "hashnets_np"
VERSION = 1
DTYPES = {"F32": "float32", "F64": "float64"}  # name in the container -> name in NumPy; both little-endian in the file
LONGEST_HEADER = 2**24  # bytes: some 50,000 layers
LONGEST_TEXT = 100  # characters of an argument
MOST_DIMENSIONS = 8
FREE = 2**24  # numbers that a layer may compute without storing any in proportion
LARGEST_RATIO = 4096  # beyond that: numbers computed for each number stored

BAD_DESCRIPTION = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError, RecursionError)

Array = tuple[str, tuple[int, ...]]  # dtype and shape


class CutShort(ValueError):
    """A file ends before it should."""


class Entry(NamedTuple):
    """One array of a file: its dtype, its shape and where its bytes begin."""

    dtype: str
    shape: tuple[int, ...]
    start: int


def save(net: Network, path: str | os.PathLike) -> None:
    """Write a network to a .safetensors file.

    The file takes 4 or 8 bytes for each real weight and about 300 for each layer. It replaces an older file at
    `path` only when it is complete. Optimizer state is not saved.

    Parameters
    ----------
    net : Network
        The network; its layers must be of the kinds that model files hold.
    path : str or path
        The file; ``~`` is the home folder.

    Raises
    ------
    ValueError
        For a layer that a model file cannot hold, such as one whose map was replaced, or whose constructor does not
        pass on what it takes; whatever was at `path` stays.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from hashnets_np import build
    >>> net = build("hashnet", [64, 256, 10], compression="1/64")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(net, f"{folder}/net.safetensors")
    ...     load(f"{folder}/net.safetensors").num_parameters()
    301
    """
    check_network(net)
    check_layers(net.layers)
    layers = [describe_layer(layer) for layer in net.layers]
    try:
        text = json.dumps(layers, separators=(",", ":"))
    except TypeError as error:
        raise ValueError(f"a layer was made with an argument that a file cannot hold: {error}") from error
    for number, config in enumerate(json.loads(text)):  # what a file would say: of a tuple JSON makes a list
        if not is_description(config):
            raise ValueError(f"layer {number} ({config['type']}) was made with an argument that a file cannot hold; "
                             f"it holds numbers, words of up to {LONGEST_TEXT} characters and None")
        check_can_be_rebuilt(config)
    for name, p in net.parameters():
        if not isinstance(p, (np.ndarray, np.generic)):
            raise ValueError(f"parameter {name} is of type {type(p).__name__}, expected a float32 or float64 array")
    arrays = {name: (p.dtype.name, p.shape) for name, p in net.parameters()}
    needed = arrays_of_made_layers(layers)
    for name in sorted(arrays.keys() | needed.keys()):
        if arrays.get(name) != needed.get(name):
            what = f"parameter {name} is {describe(arrays.get(name))}, but its layer expects"
            same_shape = name in arrays and name in needed and arrays[name][1] == needed[name][1]
            fix = f"; {dtype_fix(layers[int(name.split('.')[0])])}" if same_shape else ""
            raise ValueError(f"{what} {describe(needed.get(name))}{fix}")
        if arrays[name][0] not in DTYPES.values():
            raise ValueError(f"parameter {name} is {describe(arrays[name])}, expected float32 or float64")
    metadata = {"format": FORMAT, "version": str(VERSION), "layers": text}
    atomic_write(path, pack(dict(net.parameters()), metadata))


def load(path: str | os.PathLike) -> Network:
    """Read a network that `save` wrote.

    Parameters
    ----------
    path : str or path
        The file; ``~`` is the home folder.

    Returns
    -------
    Network
        The network, with the weights of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, foreign, from a newer release or contradicts itself; the message is one line.

    Examples
    --------
    >>> load("no such file")
    Traceback (most recent call last):
    FileNotFoundError: no model file at no such file
    """
    path = user_path(path)
    if not path.is_file():
        what = "; a folder has that name" if path.is_dir() else "; what is there is not a file" if path.exists() else ""
        raise FileNotFoundError(f"no model file at {path}{what}")
    with open(path, "rb") as file:
        metadata, entries = read_header(file, path)
        configs = read_layers(metadata, path)
        try:
            found = {name: (array.dtype, array.shape) for name, array in entries.items()}
            needed = needed_arrays(configs)
            check_arrays({name: found.get(name) for name in needed}, needed)
            check_ratio(configs)
            net = Network([make_layer(config) for config in configs])
            check_arrays(found, {name: (p.dtype.name, p.shape) for name, p in net.parameters()})
        except BAD_DESCRIPTION as error:
            raise ValueError(f"{path} describes a layer that cannot be made: {one_line(error)}") from error
        for number, layer in enumerate(net.layers):
            layer.params = {name: read_array(file, entries[f"{number}.{name}"], path) for name in layer.params}
    return net


def one_line(error: object) -> str:
    """Make one line of bounded length from an error whose text may hold anything that a file holds."""
    text = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(text.split())[:300]


def layer_name(layer: Layer) -> str:
    """Find the name of a layer's class in model files."""
    for name, known in LAYERS.items():
        if type(layer) is known:
            return name
        if (known.__module__, known.__qualname__) == (type(layer).__module__, type(layer).__qualname__):
            raise ValueError(f"{name} was defined again after this network was made; build the network again")
    raise ValueError(f"a {type(layer).__name__} cannot be saved; model files hold {', '.join(LAYERS)}; "
                     "register_layer adds a class of your own")


def describe_layer(layer: Layer) -> dict[str, Any]:
    """Write the record of a layer: its class and the arguments that rebuild it."""
    config = layer.config()
    if "type" in config:
        raise ValueError(f"{type(layer).__name__} has an argument 'type', which is the name of its class in a model "
                         "file; give it another name")
    return {"type": layer_name(layer), **config}


def check_can_be_rebuilt(config: dict[str, Any]) -> None:
    """Check that a layer's record has all arguments of its class and no others, and that it comes back as it was.

    An argument that has a default could be left out, and the layer would come back with the default.
    """
    kind = layer_class(config["type"])
    takes = arguments_of(kind)
    for name in takes:
        if name not in config and name not in optional_arguments(kind, config):
            raise ValueError(f"{kind.__name__} takes {name}, but its config() lacks it, so a file could not rebuild "
                             f"it; pass it on, super().__init__({name}={name})")
    for name in config:
        if name not in takes and name != "type" and not is_open_ended(kind):
            raise ValueError(f"{kind.__name__} cannot be rebuilt from {name}={shown(config[name])}: its constructor "
                             f"takes {', '.join(takes) or 'nothing'}; let it take {name}, too, and pass it on")
    try:
        back = json.loads(json.dumps(describe_layer(make_layer(config))))
    except BAD_DESCRIPTION as error:
        what = f"{kind.__name__} cannot be rebuilt from what its config() says"
        raise ValueError(f"{what}: {one_line(error)}") from error
    for name in sorted(config.keys() | back.keys()):
        if config.get(name) != back.get(name):
            raise ValueError(f"{kind.__name__} would come back with {name}={shown(back.get(name))} instead of "
                             f"{shown(config.get(name))}; let its config() name {name}")


def optional_arguments(kind: type[Layer], config: dict[str, Any]) -> set[str]:
    """List the arguments that a record may lack: those of `left_out_of_config`, and a compression beside buckets."""
    ended = {"compression"} if "buckets" in config else set()
    return ended | named_by_classes(kind, "left_out_of_config")


def check_complete(config: dict[str, Any], layer: Layer) -> None:
    """Check that a file gave a layer all that shapes it: a default in its place may be another network's.

    An argument that may be missing must not have become anything else than its default, as the size of a chunk does.
    A missing seed is looked at by `make_layer`.
    """
    kind = type(layer)
    optional = optional_arguments(kind, config)
    parameters = inspect.signature(kind).parameters
    made = layer.config()
    for name in sorted({*arguments_of(kind), *made} - config.keys() - {"seed"}):
        default = parameters[name].default if name in parameters else None
        if name not in optional or made.get(name, default) != default:
            is_ours = kind.__module__.startswith(f"{__package__}.")
            fix = "was it edited?" if is_ours else f"if it is right for older files, name {name} in left_out_of_config"
            raise ValueError(f"{config['type']} lacks its {name}, and the default may be another one; {fix}")


def arguments_of(kind: type[Layer]) -> list[str]:
    """List the arguments that a file gives to a class: an rng has ended as weights, a compression as buckets."""
    parameters = inspect.signature(kind).parameters
    ended = {"rng", "compression"} if "buckets" in parameters else {"rng"}
    named = [p for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [p.name for p in named if p.name not in ended]


def is_open_ended(kind: type[Layer]) -> bool:
    """Tell whether a class takes arguments of any name, as a user's may."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind).parameters.values())


def dtype_fix(config: dict[str, Any]) -> str:
    """Say how the parameters of a layer come to have another dtype that a file can hold."""
    if "dtype" in config:
        return "to change the dtype of a network, use net.astype"
    return f"to save it in another dtype, give {config['type']} a dtype argument and pass it to super().__init__"


def layer_class(name: object) -> type[Layer]:
    """Find the class of a layer by its name in model files."""
    if not isinstance(name, str) or name not in LAYERS:
        raise ValueError(f"unknown layer type {name!r}; known: {', '.join(LAYERS)}")
    return LAYERS[name]


def make_layer(config: dict[str, Any]) -> Layer:
    """Make a layer from its record; its initial weights are replaced afterwards."""
    kind = layer_class(config["type"])
    arguments = {name: value for name, value in config.items() if name != "type"}
    unknown = sorted(arguments.keys() - set(arguments_of(kind)))
    if unknown and not is_open_ended(kind):
        raise ValueError(f"{config['type']} has no argument {unknown[0]!r}; was the file written by a newer release?")
    layer = kind(**arguments)
    if layer.needs_seed() and kind not in (Linear, Dropout):  # theirs is not needed once there are weights
        raise ValueError(f"{config['type']} lacks its seed, so nobody knows how its weights are shared")
    check_complete(config, layer)
    return layer


def needed_arrays(configs: list[dict[str, Any]]) -> dict[str, Array]:
    """Find dtype and shape of the arrays that layers need, as far as their classes know before one is made."""
    return {
        f"{number}.{name}": (config["dtype"], shape)
        for number, config in enumerate(configs)
        for name, shape in layer_class(config["type"]).stored_shapes(config).items()
    }


def arrays_of_made_layers(configs: list[dict[str, Any]]) -> dict[str, Array]:
    """Find dtype and shape of the arrays that layers need; where a class does not know, a layer is made."""
    arrays = needed_arrays(configs)
    for number, config in enumerate(configs):
        if not layer_class(config["type"]).stored_shapes(config):
            made = make_layer(config)
            arrays |= {f"{number}.{name}": (p.dtype.name, p.shape) for name, p in made.params.items()}
    return arrays


def check_ratio(configs: list[dict[str, Any]]) -> None:
    """Refuse layers that compute far more numbers than they store: a file of 200 bytes must not fill the memory."""
    for config in configs:
        kind = layer_class(config["type"])
        stored = sum(prod(shape) for shape in kind.stored_shapes(config).values())
        computed = kind.computed_numbers(config)
        if computed > max(FREE, LARGEST_RATIO * stored):
            raise ValueError(f"{config['type']} would compute {computed} numbers from {stored} stored ones")


def check_arrays(found: Mapping[str, Array | None], needed: dict[str, Array]) -> None:
    """Compare the arrays of a file with the ones that its layers need."""
    for name in sorted(found.keys() | needed.keys()):
        if found.get(name) != needed.get(name):
            raise ValueError(f"array {name} of the file is {describe(found.get(name))}, but its layers need "
                             f"{describe(needed.get(name))}")


def describe(array: Array | None) -> str:
    """Say what an array is, or that there is none.

    >>> describe(("float32", (3, 4))), describe(None)
    ('float32 (3, 4)', 'absent')
    """
    return "absent" if array is None else f"{array[0]} {array[1]}"


def read_layers(metadata: dict[str, str], path: Path) -> list[dict[str, Any]]:
    """Read the descriptions of the layers from the metadata, after a look at who wrote the file."""
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is a safetensors file, but not one that {FORMAT}.save wrote")
    if metadata.get("version") != str(VERSION):
        version = one_line(metadata.get("version"))
        raise ValueError(f"{path} has format version {version}, this release reads {VERSION}; upgrade hashnets_np")
    try:
        layers = json.loads(metadata["layers"], object_pairs_hook=without_duplicates)
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} describes a layer that cannot be made: {one_line(error)}") from error
    if not isinstance(layers, list) or not all(is_description(config) for config in layers):
        raise ValueError(f"{path} should list its layers, each with a type and plain arguments; was it edited?")
    return layers


def is_description(config: object) -> bool:
    """Tell whether a value from a file can describe a layer: a type, and arguments that are numbers, words or null."""
    if not isinstance(config, dict) or "type" not in config:
        return False
    return all(not isinstance(value, (list, dict)) and len(str(value)) <= LONGEST_TEXT for value in config.values())


def pack(arrays: dict[str, NDArray], metadata: dict[str, str]) -> bytes:
    r"""Write arrays and metadata as safetensors: wide numbers first, then by name, so that all are aligned.

    >>> pack({"w": np.float32([1])}, {"a": "b"})[8:]
    b'{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} \x00\x00\x80?'
    """
    codes = {name: code for code, name in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": metadata}
    blocks = []
    start = 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        p = arrays[name]
        block = p.astype(p.dtype.newbyteorder("<")).tobytes()  # C order, whatever the array's own is
        end = start + len(block)
        header[name] = {"dtype": codes[p.dtype.name], "shape": list(p.shape), "data_offsets": [start, end]}
        blocks.append(block)
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *blocks])


def read_header(file: BinaryIO, path: Path) -> tuple[dict[str, str], dict[str, Entry]]:
    """Read the metadata and what the arrays are; nothing is taken on trust, and no array is read."""
    size = os.fstat(file.fileno()).st_size
    try:
        if size < 8:
            raise CutShort(f"it has {size} bytes")
        start = file.read(8)
        length = struct.unpack("<Q", start)[0]
        if length > LONGEST_HEADER:
            raise ValueError(f"its header should have {length} bytes, as it begins with {start!r}")
        if length > size - 8:
            raise CutShort(f"its header should have {length} bytes, of {size} in all")
        header = json.loads(file.read(length).decode(), object_pairs_hook=without_duplicates)
        if not isinstance(header, dict) or not all(isinstance(record, dict) for record in header.values()):
            raise ValueError("its header must be a JSON object of objects")
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(text, str) for text in [*metadata.keys(), *metadata.values()]):
            raise ValueError("its metadata must be text")
        entries = {name: entry(record, 8 + length) for name, record in header.items()}
        check_places(entries, 8 + length, size)
    except (struct.error, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"{path} is not a complete safetensors file of float32 or float64 arrays ({one_line(error)})"
        fix = "was it cut short?" if isinstance(error, CutShort) else f"was it written by {FORMAT}.save?"
        raise ValueError(f"{what}; {fix}") from error
    return metadata, entries


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of a JSON object, refusing a name that occurs twice: the second would hide the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name appears twice")
    return found


def entry(record: dict[str, Any], origin: int) -> Entry:
    """Check what the header says of one array."""
    dtype = record["dtype"]
    shape = record["shape"]
    (start, end) = record["data_offsets"]
    if dtype not in DTYPES:
        raise ValueError(f"an array has dtype {dtype!r}")
    if len(shape) > MOST_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**48 for n in [*shape, start, end]):
        raise ValueError("shapes and offsets must be a few whole numbers")
    if end - start != prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise ValueError(f"an array of shape {shape} cannot have {end - start} bytes")
    return Entry(DTYPES[dtype], tuple(shape), origin + start)


def check_places(entries: dict[str, Entry], origin: int, size: int) -> None:
    """Check that the arrays follow each other without a gap, to the end of the file."""
    place = origin
    for array in sorted(entries.values(), key=lambda array: (array.start, prod(array.shape))):
        if array.start != place:
            raise ValueError(f"an array begins at byte {array.start} instead of {place}")
        place += prod(array.shape) * np.dtype(array.dtype).itemsize
    if place > size:
        raise CutShort(f"it should have {place} bytes and has {size}")
    if place < size:
        raise ValueError(f"it should have {place} bytes and has {size}")


def read_array(file: BinaryIO, array: Entry, path: Path) -> NDArray:
    """Read one array."""
    dtype = np.dtype(array.dtype)
    file.seek(array.start)
    raw = file.read(prod(array.shape) * dtype.itemsize)
    if len(raw) != prod(array.shape) * dtype.itemsize:
        raise ValueError(f"{path} was cut short while it was read")
    return np.frombuffer(bytearray(raw), dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(array.shape)
