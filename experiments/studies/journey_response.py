"""How the chance of a purchase moves with the discount on Complete Journey: fit, test once, compare, draw.

    python experiments/studies/journey_response.py --out DIR [--seed N] [--cache DIR]

Fits experiments/complete_journey/response.yaml with and without the graph's link score and with first-half
history only, and compares with logistic regressions, monotone boosting and an unconstrained perceptron on the
same rows and features. Writes DIR/metrics.json, DIR/lifts.csv and three pictures. About three minutes on
two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from journey_response_figures import draw_curves, draw_lifts, draw_reliability
from rich.progress import track
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch.nn import functional

from graphrec.cli.experiment.loading import load_response
from graphrec.cli.main import main
from graphrec.evaluation.intervals import resamples
from graphrec.files import write_text
from graphrec.response.data import ResponseData
from graphrec.response.lift import BIN_NAMES, lift_table
from graphrec.response.recalibration import Recalibration, drift, reliability
from graphrec.training.probability import probability_measures

CONFIG = Path(__file__).parents[1] / "complete_journey" / "response.yaml"
Floats = npt.NDArray[np.float64]
DEEP = "40 % and more"
WITHOUT_DEPTH = ("shelf_", "product_type_rival", "product_category_rival", "item_id_rival", "link_score")


def fit_and_test(
    out: Path, name: str, seed: int, options: list[str]
) -> tuple[Path, pd.DataFrame, dict[str, float]]:
    """Run `graphrec fit` and `graphrec test`; the checkpoint, the test rows and the test's metrics."""
    run = ["--run.root", str(out / "runs"), "--run.name", name, "--run.id", f"seed{seed}"]
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false"]
    common = ["-c", str(CONFIG), "--seed_everything", str(seed), *run, *quiet, *options]
    main(["fit", *common])
    folder = out / "runs" / name / f"seed{seed}"
    checkpoint = folder / "checkpoints" / "best.ckpt"
    main(["test", *common, "--ckpt_path", str(checkpoint)])
    metrics = json.loads((folder / "test_metrics.json").read_text())
    return checkpoint, pd.read_parquet(folder / "test_rows.parquet"), metrics


def inputs(data: ResponseData, depth: bool, interaction: bool = False) -> Floats:
    """Standardised features of all rows, with the depth and its product with the affinity where asked for."""
    panel = data.panel
    kept = [place for place, name in enumerate(panel.names) if depth or not name.startswith(WITHOUT_DEPTH)]
    columns = [panel.features[:, kept].astype(np.float64)]
    rate, affinity = panel.rows["rate"].to_numpy(), panel.rows["affinity"].to_numpy()
    columns += [rate[:, None]] if depth else []
    columns += [(rate * affinity)[:, None]] if interaction else []
    whole = np.concatenate(columns, axis=1)
    return np.asarray(StandardScaler().fit(whole[data.split.train]).transform(whole))


def judge(data: ResponseData, val_logit: Floats, test_logit: Floats) -> tuple[Floats, dict[str, float]]:
    """Recalibrate on the validation weeks as the response is, then measure on the test weeks."""
    bought = data.panel.rows["bought"].to_numpy(dtype=np.float64)
    fitted = Recalibration.fit(val_logit, np.zeros(len(val_logit)), bought[data.split.val])
    logit = fitted(test_logit, np.zeros(len(test_logit)))
    probability = 1.0 / (1.0 + np.exp(-logit))
    return probability, probability_measures(probability, bought[data.split.test] > 0)


def logistic(data: ResponseData, x: Floats) -> tuple[Floats, Floats]:
    """Logits of a logistic regression on the validation and the test rows."""
    bought = data.panel.rows["bought"].to_numpy()
    model = LogisticRegression(max_iter=200, C=1.0).fit(x[data.split.train], bought[data.split.train])
    return model.decision_function(x[data.split.val]), model.decision_function(x[data.split.test])


def boosting(data: ResponseData, x: Floats, seed: int) -> tuple[Floats, Floats]:
    """Logits of boosted trees that rise with the depth, the last column."""
    bought, rises = data.panel.rows["bought"].to_numpy(), np.zeros(x.shape[1])
    rises[-1] = 1
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.1, min_samples_leaf=200, monotonic_cst=rises, random_state=seed
    )
    model.fit(x[data.split.train].astype(np.float32), bought[data.split.train])
    parts = (x[part].astype(np.float32) for part in (data.split.val, data.split.test))
    val, test = (model.decision_function(part) for part in parts)
    return val, test


