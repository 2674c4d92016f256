"""Cold start on the Complete Journey: products that were never sold before, and households of five baskets.

The model knows weeks 1-26 of four fifths of the households. Products: those first sold from week 27 on are
ranked among themselves for each household that bought one. Households: the others hand in their first five
baskets, and what they bought anew up to week 26 is looked for in the whole catalogue. Known: what households
of training bought anew from week 27 on, to see whether they lose anything. Settings are chosen in the same
way on weeks 1-20 and 21-26, with other households left out; the test part is read once, by what was chosen.

    python experiments/studies/cold_start.py --out runs/cold-start
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from newcomers import Known, coded, fitted, interval, markdown, ndcg_of, ratio, shown, with_bounds, write

from graphrec.data.features.build import Features, build_features
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.features.options import FeatureOptions
from graphrec.data.interactions import Columns, IdMap, Interactions, RawData
from graphrec.data.sources import complete_journey, synthetic
from graphrec.data.weights.edges import EdgeWeights
from graphrec.graph import BipartiteGraph
from graphrec.models import EASE, HeteroGCN, ItemCF, LightGCN, WithFeatures
from graphrec.models.answers.chosen import Chosen
from graphrec.models.answers.folded import FoldedIn
from graphrec.models.answers.new_items import with_new_items
from graphrec.models.base import Encoder, Recommender

BASKETS, SHARE = 5, 0.2
QUESTIONS = ("products", "households", "known")
GOAL = 1.3
FEATURES = FeatureOptions(user_groups=["interest", "demographics"], item_groups=["attributes"])


@dataclass(frozen=True)
class Cut:
    """A log cut at a week, with some households left out.

    Args:
        raw: Log and attributes.
        category: Attribute of the items.
        first: Last week of training.
        last: Last week looked at.
        left_out: Households that training does not see.
        options: Which features are built; None for none.
        weights: Of the edges; None for edges that count alike.
    """

    raw: RawData
    category: str
    first: int
    last: int
    left_out: np.ndarray
    options: FeatureOptions | None = FEATURES
    weights: EdgeWeights | None = None

    @cached_property
    def log(self) -> pd.DataFrame:
        """The rows of training."""
        log = self.raw.log
        return log[(log[Columns.WEEK] <= self.first) & ~log[Columns.USER].isin(self.left_out)]

    @cached_property
    def train(self) -> Interactions:
        """The same in codes."""
        users, items = (IdMap.from_values(self.log[name]) for name in (Columns.USER, Columns.ITEM))
        if self.weights is None:
            return coded(self.log, users, items)
        rows = coded(self.weights.weighed(self.log), users, items)
        return replace(rows, edge_weight=self.weights.of_edges(rows))

    @cached_property
    def features(self) -> Features | None:
        """Of the training part."""
        if self.options is None:
            return None
        return build_features(self.train, self.raw.users, self.raw.items, self.options)

    @cached_property
    def graph(self) -> BipartiteGraph:
        """With attributes and features."""
        return self.with_tables(self.train, self.features)

    def with_tables(self, rows: Interactions, features: Features | None = None) -> BipartiteGraph:
        """The graph of some rows, with what the tables say of its nodes."""
        tables = AttributeTables(self.raw.users, self.raw.items, rows.users, rows.items)
        return BipartiteGraph(rows, features, tables=tables)

    @cached_property
    def later(self) -> pd.DataFrame:
        """Rows of households of training after the cut."""
        log = self.raw.log
        after = (log[Columns.WEEK] > self.first) & (log[Columns.WEEK] <= self.last)
        return log[after & log[Columns.USER].isin(self.train.users.ids)]

    @cached_property
    def new_items(self) -> tuple[BipartiteGraph, IdMap]:
        """Products that nobody had bought before, and their ids."""
        before = self.raw.log[self.raw.log[Columns.WEEK] <= self.first][Columns.ITEM]
        ids = IdMap.from_values(self.later[~self.later[Columns.ITEM].isin(before)][Columns.ITEM])
        nobody = IdMap(np.array([], dtype=self.train.users.ids.dtype))
        items = self.with_tables(Interactions(self.train.frame.iloc[:0], nobody, ids))
        table = self.raw.items.set_index(Columns.ITEM).loc[ids.ids].reset_index()
        if self.features is not None and self.features.fitted is not None:
            items.item_features = torch.from_numpy(self.features.fitted.encode_items(table))
        return items, ids

    @cached_property
    def newcomers(self) -> tuple[BipartiteGraph, Interactions]:
        """Households that were left out: the graph of their first baskets, and what they bought after."""
        log = self.raw.log
        rows = log[log[Columns.USER].isin(self.left_out) & (log[Columns.WEEK] <= self.first)]
        by_time = rows.sort_values([Columns.USER, Columns.TIMESTAMP, Columns.BASKET], kind="stable")
        new_basket = ~by_time.duplicated([Columns.USER, Columns.BASKET])
        number = new_basket.groupby(by_time[Columns.USER]).cumsum()
        users = IdMap.from_values(rows[Columns.USER])
        history = by_time[number <= BASKETS]
        baskets = self.with_tables(coded(history, users, self.train.items))
        assert self.features is not None
        assert self.features.fitted is not None
        people = self.raw.users.set_index(Columns.USER).loc[users.ids].reset_index()
        features = self.features.fitted.encode_users(people, history)
        baskets.user_features = torch.from_numpy(features)
        return baskets, coded(by_time[number > BASKETS], users, self.train.items)

    def category_of(self, items: IdMap) -> pd.Series:
        """The category of each item."""
        return self.raw.items.set_index(Columns.ITEM)[self.category].astype("str").loc[items.ids]

    def measured(self, model: Recommender) -> dict[str, np.ndarray]:
        """NDCG@20 of each household on each of `QUESTIONS`."""
        baskets, wanted = self.newcomers
        return {
            "products": self.of_new(model),
            "households": ndcg_of(FoldedIn(model, baskets), wanted, np.arange(baskets.num_users)).to_numpy(),
            "known": self.of_known(model),
        }

    def of_new(self, model: Recommender) -> np.ndarray:
        """NDCG@20 of each household of training, of the new products."""
        return self.among_new(with_new_items(model, self.train, *self.new_items))

    def of_known(self, model: Recommender) -> np.ndarray:
        """NDCG@20 of each household of training, of the catalogue that it knew."""
        return self._ndcg(model, coded(self.later, self.train.users, self.train.items))

    def among_new(self, model: Recommender) -> np.ndarray:
        """NDCG@20 of each household by a model whose catalogue ends with the new products, of those."""
        known, ids = self.train.items, self.new_items[1]
        both = IdMap(np.concatenate([known.ids, ids.ids]))
        wanted = coded(self.later[self.later[Columns.ITEM].isin(ids.ids)], self.train.users, both)
        return self._ndcg(Chosen(model, torch.arange(len(both)) >= len(known)), wanted)

    def _ndcg(self, model: Recommender, wanted: Interactions) -> np.ndarray:
        return ndcg_of(model, wanted, np.unique(wanted.frame[Columns.USER_CODE])).to_numpy()


def rules(cut: Cut) -> dict[str, dict[str, np.ndarray]]:
    """What needs no graph: what sells in a category, and ItemCF."""
    train, ids, (baskets, wanted) = cut.train, cut.new_items[1], cut.newcomers
    both = IdMap(np.concatenate([train.items.ids, ids.ids]))
    longer = BipartiteGraph(Interactions(train.frame, train.users, both))
    kinds = IdMap.from_values(cut.category_of(both))
    kind = torch.from_numpy(kinds.codes(cut.category_of(both)))
    sold = longer.item_degree().float()
    in_kind = torch.zeros(len(kinds)).index_add_(0, kind, sold)
    everybody = torch.arange(len(train.users))
    item_cf = fitted(ItemCF(), cut.graph, 0)
    nothing = torch.zeros(len(both))  # ItemCF knows no neighbour of a product that nobody bought
    own = _by_kind(longer, kind, len(kinds))
    known = kind[: len(train.items)]
    theirs = _by_kind(baskets, known, len(kinds))[:, known] * (sold / in_kind[kind])[: len(train.items)]
    new_people, every = np.arange(baskets.num_users), len(everybody)
    return {
        "popularity in category": {
            "products": cut.among_new(Known(longer, in_kind[kind].expand(every, -1))),
            "households": ndcg_of(Known(baskets, theirs), wanted, new_people).to_numpy(),
        },
        "ItemCF": {
            "products": cut.among_new(Known(longer, nothing.expand(every, -1))),
            "households": ndcg_of(FoldedIn(item_cf, baskets), wanted, new_people).to_numpy(),
        },
        "own purchases in category": {"products": cut.among_new(Known(longer, own[:, kind]))},
        "EASE": {
            "households": ndcg_of(
                FoldedIn(fitted(EASE(), cut.graph, 0), baskets), wanted, new_people
            ).to_numpy()
        },
    }


def _by_kind(graph: BipartiteGraph, kind: torch.Tensor, count: int) -> torch.Tensor:
    """Count what each user bought of each category. Shape ``[U, kinds]``."""
    flat = graph.edge_user * count + kind[graph.edge_item]
    return torch.bincount(flat, minlength=graph.num_users * count).view(-1, count).float()


def encoders(dim: int) -> dict[str, Callable[[BipartiteGraph], Encoder]]:
    """What is chosen from: attributes as nodes, features added, and both."""
    nodes = {
        f"HeteroGCN, weight {weight:g}": partial(HeteroGCN, dim=dim, num_layers=2, attribute_weight=weight)
        for weight in (1.0, 5.0)
    }
    both = partial(WithFeatures, encoder=nodes["HeteroGCN, weight 5"])
    ids = partial(WithFeatures, encoder=partial(LightGCN, dim=dim, num_layers=2), id_dropout=0.3)
    return {**nodes, "HeteroGCN, weight 5, with features": both, "LightGCN with features": ids}


def arguments(doc: str | None = __doc__) -> argparse.ArgumentParser:
    """The command line of this study and of the ablation."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics.json and table.md")
    parser.add_argument("--users", type=int, help="so many households, drawn at random; all if missing")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--synthetic", action="store_true", help="a made-up log, for a quick try")
    return parser


