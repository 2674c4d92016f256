# ruff: noqa: E501  tables of words are easier to read in long lines
"""Damaged YAML files and command lines, one per seed, run as the console runs them."""

from __future__ import annotations

import random
import shlex
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from fuzz_sources import log_rows

from graphrec.cli.main import console

VALUES = [
    "null", "true", "false", "0", "-1", "1", "2", "3", "0.5", "-0.5", "1e-3", "1e9", "nan", ".nan", ".inf", "1e400", "''", "a",
    "[]", "{}", "[1, 2]", "[a]", "{a: 1}", "[null]", "-3", "2.5", "'1'", "adam", "LightGCN", "EmbeddingTable", "Popularity",
    "torch.optim.SGD", "os.system", "builtins.print", "graphrec.losses.bpr", "graphrec.data.sources.table", "log.csv", "users.csv",
    "nowhere.csv", ".", "/", "../x", "a/b", "ü 日本", "x" * 300, "all", "new", "week", "timestamp", "auto", "cpu", "gpu", "ddp",
    "16", "bf16-mixed", "2024-02-01", "20", "val_ndcg_20", "val_loss", "*a", "&b 1", "!!python/object:os.x {}", "- x", ": ", "@",
]  # fmt: skip
MODELS = [
    "{class_path: RankingTask, init_args: {encoder: {class_path: LightGCN, init_args: {dim: 4, num_layers: 1}}, learning_rate: 0.01}}",
    "{class_path: RankingTask, init_args: {encoder: {class_path: EmbeddingTable, init_args: {dim: 4}}, negatives: 2}}",
    "{class_path: ClosedFormTask, init_args: {recommender: {class_path: TopFrequency, init_args: {decay_weeks: 10}}}}",
    "{class_path: ClosedFormTask, init_args: {recommender: Popularity}}",
]  # fmt: skip
SPLITS = [
    "{class_path: LeaveLast, init_args: {num_val: 1, num_test: 1}}",
    "{class_path: Random, init_args: {val_fraction: 0.1, test_fraction: 0.2}}",
    "{class_path: Temporal, init_args: {train_end: 8, val_end: 10}}",
]
YAML = """\
seed_everything: 1
run:
  name: shop
  root: runs
  monitor: val_ndcg_20
  patience: 2
  tags: [a]
trainer:
  max_epochs: 1
  enable_progress_bar: false
  enable_model_summary: false
data:
  class_path: RecommenderData
  init_args:
    source:
      class_path: graphrec.data.sources.table
      init_args:
        path: log.csv
        users: users.csv
        columns: {price: paid}
        outlier_factor: 20
    split: SPLIT
    item_sets: [all, new]
    cutoffs: [10, 20]
    batch_size: 64
    seed: 0
model: MODEL
"""


def config(seed: int) -> bytes:
    """A sound configuration with one to three mistakes."""
    draw = random.Random(seed)
    text = YAML.replace("SPLIT", draw.choice(SPLITS)).replace("MODEL", draw.choice(MODELS))
    lines = text.splitlines()
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        lines = draw.choice(_MISTAKES)(lines, draw) or ["a: 1"]
    data = ("\n".join(lines) + "\n").encode()
    if draw.random() < 0.1:
        place = draw.randrange(len(data))
        data = data[:place] + bytes([draw.randrange(256)]) + data[place + draw.randrange(2) :]
    return data


