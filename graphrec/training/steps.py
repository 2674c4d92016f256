"""What may be put together in a training step: losses, ways of sampling, encoders and decoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from graphrec import losses, models
from graphrec.capabilities import declares
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Decoder, Encoder
from graphrec.models.decoders import Dot, ScaledCosine

_OfScores = Callable[[Tensor, Tensor], Tensor]
Loss = _OfScores | losses.BilateralSoftmax | losses.CosineContrastive
Sampling = Literal["pair", "shared", "batch", "none"]
UNOBSERVED = 0.3
"""Weight of every pair of the catalogue, unless another one is given."""


SHARED = 1024
"""Items that a batch shares as negatives, unless another number is given."""


class Options(Protocol):
    """What of a task's options has to go together, see `graphrec.training.RankingTask`."""

    decoder: Decoder
    loss: Loss
    negatives: int
    sampling: Sampling
    unobserved: float
    popularity: float
    log_q: bool
    prior: float


def check_options(task: Options) -> None:
    """Raise `InputError` if options of a task do not go together."""
    mistake = _in_sampling(task)
    if mistake is not None:
        what, hint = mistake
        raise InputError(what, column="sampling", hint=hint)
    _check_loss(task.loss, task.sampling)


class Step(NamedTuple):
    """What a training step compares: loss, decoder, negatives and what every item has from the start.

    Args:
        loss: Of the scores of bought and of sampled items.
        decoder: Gives the scores.
        sampling: Where negatives come from.
        negatives: How many.
        prior: Weight of the number of buyers in every score.
    """

    loss: Loss
    decoder: Decoder
    sampling: Sampling
    negatives: int
    prior: float

    @classmethod
    def of(
        cls,
        loss: Loss | None = None,
        decoder: Decoder | None = None,
        sampling: Sampling | None = None,
        negatives: int | None = None,
        prior: float | None = None,
    ) -> Step:
        """Choose what was left open so that it goes with what is given.

        With no loss it is the softmax of a cosine whose scale is learnt, with the prior, which spares it
        learning what sells. A decoder that is no inner product takes `losses.bpr`, for to score all items of
        a batch for all its users would take too long. A loss that is given has the inner product and no
        prior, as in the papers.
        """
        scores = decoder or (ScaledCosine() if loss is None else Dot())
        many = scores.by_factors is not None or sampling in ("shared", "batch")
        chosen = loss or (losses.BilateralSoftmax() if many else losses.bpr)
        way = sampling or _sampling_for(chosen)
        count = negatives or (SHARED if way == "shared" else 1)
        start = (1.0 if loss is None else 0.0) if prior is None else prior
        return cls(chosen, scores, way, count, start)


def _sampling_for(loss: Loss) -> Sampling:
    """Choose the sampling that a loss is made for, as it says itself; a loss of pairs says nothing."""
    if getattr(loss, "takes_sum", False):
        return "none"
    return "shared" if getattr(loss, "takes_many", False) else "pair"


def check_weighable(graph: BipartiteGraph, encoder: Encoder, loss: Loss, sampling: Sampling) -> None:
    """Raise `InputError` if edges have weights, and the encoder or the loss has no use for them."""
    check_reads_weights(graph, encoder, "encoder")
    if graph.edge_weight is not None:
        _check_mean_of_edges(loss, sampling)


def check_reads_weights(graph: BipartiteGraph, part: object, column: str) -> None:
    """Raise `InputError` if edges have weights, and a part that would train or rank on them reads none.

    Args:
        graph: The training graph.
        part: A task, a closed form or an encoder; it has to declare ``reads_weights`` itself.
        column: Where it was named.
    """
    if graph.edge_weight is None or declares(part, "reads_weights"):
        return
    kinds = {name: getattr(models, name) for name in models.__all__}
    names = [name for name, kind in kinds.items() if vars(kind).get("reads_weights", False)]
    hint = f"{', '.join(names)} do; or leave data.weights out"
    raise InputError(f"{type(part).__name__} reads no weights of edges", column=column, hint=hint)


