"""The adapter of this package's own layer: what it computes is compared with vectors that it didn't make."""

import tempfile
from pathlib import Path

import numpy as np

from ..experiments.baselines import dark_knowledge
from ..files import save
from ..hashing import derive_seed, xxh32_pair
from ..kernels import hash_gather, hash_scatter_add
from ..layers import Dropout, HashedLinear, Layer, ReLU
from ..losses import softmax_cross_entropy
from ..maps import SharingMap, bucket_count, find_kind
from ..maps.text import hash_texts
from ..network import Network
from ..optim import SGD
from .adapter import KINDS, NEWER_KINDS, Adapter, LayerSpec


def make_layer(spec: LayerSpec, w, b, seed=None) -> HashedLinear:
    """Make a hashed layer with given weights."""
    layer = HashedLinear(
        spec.n_in, spec.n_out, buckets=spec.buckets, seed=spec.seed if seed is None else seed,
        bias=spec.bias,  # type: ignore[arg-type]
        kind=spec.kind, bias_buckets=spec.bias_buckets or None, dtype=spec.dtype, size=spec.size,
    )
    given = {"w": w} if b is None else {"w": w, "b": b}
    if given.keys() != layer.params.keys():
        raise ValueError(f"the layer has parameters {', '.join(layer.params)}, got {', '.join(given)}")
    for name, p in layer.params.items():
        if given[name].shape != p.shape:
            raise ValueError(f"{name} has shape {given[name].shape}, expected {p.shape}")
        layer.params[name] = given[name].copy()
    return layer


class NumpyLayer(Adapter):
    """`hashnets_np.HashedLinear` and what it is made of."""

    kinds = (*KINDS, *NEWER_KINDS)  # those of the specification: a kind that a user registers has no vectors

    def __init__(self, spec, w, b):
        self.layer = make_layer(spec, w, b)
        self.sgd = None

    def forward(self, a):
        """Eq. 8."""
        return self.layer.forward(a)

    def backward(self, a, dz):
        """Eq. 9 and 12."""
        self.layer.forward(a)
        da = self.layer.backward(dz)
        return self.layer.grads["w"], self.layer.grads.get("b"), da

    def accumulate(self, a, dz):
        """Gradients added up by whoever asks for it: the layer itself always replaces them."""
        before = dict(self.layer.grads)
        _, _, da = self.backward(a, dz)
        for name, gradient in before.items():
            self.layer.grads[name] = gradient + self.layer.grads[name]
        return self.layer.grads["w"], self.layer.grads.get("b"), da

    def set_weights(self, w, b):
        """Put other real weights into the same layer."""
        self.layer.params["w"] = w.copy()
        if b is not None:
            self.layer.params["b"] = b.copy()

    def step(self, a, dz, lr, momentum, weight_decay):
        """One step of SGD, on the gradients of this batch."""
        self.backward(a, dz)
        self.sgd = self.sgd or SGD(lr, momentum, weight_decay=weight_decay)
        self.sgd.learning_rate = lr
        self.sgd.step([self.layer])
        return self.layer.params["w"], self.layer.params.get("b")

    def gather(self):
        """Eq. 7."""
        return hash_gather(self.layer.params["w"], self.layer.map)

    def scatter_add(self, dV):
        """Eq. 11 and 12."""
        return hash_scatter_add(dV, self.layer.map)

    def stored_bytes(self):
        """The size of the model file."""
        with tempfile.TemporaryDirectory() as folder:
            save(Network([self.layer]), Path(folder) / "layer.safetensors")
            return (Path(folder) / "layer.safetensors").stat().st_size

    hash = staticmethod(xxh32_pair)
    derive_seed = staticmethod(derive_seed)

    @staticmethod
    def hash_text(texts, seed):
        """XXH32 as the compatibility kinds use it."""
        return hash_texts(np.array(texts, "S"), np.array([b""]), seed)

    @staticmethod
    def bucket_sign(i, j, kind, buckets, seed, n_out=2**32, n_cols=2**32, size=None):
        """Look up virtual weights; where the map doesn't need the shape of V, of the largest V there can be."""
        return SharingMap(n_out, n_cols, buckets=buckets, seed=seed, kind=kind, size=size).lookup(i, j)

    @staticmethod
    def bucket_counts(compression, n_in, n_out, bias):
        """Exact, whatever the compression is given as."""
        K = bucket_count(compression, n_out * (n_in + (bias == "column")))
        return K, bucket_count(compression, n_out) if bias == "hashed" else 0

    @staticmethod
    def network(seed, layers, weights, x, masks, rate, dz):
        """Layers, ReLU and dropout in a row; dropout gets its masks by hand."""
        row: list[Layer] = []
        for n, (spec, (w, b)) in enumerate(zip(layers, weights, strict=True)):
            derived = find_kind(spec.kind).default_seed is None
            row += [Dropout(rate), make_layer(spec, w, b, derive_seed(seed, n) if derived else None), ReLU()]
        row.pop()
        z = x
        given = iter(masks or [])
        for layer in row:
            if masks is not None and isinstance(layer, Dropout):
                z = layer.forward(z, True, next(given))
            else:
                z = layer.forward(z)
        dx = Network(row).backward(dz)
        return z, [(g["w"], g.get("b")) for g in (layer.grads for layer in row[1::3])], dx

    @staticmethod
    def loss(z, y, soft, temperature, mix):
        """Softmax cross-entropy, or dark knowledge."""
        if soft is None:
            return softmax_cross_entropy(z, y)
        return dark_knowledge(temperature, mix)(z, np.column_stack([y, soft]).astype(z.dtype))
