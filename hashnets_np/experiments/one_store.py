"""One store for all layers: a single w that every layer's map hashes into.

K comes from the compression of the whole network. The first layer holds w; the others have no weights of their own,
look theirs up in it, and send their gradients to it. Layers differ in fan-in, and He's rule gives each another scale: a
layer multiplies what it looks up by sqrt(fan-in of the first layer / its own fan-in), a constant that needs no storage.

Source: global memory sharing of ROAST, Desai, Zhou and Shrivastava, ICML 2023.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..kernels import hash_gather, hashed_backward, hashed_forward
from ..layers import HashedLinear, Layer, check_sizes, register_layer
from ..maps import SharingMap
from ..support.checks import check_count, check_input, check_seed, unmasked
from ..types import FloatArray, IntArray, KindName


@register_layer
class StoreLinear(HashedLinear):
    """A hashed layer whose real weights other layers use, too: the `TenantLinear`s after it in the network.

    Made like a `HashedLinear`. Its gradient with respect to w is its own plus those that the tenants sent in the same
    backward pass, which runs from the last layer to the first. A store belongs to one network: `loads` counts the
    tenants of the last one that it joined.
    """

    kept_by_forward: ClassVar[tuple[str, ...]] = ("a", "from_tenants")

    from_tenants: FloatArray | None
    tenants: "tuple[TenantLinear, ...]" = ()  # the layers of its network that use its weights

    def join(self, layers: Sequence[Layer]) -> None:
        """Find the layers that use these weights."""
        self.tenants = tuple(layer for layer in layers if isinstance(layer, TenantLinear) and layer.is_of(self, layers))

    def loads(self, name: str) -> IntArray | None:
        """Count how many virtual weights share each real weight, those of the tenants included."""
        own = super().loads(name)
        if name != "w" or own is None:
            return own
        return own + sum(tenant.map.loads() for tenant in self.tenants)

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in); a new pass begins."""
        self.from_tenants = None
        return super().forward(x, train)

    def receive(self, dw: FloatArray) -> None:
        """Take the gradient that a tenant sends."""
        before = self.recall("from_tenants")
        self.from_tenants = dw if before is None else before + dw

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"], tenants' gradients included."""
        da = super().backward(dz, input_grad)
        received = self.recall("from_tenants")
        if received is not None:
            self.grads["w"] = self.grads["w"] + received
            self.from_tenants = None
        return da


@register_layer
class TenantLinear(Layer):
    """A hashed layer without weights of its own: it looks them up in the store of another layer.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs; there is a bias column.
    store : int
        The position, in the network, of the `StoreLinear` that holds the weights.
    seed : int
        Seed of the map, in 0..2**32-1.
    kind : str
        The kind of map, as in `HashedLinear`.
    """

    kept_by_forward = ("a",)

    n_in: int
    n_out: int
    a: FloatArray  # the last input, with its column of ones

    def __init__(self, n_in: int, n_out: int, *, store: int, seed: int, kind: KindName = "xxhash") -> None:
        n_in, n_out = check_sizes(n_in, n_out, np.float32, "he")
        store = check_count("store", store, 0)
        super().__init__(n_in=n_in, n_out=n_out, store=store, seed=check_seed(seed), kind=kind)
        self.n_in = n_in
        self.n_out = n_out
        self.owner: StoreLinear | None = None

    def is_of(self, store: StoreLinear, layers: Sequence[Layer]) -> bool:
        """Tell whether this layer looks its weights up in a store."""
        return self._config["store"] < len(layers) and layers[self._config["store"]] is store

    def join(self, layers: Sequence[Layer]) -> None:
        """Find the layer that holds the weights, and make the map into them."""
        position = self._config["store"]
        owner = layers[position] if position < len(layers) else None
        if not isinstance(owner, StoreLinear) or owner.buckets is None:
            raise ValueError(f"{self!r} looks for its weights at position {position}, where there is no StoreLinear")
        self.owner = owner
        self.map = SharingMap(self.n_out, self.n_in + 1, buckets=owner.buckets, seed=self._config["seed"],
                              kind=self._config["kind"])

    def weights(self) -> tuple[FloatArray, Any]:
        """Return the store's w and the factor that gives it this layer's scale; ValueError outside a network."""
        if self.owner is None:
            raise ValueError(f"{self!r} has no weights of its own; put it into a Network, after its StoreLinear")
        w = self.owner.params["w"]
        return w, w.dtype.type((self.owner.n_in / self.n_in) ** 0.5)

    def num_virtual_parameters(self) -> int:
        """Count the virtual weights, the bias column among them."""
        return self.n_out * (self.n_in + 1)

    def virtual_weight(self) -> FloatArray:
        """Build V (n_out, n_in), without the bias column: for looking and testing."""
        w, scale = self.weights()
        return scale * hash_gather(w, self.map)[:, 1:]

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in)."""
        x = check_input(x, self.n_in)
        self.a = np.hstack([np.ones((len(x), 1), x.dtype), x])
        w, scale = self.weights()
        return scale * hashed_forward(w, self.a, self.map)

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); send dw to the store."""
        w, scale = self.weights()
        dw, da = hashed_backward(w, self.recall("a"), scale * unmasked("dz", dz), self.map, input_grad)
        assert self.owner is not None
        self.owner.receive(dw)
        return None if da is None else da[:, 1:]
