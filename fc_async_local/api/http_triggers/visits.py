# SPDX-License-Identifier: MIT
"""Finds the HTTP trigger that a request is for, and checks the request before its function runs.

Invariants:
    In strict mode only a caller that the trigger lets in passes the checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_local.api.http_triggers import documents
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import HttpHead
from fc_async_local.functions import refusals
from fc_async_local.functions.records import TriggerRecord
from fc_async_sdk.spec import http_trigger, limits
from fc_async_sdk.spec.triggers import UnreadableTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.acs_signature import AcsSignatures
    from fc_async_local.http.messages import Request
    from fc_async_local.http.streaming import ClientStream
    from fc_async_sdk.spec.http_trigger import HttpTriggerConfig

_PARTS_OF_PATH: Final = 3
"""Number of parts in ``{function}/{trigger}/{path}``."""


class HttpTrigger(NamedTuple):
    """A trigger that can be called.

    Attributes:
        name: Of the trigger.
        prefix: The first label of its host name.
    """

    function: str
    name: str
    qualifier: str
    config: HttpTriggerConfig
    prefix: str


class Visit(NamedTuple):
    """One request to a trigger.

    Attributes:
        head: What the function gets of the request.
        by: How it came: under a ``path`` of the runtime, under the ``name`` that the service gives
            the trigger, or under that of its ``pages``.
    """

    trigger: HttpTrigger
    request: Request
    head: HttpHead
    by: Literal["path", "name", "pages"]

    @property
    def origin(self) -> str:
        """The origin of the page that sent the request, "" if a program did."""
        return self.request.headers.get("origin", "")

    def added(self, answer: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers that the service adds to the answer of a function."""
        added = documents.cors_headers(self.origin, answer)
        kinds = [value for name, value in answer if name.lower() == "content-type"]
        if self.by == "path":
            added.append(("Content-Security-Policy", documents.SANDBOX))
        if self.by == "name" and not any(kind.startswith("text/html") for kind in kinds):
            # Names of the service only; not for HTML (docs/reference/sources.md, FAQ).
            added.append(("Content-Disposition", "attachment"))
        return added


