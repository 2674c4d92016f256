"""``graphrec reproduce``: one row of docs/results.md from scratch."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.cli.commands import COMMANDS
from graphrec.cli.shipped import EXPERIMENTS
from graphrec.errors import InputError
from graphrec.files import write_text

if TYPE_CHECKING:
    from graphrec.cli.reproduce.kinds import Ranked


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "reproduce",
        help=COMMANDS["reproduce"],
        description="Choose the epochs on validation, fit again on train and validation, test once, and "
        "write metrics.json; a fusion fits its members and weighs them on validation, a study runs its "
        "script. What is finished in the same folder is not done again.",
        epilog="example: graphrec reproduce gowalla-chebycf --data FOLDER --out runs/reproduce/chebycf",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the row, see --list")
    parser.add_argument("--list", action="store_true", help="name all rows with what to expect")
    parser.add_argument("--data", type=Path, help="folder of the data set, if it comes with no package")
    parser.add_argument("--out", type=Path, help="folder to write to")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=int, default=0, help="seed of the fits (default 0)")
    seeds.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        metavar="SEED",
        help="several, whose mean and standard deviation are told; all but the first go to OUT/seed-SEED",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path | None:
    """List the rows, or make one; return its metrics.json."""
    from graphrec.cli.experiment.runs.locks import locked
    from graphrec.cli.reproduce.kinds import Study
    from graphrec.cli.reproduce.print import print_ranked, print_rows, print_study
    from graphrec.cli.reproduce.rows import find_row, read_rows
    from graphrec.cli.reproduce.run import METRICS, reproduce_study

    rows = read_rows(EXPERIMENTS)
    if options.list:
        print_rows(list(rows.values()))
        return None
    if options.name is None:
        raise InputError("no row is named", hint="see `graphrec reproduce --list`")
    row = find_row(rows, options.name)
    if options.out is None:
        raise InputError(
            "no folder to write to", column="--out", hint=f"give --out runs/reproduce/{row.name}"
        )
    seeds = _seeds(options)
    file = Path(options.out) / METRICS
    if isinstance(row, Study):
        if len(seeds) > 1:
            raise InputError("a study takes one seed", column="--seeds", hint="give --seed")
        with locked(options.out, "job"):
            print_study(row, reproduce_study(row, options.out, seeds[0], options.data), file)
        return file
    data = _data_arguments(row, options.data)
    with locked(options.out, "job"):
        print_ranked(row, _over_seeds(row, options.out, seeds, data), file)
    return file


def _seeds(options: argparse.Namespace) -> list[int]:
    seeds = list(options.seeds or [options.seed])
    if len(set(seeds)) < len(seeds):
        raise InputError("a seed is given twice", column="--seeds", hint="give each once")
    return seeds


def _over_seeds(row: Ranked, out: Path, seeds: list[int], data: list[str]) -> dict[str, Any]:
    """Measure the figures of the first seed, and with several their mean and standard deviation (n − 1)."""
    from graphrec.cli.reproduce.kinds import JUDGED
    from graphrec.cli.reproduce.run import METRICS, reproduce_ranked

    folders = [out, *(out / f"seed-{seed}" for seed in seeds[1:])]
    found = [reproduce_ranked(row, folder, seed, data) for folder, seed in zip(folders, seeds, strict=True)]
    if len(seeds) == 1:
        return found[0]
    metrics = found[0] | {"seeds": len(seeds)}
    for measure in JUDGED:
        values = [each[f"test_{measure}"] for each in found]
        metrics[f"test_{measure}_seed_mean"] = statistics.fmean(values)
        metrics[f"test_{measure}_seed_sd"] = statistics.stdev(values)
    write_text(out / METRICS, json.dumps(metrics, indent=1) + "\n")
    return metrics


def _data_arguments(row: Ranked, folder: Path | None) -> list[str]:
    """Make the options that lead the experiment to its data."""
    if row.data_folder is None:
        if folder is not None:
            print("--data is not needed: these data come with a package")
        return []
    if folder is None and not Path(row.data_folder).is_dir():
        hint = f"give the folder of {row.dataset}: --data FOLDER"
        raise InputError(f"the data of {row.name} are not part of the project", column="--data", hint=hint)
    given = Path(row.data_folder) if folder is None else folder
    return ["--data.init_args.source.init_args.path", str(given.resolve())]
