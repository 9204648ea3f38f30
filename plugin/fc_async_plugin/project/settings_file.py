# SPDX-License-Identifier: MIT
"""Reads and completes ``fc-async.toml``, in which a project says how its functions start here.

The file lies beside the template. Its table ``[dev.functions.NAME]`` is for one resource of the
template, and ``fc-async dev`` writes the answers to its questions into it.

Invariants:
    The file proposes: nothing of it is used before the user of this machine has allowed it.
    Text and comments of the user stay as they are; only keys that an answer adds are written.
    A file that is a link is not written: a repository could lead it to a file of the user.
"""

from __future__ import annotations

import os
import re
import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from fc_async_plugin import PluginError
from fc_async_plugin.s_yaml.files import read_bytes
from fc_async_plugin.s_yaml.problems import Position, TemplateError, failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME: Final = "fc-async.toml"
_MAX_BYTES: Final = 1 << 20
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FunctionSettings(NamedTuple):
    """Settings of one function on this machine, as the user has written them.

    Attributes:
        folder: Folder of its code, relative to the file; "": that of the template.
        start: Command and arguments of a program that serves HTTP; empty: as the template says.
        build: Line for the shell that makes the code, in the folder of the file; "": none.
        install: File with requirements of Python, relative to the file; "": nothing is installed;
            None: ``requirements.txt`` of the code folder.
        python: Folder of the virtual environment whose packages it finds, relative to the file;
            "": none.
        env: Further environment variables.
    """

    folder: str = ""
    start: tuple[str, ...] = ()
    build: str = ""
    install: str | None = None
    python: str = ""
    env: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> list[str]:
        """The keys with their values, one a line, as the file has them."""
        # An empty install means that nothing is installed, so it is written; the others are not.
        values: dict[str, Any] = {
            "folder": self.folder,
            "start": shlex.join(self.start),
            "build": self.build,
            "python": self.python,
        }
        written = {key: value for key, value in values.items() if value}
        if self.install is not None:
            written["install"] = self.install
        if self.env:
            inline = tomlkit.inline_table()
            inline.update(dict(self.env))
            written["env"] = inline
        return tomlkit.dumps(written).strip("\n").split("\n")


_KEYS: Final = FunctionSettings._fields


def file_of(template: str | Path) -> Path:
    """Return the file that belongs to a template, which may not exist."""
    return Path(template).resolve().with_name(NAME)


def read(file: Path, functions: Mapping[str, Path]) -> dict[str, FunctionSettings]:
    """Return the settings of functions by resource; none if there is no file.

    Args:
        file: The file.
        functions: Resources of the templates beside the file, each with the folder that contains
            its project: ``folder`` and ``install`` may not lead out of it.

    Raises:
        TemplateError: The file is not valid TOML, or a key or a value in it is wrong.
    """
    if not os.path.lexists(file):
        return {}
    text = read_bytes(file, _MAX_BYTES).decode("utf-8", "replace")
    try:
        document = tomlkit.parse(text).unwrap()
    except ParseError as error:
        position = Position(str(file), error.line, error.col)
        raise failure(position, f"this is not valid TOML: {error}", "correct it") from None
    except TOMLKitError as error:
        position = Position(str(file), 1, 1)
        raise failure(position, f"this is not valid TOML: {error}", "correct it") from None
    reader = _Reader(file, text)
    tables = reader.table(reader.only(document, "", ("dev",)).get("dev", {}), "dev")
    tables = reader.table(reader.only(tables, "dev", ("functions",)).get("functions", {}), "dev")
    settings: dict[str, FunctionSettings] = {}
    for name, value in tables.items():
        if name not in functions:
            raise reader.unknown(f"dev.functions.{name}", name, functions, "function")
        settings[name] = reader.function(name, value, functions[name])
    return settings


