# SPDX-License-Identifier: MIT
"""What the calls in ``${…}`` answer: env, config, file, json, yaml, path, secret, regex.

The only part of variable resolution that touches the world: it reads files below the limit, and
the environment and credentials that were handed in. It never runs anything.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from fc_async_plugin.template import javascript, nodes, scalars, yaml12
from fc_async_plugin.template.errors import TemplateError
from fc_async_plugin.template.expressions import DEFERRED, Malformed
from fc_async_plugin.template.files import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MAX_PATTERN: Final = 1000
SECRETS: Final = frozenset({"AccessKeySecret", "SecurityToken"})
"""Values of an access alias that are not shown."""


class Functions:
    """Answers calls for one template.

    Args:
        environ: Environment variables, ``.env`` files included.
        credential: Gives the values of the access alias when asked for the first time.
        command: The ``s`` command that ``regex()`` tests.
        reveal: Whether ``config()`` gives secrets away.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        credential: Callable[[], Mapping[str, str]],
        command: str,
        *,
        reveal: bool,
    ) -> None:
        self._environ = environ
        self._credential = credential
        self._command = command
        self._reveal = reveal
        self.given_away: dict[str, None] = {}
        self._texts: dict[Path, str] = {}
        self._data: dict[tuple[str, str], Any] = {}

    def call(self, name: str, arguments: Sequence[Any], folder: Path) -> Any:
        """Answer one call.

        Args:
            name: The function.
            arguments: Its arguments. The first one is a text; only ``env`` has a second one.
            folder: Where relative paths begin.

        Returns:
            A plain value, ``MISSING``, or ``DEFERRED`` when it isn't known before a deployment.

        Raises:
            Malformed: The call can't be answered; the message says why.
        """
        first = arguments[0]
        if name == "env":
            default = arguments[1] if len(arguments) > 1 else javascript.MISSING
            return self._environ.get(first) or default  # s takes an empty variable for unset
        if name == "config":
            return self._config(first)
        if name == "secret":
            return DEFERRED
        if name == "regex":
            return self._regex(first)
        if name in {"file", "path"}:
            return self._file(first, folder) if name == "file" else _path(first, folder)
        known = self._data.get((name, first))
        if known is None:
            known = self._data[name, first] = _json(first) if name == "json" else _yaml(first)
        return known

    def _config(self, name: str) -> Any:
        value = self._credential().get(name)
        if name in SECRETS and value:
            if not self._reveal:
                return DEFERRED
            self.given_away[value] = None
        return value or DEFERRED

    def _file(self, name: str, folder: Path) -> str:
        path = folder / name
        if path not in self._texts:
            try:
                self._texts[path] = read_text(path)
            except TemplateError as error:
                raise Malformed(f"${{file('{name}')}}: {error.problems[0].message}") from error
        return self._texts[path]

    def _regex(self, pattern: str) -> bool:
        if len(pattern) > _MAX_PATTERN:
            raise Malformed(f"${{regex(…)}}: a pattern of more than {_MAX_PATTERN} characters")
        # A pattern tests a command of a few letters: alternatives of names are what is used.
        try:
            return re.search(pattern, self._command) is not None
        except re.error as error:
            raise Malformed(f"${{regex('{pattern}')}}: no pattern, {error}") from error


def _path(name: str, folder: Path) -> str:
    """An absolute path as Node's ``path.join`` writes it: normalised, with its last slash."""
    path = name
    if not Path(name).is_absolute():
        path = os.path.normpath(folder / name)
        path += "/" if name.endswith("/") and not path.endswith("/") else ""
    if not os.path.exists(path):  # noqa: PTH110 -- "f.txt/" must not exist, as in Node
        raise Malformed(f"${{path('{name}')}}: {path} doesn't exist")
    return path


def _json(text: str) -> Any:
    try:
        value = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"json() got no JSON: {error}") from error
    _check_depth(value)
    return value


def _number(text: str) -> float:
    """A JSON number as JavaScript holds it."""
    return scalars.number(float(text))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(yaml12.MAX_DEPTH):
        level = [
            child
            for one in level
            if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise Malformed(f"json() got JSON that is nested deeper than {yaml12.MAX_DEPTH} levels")


def _yaml(text: str) -> Any:
    try:
        root, _ = yaml12.parse(text, "yaml()")
    except TemplateError as error:
        raise Malformed(f"yaml() got no YAML: {error}") from error
    return None if root is None else nodes.to_plain(root)
