# SPDX-License-Identifier: MIT
"""Changes single values in YAML text and keeps every other character.

Values are located by PyYAML's composer and replaced in the text. ``ruamel.yaml`` 0.18, which keeps
comments in a round trip, was tried on the cases of ``test_yaml_edit.py`` and on the YAML examples
of the documentation. It does not keep the rest of the text: a document whose indentation is not
uniform is indented anew, CRLF becomes LF, the comment behind a shorter value moves, and a new last
key of a mapping is written after the comment that belongs to the next section. A template is under
version control, so its diff must show only what changed.

Invariants:

- Pure: a text goes in, a text comes out.
- A place that cannot be changed without changing another value is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from fc_async_plugin import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./:@-]*\Z")
"""Text that needs no quotes. A colon inside is allowed, because no blank can follow it here."""
_NOT_TEXT: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})
_STEP: Final = 2


class Edit:
    """A YAML text and the changes that are made to it.

    Args:
        text: A YAML document.

    Raises:
        PluginError: The text is not a YAML mapping.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise PluginError(f"the template cannot be edited: {error}") from error
        if not isinstance(root, yaml.MappingNode):
            raise PluginError("the template cannot be edited: it is not a mapping")
        self._root = root

    def set(self, path: Sequence[str], value: Any) -> str:
        """Return the text with one value set or removed.

        Args:
            path: Keys from the root down. Missing mappings on the path are made.
            value: A scalar; None removes the key.

        Raises:
            PluginError: The place cannot be edited safely.
        """
        node: yaml.MappingNode = self._root
        for depth, key in enumerate(path):
            entry = _entry(node, key)
            if entry is None:
                if value is None:
                    return self.text
                return self._insert(node, _nest(path[depth:], value), path)
            below = entry[1]
            if depth == len(path) - 1:
                return self._replace(node, entry, value, path)
            if not isinstance(below, yaml.MappingNode):
                if value is None:
                    return self.text
                return self._replace(node, entry, _nest(path[depth + 1 :], value), path)
            self._refuse_alias(entry[0], below, path)
            node = below
        return self.text

    @staticmethod
    def _refuse_alias(key: yaml.Node, value: yaml.Node, path: Sequence[str]) -> None:
        if value.start_mark.index < key.end_mark.index:
            raise PluginError(f"{'.'.join(path)} is shared by an anchor: change it by hand")

    # --- the three changes

    def _insert(self, node: yaml.MappingNode, content: Any, path: Sequence[str]) -> str:
        if node.flow_style:
            return self._rewrite_flow(node, content)
        if not node.value:
            raise PluginError(f"{'.'.join(path)} cannot be added: change it by hand")
        indent = node.value[0][0].start_mark.column
        at = self._line_after(_last_leaf(node))
        lines = _block(content, indent)
        if at and self.text[at - 1] != "\n":
            lines = "\n" + lines.rstrip("\n")
        return self.text[:at] + lines + self.text[at:]

    def _replace(
        self,
        node: yaml.MappingNode,
        entry: tuple[yaml.Node, yaml.Node],
        value: Any,
        path: Sequence[str],
    ) -> str:
        key, old = entry
        self._refuse_alias(key, old, path)
        if node.flow_style:
            return self._rewrite_flow(node, {str(key.value): value})
        if value is None:
            return self._remove(node, key, old)
        start, end = old.start_mark.index, _end(old)
        if isinstance(value, dict):
            line_rest = self.text[end : self._line_after(old)]
            indent = key.start_mark.column + _STEP
            start = key.end_mark.index + self.text[key.end_mark.index :].index(":") + 1
            body = _block(value, indent).rstrip("\n")
            return (
                self.text[:start]
                + line_rest.rstrip("\n")
                + "\n"
                + body
                + self.text[end + len(line_rest.rstrip("\n")) :]
            )
        blank = " " if start == end or self.text[start - 1] == ":" else ""
        return self.text[:start] + blank + scalar(value) + self.text[end:]

    def _remove(self, node: yaml.MappingNode, key: yaml.Node, old: yaml.Node) -> str:
        if len(node.value) == 1:
            # An emptied mapping would become null.
            return self.text[: node.start_mark.index] + "{}" + self.text[_end(old) :]
        start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        return self.text[:start] + self.text[self._line_after(old) :]

    def _rewrite_flow(self, node: yaml.MappingNode, changes: Mapping[str, Any]) -> str:
        parts = {
            self.text[key.start_mark.index : key.end_mark.index]: (
                self.text[value.start_mark.index : value.end_mark.index]
            )
            for key, value in node.value
        }
        for key, value in changes.items():
            if value is None:
                parts.pop(key, None)
            else:
                parts[key] = _flow(value)
        body = ", ".join(f"{key}: {value}" for key, value in parts.items())
        return self.text[: node.start_mark.index] + f"{{{body}}}" + self.text[node.end_mark.index :]

    def _line_after(self, node: yaml.Node) -> int:
        """Return the index at which the line after a node begins."""
        end = _end(node)
        if end and self.text[end - 1] == "\n":
            return end
        line_end = self.text.find("\n", end)
        return len(self.text) if line_end < 0 else line_end + 1


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    for entry in node.value:
        if isinstance(entry[0], yaml.ScalarNode) and entry[0].value == key:
            return entry[0], entry[1]
    return None


def _last_leaf(node: yaml.Node) -> yaml.Node:
    """Return the innermost last node: the end mark of a block lies behind the comments after it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _end(node: yaml.Node) -> int:
    index: int = _last_leaf(node).end_mark.index
    return index


def _nest(path: Sequence[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _block(content: Mapping[str, Any], indent: int) -> str:
    lines: list[str] = []
    for key, value in content.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{key}:\n", _block(value, indent + _STEP)]
        else:
            lines.append(f"{' ' * indent}{key}: {scalar(value)}\n")
    return "".join(lines)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {_flow(child)}" for key, child in value.items())
        return f"{{{inner}}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # "," and "}" would end a plain scalar here
    return scalar(value)


def scalar(value: Any) -> str:
    """Return a scalar in a form that YAML 1.1 and 1.2 read alike."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value.lower() not in _NOT_TEXT and value[-1] != ":"
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
