"""How each operation of the vectors is asked of an adapter: calls, named outputs, and the same calls as pasteable text.

An operation is a list of calls in words, such as `layer.forward(a)`. The runner evaluates these very words, so what a
report prints to reproduce a failure is what was run.
"""

import re
from typing import Any

import numpy as np

from .adapter import Adapter, LayerSpec
from .cases import Case, dense, make_spec, matrix

MAKE = "layer = {name}(spec, w, b)"

# operation -> (methods that it needs, lines to run, names of what the last line's value holds)
OPERATIONS: dict[str, tuple[tuple[str, ...], list[str], tuple[str, ...]]] = {
    "hash": (("hash",), ["{name}.hash(i, j, seed)"], ("hash",)),
    "hash_text": (("hash_text",), ["{name}.hash_text(texts, seed)"], ("hash",)),
    "bucket_sign": (("bucket_sign",), ["{name}.bucket_sign(i, j, kind, buckets, seed)"], ("bucket", "sign")),
    "bucket_counts": (
        ("bucket_counts",), ["{name}.bucket_counts(compression, n_in, n_out, bias)"], ("buckets", "bias_buckets")
    ),
    "derive_seed": (("derive_seed",), ["[{name}.derive_seed(seed, k) for k in n]"], ("seed",)),
    "gather": (("gather",), [MAKE, "layer.gather()"], ("V",)),
    "scatter_add": (("scatter_add",), [MAKE, "layer.scatter_add(dV)"], ("dw",)),
    "forward": (("forward",), [MAKE, "layer.forward(a)"], ("z",)),
    "backward": (("backward",), [MAKE, "[layer.backward(a, dz) for call in range(calls)][-1]"], ("dw", "db", "da")),
    "network": (("network",), ["{name}.network(seed, layers, weights, x, masks, rate, dz)"], ("z", "grads", "dx")),
    "loss": (("loss",), ["{name}.loss(z, y, soft, temperature, mix)"], ("loss", "dz")),
    "sgd": (
        ("forward", "step"),
        [MAKE, "[layer.step(a, (np.asarray(layer.forward(a)) - target) / len(a), lr, momentum, weight_decay)"
               " for a, target, lr in steps][-1]"],
        ("w", "b"),
    ),
    "stored_bytes": (("stored_bytes",), [MAKE, "layer.stored_bytes()"], ("bytes",)),
}


def missing_methods(adapter: type[Adapter], operation: str) -> list[str]:
    """List the methods that an operation needs and the adapter hasn't written."""
    return [name for name in OPERATIONS[operation][0] if getattr(adapter, name) is getattr(Adapter, name)]


def variables(case: Case) -> dict[str, Any]:
    """Turn the inputs of a case into the variables that its lines use."""
    x, dtype = case.inputs, case.dtype
    if "layer" in x:
        return layer_variables(x, dtype)
    if case.operation == "network":
        return network_variables(x, dtype)
    if case.operation == "loss":
        soft = None if x["soft"] is None else np.array(x["soft"], dtype)
        return {**x, "z": np.array(x["z"], dtype), "y": np.array(x["y"]), "soft": soft}
    return {k: np.array(v, np.int64) if k in ("i", "j") else v for k, v in x.items()}


def layer_variables(x: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Make spec, w, b and whatever else an operation on one layer takes."""
    layer = x["layer"]
    out = {**x, "spec": make_spec(layer, dtype), "b": None if x.get("b") is None else dense(x["b"], dtype)}
    out["w"] = dense(x["w"], dtype) if "w" in x else np.zeros(layer["buckets"], dtype)
    sizes = {"a": layer["n_in"], "dV": layer["n_in"], "dz": layer["n_out"]}
    out |= {name: matrix(x[name], size, dtype) for name, size in sizes.items() if name in x}
    if "steps" in x:
        out["steps"] = [(np.array(s["a"], dtype), np.array(s["target"], dtype), s["lr"]) for s in x["steps"]]
    del out["layer"]
    return out


def network_variables(x: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Make the arguments of a network."""
    weights = [(dense(p["w"], dtype), None if p["b"] is None else dense(p["b"], dtype)) for p in x["weights"]]
    masks = None if x["masks"] is None else [np.array(m, dtype) for m in x["masks"]]
    arrays = {name: np.array(x[name], dtype) for name in ("x", "dz")}
    return {**x, **arrays, "layers": [make_spec(v, dtype) for v in x["layers"]], "weights": weights, "masks": masks}


def run(adapter: type[Adapter], case: Case, values: dict[str, Any]) -> Any:
    """Run the lines of a case; returns the value of the last. What the adapter raises is passed on."""
    _, lines, _ = OPERATIONS[case.operation]
    scope = {**values, "np": np, "Layer": adapter}
    for line in lines[:-1]:
        exec(line.format(name="Layer"), scope)
    return eval(lines[-1].format(name="Layer"), scope)


def by_name(case: Case, result: Any) -> dict[str, Any]:
    """Name the outputs of a case. ValueError if they are too many or too few."""
    names = OPERATIONS[case.operation][2]
    if len(names) > 1 and len(result) != len(names):
        raise ValueError(f"expected {len(names)} values ({', '.join(names)}), got {len(result)}")
    found = dict(zip(names, result if len(names) > 1 else (result,), strict=True))
    for n, (dw, db) in enumerate(found.pop("grads", ())):
        found |= {f"dw{n}": dw, f"db{n}": db}
    return found


def as_text(value: Any) -> str:
    """Write a value as Python that makes it again."""
    if isinstance(value, np.ndarray):
        if value.size > 500:  # mostly one value, not always the first one (test_the_lines_set_what_was_run)
            values, counts = np.unique(value, return_counts=True)
            rest = values[counts.argmax()]
            at = [tuple(map(int, index)) for index in np.argwhere(value != rest)]
            fill = f"np.full({value.shape}, {float(rest)!r}, np.{value.dtype})"
            return fill + "".join(f"; {{var}}[{index}] = {float(value[index])!r}" for index in at)
        return f"np.array({value.tolist()!r}, np.{value.dtype})" + f".reshape({value.shape})" * (value.size == 0)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(as_text, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    return repr(value)


def as_lines(case: Case, implementation: str) -> list[str]:
    """Write the lines that reproduce a case, ready to be pasted."""
    module, _, name = implementation.partition(":")
    values, (_, lines, _) = variables(case), OPERATIONS[case.operation]
    words = re.findall(r"\w+", " ".join(lines))
    setting = [f"{k} = {as_text(v)}".replace("{var}", k) for k, v in values.items() if k in words]
    imports = ["import numpy as np", f"from {module} import {name}"]
    if any("LayerSpec(" in line for line in setting):
        imports.append(f"from {__package__} import {LayerSpec.__name__}")
    *before, last = (line.format(name=name) for line in lines)
    expected = f"# expected: {shorten(case.expected)}" if case.valid else "# expected: an error"
    return [*imports, *setting, *before, f"print({last})  {expected}"]


def shorten(value: Any) -> str:
    """Write a value in at most 200 characters."""
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
