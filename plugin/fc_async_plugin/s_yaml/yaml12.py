# SPDX-License-Identifier: MIT
"""Parses YAML text into nodes: libyaml's events, YAML 1.2 values, with positions and limits.

A plain scalar is what ``js-yaml`` 4 reads in YAML 1.2 core, not YAML 1.1: ``yes`` and ``on`` are
strings, ``017`` is 17, ``0o17`` is 15, ``1_000`` is 1000. A number that JavaScript cannot hold
exactly is rounded as in JavaScript.

Invariants:

- Events are processed in a loop, without recursion, and aliases are counted: neither deep nesting
  nor multiplying aliases exhausts the stack or the memory.
- No tag makes an object.
- What ``js-yaml`` refuses is refused: duplicate keys, several documents, unknown tags.
"""

from __future__ import annotations

import gc
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from fc_async_plugin.s_yaml import javascript
from fc_async_plugin.s_yaml.nodes import Array, Leaf, Node, Plain, Table
from fc_async_plugin.s_yaml.problems import Position, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 32 * 1024 * 1024
"""Largest file, in bytes: room for some 60,000 functions."""

MAX_NODES: Final = 4_000_000
"""Largest number of values in a document, with its aliases written out."""

MAX_DEPTH: Final = 64
"""Deepest nesting."""

_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = "<<"


