"""Import what builds the site, which is not a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "tools"))

import address
import shorter
import stage

__all__ = ["address", "shorter", "stage"]
