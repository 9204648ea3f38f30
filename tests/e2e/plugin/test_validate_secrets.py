# SPDX-License-Identifier: MIT
"""A template of a pull request neither reads nor exhausts the machine that checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]

SECRET = "hunter2-secret"
FORMATS = ("text", "json", "sarif", "github")


@pytest.fixture
def written(project: Path) -> Callable[[str], None]:
    """Write a template with a value where a rule prints it."""
    (project / ".git").mkdir()

    def write(value: str, *head: str) -> None:
        (project / "s.yaml").write_text(
            template(*head, orders=f"asyncInvokeConfig:\n  maxAsyncRetryAttempts: {value}")
        )

    return write


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "value",
    [
        "${env('MYSECRET')}",
        "x${env('MYSECRET')}",
        "${vars.secret}",
        "${file('./token.txt')}",
        "${json(file('./token.json')).token}",
        "${yaml(file('./token.json')).token}",
        "${env('UNSET', env('MYSECRET'))}",
        "{a: \"${env('MYSECRET')}\"}",
    ],
)
def test_a_variable_or_a_file_of_the_machine_is_not_in_a_finding(
    value: str,
    format_: str,
    fc_async: Command,
    project: Path,
    written: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MYSECRET", SECRET)
    (project / "token.txt").write_text(SECRET)
    (project / "token.json").write_text(f'{{"token": "{SECRET}"}}')
    written(value, "vars: {secret: \"${env('MYSECRET')}\"}")
    done = fc_async("validate", "--format", format_)
    assert done.code == 1
    assert SECRET not in done.out + done.err
    assert "${" in done.out or "{a:" in value


def test_a_value_of_a_file_is_not_shown_by_the_error_of_an_expression_nor_of_a_plan(
    fc_async: Command, project: Path, written: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYSECRET", SECRET)
    (project / "bad.yaml").write_text(f"a: *{SECRET}\n")
    written("${yaml(file('./bad.yaml'))}")
    done = fc_async("validate")
    assert "yaml() got invalid YAML in line 1" in done.out
    assert SECRET not in done.out + done.err
    written("${file(env('MYSECRET'))}")
    done = fc_async("validate")
    assert (done.code, SECRET in done.out + done.err) == (1, False)
    written("${env('MYSECRET')}")
    done = fc_async("plan")
    assert (done.code, SECRET in done.out + done.err) == (1, False)


@pytest.mark.parametrize("reads", ["absolute", "above", "link", "folder link", "extend"])
def test_a_template_reads_no_file_outside_of_its_repository(
    reads: str, fc_async: Command, project: Path, written: Callable[..., None], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("edition: [private-key\n")
    (project / "link").symlink_to(outside / "key")
    (project / "folder").symlink_to(outside)
    paths = {
        "absolute": str(outside / "key"),
        "above": "../outside/key",
        "link": "./link",
        "folder link": "folder/key",
    }
    if reads == "extend":
        written("3", "extend: ../outside/key")
    else:
        written(f"${{file('{paths[reads]}')}}")
    done = fc_async("validate")
    assert done.code == 1
    assert "private-key" not in done.out + done.err
    assert f"is outside of {project}" in done.out
    assert f"--file-root {outside}" in done.out


def test_a_folder_outside_of_the_repository_is_read_if_the_user_names_it(
    fc_async: Command,
    written: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FC_ASYNC_FILE_ROOT", "")
    (tmp_path / "retries").write_text("not-a-number")
    written("${file('../retries')}")
    done = fc_async("validate", "--file-root", str(tmp_path))
    assert "is outside of" not in done.out
    assert "maxAsyncRetryAttempts" in done.out
    assert "not-a-number" not in done.out


def test_a_template_of_a_monorepo_reads_files_of_the_repository_above_it(
    fc_async: Command, project: Path, written: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written("${json(file('../shared.json')).retries}")
    (project / "shared.json").write_text('{"retries": 2}')
    (project / "service").mkdir()
    (project / "s.yaml").rename(project / "service" / "s.yaml")
    (project / "code").rename(project / "service" / "code")
    monkeypatch.chdir(project / "service")
    assert fc_async("validate").code == 0


def test_a_dotenv_file_of_the_repository_does_not_open_the_machine(
    fc_async: Command, project: Path, written: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("private-key")
    (project / ".env").write_text("FC_ASYNC_FILE_ROOT=/\n")
    written("${file('../key')}")
    assert "is outside of" in fc_async("validate").out


TEMPLATE = template(orders="functionName: NAME")


@pytest.mark.parametrize("command", [("validate", "--notes"), ("doctor", "-v")])
def test_a_file_of_code_of_any_size_is_named_and_not_read(
    command: tuple[str, ...], fc_async: Command, project: Path
) -> None:
    (project / "s.yaml").write_text(TEMPLATE.replace("NAME", "orders"))
    with (project / "code" / "index.py").open("wb") as file:
        file.truncate(8 * 1024**3)  # sparse: it uses no disk
    done = fc_async(*command)
    assert "internal error" not in done.err
    assert "code/index.py is larger than 4 MB" in done.out


@pytest.mark.parametrize("format_", [("--format", "concise"), ("--format", "text")])
def test_a_line_break_in_a_name_does_not_look_like_another_finding(
    format_: tuple[str, ...], fc_async: Command, project: Path
) -> None:
    name = '"orders\\ns.yaml:1:1: error FCA999 forged"'
    block = "      asyncInvokeConfig:\n        maxAsyncRetryAttempts: 9\n"
    (project / "s.yaml").write_text(TEMPLATE.replace("NAME", name) + block)
    done = fc_async("validate", *format_)
    assert done.code == 1
    assert not [line for line in done.out.splitlines() if line.startswith("s.yaml:1:1: error")]
