# SPDX-License-Identifier: MIT
"""Functions that run with a command of the user: ``fc-async dev --command``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.prepare import commands
from fc_async_plugin.prepare.answers import Answers
from fc_async_plugin.prepare.installing import Installer
from fc_async_plugin.prepare.lacks import check_start, start_program
from fc_async_plugin.prepare.needs import requirements_of
from fc_async_plugin.project.sources import sources_of
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = template(
    web="""
        functionName: shop-web
        runtime: custom-container
        handler: null
        code: null
        customContainerConfig: {image: "${env('IMAGE_OF_NO_MACHINE')}", port: 8080}
    """,
    old="""
        runtime: java11
        handler: Hello
        code: ./target
    """,
)


@pytest.fixture
def project(tmp_path: Path) -> s_yaml.Project:
    (tmp_path / "s.yaml").write_text(IMAGE)
    return s_yaml.load(tmp_path, purpose="run", environ={})


def test_an_image_runs_as_a_command_on_its_port_in_the_folder_of_the_template(
    project: s_yaml.Project,
) -> None:
    started = commands.read(["web=python 'my app.py' --debug=1"])
    web, old = commands.with_commands(project, started, {}).resources
    assert web.props == {
        "region": "cn-hangzhou",
        "functionName": "shop-web",
        "runtime": "custom",
        "code": ".",
        "customRuntimeConfig": {"command": ["python", "my app.py", "--debug=1"], "port": 8080},
    }
    assert old is project.resources[1]


def test_a_command_of_another_runtime_runs_in_its_code_folder(project: s_yaml.Project) -> None:
    _, old = commands.with_commands(project, {"old": ["java", "-jar", "app.jar"]}, {}).resources
    assert (old.props["runtime"], old.props["code"]) == ("custom", "./target")
    assert old.props["customRuntimeConfig"] == {"command": ["java", "-jar", "app.jar"]}


@pytest.mark.parametrize("given", ["web", "web=", "web=  ", "web='python"])
def test_what_is_not_a_name_with_a_command_is_refused(given: str) -> None:
    with pytest.raises(PluginError, match=r"^--command web"):
        commands.read([given])


@pytest.mark.parametrize(
    ("more", "file", "said"),
    [
        (
            "",
            "app.dll",
            ["4:85: net starts with no-such-dotnet, which is not on this machine: install it"],
        ),
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
    assert [text.partition("s.yaml:")[2] for text in start_programs(tmp_path)] == said


def start_programs(folder: Path) -> list[str]:
    """Return the programs that the functions of a template start with and this machine lacks."""
    project = s_yaml.load(folder)
    return [
        str(lack) for resource in project.resources for lack in start_program(project, resource)
    ]


def refused(project: s_yaml.Project) -> list[str]:
    """Return why functions of a template are not deployed, each by itself."""
    texts: list[str] = []
    for resource in project.resources:
        try:
            check_start(msgspec.structs.replace(project, resources=(resource,)))
        except PluginError as error:
            texts.append(str(error))
    return texts


WITH_PATH = "environmentVariables: {PYTHONPATH: /code/src}"


@pytest.mark.parametrize(
    ("props", "files", "lacks"),
    [
        ("runtime: python3.10, handler: index.handler", "index.py", ""),
        ("runtime: python3.10, handler: app.api.handler", "app/api/__init__.py", ""),
        ("runtime: python3.10, handler: app/api.handler", "app/api.py", ""),
        (
            "runtime: python3.10, handler: a.h, environmentVariables: {PYTHONPATH: /code/src}",
            "src/a.py",
            "",
        ),
        ("runtime: python3.10, handler: app.api.handler", "app/other.py", "app/api.py"),
        ("runtime: python3.10, handler: app.api.handler", "../app/api.py", "app/api.py"),
        ("runtime: nodejs20, handler: dist/index.handler", "dist/index.cjs", ""),
        ("runtime: nodejs20, handler: dist/index.handler", "index.js", "dist/index.js"),
        (
            "runtime: custom, customRuntimeConfig: {command: [python3], args: [app.py]}",
            "a",
            "app.py",
        ),
        ("runtime: custom, customRuntimeConfig: {command: [sh, /code/run.sh]}", "run.sh", ""),
        (
            f"runtime: custom, {WITH_PATH}, customRuntimeConfig: {{command: [python, app.py]}}",
            "src/app.py",
            "app.py",
        ),
        ("runtime: custom, customRuntimeConfig: {command: [sh, /code/run]}", "a", "run"),
        ("runtime: custom, customRuntimeConfig: {command: [node, ./a]}", "a/index.js", ""),
        ("runtime: custom, customRuntimeConfig: {command: [sh, -c, /code/run]}", "a", ""),
        ("runtime: custom, customRuntimeConfig: {command: [sh, /opt/run.sh, -x.py]}", "a", ""),
    ],
)
def test_a_file_with_which_a_function_starts_and_which_is_not_there_is_named(
    tmp_path: Path, props: str, files: str, lacks: str
) -> None:
    file = tmp_path / "code" / files
    file.parent.mkdir(parents=True)
    file.touch()
    text = f"  api: {{component: fc3, props: {{region: cn-hangzhou, code: ./code, {props}}}}}\n"
    (tmp_path / "s.yaml").write_text(f"edition: 3.0.0\nname: shop\nresources:\n{text}")
    said = f"api starts with {os.path.relpath(tmp_path / 'code' / lacks)}, which does not exist"
    beside = f"copy it from {os.path.relpath(tmp_path)}, or correct code"
    fix = beside if files.startswith("..") else "build or write it"
    refusals = [text.partition(": ")[2] for text in refused(s_yaml.load(tmp_path))]
    assert refusals == ([f"{said}: {fix}"] if lacks else [])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("[npm, run, start]", "npm run start, a script of code/package.json, which does not exist"),
        ("[pnpm, run, build]", ""),
        ("[npm, start]", ""),
    ],
)
def test_a_script_that_starts_a_function_and_that_package_json_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "package.json").write_text('{"scripts": {"build": "tsc"}}')
    props = f"runtime: custom.debian12\ncustomRuntimeConfig: {{command: {command}}}"
    (tmp_path / "s.yaml").write_text(template(api=props))
    found = [text.partition(" with ")[2] for text in start_programs(tmp_path)]
    assert found == ([f"{said}: write it, or correct the command"] if said else [])


SERVERS = template(
    java="""
        runtime: custom
        code: ./ocr
        customRuntimeConfig: {command: [java], args: [-jar, target/ocr.jar]}
    """,
    next="""
        runtime: custom.debian10
        code: ./next
        customRuntimeConfig: {command: [sh], args: [-c, exec node .next/standalone/server.js]}
    """,
    event="""
        runtime: nodejs20
        handler: dist/index.handler
        code: ./next
    """,
    python="""
        handler: app.api.handler
        code: ./next
    """,
    moved="""
        runtime: custom.debian10
        code: ./next
        customRuntimeConfig: {command: [sh, -c, cd app && node server.js]}
    """,
)


def test_a_file_that_a_function_starts_with_and_does_not_have_is_named_with_its_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.which", lambda name, **_: None if name == "mvn" else name)
    for folder in ("ocr", "next"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "readme").touch()
    (tmp_path / "ocr" / "pom.xml").touch()
    (tmp_path / "s.yaml").write_text(SERVERS)
    maven = (
        "build it, as with mvn package in ocr; the build of java runs mvn, which is not on this "
        "machine: install it"
    )
    found = [text.partition("s.yaml:")[2] for text in refused(s_yaml.load(tmp_path))]
    write = "which does not exist: build or write it"
    assert found == [
        f"12:38: java starts with ocr/target/ocr.jar, which does not exist: {maven}",
        f"21:38: next starts with next/.next/standalone/server.js, {write}",
        f"28:16: event starts with next/dist/index.js, {write}",
        f"36:16: python starts with next/app/api.py, {write}",
    ]
    for name in ("dist/index.mjs", "app/api/__init__.py"):
        (tmp_path / "next" / name).parent.mkdir(parents=True)
        (tmp_path / "next" / name).touch()
    assert len(refused(s_yaml.load(tmp_path))) == 2


@pytest.mark.parametrize(
    ("dockerfile", "command"),
    [
        ('FROM node\nENTRYPOINT [ "node", "server.js" ]\n', "node server.js"),
        (
            'WORKDIR /app\nCMD ["a"]\nCMD [ "python", "-u", "/app/my app.py" ]',
            "python -u 'my app.py'",
        ),
        ("CMD php artisan serve \\\n  --port=9000", "php artisan serve --port=9000"),
        ("ENV PORT=80\nCMD run ${PORT} ${HOST:-any}", "run 80 any"),
        ("CMD run ${OTHER} && b", "sh -c 'run $OTHER && b'"),
        ('ENTRYPOINT ["dumb-init", "--"]\nCMD npm start\n', "dumb-init -- npm start"),
        ('FROM node AS build\nWORKDIR /a\nCMD ["x"]\nFROM nginx\nCMD ["/a/y"]', "/a/y"),
        ('WORKDIR /\nCMD ["/srv/run", "/x"]', "/srv/run /x"),
        ("CMD [1", "'[1'"),
        ('from node\n  cmd ["node", \\\n    # the server\n    "server.js"]\n', "node server.js"),
        ("CMD a\nRUN <<EOF\nCMD b\nEOF\nRUN cat <<-'X' > f\nCMD c\n\tX\n", "a"),
        (
            "FROM a AS b\nENV P=8\nWORKDIR /w\nCMD /w/run ${P}\nFROM a AS c\nCMD d\nFROM --x=y b\n",
            "run 8",
        ),
    ],
)
def test_the_command_of_an_image_is_read_from_its_dockerfile(
    project: s_yaml.Project, tmp_path: Path, dockerfile: str, command: str
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    [(name, image)] = commands.images_of([project]).items()
    place = os.path.relpath(tmp_path)
    said = f"web: {command}  (in {place}, as {place}/Dockerfile says)"
    assert commands.wish(name, image).text == said


@pytest.mark.parametrize("dockerfile", ["FROM scratch\n", None])
def test_nothing_is_asked_for_an_image_whose_command_is_not_known(
    project: s_yaml.Project, tmp_path: Path, dockerfile: str | None
) -> None:
    if dockerfile is not None:
        (tmp_path / "Dockerfile").write_text(dockerfile)
    assert not any(one.command for one in commands.images_of([project]).values())


def test_the_command_that_the_template_gives_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(IMAGE.replace("port: 8080", 'command: ["-m", "/app/b"]'))
    (tmp_path / "Dockerfile").write_text('WORKDIR /app\nENTRYPOINT ["python"]\nCMD ["a.py"]\n')
    project = s_yaml.load(tmp_path, purpose="run", environ={})
    assert commands.images_of([project])["web"].command == ["python", "-m", "b"]


def test_an_image_runs_in_the_folder_of_its_dockerfile_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "s.yaml").write_text(
        IMAGE.replace(
            "customContainerConfig", "environmentVariables: {B: own, D: /app/src}\n      &", 1
        ).replace("&", "customContainerConfig")
    )
    (tmp_path / "deploy" / "Dockerfile").write_text(
        "FROM python\nENV PATH=/app/bin:$PATH A=1 B=2 \\\n  PYTHONPATH=/app/lib:/app\nENV C /apps\n"
        "WORKDIR /app\nCMD python app.py\n"
    )
    project = s_yaml.load(tmp_path / "deploy", purpose="run", environ={})
    images = commands.images_of([project])
    web, _ = commands.with_commands(project, {"web": images["web"].command}, images).resources
    assert web.props["code"] == "."
    assert web.props["environmentVariables"] == {
        "A": "1",
        "B": "own",
        "C": "/apps",
        "D": "/code/src",
        "PYTHONPATH": "/code/lib:/code",
    }


@pytest.mark.skipif(sys.version_info < (3, 11), reason="pyproject.toml is read from 3.11 on")
@pytest.mark.parametrize(
    ("run", "path"),
    [
        ("RUN pip install --no-cache-dir -e .", "/code/apps/api:/code/packages"),
        ("RUN apt-get update && \\\n  pip install \\\n  '.[web]'", "/code/apps/api:/code/packages"),
        ("RUN pip install -r requirements.txt", None),
    ],
)
def test_an_image_that_installs_its_own_project_finds_the_modules_of_it(
    tmp_path: Path, run: str, path: str | None
) -> None:
    (tmp_path / "s.yaml").write_text(IMAGE)
    (tmp_path / "Dockerfile").write_text(f"FROM python\nCOPY . .\n{run}\nCMD uvicorn api:app\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.setuptools.packages.find]\nwhere = ["apps/api", "packages"]\n'
    )
    project = s_yaml.load(tmp_path, purpose="run", environ={})
    assert commands.images_of([project])["web"].variables.get("PYTHONPATH") == path


def test_an_image_that_is_written_as_code_runs_in_the_folder_of_its_dockerfile(
    tmp_path: Path,
) -> None:
    (tmp_path / "s.yaml").write_text(
        IMAGE.replace("customContainerConfig: {image:", "code: {imageUri:").replace(
            ", port: 8080", ""
        )
    )
    (tmp_path / "Dockerfile").write_text("CMD python app.py\n")
    project = s_yaml.load(tmp_path, purpose="run", environ={"IMAGE_OF_NO_MACHINE": "shop"})
    images = commands.images_of([project])
    web, _ = commands.with_commands(project, {"web": images["web"].command}, images).resources
    assert web.props["code"] == "."


def _repository(folder: Path, files: dict[str, str]) -> s_yaml.Project:
    """Write a repository with a template that has an image; return the template."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".git").mkdir()
    (folder / "s.yaml").write_text(IMAGE)
    return s_yaml.load(folder, purpose="run", environ={"IMAGE_OF_NO_MACHINE": "shop:1"})


