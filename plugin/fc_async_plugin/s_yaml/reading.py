# SPDX-License-Identifier: MIT
"""The first pass: reads the files of a template into nodes with positions.

The files are the template, the file that it extends, its environment and its ``.env`` files.

Comments suppress findings, as in ``# fc-async: ignore[FCA011] we drain it by hand``. At the end of
a line, a comment applies to that line; on a line of its own, to the next line that is not a
comment. ``ignore-file[...]`` applies to the whole file.
"""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_plugin.s_yaml import edition1, files, yaml12
from fc_async_plugin.s_yaml.nodes import EDITION, FC2, Array, Leaf, Table
from fc_async_plugin.s_yaml.problems import Position, Problem, TemplateError, failure, note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.s_yaml.nodes import Node

Purpose = Literal["deploy", "plan", "run", "show"]
"""Purpose of reading a template; see :func:`fc_async_plugin.s_yaml.load`."""
DEPLOYING: Final = frozenset({"deploy", "plan"})
"""Purposes for which only what can be deployed is read."""

_ROS: Final = "ROSTemplateFormatVersion"
_PACKAGE: Final = "publish.yaml"
"""Describes a package for ``s init``, with the template in a folder beside it."""
_PARAMETER: Final = re.compile(r"\{\{ *(\w+) *\}\}")
_PLAIN: Final = re.compile(r"""[^"'\\\n]*""")
"""Values that may take the place of a parameter between quotes of any kind."""
COMPONENTS: Final = frozenset({"fc3", "fc-async", FC2})
"""Components whose props describe a function in the terms of FC 3.0."""

WHOLE_FILE: Final = 0
"""The line number of a suppression that applies to its whole file."""


def component_name(component: str) -> str:
    """Return the name of a component without its version and its folder."""
    return component.partition("@")[0].rstrip("/").rsplit("/", 1)[-1]


def names_function(component: str) -> bool:
    """Return whether the props of a component's resources describe a function."""
    return component_name(component) in COMPONENTS


class Suppression(NamedTuple):
    """A comment that suppresses findings.

    Attributes:
        position: Where the comment stands.
        line: The line that it applies to: its own, or the next one if the comment stands alone.
        rules: Rule ids, such as ``FCA011``.
        reason: The reason, "" if none is given.
    """

    position: Position
    line: int
    rules: tuple[str, ...]
    reason: str


class Source(NamedTuple):
    """One file of resources."""

    file: Path
    root: Table


class Sources(NamedTuple):
    """Contents of the files of a template, as written.

    Attributes:
        template: The template.
        extended: The file that it extends, or None.
        environment: The entry of ``env.yaml`` that was requested, or None.
        variables: Environment variables, completed from ``.env`` files.
        user_variables: Names of the variables that no ``.env`` file has set.
        env_folders: Folders whose ``.env`` files complete the variables.
        files: Names of the files that were read.
        notes: Places that ``s`` reads differently.
        suppressions: Comments that suppress findings.
    """

    template: Source
    extended: Source | None
    environment: Table | None
    variables: Mapping[str, str]
    user_variables: frozenset[str]
    env_folders: tuple[Path, ...]
    files: tuple[str, ...]
    notes: tuple[Problem, ...]
    suppressions: tuple[Suppression, ...]

    def with_environment(self, environ: Mapping[str, str]) -> Sources:
        """Return the same files with other environment variables; reads ``.env`` files again."""
        return self._replace(
            variables=files.variables(self.env_folders, environ),
            user_variables=frozenset(environ),
        )


def read(
    file: Path, env: str | None, environ: Mapping[str, str], purpose: Purpose = "deploy"
) -> Sources:
    """Read all files of a template.

    Args:
        file: The template.
        env: Name of the environment in ``env.yaml``, or None.
        environ: Environment variables.
        purpose: Unless it is ``deploy`` or ``plan``, a template of edition 1.0.0 is read; see
            :mod:`.edition1`.

    Raises:
        TemplateError: A file cannot be read, or is not a template of an edition that is read.
    """
    reader = _Reader()
    template = Source(file, reader.table(file, parameters=purpose not in DEPLOYING))
    extended = reader.extended(template, env)
    old = _of_fc2(template)
    if old is not None:
        if purpose in DEPLOYING or old.kind != "edition":
            raise TemplateError([old])
        reader.notes = [old, *edition1.unread(template.root, "edition")]
        as_edition_3 = functools.partial(_as_edition_3, runs=purpose == "run")
        template = as_edition_3(template)
        extended = extended and as_edition_3(extended)
    else:
        _check_edition(template.root, extended)
        template = reader.without_fc2(template, purpose)
        extended = extended and reader.without_fc2(extended, purpose)
    environment = None
    if env is not None:
        environment = reader.environment(template, env)
    folders = (Path.cwd(), *_code_folders(template, extended), file.parent)
    return Sources(
        template=template,
        extended=extended,
        environment=environment,
        variables=files.variables(folders, environ),
        user_variables=frozenset(environ),
        env_folders=folders,
        files=tuple(reader.files),
        notes=tuple(reader.notes),
        suppressions=tuple(reader.suppressions),
    )


