"""Layers with hand-written forward and backward passes: hashed, dense, ReLU, dropout.

Every layer has `forward(x, train)`, `backward(dz)`, `params` and `grads` (dicts with the same keys) and `config()`, the
JSON-able facts that make it again. `backward` overwrites `grads` and uses what the last `forward` kept. Left out:
autograd, convolutions, and the fixed-mask and low-rank baselines (`baselines.py`).
"""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .hashing import MAX_UINT32, derive_seed
from .kernels import check, hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from .maps import SharingMap, allowed_biases, bucket_count


def initial_weights(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> NDArray:
    """Draw initial weights: "he" is N(0, 2 / n_in) (He et al. 2015), "uniform" the released code's U(+-1 / sqrt(n_in)).

    n_in is the fan-in of a unit, virtual weights counted: each V_ij is distributed like the w_k that it copies.
    """
    if init == "he":
        return rng.normal(0.0, np.sqrt(2.0 / n_in), shape).astype(dtype)
    return rng.uniform(-1.0 / np.sqrt(n_in), 1.0 / np.sqrt(n_in), shape).astype(dtype)


def initial_bias(rng: np.random.Generator, shape: Any, n_in: int, init: str, dtype: DTypeLike) -> NDArray:
    """Draw initial biases: zero with "he", like the weights with "uniform"."""
    return np.zeros(shape, dtype) if init == "he" else initial_weights(rng, shape, n_in, init, dtype)


def check_dtype(dtype: DTypeLike) -> None:
    """Check the dtype of a layer's parameters."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")


def check_sizes(n_in: int, n_out: int, dtype: DTypeLike, init: str) -> tuple[int, int]:
    """Check what every fully connected layer is made from; return the sizes as Python's integers, which don't wrap."""
    for name, value in (("n_in", n_in), ("n_out", n_out)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    check_dtype(dtype)
    if init not in ("he", "uniform"):
        raise ValueError(f"init must be 'he' or 'uniform', got {init!r}")
    return int(n_in), int(n_out)


def check_input(x: NDArray, n_in: int) -> NDArray:
    """Check a mini-batch at the door of a layer, with the likely mend in the message."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != n_in:
        raise ValueError(f"x has shape {x.shape}, expected (batch, n_in={n_in}); did you forget x.reshape(len(x), -1)?")
    return x


class Layer:
    """What all layers share: parameters and gradients by name, their counts, and how the layer was made."""

    def __init__(self, **config: Any) -> None:
        self.params: dict[str, NDArray] = {}
        self.grads: dict[str, NDArray] = {}
        self._config = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}  # JSON has no int64

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, ready for JSON."""
        return dict(self._config)

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of the parameters from a `config()`, without making the layer.

        `load` compares them with a file before it allocates anything. A class that does not know them, or has none,
        says {}, and is compared when it has been made.
        """
        return {}

    @classmethod
    def computed_numbers(cls, config: dict[str, Any]) -> int:
        """Count the numbers that the layer of a `config()` computes when it is made, besides its parameters."""
        return 0

    def num_parameters(self) -> int:
        """Count the real weights: what is stored."""
        return sum(p.size for p in self.params.values())

    def num_virtual_parameters(self) -> int:
        """Count the weights that the layer computes with; more than the real ones only where weights are shared."""
        return self.num_parameters()

    def change_dtype(self, dtype: DTypeLike) -> None:
        """Convert the parameters to float32 or float64 (ValueError otherwise)."""
        check_dtype(dtype)
        self.params = {name: p.astype(dtype) for name, p in self.params.items()}
        self._config |= {"dtype": np.dtype(dtype).name} if self.params else {}

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """Compute the output of a mini-batch and keep what `backward` needs."""
        raise NotImplementedError

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """Fill `grads` from dz, the gradient by the output; return the gradient by the input, if asked for."""
        raise NotImplementedError


