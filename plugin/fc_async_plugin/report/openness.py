# SPDX-License-Identifier: MIT
"""Says what a local runtime leaves open, and to whom. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.admin.models import Addresses, OpenSettings


class Open(NamedTuple):
    """One way in or out.

    Attributes:
        what: The way.
        state: Who may use it, or where it leads.
    """

    what: str
    state: str


def open_ways(
    addresses: Addresses,
    settings: OpenSettings,
) -> list[Open]:
    """Return what a runtime leaves open.

    Args:
        addresses: Where it listens.
        settings: Its settings.
    """
    urls = (addresses.fc, addresses.mns, addresses.rocketmq, addresses.eventbridge, addresses.oss)
    ways = [
        Open("listens on", ", ".join(dict.fromkeys(_authorities(urls)))),
        Open("who may call and create functions", _callers(strict=settings.strict_auth)),
    ]
    ways.append(Open("who may use admin API and console", "programs that can read its token"))
    ways.append(Open("roles of functions", _roles(enforced=settings.enforce_roles)))
    ways.append(Open("other machines", _others(allowed=settings.allow_cloud)))
    return ways


def _authorities(urls: tuple[str, ...]) -> Iterator[str]:
    for url in urls:
        if url:
            yield urlsplit(url).netloc


def _callers(*, strict: bool) -> str:
    if strict:
        return "programs that sign with one of its keys (--strict-auth)"
    return "every program of every user of this machine; --strict-auth asks for signatures"


def _roles(*, enforced: bool) -> str:
    if enforced:
        return "destinations need a role that allows them (--enforce-roles)"
    return "not asked: each destination is allowed"


def _others(*, allowed: bool) -> str:
    if allowed:
        return (
            "functions call the real service, and events are pushed to any machine (--allow-cloud)"
        )
    return "calls of the service's hosts lead to the runtime, and events are pushed to this machine"
