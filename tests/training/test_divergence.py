"""A fit that diverges ends at once with epoch, loss and hint; what was written before stays whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_runs import CLOSED_FORM, write_config

from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.main import main
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models import EmbeddingTable, TurboCF
from graphrec.models.base import ClosedForm
from graphrec.training import ClosedFormTask, RankingTask
from graphrec.training.divergence import LossTrail

RATE = "--model.init_args.learning_rate"


def graph() -> BipartiteGraph:
    return BipartiteGraph(RecommenderData(synthetic(40, 30, seed=1), Temporal(14, 17)).split.train)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e9, -1e9])
def test_a_loss_beyond_all_measure_ends_the_step(bad):
    def broken(positive, negative):
        steps.append(positive)
        loss = (positive[:, None] - negative).mean()
        return loss + bad if len(steps) == 3 else loss  # the first call is that of the check of options

    steps: list = []
    task = RankingTask(lambda of: EmbeddingTable(of, dim=4), loss=broken, learning_rate=0.5)
    task.bind(graph())
    task.training_step(torch.arange(8), 0)
    with pytest.raises(
        InputError, match=r"in epoch 1: the loss is .*; fit again with a smaller .* than 0\.5"
    ):
        task.training_step(torch.arange(8), 1)


def test_a_loss_is_measured_by_the_first_one():
    trail = LossTrail()
    trail.add(torch.tensor(3e5), 10)
    trail.add(torch.tensor(1e5), 30)
    assert float(trail.mean()) == 1.5e5
    assert not trail.has_left(2e11)
    assert trail.has_left(4e11)
    trail.start_epoch()
    trail.add(torch.tensor(2.0), 1)
    assert float(trail.mean()) == 2.0
    assert not trail.has_left(2e11)
    small = LossTrail(first=torch.tensor(1e-9))
    assert not small.has_left(9e5)
    assert small.has_left(-2e6)


def diverging(rate: float, *options: str) -> list[str]:
    return ["fit", "-c", write_config("c.yaml", id="a", max_epochs=6), RATE, f"{rate:g}", *options]


@pytest.mark.parametrize("rate", [1e9, 1e30, 1e38])
def test_a_fit_at_a_huge_rate_ends_in_one_line(tmp_path, monkeypatch, rate):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"diverged in epoch \d+: the loss is .*; fit again with a smaller"):
        main(diverging(rate))
    for file in tmp_path.rglob("*.ckpt"):
        states = read_checkpoint(file)["state_dict"].values()
        assert all(value.isfinite().all() for value in states)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory) -> tuple[Path, str]:
    """A fit that is well for an epoch and diverges in the second one, and what it said."""
    folder = tmp_path_factory.mktemp("halfway")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(RankingTask, "training_step", spoilt(RankingTask.training_step))
        with pytest.raises(InputError) as caught:
            main(diverging(0.01))
    return folder, str(caught.value)


def spoilt(step):
    """Weights are infinite from the second epoch on."""

    def training_step(task, edges, number):
        if task.current_epoch == 1:
            with torch.no_grad():
                task.recommender.encoder.weight[0] = torch.inf
        return step(task, edges, number)

    return training_step


def test_the_line_names_epoch_loss_mend_and_checkpoint(halfway):
    best = Path("runs/small/a/checkpoints/best.ckpt")
    assert "diverged in epoch 2: the loss is nan" in halfway[1]
    assert f"smaller {RATE} than 0.01; {best} of an earlier epoch is whole" in halfway[1]
    assert "\n" not in halfway[1]


def test_the_best_checkpoint_stays_and_can_be_tested(halfway, monkeypatch):
    monkeypatch.chdir(halfway[0])
    files = {name: Path(f"runs/small/a/checkpoints/{name}.ckpt") for name in ("best", "last")}
    assert [read_checkpoint(file)["epoch"] for file in files.values()] == [0, 0]
    main(["test", "--ckpt_path", str(files["best"])])
    assert Path("runs/small/a/test_metrics.json").is_file()


def test_a_refit_that_diverges_writes_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", "-c", write_config("c.yaml", id="a", max_epochs=1)])
    monkeypatch.setattr(RankingTask, "training_step", exploding(RankingTask.training_step))
    with pytest.raises(InputError, match="diverged in epoch 1"):
        main(["refit", "runs/small/a"])
    assert not list(Path("runs/small/a/refit").rglob("*.ckpt"))


def exploding(step):
    """The last step of an epoch leaves weights that are no numbers, while its loss is one."""

    def training_step(task, edges, number):
        loss = step(task, edges, number)
        task.recommender.encoder.weight.register_hook(lambda gradient: gradient * torch.nan)
        return loss

    return training_step


class Broken(TurboCF):
    """Learns an infinite weight."""

    def fit(self, graph: BipartiteGraph) -> None:
        super().fit(graph)
        self.similarity.values[0] = torch.inf


def test_a_closed_form_that_learned_no_numbers_is_refused():
    with pytest.raises(
        InputError, match=r"Broken cannot be fitted: similarity\.values holds values that are no"
    ):
        ClosedFormTask(Broken()).bind(graph())
    recommender: ClosedForm = TurboCF()
    ClosedFormTask(recommender).bind(graph())


def test_a_closed_form_has_no_weights_to_diverge(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", "-c", write_config("c.yaml", id="a", model=CLOSED_FORM)])
    assert Path("runs/small/a/checkpoints/best.ckpt").is_file()
