# SPDX-License-Identifier: MIT
"""Saves are deployed; what cannot be deployed leaves the last state that could."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.account import Regions
from fc_async_plugin.dev.deploying import Deployer, Result
from fc_async_plugin.prepare import lacks
from fc_async_tests import runtime_requests as requests
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_plugin.s_yaml import Project

TEMPLATE = template(
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 1
    """,
)
SECOND = function("mailer", "code: ./mail")


class Folder:
    """A project of a user, deployed to a local runtime."""

    def __init__(self, path: Path, fc: FcLocal) -> None:
        self.path = path
        self.fc = fc
        self.template = path / "s.yaml"
        self.index = path / "code" / "index.py"
        self.index.parent.mkdir()
        self.template.write_text(TEMPLATE)
        self.write(1)
        self.deployer = self.made()

    def made(self, **options: Any) -> Deployer:
        return Deployer(
            lambda: [s_yaml.load(self.template, account_id="1234567890123456")],
            Regions(lambda _: self.fc.client),
            files={self.template},
            folder=self.path / "kept",
            **options,
        )

    def write(self, version: int) -> None:
        self.index.write_text(f"def handler(event, context):\n    return {version}\n")

    def answer(self) -> bytes:
        return self.fc.client.invoke("orders").payload

    def retries(self) -> int | None:
        return self.fc.client.get_async_invoke_config("orders").max_async_retry_attempts


@pytest.fixture
def folder(tmp_path: Path, fc_local: FcLocal) -> Folder:
    (tmp_path / "project").mkdir()
    return Folder(tmp_path / "project", fc_local)


def test_the_first_deployment_makes_functions_and_configurations(folder: Folder):
    result = folder.deployer.everything()
    assert not result.refused
    assert [step.title for step in result.steps] == [
        "+ function orders (cn-hangzhou)",
        "+ async config orders (cn-hangzhou)",
    ]
    assert (folder.answer(), folder.retries()) == (b"1", 1)
    assert folder.deployer.everything().steps == ()


def test_the_runtime_knows_where_destinations_are_written(folder: Folder):
    destination = "        destinationConfig:\n          onFailure:\n            destination: "

    def places() -> list[str]:
        graph = requests.get(f"{folder.fc.endpoint}/_local/graph", timeout=10).json()
        return [edge["written"] for edge in graph["edges"]]

    folder.template.write_text(f"{TEMPLATE}{destination}acs:mns:::/queues/q/messages\n")
    folder.deployer.everything()
    assert places() == [f"{folder.template}:17:26"]
    folder.template.write_text(f"# a comment\n{folder.template.read_text()}")
    assert folder.deployer.saved([folder.template]).steps == ()
    assert places() == [f"{folder.template}:18:26"]


def test_saved_code_replaces_the_function(folder: Folder):
    folder.deployer.everything()
    folder.answer()
    folder.write(2)
    [step] = folder.deployer.saved([folder.index]).steps
    assert step.title == "~ function orders (cn-hangzhou)"
    assert folder.answer() == b"2"


def test_a_file_of_no_function_changes_nothing(folder: Folder):
    folder.deployer.everything()
    assert folder.deployer.saved([folder.path / "readme.md"]) == Result()


def test_a_broken_file_leaves_the_last_good_code_until_it_is_mended(folder: Folder):
    folder.deployer.everything()
    folder.index.write_text("def handler(:\n")
    other = folder.index.with_name("other.py")
    other.write_text("x = 1\n")
    for saved in (folder.index, other):
        result = folder.deployer.saved([saved])
        assert [one.path for one in result.broken] == [folder.index]
        assert folder.answer() == b"1"
    folder.write(3)
    assert not folder.deployer.saved([folder.index]).refused
    assert folder.answer() == b"3"


def test_an_invalid_template_leaves_the_last_good_configuration(folder: Folder):
    folder.deployer.everything()
    folder.template.write_text(TEMPLATE.replace("Attempts: 1", "Attempts: 11"))
    result = folder.deployer.saved([folder.template])
    errors = [one.rule for one in result.findings or () if one.severity == "error"]
    assert errors == ["FCA012"]
    assert folder.retries() == 1
    folder.write(2)
    folder.deployer.saved([folder.index])
    assert folder.answer() == b"2"
    folder.template.write_text(TEMPLATE.replace("Attempts: 1", "Attempts: 2"))
    folder.deployer.saved([folder.template])
    assert folder.retries() == 2


