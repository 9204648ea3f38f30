# SPDX-License-Identifier: MIT
"""Operations on the number of instances of a function, and on its VPC bindings.

The runner applies the reserved concurrency. The others are only kept and shown, for deploy tools:
the runtime starts instances when they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.functions import paging, refusals
from fc_async_local.functions.records import (
    ConcurrencyRecord,
    ProvisionRecord,
    ScalingRecord,
    VpcBindingRecord,
    key_in,
)
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import SnapshotCache

_PROVISION_INPUT: Final = (
    *("alwaysAllocateCPU", "alwaysAllocateGPU", "defaultTarget", "scheduledActions", "target"),
    "targetTrackingPolicies",
)
_SCALING_INPUT: Final = (
    *("enableMixMode", "enableOnDemandScaling", "horizontalScalingPolicies", "minInstances"),
    *("requestDispatchPolicy", "residentPoolId", "scheduledPolicies"),
)


class Scaling:
    """Reserved concurrency, provisioned instances, scaling configuration, VPC bindings."""

    def __init__(self, cache: SnapshotCache, place: Place) -> None:
        self._cache = cache
        self._arn = place.function_arn

    # --- reserved concurrency -----------------------------------------------------------------

    def _describe_concurrency(self, record: ConcurrencyRecord) -> dict[str, Any]:
        return {
            "functionArn": self._arn(record.function),
            "reservedConcurrency": record.reserved,
        }

    async def put_concurrency(self, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PutConcurrencyConfig: a limit on the instances; with 0, no attempt runs.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        reserved = _count(body, "reservedConcurrency")
        if reserved is None:
            raise refusals.required("reservedConcurrency")
        async with self._cache.writing:
            (await self._cache.read()).function(function)
            record = ConcurrencyRecord(function=function, reserved=reserved)
            await self._cache.write([record.stored()])
        return self._describe_concurrency(record)

    async def _concurrency(self, function: str) -> ConcurrencyRecord:
        snapshot = await self._cache.read()
        snapshot.function(function)
        record = snapshot.concurrency(function)
        if record is None:
            raise refusals.concurrency_not_found(function)
        return record

    async def get_concurrency(self, function: str) -> dict[str, Any]:
        """GetConcurrencyConfig.

        Raises:
            Rejected: 404 FunctionNotFound or OnDemandConfigNotFound.
        """
        return self._describe_concurrency(await self._concurrency(function))

    async def delete_concurrency(self, function: str) -> None:
        """DeleteConcurrencyConfig.

        Raises:
            Rejected: 404 FunctionNotFound or OnDemandConfigNotFound.
        """
        async with self._cache.writing:
            await self._cache.write([(await self._concurrency(function)).deleted()])

    async def concurrency_listing(
        self, function: str | None, page: Page
    ) -> tuple[list[dict[str, Any]], str]:
        """ListConcurrencyConfigs of one function or of all.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        found = (await self._cache.read()).all(ConcurrencyRecord, function)
        chosen, token = paging.cut(found, page, lambda record: record.key, of="concurrency")
        return [self._describe_concurrency(record) for record in chosen], token

    # --- provisioned instances ----------------------------------------------------------------

    def _describe_provision(self, record: ProvisionRecord) -> dict[str, Any]:
        target = record.settings.get("defaultTarget", record.settings.get("target", 0))
        return {
            **record.settings,
            "functionArn": self._arn(record.function, record.qualifier),
            "target": target,
            # Deploy tools wait until the target is reached.
            "current": target,
        }

    async def put_provision(
        self, function: str, qualifier: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """PutProvisionConfig.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        _count(body, "target")
        _count(body, "defaultTarget")
        qualifier = qualifier or limits.DEFAULT_QUALIFIER
        async with self._cache.writing:
            (await self._cache.read()).resolve(function, qualifier)
            record = ProvisionRecord(
                function=function, qualifier=qualifier, settings=_chosen(body, _PROVISION_INPUT)
            )
            await self._cache.write([record.stored()])
        return self._describe_provision(record)

    async def get_provision(self, function: str, qualifier: str) -> dict[str, Any]:
        """GetProvisionConfig; targets of 0 and an empty ARN if there is none.

        Deploy tools recognize by the ARN that there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        qualifier = qualifier or limits.DEFAULT_QUALIFIER
        snapshot = await self._cache.read()
        snapshot.function(function)
        record = snapshot.find(ProvisionRecord, key_in(function, qualifier))
        if record is None:
            return {"functionArn": "", "target": 0, "current": 0}
        return self._describe_provision(record)

    async def delete_provision(self, function: str, qualifier: str) -> None:
        """DeleteProvisionConfig; no-op if there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        qualifier = qualifier or limits.DEFAULT_QUALIFIER
        record = ProvisionRecord(function=function, qualifier=qualifier, settings={})
        await self._forget(function, record)

    async def provision_listing(
        self, function: str | None, page: Page
    ) -> tuple[list[dict[str, Any]], str]:
        """ListProvisionConfigs of one function or of all.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        found = (await self._cache.read()).all(ProvisionRecord, function)
        chosen, token = paging.cut(found, page, lambda record: record.key, of="provision")
        return [self._describe_provision(record) for record in chosen], token

    # --- scaling configuration ----------------------------------------------------------------

    def _describe_scaling(self, record: ScalingRecord) -> dict[str, Any]:
        instances = record.settings.get("minInstances", 0)
        return {
            **record.settings,
            "functionArn": self._arn(record.function, record.qualifier),
            "targetInstances": instances,
            "currentInstances": instances,
        }

    async def put_scaling(
        self, function: str, qualifier: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """PutScalingConfig.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        _count(body, "minInstances")
        qualifier = qualifier or limits.DEFAULT_QUALIFIER
        async with self._cache.writing:
            (await self._cache.read()).resolve(function, qualifier)
            record = ScalingRecord(
                function=function, qualifier=qualifier, settings=_chosen(body, _SCALING_INPUT)
            )
            await self._cache.write([record.stored()])
        return self._describe_scaling(record)

    async def get_scaling(self, function: str, qualifier: str) -> dict[str, Any]:
        """GetScalingConfig; empty if there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        snapshot.function(function)
        key = key_in(function, qualifier or limits.DEFAULT_QUALIFIER)
        record = snapshot.find(ScalingRecord, key)
        return self._describe_scaling(record) if record is not None else {}

    async def delete_scaling(self, function: str, qualifier: str) -> None:
        """DeleteScalingConfig; no-op if there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        qualifier = qualifier or limits.DEFAULT_QUALIFIER
        record = ScalingRecord(function=function, qualifier=qualifier, settings={})
        await self._forget(function, record)

    async def scaling_listing(
        self, function: str | None, page: Page
    ) -> tuple[list[dict[str, Any]], str]:
        """ListScalingConfigs of one function or of all.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        found = (await self._cache.read()).all(ScalingRecord, function)
        chosen, token = paging.cut(found, page, lambda record: record.key, of="scaling")
        return [self._describe_scaling(record) for record in chosen], token

    # --- VPC bindings -------------------------------------------------------------------------

    async def bind_vpc(self, function: str, body: Mapping[str, Any]) -> None:
        """CreateVpcBinding.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        vpc_id = body.get("vpcId")
        if not isinstance(vpc_id, str) or not vpc_id or "/" in vpc_id:
            raise refusals.invalid_argument(f"vpcId {vpc_id!r} is not the id of a VPC")
        async with self._cache.writing:
            (await self._cache.read()).function(function)
            await self._cache.write([VpcBindingRecord(function=function, vpc_id=vpc_id).stored()])

    async def unbind_vpc(self, function: str, vpc_id: str) -> None:
        """DeleteVpcBinding; no-op if there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        await self._forget(function, VpcBindingRecord(function=function, vpc_id=vpc_id))

    async def vpcs(self, function: str) -> list[str]:
        """ListVpcBindings.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        snapshot.function(function)
        return [record.vpc_id for record in snapshot.all(VpcBindingRecord, function)]

    async def _forget(
        self, function: str, record: ProvisionRecord | ScalingRecord | VpcBindingRecord
    ) -> None:
        async with self._cache.writing:
            (await self._cache.read()).function(function)
            await self._cache.write([record.deleted()])


def _count(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (type(value) is not int or value < 0):
        raise refusals.invalid_argument(f"{name} must be an integer of at least 0, got {value!r}")
    return value


def _chosen(body: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: body[name] for name in names if body.get(name) is not None}
