# SPDX-License-Identifier: MIT
"""Rules about what the code of a function uses: what passes here must not fail on an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.check.rules import Finding

PACE = "from fc_async_sdk.pacing import Pace, RetryLater, paced\n"
STORES = "from fc_async_sdk.stores import MemoryStore, RedisStore, SqliteStore\n"
HANDLER = "from fc_async_sdk import handler\n"
WITH_ROLE = """
    role: acs:ram::123456:role/app
    asyncInvokeConfig: {asyncTask: true}
"""
OF_CODE = ("FCA063", "FCA064", "FCA065", "FCA066", "FCA067")


@pytest.fixture
def look(
    check: Callable[..., list[Finding]], tmp_path: Path
) -> Callable[..., list[tuple[str, str]]]:
    """``look(index, settings, **modules)``: ids and messages of the rules about code."""

    def run(index: str, settings: str = WITH_ROLE, **modules: str) -> list[tuple[str, str]]:
        folder = tmp_path / "code"
        folder.mkdir(exist_ok=True)
        for name, text in {"index": index, **modules}.items():
            (folder / f"{name}.py").write_text(text)
        findings = check(template(crm=settings), ignore=())
        return [(item.rule, item.message) for item in findings if item.rule in OF_CODE]

    return run


def test_a_program_with_five_mistakes_that_only_an_account_punishes_has_five_findings(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    program = f"""{PACE}{HANDLER}
from fc_async_sdk.idempotency import MemoryStore, idempotent
from fc_async_sdk.payloads import DefaultStore

@paced(Pace("crm", "25/s"))
@idempotent(MemoryStore())
@handler(dict, large=DefaultStore())
def handler(event, context): ...
"""
    findings = look(program, "asyncInvokeConfig: {asyncTask: false}")
    expected = ["FCA063", "FCA064", "FCA065", "FCA065", "FCA066"]
    assert sorted(rule for rule, _ in findings) == expected
    text = "\n".join(message for _, message in findings)
    assert "crm sends messages to itself (index.py:7), and has no role" in text
    assert "crm keeps the state of the pace in memory, because it names no store" in text
    assert "the records of the idempotent handler in MemoryStore() (index.py:8)" in text
    assert "crm takes the store of large payloads from FCASYNC_PAYLOADS (index.py:9)" in text


@pytest.mark.parametrize(
    "code",
    [
        f"{PACE}{STORES}@paced(Pace('crm', 5, store=RedisStore(client)))\ndef handler(e, c): ...",
        f"{PACE}{STORES}store = RedisStore(client)\npace = Pace('crm', 5, store=store)",
        "from mine import Pace, paced\n@paced(Pace('crm', 5))\ndef handler(e, c): ...",
        f"{PACE}pace = Pace('crm', 5, store=store_of(region))",
        "def handler(event, context): ...",
        "import fc_async_sdk.pacing as pacing\npacing.Pace('a', 1, store=make())",
        "from fc_async_sdk.pacing import (",
    ],
)
def test_what_suffices_or_is_not_known_has_no_finding(
    look: Callable[..., list[tuple[str, str]]], code: str
) -> None:
    assert look(code) == []


def test_a_store_in_another_module_of_the_code_is_followed(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    decorated = "@paced(Pace('crm', 5, store=store))\ndef handler(e, c): ..."
    index = f"{PACE}from common import store\n{decorated}"
    [(rule, message)] = look(index, common=f"{STORES}store = SqliteStore('/tmp/pace.db')")
    assert rule == "FCA065"
    assert "in SqliteStore('/tmp/pace.db') (index.py:3)" in message


def test_a_file_on_a_mounted_file_system_outlives_the_instance(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    mounted = (
        f"{WITH_ROLE}    nasConfig: {{mountPoints: [{{mountDir: /mnt/data, serverAddr: a:/}}]}}\n"
    )
    code = f"{PACE}{STORES}Pace('crm', 5, store=SqliteStore('/mnt/data/pace.db'))"
    assert look(code, mounted) == []


def test_what_decorates_another_handler_of_the_module_is_not_of_this_function(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    code = f"{PACE}@paced(Pace('x', 5))\ndef other(e, c): ...\ndef handler(e, c): ...\n"
    assert look(code, "asyncInvokeConfig: {asyncTask: false}") == []


def test_a_message_that_is_raised_for_later_needs_a_role_and_task_mode(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    code = f"{PACE}def handler(e, c):\n    raise RetryLater(5)\n"
    findings = look(code, "asyncInvokeConfig: {maxAsyncRetryAttempts: 1}")
    assert [rule for rule, _ in findings] == ["FCA063", "FCA064"]


def test_keys_of_its_own_need_no_role(look: Callable[..., list[tuple[str, str]]]) -> None:
    code = f"{PACE}def handler(e, c):\n    raise RetryLater(5)\n"
    settings = """
        asyncInvokeConfig: {asyncTask: true}
        environmentVariables: {ALIBABA_CLOUD_ACCESS_KEY_ID: '${env(KEY)}'}
    """
    assert look(code, settings) == []


def test_a_function_without_internet_cannot_call_over_the_public_endpoint(
    look: Callable[..., list[tuple[str, str]]],
) -> None:
    code = "import fc_async_sdk\nfc_async_sdk.client().invoke_async('next', {})\n"
    [(rule, message)] = look(code, f"{WITH_ROLE}    internetAccess: false\n")
    assert rule == "FCA067"
    assert "over the public endpoint (index.py:2)" in message


def test_installed_packages_beside_the_code_are_not_read(
    look: Callable[..., list[tuple[str, str]]], tmp_path: Path
) -> None:
    (tmp_path / "code" / "crmlib-1.0.dist-info").mkdir(parents=True)
    assert look("import crmlib\n", crmlib=f"{PACE}Pace('crm', 5)") == []
