# SPDX-License-Identifier: MIT
"""``failures export``: payloads of failures in a file, for longer than queues and tasks last."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from mns.queue import Message

from fc_async_sdk import events
from fc_async_sdk.payloads import FolderStore
from fc_async_tests.nodes import mns

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

    Command = Callable[..., Any]

QUEUE: Final = "acs:mns:cn-hangzhou::/queues/failures/messages"
SINK: Final = "acs:fc:cn-hangzhou::functions/sink"
FILE: Final = "kept.jsonl"
PAYLOADS: Final = [b'{"n":1.0, "n":1}', b"\xff\x00", "茶 ".encode(), b"", b'"text"']
DAY: Final = 86_400
KILLED_HALFWAY: Final = """
import os, signal, sys
from fc_async_plugin.cli import group
from fc_async_plugin.operate import export

written = 0

def encode(shown):
    global written
    written += 1
    if written == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return as_data(shown)

as_data = export.as_data
export.as_data = encode
sys.exit(group.run(sys.argv[1:]))
"""


class Shop:
    """Functions whose invocations fail, until they are mended.

    Attributes:
        called: Payloads that they were called with since they were mended.
    """

    def __init__(self, fc_local: FcLocal) -> None:
        self._fc_local = fc_local
        self._mended = False
        self.called: list[bytes] = []
        fc_local.create_queue("failures")
        fc_local.deploy("sink", lambda *_: None, async_config={"asyncTask": True})

    def deploy(self, name: str, destination: str | None, *, task: bool = True) -> None:
        config: Any = {"asyncTask": task, "maxAsyncRetryAttempts": 0}
        if destination:
            config["destinationConfig"] = {"onFailure": {"destination": destination}}
        self._fc_local.deploy(name, self._run, async_config=config)

    def fail(self, name: str, *payloads: bytes) -> None:
        for payload in payloads:
            self._fc_local.client.invoke_async(name, payload)
        self._fc_local.run_until_idle()

    def mend(self) -> None:
        self._mended = True

    def settle(self) -> list[bytes]:
        self._fc_local.run_until_idle()
        return sorted(self.called)

    def _run(self, event: bytes, _: object) -> None:
        if not self._mended:
            raise ValueError("no stock")
        self.called.append(event)


@pytest.fixture
def shop(fc_local: FcLocal, project: Path) -> Shop:
    return Shop(fc_local)


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(FILE).read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("destination", "task"),
    [(QUEUE, True), (QUEUE, False), (SINK, True), (None, True)],
    ids=["queue", "queue without task mode", "function", "tasks"],
)
def test_what_was_kept_is_sent_again_byte_for_byte_after_queue_and_tasks_have_dropped_it(
    fc_async: Command, fc_local: FcLocal, shop: Shop, destination: str | None, task: bool
) -> None:
    shop.deploy("orders", destination, task=task)
    shop.fail("orders", *PAYLOADS)
    exported = fc_async("failures", "export", FILE, "orders")
    assert (exported.code, exported.out) == (0, f"Added 5 failures to {FILE}, which had 0.\n")
    fc_local.advance(8 * DAY)
    assert "fc-async replay" not in fc_async("failures", "orders", "--since", "9d").out
    shop.mend()
    replayed = fc_async("events", "replay", FILE, "--function", "orders", "-y")
    assert replayed.code == 0, replayed.said
    assert shop.settle() == sorted(PAYLOADS)


def test_each_failure_is_kept_with_what_a_person_needs_to_understand_it(
    fc_async: Command, shop: Shop
) -> None:
    shop.deploy("orders", QUEUE)
    shop.deploy("reports", None)
    shop.fail("orders", b"7")
    shop.fail("reports", b"8")
    assert fc_async("failures", "export", FILE, "orders", "reports").code == 0
    for line, payload in zip(lines(), ("7", "8"), strict=True):
        assert (line["requestPayload"], line["condition"]) == (payload, "UnhandledInvocationError")
        assert "no stock" in line["responsePayload"]
        assert line["attempts"] == 1
        assert line["time"]
        assert line["functionArn"].startswith("acs:fc:cn-hangzhou:")


def test_a_second_run_adds_what_is_new_and_changes_nothing_that_was_there(
    fc_async: Command, shop: Shop, fc_local: FcLocal
) -> None:
    shop.deploy("orders", QUEUE)
    shop.fail("orders", b"1", b"2")
    fc_async("failures", "export", FILE, "orders")
    before = Path(FILE).read_bytes()
    fc_local.advance(2)  # the messages can be received again
    assert (
        "Added 0 failures to kept.jsonl, which had 2."
        in fc_async("failures", "export", FILE, "orders").out
    )
    assert Path(FILE).read_bytes() == before
    shop.fail("orders", b"3")
    fc_local.advance(2)
    result = json.loads(fc_async("failures", "export", FILE, "orders", "-o", "json").out)
    assert (result["added"], result["before"]) == (1, 2)
    assert Path(FILE).read_bytes().startswith(before)
    assert [line["requestPayload"] for line in lines()] == ["1", "2", "3"]


def test_the_queue_has_its_messages_as_before(
    fc_async: Command, shop: Shop, fc_local: FcLocal
) -> None:
    shop.deploy("orders", QUEUE)
    shop.fail("orders", *(b"%d" % number for number in range(40)))
    assert fc_async("failures", "export", FILE, "orders").code == 0
    assert len(lines()) == 40
    fc_local.advance(2)
    assert "queue failures (40 waiting)" in fc_async("failures", "orders").out


def test_a_dead_event_is_kept_too(fc_async: Command, shop: Shop) -> None:
    shop.deploy("orders", QUEUE.replace("failures", "nosuch"), task=False)
    shop.fail("orders", b"1")
    exported = fc_async("failures", "export", FILE, "orders")
    assert exported.code == 3
    assert "Not read: queue nosuch: the messages cannot be read: QueueNotExist" in exported.err
    assert [line["requestPayload"] for line in lines()] == ["1"]


def test_of_an_event_without_its_payload_the_task_is_kept(
    fc_async: Command, shop: Shop, fc_local: FcLocal
) -> None:
    shop.deploy("orders", None)
    shop.fail("orders", b"whole")
    shop.deploy("orders", QUEUE)
    [task] = fc_local.client.list_async_tasks("orders").tasks
    event = {
        "timestamp": task.end_time,
        "requestContext": {
            "requestId": task.request_id,
            "functionArn": f"{task.function_arn}/LATEST",
            "condition": "UnhandledInvocationError",
        },
        "requestPayloadOmitted": True,
    }
    with mns(fc_local.mns_endpoint) as account:
        account.get_queue("failures").send_message(
            Message(json.dumps(event, separators=(",", ":")))
        )
    assert fc_async("failures", "export", FILE, "orders").code == 0
    assert [line["requestPayload"] for line in lines()] == ["whole"]


def test_older_failures_and_those_of_other_functions_are_left_out(
    fc_async: Command, shop: Shop, fc_local: FcLocal
) -> None:
    shop.deploy("orders", QUEUE)
    shop.deploy("mails", QUEUE)
    shop.fail("orders", b"old")
    fc_local.advance(7_200)
    shop.fail("orders", b"new")
    shop.fail("mails", b"other")
    fc_async("failures", "export", FILE, "orders", "--since", "1h")
    assert [line["requestPayload"] for line in lines()] == ["new"]


def test_the_file_is_the_users_alone_and_a_link_to_it_stays(fc_async: Command, shop: Shop) -> None:
    shop.deploy("orders", QUEUE)
    shop.fail("orders", b"1")
    Path("elsewhere").mkdir()
    Path(FILE).symlink_to("elsewhere/real.jsonl")
    assert fc_async("failures", "export", FILE, "orders").code == 0
    assert Path(FILE).is_symlink()
    assert stat.S_IMODE(Path("elsewhere/real.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", ['{"a": 1}\n', "edition: 3.0.0\n", '{"requestId": "1-2"}'], ids=str.strip
)
def test_a_file_of_something_else_is_refused_and_not_changed(
    fc_async: Command, shop: Shop, content: str
) -> None:
    shop.deploy("orders", QUEUE)
    shop.fail("orders", b"1")
    Path("other.txt").write_text(content)
    refused = fc_async("failures", "export", "other.txt", "orders")
    assert refused.code == 1
    assert "line 1 of" in refused.err
    assert Path("other.txt").read_text() == content


def test_a_function_that_is_named_like_the_part_stands_after_two_dashes(
    fc_async: Command, shop: Shop
) -> None:
    shop.deploy("export", QUEUE)
    shop.fail("export", b"1")
    assert "export: UnhandledInvocationError" in fc_async("failures", "--", "export").out


def test_an_export_that_is_killed_leaves_the_file_as_it_was(
    fc_async: Command,
    shop: Shop,
    fc_local: FcLocal,
    project: Path,
    clean_environment: Callable[..., dict[str, str]],
) -> None:
    shop.deploy("orders", QUEUE)
    shop.fail("orders", b"0")
    fc_async("failures", "export", FILE, "orders")
    before = Path(FILE).read_bytes()
    shop.fail("orders", *(b"%d" % number for number in range(1, 6)))
    fc_local.advance(2)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_HALFWAY, "failures", "export", FILE, "orders"],
        cwd=project,
        env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    assert Path(FILE).read_bytes() == before
    fc_local.advance(30)  # the visibility timeout of what the killed process had received
    assert fc_async("failures", "export", FILE, "orders").code == 0
    assert Path(FILE).read_bytes().startswith(before)
    assert sorted(line["requestPayload"] for line in lines()) == list("012345")
    assert [path.name for path in project.iterdir() if FILE in path.name] == [FILE]


@pytest.mark.real_time
def test_exports_at_the_same_time_lose_nothing_and_add_nothing_twice(
    shop: Shop,
    fc_local: FcLocal,
    project: Path,
    clean_environment: Callable[..., dict[str, str]],
) -> None:
    names = [f"orders{number}" for number in range(6)]
    for name in names:
        shop.deploy(name, None)
        shop.fail(name, b"1", b"2")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "fc_async_plugin", "failures", "export", FILE, *some],
            cwd=project,
            env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
            stdout=subprocess.DEVNULL,
        )
        for some in (names[:3], names[2:], names[::2])
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    content = (project / FILE).read_bytes()
    request_ids = [json.loads(line)["requestId"] for line in content.splitlines()]
    assert len(request_ids) == len(set(request_ids)) == 12


def test_a_payload_in_a_store_is_told(fc_async: Command, shop: Shop, fc_local: FcLocal) -> None:
    shop.deploy("orders", None)
    store = FolderStore("large")
    fc_local.client.invoke_async("orders", b"x" * 200_000, large=store)
    fc_local.run_until_idle()
    exported = fc_async("failures", "export", FILE, "orders")
    assert "of 1 payload the content is in a store" in exported.err
    assert events.parse(Path(FILE).read_bytes()) is not None
