"""Make the exercises from their solutions: `python notebooks/exercises/make_exercises.py`.

The one source of an exercise is its solution in `solutions/`. In a code cell, what stands between the two marks

    # YOUR TURN: what to write, with a hint
    ...the solution...
    # INSTEAD: a line that the exercise has in its place (optional, several lines possible)
    # END

goes; the hint stays. Without INSTEAD lines, `raise NotImplementedError` comes in. In a text cell, everything from the
line "**Answer.**" on goes. Outputs go, too, from exercise and solution: what was printed once is not what a check says
today. Run the solution to see it.
"""

import re
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
TURN = re.compile(r"^( *)# YOUR TURN:(.*?)\n(.*?)^ *# END\n?", re.MULTILINE | re.DOTALL)
INSTEAD = re.compile(r"^ *# INSTEAD:(?: (.*))?$", re.MULTILINE)


def blank(match: re.Match) -> str:
    """Replace one solution by its hint and what the exercise starts from."""
    indent, hint, body = match.groups()
    hints = [f"{indent}# YOUR TURN:{hint}"]
    hints += re.findall(r"^ *#  .*$", body, re.MULTILINE)  # hints that go on: comments with two spaces
    lines = [indent + (line or "") for line in INSTEAD.findall(body)] or [f"{indent}raise NotImplementedError"]
    return "\n".join([*hints, *lines]) + "\n"


def without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take away what the cells have printed."""
    notebook = nbformat.from_dict(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def exercise(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Make the unsolved notebook."""
    notebook = without_outputs(solution)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = TURN.sub(blank, cell.source + "\n").rstrip("\n")
        elif "**Answer.**" in cell.source:
            cell.source = cell.source.split("**Answer.**")[0] + "**Your answer.** (Write it here.)"
    return notebook


def solutions() -> list[Path]:
    """List the solutions in order."""
    return sorted((HERE / "solutions").glob("*.ipynb"))


if __name__ == "__main__":
    for path in solutions():
        solution = without_outputs(nbformat.read(path, as_version=4))
        nbformat.write(solution, path)
        nbformat.write(exercise(solution), HERE / path.name)
        print(f"{path.name}: made from its solution")
