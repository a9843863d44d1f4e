"""Write our Tables 1-2 and Figures 2-4 beside the paper's, and how much is done, from the records alone.

The page on other ways to share weights is written too, if the folder, or `ablations` in it, has records of that study.
"""

import argparse
from pathlib import Path

from ..support.disk import atomic_write
from . import any_path, writable_folder

HELP = "our tables and figures beside the paper's"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=write_report)
    parser.add_argument("--records", type=any_path, default=Path("data/records"), help="folder (default: %(default)s)")
    parser.add_argument("--out", type=any_path,
                        help="folder for report.md and the figures (default: that of the records)")


def nothing_to_report(folder: Path) -> str:
    """Say why there is no report: no runs, half cells of protocol 2, or other grids, whose results `sweep` shows."""
    from ..experiments.report.results import coverage
    from ..experiments.sweep.grid import PROTOCOL2
    from ..experiments.sweep.records import read_all
    from ..experiments.sweep.schema import RunRecord

    done = {name: counts[0] for name, counts in coverage(folder).items()}
    begun = [name for name in PROTOCOL2 if done[name]]
    if begun:
        runs = done["protocol2"]
        return (f"of the paper's presets {folder} has only runs of protocol 2 ({runs}), and no cell has all of its "
                f"seeds; go on with `sweep {begun[0]} --records {folder}`")
    others = sum(isinstance(record, RunRecord) for record in read_all(folder).values())
    if not others:
        return f"no finished run of the paper's presets in {folder}; run `sweep table1` first"
    return (f"no finished run of the paper's presets in {folder}, but {others} of other grids; "
            f"`sweep GRID --records {folder}` shows their results (GRID: quick, or your file)")


def write_report(args: argparse.Namespace) -> int:
    """Write the report and print its coverage and checks."""
    from ..experiments.report.ablations import has_ablations, write_page
    from ..experiments.report.document import document
    from ..experiments.report.evidence import against_nn, against_paper
    from ..experiments.report.figures import TITLES, draw
    from ..experiments.report.results import results
    from ..experiments.report.tables import coverage_table
    from ..experiments.sweep.drive import say_on_stderr
    from ..experiments.sweep.records import read_all

    folders = (args.records, args.records / "ablations")
    for folder in folders:
        read_all(folder, say_on_stderr)  # say once what is skipped; whoever reads the records below does not
    found = results(args.records)
    has_runs = any(found.protocols.values())
    ablations = [folder for folder in folders if has_ablations(folder)]
    if not has_runs and not ablations:
        raise ValueError(nothing_to_report(args.records))
    out = args.out or args.records
    for folder in ablations:
        own = out / folder.relative_to(args.records)
        writable_folder(own, "--out")
        print(f"Other ways to share weights: {write_page(folder, own)}")
    if not has_runs:
        return 0
    writable_folder(out, "--out")
    drawn = {title: draw(number, found, out) for number, title in TITLES.items()}
    pictures = {title: path.name for title, path in drawn.items() if path}
    atomic_write(out / "report.md", document(args.records, found, pictures).encode())
    print("\n\n".join([coverage_table(args.records), against_paper(found), against_nn(found)]))
    print(f"\nTables and figures: {out / 'report.md'}")
    return 0
