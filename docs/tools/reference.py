"""Write the pages of the reference: one for each public name, and one that shows every command's help.

The names come from `__all__`, so that a new one appears by itself; what the pages say comes from the docstrings.
"""

import argparse
import importlib
import inspect
from pathlib import Path
from types import ModuleType

from sphinx.ext.autodoc.mock import mock

from hashnets_np import __main__ as cli

FRAMEWORKS = ["torch", "jax"]  # too large to install for docstrings alone; conf.py lists them as well
# Modules whose public names have pages, with the heading above them.
MODULES = {
    "hashnets_np": "",
    "hashnets_np.conformance": "Checking another implementation (hashnets_np.conformance)",
    "hashnets_np.export": "Ways out (hashnets_np.export)",
    "hashnets_np.sklearn": "With scikit-learn (hashnets_np.sklearn)",
    "hashnets_np.torch": "With PyTorch (hashnets_np.torch)",
    "hashnets_np.jax": "With JAX (hashnets_np.jax)",
}
# The names of hashnets_np itself are grouped by the module that defines them, in the order of the house.
TOPICS = {
    "hashing": "Hashes",
    "maps": "Sharing maps",
    "kernels": "Kernels",
    "layers": "Layers",
    "losses": "Losses",
    "optim": "Optimisers",
    "network": "Networks",
    "experiments": "Networks",
    "training": "Training",
    "files": "Model files",
    "export": "Ways out (hashnets_np.export)",
    "datasets": "Data sets",
    "gradient_check": "Looking inside",
    "explanations": "Looking inside",
}
OTHER = "More"
# Base classes of other projects, whose members are documented there, and what scikit-learn adds to a class.
FOREIGN = "object, Exception, tuple, dict, Module, BaseEstimator, ClassifierMixin, RegressorMixin, _MetadataRequester"
GENERATED = "set_fit_request, set_partial_fit_request, set_score_request"


def public_names() -> dict[str, list[str]]:
    """Map each heading to the full names under it."""
    groups: dict[str, list[str]] = {topic: [] for topic in TOPICS.values()}
    seen: list[object] = []  # a name that hashnets_np hands on has its page there
    for module_name, heading in MODULES.items():
        module = import_module(module_name)
        for name in module.__all__:
            thing = getattr(module, name)
            if any(thing is other for other in seen):
                continue
            seen.append(thing)
            topic = heading or TOPICS.get(home(thing), OTHER)
            groups.setdefault(topic, []).append(f"{module_name}.{name}")
    return {topic: sorted(names, key=str.lower) for topic, names in groups.items() if names}


def import_module(name: str) -> ModuleType:
    """Import a module, if need be with stand-ins for the frameworks."""
    with mock(FRAMEWORKS):
        return importlib.import_module(name)


def home(thing: object) -> str:
    """Name the part of the package that defines something."""
    return getattr(thing, "__module__", "").partition(".")[2].partition(".")[0]


def write_reference(folder: Path) -> None:
    """Write api/index.md with a page for each name, and commands.md."""
    (folder / "api").mkdir()
    (folder / "api" / "index.md").write_text(index(public_names()), encoding="utf-8")
    for names in public_names().values():
        for full_name in names:
            (folder / "api" / f"{full_name}.rst").write_text(page(full_name), encoding="utf-8")
    (folder / "commands.md").write_text(commands(), encoding="utf-8")


def resolve(full_name: str) -> object:
    """Find the object with a dotted name."""
    module, _, name = full_name.rpartition(".")
    return getattr(import_module(module), name)


def short(full_name: str) -> str:
    """Write a name as code does: `hn` stands for hashnets_np."""
    return full_name.replace("hashnets_np.", "hn.", 1) if full_name.count(".") == 1 else full_name


def index(groups: dict[str, list[str]]) -> str:
    """Write the list of all names, each with the first line of its docstring."""
    intro = ("Everything that `import hashnets_np as hn` offers, and what its modules for checking, scikit-learn, "
             "PyTorch and JAX add, one page a name.")
    lines = ["# Reference", "", intro, ""]
    for topic, names in groups.items():
        lines += [f"## {topic}", "", "| name | what it is |", "|---|---|"]
        for full_name in names:
            lines.append(f"| [`{short(full_name)}`]({full_name}.rst) | {summary(resolve(full_name))} |")
        lines.append("")
    pages = [f"{short(name)} <{name}>" for names in groups.values() for name in names]
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *pages, "```", ""])


def summary(thing: object) -> str:
    """Take the first sentence of a docstring, for a cell of a table."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def page(full_name: str) -> str:
    """Write the page of one name: autodoc takes the rest from the docstring."""
    module, _, name = full_name.rpartition(".")
    thing = resolve(full_name)
    lines = [short(full_name), "=" * len(short(full_name)), "", f".. currentmodule:: {module}", ""]
    if inspect.isclass(thing):
        left_out = ", ".join([GENERATED, *getattr(thing, "_fields", ())])  # fields are listed under Attributes
        lines += [f".. autoclass:: {name}{signature(thing)}", "   :members:", f"   :inherited-members: {FOREIGN}",
                  f"   :exclude-members: {left_out}", "   :member-order: bysource"]
    elif callable(thing):
        lines += [f".. autofunction:: {name}"]
    else:
        lines += [f".. autodata:: {name}"]
    return "\n".join([*lines, ""])


def signature(thing: type) -> str:
    """Write the arguments of a class whose base is a stand-in, which hides them; otherwise autodoc finds them."""
    if not hasattr(thing, "__sphinx_mock__"):
        return ""
    _, *arguments = inspect.signature(thing.__init__).parameters.values()
    return str(inspect.Signature([each.replace(annotation=each.empty) for each in arguments]))


def commands() -> str:
    """Show the help of every command."""
    lines = ["# Commands", "", "`hashnets COMMAND` and `python -m hashnets_np COMMAND` are the same.", ""]
    for name in cli.NAMES:
        module = importlib.import_module(f"hashnets_np.commands.{name}")
        parser = argparse.ArgumentParser(prog=f"hashnets {name}", description=module.__doc__,
                                         formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(parser)
        lines += [f"## {name}", "", f"{module.HELP[0].upper() + module.HELP[1:]}.", ""]
        lines += ["```text", parser.format_help().rstrip(), "```", ""]
    return "\n".join(lines)
