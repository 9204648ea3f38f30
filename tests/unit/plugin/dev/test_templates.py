# SPDX-License-Identifier: MIT
"""What a start asks about, builds and deploys is one reading of the template."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.account.connection import Account
from fc_async_plugin.dev.templates import Templates

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: ${env('NAME', 'orders')}
      runtime: python3.10
      handler: index.handler
      code: ./code
      role: shop
      description: ${file('about')}
"""
RUNTIME = Account("http://127.0.0.1:1", "cn-hangzhou", "1234567890123456")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "s.yaml", TEMPLATE)
    write(tmp_path / "about", "first")
    return tmp_path


def write(file: Path, text: str) -> None:
    """Write a file as it was written a minute ago; each time is another one."""
    file.write_text(text)
    ago = time.time_ns() - 60_000_000_000
    os.utime(file, ns=(ago, ago))


def names(templates: Templates, account: Account = RUNTIME) -> list[str]:
    resources = [each for project in templates.projects(account) for each in project.resources]
    return [resource.function_name for resource in resources]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every time that the files of a template are read."""
    begun: list[object] = []

    class Template(s_yaml.Template):
        def __init__(self, *arguments: object, **options: object) -> None:
            begun.append(arguments)
            super().__init__(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(s_yaml, "Template", Template)
    return begun


def test_a_template_is_read_once_for_all_that_a_start_does(
    folder: Path, readings: list[object]
) -> None:
    """It was read up to four times: for questions, after examples, for the deployment."""
    templates = Templates()
    for account in (Account(), RUNTIME, RUNTIME):
        assert names(templates, account) == ["orders"]
    assert len(readings) == 1


def test_values_of_the_runtime_reach_a_template_that_was_read_before(folder: Path) -> None:
    templates = Templates()
    templates.projects(Account())
    [project] = templates.projects(RUNTIME)
    assert project.resources[0].account_id == RUNTIME.account_id


@pytest.mark.parametrize("name", ["s.yaml", ".env", "code/.env", "values"])
def test_a_file_that_has_changed_is_read_again(folder: Path, name: str) -> None:
    (folder / "code").mkdir()
    write(folder / "values", "")
    templates = Templates(env_file=folder / "values")
    names(templates)
    text = TEMPLATE.replace("'orders'", "'bills'") if name == "s.yaml" else "NAME=bills\n"
    write(folder / name, text)
    assert names(templates) == ["bills"]


def test_a_file_that_was_written_while_it_was_read_is_read_again(
    folder: Path, readings: list[object]
) -> None:
    ahead = time.time_ns() + 60_000_000_000
    os.utime(folder / "s.yaml", ns=(ahead, ahead))
    templates = Templates()
    names(templates)
    names(templates)
    assert len(readings) == 2


def test_a_template_that_cannot_be_read_is_read_again_when_it_is_asked_for(folder: Path) -> None:
    write(folder / "s.yaml", "resources: [")
    templates = Templates()
    with pytest.raises(s_yaml.TemplateError):
        templates.projects(RUNTIME)
    write(folder / "s.yaml", TEMPLATE)
    assert names(templates) == ["orders"]
