"""Which code made a result: its commit, for records, and a digest of its files, for what is kept in the cache.

The digest is that of the whole package as it is on the disk: changes that were not committed count, and a commit of
records or of pages changes nothing. What is defined outside the package, such as a method of a user's own, is not in
it.
"""

import hashlib
import json
import subprocess
from functools import lru_cache
from pathlib import Path

from ... import __version__

PACKAGE = Path(__file__).parents[2]
ROOT = PACKAGE.parent  # of a checkout


def short_digest(content: bytes) -> str:
    """Return enough of a digest for the name of a file in the cache."""
    return hashlib.sha256(content).hexdigest()[:24]


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a digest of the package's version and Python files, as they are when a process first asks for it."""
    files = {path.relative_to(PACKAGE).as_posix(): short_digest(path.read_bytes()) for path in PACKAGE.rglob("*.py")}
    return short_digest(json.dumps([__version__, files], sort_keys=True).encode())


@lru_cache(maxsize=1)
def commit_of(root: Path) -> str | None:
    """Name the commit of a git checkout; None if it is none. Changes that were not committed go unseen."""
    git = root / ".git"
    if not git.exists():  # git itself would also look above: an installed package may lie in somebody's repository
        return None
    try:
        command = ["git", f"--git-dir={git}", "rev-parse", "--verify", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
