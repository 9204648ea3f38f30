# SPDX-License-Identifier: MIT
"""A damaged, truncated or missing database file is refused untouched; what a kill leaves is not.

The samples are real: files of a store that was killed while its log held what the file did not.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite.files import Unfit, log_of, read_log_header

CHILD = Path(__file__).with_name("damage_child.py")
NAME = "fc-async.db"
PAGE = 4096


class Sample(NamedTuple):
    """Files that a killed store left, and what it had acknowledged."""

    files: dict[str, bytes]
    accepted: frozenset[str]

    def write(self, folder: Path, **changed: bytes | None) -> Path:
        """Lay the files out, some changed (None: missing); return the database."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        given_files: dict[str, bytes | None] = {**self.files, **changed}
        for suffix, content in given_files.items():
            if content is not None:
                (folder / f"{NAME}{suffix.replace('_', '-')}").write_bytes(content)
        return folder / NAME


def killed(folder: Path, *, copied: bool) -> Sample:
    """Run a store that accepts and is killed; ``copied``: after its log was copied in part."""
    folder.mkdir()
    arguments = [sys.executable, str(CHILD), str(folder / NAME), "copied" if copied else ""]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    files = {
        suffix: (folder / f"{NAME}{suffix.replace('_', '-')}").read_bytes()
        for suffix in ("", "_wal", "_shm")
    }
    return Sample(files, frozenset(done.stdout.split()))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("samples")
    return [killed(folder / str(copied), copied=copied) for copied in (False, True)]


def content(folder: Path) -> dict[str, bytes]:
    """The files of the folder without the lock and the shared memory, which hold no data."""
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if not file.name.endswith((".lock", "-shm"))
    }


def waiting(database: Path) -> set[str]:
    async def look() -> set[str]:
        stores = await open_stores(database)
        try:
            claimed = await stores.store.claim(10**6, now=10**9, until=10**10, owner="me")
            assert all(each.payload == each.request_id.encode() * 200 for each in claimed)
            return {each.request_id for each in claimed}
        finally:
            await stores.aclose()

    return asyncio.run(look())


def refused(database: Path) -> str:
    """Open what must be refused; return why. Nothing may have been touched."""
    before = content(database.parent)
    with pytest.raises(StoreUnusable) as caught:
        waiting(database)
    assert content(database.parent) == before
    assert "Nothing was changed" in str(caught.value)
    assert f"{NAME}-wal" in str(caught.value)
    return str(caught.value)


def test_a_database_of_a_killed_process_opens_with_all_accepted_invocations(
    samples: list[Sample], tmp_path: Path
) -> None:
    for sample in samples:
        assert len(sample.accepted) >= 50
        assert waiting(sample.write(tmp_path / "a")) == sample.accepted


def test_a_missing_database_beside_its_log_is_refused(
    samples: list[Sample], tmp_path: Path
) -> None:
    reason = refused(samples[0].write(tmp_path / "a", **{"": None}))
    assert "missing, but fc-async.db-wal holds a part" in reason


@pytest.mark.parametrize("missing", [True, False])
def test_claims_in_an_older_layout_are_refused(
    samples: list[Sample], tmp_path: Path, *, missing: bool
) -> None:
    database = samples[0].write(tmp_path / "a", **({"": None, "_wal": None} if missing else {}))
    (database.parent / f"{NAME}-claims").write_bytes(b"\n[]")
    before = content(database.parent)
    with pytest.raises(StoreUnusable, match=r"fc-async\.db-claims holds claims .* older layout"):
        waiting(database)
    assert content(database.parent) == before


def test_an_empty_claims_file_in_the_older_layout_is_ignored(
    samples: list[Sample], tmp_path: Path
) -> None:
    database = samples[0].write(tmp_path / "a")
    (database.parent / f"{NAME}-claims").touch()
    assert waiting(database) == samples[0].accepted


@pytest.mark.parametrize("log", [True, False])
def test_an_empty_database_is_refused(samples: list[Sample], tmp_path: Path, *, log: bool) -> None:
    wal = samples[0].files["_wal"] if log else None
    assert "it is empty" in refused(samples[0].write(tmp_path / "a", **{"": b"", "_wal": wal}))


def test_the_log_of_another_database_is_refused(samples: list[Sample], tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other, isolation_level=None)
    connection.execute("PRAGMA page_size=1024")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE theirs (x)")
    wal = (tmp_path / "other.db-wal").read_bytes()
    connection.close()
    reason = refused(samples[0].write(tmp_path / "a", _wal=wal, _shm=None))
    assert "belongs to another database" in reason


def test_a_backup_in_the_old_journal_mode_beside_a_log_is_refused(
    samples: list[Sample], tmp_path: Path
) -> None:
    backup = bytearray(samples[1].files[""])
    backup[18:20] = b"\x01\x01"
    assert "no write-ahead log, but" in refused(
        samples[1].write(tmp_path / "a", **{"": bytes(backup)})
    )