@pytest.mark.parametrize(
    ("dockerfile", "file", "place"),
    [
        ("COPY src ./src\nCMD python -m shop.api\n", "src/shop/api.py", "."),
        ("COPY --chown=x backend/ ./\nCMD python main.py\n", "backend/main.py", "backend"),
    ],
)
def test_an_image_runs_in_a_folder_that_it_copies_into_its_own(
    tmp_path: Path, dockerfile: str, file: str, place: str
) -> None:
    project = _repository(tmp_path, {"Dockerfile": dockerfile, file: ""})
    assert commands.images_of([project])["web"].folder == tmp_path / place


@pytest.mark.parametrize(
    "copies",
    [
        "COPY handler.sh /handler.sh",
        "COPY handler.sh /",
        "COPY --from=build / /",
        "COPY ../../.. /",
        "COPY link /",
    ],
)
@pytest.mark.parametrize("mark", [".git", ""])
def test_an_image_that_copies_to_its_root_does_not_run_in_that_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: str, mark: str
) -> None:
    # These programs are in the folders of this machine, and handler.sh is in the project only.
    starts = 'ENTRYPOINT ["/bin/sh", "-c", "/usr/bin/env sh /handler.sh"]'
    for program in ("bin/sh", "usr/bin/env"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).touch()
    files = {"Dockerfile": f"FROM debian\n{copies}\n{starts}\n", "handler.sh": ""}
    project = _repository(tmp_path / "shop", files)
    (tmp_path / "shop" / "link").symlink_to("/")
    if not mark:
        (tmp_path / "shop" / ".git").rmdir()
    # Stands for the root of the file system: both have other projects.
    monkeypatch.setenv("HOME", str(tmp_path))
    [image] = commands.images_of([project]).values()
    assert image.folder == tmp_path / "shop"


