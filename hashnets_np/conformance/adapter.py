"""The adapter: the handful of methods through which the kit tests your layer.

Subclass `Adapter` and write the methods that your layer can answer; leave out the others, and what they stand for is
reported as not covered. Class attributes say what the layer does not do at all: `dtypes`, `kinds`, `biases`,
`gradients`, `takes_buckets`. Arrays come in as NumPy arrays and may go out as anything that np.asarray takes. Refuse
bad input by raising any exception; `NotCovered` says that an input is fine, but more than your layer can do.
What everything must compute is in data/vectors/SPEC.md. Beside this file are worked adapters: `numpy_layer`,
`torch_layer`, `jax_layer`, `keras_layer`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

KINDS = ("xxhash", "authors2015", "pytorch2019", "keras")  # of specification 1; 1.1 adds those of NEWER_KINDS
NEWER_KINDS = ("fold", "chunk", "tile")


class NotCovered(NotImplementedError):
    """What an adapter raises for what its layer doesn't do; it may carry a few words for the report.

    A class of its own, because frameworks raise NotImplementedError themselves, and that is a failure.
    """


@dataclass(frozen=True)
class LayerSpec:
    """What defines a layer, apart from its weights.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    kind : str
        Of the map.
    buckets : int
        K, the number of real weights.
    seed : int or None
        Of the map; None within a network, which derives it.
    bias : {"column", "hashed", "dense", None}
        The bias.
    bias_buckets : int
        K_b of a hashed bias, else 0.
    dtype : {"float32", "float64"}
        Of the weights.
    compression : str or None
        One that yields K and K_b, for layers that take no K; None if none does.
    size : int or None
        Of the pieces of the kinds "chunk" and "tile".
    """

    n_in: int
    n_out: int
    kind: str
    buckets: int
    seed: int | None
    bias: str | None
    bias_buckets: int
    dtype: str
    compression: str | None = None
    size: int | None = None


class Adapter:
    """Base class of all adapters; every method here means "not covered".

    The layer: `__init__`, `forward`, `backward`, `set_weights`, `step`, `gather`, `scatter_add`, `stored_bytes`. What
    it is made of, as static methods: `hash`, `hash_text`, `bucket_sign`, `bucket_counts`, `derive_seed`. A network and
    its loss: `network`, `loss`.

    Attributes of the class narrow down what is asked. dtypes: those that the layer computes in. kinds: of maps (add
    NEWER_KINDS for `fold`, `chunk` and `tile`). biases: those that it has. gradients: what `backward` returns; leave
    out "a" for a layer without an input gradient, and return None for it. takes_buckets: False for a layer that takes
    a compression and no K.
    """

    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")
    kinds: ClassVar[tuple[str, ...]] = KINDS
    biases: ClassVar[tuple[str | None, ...]] = ("column", "hashed", "dense", None)
    gradients: ClassVar[tuple[str, ...]] = ("w", "b", "a")
    takes_buckets: ClassVar[bool] = True

    def __init__(self, spec: LayerSpec, w: NDArray, b: NDArray | None) -> None:
        """Make the layer with real weights w (K,) and b: (K_b,) hashed, (n_out,) dense, else None."""

    def forward(self, a: NDArray) -> Any:
        """Compute z (batch, n_out) from a (batch, n_in)."""
        raise NotCovered

    def backward(self, a: NDArray, dz: NDArray) -> tuple[Any, Any, Any]:
        """Compute (dw, db, da) for input a and the gradient dz (batch, n_out) of the loss with respect to z."""
        raise NotCovered

    def set_weights(self, w: NDArray, b: NDArray | None) -> None:
        """Replace the layer's real weights, as a loaded file or an optimizer does."""
        raise NotCovered

    def step(self, a: NDArray, dz: NDArray, lr: float, momentum: float, weight_decay: float) -> tuple[Any, Any]:
        """Take one step of SGD with momentum; return the new (w, b). Velocities live as long as the layer."""
        raise NotCovered

    def gather(self) -> Any:
        """Build V (n_out, n_in); asked only of layers without bias."""
        raise NotCovered

    def scatter_add(self, dV: NDArray) -> Any:
        """Sum dV (n_out, n_in) into dw (K,); asked only of layers without bias."""
        raise NotCovered

    def stored_bytes(self) -> int:
        """Say how many bytes the layer needs on disk."""
        raise NotCovered

    @staticmethod
    def hash(i: NDArray, j: NDArray, seed: int) -> Any:
        """XXH32 of the keys (i, j), two vectors of integers."""
        raise NotCovered

    @staticmethod
    def hash_text(texts: Sequence[str], seed: int) -> Any:
        """XXH32 of ASCII texts."""
        raise NotCovered

    @staticmethod
    def bucket_sign(i: NDArray, j: NDArray, kind: str, buckets: int, seed: int) -> tuple[Any, Any]:
        """Find buckets and signs of the virtual weights (i, j), two vectors of integers.

        For the kinds of NEWER_KINDS the kit adds n_out, n_cols and size, by name: their maps need the shape of V.
        """
        raise NotCovered

    @staticmethod
    def bucket_counts(compression: Any, n_in: int, n_out: int, bias: str | None) -> tuple[int, int]:
        """Count the real weights: (K, K_b), K_b = 0 unless the bias is hashed."""
        raise NotCovered

    @staticmethod
    def derive_seed(seed: int, n: int) -> int:
        """Derive the n-th seed."""
        raise NotCovered

    @staticmethod
    def network(
        seed: int, layers: list[LayerSpec], weights: list[tuple[NDArray, NDArray | None]], x: NDArray,
        masks: list[NDArray] | None, rate: float, dz: NDArray,
    ) -> tuple[Any, list[tuple[Any, Any]], Any]:
        """Run hashed layers with ReLU between them forward and backward: (z, [(dw, db) of each layer], dx).

        Layer seeds are derived from the network's. masks: of 0 and 1 for the input of each layer, for inverted dropout
        at `rate`; None: no dropout. dz: gradient with respect to z.
        """
        raise NotCovered

    @staticmethod
    def loss(z: NDArray, y: NDArray, soft: NDArray | None, temperature: float, mix: float) -> tuple[Any, Any]:
        """Compute (loss, dz) of logits z for labels y and, unless None, soft targets."""
        raise NotCovered


