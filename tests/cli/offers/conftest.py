from __future__ import annotations

from pathlib import Path

import pytest
from seasonal_shop import Seasonal


@pytest.fixture(scope="session")
def fitted_shop(tmp_path_factory) -> tuple[Path, Seasonal]:
    """The shop of four seasons, fitted once, and its folder."""
    folder = tmp_path_factory.mktemp("seasonal")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, Seasonal()


@pytest.fixture
def shop(fitted_shop, monkeypatch) -> Seasonal:
    """The shop, in its folder."""
    monkeypatch.chdir(fitted_shop[0])
    return fitted_shop[1]
