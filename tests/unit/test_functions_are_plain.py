# SPDX-License-Identifier: MIT
"""A function has few branches, counted whole, and names that say what a thing is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[2]
NAMED = (
    *("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin"),
    *("benchmarks", ".ci", "docs", "tests/shared"),
)
"""Folders whose names are checked: a test may call its example anything."""
OTHERS = {"node_modules", "_templates", "functions"}
"""Folders below them with code that is not ours, or that is broken on purpose."""

MOST_BRANCHES = 15
"""More than a reader can hold; see `branches` for what counts."""

WORN = frozenset({"few", "given", "many", "much", "one", "ones", "these", "those"})
"""Names that say nothing about what they are bound to."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
STEPS = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)


def functions(tree: ast.AST) -> Iterator[Function]:
    """Return all functions and methods, also those inside of others."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def inside(function: Function) -> Iterator[ast.AST]:
    """Return the nodes of a function without those of functions and classes inside of it."""
    waiting: list[ast.AST] = [function]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if not isinstance(node, Function | ast.ClassDef):
                waiting.append(node)
                yield node


def branches(function: Function) -> int:
    """Count the ways through a function, also those that an expression hides.

    Each if, loop, except and case counts, and so do ternaries, the operands of `and` and `or` after
    the first, and each `for` and `if` of a comprehension.
    """
    count = 1
    for node in inside(function):
        if isinstance(node, STEPS):
            count += 1
        elif isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            count += 1 + len(node.ifs)
    return count


def is_longer_than_a_line(function: Function) -> bool:
    """Return whether the body has more than one line, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return bool(body) and body[-1].end_lineno != body[0].lineno


def bound(function: Function) -> Iterator[tuple[str, int]]:
    """Return the names that a function binds: its arguments, variables and those of expressions."""
    for node in inside(function):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def too_many_branches(tree: ast.AST) -> list[str]:
    """Return the line, name and branches of each function that has too many."""
    counted = [(function, branches(function)) for function in functions(tree)]
    return [
        f"{function.lineno}: {function.name} has {count} branches, at most {MOST_BRANCHES}"
        for function, count in counted
        if count > MOST_BRANCHES
    ]


def worn_names(tree: ast.AST) -> list[str]:
    """Return the line and name of each binding that says nothing."""
    long = [function for function in functions(tree) if is_longer_than_a_line(function)]
    return [
        f"{line}: {name!r} does not say what it is: name the thing"
        for function in long
        for name, line in sorted(bound(function), key=lambda binding: binding[1])
        if name in WORN
    ]


def sources(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Return the name and syntax of all modules below some folders."""
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        if OTHERS.isdisjoint(path.relative_to(ROOT).parts[1:-1]):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def report(name: str, findings: Iterable[str]) -> list[str]:
    """Return findings in the form that editors open."""
    return [f"{name}:{finding}" for finding in findings]


def test_no_function_has_more_branches_than_a_reader_can_hold() -> None:
    findings = []
    for name, tree in sources(*NAMED, "tests"):
        findings += report(name, too_many_branches(tree))
    assert not findings, "\n".join(findings)


def test_a_name_says_what_it_is_bound_to() -> None:
    findings = []
    for name, tree in sources(*NAMED):
        findings += report(name, worn_names(tree))
    assert not findings, "\n".join(findings)


EVERY_BRANCH = """
async def everything(values, limit):
    if values and limit or not values:
        return [value for value in values if value if value > limit]
    for value in values:
        while value:
            value -= 1 if value > limit else 2
    async for value in limit:
        match value:
            case 1:
                pass
    try:
        with limit:
            pass
    except ValueError:
        pass

    def inner():
        return values if limit else None
"""


def test_each_branch_counts_wherever_it_is_written() -> None:
    """An if with two operators, a comprehension of three, two loops, a ternary and so on."""
    everything, inner = functions(ast.parse(EVERY_BRANCH))
    assert (branches(everything), branches(inner)) == (1 + 3 + 3 + 2 + 1 + 2 + 1, 2)


def test_a_function_with_a_branch_too_many_is_named_with_its_line() -> None:
    body = "\n".join("    if x: pass" for _ in range(MOST_BRANCHES - 1))
    assert too_many_branches(ast.parse(f"def at_the_limit(x):\n{body}")) == []
    hidden = f"{body}\n    return x or 1"
    assert too_many_branches(ast.parse(f"\ndef above(x):\n{hidden}")) == [
        "2: above has 16 branches, at most 15"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "one = values[0]",
        "return [one for one in values]",
        "for number, one in enumerate(values): print(one)",
        "values.sort(key=lambda one: one.name)",
        "print(one := values[0])",
        "async with values as one: pass",
    ],
)
def test_a_worn_name_is_found_wherever_it_is_bound(line: str) -> None:
    tree = ast.parse(f'async def f(values):\n    """Do it."""\n    print()\n    {line}')
    assert worn_names(tree) == ["4: 'one' does not say what it is: name the thing"]


def test_a_worn_argument_is_found() -> None:
    tree = ast.parse("def f(given):\n    print(given)\n    print()")
    assert worn_names(tree) == ["1: 'given' does not say what it is: name the thing"]


def test_a_function_of_one_line_may_use_a_short_name() -> None:
    assert worn_names(ast.parse("def f(values):\n    return [one for one in values]")) == []
