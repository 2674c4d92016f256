"""Notebooks 06 and 07 in small: the tables hold what must hold, and the sentences say what the tables do."""

from __future__ import annotations

import pytest
from notebook_runs import MARKET, outputs, reading, run, table


def test_policies(tmp_path, monkeypatch):
    smaller = {"PAIRS": 800, "WEEKS": 4, "SEEDS": (0, 1), "BUDGETS": (0.5, 1.0), "HIDDEN": (0.0, 0.6)}
    notebook, out = run("06_policies", tmp_path, monkeypatch, **smaller, **MARKET)
    policies, hidden = table(out, "policies", index_col=0), table(out, "hidden", index_col=0)
    share = policies["share"]
    assert (share["none"], share["oracle"]) == (0, pytest.approx(1))
    assert share.drop(["none", "oracle"]).between(0, 1, inclusive="neither").all()
    assert policies["regret"].to_numpy() == pytest.approx(1 - share)
    assert policies["spend"].drop("none").to_numpy() == pytest.approx(
        policies["spend"]["linear_rate"], rel=0.03
    )
    assert list(hidden.index) == [0.0, 0.6]
    assert (hidden["ceiling"] >= hidden["knapsack"] - 3).all()
    assert len(outputs(notebook, "image/png")) == 2

    said = reading(notebook)
    best = share.drop(["none", "oracle"]).idxmax()
    assert f"`{best}` reaches most of the oracle's gain: {100 * share[best]:.1f} %" in said
    assert f"Its regret is {100 - 100 * share[best]:.1f} %" in said
    names = {"uniform": "`uniform`", "linear_rate": "the articles' rule"}
    ahead, behind = sorted(names, key=share.get, reverse=True)
    lead = 100 * (share[ahead] - share[behind])
    assert f"{names[ahead]} is ahead of {names[behind]} by {lead:.1f} % of it" in said
    loss = hidden["knapsack"].iloc[0] - hidden["knapsack"].iloc[-1]
    assert f"`knapsack` {'loses' if loss > 0 else 'wins'} {abs(loss):.1f} % of the oracle's gain" in said
    assert f"At this spend `{policies['profit'].idxmax()}` earns most" in said


def test_judging(tmp_path, monkeypatch):
    notebook, out = run("07_judging", tmp_path, monkeypatch, PAIRS=2000, SEEDS=(0, 1, 2), **MARKET)
    found = table(out, "judging", keep_default_na=True)
    asked = found[(found["twin"] == "shallow") & (found["estimator"] != "naive")]
    assert asked["value"].isna().all()
    assert asked["reason"].str.contains("never offered").all()
    twins = found[found["twin"] != "shallow"]
    assert (twins["error"] - 100 * (twins["value"] - twins["truth"])).abs().max() < 1e-9
    size = twins.assign(error=twins["error"].abs()).groupby(["twin", "estimator"])["error"].mean()

    said = reading(notebook)
    for twin in ("randomised", "confounded"):
        best = size[twin].drop("naive").idxmin()
        assert f"From the {twin} log `{best}` is nearest to the truth: off by {size[twin][best]:.2f}" in said
        assert f"`naive` by {size[twin]['naive']:.2f}" in said
    dr = (
        twins.pivot_table(index=["twin", "seed"], columns="estimator", values="error").abs().loc["confounded"]
    )
    assert f"than `naive` in {(dr['dr'] < dr['naive']).sum()} of 3 confounded logs" in said
    assert ("larger than" in said) == (size["confounded"]["dr"] > size["randomised"]["dr"])
    assert f"was asked {len(asked)} times and refused {len(asked)} times" in said
    assert len(outputs(notebook, "image/png")) == 1
