from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import yaml
from scipy.special import logit
from wandb_files import wandb_runs_of

from graphrec.cli.experiment.loading import load_response
from graphrec.cli.main import main
from graphrec.cli.offers.curves.response import Foretelling, candidate_features, features_in, learned_response
from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.models import IdealLowPass, Spectral
from graphrec.response.curves import SplineResponse
from graphrec.response.data import ResponseData
from graphrec.response.splines import response_shapes
from graphrec.response.task import ResponseTask
from graphrec.response.visits import VisitOptions

SYNTHETIC = {"num_users": 150, "num_items": 40, "num_blocks": 4, "density": 2.0, "response": 2.5, "seed": 1}
VISITS = {"history_end": 10, "last_week": 20, "min_bought_weeks": 1, "min_sold_weeks": 10}
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}
SHIPPED = Path(__file__).parents[2] / "experiments" / "complete_journey" / "response.yaml"
CONFIG = {
    "run": {"name": "shop-response", "monitor": "val_likelihood"},
    "trainer": {"max_epochs": 3, **QUIET},
    "data": {
        "class_path": "ResponseData",
        "init_args": {
            "source": {"class_path": "graphrec.data.sources.synthetic", "init_args": SYNTHETIC},
            "visits": VISITS,
            "train_end": 15,
            "val_end": 17,
            "groups": ["item_id", "department"],
            "link": {
                "class_path": "Spectral",
                "init_args": {"response": {"class_path": "IdealLowPass"}, "rank": 4},
            },
            "batch_size": 256,
        },
    },
    "model": {
        "class_path": "ResponseTask",
        "init_args": {"hidden": [16], "slope_hidden": [], "learning_rate": 0.02},
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A fit and a test through the command line."""
    folder = tmp_path_factory.mktemp("response")
    config = folder / "response.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    options = ["-c", str(config), "--run.root", str(folder / "runs"), "--run.id", "one"]
    main(["fit", *options])
    out = folder / "runs" / "shop-response" / "one"
    main(["test", *options, "--ckpt_path", str(out / "checkpoints" / "best.ckpt")])
    return out


def data(**options) -> ResponseData:
    link = Spectral(IdealLowPass(), rank=4)
    given = {"train_end": 15, "val_end": 17, "groups": ["item_id", "department"], "link": link, **options}
    return ResponseData(synthetic(**SYNTHETIC), VisitOptions(**VISITS), **given)


def test_parts_follow_the_weeks(run):
    split = data().split
    weeks = [set(split.panel.rows["week"].iloc[part]) for part in (split.train, split.val, split.test)]
    assert weeks == [set(range(11, 16)), {16, 17}, {18, 19, 20}]


def test_a_test_writes_its_measures_rows_and_lifts(run):
    metrics = json.loads((run / "test_metrics.json").read_text())
    rows, lifts = pd.read_parquet(run / "test_rows.parquet"), pd.read_parquet(run / "test_lifts.parquet")
    assert metrics["monotonicity_violations"] == 0
    loss = -np.log(np.where(rows["bought"], rows["probability"], 1 - rows["probability"])).mean()
    assert metrics["test_logloss"] == pytest.approx(loss)
    assert rows["week"].min() == 18
    assert len(lifts) == 24
    share = rows["bought"].mean()
    constant = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert metrics["test_logloss"] < constant
    assert metrics["test_auc"] > 0.55


def test_a_test_shows_calibration_curve_and_lifts_in_wandb(run):
    (shown,) = (found for job, found in wandb_runs_of(run).items() if job == "test")
    rows, bins = pd.read_parquet(run / "test_rows.parquet"), shown.table("calibration")
    assert bins["rows"].sum() == len(rows)
    assert bins["predicted"] @ bins["rows"] == pytest.approx(rows["probability"].sum())
    assert bins["observed"] @ bins["rows"] == pytest.approx(rows["bought"].sum())
    error = ((bins["predicted"] - bins["observed"]).abs() @ bins["rows"]) / len(rows)
    assert json.loads((run / "test_metrics.json").read_text())["test_ece"] == pytest.approx(error)
    curve = shown.table("response_curve").set_index("rate")["probability"]
    task, module = load_response(run / "checkpoints" / "best.ckpt")
    panel, test = module.panel, module.split.test
    base, weights = task.curves(torch.from_numpy(panel.features[test]), torch.from_numpy(panel.groups[test]))
    for rate in (0.0, 0.3):
        every = [1 / (1 + np.exp(-(b + w @ response_shapes(torch.tensor(rate)).numpy())))
                 for b, w in zip(base, weights, strict=True)]  # fmt: skip
        assert curve[rate] == pytest.approx(np.mean(every), rel=1e-4)
    lifts = pd.read_parquet(run / "test_lifts.parquet")
    assert shown.table("lifts")["observed"].tolist() == pytest.approx(lifts["observed"].tolist(), nan_ok=True)
    drawn = shown.table("calibration_chart_table")
    assert sorted(drawn["lineKey"].unique()) == ["observed", "predicted"]
    drawn = shown.table("response_curve_chart_table")
    assert drawn["lineVal"].tolist() == curve.tolist()


def test_the_checkpoint_gives_back_the_tested_curves(run):
    task, module = load_response(run / "checkpoints" / "best.ckpt")
    panel, test = module.panel, module.split.test
    base, weights = task.curves(torch.from_numpy(panel.features[test]), torch.from_numpy(panel.groups[test]))
    rows = pd.read_parquet(run / "test_rows.parquet")
    assert base == pytest.approx(rows["base_logit"].to_numpy(), abs=1e-5)
    assert (weights >= 0).all()


def test_candidates_get_the_curves_of_their_rows(run):
    """A candidate in a week has the features that the panel has for the same pair and week."""
    rows = pd.read_parquet(run / "test_rows.parquet")
    first = rows[rows["week"] == 18].sample(frac=1, random_state=0)
    response = learned_response(run / "checkpoints" / "best.ckpt", first, week=18)  # has a column probability
    assert response.base == pytest.approx(first["probability"].to_numpy())
    own = learned_response(run / "checkpoints" / "best.ckpt", first[["user_id", "item_id"]], week=18)
    assert np.corrcoef(own.base_logit, first["base_logit"])[0, 1] > 0.99
    assert (np.diff(own.curve([0.0, 0.1, 0.3, 0.5]), axis=1) > 0).all()


def test_a_few_pairs_have_the_histories_of_the_panel_whatever_is_asked_beside_them(run):
    """Sums over a user's or an item's pairs are those of the pairs that the response was learnt from."""
    _, module = load_response(run / "checkpoints" / "best.ckpt")
    panel = module.panel
    rows = np.flatnonzero((panel.rows["week"] == 18).to_numpy())[::40]
    asked = panel.rows.iloc[rows][["user_id", "item_id"]]
    stranger = pd.DataFrame({"user_id": asked["user_id"].unique()[:5], "item_id": "item_00039"})
    features, groups = candidate_features(module, pd.concat([asked, stranger]), 18)
    of_the_week = (
        "shelf_price",
        "shelf_usual",
        "item_id_rival",
        "department_rival",
    )  # what the week's sales tell
    kept = [place for place, name in enumerate(panel.names) if not name.startswith((*of_the_week, "link"))]
    assert len(kept) > 40
    assert features[: len(rows)][:, kept] == pytest.approx(panel.features[rows][:, kept], rel=1e-5, abs=1e-6)
    assert np.array_equal(groups[: len(rows)], panel.groups[rows])


def test_a_past_week_is_foretold_from_what_came_before_it(run):
    """The log goes on to week 19, and what is foretold of week 17 is what the panel has of it."""
    asked = pd.read_parquet(run / "test_rows.parquet")[["user_id", "item_id"]].drop_duplicates()
    found = Foretelling.of(run / "checkpoints" / "best.ckpt", asked.sample(frac=1, random_state=0), week=20)
    panel = found.data.panel
    then = panel.rows["week"] == 17
    place = pd.MultiIndex.from_frame(found.candidates).get_indexer(
        pd.MultiIndex.from_frame(panel.rows.loc[then, ["user_id", "item_id"]])
    )
    features = features_in(found.data, found.pairs, (17, 20))[0][place[place >= 0]]
    of_the_week = ("shelf_price", "shelf_usual", "item_id_rival", "department_rival", "link")
    kept = [at for at, name in enumerate(panel.names) if not name.startswith(of_the_week)]
    theirs = panel.features[np.flatnonzero(then)][place >= 0]
    assert len(theirs) > 50
    assert features[:, kept] == pytest.approx(theirs[:, kept], rel=1e-5, abs=1e-6)
    bought = found.pairs.visits.bought[found.pairs.place, 16][place[place >= 0]]
    assert np.array_equal(bought, panel.rows.loc[then, "bought"].to_numpy()[place >= 0])
    before, after = found.bought_before(4), found.bought_before(20)
    assert (before <= after).all()
    assert (before < after).any()


def test_candidates_may_be_new_pairs_and_may_not_be_strangers(run):
    checkpoint = run / "checkpoints" / "best.ckpt"
    pairs = pd.MultiIndex.from_product([["user_00000", "user_00001"], ["item_00000", "item_00007"]])
    frame = pairs.to_frame(index=False, name=["user_id", "item_id"])
    assert learned_response(checkpoint, frame).curve([0.0, 0.2]).shape == (4, 2)
    with pytest.raises(InputError, match="column 'item_id': soap is not in the log before week 18"):
        learned_response(checkpoint, frame.assign(item_id="soap"))


def test_the_curves_find_the_planted_response():
    """With the depth dealt out at random the average slope is the one that the purchases were drawn with."""
    pl.seed_everything(0)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    module = data(link=None, groups=[])
    task = ResponseTask(hidden=[16], slope_hidden=[], learning_rate=0.02)
    trainer = pl.Trainer(max_epochs=6, enable_model_summary=False, num_sanity_val_steps=0, **options)
    trainer.fit(task, datamodule=module)
    panel, test = module.panel, module.split.test
    base, weights = task.curves(torch.from_numpy(panel.features[test]), torch.from_numpy(panel.groups[test]))
    curve = SplineResponse(base, weights).curve([0.0, 0.4]).mean(axis=0)
    rows = panel.rows
    seen = rows[(rows["rate"] > 0.3)]["bought"].mean() / rows[rows["rate"] == 0]["bought"].mean()
    assert curve[1] / curve[0] == pytest.approx(seen, rel=0.25)
    assert seen > 1.3


def test_the_shipped_experiment_goes_through_one_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up = {"class_path": "graphrec.data.sources.synthetic", "init_args": SYNTHETIC}
    config = yaml.safe_load(SHIPPED.read_text())
    assert config["run"]["name"] == "complete_journey-response"
    config["trainer"] |= {"fast_dev_run": True, **QUIET}
    groups = {"groups": ["item_id", "department"], "promotions": None, "train_end": 15, "val_end": 17}
    config["data"]["init_args"] |= {"source": made_up, "visits": VISITS, **groups}
    file = tmp_path / "response.yaml"
    file.write_text(yaml.safe_dump(config))
    cli = main(["fit", "-c", str(file)])
    assert cli.trainer.global_step == 1
    assert 0 < float(cli.trainer.callback_metrics["val_likelihood"]) < 1
    assert list(tmp_path.iterdir()) == [file], "a trial run writes nothing"


def test_features_are_kept_in_a_folder(tmp_path):
    first = data(cache=str(tmp_path))
    expected = first.panel.features
    (file,) = tmp_path.iterdir()
    changed = file.stat().st_mtime_ns
    assert np.array_equal(data(cache=str(tmp_path)).panel.features, expected)
    assert file.stat().st_mtime_ns == changed
    fewer = data(cache=str(tmp_path), without=["link_score", "user_"]).panel
    assert "link_score" in first.panel.names
    assert not any(name.startswith(("link_score", "user_")) for name in fewer.names)
    assert len(list(tmp_path.iterdir())) == 1
    assert data(cache=str(tmp_path), rolling=False).panel.features.shape == expected.shape
    assert len(list(tmp_path.iterdir())) == 2


def test_a_response_ranks_nothing(run, tmp_path):
    best = str(run / "checkpoints" / "best.ckpt")
    for command in ("recommend", "offers"):
        with pytest.raises(InputError, match="this checkpoint holds a response, which ranks nothing"):
            main([command, "--ckpt", best, "--out", str(tmp_path / "out.csv")])


def test_a_cache_is_of_the_data_that_its_features_are_made_of(tmp_path):
    folder, file = tmp_path / "cache", tmp_path / "promotions.csv"
    source = synthetic(**SYNTHETIC)
    log, items = source.log, source.items
    promoted = log[["item_id", "week"]].drop_duplicates()

    def panel(display=0.5, log=log, items=items):
        promoted.assign(display=display, mailer=0.0).to_csv(file, index=False)
        raw = dataclasses.replace(source, log=log, items=items)
        given = {"train_end": 15, "val_end": 17, "groups": ["department"], "promotions": str(file)}
        return ResponseData(raw, VisitOptions(**VISITS), cache=str(folder), **given).panel

    first, again, other = panel(), panel(), panel(0.25)
    place = first.names.index("shelf_display")
    assert np.array_equal(first.features, again.features)
    assert np.array_equal(other.features[:, place], first.features[:, place] / 2)
    panel(log=log.assign(quantity=2.0))
    panel(items=items.assign(department="one"))
    assert len(list(folder.iterdir())) == 4


def test_promotions_of_a_yaml_may_name_their_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = synthetic(**SYNTHETIC).log
    shown = log[["item_id", "week"]].drop_duplicates().assign(display=1, mailer=0)
    shown.rename(columns={"item_id": "Artikel"}).to_csv("p.csv", sep=";", index=False)
    config = copy.deepcopy(CONFIG)
    given = {"promotions": "p.csv", "promotion_columns": {"item_id": "Artikel"}, "promotion_delimiter": ";"}
    config["data"]["init_args"] |= given
    config["trainer"]["fast_dev_run"] = True
    Path("c.yaml").write_text(yaml.safe_dump(config))
    cli = main(["fit", "-c", "c.yaml"])
    place = cli.datamodule.panel.names.index("shelf_display")
    assert cli.datamodule.panel.features[:, place].mean() > 0.5


def test_mistakes_are_named(run, tmp_path):
    for wrong, says in (
        ({"groups": ["item_id", "item_id"]}, "a group is named twice"),
        ({"promotion_delimiter": ";"}, "are of no file"),
        ({"promotions": "complete_journey", "promotion_encoding": "latin-1"}, "are of no file"),
    ):
        with pytest.raises(InputError, match=says):
            data(**wrong)
    with pytest.raises(InputError, match=r"no feature begins with 'nonsense'; known are .*link_score"):
        _ = data(without=["link_score", "nonsense"]).panel
    with pytest.raises(InputError, match="weeks are out of order"):
        data(train_end=18)
    with pytest.raises(InputError, match="refit"):
        data(refit=True)
    config = tmp_path / "response.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    with pytest.raises(InputError, match="no metric is called 'val_ndcg_20'; known are val_likelihood"):
        main(["fit", "-c", str(config), "--run.monitor", "val_ndcg_20", "--run.root", str(tmp_path)])
    with pytest.raises(InputError, match="graphrec offers"):
        main(["predict", "-c", str(config), "--ckpt_path", str(run / "checkpoints" / "best.ckpt")])


def test_offers_follow_a_learned_response_and_the_week_they_are_for(run, tmp_path, monkeypatch):
    """The curves of the table are those of the response in the week that is decided for."""
    monkeypatch.chdir(tmp_path)
    source = {"class_path": "graphrec.data.sources.synthetic", "init_args": SYNTHETIC}
    split = {"class_path": "Temporal", "init_args": {"train_end": 15, "val_end": 17}}
    ranker = {"class_path": "TopFrequency", "init_args": {"decay_weeks": 10}}
    config = {
        "run": {"name": "ranker", "id": "a"},
        "trainer": {"enable_progress_bar": False, "enable_model_summary": False},
        "data": {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}},
        "model": {"class_path": "ClosedFormTask", "init_args": {"recommender": ranker}},
    }
    Path("c.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", "c.yaml"])
    checkpoint = run / "checkpoints" / "best.ckpt"
    words = [
        "offers",
        "--ckpt",
        "runs/ranker/a/checkpoints/best.ckpt",
        "--policy",
        "uniform",
        "--items",
        "repeat",
        "-k",
        "5",
    ]
    main([*words, "--out", "assumed.parquet"])
    for week, given in ((21, []), (19, ["--week", "19"])):
        main([*words, "--response", str(checkpoint), *given, "--out", "learned.parquet"])
        offers = pd.read_parquet("learned.parquet")
        assert (offers["week"] == week).all()
        curves = learned_response(checkpoint, offers[["user_id", "item_id", "probability"]], week)
        added = logit(offers["probability_at_rate"].to_numpy()) - logit(offers["probability"].to_numpy())
        lift = added / curves.added(offers["rate"].to_numpy())  # one number puts all curves right
        assert lift == pytest.approx(lift.mean(), rel=1e-6)
        assert 0.2 < lift.mean() < 5
    assumed = pd.read_parquet("assumed.parquet")
    assert not np.allclose(assumed["probability_at_rate"], offers["probability_at_rate"])
