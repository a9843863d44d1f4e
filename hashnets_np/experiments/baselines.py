"""The paper's baselines: random edge removal, low-rank decomposition and dark knowledge, derived by hand.

RER (Ciresan et al., 2011) keeps a fixed random subset of the weights. LRD (Denil et al., 2013) writes V as a learned
times a fixed random matrix. Dark knowledge (Hinton et al., 2014) trains on the soft outputs of a large network. The
mask and the fixed factor come from the package's hash, so they need no storage and every implementation can make the
same. Not covered here: how large each layer may be (`methods`).
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..hashing import MAX_UINT32, derive_seed, xxh32_pair
from ..kernels import check
from ..layers import Layer, check_sizes, initial_weights, register_layer
from ..losses import check_labels, error_rate, judged_by, log_softmax, softmax_cross_entropy
from ..support.checks import (
    as_examples,
    as_targets,
    check_count,
    check_input,
    check_integer,
    check_number,
    check_seed,
    shown,
)
from ..training import Loss
from ..types import FloatArray


def hashed_mask(n_out: int, n_in: int, survivors: int, seed: int) -> NDArray[np.int64]:
    """Choose which weights survive: the `survivors` smallest hashes of (i, j), ties to the lower index.

    Returns their positions in the flattened (n_out, n_in) matrix, ascending: exactly that many.

    >>> hashed_mask(2, 3, survivors=2, seed=7)
    array([0, 2])
    """
    x = xxh32_pair(np.arange(n_out)[:, None], np.arange(n_in)[None, :], seed).ravel()
    return np.sort(np.argsort(x, kind="stable")[:survivors])


def hashed_normal(rows: int, cols: int, std: float, seed: int, dtype: DTypeLike = np.float32) -> NDArray:
    """Make a fixed random matrix, entries N(0, std), from hashed uniforms by the Box-Muller transform.

    Entry (i, j) uses two hashes of (i, j), with seeds derived from `seed`: u = (x + 1/2) / 2**32, in (0, 1).
    """
    i = np.arange(rows)[:, None]
    j = np.arange(cols)[None, :]
    u, v = ((xxh32_pair(i, j, derive_seed(seed, n)) + 0.5) / (MAX_UINT32 + 1) for n in (0, 1))  # (rows, cols) each
    return (std * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)).astype(dtype)


@register_layer
class MaskedLinear(Layer):
    """Random edge removal: a fully connected layer of which only K weights exist, with a dense bias.

    n_in, n_out: units. survivors: K, in 1..n_in * n_out, ValueError otherwise. seed: of the mask, which is computed and
    not stored; seed, dtype, rng: as in HashedLinear. Weights and biases are params["w"] (K,) and params["b"] (n_out,).
    Source: section 5, "Random Edge Removal" (RER); Ciresan et al., 2011.

    >>> layer = MaskedLinear(784, 1000, survivors=11266, seed=7)
    >>> layer.num_parameters(), layer.num_virtual_parameters()
    (12266, 785000)
    """

    kept_by_forward = ("a", "V")

    n_in: int
    n_out: int
    a: NDArray  # the last input

    def __init__(
        self, n_in: int, n_out: int, survivors: int, *, seed: int | None = None, dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, "he")
        survivors = check_integer("survivors", survivors, 1, n_in * n_out)
        seed = None if seed is None else check_seed(seed)
        super().__init__(n_in=n_in, n_out=n_out, survivors=survivors, seed=seed, dtype=np.dtype(dtype).name)
        self.n_in = n_in
        self.n_out = n_out
        if rng is not None:
            self.params = self._draw(rng)

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """The positions (K,), in the flattened V, of the weights that survive."""
        return hashed_mask(self.n_out, self.n_in, self._config["survivors"], self.ensure_seed())

    @cached_property
    def params(self) -> dict[str, FloatArray]:
        """The surviving weights and b, drawn from the seed when they are first needed."""
        return self._draw(np.random.default_rng(self.ensure_seed()))

    def _draw(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Draw the initial weights; biases begin at 0."""
        shapes = self.stored_shapes(self._config)
        dtype = np.dtype(self._config["dtype"])
        # He's rule with the fan-in that is left, so that activations keep their scale however few weights survive
        fan_in = max(1, self._config["survivors"] // self.n_out)
        w = initial_weights(rng, shapes["w"], fan_in, "he", dtype)
        return {"w": w, "b": np.zeros(shapes["b"], dtype)}

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of the surviving weights and b."""
        return {"w": (config["survivors"],), "b": (config["n_out"],)}

    @classmethod
    def computed_numbers(cls, config: dict[str, Any]) -> int:
        """Count the hashes that the mask is chosen by."""
        return config["n_out"] * config["n_in"]

    def virtual_weight(self) -> NDArray:
        """Build V (n_out, n_in): the surviving weights in their places, zero where an edge was removed."""
        V = np.zeros(self.n_out * self.n_in, self.params["w"].dtype)
        V[self.kept] = self.params["w"]
        return V.reshape(self.n_out, self.n_in)

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """x (batch, n_in) -> z (batch, n_out): z = a V^T + b."""
        self.a = check_input(x, self.n_in)
        self.V = self.virtual_weight()
        return self.a @ self.V.T + check("b", self.params["b"], (self.n_out,))

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """dz (batch, n_out) -> da (batch, n_in): dw is dV = dz^T a where an edge survives."""
        dz = check("dz", dz, (len(self.recall("a")), self.n_out))
        self.grads["w"] = (dz.T @ self.a).ravel()[self.kept]  # (K,)
        self.grads["b"] = dz.sum(axis=0)
        return dz @ self.V if input_grad else None

    def num_virtual_parameters(self) -> int:
        """Count the weights and biases of the dense layer of this shape."""
        return (self.n_in + 1) * self.n_out


@register_layer
class LowRankLinear(Layer):
    """Low-rank decomposition: V = U R with a fixed random R (rank, n_in) and a learned U (n_out, rank), dense bias.

    R has entries N(0, 1/sqrt(n_in)) from the hash and counts as free ("slight advantage"). Which factor is fixed is not
    said in the paper; that the method "randomly projects each layer" means the input side. U and the bias are
    params["u"] and params["b"]. n_in, n_out: units. rank: at least 1, ValueError otherwise. seed: of R. dtype, rng: as
    in HashedLinear. Source: section 5, "Low-Rank Decomposition" (LRD); Denil et al., 2013.

    >>> LowRankLinear(784, 1000, rank=11, seed=7).num_parameters()
    12000
    """

    kept_by_forward = ("a",)

    n_in: int
    n_out: int
    a: NDArray  # the last input, projected: (batch, rank)

    def __init__(
        self, n_in: int, n_out: int, rank: int, *, seed: int | None = None, dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,
    ) -> None:
        n_in, n_out = check_sizes(n_in, n_out, dtype, "he")
        rank = check_count("rank", rank)
        seed = None if seed is None else check_seed(seed)
        super().__init__(n_in=n_in, n_out=n_out, rank=rank, seed=seed, dtype=np.dtype(dtype).name)
        self.n_in = n_in
        self.n_out = n_out
        if rng is not None:
            self.params = self._draw(rng)

    @cached_property
    def fixed(self) -> NDArray:
        """The fixed factor R (rank, n_in), from the hash."""
        std = self.n_in**-0.5
        return hashed_normal(self._config["rank"], self.n_in, std, self.ensure_seed(), self._config["dtype"])

    @cached_property
    def params(self) -> dict[str, FloatArray]:
        """U and b, drawn from the seed when they are first needed."""
        return self._draw(np.random.default_rng(self.ensure_seed()))

    def _draw(self, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Draw the learned factor U; biases begin at 0."""
        shapes = self.stored_shapes(self._config)
        dtype = np.dtype(self._config["dtype"])
        u = initial_weights(rng, shapes["u"], self._config["rank"], "he", dtype)
        return {"u": u, "b": np.zeros(shapes["b"], dtype)}

    def change_dtype(self, dtype: DTypeLike) -> None:
        """Convert the parameters, and forget R: it is computed in the new dtype when it is next needed."""
        super().change_dtype(dtype)
        vars(self).pop("fixed", None)

    @classmethod
    def stored_shapes(cls, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Find the shapes of U and b."""
        return {"u": (config["n_out"], config["rank"]), "b": (config["n_out"],)}

    @classmethod
    def computed_numbers(cls, config: dict[str, Any]) -> int:
        """Count the entries of the fixed factor R."""
        return config["rank"] * config["n_in"]

    def virtual_weight(self) -> NDArray:
        """Build V = U R (n_out, n_in)."""
        return self.params["u"] @ self.fixed

    def forward(self, x: NDArray, train: bool = False) -> NDArray:
        """x (batch, n_in) -> z (batch, n_out): z = (a R^T) U^T + b."""
        self.a = check_input(x, self.n_in) @ self.fixed.T
        return self.a @ self.params["u"].T + check("b", self.params["b"], (self.n_out,))

    def backward(self, dz: NDArray, input_grad: bool = True) -> NDArray | None:
        """dz (batch, n_out) -> da (batch, n_in): dU = dz^T (a R^T), da = (dz U) R."""
        dz = check("dz", dz, (len(self.recall("a")), self.n_out))
        self.grads["u"] = dz.T @ self.a  # (n_out, rank)
        self.grads["b"] = dz.sum(axis=0)
        return (dz @ self.params["u"]) @ self.fixed if input_grad else None

    def num_virtual_parameters(self) -> int:
        """Count the weights and biases of the dense layer of this shape."""
        return (self.n_in + 1) * self.n_out


def check_temperature(temperature: float) -> float:
    """Check T: beyond these bounds z / T is not a number that float32 holds, or no different from 0."""
    temperature = check_number("temperature", temperature, 0, above=True)
    if not 1e-6 <= temperature <= 1e6:
        raise ValueError(f"temperature must be in 1e-6..1e6, got {temperature:g}; usual are 1 to 20")
    return temperature


def check_soft(soft: NDArray, whole: NDArray) -> None:
    """Check rows of soft targets, and that the labels beside them are whole numbers.

    Negative ones are computed by the formula like any others.
    """
    if not whole.all():
        raise ValueError("the first column of the targets must hold labels, whole numbers; dark_targets joins them")
    if soft.size and np.abs(soft.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("soft targets must sum to 1 in each row; dark_targets makes them from a teacher's logits")


def dark_targets(teacher_logits: NDArray, y: NDArray, temperature: float) -> NDArray:
    """Join labels and soft targets in rows (label, softmax(teacher / T)), for `fit(targets=...)`.

    Parameters
    ----------
    teacher_logits : (n, classes) floats
        The teacher's logits for each training example.
    y : (n,) integers
        The labels.
    temperature : float
        T, above 0. T > 1 shows what the teacher thinks second best.

    Returns
    -------
    (n, 1 + classes) floats

    Raises
    ------
    ValueError
        For another shape or temperature, and for logits that are not finite.

    Examples
    --------
    >>> dark_targets(np.array([[2.0, 0.0]]), np.array([1]), temperature=2.0).round(3)
    array([[1.   , 0.731, 0.269]])
    """
    temperature = check_temperature(temperature)
    logits = as_examples("teacher_logits", teacher_logits)
    y = as_targets("y", y, len(logits))
    check_labels("y", y, logits.shape[1])
    soft = np.exp(log_softmax(logits / temperature))
    return np.column_stack([y.astype(soft.dtype), soft])


def dark_knowledge(temperature: float, mix: float) -> Loss:
    """Make the dark-knowledge loss: cross-entropy with the labels and with a teacher's soft targets.

    ::

        L = (1 - mix) CE(y, softmax(z)) + mix T^2 CE(soft, softmax(z / T)),   mean over the batch
        dL/dz = ((1 - mix) (softmax(z) - onehot(y)) + mix T (softmax(z / T) - soft)) / batch

    T^2 keeps the two gradients on one scale when T changes. Neither T nor the mix is in the paper.

    Parameters
    ----------
    temperature : float
        T, above 0.
    mix : float
        The share of the soft targets, in [0, 1].

    Returns
    -------
    function
        Takes z (batch, classes) and rows of `dark_targets`, and returns the loss and dz. `fit` judges it by the error
        rate.

    Raises
    ------
    ValueError
        For another temperature or mix; the loss, for rows that are not a label and probabilities that sum to 1.

    References
    ----------
    Section 5, "Dark Knowledge" (DK), of Chen et al., ICML 2015; Hinton, Vinyals, Dean, section 2, arXiv:1503.02531.
    """
    temperature = check_temperature(temperature)
    if isinstance(mix, bool) or not isinstance(mix, (int, float, np.integer, np.floating)) or not 0 <= mix <= 1:
        raise ValueError(f"mix must be in [0, 1], got {shown(mix)}")
    mix = float(mix)

    @judged_by(error_rate)
    def loss(z: NDArray, targets: NDArray) -> tuple[float, NDArray]:
        targets = check("targets", targets, (len(z), 1 + z.shape[1]))
        labels = targets[:, 0].astype(np.int64)
        soft = targets[:, 1:]  # (batch, classes)
        check_soft(soft, labels == targets[:, 0])
        hard_loss, hard_dz = softmax_cross_entropy(z, labels)
        log_p = log_softmax(z / temperature)  # (batch, classes)
        batch = max(len(z), 1)
        soft_loss = -float((soft * log_p).sum()) / batch
        soft_dz = (np.exp(log_p) - soft) / batch  # with respect to z / T; with respect to z it is this over T
        value = (1 - mix) * hard_loss + mix * temperature**2 * soft_loss
        return value, ((1 - mix) * hard_dz + mix * temperature * soft_dz).astype(z.dtype)

    return loss
