# SPDX-License-Identifier: MIT
"""Shared parts of all transports: proxies, CA bundles, deadlines, their base class.

Proxies and CA bundles follow the rules of requests: explicit settings win, the environment counts
when it is trusted, and nothing on this machine goes through the environment's proxy. No function
here opens a connection.
"""

from __future__ import annotations

import logging
import os
import random
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.request import getproxies, proxy_bypass

from fc_async_sdk import _signing
from fc_async_sdk._version import __version__
from fc_async_sdk.errors import ConfigurationError, InvalidResponse
from fc_async_sdk.hooks import Answered, Retrying
from fc_async_sdk.operations.call import Answer, Call
from fc_async_sdk.spec import limits
from fc_async_sdk.transport.retry import Budget, Failure, Rate, Tries

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Credentials, Provider

T = TypeVar("T")

_log = logging.getLogger("fc_async_sdk")


def proxy(endpoint: Endpoint, config: Config) -> str | None:
    """Return the URL of the proxy for an endpoint, or None."""
    scheme = endpoint.scheme
    if config.proxies is not None:
        # The order of requests: the narrowest entry wins.
        for key in (f"{scheme}://{endpoint.host}", scheme, f"all://{endpoint.host}", "all"):
            if key in config.proxies:
                return config.proxies[key]
        return None
    if not config.trust_env or endpoint.loopback:
        return None
    if proxy_bypass(endpoint.host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")


def verify(endpoint: Endpoint, config: Config) -> bool | str:
    """Return whether certificates are verified, or the path of a CA bundle to verify them with.

    Raises:
        ConfigurationError: There is no such bundle, or no such client certificate.
    """
    is_tls = endpoint.scheme == "https"
    bundle = config.verify
    if bundle is True and config.trust_env and is_tls:
        bundle = _bundle_of_environment(endpoint) or True
    # Looked for here: requests finds out at the first call, with an OSError that names no setting.
    if isinstance(bundle, str) and not os.path.exists(bundle):  # noqa: PTH110 -- imports no pathlib
        raise ConfigurationError(
            f"there is no CA bundle {bundle}: check verify, or the environment"
        )
    if is_tls:
        _check_certificate(config)
    return bundle


def _check_certificate(config: Config) -> None:
    files = (config.cert,) if isinstance(config.cert, str) else config.cert or ()
    for file in files:
        if not os.path.exists(file):  # noqa: PTH110 -- imports no pathlib
            raise ConfigurationError(f"there is no client certificate or key {file}: check cert")


def _bundle_of_environment(endpoint: Endpoint) -> str:
    """Return the CA bundle that the environment names for an endpoint, "" if none."""
    names = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
    if endpoint.loopback:
        # A local runtime has an authority of its own, which must not be trusted for the internet.
        names.insert(0, "FC_ASYNC_CA")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def no_connection(endpoint: Endpoint, error: BaseException) -> str:
    """Return that there is no connection to an endpoint, and why."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, ConnectionError) and error.errno:
        reason = os.strerror(error.errno)  # asyncio puts a sentence of its own into strerror
    if endpoint.loopback and isinstance(error, ssl.SSLCertVerificationError):
        reason += "; for a local runtime use http://, or set FC_ASYNC_CA (fc-async dev --trust)"
    return f"no connection to {endpoint.authority}: {reason}"


class Deadline(NamedTuple):
    """The time at which a call must have ended.

    Attributes:
        at: The time, on the clock of ``monotonic``.
        monotonic: The clock, in seconds.
    """

    at: float
    monotonic: Callable[[], float]

    def left(self) -> float:
        """Return the seconds that are left; 0 or less when the time is over."""
        return self.at - self.monotonic()


_NONCE_BYTES: Final = 16
_THROTTLED: Final = 429
# A generator of its own: what a program draws after random.seed() stays as it is.
_chance: Final = random.SystemRandom().random


class Transport:
    """The base of all transports: settings, signatures, limits, and what hooks are told.

    Args:
        endpoint: Where requests go.
        config: The client's.
        provider: Gives the credentials of each request.
    """

    def __init__(self, endpoint: Endpoint, config: Config, provider: Provider) -> None:
        self._endpoint = endpoint
        self._config = config
        self._provider = provider
        self._budget = Budget()
        self._rate = Rate() if config.retry_mode == "adaptive" else None
        self._closed = False
        extra = f" {config.user_agent_extra}" if config.user_agent_extra else ""
        python = ".".join(map(str, sys.version_info[:3]))
        self._user_agent = f"fc-async/{__version__} Python/{python}{extra}"

    def check_open(self) -> None:
        """Raise if it is closed.

        Raises:
            RuntimeError: It is closed.
        """
        if self._closed:
            raise RuntimeError("the client is closed")

    def _tries(self, call: Call[T]) -> Tries[T]:
        return Tries(call, self._config, self._budget, _chance)

    def _limit(self, call: Call[Any]) -> Deadline | None:
        """Return the time at which a whole call must have ended, None if it has no limit."""
        total = call.total_timeout or self._config.total_timeout
        return None if total is None else Deadline(time.monotonic() + total, time.monotonic)

    def _credentials(self, call: Call[Any]) -> Credentials:
        """Return what a request is signed with: the user's keys never go to a runtime's own API."""
        if not call.is_local:
            return self._provider()
        from fc_async_sdk import _runtimes  # noqa: PLC0415 -- no call to an account needs it

        return _runtimes.own_credentials(self._endpoint)

    def _headers(self, call: Call[Any]) -> dict[str, str]:
        """Return all headers of one try, signed now."""
        headers = {
            # Before those of the call: a call to another service names its own version.
            "x-acs-version": limits.API_VERSION,
            **call.headers,
            "host": self._endpoint.authority,
            "x-acs-action": call.operation,
        }
        signed = _signing.sign(
            _signing.Unsigned(call.method, call.path, call.query, headers, call.body),
            self._credentials(call),
            now=time.time(),
            nonce=os.urandom(_NONCE_BYTES).hex(),
        )
        # Neither is signed: a proxy may change them.
        signed["accept"] = "application/json"
        signed["user-agent"] = self._user_agent
        events = self._config.events
        if events:
            signed.update(events.headers(call.operation, call.method, call.path, signed))
        return signed

    def _answered(self, call: Call[Any], outcome: Answer | Failure, began: float) -> None:
        """Tell hooks, the rate and the log what came of a request that began at a time."""
        now = time.monotonic()
        answer = outcome if isinstance(outcome, Answer) else None
        if self._rate is not None and answer is not None:
            self._rate.told(throttled=answer.status == _THROTTLED, now=now)
        if self._config.events:
            facts = Answered(
                call.operation,
                answer.status if answer else None,
                answer.request_id if answer else "",
                now - began,
                outcome.reason if isinstance(outcome, Failure) else "",
            )
            self._config.events.emit("after-answer", facts)
        if answer is not None and _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s %s: %d [request %s]",
                call.operation,
                call.path,
                answer.status,
                answer.request_id,
            )

    def _again(self, tries: Tries[Any], outcome: Answer | Failure, wait: float) -> None:
        """Tell hooks and the log that a request will be sent again."""
        operation = tries.call.operation
        reason = tries.told(outcome)
        _log.debug("%s: %s; next try in %.3f s", operation, reason, wait)
        if self._config.events:
            self._config.events.emit("retry", Retrying(operation, tries.made, wait, reason))

    def _too_long(self, call: Call[Any], request_id: str | None = None) -> InvalidResponse:
        trace = f" [request {request_id}]" if request_id else ""
        return InvalidResponse(
            f"the answer is longer than {self._config.max_response_bytes} bytes "
            f"(Config.max_response_bytes){trace}",
            operation=call.operation,
        )
