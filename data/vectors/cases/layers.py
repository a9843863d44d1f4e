"""Cases of one layer: V, its gradient, forward, backward and the three biases."""

from .inputs import FULL, arrays, make_layer, matrix, values, weights_of


def gather_cases(book):
    shapes = [
        (1, 1, 1, 7, ""),
        (3, 2, 4, 7, "ShortKey"),
        (4, 4, 3, 7, "TransposedKey"),
        (5, 4, 7, 1, "SeedIgnored SignIgnored"),
        (5, 4, 2, 7, "SharedBits SignZeroOne"),
        (4, 5, 8, 3, "SharedBits SignedHash"),
        (7, 3, 20, 7, "FlatKey WideKey"),
        (1, 6, 3, 7, "LastBucket"),
        (6, 1, 3, 7, "LastBucket"),
        (3, 3, 2, 0, "SeedAsFlag"),
        (6, 5, 100, 2**32 - 1, "Hash64"),
        (4, 4, 1, 11, "SignFlipped"),
    ]
    book.group("gather", "gather", "V from the real weights (Eq. 7); no bias")
    for n_in, n_out, buckets, seed, flags in shapes:
        layer = make_layer(n_in, n_out, buckets, seed)
        for dtype in ("float32", "float64")[: 1 + (buckets == 7)]:
            book.valid(
                f"{n_out} x {n_in}, K = {buckets}, seed {seed}, {dtype}",
                flags,
                dtype,
                layer=layer,
                w=weights_of(layer, "gather")["w"],
            )
    layer = make_layer(5, 4, 7)
    for size in (6, 8):
        book.invalid(f"{size} real weights for K = 7", "ShapeUnchecked", "float32", layer=layer, w=values("bad", size))
    for change in ({"buckets": 0}, {"seed": -1}, {"seed": 2**32}, {"n_in": 0}, {"n_out": 0}):
        book.invalid(
            f"a layer with {change}", "RangeUnchecked", "float32", layer={**layer, **change}, w=values("bad", 7)
        )
    book.invalid(
        "there is no such kind of map", "KindUnchecked", "float32", layer={**layer, "kind": "md5"}, w=values("bad", 7)
    )

    book.group("scatter-add", "scatter_add", "the gradient of V summed into the real weights (Eq. 11, 12); no bias")
    more = {2: "DuplicateDropped", 3: "GradientMean", 7: "GradientSignMissing DuplicateDropped", 1: ""}
    for n_in, n_out, buckets, seed, _ in shapes:
        layer = make_layer(n_in, n_out, buckets, seed)
        for dtype in ("float32", "float64")[: 1 + (buckets == 7)]:
            book.valid(
                f"{n_out} x {n_in}, K = {buckets}, seed {seed}, {dtype}",
                more.get(buckets, "") if n_in * n_out > 6 else "",
                dtype,
                layer=layer,
                dV=matrix("dV", n_out, n_in),
            )
    layer = make_layer(5, 4, 7)
    for n_out, n_in in ((5, 4), (4, 4), (3, 5), (1, 5)):
        book.invalid(
            f"dV is {n_out} x {n_in}, V is 4 x 5",
            "ShapeUnchecked",
            "float32",
            layer=layer,
            dV=matrix("bad", n_out, n_in),
        )


FORWARD_SHAPES = [  # n_in, n_out, buckets, seed, batch, dtype, flags of forward, flags of backward
    (1, 1, 1, 7, 1, "float32", "", ""),
    (3, 2, 4, 7, 2, "float32", "ShortKey", "DuplicateDropped"),
    (4, 4, 3, 7, 2, "float32", "TransposedKey", "InputGradientTransposed GradientMean"),
    (5, 4, 7, 1, 3, "float32", "SeedIgnored SignIgnored", "GradientSignMissing InputGradientUnsigned"),
    (5, 4, 7, 1, 3, "float64", "Float32Math", "Float32Math"),
    (6, 6, 8, 3, 2, "float32", "SharedBits", "InputGradientTransposed"),
    (7, 3, 20, 7, 0, "float32", "", ""),
    (7, 3, 20, 7, 4, "float64", "OneBased", "BatchAveraged"),
    (1, 6, 3, 0, 2, "float32", "SeedAsFlag LastBucket", "BatchAveraged"),
    (6, 1, 3, 7, 2, "float32", "LastBucket", "DuplicateDropped"),
    (9, 8, 100, 2**32 - 1, 1, "float32", "Hash64 BigEndianKey", ""),
    (12, 10, 2, 5, 2, "float32", "SharedBits", "GradientMean"),
]


