"""Write the lists of another library for `graphrec evaluate`; run it in that library's own environment.

    python experiments/benchmarks/others_lists.py lenskit train.csv lists.csv

It needs pandas and the library: implicit (with scipy), lenskit, cornac or rectools. graphrec is not imported.
docs/how-to/evaluate.md shows the same lines; the lists of tests/fixtures/lists were made by them.
"""

from __future__ import annotations

import argparse

import pandas as pd


def implicit(train: pd.DataFrame, k: int) -> pd.DataFrame:
    """Factorise by ALS; lists by score."""
    import numpy as np
    import scipy.sparse as sp
    from implicit.als import AlternatingLeastSquares

    users, items = pd.Categorical(train["user_id"]), pd.Categorical(train["item_id"])
    matrix = sp.csr_matrix((np.ones(len(train), dtype=np.float32), (users.codes, items.codes)))
    model = AlternatingLeastSquares(factors=16, iterations=5, random_state=0, num_threads=1)
    model.fit(matrix, show_progress=False)
    ids, scores = model.recommend(np.arange(matrix.shape[0]), matrix, N=k, filter_already_liked_items=True)
    names = {"user_id": users.categories.repeat(k), "item_id": items.categories[ids.ravel()]}
    lists = pd.DataFrame({**names, "score": scores.ravel()})
    return lists[lists["score"] > -1e38]  # what was filtered has the lowest number there is


def lenskit(train: pd.DataFrame, k: int) -> pd.DataFrame:
    """Score by neighbours of the items; lists by rank and score."""
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer
    from lenskit.pipeline import topn_pipeline

    data = from_interactions_df(train, user_col="user_id", item_col="item_id")
    pipe = topn_pipeline(ItemKNNScorer(max_nbrs=20, feedback="implicit"), n=k)
    pipe.train(data)
    return recommend(pipe, train["user_id"].unique().tolist(), n=k, n_jobs=1).to_df()


def cornac(train: pd.DataFrame, k: int) -> pd.DataFrame:
    """Train BPR; lists by rank alone."""
    from cornac.data import Dataset
    from cornac.models import BPR

    triples = [(user, item, 1.0) for user, item in train.itertuples(index=False)]
    data = Dataset.from_uir(triples, seed=0)
    model = BPR(k=16, max_iter=50, seed=0, verbose=False).fit(data)
    rows = [
        (user, item, rank)
        for user in data.user_ids
        for rank, item in enumerate(model.recommend(user, k=k, train_set=data, remove_seen=True), start=1)
    ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])


def rectools(train: pd.DataFrame, k: int) -> pd.DataFrame:
    """Solve EASE; lists by rank and score."""
    from rectools.dataset import Dataset
    from rectools.models import EASEModel

    data = Dataset.construct(train.assign(weight=1.0, datetime="2024-01-01"))
    model = EASEModel(regularization=100.0).fit(data)
    return model.recommend(users=train["user_id"].unique(), dataset=data, k=k, filter_viewed=True)


LIBRARIES = {one.__name__: one for one in (implicit, lenskit, cornac, rectools)}


def main() -> None:
    """Read the training part, fit, and write the lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("train", help="CSV with user_id and item_id")
    parser.add_argument("out", help="CSV to write")
    parser.add_argument("-k", type=int, default=20, help="items per list")
    given = parser.parse_args()
    train = pd.read_csv(given.train, dtype=str)[["user_id", "item_id"]]
    LIBRARIES[given.library](train, given.k).to_csv(given.out, index=False)


if __name__ == "__main__":
    main()
