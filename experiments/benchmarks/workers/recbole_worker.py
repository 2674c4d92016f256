"""Train RecBole's LightGCN for a number of epochs and rank with its scores of all items."""

from __future__ import annotations

import numpy as np
import torch
from clock import matrix, settings, timed, top
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.model.general_recommender import LightGCN
from recbole.trainer import Trainer
from recbole.utils import init_seed

folder, job = settings()
bought = matrix(folder)
(folder / "log").mkdir(exist_ok=True)
with (folder / "log" / "log.inter").open("w", encoding="utf-8") as file:
    file.write("user_id:token\titem_id:token\n")
    file.writelines(f"{u}\t{i}\n" for u, i in zip(*bought.nonzero(), strict=True))
fixed = {
    "data_path": str(folder),
    "load_col": {"inter": ["user_id", "item_id"]},
    "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}, "order": "RO", "group_by": None, "mode": "full"},
    "use_gpu": False,
    "checkpoint_dir": str(folder),
    "state": "ERROR",
}
config = Config(model="LightGCN", dataset="log", config_dict=fixed | job)
init_seed(0, True)
dataset = create_dataset(config)
train = data_preparation(config, dataset)[0]


def fit():
    """A trained model."""
    model = LightGCN(config, train.dataset)
    Trainer(config, model).fit(train, saved=False, show_progress=False, verbose=False)
    return model


@torch.no_grad()
def rank(model):
    """Lists by its scores of all items; its codes are turned back into ours."""
    model.eval()
    users, items = (dataset.field2id_token[field][1:].astype(int) for field in ("user_id", "item_id"))
    lists = np.full((bought.shape[0], 20), -1)
    for start in range(0, len(users), 512):
        inner, some = torch.arange(start, min(start + 512, len(users))) + 1, users[start : start + 512]
        scores = model.full_sort_predict(Interaction({"user_id": inner})).view(len(some), -1)
        lists[some] = items[top(scores[:, 1:].numpy(), bought[some][:, items])]
    return lists


timed(folder, fit, rank)
