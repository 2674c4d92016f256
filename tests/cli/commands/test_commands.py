"""The commands one after the other on a small shop: what each writes, and that it is right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main
from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError

CONFIG = {
    "run": {"name": "shop-lightgcn", "root": "runs", "id": "a"},
    "seed_everything": 1,
    "trainer": {"max_epochs": 3, "enable_progress_bar": False, "enable_model_summary": False},
    "data": {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {
                "class_path": "graphrec.data.sources.synthetic",
                "init_args": {"num_users": 120, "num_items": 60},
            },
            "split": {
                "class_path": "Temporal",
                "init_args": {"train_end": 14, "val_end": 17, "test_end": 20},
            },
            "item_sets": ["all", "repeat", "new"],
            "batch_size": 256,
        },
    },
    "model": {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8}}, "learning_rate": 0.01},
    },
}
OFFERS = [
    "user_id",
    "item_id",
    "score",
    "probability",
    "rate",
    "probability_at_rate",
    "price",
    "expected_units",
    "expected_revenue",
    "expected_profit",
    "gain_low",
    "gain_high",
    "spend",
    "promotion",
    "threshold",
    "amount",
    "scenario",
    "policy",
    "propensity",
    "reason",
    "reason_code",
    "disclosure",
    "product_set",
    "median_basket",
    "week",
    "horizon",
]


def history(column: str) -> pd.Series:
    """Pairs of the log in a column of weeks: all that was bought up to week 14."""
    log = synthetic(num_users=120, num_items=60).log
    return log[log["week"] <= 14][column]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A folder in which every command ran once."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "offline")
        Path("exp.yaml").write_text(yaml.safe_dump(CONFIG))
        Path("users.csv").write_text("user_id\nuser_00003\nuser_00001\n")
        best = "runs/shop-lightgcn/a/checkpoints/best.ckpt"
        main(["fit", "-c", "exp.yaml"])
        main(["test", "-c", "exp.yaml"])
        Path("runs/shop-lightgcn/a/test_metrics.json").rename("first_test.json")
        main(["recommend", "--ckpt", best, "-k", "7", "--out", "items.parquet"])
        main(
            ["recommend", "--ckpt", best, "--users", "users.csv", "--items", "repeat", "--out", "few.parquet"]
        )
        main(["offers", "--ckpt", best, "--policy", "none", "linear_rate", "--out", "offers.parquet"])
        main(["offers", "--ckpt", best, "--budget", "5", "--out", "budget.parquet"])
        main(["predict", "-c", "exp.yaml"])
        main(["refit", "runs/shop-lightgcn/a"])
        main(["test", "-c", "exp.yaml"])
        main(["fit", "-c", "runs/shop-lightgcn/a/config.yaml", "--run.id", "b"])
        main(["compare", "runs", "--offers", "offers.parquet", "--out", "comparison"])
    return folder


@pytest.fixture
def here(shop, monkeypatch) -> Path:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return shop / "runs" / "shop-lightgcn" / "a"


def test_a_fit_leaves_the_promised_files(here):
    assert {"config.yaml", "checkpoints", "metrics.csv", "wandb"} <= {path.name for path in here.iterdir()}
    assert {"best.ckpt", "last.ckpt"} == {path.name for path in (here / "checkpoints").iterdir()}
    assert list(here.glob("wandb/offline-run-*/run-*.wandb"))
    metrics = pd.read_csv(here / "metrics.csv")
    assert metrics["val_ndcg_20"].notna().sum() == 3
    assert metrics["train_loss"].dropna().is_monotonic_decreasing


def test_a_test_writes_every_measure_with_its_interval(here):
    measured = json.loads(Path("first_test.json").read_text())
    for items in ("all", "repeat", "new"):
        for measure in ("precision", "recall", "ndcg", "hit_ratio", "mrr", "coverage"):
            for k in (10, 20):
                name = f"test_{measure}_{k}_{items}"
                assert 0 <= measured[f"{name}_low"] <= measured[name] <= measured[f"{name}_high"] <= 1
    assert measured["test_ndcg_20"] == measured["test_ndcg_20_all"]
    assert len(measured["split_sha256"]) == 64


def test_a_refit_lives_inside_its_run_and_is_what_a_test_takes(here):
    refit = json.loads((here / "refit" / "test_metrics.json").read_text())
    first = json.loads(Path("first_test.json").read_text())
    assert (here / "refit" / "checkpoints" / "last.ckpt").is_file()
    assert not (here / "test_metrics.json").exists()
    assert refit["test_ndcg_20"] != first["test_ndcg_20"]
    assert yaml.safe_load((here / "refit" / "config.yaml").read_text())["trainer"]["max_epochs"] in (1, 2, 3)


def test_recommendations_are_ranked_complete_and_new(shop):
    frame = pd.read_parquet(shop / "items.parquet")
    assert list(frame.columns) == ["user_id", "item_id", "rank", "score", "basis"]
    bought = set(zip(history("user_id"), history("item_id"), strict=True))
    assert not bought & set(zip(frame["user_id"], frame["item_id"], strict=True))
    assert set(frame["user_id"]) == set(history("user_id"))
    for _, own in frame.groupby("user_id"):
        assert own["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert own["score"].is_monotonic_decreasing
        assert own["item_id"].is_unique
    block = frame[["user_id", "item_id"]].map(lambda name: int(name[-5:]) % 4)
    assert (block["user_id"] == block["item_id"]).mean() > 0.5, "a quarter would be chance"


def test_users_of_a_file_get_items_they_know(shop):
    frame = pd.read_parquet(shop / "few.parquet")
    bought = set(zip(history("user_id"), history("item_id"), strict=True))
    assert frame["user_id"].drop_duplicates().tolist() == ["user_00003", "user_00001"]
    assert set(zip(frame["user_id"], frame["item_id"], strict=True)) <= bought


def test_predict_writes_the_same_ranking_as_recommend(here, shop):
    predicted = pd.read_parquet(here / "recommendations.parquet").query("rank <= 7")
    recommended = pd.read_parquet(shop / "items.parquet")
    keys = ["user_id", "rank"]
    both = predicted.merge(recommended, on=keys, suffixes=("", "_recommended"), validate="1:1")
    assert len(both) == len(recommended)
    assert (both["item_id"] == both["item_id_recommended"]).all()
    np.testing.assert_allclose(both["score"], both["score_recommended"], rtol=1e-5)


def test_offers_have_their_columns_and_keep_to_the_budget(shop):
    offers = pd.read_parquet(shop / "offers.parquet")
    assert list(offers.columns) == OFFERS
    assert set(offers["policy"]) == {"none", "linear_rate"}
    assert (offers.loc[offers["policy"] == "none", "rate"] == 0).all()
    assert offers["rate"].between(0, 1, inclusive="left").all()
    assert offers["probability"].between(0, 1).all()
    assert pd.read_parquet(shop / "budget.parquet")["spend"].sum() <= 5 + 1e-6


def test_a_comparison_has_every_measure_of_every_item_set(shop):
    table = pd.read_csv(shop / "comparison" / "comparison.csv")
    assert {"run", "model", "dataset", "split", "metric", "value", "low", "high", "seeds"} <= set(
        table.columns
    )
    asked = {
        (measure, k, items)
        for measure in ("precision", "recall", "ndcg", "hit_ratio", "mrr", "coverage")
        for k in (10, 20)
        for items in ("all", "repeat", "new")
    }
    assert asked <= set(table[["measure", "k", "items"]].itertuples(index=False, name=None))
    known = table[table["measure"] != "novelty"]
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()
    assert set(table["run"]) == {"shop-lightgcn"}
    assert set(table["seeds"]) == {1}, "the second run is not tested and is left out"
    assert (shop / "comparison" / "comparison.md").is_file()
    assert "<svg" in (shop / "comparison" / "report.html").read_text()


def test_a_saved_configuration_repeats_the_fit_exactly(here):
    ours, again = (pd.read_csv(folder / "metrics.csv") for folder in (here, here.parent / "b"))
    pd.testing.assert_frame_equal(ours.filter(regex="val_|loss|epoch"), again.filter(regex="val_|loss|epoch"))


def refused(*args: str) -> str:
    """What a command that must fail says; no file may come into being."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(InputError) as error:
        main(list(args))
    assert sorted(Path().rglob("*")) == before
    return str(error.value)


