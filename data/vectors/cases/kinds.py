"""Cases of the compatibility kinds, and of what a layer saves."""

from specification import TEXT_SEEDS

from .inputs import arrays, make_layer, network, weights_of

COMPATIBILITY = {
    "authors2015": "ZeroBased KeyText",
    "pytorch2019": "OneBased KeyText",
    "keras": "TransposedKey OneBased",
}


def compatibility_cases(book):
    for kind, flags in COMPATIBILITY.items():
        seed, bias = TEXT_SEEDS[kind], "dense" if kind == "keras" else "hashed"
        book.group(kind, "bucket_sign", f"the map of {kind}: text keys, bucket = hash mod K")
        near = {"i": [0, 1, 0, 2, 9, 8, 99, 97, 999, 9999], "j": [0, 0, 1, 3, 9, 97, 98, 10, 783, 99999]}
        far = {"i": [10**6, 2**24 + 1, 2**31, 2**32 - 1, 0], "j": [10**7, 3, 2**31 + 1, 2**32 - 1, 2**32 - 1]}
        for buckets in (1, 7, 98000):
            book.valid(
                f"K = {buckets}, seed {seed}",
                flags if buckets > 1 else "",
                kind=kind,
                buckets=buckets,
                seed=seed,
                **near,
            )
        book.valid("far indices, long keys", "StripesSkipped", kind=kind, buckets=2**31 - 1, seed=seed, **far)
        book.valid("another seed", "SeedIgnored", kind=kind, buckets=98000, seed=1234, **near)
        if kind != "keras":
            for buckets in (3, 1000):
                book.valid(
                    f"the map of the bias, K_b = {buckets}",
                    "KeyText",
                    kind=kind + "_bias",
                    buckets=buckets,
                    seed=seed,
                    i=near["i"],
                    j=[0] * 10,
                )
        layer, small = make_layer(5, 4, 7, seed, None, 0, kind), make_layer(4, 4, 3, seed, None, 0, kind)
        with_bias = make_layer(4, 6, 5, seed, bias, 3 if bias == "hashed" else 0, kind)
        book.group(kind, "gather", f"V of {kind}")
        for one, flag in ((layer, "OtherKind" + " SignKeyShared" * (kind != "keras")), (small, "TransposedKey")):
            book.valid(
                f"{one['n_out']} x {one['n_in']}, K = {one['buckets']}",
                flag,
                "float32",
                layer=one,
                w=weights_of(one, kind)["w"],
            )
        book.group(kind, "forward", f"forward of {kind}, bias {bias}")
        for one in (layer, with_bias):
            book.valid(f"bias {one['bias']}", "OtherKind", "float32", **arrays(one, kind, 2, "float32"))
        for wrong in ("column", "hashed") if kind == "keras" else ("column",):
            bad = make_layer(5, 4, 7, seed, wrong, 2 if wrong == "hashed" else 0, kind)
            book.invalid(f"{kind} has no bias {wrong!r}", "BiasUnchecked", "float32", **arrays(bad, kind, 2, "float32"))
        book.group(kind, "backward", f"gradients of {kind}, bias {bias}")
        for one in (layer, with_bias):
            book.valid(f"bias {one['bias']}", "GradientMean", "float32", **arrays(one, kind, 2, "float32", True))
        book.group(kind, "network", f"two layers of {kind}: one seed for both, as in the code that it reproduces")
        book.valid(
            "equal shapes share one map, faithfully",
            "OtherKind",
            "float32",
            2e-6,
            **network(kind, 1, [4, 4, 4], [5, 5], [bias, None], 2, [kind, kind]),
        )


def storage_cases(book):
    """What a layer saves: its real weights, and at most 4 KiB beside them."""
    book.group("storage", "stored_bytes", "a saved layer holds its real weights and no map")
    for n_in, n_out, buckets, bias, bias_buckets, dtype in [
        (784, 1000, 12250, "hashed", 16, "float32"),
        (784, 1000, 12266, "column", 0, "float32"),
        (500, 500, 3907, None, 0, "float64"),
    ]:
        layer = make_layer(n_in, n_out, buckets, 7, bias, bias_buckets)
        size = {"float32": 4, "float64": 8}[dtype] * (buckets + bias_buckets)
        fill = lambda n: {"shape": [n], "at": [], "rest": 0.5}  # noqa: E731
        book.add(
            f"{n_out} x {n_in} at 1/64, bias {bias}, {dtype}",
            "CheckpointHoldsMap",
            dtype,
            0,
            "valid",
            {"layer": layer, "w": fill(buckets), "b": fill(bias_buckets) if bias_buckets else None},
            {"min_bytes": size, "max_bytes": size + 4096},
            [],
        )
