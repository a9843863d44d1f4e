"""Cases of middle size: layers with widths around 32, 64, 128, 256 and 1,024, more than 256 rows, batches up to 300.

Arrays are given by a formula and answers by sums (SPEC.md, section 10), so the file stays small. All numbers are
multiples of 1/8 of at most 4 bits, so float32 adds up their products exactly, in any order.
"""

from fractions import Fraction
from operator import mul

from .inputs import expand, formula, make_layer, reachable

SIZES = [  # n_in, n_out, compression (or K), batch
    (33, 31, "1/4", 17),
    (64, 65, "1/64", 33),
    (129, 127, "1/8", 64),
    (255, 257, "1/64", 3),
    (1100, 300, "1/66", 70),
    (1025, 20, "1", 2),
    (40, 1030, "1/80", 5),
    (128, 256, 65537, 129),
    (8, 8, "1/13", 300),
]


def eighths(array):
    """Expand a formula to whole numbers of eighths."""
    return [[int(8 * v) for v in row] for row in expand(array)]


def columns(matrix):
    """Transpose."""
    return [list(column) for column in zip(*matrix, strict=True)]


def product(x, y):
    """Compute x y^T, in whole numbers."""
    return [[sum(map(mul, row, other)) for other in y] for row in x]


def sums(rows, unit):
    """Give an array by the weighted sums of its rows and columns; whole numbers of `unit`."""
    shape = [len(rows), len(rows[0])] if isinstance(rows[0], list) else [len(rows)]
    if len(shape) == 1:  # a vector is folded into rows of 64
        padded = rows + [0] * (-len(rows) % 64)
        rows = [padded[n : n + 64] for n in range(0, len(padded), 64)]
    by_row = [sum(v * (1 + c % 5) for c, v in enumerate(row)) for row in rows]
    by_column = [sum(v * (1 + r % 5) for r, v in enumerate(column)) for column in columns(rows)]
    return {"shape": shape, "row_sums": [v * unit for v in by_row], "column_sums": [v * unit for v in by_column]}


def scatter(table, dV, size):
    """Sum dV into real weights, in whole numbers."""
    dw = [0] * size
    for row, dV_row in zip(table, dV, strict=True):
        for (k, s), g in zip(row, dV_row, strict=True):
            dw[k] += s * g
    return dw


def answer_by_sums(model, operation, x):
    """Work out gather, scatter_add, forward or backward in whole numbers: `Right`'s fractions take too long."""
    layer, eighth, square = x["layer"], Fraction(1, 8), Fraction(1, 64)
    table = model.table(model.map(layer))
    if operation == "scatter_add":
        return {"dw": sums(scatter(table, eighths(x["dV"]), layer["buckets"]), eighth)}
    w = [int(8 * v) for v in expand(x["w"])]
    V = [[s * w[k] for k, s in row] for row in table]
    if operation == "gather":
        return {"V": sums(V, eighth)}
    a = eighths(x["a"])
    one = [8] if layer["bias"] == "column" else []
    extended = [one + row for row in a]
    if operation == "forward":
        beta = [int(64 * v) for v in model.bias(layer, x["b"] and expand(x["b"]))]
        z = [[v + c for v, c in zip(row, beta, strict=True)] for row in product(extended, V)]
        return {"z": sums(z, square)}
    dz = eighths(x["dz"])
    dV = product(columns(dz), columns(extended))
    da = [row[len(one) :] for row in product(dz, columns(V))]
    db = model.bias_gradient(layer, [[Fraction(v, 8) for v in row] for row in dz])
    db = db and sums([int(8 * v) for v in db], eighth)
    return {"dw": sums(scatter(table, dV, layer["buckets"]), square), "db": db, "da": sums(da, square)}


def answer_in_fractions(model, operation, x):
    """Work out a network or steps of SGD, and give the large outputs by sums."""
    expanded = expand(x)
    found = model.network(**expanded) if operation == "network" else model.sgd(**expanded)
    return {name: v and sums(v, 1) for name, v in found.items()}


def by_formula(layer, seed, batch, backward=False):
    """Inputs of a forward or backward case by formulas 10 seed, 10 seed + 1, ..."""
    size = {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(layer["bias"])
    x = {"layer": layer, "w": formula(10 * seed, layer["buckets"]), "b": size and formula(10 * seed + 1, size)}
    x |= {"a": formula(10 * seed + 2, batch, layer["n_in"])}
    return {**x, "dz": formula(10 * seed + 3, batch, layer["n_out"]), "calls": 1} if backward else x


def add_pair(book, topic, layers):
    """Add a forward and a backward case for each layer: (layer, batch, dtype)."""
    for operation in ("forward", "backward"):
        name = {"gradients": "forward"}.get(topic, topic) if operation == "forward" else topic
        book.group(name, operation, f"{operation} at middle size, arrays by formula, answers by sums")
        for n, (layer, batch, dtype) in enumerate(layers):
            x = by_formula(layer, n + 1, batch, operation == "backward")
            words = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}, bias {layer['bias']}, batch {batch}"
            book.valid(f"{words}, {dtype}", "", dtype, 0, work=answer_by_sums, bugs=(), **x)


