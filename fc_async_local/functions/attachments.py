# SPDX-License-Identifier: MIT
"""Attachments of functions that deploy tools write: instance configurations, VPC bindings, tags.

The runner applies the reserved concurrency. The others are only stored and returned: the runtime
starts instances when they are needed, and has no VPCs.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import msgspec

from fc_async_local.functions import function_rules, paging, refusals
from fc_async_local.functions.records import (
    ConcurrencyRecord,
    FunctionRecord,
    ProvisionRecord,
    ScalingRecord,
    Settings,
    VpcBindingRecord,
)
from fc_async_local.functions.snapshot import Resources
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import SnapshotCache

RecordT = TypeVar("RecordT", ConcurrencyRecord, ProvisionRecord, ScalingRecord)


class InstanceConfigs(Resources[RecordT]):
    """One kind of configuration.

    A subclass says what is stored, what is checked, and what the answer adds.

    Attributes:
        stored_fields: The fields of a request that are stored.
        counts: The fields that must be integers of at least 0.
        empty: The answer for a function that has none; None: that is an error.
    """

    stored_fields: ClassVar[tuple[str, ...]]
    counts: ClassVar[tuple[str, ...]]
    empty: ClassVar[Settings | None] = None

    @abc.abstractmethod
    def _make(
        self,
        function: str,
        qualifier: str,
        settings: Settings,
    ) -> RecordT:
        """Return the record of a request."""

    async def put(
        self,
        function: str,
        qualifier: str,
        body: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Store what a request says; return the answer of the put operation.

        Args:
            function: Function name.
            qualifier: "" for LATEST.
            body: Of the request; fields that the API does not list are ignored.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, AliasNotFound or VersionNotFound.
        """
        for name in self.counts:
            value = body.get(name)
            if value is None:
                continue
            if type(value) is not int or value < 0:  # True is an int, too
                raise refusals.invalid_argument(
                    f"{name} must be an integer of at least 0, got {value!r}"
                )
        values = refusals.without_nulls(body)
        settings = {name: values[name] for name in self.stored_fields if name in values}
        record = self._make(function, qualifier or limits.DEFAULT_QUALIFIER, settings)
        async with self._cache.writing:
            (await self._cache.read()).resolve(function, record.qualifier)
            await self._cache.write(record.stored())
        return self._describe(record)

    async def get(self, function: str, name: str = "") -> dict[str, Any]:
        """Return the answer of the get operation.

        Raises:
            Rejected: 404 FunctionNotFound; 404 OnDemandConfigNotFound without a reserved
                concurrency.
        """
        # Deploy tools read these of each function; a 404 would show them a difference on every
        # deployment.
        if self.empty is not None and await self._is_absent(function, name):
            return self.empty
        return await super().get(function, name)

    async def delete(self, function: str, name: str = "") -> None:
        """Delete the configuration; no-op if there is none, except for reserved concurrency.

        Raises:
            Rejected: 404 FunctionNotFound; 404 OnDemandConfigNotFound without a reserved
                concurrency.
        """
        if self.empty is None or not await self._is_absent(function, name):
            await super().delete(function, name)

    async def _is_absent(self, function: str, name: str) -> bool:
        snapshot = await self._cache.read()
        snapshot.function(function)
        return snapshot.find(self.record, self.record.key_of(function, name)) is None


class ReservedConcurrency(InstanceConfigs[ConcurrencyRecord]):
    """A limit on the instances of a function; with 0, no attempt runs."""

    record = ConcurrencyRecord
    stored_fields = counts = ("reservedConcurrency",)

    def _make(
        self,
        function: str,
        qualifier: str,
        settings: Settings,
    ) -> ConcurrencyRecord:
        # A qualifier was ignored before, and limited all versions of the function.
        if qualifier != limits.DEFAULT_QUALIFIER:
            raise refusals.invalid_argument(
                f"qualifier {shorten(qualifier)}: the limit holds for all versions together, "
                "leave it out"
            )
        if not settings:
            raise refusals.required("reservedConcurrency")
        return ConcurrencyRecord(function=function, reserved=settings["reservedConcurrency"])

    def _describe(self, record: ConcurrencyRecord) -> dict[str, Any]:
        return {
            "functionArn": self._cache.account.function_arn(record.function),
            "reservedConcurrency": record.reserved,
        }


class Provision(InstanceConfigs[ProvisionRecord]):
    """Provisioned instances of a function or an alias."""

    record = ProvisionRecord
    stored_fields = (
        *("alwaysAllocateCPU", "alwaysAllocateGPU", "defaultTarget", "scheduledActions", "target"),
        "targetTrackingPolicies",
    )
    counts = ("target", "defaultTarget")
    # Deploy tools recognize by the empty ARN that there is none.
    empty: ClassVar = {
        "functionArn": "",
        "target": 0,
        "current": 0,
    }

    def _make(
        self,
        function: str,
        qualifier: str,
        settings: Settings,
    ) -> ProvisionRecord:
        return ProvisionRecord(
            function=function,
            qualifier=qualifier,
            settings=settings,
        )

    def _describe(self, record: ProvisionRecord) -> dict[str, Any]:
        target = record.settings.get("defaultTarget", record.settings.get("target", 0))
        return {
            **record.settings,
            "functionArn": self._cache.account.function_arn(record.function, record.qualifier),
            "target": target,
            # Deploy tools wait until the target is reached.
            "current": target,
        }


