"""What a part can do: capabilities that its class declares, and methods that belong to others of the class.

A subclass may change what its parent could do, so nothing that matters is taken from a parent unseen.
"""

from __future__ import annotations


def declares(part: object, name: str) -> bool:
    """Tell whether a part declares a capability itself; what only a parent class declares does not count.

    A subclass may do other things than its parent, so it has to say again what still holds.

    Args:
        part: An encoder, a decoder, a task or a loss; a function declares it by an attribute of its own.
        name: The attribute that is true, for example ``static_step``.
    """
    own = vars(part) if name in getattr(part, "__dict__", {}) else vars(type(part))
    return bool(own.get(name, False))


def written_for(kind: type, name: str, *methods: str) -> bool:
    """Tell whether a class has a method that was written for the other methods that it has.

    It was if the class that defines it is the one that defines them, or one below it. A subclass that defines
    one of them anew and leaves the method as it was has none that fits.

    Args:
        kind: The class.
        name: The method, for example ``own_rows``.
        methods: What it has to fit, for example ``forward``; those that the class lacks do not matter.
    """
    order = kind.__mro__
    place = {one: _place(order, one) for one in (name, *methods)}
    return place[name] < len(order) and all(place[name] <= place[one] for one in methods)


def _place(order: tuple[type, ...], name: str) -> int:
    """Find how far up the first class stands that defines a name; beyond all of them if none does."""
    return next((place for place, kind in enumerate(order) if name in vars(kind)), len(order))
