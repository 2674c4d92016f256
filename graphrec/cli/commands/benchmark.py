"""``graphrec benchmark``: models × data sets × seeds, with average ranks; resumable."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.table_options import (
    add_table_options,
    check_out_folder,
    column_mapping,
    form_of,
    table_file,
)
from graphrec.errors import InputError, check_at_least, check_seed

EXAMPLES = """examples:
  graphrec benchmark --models lightgcn mf ease item_cf popularity --data shop.csv clicks.tsv --defaults
  graphrec benchmark --models lightgcn ease ials --data gowalla complete_journey --trials 20 --jobs 2
  graphrec benchmark --models my_model.yaml ease --data my_data.yaml --seeds 0 1 2 3 4 --out runs/mine
"""
_TRIALS = 10
WRITTEN = ("benchmark.csv", "benchmark.md", "cells.csv", "ranks.csv", "significance.csv", "report.html")
"""Files of ``--out``, where an input may lie too."""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "benchmark",
        help=COMMANDS["benchmark"],
        description="Fit each model to each data set with each seed: settings and epochs chosen on"
        " validation, refit on train and validation, tested once. Started again, it does only what is not"
        " finished: after a kill, or with another model, data set or seed.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--models",
        nargs="+",
        required=True,
        metavar="MODEL",
        help="names as of `graphrec fit -m`, or YAML files",
    )
    what = "tables, folders of LightGCN's text files, complete_journey, or YAML files of data"
    parser.add_argument("--data", nargs="+", type=table_file, required=True, metavar="DATA", help=what)
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=[0, 1, 2],
        metavar="SEED",
        help="of trained models (default 0 1 2); closed forms draw nothing and have the first alone",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/benchmark"), help="folder to write to (default runs/benchmark)"
    )
    budget = parser.add_mutually_exclusive_group()
    trials = f"settings that each model may try on each data set (default {_TRIALS})"
    budget.add_argument("--trials", type=int, default=_TRIALS, metavar="N", help=trials)
    budget.add_argument("--defaults", action="store_true", help="try none: take each model as it is")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cells side by side (default 1)")
    parser.add_argument("-k", type=int, default=20, help="cut-off to watch and rank by (default 20)")
    parser.add_argument(
        "--correction",
        choices=("holm", "fdr", "none"),
        default="holm",
        help="of the p of a lead for the number of pairs, as of `graphrec compare` (default holm)",
    )
    add_table_options(parser, "the tables of --data")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Do what is not done yet and say where the page is."""
    check_at_least(1, **{"--jobs": options.jobs, "-k": options.k, "--trials": options.trials})
    check_seed(**{"--seeds": min(options.seeds)})
    if len(set(options.seeds)) < len(options.seeds):
        raise InputError("a seed is given twice", column="--seeds", hint="give each once")
    check_out_folder(options.out, WRITTEN, options.data)
    if not options.defaults:
        from graphrec.cli.tune.checks import check_optuna

        check_optuna()
    from graphrec.cli.benchmark.plan import read_data, read_models
    from graphrec.cli.benchmark.run import Plan, run_benchmark
    from graphrec.cli.experiment.runs.locks import locked

    models = read_models(options.models)
    data = read_data(options.data, column_mapping(options.columns), form_of(options))
    plan = Plan(
        models=models,
        data=data,
        seeds=options.seeds,
        k=options.k,
        trials=0 if options.defaults else options.trials,
        jobs=options.jobs,
        out=options.out,
        correction=options.correction,
        command=_command(options),
    )
    with locked(options.out, "benchmark"):
        page = run_benchmark(plan)
    print(f"report: {page}")
    return page


def _command(options: argparse.Namespace) -> str:
    """Write the command line again, for the page."""
    words = ["--models", *options.models, "--data", *map(str, options.data)]
    words += ["--seeds", *map(str, options.seeds)]
    words += ["--defaults"] if options.defaults else ["--trials", str(options.trials)]
    words += [] if options.k == 20 else ["-k", str(options.k)]
    words += [] if options.correction == "holm" else ["--correction", options.correction]
    words += ["--columns", *options.columns] if options.columns else []
    for name, value in form_of(options).items():
        words += [f"--{name}", value]
    return shlex.join(["graphrec", "benchmark", *words, "--out", str(options.out)])