def size_cases(book):
    """Add cases of middle size to every topic of a layer."""
    layers = middle_layers()
    add_maps(book, layers[:4])
    add_pair(book, "gradients", layers)
    add_biases(book)
    add_text_kinds(book)
    add_networks(book)


def middle_layers():
    """Make the layers of SIZES, with their batch and dtype."""
    layers = []
    for n, (n_in, n_out, c, batch) in enumerate(SIZES):
        layer = (
            make_layer(n_in, n_out, c, n) | {"compression": None}
            if isinstance(c, int)
            else reachable(n_in, n_out, c, n)
        )
        layers.append((layer, batch, ("float32", "float64")[n == 2]))
    return layers


def add_maps(book, layers):
    """Add V and the sums of its gradient."""
    book.group("gather", "gather", "V at middle size")
    for layer, _, dtype in layers:
        words = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}, {dtype}"
        book.valid(words, "", dtype, 0, work=answer_by_sums, bugs=(), layer=layer, w=formula(1, layer["buckets"]))
    book.group("scatter-add", "scatter_add", "the gradient of V at middle size")
    for layer, _, dtype in layers:
        words = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}, {dtype}"
        dV = formula(2, layer["n_out"], layer["n_in"])
        book.valid(words, "", dtype, 0, work=answer_by_sums, bugs=(), layer=layer, dV=dV)


def add_biases(book):
    """Add each bias."""
    add_pair(
        book,
        "bias",
        [
            (reachable(1024, 33, "1/16", 3, "column"), 40, "float32"),
            (reachable(200, 300, "1/8", 2**31 + 5, "hashed"), 20, "float32"),
            (reachable(70, 600, "1/32", 5, "dense"), 66, "float64"),
        ],
    )


def add_text_kinds(book):
    """Add the kinds that hash text."""
    for kind, bias, n_in, n_out in (
        ("authors2015", "hashed", 130, 70),
        ("pytorch2019", "hashed", 66, 140),
        ("keras", "dense", 129, 64),
    ):
        add_pair(
            book, kind, [(reachable(n_in, n_out, "1/8", 1691 if kind[0] == "a" else 2, bias, kind), 20, "float32")]
        )


def add_networks(book):
    """Add two layers in a row, and dropout."""
    widths = [65, 130, 33]
    for topic, bias, rate in (("two-layers", "column", 0), ("two-layers", "hashed", 0), ("dropout", "dense", "1/2")):
        book.group(topic, "network", "a network of middle size")
        made = [reachable(*widths[n : n + 2], "1/8", 0, bias) for n in (0, 1)]
        weights = []
        for n, layer in enumerate(made):
            size = {"hashed": layer["bias_buckets"], "dense": layer["n_out"]}.get(bias)
            weights.append({"w": formula(n, layer["buckets"]), "b": size and formula(n + 5, size)})
        masks = [
            [[(7 * r + 3 * c * c + r * c) % 5 % 2 for c in range(width)] for r in range(20)] for width in widths[:2]
        ]
        x = {
            "seed": 77,
            "layers": [{k: v for k, v in layer.items() if k != "seed"} for layer in made],
            "weights": weights,
            "x": formula(2, 20, 65),
            "masks": masks if rate else None,
            "rate": Fraction(rate),
            "dz": formula(3, 20, 33),
        }
        book.valid(
            f"widths {widths}, bias {bias}, batch 20", "", "float32", 2e-6, work=answer_in_fractions, bugs=(), **x
        )
    book.group("sgd", "sgd", "three steps of a layer of middle size")
    for bias in ("column", "hashed"):
        layer = reachable(40, 33, "1/8", 4, bias)
        size = layer["bias_buckets"]
        steps = [
            {"a": formula(4 * n, 20, 40), "target": formula(4 * n + 1, 20, 33), "lr": Fraction(1, 128)}
            for n in range(3)
        ]
        x = {
            "layer": layer,
            "w": formula(1, layer["buckets"]),
            "b": formula(9, size) if size else None,
            "steps": steps,
            "momentum": Fraction(1, 2),
            "weight_decay": Fraction(1, 16),
        }
        book.valid(f"33 x 40, bias {bias}, batch 20", "", "float32", 1e-5, work=answer_in_fractions, bugs=(), **x)
