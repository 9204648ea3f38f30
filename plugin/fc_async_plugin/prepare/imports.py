# SPDX-License-Identifier: MIT
"""Finds imports of Python functions that only this machine has, or only the cloud.

Files are read, not run. The local runtime compares what is really imported while a function runs.

Invariants:
    Imports for type checkers, and those whose failure the code handles, are not reported.
    What ``requirements.txt`` in the code folder names is not reported.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.project.code import code_path, handler_of, is_shared, python_path
from fc_async_plugin.project.lack import Lack
from fc_async_plugin.project.layers import layers_elsewhere, local_layers
from fc_async_plugin.s_yaml.files import MAX_CODE_BYTES, read_bytes
from fc_async_plugin.s_yaml.problems import TemplateError
from fc_async_sdk import _requirements
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fc_async_plugin.s_yaml import Project, Resource

_REQUIREMENTS: Final = "requirements.txt"
_NODE: Final = "package.json"
_LEVELS: Final = ("", "[!.]*/", "[!.]*/*/", "[!.]*/*/*/")
_Imports = dict[str, tuple[str, bool]]
"""By top-level name: the position of the first import, and whether a call always runs one."""
_ALWAYS_HERE: Final = frozenset({*sys.stdlib_module_names, "__main__"})
"""Modules that need no search; a program that another one runs has none for the last."""
_HANDLED: Final = ("ImportError", "ModuleNotFoundError", "Exception")


class Import(NamedTuple):
    """An import that fails in the cloud, or on this machine.

    Attributes:
        function: The function.
        runtime: Its runtime.
        module: Top-level name of the module.
        position: The file and the line of the import.
        runs: Whether a call always runs it: it is not in a branch, nor in a function elsewhere.
        inside: Where the project has the module outside of the code; "": it does not have it.
    """

    function: str
    runtime: str
    module: str
    position: str
    runs: bool = True
    inside: str = ""

    @property
    def package(self) -> str:
        """Name of the package that has the module; of an unknown one, that of the module."""
        return self.module if self._of_node else _requirements.package_of(self.module)

    @property
    def _of_node(self) -> bool:
        return self.runtime in runtimes.NODE

    @property
    def mark(self) -> runtimes.Mark | None:
        """The certainty with which the runtime ships the module; None if it does not."""
        return runtimes.shipped(self.runtime, self.module)

    @property
    def missing(self) -> tuple[str, str]:
        """The fault in the cloud in one sentence, and the advice in another one."""
        imports = f"{self.function} imports {self.module} ({self.position})"
        if self.module in sys.stdlib_module_names:
            reason = f"which the standard library of {self.runtime} does not have"
            fix = "choose another runtime or another module"
            return f"{imports}, {reason}", fix
        return (
            f"{imports} from this machine; in the cloud it is missing",
            f"put {self._named} into requirements.txt and install it into the code",
        )

    @property
    def lack(self) -> Lack:
        """The lack of the module on this machine, if the runtime does not ship it."""
        use = f"{self.function} imports"
        if self.module.startswith((".", "/")):
            return Lack("file", self.module, use, self.position, "build or write it")
        file = f"{self.position.partition('/')[0]}/{_NODE if self._of_node else _REQUIREMENTS}"
        fix = _how_to_get(self.module, self.package, file, self.inside, is_known=self._of_node)
        return Lack("module", self.module, use, self.position, fix)

    @property
    def _named(self) -> str:
        package = _requirements.known_package(self.module)
        return package or f"the package that has {self.module}"


def _how_to_get(module: str, package: str, file: str, inside: str, *, is_known: bool) -> str:
    """Return what to do for a module that a function lacks.

    Only a package that is known to have the module is named: of a module of the project, or an
    unknown one, an index may have a stranger's package with the same name.

    Args:
        module: The module.
        package: The package that is assumed to have it.
        file: The file that names the packages of the function.
        inside: Where the project has the module; "": it does not have it.
        is_known: Whether the package is known to have it, as one of Node that has its name.
    """
    if inside:
        return f"build or copy it into the code; it is in {inside}, outside of the code folder"
    if is_known or _requirements.known_package(module):
        return f"write {package} into {file}, then fc-async dev --install"
    return f"write the package that has it into {file}; none is known by this name"


_FAILED: Final = re.compile(
    r"No module named \\*['\"](?P<python>[\w.]+)|"
    r"Cannot find (?:module|package) \\*['\"](?P<node>[^./'\"\\][^'\"\\]*)"
)


def failed(function: str, runtime: str, error: str, code: Path | None = None) -> str:
    """Return what an error of a function in Python or Node lacks, with what to do.

    Args:
        function: The function.
        runtime: Its runtime.
        error: What the function's runtime says.
        code: Its code folder.

    Returns:
        One sentence; "" if the error is another one.
    """
    match = _FAILED.search(error)
    if match is None:
        return ""
    if match["python"] is not None:
        module = match["python"].partition(".")[0]
        if re.search(rf"Unable to import module '{re.escape(module)}\b", error):
            return ""  # that of the handler, which no package has
        folder = _folder_with(module, code) if code else ""
        if folder == ".":
            # The code has the package, but for another machine: a numpy for macOS lacks its
            # module for Linux, and another copy of it would not be found before this one.
            return ""
        if folder:
            return (
                f"{function} cannot import {module}, which is in {folder} of its code folder: add "
                f"/code/{folder} to PYTHONPATH in environmentVariables"
            )
        package = _requirements.package_of(module)
        file = _REQUIREMENTS
    else:
        module = package = _package_of_node(match["node"])
        file = _NODE
    remedy = _remedy(module, package, file, runtime, code)
    return str(Lack("module", module, f"{function} imports", "", remedy))


def _remedy(module: str, package: str, file: str, runtime: str, code: Path | None) -> str:
    """Return what to do for a module that a call lacked.

    Args:
        module: The module.
        package: The package that is assumed to have it.
        file: The file that names the packages of the function.
        runtime: The runtime.
        code: The code folder; None if it is not known.
    """
    if code and _names_package(code, file, package):
        return f"install it with fc-async dev --install; {file} of the code folder names it"
    mark = runtimes.shipped(runtime, module)
    inside = ""
    if code and not mark:
        inside = _in_project(module, code)
    is_known = bool(mark) or file == _NODE
    remedy = _how_to_get(module, package, f"{file} of the code folder", inside, is_known=is_known)
    return f"{remedy} ({runtime} ships it: {mark})" if mark else remedy


def _names_package(code: Path, file: str, package: str) -> bool:
    """Return whether ``requirements.txt`` or ``package.json`` of a code folder names a package."""
    text = (_read(code / file, []) or b"").decode("utf-8", "replace")
    if file == _REQUIREMENTS:
        return _requirements.normalised(package) in _requirements.named(text)
    try:
        document = json.loads(text)
    except ValueError:
        return False
    dependencies = document.get("dependencies") if isinstance(document, dict) else None
    return isinstance(dependencies, dict) and package in dependencies


def _package_of_node(name: str) -> str:
    """Return the package of a module that Node looks for, such as ``@scope/name``."""
    parts = name.removeprefix("node:").split("/")
    length = 2 if parts[0].startswith("@") else 1
    return "/".join(parts[:length])


def _in_project(module: str, code: Path) -> str:
    """Return where the repository of a code folder has a module outside of it; "" if it has not.

    Looked at are the folders above the code, and those in them, such as ``src``.
    """
    folder = Path(os.path.normpath(code.absolute()))
    # The module of a sibling folder, such as shared/, was offered as a stranger's package.
    for above in folder.parents:
        if is_shared(above):
            return ""
        for path in _paths_of(module, above):
            if not path.is_relative_to(folder):
                return os.path.relpath(path)
        if (above / ".git").exists():
            return ""
    return ""


def _paths_of(module: str, folder: Path) -> Iterator[Path]:
    """Yield the files and folders of a module in a folder, and in those inside of it."""
    for pattern in ("", "[!.]*/"):
        for name in (module, f"{module}.py"):
            for path in folder.glob(pattern + name):
                # A submodule that was not checked out is an empty folder: it has no module.
                is_empty_folder = path.is_dir() and not any(path.iterdir())
                if path.exists() and not is_empty_folder:
                    yield path


def _folder_with(module: str, code: Path) -> str:
    """Return the folder in the code that has a module, at most three levels down, else ""."""
    for level in _LEVELS:
        for name in (module, f"{module}.py"):
            for path in code.glob(f"{level}{name}"):
                folder = path.parent.relative_to(code)
                if folder.name != "site-packages":
                    return str(folder)
    return ""


def missing(project: Project) -> Iterator[Import]:
    """Yield the imports of a template's Python functions, each module once for each function."""
    for resource, code in _python_functions(project):
        runtime = resource.runtime
        available = _modules(project, resource, runtime)
        if available is None:
            continue
        available |= _requirements.modules(requirements(code))
        for name, (position, _) in _imports_of(project, resource, code).items():
            if name not in available and importlib.util.find_spec(name) is not None:
                yield Import(resource.function_name, runtime, name, position)


