# SPDX-License-Identifier: MIT
"""The ``context`` argument of Python handlers, as FC's built-in runtime makes it.

Attributes of all Python runtimes together: what 3.12 documents and what 3.10 and older have.
"""

from __future__ import annotations

import json
import logging
from typing import Any


class Credentials:
    """Keys of the function's role. Also readable in camelCase, as in the oldest runtime."""

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
        """As ``to_json`` shows it."""
        return {
            "accessKeyId": self.access_key_id,
            "accessKeySecret": self.access_key_secret,
            "securityToken": self.security_token,
        }


class FunctionMeta:
    """The function. Memory in MB, timeout in seconds."""

    def __init__(
        self, name: str, handler: str, memory: int, timeout: int, *, version_id: str, qualifier: str
    ) -> None:
        self.name = name
        self.handler = handler
        self.memory = memory
        self.timeout = timeout
        self.version_id = version_id
        self.qualifier = qualifier

    def to_dict(self) -> dict[str, Any]:
        """As ``to_json`` shows it."""
        return {
            "name": self.name,
            "handler": self.handler,
            "memory": self.memory,
            "timeout": self.timeout,
        }


class ServiceMeta:
    """The FC 2.0 service, empty but for qualifier and version in 3.0."""

    def __init__(self, qualifier: str, version_id: str) -> None:
        self.name = ""
        self.log_project = ""
        self.log_store = ""
        self.qualifier = qualifier
        self.version_id = version_id

    def to_dict(self) -> dict[str, Any]:
        """As ``to_json`` shows it."""
        return {
            "name": self.name,
            "logProject": self.log_project,
            "logStore": self.log_store,
            "qualifier": self.qualifier,
            "versionId": self.version_id,
        }


class Tracing:
    """Tracing is off here: nothing set."""

    def __init__(self) -> None:
        self.span_context: str | None = None
        self.span_baggages: dict[str, Any] = {}
        self.jaeger_endpoint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As ``to_json`` shows it."""
        return {
            "openTracingSpanContext": self.span_context,
            "openTracingSpanBaggages": self.span_baggages,
            "jaegerEndpoint": self.jaeger_endpoint,
        }


class Context:
    """What a handler gets as its second argument, hooks as their only one."""

    def __init__(
        self,
        request_id: str,
        credentials: Credentials,
        function: FunctionMeta,
        service: ServiceMeta,
        region: str,
        account_id: str,
        retry_count: int,
    ) -> None:
        self.request_id = request_id
        self.requestId = request_id
        self.credentials = credentials
        self.function = function
        self.service = service
        self.region = region
        self.account_id = account_id
        self.retry_count = retry_count
        self.tracing = Tracing()
        self.logger = logging.getLogger()
        self.log_project = ""
        self.log_store = ""

    @classmethod
    def build(cls, fixed: dict[str, Any], call: dict[str, Any]) -> Context:
        """From what holds for the whole instance and what belongs to one call."""
        version_id = fixed["version_id"]
        qualifier = call["qualifier"]
        return cls(
            call["request_id"],
            Credentials(*fixed["credentials"]),
            FunctionMeta(
                fixed["name"],
                fixed["handler"],
                fixed["memory"],
                fixed["timeout"],
                version_id=version_id,
                qualifier=qualifier,
            ),
            ServiceMeta(qualifier, version_id),
            fixed["region"],
            fixed["account_id"],
            call["retry_count"],
        )

    def getLogger(self) -> logging.Logger:  # noqa: N802 -- the service's name
        """The logger, as a call."""
        return self.logger

    def to_json(self) -> str:
        """Everything as a JSON document."""
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
