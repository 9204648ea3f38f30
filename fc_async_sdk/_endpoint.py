# SPDX-License-Identifier: MIT
"""Addresses that a client talks to: makes, reads and judges them.

Pure: no name is resolved here.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.spec import regions

_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")
_ACCOUNT: Final = re.compile(r"[0-9]{1,32}")
_PORTS: Final = {"http": 80, "https": 443}
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
        return urlsplit(self.url).port or _PORTS[self.scheme]

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
    text = _with_scheme(url.strip())
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
    if _has_more_than_host(parts):
        # The URL is not in the message: what stands before an @ is a password.
        raise ConfigurationError(
            f"endpoint of host {host!r} must be scheme, host and port, and nothing else"
        )
    loopback = is_loopback(host)
    is_plain = parts.scheme == "http" and not loopback
    if is_plain and not allow_plain_http:
        # A signature hides neither the payload nor the security token in a header.
        raise ConfigurationError(
            f"endpoint {url!r} would send requests unencrypted to another machine: use https, or "
            "Config(allow_plain_http=True) if you must"
        )
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        # HTTP clients leave the usual port out of the host header, and this header is signed.
        authority = f"{authority}:{port}"
    return Endpoint(parts.scheme, authority, loopback)


def _with_scheme(text: str) -> str:
    if "://" in text:
        return text
    scheme = "http" if is_loopback(_host(f"http://{text}")) else "https"
    return f"{scheme}://{text}"


def _has_more_than_host(parts: SplitResult) -> bool:
    has_path = parts.path not in {"", "/"}
    has_user = "@" in parts.netloc
    return has_path or has_user or bool(parts.query or parts.fragment)


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
    if name in {"localhost", "::1"}:
        return True
    # RFC 6761, 6.3: names below localhost are this machine's, whatever a name server says.
    return name.endswith(".localhost") or _IPV4_LOOPBACK.fullmatch(name) is not None


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise ConfigurationError(f"endpoint {url!r} is not a URL: {error}") from error
