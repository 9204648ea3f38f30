# SPDX-License-Identifier: MIT
"""Reads an ``s.yaml`` as ``s`` does, into a :class:`Project` of resolved resources.

The entry point of this package. It reads files; it does not write, connect or run code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.template.files import read_text
from fc_async_plugin.template.merging import merge
from fc_async_plugin.template.model import project_of
from fc_async_plugin.template.problems import Position, failure
from fc_async_plugin.template.reading import read
from fc_async_plugin.template.resolving import Given, resolve
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.template.model import Project
    from fc_async_plugin.template.reading import Purpose

NAMES: Final = ("s.yaml", "s.yml")
"""File names of templates, in the order in which they are searched."""
_LEFT_OUT: Final = frozenset({"node_modules", ".git", ".s", ".venv", _project_folder.NAME})
_FEW: Final = 8
"""Templates that a message names."""

_FUNCRAFT: Final = ("template.yml", "template.yaml")


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    env: str | None = None,
    access: str | None = None,
    account_id: str | None = None,
    region: str | None = None,
    environ: Mapping[str, str] | None = None,
    command: str = "deploy",
    reveal: bool = True,
    resolved: Mapping[str, dict[str, Any]] | None = None,
    purpose: Purpose = "deploy",
) -> Project:
    """Read a template.

    Args:
        path: The file, or its folder; None: the working folder.
        env: Environment of ``env.yaml`` to merge over the template.
        access: Access alias; takes precedence over the environment's and the template's.
        account_id: Account id; takes precedence over the alias's.
        region: Region of resources that have none.
        environ: Environment variables; None: those of the process.
        command: The ``s`` command that ``${regex(…)}`` tests.
        reveal: Whether ``${config('AccessKeySecret')}`` and ``SecurityToken`` are resolved, which
            only a deployment needs. If not, the expressions stay as they are.
        resolved: Props by resource that ``s`` has already resolved; they are used unchanged.
        purpose: ``run``: the functions run on this machine, so an environment variable without a
            value is left out of what runs without it, and listed in ``unset``. ``show``: nothing
            is deployed. Both read a template of edition 1.0.0, too; see :mod:`.edition1`.

    Returns:
        The project. Its values are shared and must not be changed.

    Raises:
        TemplateError: The template cannot be read. ``problems`` lists all that is wrong with the
            text, the structure and the variables.
    """
    file = Path("." if path is None else path)
    file = find(file) if file.is_dir() else file
    given = Given(
        access, account_id, region or "", command, reveal, resolved or {}, purpose == "run"
    )
    sources = read(file, env, os.environ if environ is None else environ, purpose)
    merged = merge(sources)
    values = resolve(merged, given)
    return project_of(values)


def find(folder: str | os.PathLike[str] = ".") -> Path:
    """Return the template of a folder: ``s.yaml``, else ``s.yml``, else one of Funcraft.

    Funcraft's cannot be read, but its error says what to do.

    Raises:
        TemplateError: The folder has none.
    """
    for name in NAMES:
        file = Path(folder) / name
        if file.exists():
            return file
    for name in _FUNCRAFT:
        file = Path(folder) / name
        if file.is_file() and "Aliyun::Serverless" in read_text(file):
            return file
    below = _below(Path(folder))
    raise failure(
        Position(str(Path(folder) / NAMES[0]), 1, 1),
        "no s.yaml and no s.yml in this folder",
        f"there is {', '.join(below)}: name one with -t {below[0]}"
        if below
        else "name the template with -t FILE, or start one with: fc-async init",
        kind="file",
    )


def _below(folder: Path) -> list[str]:
    """Return the templates in the folders of a folder, or else in theirs; a few of them."""
    for pattern in ("*/", "*/*/"):
        found = (one for name in NAMES for one in folder.glob(pattern + name))
        shown = sorted(str(one) for one in found if not _LEFT_OUT.intersection(one.parts))
        if shown:
            return [*shown[:_FEW], *(["…"] if len(shown) > _FEW else [])]
    return []
