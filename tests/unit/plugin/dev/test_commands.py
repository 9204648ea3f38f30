# SPDX-License-Identifier: MIT
"""Functions that run with a command of the user: ``fc-async dev --command``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError, template
from fc_async_plugin.dev import commands

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = """\
edition: 3.0.0
name: shop
resources:
  web:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: shop-web
      runtime: custom-container
      customContainerConfig: {image: "${env('IMAGE_OF_NO_MACHINE')}", port: 8080, command: [run]}
  old:
    component: fc3
    props: {region: cn-hangzhou, runtime: java11, handler: Hello, code: ./target}
"""


@pytest.fixture
def project(tmp_path: Path) -> template.Project:
    (tmp_path / "s.yaml").write_text(IMAGE)
    return template.load(tmp_path, purpose="run", environ={})


def test_an_image_runs_as_a_command_on_its_port_in_the_folder_of_the_template(
    project: template.Project,
) -> None:
    started = commands.read(["web=python 'my app.py' --debug=1"])
    web, old = commands.with_commands(project, started).resources
    assert web.props == {
        "region": "cn-hangzhou",
        "functionName": "shop-web",
        "runtime": "custom",
        "code": ".",
        "customRuntimeConfig": {"command": ["python", "my app.py", "--debug=1"], "port": 8080},
    }
    assert old is project.resources[1]


def test_a_command_of_another_runtime_runs_in_its_code_folder(project: template.Project) -> None:
    _, old = commands.with_commands(project, {"old": ["java", "-jar", "app.jar"]}).resources
    assert (old.props["runtime"], old.props["code"]) == ("custom", "./target")
    assert old.props["customRuntimeConfig"] == {"command": ["java", "-jar", "app.jar"]}


@pytest.mark.parametrize("given", ["web", "web=", "web=  ", "web='python"])
def test_what_is_not_a_name_with_a_command_is_refused(given: str) -> None:
    with pytest.raises(PluginError, match=r"^--command web"):
        commands.read([given])


@pytest.mark.parametrize(
    ("more", "file", "said"),
    [
        ("", "app.dll", ["net starts with 'no-such-dotnet', which is not on the PATH of this"]),
        ("environmentVariables: {PATH: /code/bin}, ", "app.dll", []),
        ("", "requirements.txt", []),
    ],
)
def test_a_program_that_starts_a_function_and_is_not_here_is_named(
    tmp_path: Path, more: str, file: str, said: list[str]
) -> None:
    (tmp_path / file).touch()
    props = "customRuntimeConfig: {command: [no-such-dotnet, app.dll]}, runtime: custom, code: ."
    text = f"  net: {{component: fc3, props: {{{more}region: cn-hangzhou, {props}}}}}\n"
    other = text.replace("no-such-dotnet", "sh").replace("net:", "shell:")
    (tmp_path / "s.yaml").write_text(f"edition: 3.0.0\nname: shop\nresources:\n{text}{other}")
    found = list(commands.absent(template.load(tmp_path)))
    assert [one.partition(" machine")[0] for one in found] == said


@pytest.mark.parametrize(
    ("dockerfile", "command"),
    [
        ('FROM node\nENTRYPOINT [ "node", "server.js" ]\n', "'node server.js'"),
        ('WORKDIR /app\nCMD ["a"]\nCMD [ "python", "-u", "/app/my app.py" ]', "'python -u '\"'\"'"),
        ("CMD php artisan serve --port=9000", "'php artisan serve --port=9000'"),
        ('ENTRYPOINT ["dumb-init", "--"]\nCMD npm start\n', "'dumb-init -- npm start'"),
        ('WORKDIR /\nCMD ["/srv/run", "/x"]', "'/srv/run /x'"),
        ('CMD ["/srv/run"]', "/srv/run"),
        ("CMD [1", "'[1'"),
        ("FROM scratch\n", ""),
        (None, ""),
    ],
)
def test_the_command_of_an_image_is_read_from_its_dockerfile(
    project: template.Project, tmp_path: Path, dockerfile: str | None, command: str
) -> None:
    if dockerfile is not None:
        (tmp_path / "Dockerfile").write_text(dockerfile)
    found = "".join(commands.of_images(project))
    assert ("--command web=" in found) == bool(command)
    assert f"web={command}" in found or not command
