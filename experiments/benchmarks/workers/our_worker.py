"""Fit and rank with graphrec; to lay out the graph counts as part of the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from clock import K, matrix, settings, timed
from torch.utils.data import DataLoader

import graphrec.cli.experiment.warnings  # noqa: F401  (what Lightning says and a benchmark need not)
from graphrec.cli.start_up import keep_freed_memory
from graphrec.data.interactions import IdMap, Interactions
from graphrec.data.module import EdgeBatches, RowNumbers
from graphrec.graph import BipartiteGraph
from graphrec.models import EASE, IALS, ItemCF, LightGCN
from graphrec.models.base import Recommender
from graphrec.training import RankingTask

keep_freed_memory()  # as the command does
folder, job = settings()
bought = matrix(folder)
user, item = (codes.astype(np.int64) for codes in bought.nonzero())
log = pd.DataFrame({"user": user, "item": item})
kind = job.pop("kind")


def trained(graph: BipartiteGraph, epochs: int, batch: int, rate: float, **encoder: int) -> Recommender:
    """LightGCN after some epochs."""
    task = RankingTask(lambda graph: LightGCN(graph, **encoder), learning_rate=rate)
    task.bind(graph)
    loader = DataLoader(
        RowNumbers(graph.num_edges), batch_size=None, sampler=EdgeBatches(graph.num_edges, batch, seed=0)
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = pl.Trainer(max_epochs=epochs, enable_progress_bar=False, accelerator="cpu", **quiet)
    trainer.fit(task, loader)
    return task.recommender.eval()


def fit() -> Recommender:
    """A fitted model."""
    users, items = (IdMap(np.arange(size)) for size in bought.shape)
    graph = BipartiteGraph(Interactions(log, users, items))
    if kind == "LightGCN":
        return trained(graph, **job)
    model = {"EASE": EASE, "IALS": IALS, "ItemCF": ItemCF}[kind](**job)
    model.fit(graph)
    return model


@torch.no_grad()
def rank(model: Recommender) -> np.ndarray:
    """Lists of all users; −1 where one has fewer."""
    batches = torch.arange(bought.shape[0]).split(512)
    return np.concatenate([model.recommend(users, K).items.numpy() for users in batches])


pl.seed_everything(0, verbose=False)
timed(folder, fit, rank)
