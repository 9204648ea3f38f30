# SPDX-License-Identifier: MIT
"""Requests of clients of FC 2.0: the calls and the stateful invocations, as those of FC 3.0.

FC 2.0 names a function by a service and its own name. FC 3.0 has one name for both:
``service$function``, as ``s cli fc3 s2tos3`` writes it. A function that is deployed under its own
name alone is found as well, if there is none with both.

Invariants:
    Every other operation of these versions is refused with 400, also if FC 3.0 has one like it.
    (That of :mod:`fc_async_local.api.uploads` is one of FC 3.0's tools too, and comes first.)
    An error has the members that clients of both generations read.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

import msgspec

from fc_async_local.api.operation import fields_of, refuse_unknown
from fc_async_local.api.tasks import ListTasks
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.services import signature
from fc_async_sdk.spec import limits, request_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fc_async_local.api.invoke import InvokeFunction
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.acs_signature import AcsSignatures
    from fc_async_local.http.messages import Answer, Request

VERSIONS: Final = ("/2016-08-15/", "/2021-04-06/")
"""The beginnings of the paths: of the SDKs ``fc2`` and ``fc-open``."""

_PATH: Final = re.compile(
    r"/(?:2016-08-15|2021-04-06)/services/(?P<service>[^/.]+)(?:\.(?P<qualifier>[^/]+))?"
    r"/functions/(?P<function>[^/]+)/(?P<kind>invocations|stateful-async-invocations)"
    r"(?:/(?P<id>[^/]+))?"
)
_MEMBERS: Final = {
    "taskId": "invocationId",
    "taskPayload": "invocationPayload",
    "taskPayloadEncoding": "invocationPayloadEncoding",
    "taskErrorMessage": "invocationErrorMessage",
}
"""Members of a task by their names in FC 3.0."""

_PARAMETERS: Final = {
    "invocationidprefix": "prefix",
    **{name.lower(): name for name in fields_of(ListTasks)},
}
"""Parameters of the query, of which only lower-case names are known here, in FC 3.0."""


class _Named(NamedTuple):
    """The names in a path.

    Attributes:
        service: The service.
        function: The function in it.
        name: The function in FC 3.0.
        qualifier: "" if there is none.
        invocation_id: "" if there is none.
    """

    service: str
    function: str
    name: str
    qualifier: str
    invocation_id: str


class Fc2:
    """The operations of FC 2.0 that are served.

    Args:
        invoke: Calls functions.
        registry: Has the names of functions.
        access_keys: Access key id to secret, for signatures of ``fc2``.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        invoke: InvokeFunction,
        registry: FunctionRegistry,
        access_keys: Mapping[str, str],
        now: Callable[[], float],
    ) -> None:
        self._invoke = invoke
        self._registry = registry
        self._access_keys = access_keys
        self._now = now

    def check(self, request: Request, signatures: AcsSignatures) -> None:
        """Verify the signature of a request.

        Args:
            request: Signed by ``fc2`` in its own way, or by ``fc-open`` as requests of FC 3.0.
            signatures: Verifies the second kind.

        Raises:
            Rejected: 400 MissingRequiredHeader, 403 SignatureNotMatch or InvalidAccessKeyID.
        """
        if not request.headers.get("authorization", "").startswith(f"{signature.FC.name} "):
            signatures.check(request)
            return
        now = int(self._now() * 1_000)
        try:
            signature.verify(signature.FC, request, self._access_keys, now=now)
        except signature.Unsigned as error:
            if error.code == "InvalidAccessKeyId":
                raise Rejected(403, "InvalidAccessKeyID", error.message) from None
            # Not the text that was signed, which may have a security token in it.
            shown = "the signature is not that of the request: check the access key secret"
            message = shown if error.code == "SignatureDoesNotMatch" else error.message
            raise Rejected(403, "SignatureNotMatch", message) from None

    async def answer(
        self, request: Request, route: Callable[[Request], Awaitable[Answer]]
    ) -> Answer:
        """Answer a request.

        Args:
            request: Its path begins with one of :data:`VERSIONS`.
            route: Answers a request of FC 3.0.

        Raises:
            Rejected: The request is refused.
        """
        match = _PATH.fullmatch(request.scope["path"])
        operation = (request.method, match["kind"], bool(match["id"])) if match else None
        if match is None or operation not in {
            ("POST", "invocations", False),
            ("GET", "stateful-async-invocations", False),
            ("GET", "stateful-async-invocations", True),
            ("PUT", "stateful-async-invocations", True),
        }:
            raise _not_served(request)
        service = match["service"]
        function = match["function"]
        query = request.parameters()
        qualifier = query.pop("qualifier", "")
        named = _Named(
            service,
            function,
            await self._name(service, function),
            match["qualifier"] or qualifier,
            match["id"] or "",
        )
        if match["kind"] == "invocations":
            refuse_unknown(query, ())
            return await self._call(request, named)
        return await _task(request, named, query, route)

    async def _name(self, service: str, function: str) -> str:
        # As s cli fc3 s2tos3 names the functions of a service; a function that was made anew for
        # FC 3.0 has its own name.
        both = f"{service}${function}"
        for name in (both, function):
            with suppress(Rejected):
                await self._registry.functions.get(name)
                return name
        return both

    async def _call(self, request: Request, named: _Named) -> Answer:
        headers = request.headers
        if request_headers.STATEFUL_ID in headers:
            request.add_header(request_headers.TASK_ID, headers[request_headers.STATEFUL_ID])
        invocation = InvokeRequest(
            named.name,
            b"",
            named.qualifier or limits.DEFAULT_QUALIFIER,
            task_mode=headers.get(request_headers.STATEFUL, "").lower() == "true",
        )
        answer = await self._invoke.call(request, invocation)
        ids = [
            (request_headers.STATEFUL_ID, value)
            for name, value in answer.headers
            if name == request_headers.TASK_ID
        ]
        return answer._replace(headers=(*answer.headers, *ids))


