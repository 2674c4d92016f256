"""Which split and which models suit a log: rules, this log's number, what they lead to and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphrec.data.interactions import Columns, RawData
from graphrec.data.profile.coded import CodedLog
from graphrec.data.profile.measured import MEASURED, distance, nearest
from graphrec.data.profile.money import prices_there
from graphrec.data.splits import Given, LeaveLast, Random, Splitter, Temporal

YEAR = 52
"""Weeks from which a cut by time is preferred, as docs/start.md says."""
_FAR = 2.0
"""Doublings from which no measured log is near."""
_FEWEST = 1000
"""Pairs below which a log has no shape to compare: the measured ones have 80,000 and more."""
_REPEATS = 0.3
_WEEKS_OF_TEST, _WEEKS_OF_VALIDATION = 8, 4


@dataclass(frozen=True)
class Rule:
    """A question to the log.

    Args:
        asks: The question, with its threshold.
        answer: This log's number.
        holds: Whether the answer is yes.
        then: The split or the models that follow from yes.
        reason: Why, and where that was measured or is said.
    """

    asks: str
    answer: str
    holds: bool
    then: str
    reason: str


@dataclass(frozen=True)
class SplitAdvice:
    """The split that suits.

    Args:
        splitter: The split.
        written: The key ``split`` of a YAML.
        rules: In their order; the first that holds decides.
    """

    splitter: Splitter
    written: dict[str, Any]
    rules: list[Rule]

    @property
    def name(self) -> str:
        """Name of its class."""
        return type(self.splitter).__name__

    @property
    def line(self) -> str:
        """The key as one line of YAML."""
        inside = ", ".join(f"{key}: {value}" for key, value in self.written.get("init_args", {}).items())
        arguments = f", init_args: {{{inside}}}" if inside else ""
        return f"split: {{class_path: {self.name}{arguments}}}"


@dataclass(frozen=True)
class ModelAdvice:
    """The models to begin with.

    Args:
        names: For ``graphrec fit -m``, the first to try first.
        rules: What led to them.
        notes: What else to know.
    """

    names: list[str]
    rules: list[Rule]
    notes: list[str] = field(default_factory=list)


def split_for(log: CodedLog) -> SplitAdvice:
    """Choose the split of a log."""
    frame = log.frame
    given, timed = Columns.PART in frame, log.time is not None
    span = weeks_of(log)
    rules = [
        Rule(
            "Does the log name its parts?",
            _yes(given),
            given,
            "Given",
            "the parts stay as they are",
        ),
        Rule(
            "Has it no times?",
            _yes(not timed),
            not timed,
            "Random",
            "pairs of user and item are drawn",
        ),
        Rule(
            f"Does it span {YEAR} weeks or more?",
            f"{span:,} weeks" if timed else "–",
            span >= YEAR,
            "Temporal",
            "past and future are apart for everybody, and seasons are in training (docs/start.md)",
        ),
        Rule("Else", "", True, "LeaveLast", "the last items of each user are held out (docs/start.md)"),
    ]
    decided = next(place for place, rule in enumerate(rules) if rule.holds)
    splitter, written = _split(rules[decided].then, log)
    return SplitAdvice(splitter, written, rules[: decided + 1])


def _split(name: str, log: CodedLog) -> tuple[Splitter, dict[str, Any]]:
    """Make the split of a name, and its key of a YAML."""
    if name == "Temporal":
        return _temporal(log)
    plain: dict[str, Splitter] = {"Given": Given(), "Random": Random(), "LeaveLast": LeaveLast()}
    return plain[name], {"class_path": name}


def weeks_of(log: CodedLog) -> int:
    """Count the weeks from the first to the last; 0 without times."""
    if Columns.WEEK not in log.frame:
        return 0
    week = log.frame[Columns.WEEK]
    return int(week.max()) - int(week.min()) + 1


def _temporal(log: CodedLog) -> tuple[Splitter, dict[str, Any]]:
    """Cut as Complete Journey: of 52 weeks the last eight are the test, and the four before validation."""
    last, span = int(log.frame[Columns.WEEK].max()), weeks_of(log)
    test, valid = (max(1, round(span * part / YEAR)) for part in (_WEEKS_OF_TEST, _WEEKS_OF_VALIDATION))
    bounds = {"train_end": last - test - valid, "val_end": last - test}
    splitter = Temporal(train_end=bounds["train_end"], val_end=bounds["val_end"])
    return splitter, {"class_path": "Temporal", "init_args": bounds}


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def models_for(raw: RawData, log: CodedLog) -> ModelAdvice:
    """Choose models to begin with."""
    per_user, per_item = log.pairs / len(log.user_ids), log.pairs / len(log.item_ids)
    near = nearest(per_user, per_item)
    away = distance(near, per_user, per_item)
    repeats, events = float(log.repeats.mean()), Columns.EVENT in log.frame
    timed = bool({Columns.WEEK, Columns.TIMESTAMP} & set(log.frame))
    enough = len(log.user_ids) > 1 and len(log.item_ids) > 1
    listed = ", ".join(f"{name} {value:.4f}".replace("0.", ".") for name, value in near.best.items())
    rules = [
        Rule(
            f"Do {_REPEATS:.0%} of the rows or more repeat an earlier pair?",
            "there are events, which top_frequency cannot weigh"
            if events
            else f"{repeats:.1%}" + ("" if timed else ", but no times for it to weigh by"),
            repeats >= _REPEATS and not events and timed,
            "top_frequency",
            "on Complete Journey it leads on all and on repeat items, lightgcn on new ones (docs/results.md)",
        ),
        Rule(
            f"Is a measured log within {_FAR:.0f} doublings, and are there {_FEWEST:,} pairs or more?",
            f"{near.name} is {away:.1f} doublings away; {log.pairs:,} pairs",
            away <= _FAR and log.pairs >= _FEWEST,
            ", ".join(near.best),
            f"the best there by NDCG@20 on validation: {listed}{f' ({near.note})' if near.note else ''}"
            " (docs/lab-notes/defaults.md)",
        ),
        Rule(
            "Always",
            "",
            True,
            "lightgcn, popularity",
            "popularity is what every other model has to beat; the default of lightgcn begins there, and was"
            " never below it on the measured logs (docs/lab-notes/defaults.md)",
        ),
    ]
    names = ["top_frequency"] if rules[0].holds else []
    names += list(near.best) if rules[1].holds else []
    names = list(dict.fromkeys([*names, "lightgcn", "popularity"]))
    return ModelAdvice(names if enough else ["popularity"], rules, _notes(raw, log, enough))


def _notes(raw: RawData, log: CodedLog, enough: bool) -> list[str]:
    """Say which options of the data the columns of a log call for."""
    found = [] if enough else ["One user or one item leaves nothing to rank personally."]
    few = float((np.bincount(log.user) < 3).mean())
    if few > 0:
        found.append(f"{few:.1%} of the users have fewer than three rows: LeaveLast tests nothing of theirs.")
    if Columns.EVENT in log.frame:
        found.append(
            "There are events: name their weights with Event under data.weights, or each counts alike."
        )
    elif Columns.RATING in log.frame:
        found.append(
            "There are ratings: min_rating drops what was disliked, and Rating under data.weights makes them"
            " weights of the edges."
        )
    if len(prices_there(log)) > 1:
        found.append("There are discounts: a response to them can be learnt with ResponseData.")
    if raw.items is not None or raw.users is not None:
        found.append(
            "There are attributes: feature_trees, mlp and purchase rankers read them through features."
        )
    return found


def measured_rows(per_user: float, per_item: float, top: float) -> list[dict[str, Any]]:
    """List the measured logs beside this one, the nearest first, with their distance."""
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "per_user": one.per_user,
            "per_item": one.per_item,
            "top_share": one.top_share,
            "away": distance(one, per_user, per_item),
            "best": ", ".join(f"{name} {value:.4f}" for name, value in one.best.items()),
        }
        for one in MEASURED
    ]
    own = {"name": "this log", "per_user": per_user, "per_item": per_item, "top_share": top}
    return [{**own, "away": 0.0, "best": ""}, *sorted(rows, key=lambda row: row["away"])]
