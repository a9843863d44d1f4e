"""The cross-check kit: hold any framework's HashedNet against the golden vectors.

Write an `Adapter` for your layer, then `python -m hashnets_np check mymodule:MyLayer`, or, in pytest,
`HASHNETS_IMPL=mymodule:MyLayer pytest --pyargs hashnets_np.conformance`.
"""

from .adapter import Adapter, LayerSpec, NotCovered
from .report import write_report
from .runner import check, load_adapter, passed

__all__ = ["Adapter", "LayerSpec", "NotCovered", "check", "load_adapter", "passed", "write_report"]
