"""What builds the site: links are brought along, and one setting makes every link to the project's address."""

import importlib.util
import json
import re
import shutil

import pytest
from tools_of_docs import address, shorter, stage

HERE = address.Address("https://github.com/someone/hashnets_np", "https://someone.github.io/hashnets_np")
NOWHERE = address.Address("", "")


def test_every_file_fits_the_setting():
    assert address.main(check=True) == 0, "run python docs/tools/address.py"


def test_without_an_address_there_are_no_links_to_it():
    assert not any(between for _, _, between in address.places(NOWHERE).values())
    assert not NOWHERE.notebook_links("01_the_hashing_trick.ipynb")


def test_with_an_address_every_file_gets_its_links():
    written = {name: address.written(name, (address.ROOT / name).read_text(), *marks)
               for name, marks in address.places(HERE).items()}
    assert "actions/workflows/tests.yml/badge.svg" in written["README.md"]
    assert 'repository-code: "https://github.com/someone/hashnets_np"' in written["CITATION.cff"]
    assert 'Source = "https://github.com/someone/hashnets_np"' in written["pyproject.toml"]
    assert "security/advisories/new" in written[".github/ISSUE_TEMPLATE/config.yml"]
    (colab, _), (binder, _) = HERE.notebook_links("x.ipynb")
    assert (colab, binder) == ("Open in Colab", "Open in Binder")


@pytest.fixture
def elsewhere(tmp_path):
    """What depends on the address, in a folder of its own, so that a test can fill the address in."""
    for name in ("pyproject.toml", "README.md", "CITATION.cff", ".github", "notebooks"):
        source = address.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    return tmp_path


def give_address(root, repository):
    path = root / "pyproject.toml"
    setting = re.compile(r'^repository = ".*?"', re.M)
    path.write_text(setting.sub(f'repository = "{repository}"', path.read_text(encoding="utf-8")), encoding="utf-8")
    assert address.main(check=False, root=root) == 0


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_with_an_address_every_notebook_first_installs_the_package_on_colab(elsewhere):
    give_address(elsewhere, HERE.repository)
    paths = list(elsewhere.glob("notebooks/**/*.ipynb"))
    assert len(paths) >= 30
    for path in paths:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        first = next(cell for cell in cells if cell["cell_type"] == "code")
        assert "".join(first["source"]).endswith(f"%pip install -q git+{HERE.repository}"), path.name
        assert sum(cell["id"] == address.COLAB_CELL for cell in cells) == 1
    once = contents(elsewhere)
    assert address.main(check=True, root=elsewhere) == 0
    assert address.main(check=False, root=elsewhere) == 0 and contents(elsewhere) == once
    give_address(elsewhere, "")
    assert address.main(check=True, root=elsewhere) == 0


def test_taking_the_address_away_leaves_every_file_as_it_was(elsewhere):
    give_address(elsewhere, "")
    before = contents(elsewhere)
    assert not [path for path, text in before.items() if address.COLAB_CELL.encode() in text]
    give_address(elsewhere, HERE.repository)
    assert len([path for path, text in contents(elsewhere).items() if text != before[path]]) >= 34
    give_address(elsewhere, "")
    assert contents(elsewhere) == before


def test_the_cell_for_colab_does_nothing_elsewhere():
    *lines, last = HERE.colab_cell()["source"]
    assert lines[-1] == 'if "google.colab" in sys.modules:\n' and last.startswith("    %pip")


def test_a_link_to_a_page_becomes_a_link_between_pages(tmp_path):
    places = stage.pages()
    path = stage.ROOT / "data/records/README.md"
    link = stage.rewrite_link("../paper/ERRATA.md#x", path, places[path], places, tmp_path)
    assert link == "errata.md#x"


def test_a_link_to_a_file_brings_the_file_along(tmp_path):
    places = stage.pages()
    path = stage.ROOT / "data/README.md"
    link = stage.rewrite_link("vectors/vectors.json", path, places[path], places, tmp_path)
    assert (tmp_path / link).read_bytes() == (stage.ROOT / "data/vectors/vectors.json").read_bytes()


def test_a_link_to_nothing_is_an_error(tmp_path):
    path = stage.ROOT / "data/README.md"
    with pytest.raises(SystemExit, match=r"data/README.md links to nowhere.md, which does not exist"):
        stage.rewrite_link("nowhere.md", path, "data.md", stage.pages(), tmp_path)


def test_links_in_code_are_left_alone(tmp_path):
    text = "See `a](b)` and\n\n```python\nx[0](nowhere)\n```\n"
    assert stage.rewrite(text, stage.ROOT / "README.md", "start.md", stage.pages(), tmp_path) == text


def test_a_lesson_gets_its_buttons_under_its_title():
    path = stage.ROOT / "notebooks/03_gradient_derivation.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    stage.add_buttons(notebook, path, "lessons/03_gradient_derivation.ipynb")
    title, _, buttons = notebook["cells"][0]["source"].split("\n")[:3]
    assert title.startswith("# 3")
    assert "../lite/notebooks/index.html?path=03_gradient_derivation.ipynb" in buttons
    assert "colab" not in buttons or address.address().repository


def texts(notebook):
    return [cell["source"] for cell in notebook["cells"]]


def test_a_notebook_has_one_title_on_its_page():
    def notebook():
        return {"cells": [{"cell_type": "markdown", "source": text} for text in ("# 8 · A\n\nB", "# 1. C\n\n## D")]}

    lesson, solution = notebook(), notebook()
    stage.give_one_title(lesson, solved=False)
    assert texts(lesson) == ["# 8 · A\n\nB", "## 1. C\n\n### D"]
    stage.give_one_title(solution, solved=True)
    assert texts(solution)[0] == "# 8 · A, solved\n\nB"
    one = {"cells": [{"cell_type": "markdown", "source": ["# Exercises 1 · E\n", "\n", "## F"]}]}
    stage.give_one_title(one, solved=True)
    assert texts(one) == ["# Solutions 1 · E\n\n## F"]


LESSONS = sorted((stage.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_is_shorter_in_the_browser_fits_the_lesson_of_today(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    before = json.dumps(notebook)
    shorter.shorten(notebook, path)  # an error if a text that it changes is not there
    changed = shorter.topic(path) in shorter.LESSONS
    assert (json.dumps(notebook) != before) == changed
    assert ("**In your browser.**" in "".join(notebook["cells"][0]["source"])) == changed


def test_a_changed_lesson_is_an_error_that_names_the_missing_text():
    path = stage.ROOT / "notebooks/05_training.ipynb"
    with pytest.raises(SystemExit, match=r"05_training.ipynb has changed: docs/tools/shorter.toml looks for"):
        shorter.shorten({"cells": [{"cell_type": "markdown", "source": "# Training"}]}, path)


def test_a_folder_that_is_no_site_is_not_replaced(tmp_path):
    pytest.importorskip("sphinx", reason="Sphinx is not installed: it is in .venv-docs")
    spec = importlib.util.spec_from_file_location("build_site", address.ROOT / "docs" / "tools" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit, match="is not an earlier site"):
        build.check_target(tmp_path)
    (tmp_path / build.MARK).touch()
    build.check_target(tmp_path)
    build.check_target(tmp_path / "new")
