# SPDX-License-Identifier: MIT
"""Reads the files of a template into one document, before any variable is resolved.

The files are the template, the file that it extends, its environment and its ``.env`` files. They
are merged in the order in which ``s`` merges them.

Comments suppress findings, as in ``# fc-async: ignore[FCA011] we drain it by hand``. At the end of
a line, a comment applies to that line; on a line of its own, to the next line that is not a
comment. ``ignore-file[...]`` applies to the whole file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.template import yaml12
from fc_async_plugin.template.files import parse_env, read_text
from fc_async_plugin.template.model import Position, Problem, Suppression, failure
from fc_async_plugin.template.nodes import (
    Array,
    Leaf,
    Node,
    Table,
    key_position,
    merge,
    position,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


EDITION: Final = "3.0.0"
_MAX_ENV_BYTES: Final = 1024 * 1024


class Part(NamedTuple):
    """What ``s`` resolves in one pass: the resources of one file, the merged rest of all files.

    Attributes:
        root: The document.
        folder: Folder of the file; relative paths start there.
    """

    root: Table
    folder: Path


class Document(NamedTuple):
    """One template with all that it includes, variables unresolved.

    Attributes:
        root: The merged document.
        parts: What ``s`` resolves in one pass each: the extended file first, the template last.
        environment: The entry of ``env.yaml`` that was requested, or None.
        files: Names of the files that were read.
        notes: Places that ``s`` reads differently.
        suppressions: Comments that suppress findings.
    """

    root: Table
    parts: tuple[Part, ...]
    environment: Table | None
    files: tuple[str, ...]
    notes: tuple[Problem, ...]
    suppressions: tuple[Suppression, ...]


class _Reader:
    """Reads YAML files and collects their names, notes and suppressions."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.notes: list[Problem] = []
        self.suppressions: list[Suppression] = []

    def table(self, path: Path) -> Table:
        text = read_text(path)
        self.files.append(str(path))
        root, dates = yaml12.parse(text, str(path))
        self.notes += [
            Problem("compatibility", place, "an unquoted date becomes an empty map", "quote it")
            for place in dates
        ]
        self.suppressions += suppressions(text, str(path))
        if root is None:
            raise failure("structure", Position(str(path), 1, 1), "the file is empty")
        if not isinstance(root, Table):
            raise failure("structure", position(root), "a template must be a mapping")
        return root


def read(path: Path, env: str | None) -> Document:
    """Read a template and merge what it extends.

    Args:
        path: The template.
        env: Name of the environment in ``env.yaml``, or None.

    Raises:
        TemplateError: A file cannot be read, or is not a template of edition 3.0.0.
    """
    reader = _Reader()
    root = reader.table(path)
    extends = root.entries.get("extend")
    if extends is not None and env is not None:
        raise failure(
            "structure",
            key_position(root, "extend"),
            f"--env {env} and extend exclude each other in s",
            "use one of them",
        )
    if extends is None:
        _check_edition(root)
        parts: tuple[Part, ...] = (Part(root, path.parent.resolve()),)
    else:
        root, parts = _extended(reader, root, path)
    if "services" in root.entries:
        raise failure(
            "structure",
            key_position(root, "services"),
            "services belongs to edition 1; edition 3.0.0 calls it resources",
            "run: s cli fc3 s2tos3",
        )
    environment = _environment(reader, root, path.parent, env) if env is not None else None
    return Document(
        root,
        parts,
        environment,
        tuple(reader.files),
        tuple(reader.notes),
        tuple(reader.suppressions),
    )


def _check_edition(root: Table) -> None:
    edition = root.entries.get("edition")
    if isinstance(edition, Leaf) and edition.value == EDITION:
        return
    if edition is None:
        raise failure(
            "structure",
            position(root),
            "no edition, so s takes this for a template of another version and does nothing",
            f"begin with: edition: {EDITION}",
        )
    shown = repr(edition.value) if isinstance(edition, Leaf) else "a collection"
    raise failure(
        "structure",
        position(edition),
        f"edition is {shown}, only {EDITION} is read",
        f"write edition: {EDITION}",
    )


def _extended(reader: _Reader, root: Table, path: Path) -> tuple[Table, tuple[Part, ...]]:
    """Merge the template over the file that it extends; return the document and its parts."""
    extends = root.entries["extend"]
    place = position(extends)
    if not isinstance(extends, Leaf) or not isinstance(extends.value, str):
        raise failure("structure", place, "extend names one file")
    base_path = path.parent / extends.value
    if base_path.resolve() == path.resolve():
        raise failure("structure", place, f"cycle of extend: {path.name} extends itself")
    if not base_path.exists():
        raise failure("file", place, f"extend: {base_path} does not exist")
    base = reader.table(base_path)
    _look_further(reader, base, base_path, path.resolve())
    _check_edition(root if "edition" in root.entries else base)
    root = _without_nulls(root)
    merged = merge(base, root)
    assert isinstance(merged, Table)
    return merged, tuple(
        Part(_with_resources(merged, table), file.parent.resolve())
        for table, file in ((base, base_path), (root, path))
    )


