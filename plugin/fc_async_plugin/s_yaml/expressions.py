# SPDX-License-Identifier: MIT
"""The grammar of ``${…}``: parses text into parts, without resolving them.

``s`` compiles an expression to JavaScript in one of three ways, which gives three forms:

- ``${vars.a.b}``: the first name is looked up; literal keys follow, spaces included.
- ``${env(NAME)}``: a call without quotes; all between the parentheses is one string.
- ``${env('NAME', vars.n)}``: a call with quotes; its arguments are JavaScript, of which constants,
  names with keys and further calls are parsed here.

No code is executed: any other form is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

from fc_async_plugin.s_yaml import javascript

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = Literal[
    "env", "env.init", "config", "file", "json", "yaml", "path", "str", "secret", "regex"
]

FUNCTIONS: Final = frozenset(get_args(Function))
MAX_DEPTH: Final = 20
"""Deepest nesting of calls."""

_OPENING: Final = re.compile(r"\$\{|<%")
_CLOSING: Final = {"${": "}", "<%": "%>"}
_NAME: Final = r"[A-Za-z_$][\w$]*"
_STRING: Final = r"'(?P<single>(?:[^'\\\n]|\\.)*)'|\"(?P<double>(?:[^\"\\\n]|\\.)*)\""
_HEAD: Final = re.compile(rf"\s*(?P<name>{_NAME}(?:\.init)?)\s*\(")
_PARENTHESES: Final = re.compile(r"\((?P<inside>.*)\)")
_QUOTED: Final = re.compile(_STRING)
_HAS_QUOTES: Final = re.compile(r"'.+'|\".+\"")
_NUMBER: Final = re.compile(
    r"-?(?:0[xX][0-9a-fA-F]+|(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
)
_WORD: Final = re.compile(_NAME)
_MEMBER: Final = re.compile(
    rf"\s*(?:\.\s*(?P<name>{_NAME})|\[\s*(?:(?P<index>\d+)|{_STRING})\s*\])"
)
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None, "undefined": None}
_NATIVE: Final = re.compile(r"[=-]\s*(?P<path>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+)\s*")


DEFERRED: Final = object()
"""The result of a function whose value is known only later: the expression stays as it is."""


class Malformed(Exception):
    """An expression has none of the documented forms."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class Unset(Malformed):
    """An environment variable without a value, and without a default.

    Attributes:
        name: Its name.
    """

    def __init__(self, source: str, name: str) -> None:
        fix = f"set the environment variable {name}, or write a default: env('{name}', '…')"
        super().__init__(f"{source} not found", fix)
        self.name = name


class Reference(NamedTuple):
    """``vars.a.b``: keys from a root down."""

    path: tuple[str, ...]


class Constant(NamedTuple):
    """A number, boolean or null as an argument."""

    value: float | bool | None


class Call(NamedTuple):
    """``name(arguments).a.b``: a function, and keys into what it returns."""

    name: Function
    arguments: tuple[Argument, ...]
    path: tuple[str, ...]


Argument: TypeAlias = str | Constant | Reference | Call
Expression: TypeAlias = Reference | Call


class Hole(NamedTuple):
    """One expression in a text; ``source`` includes the braces."""

    source: str
    expression: Expression


def mentions_variable(text: str) -> bool:
    """Return whether a text may have an expression: a fast test before :func:`split`."""
    return "${" in text or "<%" in text


def split(text: str) -> list[str | Hole]:
    """Split a text into literal parts and holes.

    Raises:
        Malformed: A hole has none of the documented forms.
    """
    parts: list[str | Hole] = []
    end = 0
    for start, stop, opening in _holes(text):
        if start > end:
            parts.append(text[end:start])
        end = stop
        source = text[start:stop]
        inner = source.removeprefix(opening).removesuffix(_CLOSING[opening])
        expression = _expression(inner) if opening == "${" else _native(inner)
        parts.append(Hole(source, expression))
    if end < len(text):
        parts.append(text[end:])
    return parts


def only_reference(text: str) -> Reference | None:
    """Return the reference that is all of a text, or None."""
    if not mentions_variable(text):
        return None
    try:
        parts = split(text)
    except Malformed:
        return None
    if len(parts) != 1:
        return None
    part = parts[0]
    if isinstance(part, Hole) and isinstance(part.expression, Reference):
        return part.expression
    return None


def not_found(hole: Hole) -> Malformed:
    """Return the error for an expression that has no value, with what to do if that is known."""
    expression = hole.expression
    if isinstance(expression, Call):
        first = expression.arguments[0]
        if expression.name == "env" and isinstance(first, str):
            return Unset(hole.source, first)
        return Malformed(f"{hole.source} not found")
    text = ".".join(expression.path)
    fix = ""
    if text != text.strip() or " " in text:
        fix = "an expression has no spaces and no operators"
    elif "[" in text:
        fix = "write the index with a dot: ${vars.list.0}"
    return Malformed(f"{hole.source} not found", fix)


