# SPDX-License-Identifier: MIT
"""fc-async init: a project from a template, or one clear message."""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from cookiecutter.main import cookiecutter

import fc_async_sdk
from fc_async_plugin import s_yaml, scaffold
from fc_async_plugin.cli.group import run
from fc_async_plugin.scaffold.questions import QUESTIONS, problem
from fc_async_sdk.spec import limits
from fc_async_tests import installation

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def here(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.chdir(tmp_path)
    # From an index: a project of a checkout would get a wheel, which is built.
    installation.install(monkeypatch, tmp_path_factory.mktemp("site"))
    return tmp_path


def test_a_project_is_made_and_the_next_steps_are_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "minimal", "--no-input", "project_name=Shop Orders"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Made shop-orders. Next:", "  cd shop-orders"]
    assert [line.split("  # ")[0].strip() for line in lines[2:]] == [
        "make test",
        "make dev",
        "make plan",
    ]
    assert (here / "shop-orders" / "code" / "process.py").is_file()


def test_answers_reach_the_template(here: Path) -> None:
    assert run(["init", "--no-input", "project_name=a: b", "retries=0"]) == 0
    project = s_yaml.load(here / "a-b" / "s.yaml")
    assert project.name == "a: b"
    block = project.resources[0].props["asyncInvokeConfig"]
    assert block["maxAsyncRetryAttempts"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "choose from data-etl"),
        (["minimla"], "did you mean minimal?"),
        (["minimal", "colour=red"], "asks for no 'colour'"),
        (["minimal", "colour"], "must be NAME=VALUE"),
        (["minimal", "project_name=${env.HOME}"], "project_name must be one line of text without"),
        (["minimal", "project_name=<%= vars.x %>"], "project_name must be one line of text"),
        (["git+file:///nosuch"], "git clone file:///nosuch failed: fatal: "),
        (["file:///nosuch"], "write git+file:///nosuch"),
    ],
)
def test_a_mistake_is_one_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--no-input", *arguments]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "internal error" not in said


TEMPLATE_TEXT = """{{ [].append.__self__ }} {% raw %} {# 'a' "b" \\ ü 😀 #} }}"""


@pytest.mark.parametrize("name", scaffold.names())
def test_an_answer_is_text_and_never_a_template(name: str, here: Path) -> None:
    answers = [f"project_name={TEMPLATE_TEXT}", "project_slug=shop"]
    assert run(["init", name, "--no-input", *answers]) == 0
    assert s_yaml.load(here / "shop" / "s.yaml").name == TEMPLATE_TEXT
    assert (here / "shop" / "README.md").read_text().startswith(f"# {TEMPLATE_TEXT}\n")


def test_a_typed_answer_is_text_and_never_a_template(
    here: Path, typed: Callable[..., None]
) -> None:
    typed("", TEMPLATE_TEXT, "shop")
    assert run(["init"]) == 0
    assert s_yaml.load(here / "shop" / "s.yaml").name == TEMPLATE_TEXT


@pytest.fixture
def foreign(here: Path) -> Path:
    """A template of cookiecutter that is not one of the shipped ones."""
    folder = here / "foreign"
    (folder / "{{ cookiecutter.slug }}").mkdir(parents=True)
    (folder / "{{ cookiecutter.slug }}" / "name.txt").write_text("{{ cookiecutter.name }}")
    questions = {"name": "x", "slug": "made", "kind": ["a", "b"]}
    (folder / "cookiecutter.json").write_text(json.dumps(questions))
    return folder


def test_an_answer_to_a_template_of_others_is_text_as_well(here: Path, foreign: Path) -> None:
    answers = [f"name={TEMPLATE_TEXT}", "kind=b"]
    assert run(["init", "./foreign", "--no-input", *answers]) == 0
    assert (here / "made" / "name.txt").read_text() == TEMPLATE_TEXT


