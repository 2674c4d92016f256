"""``graphrec sweep``: the points of a W&B sweep file, tried here and without an account."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.trust import TRUST, add_trust
from graphrec.errors import InputError, check_seed

if TYPE_CHECKING:
    from graphrec.cli.tune.engine import Tuned

EXAMPLE = """examples:
  graphrec sweep experiments/sweeps/complete_journey-popularity.yaml --out runs/search
  graphrec sweep experiments/sweeps/complete_journey-lightgcn.yaml --trials 6 --workers 2
  wandb sweep experiments/sweeps/complete_journey-lightgcn.yaml    # the same file for an account
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "sweep",
        help=COMMANDS["sweep"],
        description="Run a sweep file of W&B here. Each trial is one `graphrec fit` of the command that the"
        " file names, judged by its metric; the test part is not read. A killed sweep goes on where it was.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a sweep file, as of experiments/sweeps/")
    parser.add_argument("--out", type=Path, help="folder to write to; runs/sweeps/NAME if missing")
    parser.add_argument(
        "--trials", type=int, metavar="N", help="the most trials; what the file says if missing"
    )
    parser.add_argument(
        "--budget", metavar="TIME", help="the most time, such as 30m; what ran over it is cut"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that fit (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the points and of the fits (default 0)")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Tuned:
    """Try the points, print the best."""
    from graphrec.cli.tune.checks import budget_of, check_optuna, check_workers

    check_optuna()
    check_workers(options.workers)
    check_seed(**{"--seed": options.seed})
    budget = budget_of(options.trials, options.budget)
    with importing():
        from graphrec.cli.tune.files import read_sweep
        from graphrec.cli.tune.sweeps import run_sweep

    sweep = read_sweep(options.file)
    if not sweep.space.settings:
        raise InputError(
            "there is nothing to try", file=options.file, column="parameters", hint="name a setting"
        )
    out = options.out or Path("runs/sweeps") / sweep.name
    trust = [TRUST] if options.trust else []
    return run_sweep(sweep, out, budget, options.workers, options.seed, trust)
