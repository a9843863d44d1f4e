"""Run notebooks from scratch and keep their outputs: `python notebooks/rerun.py [--check] [notebook ...]`.

What is committed comes from here: a fresh kernel, every cell in order, no execution counts that jump, no timings in the
metadata. With --check nothing is written, so that `make lessons` can run everything without touching a file.
"""

import argparse
import os
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
TIMEOUT = 300  # seconds per cell; a lesson as a whole should need at most 60
SIZE_LIMIT = 1_000_000  # bytes per committed lesson


def lessons() -> list[Path]:
    """List the lessons in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.ipynb"))


def run(path: Path, allow_errors: bool = False) -> nbformat.NotebookNode:
    """Run one notebook in a fresh kernel, in its own folder, with the package of this checkout."""
    notebook = nbformat.read(path, as_version=4)
    python_path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    client = NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", allow_errors=allow_errors, record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    return client.execute(env=os.environ | {"PYTHONPATH": python_path})


def join_streams(outputs: list) -> list:
    """Join what was printed piece by piece: where a kernel cuts it is chance."""
    joined: list = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == "stream" and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def slide_type(cell: nbformat.NotebookNode) -> str:
    """Cut a notebook into slides: a new one at each heading, and below it one for each figure."""
    if cell.cell_type == "markdown":
        return "slide" if cell.source.startswith("#") else "-"
    pages = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
    return "subslide" if any("<figure" in page for page in pages) else "-"


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what changes from run to run and machine to machine, and the state of sliders, which nobody can move."""
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
        cell.metadata["slideshow"] = {"slide_type": slide_type(cell)}
        if cell.cell_type == "code" and "slider" in cell.metadata.get("tags", []):
            cell.outputs = []
    return notebook


def main() -> None:
    """Run the notebooks named on the command line, or all lessons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    parser.add_argument("--check", action="store_true", help="run only, write nothing")
    args = parser.parse_args()
    for path in args.notebooks or lessons():
        start = time.perf_counter()
        notebook = tidy(run(path))
        if not args.check:
            nbformat.write(notebook, path)
        seconds, size = time.perf_counter() - start, path.stat().st_size
        print(f"{path.name}: {seconds:.0f} s, {size / 1000:.0f} kB", flush=True)
        if size > SIZE_LIMIT:
            raise SystemExit(f"{path.name} has {size} bytes, the limit is {SIZE_LIMIT}; make its figures smaller")


if __name__ == "__main__":
    main()