def perceptron(data: ResponseData, x: Floats, seed: int, epochs: int = 10) -> tuple[Floats, Floats]:
    """Logits of a perceptron with the response's widths that may do with the depth what it likes."""
    torch.manual_seed(seed)
    rows = torch.tensor(x, dtype=torch.float32)
    bought = torch.tensor(data.panel.rows["bought"].to_numpy(), dtype=torch.float32)
    layers = [torch.nn.Linear(x.shape[1], 64), torch.nn.SiLU(), torch.nn.Linear(64, 32), torch.nn.SiLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))
    train = torch.from_numpy(data.split.train)
    steps = epochs * (len(train) // 4096 + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in track(range(epochs), "Unconstrained perceptron", transient=True):
        for batch in train[torch.randperm(len(train))].split(4096):
            optimizer.zero_grad()
            logit = model(rows[batch]).squeeze(-1)
            functional.binary_cross_entropy_with_logits(logit, bought[batch]).backward()
            optimizer.step()
            cycle.step()
    with torch.no_grad():
        val, test = (
            model(rows[part]).squeeze(-1).double().numpy() for part in (data.split.val, data.split.test)
        )
    return val, test


def gain(rows: pd.DataFrame, better: Floats, worse: Floats, seed: int) -> tuple[float, float, float]:
    """By how much the log loss of the first is lower, with a 95 % interval over households (paired)."""
    sign = np.where(rows["bought"], 1.0, -1.0)

    def losses(probability: Floats) -> Floats:
        return -np.log(np.where(sign > 0, probability, 1.0 - probability))

    by_user = pd.DataFrame({"gain": losses(worse) - losses(better), "rows": 1}).groupby(rows["user_id"]).sum()
    total, count = by_user["gain"].to_numpy(), by_user["rows"].to_numpy()
    drawn = [total[of].sum() / count[of].sum() for of in resamples(len(total), 1000, seed)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(total.sum() / count.sum()), float(low), float(high)


def second_half(data: ResponseData) -> pd.DataFrame:
    """Observed lifts of all weeks after the first half, what the notes' figures are measured on."""
    rows = data.panel.rows
    return lift_table(rows, rows["bought"], replicates=200)


def lift_metrics(lifts: pd.DataFrame, prefix: str) -> dict[str, float]:
    """Flat numbers of the deepest bin, for the first and the last quartile."""
    metrics = {}
    for quartile, name in ((0, "bottom"), (3, "top")):
        row = lifts[(lifts["quartile"] == quartile) & (lifts["depth"] == DEEP)].iloc[0]
        for column in ("observed", "low", "high", "predicted"):
            metrics[f"{prefix}_{name}_{column}"] = float(row[column])
    return metrics


def baselines(data: ResponseData, seed: int) -> tuple[dict[str, Floats], dict[str, float]]:
    """Probabilities of each baseline on the test rows, and their measures."""
    whole = inputs(data, depth=True)
    made = {
        "no_depth_logistic": lambda: logistic(data, inputs(data, depth=False)),
        "affinity_logistic": lambda: logistic(data, inputs(data, depth=True, interaction=True)),
        "perceptron": lambda: perceptron(data, whole, seed),
        "boosting": lambda: boosting(data, whole, seed),
    }
    probabilities, metrics = {}, {}
    for name in track(made, "Baselines", transient=True):
        probabilities[name], measures = judge(data, *made[name]())
        metrics |= {f"{name}_{key}": value for key, value in measures.items()}
        print(name, {key: round(value, 5) for key, value in measures.items()}, flush=True)
    return probabilities, metrics


def compare(out: Path, seed: int, options: list[str], rows: pd.DataFrame) -> dict[str, float]:
    """What the response loses without the graph, and with the history of the first half alone."""
    variants = {
        "no_graph": ["--data.init_args.without", "[link_score]"],
        "first_half": ["--data.init_args.rolling", "false", "--data.init_args.link", "null"],
    }
    metrics = {}
    for name, more in variants.items():
        _, other, measured = fit_and_test(out, f"response-{name}", seed, [*options, *more])
        metrics |= {f"{name}_{key}": measured[f"test_{key}"] for key in ("logloss", "auc", "ece")}
        if name == "no_graph":
            metrics |= gain_metrics("graph_gain_logloss", rows, other["probability"].to_numpy(), seed)
    return metrics


def gain_metrics(name: str, rows: pd.DataFrame, worse: Floats, seed: int) -> dict[str, float]:
    """`gain` of the response over another, as flat numbers."""
    found = gain(rows, rows["probability"].to_numpy(), worse, seed)
    return {f"{name}{end}": value for end, value in zip(("", "_low", "_high"), found, strict=True)}


def observed_lifts(data: ResponseData, first: int, last: int) -> pd.DataFrame:
    """Observed lifts of some weeks, bins with a discount only."""
    rows = data.panel.rows
    part = rows[rows["week"].between(first, last)].reset_index(drop=True)
    return discounted(lift_table(part, part["bought"], replicates=200))


def discounted(lifts: pd.DataFrame) -> pd.DataFrame:
    """The cells with a discount."""
    return lifts[lifts["depth"] != BIN_NAMES[0]].reset_index(drop=True)


def spread(one: pd.DataFrame, other: pd.DataFrame, prefix: str = "") -> float:
    """Mean squared difference of two spans' log lifts, in the variance that their intervals claim."""
    variance = sum(
        (np.log(lifts[f"{prefix}high"] / lifts[f"{prefix}low"]) / (2 * 1.96)) ** 2 for lifts in (one, other)
    )
    return float((np.log(one["observed"] / other["observed"]) ** 2 / variance).mean())


def lifts_by_others(
    data: ResponseData, rows: pd.DataFrame, lifts: pd.DataFrame, others: dict[str, Floats]
) -> dict[str, float]:
    """Cells that other predictions hit, and whether the intervals are as wide as lifts move by themselves.

    The prediction without a model is what the eight weeks before the test showed. The spread between these
    and the eight weeks before them would be 1 if the intervals told all that makes lifts move.
    """
    first = rows["week"].min()
    earlier, past = observed_lifts(data, first - 16, first - 9), observed_lifts(data, first - 8, first - 1)
    predicted = {"past": past["observed"]}
    for name, probability in others.items():  # the intervals are those of the rows, whoever predicts
        predicted[name] = discounted(lift_table(rows, probability, replicates=1))["predicted"]
    cells = discounted(lifts)
    metrics = {
        f"lifts_inside_{name}": float(lift.between(cells["low"], cells["high"]).sum())
        for name, lift in predicted.items()
    }
    twoway = spread(earlier, past, "twoway_")
    return metrics | {"lift_spread": spread(earlier, past), "lift_spread_twoway": twoway}


def judge_lifts(data: ResponseData, lifts: pd.DataFrame) -> dict[str, float]:
    """How many cells come out as predicted; the deepest ones; and what the second half of the year shows."""
    cells = discounted(lifts)
    seen = lift_metrics(second_half(data), "second_half_lift")
    metrics = {"lifts_inside": float(cells["inside"].sum()), "lifts_cells": float(len(cells))}
    metrics["lifts_inside_twoway"] = float(cells["twoway_inside"].sum())
    metrics |= lift_metrics(lifts, "lift")
    return metrics | {key: value for key, value in seen.items() if not key.endswith("_promised")}


def run(out: Path, seed: int, cache: Path, figures: Path | None) -> dict[str, float]:
    """Everything, from the data to the pictures."""
    started = time.perf_counter()
    options = ["--data.init_args.cache", str(cache)]
    checkpoint, rows, metrics = fit_and_test(out, "response", seed, options)
    metrics = {key: value for key, value in metrics.items() if key != "split_sha256"}
    metrics |= compare(out, seed, options, rows)
    task, data = load_response(checkpoint)
    lifts = lift_table(rows, rows["probability"], seed=seed)
    metrics |= judge_lifts(data, lifts)
    weeks = drift(rows["probability"], rows["bought"], rows["week"])
    metrics |= {"drift_lowest": float(weeks["ratio"].min()), "drift_highest": float(weeks["ratio"].max())}
    lifts.to_csv(out / "lifts.csv", index=False)
    draw_reliability(reliability(rows["probability"], rows["bought"]), weeks, out / "reliability.png")
    draw_lifts(lifts, out / "lifts.png")
    for folder in (out, *([figures] if figures else [])):
        draw_curves(task, data, rows, folder / "response_curves.png")
    others, measures = baselines(data, seed)
    metrics |= lifts_by_others(data, rows, lifts, others)
    metrics |= measures | gain_metrics("gain_over_boosting_logloss", rows, others["boosting"], seed)
    metrics |= {
        "rows_train": float(len(data.split.train)),
        "rows_test": float(len(rows)),
        "seed": float(seed),
    }
    metrics["seconds"] = time.perf_counter() - started
    write_text(out / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    print(lifts.round(2).to_string(index=False))
    return metrics


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path, required=True, help="folder for metrics.json and pictures")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--cache", type=Path, help="folder that keeps the features; OUT/cache if missing")
    options.add_argument("--figures", type=Path, help="a second folder for response_curves.png")
    return options


if __name__ == "__main__":
    given = parser().parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for key, value in run(given.out, given.seed, given.cache or given.out / "cache", given.figures).items():
        print(f"{key:36s} {value:.5f}")
