"""Measures in the comparison: ours in their order, a user's own in the direction in which it is better."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_runs import make_run

from graphrec.errors import InputError
from graphrec.evaluation.measures import of_kind
from graphrec.files import write_parquet
from graphrec.report.leads import leads
from graphrec.report.page.html import Content, render_html
from graphrec.report.publish import build_report
from graphrec.report.significance import significance
from graphrec.report.table import comparison, headlines, to_markdown

LATE = {"late": ("Places <to> a hit", False)}


def run_with(name: str, late: float, told=LATE, **summary: float):
    """A run of two measures on all items; the smaller `late` the better."""
    found = {"test_ndcg_20_all": 0.4, "test_late_20_all": late, "test_late_20_all_low": late - 0.1}
    return make_run(name, summary={**found, "test_late_20_all_high": late + 0.1, **summary}, measures=told)


def with_users(folder, name: str, late: float):
    """The same with the values of each user beside it."""
    run = run_with(name, late)
    values = np.full(50, late) + np.linspace(-0.2, 0.2, 50)
    users = pd.DataFrame({"ndcg_20": 0.4, "late_20": values, "user_id": np.arange(50), "items": "all"})
    place = folder / name
    place.mkdir()
    write_parquet(users, place / "test_users.parquet")
    return make_run(name, summary=run.summary, measures=LATE, path=place)


def test_no_measure_of_a_run_is_dropped_and_ours_come_in_their_order():
    names = [measure.name for measure in of_kind("user", "catalogue")]
    summary = {f"test_{name}_20_all": 0.5 for name in ("unheard_of", *names)}
    table = comparison([make_run(summary=summary)])
    first = ["ndcg", "recall"]
    assert table["measure"].tolist() == [*first, *(n for n in names if n not in first), "unheard_of"]
    titles = dict(zip(table["measure"], table["title"], strict=True))
    assert titles == {m.name: m.title for m in of_kind("user", "catalogue")} | {"unheard_of": "unheard_of"}
    better = dict(zip(table["measure"], table["higher_is_better"], strict=True))
    assert better["ndcg"] is True
    assert better["novelty"] is better["coverage"] is better["unheard_of"] is None
    assert headlines(table) == first
    assert "| 0.5000 |" in to_markdown(table)


def test_the_smallest_value_leads_where_smaller_is_better():
    table = comparison([run_with("slow", 3.0), run_with("quick", 2.0)])
    text = to_markdown(table)
    assert r"Places \<to\> a hit@20" in text
    assert "**2.0000** [1.9000, 2.1000]" in text
    assert "**3.0000**" not in text


def test_pairs_are_told_from_the_smallest_where_smaller_is_better(tmp_path):
    runs = [with_users(tmp_path, "slow", 3.0), with_users(tmp_path, "quick", 2.0)]
    table, tests = comparison(runs), significance(runs)
    of_late = next(one for one in leads(table, tests) if one.metric.startswith("Places"))
    assert of_late.metric == "Places <to> a hit@20, the smaller the better"
    assert of_late.rows[0] == ("quick", ["2.0000, the best"])
    assert of_late.rows[1][0] == "slow"
    assert of_late.rows[1][1][0].startswith("−1.0000 [−1.0000, −1.0000], p ≤ 0.001")

    page = render_html(Content(table, runs, "T", tests=tests), tmp_path / "r.html").read_text(
        encoding="utf-8"
    )
    assert "Places &lt;to&gt; a hit@20, all items, shorter is better" in page
    assert "Places &lt;to&gt; a hit@20, the smaller the better: lead of the best run" in page
    assert "<to>" not in page
    told = page[page.index("<desc>quick 2.0000; slow 3.0000") :]
    assert told, "best first, also for those who hear the page"
    assert page.index("NDCG@20: lead") < page.index("the smaller the better: lead")


def test_the_report_of_wandb_draws_it():
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    runs = [run_with("slow", 3.0)]
    spec = build_report(comparison(runs), runs, "team/shop", "T")._to_model().spec
    text = json.dumps(json.loads(spec.model_dump_json(by_alias=True)))
    assert "test_late_20_all" in text
    assert "val_late_20" in text


@pytest.mark.parametrize(
    "told", [{"late": ("Places <to> a hit", True)}, {"late": ("L", False)}, {"ndcg": ("N", True)}]
)
def test_two_measures_of_one_name_are_not_compared(told):
    with pytest.raises(InputError, match=r"is called '(late|ndcg)', too; give one of them another name"):
        comparison([run_with("slow", 3.0), run_with("other", 2.0, told)])
