# SPDX-License-Identifier: MIT
"""State of messages that wait for others of their key, and what senders need of it.

This package is the lower floor of ordering; :mod:`fc_async_sdk.ordering` is the upper floor, which
users import. Two packages for the reason of :mod:`fc_async_sdk._pacing`.
"""

from fc_async_sdk._ordering.concurrency import BaseConcurrency
from fc_async_sdk._ordering.debounce import BaseDebounce
from fc_async_sdk._ordering.sending import (
    NO_POLICIES,
    Decision,
    Policies,
    async_confirm,
    async_decided,
    async_give_back,
    confirm,
    decided,
    give_back,
)

__all__ = [
    "NO_POLICIES",
    "BaseConcurrency",
    "BaseDebounce",
    "Decision",
    "Policies",
    "async_confirm",
    "async_decided",
    "async_give_back",
    "confirm",
    "decided",
    "give_back",
]
