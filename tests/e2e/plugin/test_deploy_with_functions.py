# SPDX-License-Identifier: MIT
"""--with-functions on the real API of the local runtime: code goes out, runs, and comes back."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

DEPLOY = ("deploy", "-y", "--with-functions")
REFUSED = {"destinationConfig": {"onFailure": {"destination": "refused-by-the-service"}}}


@pytest.fixture
def write(project: Path) -> Callable[..., None]:
    """Writes s.yaml: props by function, beside what all have in common."""

    def write(**functions: dict[str, Any]) -> None:
        common = {"asyncInvokeConfig": {"asyncTask": True}}
        settings = {name: common | props for name, props in functions.items()}
        (project / "s.yaml").write_text(template(**settings))

    return write


def code(project: Path, returns: str) -> None:
    text = f"def handler(event, context):\n    return {returns!r}\n"
    (project / "code" / "index.py").write_text(text)


def result(fc_local: FcLocal, function: str, qualifier: str | None = None) -> str:
    return fc_local.client.invoke(function, qualifier=qualifier).text()


def test_code_goes_out_and_runs(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={})
    code(project, "one")
    assert fc_async(*DEPLOY).code == 0
    assert result(fc_local, "orders") == "one"
    assert fc_async("plan", "--with-functions").code == 0

    code(project, "two")
    planned = fc_async("plan", "--with-functions")
    assert planned.code == 2
    assert [line.split()[:2] for line in planned.out.splitlines()[:2]] == [
        ["~", "function"],
        ["~", "code"],
    ]
    assert fc_async(*DEPLOY).code == 0
    assert result(fc_local, "orders") == "two"


def test_a_role_without_its_account_is_one_of_the_runtime(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={"role": "shop"})
    code(project, "one")
    ran = fc_async(*DEPLOY)
    assert ran.code == 0, ran.err
    account_id = fc_local.runtime.addresses.account_id
    assert fc_local.client.get_function("orders").role == f"acs:ram::{account_id}:role/shop"


def deployed_by_s(project: Path, fc_local: FcLocal, **settings: Any) -> None:
    """Deploys ``orders`` as ``s`` does: a zip with the same files and other bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as opened:
        for path in sorted((project / "code").rglob("*")):
            opened.write(path, path.relative_to(project / "code").as_posix())
    fc_local.client.create_function(
        "orders",
        code=packed.getvalue(),
        runtime=settings.pop("runtime", "python3.10"),
        handler=settings.pop("handler", "index.handler"),
        extra={"description": "", "internetAccess": True, "memorySize": 512},
    )
    fc_local.client.put_async_invoke_config("orders", async_task=True)


def test_after_s_deploy_the_plan_is_empty(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={})
    code(project, "one")
    (project / "code" / "__pycache__").mkdir()
    (project / "code" / "__pycache__" / "index.pyc").write_bytes(b"packed by s")
    deployed_by_s(project, fc_local)
    planned = fc_async("plan", "--with-functions")
    assert (planned.code, planned.out) == (
        0,
        f"Nothing to do: the runtime at {fc_local.endpoint} has what the template says.\n",
    )


@pytest.mark.parametrize("change", ["text", "mode", "name"])
def test_after_s_deploy_a_changed_file_is_a_change(
    fc_async: Callable[..., Ran],
    fc_local: FcLocal,
    project: Path,
    write: Callable[..., None],
    change: str,
) -> None:
    write(orders={})
    code(project, "one")
    other = project / "code" / "other.txt"
    other.write_text("other")
    other.chmod(0o644)
    deployed_by_s(project, fc_local)
    if change == "text":
        code(project, "two")
    elif change == "mode":
        other.chmod(0o755)
    else:
        other.rename(other.with_name("renamed.txt"))
    assert fc_async("plan", "--with-functions").code == 2
    assert fc_async(*DEPLOY).code == 0
    assert fc_async("plan", "--with-functions").code == 0


