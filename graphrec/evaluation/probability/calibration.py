"""From a raw link score to the probability that the user buys the item within the validation window.

Pairs seen in training and new pairs have a curve each: their base rates differ about a hundredfold, so one
curve would predict repeat purchases to strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.arrays import BoolArray, FloatArray
from graphrec.evaluation.probability.standing import Adjustment, Standing

CalibratorKind = Literal["isotonic", "platt"]

SMALLEST = 1e-6
"""Probabilities stay this far from 0 and 1, so that their logit is finite."""


@dataclass(frozen=True)
class IsotonicCurve:
    """Non-decreasing piecewise-linear map (Zadrozny & Elkan, KDD 2002).

    Args:
        scores: Knots, increasing. Shape ``[S]``.
        probabilities: Values at the knots, non-decreasing. Shape ``[S]``.
    """

    scores: FloatArray
    probabilities: FloatArray

    @classmethod
    def fit(cls, score: FloatArray, bought: BoolArray | FloatArray, weight: FloatArray) -> IsotonicCurve:
        """Fit by pooling adjacent violators.

        One pair that was not bought is added at the top score. Without it a single lucky pair there would
        read "certain to buy", and offers are made exactly at the top. A Venn-Abers predictor's lower bound
        (Vovk et al., 2015) adds the same pair.
        """
        from sklearn.isotonic import IsotonicRegression

        isotonic = IsotonicRegression(out_of_bounds="clip")
        isotonic.fit(np.append(score, score.max()), np.append(bought, False), np.append(weight, 1.0))
        return cls(np.asarray(isotonic.X_thresholds_), np.asarray(isotonic.y_thresholds_))

    def __call__(self, score: FloatArray) -> FloatArray:
        """Compute probabilities, same shape as `score`; flat beyond the fitted scores."""
        return np.asarray(np.interp(score, self.scores, self.probabilities), dtype=np.float64)


@dataclass(frozen=True)
class LogisticCurve:
    """``sigma(slope * score + intercept)`` (Platt, 1999); slope 0 is a constant."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, score: FloatArray, bought: BoolArray | FloatArray, weight: FloatArray) -> LogisticCurve:
        """Maximise the likelihood on standardised scores; a falling curve is replaced by the base rate."""
        from sklearn.linear_model import LogisticRegression

        centre, scale = float(score.mean()), float(score.std()) or 1.0
        # C is so large that the fit is not regularised: shrinking the slope would bias the base rate
        model = LogisticRegression(C=1e9, max_iter=1000)
        model.fit(((score - centre) / scale)[:, None], bought, sample_weight=weight)
        slope = float(model.coef_[0, 0]) / scale
        if slope < 0:
            return cls.constant(bought, weight)
        return cls(slope, float(model.intercept_[0]) - slope * centre)

    @classmethod
    def constant(cls, bought: BoolArray | FloatArray, weight: FloatArray) -> LogisticCurve:
        """Take the base rate, with half a purchase and half a refusal added so that it is never 0 or 1."""
        rate = (float(weight @ bought) + 0.5) / (float(weight.sum()) + 1.0)
        return cls(0.0, float(np.log(rate / (1.0 - rate))))

    def __call__(self, score: FloatArray) -> FloatArray:
        """Compute probabilities, same shape as `score`."""
        logit = np.clip(self.slope * score + self.intercept, -500.0, 500.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)


Curve = IsotonicCurve | LogisticCurve
Labels = BoolArray | FloatArray
"""Whether something was bought, or in which share of the weeks."""


