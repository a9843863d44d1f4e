"""The house: who may import whom. Imports inside functions count, and so do modules that are named in strings."""

import ast
import re
import sys
from pathlib import Path

import pytest

import hashnets_np as hn

PACKAGE = Path(hn.__file__).parent
# the core, in the order in which it is read: each part imports only what stands before it
CORE = (
    "types", "support", "hashing", "maps", "kernels", "layers", "losses", "optim", "network", "files", "datasets",
    "fit_arguments", "training", "gradient_check", "explanations",
)
OUTSIDE = {"experiments", "conformance", "export", "sklearn", "torch", "jax", "course", "bench", "commands", "plots"}
LIBRARIES = {"numpy", "numba", "threadpoolctl", "tqdm"}  # of the core; all but NumPy are imported lazily


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if "data" not in path.parts}


def absolute(name, path, node):
    """The absolute name of the module that an `import from` names."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    base = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*base, *((node.module or "").split(".") if node.module else [])])


def imports_of(name, source=None):
    """All modules that a module imports, wherever in its text; of this package those that exist."""
    path = MODULES[name]
    found = set()
    for node in ast.walk(ast.parse(source or path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(name, path, node)
            members = {f"{base}.{alias.name}" for alias in node.names}
            found |= (members & set(MODULES)) or {base}
            if members - set(MODULES):
                found.add(base)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"^(hashnets_np(?:\.\w+)*):\w+$", node.value))  # "module:name"
    return found


def part_of(module):
    """The part of the house that a module belongs to: the first name below the package."""
    names = module.split(".")
    return names[1] if names[0] == "hashnets_np" and len(names) > 1 else ""


def offences(name, source=None):
    """What a module of the core imports and must not."""
    part = part_of(name)
    allowed = {*CORE[: CORE.index(part) + 1]}
    bad = set()
    for target in imports_of(name, source):
        if target.split(".")[0] == "hashnets_np":
            bad |= {target} if part_of(target) not in allowed else set()
        elif not is_allowed_library(target.split(".")[0]):
            bad.add(target)
    return bad


def is_allowed_library(name):
    return name in sys.stdlib_module_names or name in LIBRARIES


def test_every_module_has_its_place():
    parts = {part_of(name) for name in MODULES} - {"", "__main__"}
    assert parts <= {*CORE, *OUTSIDE}, parts - {*CORE, *OUTSIDE}


@pytest.mark.parametrize("name", [name for name in MODULES if part_of(name) in CORE])
def test_the_core_imports_only_what_stands_before_it(name):
    assert offences(name) == set()


@pytest.mark.parametrize("line", [
    "def late():\n    from .experiments.methods import build\n",
    "def late():\n    import hashnets_np.conformance\n",
    "LOADER = 'hashnets_np.experiments.larochelle:load_rect'\n",
    "from .training import fit\n",
    "import matplotlib\n",
])
def test_what_the_core_must_not_import_is_found(line):
    assert offences("hashnets_np.network", line)


def test_nothing_imports_in_a_circle():
    graph = {name: imports_of(name) & set(MODULES) - {name, "hashnets_np"} for name in MODULES}
    order = []
    while graph:
        ready = [name for name, targets in graph.items() if not targets & set(graph)]
        assert ready, f"a circle among {sorted(graph)}"
        order += ready
        for name in ready:
            del graph[name]
    assert set(order) == set(MODULES)


def test_no_module_shares_its_name_with_a_public_function():
    names = {name.rsplit(".", 1)[-1] for name in MODULES if name.count(".") <= 2 and "commands" not in name}
    assert names & set(hn.__all__) == set()


def test_modules_are_imported_by_import_statements():
    """`import_module` hides from readers and type checkers what is used; only plug-ins named by the user need it."""
    uses = {name for name, path in MODULES.items() if "import_module(" in path.read_text()}
    assert uses <= {"hashnets_np.__main__", "hashnets_np.conformance.loading"}, uses
