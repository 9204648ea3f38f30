# SPDX-License-Identifier: MIT
"""The HTTP door of RocketMQ 4.x: paths, query parameters, headers and statuses of its protocol.

``PUT`` and ``DELETE /topics/{topic}?ns={instance}`` are an addition of this runtime: in the cloud,
topics are made in the console. Translates and delegates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services import identifiers, signature
from fc_async_local.services.asgi import Answer, Endpoint
from fc_async_local.services.rocketmq import wire
from fc_async_local.services.rocketmq.errors import RocketMqError, message_missing
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.services.asgi import Request
    from fc_async_local.services.rocketmq.service import RocketMqService

VERSION: Final = "2015-06-06"
_BODY_LIMIT: Final = 32 * 1024 * 1024
"""A message of 4 MB with every character written as an entity."""


def application(service: RocketMqService, clock: Clock) -> Endpoint:
    """The ASGI application of RocketMQ's HTTP protocol."""
    return Endpoint(RocketMqEndpoint(service, clock), body_limit=_BODY_LIMIT)


class RocketMqEndpoint:
    """Answers requests in RocketMQ's HTTP protocol."""

    def __init__(self, service: RocketMqService, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._message_routes: dict[str, Callable[[Request, str, str], Awaitable[Answer]]] = {
            "POST": self._publish,
            "GET": self._consume,
            "DELETE": self._acknowledge,
        }
        self._topic_routes: dict[str, Callable[[str, str], Awaitable[Answer]]] = {
            "PUT": self._create,
            "DELETE": self._forget,
        }

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        request_id = identifiers.request_id()
        try:
            self._authenticate(request)
            answer = await self._route(request)
        except RocketMqError as error:
            answer = _error(error.status, error.code, error.message, request_id, request)
        except StoreUnavailable as error:
            answer = _error(503, "ServiceUnavailable", str(error), request_id, request)
        return _stamped(answer, request_id)

    def waits(self, request: Request) -> bool:
        """Consuming may wait for a message."""
        return request.method == "GET" and "waitseconds" in request.parameters()

    def refuse(self, status: int, code: str, message: str) -> Answer:
        """An error before there is a request that can be understood."""
        request_id = identifiers.request_id()
        return _stamped(_error(status, code, message, request_id, None), request_id)

    def _authenticate(self, request: Request) -> None:
        auth = self._service.settings.auth
        if not auth.strict_auth:
            return
        try:
            signature.verify(signature.ROCKETMQ, request, auth.access_keys, now=self._clock.now())
        except signature.Unsigned as error:
            raise RocketMqError(error.code, error.message) from error

    async def _route(self, request: Request) -> Answer:
        await self._service.refresh()
        instance_id = request.parameters().get("ns", "")
        match request.segments:
            case ("topics", topic, "messages") if request.method in self._message_routes:
                operation = self._message_routes[request.method]
                return await operation(request, instance_id, topic)
            case ("topics", topic) if request.method in self._topic_routes:
                return await self._topic_routes[request.method](instance_id, topic)
        raise RocketMqError(
            "InvalidRequestURL", f"{request.method} {request.path} is no operation of RocketMQ"
        )

    async def _publish(self, request: Request, instance_id: str, topic: str) -> Answer:
        new = wire.read_message(request.body)
        return _xml(201, wire.published(await self._service.publish(instance_id, topic, new)))

    async def _consume(self, request: Request, instance_id: str, topic: str) -> Answer:
        parameters = request.parameters()
        mode = parameters.get("trans", "")
        if mode not in ("", "order"):
            raise RocketMqError(
                "InvalidArgument", f"trans={mode}: transactional messages are not served here"
            )
        found = await self._service.consume(
            instance_id,
            topic,
            _group(parameters),
            limit=_number(parameters, "numofmessages", 1),
            wait_seconds=_number(parameters, "waitseconds", 0),
            tag=parameters.get("tag", ""),
            ordered=mode == "order",
        )
        if not found:
            raise message_missing()
        return _xml(200, wire.consumed(found))

    async def _acknowledge(self, request: Request, instance_id: str, topic: str) -> Answer:
        group = _group(request.parameters())
        handles = wire.read_handles(request.body)
        done = await self._service.acknowledge(instance_id, topic, group, handles)
        failed = [handle for handle, is_done in zip(handles, done, strict=True) if not is_done]
        return _xml(404, wire.unacknowledged(failed)) if failed else Answer(204)

    async def _create(self, instance_id: str, topic: str) -> Answer:
        return Answer(201 if await self._service.create_topic(instance_id, topic) else 204)

    async def _forget(self, instance_id: str, topic: str) -> Answer:
        await self._service.delete_topic(instance_id, topic)
        return Answer(204)


def _group(parameters: dict[str, str]) -> str:
    group = parameters.get("consumer", "")
    if not group:
        raise RocketMqError("InvalidArgument", "the parameter consumer is missing")
    return group


def _number(parameters: dict[str, str], name: str, default: int) -> int:
    value = parameters.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise RocketMqError("InvalidArgument", f"{name}={value!r} is no integer") from None


def _xml(status: int, body: bytes) -> Answer:
    return Answer(status, body, (("Content-Type", "text/xml;charset=utf-8"),))


def _error(
    status: int, code: str, message: str, request_id: str, request: Request | None
) -> Answer:
    host = request.headers.get("host", "") if request is not None else ""
    return _xml(status, wire.error(code, message, request_id, f"http://{host or 'localhost'}"))


def _stamped(answer: Answer, request_id: str) -> Answer:
    stamp = (("x-mq-request-id", request_id), ("x-mq-version", VERSION))
    return answer._replace(headers=(*answer.headers, *stamp))
