# SPDX-License-Identifier: MIT
"""Each thing that the schema refuses becomes one finding that says where, what and what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.rules import RULES, Finding, json_schema, structure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
            "asyncInvokeConfig is 5, the service takes a mapping",
            "write a mapping",
        ),
        (
            "{asyncTask: yes}",
            "FCA011",
            38,
            "asyncTask is 'yes', the service takes true or false",
            "YAML 1.2 has true and false only, and no quotes around them",
        ),
        (
            "{maxAsyncRetryAttempts: '3'}",
            "FCA011",
            50,
            "maxAsyncRetryAttempts is '3', the service takes a whole number",
            "leave out the quotes: 3",
        ),
        (
            "{maxAsyncRetryAttempts: -2.5}",
            "FCA011",
            50,
            "maxAsyncRetryAttempts is -2.5, the service takes a whole number",
            "write a whole number",
        ),
        (
            "{maxAsyncEventAgeInSeconds: [1]}",
            "FCA011",
            54,
            "maxAsyncEventAgeInSeconds is [1], the service takes a whole number of seconds",
            "write a whole number of seconds",
        ),
        (
            "{qualifier: true}",
            "FCA011",
            38,
            "qualifier is True, the service takes a string",
            "write a string",
        ),
        (
            "{destinationConfig: 3}",
            "FCA011",
            46,
            "destinationConfig is 3, the service takes a mapping with onSuccess and onFailure",
            "write a mapping with onSuccess and onFailure",
        ),
        (
            "{destinationConfig: {onSuccess: 'acs:fc:::functions/a'}}",
            "FCA011",
            58,
            "onSuccess is 'acs:fc:::functions/a', the service takes a mapping with destination",
            "write the ARN under destination: {destination: 'acs:fc:::functions/a'}",
        ),
        (
            "{destinationConfig: {onFailure: {destination: 3}}}",
            "FCA011",
            72,
            "destination is 3, the service takes an ARN as a string",
            "write an ARN as a string",
        ),
        (
            "{maxAsyncRetryAttempts: 9}",
            "FCA012",
            50,
            "maxAsyncRetryAttempts is 9, the service takes 0 to 8",
            "write 8, or leave it out for 3",
        ),
        (
            "{maxAsyncRetryAttempts: -1}",
            "FCA012",
            50,
            "maxAsyncRetryAttempts is -1, the service takes 0 to 8",
            "write 0, or leave it out for 3",
        ),
        (
            "{maxAsyncEventAgeInSeconds: 0}",
            "FCA013",
            54,
            "maxAsyncEventAgeInSeconds is 0, the service takes 1 to 604800 seconds (7 days)",
            "write 1, or leave it out for 86400 (1 day)",
        ),
        (
            "{maxAsyncEventAgeInSeconds: 700000}",
            "FCA013",
            54,
            (
                "maxAsyncEventAgeInSeconds is 700000, the service takes 1 to 604800 seconds"
                " (7 days); s verify lets it pass (it allows 2592000)"
            ),
            "write 604800, or leave it out for 86400 (1 day)",
        ),
        *(
            (
                f"{{qualifier: {written}}}",
                "FCA014",
                38,
                f"qualifier {shown} is neither LATEST, a version number nor an alias name",
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
def test_a_mistake_of_structure_is_told_once(
    check: Check, block: str, rule: str, column: int, message: str, fix: str
) -> None:
    (found,) = check(HEAD + block + "\n", select=("FCA01", "FCA02"))
    assert (found.rule, found.severity) == (rule, "error")
    assert (found.position.line, found.position.column) == (LINE, column)
    assert found.message == message
    assert found.fix == fix


def test_all_mistakes_of_a_block_are_told(check: Check) -> None:
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
        {"maxAsyncRetryAttempts": 2.0},  # the fast check doubts it, the schema doesn't
    ],
)
def test_what_the_schema_accepts_is_no_violation(block: Any) -> None:
    assert list(structure.violations(block)) == []


def keywords(key: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every keyword that can refuse something, by the key it stands at."""
    annotations = {"description", "default", "examples", "properties", "$ref"}
    yield from ((key, keyword) for keyword in schema if keyword not in annotations)
    for name, inner in schema.get("properties", {}).items():
        yield from keywords(name, inner)


@pytest.mark.parametrize(
    ("key", "keyword"),
    [
        pair
        for name in ("asyncInvokeConfig", "destination")
        for pair in keywords(name, json_schema.schema()["$defs"][name])
    ],
)
def test_whatever_the_schema_can_refuse_has_a_rule_that_words_it(key: str, keyword: str) -> None:
    violation = structure.Violation(("asyncInvokeConfig", key), keyword, None, {})
    assert violation.rule in RULES


@pytest.mark.parametrize(
    ("block", "imported"),
    [
        ("{maxAsyncRetryAttempts: 2, qualifier: prod}", False),
        ("{destinationConfig: {onSuccess: {destination: hello}}}", True),
        ("{maxAsyncRetryAttempts: 9}", True),
    ],
)
def test_only_a_wrong_template_pays_for_jsonschema(
    tmp_path: Path, block: str, imported: bool
) -> None:
    (tmp_path / "s.yaml").write_text(
        f"edition: 3.0.0\nname: app\naccess: default\nresources:\n{HEAD}{block}\n"
    )
    program = (
        "import sys; sys.argv = ['fc-async', 'validate'];"
        "from fc_async_plugin.cli import main;"
        "print(main(), 'jsonschema' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == f"{int(imported)} {imported}"
