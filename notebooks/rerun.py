"""Run notebooks from scratch and keep their outputs: `python notebooks/rerun.py [--check] [notebook ...]`.

What is committed comes from here: a fresh kernel, every cell in order, no execution counts that jump, no timings in the
metadata. What answers a prediction is folded away, so that a reader of the page predicts first. With --check nothing is
written, so that `make lessons` can run everything without touching a file.
"""

import argparse
import os
import re
import time
from html import escape
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


def follows_a_prediction(cells: list, number: int) -> bool:
    """Say whether one of the four cells before asks for a prediction.

    The tag "shown" marks what gives nothing away, the tag "answer" what answers a prediction further above.
    """
    tags = cells[number].metadata.get("tags", [])
    if "shown" in tags or "answer" in tags:
        return "answer" in tags
    before = [cell.source for cell in cells[max(0, number - 4):number] if cell.cell_type == "markdown"]
    return any(re.search(r"\*\*Predict|## Your prediction", source) for source in before)


def as_printed(text: str) -> str:
    """Write text in columns: exported pages show a bare <pre> in a proportional font, and break it on a phone."""
    return f'<pre style="font-family:monospace;white-space:pre;overflow-x:auto">{escape(text)}</pre>'


def as_html(output: nbformat.NotebookNode) -> str:
    """Write one output as HTML."""
    if output.output_type == "stream":
        return as_printed(output.text)
    data = output.get("data", {})
    return data.get("text/html") or as_printed(data.get("text/plain", ""))


def is_folded(output: nbformat.NotebookNode) -> bool:
    """Say whether an output is under such a line already."""
    data = output.get("data", {})
    return (data.get("text/html") or data.get("text/markdown", "")).startswith("<details>")


SUMMARY = "<summary>Made your prediction? Show what came out.</summary>"


def as_markdown(output: nbformat.NotebookNode) -> str:
    """Write one output as Markdown."""
    return output.get("data", {}).get("text/markdown") or as_html(output)


def folded(outputs: list) -> list:
    """Put outputs under one line that opens with a click: on GitHub, in JupyterLab and on any HTML page."""
    if not outputs or any(map(is_folded, outputs)):
        return outputs
    plain = "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    data = {"text/plain": plain}
    if any("text/markdown" in output.get("data", {}) for output in outputs):
        # the blank lines matter: between them Markdown is Markdown again, though it stands inside HTML
        inside = "\n\n".join(map(as_markdown, outputs))
        data["text/markdown"] = f"<details>{SUMMARY}\n\n{inside}\n\n</details>"
    else:
        inside = "\n".join(map(as_html, outputs))
        data["text/html"] = f"<details>{SUMMARY}\n{inside}\n</details>"
    return [nbformat.v4.new_output("display_data", data=data)]


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what changes from run to run and machine to machine, and the state of sliders, which nobody can move."""
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
            if follows_a_prediction(notebook.cells, number):
                cell.outputs = folded(cell.outputs)
        cell.metadata.pop("slideshow", None)
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