def test_a_template_that_is_not_yaml_is_a_finding(folder: Folder):
    folder.template.write_text("resources: [")
    result = folder.deployer.everything()
    assert result.refused
    assert [one.severity for one in result.findings or ()] == ["error"]


def test_a_removed_block_is_removed(folder: Folder):
    folder.deployer.everything()
    folder.template.write_text(TEMPLATE.partition("      asyncInvokeConfig")[0])
    [step] = folder.deployer.saved([folder.template]).steps
    assert step.title == "- async config orders (cn-hangzhou)"


def test_a_function_that_left_the_template_stays_and_is_named(folder: Folder):
    (folder.path / "mail").mkdir()
    (folder.path / "mail" / "index.py").write_text(folder.index.read_text())
    folder.template.write_text(TEMPLATE + SECOND)
    folder.deployer.everything()
    folder.template.write_text(TEMPLATE)
    assert folder.deployer.saved([folder.template]).gone == ("mailer",)
    assert folder.fc.client.get_function("mailer").function_name == "mailer"


def test_what_failed_is_deployed_with_the_next_save(folder: Folder):
    folder.template.write_text(TEMPLATE + SECOND)
    result = folder.deployer.everything()
    [failure] = result.failures
    assert failure.startswith("mailer: ")
    assert "mail" in failure
    assert {step.function for step in result.steps} == {"orders"}
    (folder.path / "mail").mkdir()
    (folder.path / "mail" / "index.py").write_text(folder.index.read_text())
    result = folder.deployer.saved([folder.path / "mail" / "index.py"])
    assert not result.refused
    assert {step.function for step in result.steps} == {"mailer"}


TIMER = """\
      triggers:
        - triggerName: nightly
          triggerType: timer
          triggerConfig: {cronExpression: '@every 1h', enable: true}
"""


def test_a_trigger_of_the_template_fires_and_follows_the_template(folder: Folder) -> None:
    folder.template.write_text(TEMPLATE + TIMER)
    assert folder.deployer.everything().failures == ()
    folder.fc.advance(3_600)
    assert len(folder.fc.client.list_async_tasks("orders").tasks) == 1
    folder.template.write_text(TEMPLATE + TIMER.replace("enable: true", "enable: false"))
    folder.deployer.saved([folder.template])
    folder.fc.advance(3_600)
    assert len(folder.fc.client.list_async_tasks("orders").tasks) == 1


def test_a_trigger_that_leaves_the_template_is_deleted(folder: Folder) -> None:
    folder.template.write_text(TEMPLATE + TIMER)
    folder.deployer.everything()
    folder.template.write_text(TEMPLATE)
    folder.deployer.saved([folder.template])
    assert folder.fc.client.list_triggers("orders").triggers == ()


def test_a_trigger_that_is_refused_is_a_failure_of_its_function(folder: Folder) -> None:
    folder.template.write_text(TEMPLATE + TIMER.replace("triggerName: nightly", "triggerName: 1a"))
    (failure,) = folder.deployer.everything().failures
    assert failure.startswith("+ trigger orders/1a (cn-hangzhou): ")
    assert folder.answer() == b"1"
    assert "1a" in failure.partition(": ")[2]


def test_triggers_after_one_that_is_refused_are_made_and_each_refusal_is_said(
    folder: Folder,
) -> None:
    """The first refused trigger hid all others of its function, good ones and bad ones."""
    heading, _, timer = TIMER.partition("\n")
    timers = [timer.replace("nightly", name) for name in ("1a", "2b", "weekly")]
    folder.template.write_text(TEMPLATE + f"{heading}\n{''.join(timers)}")
    failures = folder.deployer.everything().failures
    assert [failure.partition(" (")[0] for failure in failures] == [
        "+ trigger orders/1a",
        "+ trigger orders/2b",
    ]
    [trigger] = folder.fc.client.list_triggers("orders").triggers
    assert trigger.trigger_name == "weekly"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("{triggerName: bad, triggerType: timer, triggerConfig: {cronExpression: x}}", "bad"),
        ("{triggerName: bad, triggerType: timer, triggerConfg: {}}", "bad"),
        ("{triggerName: nightly, triggerType: timer, triggerConfig: *c}", "two triggers with"),
        (
            "{triggerType: http, triggerConfig: {methods: [GET]}}",
            "a trigger of 'orders' has no triggerName",
        ),
        ("{triggerName: bad, triggerType: http, triggerConfig: '{}'}", "is not a mapping"),
    ],
)
def test_a_function_runs_without_a_trigger_that_is_wrong(
    folder: Folder, second: str, reason: str
) -> None:
    first, _, timer = TIMER.replace("Config: {", "Config: &c {").partition("\n")
    folder.template.write_text(f"{TEMPLATE}{first}\n{timer}        - {second}\n")
    (failure,) = folder.deployer.everything().failures
    assert failure.startswith("orders: ")
    assert reason in failure
    assert folder.answer() == b"1"
    assert len(folder.fc.client.list_triggers("orders").triggers) == 1


