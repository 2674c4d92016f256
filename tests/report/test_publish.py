"""The W&B Report is built without a connection; `save` is received by a server of the tests."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from made_runs import make_run
from wandb_answers import ENTITY, PROJECT
from wandb_server import WandbServer, environment, wandb_server

from graphrec.errors import InputError
from graphrec.report.publish import build_report, publish
from graphrec.report.run_file import add_to_run_file
from graphrec.report.table import comparison

RUNS = [make_run("lightgcn"), make_run("popularity", ndcg=0.2)]


def spec(report) -> dict:
    """What would be sent to W&B."""
    return json.loads(report._to_model().spec.model_dump_json(by_alias=True, exclude_none=True))


def panels_of(view: dict) -> list[tuple[dict, dict]]:
    """Each panel of a saved report, with the runs it draws."""
    grids = [block["metadata"] for block in view["spec"]["blocks"] if block["type"] == "panel-grid"]
    return [
        (grid["runSets"][0], panel) for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]
    ]


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
    only_fits = '"name": "job"}, "op": "NIN", "value": ["refit", "test"]'
    assert text.count(only_fits) == 2, "the curves and the configurations are of fits"


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


COMPARE = [sys.executable, "-m", "graphrec", "compare", "runs", "--out", "out", "--wandb"]


def write_run(folder: Path, seed: int, dim: int) -> None:
    """The files of a tested run that `compare` reads."""
    folder.mkdir(parents=True)
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "shop.csv"}}
    config = {"seed_everything": seed, "data": {"init_args": {"source": source}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    name, more = folder.parent.name, {"dataset": "shop", "split_sha256": "a" * 64}
    settings = {"model": "LightGCN", "dim": dim, "lr": 0.1, "seed": seed}
    said = {"run": name, "id": folder.name, "model": name, "seed": seed, "settings": settings, **more}
    add_to_run_file(folder, {**said, "wandb_group": f"{name}-{folder.name}"}, {"fit_seconds": 2.0})
    (folder / "metrics.csv").write_text("epoch,step,train_loss,val_ndcg_20\n0,1,0.7,0.2\n")
    tested = {"split_sha256": "a" * 64, "test_ndcg_20_all": dim / 100, "test_recall_20_all": dim / 200}
    (folder / "test_metrics.json").write_text(json.dumps(tested))


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[WandbServer, Path, str]:
    """A server to which `graphrec compare` sent a report of two seeds each of two experiments."""
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    place = tmp_path_factory.mktemp("published")
    for name, dim in (("small", 8), ("large", 64)):
        for seed in (0, 1):
            write_run(place / "runs" / name / f"{name}{seed}", seed, dim)
    command = [*COMPARE, f"{ENTITY}/{PROJECT}"]
    with wandb_server() as server:
        done = subprocess.run(command, cwd=place, env=server.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (server.unknown, server.errors) == ([], [])
    return server, place / "out", done.stderr


def test_a_saved_report_has_every_panel(published):
    server, _, said = published
    (view,) = server.views
    assert (view["entityName"], view["projectName"]) == (ENTITY, PROJECT)
    (line,) = [line for line in said.splitlines() if "/reports/" in line]
    assert line.startswith(f"graphrec: W&B report: {server.url}/{ENTITY}/{PROJECT}/reports/")
    panels = {panel["viewType"]: panel["config"] for _, panel in panels_of(view)}
    drawn = {"Bar Chart", "Run History Line Plot", "Scatter Plot", "Parallel Coordinates Plot"}
    assert set(panels) == drawn | {"Run Comparer", "Weave"}
    for kind in ("Bar Chart", "Run History Line Plot"):
        assert (panels[kind]["groupAgg"], panels[kind]["groupArea"]) == ("mean", "minmax")
    cost = panels["Scatter Plot"]
    assert (cost["xAxis"], cost["yAxis"]) == ("summary:fit_seconds", "summary:test_ndcg_20_all")
    columns = [one["accessor"] for one in panels["Parallel Coordinates Plot"]["columns"]]
    assert columns == ["config:dim.value", "config:seed.value", "summary:test_ndcg_20_all"]
    first, second = (json.dumps(panel) for _, panel in panels_of(view) if panel["viewType"] == "Weave")
    assert "recommendations" in first
    assert "cleaning" in second


def test_a_report_chooses_runs_by_their_ids_and_groups_seeds(published):
    server, *_ = published
    ids = ["large-large0", "large-large1", "small-small0", "small-small1"]
    sets = [runset for runset, _ in panels_of(server.views[0])]
    for runset in sets:
        first = runset["filters"]["filters"][0]
        assert first["key"] == {"section": "run", "name": "group"}
        assert (first["op"], first["value"]) == ("IN", ids)
    by_kind = {panel["viewType"]: runset["grouping"] for runset, panel in panels_of(server.views[0])}
    experiment = [{"section": "config", "name": "run.value"}]
    assert by_kind["Bar Chart"] == by_kind["Run History Line Plot"] == experiment
    assert by_kind["Scatter Plot"] == by_kind["Run Comparer"] == []


def test_a_report_has_the_words_of_the_local_page(published):
    server, out, _ = published
    text = [block for block in server.views[0]["spec"]["blocks"] if block["type"] == "markdown-block"]
    words = "\n".join(block["content"] for block in text)
    assert "large leads with NDCG@20 0.6400" in words
    page = (out / "report.html").read_text()
    assert "leads with NDCG@20 0.6400" in page
    table = (out / "comparison.md").read_text()
    assert next(line for line in table.splitlines() if line.startswith("| large")) in words


def test_a_report_on_validation_says_which_epoch_is_drawn():
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    table = comparison(RUNS).assign(split="val")
    text = json.dumps(spec(build_report(table, RUNS, "team/shop", "Comparison")))
    assert "Validation metrics" in text
    assert "draws each run's last epoch" in text
    assert 'Test metrics"' not in text
    assert "val_ndcg_20_all" in text


def test_runs_of_one_name_and_seed_stay_apart(tmp_path):
    wr = pytest.importorskip("wandb_workspaces.reports.v2", reason="the extra 'report' is not installed")
    runs = [make_run("same", run_id="a"), make_run("same", run_id="b")]
    report = build_report(comparison(runs), runs, "team/shop", "Comparison")
    grouped = [block.runsets[0].groupby for block in report.blocks if isinstance(block, wr.PanelGrid)]
    assert ["run.group"] in grouped
    assert ["config.run"] not in grouped


def test_without_a_login_it_is_one_line_and_no_question(tmp_path):
    pytest.importorskip("wandb_workspaces", reason="the extra 'report' is not installed")
    write_run(tmp_path / "runs" / "small" / "a", 0, 8)
    given = environment(HOME=str(tmp_path), WANDB_BASE_URL="http://127.0.0.1:1")
    command = [*COMPARE, "team/shop"]
    terminal, other = pty.openpty()  # W&B asks whom it finds at a terminal
    try:
        done = subprocess.run(command, cwd=tmp_path, env=given, stdin=other, stderr=other, timeout=60)
        said = os.read(terminal, 100_000).decode().replace("\r\n", "\n")
    finally:
        os.close(terminal)
        os.close(other)
    assert done.returncode == 2
    lines = [line for line in said.splitlines() if "graphrec:" in line]
    assert [line[line.index("graphrec:") :] for line in lines] == [
        "graphrec: you are not logged in to Weights & Biases; run `wandb login`, or set WANDB_API_KEY"
    ]
    assert (tmp_path / "out" / "report.html").is_file(), "the local page is there all the same"


def test_a_comparison_without_a_report_never_imports_wandb(tmp_path):
    write_run(tmp_path / "runs" / "small" / "a", 0, 8)
    code = (
        "import sys; sys.modules['wandb'] = None; from graphrec.cli import main;"
        "main(['compare', 'runs', '--out', 'out'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


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
