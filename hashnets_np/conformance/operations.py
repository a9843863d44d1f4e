"""How each operation of the vectors is asked of an adapter: calls, named outputs, and the same calls as pasteable text.

An operation is a list of calls in words, such as `layer.forward(a)`. The runner evaluates these very words, so what a
report prints to reproduce a failure is what was run.
"""

import re
from typing import Any

import numpy as np

from .adapter import KINDS, Adapter, LayerSpec
from .cases import Case, dense, make_spec, matrix
from .wording import shown

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
    "script": ((), [], ()),  # what a script needs is in its steps
}
BY_SHAPE = "{name}.bucket_sign(i, j, kind, buckets, seed, n_out=n_out, n_cols=n_cols, size=size)"

# call of a script -> (line to run at step {n}, names of its outputs)
CALLS = {
    "forward": ("z{n} = layer{layer}.forward(a_{n})", ("z",)),
    "backward": ("dw{n}, db{n}, da{n} = layer{layer}.backward(a_{n}, dz_{n})", ("dw", "db", "da")),
    "accumulate": ("dw{n}, db{n}, da{n} = layer{layer}.accumulate(a_{n}, dz_{n})", ("dw", "db", "da")),
    "gather": ("V{n} = layer{layer}.gather()", ("V",)),
    "scatter_add": ("dw{n} = layer{layer}.scatter_add(dV_{n})", ("dw",)),
    "set_weights": ("layer{layer}.set_weights(w_{n}, b_{n})", ()),
    "step": ("w{n}, b{n} = layer{layer}.step(a_{n}, dz_{n}, lr_{n}, momentum_{n}, weight_decay_{n})", ("w", "b")),
}

# the same numbers laid out differently in memory; a layer that reads memory without regard to strides gets it wrong
LAYOUTS = {
    "in Fortran order": "np.asfortranarray({x})",
    "with negative strides": "np.flip(np.flip({x}).copy())",
    "that are columns of a wider array": "np.concatenate([{x}, {x}], axis=-1)[..., :{x}.shape[-1]]",
}
FEW_ENTRIES = 20  # that are written one by one
MOST_ENTRIES = 10**5  # of an array that is copied into another layout


def needs_shape(inputs: dict[str, Any]) -> bool:
    """Whether a map needs the shape of V: those of all kinds since specification 1.1 do."""
    return "n_out" in inputs and inputs["kind"].removesuffix("_bias") not in KINDS


def lines_of(case: Case) -> list[str]:
    """List the lines of a case; {name} stands for the adapter."""
    if case.operation == "bucket_sign" and needs_shape(case.inputs):
        return [BY_SHAPE]
    if case.operation != "script":
        return OPERATIONS[case.operation][1]
    layers = case.inputs["layers"]
    steps = case.inputs["steps"]
    lines = [f"layer{n} = {{name}}(spec{n}, weights{n}, biases{n})" for n in range(len(layers))]
    if case.inputs.get("reused"):
        return [*lines, *lines_that_reuse(layers, steps), returned(case)]
    lines += [CALLS[step["call"]][0].format(n=n, layer=step["layer"]) for n, step in enumerate(steps)]
    return [*lines, returned(case)]


def returned(case: Case) -> str:
    """Write the last line of a script: its outputs by name."""
    return "{{" + ", ".join(f"'{name}': {name}" for name in script_outputs(case)) + "}}"


def lines_that_reuse(layers: list[dict[str, Any]], steps: list[dict[str, Any]]) -> list[str]:
    """List the lines of a script whose caller overwrites its arrays after each call and fills them anew for the next.

    An array of equal name and length is the same memory in every call, so a layer that keeps what it was given, or that
    recognises an input by its address, gives a wrong answer.
    """
    memory = {("w", len(layer["w"])): f"weights{n}" for n, layer in enumerate(layers)}
    memory |= {("b", len(layer["b"])): f"biases{n}" for n, layer in enumerate(layers) if layer["b"]}
    lines = [f"{variable}[...] = 99" for variable in memory.values()]
    for n, step in enumerate(steps):
        call = CALLS[step["call"]][0].format(n=n, layer=step["layer"])
        used = []
        for name in ("a", "dz", "w", "b"):
            if step.get(name) is None:
                continue
            variable = memory.setdefault((name, len(step[name])), f"{name}_{n}")
            if variable != f"{name}_{n}":
                lines.append(f"{variable}[...] = {name}_{n}")
                call = re.sub(rf"\b{name}_{n}\b", variable, call)
            used.append(f"{variable}[...] = 99")
        lines += [call, *used]
    return lines


