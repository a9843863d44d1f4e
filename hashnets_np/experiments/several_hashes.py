"""Several hashes: each virtual weight is a weighted sum of U real weights, found by U hash functions.

    V = alpha_1 V_1 + ... + alpha_U V_U,   V_u[i, j] = xi_u(i, j) w[h_u(i, j)]

Every real weight is used U times as often, and two virtual weights that share one of their U real weights mostly differ
in the others. alpha stays at 1 / sqrt(U), so that V keeps its variance, or is learned with the weights.

Source: FunHashNN, Shi, Feng and Zhu, 2016, arXiv:1605.06560, with a linear reconstruction.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..hashing import derive_seed
from ..kernels import hash_gather, hashed_backward, hashed_forward
from ..layers import Layer, check_sizes, initial_weights, register_layer
from ..layers.hashed import weight_map
from ..maps import bucket_count
from ..support.checks import check_count, check_flag, check_input, check_integer, check_seed
from ..types import Compression, FloatArray, IntArray, KindName

MOST_HASHES = 256
FIRST_SEED = 2**31  # the u-th map has seed derive_seed(seed, FIRST_SEED + u), far from the numbers of layers


@register_layer
class MultiHashedLinear(Layer):
    """A hashed layer with U maps on one vector of real weights, and a bias column.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    compression : str, int, float, Fraction or Decimal, optional
        Real / virtual weights, in (0, 1]. Give either this or `buckets`.
    buckets : int, optional
        K, the number of real weights.
    hashes : int
        U, in 1..256.
    learn_alpha : bool
        Whether alpha, (U,), is learned; it is stored then, in params["alpha"].
    seed : int
        In 0..2**32-1: the maps have seeds derived from it.
    kind : str
        The kind of the maps, as in `HashedLinear`.
    dtype : dtype
        The dtype of the parameters: float32 or float64.
    rng : numpy.random.Generator, optional
        Draws the initial weights instead of a generator made from the seed.

    Raises
    ------
    ValueError
        If an argument is outside these limits; the message says what came and what was expected.

    Examples
    --------
    >>> layer = MultiHashedLinear(784, 100, "1/8", hashes=2, learn_alpha=True, seed=7)
    >>> layer.num_parameters(), layer.num_virtual_parameters()
    (9815, 78500)
    """

    kept_by_forward = ("a", "parts")

    n_in: int
    n_out: int
    buckets: int
    a: FloatArray  # the last input, with its column of ones
    parts: list[FloatArray]  # a V_u^T for each u

    def __init__(
        self, n_in: int, n_out: int, compression: Compression | None = None, *, seed: int, buckets: int | None = None,
        hashes: int = 2, learn_alpha: bool = False, kind: KindName = "xxhash", dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, "he")
        if (compression is None) == (buckets is None):
            raise ValueError(f"give exactly one of compression and buckets, got {compression!r} and {buckets!r}")
        K = bucket_count(compression, n_out * (n_in + 1)) if buckets is None else check_count("buckets", buckets)
        hashes = check_integer("hashes", hashes, 1, MOST_HASHES)
        seed = check_seed(seed)
        learn_alpha = check_flag("learn_alpha", learn_alpha)
        super().__init__(
            n_in=n_in, n_out=n_out, buckets=K, hashes=hashes, learn_alpha=learn_alpha, seed=seed, kind=kind,
            dtype=np.dtype(dtype).name,
        )
        self.n_in = n_in
        self.n_out = n_out
        self.buckets = K
        self.maps = [
            weight_map(n_in, n_out, None, K, derive_seed(seed, FIRST_SEED + u), "column", kind)
            for u in range(hashes)
        ]
        rng = np.random.default_rng(seed) if rng is None else rng
        self.params["w"] = initial_weights(rng, K, n_in, "he", dtype)
        self.alpha = np.full(hashes, hashes**-0.5, dtype)
        if learn_alpha:
            self.params["alpha"] = self.alpha

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of w and, if it is learned, alpha."""
        learned = {"alpha": (config["hashes"],)} if config["learn_alpha"] else {}
        return {"w": (config["buckets"],), **learned}

    def num_virtual_parameters(self) -> int:
        """Count the virtual weights, the bias column among them."""
        return self.n_out * (self.n_in + 1)

    def loads(self, name: str) -> IntArray | None:
        """Count how many terms of virtual weights use each real weight, over all U maps."""
        if name != "w":
            return None
        return np.sum([m.loads() for m in self.maps], axis=0)

    def current_alpha(self) -> FloatArray:
        """Return alpha (U,): the learned one, or the fixed one in the dtype of w."""
        return self.params.get("alpha", self.alpha.astype(self.params["w"].dtype))

    def virtual_weight(self) -> FloatArray:
        """Build V (n_out, n_in), without the bias column: for looking and testing."""
        alpha = self.current_alpha()
        return sum(alpha[u] * hash_gather(self.params["w"], m) for u, m in enumerate(self.maps))[:, 1:]

    def forward(self, x: FloatArray, train: bool = False) -> FloatArray:
        """Compute z (batch, n_out) from x (batch, n_in): z = sum over u of alpha_u a V_u^T."""
        x = check_input(x, self.n_in)
        self.a = np.hstack([np.ones((len(x), 1), x.dtype), x])
        self.parts = [hashed_forward(self.params["w"], self.a, m) for m in self.maps]
        alpha = self.current_alpha()
        return sum(alpha[u] * part for u, part in enumerate(self.parts))

    def backward(self, dz: FloatArray, input_grad: bool = True) -> FloatArray | None:
        """Compute da (batch, n_in) from dz (batch, n_out); fill grads["w"] and, if it is learned, grads["alpha"]."""
        a = self.recall("a")
        alpha = self.current_alpha()
        dw = np.zeros_like(self.params["w"])
        da = np.zeros(a.shape, dw.dtype)
        for u, m in enumerate(self.maps):
            dw_u, da_u = hashed_backward(self.params["w"], a, dz, m, input_grad)
            dw += alpha[u] * dw_u
            if da_u is not None:
                da += alpha[u] * da_u
        self.grads["w"] = dw
        if "alpha" in self.params:
            self.grads["alpha"] = np.array([np.vdot(dz, part) for part in self.recall("parts")], dw.dtype)
        return da[:, 1:] if input_grad else None
