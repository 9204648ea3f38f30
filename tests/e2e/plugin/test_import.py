# SPDX-License-Identifier: MIT
"""import copies configurations of the account into the template and changes nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = """\
# The shop.
edition: 3.0.0
name: shop
vars:
  queue: acs:mns:cn-hangzhou::/queues/failed/messages   # everybody's
resources:

  orders:   # takes orders
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: "python3.10"
      asyncInvokeConfig:
        maxAsyncRetryAttempts: 2      # enough
        destinationConfig:
          onFailure:
            destination: ${vars.queue}

  audit:
    component: fc3
    props: {region: cn-hangzhou, runtime: python3.10}

  new:
    component: fc3
    props:
      region: cn-hangzhou
      # the last line of props
      runtime: python3.10
"""


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    path = tmp_path / "s.yaml"
    path.write_text(TEMPLATE)
    same = {
        "maxAsyncRetryAttempts": 2,
        "destinationConfig": {
            "onFailure": {"destination": "acs:mns:cn-hangzhou::/queues/failed/messages"}
        },
    }
    for name in ("orders", "audit", "new"):
        fc_local.deploy(name, lambda *_: None, async_config=same)
    for name in ("audit", "new"):
        fc_local.client.delete_async_invoke_config(name)
    return path


def put(fc_local: FcLocal, name: str, **config) -> None:
    fc_local.client.put_async_invoke_config(name, **config)


def test_nothing_changes_when_the_template_says_what_the_account_has(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import"]) == 0
    assert capsys.readouterr().out.startswith("Nothing to do")
    assert template.read_text() == TEMPLATE


def test_only_what_differs_is_changed(
    template: Path, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    put(
        fc_local,
        "orders",
        max_async_retry_attempts=5,
        on_success="acs:fc:cn-hangzhou::functions/audit",
        on_failure="acs:mns:cn-hangzhou::/queues/failed/messages",
    )
    assert run(["import", "-y"]) == 0
    assert template.read_text() == TEMPLATE.replace(
        "maxAsyncRetryAttempts: 2      # enough", "maxAsyncRetryAttempts: 5      # enough"
    ).replace(
        "            destination: ${vars.queue}\n",
        "            destination: ${vars.queue}\n          onSuccess:\n"
        "            destination: acs:fc:cn-hangzhou::functions/audit\n",
    )
    assert run(["plan"]) == 0


def test_a_block_that_is_missing_is_written(template: Path, fc_local: FcLocal) -> None:
    put(fc_local, "new", async_task=True, on_success="acs:fc:cn-hangzhou::functions/audit")
    assert run(["import", "-y"]) == 0
    assert template.read_text() == TEMPLATE + (
        "      asyncInvokeConfig:\n"
        "        asyncTask: true\n"
        "        maxAsyncRetryAttempts: 3\n"
        "        maxAsyncEventAgeInSeconds: 86400\n"
        "        destinationConfig:\n"
        "          onSuccess:\n"
        "            destination: acs:fc:cn-hangzhou::functions/audit\n"
    )
    assert run(["plan"]) == 0


def test_a_block_is_written_between_braces_too(template: Path, fc_local: FcLocal) -> None:
    put(fc_local, "audit", max_async_retry_attempts=0)
    assert run(["import", "audit", "-y"]) == 0
    assert (
        "props: {region: cn-hangzhou, runtime: python3.10, asyncInvokeConfig: {asyncTask: false, "
        "maxAsyncRetryAttempts: 0, maxAsyncEventAgeInSeconds: 86400}}\n"
    ) in template.read_text()
    assert run(["plan"]) == 0


def test_a_dry_run_shows_the_change_and_writes_nothing(
    template: Path, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    put(fc_local, "new", async_task=True)
    assert run(["import", "--dry-run"]) == 0
    assert "+        asyncTask: true" in capsys.readouterr().out
    assert template.read_text() == TEMPLATE


def test_import_without_a_terminal_writes_nothing(template: Path, fc_local: FcLocal) -> None:
    put(fc_local, "new", async_task=True)
    assert run(["import"]) == 1
    assert template.read_text() == TEMPLATE


def test_an_unknown_resource_is_named(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "nosuch"]) == 1
    assert "no function under resources: nosuch" in capsys.readouterr().err


def test_qualifiers_that_have_no_place_are_told(
    template: Path, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    version = fc_local.client.publish_function_version("new").version_id
    put(fc_local, "new", async_task=True)
    put(fc_local, "new", qualifier=version, async_task=True)
    assert run(["import", "-y"]) == 0
    assert "new (cn-hangzhou) is also configured for 1" in capsys.readouterr().err
