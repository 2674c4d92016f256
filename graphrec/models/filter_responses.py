"""What spectral filters do to each part of the spectrum: the responses that `Spectral` takes by name.

``R̃ = D_U^-1/2 R D_I^-1/2`` is the normalised interaction matrix, ``P = R̃ᵀR̃`` the item graph, and ``λ`` its
eigenvalues, from 0 to 1; 1 belongs to what varies least over the graph. A response may ask for other powers
of the degrees; ``R̃`` is then scaled so that the largest ``λ`` is 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from graphrec.errors import check_above, check_at_least, check_between, check_finite

DOMAIN = (0.0, 1.0)
"""Where the eigenvalues lie and the polynomials are used."""
_LINE = Chebyshev([0.5, 0.5], DOMAIN)
"""``λ`` itself."""
_POWER_DEGREE = 200
"""Of the series for a power, which has no slope at 0."""
_MOST_SHARPENING = 100
"""Far beyond the times for which four terms are an exponential."""
_MOST_ORDER = 1000
"""Of a series that a plateau is read into."""


class FilterResponse(ABC):
    """What a filter does to each part of the spectrum, with ``V`` the leading eigenvectors of ``P``.

    ``S = D^-power g(P) D^power_after + ideal_weight · D^-ideal_power V Vᵀ D^ideal_power h(P)``, ``D`` being
    the degrees of the items. Subclasses give ``g`` and, where it is not 1, ``h``, as polynomials of ``λ``.

    Args:
        power: Exponent of the degrees before ``g``.
        ideal_weight: Weight of the ideal low-pass part.
        ideal_power: Exponent of the degrees before the ideal part.
        power_after: Exponent of the degrees after ``g``; `power` if missing. It holds for the ideal part too
            where `ideal_power` is `power`.
        normalisation: Exponents of the users' and of the items' degrees in ``R̃``.
        tail_slope: Slope of the line that stands for ``g`` below the decomposition; if missing, it is fitted
            to ``g`` there.
    """

    def __init__(
        self,
        power: float,
        ideal_weight: float,
        ideal_power: float,
        power_after: float | None = None,
        normalisation: tuple[float, float] = (0.5, 0.5),
        tail_slope: float | None = None,
    ) -> None:
        check_at_least(0, ideal_weight=ideal_weight)
        check_finite(power=power, ideal_power=ideal_power, power_after=power_after or 0)
        check_finite(user_power=normalisation[0], item_power=normalisation[1], tail_slope=tail_slope or 0)
        self.power, self.ideal_weight, self.ideal_power = power, ideal_weight, ideal_power
        self.power_after = power if power_after is None else power_after
        self.ideal_power_after = self.power_after if ideal_power == power else ideal_power
        self.normalisation, self.tail_slope = normalisation, tail_slope

    @abstractmethod
    def smooth(self) -> Chebyshev:
        """Make the polynomial ``g`` on ``[0, 1]``."""

    def after_ideal(self) -> Chebyshev:
        """Make the polynomial ``h`` on ``[0, 1]``, which follows the ideal part."""
        return Chebyshev([1.0], DOMAIN)

    def joined(self) -> bool:
        """Tell whether both parts have the same weights around them, so that one product serves both."""
        return self.power == self.ideal_power and self.after_ideal().degree() == 0


class IdealLowPass(FilterResponse):
    """Keeps the `rank` leading directions as they are and drops the rest.

    Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021, sec. 4.

    Args:
        degree_power: Exponent of the degrees around the projection; 0.5 as in GF-CF.
    """

    def __init__(self, degree_power: float = 0.5) -> None:
        check_finite(degree_power=degree_power)
        super().__init__(power=0.0, ideal_weight=1.0, ideal_power=degree_power)

    def smooth(self) -> Chebyshev:
        """Give 0, for there is nothing but the projection."""
        return Chebyshev([0.0], DOMAIN)


class GFCF(FilterResponse):
    """``g(λ) = λ`` plus an ideal low-pass filter (Shen et al., CIKM 2021, eq. 13; rank 256 there).

    Args:
        ideal_weight: Weight ``α`` of the ideal filter.
    """

    def __init__(self, ideal_weight: float = 0.3) -> None:
        super().__init__(power=0.0, ideal_weight=ideal_weight, ideal_power=0.5)

    def smooth(self) -> Chebyshev:
        """Make the linear filter."""
        return _LINE


class BSPM(FilterResponse):
    """Blurs, then sharpens: ``(P + β · ideal) · h(P)`` with ``h(λ) ≈ exp(-T λ)``.

    Choi et al., "Blurring-sharpening process models for collaborative filtering", SIGIR 2023, the variant
    that sharpens the sum of both blurred signals (EM). One Euler step of unit length blurs; one Runge-Kutta
    step of order 4 sharpens, which on a linear equation is the Taylor polynomial of the exponential.

    Args:
        ideal_weight: Weight ``β`` of the ideal filter (0.2 on Gowalla, with rank 448).
        sharpening: Time ``T`` of sharpening.
    """

    def __init__(self, ideal_weight: float = 0.2, sharpening: float = 2.5) -> None:
        super().__init__(power=0.0, ideal_weight=ideal_weight, ideal_power=0.5)
        check_between(0, _MOST_SHARPENING, sharpening=sharpening)
        self.sharpening = sharpening

    def smooth(self) -> Chebyshev:
        """Make the filter that blurs once and then sharpens."""
        return _LINE * self.after_ideal()

    def after_ideal(self) -> Chebyshev:
        """Make ``Σ_{n ≤ 4} (-T λ)^n / n!``."""
        terms = [(-self.sharpening) ** n / math.factorial(n) for n in range(5)]
        series: Chebyshev = Polynomial(terms).convert(kind=Chebyshev, domain=DOMAIN)
        return series


class PowerLaw(FilterResponse):
    """``g(λ) = λ^exponent`` and an ideal low-pass part, over degrees of any power.

    Exponents below 1 lift what few users share. Degrees may weigh less in ``R̃`` than in the papers'
    normalisation. That leaves active users and popular items more of a say in what goes together. The
    exponents around ``g`` set the popularity of the answer apart from it. Our own; with 1, 1 and a half four
    times it is near GF-CF.

    Args:
        exponent: Of ``λ``, above 0.
        tail_slope: Slope of the line that stands for ``g`` below the decomposition.
        ideal_weight: Weight of the ideal part, with the same degrees around it.
        power: Exponent of the degrees before ``g``: larger trusts rare items more.
        power_after: Exponent of the degrees after ``g``: larger ranks popular items higher.
        user_power: Exponent of the users' degrees in ``R̃``.
        item_power: Exponent of the items' degrees in ``R̃``.
    """

    def __init__(
        self,
        exponent: float = 0.85,
        tail_slope: float = 0.55,
        ideal_weight: float = 0.2,
        power: float = 0.45,
        power_after: float = 0.3,
        user_power: float = 0.5,
        item_power: float = 0.4,
    ) -> None:
        check_above(0, exponent=exponent)
        super().__init__(power, ideal_weight, power, power_after, (user_power, item_power), tail_slope)
        self.exponent = exponent

    def smooth(self) -> Chebyshev:
        """Make a series that is off by less than 1 % of its largest value, and by less yet away from 0."""
        return Chebyshev.interpolate(lambda value: value.clip(0) ** self.exponent, _POWER_DEGREE, DOMAIN)


class ChebyCF(FilterResponse):
    """A plateau-shaped band-pass filter as a Chebyshev series, plus an ideal low-pass filter.

    Kim et al., "Graph spectral filtering with Chebyshev interpolation for recommendation", SIGIR 2025. With
    ``x = 1 - 2λ`` the plateau is ``(1 - sign(x) |x|^φ) / 2``. As in the authors' program, the plateau is read
    at the extrema of the Chebyshev polynomial. Its coefficients are taken at the roots of the next one. So
    the series keeps the plateau's shape a little stretched and does not pass through its values.

    Args:
        order: Degree ``K`` of the series.
        flatness: Exponent ``φ``: 1 is linear, larger is flatter in the middle (Gowalla 1.5, Amazon-Book 10).
        ideal_weight: Weight ``α`` of the ideal filter (rank 512).
        degree_power: Exponent ``β`` of the degrees around both filters.
    """

    def __init__(
        self,
        order: int = 8,
        flatness: float = 1.5,
        ideal_weight: float = 0.2,
        degree_power: float = 0.4,
    ) -> None:
        check_finite(degree_power=degree_power)
        super().__init__(power=degree_power, ideal_weight=ideal_weight, ideal_power=degree_power)
        check_between(1, _MOST_ORDER, order=order)
        check_at_least(0, flatness=flatness)
        self.order, self.flatness = order, flatness

    def smooth(self) -> Chebyshev:
        """Make the series in ``λ``; its argument runs against that of the plateau."""
        count = self.order + 1
        extrema = -np.cos(np.arange(count) / self.order * np.pi)
        plateau = (1 - np.sign(extrema) * np.abs(extrema) ** self.flatness) / 2
        angles = (count - 0.5 - np.arange(count)) / count * np.pi
        coefficients = 2 / count * np.cos(np.outer(np.arange(count), angles)) @ plateau
        coefficients[0] /= 2
        return Chebyshev(coefficients * (-1.0) ** np.arange(count), DOMAIN)
