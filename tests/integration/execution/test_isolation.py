# SPDX-License-Identifier: MIT
"""A function may do what it likes to its own process and to nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest

from fc_async_local.domain.invocation import Outcome, OutcomeKind

if TYPE_CHECKING:
    from pathlib import Path

CRASHES = {
    "exits": "import sys; sys.exit(3)",
    "exits hard": "import os; os._exit(0)",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "kills its group": "import os, signal; os.killpg(0, signal.SIGTERM)",
    "aborts": "import os; os.abort()",
    "closes everything": "import os; os.closerange(3, 256)",
    "talks into the socket": "import os\n    for fd in range(3, 32):\n        "
    "try: os.write(fd, b'nonsense' * 99)\n        except OSError: pass\n    "
    "import time; time.sleep(60)",
}


def handler_that(does: str) -> str:
    return f"def handler(event, context):\n    print('before')\n    {does}\n"


@pytest.mark.parametrize("does", CRASHES.values(), ids=CRASHES.keys())
def test_a_crash_fails_the_attempt_and_the_next_one_works(workshop, does: str) -> None:
    workshop.write(handler_that(does))
    workshop.write("def handler(event, context): return 'fine'", name="good.py")

    async def scenario() -> Any:
        return await workshop.run(), await workshop.run(handler="good.handler", revision="2")

    crashed, good = workshop.play(scenario)
    assert crashed.kind is OutcomeKind.FUNCTION_ERROR
    assert crashed.error_type == "UnhandledInvocationError"
    message = json.loads(crashed.payload)["errorMessage"]
    assert message.startswith("Process exited unexpectedly before completing request (duration: ")
    assert b"before\n" in crashed.log
    assert good.payload == b"fine"


def test_after_a_base_exception_the_next_call_finds_a_new_instance(workshop) -> None:
    workshop.write(
        """
        class Weird(BaseException):
            pass
        def handler(event, context):
            if event == b"bad":
                raise Weird("weird")
            return "good"
        """
    )

    async def scenario() -> list[Any]:
        return [await workshop.run(event) for event in (b"bad", b"good") * 5]

    outcomes = workshop.play(scenario)
    assert all(b'"errorType": "Weird"' in outcome.payload for outcome in outcomes[::2])
    assert {outcome.payload for outcome in outcomes[1::2]} == {b"good"}


FORGERIES = {
    "an answer to no call": '{"id": 99, "ok": true}',
    "an id that is none": '{"id": [1], "ok": true}',
    "no object": "[1, 2]",
    "endless nesting": "[" * 100_000,
    "a peak that is none": '{"id": 98, "ok": true, "peak_kb": "much"}',
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_frames_that_user_code_forges_harm_only_its_own_call(workshop, forged: str) -> None:
    workshop.write(
        """
        import os, socket, stat, struct
        def handler(event, context):
            for descriptor in range(3, 32) if event else ():
                try:
                    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                        frame = struct.pack("!II", len(event), 0) + event
                        socket.socket(fileno=os.dup(descriptor)).sendall(frame)
                except OSError:
                    pass
            return "fine"
        """
    )

    async def scenario() -> list[Any]:
        return [await workshop.run(forged.encode()), await workshop.run(function="other")]

    own, other = workshop.play(scenario)
    assert own.payload == b"fine" or b"Process exited unexpectedly" in own.payload
    assert other.payload == b"fine"


def test_too_much_memory_ends_the_attempt(workshop) -> None:
    outcome = workshop.once(
        """
        import time
        def handler(event, context):
            kept = []
            while True:
                kept.append(bytearray(4_000_000))
                time.sleep(0.005)
        """,
        memory_mb=128,
    )
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"Process exited unexpectedly" in outcome.payload
    assert 128 <= outcome.memory_mb < 256


def test_memory_of_children_counts(workshop) -> None:
    outcome = workshop.once(
        """
        import subprocess, sys
        def handler(event, context):
            code = "import time; x = bytearray(200_000_000); time.sleep(60)"
            subprocess.run([sys.executable, "-c", code])
        """,
        memory_mb=128,
    )
    assert b"Process exited unexpectedly" in outcome.payload


def test_a_flood_of_output_keeps_its_end_and_blocks_no_other_call(workshop) -> None:
    outcome = workshop.once(
        """
        import os
        def handler(event, context):
            for number in range(2000):
                os.write(1, b"x" * 10_000)
            print("the end")
            return "done"
        """
    )
    assert outcome.payload == b"done"
    assert len(outcome.log) <= 1024 * 1024
    assert b"xxx" in outcome.log
    assert b"the end\nFC Invoke End" in outcome.log


@pytest.mark.parametrize(
    "spawn",
    [
        pytest.param("subprocess.Popen(['sleep', '600'])", id="child"),
        pytest.param("subprocess.Popen(['sleep', '600'], start_new_session=True)", id="session"),
        pytest.param(
            "subprocess.run(['sh', '-c', 'setsid sleep 600 & exit'], start_new_session=True)",
            id="daemon",
        ),
    ],
)
@pytest.mark.parametrize("then", ["return", "os._exit(1)", "time.sleep(600)"])
def test_nothing_that_a_function_started_outlives_its_instance(
    workshop, spawn: str, then: str
) -> None:
    workshop.write(
        f"""
        import os, subprocess, time
        def handler(event, context):
            {spawn}
            while not os.path.exists("seen"):
                time.sleep(0.01)
            {then}
        """
    )

    async def scenario() -> list[psutil.Process]:
        running = asyncio.ensure_future(workshop.run())
        sleepers: list[psutil.Process] = await workshop.until(
            lambda: [process for process in workshop.processes() if is_sleep(process)]
        )
        (workshop.path / "code/seen").touch()
        if "sleep" in then:
            await workshop.runner.interrupt("request-1")
        await running
        return sleepers

    sleepers = workshop.play(scenario)
    assert sleepers
    assert not any(process.is_running() for process in sleepers)


def is_sleep(process: psutil.Process) -> bool:
    try:
        return process.name() == "sleep"
    except psutil.NoSuchProcess:
        return False


def test_closing_leaves_no_process(workshop) -> None:
    workshop.write("import time\ndef handler(event, context): time.sleep(600)")

    async def scenario() -> tuple[Any, list[psutil.Process]]:
        running = [asyncio.ensure_future(workshop.run(function=f"f{n}")) for n in range(3)]
        processes = await workshop.family(3)
        await workshop.runner.aclose()
        return await asyncio.gather(*running), processes

    outcomes, processes = workshop.play(scenario)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SYSTEM_ERROR}
    assert not any(process.is_running() for process in processes)


def test_a_killed_runtime_leaves_no_orphan(tmp_path: Path, workshop) -> None:
    workshop.write(
        """
        import subprocess, time
        def handler(event, context):
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            time.sleep(600)
        """
    )
    script = tmp_path / "runtime.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, sys
            from pathlib import Path
            from fc_async_local.execution.protocol import Attempt, Deployment
            from fc_async_local.execution.instances.runner import ProcessRunner

            class Code:
                async def folder(self, checksum):
                    return Path(sys.argv[1])

            deployment = Deployment(
                function="f", version_id="", revision="1", runtime="python3", timeout_ms=600_000,
                handler="index.handler", code_checksum="1", memory_mb=512,
            )
            attempt = Attempt(deployment=deployment, request_id="r", payload=b"")
            asyncio.run(ProcessRunner(Code()).run(attempt))
            """
        )
    )
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "code")]) as runtime:
        family = psutil.Process(runtime.pid)
        while not any(map(is_sleep, family.children(recursive=True))):
            assert runtime.poll() is None
            os.sched_yield()
        processes = family.children(recursive=True)
        os.kill(runtime.pid, signal.SIGKILL)
    assert len(processes) == 4  # fork server, keeper, worker, what it started
    assert asyncio.run(asyncio.wait_for(workshop.ended(processes), 20))


