"""What a part says of itself: its own promises, and methods that fit the others of its class."""

from __future__ import annotations

import pytest

from graphrec.capabilities import declares, written_for


class Parent:
    quick = True

    def whole(self):
        """All."""

    def part(self):
        """Some of all."""


class Same(Parent):
    """Nothing of its own."""


class Another(Parent):
    def whole(self):
        """All of something else."""


class Both(Another):
    def part(self):
        """Some of that."""


class Below(Both):
    def whole(self):
        """Something else again."""


class Mixed:
    def whole(self):
        """All, of no parent of ours."""


class Joined(Mixed, Parent):
    """A method from beside."""


@pytest.mark.parametrize(
    ("kind", "fits"),
    [(Parent, True), (Same, True), (Another, False), (Both, True), (Below, False), (Joined, False)],
)
def test_a_method_fits_from_the_class_on_that_defines_what_it_is_for(kind, fits):
    assert written_for(kind, "part", "whole") == fits


def test_a_method_that_is_missing_fits_nothing_and_what_it_is_for_may_be_missing():
    assert not written_for(Parent, "third", "whole")
    assert written_for(Parent, "part", "whole", "third")


def test_a_promise_is_not_inherited_and_can_be_made_by_one_object_or_function():
    def function():
        """A loss."""

    assert declares(Parent(), "quick")
    assert not declares(Same(), "quick")
    assert not declares(function, "quick")
    one, function.quick = Same(), True
    one.quick = True
    assert declares(one, "quick")
    assert declares(function, "quick")
    one.quick = False
    assert not declares(one, "quick")
