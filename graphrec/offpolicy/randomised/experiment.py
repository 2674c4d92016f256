"""An experiment as people bring it: rows of people with arms and measures, to differences of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.data.tables.columns import check_there
from graphrec.data.tables.kinds import ARM
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.evaluation.correction import corrected
from graphrec.offpolicy.decision_log import arm_names
from graphrec.offpolicy.randomised.analysis import BROKEN, Difference, difference, ratio_p

EVERYBODY, UNKNOWN = "everybody", "unknown"


@dataclass(frozen=True)
class Asked:
    """What is asked of an experiment.

    Args:
        measures: Columns that are summed over the rows of a person; the first one decides.
        ratings: Columns that are averaged over the rows of a person, such as a survey.
        before: By measure, the column with the same measure before the experiment.
        segments: Columns whose levels are looked at one by one.
        control: Arm without a treatment.
        shares: Planned share of people by arm; even ones if missing.
        level: One less the coverage of the intervals.
        any_time: People at which intervals that hold at any time are tightest; ordinary ones if missing.
    """

    measures: Sequence[str]
    control: str
    ratings: Sequence[str] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    segments: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    level: float = 0.05
    any_time: int | None = None

    @property
    def all_measures(self) -> list[str]:
        """Measures and ratings, the one that decides first."""
        return [*self.measures, *self.ratings]


@dataclass(frozen=True)
class Found:
    """What an experiment brought.

    Args:
        counts: People by arm.
        ratio_p: Of those against the planned shares.
        table: A row per arm, measure and segment.
        notes: What is to be known of it, a sentence each.
    """

    counts: dict[str, int]
    ratio_p: float
    table: pd.DataFrame
    notes: list[str]

    @property
    def broken(self) -> bool:
        """Whether people were lost between the draw and the log."""
        return self.ratio_p < BROKEN


def analyse(table: Table, asked: Asked) -> Found:
    """Compare every arm with the control by every measure.

    p of the measure that decides is corrected for the number of arms, the others for all they are together,
    and so are segments (Holm).

    Args:
        table: As read, of the kind ``outcomes``.
        asked: What is asked of it.

    Raises:
        InputError: If a column is missing, a person is in two arms, or an arm has fewer than two people.
    """
    people = _people(table, asked)
    counts = {str(arm): int(count) for arm, count in people[ARM].value_counts(sort=False).items()}
    if asked.control not in counts:
        hint = f"the table has {', '.join(counts)}"
        raise InputError(f"there is no arm {asked.control!r}", column="--control", hint=hint)
    shares = dict(asked.shares) or dict.fromkeys(counts, 1 / len(counts))
    whole = _differences(people, asked, EVERYBODY, EVERYBODY)
    primary = whole["measure"] == asked.all_measures[0]
    parts = [
        _differences(part, asked, column, str(level))
        for column in asked.segments
        for level, part in people.groupby(people[column].astype("str").fillna(UNKNOWN), sort=True)
    ]
    groups = [whole[primary], whole[~primary], *([pd.concat(parts)] if parts else [])]
    rows = pd.concat([_with_corrected(group) for group in groups if len(group)], ignore_index=True)
    return Found(counts, ratio_p(counts, shares), rows, _notes(people, asked))


def _people(table: Table, asked: Asked) -> pd.DataFrame:
    """Bring the table to a row per person."""
    frame = table.frame.assign(**{ARM: arm_names(table.frame[ARM])})
    _check_columns(table, asked)
    arms = frame.groupby(Columns.USER, sort=False)[ARM].nunique()
    if (arms > 1).any():
        person = arms.index[arms > 1][0]
        place = int(np.flatnonzero(frame[Columns.USER] == person)[-1])
        file, row = table.rows.place(place)
        more = f"; {int((arms > 1).sum()):,} people are" if (arms > 1).sum() > 1 else ""
        hint = "find out why, and leave them out"
        raise InputError(f"{person!r} is in two arms{more}", file=file, row=row, column=ARM, hint=hint)
    grouped = frame.groupby(Columns.USER, sort=False)
    first = grouped[[ARM, *asked.segments, *asked.before.values()]].first()
    sums = grouped[list(asked.measures)].sum(min_count=1)
    means = grouped[list(asked.ratings)].mean() if asked.ratings else pd.DataFrame(index=sums.index)
    return first.join(sums).join(means)


def _check_columns(table: Table, asked: Asked) -> None:
    _check_names(asked)
    numbers = [*asked.all_measures, *asked.before.values()]
    check_there(table.frame, [*numbers, *asked.segments], "table")
    for name in numbers:
        values = pd.to_numeric(table.frame[name], errors="coerce")
        wrong = np.flatnonzero((~np.isfinite(values) & table.frame[name].notna()).to_numpy())
        if len(wrong):
            file, row = table.rows.place(int(wrong[0]))
            what = f"{table.frame[name].iloc[wrong[0]]!r} is not a finite number"
            raise InputError(what, file=file, row=row, column=name, hint="write it with digits")


def _check_names(asked: Asked) -> None:
    """Refuse a measure that is named twice, or that is its own measure from before."""
    names = asked.all_measures
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise InputError(f"{twice[0]!r} is named twice", column="--measures", hint="name each once")
    if same := [name for name in asked.before.values() if name in names]:
        what = f"{same[0]!r} is a measure of the experiment itself"
        raise InputError(what, column="--before", hint="name the column of the time before")
    if unknown := [name for name in asked.before if name not in asked.all_measures]:
        hint = f"measures are {', '.join(asked.all_measures)}"
        raise InputError(f"{unknown[0]!r} is no measure", column="--before", hint=hint)


def _differences(people: pd.DataFrame, asked: Asked, segment: str, level: str) -> pd.DataFrame:
    """Lay out a row per arm and measure of these people; none for an arm with fewer than two."""
    rows = []
    for measure in asked.all_measures:
        for arm in (arm for arm in people[ARM].unique() if arm != asked.control):
            mine = people[people[ARM].isin([asked.control, arm])].dropna(subset=[measure])
            treated = (mine[ARM] == arm).to_numpy()
            if segment != EVERYBODY and min(treated.sum(), (~treated).sum()) < 2:
                continue
            found = _difference(mine, treated, measure, asked)
            rows.append({"arm": arm, "measure": measure, "segment": segment, "level": level, **vars(found)})
    return pd.DataFrame(rows)


def _difference(mine: pd.DataFrame, treated: np.ndarray, measure: str, asked: Asked) -> Difference:
    before = asked.before.get(measure)
    # who was not there before has bought nothing then
    earlier = None if before is None else mine[before].fillna(0.0).to_numpy(dtype=np.float64)
    outcome = mine[measure].to_numpy(dtype=np.float64)
    return difference(outcome, treated, earlier, asked.level, asked.any_time)


def _with_corrected(group: pd.DataFrame) -> pd.DataFrame:
    return group.assign(p_corrected=corrected(group["p"].to_numpy(dtype=np.float64), "holm"))


def _notes(people: pd.DataFrame, asked: Asked) -> list[str]:
    """Say of which measure people lack a value, by arm, and who has none from before."""
    notes = []
    for measure in asked.all_measures:
        missing = people[measure].isna()
        if missing.any():
            by_arm = ", ".join(
                f"{arm} {share:.0%}" for arm, share in missing.groupby(people[ARM]).mean().items()
            )
            notes.append(
                f"{measure}: who has no value is left out ({by_arm}); if arms differ, so may the people"
            )
    for measure, before in asked.before.items():
        if lacking := int(people[before].isna().sum()):
            notes.append(f"{measure}: {lacking:,} people without {before} count as 0 before")
    arms = people[ARM].nunique()
    for column in asked.segments:
        sizes = pd.crosstab(people[column].astype("str").fillna(UNKNOWN), people[ARM])
        if small := int(((sizes < 2).any(axis=1) | (sizes.shape[1] < arms)).sum()):
            notes.append(
                f"{column}: {small:,} of its {len(sizes):,} levels have an arm with fewer than two people"
            )
    return notes
