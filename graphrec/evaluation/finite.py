"""The check that numbers are numbers, made before they are ranked, measured or written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from graphrec.errors import InputError

DIVERGED = "fit again with a smaller --model.init_args.learning_rate"
"""What to do about weights that grew out of all bounds."""


def check_scores(scores: Tensor | npt.NDArray[np.floating], file: str | Path | None = None) -> None:
    """Raise `InputError` if a score is infinite or no number.

    Args:
        scores: Of items that are to be written; any shape.
        file: The checkpoint they come from.
    """
    values = scores if isinstance(scores, Tensor) else torch.from_numpy(np.asarray(scores))
    if not bool(values.isfinite().all()):
        raise bad_scores(file)


def bad_scores(file: str | Path | None = None) -> InputError:
    """Write the line about a model whose scores are infinite or no numbers."""
    return InputError(
        "the model returned a score that is not a number (its weights may have diverged)",
        file=file,
        hint=DIVERGED,
    )


def not_finite(named: Iterable[tuple[str, Tensor]], largest: float = math.inf) -> str | None:
    """Find the name of the first tensor with a value that is infinite or no number, or None.

    Args:
        named: Names with tensors, as ``module.named_parameters()`` gives them.
        largest: What no value must reach, nor its negative.
    """
    for name, value in named:
        if value.is_floating_point() and not _is_finite(value.detach(), largest):
            return name
    return None


def _is_finite(value: Tensor, largest: float) -> bool:
    """Tell whether all is, by its ends: a mask of a matrix that fills the memory would not fit beside it."""
    here = value.to_local() if isinstance(value, DTensor) else value
    return not here.numel() or all(-largest < float(end) < largest for end in here.aminmax())


def check_weights_finite(named: Iterable[tuple[str, Tensor]], when: str = "") -> None:
    """Raise `InputError` if a weight is infinite or no number.

    Args:
        named: Names with tensors, as ``module.named_parameters()`` gives them.
        when: At which point of a fit, for example ``after epoch 3``.
    """
    name = not_finite(named)
    if name is not None:
        diverged = f"the fit has diverged {when}".rstrip()
        raise InputError(f"{diverged}: {name} holds values that are no numbers", hint=DIVERGED)
