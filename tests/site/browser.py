"""Serve a folder and drive its pages in a headless Chromium, with every request to the outside noted and refused."""

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".whl": "application/zip"}
NOTEBOOK = "window.jupyterapp?.shell?.currentWidget"
RUN_ALL = """() => {
  window.outcome = null;
  const panel = window.jupyterapp.shell.currentWidget;
  panel.context.sessionContext.ready
    .then(() => panel.sessionContext.session.kernel.info)
    .then(() => window.jupyterapp.commands.execute('notebook:run-all-cells'))
    .then(result => { window.outcome = String(result) }, error => { window.outcome = 'error: ' + error });
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells
  .filter(cell => cell.cell_type == 'code')"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files with the types that browsers insist on, and says nothing."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | TYPES

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port; yields the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@dataclass
class Visit:
    """What happened on the pages that a tab has opened."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def watched(browser: Any, base: str, **settings: Any) -> tuple[Any, Visit]:
    """Open a tab that notes and refuses requests to the outside, and notes errors of scripts."""
    context = browser.new_context(**settings)
    visit = Visit()

    def inside_only(route: Any) -> None:
        if route.request.url.startswith(base):
            route.continue_()
        else:
            visit.outside.append(route.request.url)
            route.abort()

    context.route(lambda url: not url.startswith((base, "data:", "blob:")), inside_only)
    page = context.new_page()
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    return page, visit


@dataclass
class NotebookRun:
    """A notebook after all its cells have run."""

    cells: list[dict]
    outside: list[str]
    seconds: float

    @property
    def unrun(self) -> int:
        """How many code cells were not run to the end; one without any code cannot be run."""
        return sum(cell["execution_count"] is None for cell in self.cells if "".join(cell["source"]).strip())

    @property
    def errors(self) -> list[str]:
        """The errors that cells ended with."""
        outputs = [output for cell in self.cells for output in cell["outputs"]]
        return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]


class OpenNotebook:
    """A notebook in a tab of its own, in the JupyterLite part of the site, while its cells run."""

    def __init__(self, browser: Any, base: str, path: str) -> None:
        """Open the notebook and start all its cells."""
        self.page, self.visit = watched(browser, base, viewport={"width": 1280, "height": 1000})
        self.start = time.monotonic()
        self.page.goto(f"{base}/lite/notebooks/index.html?path={path}")
        self.page.wait_for_function(f"{NOTEBOOK}?.content?.model?.sharedModel.cells.length > 1", timeout=120_000)
        self.page.evaluate(RUN_ALL)

    @property
    def seconds(self) -> float:
        """The time since it was opened."""
        return time.monotonic() - self.start

    @property
    def finished(self) -> bool:
        """Say whether all its cells have run, or one of them has failed."""
        return self.page.evaluate("window.outcome !== null")

    def close(self) -> NotebookRun:
        """Read the cells and close the tab."""
        self.page.wait_for_timeout(1000)  # the last outputs are still on their way
        seconds = self.seconds
        cells = self.page.evaluate(CELLS)
        self.page.context.close()
        return NotebookRun(cells, self.visit.outside, seconds)


def run_notebooks(
    browser: Any, base: str, paths: list[str], limit: float, must: int, budget: float, at_once: int = 2,
) -> dict[str, NotebookRun]:
    """Run notebooks in the browser, some at once: each has a Python of its own, in a thread of its own.

    The first `must` of them are run in any case, the others only if they can begin within `budget` seconds.
    """
    start = time.monotonic()
    waiting = list(paths)
    optional = set(paths[must:])
    running: dict[str, OpenNotebook] = {}
    done: dict[str, NotebookRun] = {}
    while waiting or running:
        if time.monotonic() - start > budget:
            waiting = [path for path in waiting if path not in optional]
        while waiting and len(running) < at_once:
            path = waiting.pop(0)
            running[path] = OpenNotebook(browser, base, path)
        for path, notebook in list(running.items()):
            if notebook.finished or notebook.seconds > limit:
                done[path] = running.pop(path).close()
        time.sleep(0.5)
    return done
