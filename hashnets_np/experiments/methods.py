"""The methods of the study as networks of one stored size: build("hashnet", [784, 1000, 10], compression="1/8").

Every method gets the same budget, layer by layer K = ceil(c (n_in + 1) n_out) stored numbers, biases counted: HashNet
hashes its bias column into them, RER and LRD keep dense biases inside them (LRD stores less where the next whole rank
would be too much), NN shrinks all hidden layers at one rate to the whole width whose network is nearest in size. DK and
HashNetDK are NN and HashNet trained on dark knowledge (`baselines`).

Each method is one record, `Method`, that `sweep`, `report`, `train`, `demo` and the figures read. A method of your own
is one more: `register_method(Method(...))`.

Source: section 5 of the paper, "Baselines and method".
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from ..hashing import derive_seed
from ..layers import ACTIVATIONS, Dropout, HashedLinear, Layer, Linear, register_layer
from ..maps import allowed_biases, find_kind
from ..network import Network
from ..support.checks import check_integer, check_number, check_seed, shown
from ..types import Bias, Compression, KindName
from .baselines import LowRankLinear, MaskedLinear
from .one_store import StoreLinear, TenantLinear
from .several_hashes import MOST_HASHES, MultiHashedLinear
from .sizes import budgets, equal_size_widths

# n_in, n_out, stored numbers, seed of the hash, generator of the initial weights, dtype -> a fully connected layer
Maker = Callable[[int, int, int, int, Generator, DTypeLike], Layer]


@dataclass(frozen=True, kw_only=True)
class Hashing:
    """How the hashed layers of a network share their weights; the defaults are the paper's. See `build`."""

    kind: KindName = "xxhash"
    size: int | None = None
    signed: bool = True
    hashes: int = 1
    learn_alpha: bool = False
    share: str = "layer"
    layer_seeds: str = "own"

    def __post_init__(self) -> None:
        for name, known in (("share", ("layer", "network")), ("layer_seeds", ("own", "shared"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, got {getattr(self, name)!r}")
        check_integer("hashes", self.hashes, 1, MOST_HASHES)
        if self.learn_alpha and self.hashes == 1:
            raise ValueError("alpha can be learned only with several hashes; give hashes=2 or more")
        if (self.hashes > 1 or self.share == "network") and (self.size is not None or not self.signed):
            raise ValueError("several hashes, or one store, need signed maps of the kind's default size")
        if (self.hashes > 1 or self.share == "network") and "column" not in allowed_biases(self.kind):
            raise ValueError(f"several hashes, or one store, need a kind with a bias column, got {shown(self.kind)}")
        if self.hashes > 1 and self.share == "network":
            raise ValueError("give either several hashes or one store for the network, not both")


@dataclass(frozen=True, kw_only=True)
class Method:
    """What the study needs to know of a method.

    Attributes
    ----------
    name : str
        The name on the command line, in grids and in records.
    label : str
        The name in tables and figures.
    maker : function, optional
        Makes one fully connected layer: (n_in, n_out, stored, seed, rng, dtype) -> `Layer`.
    student : str, optional
        Instead of a maker, for dark knowledge: the method whose network learns from a teacher, such as "nn".
    narrow : bool
        Whether the network saves by having fewer hidden units, and its layers are dense.
    style : mapping
        Colour, marker and line style of its curves, in matplotlib's words.
    layers : tuple of classes
        Layer classes of its own, so that model files can hold its networks.
    hashing : Hashing, optional
        How its hashed layers share weights, where a maker of single layers can't say it.
    load_exponent : float
        `sweep` and `train` use this `SGD.load_exponent`.

    Examples
    --------
    >>> METHODS["hashnetdk"].label, METHODS["hashnetdk"].network.name
    ('HashNetDK', 'hashnet')
    """

    name: str
    label: str
    maker: Maker | None = None
    student: str | None = None
    narrow: bool = False
    style: Mapping[str, Any] = field(default_factory=lambda: {"color": "0.35", "marker": "v", "linestyle": "-"})
    layers: tuple[type[Layer], ...] = ()
    hashing: Hashing | None = None
    load_exponent: float = 0.0

    @property
    def network(self) -> "Method":
        """The method whose network this is: its own or, with a teacher, its student's."""
        return METHODS[self.student] if self.student else self


METHODS: dict[str, Method] = {}  # by name, in the order of the paper's tables, a user's own after them


def register_method(method: Method) -> None:
    """Add a method to the study: `sweep`, `report`, `train` and the figures know it from then on.

    Raises
    ------
    ValueError
        If another method has its name, or if it has neither a maker nor a student, or both.

    Examples
    --------
    ::

        def load_scaled_layer(n_in, n_out, stored, seed, rng, dtype):
            return LoadScaledLinear(n_in, n_out, buckets=stored, seed=seed, rng=rng, dtype=dtype)

        register_method(Method(name="load-scaled", label="Load-scaled", maker=load_scaled_layer,
                               layers=(LoadScaledLinear,)))
    """
    if (method.maker is None) == (method.student is None):
        raise ValueError(f"method {method.name!r} needs either a function that makes its layers "
                             "or, for dark knowledge, a student")
    if method.student is not None and method.student not in METHODS:
        raise ValueError(f"method {method.name!r} has the student {method.student!r}, which is not registered; "
                         f"known methods: {', '.join(METHODS)}")
    if method.name in METHODS and METHODS[method.name] != method:
        raise ValueError(f"a method named {method.name!r} is registered already; choose another name")
    for layer in method.layers:
        register_layer(layer)
    METHODS[method.name] = method


DROPOUT_SEEDS = 1_000_000  # far from the layers' numbers, so that masks and maps have seeds of their own


def rer_layer(n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike) -> Layer:
    """Random edge removal: what the dense biases leave of the budget are surviving weights."""
    check_room(n_in, n_out, stored, 1, "a weight")
    return MaskedLinear(n_in, n_out, min(stored - n_out, n_in * n_out), seed=seed, rng=rng, dtype=dtype)


def lrd_layer(n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike) -> Layer:
    """Low-rank decomposition: the largest rank whose learned factor and dense biases stay inside the budget."""
    check_room(n_in, n_out, stored, n_out, "a factor of rank 1")
    return LowRankLinear(n_in, n_out, (stored - n_out) // n_out, seed=seed, rng=rng, dtype=dtype)


def check_room(n_in: int, n_out: int, stored: int, least: int, what: str) -> None:
    """Check that the budget of a layer leaves something besides its dense biases."""
    if stored < n_out + least:
        raise ValueError(f"a layer {n_in} -> {n_out} may store {stored} numbers, too few for {n_out} biases and {what} "
                         f"({least}); ask for less compression or expansion")


def hashed_layer(n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike) -> Layer:
    """HashNet: bias column included, the budget is the number of buckets."""
    return HashedLinear(n_in, n_out, buckets=stored, seed=seed, rng=rng, dtype=dtype)


def several_hashes_layer(
    n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike, hashes: int, learn_alpha: bool,
    kind: KindName = "xxhash",
) -> Layer:
    """Make a layer with several hashes; a learned alpha is part of what may be stored."""
    buckets = stored - hashes if learn_alpha else stored
    if buckets < 1:
        raise ValueError(f"a layer {n_in} -> {n_out} may store {stored} numbers, too few for a weight and {hashes} "
                         "learned alphas; ask for less compression or fewer hashes")
    return MultiHashedLinear(n_in, n_out, buckets=buckets, hashes=hashes, learn_alpha=learn_alpha, seed=seed, kind=kind,
                             dtype=dtype, rng=rng)


def layer_of_any_kind(
    n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike, hashing: Hashing
) -> Layer:
    """Make a layer with a map of any kind; where the kind has no bias column, dense biases are inside the budget.

    A kind that reproduces other code keeps the one seed that this code has for all layers.
    """
    bias: Bias = "column" if "column" in allowed_biases(hashing.kind) else "dense"
    if bias == "dense":
        check_room(n_in, n_out, stored, 1, "a weight")
    own_seed = seed if find_kind(hashing.kind).default_seed is None else None
    return HashedLinear(n_in, n_out, buckets=stored if bias == "column" else stored - n_out, seed=own_seed, bias=bias,
                        kind=hashing.kind, size=hashing.size, signed=hashing.signed, dtype=dtype, rng=rng)


def dense_layer(n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike) -> Layer:
    """NN: an ordinary layer; its network is already narrower."""
    return Linear(n_in, n_out, seed=seed, rng=rng, dtype=dtype)


# colours of the Okabe-Ito set, always with a marker and a line style, so that a figure can be read without colour
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
PAPER = (  # in the order of the paper's tables
    Method(name="rer", label="RER", maker=rer_layer, style={"color": GREEN, "marker": "^", "linestyle": "-."}),
    Method(name="lrd", label="LRD", maker=lrd_layer, style={"color": PINK, "marker": "D", "linestyle": "-."}),
    Method(name="nn", label="NN", maker=dense_layer, narrow=True,
           style={"color": ORANGE, "marker": "s", "linestyle": "--"}),
    Method(name="dk", label="DK", student="nn",
           style={"color": ORANGE, "marker": "s", "linestyle": ":", "markerfacecolor": "white"}),
    Method(name="hashnet", label="HashNet", maker=hashed_layer,
           style={"color": BLUE, "marker": "o", "linestyle": "-"}),
    Method(name="hashnetdk", label="HashNetDK", student="hashnet",
           style={"color": BLUE, "marker": "o", "linestyle": ":", "markerfacecolor": "white"}),
)


def hashed_layers(
    widths: Sequence[int], stored: Sequence[int], seeds: Sequence[int], positions: Sequence[int], rng: Generator,
    dtype: DTypeLike, hashing: Hashing,
) -> list[Layer]:
    """Make the hashed layers of a network that shares its weights in another way than the paper's."""
    layers: list[Layer] = []
    for number, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        seed = seeds[number]
        if hashing.hashes > 1:
            layers.append(several_hashes_layer(
                n_in, n_out, stored[number], seed, rng, dtype, hashing.hashes, hashing.learn_alpha, hashing.kind))
        elif hashing.share == "network" and number:
            layers.append(TenantLinear(n_in, n_out, store=positions[0], seed=seed, kind=hashing.kind))
        elif hashing.share == "network":
            layers.append(StoreLinear(
                n_in, n_out, buckets=sum(stored), seed=seed, kind=hashing.kind, dtype=dtype, rng=rng))
        else:
            layers.append(layer_of_any_kind(n_in, n_out, stored[number], seed, rng, dtype, hashing))
    return layers


def build(
    method: str, widths: Sequence[int], *, compression: Compression | None = None,
    expansion: Compression | None = None, seed: int = 0, dropout: float = 0.0, input_dropout: float = 0.0,
    activation: str = "relu", dtype: DTypeLike = np.float32, kind: KindName = "xxhash", size: int | None = None,
    signed: bool = True, hashes: int = 1, learn_alpha: bool = False, share: str = "layer", layer_seeds: str = "own",
) -> Network:
    """Build a network of one of the methods: fully connected layers with an activation between, of a given stored size.

    Parameters
    ----------
    method : str
        A registered name: "hashnet", "nn", "rer", "lrd", or "hashnetdk", "dk" (the networks of hashnet and nn, to be
        trained on soft targets).
    widths : sequence of int
        How many inputs, hidden units and outputs there are.
    compression : str, int, float, Fraction or Decimal, optional
        Stored / dense parameters, in (0, 1], such as "1/8". Give either this or `expansion`.
    expansion : str, int, float, Fraction or Decimal, optional
        How many times wider the hidden layers are, at least 1, at the stored size of the dense network of `widths`.
    seed : int
        In 0..2**32-1. The l-th layer's hash has seed derive_seed(seed, l); initial weights come from default_rng(seed).
    dropout, input_dropout : float
        Rates of dropout on the hidden units and on the inputs, in [0, 1).
    activation : {"relu", "tanh"}
        The activation of the hidden layers.
    dtype : dtype
        The dtype of the parameters: float32 or float64.
    kind : str
        The kind of sharing map of "hashnet", as in `HashedLinear`. Kinds that reproduce other code have their one seed
        in all layers and, where they allow no bias column, dense biases. This and the arguments below are not in the
        paper.
    size : int, optional
        How large the pieces of the kinds "chunk" and "tile" are.
    signed : bool
        Whether the maps have signs.
    hashes : int
        How many real weights make up a virtual weight, see `MultiHashedLinear`.
    learn_alpha : bool
        Whether the weights of that sum are learned.
    share : {"layer", "network"}
        "network": one vector of real weights for all layers, see `StoreLinear`.
    layer_seeds : {"own", "shared"}
        "shared": all layers hash with the same seed, as in the released code.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If an argument is outside these limits, or if dense biases leave no room for a weight in the stored size.

    References
    ----------
    Section 5 of Chen et al., ICML 2015, "Baselines and method".

    Examples
    --------
    >>> build("hashnet", [784, 1000, 10], compression="1/64").num_parameters()
    12423
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known methods: {', '.join(METHODS)}")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {shown(activation)}")
    check_rates(dropout, input_dropout)
    network = METHODS[method].network
    assert network.maker is not None  # register_method guarantees it
    widths, stored = budgets(widths, compression, expansion)
    if network.narrow:
        widths = equal_size_widths(widths, sum(stored))
        stored = [0] * len(stored)
    seed = check_seed(seed)
    rng = np.random.default_rng(seed)
    hashing = Hashing(kind=kind, size=size, signed=signed, hashes=hashes, learn_alpha=learn_alpha, share=share,
                      layer_seeds=layer_seeds)
    if hashing != Hashing() and network.name != "hashnet":
        why = "does not hash" if network in PAPER else "has its own map"
        raise ValueError(f"method {method!r} {why}; kind, size, signed, hashes, learn_alpha, share and layer_seeds are "
                         "for 'hashnet' and 'hashnetdk'")
    hashing = network.hashing or hashing
    seeds = [derive_seed(seed, 0 if hashing.layer_seeds == "shared" else number) for number in range(len(stored))]
    between = [between_layers(number, seed, activation, dropout if number else input_dropout)
               for number in range(len(stored))]
    if hashing == Hashing():
        sizes = itertools.pairwise(widths)
        connected = [network.maker(n_in, n_out, stored[number], seeds[number], rng, dtype)
                     for number, (n_in, n_out) in enumerate(sizes)]
    else:
        ends = itertools.accumulate(len(layers) + 1 for layers in between)
        connected = hashed_layers(widths, stored, seeds, [end - 1 for end in ends], rng, dtype, hashing)
    layers: list[Layer] = []
    for before, layer in zip(between, connected, strict=True):
        layers += [*before, layer]
    return Network(layers)


def check_rates(dropout: float, input_dropout: float) -> None:
    """Check the rates of dropout, also where a network has no layer that uses them."""
    check_number("dropout", dropout, 0, 1)
    check_number("input_dropout", input_dropout, 0, 1)


def between_layers(number: int, seed: int, activation: str, rate: float) -> list[Layer]:
    """Make what comes before the n-th fully connected layer: an activation (not before the first), and dropout."""
    layers: list[Layer] = [ACTIVATIONS[activation]()] if number else []
    if rate:
        layers.append(Dropout(rate, seed=derive_seed(seed, DROPOUT_SEEDS + number)))
    return layers


for paper_method in PAPER:
    register_method(paper_method)
