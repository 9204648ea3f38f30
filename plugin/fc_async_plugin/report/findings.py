# SPDX-License-Identifier: MIT
"""Formats findings: as text with excerpts of templates, JSON, SARIF and GitHub annotations. Pure.

The form of the text is that of compilers such as rustc::

    error[FCA012]: maxAsyncRetryAttempts must be a whole number from 0 to 8, got 9
      --> s.yaml:19:30
       |
    19 |       maxAsyncRetryAttempts: 9
       |                              ^
       = fix: write 8, or leave it out for 3

Invariants:

- Only the lines of a finding are shown, not those around them, which may hold secrets.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from fc_async_plugin.check.rules.rule import page_of
from fc_async_plugin.report.moments import plural
from fc_async_plugin.report.safe_text import safe, safe_json
from fc_async_plugin.report.tables import cell_width, cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.check.rules import Finding, Rule
    from fc_async_plugin.s_yaml import Position

Part = tuple[str, str]
"""A text and its style: ``error``, ``warning``, ``note``, ``frame``, ``bold`` or "". A URL after
the style, separated by a space, makes the text a link."""

_TOKEN: Final = re.compile(r"(?:\$\{[^}]*\}|[^\s,{}\[\]])+")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_BEFORE: Final = 12
"""Characters that stay in view before the place in a line that is wider than the terminal."""
_PIPE_COLUMNS: Final = 160
"""Columns of a source line in a pipe: generated templates have lines of any length."""
_LEVELS: Final = ("error", "warning", "note")
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class _Mark(NamedTuple):
    """A place to show.

    Attributes:
        position: Where it is.
        label: Words below the line, or "".
        style: Style of the mark.
    """

    position: Position
    label: str
    style: str


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
        yield from _lines(finding, source, width)
        yield []
    style = "error" if counts(findings)["error"] else "good"
    yield [(summary(findings, files, notes=notes), style)]


def _lines(
    finding: Finding, source: Callable[[str], Sequence[str]], width: int | None
) -> Iterator[list[Part]]:
    """Yield the lines of one finding.

    Args:
        finding: The finding.
        source: Returns the lines of a file by its name; none if it cannot be read.
        width: Columns of the terminal, or None for a pipe.
    """
    head = f"{finding.severity}[{finding.rule}]"
    first, *continuation = wrapped(f"{head}: {safe(finding.message, line=True)}", width, "  ")
    # A terminal shows the name of the rule as a link to its page.
    yield [
        (head, f"{finding.severity} {page_of(finding.rule).as_uri()}"),
        (first[len(head) :], "bold"),
    ]
    for line in continuation:
        yield [(line, "bold")]
    marks = _marks(finding)
    gutter = max(len(str(mark.position.line)) for mark in marks)
    for number, mark in enumerate(marks):
        arrow = ":::" if number else "-->"
        position = safe(str(mark.position), line=True)
        yield [(f"{'':<{gutter}}{arrow} ", "frame"), (position, "")]
        yield from _excerpt(mark, source(mark.position.file), gutter, width)
    if finding.fix:
        room = None if width is None else _left(width, gutter + 1)
        for line in wrapped(f"= fix: {safe(finding.fix, line=True)}", room, "       "):
            yield [(f"{'':<{gutter}} {line}", "")]


def _marks(finding: Finding) -> list[_Mark]:
    """Return the places of a finding, each once; its own place comes first."""
    # Two messages about one place, such as both ends of a cycle, share its excerpt.
    labels: dict[Position, str] = {finding.position: ""}
    for related in finding.related:
        label = labels.get(related.position)
        labels[related.position] = f"{label}; {related.message}" if label else related.message
    marks: list[_Mark] = []
    for position, label in labels.items():
        style = "frame" if marks else finding.severity
        marks.append(_Mark(position, safe(label, line=True), style))
    return marks


def _excerpt(
    mark: _Mark, text: Sequence[str], gutter: int, width: int | None
) -> Iterator[list[Part]]:
    """Yield the line of a place with a mark below it, or only the label if there is no line."""
    number = mark.position.line
    bar = (f"{'':<{gutter}} | ", "frame")
    line = text[number - 1] if 0 < number <= len(text) else ""
    if not line.strip():
        if mark.label:
            yield [bar, (mark.label, "")]
        return
    room = _left(_PIPE_COLUMNS if width is None else width, gutter + 3)
    shown, indent, length = _marked(line, mark.position.column, room)
    sign = "^" if mark.style != "frame" else "-"
    underline = sign * length
    yield [(f"{'':<{gutter}} |", "frame")]
    yield [(f"{number:>{gutter}} | ", "frame"), (shown, "")]
    label = f" {mark.label}" if mark.label else ""
    if width is None or indent + length + cell_width(label) <= room:
        yield [bar, (f"{'':<{indent}}{underline}{label}", mark.style)]
        return
    # A label that does not fit beside the mark has lines of its own below it.
    yield [bar, (f"{'':<{indent}}{underline}", mark.style)]
    for words in wrapped(mark.label, room):
        yield [bar, (words, mark.style)]


def _marked(text: str, column: int, room: int) -> tuple[str, int, int]:
    """Return a line as it is shown, and where the mark below it begins and how long it is.

    Args:
        text: The line of the file.
        column: Column of the mark, from 1.
        room: Width of the line.
    """
    line = text.replace("\t", " ")  # a tab would move the line, but not the mark below it
    start = min(max(column - 1, 0), len(line))
    end = start + len(_token(line[start:]))
    before = line[:start]
    # Of a line that is too wide, what stands before the mark gives way first.
    if cell_width(safe(line)) > room and len(before) > _BEFORE:
        before = "…" + before[-_BEFORE:]
    marked = safe(line[start:end])
    shown = cut(f"{safe(before)}{marked}{safe(line[end:])}", room)
    indent = cell_width(safe(before))
    longest = max(room - indent, 1)
    length = max(cell_width(marked), 1)
    return shown, indent, min(length, longest)


def _token(text: str) -> str:
    """Return the value or key that begins a text."""
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return quoted[0]
    word = _TOKEN.match(text)
    if word is None:
        return text[:1]
    return word[0].rstrip(":")


def _left(width: int, used: int) -> int:
    return max(width - used, 20)


def to_text(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return one line for each finding, its other places and its fix, for programs that search."""
    lines = []
    for finding in _shown(findings, notes=notes):
        position = safe(str(finding.position), line=True)
        message = safe(finding.message, line=True)
        lines.append(f"{position}: {finding.severity} {finding.rule} {message}")
        related_lines = (
            f"    {related.position}: {related.message}" for related in finding.related
        )
        lines.extend(safe(other, line=True) for other in related_lines)
        if finding.fix:
            lines.append(safe(f"    fix: {finding.fix}", line=True))
    return "\n".join([*lines, summary(findings, files, notes=notes)])


