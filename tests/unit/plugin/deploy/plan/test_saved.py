# SPDX-License-Identifier: MIT
"""What was reviewed is what is applied, or nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.account.remote import read
from fc_async_plugin.deploy.plan import plan_changes
from fc_async_plugin.deploy.plan import saved as saved_plan
from fc_async_plugin.deploy.plan.saved import SavedPlan
from fc_async_plugin.project.state import Place, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk.models import Alias, AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.account import Regions

PLACE = Place("cn-hangzhou", "f")


def save(regions: Regions, *, ours: bool = False) -> SavedPlan:
    wanted = {
        PLACE: WantedFunction(
            configs={"prod": AsyncConfig(async_task=True)},
            position=Position("s.yaml", 1, 1),
            settings={"timeout": 9} if ours else None,
        )
    }
    remote = read(regions, wanted)
    return SavedPlan(
        template="/project/s.yaml",
        endpoint="",
        account_id="",
        plan=plan_changes(wanted, remote),
        seen=saved_plan.snapshots(wanted, remote),
    )


@pytest.fixture(autouse=True)
def function(account) -> None:
    account.add_function("f", timeout=3)
    account.aliases["f", "prod"] = Alias(alias_name="prod", version_id="1")


def check(regions: Regions, saved: SavedPlan) -> None:
    saved_plan.refuse_changes(saved, read(regions, saved_plan.to_read(saved)))


def test_a_saved_plan_is_loaded_unchanged(regions: Regions, tmp_path: Path) -> None:
    saved = save(regions, ours=True)
    saved_plan.save(tmp_path / "plan.json", saved)
    assert saved_plan.load(tmp_path / "plan.json") == saved


def test_steps_of_an_edited_file_do_not_wait_for_themselves(
    regions: Regions, tmp_path: Path
) -> None:
    saved, file = save(regions, ours=True), tmp_path / "plan.json"
    saved_plan.save(file, saved)
    document = msgspec.json.decode(file.read_bytes())
    document["plan"]["needs"] = [[index] for index in range(len(saved.plan.steps))]
    file.write_bytes(msgspec.json.encode(document))
    assert saved_plan.load(file) == saved


def test_only_the_owner_can_read_the_file(regions: Regions, tmp_path: Path) -> None:
    saved_plan.save(tmp_path / "plan.json", save(regions))
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0


def test_an_account_that_did_not_change_is_accepted(regions: Regions) -> None:
    check(regions, save(regions, ours=True))


CHANGES: dict[str, Callable[[Any], object]] = {
    "configuration came": lambda account: account.put_async_invoke_config(
        "f", qualifier="prod", config=AsyncConfig(max_async_retry_attempts=1)
    ),
    "the function went": lambda account: account.delete_function("f"),
    "the alias moved": lambda account: account.update_alias("f", "prod", version_id="2"),
    "a setting of a function of ours": lambda account: account.update_function(
        "f", extra={"timeout": 4}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_account_is_refused(change: str, regions: Regions, account) -> None:
    saved = save(regions, ours=True)
    CHANGES[change](account)
    with pytest.raises(PluginError, match=r"changed since the plan was made, at f \(cn-hangzhou\)"):
        check(regions, saved)


def test_a_function_that_is_not_ours_may_change_otherwise(regions: Regions, account) -> None:
    saved = save(regions)
    account.update_function("f", extra={"timeout": 4})
    check(regions, saved)


def test_times_do_not_count_as_changes(regions: Regions, account) -> None:
    saved = save(regions, ours=True)
    account.functions["f"]["lastModifiedTime"] = "2026-01-01T00:00:00Z"
    check(regions, saved)


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"format": 1}', b"\xff\xfe".decode("latin-1"), "[" * 5000]
)
def test_a_file_that_is_not_a_plan_is_an_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(PluginError, match="is not a plan"):
        saved_plan.load(path)


def test_a_plan_of_another_format_is_refused(regions: Regions, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    saved_plan.save(path, save(regions))
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(PluginError, match="has format 1, expected 2"):
        saved_plan.load(path)
