from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from jsonargparse import ArgumentError, ArgumentParser, set_parsing_settings

from graphrec.data import sources
from graphrec.data.interactions import RawData
from graphrec.data.splits import Given, Temporal
from graphrec.errors import InputError


def write(folder, **files):
    for name, content in files.items():
        name = name.replace("__", ".")
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(folder)


def test_table_maps_cleans_and_derives_weeks(tmp_path):
    write(
        tmp_path,
        log__csv="customer,sku,date,paid\n"
        "001,a,2020-01-08,2\n001,a,2020-01-08,2\n,a,2020-01-09,2\n"
        "2,a,2020-01-01 23:00,\n2,b,,1\n2,b,2020-01-07,1\n",
        users__csv="customer,age\n001,30\n9,40\n",
        items__csv="item_id,brand\nb,own\na,\n",
    )
    columns = {"user_id": "customer", "item_id": "sku", "timestamp": "date", "price": "paid"}
    file = str(tmp_path / "log.csv")
    raw = sources.table(file, columns, users=str(tmp_path / "users.csv"), items=str(tmp_path / "items.csv"))
    assert raw.name == "log"
    assert raw.log["user_id"].tolist() == ["001", "2", "2"]
    assert raw.log["week"].tolist() == [2, 1, 1]
    assert raw.log["price"].tolist() == [2.0, 2.0, 1.0]
    assert raw.log["line"].tolist() == [2, 5, 7]
    assert raw.log.attrs["file"] == file
    assert {step.step: step.removed for step in raw.steps if step.removed} == {
        "rows without user_id or item_id": 1,
        "rows without timestamp": 1,
        "exact duplicate rows": 1,
        "users of the log absent from their table given as 'unknown'": 1,
    }
    assert raw.users.to_dict("list") == {"user_id": ["001", "2"], "age": [30.0, 35.0]}
    assert raw.items.to_dict("list") == {"item_id": ["a", "b"], "brand": ["unknown", "own"]}
    assert len(Temporal(1, 2, 2)(raw.log).train) == 2


def test_table_lowers_outliers_unless_told_not_to(tmp_path):
    rows = "".join(f"{user},a,{price}\n" for user, price in enumerate([2, 2, 2, 2, 2, 2000]))
    write(tmp_path, log__csv="user_id,item_id,price\n" + rows)
    file = str(tmp_path / "log.csv")
    assert sources.table(file).log["price"].max() == 40.0
    assert sources.table(file, outlier_factor=None).log["price"].max() == 2000.0
    with pytest.raises(InputError, match="outlier_factor"):
        sources.table(file, outlier_factor=0.5)


def test_table_with_a_given_split_names_the_row_of_an_unknown_item(tmp_path):
    write(
        tmp_path,
        train__csv="user_id,item_id\n1,a\n1,b\n2,a\n",
        test__csv="user_id,item_id\n2,b\n1,nowhere\n",
    )
    raw = sources.table(str(tmp_path / "train.csv"), test_path=str(tmp_path / "test.csv"))
    assert raw.log["part"].tolist() == ["train"] * 3 + ["test"] * 2
    with pytest.raises(InputError) as caught:
        Given(val_fraction=0.0)(raw.log)
    assert (caught.value.file, caught.value.row) == (str(tmp_path / "test.csv"), 3)


