# SPDX-License-Identifier: MIT
"""Every row of the table ``s_preview/cases.json`` is read as the real ``s`` reads it.

The table holds what ``s preview`` answered. tests/e2e/plugin/test_read_by_s.py asks the real ``s``
again for every row. ``ours`` marks the few rows where the answers differ on purpose.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.s_yaml import TemplateError

CASES: Any = json.loads((Path(__file__).parent / "s_preview" / "cases.json").read_text())
CREDENTIAL = {
    "AccountID": "123456789012345",
    "AccessKeyID": "LTAItest",
    "AccessKeySecret": "secret",
}
ENVIRON = {**CASES["environ"], **CREDENTIAL}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def as_s_prints(value: object, folder: Path) -> Any:
    """A value through JSON, in which infinity is null, with the folder's name left out."""
    text = msgspec.json.encode(value).decode().replace(str(folder), "<DIR>")
    return json.loads(text)


@pytest.mark.parametrize("row", CASES["expressions"], ids=lambda row: row["text"])
def test_an_expression_is_read_as_s_reads_it(row: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, CASES["files"])
    props = {"functionName": "f1", "probe": row["text"]}
    (tmp_path / "s.yaml").write_text(CASES["template"] % json.dumps(props))
    if row.get("refused") or row.get("ours") == "refused":
        with pytest.raises(TemplateError):
            s_yaml.load(tmp_path, environ=ENVIRON, command="preview")
        return
    (resource,) = s_yaml.load(tmp_path, environ=ENVIRON, command="preview").resources
    expected = json.loads(json.dumps(row["value"]), parse_int=float)
    assert as_s_prints(resource.props.get("probe"), tmp_path) == expected


@pytest.mark.parametrize("row", CASES["documents"], ids=lambda row: row["title"])
def test_a_template_is_read_as_s_reads_it(row: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, row["files"])
    if row.get("refused"):
        with pytest.raises(TemplateError):
            s_yaml.load(tmp_path, environ=ENVIRON, command="preview")
        return
    project = s_yaml.load(tmp_path, environ=ENVIRON, command="preview")
    props = {resource.name: resource.props for resource in project.resources}
    assert as_s_prints(props, tmp_path) == row["props"]


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (15, r"json\(\) got invalid JSON"),
        (25, "nested more than 20"),
        (30_000, "nested more than 20"),
    ],
)
def test_calls_inside_of_calls_are_a_finding_with_a_place(
    calls: int, said: str, tmp_path: Path
) -> None:
    """A deeply nested call is reported like any other mistake, not as a crash."""
    text = "${" + "json(" * calls + "'x'" + ")" * calls + "}"
    props = {"functionName": "f1", "probe": text}
    (tmp_path / "s.yaml").write_text(CASES["template"] % json.dumps(props))
    with pytest.raises(TemplateError, match=said) as caught:
        s_yaml.load(tmp_path, environ=ENVIRON)
    assert caught.value.position.line == 20


def test_json_that_is_nested_too_deep_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path, {"deep.json": "[" * 500 + "]" * 500})
    props = {"probe": "${json(file('./deep.json'))}"}
    (tmp_path / "s.yaml").write_text(CASES["template"] % json.dumps(props))
    with pytest.raises(TemplateError, match="nested deeper than 64 levels"):
        s_yaml.load(tmp_path, environ=ENVIRON)


def test_files_that_unfold_without_end_are_stopped(tmp_path: Path) -> None:
    for number in range(10):
        call = f"${{json(file('./f{number + 1}.json'))}}"
        write(tmp_path, {f"f{number}.json": json.dumps([call] * 10)})
    write(tmp_path, {"f10.json": '["end"]'})
    props = {"probe": "${json(file('./f0.json'))}"}
    (tmp_path / "s.yaml").write_text(CASES["template"] % json.dumps(props))
    with pytest.raises(TemplateError, match="copy more than 1000000 values"):
        s_yaml.load(tmp_path, environ=ENVIRON)


def test_a_finding_in_an_extended_file_names_that_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "s.yaml": "extend: ./base/b.yaml\nresources: {r: {props: {a: 1}}}\n",
            "base/b.yaml": "edition: 3.0.0\nresources:\n  r:\n    component: fc3\n"
            "    props:\n      b: ${file('./none')}\n",
        },
    )
    with pytest.raises(TemplateError) as caught:
        s_yaml.load(tmp_path, environ=ENVIRON)
    assert caught.value.position == (str(tmp_path / "base/b.yaml"), 6, 10)
