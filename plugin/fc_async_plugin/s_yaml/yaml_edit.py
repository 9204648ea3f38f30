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
        last = len(path) - 1
        for depth, name in enumerate(path):
            entry = _entry(node, name)
            if entry is None:
                if value is None:
                    return self.text
                content = _nest(path[depth:], value)
                return self._insert(node, content, path)
            if depth == last:
                return self._replace(node, entry, value, path)
            key, below = entry
            if not isinstance(below, yaml.MappingNode):
                if value is None:
                    return self.text
                content = _nest(path[depth + 1 :], value)
                return self._replace(node, entry, content, path)
            self._refuse_alias(key, below, path)
            node = below
        return self.text

    @staticmethod
    def _refuse_alias(key: yaml.Node, value: yaml.Node, path: Sequence[str]) -> None:
        # A value before its key is the node of an anchor: a change would be one of all its aliases.
        if value.start_mark.index < key.end_mark.index:
            raise PluginError(f"{'.'.join(path)} is shared by an anchor: change it by hand")

    # --- the three changes

    def _insert(self, node: yaml.MappingNode, content: Any, path: Sequence[str]) -> str:
        if node.flow_style:
            return self._rewrite_flow(node, content)
        if not node.value:
            raise PluginError(f"{'.'.join(path)} cannot be added: change it by hand")
        first_key, _ = node.value[0]
        lines = _block(content, first_key.start_mark.column)
        at = self._line_after(_last_leaf(node))
        # The last line of a file may have no end.
        if at and self.text[at - 1] != "\n":
            lines = "\n" + lines.rstrip("\n")
        return self._with_text(at, at, lines)

    def _with_text(self, start: int, end: int, new: str) -> str:
        """Return the text with other characters between two indices."""
        before = self.text[:start]
        after = self.text[end:]
        return f"{before}{new}{after}"

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
        start = old.start_mark.index
        end = _end(old)
        if isinstance(value, dict):
            return self._replace_with_mapping(key, old, value)
        is_glued = self.text[start - 1] == ":"
        blank = " " if start == end or is_glued else ""
        return self._with_text(start, end, blank + scalar(value))

    def _replace_with_mapping(self, key: yaml.Node, old: yaml.Node, value: Any) -> str:
        """Return the text with a block under a key, below what stands behind the old value."""
        key_end = key.end_mark.index
        colon = self.text.index(":", key_end)
        body = _block(value, key.start_mark.column + _STEP).rstrip("\n")
        # A comment behind the old value stays behind the key.
        end = _end(old)
        behind = self.text[end : self._line_after(old)].rstrip("\n")
        return self._with_text(colon + 1, end + len(behind), f"{behind}\n{body}")

    def _remove(self, node: yaml.MappingNode, key: yaml.Node, old: yaml.Node) -> str:
        if len(node.value) == 1:
            # An emptied mapping would become null.
            return self._with_text(node.start_mark.index, _end(old), "{}")
        line_start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        return self._with_text(line_start, self._line_after(old), "")

    def _rewrite_flow(self, node: yaml.MappingNode, changes: Mapping[str, Any]) -> str:
        parts: dict[str, str] = {}
        for key_node, value_node in node.value:
            parts[self._source(key_node)] = self._source(value_node)
        for key, value in changes.items():
            if value is None:
                parts.pop(key, None)
            else:
                parts[key] = _flow(value)
        body = ", ".join(f"{key}: {value}" for key, value in parts.items())
        start = node.start_mark.index
        end = node.end_mark.index
        return self._with_text(start, end, f"{{{body}}}")

    def _source(self, node: yaml.Node) -> str:
        """Return a node as it is written."""
        start = node.start_mark.index
        end = node.end_mark.index
        return self.text[start:end]

    def _line_after(self, node: yaml.Node) -> int:
        """Return the index at which the line after a node begins."""
        end = _end(node)
        if end and self.text[end - 1] == "\n":
            return end
        line_end = self.text.find("\n", end)
        if line_end < 0:
            return len(self.text)
        return line_end + 1


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    for key_node, value_node in node.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
            return key_node, value_node
    return None


def _last_leaf(node: yaml.Node) -> yaml.Node:
    """Return the innermost last node: the end mark of a block lies behind the comments after it."""
    while isinstance(node, yaml.CollectionNode):
        if node.flow_style or not node.value:
            break
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last  # a mapping has pairs
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
            lines.append(f"{'':<{indent}}{key}:\n")
            lines.append(_block(value, indent + _STEP))
        else:
            lines.append(f"{'':<{indent}}{key}: {scalar(value)}\n")
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
        return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Return whether a text needs no quotes."""
    if _PLAIN.match(text) is None:
        return False
    if text.endswith(":"):
        return False  # it would be a key
    # YAML 1.1, which editors and other programs read, takes these for other values.
    return text.lower() not in _NOT_TEXT
