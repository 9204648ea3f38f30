# SPDX-License-Identifier: MIT
"""The ``context`` argument of Python handlers, as in FC's built-in runtime.

It has the attributes of all Python runtimes: those that 3.12 documents and those of 3.10 and older.
"""

from __future__ import annotations

import json
import logging
from typing import Any


class Credentials:
    """Keys of the function's role; also in camelCase, as in the oldest runtime."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str) -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token

    @property
    def accessKeyId(self) -> str:  # noqa: N802 -- the service's name
        """Same as :attr:`access_key_id`."""
        return self.access_key_id

    @property
    def accessKeySecret(self) -> str:  # noqa: N802 -- the service's name
        """Same as :attr:`access_key_secret`."""
        return self.access_key_secret

    @property
    def securityToken(self) -> str:  # noqa: N802 -- the service's name
        """Same as :attr:`security_token`."""
        return self.security_token

    def to_dict(self) -> dict[str, Any]:
        """Return the part of ``to_json``."""
        return {
            "accessKeyId": self.access_key_id,
            "accessKeySecret": self.access_key_secret,
            "securityToken": self.security_token,
        }


class FunctionMeta:
    """The function. Memory in MB, timeout in seconds."""

    def __init__(self, fixed: dict[str, Any], qualifier: str) -> None:
        self.name: str = fixed["name"]
        self.handler: str = fixed["handler"]
        self.memory: int = fixed["memory"]
        self.timeout: int = fixed["timeout"]
        self.version_id: str = fixed["version_id"]
        self.qualifier = qualifier

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
        fixed: The part that is the same for all calls of the instance.
        call: The part that belongs to one call.
    """

    def __init__(self, fixed: dict[str, Any], call: dict[str, Any]) -> None:
        qualifier: str = call["qualifier"]
        self.request_id: str = call["request_id"]
        self.requestId = self.request_id
        self.credentials = Credentials(*fixed["credentials"])
        self.function = FunctionMeta(fixed, qualifier)
        self.service = ServiceMeta(qualifier, fixed["version_id"])
        self.region: str = fixed["region"]
        self.account_id: str = fixed["account_id"]
        self.retry_count: int = call["retry_count"]
        self.tracing = Tracing()
        self.logger = logging.getLogger()
        self.log_project = ""
        self.log_store = ""

    def getLogger(self) -> logging.Logger:  # noqa: N802 -- the service's name
        """Return the logger."""
        return self.logger

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
