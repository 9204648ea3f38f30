# SPDX-License-Identifier: MIT
"""plan, deploy and remove as a user types them, against an account in memory."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, NoReturn

import pytest

from fc_async_plugin.cli.group import run
from fc_async_plugin.deploy.apply import executor
from fc_async_plugin.project.archive import pack
from fc_async_sdk import _project_folder, errors, models
from fc_async_sdk.models import AsyncConfig
from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE = template(
    "access: default",
    orders="""
        runtime: python3.12
        timeout: 30
        environmentVariables:
          TOKEN: hunter2
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 2
          destinationConfig:
            onSuccess:
              destination: acs:fc:cn-hangzhou::functions/audit
            onFailure:
              destination: acs:mns:cn-hangzhou::/queues/failed/messages
    """,
    audit="""
        runtime: python3.12
        asyncInvokeConfig:
          maxAsyncRetryAttempts: 0
          destinationConfig:
            onFailure:
              destination: acs:mns:cn-hangzhou::/queues/failed/messages
    """,
)


@pytest.fixture
def project(workdir: Path, account) -> Path:
    (workdir / "s.yaml").write_text(TEMPLATE)
    (workdir / "code").mkdir()
    (workdir / "code" / "index.py").write_text("def handler(event, context): ...\n")
    return workdir


@pytest.fixture
def deployed(project: Path, account) -> Path:
    for name in ("orders", "audit"):
        account.add_function(name)
    return project


def one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """Let deployments do a step after the other, so that it is known which were done."""
    patch.setattr(executor, "apply", functools.partial(executor.apply, workers=1))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[str, str]]:
    return lambda: tuple(capsys.readouterr())


def test_a_plan_with_changes_exits_2_and_changes_nothing(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    before = account.snapshot()
    assert run(["plan"]) == 2
    assert account.snapshot() == before
    out, _ = said()
    assert out == (
        "  + async config audit (cn-hangzhou)\n"
        "      + maxAsyncRetryAttempts  0\n"
        "      + onFailure              acs:mns:cn-hangzhou::/queues/failed/messages\n"
        "  + async config orders (cn-hangzhou)\n"
        "      + asyncTask              true\n"
        "      + maxAsyncRetryAttempts  2\n"
        "      + onSuccess              acs:fc:cn-hangzhou::functions/audit\n"
        "      + onFailure              acs:mns:cn-hangzhou::/queues/failed/messages\n"
        "\n"
        "2 to create, 0 to update, 0 to delete.\n"
    )


def test_after_a_deployment_the_plan_is_empty_and_exits_0(
    deployed: Path, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["deploy", "-y"]) == 0
    said()
    assert run(["plan"]) == 0
    assert said()[0] == (
        "Nothing to do: the account has the asynchronous configuration of the template.\n"
        "Not looked for: queue failed; --create-missing looks, and makes what is missing.\n"
    )


def test_json_on_stdout_is_json_alone(deployed: Path, said: Callable[[], tuple[str, str]]) -> None:
    assert run(["plan", "--format", "json"]) == 2
    plan = json.loads(said()[0])
    assert [step["function"] for step in plan["steps"]] == ["audit", "orders"]
    assert run(["deploy", "-y", "--format", "json"]) == 0
    assert json.loads(said()[0])["outcome"] == "done"
    assert run(["deploy", "-y", "--format", "json"]) == 0
    assert json.loads(said()[0]) == {
        "outcome": "done",
        "done": [],
        "failures": [],
        "undone": [],
        "stuck": [],
    }


def test_a_read_error_is_not_taken_for_absence(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    account.fail = lambda *_: errors.AccessDenied("AccessDenied", "no", http_status=403)
    assert run(["plan"]) == 1
    out, err = said()
    assert out == ""
    assert "403 AccessDenied" in err


def test_functions_that_do_not_exist_stand_in_the_way_with_their_place(
    project: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["deploy", "-y"]) == 1
    assert "s.yaml:5:3: function orders (cn-hangzhou) doesn't exist" in said()[1]
    assert account.configs == {}


def test_with_functions_creates_them(project: Path, account) -> None:
    assert run(["deploy", "-y", "--with-functions"]) == 0
    assert account.functions["orders"]["timeout"] == 30
    assert account.functions["orders"]["codeChecksum"]
    assert run(["plan", "--with-functions"]) == 0


def test_environment_variables_are_not_shown(
    project: Path, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["plan", "--with-functions"]) == 2
    run(["plan", "--with-functions", "--format", "json"])
    out, err = said()
    assert "environmentVariables.TOKEN" in out
    assert "hunter2" not in out + err


def test_a_prompt_without_a_terminal_is_an_error_and_nothing_is_deployed(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["deploy"]) == 1
    assert account.configs == {}
    assert "use -y" in said()[1]


def test_a_failed_deployment_is_undone_and_exits_1(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    account.fail = lambda operation, function: (
        errors.AccessDenied("AccessDenied", "no", http_status=403)
        if (operation, function) == ("PutAsyncInvokeConfig", "orders")
        else None
    )
    assert run(["deploy", "-y"]) == 1
    assert account.configs == {}
    _, err = said()
    assert "Error: + async config orders (cn-hangzhou): 403 AccessDenied" in err
    assert "Nothing was changed" in err


def test_leftover_configurations_are_reported_and_deleted_with_prune(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    run(["deploy", "-y"])
    account.put_async_invoke_config("audit", qualifier="old", config=AsyncConfig())
    said()
    assert run(["plan"]) == 0
    assert "- async config audit/old (cn-hangzhou)" in said()[0]
    assert run(["plan", "--prune"]) == 2
    assert run(["deploy", "-y", "--prune"]) == 0
    assert ("audit", "old") not in account.configs


def test_remove_takes_the_configuration_and_leaves_the_functions(deployed: Path, account) -> None:
    run(["deploy", "-y"])
    assert run(["remove", "-y"]) == 0
    assert account.configs == {}
    assert set(account.functions) == {"orders", "audit"}


def test_remove_with_functions_takes_everything(deployed: Path, account) -> None:
    run(["deploy", "-y"])
    assert run(["remove", "-y", "--with-functions"]) == 0
    assert account.functions == {}


def test_remove_with_functions_takes_triggers_that_the_template_does_not_have(
    deployed: Path, account
) -> None:
    account.create_trigger("orders", "old", trigger_type="timer", trigger_config={})
    assert run(["remove", "-y", "--with-functions"]) == 0
    assert (account.functions, account.triggers) == ({}, {})


def test_an_empty_removal_says_that_there_is_nothing_to_remove(
    deployed: Path, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["remove", "-y"]) == 0
    assert said()[0] == (
        "Nothing to do: the account has none of the template's asynchronous configuration.\n"
    )


def test_a_template_with_a_cycle_is_not_deployed(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    path = deployed / "s.yaml"
    path.write_text(
        path.read_text().replace(
            "maxAsyncRetryAttempts: 0\n        destinationConfig:\n",
            "maxAsyncRetryAttempts: 0\n        destinationConfig:\n          onSuccess:\n"
            "            destination: acs:fc:cn-hangzhou::functions/orders\n",
        )
    )
    assert run(["deploy", "-y"]) == 1
    assert account.configs == {}
    assert "the template has errors: nothing was changed" in said()[1]


def test_a_mistyped_flag_is_refused(deployed: Path, account) -> None:
    assert run(["deploy", "-y", "--dryrun"]) == 1
    assert account.configs == {}


# --- reviewed, interrupted, taken back ---------------------------------------------------------


def test_a_reviewed_plan_is_applied_as_it_is(deployed: Path, account) -> None:
    assert run(["plan", "--out", "plan.json"]) == 2
    (deployed / "s.yaml").unlink()
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 0
    assert {function for function, _ in account.configs} == {"orders", "audit"}


def test_a_reviewed_plan_can_be_applied_elsewhere(
    deployed: Path, account, tmp_path_factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    run(["plan", "--out", str(elsewhere / "plan.json")])
    monkeypatch.chdir(elsewhere)
    shutil.rmtree(deployed)
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 0
    assert len(account.configs) == 2


def test_a_reviewed_plan_is_refused_when_the_account_changed(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    run(["plan", "--out", "plan.json"])
    account.put_async_invoke_config("audit", config=AsyncConfig(async_task=True))
    before = account.snapshot()
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 1
    assert "the account changed since the plan was made" in said()[1]
    assert account.snapshot() == before


def test_a_reviewed_plan_goes_to_no_other_endpoint(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    run(["plan", "--out", "plan.json", "--endpoint", "http://127.0.0.1:1"])
    assert (
        run(["deploy", "--from-plan", "plan.json", "-y", "--endpoint", "http://127.0.0.1:2"]) == 1
    )
    assert "was made for http://127.0.0.1:1" in said()[1]


@pytest.fixture
def interrupted(deployed: Path, account) -> Path:
    """A deployment that Ctrl-C stopped after its first step."""

    def press_ctrl_c(operation: str, _: str) -> None:
        if operation == "PutAsyncInvokeConfig":
            signal.raise_signal(signal.SIGINT)

    account.fail = press_ctrl_c
    with pytest.MonkeyPatch.context() as patch:
        one_at_a_time(patch)
        assert run(["deploy", "-y"]) == 130
    account.fail = lambda *_: None
    assert len(account.configs) == 1
    return deployed


def test_after_an_interruption_nothing_happens_unasked(
    interrupted: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    said()
    assert run(["deploy", "-y"]) == 1
    assert "--resume goes on" in said()[1]
    assert len(account.configs) == 1


def test_an_interrupted_deployment_can_be_resumed(interrupted: Path, account) -> None:
    assert run(["deploy", "-y", "--resume"]) == 0
    assert len(account.configs) == 2
    assert kept_by_deployments(interrupted) == []


def test_an_interrupted_deployment_can_be_taken_back(interrupted: Path, account) -> None:
    assert run(["deploy", "-y", "--undo"]) == 0
    assert account.configs == {}
    assert kept_by_deployments(interrupted) == []


def test_an_interrupted_deployment_is_not_gone_on_with_by_removing(
    interrupted: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    said()
    assert run(["remove", "-y", "--resume"]) == 1
    assert "an earlier deploy was interrupted" in said()[1]
    assert len(account.configs) == 1


def test_an_interrupted_removal_is_gone_on_with_by_removing(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    run(["deploy", "-y"])
    account.fail = lambda operation, _: (
        signal.raise_signal(signal.SIGINT) if operation == "DeleteAsyncInvokeConfig" else None
    )
    with pytest.MonkeyPatch.context() as patch:
        one_at_a_time(patch)
        assert run(["remove", "-y"]) == 130
    account.fail = lambda *_: None
    said()
    assert run(["deploy", "-y", "--resume"]) == 1
    assert "fc-async remove --resume goes on" in said()[1]
    assert run(["remove", "-y", "--resume"]) == 0
    assert account.configs == {}


def test_when_the_resumed_part_fails_the_first_part_is_undone_too(
    interrupted: Path, account
) -> None:
    account.fail = lambda operation, _: (
        errors.AccessDenied("AccessDenied", "no", http_status=403)
        if operation == "PutAsyncInvokeConfig"
        else None
    )
    assert run(["deploy", "-y", "--resume"]) == 1
    assert account.configs == {}


class Refusing:
    """A client's ``send`` that notes what it was asked, and refuses it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, call, **_: object) -> None:
        self.asked.append(call.operation)
        raise errors.NotFound("NotFound", "no such operation", http_status=404)


