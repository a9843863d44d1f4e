"""HashedNets in PyTorch: `HashedLinear`, an ordinary nn.Module whose gradients come from autograd, and its adapter.

Buckets and signs are hashed once, in PyTorch, into buffers that are not saved; what is saved are the real weights. V is
built in every forward pass: simple, and as large as a dense layer while it runs. Take `HashedLinear` and what stands
above it into your project, with `host.py`, which checks sizes and hashes the text of the compatibility kinds. Source:
data/vectors/SPEC.md.
"""

from __future__ import annotations

import io
import json
import os

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .adapter import KINDS, NEWER_KINDS, Adapter, check_labels
from .host import (
    OF_WEIGHTS,
    TEXT_SEEDS,
    HostMap,
    check_options,
    count_buckets,
    hash_texts,
    layer_arguments,
    layer_seed,
    make_map,
    make_maps,
    text_table,
)

MASK = 2**32 - 1


def xxh32_pair(i: Tensor, j: Tensor, seed: int) -> Tensor:
    """XXH32 of the keys (i, j): int64 tensors that broadcast, of which the low 32 bits count."""
    if any(bool(((x < 0) | (x > MASK)).any()) for x in (i, j)) or not (isinstance(seed, int) and 0 <= seed <= MASK):
        raise ValueError("i, j and seed must be integers in 0..2**32-1")
    h = torch.tensor((seed + 374761393 + 8) & MASK)
    for lane in (i, j):
        h = (h + lane * 3266489917) & MASK  # int64 wraps around, which leaves the low 32 bits right
        h = ((h << 17 | h >> 15) & MASK) * 668265263 & MASK
    h = (h ^ h >> 15) * 2246822519 & MASK
    h = (h ^ h >> 13) * 3266489917 & MASK
    return h ^ h >> 16


def bucket_sign(i: Tensor, j: Tensor, m: HostMap) -> tuple[Tensor, Tensor]:
    """Find bucket and sign of virtual weights (i, j)."""
    bucket, sign = rule(i, j, m)
    return bucket, sign if m.signed else torch.ones_like(sign)


