"""Networks to PyTorch and back: `load_network` reads a model file, `save_network` writes one.

In PyTorch a hashed layer is `HashedLinear`, an ordinary nn.Module: its real weights are its parameters, autograd
computes the gradients, and buckets and signs are buffers that are not saved. Needs `pip install "hashnets_np[torch]"`.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from . import layers
from .conformance.torch_layer import HashedLinear, load_network
from .export.frameworks import hashed_layer
from .files import save
from .network import Network

__all__ = ["HashedLinear", "load_network", "save_network", "to_network"]


def to_network(module: nn.Module) -> Network:
    """Turn a PyTorch module into a network of hashnets_np.

    Parameters
    ----------
    module : nn.Sequential
        A network of `HashedLinear`, nn.Linear, nn.ReLU, nn.Tanh, nn.Dropout and nn.Sequential. It is not changed.

    Returns
    -------
    Network
        With copies of the weights, in their dtype.

    Raises
    ------
    ValueError
        For any other module, and for weights that are not float32 or float64.

    Examples
    --------
    >>> net = to_network(nn.Sequential(HashedLinear(64, 50, buckets=400, seed=1), nn.ReLU(), nn.Linear(50, 10)))
    >>> net.num_parameters(), net.num_virtual_parameters()
    (910, 3760)
    """
    modules = list(flatten(module))
    return Network([convert(number, each) for number, each in enumerate(modules)])


def save_network(module: nn.Module, path: str | os.PathLike) -> None:
    """Write a PyTorch module as a model file, which `hashnets_np.load` and `load_network` read.

    Parameters
    ----------
    module : nn.Sequential
        A network as `to_network` takes it, trained or not, on any device.
    path : str or path
        The .safetensors file.

    Raises
    ------
    ValueError
        For a module that has no counterpart.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> module = nn.Sequential(HashedLinear(64, 50, buckets=400, seed=1), nn.ReLU(), nn.Linear(50, 10))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_network(module, f"{folder}/net.safetensors")
    ...     load_network(f"{folder}/net.safetensors")[0].w.shape
    torch.Size([400])
    """
    save(to_network(module), path)


def flatten(module: nn.Module) -> list[nn.Module]:
    """List the modules inside sequences of modules, in order."""
    if isinstance(module, nn.Sequential):
        return [inner for each in module for inner in flatten(each)]
    return [module]


def array(t: Tensor) -> np.ndarray:
    """Copy a tensor to NumPy, from any device."""
    return t.detach().cpu().numpy().copy()


def check_dtype(weight: Tensor) -> None:
    """Check that a network may have weights of this dtype; NumPy does not know all those of PyTorch."""
    name = str(weight.dtype).removeprefix("torch.")
    if name not in ("float32", "float64"):
        raise ValueError(f"its weights are {name}, but a network has float32 or float64; use module.float() first")


def from_hashed(module: HashedLinear) -> layers.Layer:
    """Make the hashed layer with the same map and the same real weights."""
    check_dtype(module.w)
    weights = {name: array(p) for name, p in module.named_parameters()}
    return hashed_layer(module.n_in, module.map, module.bias, module.bias_map, weights)


def from_linear(module: nn.Linear) -> layers.Layer:
    """Make the dense layer with the same weights."""
    check_dtype(module.weight)
    w = array(module.weight)
    has_bias = module.bias is not None
    layer = layers.Linear(module.in_features, module.out_features, seed=0, bias=has_bias, dtype=w.dtype)
    layer.params = {"w": w} | ({"b": array(module.bias)} if has_bias else {})
    return layer


CONVERTERS: dict[type[nn.Module], Callable[[Any], layers.Layer]] = {
    HashedLinear: from_hashed,
    nn.Linear: from_linear,
    nn.ReLU: lambda module: layers.ReLU(),
    nn.Tanh: lambda module: layers.Tanh(),
    nn.Dropout: lambda module: layers.Dropout(module.p),
}


def convert(number: int, module: nn.Module) -> layers.Layer:
    """Make the layer of one module; an error names the module."""
    try:
        if type(module) not in CONVERTERS:
            raise ValueError(f"there are layers only for {', '.join(kind.__name__ for kind in CONVERTERS)}")
        return CONVERTERS[type(module)](module)
    except ValueError as error:
        raise ValueError(f"module {number} ({type(module).__name__}) cannot become a layer: {error}") from error
