# SPDX-License-Identifier: MIT
"""Makes clients from settings that several clients share.

Settings are looked for in the arguments, then in the session, then in the environment:
``FC_ASYNC_ENDPOINT``, ``FC_ASYNC_REGION``, ``FC_ASYNC_ACCOUNT_ID``, and inside a function
``FC_REGION`` and ``FC_ACCOUNT_ID``. Keys are looked for as :mod:`fc_async_sdk.credentials` says.
"""

from __future__ import annotations

import difflib
import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

from fc_async_sdk import _endpoint
from fc_async_sdk import credentials as _credentials
from fc_async_sdk.config import REGION_VARIABLES, Config
from fc_async_sdk.errors import ConfigurationError, CredentialsError, shorten
from fc_async_sdk.spec import regions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from fc_async_sdk._async_client import AsyncClient
    from fc_async_sdk._client import Client
    from fc_async_sdk._client_base import BaseClient
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.credentials import Provider

C = TypeVar("C", bound="BaseClient")

_log = logging.getLogger("fc_async_sdk")
_ACCOUNT_VARIABLES = ("FC_ASYNC_ACCOUNT_ID", "FC_ACCOUNT_ID")


class ClientOptions(TypedDict, total=False):
    """Options of :meth:`Session.client` and :meth:`Session.async_client`; None is not given.

    Attributes:
        region_name: Such as ``cn-hangzhou``.
        account_id: The account's id, digits.
        endpoint_url: URL of an endpoint instead of the service's public one.
        config: Timeouts, retries and connections.
    """

    region_name: str | None
    account_id: str | None
    endpoint_url: str | None
    config: Config | None


class SessionOptions(ClientOptions, total=False):
    """Options of :class:`Session`, :func:`client`, :func:`async_client`; None is not given.

    Attributes:
        access_key_id: Access key; with it ``access_key_secret`` is needed.
        access_key_secret: Its secret.
        security_token: Token of temporary (STS) credentials.
        access: An alias of ``s``, as with ``s -a``: its key is used and nothing else is asked.
        credentials: A provider that is asked before every request, instead of a key.
        environ: The environment instead of ``os.environ``.
    """

    access_key_id: str | None
    access_key_secret: str | None
    security_token: str | None
    access: str | None
    credentials: Provider | None
    environ: Mapping[str, str] | None


class Session:
    """Settings that several clients share.

    Args:
        **options: See :class:`SessionOptions`, which has the names of :class:`ClientOptions`, too.

    Raises:
        CredentialsError: A key lacks one of its parts.
        TypeError: There is no such option.
    """

    def __init__(self, **options: Unpack[SessionOptions]) -> None:
        _check_names(options, SessionOptions)
        environ = options.get("environ")
        self._environ = os.environ if environ is None else environ
        self._region = options.get("region_name")
        self._account = options.get("account_id")
        self._url = options.get("endpoint_url")
        self._access = options.get("access")
        self._config = options.get("config") or Config()
        self._provider = options.get("credentials") or _given(
            options.get("access_key_id"),
            options.get("access_key_secret"),
            options.get("security_token"),
        )

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """Make a client; what is not given is the session's.

        Args:
            **options: See :class:`ClientOptions`.

        Raises:
            ConfigurationError: Region, account or endpoint is missing or wrong.
            CredentialsError: There is no such alias of ``s``. A client without credentials can be
                made: its first request raises this error.
            TypeError: There is no such option.
        """
        from fc_async_sdk._client import Client  # noqa: PLC0415 -- requests loads with the first

        return self._make(Client, options)

    def async_client(self, **options: Unpack[ClientOptions]) -> AsyncClient:
        """Make an asyncio client; what is not given is the session's.

        Args:
            **options: See :class:`ClientOptions`.

        Raises:
            ConfigurationError: Region, account or endpoint is missing or wrong, or aiohttp is not
                installed.
            CredentialsError: As :meth:`client`.
            TypeError: There is no such option.
        """
        from fc_async_sdk._async_client import AsyncClient  # noqa: PLC0415 -- loads with the first

        return self._make(AsyncClient, options)

    def _make(self, kind: type[C], options: ClientOptions) -> C:
        _check_names(options, ClientOptions)
        chosen: object = options.get("config") or self._config
        if not isinstance(chosen, Config):
            raise ConfigurationError(f"config={shorten(chosen)}: must be a Config")
        region = options.get("region_name") or self._region or self._lookup(*REGION_VARIABLES)
        account = options.get("account_id") or self._account
        url = options.get("endpoint_url") or self._url or self._lookup("FC_ASYNC_ENDPOINT")
        if not url and not region:
            raise ConfigurationError(
                "no region: give region_name or endpoint_url, or set FC_ASYNC_REGION or "
                "FC_ASYNC_ENDPOINT"
            )
        endpoint = None
        if url:
            endpoint = _endpoint.parse(url, allow_plain_http=chosen.allow_plain_http)
        provider = self._credentials_for(endpoint)
        account = account or self._account_of(provider)
        if endpoint is None:
            endpoint = _endpoint.default(region, account)
            # Not of an endpoint that was named: its region is only a name then.
            _tell_doubt(region)
        return kind(endpoint, provider, chosen, region_name=region, account_id=account)

    def _account_of(self, provider: Provider) -> str:
        """Return the account of keys; a variable outranks it, unless the alias was chosen."""
        account: str = getattr(provider, "account_id", "")
        # The alias was typed, the variable is left from elsewhere: the functions of the one account
        # would be asked for with the keys of the other.
        if self._access and account:
            return account
        return self._lookup(*_ACCOUNT_VARIABLES) or account

    def _lookup(self, *names: str) -> str:
        return next((self._environ[name] for name in names if self._environ.get(name)), "")

    def _credentials_for(self, endpoint: Endpoint | None) -> Provider:
        """Return the provider; an endpoint on this machine needs no chain."""
        if self._provider is not None:
            # The credentials of a context look like a provider and are none.
            if not callable(self._provider):
                raise CredentialsError(
                    "credentials must be a provider, which is called before each request: give "
                    "fc_async_sdk.credentials.from_context(context) in a function, "
                    "credentials.Static(...), or access_key_id and access_key_secret"
                )
            return self._provider
        # Keys of an account are not sent to a program of this machine unless an alias is named.
        if endpoint is not None and endpoint.loopback and not self._access:
            from fc_async_sdk import _runtimes  # noqa: PLC0415 -- only for this machine

            return _credentials.Static(_runtimes.credentials(endpoint, self._environ))
        from fc_async_sdk import _credential_chain  # noqa: PLC0415 -- not needed with given keys

        home = Path(self._environ.get("HOME") or Path.home())
        return _credential_chain.find(self._environ, home=home, access=self._access)

    def __repr__(self) -> str:
        return f"<Session region={self._region!r} account={self._account!r}>"


