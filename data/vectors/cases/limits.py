"""Cases that planted bugs have asked for: sizes, loads, numbers and calls beyond those of the first two editions.

Each was added because a layer with a bug had passed everything before it: 2,100 outputs, 4,200 inputs, a batch of
1,100, a bucket with more weights than a byte counts, large biases, numbers of 10^10 and 10^-10, rows of zeros, many
calls.
"""

from decimal import Decimal
from fractions import Fraction

from .inputs import PRECISE, arrays, formula, make_layer, matrix, network, reachable, values, weights_of
from .sequences import Script, add_scripts
from .sizes import add_pair, answer_by_sums, answer_in_fractions
from .training import decimals

GIVEN = {"compression": None}  # K is given: no compression is asked for


def limit_cases(book):
    """Add the cases of the third edition."""
    list_cases(book)
    large_cases(book)
    magnitude_cases(book)
    zero_cases(book)
    precision_cases(book)
    kind_cases(book)
    network_cases(book)
    loss_cases(book)
    training_cases(book)
    call_cases(book)


def list_cases(book):
    """Many questions at once, and long texts."""
    i = [n * n % 1009 for n in range(300)]
    j = [n * 37 % 797 for n in range(300)]
    book.group("hash", "hash", "many pairs at once")
    book.valid("300 pairs", "", bugs=(), i=i, j=j, seed=7)
    book.group("text-hash", "hash_text", "texts longer than any key")
    alphabet = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    texts = [(alphabet * 16)[n : n + length] for n, length in enumerate((41, 47, 48, 63, 64, 65, 100, 255, 256, 1000))]
    book.valid("41 to 1,000 bytes", "", bugs=(), texts=texts, seed=1691)
    book.valid("60 texts", "", bugs=(), texts=[f"{n}_{n * n}idxW" for n in range(60)], seed=2)
    book.group("bucket-sign", "bucket_sign", "many virtual weights at once")
    book.valid("300 virtual weights", "", bugs=(), kind="xxhash", buckets=12266, seed=7, i=i, j=j)
    book.group("derived-seed", "derive_seed", "many layers")
    book.valid("layers 0 to 40", "", bugs=(), seed=1234567, n=list(range(41)))


def large_cases(book):
    """Layers with many outputs, inputs, examples, buckets, weights a bucket, and biases."""
    layers = [
        (reachable(20, 2100, "1/40", 21), 3, "float32"),
        (reachable(4200, 9, "1/30", 22), 4, "float32"),
        (reachable(5, 4, "1/3", 2**31 + 23), 1100, "float32"),
        (reachable(800, 700, "5/560000", 24), 2, "float32"),
        (make_layer(30, 20, 300000, 2**32 - 25) | GIVEN, 6, "float32"),
        (reachable(110, 90, "1/9900", 26), 7, "float32"),
        (reachable(120, 100, "256/12000", 27), 9, "float64"),
        (reachable(63, 127, "4096/8001", 2**24 + 1), 15, "float32"),
    ]
    add_pair(book, "gradients", layers)
    book.group("gather", "gather", "V with many rows, and with one bucket")
    for layer in (layers[0][0], layers[5][0]):
        words = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}"
        book.valid(words, "", "float32", 0, answer_by_sums, (), layer=layer, w=formula(1, layer["buckets"]))
    book.group("scatter-add", "scatter_add", "many weights a bucket")
    for layer in (layers[3][0], layers[5][0]):
        words = f"{layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}"
        dV = formula(2, layer["n_out"], layer["n_in"])
        book.valid(words, "", "float32", 0, answer_by_sums, (), layer=layer, dV=dV)
    add_pair(
        book,
        "bias",
        [
            (reachable(300, 520, "1/40", 31, "column"), 130, "float32"),
            (reachable(6, 1100, "1/9", 32, "column"), 3, "float32"),
            (reachable(20, 10, "1/4", 33, "column"), 300, "float64"),
            (reachable(40, 1100, "1/2", 34, "hashed"), 70, "float32"),
            (reachable(20, 10, "1/4", 2**32 - 35, "hashed"), 300, "float32"),
            (reachable(30, 700, "3/700", 36, "hashed"), 5, "float64"),
            (reachable(20, 1100, "1/32", 37, "dense"), 10, "float32"),
            (reachable(20, 10, "1/4", 38, "dense"), 300, "float32"),
        ],
    )