def test_variables_without_a_value_are_listed_and_the_function_runs(
    folder: Folder, fc_local: FcLocal
):
    variables = "      environmentVariables: {A: \"${env('SHOP_A')}\", B: \"${env('SHOP_B')}\"}\n"
    folder.template.write_text(TEMPLATE + variables)
    deployer = Deployer(
        lambda: [s_yaml.load(folder.template, account_id="1234567890123456", purpose="run")],
        Regions(lambda _: fc_local.client),
        files={folder.template},
        folder=folder.path / "kept",
    )
    result = deployer.everything()
    assert not result.refused
    assert folder.answer() == b"1"
    assert [one for one in result.omitted if "SHOP_A, SHOP_B" in one and ".env" in one]


def with_mailer(folder: Folder, **props: str) -> list[str]:
    """Deploy orders and a second function with other props; return why something was left out."""
    (folder.path / "mail").mkdir(exist_ok=True)
    (folder.path / "mail" / "index.py").write_text(folder.index.read_text())
    lines = [line for line in SECOND.splitlines() if line.strip().split(":")[0] not in props]
    lines += [f"      {key}: {value}" for key, value in props.items()]
    folder.template.write_text(TEMPLATE + "\n".join(lines))
    return list(folder.deployer.everything().failures)


@pytest.mark.parametrize(
    ("props", "reason"),
    [
        ({"code": "./target"}, "target is neither a folder nor a zip file (build it, or"),
        ({"memorySize": "64k"}, "it has errors; nothing was deployed from it"),
        ({"handler": "'${resources.orders.output.handler}'"}, "known only after s deploy has run"),
        ({"functionName": "orders", "region": "cn-beijing"}, "here runs that of cn-hangzhou"),
    ],
)
def test_a_function_that_cannot_be_deployed_leaves_the_others(
    folder: Folder, props: dict[str, str], reason: str
):
    (failure,) = with_mailer(folder, **props)
    assert failure.startswith(f"{props.get('functionName', 'mailer')}: ")
    assert reason in failure
    assert folder.answer() == b"1"


def test_what_the_runtime_refuses_of_one_function_leaves_the_others(folder: Folder):
    with zipfile.ZipFile(folder.path / "mail.zip", "w") as archive:
        archive.writestr("../index.py", "")  # leads out of the code folder
    (failure,) = with_mailer(folder, code="./mail.zip")
    assert failure.startswith("+ function mailer (cn-hangzhou): 400 InvalidArgument")
    assert folder.answer() == b"1"


LATER = "'${resources.q.output.arn}'"


@pytest.mark.parametrize(
    ("prop", "left_out"),
    [
        ("logConfig: auto", "logConfig of mailer (auto makes other resources"),
        ("vpcConfig: auto", "vpcConfig of mailer (auto makes other resources"),
        (
            "environmentVariables: {KIND: a, URL: '${resources.orders.output.url}'}",
            "environmentVariables.URL of mailer (${resources.orders.output.url} is known only",
        ),
        ("role: '${resources.role.output.arn}'", "role of mailer"),
        (
            f"asyncInvokeConfig: {{destinationConfig: {{onFailure: {{destination: {LATER}}}}}}}",
            "asyncInvokeConfig.destinationConfig.onFailure.destination of mailer",
        ),
    ],
)
def test_a_function_runs_without_what_only_s_makes(folder: Folder, prop: str, left_out: str):
    key, _, value = prop.partition(": ")
    assert with_mailer(folder, **{key: value}) == []
    (sentence,) = [one for one in folder.deployer.everything().omitted if key in one]
    assert sentence.startswith(f"left out here: {left_out}")
    assert folder.fc.client.invoke("mailer").payload == b"1"


def test_variables_beside_one_that_only_s_knows_are_set(folder: Folder):
    assert not with_mailer(folder, environmentVariables="{KIND: a, URL: '${resources.o.output.u}'}")
    assert folder.fc.client.get_function("mailer").environment_variables == {"KIND": "a"}


def test_a_runtime_that_is_not_on_this_machine_is_said_at_deployment(folder: Folder):
    folder.deployer = folder.made(unavailable=lacks.interpreter)
    (failure,) = with_mailer(folder, runtime="java11")
    assert failure == (
        f"mailer: {folder.template}:22:16: mailer runs on java11, which is not on this machine: "
        "fc-async dev --command mailer='COMMAND' starts a program that serves HTTP"
    )
    assert folder.answer() == b"1"


def test_the_version_of_a_function_that_is_not_deployed_is_not_told(folder: Folder):
    """What is said of versions is said of these functions."""
    folder.deployer = folder.made(unavailable=lacks.interpreter)
    assert with_mailer(folder, runtime="java11")
    assert [source.function for source in folder.deployer.sources] == ["orders", "mailer"]
    assert [source.function for source in folder.deployer.running] == ["orders"]


def test_requirements_that_do_not_resolve_leave_the_other_functions(folder: Folder):
    def amend(project: Project) -> Project:
        if project.resources[0].name == "mailer":
            raise PluginError("requirements.txt cannot be installed")
        return project

    folder.deployer = folder.made(amend=amend)
    assert with_mailer(folder) == ["mailer: requirements.txt cannot be installed"]
    assert folder.answer() == b"1"


def test_an_error_of_one_function_leaves_its_last_good_state_and_deploys_the_others(folder: Folder):
    assert with_mailer(folder) == []
    folder.write(2)
    (failure,) = with_mailer(folder, memorySize="64k")
    assert failure == "mailer: it has errors; its last good state stays"
    assert folder.answer() == b"2"
    assert folder.fc.client.invoke("mailer").payload == b"2"


def test_a_cycle_of_functions_stops_the_deployment(folder: Folder):
    def to(name: str) -> str:
        arn = f"acs:fc:cn-hangzhou:1234567890123456:functions/{name}"
        return f"        destinationConfig: {{onSuccess: {{destination: '{arn}'}}}}\n"

    both = TEMPLATE + to("mailer") + SECOND + "      asyncInvokeConfig:\n" + to("orders")
    folder.template.write_text(both)
    result = folder.deployer.everything()
    assert "FCA031" in {one.rule for one in result.findings or ()}
    assert folder.fc.client.list_functions().functions == ()


CUSTOM = function("server", "runtime: custom.debian12\nhandler: null\ncode: ./server")


def with_bootstrap(folder: Folder, text: str | None, mode: int = 0o755) -> Result:
    (folder.path / "server").mkdir()
    (folder.path / "server" / "server.py").write_text("")
    if text is not None:
        bootstrap = folder.path / "server" / "bootstrap"
        bootstrap.write_text(text)
        bootstrap.chmod(mode)
    folder.template.write_text(TEMPLATE + CUSTOM)
    return folder.deployer.everything()


@pytest.mark.parametrize(
    ("text", "reason", "fix"),
    [
        ("#!/bin/sh\r\necho\r\n", "has Windows line ends", "save it with LF"),
        ("\ufeff#!/bin/sh\n", "begins with a byte order mark", "save it without the mark"),
        (
            "python3 server.py\n",
            "is neither a script with #! nor a program for Linux",
            "begin it with #!/bin/sh",
        ),
    ],
)
def test_a_bootstrap_that_cannot_be_started_is_a_finding(
    folder: Folder, text: str, reason: str, fix: str
):
    result = with_bootstrap(folder, text)
    (finding,) = [one for one in result.findings or () if one.severity == "error"]
    assert (finding.rule, finding.position.line) == ("FCA019", 21)
    assert reason in finding.message
    assert finding.fix == fix
    assert result.failures == ("server: it has errors; nothing was deployed from it",)
    assert folder.answer() == b"1"