def script_outputs(case: Case) -> list[str]:
    """List the outputs of a script."""
    return [f"{name}{n}" for n, step in enumerate(case.inputs["steps"]) for name in CALLS[step["call"]][1]]


def methods_of(case: Case) -> tuple[str, ...]:
    """List the methods of an adapter that a case needs."""
    if case.operation == "script":
        return tuple(dict.fromkeys(step["call"] for step in case.inputs["steps"]))
    return OPERATIONS[case.operation][0]


def missing_methods(adapter: type[Adapter], methods: tuple[str, ...]) -> list[str]:
    """List those of some methods that the adapter hasn't written."""
    return [name for name in methods if getattr(adapter, name) is getattr(Adapter, name)]


def in_layout(x: np.ndarray, layout: str) -> np.ndarray:
    """Put an array into another layout."""
    return eval(LAYOUTS[layout].format(x="x"), {"np": np, "x": x})


def layout_lines(case: Case, layout: str) -> list[str]:
    """List the lines that put the arrays of a case into another layout; none without one."""
    if not layout:
        return []
    names = [name for name in ("w", "b", "a", "dz") if case.inputs.get(name) is not None]
    return [f"{name} = {LAYOUTS[layout].format(x=name)}" for name in names]


def variables(case: Case) -> dict[str, Any]:
    """Turn the inputs of a case into the variables that its lines use."""
    x = case.inputs
    dtype = case.dtype
    if "layer" in x:
        return layer_variables(x, dtype)
    if case.operation == "network":
        return network_variables(x, dtype)
    if case.operation == "script":
        return script_variables(x, dtype)
    if case.operation == "loss":
        soft = None if x["soft"] is None else np.array(x["soft"], dtype)
        return {**x, "z": np.array(x["z"], dtype), "y": np.array(x["y"]), "soft": soft}
    x = {"size": None, **x} if case.operation == "bucket_sign" else x
    return {k: np.array(v, np.int64) if k in ("i", "j") else v for k, v in x.items()}


def vector(x: Any, dtype: str) -> Any:
    """Make a vector, or None of nothing."""
    return None if x is None else dense(x, dtype)


