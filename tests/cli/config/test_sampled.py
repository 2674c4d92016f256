"""Who asks for sampled measures is told why there are none."""

from __future__ import annotations

import pytest

from graphrec.cli.config.errors import check_arguments
from graphrec.cli.config.sampled import asks_for_sampling
from graphrec.data.module import RecommenderData
from graphrec.errors import InputError


@pytest.mark.parametrize(
    "key", ["sampled", "num_candidates", "eval_negatives", "sampled_metrics", "num_eval_neg"]
)
def test_a_request_for_sampled_measures_is_refused_with_the_reason(key):
    with pytest.raises(
        InputError, match=r"Krichene and Rendle, KDD 2020\); leave it out: every item is ranked"
    ):
        check_arguments(RecommenderData, {"source": "x", "split": "x", key: 100}, "data")


@pytest.mark.parametrize("key", ["sampling", "negatives", "samples", "candidates", "resampled_often"])
def test_what_is_called_alike_is_not(key):
    assert not asks_for_sampling(key)
