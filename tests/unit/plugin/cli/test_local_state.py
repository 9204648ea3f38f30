# SPDX-License-Identifier: MIT
"""Export, import and clear of a runtime that does not run, and of one that does."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fc_async_local.embedded import LocalRuntime
from fc_async_local.engine.engine import Engine
from fc_async_local.services.oss.model import Bucket
from fc_async_local.store.sqlite import database, replacement
from fc_async_local.store.sqlite.files import FileLock
from fc_async_plugin.cli.local import command
from fc_async_sdk._project_folder import ADDRESSES
from fc_async_sdk.payloads import FolderStore
from fc_async_tests.faults import fail

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def queues(data: Path) -> list[str]:
    with LocalRuntime(data=data, port=0) as runtime:
        found = runtime.call(runtime.services.mns.queues(limit=10))
    return [queue.name for queue in found]


def fail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next start of a runtime fail after its state was opened, not the one after it."""
    fail(monkeypatch, Engine, "start", OSError("the disk failed"), times=1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one queue."""
    folder = tmp_path / "data"
    with LocalRuntime(data=folder, port=0) as runtime:
        runtime.call(runtime.services.mns.create_queue("kept"))
    return folder


def test_an_exported_state_is_imported_after_a_clear(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    code, output = run("export", file, "--data", data)
    assert (code, str(file) in output) == (0, True)
    assert run("clear", "--data", data, "-y")[0] == 0
    assert queues(data) == []
    assert run("import", file, "--data", data, "-y")[0] == 0
    assert queues(data) == ["kept"]


def test_a_state_is_exported_and_cleared_while_the_runtime_runs(data: Path, tmp_path: Path) -> None:
    with LocalRuntime(data=data, port=0):
        assert run("export", tmp_path / "state.db", "--data", data)[0] == 0
        assert run("clear", "--data", data, "-y")[0] == 0
    assert queues(data) == []


def test_commands_find_the_runtime_at_each_moment_of_a_restart_with_another_state(
    data: Path,
) -> None:
    """Without its addresses a command goes to an account."""
    file = data / ADDRESSES
    with LocalRuntime(data=data, port=0):
        before = file.stat()
        assert run("clear", "--data", data, "-y")[0] == 0
        after = file.stat()  # neither removed nor written anew
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not file.exists()


def test_a_clear_deletes_objects_and_an_import_leaves_them(data: Path, tmp_path: Path) -> None:
    def buckets() -> list[str]:
        with LocalRuntime(data=data, port=0) as runtime:
            service = runtime.services.oss.service
            found = runtime.call(service.do(lambda index: list(index.all(Bucket))))
            runtime.call(service.create_bucket("kept"))
        return found

    file = tmp_path / "state.db"
    assert run("export", file, "--data", data)[0] == 0
    assert (buckets(), buckets()) == ([], ["kept"])
    assert run("import", file, "--data", data, "-y")[0] == 0
    assert buckets() == ["kept"]
    payload = data / "payloads" / "key"
    FolderStore(payload.parent).put("key", b"large")
    with LocalRuntime(data=data, port=0):
        assert payload.exists()
        assert run("clear", "--data", data, "-y")[0] == 0
    assert (buckets(), payload.exists()) == ([], False)


def test_a_file_that_is_no_state_is_refused(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"not a state")
    code, output = run("import", file, "--data", data, "-y")
    assert (code, "not an exported state" in output) == (1, True)
    assert queues(data) == ["kept"]


def test_an_exported_state_can_be_read_by_its_owner_only(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.touch(0o644)
    assert run("export", file, "--data", data)[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir() if each != data] == ["state.db"]


def test_the_version_of_a_state_that_cannot_be_read_is_said(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    assert run("export", file, "--data", data)[0] == 0
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript("UPDATE schema_version SET version = 99")
    code, output = run("import", file, "--data", data, "-y")
    assert (code, "state.db has version 99 of 'store'" in output) == (1, True)
    assert queues(data) == ["kept"]


def test_the_state_before_a_clear_comes_back_with_its_payloads_if_the_new_one_cannot_be_used(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = FolderStore(data / "payloads")
    payloads.put("key", b"large")
    with LocalRuntime(data=data, port=0):
        fail_once(monkeypatch)
        result = CliRunner().invoke(command, ["clear", "--data", str(data), "-y"])
    assert "went back to the one before: OSError: the disk failed" in str(result.exception)
    assert queues(data) == ["kept"]
    assert payloads.exists("key")


def test_nothing_of_a_cleared_state_is_left_on_the_disk(data: Path) -> None:
    FolderStore(data / "payloads").put("key", b"a secret")
    assert run("clear", "--data", data, "-y") == (0, f"Cleared {data}.\n")
    left = [file for file in data.rglob("*") if file.is_file()]
    assert not any(b"kept" in file.read_bytes() or b"secret" in file.read_bytes() for file in left)


def test_a_state_that_cannot_be_put_in_its_place_is_not_called_imported_or_cleared(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for module in (database, replacement):
            fail(patch, module, "make", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        code, output = run("clear", "--data", data, "-y")
    assert (code, "No space left on device" in output, "Cleared" in output) == (1, True, False)
    assert queues(data) == ["kept"]


def test_a_state_with_a_row_that_cannot_be_read_is_refused_before_anything_is_replaced(
    data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "state.db"
    assert run("export", file, "--data", data)[0] == 0
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript("INSERT INTO document VALUES ('trigger', 'f/t', x'00')")
    code, output = run("import", file, "--data", data, "-y")
    assert (code, "state.db cannot be read: row 1 of document cannot be read" in output) == (
        1,
        True,
    )
    assert [each.name for each in data.iterdir() if each.suffix in {".next", ".before"}] == []
    assert queues(data) == ["kept"]


def test_copies_of_the_state_that_killed_imports_and_exports_left_are_gone_after_a_start(
    data: Path,
) -> None:
    for name in (".fc-async.db.next.0123456789abcdef.tmp", ".fc-async.db.next.01.tmp-wal"):
        (data / name).write_bytes(b"a whole copy")
    export = data / ".fc-async.db.abc.tmp"
    export.mkdir()
    (export / "snapshot").write_bytes(b"a whole copy")
    other = data / ".mine.0123456789abcdef.tmp"
    other.touch()
    assert queues(data) == ["kept"]
    assert [each.name for each in data.iterdir() if ".tmp" in each.name] == [other.name]


def test_an_import_while_a_runtime_starts_neither_says_imported_nor_waits_for_a_later_start(
    data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "state.db"
    assert run("export", file, "--data", data)[0] == 0
    lock = FileLock(data / "fc-async.db")  # it has not written its addresses yet
    try:
        code, output = run("import", file, "--data", data, "-y")
    finally:
        lock.release()
    assert (code, "in use by another fc-async runtime" in output, "Imported" in output) == (
        1,
        True,
        False,
    )
    assert not (data / "fc-async.db.next").exists()


def test_a_cleared_state_is_empty_also_beside_the_journal_of_a_killed_program(data: Path) -> None:
    (data / "fc-async.db-journal").write_bytes(b"of another database")
    assert run("clear", "--data", data, "-y")[0] == 0
    assert queues(data) == []


def test_a_folder_without_a_state_cannot_be_exported(tmp_path: Path) -> None:
    code, output = run("export", tmp_path / "file", "--data", tmp_path / "none")
    assert (code, "there is no state to export" in output) == (1, True)
    assert not (tmp_path / "file").exists()


def test_a_clear_of_a_folder_that_is_not_a_runtimes_changes_nothing_in_it(tmp_path: Path) -> None:
    mine = tmp_path / "oss" / "report.csv"
    mine.parent.mkdir()
    mine.touch()
    code, output = run("clear", "--data", tmp_path, "-y")
    assert (code, "there is no state to clear" in output) == (1, True)
    assert sorted(tmp_path.rglob("*")) == [mine.parent, mine]


@pytest.mark.parametrize("another_has_its_port", [True, False])
def test_a_clear_after_a_kill_is_of_its_own_folder(
    *, another_has_its_port: bool, data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with LocalRuntime(data=other, port=0) as runtime:
        runtime.call(runtime.services.mns.create_queue("others"))
        left = (other / ADDRESSES).read_text("utf-8").replace(str(other), str(data))
        (data / ADDRESSES).write_text(left)  # a runtime that is killed leaves it
        if another_has_its_port:
            assert run("clear", "--data", data, "-y") == (0, f"Cleared {data}.\n")
    if not another_has_its_port:
        assert run("clear", "--data", data, "-y") == (0, f"Cleared {data}.\n")
    assert (queues(data), queues(other)) == ([], ["others"])


def test_nothing_is_deleted_without_a_yes(data: Path) -> None:
    assert run("clear", "--data", data)[0] == 1
    assert queues(data) == ["kept"]
