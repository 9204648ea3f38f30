# SPDX-License-Identifier: MIT
"""Conventions of all commands: exit codes, one message per error, prompts, typos."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import pytest

from fc_async_plugin.cli import group as cli_group
from fc_async_plugin.report import CHANGES, terminal
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMAND_LINE = [
    sys.executable,
    "-c",
    "import sys; from fc_async_plugin.cli import main; sys.exit(main())",
]


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a function as if it were a command, ``validate`` unless ``name`` is another."""

    def run(function: Callable[[], Any], *arguments: str, name: str = "validate") -> int:
        command = click.command()(function)
        monkeypatch.setattr(cli_group.LazyGroup, "get_command", lambda *_: command)
        return cli_group.run([name, *arguments])

    return run


@pytest.mark.parametrize("given", [["--data={}/new"], ["--data", "{}"], ["--data", "{}/new"]])
def test_a_full_disk_is_named_where_the_system_does_not_name_it(
    given: list[str],
    run_command: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @click.option("--data")
    def write(data: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def usage(place: str) -> SimpleNamespace:
        return SimpleNamespace(free=2_048 if str(place) == str(tmp_path) else 10**10)

    monkeypatch.setattr("shutil.disk_usage", usage)
    assert run_command(write, *(one.format(tmp_path) for one in given)) == 1
    said = f"Error: No space left on device: {tmp_path} has 2 KB free\n"
    assert capsys.readouterr().err == said


def test_a_command_that_returns_nothing_ends_with_0(run_command: Callable[..., int]) -> None:
    assert run_command(lambda: None) == 0


@pytest.mark.parametrize(
    ("arguments", "now"),
    [
        (["rules", "FCA031"], "fc-async validate --explain"),
        (["logs", "orders"], "fc-async tasks logs"),
        (["events", "send", "oss", "--bucket", "b"], "fc-async triggers fire --oss-object"),
        (["deploy", "--dry-run"], "fc-async plan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_word_of_the_release_before_leads_to_the_one_of_now(
    arguments: list[str], now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli_group.run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"is now: {now}" in err


def test_the_help_does_not_name_what_only_s_uses(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_group.run(["--help"]) == 0
    assert "s-plugin" not in capsys.readouterr().out


def test_the_help_lists_commands_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    cli_group.run(["--help"])
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line in {"Develop:", "Check and deploy:", "Operate:"}]
    assert headings == ["Develop:", "Check and deploy:", "Operate:"]
    assert lines.index("Operate:") < next(
        number for number, line in enumerate(lines) if line.startswith("  failures ")
    )


@pytest.mark.parametrize("command", [[], ["deploy"], ["remove"], ["tasks", "logs"], ["alarms"]])
def test_the_help_breaks_no_option_at_80_columns(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had ``--with-`` at the end of a line, and ``functions`` in the next one."""
    monkeypatch.setenv("COLUMNS", "80")
    cli_group.run([*command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("-")] == []


def test_a_command_may_choose_its_exit_code(run_command: Callable[..., int]) -> None:
    assert run_command(lambda: CHANGES) == 2


def test_an_expected_error_is_one_message_on_stderr(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ConfigurationError("no region: pass --region")

    assert run_command(fail) == 1
    assert capsys.readouterr() == ("", "Error: no region: pass --region\n")


def test_a_missing_file_is_named(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "nowhere.yaml"
    assert run_command(missing.read_text) == 1
    assert capsys.readouterr().err == f"Error: {missing}: No such file or directory\n"


def test_an_unexpected_error_is_a_message_without_stack_trace(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise KeyError("x")

    assert run_command(fail) == 1
    said = capsys.readouterr().err
    assert "internal error: KeyError: 'x'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("validate", "cli"),
        ("events", "events"),
        ("local", "local"),
        ("demo", "demo"),
        ("dev", "dev"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    name: str, extra: str, run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise ModuleNotFoundError("No module named 'absent'", name="absent")

    assert run_command(command, name=name) == 1
    wanted = f"Error: fc-async {name} needs absent: {how_to_install(extra)}\n"
    assert capsys.readouterr().err == wanted


def test_a_missing_module_of_ours_is_a_fault_of_ours(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'fc_async_sdk.x'", name="fc_async_sdk.x")

    assert run_command(fail) == 1
    assert "internal error" in capsys.readouterr().err


def test_debugging_shows_the_stack_trace(
    run_command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise KeyError("x")

    monkeypatch.setenv("FC_ASYNC_DEBUG", "1")
    assert run_command(fail) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_with_130(run_command: Callable[..., int]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert run_command(interrupted) == 130


def test_ctrl_c_while_the_command_line_is_imported_ends_with_130(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        COMMAND_LINE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (cli_group.INTERRUPTED, "\nInterrupted.\n")


def test_a_typo_in_a_flag_is_not_mistaken_for_changes(run_command: Callable[..., int]) -> None:
    assert run_command(lambda: None, "--nosuch") == 1


def test_a_typo_in_a_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_group.run(["vlidate"]) == 1
    assert "Did you mean 'validate'?" in capsys.readouterr().err


def test_every_listed_command_can_be_loaded() -> None:
    context = click.Context(cli_group.group)
    for name in cli_group.group.list_commands(context):
        assert isinstance(cli_group.group.get_command(context, name), click.Command)


def test_a_closed_pipe_ends_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND_LINE, "--help"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (cli_group.FAILED, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_whose_output_is_closed_does_what_it_does(closed: str) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    done = subprocess.run(
        [*shell, *COMMAND_LINE, "validate", "--explain"], check=False, capture_output=True
    )
    assert done.returncode == 0
    assert b"Error" not in done.stderr


def test_the_version_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv=['fc-async','--version'];"
        "from fc_async_plugin.cli import main; main();"
        "print([m for m in ('click', 'rich', 'yaml', 'requests', 'msgspec') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1] == "[]"


@pytest.mark.parametrize(
    "write",
    [
        lambda text: terminal.print_text(text, colour="red"),
        lambda text: terminal.print_changes([("~", f"VARIABLE: {text}")]),
        lambda text: terminal.print_table(["task"], [[text]]),
        lambda text: terminal.print_json({text: text}),
        terminal.print_json_line,
        terminal.note,
        terminal.error,
    ],
)
def test_no_way_of_printing_passes_control_characters_on(
    write: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    write("owned\x1b]0;\x07\x9b\u202e")
    printed = "".join(capsys.readouterr())
    assert "owned" in printed
    assert [one for one in printed if not (one.isprintable() or one == "\n")] == []


def test_a_prompt_without_a_terminal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 -- closed below
    with sys.stdin, pytest.raises(click.ClickException, match="use -y"):
        terminal.confirm("Deploy?", yes=False)


def test_yes_answers_a_prompt_without_a_terminal() -> None:
    terminal.confirm("Deploy?", yes=True)


def test_validate_imports_no_client_and_no_library_of_terminals(tmp_path: Path) -> None:
    template = tmp_path / "s.yaml"
    template.write_text("edition: 3.0.0\nname: x\nresources: {}\n")
    program = (
        f"import sys; sys.argv=['fc-async', 'validate', '-t', {str(template)!r}];"
        "from fc_async_plugin.cli import main; main();"
        "print([m for m in ('rich', 'requests', 'aiohttp', 'cookiecutter') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
