# SPDX-License-Identifier: MIT
"""Instances of the built-in Python runtimes: environment, logs, hooks, reuse, code changes."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import sys
from typing import Any

import psutil
import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.archive import ArchiveRefused
from fc_async_local.execution.instances import forkserver
from fc_async_local.execution.machine.identity import Identity
from fc_async_tests.faults import fail

MARK_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


# --- environment ---


def test_the_environment_is_the_services_and_the_functions_own(
    workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "the real one")
    monkeypatch.setenv("MY_PASSWORD", "of the developer")
    workshop.options["identity"] = Identity(
        account_id="42", region="cn-beijing", environment={"ENDPOINT": "here", "MODE": "all"}
    )
    outcome = workshop.once(
        "import os\ndef handler(event, context): return dict(os.environ)",
        environment={"MODE": "mine", "FC_REGION": "forged"},
        version_id="3",
    )
    seen = json.loads(outcome.payload)
    assert "MY_PASSWORD" not in seen
    assert {name: seen[name] for name in seen if name.startswith(("FC_", "ALIBABA", "TZ"))} == {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "local",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "local",
        "FC_ACCOUNT_ID": "42",
        "FC_FUNCTION_HANDLER": "index.handler",
        "FC_FUNCTION_MEMORY_SIZE": "512",
        "FC_FUNCTION_NAME": "f",
        "FC_FUNCTION_VERSION": "3",
        "FC_FUNC_CODE_PATH": str(workshop.path / "code"),
        "FC_INSTANCE_ID": outcome.instance_id,
        "FC_REGION": "cn-beijing",
        "FC_RUNTIME": "python3.10",
        "FC_TIMEOUT": "20",
        "FC_VER_ID": "3",
        "TZ": "UTC",
    }
    assert (seen["MODE"], seen["ENDPOINT"]) == ("mine", "here")


def test_secrets_of_the_developer_are_not_even_in_proc(
    workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "of the developer")
    outcome = workshop.once(
        """
        from pathlib import Path
        def handler(event, context): return Path("/proc/self/environ").read_bytes()
        """
    )
    assert outcome.kind is OutcomeKind.SUCCESS
    assert b"of the developer" not in outcome.payload


def test_a_function_runs_in_its_code_folder(workshop) -> None:
    outcome = workshop.once(
        "import os, sys\ndef handler(event, context): return [os.getcwd(), sys.path[0]]"
    )
    assert json.loads(outcome.payload) == [str(workshop.path / "code")] * 2


def test_pythonpath_of_a_function_is_searched(workshop) -> None:
    (workshop.path / "code").mkdir()
    workshop.write("VALUE = 'from vendor'", code="code/vendor", name="vendored.py")
    outcome = workshop.once(
        "import vendored\ndef handler(event, context): return vendored.VALUE",
        environment={"PYTHONPATH": "vendor"},
    )
    assert outcome.payload == b"from vendor"


def test_nothing_of_the_project_is_loaded_where_user_code_runs(workshop) -> None:
    outcome = workshop.once(
        """
        import sys
        def handler(event, context):
            found = [name for name in sys.modules if name.startswith(("fc_async", "msgspec"))]
            return [found, [entry for entry in sys.path if entry.endswith("worker")]]
        """
    )
    assert json.loads(outcome.payload) == [[], []]


@pytest.mark.parametrize("runtime", ["python3", "python3.9", "python3.10", "python3.12"])
def test_every_python_runtime_runs_on_this_interpreter(workshop, runtime: str) -> None:
    outcome = workshop.once(
        "import sys\ndef handler(event, context): return sys.version", runtime=runtime
    )
    assert outcome.payload == sys.version.encode()


@pytest.mark.parametrize("runtime", ["java11", "go1", "php7.2"])
def test_a_runtime_that_is_not_here_is_named(workshop, runtime: str) -> None:
    outcome = workshop.play(lambda: workshop.run(runtime=runtime))
    assert outcome.kind is OutcomeKind.INVALID
    assert f"runtime '{runtime}' is not available locally" in outcome.payload.decode()


def test_lost_code_is_an_error_of_the_system(workshop) -> None:
    outcome = workshop.play(lambda: workshop.run(code_checksum="lost"))
    assert outcome.kind is OutcomeKind.SYSTEM_ERROR
    assert b"no code with checksum 'lost'" in outcome.payload


# --- logs ---


def test_the_log_has_marks_and_lines_in_the_services_format(workshop) -> None:
    outcome = workshop.once(
        """
        import logging, os, sys
        def handler(event, context):
            print("printed")
            sys.stderr.write("to stderr\\n")
            context.logger.info("from the logger")
            context.logger.debug("not shown")
            logging.getLogger("mine").warning("from a child")
            os.write(1, b"from below\\n")
        """
    )
    lines = outcome.log.decode().splitlines()
    assert lines[0] == "FC Invoke Start RequestId: request-1"
    assert lines[1:3] == ["printed", "to stderr"]
    assert re.fullmatch(rf"{MARK_TIME} request-1 \[INFO\] from the logger", lines[3])
    assert re.fullmatch(rf"{MARK_TIME} request-1 \[WARNING\] from a child", lines[4])
    assert lines[5:] == ["from below", "FC Invoke End RequestId: request-1"]


def test_the_log_of_a_failure_has_its_stack_and_the_mark_of_an_error(workshop) -> None:
    log = workshop.once("def handler(event, context): raise ValueError('no')").log.decode()
    assert "[ERROR] Traceback (most recent call last):" in log
    assert "ValueError: no" in log
    assert log.endswith("FC Invoke End RequestId: request-1, Error: Unhandled function error\n")


def test_each_attempt_has_its_own_log(workshop) -> None:
    workshop.write("print('loaded')\ndef handler(event, context): print(event.decode())")

    async def scenario() -> list[str]:
        return [(await workshop.run(text)).log.decode() for text in (b"one", b"two")]

    first, second = workshop.play(scenario)
    assert first.splitlines()[0] == "loaded"
    assert first.splitlines()[2] == "one"
    assert second.splitlines()[1:2] == ["two"]
    assert "one" not in second


def test_a_thread_of_the_function_logs_under_its_request(workshop) -> None:
    outcome = workshop.once(
        """
        import logging, threading
        def handler(event, context):
            thread = threading.Thread(target=logging.getLogger().info, args=("in a thread",))
            thread.start()
            thread.join()
        """
    )
    assert b" request-1 [INFO] in a thread\n" in outcome.log


def test_output_before_a_timeout_is_in_the_log(workshop) -> None:
    outcome = workshop.once(
        "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(600)",
        timeout_ms=1_500,
    )
    assert b"begun\n" in outcome.log


def test_the_level_of_the_logger_can_be_set(workshop) -> None:
    outcome = workshop.once(
        "def handler(event, context): context.logger.debug('shown')",
        environment={"FC_SERVER_LOG_LEVEL": "debug"},
    )
    assert b"[DEBUG] shown" in outcome.log


# --- instances ---

COUNTING = """
    import os
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        return {"calls": calls, "pid": os.getpid()}
"""


def test_a_warm_instance_is_used_again(workshop) -> None:
    workshop.write(COUNTING)

    async def scenario() -> list[Any]:
        return [await workshop.run() for _ in range(3)]

    outcomes = workshop.play(scenario)
    assert [json.loads(outcome.payload)["calls"] for outcome in outcomes] == [1, 2, 3]
    assert len({outcome.instance_id for outcome in outcomes}) == 1


def test_an_exception_does_not_cost_the_instance(workshop) -> None:
    workshop.write("def handler(event, context): return 1 // len(event)")

    async def scenario() -> list[str]:
        return [(await workshop.run(event)).instance_id for event in (b"", b"x")]

    failed, good = workshop.play(scenario)
    assert failed == good


def test_waiting_calls_run_on_new_code_after_an_update(workshop) -> None:
    workshop.write("def handler(event, context): return 'old'")
    workshop.write("def handler(event, context): return 'new'", code="new")

    async def scenario() -> list[Any]:
        before = await workshop.run(revision="1")
        after = await workshop.run(revision="2", code_checksum="new")
        await workshop.until(lambda: len(workshop.processes()) == 3)
        return [before.payload, after.payload]

    assert workshop.play(scenario) == [b"old", b"new"]


def test_a_call_that_runs_during_an_update_finishes_on_the_old_code(workshop) -> None:
    workshop.write(
        """
        import os, time
        def handler(event, context):
            open("begun", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 'old'
        """
    )
    workshop.write("def handler(event, context): return 'new'", code="new")

    async def scenario() -> list[Any]:
        running = asyncio.ensure_future(workshop.run(revision="1"))
        await workshop.until((workshop.path / "code/begun").exists)
        new = await workshop.run(revision="2", code_checksum="new")
        (workshop.path / "code/go").touch()
        return [(await running).payload, new.payload]

    assert workshop.play(scenario) == [b"old", b"new"]


def test_an_idle_instance_is_stopped(workshop) -> None:
    workshop.write(COUNTING)

    async def scenario() -> Any:
        await workshop.run()
        await workshop.until(lambda: len(workshop.processes()) == 1)
        return await workshop.run()

    outcome = workshop.play(scenario, idle_seconds=0.05, memory_check_seconds=0.02)
    assert json.loads(outcome.payload)["calls"] == 1


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("known", [True, False])
def test_an_instance_that_died_idle_is_replaced_and_no_call_notices(
    workshop, known: bool, concurrency: int
) -> None:
    workshop.write(COUNTING)

    async def scenario() -> Any:
        settings = {"instance_concurrency": concurrency}
        victim = psutil.Process(json.loads((await workshop.run(**settings)).payload)["pid"])
        victim.kill()
        if known:
            await workshop.until(lambda: not psutil.pid_exists(victim.pid))
        else:
            # Without a turn of the loop, so that the runtime can't have heard of it.
            while psutil.pid_exists(victim.pid):
                os.sched_yield()
        calls = (workshop.run(**settings) for _ in range(concurrency))
        return await asyncio.gather(*calls)

    for outcome in workshop.play(scenario):
        assert outcome.kind is OutcomeKind.SUCCESS


def test_over_the_account_limit_there_are_no_resources(workshop) -> None:
    workshop.write("import time\ndef handler(event, context): time.sleep(600)")

    async def scenario() -> Any:
        running = asyncio.ensure_future(workshop.run(function="a"))
        await asyncio.sleep(0)
        refused = await workshop.run(function="b")
        running.cancel()
        return refused

    refused = workshop.play(scenario, account_instances=1)
    assert refused.kind is OutcomeKind.RESOURCE_EXHAUSTED
    assert b"all 1 instances of the account are busy" in refused.payload


# --- several calls in one instance ---

MEETING = """
    import os, threading
    meeting = threading.Barrier(3)
    def handler(event, context):
        meeting.wait(timeout=60)
        context.logger.info(event.decode())
        return {"pid": os.getpid(), "event": event.decode(), "request": context.request_id}
"""


def test_an_instance_runs_as_many_calls_at_a_time_as_its_concurrency(workshop) -> None:
    workshop.write(MEETING)

    async def scenario() -> list[Any]:
        calls = (workshop.run(b"%d" % n, instance_concurrency=3) for n in range(3))
        return await asyncio.gather(*calls)

    outcomes = workshop.play(scenario)
    seen = [json.loads(outcome.payload) for outcome in outcomes]
    assert len({one["pid"] for one in seen}) == 1
    assert [one["event"] for one in seen] == ["0", "1", "2"]
    assert [one["request"] for one in seen] == ["request-1", "request-2", "request-3"]


def test_a_timeout_does_not_end_the_other_calls_of_the_instance(workshop) -> None:
    workshop.write(
        """
        import os, time
        def handler(event, context):
            if event == b"hang":
                time.sleep(600)
            while not os.path.exists("go"):
                time.sleep(0.01)
            return os.getpid()
        """
    )

    async def scenario() -> Any:
        settings = {"instance_concurrency": 3, "timeout_ms": 20_000}
        good = asyncio.ensure_future(workshop.run(b"good", **settings))
        hung = await workshop.run(b"hang", **(settings | {"timeout_ms": 300}))
        next_one = asyncio.ensure_future(workshop.run(b"good", **settings))
        (workshop.path / "code/go").touch()
        return hung, await good, await next_one

    hung, good, next_one = workshop.play(scenario)
    assert b"timed out" in hung.payload
    assert good.kind is OutcomeKind.SUCCESS
    assert next_one.payload != good.payload


def test_a_crash_in_one_call_fails_all_of_the_instance(workshop) -> None:
    workshop.write(
        """
        import os, threading
        meeting = threading.Barrier(2)
        def handler(event, context):
            meeting.wait(timeout=60)
            if event == b"crash":
                os._exit(1)
            threading.Event().wait()
        """
    )

    async def scenario() -> list[Any]:
        calls = (workshop.run(event, instance_concurrency=2) for event in (b"crash", b"good"))
        return await asyncio.gather(*calls)

    assert all(b"Process exited" in outcome.payload for outcome in workshop.play(scenario))


# --- hooks ---

HOOKED = """
    from pathlib import Path
    ready = []
    def initialize(context):
        ready.append(context.function.name)
        print("initializing")
    def handler(event, context):
        return ready
    def pre_stop(context):
        Path("stopped").write_text(context.function.name)
"""
HOOKS = {"initializer": "index.initialize", "pre_stop": "index.pre_stop"}


def test_the_initializer_runs_once_before_the_first_call(workshop) -> None:
    workshop.write(HOOKED)

    async def scenario() -> list[Any]:
        return [await workshop.run(**HOOKS) for _ in range(2)]

    first, second = workshop.play(scenario)
    assert json.loads(first.payload) == json.loads(second.payload) == ["f"]
    assert first.log.decode().splitlines() == [
        "FC Initialize Start RequestId: request-1",
        "initializing",
        "FC Initialize End RequestId: request-1",
        "FC Invoke Start RequestId: request-1",
        "FC Invoke End RequestId: request-1",
    ]
    assert b"initializing" not in second.log


def test_the_pre_stop_hook_runs_before_the_instance_ends(workshop) -> None:
    workshop.write(HOOKED)
    workshop.play(lambda: workshop.run(**HOOKS))
    assert (workshop.path / "code/stopped").read_text() == "f"


def test_the_pre_stop_hook_runs_when_code_is_updated(workshop) -> None:
    workshop.write(HOOKED)

    async def scenario() -> None:
        await workshop.run(**HOOKS)
        await workshop.run(revision="2")
        await workshop.until((workshop.path / "code/stopped").exists)

    workshop.play(scenario)


def test_the_pre_stop_hook_runs_once_if_the_runtime_ends_meanwhile(workshop) -> None:
    workshop.write(
        """
        import time
        def handler(event, context): return "ok"
        def pre_stop(context):
            with open("stopped", "a") as file:
                file.write("x")
            time.sleep(0.1)
        """
    )

    async def scenario() -> None:
        await workshop.run(pre_stop="index.pre_stop")
        await workshop.run(revision="2")
        await workshop.until((workshop.path / "code/stopped").exists)

    workshop.play(scenario)
    assert (workshop.path / "code/stopped").read_text() == "x"


def test_the_pre_stop_hook_does_not_run_in_an_instance_that_never_started(workshop) -> None:
    workshop.write("import time; time.sleep(600)")

    async def scenario() -> Any:
        running = asyncio.ensure_future(workshop.run(pre_stop="index.pre_stop"))
        await workshop.family(1)
        began = asyncio.get_running_loop().time()
        await workshop.runner.aclose()
        await running
        return asyncio.get_running_loop().time() - began

    assert workshop.play(scenario) < 3  # the hook's time limit


def test_a_pre_stop_hook_that_hangs_or_fails_holds_nothing_up(workshop) -> None:
    workshop.write(
        """
        import time
        def handler(event, context): return "ok"
        def hang(context): time.sleep(600)
        def fail(context): raise ValueError
        """
    )

    async def scenario() -> list[Any]:
        return [
            await workshop.run(function=hook, pre_stop=f"index.{hook}", pre_stop_timeout_ms=100)
            for hook in ("hang", "fail")
        ]

    assert [outcome.payload for outcome in workshop.play(scenario)] == [b"ok", b"ok"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no database')", "no database"),
        ("__import__('time').sleep(600)", "Function initialization timed out after 1.5 seconds"),
        ("__import__('os')._exit(1)", "Process exited unexpectedly before completing request"),
    ],
)
def test_a_failed_initializer_fails_the_call_and_the_next_one_tries_again(
    workshop, body: str, message: str
) -> None:
    workshop.write(
        f"""
        import os
        def initialize(context):
            if not os.path.exists("repaired"):
                {body}
        def handler(event, context): return "ok"
        """
    )
    settings = {"initializer": "index.initialize", "initializer_timeout_ms": 1_500}

    async def scenario() -> Any:
        failed = await workshop.run(**settings)
        (workshop.path / "code/repaired").touch()
        return failed, await workshop.run(**settings)

    failed, good = workshop.play(scenario)
    assert failed.kind is OutcomeKind.FUNCTION_ERROR
    assert failed.error_type == "InitializationError"
    assert json.loads(failed.payload)["errorMessage"].startswith(message)
    assert good.payload == b"ok"


def test_an_interrupted_start_is_interrupted(workshop) -> None:
    workshop.write("import time; time.sleep(600)")

    async def scenario() -> Any:
        attempt = workshop.attempt()
        running = asyncio.ensure_future(workshop.runner.run(attempt))
        processes = await workshop.family(1)
        assert await workshop.runner.interrupt(attempt.request_id)
        return await running, processes[-1]

    outcome, worker = workshop.play(scenario)
    assert outcome.kind is OutcomeKind.INTERRUPTED
    assert not worker.is_running()


def test_a_result_that_is_too_large_is_a_failure(workshop) -> None:
    outcome = workshop.once("def handler(event, context): return b'x' * (33 << 20)")
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"more than 33554432" in outcome.payload


# --- payloads and starts at their limits ---


@pytest.mark.parametrize("concurrency", [1, 2])
def test_payloads_larger_than_any_buffer_go_both_ways(workshop, concurrency: int) -> None:
    workshop.write("def handler(event, context): return event")
    payload = bytes(range(256)) * 40_000

    async def scenario() -> list[Any]:
        calls = (workshop.run(payload, instance_concurrency=concurrency) for _ in range(2))
        return await asyncio.gather(*calls)

    assert all(outcome.payload == payload for outcome in workshop.play(scenario))


def test_an_import_that_hangs_fails_the_start(workshop) -> None:
    workshop.write("import time\ntime.sleep(600)")
    outcome = workshop.play(workshop.run, start_seconds=0.3)
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"Function instance start timed out after 0.3 seconds" in outcome.payload


def test_a_machine_without_descriptors_is_short_of_resources(
    workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write("def handler(event, context): return 'ok'")

    def refuse() -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    async def scenario() -> Any:
        await workshop.run()
        with monkeypatch.context() as patch:
            patch.setattr(forkserver.os, "pipe", refuse)
            refused = await workshop.run(function="other")
        return refused, await workshop.run(function="other")

    refused, good = workshop.play(scenario)
    assert refused.kind is OutcomeKind.RESOURCE_EXHAUSTED
    assert b"Too many open files" in refused.payload
    assert good.payload == b"ok"


def test_code_that_is_refused_can_not_run(workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = ArchiveRefused("entry '../x' leads out of the code folder")
    fail(monkeypatch, workshop, "folder", refusal)
    outcome = workshop.play(workshop.run)
    assert outcome.kind is OutcomeKind.INVALID
    assert b"leads out of the code folder" in outcome.payload


def test_after_its_close_a_runner_runs_nothing(workshop) -> None:
    workshop.write("def handler(event, context): return 'ok'")

    async def scenario() -> Any:
        await workshop.runner.aclose()
        return await workshop.run()

    outcome = workshop.play(scenario)
    assert outcome.kind is OutcomeKind.SYSTEM_ERROR
    assert b"shutting down" in outcome.payload
