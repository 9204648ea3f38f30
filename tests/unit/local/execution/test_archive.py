# SPDX-License-Identifier: MIT
"""Archives: the checksum, and what must not come out of a zip."""

from __future__ import annotations

import io
import stat
import tempfile
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.archive import (
    ArchiveLimits,
    ArchiveRefused,
    check_archive,
    checksum,
    unpack,
)


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def link(name: str) -> zipfile.ZipInfo:
    return entry(name, stat.S_IFLNK | 0o777)


def packed(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def test_checksum_is_the_standard_check_value_of_crc_64_xz() -> None:
    assert checksum(b"123456789") == str(0x995DC9BBDF1939FA)


def test_checksum_of_nothing_is_zero() -> None:
    assert checksum(b"") == "0"


def test_files_come_out_with_their_modes(tmp_path: Path) -> None:
    unpack(
        packed(
            (entry("bootstrap", stat.S_IFREG | 0o755), b"#!/bin/sh\n"),
            (entry("a/b.py"), b"x = 1\n"),
        ),
        tmp_path,
    )
    assert (tmp_path / "bootstrap").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a/b.py").read_bytes() == b"x = 1\n"


def test_folders_come_out_even_if_they_are_empty(tmp_path: Path) -> None:
    unpack(packed(("a/", b""), ("a/b/", b""), ("a/x.py", b"")), tmp_path)
    assert (tmp_path / "a/b").is_dir()
    assert (tmp_path / "a/x.py").is_file()


def test_a_name_that_comes_twice_is_the_last_one(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = packed(("x.py", b"first"), ("x.py", b"second"))
    unpack(data, tmp_path)
    assert (tmp_path / "x.py").read_bytes() == b"second"


def test_setuid_does_not_survive(tmp_path: Path) -> None:
    unpack(packed((entry("tool", stat.S_IFREG | 0o4755), b"")), tmp_path)
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o755


def test_an_unreadable_file_is_readable_for_us(tmp_path: Path) -> None:
    unpack(packed((entry("index.py", stat.S_IFREG | 0o100), b"x")), tmp_path)
    assert (tmp_path / "index.py").read_bytes() == b"x"


def test_a_link_inside_the_folder_is_kept(tmp_path: Path) -> None:
    unpack(packed((link("lib/x.so"), b"x.so.1"), (entry("lib/x.so.1"), b"elf")), tmp_path)
    assert (tmp_path / "lib/x.so").is_symlink()
    assert (tmp_path / "lib/x.so").read_bytes() == b"elf"


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "..", "a\\..\\..\\evil", "C:\\evil"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    with pytest.raises(ArchiveRefused):
        unpack(packed((name, b"evil")), folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["code"]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([(link("out"), b"/etc")], id="absolute link"),
        pytest.param([(link("out"), b"../../..")], id="relative link"),
        pytest.param([(link("out"), b".."), ("out/evil", b"x")], id="file through a link"),
        pytest.param([(link("a/up"), b".."), (link("out"), b"a/up/..")], id="chain of links"),
        pytest.param(
            [(link("out"), b"a/up/../.."), (link("a/up"), b"..")], id="link bent by later"
        ),
        pytest.param([(link("out"), b"x" * 5000)], id="endless link"),
        pytest.param([(entry("pipe", stat.S_IFIFO | 0o644), b"")], id="pipe"),
        pytest.param([("a", b"file"), ("a/b", b"file below a file")], id="collision"),
        pytest.param([("a/b", b""), ("a", b"file over a folder")], id="file over a folder"),
        pytest.param([("a", b"file"), ("a/", b"")], id="folder over a file"),
        pytest.param([("a", b"file"), (link("a"), b"b")], id="link over a file"),
        pytest.param([(link("a"), b"b"), ("a", b"file")], id="file over a link"),
        pytest.param([(link("a"), b"b"), ("a/x", b"")], id="file below a link"),
        pytest.param([(link("a"), b"b"), (link("b"), b"a")], id="cycle of links"),
        pytest.param([(link("a"), b"")], id="link to nothing"),
        pytest.param([(link("a"), b"x\0y")], id="link with a NUL"),
        pytest.param([(link("a/"), b"b")], id="link named as a folder"),
        pytest.param([(entry(""), b"")], id="empty name"),
        pytest.param([(".", b"")], id="name of the folder itself"),
        pytest.param([("x" * 256, b"")], id="long name"),
        pytest.param([("\u00e4" * 128, b"")], id="name of 256 bytes"),
        pytest.param([("/".join(["x" * 200] * 20), b"")], id="long path"),
    ],
)
def test_hostile_entries_are_refused(
    tmp_path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]]
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (tmp_path / "a").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that come twice
        data = packed(*entries)
    with pytest.raises(ArchiveRefused):
        check_archive(data)
    with pytest.raises(ArchiveRefused):
        unpack(data, folder)
    assert not (tmp_path / "evil").exists()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = packed(("zeros", bytes(3_000_000)))
    with pytest.raises(ArchiveRefused, match="3000000 bytes"):
        unpack(bomb, tmp_path, ArchiveLimits(unpacked_bytes=1_000_000))
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(("zeros", bytes(3_000_000))))
    real, false = (3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    data = data.replace(real, false)
    bounds = ArchiveLimits(unpacked_bytes=1_000_000)
    with pytest.raises(ArchiveRefused):
        check_archive(bytes(data), bounds)
    with pytest.raises(ArchiveRefused):
        unpack(bytes(data), tmp_path, bounds)


def test_too_many_entries_are_refused() -> None:
    crowd = packed(*((f"f{number}", b"") for number in range(11)))
    with pytest.raises(ArchiveRefused, match="11 entries"):
        check_archive(crowd, ArchiveLimits(entries=10))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(18) + b"junk"])
