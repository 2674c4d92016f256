"""Several processes of one launch: what ``ddp`` means, what they agree on before they talk, who speaks."""

from __future__ import annotations

import inspect
import itertools
import os
from functools import cache
from typing import Any

from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, StrategyRegistry
from pytorch_lightning.utilities import rank_zero_only
from torch import distributed
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel


class GraphDDPStrategy(DDPStrategy):
    """DDP for models that hold a graph; also takes those that learn nothing by gradient."""

    def configure_ddp(self) -> None:
        """Wrap the model, unless it has no weights: PyTorch refuses to, and there is nothing to average."""
        assert self.model is not None
        if any(weights.requires_grad for weights in self.model.parameters()):
            super().configure_ddp()


_arguments = inspect.signature(DistributedDataParallel).parameters
# torch 2.13 gave it a new name
_each_step = "forward_sync_buffers" if "forward_sync_buffers" in _arguments else "broadcast_buffers"
# what a command line calls ddp, and what Lightning chooses for several devices; the buffers are the graph,
# which all processes have and need not send; gradients are as large as the weights and are kept once
StrategyRegistry.register(
    "ddp",
    GraphDDPStrategy,
    description="DDP that sends no graph around",
    override=True,
    start_method="popen",
    gradient_as_bucket_view=True,
    **{_each_step: False},
)


class RowShardedStrategy(ModelParallelStrategy):
    """One model over all processes: each holds a range of nodes, their vectors and their part of the matrix.

    All processes compute the loss of the whole batch, so gradients need not be exchanged. Checkpoints are
    single files as of one process; they are put together in the first process.
    """

    shares_rows = True

    def __init__(self) -> None:
        super().__init__(data_parallel_size=1, save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        """Form one group of the processes of all machines."""
        self._tensor_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()


StrategyRegistry.register(
    "row_sharded", RowShardedStrategy, description="Rows of table and matrix shared out over the processes"
)
_calls = itertools.count()


def agreed(name: str, value: str) -> str:
    """Agree on one text in every process of a launch: the one of the first process.

    Lightning's launcher starts the other processes of its machine out of the first, with its environment.
    torchrun starts all of them at once around a store. Other launchers (SLURM, one command per machine) leave
    each with its own text, which does no harm, as only the first process writes.

    Args:
        name: What it is about, in letters and underscores.
        value: What this process would choose.
    """
    if distributed.is_available() and distributed.is_torchelastic_launched():
        store, rank = _torchrun_store()
        key = f"graphrec/{name}/{next(_calls)}"
        if rank == 0:
            store.set(key, value)
        return str(store.get(key).decode())
    variable = f"GRAPHREC_{name.upper()}"
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return os.environ.get(variable, value)
    os.environ[variable] = value
    return value


@cache
def _torchrun_store() -> tuple[Any, int]:
    """Find the store that torchrun shares with its processes, and the rank of this one."""
    store, rank, _ = next(rendezvous("env://"))
    return store, rank


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def say(text: str) -> None:
    """Print a line, once for all processes."""
    print(text)
