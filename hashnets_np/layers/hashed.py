"""The hashed layer: V is computed from K real weights whenever it is needed (Eq. 2, 7, 8, 9 and 12)."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..hashing import MAX_UINT32, derive_seed
from ..kernels import check, hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from ..maps import MAX_BUCKETS, SharingMap, allowed_biases, bucket_count, find_kind
from ..support.checks import check_flag, check_input, check_integer, check_seed, shown, unmasked
from ..types import Bias, Compression, FloatArray, Init, IntArray, KindName
from .base import Layer, register_layer
from .initial import check_sizes, initial_bias, initial_weights


@register_layer
class HashedLinear(Layer):
    """A fully connected layer whose weight matrix V is computed from K real weights.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    compression : str, int, float, Fraction or Decimal, optional
        Real / virtual weights, in (0, 1], such as "1/8". Give either this or `buckets`.
    buckets : int, optional
        K, the number of real weights.
    seed : int, optional
        Seed of the map and the initial weights, in 0..2**32-1. Without one, the network gives the layer a seed of its
        own; outside a network it draws a fresh one. The kinds "authors2015", "pytorch2019" and "keras" have one seed
        for all layers, as the code that they reproduce has; without a seed they keep it for the map, and only the
        initial weights are drawn from the network's.
    bias : {"column", "hashed", "dense", None}
        "column": input 0 is constantly 1 and V has n_in + 1 columns. "hashed": ceil(compression * n_out) real biases
        with a map of their own, as in the released code. "dense": one free parameter per output.
    kind : str
        The kind of sharing map: "xxhash", "fold", "chunk", "tile", "authors2015", "pytorch2019", "keras", or one that
        was registered with `register_kind`.
    size : int, optional
        How large the pieces of w are that the kinds "chunk" and "tile" share as a whole; without it the kind's
        default.
    signed : bool
        Whether the map has signs.
    bias_buckets : int, optional
        K_b, the number of real biases, with bias="hashed" only.
    dtype : dtype
        The dtype of the parameters: float32 or float64. The output has the common dtype of parameters and input: that
        of float64 or whole numbers is float64.
    init : {"he", "uniform"}
        How the initial weights are drawn.
    rng : numpy.random.Generator, optional
        Draws the initial weights, at once, instead of a generator made from the seed.

    Raises
    ------
    ValueError
        If an argument is outside these limits; the message says what came and what was expected.

    References
    ----------
    Eq. 2 (bias column), 7 (V), 8 (forward), 9 and 12 (backward) of Chen et al., ICML 2015.

    Examples
    --------
    >>> layer = HashedLinear(784, 1000, compression="1/8", seed=7)
    >>> layer
    HashedLinear(784, 1000, buckets=98125, seed=7)
    >>> layer.num_parameters(), layer.num_virtual_parameters(), layer.map.n_cols
    (98125, 785000, 785)
    """

    kept_by_forward: ClassVar[tuple[str, ...]] = ("a",)
    left_out_of_config: ClassVar[tuple[str, ...]] = ("size", "signed")  # see `map_options`

    n_in: int
    n_out: int
    buckets: int
    a: FloatArray  # the last input, with its column of ones

    def __init__(
        self, n_in: int, n_out: int, compression: Compression | None = None, *, buckets: int | None = None,
        seed: int | None = None, bias: Bias = "column", kind: KindName = "xxhash", size: int | None = None,
        signed: bool = True, bias_buckets: int | None = None, dtype: DTypeLike = np.float32, init: Init = "he",
        rng: np.random.Generator | None = None,
    ) -> None:
        # 1. Check the sizes, and count the real weights: K and, for a hashed bias, K_b.
        n_in, n_out = check_sizes(n_in, n_out, dtype, init)
        seed = None if seed is None else check_seed(seed)
        m = weight_map(n_in, n_out, compression, buckets, seed, bias, kind, size, signed)
        bias_buckets = count_biases(m, bias, bias_buckets)

        # 2. Remember how to make this layer again.
        super().__init__(n_in=n_in, n_out=n_out, buckets=m.buckets, seed=seed, bias=bias, kind=kind,
                         bias_buckets=bias_buckets, dtype=np.dtype(dtype).name, init=init, **map_options(m))
        if seed is None:
            self._config["seed"] = default_seed(kind)

        # 3. What forward and backward need.
        self.n_in = n_in
        self.n_out = n_out
        self.buckets = m.buckets
        self.bias = bias

        # 4. The weights: drawn now by a generator, or from the seed when they are first needed.
        if rng is not None:
            self.params = self._draw(rng)

    @cached_property
    def map(self) -> SharingMap:
        """The buckets and signs of V, from the seed (Eq. 3 and 7)."""
        return self._make_map()

    @cached_property
    def bias_map(self) -> SharingMap | None:
        """The buckets and signs of a hashed bias; None for any other bias."""
        return self._make_bias_map()

    @cached_property
    def params(self) -> dict[str, FloatArray]:
        """The real weights w (K,) and, where the bias is not a column of V, b."""
        return self._draw(np.random.default_rng(self.ensure_seed()))

    def _make_map(self) -> SharingMap:
        """Make the map of the weights."""
        if self._config["seed"] is None:
            self.ensure_seed()
        known = self._config
        return weight_map(self.n_in, self.n_out, None, self.buckets, known["seed"], self.bias, known["kind"],
                          known.get("size"), known.get("signed", True))

    def _make_bias_map(self) -> SharingMap | None:
        """Make the map of a hashed bias."""
        if self.bias != "hashed":
            return None
        return hashed_bias_map(self._make_map(), self._config["bias_buckets"])

    def _draw(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Draw the initial weights, and then the biases that are not a column of V."""
        dtype = np.dtype(self._config["dtype"])
        init = self._config["init"]
        shapes = self.stored_shapes(self._config)
        params = {"w": initial_weights(rng, shapes["w"], self.n_in, init, dtype)}  # (K,)
        if "b" in shapes:
            params["b"] = initial_bias(rng, shapes["b"], self.n_in, init, dtype)  # (K_b,) or (n_out,)
        return params

    def config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer; ValueError if its map was replaced, for example by a table."""
        if (self.map, self.bias_map) != (self._make_map(), self._make_bias_map()):
            raise ValueError("a layer whose map was replaced (by a table?) cannot be saved: "
                             "a file says how to rebuild a map, it does not hold one")
        return super().config()

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of w and, with a bias of its own, b."""
        biases = {"hashed": (config["bias_buckets"],), "dense": (config["n_out"],)}
        own_bias = {"b": biases[config["bias"]]} if config["bias"] in biases else {}
        return {"w": (config["buckets"],), **own_bias}

    def num_virtual_parameters(self) -> int:
        """Count the virtual weights and, where they are not a column of V, the biases."""
        return self.n_out * (self.n_in + (self.bias is not None))

    def loads(self, name: str) -> IntArray | None:
        """Count how many virtual weights, or outputs, share each real weight, or bias."""
        if name == "w":
            return self.map.loads()
        return None if self.bias_map is None else self.bias_map.loads()

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in)."""
        x = check_input(x, self.n_in)
        if self.bias == "column":
            x = np.hstack([np.ones((len(x), 1), x.dtype), x])  # Eq. 2: a_0 = 1
        self.a = x
        z = hashed_forward(self.params["w"], x, self.map)  # Eq. 8
        if self.bias_map is not None:
            z += hash_gather(self.params["b"], self.bias_map)[:, 0]
        elif self.bias == "dense":
            z += check("b", self.params["b"], (self.n_out,))  # one of another shape could broadcast
        return z

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"] and, with a bias of its own, grads["b"]."""
        dz = unmasked("dz", dz)
        input_grad = check_flag("input_grad", input_grad)
        dw, da = hashed_backward(self.params["w"], self.recall("a"), dz, self.map, input_grad)  # Eq. 12 and 9
        dz = dz.astype(dw.dtype, copy=False)
        self.grads["w"] = dw
        if self.bias_map is not None:
            self.grads["b"] = hash_scatter_add(dz.sum(axis=0)[:, None], self.bias_map)
        elif self.bias == "dense":
            self.grads["b"] = dz.sum(axis=0)
        if da is not None and self.bias == "column":
            return da[:, 1:]  # the constant input needs no gradient
        return da

    def virtual_weight(self) -> FloatArray:
        """Build V (n_out, n_in), without the bias column: for looking and testing."""
        V = hash_gather(self.params["w"], self.map)
        return V[:, 1:] if self.bias == "column" else V


