"""``graphrec compare``: finished runs side by side, as CSV, Markdown and one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing

EXAMPLE = "example: graphrec compare runs/complete_journey-* --offers offers.parquet --out runs/comparison"


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "compare",
        help=COMMANDS["compare"],
        description="Read the runs below the given folders and write a comparison: a page, Markdown and CSV"
        " files. Of several paths, those without a ranking run are left out with a line.",
        epilog=EXAMPLE,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or folders of runs")
    parser.add_argument(
        "--part",
        choices=("test", "val"),
        default="test",
        help="test (default), or val: validation at the epoch that each fit chose",
    )
    parser.add_argument(
        "--correction",
        choices=("holm", "fdr", "none"),
        default="holm",
        help="of the p of a lead for the number of pairs of runs: holm (default), which bounds the chance of"
        " any false claim; fdr, the share of false claims; or none",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--offers", type=Path, help="an offers table to show as well")
    parser.add_argument("--title", default="Which recommender, which offer", help="heading of the report")
    parser.add_argument("--wandb", metavar="ENTITY/PROJECT", help="also publish a W&B Report there")
    parser.add_argument(
        "--allow_different_splits", action="store_true", help="compare runs whose splits differ all the same"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Compare and say where the report is."""
    with importing():
        from graphrec.report.compare import compare

    report = compare(
        options.runs,
        options.out,
        offers=options.offers,
        wandb=options.wandb,
        title=options.title,
        allow_different_splits=options.allow_different_splits,
        part=options.part,
        correction=options.correction,
    )
    print(f"report: {report}")
    return report
