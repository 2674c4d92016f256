"""Which coupons does a household redeem? A second link task on the graph, Complete Journey.

    python experiments/studies/journey_redemption.py --out runs/journey-redemption
    python experiments/studies/journey_redemption.py --out runs/weaker --part validation --strength .02

Trains on the 14 campaigns that start in 2017 and end before October, tests on campaigns 16 to 19. Settings
were chosen with a rolling origin: each of campaigns 8 to 13 judged on a model of those that ended before it
started. `--part validation` shows that table, pooled; its figures are then named test as well. The model is
the mean log-odds of `--members` boostings with the seeds --seed, --seed + 1, ... and of a regression that
separates what is sent from what is redeemed.

Campaigns 16, 17 and 19 (types B and C) have 115 redemptions: their intervals are wide. Type A counts a coupon
that the household was never sent as not redeemed, because the data do not say which 16 of the pool it got.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd

matplotlib.use("agg")
from matplotlib import pyplot
from rich.console import Console
from rich.progress import track
from rich.table import Table

from graphrec.coupons.campaigns import CampaignSplit, complete_journey_coupons
from graphrec.coupons.data import RedemptionData
from graphrec.coupons.redemption import NOT_FEATURES, RedemptionEnsemble, fit_logistic
from graphrec.coupons.task import RedemptionTask
from graphrec.evaluation.classification import paired_intervals, user_intervals
from graphrec.evaluation.probability.calibration import expected_calibration_error, log_loss
from graphrec.files import write_atomically, write_parquet, write_text

DAY = "2017-10-01"
VALIDATION = [8, 9, 10, 11, 12, 13]
"""Campaigns to choose on; what ended before the first of them has 91 redemptions."""
GRAPH, NO_GRAPH = "ensemble with graph", "ensemble without graph"
Probability = npt.NDArray[np.float64]


def main() -> None:
    """Build the tables, fit, test, write ``metrics.json``, ``scores.parquet`` and ``redemption.png``."""
    arguments = _arguments()
    source, cache = complete_journey_coupons(), str(arguments.out / "features")
    data = RedemptionData(source, DAY, VALIDATION, cache=cache)
    splits = list(data.split.origins) if arguments.part == "validation" else [data.split.test]
    for campaign in track(sorted({one for split in splits for one in split.train + split.test}), "Features"):
        data.table((campaign,))  # an interrupted run goes on where it stopped
    task = RedemptionTask(arguments.members, strength=arguments.strength, seed=arguments.seed)
    test, models = predict(data, splits, task)
    metrics = judge(test, models, arguments.replicates)
    trained = len(data.table(splits[-1].train))
    metrics |= {
        "members": arguments.members,
        "strength": arguments.strength,
        "train_pairs": trained,
        "test_pairs": len(test),
    }
    keys = test[["campaign_id", "user", "coupon", "redeemed"]].copy()
    write_parquet(keys.assign(probability=models[GRAPH]), arguments.out / "scores.parquet")
    write_text(arguments.out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_atomically(arguments.out / "redemption.png", lambda path: draw(test, models, path))
    show(metrics, list(models))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0, help="of the first member")
    parser.add_argument("--members", type=int, default=5, help="boostings that are averaged")
    parser.add_argument(
        "--strength",
        type=float,
        default=RedemptionEnsemble.strength,
        help="inverse of the penalty of the regression (default: %(default)s)",
    )
    parser.add_argument("--replicates", type=int, default=200, help="resamples of the households")
    parser.add_argument(
        "--part", choices=["test", "validation"], default="test", help="campaigns to judge on"
    )
    return parser.parse_args()


def predict(
    data: RedemptionData, splits: list[CampaignSplit], task: RedemptionTask
) -> tuple[pd.DataFrame, dict[str, Probability]]:
    """The judged pairs of all splits one below the other, and every model's probability of them."""
    tests, found = [], []
    for split in splits:
        train, test = data.table(split.train), data.table(split.test)
        tests.append(test)
        found.append(fit_models(train, test, task))
    models = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    return pd.concat(tests, ignore_index=True), models


def fit_models(train: pd.DataFrame, test: pd.DataFrame, task: RedemptionTask) -> dict[str, Probability]:
    """Probabilities of the test pairs by every model, the baselines first."""
    every = [name for name in train.columns if name not in NOT_FEATURES]
    plain = [name for name in every if not name.startswith("link_")]
    base = float(train["redeemed"].mean())
    found = {"constant": np.full(len(test), base)}
    # a score without a scale: only its order is judged
    found["purchases"] = test["covered_weeks"].to_numpy(dtype=np.float64)
    regression = fit_logistic(train, plain, idle_share=0.1, seed=task.seed)
    found["logistic"] = regression.predict_proba(test[plain].to_numpy(np.float64))[:, 1]
    for name, columns in ((NO_GRAPH, plain), (GRAPH, every)):
        ensemble = task.ensemble(columns).fit(train)
        found[name.replace("ensemble", "boosting")] = 1 / (1 + np.exp(-ensemble.boosted_log_odds(test)))
        found[name] = ensemble.probability(test)
    return found