def layer_variables(x: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Make spec, w, b and whatever else an operation on one layer takes."""
    layer = x["layer"]
    out = {**x, "spec": make_spec(layer, dtype), "b": vector(x.get("b"), dtype)}
    out["w"] = dense(x["w"], dtype) if "w" in x else np.zeros(layer["buckets"], dtype)
    sizes = {"a": layer["n_in"], "dV": layer["n_in"], "dz": layer["n_out"]}
    out |= {name: matrix(x[name], size, dtype) for name, size in sizes.items() if name in x}
    if "steps" in x:
        out["steps"] = [(dense(s["a"], dtype), dense(s["target"], dtype), s["lr"]) for s in x["steps"]]
    del out["layer"]
    return out


def network_variables(x: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Make the arguments of a network."""
    weights = [(dense(p["w"], dtype), vector(p["b"], dtype)) for p in x["weights"]]
    masks = None if x["masks"] is None else [np.array(m, dtype) for m in x["masks"]]
    arrays = {name: dense(x[name], dtype) for name in ("x", "dz")}
    return {**x, **arrays, "layers": [make_spec(v, dtype) for v in x["layers"]], "weights": weights, "masks": masks}


def script_variables(x: dict[str, Any], dtype: str) -> dict[str, Any]:
    """Make the layers and the arguments of every step. Layers with equal weights get one and the same array."""
    out: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for n, layer in enumerate(x["layers"]):
        w = given.setdefault(str(layer["w"]), dense(layer["w"], dtype))
        out |= {f"spec{n}": make_spec(layer, dtype), f"weights{n}": w, f"biases{n}": vector(layer["b"], dtype)}
    for n, step in enumerate(x["steps"]):
        layer = x["layers"][step["layer"]]
        sizes = {"a": layer["n_in"], "dz": layer["n_out"], "dV": layer["n_in"]}
        out |= {f"{name}_{n}": matrix(step[name], size, dtype) for name, size in sizes.items() if name in step}
        out |= {f"{name}_{n}": vector(step[name], dtype) for name in ("w", "b") if name in step}
        out |= {f"{name}_{n}": step[name] for name in ("lr", "momentum", "weight_decay") if name in step}
    return out


KEPT = r"\.(step|forward|backward|accumulate|gather|scatter_add)\("  # calls whose results are compared once more


class Overwritten(Exception):
    """A result that was returned earlier has changed since."""


def answer_of(adapter: type[Adapter], case: Case, values: dict[str, Any], layout: str = "") -> Any:
    """Run the lines of a case; returns the value of the last. What the adapter raises is passed on."""
    *lines, last = [*layout_lines(case, layout), *lines_of(case)]
    scope = {**values, "np": np, "Layer": adapter}
    kept: dict[str, Any] = {}
    for line in lines:
        exec(line.format(name="Layer"), scope)
        keep_results(line, scope, kept)
    for name, copy in kept.items():
        if not np.array_equal(np.asarray(scope[name]), copy, equal_nan=True):
            raise Overwritten(f"{name} was right when it was returned, and was changed by a later call")
    return eval(last.format(name="Layer"), scope)


def keep_results(line: str, scope: dict[str, Any], kept: dict[str, Any]) -> None:
    """Copy what a line of a script has returned; a step may return the weights themselves, so only the copy stays."""
    names, _, call = line.partition(" = ")
    for name in names.split(", ") if re.search(KEPT, call) else ():
        if scope.get(name) is None:
            continue
        copy = np.array(scope[name])
        if ".step(" in call:
            scope[name] = copy
        elif copy.dtype.kind in "iufb":
            kept[name] = copy


def by_name(case: Case, result: Any) -> dict[str, Any]:
    """Name the outputs of a case. ValueError if they are too many or too few."""
    if case.operation == "script":
        return result
    names = OPERATIONS[case.operation][2]
    if len(names) > 1 and (isinstance(result, dict) or not hasattr(result, "__len__")):
        method = OPERATIONS[case.operation][0][-1]
        raise ValueError(f"{method} returned {shown(result)}, expected ({', '.join(names)})")
    if len(names) > 1 and len(result) != len(names):
        raise ValueError(f"expected {len(names)} values ({', '.join(names)}), got {len(result)}")
    found = dict(zip(names, result if len(names) > 1 else (result,), strict=True))
    for n, (dw, db) in enumerate(found.pop("grads", ())):
        found |= {f"dw{n}": dw, f"db{n}": db}
    return found


def as_text(value: Any) -> str:
    """Write a value as a Python expression that gives it back."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return f"np.array({value.tolist()!r}, object)"
    if isinstance(value, np.ndarray):
        if value.size > 500 and (text := as_few_entries(value)):
            return text
        return f"np.array({value.tolist()!r}, np.{value.dtype})" + f".reshape({value.shape})" * (value.size == 0)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(as_text, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    return repr(value)


def as_few_entries(value: np.ndarray) -> str:
    """Write a large array by the entries that differ from most; nothing if these are many."""
    values, counts = np.unique(value, return_counts=True)
    rest = values[counts.argmax()]  # not always the first value (test_the_lines_set_what_was_run)
    if value.size - counts.max() > FEW_ENTRIES:
        return ""
    at = [tuple(map(int, index)) for index in np.argwhere(value != rest)]
    fill = f"np.full({value.shape}, {float(rest)!r}, np.{value.dtype})"
    return fill + "".join(f"; {{var}}[{index}] = {float(value[index])!r}" for index in at)


def is_too_large(value: Any) -> bool:
    """Whether an array is too large to be written down."""
    return isinstance(value, np.ndarray) and value.size > 500 and not as_few_entries(value)


def as_lines(case: Case, implementation: str, layout: str = "") -> list[str]:
    """Write the lines that reproduce a case, ready to be pasted."""
    module, _, name = implementation.partition(":")
    lines = [*layout_lines(case, layout), *lines_of(case)]
    values = variables(case)
    if "formula" in str(case.inputs) or (case.topic != "random" and any(map(is_too_large, values.values()))):
        return file_lines(case, module, name, lines)
    words = re.findall(r"\w+", " ".join(lines))
    setting = [f"{k} = {as_text(v)}".replace("{var}", k) for k, v in values.items() if k in words]
    imports = ["import numpy as np", f"from {module} import {name}"]
    if any("LayerSpec(" in line for line in setting):
        imports.append(f"from {__package__} import {LayerSpec.__name__}")
    *before, last = (line.format(name=name) for line in lines)
    expected = f"# expected: {shorten(case.expected)}" if case.valid else "# expected: an error"
    return [*imports, *setting, *before, f"print({last})  {expected}"]


def file_lines(case: Case, module: str, name: str, lines: list[str]) -> list[str]:
    """Write the lines of a case whose arrays are too large to write down, so that they come from the file."""
    *before, last = (line.format(name=name) for line in lines)
    return [f"from {module} import {name}", f"from {__package__}.operations import np, variables",
            f"from {__package__}.cases import all_cases",
            f"globals().update(variables(next(case for case in all_cases() if case.id == {case.id!r})))",
            *before, f"print({last})  # expected: see {case.id} in vectors.json"]


def shorten(value: Any) -> str:
    """Write a value in at most 200 characters."""
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."