def _value(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.choice([i for i, line in enumerate(lines) if ":" in line] or [0])
    head = lines[place].partition(":")[0]
    return [*lines[:place], f"{head}: {draw.choice(VALUES)}", *lines[place + 1 :]]


def _inner_value(lines: list[str], draw: random.Random) -> list[str]:
    """Another value within braces."""
    place = draw.choice([i for i, line in enumerate(lines) if "{" in line and ":" in line] or [0])
    parts = lines[place].split(": ")
    chosen = draw.randrange(len(parts))
    end = "".join(c for c in parts[chosen] if c in "}]")
    tail = f", {parts[chosen].rpartition(', ')[2]}" if ", " in parts[chosen] else end
    parts[chosen] = draw.choice(VALUES) + tail
    return [*lines[:place], ": ".join(parts), *lines[place + 1 :]]


def _key(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.randrange(len(lines))
    head, colon, rest = lines[place].partition(":")
    cut = draw.randrange(len(head) + 1)
    head = draw.choice([head[:cut] + head[cut + 1 :], head + "x", head.upper(), head + "." + "a", '"' + head])
    return [*lines[:place], head + colon + rest, *lines[place + 1 :]]


def _without(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.randrange(len(lines))
    return lines[:place] + lines[place + draw.choice([1, 1, 2, 4]) :]


def _indented(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.randrange(len(lines))
    count = draw.choice([-2, -1, 1, 2, 4])
    line = (
        lines[place][-count:]
        if count < 0 and lines[place].startswith("  ")
        else " " * max(count, 0) + lines[place]
    )
    return [*lines[:place], line.replace("  ", "\t", 1) if draw.random() < 0.1 else line, *lines[place + 1 :]]


def _twice(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.randrange(len(lines))
    return [*lines[: draw.randrange(len(lines))], lines[place], *lines[place:]]


def _extra(lines: list[str], draw: random.Random) -> list[str]:
    place = draw.randrange(len(lines) + 1)
    key = draw.choice(
        [
            "learning_rate",
            "optimizer",
            "lr_scheduler",
            "ckpt_path",
            "extra",
            "trainer",
            "features",
            "refit",
            "callbacks",
        ]
    )
    indent = " " * draw.choice([0, 2, 4, 6])
    return [*lines[:place], f"{indent}{key}: {draw.choice(VALUES)}", *lines[place:]]


_MISTAKES: list[Callable[[list[str], random.Random], list[str]]] = [
    _value, _value, _value, _inner_value, _inner_value, _key, _without, _indented, _twice, _extra,
]  # fmt: skip

OPTIONS = [
    "--trainer.max_epochs", "--trainer.devices", "--trainer.accelerator", "--trainer.precision", "--trainer.strategy", "--trainer.callbacks",
    "--trainer.callbacks+", "--trainer.logger", "--trainer.limit_train_batches", "--trainer.overfit_batches", "--trainer.fast_dev_run",
    "--trainer.gradient_clip_val", "--trainer.check_val_every_n_epoch", "--trainer.val_check_interval", "--trainer.profiler",
    "--trainer.plugins", "--trainer.max_time", "--trainer.max_steps", "--trainer.deterministic", "--trainer.enable_checkpointing",
    "--trainer.accumulate_grad_batches", "--trainer.num_nodes", "--trainer", "--model", "--data", "--run", "--optimizer", "--lr_scheduler",
    "--model.init_args.learning_rate", "--model.init_args.encoder", "--model.init_args.loss", "--model.init_args.decoder",
    "--model.init_args.encoder.init_args.dim", "--model.init_args.negatives", "--model.init_args.l2", "--data.init_args.batch_size",
    "--data.init_args.split", "--data.init_args.cutoffs", "--data.init_args.item_sets", "--data.init_args.features", "--data.init_args.refit",
    "--data.init_args.source.init_args.path", "--data.init_args.source.init_args.columns", "--data.init_args.source.init_args.users",
    "--run.name", "--run.root", "--run.id", "--run.monitor", "--run.patience", "--run.tags", "--run.refit_of", "--seed_everything",
    "--ckpt_path", "--config", "-c", "--print_config", "--weights_only", "--nonsense", "--help",
]  # fmt: skip
BEST = "runs/base/a/checkpoints/best.ckpt"
LIGHT: dict[str, tuple[str, list[str]]] = {
    "recommend": (f"--ckpt {BEST} --out OUT.parquet", ["--ckpt_path", "--users", "--history", "--segment", "--user_table", "--new_items", "-k", "--items", "--exclude", "--where", "--item_table", "--boost", "--explain", "--name_column", "--out"]),
    "similar": (
        f"i1 --ckpt {BEST} --out OUT.parquet",
        ["--ckpt_path", "-k", "--items", "--exclude", "--where", "--item_table", "--boost", "--columns", "--out"],
    ),
    "offers": (
        f"--ckpt {BEST} --out OUT.parquet",
        ["--policy", "--scenario", "--objective", "--promotion", "--budget", "--users", "-k", "--items", "--response", "--rate", "--margin",
         "--funded_share", "--max_rate", "--min_margin", "--depths", "--max_spread", "--max_offers_per_user", "--exposure", "--window_weeks",
         "--cool_down_weeks", "--campaign", "--campaign_budgets", "--stock", "--product_set", "--parity", "--max_parity_gap", "--explore",
         "--explore_seed", "--serving", "--sentences", "--week", "--weeks", "--costs", "--amounts", "--satisfaction", "--name_column", "--out"],
    ),
    "feedback": (
        "--offers sent.parquet --log sold.csv --out OUT",
        ["--offers", "--log", "--out", "--promote", "--columns", "--delimiter", "--encoding", "--decimal"],
    ),
    "policy evaluate": (
        "--log arms.csv --randomised",
        ["--log", "--randomised", "--policy", "--facts", "--score", "--control", "--model", "--seed", "--users", "--budget", "--out", "--columns"],
    ),
    "policy decide": (
        "--log arms.csv --randomised --facts age --out OUT.csv",
        ["--log", "--facts", "--control", "--model", "--seed", "--users", "--learner", "--cost", "--budget", "--explore", "--explore_seed",
         "--out", "--columns"],
    ),
    "experiment analyse": (
        "--log arms.csv --measures reward",
        ["--log", "--measures", "--ratings", "--control", "--shares", "--before", "--segments", "--level", "--any_time", "--out", "--columns"],
    ),
    "consume": ("redis://127.0.0.1:1/0 --store OUT.db", ["--store", "--once"]),
    "export": ("runs/base --out OUT.zip", ["--out", "--strict", "--offers"]),
    "score": ("nowhere.zip --out OUT", ["--out", "--engine", "--users", "-k", "--part_size", "--columns", "--delimiter", "--encoding"]),
    # makes a key, for it would answer until it is ended
    "serve": (
        "--new_key web --roles read --keys OUT.json",
        ["--host", "--port", "--store", "--keys", "--roles", "--workers", "--split", "--shadow", "--salt", "--budget", "--weeks", "--deadline"],
    ),
    "fuse": ("runs/base/a runs/base/b --name f", ["--name", "--combine", "--gate", "--items", "--seed", "--root", "--id"]),
    "refit": ("runs/base", ["--x"]),
    "update": ("runs/base --log log.csv", ["--log", "--gate_weeks", "--epochs", "--export", "--strict", "--offers"]),
    "report": ("runs/base --out OUT.html", ["--out", "--part", "--examples", "--title"]),
    "evaluate": (
        "--recommendations lists.csv --test log.csv",
        ["--recommendations", "--test", "--train", "--valid", "--users", "--items", "--category", "-k", "--columns", "--name", "--out",
         "--min_rating", "--delimiter", "--refit", "--exclude_seen"],
    ),
    "compare": ("runs/base --out OUT", ["--offers", "--title", "--correction", "--allow_different_splits", "--out"]),
    # without a table, so that none begins: each would start processes of its own
    "benchmark": (
        "--models popularity --data nowhere.csv --defaults --out OUT",
        ["--models", "--seeds", "--jobs", "-k", "--correction", "--columns", "--delimiter", "--encoding", "--out"],
    ),
    "reproduce": ("--list", ["--data", "--out", "--seed", "--seeds"]),
    "tune": (
        "-m base.yaml --space sweep.yaml --trials 1 --no-test --out OUT",
        ["-m", "--models", "--data", "--space", "--trials", "--budget", "--workers", "--pruner", "--subsample", "--seed", "--set", "--out"],
    ),
    "sweep": ("sweep.yaml --out OUT", ["--out", "--trials", "--budget", "--workers", "--seed"]),
    "data check log.csv --columns price=paid": ("", ["--columns", "--users", "--items", "--test", "--delimiter"]),
    "init log.csv --out OUT": ("", ["--items", "--users", "--force", "--out"]),
    "data profile log.csv --out OUT.html": ("", ["--columns", "--users", "--items", "--test", "--min_rating", "--out"]),
    "data describe log.csv": ("", ["--columns", "--users", "--items", "--test", "--delimiter"]),
}  # fmt: skip
LIGHT_VALUES = ["uniform", "knapsack", "none", "percent", "coupon", "threshold", "amount", "clearance", "repeat", "all", "users.csv",
                "log.csv", "base.yaml", "sent.parquet", "sold.csv", "arms.csv", "age", "ten", "ten=2", "GROCERY=5", "a=1", "segment", "profit", "stock.csv", "OUT", "OUT.csv", "OUT.parquet"]  # fmt: skip


def command(seed: int, out: str) -> list[str]:
    """A sound command line with one to three options of odd values."""
    draw = random.Random(seed)
    words: list[str]
    if seed % 2:
        name = draw.choice(["fit", "fit", "fit", "test", "validate", "predict"])
        words, options, values = [name, "-c", "base.yaml"], OPTIONS, VALUES
    else:
        name = draw.choice(list(LIGHT))
        needed, own = LIGHT[name]
        words, options, values = [*name.split(), *needed.split()], own, VALUES + LIGHT_VALUES * 2
    for _ in range(draw.choice([0, 1, 1, 2, 3])):
        option, value = draw.choice(options), draw.choice(values)
        words += [f"{option}={value}"] if draw.random() < 0.2 else [option, value]
    if draw.random() < 0.15 and len(words) > 1:
        del words[draw.randrange(len(words))]
    return [word.replace("OUT", out) for word in words]


class TooLong(BaseException):
    """A command that goes on: no mistake."""


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(args: list[str], said: Callable[[], str], seconds: int = 30) -> str:
    """``done``, ``refused``, ``slow`` or what nobody should see."""
    said()
    try:
        with _limit(seconds):
            console(args)
    except SystemExit as stop:
        return _of_exit(stop.code, said(), args)
    except TooLong:
        return "slow"
    except BaseException as error:
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "graphrec/" in frame.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "?"
        return f"TRACEBACK {type(error).__name__} in {place}: {' '.join(str(error).split())[:160]}  [{shlex.join(args)[:300]}]"
    text = said()
    return f"TRACEBACK printed [{shlex.join(args)}]" if "Traceback (most" in text else "done"


def _of_exit(code: object, text: str, args: list[str]) -> str:
    lines = [line for line in text.splitlines() if line.startswith("graphrec: ")]
    if "Traceback (most" in text:
        return f"TRACEBACK printed [{shlex.join(args)}]"
    if code in (0, None):
        return "done"
    if code != 2 or not lines:
        return f"WRONG exit {code}: {text[-200:]!r} [{shlex.join(args)}]"
    words = [word for word in ("np.", "dtype(", "<class '") if word in lines[-1]]
    if words or len(lines[-1]) > 3500:
        return f"WRONG words {words}: {lines[-1][:250]}"
    return "refused"


def lay_out(said: Callable[[], str]) -> None:
    """Write a small shop into the current folder and fit two runs of it."""
    rows = ["user_id,item_id,timestamp,paid,quantity"]
    rows += [",".join(row) for row in log_rows(["user", "item", "date", "price", "number"], 120)]
    Path("log.csv").write_text("\n".join(rows) + "\n")
    Path("users.csv").write_text("user_id,segment\n" + "".join(f"u{i},{'ab'[i % 2]}\n" for i in range(6)))
    Path("stock.csv").write_text("item_id,stock\n" + "".join(f"i{i},{i}\n" for i in range(8)))
    lists = "".join(f"u{user},i{item},{item + 1}\n" for user in range(6) for item in range(5))
    Path("lists.csv").write_text(f"user_id,item_id,rank\n{lists}")
    text = YAML.replace("SPLIT", SPLITS[0]).replace("MODEL", MODELS[0]).replace("name: shop", "name: base")
    Path("base.yaml").write_text(text)
    sweep = {
        "method": "grid",
        "metric": {"name": "val_ndcg_20"},
        "command": ["graphrec", "fit", "-c", "base.yaml"],
    }
    Path("sweep.yaml").write_text(yaml.safe_dump({**sweep, "parameters": {"run.patience": {"values": [1]}}}))
    for name in "ab":
        said_of_fit = outcome(["fit", "-c", "base.yaml", "--run.id", name], said)
        assert said_of_fit == "done", said_of_fit
    _lay_out_decisions(said)


def _lay_out_decisions(said: Callable[[], str]) -> None:
    """Write offers of which chance decided some, what was bought of them, and a log of arms."""
    words = f"offers --ckpt {BEST} --policy knapsack --week 60 --explore 0.4 --out sent.parquet"
    said_of_offers = outcome(words.split(), said)
    assert said_of_offers == "done", said_of_offers
    bought = "".join(
        f"u{user},i{item},60,{1 - 2 * (user == item)},3.5\n" for user in range(6) for item in range(5)
    )
    Path("sold.csv").write_text(f"user_id,item_id,week,quantity,price\n{bought}")
    draw = random.Random(5)
    arms = [(draw.choice(["none", "ten", "mail"]), draw.randint(18, 80), draw.random()) for _ in range(200)]
    rows = "".join(f"p{place},{arm},{reward:.3f},{age}\n" for place, (arm, age, reward) in enumerate(arms))
    Path("arms.csv").write_text(f"user_id,arm,reward,age\n{rows}")
