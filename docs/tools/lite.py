"""Lessons that run with nothing installed: a static JupyterLite site, in which Python itself runs in the browser.

The browser loads Python (Pyodide) from its public address. With `--runtime FOLDER`, which has the files of that
release, it comes from there instead: so the tests run without a network. The package and the pure Python packages that
Pyodide does not have lie beside the notebooks as wheels, and the first cell of each notebook installs them.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from address import COLAB_CELL
from shorter import shorten

ROOT = Path(__file__).resolve().parents[2]
PYODIDE = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
CORE = ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
# What Pyodide 0.27.7 has no wheel of, in the versions that were tried.
PURE_WHEELS = ("comm==0.2.3", "ipywidgets==8.1.9", "jupyterlab_widgets==3.0.17", "tqdm==4.70.1")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "slides", "*.py")
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
INSTALL = """# In the browser only: puts the package into this page. The first time takes half a minute.
%pip install -q hashnets_np ipywidgets"""


def build_lite(site: Path, work: Path, runtime: Path | None) -> None:
    """Build the JupyterLite site into site/lite.

    JupyterLite ignores its settings without a word if their folder's path begins with that of its output.
    """
    lite = work / "lite-source"
    shutil.copytree(ROOT / "notebooks", lite / "files", ignore=LEFT_BEHIND)
    for path in lite.glob("files/**/*.ipynb"):
        prepare_notebook(path)
    (lite / "jupyter-lite.json").write_text(json.dumps(settings(runtime)), encoding="utf-8")
    wheels = gather_wheels(work / "wheels", runtime)
    arguments = [argument for wheel in wheels for argument in ("--piplite-wheels", str(wheel))]
    # --force: without it the build keeps the settings of an earlier one
    options = ["--force", "--no-sourcemaps", "--apps", "notebooks", "--apps", "lab"]
    folders = ["--lite-dir", lite, "--contents", lite / "files", "--output-dir", site / "lite"]
    command = [sys.executable, "-m", "jupyterlite_core", "build", *options, *folders, *arguments]
    done = subprocess.run(command, cwd=lite, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"jupyter lite build failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    if runtime:
        copy_runtime(runtime, site / "lite" / "static" / "pyodide")


def settings(runtime: Path | None) -> dict:
    """Say where the browser finds Python, and that it asks nobody else for packages."""
    url = "./static/pyodide/pyodide.js" if runtime else f"{PYODIDE}pyodide.js"
    kernel = {"pyodideUrl": url, "disablePyPIFallback": bool(runtime)}
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "HashedNets lessons",
            "exposeAppInBrowser": True,  # the tests drive the page through it
            "litePluginSettings": {KERNEL: kernel},
        },
    }


def prepare_notebook(path: Path) -> None:
    """Shorten what takes long, put the cell that installs the package first, and drop the outputs."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != COLAB_CELL]
    shorten(notebook, path)
    notebook["cells"].insert(1, {"cell_type": "code", "id": "install", "metadata": {}, "source": INSTALL})
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def gather_wheels(folder: Path, runtime: Path | None) -> list[Path]:
    """Build the package's wheel, and bring the pure ones: from the runtime's folder, or from PyPI."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True)
    source = ["--no-index", "--find-links", runtime] if runtime else []
    subprocess.run([*pip, "download", "--no-deps", *source, "--dest", folder, *PURE_WHEELS], check=True)
    return sorted(folder.glob("*.whl"))


def copy_runtime(runtime: Path, folder: Path) -> None:
    """Copy Pyodide into the site: its core, and the packages that are there and have the right checksum."""
    folder.mkdir(parents=True)
    lock = json.loads((runtime / "pyodide-lock.json").read_text(encoding="utf-8"))
    there = {name: package for name, package in lock["packages"].items() if (runtime / package["file_name"]).exists()}
    for package in there.values():
        file = runtime / package["file_name"]
        if hashlib.sha256(file.read_bytes()).hexdigest() != package["sha256"]:
            raise SystemExit(f"{file} is not the file of the release: pyodide-lock.json has another SHA-256")
        shutil.copy(file, folder)
    for name in CORE:
        shutil.copy(runtime / name, folder)
    # only what is there: for a package that is listed, the browser would ask for its file
    (folder / "pyodide-lock.json").write_text(json.dumps(lock | {"packages": there}), encoding="utf-8")
