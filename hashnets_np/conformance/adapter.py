"""The adapter: the handful of methods through which the kit tests your layer.

Subclass `Adapter` and write the methods that your layer can answer; leave out the others, and what they stand for is
reported as not covered. Class attributes say what the layer does not do at all: `dtypes`, `kinds`, `biases`,
`gradients`, `takes_buckets`. Arrays come in as NumPy arrays and may go out as anything that np.asarray takes. Refuse
bad input by raising ValueError or TypeError. Other exceptions count as a refusal, too, unless they look like a mistake
in the adapter or a fault of the machine: NameError, ImportError, SyntaxError, MemoryError, an OSError about space,
permissions or open files, any other error whose message is about memory, a disk or a GPU (the words are in `judging`),
and what ends Python, such as SystemExit. An array that isn't C-contiguous may be refused in the same way. `NotCovered`
says that an input is fine, but more than your layer can do.
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

    It is a class of its own because frameworks raise NotImplementedError themselves, and that counts as a failure.

    Examples
    --------
    >>> raise NotCovered("a loop over every weight is too slow for this size")
    Traceback (most recent call last):
    hashnets_np.conformance.adapter.NotCovered: a loop over every weight is too slow for this size
    """


@dataclass(frozen=True)
class LayerSpec:
    """What defines a layer, apart from its weights.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    kind : str
        Kind of map: "xxhash", "authors2015", "pytorch2019" or "keras" of specification 1; "fold", "chunk" or "tile" of
        specification 1.1.
    buckets : int
        K, the number of real weights.
    seed : int or None
        Seed of the map; None within a network, which derives it.
    bias : {"column", "hashed", "dense", None}
        The bias: a column of V, a hashed vector of its own, an ordinary vector, or none.
    bias_buckets : int
        K_b, the number of real biases of a hashed bias; 0 for any other.
    dtype : {"float32", "float64"}
        What the layer computes in.
    compression : str or None
        A compression that yields K and K_b, for layers that take no K; None if there is none.
    size : int or None
        How large the pieces of the kinds "chunk" and "tile" are.

    Examples
    --------
    >>> spec = LayerSpec(n_in=3, n_out=2, kind="xxhash", buckets=4, seed=7, bias=None, bias_buckets=0, dtype="float32")
    >>> spec.buckets / (spec.n_in * spec.n_out)
    0.6666666666666666
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

    The methods are of three sorts:

    - The layer: the constructor, `forward`, `backward`, `accumulate`, `set_weights`, `step`, `gather`,
      `scatter_add` and `stored_bytes`.
    - What it is made of, as static methods: `hash`, `hash_text`, `bucket_sign`, `bucket_counts` and `derive_seed`.
    - A network and its loss, as static methods: `network` and `loss`.

    Parameters
    ----------
    spec : LayerSpec
        What defines the layer.
    w : (K,) floats
        Its real weights.
    b : floats or None
        Its biases: (K_b,) with a hashed bias, (n_out,) with a dense one, else None.

    Attributes
    ----------
    dtypes : tuple of str
        Class attribute, as are all of these: what the layer computes in, of "float32" and "float64".
    kinds : tuple of str
        The kinds of map that it has; without one of your own the four of specification 1. Add "fold", "chunk" and
        "tile" if it has those.
    biases : tuple of str or None
        The biases that it has, of "column", "hashed", "dense" and None.
    gradients : tuple of str
        What `backward` returns, of "w", "b" and "a". Leave out "a" for a layer without an input gradient, and return
        None for it.
    takes_buckets : bool
        False for a layer that is made from a compression and not from K.

    Examples
    --------
    >>> from hashnets_np import derive_seed
    >>> from hashnets_np.conformance import check, passed
    >>> class Seeds(Adapter):  # one method is enough to begin with
    ...     @staticmethod
    ...     def derive_seed(seed, n):
    ...         return derive_seed(seed, n)
    >>> passed(check(Seeds, topics=["derived-seed"]))
    True
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

    def accumulate(self, a: NDArray, dz: NDArray) -> tuple[Any, Any, Any]:
        """As `backward`, with dw and db added to those of the last call of `backward` or `accumulate`, if any."""
        raise NotCovered

    def set_weights(self, w: NDArray, b: NDArray | None) -> None:
        """Replace the layer's real weights, as a loaded file or an optimizer does."""
        raise NotCovered

    def step(self, a: NDArray, dz: NDArray, lr: float, momentum: float, weight_decay: float) -> tuple[Any, Any]:
        """Take one step of SGD with momentum; the velocities live as long as the layer.

        Parameters
        ----------
        a : (batch, n_in) floats
            The input.
        dz : (batch, n_out) floats
            The gradient of the loss with respect to z.
        lr : float
            The step size.
        momentum : float
            What is kept of the velocity.
        weight_decay : float
            How much of the weights is added to their gradients, biases included.

        Returns
        -------
        w, b
            The new real weights and biases.
        """
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
        """Find buckets and signs of some virtual weights.

        The maps of "fold", "chunk" and "tile" need the shape of V, so for these kinds the kit adds n_out, n_cols and
        size, by name.

        Parameters
        ----------
        i, j : (n,) integers
            Rows and columns of V.
        kind : str
            Kind of map: one of those of `LayerSpec`, or "authors2015_bias" or "pytorch2019_bias", the maps of a hashed
            bias of those two kinds.
        buckets : int
            K.
        seed : int
            Seed of the map.

        Returns
        -------
        bucket, sign
            Two vectors: integers in 0..K-1, and -1 or 1.
        """
        raise NotCovered

    @staticmethod
    def bucket_counts(compression: Any, n_in: int, n_out: int, bias: str | None) -> tuple[int, int]:
        """Count the real weights that a compression leaves.

        Parameters
        ----------
        compression : str, int or float
            Stored / virtual weights, such as "1/8".
        n_in, n_out : int
            Numbers of inputs and outputs.
        bias : {"column", "hashed", "dense", None}
            The bias.

        Returns
        -------
        K, K_b
            Two integers; K_b is 0 unless the bias is hashed.
        """
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
        """Run hashed layers with ReLU between them, forward and backward.

        Parameters
        ----------
        seed : int
            The network's seed; the seeds of its layers are derived from it.
        layers : list of LayerSpec
            What defines each layer.
        weights : list of pairs
            The (w, b) of each layer.
        x : (batch, n_in) floats
            The input.
        masks : list of arrays of 0 and 1, or None
            One for the input of each layer, for inverted dropout; None: no dropout.
        rate : float
            The rate of dropout.
        dz : (batch, n_out) floats
            The gradient of the loss with respect to z.

        Returns
        -------
        z, gradients, dx
            The logits, the (dw, db) of each layer, and the gradient with respect to x.
        """
        raise NotCovered

    @staticmethod
    def loss(z: NDArray, y: NDArray, soft: NDArray | None, temperature: float, mix: float) -> tuple[Any, Any]:
        """Compute the cross-entropy with labels and, unless None, with soft targets.

        Parameters
        ----------
        z : (batch, classes) floats
            Logits.
        y : (batch,) integers
            Labels.
        soft : (batch, classes) floats or None
            A teacher's probabilities at `temperature`; None: labels only.
        temperature : float
            What logits are divided by before they are compared with `soft`.
        mix : float
            The weight of the soft part, in [0, 1].

        Returns
        -------
        loss, dz
            The mean loss, and its gradient with respect to z.
        """
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
    *batches : pairs of array and int
        Batches, each with the width that it must have, such as (a, spec.n_in). All must have the same number of rows.

    Raises
    ------
    ValueError
        If anything does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> spec = LayerSpec(n_in=3, n_out=2, kind="xxhash", buckets=4, seed=7, bias=None, bias_buckets=0, dtype="float32")
    >>> check_shapes(spec, np.zeros(4), None, (np.zeros((5, 2)), spec.n_in))
    Traceback (most recent call last):
    ValueError: got an array of shape (5, 2), expected (batch, 3)
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