def absent(project: Project) -> Iterator[Import]:
    """Yield the imports of a template's Python functions that fail on this machine.

    What may come from a requirement that is not installed, or from a layer of the service, is left
    out, unless the runtime ships it.
    """
    for resource, code in _python_functions(project):
        required = _requirements.missing(requirements(code))
        of_layers = runtimes.modules(resource.runtime, layers_elsewhere(resource))
        shipped = runtimes.modules(resource.runtime) or frozenset()
        for imported in _not_here(project, resource, code):
            if _is_required(imported, required):
                continue
            name = imported.module
            if name in shipped:
                yield imported
                continue
            may_come = required or of_layers is None or name in of_layers
            if not may_come:
                yield imported._replace(inside=_in_project(name, code))


def _not_here(project: Project, resource: Resource, code: Path) -> Iterator[Import]:
    """Yield the imports of a function of which this machine does not have the module."""
    for name, (position, runs) in _imports_of(project, resource, code).items():
        if name not in _ALWAYS_HERE and importlib.util.find_spec(name) is None:
            yield Import(resource.function_name, resource.runtime, name, position, runs)


def _is_required(imported: Import, required: frozenset[str]) -> bool:
    """Return whether a requirement that is not installed has a module."""
    names = {_requirements.normalised(imported.package), _requirements.normalised(imported.module)}
    return bool(names & required)


