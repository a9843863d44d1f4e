"""A network as an ONNX model: small, with the hash computed in the graph, or expanded, with V stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..network import Network
from .border import check_network, check_one_dtype, check_suffix, write_layers, write_together


@dataclass(frozen=True)
class OnnxExport:
    """What `export_onnx` wrote.

    Attributes
    ----------
    path : Path
        The ONNX file.
    size : int
        Its size in bytes.
    real_weights, virtual_weights : int
        How many weights the network stores, and how many it computes with.

    Examples
    --------
    >>> print(OnnxExport(Path("net.onnx"), size=5000, real_weights=940, virtual_weights=7510))
    net.onnx: 5,000 bytes for 940 real and 7,510 virtual weights
    """

    path: Path
    size: int
    real_weights: int
    virtual_weights: int

    def __str__(self) -> str:
        return (f"{self.path}: {self.size:,} bytes for {self.real_weights:,} real and {self.virtual_weights:,} virtual "
                "weights")


def export_onnx(net: Network, path: str | Path, *, weights: Literal["hashed", "expanded"] = "hashed") -> OnnxExport:
    """Write a network as an ONNX model of opset 20, with the input "x" (batch, n_in) and the output "logits".

    Needs the package onnx: `pip install "hashnets_np[onnx]"`.

    Parameters
    ----------
    net : Network
        A network of hashed, dense, masked and low-rank layers, ReLU, tanh and dropout, in float32 or float64. The model
        keeps the dtype.
    path : str or Path
        Ends in ".onnx".
    weights : "hashed" or "expanded"
        "hashed" stores the real weights and computes buckets and signs in the graph, with standard operators; the file
        is about as large as a model file. "expanded" stores V. The kinds that hash text can only be expanded. Masks and
        fixed random matrices of the baselines are always stored.

    Returns
    -------
    OnnxExport
        The path and the size of the file; print it.

    Raises
    ------
    ValueError
        For a network without weights, a layer, an option of a layer or a kind of map that ONNX cannot compute, and
        weights that are not finite.
    OSError
        If the file cannot be written. Nothing is left half-written.
    ImportError
        Without the package onnx.

    References
    ----------
    Eq. 7 and 8 of Chen et al., ICML 2015; https://onnx.ai/onnx/operators/

    Examples
    --------
    ::

        print(export_onnx(net, "net.onnx"))
    """
    path = check_suffix(path, ".onnx", "export_c writes .c")
    if weights not in ("hashed", "expanded"):
        raise ValueError(f"weights must be 'hashed' or 'expanded', got {weights!r}")
    n_in, n_out = check_network(net)
    dtype = check_one_dtype(net)
    try:
        from .onnx_graph import Graph
        from .onnx_layers import WRITERS
    except ModuleNotFoundError as error:
        raise ImportError('export_onnx needs the package onnx; pip install "hashnets_np[onnx]"') from error
    graph = Graph(weights, "x")
    write_layers(net, WRITERS, graph, "ONNX")
    made = f"{net.num_parameters()} real weights, {net.num_virtual_parameters()} virtual weights, {weights}"
    content = graph.model(n_in, n_out, dtype, made).SerializeToString()
    write_together({path: content})
    return OnnxExport(path, len(content), net.num_parameters(), net.num_virtual_parameters())
