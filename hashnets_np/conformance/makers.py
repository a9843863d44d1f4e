"""What makes the layers that a probe asks: a function `make`, a constructor, or an adapter."""

import inspect
from collections.abc import Callable, Iterable
from math import ceil
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .adapter import Adapter, LayerSpec
from .cases import make_spec
from .operations import missing_methods

SIZES = {"chunk": 16, "tile": 32}
SEED = 7


def maker(found: Any) -> Callable[[int, int, int], Any]:
    """Find what makes layers: a function or method `make` of the class, or its constructor; an adapter is wrapped."""
    if isinstance(found, type) and issubclass(found, Adapter):
        return as_layer_maker(found)
    if not hasattr(found, "make"):
        return found
    make = inspect.getattr_static(found, "make")
    if isinstance(found, type) and isinstance(make, FunctionType) and len(inspect.signature(make).parameters) == 4:
        return found().make  # make(self, n_in, n_out, K)
    return found.make


def choose(given: Iterable[Any], preferred: Any) -> Any:
    """Choose one of the things that a layer does: the preferred one if it is there, else the first.

    >>> choose(("float64",), "float32"), choose(("dense", None), None)
    ('float64', None)
    """
    given = list(given)
    return preferred if preferred in given or not given else given[0]


def spec_for(adapter: type[Adapter], n_in: int, n_out: int, K: int) -> LayerSpec:
    """Define a layer that the adapter says it can make, with a compression that yields K."""
    bias = choose(adapter.biases, None)
    kind = choose(adapter.kinds, "xxhash")
    K_b = ceil(K / n_in) if bias == "hashed" else 0  # the compression is K / (n_in n_out)
    layer = {"n_in": n_in, "n_out": n_out, "kind": kind, "buckets": K, "seed": SEED, "bias": bias, "bias_buckets": K_b,
             "size": SIZES.get(kind)}
    return make_spec(layer, choose(adapter.dtypes, "float32"))


def as_layer_maker(adapter: type[Adapter], anew: bool = False) -> Callable[[int, int, int], Any]:
    """Let an adapter be probed; its biases are 0.

    The first weights go to its constructor and later ones to its `set_weights`. Without that method, or if asked for,
    the layer is made anew for each.
    """

    class Made:
        takes_new_weights = not anew and not missing_methods(adapter, ("set_weights",))
        layer: Any = None

        def __init__(self, n_in: int, n_out: int, K: int) -> None:
            self.spec = spec_for(adapter, n_in, n_out, K)
            self.K = K
            size = {"hashed": self.spec.bias_buckets, "dense": n_out}.get(str(self.spec.bias))
            self.b = None if size is None else np.zeros(size, self.spec.dtype)

        def set_w(self, w: NDArray) -> None:
            if self.layer is not None and self.takes_new_weights:
                self.layer.set_weights(w, self.b)
            else:
                self.layer = adapter(self.spec, w, self.b)

        def forward(self, a: NDArray) -> Any:
            return self.layer.forward(a)

        def backward(self, a: NDArray, dz: NDArray) -> Any:
            return self.layer.backward(a, dz)

    if adapter.backward is Adapter.backward:
        del Made.backward
    return Made
