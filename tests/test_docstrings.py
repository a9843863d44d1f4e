"""Public docstrings are numpydoc: every parameter is there, and an example; help(), hovers and the site render them."""

import inspect

import pytest

import hashnets_np as hn

# of numpydoc's checks: the docstring exists, has its summary, all of its parameters and an example
WANTED = {"GL06", "GL07", "GL08", "SS01", "SS02", "PR01", "PR02", "PR04", "PR06", "PR10", "RT01", "YD01", "EX01"}
METHODS = WANTED - {"EX01", "PR01", "RT01"}  # a method's summary may say it all


def public_names():
    for name in hn.__all__:
        thing = getattr(hn, name)
        yield f"{thing.__module__}.{thing.__qualname__}", WANTED
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and isinstance(value, (type(public_names), classmethod, property)):
                    yield f"{thing.__module__}.{thing.__qualname__}.{member}", METHODS


@pytest.mark.parametrize(
    ("name", "wanted"), list(public_names()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_public_docstring_is_numpydoc(name, wanted):
    validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is in the extra [dev]").validate
    errors = [f"{code}: {text}" for code, text in validate(name)["errors"] if code in wanted]
    assert errors == []
