# SPDX-License-Identifier: MIT
"""Environment variables without a value stop a deployment, not a run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.s_yaml import Project, TemplateError, files

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
edition: 3.0.0
name: shop
vars:
  token: ${env('TOKEN')}
  shared:
    MODE: fast
    KEY: ${env('KEY')}
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: ./code
"""


def read(folder: Path, more: str, **environ: str) -> Project:
    (folder / "s.yaml").write_text(HEAD + more)
    return s_yaml.load(folder, environ=environ, purpose="run")


def props(project: Project) -> dict[str, Any]:
    return project.resources[0].props


def test_a_function_runs_here_without_the_variables_that_have_no_value(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        """\
      environmentVariables:
        PLAIN: yes
        SECRET: ${env('SECRET')}
        URL: mysql://root:${env('PASSWORD')}@db
        TOKEN: ${vars.token}
""",
    )
    assert props(project)["environmentVariables"] == {"PLAIN": "yes"}
    assert set(project.unset) == {"SECRET", "PASSWORD", "TOKEN", "KEY"}


def test_a_shared_mapping_loses_only_the_entries_without_a_value(tmp_path: Path) -> None:
    project = read(tmp_path, "      environmentVariables: ${vars.shared}\n")
    assert props(project)["environmentVariables"] == {"MODE": "fast"}
    assert "KEY" in project.unset


@pytest.mark.parametrize(
    "prop",
    [
        "role: acs:ram::${env('ACCOUNT')}:role/fc",
        "logConfig: {project: \"${env('ACCOUNT')}\", logstore: all}",
        "vpcConfig: {vpcId: \"${env('ACCOUNT')}\", vSwitchIds: [vsw-1]}",
    ],
)
def test_a_setting_that_nothing_here_uses_is_left_out_whole(tmp_path: Path, prop: str) -> None:
    project = read(tmp_path, f"      {prop}\n")
    assert prop.partition(":")[0] not in props(project)
    assert "ACCOUNT" in project.unset


def test_a_function_whose_name_has_no_value_runs_by_the_name_of_its_resource(
    tmp_path: Path,
) -> None:
    text = HEAD.replace("functionName: orders", "functionName: ${env('STAGE')}-orders")
    (tmp_path / "s.yaml").write_text(text)
    project = s_yaml.load(tmp_path, environ={}, purpose="run")
    assert [one.function_name for one in project.resources] == ["orders"]
    assert "STAGE" in project.unset


def test_a_role_without_a_value_is_not_taken_for_no_role(tmp_path: Path) -> None:
    destination = "{onFailure: {destination: acs:mns:::/queues/q/messages}}"
    block = f"      asyncInvokeConfig: {{destinationConfig: {destination}}}\n"
    without = read(tmp_path, block)
    unset = read(tmp_path, f"{block}      role: ${{env('ROLE')}}\n")
    found = [[one.rule for one in rules.check(rules.Context([p]))] for p in (without, unset)]
    assert ["FCA060" in ids for ids in found] == [True, False]


@pytest.mark.parametrize(
    "prop",
    [
        "cpu: ${env('CPU')}",
        "asyncInvokeConfig: {maxAsyncRetryAttempts: \"${env('CPU')}\"}",
        "triggers: [{triggerName: \"${env('CPU')}\", triggerType: timer}]",
    ],
)
def test_a_setting_that_a_run_needs_is_still_an_error(tmp_path: Path, prop: str) -> None:
    with pytest.raises(TemplateError, match="CPU"):
        read(tmp_path, f"      {prop}\n")


def test_a_variable_that_is_used_in_both_ways_is_an_error(tmp_path: Path) -> None:
    more = "      environmentVariables: {A: '${vars.token}'}\n      handler2: ${vars.token}\n"
    with pytest.raises(TemplateError, match="TOKEN"):
        read(tmp_path, more)


def test_other_faults_in_environment_variables_are_still_errors(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="nowhere"):
        read(tmp_path, "      environmentVariables: {A: '${vars.nowhere}'}\n")


def test_a_resource_that_is_not_a_function_does_not_stop_the_functions(tmp_path: Path) -> None:
    more = "  site:\n    component: fc3-domain\n    props:\n      domainName: ${env('DOMAIN')}\n"
    project = read(tmp_path, more)
    assert [one.name for one in project.resources] == ["orders", "site"]
    assert "DOMAIN" in project.unset


