"""Public docstrings are numpydoc: every parameter is there, and an example; help(), hovers and the site render them."""

import importlib
import inspect

import pytest

# Modules whose `__all__` is the public interface. What they need may not be installed.
MODULES = ("hashnets_np", "hashnets_np.conformance", "hashnets_np.export", "hashnets_np.sklearn", "hashnets_np.torch",
           "hashnets_np.jax")
# of numpydoc's checks: the docstring exists, has its summary, all of its parameters and an example
WANTED = {"GL06", "GL07", "GL08", "SS01", "SS02", "PR01", "PR02", "PR04", "PR06", "PR10", "RT01", "YD01", "EX01"}
METHODS = WANTED - {"EX01", "PR01", "RT01"}  # a method's summary may say it all
RECORDS = WANTED - {"PR01"}  # what a function returns lists its fields under Attributes


def public_things(module):
    """Each public object of a module with its full name."""
    module = importlib.import_module(module)
    return [(f"{module.__name__}.{name}", getattr(module, name)) for name in module.__all__]


def fields_of(thing):
    """The public fields of a class that is a record; none for anything else."""
    if hasattr(thing, "_fields"):
        return list(thing._fields)
    return [name for name, field in getattr(thing, "__dataclass_fields__", {}).items()
            if field.init and not name.startswith("_")]


def methods_of(thing):
    """The public methods that a class defines itself."""
    kinds = (type(methods_of), classmethod, staticmethod, property)
    return [name for name, value in vars(thing).items() if not name.startswith("_") and isinstance(value, kinds)]


def to_validate(module):
    """Each name whose docstring numpydoc looks at, with the checks that it must pass."""
    for name, thing in public_things(module):
        yield name, RECORDS if fields_of(thing) and "Attributes\n" in thing.__doc__ else WANTED
        if inspect.isclass(thing) and not hasattr(thing, "_fields"):
            yield from ((f"{name}.{method}", METHODS) for method in methods_of(thing))


@pytest.mark.parametrize("module", MODULES)
def test_public_docstrings_are_numpydoc(module):
    validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is in the extra [dev]").validate
    pytest.importorskip(module, reason="the framework of this module is not installed", exc_type=ImportError)
    errors = [f"{name}: {code}: {text}" for name, wanted in to_validate(module)
              for code, text in validate(name)["errors"] if code in wanted]
    assert errors == []


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring_of_its_own(module):
    # a constant would show the docstring of its type: what Python says about tuples
    pytest.importorskip(module, reason="the framework of this module is not installed", exc_type=ImportError)
    own = [name for name, thing in public_things(module) if inspect.isclass(thing) or inspect.isfunction(thing)]
    assert own == [name for name, _ in public_things(module)]


@pytest.mark.parametrize("module", MODULES)
def test_a_record_lists_all_of_its_fields(module):
    pytest.importorskip(module, reason="the framework of this module is not installed", exc_type=ImportError)
    missing = []
    for name, thing in public_things(module):
        listed = {word for line in thing.__doc__.splitlines() if " : " in line
                  for word in line.split(" : ")[0].replace(",", " ").split()}
        missing += [f"{name}.{field}" for field in fields_of(thing) if field not in listed]
    assert missing == []
