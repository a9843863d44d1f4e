"""What only runs elsewhere, as far as it can be checked here: workflows, issue forms, Binder, conda, citation."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; it comes with Jupyter")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
MAKE_TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_jobs_with_limits_and_steps_that_exist_here(path):
    workflow = read(path)
    assert workflow["permissions"]["contents"] == "read"
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 45
        commands = "\n".join(step.get("run", "") for step in job["steps"])
        assert set(re.findall(r"\bmake ([\w-]+)", commands)) <= MAKE_TARGETS
        for name in re.findall(r"(?:tests|\.ci)/[\w/.-]+", commands):
            assert (ROOT / name).exists(), name


def test_the_workflow_tries_every_python_that_the_package_allows():
    matrix = read(ROOT / ".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_asks_for(path):
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    assert all(field["type"] in ("input", "textarea", "dropdown") and field["attributes"]["label"]
               for field in form["body"])


def test_the_conda_recipe_asks_for_what_the_package_asks_for():
    recipe = read(ROOT / "conda.recipe/recipe.yaml")
    wanted = {line.split(";")[0].replace("matplotlib", "matplotlib-base") for line in PROJECT["dependencies"]}
    assert {line.replace(" ", "") for line in recipe["requirements"]["run"]} == wanted | {"python>=3.11"}
    assert recipe["context"]["version"] == PROJECT["version"]


def test_the_citation_names_this_version_and_the_paper():
    citation = read(ROOT / "CITATION.cff")
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["preferred-citation"]["title"] == "Compressing Neural Networks with the Hashing Trick"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_the_other_settings_can_be_read():
    assert read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert (ROOT / ".binder/requirements.txt").read_text().splitlines()[0] == "."
