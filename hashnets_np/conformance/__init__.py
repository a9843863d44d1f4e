"""The cross-check kit: check any framework's HashedNet against the golden vectors.

Write an `Adapter` for your layer, then `python -m hashnets_np check mymodule:MyLayer`, or, in pytest,
`HASHNETS_IMPL=mymodule:MyLayer pytest --pyargs hashnets_np.conformance`.
"""

from .adapter import Adapter, LayerSpec, NotCovered, check_shapes
from .diagnosis import Diagnosis, diagnose, likely_bugs
from .report import write_report
from .runner import Result, check, load_adapter, passed

__all__ = [
    "Adapter",
    "Diagnosis",
    "LayerSpec",
    "NotCovered",
    "Result",
    "check",
    "check_shapes",
    "diagnose",
    "likely_bugs",
    "load_adapter",
    "passed",
    "write_report",
]
