# SPDX-License-Identifier: MIT
"""Destination events: what a destination gets when an asynchronous invocation has ended.

:func:`parse` reads every form. :func:`handler` and :func:`destination_handler` give typed events to
the handlers of functions. :mod:`fc_async_sdk.events.wire` writes them.
"""

from fc_async_sdk.events.document import DestinationEvent, parse
from fc_async_sdk.events.handlers import destination_handler, handler
from fc_async_sdk.events.sources import (
    from_eventbridge,
    from_mns_message,
    from_rocketmq_message,
)
from fc_async_sdk.events.wire import Envelope, Payload, document, encode, envelope

__all__ = [
    "DestinationEvent",
    "Envelope",
    "Payload",
    "destination_handler",
    "document",
    "encode",
    "envelope",
    "from_eventbridge",
    "from_mns_message",
    "from_rocketmq_message",
    "handler",
    "parse",
]
