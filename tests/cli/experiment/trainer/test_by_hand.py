"""``--optimizer`` and ``--lr_scheduler`` change the weights as the same loop written by hand does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from small_runs import CONFIG

from graphrec.cli import main
from graphrec.data.module import run_seed
from graphrec.sampling import pair_negatives, step_generator

EPOCHS = 3
CASES = {
    "SGD, a step a epoch": (
        ["--optimizer", "SGD", "--optimizer.lr", "5", "--optimizer.momentum", "0.9",
         "--lr_scheduler", "StepLR", "--lr_scheduler.step_size", "1", "--lr_scheduler.gamma", "0.3"],
        lambda weights: torch.optim.SGD(weights, lr=5, momentum=0.9),
        lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.3),
    ),
    "AdamW alone": (
        ["--optimizer", "AdamW", "--optimizer.lr", "0.02", "--optimizer.weight_decay", "0.1"],
        lambda weights: torch.optim.AdamW(weights, lr=0.02, weight_decay=0.1),
        None,
    ),
    "a schedule of the task's own Adam": (
        ["--model.init_args.learning_rate", "0.05", "--model.init_args.weight_decay", "0",
         "--lr_scheduler", "ExponentialLR", "--lr_scheduler.gamma", "0.5"],
        lambda weights: torch.optim.Adam(weights, lr=0.05),
        lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
    ),
}  # fmt: skip


PLAIN = ["--model.init_args.encoder", "EmbeddingTable", "--model.init_args.encoder.init_args.dim", "4",
         "--model.init_args.encoder.init_args.start", "normal",
         "--model.init_args.l2", "0", "--data.init_args.batch_size", "128"]  # fmt: skip


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(yaml.safe_dump(CONFIG))


def fit(*options: str):
    words = ["fit", "-c", "c.yaml", "--trainer.max_epochs", str(EPOCHS), "--run.patience", "9", *PLAIN]
    cli = main([*words, *options])
    (table,) = cli.model.parameters()
    return cli, table.detach().clone()


def by_hand(cli, start: torch.Tensor, optimizer_of, schedule_of) -> torch.Tensor:
    """The loop as anybody writes it: BPR of a matrix factorisation, a step a batch, a schedule's an epoch."""
    graph, loader = cli.model.recommender.graph, cli.datamodule.train_dataloader()
    table = torch.nn.Parameter(start.clone())
    optimizer = optimizer_of([table])
    schedule = None if schedule_of is None else schedule_of(optimizer)
    step = 0
    for epoch in range(EPOCHS):
        loader.sampler.set_epoch(epoch)
        for edges in loader:
            users, items = graph.edge_user[edges], graph.edge_item[edges]
            generator = step_generator(run_seed(), step, users.device)
            others = pair_negatives(graph, users, 1, generator)[:, 0]
            user, item, other = (
                table[rows] for rows in (users, graph.num_users + items, graph.num_users + others)
            )
            loss = -torch.log(torch.sigmoid((user * (item - other)).sum(1))).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        if schedule is not None:
            schedule.step()
    return table.detach()


@pytest.mark.parametrize("case", CASES)
def test_the_weights_are_those_of_a_loop_by_hand(case):
    options, optimizer_of, schedule_of = CASES[case]
    cli, start = fit("--optimizer", "SGD", "--optimizer.lr", "1e-30")
    _, fitted = fit(*options)
    expected = by_hand(cli, start, optimizer_of, schedule_of)
    assert cli.trainer.num_training_batches > 2
    assert (fitted - start).abs().max() > 0.01
    torch.testing.assert_close(fitted, expected, rtol=0, atol=1e-6)
