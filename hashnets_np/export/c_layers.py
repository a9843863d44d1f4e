"""How each layer becomes C: its constants, the pieces that it needs, and its calls. One function per layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..experiments.baselines import LowRankLinear, MaskedLinear
from ..experiments.one_store import StoreLinear, TenantLinear
from ..experiments.several_hashes import MultiHashedLinear
from ..hashing import derive_seed, xxh32_pair
from ..layers import Dropout, HashedLinear, Layer, Linear, ReLU, Tanh
from .c_program import Program, float_literal
from .int8 import int8_scale


def write_hashed(layer: HashedLinear, number: int, program: Program) -> None:
    """Eq. 8, and a bias that is not a column of V."""
    kind = program.add_map(f"map{number}", layer.map)
    program.add_piece("hashed_layer", kind)
    scale = program.add_weights(f"w{number}", layer, "w")
    column = int(layer.bias == "column")
    arguments = f"w{number}, {scale}, &map{number}, {column}u, {{a}}, {{z}}"
    program.add_step(f"hashed_{kind}({arguments});", layer.n_out)
    if layer.bias_map is not None:
        write_hashed_bias(layer, number, program)
    elif layer.bias == "dense":
        write_dense_bias(layer, number, program)


def write_tenant(layer: TenantLinear, number: int, program: Program) -> None:
    """Eq. 8 with the weights of another layer, which the file holds once."""
    store = layer.config()["store"]
    w, factor = layer.weights()
    scale = float_literal(factor * int8_scale(w) if program.weights == "int8" else factor)
    kind = program.add_map(f"map{number}", layer.map)
    program.add_piece("hashed_layer", kind)
    program.add_step(f"hashed_{kind}(w{store}, {scale}, &map{number}, 1u, {{a}}, {{z}});", layer.n_out)


def write_several_hashes(layer: MultiHashedLinear, number: int, program: Program) -> None:
    """Eq. 8 with a weighted sum of virtual weights, each from a map of its own."""
    kind = program.add_maps(f"maps{number}", layer.maps)
    program.add_piece("several_hashes", kind)
    scale = program.add_weights(f"w{number}", layer, "w")
    alpha = [float_literal(a) for a in layer.current_alpha()]
    program.add_array("float", f"alpha{number}", alpha, 4 * len(alpha))
    arguments = f"w{number}, {scale}, maps{number}, alpha{number}, {len(alpha)}u, {{a}}, {{z}}"
    program.add_step(f"several_{kind}({arguments});", layer.n_out)


def write_hashed_bias(layer: HashedLinear, number: int, program: Program) -> None:
    """Add the bias that has a map of its own."""
    m: Any = layer.bias_map
    kind = program.add_map(f"bias_map{number}", m)
    program.add_piece("hashed_bias", kind)
    scale = program.add_weights(f"b{number}", layer, "b")
    arguments = f"b{number}, {scale}, &bias_map{number}, {{z}}"
    program.add_step(f"add_hashed_bias_{kind}({arguments});", layer.n_out, in_place=True)


def write_dense_bias(layer: Any, number: int, program: Program) -> None:
    """Add one free number to each output."""
    program.add_piece("dense_bias")
    program.add_weights(f"b{number}", layer, "b")
    program.add_step(f"add_bias(b{number}, {layer.n_out}u, {{z}});", layer.n_out, in_place=True)


def write_linear(layer: Linear, number: int, program: Program) -> None:
    """z = a W^T + b."""
    write_product(layer, "w", number, program)
    if "b" in layer.params:
        write_dense_bias(layer, number, program)


def write_product(layer: Linear | LowRankLinear, parameter: str, number: int, program: Program) -> None:
    """Multiply by a matrix that is stored whole."""
    program.add_piece("dense_layer")
    n_out, n_in = layer.params[parameter].shape
    scale = program.add_weights(f"w{number}", layer, parameter)
    program.add_step(f"dense(w{number}, {scale}, {n_out}u, {n_in}u, {{a}}, {{z}});", n_out)


def write_masked(layer: MaskedLinear, number: int, program: Program) -> None:
    """Random edge removal: the largest hash of a survivor, and how often it occurs, are enough to find all of them."""
    seed = layer.config()["seed"]
    i, j = np.divmod(layer.kept, layer.n_in)
    hashes = xxh32_pair(i, j, seed)  # (survivors,)
    limit = int(hashes.max())
    ties = int((hashes == limit).sum())
    program.add_piece("masked_layer")
    scale = program.add_weights(f"w{number}", layer, "w")
    arguments = f"w{number}, {scale}, {layer.n_out}u, {layer.n_in}u, {seed}u, {limit}u, {ties}u, {{a}}, {{z}}"
    program.add_step(f"masked({arguments});", layer.n_out)
    write_dense_bias(layer, number, program)


def write_low_rank(layer: LowRankLinear, number: int, program: Program) -> None:
    """z = (a R^T) U^T + b: the fixed random R is computed, the learned U is stored."""
    seed = layer.config()["seed"]
    rank = layer.params["u"].shape[1]
    std = layer.n_in**-0.5
    program.add_piece("fixed_random")
    seeds = f"{derive_seed(seed, 0)}u, {derive_seed(seed, 1)}u"
    program.add_step(f"fixed_random({rank}u, {layer.n_in}u, {std!r}, {seeds}, {{a}}, {{z}});", rank)
    write_product(layer, "u", number, program)
    write_dense_bias(layer, number, program)


def write_relu(layer: ReLU, number: int, program: Program) -> None:
    """f(z) = max(z, 0)."""
    write_activation("relu", "relu", program)


def write_tanh(layer: Tanh, number: int, program: Program) -> None:
    """f(z) = tanh(z)."""
    write_activation("tanh", "hyperbolic_tangent", program)


def write_activation(piece: str, function: str, program: Program) -> None:
    """Apply a function to each number: in place, unless it is the first call and the numbers are the caller's."""
    program.add_piece(piece)
    program.add_step(f"{function}({program.width}u, {{a}}, {{z}});", program.width, in_place=bool(program.steps))


def write_nothing(layer: Dropout, number: int, program: Program) -> None:
    """Dropout changes nothing outside training."""


WRITERS: dict[type[Layer], Callable[[Any, int, Program], None]] = {
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
