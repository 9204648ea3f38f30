# SPDX-License-Identifier: MIT
"""The client of this package for RocketMQ, against the local runtime that checks signatures."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_sdk import rocketmq
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.errors import (
    ConfigurationError,
    ConnectFailed,
    NotFound,
    ServiceError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTANCE = "MQ_INST_1"
KEYS = Credentials(access_key_id="testid", access_key_secret="testsecret")
QUICK = Config(max_attempts=1)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuntime]:
    keys = {KEYS.access_key_id: KEYS.access_key_secret}
    settings = Settings.of(strict_auth=True, access_keys=keys, rocketmq_redelivery_ms=300)
    with LocalRuntime(
        data=tmp_path_factory.mktemp("runtime"), port=0, settings=settings
    ) as runtime:
        yield runtime


@pytest.fixture
def topic(runtime: LocalRuntime) -> Iterator[rocketmq.Topic]:
    runtime.call(runtime.services.rocketmq.create_topic(INSTANCE, "topic"))
    with rocketmq.Topic(runtime.addresses.rocketmq, INSTANCE, "topic", KEYS) as topic:
        yield topic
    runtime.call(runtime.services.rocketmq.delete_topic(INSTANCE, "topic"))


def test_messages_are_published_consumed_and_acknowledged(topic: rocketmq.Topic) -> None:
    properties = {"KEYS": "key", "a": "1"}
    sent = topic.publish("héllo <&> 中文\r\n", tag="tag", properties=properties)
    [message] = topic.consume("GID_1", wait_seconds=30)
    assert (message.message_id, message.message_body) == (sent, "héllo <&> 中文\r\n")
    assert (message.message_tag, message.properties) == ("tag", properties)
    assert topic.acknowledge("GID_1", [message.receipt_handle]) == []
    assert topic.consume("GID_1") == []
    assert topic.acknowledge("GID_1", [message.receipt_handle]) == [message.receipt_handle]
    assert [one.message_id for one in topic.consume("GID_2")] == [sent]


def test_tags_choose_messages_and_what_is_not_acknowledged_comes_again(
    topic: rocketmq.Topic,
) -> None:
    for tag in ("a", "b", "c"):
        topic.publish(tag, tag=tag)
    assert [one.message_body for one in topic.consume("GID_1", tag="a||c")] == ["a", "c"]
    again = topic.consume("GID_1", tag="a||c", wait_seconds=30)
    assert [one.consumed_times for one in again] == [2, 2]


def test_names_with_odd_characters_are_signed(runtime: LocalRuntime, topic: rocketmq.Topic) -> None:
    topic.publish("x", tag="ü &=+%")
    assert [one.message_tag for one in topic.consume("GID_1%a", tag="ü &=+%")] == ["ü &=+%"]


def test_a_wrong_secret_and_an_unknown_topic_are_named(runtime: LocalRuntime) -> None:
    wrong = Credentials(access_key_id="testid", access_key_secret="wrong-secret")
    with rocketmq.Topic(runtime.addresses.rocketmq, INSTANCE, "topic", wrong) as topic:
        with pytest.raises(ServiceError) as caught:
            topic.consume("GID_1")
        assert caught.value.code == "SignatureDoesNotMatch"
        assert "wrong-secret" not in str(caught.value)
    with (
        rocketmq.Topic(runtime.addresses.rocketmq, INSTANCE, "nothing", KEYS) as missing,
        pytest.raises(NotFound, match="TopicNotExist"),
    ):
        missing.consume("GID_1")


def test_it_speaks_tls(runtime: LocalRuntime, topic: rocketmq.Topic) -> None:
    topic.publish("x")
    address = runtime.addresses.rocketmq.replace("http://", "https://")
    trusting = Config(verify=str(runtime.authority.ensure().ca_file))
    with rocketmq.Topic(address, INSTANCE, "topic", KEYS, config=trusting) as safe:
        assert [one.message_body for one in safe.consume("GID_1")] == ["x"]
    with (
        rocketmq.Topic(address, INSTANCE, "topic", KEYS, config=QUICK) as strange,
        pytest.raises(ConnectFailed, match="certificate"),
    ):
        strange.consume("GID_1")


def test_plain_http_to_another_machine_must_be_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        rocketmq.Topic("http://1.mqrest.cn-hangzhou.aliyuncs.com", INSTANCE, "topic", KEYS)


def test_a_service_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        unused_port = server.getsockname()[1]
    address = f"http://127.0.0.1:{unused_port}"
    with (
        rocketmq.Topic(address, INSTANCE, "topic", KEYS, config=QUICK) as topic,
        pytest.raises(ConnectFailed, match=f"no connection to 127.0.0.1:{unused_port}"),
    ):
        topic.consume("GID_1")


def test_an_answer_without_an_end_is_cut_off(topic: rocketmq.Topic, runtime: LocalRuntime) -> None:
    topic.publish("x" * 4096)
    small = Config(max_response_bytes=2048)
    with (
        rocketmq.Topic(
            runtime.addresses.rocketmq, INSTANCE, "topic", KEYS, config=small
        ) as limited,
        pytest.raises(TransportError, match="longer than 2048 bytes"),
    ):
        limited.consume("GID_1")
