"""The W&B Report is built without a connection; only `save` would need one."""

import json
import sys

import pytest
from made_runs import make_run

from graphrec.errors import InputError
from graphrec.report.publish import build_report, publish
from graphrec.report.table import comparison

RUNS = [make_run("lightgcn"), make_run("popularity", ndcg=0.2)]


def spec(report) -> dict:
    """What would be sent to W&B."""
    return json.loads(report._to_model().spec.model_dump_json(by_alias=True, exclude_none=True))


def test_report_holds_findings_panels_table_and_run_filter():
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    text = json.dumps(spec(build_report(comparison(RUNS), RUNS, "team/shop", "Comparison")))

    assert "lightgcn leads with NDCG@20 0.4000" in text
    for metric in ("test_ndcg_20_all", "test_recall_20_new", "val_ndcg_20", "train_loss"):
        assert metric in text
    assert "test_ndcg_20_repeat" not in text, "no panel for what was not measured"
    for panel in ("Bar Chart", "Run History Line Plot", "Run Comparer"):
        assert panel in text
    assert "| lightgcn | lightgcn | 1 |" in text
    assert '["lightgcn", "popularity"]' in text
    assert text.count('["lightgcn", "popularity"]') == 3
    no_refit = '"name": "job"}, "op": "!=", "value": "refit"'
    assert text.count(no_refit) == 2, "the curves and the configurations are of fits"


def test_report_goes_to_the_named_project():
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    report = build_report(comparison(RUNS), RUNS, "team/shop", "Comparison")
    assert (report.entity, report.project, report.title) == ("team", "shop", "Comparison")


def test_publish_saves_and_returns_the_address(monkeypatch):
    wr = pytest.importorskip("wandb_workspaces.reports.v2", reason="the extra 'report' is not installed")
    saved = []
    monkeypatch.setattr(wr.Report, "save", lambda self: saved.append(self.title))
    monkeypatch.setattr(wr.Report, "url", property(lambda self: f"address of {self.entity}/{self.project}"))
    assert publish(comparison(RUNS), RUNS, "team/shop", "Title") == "address of team/shop"
    assert saved == ["Title"]


def test_refusal_by_wandb_is_one_line(monkeypatch):
    wr = pytest.importorskip("wandb_workspaces.reports.v2", reason="the extra 'report' is not installed")

    def refuse(self):
        raise ValueError("api key\nnot configured")

    monkeypatch.setattr(wr.Report, "save", refuse)
    with pytest.raises(InputError, match=r"team/shop \(api key not configured\); check `wandb login`"):
        publish(comparison(RUNS), RUNS, "team/shop", "Title")


@pytest.mark.parametrize("target", ["team", "team/", "/shop", "a/b/c", ""])
def test_a_target_that_names_no_project_is_refused(target):
    with pytest.raises(InputError, match="ENTITY/PROJECT"):
        build_report(comparison(RUNS), RUNS, target, "Comparison")


def test_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    with pytest.raises(InputError, match=r"pip install 'graphrec\[report\]'"):
        build_report(comparison(RUNS), RUNS, "team/shop", "Comparison")
