"""Gather the sources of the site in one folder, with every link brought to where its target is there.

Most pages live elsewhere in the project, where people read them without a site: lessons, SPEC.md, the records. Here
they get the place that the site's contents list gives them (`PAGES`). A link to another page becomes a link between
pages, a link to any other file carries a copy of it, and a link to nothing is an error.
"""

import json
import re
import shutil
from os.path import relpath
from pathlib import Path

from address import COLAB_CELL, address

ROOT = Path(__file__).resolve().parents[2]

# Globs in the project -> folder or page on the site.
PAGES = {
    "docs/*.md": "",
    "notebooks/README.md": "course.md",
    "notebooks/slides/*.md": "slides/",
    "notebooks/*.ipynb": "lessons/",
    "notebooks/exercises/*.ipynb": "exercises/",
    "notebooks/exercises/solutions/*.ipynb": "exercises/solutions/",
    "data/vectors/SPEC.md": "specification.md",
    "data/records/README.md": "records/README.md",
    "data/records/*.md": "records/",
    "data/records/ablations/report.md": "records/ablations.md",
    "data/records/ablations/README.md": "records/ablations-rules.md",
    "data/records/bench/README.md": "records/bench.md",
    "data/records/bench/*.md": "records/",
    "data/paper/ERRATA.md": "records/errata.md",
    "data/paper/README.md": "records/paper.md",
    "data/README.md": "data.md",
    "examples/*/README.md": "examples/",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
GENERATED = {ROOT / "docs/api/index.md": "api/index.md", ROOT / "docs/commands.md": "commands.md"}  # see reference.py
FENCE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$", re.M | re.S)
CODE = re.compile(r"(`+)[^`].*?\1")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
TITLE = re.compile(r"^# ", re.M)
HEADING = re.compile(r"^(#+ )", re.M)
SECTION = re.compile(r"^<!-- README: (.+) -->$", re.M)


def pages() -> dict[Path, str]:
    """Map each source file to its place on the site."""
    found = dict(GENERATED)
    for pattern, place in PAGES.items():
        paths = sorted(ROOT.glob(pattern))
        if not paths:
            raise SystemExit(f"there is no {pattern}, which docs/tools/stage.py lists in PAGES; correct the list")
        for path in paths:
            if path.name == "README.md" and place.endswith("/"):
                there = f"{place}{path.parent.name}.md"
            else:
                there = place if place.endswith(".md") else place + path.name
            found.setdefault(path, there)
    return found


def stage(target: Path) -> None:
    """Write the sources of the site into an empty folder."""
    places = pages()
    for path, place in places.items():
        if path in GENERATED:
            continue
        there = target / place
        there.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            there.write_text(stage_notebook(path, place, places, target), encoding="utf-8")
        else:
            text = SECTION.sub(readme_section, path.read_text(encoding="utf-8"))
            there.write_text(rewrite(text, path, place, places, target), encoding="utf-8")
    shutil.copy(ROOT / "docs" / "conf.py", target)
    shutil.copytree(ROOT / "docs" / "_static", target / "_static")


def readme_section(mark: re.Match) -> str:
    """Replace a mark `<!-- README: heading -->` by what stands under that heading in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^(#+) {re.escape(mark[1])}\n(.*?)(?=^#{{1,3}} |\Z)", text, re.M | re.S)
    if section is None:
        raise SystemExit(f"README.md has no heading {mark[1]!r}, which a page of docs/ asks for; rename it there too")
    return re.sub(r"\]\((?![a-z]+:|#)", "](../", section[2]).strip()  # its links count from the project's root


def rewrite(text: str, path: Path, place: str, places: dict[Path, str], target: Path) -> str:
    """Bring the links of a page to where their targets are on the site; code stays as it is."""
    def bring(part: str) -> str:
        return LINK.sub(lambda m: m[1] + rewrite_link(m[2], path, place, places, target) + m[3], part)

    out = []
    last = 0
    for code in sorted([*FENCE.finditer(text), *CODE.finditer(text)], key=lambda match: match.start()):
        if code.start() < last:
            continue
        out.append(bring(text[last : code.start()]))
        # a link's text may be code: what ends here may go on with its target, so only the code itself is kept apart
        out.append(code[0])
        last = code.end()
    out.append(bring(text[last:]))
    return "".join(out)


def rewrite_link(link: str, path: Path, place: str, places: dict[Path, str], target: Path) -> str:
    """Say where a link of one page leads on the site."""
    if re.match(r"[a-z]+:|#", link):
        return link
    name, _, anchor = link.partition("#")
    aim = (path.parent / name).resolve()
    if aim.is_dir():  # the page that describes the folder, or its first one
        inside = sorted(page for page in places if page.parent == aim)
        aim = next((page for page in inside if page.name == "README.md"), inside[0] if inside else aim)
    there = places.get(aim) or copy_file(aim, link, path, target)
    return relpath(there, Path(place).parent) + (f"#{anchor}" if anchor else "")


def copy_file(aim: Path, link: str, path: Path, target: Path) -> str:
    """Put a file that is no page beside the pages, for readers to open or download."""
    if not aim.is_relative_to(ROOT) or not aim.exists():
        raise SystemExit(f"{path.relative_to(ROOT)} links to {link}, which does not exist")
    if aim.is_dir():
        raise SystemExit(f"{path.relative_to(ROOT)} links to the folder {link}; name a file, or a folder with a page")
    there = Path("files") / aim.relative_to(ROOT)
    (target / there).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(aim, target / there)
    return str(there)


def stage_notebook(path: Path, place: str, places: dict[Path, str], target: Path) -> str:
    """Prepare a notebook: links, headings, buttons under its title, and drawing code folded."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != COLAB_CELL]
    give_one_title(notebook, solved=path.parent.name == "solutions")
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = rewrite(source, path, place, places, target)
        elif "show_figure(" in source:
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
    add_buttons(notebook, path, place)
    return json.dumps(notebook)


def give_one_title(notebook: dict, solved: bool) -> None:
    """Leave one heading of the first level: a contents list shows each as a page. Solutions say what they are."""
    texts = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    for cell in texts:
        cell["source"] = "".join(cell["source"])
    if sum(len(TITLE.findall(cell["source"])) for cell in texts) > 1:
        for number, cell in enumerate(texts):
            head, _, rest = cell["source"].partition("\n") if number == 0 else ("", "", cell["source"])
            cell["source"] = "\n".join(filter(None, [head, HEADING.sub(r"#\1", rest)]))
    if solved:
        head, mark, rest = texts[0]["source"].partition("\n")
        head = head.replace("# Exercises", "# Solutions") if "# Exercises" in head else f"{head}, solved"
        texts[0]["source"] = head + mark + rest


def add_buttons(notebook: dict, path: Path, place: str) -> None:
    """Put the ways to open a lesson under its title."""
    name = path.relative_to(ROOT / "notebooks")
    up = relpath(".", Path(place).parent)
    run = f'<a class="hn-run" href="{up}/lite/notebooks/index.html?path={name.as_posix()}">Run this in your browser</a>'
    file = f'<a class="hn-file" href="{up}/notebooks/{name.as_posix()}" download>Download the notebook</a>'
    links = [run, file, *outside_links(name)]
    title, _, rest = "".join(notebook["cells"][0]["source"]).partition("\n")
    notebook["cells"][0]["source"] = f'{title}\n\n<p class="hn-ways">{" ".join(links)}</p>\n{rest}'


def outside_links(name: Path) -> list[str]:
    """Links to Colab and Binder, once the project has a public address (docs/tools/address.py)."""
    return [f'<a href="{link}">{label}</a>' for label, link in address().notebook_links(name.as_posix())]
