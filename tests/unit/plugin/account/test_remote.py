# SPDX-License-Identifier: MIT
"""Reading an account: whole, in few requests, and never half a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.account import Regions, remote
from fc_async_plugin.account.remote import read
from fc_async_plugin.project.state import Place, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk import errors
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from fc_async_plugin.project.state import Wanted

REGION = "cn-hangzhou"
HERE = Position("s.yaml", 1, 1)


def wanting(*names: str, qualifier: str = "LATEST", ours: bool = False) -> Wanted:
    return {
        Place(REGION, name): WantedFunction(
            configs={qualifier: AsyncConfig()}, position=HERE, settings={} if ours else None
        )
        for name in names
    }


def test_the_function_and_its_configurations_are_read(account, regions: Regions) -> None:
    account.add_function("a")
    account.put_async_invoke_config("a", config=AsyncConfig(async_task=True))
    account.put_async_invoke_config("a", qualifier="prod", config=AsyncConfig())
    found = read(regions, wanting("a"))[Place(REGION, "a")]
    assert found.function is not None
    assert sorted(found.configs) == ["LATEST", "prod"]


def test_a_missing_function_is_absent_and_its_details_are_not_requested(
    account, regions: Regions
) -> None:
    assert read(regions, wanting("a"))[Place(REGION, "a")] == remote.RemoteFunction()
    assert account.calls == [("GetFunction", "a")]


@pytest.mark.parametrize(
    "error",
    [
        errors.AccessDenied("AccessDenied", "no", http_status=403),
        errors.NotFound("Http404", "a gateway's page", http_status=404),
        errors.ConnectFailed("no route"),
        errors.ServerError("InternalServerError", "oh", http_status=500),
        errors.InvalidResponse("<html>"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("operation", ["GetFunction", "ListAsyncInvokeConfigs", "ListAliases"])
def test_any_other_failure_stops_the_reading(
    error: Exception, operation: str, account, regions: Regions
) -> None:
    account.add_function("a")
    account.fail = lambda called, _: error if called == operation else None
    with pytest.raises(type(error)):
        read(regions, wanting("a", qualifier="prod"))


def test_aliases_and_versions_are_read_only_where_they_matter(account, regions: Regions) -> None:
    account.add_function("a")
    operations = {
        qualifier: [
            operation
            for operation, _ in _calls(account, regions, wanting("a", qualifier=qualifier))
        ]
        for qualifier in ("LATEST", "prod", "7")
    }
    assert operations == {
        "LATEST": ["GetFunction", "ListAsyncInvokeConfigs"],
        "prod": ["GetFunction", "ListAsyncInvokeConfigs", "ListAliases"],
        "7": ["GetFunction", "ListAsyncInvokeConfigs", "ListAliases", "ListFunctionVersions"],
    }


def _calls(account, regions: Regions, wanted: Wanted) -> list[tuple[str, str]]:
    account.calls.clear()
    read(regions, wanted)
    return list(account.calls)


def test_many_functions_are_listed_instead_of_asked_for_one_by_one(
    account, regions: Regions
) -> None:
    names = [f"f{number}" for number in range(250)]
    for name in names[:-1]:
        account.add_function(name)
        account.put_async_invoke_config(name, config=AsyncConfig(async_task=True))
    calls = _calls(account, regions, wanting(*names))
    assert [operation for operation, _ in calls] == [
        "ListFunctions",
        "ListFunctions",
        "ListFunctions",
        "ListAsyncInvokeConfigs",
        "ListAsyncInvokeConfigs",
        "ListAsyncInvokeConfigs",
    ]
    found = read(regions, wanting(*names))
    assert found[Place(REGION, "f0")].configs["LATEST"].async_task
    assert found[Place(REGION, "f249")].function is None


def test_functions_of_the_template_are_read_in_full_however_many(account, regions: Regions) -> None:
    names = [f"f{number}" for number in range(60)]
    for name in names:
        account.add_function(name)
    calls = _calls(account, regions, wanting(*names, ours=True))
    assert sum(operation == "GetFunction" for operation, _ in calls) == 60


def test_regions_are_read_apart() -> None:
    asked: list[str] = []

    def connect(region: str) -> Any:
        asked.append(region)
        raise errors.ConfigurationError("stop here")

    place = Place("other", "a")
    with pytest.raises(errors.ConfigurationError):
        read(Regions(connect), {place: WantedFunction(configs={}, position=HERE)})
    assert asked == ["other"]
