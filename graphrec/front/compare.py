"""Runs side by side, as a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from graphrec.errors import InputError
from graphrec.front.arguments import check_kind
from graphrec.front.measures import Measures, Part, averaged, differences
from graphrec.front.runs import Run


def compare(runs: Iterable[Run | str | Path], part: Part = "validation") -> pd.DataFrame:
    """Compare runs that were fitted to the same split, on the same users.

    Choose on ``validation``; ``test`` is for the end, and tests what was not tested yet. For a page with
    charts see ``graphrec compare``.

    Args:
        runs: Runs, or folders of such.
        part: ``validation`` or ``test``.

    Returns:
        A row per metric and run, the best first: ``run`` and the columns of `Run.metrics`; ``behind``, the
        best run's value less this one's; ``behind_low`` and ``behind_high`` (95 %, paired bootstrap over
        users); and its two-sided ``p``, not corrected for the number of runs. The last four are missing for
        the best run and for coverage, which no user has alone.

    Raises:
        InputError: If there is no run, or two learned from different splits.
    """
    hint = "give a list of runs: gr.compare([one, other])"
    check_kind(runs, (list, tuple, set, Iterator), "list of runs", "runs", hint)
    taken = [run if isinstance(run, Run) else Run.of(run) for run in runs]
    if not taken:
        raise InputError("there is no run", column="runs", hint=hint)
    measured = [run.measured(part) for run in taken]
    _check_one_split(taken, [next(iter(found.values())) for found in measured])
    names = _names(taken)
    tables = [averaged(found).assign(run=name) for name, found in zip(names, measured, strict=True)]
    falling = {name for found in measured for one in found.values() for name in one.falling}
    return differences(tables, [_users(list(found.values())) for found in measured], falling)


def _names(runs: list[Run]) -> list[str]:
    """Name each run: its name, with its folder where two have one name."""
    counts = Counter(run.name for run in runs)
    return [run.name if counts[run.name] == 1 else f"{run.name}/{run.folders[0].name}" for run in runs]


def _users(measures: list[Measures]) -> pd.DataFrame:
    """Gather the values of each user, the seeds averaged."""
    return pd.concat([found.users for found in measures]).groupby(level=["items", "user_id"]).mean()


def _check_one_split(runs: list[Run], measures: list[Measures]) -> None:
    for run, found in zip(runs, measures, strict=True):
        if found.split_sha256 != measures[0].split_sha256:
            raise InputError(
                f"this run learned from another split than {runs[0].folders[0]}",
                file=run.folders[0],
                hint="compare runs of the same data, split and seed of the split",
            )
