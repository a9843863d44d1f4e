"""Inputs that must be refused, the grammar of a compression, and empty batches: what the first edition left out."""

from .inputs import arrays, make_layer, matrix, reachable, values


def grammar_cases(book):
    """The text of a compression (SPEC.md, section 3)."""
    book.group("bucket-count", "bucket_counts", "the grammar of a compression")
    for c in (".5", "1.", "0.5e0", "1E-3", "1e-40", "1e-999", "5e-1", "12.5e-2", "1/08", "007/8", "0.3e+0", "100e-3"):
        book.valid(f"compression {c!r}", "", compression=c, n_in=784, n_out=1000, bias="column")
    for c in (
        "+1/8",
        "+0.5",
        "-0.5",
        " 1/8",
        "1/8 ",
        "1 / 8",
        "1//8",
        "1/8/2",
        "0.5/1",
        "1/1e1",
        "1e",
        "e-1",
        ".",
        "1e-1000",
        "0x1p-3",
        "1_0/80",
        "0,5",
        "12.5%",
        "True",
        "0/5",
        "0.0",
        "2",
        "1.0000000000000000001",
    ):
        book.invalid(
            f"compression {c!r} is no number in (0, 1]",
            "CompressionUnchecked",
            compression=c,
            n_in=784,
            n_out=1000,
            bias=None,
        )


def border_cases(book):
    """Refusals and empty batches of a layer."""
    layer = reachable(5, 4, "1/3", 7)
    refused_layers(book, layer)
    refused_inputs(book, layer)
    refused_biases(book)
    refused_gradients(book, layer)
    limits_of_a_hashed_bias(book)
    pairs_from_a_compression(book)


def refused_layers(book, layer):
    """Negative sizes and a seed that is too large."""
    book.group("gather", "gather", "layers that must be refused")
    for change in ({"n_in": -5}, {"n_out": -4}, {"buckets": -7}, {"seed": 2**33}):
        book.invalid(
            f"a layer with {change}", "RangeUnchecked", "float32", layer={**layer, **change}, w=values("bad", 7)
        )


def refused_inputs(book, layer):
    """Inputs of the wrong shape, and the empty batch, without a bias."""
    book.group("forward", "forward", "inputs that must be refused, and the empty batch")
    x = arrays(layer, "border", 2, "float32")
    book.invalid("a is a vector of 5 numbers, not a batch", "ShapeUnchecked", "float32", **{**x, "a": values("bad", 5)})
    book.invalid("a is a vector of 4 numbers", "ShapeUnchecked", "float32", **{**x, "a": values("bad", 4)})
    book.invalid(
        "the rows of a have 5 and 4 numbers",
        "ShapeUnchecked",
        "float32",
        **{**x, "a": [values("bad", 5), values("bad", 4)]},
    )
    book.invalid(
        "the layer has no bias, but is given one of 4 numbers",
        "BiasUnchecked",
        "float32",
        **{**x, "b": values("bad", 4)},
    )
    book.valid("the empty batch keeps its width", "", "float64", **{**x, "a": []})


def refused_biases(book):
    """Biases that are missing or too many, and the empty batch with each bias."""
    hashed = reachable(5, 8, "1/4", 7, "hashed")
    book.group("bias", "forward", "biases that must be refused, and the empty batch")
    y = arrays(hashed, "border", 2, "float32")
    book.invalid("a hashed bias without its parameters", "ShapeUnchecked", "float32", **{**y, "b": None})
    for bias in ("column", "hashed", "dense"):
        one = reachable(5, 8, "1/4", 7, bias)
        book.valid(
            f"the empty batch keeps its width, bias {bias}",
            "",
            "float32",
            **{**arrays(one, "empty", 2, "float32"), "a": []},
        )
    column = reachable(5, 8, "1/4", 7, "column")
    book.invalid(
        "a bias column needs no parameters, but is given 8",
        "BiasUnchecked",
        "float32",
        **{**arrays(column, "border", 2, "float32"), "b": values("bad", 8)},
    )


def refused_gradients(book, layer):
    """Batches that do not fit together, and batches of none, one and many equal examples."""
    book.group("gradients", "backward", "inputs that must be refused, and the empty batch")
    z = arrays(layer, "border", 2, "float32", True)
    book.invalid("one row of dz for two rows of a", "ShapeUnchecked", "float32", **{**z, "dz": matrix("bad", 1, 4)})
    book.invalid("one row of a for two rows of dz", "ShapeUnchecked", "float32", **{**z, "a": matrix("bad", 1, 5)})
    book.invalid("dz is a vector", "ShapeUnchecked", "float32", **{**z, "dz": values("bad", 4)})
    book.valid("the empty batch keeps its width", "", "float32", **{**z, "a": [], "dz": []})
    book.valid("a batch of one", "", "float64", **arrays(layer, "one", 1, "float64", True))
    book.valid(
        "many of one example",
        "BatchMixed",
        "float32",
        **{**z, "a": [z["a"][0]] * 3, "dz": [z["dz"][0], z["dz"][1], z["dz"][0]]},
    )


def limits_of_a_hashed_bias(book):
    """The smallest and the largest seed, K and K_b."""
    book.group("bias", "backward", "seeds and numbers of buckets at their limits")
    for n_in, n_out, K, K_b, seed in (
        (4, 6, 1, 1, 0),
        (4, 6, 30, 7, 2**32 - 1),
        (3, 5, 15, 5, 2**31),
        (6, 7, 4, 2, 2**31 - 1),
    ):
        one = make_layer(n_in, n_out, K, seed, "hashed", K_b) | {"compression": {1: "1/24", 15: "1"}.get(K)}
        book.valid(
            f"{n_out} x {n_in}, K = {K}, K_b = {K_b}, seed {seed}",
            "",
            "float32",
            **arrays(one, "limit", 3, "float32", True),
        )


def pairs_from_a_compression(book):
    """Kinds that hash text, with K and K_b from one compression."""
    for kind in ("pytorch2019", "authors2015"):
        seed = {"pytorch2019": 2, "authors2015": 1691}[kind]
        one = reachable(6, 8, "1/4", seed, "hashed", kind)
        for operation in ("forward", "backward"):
            book.group(kind, operation, f"{operation} with a pair of K and K_b that a compression yields")
            book.valid(
                "bias hashed, compression 1/4",
                "",
                "float32",
                **arrays(one, kind + "pair", 3, "float32", operation == "backward"),
            )