class _Reader:
    """Checks the values of a file; each error has the line of its key.

    Args:
        file: The file.
        text: Its content.
    """

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def function(self, name: str, value: object, project: Path) -> FunctionSettings:
        """Return the settings of one function."""
        path = f"dev.functions.{name}"
        values = self.only(self.table(value, path), path, _KEYS)
        folder = self._text(values, path, "folder")
        install = self._text(values, path, "install") if "install" in values else None
        if folder:
            self._check_inside(f"{path}.folder", folder, project)
        if install:
            self._check_inside(f"{path}.install", install, project)
        # The folder that a build makes does not exist before the first start.
        may_be_made = "build" in values
        if folder and not may_be_made and not (self._file.parent / folder).is_dir():
            raise self._failure(f"{path}.folder", f"{folder!r} is not a folder", "correct it")
        return FunctionSettings(
            folder=folder,
            start=self._command(values.get("start", ""), f"{path}.start"),
            build=self._text(values, path, "build"),
            install=install,
            python=self._text(values, path, "python"),
            env=tuple(self._variables(values.get("env", {}), f"{path}.env")),
        )

    def table(self, value: object, path: str) -> dict[str, Any]:
        """Return a value that must be a table."""
        if not isinstance(value, dict):
            raise self._failure(path, f"{path} must be a table, got {value!r}", f"write [{path}]")
        return value

    def only(self, values: dict[str, Any], path: str, keys: tuple[str, ...]) -> dict[str, Any]:
        """Return a table that must have no other keys than these."""
        for key in values:
            if key not in keys:
                raise self.unknown(f"{path}.{key}".lstrip("."), key, keys, "key")
        return values

    def unknown(
        self, path: str, name: str, names: Mapping[str, object] | tuple[str, ...], kind: str
    ) -> TemplateError:
        """Return the error of a name that nothing has."""
        near = get_close_matches(name, [*names], n=1)
        fix = f"write {near[0]}" if near else f"remove it; known are {', '.join(names) or 'none'}"
        return self._failure(path, f"{path}: there is no {kind} {name}", fix)

    def _text(self, values: dict[str, Any], path: str, key: str) -> str:
        value = values.get(key, "")
        if not isinstance(value, str) or "\0" in value:
            raise self._not_text(f"{path}.{key}", value)
        return value

    def _not_text(self, path: str, value: object) -> TemplateError:
        message = f"{path} must be a text, got {value!r}"
        return self._failure(path, message, 'write it in quotes: "…"')

    def _command(self, value: object, path: str) -> tuple[str, ...]:
        words: object = value
        if isinstance(value, str):
            try:
                words = shlex.split(value)
            except ValueError as error:
                raise self._failure(path, f"{path}: {error}", "close the quotation") from None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
        message = f"{path} must be a command, got {value!r}"
        raise self._failure(path, message, 'write it as start = "python app.py"')

    def _variables(self, value: object, path: str) -> Iterator[tuple[str, str]]:
        for name, content in self.table(value, path).items():
            if not _VARIABLE.fullmatch(name):
                message = f"{path}: {name!r} is not a name of a variable"
                raise self._failure(f"{path}.{name}", message, "use letters, digits and _")
            if not isinstance(content, str):
                raise self._not_text(f"{path}.{name}", content)
            yield name, content

    def _check_inside(self, path: str, written: str, project: Path) -> None:
        """Refuse a path that leads out of the project, also by a link."""
        target = (self._file.parent / written).resolve()
        if not target.is_relative_to(project.resolve()):
            message = f"{path} leads out of the project: {written!r}"
            raise self._failure(path, message, "name something in the project")

    def _failure(self, path: str, message: str, fix: str) -> TemplateError:
        return failure(Position(str(self._file), self._line_of(path), 1), message, fix)

    def _line_of(self, path: str) -> int:
        """Return the line of a key: the one that has it after the headers of its tables."""
        number = 0
        for key in path.split("."):
            word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
            following = range(number, len(self._lines))
            number = next((line for line in following if word.search(self._lines[line])), number)
        return number + 1


def example(name: str, settings: FunctionSettings) -> str:
    """Return the table of one function, as a user may add it to the file."""
    document = tomlkit.document()
    document["dev"] = {"functions": {name: {}}}
    header = tomlkit.dumps(document).strip()
    return "\n".join([header, *settings.lines])


def completed(text: str, answers: Mapping[str, FunctionSettings]) -> str:
    """Return the text of a file with the answers for some functions.

    Args:
        text: The file as it is; "" if there is none.
        answers: By resource. Keys that a function has already are replaced, others stay.

    Raises:
        PluginError: The text has these tables in a form to which nothing can be added.
    """
    document = tomlkit.parse(text)
    try:
        functions: Any = document
        for key in ("dev", "functions"):
            if key not in functions:
                functions[key] = tomlkit.table(is_super_table=True)
            functions = functions[key]
        for name, settings in answers.items():
            if name not in functions:
                functions[name] = tomlkit.table()
            for key, value in tomlkit.parse("\n".join(settings.lines)).items():
                functions[name][key] = value
    except (TOMLKitError, TypeError) as error:
        raise PluginError(f"{NAME} cannot be completed ({error}): add the lines by hand") from None
    return tomlkit.dumps(document)


def write(file: Path, answers: Mapping[str, FunctionSettings]) -> None:
    """Add answers to a file; make it if it does not exist.

    Raises:
        PluginError: The file is a link.
        OSError: It cannot be written.
    """
    # In a repository that came from elsewhere it could lead to any file of the user.
    if file.is_symlink():
        raise PluginError(f"{file} is a link, which is not written: make it a file of its own")
    # Bytes, because reading as text would turn the ends of lines of Windows into others.
    text = file.read_bytes().decode("utf-8") if file.exists() else ""
    file.write_bytes(completed(text, answers).encode("utf-8"))
