"""What a row weighs, and what is refused with its file, row, column and fix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.sources import table
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import Event, Quantity, Rating, Recency
from graphrec.errors import InputError


def rows(**columns) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame({"user_id": "u", "item_id": "i", **columns, "line": np.arange(size) + 2})
    frame.attrs["file"] = "shop.csv"
    return frame


def test_a_rating_weighs_its_part_of_the_best_and_nothing_below_the_bound():
    weight = Rating(scale=0.2, zero_below=3).of_rows(rows(rating=[1, 2.9, 3, 5]))
    np.testing.assert_allclose(weight, [0, 0, 0.6, 1])


def test_a_quantity_weighs_its_logarithm_or_itself():
    log = rows(quantity=[1, 100])
    np.testing.assert_allclose(Quantity().of_rows(log), [np.log(2), np.log(101)])
    np.testing.assert_allclose(Quantity(form="as_is").of_rows(log), [1, 100])


@pytest.mark.parametrize(
    ("weight", "columns"),
    [
        (Recency(2), {"week": [7, 9, 11]}),
        (Recency(14, "days"), {"week": [7, 9, 11]}),
        (Recency(2), {"timestamp": pd.to_datetime(["2024-03-01", "2024-03-15", "2024-03-29"])}),
        (Recency(14, "days"), {"timestamp": pd.to_datetime(["2024-03-01", "2024-03-15", "2024-03-29"])}),
    ],
    ids=["weeks", "days by week", "weeks by time", "days"],
)
def test_a_row_weighs_half_as_much_for_each_half_life(weight, columns):
    np.testing.assert_allclose(weight.of_rows(rows(**columns)), [0.25, 0.5, 1])


def test_times_tell_more_than_weeks():
    time = pd.to_datetime(["2024-03-01 12:00", "2024-03-02 00:00"])
    weight = Recency(1, "days").of_rows(rows(timestamp=time, week=[1, 1]))
    np.testing.assert_allclose(weight, [2**-0.5, 1])


def test_an_event_weighs_what_is_said_of_it():
    log = rows(event=["view", "purchase", "return"])
    event = Event({"view": 0.1, "purchase": 1, "return": 0})
    np.testing.assert_allclose(event.of_rows(log), [0.1, 1, 0])
    assert event.is_target(log).tolist() == [False, True, False]
    assert Event({"view": 0.1, "purchase": 1, "return": 0}, ["view"]).is_target(log).tolist() == [
        True,
        False,
        False,
    ]


def test_a_code_is_the_name_of_an_event_too():
    log = rows(event=["1", "4"])
    event = Event({1: 0.1, 4: 1.0}, target=[4])
    np.testing.assert_allclose(event.of_rows(log), [0.1, 1])
    assert event.is_target(log).tolist() == [False, True]


@pytest.mark.parametrize(
    ("weight", "log", "said"),
    [
        (
            Rating(),
            rows(week=[1]),
            "shop.csv, column 'rating': the weight Rating needs this column, and the log",
        ),
        (
            Rating(),
            rows(rating=[3, np.nan]),
            "shop.csv, row 3, column 'rating': there is no rating to weigh; say what such rows weigh",
        ),
        (
            Rating(),
            rows(rating=[3, -2]),
            "row 3, column 'rating': a row cannot weigh -2; take such rows out, or give zero_below: 0",
        ),
        (
            Quantity(),
            rows(quantity=[1, -3]),
            "row 3, column 'quantity': a row cannot weigh -3; take such rows out",
        ),
        (
            Recency(),
            rows(rating=[1]),
            "column 'timestamp': the weight Recency needs times, and the log has none",
        ),
        (Event({"purchase": 1}), rows(week=[1]), "column 'event': the weight Event needs this column"),
    ],
)
def test_a_row_that_cannot_be_weighed_is_refused(weight, log, said):
    with pytest.raises(InputError) as error:
        weight.of_rows(log)
    assert said in str(error.value)


def test_a_missing_value_weighs_what_is_said_of_it():
    np.testing.assert_allclose(Rating(missing=2.5).of_rows(rows(rating=[np.nan, 4])), [2.5, 4])


def test_events_without_a_weight_are_named():
    event = Event({"veiw": 0.1, "purchase": 1})
    with pytest.raises(InputError) as error:
        event.is_target(rows(event=["purchase", "view", "cart", "view"]))
    said = str(error.value)
    assert "shop.csv, row 3, column 'event': the events view, cart have no weight" in said
    assert "0 leaves such rows out" in said
    assert "did you mean 'veiw'?" in said


def test_an_empty_event_and_a_target_that_never_comes_are_refused():
    with pytest.raises(InputError, match="row 2, column 'event': no event is named; say"):
        Event({"purchase": 1}).is_target(rows(event=[None, "purchase"]))
    with pytest.raises(InputError, match="no row is what is to be predicted; the log has view: name one of"):
        EdgeWeights([Event({"purchase": 1, "view": 1})]).marked(rows(event=["view"]))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Event({"view": -1, "purchase": 1}), "'weights.view': -1 is too small"),
        (lambda: Event({}), "no event has a weight"),
        (lambda: Event({"view": 1}), "the event 'purchase' has no weight"),
        (lambda: Event({"view": 1}, []), "nothing is to be predicted"),
        (lambda: Rating(scale=0), "'scale': 0 is too small"),
        (lambda: Quantity("sqrt"), "'sqrt' is no form"),
        (lambda: Recency(half_life=0), "'half_life': 0 is too small"),
        (lambda: Recency(1, "months"), "'months' is no unit"),
    ],
)
def test_arguments_are_checked(make, said):
    with pytest.raises(InputError) as error:
        make()
    assert said in str(error.value)


def test_a_rating_that_cleaning_filled_weighs_what_such_rows_weigh(tmp_path):
    """A source fills in the median of the item: nobody said it, and `missing` says what it weighs."""
    file = tmp_path / "log.csv"
    file.write_text("user_id,item_id,rating\na,x,2\nb,x,4\nc,x,\nd,y,\n")
    log = table(str(file)).log
    assert log["rating"].tolist()[:3] == [2, 4, 3]
    np.testing.assert_allclose(Rating(missing=0.5).of_rows(log), [2, 4, 0.5, 0.5])
    np.testing.assert_allclose(Rating().of_rows(log[:3]), [2, 4, 3])