async def _task(
    request: Request,
    named: _Named,
    query: dict[str, str],
    route: Callable[[Request], Awaitable[Answer]],
) -> Answer:
    """Answer an operation on stateful invocations by the one of FC 3.0 on tasks."""
    path = f"/{limits.API_VERSION}/functions/{quote(named.name, safe='')}/async-tasks"
    if named.invocation_id:
        path += f"/{quote(named.invocation_id, safe='')}"
        path += "/stop" if request.method == "PUT" else ""
    asked = {_PARAMETERS.get(name, name): value for name, value in query.items()}
    if named.qualifier:
        asked["qualifier"] = named.qualifier
    scope = {
        **request.scope,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": urlencode(asked).encode(),
    }
    answer = await route(msgspec.structs.replace(request, scope=scope))
    if not answer.body:
        return answer
    task = msgspec.json.decode(answer.body)
    if named.invocation_id:
        task = _invocation(task, named)
    else:
        task["invocations"] = [_invocation(task, named) for task in task.pop("tasks")]
    return answer._replace(body=msgspec.json.encode(task))


def _invocation(task: dict[str, Any], named: _Named) -> dict[str, Any]:
    members = {_MEMBERS.get(name, name): value for name, value in task.items()}
    # FC 2.0 names a function by two names, and its clients know no other member.
    del members["functionArn"]
    return {
        **members,
        "serviceName": named.service,
        "functionName": named.function,
    }


def _not_served(request: Request) -> Rejected:
    return Rejected(
        400,
        "PathNotSupported",
        f"'{request.path}' against '{request.method}' is not supported: of FC 2.0 this runtime has "
        "invocations and stateful-async-invocations of functions, nothing else. Convert a template "
        "with `s cli fc3 s2tos3`, and call operations of FC 3.0 with its SDK",
    )
