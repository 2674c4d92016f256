"""Reading the size of a package; a text that may mean two things has none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from math import gcd, isfinite, prod
from typing import Literal, NamedTuple

from graphrec.data.features.sizes.units import UNITS, Kind, Unit

Decimal = Literal[".", ","]
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[.,]\d+|[^\W\d_]+|[^\s.]")
_FLUID = re.compile(r"(?<![^\W\d_])fl(?:uid)?\.?\s*(?:oz|ozs|ounces?)\b\.?")
_TIMES = ("x", "*", "×")
_HALVES = (2, 3, 4, 8, 16)
"""Denominators of fractions."""
_NUMBER = r"(?:NN/N|N)"
_SHAPES = (
    (rf"{_NUMBER}-?[MCP]", "_single"),
    (r"N/N-?[MCP]", "_slashed"),
    (rf"(?:NX)+{_NUMBER}-?[MCP]|{_NUMBER}-?[MCP](?:XN)+", "_times"),
    (rf"NP[/X]?{_NUMBER}-?M|{_NUMBER}-?M[/X]?NP", "_packed"),
    (r"NMNM", "_added"),
)


class Size(NamedTuple):
    """The size of a package.

    Args:
        amount: Grams, millilitres or pieces.
        kind: Which of them.
    """

    amount: float
    kind: Kind


class _Tokens(NamedTuple):
    """A text, cut: numbers and units in their order, and a letter for each token.

    ``N`` is a number, ``M`` a unit of weight or volume, ``C`` one of pieces, ``P`` of packs, ``X`` times.
    """

    shape: str
    numbers: list[float]
    units: list[Unit]


def read_size(text: str, decimal: Decimal | None = None) -> Size | None:
    """Read the size that a text states.

    Args:
        text: Such as ``12 OZ``; words around the size, as ``CAN``, are passed over.
        decimal: The sign before decimals. If missing, both are, but for ``1,000``, which may be either.

    Returns:
        The size; None if the text states none, or may mean two.
    """
    cut = _cut(text, decimal)
    if cut is None:
        return None
    for shape, reader in _SHAPES:
        if re.fullmatch(shape, cut.shape):
            found = _READERS[reader](cut)
            return found if found and isfinite(found.amount) and found.amount > 0 else None
    return None


def _cut(text: str, decimal: Decimal | None) -> _Tokens | None:
    """Cut a text into what it says; None if a number may mean two."""
    apart = "".join(f" {sign}" if _is_fraction(sign) else sign for sign in text)  # 1½ is not 11/2
    plain = unicodedata.normalize("NFKC", apart).casefold().replace("\u2044", "/")
    shape, numbers, units = "", [], []
    for token in _TOKEN.findall(_FLUID.sub("floz", plain).strip("* ")):
        if token[-1].isdigit():
            if (number := _number(token, decimal)) is None:
                return None
            numbers.append(number)
            shape += "N"
        elif (unit := UNITS.get(token)) is not None:
            units.append(unit)
            shape += "P" if unit.packs else "C" if unit.kind == "count" else "M"
        else:
            shape += "X" if token in _TIMES else token if token in "/-" else "W"
    return _Tokens(shape.strip("W"), numbers, units)


def _is_fraction(sign: str) -> bool:
    return unicodedata.decomposition(sign).startswith("<fraction>")


def _number(token: str, decimal: Decimal | None) -> float | None:
    """Read a number; None where a comma before three digits may part thousands or decimals."""
    parts = re.split("[.,]", token)
    signs = re.findall("[.,]", token)
    if not signs:
        return float(token)
    if len(signs) == 1:
        thousands = len(parts[1]) == 3 and parts[0] not in ("", "0") and len(parts[0]) <= 3
        if signs[0] == decimal or not thousands:
            return float(f"{parts[0] or 0}.{parts[1]}")
        if decimal is not None:
            return float("".join(parts))
        return None if signs[0] == "," else float(f"{parts[0]}.{parts[1]}")
    if len(set(signs[:-1])) == 1 and signs[-1] != signs[0] and all(len(one) == 3 for one in parts[1:-1]):
        return float(f"{''.join(parts[:-1])}.{parts[-1]}")
    return None


def _whole(numbers: list[float], shape: str) -> float | None:
    """Take one number, or a whole one and a fraction."""
    if "NN/N" not in shape:
        return numbers[0]
    whole, part, of = numbers[-3:]
    return whole + part / of if part < of and of in _HALVES else None


def _single(cut: _Tokens) -> Size | None:
    amount = _whole(cut.numbers, cut.shape)
    return None if amount is None else Size(amount * cut.units[0].factor, cut.units[0].kind)


def _slashed(cut: _Tokens) -> Size | None:
    """Tell half a gallon, 1/2, from packs, 6/12; 2/3 may be either."""
    (first, second), unit = cut.numbers, cut.units[0]
    if first == 1 and second in _HALVES:
        return Size(unit.factor / second, unit.kind)
    unclear = first < second and second in _HALVES and gcd(int(first), int(second)) == 1
    packs = first > 1 and first.is_integer() and not unclear
    return Size(first * second * unit.factor, unit.kind) if packs else None


def _times(cut: _Tokens) -> Size | None:
    if "NN/N" in cut.shape:
        return None
    return Size(prod(cut.numbers) * cut.units[0].factor, cut.units[0].kind)


def _packed(cut: _Tokens) -> Size | None:
    """Multiply the size of each pack with their number."""
    if "NN/N" in cut.shape:
        return None
    unit = next(one for one in cut.units if not one.packs)
    return Size(prod(cut.numbers) * unit.factor, unit.kind)


def _added(cut: _Tokens) -> Size | None:
    """Add pounds and ounces."""
    (first, second), (large, small) = cut.numbers, cut.units
    if large.kind != small.kind or large.factor <= small.factor:
        return None
    return Size(first * large.factor + second * small.factor, large.kind)


_READERS: dict[str, Callable[[_Tokens], Size | None]] = {
    "_single": _single,
    "_slashed": _slashed,
    "_times": _times,
    "_packed": _packed,
    "_added": _added,
}
