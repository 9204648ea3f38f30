# SPDX-License-Identifier: MIT
"""Code on disk becomes an archive, the same for the same files."""

from __future__ import annotations

import base64
import io
import os
import stat
import time
import zipfile
from pathlib import Path

import pytest

from fc_async_sdk import packaging
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import Code
from fc_async_tests.opened_files import opened_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    (root / "lib" / "__pycache__").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "index.py").write_text("x = 1\n")
    (root / "lib" / "ü.txt").write_text("ü", "utf-8")
    (root / "lib" / "__pycache__" / "a.pyc").write_bytes(b"")
    (root / "b.pyc").write_bytes(b"")
    (root / ".git" / "config").write_text("")
    (root / ".DS_Store").write_bytes(b"")
    run = root / "bootstrap"
    run.write_text("#!/bin/sh\n")
    run.chmod(0o755)
    return root


def opened(code: Code) -> zipfile.ZipFile:
    assert code.zip_file is not None
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(code.zip_file)))


def test_caches_version_control_and_compiled_code_are_left_out(folder: Path) -> None:
    for name in (".hg", ".svn", ".s", ".venv", ".fc-async"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("x")
    (folder / "c.pyo").write_bytes(b"")
    assert opened(packaging.load(folder)).namelist() == ["bootstrap", "index.py", "lib/ü.txt"]


def test_what_is_executable_and_bootstrap_are_so_afterwards(folder: Path) -> None:
    (folder / "bootstrap").chmod(0o644)
    (folder / "lib" / "bootstrap").write_text("")
    (folder / "run.sh").touch(0o755)
    modes = {
        info.filename: info.external_attr >> 16 & 0o777
        for info in opened(packaging.load(folder)).infolist()
    }
    executable = {name for name, mode in modes.items() if mode == 0o755}
    assert executable == {"bootstrap", "run.sh"}
    assert set(modes.values()) == {0o755, 0o644}


def test_the_same_files_give_the_same_bytes(folder: Path) -> None:
    first = packaging.load(str(folder))
    os.utime(folder / "index.py", (1, 1))
    (folder / "index.py").chmod(0o600)
    assert packaging.load(folder) == first


def test_a_change_changes_them(folder: Path) -> None:
    first = packaging.load(folder)
    (folder / "index.py").write_text("x = 2\n")
    assert packaging.load(folder) != first


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock be ahead, so that no file counts as changed a moment ago."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 10_000_000_000)


def test_after_a_save_what_was_changed_is_read_and_the_archive_is_that_of_all_files(
    folder: Path, later: None
) -> None:
    (folder / "data.bin").write_bytes(os.urandom(100_000))
    earlier = packaging.pack(folder)
    (folder / "index.py").write_text("x = 'longer'\n")
    (folder / "lib" / "new.py").write_text("")
    (folder / "lib" / "ü.txt").rename(folder / "a.txt")
    with opened_below(folder) as read:
        packed = packaging.pack(folder, earlier)
    assert read == {"index.py", "lib/new.py", "a.txt"}
    assert packed.data == packaging.archive(folder)
    with opened_below(folder) as read:
        assert packaging.pack(folder, packed) is packed
    assert read == set()


def test_after_files_are_deleted_or_made_executable_the_archive_is_that_of_the_others(
    folder: Path, later: None
) -> None:
    earlier = packaging.pack(folder)
    (folder / "index.py").unlink()
    (folder / "lib" / "ü.txt").chmod(0o755)
    assert packaging.pack(folder, earlier).data == packaging.archive(folder)


def test_a_zip_file_is_taken_as_it_is(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    archive.write_bytes(packaging.archive(folder))
    assert packaging.load(archive) == packaging.load(folder)


@pytest.mark.parametrize("source", [b"PK", Code(oss_bucket_name="b", oss_object_name="o")])
def test_bytes_and_objects_need_no_disk(source) -> None:
    code = packaging.load(source)
    assert code.zip_file == base64.b64encode(b"PK").decode() or code is source


@pytest.mark.parametrize("target", ["index.py", "lib", "."])
def test_a_link_inside_the_folder_stays_a_relative_link(folder: Path, target: str) -> None:
    (folder / "lib" / "again").symlink_to(folder / target)
    packed = opened(packaging.load(folder))
    info = packed.getinfo("lib/again")
    assert stat.S_ISLNK(info.external_attr >> 16)
    assert packed.read(info) == {"index.py": b"../index.py", "lib": b".", ".": b".."}[target]
    assert "lib/again/index.py" not in packed.namelist()


def test_a_link_that_leads_elsewhere_is_packed_again(folder: Path, later: None) -> None:
    link = folder / "again.py"
    link.symlink_to("index.py")
    earlier = packaging.pack(folder)
    link.unlink()
    link.symlink_to("bootstrap")
    assert packaging.pack(folder, earlier).data == packaging.archive(folder)
    assert opened(packaging.load(folder)).read("again.py") == b"bootstrap"


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    (folder / "oops").symlink_to(secret)
    with pytest.raises(InvalidParameter, match="link out of the folder"):
        packaging.load(folder)


def test_a_link_to_a_folder_outside_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more").symlink_to(tmp_path)
    with pytest.raises(InvalidParameter, match="link out of the folder"):
        packaging.load(folder)


def test_the_root_of_the_file_system_is_not_read_as_code() -> None:
    with pytest.raises(InvalidParameter, match="'/': is the root of the file system"):
        packaging.archive(Path("/"))
    with pytest.raises(InvalidParameter, match="'/': is the root of the file system"):
        packaging.layer_reference(Path("/"))


def test_a_file_that_may_not_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Modes do not stop the administrator, as which tests may run.
    def denied(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InvalidParameter, match=r"bootstrap.* may not be read"):
        packaging.archive(folder)


@pytest.mark.parametrize("content", [b"\xff*.pyc", b"[z-a]"], ids=["encoding", "pattern"])
def test_an_fcignore_that_is_not_valid_is_named(folder: Path, content: bytes) -> None:
    (folder / ".fcignore").write_bytes(content)
    with pytest.raises(InvalidParameter, match=r"\.fcignore.*is not valid"):
        packaging.archive(folder)


def test_a_name_that_no_archive_can_hold_is_refused_unless_it_is_ignored(folder: Path) -> None:
    named = os.fsencode(folder) + b"/\xff.log"
    os.close(os.open(named, os.O_CREAT))
    with pytest.raises(InvalidParameter, match="is not UTF-8"):
        packaging.archive(folder)
    (folder / ".fcignore").write_text("*.log\n")
    assert packaging.archive(folder)


def test_patterns_of_fcignore_are_left_out_and_may_take_files_back(folder: Path) -> None:
    (folder / ".fcignore").write_text("lib/\n!b.pyc\n")
    assert opened(packaging.load(folder)).namelist() == ["b.pyc", "bootstrap", "index.py"]


def _only_ignored(path: Path) -> None:
    path.mkdir()
    (path / "readme").touch()
    (path / ".fcignore").write_text("readme")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "neither a folder nor a zip file"),
        (lambda path: path.write_text("text"), "not a zip"),
        (lambda path: path.mkdir(), "without files$"),
        (_only_ignored, "without files, but for those that .fcignore leaves out$"),
    ],
)
def test_a_source_that_is_not_code_is_an_error(tmp_path: Path, make, message: str) -> None:
    path = tmp_path / "code"
    make(path)
    with pytest.raises(InvalidParameter, match=message):
        packaging.load(path)
