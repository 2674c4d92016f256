# ruff: noqa: E501  a command is easier to read in one line
"""Cases of ids and of the files that hold them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cases.shop import Shell, config, log, offered, recommended, temporal


def _with_zeros() -> pd.DataFrame:
    frame = log()
    frame["user_id"] = frame["user_id"].str.replace("u", "00")
    frame["item_id"] = frame["item_id"].str.replace("i", "0108775")
    return frame


def a01_leading_zeros_stock_exposure(shell: Shell) -> None:
    """Ids keep leading zeros in the log, the stock and the exposures."""
    frame = _with_zeros()
    frame.to_csv("log.csv", index=False)
    users, items = sorted(frame["user_id"].unique()), sorted(frame["item_id"].unique())
    pd.DataFrame({"item_id": items, "stock": 0}).to_csv("stock.csv", index=False)
    every = [(user, item, 20) for user in users for item in items]
    pd.DataFrame(every, columns=["user_id", "item_id", "week"]).to_csv("exposure.csv", index=False)
    config()
    shell("fit -c c.yaml").done()
    rec = recommended(shell)
    assert sorted(rec["user_id"].unique()) == users
    assert set(rec["item_id"]) <= set(items)
    assert (offered(shell, "--policy uniform")["rate"] > 0).any()
    assert (offered(shell, "--policy uniform --stock stock.csv")["rate"] == 0).all()
    assert (offered(shell, "--policy uniform --exposure exposure.csv --cool_down_weeks 8")["rate"] == 0).all()
    capped = "--policy uniform --exposure exposure.csv --max_offers_per_user 1 --window_weeks 8"
    assert (offered(shell, capped)["rate"] == 0).all()


def a01b_last_weeks_exposure(shell: Shell) -> None:
    """A past offer inside the cool-down is not repeated, one after the decision is refused."""
    frame = log()
    frame.to_csv("log.csv", index=False)
    config(split=temporal(train_end=17, val_end=20))
    shell("fit -c c.yaml").done()
    for week, refused in ((20, False), (40, True)):
        every = [(u, i, week) for u in frame["user_id"].unique() for i in frame["item_id"].unique()]
        pd.DataFrame(every, columns=["user_id", "item_id", "week"]).to_csv("exp.csv", index=False)
        words = "--policy uniform --exposure exp.csv --cool_down_weeks 8"
        said = shell(f"offers --ckpt CKPT {words} --out o.parquet")
        if refused:
            said.refused("week")
        else:
            said.done().says("week")
            assert (pd.read_parquet("o.parquet")["rate"] == 0).all()


def a03_na_ids(shell: Shell) -> None:
    """NA, null, None, nan and N/A are ids, in CSV and in Parquet; an empty field is a missing one."""
    frame = log()
    odd = {f"u{i:03d}": name for i, name in enumerate(["NA", "null", "None", "nan", "N/A", "NULL", "NaN"])}
    frame["user_id"] = frame["user_id"].replace(odd)
    frame["item_id"] = frame["item_id"].replace({"i000": "NA", "i001": "nan"})
    frame.to_csv("log.csv", index=False)
    frame.to_parquet("log.parquet", index=False)
    for file in ("log.csv", "log.parquet"):
        config(path=file)
        shell("fit -c c.yaml").done()
        rec = recommended(shell)
        assert set(rec["user_id"]) == set(frame["user_id"])
        assert {"NA", "nan"} <= set(recommended(shell, "-k 25 --items all")["item_id"])
    frame.loc[:9, "user_id"] = ""
    frame.to_csv("log.csv", index=False)
    shell("data check log.csv").done().says("10")


def a05_index(shell: Shell) -> None:
    """A column that is the index of pandas is a column."""
    frame = log()
    frame.set_index("user_id").to_parquet("log.parquet")
    config(path="log.parquet")
    shell("data check log.parquet").done()
    shell("fit -c c.yaml").done()
    assert set(recommended(shell)["user_id"]) == set(frame["user_id"])


def _numbers() -> pd.DataFrame:
    frame = log()
    frame["user_id"] = (17850 + frame["user_id"].str[1:].astype(int)).astype(float)
    return frame


def a08_float_ids_csv(shell: Shell) -> None:
    """17850.0 in the log and 17850 in the table of users are one user."""
    frame = _numbers()
    frame.to_csv("log.csv", index=False)
    segment = {str(17850 + i): "abc"[i % 3] for i in range(40)}
    pd.DataFrame(segment.items(), columns=["user_id", "segment"]).to_csv("users.csv", index=False)
    config(users="users.csv")
    shell("data check log.csv --users users.csv").done()
    shell("fit -c c.yaml").done()
    from graphrec.data.sources import table

    users = table("log.csv", users="users.csv").users
    assert dict(zip(users["user_id"].astype(str), users["segment"], strict=True)) == segment
    assert recommended(shell, "-k 3 --users users.csv")["user_id"].nunique() == 40


def a10b_padded_ids(shell: Shell) -> None:
    """Ids that differ by surrounding spaces are one, and their number is told."""
    frame = log()
    plain = set(frame["item_id"])
    frame.loc[frame.index % 5 == 0, "item_id"] += " "
    frame.loc[frame.index % 7 == 0, "user_id"] = " " + frame["user_id"]
    frame.to_csv("log.csv", index=False)
    padded = int((frame["item_id"].str.len() > 4).sum() + (frame["user_id"].str.len() > 4).sum())
    config()
    said = shell("data check log.csv").done().says("space")
    counts = ((frame["item_id"].str.len() > 4).sum(), (frame["user_id"].str.len() > 4).sum(), padded)
    assert any(str(count) in said.text for count in counts), said.text
    shell("fit -c c.yaml").done()
    rec = recommended(shell, "-k 25 --items all")
    assert set(rec["item_id"]) == plain
    assert set(rec["user_id"]) == set(frame["user_id"].str.strip())


def a14_list_items(shell: Shell) -> None:
    """A list is no id."""
    frame = log()
    frame["item_id"] = frame["item_id"].map(lambda item: [item, "x"])
    frame.to_parquet("log.parquet", index=False)
    shell("data check log.parquet").refused("item_id", "list")


def d03_partitioned(shell: Shell) -> None:
    """A partitioned folder is one table."""
    frame = log()
    for month, rows in frame.groupby(frame["timestamp"].dt.month):
        folder = Path(f"log/month={month}")
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "0.parquet", index=False)
    shell("data check log").done().says("480")
    first = int((frame["timestamp"].dt.month == 1).sum())
    shell("data check log/month=1").done().says(f"{first}")
    config(path="log")
    shell("fit -c c.yaml").done()
    assert set(recommended(shell)["user_id"]) == set(frame["user_id"])


def d03b_spark_parts(shell: Shell) -> None:
    """A folder that Spark wrote is one table."""
    frame, folder = log(), Path("log.parquet")
    folder.mkdir()
    for place in range(4):
        frame.iloc[place::4].to_parquet(folder / f"part-0000{place}-ab.snappy.parquet", index=False)
    (folder / "_SUCCESS").touch()
    (folder / "._SUCCESS.crc").write_bytes(b"crc")
    shell("data check log.parquet").done().says("480")


def d08_tsv_stray_quotes(shell: Shell) -> None:
    """A stray quote in a TSV field is a character: no row is swallowed."""
    frame = log()
    titles = ['"Weird Al', '7" single', "plain", 'a "b" c']
    lines = ["\t".join([*frame.columns, "title"])]
    lines += ["\t".join([*map(str, row), titles[place % 4]]) for place, row in enumerate(frame.to_numpy())]
    Path("log.tsv").write_text("\n".join(lines) + "\n")
    shell("data check log.tsv").done().says("480")
    from graphrec.data.sources import table

    assert len(table("log.tsv").log) == 480


def d18_unrelated_part_column(shell: Shell) -> None:
    """Columns that only share our names can be left out by name."""
    frame = log().assign(part="bolt", week="Monday")
    frame.to_csv("log.csv", index=False)
    shell("data check log.csv").refused()
    config(columns={"part": None, "week": None})
    shell("fit -c c.yaml").done()
    from graphrec.data.sources import table

    read = table("log.csv", columns={"part": None, "week": None}).log
    days = (frame["timestamp"] - frame["timestamp"].min().normalize()).dt.days
    assert read["week"].tolist() == (1 + days // 7).tolist()
    assert len(read) == 480


def m02_attributes_do_not_join(shell: Shell) -> None:
    """Attributes that join nobody are an error, and few are a warning with examples."""
    frame = _numbers()
    frame.to_csv("log.csv", index=False)
    towers = {
        "class_path": "RankingTask",
        "init_args": {"encoder": {"class_path": "FeatureTowers", "init_args": {"dim": 4, "hidden": 8}}},
    }
    for first, outcome in ((17850, "joined"), (99000, "none"), (17880, "few")):
        rows = [(str(first + i), "abc"[i % 3]) for i in range(40)]
        pd.DataFrame(rows, columns=["user_id", "segment"]).to_csv("users.csv", index=False)
        config(towers, users="users.csv")
        content = Path("c.yaml").read_text().replace(
            "    item_sets:", "    features: {pca: null, user_groups: [demographics], item_groups: [base]}\n    item_sets:"
        )  # fmt: skip
        Path("c.yaml").write_text(content)
        said = shell("fit -c c.yaml")
        if outcome == "none":
            said.refused("users.csv", "99000")
        elif outcome == "few":
            said.done().says("warning", "10 of 40", "1785", "users.csv")
        else:
            lines = said.done().text.splitlines()
            assert not [line for line in lines if "warning" in line and "users.csv" in line]


def o01_check_users_columns(shell: Shell) -> None:
    """What fit accepts check accepts: the mapping holds for the table of users."""
    log().rename(columns={"user_id": "customer"}).to_csv("log.csv", index=False)
    people = pd.DataFrame({"customer": [f"u{i:03d}" for i in range(40)], "seg": list("ab" * 20)})
    people.to_csv("users.csv", index=False)
    for action in ("check", "describe"):
        shell(f"data {action} log.csv --columns user_id=customer --users users.csv").done()
    config(columns={"user_id": "customer"}, users="users.csv")
    shell("fit -c c.yaml").done()
    from graphrec.data.sources import table

    users = table("log.csv", columns={"user_id": "customer"}, users="users.csv").users
    assert dict(zip(users["user_id"], users["seg"], strict=True)) == dict(people.to_numpy().tolist())


def z08_stock_other_files(shell: Shell) -> None:
    """Stock is read as every other table: whatever the file, the same offers."""
    log().to_csv("log.csv", index=False)
    config()
    shell("fit -c c.yaml").done()
    stock = pd.DataFrame({"item_id": [f"i{i:03d}" for i in range(25)], "stock": [i % 3 for i in range(25)]})
    stock.to_csv("plain.csv", index=False)
    stock.to_parquet("s.pq")
    stock.to_parquet("s.PARQUET.parquet")
    stock.set_index("item_id").to_parquet("indexed.parquet")
    stock.assign(name="Café").to_csv("s_latin.csv", index=False, encoding="latin-1")
    stock.to_csv("bom.csv", index=False, encoding="utf-8-sig")
    stock.to_csv("s.tsv", index=False, sep="\t")
    wanted = offered(shell, "--policy uniform --stock plain.csv")
    assert 0 < (wanted["rate"] > 0).sum() < len(wanted)
    for file in ("s.pq", "s.PARQUET.parquet", "indexed.parquet", "bom.csv", "s.tsv"):
        pd.testing.assert_frame_equal(offered(shell, f"--policy uniform --stock {file}"), wanted)
    said = shell("offers --ckpt CKPT --policy uniform --stock s_latin.csv --out o.parquet")
    if said.code:
        said.refused("s_latin.csv", "UTF-8")
    else:
        pd.testing.assert_frame_equal(pd.read_parquet("o.parquet"), wanted)
    Path("ragged.csv").write_text("item_id,stock\ni000,1\ni001,2,3\n")
    shell("offers --ckpt CKPT --policy uniform --stock ragged.csv --out o.parquet").refused(
        "ragged.csv", "row 3"
    )
