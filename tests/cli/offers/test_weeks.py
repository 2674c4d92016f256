"""``graphrec offers --weeks``: what four weeks bring is what a simulation of four weeks says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from offer_shop import Shop

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main, parser
from graphrec.cli.offers.decide import make
from graphrec.cli.offers.request import Request
from graphrec.errors import InputError
from graphrec.response.curves import MEDIAN_ELASTICITY

USERS, ITEMS, TRAIN, VAL, WEEKS = 160, 40, 26, 30, 32


class Simulated:
    """A shop of which it is known how likely each pair is bought in a week, without discount."""

    def __init__(self, seed: int, split: dict | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.price = (1 + rng.gamma(2, 2, ITEMS)).round(2)
        liked = rng.lognormal(-4.2, 1.4, (USERS, ITEMS)) * rng.lognormal(0, 0.4, USERS)[:, None]
        self.weekly = np.minimum(liked, 0.6)
        self.users, self.items = [f"{u:04d}" for u in range(USERS)], [f"第{i}号" for i in range(ITEMS)]
        bought = rng.random((WEEKS, USERS, ITEMS)) < self.weekly
        week, user, item = np.nonzero(bought)
        day = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week + rng.integers(0, 7, len(week)), unit="D")
        log = pd.DataFrame({"user_id": np.array(self.users)[user], "item_id": np.array(self.items)[item]})
        log.assign(timestamp=day, price=self.price[item]).to_csv("log.csv", index=False)
        split = split or {"class_path": "Temporal", "init_args": {"train_end": TRAIN, "val_end": VAL}}
        source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}}
        arguments = {"source": source, "split": split, "item_sets": ["all"]}
        recommender = {"class_path": "TopFrequency", "init_args": {"decay_weeks": 40}}
        config = {
            "run": {"name": f"weeks{seed}", "id": "a"},
            "trainer": {"enable_progress_bar": False, "enable_model_summary": False},
            "data": {"class_path": "RecommenderData", "init_args": arguments},
            "model": {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}},
        }
        Path("c.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
        main(["fit", "-c", "c.yaml"])
        self.task, self.data = load_run(Path(f"runs/weeks{seed}/a/checkpoints/best.ckpt"))

    def offers(self, words: str) -> pd.DataFrame:
        """What `graphrec offers` writes, without loading the checkpoint again."""
        options = parser().parse_args(["offers", "--ckpt", "x.ckpt", "--out", "o.parquet", *words.split()])
        make(Request.of(options), self.task, self.data)
        return pd.read_parquet("o.parquet")

    def lived(self, offers: pd.DataFrame, weeks: int, seed: int, worlds: int = 40) -> tuple[float, float]:
        """The mean spend, and mean number of pairs that are bought at least once, over simulated weeks."""
        user = offers["user_id"].map({name: place for place, name in enumerate(self.users)}).to_numpy()
        item = offers["item_id"].map({name: place for place, name in enumerate(self.items)}).to_numpy()
        base, rate = self.weekly[user, item], offers["rate"].to_numpy()
        odds = base / (1 - base) * (1 - rate) ** -MEDIAN_ELASTICITY
        rng = np.random.default_rng(seed)
        bought = rng.random((worlds, weeks, len(offers))) < odds / (1 + odds)
        paid = 0.5 * rate * self.price[item] * bought.sum(axis=1)
        return float(paid.sum(axis=1).mean()), float(bought.any(axis=1).sum(axis=1).mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_budget_of_four_weeks_spends_what_four_simulated_weeks_spend(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shop = Simulated(seed)
    for promotion in ("percent", "amount"):
        for weeks, budget in ((1, 30.0), (4, 120.0), (8, 240.0)):
            words = f"--policy knapsack --objective units --promotion {promotion}"
            offers = shop.offers(f"{words} --weeks {weeks} --budget {budget}")
            assert (offers["horizon"] == weeks).all()
            foretold = offers["spend"].sum()
            assert budget * 0.97 <= foretold <= budget * (1 + 1e-9)
            spent, reached = shop.lived(offers, weeks, seed)
            assert spent == pytest.approx(foretold, rel=0.1)
            assert offers["probability_at_rate"].sum() == pytest.approx(reached, rel=0.1)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("weeks"))
        yield Shop(40, 21, 5)


def test_money_units_and_stock_are_of_the_horizon_and_decisions_stay(mine, capsys):
    words = "--policy uniform knapsack --objective units"
    one, four = mine.offers(words), mine.offers(f"{words} --weeks 4")
    assert "Decided for weeks 19 to 22" in (said := capsys.readouterr().out)
    assert "at least one purchase in 4 weeks, calibrated on validation, weeks 13 to 15; what lies" in said
    assert (one["horizon"] == 1).all()
    assert (four["week"] == 19).all()
    assert (four["rate"] == one["rate"]).all()
    for name in ("expected_units", "expected_revenue", "expected_profit", "spend"):
        assert np.allclose(four[name], 4 * one[name])
    assert (four["probability"] <= four["expected_units"] + 1e-12)[four["rate"] == 0].all()
    assert (four["probability"] >= one["probability"]).all()
    tight = mine.offers(f"{words} --budget 3").groupby("policy")["spend"].sum()
    wide = mine.offers(f"{words} --budget 12 --weeks 4").groupby("policy")["spend"].sum()
    assert np.allclose(wide, 4 * tight)
    wanted = one[one["policy"] == "uniform"].groupby("item_id")["probability"].sum()
    stock = (2 * wanted).rename("stock").rename_axis("item_id").reset_index()
    stock.to_csv("stock.csv", index=False)
    assert not mine.offers(f"{words} --stock stock.csv")["reason_code"].eq("stock").any()
    gone = mine.offers(f"{words} --stock stock.csv --weeks 4")
    assert gone["reason_code"].eq("stock").all()


def test_thresholds_are_for_the_horizon(mine):
    words = "--policy none --promotion threshold"
    one, four = mine.offers(words), mine.offers(f"{words} --weeks 4")
    assert np.allclose(four["expected_units"], 4 * one["expected_units"])
    assert (four["horizon"] == 4).all()
    assert (one["horizon"] == 1).all()


def test_an_offer_of_four_weeks_is_past_in_each_of_them(mine):
    for promotion in ("percent", "amount", "coupon", "threshold --objective revenue"):
        words = f"--policy knapsack --promotion {promotion}"
        words += "" if "objective" in words else " --objective units"
        sent = mine.offers(f"{words} --weeks 4 --max_offers_per_user 1")
        people = set(sent.loc[sent["rate"] > 0, "user_id"])
        assert people
        Path("o.parquet").rename("sent.parquet")
        cap = f"{words} --exposure sent.parquet --max_offers_per_user 1"
        for week, free in ((20, False), (22, False)):
            again = mine.offers(f"{cap} --week {week}")
            assert bool(people & set(again.loc[again["rate"] > 0, "user_id"])) is free
        with pytest.raises(InputError, match="past offers change nothing"):
            mine.offers(f"{cap} --week 23")
        again = mine.offers(f"{cap} --week 23 --window_weeks 2")
        assert not people & set(again.loc[again["rate"] > 0, "user_id"])
        with pytest.raises(InputError, match="of week 19 or later, and week 19 is decided for"):
            mine.offers(cap)


def test_probabilities_of_no_time_are_said_to_be_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shop = Simulated(4, {"class_path": "LeaveLast"})
    with pytest.raises(InputError, match="the split LeaveLast holds out no weeks"):
        shop.offers("--weeks 4")
    capsys.readouterr()
    offers = shop.offers("--policy knapsack")
    assert "of no number of weeks" in capsys.readouterr().out
    assert offers["horizon"].isna().all()


def test_a_date_names_the_week(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shop = Simulated(5)
    offers = shop.offers("--date 2024-11-11 --weeks 2")
    assert (offers["week"] == 46).all()
    assert "Decided for weeks 46 to 47" in capsys.readouterr().out
    with pytest.raises(InputError, match="2024-11-11 is in week 46, and --week says 45"):
        shop.offers("--date 2024-11-11 --week 45")
    with pytest.raises(InputError, match=r"'11.11.' is no date; write it as 2026-11-11"):
        shop.offers("--date 11.11.")


def test_a_refit_decides_on_its_newest_weeks_with_the_calibration_of_its_fit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shop = Simulated(6)
    refit = main(["refit", "runs/weeks6"])
    words = ["--policy", "knapsack", "--objective", "units", "--weeks", "4", "--budget", "120"]
    capsys.readouterr()
    main(["offers", "--ckpt", str(refit), *words, "--out", "r.parquet"])
    said = capsys.readouterr().out
    assert "calibrated on validation, weeks 27 to 30, by the fit that was repeated" in said
    assert "the ranker knows the log to week 30" in said
    offers = pd.read_parquet("r.parquet")
    spent, reached = shop.lived(offers, 4, 6)
    assert spent == pytest.approx(offers["spend"].sum(), rel=0.1)
    assert offers["probability_at_rate"].sum() == pytest.approx(reached, rel=0.1)
    fit = shop.offers(" ".join(words))
    assert not fit["score"].equals(offers["score"]), "the graph has four more weeks"
    content = torch.load(refit, weights_only=True)
    content["calibration"]["calibrator"]["seen"]["scores"] = [1.0]
    torch.save(content, "broken.ckpt")
    with pytest.raises(InputError, match=r"broken\.ckpt.*its calibration cannot be read"):
        main(["offers", "--ckpt", "broken.ckpt", *words, "--out", "b.parquet"])
    del content["calibration"]
    torch.save(content, "old.ckpt")
    with pytest.raises(InputError, match=r"old\.ckpt.*keeps no calibration.*run `graphrec refit` again"):
        main(["offers", "--ckpt", "old.ckpt", *words, "--out", "b.parquet"])
    log = pd.read_csv("log.csv", dtype=str)
    log.assign(basket_id=log["user_id"] + log["timestamp"]).to_csv("log.csv", index=False)
    words = ["--policy", "knapsack", "--promotion", "threshold", "--objective", "units"]
    assert main(["offers", "--ckpt", "old.ckpt", *words, "--out", "b.parquet"]).is_file(), "it needs none"
