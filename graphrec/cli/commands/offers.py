"""``graphrec offers``: who is offered which item at which rate, as a table."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.list_options import OUT, STRICT
from graphrec.cli.start_up import importing
from graphrec.cli.table_options import add_table_options, check_out, table_file
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.offers.economics import Economics, percent
from graphrec.offers.levels import PROMOTIONS
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.policies.named import POLICIES
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.scenarios import OBJECTIVES, SCENARIO_NAMES

EXAMPLE = """examples, CKPT being runs/x/y/checkpoints/best.ckpt:
  graphrec offers --ckpt CKPT --policy knapsack --budget 500 --out offers.parquet
  graphrec offers --ckpt CKPT --policy none linear_rate greedy_roi knapsack --objective units --budget 500 \\
    --out offers.parquet                                    # policies at equal spend
  graphrec offers --ckpt CKPT --policy knapsack --scenario clearance --budget 5000 --out offers.parquet
  graphrec offers --ckpt CKPT --policy knapsack --budget 500 --costs costs.csv --columns cost=ek --out o.csv
  graphrec offers --ckpt CKPT --policy knapsack --costs costs.csv departments.csv weeks.csv --out o.csv
  graphrec offers --ckpt CKPT --policy knapsack --promotion amount --amounts 50 100 200 --out offers.parquet
  graphrec offers --ckpt CKPT --policy knapsack --scenario mine.yaml --out offers.parquet
                                                            # lists, overstock, launches, a calendar
  graphrec offers --ckpt CKPT --policy knapsack --budget 500 --sentences --out offers.parquet
  graphrec offers --ckpt CKPT --policy knapsack --scenario retention --satisfaction runs/satisfaction \
    --out offers.parquet                                    # who is foretold to stay away
  graphrec offers --ckpt CKPT --policy none mypolicies.Loyal --budget 500 --out offers.parquet
                                                            # a policy of your own
  graphrec offers --ckpt CKPT --policy knapsack --budget 500 --explore 0.05 --out offers.parquet
                                                            # what `graphrec feedback` learns from
  graphrec offers --ckpt CKPT --policy knapsack --promotion threshold --objective revenue --budget 2000 \\
    --out offers.parquet                                    # spend T, save y, per household
  graphrec offers --ckpt CKPT --policy knapsack --promotion coupon --product_set product_category \\
    --out offers.parquet                                    # one rate over a set of products
  graphrec offers --ckpt CKPT --policy knapsack --budget 900 --campaign department \\
    --campaign_budgets GROCERY=400 PRODUCE=100 --max_offers_per_user 3 --out offers.parquet
  graphrec offers --ckpt CKPT --policy knapsack --date 2026-11-11 --weeks 4 --budget 2000 --out offers.parquet
  graphrec offers --ckpt CKPT --policy knapsack --week 54 --exposure offers53.parquet --cool_down_weeks 4 \\
    --parity income --max_parity_gap 0.2 --out offers.parquet
