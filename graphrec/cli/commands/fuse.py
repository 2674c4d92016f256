"""``graphrec fuse``: several finished runs as one recommender, their weights found on validation."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.files import write_text

if TYPE_CHECKING:
    from graphrec.cli.experiment.fusion import FittedRun
    from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
    from graphrec.data.module import RecommenderData
    from graphrec.fusion.model import Fusion, UserGate
    from graphrec.fusion.task import FusionTask
    from graphrec.fusion.weights import MemberScores


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "fuse",
        help=COMMANDS["fuse"],
        description="Find how much each run should count for the best NDCG@20 of the validation part, and "
        "write a run with a checkpoint that holds all of them. The weights are found with the fits, which "
        "have not seen the validation part. Where every run has a refit, the same weights fuse the refits "
        "too, into refit/ inside the new run, which is what to test.",
        epilog="example: graphrec fuse runs/complete_journey-top_frequency runs/complete_journey-lightgcn"
        " --name complete_journey-fusion",
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, or of a name: then its newest run"
    )
    parser.add_argument("--name", required=True, help="name of the new run")
    parser.add_argument(
        "--combine",
        choices=["score", "rank"],
        default="score",
        help="sum scores standardised per user (default) or reciprocal ranks",
    )
    parser.add_argument("--gate", action="store_true", help="learn weights that depend on a user's habits")
    parser.add_argument(
        "--items",
        choices=["all", "repeat", "new"],
        help="items whose validation NDCG is maximised; the first of the data's item_sets if missing",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the search (default 0)")
    parser.add_argument("--root", default="runs", help="folder above all runs (default runs)")
    parser.add_argument("--id", help="name of the new run's folder; the time if missing")
    parser.add_argument("--strict", action="store_true", help="make the loss of any row of the log an error")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Path:
    """Find the weights with the fits, write their fusion and that of the refits; return what to test."""
    with importing():
        from graphrec.cli.experiment.fusion import (
            FittedRun,
            build_fusion,
            check_free,
            check_runs,
            fusion_config,
            labels_of,
            writing,
        )
        from graphrec.cli.experiment.runs.folder import RunFolder, RunOptions
        from graphrec.cli.experiment.tracking.description import description

    runs = [FittedRun.read(path, options.trust) for path in options.runs]
    check_runs(runs)
    own = RunOptions(name=options.name, root=options.root, id=options.id)
    folder = RunFolder.new(own)
    check_free(folder)
    own = RunOptions(name=own.name, root=own.root, id=folder.id)
    settings: dict[str, Any] = {"seed": options.seed, "combine": options.combine, "strict": options.strict}
    even = fusion_config(runs, [1.0] * len(runs), own, refit=False, gated=False, **settings)
    task, data = build_fusion(even, [run.best for run in runs], options.trust)
    _check_validation(data)
    weights, gate, found = _search(task.recommender, data, options, labels_of(runs))

    settings["gated"] = gate is not None
    task.recommender.gate = gate
    configs = [fusion_config(runs, weights, own, refit=refit, **settings) for refit in (False, True)]
    with writing(folder):
        task, data, config = _write(folder, runs, task, data, configs, options.trust)
        _record(own, folder, description(task, data, own, folder, config), found)
    path = folder.test_checkpoint()
    assert path is not None
    print(f"run: {folder.path}; next: graphrec test --ckpt_path {path}")
    return path


def _write(
    folder: RunFolder,
    runs: list[FittedRun],
    task: FusionTask,
    data: RecommenderData,
    configs: list[dict[str, Any]],
    trusted: bool,
) -> tuple[FusionTask, RecommenderData, dict[str, Any]]:
    """Write the fusion of the fits, and that of the refits where every run has one; return what it is of."""
    from graphrec.cli.experiment.fusion import build_fusion, write_fusion
    from graphrec.cli.experiment.runs.folder import BEST, LAST

    write_fusion(folder, BEST, task, data, configs[0])
    refits = [run.refit for run in runs if run.refit is not None]
    if len(refits) < len(runs):
        print("no refit: not every run has a finished one, see `graphrec refit`")
        return task, data, configs[0]
    gate = task.recommender.gate
    task, data = build_fusion(configs[1], refits, trusted)
    task.recommender.gate = gate
    write_fusion(folder.refit, LAST, task, data, configs[1])
    return task, data, configs[1]


def _check_validation(data: RecommenderData) -> None:
    if not len(data.split.val):
        raise InputError(
            "the validation part of the split is empty, so no weights can be found",
            file=data.source.file or data.source.name,
            column="split",
            hint="fuse runs of a split with a validation part",
        )


def _search(
    fusion: Fusion, data: RecommenderData, options: argparse.Namespace, labels: list[str]
) -> tuple[list[float], UserGate | None, dict[str, float]]:
    """Find weights and perhaps a gate, and the numbers to keep of the search; print what was found."""
    from graphrec.evaluation.ranking import truth_lists
    from graphrec.fusion.gate import fit_gate
    from graphrec.fusion.weights import collect_candidates, find_weights

    started, items = time.perf_counter(), options.items or data.item_sets[0]
    truth = truth_lists(data.split.val.pairs(), fusion.graph)
    candidates = collect_candidates(fusion, truth, items, batch_size=data.eval_batch_size)
    weights, gate = find_weights(candidates, options.seed), None
    value = float(candidates.ndcg(weights).double().mean())
    rounded = [round(float(weight), 6) for weight in weights]
    found = {f"weight_{label}": weight for label, weight in zip(labels, rounded, strict=True)}
    _print_weights(candidates, labels, weights.tolist(), f"validation, {items} items")
    if options.gate:
        fit = fit_gate(candidates, fusion.habits[candidates.users], options.seed)
        gate = fit.gate
        found |= {"gate_held_out": fit.held_out, "gate_held_out_fixed": fit.held_out_fixed}
        verdict = "kept" if gate is not None else "left out, fixed weights do as well"
        print(f"gate: {fit.held_out:.4f} on the held-out half, fixed {fit.held_out_fixed:.4f}: {verdict}")
        if gate is not None:
            value = float(candidates.ndcg(gate(fusion.habits[candidates.users])).double().mean())
            print(f"gate: NDCG@20 {value:.4f} on all")
    found |= {f"val_ndcg_20_{items}": value, "fit_seconds": time.perf_counter() - started}
    found |= {"val_ndcg_20": value} if items == data.item_sets[0] else {}
    return rounded, gate, found


def _print_weights(candidates: MemberScores, labels: list[str], weights: list[float], title: str) -> None:
    """Print a row per member with its weight and what it reaches alone, and one for all of them."""
    import pandas as pd
    import torch

    from graphrec.cli.terminal import print_frame

    device = candidates.scores.device
    alone = [float(candidates.ndcg(one).double().mean()) for one in torch.eye(len(labels), device=device)]
    fused = float(candidates.ndcg(torch.tensor(weights, device=device)).double().mean())
    columns = {"member": [*labels, "fusion"], "weight": [*weights, sum(weights)], "NDCG@20": [*alone, fused]}
    print_frame(pd.DataFrame(columns), title)


def _record(own: RunOptions, folder: RunFolder, said: dict[str, Any], found: dict[str, float]) -> None:
    """Write the numbers of the search into ``fusion.json``, ``run.json`` and the run's offline W&B run."""
    from graphrec.cli.experiment.tracking import wandb_runs
    from graphrec.cli.experiment.tracking.loggers import make_loggers, record_fit, record_result

    write_text(folder.path / "fusion.json", json.dumps(found, indent=1) + "\n")
    try:
        loggers = make_loggers(own, folder, "fuse", said["cli"])
        record_fit(folder, loggers, said, own.monitor, None)
        record_result(folder, loggers, **found)
    finally:
        wandb_runs.finish()
