"""Build the lecture: `python notebooks/slides/build.py FOLDER`, or `make slides`.

This writes two decks, a handout with its solution, and a page of the moving pictures. Each is one HTML file that needs
no network.
"""

import argparse
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import gradient  # noqa: E402
import handout  # noqa: E402
import projected  # noqa: E402
import why_it_works  # noqa: E402
from parts import Slide  # noqa: E402

DECKS = {
    "gradient": ("The gradient of a shared weight", gradient.slides),
    "why_it_works": ("Why it works, and how far down", why_it_works.slides),
}


def deck(title: str, slides: Sequence[Slide]) -> str:
    """Write a deck as one HTML file: slides, style and presenter."""
    sections = []
    for slide in slides:
        head = f'<section data-minutes="{slide.minutes:g}"><h1>{slide.claim}</h1>'
        sections.append(f'{head}<div class="body">{slide.body}</div><aside>{slide.notes}</aside></section>')
    style = (HERE / "presenter.css").read_text(encoding="utf-8")
    script = (HERE / "presenter.js").read_text(encoding="utf-8")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>\n'
            '<body><div class="deck">'
            + "\n".join(sections) + f'</div><div class="progress"></div>\n<script>{script}</script></body></html>\n')


def build(folder: Path) -> list[Path]:
    """Write every file of the lecture; return their paths."""
    pages = {name: deck(title, slides()) for name, (title, slides) in DECKS.items()}
    pages["handout"] = handout.page(solved=False)
    pages["handout_solution"] = handout.page(solved=True)
    pages["moving_pictures"] = projected.page()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, html in pages.items():
        path = folder / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        written.append(path)
    return written


def main() -> None:
    """Read the folder from the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("lecture"), help="where to write (default: "
                                                                                      "lecture)")
    for path in build(parser.parse_args().folder):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
