"""Ways out of Python: a network as one C file or as an ONNX model."""

from .c_file import CExport, export_c
from .int8 import quantize

__all__ = ["CExport", "export_c", "quantize"]
