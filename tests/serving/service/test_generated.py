"""Requests that are made out of the OpenAPI page: none is answered by a mistake of the service."""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from live_parts import service
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from graphrec.serving.service.http.keys import ROLES, add_key

NOT_CHECKED = [ignored_auth, positive_data_acceptance]
"""It cannot take the key away again, and does not know which fields exclude each other."""


def asked(folder, count: int) -> Counter[tuple[str, int]]:
    """Ask about so many requests of every route that takes a body, half of them wrong; route and status."""
    found: Counter[tuple[str, int]] = Counter()
    headers = {"authorization": f"Bearer {add_key(folder / 'keys.json', 'all', ROLES)}"}
    with service(folder, desk=True, deadline=60.0, keys=str(folder / "keys.json")) as shop:
        schema = schemathesis.openapi.from_asgi("/openapi.json", shop.client.app)
        operations = [one.ok() for one in schema.get_all_operations()]
        bodies = [one for one in operations if one.method == "post"]
        each = count // (2 * len(bodies)) + 1
        for operation in operations:
            modes = list(GenerationMode) if operation in bodies else [GenerationMode.POSITIVE]
            for mode in modes:
                _ask(operation, mode, each, found, headers)
    return found


def _ask(operation, mode: GenerationMode, count: int, found: Counter, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case) -> None:
        answer = case.call(headers=headers)
        found[operation.path, answer.status_code] += 1
        case.validate_response(answer, excluded_checks=NOT_CHECKED)

    ask()


@pytest.mark.parametrize("count", [150, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_generated_request_is_answered_by_a_mistake_of_the_service(tmp_path, count):
    found = asked(tmp_path, count)
    assert not [key for key in found if key[1] >= 500]
    assert sum(found.values()) >= count
    for path in ("/recommend", "/offers", "/similar", "/events"):
        assert found[path, 422] > 0
    for path in ("/recommend", "/offers", "/events", "/desk/look", "/budget", "/model"):
        assert found[path, 200] > 0, found
