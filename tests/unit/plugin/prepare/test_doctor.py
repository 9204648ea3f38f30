# SPDX-License-Identifier: MIT
"""The doctor names what isn't well and what to do, and is silent otherwise."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_plugin.prepare import doctor
from fc_async_plugin.prepare.doctor import Machine
from fc_async_sdk import _project_folder, _requirements
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import AccessDenied
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(doctor.sys, "base_prefix", "/usr")
    monkeypatch.setattr(doctor.sys, "prefix", "/venv")
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 45, 0))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**10))
    return Machine(tmp_path, tmp_path, {}, None)


def said(machine: Machine) -> list[str]:
    complaints = [one for result in doctor.results(machine) for one in result.complaints]
    return [f"{one.level}: {one.what} | {one.fix}" for one in complaints]


def test_the_command_says_that_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fc_async_plugin.prepare.doctor.results", lambda _: [])
    assert run(["doctor"]) == 0
    assert capsys.readouterr() == ("", "Nothing is missing; -v lists the checks.\n")


def test_doctor_reports_nothing_on_a_good_machine(machine: Machine) -> None:
    assert said(machine) == []


def test_the_systems_python(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "prefix", "/usr")
    assert "python3 -m venv" in said(machine)[0]


def test_an_extra_that_is_missing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["click; extra == 'local'", "nosuch-package>=1; extra == 'local'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: required)
    assert said(machine) == [
        (
            "warning: the extra 'local' is not installed (nosuch-package missing) | "
            f"{how_to_install('local')}"
        )
    ]


@pytest.mark.parametrize("extra", doctor.EXTRAS)
def test_the_packages_of_an_extra_are_those_of_the_installation(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    looked_for: list[str] = []
    monkeypatch.setattr(_requirements, "missing", looked_for.append)
    doctor.results(machine)
    [text] = [one for one in looked_for if f"'{extra}'" in one]
    assert "cronsim" in text


def test_doctor_reports_an_old_sqlite(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 31, 1))
    assert "too old for the local runtime" in said(machine)[0]


def test_doctor_reports_a_full_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**8))
    assert "only 95 MB are free" in said(machine)[0]


def test_a_template_that_can_not_be_read(machine: Machine) -> None:
    (machine.folder / "s.yaml").write_text("resources: [")
    assert said(machine)[0].startswith("error: ")
    assert "s.yaml:2:1" in said(machine)[0]


def missing_in_the_cloud(machine: Machine) -> tuple[doctor.Complaint, ...]:
    name = "the cloud has what Python functions import"
    [result] = [result for result in doctor.results(machine) if result.name == name]
    return result.complaints


TEMPLATE = template(
    orders="""
        runtime: RUNTIME
        environmentVariables:
          PYTHONPATH: /code/python
        layers: LAYERS
    """,
)


def importing(machine: Machine, source: str, runtime: str = "python3.10", layers: str = "") -> None:
    text = TEMPLATE.replace("RUNTIME", runtime).replace("LAYERS", f"[{layers}]")
    (machine.folder / "s.yaml").write_text(text)
    (machine.folder / "code" / "own").mkdir(parents=True)
    (machine.folder / "code" / "index.py").write_text(source)


def test_imports_that_are_missing_in_the_cloud_are_named_with_their_place(machine: Machine) -> None:
    importing(machine, "import json, requests\n\n\ndef handler(event, context):\n    import yaml\n")
    (sentence,) = said(machine)
    assert sentence == (
        "warning: orders imports yaml (code/index.py:5) from this machine; in the cloud it is "
        "missing | put PyYAML into requirements.txt and install it into the code"
    )


def test_imports_of_the_functions_own_modules_are_followed(machine: Machine) -> None:
    importing(machine, "from own.part import one\nimport own.other")
    (machine.folder / "code" / "own" / "__init__.py").write_text("import yaml")
    (machine.folder / "code" / "own" / "part.py").write_text("from . import far")
    (machine.folder / "code" / "own" / "far.py").write_text("import msgspec")
    (machine.folder / "code" / "own" / "unused.txt").write_text("import click")
    assert [one.split()[3] for one in said(machine)] == ["yaml", "msgspec"]


@pytest.mark.parametrize(
    "source",
    [
        "import typing\nif typing.TYPE_CHECKING:\n    import yaml",
        "try:\n    import yaml\nexcept ImportError:\n    yaml = None",
        "import own",
        "import built",
        "import click",
        "import __main__",
        "broken(",
    ],
)
def test_imports_that_the_cloud_has_or_the_code_handles_are_fine(
    machine: Machine, source: str
) -> None:
    importing(machine, source, layers="'official:layers/Python3-Flask2x/versions/1'")
    (machine.folder / "code" / "python").mkdir()
    (machine.folder / "code" / "python" / "built.py").write_text("import yaml")
    assert missing_in_the_cloud(machine) == ()


def test_imports_that_requirements_name_are_fine(machine: Machine) -> None:
    importing(machine, "import fc_async_sdk, msgspec, yaml")
    (machine.folder / "code" / "requirements.txt").write_text("fc-async[cli]>=0.1\n")
    assert said(machine) == []


@pytest.mark.parametrize(
    ("runtime", "layers"),
    [("custom.debian11", ""), ("python3.10", "'acs:fc:cn-hangzhou:1:layers/own/versions/1'")],
)
def test_imports_that_cannot_be_compared_are_not_reported(
    machine: Machine, runtime: str, layers: str
) -> None:
    importing(machine, "import yaml", runtime, layers)
    assert missing_in_the_cloud(machine) == ()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in Python 3.11")
def test_a_module_of_another_standard_library_is_named(machine: Machine) -> None:
    importing(machine, "import tomllib")
    (sentence,) = said(machine)
    assert sentence == (
        "warning: orders imports tomllib (code/index.py:1), which the standard library of "
        "python3.10 does not have | choose another runtime or another module"
    )


@pytest.mark.parametrize("moved", [False, True], ids=["at home", "elsewhere"])
def test_keys_that_others_can_read(moved: bool, machine: Machine, tmp_path: Path) -> None:
    if moved:
        environ = {"serverless_devs_config_home": str(tmp_path)}
        machine = machine._replace(home=tmp_path / "home", environ=environ)
    folder = tmp_path / ".s"
    folder.mkdir()
    (folder / "access.yaml").write_text("default: {}")
    (folder / "access.yaml").chmod(0o644)
    assert "chmod 600" in said(machine)[0]
    (folder / "access.yaml").chmod(0o600)
    assert said(machine) == []


def test_an_interrupted_deployment(machine: Machine) -> None:
    journal = machine.folder / ".fc-async" / "deploy" / "s.yaml-account-1" / "journal"
    _project_folder.make_private(journal.parent)
    journal.write_text("x\n")
    assert "deploy --undo" in said(machine)[0]


def test_a_plugin_whose_place_is_not_known(machine: Machine, tmp_path: Path) -> None:
    text = "edition: 3.0.0\nname: x\nresources: {}\n# plugin: ${env('FC_ASYNC_PLUGIN')}\n"
    (machine.folder / "s.yaml").write_text(text)
    found = said(machine._replace(environ={"PATH": str(tmp_path)}))
    needs = "error: the plugin of s needs"
    assert found == [
        (
            f"{needs} FC_ASYNC_PLUGIN, for which there is no value here | "
            "export FC_ASYNC_PLUGIN=$(fc-async s-plugin path)"
        ),
        f"{needs} s, which is not on this machine | npm install -g @serverless-devs/s",
    ]


def test_an_account_that_can_not_be_read(machine: Machine, account) -> None:
    assert said(machine._replace(connect=lambda: account)) == []
    account.fail = lambda *_: AccessDenied("AccessDenied", "no", http_status=403)
    assert (
        "the account cannot be read: 403 AccessDenied"
        in (said(machine._replace(connect=lambda: account))[0])
    )


def test_the_command_exits_1_on_errors_and_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("resources: [")
    assert run(["doctor", "--format", "json"]) == 1
    assert "s.yaml" in json.dumps(json.loads(capsys.readouterr().out))


def test_every_check_is_listed_with_its_result(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 31, 1))
    (machine.folder / "s.yaml").write_text("edition: 3.0.0\nname: x\nresources: {}\n")
    results = {one.name: one.verdict for one in doctor.results(machine)}
    assert len(results) == len(doctor.CHECKS)
    assert results["SQLite 3.35.0 or newer"] == "error"
    assert results["the template can be read"] == "ok"
    assert results["the account can be read"] == "not needed"


def test_verbose_prints_a_line_for_every_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["doctor", "-v"])
    lines = capsys.readouterr().out.splitlines()
    shown = [line.partition(": ")[2] for line in lines if not line.startswith("  ")]
    assert shown == list(doctor.CHECKS)
