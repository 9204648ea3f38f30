# SPDX-License-Identifier: MIT
"""Evaluates the calls in ``${…}``: env, config, file, json, yaml, path, secret, regex.

Invariants:

- This is the only part of variable resolution that does I/O: it reads files below a size limit and
  the access alias.
- No code is run.
- Secrets of the access alias are returned, never shown.
"""

from __future__ import annotations

import functools
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from fc_async_plugin.s_yaml import javascript, provenance, yaml12
from fc_async_plugin.s_yaml.expressions import DEFERRED, Malformed
from fc_async_plugin.s_yaml.files import check_inside, read_text
from fc_async_plugin.s_yaml.nodes import Array, Leaf
from fc_async_plugin.s_yaml.problems import TemplateError
from fc_async_sdk.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_plugin.s_yaml.nodes import Node

_MAX_PATTERN: Final = 1000
SECRETS: Final = frozenset({"AccessKeySecret", "SecurityToken"})
"""Values of an access alias that must not be shown."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Values from outside of a template, as its calls may read them.

    Attributes:
        environ: Environment variables, ``.env`` files included.
        credential: Returns the values of the access alias.
        command: The ``s`` command that ``regex()`` tests.
        reveal: Whether ``config()`` returns secrets.
        root: The folder outside of which ``file()`` reads nothing; see :func:`.files.root_of`.
    """

    environ: Mapping[str, str]
    credential: Callable[[], Mapping[str, str]]
    command: str
    reveal: bool
    root: Path | None = None

    def has(self, variable: str) -> bool:
        """Return whether an environment variable has a value: s takes an empty one for unset."""
        return bool(self.environ.get(variable))


class Functions:
    """Evaluates the calls of one template.

    Args:
        inputs: What the calls may read.

    Attributes:
        inputs: As given.
        sources: Values from outside of the template that expressions returned.
        taken: How often such a value was returned.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.sources: provenance.Sources = {}
        self.taken = 0
        self._texts: dict[Path, str] = {}
        self._data: dict[tuple[str, str], Any] = {}

    def call(self, name: str, arguments: Sequence[Any], folder: Path) -> Any:
        """Evaluate one call.

        Args:
            name: The function.
            arguments: Its arguments. The first one is a string; only ``env`` has a second one.
            folder: Folder to which paths are relative.

        Returns:
            A plain value, ``MISSING``, or ``DEFERRED`` if only a deployment gives the value.

        Raises:
            Malformed: The call cannot be evaluated; the message says why.
        """
        first = arguments[0]
        match name:
            case "env":
                return self._env(*arguments[:2])
            case "config":
                return self._config(first)
            case "secret":
                return DEFERRED
            case "regex":
                return self._regex(first)
            case "file" | "path":
                read = self._file if name == "file" else _path
                return read(first, folder)
        return self._parsed(name, first)

    def _parsed(self, name: str, text: str) -> Any:
        # The same object for the same text: the resolver knows what it has resolved by its id.
        data = self._data.get((name, text))
        if data is None:
            data = _json(text) if name == "json" else _yaml(text)
            self._data[name, text] = data
        return data

    def _env(self, name: str, default: Any = javascript.MISSING) -> Any:
        if not self.inputs.has(name):
            return default
        return self._outside(self.inputs.environ[name], f"${{env('{name}')}}")

    def _outside(self, value: str, expression: str) -> str:
        """Note a value from outside of the template, and return it."""
        self.taken += 1
        provenance.record(self.sources, value, expression)
        return value

    def _config(self, name: str) -> Any:
        value = self.inputs.credential().get(name)
        # Only a deployment needs them.
        if name in SECRETS and not self.inputs.reveal:
            return DEFERRED
        if not value:
            return DEFERRED  # a template can be checked without an account
        return self._outside(value, f"${{config('{name}')}}")

    def _file(self, name: str, folder: Path) -> str:
        path = folder / name
        if path not in self._texts:
            try:
                # A template of a pull request printed /etc/passwd of the runner in a finding.
                if self.inputs.root is not None:
                    check_inside(path, self.inputs.root)
                self._texts[path] = read_text(path)
            except TemplateError as error:
                problem = error.problems[0]
                fix = problem.fix if problem.kind == "outside" else ""
                raise Malformed(f"${{file('{name}')}}: {problem.message}", fix) from error
        return self._outside(self._texts[path], f"${{file('{name}')}}")

    def _regex(self, pattern: str) -> bool:
        if len(pattern) > _MAX_PATTERN:
            raise Malformed(f"${{regex(…)}}: a pattern of more than {_MAX_PATTERN} characters")
        # The text is a command of a few letters, so no pattern can take long.
        try:
            return re.search(pattern, self.inputs.command) is not None
        except re.error as error:
            raise Malformed(f"${{regex('{pattern}')}}: invalid pattern: {error}") from error


def _path(name: str, folder: Path) -> str:
    """Return an absolute path as Node's ``path.join`` does: normalised, with its last slash."""
    path = name
    if not Path(name).is_absolute():
        path = os.path.normpath(folder / name)
        if name.endswith("/") and not path.endswith("/"):
            path += "/"
    if not os.path.exists(path):  # noqa: PTH110 -- "f.txt/" must not exist, as in Node
        raise Malformed(f"${{path('{name}')}}: {path} does not exist")
    return path


