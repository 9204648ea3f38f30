# SPDX-License-Identifier: MIT
"""Finds the URLs of MNS and EventBridge: those of the service, or of a local runtime."""

from __future__ import annotations

from typing import Any, Final, Literal
from urllib.parse import urlsplit

from fc_async_plugin import PluginError
from fc_async_sdk import _endpoint

_TIMEOUT: Final = 5.0
_NAMES: Final = {"mns": "MNS", "eventbridge": "EventBridge"}


def service_url(
    service: Literal["mns", "eventbridge"],
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
        try:
            return str(about(fc_endpoint)[service])
        except (OSError, ValueError, KeyError) as error:
            raise PluginError(
                f"{fc_endpoint} does not return the URL of its {name} ({error}): {otherwise}"
            ) from error
    if service == "eventbridge":
        return f"https://eventbridge-console.{region}.aliyuncs.com"
    if not account_id or not region:
        raise PluginError(
            "the URL of MNS needs an account and a region: name the queue's ARN, or pass "
            "--account-id and --region"
        )
    return f"https://{account_id}.mns.{region}.aliyuncs.com"


def about(fc_endpoint: str) -> dict[str, Any]:
    """Return what a local runtime says about itself: its account and the URLs of its services.

    Raises:
        OSError: It does not answer.
        ValueError: Its answer is not JSON; another server has this address.
    """
    import requests  # noqa: PLC0415 -- it takes long to import, and few commands need it

    answer = requests.get(f"{fc_endpoint.rstrip('/')}/_local/health", timeout=_TIMEOUT)
    found: dict[str, Any] = answer.json()
    return found