class _Reader:
    """Reads YAML files and collects their names, notes and suppressions."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.notes: list[Problem] = []
        self.suppressions: list[Suppression] = []

    def table(self, file: Path, *, parameters: bool = False) -> Table:
        text = files.read_text(file)
        if parameters and "{{" in text:
            text = self._with_defaults(text, file)
        self.files.append(str(file))
        root, dates = yaml12.parse(text, str(file))
        # js-yaml makes a Date of it, which s copies as a mapping without keys.
        for date in dates:
            self.notes.append(note(date, "an unquoted date becomes an empty map", "quote it"))
        self.suppressions += _suppressions(text, str(file))
        if root is None:
            raise failure(Position(str(file), 1, 1), "the file is empty")
        if not isinstance(root, Table):
            raise failure(root.position, "a template must be a mapping")
        return root

    def _with_defaults(self, text: str, file: Path) -> str:
        """Return a template of a package for ``s init`` with values for the package's parameters.

        The value of one without a default is its name.
        """
        root = None
        with contextlib.suppress(TemplateError):  # also if there is no package
            root = self.table(file.resolve().parent.parent / _PACKAGE)
        properties = root.at("Parameters", "properties") if root else None
        values = _defaults(properties.entries) if isinstance(properties, Table) else {}
        used = [match for match in _PARAMETER.finditer(text) if match[1] in values]
        if used:
            self._note_parameter(text, file, used[0])
            # s init asks for it in every package. Without quotes, YAML reads it as a mapping.
            values.setdefault("access", "default")
        return _PARAMETER.sub(lambda match: values.get(match[1], match[0]), text)

    def _note_parameter(self, text: str, file: Path, parameter: re.Match[str]) -> None:
        line = text.count("\n", 0, parameter.start()) + 1
        self.notes.append(
            note(
                Position(str(file), line, 1),
                f"{parameter[0]} is a parameter of s init: "
                f"here it has its default in {_PACKAGE}, or its name, as have all others",
                "make a project of the package with s init",
            )
        )

    def extended(self, template: Source, env: str | None) -> Source | None:
        """Read the file that a template extends, if any."""
        name = template.root.at("extend")
        if name is None:
            return None
        if env is not None:
            raise failure(
                template.root.key_position("extend"),
                f"--env {env} and extend exclude each other in s",
                "use one of them",
            )
        if not isinstance(name, Leaf) or not isinstance(name.value, str):
            raise failure(name.position, "extend names one file")
        child = template.file
        file = child.parent / name.value
        if file.resolve() == child.resolve():
            raise failure(name.position, f"cycle of extend: {child.name} extends itself")
        try:
            files.check_inside(file, files.root_of(child.parent))
        except TemplateError as error:
            problem = error.problems[0]
            message = f"extend: {problem.message}"
            raise failure(name.position, message, problem.fix, kind="outside") from error
        if not file.exists():
            raise failure(name.position, f"extend: {file} does not exist", kind="file")
        root = self.table(file)
        self._look_further(Source(file, root), child)
        return Source(file, root)

    def without_fc2(self, source: Source, purpose: Purpose) -> Source:
        """Return a file of edition 3.0.0 without what edition 1.0.0 has in its place.

        Where functions run on this machine, that counts, with a note; ``services`` is an error
        elsewhere.
        """
        root = source.root
        notes: list[Problem] = []
        if purpose == "run":
            notes = list(edition1.of_fc2(root))
        self.notes += notes
        if "services" in root.entries:
            self._note_services(root, purpose)
        elif not notes:
            return source
        return _as_edition_3(source, runs=True)

    def _note_services(self, root: Table, purpose: Purpose) -> None:
        """Note ``services`` in edition 3.0.0, a mistake; refuse them if functions run elsewhere."""
        position = root.key_position("services")
        message = "services belongs to edition 1; edition 3.0.0 calls it resources"
        if purpose != "run" or "resources" in root.entries:
            fix = "write resources; or, with components of FC 2.0, write edition: 1.0.0 and run:"
            raise failure(position, message, f"{fix} s cli fc3 s2tos3")
        self.notes.append(
            note(position, f"{message}: dev reads it so, s deploy does not", "write resources")
        )

    def _look_further(self, extended: Source, child: Path) -> None:
        """Note that ``s`` does not follow the extend of an extended file; refuse a cycle."""
        file, root = extended
        further = root.at("extend")
        if further is None:
            return
        name = further.value if isinstance(further, Leaf) else None
        visited = {child.resolve(), file.resolve()}
        if isinstance(name, str) and (file.parent / name).resolve() in visited:
            shown = f"cycle of extend: {child.name} → {file.name} → {name}"
            raise failure(further.position, shown)
        message = "this extend is not followed: s extends one file, not the file that one extends"
        self.notes.append(note(further.position, message, "merge the two files"))

    def environment(self, template: Source, env: str) -> Table:
        """Read the environment of a name from ``env.yaml``."""
        named = template.root.at("env")
        file_name = "env.yaml"
        if isinstance(named, Leaf) and isinstance(named.value, str):
            file_name = named.value
        file = template.file.parent / file_name
        environments = self.table(file).at("environments")
        names: list[str] = []
        items = environments.items if isinstance(environments, Array) else []
        for item in items:
            name = item.at("name") if isinstance(item, Table) else None
            if isinstance(item, Table) and isinstance(name, Leaf):
                if name.value == env:
                    return item
                names.append(str(name.value))
        position = Position(str(file), 1, 1)
        if environments is not None:
            position = environments.position
        listed = ", ".join(names) or "none"
        raise failure(position, f"no environment {env!r} here, there are: {listed}")


def _defaults(parameters: Mapping[str, Node]) -> dict[str, str]:
    """Return the defaults of parameters of a package; names of those without one."""
    defaults: dict[str, str] = {}
    for name, parameter in parameters.items():
        default = parameter.at("default") if isinstance(parameter, Table) else None
        value = default.value if isinstance(default, Leaf) else None
        text = str(value or name.lower())
        if isinstance(value, bool):
            text = str(value).lower()
        # s init puts a suffix of its own there.
        text = text.replace("${default-suffix}", "demo")
        # The value goes into the text of a YAML file, inside of quotes or not.
        defaults[name] = text if _PLAIN.fullmatch(text) else name.lower()
    return defaults


def _of_fc2(source: Source) -> Problem | None:
    """Return what to say about a template for FC 2.0; None for another one."""
    file, root = source
    if _ROS in root.entries:
        return _of_ros(root)
    if not edition1.is_edition_1(root):
        return None
    option = "" if file.name in files.NAMES else f" --source {file.name}"
    key = "edition" if "edition" in root.entries else "services"
    return Problem(
        "edition",
        root.key_position(key),
        "this is a template of edition 1.0.0, for FC 2.0: validate and graph read it, and dev runs "
        "its functions as service$function",
        f"run: s cli fc3 s2tos3{option}, then use the s3.yaml that it writes: -t s3.yaml",
    )


def _of_ros(root: Table) -> Problem:
    """Return what to say about a template of Resource Orchestration Service, or of Funcraft."""
    kind = "ROS"
    fix = ""
    if root.text("Transform").startswith("Aliyun::Serverless"):
        kind = "Funcraft, for FC 2.0"
        fix = "run: s cli fc fun2s, then: s cli fc3 s2tos3, and use the s3.yaml that it writes"
    message = f"this is a template of {kind}, not of s"
    return Problem("structure", root.key_position(_ROS), message, fix)


def _as_edition_3(source: Source, *, runs: bool) -> Source:
    return source._replace(root=edition1.resources_of(source.root, runs=runs))


def _check_edition(root: Table, extended: Source | None) -> None:
    if extended is not None and "edition" not in root.entries:
        root = extended.root
    edition = root.at("edition")
    if edition is None:
        raise failure(
            root.position,
            "no edition, so s takes this for a template of another version and does nothing",
            f"begin with: edition: {EDITION}",
        )
    if not isinstance(edition, Leaf) or edition.value != EDITION:
        shown = repr(edition.value) if isinstance(edition, Leaf) else "a collection"
        raise failure(
            edition.position,
            f"edition is {shown}, only {EDITION} is read",
            f"write edition: {EDITION}",
        )


def _code_folders(template: Source, extended: Source | None) -> list[Path]:
    """Return the folders that ``props.code`` of the resources names."""
    code_of: dict[str, str] = {}
    # The template overrides the file that it extends.
    for source in (extended, template):
        if source is None:
            continue
        for name, resource in source.root.table("resources").entries.items():
            code = resource.text("props", "code") if isinstance(resource, Table) else ""
            if code:
                code_of[name] = code
    # An expression is not resolved yet: its value may come from one of the .env files.
    return [template.file.parent / code for code in code_of.values() if "${" not in code]


_COMMENT: Final = re.compile(
    r"#\s*fc-async:\s*ignore(?P<file>-file)?\[(?P<rules>[A-Za-z0-9, ]*)\]"
    r"[ \t:-]*(?P<reason>[^\r\n]*)"
)


def _suppressions(text: str, file: str) -> list[Suppression]:
    """Return the suppressions of a file, in order."""
    if "fc-async:" not in text:
        return []
    lines = text.split("\n")
    suppressions: list[Suppression] = []
    for index, line in enumerate(lines):
        match = _COMMENT.search(line)
        if match is None:
            continue
        names = [rule.strip().upper() for rule in match["rules"].split(",")]
        rules = tuple(filter(None, names))
        about = index + 1
        if match["file"]:
            about = WHOLE_FILE
        elif not line[: match.start()].strip():
            about = _next_line(lines, index)
        position = Position(file, index + 1, match.start() + 1)
        suppressions.append(
            Suppression(
                position,
                about,
                rules,
                match["reason"].strip(),
            )
        )
    return suppressions


def _next_line(lines: list[str], index: int) -> int:
    for later in range(index + 1, len(lines)):
        stripped = lines[later].strip()
        if stripped and not stripped.startswith("#"):
            return later + 1
    return index + 1
