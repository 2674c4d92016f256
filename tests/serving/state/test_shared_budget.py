"""Four processes offer at once from one budget."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter

import pytest
from processes import environment
from state_stores import Made, makers

from graphrec.serving.state.opening import open_store
from graphrec.serving.state.store import Terms

CAP, WORKERS = 12, 4

WORKER = """
import json, random, sys
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.store import Booking
address, number, offers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw, kept, won = random.Random(number), open_store(address), []
print("ready", flush=True)
sys.stdin.readline()
for start in range(0, offers, 20):
    batch = [
        Booking(f"{number}-{n}", f"u{draw.randrange(3000)}", "scarce" if n % 7 == 0 else "i", 0.1,
                draw.uniform(0.2, 1.8), 1.0)
        for n in range(start, start + 20)
    ]
    done = kept.book(batch)
    won += [(one.spend, one.user, one.item) for one, booked in zip(batch, done) if booked]
print(json.dumps(won))
"""


@pytest.fixture(params=makers())
def made(request, tmp_path):
    with request.param(tmp_path) as made:
        yield made


@pytest.mark.parametrize("each", [2_500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_budget_is_spent_and_never_overspent(made: Made, each):
    """All offers together would cost twice the budget."""
    store, budget, scarce = open_store(made.address), 2.0 * each, each / 20
    store.open(Terms("w", budget, 0.5, time.time() - 5, 86_400.0, 24, CAP, {"scarce": scarce}))
    code = [sys.executable, "-c", WORKER, made.address]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    workers = [subprocess.Popen([*code, str(n), str(each)], **pipes) for n in range(WORKERS)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * WORKERS
    outs = []
    for worker in workers:  # all begin at once
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        outs.append(json.loads(worker.stdout.read()))
        assert worker.wait(60) == 0
    won = [tuple(one) for out in outs for one in out]
    users = Counter(user for _, user, _ in won)
    spent, purse = sum(spend for spend, _, _ in won), store.purse()
    assert all(out for out in outs), "no worker is left out"
    assert 0.99 * budget <= spent <= budget
    assert purse.spent == pytest.approx(spent)
    assert purse.spent <= budget
    assert purse.offers == len(won)
    assert max(users.values()) <= CAP
    assert sum(item == "scarce" for _, _, item in won) == scarce
    store.close()