@pytest.mark.parametrize("form", ["100k", "1m", "csv"])
def test_movielens_formats_agree(tmp_path, form):
    ratings = [(1, 10, 5, 978300760), (1, 11, 2, 978300761), (2, 10, 4, 979000000)]
    flags = ["0"] * 19
    comedy = "|".join([*flags[:5], "1", *flags[6:]])
    drama_war = "|".join([*flags[:8], "1", *flags[9:17], "1", "0"])
    title = 'Amélie: "Vol. 2'
    if form == "100k":
        write(
            tmp_path,
            u__data="".join("\t".join(map(str, row)) + "\n" for row in ratings),
            u__user="1|24|M|technician|01111\n2|53|F|other|94043\n",
            u__item=f"10|{title}|d||u|{comedy}\n11|B|d||u|{drama_war}\n".encode("latin-1"),
        )
    elif form == "1m":
        write(
            tmp_path,
            ratings__dat="".join("::".join(map(str, row)) + "\n" for row in ratings),
            users__dat="1::M::24::technician::01111\n2::F::53::other::94043\n",
            movies__dat=f"10::{title}::Comedy\n11::B::Drama|War\n".encode("latin-1"),
        )
    else:
        write(
            tmp_path,
            ratings__csv="userId,movieId,rating,timestamp\n"
            + "".join(",".join(map(str, row)) + "\n" for row in ratings),
            movies__csv='movieId,title,genres\n10,"Amélie: ""Vol. 2",Comedy\n11,B,Drama|War\n',
        )
    raw = sources.movielens(str(tmp_path))
    assert raw.log["user_id"].tolist() == ["1", "1", "2"]
    assert raw.log["rating"].tolist() == [5.0, 2.0, 4.0]
    assert raw.log["week"].tolist() == [1, 1, 2]
    assert raw.log["timestamp"].iloc[0] == pd.Timestamp("2000-12-31 22:12:40")
    assert raw.items.to_dict("list") == {
        "item_id": ["10", "11"],
        "title": [title, "B"],
        "genres": ["Comedy", "Drama|War"],
    }
    if form != "csv":
        assert raw.users.to_dict("list") == {
            "user_id": ["1", "2"],
            "age": [24.0, 53.0],
            "gender": ["M", "F"],
            "occupation": ["technician", "other"],
        }
    assert len(sources.movielens(str(tmp_path), min_rating=4).log) == 2
    with pytest.raises(InputError, match=r"ratings\.dat"):
        sources.movielens(str(tmp_path / "nothing"))


def test_movielens_names_the_row_of_a_bad_rating(tmp_path):
    write(tmp_path, ratings__dat="1::10::5::978300760\n1::11::good::978300761\n")
    with pytest.raises(InputError) as caught:
        sources.movielens(str(tmp_path))
    assert (caught.value.row, caught.value.column) == (2, "rating")


def test_recbole_atomic_files(tmp_path):
    write(
        tmp_path,
        shop__inter="user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\ta\t3\t978300760\n2\tb\t4\t978300761\n",
        shop__user="user_id:token\tage:float\n1\t30\n2\t40\n",
        shop__item="item_id:token\tclass:token_seq\na\tred blue\nb\tgreen\n",
    )
    raw = sources.recbole(str(tmp_path / "shop.inter"))
    assert raw.name == "shop"
    assert raw.log[["user_id", "item_id", "rating"]].to_numpy().tolist() == [["1", "a", 3.0], ["2", "b", 4.0]]
    assert raw.users["age"].tolist() == [30.0, 40.0]
    assert raw.items["class"].tolist() == ["red blue", "green"]
    write(tmp_path, other__inter="user_id:token\tbusiness_id:token\n1\ta\n")
    other = sources.recbole(str(tmp_path / "other.inter"), columns={"item_id": "business_id"})
    assert other.log["item_id"].tolist() == ["a"]
    assert other.items is None
    with pytest.raises(InputError, match=r"not an \.inter file"):
        sources.recbole(str(tmp_path / "shop.user"))


