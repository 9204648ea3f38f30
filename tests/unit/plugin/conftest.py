# SPDX-License-Identifier: MIT
"""An account in memory that behaves like the service, and fails where a test wants it to."""

from __future__ import annotations

import copy
import json
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_plugin.account import Regions, connection
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_sdk import errors, models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REGION = "cn-hangzhou"
ACCOUNT = "123456"


def refusal(code: str, status: int) -> errors.ServiceError:
    return errors.service_error_class(code, status)(code, "injected", http_status=status)


def _checked(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """As the service does: what has a wrong type is refused, not stored."""
    try:
        msgspec.convert({"functionName": name, **settings}, models.Function)
    except msgspec.ValidationError:
        raise refusal("InvalidArgument", 400) from None
    return settings


class FakeAccount:
    """Functions, versions, aliases and configuration of one region.

    Attributes:
        calls: (operation, function) of every call, in order.
        fail: Asked before a call; what it returns is raised instead of doing anything.
        fail_after: The same, after the call was done: the answer got lost.
        codes: The zips that functions have.
        code_address: Where the zips can be downloaded, by function; "": nowhere.
    """

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Any]] = {}
        self.configs: dict[tuple[str, str], models.AsyncConfig] = {}
        self.aliases: dict[tuple[str, str], models.Alias] = {}
        self.versions: dict[str, list[str]] = {}
        self.triggers: dict[tuple[str, str], models.Trigger] = {}
        self.concurrency: dict[str, int] = {}
        self.calls: list[tuple[str, str]] = []
        self.fail: Callable[[str, str], BaseException | None] = lambda *_: None
        self.fail_after: Callable[[str, str], BaseException | None] = lambda *_: None
        self.codes: dict[str, bytes] = {}
        self.code_address = ""
        self._lock = threading.RLock()

    def close(self) -> None:
        """It has no connections."""

    def send(self, call, **_: object) -> None:
        """It has no operation besides those of the service."""
        raise errors.NotFound("NotFound", f"no {call.operation} here", http_status=404)

    def snapshot(self) -> Any:
        """All there is, to compare later."""
        documents = (self.configs, self.aliases, self.versions, self.triggers, self.concurrency)
        return copy.deepcopy((self.functions, *documents))

    def add_function(self, name: str, **settings) -> None:
        document = {"runtime": "python3.12", "handler": "index.handler", **settings}
        self.functions[name] = _checked(name, document)

    def _call(self, operation: str, function: str, do: Callable[[], Any]) -> Any:
        with self._lock:
            self.calls.append((operation, function))
            if error := self.fail(operation, function):
                raise error
            result = do()
            if error := self.fail_after(operation, function):
                raise error
            return result

    def _need(self, function: str) -> dict[str, Any]:
        if function not in self.functions:
            raise refusal("FunctionNotFound", 404)
        return self.functions[function]

    def _function(self, name: str) -> models.Function:
        return msgspec.convert({"functionName": name, **self._need(name)}, models.Function)

    # --- functions

    def get_function(self, function: str) -> models.Function:
        return self._call("GetFunction", function, lambda: self._function(function))

    def list_functions(
        self, *, limit: int | None = None, next_token: str | None = None
    ) -> models.FunctionPage:
        def page() -> models.FunctionPage:
            names, token = self._page(sorted(self.functions), limit, next_token)
            return models.FunctionPage(
                functions=tuple(map(self._function, names)), next_token=token
            )

        return self._call("ListFunctions", "", page)

    @staticmethod
    def _page(
        items: list[Any], limit: int | None, token: str | None
    ) -> tuple[list[Any], str | None]:
        start, size = int(token or 0), limit or 20
        end = start + size
        return items[start:end], str(end) if end < len(items) else None

    def create_function(
        self,
        function: str,
        *,
        runtime: str,
        handler: str = "index.handler",
        code: models.Code | bytes | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> models.Function:
        def create() -> models.Function:
            if function in self.functions:
                raise refusal("FunctionAlreadyExists", 409)
            self.add_function(function, runtime=runtime, handler=handler, **(extra or {}))
            self._code(function, code)
            return self._function(function)

        return self._call("CreateFunction", function, create)

    def _code(self, function: str, code: models.Code | bytes | None) -> None:
        if isinstance(code, bytes):
            import fastcrc

            self.functions[function]["codeChecksum"] = str(fastcrc.crc64.xz(code))
            self.codes[function] = code

    def update_function(
        self,
        function: str,
        *,
        code: models.Code | bytes | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> models.Function:
        def update() -> models.Function:
            settings = self._need(function) | dict(extra or {})
            self.functions[function] = _checked(function, settings)
            self._code(function, code)
            return self._function(function)

        return self._call("UpdateFunction", function, update)

    def delete_function(self, function: str) -> None:
        def delete() -> None:
            self._need(function)
            del self.functions[function]
            self.configs = {key: one for key, one in self.configs.items() if key[0] != function}
            self.aliases = {key: one for key, one in self.aliases.items() if key[0] != function}
            self.versions.pop(function, None)
            self.concurrency.pop(function, None)
            self.triggers = {key: one for key, one in self.triggers.items() if key[0] != function}

        self._call("DeleteFunction", function, delete)

    def get_function_code(self, function: str) -> models.FunctionCode:
        url = f"{self.code_address}/{function}" if self.code_address else None
        return self._call("GetFunctionCode", function, lambda: models.FunctionCode(url=url))

    # --- configuration

    def put_async_invoke_config(
        self,
        function: str,
        *,
        qualifier: str | None = None,
        config: models.AsyncConfig | None = None,
    ) -> models.AsyncConfig:
        def put() -> models.AsyncConfig:
            self._need(function)
            suffix = "" if qualifier in (None, "LATEST") else f"/{qualifier}"
            put = msgspec.structs.replace(
                config or models.AsyncConfig(),
                function_arn=f"acs:fc:{REGION}:{ACCOUNT}:functions/{function}{suffix}",
            )
            self.configs[function, qualifier or "LATEST"] = put
            return put

        return self._call("PutAsyncInvokeConfig", function, put)

    def delete_async_invoke_config(self, function: str, *, qualifier: str | None = None) -> None:
        def delete() -> None:
            if (function, qualifier or "LATEST") not in self.configs:
                raise refusal("AsyncConfigNotExists", 404)
            del self.configs[function, qualifier or "LATEST"]

        self._call("DeleteAsyncInvokeConfig", function, delete)

    def list_async_invoke_configs(
        self,
        function: str | None = None,
        *,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> models.AsyncConfigPage:
        def page() -> models.AsyncConfigPage:
            keys = sorted(key for key in self.configs if function in (None, key[0]))
            chosen, token = self._page(keys, limit, next_token)
            return models.AsyncConfigPage(
                configs=tuple(self.configs[key] for key in chosen), next_token=token
            )

        return self._call("ListAsyncInvokeConfigs", function or "", page)

    # --- versions and aliases

    def list_aliases(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> models.AliasPage:
        found = tuple(one for key, one in sorted(self.aliases.items()) if key[0] == function)
        return self._call("ListAliases", function, lambda: models.AliasPage(aliases=found))

    def create_alias(
        self,
        function: str,
        alias: str,
        *,
        version_id: str,
        description: str | None = None,
        additional_version_weight: Mapping[str, float] | None = None,
    ) -> models.Alias:
        def create() -> models.Alias:
            if version_id not in self.versions.get(function, []):
                raise refusal("VersionNotFound", 404)
            if (function, alias) in self.aliases:
                raise refusal("AliasAlreadyExists", 409)
            made = models.Alias(alias_name=alias, version_id=version_id, description=description)
            self.aliases[function, alias] = made
            return made

        return self._call("CreateAlias", function, create)

    def update_alias(
        self,
        function: str,
        alias: str,
        *,
        version_id: str | None = None,
        description: str | None = None,
        additional_version_weight: Mapping[str, float] | None = None,
    ) -> models.Alias:
        def update() -> models.Alias:
            made = models.Alias(alias_name=alias, version_id=version_id, description=description)
            self.aliases[function, alias] = made
            return made

        return self._call("UpdateAlias", function, update)

    def delete_alias(self, function: str, alias: str) -> None:
        def delete() -> None:
            if (function, alias) not in self.aliases:
                raise refusal("AliasNotFound", 404)
            del self.aliases[function, alias]

        self._call("DeleteAlias", function, delete)

    def publish_function_version(
        self, function: str, *, description: str | None = None
    ) -> models.FunctionVersion:
        def publish() -> models.FunctionVersion:
            self._need(function)
            versions = self.versions.setdefault(function, [])
            versions.append(str(len(versions) + 1))
            return models.FunctionVersion(version_id=versions[-1])

        return self._call("PublishFunctionVersion", function, publish)

    def list_function_versions(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> models.FunctionVersionPage:
        found = tuple(
            models.FunctionVersion(version_id=one) for one in self.versions.get(function, [])
        )
        return self._call(
            "ListFunctionVersions", function, lambda: models.FunctionVersionPage(versions=found)
        )

    def list_triggers(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> models.TriggerPage:
        found = tuple(one for key, one in sorted(self.triggers.items()) if key[0] == function)
        return self._call("ListTriggers", function, lambda: models.TriggerPage(triggers=found))

    def create_trigger(
        self,
        function: str,
        trigger: str,
        *,
        trigger_type: str,
        trigger_config: Mapping[str, Any],
        **more: Any,
    ) -> models.Trigger:
        def create() -> models.Trigger:
            self._need(function)
            if (function, trigger) in self.triggers:
                raise refusal("TriggerAlreadyExists", 409)
            return self._put_trigger(function, trigger, trigger_type, trigger_config, more)

        return self._call("CreateTrigger", function, create)

    def update_trigger(
        self, function: str, trigger: str, *, trigger_config: Mapping[str, Any], **more: Any
    ) -> models.Trigger:
        def update() -> models.Trigger:
            if (function, trigger) not in self.triggers:
                raise refusal("TriggerNotFound", 404)
            there = self.triggers[function, trigger]
            more["source_arn"] = there.source_arn
            return self._put_trigger(function, trigger, there.trigger_type, trigger_config, more)

        return self._call("UpdateTrigger", function, update)

    def _put_trigger(
        self, function: str, name: str, kind: str | None, config: Any, more: dict[str, Any]
    ) -> models.Trigger:
        made = models.Trigger(
            trigger_name=name,
            trigger_type=kind,
            trigger_config=json.dumps(config),
            **{key: value or None for key, value in more.items()},
        )
        self.triggers[function, name] = made
        return made

    def delete_trigger(self, function: str, trigger: str) -> None:
        def delete() -> None:
            if self.triggers.pop((function, trigger), None) is None:
                raise refusal("TriggerNotFound", 404)

        self._call("DeleteTrigger", function, delete)

    # --- concurrency

    def put_concurrency_config(self, function: str, *, reserved_concurrency: int) -> None:
        def put() -> None:
            self._need(function)
            self.concurrency[function] = reserved_concurrency

        self._call("PutConcurrencyConfig", function, put)

    def delete_concurrency_config(self, function: str) -> None:
        def delete() -> None:
            if self.concurrency.pop(function, None) is None:
                raise refusal("ConcurrencyNotFound", 404)

        self._call("DeleteConcurrencyConfig", function, delete)

    def list_concurrency_configs(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> models.ConcurrencyConfigPage:
        count = self.concurrency.get(function)
        found = () if count is None else (models.ConcurrencyConfig(reserved_concurrency=count),)
        return self._call(
            "ListConcurrencyConfigs", function, lambda: models.ConcurrencyConfigPage(configs=found)
        )

    def delete_function_version(self, function: str, version_id: str) -> None:
        def delete() -> None:
            if version_id not in self.versions.get(function, []):
                raise refusal("VersionNotFound", 404)
            self.versions[function].remove(version_id)
            if not self.versions[function]:
                del self.versions[function]

        self._call("DeleteFunctionVersion", function, delete)


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: FakeAccount) -> Path:
    """The working folder of commands, which reach this account in place of one in the cloud."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    monkeypatch.setattr(connection, "client", lambda *_: account)
    return tmp_path


@pytest.fixture
def regions(account: FakeAccount) -> Regions:
    return Regions(lambda _: account)


@pytest.fixture
def naps() -> list[float]:
    """How long the performer wanted to wait, instead of waiting."""
    return []


@pytest.fixture
def performer(regions: Regions, naps: list[float]) -> Performer:
    return Performer(regions, sleep=naps.append)
