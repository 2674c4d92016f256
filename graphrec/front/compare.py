"""Runs side by side, as a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pandas as pd

from graphrec.errors import InputError
from graphrec.evaluation.correction import Correction
from graphrec.front.arguments import check_kind
from graphrec.front.measures import Compared, Measures, Part, differences
from graphrec.front.runs import Run
from graphrec.report.users import is_closed_form


def compare(
    runs: Iterable[Run | str | Path], part: Part = "validation", correction: Correction = "holm"
) -> pd.DataFrame:
    """Compare runs that were fitted to the same split, on the same users.

    Choose on ``validation``; ``test`` is for the end, and tests what was not tested yet. For a page with
    charts see ``graphrec compare``.

    Args:
        runs: Runs, or folders of such.
        part: ``validation`` or ``test``.
        correction: How p is corrected for the number of pairs of runs: ``holm`` bounds the chance of any
            false claim, ``fdr`` the share of false claims; or ``none``.

    Returns:
        A row per metric and run, the best first: ``run`` and the columns of `Run.metrics`; ``behind``, the
        best run's value less this one's; ``behind_low`` and ``behind_high``, its 95 % interval over users
        and seeds; its two-sided ``p``, and ``p_corrected`` for all pairs of runs. ``verdict`` is
        ``confirmed``, ``may be chance`` or ``seeds unknown``: then the users confirm it, but one of the two
        was trained with one seed. These are missing for the best run and for coverage, which no user has
        alone.

    Raises:
        InputError: If there is no run, two learned from different splits, or there is no such correction.
    """
    if correction not in get_args(Correction):
        known = "give holm, fdr or none"
        raise InputError(f"{correction!r} is no correction", column="correction", hint=known)
    hint = "give a list of runs: gr.compare([one, other])"
    check_kind(runs, (list, tuple, set, Iterator), "list of runs", "runs", hint)
    taken = [run if isinstance(run, Run) else Run.of(run) for run in runs]
    if not taken:
        raise InputError("there is no run", column="runs", hint=hint)
    measured = [run.measured(part) for run in taken]
    _check_one_split(taken, [next(iter(found.values())) for found in measured])
    draws = [not is_closed_form(run.config) for run in taken]
    compared = [Compared(*one) for one in zip(_names(taken), measured, draws, strict=True)]
    return differences(compared, correction)


def _names(runs: list[Run]) -> list[str]:
    """Name each run: its name, with its folder where two have one name."""
    counts = Counter(run.name for run in runs)
    return [run.name if counts[run.name] == 1 else f"{run.name}/{run.folders[0].name}" for run in runs]


def _check_one_split(runs: list[Run], measures: list[Measures]) -> None:
    for run, found in zip(runs, measures, strict=True):
        if found.split_sha256 != measures[0].split_sha256:
            raise InputError(
                f"this run learned from another split than {runs[0].folders[0]}",
                file=run.folders[0],
                hint="compare runs of the same data, split and seed of the split",
            )
