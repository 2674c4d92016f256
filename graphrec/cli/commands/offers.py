"""``graphrec offers``: who is offered which item at which rate, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from graphrec.cli.commands.recommend import check_out, user_codes
from graphrec.errors import InputError
from graphrec.offers.economics import Economics, percent
from graphrec.offers.guardrails import Guardrails
from graphrec.offers.policies import ExpectedProfit, LinearRate, NoDiscount, Policy, Uniform, policy_named
from graphrec.offers.scenarios import SCENARIOS
from graphrec.offers.table import Candidates, make_offers, policy_totals, write_offers

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask

POLICIES = (NoDiscount.name, Uniform.name, LinearRate.name, ExpectedProfit.name)
EXAMPLE = """example:
  graphrec offers --ckpt_path runs/x/y/checkpoints/best.ckpt --policy expected_profit --budget 500 \\
    --out offers.parquet
  graphrec offers --ckpt_path runs/x/y/checkpoints/best.ckpt --policy none linear_rate --out offers.parquet
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "offers",
        help="decide the discount of each shopper's best items",
        description="Rank each user's items, calibrate the probability of a purchase on the validation part, "
        "and let one or more policies choose the rates.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--ckpt_path",
        "--ckpt",
        type=Path,
        required=True,
        help="best.ckpt of a fit (a refit has no validation part)",
    )
    add("--policy", nargs="+", choices=POLICIES, default=["expected_profit"], help="one or more policies")
    add("--scenario", choices=[s.name for s in SCENARIOS], default="promotion", help="whose objective")
    add("--budget", type=float, help="the most the retailer may spend on discounts, in money")
    add("--users", type=Path, help="CSV or Parquet file with a column user_id; all users if missing")
    add("-k", type=int, default=20, help="candidate items per user (default 20)")
    add("--items", choices=["all", "repeat", "new"], default="all", help="which items may be offered")
    add("--rate", type=float, default=Uniform().rate, help="rate of the policy uniform")
    add("--margin", type=float, default=Economics().margin, help="assumed margin at the regular price")
    share = Economics().funded_share
    add(
        "--funded_share", type=float, default=share, help="assumed share of a discount that the retailer pays"
    )
    add("--max_rate", type=float, default=Guardrails().max_rate, help="no rate above this")
    add("--min_margin", type=float, default=Guardrails().min_margin, help="margin that must be left")
    add("--out", type=Path, required=True, help="the Parquet file to write")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Load, calibrate, decide, write, and print what each policy comes to."""
    check_out(options.out)
    economics = Economics(options.margin, options.funded_share)
    guardrails = Guardrails(options.max_rate, options.min_margin)
    policies = [Uniform(options.rate) if name == "uniform" else policy_named(name) for name in options.policy]
    if options.budget is not None and options.budget < 0:
        raise InputError(f"{options.budget} is negative", column="--budget", mend="give an amount of money")
    from graphrec.cli.lightning import load_run

    task, data = load_run(options.ckpt_path)
    if not len(data.split.val):
        raise InputError(
            "this checkpoint was refitted on the validation part, so nothing is left to calibrate on",
            file=options.ckpt_path,
            column="--ckpt_path",
            mend="give checkpoints/best.ckpt of the run itself",
        )
    candidates = offer_candidates(task, data, options.users, options.k, options.items)
    offers = decide(candidates, policies, options.scenario, options.budget, economics, guardrails)
    path = write_offers(offers, options.out)
    print_totals(offers)
    print(f"{len(offers):,} rows: {path}")
    return path


def offer_candidates(
    task: RankedTask, data: RecommenderData, users: Path | None = None, k: int = 20, items: str = "all"
) -> Candidates:
    """The best `k` items of each user with calibrated probabilities and prices."""
    from graphrec.offers.candidates import build_candidates, fit_calibrator

    recommender, graph, split = task.recommender, task.recommender.graph, data.split
    calibrator = fit_calibrator(recommender, graph, split)
    codes = user_codes(users, split.users)
    return build_candidates(recommender, graph, split, calibrator, codes, k, items)  # type: ignore[arg-type]


def decide(
    candidates: Candidates,
    policies: list[Policy],
    scenario: str,
    budget: float | None,
    economics: Economics,
    guardrails: Guardrails,
) -> pd.DataFrame:
    """The offers of every policy, one below the other."""
    tables = [make_offers(candidates, policy, scenario, budget, guardrails, economics) for policy in policies]
    return pd.concat(tables, ignore_index=True)


def assumptions(economics: Economics, guardrails: Guardrails) -> dict[str, str]:
    """What the figures rest on and the log cannot tell, for the report."""
    return {
        "margin at the regular price": percent(economics.margin),
        "share of a discount that the retailer pays": percent(economics.funded_share),
        "maximum rate": percent(guardrails.max_rate),
        "minimum margin": percent(guardrails.min_margin),
        "response to a discount": "elasticity 0.8 to 2.25 by the user's rank in past use of discounts, an "
        "assumption until it is learnt from prices",
        "units": "one per purchase, over the four weeks after training",
    }


def print_totals(offers: pd.DataFrame) -> None:
    """A small table on the terminal."""
    from graphrec.cli.terminal import print_frame

    totals = policy_totals(offers)
    for column in ("expected_units", "expected_revenue", "expected_profit", "spend"):
        totals[column] = totals[column].map("{:,.0f}".format)
    totals["mean_rate"] = totals["mean_rate"].map("{:.2%}".format)
    totals.columns = totals.columns.str.removeprefix("expected_")
    print_frame(totals, "What each policy is expected to bring, under the assumed response")
