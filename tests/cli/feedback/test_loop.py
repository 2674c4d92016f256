"""Twelve weeks of a shop whose shoppers are known, through the commands alone; and what feedback refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loop_shop import WEEKS, LoopShop

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.offers.levels import LEVELS

ROUNDS, BUDGET = 12, 400.0
UNITS = ["--margin", "0.5", "--funded_share", "1", "--objective", "units", "--depths", "any", "-k", "16"]
FIRST = WEEKS + 1


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A shop, and a folder with a fitted ranker."""
    folder = tmp_path_factory.mktemp("loop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shop = LoopShop.drawn()
        shop.log().to_csv("log.csv", index=False)
        main(["fit", "-m", "ease", "--data", "log.csv", "--run.name", "ease", "--run.id", "a"])
        shutil.rmtree("runs/ease/a/wandb", ignore_errors=True)  # with it each of the offers takes 3 s more
        yield shop, folder


@pytest.fixture
def shop(place, monkeypatch):
    monkeypatch.chdir(place[1])
    return place[0]


def offer(week: int, *words: str) -> pd.DataFrame:
    out = f"offers{week}.parquet"
    given = ["--ckpt", "runs/ease/a/checkpoints/best.ckpt", "--week", str(week), "--out", out, *UNITS]
    main(["offers", *given, "--budget", str(BUDGET), *words])
    return pd.read_parquet(out)


def feed(week: int, log: str, out: str, *words: str):
    return main(["feedback", "--offers", f"offers{week}.parquet", "--log", log, "--out", out, *words])


def test_twelve_weeks_end_nearer_to_the_oracle(shop, capsys):
    best, price = shop.oracle(BUDGET, np.asarray(LEVELS))
    served, sent, versions = [], [], []
    for week in range(FIRST, FIRST + ROUNDS):
        serves = Path("loop/serving.json")
        version = json.loads(serves.read_text())["version"] if serves.exists() else 0
        who = ["--serving", str(serves)] if serves.exists() else []
        who += [] if version else ["--policy", "knapsack"]
        offers = offer(week, *who, "--explore", "0.2")
        assert offers["spend"].sum() <= BUDGET
        shop.week(week, shop.rates(offers), seed=9).to_csv("week.csv", index=False)
        feed(week, "week.csv", "loop", "--promote")
        served.append(shop.net(shop.rates(offers, "planned_rate"), price) / shop.net(best, price))
        sent.append(shop.net(shop.rates(offers), price) / shop.net(best, price))
        versions.append(version)
    assert versions[0] == 0
    assert versions[-1] > 0, "something was promoted"
    rises = np.diff(served)[np.diff(versions) > 0]
    assert (rises > 0).all(), "and nothing that is worse"
    assert served[-1] > served[0] + 0.5
    assert sum(1 - np.array(sent)) < ROUNDS * (1 - served[0]), "less regret than without learning"
    assert {f"serving-{one:04d}.json" for one in set(versions) - {0}} <= {
        one.name for one in Path("loop").iterdir()
    }

    with pytest.raises(InputError, match="was fed before"):
        feed(week, "week.csv", "loop")
    capsys.readouterr()
    words = ["--log", "loop/decisions.csv", "--policy", "serving", "candidate"]
    values = main(["policy", "evaluate", *words])
    assert {"serving", "candidate"} <= set(values["policy"])
    told = pd.read_csv("loop/values.csv")["SNIPS"]
    for policy, said in zip(("serving", "candidate"), told, strict=True):
        found = values[(values["policy"] == policy) & (values["estimator"] == "snips")]
        assert said.split()[0] == f"{found['value'].iloc[0]:.4g}"


def week_of(shop: LoopShop, week: int = FIRST, *words: str) -> pd.DataFrame:
    """Offers of a week with chance in them, and ``sold.csv``, what was bought of them."""
    offers = offer(week, "--policy", "none", "--explore", "0.2", *words)
    shop.week(week, shop.rates(offers), seed=4).to_csv("sold.csv", index=False)
    return offers


def test_outcomes_are_joined_as_they_were_bought(shop, capsys):
    offers = week_of(shop)
    sold = pd.read_csv("sold.csv", dtype={"item_id": "str"})
    odd = pd.DataFrame(
        {
            "user_id": ["k000", "nobody", sold["user_id"][0]],
            "item_id": ["unknown", "001", sold["item_id"][0]],
            "week": FIRST,
            "quantity": [1, 1, -1],
            "price": 1.0,
        }
    )
    later = sold.head(5).assign(week=FIRST + 1)
    pd.concat([sold, odd, later]).to_csv("mixed.csv", index=False)
    feed(FIRST, "mixed.csv", "mixed")
    told = capsys.readouterr().err
    assert "2 of " in told
    assert "(1 of other users)" in told
    assert "1 units of decided pairs came back" in told
    assert "5 rows of other weeks" in told
    found = pd.read_csv("mixed/decisions.csv", dtype={"item_id": "str"})
    bought = found[found["units"] > 0]
    assert len(bought) == len(sold) - 1
    both = bought.merge(sold, on=["user_id", "item_id"], suffixes=("", "_sold"))
    np.testing.assert_allclose(both["paid"], both["price_sold"])
    assert (found["arm"] == offers["rate"]).all()
    np.testing.assert_allclose(found["propensity"], offers["propensity"])
    assert (found["reward"] == found["units"]).all(), "the objective is units"


def test_a_profit_is_counted_at_the_price_that_was_paid(shop):
    offers = week_of(shop, FIRST, "--objective", "profit")
    sold = pd.read_csv("sold.csv", dtype={"item_id": "str"})
    sold.assign(price=sold["regular_price"]).to_csv("full.csv", index=False)  # nobody showed the coupon
    feed(FIRST, "full.csv", "full")
    found = pd.read_csv("full/decisions.csv", dtype={"item_id": "str"})
    bought = found[found["units"] > 0]
    np.testing.assert_allclose(bought["reward"], offers.loc[bought.index, "price"] * 0.5, atol=0.01)


def test_a_week_that_was_cut_off_can_be_fed_again(shop, monkeypatch):
    week_of(shop)

    def die(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("graphrec.cli.feedback.close_week.write_week", die)
        with pytest.raises(KeyboardInterrupt):
            feed(FIRST, "sold.csv", "cut")
    feed(FIRST, "sold.csv", "cut")
    feed(FIRST, "sold.csv", "whole")
    for name in ("decisions.csv", "values.csv", "serving.json"):
        assert Path("cut", name).read_text() == Path("whole", name).read_text()


def test_what_cannot_be_fed_is_refused_in_a_line(shop):
    offers = week_of(shop)
    plain = offer(FIRST + 1, "--policy", "knapsack")
    assert (plain["propensity"] == 1).all()
    cases = {
        "left to chance": ([f"offers{FIRST + 1}.parquet", "sold.csv"]),
        "holds weeks 30 to 30": ([f"offers{FIRST}.parquet", "week30.csv"]),
        "several events": ([f"offers{FIRST}.parquet", "events.csv"]),
        "none of the": ([f"offers{FIRST}.parquet", "strangers.csv"]),
        "is no propensity": (["broken.parquet", "sold.csv"]),
        "holds offers of 2 in the column policy": ["two.parquet", "sold.csv"],
    }
    sold = pd.read_csv("sold.csv", dtype={"item_id": "str"})
    sold.assign(week=30).to_csv("week30.csv", index=False)
    sold.assign(event=np.where(np.arange(len(sold)) % 2, "view", "buy")).to_csv("events.csv", index=False)
    sold.assign(user_id="x").to_csv("strangers.csv", index=False)
    broken = offers.assign(propensity=0.0)
    broken.attrs = offers.attrs
    broken.to_parquet("broken.parquet")
    two = offers.assign(policy=["a", "b"] * (len(offers) // 2))
    two.attrs = offers.attrs
    two.to_parquet("two.parquet")
    for said, (table, log) in cases.items():
        with pytest.raises(InputError, match=said):
            main(["feedback", "--offers", table, "--log", log, "--out", "refused"])
    assert not Path("refused").exists()


def test_a_csv_is_fed_back_with_what_lies_beside_it(shop):
    week_of(shop)
    given = ["--ckpt", "runs/ease/a/checkpoints/best.ckpt", "--week", str(FIRST), "--out", "sent.csv", *UNITS]
    main(["offers", *given, "--budget", str(BUDGET), "--policy", "none", "--explore", "0.2"])
    main(["feedback", "--offers", "sent.csv", "--log", "sold.csv", "--out", "by_csv"])
    feed(FIRST, "sold.csv", "by_parquet")
    assert Path("by_csv/decisions.csv").read_text() == Path("by_parquet/decisions.csv").read_text()
