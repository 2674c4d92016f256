"""Confounded personal discounts in a shop whose truth is known: which slopes a fit finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import yaml
from known_shop import KnownShop

from graphrec.cli.experiment.loading import load_response
from graphrec.cli.main import main
from graphrec.cli.offers.curves.response import learned_response
from graphrec.data.sources import table
from graphrec.errors import InputError
from graphrec.response.data import ResponseData
from graphrec.response.personal.offers import OfferTable
from graphrec.response.splines import response_shapes
from graphrec.response.task import ResponseTask

RATE = 0.3
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Coupons to those who buy anyway, whose chance nobody wrote down; the till knows what was paid alone."""
    folder = tmp_path_factory.mktemp("shop")
    shop = KnownShop.drawn(seed=0, users=450, items=90, weeks=40, coupons="confounded")
    shop.open(folder, shelf_known=False)
    return shop, folder


def data_of(folder: Path, **options) -> ResponseData:
    raw = table(str(folder / "log.csv"), users=str(folder / "users.csv"))
    return ResponseData(raw, groups=["item_id", "user_id"], people=["income"], **options)


def slopes(shop: KnownShop, folder: Path, **options) -> pd.DataFrame:
    """Fit, and lay the slope of each pair of the test rows beside the true one."""
    pl.seed_everything(0, verbose=False)
    data = data_of(folder, **options)
    task = ResponseTask(hidden=[32], slope_hidden=[16], learning_rate=0.005)
    off = {"logger": False, "enable_checkpointing": False, "num_sanity_val_steps": 0, **QUIET}
    pl.Trainer(max_epochs=5, **off).fit(task, datamodule=data)
    panel = data.panel
    first = panel.rows.iloc[data.split.test].drop_duplicates(["user_id", "item_id"]).index
    _, weights = task.curves(torch.from_numpy(panel.features[first]), torch.from_numpy(panel.groups[first]))
    rise = weights @ response_shapes(torch.tensor(RATE, dtype=torch.float64), task.knots).numpy()
    pairs = panel.rows.loc[first, ["user_id", "item_id"]]
    true = shop.slope_of(pairs["user_id"], pairs["item_id"])
    return pairs.assign(found=rise / -np.log1p(-RATE), true=true)


def test_a_naive_fit_is_wrong_and_one_with_the_offers_is_right(opened):
    shop, folder = opened
    naive = slopes(shop, folder, prices_vary="accept")
    right = slopes(shop, folder, offers=OfferTable(str(folder / "offers.csv")))
    assert naive["found"].corr(naive["true"]) < 0.6
    assert right["found"].corr(right["true"]) >= 0.75
    assert right["found"].mean() == pytest.approx(right["true"].mean(), rel=0.25)
    never = right["true"] == 0
    assert right["found"][never].median() < 0.5 * right["found"][~never].median()


def test_without_the_table_such_a_log_is_refused(opened):
    _, folder = opened
    with pytest.raises(InputError, match=r"shelf prices of an item differ within \d+% of the item-weeks"):
        _ = data_of(folder).panel


def test_the_commands_go_from_a_log_to_offers(tmp_path, monkeypatch, capfd):
    """`graphrec init`, a fit with a table of offers and `graphrec offers --response`, on files of a shop."""
    monkeypatch.chdir(tmp_path)
    KnownShop.drawn(seed=3, users=80, items=30, weeks=24).open(tmp_path)
    files = main(["init", "log.csv", "--items", "items.csv", "--users", "users.csv"])
    config = yaml.safe_load(files["response"].read_text())
    assert "# offers: {path: offers.csv}" in files["response"].read_text()
    assert "# people: [income]" in files["response"].read_text()
    more = {"offers": {"path": "offers.csv"}, "groups": ["item_id", "user_id"], "people": ["income"]}
    config["data"]["init_args"] |= more
    config["trainer"] = {"max_epochs": 1, **QUIET}
    config["run"]["id"] = "a"
    Path("r.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", "r.yaml"])
    assert "weighted by the shop's propensities" in capfd.readouterr().err
    main(["fit", "-c", str(files["ranker"]), "--run.id", "a", "--trainer.max_epochs", "1"])
    response = Path("runs/log-response/a/checkpoints/best.ckpt")
    ranker = next(one for one in Path("runs").glob("*/a/checkpoints/best.ckpt") if one != response)
    asked = ["--policy", "knapsack", "--budget", "50", "--out", "offers.parquet"]
    main(["offers", "--ckpt", str(ranker), "--response", str(response), *asked])
    given = pd.read_parquet("offers.parquet")
    curves = learned_response(
        response, given[["user_id", "item_id", "probability"]], int(given["week"].iloc[0])
    )
    expected = curves.probability(given["rate"].to_numpy())
    assert given["probability_at_rate"].to_numpy() == pytest.approx(expected, abs=1e-9)
    _check_bases(response, given)
    task, data = load_response(response)
    assert "user_is_income_low" in data.panel.names
    assert "pair_offers" in data.panel.names
    assert len(task.network.centre) == len(data.panel.names)


def _check_bases(response: Path, given: pd.DataFrame) -> None:
    """A week's probability without a discount is the response's own, and the ranker's for strangers."""
    _, data = load_response(response)
    log, ids = data.source.log, ["user_id", "item_id"]
    mine = log.loc[log["user_id"] == given["user_id"].iloc[0], "item_id"]
    new = sorted(set(log["item_id"]) - set(mine))[-3:]
    strangers = given.head(len(new)).assign(user_id=given["user_id"].iloc[0], item_id=new)
    asked = pd.concat([given, strangers], ignore_index=True)[[*ids, "probability"]]
    own = learned_response(response, asked[ids], 25)
    found = learned_response(response, asked.assign(growth=1.0), 25)
    met = pd.MultiIndex.from_frame(pd.concat([log[ids], data.pairs]))
    known = pd.MultiIndex.from_frame(asked[ids]).isin(met)
    assert 0 < known.sum() < len(known)
    assert found.base == pytest.approx(np.where(known, own.base, asked["probability"]), abs=1e-6)
