# SPDX-License-Identifier: MIT
"""Uses of the SDK in the code of a Python function: paces, stores, repeats, calls of functions.

The code is parsed, never imported. The handler's module is read, and the modules of the code folder
that it imports.

Invariants:

- A name counts only if an import leads it to the SDK: a ``Pace`` of another package is none.
- What decorates the handler of another function is not of this one.
- A value that is not written in the code is unknown, never guessed: it has a line and no value.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_plugin.project.code import code_below, handler_of
from fc_async_plugin.s_yaml.files import MAX_CODE_BYTES, read_text
from fc_async_plugin.s_yaml.problems import TemplateError
from fc_async_sdk._pacing import gcra
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_plugin.s_yaml.model import Resource

_SDK: Final = "fc_async_sdk"
_MODULES: Final = 100
"""Ours: how many modules of a code folder are read for one handler."""
_DEPTH: Final = 10
"""Ours: how many assignments and imports lead from a name to its value, at most."""
_RATE: Final = 1
"""Index of the argument ``rate`` of a pace."""

StoreKind = Literal["memory", "file", "environment", "shared", "unknown"]

_STORES: Final[dict[str, StoreKind]] = {
    "MemoryStore": "memory",
    "SqliteStore": "file",
    "FolderStore": "file",
    "DefaultStore": "environment",
    "RedisStore": "shared",
    "SqlStore": "shared",
    "TablestoreStore": "shared",
    "OssStore": "shared",
}
_HANDLERS: Final = {"handler", "paced", "idempotent", "destination_handler"}
"""Decorators of the SDK that mark a function as a handler."""
_POLICIES: Final = {"Pace": "pace", "Concurrency": "concurrency", "Debounce": "debounce"}
_CLIENTS: Final = {"client", "async_client", "Client", "AsyncClient"}
_CALLS: Final = {"function", "invoke", "invoke_async", "invoke_later"}
"""Methods of a client whose first argument is the name of a function."""


class Line(NamedTuple):
    """A line of a module.

    Attributes:
        file: Relative to the code folder, with ``/``.
        number: From 1.
    """

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


class StoreUse(NamedTuple):
    """A store that the code makes, or names.

    Attributes:
        kind: ``memory`` and ``file`` end with the instance, unless the file is on a mount;
            ``environment`` is chosen by variables.
        purpose: What is kept in it: ``pace``, ``concurrency``, ``debounce``, ``records`` or
            ``payloads``.
        text: As it is written, such as ``MemoryStore()``; "" if the store was left out.
        argument: Its first argument if that is a text in the code, such as a path or a bucket.
        line: Where it is used.
    """

    kind: StoreKind
    purpose: str
    text: str
    argument: str
    line: Line


class PaceUse(NamedTuple):
    """A pace with a rate that is written in the code.

    Attributes:
        rate: As text, such as ``25/s``.
        per_second: The same in messages a second.
        hops: Whether a sender's message may wait beyond one delay.
        line: Where it is made.
    """

    rate: str
    per_second: float
    hops: bool
    line: Line


class CallUse(NamedTuple):
    """A call of a function by a client of the SDK.

    Attributes:
        function: Its name; "" if the code takes it from elsewhere.
        variable: The environment variable that has the name; "" if none has.
        line: Where it is called.
    """

    function: str
    variable: str
    line: Line


class Uses(NamedTuple):
    """Uses of the code of one function.

    Attributes:
        paces: Paces with a rate.
        stores: Stores of paces, records and payloads.
        repeats: Where a message may be sent again by the function itself: paced handlers,
            ``RetryLater``, limits of concurrency, debouncing.
        calls: Calls of functions.
        cancels: Where a message may stop another one of the function.
        unread: Modules that could not be read, each with the reason.
    """

    paces: tuple[PaceUse, ...] = ()
    stores: tuple[StoreUse, ...] = ()
    repeats: tuple[Line, ...] = ()
    calls: tuple[CallUse, ...] = ()
    cancels: tuple[Line, ...] = ()
    unread: tuple[TemplateError, ...] = ()


class Reader:
    """Reads the code of the functions of one template; a module that many share is parsed once.

    Args:
        folder: That of the template.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules: dict[Path, _Module | None] = {}
        self._too_large: dict[Path, TemplateError] = {}
        self._uses: dict[tuple[Path, str], Uses | None] = {}

    def uses(self, resource: Resource) -> Uses | None:
        """Return what the code of a function uses; None if it is not Python, or not here."""
        if resource.runtime not in runtimes.PYTHON:
            return None
        code = code_below(self._folder, resource)
        if code is None:
            return None
        handler = handler_of(resource)
        if (code, handler) not in self._uses:
            self._uses[code, handler] = self._read(code, handler)
        return self._uses[code, handler]

    def _read(self, code: Path, handler: str) -> Uses | None:
        path, _, function = handler.rpartition(".")
        name = path.replace("/", ".")
        modules = self._reached(code, name)
        if not modules and not self._too_large:
            return None
        collector = _Collector()
        for module in modules.values():
            is_main = module.name == name
            for statement in module.statements(function if is_main else ""):
                collector.visit(_Scope(module, modules), statement)
        unread = [error for path, error in self._too_large.items() if path.is_relative_to(code)]
        return collector.result(unread)

    def _reached(self, code: Path, name: str) -> dict[str, _Module]:
        """Return a module and those of the code folder that it imports, by their names."""
        modules: dict[str, _Module] = {}
        main = self._module(code, name)
        if main is None:
            return modules
        installed = _installed(code)
        modules[name] = main
        waiting = list(main.imported_modules())
        seen = {name}
        while waiting and len(modules) < _MODULES:
            current = waiting.pop(0)
            package = current.partition(".")[0]
            if current in seen or package.lower() in installed:
                continue
            seen.add(current)
            module = self._module(code, current)
            if module is not None:
                modules[current] = module
                waiting.extend(module.imported_modules())
        return modules

    def _module(self, code: Path, name: str) -> _Module | None:
        """Return a module of a code folder; None if it is not there, or broken."""
        base = code.joinpath(*name.split("."))
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path not in self._modules:
                self._modules[path] = self._parsed(path, code, name)
            module = self._modules[path]
            if module is not None:
                return module
        return None

    def _parsed(self, path: Path, code: Path, name: str) -> _Module | None:
        try:
            text = read_text(path, MAX_CODE_BYTES)
            tree = ast.parse(text)
        except TemplateError as error:
            if error.problems[0].kind == "limit":
                self._too_large[path] = error
            return None
        except (ValueError, SyntaxError, RecursionError):
            return None  # the function does not start: another rule says so
        is_package = path.name == "__init__.py"
        return _Module(name, path.relative_to(code).as_posix(), tree, is_package=is_package)


