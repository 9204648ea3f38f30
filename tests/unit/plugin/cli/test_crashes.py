# SPDX-License-Identifier: MIT
"""A deployment that is cut off at any request can be undone completely, and gone on with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Response

from fc_async_plugin.cli import connection
from fc_async_plugin.cli.group import run
from fc_async_sdk.models import AsyncConfig
from fc_async_tests.project import kept_by_deployments

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      runtime: python3.12
      handler: index.handler
      code: ./code
      timeout: {timeout}
      environmentVariables: {{TOKEN: {token}}}
      asyncInvokeConfig:
        maxAsyncRetryAttempts: {retries}
  audit:
    component: fc3
    props:
      region: cn-hangzhou
      runtime: python3.12
      handler: index.handler
      code: ./audit
      asyncInvokeConfig:
        qualifier: {qualifier}
        maxAsyncRetryAttempts: 1
"""
OLD = TEMPLATE.format(timeout=30, token="one", retries=2, qualifier="LATEST")
NEW = (
    TEMPLATE.format(timeout=60, token="two", retries=4, qualifier="prod")
    + """\
  mail:
    component: fc3
    props:
      region: cn-hangzhou
      runtime: python3.12
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        maxAsyncRetryAttempts: 1
"""
)
OPERATIONS = (
    "GetFunctionCode",
    "UpdateFunction",
    "CreateFunction",
    "ListFunctionVersions",
    "PublishFunctionVersion",
    "CreateAlias",
    "PutAsyncInvokeConfig",
    "DeleteAsyncInvokeConfig",
)
DEPLOY = ["deploy", "-y", "--with-functions", "--prune"]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: Any, httpserver: Any) -> Path:
    """A project whose first version is deployed and whose second version stands in the file."""
    for name in ("code", "audit"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.py").write_text("def handler(event, context): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    monkeypatch.setattr(connection, "client", lambda *_: account)
    httpserver.expect_request(re.compile("/.+")).respond_with_handler(
        lambda request: Response(account.codes[request.path.lstrip("/")])
    )
    account.code_address = httpserver.url_for("").rstrip("/")
    (tmp_path / "s.yaml").write_text(OLD)
    assert run(DEPLOY) == 0
    account.put_async_invoke_config("orders", qualifier="old", config=AsyncConfig())
    account.calls.clear()
    (tmp_path / "s.yaml").write_text(NEW)
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): return 2\n")
    return tmp_path


def kill(account: Any, operation: str, when: str) -> None:
    """Deploy, and end at the first request of an operation: before or after it is done."""
    setattr(account, when, lambda now, _: Killed() if now == operation else None)
    with pytest.raises(Killed):
        run(DEPLOY)
    setattr(account, when, lambda *_: None)


WHEN = pytest.mark.parametrize(
    "when", ["fail", "fail_after"], ids=["before the request", "after the request"]
)


@WHEN
@pytest.mark.parametrize("operation", OPERATIONS)
def test_undo_gives_back_the_account_as_it_was(
    project: Path, account: Any, operation: str, when: str
) -> None:
    before = account.snapshot()
    kill(account, operation, when)
    assert run(["deploy", "-y", "--undo"]) == 0
    assert account.snapshot() == before
    assert kept_by_deployments(project) == []


@WHEN
@pytest.mark.parametrize("operation", OPERATIONS)
def test_resume_reaches_the_same_account_as_a_deployment_without_an_interruption(
    project: Path, account: Any, operation: str, when: str
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
    project: Path, account: Any, operation: str, when: str
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
