"""What a reproduction gave beside what was expected, and what there is to reproduce."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.reproduce.kinds import JUDGED, Ranked, Row, Study
from graphrec.cli.terminal import print_frame


def print_ranked(row: Ranked, metrics: dict[str, Any], file: Path) -> None:
    """Print each measure with interval, spread over the seeds and verdict, and where the numbers are."""
    table = []
    for measure, title in JUDGED.items():
        value, expected = metrics[f"test_{measure}"], getattr(row, measure)
        bounds = f"{metrics[f'test_{measure}_low']:.4f} to {metrics[f'test_{measure}_high']:.4f}"
        line = {"measure": title, "value": value, "95 % interval": bounds}
        if "seeds" in metrics:
            mean, deviation = (metrics[f"test_{measure}_seed_{what}"] for what in ("mean", "sd"))
            line[f"mean ± sd of {metrics['seeds']} seeds"] = f"{mean:.4f} ± {deviation:.4f}"
        verdict = judge(value, expected, row.tolerance)
        table.append({**line, "expected": _text(expected), "verdict": verdict})
    print_frame(pd.DataFrame(table), row.name)
    weights = {key: value for key, value in metrics.items() if key.startswith("weight_")}
    for key, value in weights.items():
        print(f"{value:.3f} of the fusion is {key.removeprefix('weight_')}")
    _print_costs(metrics, file)


def print_study(row: Study, metrics: dict[str, Any], file: Path) -> None:
    """Print each figure that something was expected of, with the verdict, then the others."""
    wanted = [(name, f"{value:g}", judge(metrics.get(name), value, row.tolerance))
              for name, value in row.expected.items()]  # fmt: skip
    wanted += [
        (name, f"≥ {bound:g}", _holds(metrics.get(name), bound, +1)) for name, bound in row.at_least.items()
    ]
    wanted += [
        (name, f"≤ {bound:g}", _holds(metrics.get(name), bound, -1)) for name, bound in row.at_most.items()
    ]
    named = {name for name, *_ in wanted}
    costs = ("seconds", "peak_gb", "seed", "name", "machine")
    wanted += [(name, "–", "–") for name in metrics if name not in named and name not in costs]
    lines = [
        {"figure": name, "value": _figure(metrics.get(name)), "expected": bound, "verdict": verdict}
        for name, bound, verdict in wanted
    ]
    print_frame(pd.DataFrame(lines, columns=["figure", "value", "expected", "verdict"]), row.name)
    _print_costs(metrics, file)


def judge(value: float | None, expected: float | None, tolerance: float) -> str:
    """Tell whether a figure lies no further from what was expected than it may."""
    if expected is None:
        return "nothing to compare with"
    if not isinstance(value, int | float):
        return "misses: not measured"
    apart = round(round(value, 4) - expected, 4)  # figures are published with four digits
    return f"within {tolerance:g}" if abs(apart) <= tolerance else f"off by {apart:+.4f}, above {tolerance:g}"


def _holds(value: float | None, bound: float, sign: int) -> str:
    """Tell whether a bound holds; a figure that is no number keeps none."""
    if not isinstance(value, int | float):
        return "misses: not measured"
    if (value - bound) * sign >= 0:
        return "holds"
    return f"misses by {abs(value - bound):.4g}"


def print_rows(rows: list[Row]) -> None:
    """Print every row with what to expect of it: rankings first, then studies."""
    ranked = [
        {
            **{"name": row.name, "data set": row.dataset, "model": row.model, "protocol": row.protocol},
            **{JUDGED[measure]: _text(getattr(row, measure)) for measure in JUDGED},
            **{"minutes": _minutes(row), "trials": row.trials},
        }
        for row in rows
        if not isinstance(row, Study)
    ]
    print_frame(pd.DataFrame(ranked), "graphrec reproduce NAME [--data FOLDER] --out DIR; expected on test:")
    print("paper: settings and epochs as published; their authors chose them on the test part.")
    print("honest: chosen on the validation part. Minutes are those of two cores.")
    studies = [
        {"name": row.name, "script": row.script.name, "figures": _bounds(row), "minutes": _minutes(row)}
        for row in rows
        if isinstance(row, Study)
    ]
    if studies:
        print_frame(pd.DataFrame(studies), "Studies, graphrec reproduce NAME --out DIR; they should give:")


def _bounds(row: Study) -> str:
    found = [f"{name} {value:g}" for name, value in row.expected.items()]
    found += [f"{name} ≥ {value:g}" for name, value in row.at_least.items()]
    found += [f"{name} ≤ {value:g}" for name, value in row.at_most.items()]
    return ", ".join(found) or "–"


def _print_costs(metrics: dict[str, Any], file: Path) -> None:
    print(f"{metrics['seconds']:.0f} s, {metrics['peak_gb']:.1f} GB at most: {file}")


def _figure(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else "–" if value is None else str(value)


def _minutes(row: Row) -> str:
    return "–" if row.minutes is None else f"{row.minutes:g}"


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