def test_what_recommend_and_offers_refuse(here):
    best = str(here / "checkpoints" / "best.ckpt")
    Path("unknown.csv").write_text("user_id\nuser_00003\nnobody\n")
    said = refused("offers", "--ckpt", best, "--users", "unknown.csv", "--out", "x.parquet")
    assert said.startswith("unknown.csv, row 3, column 'user_id': 'nobody' was not in training; remove")
    said = refused("recommend", "--ckpt", best, "--out", "runs")
    assert said.startswith("runs, option --out: this is a folder; give the name of a file")
    assert "option --out: this is a folder" in refused("offers", "--ckpt", best, "--out", "runs")
    refit = str(here / "refit" / "checkpoints" / "last.ckpt")
    assert main(["offers", "--ckpt", refit, "--out", "x.parquet"]).is_file(), "it keeps a calibration"
    Path("x.parquet").unlink()


def test_a_checkpoint_of_other_data_or_another_model_is_refused(here):
    best = str(here / "checkpoints" / "best.ckpt")
    source = "--data.init_args.source.init_args.num_users"
    said = refused("test", "-c", "exp.yaml", "--ckpt_path", best, source, "121")
    assert "source.init_args.num_users': 121 here, 120 in the checkpoint" in said
    said = refused(
        "test", "-c", "exp.yaml", "--ckpt_path", best, "--model.init_args.encoder.init_args.dim", "4"
    )
    assert "key 'model.init_args.encoder.init_args.dim': 4 here, 8 in the checkpoint" in said


def test_offers_need_prices(here, tmp_path):
    log = synthetic(num_users=60, num_items=30).log[["user_id", "item_id", "week"]]
    log.to_csv(tmp_path / "log.csv", index=False)
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": str(tmp_path / "log.csv")}}
    data = {**CONFIG["data"], "init_args": {**CONFIG["data"]["init_args"], "source": source}}
    run = {"name": "bare", "root": str(tmp_path), "id": "a"}
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump({**CONFIG, "data": data, "run": run}))
    main(["fit", "-c", str(tmp_path / "exp.yaml"), "--trainer.max_epochs", "1"])
    said = refused("offers", "--ckpt", str(tmp_path / "bare/a/checkpoints/best.ckpt"), "--out", "x.parquet")
    assert "price" in said
