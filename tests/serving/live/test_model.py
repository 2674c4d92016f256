"""One shopper at a time gets what the batch commands write: by the model, by a history, by popularity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from odd_shop import ITEMS, USERS
from unfitted import built, keep, models, write_shop

from graphrec.cli.experiment.exports import export
from graphrec.cli.experiment.live import load_live
from graphrec.data.choice.history import History
from graphrec.data.choice.items import ItemFiles
from graphrec.data.interactions import Columns
from graphrec.data.tables.read import Table
from graphrec.errors import InputError
from graphrec.serving.live.answers import Filter, Listing, Shopper
from graphrec.serving.request import Request
from graphrec.serving.similar import SimilarRequest
from graphrec.serving.state.events import Event

MODELS = models()
QUICK = ("lightgcn", "item_cf", "spectral", "popularity", "with_features", "fusion")
STRANGER = "ß new; 001"
TIME = pd.Timestamp("2024-06-29").timestamp()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        write_shop()
        yield


def made(name, tmp_path, **more):
    """The fitted model with its data, and the live one of its export."""
    task, data, config = built(name, MODELS[name], **more)
    keep(task, data, config, tmp_path / "best.ckpt")
    export(tmp_path / "best.ckpt", task, data, tmp_path / "model.zip", trusted=False)
    return task, data, load_live(tmp_path / "model.zip")


def event(item: str, day: int = 0, number: int = 0, **more) -> Event:
    return Event(id=f"e{number}{item}{day}", user="", item=item, time=TIME + 86_400 * day, **more)


def rows_of(data, user: str, events=()) -> pd.DataFrame:
    """Training rows of a user and some purchases, as the log of somebody whom nobody knows."""
    train = data.split.train.frame
    mine = train[train[Columns.USER].astype(str) == user]
    # batches count weeks from their own first day: the week of an event is the log's here
    first = pd.to_datetime(train[Columns.TIMESTAMP]).min()
    days = pd.to_datetime([one.time for one in events], unit="s")
    new = pd.DataFrame(
        {
            Columns.ITEM: [one.item for one in events],
            Columns.TIMESTAMP: days,
            Columns.WEEK: (days - first.normalize()).days // 7 + 1,
        }
    )
    both = pd.concat([mine[list(new)], new], ignore_index=True)
    return both.assign(**{Columns.USER: STRANGER, Columns.ITEM: both[Columns.ITEM].astype("str")})


def by_batch(task, data, users, history=None, k=7, item_set="new") -> pd.DataFrame:
    """What `graphrec recommend` lists."""
    people = None if users is None else Table(pd.DataFrame({"user_id": users}, dtype="str"), None)
    given = None if history is None else History("history", history)
    request = Request(people, given, None, None, None, ItemFiles({}, {}))
    return request.lists(task, data, k, item_set)[0]


def same(ours: Listing, theirs: pd.DataFrame) -> None:
    """Items in their order and scores, those of equal scores within rounding in any order."""
    np.testing.assert_allclose([one.score for one in ours.items], theirs["score"], rtol=2e-5, atol=1e-6)
    scores = theirs.set_index(theirs["item_id"].astype(str))["score"]
    for one in ours.items[:-1]:
        if one.item in scores.index:
            assert one.score == pytest.approx(scores[one.item], rel=2e-5, abs=1e-6)
    gaps = np.abs(np.diff(theirs["score"]))
    if (gaps > 1e-5 * (1 + theirs["score"].abs().max())).all():
        assert [one.item for one in ours.items] == theirs["item_id"].astype(str).tolist()


each_model = pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in MODELS]
)


@each_model
def test_each_basis_is_the_batch(name, folder, tmp_path):
    task, data, live = made(name, tmp_path)
    for item_set in ("new", "all", "repeat"):
        lists = by_batch(task, data, None, item_set=item_set)
        of_user = dict(list(lists.groupby(lists["user_id"].astype(str))))
        for user in USERS[::5]:
            ours = live.recommend([Shopper(user)], 7, Filter(item_set=item_set))[0]
            if user in of_user:
                same(ours, of_user[user])
                assert ours.basis == "model"
    events = (event("003"), event(ITEMS[25], 3))
    for user in (USERS[0], "nobody"):
        theirs = by_batch(task, data, [STRANGER], rows_of(data, user, events))
        ours = live.recommend([Shopper(user, events)], 7, Filter())[0]
        if ours.basis == "history":
            assert (theirs["basis"] == "history").all()
            same(ours, theirs)
        else:
            assert not task.recommender.folds_in
            assert not {one.item for one in ours.items} & {"003", ITEMS[25]}
    theirs, ours = by_batch(task, data, [STRANGER]), live.recommend([Shopper(STRANGER)], 7, Filter())[0]
    if (theirs["basis"] == "popularity").all():
        assert ours.basis == "popularity"
        same(ours, theirs)


@pytest.mark.parametrize("name", ["item_cf", "lightgcn", "spectral", "ease"])
def test_similar_items_are_the_batch(name, folder, tmp_path):
    task, data, live = made(name, tmp_path)
    frame, _ = SimilarRequest(None, "all", ItemFiles({}, {})).lists(task, data, 5)
    for item in ("001", "Weißbier 3", "x;9"):
        theirs = frame[frame["item_id"] == item].rename(columns={"similar_id": "item"})
        ours = live.similar([item], 5, Filter())[0]
        same(ours, theirs.assign(item_id=theirs["item"]))
    with pytest.raises(InputError, match="there is no item 'nothing'"):
        live.similar(["nothing"], 5, Filter())


@pytest.fixture(scope="module")
def live(folder, tmp_path_factory):
    return made("item_cf", tmp_path_factory.mktemp("live"))[2]


def items(listing: Listing) -> list[str]:
    return [one.item for one in listing.items]


def test_filters_are_those_of_a_scan(live):
    table = pd.read_csv("items.csv", dtype=str).set_index("item_id")
    whole = items(live.recommend([Shopper("003")], 99, Filter())[0])
    beer = Filter(where={"category": frozenset({"beer"}), "stock": frozenset({"1", "3"})})
    wanted = [
        one for one in whole
        if one in table.index and table["category"][one] == "beer" and table["stock"][one] in ("1.0", "3.0")
    ]  # fmt: skip
    told = {value: value for value in table["stock"].dropna().unique()}
    if "1.0" in told:
        beer = Filter(where={"category": frozenset({"beer"}), "stock": frozenset({"1.0", "3.0"})})
    assert items(live.recommend([Shopper("003")], 99, beer)[0]) == wanted
    assert len(wanted) > 1
    some = frozenset(whole[2:9])
    only = Filter(items=some, exclude=frozenset(whole[:4]))
    assert items(live.recommend([Shopper("003")], 3, only)[0]) == whole[4:7]
    stock = items(live.recommend([Shopper("003")], 99, Filter(in_stock=True))[0])
    assert stock == [one for one in whole if table["stock"].get(one) not in ("0", "0.0")]
    assert stock != whole


@pytest.mark.parametrize(
    ("only", "told"),
    [
        (Filter(items=frozenset({"99"})), "there is no item '99'"),
        (Filter(exclude=frozenset({"1"})), "there is no item '1'"),
        (Filter(where={"categry": frozenset({"beer"})}), "attribute 'categry'.*did you mean 'category'"),
        (Filter(where={"category": frozenset({"bier"})}), "no item has the category 'bier'.*'beer'"),
    ],
)
def test_what_a_filter_does_not_know_is_told(only, told, live):
    with pytest.raises(InputError, match=told):
        live.recommend([Shopper("003")], 3, only)


def test_leading_zeros_and_unknown_ids_are_other_people(live):
    assert live.knows("003")
    assert not live.knows("3")
    assert live.knows("Müller 3")
    nobody = live.recommend([Shopper(None)], 30, Filter())[0]
    assert live.recommend([Shopper("3")], 30, Filter())[0] == nobody
    log = pd.read_csv("log.csv", dtype=str)
    assert nobody.basis == "popularity"
    assert [one.score for one in nobody.items] == sorted((one.score for one in nobody.items), reverse=True)
    assert max(one.score for one in nobody.items) <= log.groupby("item_id")["user_id"].nunique().max()


def test_what_does_not_count_changes_nothing(live):
    before = live.recommend([Shopper("003")], 30, Filter())
    for some in (
        (event("001", kind="view"),),
        (event("gone"),),
        (event("001"), event("001", 1, kind="return")),
        (event("001", quantity=2.0), event("001", 1, quantity=-1.0), event("001", 2, quantity=-1.0)),
        (event("001", quantity=0.0),),
    ):
        assert live.recommend([Shopper("003", some)], 30, Filter()) == before
    part = (event("001", quantity=2.0), event("001", 1, quantity=-1.0))
    assert live.recommend([Shopper("003", part)], 30, Filter())[0].basis == "history"
    stranger = (event("001"), event("001", 1, kind="return"))
    assert live.recommend([Shopper(None, stranger)], 3, Filter())[0].basis == "popularity"


def test_a_return_of_what_training_knows_makes_it_new_again(live):
    mine = items(live.recommend([Shopper("003")], 99, Filter(item_set="repeat"))[0])
    train = live.data.split.train.frame
    weeks = train[train["user_id"] == "003"].groupby("item_id")["week"].nunique()
    once = next(one for one in mine if weeks[one] == 1)
    back = (event(once, kind="return"),)
    answer = live.recommend([Shopper("003", back)], 99, Filter())[0]
    assert answer.basis == "history"
    assert once in items(answer)
    assert once not in items(live.recommend([Shopper("003", back)], 99, Filter(item_set="repeat"))[0])


def test_company_changes_no_answer(folder, tmp_path):
    live = made("lightgcn", tmp_path)[2]
    shoppers = [
        Shopper("003"), Shopper("005", (event("001"),)), Shopper(None), Shopper(None, (event("x;1"),)),
        Shopper("005", (event("002"), event("003", 1))), Shopper("003"),
    ]  # fmt: skip
    together = live.recommend(shoppers, 9, Filter())
    for one, ours in zip(shoppers, together, strict=True):
        alone = live.recommend([one], 9, Filter())[0]
        assert (items(alone), alone.basis) == (items(ours), ours.basis)
        scores = ([listed.score for listed in both.items] for both in (alone, ours))
        np.testing.assert_allclose(*scores, rtol=1e-5)


def test_version_is_of_the_content(live, folder, tmp_path):
    other = made("ease", tmp_path)[2]
    assert len(live.version) == 12
    assert int(live.version, 16) >= 0
    assert live.version != other.version
    assert made("ease", tmp_path)[2].version == other.version


def test_names_and_reasons_are_those_of_the_batch(folder, tmp_path, live):
    assert live.names(["001", "nothing"]) == ["001", "nothing"]
    listing = live.recommend([Shopper("003", (event("001"),))], 5, Filter())[0]
    reasons = live.reasons(Shopper("003", (event("001"),)), items(listing))
    assert len(reasons) == len(items(listing))
    assert any(one.startswith("because you bought") for one in reasons)
    request = Request(None, None, None, None, None, ItemFiles({}, {}), explain=True)
    task, data, _ = made("item_cf", tmp_path)
    frame = request.lists(task, data, 5, "new")[0]
    theirs = frame[frame["user_id"] == "003"]
    assert live.reasons(Shopper("003"), theirs["item_id"].tolist()) == theirs["reason"].tolist()
    assert live.knows_item("001")
    assert not live.knows_item("1")
    with pytest.raises(InputError, match="no item '1'"):
        live.reasons(Shopper("003"), ["1"])
