# SPDX-License-Identifier: MIT
"""What ``fc-async dev`` asks before functions run, and what an answer means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.prepare import commands
from fc_async_plugin.prepare.questions import questions
from fc_async_plugin.project import settings_file
from fc_async_plugin.project.settings_file import FunctionSettings
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.prepare.questions import Question

IMAGE = template(
    web="""
        runtime: custom-container
        handler: null
        code: null
        environmentVariables: {OWN: secret}
        customContainerConfig: {image: registry.example.com/team/shop:1, port: 8080}
    """,
)
PYTHON = "WORKDIR /app\nENV MODE=dev OWN=other\nCMD python app.py\n"


def project_of(
    folder: Path, template: str, files: dict[str, str], place: str = "."
) -> s_yaml.Project:
    """Write a repository with a template; return the template."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".git").mkdir()
    (folder / place).mkdir(exist_ok=True)
    (folder / place / "s.yaml").write_text(template)
    return s_yaml.load(folder / place, purpose="run", environ={})


def asked(project: s_yaml.Project) -> Question:
    """Return the only question about a template; no image of it may start without an answer."""
    assert commands.images_of([project]) == {}
    [question] = questions(project, ())
    return question


@pytest.mark.parametrize(
    ("files", "said", "other"),
    [
        (
            {"Dockerfile": PYTHON, "docs/web/Dockerfile": "CMD npm run docs"},
            "any of Dockerfile and docs/web/Dockerfile",
            "docs/web/Dockerfile: npm run docs  (in docs/web)",
        ),
        (
            {
                "Dockerfile": PYTHON,
                "Dockerfile.admin": "CMD python admin.py",
                "scripts/build.sh": "# builds the shop admin\n"
                "docker build -t other/admin -f Dockerfile.admin .\necho shop done\n",
            },
            "any of Dockerfile and Dockerfile.admin",
            "Dockerfile.admin: python admin.py  (in .)",
        ),
    ],
)
def test_an_image_that_two_dockerfiles_could_be_of_is_asked_about_and_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], said: str, other: str
) -> None:
    """Scores of names, comments and scripts chose the second one, silently."""
    monkeypatch.chdir(tmp_path)
    question = asked(project_of(tmp_path, IMAGE, files))
    assert question.lines == [
        f"web is an image, and {said} could be its Dockerfile",
        "  1  Dockerfile: python app.py  (in .)",
        f"  2  {other}",
    ]


def test_the_only_dockerfile_beside_the_template_is_that_of_its_image(tmp_path: Path) -> None:
    project = project_of(tmp_path, IMAGE, {"Dockerfile": PYTHON})
    assert questions(project, ()) == []
    assert commands.images_of([project])["web"].command == ["python", "app.py"]


def test_the_dockerfile_of_the_code_folder_is_that_of_its_image(tmp_path: Path) -> None:
    """The template itself names the folder: other Dockerfiles are of something else."""
    files = {"Dockerfile": "CMD a", "api/Dockerfile": "CMD b"}
    template = IMAGE.replace("runtime:", "code: ./api\n      runtime:")
    project = project_of(tmp_path, template, files)
    assert questions(project, ()) == []
    assert commands.images_of([project])["web"].command == ["b"]


def test_one_dockerfile_is_not_that_of_two_images(tmp_path: Path) -> None:
    _, _, web = IMAGE.partition("resources:\n")
    template = IMAGE + web.replace("web:", "admin:").replace("shop:1", "admin:1")
    project = project_of(tmp_path, template, {"Dockerfile": PYTHON})
    assert commands.images_of([project]) == {}
    assert [question.resource for question in questions(project, ())] == ["web", "admin"]


@pytest.mark.parametrize("file", ["Dockerfile", "docker/Dockerfile.api", "../outside/Dockerfile"])
def test_a_dockerfile_elsewhere_in_the_project_is_named_and_none_outside_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    project = project_of(root, IMAGE, {file: PYTHON}, "deploy")
    monkeypatch.chdir(root)
    if file.startswith(".."):
        assert questions(project, ()) == []
    else:
        question = asked(project)
        assert [option.text.partition(":")[0] for option in question.proposals] == [file]


def test_no_dockerfile_of_another_repository_or_of_packages_is_named(tmp_path: Path) -> None:
    files = {"other/.git": "", "other/Dockerfile": "CMD a", "node_modules/x/Dockerfile": "CMD b"}
    project = project_of(tmp_path, IMAGE, files)
    (tmp_path / "Dockerfile.link").symlink_to("/etc/passwd")
    assert questions(project, ()) == []


