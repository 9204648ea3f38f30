# SPDX-License-Identifier: MIT
"""Each fault of ``s`` with fc3 in docs/discussion/compared-with-s.md: seen there, absent here.

Every test shows our side. The side of ``s`` is shown first when fc3 is at hand: ``FC_ASYNC_FC3``
names the folder of a built fc3 (it is not on npm). Row ids tie the tests to the table.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fc_async_sdk import errors
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

TABLE = Path(__file__).parents[3] / "docs" / "discussion" / "compared-with-s.md"
FC3 = os.environ.get("FC_ASYNC_FC3", "")
STUB = "module.exports = class { async deploy() { return {}; } async plan() { return {}; } };"
FAR_FUTURE = 4102444800000

GOOD = {
    "asyncTask": True,
    "maxAsyncRetryAttempts": 2,
    "destinationConfig": {
        "onFailure": {"destination": "acs:mns:cn-hangzhou::/queues/failed/messages"}
    },
}


class Sides(NamedTuple):
    """The two tools on one project and one local runtime.

    Attributes:
        s: Runs ``s``; None when fc3 isn't at hand.
        ours: Runs ``fc-async``.
        write: Writes s.yaml: function names and their blocks.
        fc: The local runtime.
    """

    s: Callable[..., Ran] | None
    ours: Callable[..., Ran]
    write: Callable[..., None]
    fc: FcLocal

    def configs(self) -> dict[str, str]:
        """Functions that have a configuration."""
        return {
            (config.function_arn or "").partition("functions/")[2]: config.qualifier
            for config in self.fc.client.list_async_invoke_configs().configs
        }

    def functions(self) -> list[str]:
        return [one.function_name for one in self.fc.client.list_functions().functions]

    def clear(self) -> None:
        """An empty account again."""
        for name in self.functions():
            for config in self.fc.client.list_async_invoke_configs(name).configs:
                self.fc.client.delete_async_invoke_config(name, qualifier=config.qualifier)
            for alias in self.fc.client.list_aliases(name).aliases:
                self.fc.client.delete_alias(name, alias.alias_name)
            self.fc.client.delete_function(name)


@pytest.fixture
def fc3(s_home: Path) -> None:
    """Puts a built fc3 where ``s`` looks for components."""
    components = s_home / ".s" / "components" / "devsapp.cn" / "v3"
    components.mkdir(parents=True)
    lock = json.dumps({"version": "0.1.22", "lastUpdateCheck": FAR_FUTURE})
    fc3 = components / "fc3"
    fc3.mkdir()
    for name in ("package.json", "publish.yaml"):
        shutil.copy(Path(FC3) / name, fc3 / name)
    (fc3 / "dist").symlink_to(Path(FC3) / "dist")
    (fc3 / ".s.lock").write_text(lock)
    domain = components / "fc3-domain"  # loaded on every deployment, needed for none of these
    domain.mkdir()
    (domain / "package.json").write_text('{"name": "fc3-domain", "main": "index.js"}')
    (domain / "index.js").write_text(STUB)
    (domain / ".s.lock").write_text(lock)


@pytest.fixture
def sides(
    request: pytest.FixtureRequest,
    project: Path,
    fc_async: Callable[..., Ran],
    fc_local: FcLocal,
) -> Sides:
    s: Callable[..., Ran] | None = None
    if FC3:
        request.getfixturevalue("fc3")
        s = request.getfixturevalue("s")

    def write(**blocks: object) -> None:
        functions = {
            name: {} if block is None else {"asyncInvokeConfig": block}
            for name, block in blocks.items()
        }
        (project / "s.yaml").write_text(template("access: default", **functions))

    return Sides(s, fc_async, write, fc_local)


def destination(function: str) -> dict[str, object]:
    arn = f"acs:fc:cn-hangzhou::functions/{function}"
    return {**GOOD, "destinationConfig": {"onSuccess": {"destination": arn}}}


DEPLOY = ("deploy", "-y", "--with-functions")


def test_s01_a_value_out_of_range_is_found_before_anything_is_created(sides: Sides) -> None:
    sides.write(orders={**GOOD, "maxAsyncRetryAttempts": 9})
    if sides.s:
        assert sides.s("deploy", "-y").code == 101
        assert sides.functions() == ["orders"]
        sides.clear()
    assert sides.ours(*DEPLOY).code == 1
    assert sides.functions() == []


def test_s02_an_age_that_the_service_refuses_is_found(sides: Sides) -> None:
    sides.write(orders={**GOOD, "maxAsyncEventAgeInSeconds": 2_592_000})
    if sides.s:
        assert sides.s("verify").code == 0
    ran = sides.ours("validate")
    assert ran.code == 1
    assert "604800" in ran.out


def test_s03_an_unknown_key_is_found_and_the_right_one_named(sides: Sides) -> None:
    sides.write(orders={"asyncTask": True, "maxAsyncRetryAttempt": 0})
    if sides.s:
        assert sides.s("verify").code == 0
        assert sides.s("deploy", "-y").code == 0
        config = sides.fc.client.get_async_invoke_config("orders")
        assert config.max_async_retry_attempts is None
    ran = sides.ours("validate")
    assert ran.code == 1
    assert "maxAsyncRetryAttempts" in ran.out


def test_s04_a_destination_that_is_no_arn_is_found(sides: Sides) -> None:
    sides.write(orders={"destinationConfig": {"onFailure": {"destination": "my-queue"}}})
    if sides.s:
        assert sides.s("verify").code == 0
    assert sides.ours("validate").code == 1


def test_s05_nothing_changed_is_no_difference(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        assert sides.s("deploy", "-y").code == 0
        assert "asyncInvokeConfig was changed" in sides.s("deploy", "-y").said
        sides.clear()
    assert sides.ours(*DEPLOY).code == 0
    ran = sides.ours("plan", "--with-functions")
    nothing = f"Nothing to do: the runtime at {sides.fc.endpoint} has what the template says."
    assert (ran.code, ran.out.splitlines()[0]) == (0, nothing)


def test_s06_a_block_that_left_the_template_is_reported_and_can_be_removed(sides: Sides) -> None:
    if sides.s:
        sides.write(orders=GOOD)
        assert sides.s("deploy", "-y").code == 0
        sides.write(orders=None)
        assert sides.s("deploy", "-y").code == 0
        assert list(sides.configs()) == ["orders"]
        sides.clear()
    sides.write(orders=GOOD)
    sides.ours(*DEPLOY)
    sides.write(orders=None)
    told = sides.ours("plan")
    assert told.code == 0
    assert "- async config orders (cn-hangzhou)" in told.out
    assert sides.ours("deploy", "-y", "--prune").code == 0
    assert sides.configs() == {}


def test_s07_an_alias_exists_before_it_is_configured(sides: Sides) -> None:
    sides.write(orders={**GOOD, "qualifier": "prod"})
    if sides.s:
        assert sides.s("deploy", "-y").code == 101
        assert sides.fc.client.list_aliases("orders").aliases == ()
        sides.clear()
    assert sides.ours(*DEPLOY).code == 0
    assert sides.configs() == {"orders/prod": "prod"}
    [alias] = sides.fc.client.list_aliases("orders").aliases
    assert (alias.alias_name, alias.version_id) == ("prod", "1")


REFUSED = {"destinationConfig": {"onFailure": {"destination": "refused-by-the-service"}}}


def test_s08_a_failure_in_the_middle_is_undone(sides: Sides) -> None:
    sides.write(a=GOOD, b=REFUSED)
    if sides.s:
        assert sides.s("deploy", "-y").code == 101
        assert sides.functions() == ["a", "b"]
        assert list(sides.configs()) == ["a"]
        sides.clear()
    ran = sides.ours(*DEPLOY, "--skip-validation")
    assert ran.code == 1
    assert "Nothing was changed" in ran.err
    assert sides.functions() == []


def test_s09_json_output_does_not_hide_a_failure(sides: Sides) -> None:
    sides.write(a=GOOD, b=REFUSED)
    if sides.s:
        assert sides.s("deploy", "-y", "-o", "json").code == 0
        sides.clear()
    ran = sides.ours(*DEPLOY, "--skip-validation", "-o", "json")
    assert ran.code == 1
    assert json.loads(ran.out)["outcome"] == "undone"


def test_s10_a_prompt_without_a_terminal_is_an_error(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        assert sides.s("deploy", "-y").code == 0
        sides.write(orders={**GOOD, "maxAsyncRetryAttempts": 7})
        assert sides.s("deploy").code == 0
        config = sides.fc.client.get_async_invoke_config("orders")
        assert config.max_async_retry_attempts == 2
        sides.clear()
    ran = sides.ours("deploy", "--with-functions")
    assert ran.code == 1
    assert "use -y" in ran.err


def test_s11_an_endpoint_that_can_not_be_read_is_not_an_empty_account(sides: Sides) -> None:
    sides.write(orders=GOOD)
    address = sides.fc.endpoint.removeprefix("http://")
    if sides.s:
        assert sides.s("plan", FC_CLIENT_CUSTOM_ENDPOINT=f"https://{address}").code == 0
    ran = sides.ours("plan", "--endpoint", f"https://{address}")
    assert (ran.code, ran.out) == (1, "")


def test_s12_a_cycle_is_found(sides: Sides) -> None:
    sides.write(a=destination("b"), b=destination("a"))
    if sides.s:
        assert sides.s("deploy", "-y").code == 0
        assert sorted(sides.configs()) == ["a", "b"]
        sides.clear()
    ran = sides.ours(*DEPLOY)
    assert ran.code == 1
    assert "FCA03" in ran.err
    assert sides.functions() == []


def test_s13_tasks_can_be_listed_and_stopped(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        assert sides.s("orders", "tasks").code == 100
    sides.ours(*DEPLOY)
    sides.fc.client.invoke_async("orders", b"{}", task_id="later", delay=60)
    assert sides.ours("tasks", "stop", "orders", "later").code == 0
    listed = sides.ours("tasks", "list", "orders", "--format", "json")
    assert [task["taskId"] for task in json.loads(listed.out)["tasks"]] == ["later"]


def test_s14_a_dry_run_changes_nothing(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        assert sides.s("deploy", "-y", "--dry-run").code == 0
        assert sides.functions() == ["orders"]
        sides.clear()
    assert sides.ours("plan", "--with-functions").code == 2
    assert sides.ours(*DEPLOY, "--dry-run").code == 1
    assert sides.functions() == []


def test_s15_the_exit_code_of_plan_tells_whether_there_are_changes(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        before = sides.s("plan").code
        sides.s("deploy", "-y")
        assert before == sides.s("plan").code == 0
        sides.clear()
    assert sides.ours("plan", "--with-functions").code == 2
    sides.ours(*DEPLOY)
    assert sides.ours("plan", "--with-functions").code == 0


def test_s16_a_mistyped_flag_is_refused(sides: Sides) -> None:
    sides.write(orders=GOOD)
    if sides.s:
        assert sides.s("deploy", "-y", "--prnue").code == 0
        sides.clear()
    assert sides.ours(*DEPLOY, "--prnue").code == 1
    assert sides.functions() == []


def test_the_table_has_a_row_for_each_of_these_and_no_other() -> None:
    here = set(re.findall(r"def test_(s\d\d)_", Path(__file__).read_text()))
    there = re.findall(r"^\| (s\d\d) \|", TABLE.read_text(), re.MULTILINE)
    assert sorted(here) == there


def test_a_deletion_of_a_missing_resource_is_not_a_failure(sides: Sides) -> None:
    sides.write(orders=GOOD)
    sides.ours(*DEPLOY)
    assert sides.ours("remove", "-y").code == 0
    assert sides.ours("remove", "-y").code == 0
    with pytest.raises(errors.AsyncConfigNotExists):
        sides.fc.client.get_async_invoke_config("orders")
