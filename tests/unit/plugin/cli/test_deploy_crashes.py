# SPDX-License-Identifier: MIT
"""A deployment that is cut off at any request can be undone completely, and gone on with."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from werkzeug import Response

from fc_async_plugin.cli.group import run
from fc_async_plugin.deploy.apply import execution
from fc_async_sdk import errors
from fc_async_sdk.models import AsyncConfig
from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE = template(
    orders="""
        runtime: python3.12
        timeout: {timeout}
        environmentVariables: {{TOKEN: {token}}}
        concurrencyConfig: {{reservedConcurrency: {timeout}}}
        triggers:
          - triggerName: nightly
            triggerType: timer
            triggerConfig: {{cronExpression: '@every {timeout}m', enable: true}}
          - triggerName: form
            triggerType: {form}
            triggerConfig:
              {{authType: anonymous, methods: [GET], cronExpression: '@every 1m', enable: true}}
        asyncInvokeConfig:
          maxAsyncRetryAttempts: {retries}
    """,
    audit="""
        runtime: python3.12
        code: ./audit
        asyncInvokeConfig:
          qualifier: {qualifier}
          maxAsyncRetryAttempts: 1
    """,
)
MAIL = function(
    "mail",
    """
        runtime: python3.12
        triggers:
          - triggerName: hourly
            triggerType: timer
            triggerConfig: {cronExpression: '@every 60m', enable: true}
        asyncInvokeConfig:
          maxAsyncRetryAttempts: 1
    """,
)
OLD = TEMPLATE.format(timeout=30, token="one", retries=2, qualifier="LATEST", form="http")
NEW = TEMPLATE.format(timeout=60, token="two", retries=4, qualifier="prod", form="timer") + MAIL
OPERATIONS = (
    "GetFunctionCode",
    "UpdateFunction",
    "CreateFunction",
    "ListFunctionVersions",
    "PublishFunctionVersion",
    "CreateAlias",
    "PutAsyncInvokeConfig",
    "DeleteAsyncInvokeConfig",
    "PutConcurrencyConfig",
    "DeleteTrigger",
    "CreateTrigger",
    "UpdateTrigger",
)
METHODS = {
    "UpdateFunction": "update_function",
    "CreateFunction": "create_function",
    "PublishFunctionVersion": "publish_function_version",
    "CreateAlias": "create_alias",
    "PutAsyncInvokeConfig": "put_async_invoke_config",
    "DeleteAsyncInvokeConfig": "delete_async_invoke_config",
    "DeleteFunction": "delete_function",
    "PutConcurrencyConfig": "put_concurrency_config",
    "DeleteTrigger": "delete_trigger",
    "CreateTrigger": "create_trigger",
    "UpdateTrigger": "update_trigger",
}
CHANGES = [operation for operation in OPERATIONS if operation in METHODS]
DEPLOY = ["deploy", "-y", "--with-functions", "--prune"]
REMOVE = ["remove", "-y", "--with-functions"]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the command wanted to wait, instead of waiting."""
    waited: list[float] = []
    monkeypatch.setattr(execution, "sleep", waited.append)
    return waited


@pytest.fixture
def project(workdir: Path, account, httpserver) -> Path:
    """A project whose first version is deployed and whose second version stands in the file."""
    for name in ("code", "audit"):
        (workdir / name).mkdir()
        (workdir / name / "index.py").write_text("def handler(event, context): ...\n")
    httpserver.expect_request(re.compile("/.+")).respond_with_handler(
        lambda request: Response(account.codes[request.path.lstrip("/")])
    )
    account.code_address = httpserver.url_for("").rstrip("/")
    (workdir / "s.yaml").write_text(OLD)
    assert run(DEPLOY) == 0
    account.put_async_invoke_config("orders", qualifier="old", config=AsyncConfig())
    account.calls.clear()
    (workdir / "s.yaml").write_text(NEW)
    (workdir / "code" / "index.py").write_text("def handler(event, context): return 2\n")
    return workdir


def kill(account, operation: str, when: str) -> None:
    """Deploy, and end at the first request of an operation: before or after it is done."""
    planning = 1 if operation == "GetFunctionCode" else 0  # the plan compares the code of "orders"

    def end(now: str, _: str) -> Killed | None:
        count = sum(one == operation for one, _ in account.calls)
        return Killed() if now == operation and count > planning else None

    account.calls.clear()
    setattr(account, when, end)
    with pytest.raises(Killed):
        run(DEPLOY)
    setattr(account, when, lambda *_: None)


def kill_with_requests_under_way(
    account, operation: str, command: list[str] = DEPLOY
) -> Callable[[], None]:
    """Run a command and end it when it has sent requests of an operation.

    Returns:
        Lets the service carry these requests out.
    """
    method = METHODS[operation]
    usual = getattr(account, method)
    sent: list[Callable[[], object]] = []

    def send(*arguments, **more) -> None:
        sent.append(functools.partial(usual, *arguments, **more))
        raise Killed

    setattr(account, method, send)
    with pytest.raises(Killed):
        run(command)
    delattr(account, method)

    def arrive() -> None:
        while sent:
            with contextlib.suppress(errors.ServiceError):
                sent.pop()()

    return arrive


def before_the_next(account, operation: str, arrive: Callable[[], None]) -> None:
    """Carry requests out late: just before the next request of an operation."""
    account.fail = lambda now, _: arrive() if now == operation else None


WHEN = pytest.mark.parametrize(
    "when", ["fail", "fail_after"], ids=["before the request", "after the request"]
)


@WHEN
@pytest.mark.parametrize("operation", OPERATIONS)
def test_undo_gives_back_the_account_as_it_was(
    project: Path, account, operation: str, when: str
) -> None:
    before = account.snapshot()
    kill(account, operation, when)
    assert run(["deploy", "-y", "--undo"]) == 0
    assert account.snapshot() == before
    assert kept_by_deployments(project) == []


