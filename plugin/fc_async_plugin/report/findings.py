# SPDX-License-Identifier: MIT
"""Formats findings as text, JSON, SARIF and GitHub annotations.

Every function takes findings and returns text, or lines as parts with their styles.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.report import excerpts
from fc_async_plugin.report.moments import plural
from fc_async_plugin.report.safe_text import safe, safe_json
from fc_async_plugin.rules import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.report.excerpts import Part
    from fc_async_plugin.rules import Finding, Rule
    from fc_async_plugin.template import Position

_LEVELS: Final = ("error", "warning", "note")
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def to_lines(
    findings: Sequence[Finding],
    files: int,
    source: Callable[[str], Sequence[str]],
    *,
    width: int | None = None,
    notes: bool = True,
) -> Iterator[list[Part]]:
    """Yield the lines of findings with excerpts of the templates, and a last line that counts them.

    Args:
        findings: The findings.
        files: Number of templates that were read, for the last line.
        source: Returns the lines of a file by its name.
        width: Columns of the terminal, or None for a pipe.
        notes: Show notes, too; otherwise only their number.
    """
    for finding in _shown(findings, notes=notes):
        yield from excerpts.lines(finding, source, width)
        yield []
    style = "error" if counts(findings)["error"] else "good"
    yield [(summary(findings, files, notes=notes), style)]


def to_text(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return one line for each finding, its other places and its fix, for programs that search."""
    lines = []
    for finding in _shown(findings, notes=notes):
        place = safe(str(finding.position), line=True)
        lines.append(f"{place}: {finding.severity} {finding.rule} {safe(finding.message)}")
        others = (f"    {related.position}: {related.message}" for related in finding.related)
        lines.extend(map(safe, others))
        if finding.fix:
            lines.append(safe(f"    fix: {finding.fix}"))
    return "\n".join([*lines, summary(findings, files, notes=notes)])


def _shown(findings: Iterable[Finding], *, notes: bool) -> list[Finding]:
    return [finding for finding in findings if notes or finding.severity != "note"]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count the findings of each severity."""
    found = Counter(finding.severity for finding in findings)
    return {level: found[level] for level in ("error", "warning", "note")}


def summary(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return one line such as ``2 errors, 1 warning in 1 template``; hidden notes come last."""
    where = plural(files, "template")
    found = counts(findings)
    hidden = 0 if notes else found.pop("note")
    parts = [plural(number, level) for level, number in found.items() if number]
    line = f"{', '.join(parts)} in {where}" if parts else f"{where}: no findings"
    return f"{line} ({plural(hidden, 'note')}: --notes shows them)" if hidden else line


def to_json(findings: Sequence[Finding], more: Mapping[str, Any] | None = None) -> str:
    """Return one JSON document: ``findings``, ``summary`` and further members."""
    document = {
        "findings": [_plain(finding) for finding in findings],
        "summary": counts(findings),
        **(more or {}),
    }
    return safe_json(json.dumps(document, ensure_ascii=False, indent=2))


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "url": pages.url(finding.rule),
        "message": finding.message,
        **finding.position._asdict(),
        "fix": finding.fix,
        "related": [
            {"message": related.message, **related.position._asdict()}
            for related in finding.related
        ],
    }


def to_github(findings: Iterable[Finding]) -> str:
    """Return workflow commands that GitHub shows beside the lines of a pull request."""
    names = {"error": "error", "warning": "warning", "note": "notice"}
    lines = []
    for finding in findings:
        place = finding.position
        parameters = ",".join(
            f"{key}={_github_value(value)}"
            for key, value in (
                ("file", place.file),
                ("line", place.line),
                ("col", place.column),
                ("title", finding.rule),
            )
        )
        text = "\n".join(
            [
                finding.message,
                *(f"{related.position}: {related.message}" for related in finding.related),
                *([f"fix: {finding.fix}"] if finding.fix else []),
            ]
        )
        lines.append(f"::{names[finding.severity]} {parameters}::{_github_text(text)}")
    return "\n".join(lines)


def _github_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_value(value: object) -> str:
    return _github_text(str(value)).replace(":", "%3A").replace(",", "%2C")


def to_sarif(findings: Sequence[Finding], rules: Mapping[str, Rule], version: str) -> str:
    """Return a SARIF 2.1.0 log, for code scanning services."""
    index = {id_: number for number, id_ in enumerate(rules)}
    driver = {
        "name": "fc-async",
        "version": version,
        "rules": [
            {
                "id": rule.id,
                "name": "".join(word.capitalize() for word in rule.name.split("-")),
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": f"{rule.summary} {rule.detail}"},
                "defaultConfiguration": {"level": rule.severity},
                "help": {"text": rule.detail or rule.summary, "markdown": pages.text(rule.id)},
            }
            for rule in rules.values()
        ],
    }
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": index[finding.rule],
            "level": finding.severity,
            "message": {"text": _sarif_text(finding)},
            "locations": [_location(finding.position)],
            **_related_locations(finding),
        }
        for finding in findings
    ]
    log = {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_text(finding: Finding) -> str:
    return f"{finding.message}. Fix: {finding.fix}" if finding.fix else finding.message


def _related_locations(finding: Finding) -> dict[str, Any]:
    if not finding.related:
        return {}
    return {
        "relatedLocations": [
            {"id": number, **_location(related.position), "message": {"text": related.message}}
            for number, related in enumerate(finding.related)
        ]
    }


def _location(place: Position) -> dict[str, Any]:
    from urllib.parse import quote  # noqa: PLC0415 -- only SARIF needs it

    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.file.replace("\\", "/"))},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }
