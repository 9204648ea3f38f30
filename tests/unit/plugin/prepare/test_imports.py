# SPDX-License-Identifier: MIT
"""Imports that fail on this machine are named with the package and with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.prepare import imports
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml import Project


@pytest.fixture(autouse=True)
def machine_without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has none of the modules that the tests import."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)


def project(
    folder: Path, code: str, *, runtime: str = "python3.9", required: str = "", layer: str = ""
) -> Project:
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text(code)
    if required:
        (folder / "code" / "requirements.txt").write_text(required)
    (folder / "s.yaml").write_text(template(orders=f"runtime: {runtime}\nlayers: [{layer}]"))
    return s_yaml.load(folder)


def test_a_module_that_the_runtime_ships_is_installed_on_request(tmp_path: Path) -> None:
    [one] = imports.absent(project(tmp_path, "import json\nfrom OpenSSL import SSL\n"))
    assert (one.module, one.package, one.mark) == ("OpenSSL", "pyOpenSSL", "assumed")


def test_a_function_without_a_handler_is_read_from_the_default_one(tmp_path: Path) -> None:
    project(tmp_path, "import oss2\n")
    file = tmp_path / "s.yaml"
    file.write_text(file.read_text().replace("      handler: index.handler\n", ""))
    assert [one.package for one in imports.absent(s_yaml.load(tmp_path))] == ["oss2"]


def test_a_module_that_nothing_brings_has_the_file_it_belongs_into(tmp_path: Path) -> None:
    [one] = imports.absent(project(tmp_path, "def handler(e, c):\n    import left_pad\n"))
    assert str(one.lack) == (
        "code/index.py:2: orders imports left_pad, which is not on this machine: write the package "
        "that has it into code/requirements.txt; none is known by this name"
    )


@pytest.mark.parametrize("file", ["src/steward/__init__.py", "steward.py"])
def test_a_module_of_the_project_is_never_a_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """An index has a stranger's package of this name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("")
    there = file.removesuffix("/__init__.py")
    said = f": build or copy it into the code; it is in {there}, outside of the code folder"
    [absent] = imports.absent(project(tmp_path, "import steward\n"))
    assert str(absent.lack).endswith(said)
    error = "ModuleNotFoundError: No module named 'steward'"
    failed = imports.failed("orders", "custom", error, tmp_path / "code")
    assert failed == f"orders imports steward, which is not on this machine{said}"


def test_a_package_that_no_table_knows_is_not_named() -> None:
    error = "No module named 'left_pad'"
    assert imports.failed("orders", "python3.10", error) == (
        "orders imports left_pad, which is not on this machine: write the package that has it into "
        "requirements.txt of the code folder; none is known by this name"
    )


def test_an_import_that_may_never_run_is_told_apart(tmp_path: Path) -> None:
    found = project(tmp_path, "import web\nif web.OLD:\n    import cookies_x\n")
    (tmp_path / "code" / "web.py").write_text(
        "import sys, always_x\nOLD = sys.version_info < (3,)\n"
        "if OLD:\n    import urlparse\nelse:\n    import urllib.parse\n"
        "try:\n    import json_x\nexcept ImportError:\n    import json\n    import json_y\n"
        "def serve():\n    import cherrypy\n    import oss2\n    import lazy\n"
    )
    (tmp_path / "code" / "lazy.py").write_text("import gevent_x\n")
    named = {one.module: one.runs for one in imports.absent(found)}
    assert {name for name, runs in named.items() if runs} == {"always_x"}
    assert "oss2" in named  # is installed if it is allowed, because the runtime ships it


def test_a_module_that_an_uninstalled_requirement_may_bring_is_not_named(tmp_path: Path) -> None:
    found = imports.absent(project(tmp_path, "import telegram_x\n", required="chat-bot-x==1\n"))
    assert list(found) == []


