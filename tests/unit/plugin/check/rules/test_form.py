# SPDX-License-Identifier: MIT
"""Each value that the service refuses becomes one finding that says where, what and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fc_async_plugin.check.rules import Finding
from fc_async_plugin.check.rules.context import violations

Check = Callable[..., list[Finding]]

HEAD = """\
  a:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: a
      asyncInvokeConfig: """
LINE = 9
"""Where ``asyncInvokeConfig`` stands."""


@pytest.mark.parametrize(
    ("block", "rule", "column", "message", "fix"),
    [
        (
            "5",
            "FCA011",
            26,
            "the configuration must be a mapping, got 5",
            "write a mapping",
        ),
        (
            "{asyncTask: yes}",
            "FCA011",
            38,
            "asyncTask must be true or false, got 'yes'",
            "YAML 1.2 has true and false only, and no quotes around them",
        ),
        (
            "{maxAsyncRetryAttempts: '3'}",
            "FCA011",
            50,
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got '3'",
            "leave out the quotes: 3",
        ),
        (
            "{maxAsyncRetryAttempts: -2.5}",
            "FCA011",
            50,
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got -2.5",
            "write a whole number from 0 to 8",
        ),
        (
            "{maxAsyncEventAgeInSeconds: [1]}",
            "FCA011",
            54,
            "maxAsyncEventAgeInSeconds must be a whole number from 1 to 604800, got [1]",
            "write a whole number from 1 to 604800",
        ),
        (
            "{qualifier: true}",
            "FCA011",
            38,
            "qualifier must be a string, got True",
            "write a string",
        ),
        (
            "{destinationConfig: 3}",
            "FCA011",
            46,
            "destinationConfig must be a mapping with onSuccess and onFailure, got 3",
            "write a mapping with onSuccess and onFailure",
        ),
        (
            "{destinationConfig: {onSuccess: 'acs:fc:::functions/a'}}",
            "FCA011",
            58,
            (
                "destinationConfig.onSuccess must be a mapping with destination,"
                " got 'acs:fc:::functions/a'"
            ),
            "write the ARN under destination: {destination: 'acs:fc:::functions/a'}",
        ),
        (
            "{destinationConfig: {onFailure: {destination: 3}}}",
            "FCA011",
            72,
            "destinationConfig.onFailure.destination must be an ARN as a string, got 3",
            "write an ARN as a string",
        ),
        (
            "{maxAsyncRetryAttempts: 9}",
            "FCA012",
            50,
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got 9",
            "write 8, or leave it out for 3",
        ),
        (
            "{maxAsyncRetryAttempts: -1}",
            "FCA012",
            50,
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got -1",
            "write 0, or leave it out for 3",
        ),
        (
            "{maxAsyncEventAgeInSeconds: 0}",
            "FCA013",
            54,
            "maxAsyncEventAgeInSeconds must be a whole number from 1 to 604800, got 0",
            "write 1, or leave it out for 86400",
        ),
        (
            "{maxAsyncEventAgeInSeconds: 700000}",
            "FCA013",
            54,
            (
                "maxAsyncEventAgeInSeconds must be a whole number from 1 to 604800,"
                " got 700000; s verify accepts up to 2592000"
            ),
            "write 604800, or leave it out for 86400",
        ),
        *(
            (
                f"{{qualifier: {written}}}",
                "FCA014",
                38,
                (f"qualifier must be LATEST, a version number or an alias name, got {shown}"),
                "an alias name has letters, digits, _ and -, and begins with a letter or _",
            )
            for written, shown in [
                ("a/b", "'a/b'"),
                ('"prod\\n"', r"'prod\n'"),
                ("-3", "-3"),
                ("99999999999", "99999999999"),
            ]
        ),
        (
            "{zzz: 1}",
            "FCA010",
            27,
            "unknown key 'zzz' in asyncInvokeConfig",
            (
                "known here: asyncTask, maxAsyncRetryAttempts, maxAsyncEventAgeInSeconds,"
                " destinationConfig, qualifier"
            ),
        ),
        (
            "{destinationConfig: {onFalure: {}}}",
            "FCA010",
            47,
            "unknown key 'onFalure' in asyncInvokeConfig.destinationConfig",
            "did you mean onFailure?",
        ),
        *(
            (
                f"{{destinationConfig: {{onSuccess: {target}}}}}",
                "FCA024",
                58,
                (
                    "onSuccess has no destination; the service refuses this with"
                    " InvalidDestinationResources"
                ),
                "write destination: with an ARN, or leave out onSuccess",
            )
            for target in ("{}", "{destination: ''}", "{destination: null}")
        ),
    ],
)
def test_a_mistake_of_form_is_reported_once(
    check: Check, block: str, rule: str, column: int, message: str, fix: str
) -> None:
    (found,) = check(HEAD + block + "\n", select=("FCA01", "FCA02"))
    assert (found.rule, found.severity) == (rule, "error")
    assert (found.position.line, found.position.column) == (LINE, column)
    assert found.message == message
    assert found.fix == fix


def test_all_mistakes_of_a_block_are_reported(check: Check) -> None:
    block = (
        "{zzz: 1, yyy: 2, maxAsyncRetryAttempts: 9, qualifier: [],"
        " destinationConfig: {onSuccess: {destinaton: x}, onFailure: hello}}\n"
    )
    found = check(HEAD + block, select=("FCA01", "FCA02"))
    assert [finding.rule for finding in found] == [
        "FCA010",
        "FCA010",
        "FCA012",
        "FCA011",
        "FCA024",
        "FCA010",
        "FCA011",
    ]


@pytest.mark.parametrize(
    "block",
    [
        None,
        {},
        {"asyncTask": None, "destinationConfig": None, "qualifier": None},
        {"destinationConfig": {"onSuccess": None}},
        {"maxAsyncRetryAttempts": "${resources.x.output.y}"},
        {"qualifier": "${resources.x.output.y}"},
        {"qualifier": ""},
    ],
)
def test_what_the_service_accepts_is_not_a_violation(block) -> None:
    assert list(violations(block)) == []
