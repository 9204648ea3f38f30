# SPDX-License-Identifier: MIT
"""Asks a local runtime through its admin API, and finds the URLs of MNS, RocketMQ, EventBridge."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar
from urllib.parse import urlsplit

from fc_async_plugin import PluginError
from fc_async_sdk import _endpoint, _runtimes
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError, ServiceError, TransportError

if TYPE_CHECKING:
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Addresses, Health, Run
    from fc_async_sdk.operations.call import Call

T = TypeVar("T")

_PAUSE_SECONDS: Final = 0.05

START: Final = "start one with: fc-async local start"


def client_of(endpoint: str, *, attempts: int = 1) -> Client:
    """Return a client of the runtime at a URL; no key of the user is read for it.

    Args:
        endpoint: The URL.
        attempts: How often a call is sent, the first time included.

    Raises:
        PluginError: The URL is not on this machine.
    """
    import fc_async_sdk  # noqa: PLC0415 -- requests loads with the first client
    from fc_async_sdk import Config  # noqa: PLC0415 -- see above
    from fc_async_sdk.credentials import LOCAL, Static  # noqa: PLC0415 -- see above

    # An address in a folder of a repository was asked with the keys of the user, wherever it was.
    if not _endpoint.parse(endpoint).loopback:
        raise PluginError(f"{endpoint} is not a local runtime: it is not on this machine")
    return fc_async_sdk.client(
        endpoint_url=endpoint, credentials=Static(LOCAL), config=Config(max_attempts=attempts)
    )


def ask(client: Client, call: Call[T], *, advice: str = START) -> T:
    """Send a call of the admin API.

    Args:
        client: A client of the runtime.
        call: One of :mod:`fc_async_sdk.admin.operations`.
        advice: What to do if no runtime answers.

    Raises:
        PluginError: No runtime answers at the URL, but nothing or another server.
        ServiceError: The runtime refuses.
    """
    try:
        return client.send(call)
    except (TransportError, ServiceError) as error:
        # The client makes this code of a status that has no document of the runtime: another server
        # listens at the port.
        if isinstance(error, ServiceError) and error.code != f"Http{error.http_status}":
            raise
        raise PluginError(
            f"no local runtime answers at {client.endpoint_url} ({error}); {advice}"
        ) from error


def local_endpoint(endpoint: str | None, does: str = "shows and fires triggers") -> str:
    """Return the endpoint if it is a local runtime's.

    Args:
        endpoint: The URL that was given.
        does: What is asked of it, for the error.

    Raises:
        PluginError: There is none, or it is not on this machine.
    """
    if endpoint and _endpoint.parse(endpoint).loopback:
        return endpoint
    raise PluginError(
        f"only a local runtime {does}: none runs on this folder; {START}, or name one with"
        " --endpoint URL or FC_ASYNC_ENDPOINT"
    )


def health_of(endpoint: str, *, advice: str = START) -> Health:
    """Return the addresses of the runtime at a URL.

    Raises:
        FcAsyncError: No runtime answers at the URL, or it refuses.
    """
    with client_of(endpoint) as client:
        return ask(client, admin.get_health(), advice=advice)


def replace_state(endpoint: str, snapshot: bytes | None) -> None:
    """Put a snapshot in the place of everything that a runtime keeps, and wait for its restart.

    Args:
        endpoint: URL of the runtime.
        snapshot: An exported state; None: nothing is kept.

    Raises:
        PluginError: The runtime refused, did not restart, or could not open the state.
    """
    call = admin.delete_state() if snapshot is None else admin.put_state(snapshot)
    with client_of(endpoint) as client:
        try:
            before = ask(client, call)
        except ServiceError as error:
            raise PluginError(f"the runtime at {endpoint} refused: {error.message}") from None
        now = _after_restart(client, before.run)
    if now.refused:
        raise PluginError(
            f"the runtime at {endpoint} could not open the state and went back to the one before: "
            f"{now.refused}"
        )


def _after_restart(client: Client, run: str) -> Run:
    """Return the run of a runtime that follows another one."""
    reason = "it has not restarted"
    # A runtime that cannot start again never answers; import and clear waited for it without end.
    until = time.monotonic() + admin.STATE_SECONDS
    while time.monotonic() < until:
        try:
            now = client.send(admin.get_run())
        except FcAsyncError as error:  # also of a connection that the end met
            reason = str(error)
        else:
            # The runtime that is about to end may answer, too.
            if now.run != run:
                return now
        time.sleep(_PAUSE_SECONDS)
    raise PluginError(f"the runtime at {client.endpoint_url} took the state, but then: {reason}")


def token_of(addresses: Addresses) -> str:
    """Return the token of a runtime of this user, "" if it cannot be read."""
    return _runtimes.token_in(Path(addresses.data), _endpoint.parse(addresses.fc).port)


def console_of(addresses: Addresses) -> str:
    """Return the address that lets a browser into the console of a runtime of this user."""
    return _runtimes.console_address(addresses.console, token_of(addresses))


def environment_of(addresses: Addresses) -> dict[str, str]:
    """Return the variables by which programs elsewhere use a runtime of this user.

    Those of an access key are among them if the runtime is strict.
    """
    variables = {"FC_ASYNC_ENDPOINT": addresses.fc, _runtimes.VARIABLE: token_of(addresses)}
    secret = _runtimes.access_key_in(Path(addresses.data), _endpoint.parse(addresses.fc).port)
    if secret:
        variables["ALIBABA_CLOUD_ACCESS_KEY_ID"] = _runtimes.ACCESS_KEY_ID
        variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = secret
    return variables


Service = Literal["mns", "rocketmq", "eventbridge"]

_NAMES: Final = {"mns": "MNS", "rocketmq": "RocketMQ", "eventbridge": "EventBridge"}


def service_url(
    service: Service,
    fc_endpoint: str | None,
    *,
    account_id: str,
    region: str,
    otherwise: str,
) -> str:
    """Return the URL of a service.

    Args:
        service: The service.
        fc_endpoint: The endpoint of the FC API; None: the service's own.
        account_id: The account; EventBridge needs none.
        region: The region.
        otherwise: What to do if the URL beside ``fc_endpoint`` is not known, for the error.

    Raises:
        PluginError: The URL cannot be determined.
    """
    name = _NAMES[service]
    if fc_endpoint is not None:
        if not _endpoint.is_loopback(urlsplit(fc_endpoint).hostname or ""):
            raise PluginError(f"the URL of {name} beside {fc_endpoint} is not known: {otherwise}")
        address: str = getattr(health_of(fc_endpoint, advice=f"or {otherwise}"), service)
        return address
    if service == "eventbridge":
        return f"https://eventbridge-console.{region}.aliyuncs.com"
    if not account_id or not region:
        raise PluginError(
            f"the URL of {name} needs an account and a region: name an ARN with both, or pass "
            "--account-id and --region"
        )
    if service == "rocketmq":
        return f"https://{account_id}.mqrest.{region}.aliyuncs.com"
    return f"https://{account_id}.mns.{region}.aliyuncs.com"
