"""A real randomised promotion: who should get it, chosen on some people and tested once on others.

python experiments/studies/offers_rct.py --data FOLDER --out runs/offers-rct

FOLDER holds training.csv and test.csv of Starbucks' promotion: Promotion (Yes or No, drawn), purchase,
V1 to V7. A contact costs 0.15 and a purchase brings 10. Ten candidates (five learners of uplift, each with
lines and with boosted trees) and their mean are judged on training.csv by cross-fitting: net incremental
revenue of sending to whom the predicted uplift pays. The best is fitted to all of training.csv; test.csv is
read once.
About 5 minutes on two cores.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from randomised import begin, draw, foretell_others, foretold, interval, lines_of, read, with_bounds
from study import show, write

from graphrec.arrays import BoolArray, FloatArray
from graphrec.offpolicy.uplift.curves import Trial, curve, deciles

COST, REVENUE = 0.15, 10.0
LEVELS, NUMBERS = ("V1", "V4", "V5", "V6", "V7"), ("V2", "V3")
OWNERS = {"owners_response_rate": 0.0188, "owners_net_revenue": 189.45}
"""What the owners' own solution has on test.csv, as they published it."""


def facts(frame: pd.DataFrame) -> pd.DataFrame:
    """The seven facts; whole numbers with few values are levels."""
    return frame[[*LEVELS, *NUMBERS]].astype(dict.fromkeys(LEVELS, "str"))


def net_revenue(chosen: BoolArray, treated: BoolArray, bought: FloatArray, times: FloatArray) -> float:
    """Net incremental revenue among the chosen, both arms being of equal size."""
    sent, held = times * (chosen & treated), times * (chosen & ~treated)
    return float(REVENUE * (sent @ bought) - COST * sent.sum() - REVENUE * (held @ bought))


def response_rate(chosen: BoolArray, treated: BoolArray, bought: FloatArray, times: FloatArray) -> float:
    """Incremental response rate among the chosen."""
    sent, held = times * (chosen & treated), times * (chosen & ~treated)
    return float(sent @ bought / sent.sum() - held @ bought / held.sum())


def choose(train: pd.DataFrame, seeds: range) -> tuple[str, dict[str, list[float]]]:
    """The candidate with the best cross-fitted net revenue, and the values of all by split."""
    treated, bought = _arms(train)
    ones = np.ones(len(train))
    found = foretold(facts(train), treated, bought, seeds)
    values = {
        name: [net_revenue(REVENUE * each > COST, treated, bought, ones) for each in several]
        for name, several in found.items()
    }
    return max(values, key=lambda name: float(np.mean(values[name]))), values


def _arms(frame: pd.DataFrame) -> tuple[BoolArray, FloatArray]:
    return (frame["Promotion"] == "Yes").to_numpy(), frame["purchase"].to_numpy(dtype=np.float64)


def judge(test: pd.DataFrame, predicted: FloatArray, seed: int) -> dict[str, float]:
    """Figures of the test part with their intervals, beside sending to everybody."""
    treated, bought = _arms(test)
    everybody, chosen = np.ones(len(test), dtype=bool), REVENUE * predicted > COST
    metrics: dict[str, float] = {"share_chosen": float(chosen.mean())}
    for name, who in (("", chosen), ("all_", everybody)):
        for measure, of in (("net_revenue", net_revenue), ("response_rate", response_rate)):
            bounds = interval(lambda times, of=of, who=who: of(who, treated, bought, times), len(test), seed)
            value = of(who, treated, bought, np.ones(len(test)))
            metrics |= with_bounds(f"test_{name}{measure}", value, bounds)
    return metrics


def main(options: argparse.Namespace) -> None:
    """Choose on training.csv, test once, print, write."""
    columns = ("Promotion", "purchase", *LEVELS, *NUMBERS)
    train = read(options.data / "training.csv", columns)
    best, values = choose(train, range(options.seed, options.seed + options.seeds))
    rows = [(name, *(f"{value:,.0f}" for value in several)) for name, several in values.items()]
    show("Net incremental revenue on training.csv, cross-fitted", ["candidate", *_splits(options)], rows)
    test = read(options.data / "test.csv", columns)
    predicted = foretell_others(best, facts(train), *_arms(train), facts(test))
    treated, bought = _arms(test)
    trial = Trial(treated, REVENUE * bought - COST * treated, np.full(len(test), treated.mean()))
    profit, parts = curve(predicted, trial), deciles(predicted, Trial(treated, bought, trial.propensity))
    metrics = judge(test, predicted, options.seed) | {
        f"test_profit_{k}": v for k, v in profit.figures.items()
    }
    bought_curve = curve(predicted, Trial(treated, bought, trial.propensity))
    metrics |= {f"test_{name}": value for name, value in bought_curve.figures.items()}
    error = np.average((parts["predicted"] - parts["observed"]).abs(), weights=parts["people"])
    metrics |= {"test_calibration_error": float(error), "candidates": float(len(values)), **OWNERS}
    metrics["cross_fitted_net_revenue"] = float(np.mean(values[best]))
    print(f"chosen: {best}; sent to {metrics['share_chosen']:.0%} of test.csv")
    show("test.csv, read once", ["figure", "value", "95 %"], lines_of(metrics, ".4g"))
    parts.to_csv(options.out / "deciles.csv", index=False)
    write(options.out, metrics, draw({"profit": profit}, parts, "money"), "offers_rct")


def _splits(options: argparse.Namespace) -> list[str]:
    return [f"split {number}" for number in range(options.seed, options.seed + options.seeds)]


if __name__ == "__main__":
    begin("offers_rct.py", __doc__, 5, main)
