"""Cases beyond 2**24, where indices outgrow float32."""

from fractions import Fraction

from specification import Right

from .inputs import make_layer, values


def far_answer(model, operation, x):
    """Forward or backward of a layer too large to write down: only what isn't zero is looked at."""
    m, w, a = model.map(x["layer"]), dict(x["w"]["at"]), {j: v for _, j, v in x["a"]["at"]}
    V = {(i, j): model.bucket_sign(m, i, j) for i in range(m["n_out"]) for j in a}
    if operation == "forward":
        return {
            "z": [[sum((w.get(V[i, j][0], 0) * V[i, j][1] * a[j] for j in a), Fraction(0)) for i in range(m["n_out"])]]
        }
    dw = {}
    for (i, j), (k, s) in V.items():
        dw[k] = dw.get(k, 0) + x["dz"][0][i] * s * a[j]
    da = [[0, j, sum(w.get(V[i, j][0], 0) * V[i, j][1] * x["dz"][0][i] for i in range(m["n_out"]))] for j in a]
    return {
        "dw": {"shape": [m["buckets"]], "at": sorted([k, g] for k, g in dw.items()), "rest": 0},
        "db": None,
        "da": {"shape": [1, m["n_cols"]], "at": sorted(da), "rest": "any"},
    }


def far_layer_cases(book):
    """Layers with more than 2**24 columns, virtual weights or buckets; arrays by their few entries that matter."""
    for operation in ("forward", "backward"):
        book.group("large-layer", operation, "layers beyond 2**24 virtual weights, arrays given sparsely")
        for n_out, n_in, buckets, flags in [
            (1, 2**24 + 9, 61, "Float32Index"),
            (2, 2**23 + 5, 2**24 + 2**23 + 3, "Float32Index"),
        ]:
            layer = make_layer(n_in, n_out, buckets)
            columns = sorted({0, 1, 2**22 + 1, 2**23 + 3, n_in - 1, n_in - 2, n_in - 4})
            a = [[0, j, v] for j, v in zip(columns, values(f"far{n_in}", len(columns), 8), strict=True)]
            used = {
                k + d
                for i in range(n_out)
                for j in columns
                for d in (-1, 0, 1)
                for k, _ in [Right().bucket_sign(Right().map(layer), i, j)]
                if 0 <= k + d < buckets
            }
            w = sorted(zip(sorted(used), values(f"farw{n_in}", len(used)), strict=True))
            x = {
                "layer": layer,
                "w": {"shape": [buckets], "at": [list(p) for p in w], "rest": 0},
                "b": None,
                "a": {"shape": [1, n_in], "at": a, "rest": 0},
            }
            if operation == "backward":
                x |= {"dz": [values(f"fardz{n_in}", n_out, 8)], "calls": 1}
            book.valid(f"{n_out} x {n_in} virtual weights, K = {buckets}", flags, "float32", work=far_answer, **x)