def test_the_answer_has_what_the_dockerfile_says_but_no_value_of_the_template(
    tmp_path: Path,
) -> None:
    install = "COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    files = {
        "docker/Dockerfile": install + PYTHON,
        "requirements.txt": "flask",
        "app.py": "",
    }
    project = project_of(tmp_path, IMAGE, files, "deploy")
    chosen = asked(project).answer("1")
    assert chosen == FunctionSettings(
        folder="..",
        start=("python", "app.py"),
        install="../requirements.txt",
        env=(("MODE", "dev"),),
    )
    web = commands.with_settings(project, {"web": chosen}).resources[0]
    assert web.props == {
        "region": "cn-hangzhou",
        "functionName": "web",
        "runtime": "custom",
        "code": "..",
        "customRuntimeConfig": {"command": ["python", "app.py"], "port": 8080},
        "environmentVariables": {"OWN": "secret", "MODE": "dev"},
    }
    assert web.requirements == str(tmp_path / "deploy" / ".." / "requirements.txt")


def test_a_command_may_be_given_in_place_of_a_number(tmp_path: Path) -> None:
    files = {"Dockerfile": "RUN a", "docs/Dockerfile": "RUN b"}
    question = asked(project_of(tmp_path, IMAGE, files))
    assert question.answer("python 'my app.py'") == FunctionSettings(start=("python", "my app.py"))
    assert question.answer("  ") is None
    for wrong in ("1", "python 'x"):
        with pytest.raises(ValueError, match=r"number|quotation"):
            question.answer(wrong)


def test_without_a_terminal_the_lines_to_add_are_said_and_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"Dockerfile": PYTHON, "docs/web/Dockerfile": "CMD npm run docs"}
    question = asked(project_of(tmp_path, IMAGE, files))
    first, _, text = question.unanswered.partition("\n")
    assert "could be its Dockerfile: its image runs, if this machine has it" in first
    assert first.endswith("for a program of this machine, add to fc-async.toml:")
    tables = [table.replace("\n  ", "\n").strip() for table in text.split("\n  or\n")]
    file = tmp_path / settings_file.NAME
    read = []
    for table in tables:
        file.write_text(table)
        read.append(settings_file.read(file, {"web": tmp_path})["web"].start)
    assert read == [("python", "app.py"), ("npm", "run", "docs")]


CODE = template(api="code: CODE")


def test_code_that_does_not_exist_is_asked_about_with_scripts_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "code/index.py": "",
        "scripts/build_zip.sh": "",
        "scripts/deploy.sh": "",
        "old/app/index.py": "",
        "package.json": '{"scripts": {"build:fc": "node x.js", "start": "node"}}',
    }
    question = asked(project_of(tmp_path, CODE.replace("CODE", "function.zip"), files))
    install = "(npm install --no-package-lock || npm install --no-package-lock --legacy-peer-deps)"
    assert question.lines == [
        "api cannot start: its code function.zip does not exist",
        "  1  run bash scripts/build_zip.sh",
        f"  2  run {install} && npm run build:fc",
        "  3  take code as its code, which has index.py",
        "  4  take old/app as its code, which has index.py",
    ]
    assert question.answer("1") == FunctionSettings(build="bash scripts/build_zip.sh")
    assert question.answer("3") == FunctionSettings(folder="code")


def test_a_script_runs_in_the_folder_of_its_repository(tmp_path: Path) -> None:
    files = {"scripts/build.sh": ""}
    project = project_of(tmp_path, CODE.replace("CODE", "../out"), files, "deploy")
    [option] = asked(project).proposals
    assert option.settings.build == "cd .. && bash scripts/build.sh"


@pytest.mark.parametrize(
    ("actions", "files"),
    [
        ("", {}),
        ("", {"out/index.py": "", "build.sh": ""}),
        ("    actions: {pre-deploy: [{run: make, path: .}]}\n", {"build.sh": ""}),
    ],
)
def test_nothing_is_asked_where_nothing_can_be_chosen_or_nothing_lacks(
    tmp_path: Path, actions: str, files: dict[str, str]
) -> None:
    template = CODE.replace("CODE", "out").replace("  api:\n", f"  api:\n{actions}")
    assert questions(project_of(tmp_path, template, files), ()) == []


def test_a_function_that_is_answered_is_not_asked_about(tmp_path: Path) -> None:
    assert questions(project_of(tmp_path, IMAGE, {}), {"web"}) == []


def test_an_answer_counts_for_what_the_file_says_and_for_this_file(tmp_path: Path) -> None:
    settings = FunctionSettings(folder=".", start=("python", "app.py"), env=(("A", "1"),))
    file = tmp_path / settings_file.NAME
    wish = commands.wish_of_settings(file, "web", settings)
    assert wish.question[1:] == ['  folder = "."', '  start = "python app.py"', '  env = {A = "1"}']
    for other in (settings._replace(start=("sh",)), settings._replace(env=(("A", "2"),))):
        assert commands.wish_of_settings(file, "web", other).key != wish.key
    assert commands.wish_of_settings(tmp_path / "b" / file.name, "web", settings).key != wish.key
