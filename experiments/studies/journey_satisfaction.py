"""Does a household return within four weeks? The proxy S = h(R, D, theta), Complete Journey.

    python experiments/studies/journey_satisfaction.py --out runs/journey-satisfaction

Each week with a purchase is a visit. Visits of weeks 5 to 32 fit, those of weeks 36 to 40 choose the
strength of the regularisation and then calibrate, those of weeks 44 to 48 test; the gaps keep a label, which
looks four weeks ahead, from reaching into the next part. Nothing here is measured satisfaction, and the gain
by saving is an association: households choose when to shop.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd

matplotlib.use("agg")
from matplotlib import pyplot
from rich.console import Console
from rich.progress import track
from rich.table import Table

from graphrec.data.datasets.complete_journey import complete_journey
from graphrec.evaluation.classification import user_intervals
from graphrec.evaluation.intervals import resamples
from graphrec.evaluation.probability.calibration import expected_calibration_error, log_loss
from graphrec.files import write_atomically, write_text
from graphrec.offpolicy.return_model import ReturnModel, ReturnModelKind, absence_risk, return_gain
from graphrec.offpolicy.return_visits import LABEL, label_returns, weekly_visits

LAST_WEEK = 52
"""Week 53 is one day."""
FIT, CHOOSE, TEST = (5, 32), (36, 40), (44, 48)
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
KINDS: tuple[ReturnModelKind, ...] = ("logistic", "svm")
REFITS = 100
"""Models fitted to resampled households, for the interval of the gain."""
SAVINGS = np.linspace(0.0, 0.5, 11)
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Fit both models, test them once, write ``metrics.json`` and ``satisfaction.png``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0, help="of the kernel's landmarks")
    parser.add_argument("--replicates", type=int, default=500, help="resamples of the households")
    arguments = parser.parse_args()
    log = complete_journey().log
    visits = weekly_visits(log[log["week"] <= LAST_WEEK])
    labelled = label_returns(visits, LAST_WEEK)
    fit, choose, test = (labelled[labelled["week"].between(*weeks)] for weeks in (FIT, CHOOSE, TEST))
    metrics: dict[str, float] = {"test_visits": len(test), "test_return_rate": float(test[LABEL].mean())}
    models = {}
    for kind in KINDS:
        models[kind], strength = chosen(fit, choose, kind, arguments.seed)
        metrics[f"{kind}_strength"] = strength
        metrics |= judge(kind, models[kind].probability(test), test, arguments.replicates)
    recency = user_intervals(-test["weeks_away"], test[LABEL], test["user_id"], 2)
    metrics |= {"recency_auc": recency["auc"], "constant_logloss": constant_logloss(choose, test)}
    metrics |= gain_by_saving(fit, choose, test, metrics["logistic_strength"], replicates=REFITS)
    risk = absence_risk(models["logistic"], visits[visits["week"] >= TEST[0]])
    metrics |= {"churn_risk_median": float(risk.median()), "churn_risk_90": float(risk.quantile(0.9))}
    write_text(arguments.out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_atomically(arguments.out / "satisfaction.png", lambda path: draw(models, test, path))
    show(metrics)


def chosen(
    fit: pd.DataFrame, choose: pd.DataFrame, kind: ReturnModelKind, seed: int
) -> tuple[ReturnModel, float]:
    """The model with the lowest logloss on the visits that choose, and its strength."""
    fitted = {
        strength: ReturnModel.fit(fit, choose, kind, strength, seed)
        for strength in track(STRENGTHS, f"Fitting {kind}", transient=True)
    }
    losses = {one: log_loss(model.probability(choose), choose[LABEL]) for one, model in fitted.items()}
    best = min(losses, key=lambda one: losses[one])
    return fitted[best], best


def judge(kind: str, probability: Floats, test: pd.DataFrame, replicates: int) -> dict[str, float]:
    """AUC with its interval over households, logloss and ECE on the test visits."""
    found = user_intervals(probability, test[LABEL], test["user_id"], replicates)
    # the rare event is that a household stays away
    away = user_intervals(-probability, ~test[LABEL], test["user_id"], replicates)
    return {
        f"{kind}_auc": found["auc"],
        f"{kind}_auc_low": found["auc_low"],
        f"{kind}_auc_high": found["auc_high"],
        f"{kind}_average_precision_away": away["average_precision"],
        f"{kind}_average_precision_away_low": away["average_precision_low"],
        f"{kind}_average_precision_away_high": away["average_precision_high"],
        f"{kind}_logloss": log_loss(probability, test[LABEL]),
        f"{kind}_ece": expected_calibration_error(probability, test[LABEL]),
    }


def constant_logloss(choose: pd.DataFrame, test: pd.DataFrame) -> float:
    """Of the share that returned among the visits that calibrate."""
    return log_loss(np.full(len(test), choose[LABEL].mean()), test[LABEL])


def gain_by_saving(
    fit: pd.DataFrame, choose: pd.DataFrame, test: pd.DataFrame, strength: float, replicates: int
) -> dict[str, float]:
    """Mean P(return | 20 % saved) - P(return | nothing saved) of the logistic model on the test visits.

    Its interval comes from models refitted to resampled households: that of one fitted model would say only
    how different the test households are.
    """

    def mean_gain(first: pd.DataFrame, second: pd.DataFrame) -> float:
        return float(return_gain(ReturnModel.fit(first, second, "logistic", strength), test, 0.2).mean())

    households = np.unique(fit["user_id"])
    places = [part.groupby("user_id").indices for part in (fit, choose)]
    gains = []
    for drawn in track(list(resamples(len(households), replicates, 0)), "Refitting", transient=True):
        parts = [
            part.iloc[np.concatenate([rows[user] for user in households[drawn] if user in rows])]
            for part, rows in zip((fit, choose), places, strict=True)
        ]
        gains.append(mean_gain(*parts))
    low, high = np.percentile(gains, [2.5, 97.5])
    return {
        "gain_at_20": mean_gain(fit, choose),
        "gain_at_20_low": float(low),
        "gain_at_20_high": float(high),
    }


def show(metrics: dict[str, float]) -> None:
    """A table on the terminal."""
    table = Table("model", "AUC", "95 %", "logloss", "ECE", title="Returns within four weeks")
    for kind in KINDS:
        between = f"{metrics[f'{kind}_auc_low']:.4f} to {metrics[f'{kind}_auc_high']:.4f}"
        row = [metrics[f"{kind}_{name}"] for name in ("auc", "logloss", "ece")]
        table.add_row(kind, f"{row[0]:.4f}", between, f"{row[1]:.4f}", f"{row[2]:.4f}")
    console = Console()
    console.print(table)
    gain = [metrics[f"gain_at_20{bound}"] for bound in ("", "_low", "_high")]
    console.print(f"return rate {metrics['test_return_rate']:.4f}")
    console.print("gain in P(return) at 20 % saved {:.4f} [{:.4f}, {:.4f}]".format(*gain))


def draw(models: dict[ReturnModelKind, ReturnModel], test: pd.DataFrame, path: Path) -> None:
    """Predicted against observed returns, and the gain by saving for rare and frequent shoppers."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for kind, model in models.items():
        probability = model.probability(test)
        bins = np.array_split(np.argsort(probability, kind="stable"), 12)
        observed = [test[LABEL].to_numpy()[rows].mean() for rows in bins]
        left.plot([probability[rows].mean() for rows in bins], observed, "o-", ms=4, lw=1, label=kind)
    left.plot([0.5, 1], [0.5, 1], color="0.6", lw=1, ls=":")
    left.set(xlabel="predicted", ylabel="observed share", title="Returns within four weeks, weeks 44-48")
    left.legend(frameon=False)
    often = pd.qcut(test["visits"], 3, labels=["seldom", "sometimes", "often"])
    for name, rows in test.groupby(often, observed=True):
        gains = [100 * return_gain(models["logistic"], rows, saving).mean() for saving in SAVINGS]
        right.plot(100 * SAVINGS, gains, label=f"shops {name}")
    right.axhline(0, color="0.6", lw=1, ls=":")
    right.set(
        xlabel="saved share of the full price, %",
        ylabel="gain in P(return), points",
        title="Association, not effect",
    )
    right.legend(frameon=False)
    figure.savefig(path, dpi=120, format="png")
    pyplot.close(figure)


if __name__ == "__main__":
    main()
