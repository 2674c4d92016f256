"""What each thing that is known of people and products adds to the graph, on the Complete Journey.

One encoder, trained alike, is given the ids alone, then one thing more, and then all. NDCG@20 of new items in
the weeks after training: what households of training bought anew of the catalogue, and of products that were
first sold after it. The latter is blank where nothing tells of a product but its buyers.

    python experiments/studies/feature_ablation.py --out runs/feature-ablation
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from cold_start import Cut, arguments, cuts
from newcomers import fitted, interval, markdown, shown, with_bounds, write

from graphrec.data.features.options import FeatureOptions
from graphrec.data.features.text import TextFeatures
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import Quantity, Recency
from graphrec.graph import BipartiteGraph
from graphrec.models import HeteroGCN, LightGCN, WithFeatures
from graphrec.models.answers.new_items import embeds_items
from graphrec.models.base import Encoder

WEIGHTS = EdgeWeights([Quantity(), Recency(half_life=26.0)])


@dataclass(frozen=True)
class Given:
    """What the encoder is given beside the ids.

    Args:
        users: Groups of the users' features.
        items: Groups of the items' features.
        text: Whether the words of what a product is called are read.
        nodes: Whether attributes are nodes.
        weights: Whether edges weigh by quantity and age.
    """

    users: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    text: bool = False
    nodes: bool = False
    weights: bool = False

    def options(self, column: str) -> FeatureOptions | None:
        """The features to build; none if nothing is asked for."""
        if not (self.users or self.items or self.text):
            return None
        text = [TextFeatures(column)] if self.text else []
        return FeatureOptions(list(self.users), list(self.items), text=text)

    def encoder(self, dim: int) -> Callable[[BipartiteGraph], Encoder]:
        """The encoder that reads what is given."""
        kind: Callable[[BipartiteGraph], Encoder] = partial(LightGCN, dim=dim, num_layers=2)
        if self.nodes:
            kind = partial(HeteroGCN, dim=dim, num_layers=2, attribute_weight=5.0)
        return partial(WithFeatures, encoder=kind) if self.users or self.items or self.text else kind


PEOPLE, GOODS = ("interest", "demographics"), ("attributes",)
ROWS = {
    "ids alone": Given(),
    "+ features of users": Given(users=PEOPLE),
    "+ features of items": Given(items=GOODS),
    "+ text": Given(text=True),
    "+ nodes": Given(nodes=True),
    "+ weights": Given(weights=True),
    "all": Given(PEOPLE, GOODS, text=True, nodes=True, weights=True),
}


def cut_of(cut: Cut, given: Given, text: str) -> Cut:
    """The same cut with other features, and with weights if they are asked for."""
    return replace(cut, options=given.options(text), weights=WEIGHTS if given.weights else None)


def main(options: argparse.Namespace) -> None:
    """Fit each row for each seed, write the means with intervals over households."""
    test, text = cuts(options)[1], "block" if options.synthetic else "product_type"
    metrics: dict[str, float] = {}
    rows, found = [], {}
    for name, given in ROWS.items():
        cut = cut_of(test, given, text)
        runs = []
        for seed in range(options.seeds):
            model = fitted(given.encoder(options.dim), cut.graph, options.epochs, seed)
            values = {"known": cut.of_known(model)}
            if embeds_items(model) and (given.items or given.text or given.nodes):
                values["products"] = cut.of_new(model)
            runs.append(values)
        found[name] = {key: np.mean([run[key] for run in runs], axis=0) for key in runs[0]}
        spread = float(np.std([run["known"].mean() for run in runs], ddof=min(1, len(runs) - 1)))
        lead = interval(found[name]["known"] - found["ids alone"]["known"])
        metrics |= with_bounds(f"{name}: known", interval(found[name]["known"]))
        metrics |= {**with_bounds(f"{name}: lead", lead), f"{name}: spread over seeds": spread}
        new = interval(found[name]["products"]) if "products" in found[name] else None
        metrics |= {} if new is None else with_bounds(f"{name}: products", new)
        cells = [shown(interval(found[name]["known"])), f"{spread:.4f}", shown(lead) if rows else "–"]
        rows.append([name, *cells, "–" if new is None else shown(new)])
        print(rows[-1], flush=True)
    columns = ["what is known", "known products", "spread over seeds", "lead over ids alone", "new products"]
    write(options.out, metrics, markdown(columns, rows))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(arguments(__doc__).parse_args())
