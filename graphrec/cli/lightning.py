"""The LightningCLI behind fit, validate, test and predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonargparse
import torch
import wandb
import yaml
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import Trainer
from pytorch_lightning.cli import LightningArgumentParser

import graphrec.cli.quiet
import graphrec.models  # noqa: F401  a class that is imported may be named without its path
from graphrec.cli.checkpoint_files import WholeCheckpoints
from graphrec.cli.checks import check_monitor, check_recommender, check_split, check_weights
from graphrec.cli.commands.recommend import ranking_frame
from graphrec.cli.entries import read_entries
from graphrec.cli.folder_cli import FolderCLI
from graphrec.cli.foreign_errors import hidden_mistake
from graphrec.cli.launch import agreed, say
from graphrec.cli.loggers import make_loggers, plain, record
from graphrec.cli.optimizers import choose, settle_shared
from graphrec.cli.resuming import warn_if_refit_unfinished, warn_if_unfinished
from graphrec.cli.run import LAST, RunFolder, RunOptions, newest, read_checkpoint
from graphrec.cli.run_record import RecordRun
from graphrec.cli.terminal import print_measures
from graphrec.data import splits
from graphrec.data.interactions import RawData
from graphrec.data.module import RecommenderData
from graphrec.data.shards import node_shard
from graphrec.evaluation.gather import gather_rankings
from graphrec.files import source_of, write_parquet
from graphrec.graph import BipartiteGraph
from graphrec.training import RankedTask

# a YAML names the function or class that makes these two
jsonargparse.set_parsing_settings(subclasses_enabled=[RawData, splits.Splitter])


class GraphRecCLI(FolderCLI):
    """LightningCLI with a folder per run, W&B and the callbacks every fit needs."""

    def __init__(self, *classes: Any, args: Any, **options: Any) -> None:
        self._args = args if isinstance(args, list) else []
        self._command = self._args[0] if self._args else None
        super().__init__(*classes, args=args, **options)  # type: ignore[misc]

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The one that is run; to make the parsers of the others takes as long as a small fit."""
        return {name: keys for name, keys in super().subcommands().items() if name == self._command}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the group ``run``."""
        parser.add_class_arguments(RunOptions, "run")

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> LightningArgumentParser:
        """Leave Lightning's table of all metrics off; ours is printed after a test."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand in ("validate", "test"):
            parser.set_defaults({"verbose": False})
        return parser

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint that was meant, and tell the data whether it belongs to a refit."""
        for group in ("run", "trainer"):
            if not isinstance(self._settings[group], jsonargparse.Namespace):  # the parser lets a list pass
                raise jsonargparse.ArgumentError(None, f"{group} is no mapping of keys to values")
        settings, options = self._settings, self.run_options
        if self.subcommand in ("validate", "test", "predict") and not settings.get("ckpt_path"):
            settings.ckpt_path = agreed("checkpoint", str(newest(options)))
            say(f"checkpoint: {settings.ckpt_path}")
            warn_if_refit_unfinished(Path(settings.ckpt_path))
        if settings.get("ckpt_path") == "last":
            settings.ckpt_path = agreed("checkpoint", str(newest(options, LAST)))
        checkpoint = settings.get("ckpt_path")
        if checkpoint and self.subcommand != "fit":
            warn_if_unfinished(Path(checkpoint))
        of_refit = bool(checkpoint) and RunFolder.of_checkpoint(Path(checkpoint)).is_refit
        if of_refit or options.refit_of:
            settings.data.init_args.refit = True
        if self.subcommand == "fit":
            settle_shared(settings, read_entries(self._args))

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        """Let the task make what ``--optimizer`` and ``--lr_scheduler`` name, once it has weights."""
        if subcommand == "fit":
            optimizer, schedule = (self._get(self.config_init, key) for key in ("optimizer", "lr_scheduler"))
            choose(self.model, optimizer, schedule, self.run_options.monitor)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add folder, loggers and callbacks to what the configuration says."""
        if self.subcommand is None:
            return super().instantiate_trainer(logger=False, enable_checkpointing=False, **kwargs)
        settings = self._settings
        self.folder = self._folder(settings.get("ckpt_path"), bool(settings.trainer.fast_dev_run))
        kwargs |= {"default_root_dir": str(self.folder.path), "num_sanity_val_steps": 0}
        kwargs["use_distributed_sampler"] = False  # the data module shares the users out, the task the edges
        if settings.trainer.logger is None:
            kwargs["logger"] = make_loggers(self.run_options, self.folder, self.subcommand == "fit")
        if settings.trainer.fast_dev_run:  # a trial leaves nothing behind
            kwargs["enable_checkpointing"] = False
        elif self.subcommand == "fit":
            kwargs["callbacks"] = [*(self._configured("callbacks") or []), *self._callbacks()]
        trainer = super().instantiate_trainer(**kwargs)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:  # else the user has one of their own
            trainer.strategy.checkpoint_io = WholeCheckpoints()
        return trainer

    def _configured(self, key: str) -> Any:
        """What the configuration gives the trainer, instantiated."""
        return self._get(self.config_init, "trainer", default={}).get(key)

    def before_fit(self) -> None:
        """Build the model, then tell W&B what this run is."""
        self._build()
        if not self._is_done:
            record(self.trainer.loggers, self._description(), {})

    def _build(self) -> None:
        """Read and check everything that can be wrong; only then the run's folder appears."""
        checkpoint = self._settings.get("ckpt_path")
        content = read_checkpoint(Path(checkpoint)) if checkpoint else None
        if content is not None:
            check_split(content, self.datamodule)
            check_recommender(content, self.model, Path(checkpoint))
        if self.subcommand == "fit" and self._watched:
            check_monitor(self.run_options.monitor, self.datamodule)
        if self.subcommand in ("validate", "test"):
            self.datamodule.check_part("test" if self.subcommand == "test" else "validation")
        with self.trainer.init_module():
            train, shard = self.datamodule.split.train, node_shard(self.trainer)
            graph = BipartiteGraph(train, self.datamodule.features, shard)
            self.model.bind(graph, None if content is None else content["state_dict"])
        if content is not None:
            check_weights(content, self.model, Path(checkpoint))
        self.datamodule.report()
        processes = f", {self.trainer.world_size} processes" if self.trainer.world_size > 1 else ""
        say(f"device: {self.trainer.strategy.root_device}{processes}")
        if shard is not None and self.subcommand == "fit":
            say(f"row_sharded: {self.model.holding()}")
        self._begin(content)

    before_validate = before_test = before_predict = _build

    def after_validate(self) -> None:
        """Print the measures of each item set."""
        if self.trainer.is_global_zero:
            print_measures("val", self.trainer.callback_metrics, self.datamodule)

    def after_test(self) -> None:
        """Print the measures of each item set with their intervals."""
        self._record_tested()
        if self.trainer.is_global_zero:
            print_measures("test", self.trainer.callback_metrics, self.datamodule)

    def after_predict(self) -> None:
        """Write the best items of every user into the run's folder."""
        loop, split = self.trainer.predict_loop, self.datamodule.split
        if self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        rankings = gather_rankings(loop.predictions)
        if not self.trainer.is_global_zero:
            return
        frame = ranking_frame(rankings, split.users, split.items)
        frame.attrs = source_of(self.trainer.ckpt_path, split.sha256())
        path = write_parquet(frame, self.folder.path / "recommendations.parquet")
        print(f"{len(frame):,} recommendations for {frame['user_id'].nunique():,} users: {path}")

    def _description(self) -> dict[str, Any]:
        settings, data = self._settings, self.datamodule
        cli = settings.clone().as_dict() if hasattr(settings, "clone") else dict(settings)
        model = self.run_options.name.removeprefix(f"{data.source.name}-")
        return {
            "run": self.run_options.name,
            "id": self.folder.id,
            "model": model,
            "dataset": data.source.name,
            "seed": settings.get("seed_everything"),
            "split_sha256": data.split.sha256(),
            "candidates": list(data.item_sets),
            "cli": plain(cli),
        }