def rule(i: Tensor, j: Tensor, m: HostMap) -> tuple[Tensor, Tensor]:
    """Find bucket and sign as the kind of the map says."""
    if m.kind.removesuffix("_bias") in TEXT_SEEDS:
        bucket, sign = text_table(i.cpu().numpy(), j.cpu().numpy(), m)
        return torch.tensor(bucket, device=i.device), torch.tensor(sign, device=i.device)
    x = xxh32_pair(i, j, m.seed)
    if m.kind == "xxhash":
        return (x >> 1) % m.buckets, 1 - 2 * (x & 1)
    if m.kind == "fold":
        whole, rest = divmod(m.n_cols, m.buckets)  # i n_cols + j may not fit into int64; this does
        t = i * rest + j
        q = i * whole + t // m.buckets  # wraps around, which leaves its bits right
        shift = xxh32_pair((q >> 32) & MASK, q & MASK, m.seed) >> 1
        return (t % m.buckets + shift) % m.buckets, 1 - 2 * (x & 1)
    assert m.size is not None
    height = m.size if m.kind == "tile" else 1
    x = xxh32_pair(i // height, j // m.size, m.seed)
    inside = (i % height) * m.size + j % m.size
    return ((x >> 1) + inside) % m.buckets, 1 - 2 * (x & 1) + 0 * inside


class HashedWeight(nn.Module):
    """The virtual matrix of a map: buffers with its buckets and signs, and V from the real weights."""

    bucket: Tensor
    sign: Tensor

    def __init__(self, m: HostMap, dtype: torch.dtype) -> None:
        super().__init__()
        bucket, sign = bucket_sign(torch.arange(m.n_out)[:, None], torch.arange(m.n_cols)[None, :], m)
        self.register_buffer("bucket", bucket, persistent=False)  # int64, not float: exact beyond 2**24
        self.register_buffer("sign", sign.to(dtype), persistent=False)

    def forward(self, w: Tensor) -> Tensor:
        """Eq. 7; its gradient, by autograd, is the scatter-add of Eq. 12."""
        return w[self.bucket] * self.sign


class HashedLinear(nn.Module):
    """A fully connected layer with K real weights.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    buckets : int
        K, the number of real weights; they are the parameter `w`.
    seed : int, optional
        Seed of the map, in 0..2**32-1. The kinds that hash text have a default; the others need it.
    bias : {"column", "hashed", "dense", None}
        The bias; those of "hashed" and "dense" are the parameter `b`.
    kind : str
        Kind of map, as in `hashnets_np.HashedLinear`.
    bias_buckets : int, optional
        K_b, the number of real biases of a hashed bias, which needs it.
    dtype : torch.dtype
        What the layer computes in.
    size : int, optional
        How large the pieces of the kinds "chunk" and "tile" are.
    signed : bool
        False: all signs are +1, whatever the kind says.

    References
    ----------
    Eq. 7 and 8 of Chen et al., ICML 2015; the gradient of Eq. 12 comes from autograd.

    Examples
    --------
    >>> layer = HashedLinear(64, 10, buckets=80, seed=1)
    >>> layer(torch.zeros(5, 64)).shape, [tuple(p.shape) for p in layer.parameters()]
    (torch.Size([5, 10]), [(80,)])
    """

    def __init__(self, n_in: int, n_out: int, buckets: int, seed: int | None = None, bias: str | None = "column",
                 kind: str = "xxhash", bias_buckets: int | None = None, dtype: torch.dtype = torch.float32,
                 size: int | None = None, signed: bool = True) -> None:
        super().__init__()
        m, bias_map = make_maps(n_in, n_out, buckets, seed, bias, kind, bias_buckets, size, signed)
        self.n_in = n_in
        self.bias = bias
        self.map = m
        self.bias_map = bias_map
        self.V = HashedWeight(m, dtype)
        self.w = nn.Parameter(torch.randn(buckets, dtype=dtype) * (2 / n_in) ** 0.5)
        if bias_map is not None:
            self.beta = HashedWeight(bias_map, dtype)
        if bias in ("hashed", "dense"):
            self.b = nn.Parameter(torch.zeros(n_out if bias_map is None else bias_map.buckets, dtype=dtype))

    def forward(self, a: Tensor) -> Tensor:
        """Eq. 8: a (batch, n_in) -> z (batch, n_out)."""
        if a.ndim != 2 or a.shape[1] != self.n_in:
            raise ValueError(f"a has shape {tuple(a.shape)}, expected (batch, {self.n_in})")
        V = self.V(self.w)
        if self.bias == "column":  # Eq. 2: column 0 belongs to a constant input 1
            return F.linear(a, V[:, 1:], V[:, 0])
        beta = {"hashed": lambda: self.beta(self.b)[:, 0], "dense": lambda: self.b}.get(str(self.bias), lambda: None)
        return F.linear(a, V, beta())


class HashedNet(nn.Module):
    """Layers with ReLU between them and, where masks are given, inverted dropout on their inputs."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, masks: list[Tensor] | None = None, rate: float = 0.0) -> Tensor:
        """x (batch, n_in) -> logits (batch, classes)."""
        for n, layer in enumerate(self.layers):
            x = F.relu(x) if n else x
            x = layer(x * masks[n] / (1 - rate) if masks else x)
        return x


def load_network(path: str | os.PathLike) -> nn.Sequential:
    """Load a network that hashnets_np.save wrote.

    Parameters
    ----------
    path : str or path
        A .safetensors file with a network of hashed and dense layers, ReLU, tanh and dropout.

    Returns
    -------
    nn.Sequential
        One module per layer, on PyTorch's default device.

    Raises
    ------
    ValueError
        For a layer, or an option of one, that has no counterpart in PyTorch.

    Examples
    --------
    >>> import tempfile
    >>> import hashnets_np as hn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hn.save(hn.Network([hn.HashedLinear(64, 10, "1/8", seed=1)]), f"{folder}/net.safetensors")
    ...     load_network(f"{folder}/net.safetensors")[0].w.shape
    torch.Size([82])
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        configs = json.loads(file.metadata()["layers"])
        weights = {name: file.get_tensor(name) for name in file.keys()}
    net = nn.Sequential(*(make_module(config) for config in configs))
    names = {f"{n}.{ours}": f"{n}.{theirs}" for n, layer in enumerate(net) if isinstance(layer, nn.Linear)
             for ours, theirs in (("w", "weight"), ("b", "bias"))}
    net.load_state_dict({names.get(name, name): w for name, w in weights.items()})
    return net


def make_module(config: dict) -> nn.Module:
    """Make the module of one layer's record in a model file."""
    if config["type"] == "HashedLinear":
        return HashedLinear(**layer_arguments(config), dtype=getattr(torch, config["dtype"]))
    if config["type"] == "Linear":
        check_options(config, ("n_in", "n_out", "seed", "bias", *OF_WEIGHTS))
        dtype = getattr(torch, config["dtype"])
        return nn.Linear(config["n_in"], config["n_out"], bias=config["bias"], dtype=dtype)
    if config["type"] == "Dropout":
        check_options(config, ("rate", "seed"))
        return nn.Dropout(config["rate"])
    if config["type"] in ACTIVATIONS:
        check_options(config, ())
        return ACTIVATIONS[config["type"]]()
    raise ValueError(f"a {config['type']} has no counterpart in PyTorch here; there is one for HashedLinear, Linear, "
                     f"Dropout, {', '.join(ACTIVATIONS)}")


ACTIVATIONS: dict[str, type[nn.Module]] = {"ReLU": nn.ReLU, "Tanh": nn.Tanh}  # name in model files -> module


# ------------------------------------------------------------------------------------------------------- the adapter
# All tensors are made on PyTorch's default device: after torch.set_default_device("cuda") the kit checks that one.


def make_layer(spec, w, b, seed: int | None = None) -> HashedLinear:
    """Make a layer with given weights."""
    layer = HashedLinear(spec.n_in, spec.n_out, spec.buckets, spec.seed if seed is None else seed, spec.bias, spec.kind,
                         spec.bias_buckets or None, getattr(torch, spec.dtype), spec.size)
    given = {"w": w} if b is None else {"w": w, "b": b}
    layer.load_state_dict({name: torch.tensor(x) for name, x in given.items()})
    return layer


def array(t: Tensor) -> np.ndarray:
    """Copy a tensor to NumPy, from any device."""
    return t.detach().cpu().numpy().copy()  # numpy() alone shares memory, which autograd adds to in place


def gradient(p: Tensor | None):
    """Give an array of the gradient of a parameter, if there is one."""
    return None if p is None or p.grad is None else array(p.grad)


class TorchLayer(Adapter):
    """The adapter of `HashedLinear`."""

    kinds = (*KINDS, *NEWER_KINDS)

    def __init__(self, spec, w, b):
        self.layer = make_layer(spec, w, b)
        self.sgd: torch.optim.SGD | None = None

    def forward(self, a):
        """Eq. 8."""
        return array(self.layer(torch.tensor(a)))

    def backward(self, a, dz):
        """Autograd's Eq. 9 and 12."""
        self.layer.zero_grad()
        return self.accumulate(a, dz)

    def accumulate(self, a, dz):
        """The same without zero_grad: autograd adds to the gradients that are there."""
        a = torch.tensor(a, requires_grad=True)
        self.layer(a).backward(torch.tensor(dz))
        return gradient(self.layer.w), gradient(getattr(self.layer, "b", None)), gradient(a)

    def set_weights(self, w, b):
        """Load other real weights into the same module."""
        given = {"w": w} if b is None else {"w": w, "b": b}
        self.layer.load_state_dict({name: torch.tensor(x) for name, x in given.items()})

    def step(self, a, dz, lr, momentum, weight_decay):
        """One step of torch.optim.SGD."""
        if self.sgd is None:
            self.sgd = torch.optim.SGD(self.layer.parameters(), lr, momentum, weight_decay=weight_decay)
        self.sgd.param_groups[0]["lr"] = lr
        self.backward(a, dz)
        self.sgd.step()
        b = getattr(self.layer, "b", None)
        return array(self.layer.w), None if b is None else array(b)

    def gather(self):
        """Eq. 7."""
        return array(self.layer.V(self.layer.w))

    def scatter_add(self, dV):
        """The gradient of the gather."""
        self.layer.zero_grad()
        self.layer.V(self.layer.w).backward(torch.tensor(dV))
        return gradient(self.layer.w)

    def stored_bytes(self):
        """The size of torch.save(state_dict)."""
        file = io.BytesIO()
        torch.save(self.layer.state_dict(), file)
        return file.tell()

    hash_text = staticmethod(hash_texts)  # on the host, as is the counting of buckets
    bucket_counts = staticmethod(count_buckets)

    @staticmethod
    def hash(i, j, seed):
        """XXH32 in PyTorch."""
        return array(xxh32_pair(torch.tensor(i), torch.tensor(j), seed))

    @staticmethod
    def bucket_sign(i, j, kind, buckets, seed, n_out=2**32, n_cols=2**32, size=None):
        """Buckets and signs; where the map doesn't need the shape of V, of the largest V there can be."""
        m = make_map(n_out, n_cols, buckets, seed, kind, size)
        if (i >= n_out).any() or (j >= n_cols).any():
            raise ValueError(f"(i, j) lies outside V, which is {n_out} x {n_cols}")
        bucket, sign = bucket_sign(torch.tensor(i), torch.tensor(j), m)
        return array(bucket), array(sign)

    @staticmethod
    def derive_seed(seed, n):
        """The n-th seed."""
        return int(xxh32_pair(torch.tensor(seed), torch.tensor(n), 0))

    @staticmethod
    def network(seed, layers, weights, x, masks, rate, dz):
        """A HashedNet, forward and backward."""
        seeds = [layer_seed(seed, n, spec.kind) for n, spec in enumerate(layers)]
        modules = [make_layer(spec, w, b, s) for spec, (w, b), s in zip(layers, weights, seeds, strict=True)]
        x = torch.tensor(x, requires_grad=True)
        z = HashedNet(list(modules))(x, None if masks is None else [torch.tensor(mask) for mask in masks], rate)
        z.backward(torch.tensor(dz))
        grads = [(gradient(layer.w), gradient(getattr(layer, "b", None))) for layer in modules]
        return array(z), grads, gradient(x)

    @staticmethod
    def loss(z, y, soft, temperature, mix):
        """Cross-entropy with labels and soft targets."""
        check_labels(z, y)
        z = torch.tensor(z, requires_grad=True)
        loss = F.cross_entropy(z, torch.tensor(y))
        if soft is not None:
            dark = F.cross_entropy(z / temperature, torch.tensor(soft))
            loss = (1 - mix) * loss + mix * temperature**2 * dark
        loss.backward()
        return array(loss), gradient(z)