def test_a_truncated_database_without_a_log_is_refused(
    samples: list[Sample], tmp_path: Path
) -> None:
    database = samples[1].write(tmp_path / "a")
    waiting(database)  # closed in an orderly way: all is in the file
    whole = database.read_bytes()
    for size in (1, 99, 100, PAGE - 1, PAGE, len(whole) // 2, len(whole) - 1):
        database.write_bytes(whole[:size])
        refused(database)


def opens_complete_or_is_refused(sample: Sample, database: Path) -> None:
    before = content(database.parent)
    try:
        found = waiting(database)
    except StoreUnusable as error:
        assert "Nothing was changed" in str(error)  # noqa: PT017 -- one of two good ends
        assert content(database.parent) == before
    else:
        assert found == sample.accepted


FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_a_database_cut_off_anywhere_beside_its_log_loses_nothing_in_silence(
    samples: list[Sample], tmp_path: Path, data: st.DataObject
) -> None:
    sample = data.draw(st.sampled_from(samples))
    whole = sample.files[""]
    size = data.draw(
        st.integers(0, len(whole)) | st.integers(0, len(whole) // PAGE).map(lambda n: n * PAGE)
    )
    shm = data.draw(st.sampled_from([None, sample.files["_shm"]]))
    database = sample.write(tmp_path / "a", **{"": whole[:size], "_shm": shm})
    opens_complete_or_is_refused(sample, database)


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_a_database_damaged_anywhere_loses_nothing_in_silence(
    samples: list[Sample], tmp_path: Path, data: st.DataObject
) -> None:
    """Pages that are overwritten; SQLite has no checksums that would tell of a changed byte."""
    sample = data.draw(st.sampled_from(samples))
    whole = bytearray(sample.files[""])
    page = data.draw(st.integers(0, len(whole) // PAGE - 1)) * PAGE
    junk = data.draw(st.sampled_from([b"\0", b"\xff", b"\xaa", b"\x0d"])) * PAGE
    whole[page : page + PAGE] = junk
    opens_complete_or_is_refused(sample, sample.write(tmp_path / "a", **{"": bytes(whole)}))


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_a_log_damaged_anywhere_loses_nothing_in_silence(
    samples: list[Sample], tmp_path: Path, data: st.DataObject
) -> None:
    sample = data.draw(st.sampled_from(samples))
    log = bytearray(sample.files["_wal"])
    at = data.draw(st.integers(0, len(log) - 1) | st.integers(0, 60))
    log[at] ^= data.draw(st.integers(1, 255))
    opens_complete_or_is_refused(sample, sample.write(tmp_path / "a", _wal=bytes(log), _shm=None))


@FEW
@given(data=st.data())
def test_a_log_that_ends_in_the_middle_of_a_transaction_is_opened(
    samples: list[Sample], tmp_path: Path, data: st.DataObject
) -> None:
    """As a kill leaves it: all transactions but the last ones, which were not acknowledged."""
    sample = samples[0]
    log = sample.files["_wal"]
    step = PAGE + 24
    frames = (len(log) - 32) // step
    size = (
        32
        + data.draw(st.integers(frames // 2, frames)) * step
        + data.draw(st.sampled_from([0, 0, 10, 24, 25, PAGE]))
    )
    found = waiting(sample.write(tmp_path / "a", _wal=log[:size], _shm=None))
    numbers = sorted(int(name[1:]) for name in found)
    assert numbers == list(range(len(numbers)))


def test_remains_of_an_earlier_log_behind_the_end_are_not_damage(
    samples: list[Sample], tmp_path: Path
) -> None:
    database = samples[1].write(tmp_path / "a")
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    log = log_of(database)
    size = log.stat().st_size
    # All is copied, so the next writer begins the log again, over what it held.
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute("UPDATE invocation SET error = 'changed' WHERE id = 1")
    assert log.stat().st_size == size
    left = {
        suffix: (tmp_path / f"a/{NAME}{suffix.replace('_', '-')}").read_bytes()
        for suffix in ("", "_wal")
    }
    connection.close()
    assert waiting(Sample(left, frozenset()).write(tmp_path / "b")) == samples[1].accepted


def test_a_file_that_is_shorter_than_its_header_says_is_opened_if_the_log_has_the_rest(
    samples: list[Sample], tmp_path: Path
) -> None:
    """As after a kill while the log was copied: page 1 is copied first."""
    sample = samples[0]
    database = sample.write(tmp_path / "a")
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    copied = database.read_bytes()
    connection.close()
    whole = len(sample.files[""])
    assert whole + PAGE < len(copied)
    for size in (whole, whole + 100, whole + PAGE):
        database = sample.write(tmp_path / "b", **{"": copied[:size]})
        assert waiting(database) == sample.accepted


def test_the_check_of_a_log_is_one_of_its_content_alone() -> None:
    with pytest.raises(Unfit, match="write-ahead log is damaged"):
        read_log_header(b"\0" * 32, PAGE)


def test_a_disk_that_is_full_at_the_first_start_is_unavailable_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_, **__) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fc_async_local.store.sqlite.database.os.open", full)
    with pytest.raises((StoreUnavailable, StoreUnusable), match="No space left on device"):
        waiting(tmp_path / NAME)
