# SPDX-License-Identifier: MIT
"""Functions that crash, hang or leak do not affect other functions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from typing import Any

import psutil
import pytest

from fc_async_local.domain.invocation import OutcomeKind

GOOD = """
    import os, time
    def handler(event, context):
        print(event.decode())
        time.sleep(0.002)
        return event
"""

BAD = """
    import ctypes, os, signal, subprocess, sys, threading, time

    def hang(event, context):
        time.sleep(600)

    def deaf(event, context):
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(600)

    def spin(event, context):
        while True:
            pass

    def forks(event, context):
        for _ in range(4):
            os.fork()
        os.setpgid(0, 0) if os.getpid() != os.getsid(0) else None
        time.sleep(600)

    def comes_back_twice(event, context):
        os.fork()
        return "twice"

    def daemons(event, context):
        for _ in range(5):
            subprocess.run(["sh", "-c", "setsid sleep 600 & setsid sleep 600 & exit 0"])
        os._exit(1)

    def exits(event, context):
        sys.exit()

    def exits_hard(event, context):
        os._exit(0)

    def segfaults(event, context):
        ctypes.string_at(0)

    def stops_itself(event, context):
        os.kill(os.getpid(), signal.SIGSTOP)

    def floods(event, context):
        while True:
            os.write(1, b"x" * 65536)

    def raises_base(event, context):
        raise KeyboardInterrupt

    def raises_deep(event, context):
        return raises_deep(event, context)

    def eats_memory(event, context):
        kept = []
        while True:
            kept.append(bytearray(3_000_000))
            time.sleep(0.005)

    def closes_files(event, context):
        os.closerange(0, 1024)
        time.sleep(600)

    def writes_nonsense(event, context):
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, os.urandom(3000))
            except OSError:
                pass
        time.sleep(600)

    def leaves_threads(event, context):
        for _ in range(5):
            threading.Thread(target=time.sleep, args=(600,)).start()
        raise RuntimeError("with threads")
"""

WORST = [
    "hang",
    "deaf",
    "spin",
    "forks",
    "daemons",
    "exits",
    "exits_hard",
    "segfaults",
    "stops_itself",
    "floods",
    "raises_base",
    "raises_deep",
    "eats_memory",
    "closes_files",
    "writes_nonsense",
    "leaves_threads",
]


@pytest.mark.slow
def test_the_worst_functions_affect_no_other_call_and_leave_nothing(workshop) -> None:
    workshop.write(GOOD)
    workshop.write(BAD, name="bad.py")
    numbers = itertools.count()
    done = False

    async def keep_working() -> list[tuple[bytes, Any]]:
        results = []
        while not done:
            payload = b"%d" % next(numbers)
            results.append((payload, await workshop.run(payload, function="good")))
        return results

    async def do_worst(handler: str) -> list[Any]:
        settings = {"handler": f"bad.{handler}", "function": handler, "memory_mb": 128}
        return [await workshop.run(timeout_ms=700, **settings) for _ in range(2)]

    async def scenario() -> Any:
        nonlocal done
        workers = [asyncio.ensure_future(keep_working()) for _ in range(2)]
        worst = []
        for batch in (WORST[::3], WORST[1::3], WORST[2::3]):
            worst += await asyncio.gather(*map(do_worst, batch))
        done = True
        return worst, await asyncio.gather(*workers)

    worst, good = workshop.play(scenario)
    for outcome in itertools.chain(*worst):
        assert outcome.kind is OutcomeKind.FUNCTION_ERROR
        expected = "InvocationError" if outcome.timed_out else "UnhandledInvocationError"
        assert outcome.error_type == expected
        assert json.loads(outcome.payload)["errorMessage"] is not None
    results = list(itertools.chain(*good))
    assert len(results) > 100
    for payload, outcome in results:
        assert (outcome.kind, outcome.payload) == (OutcomeKind.SUCCESS, payload)
        assert payload in outcome.log
    assert workshop.processes() == []
    assert not [p for p in psutil.process_iter() if works_in(p, str(workshop.path / "code"))]


def works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return process.cwd() == folder
    except (psutil.Error, OSError):
        return False


def test_a_handler_that_forks_and_returns_twice_answers_once(workshop) -> None:
    workshop.write(BAD)

    async def scenario() -> list[Any]:
        settings = {"handler": "index.comes_back_twice"}
        return [await workshop.run(**settings) for _ in range(20)]

    outcomes = workshop.play(scenario)
    assert {outcome.payload for outcome in outcomes} == {b"twice"}
    assert len({outcome.instance_id for outcome in outcomes}) == 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_workers_that_are_killed_at_any_moment_cost_only_their_own_calls(
    workshop, concurrency: int
) -> None:
    workshop.write(GOOD)
    dice = random.Random(7)

    async def kill_some() -> None:
        victims = []
        for _ in range(25):
            await asyncio.sleep(dice.random() * 0.03)
            (server,) = workshop.processes(recursive=False)
            found = server.children(recursive=True)  # keepers and instances
            for victim in dice.sample(found, min(1, len(found))):
                victims.append(victim)
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
        # A signal takes its time: until then a victim may take one more call with it.
        _, alive = await asyncio.to_thread(psutil.wait_procs, victims, timeout=60)
        assert alive == []

    async def call_on(killing: asyncio.Future[None]) -> list[Any]:
        outcomes = []
        while not killing.done():
            outcomes.append(await workshop.run(b"x", instance_concurrency=concurrency))
        return outcomes

    async def scenario() -> Any:
        await workshop.run(b"x", instance_concurrency=concurrency)
        killing = asyncio.ensure_future(kill_some())
        outcomes = await asyncio.gather(*(call_on(killing) for _ in range(4)))
        await killing
        return list(itertools.chain(*outcomes)), await workshop.run(b"x")

    outcomes, last = workshop.play(scenario)
    failed = [one for one in outcomes if one.kind is not OutcomeKind.SUCCESS]
    assert len(failed) < len(outcomes)
    # Where three instances in a row were killed before the call reached one, it has not run: a
    # system error, which costs no attempt.
    untouched = [one for one in failed if one.kind is OutcomeKind.SYSTEM_ERROR]
    assert all(b"ended before they could be called" in one.payload for one in untouched)
    cut_off = [one for one in failed if one not in untouched]
    assert all(b"Process exited unexpectedly" in one.payload for one in cut_off)
    assert last.kind is OutcomeKind.SUCCESS
    assert workshop.processes() == []
