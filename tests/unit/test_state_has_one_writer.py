# SPDX-License-Identifier: MIT
"""An attribute is assigned in the module of its class alone, and no class has very many."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[2]
PACKAGES = ("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin")
OF_LIBRARIES = {
    "fc_async_local/execution/worker/logs.py": {"record"},
    "fc_async_local/http/tls.py": {"connection", "context"},
    "fc_async_local/services/markup.py": {"element"},
    "fc_async_sdk/transport/sync.py": {"request", "response"},
    "plugin/fc_async_plugin/operate/http_requests.py": {"session"},
    "plugin/fc_async_plugin/account/roles.py": {"config"},
}
"""Objects of other libraries that are filled here, whose attributes have names of our own."""

MOST_ATTRIBUTES = 9
"""A class with more is several: what it knows, what it decides, and what it does."""


def assigned(node: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Return what is assigned in a node: the object, its attribute, and the line."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load):
            yield ast.unparse(each.value), each.attr, each.lineno


def declared(node: ast.ClassDef) -> set[str]:
    """Return the attributes that a class has, by its body and by what its methods assign."""
    own = {name for owner, name, _ in assigned(node) if owner in {"self", "cls"}}
    for line in node.body:
        targets = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [])
        own |= {target.id for target in targets if isinstance(target, ast.Name)}
    return own


def set_by_methods(node: ast.ClassDef) -> set[str]:
    """Return the attributes that the methods of a class assign to ``self``."""
    methods = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        name
        for method in node.body
        if isinstance(method, methods)
        for owner, name, _ in assigned(method)
        if owner == "self"
    }


def test_no_attribute_is_assigned_outside_of_the_module_of_its_class() -> None:
    modules = {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    owners: dict[str, set[str]] = defaultdict(set)
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for attribute in declared(node):
                    owners[attribute].add(name)
    own = {"self", "cls"}
    found = [
        f"{name}:{line} assigns {owner}.{attribute}"
        for name, tree in modules.items()
        for owner, attribute, line in assigned(tree)
        if attribute in owners and name not in owners[attribute]
        if owner not in own | OF_LIBRARIES.get(name, set())
    ]
    assert not found, "\n".join(found)


def larger_classes(path: Path) -> list[str]:
    name = str(path.relative_to(ROOT))
    classes = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    ]
    return [
        f"{name} {node.name}" for node in classes if len(set_by_methods(node)) > MOST_ATTRIBUTES
    ]


def test_a_class_has_at_most_nine_attributes_of_its_own() -> None:
    larger: list[str] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            larger += larger_classes(path)
    assert larger == []
