"""Ablations and fusions of Python are those of the command line; settings reach the model."""

from __future__ import annotations

import pandas as pd
import pytest

import graphrec as gr
from graphrec.cli.main import main
from graphrec.front import bars
from graphrec.losses import catalogue_squares

SQUARES = {"loss": catalogue_squares, "sampling": "none"}


@pytest.fixture(scope="module")
def found(shop, frame_data):
    """Two depths and two losses with two seeds, and a batch size that is not the default."""
    before = pytest.MonkeyPatch()
    before.chdir(shop)
    grid = {"num_layers": [0, 1], "batch_size": [64], "loss": {"usual": {}, "squares": SQUARES}}
    options = {"model.init_args.learning_rate": 0.05}
    frame = gr.trials(
        gr.LightGCN(dim=8, start="normal"), frame_data, grid, seeds=range(2), epochs=2, options=options
    )
    before.undo()
    return frame


def test_a_row_stands_for_each_setting_seed_and_metric(found):
    columns = ["num_layers", "batch_size", "loss", "seed", "metric"]
    assert found.columns.tolist()[:5] == columns
    assert not found.duplicated(columns).any()
    assert len(found.drop_duplicates(columns[:4])) == len(found["folder"].unique()) == 8
    values = found.query("metric == 'ndcg_20_new'")["value"]
    assert values.between(0, 1, inclusive="neither").all()


def test_settings_reach_task_model_and_data(found):
    for folder, rows in found.groupby("folder"):
        row, config = rows.iloc[0], gr.Run.of(folder).config
        model = config["model"]["init_args"]
        assert model["encoder"]["init_args"]["num_layers"] == row["num_layers"]
        assert config["data"]["init_args"]["batch_size"] == row["batch_size"]
        assert str(model["loss"]).endswith("catalogue_squares" if row["loss"] == "squares" else "None")
        assert model["learning_rate"] == 0.05
        assert config["seed_everything"] == row["seed"]
    # what differs in a setting differs in what was learned
    assert found.query("metric == 'ndcg_20_new'")["value"].nunique() == 8


def test_a_trial_is_the_run_of_fit_and_measures_as_it_does(found, shop, frame_data):
    trial = found.query("num_layers == 1 and batch_size == 64 and loss == 'usual' and seed == 1")
    opened = gr.Run.of(trial["folder"].iloc[0])
    pd.testing.assert_series_equal(
        opened.metrics()["value"], trial["value"].reset_index(drop=True), atol=1e-9, rtol=0
    )
    options = {"model.init_args.learning_rate": 0.05, "data.init_args.batch_size": 64}
    run = gr.fit(
        gr.LightGCN(dim=8, num_layers=1, start="normal"), frame_data, seeds=1, epochs=2, options=options
    )
    assert run.metrics()["value"].tolist() == pytest.approx(trial["value"].tolist(), abs=1e-9)
    assert trial["epoch"].isin([1, 2]).all()
    assert (trial["seconds"] > 0).all()


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"num_layer": [1]}, "did you mean 'num_layers'"),
        ({"num_layers": 3}, "3 is no list of values"),
        ({"num_layers": []}, "this setting has no value"),
        ({"loss": {"bpr": 3}}, "'grid.loss.bpr': 3 is no mapping"),
        ([1], "a list is no mapping"),
        ({"run.id": ["a"]}, "several fits cannot have one id"),
    ],
)
def test_mistakes_in_a_grid_are_told_at_once(data, grid, said):
    with pytest.raises(gr.InputError, match=said):
        gr.trials(gr.LightGCN(dim=8), data, grid)


def test_a_yaml_takes_dotted_names(shop, data):
    (shop / "own.yaml").write_text("model: {class_path: RankingTask, init_args: {encoder: LightGCN}}\n")
    key = "model.init_args.encoder.init_args.dim"
    found = gr.trials("own.yaml", data, {key: [4, 8]}, epochs=1)
    tasks = [gr.Run.of(folder).loaded()[0] for folder in found["folder"].unique()]
    assert [next(task.recommender.encoder.parameters()).shape[1] for task in tasks] == [4, 8]
    with pytest.raises(gr.InputError, match="dotted name"):
        gr.trials("own.yaml", data, {"dim": [4]})


def test_lines_are_told_once_and_nothing_on_standard_output(frame_data, capsys):
    gr.trials(gr.TopFrequency(), frame_data, {"decay_weeks": [2.0, 20.0]})
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("rows in") == 0, "load has told them"
    assert said.err.count("run: ") == 2


def test_a_fusion_is_that_of_the_command(shop, data, monkeypatch):
    monkeypatch.chdir(shop)
    members = [gr.fit(gr.TopFrequency(), data), gr.fit(gr.ItemCF(), data)]
    fused = gr.fuse(members, items="all", name="by-python")
    assert fused.name == "by-python"
    folders = [str(run.folders[0]) for run in members]
    tested = main(["fuse", *folders, "--name", "by-command", "--items", "all"])
    other = gr.Run.of(tested.parent.parent)
    weights = fused.config["model"]["init_args"]["weights"]
    assert weights == other.config["model"]["init_args"]["weights"]
    assert sum(weights) == pytest.approx(1)
    pd.testing.assert_frame_equal(fused.metrics(), other.metrics())
    assert set(gr.compare([*members, fused])["run"]) == {*(run.name for run in members), "by-python"}


def test_what_cannot_be_fused_is_told(run):
    with pytest.raises(gr.InputError, match="1 run is nothing to fuse"):
        gr.fuse([run])
    with pytest.raises(gr.InputError, match="a Run is no list of runs"):
        gr.fuse(run)
    with pytest.raises(gr.InputError, match="1 is no truth value"):
        gr.fuse([run, run], gate=1)


def test_a_bar_is_drawn_for_a_reader_only(capsys, monkeypatch):
    with bars.bar(3, "Trials") as advance:
        advance()
    assert capsys.readouterr().err == "", "standard error is a file here"
    monkeypatch.setattr(bars, "in_notebook", lambda: True)
    with bars.bar(3, "Trials") as advance:
        advance()
    assert "Trials:" in capsys.readouterr().err
    with bars.bar(1, "Trials"):
        pass
    assert capsys.readouterr().err == "", "one thing needs no bar"


def test_the_response_of_a_filter_is_an_argument_like_any_other(data):
    run = gr.fit(gr.Spectral(response=gr.PowerLaw(exponent=0.7), rank=8), data)
    (inside,) = run.config["model"]["init_args"].values()
    assert inside["init_args"]["response"]["init_args"]["exponent"] == 0.7
    assert run.loaded()[0].recommender.response.exponent == 0.7
    with pytest.raises(gr.InputError, match="PowerLaw alone is no model"):
        gr.fit(gr.PowerLaw(), data)
