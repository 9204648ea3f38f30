# SPDX-License-Identifier: MIT
"""300 broken templates, made from good ones: findings or a clear error, never a stack trace."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.report import findings, graphs

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
edition: 3.0.0
name: shop
access: default
vars:
  region: cn-hangzhou
  dead: acs:mns:${vars.region}::/queues/dead/messages
  retry: &retry {maxAsyncRetryAttempts: 2, maxAsyncEventAgeInSeconds: 3600}
template:
  base:
    runtime: python3.12
    timeout: 30
resources:
  orders:
    component: fc3
    extend: {name: base, ignore: [timeout]}
    props:
      region: ${vars.region}
      functionName: orders
      role: acs:ram::123:role/x
      environmentVariables: {A: "${env('HOME', 'x')}", B: "${this.props.functionName}-b"}
      triggers:
        - triggerName: t
          triggerType: mns_topic
          sourceArn: acs:mns:cn-hangzhou::/topics/news
      asyncInvokeConfig:
        <<: *retry
        qualifier: LATEST  # fc-async: ignore[FCA014] it is meant
        asyncTask: true
        destinationConfig:
          onSuccess:
            destination: acs:fc:${vars.region}::functions/${resources.billing.props.functionName}
          onFailure: {destination: "${vars.dead}"}
  billing:
    component: fc3
    props:
      region: ${vars.region}
      functionName: billing
      asyncInvokeConfig: ${vars.retry}
"""
PIECES = (
    *("${", "}", "${vars.", "${this.props}", "${resources.orders.props}", "<%", "%>", "'", '"'),
    *("[", "]", "{", "}", ": ", "- ", "&a ", "*a", "!!int ", "\t", "\n", "\n\n", "  ", "#", "|\n"),
    *("null", "~", "0", "-1", "1e99", "true", "[]", "{}", "[[[[", "\x00", "\ufeff", "é", "😀"),
    *("acs:", "acs:fc:::functions/orders", "<<: ", "? ", "---\n", "...\n", "%YAML 1.1\n", ">-\n"),
)


def mutated(seed: int) -> str:
    dice = random.Random(seed)
    text = GOOD
    for _ in range(dice.randint(1, 4)):
        lines = text.split("\n")
        at = dice.randrange(len(lines))
        place = dice.randrange(len(text) + 1)
        choice = dice.randrange(7)
        if choice == 0:
            del lines[at]
        elif choice == 1:
            lines.insert(at, lines[dice.randrange(len(lines))])
        elif choice == 2:
            lines[at] = " " * dice.randrange(9) + lines[at].lstrip()
        elif choice == 3:
            head, colon, _ = lines[at].partition(":")
            lines[at] = f"{head}{colon} {dice.choice(PIECES)}"
        else:
            end = place + dice.choice((0, 0, 1, 5, 60))
            text = text[:place] + dice.choice(PIECES) + text[end:]
            continue
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize(
    "start", [0, *(pytest.param(start, marks=pytest.mark.slow) for start in range(50, 300, 50))]
)
def test_a_malformed_template_never_gives_a_stack_trace(tmp_path: Path, start: int) -> None:
    file = tmp_path / "s.yaml"
    outcomes = set()
    for seed in range(start, start + 50):
        file.write_bytes(mutated(seed).encode("utf-8", "surrogatepass"))
        projects: list[s_yaml.Project] = []
        problems: tuple[s_yaml.Problem, ...] = ()
        try:
            projects.append(s_yaml.load(file, environ={}))
        except s_yaml.TemplateError as error:
            problems = error.problems
        context = rules.Context(projects, problems)
        found = rules.check(context)
        source = file.read_text("utf-8", "replace").split("\n")
        for width in (None, 80):
            list(findings.to_lines(found, 1, lambda _, source=source: source, width=width))
        findings.to_sarif(found, rules.RULES, "0")
        findings.to_github(found)
        findings.to_json(found)
        graphs.to_svg(graphs.picture(context.graph))
        outcomes.add((bool(projects), bool(found)))
        assert projects or any(finding.severity == "error" for finding in found)
    assert (False, True) in outcomes
    assert (True, True) in outcomes


def test_the_template_that_is_mutated_is_good(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD.replace("  # fc-async: ignore[FCA014] it is meant", ""))
    found = rules.check(rules.Context([s_yaml.load(tmp_path, environ={})]))
    assert [finding for finding in found if finding.severity == "error"] == []
