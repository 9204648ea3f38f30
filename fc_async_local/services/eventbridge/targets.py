# SPDX-License-Identifier: MIT
"""Pushes events to the targets of rules, once; the service decides on retries.

Types of targets: ``http``/``https``, ``acs.fc.function``, ``acs.mns.queue`` and ``acs.rocketmq``.
The inputs of a target are made from the event by its parameters: ORIGINAL, CONSTANT, JSONPATH and
TEMPLATE.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_local.domain import json_input
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import DeadEvent, InvokeRequest, OutcomeKind
from fc_async_local.services import common
from fc_async_local.services.delivery import HTTP_OK, PostFailed, function_arn, queue_arn
from fc_async_local.services.eventbridge import model
from fc_async_local.services.eventbridge.model import VALUE_CHARACTERS, EventBridgeError, Parameter
from fc_async_local.services.mns.model import Draft
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import jsonpath

    from fc_async_local.domain.invocation import CallPath
    from fc_async_local.services.delivery import PushNode
    from fc_async_local.services.eventbridge.model import Event, RulePush, Target
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.rocketmq.service import RocketMqService

_ORIGINAL: Final = Parameter(resource_key="Body", form="ORIGINAL")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")
_NEEDS_PATHS: Final = "Value must be a JSON object of names and JSONPath strings"
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "http": (),
    "https": (),
    "acs.fc.function": ("functionName",),
    "acs.mns.queue": ("queue",),
    "acs.rocketmq": ("InstanceId", "Topic"),
}


class PushResult(NamedTuple):
    """Result of a push.

    Attributes:
        error: Why it failed, "" if it did not.
        refused: Whether the target refuses the event for a reason that stays: 4xx, but not 429.
        request_id: Of the invocation, "" if the target is not a function.
    """

    error: str = ""
    refused: bool = False
    request_id: str = ""


class _Failed(Exception):
    """The push failed; the message says why."""


class Targets:
    """Pushes events to targets.

    Args:
        node: Invokes functions, and sends requests to HTTP endpoints.
        queues: The MNS service.
        rocketmq: The RocketMQ service.
    """

    def __init__(self, node: PushNode, queues: MnsService, rocketmq: RocketMqService) -> None:
        self._node = node
        self._queues = queues
        self._rocketmq = rocketmq
        self._pushes: dict[str, Callable[[Target, _Inputs], Awaitable[str]]] = {
            "http": self._push_http,
            "https": self._push_http,
            "acs.fc.function": self._push_function,
            "acs.mns.queue": self._push_queue,
            "acs.rocketmq": self._push_rocketmq,
        }

    def check(self, target: Target) -> None:
        """Check that a target can be pushed to.

        Raises:
            EventBridgeError: InvalidArgument.
        """
        # When the rule is made: an event would be retried for a day before the mistake is seen.
        required = _REQUIRED.get(target.type)
        if required is None:
            types = ", ".join(sorted(_REQUIRED))
            raise EventBridgeError(
                "InvalidArgument",
                f"target {target.id!r}: type {target.type!r} is not served here, only {types}",
            )
        missing = [key for key in required if target.parameter(key) is None]
        if missing:
            raise EventBridgeError(
                "InvalidArgument", f"target {target.id!r}: ParamList lacks {', '.join(missing)}"
            )
        url = _url(target)
        if target.type.startswith("http") and not common.is_http_url(url):
            raise EventBridgeError(
                "InvalidArgument", f"target {target.id!r}: url {url!r} is not an http(s) URL"
            )

    async def push(self, target: Target, event: Event, *, call_path: CallPath = ()) -> PushResult:
        """RulePush an event once."""
        inputs = _Inputs(target, json.loads(model.encode(event)), call_path)
        push = self._pushes[target.type]
        try:
            return PushResult(request_id=await push(target, inputs))
        except (_Failed, PostFailed, StoreUnavailable) as error:
            return PushResult(str(error))
        except Rejected as error:
            # 429 and 5xx may end by themselves; what else a target refuses, it refuses again.
            return PushResult(str(error), refused=not error.temporary)

    async def dead_letter(self, queue: arn.Arn, event: Event) -> str:
        """Put an event into a queue or a topic; return the failure, "" if there was none.

        Raises:
            Rejected: It refuses the event.
            StoreUnavailable: The event was not stored.
        """
        body = model.encode(event).decode()
        if isinstance(queue, arn.MnsQueueArn):
            draft = Draft(message_id=common.message_id(), body=body)
            await self._queues.send(queue.queue, [draft])
        elif isinstance(queue, arn.RocketMqTopicArn):
            await self._rocketmq.publish(queue.instance_id, queue.topic, NewMessage(body=body))
        else:
            return "a dead-letter queue must be an MNS queue, a RocketMQ topic or an event bus"
        return ""

    @staticmethod
    def dead_event(
        target: Target,
        push: RulePush,
        *,
        key: str,
        error: str,
    ) -> DeadEvent:
        """Return the dead event of an event that could not be pushed."""
        inputs = _Inputs(target, json.loads(model.encode(push.event)), push.call_path)
        function = qualifier = ""
        if target.type == "acs.fc.function":
            function = inputs.get("functionName")
            qualifier = inputs.get("Qualifier") or limits.DEFAULT_QUALIFIER
            destination = function_arn(function, qualifier)
        elif target.type == "acs.mns.queue":
            destination = queue_arn(inputs.get("queue"))
        elif target.type == "acs.rocketmq":
            instance_id = inputs.get("InstanceId")
            destination = f"acs:mq:::/instances/{instance_id}/topic/{inputs.get('Topic')}"
        else:
            destination = _url(target)
        return DeadEvent(
            key=key,
            destination=destination,
            document=inputs.body().encode(),
            error=error,
            function=function,
            qualifier=qualifier,
            call_path=push.call_path,
        )

    async def _push_http(self, target: Target, inputs: _Inputs) -> str:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        token = inputs.get("Token")
        if token:
            headers["x-eventbridge-signature-token"] = token
        status = await self._node.poster.post(
            _url(target),
            inputs.body().encode(),
            headers,
        )
        if status not in HTTP_OK:
            raise _Failed(f"{_url(target)} answered {status}")
        return ""

    async def _push_function(self, _target: Target, inputs: _Inputs) -> str:
        function = inputs.get("functionName")
        request = InvokeRequest(
            function,
            inputs.body().encode(),
            qualifier=inputs.get("Qualifier") or limits.DEFAULT_QUALIFIER,
            call_path=inputs.call_path,
        )
        if inputs.get("InvocationType").lower() != "sync":
            taken = await self._node.invoker.invoke_async(request)
            return taken.request_id
        request_id, outcome = await self._node.invoker.invoke_sync(request)
        if outcome.kind is not OutcomeKind.SUCCESS:
            raise _Failed(f"function {function} failed: {outcome.error_type}")
        return request_id

    async def _push_queue(self, _target: Target, inputs: _Inputs) -> str:
        body = inputs.body()
        # Encoded unless it is switched off: official consumers decode the body by default.
        if inputs.get("IsBase64Encode").lower() != "false":
            body = base64.b64encode(body.encode()).decode()
        draft = Draft(
            message_id=common.message_id(),
            body=body,
            call_path=inputs.call_path,
        )
        await self._queues.send(inputs.get("queue"), [draft])
        return ""

    async def _push_rocketmq(self, _target: Target, inputs: _Inputs) -> str:
        message = NewMessage(
            body=inputs.body(),
            tag=inputs.get("Tags"),
            keys=inputs.get("Keys"),
            properties=_properties(inputs.get("Properties")),
            call_path=inputs.call_path,
        )
        await self._rocketmq.publish(inputs.get("InstanceId"), inputs.get("Topic"), message)
        return ""


class _Inputs:
    """A target's inputs, made from one event."""

    def __init__(self, target: Target, event: Any, call_path: CallPath) -> None:
        self._target = target
        self._event = event
        self.call_path = call_path

    def get(self, key: str) -> str:
        """Return an input; "" if the target has no such parameter."""
        parameter = self._target.parameter(key)
        return "" if parameter is None else input_for(parameter, self._event)

    def body(self) -> str:
        """Return the body: the whole event unless the target has a parameter for it."""
        return input_for(self._target.parameter("Body") or _ORIGINAL, self._event)


