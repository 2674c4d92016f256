"""Units of package sizes: grams, millilitres and pieces. Measures are those of the United States.

A table of thirty constants does not need a library of units, and none reads dirty texts.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["weight", "volume", "count"]


class Unit(NamedTuple):
    """A unit.

    Args:
        kind: What it measures.
        factor: Grams, millilitres or pieces in one.
        packs: Whether it counts packs, each of which may have a size of its own.
    """

    kind: Kind
    factor: float
    packs: bool = False


_POUND, _OUNCE, _GALLON = 453.59237, 28.349523125, 3785.411784
_NAMES: dict[Unit, str] = {
    Unit("weight", 0.001): "mg milligram milligrams",
    Unit("weight", 1.0): "g gr gm gms gram grams gramm gramme grammes 克",
    Unit("weight", 1000.0): "kg kgs kilo kilos kilogram kilograms kilogramm 千克 公斤",
    Unit("weight", _OUNCE): "oz ozs ounce ounces",
    Unit("weight", _POUND): "lb lbs pound pounds",
    Unit("volume", 1.0): "ml mls millilitre millilitres milliliter milliliters 毫升",
    Unit("volume", 10.0): "cl cls centilitre centilitres centiliter centiliters",
    Unit("volume", 100.0): "dl decilitre decilitres deciliter deciliters",
    Unit("volume", 1000.0): "l lt lit ltr ltrs liter liters litre litres 升",
    Unit("volume", _GALLON / 128): "floz",
    Unit("volume", _GALLON / 8): "pt pts pint pints",
    Unit("volume", _GALLON / 4): "qt qts quart quarts",
    Unit("volume", _GALLON): "gal gals gallon gallons",
    Unit("count", 1.0): "ct cnt count pc pcs piece pieces ea each unit units stk stück roll rolls stem stems",
    Unit("count", 12.0): "dz doz dozen",
    Unit("count", 1.0, packs=True): "pk pks pck pack packs",
}
UNITS = {name: unit for unit, names in _NAMES.items() for name in names.split()}
"""Of each name, in small letters."""
