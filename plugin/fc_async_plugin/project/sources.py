# SPDX-License-Identifier: MIT
"""Files on this machine that each function of a template is made from. Pure.

A saved file leads to the functions that it is part of, and those are deployed again.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.project.code import code_path, python_path
from fc_async_plugin.project.layers import local_layers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fc_async_plugin.s_yaml import Project


_BESIDE: Final = ("env.yaml", "env.yml", ".env", "fc-async.toml")


class Source(NamedTuple):
    """Code of one function on this machine.

    Attributes:
        function: Its name.
        resource: Its resource in the template.
        template: The file that has the resource.
        runtime: Such as ``python3.10``; "" if the template has none.
        handler: Such as ``index.handler``.
        code: Code folder or zip; None if this machine does not have it.
        layers: Folders and zips on this machine.
        python_path: Folders of ``PYTHONPATH``; empty without code.
        requirements: As of the resource.
        packages: As of the resource.
    """

    function: str
    resource: str
    template: str
    runtime: str = ""
    handler: str = ""
    code: Path | None = None
    layers: tuple[Path, ...] = ()
    python_path: tuple[Path, ...] = ()
    requirements: Path | None = None
    packages: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders that the function is made from."""
        return (self.code, *self.layers) if self.code else self.layers

    def has(self, file: Path) -> bool:
        """Return whether a file is one of these paths, or is below one of them."""
        return any(file.is_relative_to(path) for path in self.paths)


def sources_of(projects: Iterable[Project]) -> list[Source]:
    """Return the functions of some templates, in the order of the files."""
    sources = []
    for project in projects:
        for resource in project.functions:
            code = code_path(project, resource)
            source = Source(
                function=resource.function_name,
                resource=resource.name,
                template=project.file,
                runtime=resource.runtime,
                handler=str(resource.props.get("handler") or ""),
                code=code,
                layers=local_layers(project, resource),
                python_path=tuple(python_path(resource, code)) if code else (),
                requirements=Path(resource.requirements) if resource.requirements else None,
                packages=resource.packages,
            )
            sources.append(source)
    return sources


def affected(sources: Iterable[Source], changed: Collection[Path]) -> list[Source]:
    """Return the functions that a changed file is part of."""
    return [source for source in sources if any(map(source.has, changed))]


def template_files(projects: Iterable[Project]) -> set[Path]:
    """Return the files that the templates were read from, and what may be added beside them."""
    files: set[Path] = set()
    for project in projects:
        for name in (project.file, *project.files):
            file = Path(name).resolve()
            files.add(file)
            files.update(file.with_name(beside) for beside in _BESIDE)
    return files


def roots(sources: Sequence[Source], builds: Iterable[Path] = ()) -> set[Path]:
    """Return the folders to watch with all that is below them, also those that are built in.

    For a zip, and for a folder that does not exist yet, that is the nearest folder above. The root
    of the file system is not watched.
    """
    folders: set[Path] = set()
    for path in chain(builds, *(source.paths for source in sources)):
        # A folder that a build makes later is noticed in the one above it.
        folder = next(folder for folder in (path, *path.parents) if folder.is_dir())
        if folder.resolve() != Path(path.anchor):
            folders.add(folder)
    return {folder for folder in folders if not folders & set(folder.parents)}
