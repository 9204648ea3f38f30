# SPDX-License-Identifier: MIT
"""A code folder becomes the same zip every time, without what doesn't belong in it."""

from __future__ import annotations

import io
import os
import shutil
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.project.archive import pack
from fc_async_sdk import packaging
from fc_async_sdk.errors import ConfigurationError
from fc_async_tests.opened_files import opened_below

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "lib").mkdir(parents=True)
    (folder / "index.py").write_text("def handler(event, context): ...\n")
    (folder / "lib" / "a.py").write_text("A = 1\n")
    return folder


def names(path: Path) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(pack(path).data)).namelist()


def test_an_unchanged_folder_gives_the_same_bytes_whatever_its_times(code: Path) -> None:
    first = pack(code)
    os.utime(code / "index.py", (0, 0))
    assert pack(code) == first


def test_another_content_gives_another_checksum(code: Path) -> None:
    first = pack(code)
    (code / "index.py").write_text("def handler(event, context): return 1\n")
    assert pack(code).checksum != first.checksum


def test_running_the_code_changes_nothing(code: Path) -> None:
    first = pack(code)
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "index.cpython-312.pyc").write_bytes(b"x")
    assert pack(code) == first


def test_entries_are_sorted_and_relative(code: Path) -> None:
    assert names(code) == ["index.py", "lib/a.py"]


def test_fcignore_leaves_out_what_it_names_and_itself(code: Path) -> None:
    (code / ".fcignore").write_text("lib/\n!index.py\n")
    assert names(code) == ["index.py"]


def test_an_executable_stays_one(code: Path) -> None:
    (code / "bootstrap").write_text("#!/bin/sh\n")
    (code / "bootstrap").chmod(0o755)
    entry = zipfile.ZipFile(io.BytesIO(pack(code).data)).getinfo("bootstrap")
    assert (entry.external_attr >> 16) & 0o777 == 0o755


def test_symbolic_links_that_form_a_cycle_are_not_followed(code: Path) -> None:
    (code / "lib" / "back").symlink_to(code, target_is_directory=True)
    assert names(code) == ["index.py", "lib/a.py", "lib/back"]


def test_a_zip_is_sent_as_it_is(code: Path, tmp_path: Path) -> None:
    made = tmp_path / "code.zip"
    made.write_bytes(pack(code).data)
    assert pack(made) == pack(code)


def test_the_checksum_is_the_one_of_the_service(tmp_path: Path) -> None:
    import fastcrc

    assert fastcrc.crc64.xz(b"123456789") == 0x995DC9BBDF1939FA


def test_no_code_is_an_error_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        pack(tmp_path / "nowhere")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder without files"):
        pack(tmp_path)


def test_a_file_that_is_no_zip_is_an_error(code: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a zip archive"):
        pack(code / "index.py")


def test_too_much_code_is_an_error_that_says_how_to_send_less(code: Path) -> None:
    pack(code)
    with pytest.raises(ConfigurationError, match=r"10 can be sent: .*\.fcignore"):
        pack(code, largest=10)


def test_a_change_of_one_byte_at_the_same_time_is_another_package(code: Path) -> None:
    first = pack(code)
    for letter in "abcdefgh":
        (code / "lib" / "a.py").write_text(f"{letter} = 1\n")
        os.utime(code / "lib" / "a.py", (0, 0))
        later = pack(code)
        assert later.contents != first.contents
        first = later


def test_a_folder_that_several_functions_share_is_zipped_once(code: Path) -> None:
    first = pack(code)
    assert pack(code) is first


def test_a_save_in_one_of_several_folders_is_zipped_without_reading_the_other_files(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10_000_000_000)  # no file is new
    other = shutil.copytree(code, code.parent / "other")
    for folder in (code, other):
        pack(folder)
    (code / "lib" / "a.py").write_text("A = 'longer'\n")
    with opened_below(code.parent) as read:
        packages = [pack(folder) for folder in (code, other)]
    assert read == {"code/lib/a.py"}
    assert packages[0].data == packaging.archive(code)