class HashedLinear(Layer):
    """A fully connected layer whose weight matrix V is computed from K real weights (Eq. 2, 7, 8, 9, 12).

    n_in, n_out: units. compression: real / virtual weights in (0, 1], "1/8", Fraction or float; or buckets: K itself;
    one of the two. seed: of the map, 0..2**32-1 (None: the kind's default). bias: "column" (Eq. 2: input 0 is
    constantly 1 and V has n_in + 1 columns), "hashed" (ceil(compression * n_out) real biases with a map of their own,
    as in the released code; or bias_buckets), "dense" (one free parameter per output) or None. kind: of the map.
    dtype: float32 or float64. rng: for the initial weights, default_rng(seed) if left out. init: "he" or "uniform".
    Any other value is a ValueError.

    >>> layer = HashedLinear(784, 1000, compression="1/8", seed=7)
    >>> layer.num_parameters(), layer.num_virtual_parameters(), layer.map.n_cols
    (98125, 785000, 785)
    """

    a: NDArray  # the last input, with its column of ones

    def __init__(
        self, n_in: int, n_out: int, compression: object = None, seed: int | None = None, bias: str | None = "column",
        kind: str = "xxhash", buckets: int | None = None, dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None, init: str = "he", bias_buckets: int | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        self.n_in, self.n_out, self.bias = n_in, n_out, bias
        if bias != "hashed" and bias_buckets is not None:
            raise ValueError(f"bias_buckets={bias_buckets!r} is for bias='hashed', got bias={bias!r}")
        self.map = weight_map(n_in, n_out, compression, buckets, seed, bias, kind)
        self.bias_map = hashed_bias_map(self.map, compression, bias_buckets) if bias == "hashed" else None
        self._made_with = self.map, self.bias_map
        super().__init__(
            n_in=n_in, n_out=n_out, seed=self.map.seed, bias=bias, kind=kind, buckets=self.map.buckets, init=init,
            bias_buckets=self.bias_map.buckets if self.bias_map else None, dtype=np.dtype(dtype).name,
        )
        rng = np.random.default_rng(self.map.seed) if rng is None else rng
        self.params["w"] = initial_weights(rng, self.map.buckets, n_in, init, dtype)  # (K,)
        if bias in ("hashed", "dense"):
            size = self.bias_map.buckets if self.bias_map else n_out
            self.params["b"] = initial_bias(rng, size, n_in, init, dtype)  # (K_b,) or (n_out,)

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again; ValueError if its map was replaced, as by a table."""
        if (self.map, self.bias_map) != self._made_with:
            raise ValueError("a layer whose map was replaced (by a table?) cannot be saved: nothing makes it again")
        return super().config()

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of w and, with a bias of its own, b."""
        biases = {"hashed": (config["bias_buckets"],), "dense": (config["n_out"],)}
        own_bias = {"b": biases[config["bias"]]} if config["bias"] in biases else {}
        return {"w": (config["buckets"],), **own_bias}

    def num_virtual_parameters(self) -> int:
        """Count the virtual weights and, where they are not a column of V, the biases."""
        return self.n_out * (self.map.n_cols + ("b" in self.params))

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """x (batch, n_in) -> z (batch, n_out)."""
        x = check_input(x, self.n_in)
        self.a = np.hstack([np.ones((len(x), 1), x.dtype), x]) if self.bias == "column" else x  # Eq. 2: a_0 = 1
        z = hashed_forward(self.params["w"], self.a, self.map)  # Eq. 8
        if self.bias_map:
            z += hash_gather(self.params["b"], self.bias_map)[:, 0]
        elif self.bias == "dense":
            z += self.params["b"]
        return z

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """dz (batch, n_out) -> da (batch, n_in); fills grads["w"] and, with a bias of its own, grads["b"]."""
        dz = np.asarray(dz)
        dw, da = hashed_backward(self.params["w"], self.a, dz, self.map, input_grad)  # Eq. 12 and 9
        self.grads["w"] = dw
        if self.bias_map:
            self.grads["b"] = hash_scatter_add(dz.sum(axis=0)[:, None], self.bias_map)
        elif self.bias == "dense":
            self.grads["b"] = dz.sum(axis=0)
        return da[:, 1:] if da is not None and self.bias == "column" else da  # the constant input needs no gradient

    def virtual_weight(self) -> NDArray:
        """Build V (n_out, n_in), without the bias column: for looking and testing."""
        V = hash_gather(self.params["w"], self.map)
        return V[:, 1:] if self.bias == "column" else V


def weight_map(
    n_in: int, n_out: int, compression: object, buckets: int | None, seed: int | None, bias: str | None, kind: str,
    size: int | None = None,
) -> SharingMap:
    """Make the map of a layer's weights from either a compression or a number of buckets."""
    if (compression is None) == (buckets is None):
        raise ValueError(f"give exactly one of compression and buckets, got {compression!r} and {buckets!r}")
    if bias not in allowed_biases(kind):
        raise ValueError(f"bias must be one of {allowed_biases(kind)} with kind {kind!r}, got {bias!r}")
    n_cols = n_in + (bias == "column")
    K = bucket_count(compression, n_out * n_cols) if buckets is None else buckets
    return SharingMap(n_out, n_cols, buckets=K, seed=seed, kind=kind, size=size)


def hashed_bias_map(m: SharingMap, compression: object, bias_buckets: int | None) -> SharingMap:
    """Make the map of a hashed bias, n_out x 1, at the compression of the weights unless its size is given."""
    if bias_buckets is None:
        n = m.n_out * m.n_cols
        bias_buckets = bucket_count(compression or Fraction(min(m.buckets, n), n), m.n_out)
    return m.bias_map(bias_buckets, derive_seed(m.seed, MAX_UINT32))


class Linear(Layer):
    """An ordinary fully connected layer: z = a W^T + b.

    n_in, n_out: units. W is (n_out, n_in), in params["w"]; b is (n_out,), in params["b"], or absent with bias=False.
    seed, rng: for the initial weights, default_rng(seed) if left out. dtype, init: as in HashedLinear.

    >>> Linear(784, 10).num_parameters()
    7850
    """

    a: NDArray  # the last input

    def __init__(
        self, n_in: int, n_out: int, seed: int = 0, bias: bool = True, dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None, init: str = "he",
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        if isinstance(seed, bool):
            raise ValueError(f"seed must be an integer, got {seed!r}; did you mean bias={seed!r}?")
        super().__init__(n_in=n_in, n_out=n_out, seed=seed, bias=bias, dtype=np.dtype(dtype).name, init=init)
        self.n_in, self.n_out = n_in, n_out
        rng = np.random.default_rng(seed) if rng is None else rng
        self.params["w"] = initial_weights(rng, (n_out, n_in), n_in, init, dtype)
        if bias:
            self.params["b"] = initial_bias(rng, n_out, n_in, init, dtype)

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of W and b."""
        bias = {"b": (config["n_out"],)} if config["bias"] else {}
        return {"w": (config["n_out"], config["n_in"]), **bias}

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """x (batch, n_in) -> z (batch, n_out)."""
        self.a = check_input(x, self.n_in)
        z = self.a @ self.params["w"].T
        return z + self.params["b"] if "b" in self.params else z

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """dz (batch, n_out) -> da (batch, n_in); fills grads["w"] and grads["b"]."""
        dz = check("dz", dz, (len(self.a), self.n_out))
        self.grads["w"] = dz.T @ self.a  # Eq. 10
        if "b" in self.params:
            self.grads["b"] = dz.sum(axis=0)
        return dz @ self.params["w"] if input_grad else None


class ReLU(Layer):
    """The activation f(z) = max(z, 0) of every hidden layer; f'(0) is taken as 0."""

    active: NDArray  # where the last input was positive

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """Any shape in, the same shape out."""
        self.active = x > 0
        return np.maximum(x, 0)

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """Multiply by f'(z): the last factor of Eq. 9."""
        return dz * self.active


class Dropout(Layer):
    """Inverted dropout: in training each unit is zeroed with probability `rate`, the others are divided by 1 - rate.

    rate: in [0, 1), ValueError otherwise. seed: of the masks. In evaluation mode nothing happens. A mask may be given
    to `forward`, which is how other implementations are compared. Source: Srivastava et al., JMLR 2014.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"dropout rate must be in [0, 1), got {rate!r}")
        super().__init__(rate=rate, seed=seed)
        self.rate, self.rng = rate, np.random.default_rng(seed)
        self.scale: NDArray | None = None  # what the last forward multiplied by; None: nothing

    def forward(self, x: NDArray, train: bool = False, mask: NDArray | None = None) -> NDArray:
        """Drop units of x; mask (same shape, true where a unit stays) is drawn unless it is given."""
        self.scale = None
        if not train or (self.rate == 0 and mask is None):
            return x
        x = np.asarray(x)
        if mask is None:
            mask = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        dtype = np.result_type(x, np.float32)  # of pixels 0..255 too: uint8 has no 1 / (1 - rate)
        self.scale = np.asarray(mask) * dtype.type(1 / (1 - self.rate))
        return x * self.scale

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """Apply the same mask and factor to the error term."""
        return dz if self.scale is None else dz * self.scale


LAYERS: dict[str, type[Layer]] = {}  # the classes that model files know, by name


def register_layer(layer: type[Layer]) -> type[Layer]:
    """Let model files hold layers of this class, under its name; usable as a class decorator.

    Raises ValueError if another class of that name is registered.

    >>> register_layer(Linear) is Linear
    True
    """
    name = layer.__name__
    known = LAYERS.setdefault(name, layer)
    if (known.__module__, known.__qualname__) != (layer.__module__, layer.__qualname__):
        raise ValueError(f"a layer class named {name!r} is registered already, from {known.__module__}; "
                         "choose another name")
    LAYERS[name] = layer  # the newer one of a module that was loaded again
    return layer


for each in (HashedLinear, Linear, ReLU, Dropout):
    register_layer(each)