def scaled(x, of_w, of_a, of_dz):
    """Scale the inputs of a case: w and b, a, dz."""
    row = lambda numbers, factor: numbers and [v * factor for v in numbers]  # noqa: E731
    out = {**x, "w": row(x["w"], of_w), "b": row(x["b"], of_w * of_a), "a": [row(r, of_a) for r in x["a"]]}
    return {**out, "dz": [row(r, of_dz) for r in x["dz"]]} if "dz" in x else out


def magnitude_cases(book):
    """Numbers far from 1, which nothing may clip, round or take for zero."""
    large = Fraction(2**20), Fraction(2**12), Fraction(2**14)
    small = Fraction(1, 2**20), Fraction(1, 2**14), Fraction(1, 2**16)
    for topic, layer in (
        ("gradients", reachable(12, 10, "1/6", 41)),
        ("bias", reachable(12, 10, "1/6", 42, "column")),
        ("bias", reachable(12, 10, "1/4", 43, "hashed")),
        ("bias", reachable(12, 10, "1/6", 44, "dense")),
    ):
        for operation in ("forward", "backward"):
            name = "forward" if (topic, operation) == ("gradients", "forward") else topic
            book.group(name, operation, "very large and very small numbers")
            for words, scales in (("large", large), ("small", small)):
                x = scaled(arrays(layer, "scaled", 5, "float32", operation == "backward"), *scales)
                book.valid(f"{words} numbers, bias {layer['bias']}", "", "float32", bugs=(), **x)


def zero_cases(book):
    """Examples and error terms with zeros, whole rows of them included."""
    for topic, layer in (
        ("gradients", reachable(6, 5, "1/3", 51)),
        ("bias", reachable(6, 5, "1/3", 52, "column")),
        ("bias", reachable(6, 5, "1/2", 53, "hashed")),
        ("bias", reachable(6, 5, "1/3", 54, "dense")),
    ):
        for operation in ("forward", "backward"):
            name = "forward" if (topic, operation) == ("gradients", "forward") else topic
            book.group(name, operation, "zeros among the inputs")
            x = arrays(layer, "zeros", 4, "float32", operation == "backward")
            zeros = [Fraction(0)] * layer["n_in"]
            a = [x["a"][0], zeros, [v * (n % 2) for n, v in enumerate(x["a"][2])], x["a"][3]]
            x = {**x, "a": a, "w": [Fraction(0), *x["w"][1:]]}
            if operation == "backward":
                x["dz"] = [[v * (n % 3 > 0) for n, v in enumerate(row)] for row in x["dz"]]
            book.valid(f"an example of zeros, zeros in others, bias {layer['bias']}", "", "float32", bugs=(), **x)


def precision_cases(book):
    """Layers in float64 with digits in every input that float32 does not have."""
    precise = lambda matrix_: matrix_ and [[v + PRECISE for v in row] for row in matrix_]  # noqa: E731
    for topic, layer, batch in (
        ("gradients", reachable(24, 20, "1/24", 61), 10),
        ("bias", reachable(9, 8, "1/4", 62, "column"), 3),
        ("bias", reachable(9, 8, "1/4", 63, "hashed"), 3),
        ("bias", reachable(9, 8, "1/4", 64, "dense"), 3),
    ):
        for operation in ("forward", "backward"):
            name = "forward" if (topic, operation) == ("gradients", "forward") else topic
            book.group(name, operation, "float64 to its last digits")
            x = arrays(layer, "precise", batch, "float64", operation == "backward")
            x["b"] = x["b"] and [v + PRECISE for v in x["b"]]
            if operation == "backward":
                x["dz"] = precise(x["dz"])
            book.valid(f"{layer['n_out']} x {layer['n_in']}, bias {layer['bias']}", "", "float64", bugs=(), **x)


