# SPDX-License-Identifier: MIT
"""The rule about paces in the code, and what it does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.check.rules import Finding

TEMPLATE = template(
    crm="""
        timeout: {timeout}
        concurrencyConfig: {{reservedConcurrency: 10}}
        asyncInvokeConfig: {{maxAsyncEventAgeInSeconds: {age}}}
    """,
)
IMPORT = "from fc_async_sdk.pacing import Pace\n"


def messages(
    check: Callable[..., list[Finding]], folder: Path, code: str, *, age: int, timeout: int = 1
) -> list[str]:
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text(code)
    found = check(TEMPLATE.format(age=age, timeout=timeout), ignore=())
    return [one.message for one in found if one.rule == "FCA055"]


def test_waits_that_are_longer_than_messages_live_are_found(
    check: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    code = f"{IMPORT}crm = Pace('crm', rate='1/10s', max_hops=HOPS)"
    [message] = messages(check, tmp_path, code, age=3_599)
    assert "wait for their slots at 1/10s expire" in message
    assert "they live 3599 s" in message


def test_a_pace_above_what_the_concurrency_allows_is_found(
    check: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    [message] = messages(check, tmp_path, f"{IMPORT}Pace('crm', 25)", age=7_200, timeout=2)
    assert "cannot keep the pace 25/s if its executions last 2 s" in message
    assert "10 at a time are 5 a second" in message


def test_each_function_that_shares_a_module_is_judged_by_its_own_settings(
    check: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(f"{IMPORT}Pace('crm', '25/s', max_hops=3)")
    head, _, function = TEMPLATE.partition("  crm:")
    functions = [
        f"  {name}:{function}".replace("Name: crm", f"Name: {name}").format(age=age, timeout=1)
        for name, age in (("short", 3_000), ("long", 7_200))
    ]
    found = check(head + "".join(functions), ignore=())
    messages = [one.message for one in found if one.rule == "FCA055" and "expire" in one.message]
    assert [message.split()[2] for message in messages] == ["short"]


@pytest.mark.parametrize(
    "code",
    [
        f"{IMPORT}Pace('crm', '10/s')",
        f"{IMPORT}Pace('crm', rate)",
        f"{IMPORT}Pace('crm', 'fast')",
        f"{IMPORT}Pace('crm')",
        "Pace('crm', '25/s', max_hops=3)  # of another package",
        "from fc_async_sdk.pacing import (",
    ],
)
def test_what_is_right_or_not_known_is_not_reported(
    check: Callable[..., list[Finding]], tmp_path: Path, code: str
) -> None:
    assert messages(check, tmp_path, code, age=3_000) == []
