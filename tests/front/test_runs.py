"""Runs of Python are runs of the command line: the same numbers, the same folder, the same mistakes."""

from __future__ import annotations

import json
import os
import random
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from front_shop import COLUMNS, purchases

import graphrec as gr
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.losses import bce
from graphrec.offers.decision import Decision
from graphrec.training import RankingTask

YAML = {
    "run": {"name": "by-yaml"},
    "trainer": {"max_epochs": 3, "devices": 1, "enable_progress_bar": False, "enable_model_summary": False},
    "data": {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {
                "class_path": "graphrec.data.sources.table",
                "init_args": {"path": "purchases.csv", "columns": COLUMNS},
            },
            "split": {"class_path": "LeaveLast"},
        },
    },
    "model": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8, "start": "normal"}}},
    },
}


@pytest.fixture(scope="session")
def by_command(shop):
    """The folder of a run of ``graphrec fit``, tested by ``graphrec test``."""
    before = os.getcwd()
    os.chdir(shop)
    try:
        Path("fit.yaml").write_text(yaml.safe_dump(YAML))
        main(["fit", "-c", "fit.yaml", "--run.id", "a", "--seed_everything", "1"])
        main(["test", "--ckpt_path", "runs/by-yaml/a/checkpoints/best.ckpt"])
    finally:
        os.chdir(before)
    return shop / "runs/by-yaml/a"


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Equal to 1e-9."""
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-9)


def test_seeds_numbers_and_lists_are_those_of_the_command_line(by_command, data, run):
    command = gr.Run.of(by_command)
    assert command.seeds == (1,)
    python = gr.fit(gr.LightGCN(dim=8, start="normal"), data, seeds=1, epochs=3, name="by-python")
    file = gr.fit("fit.yaml", seeds=1, options={"run.id": "b"})
    assert file.folders[0] == Path("runs/by-yaml/b")
    for mine in (python, file, gr.Run.of(run.folders[1])):  # the last was fitted to a frame
        same(mine.metrics("validation"), command.metrics("validation"))
        if mine is not file:
            same(mine.metrics("test"), command.metrics("test"))
        pd.testing.assert_frame_equal(mine.recommend(k=5), command.recommend(k=5))
    kept = json.loads((by_command / "test_metrics.json").read_text())
    table = command.metrics("test").set_index("metric")
    assert table.loc["ndcg_20_new", "value"] == kept["test_ndcg_20_new"]
    assert table.loc["ndcg_20_new", "low"] == kept["test_ndcg_20_new_low"]
    split = yaml.safe_load((by_command / "config.yaml").read_text())["data"]["init_args"]["split"]
    assert split["class_path"] == "graphrec.data.splits.LeaveLast"  # and not as the door calls it
    best = pd.read_csv(by_command / "metrics.csv")["val_ndcg_20"].max()
    mine = command.metrics().set_index("metric").loc["ndcg_20_new", "value"]
    assert mine == pytest.approx(best, abs=1e-7)  # Lightning logs in single precision


def test_a_yaml_can_be_fitted_to_other_data(by_command, frame_data):
    other = gr.fit("fit.yaml", frame_data, seeds=1, name="by-yaml-and-frame")
    assert other.config["data"]["init_args"]["source"]["init_args"]["path"].endswith("data/log.parquet")
    same(other.metrics(), gr.Run.of(by_command).metrics())


def test_a_task_takes_its_parts(data):
    task = gr.Model(RankingTask, encoder=gr.LightGCN(dim=4), decoder=gr.Cosine(), loss=bce, negatives=2)
    run = gr.fit(task, data, epochs=1, options={"model.init_args.learning_rate": 0.02})
    given = run.config["model"]["init_args"]
    assert run.name == "purchases-lightgcn"
    assert given["decoder"]["class_path"].endswith("Cosine")
    assert (given["loss"], given["negatives"], given["learning_rate"]) == ("graphrec.losses.bce", 2, 0.02)


def test_lists_are_those_that_recommend_writes(by_command):
    checkpoint = str(by_command / "checkpoints/best.ckpt")
    main(["recommend", "--ckpt_path", checkpoint, "-k", "4", "--out", "items.parquet"])
    written = pd.read_parquet("items.parquet")
    assert set(written["basis"]) == {"model"}
    pd.testing.assert_frame_equal(gr.Run.of(by_command).recommend(k=4), written)
    Path("items.parquet").unlink()


def test_several_seeds_give_mean_spread_and_interval(run):
    assert run.seeds == (0, 1)
    whole = run.metrics().set_index("metric")
    each = [gr.Run.of(folder).metrics().set_index("metric") for folder in run.folders]
    values = np.stack([one["value"] for one in each])
    np.testing.assert_allclose(whole["value"], values.mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(whole["spread"], values.std(axis=0, ddof=1), rtol=0, atol=1e-12)
    assert whole["spread"].max() > 0
    assert (whole["seeds"] == 2).all()
    assert (whole["low"] <= whole["value"]).all()
    assert (whole["high"] >= whole["value"]).all()
    assert each[0]["spread"].isna().all()
    again = gr.Run.of(*run.folders)
    same(again.metrics(), run.metrics())
    assert not run.recommend(k=3, seed=1).equals(run.recommend(k=3))


def test_users_come_as_ids_frames_and_files(run, tmp_path):
    ids = ["C7", "C1"]
    pd.DataFrame({"user_id": ids}).to_csv(tmp_path / "users.csv", index=False)
    lists = run.recommend(ids, k=2)
    assert lists.columns.tolist() == ["user_id", "item_id", "rank", "score", "basis"]
    assert lists["user_id"].tolist() == ["C7", "C7", "C1", "C1"]
    assert lists.attrs["checkpoint_sha256"]
    for given in (pd.Series(ids), pd.DataFrame({"user_id": ids}), tmp_path / "users.csv"):
        pd.testing.assert_frame_equal(run.recommend(given, k=2), lists)


def test_nothing_is_left_outside_the_run(tmp_path, monkeypatch, frame_data):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5), random.seed(5)
    before = torch.get_rng_state(), random.getstate()
    run = gr.fit(gr.ItemCF(), frame_data, root="here", seeds=[3, 4])
    gr.Run.of(run.folders[0]).metrics("test"), run.recommend(["C1"])
    files = {file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()}
    assert all(any(file.is_relative_to(folder) for folder in run.folders) for file in files)
    assert "PL_GLOBAL_SEED" not in os.environ
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    logs = [folder / "data/log.parquet" for folder in run.folders]
    assert logs[0].samefile(logs[1])  # one file for all seeds


@pytest.mark.parametrize("model", [gr.LightGCN(dim=-1), gr.FeatureTowers()])
def test_a_fit_that_never_began_leaves_nothing(tmp_path, monkeypatch, frame_data, model):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gr.InputError):
        gr.fit(model, frame_data)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_written_over(run, frame_data):
    name, log = run.folders[0].name, run.folders[0] / "data/log.parquet"
    kept = log.stat().st_mtime_ns
    with pytest.raises(gr.InputError, match="there is a finished run with this id"):
        gr.fit(gr.ItemCF(), frame_data, name="two-seeds", options={"run.id": name})
    assert log.stat().st_mtime_ns == kept


OWN = '''
import torch

from graphrec.models.base import ClosedForm, Embeddings, Encoder


class Reversed(ClosedForm):
    """Ranks by the reverse of the alphabet."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def fit(self, graph):
        self.graph = graph
        self.keep("scores", self.scale * torch.arange(graph.num_items, dtype=torch.float32))

    def score(self, users):
        return self.scores.repeat(len(users), 1)


