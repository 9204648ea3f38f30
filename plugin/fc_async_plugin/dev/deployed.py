# SPDX-License-Identifier: MIT
"""The state of a runtime, as far as the loop deployed it. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fc_async_plugin.project.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from fc_async_plugin.prepare.syntax import Broken
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project


class DeployedFunctions:
    """State of the functions of some templates.

    Attributes:
        projects: The templates that were deployed last, without functions that had no good state.
        sources: Their functions.
        broken: By resource, the files that cannot be read; it is not deployed until none is left.
        unfinished: Resources whose last deployment failed; the next save deploys them again.
    """

    def __init__(self) -> None:
        self.projects: tuple[Project, ...] = ()
        self.sources: Sequence[Source] = []
        self.broken: defaultdict[str, dict[Path, Broken]] = defaultdict(dict)
        self.unfinished: set[str] = set()
        self._good: set[str] = set()

    @property
    def broken_files(self) -> set[Path]:
        """All files that cannot be read."""
        paths: set[Path] = set()
        for files in self.broken.values():
            paths.update(files)
        return paths

    def has_function(self, resource: str) -> bool:
        """Return whether a resource was ever deployed."""
        return resource in self._good

    @property
    def running(self) -> list[Source]:
        """The functions that the runtime has, in a state of these or of earlier templates."""
        return [source for source in self.sources if source.resource in self._good]

    def has_state(self, file: Path | None) -> bool:
        """Return whether an earlier state stays in the runtime.

        Args:
            file: A file that cannot be read: only functions that it is part of count.
        """
        if file is None:
            return bool(self._good)
        broken = [self.broken.get(resource, {}) for resource in self._good]
        return any(file in files for files in broken)

    def resources_of(self, project: Project) -> set[str]:
        """Return the functions of one template, by their resources."""
        resources: set[str] = set()
        for source in self.sources:
            if source.template == project.file:
                resources.add(source.resource)
        return resources

    def replace(self, projects: Sequence[Project]) -> set[str]:
        """Take other templates; return the functions that these no longer have."""
        sources = sources_of(projects)
        # A resource that the user left out of this run has not gone.
        left_out: set[str] = set()
        for project in projects:
            left_out.update(project.left_out)
        gone: set[str] = set()
        for source in self.sources:
            if source.resource not in left_out:
                gone.add(source.function)
        gone -= {source.function for source in sources}
        self.projects = tuple(projects)
        self.sources = sources
        return gone

    def note(self, resources: Collection[str], failed: Collection[str]) -> None:
        """Note which of some resources were deployed and which failed."""
        self.unfinished.difference_update(resources)
        self.unfinished.update(failed)
        self._good.update(set(resources) - set(failed))
