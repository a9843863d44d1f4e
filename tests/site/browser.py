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
        """How many code cells were not run to the end."""
        return sum(cell["execution_count"] is None for cell in self.cells)

    @property
    def errors(self) -> list[str]:
        """The errors that cells ended with."""
        outputs = [output for cell in self.cells for output in cell["outputs"]]
        return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]


def run_notebook(browser: Any, base: str, path: str, seconds: int) -> NotebookRun:
    """Open a notebook in the JupyterLite part of the site and run all its cells."""
    page, visit = watched(browser, base, viewport={"width": 1280, "height": 1000})
    start = time.monotonic()
    page.goto(f"{base}/lite/notebooks/index.html?path={path}")
    page.wait_for_function(f"{NOTEBOOK}?.content?.model?.sharedModel.cells.length > 1", timeout=60_000)
    page.evaluate(RUN_ALL)
    page.wait_for_function("window.outcome !== null", timeout=seconds * 1000)
    page.wait_for_timeout(500)  # the last outputs are still on their way
    cells = page.evaluate(CELLS)
    page.context.close()
    return NotebookRun(cells, visit.outside, time.monotonic() - start)
