"""What a shop in the simulated market learns of the response: a network fitted to its own log.

The network sees the market's observable features, items and categories, and never the truth. Its settings
were chosen on a development seed, by the logloss on the last weeks of the log and by what its policy reached
there. The logloss alone hardly told the sizes apart.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from graphrec.arrays import FloatArray
from graphrec.offers.levels import LEVELS
from graphrec.offpolicy.market import Market
from graphrec.offpolicy.simulator import SimulatedLog
from graphrec.response.curves import SplineResponse
from graphrec.response.network import ResponseNetwork


@dataclass(frozen=True)
class FitSettings:
    """How the network is fitted.

    Args:
        epochs: At most; the best epoch on the validation weeks is kept.
        batch: Decisions per step.
        learning_rate: Of Adam, falling to 0 along a cosine.
        pooling: Penalty on a squared group effect, in decisions: 1 / (2 sigma^2) of the effects' prior.
        hidden: Widths of the base logit's perceptron.
        slope_hidden: Widths of the weights' perceptron.
        knots: Rates between which a curve may bend.
        members: Networks, each fitted to every so many-th week.
    """

    epochs: int = 5
    batch: int = 2048
    learning_rate: float = 5e-3
    pooling: float = 8.0
    hidden: tuple[int, ...] = (32,)
    slope_hidden: tuple[int, ...] = (16,)
    knots: tuple[float, ...] = (0.0, 0.3)
    members: int = 2


@dataclass(frozen=True)
class Fitted:
    """Networks fitted to alternate weeks of a log.

    Args:
        networks: Each with the weights of its best epoch.
        validation_logloss: Of their mean curve on the last weeks of the log.
    """

    networks: tuple[ResponseNetwork, ...]
    validation_logloss: float

    def members(self, market: Market) -> list[SplineResponse]:
        """Read off each network's curves of the market's pairs."""
        return [_curves(network, market) for network in self.networks]

    def response(self, market: Market) -> SplineResponse:
        """Average them in logits; the mean rises with the rate as each of them does."""
        return _mean_response(self.members(market))


@torch.no_grad()
def last_layer(network: ResponseNetwork, market: Market) -> tuple[FloatArray, FloatArray]:
    """Compute what the last layers of base logit and slope see, standardised, with a constant in front.

    Returns:
        Shapes ``[P, 1 + hidden]`` and ``[P, 1 + slope_hidden]``.
    """
    x = (inputs(market)[0] - network.centre) / network.scale
    return _with_constant(network.base[:-1](x)), _with_constant(network.slopes[:-1](x))


def _with_constant(hidden: Tensor) -> FloatArray:
    values: FloatArray = hidden.double().numpy()
    spread = values.std(axis=0)
    standard = (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    return np.column_stack([np.ones(len(values)), standard])


def inputs(market: Market) -> tuple[Tensor, Tensor]:
    """Take features and groups as tensors. ``[P, F]`` and ``[P, 2]``."""
    return torch.tensor(market.features, dtype=torch.float32), torch.tensor(market.groups)


def fit_response(market: Market, log: SimulatedLog, seed: int, settings: FitSettings | None = None) -> Fitted:
    """Fit on all weeks but the last tenth (one at least), which choose the epoch."""
    settings = settings or FitSettings()
    torch.manual_seed(seed)
    weeks = int(log.week.max()) + 1
    late = log.week >= min(weeks - 1, round(0.9 * weeks))
    held_out = log.part(np.flatnonzero(late))
    fitted = []
    for member in range(settings.members):
        rows = np.flatnonzero(~late & (log.week % settings.members == member))
        fitted.append(_fit(market, log.part(rows), held_out, settings))
    response = _mean_response([_curves(network, market) for network in fitted])
    chance = response.curve(LEVELS)[held_out.pair, held_out.level]
    logloss = -np.log(np.where(held_out.bought, chance, 1.0 - chance)).mean()
    return Fitted(tuple(fitted), float(logloss))


def _fit(market: Market, log: SimulatedLog, held_out: SimulatedLog, settings: FitSettings) -> ResponseNetwork:
    features, groups = inputs(market)
    pair, rate, bought = _tensors(log)
    network = ResponseNetwork(
        features.shape[1], market.group_sizes, settings.hidden, settings.slope_hidden, settings.knots
    )
    network.standardise(features, float(bought.mean()))
    best, kept = float("inf"), copy.deepcopy(network.state_dict())
    steps = settings.epochs * -(-len(log) // settings.batch)
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(settings.epochs):
        for rows in torch.split(torch.randperm(len(log)), settings.batch):
            logits = network(features[pair[rows]], groups[pair[rows]], rate[rows])
            loss = functional.binary_cross_entropy_with_logits(logits, bought[rows])
            loss = loss + settings.pooling / len(log) * network.pooling()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        score = _logloss(network, market, held_out)
        if score < best:
            best, kept = score, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return network


def _tensors(log: SimulatedLog) -> tuple[Tensor, Tensor, Tensor]:
    rate = torch.tensor(LEVELS)[torch.tensor(log.level)]
    return torch.tensor(log.pair), rate, torch.tensor(log.bought, dtype=torch.float32)


@torch.no_grad()
def _logloss(network: ResponseNetwork, market: Market, log: SimulatedLog) -> float:
    features, groups = inputs(market)
    pair, rate, bought = _tensors(log)
    return float(
        functional.binary_cross_entropy_with_logits(network(features[pair], groups[pair], rate), bought)
    )


@torch.no_grad()
def _curves(network: ResponseNetwork, market: Market) -> SplineResponse:
    base, weights = network.curve_parameters(*inputs(market))
    return SplineResponse(base.double().numpy(), weights.double().numpy(), network.knots)


def _mean_response(members: list[SplineResponse]) -> SplineResponse:
    base = np.mean([member.base_logit for member in members], axis=0)
    return SplineResponse(base, np.mean([member.weights for member in members], axis=0), members[0].knots)
