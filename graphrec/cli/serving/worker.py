"""A process of `graphrec serve` that answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.cli.start_up import importing

if TYPE_CHECKING:
    from fastapi import FastAPI

APP = f"{__name__}:app"


def app() -> FastAPI:
    """Make the application, with models of `graphrec export` and the store that was named.

    Raises:
        InputError: If something of it cannot be read.
    """
    with importing():
        import torch

        from graphrec.cli.experiment.live import load_live
        from graphrec.serving.live.model import LiveModel
        from graphrec.serving.service.process.worker import application
        from graphrec.serving.service.settings import Settings
        from graphrec.serving.service.versions import Opener
        from graphrec.serving.state.opening import open_store

    torch.set_num_threads(1)  # one shopper is too little to share out, and the others want a core, too

    def opener(settings: Settings) -> Opener:
        def load(path: Path) -> LiveModel:
            return load_live(path, settings.trust)

        return load

    return application(opener, open_store)