@dataclass(frozen=True)
class Calibrator:
    """Two curves, for pairs seen in training and for new pairs, and the range of the raw scores.

    Args:
        seen: Curve of pairs that the user has bought in training.
        new: Curve of all other pairs.
        low: Score that becomes unit score 0.
        high: Score that becomes unit score 1.
        seen_adjusted: What else tells the probability of pairs seen in training.
        new_adjusted: The same of all other pairs.
    """

    seen: Curve
    new: Curve
    low: float
    high: float
    seen_adjusted: Adjustment = field(default_factory=Adjustment)
    new_adjusted: Adjustment = field(default_factory=Adjustment)

    @classmethod
    def fit(
        cls,
        score: npt.ArrayLike,
        bought: npt.ArrayLike,
        seen: npt.ArrayLike,
        kind: CalibratorKind = "isotonic",
        weight: npt.ArrayLike | None = None,
        standing: Standing | None = None,
    ) -> Calibrator:
        """Fit both curves, and what else tells the probability.

        Args:
            score: Raw link scores, finite. Shape ``[P]``.
            bought: Whether the user bought the item within the validation window, or in which share of its
                weeks, which an isotonic curve takes as well. Shape ``[P]``.
            seen: Whether the pair is in the training part. Shape ``[P]``.
            kind: ``isotonic`` (any monotone shape) or ``platt`` (a logistic curve, for few purchases).
            weight: How many pairs each one stands for, where pairs were sampled. Shape ``[P]``.
            standing: Place of the pairs in their users' lists and more; the score tells alone if missing.

        Raises:
            ValueError: If the arrays are empty, differ in length, or a score is not finite.
        """
        scores, labels = np.asarray(score, dtype=np.float64), np.asarray(bought)
        groups = np.asarray(seen, dtype=np.bool_)
        weights = np.ones(len(scores)) if weight is None else np.asarray(weight, dtype=np.float64)
        if not len(scores) or not (scores.shape == labels.shape == groups.shape == weights.shape):
            raise ValueError("score, bought, seen and weight must be vectors of one length above 0")
        if not np.isfinite(scores).all():
            raise ValueError("raw scores must be finite to be calibrated")
        low, high = _unit_range(scores, weights)
        old, new = (_fit_curve(scores[of], labels[of], weights[of], kind) for of in (groups, ~groups))
        if standing is None:
            return cls(old, new, low, high)
        adjusted = (
            Adjustment.fit(_clipped(curve(scores[of])), standing.at(of), labels[of], weights[of])
            for curve, of in ((old, groups), (new, ~groups))
        )
        return cls(old, new, low, high, *adjusted)

    def probability(
        self, score: npt.ArrayLike, seen: npt.ArrayLike, standing: Standing | None = None
    ) -> FloatArray:
        """Compute the probability of a purchase within a window as long as the validation part.

        Args:
            score: Raw link scores. Shape ``[P]``.
            seen: Whether the pair is in the training part. Shape ``[P]``.
            standing: As for `fit`; what the score tells alone if missing.

        Returns:
            Probabilities in ``[1e-6, 1 - 1e-6]``, monotone in the score within each group; with `standing`
            within each group of each user. Shape ``[P]``.
        """
        scores, old = np.asarray(score, dtype=np.float64), np.asarray(seen, dtype=np.bool_)
        known, new = _clipped(self.seen(scores)), _clipped(self.new(scores))
        if standing is not None:
            known, new = self.seen_adjusted(known, standing), self.new_adjusted(new, standing)
        return _clipped(np.where(old, known, new))

    def unit_score(self, score: npt.ArrayLike) -> FloatArray:
        """Bring raw scores into [0, 1], which the articles' rule ``rate = 0.1 x score`` needs.

        Min-max over the fitted sample, whose ends are its 0.01 % quantiles so that one stray score does
        not set the scale; a sample that lies in [0, 1] already is left as it is. Values beyond are clipped.
        """
        unit = (np.asarray(score, dtype=np.float64) - self.low) / (self.high - self.low)
        return np.asarray(np.clip(unit, 0.0, 1.0), dtype=np.float64)

    def numbers(self) -> dict[str, Any]:
        """Write both curves as numbers, which `of_numbers` reads."""
        found: dict[str, Any] = {"low": self.low, "high": self.high}
        for name in ("seen", "new"):
            found[name] = {key: np.asarray(of).tolist() for key, of in vars(getattr(self, name)).items()}
        for name in ("seen_adjusted", "new_adjusted"):
            found[name] = getattr(self, name).numbers()
        return found

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, Any]) -> Calibrator:
        """Read what `numbers` wrote.

        Raises:
            KeyError: If one is missing.
            TypeError: If one is not what it should be.
            ValueError: The same.
        """
        seen, new = (_curve_of(numbers[name]) for name in ("seen", "new"))
        adjusted = (Adjustment.of_numbers(numbers[name]) for name in ("seen_adjusted", "new_adjusted"))
        return cls(seen, new, float(numbers["low"]), float(numbers["high"]), *adjusted)


