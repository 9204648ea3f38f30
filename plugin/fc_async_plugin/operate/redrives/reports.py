# SPDX-License-Identifier: MIT
"""Reports of failures that are kept, and the failures of them that a redrive is made of.

Invariant: failures are chosen by the ids of the report. No filter chooses them a second time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.operate.failures import Report
from fc_async_plugin.operate.redrives.record import Chosen, Source
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fc_async_plugin.operate.failures import FailureGroup

KEPT: Final = _project_folder.FAILURES
"""Folder of the reports that ``fc-async failures`` showed in this folder, by their ids."""
_REPORTS: Final = 20
"""Number of the newest reports that stay."""
_ID: Final = re.compile(r"[0-9a-f]{8}")


def keep(report: Report) -> None:
    """Keep a report in the folder of this project, for this user alone; remove the oldest ones.

    Raises:
        ForeignFolder: The folder is not this user's.
        OSError: The report cannot be written.
    """
    _project_folder.make_private(KEPT)
    with _project_folder.replacing(_file_of(report.report)) as unfinished:
        unfinished.write_bytes(msgspec.json.encode(report))
    for path in _newest_first()[_REPORTS:]:
        path.unlink(missing_ok=True)


def latest() -> Report:
    """Return the report that was kept last.

    Raises:
        PluginError: There is none.
        ForeignFolder: The folder is not this user's.
    """
    _project_folder.check(KEPT)
    for path in _newest_first():
        return read(_project_folder.read_private(path), path)
    raise PluginError("no report of failures was kept in this folder: run fc-async failures first")


def shown(report_id: str) -> Report:
    """Return the report that was kept under an id.

    Raises:
        PluginError: There is none.
        ForeignFolder: The folder is not this user's.
    """
    _project_folder.check(KEPT)
    # The id becomes the name of a file.
    if _ID.fullmatch(report_id):
        with suppress(FileNotFoundError):
            path = _file_of(report_id)
            return read(_project_folder.read_private(path), path)
    known = ", ".join(path.stem for path in _newest_first()) or "none"
    raise PluginError(f"there is no report {report_id} in this folder; the newest first: {known}")


def _file_of(report_id: str) -> Path:
    return KEPT / f"{report_id}.json"


def _newest_first() -> list[Path]:
    """Return the files of the reports that were kept."""
    times: dict[Path, int] = {}
    for path in KEPT.glob("*.json"):
        with suppress(FileNotFoundError):  # another command may remove the oldest ones meanwhile
            if _ID.fullmatch(path.stem):
                times[path] = path.lstat().st_mtime_ns
    return sorted(times, key=times.__getitem__, reverse=True)


def read(document: bytes, file: Path | str) -> Report:
    """Return the report that ``fc-async failures -o json`` printed.

    Raises:
        PluginError: The document is not such a report.
    """
    try:
        return msgspec.json.decode(document, type=Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PluginError(f"{file} is not a report of fc-async failures -o json: {error}") from None


def chosen(report: Report, numbers: Sequence[int]) -> list[FailureGroup]:
    """Return groups of a report by their numbers; without numbers, all of them.

    Raises:
        PluginError: The report has no group with a number.
    """
    by_number = {group.group: group for group in report.failures}
    unknown = [number for number in numbers if number not in by_number]
    if unknown:
        known = ", ".join(map(str, by_number)) or "none"
        raise PluginError(f"the report has no group {unknown[0]}; its groups: {known}")
    return [by_number[number] for number in numbers or by_number]


def failures_of(groups: Iterable[FailureGroup]) -> tuple[list[Source], list[Chosen]]:
    """Return the failures of groups with their sources; those without a source are left out."""
    sources: dict[tuple[str, str], Source] = {}
    chosen: dict[tuple[int, str, str | None], dict[str, None]] = {}
    for group in groups:
        if group.source is None:
            continue
        # A queue is read once for all functions: reading hides its messages from a second reader.
        key = (group.region, group.source)
        sources.setdefault(key, Source(region=group.region, name=group.source))
        position = list(sources).index(key)
        ids = chosen.setdefault((position, group.function, group.qualifier), {})
        ids.update(dict.fromkeys(group.ids))
    # By source: each is read once, from its first function to its last.
    ordered = sorted(chosen.items(), key=lambda item: item[0][0])
    return list(sources.values()), [Chosen(*key, list(ids)) for key, ids in ordered]