def test_lightgcn_agrees_with_a_plain_loop(tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for part in ("train", "valid", "test"):
        rows = [(user, rng.choice(50, size=rng.integers(0, 6), replace=False).tolist()) for user in range(30)]
        parts[part] = [(user, item) for user, items in rows for item in items]
        text = "\n".join(
            " ".join(map(str, [user, *items])) + (" " if user % 2 else "") for user, items in rows
        )
        (tmp_path / f"{part}.txt").write_text(text.replace("\n7 ", "\n\n7 "))
    log = sources.lightgcn_txt(str(tmp_path)).log
    for part, pairs in parts.items():
        rows = log[log["part"] == part]
        assert list(zip(rows["user_id"].tolist(), rows["item_id"].tolist(), strict=True)) == pairs
        lines = (tmp_path / f"{part}.txt").read_text().split("\n")
        for user, line in zip(rows["user_id"], rows["line"], strict=True):
            assert lines[line - 1].split()[0] == str(user)
    both = sources.lightgcn_txt(str(tmp_path), train_on_valid=True).log
    assert set(both["part"]) == {"train", "test"}
    union = set(parts["train"]) | set(parts["valid"])
    assert (both["part"] == "train").sum() == len(union)


@pytest.mark.parametrize(
    ("text", "row", "says"),
    [
        ("0 1 2\n1 x3 4\n", 2, "'x3'"),
        ("0 1\n1 2 -3 4\n", 2, "'-3'"),
        ("0,1\n", 1, "'0,1'"),
        (f"0 1\n\n1 {10**19}\n", 3, f"'{10**19}'"),
        ("0 1\n1 2.5\n", 2, "'2.5'"),
        ("0\n1\n", None, "no pair"),
        ("", None, "no pair"),
    ],
)
def test_lightgcn_names_the_row_of_a_bad_number(tmp_path, text, row, says):
    write(tmp_path, train__txt="0 1\n", test__txt=text)
    with pytest.raises(InputError) as caught:
        sources.lightgcn_txt(str(tmp_path))
    assert caught.value.row == row
    assert says in str(caught.value)
    assert "test.txt" in str(caught.value)


def test_lightgcn_missing_files(tmp_path):
    with pytest.raises(InputError, match="not a directory"):
        sources.lightgcn_txt(str(tmp_path / "nothing"))
    write(tmp_path, train__txt="0 1\n")
    with pytest.raises(InputError, match=r"test\.txt"):
        sources.lightgcn_txt(str(tmp_path))


def test_synthetic_has_the_planted_structure():
    raw = sources.synthetic(density=1.0, noise=0.1, response=3.0, seed=1)
    log = raw.log.merge(raw.users, on="user_id").merge(raw.items, on="item_id", suffixes=("_user", "_item"))
    # a noisy row picks the user's own block by chance, too
    assert (log["block_user"] == log["block_item"]).mean() == pytest.approx(0.9 + 0.1 / 4, abs=0.01)
    depth = (1 - log["shelf_price"] / log["regular_price"]).round(1)
    sold = depth.value_counts(normalize=True)
    assert sold[0.4] / sold[0.0] == pytest.approx(np.exp(3.0 * 0.4) * 0.1 / 0.6, rel=0.1)
    assert (log["price"] <= log["shelf_price"] + 1e-9).all()
    assert log["user_id"].nunique() == 300


def test_synthetic_depends_on_its_seed_alone():
    once, again, other = (sources.synthetic(seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(once.log, again.log)
    pd.testing.assert_frame_equal(once.users, again.users)
    assert not once.log["item_id"].equals(other.log["item_id"])


WRONG = [
    ("num_blocks", 0),
    ("num_blocks", 999),
    ("density", 0.0),
    ("density", float("nan")),
    ("density", 1e9),
]
WRONG += [("noise", 2.0), ("response", float("inf")), ("seed", -1), ("weeks", 0)]


@pytest.mark.parametrize("wrong", [{name: value} for name, value in WRONG])
def test_synthetic_refuses_wrong_arguments(wrong):
    with pytest.raises(InputError) as caught:
        sources.synthetic(**wrong)
    assert caught.value.column == next(iter(wrong))


def _parser():
    set_parsing_settings(subclasses_enabled=[RawData])
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--source", type=RawData)
    return parser


@pytest.mark.parametrize("name", sources.__all__)
def test_each_source_can_be_named_in_yaml(name):
    part = {"source": {"class_path": "graphrec.data.sources.synthetic"}, "share": 0.5}
    arguments = {"complete_journey": {}, "synthetic": {}, "share_of_users": part}.get(name, {"path": "x"})
    source = {"class_path": f"graphrec.data.sources.{name}", "init_args": arguments}
    assert _parser().parse_object({"source": source}).source.class_path.endswith(name)
    with pytest.raises(ArgumentError, match="'colums' is not accepted"):
        _parser().parse_object({"source": source | {"init_args": arguments | {"colums": 1}}})


def test_a_table_from_yaml_reads_back_from_its_saved_config(tmp_path):
    write(tmp_path, log__csv="u,item_id\n1,a\n", items__csv="item_id,brand\na,own\n")
    arguments = {
        "path": str(tmp_path / "log.csv"),
        "columns": {"user_id": "u"},
        "items": str(tmp_path / "items.csv"),
    }
    source = {"class_path": "graphrec.data.sources.table", "init_args": arguments}
    parser = _parser()
    saved = parser.dump(parser.parse_object({"source": source}))
    raw = parser.instantiate(parser.parse_string(saved)).source
    assert raw.log["user_id"].tolist() == ["1"]
    assert raw.items["brand"].tolist() == ["own"]


def test_sources_import_neither_lightning_nor_wandb():
    heavy = ("lightning", "pytorch_lightning", "wandb", "torch_geometric")
    code = f"import sys, graphrec.data.sources; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_lightgcn_holds_out_the_ends_of_the_lists(tmp_path):
    """The validation part follows the training part in every list, as the test part does."""
    (tmp_path / "train.txt").write_text("0 9 8 7 6 5 4 3 2 1 0\n1 5 3\n2 4\n3\n")
    (tmp_path / "valid.txt").write_text("0 11\n2 12\n")
    (tmp_path / "test.txt").write_text("0 13\n1 14\n")
    log = sources.lightgcn_txt(str(tmp_path), validate_on_last=0.2).log
    parts = {
        part: list(zip(rows["user_id"], rows["item_id"], strict=True)) for part, rows in log.groupby("part")
    }
    assert parts["valid"] == [(0, 1), (0, 0), (1, 3)], "a lone item stays in training"
    assert {(0, 11), (2, 12), (2, 4), (1, 5)} < set(parts["train"])
    assert log.loc[log["item_id"].isin([11, 12, 13]), "order"].isna().all()
    assert log.loc[(log["user_id"] == 0) & (log["item_id"] == 7), "order"].item() == 2
    with pytest.raises(InputError, match="validate_on_last"):
        sources.lightgcn_txt(str(tmp_path), validate_on_last=1.0)


@pytest.mark.parametrize("in_time_order", [False, True])
def test_lists_have_an_order_where_somebody_says_so(in_time_order, tmp_path):
    (tmp_path / "train.txt").write_text("0 9 8 7\n")
    (tmp_path / "test.txt").write_text("0 13\n")
    log = sources.lightgcn_txt(str(tmp_path), in_time_order=in_time_order).log
    assert ("order" in log) == in_time_order


def test_views_get_no_rating_and_no_quantity_of_the_items_purchases(tmp_path):
    log = pd.DataFrame(
        {
            "user_id": ["a", "b", "c", "d"],
            "item_id": "x",
            "event": ["purchase", "view", "purchase", "1"],
            "rating": [4.0, None, 2.0, None],
            "quantity": [3.0, None, 1.0, None],
            "price": [2.0, None, 2.0, None],
        }
    )
    log.to_csv(tmp_path / "log.csv", index=False)
    read = sources.table(str(tmp_path / "log.csv")).log
    assert read["event"].tolist() == ["purchase", "view", "purchase", "1"]
    assert read[["rating", "quantity"]].isna().sum().tolist() == [2, 2]
    assert read["price"].tolist() == [2.0] * 4
    plain = sources.table(str(tmp_path / "log.csv"), columns={"event": None}).log
    assert plain["rating"].tolist() == [4.0, 3.0, 2.0, 3.0]
