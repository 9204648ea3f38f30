# SPDX-License-Identifier: MIT
"""The ``context`` argument of Python handlers, as in FC's built-in runtime.

Its attributes are those of the function's runtime, which the runtime's side names.
"""

from __future__ import annotations

import json
import logging
from typing import Any


class Credentials:
    """Keys of the function's role; also in camelCase, as in the oldest runtime."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str) -> None:
        self.access_key_id = self.accessKeyId = access_key_id
        self.access_key_secret = self.accessKeySecret = access_key_secret
        self.security_token = self.securityToken = security_token

    def to_dict(self) -> dict[str, Any]:
        """Return the part of ``to_json``."""
        return {
            "accessKeyId": self.access_key_id,
            "accessKeySecret": self.access_key_secret,
            "securityToken": self.security_token,
        }


class FunctionMeta:
    """The function. Memory in MB, timeout in seconds.

    Attributes:
        name, handler, memory, timeout: In all runtimes.
        version_id, qualifier: Since 3.12.
    """

    name: str
    handler: str
    memory: int
    timeout: int
    version_id: str
    qualifier: str

    def __init__(self, fixed: dict[str, Any], qualifier: str) -> None:
        values = {**fixed, "qualifier": qualifier}
        for name in fixed["function_fields"]:
            setattr(self, name, values[name])

    def to_dict(self) -> dict[str, Any]:
        """Return the part of ``to_json``."""
        return {
            "name": self.name,
            "handler": self.handler,
            "memory": self.memory,
            "timeout": self.timeout,
        }


class ServiceMeta:
    """The service of FC 2.0; in 3.0 it has a qualifier and a version only."""

    def __init__(self, qualifier: str, version_id: str) -> None:
        self.name = ""
        self.log_project = ""
        self.log_store = ""
        self.qualifier = qualifier
        self.version_id = version_id

    def to_dict(self) -> dict[str, Any]:
        """Return the part of ``to_json``."""
        return {
            "name": self.name,
            "logProject": self.log_project,
            "logStore": self.log_store,
            "qualifier": self.qualifier,
            "versionId": self.version_id,
        }


class Tracing:
    """Tracing, which is off."""

    def __init__(self) -> None:
        self.span_context: str | None = None
        self.span_baggages: dict[str, Any] = {}
        self.jaeger_endpoint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the part of ``to_json``."""
        return {
            "openTracingSpanContext": self.span_context,
            "openTracingSpanBaggages": self.span_baggages,
            "jaegerEndpoint": self.jaeger_endpoint,
        }


class Context:
    """The second argument of a handler and the only one of a hook.

    Args:
        fixed: The part that is the same for all calls of the instance; with ``context_fields`` and
            ``function_fields``, the names of the attributes.
        call: The part that belongs to one call.
    """

    request_id: str
    function: FunctionMeta
    region: str
    account_id: str
    logger: logging.Logger
    log_project: str
    log_store: str

    def __init__(self, fixed: dict[str, Any], call: dict[str, Any]) -> None:
        values = self._values(fixed, call)
        for name in fixed["context_fields"]:
            setattr(self, name, values[name])

    def _values(self, fixed: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        return {
            "request_id": call["request_id"],
            "function": FunctionMeta(fixed, call["qualifier"]),
            "region": fixed["region"],
            "account_id": fixed["account_id"],
            "logger": logging.getLogger(),
            "log_project": "",
            "log_store": "",
        }

    def getLogger(self) -> logging.Logger:  # noqa: N802 -- the service's name
        """Return the logger."""
        return self.logger


class OldContext(Context):
    """The context of the runtimes before 3.12."""

    requestId: str  # noqa: N815 -- the service's name
    credentials: Credentials
    service: ServiceMeta
    retry_count: int
    tracing: Tracing

    def _values(self, fixed: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        return {
            **super()._values(fixed, call),
            "requestId": call["request_id"],
            "credentials": Credentials(*fixed["credentials"]),
            "service": ServiceMeta(call["qualifier"], fixed["version_id"]),
            "retry_count": call["retry_count"],
            "tracing": Tracing(),
        }

    def to_json(self) -> str:
        """Return the context as a JSON document."""
        return json.dumps(
            {
                "requestId": self.request_id,
                "credentials": self.credentials.to_dict(),
                "function": self.function.to_dict(),
                "service": self.service.to_dict(),
                "region": self.region,
                "accountId": self.account_id,
                "retryCount": self.retry_count,
                "tracing": self.tracing.to_dict(),
            }
        )


def make_context(fixed: dict[str, Any], call: dict[str, Any]) -> Context:
    """Return the context of a call; the arguments are those of :class:`Context`."""
    return (OldContext if "credentials" in fixed["context_fields"] else Context)(fixed, call)
