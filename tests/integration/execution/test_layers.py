# SPDX-License-Identifier: MIT
"""Layers that are folders or zips on this machine, deployed from a template."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.project.wanted import wanted
from fc_async_sdk import packaging
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(
    orders="""
        runtime: RUNTIME
        layers: LAYERS
    """,
)
PYTHON = "import shared\n\n\ndef handler(event, context):\n    return shared.NAME\n"
NODE = "const shared = require('shared');\nexports.handler = async () => shared.name;\n"


@pytest.fixture
def answer(tmp_path: Path, fc_local: FcLocal) -> Callable[..., bytes]:
    """Deploys a function with layers and calls it."""

    def deploy(*layers: str, runtime: str = "python3.10", code: str = PYTHON) -> bytes:
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / f"index.{'py' if code is PYTHON else 'js'}").write_text(code)
        text = TEMPLATE.replace("RUNTIME", runtime).replace("LAYERS", f"[{', '.join(layers)}]")
        (tmp_path / "s.yaml").write_text(text)
        fc_local.deploy_template(tmp_path)
        return fc_local.client.invoke("orders").payload

    return deploy


def python_layer(folder: Path, name: str) -> None:
    (folder / "python").mkdir(parents=True, exist_ok=True)
    (folder / "python" / "shared.py").write_text(f"NAME = {name!r}\n")


def test_modules_of_a_folder_are_imported(tmp_path: Path, answer: Callable[..., bytes]):
    python_layer(tmp_path / "layer", "folder")
    assert answer("./layer") == b"folder"


def test_modules_of_a_zip_are_imported(tmp_path: Path, answer: Callable[..., bytes]):
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as archive:
        archive.writestr("python/shared.py", "NAME = 'zip'\n")
    assert answer("./layer.zip") == b"zip"


def test_the_last_layer_is_searched_first(tmp_path: Path, answer: Callable[..., bytes]):
    python_layer(tmp_path / "one", "one")
    python_layer(tmp_path / "two", "two")
    assert answer("./one", "./two") == b"two"


def test_modules_of_node_are_required(tmp_path: Path, answer: Callable[..., bytes]):
    module = tmp_path / "layer" / "nodejs" / "node_modules" / "shared"
    module.mkdir(parents=True)
    (module / "index.js").write_text("exports.name = 'node';\n")
    assert answer("./layer", runtime="nodejs20", code=NODE) == b"node"


def test_a_layer_of_the_service_is_ignored(tmp_path: Path, answer: Callable[..., bytes]):
    python_layer(tmp_path / "layer", "local")
    arn = "acs:fc:cn-hangzhou:1234567890123456:layers/other/versions/1"
    assert answer("./layer", arn) == b"local"


def test_a_changed_file_is_another_reference_and_a_compiled_one_is_not(tmp_path: Path):
    python_layer(tmp_path, "one")
    first = packaging.layer_reference(tmp_path)
    cache = tmp_path / "python" / "__pycache__"
    cache.mkdir()
    (cache / "shared.cpython-311.pyc").write_bytes(b"")
    assert packaging.layer_reference(tmp_path) == first
    (tmp_path / "python" / "shared.py").write_text("NAME = 'longer'\n")
    assert packaging.layer_reference(tmp_path) != first
    assert packaging.layer_of(first) == (tmp_path, first.rpartition("#")[2])


def test_a_layer_that_does_not_exist_is_refused_with_its_place(answer: Callable[..., bytes]):
    with pytest.raises(PluginError, match=r"s\.yaml:12:\d+: layers: .*is neither a folder nor"):
        answer("./nowhere")


def test_the_service_gets_no_path(tmp_path: Path):
    text = TEMPLATE.replace("RUNTIME", "python3.10").replace("LAYERS", "[./layer]")
    (tmp_path / "s.yaml").write_text(text)
    python_layer(tmp_path / "layer", "x")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(PYTHON)
    with pytest.raises(PluginError, match="only the local runtime takes folders and zips"):
        wanted(s_yaml.load(tmp_path), functions=True)