def _installed(code: Path) -> frozenset[str]:
    """Return the packages that pip has installed into a code folder, in lower case."""
    # They are not the user's code, and a large one would take a second to parse.
    folders = code.glob("*.dist-info")
    return frozenset(folder.name.partition("-")[0].lower() for folder in folders)


class _Module:
    """A parsed module: what its names are bound to at its top level."""

    def __init__(self, name: str, file: str, tree: ast.Module, *, is_package: bool) -> None:
        self.name = name
        self.file = file
        self._tree = tree
        self._package = name if is_package else name.rpartition(".")[0]
        self.imports = dict(self._imports())
        self.values = _assignments(tree)
        self.clients = _client_names(self, tree)

    def statements(self, handler: str) -> Iterator[ast.AST]:
        """Yield the statements of the module, without the handlers of other functions.

        Args:
            handler: The name of the handler; "" if the module has none of the function.
        """
        for statement in self._tree.body:
            if not self._is_handler(statement, other_than=handler):
                yield statement

    def imported_modules(self) -> Iterator[str]:
        """Yield the dotted names that imports of the module may lead to."""
        for origin in self.imports.values():
            if not origin.startswith(_SDK):
                yield origin
                yield origin.rpartition(".")[0] or origin

    def origin(self, node: ast.AST) -> str:
        """Return the dotted name that a name or attribute leads to by imports, "" if none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        base = self.imports.get(node.id, "")
        return ".".join([base, *reversed(parts)]) if base else ""

    def line(self, node: ast.AST) -> Line:
        """Return the line of a node."""
        return Line(self.file, getattr(node, "lineno", 1))

    def _imports(self) -> Iterator[tuple[str, str]]:
        """Yield each name that an import binds, with the dotted name of what it is."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    yield bound, alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    yield alias.asname or alias.name, f"{base}.{alias.name}".lstrip(".")

    def _absolute(self, node: ast.ImportFrom) -> str:
        """Return the module that an import names, without its dots."""
        module = node.module or ""
        if not node.level:
            return module
        parents = self._package.split(".") if self._package else []
        base = parents[: len(parents) - (node.level - 1)]
        return ".".join([*base, module]).strip(".")

    def _is_handler(self, statement: ast.stmt, *, other_than: str) -> bool:
        """Return whether a statement defines a handler with another name."""
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if statement.name == other_than:
            return False
        for decorator in statement.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if sdk_name(self.origin(called)) in _HANDLERS:
                return True
        return False