def test_an_image_has_the_packages_that_its_dockerfile_installs(tmp_path: Path) -> None:
    copies = "COPY api/requirements.txt /app/reqs/requirements.txt\nCOPY api/ /app/api/\n"
    install = "RUN rm -r x.txt && \\\n  pip install --no-cache-dir -r /app/reqs/requirements.txt\n"
    started = f"WORKDIR /app\n{copies}{install}CMD uvicorn api.main:app\n"
    files = {"Dockerfile": started, "api/main.py": "", "api/requirements.txt": "uvicorn"}
    project = _repository(tmp_path, {**files, "requirements.txt": "torch"})
    images = commands.images_of([project])
    web = commands.with_commands(project, {"web": images["web"].command}, images)
    [source, _] = sources_of([web])
    assert source.code == tmp_path
    assert requirements_of(source) == tmp_path / "api" / "requirements.txt"
    assert not [*start_program(web, web.resources[0])]


def test_packages_that_an_image_installs_by_name_are_asked_for_and_others_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official example installs flask so: nothing was said, and its first call failed."""
    monkeypatch.chdir(tmp_path)
    dockerfile = """\
FROM python:3.10
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg \\
    libgl1
RUN --mount=type=cache,target=/root/.cache python -m pip install -U pip 'left-pad>=1' \\
    -i https://example.com/simple right_pad[all]==2 ./vendored -r requirements.txt
