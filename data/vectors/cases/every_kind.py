"""Cases that ask of every kind what `xxhash` alone had been asked, and four corners of losses and networks.

A layer that is right for `xxhash` only had passed everything before: for the other kinds nothing called a layer twice,
stepped, set new weights, added gradients up or summed a gradient of V, and no batch had more than 33 examples.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from specification import NEWER_KINDS, TEXT_SEEDS

from .inputs import matrix, network, reachable, weights_of
from .sequences import Script, add_scripts
from .sizes import add_pair
from .training import decimals, soft_targets

SEED = 7  # of the kinds without a default seed
LARGER_BATCH = 70


def every_kind_cases(book):
    """Add the cases of the sixth edition."""
    for kind in (*TEXT_SEEDS, *NEWER_KINDS):
        script_cases(book, kind)
        scatter_case(book, kind)
        batch_cases(book, kind)
    network_cases(book)
    loss_cases(book)


def layer_of(kind, n_in, n_out, compression, bias=None):
    """Describe a layer of a kind; with its default seed, if it has one."""
    size = NEWER_KINDS.get(kind, (None,))[-1]  # not the default, where there is another
    more = {"size": size} if size else {}
    return reachable(n_in, n_out, compression, TEXT_SEEDS.get(kind, SEED), bias, kind, **more)


def bias_of(kind):
    """The bias whose map is of the same kind, or the dense one where there is none."""
    return "dense" if kind == "keras" else "hashed"


def script_cases(book, kind):
    """Add several calls on one layer, and two layers side by side."""
    add = add_scripts(book)
    bias = bias_of(kind)
    one = layer_of(kind, 4, 3, "1/2")
    other = layer_of(kind, 4, 3, "1/3")
    biased = layer_of(kind, 4, 5, "2/5", bias)
    book.group(kind, "script", f"several calls on layers of {kind}")
    script = Script(f"v1{kind}", one, other).forward(2).forward(2, 1).forward(2).backward(2).backward(2, 1).backward(2)
    add("two layers of equal shape and seed, other K", script, "GradientAccumulated InputOfLastForward")
    script = Script(f"v2{kind}", biased).forward(2).forward(2).backward(2).backward(2)
    add(f"arrays used again, bias {bias}", script, "GradientAccumulated", reused=True)
    script = Script(f"v3{kind}", biased).forward(1, key=0).set_weights().forward(1, key=0)
    for _ in range(2):
        script.step(2, weight_decay=Fraction(1, 8)).forward(1, key=0)
    add(f"new weights, then steps, bias {bias}", script, "StaleWeights", "float32", 1e-5, reused=True)
    script = Script(f"v4{kind}", biased).backward(2).accumulate(1).accumulate(2)
    add(f"gradients of three batches added up, bias {bias}", script, "AccumulationIgnored AccumulationMean")


def scatter_case(book, kind):
    """Add a gradient of V that is summed into the real weights."""
    layer = layer_of(kind, 6, 5, "1/4")
    book.group(kind, "scatter_add", f"the gradient of V under {kind}")
    book.valid(f"5 x 6, K = {layer['buckets']}", "", "float32", layer=layer, dV=matrix(f"dV{kind}", 5, 6), bugs=())


def batch_cases(book, kind):
    """Add a batch that is larger than a block of 64."""
    add_pair(book, kind, [(layer_of(kind, 6, 5, "1/3", bias_of(kind)), LARGER_BATCH, "float32")])


def network_cases(book):
    """Add four layers with biases of their own: what belongs to the third and the fourth must be right, too."""
    widths = [4, 6, 5, 5, 3]
    biases = ["hashed", "dense", "hashed", "dense"]
    made = [reachable(*sides, "1/3", 0, bias) for sides, bias in zip(pairwise(widths), biases, strict=True)]
    x = network("deep", 2**31 + 6, widths, [1] * 4, [None] * 4, 3)
    x["layers"] = [{k: v for k, v in layer.items() if k != "seed"} for layer in made]
    x["weights"] = [weights_of(layer, f"deep{n}", 8) for n, layer in enumerate(made)]
    book.group("two-layers", "network", "four layers, each with a bias of its own")
    book.valid(f"widths {widths}, biases {biases}", "", "float32", 2e-6, bugs=(), **x)


def loss_cases(book):
    """Add a teacher that is certain, a temperature below 1, and networks of one class."""
    book.group("soft-targets", "loss", "a teacher that is certain, and a temperature below 1")
    certain = [[0, 1, 0, 0], [0, "0.5", "0.5", 0], [0, 0, 0, 1]]
    x = {"z": decimals(matrix("zcertain", 3, 4, 8)), "y": [1, 0, 3], "soft": [[Decimal(q) for q in r] for r in certain]}
    x |= {"temperature": Decimal(2), "mix": Decimal("0.5")}
    book.valid("soft targets of exactly 0", "", "float32", 4e-6, bugs=(), **x)
    x = {"z": decimals(matrix("zsharp", 2, 4, 8)), "y": [2, 0], "soft": soft_targets("sharp", 2, 4)}
    x |= {"temperature": Decimal("0.5"), "mix": Decimal("0.75")}
    book.valid("temperature 1/2, mix 0.75", "TemperatureIgnored", "float32", 4e-6, **x)
    book.group("loss", "loss", "a single class: its probability is 1, so the loss and its gradient are 0")
    x = {"z": decimals(matrix("zalone", 3, 1, 8)), "y": [0, 0, 0], "soft": None}
    book.valid("batch 3, 1 class", "", "float32", 2e-6, bugs=(), temperature=Decimal(1), mix=Decimal(0), **x)