class Visits:
    """Finds and checks requests to HTTP triggers.

    Args:
        registry: Has the triggers of all functions.
        urls: Where they are found.
        signatures: Verifies requests; None: they need no signature.
    """

    def __init__(
        self, registry: FunctionRegistry, urls: TriggerUrls, signatures: AcsSignatures | None
    ) -> None:
        self._registry = registry
        self._urls = urls
        self._signatures = signatures

    def takes(self, request: Request) -> bool:
        """Return whether a request is for a trigger."""
        named = self._urls.prefix(request.headers.get("host", ""))
        return request.path.startswith(http_trigger.LOCAL_PATH) or named != ""

    async def find(self, request: Request) -> Visit:
        """Return the visit that a request is.

        Raises:
            Rejected: 404 FunctionNotFound or TriggerNotFound.
        """
        prefix = self._urls.prefix(request.headers.get("host", ""))
        target = request.target
        if prefix:
            trigger = await self._at(prefix)
            if trigger is None:
                raise Rejected(
                    404, "TriggerNotFound", f"no HTTP trigger has the host name '{prefix}…'"
                )
        else:
            path, mark, query = target.removeprefix(http_trigger.LOCAL_PATH).partition("?")
            # With two empty ones behind: a path may end after the function, or after its trigger.
            function, name, remainder = (*path.split("/", 2), "", "")[:_PARTS_OF_PATH]
            trigger = await self._named(function, name)
            target = f"/{remainder}{mark}{query}"
        head = HttpHead(
            method=request.method,
            target=target,
            headers=documents.passed_on(self._headers(request, trigger)),
        )
        return Visit(trigger, request, head, self._way(request))

    def _way(self, request: Request) -> Literal["path", "name", "pages"]:
        host = request.headers.get("host", "")
        if not self._urls.prefix(host):
            return "path"
        return "pages" if self._urls.is_for_pages(host) else "name"

    async def _named(self, function: str, name: str) -> HttpTrigger:
        """Return a trigger of a function.

        Raises:
            Rejected: 404 FunctionNotFound or TriggerNotFound.
        """
        snapshot = await self._registry.snapshot()
        usable = _usable(snapshot.owned(TriggerRecord, function, name))
        if usable is None:
            raise TriggerRecord.missing(function, name)
        return usable

    async def _at(self, prefix: str) -> HttpTrigger | None:
        """Return the trigger whose host name begins with a label, None if there is none."""
        snapshot = await self._registry.snapshot()
        key = ("http-triggers",)
        by_prefix: dict[str, HttpTrigger] | None = snapshot.derived.get(key)
        if by_prefix is None:
            usable = [_usable(record) for record in snapshot.all(TriggerRecord)]
            by_prefix = {trigger.prefix: trigger for trigger in usable if trigger is not None}
            snapshot.derived[key] = by_prefix
        return by_prefix.get(prefix)

    def _headers(self, request: Request, trigger: HttpTrigger) -> list[tuple[str, str]]:
        """Return the headers of a request, with a host name of the trigger as Host."""
        host = self._urls.authority(trigger.prefix)
        if self._way(request) == "pages":  # pages compare their Origin with it
            host = self._urls.pages(trigger.prefix)
        return [(name, host if name == "host" else v) for name, v in request.sent_headers()]

    async def check_caller(self, visit: Visit, stream: ClientStream) -> None:
        """Verify the signature of a request, if the trigger asks for one.

        Raises:
            Rejected: 400 MissingRequiredHeader; 403 AccessDenied, SignatureNotMatch and others.
        """
        kind = visit.trigger.config.auth_type
        request = visit.request
        if kind == "anonymous" or self._signatures is None:
            return
        if kind != "function":
            raise Rejected(
                403,
                "AccessDenied",
                f"authType {kind!r} cannot be verified by the local runtime: use anonymous or "
                "function, or start the runtime without --strict-auth",
            )
        if "authorization" not in request.headers:
            raise Rejected(
                400,
                "MissingRequiredHeader",
                "required HTTP header Authorization was not specified",
            )
        # The hash of the body is signed, so all of it is needed before the function is called.
        request.has_come(await stream.read())
        self._signatures.check(request)


def is_preflight(visit: Visit) -> bool:
    """Return whether a request needs no function: ``OPTIONS`` is not one of its methods."""
    headers = visit.request.headers
    methods = visit.trigger.config.methods
    asked = visit.head.method == "OPTIONS" and "OPTIONS" not in methods
    return asked and visit.origin != "" and "access-control-request-method" in headers


def check_request(visit: Visit) -> None:
    """Refuse a request with another method than those of the trigger, or over a limit.

    Raises:
        Rejected: 403 AccessDenied, 400 InvalidArgument.
    """
    head = visit.head
    methods = visit.trigger.config.methods
    if head.method not in methods:
        raise Rejected(
            403,
            "AccessDenied",
            f"access denied: method {head.method} is not allowed, only {', '.join(methods)}",
        )
    size = sum(len(name) + len(value) for name, value in visit.request.sent_headers())
    if size > limits.HTTP_HEADERS_BYTES:
        raise refusals.invalid_argument(
            f"the headers have {size} bytes, more than {limits.HTTP_HEADERS_BYTES}"
        )
    if len(head.target) > limits.HTTP_TARGET_BYTES:
        raise refusals.invalid_argument(
            f"path and query have {len(head.target)} bytes, more than {limits.HTTP_TARGET_BYTES}"
        )


def _usable(record: TriggerRecord) -> HttpTrigger | None:
    """Return a record that is an HTTP trigger, None for any other."""
    if not record.is_http:
        return None
    try:
        config = http_trigger.read_config(record.settings.get("triggerConfig"))
    except UnreadableTrigger:  # written before such triggers were refused
        return None
    prefix = http_trigger.domain_prefix(record.function, record.trigger_id)
    return HttpTrigger(record.function, record.name, record.qualifier, config, prefix)
