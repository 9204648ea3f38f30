# SPDX-License-Identifier: MIT
"""The URLs of HTTP triggers on this machine.

The public URL is a path of the runtime's own address: every program can use it. The internal URL is
a host name, as on the service: the function gets the whole path. Browsers and curl resolve names
under ``localhost`` themselves; many programs do not.

A browser that visits the public URL is led to a name for pages. The pages of each trigger have an
origin of their own there, with their own cookies and storage, and cannot reach what else listens on
the port of the runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from fc_async_sdk.spec import http_trigger

if TYPE_CHECKING:
    from fc_async_local.domain.rules import Account

_DOMAIN: Final = "fcapp.localhost"
"""Stands for the service's ``fcapp.run``."""
_PAGES: Final = "web.localhost"
"""Stands for a domain of the user's own, on which the service changes no answer."""


class TriggerUrls:
    """The URLs of HTTP triggers on this machine.

    Args:
        base: The URL of the FC API.
        account: The region in host names.
    """

    def __init__(self, base: str, account: Account) -> None:
        self._base = base.rstrip("/")
        # Browsers resolve all names under localhost to this machine: no entry in a hosts file.
        self._port = urlsplit(base).port
        self._suffix = f".{account.region}.{_DOMAIN}"
        self._pages = f".{account.region}.{_PAGES}"

    def domain(self, prefix: str) -> str:
        """Return the host name of a trigger."""
        return prefix + self._suffix

    def authority(self, prefix: str) -> str:
        """Return the host name of a trigger, with the port."""
        return f"{self.domain(prefix)}:{self._port}"

    def pages(self, prefix: str) -> str:
        """Return the host name for the pages of a trigger, with the port."""
        return f"{prefix}{self._pages}:{self._port}"

    def is_for_pages(self, host: str) -> bool:
        """Return whether a Host is the name for the pages of a trigger."""
        return _name(host).endswith(self._pages)

    def prefix(self, host: str) -> str:
        """Return the first label of a Host that names a trigger, "" if it names none."""
        name = _name(host)
        for suffix in (self._suffix, self._pages):
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        return ""

    def of(self, function: str, name: str, trigger_id: str) -> dict[str, str]:
        """Return ``httpTrigger`` of the API."""
        prefix = http_trigger.domain_prefix(function, trigger_id)
        path = f"{http_trigger.LOCAL_PATH}{function}/{name}"
        return {
            "urlInternet": f"{self._base}{path}",
            "urlIntranet": f"http://{self.authority(prefix)}",
        }

    def shown(self, function: str, trigger: dict[str, Any]) -> dict[str, Any]:
        """Return a trigger of the API with its URLs, if it is an HTTP trigger."""
        if trigger["triggerType"] != http_trigger.TYPE:
            return trigger
        urls = self.of(function, trigger["triggerName"], trigger["triggerId"])
        return {**trigger, "httpTrigger": urls}


def _name(host: str) -> str:
    name, _, _ = host.partition(":")
    return name.lower()
