"""Random layers, checked against the specification in plain Python (data/vectors/specification.py).

The golden vectors are always the same; these are new for every seed. The specification needs the reference hash
library: `pip install xxhash`.
"""

import importlib.util
import random
from functools import cache
from typing import Any

from .cases import FOLDERS, Case

EDGES = (0, 1, 7, 2**31 - 1, 2**31, 2**32 - 1)  # of the seeds


@cache
def load_specification() -> Any:
    """Import specification.py. ValueError if it cannot be imported."""
    path = next((f / "specification.py" for f in FOLDERS if (f / "specification.py").is_file()), None)
    if path is None:
        raise ValueError("specification.py is not beside vectors.json; is the installation complete?")
    spec = importlib.util.spec_from_file_location("hashnets_specification", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise ValueError(f"random layers need the reference hash library: pip install xxhash ({error})") from error
    return module.Right()


def random_cases(seed: int, examples: int) -> list[Case]:
    """Make so many random layers, with a forward and a backward case each."""
    if not examples:
        return []
    right = load_specification()
    rng = random.Random(seed)
    return [case for n in range(examples) for case in random_pair(right, rng, f"{seed}-{n}")]


def random_pair(right: Any, rng: random.Random, name: str) -> list[Case]:
    """Make a forward and a backward case of one random layer."""
    n_in = rng.randint(1, 40)
    n_out = rng.randint(1, 40)
    batch = rng.randint(0, 6)
    bias = rng.choice(["column", "hashed", "dense", None])
    compression = f"1/{rng.randint(1, 70)}"
    K, K_b = right.bucket_counts(compression, n_in, n_out, bias)
    layer = {
        "n_in": n_in,
        "n_out": n_out,
        "kind": "xxhash",
        "buckets": K,
        "bias": bias,
        "bias_buckets": K_b,
        "seed": rng.choice([*EDGES, rng.randrange(2**32)]),
        "compression": compression,
    }
    numbers = lambda count: [rng.randrange(-15, 16, 2) / 8 for _ in range(count)]  # noqa: E731
    size = {"hashed": K_b, "dense": n_out}.get(str(bias))
    x = {
        "layer": layer,
        "w": numbers(K),
        "b": None if size is None else numbers(size),
        "a": [numbers(n_in) for _ in range(batch)],
    }
    dz = [numbers(n_out) for _ in range(batch)]
    z = right.forward(layer, x["w"], x["b"], x["a"])
    gradients = right.backward(layer, x["w"], x["b"], x["a"], dz)
    return [
        make_case(name, "forward", x, {"z": z}),
        make_case(name, "backward", {**x, "dz": dz, "calls": 1}, gradients),
    ]


def make_case(name: str, operation: str, x: dict[str, Any], expected: dict[str, Any]) -> Case:
    """Make a case of what the specification answers."""
    layer = x["layer"]
    words = f"a random layer, {layer['n_out']} x {layer['n_in']}, K = {layer['buckets']}, bias {layer['bias']}"
    return Case(
        f"random-{operation}-{name}", "random", operation, words, (), True, "float32", 1e-6, x, as_floats(expected), ()
    )


def as_floats(x: Any) -> Any:
    """Turn fractions into floats."""
    if isinstance(x, dict):
        return {k: as_floats(v) for k, v in x.items()}
    if isinstance(x, list):
        return [as_floats(v) for v in x]
    return None if x is None else float(x)
