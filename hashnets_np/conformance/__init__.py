"""The cross-check kit: check any framework's HashedNet against the golden vectors.

Write an `Adapter` for your layer, then `python -m hashnets_np check mymodule:MyLayer`, or, in pytest,
`HASHNETS_IMPL=mymodule:MyLayer pytest --pyargs hashnets_np.conformance`.
"""

from .adapter import Adapter, LayerSpec, NotCovered, check_shapes
from .diagnosis import Diagnosis, diagnose, likely_bugs
from .loading import load_adapter
from .report import write_report
from .results import Result, passed
from .runner import check

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
