# SPDX-License-Identifier: MIT
"""Credentials, and the chain in which they are looked up.

In order: the arguments of the client; what ``s`` (Serverless Devs) would use, its environment
variables included; ``ALIBABA_CLOUD_*``; the chain of ``alibabacloud_credentials`` if that is
installed. Against an endpoint on this machine none of it runs: there any key is taken, so made-up
ones are used and no real key leaves its place. No secret appears in a repr, a log or an error.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from fc_async_sdk.errors import CredentialsError, NoCredentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("fc_async_sdk")


_ENVIRONMENT: Final = "environment variables ALIBABA_CLOUD_*"
_VARIABLES: Final = {
    "access_key_id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "access_key_secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "security_token": "ALIBABA_CLOUD_SECURITY_TOKEN",
}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """An access key, temporary if there is a token.

    Attributes:
        access_key_id: The key's id.
        access_key_secret: The key's secret.
        security_token: Token of temporary (STS) credentials, "" if none.
        account_id: The account, "" if the source doesn't say.
        expires_at: Seconds since the epoch, or None when they don't expire.
        source: Where they came from, for messages.

    Raises:
        CredentialsError: The id or the secret is empty, or a part is not printable ASCII.
    """

    access_key_id: str
    access_key_secret: str
    security_token: str = ""
    account_id: str = ""
    expires_at: float | None = None
    source: str = "arguments"

    def __post_init__(self) -> None:
        for name in ("access_key_id", "access_key_secret", "security_token"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.isascii() or not value.isprintable():
                label = f"{name} from {self.source}"
                if self.source == _ENVIRONMENT:
                    label = _VARIABLES[name]
                raise CredentialsError(f"{label} is not printable ASCII")
        if not self.access_key_id or not self.access_key_secret:
            raise CredentialsError(
                f"credentials from {self.source} are incomplete: both access_key_id and "
                "access_key_secret are needed"
            )

    def __repr__(self) -> str:
        """Show the source of the credentials, and no secret."""
        kind = "temporary " if self.security_token else ""
        return f"<{kind}Credentials {self.access_key_id[:4]}… from {self.source}>"


class Provider(Protocol):
    """Gives credentials that are valid now. Called for every request, from any thread.

    One that may have to wait for a network has an attribute ``fresh`` that is False then: the
    asyncio client calls it in a thread in that case.
    """

    def __call__(self) -> Credentials:
        """Return the credentials.

        Raises:
            CredentialsError: There are none.
        """
        ...


LOCAL: Final = Credentials(
    access_key_id="local",
    access_key_secret="local",  # noqa: S106 -- made up: opens nothing
    source="the local endpoint",
)
"""Credentials for an endpoint on this machine."""


def hint_of_key(access_key_id: str) -> str:
    """Return what to add if a server does not know a key id; "" unless it is that of :data:`LOCAL`.

    A user who has keys in the environment expects that they are used; on this machine they are not.
    """
    if access_key_id != LOCAL.access_key_id:
        return ""
    return (
        ", which fc-async sends to this machine; keys of the environment were not used. Name keys: "
        "--endpoint URL -a ALIAS for a command; access, or access_key_id and access_key_secret, in "
        "a program"
    )


class Static:
    """A provider of the same credentials for ever."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self) -> Credentials:
        """Return the credentials."""
        return self._credentials

    @property
    def account_id(self) -> str:
        """The account they belong to, "" if that isn't known."""
        return self._credentials.account_id

    def __repr__(self) -> str:
        return f"Static({self._credentials!r})"


