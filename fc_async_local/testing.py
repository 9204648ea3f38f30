# SPDX-License-Identifier: MIT
"""A pytest plugin: tests of functions and their destinations against a running local runtime.

The fixture ``fc_local`` is a runtime on free ports with a virtual clock and state in memory, one
for each test: five hours of retries take milliseconds. The import of this module has no side
effects.
"""

from __future__ import annotations

import base64
import io
import logging
import os
import warnings
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import pytest

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fc_async_local._fixture import Executions
    from fc_async_local.domain.faults import FunctionError
    from fc_async_local.embedded import LocalRuntime
    from fc_async_local.execution.instances.duplicates import How
    from fc_async_local.execution.instances.inprocess import Handler as InProcessHandler
    from fc_async_local.execution.protocol import Attempt
    from fc_async_local.execution.worker.context import Context
    from fc_async_local.functions.fields import AsyncConfigFields, DeployOptions
    from fc_async_local.services.oss.local import Objects
    from fc_async_local.settings import Settings
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Addresses
    from fc_async_sdk.events import DestinationEvent

_MOST_IMPORTS = 10_000
"""Records of imports that one test can have."""

Handler = Callable[[bytes, Any], Any]
"""``handler(event, context)`` as it would be deployed, or a coroutine function."""


class Deploy(Protocol):
    """The function that deploys a template."""

    def __call__(
        self,
        file: Path | str,
        connect: Callable[[str], Client],
        *,
        account_id: str,
        env: str | None,
    ) -> dict[str, str]:
        """Deploy the functions of a template; return their names by resource, in its order."""
        ...