VICTIM = """
import os, time
def handler(event, context):
    open("begun", "w").close()
    while not os.path.exists("go on"):
        time.sleep(0.01)
    return "ok"
"""


class BesideAVictim(NamedTuple):
    """Outcomes of the killer, of an attempt that ran meanwhile, and of one after both."""

    killed: Outcome
    victim: Outcome
    after: Outcome


def run_beside_a_victim(workshop, killer: str, **settings) -> BesideAVictim:
    workshop.write(VICTIM, name="victim.py")
    workshop.write(killer)

    async def scenario() -> BesideAVictim:
        running = asyncio.ensure_future(workshop.run(function="victim", handler="victim.handler"))
        await workshop.until((workshop.path / "code/begun").exists)
        payload = str(os.getpid()).encode()
        killed = await workshop.run(payload, function="killer", **settings)
        (workshop.path / "code/go on").touch()
        after = await workshop.run(function="victim", handler="victim.handler")
        return BesideAVictim(killed, await running, after)

    outcomes: BesideAVictim = workshop.play(scenario)
    return outcomes


@pytest.mark.parametrize(
    "kill",
    [
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.kill(os.getppid(), signal.SIGTERM)",
        "os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)",
    ],
)
def test_a_function_that_kills_its_parent_ends_only_its_own_attempt(workshop, kill: str) -> None:
    killed, victim, after = run_beside_a_victim(
        workshop,
        f"""
        import os, signal, time
        def handler(event, context):
            {kill}
            time.sleep(60)
        """,
    )
    assert killed.kind is OutcomeKind.FUNCTION_ERROR
    assert b"Process exited unexpectedly before completing request" in killed.payload
    assert (victim.payload, after.payload) == (b"ok", b"ok")