def _json(text: str) -> Any:
    try:
        value = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"json() got invalid JSON: {error}") from error
    _check_depth(value)
    return value


def _number(text: str) -> float:
    """Return a JSON number as JavaScript holds it."""
    return javascript.number(float(text))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _check_depth(value: Any) -> None:
    # By levels, because the passes that follow recurse as deep as the value is.
    level = [value]
    for _ in range(yaml12.MAX_DEPTH):
        children: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                children.extend(container.values())
            elif isinstance(container, list):
                children.extend(container)
        if not children:
            return
        level = children
    raise Malformed(f"json() got JSON that is nested deeper than {yaml12.MAX_DEPTH} levels")


def _yaml(text: str) -> Any:
    try:
        root, _ = yaml12.parse(text, "yaml()")
    except TemplateError as error:
        # The words of the parser may quote the text, which came from a file or a variable.
        _, line, column = error.position
        message = f"yaml() got invalid YAML in line {line}, column {column}"
        raise Malformed(message) from error
    return None if root is None else _plain(root)


def _plain(node: Node) -> Any:
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Array):
        return [_plain(item) for item in node.items]
    return {key: _plain(child) for key, child in node.entries.items()}


def access_values(
    alias: str, environ: Mapping[str, str], *, asked: bool
) -> Callable[[], Mapping[str, str]]:
    """Return a function that reads the values of an access alias when it is first called.

    It reads the files that ``s`` reads, in the same order. An alias that is not found has no
    values, because a template can be checked without an account.

    Args:
        alias: The alias, "" for the default one.
        environ: Environment variables.
        asked: Whether the alias was given on the command line; if not, the environment variables
            of ``s`` take precedence.
    """
    return functools.cache(lambda: _read_alias(alias, environ, asked=asked))


def _read_alias(
    alias: str,
    environ: Mapping[str, str],
    *,
    asked: bool,
) -> dict[str, str]:
    from fc_async_sdk import _serverless_devs  # noqa: PLC0415 -- not needed with an account id

    names = _serverless_devs.VARIABLES
    has_variables = all(environ.get(name) for name in names)
    if has_variables and not asked:
        return {name: environ[name] for name in names}
    # That of the variables, which may be others than those of this process.
    home = environ.get("HOME")
    folder = Path(home) if home else None
    try:
        access = _serverless_devs.find(environ, folder, alias or None)
    except CredentialsError:
        return {}
    if access is None:
        return {}
    values = {
        "AccountID": access.account_id,
        "AccessKeyID": access.access_key_id,
        "AccessKeySecret": access.access_key_secret,
        "SecurityToken": access.security_token,
    }
    return {name: value for name, value in values.items() if value}
