"""A fusion of recommenders under the commands of trained ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor

from graphrec.errors import InputError
from graphrec.fusion.model import Fusion, UserGate
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender
from graphrec.training.ranked import RankedTask, below


class FusionTask(RankedTask):
    """Runs a fusion through validate, test and predict; `graphrec fuse` makes it, out of finished runs.

    Args:
        members: Tasks of the members, for example ``RankingTask`` and ``ClosedFormTask``.
        weights: Weight of each member.
        combine: What is summed: standardised scores or reciprocal ranks.
        gated: Whether a gate, which the checkpoint holds, gives each user weights of their own.
    """

    noun: ClassVar[str] = "a fusion"
    logs_only_known: ClassVar[bool] = True
    reads_weights: ClassVar[bool] = True
    """It binds its members, which have to declare it themselves."""
    recommender: Fusion

    def __init__(
        self,
        members: list[RankedTask],
        weights: list[float],
        combine: Literal["score", "rank"] = "score",
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.weights, self.combine, self.gated = weights, combine, gated
        # no submodules: their weights would stand twice in a checkpoint, here and in the recommender
        self.members = tuple(members)

    def build(self, graph: BipartiteGraph) -> Recommender:
        """Build the members over one graph, closed-form ones fitted.

        Raises:
            InputError: If the graph is shared out over several processes, or the weights do not fit.
        """
        if graph.sharded is not None:
            raise InputError(
                "a fusion needs the whole graph in each process",
                column="--trainer.strategy",
                hint="choose ddp",
            )
        for member in self.members:
            member.bind(graph)
        return self._fusion(graph)

    def rebuild(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> Recommender:
        """Build the members over one graph, closed-form ones as the checkpoint holds them."""
        for place, member in enumerate(self.members):
            own = below(state, f"members.{place}.")
            member.bind(graph, {f"recommender.{key}": value for key, value in own.items()})
        return self._fusion(graph)

    def _fusion(self, graph: BipartiteGraph) -> Fusion:
        gate = UserGate(len(self.members)) if self.gated else None
        recommenders = [member.recommender for member in self.members]
        return Fusion(graph, recommenders, self.weights, self.combine, gate)

    @staticmethod
    def joined(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Collect what a fusion's checkpoint holds of its members, out of checkpoints of their own."""
        return {
            f"recommender.members.{place}.{key}": value
            for place, state in enumerate(states)
            for key, value in below(state, "recommender.").items()
        }

    def load_members(self, states: Sequence[dict[str, Tensor]]) -> None:
        """Give each member the weights of a checkpoint of its own."""
        for member, state in zip(self.members, states, strict=True):
            member.load_state_dict(state)

    def training_step(self, edges: Tensor, batch_idx: int) -> None:
        """Refuse a step; it is not reached, since a fusion is not fitted."""
        self.configure_optimizers()

    def configure_optimizers(self) -> Any:
        """Raise `InputError`: the members are fitted, and `graphrec fuse` finds their weights."""
        raise InputError(
            "a fusion cannot be fitted itself",
            column="model",
            hint="run `graphrec fuse` on runs of its members",
        )
