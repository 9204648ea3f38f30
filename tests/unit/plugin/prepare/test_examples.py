# SPDX-License-Identifier: MIT
"""Variables without a value have the examples of a file, where the user allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.prepare import examples
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_plugin.s_yaml import Project

SECRET = "example-of-a-secret"
TEMPLATE = template(
    """vars: {key: "${env('KEY')}"}""",
    orders="""
        code: ../code
        role: ${env('ROLE')}
        environmentVariables:
          KEY: ${vars.key}
          URL: db://${env('HOST')}/x
          ROLE: ${env('ROLE')}
          EMPTY: ${env('EMPTY')}
    """,
)


class Folder:
    """A repository with a template in a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / ".git").mkdir()
        (path / "code").mkdir()
        (path / "deploy").mkdir()
        (path / "deploy" / "s.yaml").write_text(TEMPLATE)

    def load(self, values: Mapping[str, str] | None = None) -> Project:
        return s_yaml.load(self.path / "deploy", purpose="run", environ=values or {})

    def variables(self, *allowed: Path, **environ: str) -> Any:
        def again(values: Mapping[str, str]) -> Project:
            return self.load({**environ, **values})

        project = examples.with_examples(self.load(environ), allowed, again)
        (orders,) = project.resources
        assert "role" not in orders.props
        return orders.props["environmentVariables"], set(project.unset)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    "place", ["deploy/.env.example", ".env.sample", "code/.env.template", "code/env.dist"]
)
def test_examples_are_taken_from_files_of_the_project_that_are_allowed(
    folder: Folder, place: str
) -> None:
    file = folder.path / place
    file.write_text(f"KEY={SECRET}\nHOST=localhost\nROLE=acs:ram::1:role/x\nEMPTY=\nOTHER=1\n")
    (asked,) = examples.wishes(folder.load()).items()
    assert asked[0] == file
    assert asked[1].text.endswith(": HOST, KEY (examples; write real ones into .env beside s.yaml)")
    assert SECRET not in str(asked)

    assert folder.variables() == ({}, {"KEY", "HOST", "ROLE", "EMPTY"})
    values = {"KEY": SECRET, "URL": "db://localhost/x"}
    assert folder.variables(file) == (values, {"ROLE", "EMPTY"})
    assert folder.variables(file, KEY="own") == ({**values, "KEY": "own"}, {"ROLE", "EMPTY"})
    file.write_text("HOST=other\n")
    assert folder.variables(file) == ({"URL": "db://other/x"}, {"KEY", "ROLE", "EMPTY"})


def test_no_file_outside_of_the_project_is_read(folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    for name in (".env.example", "any"):
        (outside / name).write_text("KEY=1\n")
    (folder.path / "code" / ".env.example").symlink_to(outside / "any")
    (folder.path / "code" / ".env.sample").write_bytes(b"KEY=\xff\n")
    assert examples.wishes(folder.load()) == {}


def test_the_first_of_two_files_with_an_example_counts(folder: Folder) -> None:
    for place, value in (("deploy", "near"), ("code", "far")):
        (folder.path / place / ".env.example").write_text(f"KEY={value}\nHOST={place}\n")
    (file,) = examples.wishes(folder.load())
    assert folder.variables(file)[0]["KEY"] == "near"


@pytest.mark.parametrize("name", ["ALIBABA_CLOUD_ACCESS_KEY_ID", "FC_REGION"])
def test_an_example_does_not_replace_what_the_runtime_gives_a_function(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / ".env.example").write_text(f"{name}=placeholder\nKEY=placeholder\n")
    text = TEMPLATE.replace("EMPTY: ${env('EMPTY')}", f"{name}: ${{env('{name}')}}\n")
    text += "        OTHER: ${env('KEY')}\n        ALIBABA_CLOUD_SECURITY_TOKEN: ${env('KEY')}\n"
    (tmp_path / "s.yaml").write_text(text.replace("../code", "."))

    def again(values: Mapping[str, str]) -> Project:
        return s_yaml.load(tmp_path, purpose="run", environ=values)

    project = again({})
    [wish] = examples.wishes(project).values()
    assert name not in wish.text
    read = examples.with_examples(project, [tmp_path / ".env.example"], again)
    variables = read.resources[0].props["environmentVariables"]
    assert variables["OTHER"] == "placeholder"
    assert name not in variables
    assert "ALIBABA_CLOUD_SECURITY_TOKEN" not in variables