class Hooks:
    """Hooks by which another pytest plugin adds to the fixture ``fc_local``."""

    @pytest.hookspec(firstresult=True)
    def pytest_fc_local_deployer(self) -> Deploy | None:
        """Return what ``fc_local.deploy_template`` calls.

        Raises:
            ModuleNotFoundError: A package of an extra is not installed.
        """


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let other plugins implement :class:`Hooks`."""
    pluginmanager.add_hookspecs(Hooks)


class ImportedFromMachine(UserWarning):
    """A function imports a module that would be missing on the service; pytest shows it.

    The setting ``strict_imports`` lets the import fail instead.
    """


class FcLocal:
    """A running runtime, with the operations that tests need.

    Attributes:
        runtime: The runtime itself.
        client: An SDK client of it. Its waiters move the virtual clock.
    """

    def __init__(
        self,
        runtime: LocalRuntime,
        handlers: dict[str, InProcessHandler],
        client: Client,
        executions: Executions,
        deployer: Callable[[], Deploy | None] = lambda: None,
    ) -> None:
        self.runtime = runtime
        self.client = client
        self._handlers = handlers
        self._executions = executions
        self._deployer = deployer

    @property
    def endpoint(self) -> str:
        """URL of the FC API."""
        return self.runtime.endpoint

    @property
    def token(self) -> str:
        """Token of the runtime's own API, ``Authorization: Bearer TOKEN`` below ``/_local/``."""
        return self.runtime.token

    @property
    def mns_endpoint(self) -> str:
        """URL of MNS."""
        return self.runtime.addresses.mns

    @property
    def rocketmq_endpoint(self) -> str:
        """URL of RocketMQ's HTTP protocol."""
        return self.runtime.addresses.rocketmq

    @property
    def eventbridge_endpoint(self) -> str:
        """URL of EventBridge."""
        return self.runtime.addresses.eventbridge

    @property
    def oss_endpoint(self) -> str:
        """URL of OSS, which any client of OSS takes as its endpoint."""
        return self.runtime.addresses.oss

    @property
    def oss(self) -> Objects:
        """Objects of OSS: put some to fire triggers, read what functions put."""
        from fc_async_local.services.oss.local import Objects

        return Objects(self.runtime.services.oss.service, self.runtime.call)

    def deploy(
        self,
        name: str,
        code: Path | str | Handler,
        *,
        async_config: AsyncConfigFields | None = None,
        **options: Unpack[DeployOptions],
    ) -> None:
        """Create a function, or replace its code and settings.

        Args:
            name: Function name.
            code: A folder, or a handler that runs in this process. A handler gets the event and a
                context as on the service; it returns bytes, text or a JSON value, or raises.
            async_config: PutAsyncInvokeConfig's body. Default: task mode on.
            **options: Those of ``client.create_function`` such as ``handler``, ``timeout`` and
                ``memory_size``.

        Raises:
            TypeError: An option, or a name in ``async_config``, does not exist.
            Rejected: 400 InvalidArgument: a value is out of its range.
        """
        from fc_async_local.functions import fields
        from fc_async_sdk import packaging

        settings = fields.of_options(options, f"deploy({name!r})")
        fields.check_names(async_config or {}, fields.AsyncConfigFields, "async_config")
        if callable(code):
            self._handlers[name] = self._with_context(code)
            archive = _empty_archive()
        else:
            # An earlier handler of the test would run in place of the code.
            self._handlers.pop(name, None)
            archive = packaging.archive(Path(code))
        body = {
            "functionName": name,
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": {"zipFile": base64.b64encode(archive).decode()},
            **settings,
        }
        config = {"asyncTask": True} if async_config is None else dict(async_config)
        self.runtime.call(self._deploy(name, body, config))

    def _with_context(self, handler: Handler) -> InProcessHandler:
        from fc_async_local import _fixture

        addresses = self.runtime.addresses
        # In a thread: a handler that sends a request to the runtime would wait for the event loop
        # that it blocks.
        if _fixture.sends(handler):
            return lambda event, attempt: _fixture.run(
                handler, event, context_of(attempt, addresses)
            )
        return lambda event, attempt: handler(event, context_of(attempt, addresses))

    def deploy_template(
        self,
        template: Path | str = "s.yaml",
        *,
        env: str | None = None,
        handlers: Mapping[str, Handler] | None = None,
    ) -> tuple[str, ...]:
        """Deploy the functions of a template, as ``fc-async deploy --with-functions`` does.

        Their code runs in processes, and their triggers fire. Queues, topics and buses that
        destinations name are made. A second call applies what has changed.

        Args:
            template: The file, or its folder; relative to the working folder.
            env: Environment of ``env.yaml``.
            handlers: Handlers that run in this process instead of the code, by resource.

        Returns:
            The names of the functions, in the order of the template.

        Raises:
            FcAsyncError: The template cannot be read or has an error, such as an unknown key.
            ValueError: ``handlers`` names a resource that is not a function of the template.
        """
        replacements = dict(handlers or {})
        account_id = self.runtime.addresses.account_id
        names = self._deploy_function()(template, self._connect, account_id=account_id, env=env)
        for resource in replacements:
            if resource not in names:
                raise ValueError(_no_resource(str(template), resource, list(names)))
        for resource, name in names.items():
            self._handlers.pop(name, None)
            if resource in replacements:
                self._handlers[name] = self._with_context(replacements[resource])
        self.runtime.call(self._create_destinations())
        return tuple(names.values())

    def _deploy_function(self) -> Deploy:
        try:
            deploy = self._deployer()
        except ModuleNotFoundError as error:
            _fail_without("fc_local.deploy_template", "cli", error)
        if deploy is None:
            pytest.fail(
                "fc_local.deploy_template needs the pytest plugin fc_async_plugin: "
                "load it with -p fc_async_plugin.testing",
                pytrace=False,
            )
        return deploy

    def _connect(self, region: str) -> Client:
        import fc_async_sdk

        return fc_async_sdk.client(region_name=region, endpoint_url=self.endpoint)

    async def _create_destinations(self) -> None:
        for config in await self.runtime.registry.async_configs.everything():
            await self.runtime.services.create_destinations(config)

    async def _deploy(self, name: str, body: dict[str, Any], config: dict[str, Any]) -> None:
        registry = self.runtime.registry
        if name in await registry.functions.names():
            await registry.functions.update(name, body)
        else:
            await registry.functions.create(body)
        await registry.async_configs.put(name, "", config)

    def create_queue(self, name: str) -> str:
        """Make a queue of MNS; returns its ARN, to be used as destination."""
        return self._create("queue", name)

    def create_topic(self, name: str) -> str:
        """Make a topic of MNS; returns its ARN."""
        return self._create("topic", name)

    def create_bus(self, name: str) -> str:
        """Make a bus of EventBridge; returns its ARN."""
        return self._create("bus", name)

    def create_rocketmq_topic(self, instance_id: str, topic: str) -> str:
        """Make a topic of a RocketMQ 4.x instance; returns its ARN."""
        return self._create("rocketmq", topic, instance_id)

    def _create(self, kind: str, name: str, instance: str = "") -> str:
        channel = next(
            channel for channel in self.runtime.services.channels if channel.channel == kind
        )
        target = channel.named(name, instance)
        self.runtime.call(channel.create(target))
        addresses = self.runtime.addresses
        return str(target.resolve(region=addresses.region, account_id=addresses.account_id))

    def receive(self, queue: str) -> DestinationEvent | None:
        """Take one destination event from a queue; return None if it is empty.

        Args:
            queue: Name of the queue, or its ARN, which :meth:`create_queue` returns.
        """
        from fc_async_sdk import events

        # The name, or the ARN that create_queue returns.
        name = queue.removesuffix("/messages").rpartition("/")[2]
        body = self.runtime.call(self._receive(name))
        return None if body is None else events.parse(body)

    async def _receive(self, queue: str) -> str | None:
        from fc_async_local.services.mns.model import handle_of

        mns = self.runtime.services.mns
        messages = await mns.receive(queue, wait_seconds=0)
        if not messages:
            return None
        await mns.delete(queue, [handle_of(messages[0])])
        return messages[0].body

    def fire_trigger(self, function: str, trigger: str, event: object = None) -> str:
        """Fire a trigger now, also one that is switched off; returns the request id.

        Args:
            function: Name of the function.
            trigger: Name of the trigger.
            event: What the function gets: bytes, text or a JSON value. None: the event that the
                trigger would make.

        Raises:
            Rejected: 404 TriggerNotFound, or as the invocation is refused.
        """
        from fc_async_sdk.events.triggers import encode

        payload: bytes | None
        if event is None or isinstance(event, bytes):
            payload = event
        else:
            payload = event.encode() if isinstance(event, str) else encode(event)
        control = self.runtime.services.trigger_control
        request_id, _ = self.runtime.call(control.fire(function, trigger, payload))
        return request_id

    def send_oss_event(
        self,
        bucket: str,
        key: str,
        *,
        event: str = "ObjectCreated:PutObject",
        size: int = 0,
    ) -> list[str]:
        """Fire the OSS triggers that match an event of an object.

        Args:
            bucket: Name of the bucket.
            key: Key of the object; the object need not exist.
            event: What happened to it.
            size: Of the object, in bytes.

        Returns:
            The request id of each invocation; an empty list if no trigger matches.

        Raises:
            Rejected: 400 InvalidArgument: OSS has no such key or event.
        """
        from fc_async_sdk.admin.models import ObjectEvent

        event_of_object = ObjectEvent(bucket=bucket, key=key, event=event, size=size)
        fired = self.runtime.call(
            self.runtime.services.trigger_control.object_event(event_of_object)
        )
        return [invocation.request_id for invocation in fired]

    def fail_destination(
        self,
        destination: str = "*",
        *,
        status: int = 503,
        timeout: bool = False,
        times: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Let destinations fail.

        Args:
            destination: A kind such as ``mns-queue``, or an ARN, which may hold ``*``.
            status: 5xx and 429 are tried again, other 4xx are recorded and not tried again.
            timeout: Do not answer at all instead.
            times: For that many tries.
            seconds: For that long.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        from fc_async_local.domain.faults import DestinationFault

        fault = DestinationFault(
            destination=destination,
            status=status,
            timeout=timeout,
            times=times,
        )
        self._in_loop(self.runtime.faults.add, fault, seconds=seconds)

    def _in_loop(self, change: Callable[..., object], *args: object, **options: object) -> None:
        """Call a function in the event loop of the runtime."""

        async def work() -> None:
            change(*args, **options)

        self.runtime.call(work())

    def heal_destinations(self) -> None:
        """Clear all faults of destinations."""
        from fc_async_local.domain.faults import DestinationFault

        self._in_loop(self.runtime.faults.clear, kind=DestinationFault)

    def fail_function(
        self,
        function: str,
        error: FunctionError = "system error",
        *,
        times: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Let a function fail for a reason of the system: it does not run.

        Such attempts are not counted and are retried with back-off, for five hours at most; a
        synchronous call is answered with 429, 503 or 500.

        Args:
            function: Its name, which may hold ``*``.
            error: ``throttled``, ``no resources`` or ``system error``.
            times: For that many attempts.
            seconds: For that long.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        from fc_async_local.domain.faults import FunctionFault

        fault = FunctionFault(function=function, error=error, times=times)
        self._in_loop(self.runtime.faults.add, fault, seconds=seconds)

    def heal_functions(self) -> None:
        """Clear all faults of functions."""
        from fc_async_local.domain.faults import FunctionFault

        self._in_loop(self.runtime.faults.clear, kind=FunctionFault)

    def duplicate(self, function: str, how: How = "together", *, times: int = 1) -> None:
        """Run the next attempts of a function twice: FC executes an event at least once.

        Args:
            function: Name of a function that is deployed.
            how: ``together``: two executions at the same time, each in a thread or process; the
                outcome of the second one is dropped. ``crash``: the function finishes, then its
                instance ends before the result arrives, and the invocation is retried as
                configured. ``redelivery``: the result is lost, and the same attempt is
                delivered again.
            times: For how many attempts.

        Raises:
            Rejected: 404 FunctionNotFound, or 400 InvalidArgument.
        """
        self.runtime.call(self.runtime.registry.functions.get(function))
        self._in_loop(self.runtime.duplicates.add, function, how, times)

    def advance(self, seconds: float) -> None:
        """Let time pass; returns when everything that became due is done."""
        self.runtime.advance(seconds)

    def run_until_idle(self) -> None:
        """Let time pass until nothing waits and nothing runs."""
        self.runtime.run_until_idle()

    def rate_of(self, function: str, *, per: float = 1) -> int:
        """Return how many executions of a function began within any span of time, at most.

        A test of a pace compares it: ``assert fc_local.rate_of("crm", per=10) <= 1``. Counted is
        each time that the function ran: first attempts, retries, attempts after throttling,
        duplicates, synchronous calls. Deliveries that only wait for their slot are not counted, and
        a wait of the handler's wrapper below one second is a part of the execution.

        Args:
            function: Its name.
            per: Seconds of the span, which begins with an execution and does not include its end.
        """
        return self._executions.most_within(function, round(per * 1_000))

    def failed_attempts(self) -> str:
        """Return the tracebacks of the newest attempts that failed, "" if there are none.

        The report of a test that fails has them, too.
        """
        return self._executions.failed.report()


def context_of(attempt: Attempt, addresses: Addresses) -> Context:
    """Return the context of a Python handler for an attempt; its credentials are made up."""
    from fc_async_local.execution.machine.identity import Identity, fixed_context
    from fc_async_local.execution.worker.context import make_context

    identity = Identity(region=addresses.region, account_id=addresses.account_id)
    call = {
        "request_id": attempt.request_id,
        "qualifier": attempt.qualifier,
        "retry_count": attempt.number,
    }
    return make_context(fixed_context(attempt.deployment, identity), call)


def _empty_archive() -> bytes:
    """Return the archive of a function whose handler runs in the process of the test."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), b"")
    return buffer.getvalue()


def _no_resource(template: str, name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"{template} has no function {name!r}: {hint}"


def _fail_without(feature: str, extra: str, error: ModuleNotFoundError) -> NoReturn:
    """End the test with the extra that is not installed."""
    if error.name is None or error.name.startswith("fc_async_"):
        raise error
    from fc_async_sdk._installation import how_to_install

    pytest.fail(f"{feature} needs {error.name}: {how_to_install(extra)}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the tracebacks of functions that failed to the report of a test that failed."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    local = fixtures.get("fc_local")
    if report.failed and call.when == "call" and isinstance(local, FcLocal):
        failed = local.failed_attempts()
        if failed:
            report.sections.append(("functions that failed on fc_local", failed))
    return report


@pytest.fixture
def fc_local_settings() -> Settings:
    """Return the settings of the ``fc_local`` fixture; override this fixture to change them."""
    from fc_async_local.settings import Settings

    return Settings()


@contextmanager
def _warning_of_imports() -> Iterator[None]:
    """Warn at the end of what functions import from this machine."""
    from logging.handlers import BufferingHandler

    logger = logging.getLogger("fc_async_local.execution.import_rules")
    imports = BufferingHandler(_MOST_IMPORTS)
    imports.setLevel(logging.WARNING)
    logger.addHandler(imports)
    try:
        yield
    finally:
        logger.removeHandler(imports)
        for record in imports.buffer:
            warnings.warn(record.getMessage(), ImportedFromMachine, stacklevel=1)


@contextmanager
def _payloads_in(folder: Path) -> Iterator[None]:
    """Let large payloads of this process go to a folder, unless the environment names a store."""
    from fc_async_sdk._payloads.claims import VARIABLE, named_store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, named_store(os.environ) or str(folder))
        yield


@pytest.fixture
def fc_local(
    tmp_path: Path, fc_local_settings: Settings, pytestconfig: pytest.Config
) -> Iterator[FcLocal]:
    """Start a local runtime on a virtual clock; see :class:`FcLocal`."""
    try:
        from fc_async_local import _fixture
        from fc_async_local.embedded import LocalRuntime
        from fc_async_sdk._pacing import hosting
        from fc_async_sdk.waiters import VirtualClockStopped
    except ModuleNotFoundError as error:
        _fail_without("fc_local", "local", error)

    executions = _fixture.Executions()
    handlers: dict[str, InProcessHandler] = {}
    with (
        _payloads_in(tmp_path / "fc-async" / "payloads"),
        _warning_of_imports(),
        LocalRuntime(
            data=tmp_path / "fc-async",
            port=0,
            clock="virtual",
            store="memory",
            handlers=handlers,
            observe=executions,
            settings=fc_local_settings,
            grace_ms=1_000,
        ) as runtime,
        _fixture.connect(runtime) as client,
        hosting.hosted(_fixture.host_of(runtime, client)),
        warnings.catch_warnings(),
    ):
        # Appended: filters that a test or its configuration names come first.
        warnings.simplefilter("error", VirtualClockStopped, append=True)
        deployer = pytestconfig.hook.pytest_fc_local_deployer
        yield FcLocal(runtime, handlers, client, executions, deployer)
