"""Python gets what the command line has: histories, filters and unknown people, of runs and of exports."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest
from front_shop import COLUMNS, purchases

import graphrec as gr
from graphrec.cli.main import main
from graphrec.errors import InputError

BASKET = ["003", "011", "021"]


@pytest.fixture(scope="module")
def model(run, shop):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shop)
        main(["export", str(run.folders[0]), "--out", str(shop / "model.zip")])
    return gr.load(shop / "model.zip")


def command(run, *words) -> pd.DataFrame:
    main(["recommend", "--ckpt", str(run.checkpoint()), "--out", "by_command.parquet", *words])
    return pd.read_parquet("by_command.parquet")


def frames() -> dict[str, pd.DataFrame]:
    sku = [f"{n:03d}" for n in range(30)]
    return {
        "history": pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["003", "011", "021"]}),
        "exclude": pd.DataFrame({"user_id": ["a", "b"], "item_id": ["004", "005"]}),
        "item_table": pd.DataFrame({"item_id": sku, "stock": [n % 4 for n in range(30)]}),
        "boost": pd.DataFrame({"item_id": ["001", "002"], "boost": [0.5, -0.5]}),
    }


@pytest.mark.parametrize("ask", ["run", "model"])
def test_each_option_does_what_the_command_does(ask, run, model):
    given = frames()
    for name, frame in given.items():
        frame.to_csv(f"{name}.csv", index=False)
    words = [f"--{name} {name}.csv" for name in given]
    theirs = command(
        run, *" ".join(words).split(), "--where", "stock > 0", "--users", "b", "a", "C1", "-k", "5"
    )
    of = {"run": run, "model": model}[ask]
    ours = of.recommend(["b", "a", "C1"], k=5, where="stock > 0", **given)
    pd.testing.assert_frame_equal(ours, theirs)
    assert ours.attrs == theirs.attrs
    by_file = of.recommend(
        ["b", "a", "C1"], k=5, where="stock > 0", **{name: f"{name}.csv" for name in given}
    )
    pd.testing.assert_frame_equal(by_file, theirs)


@pytest.mark.parametrize("ask", ["run", "model"])
def test_similar_items_are_those_of_the_command(ask, run, model):
    given = frames()
    words = ["--where", "stock > 0", "-k", "4"]
    for name in ("item_table", "boost"):
        given[name].to_csv(f"{name}.csv", index=False)
        words += [f"--{name}", f"{name}.csv"]
    out = ["--out", "alike.parquet"]
    main(["similar", "003", "011", "--ckpt", str(run.checkpoint()), *words, *out])
    theirs = pd.read_parquet("alike.parquet")
    of = {"run": run, "model": model}[ask]
    more = {name: given[name] for name in ("item_table", "boost")}
    ours = of.similar(["003", "011"], k=4, where="stock > 0", **more)
    pd.testing.assert_frame_equal(ours, theirs)
    assert ours.attrs == theirs.attrs
    assert set(of.similar(["003"], only=["011", "021"])["similar_id"]) <= {"011", "021"}
    with pytest.raises(InputError, match="not of one user"):
        of.similar(["003"], exclude=given["exclude"])
    with pytest.raises(InputError, match="none of the 1 ids"):
        of.similar(["nothing"])


@pytest.fixture(scope="module")
def hetero(shop):
    """A model that reads attributes, exported."""
    goods = pd.DataFrame({"item_id": [f"{n:03d}" for n in range(30)], "sort": ["a", "b", "c"] * 10}).rename(
        columns={"item_id": "sku"}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shop)  # a run names its tables from here
        data = gr.load(purchases(), COLUMNS, split=gr.LeaveLast(), items=goods)
        fitted = gr.fit("heterogcn", data, epochs=1)
        main(["export", str(fitted.folders[0]), "--out", "hetero.zip"])
        return fitted, gr.load("hetero.zip")


def test_new_items_are_those_of_the_command(hetero):
    new = pd.DataFrame({"item_id": ["new 1", "known"], "sort": ["a", "x"]})
    new.to_csv("new.csv", index=False)
    fitted, packed = hetero
    theirs = command(fitted, "--users", "C1", "-k", "40", "--new_items", "new.csv")
    assert "new 1" in set(theirs["item_id"])
    for of in hetero:
        pd.testing.assert_frame_equal(of.recommend(["C1"], k=40, new_items=new), theirs)
        pd.testing.assert_frame_equal(of.recommend(["C1"], k=40, new_items="new.csv"), theirs)
    assert "new 1" not in set(packed.recommend(["C1"], k=40)["item_id"])


def test_a_model_of_features_by_name_takes_the_defaults(frame_data):
    fitted = gr.fit("logistic", frame_data)
    assert fitted.config["data"]["init_args"]["features"] is not None
    parts = [*(f"share_{place}" for place in (1, 2, 3)), "others", "rest"]
    why = fitted.recommend(["C1"], k=3, explain=True)
    assert why[parts].sum(axis=1).to_numpy() == pytest.approx(why["score"].to_numpy(), abs=1e-5)


def test_a_list_of_items_is_the_history_of_one_person(model):
    ours = model.recommend(history=BASKET, k=4)
    log = pd.DataFrame({"user_id": "somebody", "item_id": BASKET})
    pd.testing.assert_frame_equal(ours, model.recommend(history=log, k=4))
    assert (ours["user_id"] == "somebody").all()
    assert (ours["basis"] == "history").all()
    assert not ours["item_id"].isin(BASKET).any()
    assert (model.recommend(["C9", "new"][1:], history=BASKET, k=4)["user_id"] == "new").all()


def test_items_are_a_set_or_the_only_ones(model):
    only = model.recommend(["C1"], items=["001", "002", "003"], k=9)
    assert set(only["item_id"]) <= {"001", "002", "003"}
    repeat = model.recommend(["C1"], items="repeat", k=30)
    log = purchases().rename(columns={theirs: ours for ours, theirs in COLUMNS.items()})
    assert set(repeat["item_id"]) <= set(log[log["user_id"] == "C1"]["item_id"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"history": 7}, "7 is no list of history"),
        ({"history": BASKET, "users": ["a", "b"]}, "history of one person, and 2 are asked for"),
        ({"history": ["nothing"]}, "none of the 1 ids"),
        ({"items": "old"}, "'old' is no set of items"),
        ({"where": "colour = 'red'"}, "the data has no table of items|column"),
        ({"item_table": pd.DataFrame({"item_id": ["001"]})}, "nothing asks about this table"),
        ({"user_table": pd.DataFrame({"user_id": ["C1"]})}, "the model reads no attributes of users"),
        ({"k": 0}, "0 is too small"),
    ],
)
def test_what_is_wrong_is_told(options, told, model):
    with pytest.raises(InputError, match=told):
        model.recommend(**options)


def test_load_tells_a_model_from_a_log(model, shop):
    assert model.about["model"] == "LightGCN"
    with pytest.raises(InputError, match="this is an exported model, which takes no such argument"):
        gr.load(shop / "model.zip", split=gr.LeaveLast())
    with pytest.raises(InputError, match="only an exported model is trusted"):
        gr.load(shop / "purchases.csv", COLUMNS, split=gr.LeaveLast(), trust=True)


def test_a_history_may_stand_in_a_database(model):
    with sqlite3.connect("asked.db") as connection:
        frames()["history"].to_sql("history", connection, index=False, if_exists="replace")
    ours = model.recommend(history="sqlite:///asked.db?table=history", k=4)
    pd.testing.assert_frame_equal(ours, model.recommend(history=frames()["history"], k=4))