@pytest.mark.parametrize(
    "layer",
    ["acs:fc:cn-hangzhou:1:layers/own/versions/1", "official:layers/Python3-Flask2x/versions/1"],
)
def test_a_module_that_a_layer_may_bring_is_not_named(tmp_path: Path, layer: str) -> None:
    found = imports.absent(project(tmp_path, "import flask, oss2\n", layer=layer))
    assert [one.module for one in found] == ["oss2"]


def test_functions_in_other_languages_are_not_read(tmp_path: Path) -> None:
    assert list(imports.absent(project(tmp_path, "import left_pad\n", runtime="custom"))) == []


OTHER_ERRORS = [
    ("nodejs20", "Cannot find module './orders'"),
    ("nodejs20", "Cannot find module '/code/orders.js'"),
    ("python3.10", "division by zero"),
    ("python3.10", "Unable to import module 'app/api': No module named 'app'"),
]


@pytest.mark.parametrize(
    ("runtime", "error", "module", "package", "file", "ships"),
    [
        (
            "python3.10",
            '{"errorMessage": "No module named \'oss2.api\'"}',
            "oss2",
            "oss2",
            "requirements.txt",
            " (python3.10 ships it: documented)",
        ),
        (
            "custom",
            "Logs:ModuleNotFoundError: No module named 'cv2'",
            "cv2",
            "opencv-python-headless",
            "requirements.txt",
            "",
        ),
        (
            "nodejs20",
            '{"errorMessage": "Cannot find module \'ali-oss/lib\'"}',
            "ali-oss",
            "ali-oss",
            "package.json",
            " (nodejs20 ships it: documented)",
        ),
        (
            "custom",
            "Cannot find package '@scope/left-pad' imported from /code/a.mjs",
            "@scope/left-pad",
            "@scope/left-pad",
            "package.json",
            "",
        ),
    ],
)
def test_an_error_of_an_import_names_package_and_file(
    runtime: str, error: str, module: str, package: str, file: str, ships: str
) -> None:
    assert imports.failed("orders", runtime, error) == (
        f"orders imports {module}, which is not on this machine: write {package} into {file} of "
        f"the code folder, then fc-async dev --install{ships}"
    )


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        ("package.json", '{"dependencies": {"egg": "2"}}', "Cannot find module 'egg'"),
        ("requirements.txt", "PyYAML==6\n", "No module named 'yaml'"),
    ],
)
def test_a_package_that_the_file_names_already_is_not_one_to_write_into_it(
    tmp_path: Path, file: str, text: str, error: str
) -> None:
    """The installation had failed, and the user was told to write down what was there."""
    (tmp_path / file).write_text(text)
    assert imports.failed("orders", "custom", error, tmp_path).endswith(
        f"install it with fc-async dev --install; {file} of the code folder names it"
    )


@pytest.mark.parametrize("file", ["src/shop/__init__.py", "src/shop.py"])
def test_a_module_of_the_code_that_fails_to_import_is_named_with_its_folder(
    tmp_path: Path, file: str
) -> None:
    place = tmp_path / file
    place.parent.mkdir(parents=True)
    place.touch()
    error = "ModuleNotFoundError: No module named 'shop.api'"
    assert imports.failed("orders", "custom", error, tmp_path) == (
        "orders cannot import shop, which is in src of its code folder: add /code/src to "
        "PYTHONPATH in environmentVariables"
    )


def test_a_package_of_the_code_that_lacks_a_part_is_not_one_to_install(tmp_path: Path) -> None:
    (tmp_path / "numpy" / "core" / "include" / "numpy").mkdir(parents=True)
    error = "Original error was: No module named 'numpy.core._multiarray_umath'"
    assert imports.failed("orders", "python3.9", error, tmp_path) == ""


@pytest.mark.parametrize(("runtime", "error"), OTHER_ERRORS)
def test_another_error_names_no_package(runtime: str, error: str) -> None:
    assert imports.failed("orders", runtime, error) == ""