def _python_functions(project: Project) -> Iterator[tuple[Resource, Path]]:
    """Yield the functions for the Python runtimes that have a code folder, with this folder."""
    for resource in project.functions:
        if resource.runtime not in runtimes.PYTHON:
            continue
        code = code_path(project, resource)
        if code is not None and code.is_dir():
            yield resource, code


def requirements(code: Path) -> str:
    """Return the text of ``requirements.txt`` in a code folder; "" without one."""
    return (_read(code / _REQUIREMENTS, []) or b"").decode("utf-8", "replace")


def unread(project: Project) -> Iterator[str]:
    """Yield a sentence for each file of a template's Python functions that is too large to read."""
    for resource, code in _python_functions(project):
        too_large: list[str] = []
        _read(code / _REQUIREMENTS, too_large)
        _imports_of(project, resource, code, too_large)
        yield from dict.fromkeys(too_large)


def _read(file: Path, too_large: list[str]) -> bytes | None:
    """Return the content of a file; None if it cannot be read.

    Args:
        file: The file.
        too_large: Gets a sentence if the file is too large.
    """
    try:
        return read_bytes(file, MAX_CODE_BYTES)
    except TemplateError as error:
        problem = error.problems[0]
        if problem.kind == "limit":
            too_large.append(f"{problem.position.file} is {problem.message}: it is not checked")
        return None


def _imports_of(
    project: Project, resource: Resource, code: Path, too_large: list[str] | None = None
) -> _Imports:
    layers = (layer / "python" for layer in local_layers(project, resource))
    folders = [code, *python_path(resource, code), *layers]
    module = handler_of(resource).rpartition(".")[0].replace("/", ".")
    return _imports(module, folders, [] if too_large is None else too_large)


def _modules(project: Project, resource: Resource, runtime: str) -> frozenset[str] | None:
    """Return what a function has beside its own code; None if it has a layer of unknown content."""
    available = runtimes.modules(runtime, layers_elsewhere(resource))
    if available is None or not all(layer.is_dir() for layer in local_layers(project, resource)):
        return None
    absent = runtimes.not_in_standard_library(runtime)
    return available | (sys.stdlib_module_names - absent) | {"__main__"}


