"""The folder of a fit while it runs: held by one process, begun, and marked as whole in the end."""

from __future__ import annotations

from contextlib import ExitStack

from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.runs.folder import BEST, RunFolder
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.experiment.runs.names import check_links
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.runs.resuming import check_new
from graphrec.cli.experiment.tracking.loggers import make_folder
from graphrec.files import remove_parts


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def begin_fit(folder: RunFolder, holding: ExitStack, *, resumed: bool) -> None:
    """Make the folder and hold it until the command ends.

    Args:
        folder: The run's folder, or that of its refit, which may be done again at any time.
        holding: Lets go of the folder in the end.
        resumed: Whether the fit goes on with a checkpoint of this folder.

    Raises:
        InputError: If another process writes there, or the fit would write over another one.
    """
    check_links(folder.path, fit=True)
    holding.enter_context(locked(folder.path))
    if not resumed and not folder.is_refit:
        check_new(folder)
    Progress.begin(folder.path, folder.step)
    for place in (folder.path, folder.checkpoints):
        remove_parts(place)
    if not resumed:
        _remove_what_was_killed(folder)
    make_folder(folder, fit=True)


def _remove_what_was_killed(folder: RunFolder) -> None:
    """Remove what an attempt before left, so that nothing of it passes for a result of this one."""
    (folder.checkpoints / BEST).unlink(missing_ok=True)
    for left in ("metrics*.csv", "test_*", "recommendations.parquet"):
        for file in folder.path.glob(left):
            file.unlink()


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def finish_fit(folder: RunFolder, split_sha256: str) -> None:
    """Mark what the folder holds as whole, unless it is so already."""
    progress = Progress.of(folder.path) or Progress.begin(folder.path, folder.step)
    if progress.finished is None:
        progress.finish(folder.path, split_sha256)