def cuts(options: argparse.Namespace) -> tuple[Cut, Cut]:
    """The cut to choose by, and the one to test; other households are left out in each."""
    made_up = options.synthetic
    raw = synthetic(num_users=100, num_items=300, density=0.05, seed=1) if made_up else complete_journey()
    drawn = np.random.default_rng(7).permutation(np.unique(raw.log[Columns.USER]))[: options.users]
    raw = RawData(raw.name, raw.log[raw.log[Columns.USER].isin(drawn)], raw.users, raw.items)
    count, last = int(SHARE * len(drawn)), int(raw.log[Columns.WEEK].max())
    category, weeks = ("block", (6, 9)) if made_up else ("product_category", (20, 26))
    return (
        Cut(raw, category, *weeks, drawn[:count]),
        Cut(raw, category, weeks[1], last, drawn[count : 2 * count]),
    )


def main(options: argparse.Namespace) -> None:
    """Choose, test once, write."""
    choose_by, test = cuts(options)
    candidates, found = encoders(options.dim), {}
    for name, encoder in candidates.items():
        model = fitted(encoder, choose_by.graph, options.epochs)
        found[name] = {key: float(value.mean()) for key, value in choose_by.measured(model).items()}
        print(f"weeks to {choose_by.last}: {name}: {found[name]}", flush=True)
    chosen = max(found, key=lambda name: found[name]["products"] * found[name]["households"])
    simple = rules(test)
    plain = partial(LightGCN, dim=options.dim, num_layers=2)
    runs = [
        test.measured(fitted(candidates[chosen], test.graph, options.epochs, seed))
        for seed in range(options.seeds)
    ]
    ours = {key: np.mean([run[key] for run in runs], axis=0) for key in QUESTIONS}
    graph_alone = np.mean(
        [test.of_known(fitted(plain, test.graph, options.epochs, seed)) for seed in range(options.seeds)],
        axis=0,
    )
    metrics, rows = {"known_difference": 0.0}, []
    for name, values in {f"**{chosen}**": ours, **simple, "LightGCN": {"known": graph_alone}}.items():
        cells = [shown(interval(values[key])) if key in values else "–" for key in QUESTIONS]
        rows.append([name, *cells])
    for key in QUESTIONS[:2]:
        named = {name: simple[name][key] for name in ("popularity in category", "ItemCF")}
        best = max(named, key=lambda name: float(named[name].mean()))
        metrics |= with_bounds(f"{key}_ratio", ratio(ours[key], named[best]))
    metrics |= with_bounds("known_difference", interval(ours["known"] - graph_alone))
    spread = {
        key: np.std([float(run[key].mean()) for run in runs], ddof=min(1, len(runs) - 1)) for key in QUESTIONS
    }
    metrics |= {f"{key}_spread_over_seeds": float(value) for key, value in spread.items()}
    table = markdown(["model", "new products", "new households", "known households"], rows)
    ratios = "; ".join(
        f"{key}: {shown(tuple(metrics[f'{key}_ratio{end}'] for end in ('', '_low', '_high')), 2)}"
        for key in QUESTIONS[:2]
    )
    lost = shown(tuple(metrics[f"known_difference{end}"] for end in ("", "_low", "_high")))
    write(
        options.out, metrics, f"{table}\n\nRatio to the better rule: {ratios}. Known less LightGCN: {lost}."
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(arguments().parse_args())
