"""Differences against other tests and simulation, and what the comparison makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import make_run
from scipy import stats

from graphrec.evaluation.correction import corrected
from graphrec.evaluation.significance import crossed_differences
from graphrec.report.findings import findings
from graphrec.report.leads import explanation, leads, leads_markdown
from graphrec.report.page.html import Content, render_html
from graphrec.report.runs import RunRecord
from graphrec.report.significance import COLUMNS, significance
from graphrec.report.table import comparison


def test_with_one_seed_a_difference_is_the_paired_t_test():
    """Three runs that share what makes a user hard; two measures."""
    rng = np.random.default_rng(0)
    hard = rng.normal(size=(1, 500, 2))
    noise = rng.normal(scale=0.1, size=(3, 500, 2))
    values = hard + noise + np.array([0.0, 0.008, 0.03])[:, None, None]

    found = crossed_differences(values[:, None], [(0, 1), (2, 0)])

    for place, (a, b) in enumerate([(0, 1), (2, 0)]):
        exact = stats.ttest_rel(values[a], values[b])
        np.testing.assert_allclose(found.difference[place], (values[a] - values[b]).mean(axis=0))
        np.testing.assert_allclose(found.p[place], exact.pvalue, rtol=1e-9)
        np.testing.assert_array_equal(found.p_users, found.p)
        bounds = exact.confidence_interval(0.95)
        np.testing.assert_allclose(found.low[place], bounds.low, rtol=1e-9)
        np.testing.assert_allclose(found.high[place], bounds.high, rtol=1e-9)
    unpaired = stats.ttest_ind(values[2], values[0]).pvalue
    assert (found.p[1] < 0.001).all()
    assert (unpaired > 0.3).all(), "without pairs nothing would be seen"


def test_where_all_users_agree_a_difference_is_that_of_seeds():
    """Each user has the mean of the seed: then it is Welch's test between the seeds of the two runs."""
    rng = np.random.default_rng(1)
    of_a, of_b = rng.normal(size=3), 1.5 + 0.2 * rng.normal(size=5)
    values = [np.repeat(of[:, None, None], 200, axis=1) for of in (of_a, of_b)]

    found = crossed_differences(values, [(1, 0)])

    exact = stats.ttest_ind(of_b, of_a, equal_var=False)
    assert found.p[0, 0] == pytest.approx(exact.pvalue, rel=1e-9)
    assert found.low[0, 0] == pytest.approx(exact.confidence_interval(0.95).low, rel=1e-9)
    assert found.p_users[0, 0] < 1e-20


def test_p_and_interval_say_the_same():
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(3, 80, 200)), rng.normal(0.15, 1.0, size=(2, 80, 200))]
    values[1] += 0.1 * rng.normal(size=(2, 1, 200))
    found = crossed_differences(values, [(1, 0)])
    sure = found.p < 0.05
    np.testing.assert_array_equal((found.low > 0) | (found.high < 0), sure)
    assert 0.05 < sure.mean() < 0.95


@pytest.mark.parametrize("seeds", [(3, 3), (3, 1)])
@pytest.mark.parametrize("of_seeds", [0.0, 0.1, 0.5])
def test_no_difference_is_confirmed_in_at_most_6_percent_and_one_that_is_there_is_found(seeds, of_seeds):
    """4,000 pairs of runs without a difference: seeds differ not at all, as much as users, or far more.

    A run with one seed stands for a closed form, which draws nothing.
    """
    rng = np.random.default_rng(7)
    values = []
    hard = rng.normal(size=(1, 100, 4000))
    for count in seeds:
        own = 0.7 * rng.normal(size=(1, 100, 4000)) + 0.4 * rng.normal(size=(count, 100, 4000))
        values.append(hard + own + (of_seeds * rng.normal(size=(count, 1, 4000)) if count > 1 else 0))
    found = crossed_differences(values, [(0, 1)])
    assert (found.p < 0.05).mean() <= 0.06
    if of_seeds:
        assert (found.p_users < 0.05).mean() > (0.08 if of_seeds < 0.3 else 0.4), "users alone see too much"
    found = crossed_differences([values[0] + 0.6 + 4 * of_seeds, values[1]], [(0, 1)])
    assert (found.p < 0.05).mean() >= 0.9