def test_data_that_is_not_a_zip_file_is_refused_or_empty(tmp_path: Path, data: bytes) -> None:
    try:
        unpack(data, tmp_path)
    except ArchiveRefused as error:
        assert "not a zip archive" in str(error)  # noqa: PT017 -- either is right
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    data = bytearray(packed(("index.py", b"print('hello hello hello')" * 9)))
    data[45] ^= 0xFF
    with pytest.raises(ArchiveRefused, match=r"index\.py"):
        check_archive(bytes(data))


def test_a_good_archive_passes_the_check() -> None:
    check_archive(packed(("index.py", b"x = 1")))


def test_an_entry_for_the_folder_itself_does_no_harm(tmp_path: Path) -> None:
    data = packed(("./", b""), ("./index.py", b"x = 1"))
    check_archive(data)
    unpack(data, tmp_path)
    assert (tmp_path / "index.py").read_bytes() == b"x = 1"


def test_a_link_may_lead_through_a_link_that_comes_later(tmp_path: Path) -> None:
    data = packed(
        (link("x"), b"deep/../file"), (link("deep"), b"a/b"), ("a/file", b"y"), ("a/b/", b"")
    )
    check_archive(data)
    unpack(data, tmp_path)
    assert (tmp_path / "x").read_bytes() == b"y"


VALID = packed(
    (entry("index.py"), b"print('hello')\n" * 20),
    ("lib/", b""),
    (entry("lib/x.so.1", stat.S_IFREG | 0o755), bytes(range(256))),
    (link("lib/x.so"), b"x.so.1"),
    (link("current"), b"lib"),
)

mutations = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, len(VALID) - 1), st.integers(1, 255)),
    st.tuples(st.just("cut"), st.integers(0, len(VALID) - 1), st.integers(1, 64)),
    st.tuples(st.just("insert"), st.integers(0, len(VALID) - 1), st.integers(0, 255)),
)


def mutated(data: bytes, steps: list[tuple[str, int, int]]) -> bytes:
    changed = bytearray(data)
    for what, at, value in steps:
        position = at % max(1, len(changed))
        if what == "flip" and changed:
            changed[position] ^= value
        elif what == "cut":
            del changed[position : position + value]
        elif what == "insert":
            changed.insert(position, value)
    return bytes(changed)


def refused_or_unpacked(data: bytes) -> None:
    try:
        check_archive(data)
    except ArchiveRefused:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "code"
        folder.mkdir()
        unpack(data, folder)
        assert [path.name for path in Path(name).iterdir()] == ["code"]
        root = folder.resolve()
        assert all(path.resolve().is_relative_to(root) for path in folder.rglob("*"))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@given(st.lists(mutations, min_size=1, max_size=4))
def test_a_damaged_archive_is_refused_by_the_check_or_can_be_unpacked(
    steps: list[tuple[str, int, int]],
) -> None:
    refused_or_unpacked(mutated(VALID, steps))


names = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)
links = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=5).map("/".join)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@given(st.lists(st.tuples(names, st.none() | links), max_size=6))
def test_any_files_and_links_are_refused_by_the_check_or_can_be_unpacked(
    entries: list[tuple[str, str | None]],
) -> None:
    refused_or_unpacked(
        packed(
            *(
                (entry(name), b"x") if goal is None else (link(name), goal.encode())
                for name, goal in entries
            )
        )
    )
