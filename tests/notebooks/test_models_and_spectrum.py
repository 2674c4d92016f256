"""Notebooks 03 and 04 in small: models share a split, and the sentences say what the tables do."""

from __future__ import annotations

import pytest
from notebook_runs import WEEKS, outputs, reading, run, shop_log, table

FEATURES = ["perceptron", "one tree", "trees"]


@pytest.mark.slow  # eight models; the notebook of the spectrum runs in `make test`
def test_graph_and_others(tmp_path, monkeypatch):
    smaller = {"ATTRIBUTES": False, "EVERY": 1, "SEEDS": (0,), "EPOCHS": 2, "TREES": 5}
    notebook, out = run(
        "03_graph_and_others", tmp_path, monkeypatch, LOG=shop_log(tmp_path), **smaller, **WEEKS
    )
    compared = table(out, "compared")
    models = {"popularity", "top frequency", "item CF", "factorisation", "graph", *FEATURES}
    for _, rows in compared.groupby("items"):
        assert set(rows["run"]) == models
        assert rows["value"].is_monotonic_decreasing
        assert rows["value"].between(0, 1, inclusive="neither").all()

    said = reading(notebook)
    for items, rows in compared.groupby("items"):
        value, p = rows.set_index("run")["value"], rows["p_corrected"].iloc[1]
        sure = "is more than" if p < 0.05 else "may be"
        assert f"On {items} items **{rows['run'].iloc[0]}** is best with {value.max():.4f}" in said
        assert (
            f"{rows['run'].iloc[1]} is next with {value.iloc[1]:.4f}, which {sure} chance (p = {p:.3f})"
            in said
        )
        best = value[FEATURES].idxmax()
        side = "above" if value[best] > value["popularity"] else "not above"
        assert (
            f"**{best}** is best there, {value[best]:.4f}: {side} popularity ({value['popularity']:.4f})"
            in said
        )
    assert len(outputs(notebook, "image/png")) == 1


def test_spectrum_and_fusion(tmp_path, monkeypatch):
    smaller = {"EVERY": 1, "RANK": 32}
    name = "04_spectrum_and_fusion"
    notebook, out = run(name, tmp_path, monkeypatch, LOG=shop_log(tmp_path), **smaller, **WEEKS)
    spectrum, compared = table(out, "spectrum"), table(out, "compared")
    assert spectrum["eigenvalue"].is_monotonic_decreasing
    assert spectrum["eigenvalue"].between(0, 1 + 1e-5).all()
    value = compared.pivot_table(index="run", columns="items", values="value")
    filters = ["GF-CF", "BSPM", "ChebyCF", "power law", "low-pass"]
    assert set(value.index) == {*filters, "count", "fusion"}

    said = reading(notebook)
    assert f"directions hold {100 * spectrum['energy'].sum():.0f} % of what was bought" in said
    high, low = spectrum["wanted"][:3].mean(), spectrum["wanted"][-3:].mean()
    assert f"wants {high:.2f} of the leading tenth" in said
    assert f"{low:.2f} of the last tenth: a {'low-pass' if high > low else 'high-pass'} filter" in said
    best = value.loc[filters, "all"].idxmax()
    assert f"`{best}` is best on all items with {value.loc[best, 'all']:.4f}" in said
    added = value.loc["fusion"] - value.drop("fusion").max()
    for items, gain in added.items():
        assert f"{gain:+z.4f} on {items}" in said
    assert len(outputs(notebook, "image/png")) == 1
