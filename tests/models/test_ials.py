from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph
from scipy.sparse.linalg import cg

from graphrec.errors import InputError
from graphrec.models import IALS
from graphrec.models import ials as module

SETTINGS = {"unobserved": 0.3, "regularisation": 0.05, "scaling": 0.7, "init_std": 0.5}


def fitted(graph, **settings) -> IALS:
    model = IALS(**{**SETTINGS, **settings})
    model.fit(graph)
    return model


def objective(matrix: np.ndarray, user: np.ndarray, item: np.ndarray) -> float:
    """Rendle et al., eqs. 1-4, pair by pair."""
    alpha, power = SETTINGS["unobserved"], SETTINGS["scaling"]
    total = 0.0
    for u in range(len(user)):
        for i in range(len(item)):
            score = user[u] @ item[i]
            total += matrix[u, i] * (score - 1) ** 2 + alpha * score**2
    of_user = (matrix.sum(1) + alpha * len(item)) ** power * (user**2).sum(1)
    of_item = (matrix.sum(0) + alpha * len(user)) ** power * (item**2).sum(1)
    return total + SETTINGS["regularisation"] * (of_user.sum() + of_item.sum())


def by_loops(matrix: np.ndarray, item: np.ndarray, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """The normal equations of each user and item in turn."""

    def half(rows: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        result = np.zeros((len(rows), fixed.shape[1]))
        alpha, power = SETTINGS["unobserved"], SETTINGS["scaling"]
        for place, row in enumerate(rows):
            ridge = SETTINGS["regularisation"] * (row.sum() + alpha * len(fixed)) ** power
            system = alpha * fixed.T @ fixed + ridge * np.eye(fixed.shape[1])
            system += sum(np.outer(fixed[j], fixed[j]) for j in np.nonzero(row)[0])
            result[place] = np.linalg.solve(system, fixed[row > 0].sum(axis=0))
        return result

    for _ in range(epochs):
        user = half(matrix, item)
        item = half(matrix.T, user)
    return user, item


@pytest.mark.parametrize("solver", [{"solver": "exact"}, {"solver": "cg", "steps": 60}], ids=["exact", "cg"])
@pytest.mark.parametrize("dim", [2, 6, 30])
def test_ials_solves_the_normal_equations_of_each_row(dim, solver, monkeypatch):
    """Rows with fewer neighbours than dimensions take the smaller system; groups are of a few rows."""
    for chunk in ("_CHUNK", "_CHUNK_OF_STEPS"):
        monkeypatch.setattr(module, chunk, 40 * dim)
    graph = random_graph(users=25, items=18, rows=150)
    matrix = graph.seen_mask(torch.arange(25)).double().numpy()
    model = fitted(graph, dim=dim, epochs=3, **solver)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(18, dim, generator=generator).double().numpy() * 0.5 / dim**0.5
    user, item = by_loops(matrix, start, 3)
    np.testing.assert_allclose(model.user, user, atol=2e-4, rtol=2e-3)
    np.testing.assert_allclose(model.score(torch.arange(25)), user @ item.T, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("solver", [{"solver": "exact"}, {"solver": "cg", "steps": 2}], ids=["exact", "cg"])
def test_each_epoch_lowers_the_objective(solver):
    graph = random_graph(users=25, items=18, rows=150)
    matrix = graph.seen_mask(torch.arange(25)).double().numpy()
    losses = []
    for epochs in (1, 2, 4, 8):
        model = fitted(graph, dim=4, epochs=epochs, **solver)
        losses.append(objective(matrix, model.user.double().numpy(), model.item.double().numpy()))
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 1.001 * losses[-1]
    user = model.user.double().numpy()
    for place in np.random.default_rng(0).integers(25, size=5):  # and a step aside raises it
        aside = user.copy()
        aside[place] += 0.05
        assert objective(matrix, aside, model.item.double().numpy()) > losses[-1]


def test_the_groups_hold_each_row_with_edges_once_and_bounded_memory():
    degree = torch.from_numpy(np.random.default_rng(0).geometric(0.05, size=400) - 1)
    rows = list(module.groups(degree, 8, 2_000))
    assert sorted(torch.cat(rows).tolist()) == degree.nonzero().flatten().tolist()
    for group in rows:
        widest = int(degree[group].max())
        assert widest <= 1.2 * int(degree[group].min())
        assert len(group) == 1 or len(group) * widest * 8 <= 2_000


def equations(seed: int, dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Padded vectors of rows with 0 to 8 of them, the diagonals, and where to begin; in double precision."""
    generator = torch.Generator().manual_seed(seed)
    present = torch.arange(8) < torch.arange(9)[:, None]
    vectors = torch.randn(9, 8, dim, generator=generator).double() * present[..., None]
    diagonal = 0.1 + torch.rand(9, dim, generator=generator).double()
    return vectors, present, diagonal, torch.randn(9, dim, generator=generator).double()


@pytest.mark.parametrize("dim", [3, 12])
def test_conjugate_gradients_end_at_the_exact_solution(dim):
    vectors, present, diagonal, start = equations(0, dim)
    found = module.approach(vectors, present, diagonal, start, steps=30)
    np.testing.assert_allclose(found, module.solve(vectors, present, diagonal), atol=1e-6, rtol=1e-6)
    for row in range(9):
        system = diagonal[row].diag() + vectors[row].T @ vectors[row]
        exact = np.linalg.solve(system.numpy(), vectors[row].sum(0).numpy())
        np.testing.assert_allclose(found[row], exact, atol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_each_step_is_that_of_scipy(steps):
    vectors, present, diagonal, start = equations(1, 12)
    found = module.approach(vectors, present, diagonal, start, steps)
    for row in range(1, 9):
        system = (diagonal[row].diag() + vectors[row].T @ vectors[row]).numpy()
        given = {"x0": start[row].numpy(), "M": np.diag(1 / diagonal[row].numpy())}
        expected, _ = cg(system, vectors[row].sum(0).numpy(), rtol=0, maxiter=steps, **given)
        np.testing.assert_allclose(found[row], expected, atol=1e-10)


def test_what_is_solved_stays():
    """No number is divided by nothing where the start is the solution, as of a row of zeros."""
    vectors, present, diagonal, start = equations(2, 5)
    nothing = module.approach(vectors * 0, present, diagonal, start * 0, steps=3)
    assert not nothing.any()


def test_a_few_steps_reach_the_objective_of_exact_solutions():
    graph = random_graph(users=80, items=40, rows=900)
    matrix = graph.seen_mask(torch.arange(80)).double().numpy()
    losses = []
    for solver in ("exact", "cg"):
        model = fitted(graph, dim=8, epochs=12, solver=solver)
        losses.append(objective(matrix, model.user.double().numpy(), model.item.double().numpy()))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_the_seed_decides():
    graph = random_graph()
    assert torch.equal(fitted(graph, dim=4, seed=1).item, fitted(graph, dim=4, seed=1).item)
    assert not torch.equal(fitted(graph, dim=4, seed=1).item, fitted(graph, dim=4, seed=2).item)


def test_nodes_without_edges_score_zero():
    graph = random_graph(users=15, items=12, rows=8)
    model = fitted(graph, dim=4, epochs=2)
    unseen = graph.item_degree() == 0
    assert unseen.any()
    assert not model.score(torch.arange(15))[:, unseen].any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"dim": 0},
        {"epochs": 0},
        {"regularisation": 0.0},
        {"unobserved": -1.0},
        {"solver": "lu"},
        {"steps": 0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        IALS(**wrong)
