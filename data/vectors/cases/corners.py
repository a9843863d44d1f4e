"""Cases for corners that none had visited: a layer that was wrong in all of them passed everything before.

Batches of 0 and 1 with a bias, sizes that are whole blocks, layers of one input or output, float64 with every kind,
momentum 0, soft targets beside large logits, and layers that must be refused by forward and backward alone.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from specification import TEXT_SEEDS

from .inputs import PRECISE, arrays, expand, formula, matrix, network, reachable, values, weights_of
from .sequences import Script, add_scripts
from .sizes import add_pair
from .training import decimals, soft_targets

BIASES = ("column", "hashed", "dense")
BLOCKS = (8, 16, 32, 128, 256, 512, 1024)
SIDES = ((512, 3, None), (1024, 4, None), (512, 3, "column"), (1024, 4, "hashed"), (512, 4, "dense"))
LARGEST_SIZE = 2**15  # of a chunk or tile


def corner_cases(book):
    """Add the cases of the fifth edition."""
    count_cases(book)
    piece_cases(book)
    batch_cases(book)
    block_cases(book)
    narrow_cases(book)
    kind_cases(book)
    network_cases(book)
    loss_cases(book)
    training_cases(book)
    refused_cases(book)


def add_small_pairs(book, topic, words, layers, label):
    """Add a forward and a backward case for each layer, with all numbers written out: (layer, batch, dtype)."""
    for operation in ("forward", "backward"):
        name = "forward" if (topic, operation) == ("gradients", "forward") else topic
        book.group(name, operation, words)
        for layer, batch, dtype in layers:
            x = arrays(layer, label, batch, dtype, operation == "backward")
            if dtype == "float64":
                x = with_digits(x)
            said = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}, bias {layer['bias']}, batch {batch}"
            book.valid(f"{said}, {dtype}", "", dtype, bugs=(), **x)


def with_digits(x):
    """Give b and dz digits that float32 does not have, as `arrays` gives them to w and a."""
    x = {**x, "b": x["b"] and [v + PRECISE for v in x["b"]]}
    return {**x, "dz": precise(x["dz"])} if "dz" in x else x


def precise(rows):
    """Add to a matrix what float32 loses."""
    return [[v + PRECISE for v in row] for row in rows]


def count_cases(book):
    """Count more buckets than a layer may have: the number is exact, and no 32 bits hold it."""
    book.group("bucket-count", "bucket_counts", "more real weights than a layer may have are counted all the same")
    for c, side, bias in (("1/2", 2**16, None), ("1", 2**20, None), ("1/3", 2**20, "column"), ("1/3", 2**20, "hashed")):
        words = f"compression {c} of {side} x {side}, bias {bias}"
        book.valid(words, "", compression=c, n_in=side, n_out=side, bias=bias)


def piece_cases(book):
    """Give chunks and tiles the largest size that there is, and one more."""
    for kind in ("chunk", "tile"):
        book.group(kind, "bucket_sign", "the largest size")
        x = {"kind": kind, "buckets": 2**31 - 1, "seed": 7, "n_out": 2**20, "n_cols": 2**20}
        near = {"i": [0, 1, 32767, 32768, 65535, 1000000], "j": [0, 32767, 32767, 32768, 65535, 1000000]}
        book.valid(f"size {LARGEST_SIZE}", "", bugs=(), **x, size=LARGEST_SIZE, **near)
        for size in (-1, LARGEST_SIZE + 1):
            book.invalid(f"size {size} is out of range", "RangeUnchecked", **x, size=size, i=[0], j=[0])


def batch_cases(book):
    """Add batches of one with each bias, and gradients of the empty batch."""
    layers = [reachable(5, 8, "1/4", 101, bias) for bias in BIASES]
    add_small_pairs(book, "bias", "a batch of one", [(layer, 1, "float32") for layer in layers], "one")
    book.group("bias", "backward", "the gradients of the empty batch are 0, and da keeps its width")
    for layer in layers:
        x = {**arrays(layer, "empty", 2, "float32", True), "a": [], "dz": []}
        book.valid(f"the empty batch, bias {layer['bias']}", "", "float32", bugs=(), **x)


def block_cases(book):
    """Add batches and layers whose sizes are whole blocks: 8, 16, 32, 128, 256, 512 and 1,024."""
    for bias in (None, *BIASES):
        layer = reachable(6, 5, "1/3", 102, bias)
        add_pair(book, "bias" if bias else "gradients", [(layer, batch, "float32") for batch in BLOCKS])
    for wide, narrow, bias in SIDES:
        layers = [reachable(*shape, "1/8", 103, bias) for shape in ((wide, narrow), (narrow, wide))]
        add_pair(book, "bias" if bias else "gradients", [(layer, 3, "float32") for layer in layers])
    add_pair(book, "gradients", [(reachable(128, 128, "1/16", 104), 128, "float32")])


def narrow_cases(book):
    """Add layers of one input or one output with each bias, and one bucket with a bias column."""
    shapes = ((1, 5), (6, 1))
    layers = [(reachable(*shape, "1/2", 105, bias), 3, "float32") for bias in BIASES for shape in shapes]
    layers += [(reachable(5, 4, "1/24", 106, "column"), 3, "float32")]
    layers += [(reachable(1, 1, "1/2", 107, "column"), 2, "float32")]
    add_small_pairs(book, "bias", "one input, one output, one bucket", layers, "narrow")


def kind_cases(book):
    """Add dense biases of the text kinds, and float64 with each kind and the biases that it lacked."""
    for kind, seed in TEXT_SEEDS.items():
        biases = (None, "dense") if kind == "keras" else (None, "dense", "hashed")
        layers = [(reachable(5, 6, "1/4", seed, bias, kind), 3, "float64") for bias in biases]
        layers += [] if kind == "keras" else [(reachable(5, 6, "1/4", seed, "dense", kind), 3, "float32")]
        add_small_pairs(book, kind, "each bias in float64, and the dense one", layers, kind)
    for kind, more in (("fold", {}), ("chunk", {"size": 4}), ("tile", {"size": 3})):
        layers = [(reachable(5, 6, "1/4", 108, bias, kind, **more), 3, "float64") for bias in (None, "dense", "hashed")]
        add_small_pairs(book, kind, "float64 with a hashed bias, a dense one and none", layers, kind)


def small_network(label, widths, bias, batch, rate=Fraction(0), extra=Fraction(0)):
    """Describe a network of hashed layers; extra: what is added to its inputs and weights."""
    layers = [reachable(n_in, n_out, "1/3", 0, bias) for n_in, n_out in pairwise(widths)]
    n = len(layers)
    x = network(label, 2**31 + 5, widths, [1] * n, [None] * n, batch, masks=rate > 0, rate=rate)
    x["layers"] = [{k: v for k, v in layer.items() if k != "seed"} for layer in layers]
    x["weights"] = [weights_of(layer, f"{label}{n}", 8) for n, layer in enumerate(layers)]
    x["weights"] = [{k: v and [one + extra for one in v] for k, v in p.items()} for p in x["weights"]]
    return {**x, "x": [[v + extra for v in row] for row in x["x"]]}


def answer_expanded(model, operation, x):
    """Work out a network whose arrays are given by formulas."""
    return model.network(**expand(x))


def network_cases(book):
    """Add networks of an empty batch and of one example, and dropout with each bias and in float64."""
    widths = [5, 7, 3]
    half = Fraction(1, 2)
    quarter = Fraction(1, 4)
    book.group("two-layers", "network", "the empty batch, one example, and float64 to its last digits")
    for bias in (None, *BIASES):
        x = {**small_network("none", widths, bias, 1), "x": formula(2, 0, 5), "dz": formula(3, 0, 3)}
        book.valid(f"the empty batch, bias {bias}", "", "float32", 2e-6, answer_expanded, (), **x)
    for bias in ("hashed", "dense"):
        book.valid(f"one example, bias {bias}", "", "float32", 2e-6, bugs=(), **small_network("only", widths, bias, 1))
    for bias in ("hashed", "dense"):
        x = small_network("fine", widths, bias, 2, extra=PRECISE)
        book.valid(f"float64, bias {bias}", "", "float64", bugs=(), **x)
    book.group("dropout", "network", "dropout with the other biases, and in float64")
    for bias in ("hashed", None):
        x = small_network("droph", widths, bias, 3, half)
        book.valid(f"widths {widths}, bias {bias}, rate 1/2", "", "float32", 2e-6, bugs=(), **x)
    for bias in ("column", "hashed"):
        x = small_network("dropf", widths, bias, 3, quarter, PRECISE)
        book.valid(f"widths {widths}, bias {bias}, rate 1/4, float64", "", "float64", bugs=(), **x)


LOGITS = {  # what exp overflows or vanishes on
    "logits of 1,000 and -1,000": [[1000, 998, -1000, 3], [-1000, 0, 1000, 999]],
    "logits of 3,000 and -3,000": [[3000, -3000, 2997, 0], [-3000, 3000, 0, 2999]],
    "logits that all lie near 1,000": [[1000, 1001, "999.5", "1002.25"], ["998.75", 1000, 1001, 1001]],
    "logits that all lie near -1,000": [[-1000, -1001, "-999.5", -998], ["-998.75", -1000, -1001, -1001]],
}


def loss_cases(book):
    """Add soft targets beside large logits, and a larger batch with more classes, instead of soft-targets-011."""
    book.group("soft-targets", "loss", "logits on which exp overflows or vanishes, beside soft targets")
    for words, rows in LOGITS.items():
        z = [[Decimal(v) for v in row] for row in rows]
        flag = "UnstableSoftmax" if max(map(max, z)) > 800 else ""
        for temperature, mix, dtype in (("1", "0.5", "float32"), ("2", "1", "float64"), ("4", "0.25", "float32")):
            x = {"z": z, "y": [1, 3], "soft": soft_targets("large", 2, 4)}
            x |= {"temperature": Decimal(temperature), "mix": Decimal(mix)}
            said = f"{words}, temperature {temperature}, mix {mix}, {dtype}"
            book.valid(said, flag, dtype, 4e-6 if dtype == "float32" else 1e-12, **x)
    book.group("soft-targets", "loss", "a larger batch, more classes, and soft targets that are probabilities")
    x = {"z": decimals(matrix("zloss", 40, 20, 8)), "y": [(7 * n + 3) % 20 for n in range(40)]}
    x |= {"soft": soft_targets("qloss", 40, 20), "temperature": Decimal(4), "mix": Decimal("0.75")}
    book.valid("batch 40, 20 classes, temperature 4, mix 0.75", "", "float32", 4e-6, bugs=(), **x)


def training_cases(book):
    """Add steps without momentum, with weight decay and without, and sums of gradients in float64."""
    layers = [reachable(4, 5, "1/3", 109, bias) for bias in (None, *BIASES)]
    book.group("sgd", "sgd", "steps without momentum, with weight decay and without")
    for layer in layers:
        steps = [
            {"a": matrix(f"plain{n}", 2, 4, 8), "target": matrix(f"plaint{n}", 2, 5, 8), "lr": Fraction(1, 16)}
            for n in range(3)
        ]
        for decay in (Fraction(0), Fraction(1, 16)):
            for dtype in ("float32", "float64")[: 1 + (layer["bias"] == "hashed")]:
                x = {"layer": layer, **weights_of(layer, "plain", 8), "steps": steps}
                x |= {"momentum": Fraction(0), "weight_decay": decay}
                words = f"bias {layer['bias']}, momentum 0, weight decay {decay}, {dtype}"
                book.valid(words, "", dtype, 1e-5 if dtype == "float32" else 1e-12, bugs=(), **x)
    add = add_scripts(book)
    book.group("sequences", "script", "steps without momentum between other calls")
    for layer in layers[1:3]:
        script = Script(f"u1{layer['bias']}", layer)
        for _ in range(2):
            script.step(2, momentum=Fraction(0), weight_decay=Fraction(1, 8)).forward(2, key=0)
        add(f"momentum 0, weight decay 1/8, bias {layer['bias']}", script, "", "float32", 1e-5)
    book.group("sequences", "script", "gradients that are added up in float64, of one example and of none")
    for layer in layers:
        script = Script(f"u2{layer['bias']}", layer).backward(2).accumulate(1).accumulate(0).accumulate(1)
        for step in script.steps:
            step |= {name: precise(step[name]) for name in ("a", "dz")}
        words = f"four batches of 2, 1, 0 and 1, bias {layer['bias']}"
        add(words, script, "AccumulationIgnored AccumulationMean", "float64")


def refused_cases(book):
    """Ask forward and backward, which many layers have alone, for layers that must be refused."""
    layer = reachable(5, 4, "1/3", 7)
    nothing = [[], []]
    changes = (
        ({"buckets": 0}, {"w": []}),
        ({"buckets": -7}, {}),
        ({"n_in": 0}, {"a": nothing}),
        ({"n_in": -5}, {"a": nothing}),
        ({"n_out": 0}, {"dz": nothing}),
        ({"n_out": -4}, {"dz": nothing}),
    )
    for operation, topic in (("forward", "forward"), ("backward", "gradients")):
        book.group(topic, operation, "layers that must be refused; their arrays fit them where any could")
        x = arrays(layer, "refused", 2, "float32", operation == "backward")
        for size in (6, 8):
            said = f"{size} real weights for K = 7"
            book.invalid(said, "ShapeUnchecked", "float32", **{**x, "w": values("bad", size)})
        for change, more in changes:
            bad = {**x, "layer": {**layer, "compression": None, **change}}
            bad |= {name: value for name, value in more.items() if name in x}
            book.invalid(f"a layer with {change}", "RangeUnchecked", "float32", **bad)
        unknown = {**x, "layer": {**layer, "kind": "md5"}}
        book.invalid("there is no such kind of map", "KindUnchecked", "float32", **unknown)
    book.group("bias", "forward", "real weights that are too few or too many, beside a bias")
    for bias in BIASES:
        one = reachable(5, 4, "1/3", 7, bias)
        x = arrays(one, "refused", 2, "float32")
        for size in (one["buckets"] - 1, one["buckets"] + 1):
            said = f"{size} real weights for K = {one['buckets']}, bias {bias}"
            book.invalid(said, "ShapeUnchecked", "float32", **{**x, "w": values("bad", size)})
    hashed = reachable(5, 4, "1/3", 7, "hashed") | {"bias_buckets": 0, "compression": None}
    x = {**arrays(hashed, "refused", 2, "float32"), "b": []}
    book.invalid("a hashed bias with K_b = 0", "RangeUnchecked", "float32", **x)
    for kind in ("chunk", "tile"):
        book.group(kind, "forward", "sizes that must be refused")
        piece = reachable(5, 4, "1/3", 7, None, kind, size=3)
        x = arrays(piece, "refused", 2, "float32")
        for size in (0, -3, LARGEST_SIZE + 1):
            bad = {**x, "layer": {**piece, "size": size}}
            book.invalid(f"a layer with size {size}", "RangeUnchecked", "float32", **bad)