def run_lightning(args: list[str], kind: type[GraphRecCLI] = GraphRecCLI, **kwargs: Any) -> GraphRecCLI:
    """Run a subcommand of Lightning, or with ``run=False`` only build model and data.

    Raises:
        InputError: If something in the data is wrong.
    """
    strict: dict[str, Any] = {"exit_on_error": False}
    if isinstance(args, list):
        example = f"example: graphrec {args[0]} -c experiments/complete_journey/lightgcn.yaml"
        example += "; --strict (data.init_args.strict) makes the loss of any row of the log an error"
        strict |= {args[0]: {**strict, "epilog": example}}
    try:
        return kind(
            RankedTask,
            RecommenderData,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=RecordRun,
            save_config_kwargs={"save_to_log_dir": False},
            seed_everything_default=0,
            parser_kwargs={"prog": "graphrec", **strict},
            args=args,
            **kwargs,
        )
    except ValueError as error:  # jsonargparse hides it in an error of its own
        if (mistake := hidden_mistake(error)) is not None:
            raise mistake from None
        raise
    finally:
        wandb.finish()


def load_run(checkpoint: Path, strict: bool = False) -> tuple[RankedTask, RecommenderData]:
    """Rebuild the model and the data of a checkpoint.

    Args:
        checkpoint: Of a run.
        strict: Refuse to leave out a row of the log.

    Raises:
        InputError: If the checkpoint cannot be read, or the data is not what it was trained on.
    """
    content = read_checkpoint(checkpoint)
    warn_if_unfinished(checkpoint)
    config = yaml.safe_load(content["graphrec"]["config"])
    for key in ("ckpt_path", "weights_only"):
        config.pop(key, None)
    if strict:
        config["data"]["init_args"]["strict"] = True
    cli = run_lightning(config, run=False)
    task, data = cli.model, cli.datamodule
    check_split(content, data)
    task.bind(BipartiteGraph(data.split.train, data.features), content["state_dict"])
    task.load_state_dict(content["state_dict"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task.eval().to(device)
    data.report()
    return task, data
