"""What the failing cases of a stage have in common, and those that pass have not: sizes, kinds, calls."""

from typing import Any

from .operations import CALLS
from .results import FAILS, PASSES, Result


def features(result: Result) -> dict[str, Any]:
    """List what can be said about a case in numbers and words."""
    x = result.case.inputs
    layer = x.get("layer") or (x["layers"][0] if x.get("layers") else x)
    batch = next((x[name] for name in ("a", "x", "z") if name in x), None)
    out = {
        "batch": None if batch is None else batch["shape"][0] if isinstance(batch, dict) else len(batch),
        "n_in": layer.get("n_in"), "n_out": layer.get("n_out"), "K": layer.get("buckets"),
        "K_b": layer.get("bias_buckets") or None, "seed": layer.get("seed", x.get("seed")),
        "number of layers": len(x["layers"]) if "layers" in x else None,
        "momentum": x.get("momentum"), "weight decay": x.get("weight_decay"), "rate": x.get("rate"),
        "temperature": x.get("temperature"), "mix": x.get("mix"), "calls": x.get("calls"),
        "length": max(map(len, x["texts"]), default=0) if "texts" in x else None,
        "largest i": max(x["i"], default=0) if "i" in x else None,
        "largest j": max(x["j"], default=0) if "j" in x else None,
    }
    if isinstance(layer.get("n_in"), int) and isinstance(layer.get("buckets"), int):
        out["virtual weights"] = layer["n_in"] * layer["n_out"]
        out["virtual weights / K"] = layer["n_in"] * layer["n_out"] / max(1, layer["buckets"])
    numbers = {k: v for k, v in out.items() if isinstance(v, int | float)}
    words = {"dtype": result.case.dtype, "kind": layer.get("kind"), "bias": str(layer.get("bias")),
             "input": "valid" if result.case.valid else "to be refused"}
    if "steps" in x:
        calls = {step.get("call") for step in x["steps"]}
        words |= {f"a call of {call}": "yes" if call in calls else "no" for call in CALLS}
    if "layers" in x and "steps" in x:
        words["arrays that the caller uses again"] = "yes" if x.get("reused") else "no"
    return numbers | {k: v for k, v in words.items() if v is not None}


def common_ground(here: list[Result]) -> list[str]:
    """Say what all failing cases of a stage have in common and no passing one has; at most three things."""
    failing = [features(r) for r in here if r.status == FAILS]
    passing = [features(r) for r in here if r.status == PASSES and r.case.valid]
    out = []
    for name in dict.fromkeys(name for f in failing for name in f):
        bad = [f[name] for f in failing if name in f]
        good = [f[name] for f in passing if name in f]
        if len(bad) != len(failing) or len(good) < 2:  # one case that passes shows too little
            continue
        if isinstance(bad[0], str):
            if len(set(bad)) == 1 and bad[0] not in good:
                out.append(f"{name} is {bad[0]}" if not name.startswith(("a call", "arrays")) else f"{name}: {bad[0]}")
        elif min(bad) > max(good):
            out.append(f"{name} is {say_number(min(bad))} or more (at most {say_number(max(good))} where it passes)")
        elif max(bad) < min(good):
            out.append(f"{name} is {say_number(max(bad))} or less (at least {say_number(min(good))} where it passes)")
        elif len(set(bad)) == 1 and bad[0] not in good and differ_in_size(failing):
            out.append(f"{name} is {say_number(bad[0])}")
    return out[:3]


def differ_in_size(failing: list[dict[str, Any]]) -> bool:
    """Whether cases are of several sizes: what they agree in then says something."""
    return any(len({f.get(name) for f in failing}) > 1 for name in ("n_in", "n_out", "K"))


def near_ground(here: list[Result]) -> list[str]:
    """Say what kind or bias all failing cases have, where it is not that of all; some may pass by chance.

    A bug in the map of one kind leaves a few of its cases right, such as those with one bucket.
    """
    failing = [features(r) for r in here if r.status == FAILS]
    passing = [features(r) for r in here if r.status == PASSES and r.case.valid]
    out = []
    for name in ("kind", "bias", "dtype"):
        found = {f.get(name) for f in failing}
        word = next(iter(found), None)
        alike = sum(f.get(name) == word for f in passing)
        if len(failing) > 1 and len(found) == 1 and word is not None and 0 < 3 * alike <= len(passing):
            out.append(f"{name} is {word} (as it is in {alike} of the {len(passing)} that pass)")
    return out


def say_number(x: float) -> str:
    """Write a number."""
    return f"{x:.4g}" if isinstance(x, float) else str(x)
