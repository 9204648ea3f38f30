# SPDX-License-Identifier: MIT
"""Topics with the official Python client and its ``mnscmd``, unmodified, over HTTP and SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

from fc_async_local.clock import RealClock
from fc_async_local.services.delivery import HttpPoster
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.mns.topic_service import TopicService
from fc_async_local.settings import Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore
from fc_async_local.wakeups import Wakeups
from fc_async_tests.jobs import push_node


@pytest.fixture
def server(serve, tmp_path):
    async def make_app(stack):
        database = await Database.open(tmp_path / "test.db", SCHEMA)
        stack.push_async_callback(database.aclose)
        clock, poster = RealClock(), HttpPoster()
        stack.push_async_callback(poster.aclose)
        store = await TableMessageStore.open(database)
        settings = Settings.of(strict_auth=True, access_keys={"testid": "testsecret"})
        service = MnsService(store, clock, settings)
        node = push_node(await SqliteStore.open(database), clock, settings, poster=poster)
        topics = TopicService(service, DocumentCache(MemoryDocuments(), Wakeups(clock)), node)
        topics.pushes.start()
        stack.push_async_callback(topics.pushes.aclose)
        return MnsEndpoint(service, clock, topics)

    with serve(make_app) as server:
        yield server


@pytest.fixture
def account(server):
    account = Account(server.url, "testid", "testsecret")
    yield account
    account.mns_client.http.conn.close()


def subscribe(topic, name, endpoint, **fields):
    topic.get_subscription(name).subscribe(SubscriptionMeta(endpoint, **fields))


def test_a_message_reaches_queues_in_three_formats_and_by_tag(account):
    topic = account.get_topic("t")
    topic.create(TopicMeta())
    queues = {}
    for style, tag in (("XML", ""), ("JSON", "a"), ("SIMPLIFIED", "b")):
        queues[style] = account.get_queue(style)
        queues[style].create(QueueMeta())
        queues[style].set_encoding(False)
        endpoint = f"acs:mns:cn-hangzhou:1:queues/{style}"
        subscribe(topic, style, endpoint, notify_content_format=style, filter_tag=tag)
    topic.publish_message(TopicMessage("héllo <&>", "a"))
    assert "<Message>héllo &lt;&amp;&gt;</Message>" in queues["XML"].receive_message(0).message_body
    assert json.loads(queues["JSON"].receive_message(0).message_body)["Message"] == "héllo <&>"
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queues["SIMPLIFIED"].receive_message(0)


def test_an_http_endpoint_is_told(account, httpserver):
    httpserver.expect_oneshot_request("/hook", method="POST").respond_with_data(status=204)
    topic = account.get_topic("t")
    topic.create(TopicMeta())
    url = httpserver.url_for("/hook")
    subscribe(topic, "s", url, notify_content_format="SIMPLIFIED")
    with httpserver.wait(raise_assertions=True, stop_on_nohandler=True, timeout=60):
        topic.publish_message(TopicMessage("told"))
    request, _ = httpserver.log[-1]
    assert request.get_data() == b"told"


def test_attributes_and_lists_make_the_round(account):
    topic = account.get_topic("t")
    topic.create(TopicMeta(maximum_message_size=2_048))
    topic.set_attributes(TopicMeta(maximum_message_size=4_096, logging_enabled=True))
    meta = topic.get_attributes()
    assert (meta.topic_name, meta.maximum_message_size, meta.logging_enabled) == ("t", 4_096, True)
    subscribe(topic, "s", "http://127.0.0.1:9")
    subscription = topic.get_subscription("s")
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))
    told = subscription.get_attributes()
    assert (told.endpoint, told.notify_strategy) == (
        "http://127.0.0.1:9",
        "EXPONENTIAL_DECAY_RETRY",
    )
    assert [url.rpartition("/")[2] for url in topic.list_subscription()[0]] == ["s"]
    assert [url.rpartition("/")[2] for url in account.list_topic()[0]] == ["t"]
    subscription.unsubscribe()
    topic.delete()
    with pytest.raises(MNSServerException, match="TopicNotExist"):
        topic.get_attributes()


def test_mnscmd_works(server, tmp_path):
    def mnscmd(*args):
        command = Path(sys.executable).with_name("mnscmd")
        credentials = (
            f"--mnsendpoint={server.url}",
            "--accesskeyid=testid",
            "--accesskeysecret=testsecret",
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", command, *args, *credentials],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    mnscmd("createqueue", "--queuename=q")
    mnscmd("sendmessage", "--queuename=q", "--body=hello")
    assert "hello" in mnscmd("receivemessage", "--queuename=q")