COPY --chown=app:app app.py dist/ /app/
COPY --from=builder /made /app/made
CMD ["python", "app.py"]
"""
    project = _repository(tmp_path, {"Dockerfile": dockerfile, "app.py": ""})
    images = commands.images_of([project])
    web = commands.with_commands(project, {"web": images["web"].command}, images)
    asked = [each.wish.text for each in Installer(print, answers=Answers()).due([web])]
    assert asked == ["shop-web: install left-pad>=1, right_pad[all]==2  (in .)"]
    installs, copies = commands.notes_of_image("web", images["web"])
    assert installs.startswith("web: Dockerfile installs ffmpeg (apt-get), libgl1 (apt-get), not ")
    assert copies.startswith("web: Dockerfile copies dist/, which the project does not have: ")


def test_an_image_that_needs_nothing_more_says_nothing(tmp_path: Path) -> None:
    dockerfile = 'RUN echo "pip install x"\nCOPY ["package*.json", "./"]\nCMD node a.js\n'
    files = {"Dockerfile": dockerfile, "a.js": "", "package.json": "{}"}
    [image] = commands.images_of([_repository(tmp_path, files)]).values()
    assert [*commands.notes_of_image("web", image)] == []
    assert image.packages == ()


def test_an_image_of_a_template_of_edition_1_runs_on_its_port(tmp_path: Path) -> None:
    config = """customContainerConfig: {image: x, command: '["node"]', args: '["b.js"]'}"""
    function = f"{{name: f, runtime: custom-container, caPort: 80, codeUri: ./, {config}}}"
    props = f"{{region: us-east-1, service: {{name: s}}, function: {function}}}"
    service = f"{{component: fc, props: {props}}}"
    (tmp_path / "s.yaml").write_text(f"edition: 1.0.0\nname: x\nservices: {{f: {service}}}\n")
    (tmp_path / "Dockerfile").write_text("CMD a\n")
    project = s_yaml.load(tmp_path, purpose="run", environ={})
    images = commands.images_of([project])
    [one] = commands.with_commands(project, {"f": images["f"].command}, images).resources
    assert one.props["customRuntimeConfig"] == {"command": ["node", "b.js"], "port": 80}
    assert [
        found for found in rules.check(rules.Context([project])) if found.rule == "FCA016"
    ] == []
