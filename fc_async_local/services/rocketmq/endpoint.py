# SPDX-License-Identifier: MIT
"""The HTTP endpoint of RocketMQ 4.x: paths, headers, statuses and XML documents of its protocol.

``PUT`` and ``DELETE /topics/{topic}?ns={instance}`` are an addition of this runtime: in the cloud,
topics are created in the console. No official client signs such a request, so with strict
signatures the admin API creates topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from fc_async_local.http.messages import Answer
from fc_async_local.services import common, markup, signature
from fc_async_local.services.markup import XmlService, xml
from fc_async_local.services.rocketmq import model
from fc_async_local.services.rocketmq.model import (
    BATCH,
    POLLING_SECONDS,
    ConsumeRequest,
    RocketMqError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.http.messages import Request
    from fc_async_local.services.markup import Members
    from fc_async_local.services.rocketmq.model import NewMessage, Pending, RocketMqMessage
    from fc_async_local.services.rocketmq.service import RocketMqService

_DIALECT: Final = markup.Dialect("http://mq.aliyuncs.com/doc/v1/", RocketMqError)


class RocketMqEndpoint(XmlService):
    """Answers requests in RocketMQ's HTTP protocol."""

    name = "RocketMQ"
    scheme = signature.ROCKETMQ
    dialect = _DIALECT
    unknown_parameter = "InvalidArgument"
    parameters: ClassVar = {
        "PUT topics/*": "ns",
        "DELETE topics/*": "ns",
        "POST topics/*/messages": "ns",
        "GET topics/*/messages": "consumer ns numofmessages tag trans waitseconds",
        "DELETE topics/*/messages": "consumer ns",
    }
    largest_body = 32 * 1024 * 1024
    """A message of 4 MB with every character written as an entity."""

    def __init__(self, service: RocketMqService, clock: Clock) -> None:
        super().__init__(service.settings, clock)
        self._service = service
        self.operations = {
            "PUT topics/*": self._create,
            "DELETE topics/*": self._forget,
            "POST topics/*/messages": self._publish,
            "GET topics/*/messages": self._consume,
            "DELETE topics/*/messages": self._acknowledge,
        }

    def waits(self, request: Request) -> bool:
        """Return whether the request consumes: that may wait for a message."""
        return request.method == "GET" and "waitseconds" in request.parameters()

    async def refresh(self, request: Request) -> None:  # noqa: ARG002 -- for all requests
        """Read the topics."""
        await self._service.refresh()

    async def _publish(self, request: Request, topic: str) -> Answer:
        new = read_message(request.body)
        message = await self._service.publish(_instance(request), topic, new)
        return xml(201, published(message))

    async def _consume(self, request: Request, topic: str) -> Answer:
        parameters = request.parameters()
        mode = parameters.get("trans", "")
        if mode not in ("", "order"):
            raise RocketMqError(
                "InvalidArgument", f"trans={mode}: transactional messages are not supported"
            )
        consume_request = ConsumeRequest(
            limit=_number(parameters, "numofmessages", BATCH.default),
            wait_seconds=_number(parameters, "waitseconds", POLLING_SECONDS.default),
            tag=parameters.get("tag", ""),
            ordered=mode == "order",
        )
        group = _group(parameters)
        pending = await self._service.consume(_instance(request), topic, group, consume_request)
        if not pending:
            raise RocketMqError("MessageNotExist", "Message not exist.")
        return xml(200, consumed(pending))

    async def _acknowledge(self, request: Request, topic: str) -> Answer:
        group = _group(request.parameters())
        handles = _DIALECT.read_handles(request.body, BATCH)
        done = await self._service.acknowledge(_instance(request), topic, group, handles)
        text = "The receipt handle you provided is not valid."
        failures = []
        for handle, is_done in zip(handles, done, strict=True):
            if not is_done:
                failures.append((handle, "ReceiptHandleError", text))
        if not failures:
            return Answer(204)
        return xml(404, _DIALECT.undeleted(failures))

    async def _create(self, request: Request, topic: str) -> Answer:
        created = await self._service.create_topic(_instance(request), topic)
        return Answer(201 if created else 204)

    async def _forget(self, request: Request, topic: str) -> Answer:
        await self._service.delete_topic(_instance(request), topic)
        return Answer(204)


def _instance(request: Request) -> str:
    return request.parameters().get("ns", "")


def _group(parameters: dict[str, str]) -> str:
    group = parameters.get("consumer", "")
    if not group:
        raise RocketMqError("InvalidArgument", "the parameter consumer is missing")
    return group


def _number(parameters: dict[str, str], name: str, default: int) -> int:
    number = common.read_integer(parameters, name, RocketMqError, "InvalidArgument")
    return default if number is None else number


def read_message(body: bytes) -> NewMessage:
    """Read the request of PublishMessage.

    Raises:
        RocketMqError: MalformedXML, InvalidArgument.
    """
    element = _DIALECT.read(body, "Message")
    return model.read_new_message(
        _DIALECT.read_body(element),
        markup.text(element, "MessageTag") or "",
        markup.text(element, "Properties") or "",
    )


def published(message: RocketMqMessage) -> bytes:
    """Write the answer to PublishMessage."""
    return _DIALECT.document("Message", markup.stored(message.message_id, message.body))


def consumed(messages: Sequence[Pending]) -> bytes:
    """Write the answer to ConsumeMessage."""
    return _DIALECT.document("Messages", {"Message": [_shown(item) for item in messages]})


def _shown(pending: Pending) -> Members:
    message = pending.message
    return markup.stored(message.message_id, message.body) | {
        "MessageBody": message.body,
        "ReceiptHandle": model.handle_of(pending),
        "PublishTime": message.published_at,
        "FirstConsumeTime": pending.first_at,
        "NextConsumeTime": pending.next_at,
        "ConsumedTimes": pending.consumed,
        "MessageTag": message.tag or None,
        "Properties": message.properties or None,
    }
