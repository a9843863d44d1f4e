"""Networks to JAX and back: `load_network` reads a model file, `save_network` writes one.

In JAX a hashed layer is a pure function, `hashed_linear(params, maps, a)`, and `hashed_net` is several of them with
ReLU between; `params` is a pytree of real weights for jax.grad. Needs `pip install "hashnets_np[jax]"`.
"""

import os
from collections.abc import Sequence

import numpy as np

from . import layers
from .conformance.jax_layer import Maps, Params, hashed_linear, hashed_net, load_network, make_maps
from .export.frameworks import hashed_layer
from .files import save
from .network import Network

__all__ = ["Maps", "hashed_linear", "hashed_net", "load_network", "make_maps", "save_network", "to_network"]


def to_network(params: Sequence[Params], maps: Sequence[Maps]) -> Network:
    """Turn real weights and maps into a network of hashnets_np: hashed layers with ReLU between them.

    Parameters
    ----------
    params : sequence of dict
        The real weights of each layer, {"w": ...} or {"w": ..., "b": ...}, as `hashed_net` takes them.
    maps : sequence of Maps
        The map of each layer, as `make_maps` and `load_network` return them.

    Returns
    -------
    Network
        With copies of the weights, in their dtype.

    Raises
    ------
    ValueError
        If a layer's weights are not of the sizes of its map, or not float32 or float64, or if a layer lacks its map.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> maps = [make_maps(64, 10, buckets=80, seed=1)]
    >>> to_network([{"w": jnp.zeros(80)}], maps).num_virtual_parameters()
    650
    """
    if len(params) != len(maps):
        raise ValueError(f"params has {len(params)} layers and maps has {len(maps)}; expected both for each layer, as "
                         "load_network returns them")
    made: list[layers.Layer] = []
    for number, (p, m) in enumerate(zip(params, maps, strict=True)):
        made += [layers.ReLU()] if number else []
        made.append(from_hashed(number, p, m))
    return Network(made)


def from_hashed(number: int, params: Params, maps: Maps) -> layers.Layer:
    """Make the hashed layer with the same map and the same real weights."""
    weights = {name: np.array(p) for name, p in params.items()}
    sizes = {name: w.shape for name, w in weights.items()}
    if sizes != {name: (size,) for name, size in maps.sizes.items()}:
        raise ValueError(f"layer {number} has weights of shapes {sizes}, but its map needs sizes {maps.sizes}")
    return hashed_layer(maps.n_in, maps.map, maps.bias, maps.bias_map, weights)


def save_network(params: Sequence[Params], maps: Sequence[Maps], path: str | os.PathLike) -> None:
    """Write real weights and maps as a model file, which `hashnets_np.load` and `load_network` read.

    Parameters
    ----------
    params : sequence of dict
        The real weights of each layer, as `to_network` takes them, trained or not.
    maps : sequence of Maps
        The map of each layer.
    path : str or path
        The .safetensors file.

    Raises
    ------
    ValueError
        If a layer's weights are not of the sizes of its map, or not float32 or float64, or if a layer lacks its map.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import jax.numpy as jnp
    >>> maps = [make_maps(64, 10, buckets=80, seed=1)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_network([{"w": jnp.zeros(80)}], maps, f"{folder}/net.safetensors")
    ...     load_network(f"{folder}/net.safetensors")[0][0]["w"].shape
    (80,)
    """
    save(to_network(params, maps), path)
