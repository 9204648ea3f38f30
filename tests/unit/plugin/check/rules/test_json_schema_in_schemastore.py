# SPDX-License-Identifier: MIT
"""The folder for a pull request to SchemaStore is complete and its samples do what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[5]
SAMPLES = Path(__file__).parent / "schemastore"
NAME = "fc-async-s-yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemastore")
    subprocess.run(
        [sys.executable, ROOT / ".ci/schemastore.py", folder], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def schema(folder: Path):
    return json.loads((folder / f"src/schemas/json/{NAME}.json").read_text("utf-8"))


def samples(kind: str) -> list[str]:
    return sorted(path.name for path in (SAMPLES / kind).glob("*.yaml"))


def faults(schema, folder: Path, kind: str, name: str) -> list[str]:
    text = (folder / "src" / kind / NAME / name).read_text("utf-8")
    return [error.message for error in Draft7Validator(schema).iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("name", samples("test"))
def test_the_schema_accepts_a_correct_template(name: str, schema, folder: Path) -> None:
    assert faults(schema, folder, "test", name) == []


@pytest.mark.parametrize("name", samples("negative_test"))
def test_the_schema_finds_the_one_fault_of_a_wrong_template(
    name: str, schema, folder: Path
) -> None:
    assert len(faults(schema, folder, "negative_test", name)) == 1


@pytest.mark.parametrize("kind", ["test", "negative_test"])
def test_each_sample_names_its_schema_in_its_first_line(kind: str, folder: Path) -> None:
    for path in (folder / "src" / kind / NAME).iterdir():
        pragma, _, target = path.read_text("utf-8").split("\n", 1)[0].partition("$schema=")
        assert pragma == "# yaml-language-server: "
        assert (path.parent / target).is_file()


def test_the_entry_of_the_catalog_is_that_of_a_schema_kept_in_the_store(
    schema, folder: Path
) -> None:
    entry = json.loads((folder / "catalog-entry.json").read_text("utf-8"))
    assert entry["url"] == schema["$id"] == f"https://www.schemastore.org/{NAME}.json"
    assert entry["fileMatch"] == ["s.yaml", "s.yml"]
    for text in (entry["name"], entry["description"]):
        assert "schema" not in text.lower()
        assert text[-1] not in ",. \t-"


def test_the_schema_has_one_type_everywhere_as_ajv_wants_in_strict_mode(schema) -> None:
    def types(node):
        if isinstance(node, dict):
            yield from [node["type"]] if "type" in node else []
            for key, value in node.items():
                if key not in {"examples", "default", "const"}:
                    yield from types(value)

    assert [kind for kind in types(schema) if not isinstance(kind, (str, dict))] == []
