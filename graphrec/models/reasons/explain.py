"""Which account a model has."""

from __future__ import annotations

from torch import Tensor

from graphrec.graph import BipartiteGraph
from graphrec.models.answers.folded import FoldedIn
from graphrec.models.base import Recommender
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.neighbours import UserKNN
from graphrec.models.reasons.account import Accounts
from graphrec.models.reasons.propagation import by_messages, propagates
from graphrec.models.reasons.purchases import known_kinds


def accounts_of(model: Recommender, users: Tensor) -> Accounts | None:
    """Make the accounts of a model's scores by purchases; None if it has no exact one.

    Args:
        model: Fitted, or what ranks for the baskets of others by it.
        users: Codes of the users that are asked for. Shape ``[B]``.
    """
    fitted = model.model if isinstance(model, FoldedIn) else model
    graph: BipartiteGraph = model.graph
    if isinstance(fitted, EmbeddingRecommender):
        return by_messages(fitted, graph, users) if propagates(fitted) else None
    found = known_kinds().get(type(fitted))
    if found is None or (isinstance(fitted, UserKNN) and graph is not fitted.graph):
        return None
    accounts: Accounts = found(fitted, graph, users)
    return accounts
