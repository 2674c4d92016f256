"""A loss and its gradient as a CUDA graph.

A step of a graph model is a hundred small operations, and a GPU does each sooner than it is told of the next.
Captured once, they are all started together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn


class LossGraph:
    """Computes a loss of tensors, from its second call on by replaying a graph of its operations.

    Only what is on the GPU is replayed. The loss must do the same operations each time and never wait for the
    GPU. It must read what changes from its arguments, the weights and tensors that are written in place.
    Calls with other shapes, with weights that were moved, or under autocast are computed as ever.

    Args:
        loss: Tensors to a scalar.
        model: Holds the weights that have a gradient.
    """

    def __init__(self, loss: Callable[..., Tensor], model: nn.Module) -> None:
        self._loss, self._model = loss, model
        self._key: tuple[object, ...] | None = None
        self._replay: Callable[..., Tensor] | None = None

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Compute the loss, which the next call may overwrite."""
        key = self._key_of(tensors)
        if self._key is None:
            self._key = key  # the first call is not captured: libraries set themselves up in it
            return self._loss(*tensors)
        if key != self._key or torch.is_autocast_enabled("cuda"):
            return self._loss(*tensors)
        if self._replay is None:
            self._replay = self._captured(tensors)
        return self._replay(*tensors)

    def _captured(self, tensors: tuple[Tensor, ...]) -> Callable[..., Tensor]:
        module = _Loss(self._loss, self._model).train(self._model.training)
        places = tuple(tensor.clone() for tensor in tensors)
        return cast(
            Callable[..., Tensor],
            torch.cuda.make_graphed_callables(module, places, allow_unused_input=True),
        )

    def _key_of(self, tensors: tuple[Tensor, ...]) -> tuple[object, ...]:
        places = [weight.data_ptr() for weight in self._model.parameters()]
        return (self._model.training, *(tensor.shape for tensor in tensors), *places)


class _Loss(nn.Module):
    """A loss with its weights, as torch wants it for a graph."""

    def __init__(self, loss: Callable[..., Tensor], model: nn.Module) -> None:
        super().__init__()
        self.loss, self.model = loss, model

    def forward(self, *tensors: Tensor) -> Tensor:
        """Compute the loss."""
        return self.loss(*tensors)