def parse(text: str, file: str) -> tuple[Node | None, list[Position]]:
    """Read one document.

    Args:
        text: The whole text, without byte order mark.
        file: The name for positions.

    Returns:
        The root, None for an empty document, and the positions of unquoted dates.

    Raises:
        TemplateError: The text is not a YAML 1.2 document, or over a limit.
    """
    builder = _Builder(file)
    enabled = gc.isenabled()
    gc.disable()  # many new objects and no garbage: collection multiplies the time by five
    try:
        for event in _events(text, file):
            builder.take(event)
    finally:
        if enabled:
            gc.enable()
    return builder.root, builder.dates


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line = before.count("\n") + 1
        line_start = before.rfind("\n") + 1
        column = len(before) - line_start + 1
        raise failure(
            Position(file, line, column), f"invalid YAML: {error.reason}", kind="syntax"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(file, 1, 1)
        if mark:
            position = Position(file, mark.line + 1, mark.column + 1)
        reason = ", ".join(part for part in (error.problem, error.context) if part)
        raise failure(
            position, f"invalid YAML: {reason}", _hint(text, position), kind="syntax"
        ) from error


def _hint(text: str, position: Position) -> str:
    lines = text.splitlines()
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return "indent with spaces, YAML has no tabs"
    is_quoted = line.lstrip("- ")[:1] in {"'", '"'}
    if "${" in line and not is_quoted:
        return "inside of { } and [ ] a ${…} needs quotes"
    return ""


@dataclass(slots=True)
class _Frame:
    """A collection whose events are being read."""

    node: Table | Array
    anchor: str | None
    before: int
    key: Leaf | None = None
    merging: bool = False
    merged: set[str] = field(default_factory=set)


class _Builder:
    """Builds nodes from events, without recursion."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.dates: list[Position] = []
        self._file = file
        self._documents = 0
        self._count = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fail(event, "a template is one document, here a second one begins")

    def _fail(self, event: yaml.Event, message: str, fix: str = "") -> NoReturn:
        raise failure(self._position(event), message, fix, kind="syntax")

    def _position(self, event: yaml.Event) -> Position:
        return Position(self._file, *_line_column(event))

    def _charge(self, event: yaml.Event, nodes: int) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise failure(
                self._position(event),
                f"the document has more than {MAX_NODES} values once its aliases are written out",
                "split it into several templates",
                kind="limit",
            )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._charge(event, 1)
        value = self._value(event)
        line, column = _line_column(event)
        node: Node
        if isinstance(value, Date):
            self.dates.append(Position(self._file, line, column))
            node = Table(self._file, line, column, {}, {})
        else:
            node = Leaf(self._file, line, column, value)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, 1)
        frame = self._frame_without_key()
        if frame is not None:
            frame.key = Leaf(
                self._file,
                line,
                column,
                event.value if isinstance(value, Date) else javascript.to_text(value),
            )
            # "<<" in quotes is a key like others.
            frame.merging = event.value == _MERGE and event.implicit[0]
        else:
            self._add(node, event)

    def _value(self, event: yaml.ScalarEvent) -> str | float | Date | None:
        tag: str | None = event.tag
        if "\0" in event.value:  # no file, variable or name has one
            self._fail(event, "a text with a null character", "remove it")
        if tag is None:
            return plain_scalar(event.value) if event.implicit[0] else str(event.value)
        if tag in {"!", _TAG + "str"}:
            return str(event.value)
        kind = tag.removeprefix(_TAG)
        if kind not in {"null", "bool", "int", "float", "timestamp"}:
            self._fail(event, f"unknown tag {tag!r}", "leave the tag out")
        return plain_scalar(event.value)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._charge(event, 1)
        if len(self._stack) >= MAX_DEPTH:
            raise failure(
                self._position(event), f"nested deeper than {MAX_DEPTH} levels", kind="limit"
            )
        if self._frame_without_key() is not None:
            self._fail(event, "a key is a string or a number, not a collection")
        is_map = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in {None, "!", _TAG + ("map" if is_map else "seq")}:
            self._fail(event, f"unknown tag {event.tag!r}", "leave the tag out")
        mark = self._position(event)
        node: Table | Array = Table(*mark, {}, {}) if is_map else Array(*mark, [])
        if event.anchor is not None:
            # Not closed yet: an alias inside of it would never end.
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(node, event.anchor, self._count - 1))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.node, self._count - frame.before)
        self._add(frame.node, None)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._fail(event, f"nothing is named &{event.anchor} above this alias")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            self._fail(event, f"*{event.anchor} is inside of &{event.anchor}: it never ends")
        node, size = anchored
        # What an alias repeats counts again: ten levels of ten aliases are ten thousand million.
        self._charge(event, size)
        frame = self._frame_without_key()
        if frame is not None:
            if not isinstance(node, Leaf):
                self._fail(event, "a key is a string or a number, not a collection")
            frame.key = Leaf(*self._position(event), javascript.to_text(node.value))
            frame.merging = False
        else:
            self._add(node, event)

    def _frame_without_key(self) -> _Frame | None:
        """Return the innermost mapping if a key of it comes next; None otherwise."""
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.key is not None or not isinstance(frame.node, Table):
            return None
        return frame

    def _add(self, node: Node, event: yaml.Event | None) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        owner = frame.node
        if isinstance(owner, Array):
            owner.items.append(node)
            return
        key = frame.key
        frame.key = None
        if key is None:  # pragma: no cover -- libyaml never sends a value without its key
            raise AssertionError(event)
        name = str(key.value)
        if frame.merging:
            frame.merging = False
            self._merge(frame, node)
            return
        if name in owner.entries and name not in frame.merged:
            raise failure(
                key.position,
                f"duplicate key {name!r}, first used in line {owner.keys[name][1]}",
                "remove one of them",
                kind="syntax",
            )
        # A key replaces a merged one; from now on, a second one is a duplicate.
        frame.merged.discard(name)
        owner.entries[name] = node
        owner.keys[name] = key.mark

    def _merge(self, frame: _Frame, node: Node) -> None:
        owner = frame.node
        assert isinstance(owner, Table)
        sources = node.items if isinstance(node, Array) else [node]
        for source in sources:
            if not isinstance(source, Table):
                raise failure(source.position, "<< merges mappings only", kind="syntax")
            for name, child in source.entries.items():
                # Own keys and earlier sources take precedence.
                if name not in owner.entries:
                    owner.entries[name] = child
                    owner.keys[name] = source.keys[name]
                    frame.merged.add(name)


def _line_column(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark  # typed as optional; libyaml always sets it
    return mark.line + 1, mark.column + 1


_FIRST: Final = frozenset("+-.0123456789~nNtTfF")
_WORDS: Final[dict[str, Plain]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(
    r"[-+]?(?:0b(?P<bin>[01_]+)|0x(?P<hex>[0-9a-fA-F_]+)|0o(?P<oct>[0-7_]+)|(?P<dec>[0-9][0-9_]*))"
)
_FLOAT: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_DATE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"|\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}:\d{2}(?:\.\d*)?"
    r"(?:[ \t]*(?:Z|[-+]\d{1,2}(?::\d{2})?))?"
)
_BASES: Final = {"bin": 2, "hex": 16, "oct": 8, "dec": 10}
_EXACT: Final = 2**53
"""JavaScript holds every integer up to this one exactly."""
_MOST_DIGITS: Final = 1100
"""More digits than any number below :data:`_TOO_LARGE` has, in base 2 too."""
_TOO_LARGE: Final = 2**1024 - 2**970
"""JavaScript rounds numbers from here on to Infinity."""


class Date:
    """The type of :data:`DATE`: an unquoted date, which ``s`` turns into an empty map."""


DATE: Final = Date()


def plain_scalar(text: str) -> Plain | Date:
    """Return the value of a plain scalar.

    Returns:
        A string, number, bool or None; :data:`DATE` for a date.
    """
    # Most scalars are words, and the patterns below take time for each.
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    # js-yaml, with which s reads, takes 1_ for a text and 1_0 for a number.
    if text.endswith("_"):
        return text
    match = _INTEGER.fullmatch(text)
    if match is not None:
        return _integer(match)
    if _FLOAT.fullmatch(text) is not None:
        digits = text.replace("_", "").lower()
        digits = digits.replace(".inf", "inf").replace(".nan", "nan")
        return javascript.number(float(digits))
    is_date = _DATE.fullmatch(text) is not None
    return DATE if is_date else text


def _integer(match: re.Match[str]) -> float:
    group = match.lastgroup or "dec"
    digits = match[group].replace("_", "")
    if not digits:
        return 0
    exact = _TOO_LARGE
    if len(digits) <= _MOST_DIGITS:  # int() takes quadratic time
        exact = int(digits, _BASES[group])
    sign = -1 if match[0].startswith("-") else 1
    if exact >= _TOO_LARGE:
        return sign * math.inf
    if exact > _EXACT:
        # JavaScript has doubles only: 2**53 + 1 is 2**53 there, and so it is for s.
        exact = int(float(exact))
    return sign * exact
