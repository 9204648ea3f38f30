# SPDX-License-Identifier: MIT
"""What each rule finds and what it lets pass, at the boundaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fc_async_plugin.check.rules import RULES, Finding

Check = Callable[..., list[Finding]]

OK = "destinationConfig: {onFailure: {destination: 'acs:mns:::/queues/q/messages'}}\n"


def function(name: str, block: str = "", extra: str = "") -> str:
    lines = [f"region: cn-hangzhou\nfunctionName: {name}\n{extra}"]
    if block:
        lines.append("asyncInvokeConfig:\n" + "".join(f"  {line}\n" for line in block.splitlines()))
    props = "".join(f"      {line}\n" for line in "".join(lines).splitlines())
    return f"  {name}:\n    component: fc3\n    props:\n{props}"


def goes(success: str = "", failure: str = "") -> str:
    block = "destinationConfig:\n"
    if success:
        block += f"  onSuccess: {{destination: '{success}'}}\n"
    if failure:
        block += f"  onFailure: {{destination: '{failure}'}}\n"
    return block


def ids(findings: list[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings})


def test_a_good_template_has_no_findings(check: Check) -> None:
    block = (
        "qualifier: prod\nasyncTask: true\nmaxAsyncRetryAttempts: 0\n"
        "maxAsyncEventAgeInSeconds: 604800\n"
        + goes("acs:fc:cn-hangzhou::functions/b", "acs:mns:cn-hangzhou::/queues/q/messages")
    )
    assert check(function("a", block) + function("b")) == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("maxAsyncRetryAttempts: 0", None),
        ("maxAsyncRetryAttempts: 8", None),
        ("maxAsyncRetryAttempts: 9", "FCA012"),
        ("maxAsyncRetryAttempts: -1", "FCA012"),
        ("maxAsyncRetryAttempts: 2.5", "FCA011"),
        ("maxAsyncRetryAttempts: 2.0", None),  # JSON has no 2.0: s sends 2
        ("maxAsyncRetryAttempts: '3'", "FCA011"),
        ("maxAsyncRetryAttempts: true", "FCA011"),
        ("maxAsyncEventAgeInSeconds: 0", "FCA013"),
        ("maxAsyncEventAgeInSeconds: 1", None),
        ("maxAsyncEventAgeInSeconds: 604800", None),
        ("maxAsyncEventAgeInSeconds: 604801", "FCA013"),
        ("maxAsyncEventAgeInSeconds: 2592000", "FCA013"),
        ("maxAsyncEventAgeInSeconds: 1e99", "FCA013"),
        ("asyncTask: yes", "FCA011"),
        ("asyncTask: 1", "FCA011"),
        ("asyncTask: false", None),
        ("qualifier: LATEST", None),
        ("qualifier: 1", None),
        ("qualifier: prod-2", None),
        ("qualifier: 2prod", "FCA014"),
        ("qualifier: a/b", "FCA014"),
        ("qualifier: [a]", "FCA011"),
        ("maxAsyncRetryAttempt: 1", "FCA010"),
        ("maxasyncretryattempts: 1", "FCA010"),
        ("zzz: 1", "FCA010"),
    ],
)
def test_a_value_of_the_block_is_taken_or_refused(
    check: Check, line: str, rule: str | None
) -> None:
    found = check(function("a", f"{OK}{line}\n"), select=("FCA01",))
    assert ids(found) == ([rule] if rule else [])


def test_the_age_that_only_s_lets_pass_is_named(check: Check) -> None:
    (found,) = check(function("a", f"{OK}maxAsyncEventAgeInSeconds: 700000\n"))
    assert "1 to 604800, got 700000; s verify accepts up to 2592000" in found.message


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("maxAsyncRetryAttempt", "maxAsyncRetryAttempts"),
        ("max_async_retry_attempts", "maxAsyncRetryAttempts"),
        ("async_task", "asyncTask"),
        ("Qualifier", "qualifier"),
        ("destination", "destinationConfig"),
    ],
)
def test_an_unknown_key_gets_the_key_that_was_meant(check: Check, key: str, meant: str) -> None:
    (found,) = check(function("a", f"{OK}{key}: 1\n"), select=("FCA010",))
    assert found.fix == f"did you mean {meant}?"


def test_an_unknown_key_is_found_at_every_depth_and_at_its_own_place(check: Check) -> None:
    block = "destinationConfig:\n  onFail: {destination: x}\n  onSuccess: {destinaton: y}\n"
    found = check(function("a", block, "asyncInvokeConfg: {}\n"), select=("FCA010",))
    places = [(finding.position.line, finding.position.column) for finding in found]
    assert places == [(9, 7), (12, 11), (13, 23)]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("acs:fc:cn-hangzhou::functions/b", None),
        ("acs:fc:::functions/b/prod", None),
        ("acs:mns:::/topics/t/messages", None),
        ("acs:eventbridge:::eventbus/mine", None),
        ("acs:mq:::/instances/MQ_INST_1_x/topic/t", None),
        ("hello", "FCA020"),
        ("acs:fc:cn-hangzhou:abc:functions/b", "FCA020"),
        ("acs:oss:::bucket", "FCA020"),
        ("acs:mns:::/queues/", "FCA020"),
        ("acs:fc:::services/s.q/functions/b", "FCA021"),
        ("acs:mq:::/instances/rmq-cn-1/topic/t", "FCA022"),
        ("acs:eventbridge:::eventbus/default", "FCA023"),
        ("acs:mns:cn-shanghai::/queues/q/messages", "FCA025"),
        ("acs:fc:cn-shanghai::functions/elsewhere", "FCA025"),
        ("acs:mns::999:/queues/q/messages", "FCA026"),
        ("acs:fc:::functions/nowhere", "FCA040"),
        ("${resources.x.output.arn}", None),
    ],
)
def test_a_destination_is_taken_or_refused(check: Check, text: str, rule: str | None) -> None:
    found = check(function("a", goes(failure=text)) + function("b"), account_id="123")
    assert ids(found) == ([rule] if rule else [])


def test_a_function_named_as_s2tos3_names_it_is_a_destination(check: Check) -> None:
    there = goes(failure="acs:fc:::functions/shop$b")
    assert check(function("shop$a", there) + function("shop$b"), account_id="123") == []


@pytest.mark.parametrize(
    ("text", "function_name"),
    [
        ("acs:fc:::services/shop/functions/b", "shop$b"),
        ("acs:fc:::services/shop.prod/functions/b", "shop$b/prod"),
        ("acs:fc:::services/shop", "shop$NAME"),
    ],
)
def test_the_name_of_a_destination_of_fc2_is_the_one_that_s2tos3_writes(
    check: Check, text: str, function_name: str
) -> None:
    (found,) = check(function("a", goes(failure=text)), select=("FCA021",))
    assert found.fix.startswith(f"write acs:fc:::functions/{function_name},")


@pytest.mark.parametrize("value", ["{}", "{destination: ''}", "{destination: null}"])
def test_an_announced_destination_must_be_there(check: Check, value: str) -> None:
    found = check(function("a", f"destinationConfig:\n  onSuccess: {value}\n{''}"))
    assert ids(found) == ["FCA024", "FCA050"]


@pytest.mark.parametrize(
    "block", ["destinationConfig: x\n", "destinationConfig: {onFailure: 'acs:fc:::functions/b'}\n"]
)
def test_a_destination_of_another_shape_is_a_wrong_type(check: Check, block: str) -> None:
    assert "FCA011" in ids(check(function("a", block)))


def test_a_configuration_of_fc2_is_recognised(check: Check) -> None:
    extra = "function:\n  asyncConfiguration: {statefulInvocation: true}\n"
    (found,) = check(function("a", "", extra))
    assert found.rule == "FCA015"
    assert "statefulInvocation becomes asyncTask" in found.fix


def test_a_resource_of_fc2_is_said_not_to_be_checked(check: Check) -> None:
    text = "  a: {component: fc, props: {function: {asyncConfiguration: {}}}}\n"
    (found,) = check(text)
    assert (found.rule, found.severity) == ("FCA015", "warning")


def test_a_function_without_failure_destination_is_warned_about(check: Check) -> None:
    (found,) = check(function("a", "asyncTask: true\n"))
    assert (found.rule, found.severity) == ("FCA050", "warning")


def test_a_failure_destination_that_is_known_later_is_not_missed(check: Check) -> None:
    assert check(function("a", 'destinationConfig: "${resources.x.output.y}"\n')) == []


def test_the_function_that_was_meant_is_named(check: Check) -> None:
    arn = "acs:fc:::functions/biling"
    (found,) = check(function("a", goes(failure=arn)) + function("billing"), select=("FCA040",))
    assert found.fix == "did you mean billing?"


def arn(name: str) -> str:
    return f"acs:fc:cn-hangzhou::functions/{name}"


def test_a_cycle_names_each_edge_with_its_line(check: Check) -> None:
    text = function("a", goes(arn("b"), arn("b"))) + function("b", goes(arn("a"), arn("c")))
    (found,) = check(text + function("c"), select=("FCA03",))
    assert found.rule == "FCA031"
    assert found.message == "destination cycle: a → b (on failure) → a (on success)"
    assert [related.message for related in found.related] == [
        "a → b on failure",
        "b → a on success",
    ]
    assert [related.position.line for related in found.related] == [12, 20]
    assert "ignore[FCA031]" in found.fix


def test_a_self_destination_is_a_cycle_of_one(check: Check) -> None:
    (found,) = check(function("a", goes("acs:fc:::functions/a/LATEST")), select=("FCA03",))
    assert (found.rule, found.severity) == ("FCA030", "error")


def test_another_qualifier_of_the_same_function_is_no_cycle(check: Check) -> None:
    block = "qualifier: prod\n" + goes("acs:fc:::functions/a/canary")
    assert check(function("a", block), select=("FCA03",)) == []


def test_a_cycle_through_several_templates_is_found(check: Check) -> None:
    one, two = function("a", goes(arn("b"))), function("b", goes(arn("a")))
    assert ids(check(one, two, select=("FCA03",))) == ["FCA031"]
    assert check(one, select=("FCA03",)) == []


@pytest.mark.parametrize("account", ["", "123"])
def test_an_account_in_an_arn_is_the_own_one_when_that_is_unknown(
    check: Check, account: str
) -> None:
    text = function("a", goes("acs:fc::123:functions/a"))
    assert ids(check(text, select=("FCA03",), account_id=account)) == ["FCA030"]


def test_a_function_of_another_account_is_another_function(check: Check) -> None:
    text = function("a", goes("acs:fc::999:functions/a"))
    assert check(text, select=("FCA03",), account_id="123") == []


def test_a_role_says_whose_the_function_is(check: Check) -> None:
    text = function("a", goes("acs:fc::999:functions/a"), "role: acs:ram::123:role/x\n")
    assert check(text, select=("FCA03",)) == []


def test_a_waiver_takes_one_destination_out_of_the_search(check: Check) -> None:
    block = (
        "destinationConfig:\n"
        "  onSuccess:\n"
        "    destination: acs:fc:::functions/a  # fc-async: ignore[FCA030] counts down to 0\n"
    )
    assert check(function("a", block), select=("FCA03",)) == []


def test_a_waiver_on_one_edge_leaves_the_other_cycle(check: Check) -> None:
    block = (
        "destinationConfig:\n"
        "  # fc-async: ignore[FCA031] stops after one round\n"
        f"  onSuccess: {{destination: '{arn('b')}'}}\n"
        f"  onFailure: {{destination: '{arn('b')}'}}\n"
    )
    text = function("a", block) + function("b", goes(arn("a")))
    (found,) = check(text, select=("FCA03",))
    assert "b (on failure)" in found.message


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("edition: 3.0.0\nresources: [1]\n", "FCA001"),
        ("edition: 2\n", "FCA001"),
        ("edition: 3.0.0\nresources: {a: {component: fc3, props: {x: '${vars.q}'}}}\n", "FCA002"),
        (
            "edition: 3.0.0\nresources: {a: {component: fc3, props: {supplement: 2024-01-01}}}\n",
            "FCA003",
        ),
    ],
)
def test_a_template_that_cannot_be_read_is_a_finding(check: Check, text: str, rule: str) -> None:
    assert ids(check(text)) == [rule]


def test_every_unresolved_variable_is_reported(check: Check) -> None:
    found = check(function("a", "", "x: ${vars.p}\ny: [1, '${vars.q}']\n"))
    assert [finding.position.line for finding in found] == [9, 10]


def test_resources_of_other_components_are_not_checked(check: Check) -> None:
    text = "  a: {component: oss, props: {asyncInvokeConfig: {zzz: 1}}}\n"
    assert check(text) == []


def test_every_rule_says_what_it_is() -> None:
    for id_, rule in RULES.items():
        assert rule.id == id_
        assert rule.summary.endswith(".")
        assert rule.check.__doc__


def test_a_finding_in_a_shared_block_is_reported_once(check: Check) -> None:
    text = (
        "edition: 3.0.0\nasync: &async {maxAsyncRetryAttempts: 9}\nresources:\n"
        "  a: {component: fc3, props: {functionName: a, asyncInvokeConfig: *async}}\n"
        "  b: {component: fc3, props: {functionName: b, asyncInvokeConfig: *async}}\n"
    )
    (found,) = check(text, select=("FCA012",))
    assert found.position.line == 2


def test_findings_are_sorted_by_place(check: Check) -> None:
    block = "zzz: 1\nmaxAsyncRetryAttempts: 99\nyyy: 1\n"
    found = check(function("a", block))
    assert found == sorted(found, key=lambda finding: finding.position)


def test_rules_can_be_selected_by_their_beginning(check: Check) -> None:
    block: Any = "zzz: 1\nmaxAsyncRetryAttempts: 99\n"
    assert ids(check(function("a", block), select=("FCA012",))) == ["FCA012"]
    assert ids(check(function("a", block), select=("fca01",))) == ["FCA010", "FCA012"]


OWN = '${config("AccountID")}'


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"acs:fc:cn-hangzhou:{OWN}:functions/a", "FCA030"),
        (f"acs:fc:cn-hangzhou:{OWN}:functions/missing", "FCA040"),
        (f"acs:fc:us-west-1:{OWN}:functions/a", "FCA025"),
        (f"acs:fc:cn-hangzhou:{OWN}:functons/a", "FCA020"),
        (f"acs:fc:cn-hangzhou:{OWN}:services/s/functions/a", "FCA021"),
    ],
)
def test_an_account_that_is_not_known_hides_no_other_mistake_of_a_destination(
    check: Check, target: str, expected: str
) -> None:
    assert expected in ids(check(function("a", goes(target))))


def test_the_own_account_is_not_a_foreign_account(check: Check) -> None:
    target = f"acs:fc:cn-hangzhou:{OWN}:functions/b"
    found = check(function("a", goes(target, "acs:mns:cn-hangzhou:123:/queues/q/messages")))
    assert "FCA026" not in ids(found)
