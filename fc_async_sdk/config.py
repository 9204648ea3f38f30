# SPDX-License-Identifier: MIT
"""Settings of a client: timeouts, pool, retries, proxies, TLS.

Data only. Who the client is and where it talks to is :mod:`fc_async_sdk.session`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, Literal

import msgspec

from fc_async_sdk.errors import ConfigurationError, shorten
from fc_async_sdk.hooks import Hooks
from fc_async_sdk.spec import limits

REGION_VARIABLES: Final = ("FC_ASYNC_REGION", "FC_REGION")
"""Environment variables that name the region, in this order; a function has the second."""


_TYPES: Final[tuple[tuple[str, tuple[type, ...], str], ...]] = (
    ("proxies", (Mapping, NoneType), "a mapping of schemes to URLs, or None"),
    ("verify", (bool, str), "True, False, or the path of a CA bundle"),
    ("cert", (str, tuple, NoneType), "a path, a pair of paths, or None"),
    ("events", (Hooks, NoneType), "Hooks or None"),
)
"""Settings that have one of some types; the others have ranges."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a client. Times are seconds, more than 0.

    Attributes:
        connect_timeout: To reach the endpoint.
        read_timeout: Between two pieces of an answer. A synchronous ``invoke`` waits this long
            for the function: raise it, or give ``invoke`` a ``timeout``.
        total_timeout: For a whole call, its retries and waits included; None means no limit.
        max_pool_connections: Connections kept open, 1 or more; more are opened when needed and
            closed after.
        max_attempts: How often one call may be sent, the first time included, 1 or more; 1 means
            no retry. Only what is safe to repeat is repeated.
        retry_mode: ``standard``, or ``adaptive``: a client that was throttled also sends fewer
            requests a second than before, and then gradually more.
        retry_base: The first wait before a retry is random below this; it doubles. 0: no waits.
        retry_cap: The longest wait. A service that asks for more gets its error raised.
        proxies: ``{"https": "http://proxy:3128"}`` as with requests; None takes the environment's
            when ``trust_env``. A loopback endpoint is never proxied through the environment's.
        trust_env: Read proxies and CA bundle from the environment, as requests does.
        verify: True, False, or the path of a CA bundle.
        cert: Client certificate: one file, or certificate and key.
        allow_plain_http: Send to http:// endpoints that are not on this machine. Requests are
            signed but not secret.
        max_response_bytes: Longest answer that is read, in bytes, 1 or more.
        max_async_payload_bytes: Largest payload of an asynchronous invocation: 131,072 (128 KB,
            quota), up to 262,144 where the account was granted more.
        user_agent_extra: Appended to the user agent; printable ASCII.
        events: Hooks around requests, shared by all clients of this configuration; None: each
            client has its own, ``client.meta.events``.

    Raises:
        ConfigurationError: A setting is out of its range or of another type.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    max_pool_connections: int = 64
    max_attempts: int = 3
    retry_mode: Literal["standard", "adaptive"] = "standard"
    retry_base: float = 0.2
    retry_cap: float = 20.0
    proxies: Mapping[str, str] | None = None
    trust_env: bool = True
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    allow_plain_http: bool = False
    max_response_bytes: int = 64 * 1024 * 1024
    max_async_payload_bytes: int = limits.ASYNC_PAYLOAD_BYTES
    user_agent_extra: str = ""
    events: Hooks | None = None

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "read_timeout", "retry_cap"):
            _positive(name, getattr(self, name))
        if self.total_timeout is not None:
            _positive("total_timeout", self.total_timeout)
        if self.retry_base != 0:
            _positive("retry_base", self.retry_base)
        for name in ("max_pool_connections", "max_attempts", "max_response_bytes"):
            value = getattr(self, name)
            # Not isinstance: True would be one connection.
            if type(value) is not int or value < 1:
                raise ConfigurationError(f"{name}={value!r}: must be a whole number, 1 or more")
        if self.retry_mode not in ("standard", "adaptive"):
            raise ConfigurationError(
                f"retry_mode={self.retry_mode!r}: must be 'standard' or 'adaptive'"
            )
        most = limits.ASYNC_PAYLOAD_GRANTED_BYTES
        size = self.max_async_payload_bytes
        if type(size) is not int or not 1 <= size <= most:
            raise ConfigurationError(
                f"max_async_payload_bytes={size!r}: must be a whole number from 1 to {most}"
            )
        extra: object = self.user_agent_extra
        if not isinstance(extra, str) or not extra.isascii() or not extra.isprintable():
            raise ConfigurationError(f"user_agent_extra={shorten(extra)}: must be printable ASCII")
        _check_types(self)

    def replace(self, **changes: Any) -> Config:
        """Return a copy with some settings changed.

        Raises:
            ConfigurationError: A setting is out of its range or of another type.
        """
        return msgspec.structs.replace(self, **changes)

    def __repr__(self) -> str:
        """Show the settings that differ from the defaults; proxies may hold passwords."""
        default = Config()
        shown = [
            f"{name}=…" if name == "proxies" else f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
            if getattr(self, name) != getattr(default, name)
        ]
        return f"Config({', '.join(shown)})"


def _check_types(config: Config) -> None:
    for name, kinds, expected in _TYPES:
        value = getattr(config, name)
        if not isinstance(value, kinds):
            # Proxies may hold passwords: the value is not shown.
            raise ConfigurationError(f"{name}: must be {expected}, got {type(value).__name__}")


def _positive(name: str, value: object) -> None:
    if not limits.is_wait(value):
        raise ConfigurationError(f"{name}={value!r}: must be {limits.WAIT_EXPECTED}")
