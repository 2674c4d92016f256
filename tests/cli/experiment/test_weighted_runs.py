"""A shop with events and ratings by YAML alone: fit, test, refit, recommend and offers on weighted edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from event_shop import COLUMNS, closed, event_config, event_log, trained
from pages import ROOT, blocks

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import console, main

MODELS = {
    "item_cf": closed("ItemCF", neighbours=10, shrinkage=1.0),
    "ials": closed("IALS", dim=4, epochs=3),
    "lightgcn": trained("LightGCN", dim=8),
}
BEST = Path("runs/events/a/checkpoints/best.ckpt")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    event_log().to_csv("log.csv", index=False)


def fit(model: str, *more: str) -> None:
    Path("mine.yaml").write_text(yaml.safe_dump(event_config(MODELS[model])), encoding="utf-8")
    main(["fit", "-c", "mine.yaml", *more])


def refused(*args: str, capfd) -> str:
    capfd.readouterr()
    with pytest.raises(SystemExit) as stop:
        console(list(args))
    assert stop.value.code == 2
    return capfd.readouterr().err.splitlines()[-1]


def pairs(log: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(log["customer"], log["sku"], strict=True))


def recommend_to_history(columns: list[str]) -> None:
    to = ["--ckpt_path", str(BEST), "--out", "new.csv"]
    main(["recommend", *to, "--history", "history.csv", "--columns", *columns])


@pytest.mark.parametrize("model", MODELS)
def test_what_was_bought_is_not_recommended_as_new_and_what_was_viewed_may_be(model):
    fit(model)
    main(["recommend", "--ckpt_path", str(BEST), "--out", "items.csv", "-k", "20"])
    listed = pd.read_csv("items.csv", dtype=str).rename(columns={"user_id": "customer", "item_id": "sku"})
    log = event_log()
    train = log[(log["week"] <= 14) & (log["what"] != "return")]
    bought = pairs(train[train["what"] == "purchase"])
    assert len(listed) == train["customer"].nunique() * train["sku"].nunique() - len(bought)
    assert not pairs(listed) & bought
    assert pairs(listed) & pairs(train)


def test_the_graph_of_a_checkpoint_has_the_weights_of_the_rows():
    fit("item_cf")
    task, data = load_run(BEST)
    log = event_log()
    train = log[(log["week"] <= 14) & (log["what"] != "return")]
    weight = train["what"].map({"view": 0.2, "cart": 0.5, "purchase": 1.0}) * train["stars"] / 5
    weight *= 0.5 ** ((14 - train["week"]) / 6)
    expected = weight.groupby([train["customer"], train["sku"]]).sum()
    graph = task.recommender.graph
    ids = zip(data.split.users.ids[graph.edge_user], data.split.items.ids[graph.edge_item], strict=True)
    np.testing.assert_allclose(graph.edge_weight, [expected[pair] for pair in ids], rtol=1e-5)


def test_a_test_a_refit_and_offers_go_by_the_same_weights(capfd):
    fit("lightgcn")
    main(["refit", "runs/events/a"])
    main(["test", "--ckpt_path", "runs/events/a/refit/checkpoints/last.ckpt"])
    said = capfd.readouterr().err
    weighed = [
        line for line in said.splitlines() if line.startswith("graphrec: weights Event × Rating × Recency")
    ]
    assert len(set(weighed)) == 2  # of training, and of training and validation
    assert "not used: " in said
    assert "rows of other events" in said
    refit, _ = load_run(Path("runs/events/a/refit/checkpoints/last.ckpt"))
    first, _ = load_run(BEST)
    assert refit.recommender.graph.num_edges > first.recommender.graph.num_edges
    main(["offers", "--ckpt_path", str(BEST), "--out", "offers.csv", "--policy", "uniform"])
    assert len(pd.read_csv("offers.csv")) > 0


def test_a_history_is_weighed_as_training_was():
    """Who did what a user of training did gets that user's list; scores are in another unit of age."""
    fit("item_cf")
    log = event_log()
    train = log[log["week"] <= 14]
    twin = train["customer"].value_counts().index[0]
    train[train["customer"] == twin].assign(customer="new").to_csv("history.csv", index=False)
    main(["recommend", "--ckpt_path", str(BEST), "--out", "theirs.csv", "--users", twin])
    recommend_to_history([f"{ours}={theirs}" for ours, theirs in COLUMNS.items()])
    theirs, new = pd.read_csv("theirs.csv"), pd.read_csv("new.csv")
    assert set(new["basis"]) == {"history"}
    assert new["item_id"].tolist() == theirs["item_id"].tolist()
    ratio = new["score"] / theirs["score"]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_a_history_without_a_column_of_the_weights_is_told(capfd):
    fit("item_cf")
    event_log().assign(customer="new")[["customer", "sku", "week"]].head(9).to_csv("history.csv", index=False)
    recommend_to_history(["user_id=customer", "item_id=sku"])
    said = capfd.readouterr().err
    assert said.count("history.csv has no column for Event, Rating in the weights of the model") == 1
    assert set(pd.read_csv("new.csv")["basis"]) == {"history"}


