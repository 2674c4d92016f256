"""``graphrec report``: one run on one page that loads nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import check_page
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.notices import note

if TYPE_CHECKING:
    from graphrec.report.page.examples import Examples
    from graphrec.report.runs import RunRecord


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "report",
        help=COMMANDS["report"],
        description="Write a page on a run: its data, curves, measures, groups of users, a few shoppers with"
        " their items and reasons, its cost, and how to make it again.",
        epilog="example: graphrec report runs/complete_journey-lightgcn --out lightgcn.html",
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--out", type=Path, help="file to write; report.html in the run's folder if missing")
    parser.add_argument(
        "--part",
        choices=("test", "val"),
        default="test",
        help="test (default), or val: validation at the epoch that the fit chose",
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=3,
        metavar="N",
        help="shoppers to show with their items (default 3); 0 reads neither checkpoint nor data",
    )
    parser.add_argument("--title", help="heading of the page")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Read the run, recommend to a few, write the page and say where it is."""
    if options.examples < 0:
        raise InputError(
            f"{options.examples} is no number of shoppers", column="--examples", hint="give 0 or more"
        )
    check_page(options.out)
    with importing():
        from graphrec.report.one_run import read_one, report

    record = read_one(options.run_folder, options.part)
    found = _examples(record, options.examples, options.trust)
    written = report(record, found, options.out or record.path / "report.html", options.title)
    print(f"report: {written}")
    return written


def _examples(record: RunRecord, count: int, trusted: bool) -> Examples:
    """Recommend to a few shoppers; where the checkpoint or its data cannot be had, say why not."""
    from graphrec.report.page.examples import Examples

    if not record.ranks:
        return Examples()
    if not count:
        return Examples(why_none="none were asked for")
    with importing():
        from graphrec.cli.experiment.loading import load_run
        from graphrec.report.page.examples import examples

    try:
        task, data = load_run(_checkpoint(record), trusted=trusted)
    except InputError as error:
        note(f"no examples: {error}")
        return Examples(why_none=str(error))
    return examples(task.recommender, data, count)


def _checkpoint(record: RunRecord) -> Path:
    """Find the checkpoint that the measures are of.

    Raises:
        InputError: It is gone, or was written anew after its test.
    """
    from graphrec.cli.experiment.runs.folder import BEST, LAST, RunFolder
    from graphrec.files import sha256_of

    folder = RunFolder(record.path / "refit" if record.tested == "refit" else record.path).checkpoints
    there = [folder / name for name in (BEST, LAST) if (folder / name).is_file()]
    wanted = record.checkpoint_sha256
    found = [one for one in there if not wanted or sha256_of(one) == wanted]
    if not found:
        what = "the checkpoint that the measures are of is not there"
        raise InputError(what, file=folder, hint="run `graphrec test` again")
    return found[0]