def check_labels(z: NDArray, y: NDArray) -> None:
    """Check that there is one label of 0..classes-1 for each row of z; ValueError otherwise.

    For frameworks that don't do it: JAX clips or fills, and PyTorch on a GPU spoils the whole process.
    """
    if y.shape != z.shape[:1] or (y < 0).any() or (y >= z.shape[1]).any():
        raise ValueError(f"labels must be one of 0..{z.shape[1] - 1} for each of {len(z)} rows of z, got {y}")


def check_shapes(spec: LayerSpec, w: NDArray, b: NDArray | None, *batches: tuple[Any, int]) -> None:
    """Check what an adapter was given, for layers that don't do it themselves.

    Parameters
    ----------
    spec : LayerSpec
        The layer.
    w, b : arrays
        Its weights and biases; b is None where it has no biases of its own.
    *batches : pairs
        Of an array and the width that it must have, such as (a, spec.n_in); all of one length.

    Raises
    ------
    ValueError
        If anything does not fit.
    """
    size = {"hashed": spec.bias_buckets, "dense": spec.n_out}.get(str(spec.bias))
    expected = None if size is None else (size,)
    found = None if b is None else b.shape
    if spec.n_in < 1 or spec.n_out < 1 or w.shape != (spec.buckets,) or found != expected:
        raise ValueError(f"weights of shapes {w.shape} and {found} do not fit {spec}")
    rows = {len(x) for x, _ in batches}
    for x, width in batches:
        if getattr(x, "ndim", 0) != 2 or x.shape[1] != width or len(rows) > 1:
            raise ValueError(f"got an array of shape {getattr(x, 'shape', 'none')}, expected (batch, {width})")
