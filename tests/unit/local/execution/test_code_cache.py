# SPDX-License-Identifier: MIT
"""The cache of unpacked code."""

from __future__ import annotations

import asyncio
import io
import os
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from fc_async_local.execution.archive import ArchiveRefused
from fc_async_local.execution.code_cache import CodeCache
from fc_async_tests.blobs import Blobs
from fc_async_tests.opened_files import opened_below


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return out.getvalue()


def test_code_is_unpacked_once_however_many_ask(tmp_path: Path) -> None:
    blobs = Blobs(c1=packed(index="x = 1"))
    cache = CodeCache(blobs, tmp_path / "cache")

    async def ask() -> list[Path]:
        return await asyncio.gather(*(cache.folder("c1") for _ in range(20)))

    folders = asyncio.run(ask())
    assert set(folders) == {tmp_path / "cache/c1"}
    assert (folders[0] / "index.py").read_text() == "x = 1"
    assert blobs.reads == 1


def test_folders_are_absolute_since_functions_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = asyncio.run(CodeCache(Blobs(c1=packed(index="x = 1")), Path("cache")).folder("c1"))
    assert folder == tmp_path / "cache/c1"


def test_a_later_runtime_finds_what_was_unpacked(tmp_path: Path) -> None:
    asyncio.run(CodeCache(Blobs(c1=packed(index="x = 1")), tmp_path).folder("c1"))
    empty = Blobs()
    assert asyncio.run(CodeCache(empty, tmp_path).folder("c1")) == tmp_path / "c1"
    assert empty.reads == 0


def test_a_folder_that_was_deleted_comes_back(tmp_path: Path) -> None:
    cache = CodeCache(Blobs(c1=packed(index="x = 1")), tmp_path)

    async def twice() -> Path:
        first = await cache.folder("c1")
        (first / "index.py").unlink()
        first.rmdir()
        return await cache.folder("c1")

    assert (asyncio.run(twice()) / "index.py").exists()


def test_a_folder_that_another_process_made_meanwhile_is_used(tmp_path: Path) -> None:
    class SlowBlobs(Blobs):
        async def get_blob(self, key: str) -> bytes | None:
            (tmp_path / key).mkdir()
            (tmp_path / key / "index.py").write_text("x = 1")
            return await super().get_blob(key)

    folder = asyncio.run(CodeCache(SlowBlobs(c1=packed(index="x = 1")), tmp_path).folder("c1"))
    assert (folder / "index.py").read_text() == "x = 1"
    assert [path.name for path in tmp_path.iterdir()] == ["c1"]


def test_code_that_was_not_used_for_long_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    for name in ("old", "used", ".unpacking-x"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "young").mkdir()
    os.utime(tmp_path / "young", times=(now := time.time(), now))
    asyncio.run(CodeCache(Blobs(), tmp_path).folder("used"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used", "young"]


@pytest.mark.parametrize("checksum", ["c2", "", "../c1", ".."])
def test_unknown_code_is_a_lookup_error(tmp_path: Path, checksum: str) -> None:
    with pytest.raises(LookupError):
        asyncio.run(CodeCache(Blobs(), tmp_path).folder(checksum))


def test_refused_code_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = CodeCache(Blobs(c1=b"not a zip"), tmp_path)
    with pytest.raises(ArchiveRefused):
        asyncio.run(cache.folder("c1"))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_caller_does_not_cancel_the_unpacking_for_others(tmp_path: Path) -> None:
    cache = CodeCache(Blobs(c1=packed(index="x = 1")), tmp_path)

    async def scenario() -> Path:
        impatient = asyncio.ensure_future(cache.folder("c1"))
        patient = asyncio.ensure_future(cache.folder("c1"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(scenario()) == tmp_path / "c1"


def unpacked(cache: CodeCache, *checksums: str) -> list[Path]:
    async def all_of_them() -> list[Path]:
        return [await cache.folder(one) for one in checksums]

    return asyncio.run(all_of_them())


def test_a_file_that_two_versions_have_is_not_copied_again(tmp_path: Path) -> None:
    blobs = Blobs(c1=packed(index="x = 1", same="y"), c2=packed(index="x = 2", same="y"))
    first, second = unpacked(CodeCache(blobs, tmp_path), "c1", "c2")
    assert (first / "same.py").samefile(second / "same.py")
    assert not (first / "index.py").samefile(second / "index.py")
    assert (first / "index.py").read_text() == "x = 1"
    assert (second / "index.py").read_text() == "x = 2"


def test_a_file_that_two_versions_have_is_not_read_again(tmp_path: Path) -> None:
    texts = ("x = 1", "x = 2", "x = 3")
    blobs = Blobs(**{f"c{n}": packed(index=one, same="y") for n, one in enumerate(texts)})
    cache = CodeCache(blobs, tmp_path)
    unpacked(cache, "c0")
    with opened_below(tmp_path) as opened:
        unpacked(cache, "c1", "c2")
    assert {name.rpartition("/")[2] for name in opened} == {"index.py"}


def test_what_a_function_wrote_into_its_code_folder_is_not_in_the_next_version(
    tmp_path: Path,
) -> None:
    blobs = Blobs(c1=packed(index="x = 1", same="y"), c2=packed(index="x = 2", same="y"))
    cache = CodeCache(blobs, tmp_path)
    (first,) = unpacked(cache, "c1")
    before = (first / "same.py").stat()
    (first / "same.py").write_text("z")
    os.utime(first / "same.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    _, second = unpacked(cache, "c1", "c2")
    assert (second / "same.py").read_text() == "y"


def test_a_file_system_without_hard_links_has_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    blobs = Blobs(c1=packed(same="y"), c2=packed(index="x = 2", same="y"))
    _, second = unpacked(CodeCache(blobs, tmp_path), "c1", "c2")
    assert (second / "same.py").read_text() == "y"


def with_sum(text: str, wanted: int) -> str:
    """Return a text, followed by 64 letters, that has a CRC-32: the sum is linear in the bits."""

    def summed(bits: int) -> int:
        letters = bytes(ord("a") ^ (bits >> index & 1) for index in range(64))
        return zlib.crc32(text.encode() + letters)

    base = summed(0)
    basis: dict[int, tuple[int, int]] = {}
    for index in range(64):
        bits, value = 1 << index, summed(1 << index) ^ base
        while value and value.bit_length() in basis:
            known_bits, known = basis[value.bit_length()]
            bits, value = bits ^ known_bits, value ^ known
        if value:
            basis[value.bit_length()] = bits, value
    bits, value = 0, wanted ^ base
    while value:
        known_bits, known = basis[value.bit_length()]
        bits, value = bits ^ known_bits, value ^ known
    return text + "".join(chr(ord("a") ^ (bits >> index & 1)) for index in range(64))


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_that_was_made_to_have_the_sum_of_another_one_is_not_taken_for_it(
    tmp_path: Path, restarted: bool
) -> None:
    mine = "mine   # " + "a" * 64
    forged = with_sum("forged # ", zlib.crc32(mine.encode()))
    assert (len(forged), zlib.crc32(forged.encode())) == (len(mine), zlib.crc32(mine.encode()))
    blobs = Blobs(c1=packed(lib=forged), c2=packed(lib=mine))
    cache = CodeCache(blobs, tmp_path)
    unpacked(cache, "c1")
    if restarted:
        cache = CodeCache(blobs, tmp_path)
    (folder,) = unpacked(cache, "c2")
    assert (folder / "lib.py").read_text() == mine
