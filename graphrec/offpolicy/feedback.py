"""The feedback loop ``D_t = g(R_t, θ)``: decide, log with propensities, learn, and go live through a gate.

The shop starts from its rule with some uniform exploration. After each round a version of the learner is
judged by DR on the log of the last rounds, of which it has seen nothing; it goes live only if the lower end
of its interval beats the estimate of the policy in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.errors import InputError, check_at_least
from graphrec.offpolicy.bandits import Choices, Learner
from graphrec.offpolicy.estimators import estimate
from graphrec.offpolicy.gate import GateDecision, gate
from graphrec.offpolicy.support import Decisions

UNTAUGHT = GateDecision(False, "kept: no new version has been taught and judged yet")


@dataclass(frozen=True)
class LoggedRound:
    """What a shop writes down of a round.

    Args:
        pair: Row of the pair. Shape ``[n]``.
        level: Level drawn. Shape ``[n]``.
        propensity: Probability of each level when it was drawn. Shape ``[n, R]``.
        bought: What came of it. Shape ``[n]``.
        version: Of the policy in use: 0 is the rule, others the number of rounds before they went live.
        decision: What the gate said after the round.
    """

    pair: IntArray
    level: IntArray
    propensity: FloatArray
    bought: BoolArray
    version: int
    decision: GateDecision


@dataclass(frozen=True)
class Feedback:
    """A finished loop.

    Args:
        rounds: Logs, in order.
        regret: Expected regret of each round against the best levels. Shape ``[T]``.
        static_regret: The same if the rule had stayed, without exploration. Shape ``[T]``.
    """

    rounds: tuple[LoggedRound, ...]
    regret: FloatArray
    static_regret: FloatArray

    @property
    def crossing(self) -> int | None:
        """First round, counted from 1, from which the cumulative regret stays below the rule's."""
        not_below = np.flatnonzero(self.regret.cumsum() >= self.static_regret.cumsum())
        if not len(not_below):
            return 1
        return int(not_below[-1]) + 2 if not_below[-1] < len(self.regret) - 1 else None


def run_loop(
    learner: Learner,
    choices: Choices,
    truth: FloatArray,
    rule: IntArray,
    visitors: Callable[[int], IntArray],
    rounds: int = 20,
    epsilon: float = 0.2,
    window: int = 5,
    seed: int = 0,
) -> Feedback:
    """Let a shop decide and learn for some rounds.

    Args:
        learner: Before any decision.
        choices: What it chooses among.
        truth: Probability of a purchase at each level; draws purchases and counts regret. Shape ``[P, R]``.
        rule: The rule's level of each pair. Shape ``[P]``.
        visitors: Pairs that come in a round.
        rounds: Number of rounds ``T``.
        epsilon: Share of decisions drawn uniformly over the levels, in (0, 1]: the support of every estimate.
        window: Rounds that a version is judged on; it was taught by the rounds before them.
        seed: Draws levels and purchases.

    Raises:
        InputError: If `epsilon` is outside its range or there is no round.
    """
    check_at_least(1, rounds=rounds, window=window)
    if not 0.0 < epsilon <= 1.0:
        hint = "give a share above 0: without exploration no policy can be judged"
        raise InputError(f"{epsilon} is no exploration", column="epsilon", hint=hint)
    rng, levels = np.random.default_rng(seed), truth.shape[1]
    live: Learner | None = None
    version, worth, logs, taught = 0, truth * choices.payoff, list[LoggedRound](), [learner]
    regret, static = np.zeros(rounds), np.zeros(rounds)
    for number in range(rounds):
        pair = visitors(number)
        greedy = _chosen(live, choices, pair, rule, rng)
        propensity = (1.0 - epsilon) * greedy + epsilon / levels
        level = (rng.random(len(pair))[:, None] >= propensity.cumsum(axis=1)).sum(axis=1).clip(max=levels - 1)
        bought = rng.random(len(pair)) < truth[pair, level]
        best = worth[pair].max(axis=1).sum()
        regret[number] = best - (propensity * worth[pair]).sum()
        static[number] = best - worth[pair, rule[pair]].sum()
        logs.append(LoggedRound(pair, level, propensity, bought, version, UNTAUGHT))
        taught.append(taught[-1].learn(choices, pair, level, bought))
        first = max(1, number + 1 - window)
        if number >= first:
            decision = _judge(logs[first:], taught[first], live, choices, rule, epsilon, rng)
            logs[-1] = replace(logs[-1], decision=decision)
            if decision.live:
                live, version = taught[first], number + 1
    return Feedback(tuple(logs), regret, static)


def _chosen(
    policy: Learner | None, choices: Choices, pair: IntArray, rule: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Find a policy's distribution before exploration; without a learner it is the rule. Shape ``[n, R]``."""
    if policy is None:
        return np.eye(len(choices.steps))[rule[pair]]
    return policy.propensities(choices, pair, rng)


def _judge(
    logs: Sequence[LoggedRound],
    candidate: Learner,
    live: Learner | None,
    choices: Choices,
    rule: IntArray,
    epsilon: float,
    rng: np.random.Generator,
) -> GateDecision:
    """Compare candidate and policy in use by DR on some rounds, each with the exploration it would run with.

    The reward's model is the candidate's, which was taught by earlier rounds alone.
    """
    pair, level = (np.concatenate([getattr(log, name) for log in logs]) for name in ("pair", "level"))
    bought, propensity = (
        np.concatenate([getattr(log, name) for log in logs]) for name in ("bought", "propensity")
    )
    everything, levels = np.arange(len(choices.payoff)), len(choices.steps)
    log = Decisions(level, bought * choices.payoff[pair, level], propensity)
    # pairs come again and again: each policy and the model are computed once per pair
    model = (candidate.predict(choices, everything) * choices.payoff)[pair]
    found = []
    for policy in (candidate, live):
        target = (1.0 - epsilon) * _chosen(policy, choices, everything, rule, rng) + epsilon / levels
        found.append(estimate(log, target[pair], model, ["dr"])[0]["dr"])
    return gate(found[0], found[1])
