"""The estimators beside those of the Open Bandit Pipeline, on the real log that comes with it.

    python experiments/studies/open_bandit.py --out runs/open-bandit

ZOZO showed items of a fashion shop at random, and in the same week by Thompson sampling. 10,000 rows of each
are in the package obp (Saito et al., Open Bandit Dataset and Pipeline, NeurIPS 2021). The random rows are the
log. The policy to judge shows each item as often as the other rows do, place by place. Of those every second
row gives the model of the reward, and the rest the reward to find. Both implementations get the same arrays.
obp 0.4.1 is put into a folder of its own, for it asks for old versions. Some seconds after that.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from study import COLOURS, PICTURE, show, write

from graphrec.arrays import FloatArray, IntArray
from graphrec.files import write_text
from graphrec.offpolicy.estimators import ESTIMATORS, Estimator, as_logged, estimate
from graphrec.offpolicy.support import Decisions

PACKAGES = ("obp==0.4.1", "seaborn", "tqdm", "pyyaml")
CAMPAIGNS = ("all", "men", "women")
SWITCH = 2.0
"""Low enough to matter where eighty items are drawn evenly."""
PRIOR = 50
"""Rows at the mean click rate that each item starts with in the model of the reward."""
THEIRS: dict[Estimator, str] = {
    "dm": "DirectMethod",
    "ips": "InverseProbabilityWeighting",
    "snips": "SelfNormalizedInverseProbabilityWeighting",
    "dr": "DoublyRobust",
    "switch_dr": "SwitchDoublyRobust",
}


class Shown(NamedTuple):
    """Rows of a log: code of the item, place on the page, click and propensity. Shape ``[n]`` each."""

    item: IntArray
    position: IntArray
    click: FloatArray
    propensity: FloatArray


def installed(folder: Path) -> Path:
    """Put obp and what it imports into a folder, without what graphrec has already."""
    if not (folder / "obp").is_dir():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(folder),
            *PACKAGES,
        ]
        subprocess.run(command, check=True)
    return folder


def shown(folder: Path, policy: str, campaign: str) -> Shown:
    """Read one of the logs of the package."""
    path = folder / "obp" / "dataset" / "obd" / policy / campaign / f"{campaign}.csv"
    table = pd.read_csv(path, usecols=["item_id", "position", "click", "propensity_score"])
    place = np.unique(table["position"], return_inverse=True)[1]
    columns = (table[name].to_numpy() for name in ("click", "propensity_score"))
    return Shown(table["item_id"].to_numpy(), place, *(column.astype(np.float64) for column in columns))


def judged(campaign: str, folder: Path, theirs: Any) -> pd.DataFrame:
    """Estimate the worth of the policy by both. A row per estimator."""
    log, other = (shown(folder, policy, campaign) for policy in ("random", "bts"))
    items = int(max(log.item.max(), other.item.max())) + 1
    places = int(max(log.position.max(), other.position.max())) + 1
    often = np.ones((places, items)) / items  # a row's worth, so that every item has a chance
    np.add.at(often, (other.position, other.item), 1.0)
    target = (often / often.sum(axis=1, keepdims=True))[log.position]
    item, click = other.item[::2], other.click[::2]
    clicks = np.bincount(item, click, items) + PRIOR * click.mean()
    model = np.tile(clicks / (np.bincount(item, minlength=items) + PRIOR), (len(log.item), 1))
    even = np.full(target.shape, 1.0 / items)
    decisions = Decisions(log.item, log.click, even)
    assert np.allclose(decisions.taken(even), log.propensity), "items were not drawn evenly"
    ours, _ = estimate(decisions, target, model, switch=SWITCH)
    truth = as_logged(Decisions(other.item[1::2], other.click[1::2]))
    rows = []
    for name in ESTIMATORS:
        value = _theirs(theirs, THEIRS[name], log, target, model)
        rows.append((campaign, name, ours[name].value, ours[name].low, ours[name].high, value))
    table = pd.DataFrame(rows, columns=["log", "estimator", "ours", "low", "high", "obp"])
    return table.assign(seen=truth.value, seen_low=truth.low, seen_high=truth.high)


def _theirs(theirs: Any, kind: str, log: Shown, target: FloatArray, model: FloatArray) -> float:
    """Ask obp, whose arrays have a last axis for places; here the place is in the row."""
    estimator = getattr(theirs, kind)(**({"tau": SWITCH} if kind == "SwitchDoublyRobust" else {}))
    value = estimator.estimate_policy_value(
        reward=log.click,
        action=log.item,
        pscore=log.propensity,
        position=np.zeros(len(log.item), dtype=np.int64),
        action_dist=target[:, :, None],
        estimated_rewards_by_reg_model=model[:, :, None],
    )
    return float(value)


def _row(one: Mapping[Any, Any]) -> list[str]:
    where = f"{one['log']} ({one['seen']:.5f} [{one['seen_low']:.5f}, {one['seen_high']:.5f}])"
    ours = f"{one['ours']:.5f} [{one['low']:.5f}, {one['high']:.5f}]"
    return [where, one["estimator"], ours, f"{one['obp']:.5f}"]


def drawn(table: pd.DataFrame) -> Figure:
    """Draw the estimates of each log beside what the policy had when it was used."""
    with rc_context(PICTURE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        axes = figure.subplots(1, len(CAMPAIGNS), sharey=True)
        for place, (campaign, part) in zip(axes, table.groupby("log", sort=False), strict=True):
            one, rows = part.iloc[0], np.arange(len(part))
            place.axvspan(one["seen_low"], one["seen_high"], color=COLOURS[2], alpha=0.2)
            place.axvline(one["seen"], color=COLOURS[2])
            ends = [part["ours"] - part["low"], part["high"] - part["ours"]]
            place.errorbar(part["ours"], rows, xerr=ends, fmt="o", color=COLOURS[0], label="graphrec, 95 %")
            place.plot(part["obp"], rows, "x", color=COLOURS[1], label="obp")
            place.set_yticks(rows, part["estimator"])
            place.set(title=f"{campaign}", xlabel="clicks per item shown")
        axes[0].legend(fontsize=8)
    return figure


def main(options: argparse.Namespace) -> None:
    """Compare on the three logs of the package, print, write."""
    folder = installed(options.out / "obp")
    sys.path.append(str(folder))  # after what is installed here
    theirs = importlib.import_module("obp.ope.estimators")
    table = pd.concat([judged(campaign, folder, theirs) for campaign in CAMPAIGNS], ignore_index=True)
    difference = float((table["ours"] - table["obp"]).abs().max())
    within = (table["low"] <= table["seen_high"]) & (table["seen_low"] <= table["high"])
    metrics = {"largest_difference": difference, "overlapping": int(within.sum()), "estimates": len(table)}
    write_text(options.out / "estimates.csv", table.to_csv(index=False))
    title = "Clicks per item shown, with 95 % intervals; in brackets what the policy had when it was used"
    show(title, ["log", "estimator", "ours", "obp"], [_row(one) for one in table.to_dict("records")])
    write(options.out, metrics, drawn(table), "open_bandit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for estimates.csv and metrics.json")
    main(parser.parse_args())
