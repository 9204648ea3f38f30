# SPDX-License-Identifier: MIT
"""The templates of a run of ``fc-async dev``, whose files are read again only after a change."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin import s_yaml
from fc_async_plugin.account import connection
from fc_async_plugin.prepare import examples
from fc_async_plugin.project.stamps import stamps_of
from fc_async_plugin.s_yaml import files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.project.stamps import Stamps
    from fc_async_plugin.s_yaml import Project

_CLOCK_LAG_NS: Final = 20_000_000
"""Most by which the time of a file is behind the clock: file systems take that of the last tick."""


class _Reading(NamedTuple):
    """A template that was read.

    Attributes:
        template: The template.
        stamps: Its files as they were after it was read.
        began: When reading began, in nanoseconds.
    """

    template: s_yaml.Template
    stamps: Stamps
    began: int

    def is_current(self) -> bool:
        """Return whether no file has changed since reading began."""
        if stamps_of(self.stamps) != self.stamps:
            return False
        # A file that was written while it was read may have been read half.
        written = [stamp[0] for stamp in self.stamps.values() if stamp is not None]
        return max(written, default=0) < self.began - _CLOCK_LAG_NS


class Templates:
    """Templates of a run.

    The start asks about a template, builds what it says and deploys it. All that must see the same
    text: a second reading in between might see another one, which the user was not asked about.

    Args:
        paths: The templates; empty: the one of the working folder.
        environment: Environment of ``env.yaml``, or None.
        env_file: File with values for ``${env(…)}``, or None.
    """

    def __init__(
        self,
        paths: Sequence[str] = (),
        environment: str | None = None,
        env_file: Path | None = None,
    ) -> None:
        self._paths: tuple[str | None, ...] = tuple(dict.fromkeys(paths)) or (None,)
        self._environment = environment
        self._env_file = env_file
        self._readings: dict[str | None, _Reading] = {}

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of this process, completed from the file with values."""
        if self._env_file is None:
            return os.environ
        return files.completed(os.environ, self._env_file)

    def projects(self, account: Account, allowed: Collection[Path] = ()) -> list[Project]:
        """Return the templates with the values of variables; read what has changed.

        Args:
            account: The runtime, with region and account of templates that have none.
            allowed: Files from which the user lets examples of variables be taken.

        Raises:
            TemplateError: A template cannot be read.
        """
        projects: list[Project] = []
        for path in self._paths:
            template = self._template(path)

            def resolve(values: Mapping[str, str], template: s_yaml.Template = template) -> Project:
                return connection.project_of(template, account, further=values)

            projects.append(examples.with_examples(resolve({}), allowed, resolve))
        return projects

    def _template(self, path: str | None) -> s_yaml.Template:
        reading = self._readings.get(path)
        if reading is None or not reading.is_current():
            reading = self._read(path)
            self._readings[path] = reading
        return reading.template

    def _read(self, path: str | None) -> _Reading:
        began = time.time_ns()
        template = s_yaml.Template(path, env=self._environment, environ=self.environ, purpose="run")
        read = template.files
        if self._env_file is not None:
            read = read | {self._env_file}
        return _Reading(template, stamps_of(read), began)
