"""Fold-ins of which the part that training alone decides is worked out once.

Beside `fold_in`, an encoder may define ``own_folding``. It is asked only in a class whose ``fold_in`` it was
written for: a subclass with another ``fold_in`` is asked for that each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from graphrec.capabilities import written_for
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Encoder

Folding = Callable[[BipartiteGraph], Tensor]
"""From baskets of ``n`` people to their vectors ``[n, D]``."""


@runtime_checkable
class FoldsOften(Protocol):
    """An encoder that prepares its fold-in."""

    def own_folding(self, graph: BipartiteGraph) -> Folding:
        """Make what folds baskets in, with all that the training graph decides worked out."""


def folding(encoder: Encoder, graph: BipartiteGraph) -> Folding:
    """Make what folds baskets in, as long as the weights of the encoder stay as they are.

    Args:
        encoder: One that folds in.
        graph: The training graph.
    """
    if isinstance(encoder, FoldsOften) and written_for(type(encoder), "own_folding", "fold_in"):
        return encoder.own_folding(graph)
    return lambda baskets: encoder.fold_in(graph, baskets)
