# SPDX-License-Identifier: MIT
"""A template inside a package for ``s init`` runs here with the defaults of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml import Project

PACKAGE = """\
Type: Project
Name: start-orders
Parameters:
  type: object
  properties:
    region: {title: Region, default: cn-shanghai, enum: [cn-shanghai, cn-beijing]}
    functionName: {default: "orders-${default-suffix}"}
    debug: {type: boolean, default: false}
    inBucket: {title: Bucket}
    greeting: {default: "say \\"hello\\""}
"""
TEMPLATE = """\
edition: 3.0.0
name: orders
access: "{{ access }}"
vars: {region: "{{ region }}"}
resources:
  api:
    component: fc3
    props:
      region: ${vars.region}
      functionName: {{ functionName }}
      runtime: python3.10
      code: ./code
      environmentVariables:
        BUCKET: "oss://{{inBucket}}"
        GREETING: '{{ greeting }}'
        DEBUG: '{{ debug }}'
        OTHER: 'Dear {{ user }}'
"""


def _run(folder: Path) -> Project:
    (folder / "src").mkdir()
    (folder / "src" / "s.yaml").write_text(TEMPLATE)
    return s_yaml.load(folder / "src", purpose="run")


def test_parameters_have_their_defaults_or_their_names(tmp_path: Path) -> None:
    (tmp_path / "publish.yaml").write_text(PACKAGE)
    project = _run(tmp_path)
    [one] = project.resources
    assert (one.region, one.function_name) == ("cn-shanghai", "orders-demo")
    assert one.props["environmentVariables"] == {
        "BUCKET": "oss://inbucket",
        "GREETING": "greeting",
        "DEBUG": "false",
        "OTHER": "Dear {{ user }}",
    }
    [note] = project.notes
    assert (note.position.line, note.fix) == (4, "make a project of the package with s init")
    assert note.message == (
        "{{ region }} is a parameter of s init: here it has its default in publish.yaml, or its "
        "name, as have all others"
    )


@pytest.mark.parametrize("package", [None, "no: [yaml", "Type: Component\n"])
def test_without_parameters_of_a_package_the_text_stays(
    tmp_path: Path, package: str | None
) -> None:
    if package is not None:
        (tmp_path / "publish.yaml").write_text(package)
    text = TEMPLATE.replace("{{ functionName }}", "orders")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "s.yaml").write_text(text)
    project = s_yaml.load(tmp_path / "src", purpose="run")
    assert project.resources[0].region == "{{ region }}"
    assert project.notes == ()


def test_a_deployment_does_not_use_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "publish.yaml").write_text(PACKAGE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "s.yaml").write_text(TEMPLATE.replace("{{ functionName }}", "orders"))
    project = s_yaml.load(tmp_path / "src")
    assert project.resources[0].region == "{{ region }}"


def test_access_is_a_parameter_of_every_package(tmp_path: Path) -> None:
    (tmp_path / "publish.yaml").write_text(PACKAGE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "s.yaml").write_text(TEMPLATE.replace('"{{ access }}"', "{{ access }}"))
    assert s_yaml.load(tmp_path / "src", purpose="run").access == "default"
