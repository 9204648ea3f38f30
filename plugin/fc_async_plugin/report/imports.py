# SPDX-License-Identifier: MIT
"""Finds imports of Python functions that this machine has and the cloud has not.

Files are read, not run. The local runtime compares what is really imported while a function runs.

Invariants:
    Imports for type checkers, and those whose failure the code handles, are not reported.
    A module that this machine has not either is not reported: the first run says so.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.plan.wanted import code_path, is_local_layer, local_layers
from fc_async_plugin.template.desired import is_function
from fc_async_sdk import _requirements
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fc_async_plugin.template import Project, Resource

_CODE: Final = "/code"
_HANDLED: Final = ("ImportError", "ModuleNotFoundError", "Exception")


class Missing(NamedTuple):
    """An import that fails in the cloud.

    Attributes:
        function: The function.
        runtime: Its runtime.
        module: Top-level name of the module.
        place: The file and the line of the import.
    """

    function: str
    runtime: str
    module: str
    place: str

    @property
    def what(self) -> str:
        """The fault in one sentence."""
        imports = f"{self.function} imports {self.module} ({self.place})"
        if self.module in sys.stdlib_module_names:
            return f"{imports}, which the standard library of {self.runtime} does not have"
        return f"{imports} from this machine; in the cloud it is missing"

    @property
    def fix(self) -> str:
        """The advice in one sentence."""
        if self.module in sys.stdlib_module_names:
            return "choose another runtime or another module"
        package = _requirements.package_of(self.module)
        return f"put {package} into requirements.txt and run make build"


def missing(project: Project) -> Iterator[Missing]:
    """Yield the imports of a template's Python functions, each module once for each function."""
    for resource in project.resources:
        code = code_path(project, resource) if is_function(resource) else None
        runtime = str(resource.props.get("runtime") or "")
        there = _modules(project, resource, runtime) if runtime in runtimes.PYTHON else None
        if code is None or not code.is_dir() or there is None:
            continue
        required = code / "requirements.txt"
        if required.is_file():
            there |= _requirements.modules(required.read_text("utf-8", "replace"))
        layers = (layer / "python" for layer in local_layers(project, resource))
        places = [code, *_python_path(resource, code), *layers]
        handler = str(resource.props.get("handler") or "").rpartition(".")[0].replace("/", ".")
        for name, place in _imports(handler, places).items():
            if name not in there and importlib.util.find_spec(name) is not None:
                yield Missing(resource.function_name, runtime, name, place)


def _modules(project: Project, resource: Resource, runtime: str) -> frozenset[str] | None:
    """Return what a function has beside its own code; None if it has a layer of unknown content."""
    layers = resource.props.get("layers") or []
    elsewhere = [str(one) for one in layers if not is_local_layer(str(one))]
    there = runtimes.modules(runtime, elsewhere)
    if there is None or not all(layer.is_dir() for layer in local_layers(project, resource)):
        return None
    absent = runtimes.not_in_standard_library(runtime)
    return there | (sys.stdlib_module_names - absent) | {"__main__"}


def _python_path(resource: Resource, code: Path) -> Iterator[Path]:
    variables: Any = resource.props.get("environmentVariables")
    path = variables.get("PYTHONPATH") if isinstance(variables, dict) else None
    for entry in str(path or "").split(":"):
        inside = entry.removeprefix(_CODE)
        yield code / (inside.lstrip("/") if inside != entry else entry)


def _imports(handler: str, places: Sequence[Path]) -> dict[str, str]:
    """Return what a handler and the modules in the code that it needs import from elsewhere.

    Returns:
        Top-level names, with the place of the first import.
    """
    code = places[0]
    found: dict[str, str] = {}
    waiting, seen = _files(handler, code), set[Path]()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        reader = _Reader()
        try:
            reader.visit(ast.parse(file.read_bytes()))
        except (SyntaxError, ValueError):
            continue  # another check names it
        for name, line in reader.names:
            top = name.partition(".")[0]
            if not any(
                (place / top).is_dir() or (place / f"{top}.py").is_file() for place in places
            ):
                found.setdefault(top, f"{file.relative_to(code.parent)}:{line}")
            waiting += _files(name, code)
        waiting += file.parent.glob("*.py") if reader.relative else ()
    return found


def _files(module: str, code: Path) -> list[Path]:
    """Return the files in the code that an import of a module runs."""
    parts = module.split(".")
    steps = [code.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    files = [file for step in steps for file in (step.with_suffix(".py"), step / "__init__.py")]
    return [file for file in files if file.is_file()]


class _Reader(ast.NodeVisitor):
    """Collects the names of absolute imports with their lines."""

    def __init__(self) -> None:
        self.names: list[tuple[str, int]] = []
        self.relative = False

    def visit_Import(self, node: ast.Import) -> None:
        self.names += [(one.name, node.lineno) for one in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.relative = self.relative or node.level > 0
        if node.module and not node.level:
            self.names += [(f"{node.module}.{one.name}", node.lineno) for one in node.names]

    def visit_If(self, node: ast.If) -> None:
        body = [] if "TYPE_CHECKING" in ast.dump(node.test) else node.body
        for part in (*body, *node.orelse):
            self.visit(part)

    def visit_Try(self, node: ast.Try) -> None:
        handled = any(
            one.type is None or any(name in ast.dump(one.type) for name in _HANDLED)
            for one in node.handlers
        )
        body = [] if handled else node.body
        for part in (*body, *node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)
