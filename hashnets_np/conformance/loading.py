"""Adapters by the names of their module and class, and what they say of themselves."""

import importlib
import sys
from pathlib import Path
from typing import Any

from .adapter import KINDS, NEWER_KINDS, Adapter
from .operations import OPERATIONS, missing_methods
from .wording import describe_error

BIAS_MAPS = ("authors2015_bias", "pytorch2019_bias")  # kinds that an adapter may list, but need not


def load_adapter(implementation: str) -> type[Adapter]:
    """Import an adapter by the names of its module and class.

    Parameters
    ----------
    implementation : str
        "module:Class".

    Returns
    -------
    class
        A subclass of `Adapter`.

    Raises
    ------
    ValueError
        If it cannot be imported, is not an adapter, says of itself what cannot be, or has no method that the kit could
        check.

    Examples
    --------
    >>> load_adapter("hashnets_np.conformance.numpy_layer:NumpyLayer").__name__
    'NumpyLayer'
    """
    adapter = load_class(implementation)
    if not (isinstance(adapter, type) and issubclass(adapter, Adapter)):
        raise ValueError(
            f"{implementation} is not an adapter; write a subclass of hashnets_np.conformance.Adapter for it")
    if all(missing_methods(adapter, needs) for needs, *_ in OPERATIONS.values() if needs):
        raise ValueError(f"{implementation} implements no method of Adapter that the kit could check")
    check_claims(adapter)
    return adapter


def check_claims(adapter: type[Adapter]) -> None:
    """Check what the class attributes say of a layer; ValueError for what is not a tuple of known names."""
    known = {"dtypes": Adapter.dtypes, "kinds": KINDS + NEWER_KINDS, "biases": Adapter.biases,
             "gradients": Adapter.gradients}
    for attribute, names in known.items():
        given = getattr(adapter, attribute)
        if not isinstance(given, tuple | list | set | frozenset):
            raise ValueError(f"{adapter.__name__}.{attribute} must be a tuple, got {given!r}; with one entry it is "
                             f"({given!r},), with a comma")
        if unknown := [name for name in given if name not in names and name not in BIAS_MAPS]:
            raise ValueError(f"{adapter.__name__}.{attribute} has an unknown {unknown[0]!r}; known: "
                             f"{', '.join(map(repr, names))}")
    if not adapter.gradients and not missing_methods(adapter, ("backward",)):
        raise ValueError(f"{adapter.__name__}.gradients is empty, so its backward would not be checked; name what it "
                         "returns, or leave backward out")


def load_class(implementation: str) -> Any:
    """Import what "module:Class" names; a ValueError says why it cannot."""
    module_name, _, class_name = implementation.partition(":")
    if not module_name or not class_name:
        raise ValueError(f"give the adapter as module:Class, got {implementation!r}")
    if module_name.endswith(".py") or "/" in module_name:
        name = Path(module_name).stem
        raise ValueError(f"give the module's name, not its file: {name}:{class_name}, from its folder")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a foreign module does (test_a_module_that_cannot_be_imported)
        not_there = isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]
        fix = "; are you in its folder?" if not_there else ""
        raise ValueError(f"cannot import {module_name!r} ({describe_error(error)}){fix}") from error
    found = getattr(module, class_name, None)
    if found is None:
        raise ValueError(f"module {module_name!r} has no {class_name!r}")
    return found


def find_in_current_folder() -> None:
    """Let modules in the current folder be imported, as `python -m` does for its own."""
    if "" not in sys.path:
        sys.path.insert(0, "")
