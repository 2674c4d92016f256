"""Close a week of offers: join what came of it, learn, judge, let the gate decide, keep all of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from graphrec.cli.feedback.decisions import decision_table, redeemed
from graphrec.cli.terminal import print_frame
from graphrec.data.choice.known import counted
from graphrec.data.interactions import Columns
from graphrec.data.joins import as_known
from graphrec.data.tables.read import TextFormat, read_table
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.notices import note
from graphrec.offpolicy.loop.drift import Drift, drift_of
from graphrec.offpolicy.loop.foretelling import pooled
from graphrec.offpolicy.loop.judging import Judgement, judge
from graphrec.offpolicy.loop.outcomes import joined, offered_weeks
from graphrec.offpolicy.loop.satisfaction import keep_log, kept_logs, satisfaction
from graphrec.offpolicy.loop.serving import FILE, Serving, read_serving, write_serving
from graphrec.offpolicy.loop.weeks import (
    NEWEST,
    Week,
    alike,
    check_next,
    read_weeks,
    terms_in,
    week_of,
    write_week,
)
from graphrec.report.offer_summary import read_offers
from graphrec.results import told_of

DECISIONS = "decisions.csv"
RULE = "what serves"
"""The policy that serves, in tables."""
LEARNT = "what was learnt"


def close_week(
    options: argparse.Namespace, columns: dict[str, str | None], text: TextFormat
) -> Judgement | None:
    """Take a week into the loop of a folder; print and write what came of it.

    Returns:
        What the gate judged by; None where it could not.

    Raises:
        InputError: If a file cannot be used, or the week was fed before.
    """
    folder: Path = options.out
    offers = read_offers(options.offers)
    _check_kind(offers, options.offers)
    terms = terms_in(offers.attrs or told_of(options.offers), options.offers)
    weeks = read_weeks(folder)
    check_next(_week(offers, options.offers), weeks, options.offers)
    log = read_table(options.log, columns, kind="log", text=text)
    found = joined(offers, options.offers, log, options.log)
    week = week_of(found, terms, options.offers)
    for line in (*found.notes, *redeemed(week)):
        note(line)
    serving = read_serving(folder / FILE) if (folder / FILE).is_file() else None
    log = _as_offered(log, week)
    seen = drift_of(week, log)
    _print_drift(seen, week)
    judged = _judged([*weeks, week], serving)
    _write_tables([*weeks, week], seen, judged, folder)
    keep_log(log, folder, week.number)
    print(satisfaction(kept_logs(folder)))
    _serve([*weeks, week], serving, judged, options)
    write_week(week, folder)  # the last step: from here on the week counts as fed
    print(f"{_named(week)} kept in {folder}; decisions: {folder / DECISIONS}")
    return judged


def _week(offers: pd.DataFrame, file: Path) -> int:
    if Columns.WEEK not in offers or offers[Columns.WEEK].isna().any():
        hint = "name the week with --week when offers are decided"
        raise InputError("does not say which week it is for", file=file, column=Columns.WEEK, hint=hint)
    return offered_weeks(offers, file)[0]


def _check_kind(offers: pd.DataFrame, file: Path) -> None:
    """Refuse thresholds, of which no decision is left to chance, and a table of several kinds.

    Raises:
        InputError: If it holds such.
    """
    kinds = sorted(set(offers["promotion"].dropna()) - {"none"})
    if "threshold" in kinds:
        what = "is of thresholds: chance draws levels of items, so no other threshold can be judged by it"
        hint = "test thresholds by `graphrec experiment plan`, or feed per cent, amounts or coupons"
    elif len(kinds) > 1:
        what, hint = f"is of {' and '.join(kinds)}, and one was sent", "keep the rows that were sent"
    else:
        return
    raise InputError(what, file=file, column="promotion", hint=hint)


def _named(week: Week) -> str:
    return f"week {week.number} is" if week.horizon == 1 else f"weeks {week.number} to {week.last} are"


def _as_offered(log: pd.DataFrame, week: Week) -> pd.DataFrame:
    """Write the ids of a log as the offers have them, and keep the rows of their weeks."""
    if Columns.WEEK in log:
        log = log[log[Columns.WEEK].between(week.number, week.last)]
    ids = {name: as_known(log[name], week.frame[name].unique()) for name in (Columns.USER, Columns.ITEM)}
    return log.assign(**ids)


def _print_drift(seen: Drift, week: Week) -> None:
    when = _named(week).rpartition(" ")[0]
    print_frame(seen.rates, f"Bought of the pairs of {when}, by the rate that they had")
    print(f"drift: {seen.said}")


def _judged(weeks: Sequence[Week], serving: Serving | None) -> Judgement | None:
    """Judge what can be learnt from comparable weeks, or say why it cannot be."""
    usable = alike(weeks)
    if len(usable) < min(len(weeks), NEWEST):
        note("weeks with offers of another kind, other levels, scenario or length are left out")
    if not any(week.frame["bought"].any() for week in usable):
        note("nothing was bought, so there is nothing to learn")
        return None
    if serving is None:
        judged = judge(usable, None)
    else:
        judged = judge(usable, serving.response, serving.challenger, serving.foretold)
    limits = sorted({name for week in usable for name in week.terms.not_kept})
    if limits:
        note(f"{LEARNT} is judged without {', '.join(limits)}, which offers will keep")
    print_frame(_values(judged), "Worth per decision, 95 % over users (what the scenario counts)")
    if judged.price > 0:
        print(f"money of the budget counts {judged.price:.4g} a unit, what it would bring elsewhere")
    gain = judged.gain
    said = gain.reason or f"{gain.value:.4g} [{gain.low:.4g}, {gain.high:.4g}]"
    print(f"gain of {LEARNT} per decision: {said}")
    if (one := pooled(judged.foretold)) is not None:
        of, ends = counted(len(judged.foretold), "week"), f"[{one.low:.4g}, {one.high:.4g}]"
        print(f"logloss by which what was learnt foretold {of} better: {one.value:.4g} {ends}")
    return judged


def _values(judged: Judgement) -> pd.DataFrame:
    rows = []
    for name, title in (("serving", RULE), ("candidate", LEARNT)):
        found = judged.values[name]
        cells = {
            one.upper(): "–" if value.reason else f"{value.value:.4g} [{value.low:.4g}, {value.high:.4g}]"
            for one, value in found.items()
        }
        why = next((value.reason for value in found.values() if value.reason), "")
        rows.append({"policy": title, **cells, "why not": why})
    return pd.DataFrame(rows)


def _write_tables(weeks: Sequence[Week], seen: Drift, judged: Judgement | None, folder: Path) -> None:
    """Write the log of decisions for ``graphrec policy evaluate``, and what is printed as tables."""
    write_text(folder / DECISIONS, decision_table(alike(weeks), judged).to_csv(index=False))
    write_text(folder / "drift_by_rate.csv", seen.rates.to_csv(index=False))
    write_text(folder / "drift_by_tenth.csv", seen.tenths.to_csv(index=False))
    if judged is not None:
        write_text(folder / "values.csv", _values(judged).to_csv(index=False))


def _serve(
    weeks: Sequence[Week], serving: Serving | None, judged: Judgement | None, options: argparse.Namespace
) -> None:
    """Let the gate decide, and write what serves next and what may serve after it."""
    version = before = 0 if serving is None else serving.version
    now = f"version {version}" if version else "what was planned"
    if judged is None:
        print(f"gate: kept: nothing was judged. Next week is served by {now}.")
        return
    learnt = judged.learnt
    response = None if serving is None else serving.response
    reason = judged.gate.reason
    if not judged.gate.live:
        print(f"gate: {reason}. Next week is served by {now}.")
    elif not options.promote:
        print(f"gate: {reason}. --promote would let version {version + 1} serve; {now} goes on.")
    else:
        version, response = version + 1, learnt
        print(f"gate: {reason}. Version {version} serves next week.")
    foretold = judged.foretold if version == before else ()
    path = write_serving(Serving(version, reason, response, learnt, foretold), options.out)
    policy = "" if response else " --policy knapsack"
    print(f"next: graphrec offers --ckpt CKPT --serving {path}{policy} {_asked(weeks[-1])} --out FILE")


def _asked(week: Week) -> str:
    """Write the options that make the next offers comparable with those of a week."""
    terms = week.terms
    words = [] if terms.promotion == "percent" else [f"--promotion {terms.promotion}"]
    if terms.promotion == "amount":
        words.append("--amounts " + " ".join(f"{one:g}" for one in terms.levels[1:]))
    if terms.product_set is not None:
        words.append(f"--product_set {terms.product_set}")
    if week.horizon > 1:
        words.append(f"--weeks {week.horizon}")
    return " ".join([*words, f"--explore {terms.share:g}"])
