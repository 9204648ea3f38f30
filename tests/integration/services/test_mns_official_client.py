# SPDX-License-Identifier: MIT
"""The official Python client (``aliyun-mns-sdk``), unmodified, against MNS in SQLite."""

from __future__ import annotations

import base64
import binascii
import contextlib
import threading
from typing import Any

import pytest
from mns.account import Account
from mns.message_property import MessagePropertyValue, PropertyType
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

from fc_async_local.clock import RealClock
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.settings import Settings
from fc_async_local.store.sqlite.database import Database
from fc_async_local.wakeups import Wakeups

KEYS = {"testid": "testsecret"}


@pytest.fixture(scope="module", params=[True, False], ids=["strict", "any-key"])
def settings(request) -> Any:
    return Settings.of(strict_auth=request.param, access_keys=KEYS if request.param else {})


@pytest.fixture(scope="module")
def server(serve, tmp_path_factory, settings) -> Any:
    async def make_app(stack) -> Any:
        database = await Database.open(tmp_path_factory.mktemp("mns") / "test.db")
        stack.push_async_callback(database.aclose)
        clock = RealClock()
        wakeups = Wakeups(clock)
        service = MnsService(await TableMessageStore.open(database), clock, settings, wakeups)
        stack.callback(wakeups.end_polls)
        return MnsEndpoint(service, clock, None)

    with serve(make_app) as server:
        yield server


@contextlib.contextmanager
def connect(server, secret="testsecret") -> Any:
    account = Account(server.url, "testid", secret)
    try:
        yield account
    finally:
        account.mns_client.http.conn.close()


@pytest.fixture
def account(server) -> Any:
    with connect(server) as account:
        yield account
        for url in account.list_queue()[0]:
            account.get_queue(url.rpartition("/")[2]).delete()


@pytest.fixture
def queue(account) -> Any:
    queue = account.get_queue("events")
    queue.create(QueueMeta(vis_timeout=5))
    return queue


def refused(call) -> Any:
    with pytest.raises(MNSServerException) as caught:
        call()
    return caught.value.type


def test_a_message_makes_the_whole_round(queue) -> None:
    sent = queue.send_message(Message('{"requestPayload": "héllo 中文 <&>"}'))
    received = queue.receive_message(0)
    assert received.message_id == sent.message_id
    assert received.message_body.decode() == '{"requestPayload": "héllo 中文 <&>"}'
    assert received.dequeue_count == 1
    queue.delete_message(received.receipt_handle)
    assert refused(lambda: queue.receive_message(0)) == "MessageNotExist"


def test_a_batch_makes_the_whole_round(queue) -> None:
    queue.batch_send_message([Message(str(number)) for number in range(16)])
    assert len(queue.batch_peek_message(16)) == 16
    received = queue.batch_receive_message(16, 0)
    assert [message.message_body for message in received] == [b"%d" % n for n in range(16)]
    handles = [message.receipt_handle for message in received]
    queue.batch_delete_message(handles)
    with pytest.raises(MNSServerException) as caught:
        queue.batch_delete_message(handles)
    assert [error["ReceiptHandle"] for error in caught.value.sub_errors] == handles
    assert {error["ErrorCode"] for error in caught.value.sub_errors} == {"MessageNotExist"}


def test_a_long_poll_ends_when_something_is_sent(queue, server) -> None:
    with connect(server) as sender:
        late = sender.get_queue("events")
        timer = threading.Timer(0.2, lambda: late.send_message(Message("late")))
        timer.start()
        assert queue.receive_message(30).message_body == b"late"
        timer.join()


def test_visibility_is_changed_under_a_new_handle(queue) -> None:
    queue.send_message(Message("x"))
    first = queue.receive_message(0)
    changed = queue.change_message_visibility(first.receipt_handle, 100)
    assert changed.receipt_handle != first.receipt_handle
    assert refused(lambda: queue.delete_message(first.receipt_handle)) == "MessageNotExist"
    queue.delete_message(changed.receipt_handle)


