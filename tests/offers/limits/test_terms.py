from __future__ import annotations

import numpy as np
import pytest

from graphrec.errors import InputError
from graphrec.offers.limits.terms import amount_rate, percent_rate, threshold_rate


def test_each_kind_comes_to_its_rate():
    assert percent_rate([0, 20]).tolist() == [0, 0.2]
    assert amount_rate(1.0, [4.0, 2.0]).tolist() == [0.25, 0.5]
    assert threshold_rate([0.0, 29.99, 30.0, 60.0], threshold=30, saving=6) == pytest.approx([0, 0, 0.2, 0.1])


def test_the_saved_money_is_the_promised_amount():
    baskets = np.linspace(5, 100, 50)
    saved = threshold_rate(baskets, 40, 5) * baskets
    assert np.unique(saved.round(9)).tolist() == [0, 5]


@pytest.mark.parametrize(
    ("call", "column"),
    [
        (lambda: percent_rate(100), "percent"),
        (lambda: percent_rate([-1]), "percent"),
        (lambda: amount_rate(2.0, 2.0), "amount"),
        (lambda: amount_rate(-1.0, 2.0), "amount"),
        (lambda: amount_rate(1.0, np.nan), "amount"),
        (lambda: threshold_rate([10.0], 5, 5), "threshold"),
        (lambda: threshold_rate([-1.0], 5, 1), "basket"),
    ],
)
def test_refuses_what_cannot_be_a_promotion(call, column):
    with pytest.raises(InputError, match=f"column '{column}'"):
        call()
