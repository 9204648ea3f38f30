# SPDX-License-Identifier: MIT
"""Docstrings, comments, messages and pages use plain technical English.

A pattern stands for wording that readers had to guess at. A new exception needs a reason in
``ALLOWED``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
PACKAGES = ("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin")

PATTERNS = {
    re.compile(pattern, re.IGNORECASE): advice
    for pattern, advice in {
        r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|such\b)\w+": (
            "write 'is not a' or 'has no'"
        ),
        r"\b(?:nobody|somebody|whoever|those who)\b": "name the thing that acts",
        r"\b(?:he|his|himself)\b": "a program is not a person",
        r"\b(?:that|which|what|caller|client|process|loop|thread|task) who\b": "write 'that'",
        r"\bso that an end\b": "say which event ends what",
        r"\bgo(?:es)? round\b|\bway round\b": "write 'cycle'",
        r"\bneighbours?\b|\btwins?\b|\bheirs?\b|\bmanners\b": "name the mechanism",
        r"\b(?:desk|shelf|shelves|bury|buried|trail|duty|duties|surroundings)\b": (
            "write cache, blob directory, dead-letter, call path, push job or environment"
        ),
        r"(?<!\.)\b(?:doors?|bells?)\b": "write endpoint or wake-up",
        r"\bis said so\b|\bnot so\b": "say what is true",
    }.items()
}

QUESTION = re.compile(r"(?:What|Where|How|Whether|Who|Why|When|Which)\b")
"""Of a head such as 'What is kept': the reader has to guess the noun."""

ALLOWED: dict[tuple[str, str], str] = {}
"""(file, wording) -> the reason why the wording is right there."""


def prose_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield comments and string literals (docstrings, messages) with their lines.

    Of a template, both sides of a condition are read.
    """
    text = re.sub(r"\{%.*?%\}", "", text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def prose_of_page(text: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs of a page with their lines."""
    line = 1
    for paragraph in re.split(r"(\n\s*\n)", text):
        yield line, paragraph
        line += paragraph.count("\n")


def without_code(text: str) -> str:
    """Leave out code between backticks: names are not prose."""
    return re.sub(r"``[^`]*``|`[^`]*`", lambda code: "\n" * code[0].count("\n") + "``", text)


def findings(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    prose = prose_of_python(text) if path.suffix == ".py" else prose_of_page(text)
    for line, part in prose:
        words = without_code(part)
        for pattern, advice in PATTERNS.items():
            for found in pattern.finditer(words):
                wording = " ".join(found[0].split())
                if (name, wording) not in ALLOWED:
                    at = line + words.count("\n", 0, found.start())
                    yield f"{name}:{at}: '{wording}': {advice}"


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of modules, classes, functions, constants and fields."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield node.lineno, docstring


def checked(folder: str, pattern: str) -> list[Path]:
    paths = sorted(ROOT.joinpath(folder).rglob(pattern))
    names = [(path, path.relative_to(ROOT).as_posix()) for path in paths]
    return [path for path, name in names if "node_modules" not in name and "/_build/" not in name]


@pytest.mark.parametrize("folder", [*PACKAGES, "templates"])
def test_code_is_commented_in_plain_english(folder: str) -> None:
    paths = checked(folder, "*.py")
    assert [finding for path in paths for finding in findings(path)] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_docstring_begins_with_a_verb_or_a_noun(folder: str) -> None:
    questions = [
        f"{path.relative_to(ROOT)}:{line}: {docstring.partition(chr(10))[0]}"
        for path in checked(folder, "*.py")
        for line, docstring in docstrings(path.read_text(encoding="utf-8"))
        if QUESTION.match(docstring)
    ]
    assert questions == []


def test_pages_are_written_in_plain_english() -> None:
    pages = [*ROOT.glob("*.md"), *checked("docs", "*.md"), *checked("templates", "*.md")]
    assert [finding for page in pages for finding in findings(page)] == []


def test_every_exception_has_a_reason_and_is_needed() -> None:
    assert all(ALLOWED.values())
    for name, wording in ALLOWED:
        text = " ".join(ROOT.joinpath(name).read_text(encoding="utf-8").split())
        assert wording in text, f"{name} no longer says '{wording}'"
