# SPDX-License-Identifier: MIT
"""The URLs of HTTP triggers on this machine.

The public URL is a path of the runtime's own address: every program can use it. The internal URL is
a host name, as on the service: the function gets the whole path. Browsers and curl resolve names
under ``localhost`` themselves; many programs do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fc_async_sdk.spec import http_trigger

if TYPE_CHECKING:
    from fc_async_local.domain.rules import Account

_DOMAIN: Final = "fcapp.localhost"
"""Stands for the service's ``fcapp.run``."""


class TriggerUrls:
    """The URLs of HTTP triggers on this machine.

    Args:
        base: The URL of the FC API.
        place: The region in host names.
    """

    def __init__(self, base: str, place: Account) -> None:
        self._base = base.rstrip("/")
        self._port = urlsplit(base).port
        self._suffix = f".{place.region}.{_DOMAIN}"

    def domain(self, prefix: str) -> str:
        """Return the host name of a trigger."""
        return prefix + self._suffix

    def authority(self, prefix: str) -> str:
        """Return the host name of a trigger, with the port."""
        return f"{self.domain(prefix)}:{self._port}"

    def prefix(self, host: str) -> str:
        """Return the first label of a Host that names a trigger, "" if it names none."""
        name = host.partition(":")[0].lower()
        return name[: -len(self._suffix)] if name.endswith(self._suffix) else ""

    def of(self, function: str, name: str, trigger_id: str) -> dict[str, str]:
        """Return ``httpTrigger`` of the API."""
        authority = self.authority(http_trigger.domain_prefix(function, trigger_id))
        return {
            "urlInternet": f"{self._base}{http_trigger.LOCAL_PATH}{function}/{name}",
            "urlIntranet": f"http://{authority}",
        }

    def shown(self, function: str, trigger: dict[str, Any]) -> dict[str, Any]:
        """Return a trigger of the API with its URLs, if it is an HTTP trigger."""
        if trigger["triggerType"] != http_trigger.TYPE:
            return trigger
        urls = self.of(function, trigger["triggerName"], trigger["triggerId"])
        return {**trigger, "httpTrigger": urls}
