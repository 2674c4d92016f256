"""The comparison table and what is said about it."""

import numpy as np
import pandas as pd
import pytest
from made_runs import make_run

from graphrec.errors import InputError
from graphrec.report.findings import findings
from graphrec.report.table import COLUMNS, comparison, labels, to_markdown


def value(table: pd.DataFrame, run: str, metric: str) -> pd.Series:
    return table.set_index(["run", "metric"]).loc[(run, metric)]


def test_columns_metrics_and_order():
    table = comparison([make_run("b", ndcg=0.3), make_run("a")])

    assert table.columns.tolist() == COLUMNS
    assert len(table) == 2 * 2 * 3 * 2
    assert table["metric"].head(4).tolist() == ["ndcg_10_all", "ndcg_10_all", "ndcg_20_all", "ndcg_20_all"]
    assert table["run"].head(2).tolist() == ["a", "b"]
    assert set(table["split"]) == {"test"}
    row = value(table, "a", "recall_20_new")
    assert (row["measure"], row["k"], row["items"], row["dataset"]) == ("recall", 20, "new", "shop")
    assert "ndcg_20" not in set(table["metric"])


def test_seeds_are_averaged_with_their_bounds():
    table = comparison([make_run(seed=0, ndcg=0.4), make_run(seed=1, ndcg=0.5, margin=0.04)])

    row = value(table, "lightgcn", "ndcg_20_all")
    assert row["seeds"] == 2
    assert row[["value", "low", "high"]].tolist() == pytest.approx([0.45, 0.42, 0.48])


def test_runs_that_are_no_seeds_of_one_experiment_stay_apart():
    twice = [make_run(run_id="x"), make_run(run_id="y"), make_run("mlp")]
    assert labels(twice) == ["lightgcn/x", "lightgcn/y", "mlp"]
    assert set(comparison(twice)["run"]) == {"lightgcn/x", "lightgcn/y", "mlp"}
    assert labels([make_run(seed=0, model="a"), make_run(seed=1, model="b")]) == ["lightgcn/0", "lightgcn/1"]
    assert labels([]) == []


def test_missing_bounds_stay_missing():
    run = make_run(summary={"test_map_5_repeat": 0.25})
    row = comparison([run]).iloc[0]
    assert row["value"] == 0.25
    assert np.isnan(row["low"])
    assert "| 0.2500 |" not in to_markdown(comparison([run]))
    assert "| **0.2500** |" in to_markdown(comparison([run]))


def test_different_splits_of_one_dataset_are_refused_unless_allowed():
    runs = [make_run("a"), make_run("b", split_sha256="b" * 64)]
    with pytest.raises(InputError, match=r"runs/b/0, column 'split_sha256': judged on another split of shop"):
        comparison(runs)
    assert set(comparison(runs, allow_different_splits=True)["run"]) == {"a", "b"}
    elsewhere = [make_run("a"), make_run("b", split_sha256="b" * 64, dataset="other")]
    assert set(comparison(elsewhere)["dataset"]) == {"shop", "other"}


def test_runs_without_metric_per_item_set_are_refused():
    with pytest.raises(InputError, match="no metric that can be compared"):
        comparison([make_run(summary={"test_ndcg_20": 0.3})])
    with pytest.raises(InputError, match="no metric that can be compared"):
        comparison([])


def test_markdown_ranks_marks_the_best_and_escapes():
    text = to_markdown(comparison([make_run("low", ndcg=0.1), make_run("a|<b>", ndcg=0.3)]))

    assert "## shop, all items" in text
    assert "## shop, new items" in text
    lines = [line for line in text.splitlines() if line.startswith("| a") or line.startswith("| low")]
    assert lines[0].startswith(r"| a\|\<b\> |")
    assert "**0.3000** [0.2800, 0.3200]" in lines[0]
    assert "| 0.1000 [0.0800, 0.1200]" in lines[1]
    assert "**0.5000**" not in text, "coverage has no winner"
    assert "NDCG@20" in text
    assert "NDCG@10" in to_markdown(comparison([make_run()]), k=10)


@pytest.mark.parametrize(("other", "sure"), [(0.3, True), (0.39, False)])
def test_findings_are_sure_only_when_intervals_are_apart(other, sure):
    found = findings(comparison([make_run("b", ndcg=other), make_run("a", ndcg=0.4)]))

    assert [(finding.items, finding.leader, finding.runner_up) for finding in found] == [
        ("all", "a", "b"),
        ("new", "a", "b"),
    ]
    assert {finding.sure for finding in found} == {sure}
    words = "do not overlap" if sure else "overlaps with that of b, so this order may be chance"
    assert words in found[0].sentence
    assert found[0].sentence.startswith(
        "On all items, a leads with NDCG@20 0.4000 [0.3800, 0.4200], ahead of b"
    )


def test_a_wide_third_interval_also_makes_the_lead_unsure():
    runs = [make_run("a", ndcg=0.4), make_run("b", ndcg=0.35), make_run("c", ndcg=0.3, margin=0.2)]
    first = findings(comparison(runs))[0]
    assert not first.sure
    assert "that of c," in first.sentence


def test_a_single_run_and_missing_intervals_claim_nothing():
    alone = findings(comparison([make_run()]))[0]
    assert (alone.runner_up, alone.sure) == (None, False)
    assert "nothing to compare" in alone.sentence
    bare = [make_run(name, summary={"test_ndcg_20_all": number}) for name, number in (("a", 0.4), ("b", 0.1))]
    first = findings(comparison(bare))[0]
    assert not first.sure
    assert "no interval was measured" in first.sentence