def test_an_interrupted_deployment_does_not_stand_in_the_way_of_one_to_another_account(
    interrupted: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["deploy", "-y", "--endpoint", "http://127.0.0.1:1"]) == 0
    assert run(["deploy", "-y", "--undo", "--endpoint", "http://127.0.0.1:1"]) == 1
    assert "no interrupted deployment of s.yaml to http://127.0.0.1:1" in said()[1]
    assert run(["deploy", "-y", "--undo"]) == 0
    assert kept_by_deployments(interrupted) == []


def test_a_server_on_this_machine_needs_no_operation_of_the_local_runtime(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account, "send", refuse := Refusing())
        assert run(["deploy", "-y", "--endpoint", "http://127.0.0.1:1"]) == 0
        assert refuse.asked == ["PutAsyncConfigPlaces"]
        assert run(["deploy", "-y"]) == 0
        assert refuse.asked == ["PutAsyncConfigPlaces"]
    assert "no such operation" not in said()[1]


def test_a_failed_rollback_can_be_repeated(
    deployed: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    def fail(operation: str, function: str) -> Exception | None:
        no = errors.AccessDenied("AccessDenied", "no", http_status=403)
        if operation == "DeleteAsyncInvokeConfig":
            return no
        return no if (operation, function) == ("PutAsyncInvokeConfig", "orders") else None

    account.fail = fail
    with pytest.MonkeyPatch.context() as patch:
        one_at_a_time(patch)
        assert run(["deploy", "-y"]) == 1
    assert "+ async config audit (cn-hangzhou): 403 AccessDenied" in said()[1]
    account.fail = lambda *_: None
    assert run(["deploy", "-y", "--undo"]) == 0
    assert account.configs == {}


def test_nothing_interrupted_can_not_be_undone(
    deployed: Path, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["deploy", "-y", "--undo"]) == 1
    assert "there is no interrupted deployment" in said()[1]


def test_code_that_was_replaced_comes_back_when_the_deployment_fails(
    project: Path, account, monkeypatch: pytest.MonkeyPatch, httpserver
) -> None:
    assert run(["deploy", "-y", "--with-functions"]) == 0
    first = pack(project / "code")
    before = account.snapshot()
    httpserver.expect_request("/code").respond_with_data(first.data)
    address = models.FunctionCode(url=httpserver.url_for("/code"))
    account.get_function_code = lambda _: address
    (project / "code" / "index.py").write_text("def handler(event, context): return 1\n")
    text = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(text.replace("maxAsyncRetryAttempts: 2", "asyncTask: true"))
    account.fail = lambda operation, _: (
        errors.AccessDenied("AccessDenied", "no", http_status=403)
        if operation == "PutAsyncInvokeConfig"
        else None
    )
    text = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(text.replace("        asyncTask: true\n", "", 1))
    assert run(["deploy", "-y", "--with-functions"]) == 1
    assert account.snapshot() == before
    assert kept_by_deployments(project) == []


def test_a_reviewed_plan_holds_no_value_of_an_environment_variable_and_deploys_it(
    project: Path, account
) -> None:
    assert run(["plan", "--with-functions", "--out", "plan.json"]) == 2
    assert "hunter2" not in (project / "plan.json").read_text()
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 0
    assert account.functions["orders"]["environmentVariables"] == {"TOKEN": "hunter2"}
    assert run(["plan", "--with-functions"]) == 0


def test_a_reviewed_plan_is_refused_when_an_environment_variable_changed_in_the_template(
    project: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["plan", "--with-functions", "--out", "plan.json"]) == 2
    text = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(text.replace("hunter2", "hunter3"))
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 1
    assert "changed since the plan was made" in said()[1]
    assert account.functions == {}


def test_a_reviewed_plan_with_environment_variables_needs_its_template(
    project: Path, account, said: Callable[[], tuple[str, str]]
) -> None:
    assert run(["plan", "--with-functions", "--out", "plan.json"]) == 2
    (project / "s.yaml").unlink()
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 1
    assert "they are read from" in said()[1]
    assert account.functions == {}


def test_an_update_from_a_reviewed_plan_is_undone_to_the_values_from_before(
    project: Path, account
) -> None:
    assert run(["deploy", "-y", "--with-functions"]) == 0
    before = account.snapshot()
    text = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(
        text.replace("hunter2", "hunter3").replace("Attempts: 2", "Attempts: 4")
    )
    assert run(["plan", "--with-functions", "--out", "plan.json"]) == 2
    account.fail = lambda operation, _: (
        errors.AccessDenied("AccessDenied", "no", http_status=403)
        if operation == "PutAsyncInvokeConfig"
        else None
    )
    assert run(["deploy", "--from-plan", "plan.json", "-y"]) == 1
    assert account.snapshot() == before


def test_the_password_of_a_registry_is_not_shown_and_not_in_a_reviewed_plan(
    project: Path, said: Callable[[], tuple[str, str]]
) -> None:
    text = (project / "s.yaml").read_text()
    container = (
        "      customContainerConfig:\n"
        "        image: r/i\n"
        "        registryConfig: {authConfig: {userName: u, password: hunter2}}\n"
    )
    (project / "s.yaml").write_text(
        text.replace("      timeout: 30\n", "      timeout: 30\n" + container)
    )
    assert run(["plan", "--with-functions", "--out", "plan.json"]) == 2
    run(["plan", "--with-functions", "--format", "json"])
    out, err = said()
    assert "customContainerConfig" in out
    assert "hunter2" not in out + err + (project / "plan.json").read_text()


@pytest.mark.usefixtures("interrupted")
def test_git_finds_nothing_of_an_interrupted_deployment_to_add(
    cannot_run: Callable[[str], NoReturn],
) -> None:
    git = shutil.which("git") or cannot_run("there is no git on PATH")
    subprocess.run([git, "init", "-q"], check=True)
    subprocess.run([git, "add", "-A"], check=True)
    added = subprocess.run([git, "ls-files"], check=True, capture_output=True, text=True).stdout
    assert added.split() == ["code/index.py", "s.yaml"]


def test_the_folder_of_deployments_is_not_part_of_a_functions_code(project: Path) -> None:
    before = pack(project).checksum
    _project_folder.make_private(project / _project_folder.DEPLOY)
    (project / ".fc-async" / "deploy" / "journal").write_text("x")
    assert pack(project).checksum == before