def test_a_handler_that_s_gave_a_custom_runtime_is_no_difference(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={})
    document = yaml.safe_load((project / "s.yaml").read_text())
    props = document["resources"]["orders"]["props"]
    props["runtime"] = "custom.debian11"
    del props["handler"]
    bootstrap = project / "code" / "bootstrap"
    bootstrap.write_text("#!/bin/sh\n")
    bootstrap.chmod(0o755)
    (project / "s.yaml").write_text(json.dumps(document))
    deployed_by_s(project, fc_local, runtime="custom.debian11", handler="bootstrap")
    assert fc_async("plan", "--with-functions").code == 0


def test_a_variable_that_left_the_template_is_a_difference(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(orders={"environmentVariables": {"A": "1", "B": "2"}})
    fc_async(*DEPLOY)
    write(orders={"environmentVariables": {"A": "1"}})
    assert fc_async("plan", "--with-functions").code == 2
    assert fc_async(*DEPLOY).code == 0
    assert fc_local.client.get_function("orders").environment_variables == {"A": "1"}


def test_settings_are_changed_one_by_one(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(orders={"timeout": 10, "environmentVariables": {"A": "1"}})
    fc_async(*DEPLOY)
    write(orders={"timeout": 20, "environmentVariables": {"A": "1"}})
    planned = fc_async("plan", "--with-functions", "-o", "json")
    [step] = json.loads(planned.out)["steps"]
    assert (step["before"], step["after"]) == ({"timeout": 10}, {"timeout": 20})
    assert fc_async(*DEPLOY).code == 0
    function = fc_local.client.get_function("orders")
    assert (function.timeout, function.environment_variables) == (20, {"A": "1"})


def test_the_code_that_was_replaced_comes_back_when_the_deployment_fails(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={"timeout": 10})
    code(project, "one")
    fc_async(*DEPLOY)
    code(project, "two")
    write(orders={"timeout": 20}, audit={"asyncInvokeConfig": REFUSED})
    failed = fc_async(*DEPLOY, "--skip-validation")
    assert failed.code == 1
    assert "Nothing was changed" in failed.err
    assert result(fc_local, "orders") == "one"
    assert fc_local.client.get_function("orders").timeout == 10
    assert [one.function_name for one in fc_local.client.list_functions().functions] == ["orders"]
    assert kept_by_deployments(project) == []


def test_an_alias_keeps_running_what_it_pointed_to(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path, write: Callable[..., None]
) -> None:
    write(orders={"asyncInvokeConfig": {"asyncTask": True, "qualifier": "prod"}})
    code(project, "one")
    assert fc_async(*DEPLOY).code == 0
    code(project, "two")
    assert fc_async(*DEPLOY).code == 0
    assert result(fc_local, "orders", "prod") == "one"
    assert result(fc_local, "orders") == "two"


def test_remove_deletes_functions_and_configurations(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(orders={"asyncInvokeConfig": {"asyncTask": True, "qualifier": "prod"}}, audit={})
    fc_async(*DEPLOY)
    assert fc_local.client.list_aliases("orders").aliases
    assert fc_async("remove", "-y", "--with-functions").code == 0
    assert fc_local.client.list_functions().functions == ()


def test_a_runtime_that_the_local_runtime_does_not_have_is_said_at_deployment(
    fc_async: Callable[..., Ran], project: Path, write: Callable[..., None]
) -> None:
    write(orders={})
    text = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(text.replace("python3.10", "java11"))
    done = fc_async(*DEPLOY)
    assert done.code == 0
    assert "orders runs on java11, which is not on this machine" in done.out


def test_without_the_functions_at_the_endpoint_there_is_something_to_do(
    fc_async: Callable[..., Ran], project: Path, write: Callable[..., None]
) -> None:
    write(orders={})
    document = yaml.safe_load((project / "s.yaml").read_text())
    del document["resources"]["orders"]["props"]["asyncInvokeConfig"]
    (project / "s.yaml").write_text(json.dumps(document))
    done = fc_async("deploy", "-y")
    assert "Nothing to do" not in done.said
    assert "does not have orders (cn-hangzhou); deploy with s deploy" in done.out
    assert fc_async(*DEPLOY).code == 0
    assert "Nothing to do" in fc_async("deploy", "-y").out
