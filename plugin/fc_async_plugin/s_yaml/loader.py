# SPDX-License-Identifier: MIT
"""Reads an ``s.yaml`` as ``s`` does, into a :class:`Project` of resolved resources.

The entry point of this package. It reads files; it does not write, connect or run code.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fc_async_plugin.s_yaml import reading
from fc_async_plugin.s_yaml.files import find
from fc_async_plugin.s_yaml.merging import merge
from fc_async_plugin.s_yaml.model import project_of
from fc_async_plugin.s_yaml.resolving import Options, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.s_yaml.model import Project
    from fc_async_plugin.s_yaml.reading import Purpose


class Template:
    """The files of one template, which are read once.

    Their variables are resolved as often as they get other values, such as those of a runtime that
    was started meanwhile.

    Args:
        path: The file, or its folder; None: the working folder.
        env: As of :func:`load`.
        environ: As of :func:`load`.
        purpose: As of :func:`load`.

    Raises:
        TemplateError: A file cannot be read, or is not a template.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        env: str | None = None,
        environ: Mapping[str, str] | None = None,
        purpose: Purpose = "deploy",
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._purpose: Purpose = purpose
        self._merged = merge(reading.read(find(path or "."), env, self._environ, purpose))

    @property
    def files(self) -> set[Path]:
        """The files that were read, and ``.env`` files that are read if they exist."""
        sources = self._merged.sources
        read = {Path(file) for file in sources.files}
        return read | {folder / ".env" for folder in sources.env_folders}

    def project(
        self,
        *,
        access: str | None = None,
        account_id: str | None = None,
        region: str | None = None,
        command: str = "deploy",
        reveal: bool = True,
        resolved: Mapping[str, dict[str, Any]] | None = None,
        further: Mapping[str, str] | None = None,
    ) -> Project:
        """Resolve the variables.

        Args:
            access: As of :func:`load`.
            account_id: As of :func:`load`.
            region: As of :func:`load`.
            command: As of :func:`load`.
            reveal: As of :func:`load`.
            resolved: As of :func:`load`.
            further: Environment variables that take precedence over all others.

        Raises:
            TemplateError: Some expressions cannot be resolved.
        """
        merged = self._merged
        if further:
            environ = {**self._environ, **further}
            merged = merged._replace(sources=merged.sources.with_environment(environ))
        runs_here = self._purpose == "run"
        options = Options(
            access,
            account_id,
            region or "",
            command,
            reveal,
            resolved or {},
            runs_here,
            keeps_unset=self._purpose in {"plan", "show"},
        )
        return project_of(resolve(merged, options))


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
            is deployed. Both read a template of edition 1.0.0, too; see :mod:`.edition1`. ``show``
            and ``plan`` keep an expression whose environment variable has no value, with a note.

    Returns:
        The project. Its values are shared and must not be changed.

    Raises:
        TemplateError: The template cannot be read. ``problems`` lists all that is wrong with the
            text, the structure and the variables.
    """
    template = Template(path, env=env, environ=environ, purpose=purpose)
    return template.project(
        access=access,
        account_id=account_id,
        region=region,
        command=command,
        reveal=reveal,
        resolved=resolved,
    )
