# SPDX-License-Identifier: MIT
"""Finds the URLs of MNS, RocketMQ and EventBridge: of the service, or of a local runtime."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

from fc_async_plugin import PluginError
from fc_async_plugin.account.runtime import health_of
from fc_async_sdk import _endpoint

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
    if service == "rocketmq":  # mq_http_sdk 1.0.3 cannot do TLS on Python 3
        return f"http://{account_id}.mqrest.{region}.aliyuncs.com"
    return f"https://{account_id}.mns.{region}.aliyuncs.com"
