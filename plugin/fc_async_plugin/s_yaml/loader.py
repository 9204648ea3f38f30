# SPDX-License-Identifier: MIT
"""Reads an ``s.yaml`` as ``s`` does, into a :class:`Project` of resolved resources.

The entry point of this package. It reads files; it does not write, connect or run code.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fc_async_plugin.s_yaml.files import find
from fc_async_plugin.s_yaml.merging import merge
from fc_async_plugin.s_yaml.model import project_of
from fc_async_plugin.s_yaml.reading import read
from fc_async_plugin.s_yaml.resolving import Options, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.s_yaml.model import Project
    from fc_async_plugin.s_yaml.reading import Purpose


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
    file = find(path or ".")
    options = Options(
        access, account_id, region or "", command, reveal, resolved or {}, purpose == "run"
    )
    sources = read(
        file,
        env,
        os.environ if environ is None else environ,
        purpose,
    )
    merged = merge(sources)
    values = resolve(merged, options)
    return project_of(values)
