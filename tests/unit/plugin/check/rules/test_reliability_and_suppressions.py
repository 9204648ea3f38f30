# SPDX-License-Identifier: MIT
"""Rules about what is lost silently, and about the comments that switch rules off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fc_async_plugin.check.rules import Finding

Check = Callable[..., list[Finding]]

HEAD = "  a:\n    component: fc3\n    props:\n      region: cn-hangzhou\n      functionName: a\n"
FAILURE = (
    "        destinationConfig:\n"
    "          onFailure: {destination: 'acs:mns:::/queues/q/messages'}\n"
)


def template(block: str, props: str = "") -> str:
    return HEAD + props + "      asyncInvokeConfig:" + (block if block == " {}\n" else "\n" + block)


def ids(findings: list[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings})


def test_an_empty_block_is_said_to_change_nothing(check: Check) -> None:
    assert ids(check(template(" {}\n"))) == ["FCA051"]


@pytest.mark.parametrize(
    ("task_mode", "end"),
    [("true", "is listed for 7 days and then dropped"), ("false", "is dropped")],
)
def test_a_task_without_failure_destination_is_said_to_stay_in_the_list_for_a_week(
    check: Check, task_mode: str, end: str
) -> None:
    (found,) = check(template(f"        asyncTask: {task_mode}\n"))
    assert found.rule == "FCA050"
    assert found.message == f"a has no failure destination: an invocation that fails for good {end}"


@pytest.mark.parametrize(
    ("timeout", "retries", "age", "found"),
    [
        (600, 8, 5400, []),
        (600, 8, 5399, ["FCA052"]),
        (600, None, 2399, ["FCA052", "FCA053"]),
        (None, 0, 3600, []),
        (86400, 3, None, ["FCA052"]),
        (99999, 3, None, ["FCA016"]),
    ],
)
def test_retries_must_fit_into_the_age(
    check: Check, timeout: int | None, retries: int | None, age: int | None, found: list[str]
) -> None:
    block = FAILURE
    if retries is not None:
        block += f"        maxAsyncRetryAttempts: {retries}\n"
    if age is not None:
        block += f"        maxAsyncEventAgeInSeconds: {age}\n"
    props = f"      timeout: {timeout}\n" if timeout is not None else ""
    assert ids(check(template(block, props))) == found


@pytest.mark.parametrize(("age", "found"), [(3599, ["FCA053"]), (3600, [])])
def test_delays_must_fit_into_the_age(check: Check, age: int, found: list[str]) -> None:
    block = f"{FAILURE}        maxAsyncEventAgeInSeconds: {age}\n"
    assert ids(check(template(block))) == found


def test_a_missing_role_is_warned_of_and_small_destinations_are_noted(check: Check) -> None:
    found = check(template(FAILURE), ignore=())
    assert [(one.rule, one.severity) for one in found] == [
        ("FCA060", "warning"),
        ("FCA054", "note"),
    ]
    assert "64 KB" in found[1].message
    role = "      role: acs:ram::123:role/x\n"
    assert ids(check(template(FAILURE, role), ignore=())) == ["FCA054"]
    made_elsewhere = template(FAILURE).replace("component: fc3", "component: ./fc-async")
    assert ids(check(made_elsewhere, ignore=())) == ["FCA054"]


# --- suppressions -------------------------------------------------------------------------------

BAD = "        maxAsyncRetryAttempts: 9"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{BAD}  # fc-async: ignore[FCA012] raised quota\n", []),
        (f"        # fc-async: ignore[FCA012]: raised quota\n{BAD}\n", []),
        (f"        # fc-async: ignore[FCA012] raised\n        # quota\n\n{BAD}\n", []),
        (f"        # fc-async: ignore-file[FCA012] raised quota\n{BAD}\n", []),
        (f"{BAD}  # fc-async: ignore[fca012, FCA013] x\n", ["FCA092"]),
        (f"{BAD}  # fc-async: ignore[FCA012]\n", ["FCA090"]),
        (f"{BAD}  # fc-async: ignore[FCA013] other rule\n", ["FCA012", "FCA092"]),
        (f"{BAD}  # fc-async: ignore[FCA999] typo\n", ["FCA012", "FCA091"]),
        (f"{BAD}  # fc-async: ignore[] nothing\n", ["FCA012", "FCA091"]),
        (f"{BAD}\n        # fc-async: ignore[FCA012] below\n", ["FCA012", "FCA092"]),
    ],
)
def test_a_suppression_speaks_about_its_line_and_needs_a_reason(
    check: Check, text: str, found: list[str]
) -> None:
    assert ids(check(template(text + FAILURE), ignore=())) == sorted([*found, "FCA054", "FCA060"])


@pytest.mark.parametrize("select", [(), ("FCA092",), ("FCA09",)])
def test_an_unused_suppression_is_found_whatever_other_rules_are_left_out(
    check: Check, select: tuple[str, ...]
) -> None:
    text = template(f"        # fc-async: ignore[FCA013] x\n{FAILURE}")
    assert ids(check(text, select=select)) == ["FCA092"]


def test_a_used_suppression_is_not_called_unused_when_its_rule_is_not_selected(
    check: Check,
) -> None:
    text = template(f"{BAD}  # fc-async: ignore[FCA012] raised quota\n{FAILURE}")
    assert ids(check(text, select=("FCA092",))) == []
    assert ids(check(text, ignore=("FCA012", "FCA054", "FCA060"))) == []


@pytest.mark.parametrize("rule", ["FCA042", "FCA061"])
def test_a_suppression_is_not_called_unused_when_its_rule_had_nothing_to_look_at(
    check: Check, rule: str
) -> None:
    text = template(f"        # fc-async: ignore[{rule}] granted elsewhere\n{FAILURE}")
    assert ids(check(text)) == []


def test_an_unused_suppression_is_found_beside_a_place_that_s_reads_differently(
    check: Check,
) -> None:
    date = "      supplement: 2026-01-31\n"
    text = template(f"        # fc-async: ignore[FCA013] x\n{FAILURE}", date)
    assert ids(check(text)) == ["FCA003", "FCA092"]


# --- roles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource", "found"),
    [
        ("mns:SendMessage", "*", []),
        ("mns:*", "acs:mns:cn-hangzhou:123:/queues/q/messages", []),
        ("mns:PublishMessage", "*", ["FCA061"]),
        ("mns:SendMessage", "acs:mns:cn-hangzhou:123:/queues/other/messages", ["FCA061"]),
    ],
)
def test_a_role_that_was_read_must_reach_the_destination(
    check: Check, action: str, resource: str, found: list[str]
) -> None:
    role = "acs:ram::123:role/x"
    granted = {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    text = template(FAILURE, f"      role: {role}\n")
    assert ids(check(text, roles={role: granted})) == found
    assert ids(check(text, roles={"acs:ram::123:role/other": granted})) == []


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        (["oss:GetObject", "oss:PutObject"], []),
        (["oss:*"], []),
        (["oss:GetObject"], ["FCA062"]),
        (["mns:SendMessage"], ["FCA062"]),
    ],
)
def test_a_role_that_was_read_must_reach_the_bucket_of_large_payloads(
    check: Check, actions: list[str], found: list[str]
) -> None:
    role = "acs:ram::123:role/x"
    granted = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    store = "      environmentVariables: {FCASYNC_PAYLOADS: 'oss://big'}\n"
    text = template(FAILURE, f"      role: {role}\n{store}")
    assert ids(check(text, roles={role: granted}, ignore=("FCA061", "FCA054"))) == found
    assert ids(check(text, ignore=("FCA061", "FCA054"))) == []