def _url(target: Target) -> str:
    parameter = target.parameter("url")
    if parameter is None or not parameter.value:
        return target.endpoint
    return parameter.value


def _properties(text: str) -> dict[str, str]:
    """Read properties from a JSON object."""
    try:
        properties = json_input.read(text or "{}")
    except json_input.InvalidJson:
        raise _Failed(f"Properties {text!r} is not a JSON object") from None
    if not isinstance(properties, dict):
        raise _Failed(f"Properties {text!r} is not a JSON object")
    return {str(name): str(value) for name, value in properties.items()}


def check_parameter(parameter: Parameter) -> None:
    """Check that a parameter can be made from events.

    Raises:
        EventBridgeError: InvalidArgument.
    """
    for name, text in (("Value", parameter.value), ("Template", parameter.template)):
        if len(text) > VALUE_CHARACTERS:
            raise _wrong(parameter, f"{name} is longer than {VALUE_CHARACTERS} characters")
    if parameter.form == "JSONPATH":
        _compile(parameter, parameter.value)
    # When the rule is made: an event would find the fault only later, and be retried for nothing.
    if parameter.form == "TEMPLATE":
        variables = _variables(parameter)
        for path in variables.values():
            _compile(parameter, path)
        undefined = set(_VARIABLE.findall(parameter.template)) - variables.keys()
        if undefined:
            names = ", ".join(sorted(undefined))
            raise _wrong(parameter, f"Template uses {names}, which Value does not define")


