# SPDX-License-Identifier: MIT
"""Formats findings as text, JSON, SARIF and GitHub annotations.

Every function takes findings and returns text; only :func:`write_text` writes to a rich console, so
that colours and width fit the terminal.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.report.safe_text import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from fc_async_plugin.rules import Finding, Rule
    from fc_async_plugin.template import Position

_STYLES: Final = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_LEVELS: Final = ("error", "warning", "note")
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def write_text(
    console: Console, findings: Sequence[Finding], files: int, *, notes: bool = True
) -> None:
    """Write findings, and a last line with their number, with colours and wrapped in a terminal.

    Args:
        console: The console to write to.
        findings: The findings.
        files: Number of templates that were read, for the last line.
        notes: Write notes, too; otherwise only their number.
    """
    from rich.text import Text  # noqa: PLC0415 -- only a terminal needs rich

    pipe = not console.is_terminal  # a program that reads must see whole lines
    for line in _lines(findings, files, notes=notes):
        console.print(Text.assemble(*line), soft_wrap=pipe)


def to_text(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return the text of :func:`write_text` for a pipe, without the cost of importing rich."""
    lines = _lines(findings, files, notes=notes)
    return "\n".join("".join(part for part, _ in line) for line in lines)


def _lines(
    findings: Sequence[Finding], files: int, *, notes: bool
) -> Iterator[list[tuple[str, str]]]:
    """Yield lines as parts with their styles; the last line says how many findings there are."""
    for finding in findings:
        if finding.severity == "note" and not notes:
            continue
        yield [
            (safe(f"{finding.position}: ", line=True), ""),
            (f"{finding.severity} {finding.rule}", _STYLES[finding.severity]),
            (safe(f" {finding.message}"), ""),
        ]
        for related in finding.related:
            yield [(safe(f"    {related.position}: {related.message}"), "")]
        if finding.fix:
            yield [(safe(f"    fix: {finding.fix}"), "")]
    style = "red" if counts(findings)["error"] else "green"
    yield [(summary(findings, files, notes=notes), style)]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count the findings of each severity."""
    found = Counter(finding.severity for finding in findings)
    return {level: found[level] for level in ("error", "warning", "note")}


def summary(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return one line such as ``2 errors, 1 warning in 1 template``; hidden notes come last."""
    where = _plural(files, "template")
    found = counts(findings)
    hidden = 0 if notes else found.pop("note")
    parts = [_plural(number, level) for level, number in found.items() if number]
    line = f"{', '.join(parts)} in {where}" if parts else f"{where}: no findings"
    return f"{line} ({_plural(hidden, 'note')}: --notes shows them)" if hidden else line


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def to_json(findings: Sequence[Finding]) -> str:
    """Return one JSON document: ``findings`` and ``summary``."""
    document = {
        "findings": [_plain(finding) for finding in findings],
        "summary": counts(findings),
    }
    return safe_json(json.dumps(document, ensure_ascii=False, indent=2))


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
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
