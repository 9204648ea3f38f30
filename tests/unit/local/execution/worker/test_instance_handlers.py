# SPDX-License-Identifier: MIT
"""Finding and importing handlers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_local.execution.worker.errors import LoadFailure
from fc_async_local.execution.worker.instance import load, prepare_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Path]:
    """A code folder on the path, forgotten afterwards."""
    modules, path, argv = dict(sys.modules), list(sys.path), list(sys.argv)
    prepare_path(str(tmp_path))
    yield tmp_path
    sys.modules.clear()
    sys.modules.update(modules)
    sys.path[:] = path
    sys.argv[:] = argv


def write(
    folder: Path, name: str, text: str = "def handler(event, context): return __name__"
) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("file", "handler", "module"),
    [
        ("fc_index.py", "fc_index.handler", "fc_index"),
        ("fc_folder/mod.py", "fc_folder/mod.handler", "fc_folder.mod"),
        ("fc_pkg/__init__.py", "fc_pkg.handler", "fc_pkg"),
        ("fc_pkg2/mod.py", "fc_pkg2.mod.handler", "fc_pkg2.mod"),
        ("fc_dot.py", "./fc_dot.handler", "fc_dot"),
        ("fc-dash/my-mod.py", "fc-dash/my-mod.handler", "fc-dash.my-mod"),
        ("colorsys.py", "colorsys.handler", "colorsys"),
        ("json.py", "json.handler", "json"),
    ],
)
def test_a_handler_is_found_in_the_code_folder(
    code: Path, file: str, handler: str, module: str
) -> None:
    write(code, file)
    assert load(handler)(b"", None) == module


@pytest.mark.parametrize(
    ("handler", "text", "kind", "message"),
    [
        ("fc_index", "", "InvalidHandleName", "Invalid handler name 'fc_index'"),
        (".handler", "", "InvalidHandleName", "Invalid handler name"),
        ("fc_index.", "", "InvalidHandleName", "Invalid handler name"),
        ("fc_none.handler", "", "ImportModuleError", "Unable to import module 'fc_none'"),
        ("fc_index.other", "x = 1", "HandlerNotFound", "Handler 'other' not found in module"),
        ("fc_index.x", "x = 1", "HandlerNotFound", "Handler 'x' not found in module"),
        ("fc_index.handler", "def (", "UserCodeSyntaxError", "Syntax error in module 'fc_index'"),
        ("fc_index.handler", "import fc_no", "ImportModuleError", "Unable to import module"),
        ("fc_index.handler", "1 / 0", "UserCodeError", "Module 'fc_index' raised ZeroDivision"),
    ],
)
def test_a_handler_that_cannot_be_loaded_has_an_error_type_and_a_message(
    code: Path, handler: str, text: str, kind: str, message: str
) -> None:
    write(code, "fc_index.py", text)
    with pytest.raises(LoadFailure) as caught:
        load(handler)
    assert caught.value.kind == kind
    assert caught.value.text.startswith(message)


def test_a_handler_may_be_any_callable(code: Path) -> None:
    write(code, "fc_index.py", "class App:\n    def run(self): pass\nhandler = App().run")
    assert callable(load("fc_index.handler"))