def _with_resources(table: Table, source: Table) -> Table:
    """Return a table with the resources of another one instead of its own."""
    resources = source.entries.get("resources")
    if resources is None:
        return without(table, ["resources"])
    entries = {**table.entries, "resources": resources}
    keys = {**table.keys, "resources": source.keys["resources"]}
    return Table(entries, keys, table.file, table.line, table.column)


def _look_further(reader: _Reader, base: Table, path: Path, child: Path) -> None:
    """Note that ``s`` does not follow the extend of an extended file; refuse a cycle."""
    further = base.entries.get("extend")
    if further is None:
        return
    name = further.value if isinstance(further, Leaf) else None
    if isinstance(name, str) and (path.parent / name).resolve() in {child, path.resolve()}:
        raise failure(
            "structure",
            position(further),
            f"cycle of extend: {child.name} → {path.name} → {name}",
        )
    reader.notes.append(
        Problem(
            "compatibility",
            position(further),
            "this extend is not followed: s extends one file, not the file that one extends",
            "merge the two files",
        )
    )


def _without_nulls(table: Table) -> Table:
    """Leave out nulls: a null in a template does not remove a value of the file it extends."""
    entries = {
        key: _without_nulls(child) if isinstance(child, Table) else child
        for key, child in table.entries.items()
        if not (isinstance(child, Leaf) and child.value is None)
    }
    return Table(entries, table.keys, table.file, table.line, table.column)


def _environment(reader: _Reader, root: Table, folder: Path, env: str) -> Table:
    named = root.entries.get("env")
    given = isinstance(named, Leaf) and isinstance(named.value, str)
    path = folder / (str(named.value) if given and isinstance(named, Leaf) else "env.yaml")
    table = reader.table(path)
    environments = table.entries.get("environments")
    known = []
    for item in environments.items if isinstance(environments, Array) else []:
        name = item.entries.get("name") if isinstance(item, Table) else None
        if isinstance(item, Table) and isinstance(name, Leaf):
            if name.value == env:
                return item
            known.append(str(name.value))
    place = position(environments) if environments is not None else Position(str(path), 1, 1)
    there = ", ".join(known) or "none"
    raise failure("structure", place, f"no environment {env!r} here, there are: {there}")


def environ_with_files(
    root: Table, folder: Path, cwd: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment variables, completed from ``.env`` files.

    ``s`` reads the working folder first, then the folders that ``props.code`` names, then the
    template's. A variable that is already set keeps its value.
    """
    known = dict(environ)
    for place in dict.fromkeys([cwd, *_code_folders(root, folder), folder]):
        path = place / ".env"
        if path.is_file():
            known.update(parse_env(read_text(path, _MAX_ENV_BYTES), known))
    return known


def _code_folders(root: Table, folder: Path) -> list[Path]:
    resources = root.entries.get("resources")
    names = []
    for resource in resources.entries.values() if isinstance(resources, Table) else ():
        code = entry(resource, "props", "code")
        if isinstance(code, Leaf) and isinstance(code.value, str) and "${" not in code.value:
            names.append(code.value)
    return [folder / name for name in dict.fromkeys(names) if "\0" not in name]


def entry(node: Node | None, *path: str) -> Node | None:
    """Return the node at a path of keys below a node, or None."""
    for key in path:
        node = node.entries.get(key) if isinstance(node, Table) else None
    return node


WHOLE_FILE: Final = 0
"""The line number of a suppression that applies to its whole file."""

_COMMENT: Final = re.compile(
    r"#\s*fc-async:\s*ignore(?P<file>-file)?\[(?P<rules>[A-Za-z0-9, ]*)\]"
    r"[ \t:-]*(?P<reason>[^\r\n]*)"
)


def suppressions(text: str, file: str) -> list[Suppression]:
    """Return the suppressions of a file, in order."""
    if "fc-async:" not in text:
        return []
    lines = text.split("\n")
    found = []
    for index, line in enumerate(lines):
        match = _COMMENT.search(line)
        if match is None:
            continue
        rules = tuple(rule.strip().upper() for rule in match["rules"].split(",") if rule.strip())
        about = index + 1
        if match["file"]:
            about = WHOLE_FILE
        elif not line[: match.start()].strip():
            about = _next_line(lines, index)
        place = Position(file, index + 1, match.start() + 1)
        found.append(Suppression(place, about, rules, match["reason"].strip()))
    return found


def _next_line(lines: list[str], index: int) -> int:
    for later in range(index + 1, len(lines)):
        stripped = lines[later].strip()
        if stripped and not stripped.startswith("#"):
            return later + 1
    return index + 1