class Free(Encoder):
    """Vectors of their own."""

    def __init__(self, graph, dim: int = 4) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(graph.num_nodes, dim)

    def forward(self, graph):
        return Embeddings(*torch.split(self.table.weight, [graph.num_users, graph.num_items]))
'''


def test_a_model_of_ones_own_works_like_ours(tmp_path, monkeypatch, frame_data):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/own_models_of_front.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")  # and not the current folder
    monkeypatch.chdir(tmp_path)
    import own_models_of_front as own

    made = gr.fit(own.Reversed(2.0), frame_data)
    assert made.config["model"]["init_args"]["recommender"]["init_args"] == {"scale": 2.0}
    items = frame_data.split.items.ids
    lists = made.recommend(["C1"], k=2, items="all")
    assert lists["item_id"].tolist() == [items[-1], items[-2]]
    assert lists["score"].iloc[0] == 2.0 * (len(items) - 1)
    same(gr.fit(gr.Model(own.Reversed, scale=2.0), frame_data).metrics(), made.metrics())
    trained = gr.fit(partial(own.Free, dim=3), frame_data, epochs=2)
    assert len(trained.metrics())
    assert trained.metrics("test")["seeds"].eq(1).all()
    with pytest.raises(gr.InputError, match="--trust"):  # what is read from a disk is not trusted
        gr.Run.of(trained.folders[0]).metrics()
    assert len(gr.Run.of(trained.folders[0], trust=True).metrics())


def test_runs_are_compared_on_the_same_users(run, data):
    other = gr.fit(gr.ItemCF(), data)
    found = gr.compare([run, other])
    ndcg = found[found["metric"] == "ndcg_20_new"]
    assert ndcg["value"].is_monotonic_decreasing
    assert ndcg["behind"].iloc[1] == pytest.approx(ndcg["value"].iloc[0] - ndcg["value"].iloc[1], abs=1e-9)
    assert ndcg["behind_low"].iloc[1] <= ndcg["behind"].iloc[1] <= ndcg["behind_high"].iloc[1]
    assert found[found["measure"] == "coverage"]["behind"].isna().all()
    assert set(gr.compare([other, other.folders[0]])["run"]) == {f"{other.name}/{other.folders[0].name}"}
    cut = gr.load("purchases.csv", COLUMNS, split=gr.Random())
    with pytest.raises(gr.InputError, match="another split"):
        gr.compare([other, gr.fit(gr.Popularity(), cut)])
    with pytest.raises(gr.InputError, match="differ in more than their seed"):
        gr.Run.of(run.folders[0], other.folders[0], trust=True) if run.seeds[0] else gr.Run.of(
            run.folders[1], other.folders[0]
        )


def test_offers_keep_their_budget(run):
    options = {"margin": 0.6, "depths": "any", "objective": "units", "k": 10}
    rich = gr.offers(run, "knapsack", **options)
    assert rich["spend"].sum() > 20
    for budget in (0, 3.5, 20):
        offers = gr.offers(run, policy=["none", "knapsack"], budget=budget, **options)
        spend = offers.groupby("policy")["spend"].sum()
        assert spend["none"] == 0
        assert spend["knapsack"] <= budget + 1e-9
    assert offers["rate"].between(0, 1, inclusive="left").all()
    assert offers.attrs["checkpoint_sha256"]


class Thanks:
    """A policy of one's own."""

    name = "thanks"

    def rates(self, pairs, budget):
        return Decision(np.where(pairs.seen, 0.04, 0.0))


def test_a_policy_of_ones_own_is_an_object(run):
    offers = gr.offers(run, [Thanks(), "none"], depths="any", k=10, items="all")
    given_offers = offers[offers["rate"] > 0]
    assert set(offers["policy"]) == {"thanks", "none"}
    assert set(given_offers["policy"]) == {"thanks"}
    assert set(given_offers["rate"]) == {0.04}


def test_offers_are_those_of_the_command_line(run):
    checkpoint = str(run.checkpoint())
    words = ["--policy", "knapsack", "--budget", "9", "--margin", "0.6", "--depths", "any"]
    main(["offers", "--ckpt_path", checkpoint, *words, "--out", "offers.parquet"])
    written = pd.read_parquet("offers.parquet")
    Path("offers.parquet").unlink()
    found = gr.offers(run, "knapsack", 9, margin=0.6, depths="any")
    pd.testing.assert_frame_equal(found, written)


def test_an_offer_is_said_in_sentences_and_a_scenario_is_a_file(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("name: 夏\nlevels: [0, 0.2]\n", encoding="utf-8")
    found = gr.offers(run, "knapsack", scenario="mine.yaml", objective="units", sentences=True, depths="any")
    assert list(found)[-3:] == ["gain", "for_manager", "for_shopper"]
    assert (found["scenario"] == "夏").all()
    assert set(found["rate"]) <= {0, 0.2}
    assert found.loc[found["rate"] > 0, "for_shopper"].str.contains("20 % off").all()
    assert "for_manager" not in gr.offers(run, "knapsack", sentences=False)


def test_stock_and_past_offers_come_as_frames(run):
    options = {"margin": 0.6, "depths": "any", "objective": "units", "users": ["C1", "C2"]}
    stock = pd.DataFrame({"item_id": sorted(purchases()["sku"].unique()), "stock": 10_000})
    first = gr.offers(run, "knapsack", stock=stock, week=40, **options)
    assert set(first["user_id"]) == {"C1", "C2"}
    later = gr.offers(run, "knapsack", exposure=first, cool_down_weeks=4, week=42, **options)
    given = first[first["rate"] > 0].set_index(["user_id", "item_id"]).index
    assert len(given)
    cooled = later.set_index(["user_id", "item_id"]).loc[given]
    assert (cooled["rate"] == 0).all()
    assert cooled["reason_code"].eq("cool_down").all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda run, data: gr.fit(3, data), "a int is no model"),
        (lambda run, data: gr.fit(gr.ItemCF()), "there is no data to fit to"),
        (lambda run, data: gr.fit(gr.ItemCF(), purchases()), "a DataFrame is no data"),
        (lambda run, data: gr.fit(gr.ItemCF(), data, epochs=3), "ItemCF is fitted at once"),
        (lambda run, data: gr.fit(gr.LightGCN(), data, seeds="one"), "'o' is no seed"),
        (lambda run, data: gr.fit(gr.LightGCN(), data, seeds=[1, 1]), "a seed is there twice"),
        (lambda run, data: gr.fit(gr.LightGCN(), data, seeds=True), "True is no seed"),
        (lambda run, data: gr.fit(gr.LightGCN(), data, epochs="two"), "'two' is no whole number"),
        (lambda run, data: gr.fit(gr.LightGCN(), data, options={"trainer.max_epoch": 3}), "did you mean"),
        (
            lambda run, data: gr.fit(gr.LightGCN(), data, options={"run.monitor": "val_x"}),
            "no metric is called",
        ),
        (lambda run, data: gr.fit("no.yaml"), "no.yaml, option --config: there is no such file"),
        (lambda run, data: gr.LightGCN(dimm=3), "did you mean 'dim'"),
        (lambda run, data: gr.LightGCN(dim=None), "null is not a whole number"),
        (lambda run, data: gr.LightGCN(dim="wide"), "'wide' is not a whole number"),
        (lambda run, data: gr.LeaveLast(num_vals=3), "did you mean 'num_val'"),
        (lambda run, data: gr.LeaveLast(num_val=-3), "-3 is too small"),
        (lambda run, data: gr.Temporal(column=[]), "is not text"),
        (lambda run, data: gr.LightGCN(1, 2, 3, 4, 5, 6, 7), "too many positional arguments"),
        (lambda run, data: gr.Model(dict), "is no class of a model"),
        (lambda run, data: run.recommend(7), "7 is no list of users"),
        (lambda run, data: run.recommend([]), "the list is empty"),
        (lambda run, data: run.recommend(k=0), "0 is too small"),
        (lambda run, data: run.recommend(k=2.5), "2.5 is no whole number"),
        (lambda run, data: run.recommend(items="old"), "'old' is no set of items"),
        (lambda run, data: run.recommend(seed=9), "9 is no seed of this run"),
        (lambda run, data: run.metrics("train"), "'train' is no part"),
        (lambda run, data: gr.compare(run), "a Run is no list of runs"),
        (lambda run, data: gr.compare([]), "there is no run"),
        (lambda run, data: gr.Run.of("nowhere"), "there is no such folder"),
        (lambda run, data: gr.Run.of(3), "3 is no folder"),
        (lambda run, data: gr.offers(run, budget="much"), "invalid float value: 'much'"),
        (lambda run, data: gr.offers(run, budget=-1), "-1.0 is not a number of 0 or more"),
        (lambda run, data: gr.offers(run, polcy="none"), "unrecognized arguments: --polcy"),
        (lambda run, data: gr.offers(run, "gift"), "there is no policy 'gift'"),
        (lambda run, data: gr.offers(run, 3), "a int is no policy"),
        (lambda run, data: gr.offers(run, ["none", "none"]), "none is named twice"),
        (lambda run, data: gr.offers(run, out="x.csv"), "this is no option here"),
        (lambda run, data: gr.offers(run, stock=3), "a int is no table"),
    ],
)
def test_mistakes_are_told_at_once_in_one_line(run, data, given, said):
    with pytest.raises(gr.InputError, match=said) as refusal:
        given(run, data)
    assert "\n" not in str(refusal.value)
    assert "/tmp" not in str(refusal.value)


def test_output_belongs_to_the_caller(data, capsys):
    run = gr.fit(gr.Popularity(), data)
    run.metrics("test"), run.recommend(["C1"])
    assert capsys.readouterr().out == ""
    assert repr(run).startswith("Run('purchases-popularity', seeds=[0]")


def test_a_model_can_be_named_as_on_the_command_line(data):
    named, own = gr.fit("item_cf", data, name="by-name"), gr.fit(gr.ItemCF(), data, name="by-class")
    same(named.metrics(), own.metrics())
    assert gr.fit("popularity", data).name == "purchases-popularity"
    with pytest.raises(InputError, match=r"no model is called 'itemcf'.*did you mean 'item_cf'"):
        gr.fit("itemcf", data)
