"""How each layer becomes nodes of an ONNX graph. One function per layer.

A hashed layer is one node that computes V, whole, from the real weights (Eq. 7), and then an ordinary product (Eq. 8).
Runtimes compute such a constant once, when they load the model.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..experiments.baselines import LowRankLinear, MaskedLinear
from ..experiments.one_store import StoreLinear, TenantLinear
from ..experiments.several_hashes import MultiHashedLinear
from ..kernels import hash_gather
from ..layers import Dropout, HashedLinear, Layer, Linear, ReLU, Tanh
from ..maps import SharingMap
from .border import check_map
from .onnx_graph import DOMAIN, FUNCTIONS, Graph


def write_hashed(layer: HashedLinear, number: int, graph: Graph) -> None:
    """V, its bias, and the product of both with the input."""
    V = write_virtual(layer.params["w"], layer.map, f"V{number}", graph)
    if layer.bias == "column":
        write_product(V, layer.n_in, number, graph)
        return
    b: str | None = None
    if layer.bias_map is not None:
        b = as_vector(write_virtual(layer.params["b"], layer.bias_map, f"beta{number}", graph), number, graph)
    elif layer.bias == "dense":
        b = graph.add_constant(f"b{number}", layer.params["b"])
    graph.add_product(V, b, number)


def write_tenant(layer: TenantLinear, number: int, graph: Graph) -> None:
    """A hashed layer with the weights of another layer, and a bias column."""
    w, factor = layer.weights()
    V = write_virtual(w, layer.map, f"unscaled{number}", graph)
    scaled = graph.add_node("Mul", [V, graph.add_constant(f"factor{number}", np.asarray(factor))], f"V{number}")
    write_product(scaled, layer.n_in, number, graph)


def write_several_hashes(layer: MultiHashedLinear, number: int, graph: Graph) -> None:
    """V = sum over u of alpha_u V_u."""
    alpha = layer.current_alpha()
    terms = []
    for u, m in enumerate(layer.maps):
        V_u = write_virtual(layer.params["w"], m, f"V{number}_{u}", graph)
        factor = graph.add_constant(f"alpha{number}_{u}", alpha[u])
        terms.append(graph.add_node("Mul", [V_u, factor], f"term{number}_{u}"))
    write_product(graph.add_node("Sum", terms, f"V{number}"), layer.n_in, number, graph)


def write_product(V: str, n_in: int, number: int, graph: Graph) -> None:
    """Cut the bias column off V, which is [bias column, the rest], and multiply."""
    sizes = graph.add_constant(f"sizes{number}", np.array([1, n_in]))
    column = graph.add_node("Split", [V, sizes], f"column{number}", f"rest{number}", axis=1)
    graph.add_product(f"rest{number}", as_vector(column, number, graph), number)


def as_vector(column: str, number: int, graph: Graph) -> str:
    """Turn (n_out, 1) into (n_out,)."""
    shape = graph.add_constant(f"shape{number}", np.array([-1]))
    return graph.add_node("Reshape", [column, shape], f"bias{number}")


def write_virtual(w: NDArray, m: SharingMap, name: str, graph: Graph) -> str:
    """Add V: either stored whole, or as K real weights and the node that hashes."""
    if graph.weights == "expanded":
        return graph.add_constant(name, hash_gather(w, m))
    function = virtual_function(m)
    check_map(m)
    graph.add_function(function)
    real = graph.add_weights(f"w_of_{name}", w)
    numbers = {"n_out": m.n_out, "n_cols": m.n_cols, "seed": m.seed, "signed": int(m.signed)}
    if m.size is not None:
        numbers["size"] = m.size
    return graph.add_node(function, [real], name, domain=DOMAIN, **numbers)


def virtual_function(m: SharingMap) -> str:
    """Find the ONNX function of a kind of map, or explain why there is none."""
    name = f"virtual_{m.kind}"
    if (FUNCTIONS / f"{name}.txt").is_file():
        return name
    known = sorted(f.name[8:-4] for f in FUNCTIONS.iterdir() if f.name.startswith("virtual_"))
    raise ValueError(f"ONNX operators cannot compute a map of kind {m.kind!r} (they can for {', '.join(known)}); "
                     "store V whole with weights='expanded'")


def write_linear(layer: Linear, number: int, graph: Graph) -> None:
    """z = a W^T + b."""
    W = graph.add_constant(f"W{number}", layer.params["w"])
    b = graph.add_constant(f"b{number}", layer.params["b"]) if "b" in layer.params else None
    graph.add_product(W, b, number)


def write_masked(layer: MaskedLinear, number: int, graph: Graph) -> None:
    """Random edge removal, with the removed weights stored as zeros."""
    W = graph.add_constant(f"W{number}", layer.virtual_weight())
    graph.add_product(W, graph.add_constant(f"b{number}", layer.params["b"]), number)


def write_low_rank(layer: LowRankLinear, number: int, graph: Graph) -> None:
    """z = (a R^T) U^T + b, with the fixed random R stored."""
    R = graph.add_constant(f"R{number}", layer.fixed)
    graph.last = graph.add_node("Gemm", [graph.last, R], f"projected{number}", transB=1)
    U = graph.add_constant(f"U{number}", layer.params["u"])
    graph.add_product(U, graph.add_constant(f"b{number}", layer.params["b"]), number)


def write_relu(layer: ReLU, number: int, graph: Graph) -> None:
    """f(z) = max(z, 0)."""
    graph.last = graph.add_node("Relu", [graph.last], f"a{number}")


def write_tanh(layer: Tanh, number: int, graph: Graph) -> None:
    """f(z) = tanh(z)."""
    graph.last = graph.add_node("Tanh", [graph.last], f"a{number}")


def write_nothing(layer: Dropout, number: int, graph: Graph) -> None:
    """Dropout changes nothing outside training."""


WRITERS: dict[type[Layer], Callable[[Any, int, Graph], None]] = {
    HashedLinear: write_hashed,
    StoreLinear: write_hashed,
    TenantLinear: write_tenant,
    MultiHashedLinear: write_several_hashes,
    Linear: write_linear,
    MaskedLinear: write_masked,
    LowRankLinear: write_low_rank,
    ReLU: write_relu,
    Tanh: write_tanh,
    Dropout: write_nothing,
}