def test_reversed_ratings_change_the_lists_and_are_not_the_data_of_the_checkpoint(capfd):
    fit("item_cf")
    main(["recommend", "--ckpt_path", str(BEST), "--out", "first.csv"])
    event_log().assign(stars=lambda log: 6 - log["stars"]).to_csv("log.csv", index=False)
    said = refused("recommend", "--ckpt_path", str(BEST), "--out", "second.csv", capfd=capfd)
    assert "the data is not what this checkpoint was trained on (the weights of its edges differ)" in said
    fit("item_cf", "--run.id", "b")
    main(["recommend", "--ckpt_path", str(BEST).replace("/a/", "/b/"), "--out", "second.csv"])
    assert Path("first.csv").read_text() != Path("second.csv").read_text()


def test_other_weights_than_those_of_the_checkpoint_are_refused_by_key(capfd):
    fit("item_cf")
    said = refused("test", "--ckpt_path", str(BEST), "--data.init_args.weights.per_edge", "max", capfd=capfd)
    assert "key 'data.init_args.weights.per_edge': 'max' here, 'sum' in the checkpoint" in said


def test_a_model_that_reads_no_weights_is_refused_before_there_is_a_run(capfd):
    Path("mine.yaml").write_text(yaml.safe_dump(event_config(closed("LinkProp"))))
    said = refused("fit", "-c", "mine.yaml", capfd=capfd)
    assert "LinkProp reads no weights of edges; " in said
    assert "ItemCF" in said
    assert not Path("runs").exists()


def test_an_event_without_a_weight_is_told_with_its_row(capfd):
    config = event_config(MODELS["item_cf"])
    config["data"]["init_args"]["weights"] = {
        "rows": [
            {"class_path": "Event", "init_args": {"weights": {"purchase": 1.0, "view": 0.1, "return": 0.0}}}
        ]
    }
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    row = int((event_log()["what"] == "cart").idxmax()) + 2
    said = refused("fit", "-c", "mine.yaml", capfd=capfd)
    assert f"log.csv, row {row}, column 'event': the event 'cart' has no weight" in said


def test_the_yaml_of_the_guide_runs_as_it_is_pasted():
    page = ROOT / "docs" / "how-to" / "table.md"
    pasted = next(one.text for one in blocks(page) if one.kind == "fence" and "weights:" in one.text)
    model = yaml.safe_dump({"model": MODELS["item_cf"], "run": {"name": "events", "id": "a"}})
    Path("mine.yaml").write_text(f"{pasted}\n{model}", encoding="utf-8")
    log = event_log().rename(columns={"what": "action"})
    log["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * log.pop("week"), unit="D")
    log.to_csv("log.csv", index=False)
    main(["fit", "-c", "mine.yaml"])
    assert load_run(BEST)[0].recommender.graph.edge_weight is not None


def test_without_weights_a_log_of_events_is_what_it_was(capfd):
    """The same scores as of the log without the column, and a line that says what the events count as."""
    config = event_config(MODELS["item_cf"])
    del config["data"]["init_args"]["weights"]
    graphs = []
    for columns in (COLUMNS, {**COLUMNS, "event": None, "rating": None}):
        config["data"]["init_args"]["source"]["init_args"]["columns"] = columns
        config["run"]["id"] = str(len(graphs))
        Path("mine.yaml").write_text(yaml.safe_dump(config))
        main(["fit", "-c", "mine.yaml"])
        graphs.append(load_run(Path(f"runs/events/{len(graphs)}/checkpoints/best.ckpt"))[0].recommender)
    everybody = torch.arange(graphs[0].graph.num_users)
    assert torch.equal(graphs[0].score(everybody), graphs[1].score(everybody))
    said = capfd.readouterr().err
    assert (
        "column 'event': every row counts as a purchase, whatever its event (cart, purchase, return, view)"
        in said
    )
