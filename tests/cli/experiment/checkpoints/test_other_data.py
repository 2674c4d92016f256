"""A checkpoint goes with the data it was fitted to: rows, weeks and attributes, and not the pairs alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import write_config

from graphrec.cli.main import main
from graphrec.errors import InputError

SOURCE = {"path": "log.csv", "users": "users.csv", "items": "items.csv"}
MODELS = {
    "frequency": {
        "class_path": "ClosedFormTask",
        "init_args": {"recommender": {"class_path": "TopFrequency"}},
    },
    "mlp": {"class_path": "RankingTask", "init_args": {"encoder": "RawFeatures", "decoder": "MLP"}},
}


def shop() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(5)
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, 20, 600),
            "item_id": rng.integers(0, 12, 600),
            "week": rng.integers(1, 21, 600),
        }
    )
    log = log.assign(price=1.0 + log["item_id"]).drop_duplicates()
    users = pd.DataFrame({"user_id": range(20), "town": list("ab") * 10})
    return {
        "log": log,
        "users": users,
        "items": pd.DataFrame({"item_id": range(12), "kind": list("xyz") * 4}),
    }


def write(**changed: pd.DataFrame) -> None:
    for name, table in (shop() | changed).items():
        table.to_csv(f"{name}.csv", index=False)


def recommend(checkpoint: Path) -> str:
    main(["recommend", "--ckpt", str(checkpoint), "--out", "out.csv"])
    return Path("out.csv").read_text()


@pytest.fixture(scope="module", params=MODELS)
def fitted(request, tmp_path_factory):
    """A model's name, its folder and its checkpoint."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write()
        config = write_config("c.yaml", model=MODELS[request.param], id="one")
        source = {"class_path": "graphrec.data.sources.table", "init_args": SOURCE}
        change_data(config, source=source, features={"pca": None} if request.param == "mlp" else None)
        main(["fit", "-c", config])
    return request.param, folder, Path("runs/small/one/checkpoints/best.ckpt")


def change_data(file: str, **changes: object) -> None:
    import yaml

    config = yaml.safe_load(Path(file).read_text())
    config["data"]["init_args"] |= changes
    Path(file).write_text(yaml.safe_dump(config))


def later_weeks(log: pd.DataFrame) -> pd.DataFrame:
    return log.assign(week=log["week"].where(log["week"] != 3, 4)).drop_duplicates()


CHANGES = {
    "weeks": lambda tables: {"log": later_weeks(tables["log"])},
    "town": lambda tables: {"users": tables["users"].assign(town="a")},
    "price": lambda tables: {"log": tables["log"].assign(price=2.0)},
    "order": lambda tables: {name: table.sample(frac=1, random_state=1) for name, table in tables.items()},
    "stranger": lambda tables: {
        "users": pd.concat([tables["users"], pd.DataFrame({"user_id": [99], "town": "q"})])
    },
}
REFUSED = {
    ("frequency", "weeks"): "the number of its purchases or their weeks differ",
    ("mlp", "weeks"): "times of its features differ",
    ("mlp", "town"): "attributes, prices, quantities, baskets or times of its features differ",
    ("mlp", "price"): "of its features differ",
}


@pytest.mark.parametrize("change", CHANGES)
def test_data_that_the_model_depends_on_may_not_change(fitted, change, monkeypatch):
    name, folder, checkpoint = fitted
    monkeypatch.chdir(folder)
    write()
    before = recommend(checkpoint)
    write(**CHANGES[change](shop()))
    says = REFUSED.get((name, change))
    if says is None:
        assert recommend(checkpoint) == before
        return
    with pytest.raises(InputError, match=f"log.csv.*not what this checkpoint was trained on.*{says}"):
        recommend(checkpoint)
    if change == "town":
        with pytest.raises(InputError, match=says):
            main(["test", "--ckpt_path", str(checkpoint)])


def test_a_refit_takes_no_other_log(fitted, monkeypatch):
    """The epochs were chosen on the log as it was; a line more may be another split."""
    _, folder, _ = fitted
    monkeypatch.chdir(folder)
    more = pd.DataFrame({"user_id": [0], "item_id": [11], "week": [19], "price": [12.0]})
    write(log=pd.concat([shop()["log"], more]))
    with pytest.raises(InputError, match=r"log.csv.*the data is not what this checkpoint was trained on"):
        main(["refit", "runs/small/one"])
    assert not Path("runs/small/one/refit").exists()
    write()
    assert main(["refit", "runs/small/one"]).is_file()