def _imports(handler: str, folders: Sequence[Path], too_large: list[str]) -> _Imports:
    """Return what a handler and the modules in the code that it needs import from elsewhere.

    Args:
        handler: Module of the handler.
        folders: The code folder, then further folders with modules.
        too_large: Gets a sentence for each file that is not read, because it is too large.
    """
    code = folders[0]
    imports: _Imports = {}
    handler_files = _files(handler, code)
    loaded = list(handler_files)
    perhaps_loaded: list[Path] = []
    seen: set[Path] = set()
    # Files that are always loaded come first: a file is read once, and counts as it was reached.
    while loaded or perhaps_loaded:
        always = bool(loaded)
        file = loaded.pop() if always else perhaps_loaded.pop()
        if file in seen:
            continue
        seen.add(file)
        reader = _Reader(runs=always, calls=file in handler_files)
        if not reader.take(_read(file, too_large)):
            continue
        for name, line, runs in reader.names:
            top = name.partition(".")[0]
            if not _is_in(top, folders):
                _note(imports, top, f"{file.relative_to(code.parent)}:{line}", runs=runs)
            if runs:
                loaded += _files(name, code)
            else:
                perhaps_loaded[:0] = _files(name, code)
        if reader.relative:
            perhaps_loaded[:0] = file.parent.glob("*.py")
    return imports


def _note(imports: _Imports, module: str, position: str, *, runs: bool) -> None:
    """Note an import: the first one counts, and one that always runs more than one that may not."""
    _, runs_already = imports.get(module, ("", None))
    if runs_already is None or (runs and not runs_already):
        imports[module] = (position, runs)


def _is_in(module: str, folders: Sequence[Path]) -> bool:
    """Return whether one of some folders has a top-level module or package."""
    for folder in folders:
        if (folder / module).is_dir() or (folder / f"{module}.py").is_file():
            return True
    return False


def _files(module: str, code: Path) -> list[Path]:
    """Return the files in the code that an import of a module runs."""
    parts = module.split(".")
    steps = [code.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    files: list[Path] = []
    for step in steps:
        files += [step.with_suffix(".py"), step / "__init__.py"]
    return [file for file in files if file.is_file()]


class _Reader(ast.NodeVisitor):
    """Collects the names of absolute imports with their lines, and whether they always run.

    Args:
        runs: Whether the module is always loaded.
        calls: Whether the functions of the module count as called.
    """

    def __init__(self, *, runs: bool, calls: bool) -> None:
        self.names: list[tuple[str, int, bool]] = []
        self.relative = False
        self._runs = runs
        self._calls = calls

    def take(self, content: bytes | None) -> bool:
        """Collect the names of a module; return False if it is not there or not Python."""
        if content is None:
            return False
        try:
            self.visit(ast.parse(content))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False  # another check names it
        return True

    def _perhaps(self, nodes: Iterable[ast.AST]) -> None:
        before = self._runs
        self._runs = False
        for node in nodes:
            self.visit(node)
        self._runs = before

    def visit_Import(self, node: ast.Import) -> None:
        self.names += [(alias.name, node.lineno, self._runs) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.relative = self.relative or node.level > 0
        if node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            self.names += [(name, node.lineno, self._runs) for name in names]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        # A bottle.py in the code imports 24 modules in functions for other servers, which none of
        # the handler's calls runs: the advice to install all of them was wrong.
        if self._calls:
            self.generic_visit(node)
        else:
            self._perhaps(node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_If(self, node: ast.If) -> None:
        body = [] if "TYPE_CHECKING" in ast.dump(node.test) else node.body
        self._perhaps((*body, *node.orelse))

    def visit_Try(self, node: ast.Try) -> None:
        body = [] if any(map(_takes_import_errors, node.handlers)) else node.body
        for part in (*body, *node.orelse, *node.finalbody):
            self.visit(part)
        self._perhaps(node.handlers)


def _takes_import_errors(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = ast.dump(handler.type)
    return any(name in caught for name in _HANDLED)
