"""Closed-form recommenders under the commands of trained ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor

from graphrec.errors import InputError
from graphrec.evaluation.finite import not_finite
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm, Recommender
from graphrec.training.ranked import RankedTask
from graphrec.training.steps import check_reads_weights


class ClosedFormTask(RankedTask):
    """Runs a recommender that needs no gradient through the same fit, validate and test.

    Args:
        recommender: For example ``Popularity``, ``TopFrequency`` or ``ItemCF``.
    """

    by_gradient: ClassVar[bool] = False
    logs_only_known: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True
    """It leaves them to the recommender, which has to declare that it reads them."""

    def __init__(self, recommender: ClosedForm) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.closed_form = recommender

    @property
    def model_name(self) -> str:
        """Name of the recommender's class."""
        return type(self.closed_form).__name__

    def build(self, graph: BipartiteGraph) -> Recommender:
        """Fit the recommender to the graph.

        Raises:
            InputError: If what it learned is not finite, or edges have weights and it reads none.
        """
        check_reads_weights(graph, self.closed_form, "recommender")
        self.closed_form.fit(graph)
        name = not_finite(self.closed_form.named_buffers())
        if name is not None:
            model = type(self.closed_form).__name__
            what = f"{model} cannot be fitted: {name} holds values that are no numbers"
            raise InputError(what, column="recommender", hint="give its options less extreme values")
        return self.closed_form

    def rebuild(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> Recommender:
        """Take what was fitted from a checkpoint."""
        check_reads_weights(graph, self.closed_form, "recommender")
        self.closed_form.restore(graph, state)
        return self.closed_form

    def training_step(self, edges: Tensor, batch_idx: int) -> None:
        """Count a step, so that Lightning writes a checkpoint: nothing is left to learn."""
        cast(torch.optim.Optimizer, self.optimizers()).step()

    def configure_optimizers(self) -> None:
        """Return nothing: there is none."""
