# SPDX-License-Identifier: MIT
"""Only a folder that this user made on this machine is believed."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import pytest

from fc_async_sdk import _project_folder, _user_key
from fc_async_sdk._project_folder import ForeignFolder
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a project whose ``.fc-async`` was made here."""
    monkeypatch.chdir(tmp_path)
    _project_folder.make_private(_project_folder.RUNTIME)
    (tmp_path / _project_folder.RUNTIME / "fc-async.db").write_bytes(b"")
    return tmp_path / _project_folder.RUNTIME


def test_a_folder_that_was_made_here_is_believed(runtime: Path) -> None:
    _project_folder.check(runtime)
    _project_folder.make_private(runtime)
    assert (runtime.parent / ".gitignore").read_text().splitlines()[-1] == "*"
    assert (runtime.parent / "mark").stat().st_mode & 0o077 == 0


def came_with_the_repository(runtime: Path) -> None:
    (runtime.parent / "mark").unlink()


def of_another_machine(runtime: Path) -> None:
    (runtime.parent / "mark").write_text(f"{'0' * 64}\n")


def copied(runtime: Path) -> None:
    top = runtime.parent
    shutil.copytree(top, top.with_name("copy"))
    shutil.move(top, top.with_name("original"))
    shutil.move(top.with_name("copy"), top)


def opened_to_others(runtime: Path) -> None:
    runtime.parent.chmod(0o777)


def of_another_user(runtime: Path) -> None:
    os.chown(runtime.parent, 65_534, 65_534)


def a_link(runtime: Path) -> None:
    top = runtime.parent
    top.rename(top.with_name("elsewhere"))
    top.symlink_to("elsewhere")


def with_a_link_to_a_folder(runtime: Path) -> None:
    runtime.rename(runtime.with_name("elsewhere"))
    runtime.symlink_to("elsewhere")


def with_a_link_to_a_file(runtime: Path) -> None:
    (runtime / "fc-async.db.lock").symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("happened", "said"),
    [
        (came_with_the_repository, "was not made here by this user"),
        (of_another_machine, "was not made here by this user"),
        (copied, "if all in it is yours: fc-async local trust"),
        (opened_to_others, "can be written by other users: remove it, or, if all in it is yours:"),
        (of_another_user, "belongs to user 65534, not to you"),
        (a_link, "is a link: remove it"),
        (with_a_link_to_a_folder, "has a link, runtime: remove the link"),
        (with_a_link_to_a_file, "has a link, runtime/fc-async.db.lock: remove the link"),
    ],
)
def test_nothing_is_read_or_written_in_a_folder_that_is_not_this_users(
    runtime: Path, happened: Callable[[Path], None], said: str
) -> None:
    if happened is of_another_user and os.geteuid():
        pytest.skip("only root can give a folder to another user")
    happened(runtime)
    for step in (_project_folder.check, _project_folder.make_private):
        with pytest.raises(ForeignFolder, match=said) as refused:
            step(_project_folder.RUNTIME)
        assert str(refused.value).startswith(".fc-async ")


