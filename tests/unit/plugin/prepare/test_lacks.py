# SPDX-License-Identifier: MIT
"""What functions lack on this machine has the same words in dev, doctor and validate."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.cli.group import run
from fc_async_plugin.prepare import lacks
from fc_async_plugin.project import attached
from fc_async_plugin.project.lack import Lack, told
from fc_async_plugin.report import terminal
from fc_async_sdk.errors import ConnectFailed

if TYPE_CHECKING:
    from pathlib import Path

PROPS = "region: cn-hangzhou, timeout: 60, memorySize: 512, cpu: 0.5, diskSize: 512"
PROGRAM = "customRuntimeConfig: {command: [no-such-dotnet, app.dll]}"
IMAGE = "runtime: custom-container, customContainerConfig: {image: 'own:1', port: 9000}"
SERVES = "COMMAND' starts a program that serves HTTP"
SAID = [
    (
        "s.yaml:10:41: jav runs on java11, which is not on this machine: "
        f"fc-async dev --command jav='{SERVES}"
    ),
    "s.yaml:13:94: net starts with no-such-dotnet, which is not on this machine: install it",
    "s.yaml:16:74: web starts with code/gone.js, which does not exist: build or write it",
    (
        "code/index.py:1: api imports left_pad, which is not on this machine: write the package "
        "that has it into code/requirements.txt; none is known by this name"
    ),
]
FUNCTIONS = {
    "img": IMAGE,
    "jav": "runtime: java11, handler: a.b::c, code: ./code",
    "net": f"runtime: custom, code: ./code, {PROGRAM}",
    "web": "runtime: nodejs20, code: ./code, handler: gone.handler",
    "api": "runtime: python3.10, code: ./code, handler: index.handler",
}


def template(functions: dict[str, str]) -> str:
    resources = "".join(
        f"  {name}:\n    component: fc3\n    props: {{functionName: {name}, {props}, {PROPS}}}\n"
        for name, props in functions.items()
    )
    return f"edition: 3.0.0\nname: shop\naccess: default\nresources:\n{resources}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fc_async_plugin.prepare.runtimes.has_node", lambda: True)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("import left_pad\n")
    (tmp_path / "s.yaml").write_text(template(FUNCTIONS))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    run([*words])
    return capsys.readouterr().out


def of_validate(text: str) -> list[str]:
    """Return the lines of the section that validate prints."""
    _, _, section = text.partition("Lacking on this machine")
    return [line.strip() for line in section.splitlines()[1:]]


def test_doctor_and_validate_say_what_is_lacking_in_the_same_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_validate(printed(capsys, "validate", "--notes")) == SAID
    lines = printed(capsys, "doctor").splitlines()
    words = [line.partition(": ")[2] for line in lines]
    assert [f"{what}: {fix}" for what, fix in zip(words[::2], words[1::2], strict=True)] == SAID


def test_programs_read_the_same_members_of_doctor_and_validate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_doctor = json.loads(printed(capsys, "doctor", "-o", "json"))["lacks"]
    document: dict[str, Any] = json.loads(printed(capsys, "validate", "-o", "json"))
    assert document["lacks"] == of_doctor
    assert [str(Lack(**lack)) for lack in of_doctor] == SAID
    assert document["findings"] == []


def test_what_this_machine_lacks_is_not_a_fault_of_the_template(folder: Path) -> None:
    assert run(["validate", "--strict", "--notes"]) == 0


def test_validate_says_it_to_a_person_and_not_into_a_pipe_or_the_log_of_a_ci(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert of_validate(printed(capsys, "validate")) == []
    monkeypatch.setattr(terminal, "width", lambda **_: 1000)
    assert of_validate(printed(capsys, "validate")) == SAID
    assert of_validate(printed(capsys, "validate", "--select", "FCA031")) == []
    monkeypatch.setenv("CI", "true")
    assert of_validate(printed(capsys, "validate")) == []


def test_validate_starts_no_program_to_see_what_is_lacking(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "code" / "gone.js").write_text("require('no-such-package')")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert "left_pad" in printed(capsys, "validate", "--notes")


@pytest.mark.parametrize(
    "props",
    [
        "runtime: [], code: ./code",
        "runtime: custom, code: 5, customRuntimeConfig: {command: [null, 5]}",
        "runtime: python3.10, code: {src: [a]}, handler: [a], layers: {a: 1}",
    ],
)
def test_props_of_wrong_types_are_findings_and_do_not_end_validate(
    folder: Path, props: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "s.yaml").write_text(template({"api": props}))
    assert json.loads(printed(capsys, "validate", "-o", "json"))["findings"] != []
    assert json.loads(printed(capsys, "doctor", "-o", "json"))["checks"] != []


def test_a_function_that_its_file_lets_start_lacks_no_image(folder: Path) -> None:
    (folder / "fc-async.toml").write_text(f'[dev.functions.img]\nstart = "{sys.executable}"\n')
    found = lacks.of_functions([s_yaml.load(folder)], processes=False)
    assert [lack.kind for lack in found] == ["interpreter", "program", "file", "module"]


def test_doctor_names_a_variable_without_a_value_once_and_as_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KEY_OF_NO_MACHINE", raising=False)
    (folder / "code" / "index.py").write_text("")
    variables = "environmentVariables: {KEY: \"${env('KEY_OF_NO_MACHINE')}\"}"
    api = f"{FUNCTIONS['api']}, {variables}"
    (folder / "s.yaml").write_text(template({"api": api}))
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "error: s.yaml reads KEY_OF_NO_MACHINE, for which there is no value here\n"
        "  fix: write NAME=VALUE into .env beside s.yaml, or name a file with fc-async dev "
        "--env-file (s needs a value, too)\n"
    )


def test_packages_that_can_be_installed_are_named_by_doctor_with_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "code" / "index.py").write_text("")
    (folder / "code" / "requirements.txt").write_text("left-pad==1\n")
    (folder / "s.yaml").write_text(template({"api": FUNCTIONS["api"]}))
    assert printed(capsys, "doctor") == (
        "warning: code: api needs requirements.txt, which is not on this machine\n"
        "  fix: fc-async dev --install\n"
    )


@pytest.mark.parametrize(
    ("endpoint", "fix"),
    [
        ("http://127.0.0.1:1", "fc-async local start"),
        ("https://unknown.invalid", "check --endpoint, --region and the network"),
    ],
)
def test_a_service_that_does_not_answer_is_named_with_what_to_do(endpoint: str, fix: str) -> None:
    class Refusing:
        endpoint_url = endpoint

        def list_functions(self, **_: object) -> None:
            raise ConnectFailed("refused")

    client: Any = Refusing()
    said = f"this folder uses {endpoint}, which does not answer"
    assert str(lacks.service(client)) == f"{said}: {fix}"


@pytest.mark.parametrize("command", ["validate", "doctor"])
@pytest.mark.parametrize(
    "props",
    [
        "runtime: python3.10, code: ./code, handler: \"${env('MY_SECRET')}.handler\"",
        "runtime: python3.10, code: ./code, handler: \"${env('MY_SECRET')}\"",
        "runtime: custom, code: ./code, customRuntimeConfig: {command: [\"${env('MY_SECRET')}\"]}",
        "runtime: python3.10, code: ./code, handler: a.b, layers: [\"acs:${env('MY_SECRET')}\"]",
        "runtime: java11, description: \"${env('MY_SECRET')}\"",
    ],
)
def test_a_value_of_the_environment_is_not_in_what_is_lacking(
    folder: Path,
    props: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2.handler")
    text = template({"api": props, "other": FUNCTIONS["jav"]})
    name = "functionName: \"${env('MY_SECRET')}\""
    (folder / "s.yaml").write_text(text.replace("functionName: api", name))
    shown = printed(capsys, command, "-o", "json")
    assert "other runs on" in shown
    assert "hunter2" not in shown


def test_many_variables_without_a_value_are_one_line_for_people(tmp_path: Path) -> None:
    names = [f"KEY_{number}" for number in range(9)]
    values = ", ".join(f"{name}: \"${{env('{name}')}}\"" for name in names)
    api = f"{FUNCTIONS['api']}, environmentVariables: {{{values}}}"
    (tmp_path / "s.yaml").write_text(template({"api": api}))
    project = s_yaml.load(tmp_path, purpose="run", environ={})
    [lack] = told(attached.unset(project))
    assert lack.what.startswith("s.yaml reads KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5 and 3 more")