"""


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "offers",
        help=COMMANDS["offers"],
        description="Rank each user's items, calibrate the probability of a purchase on the validation part, "
        "and let one or more policies choose the rates within budgets and guardrails.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    ckpt = ("--ckpt_path", "--ckpt")
    add(
        *ckpt,
        type=Path,
        required=True,
        help="folder of a run, or best.ckpt of a fit, or last.ckpt of its refit",
    )
    add("--out", type=Path, required=True, help=OUT)
    add("--strict", action="store_true", help=STRICT)
    own = "or module.Class or a YAML file of your own"
    names = f"one or more of {', '.join(POLICIES)}, {own} (default expected_profit)"
    add("--policy", nargs="+", metavar="POLICY", help=names)
    scenarios = ", ".join(SCENARIO_NAMES)
    add(
        "--scenario",
        default="promotion",
        help=f"whose objective: {scenarios}, or a YAML file of one's own of any name",
    )
    add("--objective", choices=OBJECTIVES, default="scenario", help="what to maximise instead of its weights")
    add("--promotion", choices=PROMOTIONS, default="percent", help="kind of offer (default percent)")
    money = "money off that an amount may be, in the currency of the log (default 0.25 to 3)"
    add("--amounts", type=float, nargs="+", metavar="MONEY", help=money)
    add("--budget", type=float, help="the most the retailer may spend on discounts, for each policy")
    add("--users", type=table_file, help="CSV or Parquet file with a column user_id; all users if missing")
    add("-k", type=int, help="candidate items per user (default 20)")
    add("--items", choices=["all", "repeat", "new"], help="which items; the scenario's if missing")
    add("--week", type=int, help="first week decided for (default: the first after the log)")
    add("--date", type=_day, metavar="DAY", help="a day of that week, as 2026-11-11, where the log has dates")
    add("--weeks", type=int, help="weeks that an offer, its budget and its stock are for (default 1)")
    add(
        "--response",
        type=Path,
        help="learned response: a run or its checkpoint; assumed elasticities if missing",
    )
    risk = "with --scenario retention: run or checkpoint of SatisfactionTask that tells who is at risk"
    add("--satisfaction", type=Path, metavar="CKPT", help=risk)
    what = "what serves, as `graphrec feedback --promote` wrote it: its policy and its response"
    add("--serving", type=Path, metavar="FILE", help=what)
    chance = "share of the decisions whose level chance draws, within limits and budget; as 0.05"
    add("--explore", type=float, metavar="SHARE", help=chance)
    add("--explore_seed", type=int, metavar="N", help="another draw of the same week (default 0)")
    sentences = "more columns: the gain, a sentence with numbers for the manager, and one for the shopper"
    add("--sentences", action="store_true", help=sentences)
    names = "column of the items that names them in --sentences; name, title or description if missing"
    add("--name_column", metavar="COLUMN", help=names)
    add_trust(parser)
    _add_limits(parser)
    add_table_options(parser, "the files of --users, --stock, --exposure and --costs")
    parser.set_defaults(run=run)


def _day(text: str) -> dt.date:
    """Take a date.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    try:
        return dt.datetime.fromisoformat(text).date()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-11") from error


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Add economics, guardrails and caps."""
    add = parser.add_argument_group("what is assumed and what is allowed").add_argument
    add("--rate", type=float, help=f"rate of the policy uniform (default {Uniform().rate:g})")
    add("--margin", type=float, default=Economics().margin, help="assumed margin at the regular price")
    share = Economics().funded_share
    add("--funded_share", type=float, default=share, help="assumed share of a discount the retailer pays")
    facts = "what the shop knows: item_id or an attribute of the items, perhaps week, with cost (or margin), "
    facts += "funded_share, max_rate, min_margin, stock; of several files the most specific holds"
    add("--costs", type=table_file, nargs="+", metavar="FILE", help=facts)
    add("--max_rate", type=float, help="no rate above this (default: the scenario's, 0.3 where it has none)")
    add("--min_margin", type=float, help="margin that must be left (default 0.05, less in a clearance)")
    add(
        "--depths",
        choices=["observed", "any"],
        help="rates up to an item's own history (default), or any",
    )
    add("--max_spread", type=float, help="largest difference between two users' rates on one item")
    add("--max_offers_per_user", type=int, help="at most so many, past ones of the window too")
    add("--exposure", type=table_file, help="past offers: user_id, item_id, week; or an offers table")
    add("--window_weeks", type=int, help="window of that cap, the week decided for included (default 1)")
    add("--cool_down_weeks", type=int, help="an item is not offered again within so many weeks")
    add("--campaign", help="item attribute that tells an item's campaign (default department)")
    budgets = "budgets below the total; campaigns without one share the total alone"
    add("--campaign_budgets", nargs="+", metavar="NAME=MONEY", help=budgets)
    what = "table of units on hand: item_id, stock; none off what sells out"
    add("--stock", type=table_file, help=what)
    sets = "item attribute that coupons are valid for (default product_category)"
    add("--product_set", help=sets)
    add("--parity", help="user attribute: report what each of its groups gets")
    add("--max_parity_gap", type=float, help="spend per user of two groups differs by this share at most")


def run(options: argparse.Namespace) -> Path:
    """Load, calibrate, decide, write, and print what each policy comes to."""
    check_out(options)
    with importing():
        from graphrec.cli.experiment.loading import load_run
        from graphrec.cli.experiment.runs.folder import checkpoint_at
        from graphrec.cli.offers.decide import make
        from graphrec.cli.offers.request import Request
        from graphrec.serving.bundle import is_bundle

    if is_bundle(options.ckpt_path):
        hint = "give best.ckpt of the run itself"
        what = "an exported model has no log, by which the offers of everybody are decided"
        raise InputError(what, file=options.ckpt_path, column="--ckpt_path", hint=hint)
    for name in ("ckpt_path", "response", "satisfaction"):
        if (given := getattr(options, name)) is not None:
            setattr(options, name, checkpoint_at(given))
    request = Request.of(options)
    task, data = load_run(options.ckpt_path, options.strict, options.trust, options.out)
    return make(request, task, data)


def assumptions(economics: Economics, guardrails: Guardrails) -> dict[str, str]:
    """Say what the figures rest on and the log cannot tell, for the report."""
    return {
        "margin at the regular price": percent(economics.margin),
        "share of a discount that the retailer pays": percent(economics.funded_share),
        "maximum rate": percent(float(guardrails.max_rate)),
        "minimum margin": percent(float(guardrails.min_margin)),
        "response to a discount": "elasticity 0.8 to 2.25 by the user's rank in past use of discounts, an "
        "assumption until it is learnt from prices",
        "units": "one per purchase, over the four weeks after training",
    }