def weight_map(
    n_in: int, n_out: int, compression: object, buckets: int | None, seed: int | None, bias: str | None, kind: str,
    size: int | None = None, signed: bool = True,
) -> SharingMap:
    """Make the map of a layer's weights from either a compression or a number of buckets."""
    if (compression is None) == (buckets is None):
        raise ValueError(f"give exactly one of compression and buckets, got {shown(compression)} and {shown(buckets)}")
    if not allowed_biases(kind):
        raise ValueError(f"maps of kind {shown(kind)} are for hashed biases, not for weights")
    if bias not in allowed_biases(kind):
        raise ValueError(f"bias must be one of {allowed_biases(kind)} with kind {shown(kind)}, got {shown(bias)}")
    n_cols = n_in + (bias == "column")
    K = bucket_count(compression, n_out * n_cols) if buckets is None else buckets
    return SharingMap(n_out, n_cols, buckets=K, seed=seed, kind=kind, size=size, signed=signed)


def hashed_bias_map(m: SharingMap, bias_buckets: int | None) -> SharingMap:
    """Make the map of a hashed bias, n_out x 1, at the compression of the weights unless its size is given."""
    if bias_buckets is None:
        n = m.n_out * m.n_cols  # K / n is as good as the c that K came from: ceil(ceil(c n) / n_cols) = ceil(c n_out)
        bias_buckets = bucket_count(Fraction(min(m.buckets, n), n), m.n_out)
    return m.bias_map(bias_buckets, derive_seed(m.seed, MAX_UINT32))


def count_biases(m: SharingMap, bias: str | None, bias_buckets: int | None) -> int | None:
    """Count the real biases of a hashed bias, K_b; None for any other bias, which must not come with a number."""
    if bias == "hashed":
        if bias_buckets is not None:
            check_integer("bias_buckets", bias_buckets, 1, MAX_BUCKETS)
        return hashed_bias_map(m, bias_buckets).buckets
    if bias_buckets is not None:
        raise ValueError(f"bias_buckets={shown(bias_buckets)} is for bias='hashed', got bias={shown(bias)}")
    return None


def map_options(m: SharingMap) -> dict[str, Any]:
    """List what is not the rule for a map, its size and that it has no signs: a config names only these."""
    size = {} if m.size is None else {"size": m.size}
    signed = {} if m.signed else {"signed": False}
    return size | signed


def default_seed(kind: str) -> int | None:
    """Return the seed that all layers with this kind of map share; None if each layer has its own."""
    return find_kind(kind).default_seed
