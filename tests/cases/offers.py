# ruff: noqa: E501  a command is easier to read in one line
"""Cases of offers, names and places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cases.shop import Shell, config, log, newest, temporal


def _shop() -> None:
    frame = log(rows=600)
    rng = np.random.default_rng(2)
    depth = rng.choice([0.0, 0.0, 0.1, 0.3], size=len(frame))
    frame["regular_price"] = frame["price"]
    frame["price"] = (frame["price"] * (1 - depth)).round(2)
    frame["shelf_price"] = frame["price"]
    frame["basket_id"] = frame["user_id"] + frame["timestamp"].dt.strftime("-%Y%m%d")
    frame.to_csv("log.csv", index=False)
    items = [f"i{i:03d}" for i in range(25)]
    departments = [("GROCERY", "PRODUCE")[i % 2] for i in range(25)]
    pd.DataFrame(
        {"item_id": items, "department": departments, "product_category": [f"c{i % 5}" for i in range(25)]}
    ).to_csv("items.csv", index=False)
    pd.DataFrame({"user_id": [f"u{i:03d}" for i in range(40)], "income": ["low", "high"] * 20}).to_csv(
        "users.csv", index=False
    )
    config(split=temporal(train_end=17, val_end=20), users="users.csv", items="items.csv")


REFUSED = [
    "--policy knapsack --budget nan", "--policy knapsack --budget -1", "--policy uniform --rate 1.5", "--policy uniform --rate -0.1",
    "--policy uniform --rate 20", "--policy uniform --rate nan", "--policy uniform --max_rate 1.2", "--policy uniform --max_rate nan",
    "--margin 1", "--margin nan", "--min_margin nan", "-k 0", "-k -3", "--campaign_budgets GROCERY=nan --policy knapsack",
    "--campaign_budgets GROCERIES=5 --policy knapsack", "--campaign_budgets GROCERY=-5 --policy knapsack", "--max_offers_per_user -1",
    "--max_spread -1", "--max_spread nan --policy uniform", "--promotion coupon --product_set nope", "--parity nope",
    "--scenario promotions", "--window_weeks 0", "--exposure missing.csv", "--response c.yaml", "--users items.csv",
    "--policy uniform uniform",
]  # fmt: skip


def i00_offers(shell: Shell) -> None:
    """Options out of range and a policy named twice are one line; a CSV is a CSV."""
    _shop()
    shell("fit -c c.yaml").done()
    for words in REFUSED:
        shell(f"offers --ckpt CKPT {words} --out x.parquet").refused()
        assert not Path("x.parquet").exists()
    plain = "offers --ckpt CKPT --policy uniform"
    shell(f"{plain} --out nodir/sub/x.parquet").done()
    wanted = pd.read_parquet("nodir/sub/x.parquet")
    said = shell(f"{plain} --out result.csv")
    if said.code:
        said.refused("csv")
    else:
        read = pd.read_csv("result.csv")
        assert np.allclose(read["rate"], wanted["rate"])
        assert read["item_id"].tolist() == wanted["item_id"].tolist()
    said = shell("recommend --ckpt CKPT -k 3 --out rec.csv")
    if said.code == 0:
        assert list(pd.read_csv("rec.csv"))[:2] == ["user_id", "item_id"]
    deep = "--policy uniform --rate 0.5 --max_rate 0.99 --depths any --margin 0.6 --min_margin 0"
    shell(f"offers --ckpt CKPT {deep} --out deep.parquet").done()
    assert np.isclose(pd.read_parquet("deep.parquet")["rate"].max(), 0.5)
    shell("offers --ckpt CKPT --policy uniform --max_offers_per_user 0 --out cap.parquet")
    if Path("cap.parquet").exists():
        assert (pd.read_parquet("cap.parquet")["rate"] == 0).all()


def i02_coupon_cap(shell: Shell) -> None:
    """A coupon holds for its whole product set or is not issued, under every policy."""
    _shop()
    shell("fit -c c.yaml").done()
    for limit in ("--budget 3", "--max_offers_per_user 2"):
        words = f"--promotion coupon --policy uniform affinity knapsack --objective units {limit}"
        shell(f"offers --ckpt CKPT {words} --out o.parquet").done()
        offers = pd.read_parquet("o.parquet")
        assert sorted(offers["policy"].unique()) == ["affinity", "knapsack", "uniform"]
        for _, rows in offers.groupby("policy"):
            rate = rows.groupby(["user_id", "product_set"])["rate"]
            assert not ((rate.max() > 0) & (rate.min() == 0)).any()


def l04_moved(shell: Shell) -> None:
    """A checkpoint that was moved writes nothing outside the working folder or its own."""
    outside = Path.cwd()
    here = outside / "work"
    here.mkdir()
    log().to_csv(here / "log.csv", index=False)
    import os

    os.chdir(here)
    try:
        config()
        shell("fit -c c.yaml").done()
        Path("other").mkdir()
        Path("runs/t").rename("other/t")
        best = next(Path("other/t").glob("*/checkpoints/best.ckpt"))
        shell(f"recommend --ckpt {best} --out r.parquet").done()
        first = pd.read_parquet("r.parquet")
        Path("model.ckpt").write_bytes(best.read_bytes())
        shell("recommend --ckpt model.ckpt --out r.parquet").done()
        pd.testing.assert_frame_equal(pd.read_parquet("r.parquet"), first)
        shell("test --ckpt_path model.ckpt").done()
        assert sorted(path.name for path in outside.iterdir()) == ["work"]
        Path("cut.ckpt").write_bytes(best.read_bytes()[:500])
        shell("recommend --ckpt cut.ckpt --out r.parquet").refused("cut.ckpt")
    finally:
        os.chdir(outside)


def l06_run_names(shell: Shell) -> None:
    """Names stay below the root, and a second fit with one id asks."""
    log().to_csv("log.csv", index=False)
    config()
    outside = sorted(path.name for path in Path("..").iterdir())
    for name in ("../outside", "a/../../outside", "/tmp/graphrec-outside", ""):
        shell("fit -c c.yaml --run.name", name).refused("name")
    assert sorted(path.name for path in Path("..").iterdir()) == outside
    said = shell("fit -c c.yaml --run.name", "my run é")
    said.done()
    shell("fit -c c.yaml --run.name t --run.id 0").done()
    content = newest().read_bytes()
    shell("fit -c c.yaml --run.name t --run.id 0").refused("0")
    assert newest().read_bytes() == content
    shell("test -c c.yaml").done()
    shell("test -c c.yaml --run.name", "my run é").done()
