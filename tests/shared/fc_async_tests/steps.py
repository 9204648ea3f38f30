# SPDX-License-Identifier: MIT
"""Makes steps of plans that several tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.deploy.plan.model import Delete, Put

if TYPE_CHECKING:
    from fc_async_plugin.project.state import Of
    from fc_async_sdk.models import Model

REGION = "cn-hangzhou"


def put(
    of: Of, after: Model, before: Model | None = None, *, function: str = "f", name: str = "LATEST"
) -> Put:
    return Put(
        region=REGION,
        function=function,
        of=of,
        name=name,
        after=after.to_dict(),
        before=before and before.to_dict(),
    )


def delete(
    of: Of, before: Model | None = None, *, function: str = "f", name: str = "LATEST"
) -> Delete:
    return Delete(
        region=REGION, function=function, of=of, name=name, before=before and before.to_dict()
    )
