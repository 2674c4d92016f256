"""Each kind of damage is found, counted and mended as declared; where mending is exact, all else stays."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from damaged_shop import DAMAGE, SPOILT, Damage, clean_shop
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data import sources
from graphrec.data.cleaning.expressions import ROW
from graphrec.data.cleaning.rules import Duplicates, Guests, Returns, ZeroQuantities
from graphrec.errors import InputError

each = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
EXACT = (
    *("returns in part", "duplicates", "returns", "returns alone", "cancellations"),
    *("zero quantities", "missing users", "guest ids"),
)
"""In the order in which they may be done to one log."""


def read(log, cleaning, folder):
    path = folder / "shop.csv"
    log.to_csv(path, index=False)
    return sources.table(str(path), outlier_factor=None, cleaning=cleaning)


def assert_same(found, clean):
    """The rows of both are the same in all columns that the log has; their order in the file is not asked."""
    columns = [name for name in clean if name in found]
    assert len(columns) >= len(clean.columns) - 1  # the region is read where a rule names it
    left, right = (
        one[columns].sort_values("interaction_id").reset_index(drop=True) for one in (found, clean)
    )
    pd.testing.assert_frame_equal(left, right, check_dtype=False)


@each
def test_damage_is_found_counted_and_shown(damage: Damage, tmp_path):
    spoilt = damage.spoil(clean_shop(0), np.random.default_rng(1))
    steps = [step for step in read(spoilt, [damage.rule], tmp_path).steps if step.rule]
    assert [step.removed + step.filled for step in steps] == [SPOILT * count for count in damage.counts]
    for step in (one for one in steps if one.removed + one.filled):
        assert (step.rule, step.asked, len(step.examples)) == (type(damage.rule).__name__, True, 3)
        rows = [int(text.split(":")[0].split()[1]) for text in step.examples]
        assert rows == sorted(set(rows))


@each
def test_damage_is_mended(damage: Damage, tmp_path):
    clean = clean_shop(0)
    spoilt = damage.spoil(clean, np.random.default_rng(1))
    log = read(spoilt, [damage.rule], tmp_path).log
    assert log["line"].is_monotonic_increasing  # the rows stay in their order
    assert spoilt["interaction_id"].iloc[log["line"] - 2].tolist() == log["interaction_id"].tolist()
    if damage.exact:
        assert_same(log, clean)


EXPRESSIONS = [name for name in DAMAGE if name not in ("missing quantities", "unknown columns")]
"""Kinds whose rule is an expression: a model of scikit-learn is none, and columns are not rows."""


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_rule_is_an_expression_for_other_databases_too(name):
    log = clean_shop(0, receipts=5)
    rows = pa.Table.from_pandas(log.assign(**{ROW: 0}), preserve_index=False)
    table = ibis.table(ibis.memtable(rows).schema(), name="log")
    rule = DAMAGE[name].rule
    sql = ibis.to_sql(rule.judge(table), dialect="postgres")
    assert all(f'"{column}"' in sql for column in rule.reads)


def test_missing_values_are_those_of_their_item_or_near(tmp_path):
    clean, rng = clean_shop(0, receipts=300), np.random.default_rng(1)
    damage = DAMAGE["missing prices"]
    spoilt = damage.spoil(clean, rng)
    log = read(spoilt, [damage.rule], tmp_path).log
    gaps = spoilt["price"].isna()
    assert log["price_missing"].tolist() == gaps.astype(int).tolist()
    medians = spoilt.groupby("item_id")["price"].median()
    assert log.loc[gaps, "price"].tolist() == spoilt.loc[gaps, "item_id"].map(medians).tolist()
    assert log.loc[~gaps, "price"].tolist() == clean.loc[~gaps, "price"].tolist()
    spoilt = clean.assign(quantity=1 + clean["item_id"].str[1:].astype(int))
    truth = spoilt["quantity"].copy()
    damage = DAMAGE["missing quantities"]
    log = read(damage.spoil(spoilt, rng), [damage.rule], tmp_path).log
    assert np.allclose(log["quantity"], truth, atol=0.2)
    assert log["quantity_missing"].sum() == SPOILT


@pytest.mark.parametrize("name", ["returns", "duplicates by key"])
def test_without_a_rule_the_load_stops_and_names_the_one_that_mends(name, tmp_path):
    spoilt = DAMAGE[name].spoil(clean_shop(0), np.random.default_rng(1))
    with pytest.raises(
        InputError, match=rf"cleaning: \[{{class_path: {type(DAMAGE[name].rule).__name__}, "
    ) as caught:
        read(spoilt, None, tmp_path)
    assert caught.value.row is not None
    assert caught.value.column in ("price", "interaction_id")


@settings(max_examples=8, deadline=None)
@given(st.sets(st.sampled_from(EXACT), min_size=1), st.integers(0, 2**16))
def test_any_damage_together_is_mended_to_the_clean_log(tmp_path_factory, names, seed):
    spoilt = clean = clean_shop(seed, receipts=60)
    for place, name in enumerate(one for one in EXACT if one in names):
        spoilt = DAMAGE[name].spoil(spoilt, np.random.default_rng(seed + place))
    rules = [Duplicates(), Guests(ids=("guest",)), ZeroQuantities(), Returns(prefix="C")]
    raw = read(spoilt, rules, tmp_path_factory.mktemp("shop"))
    assert_same(raw.log, clean)
    assert sum(step.removed for step in raw.steps if step.rule) == len(spoilt) - len(clean)
    assert sum(step.removed + step.filled for step in raw.steps if not step.rule) == 0
