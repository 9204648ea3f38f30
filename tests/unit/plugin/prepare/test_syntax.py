# SPDX-License-Identifier: MIT
"""A file that its language cannot read is found before it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.prepare import syntax
from fc_async_plugin.project.sources import Source

if TYPE_CHECKING:
    from pathlib import Path


def source(folder: Path, runtime: str = "python3.10", handler: str = "index.handler") -> Source:
    return Source("f", "f", "s.yaml", runtime, handler, folder)


def test_a_broken_python_file_is_shown_with_line_and_column(tmp_path: Path):
    file = tmp_path / "index.py"
    file.write_text("x = 1\ndef handler(:\n    pass\n")
    [broken] = syntax.check(source(tmp_path), [file])
    assert (broken.path, broken.line, broken.column) == (file, 2, 13)
    assert broken.source == "def handler(:"
    assert broken.message == "invalid syntax"


def test_a_broken_javascript_file_is_shown_with_its_line(tmp_path: Path):
    file = tmp_path / "index.js"
    file.write_text("const a = 1;\nexports.handler = async (e => 1;\n")
    [broken] = syntax.check(source(tmp_path, "nodejs20"), [file])
    assert broken.line == 2
    assert broken.source == "exports.handler = async (e => 1;"
    assert broken.message == "missing ) after argument list"


@pytest.mark.parametrize(
    ("runtime", "name", "text"),
    [
        ("python3.10", "index.py", "print('fine')"),
        ("python3.10", "notes.txt", "def ("),
        ("python3.10", "gone.py", None),
        ("nodejs20", "index.mjs", "export const handler = async () => 1;"),
        ("nodejs20", "tool.py", "def ("),
        ("nodejs20", "run.cjs", "#!/usr/bin/env node\nreturn module.exports;"),
        ("custom", "app.py", "def ("),
    ],
)
def test_what_is_right_or_of_no_language_of_the_function_passes(
    tmp_path: Path, runtime: str, name: str, text: str | None
):
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    assert syntax.check(source(tmp_path, runtime), [file]) == []


def test_a_file_of_a_package_of_modules_is_read_as_a_module(tmp_path: Path):
    file = tmp_path / "index.js"
    file.write_text("import fs from 'fs';\nexport const a = await 1;\n")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert syntax.check(source(tmp_path, "nodejs20"), [file]) == []
    file.write_text("export const = 1;\n")
    [broken] = syntax.check(source(tmp_path, "nodejs20"), [file])
    assert (broken.line, broken.message) == (1, "Unexpected token '='")


def test_a_null_byte_is_a_message_and_not_an_exception(tmp_path: Path):
    file = tmp_path / "index.py"
    file.write_bytes(b"x = 1\0")
    assert len(syntax.check(source(tmp_path), [file])) == 1


@pytest.mark.parametrize(
    ("runtime", "handler", "name"),
    [
        ("python3.10", "index.handler", "index.py"),
        ("python3.10", "app.jobs.run", "app/jobs.py"),
        ("nodejs20", "src/main.handler", "src/main.mjs"),
    ],
)
def test_the_file_of_the_handler_is_found(tmp_path: Path, runtime: str, handler: str, name: str):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    assert list(syntax.handler_files(source(tmp_path, runtime, handler))) == [file]


def _files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_modules_that_a_common_js_function_requires_and_lacks_are_named(tmp_path: Path):
    lines = [
        "const fs = require('fs'), own = require('./lib/own'), gone = require('./gone');",
        "const { a } = require('@scope/there/sub'); const b = require('node:test');",
        "// const c = require('commented');",
        "try { require('optional') } catch {}",
        "exports.handler = async () => { const late = require('lacking/sub'); };",
    ]
    _files(tmp_path, {"code/index.js": "\n".join(lines), "code/lib/own.js": "require('deep')"})
    _files(tmp_path, {"code/node_modules/@scope/there/package.json": "{}"})
    _files(tmp_path, {"layer/nodejs/node_modules/deep/package.json": "{}", "deep/x": ""})
    function = source(tmp_path / "code", "nodejs20")
    assert syntax.absent_modules(function) == {
        "./gone": "code/index.js:1",
        "lacking": "code/index.js:5",
        "deep": "code/lib/own.js:1",
    }
    layered = function._replace(layers=(tmp_path / "layer",))
    assert list(syntax.absent_modules(layered)) == ["./gone", "lacking"]


def test_modules_that_a_module_of_node_imports_and_lacks_are_named(tmp_path: Path):
    text = "import fs from 'fs';\nimport {\n  a,\n} from 'lacking';\nexport * from './own.mjs';\n"
    _files(tmp_path, {"index.mjs": text, "own.mjs": "import './gone.mjs';\nimport 'lacking';\n"})
    name = tmp_path.name
    assert syntax.absent_modules(source(tmp_path, "nodejs20")) == {
        "lacking": f"{name}/index.mjs:4",
        "./gone.mjs": f"{name}/own.mjs:1",
    }


def test_a_function_without_a_file_to_read_lacks_no_modules(tmp_path: Path):
    assert syntax.absent_modules(source(tmp_path, "nodejs20")) == {}
    (tmp_path / "index.py").write_text("import lacking")
    assert syntax.absent_modules(source(tmp_path)) == {}
