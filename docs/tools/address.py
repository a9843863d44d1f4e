"""The project's public address: one setting, from which every link to it is made.

`[tool.hashnets] repository` in pyproject.toml is the address on GitHub, without a slash at the end, and empty as long
as there is none; `site` is where the pages are served. After a change of either, `python docs/tools/address.py` writes
what follows from them between the marks in README.md, CITATION.cff, pyproject.toml and the issue forms, and puts a cell
that installs the package on Colab first in every notebook. Without an address nothing stands there, so nothing points
to an invented place.
"""

import argparse
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINDER = "https://mybinder.org/v2/gh"
COLAB = "https://colab.research.google.com/github"
GITHUB = "https://github.com/"
COLAB_CELL = "colab-install"  # the id of the cell


@dataclass(frozen=True)
class Address:
    """Where the project and its pages are, or empty."""

    repository: str
    site: str

    @property
    def slug(self) -> str:
        """The owner and the name on GitHub."""
        return self.repository.removeprefix(GITHUB)

    def notebook_links(self, name: str) -> list[tuple[str, str]]:
        """Ways to run one notebook elsewhere."""
        if not self.repository:
            return []
        return [
            ("Open in Colab", f"{COLAB}/{self.slug}/blob/main/notebooks/{name}"),
            ("Open in Binder", f"{BINDER}/{self.slug}/main?labpath=notebooks/{name}"),
        ]

    def badges(self) -> str:
        """The first lines of the README."""
        if not self.repository:
            return ""
        tests = f"{self.repository}/actions/workflows/tests.yml"
        lines = [
            f"[![tests]({tests}/badge.svg)]({tests})",
            f"[![Binder](https://mybinder.org/badge_logo.svg)]({BINDER}/{self.slug}/main?labpath=notebooks)",
            "[![Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
            f"({COLAB}/{self.slug}/blob/main/notebooks/01_the_hashing_trick.ipynb)",
        ]
        return "\n".join(lines) + "\n" + (f"\nLessons and reference: <{self.site}>\n" if self.site else "")

    def colab_cell(self) -> dict | None:
        """The cell that installs the package on Colab; elsewhere it does nothing, and notebook tests skip it."""
        if not self.repository:
            return None
        lines = ["# On Colab only: installs the package; this takes half a minute.\n", "import sys\n", "\n",
                 'if "google.colab" in sys.modules:\n', f"    %pip install -q git+{self.repository}"]
        return {"cell_type": "code", "execution_count": None, "id": COLAB_CELL,
                "metadata": {"tags": ["skip-execution"]}, "outputs": [], "source": lines}

    def citation(self) -> str:
        """The links of CITATION.cff."""
        lines = [f'repository-code: "{self.repository}"\n'] if self.repository else []
        return "".join([*lines, *([f'url: "{self.site}"\n'] if self.site else [])])

    def project_urls(self) -> str:
        """The links that PyPI shows."""
        if not self.repository:
            return ""
        lines = ["[project.urls]", f'Source = "{self.repository}"', f'Issues = "{self.repository}/issues"',
                 f'Changelog = "{self.repository}/blob/main/CHANGELOG.md"']
        return "\n".join([*lines, *([f'Documentation = "{self.site}"'] if self.site else [])]) + "\n"

    def contact_links(self) -> str:
        """Where people are sent before they fill in an issue form."""
        if not self.repository:
            return ""
        security = f"{self.repository}/security/advisories/new"
        return ("contact_links:\n  - name: A security problem\n"
                f"    url: {security}\n    about: Report it privately, not as an issue.\n")


def address(root: Path = ROOT) -> Address:
    """Read the setting."""
    found = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hashnets"]
    repository = found["repository"].rstrip("/")
    if repository and not re.fullmatch(GITHUB + r"[\w.-]+/[\w.-]+", repository):
        raise SystemExit(f"repository = {repository!r} in pyproject.toml; expected {GITHUB}OWNER/NAME, or nothing")
    return Address(repository, found["site"])


def places(there: Address) -> dict[str, tuple[str, str, str]]:
    """List the files with an opening mark, a closing mark and what stands between them."""
    return {
        "README.md": ("<!-- address -->\n", "<!-- end of address -->\n", there.badges()),
        "CITATION.cff": ("# address\n", "# end of address\n", there.citation()),
        "pyproject.toml": ("# address\n", "# end of address\n", there.project_urls()),
        ".github/ISSUE_TEMPLATE/config.yml": ("# address\n", "# end of address\n", there.contact_links()),
    }


def written(name: str, text: str, opening: str, closing: str, between: str) -> str:
    r"""Replace what stands between two marks of a file.

    >>> written("README.md", "a\n# address\nold\n# end\nb\n", "# address\n", "# end\n", "new\n")
    'a\n# address\nnew\n# end\nb\n'
    """
    before, mark, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not mark or not end:
        raise SystemExit(f"{name}: the marks {opening.strip()!r} and {closing.strip()!r} are not there")
    return before + opening + between + closing + after


def notebook_with(text: str, cell: dict | None) -> str:
    """Put the cell that installs the package below a notebook's title, or take it away."""
    notebook = json.loads(text)
    cells = [one for one in notebook["cells"] if one.get("id") != COLAB_CELL]
    notebook["cells"] = [*cells[:1], cell, *cells[1:]] if cell else cells
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def updated(root: Path) -> dict[Path, str]:
    """Map every file that depends on the setting to its text as it should be."""
    there = address(root)
    files = {root / name: marks for name, marks in places(there).items()}
    texts = {path: written(path.name, path.read_text(encoding="utf-8"), *marks) for path, marks in files.items()}
    cell = there.colab_cell()
    for path in sorted(root.glob("notebooks/**/*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if cell or COLAB_CELL in text:
            texts[path] = notebook_with(text, cell)
    return texts


def main(check: bool, root: Path = ROOT) -> int:
    """Write the links, or only say which files do not fit the setting."""
    stale = []
    for path, new in updated(root).items():
        if new != path.read_text(encoding="utf-8"):
            stale.append(path.relative_to(root).as_posix())
        if not check:
            path.write_text(new, encoding="utf-8")
    print(("these do not fit the setting: " if check else "written: ") + (", ".join(stale) or "none"))
    return int(check and bool(stale))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, say which files do not fit the setting")
    sys.exit(main(parser.parse_args().check))
