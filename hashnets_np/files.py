"""Model files: the real weights in safetensors, with the layers and their sharing maps as JSON in the metadata.

A file holds what the paper says must be stored and nothing else: no bucket numbers, no signs, no V. Left out: optimizer
state. Source of the container: https://github.com/huggingface/safetensors
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .disk import atomic_write, user_path
from .layers import LAYERS, Layer
from .network import Network

FORMAT, VERSION = "hashnets_np", 1


def save(net: Network, path: str | os.PathLike) -> None:
    """Write a network to a .safetensors file: itemsize x real weights + a header of about 300 bytes a layer.

    Replaces the file at `path` only when the new one is complete. Raises ValueError for a layer that has no place in a
    model file, such as one whose map was replaced, and OSError if the file cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    layers = [{"type": layer_name(layer), **layer.config()} for layer in net.layers]
    metadata = {"format": FORMAT, "version": str(VERSION), "layers": json.dumps(layers, separators=(",", ":"))}
    weights = {name: np.ascontiguousarray(p) for name, p in net.parameters()}
    atomic_write(path, to_bytes(weights, metadata))


def load(path: str | os.PathLike) -> Network:
    """Read a network that `save` wrote.

    Raises FileNotFoundError, or ValueError with one clear line for a truncated, foreign or future-version file.
    """
    path = user_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    metadata, weights = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is a safetensors file, but not one that {FORMAT}.save wrote")
    if metadata.get("version") != str(VERSION):
        version = metadata.get("version")
        raise ValueError(f"{path} has format version {version}, this release reads {VERSION}; upgrade hashnets_np")
    try:
        layers = [make_layer(dict(config)) for config in json.loads(metadata["layers"])]
    except (KeyError, TypeError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"{path} describes a layer that cannot be made: {error}") from error
    net = Network(layers)
    set_weights(net, weights, path)
    return net


def layer_name(layer: Layer) -> str:
    """Find the name of a layer's class in model files."""
    for name, known in LAYERS.items():
        if type(layer) is known:
            return name
    raise ValueError(f"a {type(layer).__name__} cannot be saved; model files hold {', '.join(LAYERS)}; "
                     "register_layer adds a class of your own")


def make_layer(config: dict[str, Any]) -> Layer:
    """Make a layer from its record; the weights it is born with are replaced afterwards."""
    kind = config.pop("type")
    if kind not in LAYERS:
        raise ValueError(f"unknown layer type {kind!r}; known: {', '.join(LAYERS)}")
    return LAYERS[kind](**config)


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Read metadata and arrays; whatever is wrong with the file becomes a ValueError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, TypeError) as error:  # TypeError: a dtype that NumPy does not have, such as bfloat16
        what = f"{path} is no complete safetensors file that NumPy can read ({error})"
        raise ValueError(f"{what}; was it cut short?") from error


def set_weights(net: Network, weights: dict[str, np.ndarray], path: Path) -> None:
    """Put the arrays of a file into a network, refusing any that does not fit."""
    expected = {name: p.shape for name, p in net.parameters()}
    found = {name: p.shape for name, p in weights.items()}
    if found != expected:
        raise ValueError(f"{path} holds arrays {found}, but its layers need {expected}")
    if strange := {str(p.dtype) for p in weights.values()} - {"float32", "float64"}:
        raise ValueError(f"{path} holds weights of dtype {strange.pop()}, expected float32 or float64")
    for number, layer in enumerate(net.layers):
        layer.params = {name: weights[f"{number}.{name}"] for name in layer.params}
