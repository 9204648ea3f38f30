# SPDX-License-Identifier: MIT
"""A client for topics of RocketMQ 4.x, over its HTTP protocol, with TLS.

Destination events of functions can be sent to a topic. The official client for Python,
``mq_http_sdk``, has had no release since 2021 and cannot do TLS on Python 3.

Example::

    from fc_async_sdk import credentials, events, rocketmq

    keys = credentials.Credentials(access_key_id="…", access_key_secret="…")
    url = "https://1234.mqrest.cn-hangzhou.aliyuncs.com"
    with rocketmq.Topic(url, "MQ_INST_1", "results", keys) as topic:
        for message in topic.consume("GID_audit", wait_seconds=30):
            print(events.from_rocketmq_message(message).function)
            topic.acknowledge("GID_audit", [message.receipt_handle])
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk import _endpoint
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import Credentials, Static
from fc_async_sdk.operations import rocketmq as operations
from fc_async_sdk.operations.rocketmq import Message
from fc_async_sdk.spec import limits
from fc_async_sdk.transport.sync import SyncTransport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.operations.call import Call

__all__ = ["Message", "Topic"]

LONGEST_ANSWER: Final = 128 * 1024 * 1024
"""Bytes: 16 messages of 4 MB, of which characters such as quotes are written as entities."""


class Topic:
    """A topic. Several threads may use it.

    Args:
        endpoint: URL of RocketMQ, such as ``https://1234.mqrest.cn-hangzhou.aliyuncs.com``. Plain
            ``http`` needs ``Config(allow_plain_http=True)``, except on this machine.
        instance_id: Of the instance; "" for the default instance.
        topic: Name of the topic.
        credentials: The keys, or what returns those of each request.
        config: Settings of its requests; None: the usual ones.

    Raises:
        ConfigurationError: The endpoint is not valid.
    """

    def __init__(
        self,
        endpoint: str,
        instance_id: str,
        topic: str,
        credentials: Credentials | Provider,
        *,
        config: Config | None = None,
    ) -> None:
        config = config or Config(max_response_bytes=LONGEST_ANSWER)
        parsed = _endpoint.parse(endpoint, allow_plain_http=config.allow_plain_http)
        self._names = (instance_id, topic)
        provider = Static(credentials) if isinstance(credentials, Credentials) else credentials
        self._transport = _Transport(parsed, config, provider)

    def __enter__(self) -> Self:
        """Connect with the first request, not here."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def publish(
        self, body: str, *, tag: str = "", properties: Mapping[str, str] | None = None
    ) -> str:
        """Publish a message, and return its id.

        Args:
            body: Text, at most 4 MB in UTF-8.
            tag: For the filters of consumers; "": none.
            properties: Of the message; ``KEYS`` is its key.

        Raises:
            InvalidParameter: It cannot be sent.
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        return self._transport.send(
            operations.publish(*self._names, body, tag=tag, properties=properties)
        )

    def consume(
        self,
        group: str,
        *,
        limit: int = limits.ROCKETMQ_BATCH.high,
        wait_seconds: int = 0,
        tag: str = "",
    ) -> list[Message]:
        """Receive messages as a group; what is not acknowledged comes again after five minutes.

        Args:
            group: Name of the group, such as ``GID_audit``.
            limit: Most messages, 1 to 16.
            wait_seconds: How long the service waits for a message, 0 to 30.
            tag: Such as ``A||B``; "": all.

        Returns:
            The messages; [] if there is none.

        Raises:
            InvalidParameter: An argument is not valid.
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        call = operations.consume(
            *self._names,
            group,
            limit=limit,
            wait_seconds=wait_seconds,
            tag=tag,
        )
        return self._transport.send(call)

    def acknowledge(self, group: str, handles: Sequence[str]) -> list[str]:
        """Remove messages for a group.

        Args:
            group: The group that received them.
            handles: Their receipt handles, 1 to 16.

        Returns:
            The handles that were not valid any more: their messages come again.

        Raises:
            InvalidParameter: An argument is not valid.
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        return self._transport.send(operations.acknowledge(*self._names, group, handles))


class _Transport(SyncTransport):
    """Signs as RocketMQ does."""

    def _headers(self, call: Call[Any]) -> dict[str, str]:
        date = formatdate(time.time(), usegmt=True)
        headers = operations.signed(call, self._endpoint.authority, self._provider(), date)
        headers["user-agent"] = self._user_agent
        return headers