def _shown(findings: Iterable[Finding], *, notes: bool) -> list[Finding]:
    return [finding for finding in findings if notes or finding.severity != "note"]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count the findings of each severity."""
    numbers = Counter(finding.severity for finding in findings)
    return {level: numbers[level] for level in _LEVELS}


def summary(findings: Sequence[Finding], files: int, *, notes: bool = True) -> str:
    """Return one line such as ``2 errors, 1 warning in 1 template``; hidden notes come last."""
    where = plural(files, "template")
    numbers = counts(findings)
    hidden = 0 if notes else numbers.pop("note")
    parts = [plural(number, level) for level, number in numbers.items() if number]
    line = f"{where}: no findings"
    if parts:
        line = f"{', '.join(parts)} in {where}"
    if hidden:
        line += f" ({plural(hidden, 'note')}: --notes shows them)"
    return line


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
        "url": page_of(finding.rule).as_uri(),
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
    return "\n".join(map(_github_command, findings))


_GITHUB_LEVELS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def _github_command(finding: Finding) -> str:
    position = finding.position
    parameters = {
        "file": position.file,
        "line": position.line,
        "col": position.column,
        "title": finding.rule,
    }
    pairs = [f"{key}={_github_value(value)}" for key, value in parameters.items()]
    lines = [finding.message]
    # A command has one place: the others are in its text.
    lines += [f"{related.position}: {related.message}" for related in finding.related]
    if finding.fix:
        lines.append(f"fix: {finding.fix}")
    text = _github_text("\n".join(lines))
    return f"::{_GITHUB_LEVELS[finding.severity]} {','.join(pairs)}::{text}"


def _github_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_value(value: object) -> str:
    return _github_text(str(value)).replace(":", "%3A").replace(",", "%2C")


def to_sarif(
    findings: Sequence[Finding],
    rules: Mapping[str, Rule],
    version: str,
) -> str:
    """Return a SARIF 2.1.0 log, for code scanning services."""
    index = {id_: number for number, id_ in enumerate(rules)}
    driver = {
        "name": "fc-async",
        "version": version,
        "rules": [_sarif_rule(rule) for rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, index[finding.rule]) for finding in findings],
    }
    log = {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    words = rule.name.split("-")
    return {
        "id": rule.id,
        # SARIF asks for a name in PascalCase.
        "name": "".join(word.capitalize() for word in words),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{rule.summary} {rule.detail}"},
        "defaultConfiguration": {"level": rule.severity},
        "help": {
            "text": rule.detail or rule.summary,
            "markdown": page_of(rule.id).read_text("utf-8"),
        },
    }


def _sarif_result(finding: Finding, rule_index: int) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": _sarif_text(finding)},
        "locations": [_location(finding.position)],
        **_related_locations(finding),
    }


def _sarif_text(finding: Finding) -> str:
    if not finding.fix:
        return finding.message
    return f"{finding.message}. Fix: {finding.fix}"


def _related_locations(finding: Finding) -> dict[str, Any]:
    if not finding.related:
        return {}
    locations: list[dict[str, Any]] = []
    for number, related in enumerate(finding.related):
        location = _location(related.position)
        message = {"text": related.message}
        locations.append({"id": number, **location, "message": message})
    return {"relatedLocations": locations}


def _location(position: Position) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(position.file.replace("\\", "/"))},
            "region": {"startLine": position.line, "startColumn": position.column},
        }
    }