class ScalingConfig(InstanceConfigs[ScalingRecord]):
    """The scaling configuration of a function or an alias."""

    record = ScalingRecord
    stored_fields = (
        *("enableMixMode", "enableOnDemandScaling", "horizontalScalingPolicies", "minInstances"),
        *("requestDispatchPolicy", "residentPoolId", "scheduledPolicies"),
    )
    counts = ("minInstances",)
    empty: ClassVar = {}

    def _make(
        self,
        function: str,
        qualifier: str,
        settings: Settings,
    ) -> ScalingRecord:
        return ScalingRecord(
            function=function,
            qualifier=qualifier,
            settings=settings,
        )

    def _describe(self, record: ScalingRecord) -> dict[str, Any]:
        instances = record.settings.get("minInstances", 0)
        return {
            **record.settings,
            "functionArn": self._cache.account.function_arn(record.function, record.qualifier),
            "targetInstances": instances,
            "currentInstances": instances,
        }


class VpcBindings:
    """CreateVpcBinding, DeleteVpcBinding and ListVpcBindings."""

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    async def bind(self, function: str, body: Mapping[str, Any]) -> None:
        """CreateVpcBinding.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        vpc_id = body.get("vpcId")
        if not isinstance(vpc_id, str) or not vpc_id or "/" in vpc_id:
            raise refusals.invalid_argument(f"vpcId {vpc_id!r} is not the id of a VPC")
        async with self._cache.writing:
            (await self._cache.read()).function(function)
            await self._cache.write(VpcBindingRecord(function=function, vpc_id=vpc_id).stored())

    async def unbind(self, function: str, vpc_id: str) -> None:
        """DeleteVpcBinding; no-op if there is none.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        async with self._cache.writing:
            (await self._cache.read()).function(function)
            await self._cache.write(VpcBindingRecord(function=function, vpc_id=vpc_id).deleted())

    async def ids(self, function: str) -> list[str]:
        """ListVpcBindings.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        snapshot.function(function)
        return [record.vpc_id for record in snapshot.all(VpcBindingRecord, function)]


class Scaling:
    """Configuration of the instances of functions.

    Attributes:
        concurrency: The reserved concurrency.
        provision: Provisioned instances.
        config: Scaling configurations.
        vpcs: VPC bindings.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self.concurrency: Final = ReservedConcurrency(cache)
        self.provision: Final = Provision(cache)
        self.config: Final = ScalingConfig(cache)
        self.vpcs: Final = VpcBindings(cache)


_FUNCTION = "function"
_TYPES = frozenset({"function", "aliyun::fc::function"})
"""API, structures TagResource and TagResourcesInput: the type in full, and its short form."""


def check_type(kind: object) -> None:
    """Refuse a resource type other than a function; a missing type means a function.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if kind is None:
        return
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise refusals.invalid_argument(
            f"ResourceType must be function or ALIYUN::FC::FUNCTION, got {shorten(kind)}"
        )


class Tags:
    """Add, remove and list tags."""

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    async def add(self, body: Mapping[str, Any]) -> None:
        """TagResources.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        check_type(body.get("ResourceType"))
        tags = function_rules.check_tags(body.get("Tag"))
        await self._change(
            _names(body.get("ResourceId")),
            lambda before: {
                **before,
                **tags,
            },
        )

    async def remove(
        self,
        resources: object,
        keys: Sequence[str],
        *,
        every: bool,
    ) -> None:
        """UntagResources.

        Args:
            resources: Function names or ARNs.
            keys: Which tags.
            every: Remove all tags, whatever ``keys`` says.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """

        def remaining(before: Mapping[str, str]) -> dict[str, str]:
            if every:
                return {}
            return {key: value for key, value in before.items() if key not in keys}

        await self._change(_names(resources), remaining)

    async def _change(
        self, names: Sequence[str], change: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> None:
        async with self._cache.writing:
            snapshot = await self._cache.read()
            # All functions are looked up before one is written: the request changes all or none.
            functions = [snapshot.function(name) for name in names]
            changes = []
            for function in functions:
                tagged = msgspec.structs.replace(function, tags=change(function.tags))
                changes.append(tagged.stored("present"))
            await self._cache.write(*changes)

    async def listing(
        self,
        resources: object,
        required: Mapping[str, str],
        page: Page,
    ) -> tuple[list[dict[str, str]], str]:
        """ListTagResources, by function and key.

        Args:
            resources: Function names or ARNs; None: all functions.
            required: Tags that a function must have, by key; "" matches any value.
            page: The requested page.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        if resources is None:
            functions = snapshot.all(FunctionRecord)
        else:
            functions = [snapshot.function(name) for name in _names(resources)]
        tags = []
        for function in functions:
            if _has_tags(function, required):
                arn = self._cache.account.function_arn(function.name)
                tags += [_tag(arn, key, value) for key, value in function.tags.items()]
        tags.sort(key=_position)
        return paging.cut(tags, page, _position, of="tags")


def _has_tags(function: FunctionRecord, required: Mapping[str, str]) -> bool:
    for key, value in required.items():
        if key not in function.tags:
            return False
        if value not in {"", function.tags[key]}:
            return False
    return True


def _tag(
    arn: str,
    key: str,
    value: str,
) -> dict[str, str]:
    return {
        "ResourceId": arn,
        "ResourceType": _FUNCTION,
        "TagKey": key,
        "TagValue": value,
    }


def _position(tag: Mapping[str, str]) -> str:
    return f"{tag['ResourceId']}\n{tag['TagKey']}"


def _names(resources: object) -> list[str]:
    if not isinstance(resources, list) or not all(isinstance(name, str) for name in resources):
        raise refusals.invalid_argument("ResourceId must be a list of function ARNs")
    return [resource.rpartition("functions/")[2] for resource in resources]
