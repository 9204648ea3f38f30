# SPDX-License-Identifier: MIT
"""Addresses that a client talks to: makes, reads and judges them.

Pure: no name is resolved here.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.spec import regions

_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")
_ACCOUNT: Final = re.compile(r"[0-9]{1,32}")
_IPV4_LOOPBACK: Final = re.compile(r"127(?:\.[0-9]{1,3}){3}")


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint.

    Attributes:
        scheme: ``http`` or ``https``.
        authority: Host and, if not the scheme's own, port: the ``host`` header.
        loopback: Whether it is this machine.
    """

    scheme: str
    authority: str
    loopback: bool

    @property
    def host(self) -> str:
        """The host alone, without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, the scheme's own if none is named."""
        return urlsplit(self.url).port or {"http": 80, "https": 443}[self.scheme]

    @property
    def url(self) -> str:
        """Scheme and authority, without a slash at the end."""
        return f"{self.scheme}://{self.authority}"


def parse(url: str, *, allow_plain_http: bool = False) -> Endpoint:
    """Read an endpoint's URL. Without a scheme it is https, on this machine http.

    Raises:
        ConfigurationError: It is not an http(s) address, has a path, or is plain http on another
            machine and that was not asked for.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"endpoint {url!r} must be a string such as https://host")
    text = url.strip()
    if "://" not in text:
        local = is_loopback(_host(f"http://{text}"))
        text = f"{'http' if local else 'https'}://{text}"
    host = _host(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"endpoint {url!r} is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(
            f"endpoint {url!r} must look like https://host or http://host:port"
        )
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            f"endpoint of host {host!r} must be scheme, host and port, and nothing else"
        )
    loopback = is_loopback(host)
    if parts.scheme == "http" and not loopback and not allow_plain_http:
        raise ConfigurationError(
            f"endpoint {url!r} would send requests unencrypted to another machine: use https, or "
            "Config(allow_plain_http=True) if you must"
        )
    shown = f"[{host}]" if ":" in host else host
    usual = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return Endpoint(parts.scheme, shown if usual else f"{shown}:{port}", loopback)


def default(region: str, account_id: str = "") -> Endpoint:
    """Return the public endpoint of an account, or of its region if the account is not known.

    Raises:
        ConfigurationError: Region or account can't be part of a host name.
    """
    if not _matches(_REGION, region):
        raise ConfigurationError(f"region {region!r} is not a region id such as cn-hangzhou")
    if account_id:
        if not _matches(_ACCOUNT, account_id):
            raise ConfigurationError(f"account id {account_id!r} must be a string of digits")
        host = f"{account_id}.{region}.fc.aliyuncs.com"
    elif region in regions.UNSCOPED:
        host = f"{region}.fc.aliyuncs.com"
    else:
        host = f"fcv3.{region}.aliyuncs.com"
    return Endpoint("https", host, loopback=False)


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address is always this machine."""
    name = host.lower().rstrip(".")
    return (
        name in {"localhost", "::1"}
        or name.endswith(".localhost")
        or _IPV4_LOOPBACK.fullmatch(name) is not None
    )


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise ConfigurationError(f"endpoint {url!r} is not a URL: {error}") from error
