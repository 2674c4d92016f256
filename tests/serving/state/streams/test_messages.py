from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.streams.messages import Message, event_of


def read(text: str) -> Event:
    return event_of(Message("events", "1700000000123-0", text, 1_700_000_000.123))


def test_all_fields_and_what_stands_for_those_that_are_missing():
    told = Event("e1", "007", "茶", "view", 5.5, -2.0, 9.99, "o1")
    whole = {name: getattr(told, name) for name in told.__dataclass_fields__}
    assert read(json.dumps(whole)) == told
    short = Event("events/1700000000123-0", "7", "42", "purchase", 1_700_000_000.123, 1.0)
    assert read('{"user": 7, "item": 42, "amount": null}') == short


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("9" * 5000, "no JSON"),
        ("[1]", "no JSON object"),
        ('{"user": "u"}', "'item': it is missing"),
        ('{"user": "u", "item": null}', "'item': it is missing"),
        ('{"user": "u", "item": "i", "qty": 3}', "'qty': there is no such field; known are id, user"),
        ('{"user": "u", "item": true}', "'item': 'True' is no text"),
        ('{"user": 1.5, "item": "i"}', "'user': '1.5' is no text"),
        ('{"user": "", "item": "i"}', "'user': it is empty"),
        ('{"user": "\\ud800", "item": "i"}', "'user': it is no Unicode"),
        ('{"user": "u", "item": "i", "time": "today"}', "'time': 'today' is no number"),
        ('{"user": "u", "item": "i", "time": NaN}', "'time': nan is not a finite"),
        ('{"user": "u", "item": "i", "time": 1.7e12}', "give seconds since 1970"),
        ('{"user": "u", "item": "i", "quantity": 1' + "0" * 400 + "}", "'quantity'.*is no number"),
        ('{"id": "' + "x" * 129 + '", "user": "u", "item": "i"}', "'id': it has 129 characters"),
    ],
)
def test_a_message_that_is_no_event_says_why(text, said):
    with pytest.raises(InputError, match=said):
        read(text)


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)
fields = st.sampled_from(["id", "user", "item", "kind", "time", "quantity", "amount", "offer", "x"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(fields, values).map(json.dumps) | st.text(max_size=20))
def test_any_text_is_an_event_or_refused(text):
    try:
        event = read(text)
    except InputError:
        return
    assert event.user
    assert event.item
    assert abs(event.time) < 1e11