def test_a_function_that_stops_its_parent_is_ended_by_its_timeout(workshop) -> None:
    killed, victim, after = run_beside_a_victim(
        workshop,
        """
        import os, signal, time
        def handler(event, context):
            os.kill(os.getppid(), signal.SIGSTOP)
            time.sleep(60)
        """,
        timeout_ms=300,
    )
    assert b"Function timed out after 0.3 seconds" in killed.payload
    assert (victim.payload, after.payload) == (b"ok", b"ok")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_function_that_kills_the_fork_server_causes_system_errors(workshop) -> None:
    _, victim, after = run_beside_a_victim(
        workshop,
        """
        import os, signal, time
        def handler(event, context):
            parent = int(open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1])
            assert parent != int(event), "that is the test itself"
            os.kill(parent, signal.SIGKILL)
            time.sleep(60)
        """,
    )
    assert victim.kind is OutcomeKind.SYSTEM_ERROR
    assert b"the fork server ended" in victim.payload
    assert after.payload == b"ok"


def test_a_killed_fork_server_costs_only_what_ran(workshop) -> None:
    workshop.write(
        """
        import time
        def handler(event, context):
            open("begun", "w").close()
            time.sleep(float(event))
            return "ok"
        """
    )

    async def scenario() -> Any:
        running = asyncio.ensure_future(workshop.run(b"600"))
        await workshop.until((workshop.path / "code/begun").exists)
        processes = await workshop.family(1)
        processes[0].kill()
        return await running, await workshop.run(b"0"), processes

    lost, next_one, processes = workshop.play(scenario)
    assert lost.kind is OutcomeKind.SYSTEM_ERROR
    assert next_one.payload == b"ok"
    assert asyncio.run(asyncio.wait_for(workshop.ended(processes), 20))


def test_a_caller_that_goes_away_ends_its_execution(workshop) -> None:
    workshop.write("import time\ndef handler(event, context): time.sleep(600)")

    async def scenario() -> psutil.Process:
        running = asyncio.ensure_future(workshop.run())
        *_, worker = await workshop.family(1)
        running.cancel()
        await asyncio.wait({running})
        return worker

    worker = workshop.play(scenario)
    assert not worker.is_running()


def test_many_crashes_leave_no_descriptor_and_no_zombie(workshop) -> None:
    workshop.write("import os\ndef handler(event, context): os._exit(1)")
    me = psutil.Process()

    async def scenario() -> tuple[int, int, int]:
        for _ in range(3):
            await workshop.run()
        before = me.num_fds()
        for _ in range(30):
            await workshop.run()
        (server,) = workshop.processes(recursive=False)
        return before, me.num_fds(), len(server.children())

    before, after, zombies = workshop.play(scenario)
    assert after <= before
    assert zombies == 0