def test_a_moved_project_is_taken_as_ones_own_and_its_first_place_is_not_forgotten(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container sees the same folder under another path, and its user uses both."""
    project = runtime.parents[1]
    moved = project.rename(project.with_name("moved"))
    monkeypatch.chdir(moved)
    with pytest.raises(ForeignFolder):
        _project_folder.check(moved / _project_folder.RUNTIME)
    _project_folder.trust(moved / _project_folder.NAME)
    _project_folder.check(moved / _project_folder.RUNTIME)
    moved.rename(project)
    _project_folder.check(runtime)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("inside", [".", "services/orders"])
def test_a_checkout_that_writes_into_a_folder_of_ours_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """Git replaces files that are ignored, below a mark that stays valid."""
    folder = tmp_path / inside
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    git(tmp_path, "init")
    _project_folder.make_private(_project_folder.RUNTIME)
    (folder / _project_folder.RUNTIME / "fc-async.db").write_bytes(b"theirs")
    _project_folder.check(_project_folder.RUNTIME)
    git(folder, "add", "-f", ".fc-async/runtime/fc-async.db")
    with pytest.raises(ForeignFolder, match=r"has files that came with the repository"):
        _project_folder.check(_project_folder.RUNTIME)
    with pytest.raises(ForeignFolder, match="came with the repository"):
        _project_folder.trust(folder / _project_folder.NAME)


def test_a_folder_that_only_some_file_systems_take_for_ours_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On macOS, a checkout of .FC-ASYNC writes into .fc-async."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init")
    (tmp_path / ".FC-ASYNC").mkdir()
    (tmp_path / ".FC-ASYNC" / "db").write_bytes(b"")
    git(tmp_path, "add", "-f", ".FC-ASYNC/db")
    with pytest.raises(ForeignFolder, match=r"git rm -r --cached \.fc-async"):
        _project_folder.make_private(_project_folder.RUNTIME)


def test_a_folder_of_another_project_in_the_same_repository_is_no_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example" / ".fc-async").mkdir(parents=True)
    (tmp_path / "example" / ".fc-async" / "db").write_bytes(b"")
    git(tmp_path, "init")
    git(tmp_path, "add", "-f", ".")
    monkeypatch.chdir(tmp_path)
    _project_folder.make_private(_project_folder.RUNTIME)
    _project_folder.check(_project_folder.RUNTIME)


def test_a_start_that_was_killed_before_the_mark_does_not_lock_its_user_out(
    tmp_path: Path,
) -> None:
    (tmp_path / ".fc-async").mkdir(mode=0o700)
    (tmp_path / ".fc-async" / ".gitignore").touch()
    _project_folder.make_private(tmp_path / _project_folder.RUNTIME)
    _project_folder.check(tmp_path / _project_folder.RUNTIME)


def test_a_data_folder_that_is_named_needs_no_mark_and_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose user has no home."""
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    data = tmp_path / "data"
    _project_folder.make_private(data)
    _project_folder.check(data)
    assert not (data / "mark").exists()


def test_a_data_folder_into_which_others_write_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    with pytest.raises(ForeignFolder, match=f"can be written by other users.*chmod go-w {data}"):
        _project_folder.make_private(data)
    assert list(data.iterdir()) == []


def test_without_a_home_that_can_be_written_the_message_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    with pytest.raises(ConfigurationError, match="Set XDG_STATE_HOME to a folder of yours"):
        _project_folder.make_private(tmp_path / _project_folder.RUNTIME)


def test_a_user_without_a_home_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any user id in a container, without HOME."""

    def no_home() -> NoReturn:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("pathlib.Path.home", no_home)
    with pytest.raises(ConfigurationError, match=r"no home folder .*: set XDG_STATE_HOME"):
        _project_folder.make_private(tmp_path / _project_folder.RUNTIME)


def test_processes_that_make_the_key_at_the_same_time_have_the_same_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        keys = {*pool.map(lambda _: _user_key.key(), range(8))}
    assert len(keys) == 1
    assert [path.name for path in _user_key.key_path().parent.iterdir()] == ["journal.key"]


def test_a_key_that_others_can_read_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = _user_key.signature("purpose", "text")
    assert _user_key.signature("purpose", "text") == first
    assert _user_key.signature("another", "text") != first
    _user_key.key_path().chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"other users can read .*: remove it"):
        _user_key.signature("purpose", "text")


def test_a_key_of_another_user_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under sudo, which keeps HOME on some systems."""
    if os.geteuid():
        pytest.skip("only root can give a file to another user")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    _user_key.key()
    os.chown(_user_key.key_path(), 65_534, 65_534)
    with pytest.raises(ConfigurationError, match="belongs to user 65534, not to you"):
        _user_key.key()


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT])
def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path, flags: int) -> None:
    target = tmp_path / "authorized_keys"
    target.write_text("key\n")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(ForeignFolder, match="lock is a link, and is not followed"):
        _project_folder.open_private(tmp_path / "lock", flags)
    assert target.read_text() == "key\n"


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "addresses.json")
    with pytest.raises(ForeignFolder, match="not a file of yours"):
        _project_folder.read_private(tmp_path / "addresses.json")