def sdk_name(origin: str) -> str:
    """Return the last part of a dotted name of the SDK; "" for a name of something else."""
    package, _, rest = origin.partition(".")
    return rest.rpartition(".")[2] if package == _SDK else ""


def _assignments(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the values of names that the top level of a module binds exactly once."""
    values: dict[str, ast.expr] = {}
    bound_again: set[str] = set()
    for statement in tree.body:
        for target, value in _bindings(statement):
            if target in values:
                bound_again.add(target)
            values[target] = value
    return {name: value for name, value in values.items() if name not in bound_again}


def _bindings(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        if isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.value
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        for item in statement.items:
            if isinstance(item.optional_vars, ast.Name):
                yield item.optional_vars.id, item.context_expr


def _client_names(module: _Module, tree: ast.Module) -> frozenset[str]:
    """Return the names that anywhere in a module are bound to a client of the SDK."""
    names: set[str] = set()
    for node in ast.walk(tree):
        for target, value in _bindings(node):
            if _makes_client(module, value):
                names.add(target)
    return frozenset(names)


def _makes_client(module: _Module, value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    if sdk_name(module.origin(value.func)) in _CLIENTS:
        return True
    # The other way to a client is the method of a session.
    maker = value.func
    if not isinstance(maker, ast.Attribute) or maker.attr not in _CLIENTS:
        return False
    owner = maker.value
    if isinstance(owner, ast.Name):
        owner = module.values.get(owner.id, owner)
    return isinstance(owner, ast.Call) and sdk_name(module.origin(owner.func)) == "Session"


class _Scope(NamedTuple):
    """A module, and those of the code folder that its names may lead to."""

    module: _Module
    modules: dict[str, _Module]

    def value(self, node: ast.expr | None) -> tuple[_Scope, ast.expr | None]:
        """Return the expression that a name stands for, with its scope; other nodes as they are."""
        scope = self
        for _ in range(_DEPTH):
            origin = scope.module.origin(node) if node is not None else ""
            if isinstance(node, ast.Name) and node.id in scope.module.values:
                node = scope.module.values[node.id]
            elif origin.rpartition(".")[0] in scope.modules:
                home, _, name = origin.rpartition(".")
                scope = _Scope(scope.modules[home], scope.modules)
                if name not in scope.module.values:
                    break
                node = scope.module.values[name]
            else:
                break
        return scope, node


class _Collector:
    """Collects uses from statements."""

    def __init__(self) -> None:
        self._paces: list[PaceUse] = []
        self._stores: list[StoreUse] = []
        self._repeats: list[Line] = []
        self._calls: list[CallUse] = []
        self._cancels: list[Line] = []

    def visit(self, scope: _Scope, statement: ast.AST) -> None:
        """Collect the uses in a statement."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                self._visit_call(scope, node)
            elif isinstance(node, ast.Raise):
                self._visit_raise(scope, node)

    def result(self, unread: list[TemplateError]) -> Uses:
        """Return what was collected."""
        return Uses(
            tuple(self._paces),
            tuple(dict.fromkeys(self._stores)),
            tuple(dict.fromkeys(self._repeats)),
            tuple(self._calls),
            tuple(self._cancels),
            tuple(unread),
        )

    def _visit_call(self, scope: _Scope, call: ast.Call) -> None:
        name = sdk_name(scope.module.origin(call.func))
        arguments = _named(call)
        if name in _POLICIES:
            self._add_store(scope, call, arguments.get("store"), _POLICIES[name])
        if name == "Concurrency" and _text(scope, arguments.get("mode")) == "cancel":
            self._cancels.append(scope.module.line(call))
        if name == "Pace":
            pace = _pace(scope, call, arguments)
            if pace is not None:
                self._paces.append(pace)
        if name in {"paced", "RetryLater"}:
            self._repeats.append(scope.module.line(call))
        elif name == "handler":
            self._visit_handler(scope, call, arguments)
        elif name == "idempotent":
            store = call.args[0] if call.args else arguments.get("store")
            self._add_store(scope, call, store, "records")
        elif _is_client(scope, call):
            self._calls.append(_called(scope, call))

    def _visit_raise(self, scope: _Scope, statement: ast.Raise) -> None:
        raised = statement.exc
        if raised is None or isinstance(raised, ast.Call):
            return  # a call is visited by itself
        if sdk_name(scope.module.origin(raised)) == "RetryLater":
            self._repeats.append(scope.module.line(statement))

    def _visit_handler(self, scope: _Scope, call: ast.Call, arguments: dict[str, ast.expr]) -> None:
        if any(policy in arguments for policy in _POLICIES.values()):
            self._repeats.append(scope.module.line(call))
        if "large" in arguments:
            self._add_store(scope, call, arguments["large"], "payloads")

    def _add_store(
        self, scope: _Scope, call: ast.Call, node: ast.expr | None, purpose: str
    ) -> None:
        line = scope.module.line(call)
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            # A pace without a store keeps its state in the process (Pace, "store").
            self._stores.append(StoreUse("memory", purpose, "", "", line))
            return
        where, value = scope.value(node)
        if not isinstance(value, ast.Call):
            self._stores.append(StoreUse("unknown", purpose, ast.unparse(node), "", line))
            return
        name = sdk_name(where.module.origin(value.func))
        kind = _STORES.get(name, "unknown")
        argument = _text(where, value.args[0]) if value.args else ""
        self._stores.append(StoreUse(kind, purpose, ast.unparse(value), argument, line))


def _named(call: ast.Call) -> dict[str, ast.expr]:
    """Return the arguments of a call that are given by name."""
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def _pace(scope: _Scope, call: ast.Call, arguments: dict[str, ast.expr]) -> PaceUse | None:
    """Return the pace that a call makes; None if its rate is not written in the code."""
    rate = arguments.get("rate") or (call.args[_RATE] if len(call.args) > _RATE else None)
    _, value = scope.value(rate)
    if not isinstance(value, ast.Constant):
        return None
    try:
        interval = gcra.interval_of(value.value)
    except InvalidParameter:
        return None
    hops = arguments.get("max_hops")
    waits = bool(hops.value) if isinstance(hops, ast.Constant) else hops is not None
    text = value.value if isinstance(value.value, str) else f"{value.value!r}/s"
    return PaceUse(text, gcra.SECOND / interval, waits, scope.module.line(call))


def _is_client(scope: _Scope, call: ast.Call) -> bool:
    """Return whether a call is one of a function by a client of the SDK."""
    method = call.func
    if not isinstance(method, ast.Attribute) or method.attr not in _CALLS:
        return False
    owner = method.value
    if isinstance(owner, ast.Name) and owner.id in scope.module.clients:
        return True
    where, value = scope.value(owner)
    return value is not None and _makes_client(where.module, value)


def _called(scope: _Scope, call: ast.Call) -> CallUse:
    node = call.args[0] if call.args else _named(call).get("function")
    line = scope.module.line(call)
    where, value = scope.value(node)
    return CallUse(_text(where, value), _variable(where, value), line)


def _text(scope: _Scope, node: ast.expr | None) -> str:
    """Return the text that an expression is, "" if it is not a text in the code."""
    _, value = scope.value(node)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return ""


def _variable(scope: _Scope, node: ast.expr | None) -> str:
    """Return the environment variable that an expression reads, "" if it reads none."""
    if isinstance(node, ast.Subscript) and scope.module.origin(node.value) == "os.environ":
        return _text(scope, node.slice)
    if isinstance(node, ast.Call):
        reads = {"os.getenv", "os.environ.get"}
        if scope.module.origin(node.func) in reads and node.args:
            return _text(scope, node.args[0])
    return ""