def test_a_template_of_others_that_cannot_be_rendered_is_one_message(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (foreign / "{{ cookiecutter.slug }}" / "name.txt").write_text("{% nosuch %}")
    assert run(["init", "./foreign", "--no-input"]) == 1
    assert run(["init", "./foreign", "--no-input", "kind=c"]) == 1
    said = capsys.readouterr().err
    assert "internal error" not in said
    assert "unknown tag 'nosuch'" in said
    assert "c provided for choice variable kind" in said


@pytest.mark.parametrize("alias", ["true", "null", "7"])
def test_an_access_alias_is_text_in_the_template(alias: str, here: Path) -> None:
    assert run(["init", "--no-input", f"access_alias={alias}", "project_slug=shop"]) == 0
    assert s_yaml.load(here / "shop" / "s.yaml").access == alias


@pytest.mark.parametrize(
    "answer",
    [
        "retries=9",
        "retries=x",
        "max_age_seconds=0",
        "max_age_seconds=604801",
        "region=CN hangzhou",
        "project_slug=9lives",
        "python_version=3.9",
        "failure_queue=a/b",
    ],
)
def test_an_answer_that_the_service_would_refuse_makes_nothing(
    answer: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--no-input", answer]) == 1
    name, _, value = answer.partition("=")
    said = capfd.readouterr().err
    assert f"{name} must be " in said
    assert f"got {value!r}" in said
    assert "Traceback" not in said
    assert list(here.iterdir()) == []


def test_init_reports_all_invalid_answers_at_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ["retries=9", "colour=red", "project_name=9 lives"]
    assert run(["init", "--no-input", *wrong]) == 1
    said = capsys.readouterr().err
    assert "asks for no 'colour'" in said
    assert "retries must be a whole number from 0 to 8, got '9'" in said
    assert "project_slug must be lower-case letters" in said
    assert "got '9-lives'" in said
    assert list(here.iterdir()) == []


class Terminal(io.StringIO):
    """Standard input that is a terminal on which these lines are typed, and then only Enter."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def type_in(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("\n".join(lines) + "\n" * 20))

    return type_in


def test_init_checks_each_answer_as_it_is_typed(
    here: Path, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("", "Shop", "", "CN", "cn-shanghai", "9", "x", "0", "604801", "60", "", "", "")
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    said = out + err
    for expected in (
        "Region (a region id such as cn-hangzhou) [cn-hangzhou]",
        "region must be a region id such as cn-hangzhou, got 'CN'",
        "retries must be a whole number from 0 to 8, got '9'",
        "retries must be a whole number from 0 to 8, got 'x'",
        "max_age_seconds must be a whole number from 1 to 604800, got '604801'",
    ):
        assert expected in said
    (resource, *_) = s_yaml.load(here / "shop" / "s.yaml").resources
    assert resource.region == "cn-shanghai"
    block = resource.props["asyncInvokeConfig"]
    assert (block["maxAsyncRetryAttempts"], block["maxAsyncEventAgeInSeconds"]) == (0, 60)


def test_answers_that_were_given_are_not_asked_for(
    here: Path, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("", "shop", "", "", "", "", "")
    assert run(["init", "retries=4"]) == 0
    assert "Retries" not in capsys.readouterr().out
    (resource, *_) = s_yaml.load(here / "shop" / "s.yaml").resources
    assert resource.props["asyncInvokeConfig"]["maxAsyncRetryAttempts"] == 4


def test_a_wrong_answer_that_was_given_is_refused_before_the_first_question(
    here: Path, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("")
    assert run(["init", "retries=9"]) == 1
    out, err = capsys.readouterr()
    assert "Name of the project" not in out
    assert "retries must be a whole number from 0 to 8" in err


@pytest.mark.parametrize("answer", ["data-etl", "1"])
def test_init_without_a_template_asks_which(
    answer: str, here: Path, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    typed("data-elt", "9", answer, "shop", "", "", "", "", "", "")
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    for name in scaffold.names():
        assert f"{name} " in out
        assert scaffold.about(name) in out
    assert "there is no template 'data-elt': did you mean data-etl?" in out + err
    assert "there is no template '9'" in out + err
    assert (here / "shop" / "code" / "transform.py").is_file()


def test_a_folder_that_exists_is_refused_as_its_name_is_answered(
    here: Path, typed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "shop").mkdir()
    typed("minimal", "shop", "", "shop-2", "", "", "", "", "")
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    assert "shop already exists: choose another name" in out + err
    assert (here / "shop-2" / "s.yaml").is_file()


@pytest.mark.parametrize("name", scaffold.names())
def test_a_template_asks_only_known_questions(name: str) -> None:
    form = json.loads((scaffold.folder() / name / "cookiecutter.json").read_text())
    assert {one for one in form if not one.startswith("_")} <= set(QUESTIONS)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("retries", limits.RETRY_ATTEMPTS), ("max_age_seconds", limits.EVENT_AGE_SECONDS)],
)
def test_the_limits_of_the_service_are_the_limits_of_the_answers(
    name: str, limit: limits.Range
) -> None:
    assert problem(name, str(limit.low)) == problem(name, str(limit.high)) == ""
    assert problem(name, str(limit.high + 1)) == (
        f"{name} must be a whole number from {limit.low} to {limit.high}, got '{limit.high + 1}'"
    )


@pytest.mark.parametrize("name", scaffold.names())
def test_a_project_of_each_template_has_the_shared_files(name: str, here: Path) -> None:
    assert run(["init", name, "--no-input", "project_name=shop"]) == 0
    made = here / "shop"
    shared = scaffold.folder() / "_shared" / "{{cookiecutter.project_slug}}"
    found = {file.relative_to(shared) for file in shared.rglob("*") if file.is_file()}
    expected = found - {Path("gitignore")} | {Path(".gitignore")}
    assert expected <= {file.relative_to(made) for file in made.rglob("*") if file.is_file()}
    assert Path("README.zh-CN.md") in {file.relative_to(made) for file in made.iterdir()}


CHECKOUT = Path(__file__).parents[4]
WHEEL = f"fc_async-{fc_async_sdk.__version__}-py3-none-any.whl"


@pytest.fixture
def installed(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[object], None]:
    """Makes the metadata of fc-async those of an installation from ``origin``."""

    return functools.partial(installation.install, monkeypatch, tmp_path / "site")


def test_a_project_gets_the_wheel_that_fc_async_was_installed_from(
    installed: Callable[[object], None], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = here / WHEEL
    wheel.write_bytes(b"a wheel")
    installed({"url": wheel.as_uri()})
    assert run(["init", "--no-input", "project_name=shop"]) == 0
    assert capsys.readouterr().err == ""
    assert (here / "shop" / "wheels" / WHEEL).read_bytes() == b"a wheel"


def test_a_project_of_a_checkout_gets_a_wheel_of_its_sources(
    installed: Callable[[object], None], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed({"url": CHECKOUT.as_uri(), "dir_info": {"editable": True}})
    assert run(["init", "--no-input", "project_name=shop"]) == 0
    assert capsys.readouterr().err == ""
    with ZipFile(here / "shop" / "wheels" / WHEEL) as built:
        assert "fc_async_plugin/_templates/minimal/cookiecutter.json" in built.namelist()


def test_a_wheel_that_cannot_be_built_is_the_last_thing_said(
    installed: Callable[[object], None], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "checkout").mkdir()
    installed({"url": (here / "checkout").as_uri(), "dir_info": {"editable": True}})
    assert run(["init", "--no-input", "project_name=shop"]) == 0
    out, err = capsys.readouterr()
    assert "make test" in out
    assert "put the wheel file of fc-async" in err
    assert f"`make dist` in {here / 'checkout'} writes it, pip could not: " in err


def test_a_project_of_an_fc_async_from_an_index_needs_no_wheel(
    installed: Callable[[object], None], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed({})
    assert run(["init", "--no-input", "project_name=shop"]) == 0
    assert capsys.readouterr().err == ""
    assert [file.name for file in (here / "shop" / "wheels").iterdir()] == ["README.md"]


def test_a_full_disk_is_named_with_what_is_left_of_the_project(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cookiecutter.main.generate_files", full)
    assert run(["init", "minimal", "--no-input"]) == 1
    error = capsys.readouterr().err
    assert f"the project cannot be made in {Path.cwd()}: No space left on device" in error
    assert "is incomplete: remove its folder" in error


def test_a_folder_that_is_there_is_not_written_into_unasked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--no-input"]) == 0
    assert run(["init", "--no-input"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert run(["init", "--no-input", "--overwrite"]) == 0


def test_the_templates_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == scaffold.names()
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    "template_name",
    [
        "minimal",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in scaffold.names()
            if one != "minimal"
        ),
    ],
)
def test_cookiecutter_alone_makes_the_same_project(template_name: str, here: Path) -> None:
    answers = {"project_name": "shop", "retries": "1"}
    ours = scaffold.create(template_name, here / "ours", answers, ask=None)
    source, theirs = str(scaffold.folder() / template_name), str(here / "theirs")
    cookiecutter(source, no_input=True, extra_context=answers, output_dir=theirs)
    assert contents(here / "theirs" / "shop") == contents(ours)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_cookiecutter_alone_refuses_a_wrong_answer(here: Path) -> None:
    program = Path(sys.executable).with_name("cookiecutter")
    command = [program, "--no-input", scaffold.folder() / "minimal", "retries=99"]
    done = subprocess.run(command, cwd=here, check=False, capture_output=True, text=True)
    assert done.returncode
    assert "retries must be a whole number from 0 to 8, got '99'" in done.stdout + done.stderr
    assert list(here.iterdir()) == []
