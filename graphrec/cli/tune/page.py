"""The page of a search: what was found, which settings matter, a line per trial, the table of trials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from graphrec import __version__
from graphrec.cli.tune.engine import Tuned
from graphrec.cli.tune.progress import in_words
from graphrec.files import write_text
from graphrec.report.charts.drawing import ACCENT, INK, MUTED, STYLE, canvas, inline, short
from graphrec.report.charts.parallel import parallel
from graphrec.report.page.html import environment
from graphrec.tuning.budget import clock
from graphrec.tuning.settings import shown
from graphrec.tuning.trials import Trial, short_names

if TYPE_CHECKING:
    from graphrec.cli.tune.models import Found

PAGE = "tune.html"
_AXES = 7
"""The most settings that parallel coordinates show, the most important first."""


def write_page(found: Found, result: dict[str, Any], out: Path) -> Path:
    """Write the page.

    Args:
        found: What the searches came to.
        result: What ``result.json`` holds.
        out: Folder of the page.
    """
    first = found.tuned[0]
    page = environment().get_template("tune.html.j2").render(
        title="Settings found on validation",
        version=__version__,
        monitor=first.looked.monitor,
        best=found.best,
        result=result,
        tested=_tested(result["test"]),
        models=[_model(one) for one in found.tuned],
    )  # fmt: skip
    return write_text(out / PAGE, page)


def _tested(measures: dict[str, float]) -> list[tuple[str, float, float, float]]:
    """List the measures of the test that have an interval."""
    names = [key for key in measures if f"{key}_low" in measures]
    return [(key, measures[key], measures[f"{key}_low"], measures[f"{key}_high"]) for key in names]


def _model(tuned: Tuned) -> dict[str, Any]:
    counted = [one for one in tuned.trials if one.outcome.value is not None]
    states = [one.outcome.state for one in tuned.trials]
    names = short_names([one.key for one in tuned.space.settings])
    shares = {names[key]: share for key, share in tuned.importance.items()}
    return {
        "name": tuned.model,
        "tuned": tuned,
        "counts": {state: states.count(state) for state in dict.fromkeys(states)},
        "time": clock(tuned.seconds),
        "space": tuned.space.told(),
        "settings": in_words(tuned.best),
        "importance": importance(shares, f"What matters for {tuned.model}") if len(shares) > 1 else None,
        "lines": _lines(tuned, counted, names),
        "progress": progress(counted, tuned.looked.larger, f"Trials of {tuned.model}")
        if len(counted) > 1
        else None,
        "columns": list(names.values()),
        "rows": [(one, [shown(one.shown.get(key)) for key in names]) for one in tuned.trials],
    }


def _lines(tuned: Tuned, counted: list[Trial], names: dict[str, str]) -> Markup | None:
    """Draw parallel coordinates of the settings that vary."""
    columns = {name: [one.shown.get(key) for one in counted] for key, name in names.items()}
    fixed = {names[one.key] for one in tuned.space.settings if one.size == 1}
    varied = [
        name for name, cells in columns.items() if len(set(map(shown, cells))) > 1 and name not in fixed
    ]
    shares = {names[key]: share for key, share in tuned.importance.items()}
    chosen = sorted(varied, key=lambda name: -shares.get(name, 0.0))[:_AXES]
    if len(counted) < 3 or not chosen:
        return None
    table = pd.DataFrame({name: [_axis(cell) for cell in columns[name]] for name in chosen}, dtype="object")
    values = pd.Series([one.outcome.value for one in counted], name=tuned.looked.monitor, dtype="float64")
    return parallel(table, values, f"Settings of {tuned.model}", falls=not tuned.looked.larger)


def _axis(value: Any) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return value if plain else shown(value).partition(" ")[2] or shown(value)  # of a class its arguments


def importance(shares: dict[str, float], title: str) -> Markup:
    """Draw a bar per setting: the share of the variation among trials that it explains."""
    rows = sorted(shares.items(), key=lambda row: row[1])
    with mpl.rc_context(STYLE):
        figure, axes = canvas(0.75 + 0.3 * len(rows))
        colours = [MUTED] * (len(rows) - 1) + [ACCENT]
        axes.barh(range(len(rows)), [share for _, share in rows], height=0.62, color=colours)
        axes.set_yticks(range(len(rows)), [short(name) for name, _ in rows])
        axes.tick_params(axis="y", colors=INK)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        for place, (_, share) in enumerate(rows):
            axes.annotate(f"{share:.0%}", (share, place), (5, 0), textcoords="offset points", va="center")
        return inline(figure, title, "; ".join(f"{name} {share:.0%}" for name, share in reversed(rows)))


def progress(trials: list[Trial], larger: bool, title: str) -> Markup:
    """Draw the value of each trial, and the best so far as a step line; the default is the first."""
    numbers, values = (
        [one.number for one in trials],
        pd.Series([one.outcome.value for one in trials], dtype=float),
    )
    best = values.where(pd.Series([one.counts for one in trials]))
    best = (best.cummax() if larger else best.cummin()).ffill()
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.6)
        for mark, wanted, size in (("o", True, 16), ("x", False, 14)):
            some = [place for place, one in enumerate(trials) if one.counts == wanted]
            points = ([numbers[place] for place in some], [values[place] for place in some])
            axes.scatter(
                *points, s=size, marker=mark, color=INK if wanted else MUTED, linewidths=0.9, zorder=3
            )
        axes.step(numbers, best, where="post", color=ACCENT, linewidth=1.8)
        axes.set_xlabel("trial")
        return inline(figure, title, f"{len(trials)} trials; the best is {best.iloc[-1]:.4f}")
