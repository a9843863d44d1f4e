"""HashedNets in JAX: `hashed_linear`, a pure function whose gradients come from jax.grad, and its adapter.

A layer is a `Maps`, buckets and signs hashed once in JAX, and a dict of its real weights, `{"w": ..., "b": ...}`. V is
built in every forward pass: simple, and as large as a dense layer while it runs. Take `hashed_linear` and what stands
above it into your project, with `host.py`, which checks sizes and hashes the text of the compatibility kinds. Source:
data/vectors/SPEC.md.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .adapter import KINDS, NEWER_KINDS, Adapter, check_labels
from .host import (
    TEXT_SEEDS,
    HostMap,
    check_options,
    count_buckets,
    hash_texts,
    layer_arguments,
    layer_seed,
    make_map,
    text_table,
    uint32,
)
from .host import make_maps as make_host_maps

jax.config.update("jax_enable_x64", True)  # else float64 is silently float32
jax.config.update("jax_default_matmul_precision", "highest")  # else a GPU multiplies float32 as TF32, to 3 digits

Params = dict[str, Array]


@jax.jit
def xxh32_pair(i: Array, j: Array, seed: Array) -> Array:
    """XXH32 of the keys (i, j), all uint32; uint32 wraps around in JAX, as the specification asks for."""
    u = jnp.uint32
    h = seed + u(374761393) + u(8)
    for lane in (i, j):
        h = h + lane * u(3266489917)
        h = (h << 17 | h >> 15) * u(668265263)
    h = (h ^ h >> 15) * u(2246822519)
    h = (h ^ h >> 13) * u(3266489917)
    return h ^ h >> 16


def bucket_sign(i: Any, j: Any, m: HostMap) -> tuple[Array, Array]:
    """Find bucket and sign of virtual weights (i, j)."""
    bucket, sign = rule(i, j, m)
    return bucket, sign if m.signed else jnp.ones_like(sign)


def rule(i: Any, j: Any, m: HostMap) -> tuple[Array, Array]:
    """Find bucket and sign as the kind of the map says."""
    if m.kind.removesuffix("_bias") in TEXT_SEEDS:
        bucket, sign = text_table(i, j, m)
        return jnp.asarray(bucket), jnp.asarray(sign)
    i = uint32(i, "i")
    j = uint32(j, "j")
    seed = uint32(m.seed, "seed")
    K = jnp.uint32(m.buckets)
    if m.kind == "xxhash":
        return split(xxh32_pair(i, j, seed), K)
    if m.kind == "fold":
        g = jnp.asarray(i, jnp.uint64) * jnp.uint64(m.n_cols) + jnp.asarray(j, jnp.uint64)
        q = g // jnp.uint64(m.buckets)
        p = g % jnp.uint64(m.buckets)
        x = xxh32_pair((q >> jnp.uint64(32)).astype(jnp.uint32), q.astype(jnp.uint32), seed)
        return place_in_w(x, p, K)[0], split(xxh32_pair(i, j, seed), K)[1]
    assert m.size is not None
    height = np.uint32(m.size if m.kind == "tile" else 1)
    width = np.uint32(m.size)
    x = xxh32_pair(i // height, j // width, seed)
    bucket, sign = place_in_w(x, jnp.asarray(i % height * width + j % width), K)
    return bucket, jnp.broadcast_to(sign, bucket.shape)


@jax.jit
def place_in_w(x: Array, inside: Array, buckets: Array) -> tuple[Array, Array]:
    """Bucket (hash + place inside the piece) mod K; the sign of the piece."""
    bucket = ((x >> 1).astype(jnp.uint64) + inside) % buckets
    return bucket.astype(jnp.int32), 1 - 2 * (x & 1).astype(jnp.int8)


@jax.jit
def split(x: Array, buckets: Array) -> tuple[Array, Array]:
    """Bucket from bits 1 to 31 of a hash, sign from bit 0."""
    return ((x >> 1) % buckets).astype(jnp.int32), 1 - 2 * (x & 1).astype(jnp.int8)


class Maps(NamedTuple):
    """Buckets and signs of a layer; made by `make_maps`.

    Attributes
    ----------
    weights : pair of (n_out, n_cols) arrays
        Bucket and sign of each virtual weight.
    biases : pair of (n_out, 1) arrays, or None
        Bucket and sign of each virtual bias, with a hashed bias.
    bias : {"column", "hashed", "dense", None}
        The bias.
    sizes : dict of str to int
        How many real weights "w" has and, where there is one, "b".
    n_in : int
        Number of inputs.
    map, bias_map : HostMap
        What the tables were made from.

    Examples
    --------
    >>> make_maps(64, 10, buckets=80, seed=1).sizes
    {'w': 80}
    """

    weights: tuple[Array, Array]
    biases: tuple[Array, Array] | None
    bias: str | None
    sizes: dict[str, int]
    n_in: int
    map: HostMap
    bias_map: HostMap | None


def make_maps(n_in: int, n_out: int, buckets: int, seed: int | None = None, bias: str | None = "column",
              kind: str = "xxhash", bias_buckets: int | None = None, size: int | None = None,
              signed: bool = True) -> Maps:
    """Hash a layer's buckets and signs, once.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    buckets : int
        K, the number of real weights.
    seed : int, optional
        Seed of the map, in 0..2**32-1. The kinds that hash text have a default; the others need it.
    bias : {"column", "hashed", "dense", None}
        The bias.
    kind : str
        Kind of map, as in `hashnets_np.HashedLinear`.
    bias_buckets : int, optional
        K_b, the number of real biases of a hashed bias, which needs it.
    size : int, optional
        How large the pieces of the kinds "chunk" and "tile" are.
    signed : bool
        False: all signs are +1, whatever the kind says.

    Returns
    -------
    Maps
        What `hashed_linear` and `hashed_net` take beside the real weights.

    Examples
    --------
    >>> bucket, sign = make_maps(64, 10, buckets=80, seed=1).weights
    >>> bucket.shape, sign.shape
    ((10, 65), (10, 65))
    """
    m, beta = make_host_maps(n_in, n_out, buckets, seed, bias, kind, bias_buckets, size, signed)
    sizes = {"w": m.buckets} | ({"b": beta.buckets if beta else n_out} if bias in ("hashed", "dense") else {})
    table = lambda m: bucket_sign(np.arange(m.n_out)[:, None], np.arange(m.n_cols)[None, :], m)  # noqa: E731
    return Maps(table(m), table(beta) if beta else None, bias, sizes, n_in, m, beta)


def virtual(w: Array, table: tuple[Array, Array]) -> Array:
    """Eq. 7; its gradient, by jax.grad, is the scatter-add of Eq. 12."""
    bucket, sign = table
    return w[bucket] * sign.astype(w.dtype)


def hashed_linear(params: Params, maps: Maps, a: Array) -> Array:
    """Compute the output of a hashed layer, z = a V^T + bias.

    Parameters
    ----------
    params : dict of str to array
        The real weights, {"w": (K,)} or {"w": (K,), "b": ...}.
    maps : Maps
        Buckets and signs, from `make_maps`.
    a : (batch, n_in) floats
        The input.

    Returns
    -------
    (batch, n_out) floats
        z, before any activation.

    Raises
    ------
    ValueError
        If a has another shape.

    References
    ----------
    Eq. 8 of Chen et al., ICML 2015.

    Examples
    --------
    >>> maps = make_maps(64, 10, buckets=80, seed=1)
    >>> hashed_linear({"w": jnp.ones(80)}, maps, jnp.zeros((5, 64))).shape
    (5, 10)
    """
    if a.ndim != 2 or a.shape[1] != maps.n_in:
        raise ValueError(f"a has shape {a.shape}, expected (batch, {maps.n_in})")
    V = virtual(params["w"], maps.weights)
    if maps.bias == "column":  # Eq. 2: column 0 belongs to a constant input 1
        return a @ V[:, 1:].T + V[:, 0]
    if maps.biases is not None:
        return a @ V.T + virtual(params["b"], maps.biases)[:, 0]
    return a @ V.T + params["b"] if maps.bias == "dense" else a @ V.T


def hashed_net(params: list[Params], maps: list[Maps], x: Array, masks: Any = None, rate: float = 0.0) -> Array:
    """Compute the logits of hashed layers with ReLU between them.

    Parameters
    ----------
    params : list of dict
        The real weights of each layer.
    maps : list of Maps
        Buckets and signs of each layer, from `make_maps`.
    x : (batch, n_in) floats
        The input.
    masks : list of arrays of 0 and 1, optional
        One for the input of each layer, for inverted dropout.
    rate : float
        The rate of dropout.

    Returns
    -------
    (batch, n_out) floats
        Logits.

    Examples
    --------
    >>> maps = [make_maps(64, 50, buckets=400, seed=1), make_maps(50, 10, buckets=60, seed=2)]
    >>> params = [{"w": jnp.ones(400)}, {"w": jnp.ones(60)}]
    >>> hashed_net(params, maps, jnp.zeros((5, 64))).shape
    (5, 10)
    """
    for n, (p, m) in enumerate(zip(params, maps, strict=True)):
        x = jax.nn.relu(x) if n else x
        x = hashed_linear(p, m, x * masks[n] / (1 - rate) if masks else x)
    return x


def cross_entropy(z: Array, y: Array, soft: Array | None = None, temperature: float = 1.0, mix: float = 0.0) -> Array:
    """Mean cross-entropy with labels and, if given, soft targets."""
    loss = -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1).mean()
    if soft is None:
        return loss
    dark = -(soft * jax.nn.log_softmax(z / temperature)).sum(axis=1).mean()
    return (1 - mix) * loss + mix * temperature**2 * dark


def sgd(params: Any, velocity: Any, grads: Any, lr: float, momentum: float, weight_decay: float = 0.0) -> tuple:
    """One step of SGD with momentum: (new weights, new velocity)."""
    velocity = jax.tree.map(lambda w, v, g: momentum * v + g + weight_decay * w, params, velocity, grads)
    return jax.tree.map(lambda w, v: w - lr * v, params, velocity), velocity


def load_network(path: str | os.PathLike) -> tuple[list[Params], list[Maps]]:
    """Load a network that hashnets_np.save wrote, for `hashed_net`.

    Dropout layers are left out: `hashed_net` takes masks.

    Parameters
    ----------
    path : str or path
        A .safetensors file with a network of hashed layers and ReLU between them.

    Returns
    -------
    params, maps : two lists
        The real weights, and the buckets and signs, of each layer.

    Raises
    ------
    ValueError
        If the network has any other layer, or a layer an option that is unknown here.

    Examples
    --------
    >>> import tempfile
    >>> import hashnets_np as hn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hn.save(hn.Network([hn.HashedLinear(64, 10, "1/8", seed=1)]), f"{folder}/net.safetensors")
    ...     params, maps = load_network(f"{folder}/net.safetensors")
    >>> params[0]["w"].shape
    (82,)
    """
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        layers = [(n, c) for n, c in enumerate(json.loads(file.metadata()["layers"])) if c["type"] != "Dropout"]
        hashed = layers[::2]
        if [c["type"] for _, c in layers] != ["HashedLinear", "ReLU"] * (len(hashed) - 1) + ["HashedLinear"]:
            raise ValueError(f"{path} is not a chain of hashed layers with ReLU between them")
        for _, config in layers[1::2]:
            check_options(config, ())
        maps = [make_maps(**layer_arguments(config)) for _, config in hashed]
        params = [{k: jnp.asarray(file.get_tensor(f"{n}.{k}")) for k in m.sizes}
                  for (n, _), m in zip(hashed, maps, strict=True)]
    return params, maps


# ------------------------------------------------------------------------------------------------------- the adapter


def make_layer(spec, w, b, seed: int | None = None) -> tuple[Params, Maps]:
    """Make a layer with given weights."""
    maps = make_maps(spec.n_in, spec.n_out, spec.buckets, spec.seed if seed is None else seed, spec.bias, spec.kind,
                     spec.bias_buckets or None, spec.size)
    given = {"w": w} if b is None else {"w": w, "b": b}
    if {name: x.shape for name, x in given.items()} != {name: (size,) for name, size in maps.sizes.items()}:
        raise ValueError(f"the layer needs weights of sizes {maps.sizes}")
    return {name: jnp.asarray(x) for name, x in given.items()}, maps


class JaxLayer(Adapter):
    """The adapter of `hashed_linear`."""

    kinds = (*KINDS, *NEWER_KINDS)

    def __init__(self, spec, w, b):
        self.params, self.maps = make_layer(spec, w, b)
        self.velocity = jax.tree.map(jnp.zeros_like, self.params)
        self.grads: Params = {}

    def forward(self, a):
        """Eq. 8."""
        return hashed_linear(self.params, self.maps, jnp.asarray(a))

    def backward(self, a, dz):
        """Eq. 9 and 12, by jax.vjp."""
        _, pull = jax.vjp(lambda params, a: hashed_linear(params, self.maps, a), self.params, jnp.asarray(a))
        self.grads, da = pull(jnp.asarray(dz))
        return self.grads["w"], self.grads.get("b"), da

    def accumulate(self, a, dz):
        """Gradients added up; JAX keeps none, so the adapter does."""
        before = self.grads
        _, _, da = self.backward(a, dz)
        if before:
            self.grads = jax.tree.map(jnp.add, before, self.grads)
        return self.grads["w"], self.grads.get("b"), da

    def set_weights(self, w, b):
        """Put other real weights beside the same maps."""
        self.params = {"w": jnp.asarray(w)} if b is None else {"w": jnp.asarray(w), "b": jnp.asarray(b)}

    def step(self, a, dz, lr, momentum, weight_decay):
        """One step of SGD."""
        dw, db, _ = self.backward(a, dz)
        grads = {"w": dw} if db is None else {"w": dw, "b": db}
        self.params, self.velocity = sgd(self.params, self.velocity, grads, lr, momentum, weight_decay)
        return self.params["w"], self.params.get("b")

    def gather(self):
        """Eq. 7."""
        return virtual(self.params["w"], self.maps.weights)

    def scatter_add(self, dV):
        """The gradient of the gather."""
        return jax.vjp(lambda w: virtual(w, self.maps.weights), self.params["w"])[1](jnp.asarray(dV))[0]

    def stored_bytes(self):
        """The size of a safetensors file of the parameters."""
        from safetensors.flax import save

        return len(save(self.params))

    hash_text = staticmethod(hash_texts)  # on the host, as is the counting of buckets
    bucket_counts = staticmethod(count_buckets)

    @staticmethod
    def hash(i, j, seed):
        """XXH32 in JAX."""
        return xxh32_pair(uint32(i, "i"), uint32(j, "j"), uint32(seed, "seed"))

    @staticmethod
    def bucket_sign(i, j, kind, buckets, seed, n_out=2**32, n_cols=2**32, size=None):
        """Buckets and signs; where the map doesn't need the shape of V, of the largest V there can be."""
        m = make_map(n_out, n_cols, buckets, seed, kind, size)
        if (i >= n_out).any() or (j >= n_cols).any():
            raise ValueError(f"(i, j) lies outside V, which is {n_out} x {n_cols}")
        return bucket_sign(i, j, m)

    @staticmethod
    def derive_seed(seed, n):
        """The n-th seed."""
        return int(xxh32_pair(uint32(seed, "seed"), uint32(n, "n"), np.uint32(0)))

    @staticmethod
    def network(seed, layers, weights, x, masks, rate, dz):
        """A HashedNet, forward and backward."""
        seeds = [layer_seed(seed, n, spec.kind) for n, spec in enumerate(layers)]
        made = [make_layer(spec, w, b, s) for spec, (w, b), s in zip(layers, weights, seeds, strict=True)]
        params = [p for p, _ in made]
        maps = [m for _, m in made]
        z, pull = jax.vjp(lambda params, x: hashed_net(params, maps, x, masks, rate), params, jnp.asarray(x))
        grads, dx = pull(jnp.asarray(dz))
        return z, [(g["w"], g.get("b")) for g in grads], dx

    @staticmethod
    def loss(z, y, soft, temperature, mix):
        """Cross-entropy with labels and soft targets."""
        check_labels(z, y)
        return jax.value_and_grad(cross_entropy)(jnp.asarray(z), jnp.asarray(y), soft, temperature, mix)
