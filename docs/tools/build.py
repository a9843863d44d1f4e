"""Build the site: `python docs/tools/build.py [--runtime FOLDER] [--mathjax FOLDER] [--no-lite] SITE`.

Gathers the sources (stage.py), writes the reference (reference.py), runs Sphinx with every warning an error, and builds
the lessons that run in the browser (lite.py). An earlier site is replaced only when all of that has worked.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from address import address
from lite import LEFT_BEHIND, build_lite
from reference import write_reference
from stage import ROOT, stage

MATHJAX_ONLINE = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-chtml-full.js"
MARK = ".hashnets-site"  # a file that every site of ours has
MATHJAX_FILES = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2")


def copy_mathjax(source: Path, static: Path) -> None:
    """Copy what the pages load of MathJax (the npm package mathjax@3, folder es5)."""
    for name in MATHJAX_FILES:
        there = static / "mathjax" / name
        if (source / name).is_dir():
            shutil.copytree(source / name, there)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, there)


def run_sphinx(source: Path, site: Path, work: Path, mathjax: Path | None) -> None:
    """Make the pages; a warning is an error."""
    environment = os.environ | {
        "HASHNETS_REPOSITORY": address().repository,
        "HASHNETS_SITE_ADDRESS": address().site,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "HASHNETS_KERNELS": "numpy",
    }
    if mathjax is None:
        environment["HASHNETS_MATHJAX"] = MATHJAX_ONLINE
    options = ["-b", "html", "-W", "--keep-going", "-q", "-d", work / "doctrees"]
    if subprocess.run([sys.executable, "-m", "sphinx", *options, source, site], env=environment).returncode:
        raise SystemExit("Sphinx found what is listed above; the site is not built")


def build_lecture(folder: Path) -> None:
    """Write the decks, the handout and the moving pictures beside the pages."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HASHNETS_KERNELS": "numpy"}
    program = ROOT / "notebooks" / "slides" / "build.py"
    subprocess.run([sys.executable, program, folder], env=environment, check=True, stdout=subprocess.DEVNULL)


def build(site: Path, runtime: Path | None, mathjax: Path | None, lite: bool) -> None:
    """Build everything beside the old site, and put it in its place."""
    with tempfile.TemporaryDirectory(prefix="hashnets-site-") as folder:
        work = Path(folder)
        source = work / "source"
        source.mkdir()
        stage(source)
        write_reference(source)
        if mathjax:
            copy_mathjax(mathjax, source / "_static")
        run_sphinx(source, work / "html", work, mathjax)
        build_lecture(work / "html" / "slides")
        shutil.copytree(ROOT / "notebooks", work / "html" / "notebooks", ignore=LEFT_BEHIND)  # to download
        (work / "html" / MARK).touch()
        (work / "html" / ".nojekyll").touch()  # GitHub Pages drops folders that begin with _ without this
        if lite:
            build_lite(work / "html", work, runtime)
        if site.exists():
            shutil.rmtree(site)
        shutil.move(work / "html", site)


def check_target(site: Path) -> None:
    """Refuse to replace what is not an earlier site."""
    if site.is_file() or (site.is_dir() and any(site.iterdir()) and not (site / MARK).exists()):
        raise SystemExit(f"{site} is not an earlier site (it has no file {MARK}), and would be replaced; "
                         "name another folder, or empty this one")


def main() -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="folder for the site; it is replaced")
    parser.add_argument("--runtime", type=Path, help="folder with Pyodide (default: browsers load it from its CDN)")
    parser.add_argument("--mathjax", type=Path, help="folder es5 of mathjax@3 (default: browsers load it from its CDN)")
    parser.add_argument("--no-lite", action="store_true", help="leave out the lessons that run in the browser")
    args = parser.parse_args()
    check_target(args.site.resolve())
    build(args.site.resolve(), args.runtime and args.runtime.resolve(), args.mathjax, not args.no_lite)
    print(f"The site is in {args.site}: python -m http.server --directory {args.site}")


if __name__ == "__main__":
    main()