def input_for(parameter: Parameter, event: Any) -> str:
    """Return the input of a target for a parameter.

    Args:
        parameter: A parameter that passed :func:`check_parameter`.
        event: The CloudEvent, parsed.

    Returns:
        Strings as they are, other values as JSON; "" for values that the event does not have.
    """
    if parameter.form == "ORIGINAL":
        return _as_text(event)
    if parameter.form == "CONSTANT":
        return parameter.value
    if parameter.form == "JSONPATH":
        return _find(parameter, parameter.value, event)
    variables = _variables(parameter)
    values = {name: _find(parameter, path, event) for name, path in variables.items()}
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), parameter.template)


def _variables(parameter: Parameter) -> dict[str, str]:
    try:
        variables = json_input.read(parameter.value or "{}")
    except json_input.InvalidJson:
        variables = None
    if not isinstance(variables, dict):
        raise _wrong(parameter, _NEEDS_PATHS)
    if not all(isinstance(path, str) for path in variables.values()):
        raise _wrong(parameter, _NEEDS_PATHS)
    return variables


def _compile(parameter: Parameter, path: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    if not path.startswith("$"):
        raise _wrong(parameter, f"{shorten(path)} is not a JSONPath: it must begin with $")
    import jsonpath  # noqa: PLC0415 -- a fifth of the start of a runtime, which may have no target

    try:
        return jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        reason = str(error).partition("\n")[0]
        raise _wrong(parameter, f"{shorten(path)} is not a JSONPath: {reason}") from error
    except RecursionError as error:
        raise _wrong(parameter, f"{shorten(path)} is nested too deeply") from error


def _find(parameter: Parameter, path: str, event: Any) -> str:
    import jsonpath  # noqa: PLC0415 -- as above

    compiled = _compile(parameter, path)
    values = compiled.findall(event)
    # A path that can name one value only stands for the value, any other for the list.
    is_singular = isinstance(compiled, jsonpath.JSONPath) and compiled.singular_query()
    if not is_singular:
        return _as_text(values)
    return _as_text(values[0]) if values else ""


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(
        value,
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _wrong(parameter: Parameter, reason: str) -> EventBridgeError:
    return EventBridgeError("InvalidArgument", f"parameter {parameter.resource_key!r}: {reason}")