def kind_cases(book):
    """The compatibility kinds with other seeds and K = 1, and the newer kinds with pieces larger than their default."""
    for kind, bias in (("authors2015", "hashed"), ("pytorch2019", "hashed"), ("keras", "dense")):
        for operation in ("forward", "backward"):
            book.group(kind, operation, f"{operation} with another seed, and with one bucket")
            other = reachable(6, 8, "1/4", 123456789, bias, kind)
            single = reachable(6, 8, "1/48", 2**32 - 1, bias, kind)
            for layer in (other, single):
                x = arrays(layer, kind + "other", 3, "float32", operation == "backward")
                book.valid(f"seed {layer['seed']}, K = {layer['buckets']}", "", "float32", bugs=(), **x)
    for kind, zero, bias in (("pytorch2019", "pytorch2019-015", "hashed"), ("keras", "keras-014", "dense")):
        book.group(
            kind, "network", f"beside {zero}, in which every ReLU is off and all is zero: the same shape, not zero"
        )
        made = [reachable(4, 4, "1/3", 2, one, kind) for one in (bias, None)]
        x = network(f"{kind}lively", 1, [4, 4, 4], [6, 6], [bias, None], 2, [kind, kind])
        x["layers"] = [{k: v for k, v in layer.items() if k != "seed"} for layer in made]
        book.valid("equal shapes share one map, faithfully", "OtherKind", "float32", 2e-6, **x)
    for kind, size in (("chunk", 100), ("tile", 80)):
        near = {
            "i": [0, 1, 31, 32, 79, 80, 99, 100, 159, 160, 161, 3],
            "j": [0, 99, 100, 31, 32, 79, 80, 81, 199, 5, 160, 0],
        }
        book.group(kind, "bucket_sign", "pieces larger than the default")
        book.valid(
            f"size {size}", "", kind=kind, buckets=5000, seed=7, n_out=170, n_cols=200, size=size, bugs=(), **near
        )
        add_pair(book, kind, [(reachable(250, 170, "1/50", 71, "column", kind, size=size), 9, "float32")])


def network_cases(book):
    """Networks with larger batches, widths and sums, and with a row of four layers and dropout."""
    widths = [40, 90, 20]
    for topic, bias, rate in (("two-layers", "dense", 0), ("dropout", "column", "1/2")):
        book.group(topic, "network", "a batch of 40, and sums in the hundreds")
        made = [reachable(*widths[n : n + 2], "1/8", 0, bias) for n in (0, 1)]
        layers = [{k: v for k, v in layer.items() if k != "seed"} for layer in made]
        weights = []
        for n, layer in enumerate(made):
            size = {"dense": layer["n_out"]}.get(bias)
            weights.append({"w": formula(n + 1, layer["buckets"]), "b": size and formula(n + 5, size)})
        masks = [
            [[(5 * r + 3 * c * c + r * c) % 7 % 2 for c in range(width)] for r in range(40)] for width in widths[:2]
        ]
        x = {"seed": 2**31 + 7, "layers": layers, "weights": weights, "x": formula(2, 40, 40)}
        x |= {"masks": masks if rate else None, "rate": Fraction(rate), "dz": formula(3, 40, 20)}
        book.valid(f"widths {widths}, bias {bias}, batch 40", "", "float32", 2e-6, answer_in_fractions, (), **x)
    book.group("two-layers", "network", "sums in the thousands")
    layers = [reachable(6, 9, "1/3", 0), reachable(9, 4, "1/3", 0)]
    book.valid(
        "widths [6, 9, 4], weights 64 times as large",
        "",
        "float32",
        2e-6,
        bugs=(),
        seed=9,
        layers=[{k: v for k, v in layer.items() if k != "seed"} for layer in layers],
        weights=[
            {"w": [64 * v for v in values(f"wide{n}", layer["buckets"], 8)], "b": None}
            for n, layer in enumerate(layers)
        ],
        x=matrix("xwide", 3, 6, 8),
        masks=None,
        rate=Fraction(0),
        dz=matrix("dzwide", 3, 4, 8),
    )


def loss_cases(book):
    """Losses of more examples and classes, and of a label that the network holds for impossible."""
    one = {"soft": None, "temperature": Decimal(1), "mix": Decimal(0)}
    book.group("loss", "loss", "larger batches, more classes, larger losses")
    book.valid(
        "batch 40, 20 classes",
        "",
        "float32",
        2e-6,
        bugs=(),
        z=decimals(matrix("zloss", 40, 20, 8)),
        y=[(7 * n + 3) % 20 for n in range(40)],
        **one,
    )
    z = decimals([[1000, 0, -1000], [0, 500, -20], [3, 2, 1]])
    book.valid("losses of 2,000 and 500", "", "float32", 2e-6, bugs=(), z=z, y=[2, 0, 0], **one)
    book.withdraw("soft-targets")  # number 11, whose q had negative entries; version 5 asks the same with probabilities