def test_a_bootstrap_that_does_not_exist_is_said_at_deployment(folder: Folder):
    (failure,) = with_bootstrap(folder, None).failures
    assert failure.startswith(f"server: {folder.template}:21:13: ")
    assert "server/bootstrap, which does not exist (build or write it)" in failure
    assert folder.answer() == b"1"


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_bootstrap_is_deployed_whether_it_is_executable_here_or_not(folder: Folder, mode: int):
    assert not with_bootstrap(folder, "#!/bin/sh\n", mode).refused


def test_another_start_file_that_is_not_executable_is_a_finding(folder: Folder):
    (folder.path / "server").mkdir()
    (folder.path / "server" / "start.sh").write_text("#!/bin/sh\n")
    custom = f"{CUSTOM}      customRuntimeConfig: {{command: [./start.sh]}}\n"
    folder.template.write_text(TEMPLATE + custom)
    (finding,) = [
        one for one in folder.deployer.everything().findings or () if one.rule == "FCA019"
    ]
    assert "start.sh, which starts the function, is not executable" in finding.message


def test_a_start_file_that_the_path_finds_and_that_is_not_executable_is_a_finding(folder: Folder):
    (folder.path / "server").mkdir()
    (folder.path / "server" / "start.sh").write_text("#!/bin/sh\n")
    custom = "      customRuntimeConfig: {command: [start.sh]}\n"
    path = "      environmentVariables: {PATH: '/usr/bin:/code'}\n"
    folder.template.write_text(TEMPLATE + CUSTOM + custom + path)
    (finding,) = [
        one for one in folder.deployer.everything().findings or () if one.rule == "FCA019"
    ]
    assert "start.sh, which starts the function, is not executable" in finding.message


def test_a_python_file_that_starts_a_function_needs_the_line_of_python(folder: Folder):
    (folder.path / "server").mkdir()
    start = folder.path / "server" / "start.py"
    start.write_text("print(1)\n")
    start.chmod(0o755)
    custom = f"{CUSTOM}      customRuntimeConfig: {{command: [./start.py]}}\n"
    folder.template.write_text(TEMPLATE + custom)
    findings = folder.deployer.everything().findings or ()
    fixes = [one.fix for one in findings if one.rule == "FCA019"]
    assert fixes == ["begin it with #!/usr/bin/env python3"]


@pytest.mark.parametrize("command", ["bin/run", "./bin/run", "/code/bin/run"])
def test_a_start_file_that_does_not_exist_is_said_at_deployment(folder: Folder, command: str):
    (folder.path / "server").mkdir()
    (folder.path / "server" / "server.py").write_text("")
    custom = f"{CUSTOM}      customRuntimeConfig: {{command: [{command}]}}\n"
    folder.template.write_text(TEMPLATE + custom)
    (failure,) = folder.deployer.everything().failures
    assert "server/bin/run, which does not exist (build or write it)" in failure


@pytest.mark.parametrize("command", ["python3, server.py", "/opt/run"])
def test_a_start_command_outside_of_the_code_folder_is_not_checked(folder: Folder, command: str):
    (folder.path / "server").mkdir()
    (folder.path / "server" / "server.py").write_text("")
    custom = f"{CUSTOM}      customRuntimeConfig: {{command: [{command}]}}\n"
    folder.template.write_text(TEMPLATE + custom)
    assert folder.deployer.everything().failures == ()


def test_a_function_with_keys_that_the_service_ignores_runs(folder: Folder):
    folder.template.write_text(
        TEMPLATE.replace(
            "maxAsyncRetryAttempts: 1", "maxAsyncEventAge: 60\n      runtimeConfig: {}"
        )
    )
    result = folder.deployer.everything()
    assert sorted(one.rule for one in result.findings or () if one.severity == "error") == [
        "FCA010",
        "FCA016",
    ]
    assert not result.refused
    assert result.steps


def test_a_function_whose_code_is_the_whole_file_system_is_left_out_by_name(folder: Folder):
    folder.template.write_text(TEMPLATE + SECOND.replace("./mail", "/"))
    result = folder.deployer.everything()
    [failure] = result.failures
    assert "mailer" in failure
    assert "/ is the root of the file system" in failure
    assert folder.answer() == b"1"
