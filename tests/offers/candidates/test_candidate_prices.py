"""What the log says of prices, as a till writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.offers.candidates.prices import observed_depths


def test_a_whole_per_cent_that_a_till_rounded_to_cents_is_that_per_cent():
    regular = np.array([18.54, 0.99, 5.00, 100.00])
    shelf = np.array([12.98, 0.69, 3.49, 69.93])  # 30 % off but for the cents, 30 %, 30.2 %, 30.07 %
    rows = pd.DataFrame({"item_id": list("abcd"), "regular_price": regular, "shelf_price": shelf})
    found = observed_depths(pd.concat([rows] * 3, ignore_index=True))
    assert found[list("abcd")].tolist() == [0.3, 0.3, 0.302, 0.3007]
