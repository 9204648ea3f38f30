# SPDX-License-Identifier: MIT
"""Instances that are processes, over one file: they reach store and runtime by themselves."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.ordering import Burst, Concurrency, Debounce
from fc_async_sdk.stores import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::fc_async_local.testing.ImportedFromMachine"),
]

CODE = """
import os, time
from pathlib import Path

from fc_async_sdk.events import handler
from fc_async_sdk.ordering import Concurrency, Debounce
from fc_async_sdk.stores import SqliteStore

folder = Path({folder!r})
store = SqliteStore(folder / "store.db")
talk = Concurrency("talk", 1, key=lambda message: message["talk"], store=store, order=True)
newest = Debounce("newest", 3, key=lambda message: message["talk"], store=store)


def work(message, context):
    lock = folder / f"lock-{{message['talk']}}"
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))  # fails if another message of the talk runs
    time.sleep(0.02)
    with (folder / f"log-{{message['talk']}}").open("a") as log:
        print(message["n"], file=log)
    lock.unlink()
    return message["n"]


reply = handler(dict, concurrency=talk)(work)
summarise = handler(dict, debounce=newest)(work)
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.py").write_text(CODE.format(folder=str(tmp_path)))
    return folder


def numbers(folder: Path, talk: str) -> list[int]:
    return [int(line) for line in (folder / f"log-{talk}").read_text().split()]


def test_processes_run_one_message_of_a_talk_at_a_time_in_order(
    fc_local: FcLocal, code: Path, tmp_path: Path
) -> None:
    fc_local.deploy("reply", code, handler="index.reply", timeout=60)
    talk = Concurrency(
        "talk",
        1,
        key=lambda message: message["talk"],
        store=SqliteStore(tmp_path / "store.db"),
        order=True,
        chance=random.Random(1).random,
    )
    reply = fc_local.client.function("reply", result=int, concurrency=talk)
    tasks = [reply.spawn({"talk": f"t{n % 3}", "n": n}) for n in range(24)]
    fc_local.run_until_idle()
    assert [task.result() for task in tasks] == [*range(24)]
    assert [numbers(tmp_path, f"t{k}") for k in range(3)] == [[*range(k, 24, 3)] for k in range(3)]


def test_processes_run_the_last_of_a_burst(fc_local: FcLocal, code: Path, tmp_path: Path) -> None:
    fc_local.deploy("summarise", code, handler="index.summarise", timeout=60)
    store = SqliteStore(tmp_path / "store.db")
    newest = Debounce("newest", 3, key=lambda message: message["talk"], store=store)
    summarise = fc_local.client.function("summarise", result=int, debounce=newest)
    tasks = [summarise.spawn({"talk": "t", "n": n}) for n in range(10)]
    fc_local.run_until_idle()
    assert {task.result() for task in tasks} == {9}
    assert numbers(tmp_path, "t") == [9]
    assert newest.state("t") == Burst(waiting=0, calls=10, runs=1, replaced=9)