def test_an_environment_is_laid_over_without_the_variables_that_have_no_value(
    tmp_path: Path,
) -> None:
    (tmp_path / "s.yaml").write_text(HEAD)
    (tmp_path / "env.yaml").write_text(
        """\
environments:
  - name: test
    overlays:
      resources:
        orders:
          memorySize: 512
          environmentVariables:
            PLAIN: yes
            SECRET: ${env('SECRET')}
"""
    )
    project = s_yaml.load(tmp_path, env="test", environ={}, purpose="run")
    assert props(project)["environmentVariables"] == {"PLAIN": "yes"}
    assert props(project)["memorySize"] == 512


def test_every_other_reader_still_refuses_a_variable_without_a_value(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD)
    with pytest.raises(TemplateError) as caught:
        s_yaml.load(tmp_path, environ={})
    fixes = [one.fix for one in caught.value.problems]
    assert fixes[0] == "set the environment variable TOKEN, or write a default: env('TOKEN', '…')"


def test_a_named_file_gives_values_before_the_file_beside_the_template(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOKEN=beside\nKEY=beside\n")
    named = tmp_path / "test.env"
    named.write_text("TOKEN=named\nOTHER=named\n")
    more = (
        "      environmentVariables:\n"
        "        TOKEN: ${vars.token}\n"
        "        KEY: ${env('KEY')}\n"
        "        OTHER: ${env('OTHER')}\n"
    )
    project = read(tmp_path, more, **files.completed({"OTHER": "process"}, named))
    variables = {"TOKEN": "named", "KEY": "beside", "OTHER": "process"}
    assert props(project)["environmentVariables"] == variables
    assert project.unset == ()


MAILER = """\
  mailer:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: mailer
      runtime: python3.10
      handler: ${env('HANDLER')}
"""


def test_a_function_that_needs_the_value_is_left_out_and_the_others_run(tmp_path: Path) -> None:
    project = read(tmp_path, MAILER)
    assert [one.name for one in project.resources] == ["orders"]
    [problem] = project.left_out["mailer"]
    assert problem.message == "${env('HANDLER')} not found"
    assert "HANDLER" not in project.unset


def test_a_fault_that_two_places_lead_to_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(HEAD + "      description: ${vars.token}\n")
    with pytest.raises(TemplateError) as caught:
        s_yaml.load(tmp_path, environ={})
    messages = [one.message for one in caught.value.problems]
    assert messages == ["${env('TOKEN')} not found", "${env('KEY')} not found"]


def show(folder: Path, more: str) -> Project:
    (folder / "s.yaml").write_text(HEAD + more)
    return s_yaml.load(folder, environ={}, purpose="show")


def findings(project: Project, rule: str) -> list[tuple[str, int]]:
    checked = rules.check(rules.Context([project]))
    return [(item.severity, item.position.line) for item in checked if item.rule == rule]


SECRETS = """\
      environmentVariables:
        SECRET: ${env('SECRET')}
        URL: mysql://root:${env('PASSWORD')}@db
        TOKEN: ${vars.token}
      asyncInvokeConfig: {maxAsyncRetryAttempts: 9}
"""


def test_rules_look_at_a_template_whose_secrets_have_no_value(tmp_path: Path) -> None:
    project = show(tmp_path, SECRETS)
    assert findings(project, "FCA012") == [("error", 21)]
    assert findings(project, "FCA002") == [("note", line) for line in (4, 7, 18, 19)]


def test_a_text_with_an_unset_variable_stays_as_it_is_written(tmp_path: Path) -> None:
    variables = props(show(tmp_path, SECRETS))["environmentVariables"]
    assert variables["URL"] == "mysql://root:${env('PASSWORD')}@db"
    assert variables["TOKEN"] == "${vars.token}"


def test_a_mapping_that_is_referred_to_keeps_its_other_values(tmp_path: Path) -> None:
    project = show(tmp_path, "      environmentVariables: ${vars.shared}\n")
    assert props(project)["environmentVariables"] == {"MODE": "fast", "KEY": "${env('KEY')}"}


def test_an_unset_variable_outside_of_the_variables_is_an_error_beside_the_others(
    tmp_path: Path,
) -> None:
    more = "      timeout: ${env('TIMEOUT')}\n      asyncInvokeConfig: {maxAsyncRetryAttempts: 9}\n"
    project = show(tmp_path, more)
    assert ("error", 17) in findings(project, "FCA002")
    assert findings(project, "FCA012") == [("error", 18)]


def test_a_variable_that_a_setting_refers_to_is_an_error_at_its_place(tmp_path: Path) -> None:
    project = show(tmp_path, "      timeout: ${vars.token}\n")
    assert ("error", 4) in findings(project, "FCA002")


def test_what_is_misspelt_is_still_an_error_of_the_whole_template(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="regoin"):
        show(tmp_path, "      timeout: ${vars.regoin}\n")
