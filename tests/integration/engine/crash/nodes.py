# SPDX-License-Identifier: MIT
"""Three runtimes on one PostgreSQL; one is killed, or all are cut off from the database.

Like ``host.py``, but no runtime is started again: the others have to take over.

Usage: nodes.py FOLDER SEED ROUNDS URL HOW, where HOW is "kill" or "cut".
"""

from __future__ import annotations

import json
import random
import select
import signal
import sys
from pathlib import Path

import host
import psycopg

from fc_async_local.engine.ports import no_probe
from fc_async_local.settings import Settings

NODES = 3
SECONDS = 60
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


def run(
    places: list[host.Place], seed: str, source: random.Random, how: str
) -> tuple[list[str], int]:
    """One round: start all, disturb them under load, wait until the work is done.

    Returns what was acknowledged and how many nodes were killed.
    """
    nodes = [
        host.fork(
            lambda out, place=place, number=number: host.life(
                place, out, random.Random(f"{seed}-{number}"), no_probe
            )
        )
        for number, place in enumerate(places)
    ]
    # The first acknowledgement of each says that it has started and the load is on.
    for _, reading in nodes:
        select.select([reading], [], [], SECONDS)
    victim = source.randrange(NODES) if how == "kill" else None
    if victim is None:
        with psycopg.connect(places[0].store, autocommit=True) as connection:
            connection.execute(CUT)
    acknowledged: list[str] = []
    kills = 0
    # The victim first: it is to die under load, not after it.
    for number in sorted(range(NODES), key=lambda one: one != victim):
        moment = source.random() / 50 if number == victim else None
        told, code = host.watch(*nodes[number], moment)
        acknowledged += host.lines(told)
        kills += code == -signal.SIGKILL
        if code not in {0, -signal.SIGKILL}:
            sys.exit(f"node {number} of {seed} ended with {code}")
    return acknowledged, kills


def main(folder: Path, seed: int, rounds: int, url: str, how: str) -> None:
    # Leases are short, or the test would wait for them.
    host.SETTINGS = Settings.of(**host.RETRIES, max_in_flight=8, lease_ms=600)
    places = [host.Place(url, folder / f"node{number}", folder) for number in range(NODES)]
    for place in places:
        place.data.mkdir()
    source = random.Random(seed)
    acknowledged: list[str] = []
    kills = 0
    for number in range(rounds):
        of_this, killed = run(places, f"{seed}-{number}", source, how)
        acknowledged += of_this
        kills += killed
    # This is how the test gets it.
    print(json.dumps(host.conclude(places[0], str(seed), acknowledged, kills)))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
