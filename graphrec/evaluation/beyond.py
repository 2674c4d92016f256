"""Measures of a list beside its hits: how new, surprising, varied and true to the user's mix it is.

Nothing here imports torch; see `graphrec.evaluation.lists`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.evaluation.lists import Categories, Lists

if TYPE_CHECKING:
    from torch import Tensor

_SMOOTHING = 0.01
"""Share of the user's own mix that is added to the list's, so that no category has probability 0."""
_CHUNK = 4096
"""Users whose mix of categories is laid out at a time."""


def novelty(lists: Lists) -> Tensor:
    """Average the bits of what is listed, 0 where nothing is (Zhou et al., PNAS 2010). Shape ``[n]``."""
    return (lists.information * lists.listed).sum(dim=1) / lists.length.clamp_min(1)


def serendipity(lists: Lists) -> Tensor:
    """Compute the precision of what the list of the K most bought items has not (Ge et al., RecSys 2010).

    The expected is what anybody would recommend without a model. Shape ``[n]``.
    """
    return (lists.hits * (lists.popularity >= lists.k)).sum(dim=1) / lists.k


def diversity(lists: Lists) -> Tensor:
    """Compute the share of pairs of listed items that are of two categories; 0 for less than two items.

    Intra-list diversity (Ziegler et al., WWW 2005) by the categories that the data name. Shape ``[n]``.
    """
    category = _of_items(lists)
    length = category.shape[1]
    alike = lists.hits.new_zeros(len(category))
    for apart in range(1, length):
        first, second = category[:, :-apart], category[:, apart:]
        alike += ((first == second) & lists.listed[:, apart:]).sum(dim=1)
    pairs = lists.length * (lists.length - 1) / 2
    return (1.0 - alike / pairs.clamp_min(1)) * (pairs > 0)


def miscalibration(lists: Lists) -> Tensor:
    """Compute how far the categories of a list are from the user's own mix (Steck, RecSys 2018).

    It is the Kullback-Leibler divergence ``Σ p log(p / q)`` in nats, of the share ``p`` of a category among
    the items that the user bought in training. ``q`` is 99 % its share on the list and 1 % ``p``. Users
    without a purchase in training have the mix of all purchases. Shape ``[n]``.
    """
    categories = _categories(lists)
    width = len(categories.names)
    edges = lists.graph.edge_item
    overall = _mix(lists.hits.new_zeros(len(edges)).long(), categories.of_item[edges], 1, width, lists)[0]
    found = lists.hits.new_zeros(len(lists.users))
    for start in range(0, len(lists.users), _CHUNK):
        rows = slice(start, start + _CHUNK)
        users = lists.users[rows]
        row, item = lists.graph.bought.pairs(users)
        own = _mix(row, categories.of_item[item], len(users), width, lists)
        own[own.sum(dim=1) == 0] = overall
        place, rank = lists.listed[rows].nonzero(as_tuple=True)
        shown = _mix(place, categories.of_item[lists.items[rows][place, rank]], len(users), width, lists)
        smoothed = (1.0 - _SMOOTHING) * shown + _SMOOTHING * own
        # where the user has nothing of a category the summand is 0, whatever the list holds
        found[rows] = (own * (own.clamp_min(1e-300).log() - smoothed.clamp_min(1e-300).log())).sum(dim=1)
    return found.clamp_min(0.0)


def _mix(row: Tensor, category: Tensor, rows: int, width: int, lists: Lists) -> Tensor:
    """Compute the shares of the categories in each row, 0 where a row has nothing. Shape ``[rows, C]``."""
    counts = lists.hits.new_zeros(rows * width)
    counts.index_add_(0, row * width + category, lists.hits.new_ones(len(row)))
    counts = counts.reshape(rows, width)
    return counts / counts.sum(dim=1, keepdim=True).clamp_min(1.0)


def _of_items(lists: Lists) -> Tensor:
    """Find the category of what is listed. Shape of the items."""
    return _categories(lists).of_item[lists.items.clamp_min(0)]


def _categories(lists: Lists) -> Categories:
    assert lists.categories is not None
    return lists.categories


def copurchase_diversity(lists: Lists) -> Tensor:
    """Average the distance ``1 − cosine`` of pairs of listed items, by who bought them; 0 for less than two.

    Intra-list diversity where items have no category: two items are close if the same users bought both. It
    takes a product of lists with the log, so it is measured only where ``measures`` names it. Shape ``[n]``.
    """
    import numpy as np
    import scipy.sparse as sp

    graph = lists.graph
    user, item = graph.edge_user.cpu().numpy(), graph.edge_item.cpu().numpy()
    buyers = np.bincount(item, minlength=graph.num_items)
    shape = (graph.num_items, graph.num_users)
    bought = sp.csr_array((1.0 / np.sqrt(buyers[item]), (item, user)), shape=shape)
    listed, places = lists.listed.cpu().numpy(), lists.items.cpu().numpy()
    found = np.zeros(len(listed))
    for start in range(0, len(listed), _CHUNK // 8):
        rows = slice(start, start + _CHUNK // 8)
        own, names = listed[rows], places[rows]
        begin = np.concatenate([[0], np.cumsum(own.sum(axis=1))])
        marks = sp.csr_array((np.ones(begin[-1]), names[own], begin), shape=(len(own), graph.num_items))
        total = marks @ bought
        length, known = own.sum(axis=1), marks @ (buyers > 0).astype(np.float64)
        cosines = total.multiply(total).sum(axis=1) - known  # of ordered pairs
        pairs = length * (length - 1)
        found[rows] = np.where(pairs > 0, 1.0 - cosines / np.maximum(pairs, 1), 0.0)
    return lists.hits.new_tensor(found)
