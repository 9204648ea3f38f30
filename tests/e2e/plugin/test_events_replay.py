# SPDX-License-Identifier: MIT
"""``events replay`` as a user types it, against the local runtime and its queues and topics."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from mns.account import Account
from mns.queue import Message
from mns.queue import Queue as MnsQueue
from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQServerException
from mq_http_sdk.mq_producer import TopicMessage

from fc_async_plugin.operate.events import queues
from fc_async_sdk import Client
from fc_async_sdk.errors import AccessDenied
from fc_async_sdk.testing import failure_event
from fc_async_tests.faults import fail
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk import Outcome

    Command = Callable[..., Any]

CONFIG: dict[str, Any] = {"asyncTask": True, "maxAsyncRetryAttempts": 0}


def failing_to(destination: str) -> dict[str, Any]:
    return {**CONFIG, "destinationConfig": {"onFailure": {"destination": destination}}}


class Orders:
    """A function that refuses orders until it is mended, and what it was called with."""

    def __init__(self) -> None:
        self.called: list[bytes] = []
        self.mended = False

    def __call__(self, event: bytes, _: object) -> str:
        self.called.append(event)
        if not self.mended:
            raise ValueError("no stock")
        return "ok"


@pytest.fixture
def orders(fc_local: FcLocal) -> Orders:
    """Three orders that failed; their events are in a queue, a minute apart."""
    function = Orders()
    fc_local.deploy("orders", function, async_config=failing_to(fc_local.create_queue("failures")))
    for payload in (b'{"id": 1, "of": ["a"]}', b'{"id": 12.50}', b"\x89PNG\xff"):
        fc_local.client.invoke_async("orders", payload)
        fc_local.run_until_idle()
        fc_local.advance(60)
    function.called.clear()
    function.mended = True
    return function


@contextlib.contextmanager
def official(fc_local: FcLocal, name: str = "failures") -> Iterator[Any]:
    """A queue of the official client."""
    account = Account(fc_local.mns_endpoint, "k", "s")
    queue = account.get_queue(name)
    yield queue
    for one in (account.mns_client, queue.mns_client):
        one.close_connection()


def left(fc_local: FcLocal, name: str = "failures") -> int:
    """Messages in a queue, hidden ones included, as the official client counts them."""
    with official(fc_local, name) as queue, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = queue.get_attributes()
        return int(found.active_messages + found.inactive_messages)


def test_without_a_terminal_and_without_yes_it_shows_what_it_would_send(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    done = fc_async("events", "replay", "failures")
    assert done.code == 0
    heading, row = done.out.splitlines()
    assert heading.split()[:3] == ["function", "condition", "events"]
    assert row.split()[:3] == ["orders", "UnhandledInvocationError", "3"]
    assert "3 min ago  1 min ago" in row
    assert "Nothing was sent: this was a dry run" in done.err
    fc_local.run_until_idle()
    assert (orders.called, left(fc_local)) == ([], 3)


def test_what_was_only_looked_at_is_there_again_a_second_later(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    fc_async("events", "replay", "failures")
    fc_local.advance(1)
    assert fc_async("events", "replay", "failures", "-y").out.endswith("Accepted: 3 of 3.\n")


def test_each_event_calls_the_function_that_failed_and_leaves_the_queue(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    done = fc_async("events", "replay", "failures", "-y")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Accepted: 3 of 3.")
    fc_local.run_until_idle()
    assert sorted(orders.called) == sorted(
        [b'{"id": 1, "of": ["a"]}', b'{"id": 12.50}', b"\x89PNG\xff"]
    )
    assert left(fc_local) == 0


def test_an_event_that_comes_twice_calls_the_function_once_and_leaves_the_queue(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    with official(fc_local) as queue:
        queue.send_message(Message(queue.receive_message_with_str_body(0).message_body))
    fc_local.advance(60)
    done = fc_async("events", "replay", "failures", "-y")
    assert done.out.endswith("Accepted: 3 of 3.\n")
    fc_local.run_until_idle()
    assert (len(orders.called), left(fc_local)) == (3, 0)


def test_messages_that_became_visible_during_the_question_are_deleted_all_the_same(
    fc_async: Command, fc_local: FcLocal, orders: Orders, at_the_question: Callable[..., None]
) -> None:
    # The user reads the table for a minute; the receipts of the messages end after 30 s.
    at_the_question(lambda _: fc_local.advance(60))
    done = fc_async("events", "replay", "failures", "-y")
    assert done.out.endswith("Accepted: 3 of 3.\n")
    fc_local.run_until_idle()
    assert (len(orders.called), left(fc_local)) == (3, 0)


def test_a_message_that_another_reader_took_meanwhile_is_named_and_recognised_later(
    fc_async: Command, fc_local: FcLocal, orders: Orders, at_the_question: Callable[..., None]
) -> None:
    def take_one(_: str) -> None:
        fc_local.advance(60)
        with official(fc_local) as queue:
            queue.receive_message(0)

    at_the_question(take_one)
    assert (
        "held by another reader: 1 accepted message;"
        in fc_async("events", "replay", "failures", "-y").err
    )
    at_the_question(lambda _: None)
    hidden = fc_async("events", "replay", "failures", "-y")
    assert "not shown: 1 message that another reader has received" in hidden.err
    fc_local.advance(60)
    assert "1 of them before" in fc_async("events", "replay", "failures", "-y").out
    fc_local.run_until_idle()
    assert (len(orders.called), left(fc_local)) == (3, 0)


def test_an_interruption_deletes_what_was_accepted_and_a_resumed_redrive_sends_the_rest(
    fc_async: Command, fc_local: FcLocal, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Client.replay_events

    def interrupted(*arguments: Any, **options: Any) -> Iterator[Outcome]:
        yield next(iter(whole(*arguments, **options)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Client, "replay_events", interrupted)
        done = fc_async("events", "replay", "failures", "-y")
    assert (done.code, left(fc_local)) == (130, 2)
    assert "Interrupted: Accepted: 1 of 3. Go on with: fc-async redrives resume rd-" in done.err
    fc_local.advance(1)
    resumed = fc_async("redrives", "resume", "-y")
    assert (resumed.code, resumed.out) == (0, "Accepted: 3 of 3.\n")
    fc_local.run_until_idle()
    assert (len(orders.called), left(fc_local)) == (3, 0)


def test_that_messages_came_again_before_the_last_one_was_read_is_said(
    fc_async: Command, fc_local: FcLocal, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = MnsQueue.batch_receive_message_with_str_body

    def slow(*arguments: Any) -> Any:
        fc_local.advance(60)
        return receive(*arguments)

    monkeypatch.setattr(MnsQueue, "batch_receive_message_with_str_body", slow)
    done = fc_async("events", "replay", "failures", "--dry-run")
    assert "messages became visible again while others were read" in done.err
    assert "Note: not read: 0 messages." in done.err
    assert done.code == 0  # there were three, and all were read


def test_a_replay_that_did_not_come_to_the_last_message_ends_with_its_own_exit_code(
    fc_async: Command, fc_local: FcLocal, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "BATCH", 2)
    receive = MnsQueue.batch_receive_message_with_str_body
    first: list[Any] = []

    def first_again(*arguments: Any) -> Any:
        if not first:
            first.extend(receive(*arguments))
        return first

    monkeypatch.setattr(MnsQueue, "batch_receive_message_with_str_body", first_again)
    done = fc_async("events", "replay", "failures", "-y")
    assert "Accepted: 2 of 2." in done.out
    assert "Note: not read: 1 message." in done.err
    assert done.code == 3


def test_another_function_may_be_called(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    seen: list[bytes] = []
    fc_local.deploy("repair", lambda event, _: seen.append(event), async_config=CONFIG)
    assert fc_async("events", "replay", "failures", "--to", "repair", "-y").code == 0
    fc_local.run_until_idle()
    assert (len(seen), orders.called) == (3, [])


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        (["--condition", "UnhandledInvocationError"], 3),
        (["--condition", "InvocationError"], 0),
        (["--function", "orders"], 3),
        (["--function", "order"], 0),
        (["--since", "150s"], 2),
        (["--match", "requestPayload.id=^1"], 2),
        (["--match", r"requestPayload.id=^12\.50$"], 1),
        (["--match", "requestPayload.of.0=a"], 1),
        (["--match", "responsePayload.errorMessage=stock", "--max", "1"], 1),
        (["--match", "statusCode=^200$"], 3),
    ],
)
def test_only_what_the_filters_admit_is_sent_and_removed(
    filters: list[str], sent: int, fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    expected = 3 if "--max" in filters else 0  # there are more
    assert fc_async("events", "replay", "failures", *filters, "-y").code == expected
    fc_local.run_until_idle()
    assert (len(orders.called), left(fc_local)) == (sent, 3 - sent)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--match", "payload.id=1"], "must be FIELD=REGEX with one of the fields"),
        (["--match", "requestPayload.id=("], "not a valid regular expression"),
        (["--since", "yesterday"], "is not a time"),
        (["--since", ""], "'' is not a time"),
        (["--since", "2100-01-01"], "--since 2100-01-01 is later than now: use an earlier --since"),
        (["--to", ""], "must not be empty"),
        (["--qualifier", "prod"], "--qualifier needs --to"),
    ],
)
def test_a_wrong_option_sends_nothing_and_says_why(
    arguments: list[str], said: str, fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    done = fc_async("events", "replay", "failures", *arguments, "-y")
    assert done.code == 1
    assert said in done.err
    assert left(fc_local) == 3


def test_what_is_not_a_failed_event_is_left_where_it_is(
    fc_async: Command, fc_local: FcLocal
) -> None:
    queue = fc_local.create_queue("both")
    to = {"destination": queue}
    config = {**CONFIG, "destinationConfig": {"onFailure": to, "onSuccess": to}}
    called: list[bytes] = []
    fc_local.deploy("good", lambda event, _: called.append(event), async_config=config)
    fc_local.client.invoke_async("good", b"x")
    fc_local.run_until_idle()
    with official(fc_local, "both") as theirs:
        theirs.send_message(Message("hello"))
    done = fc_async("events", "replay", "both", "-y")
    fc_local.run_until_idle()
    assert (done.code, called, left(fc_local, "both")) == (0, [b"x"], 2)
    assert "Left out: 1 message of invocations that succeeded." in done.err
    assert "Left out: 1 message without a destination event." in done.err


def test_one_event_is_shown_whole_and_nothing_is_sent(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    shown = fc_async("events", "replay", "failures", "--show", "-y")
    assert (shown.code, "base64, 5 bytes" in shown.out) == (0, True)
    fc_local.advance(1)
    chosen = ("--match", "requestPayload.id=^1$", "--show", "-o", "json")
    found = json.loads(fc_async("events", "replay", "failures", *chosen).out)
    assert found["requestPayload"] == '{"id": 1, "of": ["a"]}'
    missing = fc_async("events", "replay", "failures", "--function", "no", "--show")
    assert "there is no failed event to show" in missing.err
    assert left(fc_local) == 3


def test_a_refused_event_stays_and_is_written_into_a_file_that_can_be_replayed(
    fc_async: Command, fc_local: FcLocal, orders: Orders, project: Path
) -> None:
    done = fc_async("events", "replay", "failures", "--to", "missing", "-y", "-o", "json")
    said = json.loads(done.out)
    assert (done.code, said["accepted"], said["failed"]) == (1, 0, 3)
    assert all("FunctionNotFound" in error["error"] for error in said["errors"])
    assert left(fc_local) == 3
    file = project / said["failedFile"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert (project / ".fc-async" / ".gitignore").exists()
    again = fc_async("events", "replay", str(file), "--function", "orders", "-y")
    assert again.out.endswith("Accepted: 3 of 3.\n")
    fc_local.run_until_idle()
    assert b"\x89PNG\xff" in orders.called


def test_the_lines_of_events_tail_are_replayed_byte_for_byte(
    fc_async: Command,
    fc_local: FcLocal,
    orders: Orders,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = fc_async("events", "tail", "failures", "--once", "-o", "json").out
    (project / "events.jsonl").write_text(f"\ufeff{lines}\n", newline="\r\n")
    done = fc_async("events", "replay", "events.jsonl", "--function", "orders", "-y")
    assert done.out.endswith("Accepted: 3 of 3.\n")
    fc_local.run_until_idle()
    assert sorted(orders.called) == sorted(
        [b'{"id": 1, "of": ["a"]}', b'{"id": 12.50}', b"\x89PNG\xff"]
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    done = fc_async("events", "replay", "-", "--function", "orders", "-y")
    assert done.out.endswith("Accepted: 3 of 3, 3 of them before.\n")


def test_a_shortened_event_is_refused_also_from_a_file(
    fc_async: Command, fc_local: FcLocal, orders: Orders, project: Path
) -> None:
    line = fc_async("events", "tail", "failures", "--once", "-o", "json").out.splitlines()[0]
    marked = {**json.loads(line), "requestPayloadOmitted": True}
    (project / "events.jsonl").write_text(json.dumps(marked))
    done = fc_async("events", "replay", "events.jsonl", "--function", "orders", "-y")
    assert (done.code, "a part of the payload was left out" in done.err) == (1, True)


def test_a_name_that_is_a_queue_and_a_file_is_refused(
    fc_async: Command, orders: Orders, project: Path
) -> None:
    (project / "failures").write_text("")
    assert "write ./failures" in fc_async("events", "replay", "failures", "-y").err


def test_dead_events_are_replayed_and_gone(fc_async: Command, fc_local: FcLocal) -> None:
    function = Orders()
    nowhere = "acs:mns:::/queues/nowhere/messages"
    fc_local.deploy("orders", function, async_config=failing_to(nowhere))
    fc_local.client.invoke_async("orders", b"lost")
    fc_local.run_until_idle()
    function.mended = True
    done = fc_async("events", "replay", "dead-events", "-y")
    assert done.out.endswith("Accepted: 1 of 1.\n")
    fc_local.run_until_idle()
    assert function.called == [b"lost", b"lost"]
    assert "There is no failed event" in fc_async("events", "replay", "dead-events", "-y").err


def test_a_topic_of_rocketmq_is_replayed_and_the_group_has_nothing_left(
    fc_async: Command, fc_local: FcLocal
) -> None:
    function = Orders()
    topic = fc_local.create_rocketmq_topic("MQ_INST_1", "failures")
    fc_local.deploy("orders", function, async_config=failing_to(topic))
    for number in range(20):
        fc_local.client.invoke_async("orders", b"%d" % number)
    fc_local.run_until_idle()
    function.mended = True
    assert "needs --reader" in fc_async("events", "replay", topic, "-y").err
    done = fc_async("events", "replay", topic, "--reader", "GID_replay", "-y")
    assert done.out.endswith("Accepted: 20 of 20.\n")
    fc_local.advance(600)  # what was not removed comes again after five minutes
    client = MQClient(fc_local.rocketmq_endpoint, "k", "s")
    consumer = client.get_consumer("MQ_INST_1", "failures", "GID_replay")
    with pytest.raises(MQServerException, match="MessageNotExist"):
        consumer.consume_message(16)
    client.close_connection()


def test_a_rate_spreads_the_calls_over_time(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    done = fc_async("events", "replay", "failures", "--rate", "1/10s", "-y")
    assert (done.code, left(fc_local)) == (0, 0)
    counts = []
    fc_local.advance(1)  # the first one is due at once
    for _ in range(4):
        counts.append(len(orders.called))
        fc_local.advance(10)
    assert counts[-1] == 3
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(counts))


def test_a_rate_may_take_longer_than_the_service_delays_a_call(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    """The last one of three at 1/hour starts after two hours; a call is delayed by one at most."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(fc_async, "events", "replay", "failures", "--rate", "1/hour", "-y")
        counts = [0]
        while not running.done():
            fc_local.advance(600)
            counts.append(len(orders.called))
    done = running.result()
    assert (done.code, left(fc_local)) == (0, 0), done.err
    fc_local.run_until_idle()
    counts.append(len(orders.called))
    assert counts[-1] == 3
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(counts))