def judge(test: pd.DataFrame, models: dict[str, Probability], replicates: int) -> dict[str, Any]:
    """Every figure of the study, flat: the model with the graph as ``test_*``, the others by their names."""
    label, user = test["redeemed"].to_numpy(), test["user"].to_numpy()
    ours, metrics = models[GRAPH], {}
    type_a = (test["campaign_kind"] == 0).to_numpy()
    for suffix, rows in (("", np.ones(len(test), dtype=bool)), ("_a", type_a), ("_bc", ~type_a)):
        found = user_intervals(ours[rows], label[rows], user[rows], replicates)
        for name, value in found.items():
            measure, bound = _split_bound(name)
            metrics[f"test_{measure}{suffix}{bound}"] = value
        gain = paired_intervals(ours[rows], models[NO_GRAPH][rows], label[rows], user[rows], replicates)
        for name, value in gain.items():
            measure, bound = _split_bound(name)
            metrics[f"graph_gain_{measure}{suffix}{bound}"] = value
        for name in (one for one in models if one != GRAPH):
            plain = user_intervals(models[name][rows], label[rows], user[rows], replicates=2)
            key = name.replace(" ", "_")
            metrics |= {
                f"{key}_{measure}{suffix}": plain[measure] for measure in ("auc", "average_precision")
            }
    metrics["test_logloss"] = log_loss(ours, label)
    metrics["test_ece"] = expected_calibration_error(ours, label)
    metrics["constant_logloss"] = log_loss(models["constant"], label)
    metrics["logistic_logloss"] = log_loss(models["logistic"], label)
    return metrics | recall_in_pool(test[type_a], ours[type_a])


def _split_bound(name: str) -> tuple[str, str]:
    for bound in ("_low", "_high"):
        if name.endswith(bound):
            return name.removesuffix(bound), bound
    return name, ""


def recall_in_pool(pool: pd.DataFrame, score: Probability) -> dict[str, float]:
    """Share of a household's redeemed coupons of type A among its 5 and 16 best, over all redemptions."""
    place = pool[["campaign_id", "user"]].assign(score=score).groupby(["campaign_id", "user"])["score"]
    rank = place.rank(ascending=False, method="first")[pool["redeemed"]]
    return {f"recall_at_{k}": float((rank <= k).mean()) for k in (5, 16)}


def show(metrics: dict[str, Any], names: list[str]) -> None:
    """A table on the terminal."""
    table = Table("model", "AUC", "AP", "AUC A", "AP A", "AUC B/C", "AP B/C", title="Redemption")
    for name in names:
        prefix = "test" if name == GRAPH else name.replace(" ", "_")
        keys = [
            f"{prefix}_{measure}{part}"
            for part in ("", "_a", "_bc")
            for measure in ("auc", "average_precision")
        ]
        table.add_row(name, *(f"{metrics[key]:.4f}" for key in keys))
    console = Console()
    console.print(table)
    for key in ("test_auc", "test_average_precision", "graph_gain_auc", "graph_gain_average_precision"):
        console.print(f"{key} {metrics[key]:.4f} [{metrics[f'{key}_low']:.4f}, {metrics[f'{key}_high']:.4f}]")


def draw(test: pd.DataFrame, models: dict[str, Probability], path: Path) -> None:
    """Precision against recall of every model, and predicted against observed redemptions of ours."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    label = test["redeemed"].to_numpy()
    campaigns = ", ".join(map(str, pd.unique(test["campaign_id"])))
    for name, score in models.items():
        if name != "constant":
            hits = np.cumsum(label[np.argsort(-score, kind="stable")])
            shown = np.arange(1, len(hits) + 1)
            left.plot((hits / hits[-1])[50:], (hits / shown)[50:], label=name, lw=1.4)
    left.axhline(label.mean(), color="0.6", lw=1, ls=":", label="no model")
    left.set(xlabel="recall", ylabel="precision", yscale="log", title=f"Campaigns {campaigns}")
    left.legend(frameon=False, loc="lower left")
    bins = np.array_split(np.argsort(models[GRAPH], kind="stable")[-20_000:], 12)
    predicted = [models[GRAPH][rows].mean() for rows in bins]
    observed = np.array([label[rows].mean() for rows in bins])
    error = 1.96 * np.sqrt(observed * (1 - observed) / [len(rows) for rows in bins])
    right.errorbar(predicted, observed, yerr=error, fmt="o", ms=4)
    top = max(*predicted, *observed) * 1.15
    right.plot([0, top], [0, top], color="0.6", lw=1, ls=":")
    right.set(
        xlabel="predicted probability", ylabel="observed share", title="20,000 likeliest pairs, 12 bins"
    )
    figure.savefig(path, dpi=120, format="png")
    pyplot.close(figure)


if __name__ == "__main__":
    main()