# MNS fills the counts of messages, which its client marks as deprecated.
@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_attributes_are_kept_and_counts_are_told(queue) -> None:
    queue.set_attributes(QueueMeta(vis_timeout=7, delay_sec=60, logging_enabled=True))
    queue.send_message(Message("delayed"))
    meta = queue.get_attributes()
    assert (meta.queue_name, meta.visibility_timeout, meta.delay_seconds) == ("events", 7, 60)
    assert (meta.active_messages, meta.inactive_messages, meta.delay_messages) == (0, 0, 1)
    assert meta.logging_enabled


def test_creating_it_again_differently_is_a_conflict(account, queue) -> None:
    again = account.get_queue("events")
    again.create(QueueMeta(vis_timeout=5))
    assert refused(lambda: again.create(QueueMeta(vis_timeout=6))) == "QueueAlreadyExist"


def test_queues_are_listed_page_by_page(account) -> None:
    for number in range(5):
        account.get_queue(f"page-{number}").create(QueueMeta())
    account.get_queue("other").create(QueueMeta())
    names, marker = [], ""
    while True:
        urls, marker = account.list_queue("page-", 2, marker)
        names += [url.rpartition("/")[2] for url in urls]
        if not marker:
            break
    assert names == [f"page-{number}" for number in range(5)]


def test_a_deleted_queue_is_gone(account, queue) -> None:
    queue.delete()
    assert refused(queue.get_attributes) == "QueueNotExist"
    assert refused(lambda: queue.send_message(Message("x"))) == "QueueNotExist"


def test_priority_and_user_properties_come_back(queue) -> None:
    message = Message("x", priority=1)
    message.user_properties = {
        "n": MessagePropertyValue(PropertyType.NUMBER, "12"),
        "b": MessagePropertyValue(PropertyType.BINARY, b"\x00\xff"),
    }
    queue.send_message(message)
    received = queue.receive_message(0)
    assert received.priority == 1
    assert received.user_properties["n"].get_string_value_by_type() == "12"
    assert received.user_properties["b"].get_binary_value() == b"\x00\xff"


def test_a_raw_body_is_seen_raw_and_breaks_a_decoding_consumer(queue) -> None:
    queue.set_encoding(False)
    queue.send_message(Message('{"raw": "<&>"}'))
    received = queue.peek_message()
    assert received.message_body == '{"raw": "<&>"}'
    queue.set_encoding(True)
    with pytest.raises(binascii.Error):
        queue.receive_message(0)


@pytest.mark.parametrize(("size", "fits"), [(49_152, True), (49_153, False)])
def test_the_limit_counts_base64(queue, size, fits) -> None:
    if fits:
        queue.send_message(Message("x" * size))
        assert len(base64.b64encode(queue.receive_message(0).message_body)) == 65_536
    else:
        assert refused(lambda: queue.send_message(Message("x" * size))) == "InvalidArgument"


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_a_wrong_secret_is_refused_in_strict_mode_only(server, settings, queue) -> None:
    with connect(server, "wrong") as stranger:
        call = stranger.get_queue("events").get_attributes
        if settings.auth.strict_auth:
            assert refused(call) == "SignatureDoesNotMatch"
        else:
            assert call().queue_name == "events"


def test_messages_survive_the_server(serve, tmp_path) -> None:
    async def make_app(stack) -> Any:
        database = await Database.open(tmp_path / "test.db")
        stack.push_async_callback(database.aclose)
        service = MnsService(await TableMessageStore.open(database), RealClock(), Settings())
        return MnsEndpoint(service, RealClock(), None)

    with serve(make_app) as server, connect(server) as account:
        queue = account.get_queue("events")
        queue.create(QueueMeta())
        queue.send_message(Message("kept"))
    with serve(make_app) as server, connect(server) as account:
        assert account.get_queue("events").receive_message(0).message_body == b"kept"