def test_the_arn_of_a_queue_says_the_region(
    fc_async: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("HOME", str(project))
    for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
    source = "acs:mns:cn-hangzhou:123:/queues/failures/messages"
    assert "no credentials found" in fc_async("events", "replay", source).err
    said = fc_async("events", "replay", "failures").err
    assert "no template here names the region of the function of the events" in said


def test_a_function_without_task_mode_is_named_before_the_send(
    fc_async: Command, fc_local: FcLocal, orders: Orders
) -> None:
    queue = "acs:mns:::/queues/failures/messages"
    fc_local.client.put_async_invoke_config("orders", async_task=False, on_failure=queue)
    done = fc_async("events", "replay", "failures", "-y")
    assert "orders is not in task mode" in done.err


# --- a message decides neither function nor payload ---


@pytest.fixture
def forged(fc_local: FcLocal, orders: Orders) -> list[bytes]:
    """A message that names a function of an administrator; returns what that was called with."""
    called: list[bytes] = []
    fc_local.deploy("delete-all", lambda event, _: called.append(event), async_config=CONFIG)
    event = failure_event(function="delete-all", payload=b'{"tenant": "all"}')
    with official(fc_local) as queue:
        queue.send_message(Message(event.source.decode()))
    return called


def test_a_message_cannot_make_the_operator_call_a_function_that_does_not_fail_into_the_queue(
    fc_async: Command, fc_local: FcLocal, orders: Orders, forged: list[bytes]
) -> None:
    done = fc_async("events", "replay", "failures", "-y")
    fc_local.run_until_idle()
    assert (forged, len(orders.called), left(fc_local)) == ([], 3, 1)
    assert done.code == 1
    assert "Accepted: 3 of 3." in done.out
    assert "1 event of delete-all not sent: its failure destination is not failures" in done.err
    assert "To call it all the same: --function delete-all" in done.err


def test_the_json_of_a_replay_names_what_was_refused_and_why(
    fc_async: Command, fc_local: FcLocal, forged: list[bytes]
) -> None:
    done = fc_async("events", "replay", "failures", "--dry-run", "-o", "json")
    said = json.loads(done.out)
    reason = "its failure destination is not failures"
    assert said["refusals"] == [{"function": "delete-all", "events": 1, "reason": reason}]
    assert (done.code, said["chosen"], [one["function"] for one in said["groups"]]) == (
        1,
        3,
        ["orders"],
    )


def test_a_function_that_the_user_names_is_called_whatever_its_configuration_says(
    fc_async: Command, fc_local: FcLocal, orders: Orders, forged: list[bytes]
) -> None:
    done = fc_async("events", "replay", "failures", "--function", "delete-all", "-y")
    fc_local.run_until_idle()
    assert (done.code, forged, orders.called) == (0, [b'{"tenant": "all"}'], [])
    assert left(fc_local) == 3


def test_a_template_of_the_folder_does_not_say_which_functions_a_message_may_call(
    fc_async: Command, fc_local: FcLocal, forged: list[bytes], project: Path
) -> None:
    (project / "s.yaml").write_text(
        template(
            d="""
                functionName: delete-all
                asyncInvokeConfig:
                  destinationConfig:
                    onFailure: {destination: "acs:mns:::/queues/failures/messages"}
            """
        )
    )
    assert fc_async("events", "replay", "failures", "-y").code == 1
    fc_local.run_until_idle()
    assert forged == []


def test_a_topic_of_rocketmq_calls_only_functions_whose_failures_it_has(
    fc_async: Command, fc_local: FcLocal
) -> None:
    topic = fc_local.create_rocketmq_topic("MQ_INST_1", "failures")
    other = fc_local.create_rocketmq_topic("MQ_INST_2", "failures")
    orders = Orders()
    fc_local.deploy("orders", orders, async_config=failing_to(other))
    client = MQClient(fc_local.rocketmq_endpoint, "k", "s")
    event = failure_event(function="orders", payload=b"x")
    client.get_producer("MQ_INST_1", "failures").publish_message(
        TopicMessage(event.source.decode(), "")
    )
    client.close_connection()
    done = fc_async("events", "replay", topic, "--reader", "GID_replay", "-y")
    fc_local.run_until_idle()
    assert (done.code, orders.called) == (1, [])


def test_a_file_calls_nothing_that_nobody_has_named_or_agreed_to(
    fc_async: Command, fc_local: FcLocal, orders: Orders, forged: list[bytes], project: Path
) -> None:
    lines = fc_async("events", "tail", "failures", "--once", "-o", "json").out
    (project / "events.jsonl").write_text(lines)
    looked = fc_async("events", "replay", "events.jsonl")
    assert looked.code == 0
    assert "Send them with --function delete-all --function orders -y." in looked.err
    done = fc_async("events", "replay", "events.jsonl", "-y")
    assert done.code == 1
    assert "3 events of orders not sent: a file does not say which queue" in done.err
    assert fc_async("events", "replay", "events.jsonl", "--function", "orders", "-y").code == 0
    fc_local.run_until_idle()
    assert (forged, len(orders.called)) == ([], 3)


def test_the_question_about_a_file_names_all_functions_that_it_calls(
    fc_async: Command,
    fc_local: FcLocal,
    orders: Orders,
    forged: list[bytes],
    project: Path,
    at_the_question: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = fc_async("events", "tail", "failures", "--once", "-o", "json").out
    (project / "events.jsonl").write_text(lines)
    asked: list[str] = []
    at_the_question(asked.append)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert fc_async("events", "replay", "events.jsonl").code == 0
    assert "Send 4 failures again to delete-all, orders at " in asked[0]


class Terminal(io.StringIO):
    """Standard input of a person."""

    def isatty(self) -> bool:
        return True


def test_a_service_that_shows_no_configuration_sends_only_what_is_named(
    fc_async: Command, fc_local: FcLocal, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = AccessDenied("AccessDenied", "not authorized", http_status=403)
    fail(monkeypatch, Client, "list_async_invoke_configs", refusal)
    done = fc_async("events", "replay", "failures", "-y")
    assert (done.code, left(fc_local)) == (1, 3)
    assert "the configurations of the functions cannot be read" in done.err


def test_an_error_is_compared_whole_and_a_text_is_searched(
    fc_async: Command, fc_local: FcLocal
) -> None:
    """A replay of TimeoutError would else send each ReadTimeoutError, too."""
    called: list[bytes] = []

    def order(event: bytes, _: object) -> None:
        called.append(event)
        raise type(json.loads(event), (Exception,), {})("upstream said TimeoutError")

    config = failing_to(fc_local.create_queue("failures"))
    fc_local.deploy("orders", order, async_config=config)
    for name in ("TimeoutError", "ReadTimeoutError", "KeyError"):
        fc_local.client.invoke_async("orders", json.dumps(name).encode())
    fc_local.run_until_idle()
    for options, sent in (
        (["--error", "Timeout"], []),
        (["--error", "TimeoutError"], [b'"TimeoutError"']),
        (["--error-text", "readtimeout"], [b'"ReadTimeoutError"']),
    ):
        called.clear()
        assert fc_async("events", "replay", "failures", *options, "-y").code == 0
        fc_local.run_until_idle()
        fc_local.advance(1)
        assert called == sent