def _clipped(probability: FloatArray) -> FloatArray:
    return np.asarray(np.clip(probability, SMALLEST, 1.0 - SMALLEST), dtype=np.float64)


def _curve_of(numbers: Mapping[str, Any]) -> Curve:
    if "scores" not in numbers:
        return LogisticCurve(float(numbers["slope"]), float(numbers["intercept"]))
    scores, probabilities = (
        np.asarray(numbers[key], dtype=np.float64) for key in ("scores", "probabilities")
    )
    if scores.ndim != 1 or scores.shape != probabilities.shape or not len(scores):
        raise ValueError("a curve has as many scores as probabilities")
    return IsotonicCurve(scores, probabilities)


def _fit_curve(
    score: FloatArray, bought: BoolArray | FloatArray, weight: FloatArray, kind: CalibratorKind
) -> Curve:
    """Fit one group's curve; its base rate where there are no purchases, or nothing else, to learn from."""
    if bought.all() or not bought.any():
        return LogisticCurve.constant(bought, weight)
    curve: type[IsotonicCurve] | type[LogisticCurve]
    curve = IsotonicCurve if kind == "isotonic" else LogisticCurve
    return curve.fit(score, bought, weight)


def _unit_range(score: FloatArray, weight: FloatArray) -> tuple[float, float]:
    if score.min() >= 0.0 and score.max() <= 1.0:
        return 0.0, 1.0
    # A wider cut than 0.01 % would make every top-20 candidate of a large catalogue a 1
    low, high = np.quantile(score, [1e-4, 1.0 - 1e-4], weights=weight, method="inverted_cdf")
    return float(low), float(high) if high > low else float(low) + 1.0


def expected_calibration_error(probability: npt.ArrayLike, bought: npt.ArrayLike, bins: int = 15) -> float:
    """Average the gap between predicted and observed frequency over bins (Naeini et al., AAAI 2015).

    The gap is weighted by bin size. Bins hold equally many pairs: purchases are rare, and bins of equal width
    would put nearly all pairs in the first one. Pairs with the same probability share a bin.

    Args:
        probability: Shape ``[P]``.
        bought: Shape ``[P]``.
        bins: At most this many bins.
    """
    table = calibration_table(probability, bought, bins)
    gaps = (table["predicted"] - table["observed"]).abs() * table["rows"]
    return float(gaps.sum() / table["rows"].sum())


def calibration_table(
    probability: npt.ArrayLike, bought: npt.ArrayLike, bins: int = 15, weight: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Average what was predicted and what happened over the bins of `expected_calibration_error`.

    Args:
        probability: Shape ``[P]``.
        bought: Shape ``[P]``.
        bins: At most this many bins.
        weight: How many pairs each one stands for, where pairs were sampled. Shape ``[P]``.

    Returns:
        ``predicted`` and ``observed`` (means) and ``rows`` (pairs), a row per bin, the least likely first.
    """
    predicted, observed = np.asarray(probability, dtype=np.float64), np.asarray(bought, dtype=np.float64)
    edges = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    in_bin = np.searchsorted(edges, predicted, side="left")
    weights = np.ones(len(predicted)) if weight is None else np.asarray(weight, dtype=np.float64)
    rows = np.bincount(in_bin, weights)
    both = {"predicted": predicted, "observed": observed}
    sums = {name: np.bincount(in_bin, values * weights) for name, values in both.items()}
    filled = rows > 0
    means = {name: values[filled] / rows[filled] for name, values in sums.items()}
    return pd.DataFrame({**means, "rows": rows[filled]})


def log_loss(probability: npt.ArrayLike, bought: npt.ArrayLike) -> float:
    """Average the negative log-likelihood in nats, probabilities clipped to ``[1e-6, 1 - 1e-6]``.

    Args:
        probability: Shape ``[P]``.
        bought: Shape ``[P]``.
    """
    predicted = np.clip(np.asarray(probability, dtype=np.float64), SMALLEST, 1.0 - SMALLEST)
    likelihood = np.where(np.asarray(bought, dtype=np.bool_), predicted, 1.0 - predicted)
    return float(-np.log(likelihood).mean())