def layer_cases(book):
    book.group("forward", "forward", "z = a V^T (Eq. 8); no bias")
    for n_in, n_out, buckets, seed, batch, dtype, flags, _ in FORWARD_SHAPES:
        book.valid(
            f"{n_out} x {n_in}, K = {buckets}, batch {batch}, {dtype}",
            flags,
            dtype,
            **arrays(make_layer(n_in, n_out, buckets, seed), "forward", batch, dtype),
        )
    x = arrays(make_layer(5, 4, 7), "bad", 2, "float32")
    book.invalid("a has 4 columns, n_in is 5", "ShapeUnchecked", "float32", **{**x, "a": matrix("bad", 2, 4)})
    book.invalid("a has 1 column, n_in is 5", "ShapeUnchecked", "float32", **{**x, "a": matrix("bad", 2, 1)})
    large = make_layer(12, 10, 20)  # for GPUs: compilers may treat tiny matrices apart
    x = arrays(large, "full", 5, "float32", scales=FULL)
    book.valid("factors of 21 bits", "ReducedPrecision", "float32", **x)

    book.group("gradients", "backward", "gradients of the real weights (Eq. 12) and of the input (Eq. 9); no bias")
    for n_in, n_out, buckets, seed, batch, dtype, _, flags in FORWARD_SHAPES:
        book.valid(
            f"{n_out} x {n_in}, K = {buckets}, batch {batch}, {dtype}",
            flags,
            dtype,
            **arrays(make_layer(n_in, n_out, buckets, seed), "backward", batch, dtype, True),
        )
    x = arrays(make_layer(5, 4, 7), "twice", 2, "float32", True)
    book.valid(
        "backward called twice: the second replaces the first", "GradientAccumulated", "float32", **{**x, "calls": 2}
    )
    book.valid("all units of the error term but one are 0", "", "float32", **{**x, "dz": [[0, 0, 1, 0], [0, 0, 0, 0]]})
    book.invalid("dz has 5 columns, n_out is 4", "ShapeUnchecked", "float32", **{**x, "dz": matrix("bad", 2, 5)})
    book.invalid("dz has 3 rows, a has 2", "ShapeUnchecked", "float32", **{**x, "dz": matrix("bad", 3, 4)})
    x = arrays(large, "full", 5, "float32", True, FULL)
    book.valid("factors of 21 bits", "ReducedPrecision", "float32", **x)


def bias_cases(book):
    layers = [
        (make_layer(5, 4, 7, 7, "column"), "BiasColumnLast BiasIgnored"),
        (make_layer(3, 3, 2, 1, "column"), "BiasColumnLast SharedBits"),
        (make_layer(4, 3, 5, 9, "column"), "BiasIgnored"),
        (make_layer(5, 8, 7, 7, "hashed", 3), "BiasNotHashed BiasSignIgnored BiasSeedShared"),
        (make_layer(3, 6, 4, 1, "hashed", 1), "BiasSignIgnored"),
        (make_layer(4, 9, 6, 3, "hashed", 4), "BiasNotHashed BiasSeedShared"),
        (make_layer(5, 4, 7, 7, "dense"), "BiasIgnored"),
        (make_layer(4, 1, 2, 7, "dense"), "BiasIgnored"),
    ]
    book.group("bias", "forward", "the three biases, forward")
    for layer, flags in layers:
        for dtype in ("float32", "float64"):
            book.valid(f"bias {layer['bias']}, {dtype}", flags, dtype, **arrays(layer, "bias", 2, dtype))
    for layer, size in ((layers[3][0], 2), (layers[3][0], 8), (layers[6][0], 3), (layers[6][0], 1)):
        x = arrays(layer, "bad", 2, "float32")
        book.invalid(
            f"{size} bias weights, expected {len(x['b'])} (bias {layer['bias']})",
            "ShapeUnchecked",
            "float32",
            **{**x, "b": values("bad", size)},
        )
    x = arrays(layers[0][0], "bad", 2, "float32")
    book.invalid("there is no such bias", "BiasUnchecked", "float32", **{**x, "layer": {**x["layer"], "bias": "row"}})

    book.group("bias", "backward", "the three biases, backward")
    for layer, _ in layers:
        extra = {"column": "BiasColumnLast", "hashed": "BiasNotHashed" * (layer["bias_buckets"] > 1), "dense": ""}
        book.valid(
            f"bias {layer['bias']}", extra[layer["bias"]], "float32", **arrays(layer, "bias", 3, "float32", True)
        )
    x = arrays(layers[3][0], "twice", 2, "float32", True)
    book.valid("backward called twice", "GradientAccumulated", "float32", **{**x, "calls": 2})
