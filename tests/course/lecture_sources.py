"""Import what builds the lecture, which is not a package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "notebooks" / "slides"))

import build
import example
import gradient
import handout
import lessons
import parts
import why_it_works

LECTURE = Path(build.__file__).parent

__all__ = ["LECTURE", "build", "example", "gradient", "handout", "lessons", "parts", "why_it_works"]
