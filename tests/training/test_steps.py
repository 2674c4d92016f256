"""What does not go together in a training step is told in one line."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from any_log import drawn_graph

from graphrec import losses
from graphrec.errors import InputError
from graphrec.losses import alignment, bpr, catalogue_squares, mse, uniformity
from graphrec.models import MLP, Cosine, Dot, LightGCN, RawFeatures
from graphrec.training import AdaptiveTemperatureTask, DirectAUTask, RankingTask


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"loss": alignment}, "alignment is no loss of bought and sampled scores"),
        ({"loss": uniformity}, "uniformity is no loss"),
        ({"loss": lambda positive, negative: positive}, "it gives no single number"),
        (
            {"loss": catalogue_squares, "sampling": "pair"},
            "catalogue_squares takes the sum over the whole catalogue",
        ),
        ({"loss": bpr, "sampling": "none"}, "bpr takes sampled items, not sampling none"),
        ({"sampling": "any"}, "there is no sampling any; choose pair, shared, batch, none"),
        ({"sampling": "batch", "negatives": 3}, "sampling batch takes no number of negatives"),
        ({"unobserved": 0.5}, "sampling shared takes no weight unobserved"),
        ({"loss": catalogue_squares, "prior": 1.0}, "sampling none takes no prior"),
        ({"prior": -1.0}, "prior"),
        ({"negatives": 0}, "negatives"),
    ],
)
def test_options_that_do_not_go_together(options, line):
    with pytest.raises(InputError, match=line):
        RankingTask(**options)


@pytest.mark.parametrize("decoder", [Dot(), Cosine()])
def test_an_encoder_and_a_decoder_without_weights(decoder):
    graph, _ = drawn_graph(np.random.default_rng(0))
    with pytest.raises(InputError, match=r"RawFeatures and .* have no weights to train; choose MLP"):
        RankingTask(RawFeatures, decoder).bind(graph)
    RankingTask(RawFeatures, MLP()).bind(graph)


def test_directau_refuses_a_decoder_that_it_would_not_train():
    with pytest.raises(InputError, match="MLP has weights, which DirectAU would not train"):
        DirectAUTask(decoder=MLP())


def test_squared_error_leaves_out_the_bought_item_of_a_batch():
    positive, negative = torch.tensor([0.5, 2.0]), torch.tensor([[-torch.inf, 3.0], [1.0, -torch.inf]])
    negative.requires_grad_()
    loss = mse(positive, negative)
    assert loss.item() == pytest.approx((0.25 + 1.0) / 2 + (9.0 + 1.0) / 4)
    (gradient,) = torch.autograd.grad(loss, negative)
    assert gradient.tolist() == [[0.0, 1.5], [0.5, 0.0]]


@pytest.mark.parametrize("number", range(40))
def test_no_temperature_of_adap_tau_turns_the_softmax_around(number):
    """On a complete graph the formula gives ``log ½ / 0.7``, with which bought items are pushed away."""
    graph, _ = drawn_graph(np.random.default_rng(number))
    task = AdaptiveTemperatureTask(lambda of: LightGCN(of, dim=4))
    task.bind(graph)
    task.on_train_epoch_start()
    degree = np.bincount(graph.edge_user, minlength=graph.num_users)
    kept = degree > np.quantile(degree, 0.2)
    kept = kept if kept.any() else degree > 0
    expected = math.log(0.5 * kept.sum() * graph.num_items / degree[kept].sum()) / 0.7
    assert task.common == pytest.approx(max(expected, 0.1), rel=1e-5)


def test_every_loss_of_the_package_that_takes_scores_is_accepted():
    of_scores = (losses.bpr, losses.bce, losses.mse, losses.sampled_softmax)
    for loss in (*of_scores, losses.BilateralSoftmax(), losses.CosineContrastive()):
        RankingTask(loss=loss)
    RankingTask(loss=catalogue_squares, sampling="none")
