# SPDX-License-Identifier: MIT
"""Finds a template, and reads files: text of limited size, and variables from ``.env`` files.

``.env`` files are parsed as Node's dotenv and dotenv-expand do.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_plugin.s_yaml.problems import Position, TemplateError, failure
from fc_async_plugin.s_yaml.yaml12 import MAX_BYTES
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FILE_ROOT: Final = "FC_ASYNC_FILE_ROOT"
"""Environment variable with a folder outside of the repository that templates may read."""
NAMES: Final = ("s.yaml", "s.yml")
"""File names of templates, in the order in which they are searched."""
_LEFT_OUT: Final = frozenset({"node_modules", ".git", ".s", ".venv", _project_folder.NAME})
_SHOWN: Final = 8
"""Templates that a message names."""

_FUNCRAFT: Final = ("template.yml", "template.yaml")

MAX_CODE_BYTES: Final = 4 * 1024 * 1024
"""Largest file of code that rules and reports read."""

_BOM = "\ufeff"
_MB = 1024 * 1024


def find(path: str | os.PathLike[str] = ".") -> Path:
    """Return the template of a folder: ``s.yaml``, else ``s.yml``, else one of Funcraft.

    Funcraft's cannot be read, but its error says what to do.

    Args:
        path: The folder, or the template itself.

    Raises:
        TemplateError: The folder has none.
    """
    folder = Path(path)
    if not folder.is_dir():
        return folder
    for file in (folder / name for name in NAMES):
        if file.exists():
            return file
    # Other tools have a template.yml, too, as SAM does: only the type in it tells Funcraft's.
    for file in (folder / name for name in _FUNCRAFT):
        if file.is_file() and "Aliyun::Serverless" in read_text(file):
            return file
    below = _below(folder)
    raise failure(
        Position(str(folder / NAMES[0]), 1, 1),
        "no s.yaml and no s.yml in this folder",
        f"there is {', '.join(below)}: name one with -t {below[0]}"
        if below
        else "name the template with -t FILE, or start one with: fc-async init",
        kind="file",
    )


def _below(folder: Path) -> list[str]:
    """Return the templates in the folders of a folder, or else in theirs; a few of them."""
    for pattern in ("*/", "*/*/"):
        shown: list[str] = []
        for name in NAMES:
            templates = folder.glob(pattern + name)
            shown += [str(file) for file in templates if not _LEFT_OUT.intersection(file.parts)]
        if shown:
            shown.sort()
            more = ["…"] if len(shown) > _SHOWN else []
            return shown[:_SHOWN] + more
    return []


def root_of(folder: Path) -> Path:
    """Return the folder outside of which a template reads no files.

    Args:
        folder: The folder of the template.

    Returns:
        The repository that the folder is in; else the working folder if the template is below it;
        else the folder.
    """
    folder = folder.resolve()
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    working_folder = Path.cwd()
    return working_folder if folder.is_relative_to(working_folder) else folder


def check_inside(file: Path, root: Path) -> None:
    """Refuse a file outside of a repository, also behind a link.

    A template of a pull request could otherwise read the files of the machine that checks it. The
    user names a further folder with :data:`FILE_ROOT`.

    Raises:
        TemplateError: The file is outside.
    """
    # A link in the repository may lead anywhere.
    real = Path(os.path.realpath(file))
    allowed = os.environ.get(FILE_ROOT)
    roots = [root]
    if allowed:
        roots.append(Path(os.path.realpath(allowed)))
    if not any(real.is_relative_to(allowed_root) for allowed_root in roots):
        raise failure(
            Position(str(file), 1, 1),
            f"{real} is outside of {root}",
            f"move it there, or allow its folder with --file-root {real.parent}",
            kind="outside",
        )


def read_text(file: Path, limit: int = MAX_BYTES) -> str:
    """Return the text of a file without its byte order mark.

    Args:
        file: The file.
        limit: Largest size, in bytes.

    Raises:
        TemplateError: The file does not exist, is not a regular file, is too large or not UTF-8.
    """
    return _decoded(read_bytes(file, limit), file)


def read_bytes(file: Path, limit: int) -> bytes:
    """Return the content of a file, which may have any size and kind.

    Args:
        file: The file.
        limit: Largest size, in bytes.

    Raises:
        TemplateError: The file does not exist, is not a regular file or is too large.
    """
    start = Position(str(file), 1, 1)
    try:
        # A named pipe or a device would be read without end.
        if file.exists() and not file.is_file():
            raise failure(
                start, "this is not a regular file", "name the template itself", kind="file"
            )
        with file.open("rb") as stream:
            # One byte more than allowed tells that a file is too large, before all of it is read.
            data = stream.read(limit + 1)
    except FileNotFoundError as error:
        raise failure(
            start, "no such file", "check the name, or use -t FILE", kind="file"
        ) from error
    except (OSError, ValueError) as error:
        reason: object = error  # a name with a null character
        if isinstance(error, OSError):
            reason = error.strerror
        raise failure(start, f"cannot be read: {reason}", kind="file") from error
    if len(data) > limit:
        raise failure(start, f"larger than {limit // _MB} MB", "split it", kind="limit")
    return data


def _decoded(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        line_start = before.rfind(b"\n") + 1
        column = len(before) - line_start + 1
        position = Position(str(file), line, column)
        bad = data[error.start]
        raise failure(
            position, f"not UTF-8: byte 0x{bad:02x}", "save the file as UTF-8", kind="syntax"
        ) from error


_LINE: Final = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[\w.-]+)(?:[ \t]*=[ \t]*|:[ \t]+)"
    r"(?:'(?P<single>(?:\\'|[^'])*)'|\"(?P<double>(?:\\\"|[^\"])*)\"|`(?P<tick>(?:\\`|[^`])*)`"
    r"|(?P<bare>[^#\r\n]*))?",
    re.MULTILINE,
)
_NAME: Final = re.compile(
    r"(?P<escape>\\)?\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))"
)
_MAX_ROUNDS: Final = 20
_MAX_VALUE: Final = 64 * 1024
_MAX_ENV_BYTES: Final = 1024 * 1024


def variables(folders: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables, completed from ``.env`` files.

    ``s`` reads the working folder first, then the folders that ``props.code`` names, then the
    template's. A variable that is already set keeps its value.
    """
    environment = dict(environ)
    for folder in dict.fromkeys(folders):
        if (folder / ".env").is_file():
            environment = completed(environment, folder / ".env")
    return environment


