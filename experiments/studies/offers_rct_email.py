"""A real randomised e-mail test with three arms: is an arm for each person worth more than one for all?

python experiments/studies/offers_rct_email.py --data FOLDER --out runs/offers-rct-email

FOLDER holds hillstrom.csv: treatment (drawn, a third each), visit, conversion, spend, and facts of 64,000
people. One half of the people is drawn to choose on, the other is read once. Four candidates foretell the
spend of each arm by cross-fitting: lines or boosted trees, of spend itself or of conversion times the mean
spend of who converts. The best policy and the best single arm are chosen by doubly robust value on the first
half; both are judged on the second, and the gate says whether the personal policy goes live.
About 2 minutes on two cores.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from randomised import begin, draw, lines_of, read, with_bounds
from study import show, write

from graphrec.arrays import FloatArray, IntArray
from graphrec.offpolicy.estimators import PolicyValue, doubly_robust, target_of
from graphrec.offpolicy.gate import gate
from graphrec.offpolicy.support import Decisions
from graphrec.offpolicy.uplift.cross_fit import rewards
from graphrec.offpolicy.uplift.curves import Trial, curve, deciles
from graphrec.offpolicy.uplift.encoded import Base, Outcome, encoder, facts_of

ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
FACTS = ("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel")
BASES: tuple[Base, ...] = ("linear", "boosting")
OUTCOMES = ("spend", "conversion")


def codes(frame: pd.DataFrame) -> IntArray:
    """Arm of each person, by its place in `ARMS`."""
    return pd.Index(ARMS).get_indexer(frame["treatment"]).astype(np.int64)


def decisions(frame: pd.DataFrame) -> Decisions:
    """The log of the test: every arm had a chance of a third."""
    chance = np.full((len(frame), len(ARMS)), 1 / len(ARMS))
    return Decisions(codes(frame), frame["spend"].to_numpy(dtype=np.float64), chance)


def cross_fitted(frame: pd.DataFrame, base: Base, outcome: str, seed: int) -> FloatArray:
    """Spend foretold for each person under each arm, from other people. Shape ``[n, 3]``."""
    target = frame[outcome].to_numpy(dtype=np.float64)
    found = rewards(frame[list(FACTS)], np.arange(len(frame)), codes(frame), target, base, seed=seed)
    return found * worth(frame) if outcome == "conversion" else found


def foretold(train: pd.DataFrame, base: Base, outcome: str, others: pd.DataFrame) -> FloatArray:
    """The same for other people, by models of everybody in `train`."""
    encode = encoder().fit(facts_of(train[list(FACTS)]))
    x, new = (np.asarray(encode.transform(facts_of(each[list(FACTS)]))) for each in (train, others))
    arm, target = codes(train), train[outcome].to_numpy(dtype=np.float64)
    each = [Outcome(base).fit(x[arm == a], target[arm == a]).predict(new) for a in range(len(ARMS))]
    found = np.column_stack(each)
    return found * worth(train) if outcome == "conversion" else found


def worth(frame: pd.DataFrame) -> float:
    """Mean spend of who converts, over all arms: one per arm would rest on a hundred people."""
    return float(frame.loc[frame["conversion"] == 1, "spend"].mean())


def value(frame: pd.DataFrame, level: IntArray, model: FloatArray) -> PolicyValue:
    """Doubly robust spend per person of a policy."""
    return doubly_robust(decisions(frame), target_of(level, len(ARMS)), model)


def lead(frame: pd.DataFrame, level: IntArray, arm: int, model: FloatArray) -> PolicyValue:
    """Spend per person of a policy above that of one arm for all, person by person."""
    log = decisions(frame)
    difference = target_of(level, len(ARMS)) - target_of(np.full(len(frame), arm), len(ARMS))
    return doubly_robust(log, difference, model)


def choose(train: pd.DataFrame, seeds: range) -> tuple[tuple[Base, str], int, pd.DataFrame]:
    """The candidate and the single arm with the best value, and the values of all."""
    rows = []
    for base in BASES:
        for outcome in OUTCOMES:
            models = [cross_fitted(train, base, outcome, seed) for seed in seeds]
            values = [value(train, model.argmax(axis=1), model).value for model in models]
            single = [
                [value(train, np.full(len(train), arm), model).value for arm in range(len(ARMS))]
                for model in models
            ]
            rows.append((base, outcome, float(np.mean(values)), *np.mean(single, axis=0)))
    table = pd.DataFrame(rows, columns=["base", "outcome", "personal", *ARMS])
    best = table.loc[table["personal"].idxmax()]
    return (best["base"], best["outcome"]), int(table[list(ARMS)].mean().argmax()), table


def main(options: argparse.Namespace) -> None:
    """Choose on one half, judge on the other, print, write."""
    log = read(options.data / "hillstrom.csv", ("treatment", "spend", "conversion", *FACTS))
    first = np.random.default_rng(options.seed).permutation(len(log)) < len(log) // 2
    train, test = log[first].reset_index(drop=True), log[~first].reset_index(drop=True)
    (base, outcome), arm, table = choose(train, range(options.seed, options.seed + options.seeds))
    shown = [(f"{b}, {o}", *(f"{v:.3f}" for v in values)) for b, o, *values in table.itertuples(index=False)]
    show("Spend per person on the first half, cross-fitted", ["candidate", "personal", *ARMS], shown)
    model = foretold(train, base, outcome, test)
    level = model.argmax(axis=1)
    personal, single = value(test, level, model), value(test, np.full(len(test), arm), model)
    more, said = lead(test, level, arm, model), gate(personal, single)
    print(f"chosen: {base}, {outcome}; best single arm: {ARMS[arm]}\ngate: {said.reason}")
    two = (codes(test) == arm) | (codes(test) == 0)
    treated, spend = codes(test)[two] == arm, test["spend"].to_numpy(dtype=np.float64)[two]
    trial = Trial(treated, spend, np.full(two.sum(), 0.5))
    predicted = (model[:, arm] - model[:, 0])[two]
    gain, parts = curve(predicted, trial), deciles(predicted, trial)
    metrics = {"live": float(said.live), "deciles_in_order": float(parts["observed"].is_monotonic_decreasing)}
    for name, one in (("personal", personal), ("single_arm", single), ("lead", more)):
        metrics |= with_bounds(f"test_{name}", one.value, (one.low, one.high))
    metrics |= {f"test_{name}": figure for name, figure in gain.figures.items()}
    parts.to_csv(options.out / "deciles.csv", index=False)
    show(
        "The second half, read once: spend per person", ["figure", "value", "95 %"], lines_of(metrics, ".4f")
    )
    print(
        f"observed uplift {'falls' if metrics['deciles_in_order'] else 'does not fall'} from tenth to tenth"
    )
    write(options.out, metrics, draw({ARMS[arm]: gain}, parts, "money"), "offers_rct_email")


if __name__ == "__main__":
    begin("offers_rct_email.py", __doc__, 3, main)
