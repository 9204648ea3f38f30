# SPDX-License-Identifier: MIT
"""Kills a runtime at each system call with which it opens another state; prints what came back.

Like ``host.py``, a process with one thread that forks each runtime. ``strace`` kills it in place of
the n-th call of a kind, for n = 1, 2, 3 … until the runtime answers requests first. Calls are
counted for each thread by itself: of calls that several threads make, some are left out.

Usage: imports.py FOLDER HOW [CALL...], where HOW is "import", "clear" or "refused" (the new state
cannot be opened, the old one comes back); without names of system calls it is killed at all kinds.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import host

from fc_async_local.bootstrap.options import Options
from fc_async_local.bootstrap.runtime import Runtime
from fc_async_local.engine.engine import Engine
from fc_async_local.services.mns.model import Draft

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLS = [
    *("rename", "unlink", "pwrite64", "fdatasync", "fsync", "ftruncate", "openat", "mkdir"),
    *("rmdir", "write", "fcntl", "mmap", "close"),
]
"""Calls that change files, and those between which SQLite opens and closes them."""
FEW = {"openat", "write", "fcntl", "mmap", "close"}
"""Every fifth of these is enough: most change nothing."""
MESSAGES = {"old": 300, "new": 40}
ATTACHED_SECONDS = 20


async def open_runtime(data: Path) -> Runtime:
    return await Runtime.open(Options(data=data, port=0, grace_ms=0))


async def fill(runtime: Runtime, name: str) -> None:
    """Keep a queue of messages under the name of a state."""
    mns = runtime.services.mns
    await mns.create_queue(name)
    for number in range(0, MESSAGES[name], 10):
        drafts = [Draft(message_id=f"{number + each:032X}", body=name * 200) for each in range(10)]
        await mns.send(name, drafts)


async def export(data: Path, target: Path) -> None:
    runtime = await open_runtime(data)
    await fill(runtime, "new")
    snapshot = await runtime.state.snapshot()
    target.write_bytes(snapshot or b"")  # noqa: ASYNC240 -- nothing else runs in this process
    await runtime.aclose()


async def begin(data: Path, snapshot: bytes | None) -> None:
    """Ask a runtime for another state; it dies after the answer."""
    runtime = await open_runtime(data)
    await fill(runtime, "old")
    payload = data / "payloads" / "large"
    payload.parent.mkdir()
    payload.write_text("old")
    assert await runtime.state.replace(snapshot)
    os._exit(0)


async def look(data: Path, out: int) -> None:
    """Start a runtime and tell which state it has."""
    runtime = await open_runtime(data)
    mns = runtime.services.mns
    counts = {
        queue.name: (await mns.counts(queue.name)).active for queue in await mns.queues(limit=9)
    }
    payload = (data / "payloads" / "large").exists()
    await runtime.aclose()
    left = names_in(data)
    os.write(out, json.dumps({"counts": counts, "payload": payload, "left": left}).encode())


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def refuse_once() -> None:
    """Let the first start with a state fail."""
    start, times = Engine.start, iter([True])

    async def refused(engine: Engine, *arguments: object) -> None:
        if next(times, False):
            raise RuntimeError("this state cannot be opened")
        await start(engine, *arguments)  # type: ignore[arg-type]

    Engine.start = refused  # type: ignore[method-assign, assignment]


def in_child(body: Callable[[int], Awaitable[None]]) -> bytes:
    told, code = host.watch(*host.fork(body), None)
    if code != 0:
        sys.exit(f"a runtime that was not to be killed ended with {code}")
    return told


def killed_at(data: Path, call: str, number: int, how: str) -> bool:
    """Start a runtime that is killed in place of a system call; False if it came to its end."""
    waiting, go = os.pipe()

    async def life(_: int) -> None:
        os.read(waiting, 1)
        if how == "refused":
            refuse_once()
        await open_runtime(data)
        os._exit(0)  # it answers requests

    pid, reading = host.fork(life)
    inject = f"inject={call}:signal=KILL:when={number}"
    tracer = subprocess.Popen(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            os.devnull,
            "-e",
            f"trace={call}",
            "-e",
            inject,
            "-p",
            str(pid),
        ]
    )
    try:
        wait_until_traced(pid)
        os.write(go, b"!")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        tracer.wait(ATTACHED_SECONDS)
        for descriptor in (waiting, go, reading):
            os.close(descriptor)
    if code not in {0, -signal.SIGKILL}:
        sys.exit(f"a start ended with {code} at {call} {number}")
    return code != 0


def wait_until_traced(pid: int) -> None:
    until = time.monotonic() + ATTACHED_SECONDS
    while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
        if time.monotonic() > until:
            sys.exit("strace cannot attach here")
        time.sleep(0.001)


def main(folder: Path, how: str, calls: list[str]) -> None:
    logging.disable(logging.ERROR)  # each refusal has one
    exported, template = folder / "new.db", folder / "template"
    in_child(lambda _: export(folder / "other", exported))
    snapshot = None if how == "clear" else exported.read_bytes()
    in_child(lambda _: begin(template, snapshot))
    came_back = []
    data = folder / "data"
    for call in calls or CALLS:
        number = 1
        while True:
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(template, data)
            killed = killed_at(data, call, number, how)
            found = json.loads(in_child(lambda out: look(data, out)))
            came_back.append(found | {"call": call, "number": number, "killed": killed})
            if not killed:
                break
            number += 5 if call in FEW else 1
    print(json.dumps(came_back))  # noqa: T201 -- this is how the test gets it


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