def _holes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where holes start and end, and how they open. An unclosed opening is text.

    A missing closing is searched only once, so that a text of openings alone takes linear time.
    """
    end = 0
    unclosed: set[str] = set()
    for match in _OPENING.finditer(text):
        opening = match[0]
        start = match.start()
        if start < end or opening in unclosed:
            continue
        closing = _CLOSING[opening]
        closed_at = text.find(closing, match.end())
        if closed_at < 0:
            unclosed.add(opening)
            continue
        end = closed_at + len(closing)
        yield start, end, opening


def _native(inner: str) -> Expression:
    match = _NATIVE.fullmatch(inner)
    if match is None:
        raise Malformed(
            f"<%{inner}%> is JavaScript, which is not run", "write ${…} with a plain name instead"
        )
    return Reference(tuple(match["path"].split(".")))


def _expression(inner: str) -> Expression:
    if not inner:
        raise Malformed("${} names nothing", "write a name such as ${vars.region}")
    head = _HEAD.match(inner)
    is_call = False
    if head is not None:
        is_call = head["name"] in FUNCTIONS
    parentheses = _PARENTHESES.search(inner)
    if parentheses is None and is_call:
        raise Malformed(f"${{{inner}}}: a closing parenthesis is missing")
    if parentheses is None or not is_call:
        return _reference(inner)
    # s compiles a call with quotes to JavaScript, and takes one without as a single string.
    if _HAS_QUOTES.search(inner):
        parsed, end = _argument(inner, 0, 1)
    else:
        parsed, end = _bare_call(inner, parentheses)
    if inner[end:].strip():
        raise Malformed(
            f"${{{inner}}}: unexpected {inner[end:].strip()!r} after the call",
            "operators are not run; write an index as [0]",
        )
    assert isinstance(parsed, Call)
    return parsed


def _reference(inner: str) -> Reference:
    if "(" in inner:
        raise Malformed(
            f"${{{inner}}} calls JavaScript, which is not run",
            "use env, config, file, json, yaml, path, str, secret or regex, or write the value",
        )
    if "'" in inner or '"' in inner:
        raise Malformed(f"${{{inner}}} has quotes", "write keys with dots: ${vars.a.b}")
    # JavaScript would compute it; taken for a name, the error would say "not found".
    if re.fullmatch(r"[\d\s+*/%().-]+", inner):
        raise Malformed(f"${{{inner}}} is arithmetic, which is not run", "write the result")
    root, *keys = inner.split(".")
    # s replaces `this` only right after the brace; elsewhere it is JavaScript's, which is empty.
    name = root.strip()
    if name == "this":
        name = root
    return Reference((name, *keys))


def _bare_call(inner: str, parentheses: re.Match[str]) -> tuple[Call, int]:
    """Parse a call without quotes: one string between the first and the last parenthesis."""
    name: Function = inner[: parentheses.start()].strip()  # type: ignore[assignment]
    text = parentheses["inside"]
    if "'" in text or "\\" in text:
        raise Malformed(f"${{{inner}}}: an argument is missing or its quotes don't match")
    path, end = _members(inner, parentheses.end())
    arguments = (text,) if text else ()
    return Call(name, arguments, path), end


def _argument(text: str, at: int, depth: int) -> tuple[Argument, int]:
    """Parse one JavaScript value at a place; return it and where it ends."""
    at = _skip(text, at)
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        return _string(quoted), quoted.end()
    number = _NUMBER.match(text, at)
    if number is not None:
        return Constant(_number(number[0])), number.end()
    head = _HEAD.match(text, at)
    if head is not None:
        return _call(text, head, depth)
    word = _WORD.match(text, at)
    if word is None:
        raise Malformed(f"${{{text}}}: an argument is missing or its quotes don't match")
    if word[0] in _WORDS:
        return Constant(_WORDS[word[0]]), word.end()
    if word[0] == "this":
        raise Malformed(
            f"${{{text}}}: s does not know this in an argument", "put the value under vars"
        )
    path, end = _members(text, word.end())
    return Reference((word[0], *path)), end


def _call(
    text: str,
    head: re.Match[str],
    depth: int,
) -> tuple[Call, int]:
    if head["name"] not in FUNCTIONS:
        raise Malformed(f"${{{text}}} calls JavaScript, which is not run")
    # A text of calls alone would exhaust Python's stack.
    if depth > MAX_DEPTH:
        raise Malformed(f"calls are nested more than {MAX_DEPTH} deep", "use fewer calls")
    arguments: list[Argument] = []
    at = _skip(text, head.end())
    while not text.startswith(")", at):
        argument, at = _argument(text, at, depth + 1)
        arguments.append(argument)
        at = _after_argument(text, at)
    name: Function = head["name"]  # type: ignore[assignment]  # looked up in FUNCTIONS above
    path, end = _members(text, at + 1)
    return Call(name, tuple(arguments), path), end


def _after_argument(text: str, at: int) -> int:
    """Return where the next argument or the closing parenthesis is."""
    at = _skip(text, at)
    if text.startswith(",", at):
        return _skip(text, at + 1)
    if at >= len(text):
        raise Malformed(f"${{{text}}}: a closing parenthesis is missing")
    if not text.startswith(")", at):
        raise Malformed(
            f"${{{text}}}: unexpected {text[at:]!r}",
            "operators are not run; write an index as [0]",
        )
    return at


def _members(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Parse the keys after a value in JavaScript: ``.name``, ``[0]`` and ``['key']``."""
    keys: list[str] = []
    while (match := _MEMBER.match(text, at)) is not None:
        key = match["name"] or match["index"]
        keys.append(key or _string(match))
        at = match.end()
    return tuple(keys), at


def _string(match: re.Match[str]) -> str:
    text = match["single"]
    if text is None:
        text = match["double"]
    return _ESCAPED.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    character = match[1]
    return _ESCAPES.get(character, character)


def _number(text: str) -> float:
    """Return a number as JavaScript holds it."""
    if "x" in text.lower():
        return javascript.number(float(int(text, 16)))
    return javascript.number(float(text))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
