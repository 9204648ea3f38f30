# SPDX-License-Identifier: MIT
"""The admin API of this runtime, under ``/_local/``: what the service has no operation for.

It shows everything, moves virtual time and retries dead events: for the console, for tests and for
scripts. Requests need the token of the runtime (:mod:`fc_async_local.http.access`).
"""

from fc_async_local.api.admin.backlog import BacklogAdmin
from fc_async_local.api.admin.channels import ChannelAdmin
from fc_async_local.api.admin.content import BucketAdmin, PayloadAdmin
from fc_async_local.api.admin.deliveries import DeliveryAdmin
from fc_async_local.api.admin.functions import FunctionAdmin
from fc_async_local.api.admin.metrics import MetricsAdmin
from fc_async_local.api.admin.pauses import PauseAdmin
from fc_async_local.api.admin.runtime import (
    ClockAdmin,
    DescriptionAdmin,
    DevelopmentAdmin,
    FaultAdmin,
    StateAdmin,
    StatusAdmin,
)
from fc_async_local.api.admin.tasks import TaskAdmin
from fc_async_local.api.admin.triggers import TriggerAdmin

__all__ = [
    "BacklogAdmin",
    "BucketAdmin",
    "ChannelAdmin",
    "ClockAdmin",
    "DeliveryAdmin",
    "DescriptionAdmin",
    "DevelopmentAdmin",
    "FaultAdmin",
    "FunctionAdmin",
    "MetricsAdmin",
    "PauseAdmin",
    "PayloadAdmin",
    "StateAdmin",
    "StatusAdmin",
    "TaskAdmin",
    "TriggerAdmin",
]