class Missing:
    """The provider of a client without credentials: the first request says what is missing.

    Until then the client works, for example with a stub in place of the service.

    Args:
        reason: What was looked for, and what to do.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __call__(self) -> Credentials:
        """Raise the error, before anything is sent.

        Raises:
            NoCredentials: Always.
        """
        raise NoCredentials(self._reason)

    def __repr__(self) -> str:
        return "Missing()"


def from_environment(environ: Mapping[str, str]) -> Credentials | None:
    """Read ``ALIBABA_CLOUD_ACCESS_KEY_ID``, ``_SECRET`` and ``ALIBABA_CLOUD_SECURITY_TOKEN``."""
    key = environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    secret = environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    if not key or not secret:
        return None
    return Credentials(
        access_key_id=key,
        access_key_secret=secret,
        security_token=environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        source=_ENVIRONMENT,
    )


def from_context(context: Any) -> Static:
    """Return the keys of the role that a function runs under, from its handler's ``context``.

    They are valid for this invocation: make a client with them per invocation, or only while the
    function runs.

    Args:
        context: What the runtime passed to the handler.

    Raises:
        CredentialsError: The context has none: the function has no role, or its runtime puts them
            into the environment instead, where the chain finds them.
    """
    keys = getattr(context, "credentials", None)
    key = getattr(keys, "access_key_id", None)
    secret = getattr(keys, "access_key_secret", None)
    if not key or not secret:
        raise CredentialsError("the function's context has no credentials: give it a role")
    return Static(
        Credentials(
            access_key_id=key,
            access_key_secret=secret,
            security_token=getattr(keys, "security_token", None) or "",
            account_id=getattr(context, "account_id", None) or "",
            source="the function's context",
        )
    )


_FAILURE_SECONDS: Final = 5.0
"""Seconds in which a failure is repeated: many threads ask at once, and the source is slow."""


class Refreshing:
    """A provider of temporary credentials: fetches them, keeps them, fetches anew in time.

    Thread-safe; one thread fetches while the others go on with what is still valid. When fetching
    fails, what is still valid is used on.

    Args:
        fetch: Gets credentials, with ``expires_at`` set if they expire.
        margin: Seconds before they expire at which they are fetched anew.
        now: The clock.
    """

    def __init__(
        self,
        fetch: Callable[[], Credentials],
        *,
        margin: float = 300.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._margin = margin
        self._now = now
        self._lock = threading.Lock()
        self._held: Credentials | None = None
        self._failure: tuple[float, CredentialsError] | None = None
        _REFRESHING.add(self)

    def unlock(self) -> None:
        """Reset the fetch in progress: a forked child has none."""
        self._lock = threading.Lock()

    @property
    def fresh(self) -> bool:
        """True if the next call returns without fetching."""
        return self._held is not None and self._left(self._held) > self._margin

    def __call__(self) -> Credentials:
        """Return the credentials, fetched again if they expire soon.

        Raises:
            CredentialsError: They can't be fetched and none are valid any more.
        """
        held = self._held
        if held is not None and self._left(held) > self._margin:
            return held
        valid = held is not None and self._left(held) > 0
        # What is still valid is used on while another thread fetches: a slow source stops no
        # request.
        if not self._lock.acquire(blocking=not valid):
            assert held is not None
            return held
        try:
            return self._renew()
        finally:
            self._lock.release()

    def _renew(self) -> Credentials:
        held = self._held
        if held is not None and self._left(held) > self._margin:
            return held  # another thread was faster
        if self._failure is not None and self._now() - self._failure[0] < _FAILURE_SECONDS:
            failure = self._failure[1]
            # A new error each time: one object that several threads raise would collect all of
            # their frames.
            raise type(failure)(*failure.args)
        try:
            self._held = self._fetch()
        except CredentialsError as error:
            if held is None or self._left(held) <= 0:
                self._failure = (self._now(), error)
                raise
            # They are fetched some minutes before they expire, so that a failure now costs no
            # request.
            _log.warning("credentials can't be renewed, %r are used on", held)
            return held
        return self._held

    def _left(self, held: Credentials) -> float:
        return math.inf if held.expires_at is None else held.expires_at - self._now()

    def __repr__(self) -> str:
        return f"Refreshing({self._held!r})"


_REFRESHING: Final[weakref.WeakSet[Refreshing]] = weakref.WeakSet()


def _unlock_all() -> None:
    for provider in list(_REFRESHING):
        provider.unlock()


# A fork copies the lock as it is: if another thread held it, the child would wait for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
