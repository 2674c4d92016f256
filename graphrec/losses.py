"""Training losses: functions of the scores of bought and not bought items, without state.

Every loss takes ``positive`` of shape ``[B]`` and ``negative`` of shape ``[B, K]`` (raw scores) and returns
a scalar, so that a YAML can name any of them: ``loss: graphrec.losses.bpr``.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Bayesian personalised ranking, ``-log σ(s⁺ - s⁻)`` (Rendle et al., UAI 2009)."""
    return functional.softplus(negative - positive[:, None]).mean()


def bce(positive: Tensor, negative: Tensor) -> Tensor:
    """Binary cross-entropy, bought against sampled, each side averaged (He et al., NCF, WWW 2017)."""
    return functional.softplus(-positive).mean() + functional.softplus(negative).mean()


def sampled_softmax(positive: Tensor, negative: Tensor) -> Tensor:
    """Softmax of the bought item against the sampled ones, ``-s⁺ + log(e^{s⁺} + Σ e^{s⁻})``.

    Wu et al., "On the effectiveness of sampled softmax loss for item recommendation", TOIS 2024. Negatives
    are uniform, so no popularity correction is due.
    """
    return (torch.logaddexp(positive, negative.logsumexp(1)) - positive).mean()


def mse(positive: Tensor, negative: Tensor) -> Tensor:
    """Squared error to 1 for bought and 0 for sampled items: the loss of the documents' network."""
    return (positive - 1).square().mean() + negative.square().mean()
