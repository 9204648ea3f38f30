# SPDX-License-Identifier: MIT
"""The registry: the operations of the API on functions, and what the engine reads.

Implements :class:`fc_async_local.engine.ports.Registry`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.engine.ports import InvocationTarget
from fc_async_local.execution.mounts import mount_points
from fc_async_local.execution.protocol import Deployment, HealthCheck
from fc_async_local.functions import refusals
from fc_async_local.functions.aliases import Aliases
from fc_async_local.functions.async_configs import AsyncConfigs, check_config
from fc_async_local.functions.attachments import Scaling, Tags
from fc_async_local.functions.destination_graph import Graph, draw_graph
from fc_async_local.functions.function_rules import hooks_of, server_of
from fc_async_local.functions.functions import CodeStorage, Functions
from fc_async_local.functions.pauses import Pauses
from fc_async_local.functions.records import (
    AsyncConfigRecord,
    FunctionRecord,
    TriggerRecord,
    VersionRecord,
)
from fc_async_local.functions.snapshot import SnapshotCache
from fc_async_local.functions.triggers import Triggers
from fc_async_sdk.models import FunctionSettings, HealthCheckConfig
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.cycles import TRIGGER, cycle_through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.domain.pausing import Pause
    from fc_async_local.domain.rules import Account
    from fc_async_local.functions.snapshot import Snapshot
    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.store.protocol import BlobStore
    from fc_async_sdk.models import AsyncConfig


class FunctionRegistry:
    """Functions, what is configured on them, and their code.

    Args:
        documents: The configuration.
        blobs: The code archives.
        clock: For created and modified times.
        account: Region and account in ARNs.
        refuse_http: Refuse functions as destinations that have an HTTP trigger.
        new_id: Makes ids of functions and triggers.
    """

    def __init__(
        self,
        documents: DocumentCache,
        blobs: BlobStore,
        clock: Clock,
        *,
        account: Account,
        refuse_http: bool = False,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._cache = cache = SnapshotCache(documents, clock.now, account, new_id)
        self.code = CodeStorage(blobs, clock)
        self.functions = Functions(cache, self.code)
        self.aliases = Aliases(cache)
        self.async_configs = AsyncConfigs(cache, refuse_http=refuse_http)
        self.triggers = Triggers(cache)
        self.scaling = Scaling(cache)
        self.tags = Tags(cache)
        self.pauses = Pauses(cache)

    async def snapshot(self) -> Snapshot:
        """Return all records as of now.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        return await self._cache.read()

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        """See :class:`fc_async_local.engine.ports.Registry`."""
        snapshot = await self._cache.read()
        _check_enabled(snapshot, function)
        return _deployment(snapshot, function, qualifier, roll)

    async def role(self, function: str, qualifier: str) -> str:
        """Return the role of a function, "" if it has none; also if its invocation is disabled.

        Raises:
            Rejected: 404 FunctionNotFound, VersionNotFound or AliasNotFound.
        """
        return _deployment(await self._cache.read(), function, qualifier, 0.0).role

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig | None:
        """Return the configuration of exactly this qualifier, or None."""
        return _config(await self._cache.read(), function, qualifier)

    async def pause(self, function: str, *, known: bool = False) -> Pause | None:
        """Return the state of a function that was paused, None for all others."""
        return self.pauses.known(function) if known else await self.pauses.find(function)

    async def end_pause(self, function: str) -> None:
        """Forget that a function was paused, if it was resumed since."""
        await self.pauses.end(function)

    async def target(self, function: str, qualifier: str, *, roll: float) -> InvocationTarget:
        """Return deployment and configuration, both of the same revision."""
        # One snapshot for both: an invocation must not run new code with the retries of the old.
        snapshot = await self._cache.read()
        _check_enabled(snapshot, function)
        deployment = _deployment(snapshot, function, qualifier, roll)
        return InvocationTarget(deployment, _config(snapshot, function, qualifier))

    async def prune_code(self, *, used_before: int) -> int:
        """Delete code that no function or version has used since a time; return how many archives.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        snapshot = await self._cache.read()
        # Versions keep the code that they were published with.
        in_use = {record.code.key for record in snapshot.all(FunctionRecord)}
        in_use |= {record.code.key for record in snapshot.all(VersionRecord)}
        return await self.code.prune(in_use, used_before=used_before)

    async def graph(self) -> Graph:
        """Return the graph of destinations and triggers as configured now."""
        snapshot = await self._cache.read()
        return self._graph(snapshot, snapshot.all(AsyncConfigRecord))

    def _graph(self, snapshot: Snapshot, configs: Sequence[AsyncConfigRecord]) -> Graph:
        names = [record.name for record in snapshot.all(FunctionRecord)]
        return draw_graph(configs, names, snapshot.all(TriggerRecord), self._cache.account)

    async def cycle_with(
        self, function: str, qualifier: str, body: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """Return the names along the destination cycle that a configuration would close, or ().

        Args:
            function: The function of the configuration.
            qualifier: Of the function.
            body: Of PutAsyncInvokeConfig; nothing is stored.

        Raises:
            Rejected: 400 InvalidArgument or InvalidDestinationResources; 404 FunctionNotFound,
                AliasNotFound or VersionNotFound.
        """
        config = check_config(body)
        snapshot = await self._cache.read()
        snapshot.resolve(function, qualifier)
        changed = AsyncConfigRecord(
            function=function,
            qualifier=qualifier,
            config=config,
            created_at=0,
            modified_at=0,
        )
        configs = {record.key: record for record in snapshot.all(AsyncConfigRecord)}
        configs[changed.key] = changed
        graph = self._graph(snapshot, list(configs.values()))
        # The same edges as in `validate`: a trigger needs an event from outside, and an edge with
        # a waiver is a cycle that its author wants.
        destinations = [edge for edge in graph.edges if edge.outcome != TRIGGER]
        ways = [(edge.source, edge.target) for edge in destinations if not edge.waived]
        return cycle_through(ways, f"{function}/{qualifier}")

    async def code_checksum(self, function: str, version_id: str) -> str:
        """Return ``codeChecksum`` of a version, or of the unpublished code ("").

        Raises:
            Rejected: 404 FunctionNotFound or VersionNotFound.
        """
        return (await self._cache.read()).resolve(function, version_id).code.checksum


def _check_enabled(snapshot: Snapshot, function: str) -> None:
    # Not in the snapshot's own look-up: a function that is disabled can be read, changed and
    # deleted.
    record = snapshot.find(FunctionRecord, function)
    if record is not None and record.restriction is not None:
        raise refusals.invocation_disabled(function, record.restriction.reason)


def _deployment(
    snapshot: Snapshot,
    function: str,
    qualifier: str,
    roll: float,
) -> Deployment:
    key = ("deployment", function, qualifier)
    deployment: Deployment | None = snapshot.derived.get(key)
    if deployment is None:
        # The version of an alias with weights is drawn for each attempt, so it is not remembered.
        drawn = snapshot.draw(function, qualifier, roll)
        if drawn != qualifier:
            return _deployment(snapshot, function, drawn, roll)
        record = snapshot.resolve(function, qualifier)
        reserved = snapshot.concurrency(function)
        max_instances = None if reserved is None else reserved.reserved
        deployment = deployment_of(record, max_instances)
        snapshot.derived[key] = deployment
    return deployment


def _config(snapshot: Snapshot, function: str, qualifier: str) -> AsyncConfig | None:
    key = ("config", function, qualifier)
    try:
        config: AsyncConfig | None = snapshot.derived[key]
    # Not get(): that a function has no configuration is remembered as None.
    except KeyError:
        record = snapshot.async_config(function, qualifier)
        config = None if record is None else record.config
        snapshot.derived[key] = config
    return config


def deployment_of(
    record: FunctionRecord | VersionRecord, max_instances: int | None = None
) -> Deployment:
    """Return what is run of a function's unpublished code or of a version.

    Args:
        record: Code and settings.
        max_instances: Reserved concurrency, None if there is none.
    """
    document = {**record.settings}
    # ARNs, as a request has them; in the model of an answer each has a size, too.
    layers = document.pop("layers", ())
    settings = msgspec.convert(document, FunctionSettings)
    concurrency = limits.INSTANCE_CONCURRENCY.default
    if settings.instance_concurrency is not None:
        concurrency = settings.instance_concurrency
    memory_mb = limits.MEMORY_MB.default
    if settings.memory_size is not None:
        memory_mb = settings.memory_size
    server = server_of(settings)
    hooks = hooks_of(settings)
    function, version_id, revision = _identity(record)
    return Deployment(
        function=function,
        version_id=version_id,
        revision=revision,
        runtime=settings.runtime or "",
        handler=settings.handler or "",
        # The key of the archive, not the checksum that clients see: it decides which code runs.
        code_checksum=record.code.key,
        timeout_ms=_ms(settings.timeout, limits.FUNCTION_TIMEOUT_SECONDS.default),
        memory_mb=memory_mb,
        environment=settings.environment_variables or {},
        instance_concurrency=concurrency,
        initializer=hooks.initializer.handler or "",
        initializer_timeout_ms=_ms(
            hooks.initializer.timeout, limits.INITIALIZER_TIMEOUT_SECONDS.default
        ),
        pre_stop=hooks.pre_stop.handler or "",
        pre_stop_timeout_ms=_ms(hooks.pre_stop.timeout, limits.PRE_STOP_TIMEOUT_SECONDS.default),
        command=server.command or (),
        entrypoint=server.entrypoint or (),
        image=server.image,
        cpu=settings.cpu,
        port=server.port or limits.CUSTOM_RUNTIME_PORT,
        health_check=_health_check(server.health_check_config),
        role=settings.role or "",
        layers=tuple(layers),
        mounts=mount_points(settings.nas_config, settings.oss_mount_config),
        max_instances=max_instances,
    )


def _identity(record: FunctionRecord | VersionRecord) -> tuple[str, str, str]:
    """Return function, version id ("" for unpublished code) and revision."""
    if isinstance(record, VersionRecord):
        return record.function, record.version_id, f"{record.function_id}/{record.version_id}"
    return record.name, "", f"{record.function_id}/LATEST.{record.edition}"


def _health_check(config: HealthCheckConfig | None) -> HealthCheck | None:
    """Return the check with the API's defaults; None if there is no path to request."""
    if config is None or not config.http_get_url:
        return None
    return HealthCheck(
        path=config.http_get_url,
        initial_delay_ms=_ms(config.initial_delay_seconds, 0),
        period_ms=_ms(config.period_seconds, 3),
        timeout_ms=_ms(config.timeout_seconds, 1),
        failure_threshold=config.failure_threshold or 3,
        success_threshold=config.success_threshold or 1,
    )


def _ms(seconds: int | None, default: int) -> int:
    return 1000 * (seconds or default)
