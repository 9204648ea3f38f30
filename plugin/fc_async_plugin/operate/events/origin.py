# SPDX-License-Identifier: MIT
"""Decides which functions a replay may call, by where the events come from. Pure.

The function and the payload of a replay are in the message. Every program that may send to a queue
could therefore choose both, and the replay would call the function with the user's own keys.

Invariants:

- A function that an event names is called only if the user named it, or if its configuration sends
  its failures to the queue or topic that the event was read from.
- A template is not asked: a repository could name any function beside the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.fanout.origin import sends_failures_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_sdk.models import AsyncConfig
    from fc_async_sdk.spec.arn import DestinationArn


class Origin(NamedTuple):
    """The functions whose failures a source has, as far as they are known.

    Attributes:
        reason: Why another function is not called; "" if each one may be.
        functions: The functions that may be called.
    """

    reason: str = ""
    functions: frozenset[str] = frozenset()

    def refusal(self, function: str) -> str:
        """Return why a function is not called; "" if it is."""
        return "" if function in self.functions else self.reason


TRUSTED: Final = Origin()
"""The runtime itself wrote the events, or the user chose the function, or answers a question."""

FILE: Final = Origin("a file does not say which queue its events come from")
"""Events of a file or of standard input, which are sent without a question."""


def of_channel(
    configs: Mapping[str, Mapping[str, AsyncConfig]],
    channel: DestinationArn,
    *,
    region: str,
    account_id: str,
) -> Origin:
    """Return the origin of the events in a queue or topic.

    Args:
        configs: Configurations by function and qualifier.
        channel: The queue or topic.
        region: Region of the functions, "" if it does not matter.
        account_id: Their account, "" if it does not matter.
    """
    senders = {
        function
        for function, by_qualifier in configs.items()
        if sends_failures_to(by_qualifier.values(), channel, region=region, account_id=account_id)
    }
    name = getattr(channel, "queue", "") or getattr(channel, "topic", "")
    return Origin(f"its failure destination is not {name or channel}", frozenset(senders))


def unreadable(error: Exception) -> Origin:
    """Return the origin of events in a queue when the configurations cannot be read."""
    return Origin(f"the configurations of the functions cannot be read: {error}")
