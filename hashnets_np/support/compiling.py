"""numba's njit, with a cache that does not mix up signatures.

numba caches one index per function and one file per signature, and chooses the name of a file without a lock. If two
processes compile a function for the first time at the same moment, for different signatures, they may choose the same
name. From then on, numba silently runs the code of one signature for the other, and the results are wrong
(test_code_of_another_signature_is_not_run). Here a lock is held while names are chosen, and loaded code must have the
signature that was asked for. And the cache is a convenience: without a folder for it, or on a full disk, code is
compiled and used all the same.
"""

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.sigutils import normalize_signature

from .disk import locked

NO_FOLDER = ("no folder for compiled code is writable, so numba compiles it anew in every process, which takes some "
             "seconds; name a folder in NUMBA_CACHE_DIR")


class CheckedCache(FunctionCache):
    """numba's cache of one function."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the code of a signature; None, and it is compiled again, if the file holds that of another."""
        found = super().load_overload(sig, target_context)
        wanted, _ = normalize_signature(sig)
        return found if found is None or tuple(found.signature.args) == tuple(wanted) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the code of a signature, one process at a time where the folder takes a lock, if the disk takes it."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            with contextlib.suppress(OSError, ImportError):
                stack.enter_context(locked(Path(self._cache_file._index_path)))
            super().save_overload(sig, data)


def njit(*, cache: bool, **options: Any) -> Callable[[Callable], Any]:
    """Compile a function as numba.njit does, and with `cache` keep the code in a `CheckedCache`."""

    def compiled(function: Callable) -> Any:
        dispatcher = numba.njit(**options)(function)
        if cache and hasattr(dispatcher, "_cache"):  # with NUMBA_DISABLE_JIT=1 it is the function itself
            try:
                dispatcher._cache = CheckedCache(function)
            except RuntimeError:  # no folder is writable (test_without_a_folder_for_the_cache...)
                warnings.warn(NO_FOLDER, stacklevel=1)
        return dispatcher

    return compiled
