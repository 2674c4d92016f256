"""A closed-form model is fitted once: checkpoints hold what it learned, whatever command reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.main import main
from graphrec.data.datasets.synthetic import synthetic
from graphrec.data.module import RecommenderData
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import EASE, IALS, ItemCF, P3alpha, RP3beta, Spectral, TurboCF, UserKNN, base, neighbours
from graphrec.models.base import ClosedForm
from graphrec.training import ClosedFormTask

DATA = {
    "class_path": "RecommenderData",
    "init_args": {
        "source": {"class_path": "graphrec.data.sources.synthetic", "init_args": {"num_users": 40}},
        "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17, "test_end": 20}},
    },
}
SLOW = {
    "Spectral": {"rank": 8},
    "ItemCF": {"neighbours": 9},
    "UserKNN": {"neighbours": 9},
    "P3alpha": {"neighbours": 9},
    "RP3beta": {},
    "TurboCF": {},
    "EASE": {"l2": 10.0},
    "IALS": {"dim": 4, "epochs": 2},
}
CLASSES: tuple[type[ClosedForm], ...] = (Spectral, ItemCF, UserKNN, P3alpha, RP3beta, TurboCF, EASE, IALS)


def fit(name: str, **arguments: object) -> Path:
    """The best checkpoint of a run."""
    recommender = {"class_path": name, "init_args": {**SLOW.get(name, {}), **arguments}}
    config = {
        "run": {"name": f"shop-{name}", "id": "a"},
        "trainer": {
            "max_epochs": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": False,
        },
        "data": DATA,
        "model": {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}},
    }
    Path(f"{name}.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", f"{name}.yaml"])
    return Path(f"runs/shop-{name}/a/checkpoints/best.ckpt")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fits(monkeypatch) -> list[str]:
    """Names of the models that were fitted, in turn."""
    seen: list[str] = []

    def counted(model: type[ClosedForm]) -> None:
        original = model.fit

        def spy(self, graph):
            seen.append(type(self).__name__)
            original(self, graph)

        monkeypatch.setattr(model, "fit", spy)

    for model in CLASSES:
        if "fit" in vars(model):
            counted(model)
    return seen


def new_task(name: str) -> ClosedFormTask:
    model = next(model for model in CLASSES if model.__name__ == name)
    return ClosedFormTask(model(**SLOW[name]))


@pytest.fixture(scope="module")
def graph() -> BipartiteGraph:
    data = RecommenderData(synthetic(40, 30), Temporal(train_end=14, val_end=17))
    return BipartiteGraph(data.split.train)


def forget(file: Path) -> dict[str, torch.Tensor]:
    """Make a checkpoint like those that held nothing of a closed-form model; what it held."""
    content = read_checkpoint(file)
    state, content["state_dict"] = content["state_dict"], {}
    torch.save(content, file)
    return state


@pytest.mark.parametrize("name", SLOW)
def test_a_state_is_taken_without_a_fit(graph, fits, name):
    task, restored, again = new_task(name), new_task(name), new_task(name)
    task.bind(graph)
    state = {key: value.clone() for key, value in task.state_dict().items()}
    assert fits == [name]

    restored.bind(graph, state)

    assert fits == [name]
    users = torch.arange(graph.num_users)
    scores = task.recommender.score(users)
    assert scores.std() > 0
    assert torch.equal(restored.recommender.score(users), scores)
    restored.load_state_dict(state)
    assert torch.equal(restored.recommender.score(users), scores)

    again.bind(graph, {})  # an older checkpoint, which held nothing of it
    again.load_state_dict({})
    assert fits == [name, name]
    assert torch.equal(again.recommender.score(users), scores)


@pytest.mark.parametrize("name", ["EASE", "ItemCF", "UserKNN", "IALS"])
def test_what_is_large_is_fitted_again_and_not_written(graph, fits, monkeypatch, name):
    for module in (base, neighbours):
        monkeypatch.setattr(module, "KEPT_BYTES", 100)
    task, again = new_task(name), new_task(name)
    task.bind(graph)
    state = task.state_dict()
    assert not any(value.nbytes > 100 for value in state.values())
    again.bind(graph, state)
    again.load_state_dict(state)
    assert fits == [name, name]


def test_fit_test_and_reading_fit_once(here, fits):
    file = fit("Spectral")
    main(["test", "--ckpt_path", str(file)])
    task, data = load_run(file)
    assert fits == ["Spectral"]
    restored = task.recommender.score(torch.arange(len(data.split.users)))
    task.recommender.fit(task.recommender.graph)
    assert torch.equal(restored, task.recommender.score(torch.arange(len(data.split.users))))
    rank = ["--model.init_args.recommender.init_args.rank", "7"]
    with pytest.raises(InputError, match=r"rank': 7 here, .* in the checkpoint"):
        main(["test", "-c", "Spectral.yaml", "--ckpt_path", str(file), *rank])


def test_one_model_is_not_taken_for_another_with_the_same_matrix(here):
    file = fit("ItemCF")
    Path("P3alpha.yaml").write_text(Path("ItemCF.yaml").read_text().replace("ItemCF", "P3alpha"))
    with pytest.raises(
        InputError, match=r"P3alpha\.yaml, row \d+, key .*'P3alpha' here, .*ItemCF' in the ch"
    ):
        main(["test", "-c", "P3alpha.yaml", "--ckpt_path", str(file)])


def test_a_fusion_holds_what_its_members_learned(here, fits):
    runs = [str(fit(name).parents[1]) for name in ("RP3beta", "EASE")]
    fits.clear()
    main(["fuse", *runs, "--name", "shop-fusion", "--id", "a"])
    file = Path("runs/shop-fusion/a/checkpoints/best.ckpt")
    main(["test", "--ckpt_path", str(file)])
    task, data = load_run(file)
    assert fits == []
    users = torch.arange(len(data.split.users))
    scores = task.recommender.score(users)
    for place, run in enumerate(runs):
        member = load_run(Path(run) / "checkpoints" / "best.ckpt")[0].recommender
        assert torch.equal(task.recommender.members[place].score(users), member.score(users))

    forget(file)
    main(["test", "--ckpt_path", str(file)])
    assert sorted(fits) == ["EASE", "RP3beta"]
    assert torch.equal(load_run(file)[0].recommender.score(users), scores)