def completed(environ: Mapping[str, str], file: Path) -> dict[str, str]:
    """Return environment variables, completed from one ``.env`` file.

    Raises:
        TemplateError: The file cannot be read.
    """
    return {**environ, **_parse_env(read_text(file, _MAX_ENV_BYTES), environ)}


def _parse_env(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Parse a ``.env`` file.

    Args:
        text: The text of the file.
        environ: Variables that are already set; they take precedence, also inside of values.

    Returns:
        New names only.
    """
    raw: dict[str, str] = {}
    for match in _LINE.finditer(text):
        raw[match["name"]] = _unquoted(match)
    defined = {**raw, **environ}
    added = raw.keys() - environ.keys()
    return {name: _expanded(raw[name], defined) for name in raw if name in added}


def _unquoted(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return match["double"].replace("\\n", "\n").replace("\\r", "\r")
    for kind in ("single", "tick"):
        if match[kind] is not None:
            return match[kind]
    return (match["bare"] or "").strip()


def _expanded(value: str, defined: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["escape"]:
            return match[0]
        name = match["braced"] or match["plain"]
        return defined.get(name) or match["default"] or ""

    # A variable may name itself, and double its length in each round.
    for _ in range(_MAX_ROUNDS):
        after = _NAME.sub(replace, value)
        if after == value or len(after) > _MAX_VALUE:
            break
        value = after
    return value.replace("\\$", "$")


def source_lines() -> Callable[[str], list[str]]:
    """Return a function that returns the lines of a file; each file is read once."""

    @functools.cache
    def read(file: str) -> list[str]:
        try:
            return read_text(Path(file)).split("\n")
        except TemplateError:
            return []  # the finding says that the file cannot be read

    return read
