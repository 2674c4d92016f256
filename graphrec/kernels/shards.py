"""Who does what where several processes run one command: the one place that asks Lightning's strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """One of several parts of some rows: all rows go to exactly one process each, none is padded.

    Args:
        rank: Which of the shards this process holds.
        size: Number of shards; 1 is the whole.
    """

    rank: int = 0
    size: int = 1

    def rows(self, values: Tensor) -> Tensor:
        """Take every `size`-th row from row `rank` on, a view; none where rows are fewer than shards."""
        return values if self.size == 1 else values[self.rank :: self.size]

    def range(self, rows: int) -> range:
        """Cut a range of rows instead, as ``torch.chunk`` and DTensor do: all alike but the last ones."""
        length = -(-rows // self.size)
        return range(min(self.rank * length, rows), min((self.rank + 1) * length, rows))

    def weighted(self, rows: int) -> tuple[Shard, float]:
        """Choose a shard with at least one row, and the weight of a mean over it.

        The mean over all shards of their weighted means is the mean over all rows, also where the rows cannot
        be shared out evenly. A process without a row takes one with weight 0: what it computes is then a
        number, with gradients for those who wait for them.

        Args:
            rows: Number of rows of all shards; at least 1.
        """
        own = len(range(self.rank, rows, self.size))
        return (self, own * self.size / rows) if own else (Shard(0, rows), 0.0)


def training_shard(trainer: Trainer | None) -> Shard:
    """Find the part of a global batch that this process computes the loss of.

    DDP gives every process its own part. A strategy that spreads one model over the processes of a group
    (``ModelParallelStrategy`` with ``tensor_parallel_size``) gives all of the group the same rows. Where
    there is one group, that is the whole batch.
    """
    held = None if trainer is None else trainer.distributed_sampler_kwargs
    return Shard() if held is None else Shard(held["rank"], held["num_replicas"])


def evaluation_shard(trainer: Trainer | None) -> Shard:
    """Find the part of the users that this process ranks, whatever the strategy."""
    return Shard() if trainer is None else Shard(trainer.global_rank, trainer.world_size)


def node_shard(trainer: Trainer | None) -> Shard | None:
    """Find the part of the nodes whose vectors this process holds; none where each process holds all."""
    if trainer is None or not getattr(trainer.strategy, "shares_rows", False):
        return None
    return Shard(trainer.global_rank, trainer.world_size)
