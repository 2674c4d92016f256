"""What `graphrec score` is asked for, and its parts, one after the other."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import Progress

import graphrec
from graphrec.cli.experiment.live import load_live
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.frames import read_users
from graphrec.cli.recommending.named import ids_as_file, split_ids
from graphrec.cli.scoring.folder import ScoreFolder, check_out
from graphrec.cli.scoring.part import Part, Work, scored
from graphrec.cli.table_options import reading
from graphrec.data.choice.known import as_text, counted, examples
from graphrec.data.engine.backends import spark_sessions
from graphrec.data.interactions import Columns
from graphrec.notices import note, warn
from graphrec.serving.live.model import LiveModel

SPARK = "spark"


def score(options: argparse.Namespace) -> Path:
    """Score all users who were asked for, without the parts that are done.

    Args:
        options: Of the command.

    Returns:
        The folder.

    Raises:
        InputError: If the export, the users or the folder cannot be used.
    """
    given = _given(options)
    if options.engine == SPARK:
        spark_sessions()  # one that is missing is told before a model is loaded
    check_out(options.out)
    with locked(options.out, "folder of scores", "another --out"):
        model = load_live(options.MODEL, options.trust)
        if not model.decides_offers:
            note(f"{options.MODEL} was exported without --offers: lists alone are written, no offers")
        users = _users(model, given)
        work = Work(
            str(options.MODEL.resolve()), model.version, str(options.out.resolve()),
            options.k, model.decides_offers, options.trust,
        )  # fmt: skip
        folder = ScoreFolder(options.out, _asked(options, work, users), -(-len(users) // options.part_size))
        folder.open()
        _do(folder, model, work, users, options)
        _tell(folder, model, work)
    return Path(options.out)


def _given(options: argparse.Namespace) -> list[str] | None:
    """Read the users who are named, each once; None for all."""
    options.users, ids = split_ids(options.users, "--users")
    columns, text = reading(options, {"users": "user_list"})
    table = read_users(ids_as_file(ids, Columns.USER) if ids else options.users, columns, text)
    return None if table is None else [str(one) for one in table.frame[Columns.USER].drop_duplicates()]


def _users(model: LiveModel, given: list[str] | None) -> list[str]:
    """List whom to score: those named, or all whom training knows, in the order of the export."""
    if given is not None:
        unknown = [user for user in given if not model.knows(user)]
        if unknown:
            shown, ending = examples(pd.Series(unknown)), "gets" if len(unknown) == 1 else "get"
            what = f"{counted(len(unknown), 'user')} not in training {ending} what most people buy, such as"
            note(f"{what} {shown}")
        return given
    everybody = [str(one) for one in as_text(model.data.split.users).ids]
    known = [user for user in everybody if model.knows(user)]
    if gone := len(everybody) - len(known):
        note(f"{counted(gone, 'user')} without a purchase in training left out; --users may name them")
    return known


def _asked(options: argparse.Namespace, work: Work, users: Sequence[str]) -> dict[str, object]:
    digest = hashlib.sha256()
    for user in users:
        digest.update(user.encode() + b"\0")
    return {
        "model": work.version,
        "graphrec": graphrec.__version__,
        "holds": "offers" if work.offers else "lists",
        "k": work.k,
        "part_size": options.part_size,
        "users": len(users),
        "users_sha256": digest.hexdigest(),
    }


def _do(
    folder: ScoreFolder, model: LiveModel, work: Work, users: Sequence[str], options: argparse.Namespace
) -> None:
    """Do the parts that are left, and book each."""
    if folder.damaged:
        note(f"{counted(folder.damaged, 'part')} not as written, or gone: made again")
    if folder.done:
        note(f"{len(folder.done):,} of {counted(folder.count, 'part')} are there already and not made again")
    size, left = options.part_size, folder.left()
    parts = [(number, users[number * size : (number + 1) * size]) for number in left]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("score", total=sum(len(some) for _, some in parts))
        for part in _engine(model, work, parts, options.engine):
            folder.add(part)
            progress.advance(bar, part.users)


def _engine(
    model: LiveModel, work: Work, parts: Sequence[tuple[int, Sequence[str]]], engine: str
) -> Iterator[Part]:
    if engine == SPARK and parts:
        from graphrec.cli.scoring.spark import on_spark

        return on_spark(work, parts)
    return (scored(model, work, number, some) for number, some in parts)


def _tell(folder: ScoreFolder, model: LiveModel, work: Work) -> None:
    """Say what all parts together came to."""
    parts = folder.done.values()
    rows, users = sum(one.rows for one in parts), sum(one.users for one in parts)
    what = "items with their offers" if work.offers else "recommendations"
    where = f"{counted(len(parts), 'part')}: {folder.path}"
    print(f"{rows:,} {what} for {counted(users, 'user')} in {where}")
    if without := sum(one.without for one in parts):
        note(f"no row for {counted(without, 'user')}: no item may be listed for them")
    purse, spend = model.purse(), sum(one.spend for one in parts)
    if purse is not None and spend > purse["budget"]:
        hint = "let the service book them, or export again with these users and this -k"
        warn(f"all offers together cost {spend:,.2f}, the budget is {purse['budget']:,.2f}", hint=hint)
