"""The search in groups, by each kind of bounds, against a full ranking."""

from __future__ import annotations

import pytest
import torch

from graphrec.kernels import search_bounds
from graphrec.kernels.search import ItemIndex, is_worthwhile
from graphrec.kernels.topk import tie_order, top_items, top_unseen

ITEMS, DIM, K = 6000, 16, 20
ORDER = tie_order(ITEMS, torch.device("cpu"))


@pytest.fixture(
    params=["exact", "half", *(["bytes"] if search_bounds.multiplies_bytes() else [])], autouse=True
)
def kind_of_bounds(request, monkeypatch):
    """As on a processor without and with instructions for products of tiles and of bytes."""
    monkeypatch.setattr(search_bounds, "multiplies_tiles", lambda: request.param == "half")
    monkeypatch.setattr(search_bounds, "multiplies_bytes", lambda: request.param == "bytes")


def vectors(kind: str, users: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors whose best items are easy, close together, equal, or all negative."""
    generator = torch.Generator().manual_seed(0)
    user, item = torch.randn(users, DIM, generator=generator), torch.randn(ITEMS, DIM, generator=generator)
    if kind == "popular":
        item *= torch.rand(ITEMS, 1, generator=generator) ** -0.7
    elif kind == "close":
        item = item[:1] + 1e-4 * item
    elif kind == "equal":
        item = item[torch.arange(ITEMS) % 50]
    elif kind == "negative":
        user, item = user.abs(), -item.abs()
    elif kind == "nothing":
        user = torch.zeros_like(user)
    return user, item


def full(user, item, seen=None):
    scores = user @ item.T
    return top_items(scores, K, ORDER) if seen is None else top_unseen(scores, seen, K, ORDER)


@pytest.mark.parametrize("kind", ["plain", "popular", "close", "equal", "negative", "nothing"])
def test_lists_are_those_of_a_full_ranking(kind):
    user, item = vectors(kind)
    values, items = ItemIndex(item, ORDER).top(user, K)
    expected_values, expected_items = full(user, item)
    torch.testing.assert_close(values, expected_values, atol=1e-5, rtol=1e-5)
    if kind == "close":  # scores differ by less than float32 can tell for sure
        assert (items == expected_items).float().mean() > 0.5
    else:
        assert torch.equal(items, expected_items)


@pytest.mark.parametrize("size", [5999, 5998, 5997])
def test_a_catalogue_that_fills_no_whole_groups_is_ranked_in_full_all_the_same(size, monkeypatch):
    for kind in (search_bounds.ExactBounds, search_bounds.HalfBounds, search_bounds.ByteBounds):
        monkeypatch.setattr(kind, "block", 900)
        monkeypatch.setattr(kind, "users", 128)
    user, item = vectors("plain")
    order = tie_order(size, torch.device("cpu"))
    values, items = ItemIndex(item[:size], order).top(user, K)
    expected_values, expected_items = top_items(user @ item[:size].T, K, order)
    torch.testing.assert_close(values, expected_values, atol=1e-5, rtol=1e-5)
    assert torch.equal(items, expected_items)


def test_seen_items_are_left_out_even_if_a_user_has_seen_nearly_all():
    user, item = vectors("plain")
    mask = torch.rand(len(user), ITEMS, generator=torch.Generator().manual_seed(1)) < 0.02
    mask[0], mask[0, 5:9] = True, False
    mask[299] = True
    seen = mask.nonzero(as_tuple=True)
    values, items = ItemIndex(item, ORDER).top(user, K, seen)
    expected_values, expected_items = full(user, item, seen)
    torch.testing.assert_close(values, expected_values, atol=1e-5, rtol=1e-5)
    listed = ~values.isneginf()
    assert torch.equal(items[listed], expected_items[listed])
    assert listed.sum(dim=1)[[0, 299]].tolist() == [4, 0]


def test_what_is_not_a_number_comes_first():
    user, item = vectors("plain")
    user[7], item[3] = torch.nan, torch.nan
    values, _ = ItemIndex(item, ORDER).top(user, K)
    assert values[7].isnan().all()
    assert values[:, 0].isnan().all()


def test_most_rows_are_certified(monkeypatch):
    counted = []
    search = ItemIndex._in_full
    monkeypatch.setattr(ItemIndex, "_in_full", lambda *a: counted.append(len(a[2])) or search(*a))
    user, item = vectors("popular")
    ItemIndex(item, ORDER).top(user, K)
    assert sum(counted) < 0.2 * len(user)


def test_no_users_and_small_catalogues():
    user, item = vectors("plain")
    values, items = ItemIndex(item, ORDER).top(user[:0], K)
    assert values.shape == items.shape == (0, K)
    assert not is_worthwhile(item[:1000], K)
