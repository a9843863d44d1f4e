"""Ways out of Python: a network as one C file or as an ONNX model."""

from .c_file import CExport, export_c
from .int8 import quantize
from .onnx_file import OnnxExport, export_onnx

__all__ = ["CExport", "OnnxExport", "export_c", "export_onnx", "quantize"]