def client(**options: Unpack[SessionOptions]) -> Client:
    """Make a client.

    Args:
        **options: See :class:`SessionOptions`.

    Raises:
        ConfigurationError: Region, account or endpoint is missing or wrong.
        CredentialsError: A key lacks one of its parts, or there is no such alias of ``s``. A client
            without credentials can be made: its first request raises this error.
        TypeError: There is no such option.
    """
    return Session(**options).client()


def async_client(**options: Unpack[SessionOptions]) -> AsyncClient:
    """Make an asyncio client.

    Args:
        **options: See :class:`SessionOptions`.

    Raises:
        ConfigurationError: As :func:`client`, or aiohttp is not installed.
        CredentialsError: As :func:`client`.
        TypeError: There is no such option.
    """
    return Session(**options).async_client()


def set_stream_logger(
    name: str = "fc_async_sdk", level: int = logging.DEBUG, format_string: str | None = None
) -> None:
    """Write the log of requests, answers and retries to stderr, as boto3's function of this name.

    Args:
        name: Logger; that of the SDK.
        level: Lowest level that is written.
        format_string: Format of a line; None: time, name, level and message.
    """
    handler = logging.StreamHandler()
    handler.setLevel(level)
    line = format_string or "%(asctime)s %(name)s [%(levelname)s] %(message)s"
    handler.setFormatter(logging.Formatter(line))
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.addHandler(handler)


def _check_names(options: Mapping[str, object], kind: type) -> None:
    """Raise TypeError for an option that does not exist, as for a misspelled argument."""
    names = kind.__annotations__
    for name in options:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
            raise TypeError(f"unexpected keyword argument {name!r}: {hint}")


@functools.cache
def _tell_doubt(region: str) -> None:
    """Warn once of a region that may be mistyped: lists of regions are never complete."""
    doubt = regions.doubt(region)
    if doubt:
        _log.warning("%s", doubt)


def _given(key: str | None, secret: str | None, token: str | None) -> Provider | None:
    if not key and not secret and not token:
        return None
    if not key or not secret:
        missing = "access_key_id" if not key else "access_key_secret"
        raise CredentialsError(f"{missing} is missing: a key needs its id and its secret")
    return _credentials.Static(
        _credentials.Credentials(
            access_key_id=key,
            access_key_secret=secret,
            security_token=token or "",
        )
    )
