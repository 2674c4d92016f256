"""Examples of requests, for the OpenAPI page; ids are those of no shop."""

from __future__ import annotations

from typing import Any

RECOMMEND: Any = {
    "one": {"summary": "Ten items for a shopper", "value": {"user": "C17", "k": 10}},
    "filtered": {
        "summary": "Only dairy, on hand, and not what lies in the basket",
        "value": {
            "user": "C17",
            "k": 5,
            "filter": {"where": {"department": ["DAIRY"]}, "in_stock": True, "exclude": ["1012587"]},
        },
    },
    "visitor": {
        "summary": "Somebody without an id, by what they just looked at",
        "value": {"events": [{"item": "1008714", "kind": "view"}], "k": 10},
    },
    "batch": {
        "summary": "Several shoppers at once",
        "value": {"shoppers": [{"user": "C17"}, {"user": "C18"}], "k": 10},
    },
}
OFFERS: Any = {
    "one": {
        "summary": "The best offer for a shopper",
        "value": {"user": "C17", "request_id": "basket-20260201-17"},
    },
    "preview": {
        "summary": "What would be offered; nothing is promised",
        "value": {"user": "C17", "k": 20, "most": 3, "preview": True},
    },
}
SIMILAR: Any = {"one": {"summary": "Five items like one", "value": {"items": ["1008714"], "k": 5}}}
EVENTS: Any = {
    "purchase": {
        "summary": "A purchase that answers an offer",
        "value": {
            "events": [
                {
                    "id": "till4-20260201-0092-1",
                    "user": "C17",
                    "item": "1008714",
                    "kind": "purchase",
                    "time": "2026-02-01T10:15:00Z",
                    "quantity": 2,
                    "amount": 5.38,
                    "offer": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
                }
            ]
        },
    },
    "view": {
        "summary": "Something that was looked at, now",
        "value": {"events": [{"id": "web-8f31", "user": "C17", "item": "1008714", "kind": "view"}]},
    },
}
RELOAD: Any = {
    "newest": {"summary": "The newest version of the folder", "value": {}},
    "back": {"summary": "The version before", "value": {"rollback": True}},
}
BUDGET: Any = {"more": {"summary": "More money for this horizon", "value": {"budget": 750}}}
LOOK: Any = {"one": {"summary": "A shopper at a dearer budget", "value": {"user": "C17", "multiplier": 2}}}