@WHEN
@pytest.mark.parametrize("operation", OPERATIONS)
def test_resume_reaches_the_same_account_as_a_deployment_without_an_interruption(
    project: Path, account, operation: str, when: str
) -> None:
    kill(account, operation, when)
    assert run([*DEPLOY, "--resume"]) == 0
    resumed = account.snapshot()
    assert kept_by_deployments(project) == []
    assert run(["plan", "--with-functions", "--prune"]) == 0
    assert account.functions["orders"]["environmentVariables"] == {"TOKEN": "two"}
    assert account.functions["orders"]["timeout"] == 60
    assert set(account.functions) == {"orders", "audit", "mail"}
    assert set(account.configs) == {("orders", "LATEST"), ("audit", "prod"), ("mail", "LATEST")}
    assert len(account.versions["audit"]) == 1
    [alias] = account.aliases.values()
    assert [alias.version_id] == resumed[3]["audit"]


@WHEN
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_interrupted_undo_can_be_undone_again(
    project: Path, account, operation: str, when: str
) -> None:
    before = account.snapshot()
    kill(account, "PutAsyncInvokeConfig", "fail_after")
    setattr(account, when, lambda now, _: Killed() if now == operation else None)
    try:
        assert run(["deploy", "-y", "--undo"]) == 0  # undoing does not need this operation
    except Killed:
        setattr(account, when, lambda *_: None)
        assert run(["deploy", "-y", "--undo"]) == 0
    assert account.snapshot() == before


@pytest.mark.parametrize("operation", CHANGES)
def test_resume_goes_on_when_a_request_of_the_killed_run_arrives_after_the_account_was_read(
    project: Path, account, operation: str
) -> None:
    arrive = kill_with_requests_under_way(account, operation)
    before_the_next(account, operation, arrive)
    assert run([*DEPLOY, "--resume"]) == 0
    assert kept_by_deployments(project) == []
    assert run(["plan", "--with-functions", "--prune"]) == 0
    assert set(account.functions) == {"orders", "audit", "mail"}
    assert set(account.configs) == {("orders", "LATEST"), ("audit", "prod"), ("mail", "LATEST")}
    [alias] = account.aliases.values()
    assert account.versions == {"audit": [alias.version_id]}


@pytest.mark.parametrize(
    ("operation", "refused"), [("CreateFunction", "mail"), ("CreateAlias", "audit")]
)
def test_resume_that_fails_after_a_late_request_undoes_that_request_too(
    project: Path, account, operation: str, refused: str
) -> None:
    before = account.snapshot()
    arrive = kill_with_requests_under_way(account, operation)
    refusals = [errors.AccessDenied("AccessDenied", "no", http_status=403)]

    def fail(now: str, function: str) -> Exception | None:
        if now == operation:
            arrive()
        if refusals and (now, function) == ("PutAsyncInvokeConfig", refused):
            return refusals.pop()
        return None

    account.fail = fail
    assert run([*DEPLOY, "--resume"]) == 1
    assert account.snapshot() == before
    assert kept_by_deployments(project) == []


@pytest.mark.usefixtures("project")
def test_resume_reports_steps_from_before_and_after_a_late_request(
    account, capsys: pytest.CaptureFixture[str]
) -> None:
    arrive = kill_with_requests_under_way(account, "CreateAlias")
    before_the_next(account, "CreateAlias", arrive)
    capsys.readouterr()
    assert run([*DEPLOY, "--resume", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["outcome"] == "done"
    done = [(step["kind"], step["function"]) for step in report["done"]]
    assert ("version", "audit") in done
    assert ("async config", "audit") in done


@pytest.mark.parametrize("operation", ["CreateFunction", "CreateAlias"])
def test_resume_gives_up_when_what_exists_already_is_never_listed(
    project: Path, account, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = account.snapshot()
    kill(account, operation, "fail")
    code = {"CreateFunction": "FunctionAlreadyExists", "CreateAlias": "AliasAlreadyExists"}
    refusal = errors.service_error_class(code[operation], 409)
    account.fail = lambda now, _: (
        refusal(code[operation], "exists", http_status=409) if now == operation else None
    )
    assert run([*DEPLOY, "--resume"]) == 1
    assert code[operation] in capsys.readouterr().err
    assert account.snapshot() == before


def test_resumed_removal_goes_on_when_a_deletion_of_the_killed_run_arrives_late(
    project: Path, account
) -> None:
    arrive = kill_with_requests_under_way(account, "DeleteFunction", REMOVE)
    before_the_next(account, "DeleteFunction", arrive)
    assert run([*REMOVE, "--resume"]) == 0
    assert account.functions == {}
    assert kept_by_deployments(project) == []


@pytest.mark.parametrize("operation", CHANGES)
def test_undo_waits_for_requests_that_the_killed_run_has_just_sent(
    project: Path, account, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = account.snapshot()
    arrive = kill_with_requests_under_way(account, operation)
    waited = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        arrive()

    monkeypatch.setattr(execution, "sleep", wait)
    assert run(["deploy", "-y", "--undo"]) == 0
    assert waited
    assert account.snapshot() == before
    assert kept_by_deployments(project) == []


@pytest.mark.parametrize("command", [["deploy", "-y", "--undo"], [*DEPLOY, "--resume"]])
def test_there_is_no_wait_for_requests_of_a_run_that_was_killed_long_ago(
    project: Path, account, waits: list[float], command: list[str]
) -> None:
    kill(account, "CreateFunction", "fail")
    [journal] = project.glob(".fc-async/deploy/*/journal")
    os.utime(journal, (0, 0))
    assert run(command) == 0
    assert waits == []