def weighted_loss(loss: _OfScores, positive: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Compute ``mean w_b ℓ_b`` of a loss that is the mean of ``ℓ_b`` over the edges of a batch.

    Args:
        loss: The loss.
        positive: Scores of bought items. Shape ``[B]``.
        other: What the loss takes beside them, a row for each edge. Shape ``[B, ...]``.
        weight: Of each edge. Shape ``[B]``.
    """
    each: Tensor = torch.vmap(lambda one, of_it: loss(one[None], of_it[None]))(positive, other)
    return (weight * each.view(weight.shape)).mean()


def _check_mean_of_edges(loss: Loss, sampling: Sampling) -> None:
    """Raise `InputError` unless a loss is the mean over the edges of a batch, so that each can be weighed."""
    generator = torch.Generator().manual_seed(0)
    positive, negative = torch.randn(4, generator=generator), torch.randn(4, 3, generator=generator)
    apart, whole = (torch.zeros(4), torch.ones(())) if sampling == "none" else (negative, negative)
    try:
        mean = weighted_loss(loss, positive, apart, torch.ones(4))
        counted = mean + 1 if sampling == "none" else mean  # what is summed over the catalogue is added
        is_mean = bool(torch.isclose(counted, loss(positive, whole), rtol=1e-4))
    except Exception:  # whatever a function does with the scores of one edge
        is_mean = False
    if not is_mean:
        name = getattr(loss, "__name__", type(loss).__name__)
        what = f"{name} is no mean over edges, so none of them can be weighed"
        raise InputError(what, column="loss", hint="choose another loss, or leave data.weights out")


def check_sharded(encoder: Encoder, decoder: Decoder, sampling: Sampling) -> None:
    """Raise `InputError` if several processes cannot hold a model together."""
    what, name = None, f"the encoder {type(encoder).__name__}"
    if encoder.shared_table is None:
        what = f"{name} has no table of vectors that processes could share"
    elif any(weight is not encoder.shared_table for weight in encoder.parameters()):
        what = f"{name} has weights beside its table, which is not supported"
    elif not declares(encoder, "shardable"):
        what = f"{name} does not declare that it works with a part of its table (shardable = True)"
    elif any(weight.requires_grad for weight in decoder.parameters()):
        what = f"the decoder {type(decoder).__name__} has weights of its own, which is not supported"
    elif sampling == "none":
        what = "sampling none, a sum over the whole catalogue, is not supported"
    if what is not None:
        raise InputError(f"row_sharded: {what}", column="--trainer.strategy", hint="choose ddp")


def check_weights(encoder: Encoder, decoder: Decoder) -> None:
    """Raise `InputError` if neither of them has a weight that could be trained."""
    if not any(weight.requires_grad for part in (encoder, decoder) for weight in part.parameters()):
        parts = f"{type(encoder).__name__} and {type(decoder).__name__}"
        what, hint = f"{parts} have no weights to train", "choose MLP, or an encoder with weights"
        raise InputError(what, column="decoder", hint=hint)


def _in_sampling(task: Options) -> tuple[str, str] | None:
    """Find what is wrong with the options of sampling, and the hint."""
    way = task.sampling
    if way not in get_args(Sampling):
        return f"there is no sampling {way}", f"choose {', '.join(get_args(Sampling))}"
    if way == "none" and not declares(task.decoder, "plain_product"):
        return "a sum over the whole catalogue needs the decoder Dot", "choose shared"
    if task.popularity and way != "shared":
        return f"sampling {way} takes no popularity", "choose shared"
    if task.log_q and way not in ("shared", "batch"):
        return f"sampling {way} takes no log_q", "choose shared or batch"
    if task.prior and way == "none":
        return "sampling none takes no prior", "leave it out, or choose shared"
    if task.negatives != 1 and way in ("batch", "none"):
        return f"sampling {way} takes no number of negatives", "leave negatives out, or choose pair or shared"
    if task.unobserved != UNOBSERVED and way != "none":
        return f"sampling {way} takes no weight unobserved", "leave it out, or choose none"
    return None


def _check_loss(loss: Loss, sampling: Sampling) -> None:
    """Raise `InputError` unless the loss makes one number of scores such as this sampling yields."""
    name = getattr(loss, "__name__", type(loss).__name__)
    takes_sum: bool | None = getattr(loss, "takes_sum", None)
    if takes_sum is not None and takes_sum != (sampling == "none"):
        kind = "the sum over the whole catalogue" if takes_sum else "sampled items"
        hint = "choose sampling none" if takes_sum else "choose graphrec.losses.catalogue_squares"
        raise InputError(f"{name} takes {kind}, not sampling {sampling}", column="loss", hint=hint)
    try:
        value = loss(torch.zeros(2), torch.zeros(() if sampling == "none" else (2, 2)))
        wrong = None if _is_scalar(value) else "it gives no single number"
    except Exception as error:  # whatever a function that is no loss does with scores
        wrong = str(error).splitlines()[0] if str(error) else type(error).__name__
    if wrong is not None:
        what = f"{name} is no loss of bought and sampled scores: {wrong}"
        raise InputError(what, column="loss", hint="choose one of graphrec.losses, for example bpr")


def _is_scalar(value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() == 0 and value.is_floating_point()
