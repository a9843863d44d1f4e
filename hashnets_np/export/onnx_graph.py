"""An ONNX graph as it grows: nodes, constants, and the functions that compute V.

A function is in `onnx_functions/` in ONNX's own textual form and consists of standard operators. It is stored inside
the model, so that a runtime needs no library of ours. Functions call each other as `hashnets.other`.
"""

import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, parser

FUNCTIONS = files(__package__) / "onnx_functions"
DOMAIN = "hashnets"
OPSET = 20
IR_VERSION = 9  # the one that came with opset 20; helper.make_model would take the newest

WeightForm = Literal["hashed", "expanded"]


@dataclass
class Graph:
    """What the layers of a network have added so far; last: the name of the value that the next layer reads."""

    weights: WeightForm
    last: str
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    stored: dict[int, str] = field(default_factory=dict)  # id of an array of real weights -> its name
    functions: dict[str, Any] = field(default_factory=dict)  # by name, each after those that it calls

    def add_constant(self, name: str, value: NDArray) -> str:
        """Add an array that the file stores; returns its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add_weights(self, name: str, w: NDArray) -> str:
        """Add real weights, once however many maps hash into them; returns their name."""
        if id(w) not in self.stored:
            self.stored[id(w)] = self.add_constant(name, w)
        return self.stored[id(w)]

    def add_node(self, operator: str, inputs: list[str], *outputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node; returns the name of its first output."""
        self.nodes.append(helper.make_node(operator, inputs, list(outputs), domain=domain, **attributes))
        return outputs[0]

    def add_function(self, name: str) -> None:
        """Add a function after all those that it calls, each once."""
        if name in self.functions:
            return
        text = (FUNCTIONS / f"{name}.txt").read_text(encoding="utf-8")
        for other in re.findall(rf"= {DOMAIN}\.(\w+)", text):
            self.add_function(other)
        self.functions[name] = parser.parse_function(text)

    def add_product(self, W: str, b: str | None, number: int) -> None:
        """Add the node z = a W^T + b."""
        inputs = [self.last, W] if b is None else [self.last, W, b]
        self.last = self.add_node("Gemm", inputs, f"z{number}", transB=1)

    def model(self, n_in: int, n_out: int, dtype: np.dtype, description: str) -> Any:
        """Put everything together: input "x" (batch, n_in), output "logits" (batch, n_out)."""
        self.add_node("Identity", [self.last], "logits")
        element = helper.np_dtype_to_tensor_dtype(dtype)
        x = helper.make_tensor_value_info("x", element, ["batch", n_in])
        logits = helper.make_tensor_value_info("logits", element, ["batch", n_out])
        graph = helper.make_graph(self.nodes, "hashednet", [x], [logits], self.constants, doc_string=description)
        domains = {"": OPSET} | ({DOMAIN: 1} if self.functions else {})
        opsets = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
        model = helper.make_model(graph, opset_imports=opsets, functions=list(self.functions.values()),
                                  producer_name="hashnets_np", ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model
