# SPDX-License-Identifier: MIT
"""Commands of a template run when the user has seen and allowed them, as ``s`` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError, template
from fc_async_plugin.dev import building

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fc_async_plugin.template.actions import Build

TEMPLATE = """\
edition: 3.0.0
name: shop
vars: {tool: echo, greeting: "${env('GREETING')}"}
actions:
  pre-deploy:
    - run: echo whole >> log
  post-deploy:
    - run: echo never >> log
resources:
  orders:
    component: fc3
    actions:
      pre-deploy:
        - run: ${vars.tool} "$PWD ${vars.greeting}" >> ../log && cd /
          path: ./orders
        - component: fc3 build --use-docker
        - plugin: anything
      pre-invoke:
        - run: echo never >> log
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: ./orders
  mailer:
    component: fc3
    actions:
      pre-${regex('^deploy$')}:
        - run: exit 3
        - run: echo never >> log
    props:
      region: cn-hangzhou
      functionName: mailer
      runtime: nodejs20
      handler: index.handler
      code: ./mailer
  page:
    component: oss
    actions:
      pre-deploy:
        - run: echo never >> log
"""


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Build]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREETING", "hello")
    (tmp_path / "orders").mkdir()
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return building.builds_of([template.load(tmp_path / "s.yaml")])


def of_the_shell(builds: Sequence[Build]) -> list[Build]:
    return [one for one in builds if not one.component]


def test_commands_before_a_deployment_are_named_with_their_folder(builds: list[Build]):
    shell, component = building.hints(builds, asked=False)
    assert shell.splitlines()[1:] == [
        "echo whole >> log  (in .)",
        'orders: ${vars.tool} "$PWD ${vars.greeting}" >> ../log && cd /  (in orders)',
        "mailer: exit 3  (in .)",
        "mailer: echo never >> log  (in .)",
    ]
    assert "--build" in shell
    assert component.splitlines()[1:] == ["orders: fc3 build --use-docker  (in .)"]


def test_commands_run_in_their_folder_and_stop_at_a_failure(builds: list[Build], tmp_path: Path):
    said: list[str] = []
    failed = building.run(of_the_shell(builds), {"PATH": "/usr/bin:/bin"}, said.append)
    assert (tmp_path / "log").read_text() == f"whole\n{tmp_path / 'orders'} hello\n"
    assert failed == ["not built: mailer: exit 3  (in .): exit status 3"]
    assert len(said) == 3
    assert "hello" not in f"{said}{failed}{builds}"


def test_a_command_is_asked_for_once_and_again_when_it_changes(builds: list[Build], tmp_path: Path):
    asked: list[Build] = []
    file = tmp_path / ".fc-async" / "builds" / "allowed"
    building.allow(builds, asked.extend, file)
    building.allow(builds, asked.extend, file)
    assert asked == builds
    changed = builds[0]._replace(command="echo other")
    elsewhere = builds[0]._replace(folder=tmp_path / "orders")
    asked.clear()
    building.allow([*builds, changed, elsewhere], asked.extend, file)
    assert asked == [changed, elsewhere]


def test_an_answer_other_than_yes_is_not_remembered(builds: list[Build], tmp_path: Path):
    def refuse(_: Sequence[Build]) -> None:
        raise PluginError("no")

    file = tmp_path / ".fc-async" / "builds" / "allowed"
    for _ in range(2):
        with pytest.raises(PluginError, match="no"):
            building.allow(builds, refuse, file)
    assert not file.exists()


def test_a_folder_that_does_not_exist_is_said(builds: list[Build], tmp_path: Path):
    missing = builds[0]._replace(folder=tmp_path / "nowhere")
    [text] = building.run([missing], {}, lambda _: None)
    assert text.endswith("(in nowhere): the folder does not exist")


def test_a_command_with_a_variable_of_the_shell_stays_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GREETING", "hello")
    line = "    - run: export A=${HOME}/x\n"
    (tmp_path / "s.yaml").write_text(TEMPLATE.replace("    - run: echo whole >> log\n", line))
    [first, *_] = building.builds_of([template.load(tmp_path / "s.yaml")])
    assert first.command == "export A=${HOME}/x"
