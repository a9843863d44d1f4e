"""Shorten the browser's copies of the lessons: there, Python runs several times slower and has no numba.

`shorter.toml` says how. A lesson gets a note that says so under its title. Its changes are pairs of old and new text;
an old text that is not there any more is an error, so that a changed lesson is looked at again. A cell with one of the
texts of `only_shown`, after the changes, is shown and not run.
"""

import json
import tomllib
from pathlib import Path

LESSONS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def topic(path: Path) -> str:
    """Name a lesson without its number: `05_training` -> `training`."""
    return path.stem.partition("_")[2]


def shorten(notebook: dict, path: Path) -> None:
    """Change a lesson's cells for the browser, in place."""
    if topic(path) not in LESSONS or path.parent.name in ("exercises", "solutions"):
        return
    how = LESSONS[topic(path)]
    unused = {old for old, _ in how.get("changes", [])}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        for old, new in how.get("changes", []):
            if old in source:
                source = source.replace(old, new)
                unused.discard(old)
        cell["source"] = source
        if any(text in source for text in how.get("only_shown", [])):
            show_only(cell, how["why"])
    if unused:
        raise SystemExit(f"{path.name} has changed: docs/tools/shorter.toml looks for {json.dumps(min(unused))} in it")
    title = notebook["cells"][0]
    head, _, rest = "".join(title["source"]).partition("\n")
    title["source"] = f"{head}\n\n> **In your browser.** {how['note']}\n{rest}"


def show_only(cell: dict, why: str) -> None:
    """Turn a code cell into text that shows its code."""
    cell.update(cell_type="markdown", source=f"*{why}*\n\n```python\n{cell['source']}\n```")
    cell.pop("outputs", None)
    cell.pop("execution_count", None)
