"""The paired bootstrap against formulae and simulation, and what the comparison makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import make_run
from scipy import stats

from graphrec.evaluation.significance import paired_bootstrap
from graphrec.report.findings import findings
from graphrec.report.leads import leads, leads_markdown
from graphrec.report.page.html import Content, render_html
from graphrec.report.runs import RunRecord
from graphrec.report.significance import COLUMNS, significance
from graphrec.report.table import comparison


def test_a_difference_agrees_with_the_paired_t_test():
    """Three runs that share what makes a user hard; two measures."""
    rng = np.random.default_rng(0)
    hard = rng.normal(size=(1, 500, 2))
    noise = rng.normal(scale=0.1, size=(3, 500, 2))
    values = hard + noise + np.array([0.0, 0.008, 0.03])[:, None, None]

    found = paired_bootstrap(values, [(0, 1), (2, 0)], replicates=4000)

    for place, (a, b) in enumerate([(0, 1), (2, 0)]):
        apart = values[a] - values[b]
        error = apart.std(axis=0) / np.sqrt(500)
        np.testing.assert_allclose(found.difference[place], apart.mean(axis=0))
        np.testing.assert_allclose(found.low[place], apart.mean(axis=0) - 1.96 * error, atol=0.15 * error[0])
        np.testing.assert_allclose(found.high[place], apart.mean(axis=0) + 1.96 * error, atol=0.15 * error[0])
        np.testing.assert_allclose(found.p[place], stats.ttest_rel(values[a], values[b]).pvalue, atol=0.03)
    unpaired = stats.ttest_ind(values[2], values[0]).pvalue
    assert (found.p[1] < 0.001).all()
    assert (unpaired > 0.3).all(), "without pairs nothing would be seen"


def test_p_and_interval_say_the_same_and_p_is_never_zero():
    rng = np.random.default_rng(1)
    values = np.stack([np.zeros((80, 200)), rng.normal(0.15, 1.0, size=(80, 200))])
    found = paired_bootstrap(values, [(1, 0)], replicates=1999)
    outside = (found.low > 0) | (found.high < 0)
    sure = found.p < 0.05
    assert (outside != sure).mean() < 0.01, "they may differ by one resample"
    assert 0.1 < sure.mean() < 0.9
    assert found.p.min() >= 2 / 2000


def test_p_is_below_5_percent_about_5_times_in_100_where_runs_do_not_differ():
    """400 measures of 100 users, hits of 3 in 10 for both runs: three deviations around 0.05."""
    rng = np.random.default_rng(2)
    values = rng.binomial(10, 0.3, size=(2, 100, 400)) / 10
    assert 0.017 <= (paired_bootstrap(values, [(0, 1)], replicates=600).p < 0.05).mean() <= 0.085


def test_equal_runs_do_not_differ():
    values = np.random.default_rng(3).random((1, 50, 2)).repeat(2, axis=0)
    found = paired_bootstrap(values, [(0, 1)], replicates=50)
    assert (found.difference == 0).all()
    assert (found.low == 0).all()
    assert (found.p == 1).all()


def test_the_order_of_a_pair_only_turns_the_sign_and_the_seed_decides():
    values = np.random.default_rng(4).random((2, 30, 1))
    forth, back = (paired_bootstrap(values, [pair], replicates=150) for pair in ((0, 1), (1, 0)))
    np.testing.assert_allclose(forth.low, -back.high)
    np.testing.assert_array_equal(forth.p, back.p)
    assert not np.array_equal(forth.low, paired_bootstrap(values, [(0, 1)], replicates=150, seed=1).low)
    with pytest.raises(ValueError, match="no user"):
        paired_bootstrap(values[:, :0], [(0, 1)])


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
    assert (better["p"], better["users"], better["dataset"]) == (pytest.approx(0.001, abs=1e-5), 120, "shop")
    b, c = (pd.read_parquet(run.path / "test_users.parquet").query("items == 'new'") for run in runs[1:])
    exact = stats.ttest_rel(b["recall_20"], c["recall_20"]).pvalue
    assert rows.loc[("b", "c", "new", "recall_20"), "p"] == pytest.approx(exact, abs=0.02)
    turned = found.of("shop", "all", "ndcg_20")["b", "a"]
    assert turned["difference"] == -better["difference"]
    assert turned["low"] == -better["high"]


def test_seeds_are_averaged_per_user_first(tmp_path):
    """Each seed has noise of its own; the mean of nine has a third of it, and so has the interval."""
    base = with_users(tmp_path, "base", 0.0)
    one = significance([base, with_users(tmp_path / "one", "a", 0.0)]).table
    nine = significance([base, *(with_users(tmp_path / "nine", "a", 0.0, seed=s) for s in range(9))]).table
    assert len(one) == len(nine) == 4
    assert set(nine["run_b"]) == {"a"}
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
    text = f"{pair['difference']:+.4f} [{pair['low']:+.4f}, {pair['high']:+.4f}], p ≤ 0.001"
    assert one.rows[1][1][0] == text
    markdown = leads_markdown(table, tests)
    assert f"| {text} |" in markdown
    assert "| a\\|b |" in markdown
    assert leads_markdown(comparison([runs[0]]), significance([runs[0]])) == ""


def test_findings_and_page_follow_the_paired_test_where_intervals_overlap(tmp_path):
    runs = [with_users(tmp_path, "shop-a", 0.03), with_users(tmp_path, "b", 0.0)]
    table, tests = comparison(runs), significance(runs)
    assert "overlaps" in findings(table)[0].sentence

    first = findings(table, tests)[0]

    assert first.sure
    assert first.sentence.endswith("a paired bootstrap over users confirms every lead (p ≤ 0.001).")
    page = render_html(Content(table, runs, "Shop", tests=tests), tmp_path / "report.html").read_text()
    assert "confirms every lead" in page
    assert "NDCG@20: lead of the best run" in page
    assert "<td>a</td>" in page, "the matrix has the page's short names"
    close = [with_users(tmp_path, "c", 0.0), with_users(tmp_path, "d", 0.0)]
    unsure = findings(comparison(close), significance(close))[0]
    assert not unsure.sure
    assert "cannot tell it from" in unsure.sentence
