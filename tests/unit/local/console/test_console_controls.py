# SPDX-License-Identifier: MIT
"""Each control of the console has a test in the browser that uses it by its accessible name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[4]
SOURCES = sorted((ROOT / "console" / "src").rglob("*.tsx"))
TESTS = sorted((ROOT / "tests" / "e2e" / "console").glob("test_*.py"))

_CLOSED = re.compile(r"</(Button|CopyButton|button|a|summary)>")
_LABEL = re.compile(r'\b(?:aria-)?label=(?:"([^"]+)"|\{((?:[^{}]|\{[^{}]*\})*)\})')
_OPEN = re.compile(
    r'<(?:Field|Select|Confirm|input)\b[^<]*?\b(?:aria-label|label|verb)=(?:"([^"]+)"|\{(`[^`]*`)\})'
)
_TEXTS = re.compile(r'"([^"]+)"|`([^`$]*)[^`]*`')


def controls(source: str) -> set[str]:
    """Return the accessible names of controls; of a variable name, what stands before it."""
    found = set()
    for close in _CLOSED.finditer(source):
        element = source[source.rindex(f"<{close[1]}", 0, close.start()) : close.start()]
        label = _LABEL.search(element)
        inner = element.rpartition(">")[2]
        if label:
            found |= {label[1]} if label[1] else _texts(label[2])
        else:
            found |= _texts(inner) if "{" in inner else {inner.rpartition("}")[2]}
    for match in _OPEN.finditer(source):
        found |= {match[1]} if match[1] else _texts(match[2])
    return {name.strip() for name in found} - {""}


def _texts(expression: str) -> set[str]:
    return {plain or begin for plain, begin in _TEXTS.findall(expression)}


def texts(path: Path) -> set[str]:
    """Return the texts in a test: what it clicks, fills and waits for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_control_is_named_in_a_test_in_the_browser() -> None:
    used = set().union(*map(texts, TESTS))
    unused = sorted(
        f"{path.name}: {name}"
        for path in SOURCES
        for name in controls(path.read_text(encoding="utf-8"))
        if not any(text == name or text.startswith(f"{name} ") for text in used)
    )
    assert unused == []


def test_names_are_found_in_each_form_in_which_the_sources_have_them() -> None:
    source = """
        <Button small onClick={() => { asked.value = "x"; }}>Run now…</Button>
        <Button pressed={on} onClick={() => toggle()}>{on ? "Live" : "Paused"}</Button>
        <Button small label="Smaller" onClick={() => resize(1)}>-</Button>
        <CopyButton label={bytes ? `Copy base64 of ${name}` : "Copy"}>Copy</CopyButton>
        <input type="checkbox" aria-label={`Select ${task.taskId}`} checked={a} />
        <Confirm title="Stop" verb="Stop it" danger />
        <a class="button" href={link}>Older →</a>
        <a href={link}>{one.name}</a>
    """
    assert controls(source) == {
        *("Run now…", "Live", "Paused", "Smaller", "Copy base64 of", "Copy", "Select"),
        *("Stop it", "Older →"),
    }