def training_cases(book):
    """More steps, more weights and larger gradients."""
    layer = reachable(3, 4, "1/2", 81, "hashed")
    steps = [
        {"a": matrix(f"many{n}", 2, 3, 8), "target": matrix(f"manyt{n}", 2, 4, 8), "lr": Fraction(1, 64)}
        for n in range(30)
    ]
    more = {"momentum": Fraction(1, 2), "weight_decay": Fraction(1, 32)}
    book.group("sgd", "sgd", "more steps, more weights, larger gradients")
    x = {"layer": layer, **weights_of(layer, "many", 8), "steps": steps, **more}
    book.valid("30 steps", "", "float32", 1e-5, bugs=(), **x)
    wide = reachable(60, 50, "1/2", 82, "dense")
    steps = [
        {"a": formula(4 * n, 5, 60), "target": formula(4 * n + 1, 5, 50), "lr": Fraction(1, 128)} for n in range(2)
    ]
    x = {"layer": wide, "w": formula(1, wide["buckets"]), "b": formula(9, 50), "steps": steps, **more}
    book.valid(f"K = {wide['buckets']}", "", "float32", 1e-5, answer_in_fractions, (), **x)
    large = {k: [512 * v for v in x] for k, x in weights_of(layer, "large", 8).items()}
    steps = [
        {"a": matrix(f"large{n}", 3, 3, 8), "target": matrix(f"larget{n}", 3, 4, 8), "lr": Fraction(1, 64)}
        for n in range(3)
    ]
    book.valid("weights in the hundreds", "", "float32", 1e-5, bugs=(), layer=layer, **large, steps=steps, **more)


def reordered(script, key, layer=0):
    """Add a forward pass of an earlier input with its rows reversed: another input of equal shape and sum."""
    a = next(step["a"] for step in script.steps if step["call"] == "forward" and step["layer"] == layer)
    script.steps.append({"call": "forward", "layer": layer, "a": a[::-1]})
    return script


def call_cases(book):
    """Scripts of many calls, of gradients that are added up on request, and of arrays that the caller uses again."""
    add = add_scripts(book)
    plain = reachable(5, 4, "1/3", 7)
    biased = [
        reachable(5, 4, "1/3", 7, "column"),
        reachable(6, 9, "1/4", 3, "hashed"),
        reachable(4, 3, "1/2", 1, "dense"),
    ]
    book.group("sequences", "script", "many calls on one layer")
    for n, layer in enumerate([plain, biased[1]]):
        script = Script(f"t1{n}", layer)
        for call in range(10):
            script.forward(2, key=call % 2)
        add(f"forward ten times, two inputs in turn, bias {layer['bias']}", script)
        script = Script(f"t2{n}", layer)
        for call in range(7):
            script.backward(2, key=call % 2)
        add(f"backward seven times, two inputs in turn, bias {layer['bias']}", script)
    add("the same input with its rows in another order", reordered(Script("t3", plain).forward(3), 0))
    book.group("sequences", "script", "gradients are added up where that is asked for (accumulate), and only there")
    for n, layer in enumerate([plain, *biased]):
        script = Script(f"t4{n}", layer).backward(2).accumulate(2).accumulate(3).backward(2).accumulate(1).backward(3)
        add(
            f"two sums of gradients and one alone, bias {layer['bias']}", script, "AccumulationIgnored AccumulationMean"
        )
    script = Script("t5", plain).backward(2).accumulate(2).forward(2).accumulate(2)
    add("a forward pass does not end a sum", script, "AccumulationIgnored")
    book.group("sequences", "script", "V and its gradient between other calls (gather, scatter_add)")
    script = Script("t6", plain).gather().set_weights().gather().forward(2).step(2).gather()
    add("V follows the weights", script, "StaleGather", "float32", 1e-5)
    add("the gradient of V is not added up", Script("t7", plain).scatter_add().scatter_add().backward(2).scatter_add())
    book.group("sequences", "script", "velocities live as long as the layer")
    for n, layer in enumerate([plain, biased[2]]):
        script = Script(f"t8{n}", layer).step(2).set_weights().step(2).step(3)
        add(f"weights set between two steps, bias {layer['bias']}", script, "", "float32", 1e-5)
    book.group("sequences", "script", "the caller uses its arrays again: a layer keeps no array that it was given")
    for n, layer in enumerate([plain, *biased]):
        script = (
            Script(f"t9{n}", layer)
            .forward(2)
            .forward(2)
            .backward(2)
            .backward(2)
            .set_weights()
            .forward(2)
            .step(2)
            .forward(2)
        )
        add(f"arrays used again, bias {layer['bias']}", script, "", "float32", 1e-5, reused=True)
    for n, layer in enumerate([plain, biased[1]]):
        script = Script(f"t10{n}", layer).forward(2).forward(2).backward(2).backward(2).forward(2)
        add(f"arrays used again, forward and backward only, bias {layer['bias']}", script, reused=True)
