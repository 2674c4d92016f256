"""Fold-in against training: people held out whole, ranked by their baskets and as if they had been fitted.

A share of the users is left out of the graph. Their training rows are handed to the fitted model as baskets.
The same users are ranked by a model that was fitted to everybody. NDCG@20 of their test items is compared.

    python experiments/studies/held_out_users.py --data ml-1m --out runs/held-out-users
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from newcomers import coded, fitted, markdown, ndcg_of, ratio, shown, with_bounds, write

from graphrec.data.interactions import Columns, IdMap
from graphrec.data.sources import lightgcn_txt
from graphrec.graph import BipartiteGraph
from graphrec.models import EASE, SGFCF, EmbeddingTable, ItemCF, LightGCN, Spectral
from graphrec.models.answers.folded import FoldedIn

SHARE = 0.1


def models(dim: int) -> dict[str, object]:
    """What is compared, as shipped but for the width."""
    return {
        "EASE": EASE(),
        "Spectral": Spectral(),
        "SGFCF": SGFCF(),
        "ItemCF": ItemCF(),
        "LightGCN": partial(LightGCN, dim=dim, num_layers=2),
        "EmbeddingTable": partial(EmbeddingTable, dim=dim),
    }


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with train.txt and test.txt")
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics.json and table.md")
    parser.add_argument("--models", nargs="+", default=list(models(1)), help="which of them")
    parser.add_argument("--users", type=int, help="so many users in all, drawn at random; all if missing")
    parser.add_argument("--epochs", type=int, default=10, help="of the trained models")
    parser.add_argument("--dim", type=int, default=64, help="of the trained models")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(options: argparse.Namespace) -> None:
    """Fit each model twice, compare, write."""
    log = lightgcn_txt(options.data).log
    draw = np.random.default_rng(options.seed)
    everybody = draw.permutation(np.unique(log[Columns.USER]))[: options.users]
    log = log[log[Columns.USER].isin(everybody)]
    held_out = np.sort(everybody[: max(round(SHARE * len(everybody)), 1)])
    train, test = (log[log[Columns.PART] == part] for part in ("train", "test"))
    others = train[~train[Columns.USER].isin(held_out)]
    items = IdMap.from_values(others[Columns.ITEM])  # what only they bought cannot be ranked by either
    all_users, few = IdMap.from_values(train[Columns.USER]), IdMap(held_out)
    whole = BipartiteGraph(coded(train, all_users, items))
    rest = BipartiteGraph(coded(others, IdMap.from_values(others[Columns.USER]), items))
    baskets, wanted = BipartiteGraph(coded(train, few, items)), coded(test, few, items)
    as_fitted = coded(test[test[Columns.USER].isin(held_out)], all_users, items)
    metrics, rows = {}, []
    for name in options.models:
        model = models(options.dim)[name]
        known = fitted(model, whole, options.epochs, options.seed)
        trained = ndcg_of(known, as_fitted, all_users.codes(held_out)).to_numpy()
        without = fitted(models(options.dim)[name], rest, options.epochs, options.seed)
        folded = ndcg_of(FoldedIn(without, baskets), wanted, np.arange(len(few))).to_numpy()
        found = ratio(folded, trained)
        metrics |= with_bounds(f"{name}_ratio", found)
        metrics |= {f"{name}_trained": float(trained.mean()), f"{name}_folded": float(folded.mean())}
        rows.append([name, f"{trained.mean():.4f}", f"{folded.mean():.4f}", shown(found, 3)])
        print(rows[-1], flush=True)
    table = markdown(["model", "trained on them", "folded in", "ratio"], rows)
    write(options.out, metrics, f"{len(held_out):,} of {len(everybody):,} users held out.\n\n{table}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(arguments().parse_args())