def test_equal_runs_do_not_differ():
    values = np.random.default_rng(3).random((1, 1, 50, 2)).repeat(2, axis=0)
    found = crossed_differences(values, [(0, 1)])
    assert (found.difference == 0).all()
    assert (found.low == 0).all()
    assert (found.p == 1).all()


def test_a_few_users_who_agree_prove_little_and_one_proves_nothing():
    values = np.stack([np.full((1, 4, 1), 0.5), np.full((1, 4, 1), 0.25)])
    assert crossed_differences(values, [(0, 1)]).p[0, 0] == 1 / 8
    alone = crossed_differences(values[:, :, :1], [(0, 1)])
    assert alone.p[0, 0] == 1
    assert np.isnan(alone.low[0, 0])
    with pytest.raises(ValueError, match="no user"):
        crossed_differences(values[:, :, :0], [(0, 1)])


def test_the_order_of_a_pair_only_turns_the_sign():
    rng = np.random.default_rng(4)
    values = [rng.random((3, 30, 1)), rng.random((2, 30, 1))]
    forth, back = (crossed_differences(values, [pair]) for pair in ((0, 1), (1, 0)))
    np.testing.assert_allclose(forth.low, -back.high)
    np.testing.assert_array_equal(forth.p, back.p)


def test_holm_corrects_as_written_out_by_hand():
    """Holm's own rule: the smallest by 4, the next by 3, and so on, never below the one before."""
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(corrected(p, "holm"), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(corrected(p, "fdr"), [0.02, 0.04, 0.04, 0.02])
    np.testing.assert_array_equal(corrected(p, "none"), p)
    assert corrected(np.array([0.6, 0.7]), "holm").tolist() == [1.0, 1.0]


def test_of_ten_equal_runs_one_lead_in_twenty_tables_is_confirmed_and_half_without_correction():
    """300 tables of ten runs without a difference: how many claim anything at all."""
    rng = np.random.default_rng(5)
    pairs = [(a, b) for a in range(10) for b in range(a)]
    values = rng.normal(size=(10, 1, 60, 300))
    p = crossed_differences(values, pairs).p
    claims = {
        name: np.mean([(corrected(one, name) < 0.05).any() for one in p.T]) for name in ("holm", "none")
    }
    assert claims["holm"] <= 0.08
    assert claims["none"] > 0.4


def with_users(
    folder: Path, name: str, lift: float, *, seed: int = 0, users: int = 120, **changes
) -> RunRecord:
    """A run whose folder holds the values of its users, and whose summary are their means."""
    rng = np.random.default_rng(9)  # the same users for every run
    own = np.random.default_rng([seed, *name.encode()])
    frames, summary = [], {}
    for items, scale in (("all", 1.0), ("new", 0.2)):
        values = scale * rng.random(120)[:users] + lift * scale + 0.02 * own.normal(size=users)
        summary[f"test_ndcg_20_{items}"] = float(values.mean())
        frame = {"ndcg_20": values.astype("float32"), "recall_20": values.astype("float32") / 2}
        frames.append(pd.DataFrame({**frame, "user_id": range(users), "items": items}))
        low, high = values.mean() - 0.05, values.mean() + 0.05
        summary |= {f"test_ndcg_20_{items}_low": low, f"test_ndcg_20_{items}_high": high}
    run = make_run(name, seed, summary=summary, path=folder / name / str(seed), **changes)
    run.path.mkdir(parents=True)
    pd.concat(frames).to_parquet(run.path / "test_users.parquet")
    return run


def test_every_pair_metric_and_item_set_has_a_row(tmp_path):
    runs = [with_users(tmp_path, "a", 0.1), with_users(tmp_path, "b", 0.0), with_users(tmp_path, "c", 0.0)]

    found = significance(runs)

    assert found.table.columns.tolist() == COLUMNS
    assert found.left_out == []
    assert len(found.table) == 3 * 2 * 2
    rows = found.table.set_index(["run_a", "run_b", "items", "metric"])
    better = rows.loc[("a", "b", "all", "ndcg_20")]
    assert better["difference"] == pytest.approx(0.1, abs=0.01)
    assert better["low"] < better["difference"] < better["high"]
    assert (better["p"] < 1e-9, better["users"], better["dataset"]) == (True, 120, "shop")
    assert (better["pairs"], better["correction"], better["verdict"]) == (3, "holm", "seeds unknown")
    b, c = (pd.read_parquet(run.path / "test_users.parquet").query("items == 'new'") for run in runs[1:])
    exact = stats.ttest_rel(b["recall_20"], c["recall_20"]).pvalue
    assert rows.loc[("b", "c", "new", "recall_20"), "p"] == pytest.approx(exact, rel=1e-4)
    three = found.table.query("items == 'new' and metric == 'recall_20'")
    np.testing.assert_allclose(three["p_corrected"], corrected(three["p"].to_numpy(), "holm"))
    turned = found.of("shop", "all", "ndcg_20")["b", "a"]
    assert turned["difference"] == -better["difference"]
    assert turned["low"] == -better["high"]


def test_seeds_of_one_name_are_one_entry(tmp_path):
    """Each seed has noise of its own; the mean of nine has a third of it, and so has the interval."""
    base = with_users(tmp_path, "base", 0.0)
    one = significance([base, with_users(tmp_path / "one", "a", 0.0)]).table
    nine = significance([base, *(with_users(tmp_path / "nine", "a", 0.0, seed=s) for s in range(9))]).table
    assert len(one) == len(nine) == 4
    assert nine[["run_a", "run_b", "seeds_a", "seeds_b"]].to_numpy().tolist() == [["base", "a", 1, 9]] * 4
    width = [(table["high"] - table["low"]).iloc[0] for table in (one, nine)]
    assert width[1] / width[0] == pytest.approx(np.sqrt((1 + 1 / 9) / 2), abs=0.08)


def test_only_users_that_both_have_are_compared(tmp_path):
    runs = [
        with_users(tmp_path, "a", 0.1),
        with_users(tmp_path, "b", 0.0, users=100),
        with_users(tmp_path, "c", 0.0),
    ]
    users = significance(runs).table.groupby(["run_a", "run_b"])["users"].unique().explode().to_dict()
    assert users == {("a", "b"): 100, ("a", "c"): 120, ("c", "b"): 100}


def test_runs_of_different_splits_are_not_compared(tmp_path):
    runs = [with_users(tmp_path, "a", 0.1), with_users(tmp_path, "b", 0.0), with_users(tmp_path, "c", 0.0)]
    other = with_users(tmp_path, "d", 0.0, split_sha256="b" * 64)
    found = significance([*runs, other])
    assert len(found.table) == 3 * 2 * 2
    assert "d" not in {*found.table["run_a"], *found.table["run_b"]}
    assert found.left_out == ["shop: no pair across different splits, aaaaaaaa (a, b, c) and bbbbbbbb (d)"]
    mixed = [
        with_users(tmp_path / "x", "a", 0.1),
        with_users(tmp_path, "a", 0.1, seed=1, split_sha256="c" * 64),
    ]
    assert significance(mixed).left_out == ["a: its seeds were tested on different splits"]


def test_a_table_of_users_must_belong_to_the_numbers(tmp_path):
    """The refit's is preferred; one that was left by another test is not taken."""
    run, base = with_users(tmp_path, "a", 0.1), with_users(tmp_path, "b", 0.0)
    good = pd.read_parquet(run.path / "test_users.parquet")
    (run.path / "refit").mkdir()
    good.assign(ndcg_20=good["ndcg_20"] + 0.01).to_parquet(run.path / "test_users.parquet")
    good.to_parquet(run.path / "refit" / "test_users.parquet")
    assert len(significance([run, base]).table) == 4
    (run.path / "refit" / "test_users.parquet").unlink()
    found = significance([run, base])
    assert found.table.empty
    assert found.left_out == ["a: no test_users.parquet that belongs to its test; test it again"]


def test_the_matrix_sets_the_best_of_each_column_against_the_others(tmp_path):
    runs = [with_users(tmp_path, "a|b", 0.1), with_users(tmp_path, "b", 0.0), with_users(tmp_path, "c", 0.0)]
    table, tests = comparison(runs), significance(runs)

    (one,) = leads(table, tests)

    assert (one.dataset, one.metric, one.items) == ("shop", "NDCG@20", ["all", "new"])
    assert one.rows[0][0] == "a|b"
    assert one.rows[0][1][0].endswith(", the best")
    pair = tests.of("shop", "all", "ndcg_20")["a|b", one.rows[1][0]]
    text = f"{pair['difference']:+.4f} [{pair['low']:+.4f}, {pair['high']:+.4f}], p ≤ 0.001, seeds unknown"
    assert one.rows[1][1][0] == text
    markdown = leads_markdown(table, tests)
    assert f"| {text} |" in markdown
    assert "| a\\|b |" in markdown
    assert leads_markdown(comparison([runs[0]]), significance([runs[0]])) == ""


def test_findings_and_page_follow_the_test_where_intervals_overlap(tmp_path):
    runs = [
        with_users(tmp_path, name, lift, seed=seed)
        for name, lift in (("shop-a", 0.03), ("b", 0.0))
        for seed in range(3)
    ]
    table, tests = comparison(runs), significance(runs)
    assert "overlaps" in findings(table)[0].sentence

    first = findings(table, tests)[0]

    assert first.sure
    assert first.sentence.endswith("users and seeds confirm every lead (corrected p ≤ 0.001).")
    page = render_html(Content(table, runs, "Shop", tests=tests), tmp_path / "report.html").read_text()
    assert "confirm every lead" in page
    assert "NDCG@20: lead of the best run" in page
    assert "<td>a</td>" in page, "the matrix has the page's short names"
    close = [with_users(tmp_path, "c", 0.0), with_users(tmp_path, "d", 0.0)]
    unsure = findings(comparison(close), significance(close))[0]
    assert not unsure.sure
    assert "cannot tell it from" in unsure.sentence


def test_a_lead_of_trained_runs_with_one_seed_each_is_not_called_sure(tmp_path):
    runs = [with_users(tmp_path, "a", 0.1), with_users(tmp_path, "b", 0.0)]
    first = findings(comparison(runs), significance(runs))[0]
    assert not first.sure
    assert first.sentence.endswith(
        "the users confirm every lead (corrected p ≤ 0.001), but what a seed does is unknown for a, b: one"
        " seed each."
    )
    assert "unknown for a, b: one seed each" in explanation(significance(runs))
    computed = {"config": {"model": {"class_path": "graphrec.training.ClosedFormTask"}}}
    runs = [
        with_users(tmp_path / "closed", "a", 0.1, **computed),
        *(with_users(tmp_path / "closed", "b", 0.0, seed=seed) for seed in range(2)),
    ]
    assert significance(runs).one_seed == frozenset()
    assert findings(comparison(runs), significance(runs))[0].sure, "a closed form draws nothing"


def exactly(folder: Path, name: str, seed: int, users: np.ndarray) -> RunRecord:
    """A run with the given values of its users."""
    summary = {"test_ndcg_20_new": float(users.mean())}
    run = make_run(name, seed, summary=summary, path=folder / name / str(seed))
    run.path.mkdir(parents=True)
    frame = pd.DataFrame({"ndcg_20": users, "user_id": range(len(users)), "items": "new"})
    frame.to_parquet(run.path / "test_users.parquet")
    return run


def test_a_lead_smaller_than_what_seeds_differ_by_may_be_chance(tmp_path):
    """As seen: three seeds each, a lead of .0014, p = .010 by users alone, seeds .0019 apart."""
    rng = np.random.default_rng(0)
    lead, seeds = 0.0014, np.array([-0.00095, 0.0, 0.00095])
    hard = 0.07 + 0.05 * rng.random(3000)
    apart = rng.normal(size=3000)
    apart = (apart - apart.mean()) / apart.std(ddof=1) * lead / 2.576 * np.sqrt(3000)
    runs = [
        exactly(tmp_path, "lightgcn", seed, hard + lead + apart + shift) for seed, shift in enumerate(seeds)
    ]
    runs += [exactly(tmp_path, "mf", seed, hard + shift) for seed, shift in enumerate(seeds / 2)]

    tests = significance(runs)

    (row,) = tests.table.to_dict("records")
    assert row["difference"] == pytest.approx(0.0014, abs=1e-9)
    assert row["p_users"] == pytest.approx(0.010, abs=2e-4)
    assert row["p_corrected"] > 0.05
    assert row["verdict"] == "may be chance"
    table = comparison(runs)
    first = findings(table, tests)[0]
    assert not first.sure
    why = f"corrected p = {row['p_corrected']:.3f}; p = 0.010 by users alone"
    assert first.sentence.endswith(f"cannot tell it from mf ({why}): this order may be chance.")
    for shown in (leads(table, tests)[0].rows[1][1][0], leads_markdown(table, tests)):
        assert "+0.0014" in shown
        assert f"p = {row['p_corrected']:.3f}, may be chance" in shown
    page = render_html(Content(table, runs, "Shop", tests=tests), tmp_path / "report.html").read_text()
    assert page.count("may be chance") >= 2
